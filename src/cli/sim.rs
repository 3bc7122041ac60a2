//! `drover sim`: the OX simulator as a server.

use std::io::Write as _;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use super::Exit;
use crate::model::{ContextId, Secret};
use crate::sim::{self, Capacity, Config, Latency, SeedContext, SimOptions, Stall};

/// Flags of `drover sim`.
#[derive(Debug, Clone, Args)]
pub struct SimArgs {
    /// Address to listen at; port 0 = a free one, told on standard output.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// A context that is there from the start; may be repeated.
    #[arg(long = "context", value_name = "ID:NAME:LOGIN:PASSWORD")]
    pub contexts: Vec<ContextSpec>,
    /// Configured as Univention's installation notes ask for.
    #[arg(long)]
    pub univention: bool,
    /// A service that is not installed, such as OXUserCopyService; may be repeated.
    #[arg(long, value_name = "SERVICE")]
    pub without: Vec<String>,
    /// How long a call takes, in milliseconds.
    #[arg(long, value_name = "MS", default_value = "0", value_parser = super::milliseconds)]
    pub latency_ms: Duration,
    /// How the server bears several calls at once: measured, linear, cliff, tiny, wide, or calls at
    /// once and the rate they give, as in 1:29,2:59,4:73. Calls then take about as long as on a
    /// small real server (or --latency-ms), longer the more there are.
    #[arg(long, value_name = "CURVE")]
    pub capacity: Option<Capacity>,
    /// Standstills: how long each, and from the begin of one to that of the next, as in 2s/20s.
    #[arg(long, value_name = "TIME/TIME", value_parser = super::stall)]
    pub stall: Option<Stall>,
    /// When it is closed for maintenance (HTTP 503 with Retry-After): how long, and how often, as in
    /// 30s/10m.
    #[arg(long, value_name = "TIME/TIME", value_parser = super::stall)]
    pub maintenance: Option<Stall>,
    /// Database schemas over which contexts are spread; each bears calls as --capacity says
    /// [default: all contexts in one].
    #[arg(long, value_name = "N", requires = "capacity")]
    pub schemas: Option<NonZeroU32>,
    /// Unit of the waits for the lock of a context that somebody else writes in, in milliseconds; the
    /// real server's is 1000.
    #[arg(long, value_name = "MS", default_value = "10", value_parser = super::milliseconds)]
    pub lock_wait_ms: Duration,
    /// Calls to keep in the log, the last ones; 0 = none, which is fastest.
    #[arg(long, value_name = "N", default_value_t = sim::LOG_CAPACITY)]
    pub log: usize,
}

/// A context that the simulator starts with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextSpec {
    /// Its number.
    pub id: ContextId,
    /// Its name.
    pub name: String,
    /// Login of its administrator.
    pub login: String,
    /// The administrator's password; may contain colons.
    pub password: Secret,
}

impl FromStr for ContextSpec {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.splitn(4, ':');
        let mut part = || parts.next().filter(|part| !part.is_empty());
        let (Some(id), Some(name), Some(login), Some(password)) = (part(), part(), part(), part())
        else {
            return Err("expected four parts, ID:NAME:LOGIN:PASSWORD, none of them empty");
        };
        let id = id.parse().ok().filter(|id| *id > 0).ok_or("ID must be a number above 0")?;
        Ok(Self {
            id: ContextId(id),
            name: name.to_owned(),
            login: login.to_owned(),
            password: Secret::new(password),
        })
    }
}

/// Serves until told to end. `listening on http://ADDRESS` on standard output tells that it is ready.
///
/// # Errors
/// If the address cannot be listened at.
pub fn run(args: &SimArgs) -> anyhow::Result<Exit> {
    let contexts = args.contexts.iter().map(|context| SeedContext {
        id: context.id.0,
        name: context.name.clone(),
        admin_login: context.login.clone(),
        admin_password: context.password.reveal().to_owned(),
        access: None,
    });
    let mut options =
        if args.univention { SimOptions::univention() } else { SimOptions::shipped() };
    options.missing_services.clone_from(&args.without);
    let handle = sim::start(Config {
        listen: args.listen,
        options,
        contexts: contexts.collect(),
        capacity: args.capacity.clone(),
        stall: args.stall,
        maintenance: args.maintenance,
        schemas: args.schemas,
        lock_wait: args.lock_wait_ms,
        log_capacity: args.log,
        ..Config::default()
    })?;
    if !args.latency_ms.is_zero() {
        handle.set_latency(None, Latency::FixedMs(args.latency_ms.as_secs_f64() * 1000.0));
    }
    let mut out = std::io::stdout();
    writeln!(out, "listening on {}", handle.base_url())?;
    out.flush()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        std::io::Result::Ok(())
    })?;
    handle.shutdown();
    Ok(Exit::Done)
}
