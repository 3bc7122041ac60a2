//! Taking files in: which are new, and where they belong.

use std::collections::BTreeMap;

use actix::prelude::*;
use tracing::{debug, warn};

use super::remembered::context_of;
use super::{Item, Supervisor, Task, What};
use crate::actors::intake::{Ack, Arrival, ReadAgain, Unusable};
use crate::few::Few;
use crate::lanes::{EntryId, Moved};
use crate::model::object::DirectoryObject;
use crate::model::{Fate, ItemName, ObjectKind, QueueFile};
use crate::plan::coalesce::Presence;
use crate::provision::Earlier;
use crate::provision::work::{add_to_book, old_profile_name};
use crate::route::NewItem;
use crate::store::{Change, ItemOutcome, ProfileVersion};

/// A file that comes so much later than one with a later name is late; milliseconds.
const LATE_MS: i64 = 60_000;

/// So many of an object's last items are looked through for one newer than a file written anew.
const MANY_ITEMS: usize = 100;

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

    pub(super) fn ack(&self, name: &ItemName) {
        if let Some(intake) = &self.intake {
            intake.do_send(Ack(name.clone()));
        }
    }

    /// Takes one file in.
    pub(super) fn take_in(&mut self, arrival: Arrival, ctx: &mut Context<Self>) {
        self.take_in_for(arrival, Vec::new(), ctx);
    }

    /// Takes one file in that makes these earlier items pointless, as its former content did.
    pub(super) fn take_in_for(
        &mut self,
        arrival: Arrival,
        mut pointless: Vec<Earlier>,
        ctx: &mut Context<Self>,
    ) {
        let Arrival { name, digest, file } = arrival;
        let file = file.map(|file| self.env.index.identify(file));
        let mut seen = self.names.contains_key(&name);
        if let Some(entry) = self.names.get(&name).copied() {
            let running = self.lanes.running(entry);
            let Some(Task { what: What::Item(item), .. }) = self.lanes.task_mut(entry) else {
                return;
            };
            let earlier = item.earlier.iter_mut().find(|earlier| earlier.name == name);
            let known = earlier.as_ref().map_or(item.digest, |earlier| earlier.digest);
            if known == digest {
                return;
            }
            if let Some(earlier) = earlier.filter(|_| !running) {
                // A later one is done in its place, whatever it says now.
                earlier.digest = digest;
                self.note_intake(&name, digest, &file);
                return;
            }
            // Written anew by hand.
            if running {
                self.rewritten.insert(name.clone(), Arrival { name, digest, file });
                return;
            }
            if let Some(mut task) = self.take_out(entry) {
                self.forget_fault(&task, ctx);
                pointless = task.take_earlier();
            }
        }
        let unusable = self.unusable.remove(&name).map(|file| file.fault);
        let earlier = unusable.or_else(|| self.remembered.remove(&name));
        match self.env.store.outcome(&name) {
            Ok(Some(outcome)) if outcome.digest == digest && outcome.fate.settles() => {
                // Done before a crash; only the file was left.
                self.counts.repeated += 1;
                self.counts.taken_in += 1;
                debug!(item.name = %name, "was done before; its file is removed");
                self.clear_faults(earlier, ctx);
                self.ack(&name);
                self.bring_back(pointless, ctx);
                return;
            }
            Ok(outcome) => seen |= outcome.is_some(),
            Err(problem) => {
                self.break_down(problem.to_string());
                return;
            }
        }
        self.counts.taken_in += 1;
        self.note_intake(&name, digest, &file);
        match file {
            Ok(file) => {
                if let Some(newer) = self.newer_item(&name, &file, seen) {
                    self.clear_faults(earlier, ctx);
                    for item in pointless {
                        self.overtaken(item.name, item.digest, Some(&file), newer.clone(), ctx);
                    }
                    self.overtaken(name, digest, Some(&file), newer, ctx);
                    return;
                }
                let item = Earlier { name: name.clone(), digest, maybe_begun: false };
                let entry = self.route(item, &file, pointless);
                if let Some(fault) = earlier {
                    self.resume(entry, &name, fault, ctx);
                }
            }
            Err(problem) => {
                self.cannot_use((name, digest), &problem, earlier);
                self.bring_back(pointless, ctx);
            }
        }
    }

    /// An item of the same object that stands behind this one in the queue and came before, or is done
    /// already: the file was written anew by hand, or it was late. `seen` says that a file of that name
    /// was there before.
    ///
    /// Names tell the directory's local time, which jumps back once a year. So a new name alone does not
    /// make an item the older one: only if the other one has come just now.
    fn newer_item(&mut self, name: &ItemName, file: &QueueFile, seen: bool) -> Option<ItemName> {
        if file.kind == ObjectKind::Profile {
            // Items between the two go by it.
            return None;
        }
        let now = self.env.clock.now_ms();
        let came = |task: &&Task| seen || now.saturating_sub(task.taken_ms) <= LATE_MS;
        let pending = self.router.pending(&file.id);
        let newer = pending
            .filter_map(|entry| self.lanes.task(entry))
            .filter(came)
            .map(|task| &task.name)
            .filter(|other| *other > name)
            .min()
            .cloned();
        if newer.is_some() || !seen {
            return newer;
        }
        match self.env.store.history(&file.id, MANY_ITEMS) {
            Ok(items) => items
                .into_iter()
                .filter(|item| item.ended_ms.is_some() && item.fate.settles() && item.item > *name)
                .map(|item| item.item)
                .min(),
            Err(problem) => {
                self.break_down(problem.to_string());
                None
            }
        }
    }

    /// An item that a newer one of its object has overtaken is not done any more: its older content
    /// must not come to stand over the newer.
    pub(super) fn overtaken(
        &mut self,
        name: ItemName,
        digest: [u8; 32],
        file: Option<&QueueFile>,
        by: ItemName,
        ctx: &mut Context<Self>,
    ) {
        debug!(item.name = %name, item.newer = %by, "a newer item of the object came before");
        let end = Change::End(ItemOutcome {
            item: name.clone(),
            digest,
            object: file.map(|file| file.id.clone()),
            kind: file.map(|file| file.kind),
            fate: Fate::Superseded { by },
            attempts: 0,
            last_fault: None,
            exception_id: None,
            ended_ms: self.env.clock.now_ms(),
        });
        self.counts.superseded += 1;
        self.remember_then_ack(vec![end], vec![name], ctx);
    }

    pub(super) fn note_intake(
        &mut self,
        name: &ItemName,
        digest: [u8; 32],
        file: &Result<QueueFile, Unusable>,
    ) {
        self.taken.push(Change::TakeIn {
            item: name.clone(),
            digest,
            object: file.as_ref().ok().map(|file| file.id.clone()),
            kind: file.as_ref().ok().map(|file| file.kind),
            at_ms: self.env.clock.now_ms(),
        });
    }

    /// Gives an item its place among all that is pending: one of its own, or that of an earlier item
    /// of the same object. `earlier` are items that it has made pointless before.
    pub(super) fn route(
        &mut self,
        item: Earlier,
        file: &QueueFile,
        mut earlier: Vec<Earlier>,
    ) -> EntryId {
        let Earlier { name, digest, maybe_begun } = item;
        let scope = self.env.policy.scope.clone();
        let seen = scope.see(file, self.env.index.fixed(&file.id));
        let file = seen.file.as_ref();
        if file.kind == ObjectKind::Profile && seen.fixed.is_none() {
            self.learn_profile(&name, file);
        }
        let mut identity = self.rules.identifiers.identity(file);
        if seen.fixed.is_some() && file.object.is_some() {
            identity.presence = Presence::Fixed;
        }
        let mut also = self.withdraw_pointless(file, &identity, &mut earlier);
        let folds = self.router.folds(&self.lanes, &self.env.index, file, &identity);
        // Where a look is under way the object may be by then, though nothing tells yet.
        also.extend(self.looks.get(&file.id).into_iter().flat_map(BTreeMap::keys));
        let item = NewItem { name: name.clone(), file, identity, also };
        let presence = item.identity.presence;
        let routed = match folds {
            Some(Ok(entry)) => {
                let new = Earlier { name: name.clone(), digest, maybe_begun };
                self.take_place(entry, new, earlier);
                self.router.fold_into(&mut self.lanes, &self.env.index, item, entry)
            }
            apart => {
                let what = What::Item(Item {
                    digest,
                    object: file.id.clone(),
                    kind: file.kind,
                    contexts: Few::default(),
                    earlier: earlier.clone(),
                    apart: apart.and_then(Result::err),
                    deletion: file.object.is_none(),
                    // Of its object only the first one can have been.
                    maybe_begun: maybe_begun
                        || self.reading
                            && self.rules.cut_short
                            && earlier.is_empty()
                            && !self.router.is_pending(&file.id),
                });
                let task = Task::new(name.clone(), what);
                let routed = self.router.route(&mut self.lanes, &self.env.index, item, task);
                self.names.extend(earlier.into_iter().map(|item| (item.name, routed.entry)));
                routed
            }
        };
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
        let now = self.env.clock.now_ms();
        if let Some(task) = self.lanes.task_mut(routed.entry) {
            task.taken_ms = now;
        }
        self.names.insert(name, routed.entry);
        self.note_removal(file, presence, routed.entry);
        self.hurry_leaver(file, presence, routed.entry);
        self.parking.routed();
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
}
