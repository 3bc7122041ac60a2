//! OX behind the network: when calls take effect, in which order, and what goes wrong with them.
//!
//! A call that was sent takes effect at its time whether anybody still waits for it or not, for the
//! server does not know. In a context calls take effect one after another, as OX's lock has it:
//! one that comes late holds up those behind it.

use std::collections::{BTreeMap, HashMap};

use super::scenario::{Mishap, Scenario};
use super::verb::{Call, MASTER, Reply, Verb};
use crate::model::ContextId;
use crate::sim::SimOptions;
use crate::sim::fault::Fault;
use crate::sim::world::World;

/// How long the client waits for an answer, in milliseconds.
const PATIENCE_MS: u64 = 1_000;

/// How a call will go, decided when it sets out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Course {
    /// It takes effect, and the answer comes at that time.
    Answered(u64),
    /// It takes effect some time; the client hears nothing and gives up at that time.
    Lost(u64),
    /// It takes effect; a proxy answers with a page at that time.
    Page(u64),
    /// It does not get to OX; known at that time. True: not even sent.
    Nowhere(u64, bool),
    /// OX wants a moment; known at that time.
    Busy(u64),
    /// OX refuses it; known at that time.
    Refused(u64),
}

/// The server.
pub(super) struct Server {
    pub(super) world: World,
    /// Calls that were sent and have not taken effect, by when they will.
    on_their_way: BTreeMap<(u64, u32), Call>,
    results: HashMap<u32, Result<Reply, Fault>>,
    /// From when on a context's lock is free.
    free_at: HashMap<ContextId, u64>,
    calls: u32,
    /// Calls of each context so far.
    calls_of: HashMap<ContextId, u64>,
}

impl Server {
    pub(super) fn new() -> Self {
        let master = (MASTER.0.to_owned(), MASTER.1.to_owned());
        Self {
            world: World::new(SimOptions::univention(), master),
            on_their_way: BTreeMap::new(),
            results: HashMap::new(),
            free_at: HashMap::new(),
            calls: 0,
            calls_of: HashMap::new(),
        }
    }

    /// Number of calls so far.
    pub(super) fn calls(&self) -> u32 {
        self.calls
    }

    /// Whether a call that nobody waits for any more has still to take effect.
    pub(super) fn is_idle(&self) -> bool {
        self.on_their_way.is_empty()
    }

    /// A call sets out: its number, and how it will go.
    pub(super) fn send(&mut self, call: &Call, now: u64, scenario: &Scenario) -> (u32, Course) {
        let number = self.calls;
        self.calls += 1;
        let contexts = contexts(call);
        // What happens elsewhere does not change how long a context's calls take.
        let nth = self.calls_of.entry(call.context).or_default();
        *nth += 1;
        let chance = mix(scenario.seed ^ (u64::from(call.context.0) << 32) ^ *nth);
        let took = if call.verb.is_write() { 10 + chance % 60 } else { 2 + chance % 15 };
        let slow = scenario.slow.filter(|(context, _)| *context == call.context.0);
        let took = took * slow.map_or(1, |(_, times)| times);
        if scenario.outages.iter().any(|o| (o.from_ms..o.until_ms).contains(&now)) {
            return (number, Course::Nowhere(now + took, chance.is_multiple_of(3)));
        }
        let mishap = scenario.mishaps.get(&number).copied();
        match mishap {
            Some(Mishap::Unreachable) => return (number, Course::Nowhere(now + took, true)),
            Some(Mishap::LostBefore) => return (number, Course::Nowhere(now + took, false)),
            Some(Mishap::Busy) => return (number, Course::Busy(now + took)),
            _ => {}
        }
        if self.is_refused(call, now, scenario) {
            return (number, Course::Refused(now + took));
        }
        let free = contexts.iter().filter_map(|context| self.free_at.get(context)).max();
        let begin = now.max(free.copied().unwrap_or_default());
        let late = match mishap {
            Some(Mishap::Late(late)) => PATIENCE_MS + late,
            _ => 0,
        };
        let due = begin + took / 2 + late;
        for context in contexts {
            self.free_at.insert(context, due);
        }
        self.on_their_way.insert((due, number), call.clone());
        let answer = due + took.div_ceil(2);
        let course = match mishap {
            Some(Mishap::Page) => Course::Page(answer),
            Some(Mishap::LostAfter | Mishap::Late(_)) => Course::Lost(answer),
            _ => Course::Answered(answer),
        };
        // Whoever waits too long hears nothing, though all goes well.
        let course = match course {
            Course::Answered(at) | Course::Lost(at) if at > now + PATIENCE_MS.max(2 * took) => {
                Course::Lost(now + PATIENCE_MS.max(2 * took))
            }
            course => course,
        };
        (number, course)
    }

    fn is_refused(&self, call: &Call, now: u64, scenario: &Scenario) -> bool {
        if !call.verb.is_write() {
            return false;
        }
        let mut name = call.verb.object();
        if let Some(id) = name.strip_prefix('#').and_then(|id| id.parse::<u32>().ok())
            && let Ok(context) = self.world.context(call.context.0)
            && let Ok(user) = context.user(id)
        {
            user.name().clone_into(&mut name);
        }
        scenario.refusals.iter().any(|refusal| {
            refusal.context == call.context.0
                && refusal.object == name
                && (refusal.from_ms..refusal.until_ms).contains(&now)
        })
    }

    /// Lets everything take effect that is due; answers what did, in order.
    pub(super) fn run_until(&mut self, now: u64) -> Vec<(u64, u32, Call, Result<(), String>)> {
        let mut done = Vec::new();
        while let Some(entry) = self.on_their_way.first_entry() {
            let (due, number) = *entry.key();
            if due > now {
                break;
            }
            let call = entry.remove();
            let result = call.apply(&mut self.world);
            let told = result.as_ref().map(|_| ()).map_err(|fault| fault.text.clone());
            self.results.insert(number, result);
            done.push((due, number, call, told));
        }
        done
    }

    /// What came of a call that has taken effect.
    pub(super) fn result(&mut self, number: u32) -> Option<Result<Reply, Fault>> {
        self.results.remove(&number)
    }
}

/// The contexts whose locks a call takes.
pub(super) fn contexts(call: &Call) -> Vec<ContextId> {
    match call.verb {
        Verb::UserCopy(_, from) => vec![call.context, from],
        _ => vec![call.context],
    }
}

/// A number that looks drawn, and is the same each time.
pub(super) fn mix(mut x: u64) -> u64 {
    x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}
