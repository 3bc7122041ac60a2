//! Taking files in: which are new, where they belong, what makes them pointless.

use std::collections::{BTreeMap, BTreeSet};

use actix::prelude::*;
use tracing::{debug, warn};

use super::remembered::context_of;
use super::{Item, Supervisor, Task, What};
use crate::actors::intake::{Ack, Arrival, ReadAgain};
use crate::lanes::{EntryId, Moved};
use crate::model::object::DirectoryObject;
use crate::model::{Fate, ItemName, ObjectKind, QueueFile};
use crate::provision::work::{add_to_book, old_profile_name};
use crate::route::NewItem;
use crate::store::{Change, ItemOutcome, ProfileVersion};

impl Supervisor {
    /// Has intake read a file again.
    pub(super) fn read_again(&mut self, name: ItemName, ctx: &mut Context<Self>) {
        match self.rewritten.remove(&name) {
            Some(arrival) => self.take_in(arrival, ctx),
            None => {
                if let Some(intake) = &self.intake {
                    intake.do_send(ReadAgain(name));
                }
            }
        }
    }

    pub(super) fn ack(&mut self, name: &ItemName) {
        self.acked.insert(name.clone());
        if let Some(intake) = &self.intake {
            intake.do_send(Ack(name.clone()));
        }
    }

    /// Takes one file in.
    pub(super) fn take_in(&mut self, arrival: Arrival, ctx: &mut Context<Self>) {
        let Arrival { name, digest, file } = arrival;
        if let Some(entry) = self.names.get(&name).copied() {
            let same = self.lanes.task(entry).is_some_and(
                |task| matches!(&task.what, What::Item(item) if item.digest == digest),
            );
            if same {
                return;
            }
            // Written anew by hand.
            if self.lanes.running(entry) {
                self.rewritten.insert(name.clone(), Arrival { name, digest, file });
                return;
            }
            if let Some(task) = self.drop_entry(entry) {
                self.forget_fault(&task, ctx);
            }
        }
        let earlier = self.unusable.remove(&name).or_else(|| self.remembered.remove(&name));
        match self.env.store.outcome(&name) {
            Ok(Some(outcome)) if outcome.digest == digest => {
                // Done before a crash; only the file was left.
                self.counts.repeated += 1;
                self.counts.taken_in += 1;
                debug!(item.name = %name, "was done before; its file is removed");
                self.clear_faults(earlier, ctx);
                self.ack(&name);
                return;
            }
            Ok(_) => {}
            Err(problem) => {
                self.break_down(problem.to_string());
                return;
            }
        }
        self.acked.remove(&name);
        self.counts.taken_in += 1;
        match file {
            Ok(file) => {
                if let Some(newer) = self.newer_pending(&name, &file) {
                    self.clear_faults(earlier, ctx);
                    self.overtaken(name, digest, &file, newer, ctx);
                    return;
                }
                let entry = self.route(name, digest, &file);
                if let Some(fault) = earlier {
                    self.resume(entry, fault, ctx);
                }
            }
            Err(problem) => self.cannot_use(name, &problem, earlier, ctx),
        }
    }

    /// A pending item of the same object that stands behind this one in the queue and came before:
    /// the file was written anew by hand, or it was late.
    fn newer_pending(&self, name: &ItemName, file: &QueueFile) -> Option<ItemName> {
        if file.kind == ObjectKind::Profile {
            // Items between the two go by it.
            return None;
        }
        let pending = self.router.pending(&file.id).iter();
        let names = pending.filter_map(|entry| self.lanes.task(*entry)).map(|task| &task.name);
        names.filter(|other| *other > name).min().cloned()
    }

    /// An item that a newer one of its object has overtaken is not done any more: its older content
    /// must not come to stand over the newer.
    fn overtaken(
        &mut self,
        name: ItemName,
        digest: [u8; 32],
        file: &QueueFile,
        by: ItemName,
        ctx: &mut Context<Self>,
    ) {
        debug!(item.name = %name, item.newer = %by, "a newer item of the object came before");
        let end = Change::End(ItemOutcome {
            item: name.clone(),
            digest,
            object: Some(file.id.clone()),
            kind: Some(file.kind),
            fate: Fate::Superseded { by },
            attempts: 0,
            last_fault: None,
            exception_id: None,
            ended_ms: self.env.clock.now_ms(),
        });
        self.recording += 1;
        let recorded = self.env.recorder.record(vec![end], None).into_actor(self);
        ctx.spawn(recorded.map(move |recorded, actor, ctx| {
            actor.recording -= 1;
            match recorded {
                Ok(()) => {
                    actor.count_end(false, true);
                    actor.item_through(&name, ctx);
                }
                Err(problem) => actor.break_down(problem.to_string()),
            }
            actor.settle(ctx);
        }));
    }

    pub(super) fn route(&mut self, name: ItemName, digest: [u8; 32], file: &QueueFile) -> EntryId {
        if file.kind == ObjectKind::Profile {
            self.learn_profile(&name, file);
        }
        self.supersede(&name, file);
        let claims = self.router.claims(&self.env.index, file, &self.rules.identifiers);
        let task = Task {
            name: name.clone(),
            what: What::Item(Item {
                digest,
                object: file.id.clone(),
                kind: file.kind,
                contexts: Vec::new(),
                superseded_by: None,
                deletion: file.object.is_none(),
            }),
            attempts: 0,
            earlier_attempts: 0,
            from_before: self.reading && !self.fresh,
            busy: 0,
            panics: 0,
            suspect: BTreeSet::new(),
            applied: false,
            why: "needs no change in OX",
            fault: None,
            timer: 0,
            given_up: false,
        };
        // Where a look is under way the object may be by then, though nothing tells yet.
        let looked = self.looks.get(&file.id).into_iter().flat_map(BTreeMap::keys);
        let routed = self.router.route(
            &mut self.lanes,
            &self.env.index,
            NewItem { name: name.clone(), file, claims, also: looked.copied().collect() },
            task,
        );
        for pair in &routed.unordered {
            let other = self.lanes.task(pair.needing).map(|task| task.name.to_string());
            match pair.why {
                Moved::Circle => warn!(item.name = %name, item.other = other,
                    "two items need each other; they keep the order in which they came"),
                Moved::Barrier | Moved::Ahead => debug!(item.name = %name, item.other = other,
                    "a context's deletion lies between two items; they keep their order"),
            }
        }
        let contexts = routed.lanes.iter().filter_map(|lane| context_of(*lane));
        if let Some(Task { what: What::Item(item), .. }) = self.lanes.task_mut(routed.entry) {
            item.contexts = contexts.collect();
        }
        self.names.insert(name, routed.entry);
        routed.entry
    }

    /// Profiles take effect at their place in the queue, so later items see them from now on.
    pub(super) fn learn_profile(&self, name: &ItemName, file: &QueueFile) {
        let version = match &file.object {
            Some(DirectoryObject::Profile(profile)) => Some(ProfileVersion {
                object: file.id.clone(),
                name: profile.name.clone(),
                since: name.clone(),
                access: Some(profile.access),
            }),
            _ => old_profile_name(&self.env, &file.id).map(|profile| ProfileVersion {
                object: file.id.clone(),
                name: profile,
                since: name.clone(),
                access: None,
            }),
        };
        if let Some(version) = version {
            add_to_book(&self.env, &version);
        }
    }

    /// Whether an item stands still because OX or drover has refused it, and that is all there is
    /// of it.
    fn is_refused(&self, entry: EntryId) -> bool {
        let without_effect = |task: &Task| task.fault.is_some() && task.suspect.is_empty();
        self.lanes.is_stopped(entry)
            && !self.lanes.running(entry)
            && self.lanes.task(entry).is_some_and(without_effect)
    }

    /// An item was refused: if its object's end is waiting behind it, it is pointless.
    pub(super) fn give_way(&mut self, entry: EntryId) -> bool {
        let Some(Task { what: What::Item(item), name, .. }) = self.lanes.task(entry) else {
            return false;
        };
        if item.kind == ObjectKind::Context || !self.is_refused(entry) {
            return false;
        }
        let ends = |task: &Task| match &task.what {
            What::Item(item) if item.deletion => Some(task.name.clone()),
            _ => None,
        };
        let later = self.router.pending(&item.object).iter();
        let later = later.filter_map(|other| ends(self.lanes.task(*other)?));
        let Some(by) = later.filter(|other| other > name).min() else { return false };
        if let Some(Task { what: What::Item(item), .. }) = self.lanes.task_mut(entry) {
            item.superseded_by = Some(by);
        }
        self.lanes.wake(entry);
        true
    }

    /// An object that was created and deleted again before anything was done needs nothing at all, and
    /// one that is deleted need not be put right first.
    pub(super) fn supersede(&mut self, name: &ItemName, file: &QueueFile) {
        if file.object.is_some() || file.kind == ObjectKind::Profile {
            return;
        }
        let pending = self.router.pending(&file.id).to_vec();
        // What OX or drover has refused does not hold up the end of its object.
        let refused = |entry: &EntryId| self.is_refused(*entry);
        // What an earlier run may have begun with may be in OX, though nobody remembers.
        let begun_before =
            |entry: &EntryId| self.lanes.task(*entry).is_some_and(|task| task.from_before);
        let untouched = |entry: &EntryId| !self.lanes.begun(*entry) && !begun_before(entry);
        let known = self.env.index.known(&file.id).is_some();
        if known && !pending.iter().any(refused) {
            return;
        }
        let all = pending.iter().all(|entry| untouched(entry) || refused(entry));
        let pending: Vec<EntryId> =
            if all { pending } else { pending.into_iter().filter(refused).collect() };
        // A context is not pointless if others are to live in it meanwhile, however short.
        let lived_in = |entry: &EntryId| {
            let mut neighbours = self.lanes.open_lanes(*entry).flat_map(|l| self.lanes.in_lane(l));
            neighbours.any(|other| !pending.contains(&other))
        };
        if file.kind == ObjectKind::Context && pending.iter().any(lived_in) {
            return;
        }
        for entry in pending {
            if let Some(Task { what: What::Item(item), .. }) = self.lanes.task_mut(entry) {
                item.superseded_by = Some(name.clone());
            }
            self.lanes.wake(entry);
        }
    }
}
