//! From a path to what answers it, and who may ask.

use std::fmt::Write as _;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use super::reply::Reply;
use super::token::Role;
use super::verbs::Verb;
use super::words::{Answer, Refusal, shortened, told};
use super::{
    Shared, again, causes, contexts, events, inspect, items, openapi, status, verbs, watched,
};
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

/// What can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    Index,
    Live,
    Ready,
    Start,
    Metrics,
    Status,
    Contexts,
    Context,
    Items,
    Item,
    History,
    Causes,
    Holds,
    Cache,
    Settings,
    Ledger,
    Events,
    OpenApi,
    Verb(Verb),
    Hold,
    Resume,
    Resync,
    RebuildCache,
}

/// A path, what it stands for, and who may ask it at least.
#[derive(Debug)]
pub(super) struct Route {
    /// With one part in braces at most, which stands for any text.
    pub(super) path: &'static str,
    pub(super) ask: Ask,
    pub(super) needs: Role,
    /// It is posted to; everything else is got.
    pub(super) posts: bool,
}

const fn get(path: &'static str, ask: Ask, needs: Role) -> Route {
    Route { path, ask, needs, posts: false }
}

const fn post(path: &'static str, ask: Ask) -> Route {
    Route { path, ask, needs: Role::Operator, posts: true }
}

/// Everything there is. Description and tests go by it.
pub(super) const ROUTES: &[Route] = &[
    get("/v1", Ask::Index, Role::Reader),
    get("/v1/health/live", Ask::Live, Role::Nobody),
    get("/v1/health/ready", Ask::Ready, Role::Nobody),
    get("/v1/health/start", Ask::Start, Role::Nobody),
    get("/health/live", Ask::Live, Role::Nobody),
    get("/health/ready", Ask::Ready, Role::Nobody),
    get("/health/start", Ask::Start, Role::Nobody),
    get("/metrics", Ask::Metrics, Role::Reader),
    get("/v1/status", Ask::Status, Role::Reader),
    get("/v1/contexts", Ask::Contexts, Role::Reader),
    get("/v1/contexts/{context}", Ask::Context, Role::Reader),
    get("/v1/items", Ask::Items, Role::Reader),
    get("/v1/items/{item}", Ask::Item, Role::Reader),
    get("/v1/history", Ask::History, Role::Reader),
    get("/v1/causes", Ask::Causes, Role::Reader),
    get("/v1/holds", Ask::Holds, Role::Reader),
    get("/v1/cache", Ask::Cache, Role::Reader),
    get("/v1/settings", Ask::Settings, Role::Reader),
    get("/v1/ledger", Ask::Ledger, Role::Reader),
    get("/v1/events", Ask::Events, Role::Reader),
    get("/openapi.json", Ask::OpenApi, Role::Reader),
    post("/v1/retry", Ask::Verb(Verb::Retry)),
    post("/v1/park", Ask::Verb(Verb::Park)),
    post("/v1/release", Ask::Verb(Verb::Release)),
    post("/v1/drop", Ask::Verb(Verb::Drop)),
    post("/v1/hold", Ask::Hold),
    post("/v1/resume", Ask::Resume),
    post("/v1/resync", Ask::Resync),
    post("/v1/cache/rebuild", Ask::RebuildCache),
];

impl Route {
    /// What the part in braces is (empty if there is none), if the path is one of these. Part by part
    /// and to the letter: no other path is taken for it.
    fn fits(&self, path: &str) -> Option<String> {
        let mut part = String::new();
        let (mut want, mut have) = (self.path.split('/'), path.split('/'));
        loop {
            match (want.next(), have.next()) {
                (None, None) => return Some(part),
                (Some(want), Some(have)) if want.starts_with('{') => part = decoded(have)?,
                (Some(want), Some(have)) if want == have => {}
                _ => return None,
            }
        }
    }

    /// Whether it is asked by probes, which know neither names nor tokens.
    pub(super) fn is_health(&self) -> bool {
        matches!(self.ask, Ask::Live | Ask::Ready | Ask::Start)
    }

    /// Whether it is asked by monitoring, where nothing else is answered.
    pub(super) fn is_watched(&self) -> bool {
        self.is_health() || self.ask == Ask::Metrics
    }

    /// Whether its body is JSON.
    pub(super) fn takes_json(&self) -> bool {
        self.posts
    }
}

/// A route, and what stands in the place of its part in braces.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) route: &'static Route,
    pub(super) part: String,
}

/// What is asked, if it is there, is asked in the right way, and by somebody who may.
pub(super) fn find(asked: &Asked) -> Result<Found, Refusal> {
    let mut fitting = ROUTES.iter().filter_map(|route| Some((route, route.fits(&asked.path)?)));
    let found = fitting.next();
    // Who may see nothing is not told what there is.
    if asked.role == Role::Nobody
        && found.as_ref().is_none_or(|(route, _)| route.needs > asked.role)
    {
        return Err(Refusal::new(
            401,
            "nothing but health is answered without a token",
            "send the header \"Authorization: Bearer TOKEN\" with the token of admin.token_file",
        ));
    }
    let Some((route, part)) = found else {
        return Err(Refusal::new(
            404,
            format!("there is nothing at {}", shortened(&asked.path)),
            "GET /v1 tells what there is",
        ));
    };
    if route.needs > asked.role {
        return Err(Refusal::new(
            403,
            "this token may look, and change nothing",
            "use the token of admin.token_file",
        ));
    }
    if if route.posts { asked.posts } else { asked.gets } {
        Ok(Found { route, part })
    } else {
        Err(Refusal::new(
            405,
            format!("this method does not go with {}", shortened(&asked.path)),
            format!("use {}", if route.posts { "POST" } else { "GET" }),
        ))
    }
}

/// Answers it.
pub(super) async fn answer(
    shared: &Arc<Shared>,
    found: &Found,
    asked: &Asked,
    body: &[u8],
) -> Result<Reply, Refusal> {
    let (engine, query) = (&shared.engine, asked.query.as_str());
    let whole = asked.role == Role::Operator;
    let value = match found.route.ask {
        Ask::Index => index(),
        Ask::Live => status::live(engine).await,
        Ask::Ready => status::ready(engine).await,
        Ask::Start => watched::started(engine),
        Ask::Metrics => return Ok(watched::numbers(engine).await),
        Ask::Status => status::status(engine, whole),
        Ask::Contexts => contexts::list(engine, query).await,
        Ask::Context => contexts::one(engine, context(&found.part)?, whole).await,
        Ask::Items => items::list(engine, query, whole).await,
        Ask::Item => items::story(engine, &ItemName::new(&found.part), whole).await,
        Ask::History => items::history(engine, query, whole),
        Ask::Causes => causes::list(engine, whole),
        Ask::Holds => verbs::holds(engine).await,
        Ask::Cache => status::cache(engine),
        Ask::Settings => inspect::settings(shared, whole),
        Ask::Ledger => inspect::ledger(shared).await,
        Ask::Events => return events::stream(shared, query, whole),
        Ask::OpenApi => Ok(openapi::document()),
        Ask::Verb(verb) => verbs::items(engine, verb, body).await,
        Ask::Hold => verbs::hold(engine, body).await,
        Ask::Resume => verbs::resume(engine, body).await,
        Ask::Resync => again::resync(engine, body).await,
        Ask::RebuildCache => again::rebuild(engine, body).await,
    };
    value.map(Reply::Json)
}

fn context(part: &str) -> Result<ContextId, Refusal> {
    part.parse().map(ContextId).map_err(|_| {
        Refusal::new(
            404,
            format!("{:?} is no number of a context", shortened(part)),
            "GET /v1/contexts (\"drover context list\") tells which there are",
        )
    })
}

/// What there is.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Overview {
    /// drover's version.
    version: &'static str,
    /// Where all of this is described.
    description: &'static str,
    /// What can be got.
    get: Vec<&'static str>,
    /// What can be posted to.
    post: Vec<&'static str>,
}

fn index() -> Answer {
    let paths = |posts: bool| -> Vec<&'static str> {
        let routes = ROUTES.iter().filter(|route| route.posts == posts);
        routes.map(|route| route.path).collect()
    };
    told(&Overview {
        version: env!("CARGO_PKG_VERSION"),
        description: "/openapi.json",
        get: paths(false),
        post: paths(true),
    })
}

/// A part of a path, with what `%` stands for; none if it is nothing that can be a name.
pub(crate) fn decoded(part: &str) -> Option<String> {
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
    let text = String::from_utf8(bytes).ok()?;
    let is_name = !text.is_empty() && !text.contains(char::is_control);
    is_name.then_some(text)
}

/// A text as a part of a path.
pub(crate) fn encoded(text: &str) -> String {
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
            let path = format!("/v1/items/{}", encoded(name));
            let found = find(&asked(&path, false, Role::Reader)).unwrap();
            assert_eq!((found.route.ask, found.part.as_str()), (Ask::Item, name));
        }
        for broken in ["", "%", "%4", "%zz", "%ff", "a%00b", "%0a"] {
            assert_eq!(decoded(broken), None);
        }
    }

    #[test]
    fn nobody_sees_but_health_and_who_may_look_changes_nothing() {
        let status = |path: &str, posts: bool, role| {
            find(&asked(path, posts, role)).map_or_else(|refusal| refusal.status, |_| 200)
        };
        for route in ROUTES {
            let path = route.path.replace("{context}", "1").replace("{item}", "a");
            let health = path.contains("/health/");
            assert_eq!(route.needs == Role::Nobody, health, "{path}");
            let nobody = if health { 200 } else { 401 };
            assert_eq!(status(&path, route.posts, Role::Nobody), nobody, "{path}");
            let reader = if route.posts { 403 } else { 200 };
            assert_eq!(status(&path, route.posts, Role::Reader), reader, "{path}");
            assert_eq!(status(&path, route.posts, Role::Operator), 200, "{path}");
            assert_eq!(status(&path, !route.posts, Role::Operator), 405, "{path}");
        }
        for path in [
            "/",
            "/v2",
            "/v1/",
            "//v1",
            "/v1//status",
            "/v1/status/",
            "/v1/./status",
            "/v1/x",
            "/V1/status",
            "/v1/health/../status",
            "/v1/%73tatus",
            "/v1/items/",
            "/v1/items/%zz",
            "/v1/contexts/1/2",
            "/v1/items/a/b",
        ] {
            assert_eq!(status(path, false, Role::Nobody), 401, "{path}");
            assert_eq!(status(path, false, Role::Operator), 404, "{path}");
        }
        assert_eq!(context("x").unwrap_err().status, 404);
        assert_eq!(context("-1").unwrap_err().status, 404);
    }
}
