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
//! # Aside
//! An entry may be *parked*: it is set aside, and its lanes go on without it. What cannot be done
//! without it is set aside as well and counts as *blocked*: entries that come after it
//! ([`NewEntry::after`]), entries that need it ([`Need::Hard`]), and, if it is a *gate* (a context
//! comes or goes), all that stands behind it in its lane. A *barrier* (a context goes) waits for all
//! that stands ahead of it, so it is set aside with any of that, and is a gate then like a parked one.
//! Whatever is not aside keeps its place.
//!
//! # Fairness
//! Lanes get their turn in the order in which something became possible in them, one entry at a
//! time: a lane with half a million entries waits behind one with a single entry like any other.
//!
//! # Hurry
//! What locks somebody out ([`Lanes::hurry`]) goes first: inside its lane it can be moved ahead of what
//! is in no hurry ([`Lanes::overtake`], with the same care as any move), and lanes with such an entry in
//! front have their turn before the others, which keep one start in [`BULK_TURN`] as long as they have
//! something to start. Neither makes an entry wait for one with a larger place.
//!
//! # Why nothing waits in a circle
//! A lane is never committed to an entry before it runs: what is first is looked up again whenever
//! something changes. An entry waits only for entries with a smaller place. So the entry with the
//! smallest place of all that are not aside is first in all its lanes and waits for nothing: it can
//! always run. The same holds for what is aside: the first of it waits for nobody but whoever
//! releases it.

mod aside;
mod awake;
mod order;
mod place;
mod turns;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use awake::Awake;
pub use place::{Place, Rank};

use crate::few::{Few, give_back};
use crate::model::{ContextId, ItemName};

/// Of so many starts in a row one goes to a lane that is in no hurry, if there is one that can use it.
pub const BULK_TURN: u32 = 10;

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

/// A new entry.
#[derive(Debug, Clone)]
pub struct NewEntry<T> {
    /// Its place in the queue's order.
    pub name: ItemName,
    /// Its lanes; at least one.
    pub lanes: BTreeSet<Lane>,
    /// Runs once when it is first in all lanes, instead of once in each.
    pub joint: bool,
    /// No entry may be moved past it, and all ahead of it is done before (deletion of a context).
    pub barrier: bool,
    /// While it is aside nothing behind it in its lanes may start (a context comes or goes).
    pub gate: bool,
    /// Entries that must be through before it may start.
    pub after: BTreeSet<EntryId>,
    /// Whatever the caller wants to find again.
    pub task: T,
}

/// What one entry is to another that is to come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Better first; without it the other one can be done all the same.
    Soft,
    /// The other one cannot be done without it.
    Hard,
}

#[derive(Debug)]
struct Entry<T> {
    place: Place,
    rank: Rank,
    open: Few<Lane>,
    joint: bool,
    barrier: bool,
    gate: bool,
    running: Few<Lane>,
    begun: bool,
    /// A part of it is through.
    partly: bool,
    after: Few<EntryId>,
    /// Entries without which it cannot be done.
    needs: Few<EntryId>,
    /// Entries that have to stay behind it.
    followers: Few<EntryId>,
    /// Entries that have to stay ahead of it, for moves.
    ahead: Few<EntryId>,
    /// Lanes in which it is parked.
    parked: Few<Lane>,
    /// Parked, but to be tried once.
    trial: bool,
    /// Something it cannot be done without is aside.
    blocked: bool,
    /// Lanes in which it stands behind a gate that is aside or, itself a barrier, behind anything aside.
    gated: Few<Lane>,
    /// It goes before others that may start as well.
    hurried: bool,
    task: T,
}

impl<T> Entry<T> {
    /// Whether it is not going to be through in this lane for now, even if it is tried once more.
    fn waits(&self, lane: Lane) -> bool {
        self.is_kept(lane) || self.parked.contains(&lane)
    }

    /// Whether it is not in its lane's queue.
    fn aside(&self, lane: Lane) -> bool {
        self.is_kept(lane) || !self.trial && self.parked.contains(&lane)
    }

    /// Whether others keep it from being done in this lane.
    fn is_kept(&self, lane: Lane) -> bool {
        let gated = if self.joint { !self.gated.is_empty() } else { self.gated.contains(&lane) };
        self.blocked || gated
    }

    /// Whether it keeps back an entry with these lanes that cannot be done without it.
    fn keeps_back(&self, after: bool, lanes: &Few<Lane>) -> bool {
        let mut aside = self.parked.iter().chain(self.gated.iter());
        self.blocked || aside.any(|lane| after || lanes.contains(lane))
    }
}

#[derive(Debug, Default)]
struct LaneState {
    /// What is not aside.
    queue: BTreeMap<Place, EntryId>,
    barriers: BTreeMap<Place, EntryId>,
    /// Gates that wait.
    gates: BTreeMap<Place, EntryId>,
    /// What is aside.
    aside: BTreeMap<Place, EntryId>,
    /// What waits, aside or not: an entry on trial is in the queue.
    waiting: BTreeMap<Place, EntryId>,
    busy: bool,
    held: bool,
    /// The entry that stands still here after a fault.
    stopped: Option<EntryId>,
}

impl LaneState {
    /// What keeps an entry with that place from being done here.
    fn gate(&self, place: &Place, barrier: bool) -> Option<EntryId> {
        let among = if barrier { &self.waiting } else { &self.gates };
        among.first_key_value().filter(|(first, _)| *first < place).map(|(_, id)| *id)
    }

    /// What is kept from being done here by an entry that waits.
    fn kept_by<T>(&self, entry: &Entry<T>) -> Vec<EntryId> {
        let behind = |place: &Place| *place > entry.place;
        if entry.gate {
            let all = self.queue.iter().chain(&self.aside);
            all.filter(|(place, _)| behind(place)).map(|(_, id)| *id).collect()
        } else {
            let all = self.barriers.iter();
            all.filter(|(place, _)| behind(place)).map(|(_, id)| *id).collect()
        }
    }

    fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.aside.is_empty() && !self.held
    }
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
    /// Boxed, for a growing map keeps half of its room free.
    entries: HashMap<EntryId, Box<Entry<T>>>,
    lanes: HashMap<Lane, LaneState>,
    awake: Awake,
    /// Parked entries of which something that was to come first is through.
    cured: BTreeSet<EntryId>,
    next_id: EntryId,
}

impl<T> Default for Lanes<T> {
    fn default() -> Self {
        Self {
            entries: HashMap::new(),
            lanes: HashMap::new(),
            awake: Awake::default(),
            cured: BTreeSet::new(),
            next_id: 1,
        }
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
        self.lanes.values().filter(|lane| !lane.queue.is_empty() || !lane.aside.is_empty()).count()
    }

    /// Whether something might start.
    pub fn is_awake(&self) -> bool {
        !self.awake.is_empty()
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

    /// Whether nothing of an entry was done yet, and nothing is being done.
    pub fn untouched(&self, entry: EntryId) -> bool {
        self.entries.get(&entry).is_some_and(|e| !e.partly && e.running.is_empty())
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

    /// Number of entries that wait in a lane, those aside among them.
    pub fn depth(&self, lane: Lane) -> usize {
        self.lanes.get(&lane).map_or(0, |lane| lane.queue.len() + lane.aside.len())
    }

    /// Pending entries of a lane that are not aside, in order.
    pub fn in_lane(&self, lane: Lane) -> impl Iterator<Item = EntryId> {
        self.lanes.get(&lane).into_iter().flat_map(|lane| lane.queue.values().copied())
    }

    /// Pending entries of a lane that are aside, in order.
    pub fn aside_in(&self, lane: Lane) -> impl Iterator<Item = EntryId> {
        self.lanes.get(&lane).into_iter().flat_map(|lane| lane.aside.values().copied())
    }

    /// Takes a new entry in.
    ///
    /// Of entries in `after` those are awaited that still are pending. If one of them has begun and
    /// has the larger place, the new one is put behind it, so that waiting always looks back.
    pub fn insert(&mut self, new: NewEntry<T>) -> EntryId {
        let id = self.next_id;
        self.next_id += 1;
        let after: Few<EntryId> =
            new.after.into_iter().filter(|other| self.entries.contains_key(other)).collect();
        let mut rank = Rank { name: new.name, arrival: id };
        for other in after.iter().filter_map(|other| self.entries.get(other)) {
            if other.place.first > rank {
                rank.name = other.place.first.name.clone();
            }
        }
        let place = Place::new(rank.clone());
        for other in after.iter() {
            if let Some(other) = self.entries.get_mut(other) {
                other.followers.insert(id);
            }
        }
        let lanes: Vec<Lane> = new.lanes.iter().copied().collect();
        let entry = Entry {
            place,
            rank,
            open: Few::default(),
            joint: new.joint,
            barrier: new.barrier,
            gate: new.gate,
            running: Few::default(),
            begun: false,
            partly: false,
            ahead: after.clone(),
            after,
            needs: Few::default(),
            followers: Few::default(),
            parked: Few::default(),
            trial: false,
            blocked: false,
            gated: Few::default(),
            hurried: false,
            task: new.task,
        };
        self.entries.insert(id, Box::new(entry));
        self.extend(id, lanes);
        id
    }

    /// Gives an entry more lanes, at its present place.
    pub fn extend(&mut self, id: EntryId, lanes: impl IntoIterator<Item = Lane>) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        for lane in lanes {
            if entry.open.insert(lane) {
                let state = self.lanes.entry(lane).or_default();
                enter(state, entry, id, lane);
                if entry.hurried {
                    self.awake.hurry(lane);
                }
                self.awake.insert(lane);
            }
        }
        self.judge(id);
    }

    /// A part that was started is through. True: the whole entry is, and is gone.
    pub fn done(&mut self, id: EntryId, lane: Lane) -> bool {
        let Some(entry) = self.entries.get(&id) else { return false };
        let lanes: Vec<Lane> =
            if entry.joint { entry.open.iter().copied().collect() } else { vec![lane] };
        for lane in &lanes {
            self.close(id, *lane, true);
        }
        for lane in lanes {
            // Something was moved ahead of an entry that stands still: most likely its cure.
            if let Some(stopped) = self.lanes.get(&lane).and_then(|state| state.stopped) {
                self.wake(stopped);
            }
        }
        let Some(entry) = self.entries.get_mut(&id) else { return false };
        entry.partly = true;
        entry.trial &= !entry.parked.is_empty();
        if entry.open.is_empty() {
            self.forget(id);
            return true;
        }
        self.judge(id);
        self.judge_all(self.waiting_for(id));
        false
    }

    /// An entry has nothing to do in a lane any more. `ran` says whether it was at work there.
    fn close(&mut self, id: EntryId, lane: Lane, ran: bool) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        let Some(state) = self.lanes.get_mut(&lane) else { return };
        leave(state, entry, lane);
        if entry.open.remove(&lane) && entry.hurried {
            self.awake.calm(lane);
        }
        entry.running.remove(&lane);
        let kept = if entry.waits(lane) { state.kept_by(entry) } else { Vec::new() };
        entry.parked.remove(&lane);
        entry.gated.remove(&lane);
        state.busy &= !ran;
        if state.stopped == Some(id) {
            state.stopped = None;
        }
        if state.is_idle() {
            self.lanes.remove(&lane);
        } else {
            self.awake.insert(lane);
        }
        self.judge_all(kept);
    }

    fn forget(&mut self, id: EntryId) -> Option<Box<Entry<T>>> {
        let entry = self.entries.remove(&id)?;
        give_back(&mut self.entries);
        for follower in entry.followers.iter() {
            let Some(other) = self.entries.get_mut(follower) else { continue };
            other.ahead.remove(&id);
            if !other.parked.is_empty() {
                self.cured.insert(*follower);
            }
            other.needs.remove(&id);
            if other.after.remove(&id) {
                for lane in other.open.iter() {
                    self.awake.insert(*lane);
                }
            }
        }
        for ahead in entry.ahead.iter() {
            if let Some(other) = self.entries.get_mut(ahead) {
                other.followers.remove(&id);
            }
        }
        for follower in entry.followers.iter() {
            self.judge(*follower);
        }
        Some(entry)
    }

    /// Takes out an entry of which no part runs. Returns its task; none if it runs or is unknown.
    pub fn withdraw(&mut self, id: EntryId) -> Option<T> {
        let entry = self.entries.get(&id)?;
        if !entry.running.is_empty() {
            return None;
        }
        for lane in entry.open.clone().iter() {
            self.close(id, *lane, false);
        }
        self.forget(id).map(|entry| entry.task)
    }
}

/// Puts an entry into a lane: into its queue, or aside.
fn enter<T>(state: &mut LaneState, entry: &Entry<T>, id: EntryId, lane: Lane) {
    let seat = if entry.aside(lane) { &mut state.aside } else { &mut state.queue };
    seat.insert(entry.place.clone(), id);
    if entry.barrier {
        state.barriers.insert(entry.place.clone(), id);
    }
    if entry.waits(lane) {
        state.waiting.insert(entry.place.clone(), id);
        if entry.gate {
            state.gates.insert(entry.place.clone(), id);
        }
    }
}

/// The reverse of [`enter`], for an entry that is as it was then.
fn leave<T>(state: &mut LaneState, entry: &Entry<T>, lane: Lane) {
    let seat = if entry.aside(lane) { &mut state.aside } else { &mut state.queue };
    seat.remove(&entry.place);
    state.barriers.remove(&entry.place);
    state.gates.remove(&entry.place);
    state.waiting.remove(&entry.place);
}

#[cfg(test)]
mod tests;
