//! Holding back removals that are too many to be meant (see [`guard`](crate::guard)).
//!
//! They are parked before any call is made, and everything else goes on. An item that brings an object
//! back takes its parked removal's place; the others wait for the operator. After a restart what still
//! waits is counted anew, released or not: that errs on the safe side.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use actix::prelude::*;
use tracing::warn;

use super::parking::Parked;
use super::{Supervisor, What};
use crate::guard::{Group, Guard, GuardRules};
use crate::lanes::EntryId;
use crate::model::{Fate, ObjectId, ObjectKind, ParkReason, QueueFile};
use crate::plan::coalesce::Presence;
use crate::store::Change;

/// Removals, and what is to be looked at.
#[derive(Debug)]
pub(super) struct Guarding {
    pub(super) guard: Guard,
    start: tokio::time::Instant,
    /// Pending removals.
    pending: BTreeMap<Group, BTreeSet<EntryId>>,
    /// Somebody has looked at them.
    let_through: BTreeSet<EntryId>,
    /// Groups to which removals were added.
    fresh: BTreeSet<Group>,
    /// Groups of which the log has told.
    told: BTreeSet<Group>,
}

impl Guarding {
    pub(super) fn new(rules: GuardRules) -> Self {
        Self {
            guard: Guard::new(rules),
            start: tokio::time::Instant::now(),
            pending: BTreeMap::new(),
            let_through: BTreeSet::new(),
            fresh: BTreeSet::new(),
            told: BTreeSet::new(),
        }
    }

    /// An entry is gone.
    pub(super) fn forget(&mut self, entry: EntryId) {
        self.let_through.remove(&entry);
        self.pending.retain(|_, entries| {
            entries.remove(&entry);
            !entries.is_empty()
        });
    }

    fn now(&self) -> Duration {
        self.start.elapsed()
    }
}

impl Supervisor {
    /// An item was routed: does it remove its object from OX?
    pub(super) fn note_removal(&mut self, file: &QueueFile, presence: Presence, entry: EntryId) {
        if !self.guarding.guard.is_on() {
            return;
        }
        let removes = matches!(presence, Presence::Gone | Presence::Off);
        let placed = |known: &crate::index::Known| -> Vec<_> {
            known.placed.iter().map(|presence| presence.context).collect()
        };
        let contexts = self.env.index.with(&file.id, placed).unwrap_or_default();
        if !removes || contexts.is_empty() || file.kind == ObjectKind::Profile {
            self.guarding.guard.forget(&file.id);
            return;
        }
        let now = self.guarding.now();
        let mut removals = vec![(Group::Kind(file.kind), vec![file.id.clone()])];
        match file.kind {
            ObjectKind::User => removals
                .extend(contexts.into_iter().map(|c| (Group::Users(c), vec![file.id.clone()]))),
            // With it go all its users.
            ObjectKind::Context => {
                let users = contexts.into_iter().flat_map(|c| self.env.index.users_in(c));
                removals.push((Group::Kind(ObjectKind::User), users.collect()));
            }
            _ => {}
        }
        for (group, objects) in removals {
            for object in objects {
                self.guarding.guard.removal(group, object, now);
            }
            self.guarding.pending.entry(group).or_default().insert(entry);
            self.guarding.fresh.insert(group);
        }
    }

    /// Parks removals of which there are too many. Called before anything is started.
    pub(super) fn hold_back_removals(&mut self) {
        if self.reading {
            return;
        }
        let now = self.guarding.now();
        for group in std::mem::take(&mut self.guarding.fresh) {
            let index = self.env.index.clone();
            let there = || match group {
                Group::Kind(kind) => index.placed(kind),
                Group::Users(context) => index.users_in(context).len(),
            };
            let is_there =
                |id: &ObjectId| index.with(id, |known| !known.placed.is_empty()) == Some(true);
            let Some(found) = self.guarding.guard.too_many(group, now, there, is_there) else {
                self.guarding.told.remove(&group);
                continue;
            };
            let entries = self.guarding.pending.get(&group).cloned().unwrap_or_default();
            let note = format!(
                "{} of {} {group} would be removed within a short time (guard.deletes_percent)",
                found.removals, found.all
            );
            let mut parked = 0;
            for entry in entries {
                if self.guarding.let_through.contains(&entry)
                    || self.parking.parked.contains_key(&entry)
                    || !self.lanes.untouched(entry)
                {
                    continue;
                }
                let Some(task) = self.lanes.task(entry) else { continue };
                let (reason, note) = (ParkReason::Guard, Some(note.clone()));
                let fate = Fate::Parked { reason, note: note.clone() };
                self.taken.push(Change::SetFate { item: task.name.clone(), fate });
                self.clear_timer(entry);
                self.park(entry, None, Parked { reason, note });
                parked += 1;
            }
            if parked > 0 && self.guarding.told.insert(group) {
                warn!(
                    parked,
                    removals = found.removals,
                    all = found.all,
                    "too many {group} would be removed at once; these removals are set aside and \
                       nothing was removed, everything else goes on. If they are meant, release the \
                       parked items; if not, correct the source: an item that brings an object back \
                       takes the place of its removal"
                );
            }
        }
    }

    /// Whether an entry is a removal that is held back.
    pub(super) fn is_held_back(&self, entry: EntryId) -> bool {
        self.parking.parked.get(&entry).is_some_and(|parked| parked.reason == ParkReason::Guard)
            && self.lanes.untouched(entry)
    }

    /// The operator has released an entry: it does not count any more.
    pub(super) fn let_through(&mut self, entry: EntryId) {
        if !self.is_held_back(entry) {
            return;
        }
        self.guarding.let_through.insert(entry);
        if let Some(What::Item(item)) = self.lanes.task(entry).map(|task| &task.what) {
            let object = item.object.clone();
            self.guarding.guard.forget(&object);
        }
    }

    /// A removal was held back before the restart: it still is, unless later items of its object wait.
    /// Then the last one is done in the place of all.
    pub(super) fn hold_back_again(
        &mut self,
        entry: EntryId,
        parked: Parked,
        ctx: &mut Context<Self>,
    ) {
        let Some(task) = self.lanes.task(entry) else { return };
        let What::Item(item) = &task.what else { return };
        if !self.guarding.guard.is_on() {
            let item = task.name.clone();
            self.taken.push(Change::SetFate { item, fate: Fate::Pending });
            return;
        }
        let pending: Vec<_> = self.router.pending(&item.object).collect();
        if pending.last() == Some(&entry) {
            self.park(entry, None, parked);
            return;
        }
        let mut all = Vec::new();
        for entry in pending {
            let Some(task) = self.take_out(entry) else { continue };
            all.extend(self.as_earlier(task));
        }
        self.bring_back(all, ctx);
    }
}
