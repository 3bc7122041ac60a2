//! A scripted HTTP server on loopback: it notes every request and misbehaves as told.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use drover::model::Secret;
use drover::ox::client::Deadlines;
use drover::ox::{
    Account, CallObserver, ClientSettings, CredentialSource, Credentials, OxError, SoapClient,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinHandle;

/// A request as it came in.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// Path of the request line.
    pub(crate) path: String,
    /// Header lines, as they came.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    /// Which connection it came over, from 0.
    pub(crate) connection: usize,
    /// Which request on that connection it was, from 0.
    pub(crate) nth: usize,
}

impl Request {
    /// A header's value, name in any case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }
}

/// What the server does with a request after having noted it.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// Answers and keeps the connection.
    Answer(u16, &'static str, String),
    /// Answers, announces the close and closes.
    AnswerAndAnnounceClose(String),
    /// Answers and closes without a word; notifies `closed` when the client has closed, too.
    AnswerAndClose(String),
    /// Closes without an answer.
    Close,
    /// Resets the connection without an answer.
    Reset,
    /// Sends the start of an answer and closes.
    Truncate,
    /// Sends the start of an answer and resets.
    TruncateAndReset,
    /// Sends the start of an answer and nothing more, and keeps the connection.
    Stall,
    /// Sends an answer without end.
    Endless,
    /// Answers after a permit was added to `release`.
    Hold(String),
}

pub(crate) struct Server {
    pub(crate) address: std::net::SocketAddr,
    state: Arc<State>,
    task: JoinHandle<()>,
}

struct State {
    seen: Mutex<Vec<Request>>,
    connections: Mutex<usize>,
    arrived: Notify,
    closed: Semaphore,
    release: Semaphore,
    script: Box<dyn Fn(&Request) -> Act + Send + Sync>,
}

impl Server {
    pub(crate) async fn start(script: impl Fn(&Request) -> Act + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            seen: Mutex::default(),
            connections: Mutex::default(),
            arrived: Notify::new(),
            closed: Semaphore::new(0),
            release: Semaphore::new(0),
            script: Box::new(script),
        });
        let task = tokio::spawn({
            let state = Arc::clone(&state);
            async move {
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    let number = {
                        let mut connections = state.connections.lock().unwrap();
                        *connections += 1;
                        *connections - 1
                    };
                    tokio::spawn(serve(stream, number, Arc::clone(&state)));
                }
            }
        });
        Self { address, state, task }
    }

    /// All requests so far.
    pub(crate) fn seen(&self) -> Vec<Request> {
        self.state.seen.lock().unwrap().clone()
    }

    /// How many requests hold that text.
    pub(crate) fn count(&self, text: &str) -> usize {
        self.seen().iter().filter(|request| request.body.contains(text)).count()
    }

    pub(crate) fn connections(&self) -> usize {
        *self.state.connections.lock().unwrap()
    }

    /// Waits until so many requests have come.
    pub(crate) async fn arrived(&self, requests: usize) {
        loop {
            let notified = self.state.arrived.notified();
            if self.seen().len() >= requests {
                return;
            }
            notified.await;
        }
    }

    /// Waits until the client has let go of a connection that the server closed silently.
    pub(crate) async fn let_go(&self) {
        self.state.closed.acquire().await.unwrap().forget();
    }

    /// Lets one held request be answered.
    pub(crate) fn release(&self) {
        self.state.release.add_permits(1);
    }

    pub(crate) fn settings(&self) -> ClientSettings {
        ClientSettings::new(format!("http://{}/", self.address).parse().unwrap())
    }

    pub(crate) fn client(&self) -> SoapClient {
        client(&self.settings())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, connection: usize, state: Arc<State>) {
    let mut buffer = Vec::new();
    for nth in 0.. {
        let Some(request) = read_request(&mut stream, &mut buffer, connection, nth).await else {
            return;
        };
        let act = (state.script)(&request);
        state.seen.lock().unwrap().push(request);
        state.arrived.notify_waiters();
        match act {
            Act::Answer(status, kind, body) => answer(&mut stream, status, kind, &body, "").await,
            Act::AnswerAndAnnounceClose(body) => {
                answer(&mut stream, 200, XML, &body, "Connection: close\r\n").await;
                return;
            }
            Act::AnswerAndClose(body) => {
                answer(&mut stream, 200, XML, &body, "").await;
                let _ = stream.shutdown().await;
                let _ = stream.read(&mut [0; 16]).await;
                state.closed.add_permits(1);
                return;
            }
            Act::Close => return,
            Act::Reset => {
                stream.set_zero_linger().unwrap();
                return;
            }
            Act::Truncate | Act::TruncateAndReset | Act::Stall => {
                let head = "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 5000\r\n\r\n<soap:Env";
                let _ = stream.write_all(head.as_bytes()).await;
                if matches!(act, Act::Stall) {
                    let _ = stream.read(&mut [0; 16]).await;
                }
                if matches!(act, Act::TruncateAndReset) {
                    stream.set_zero_linger().unwrap();
                }
                return;
            }
            Act::Endless => {
                let head = "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nConnection: close\r\n\r\n";
                let mut alive = stream.write_all(head.as_bytes()).await.is_ok();
                while alive {
                    alive = stream.write_all(&[b' '; 4096]).await.is_ok();
                }
                return;
            }
            Act::Hold(body) => {
                state.release.acquire().await.unwrap().forget();
                answer(&mut stream, 200, XML, &body, "").await;
            }
        }
    }
}

pub(crate) const XML: &str = "text/xml;charset=UTF-8";

async fn answer(stream: &mut TcpStream, status: u16, kind: &str, body: &str, more: &str) {
    let message = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\n{more}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    // The client may be gone; then the test says so.
    let _ = stream.write_all(message.as_bytes()).await;
}

async fn read_request(
    stream: &mut TcpStream,
    buffer: &mut Vec<u8>,
    connection: usize,
    nth: usize,
) -> Option<Request> {
    let head_end = loop {
        if let Some(at) = buffer.windows(4).position(|w| w == b"\r\n\r\n") {
            break at;
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(buffer[..head_end].to_vec()).ok()?;
    let mut lines = head.split("\r\n");
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let length: usize = headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.parse().ok())?;
    while buffer.len() < head_end + 4 + length {
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
    let body = String::from_utf8(buffer[head_end + 4..head_end + 4 + length].to_vec()).ok()?;
    buffer.drain(..head_end + 4 + length);
    Some(Request { path, headers, body, connection, nth })
}

/// An answer without content, as OX gives to operations that return nothing.
pub(crate) fn done() -> String {
    "<soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\"><soap:Body></soap:Body></soap:Envelope>".to_owned()
}

/// An answer that returns `content`, which is in no namespace unless it says so.
pub(crate) fn returning(operation: &str, content: &str) -> String {
    format!(
        "<soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\"><soap:Body>\
         <n:{operation}Response xmlns:n=\"http://soap.admin.openexchange.com\" \
         xmlns=\"http://dataobjects.soap.admin.openexchange.com/xsd\"><n:return>{content}</n:return>\
         </n:{operation}Response></soap:Body></soap:Envelope>"
    )
}

/// Credentials as in the recorded exchanges.
pub(crate) struct Recorded;

impl CredentialSource for Recorded {
    fn credentials(&self, account: Account) -> Result<Option<Credentials>, String> {
        let login = match account {
            Account::Master => "oxadminmaster",
            Account::Context(_) => "oxadmin",
        };
        Ok(Some(Credentials { login: login.to_owned(), password: Secret::new("secret") }))
    }
}

/// Notes the calls it is told about.
#[derive(Default)]
pub(crate) struct Observer(pub(crate) Mutex<Vec<(&'static str, bool)>>);

impl CallObserver for Observer {
    fn called(&self, operation: &'static str, _took: Duration, result: Result<(), &OxError>) {
        self.0.lock().unwrap().push((operation, result.is_ok()));
    }
}

pub(crate) fn client(settings: &ClientSettings) -> SoapClient {
    SoapClient::new(settings, Arc::new(Recorded), None).unwrap()
}

/// Deadlines so short that a test can wait for them.
pub(crate) fn short_deadlines() -> Deadlines {
    let short = Duration::from_millis(150);
    Deadlines { read: short, write: short, heavy: short }
}

/// Waits for something that must not take long; a hang becomes a failure.
pub(crate) async fn in_time<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), future).await.unwrap()
}
