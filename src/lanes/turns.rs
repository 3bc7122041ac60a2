//! Whose turn it is: what may start, and lanes that are held or stand still.

use super::{BULK_TURN, EntryId, Lane, Lanes, Start};

impl<T> Lanes<T> {
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
    pub(super) fn start_calm(&mut self) -> Option<Start> {
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

    pub(super) fn startable_part(&self, id: EntryId) -> Option<Start> {
        self.open_lanes(id).filter_map(|lane| self.startable(lane)).find(|start| start.entry == id)
    }

    pub(super) fn head(&self, lane: Lane) -> Option<EntryId> {
        let state = self.lanes.get(&lane)?;
        if state.busy || state.held {
            return None;
        }
        let (_, id) = state.queue.first_key_value()?;
        (state.stopped != Some(*id)).then_some(*id)
    }

    pub(super) fn startable(&self, lane: Lane) -> Option<Start> {
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

    pub(super) fn mark_running(&mut self, start: &Start) {
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
}
