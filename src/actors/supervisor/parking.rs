//! Setting items aside so that work goes on without them, and putting them back.
//!
//! An item is parked by its fault (policy `park`) or by the operator. With it go the items that cannot be
//! done without it; they count as blocked. A group or account with a member whose item is aside is
//! written with the others, and looked at again when that item is through. One that was parked by its
//! fault is tried again after growing pauses, and at once when something it may have waited for is done:
//! so it comes back by itself when its cause is gone.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use actix::prelude::*;
use tracing::info;

use super::{OnFault, Supervisor, Task, What};
use crate::lanes::{EntryId, Lane};
use crate::model::{Fate, ItemName, ObjectId, ParkReason};
use crate::provision::Failure;
use crate::store::{Change, Mark};

/// So many items in a row that are refused in one context are the context's trouble, not theirs: it
/// stands still then, like with the policy `stop`, until one of them goes through.
const QUARANTINE_AFTER: u32 = 10;

/// What is remembered of parked items.
#[derive(Debug, Default)]
pub(super) struct Parking {
    /// All parked entries.
    pub(super) parked: BTreeMap<EntryId, Parked>,
    /// Entries that count as blocked, with the item that each waits for.
    blocked: BTreeMap<EntryId, ItemName>,
    /// Looks that wait for an object's items to come back.
    waiting: HashMap<ObjectId, BTreeSet<Mark>>,
    /// Items in a row that were refused.
    refused: HashMap<Lane, u32>,
    /// Something was parked, released or routed since `blocked` was found.
    stale: bool,
}

/// Why an entry is parked.
#[derive(Debug, Clone)]
pub(super) struct Parked {
    pub(super) reason: ParkReason,
    pub(super) note: Option<String>,
}

impl Parking {
    /// What is aside has to be found again.
    pub(super) fn changed(&mut self) {
        self.stale = true;
    }

    /// An item was routed: it may be blocked.
    pub(super) fn routed(&mut self) {
        self.stale |= !self.parked.is_empty();
    }

    /// An entry is gone.
    pub(super) fn forget(&mut self, entry: EntryId) {
        self.stale |= self.parked.remove(&entry).is_some() | self.blocked.remove(&entry).is_some();
    }

    /// An entry stands for another item now: whether it counts as blocked is found again. Whether it did.
    pub(super) fn forget_blocked(&mut self, entry: EntryId) -> bool {
        let was = self.blocked.remove(&entry).is_some();
        self.stale |= was;
        was
    }

    /// Number of entries that count as blocked.
    pub(super) fn blocked(&self) -> usize {
        self.blocked.len()
    }

    /// Something went through in a lane.
    pub(super) fn went_through(&mut self, lane: Lane) {
        self.refused.remove(&lane);
    }
}

impl Supervisor {
    /// Whether an item with this fault is set aside, or its lane stops.
    pub(super) fn is_to_be_parked(
        &mut self,
        lane: Lane,
        entry: EntryId,
        failure: &Failure,
    ) -> bool {
        if self.rules.on_fault == OnFault::Stop {
            return false;
        }
        // Everything else in the context would meet the same fault.
        if failure.is_about_a_key() || failure.class == Failure::NO_CONTEXT {
            return false;
        }
        if self.parking.parked.contains_key(&entry) {
            return true;
        }
        let refused = self.parking.refused.entry(lane).or_default();
        *refused += 1;
        *refused < QUARANTINE_AFTER
    }

    /// Sets an entry aside, in the lane where its fault was met or, with none, everywhere.
    pub(super) fn park(&mut self, entry: EntryId, lane: Option<Lane>, parked: Parked) {
        self.lanes.park(entry, lane);
        self.parking.parked.insert(entry, parked);
        self.parking.changed();
    }

    /// Puts an entry back for good.
    pub(super) fn unpark(&mut self, entry: EntryId) {
        if self.parking.parked.remove(&entry).is_some() {
            self.lanes.release(entry);
            self.parking.changed();
        }
    }

    /// Lets an entry that stands still or was parked by its fault be tried now.
    pub(super) fn try_again(&mut self, entry: EntryId) {
        match self.parking.parked.get(&entry).map(|parked| parked.reason) {
            Some(ParkReason::Fault) => {
                self.lanes.try_parked(entry);
                // A trial that OX put off stands still.
                self.lanes.wake(entry);
            }
            Some(ParkReason::Operator | ParkReason::Guard) => {}
            None => {
                self.lanes.wake(entry);
            }
        }
    }

    /// A part was done in a lane: tries what may have waited for it.
    pub(super) fn try_cured(&mut self, lane: Lane, all: bool) {
        let mut cured = self.lanes.take_cured();
        if all {
            let here = |entry: &EntryId| self.lanes.parked_lanes(*entry).any(|other| other == lane);
            cured.extend(self.parking.parked.keys().copied().filter(here));
        }
        for entry in cured {
            self.try_again(entry);
        }
    }

    /// A group or account was written without members whose items are aside.
    pub(super) fn wait_for(&mut self, mark: &Mark, members: Vec<ObjectId>) {
        for member in members {
            self.parking.waiting.entry(member).or_default().insert(mark.clone());
        }
        self.parking.changed();
    }

    /// Finds out which items are aside, and makes it known.
    pub(super) fn find_aside(&mut self, ctx: &mut Context<Self>) {
        if !std::mem::take(&mut self.parking.stale) {
            return;
        }
        let mut blocked = BTreeMap::new();
        for entry in self.parking.parked.keys() {
            let Some(by) = self.lanes.task(*entry).map(|task| task.name.clone()) else { continue };
            for other in self.lanes.blocks(*entry) {
                blocked.entry(other).or_insert_with(|| by.clone());
            }
        }
        blocked.retain(|entry, _| !self.parking.parked.contains_key(entry));
        let before = std::mem::replace(&mut self.parking.blocked, blocked);
        let item = |entry: &EntryId| match self.lanes.task(*entry) {
            Some(Task { name, what: What::Item(_), .. }) => Some(name.clone()),
            _ => None,
        };
        let mut commit = Vec::new();
        for (entry, by) in &self.parking.blocked {
            if before.get(entry) != Some(by)
                && let Some(item) = item(entry)
            {
                commit.push(Change::SetFate { item, fate: Fate::Blocked { by: by.clone() } });
            }
        }
        for entry in before.keys().filter(|entry| !self.parking.blocked.contains_key(entry)) {
            if let Some(item) = item(entry).filter(|_| !self.parking.parked.contains_key(entry)) {
                commit.push(Change::SetFate { item, fate: Fate::Pending });
            }
        }
        let entries = self.parking.parked.keys().chain(self.parking.blocked.keys());
        let objects: HashSet<ObjectId> = entries
            .filter_map(|entry| match &self.lanes.task(*entry)?.what {
                What::Item(item) => Some(item.object.clone()),
                What::Look(..) => None,
            })
            .collect();
        let back: BTreeSet<ObjectId> = self
            .parking
            .waiting
            .keys()
            .filter(|object| !objects.contains(*object))
            .cloned()
            .collect();
        self.env.aside.replace(objects);
        if !commit.is_empty() {
            self.remember(commit, ctx);
        }
        for object in back {
            for mark in self.parking.waiting.remove(&object).unwrap_or_default() {
                self.add_look(mark);
            }
        }
    }

    /// The queue was read: what was parked is parked again, what was held is held.
    pub(super) fn restore_parked(
        &mut self,
        found: Vec<(ItemName, Parked)>,
        ctx: &mut Context<Self>,
    ) {
        for (item, parked) in found {
            let Some(entry) = self.names.get(&item).copied() else { continue };
            let task = self.lanes.task(entry);
            if task.is_none_or(|task| task.name != item) {
                // A later item of the object is done in its place.
                continue;
            }
            let lane = task.and_then(|task| task.fault.as_ref()).map(|fault| fault.lane);
            match parked.reason {
                ParkReason::Operator => self.park(entry, None, parked),
                ParkReason::Guard => self.hold_back_again(entry, parked, ctx),
                ParkReason::Fault if self.rules.on_fault == OnFault::Park => {
                    self.park(entry, lane, parked);
                    self.try_again(entry);
                }
                ParkReason::Fault => {}
            }
        }
        match self.env.store.holds() {
            Ok(holds) => {
                for hold in holds {
                    info!(scope = %hold.scope, note = hold.note.as_deref(), "is held since before the start");
                    self.apply_hold(hold);
                }
            }
            Err(problem) => self.break_down(problem.to_string()),
        }
        self.find_aside(ctx);
    }
}
