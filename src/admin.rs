//! The way into a running drover: HTTP on a socket in the data folder, and on a loopback address if
//! the settings ask for one.
//!
//! Who may read the socket may do everything: its mode is 0600, so that is drover's own user and
//! root. On the address nothing but health is answered without a token. Everything that changes
//! something goes to the supervisor as an operator's [`Order`](crate::actors::operator::Order) and is
//! durable when it is answered.
//!
//! It stands on hyper, which the simulator needs in any case: actix-web 4 is built on another
//! generation of the HTTP types and would bring a second copy of them and thirty crates more. It has
//! a thread of its own, so that to write a long answer keeps no context waiting. Each connection is
//! for one request; how many there are at once, how long they last and how long their bodies are is
//! bounded.
//!
//! | file | answers |
//! |---|---|
//! | `door` | sockets: made, replaced, removed |
//! | `serve` | one connection, and what bounds it |
//! | `route` | from a path to what answers it |
//! | `token` | who may do what |
//! | `words` | queries and bodies, and the shape of errors |
//! | `status`, `contexts`, `items`, `verbs`, `again` | the answers |
//! | `find` | which objects a text means |
//! | `client` | the other end, for the command line |

mod again;
pub mod client;
mod contexts;
mod door;
pub mod find;
mod items;
mod route;
mod serve;
mod status;
mod token;
mod verbs;
pub mod words;

use std::path::PathBuf;
use std::sync::Arc;

use actix_rt::Arbiter;
use tokio::sync::watch;

use crate::actors::operator::Operator;
use crate::actors::status::Snapshot;
use crate::index::Index;
use crate::ox::limiter::Gates;
use crate::settings::Admin as AdminSettings;
use crate::store::Store;

pub use door::DoorError;

/// What the answers are made of.
pub struct Engine {
    /// Takes orders.
    pub operator: Operator,
    /// The newest snapshot.
    pub snapshots: watch::Receiver<Arc<Snapshot>>,
    /// Who is where.
    pub index: Arc<Index>,
    /// drover's memory, for reading.
    pub store: Arc<dyn Store>,
    /// Limits of calls to OX.
    pub limits: Arc<Gates>,
    /// When it was started, milliseconds since 1970 UTC.
    pub started_ms: i64,
}

/// What every connection shares.
struct Shared {
    engine: Engine,
    tokens: token::Tokens,
}

/// An open admin interface; closed when it is dropped.
pub struct Admin {
    /// None once it is closed.
    arbiter: Option<Arbiter>,
    /// Removes the socket's file.
    _socket: Option<door::Socket>,
}

impl Admin {
    /// Opens it as the settings say. `socket` is where, if there is to be one. A way that cannot be
    /// opened is told in the log, and the others are opened all the same: provisioning does not
    /// depend on being watched.
    pub fn open(settings: &AdminSettings, socket: Option<PathBuf>, engine: Engine) -> Self {
        let arbiter = Arbiter::new();
        let tokens = token::Tokens::new(settings);
        let shared = Arc::new(Shared { engine, tokens });
        let socket = socket.and_then(|path| match door::Socket::make(&path) {
            Ok((socket, listener)) => {
                let shared = shared.clone();
                arbiter.spawn_fn(move || serve::unix(shared, listener));
                tracing::info!(socket = %path.display(), "operators are answered");
                Some(socket)
            }
            Err(problem) => {
                tracing::error!("{:#}", anyhow::Error::new(problem));
                None
            }
        });
        if let Some(address) = settings.listen {
            match door::listen(address) {
                Ok((listener, address)) => {
                    arbiter.spawn_fn(move || serve::tcp(shared, listener));
                    tracing::info!(%address, "operators with a token are answered");
                }
                Err(problem) => tracing::error!("{:#}", anyhow::Error::new(problem)),
            }
        }
        Self { arbiter: Some(arbiter), _socket: socket }
    }

    /// Closes it and waits until nothing of it listens any more, so that the same address can be
    /// opened again. Must not be called on its own thread.
    pub fn close(mut self) {
        if let Some(arbiter) = self.arbiter.take() {
            arbiter.stop();
            // It only fails if that thread has panicked; then it is gone as well.
            let _ = arbiter.join();
        }
    }
}

impl Drop for Admin {
    fn drop(&mut self) {
        if let Some(arbiter) = &self.arbiter {
            arbiter.stop();
        }
    }
}
