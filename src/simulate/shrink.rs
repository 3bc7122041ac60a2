//! Makes a scenario that breaks a law smaller, as long as it still breaks the same law.
//!
//! Pieces are left out in ever smaller portions: queue files, mishaps, outages, refusals, crashes.
//! What no directory could write is not tried, for it would tell nothing.

use std::collections::BTreeMap;

use serde_json::Value;

use super::run::run;
use super::scenario::{Act, Scenario};
use super::workload::inconsistency;

/// Most scenarios that are tried.
const MOST_TRIES: usize = 3_000;

/// The smallest scenario found that still breaks the law of that name.
pub fn shrink(scenario: &Scenario, law: &str) -> Scenario {
    let mut tries = 0;
    let mut fails = |candidate: &Scenario| {
        tries += 1;
        tries <= MOST_TRIES
            && is_consistent(candidate)
            && run(candidate).violations.iter().any(|violation| violation.law == law)
    };
    let mut smallest = scenario.clone();
    loop {
        let before = size(&smallest);
        smallest.crashes =
            thinned(&smallest, &mut fails, |s| s.crashes.clone(), |s, c| s.crashes = c);
        smallest.outages =
            thinned(&smallest, &mut fails, |s| s.outages.clone(), |s, o| s.outages = o);
        smallest.refusals =
            thinned(&smallest, &mut fails, |s| s.refusals.clone(), |s, r| s.refusals = r);
        let mishaps = thinned(
            &smallest,
            &mut fails,
            |s| s.mishaps.iter().map(|(call, mishap)| (*call, *mishap)).collect(),
            |s, mishaps| s.mishaps = mishaps.into_iter().collect(),
        );
        smallest.mishaps = mishaps.into_iter().collect();
        smallest.events = thinned(&smallest, &mut fails, |s| s.events.clone(), |s, e| s.events = e);
        if size(&smallest) == before {
            return smallest;
        }
    }
}

fn size(scenario: &Scenario) -> usize {
    scenario.events.len() + scenario.crashes.len() + scenario.faults()
}

/// A list of pieces with as many of them left out as can be.
fn thinned<P: Clone>(
    scenario: &Scenario,
    fails: &mut impl FnMut(&Scenario) -> bool,
    get: impl Fn(&Scenario) -> Vec<P>,
    set: impl Fn(&mut Scenario, Vec<P>),
) -> Vec<P> {
    let mut pieces = get(scenario);
    let mut portion = pieces.len();
    while portion > 0 {
        let mut begin = 0;
        while begin < pieces.len() {
            let end = (begin + portion).min(pieces.len());
            let mut fewer = pieces[..begin].to_vec();
            fewer.extend_from_slice(&pieces[end..]);
            let mut candidate = scenario.clone();
            set(&mut candidate, fewer.clone());
            if fails(&candidate) {
                pieces = fewer;
            } else {
                begin = end;
            }
        }
        portion /= 2;
    }
    pieces
}

fn is_consistent(scenario: &Scenario) -> bool {
    let mut files: BTreeMap<&str, &[u8]> = BTreeMap::new();
    for event in &scenario.events {
        match &event.act {
            Act::Put(bytes) => drop(files.insert(&event.name, bytes)),
            Act::Rewrite(bytes) if files.contains_key(event.name.as_str()) => {
                files.insert(&event.name, bytes);
            }
            Act::Rewrite(_) | Act::Remove => {}
        }
    }
    let items: Option<Vec<Value>> =
        files.values().map(|bytes| serde_json::from_slice(bytes).ok()).collect();
    items.is_some_and(|items| inconsistency(&items).is_none())
}
