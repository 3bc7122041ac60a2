//! `drover history`: what happened to an object, and why.

use std::io::{self, Write as _};
use std::num::NonZeroUsize;

use clap::Args;
use serde_json::{Value, json};

use super::data::{DataArgs, memory, moment};
use super::{Exit, data};
use crate::admin::find;
use crate::model::object::other_ids;
use crate::model::{Fate, ObjectId};
use crate::settings::Settings;
use crate::store::ledger::hex;
use crate::store::{ItemRecord, SqliteReader, StoreError};

/// Flags of `drover history`.
#[derive(Debug, Clone, Args)]
pub struct HistoryArgs {
    /// An object's id (entryUUID), its DN now or before, or the name of a queue file.
    #[arg(value_name = "ID|DN|FILE")]
    pub what: String,
    /// Which data directory.
    #[command(flatten)]
    pub data: DataArgs,
    /// Tell of so many items at most, the newest.
    #[arg(long, value_name = "N", default_value = "20")]
    pub limit: NonZeroUsize,
    /// Print a JSON array.
    #[arg(long)]
    pub json: bool,
}

/// Tells the items of an object, the newest first.
///
/// # Errors
/// If something fails that has no exit code of its own.
pub fn run(args: &HistoryArgs, settings: &Settings) -> anyhow::Result<Exit> {
    let reader = match memory(settings) {
        Ok(reader) => reader,
        Err(error) => return Ok(data::unusable(&error)),
    };
    let items = find(&reader, args.what.trim(), args.limit.get())?;
    let mut out = io::stdout();
    if args.json {
        let items: Vec<Value> = items.iter().map(as_json).collect();
        serde_json::to_writer_pretty(&mut out, &items)?;
        writeln!(out)?;
    } else {
        for item in &items {
            write!(out, "{}", as_text(item))?;
        }
    }
    if items.is_empty() {
        data::complain(&format!("no item of {} is remembered", args.what.trim()));
        return Ok(Exit::Nothing);
    }
    Ok(Exit::Done)
}

/// Items of whatever the text names; the other id of an object is looked for among all objects, at last.
fn find(reader: &SqliteReader, what: &str, limit: usize) -> Result<Vec<ItemRecord>, StoreError> {
    let items = find::history(reader, what, limit)?;
    if !items.is_empty() {
        return Ok(items);
    }
    let id = ObjectId::new(what);
    let mut bearers = Vec::new();
    reader.objects(&mut |record| {
        let properties = record.properties.as_ref();
        if properties.is_some_and(|properties| other_ids(properties).any(|other| other == id)) {
            bearers.push(record.id);
        }
    })?;
    find::of_all(reader, bearers, limit)
}

fn as_text(item: &ItemRecord) -> String {
    let what = match (item.kind, &item.object) {
        (Some(kind), Some(object)) => format!("{kind} {object}"),
        (None, Some(object)) => object.to_string(),
        (_, None) => "file that cannot be used".to_owned(),
    };
    let why = why(&item.fate).map_or_else(String::new, |why| format!(": {why}"));
    let ended =
        item.ended_ms.map_or_else(String::new, |ended| format!(", ended {}", moment(ended)));
    let fault = item.last_fault.as_ref();
    let fault = fault.map_or_else(String::new, |fault| format!("    last fault: {fault}\n"));
    format!(
        "{}  {}{why}\n    {what}, intake {}, taken in {}{ended}, attempts: {}\n{fault}",
        item.item,
        item.fate.name(),
        item.intake,
        moment(item.taken_ms),
        item.attempts,
    )
}

/// What a fate says beside its name, for people.
fn why(fate: &Fate) -> Option<String> {
    match fate {
        Fate::Applied | Fate::Pending | Fate::Faulty { next_ms: None, .. } => None,
        Fate::NoOp { reason } | Fate::Dropped { reason } => Some(reason.clone()),
        Fate::Superseded { by } | Fate::Blocked { by } => Some(format!("by {by}")),
        Fate::Faulty { next_ms: Some(next), .. } => {
            Some(format!("tried again at {}", moment(*next)))
        }
        Fate::Parked { reason, note: Some(note) } => Some(format!("{reason}, {note}")),
        Fate::Parked { reason, note: None } => Some(reason.to_string()),
    }
}

fn as_json(item: &ItemRecord) -> Value {
    let next_ms = match &item.fate {
        Fate::Faulty { next_ms, .. } => *next_ms,
        _ => None,
    };
    json!({
        "intake": item.intake,
        "item": item.item,
        "digest": hex(&item.digest),
        "object": item.object,
        "kind": item.kind,
        "fate": item.fate.name(),
        "final": item.fate.is_final(),
        "why": why(&item.fate),
        "attempts": item.attempts,
        "next_ms": next_ms,
        "last_fault": item.last_fault,
        "exception_id": item.exception_id,
        "taken_ms": item.taken_ms,
        "ended_ms": item.ended_ms,
    })
}
