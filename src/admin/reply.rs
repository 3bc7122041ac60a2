//! What a request is answered with: JSON, or whatever else has its own head and body.

use std::convert::Infallible;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::Value;

use super::words::Refusal;

/// A body that may come in one piece or piece by piece.
pub(crate) type Body = UnsyncBoxBody<Bytes, Infallible>;

/// An answer.
#[derive(Debug)]
pub(super) enum Reply {
    /// A value.
    Json(Value),
    /// Anything else, such as a page or a stream of events; the headers that every answer has are added.
    Other(Response<Body>),
}

impl Reply {
    /// A text of a type such as `text/plain; charset=utf-8`.
    pub(super) fn text(kind: &'static str, text: impl Into<Bytes>) -> Self {
        let mut response = Response::new(whole(text));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        Self::Other(response)
    }

    pub(super) fn into_response(self) -> Response<Body> {
        match self {
            Self::Json(value) => json(200, &value),
            Self::Other(response) => with_usual_headers(response),
        }
    }
}

impl Refusal {
    pub(super) fn into_response(self) -> Response<Body> {
        let mut response = json(self.status, &self.as_json());
        if self.status == 405 {
            let other = if self.cure.contains("GET") { "GET" } else { "POST" };
            response.headers_mut().insert(ALLOW, HeaderValue::from_static(other));
        }
        response
    }
}

/// A body in one piece.
pub(crate) fn whole(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).boxed_unsync()
}

fn json(status: u16, value: &Value) -> Response<Body> {
    let mut text = value.to_string();
    text.push('\n');
    let mut response = Response::new(whole(text));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    with_usual_headers(response)
}

/// Nothing of it is kept by anybody on the way, or taken for something else.
fn with_usual_headers(mut response: Response<Body>) -> Response<Body> {
    let headers = response.headers_mut();
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    response
}
