//! The interface asked from inside, by drover's own pages. They are answered what somebody of that role
//! is answered from outside, and nothing else: there is one place that decides who may see and do what.

use std::sync::Arc;

use serde_json::Value;

pub(crate) use super::Shared;
pub(crate) use super::gate::Way;
use super::reply::Reply;
pub(crate) use super::reply::{Body, whole};
use super::route::{self, Asked};
pub(crate) use super::route::{decoded, encoded};
pub(crate) use super::token::{Role, same};
pub(crate) use super::words::Refusal;

/// Asks for what is at a path, or posts a body to it.
pub(crate) async fn ask(
    shared: &Arc<Shared>,
    role: Role,
    path: &str,
    query: String,
    body: Option<&Value>,
) -> Result<Value, Refusal> {
    let posts = body.is_some();
    let asked = Asked { path: path.to_owned(), query, posts, gets: !posts, role };
    let found = route::find(&asked)?;
    let body = body.map(Value::to_string).unwrap_or_default();
    match route::answer(shared, &found, &asked, body.as_bytes()).await? {
        Reply::Json(value) => Ok(value),
        Reply::Other(_) => {
            Err(Refusal::new(500, format!("{path} answers no value"), "ask it from outside"))
        }
    }
}
