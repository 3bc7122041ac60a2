//! What comes first: entries moved ahead of others, and what must not be passed.

use std::collections::BTreeSet;

use super::{EntryId, Lane, Lanes, Moved, Need, enter, leave};

impl<T> Lanes<T> {
    /// An entry goes before others that may start as well.
    pub fn hurry(&mut self, id: EntryId) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        if !std::mem::replace(&mut entry.hurried, true) {
            entry.open.iter().for_each(|lane| self.awake.hurry(*lane));
        }
    }

    /// Whether an entry goes before others.
    pub fn is_hurried(&self, id: EntryId) -> bool {
        self.entries.get(&id).is_some_and(|entry| entry.hurried)
    }

    /// Puts `entry` before `other` although neither needs the other; with it goes whatever has to stay
    /// ahead of it. Unlike after [`Lanes::before`], nothing is promised: either may be moved later on.
    pub fn overtake(&mut self, entry: EntryId, other: EntryId) -> Moved {
        if !self.precedes(other, entry) {
            return Moved::Ahead;
        }
        if self.must_precede(other, entry) {
            return Moved::Circle;
        }
        if self.barrier_between(other, entry) {
            return Moved::Barrier;
        }
        self.move_under(entry, other);
        Moved::Ahead
    }

    /// Puts `needed` before `needing`, because the latter needs it; with it goes whatever has to
    /// stay ahead of `needed`.
    pub fn before(&mut self, needed: EntryId, needing: EntryId, need: Need) -> Moved {
        let (Some(first), Some(second)) = (self.entries.get(&needed), self.entries.get(&needing))
        else {
            return Moved::Ahead;
        };
        if first.place < second.place {
            self.promise(needed, needing, need);
            return Moved::Ahead;
        }
        if self.must_precede(needing, needed) {
            return Moved::Circle;
        }
        if self.barrier_between(needing, needed) {
            return Moved::Barrier;
        }
        self.promise(needed, needing, need);
        self.move_under(needed, needing);
        Moved::Ahead
    }

    /// Remembers that `needed` has to stay ahead of `needing` when either is moved later on.
    pub(super) fn promise(&mut self, needed: EntryId, needing: EntryId, need: Need) {
        if let Some(entry) = self.entries.get_mut(&needed) {
            entry.followers.insert(needing);
        }
        if let Some(entry) = self.entries.get_mut(&needing) {
            entry.ahead.insert(needed);
            if need == Need::Hard {
                entry.needs.insert(needed);
            }
        }
        if need == Need::Hard {
            self.judge(needing);
        }
    }

    /// Whether `first` has been promised a place ahead of `second`, by however many steps.
    pub(super) fn must_precede(&self, first: EntryId, second: EntryId) -> bool {
        let mut seen = BTreeSet::new();
        let mut open = vec![second];
        while let Some(id) = open.pop() {
            if id == first {
                return true;
            }
            if seen.insert(id)
                && let Some(entry) = self.entries.get(&id)
            {
                open.extend(entry.ahead.iter());
            }
        }
        false
    }

    /// Whether a barrier lies between two entries in a lane they share, for the moved entry or
    /// anything that would have to move along.
    pub(super) fn barrier_between(&self, needing: EntryId, needed: EntryId) -> bool {
        let Some(target) = self.entries.get(&needing).map(|entry| &entry.place) else {
            return false;
        };
        let mut seen = BTreeSet::new();
        let mut open = vec![needed];
        while let Some(id) = open.pop() {
            let Some(entry) = self.entries.get(&id) else { continue };
            if !seen.insert(id) || entry.place < *target {
                continue;
            }
            if entry.barrier {
                return true;
            }
            let crosses = entry.open.iter().filter_map(|lane| self.lanes.get(lane)).any(|lane| {
                lane.barriers.range(target.clone()..entry.place.clone()).next().is_some()
            });
            if crosses {
                return true;
            }
            open.extend(entry.ahead.iter());
        }
        false
    }

    pub(super) fn move_under(&mut self, needed: EntryId, needing: EntryId) {
        let Some(target) = self.entries.get(&needing).map(|entry| entry.place.clone()) else {
            return;
        };
        let Some(entry) = self.entries.get_mut(&needed) else { return };
        if entry.place < target {
            return;
        }
        let lanes = entry.open.clone();
        for lane in lanes.iter() {
            if let Some(state) = self.lanes.get_mut(lane) {
                leave(state, entry, *lane);
            }
        }
        entry.place = target.below(entry.rank.clone());
        for lane in lanes.iter().copied() {
            enter(self.lanes.entry(lane).or_default(), entry, needed, lane);
            self.awake.insert(lane);
        }
        let ahead: Vec<EntryId> = entry.ahead.iter().copied().collect();
        for other in ahead {
            self.move_under(other, needed);
        }
        self.judge(needed);
        // Others stand behind it now.
        self.judge_all(self.kept_by(needed));
    }

    /// Whether `first` comes before `second` in the global order.
    pub fn precedes(&self, first: EntryId, second: EntryId) -> bool {
        match (self.entries.get(&first), self.entries.get(&second)) {
            (Some(first), Some(second)) => first.place < second.place,
            _ => false,
        }
    }

    /// Whether a barrier stands behind an entry's place in a lane, in which it need not be itself.
    pub fn barrier_behind(&self, lane: Lane, id: EntryId) -> bool {
        let (Some(entry), Some(state)) = (self.entries.get(&id), self.lanes.get(&lane)) else {
            return false;
        };
        state.barriers.last_key_value().is_some_and(|(barrier, _)| *barrier > entry.place)
    }

    /// The last barrier in a lane, as something entries can be compared with.
    pub fn behind_last_barrier(&self, lane: Lane, id: EntryId) -> bool {
        let Some(entry) = self.entries.get(&id) else { return false };
        let last = self.lanes.get(&lane).and_then(|state| state.barriers.last_key_value());
        last.is_none_or(|(barrier, _)| entry.place > *barrier)
    }
}
