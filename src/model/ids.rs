//! Identifiers: contexts, objects of the directory, objects inside OX.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// An OX context (tenant), drover's unit of ordering.
///
/// Always compared as a number: the directory delivers `10` and `"10"` for the same context.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ContextId(pub u32);

impl fmt::Display for ContextId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for ContextId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "context {}", self.0)
    }
}

/// The number OX gives a user, group or resource inside its context.
///
/// One sequence per context serves all three kinds; numbers are never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OxId(pub u32);

impl OxId {
    /// Stands for a number that is not known (yet). OX gives none of its users, groups and resources
    /// this one.
    pub const UNKNOWN: Self = Self(0);
}

impl fmt::Display for OxId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for OxId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// The stable identity of a directory object: its `entryUUID`, in lower case.
///
/// It survives renames and moves; a re-created object has a new one. Any non-empty text is
/// accepted, because the producer, not drover, chooses it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ObjectId(Arc<str>);

impl ObjectId {
    /// Takes the text as the source wrote it; case is folded.
    pub fn new(text: &str) -> Self {
        Self(text.trim().to_lowercase().into())
    }

    /// The id as lower-case text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
