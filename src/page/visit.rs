//! One request for a page: who asks, and what is asked of drover in that role.

use std::sync::Arc;
use std::time::Instant;

use hyper::header::{ACCEPT_LANGUAGE, COOKIE, HOST};
use hyper::http::request::Parts;
use serde_json::Value;
use url::form_urlencoded;

use super::CAUSES_LAST;
use super::session::Who;
use crate::actors::operator::{Cause, Order, Outcome};
use crate::actors::status::Snapshot;
use crate::admin::inside::{self, Refusal, Role, Shared, Way};
use crate::clock::{Clock as _, SystemClock};
use crate::hints::Language;

/// A request of somebody who may at least look.
pub(super) struct Visit<'a> {
    pub(super) shared: &'a Arc<Shared>,
    pub(super) role: Role,
    pub(super) who: Who,
    query: Vec<(String, String)>,
    form: Vec<(String, String)>,
    /// In which hints are told.
    pub(super) language: Language,
    /// Milliseconds since 1970 UTC.
    pub(super) now_ms: i64,
}

impl<'a> Visit<'a> {
    /// Who is there, and the cookie to be set if a session has begun; none if nobody is logged in.
    pub(super) fn of(
        shared: &'a Arc<Shared>,
        way: Way,
        head: &Parts,
        form: &[u8],
    ) -> Option<(Self, Option<String>)> {
        let now = Instant::now();
        // A page that renews itself says so.
        let step = !head.headers.contains_key("x-drover-live");
        let sessions = &shared.desk.sessions;
        let known = cookie(head).and_then(|id| sessions.find(&id, way, step, now));
        let (who, set) = match known {
            Some(who) => (who, None),
            None if way == Way::Socket => {
                let who = sessions.open(way, None, now);
                let set = set_cookie(head, &who.id);
                (who, Some(set))
            }
            None => return None,
        };
        let role = match &who.token {
            None => Role::Operator,
            // What the token's files say now, not what they said at login.
            Some(token) => shared.tokens.role(token.reveal()),
        };
        if role == Role::Nobody {
            sessions.close(&who.id);
            return None;
        }
        let pairs = |bytes: &[u8]| {
            let pairs = form_urlencoded::parse(bytes);
            pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
        };
        let wanted = head.headers.get(ACCEPT_LANGUAGE).and_then(|wanted| wanted.to_str().ok());
        let visit = Self {
            shared,
            role,
            who,
            query: pairs(head.uri.query().unwrap_or_default().as_bytes()),
            form: pairs(form),
            language: wanted.map(Language::accepted).unwrap_or_default(),
            now_ms: SystemClock.now_ms(),
        };
        Some((visit, set))
    }

    /// Whether he may give orders.
    pub(super) fn may_change(&self) -> bool {
        self.role == Role::Operator
    }

    /// Whether he may see who people are.
    pub(super) fn sees_people(&self) -> bool {
        self.role == Role::Operator
    }

    /// A parameter behind the question mark; none if it is empty.
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().rev().find(|(known, _)| known == name);
        found.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    }

    /// A field of the form; empty if it is not there.
    pub(super) fn field(&self, name: &str) -> &str {
        let found = self.form.iter().rev().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value.trim())
    }

    /// Asks drover for something, in his role. Parameters that are empty are left out.
    pub(super) async fn ask(&self, path: &str, query: &[(&str, &str)]) -> Result<Value, Refusal> {
        let given = query.iter().filter(|(_, value)| !value.is_empty());
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(given).finish();
        inside::ask(self.shared, self.role, path, query, None).await
    }

    /// Gives drover an order, in his role.
    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Value, Refusal> {
        inside::ask(self.shared, self.role, path, String::new(), Some(body)).await
    }

    /// Everything at a moment.
    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        self.shared.engine.snapshots.borrow().clone()
    }

    /// Causes of faults; a moment old, if others look as well.
    pub(super) async fn causes(&self) -> Result<Arc<Vec<Cause>>, Refusal> {
        let mut kept = self.shared.desk.causes.lock().await;
        if let Some((at, causes)) = &*kept
            && at.elapsed() < CAUSES_LAST
        {
            return Ok(causes.clone());
        }
        let causes = match self.shared.engine.operator.order(Order::Causes).await? {
            Outcome::Causes(causes) => Arc::new(causes),
            _ => Arc::default(),
        };
        *kept = Some((Instant::now(), causes.clone()));
        Ok(causes)
    }
}

/// Name of the cookie. Browsers send one to every port of a host, so that two drovers on a machine need
/// two names.
fn cookie_name(head: &Parts) -> String {
    let host = head.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let port = host.rsplit_once(':').map(|(_, port)| port);
    match port.filter(|port| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())) {
        Some(port) => format!("drover-{port}"),
        None => "drover".to_owned(),
    }
}

fn cookie(head: &Parts) -> Option<String> {
    let name = cookie_name(head);
    let mut pairs = head
        .headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|cookies| cookies.to_str().ok())
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='));
    pairs.find(|(known, _)| *known == name).map(|(_, id)| id.to_owned())
}

/// What makes a browser keep a session: until it is closed, for drover's pages only, where no script
/// and no other site's form gets at it; over TLS only, if it came over TLS.
pub(super) fn set_cookie(head: &Parts, id: &str) -> String {
    let proxy = head.headers.get("x-forwarded-proto").and_then(|proto| proto.to_str().ok());
    let secure = if proxy == Some("https") { "; Secure" } else { "" };
    format!("{}={id}; Path=/ui; HttpOnly; SameSite=Strict{secure}", cookie_name(head))
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    fn head(headers: &[(&str, &str)]) -> Parts {
        let request = headers
            .iter()
            .fold(Request::builder(), |request, (name, value)| request.header(*name, *value));
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn each_port_has_its_cookie_and_no_script_gets_at_it() {
        let at = |host: &str, cookies: &str| cookie(&head(&[("host", host), ("cookie", cookies)]));
        assert_eq!(at("127.0.0.1:8478", "a=b; drover-8478=x; drover=y").as_deref(), Some("x"));
        assert_eq!(at("drover.example", "drover=y").as_deref(), Some("y"));
        assert_eq!(at("127.0.0.1:1", "drover-8478=x"), None);
        let set = set_cookie(&head(&[("host", "[::1]:8478")]), "id");
        assert_eq!(set, "drover-8478=id; Path=/ui; HttpOnly; SameSite=Strict");
        let tls = head(&[("host", "drover.example"), ("x-forwarded-proto", "https")]);
        assert!(set_cookie(&tls, "id").ends_with("; Secure"));
    }
}
