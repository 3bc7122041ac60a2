//! Snapshots: where everything is now. Readers look at the newest one and never wait for an actor.

use serde::Serialize;

/// An item that stands still, or a file that cannot be used.
#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
pub struct FaultyItem {
    /// Queue file.
    pub item: String,
    /// Where it stands still, such as `context 20`.
    pub lane: String,
    /// The object's id, if the file could be read.
    pub object: Option<String>,
    /// Its kind.
    pub kind: Option<String>,
    /// The context, if it is in one.
    pub context: Option<u32>,
    /// Class of the fault: OX's, or a word of drover's own.
    pub class: String,
    /// What happened.
    pub fault: String,
    /// OX's exception id.
    pub exception_id: Option<String>,
    /// Attempts so far.
    pub attempts: u32,
    /// When the first one failed, milliseconds since 1970 UTC.
    pub since_ms: i64,
    /// How many items wait behind it in its lane; if it is set aside, how many are with it.
    pub behind: usize,
    /// It is set aside, and its contexts go on.
    pub parked: bool,
    /// What to do about it.
    pub advice: String,
}

/// Everything at a moment.
#[derive(Debug, Clone, Default, Serialize, PartialEq, Eq)]
pub struct Snapshot {
    /// Items taken in since the start.
    pub taken_in: u64,
    /// Items that changed OX.
    pub applied: u64,
    /// Items that needed no change.
    pub no_op: u64,
    /// Items that a later one made pointless.
    pub superseded: u64,
    /// Items whose file was removed by hand.
    pub dropped: u64,
    /// Items that were done before, of which only the file was left.
    pub repeated: u64,
    /// Groups and accounts looked at again because of their members.
    pub looked_again: u64,
    /// Items (and looks) not yet through.
    pub pending: usize,
    /// Contexts that have work.
    pub active: usize,
    /// Calls that run now, at most one a context.
    pub running: usize,
    /// Commits that are on their way to the disk, those of jobs that run not among them.
    pub recording: usize,
    /// Context actors there are, those that wait for work to come among them.
    pub actors: usize,
    /// Whether the first reading of the queue is through.
    pub read: bool,
    /// Why OX is paused, if it is down.
    pub outage: Option<String>,
    /// What stands still.
    pub faulty: Vec<FaultyItem>,
    /// Items that are set aside, by their fault or by the operator.
    pub parked: usize,
    /// Items that cannot be done without one that is set aside.
    pub blocked: usize,
    /// What the operator holds, such as `target` or `context 20`.
    pub holds: Vec<String>,
    /// Failed attempts since the start.
    pub failures: u64,
    /// Those of them after which OX wanted a moment.
    pub failures_busy: u64,
    /// Those of them that found OX out of reach.
    pub failures_outage: u64,
    /// Times that OX was found out of reach after it had answered.
    pub outages: u64,
    /// Context actors that died and were replaced.
    pub restarts: u64,
}

impl Snapshot {
    /// Items that came to an end.
    pub fn ended(&self) -> u64 {
        self.applied + self.no_op + self.superseded + self.dropped + self.repeated
    }
}
