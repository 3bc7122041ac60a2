//! Taking files in: which are new, where they belong, what makes them pointless.

use std::collections::{BTreeMap, BTreeSet};

use actix::prelude::*;
use tracing::{debug, warn};

use super::remembered::context_of;
use super::{Item, Supervisor, Task, What};
use crate::actors::intake::{Ack, Arrival, ReadAgain};
use crate::lanes::{EntryId, Moved};
use crate::model::object::DirectoryObject;
use crate::model::{ItemName, ObjectKind, QueueFile};
use crate::provision::work::{add_to_book, old_profile_name};
use crate::route::NewItem;
use crate::store::ProfileVersion;

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
                let entry = self.route(name, digest, &file);
                if let Some(fault) = earlier {
                    self.resume(entry, fault, ctx);
                }
            }
            Err(problem) => self.cannot_use(name, &problem, earlier, ctx),
        }
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
                maybe_begun: self.reading && self.rules.cut_short,
            }),
            attempts: 0,
            earlier_attempts: 0,
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

    /// An object that was created and deleted again before anything was done needs nothing at all, and
    /// one that is deleted need not be put right first.
    pub(super) fn supersede(&mut self, name: &ItemName, file: &QueueFile) {
        if file.object.is_some() || file.kind == ObjectKind::Profile {
            return;
        }
        let pending = self.router.pending(&file.id).to_vec();
        // What OX or drover has refused does not hold up the end of its object.
        let refused = |entry: &EntryId| {
            self.lanes.is_stopped(*entry)
                && !self.lanes.running(*entry)
                && self
                    .lanes
                    .task(*entry)
                    .is_some_and(|task| task.fault.is_some() && task.suspect.is_empty())
        };
        // What was made in OX right before drover was killed must not be left behind there.
        let maybe_begun = |entry: &EntryId| {
            let task = self.lanes.task(*entry);
            task.is_some_and(|task| matches!(&task.what, What::Item(item) if item.maybe_begun))
        };
        let untouched = |entry: &EntryId| !self.lanes.begun(*entry) && !maybe_begun(entry);
        let known = self.env.index.known(&file.id).is_some();
        if known && !pending.iter().any(refused)
            || !pending.iter().all(|entry| untouched(entry) || refused(entry))
        {
            return;
        }
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
