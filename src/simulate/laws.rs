//! The laws that hold on every trace.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::trace::{Entry, Step};
use crate::model::{ContextId, ItemName};
use crate::provision::work::digest;
use crate::store::{MemoryStore, Store as _};

/// A law was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which law.
    pub law: &'static str,
    /// How.
    pub text: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.law, self.text)
    }
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// Everything was done.
    Calm,
    /// It was to end before everything was done.
    Over,
    /// Time was over before; what was left.
    Stuck(String),
    /// The engine ended by itself.
    Broken(String),
}

/// A law over a trace: its name, and what finds the places where it is broken.
type Law = (&'static str, fn(&[Entry]) -> Vec<String>);

/// The laws. Another one is one more line here.
const LAWS: [Law; 7] = [
    ("one call at a time in a context", one_at_a_time),
    ("nothing newer is overwritten by older in OX", newest_in_ox),
    ("nothing newer is overwritten by older in the store", newest_in_store),
    ("an item has one fate", one_fate),
    ("nothing is acknowledged before its outcome is in the store", outcome_first),
    ("nothing is done to an object whose item is parked", aside_untouched),
    ("nobody relies on a number that the store does not hold", numbers_held),
];

/// Checks all laws on a trace.
pub(super) fn check(trace: &[Entry], ending: &Ending, restarts: u64) -> Vec<Violation> {
    let mut violations = Vec::new();
    match ending {
        Ending::Calm | Ending::Over => {}
        Ending::Stuck(left) => {
            violations.push(Violation { law: "everything ends", text: left.clone() });
        }
        Ending::Broken(why) => {
            violations.push(Violation { law: "the engine goes on", text: why.clone() });
        }
    }
    if restarts > 0 {
        let text = format!("{restarts} actors died");
        violations.push(Violation { law: "no actor dies", text });
    }
    for (law, broken) in LAWS {
        violations.extend(broken(trace).into_iter().map(|text| Violation { law, text }));
    }
    violations
}

/// Every file has left the queue with the outcome of its last content in the store, or by hand.
pub(super) fn check_files(
    history: &[(ItemName, Vec<u8>, bool)],
    store: &MemoryStore,
) -> Vec<Violation> {
    let lost = history.iter().filter(|(name, bytes, by_hand)| {
        let outcome = store.outcome(name).ok().flatten();
        !by_hand && outcome.is_none_or(|outcome| outcome.digest != digest(bytes))
    });
    lost.map(|(name, ..)| Violation {
        law: "every item has a fate",
        text: format!("the last content of {name} has none"),
    })
    .collect()
}

fn one_at_a_time(trace: &[Entry]) -> Vec<String> {
    let mut flying: BTreeMap<ContextId, u32> = BTreeMap::new();
    let mut broken = Vec::new();
    for entry in trace {
        match &entry.step {
            Step::Started => flying.clear(),
            Step::Call(call) => {
                for context in &call.contexts {
                    if let Some(other) = flying.insert(*context, call.number) {
                        broken.push(format!(
                            "calls {other} and {} are in flight at once in context {context}",
                            call.number
                        ));
                    }
                }
            }
            Step::Answered(number, _) => flying.retain(|_, other| other != number),
            _ => {}
        }
    }
    broken
}

/// Object and number of a version such as `v17 u3`.
fn version(text: &str) -> Option<(&str, u64)> {
    let (number, object) = text.strip_prefix('v')?.split_once(' ')?;
    Some((object, number.parse().ok()?))
}

fn newest_in_ox(trace: &[Entry]) -> Vec<String> {
    let mut calls = BTreeMap::new();
    let mut newest: BTreeMap<(ContextId, String), u64> = BTreeMap::new();
    let mut dropped = BTreeSet::new();
    let mut broken = Vec::new();
    for entry in trace {
        match &entry.step {
            // Who drops an item wants what was before it, whether or not OX has it already.
            Step::Committed { fates, .. } => {
                let gone = fates.iter().filter(|(_, fate)| *fate == "dropped");
                for (object, number) in gone.filter_map(|(text, _)| version(text)) {
                    dropped.insert((object.to_owned(), number));
                    newest.retain(|(_, other), newest| other != object || *newest != number);
                }
            }
            Step::Call(call) => {
                if let (Some(version), Some(context)) = (&call.version, call.contexts.first()) {
                    calls.insert(call.number, (*context, version.clone()));
                }
            }
            Step::Applied(number, Ok(())) => {
                let Some((context, text)) = calls.remove(number) else { continue };
                let Some((object, number)) = version(&text) else { continue };
                if dropped.contains(&(object.to_owned(), number)) {
                    continue;
                }
                let newest = newest.entry((context, object.to_owned())).or_default();
                if number < *newest {
                    broken.push(format!(
                        "{object} in context {context}: version {number} after {newest}"
                    ));
                }
                *newest = number.max(*newest);
            }
            _ => {}
        }
    }
    broken
}

fn newest_in_store(trace: &[Entry]) -> Vec<String> {
    let mut newest: BTreeMap<String, u64> = BTreeMap::new();
    let mut broken = Vec::new();
    for entry in trace {
        let Step::Committed { versions, fates, .. } = &entry.step else { continue };
        // Who drops an item wants what was before it.
        let dropped = fates.iter().filter(|(_, fate)| *fate == "dropped");
        for (object, number) in dropped.filter_map(|(text, _)| version(text)) {
            if newest.get(object) == Some(&number) {
                newest.remove(object);
            }
        }
        for (object, number) in versions.iter().filter_map(|text| version(text)) {
            let newest = newest.entry(object.to_owned()).or_default();
            if number < *newest {
                broken.push(format!("{object}: version {number} after {newest}"));
            }
            *newest = number.max(*newest);
        }
    }
    broken
}

fn one_fate(trace: &[Entry]) -> Vec<String> {
    let mut ended = BTreeSet::new();
    let mut broken = Vec::new();
    for entry in trace {
        let Step::Committed { ended: endings, .. } = &entry.step else { continue };
        for ending in endings {
            if !ended.insert((ending.item.clone(), ending.digest)) {
                broken.push(format!("{} ended again: {:?}", ending.item, ending.fate));
            }
        }
    }
    broken
}

/// An object with a parked item is not written but by that item, when it is tried again, and a blocked
/// item is not done at all.
fn aside_untouched(trace: &[Entry]) -> Vec<String> {
    let mut aside: BTreeMap<String, BTreeMap<u64, &'static str>> = BTreeMap::new();
    let mut broken = Vec::new();
    for entry in trace {
        match &entry.step {
            Step::Started => aside.clear(),
            Step::Committed { fates, .. } => {
                for (text, fate) in fates {
                    let Some((object, number)) = version(text) else { continue };
                    let items = aside.entry(object.to_owned()).or_default();
                    match *fate {
                        "parked" | "blocked" => items.insert(number, *fate),
                        _ => items.remove(&number),
                    };
                }
            }
            Step::Call(call) => {
                let Some((object, number)) = call.version.as_deref().and_then(version) else {
                    continue;
                };
                let items = aside.get(object).into_iter().flatten();
                broken.extend(items.filter_map(|(item, fate)| {
                    // What it waits for is done before it.
                    let allowed = number < *item || *fate == "parked" && number == *item;
                    (!allowed).then(|| {
                        format!(
                            "call {} writes version {number} of {object}, whose version {item} is {fate}",
                            call.number
                        )
                    })
                }));
            }
            _ => {}
        }
    }
    broken
}

fn outcome_first(trace: &[Entry]) -> Vec<String> {
    let early = trace.iter().filter_map(|entry| match &entry.step {
        Step::Acknowledged(name, false) => Some(format!("{name} was")),
        _ => None,
    });
    early.collect()
}

fn numbers_held(trace: &[Entry]) -> Vec<String> {
    let mut broken = Vec::new();
    for entry in trace {
        match &entry.step {
            Step::Committed { early, .. } => broken.extend(early.iter().map(|(id, at, ox)| {
                format!("the index knew {id} in context {at} as {ox:?} before the commit")
            })),
            Step::Call(call) if !call.unheld.is_empty() => broken.push(format!(
                "call {} ({}) names {:?}, which the store does not hold",
                call.number, call.operation, call.unheld
            )),
            _ => {}
        }
    }
    broken
}
