//! What operators do: holds, which last until they are lifted, and acts, which the ledger tells of.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::{ContextId, ItemName};

/// What an operator can hold: nothing new is begun there until it is resumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldScope {
    /// Everything that goes to OX.
    Target,
    /// One context.
    Context(ContextId),
}

impl fmt::Display for HoldScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Target => f.write_str("target"),
            Self::Context(context) => write!(f, "context {context}"),
        }
    }
}

/// A hold; it survives restarts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// What is held.
    pub scope: HoldScope,
    /// Why, as the operator said.
    pub note: Option<String>,
    /// Since when, milliseconds since 1970 UTC.
    pub since_ms: i64,
}

/// Something an operator did, for the ledger. Recording it changes nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorAct {
    /// What was done.
    pub verb: Verb,
    /// Why, as the operator said.
    pub note: Option<String>,
    /// When, milliseconds since 1970 UTC.
    pub at_ms: i64,
}

/// What an operator can do to an item, a context or the target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    /// The item was set aside.
    Park(ItemName),
    /// The item was put back.
    Release(ItemName),
    /// The item was taken out.
    Drop(ItemName),
    /// Nothing new is begun there.
    Hold(HoldScope),
    /// Work goes on there.
    Resume(HoldScope),
}
