//! `drover ledger`: is everything that was taken in accounted for?

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write as _};

use clap::Args;
use serde_json::{Value, json};

use super::data::{DataArgs, memory};
use super::{Exit, data};
use crate::model::{Fate, ItemName};
use crate::queue::{DirectoryQueue, DirectorySettings, Queue, QueueError};
use crate::settings::Settings;
use crate::store::{Audit, SqliteReader, StoreError};

/// Flags of `drover ledger`.
#[derive(Debug, Clone, Args)]
pub struct LedgerArgs {
    /// Which data directory.
    #[command(flatten)]
    pub data: DataArgs,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// The queue's files against the open items.
#[derive(Debug, Default)]
struct Files {
    /// Files of which no item was ever taken in.
    never_taken_in: u64,
    /// Open items whose file is not there, by intake number.
    gone: BTreeMap<u64, (ItemName, Fate)>,
}

/// Counts intake against fates, checks the chain, and names the first gap.
///
/// # Errors
/// If something fails that has no exit code of its own.
pub fn run(args: &LedgerArgs, settings: &Settings) -> anyhow::Result<Exit> {
    let reader = match memory(settings) {
        Ok(reader) => reader,
        Err(error) => return Ok(data::unusable(&error)),
    };
    let audit = reader.audit()?;
    let files = compare(settings, &reader)?;
    let complete = audit.is_sound() && files.gone.is_empty();
    let mut out = io::stdout();
    if args.json {
        serde_json::to_writer_pretty(&mut out, &as_json(&audit, &files, complete))?;
        writeln!(out)?;
    } else {
        write!(out, "{}", as_text(&audit, &files, complete))?;
    }
    Ok(if complete { Exit::Done } else { Exit::Gap })
}

/// The same for programs.
pub(crate) fn told(settings: &Settings, reader: &SqliteReader) -> anyhow::Result<Value> {
    let audit = reader.audit()?;
    let files = compare(settings, reader)?;
    let complete = audit.is_sound() && files.gone.is_empty();
    Ok(as_json(&audit, &files, complete))
}

/// Looks for files without items and items without files. A service may be at work meanwhile: what
/// looks wrong is looked at again, in the order in which a file and its item come and go.
fn compare(settings: &Settings, reader: &SqliteReader) -> anyhow::Result<Files> {
    let folder = settings.queue_dir();
    let queue = DirectoryQueue::new(folder.clone(), DirectorySettings::default());
    let there = |name: &ItemName| folder.join(name.as_str()).exists();
    let mut strangers: BTreeSet<ItemName> = match queue.scan() {
        Ok(names) => names.into_iter().collect(),
        Err(QueueError::NoDirectory { .. }) => BTreeSet::new(),
        Err(problem) => return Err(problem.into()),
    };
    let mut missing = Vec::new();
    reader.each_open_item(&mut |item| {
        if !strangers.remove(&item.item) {
            missing.push(item);
        }
    })?;
    let known = |name: &ItemName| -> Result<bool, StoreError> {
        Ok(!reader.item_history(name, 1)?.is_empty())
    };
    let mut files = Files::default();
    for item in missing {
        // The file goes after the item's end is recorded, never before.
        if !there(&item.item)
            && reader.item_history(&item.item, 1)?.iter().any(|now| !now.fate.is_final())
        {
            files.gone.insert(item.intake, (item.item, item.fate));
        }
    }
    for name in strangers {
        // The end of an item whose file is just being removed may have been pruned already; then the
        // file is gone by now.
        if !known(&name)? && there(&name) {
            files.never_taken_in += 1;
        }
    }
    Ok(files)
}

fn as_text(audit: &Audit, files: &Files, complete: bool) -> String {
    let counts = &audit.counts;
    let mut lines = vec![line("taken in", counts.taken_in)];
    for (name, count) in Fate::NAMES.iter().zip(counts.fates) {
        lines.push(line(&format!("  {name}"), count));
    }
    lines.push(line("queue files never taken in", files.never_taken_in));
    lines.push(line("entries in the ledger", counts.entries));
    lines.push(line("  acts of operators", counts.acts));
    lines.push(line("ended items only counted", counts.pruned));
    lines.push(String::new());
    match audit.broken {
        None => lines.push("chain: every entry fits the one before it".to_owned()),
        Some(broken) => lines.push(format!("chain: entry {} {}", broken.nr, broken.damage)),
    }
    if !counts.agree() {
        let fates: u64 = counts.fates.iter().sum();
        lines.push(format!("counts: {} taken in, {fates} with a fate", counts.taken_in));
    }
    if let Some(gap) = &audit.gap {
        let whose = match (gap.intake, &gap.item) {
            (Some(intake), Some(item)) => format!("intake {intake} ({item}) "),
            (Some(intake), None) => format!("intake {intake} "),
            (None, _) => String::new(),
        };
        lines.push(format!("first gap: {whose}{}; gaps in all: {}", gap.kind, audit.gaps));
    }
    if let Some((intake, (item, fate))) = files.gone.first_key_value() {
        lines.push(format!(
            "first file gone: intake {intake} ({item}) is {}, but its file is not in the queue any \
             more; such items in all: {}",
            fate.name(),
            files.gone.len()
        ));
    }
    lines.push(
        if complete {
            "every item that was taken in has its fate"
        } else {
            "the ledger is not complete"
        }
        .to_owned(),
    );
    lines.push(String::new());
    lines.join("\n")
}

fn line(name: &str, count: u64) -> String {
    format!("{name:<28}{count:>12}")
}

fn as_json(audit: &Audit, files: &Files, complete: bool) -> Value {
    let counts = &audit.counts;
    let fates: serde_json::Map<String, Value> = Fate::NAMES
        .iter()
        .zip(counts.fates)
        .map(|(name, n)| ((*name).to_owned(), n.into()))
        .collect();
    let gone = files.gone.first_key_value();
    json!({
        "complete": complete,
        "taken_in": counts.taken_in,
        "fates": fates,
        "agree": counts.agree(),
        "queue_files_never_taken_in": files.never_taken_in,
        "entries": counts.entries,
        "acts": counts.acts,
        "pruned": counts.pruned,
        "broken_entry": audit.broken.map(|broken| {
            json!({"nr": broken.nr, "what": broken.damage.to_string()})
        }),
        "gaps": audit.gaps,
        "first_gap": audit.gap.as_ref().map(|gap| {
            json!({"intake": gap.intake, "item": gap.item, "what": gap.kind.to_string()})
        }),
        "files_gone": files.gone.len(),
        "first_file_gone": gone.map(|(intake, (item, fate))| {
            json!({"intake": intake, "item": item, "fate": fate.name()})
        }),
    })
}
