//! Logging in with a token, and out.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::Response;
use hyper::header::{HeaderValue, SET_COOKIE};
use hyper::http::request::Parts;
use maud::{Markup, html};
use url::form_urlencoded;

use super::visit::{Visit, set_cookie};
use super::{ROOT, frame, html as respond, is_at, see_other};
use crate::admin::inside::{Body, Role, Shared, Way};
use crate::model::Secret;

/// Who guesses has to wait so long for each answer.
const PAUSE: Duration = Duration::from_millis(500);

/// The page on which one logs in so that one comes to what was asked for.
pub(super) fn path_back_to(head: &Parts) -> String {
    let target = head.uri.path_and_query().map_or(ROOT, |target| target.as_str());
    let mut query = form_urlencoded::Serializer::new(String::new());
    format!("/ui/login?{}", query.append_pair("to", target).finish())
}

/// Shows the form, or takes what was put into it.
pub(super) async fn answer(
    shared: &Arc<Shared>,
    way: Way,
    head: &Parts,
    form: Option<&[u8]>,
) -> Response<Body> {
    if way == Way::Socket {
        return see_other(ROOT);
    }
    let value = |bytes: &[u8], name: &str| {
        let pairs: Vec<_> = form_urlencoded::parse(bytes).into_owned().collect();
        pairs.into_iter().find(|(known, _)| known == name).map(|(_, value)| value)
    };
    let Some(form) = form else {
        let to = value(head.uri.query().unwrap_or_default().as_bytes(), "to");
        return respond(200, page(&safe(to), None));
    };
    let to = safe(value(form, "to"));
    let token = Secret::new(value(form, "token").unwrap_or_default().trim());
    if shared.tokens.role(token.reveal()) == Role::Nobody {
        tokio::time::sleep(PAUSE).await;
        let told = "This token is not known. Nothing else was looked at.";
        return respond(401, page(&to, Some(told)));
    }
    let who = shared.desk.sessions.open(way, Some(token), Instant::now());
    let mut response = see_other(&to);
    if let Ok(cookie) = HeaderValue::from_str(&set_cookie(head, &who.id)) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    response
}

/// Ends the session.
pub(super) fn leave(visit: &Visit<'_>) -> Response<Body> {
    visit.shared.desk.sessions.close(&visit.who.id);
    see_other(ROOT)
}

/// A place on these pages; the overview, if it is none.
fn safe(to: Option<String>) -> String {
    let to = to.unwrap_or_default();
    let path = to.split(['?', '#']).next().unwrap_or_default();
    let ours = is_at(path) && path != "/" && !path.contains("//") && !to.contains('\\');
    if ours && to.bytes().all(|byte| byte.is_ascii_graphic()) { to } else { ROOT.to_owned() }
}

fn page(to: &str, problem: Option<&str>) -> Markup {
    let body = html! {
        div.gate {
            h1 { "Log in" }
            @if let Some(problem) = problem {
                p.notice.bad role="alert" { (problem) }
            }
            form.card method="post" action="/ui/login" {
                input type="hidden" name="to" value=(to);
                label for="token" { "Token" }
                input #token type="password" name="token" required autocomplete="current-password"
                    autofocus spellcheck="false" autocapitalize="off" aria-describedby="which";
                p #which .muted {
                    "The content of the file that " code { "admin.token_file" } " names, to do things; of "
                    code { "admin.read_token_file" } ", to look."
                }
                button.primary { "Log in" }
            }
            @if problem.is_none() && to != ROOT {
                p.muted { "Logged in already? " a href=(to) { "Go on" } "." }
            }
        }
    };
    frame::bare("Log in", &body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_login_one_comes_to_drovers_pages_and_nowhere_else() {
        for good in ["/ui", "/ui/item/a.json", "/ui?state=stopped&sort=-depth"] {
            assert_eq!(safe(Some(good.to_owned())), good);
        }
        for bad in [
            "",
            "/",
            "/v1/status",
            "//evil.example",
            "/ui//evil.example",
            "https://evil.example/ui",
            "/ui\\evil",
            "/ui\r\nSet-Cookie: a=b",
            "/uix",
            "javascript:alert(1)",
        ] {
            assert_eq!(safe(Some(bad.to_owned())), ROOT, "{bad}");
        }
        assert_eq!(safe(None), ROOT);
    }
}
