//! Who runs when: the total order of pending work, and a lane for each context.
//!
//! Pure: no clock, no actor. The supervisor tells it what arrives, what begins and what ends, and
//! asks what may start.
//!
//! # Order
//! Every entry has a [`Place`] in one global order, which all lanes share. It is the queue's order,
//! refined by [`Lanes::before`]: an entry that another one needs is moved to just before it. Moving
//! only ever goes forward, and takes along whatever has to stay ahead of the moved entry, so no
//! earlier promise is broken.
//!
//! # Lanes
//! A lane does one thing at a time, the first in order. An entry in several lanes is either *each*
//! (a group in two contexts: every lane does its part when it gets there) or *joint* (a user who
//! moves: it runs once, when it is first in all its lanes).
//!
//! # Why nothing waits in a circle
//! A lane is never committed to an entry before it runs: what is first is looked up again whenever
//! something changes. An entry waits only for entries with a smaller place. So the entry with the
//! smallest place of all is first in all its lanes and waits for nothing: it can always run.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use crate::model::{ContextId, ItemName};

/// Number of an entry; grows with arrival.
pub type EntryId = u64;

/// A lane: the work of one context, or work that belongs to none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// Work without a context: only drover's own memory changes.
    Directory,
    /// A context's work.
    Context(ContextId),
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory => f.write_str("no context"),
            Self::Context(context) => write!(f, "context {context}"),
        }
    }
}

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
pub struct Place(Vec<Rank>);

impl Ord for Place {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        for (mine, theirs) in self.0.iter().zip(&other.0) {
            let order = mine.cmp(theirs);
            if order.is_ne() {
                return order;
            }
        }
        other.0.len().cmp(&self.0.len())
    }
}

impl PartialOrd for Place {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// A new entry.
#[derive(Debug, Clone)]
pub struct NewEntry<T> {
    /// Its place in the queue's order.
    pub name: ItemName,
    /// Its lanes; at least one.
    pub lanes: BTreeSet<Lane>,
    /// Runs once when it is first in all lanes, instead of once in each.
    pub joint: bool,
    /// No entry may be moved past it (deletion of a context).
    pub barrier: bool,
    /// Entries that must be through before it may start.
    pub after: BTreeSet<EntryId>,
    /// Whatever the caller wants to find again.
    pub task: T,
}

#[derive(Debug)]
struct Entry<T> {
    place: Place,
    rank: Rank,
    open: BTreeSet<Lane>,
    joint: bool,
    barrier: bool,
    running: BTreeSet<Lane>,
    begun: bool,
    after: BTreeSet<EntryId>,
    /// Entries that have to stay behind it.
    followers: BTreeSet<EntryId>,
    /// Entries that have to stay ahead of it, for moves.
    ahead: BTreeSet<EntryId>,
    task: T,
}

#[derive(Debug, Default)]
struct LaneState {
    queue: BTreeMap<Place, EntryId>,
    barriers: BTreeSet<Place>,
    busy: bool,
    /// The entry that stands still here after a fault.
    stopped: Option<EntryId>,
}

/// What may start now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// Which entry.
    pub entry: EntryId,
    /// The lane; of a joint entry the smallest of its lanes.
    pub lane: Lane,
    /// Whether this is the entry's only unfinished part.
    pub sole: bool,
}

/// Whether a move could be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moved {
    /// The entry is ahead now (or was already).
    Ahead,
    /// A context deletion lies between: it belongs to another life of the context.
    Barrier,
    /// They need each other; they stay in order of arrival.
    Circle,
}

/// All pending work.
#[derive(Debug)]
pub struct Lanes<T> {
    entries: HashMap<EntryId, Entry<T>>,
    lanes: HashMap<Lane, LaneState>,
    /// Lanes in which something may have become possible.
    awake: BTreeSet<Lane>,
    next_id: EntryId,
}

impl<T> Default for Lanes<T> {
    fn default() -> Self {
        Self { entries: HashMap::new(), lanes: HashMap::new(), awake: BTreeSet::new(), next_id: 1 }
    }
}

impl<T> Lanes<T> {
    /// Number of pending entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is pending.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Number of lanes that have work.
    pub fn active(&self) -> usize {
        self.lanes.len()
    }

    /// The task of an entry.
    pub fn task(&self, entry: EntryId) -> Option<&T> {
        self.entries.get(&entry).map(|e| &e.task)
    }

    /// The task of an entry, to change it.
    pub fn task_mut(&mut self, entry: EntryId) -> Option<&mut T> {
        self.entries.get_mut(&entry).map(|e| &mut e.task)
    }

    /// All tasks.
    pub fn tasks(&self) -> impl Iterator<Item = (EntryId, &T)> {
        self.entries.iter().map(|(id, entry)| (*id, &entry.task))
    }

    /// Whether any part of an entry was begun.
    pub fn begun(&self, entry: EntryId) -> bool {
        self.entries.get(&entry).is_some_and(|e| e.begun)
    }

    /// Whether a part of an entry runs at this moment.
    pub fn running(&self, entry: EntryId) -> bool {
        self.entries.get(&entry).is_some_and(|e| !e.running.is_empty())
    }

    /// Lanes in which an entry still has something to do.
    pub fn open_lanes(&self, entry: EntryId) -> impl Iterator<Item = Lane> {
        self.entries.get(&entry).into_iter().flat_map(|e| e.open.iter().copied())
    }

    /// The last entry's queue name in a lane, if the lane has work.
    pub fn last_name(&self, lane: Lane) -> Option<&ItemName> {
        let (_, id) = self.lanes.get(&lane)?.queue.last_key_value()?;
        self.entries.get(id).map(|entry| &entry.rank.name)
    }

    /// Number of entries that wait in a lane.
    pub fn depth(&self, lane: Lane) -> usize {
        self.lanes.get(&lane).map_or(0, |lane| lane.queue.len())
    }

    /// Pending entries of a lane, in order.
    pub fn in_lane(&self, lane: Lane) -> impl Iterator<Item = EntryId> {
        self.lanes.get(&lane).into_iter().flat_map(|lane| lane.queue.values().copied())
    }

    /// Takes a new entry in.
    ///
    /// Of entries in `after` those are awaited that still are pending. If one of them has begun and
    /// has the larger place, the new one is put behind it, so that waiting always looks back.
    pub fn insert(&mut self, new: NewEntry<T>) -> EntryId {
        let id = self.next_id;
        self.next_id += 1;
        let after: BTreeSet<EntryId> =
            new.after.into_iter().filter(|other| self.entries.contains_key(other)).collect();
        let mut rank = Rank { name: new.name, arrival: id };
        for other in after.iter().filter_map(|other| self.entries.get(other)) {
            if let Some(theirs) = other.place.0.first().filter(|theirs| **theirs > rank) {
                rank.name = theirs.name.clone();
            }
        }
        let place = Place(vec![rank.clone()]);
        for other in &after {
            if let Some(other) = self.entries.get_mut(other) {
                other.followers.insert(id);
            }
        }
        for lane in &new.lanes {
            let state = self.lanes.entry(*lane).or_default();
            state.queue.insert(place.clone(), id);
            if new.barrier {
                state.barriers.insert(place.clone());
            }
            self.awake.insert(*lane);
        }
        let entry = Entry {
            place,
            rank,
            open: new.lanes,
            joint: new.joint,
            barrier: new.barrier,
            running: BTreeSet::new(),
            begun: false,
            ahead: after.clone(),
            after,
            followers: BTreeSet::new(),
            task: new.task,
        };
        self.entries.insert(id, entry);
        id
    }

    /// Puts `needed` before `needing`, because the latter needs it; with it goes whatever has to
    /// stay ahead of `needed`.
    pub fn before(&mut self, needed: EntryId, needing: EntryId) -> Moved {
        let (Some(first), Some(second)) = (self.entries.get(&needed), self.entries.get(&needing))
        else {
            return Moved::Ahead;
        };
        if first.place < second.place {
            self.promise(needed, needing);
            return Moved::Ahead;
        }
        if self.must_precede(needing, needed) {
            return Moved::Circle;
        }
        if self.barrier_between(needing, needed) {
            return Moved::Barrier;
        }
        self.promise(needed, needing);
        self.move_under(needed, needing);
        Moved::Ahead
    }

    /// Remembers that `needed` has to stay ahead of `needing` when either is moved later on.
    fn promise(&mut self, needed: EntryId, needing: EntryId) {
        if let Some(entry) = self.entries.get_mut(&needed) {
            entry.followers.insert(needing);
        }
        if let Some(entry) = self.entries.get_mut(&needing) {
            entry.ahead.insert(needed);
        }
    }

    /// Whether `first` has been promised a place ahead of `second`, by however many steps.
    fn must_precede(&self, first: EntryId, second: EntryId) -> bool {
        let mut seen = BTreeSet::new();
        let mut open = vec![second];
        while let Some(id) = open.pop() {
            if id == first {
                return true;
            }
            if seen.insert(id)
                && let Some(entry) = self.entries.get(&id)
            {
                open.extend(&entry.ahead);
            }
        }
        false
    }

    /// Whether a barrier lies between two entries in a lane they share, for the moved entry or
    /// anything that would have to move along.
    fn barrier_between(&self, needing: EntryId, needed: EntryId) -> bool {
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
            open.extend(&entry.ahead);
        }
        false
    }

    fn move_under(&mut self, needed: EntryId, needing: EntryId) {
        let Some(target) = self.entries.get(&needing).map(|entry| entry.place.clone()) else {
            return;
        };
        let Some(entry) = self.entries.get_mut(&needed) else { return };
        if entry.place < target {
            return;
        }
        let mut path = target.0;
        path.push(entry.rank.clone());
        let (old, new) = (entry.place.clone(), Place(path));
        entry.place = new.clone();
        let (lanes, barrier) = (entry.open.clone(), entry.barrier);
        let ahead: Vec<EntryId> = entry.ahead.iter().copied().collect();
        for lane in lanes {
            if let Some(state) = self.lanes.get_mut(&lane) {
                state.queue.remove(&old);
                state.queue.insert(new.clone(), needed);
                if barrier {
                    state.barriers.remove(&old);
                    state.barriers.insert(new.clone());
                }
                self.awake.insert(lane);
            }
        }
        for other in ahead {
            self.move_under(other, needed);
        }
    }

    /// The next entry (part) that may start; it counts as running from now on. None: nothing may
    /// start until something is inserted, ends, or is woken.
    pub fn start(&mut self) -> Option<Start> {
        while let Some(lane) = self.awake.pop_first() {
            if let Some(start) = self.startable(lane) {
                self.mark_running(&start);
                return Some(start);
            }
        }
        None
    }

    /// Like [`Lanes::start`], but only for that entry.
    pub fn start_only(&mut self, id: EntryId) -> Option<Start> {
        let start = self.startable_part(id)?;
        self.mark_running(&start);
        Some(start)
    }

    fn startable_part(&self, id: EntryId) -> Option<Start> {
        self.open_lanes(id).filter_map(|lane| self.startable(lane)).find(|start| start.entry == id)
    }

    fn head(&self, lane: Lane) -> Option<EntryId> {
        let state = self.lanes.get(&lane)?;
        if state.busy {
            return None;
        }
        let (_, id) = state.queue.first_key_value()?;
        (state.stopped != Some(*id)).then_some(*id)
    }

    fn startable(&self, lane: Lane) -> Option<Start> {
        let id = self.head(lane)?;
        let entry = self.entries.get(&id)?;
        if !entry.after.is_empty() {
            return None;
        }
        if entry.joint {
            let together = entry.open.iter().all(|lane| self.head(*lane) == Some(id));
            let first = *entry.open.first()?;
            return together.then_some(Start { entry: id, lane: first, sole: true });
        }
        Some(Start { entry: id, lane, sole: entry.open.len() == 1 })
    }

    fn mark_running(&mut self, start: &Start) {
        let Some(entry) = self.entries.get_mut(&start.entry) else { return };
        entry.begun = true;
        entry.running = if entry.joint { entry.open.clone() } else { entry.running.clone() };
        entry.running.insert(start.lane);
        for lane in entry.running.clone() {
            if let Some(state) = self.lanes.get_mut(&lane) {
                state.busy = true;
                state.stopped = None;
            }
        }
    }

    /// A part that was started is through. True: the whole entry is, and is gone.
    pub fn done(&mut self, id: EntryId, lane: Lane) -> bool {
        let Some(entry) = self.entries.get_mut(&id) else { return false };
        let lanes: Vec<Lane> =
            if entry.joint { entry.open.iter().copied().collect() } else { vec![lane] };
        let place = entry.place.clone();
        for lane in &lanes {
            entry.open.remove(lane);
            entry.running.remove(lane);
        }
        let through = entry.open.is_empty();
        for lane in lanes {
            self.leave(lane, &place, id);
            // Something was moved ahead of an entry that stands still: most likely its cure.
            if let Some(stopped) = self.lanes.get(&lane).and_then(|state| state.stopped) {
                self.wake(stopped);
            }
        }
        if through {
            self.forget(id);
        }
        through
    }

    fn leave(&mut self, lane: Lane, place: &Place, id: EntryId) {
        let Some(state) = self.lanes.get_mut(&lane) else { return };
        state.queue.remove(place);
        state.barriers.remove(place);
        state.busy = false;
        if state.stopped == Some(id) {
            state.stopped = None;
        }
        if state.queue.is_empty() {
            self.lanes.remove(&lane);
        } else {
            self.awake.insert(lane);
        }
    }

    fn forget(&mut self, id: EntryId) -> Option<Entry<T>> {
        let entry = self.entries.remove(&id)?;
        for follower in &entry.followers {
            if let Some(other) = self.entries.get_mut(follower) {
                other.ahead.remove(&id);
                if other.after.remove(&id) {
                    self.awake.extend(&other.open);
                }
            }
        }
        for ahead in &entry.ahead {
            if let Some(other) = self.entries.get_mut(ahead) {
                other.followers.remove(&id);
            }
        }
        Some(entry)
    }

    /// A part that was started did not succeed: its lane (all lanes of a joint entry) stands still
    /// until [`Lanes::wake`], unless something is moved ahead of it.
    pub fn stop(&mut self, id: EntryId, lane: Lane) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        let lanes: Vec<Lane> =
            if entry.joint { entry.open.iter().copied().collect() } else { vec![lane] };
        for lane in lanes {
            entry.running.remove(&lane);
            if let Some(state) = self.lanes.get_mut(&lane) {
                state.busy = false;
                state.stopped = Some(id);
                self.awake.insert(lane);
            }
        }
    }

    /// Lets a stopped entry be tried again. False if it is not stopped (any more).
    pub fn wake(&mut self, id: EntryId) -> bool {
        let Some(entry) = self.entries.get(&id) else { return false };
        let mut woken = false;
        for lane in &entry.open {
            if let Some(state) = self.lanes.get_mut(lane)
                && state.stopped == Some(id)
            {
                state.stopped = None;
                self.awake.insert(*lane);
                woken = true;
            }
        }
        woken
    }

    /// Whether an entry stands still after a fault.
    pub fn is_stopped(&self, id: EntryId) -> bool {
        self.stopped_lanes(id).next().is_some()
    }

    /// Lanes that an entry keeps standing still after a fault.
    pub fn stopped_lanes(&self, id: EntryId) -> impl Iterator<Item = Lane> {
        self.open_lanes(id)
            .filter(move |lane| self.lanes.get(lane).is_some_and(|state| state.stopped == Some(id)))
    }

    /// Takes out an entry of which no part runs. Returns its task; none if it runs or is unknown.
    pub fn withdraw(&mut self, id: EntryId) -> Option<T> {
        let entry = self.entries.get(&id)?;
        if !entry.running.is_empty() {
            return None;
        }
        let (place, lanes) = (entry.place.clone(), entry.open.clone());
        for lane in lanes {
            let busy = self.lanes.get(&lane).is_some_and(|state| state.busy);
            self.leave(lane, &place, id);
            if let Some(state) = self.lanes.get_mut(&lane) {
                state.busy = busy;
            }
        }
        self.forget(id).map(|entry| entry.task)
    }

    /// Whether `first` comes before `second` in the global order.
    pub fn precedes(&self, first: EntryId, second: EntryId) -> bool {
        match (self.entries.get(&first), self.entries.get(&second)) {
            (Some(first), Some(second)) => first.place < second.place,
            _ => false,
        }
    }

    /// The last barrier in a lane, as something entries can be compared with.
    pub fn behind_last_barrier(&self, lane: Lane, id: EntryId) -> bool {
        let Some(entry) = self.entries.get(&id) else { return false };
        let last = self.lanes.get(&lane).and_then(|state| state.barriers.last());
        last.is_none_or(|barrier| entry.place > *barrier)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(n: u32) -> ItemName {
        ItemName::new(&format!("2025-01-01-00-00-00-{n:06}.json"))
    }

    fn new(n: u32, lanes: &[u32]) -> NewEntry<u32> {
        NewEntry {
            name: name(n),
            lanes: lanes.iter().map(|c| Lane::Context(ContextId(*c))).collect(),
            joint: false,
            barrier: false,
            after: BTreeSet::new(),
            task: n,
        }
    }

    /// Runs everything, one at a time, and says in which order.
    fn run(lanes: &mut Lanes<u32>) -> Vec<u32> {
        let mut order = Vec::new();
        while let Some(start) = lanes.start() {
            order.push(*lanes.task(start.entry).unwrap());
            lanes.done(start.entry, start.lane);
        }
        assert!(lanes.is_empty());
        order
    }

    #[test]
    fn a_context_goes_before_the_users_that_came_before_it() {
        let mut lanes = Lanes::default();
        let user = lanes.insert(new(1, &[20]));
        lanes.insert(new(2, &[20]));
        let context = lanes.insert(new(3, &[20]));
        assert_eq!(lanes.before(context, user), Moved::Ahead);
        assert_eq!(run(&mut lanes), [3, 1, 2]);
    }

    #[test]
    fn what_must_stay_ahead_moves_along() {
        let mut lanes = Lanes::default();
        let group = lanes.insert(new(1, &[1]));
        let older = lanes.insert(new(2, &[1]));
        let newer = lanes.insert(NewEntry { after: BTreeSet::from([older]), ..new(3, &[1]) });
        assert_eq!(lanes.before(newer, group), Moved::Ahead);
        assert_eq!(run(&mut lanes), [2, 3, 1]);
    }

    #[test]
    fn nothing_is_moved_past_the_deletion_of_its_context() {
        let mut lanes = Lanes::default();
        let first = lanes.insert(new(1, &[1]));
        lanes.insert(NewEntry { barrier: true, ..new(2, &[1]) });
        let last = lanes.insert(new(3, &[1]));
        assert_eq!(lanes.before(last, first), Moved::Barrier);
        assert_eq!(run(&mut lanes), [1, 2, 3]);
    }

    #[test]
    fn a_circle_stays_in_order_of_arrival() {
        let mut lanes = Lanes::default();
        let first = lanes.insert(new(1, &[1]));
        let second = lanes.insert(new(2, &[1]));
        assert_eq!(lanes.before(first, second), Moved::Ahead);
        assert_eq!(lanes.before(second, first), Moved::Circle);
        assert_eq!(run(&mut lanes), [1, 2]);
    }

    #[test]
    fn a_stopped_entry_holds_its_lane_and_no_other() {
        let mut lanes = Lanes::default();
        let bad = lanes.insert(new(1, &[1]));
        lanes.insert(new(2, &[1]));
        lanes.insert(new(3, &[2]));
        let start = lanes.start().unwrap();
        assert_eq!(start.entry, bad);
        lanes.stop(bad, start.lane);
        let other = lanes.start().unwrap();
        assert_eq!(lanes.task(other.entry), Some(&3));
        lanes.done(other.entry, other.lane);
        assert_eq!(lanes.start(), None, "the lane stands still");
        assert!(lanes.is_stopped(bad) && lanes.wake(bad) && !lanes.wake(bad));
        assert_eq!(run(&mut lanes), [1, 2]);
    }

    #[test]
    fn the_cure_that_comes_later_runs_first_and_wakes_what_stood_still() {
        let mut lanes = Lanes::default();
        let user = lanes.insert(new(1, &[1]));
        let start = lanes.start().unwrap();
        lanes.stop(user, start.lane);
        let context = lanes.insert(new(2, &[1]));
        lanes.before(context, user);
        assert_eq!(run(&mut lanes), [2, 1]);
    }

    #[test]
    fn a_withdrawn_entry_lets_the_others_go_on() {
        let mut lanes = Lanes::default();
        let bad = lanes.insert(new(1, &[1, 2]));
        let waiting = NewEntry { after: BTreeSet::from([bad]), ..new(2, &[3]) };
        lanes.insert(waiting);
        lanes.insert(new(3, &[1]));
        let start = lanes.start().unwrap();
        assert_eq!(lanes.withdraw(bad), None, "it runs");
        lanes.stop(bad, start.lane);
        assert_eq!(lanes.withdraw(bad), Some(1));
        assert_eq!(run(&mut lanes), [3, 2]);
    }

    #[derive(Debug, Clone)]
    struct Spec {
        lanes: BTreeSet<u32>,
        joint: bool,
        barrier: bool,
        object: u32,
        needed_by: Option<usize>,
        /// Place in the queue; arrival is the position in the list.
        name: u32,
    }

    fn spec() -> impl Strategy<Value = Spec> {
        (
            prop::collection::btree_set(0u32..4, 1..3),
            any::<bool>(),
            prop::bool::weighted(0.1),
            0u32..6,
            prop::option::of(0usize..30),
            0u32..1000,
        )
            .prop_map(|(lanes, joint, barrier, object, needed_by, name)| Spec {
                joint,
                barrier: barrier && lanes.len() == 1,
                lanes,
                object,
                needed_by,
                name,
            })
    }

    proptest! {
        /// The law of lanes: whatever arrives in whatever order, with whatever edges, and however
        /// long things take or fail: everything ends; in a lane one thing at a time; an object's
        /// items in order of arrival or of the queue; a promise of order is kept; nothing crosses
        /// the deletion of its context.
        #[test]
        fn everything_ends_in_order_and_nothing_waits_in_a_circle(
            specs in prop::collection::vec(spec(), 1..30),
            choices in prop::collection::vec(any::<u16>(), 400),
        ) {
            let mut lanes = Lanes::default();
            let mut ids = Vec::new();
            let mut promises = Vec::new();
            let mut choices = choices.into_iter().cycle();
            let mut running: Vec<Start> = Vec::new();
            let mut ended: Vec<EntryId> = Vec::new();
            let mut parts: Vec<(EntryId, Lane)> = Vec::new();
            let mut stops = 0;
            let mut pending = specs.iter().enumerate();
            let mut steps = 0;
            loop {
                steps += 1;
                prop_assert!(steps < 5000, "it does not end");
                let choice = choices.next().unwrap();
                if choice % 3 == 0 && let Some((index, spec)) = pending.next() {
                    let earlier = specs[..index].iter().enumerate();
                    let after = earlier.filter(|(_, s)| s.object == spec.object).map(|(i, _)| ids[i]);
                    let id = lanes.insert(NewEntry {
                        name: name(spec.name),
                        lanes: spec.lanes.iter().map(|c| Lane::Context(ContextId(*c))).collect(),
                        joint: spec.joint,
                        barrier: spec.barrier,
                        after: after.collect(),
                        task: 0,
                    });
                    ids.push(id);
                    if let Some(other) = spec.needed_by.filter(|other| *other < index) {
                        let other = ids[other];
                        let untouched = !lanes.begun(other);
                        if lanes.before(id, other) == Moved::Ahead && untouched && lanes.task(other).is_some() {
                            promises.push((id, other));
                        }
                    }
                    continue;
                }
                while let Some(start) = lanes.start() {
                    for other in &running {
                        prop_assert!(
                            other.entry == start.entry && other.lane != start.lane
                                || lanes_of(&lanes, other).is_disjoint(&lanes_of(&lanes, &start)),
                            "two at once in a lane"
                        );
                    }
                    running.push(start);
                }
                if running.is_empty() {
                    if ids.len() == specs.len() {
                        prop_assert!(lanes.is_empty(), "something waits for ever");
                        break;
                    }
                    continue;
                }
                let start = running.swap_remove(usize::from(choice) % running.len());
                if choice % 7 == 0 && stops < 50 {
                    stops += 1;
                    lanes.stop(start.entry, start.lane);
                    lanes.wake(start.entry);
                } else {
                    for lane in lanes_of(&lanes, &start) {
                        parts.push((start.entry, lane));
                    }
                    if lanes.done(start.entry, start.lane) {
                        ended.push(start.entry);
                    }
                }
            }
            let position = |id: EntryId| ended.iter().position(|e| *e == id).unwrap();
            for (first, second) in promises {
                // A promise holds in every lane that both have.
                for lane in (0..4).map(|c| Lane::Context(ContextId(c))) {
                    let part = |id| parts.iter().position(|part| *part == (id, lane));
                    if let (Some(first), Some(second)) = (part(first), part(second)) {
                        prop_assert!(first < second, "a promise was broken");
                    }
                }
            }
            for (index, spec) in specs.iter().enumerate() {
                for (other, before) in specs[..index].iter().enumerate() {
                    if before.object == spec.object {
                        prop_assert!(position(ids[other]) < position(ids[index]), "one object's items out of order");
                    }
                }
            }
        }
    }

    fn lanes_of(lanes: &Lanes<u32>, start: &Start) -> BTreeSet<Lane> {
        let entry = &lanes.entries[&start.entry];
        if entry.joint { entry.open.clone() } else { BTreeSet::from([start.lane]) }
    }
}
