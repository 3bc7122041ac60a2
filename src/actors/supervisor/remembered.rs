//! What is remembered of faults over a restart: a new run goes on counting where the last one ended.
//!
//! Only items have a memory. A group that is looked at again because of its members has no file of
//! its own; its mark brings it back after a restart.

use actix::prelude::*;
use tracing::{error, info};

use super::faults::Standing;
use super::{Supervisor, Task, UnusableFile, What};
use crate::actors::intake::Unusable;
use crate::lanes::{EntryId, Lane};
use crate::model::{ContextId, Fate, ItemName};
use crate::provision::Failure;
use crate::redact::without_addresses;
use crate::store::{Change, FaultRecord, fingerprint};

impl Supervisor {
    /// A file that cannot be used was read: once more, if there is an `earlier` fault.
    pub(super) fn cannot_use(
        &mut self,
        (name, digest): (ItemName, [u8; 32]),
        problem: &Unusable,
        earlier: Option<FaultRecord>,
    ) {
        self.counts.failures += 1;
        let Failure { class, text, .. } = Failure::unusable(problem.to_string());
        let now = self.env.clock.now_ms();
        let fault = FaultRecord {
            item: name.clone(),
            context: None,
            object: None,
            fingerprint: fingerprint(&class, &text),
            class,
            text,
            exception_id: None,
            attempts: earlier.as_ref().map_or(1, |earlier| earlier.attempts.saturating_add(1)),
            first_ms: earlier.map_or(now, |earlier| earlier.first_ms),
            last_ms: now,
        };
        let told = without_addresses(&fault.text);
        error!(item.name = %name, attempt = fault.attempts,
               "the queue file cannot be used and is left where it is: {told}. Correct it, or \
                remove {}/{name}", self.queue_place);
        let faulty = Fate::Faulty { attempts: fault.attempts, next_ms: None };
        // As one with its intake.
        self.taken.push(Change::PutFault(fault.clone()));
        self.taken.push(Change::SetFate { item: name.clone(), fate: faulty });
        self.unusable.insert(name, UnusableFile { digest, fault });
    }

    /// An item has come that stood still before: it is tried at once, but as the next of its
    /// attempts.
    pub(super) fn resume(
        &mut self,
        entry: EntryId,
        name: &ItemName,
        fault: FaultRecord,
        ctx: &mut Context<Self>,
    ) {
        if fault.class == Failure::UNUSABLE {
            // It can be used now.
            let pending = Change::SetFate { item: fault.item.clone(), fate: Fate::Pending };
            self.remember(vec![Change::ClearFault { item: fault.item }, pending], ctx);
            return;
        }
        // What it is in the memory is what the earlier run has left behind.
        let last = match self.env.store.item_history(&fault.item, 1) {
            Ok(last) => last.into_iter().next(),
            Err(problem) => {
                self.break_down(problem.to_string());
                return;
            }
        };
        let gave_way = last.as_ref().is_some_and(|last| last.fate == Fate::Pending);
        let Some(task) = self.lanes.task_mut(entry).filter(|task| task.name == *name) else {
            return;
        };
        // What is aside stays so: the memory is asked for it when all of the queue was read, and by then
        // what is said here may have been written.
        let same = |digest| matches!(&task.what, What::Item(item) if item.digest == digest);
        let aside =
            last.is_some_and(|last| matches!(last.fate, Fate::Parked { .. }) && same(last.digest));
        info!(item.name = %fault.item, object.id = fault.object.as_ref().map(tracing::field::display),
              context.id = fault.context.map(|context| context.0), attempts = fault.attempts,
              fault = without_addresses(&fault.text), "the item stood still before the start and is tried again");
        // If its file was rewritten meanwhile it is another intake, which knows nothing of that yet.
        let faulty = Fate::Faulty { attempts: fault.attempts, next_ms: None };
        self.taken.push(Change::PutFault(fault.clone()));
        if !aside {
            self.taken.push(Change::SetFate { item: fault.item.clone(), fate: faulty });
        }
        task.attempts = fault.attempts;
        task.earlier_attempts = fault.attempts;
        task.fault = Some(Box::new(Standing {
            failure: Failure::remembered(&fault),
            lane: fault.context.map_or(Lane::Directory, Lane::Context),
            fingerprint: fault.fingerprint,
            first_ms: fault.first_ms,
            remembered: true,
            gave_way,
        }));
        self.faulty.insert(entry);
    }

    /// The record of a task's fault; none if it has none, or is no item.
    pub(super) fn fault_record(&self, entry: EntryId) -> Option<FaultRecord> {
        let task = self.lanes.task(entry)?;
        let fault = task.fault.as_ref()?;
        let What::Item(item) = &task.what else { return None };
        Some(FaultRecord {
            item: task.name.clone(),
            context: context_of(fault.lane),
            object: Some(item.object.clone()),
            class: fault.failure.class.clone(),
            text: fault.failure.text.clone(),
            exception_id: fault.failure.exception_id.clone(),
            fingerprint: fault.fingerprint.clone(),
            attempts: task.attempts.max(1),
            first_ms: fault.first_ms,
            last_ms: self.env.clock.now_ms(),
        })
    }

    /// An item was taken out that may come again as another: its fault goes with it.
    pub(super) fn forget_fault(&mut self, task: &Task, ctx: &mut Context<Self>) {
        if task.fault.is_some() && matches!(task.what, What::Item(_)) {
            self.remember(vec![Change::ClearFault { item: task.name.clone() }], ctx);
        }
    }

    /// Faults that nobody has any more.
    pub(super) fn clear_faults(
        &mut self,
        faults: impl IntoIterator<Item = FaultRecord>,
        ctx: &mut Context<Self>,
    ) {
        let clear = |fault: FaultRecord| Change::ClearFault { item: fault.item };
        let commit: Vec<Change> = faults.into_iter().map(clear).collect();
        if !commit.is_empty() {
            self.remember(commit, ctx);
        }
    }

    /// The queue was read: faults of files that were removed while drover did not run are cleared.
    pub(super) fn clear_gone(&mut self, ctx: &mut Context<Self>) {
        // A queue that could not be listed looks empty; what can still be read is not gone.
        let (gone, there): (Vec<_>, Vec<_>) = std::mem::take(&mut self.remembered)
            .into_iter()
            .partition(|(name, _)| matches!(self.env.queue.read(name), Ok(None)));
        self.remembered = there.into_iter().collect();
        self.clear_faults(gone.into_iter().map(|(_, fault)| fault), ctx);
    }
}

pub(super) fn context_of(lane: Lane) -> Option<ContextId> {
    match lane {
        Lane::Context(context) => Some(context),
        Lane::Directory => None,
    }
}
