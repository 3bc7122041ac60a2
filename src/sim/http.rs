//! Connections: keep-alive, its limits, and the paths of the server.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST, HeaderValue, RETRY_AFTER};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

use super::interface::{self, Service};
use super::server::{self, Outcome, Shared};
use super::{control, request, wsdl};

/// A connection that is to close after its answer stays open so long, to let the answer out.
const LINGER: Duration = Duration::from_millis(5);
/// Pause after a failed accept, for instance when file descriptors ran out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// Serves connections until told to stop.
pub(crate) async fn serve(shared: Arc<Shared>, listener: TcpListener) {
    let mut stop = shared.stop.subscribe();
    let mut number = 0;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        match accepted {
            Ok((stream, _)) => {
                number += 1;
                shared.lock().stats.connections += 1;
                tokio::spawn(connection(Arc::clone(&shared), stream, number));
            }
            Err(error) => {
                tracing::warn!(%error, "failed to accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// One connection.
#[derive(Debug)]
struct Peer {
    shared: Arc<Shared>,
    number: u64,
    requests: AtomicU64,
    in_flight: AtomicU32,
    closing: AtomicBool,
    idle_since: Mutex<Instant>,
}

impl Peer {
    fn is_idle(&self) -> bool {
        self.in_flight.load(Ordering::Relaxed) == 0
    }

    /// When the connection closes if nothing comes.
    fn deadline(&self) -> Instant {
        let closing = self.closing.load(Ordering::Relaxed);
        let grace = if closing { LINGER } else { self.shared.config.idle_timeout };
        *self.idle_since.lock().unwrap_or_else(PoisonError::into_inner) + grace
    }
}

/// Marks a request as being served.
struct InFlight(Arc<Peer>);

impl InFlight {
    fn new(peer: Arc<Peer>) -> Self {
        peer.in_flight.fetch_add(1, Ordering::Relaxed);
        Self(peer)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let mut since = self.0.idle_since.lock().unwrap_or_else(PoisonError::into_inner);
        *since = Instant::now();
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The answer is lost: what makes the HTTP layer close the connection at once.
#[derive(Debug, thiserror::Error)]
#[error("connection dropped on purpose")]
struct Dropped;

async fn connection(shared: Arc<Shared>, stream: TcpStream, number: u64) {
    // Small answers must not wait for the peer's acknowledgement; if the option cannot be set
    // they are late, not wrong.
    let _ = stream.set_nodelay(true);
    let mut stop = shared.stop.subscribe();
    let mut close_idle = shared.close_idle.subscribe();
    let wake = Arc::new(tokio::sync::Notify::new());
    let peer = Arc::new(Peer {
        shared,
        number,
        requests: AtomicU64::new(0),
        in_flight: AtomicU32::new(0),
        closing: AtomicBool::new(false),
        idle_since: Mutex::new(Instant::now()),
    });
    let served = Arc::clone(&peer);
    let woken = Arc::clone(&wake);
    let service =
        service_fn(move |request| answer(Arc::clone(&served), Arc::clone(&woken), request));
    let http =
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let mut http = pin!(http);
    loop {
        tokio::select! {
            _ = http.as_mut() => return,
            () = tokio::time::sleep_until(peer.deadline()) => {
                if peer.is_idle() && Instant::now() >= peer.deadline() {
                    return;
                }
                if !peer.is_idle() {
                    // Busy past the deadline of the last idle time: look again a while later.
                    *peer.idle_since.lock().unwrap_or_else(PoisonError::into_inner) =
                        Instant::now();
                }
            }
            changed = close_idle.changed() => {
                if changed.is_err() || peer.is_idle() {
                    return;
                }
            }
            () = wake.notified() => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

async fn answer(
    peer: Arc<Peer>,
    wake: Arc<tokio::sync::Notify>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Dropped> {
    let guard = InFlight::new(Arc::clone(&peer));
    let count = peer.requests.fetch_add(1, Ordering::Relaxed) + 1;
    let response = route(&peer, &wake, request).await;
    drop(guard);
    let mut response = response?;
    let limit = peer.shared.config.requests_per_connection;
    if limit > 0 && count >= limit {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}

async fn route(
    peer: &Arc<Peer>,
    wake: &tokio::sync::Notify,
    message: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Dropped> {
    let path = message.uri().path();
    if path.starts_with("/sim/") {
        return Ok(control::answer(&peer.shared, message).await);
    }
    let missing = &peer.shared.config.options.missing_services;
    let newer = peer.shared.config.options.newer;
    let service = path
        .strip_prefix("/webservices/")
        .filter(|name| !missing.iter().any(|missing| missing == name))
        .and_then(if newer { interface::newer_service } else { interface::service });
    let Some(service) = service else {
        let page = "<html><head><title>404 Not Found</title></head>\
                    <body><h1>Not Found</h1></body></html>";
        return Ok(response(404, "text/html;charset=UTF-8", page));
    };
    if message.method() == Method::GET {
        let asks = message.uri().query().is_some_and(|query| query.eq_ignore_ascii_case("wsdl"));
        let location = location(&message, service);
        return Ok(if asks {
            response(200, "text/xml;charset=UTF-8", wsdl::document(service, &location))
        } else {
            soap(500, no_message(), true)
        });
    }
    let utf8 = says_utf8(&message);
    let (body, whole) = read_body(message.into_body()).await;
    let text = decode(&body, utf8);
    if !whole {
        // What arrived before the client went away is done all the same when the operation was
        // complete; there is nobody left to answer.
        if let Some(text) = completed(&text)
            && request::read(service, &text).is_ok()
        {
            server::call(&peer.shared, service, &text, peer.number).await;
        }
        return Err(Dropped);
    }
    match server::call(&peer.shared, service, &text, peer.number).await {
        Outcome::Soap { status, text, close_idle } => {
            if close_idle {
                peer.closing.store(true, Ordering::Relaxed);
                wake.notify_one();
            }
            Ok(soap(status, text, utf8))
        }
        Outcome::Page { status, body, retry_after_s } => {
            let mut page = response(status, "text/html;charset=UTF-8", body);
            if let Some(seconds) = retry_after_s {
                page.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
            }
            Ok(page)
        }
        Outcome::Drop => Err(Dropped),
    }
}

/// A message that was cut in the closing tags of its envelope, with those restored.
fn completed(text: &str) -> Option<String> {
    let mut whole = text.get(..=text.rfind('>')?)?;
    while let Some(start) = whole.rfind("</") {
        let tag = whole.get(start..).unwrap_or_default();
        if !tag.ends_with("Body>") && !tag.ends_with("Envelope>") {
            break;
        }
        whole = whole.get(..start)?;
    }
    let name = text.get(..text.find("Envelope")?)?;
    let prefix = name.rsplit('<').next()?;
    Some(format!("{whole}</{prefix}Body></{prefix}Envelope>"))
}

async fn read_body(mut body: Incoming) -> (Vec<u8>, bool) {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => {
                if let Ok(data) = frame.into_data() {
                    bytes.extend_from_slice(&data);
                }
            }
            Err(_) => return (bytes, false),
        }
    }
    (bytes, true)
}

fn says_utf8(request: &Request<Incoming>) -> bool {
    let sent = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    sent.is_some_and(|value| {
        let value = value.to_ascii_lowercase().replace(['"', ' '], "");
        value.contains("charset=utf-8") || value.contains("charset=utf8")
    })
}

/// Bytes of a request that does not say what they are count as ISO-8859-1.
fn decode(bytes: &[u8], utf8: bool) -> String {
    if utf8 {
        String::from_utf8_lossy(bytes).into_owned()
    } else {
        bytes.iter().map(|byte| char::from(*byte)).collect()
    }
}

/// The address by which the client reached the service.
fn location(request: &Request<Incoming>, service: &Service) -> String {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    format!("http://{}/webservices/{}", host.unwrap_or("localhost"), service.name)
}

fn no_message() -> String {
    "<soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\"><soap:Body>\
     <soap:Fault><faultcode>soap:Server</faultcode><faultstring>No binding operation info while \
     invoking unknown method with params unknown.</faultstring></soap:Fault></soap:Body>\
     </soap:Envelope>"
        .to_owned()
}

/// An envelope in the encoding of the request.
fn soap(status: u16, text: String, utf8: bool) -> Response<Full<Bytes>> {
    if utf8 {
        return response(status, "text/xml;charset=UTF-8", text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    for c in text.chars() {
        match u8::try_from(c) {
            Ok(byte) => bytes.push(byte),
            Err(_) => bytes.extend_from_slice(format!("&#{};", u32::from(c)).as_bytes()),
        }
    }
    response(status, "text/xml;charset=ISO-8859-1", bytes)
}

/// Any answer.
pub(crate) fn response(
    status: u16,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// A request's body as text, or nothing when it did not arrive whole.
pub(crate) async fn body_text(body: Incoming) -> Option<String> {
    let (bytes, whole) = read_body(body).await;
    whole.then(|| String::from_utf8_lossy(&bytes).into_owned())
}
