//! Entries that come and go beside the queue's own: looks at members, items dropped by hand.

use std::collections::BTreeSet;

use actix::prelude::*;
use tracing::warn;

use super::parking::Parked;
use super::{Supervisor, Task, UnusableFile, What};
use crate::actors::intake::Arrival;
use crate::lanes::{EntryId, Lane, NewEntry};
use crate::model::{Fate, ItemName, ObjectId, ObjectKind};
use crate::provision::Earlier;
use crate::store::{Change, ItemOutcome, Mark};

impl Supervisor {
    pub(super) fn add_look(&mut self, mark: Mark) {
        if self.waiting_looks.get(&mark).is_some_and(|entry| !self.lanes.running(*entry)) {
            return;
        }
        // An item that does not come by this context must not be overtaken: the look would go by
        // an older state of the object and leave it where the item does not want it.
        let passes_by = |entry: EntryId| match self.lanes.task(entry).map(|task| &task.what) {
            Some(What::Item(item)) => !item.contexts.contains(&mark.context),
            _ => false,
        };
        if self.router.pending(&mark.object).any(passes_by) {
            self.later.entry(mark.object).or_default().insert(mark.context);
            return;
        }
        *self.looks.entry(mark.object.clone()).or_default().entry(mark.context).or_default() += 1;
        let entry = self.put_look(mark.clone(), false);
        self.waiting_looks.insert(mark, entry);
    }

    /// An object is to be provisioned again in a context.
    pub(super) fn add_repair(&mut self, mark: Mark) {
        if self.waiting_repairs.get(&mark).is_none_or(|entry| self.lanes.running(*entry)) {
            let entry = self.put_look(mark.clone(), true);
            self.waiting_repairs.insert(mark, entry);
        }
    }

    fn put_look(&mut self, mark: Mark, repair: bool) -> EntryId {
        let lane = Lane::Context(mark.context);
        // Behind all that waits in the lane now, so that it is done once for many members.
        let name = match self.lanes.last_name(lane) {
            Some(name) => name.clone(),
            None => ItemName::new(""),
        };
        let doubted = !repair && self.doubted_looks.remove(&mark);
        let mut task = Task::new(name.clone(), What::Look(mark, repair));
        if doubted {
            task.suspect.insert(lane);
        }
        self.lanes.insert(NewEntry {
            name,
            lanes: BTreeSet::from([lane]),
            joint: false,
            barrier: false,
            gate: false,
            after: BTreeSet::new(),
            task,
        })
    }

    /// An entry has ended or was taken out: nothing of it is left here.
    pub(super) fn forget(&mut self, entry: EntryId) {
        self.router.forget(entry);
        self.waiting_for_ox.remove(&entry);
        self.faulty.remove(&entry);
        self.timed.remove(&entry);
        self.parking.forget(entry);
        self.guarding.forget(entry);
    }

    /// Takes out an entry of which no part runs, and all that is known of it here.
    pub(super) fn take_out(&mut self, entry: EntryId) -> Option<Task> {
        let mut task = self.lanes.withdraw(entry)?;
        self.names.remove(&task.name);
        match &mut task.what {
            What::Item(item) => {
                for earlier in &mut item.earlier {
                    self.names.remove(&earlier.name);
                    self.as_it_is_now(earlier);
                }
                self.item_left(entry, &item.object.clone());
            }
            What::Look(mark, repair) => self.look_left(entry, &mark.clone(), *repair),
        }
        Some(task)
    }

    /// An item that is not done any more may have been written anew while it was to be: takes its last
    /// content in, so that it has a fate, too.
    pub(super) fn as_it_is_now(&mut self, item: &mut Earlier) {
        if let Some(Arrival { name, digest, file }) = self.rewritten.remove(&item.name) {
            self.note_intake(&name, digest, &file);
            item.digest = digest;
        }
    }

    /// An item is not pending any more; looks may have waited for that.
    pub(super) fn item_left(&mut self, entry: EntryId, object: &ObjectId) {
        self.forget(entry);
        for context in self.later.remove(object).unwrap_or_default() {
            self.add_look(Mark { object: object.clone(), context });
        }
    }

    pub(super) fn look_left(&mut self, entry: EntryId, mark: &Mark, repair: bool) {
        self.forget(entry);
        if repair {
            if self.waiting_repairs.get(mark) == Some(&entry) {
                self.waiting_repairs.remove(mark);
            }
            return;
        }
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

    /// A file was removed by hand: its item is dropped.
    pub(super) fn file_removed(
        &mut self,
        entry: EntryId,
        name: &ItemName,
        ctx: &mut Context<Self>,
    ) {
        let running = self.lanes.running(entry);
        let folded = match self.lanes.task_mut(entry).map(|task| &mut task.what) {
            // It ends with the one that is done in its place.
            Some(What::Item(item)) if running && item.earlier.iter().any(|e| e.name == *name) => {
                return;
            }
            Some(What::Item(item)) => {
                let at = item.earlier.iter().position(|earlier| earlier.name == *name);
                at.map(|at| (item.earlier.remove(at), item.object.clone(), item.kind))
            }
            _ => None,
        };
        if let Some((earlier, object, kind)) = folded {
            self.names.remove(name);
            self.counts.dropped += 1;
            let outcome = self.drop_of(earlier.name, earlier.digest, Some((object, kind)));
            self.remember(vec![Change::End(outcome)], ctx);
        } else if let Some(task) = self.take_out(entry) {
            self.dropped(task, ctx);
        }
    }

    /// An item was taken out because its file is not there any more. Those in whose place it would
    /// have been done are to be done after all.
    pub(super) fn dropped(&mut self, mut task: Task, ctx: &mut Context<Self>) {
        self.counts.dropped += 1;
        let What::Item(item) = &task.what else { return };
        warn!(item.name = %task.name, object.id = %item.object, object.kind = %item.kind,
              "the queue file was removed by hand; the item is dropped");
        self.record_drop(&task, Fate::removed_by_hand(), ctx);
        let earlier = task.take_earlier();
        self.bring_back(earlier, ctx);
    }

    /// How an item ends whose file was removed before it was tried.
    pub(super) fn drop_of(
        &self,
        item: ItemName,
        digest: [u8; 32],
        object: Option<(ObjectId, ObjectKind)>,
    ) -> ItemOutcome {
        let (object, kind) = object.unzip();
        ItemOutcome {
            item,
            digest,
            object,
            kind,
            fate: Fate::removed_by_hand(),
            attempts: 0,
            last_fault: None,
            exception_id: None,
            ended_ms: self.env.clock.now_ms(),
        }
    }

    /// Ends an item that is not done.
    pub(super) fn record_drop(&mut self, task: &Task, fate: Fate, ctx: &mut Context<Self>) {
        // Marks of the object stay in the store; they are looked after as everything else.
        self.record_end(task.outcome(fate, self.env.clock.now_ms()), ctx);
    }

    pub(super) fn record_end(&mut self, outcome: Option<ItemOutcome>, ctx: &mut Context<Self>) {
        if let Some(outcome) = outcome {
            self.remember(vec![Change::End(outcome)], ctx);
        }
    }

    /// The file of an item that could not be used was removed.
    pub(super) fn record_unusable_gone(&mut self, file: UnusableFile, ctx: &mut Context<Self>) {
        let UnusableFile { digest, fault } = file;
        let outcome = ItemOutcome {
            item: fault.item,
            digest,
            object: None,
            kind: None,
            fate: Fate::removed_by_hand(),
            attempts: fault.attempts,
            last_fault: Some(fault.text),
            exception_id: None,
            ended_ms: self.env.clock.now_ms(),
        };
        self.record_end(Some(outcome), ctx);
    }

    /// The queue was read: items that were taken in earlier and whose files were removed while
    /// drover did not run are dropped. Answers those that were parked.
    pub(super) fn drop_gone(&mut self, ctx: &mut Context<Self>) -> Vec<(ItemName, Parked)> {
        let now = self.env.clock.now_ms();
        let (mut ends, mut parked) = (Vec::new(), Vec::new());
        let looked = self.env.store.each_open_item(&mut |item| {
            let there = self.names.contains_key(&item.item)
                || self.unusable.contains_key(&item.item)
                // A queue that could not be listed looks empty; what can still be read is not gone.
                || !matches!(self.env.queue.read(&item.item), Ok(None));
            if let (true, Fate::Parked { reason, note }) = (there, &item.fate) {
                parked.push((item.item, Parked { reason: *reason, note: note.clone() }));
            } else if !there {
                warn!(item.name = %item.item, object.id = item.object.as_ref().map(tracing::field::display),
                      "the queue file was removed while drover did not run; the item is dropped");
                ends.push(Change::End(ItemOutcome {
                    item: item.item,
                    digest: item.digest,
                    object: item.object,
                    kind: item.kind,
                    fate: Fate::removed_by_hand(),
                    attempts: item.attempts,
                    last_fault: item.last_fault,
                    exception_id: item.exception_id,
                    ended_ms: now,
                }));
            }
        });
        match looked {
            Ok(()) if ends.is_empty() => {}
            Ok(()) => self.remember(ends, ctx),
            Err(problem) => self.break_down(problem.to_string()),
        }
        parked
    }
}

impl Task {
    /// How it ends, if it is an item.
    pub(super) fn outcome(&self, fate: Fate, ended_ms: i64) -> Option<ItemOutcome> {
        let What::Item(item) = &self.what else { return None };
        let failure = self.fault.as_ref().map(|fault| &fault.failure);
        Some(ItemOutcome {
            item: self.name.clone(),
            digest: item.digest,
            object: Some(item.object.clone()),
            kind: Some(item.kind),
            fate,
            attempts: self.attempts,
            last_fault: failure.map(|failure| failure.text.clone()),
            exception_id: failure.and_then(|failure| failure.exception_id.clone()),
            ended_ms,
        })
    }
}
