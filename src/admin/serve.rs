//! Connections: one request each, and nothing that anybody sends, or does not send, takes more than a
//! bounded time and room.

use std::convert::Infallible;
use std::io;
use std::os::unix::net::UnixListener as StdUnixListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::header::ACCEPT_LANGUAGE;
use hyper::http::request::Parts;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::Semaphore;

use super::Shared;
use super::gate::{self, Way};
use super::reply::{Body, Reply};
use super::route::{self, Asked};
use super::words::Refusal;
use crate::hints::{self, Language};
use crate::page;

/// Connections at once; who comes then waits.
const MOST_CONNECTIONS: usize = 64;

/// How long a request's head, and then its body, may take to come.
const ARRIVAL: Duration = Duration::from_secs(5);

/// How long a connection may last altogether. To have everything provisioned again takes longest.
const LONGEST: Duration = Duration::from_secs(300);

/// How much longer a connection may last whose answer has no end. Who wants more of it asks again.
const STREAM: Duration = Duration::from_secs(3600);

/// Largest head, in bytes.
const HEAD: usize = 16 * 1024;

/// Largest body, in bytes.
pub(super) const BODY: usize = 64 * 1024;

/// Pause after a failed accept, for instance when file descriptors ran out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// Answers at a socket.
pub(super) fn unix(shared: Arc<Shared>, listener: StdUnixListener) {
    actix_rt::spawn(async move {
        let listener = match UnixListener::from_std(listener) {
            Ok(listener) => listener,
            Err(problem) => return tracing::error!("the socket cannot be used: {problem}"),
        };
        accept(shared, Way::Socket, async || Ok(listener.accept().await?.0)).await;
    });
}

/// Answers at an address.
pub(super) fn tcp(shared: Arc<Shared>, listener: std::net::TcpListener) {
    actix_rt::spawn(async move {
        let listener = match TcpListener::from_std(listener) {
            Ok(listener) => listener,
            Err(problem) => return tracing::error!("the address cannot be used: {problem}"),
        };
        accept(shared, Way::Address, async || Ok(listener.accept().await?.0)).await;
    });
}

/// Answers monitoring at an address of its own.
pub(super) fn monitoring(shared: Arc<Shared>, listener: std::net::TcpListener) {
    actix_rt::spawn(async move {
        let listener = match TcpListener::from_std(listener) {
            Ok(listener) => listener,
            Err(problem) => return tracing::error!("the address cannot be used: {problem}"),
        };
        accept(shared, Way::Monitoring, async || Ok(listener.accept().await?.0)).await;
    });
}

/// Takes in whoever comes, as long as there is room.
async fn accept<S>(shared: Arc<Shared>, way: Way, next: impl AsyncFn() -> io::Result<S>)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        let Ok(permit) = room.clone().acquire_owned().await else { return };
        match next().await {
            Ok(stream) => {
                let shared = shared.clone();
                actix_rt::spawn(async move {
                    connection(shared, stream, way).await;
                    drop(permit);
                });
            }
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

async fn connection(shared: Arc<Shared>, stream: impl AsyncRead + AsyncWrite + Unpin, way: Way) {
    let streams = Arc::new(AtomicBool::new(false));
    let mark = streams.clone();
    let service = service_fn(move |request| {
        let (shared, mark) = (shared.clone(), mark.clone());
        async move {
            let response = answer(&shared, way, request).await;
            // A body whose end is known comes to it.
            mark.store(response.body().size_hint().exact().is_none(), Ordering::Relaxed);
            Ok::<_, Infallible>(response)
        }
    });
    let mut http = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(ARRIVAL)
        .keep_alive(false)
        .max_buf_size(HEAD)
        .serve_connection(TokioIo::new(stream), service);
    // Whatever goes wrong with a connection is its client's business.
    let over = tokio::time::timeout(LONGEST, &mut http).await.is_ok();
    if !over && streams.load(Ordering::Relaxed) {
        let _ = tokio::time::timeout(STREAM, http).await;
    }
}

async fn answer(shared: &Arc<Shared>, way: Way, request: Request<Incoming>) -> Response<Body> {
    match take(shared, way, request).await {
        Ok(reply) => reply.into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

async fn take(
    shared: &Arc<Shared>,
    way: Way,
    request: Request<Incoming>,
) -> Result<Reply, Refusal> {
    let (head, body) = request.into_parts();
    if way != Way::Monitoring && page::is_at(head.uri.path()) {
        return Ok(Reply::Other(page_at(shared, way, &head, body).await));
    }
    let asked = Asked {
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        posts: head.method == Method::POST,
        gets: head.method == Method::GET || head.method == Method::HEAD,
        role: gate::role(shared, way, &head)?,
    };
    let language = head.headers.get(ACCEPT_LANGUAGE).and_then(|wanted| wanted.to_str().ok());
    let language = language.map(Language::accepted).unwrap_or_default();
    // Who may not ask it is told before anything of it is read.
    let found = route::find(&asked)?;
    if way == Way::Monitoring && !found.route.is_watched() {
        return Err(Refusal::new(
            404,
            "only /metrics and /health/ are answered here",
            "ask at admin.listen, or by the socket",
        ));
    }
    if !found.route.is_health() && way != Way::Monitoring {
        gate::host(shared, way, &head)?;
    }
    gate::origin(shared, &head)?;
    if found.route.takes_json() {
        gate::json(&head)?;
    }
    let body = if asked.posts { read(body).await? } else { Bytes::new() };
    let mut reply = route::answer(shared, &found, &asked, &body).await?;
    if let Reply::Json(answer) = &mut reply {
        hints::put_beside(answer, language);
    }
    Ok(reply)
}

/// A page. Whatever way it is asked for, a browser asks: also by the socket, if that is forwarded to a
/// port.
async fn page_at(shared: &Arc<Shared>, way: Way, head: &Parts, body: Incoming) -> Response<Body> {
    let visit = async {
        gate::once(head)?;
        gate::host(shared, Way::Address, head)?;
        gate::origin(shared, head)?;
        if head.method == Method::POST { read(body).await } else { Ok(Bytes::new()) }
    };
    match visit.await {
        Ok(form) => page::answer(shared, way, head, &form).await,
        Err(refusal) => page::refused(&refusal),
    }
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
