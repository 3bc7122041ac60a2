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
//! | `gate` | who comes in |
//! | `route` | every path, what answers it, and who may ask it |
//! | `reply` | the shape of answers |
//! | `token` | who may do what |
//! | `words` | queries and bodies, and the shape of errors |
//! | `status`, `contexts`, `items`, `causes`, `inspect`, `events`, `verbs`, `again` | the answers |
//! | `watched` | numbers and health, for monitoring |
//! | `openapi` | all of it described |
//! | `find` | which objects a text means |
//! | `inside` | asked by drover's own pages (`page`) |
//! | `client` | the other end, for the command line |

pub(crate) mod again;
pub mod causes;
pub mod client;
mod contexts;
mod door;
mod events;
pub mod find;
mod gate;
pub(crate) mod inside;
mod inspect;
mod items;
pub mod openapi;
mod reply;
mod route;
mod serve;
mod status;
mod token;
mod verbs;
mod watched;
pub mod words;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use actix_rt::Arbiter;
use tokio::sync::{Semaphore, watch};

use crate::actors::news::Newsroom;
use crate::actors::operator::Operator;
use crate::actors::status::Snapshot;
use crate::index::Index;
use crate::ox::limiter::Gates;
use crate::page::Desk;
use crate::settings::{Explained, Settings};
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
    /// Where is told what became durable.
    pub news: Newsroom,
    /// When it was started, milliseconds since 1970 UTC.
    pub started_ms: i64,
    /// Where drover keeps what it remembers; it has to be possible to write there.
    pub data_dir: PathBuf,
    /// How many contexts have series of their own at most.
    pub metrics_contexts: usize,
}

/// What every connection shares.
pub(crate) struct Shared {
    pub(crate) engine: Engine,
    pub(crate) tokens: token::Tokens,
    /// What the pages remember.
    pub(crate) desk: Desk,
    /// Names it goes by, beside those of the loopback addresses.
    hosts: Vec<String>,
    /// Settings in force.
    settings: Vec<Explained>,
    /// Streams of events that may still be opened.
    streams: Arc<Semaphore>,
    /// Whoever reads all of the ledger; one at a time.
    audits: Semaphore,
}

/// An open admin interface; closed when it is dropped.
pub struct Admin {
    /// None once it is closed.
    arbiter: Option<Arbiter>,
    shared: Arc<Shared>,
    /// Removes the socket's file.
    _socket: Option<door::Socket>,
}

impl Admin {
    /// Opens it as the settings say. A way that cannot be opened is told in the log, and the others are opened all the same: provisioning does not
    /// depend on being watched.
    pub fn open(settings: &Settings, engine: Engine) -> Self {
        let arbiter = Arbiter::new();
        let socket = settings.socket();
        let shared = Arc::new(Shared {
            engine,
            tokens: token::Tokens::new(&settings.admin),
            desk: Desk::default(),
            hosts: settings.admin.hosts.clone(),
            settings: settings.explained.clone(),
            streams: Arc::new(Semaphore::new(events::MOST_STREAMS)),
            audits: Semaphore::new(1),
        });
        let samples = shared.clone();
        arbiter.spawn(async move { samples.desk.watch(&samples.engine.snapshots).await });
        let settings = &settings.admin;
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
            for problem in shared.tokens.problems() {
                tracing::error!("{:#}", anyhow::Error::new(problem));
            }
            match door::listen(address) {
                Ok((listener, address)) => {
                    let shared = shared.clone();
                    arbiter.spawn_fn(move || serve::tcp(shared, listener));
                    tracing::info!(%address, "operators with a token are answered");
                }
                Err(problem) => tracing::error!("{:#}", anyhow::Error::new(problem)),
            }
        }
        Self { arbiter: Some(arbiter), shared, _socket: socket }
    }

    /// Answers monitoring at an address of its own, where no token is needed: numbers and health, and
    /// nothing else.
    pub fn open_to_monitoring(&self, address: SocketAddr) {
        let (Some(arbiter), shared) = (&self.arbiter, self.shared.clone()) else { return };
        match door::listen(address) {
            Ok((listener, address)) => {
                arbiter.spawn_fn(move || serve::monitoring(shared, listener));
                tracing::info!(%address, "monitoring is answered");
            }
            Err(problem) => tracing::error!("{:#}", anyhow::Error::new(problem)),
        }
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
