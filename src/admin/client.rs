//! The other end, for the command line: asks a running drover, over its socket or an address.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use url::Url;

use super::route::encoded;
use crate::model::Secret;

/// Largest answer that is read, in bytes.
const LARGEST: u64 = 256 << 20;

/// How long an answer may take. To have everything provisioned again takes longest.
const PATIENCE: Duration = Duration::from_secs(300);

/// How a running drover is reached.
#[derive(Debug, Clone)]
pub enum Client {
    /// By its socket.
    Socket(PathBuf),
    /// By an address.
    Address {
        /// What `/v1` is appended to.
        url: Url,
        /// Who asks.
        token: Option<Secret>,
    },
}

/// Why there is no answer to use.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody is there.
    #[error(
        "no drover runs at {place}; start \"drover run\" there, or name another place with --data or --url"
    )]
    NoService {
        /// The socket or address.
        place: String,
    },
    /// It is there, and cannot be reached.
    #[error("cannot ask the drover at {place}")]
    Unreachable {
        /// The socket or address.
        place: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// What came is no answer of drover's.
    #[error("the answer from {place} is not drover's: {reason}")]
    Garbled {
        /// The socket or address.
        place: String,
        /// What is wrong with it.
        reason: String,
    },
    /// It was refused.
    #[error("{error}; {cure}")]
    Refused {
        /// HTTP's status.
        status: u16,
        /// What is wrong.
        error: String,
        /// What to do about it.
        cure: String,
    },
}

impl Client {
    /// Asks for what is at a path, with parameters; those without a value are left out.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn get(&self, path: &str, query: &[(&str, Option<String>)]) -> Result<Value, ClientError> {
        let mut parameters = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in query {
            if let Some(value) = value {
                parameters.append_pair(name, value);
            }
        }
        let parameters = parameters.finish();
        let mark = if parameters.is_empty() { "" } else { "?" };
        self.ask("GET", &format!("{path}{mark}{parameters}"), None, PATIENCE)
    }

    /// Asks for what is at a path, and waits no longer than so long for it.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn get_within(&self, path: &str, patience: Duration) -> Result<Value, ClientError> {
        self.ask("GET", path, None, patience)
    }

    /// Gives an order.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn post(&self, path: &str, body: &Value) -> Result<Value, ClientError> {
        self.ask("POST", path, Some(body), PATIENCE)
    }

    /// A path with one more part, which may hold anything.
    pub fn path(base: &str, part: &str) -> String {
        format!("{base}/{}", encoded(part))
    }

    /// Asks for something that is no JSON.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub fn text(&self, path: &str) -> Result<String, ClientError> {
        let (status, bytes) = self.raw("GET", path, None, PATIENCE)?;
        if status == 200 {
            return Ok(String::from_utf8_lossy(&bytes).into_owned());
        }
        let error = format!("{path} is answered with status {status}");
        Err(ClientError::Refused { status, error, cure: "ask a newer drover".to_owned() })
    }

    fn place(&self) -> String {
        match self {
            Self::Socket(path) => path.display().to_string(),
            Self::Address { url, .. } => url.to_string(),
        }
    }

    fn raw(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        patience: Duration,
    ) -> Result<Raw, ClientError> {
        let asked = match self {
            Self::Socket(socket) => over_socket(socket, method, path, body, patience),
            Self::Address { url, token } => over_address(url, token.as_ref(), path, body, patience),
        };
        asked.map_err(|source| match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                ClientError::NoService { place: self.place() }
            }
            io::ErrorKind::InvalidData => {
                ClientError::Garbled { place: self.place(), reason: source.to_string() }
            }
            _ => ClientError::Unreachable { place: self.place(), source },
        })
    }

    fn ask(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        patience: Duration,
    ) -> Result<Value, ClientError> {
        let (status, bytes) = self.raw(method, path, body, patience)?;
        let answer: Value = serde_json::from_slice(&bytes).map_err(|_| ClientError::Garbled {
            place: self.place(),
            reason: format!("HTTP status {status} without JSON"),
        })?;
        if status == 200 {
            return Ok(answer);
        }
        let text = |key: &str| answer[key].as_str().unwrap_or_default().to_owned();
        Err(ClientError::Refused { status, error: text("error"), cure: text("cure") })
    }
}

type Raw = (u16, Vec<u8>);

fn garbled(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason.to_owned())
}

fn over_socket(
    socket: &PathBuf,
    method: &str,
    path: &str,
    body: Option<&Value>,
    patience: Duration,
) -> io::Result<Raw> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    let body = body.map(ToString::to_string).unwrap_or_default();
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: drover\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes())?;
    // Who is refused by the head alone is answered all the same.
    let sent = stream.write_all(body.as_bytes());
    let mut bytes = Vec::new();
    let read = stream.take(LARGEST).read_to_end(&mut bytes);
    if bytes.is_empty() {
        sent?;
        read?;
    }
    parse(&bytes)
}

/// Status and body of an answer that came to its end with its connection.
fn parse(bytes: &[u8]) -> io::Result<Raw> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
    let end = end.ok_or_else(|| garbled("it breaks off"))?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.filter(|_| head.starts_with("HTTP/1."));
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let body = &bytes[end + 4..];
    match (status, length) {
        (Some(status), Some(length)) if body.len() == length => Ok((status, body.to_vec())),
        (Some(_), Some(_)) => Err(garbled("it breaks off")),
        _ => Err(garbled("it is no HTTP")),
    }
}

fn over_address(
    url: &Url,
    token: Option<&Secret>,
    path: &str,
    body: Option<&Value>,
    patience: Duration,
) -> io::Result<Raw> {
    let target = format!("{}{path}", url.as_str().trim_end_matches('/'));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let told = |error: reqwest::Error| {
            let kind = if error.is_connect() {
                io::ErrorKind::ConnectionRefused
            } else {
                io::ErrorKind::Other
            };
            io::Error::new(kind, error.without_url())
        };
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            // A token is for nobody on the way.
            .no_proxy()
            .timeout(patience)
            .build()
            .map_err(told)?;
        let mut request = match body {
            Some(body) => client
                .post(target)
                .header(reqwest::header::CONTENT_TYPE, "application/json")
                .body(body.to_string()),
            None => client.get(target),
        };
        if let Some(token) = token {
            request = request.bearer_auth(token.reveal());
        }
        let answer = request.send().await.map_err(told)?;
        let status = answer.status().as_u16();
        Ok((status, answer.bytes().await.map_err(told)?.to_vec()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_whole_or_not_at_all() {
        let whole = b"HTTP/1.1 404 Not Found\r\ncontent-Length: 2\r\nx: y\r\n\r\n{}";
        assert_eq!(parse(whole).unwrap(), (404, b"{}".to_vec()));
        for cut in [
            &b""[..],
            b"HTTP/1.1 200 OK",
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}",
            b"SSH-2.0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n\r\n{}",
        ] {
            assert!(parse(cut).is_err());
        }
    }
}
