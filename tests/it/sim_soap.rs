//! A plain HTTP connection and hand-made envelopes: no code of the client under test.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a panic in a test is the report")]

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

pub(crate) const UTF8: &str = "text/xml; charset=utf-8";
const DATA: &str = "http://dataobjects.soap.admin.openexchange.com/xsd";
const AUTH: &str = "http://dataobjects.rmi.admin.openexchange.com/xsd";

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// Header lines in lower case.
    pub(crate) headers: Vec<String>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn closes(&self) -> bool {
        self.headers.iter().any(|line| line == "connection: close")
    }
}

/// One keep-alive connection.
pub(crate) struct Connection {
    reader: BufReader<TcpStream>,
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        // Longer than anything that is waited for; a test that hangs should fail instead.
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Self { reader: BufReader::new(stream) }
    }

    /// Asks once, and does not mind if that fails.
    pub(crate) fn try_get(address: SocketAddr, path: &str) -> Option<Vec<u8>> {
        TcpStream::connect(address).ok()?;
        let mut connection = Self::open(address);
        connection.send("GET", path, UTF8, b"");
        connection.receive().map(|reply| reply.body)
    }

    /// Sends a request without waiting for its answer.
    pub(crate) fn send(&mut self, method: &str, path: &str, content_type: &str, body: &[u8]) {
        let mut request = format!("{method} {path} HTTP/1.1\r\nHost: sim.example.test:8080\r\n");
        write!(request, "Content-Type: {content_type}\r\nContent-Length: {}\r\n\r\n", body.len())
            .unwrap();
        let mut bytes = request.into_bytes();
        bytes.extend_from_slice(body);
        self.reader.get_mut().write_all(&bytes).unwrap();
    }

    /// Sends bytes as they are.
    pub(crate) fn send_raw(&mut self, bytes: &[u8]) {
        self.reader.get_mut().write_all(bytes).unwrap();
    }

    /// Says that nothing more will be sent.
    pub(crate) fn close_write(&self) {
        self.reader.get_ref().shutdown(std::net::Shutdown::Write).unwrap();
    }

    /// The next answer; `None` when the server closed the connection instead.
    pub(crate) fn receive(&mut self) -> Option<Reply> {
        let mut line = String::new();
        match self.reader.read_line(&mut line) {
            Ok(0) | Err(_) => return None,
            Ok(_) => {}
        }
        let status = line.split(' ').nth(1).unwrap().parse().unwrap();
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            self.reader.read_line(&mut line).unwrap();
            let line = line.trim_end().to_lowercase();
            if line.is_empty() {
                break;
            }
            headers.push(line);
        }
        let length = headers.iter().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.unwrap_or("0").parse().unwrap()];
        self.reader.read_exact(&mut body).unwrap();
        Some(Reply { status, headers, body })
    }

    pub(crate) fn post(&mut self, service: &str, envelope: &str) -> Reply {
        self.send("POST", &format!("/webservices/{service}"), UTF8, envelope.as_bytes());
        self.receive().expect("an answer")
    }

    pub(crate) fn get(&mut self, path: &str) -> Reply {
        self.send("GET", path, UTF8, b"");
        self.receive().expect("an answer")
    }
}

pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

/// Elements of a data object.
pub(crate) fn fields(values: &[(&str, &str)]) -> String {
    values.iter().fold(String::new(), |all, (name, value)| {
        all + &format!("<d:{name}>{}</d:{name}>", escape(value))
    })
}

/// An envelope around an operation; `inner` uses the prefixes `s` and `d`.
pub(crate) fn envelope(service: &str, operation: &str, inner: &str, auth: (&str, &str)) -> String {
    let namespace = match service {
        "OXUserCopyService" => "http://soap.copy.user.admin.openexchange.com",
        _ => "http://soap.admin.openexchange.com",
    };
    let (login, password) = (escape(auth.0), escape(auth.1));
    format!(
        "<e:Envelope xmlns:e=\"http://schemas.xmlsoap.org/soap/envelope/\" xmlns:s=\"{namespace}\" \
         xmlns:d=\"{DATA}\" xmlns:r=\"{AUTH}\"><e:Body><s:{operation}>{inner}<s:auth>\
         <r:login>{login}</r:login><r:password>{password}</r:password></s:auth></s:{operation}>\
         </e:Body></e:Envelope>"
    )
}

/// The text between two marks.
pub(crate) fn between<'t>(text: &'t str, start: &str, end: &str) -> Option<&'t str> {
    let from = text.find(start)? + start.len();
    let to = text[from..].find(end)? + from;
    Some(&text[from..to])
}
