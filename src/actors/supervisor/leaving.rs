//! Entries that come and go beside the queue's own: looks at members, items dropped by hand.

use std::collections::BTreeSet;

use actix::prelude::*;
use tracing::warn;

use super::{Supervisor, Task, What};
use crate::lanes::{EntryId, Lane, NewEntry};
use crate::model::{Fate, ItemName, ObjectId};
use crate::store::{Change, Mark};

impl Supervisor {
    pub(super) fn add_look(&mut self, mark: Mark) {
        let lane = Lane::Context(mark.context);
        if self.waiting_looks.get(&mark).is_some_and(|entry| !self.lanes.running(*entry)) {
            return;
        }
        // An item that does not come by this context must not be overtaken: the look would go by
        // an older state of the object and leave it where the item does not want it.
        let passes_by = |entry: &EntryId| match self.lanes.task(*entry).map(|task| &task.what) {
            Some(What::Item(item)) => !item.contexts.contains(&mark.context),
            _ => false,
        };
        if self.router.pending(&mark.object).iter().any(passes_by) {
            self.later.entry(mark.object).or_default().insert(mark.context);
            return;
        }
        *self.looks.entry(mark.object.clone()).or_default().entry(mark.context).or_default() += 1;
        // Behind all that waits in the lane now, so that it is done once for many members.
        let name = match self.lanes.last_name(lane) {
            Some(name) => name.clone(),
            None => ItemName::new(""),
        };
        let task = Task {
            name: name.clone(),
            what: What::Look(mark.clone()),
            attempts: 0,
            earlier_attempts: 0,
            from_before: false,
            busy: 0,
            panics: 0,
            suspect: BTreeSet::new(),
            applied: false,
            why: "",
            fault: None,
            timer: 0,
            given_up: false,
        };
        let entry = self.lanes.insert(NewEntry {
            name,
            lanes: BTreeSet::from([lane]),
            joint: false,
            barrier: false,
            after: BTreeSet::new(),
            task,
        });
        self.waiting_looks.insert(mark, entry);
    }

    /// An entry has ended or was taken out: nothing of it is left here.
    pub(super) fn forget(&mut self, entry: EntryId) {
        self.router.forget(entry);
        self.waiting_for_ox.remove(&entry);
        self.faulty.remove(&entry);
    }

    /// A file was removed by hand: its item is dropped.
    pub(super) fn drop_entry(&mut self, entry: EntryId) -> Option<Task> {
        let task = self.lanes.withdraw(entry)?;
        self.names.remove(&task.name);
        match &task.what {
            What::Item(item) => self.item_left(entry, &item.object.clone()),
            What::Look(mark) => self.look_left(entry, &mark.clone()),
        }
        Some(task)
    }

    /// An item is not pending any more; looks may have waited for that.
    pub(super) fn item_left(&mut self, entry: EntryId, object: &ObjectId) {
        self.forget(entry);
        for context in self.later.remove(object).unwrap_or_default() {
            self.add_look(Mark { object: object.clone(), context });
        }
    }

    pub(super) fn look_left(&mut self, entry: EntryId, mark: &Mark) {
        self.forget(entry);
        if self.waiting_looks.get(mark) == Some(&entry) {
            self.waiting_looks.remove(mark);
        }
        let Some(contexts) = self.looks.get_mut(&mark.object) else { return };
        if let Some(count) = contexts.get_mut(&mark.context) {
            *count -= 1;
            if *count == 0 {
                contexts.remove(&mark.context);
            }
        }
        if contexts.is_empty() {
            self.looks.remove(&mark.object);
        }
    }

    pub(super) fn dropped(&mut self, task: &Task, ctx: &mut Context<Self>) {
        self.counts.dropped += 1;
        let What::Item(item) = &task.what else { return };
        warn!(item.name = %task.name, object.id = %item.object, object.kind = %item.kind,
              "the queue file was removed by hand; the item is dropped");
        self.record_drop(task, ctx);
    }

    pub(super) fn record_drop(&mut self, task: &Task, ctx: &mut Context<Self>) {
        let What::Item(item) = &task.what else { return };
        let failure = task.fault.as_ref().map(|fault| &fault.failure);
        let outcome = crate::store::ItemOutcome {
            item: task.name.clone(),
            digest: item.digest,
            object: Some(item.object.clone()),
            kind: Some(item.kind),
            fate: Fate::Dropped,
            attempts: task.attempts,
            last_fault: failure.map(|failure| failure.text.clone()),
            exception_id: failure.and_then(|failure| failure.exception_id.clone()),
            ended_ms: self.env.clock.now_ms(),
        };
        // Marks of the object stay in the store; they are looked after as everything else.
        self.remember(vec![Change::End(outcome)], ctx);
    }
}
