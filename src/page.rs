//! The page: what a browser shows of a running drover, and what can be done there.
//!
//! It is made on the server and needs no JavaScript; the little there is only renews what is on
//! display. It asks the [`admin`](crate::admin) interface from inside in the role of who looks, so it
//! knows and may no more than that answers. In three things it is stricter:
//!
//! - who people are (names, mail addresses, DNs) is only shown to operators;
//! - nothing is changed by a link. Every order is a form with the session's own secret in it, sent from
//!   a preview, and does what the preview has shown and nothing else;
//! - a browser may run and load nothing that does not come from here (Content-Security-Policy).
//!
//! At the address a token is typed once and becomes a session: a random cookie that scripts cannot
//! read, kept in memory. The token is looked up again at every step, so that one that was taken away
//! ends its sessions. At the socket whoever can use it is an operator, as everywhere.
//!
//! | file | what |
//! |---|---|
//! | `assets` | style, script, icon |
//! | `session`, `login` | who is there |
//! | `visit` | one request, and what it may ask |
//! | `frame`, `parts`, `text`, `chart` | what pages are made of |
//! | `history` | how it went in the last hour |
//! | `people` | what is left out for those who may not see who people are |
//! | `hint` | what to do about a fault |
//! | `overview`, `contexts`, `causes`, `item`, `object`, `search` | the pages |
//! | `confirm` | orders: preview, then done |

mod assets;
mod causes;
mod chart;
mod confirm;
mod contexts;
mod frame;
mod hint;
mod history;
mod item;
mod login;
mod object;
mod overview;
mod parts;
mod people;
mod search;
mod session;
mod text;
mod visit;

use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, SET_COOKIE};
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode};
use maud::Markup;
use tokio::sync::{Mutex, watch};

use crate::actors::operator::Cause;
use crate::actors::status::Snapshot;
use crate::admin::inside::{Body, Refusal, Shared, Way, decoded, same, whole};
use history::History;
use session::Sessions;
use visit::Visit;

/// Where it is.
const ROOT: &str = "/ui";

/// Causes are looked for again after so long at the earliest, however many people look at them.
const CAUSES_LAST: Duration = Duration::from_secs(1);

/// What the pages remember.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    sessions: Sessions,
    history: History,
    causes: Mutex<Option<(Instant, Arc<Vec<Cause>>)>>,
}

impl Desk {
    /// Takes samples for the charts as long as there are snapshots.
    pub(crate) async fn watch(&self, snapshots: &watch::Receiver<Arc<Snapshot>>) {
        self.history.watch(snapshots).await;
    }
}

/// Whether a path is one of the page's.
pub(crate) fn is_at(path: &str) -> bool {
    path == "/"
        || path.strip_prefix(ROOT).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Answers a request that was let in. `form`: what was posted.
pub(crate) async fn answer(
    shared: &Arc<Shared>,
    way: Way,
    head: &Parts,
    form: &[u8],
) -> Response<Body> {
    let path = head.uri.path();
    let posts = head.method == Method::POST;
    if !posts && head.method != Method::GET && head.method != Method::HEAD {
        return refused(&Refusal::new(405, "pages are got, and forms posted", "use GET or POST"));
    }
    if let Some(file) = assets::find(path) {
        return file;
    }
    if path == "/" {
        return see_other(ROOT);
    }
    if path == "/ui/login" {
        return login::answer(shared, way, head, posts.then_some(form)).await;
    }
    let Some((visit, cookie)) = Visit::of(shared, way, head, form) else {
        return if posts {
            refused(&Refusal::new(401, "you are not logged in any more", "log in, and do it again"))
        } else {
            see_other(&login::path_back_to(head))
        };
    };
    let mut response = if posts { post(&visit, path).await } else { get(&visit, path).await };
    if let Some(cookie) = cookie.and_then(|cookie| HeaderValue::from_str(&cookie).ok()) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    response
}

async fn get(visit: &Visit<'_>, path: &str) -> Response<Body> {
    let rest = path.strip_prefix(ROOT).unwrap_or_default().trim_start_matches('/');
    let (first, part) = rest.split_once('/').map_or((rest, None), |(a, b)| (a, decoded(b)));
    let made = match (first, part) {
        ("", None) => overview::show(visit).await,
        ("causes", None) => causes::list(visit).await,
        ("cause", Some(id)) => causes::one(visit, &id).await,
        ("context", Some(id)) => contexts::one(visit, &id).await,
        ("item", Some(name)) => item::show(visit, &name).await,
        ("object", Some(id)) => object::show(visit, &id).await,
        ("search", None) => match search::show(visit).await {
            Ok(search::Found::One(path)) => return see_other(&path),
            Ok(search::Found::Page(page)) => Ok(page),
            Err(refusal) => Err(refusal),
        },
        ("do", None) => confirm::preview(visit).await,
        _ => Err(Refusal::new(404, "there is no such page", "begin at the overview")),
    };
    match made {
        Ok(page) => html(200, page),
        Err(refusal) => html(refusal.status, frame::refusal(visit, &refusal)),
    }
}

async fn post(visit: &Visit<'_>, path: &str) -> Response<Body> {
    if !same(visit.field("csrf").as_bytes(), visit.who.csrf.as_bytes()) {
        let refusal = Refusal::new(
            403,
            "this form does not come from your session, so nothing was done",
            "open the page again, and send its form",
        );
        return html(403, frame::refusal(visit, &refusal));
    }
    let done = match path {
        "/ui/logout" => return login::leave(visit),
        "/ui/do" => confirm::carry_out(visit).await,
        _ => Err(Refusal::new(404, "there is no such form", "begin at the overview")),
    };
    match done {
        Ok(back) => see_other(&back),
        Err(refusal) => html(refusal.status, frame::refusal(visit, &refusal)),
    }
}

/// A request that is refused before it is known who asks.
pub(crate) fn refused(refusal: &Refusal) -> Response<Body> {
    html(refusal.status, frame::plain_refusal(refusal))
}

/// Headers of every page: nothing is loaded, run, framed or sent anywhere but here.
const HEADERS: [(&str, &str); 6] = [
    (
        "content-security-policy",
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
         form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
];

fn with_headers(mut response: Response<Body>) -> Response<Body> {
    for (name, value) in HEADERS {
        let name = HeaderName::from_static(name);
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

fn html(status: u16, page: Markup) -> Response<Body> {
    let mut response = Response::new(whole(page.into_string()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    with_headers(response)
}

fn see_other(path: &str) -> Response<Body> {
    let mut response = Response::new(whole(""));
    *response.status_mut() = StatusCode::SEE_OTHER;
    if let Ok(path) = HeaderValue::from_str(path) {
        response.headers_mut().insert(LOCATION, path);
    }
    with_headers(response)
}
