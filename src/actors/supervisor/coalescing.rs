//! One item in the place of others: a later item of an object that makes earlier ones pointless.
//!
//! Whether two items may be one is [`coalesce`](crate::plan::coalesce)'s decision. Two ways lead there:
//! a later item is done *in the place* of one that nobody has touched yet; or the earlier one is *taken
//! out*, and the later one is done where it stands. The latter goes for what was refused, and for groups
//! and functional accounts, whose new members come into OX in between. The earlier items keep their
//! files until the later one is through, and are done after all if it is dropped.

use std::collections::BTreeSet;

use actix::prelude::*;
use tracing::{debug, info};

use super::faults::Standing;
use super::parking::Parked;
use super::{Item, Supervisor, Task, What};
use crate::actors::intake::{Arrival, Unusable};
use crate::lanes::EntryId;
use crate::model::{ContextId, Fate, ItemName, ObjectId, ObjectKind, ParkReason, QueueFile};
use crate::plan::coalesce::{Identity, Presence};
use crate::provision::work::digest;
use crate::provision::{Earlier, Failure};
use crate::store::Change;

/// A group that changes all the time is put off no more than so many times.
const MOST_DEFERRALS: usize = 1000;

impl Supervisor {
    /// Whether an item was refused, and it is certain that nothing more came of it.
    fn is_refused(&self, entry: EntryId) -> bool {
        // A fault of an earlier run tells nothing of what that run has done since, if it was cut short.
        let refused = |task: &Task| {
            // Nor does one for which OX was not asked in this run.
            let heard = |fault: &Standing| {
                let failure = &fault.failure;
                !fault.remembered
                    && (failure.class == Failure::NO_CONTEXT || !failure.is_about_a_key())
            };
            let certain = |fault: &Standing| heard(fault) || fault.gave_way || !task.maybe_begun();
            task.fault.as_deref().is_some_and(certain) && task.suspect.is_empty()
        };
        let by_operator = |parked: &Parked| parked.reason == ParkReason::Operator;
        !self.lanes.running(entry)
            && self.lanes.task(entry).is_some_and(refused)
            && !self.parking.parked.get(&entry).is_some_and(by_operator)
    }

    /// Takes out the pending items of an object that a new one makes pointless, and adds them to
    /// `earlier`. Says in which contexts they would have been done.
    pub(super) fn withdraw_pointless(
        &mut self,
        file: &QueueFile,
        identity: &Identity,
        earlier: &mut Vec<Earlier>,
    ) -> BTreeSet<ContextId> {
        let mut pointless = Vec::new();
        let stays = matches!(identity.presence, Presence::On | Presence::Fixed);
        let pending: Vec<EntryId> = self.router.pending(&file.id).collect();
        if self.ends_before_it_began(file, &pending) {
            pointless = pending;
        } else {
            for entry in pending.into_iter().rev() {
                let folds = pointless.is_empty()
                    && matches!(
                        self.router.folds(&self.lanes, &self.env.index, file, identity),
                        Some(Ok(_))
                    );
                let taken_out = if folds {
                    self.may_defer(entry)
                } else {
                    self.is_refused(entry) || stays && self.is_held_back(entry)
                };
                if !taken_out {
                    break;
                }
                pointless.insert(0, entry);
            }
        }
        let mut contexts = BTreeSet::new();
        let mut found = Vec::new();
        for entry in pointless {
            let Some(task) = self.take_out(entry) else { continue };
            if let What::Item(item) = &task.what {
                contexts.extend(item.contexts.iter().copied());
            }
            self.is_pending_again(&task);
            found.extend(self.as_earlier(task));
        }
        earlier.splice(0..0, found);
        contexts
    }

    /// An item that was taken out, as one in whose place another is done; before it those in whose place
    /// it was to be done itself.
    pub(super) fn as_earlier(&mut self, mut task: Task) -> Vec<Earlier> {
        let mut items = task.take_earlier();
        if let What::Item(Item { digest, maybe_begun, .. }) = task.what {
            let mut item = Earlier { name: task.name, digest, maybe_begun };
            self.as_it_is_now(&mut item);
            items.push(item);
        }
        items
    }

    /// Whether what is to be done in an item's place had better be done later.
    fn may_defer(&self, entry: EntryId) -> bool {
        let Some(task) = self.lanes.task(entry) else { return false };
        let What::Item(item) = &task.what else { return false };
        matches!(item.kind, ObjectKind::Group | ObjectKind::Account)
            && !self.parking.parked.contains_key(&entry)
            && task.suspect.is_empty()
            && item.earlier.len() < MOST_DEFERRALS
    }

    /// An item was taken out to wait for a later one of its object: nothing stands still because of it.
    fn is_pending_again(&mut self, task: &Task) {
        if matches!(task.what, What::Item(_)) {
            let fate = Fate::Pending;
            self.taken.push(Change::SetFate { item: task.name.clone(), fate });
        }
    }

    /// An object that was created and deleted again before anything was done needs nothing at all, and
    /// one that is deleted need not be put right first.
    fn ends_before_it_began(&self, file: &QueueFile, pending: &[EntryId]) -> bool {
        if file.object.is_some() || file.kind == ObjectKind::Profile {
            return false;
        }
        // What was made in OX right before drover was killed must not be left behind there.
        let maybe_begun = |entry: &EntryId| self.lanes.task(*entry).is_some_and(Task::maybe_begun);
        let untouched = |entry: &EntryId| !self.lanes.begun(*entry) && !maybe_begun(entry);
        let known = self.env.index.known(&file.id).is_some();
        if known && !pending.iter().any(|entry| self.is_refused(*entry))
            || !pending.iter().all(|entry| untouched(entry) || self.is_refused(*entry))
        {
            return false;
        }
        // A context is not pointless if others are to live in it meanwhile, however short.
        let lived_in = |entry: &EntryId| {
            let here = |lane| self.lanes.in_lane(lane).chain(self.lanes.aside_in(lane));
            let mut neighbours = self.lanes.open_lanes(*entry).flat_map(here);
            neighbours.any(|other| !pending.contains(&other))
        };
        file.kind != ObjectKind::Context || !pending.iter().any(lived_in)
    }

    /// An item is done in the place of one that nobody has touched; a fault of that one is its own.
    pub(super) fn take_place(&mut self, entry: EntryId, new: Earlier, earlier: Vec<Earlier>) {
        let Some(task) = self.lanes.task_mut(entry) else { return };
        let refused = task.fault.take().is_some();
        let What::Item(item) = &mut task.what else { return };
        let before = Earlier {
            name: std::mem::replace(&mut task.name, new.name),
            digest: std::mem::replace(&mut item.digest, new.digest),
            maybe_begun: std::mem::replace(&mut item.maybe_begun, new.maybe_begun),
        };
        debug!(item.name = %task.name, item.other = %before.name, object.id = %item.object,
               "is done in the place of an earlier item of the same object");
        item.earlier.push(before.clone());
        if self.parking.forget_blocked(entry) {
            let pending = Change::SetFate { item: before.name.clone(), fate: Fate::Pending };
            self.taken.push(pending);
        }
        self.names.extend(earlier.iter().map(|item| (item.name.clone(), entry)));
        item.earlier.extend(earlier);
        if refused {
            let pending = Change::SetFate { item: before.name.clone(), fate: Fate::Pending };
            self.taken.push(pending);
            (task.attempts, task.earlier_attempts, task.busy) = (0, 0, 0);
            task.given_up = false;
            task.timer = 0;
            info!(item.name = %task.name, object.id = %item.object,
                  "replaces an item of the same object that was refused");
            self.faulty.remove(&entry);
            self.timed.remove(&entry);
            let by_fault = |parked: &Parked| parked.reason == ParkReason::Fault;
            if self.parking.parked.get(&entry).is_some_and(by_fault) {
                self.unpark(entry);
            }
            self.lanes.wake(entry);
        }
    }

    /// An item was refused: if a later one of the same object waits, that one is done instead. False if
    /// none does.
    pub(super) fn replaced_by_later(&mut self, entry: EntryId, ctx: &mut Context<Self>) -> bool {
        let object = match self.lanes.task(entry).map(|task| &task.what) {
            Some(What::Item(item)) => item.object.clone(),
            _ => return false,
        };
        let pending: Vec<EntryId> = self.router.pending(&object).collect();
        // The deletion of a context is no cure for what is to live in it until then.
        let ends = |other: &EntryId| {
            let task = self.lanes.task(*other);
            task.is_some_and(|task| {
                matches!(&task.what,
                What::Item(item) if item.kind == ObjectKind::Context && item.deletion)
            })
        };
        let waits =
            pending.len() > 1 && pending.first() == Some(&entry) && !pending.iter().any(ends);
        if !waits || !self.is_refused(entry) {
            return false;
        }
        let tasks: Vec<Task> =
            pending.into_iter().filter_map(|entry| self.take_out(entry)).collect();
        let mut carried = Vec::new();
        for task in tasks {
            self.is_pending_again(&task);
            let refused = task.fault.is_some();
            if refused {
                info!(item.name = %task.name, object.id = %object,
                      "was refused, and a later item of the same object is done instead");
            }
            carried.extend(self.as_earlier(task));
            if !refused {
                self.bring_back(std::mem::take(&mut carried), ctx);
            }
        }
        self.bring_back(carried, ctx);
        true
    }

    /// An item was taken out because its file is another one now, or because its object is not where it
    /// was when the item was routed: takes it in as it is now.
    pub(super) fn read_for(&mut self, mut task: Task, ctx: &mut Context<Self>) {
        let earlier = task.take_earlier();
        let name = task.name.clone();
        let stashed = self.rewritten.remove(&name);
        let arrival = match (stashed, self.env.queue.read(&name)) {
            (Some(arrival), _) => arrival,
            (None, Ok(Some(bytes))) => {
                let file = QueueFile::parse(&bytes).map_err(Unusable::Content);
                Arrival { name, digest: digest(&bytes), file }
            }
            (None, Ok(None)) => {
                self.dropped(task, ctx);
                self.bring_back(earlier, ctx);
                return;
            }
            (None, Err(problem)) => {
                let file = Err(Unusable::Reading(problem.to_string()));
                Arrival { name, digest: [0; 32], file }
            }
        };
        self.counts.taken_in -= 1;
        self.forget_fault(&task, ctx);
        self.take_in_for(arrival, earlier, ctx);
    }

    /// Takes out the pending items of an object that are later than `name`, each with those in whose
    /// place it was to be done.
    fn take_out_later(&mut self, object: &ObjectId, name: &ItemName) -> Vec<Vec<Earlier>> {
        let later = |entry: &EntryId| self.lanes.task(*entry).is_some_and(|task| task.name > *name);
        let later: Vec<EntryId> = self.router.pending(object).filter(later).collect();
        let mut found = Vec::new();
        for entry in later {
            let Some(task) = self.take_out(entry) else { continue };
            found.push(self.as_earlier(task));
        }
        found
    }

    /// Routes the last of these items again, in the place of the others; if its file is gone, the one
    /// before it. Later items of the object come behind it.
    pub(super) fn bring_back(&mut self, mut items: Vec<Earlier>, ctx: &mut Context<Self>) {
        while let Some(last) = items.pop() {
            let file = match self.env.queue.read(&last.name) {
                Ok(Some(bytes)) => match QueueFile::parse(&bytes) {
                    Ok(file) => {
                        let file = self.env.index.identify(file);
                        let later = self.take_out_later(&file.id, &last.name);
                        let last = Earlier { digest: digest(&bytes), ..last };
                        self.route(last, &file, items);
                        for items in later {
                            self.bring_back(items, ctx);
                        }
                        return;
                    }
                    Err(problem) => (digest(&bytes), Unusable::Content(problem)),
                },
                Ok(None) => {
                    self.counts.dropped += 1;
                    let outcome = self.drop_of(last.name, last.digest, None);
                    self.remember(vec![Change::End(outcome)], ctx);
                    continue;
                }
                Err(problem) => (last.digest, Unusable::Reading(problem.to_string())),
            };
            let (digest, problem) = file;
            self.take_in(Arrival { name: last.name, digest, file: Err(problem) }, ctx);
        }
    }
}
