//! What happened, step by step. Equal runs print equal traces, byte for byte.

use std::fmt;

use crate::model::{ContextId, Fate, ItemName, ObjectId, OxId};

/// One call to OX.
#[derive(Debug, Clone)]
pub struct Called {
    /// Number of the call, from 0.
    pub number: u32,
    /// Contexts it is about; the first one counts, the other is a copy's source.
    pub contexts: Vec<ContextId>,
    /// Service and operation.
    pub operation: &'static str,
    /// Whether it changes anything.
    pub write: bool,
    /// The object, as the call names it.
    pub object: String,
    /// What it writes.
    pub content: String,
    /// The version of the directory object in what it writes, such as `v17 u3`.
    pub version: Option<String>,
    /// Members it names of whom the store holds no such number.
    pub unheld: Vec<OxId>,
}

/// An item's end, as it was committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// The queue file.
    pub item: ItemName,
    /// Digest of its content.
    pub digest: [u8; 32],
    /// How it ended.
    pub fate: Fate,
}

/// One step.
#[derive(Debug, Clone)]
pub enum Step {
    /// A new engine was started over what the last one left behind.
    Started,
    /// The engine was gone from here on.
    Crashed(String),
    /// A queue file appeared, was written anew, or was removed by hand.
    File(&'static str, ItemName),
    /// A call set out.
    Call(Called),
    /// OX did what the call asked for, or refused it.
    Applied(u32, Result<(), String>),
    /// The caller got to know how the call ended.
    Answered(u32, String),
    /// A commit became durable.
    Committed {
        /// Short words for the changes.
        changes: Vec<String>,
        /// Versions of the objects that were put, such as `v17 u3`.
        versions: Vec<String>,
        /// Items that ended.
        ended: Vec<Ending>,
        /// Items with another fate from now on: the version in their files, and the fate's name.
        fates: Vec<(String, &'static str)>,
        /// Numbers that the index knew although the store did not hold them yet.
        early: Vec<(ObjectId, ContextId, OxId)>,
    },
    /// The engine removed a queue file; whether the outcome of that very content was in the store.
    Acknowledged(ItemName, bool),
    /// How the run ended.
    Ended(String),
}

/// A step and when it was, in milliseconds of virtual time.
#[derive(Debug, Clone)]
pub struct Entry {
    /// When.
    pub at_ms: u64,
    /// What.
    pub step: Step,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>8} ", self.at_ms)?;
        match &self.step {
            Step::Started => write!(f, "--- the engine starts"),
            Step::Crashed(place) => write!(f, "--- crash: {place}"),
            Step::File(what, name) => write!(f, "file {name} {what}"),
            Step::Call(call) => {
                let contexts: Vec<String> = call.contexts.iter().map(ToString::to_string).collect();
                let Called { number, operation, object, content, .. } = call;
                write!(f, "call {number} in {}: {operation} {object}", contexts.join("+"))?;
                if !content.is_empty() {
                    write!(f, " {{{content}}}")?;
                }
                Ok(())
            }
            Step::Applied(number, Ok(())) => write!(f, "call {number} takes effect"),
            Step::Applied(number, Err(why)) => write!(f, "call {number} is refused: {why}"),
            Step::Answered(number, outcome) => write!(f, "call {number} ends: {outcome}"),
            Step::Committed { changes, .. } => write!(f, "commit {}", changes.join(", ")),
            Step::Acknowledged(name, _) => write!(f, "file {name} acknowledged"),
            Step::Ended(how) => write!(f, "end: {how}"),
        }
    }
}
