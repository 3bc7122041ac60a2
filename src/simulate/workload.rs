//! Small worlds full of trouble: what a consistent directory may write within a minute, if that
//! minute is a bad one.
//!
//! Names and addresses are few, so they are given up and taken again all the time; people move
//! there and back, are switched off and on, deleted and made anew under the same name; groups name
//! members who are not there yet, or not any more; contexts are deleted and made again.

mod consistent;
mod newer;
mod steps;
mod town;

use std::collections::BTreeMap;

use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

use super::scenario::{Act, Crash, Event, Mishap, Outage, Place, Refusal, Scenario};
use newer::Newer;
use town::Town;

pub use consistent::inconsistency;

/// A queue file that the directory writes.
#[derive(Debug, Clone)]
struct Item {
    name: String,
    content: Value,
    /// Items of the same moment need not come in their order.
    moment: u32,
    /// It changes nothing that anybody else depends on.
    harmless: bool,
    /// It cannot be read at first, and is put right later.
    broken: bool,
}

/// What the stream begins with that only newer servers draw from, beside the seed.
const NEWER_STREAM: u64 = 0x6e65_7765_7200_0000;

/// The scenario of a seed.
pub fn scenario(seed: u64) -> Scenario {
    scenario_with(seed, None)
}

/// The scenario of a seed with shared accounts and deputies in it.
pub fn newer_scenario(seed: u64) -> Scenario {
    let stream = ChaCha8Rng::seed_from_u64(seed ^ NEWER_STREAM);
    Scenario { newer: true, ..scenario_with(seed, Some(Newer::new(stream))) }
}

fn scenario_with(seed: u64, newer: Option<Newer>) -> Scenario {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let items = Town::new(&mut rng, newer).live();
    let (mut events, end) = events(&mut rng, &items);
    events.sort_by_key(|event| event.at_ms);
    let mut scenario = Scenario { seed, events, ..Scenario::default() };
    if rng.random_range(0..5) > 0 {
        trouble(&mut rng, &mut scenario, end);
    }
    scenario
}

/// When each file appears, and what is done to some by hand; also when the last one appears.
fn events(rng: &mut ChaCha8Rng, items: &[Item]) -> (Vec<Event>, u64) {
    let mut events = Vec::new();
    let mut at_ms = 0;
    // Some directories are read at once, others write while all runs.
    let hurry = [0, 40, 400, 2_500][rng.random_range(0..4)];
    let mut rest = items;
    while let Some(first) = rest.first() {
        let length = rest.iter().take_while(|item| item.moment == first.moment).count();
        let (together, later) = rest.split_at(length);
        rest = later;
        let mut order: Vec<usize> = (0..length).collect();
        // What was written for a context's next life must not come before the end of the last one:
        // nobody could tell the two apart.
        let closes = |item: &Item| {
            item.content["object"].is_null()
                && item.content["udm_object_type"] == "oxmail/oxcontext"
        };
        if at_ms > 0 && rng.random_bool(0.4) && !together.iter().any(closes) {
            order.shuffle(rng);
            keep_objects_in_order(&mut order, together);
        }
        let spread = if rng.random_bool(0.3) { 30 } else { 0 };
        for index in order {
            let item = &together[index];
            let bytes = item.content.to_string().into_bytes();
            let put = if item.broken { bytes[..bytes.len() / 2].to_vec() } else { bytes.clone() };
            let event = |at_ms, act| Event { at_ms, name: item.name.clone(), act };
            events.push(event(at_ms, Act::Put(put)));
            if item.broken {
                let later = at_ms + rng.random_range(0..5_000);
                events.push(event(later, Act::Rewrite(bytes)));
            } else if item.harmless && rng.random_bool(0.04) {
                let later = at_ms + rng.random_range(0..300);
                if rng.random_bool(0.5) {
                    events.push(event(later, Act::Rewrite(touched(item))));
                } else if is_followed(items, item) {
                    events.push(event(later, Act::Remove));
                }
            }
            at_ms += rng.random_range(0..=spread);
        }
        at_ms += rng.random_range(0..=hurry);
        if rng.random_bool(0.03) {
            at_ms += 15_000;
        }
    }
    (events, at_ms)
}

/// In a moment files come in any order, but only groups come before or after what they name: who
/// claims a name or an address comes after who gives it up.
fn keep_objects_in_order(order: &mut [usize], items: &[Item]) {
    let is_group = |index: &usize| items[*index].content["udm_object_type"] == "groups/group";
    let mut places: BTreeMap<bool, Vec<usize>> = BTreeMap::new();
    for (place, index) in order.iter().enumerate() {
        places.entry(is_group(index)).or_default().push(place);
    }
    for places in places.values() {
        let mut indexes: Vec<usize> = places.iter().map(|place| order[*place]).collect();
        indexes.sort_unstable();
        for (place, index) in places.iter().zip(indexes) {
            order[*place] = index;
        }
    }
}

/// The item with another telephone number.
fn touched(item: &Item) -> Vec<u8> {
    let mut content = item.content.clone();
    content["object"]["phone"] = "999".into();
    content.to_string().into_bytes()
}

/// Whether a later item of the same object says it all again.
fn is_followed(items: &[Item], item: &Item) -> bool {
    items.iter().any(|other| other.content["id"] == item.content["id"] && other.name > item.name)
}

/// What goes wrong meanwhile.
fn trouble(rng: &mut ChaCha8Rng, scenario: &mut Scenario, end: u64) {
    let end = end + 3_000;
    for _ in 0..rng.random_range(0..12) {
        let mishap = match rng.random_range(0..8) {
            0 => Mishap::Unreachable,
            1 => Mishap::LostBefore,
            2 | 3 => Mishap::LostAfter,
            4 | 5 => Mishap::Late(rng.random_range(0..4_000)),
            6 => Mishap::Busy,
            _ => Mishap::Page,
        };
        scenario.mishaps.insert(rng.random_range(0..250), mishap);
    }
    for _ in 0..rng.random_range(0..3) {
        let from_ms = rng.random_range(0..end);
        let until_ms = from_ms + rng.random_range(200..6_000);
        scenario.outages.push(Outage { from_ms, until_ms });
    }
    for _ in 0..rng.random_range(0..3) {
        let (context, object) = steps::somebody(rng);
        let from_ms = rng.random_range(0..end);
        let until_ms = from_ms + rng.random_range(500..12_000);
        scenario.refusals.push(Refusal { context, object, from_ms, until_ms });
    }
    for _ in 0..rng.random_range(0..4) {
        let place = Place::ALL[rng.random_range(0..Place::ALL.len())];
        scenario.crashes.push(Crash { place, nth: rng.random_range(1..120) });
    }
}
