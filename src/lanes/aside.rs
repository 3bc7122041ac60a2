//! What is set aside: parked entries, and those that cannot be done without them.

use std::collections::BTreeSet;

use super::{Entry, EntryId, Lane, Lanes, enter, leave};
use crate::few::Few;

impl<T> Lanes<T> {
    /// Finds out whether an entry is blocked, and so on for those that wait for it.
    pub(super) fn judge(&mut self, id: EntryId) {
        let mut open = vec![id];
        while let Some(id) = open.pop() {
            let Some(entry) = self.entries.get(&id) else { continue };
            let keeps_back = |other: &EntryId, after| {
                let other = self.entries.get(other);
                other.is_some_and(|other| other.keeps_back(after, &entry.open))
            };
            let blocked = entry.after.iter().any(|other| keeps_back(other, true))
                || entry.needs.iter().any(|other| keeps_back(other, false));
            let is_gated = |lane: &Lane| {
                let state = self.lanes.get(lane);
                state.is_some_and(|state| state.gate(&entry.place, entry.barrier).is_some())
            };
            let gated: Few<Lane> = entry.open.iter().copied().filter(is_gated).collect();
            if blocked != entry.blocked || gated != entry.gated {
                self.reseat(id, |entry| {
                    entry.blocked = blocked;
                    entry.gated = gated;
                });
                open.extend(self.waiting_for(id));
                open.extend(self.kept_by(id));
            }
        }
    }

    pub(super) fn judge_all(&mut self, entries: Vec<EntryId>) {
        for entry in entries {
            self.judge(entry);
        }
    }

    /// An entry is parked now, or not any more.
    pub(super) fn judge_others(&mut self, id: EntryId) {
        self.judge_all(self.kept_by(id));
        self.judge_all(self.waiting_for(id));
    }

    /// Entries that stand behind this one in a lane and cannot be done as long as it waits there.
    pub(super) fn kept_by(&self, id: EntryId) -> Vec<EntryId> {
        let Some(entry) = self.entries.get(&id) else { return Vec::new() };
        let lanes = entry.open.iter().filter_map(|lane| self.lanes.get(lane));
        lanes.flat_map(|state| state.kept_by(entry)).collect()
    }

    /// Entries that cannot be done before, or without, this one.
    pub(super) fn waiting_for(&self, id: EntryId) -> Vec<EntryId> {
        let followers = self.entries.get(&id).into_iter().flat_map(|entry| entry.followers.iter());
        let waits = |other: &&EntryId| {
            let other = self.entries.get(other);
            other.is_some_and(|other| other.after.contains(&id) || other.needs.contains(&id))
        };
        followers.filter(waits).copied().collect()
    }

    /// Changes an entry in a way that may take it out of its lanes' queues, or put it back.
    pub(super) fn reseat(&mut self, id: EntryId, change: impl FnOnce(&mut Entry<T>)) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        for lane in entry.open.iter() {
            if let Some(state) = self.lanes.get_mut(lane) {
                leave(state, entry, *lane);
            }
        }
        change(entry);
        for lane in entry.open.iter() {
            let state = self.lanes.entry(*lane).or_default();
            enter(state, entry, id, *lane);
            if entry.aside(*lane) && state.stopped == Some(id) {
                state.stopped = None;
            }
            self.awake.insert(*lane);
        }
    }

    /// Sets an entry aside in a lane (a joint one in all its lanes), or, with none, wherever it is
    /// not at work. If a part of it had been started there, that part did not succeed.
    pub fn park(&mut self, id: EntryId, lane: Option<Lane>) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        let lanes: Vec<Lane> = match lane {
            Some(lane) if !entry.joint => vec![lane],
            Some(_) => entry.open.iter().copied().collect(),
            None => entry.open.iter().filter(|l| !entry.running.contains(l)).copied().collect(),
        };
        for lane in &lanes {
            if entry.running.remove(lane)
                && let Some(state) = self.lanes.get_mut(lane)
            {
                state.busy = false;
            }
        }
        self.reseat(id, |entry| {
            entry.trial = false;
            entry.parked.extend(lanes);
        });
        self.judge_others(id);
    }

    /// Lets a parked entry be tried once. What waits for it goes on waiting. False if it is not
    /// parked.
    pub fn try_parked(&mut self, id: EntryId) -> bool {
        let parked = self.is_parked(id);
        if parked {
            self.reseat(id, |entry| entry.trial = true);
        }
        parked
    }

    /// Puts a parked entry back, and with it what waits for it. False if it is not parked.
    pub fn release(&mut self, id: EntryId) -> bool {
        let parked = self.is_parked(id);
        if parked {
            self.reseat(id, |entry| {
                entry.trial = false;
                entry.parked.clear();
            });
            self.judge_others(id);
        }
        parked
    }

    /// Parked entries for which something has been done that they were waiting for, or that was
    /// moved ahead of them; each is told once.
    pub fn take_cured(&mut self) -> BTreeSet<EntryId> {
        let cured = std::mem::take(&mut self.cured);
        cured.into_iter().filter(|entry| self.is_parked(*entry)).collect()
    }

    /// Whether an entry is parked, in some lane at least.
    pub fn is_parked(&self, id: EntryId) -> bool {
        self.entries.get(&id).is_some_and(|entry| !entry.parked.is_empty())
    }

    /// Lanes in which an entry is parked.
    pub fn parked_lanes(&self, id: EntryId) -> impl Iterator<Item = Lane> {
        self.entries.get(&id).into_iter().flat_map(|entry| entry.parked.iter().copied())
    }

    /// The parked entry without which this one cannot be done; none if it is not blocked.
    pub fn blocked_by(&self, id: EntryId) -> Option<EntryId> {
        let mut at = id;
        loop {
            let entry = self.entries.get(&at)?;
            if at != id && !entry.parked.is_empty() {
                return Some(at);
            }
            let gate = |lane| self.lanes.get(lane)?.gate(&entry.place, entry.barrier);
            if let Some(gate) = entry.gated.iter().find_map(gate) {
                at = gate;
                continue;
            }
            // Backwards, from one that waits to the one it waits for, always to a smaller place.
            let keeps_back = |other: &&EntryId, after| {
                let other = self.entries.get(other);
                other.is_some_and(|other| other.keeps_back(after, &entry.open))
            };
            let after = entry.after.iter().find(|other| keeps_back(other, true));
            at = *after.or_else(|| entry.needs.iter().find(|other| keeps_back(other, false)))?;
        }
    }

    /// Entries that are set aside because of a parked one, by however many steps.
    pub fn blocks(&self, id: EntryId) -> Vec<EntryId> {
        let mut found = BTreeSet::new();
        let mut open = self.waiting_for(id);
        open.extend(self.kept_by(id));
        while let Some(other) = open.pop() {
            let Some(entry) = self.entries.get(&other).filter(|_| other != id) else { continue };
            let aside = entry.blocked || !entry.gated.is_empty();
            if aside && found.insert(other) {
                open.extend(self.waiting_for(other));
                open.extend(self.kept_by(other));
            }
        }
        found.into_iter().collect()
    }
}
