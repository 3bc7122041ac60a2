//! Places in the global order.

use std::sync::Arc;

use crate::model::ItemName;

/// Where an entry stands in the queue's own order: by file name, then by arrival.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    /// Name of the queue file, or of the one that gave rise to the entry.
    pub name: ItemName,
    /// Order of arrival.
    pub arrival: u64,
}

/// An entry's place in the global order.
///
/// An entry that was moved before another stands *under* it: its path is the other's path and its
/// own rank. Of two paths of which one begins with the other the longer one comes first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub(super) first: Rank,
    /// The path from there on, if the entry was moved; shared with the lanes' queues.
    under: Option<Arc<[Rank]>>,
}

impl Place {
    pub(super) fn new(rank: Rank) -> Self {
        Self { first: rank, under: None }
    }

    /// The place of an entry of that rank under this one.
    pub(super) fn below(&self, rank: Rank) -> Self {
        let path = self.under().iter().cloned().chain([rank]);
        Self { first: self.first.clone(), under: Some(path.collect()) }
    }

    pub(super) fn under(&self) -> &[Rank] {
        self.under.as_deref().unwrap_or_default()
    }
}

impl Ord for Place {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let (mine, theirs) = (self.under(), other.under());
        let mut order = self.first.cmp(&other.first);
        for (mine, theirs) in mine.iter().zip(theirs) {
            order = order.then_with(|| mine.cmp(theirs));
        }
        order.then_with(|| theirs.len().cmp(&mine.len()))
    }
}

impl PartialOrd for Place {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
