//! A scenario: what comes into the queue and when, and what goes wrong meanwhile.
//!
//! All of it is data, so that a scenario that breaks a law can be made smaller piece by piece.

use std::collections::BTreeMap;
use std::fmt;

/// What happens to a queue file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// It appears.
    Put(Vec<u8>),
    /// It is written anew by hand, if it is still there.
    Rewrite(Vec<u8>),
    /// It is removed by hand, if it is still there.
    Remove,
}

/// Something happens to a queue file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When, in milliseconds of virtual time.
    pub at_ms: u64,
    /// The file.
    pub name: String,
    /// What.
    pub act: Act,
}

/// What goes wrong with one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mishap {
    /// No connection: nothing was sent.
    Unreachable,
    /// The connection broke before OX had read the request.
    LostBefore,
    /// OX did it, and the answer got lost.
    LostAfter,
    /// The client gave up waiting; OX did it so many milliseconds later.
    Late(u64),
    /// OX asks for a moment.
    Busy,
    /// A proxy's page instead of an answer, though OX has done it.
    Page,
}

/// All calls fail for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outage {
    /// From when on, in milliseconds.
    pub from_ms: u64,
    /// Until when.
    pub until_ms: u64,
}

/// OX refuses to write one object of a context until the cause is put right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The context.
    pub context: u32,
    /// Name (address for accounts) of the object.
    pub object: String,
    /// From when on, in milliseconds.
    pub from_ms: u64,
    /// Until when.
    pub until_ms: u64,
}

/// Where the engine may die.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Before a commit is made.
    BeforeCommit,
    /// After a commit, before anybody heard of it.
    AfterCommit,
    /// Before a call is sent.
    BeforeCall,
    /// After a call was sent, before its answer.
    AfterCall,
    /// Instead of reading a queue file.
    Read,
    /// Before a queue file is removed.
    BeforeRemove,
    /// After a queue file was removed.
    AfterRemove,
}

impl Place {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::BeforeCommit,
        Self::AfterCommit,
        Self::BeforeCall,
        Self::AfterCall,
        Self::Read,
        Self::BeforeRemove,
        Self::AfterRemove,
    ];
}

/// The engine dies at the nth time it comes by a place, counted over all its lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crash {
    /// Where.
    pub place: Place,
    /// At which time, from 1.
    pub nth: u32,
}

/// See the module's description.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scenario {
    /// What chance starts from; also for latencies and the engine's own jitter.
    pub seed: u64,
    /// What happens to the queue, in order of time.
    pub events: Vec<Event>,
    /// Calls that go wrong, by their number.
    pub mishaps: BTreeMap<u32, Mishap>,
    /// Times when nothing can be reached.
    pub outages: Vec<Outage>,
    /// Objects that OX refuses for a while.
    pub refusals: Vec<Refusal>,
    /// Deaths of the engine.
    pub crashes: Vec<Crash>,
    /// A context whose calls take so many times as long.
    pub slow: Option<(u32, u64)>,
    /// A changed access profile reaches those who have it by itself.
    pub reach: bool,
    /// OX has shared accounts and deputies, and drover provisions them.
    pub newer: bool,
    /// The run ends then, in milliseconds, whatever is left to do.
    pub until_ms: Option<u64>,
}

impl Scenario {
    /// Number of queue files.
    pub fn items(&self) -> usize {
        self.events.iter().filter(|event| matches!(event.act, Act::Put(_))).count()
    }

    /// Number of things that go wrong.
    pub fn faults(&self) -> usize {
        self.mishaps.len() + self.outages.len() + self.refusals.len()
    }

    /// From when on nothing more comes and nothing is refused any more, in milliseconds.
    pub fn calm_ms(&self) -> u64 {
        let events = self.events.iter().map(|event| event.at_ms);
        let outages = self.outages.iter().map(|outage| outage.until_ms);
        let refusals = self.refusals.iter().map(|refusal| refusal.until_ms);
        events.chain(outages).chain(refusals).max().unwrap_or_default()
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Event { at_ms, name, act } in &self.events {
            match act {
                Act::Put(bytes) => writeln!(f, "{at_ms:>8} {name}: {}", short(bytes))?,
                Act::Rewrite(bytes) => {
                    writeln!(f, "{at_ms:>8} {name} written anew: {}", short(bytes))?;
                }
                Act::Remove => writeln!(f, "{at_ms:>8} {name} removed by hand")?,
            }
        }
        for (call, mishap) in &self.mishaps {
            writeln!(f, "call {call}: {mishap:?}")?;
        }
        for Outage { from_ms, until_ms } in &self.outages {
            writeln!(f, "outage from {from_ms} to {until_ms}")?;
        }
        for Refusal { context, object, from_ms, until_ms } in &self.refusals {
            writeln!(f, "{object} refused in context {context} from {from_ms} to {until_ms}")?;
        }
        for Crash { place, nth } in &self.crashes {
            writeln!(f, "crash: {place:?}, time {nth}")?;
        }
        if self.newer {
            writeln!(f, "OX has shared accounts and deputies")?;
        }
        if self.reach {
            writeln!(f, "changed profiles reach their users")?;
        }
        Ok(())
    }
}

/// A file's content on one line.
fn short(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
