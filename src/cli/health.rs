//! `drover health`: one line and an exit code, as monitoring systems want them.
//!
//! The exit codes are those of monitoring plugins, not drover's usual ones: 0 fine, 1 warning,
//! 2 critical, 3 not to be told.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use clap::{Args, ValueEnum};

use super::data::DataArgs;
use super::speech::SpeechArgs;
use crate::admin::client::Client;
use crate::health::Health;
use crate::hints::{self, Hint, Language};
use crate::ox::{FaultClass, OxApi, OxError, SoapClient};
use crate::service;
use crate::settings::Settings;
use crate::store::FaultRecord;

/// Contexts that are named in the line; of more, only how many.
const MOST_NAMED: usize = 5;

/// Flags of `drover health`.
#[derive(Debug, Clone, Args)]
pub struct HealthArgs {
    /// Which data directory.
    #[command(flatten)]
    pub data: DataArgs,
    /// An item that waits longer is a warning.
    #[arg(long, value_name = "SECONDS", default_value = "300", value_parser = super::seconds)]
    pub warning_age: Duration,
    /// An item that waits longer is critical.
    #[arg(long, value_name = "SECONDS", default_value = "3600", value_parser = super::seconds)]
    pub critical_age: Duration,
    /// It is right that no service runs, such as where `drover run --once` is started by a timer.
    #[arg(long)]
    pub no_service: bool,
    /// Do not ask whether OX answers.
    #[arg(long)]
    pub offline: bool,
    /// Only ask the running drover: 0 yes, 2 no. For the probes of containers and Kubernetes. "live": the
    /// engine moves. "ready": the queue was read and orders are taken. OX being down is neither.
    #[arg(long, value_name = "WHAT")]
    pub probe: Option<Probe>,
    /// How long OX may take to answer.
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = super::seconds)]
    pub timeout: Duration,
    /// In which language.
    #[command(flatten)]
    pub speech: SpeechArgs,
}

/// What a probe asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Probe {
    /// Whether the engine moves.
    Live,
    /// Whether the queue was read and orders are taken.
    Ready,
}

/// What a monitoring system makes of it, in its own order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Ok = 0,
    Warning = 1,
    Critical = 2,
    Unknown = 3,
}

impl Level {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
            Self::Unknown => "UNKNOWN",
        }
    }
}

/// Prints the line; the code is a monitoring plugin's.
pub fn run(args: &HealthArgs, env: BTreeMap<String, String>) -> ExitCode {
    let (level, line) = match look(args, env) {
        Ok(told) => told,
        Err(error) => {
            // More than one line would be cut off.
            let told = format!("{error:#}").replace('\n', "; ");
            (Level::Unknown, told)
        }
    };
    let written = writeln!(io::stdout(), "DROVER {} - {line}", level.word());
    ExitCode::from(if written.is_ok() { level as u8 } else { Level::Unknown as u8 })
}

fn look(args: &HealthArgs, env: BTreeMap<String, String>) -> anyhow::Result<(Level, String)> {
    let settings = args.data.settings(env)?;
    if let Some(probe) = args.probe {
        return Ok(probed(probe, &settings));
    }
    let health = Health::of(&settings)?;
    let mut level = Level::Ok;
    let mut parts = Vec::new();
    let mut tell = |its: Level, part: String| {
        level = level.max(its);
        // What is wrong comes first: the line may be cut off.
        if its == Level::Ok { parts.push(part) } else { parts.insert(0, part) }
    };
    let (its, part) = service(args, &health);
    tell(its, part);
    let (its, part) = waiting(args, &health);
    tell(its, part);
    if health.parked > 0 {
        let behind = health.blocked;
        tell(Level::Warning, format!("{} set aside, {behind} wait for them", health.parked));
    }
    if !args.offline {
        let (its, part) = ox(args, &settings)?;
        tell(its, part);
    }
    if !health.faulty.is_empty() {
        tell(Level::Critical, faulty(&health, args.speech.language()));
    }
    Ok((level, format!("{} | {}", parts.join(", "), numbers(args, &health))))
}

fn probed(probe: Probe, settings: &Settings) -> (Level, String) {
    let Some(socket) = settings.socket() else {
        return (Level::Unknown, "admin.socket is \"none\", so nobody can be asked".to_owned());
    };
    let (path, word) = match probe {
        Probe::Live => ("/v1/health/live", "live"),
        Probe::Ready => ("/v1/health/ready", "ready"),
    };
    match Client::Socket(socket).get(path, &[]) {
        Ok(_) => (Level::Ok, word.to_owned()),
        Err(error) => (Level::Critical, format!("not {word}: {error}")),
    }
}

fn service(args: &HealthArgs, health: &Health) -> (Level, String) {
    match (&health.worker, args.no_service) {
        (Some(worker), _) => (Level::Ok, format!("service runs ({worker})")),
        (None, true) => (Level::Ok, "no service runs".to_owned()),
        (None, false) => (Level::Critical, "no service runs".to_owned()),
    }
}

fn waiting(args: &HealthArgs, health: &Health) -> (Level, String) {
    let count = health.pending + health.fresh + health.faulty.len() as u64;
    let age = health.oldest_age(SystemTime::now());
    let level = match age {
        age if age > args.critical_age => Level::Critical,
        age if age > args.warning_age => Level::Warning,
        _ => Level::Ok,
    };
    let since = if health.oldest.is_some() {
        format!(", the oldest for {} s", age.as_secs())
    } else {
        String::new()
    };
    let wait = if count == 1 { "item waits" } else { "items wait" };
    (level, format!("{count} {wait}{since}"))
}

fn faulty(health: &Health, language: Language) -> String {
    let standing = health.standing();
    let named: Vec<String> = standing.iter().take(MOST_NAMED).map(ToString::to_string).collect();
    let more = if standing.len() > MOST_NAMED { ", …" } else { "" };
    let items = match health.faulty.len() {
        1 => "1 faulty item".to_owned(),
        items => format!("{items} faulty items"),
    };
    let items = match most_frequent(health, language) {
        // A bar would begin the numbers.
        Some(hint) => format!("{items} [{}: {}]", hint.code, hint.means.replace('|', "/")),
        None => items,
    };
    let still = match standing.len() {
        0 => return items,
        1 => "context stands still",
        _ => "contexts stand still",
    };
    format!("{} {still} ({}{more}) at {items}", standing.len(), named.join(", "))
}

/// What most of the faulty items have.
fn most_frequent(health: &Health, language: Language) -> Option<Hint> {
    let mut kinds: BTreeMap<&str, (usize, &FaultRecord)> = BTreeMap::new();
    for fault in &health.faulty {
        let code = hints::kind_of(Some(&fault.class), &fault.text).code;
        kinds.entry(code).or_insert((0, fault)).0 += 1;
    }
    let (_, fault) = kinds.into_values().max_by_key(|(count, _)| *count)?;
    Some(hints::hint(Some(&fault.class), &fault.text, language))
}

/// Whether OX answers. That it refuses the login is an answer, too, but not a good one.
fn ox(args: &HealthArgs, settings: &Settings) -> anyhow::Result<(Level, String)> {
    let mut client = service::client_settings(settings);
    client.deadlines.read = args.timeout.min(client.deadlines.read);
    client.connect_timeout = args.timeout.min(client.connect_timeout);
    let client = SoapClient::new(&client, Arc::new(service::credentials(settings)), None)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let answer = runtime.block_on(client.context_exists(settings.ox.default_context));
    Ok(match answer {
        Ok(_) => (Level::Ok, "OX answers".to_owned()),
        Err(OxError::NoCredentials { .. }) => {
            (Level::Warning, "OX was not asked: no master password".to_owned())
        }
        Err(OxError::Fault { fault, .. }) if fault.class == FaultClass::InvalidCredentials => {
            (Level::Warning, "OX refuses the master's login".to_owned())
        }
        Err(error) => (Level::Critical, format!("OX is out: {error}")),
    })
}

/// Performance data: `name=value;warning;critical;least`.
fn numbers(args: &HealthArgs, health: &Health) -> String {
    let (warning, critical) = (args.warning_age.as_secs(), args.critical_age.as_secs());
    format!(
        "pending={};;;0 oldest={}s;{warning};{critical};0 faulty={};;0;0 standing={};;0;0 \
         parked={};0;;0 blocked={};;;0",
        health.pending + health.fresh,
        health.oldest_age(SystemTime::now()).as_secs(),
        health.faulty.len(),
        health.standing().len(),
        health.parked,
        health.blocked,
    )
}
