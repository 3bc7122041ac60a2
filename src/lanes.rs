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

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::fmt;
use std::sync::Arc;

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
    first: Rank,
    /// The path from there on, if the entry was moved; shared with the lanes' queues.
    under: Option<Arc<[Rank]>>,
}

impl Place {
    fn new(rank: Rank) -> Self {
        Self { first: rank, under: None }
    }

    /// The place of an entry of that rank under this one.
    fn below(&self, rank: Rank) -> Self {
        let path = self.under().iter().cloned().chain([rank]);
        Self { first: self.first.clone(), under: Some(path.collect()) }
    }

    fn under(&self) -> &[Rank] {
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

/// Lanes in which something may have become possible, in the order in which it did.
#[derive(Debug, Default)]
struct Awake {
    order: VecDeque<Lane>,
    there: HashSet<Lane>,
    /// Lanes with hurried entries, and how many.
    hurried: HashMap<Lane, usize>,
    /// Of the lanes above those that are in a hurry, once more.
    first: VecDeque<Lane>,
    there_first: HashSet<Lane>,
    /// Hurried starts since the last other one.
    in_a_row: u32,
}

impl Awake {
    fn insert(&mut self, lane: Lane) {
        if self.there.insert(lane) {
            self.order.push_back(lane);
        }
        if self.hurried.contains_key(&lane) && self.there_first.insert(lane) {
            self.first.push_back(lane);
        }
    }

    fn pop_first(&mut self) -> Option<Lane> {
        let lane = self.first.pop_front()?;
        self.there_first.remove(&lane);
        Some(lane)
    }

    fn hurry(&mut self, lane: Lane) {
        *self.hurried.entry(lane).or_default() += 1;
        self.insert(lane);
    }

    fn calm(&mut self, lane: Lane) {
        if let Some(count) = self.hurried.get_mut(&lane) {
            *count -= 1;
            if *count == 0 {
                self.hurried.remove(&lane);
            }
        }
    }

    fn pop(&mut self) -> Option<Lane> {
        let lane = self.order.pop_front()?;
        self.there.remove(&lane);
        Some(lane)
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
        !self.awake.order.is_empty()
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
    fn promise(&mut self, needed: EntryId, needing: EntryId, need: Need) {
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
                open.extend(entry.ahead.iter());
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
            open.extend(entry.ahead.iter());
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

    /// The next entry (part) that may start; it counts as running from now on. None: nothing may
    /// start until something is inserted, ends, or is woken.
    pub fn start(&mut self) -> Option<Start> {
        if self.awake.in_a_row + 1 >= BULK_TURN
            && let Some(start) = self.start_calm()
        {
            return Some(start);
        }
        while let Some(lane) = self.awake.pop_first() {
            if let Some(start) = self.startable(lane).filter(|start| self.is_hurried(start.entry)) {
                self.awake.in_a_row = self.awake.in_a_row.saturating_add(1);
                self.mark_running(&start);
                return Some(start);
            }
        }
        self.awake.in_a_row = 0;
        while let Some(lane) = self.awake.pop() {
            if let Some(start) = self.startable(lane) {
                self.mark_running(&start);
                return Some(start);
            }
        }
        None
    }

    /// The next entry that is in no hurry. Lanes in a hurry that are met on the way keep their turn.
    fn start_calm(&mut self) -> Option<Start> {
        let mut passed = Vec::new();
        let mut found = None;
        while let Some(lane) = self.awake.pop() {
            let Some(start) = self.startable(lane) else { continue };
            if self.is_hurried(start.entry) {
                passed.push(lane);
                continue;
            }
            self.awake.in_a_row = 0;
            self.mark_running(&start);
            found = Some(start);
            break;
        }
        for lane in passed {
            self.awake.insert(lane);
        }
        found
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
        if state.busy || state.held {
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
        for lane in entry.running.iter() {
            if let Some(state) = self.lanes.get_mut(lane) {
                state.busy = true;
                state.stopped = None;
            }
        }
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

    /// Finds out whether an entry is blocked, and so on for those that wait for it.
    fn judge(&mut self, id: EntryId) {
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

    fn judge_all(&mut self, entries: Vec<EntryId>) {
        for entry in entries {
            self.judge(entry);
        }
    }

    /// An entry is parked now, or not any more.
    fn judge_others(&mut self, id: EntryId) {
        self.judge_all(self.kept_by(id));
        self.judge_all(self.waiting_for(id));
    }

    /// Entries that stand behind this one in a lane and cannot be done as long as it waits there.
    fn kept_by(&self, id: EntryId) -> Vec<EntryId> {
        let Some(entry) = self.entries.get(&id) else { return Vec::new() };
        let lanes = entry.open.iter().filter_map(|lane| self.lanes.get(lane));
        lanes.flat_map(|state| state.kept_by(entry)).collect()
    }

    /// Entries that cannot be done before, or without, this one.
    fn waiting_for(&self, id: EntryId) -> Vec<EntryId> {
        let followers = self.entries.get(&id).into_iter().flat_map(|entry| entry.followers.iter());
        let waits = |other: &&EntryId| {
            let other = self.entries.get(other);
            other.is_some_and(|other| other.after.contains(&id) || other.needs.contains(&id))
        };
        followers.filter(waits).copied().collect()
    }

    /// Changes an entry in a way that may take it out of its lanes' queues, or put it back.
    fn reseat(&mut self, id: EntryId, change: impl FnOnce(&mut Entry<T>)) {
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

    /// Holds a lane: nothing starts in it until [`Lanes::resume`].
    pub fn hold(&mut self, lane: Lane) {
        self.lanes.entry(lane).or_default().held = true;
    }

    /// Lets a held lane go on.
    pub fn resume(&mut self, lane: Lane) {
        let Some(state) = self.lanes.get_mut(&lane) else { return };
        state.held = false;
        if state.is_idle() {
            self.lanes.remove(&lane);
        } else {
            self.awake.insert(lane);
        }
    }

    /// Whether a lane is held.
    pub fn is_held(&self, lane: Lane) -> bool {
        self.lanes.get(&lane).is_some_and(|state| state.held)
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
        self.judge(id);
    }

    /// Lets a stopped entry be tried again. False if it is not stopped (any more).
    pub fn wake(&mut self, id: EntryId) -> bool {
        let Some(entry) = self.entries.get(&id) else { return false };
        let mut woken = false;
        for lane in entry.open.iter() {
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
        for lane in entry.open.clone().iter() {
            self.close(id, *lane, false);
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
            gate: false,
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
        assert_eq!(lanes.before(context, user, Need::Hard), Moved::Ahead);
        assert_eq!(run(&mut lanes), [3, 1, 2]);
    }

    #[test]
    fn what_must_stay_ahead_moves_along() {
        let mut lanes = Lanes::default();
        let group = lanes.insert(new(1, &[1]));
        let older = lanes.insert(new(2, &[1]));
        let newer = lanes.insert(NewEntry { after: BTreeSet::from([older]), ..new(3, &[1]) });
        assert_eq!(lanes.before(newer, group, Need::Soft), Moved::Ahead);
        assert_eq!(run(&mut lanes), [2, 3, 1]);
    }

    #[test]
    fn a_context_is_not_deleted_while_something_ahead_of_it_is_aside() {
        let mut lanes = Lanes::default();
        let deletion = |n| NewEntry { barrier: true, gate: true, ..new(n, &[1]) };
        let user = lanes.insert(new(1, &[1]));
        let gone = lanes.insert(deletion(2));
        let next = lanes.insert(new(3, &[1]));
        let other = lanes.insert(new(4, &[2]));
        lanes.park(user, None);
        assert_eq!(lanes.blocks(user), [gone, next]);
        assert_eq!((lanes.blocked_by(gone), lanes.blocked_by(next)), (Some(user), Some(user)));
        let starts = std::iter::from_fn(|| lanes.start()).map(|start| start.entry);
        assert_eq!(starts.collect::<Vec<_>>(), [other]);
        // Tried again in vain, it goes on keeping the others back.
        assert!(lanes.try_parked(user));
        assert_eq!(lanes.start().map(|start| start.entry), Some(user));
        assert_eq!(lanes.blocks(user), [gone, next]);
        lanes.park(user, Some(Lane::Context(ContextId(1))));
        assert_eq!(lanes.start(), None);
        assert!(lanes.try_parked(user));
        lanes.done(other, Lane::Context(ContextId(2)));
        assert_eq!(run(&mut lanes), [1, 2, 3]);
    }

    #[test]
    fn nothing_is_moved_past_the_deletion_of_its_context() {
        let mut lanes = Lanes::default();
        let first = lanes.insert(new(1, &[1]));
        lanes.insert(NewEntry { barrier: true, ..new(2, &[1]) });
        let last = lanes.insert(new(3, &[1]));
        assert_eq!(lanes.before(last, first, Need::Soft), Moved::Barrier);
        assert_eq!(run(&mut lanes), [1, 2, 3]);
    }

    #[test]
    fn a_circle_stays_in_order_of_arrival() {
        let mut lanes = Lanes::default();
        let first = lanes.insert(new(1, &[1]));
        let second = lanes.insert(new(2, &[1]));
        assert_eq!(lanes.before(first, second, Need::Soft), Moved::Ahead);
        assert_eq!(lanes.before(second, first, Need::Soft), Moved::Circle);
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
        lanes.before(context, user, Need::Hard);
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
        assert_eq!(run(&mut lanes), [2, 3]);
    }

    #[test]
    fn a_parked_entry_keeps_back_what_needs_it_and_nothing_else() {
        let mut lanes = Lanes::default();
        let bad = lanes.insert(new(1, &[1]));
        let later = lanes.insert(NewEntry { after: BTreeSet::from([bad]), ..new(2, &[1, 2]) });
        let needing = lanes.insert(new(3, &[1]));
        let liking = lanes.insert(new(4, &[1]));
        lanes.before(bad, needing, Need::Hard);
        lanes.before(bad, liking, Need::Soft);
        let start = lanes.start().unwrap();
        lanes.park(bad, Some(start.lane));
        let start = lanes.start().unwrap();
        assert_eq!(start.entry, liking);
        lanes.done(liking, start.lane);
        assert_eq!(lanes.start(), None);
        assert_eq!([later, needing].map(|id| lanes.blocked_by(id)), [Some(bad); 2]);
        assert_eq!(lanes.blocks(bad), [later, needing]);
        assert_eq!(lanes.depth(Lane::Context(ContextId(1))), 3);
        assert!(lanes.try_parked(bad));
        assert_eq!(lanes.start().map(|start| start.entry), Some(bad));
        lanes.park(bad, Some(start.lane));
        assert_eq!(lanes.start(), None, "it was tried once");
        assert!(lanes.release(bad) && !lanes.release(bad));
        assert_eq!(run(&mut lanes), [1, 2, 2, 3]);
    }

    #[test]
    fn nothing_passes_a_parked_gate_but_what_stands_ahead_of_it() {
        let mut lanes = Lanes::default();
        let context = lanes.insert(NewEntry { gate: true, ..new(2, &[1]) });
        let user = lanes.insert(new(3, &[1]));
        let start = lanes.start().unwrap();
        lanes.park(context, Some(start.lane));
        let ahead = lanes.insert(new(1, &[1]));
        assert_eq!(lanes.start().map(|start| start.entry), Some(ahead));
        lanes.done(ahead, start.lane);
        assert_eq!(lanes.start(), None);
        assert_eq!(lanes.blocked_by(user), Some(context));
        lanes.release(context);
        assert_eq!(run(&mut lanes), [2, 3]);
    }

    #[test]
    fn a_parked_gate_that_is_moved_ahead_keeps_back_what_stands_behind_it_now() {
        let mut lanes = Lanes::default();
        let context = lanes.insert(NewEntry { gate: true, ..new(5, &[1]) });
        let start = lanes.start().unwrap();
        lanes.park(context, Some(start.lane));
        let user = lanes.insert(new(3, &[1]));
        assert_eq!(lanes.blocked_by(user), None);
        let later = lanes.insert(NewEntry { after: BTreeSet::from([context]), ..new(6, &[1]) });
        assert_eq!(lanes.before(later, user, Need::Soft), Moved::Ahead);
        assert_eq!(lanes.blocked_by(user), Some(context));
        assert_eq!(lanes.start(), None);
    }

    #[test]
    fn a_held_lane_waits_and_lanes_take_turns() {
        let mut lanes = Lanes::default();
        for n in 0..3 {
            lanes.insert(new(n, &[1]));
        }
        lanes.insert(new(10, &[2]));
        lanes.insert(new(20, &[3]));
        let held = Lane::Context(ContextId(3));
        lanes.hold(held);
        assert_eq!(run_some(&mut lanes), [0, 10, 1, 2]);
        assert!(lanes.is_held(held));
        lanes.resume(held);
        assert_eq!(run(&mut lanes), [20]);
    }

    /// Like [`run`], but something may be left.
    fn run_some(lanes: &mut Lanes<u32>) -> Vec<u32> {
        let mut order = Vec::new();
        while let Some(start) = lanes.start() {
            order.push(*lanes.task(start.entry).unwrap());
            lanes.done(start.entry, start.lane);
        }
        order
    }

    #[test]
    fn what_is_in_a_hurry_starts_first_and_the_others_keep_their_share() {
        let mut lanes = Lanes::default();
        for n in 0..100 {
            lanes.insert(new(n, &[n]));
        }
        for n in 100..200 {
            let leaver = lanes.insert(new(n, &[n]));
            lanes.hurry(leaver);
        }
        let order = run(&mut lanes);
        for (turn, starts) in (0..11).zip(order.chunks(10)) {
            let calm = starts.iter().filter(|n| **n < 100).count();
            assert_eq!(calm, 1, "turn {turn}: {starts:?}");
        }
        let last = order.iter().rposition(|n| *n >= 100).unwrap();
        assert_eq!(last, 110, "one of ten");
        assert_eq!(order.len(), 200);
    }

    #[test]
    fn overtaking_takes_along_what_must_stay_ahead_and_crosses_no_barrier() {
        let mut lanes = Lanes::default();
        let bulk = lanes.insert(new(1, &[1]));
        lanes.insert(new(2, &[1]));
        let own = lanes.insert(new(3, &[1]));
        let leaver = lanes.insert(NewEntry { after: BTreeSet::from([own]), ..new(4, &[1]) });
        assert_eq!(lanes.overtake(leaver, bulk), Moved::Ahead);
        assert_eq!(lanes.overtake(own, leaver), Moved::Ahead);
        assert_eq!(lanes.overtake(leaver, own), Moved::Circle);
        lanes.insert(NewEntry { barrier: true, ..new(5, &[1]) });
        let later = lanes.insert(new(6, &[1]));
        assert_eq!(lanes.overtake(later, bulk), Moved::Barrier);
        assert_eq!(run(&mut lanes), [3, 4, 1, 2, 5, 6]);
    }

    #[derive(Debug, Clone)]
    struct Spec {
        lanes: BTreeSet<u32>,
        joint: bool,
        barrier: bool,
        gate: bool,
        object: u32,
        needed_by: Option<usize>,
        need: Need,
        /// It is in a hurry, and is put before that one.
        overtakes: Option<usize>,
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
            any::<bool>(),
            prop::option::weighted(0.3, 0usize..30),
        )
            .prop_map(
                |(lanes, joint, barrier, object, needed_by, name, hard, overtakes)| Spec {
                    overtakes,
                    joint,
                    need: if hard { Need::Hard } else { Need::Soft },
                    gate: barrier && hard,
                    barrier: barrier && lanes.len() == 1,
                    lanes,
                    object,
                    needed_by,
                    name,
                },
            )
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
                        gate: spec.gate,
                        after: after.collect(),
                        task: 0,
                    });
                    ids.push(id);
                    if let Some(other) = spec.overtakes {
                        lanes.hurry(id);
                        if let Some(other) = ids[..index].get(other).copied() {
                            let moved = lanes.overtake(id, other);
                            prop_assert!(
                                moved != Moved::Ahead || lanes.task(other).is_none() || lanes.precedes(id, other)
                            );
                        }
                    }
                    if let Some(other) = spec.needed_by.filter(|other| *other < index) {
                        let other = ids[other];
                        let untouched = !lanes.begun(other);
                        if lanes.before(id, other, spec.need) == Moved::Ahead && untouched && lanes.task(other).is_some() {
                            promises.push((id, other, spec.need));
                        }
                    }
                    continue;
                }
                while let Some(start) = lanes.start() {
                    let parked = |id: EntryId| lanes.parked_lanes(id).next().is_some();
                    let object = specs[ids.iter().position(|id| *id == start.entry).unwrap()].object;
                    let mut siblings = ids.iter().zip(&specs).take_while(|(id, _)| **id != start.entry);
                    prop_assert!(
                        siblings.all(|(id, spec)| spec.object != object || !parked(*id)),
                        "it comes after a parked one of its object"
                    );
                    for (first, second, need) in &promises {
                        let shares = lanes.parked_lanes(*first).any(|lane| lane == start.lane);
                        prop_assert!(
                            *second != start.entry || *need == Need::Soft || !shares,
                            "it cannot be done without a parked one"
                        );
                    }
                    for (id, spec) in ids.iter().zip(&specs).filter(|(_, spec)| spec.gate) {
                        let parked = lanes.parked_lanes(*id).any(|lane| lane == start.lane);
                        prop_assert!(
                            !spec.gate || !parked || *id == start.entry || lanes.precedes(start.entry, *id),
                            "it passed a parked gate"
                        );
                    }
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
                        // Whatever is left is parked, or waits for what is.
                        let parked: Vec<EntryId> = ids.iter().copied().filter(|id| lanes.is_parked(*id)).collect();
                        for id in &ids {
                            let waits = lanes.task(*id).is_some() && !parked.contains(id);
                            prop_assert!(!waits || lanes.blocked_by(*id).is_some(), "it waits, and nobody says for what");
                        }
                        if let Some(id) = parked.get(usize::from(choice) % parked.len().max(1)) {
                            if choice % 2 == 0 { lanes.release(*id); } else { lanes.try_parked(*id); }
                            continue;
                        }
                        prop_assert!(lanes.is_empty(), "something waits for ever");
                        break;
                    }
                    continue;
                }
                let start = running.swap_remove(usize::from(choice) % running.len());
                if choice % 7 == 0 && stops < 50 {
                    stops += 1;
                    lanes.stop(start.entry, start.lane);
                    if choice % 2 == 0 {
                        lanes.park(start.entry, Some(start.lane));
                    } else {
                        lanes.wake(start.entry);
                    }
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
            for (first, second, need) in promises {
                if need == Need::Soft {
                    // One that was set aside may be overtaken.
                    continue;
                }
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
        if entry.joint {
            entry.open.iter().copied().collect()
        } else {
            BTreeSet::from([start.lane])
        }
    }
}
