//! `drover import`: take over what OX has.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::Args;

use super::Exit;
use super::data::{DataArgs, complain};
use crate::import::{self, ImportError, Order, Report};
use crate::model::{ContextId, ObjectKind};
use crate::settings::Settings;

/// Flags of `drover import`.
#[derive(Debug, Clone, Args)]
pub struct ImportArgs {
    /// Which data directory.
    #[command(flatten)]
    pub data: DataArgs,
    /// Only this context; can be given several times [default: all in the credentials file].
    #[arg(long = "context", value_name = "N")]
    pub contexts: Vec<u32>,
    /// Folder for the files of desired state; must be empty or not there [default: import in the data
    /// directory].
    #[arg(long, value_name = "FOLDER")]
    pub to: Option<PathBuf>,
    /// Only read and count; nothing is written anywhere.
    #[arg(long)]
    pub dry_run: bool,
    /// Print a JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Takes over, and tells what.
///
/// # Errors
/// If it cannot be printed.
pub fn run(args: &ImportArgs, settings: &Settings) -> anyhow::Result<Exit> {
    let folder = args.to.clone().unwrap_or_else(|| settings.queue.data_dir.join("import"));
    let contexts = args.contexts.iter().copied().map(ContextId).collect();
    let order = Order { contexts, folder, dry_run: args.dry_run };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = match runtime.block_on(import::run(settings, &order)) {
        Ok(report) => report,
        Err(error) => return Ok(failed(error)),
    };
    let mut out = io::stdout();
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?;
    } else {
        out.write_all(as_text(&report, &order).as_bytes())?;
    }
    Ok(if report.notes.is_empty() { Exit::Done } else { Exit::Faulty })
}

fn as_text(report: &Report, order: &Order) -> String {
    let mut text = String::new();
    for note in &report.notes {
        let _ = writeln!(text, "{note}");
    }
    let taken = if order.dry_run { "would be taken over" } else { "taken over" };
    for kind in ObjectKind::ALL {
        if let Some(count) = report.taken.get(&kind) {
            let _ = writeln!(text, "{kind:<20} {count:>8} {taken}");
        }
    }
    let _ = writeln!(text, "known already        {:>8}", report.known);
    if !order.dry_run {
        let _ = writeln!(text, "desired state in {}", order.folder.display());
    }
    text
}

fn failed(error: ImportError) -> Exit {
    let exit = match &error {
        ImportError::Store(_) | ImportError::Lock(_) => Exit::DataDir,
        ImportError::Mapping(_)
        | ImportError::Profiles(_)
        | ImportError::Client(_)
        | ImportError::Credentials(_) => Exit::Settings,
        ImportError::NotEmpty(_) => Exit::Usage,
        ImportError::File { .. } => Exit::Internal,
        ImportError::Ox(_) => Exit::Unreachable,
    };
    complain(&format!("{:#}", anyhow::Error::new(error)));
    exit
}
