//! Starting parts, and what follows from their end.

use std::time::Duration;

use actix::prelude::*;
use tracing::{debug, error, info};

use super::breaker::Order;
use super::remembered::context_of;
use super::{LaneActor, MOST_PANICS, StopScope, Supervisor, What};
use crate::actors::context::{ContextActor, Provision};
use crate::lanes::{EntryId, Lane, Start};
use crate::model::{ItemName, QueueFile};
use crate::provision::work::{closing, members, superseded as superseding};
use crate::provision::{Coverage, Ended, Failure, Job};
use crate::redact::without_addresses;
use crate::store::{Change, Commit};

impl Supervisor {
    /// Starts whatever may start.
    pub(super) fn pump(&mut self, ctx: &mut Context<Self>) {
        while self.may_start() {
            let start = match self.holding_everything() {
                None => self.lanes.start(),
                Some(entries) => entries.into_iter().find_map(|id| self.lanes.start_only(id)),
            };
            let Some(start) = start else {
                self.breaker.inconclusive();
                break;
            };
            self.launch(start, ctx);
        }
    }

    fn may_start(&mut self) -> bool {
        !self.draining
            && !self.ending
            && !self.reading
            && self.broken.is_none()
            && self.breaker.may_start()
    }

    /// The faulty items that hold up everything else, if that is how far a standstill reaches.
    fn holding_everything(&self) -> Option<Vec<EntryId>> {
        if self.rules.stop_scope == StopScope::Context {
            return None;
        }
        // What stands ahead of a faulty item, because the item needs it or it came to stand there
        // since an earlier run, is not held up, or the item would never be tried.
        let ahead = |entry: &EntryId| -> Vec<EntryId> {
            let lanes: Vec<Lane> = self.lanes.open_lanes(*entry).collect();
            let before = |lane| self.lanes.in_lane(lane).take_while(|other| other != entry);
            lanes.into_iter().flat_map(before).chain([*entry]).collect()
        };
        let may: Vec<EntryId> = self.faulty.iter().flat_map(ahead).collect();
        (!self.faulty.is_empty() || !self.unusable.is_empty()).then_some(may)
    }

    fn launch(&mut self, start: Start, ctx: &mut Context<Self>) {
        let Some(job) = self.job(&start) else {
            self.lanes.done(start.entry, start.lane);
            return;
        };
        let addr = self.actor_for(start.lane);
        self.running += 1;
        let reply = addr.send(Provision(job.clone())).into_actor(self);
        ctx.spawn(reply.map(move |ended, actor, ctx| {
            actor.running -= 1;
            match ended {
                Ok(ended) => actor.finished(&start, &job, ended, ctx),
                Err(_) => actor.died(&start, ctx),
            }
            actor.pump(ctx);
            actor.settle(ctx);
        }));
    }

    fn job(&mut self, start: &Start) -> Option<Job> {
        let task = self.lanes.task_mut(start.entry)?;
        task.attempts = task.attempts.saturating_add(1);
        let failure = task.fault.as_ref().map(|fault| &fault.failure);
        let last_fault = failure.map(|f| (f.text.clone(), f.exception_id.clone()));
        Some(match &task.what {
            What::Look(mark) => {
                Job::Look { mark: mark.clone(), suspect: task.suspect.contains(&start.lane) }
            }
            What::Item(item) => match &item.superseded_by {
                Some(by) => Job::Superseded {
                    name: task.name.clone(),
                    digest: item.digest,
                    sole: start.sole,
                    by: by.clone(),
                },
                None => Job::Item {
                    name: task.name.clone(),
                    digest: item.digest,
                    context: context_of(start.lane),
                    sole: start.sole,
                    contexts: item.contexts.clone(),
                    attempt: task.attempts,
                    suspect: task.suspect.contains(&start.lane),
                    last_fault,
                },
            },
        })
    }

    fn actor_for(&mut self, lane: Lane) -> actix::Addr<ContextActor> {
        let now = tokio::time::Instant::now();
        if let Some(state) = self.actors.get_mut(&lane).filter(|state| state.addr.connected()) {
            state.used = now;
            return state.addr.clone();
        }
        let env = self.env.clone();
        let addr = if self.arbiters.is_empty() {
            ContextActor::new(lane, env).start()
        } else {
            self.next_arbiter = (self.next_arbiter + 1) % self.arbiters.len();
            let arbiter = &self.arbiters[self.next_arbiter];
            ContextActor::start_in_arbiter(arbiter, move |_| ContextActor::new(lane, env))
        };
        self.actors.insert(lane, LaneActor { addr: addr.clone(), used: now });
        addr
    }

    /// A context actor died at its work. Its lane goes on with a new one.
    fn died(&mut self, start: &Start, ctx: &mut Context<Self>) {
        self.counts.restarts += 1;
        self.actors.remove(&start.lane);
        let Some(task) = self.lanes.task_mut(start.entry) else { return };
        task.panics += 1;
        task.suspect.insert(start.lane);
        let (name, panics) = (task.name.clone(), task.panics);
        error!(item.name = %name, lane = %start.lane, panics,
               "a context actor died at this item and is replaced; please report this");
        if panics >= MOST_PANICS {
            let text = format!(
                "drover itself failed at this item {panics} times; this is a bug, please report it \
                 with the log lines around it"
            );
            let failure = Failure::local(text);
            self.fault(start, &failure, ctx);
        } else {
            self.lanes.stop(start.entry, start.lane);
            self.lanes.wake(start.entry);
        }
    }

    pub(super) fn finished(
        &mut self,
        start: &Start,
        job: &Job,
        ended: Ended,
        ctx: &mut Context<Self>,
    ) {
        match ended {
            Ended::Done { applied, heard, why } => {
                if heard {
                    self.ox_answered();
                } else {
                    self.probe_with_another();
                }
                self.part_done(start, job, applied, why, ctx);
            }
            Ended::Withdrawn => {
                self.lanes.stop(start.entry, start.lane);
                if let Some(task) = self.drop_entry(start.entry) {
                    self.dropped(&task, ctx);
                }
            }
            Ended::Rewritten => {
                self.lanes.stop(start.entry, start.lane);
                if let Some(task) = self.drop_entry(start.entry) {
                    info!(item.name = %task.name, "the queue file was changed by hand and is read again");
                    self.counts.taken_in -= 1;
                    self.forget_fault(&task, ctx);
                    self.read_again(task.name, ctx);
                }
            }
            Ended::Failed(failure) if failure.fatal => {
                self.lanes.stop(start.entry, start.lane);
                self.break_down(failure.text);
            }
            Ended::Failed(failure) => self.fault(start, &failure, ctx),
        }
    }

    fn part_done(
        &mut self,
        start: &Start,
        job: &Job,
        applied: bool,
        why: &'static str,
        ctx: &mut Context<Self>,
    ) {
        let stands_elsewhere = self.stands_elsewhere(start);
        let Some(task) = self.lanes.task_mut(start.entry) else { return };
        task.applied |= applied;
        if !applied {
            task.why = why;
        }
        task.suspect.remove(&start.lane);
        if !stands_elsewhere && let Some(fault) = task.fault.take() {
            self.faulty.remove(&start.entry);
            info!(item.name = %task.name, lane = %start.lane, attempts = task.attempts,
                  fault = without_addresses(&fault.failure.text), "goes on after its fault is cured");
            if matches!(task.what, What::Item(_)) && !start.sole {
                // The item's end, which would clear it, may be far away.
                let item = task.name.clone();
                self.remember(vec![Change::ClearFault { item }], ctx);
            }
        }
        let Some(task) = self.lanes.task(start.entry) else { return };
        let (name, applied, why) = (task.name.clone(), task.applied, task.why);
        let (object, look) = match &task.what {
            What::Item(item) => (Some(item.object.clone()), None),
            What::Look(mark) => (None, Some(mark.clone())),
        };
        let is_item = object.is_some();
        let superseded = matches!(job, Job::Superseded { .. });
        let last = self.lanes.open_lanes(start.entry).count() <= 1;
        if let (Job::Superseded { name, digest, by, .. }, true, false) = (job, last, start.sole) {
            let end = superseding(&self.env, name, *digest, by);
            self.close(start, name.clone(), vec![end], None, (false, true), ctx);
            return;
        }
        if is_item && last && !start.sole {
            // The last of several parts: the item's end becomes durable on its own.
            self.close_item(start, job, applied, why, ctx);
            return;
        }
        if !self.lanes.done(start.entry, start.lane) {
            return;
        }
        if let Some(mark) = &look {
            self.look_left(start.entry, mark);
            self.counts.looked_again += 1;
            return;
        }
        if let Some(object) = &object {
            self.item_left(start.entry, object);
        }
        self.count_end(applied, superseded);
        debug!(item.name = %name, applied, why, "item done");
        self.item_through(&name, ctx);
    }

    pub(super) fn count_end(&mut self, applied: bool, superseded: bool) {
        if superseded {
            self.counts.superseded += 1;
        } else if applied {
            self.counts.applied += 1;
        } else {
            self.counts.no_op += 1;
        }
    }

    /// The item is durable: its file goes, unless it was written anew meanwhile.
    pub(super) fn item_through(&mut self, name: &ItemName, ctx: &mut Context<Self>) {
        self.names.remove(name);
        match self.rewritten.remove(name) {
            Some(arrival) => {
                info!(item.name = %name, "the queue file was changed while it was worked on; it is \
                      done again as it is now");
                self.take_in(arrival, ctx);
            }
            None => self.ack(name),
        }
    }

    fn close_item(
        &mut self,
        start: &Start,
        job: &Job,
        applied: bool,
        why: &'static str,
        ctx: &mut Context<Self>,
    ) {
        let Job::Item { name, contexts, .. } = job else { return };
        let object = self.lanes.task(start.entry).and_then(|task| match &task.what {
            What::Item(item) => Some(item.object.clone()),
            What::Look(_) => None,
        });
        let file = match self.env.queue.read(name) {
            Ok(Some(bytes)) => QueueFile::parse(&bytes).ok(),
            Ok(None) | Err(_) => None,
        };
        let Some(file) = file else {
            // Removed just now; all its parts are done.
            self.lanes.done(start.entry, start.lane);
            if let Some(object) = object {
                self.item_left(start.entry, &object);
            }
            self.count_end(applied, false);
            self.item_through(name, ctx);
            return;
        };
        let known = self.env.index.known(&file.id).is_some();
        let commit = closing(&self.env, job, &file, known, applied, why);
        let coverage = Some(Coverage {
            object: file.id.clone(),
            members: members(&file),
            contexts: contexts.clone(),
            here: None,
            resolved: Vec::new(),
        });
        self.close(start, name.clone(), commit, coverage, (applied, false), ctx);
    }

    /// Makes the end of an item of several parts durable; `ended` says whether it was applied and
    /// whether it was superseded.
    fn close(
        &mut self,
        start: &Start,
        name: ItemName,
        commit: Commit,
        coverage: Option<Coverage>,
        ended: (bool, bool),
        ctx: &mut Context<Self>,
    ) {
        let task = self.lanes.task(start.entry);
        let object = task.and_then(|task| match &task.what {
            What::Item(item) => Some(item.object.clone()),
            What::Look(_) => None,
        });
        self.running += 1;
        let recorded = self.env.recorder.record(commit, coverage).into_actor(self);
        let start = start.clone();
        ctx.spawn(recorded.map(move |recorded, actor, ctx| {
            actor.running -= 1;
            match recorded {
                Ok(()) => {
                    actor.lanes.done(start.entry, start.lane);
                    if let Some(object) = &object {
                        actor.item_left(start.entry, object);
                    }
                    actor.count_end(ended.0, ended.1);
                    actor.item_through(&name, ctx);
                }
                Err(problem) => {
                    actor.lanes.stop(start.entry, start.lane);
                    actor.break_down(problem.to_string());
                }
            }
            actor.pump(ctx);
            actor.settle(ctx);
        }));
    }

    pub(super) fn ox_answered(&mut self) {
        if self.breaker.answered() == Order::Resume {
            info!(waiting = self.waiting_for_ox.len(), "OX answers again; everything goes on");
            self.outage_since = None;
            for entry in std::mem::take(&mut self.waiting_for_ox) {
                self.lanes.wake(entry);
            }
        }
    }

    /// The probe had nothing to ask OX: the next one that waits is tried.
    pub(super) fn probe_with_another(&mut self) {
        self.breaker.inconclusive();
        if self.breaker.reason().is_some()
            && let Some(entry) = self.waiting_for_ox.pop_first()
        {
            self.lanes.wake(entry);
        }
    }

    pub(super) fn set_timer(&mut self, entry: EntryId, pause: Duration, ctx: &mut Context<Self>) {
        self.next_timer += 1;
        let timer = self.next_timer;
        if let Some(task) = self.lanes.task_mut(entry) {
            task.timer = timer;
        }
        ctx.run_later(pause, move |actor, ctx| {
            let Some(task) = actor.lanes.task_mut(entry).filter(|task| task.timer == timer) else {
                return;
            };
            task.timer = 0;
            actor.lanes.wake(entry);
            actor.pump(ctx);
        });
    }
}
