//! `drover anonymise`: recorded queue files without the people in them.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use jiff::civil::DateTime;

use super::Exit;
use super::data::complain;
use crate::load::anonymise::Pseudonyms;
use crate::model::ItemName;
use crate::queue::{DirectoryQueue, DirectorySettings, Queue as _, QueueWriter};

/// Arguments of `drover anonymise`.
#[derive(Debug, Clone, Args)]
pub struct AnonymiseArgs {
    /// Folder with queue files; they stay as they are.
    pub from: PathBuf,
    /// Folder for the copies; made if it is not there, else it must be empty.
    pub to: PathBuf,
}

/// Copies files under their own names, in their order, with other words in them.
///
/// # Errors
/// If something fails that has no exit code of its own.
pub fn run(args: &AnonymiseArgs) -> anyhow::Result<Exit> {
    match copy(args) {
        Ok(items) => {
            writeln!(std::io::stdout(), "{items} items written to {}", args.to.display())?;
            Ok(Exit::Done)
        }
        Err(problem) => {
            complain(&format!("{problem:#}"));
            Ok(Exit::Input)
        }
    }
}

fn copy(args: &AnonymiseArgs) -> anyhow::Result<usize> {
    std::fs::create_dir_all(&args.to)?;
    if std::fs::read_dir(&args.to)?.next().is_some() {
        anyhow::bail!("{} is not empty; name another folder", args.to.display());
    }
    let from = DirectoryQueue::new(args.from.clone(), DirectorySettings::default());
    let writer = QueueWriter::new(args.to.clone(), DateTime::MIN).without_sync();
    let mut pseudonyms = Pseudonyms::new();
    let names: Vec<ItemName> = from.scan()?;
    for name in &names {
        let Some(bytes) = from.read(name)? else { continue };
        let content = serde_json::from_slice(&bytes)
            .map_err(|problem| anyhow::anyhow!("{name} is no queue item: {problem}"))?;
        writer.write_as(name, &pseudonyms.item(&content))?;
    }
    Ok(names.len())
}
