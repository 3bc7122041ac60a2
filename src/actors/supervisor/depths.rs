//! How much is pending, and since when.

use std::collections::BTreeMap;

use super::{Supervisor, What};
use crate::actors::operator::Depth;
use crate::lanes::EntryId;

impl Supervisor {
    /// Pending items by the names of their fates. One look at each pending entry.
    pub(super) fn depths(&self) -> BTreeMap<&'static str, Depth> {
        let states = ["pending", "faulty", "parked", "blocked"];
        let mut depths = BTreeMap::from(states.map(|state| (state, Depth::default())));
        let mut count = |state: &'static str, since_ms: i64| {
            let depth = depths.entry(state).or_default();
            depth.items += 1;
            if since_ms > 0 {
                depth.oldest_ms = Some(depth.oldest_ms.map_or(since_ms, |old| old.min(since_ms)));
            }
        };
        for (entry, task) in self.lanes.tasks() {
            if matches!(task.what, What::Item(_)) {
                count(self.state_of(entry, task.fault.is_some()), task.taken_ms);
            }
        }
        for file in self.unusable.values() {
            count("faulty", file.fault.first_ms);
        }
        depths
    }

    fn state_of(&self, entry: EntryId, fault: bool) -> &'static str {
        if self.parking.parked.contains_key(&entry) {
            "parked"
        } else if !self.parking.parked.is_empty() && self.lanes.blocked_by(entry).is_some() {
            "blocked"
        } else if fault {
            "faulty"
        } else {
            "pending"
        }
    }
}
