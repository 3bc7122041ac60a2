//! From a path to what answers it, and who may ask.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::token::Role;
use super::words::{Answer, Refusal, shortened};
use super::{Shared, again, contexts, items, status, verbs};
use crate::model::{ContextId, ItemName};

/// A request without its body.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) path: String,
    pub(super) query: String,
    pub(super) gets: bool,
    pub(super) posts: bool,
    pub(super) role: Role,
}

/// What a path stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    Index,
    Live,
    Ready,
    Status,
    Contexts,
    Context(ContextId),
    Items,
    Item(ItemName),
    Holds,
    Cache,
    Verb(verbs::Verb),
    Hold,
    Resume,
    Resync,
    RebuildCache,
}

impl Route {
    fn of(path: &str) -> Option<Self> {
        let rest = path.strip_prefix("/v1")?.trim_matches('/');
        Some(match rest.split_once('/').map_or((rest, None), |(a, b)| (a, Some(b))) {
            ("", None) => Self::Index,
            ("health", Some("live")) => Self::Live,
            ("health", Some("ready")) => Self::Ready,
            ("status", None) => Self::Status,
            ("contexts", None) => Self::Contexts,
            ("contexts", Some(id)) => Self::Context(ContextId(id.parse().ok()?)),
            ("items", None) => Self::Items,
            ("items", Some(name)) => Self::Item(ItemName::new(&decoded(name)?)),
            ("holds", None) => Self::Holds,
            ("cache", None) => Self::Cache,
            ("cache", Some("rebuild")) => Self::RebuildCache,
            ("retry", None) => Self::Verb(verbs::Verb::Retry),
            ("park", None) => Self::Verb(verbs::Verb::Park),
            ("release", None) => Self::Verb(verbs::Verb::Release),
            ("drop", None) => Self::Verb(verbs::Verb::Drop),
            ("hold", None) => Self::Hold,
            ("resume", None) => Self::Resume,
            ("resync", None) => Self::Resync,
            _ => return None,
        })
    }

    /// Whether it changes something.
    fn orders(&self) -> bool {
        matches!(
            self,
            Self::Verb(_) | Self::Hold | Self::Resume | Self::Resync | Self::RebuildCache
        )
    }

    /// Who may ask it at least.
    fn needs(&self) -> Role {
        match self {
            Self::Live | Self::Ready => Role::Nobody,
            _ if self.orders() => Role::Operator,
            _ => Role::Reader,
        }
    }
}

/// What is asked, if it is there, is asked in the right way, and by somebody who may.
pub(super) fn find(asked: &Asked) -> Result<Route, Refusal> {
    let route = Route::of(&asked.path);
    // Who may see nothing is not told what there is.
    if asked.role == Role::Nobody && route.as_ref().is_none_or(|route| route.needs() > asked.role) {
        return Err(Refusal::new(
            401,
            "nothing but health is answered without a token",
            "send the header \"Authorization: Bearer TOKEN\" with the token of admin.token_file",
        ));
    }
    let Some(route) = route else {
        return Err(Refusal::new(
            404,
            format!("there is nothing at {}", shortened(&asked.path)),
            "GET /v1 tells what there is",
        ));
    };
    if route.needs() > asked.role {
        return Err(Refusal::new(
            403,
            "this token may look, and change nothing",
            "use the token of admin.token_file",
        ));
    }
    match (route.orders(), asked.posts, asked.gets) {
        (true, true, _) | (false, _, true) => Ok(route),
        (orders, ..) => {
            let method = if orders { "POST" } else { "GET" };
            Err(Refusal::new(
                405,
                format!("this method does not go with {}", shortened(&asked.path)),
                format!("use {method}"),
            ))
        }
    }
}

/// Answers it.
pub(super) async fn answer(shared: &Shared, route: &Route, asked: &Asked, body: &[u8]) -> Answer {
    let (engine, query) = (&shared.engine, asked.query.as_str());
    let whole = asked.role == Role::Operator;
    match route {
        Route::Index => Ok(index()),
        Route::Live => status::live(engine).await,
        Route::Ready => status::ready(engine).await,
        Route::Status => Ok(status::status(engine, whole)),
        Route::Contexts => contexts::list(engine, query).await,
        Route::Context(context) => contexts::one(engine, *context, whole).await,
        Route::Items => items::list(engine, query, whole).await,
        Route::Item(name) => items::story(engine, name, whole).await,
        Route::Holds => verbs::holds(engine).await,
        Route::Cache => Ok(status::cache(engine)),
        Route::Verb(verb) => verbs::items(engine, *verb, body).await,
        Route::Hold => verbs::hold(engine, body).await,
        Route::Resume => verbs::resume(engine, body).await,
        Route::Resync => again::resync(engine, body).await,
        Route::RebuildCache => again::rebuild(engine, body).await,
    }
}

/// What there is.
fn index() -> Value {
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "get": ["/v1/health/live", "/v1/health/ready", "/v1/status", "/v1/contexts",
                "/v1/contexts/{id}", "/v1/items", "/v1/items/{name}", "/v1/holds", "/v1/cache"],
        "post": ["/v1/retry", "/v1/park", "/v1/release", "/v1/drop", "/v1/hold", "/v1/resume",
                 "/v1/resync", "/v1/cache/rebuild"],
    })
}

/// A part of a path, with what `%` stands for.
fn decoded(part: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digit = |byte: u8| char::from(byte).to_digit(16);
            let (high, low) = (digit(rest.next()?)?, digit(rest.next()?)?);
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// A text as a part of a path.
pub(super) fn encoded(text: &str) -> String {
    let mut part = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            part.push(char::from(byte));
        } else {
            let _ = write!(part, "%{byte:02X}");
        }
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(path: &str, posts: bool, role: Role) -> Asked {
        Asked { path: path.into(), query: String::new(), gets: !posts, posts, role }
    }

    #[test]
    fn a_name_comes_through_a_path_as_it_is() {
        for name in ["2025-03-03-08-00-01.json", "a b/ü%+?.json"] {
            assert_eq!(decoded(&encoded(name)).as_deref(), Some(name));
            let route = Route::of(&format!("/v1/items/{}", encoded(name)));
            assert_eq!(route, Some(Route::Item(ItemName::new(name))));
        }
        for broken in ["%", "%4", "%zz", "%ff"] {
            assert_eq!(decoded(broken), None);
        }
    }

    #[test]
    fn nobody_sees_but_health_and_who_may_look_changes_nothing() {
        let paths = index();
        let of = |key: &str| -> Vec<String> {
            let paths = paths[key].as_array().unwrap().iter();
            paths
                .map(|path| path.as_str().unwrap().replace("{id}", "1").replace("{name}", "a"))
                .collect()
        };
        let (gets, posts) = (of("get"), of("post"));
        let status = |asked: &Asked| find(asked).map_or_else(|refusal| refusal.status, |_| 200);
        for path in gets.iter().chain(&posts).map(String::as_str).chain(["/", "/v2", "/v1/x"]) {
            let expected = if path.starts_with("/v1/health") { 200 } else { 401 };
            let orders = posts.iter().any(|post| post == path);
            assert_eq!(status(&asked(path, orders, Role::Nobody)), expected, "{path}");
        }
        for path in &posts {
            assert_eq!(status(&asked(path, true, Role::Reader)), 403, "{path}");
            assert_eq!(status(&asked(path, true, Role::Operator)), 200, "{path}");
            assert_eq!(status(&asked(path, false, Role::Operator)), 405, "{path}");
        }
        for path in &gets {
            assert_eq!(status(&asked(path, false, Role::Reader)), 200, "{path}");
            assert_eq!(status(&asked(path, true, Role::Operator)), 405, "{path}");
        }
        for path in ["/v1/contexts/x", "/v1/contexts/-1", "/v1/items/%zz", "/v1/contexts/1/2"] {
            assert_eq!(status(&asked(path, false, Role::Operator)), 404, "{path}");
        }
    }
}
