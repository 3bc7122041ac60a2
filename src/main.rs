//! Entry point of the `drover` command: parse, telemetry, dispatch, exit code.

use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::Parser;
use drover::cli::data::DataArgs;
use drover::cli::{self, Cli, Command, Exit};
use drover::settings::{LogFormat, Logs, Settings};
use drover::telemetry;

/// The C library's slows down with every hundred thousand small pieces that come and go between others
/// that stay, which is what pending items are.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What is logged where no settings are read.
const LOGS: Logs = Logs {
    level: tracing::Level::ERROR,
    format: LogFormat::Auto,
    file: None,
    max_bytes: 0,
    keep: 0,
};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let env: BTreeMap<String, String> = std::env::vars_os()
        .map(|(name, value)| {
            (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned())
        })
        .collect();
    let ended = match &cli.command {
        Command::Run(args) => run(args, env),
        Command::Apply(args) if args.schema => cli::apply::schema(),
        Command::Apply(args) => apply(args, &env),
        Command::Config(args) => plain(&env, || cli::config::run(args, env.clone())),
        Command::Status(args) => {
            look(&args.data, &env, |settings| cli::status::run(args, settings))
        }
        Command::Context(args) => {
            look(&args.remote.data, &env, |settings| cli::context::run(args, settings, &env))
        }
        Command::Queue(args) => {
            look(&args.remote.data, &env, |settings| cli::queue::run(args, settings, &env))
        }
        Command::Explain(args) => {
            look(&args.remote.data, &env, |settings| cli::explain::run(args, settings))
        }
        Command::Resync(args) => {
            look(&args.remote.data, &env, |settings| cli::resync::run(args, settings, &env))
        }
        Command::Compare(args) => {
            look(&args.remote.data, &env, |settings| cli::compare::run(args, settings, &env))
        }
        Command::Share(args) => look(&args.data, &env, |settings| cli::share::run(args, settings)),
        Command::Cache(args) => {
            look(&args.remote.data, &env, |settings| cli::resync::cache(args, settings))
        }
        // Its codes are those of monitoring plugins.
        Command::Health(args) => return cli::health::run(args, env),
        Command::Ledger(args) => {
            look(&args.data, &env, |settings| cli::ledger::run(args, settings))
        }
        Command::History(args) => {
            look(&args.data, &env, |settings| cli::history::run(args, settings))
        }
        Command::Openapi => plain(&env, cli::openapi::run),
        Command::Mapping(args) => {
            look(&args.data, &env, |settings| cli::mapping::run(args, settings))
        }
        Command::Takeover(args) => {
            look(&args.data, &env, |settings| cli::takeover::run(args, settings))
        }
        Command::Export(args) => {
            look(&args.data, &env, |settings| cli::takeover::export(args, settings))
        }
        Command::Init(args) => plain(&env, || cli::init::run(args, &env)),
        Command::Bundle(args) => plain(&env, || cli::bundle::run(args, env.clone())),
        Command::Completions(args) => cli::manual::completions(args),
        Command::Man(args) => cli::manual::man(args),
        Command::Import(args) => {
            look(&args.data, &env, |settings| cli::import::run(args, settings))
        }
        Command::Lint(args) => look(&args.data, &env, |settings| cli::lint::run(args, settings)),
        Command::Demo(args) => plain(&env, || cli::demo::run(args)),
        Command::Load(args) => plain(&env, || cli::load::run(args, &env)),
        Command::Anonymise(args) => plain(&env, || cli::anonymise::run(args)),
        Command::Sim(args) => plain(&env, || cli::sim::run(args)),
        // Trouble is what it is about; only who asks for the engine's log gets it.
        Command::Simulate(args) if !env.contains_key(telemetry::FILTER_VARIABLE) => {
            cli::simulate::run_seeds(args)
        }
        Command::Simulate(args) => plain(&env, || cli::simulate::run_seeds(args)),
    };
    ended
        .unwrap_or_else(|error| {
            complain(&error);
            Exit::Internal
        })
        .into()
}

/// The service: settings first, they say what is logged.
fn run(args: &cli::run::RunArgs, env: BTreeMap<String, String>) -> anyhow::Result<Exit> {
    let filter = env.get(telemetry::FILTER_VARIABLE).cloned();
    let (settings, notices) = match args.settings(env.clone()) {
        Ok(loaded) => loaded,
        Err(error) => return Ok(bad_settings(&error.into())),
    };
    let dial = match telemetry::init(&settings.logs, filter.as_deref()) {
        Ok(dial) => dial,
        Err(error) => return Ok(bad_settings(&error.into())),
    };
    for notice in &notices {
        tracing::warn!("{notice}");
    }
    cli::run::run(args, env, &settings, &dial)
}

/// Work from files: the settings say what is logged, here as well.
fn apply(args: &cli::apply::ApplyArgs, env: &BTreeMap<String, String>) -> anyhow::Result<Exit> {
    let settings = match args.data.settings(env.clone()) {
        Ok(settings) => settings,
        Err(error) => return Ok(bad_settings(&error.into())),
    };
    let filter = env.get(telemetry::FILTER_VARIABLE);
    match telemetry::init(&settings.logs, filter.map(String::as_str)) {
        Ok(_) => cli::apply::run(args, &settings),
        Err(error) => Ok(bad_settings(&error.into())),
    }
}

/// A command without settings.
fn plain(
    env: &BTreeMap<String, String>,
    command: impl FnOnce() -> anyhow::Result<Exit>,
) -> anyhow::Result<Exit> {
    let filter = env.get(telemetry::FILTER_VARIABLE);
    match telemetry::init(&LOGS, filter.map(String::as_str)) {
        Ok(_) => command(),
        Err(error) => Ok(bad_settings(&error.into())),
    }
}

/// A command that looks into a data directory.
fn look(
    data: &DataArgs,
    env: &BTreeMap<String, String>,
    command: impl FnOnce(&Settings) -> anyhow::Result<Exit>,
) -> anyhow::Result<Exit> {
    match data.settings(env.clone()) {
        Ok(settings) => plain(env, || command(&settings)),
        Err(error) => Ok(bad_settings(&error.into())),
    }
}

fn bad_settings(error: &anyhow::Error) -> Exit {
    complain(error);
    Exit::Settings
}

/// Tells what went wrong and why, however logs look: whoever typed the command reads this.
fn complain(error: &anyhow::Error) {
    eprintln!("drover: {error:#}");
}
