//! Connections: one request each, and nothing that anybody sends, or does not send, takes more than a
//! bounded time and room.

use std::convert::Infallible;
use std::os::unix::net::UnixListener as StdUnixListener;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::header::{ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::Semaphore;

use super::Shared;
use super::route::{self, Asked};
use super::token::Role;
use super::words::Refusal;

/// Connections at once; who comes then waits.
const MOST_CONNECTIONS: usize = 64;

/// How long a request's head, and then its body, may take to come.
const ARRIVAL: Duration = Duration::from_secs(10);

/// How long a connection may last altogether. To have everything provisioned again takes longest.
const LONGEST: Duration = Duration::from_secs(300);

/// Largest head, in bytes.
const HEAD: usize = 16 * 1024;

/// Largest body, in bytes.
pub(super) const BODY: usize = 64 * 1024;

/// Pause after a failed accept, for instance when file descriptors ran out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// Answers at a socket: whoever can use it is an operator.
pub(super) fn unix(shared: Arc<Shared>, listener: StdUnixListener) {
    actix_rt::spawn(async move {
        let listener = match UnixListener::from_std(listener) {
            Ok(listener) => listener,
            Err(problem) => return tracing::error!("the socket cannot be used: {problem}"),
        };
        let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
        loop {
            let Ok(permit) = room.clone().acquire_owned().await else { return };
            match listener.accept().await {
                Ok((stream, _)) => {
                    let shared = shared.clone();
                    actix_rt::spawn(async move {
                        connection(shared, stream, Role::Operator).await;
                        drop(permit);
                    });
                }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            }
        }
    });
}

/// Answers at an address: a token says who somebody is.
pub(super) fn tcp(shared: Arc<Shared>, listener: std::net::TcpListener) {
    actix_rt::spawn(async move {
        let listener = match TcpListener::from_std(listener) {
            Ok(listener) => listener,
            Err(problem) => return tracing::error!("the address cannot be used: {problem}"),
        };
        let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
        loop {
            let Ok(permit) = room.clone().acquire_owned().await else { return };
            match listener.accept().await {
                Ok((stream, _)) => {
                    let shared = shared.clone();
                    actix_rt::spawn(async move {
                        connection(shared, stream, Role::Nobody).await;
                        drop(permit);
                    });
                }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            }
        }
    });
}

/// One connection; `role` is what somebody is without a token.
async fn connection(shared: Arc<Shared>, stream: impl AsyncRead + AsyncWrite + Unpin, role: Role) {
    let service = service_fn(move |request| {
        let shared = shared.clone();
        async move { Ok::<_, Infallible>(answer(&shared, role, request).await) }
    });
    let http = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(ARRIVAL)
        .keep_alive(false)
        .max_buf_size(HEAD)
        .serve_connection(TokioIo::new(stream), service);
    // Whatever goes wrong with a connection is its client's business.
    let _ = tokio::time::timeout(LONGEST, http).await;
}

async fn answer(shared: &Shared, role: Role, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let answered = match role_of(shared, role, &request) {
        Ok(role) => take(shared, role, request).await,
        Err(refusal) => Err(refusal),
    };
    match answered {
        Ok(value) => response(200, &value),
        Err(refusal) => {
            let mut response = response(refusal.status, &refusal.as_json());
            if refusal.status == 405 {
                let other = if refusal.cure.contains("GET") { "GET" } else { "POST" };
                response.headers_mut().insert(ALLOW, HeaderValue::from_static(other));
            }
            response
        }
    }
}

/// Who asks. A token that is given has to be right, also where none is needed: whoever gives one wants
/// to be no more than it says.
fn role_of(shared: &Shared, role: Role, request: &Request<Incoming>) -> Result<Role, Refusal> {
    let Some(given) = request.headers().get(AUTHORIZATION) else { return Ok(role) };
    let token = given.to_str().ok().and_then(|text| {
        let (scheme, token) = text.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    match token.map(|token| shared.tokens.role(token)) {
        Some(role) if role > Role::Nobody => Ok(role),
        _ => Err(Refusal::new(
            401,
            "this token is not known",
            "give one that admin.token_file or admin.read_token_file names",
        )),
    }
}

async fn take(
    shared: &Shared,
    role: Role,
    request: Request<Incoming>,
) -> Result<serde_json::Value, Refusal> {
    let (head, body) = request.into_parts();
    let asked = Asked {
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        posts: head.method == Method::POST,
        gets: head.method == Method::GET || head.method == Method::HEAD,
        role,
    };
    // Who may not ask it is told before anything of it is read.
    let route = route::find(&asked)?;
    let body = if asked.posts { read(body).await? } else { Bytes::new() };
    route::answer(shared, &route, &asked, &body).await
}

async fn read(body: Incoming) -> Result<Bytes, Refusal> {
    let too_large =
        || Refusal::new(413, format!("the body has more than {BODY} bytes"), "send a smaller one");
    if body.size_hint().lower() > BODY as u64 {
        return Err(too_large());
    }
    match tokio::time::timeout(ARRIVAL, Limited::new(body, BODY).collect()).await {
        Ok(Ok(read)) => Ok(read.to_bytes()),
        Ok(Err(problem)) if problem.downcast_ref::<LengthLimitError>().is_some() => {
            Err(too_large())
        }
        Ok(Err(_)) => Err(Refusal::bad("the body breaks off", "send all of it")),
        Err(_) => Err(Refusal::new(408, "the body did not come in time", "send it at once")),
    }
}

fn response(status: u16, value: &serde_json::Value) -> Response<Full<Bytes>> {
    let mut text = value.to_string();
    text.push('\n');
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    response
}
