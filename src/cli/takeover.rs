//! `drover takeover`: goes on where a Python OX Connector has stopped.

use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::Args;

use super::data::{DataArgs, complain};
use super::{Exit, data};
use crate::settings::Settings;
use crate::takeover::{Order, Report, TakeoverError, take_over};

/// Flags of `drover takeover`.
#[derive(Debug, Clone, Args)]
pub struct TakeoverArgs {
    /// The connector's data folder.
    #[arg(long, value_name = "DIR")]
    pub from: PathBuf,
    /// The connector's SQLite database, if it is elsewhere [default: ox-connector.db in the folder or
    /// in its listener folder].
    #[arg(long, value_name = "FILE")]
    pub database: Option<PathBuf>,
    /// Which data directory of drover's.
    #[command(flatten)]
    pub data: DataArgs,
    /// Say what would be done, and change nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Takes over, and tells what was found and done.
///
/// # Errors
/// If something fails that has no exit code of its own.
pub fn run(args: &TakeoverArgs, settings: &Settings) -> anyhow::Result<Exit> {
    let order =
        Order { from: args.from.clone(), database: args.database.clone(), dry_run: args.dry_run };
    match take_over(&order, settings) {
        Ok(report) => tell(&report, args.json),
        Err(error) => {
            let exit = exit_of(&error);
            complain(&format!("{:#}", anyhow::Error::new(error)));
            Ok(exit)
        }
    }
}

fn tell(report: &Report, json: bool) -> anyhow::Result<Exit> {
    let mut out = io::stdout();
    if json {
        serde_json::to_writer_pretty(&mut out, report)?;
        writeln!(out)?;
    } else {
        write!(out, "{report}")?;
    }
    Ok(if report.is_odd() { Exit::Faulty } else { Exit::Done })
}

fn exit_of(error: &TakeoverError) -> Exit {
    match error {
        TakeoverError::Service(_) | TakeoverError::Credentials(_) => Exit::Settings,
        TakeoverError::NoFolder { .. }
        | TakeoverError::NothingThere { .. }
        | TakeoverError::Postgres
        | TakeoverError::Source { .. }
        | TakeoverError::Foreign { .. }
        | TakeoverError::File { .. }
        | TakeoverError::Lock(_)
        | TakeoverError::Store { .. } => Exit::DataDir,
    }
}

/// Flags of `drover export`.
#[derive(Debug, Clone, Args)]
pub struct ExportArgs {
    /// Folder to write the files `ID.json` to, such as the connector's listener/old. Files of objects that
    /// drover does not know are left alone.
    #[arg(long, value_name = "DIR")]
    pub old_dir: PathBuf,
    /// Which data directory.
    #[command(flatten)]
    pub data: DataArgs,
}

/// Writes the last known state of every object as the connector does.
///
/// # Errors
/// If something fails that has no exit code of its own.
pub fn export(args: &ExportArgs, settings: &Settings) -> anyhow::Result<Exit> {
    let reader = match data::memory(settings) {
        Ok(reader) => reader,
        Err(error) => return Ok(data::unusable(&error)),
    };
    match crate::mirror::write_all(&reader, &args.old_dir) {
        Ok(exported) => {
            let mut out = io::stdout();
            writeln!(out, "{} states in {}", exported.written, args.old_dir.display())?;
            if exported.without_photo > 0 {
                writeln!(
                    out,
                    "{} of them lack the user's photo, which drover does not keep without a mirror; \
                     it comes back with the user's next change",
                    exported.without_photo
                )?;
            }
            if exported.unnamed > 0 {
                complain(&format!(
                    "{} objects have ids that cannot be names of files and were left out",
                    exported.unnamed
                ));
                return Ok(Exit::Faulty);
            }
            Ok(Exit::Done)
        }
        Err(error) => Ok(data::unusable(&anyhow::Error::new(error))),
    }
}
