//! Starting, steering and stopping a simulator.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use serde::Deserialize;

use super::capacity::Capacity;
use super::fault::Fault;
use super::http;
use super::log::{CallRecord, Stats};
use super::options::SimOptions;
use super::script::{Latency, Rule, ScriptUpdate};
use super::server::Shared;
use super::stall::Stall;
use super::world::field::UserField as F;
use super::world::{Access, ContextInput, Credentials, UserInput, World};

/// Idle connections of the real server live so long.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// The real server serves so many requests on one connection.
const REQUESTS_PER_CONNECTION: u64 = 257;
/// Records of the log where nothing else is said: some 600 MB, when names are short.
pub const LOG_CAPACITY: usize = 5_000_000;
/// A hundredth of the real server's unit, so that tests of waiting do not take seconds.
const LOCK_WAIT: Duration = Duration::from_millis(10);

/// A context the server has from the start.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedContext {
    /// Its id.
    pub id: u32,
    /// Its name; the id as text when empty.
    #[serde(default)]
    pub name: String,
    /// Login of its administrator.
    pub admin_login: String,
    /// Password of its administrator.
    pub admin_password: String,
    /// Access combination of its administrator, and so of plainly created users; that of a
    /// plainly created context when left out.
    #[serde(default)]
    pub access: Option<String>,
}

impl SeedContext {
    /// A context named after its id, with the administrator `oxadmin` and the password `secret`.
    pub fn new(id: u32) -> Self {
        Self {
            id,
            name: format!("context{id}"),
            admin_login: "oxadmin".to_owned(),
            admin_password: "secret".to_owned(),
            access: None,
        }
    }

    /// Makes it as the master would over the wire.
    pub(crate) fn create(&self, world: &mut World, master: &(String, String)) -> Result<(), Fault> {
        let mail = format!("{}@context{}.invalid", self.admin_login, self.id);
        let mut admin = UserInput { sent: true, ..UserInput::default() };
        for (field, value) in [
            (F::NAME, self.admin_login.as_str()),
            (F::PASSWORD, self.admin_password.as_str()),
            (F::DISPLAY_NAME, "Context Admin"),
            (F::GIVEN_NAME, "Context"),
            (F::SUR_NAME, "Admin"),
            (F::PRIMARY_EMAIL, mail.as_str()),
            (F::EMAIL1, mail.as_str()),
        ] {
            admin.fields.set(field, value);
        }
        let input = ContextInput {
            id: Some(i64::from(self.id)),
            name: (!self.name.is_empty()).then(|| self.name.clone()),
            max_quota: Some(-1),
            ..ContextInput::default()
        };
        let access = match &self.access {
            Some(name) => Access::Named(Some(name.clone())),
            None => Access::Default,
        };
        let auth = Credentials { login: &master.0, password: &master.1 };
        world.context_create(&input, Some(&admin), &access, auth).map(|_| ())
    }
}

/// How a simulator is to be.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen; port 0 takes any free one.
    pub listen: SocketAddr,
    /// Login and password of the master.
    pub master: (String, String),
    /// The server's switches.
    pub options: SimOptions,
    /// Seed of all chance: exception ids, latencies, probabilities.
    pub seed: u64,
    /// Contexts there are from the start.
    pub contexts: Vec<SeedContext>,
    /// Connections idle for so long are closed without a word.
    pub idle_timeout: Duration,
    /// The last of so many requests on a connection is answered with `Connection: close`; 0 for
    /// no limit.
    pub requests_per_connection: u64,
    /// Unit of the waits for a context's user lock: the n-th takes n to n + 1 units. The real
    /// server's is a second.
    pub lock_wait: Duration,
    /// How the server bears several calls at once; none: a call takes no time but what the script
    /// gives it, however many there are.
    pub capacity: Option<Capacity>,
    /// Over how many database schemas contexts are spread: each bears as many calls at once as
    /// [`Config::capacity`] says; none: all are in one.
    pub schemas: Option<NonZeroU32>,
    /// When the server stands still for a while; none: never.
    pub stall: Option<Stall>,
    /// When the server is closed: something before it answers with 503 and asks to stay away until it
    /// is over; none: never.
    pub maintenance: Option<Stall>,
    /// Most records in the call log; the oldest go first. 0 for none at all.
    pub log_capacity: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            master: ("oxadminmaster".to_owned(), "secret".to_owned()),
            options: SimOptions::default(),
            seed: 1,
            contexts: Vec::new(),
            idle_timeout: IDLE_TIMEOUT,
            requests_per_connection: REQUESTS_PER_CONNECTION,
            lock_wait: LOCK_WAIT,
            capacity: None,
            schemas: None,
            stall: None,
            maintenance: None,
            log_capacity: LOG_CAPACITY,
        }
    }
}

/// Why a simulator does not start, or a context is not seeded.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    /// The address cannot be listened on.
    #[error("failed to listen on {address}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// No thread or runtime to be had.
    #[error("failed to start the simulator's thread")]
    Thread(#[source] io::Error),
    /// A context the server's rules refuse.
    #[error("failed to seed context {context}: {reason}")]
    Seed {
        /// Its id.
        context: u32,
        /// The server's text.
        reason: String,
    },
}

/// A running simulator; it stops when this is dropped.
#[derive(Debug)]
pub struct Handle {
    shared: Arc<Shared>,
    address: SocketAddr,
    thread: Option<JoinHandle<()>>,
}

/// Starts a simulator on a thread and runtime of its own, so that it works beside any other.
/// It accepts connections when this returns.
///
/// # Errors
/// When the address is taken, there is no thread to be had, or a seeded context is refused.
pub fn start(config: Config) -> Result<Handle, SimError> {
    let wanted = config.listen;
    let listen = |source| SimError::Listen { address: wanted, source };
    let listener = std::net::TcpListener::bind(wanted).map_err(listen)?;
    listener.set_nonblocking(true).map_err(listen)?;
    let address = listener.local_addr().map_err(listen)?;
    let shared = Arc::new(Shared::new(config)?);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(SimError::Thread)?;
    let listener = {
        let _entered = runtime.enter();
        tokio::net::TcpListener::from_std(listener).map_err(listen)?
    };
    let served = Arc::clone(&shared);
    let thread = std::thread::Builder::new()
        .name("ox-simulator".to_owned())
        .spawn(move || runtime.block_on(http::serve(served, listener)))
        .map_err(SimError::Thread)?;
    Ok(Handle { shared, address, thread: Some(thread) })
}

impl Handle {
    /// Address without path, to put `/webservices/…` behind.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// Everything on the server as canonical JSON; passwords are left out.
    pub fn state(&self) -> serde_json::Value {
        self.shared.lock().world.state()
    }

    /// The calls so far.
    pub fn log(&self) -> Vec<CallRecord> {
        self.shared.lock().log.records().cloned().collect()
    }

    /// Forgets the calls so far.
    pub fn clear_log(&self) {
        self.shared.lock().log.clear();
    }

    /// Counters since the start.
    pub fn stats(&self) -> Stats {
        self.shared.lock().stats()
    }

    /// Adds a rule behind those there are.
    pub fn script(&self, rule: Rule) {
        let update = ScriptUpdate { rules: vec![rule], ..ScriptUpdate::default() };
        self.shared.lock().script.update(update);
    }

    /// Forgets all rules and latencies.
    pub fn clear_script(&self) {
        self.shared.lock().script.clear();
    }

    /// Sets the latency of an operation (`OXUserService.create` or `create`), or with `None` of
    /// all that have none of their own.
    pub fn set_latency(&self, operation: Option<&str>, latency: Latency) {
        let mut update = ScriptUpdate::default();
        match operation {
            Some(operation) => {
                update.latencies.insert(operation.to_owned(), latency);
            }
            None => update.latency = Some(latency),
        }
        self.shared.lock().script.update(update);
    }

    /// From now on the server bears several calls at once so (none: without taking time).
    pub fn set_capacity(&self, capacity: Option<Capacity>) {
        self.shared.lock().capacity = capacity;
    }

    /// Makes a guest with that address; answers its number.
    ///
    /// # Errors
    /// When there is no such context.
    pub fn seed_guest(&self, context: u32, address: &str) -> Result<u32, SimError> {
        let made = self.shared.lock().world.add_guest(context, address);
        made.map_err(|fault| SimError::Seed { context, reason: fault.text })
    }

    /// Makes a context as the master would.
    ///
    /// # Errors
    /// When the server's rules refuse it.
    pub fn seed_context(&self, seed: &SeedContext) -> Result<(), SimError> {
        self.shared.seed(seed)
    }

    /// Stops it and waits until it has: connections are closed, calls under way are dropped.
    pub fn shutdown(mut self) {
        self.stop();
    }

    /// Waits until it stops by itself, which it does not do unless its thread fails.
    pub fn join(mut self) {
        self.wait();
    }

    fn stop(&mut self) {
        self.shared.stop.send_replace(true);
        self.wait();
    }

    fn wait(&mut self) {
        if let Some(thread) = self.thread.take() {
            // Its panic has been reported on standard error already.
            let _ = thread.join();
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if self.thread.is_some() {
            self.stop();
        }
    }
}
