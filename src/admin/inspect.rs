//! What drover goes by, and whether its book is in order: settings in force, and the ledger.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::Shared;
use super::words::{Answer, Refusal, told};
use crate::model::Fate;
use crate::redact::without_addresses;

/// A setting in force.
#[derive(Debug, Serialize, JsonSchema)]
struct Setting {
    /// Its key, as in the settings file.
    key: String,
    /// Its value; `***` stands for a secret that is set.
    value: Value,
    /// Where it was set.
    origin: String,
    /// What it is for.
    meaning: String,
}

/// All settings in force.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Settings {
    /// In the order of the default file.
    settings: Vec<Setting>,
}

/// Where the ledger's chain is broken.
#[derive(Debug, Serialize, JsonSchema)]
struct BrokenEntry {
    /// Number of the first entry that does not fit the one before it.
    nr: u64,
    /// What is wrong with it.
    what: String,
}

/// The first item of which ledger and memory do not say the same.
#[derive(Debug, Serialize, JsonSchema)]
struct FirstGap {
    /// Its intake number.
    intake: Option<u64>,
    /// Its queue file.
    item: Option<String>,
    /// What is wrong with it.
    what: String,
}

/// Whether everything that was taken in is accounted for.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Ledger {
    /// Whether it is.
    complete: bool,
    /// Items taken in.
    taken_in: u64,
    /// How many have which fate, by name.
    fates: BTreeMap<&'static str, u64>,
    /// Entries of the ledger.
    entries: u64,
    /// Of those, acts of operators.
    acts: u64,
    /// Ended items that are only counted.
    pruned: u64,
    /// Where the chain is broken; null if it is not.
    broken_entry: Option<BrokenEntry>,
    /// Items of which ledger and memory do not say the same.
    gaps: u64,
    /// The first of them.
    first_gap: Option<FirstGap>,
}

/// The settings in force; `whole`: with mail addresses.
pub(super) fn settings(shared: &Shared, whole: bool) -> Answer {
    let seen = |value: &Value| match value {
        Value::String(text) if !whole => without_addresses(text).into(),
        value => value.clone(),
    };
    let settings = shared.settings.iter().map(|one| Setting {
        key: one.key.clone(),
        value: seen(&one.value),
        origin: one.origin.to_string(),
        meaning: one.meaning.clone(),
    });
    told(&Settings { settings: settings.collect() })
}

/// Reads all of the ledger, on a thread of its own; one at a time.
pub(super) async fn ledger(shared: &Arc<Shared>) -> Answer {
    let Ok(_turn) = shared.audits.try_acquire() else {
        return Err(Refusal::new(
            409,
            "the ledger is being read for somebody else",
            "ask again in a moment",
        ));
    };
    let store = shared.engine.store.clone();
    let audit = tokio::task::spawn_blocking(move || store.audit()).await;
    let audit = audit.map_err(|problem| {
        Refusal::new(500, format!("the ledger was not read: {problem}"), "look at drover's log")
    })??;
    let counts = &audit.counts;
    told(&Ledger {
        complete: audit.is_sound(),
        taken_in: counts.taken_in,
        fates: Fate::NAMES.into_iter().zip(counts.fates).collect(),
        entries: counts.entries,
        acts: counts.acts,
        pruned: counts.pruned,
        broken_entry: audit
            .broken
            .map(|broken| BrokenEntry { nr: broken.nr, what: broken.damage.to_string() }),
        gaps: audit.gaps,
        first_gap: audit.gap.as_ref().map(|gap| FirstGap {
            intake: gap.intake,
            item: gap.item.as_ref().map(ToString::to_string),
            what: gap.kind.to_string(),
        }),
    })
}
