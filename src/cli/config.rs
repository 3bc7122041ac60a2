//! `drover config`: what the settings are, where they come from, and whether drover can work with
//! them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Exit;
use crate::check::{self, Finding};
use crate::settings::{Explained, Notice, Origin, Settings, SettingsError, Sources};

/// Flags of `drover config`.
#[derive(Debug, Clone, Args)]
pub struct ConfigArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: ConfigCommand,
}

/// What can be done with settings.
#[derive(Debug, Clone, Subcommand)]
pub enum ConfigCommand {
    /// Tell what is set and where, and check everything drover needs: files, OX, logins, services.
    Check(CheckArgs),
    /// Print all settings as they are in effect, secrets masked.
    Show(ShowArgs),
}

/// Which settings.
#[derive(Debug, Clone, Args)]
pub struct Which {
    /// Data directory, over what the settings say.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Settings file [default: drover.toml in the data directory, if it exists].
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print a JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Flags of `drover config check`.
#[derive(Debug, Clone, Args)]
pub struct CheckArgs {
    /// Which settings.
    #[command(flatten)]
    pub which: Which,
    /// Do not ask OX.
    #[arg(long)]
    pub offline: bool,
}

/// Flags of `drover config show`.
#[derive(Debug, Clone, Args)]
pub struct ShowArgs {
    /// Which settings.
    #[command(flatten)]
    pub which: Which,
    /// Tell where each value was set.
    #[arg(long)]
    pub origin: bool,
    /// Tell what each setting means.
    #[arg(long)]
    pub explain: bool,
}

/// What the settings are, or why they cannot be used.
type Loaded = Result<(Settings, Vec<Notice>, Vec<Explained>), SettingsError>;

/// Does it, with this environment.
///
/// # Errors
/// If something fails that has no exit code of its own.
pub fn run(args: &ConfigArgs, env: BTreeMap<String, String>) -> anyhow::Result<Exit> {
    let which = match &args.command {
        ConfigCommand::Check(args) => &args.which,
        ConfigCommand::Show(args) => &args.which,
    };
    let sources = Sources { file: which.config.clone(), env, data_dir: which.data.clone() };
    let loaded = Settings::load_explained(&sources);
    let (text, exit) = match &args.command {
        ConfigCommand::Check(args) => checked(args, loaded)?,
        ConfigCommand::Show(args) => shown(args, loaded)?,
    };
    let mut out = io::stdout();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(exit)
}

fn shown(args: &ShowArgs, loaded: Loaded) -> anyhow::Result<(String, Exit)> {
    let (_, notices, settings) = match loaded {
        Ok(loaded) => loaded,
        Err(error) => return unusable(args.which.json, &error),
    };
    if args.which.json {
        let settings: serde_json::Map<String, Value> = settings
            .iter()
            .map(|one| Ok((one.key.clone(), serde_json::to_value(one)?)))
            .collect::<Result<_, serde_json::Error>>()?;
        let notices: Vec<String> = notices.iter().map(ToString::to_string).collect();
        let shown = json!({"settings": settings, "notices": notices});
        return Ok((format!("{}\n", serde_json::to_string_pretty(&shown)?), Exit::Done));
    }
    let mut text = String::new();
    for one in &settings {
        if args.explain && !one.meaning.is_empty() {
            let _ = writeln!(text, "# {} ({})", one.meaning, one.takes_effect);
        }
        let line = one.line();
        let _ = if args.origin {
            writeln!(text, "{line:<60}  # {}", one.origin)
        } else {
            writeln!(text, "{line}")
        };
    }
    for notice in &notices {
        let _ = writeln!(text, "# {notice}");
    }
    Ok((text, Exit::Done))
}

fn checked(args: &CheckArgs, loaded: Loaded) -> anyhow::Result<(String, Exit)> {
    let (settings, notices, explained) = match loaded {
        Ok(loaded) => loaded,
        Err(error) => return unusable(args.which.json, &error),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let findings = runtime.block_on(check::check(&settings, args.offline));
    let exit = check::exit(&findings);
    if args.which.json {
        let notices: Vec<String> = notices.iter().map(ToString::to_string).collect();
        let told = json!({
            "ok": exit == Exit::Done,
            "exit": exit.code(),
            "settings": explained,
            "notices": notices,
            "checks": findings,
        });
        return Ok((format!("{}\n", serde_json::to_string_pretty(&told)?), exit));
    }
    Ok((told(&explained, &notices, &findings, exit), exit))
}

/// For people: what was set by somebody, then one line for each check, with its cure.
fn told(explained: &[Explained], notices: &[Notice], findings: &[Finding], exit: Exit) -> String {
    let mut text = String::new();
    let (set, rest): (Vec<_>, Vec<_>) =
        explained.iter().partition(|one| one.origin != Origin::Default);
    let _ = writeln!(text, "settings");
    for one in set {
        let _ = writeln!(text, "  {:<60}  {}", one.line(), one.origin);
    }
    let others = "\"drover config show --origin --explain\" lists and explains all";
    let _ = writeln!(text, "  {} more are at their defaults; {others}", rest.len());
    for notice in notices {
        let _ = writeln!(text, "  note: {notice}");
    }
    let _ = writeln!(text, "checks");
    for Finding { check, state, told, cure, .. } in findings {
        let _ = writeln!(text, "  {:<8} {check:<18} {told}", state.word());
        if let Some(cure) = cure {
            let _ = writeln!(text, "  {:<27} cure: {cure}", "");
        }
    }
    let end =
        if exit == Exit::Done { "drover can work with this" } else { "this has to be mended" };
    let _ = writeln!(text, "{end}");
    text
}

/// Settings that cannot be used: every problem with its place and its cure.
fn unusable(json: bool, error: &SettingsError) -> anyhow::Result<(String, Exit)> {
    let problems: Vec<String> = match error {
        SettingsError::Values(bad) => bad.iter().map(ToString::to_string).collect(),
        SettingsError::Unreadable { source, .. } => vec![format!("{error}: {source}")],
        SettingsError::Syntax { .. }
        | SettingsError::Reference { .. }
        | SettingsError::Layers(_) => vec![error.to_string()],
    };
    let exit = Exit::Settings;
    if json {
        let told = json!({"ok": false, "exit": exit.code(), "problems": problems});
        return Ok((format!("{}\n", serde_json::to_string_pretty(&told)?), exit));
    }
    let mut text = "settings\n".to_owned();
    for problem in &problems {
        let _ = writeln!(text, "  {:<8} {problem}", "failed");
    }
    text.push_str("this has to be mended\n");
    Ok((text, exit))
}
