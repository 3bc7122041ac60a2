//! Causes: what stands still, put together by what it has in common.
//!
//! A hundred contexts that lack the same key are one thing to understand and one thing to do.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::Engine;
use super::words::{Answer, told};
use crate::actors::status::FaultyItem;
use crate::redact::without_addresses;
use crate::store::ledger::hex;
use crate::store::{FaultRecord, fingerprint};

/// Contexts that a cause names; of more, only how many.
const MOST_NAMED: usize = 20;

/// Length of a cause's short name.
const ID: usize = 8;

/// An item with a fault that is not cured.
#[derive(Debug, Clone, Default)]
pub struct Case {
    /// Its queue file.
    pub item: String,
    /// Where it stands still.
    pub context: Option<u32>,
    /// Class of the fault.
    pub class: String,
    /// What happened.
    pub fault: String,
    /// OX's exception id.
    pub exception_id: Option<String>,
    /// What to do, if that is known.
    pub advice: Option<String>,
    /// Attempts so far.
    pub attempts: u32,
    /// When the first one failed, milliseconds since 1970 UTC; 0 = not known.
    pub since_ms: i64,
    /// Items that wait behind it.
    pub behind: usize,
    /// Whether it is set aside.
    pub parked: bool,
}

/// Items with faults of one cause.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Cause {
    /// A short name for it; orders to items take it as a fingerprint.
    pub id: String,
    /// What their faults have in common; orders to items take it as a filter.
    pub fingerprint: String,
    /// Class of the fault: OX's, or a word of drover's own.
    pub class: String,
    /// The fault of the first of them.
    pub fault: String,
    /// Its exception id, by which OX's log tells more.
    pub exception_id: Option<String>,
    /// What to do about it.
    pub advice: Option<String>,
    /// The first of them, by the name of its queue file.
    pub first: String,
    /// How many items.
    pub items: usize,
    /// How many of them are set aside.
    pub parked: usize,
    /// In how many contexts.
    pub contexts: usize,
    /// The first of these contexts.
    pub first_contexts: Vec<u32>,
    /// How many items wait behind them.
    pub behind: usize,
    /// Most attempts that one of them has had.
    pub attempts: u32,
    /// Since when the first of them stands still, milliseconds since 1970 UTC; null if it is not known.
    pub since_ms: Option<i64>,
}

/// All causes, that which keeps most contexts first.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Causes {
    causes: Vec<Cause>,
}

impl Case {
    /// By what a running drover knows.
    fn of(item: &FaultyItem) -> Self {
        Self {
            item: item.item.clone(),
            context: item.context,
            class: item.class.clone(),
            fault: item.fault.clone(),
            exception_id: item.exception_id.clone(),
            advice: Some(item.advice.clone()),
            attempts: item.attempts,
            since_ms: item.since_ms,
            behind: item.behind,
            parked: item.parked,
        }
    }

    /// By what drover's memory tells.
    pub fn remembered(fault: &FaultRecord) -> Self {
        Self {
            item: fault.item.to_string(),
            context: fault.context.map(|context| context.0),
            class: fault.class.clone(),
            fault: fault.text.clone(),
            exception_id: fault.exception_id.clone(),
            advice: None,
            attempts: fault.attempts,
            since_ms: fault.first_ms,
            behind: 0,
            parked: false,
        }
    }
}

/// Puts together what has the same cause. What keeps most contexts comes first, then what keeps most
/// items.
pub fn group(cases: impl IntoIterator<Item = Case>) -> Vec<Cause> {
    let mut groups: BTreeMap<String, (Cause, BTreeSet<u32>)> = BTreeMap::new();
    for case in cases {
        let print = fingerprint(&case.class, &case.fault);
        let (cause, contexts) = groups.entry(print.clone()).or_insert_with(|| {
            let cause = Cause {
                id: id_of(&print),
                fingerprint: print,
                class: case.class.clone(),
                fault: case.fault.clone(),
                exception_id: case.exception_id.clone(),
                advice: case.advice.clone(),
                first: case.item.clone(),
                items: 0,
                parked: 0,
                contexts: 0,
                first_contexts: Vec::new(),
                behind: 0,
                attempts: 0,
                since_ms: None,
            };
            (cause, BTreeSet::new())
        });
        cause.items += 1;
        cause.parked += usize::from(case.parked);
        cause.behind += case.behind;
        cause.attempts = cause.attempts.max(case.attempts);
        let since = (case.since_ms > 0).then_some(case.since_ms);
        cause.since_ms = [cause.since_ms, since].into_iter().flatten().min();
        contexts.extend(case.context);
    }
    let mut causes: Vec<Cause> = groups
        .into_values()
        .map(|(mut cause, contexts)| {
            cause.contexts = contexts.len();
            cause.first_contexts = contexts.into_iter().take(MOST_NAMED).collect();
            cause
        })
        .collect();
    causes.sort_by(|a, b| {
        (b.contexts, b.items).cmp(&(a.contexts, a.items)).then_with(|| a.first.cmp(&b.first))
    });
    causes
}

/// A short name for a fingerprint: the same for the same one.
pub fn id_of(fingerprint: &str) -> String {
    let mut name = hex(&Sha256::digest(fingerprint));
    name.truncate(ID);
    name
}

/// The whole fingerprint of a cause that stands still, if that is a short name for one.
pub(super) fn named(engine: &Engine, id: &str) -> Option<String> {
    let is_name = id.len() == ID && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_name {
        return None;
    }
    let now = engine.snapshots.borrow().clone();
    let prints = now.faulty.iter().map(|item| fingerprint(&item.class, &item.fault));
    prints.into_iter().find(|print| id_of(print).eq_ignore_ascii_case(id))
}

/// All causes. `whole`: with what faults say of people.
pub(super) fn list(engine: &Engine, whole: bool) -> Answer {
    let now = engine.snapshots.borrow().clone();
    let mut causes = group(now.faulty.iter().map(Case::of));
    if !whole {
        for cause in &mut causes {
            cause.fault = without_addresses(&cause.fault);
            cause.advice = cause.advice.as_deref().map(without_addresses);
            cause.fingerprint = without_addresses(&cause.fingerprint);
        }
    }
    told(&Causes { causes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_cause_in_many_contexts_is_one_and_comes_first() {
        let case = |item: &str, context: u32, fault: &str| Case {
            item: item.into(),
            context: Some(context),
            class: "X".into(),
            fault: fault.into(),
            since_ms: i64::from(context),
            behind: 2,
            ..Case::default()
        };
        let causes = group([
            case("c.json", 7, "Illegal chars: \"&\""),
            case("b.json", 9, "no key for context 9"),
            case("d.json", 7, "Illegal chars: \"+\""),
            case("e.json", 8, "no key for context 8"),
        ]);
        let told: Vec<_> = causes
            .iter()
            .map(|c| (c.first.as_str(), c.items, c.contexts, c.behind, c.since_ms))
            .collect();
        assert_eq!(told, [("b.json", 2, 2, 4, Some(8)), ("c.json", 2, 1, 4, Some(7))]);
        assert_eq!(causes[0].first_contexts, [8, 9]);
        assert_eq!(causes[0].id, id_of(&causes[0].fingerprint));
        assert!(causes[0].id.len() == 8 && causes[0].id != causes[1].id);
    }
}
