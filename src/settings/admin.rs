//! How operators reach a running drover.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::layers::Layers;
use super::problem::BadValue;

/// Section `admin`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Admin {
    /// Where the socket is, if it is not where it usually is.
    pub socket: Option<PathBuf>,
    /// Whether there is a socket.
    pub has_socket: bool,
    /// A loopback address to listen at as well.
    pub listen: Option<SocketAddr>,
    /// Names by which that address may be asked, beside those of the loopback.
    pub hosts: Vec<String>,
    /// The file with the token of those who may do everything.
    pub token_file: Option<PathBuf>,
    /// The file with the token of those who may only look.
    pub read_token_file: Option<PathBuf>,
}

/// What stands for no socket.
const NONE: &str = "none";

impl Admin {
    pub(super) fn read(layers: &Layers) -> Result<Self, BadValue> {
        let socket = layers.field("admin.socket").optional_text()?;
        let field = layers.field("admin.listen");
        let listen = match field.optional_text()? {
            None => None,
            Some(text) => {
                let address = text.parse().ok().filter(|at: &SocketAddr| at.ip().is_loopback());
                Some(address.ok_or_else(|| {
                    field.refuse(
                        "a loopback address with a port",
                        "write one such as 127.0.0.1:8478; to be reached from elsewhere, put a \
                         proxy with TLS before it",
                    )
                })?)
            }
        };
        let hosts = layers.field("admin.hosts").list_between(',')?;
        let token_file = layers.field("admin.token_file").optional_path()?;
        let read_token_file = layers.field("admin.read_token_file").optional_path()?;
        if listen.is_some() && token_file.is_none() && read_token_file.is_none() {
            return Err(layers.field("admin.listen").refuse(
                "together with a file of a token",
                "name one with admin.token_file or admin.read_token_file",
            ));
        }
        let has_socket = socket.as_deref() != Some(NONE);
        let socket = socket.filter(|_| has_socket).map(PathBuf::from);
        Ok(Self { socket, has_socket, listen, hosts, token_file, read_token_file })
    }

    /// Where the socket is; none if there is to be none.
    pub fn socket(&self, data_dir: &Path) -> Option<PathBuf> {
        let usual = || data_dir.join("drover.sock");
        self.has_socket.then(|| self.socket.clone().unwrap_or_else(usual))
    }
}
