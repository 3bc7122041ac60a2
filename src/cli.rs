//! The command line: subcommands and flags, and what they are turned into.

pub mod anonymise;
pub mod apply;
pub mod bundle;
pub mod compare;
pub mod config;
pub mod context;
pub mod data;
pub mod demo;
pub mod exit;
pub mod explain;
pub mod health;
pub mod history;
pub mod import;
pub mod init;
pub mod ledger;
pub mod lint;
pub mod load;
pub mod manual;
pub mod mapping;
pub mod openapi;
mod paint;
pub mod queue;
mod remote;
pub mod resync;
pub mod run;
pub mod share;
pub mod sim;
pub mod simulate;
pub mod speech;
pub mod status;
pub mod takeover;

use std::time::Duration;

use clap::{Parser, Subcommand};

pub use exit::Exit;

/// Provisions Open-Xchange App Suite from Univention identity changes.
#[derive(Debug, Parser)]
#[command(name = "drover", version, arg_required_else_help = true, after_help = exit::TEXT)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What drover can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Provision OX from the queue in the data directory.
    Run(run::RunArgs),
    /// Set drover up: asks, probes, writes a commented settings file, and checks it.
    Init(init::InitArgs),
    /// Tell what the settings are, and check whether drover can work with them.
    Config(config::ConfigArgs),
    /// Bring OX into the state that files describe.
    Apply(apply::ApplyArgs),
    /// Tell what waits, what stands still, and why.
    Status(status::StatusArgs),
    /// Which contexts there are, which stand still and why; hold one, resume it.
    Context(context::ContextArgs),
    /// Pending items: list, show, retry, park, release, drop.
    Queue(queue::QueueArgs),
    /// Tell why an item is not through: every condition, in the order in which they count.
    Explain(explain::ExplainArgs),
    /// Provision again what drover knows: one object, all of a kind, a context, everything. Never deletes.
    Resync(resync::ResyncArgs),
    /// Compare what the directory wants, what was provisioned, and what OX has; changes nothing.
    Compare(compare::CompareArgs),
    /// Tell how functional accounts become shared ones, and what gets lost; a script for UDM. Changes nothing.
    Share(share::ShareArgs),
    /// The numbers of users in OX: how well they are known; look them up anew.
    Cache(resync::CacheArgs),
    /// Tell monitoring how it goes: one line; exit code 0 fine, 1 warning, 2 critical, 3 unknown.
    Health(health::HealthArgs),
    /// Count what was taken in against what became of it, check the ledger, name the first gap.
    Ledger(ledger::LedgerArgs),
    /// Tell what happened to an object, and why.
    History(history::HistoryArgs),
    /// Print the description of the HTTP interface (OpenAPI).
    Openapi,
    /// Show, change or check which property of the directory feeds which field of OX's users.
    Mapping(mapping::MappingArgs),
    /// Go on where a Python OX Connector has stopped: take over its states, its queue and its files.
    Takeover(takeover::TakeoverArgs),
    /// Write last known states as the OX Connector does, for the way back.
    Export(takeover::ExportArgs),
    /// Make an archive for whoever helps from afar: settings, status, held items, logs; no secrets, nobody's name.
    Bundle(bundle::BundleArgs),
    /// Print the completions of a shell.
    Completions(manual::CompletionsArgs),
    /// Write manual pages.
    Man(manual::ManArgs),
    /// Make a queue, drive it at the built-in simulator and compare the result.
    Demo(demo::DemoArgs),
    /// Take over what OX has and drover does not know: into files of desired state and drover's memory. Only reads from OX.
    Import(import::ImportArgs),
    /// Tell what is wrong with a source, without asking OX: names and addresses used twice, what OX would refuse.
    Lint(lint::LintArgs),
    /// Put a test system (or the built-in simulator) under load, and tell what it can bear.
    Load(Box<load::LoadArgs>),
    /// Copy recorded queue files without names, addresses and passwords, for `load replay`.
    Anonymise(anonymise::AnonymiseArgs),
    /// Serve the OX simulator until told to end.
    Sim(sim::SimArgs),
    /// Run the engine under virtual time through many seeded troubles, and check its laws.
    Simulate(simulate::SimulateArgs),
}

/// Standstills of the simulator, as in `2s/20s`: how long each, and from begin to begin.
fn stall(text: &str) -> Result<crate::sim::Stall, String> {
    let expected = || "expected how long and how often, such as 2s/20s".to_owned();
    let (length, every) = text.split_once('/').ok_or_else(expected)?;
    let (length, every) = (crate::load::units::time(length)?, crate::load::units::time(every)?);
    crate::sim::Stall::new(length, every).ok_or_else(expected)
}

/// A time in seconds, with or without a fraction.
fn seconds(text: &str) -> Result<Duration, String> {
    const EXPECTED: &str = "expected a number of seconds, such as 0.5 or 30";
    let seconds: f64 = text.parse().map_err(|_| EXPECTED)?;
    Duration::try_from_secs_f64(seconds).map_err(|_| EXPECTED.to_owned())
}

/// A time in whole milliseconds.
fn milliseconds(text: &str) -> Result<Duration, String> {
    text.parse()
        .map(Duration::from_millis)
        .map_err(|_| "expected a whole number of milliseconds".to_owned())
}
