//! Starting parts, and what follows from their end.

use std::time::Duration;

use actix::prelude::*;
use tracing::{debug, error, info};

use super::breaker::Order;
use super::remembered::context_of;
use super::{LaneActor, MOST_PANICS, OnFault, StopScope, Supervisor, What};
use crate::actors::context::{ContextActor, Provision};
use crate::actors::intake::Arrival;
use crate::few::give_back;
use crate::lanes::{EntryId, Lane, Start};
use crate::model::{Fate, ObjectId, ObjectKind, QueueFile};
use crate::provision::work::{closing, superseded, whoever};
use crate::provision::{Coverage, Ended, Failure, Job};
use crate::redact::without_addresses;
use crate::store::{Change, Commit, HoldScope, Mark};

impl Supervisor {
    /// Starts whatever may start.
    pub(super) fn pump(&mut self, ctx: &mut Context<Self>) {
        self.hold_back_removals();
        if !self.taken.is_empty() {
            self.remember(Commit::new(), ctx);
        }
        self.find_aside(ctx);
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
            && self.running < self.rules.most_running
            && !self.holds.contains_key(&HoldScope::Target)
            && self.breaker.may_start()
    }

    /// Whether faulty items hold up everything else.
    pub(super) fn stop_scope_holds(&self) -> bool {
        self.holding_everything().is_some()
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
        let stands = |entry: &&EntryId| !self.parking.parked.contains_key(entry);
        let mut faulty = self.faulty.iter().filter(stands).peekable();
        let unusable = !self.unusable.is_empty() && self.rules.on_fault == OnFault::Stop;
        (unusable || faulty.peek().is_some()).then(|| faulty.flat_map(ahead).collect())
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
        let lanes = self.lanes.open_lanes(start.entry);
        let ends = lanes.filter(|lane| self.lanes.barrier_behind(*lane, start.entry));
        let doomed = ends.filter_map(context_of).collect();
        let task = self.lanes.task_mut(start.entry)?;
        task.attempts = task.attempts.saturating_add(1);
        let failure = task.fault.as_ref().map(|fault| &fault.failure);
        let last_fault = failure.map(|f| (f.text.clone(), f.exception_id.clone()));
        Some(match &task.what {
            What::Look(mark, repair) => Job::Look {
                mark: mark.clone(),
                suspect: task.suspect.contains(&start.lane),
                repair: *repair,
            },
            What::Item(item) => Job::Item {
                name: task.name.clone(),
                digest: item.digest,
                context: context_of(start.lane),
                sole: start.sole,
                contexts: item.contexts.iter().copied().collect(),
                attempt: task.attempts,
                suspect: task.suspect.contains(&start.lane),
                maybe_begun: task.maybe_begun(),
                doomed,
                last_fault,
                earlier: item.earlier.clone(),
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
        self.probe_with_another();
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
            Ended::Done { applied, heard, why, held } => {
                if heard {
                    self.ox_answered();
                } else {
                    self.probe_with_another();
                }
                if !held.is_empty() {
                    self.wait_for_members(start, held);
                }
                self.parking.went_through(start.lane);
                let context = matches!(self.lanes.task(start.entry).map(|task| &task.what),
                    Some(What::Item(item)) if item.kind == ObjectKind::Context);
                self.part_done(start, job, applied, why, ctx);
                self.try_cured(start.lane, context);
            }
            Ended::Withdrawn => {
                self.probe_with_another();
                self.lanes.stop(start.entry, start.lane);
                if let Some(task) = self.take_out(start.entry) {
                    self.dropped(task, ctx);
                }
            }
            Ended::Rewritten => {
                self.probe_with_another();
                self.lanes.stop(start.entry, start.lane);
                if let Some(task) = self.take_out(start.entry) {
                    info!(item.name = %task.name, "the queue file was changed by hand and is read again");
                    self.read_for(task, ctx);
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
                let pending = Change::SetFate { item: item.clone(), fate: Fate::Pending };
                self.remember(vec![Change::ClearFault { item }, pending], ctx);
            }
        }
        let Some(task) = self.lanes.task(start.entry) else { return };
        let (name, applied, why) = (task.name.clone(), task.applied, task.why);
        let (object, look) = match &task.what {
            What::Item(item) => (Some(item.object.clone()), None),
            What::Look(mark, repair) => (None, Some((mark.clone(), *repair))),
        };
        let is_item = object.is_some();
        let last = self.lanes.open_lanes(start.entry).count() <= 1;
        if is_item && last && !start.sole {
            // The last of several parts: the item's end becomes durable on its own.
            self.close_item(start, job, applied, why, ctx);
            return;
        }
        if !self.lanes.done(start.entry, start.lane) {
            if !self.lanes.is_parked(start.entry) {
                self.unpark(start.entry);
            }
            return;
        }
        if let Some((mark, repair)) = &look {
            self.look_left(start.entry, mark, *repair);
            self.counts.looked_again += 1;
            return;
        }
        if let Some(object) = &object {
            self.item_left(start.entry, object);
        }
        debug!(item.name = %name, applied, why, "item done");
        self.item_through(job, applied, ctx);
    }

    /// The item is durable, and with it those in whose place it was done: their files go, unless one
    /// was written anew meanwhile.
    fn item_through(&mut self, job: &Job, applied: bool, ctx: &mut Context<Self>) {
        let Job::Item { name, earlier, .. } = job else { return };
        if applied {
            self.counts.applied += 1;
        } else {
            self.counts.no_op += 1;
        }
        for item in earlier {
            self.counts.superseded += 1;
            self.names.remove(&item.name);
            match self.rewritten.remove(&item.name) {
                // Whatever it says now, it is the older one.
                Some(Arrival { name: item, digest, file }) => {
                    let by = name.clone();
                    self.counts.taken_in += 1;
                    self.overtaken(item, digest, file.ok().as_ref(), by, ctx);
                }
                None => self.ack(&item.name),
            }
        }
        self.names.remove(name);
        give_back(&mut self.names);
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
            What::Look(..) => None,
        });
        let file = match self.env.queue.read(name) {
            Ok(Some(bytes)) => {
                let file = QueueFile::parse(&bytes).ok();
                file.map(|file| self.env.index.identify(file))
            }
            Ok(None) | Err(_) => None,
        };
        let Some(file) = file else {
            // Removed just now; all its parts are done.
            if let Some(task) = self.lanes.task(start.entry) {
                let no_op = || Fate::NoOp { reason: why.to_owned() };
                let fate = if applied { Fate::Applied } else { no_op() };
                let mut ends = superseded(&self.env, job, object.as_ref());
                let outcome = task.outcome(fate, self.env.clock.now_ms());
                ends.extend(outcome.map(Change::End));
                self.remember(ends, ctx);
            }
            self.lanes.done(start.entry, start.lane);
            if let Some(object) = object {
                self.item_left(start.entry, &object);
            }
            self.item_through(job, applied, ctx);
            return;
        };
        let scope = self.env.policy.scope.clone();
        let seen = scope.see(&file, self.env.index.fixed(&file.id));
        // What stays as it is stays remembered, too.
        let known = self.env.index.known(&file.id).is_some() && seen.fixed.is_none();
        let commit = closing(&self.env, job, &seen.file, known, applied, why);
        let members = match whoever(&self.env, &file) {
            Ok(members) => members,
            Err(failure) => {
                self.lanes.stop(start.entry, start.lane);
                return self.break_down(failure.text);
            }
        };
        let coverage =
            Some(Coverage { members, contexts: contexts.clone(), ..Coverage::of(&file.id) });
        self.running += 1;
        let recorded = self.env.recorder.record(commit, coverage).into_actor(self);
        let (start, job) = (start.clone(), job.clone());
        ctx.spawn(recorded.map(move |recorded, actor, ctx| {
            actor.running -= 1;
            match recorded {
                Ok(()) => {
                    actor.lanes.done(start.entry, start.lane);
                    actor.item_left(start.entry, &file.id);
                    actor.item_through(&job, applied, ctx);
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

    /// A group or account was written without members whose items are set aside.
    fn wait_for_members(&mut self, start: &Start, held: Vec<ObjectId>) {
        let object = match self.lanes.task(start.entry).map(|task| &task.what) {
            Some(What::Item(item)) => item.object.clone(),
            Some(What::Look(mark, _)) => mark.object.clone(),
            None => return,
        };
        if let Some(context) = context_of(start.lane) {
            self.wait_for(&Mark { object, context }, held);
        }
    }

    /// No timer brings another attempt at an entry any more.
    pub(super) fn clear_timer(&mut self, entry: EntryId) {
        self.timed.remove(&entry);
        if let Some(task) = self.lanes.task_mut(entry) {
            (task.timer, task.next_ms) = (0, None);
        }
    }

    pub(super) fn set_timer(&mut self, entry: EntryId, pause: Duration, ctx: &mut Context<Self>) {
        self.next_timer += 1;
        let timer = self.next_timer;
        let pause_ms = i64::try_from(pause.as_millis()).unwrap_or(i64::MAX);
        let next_ms = self.env.clock.now_ms().saturating_add(pause_ms);
        if let Some(task) = self.lanes.task_mut(entry) {
            task.timer = timer;
            task.next_ms = Some(next_ms);
            self.timed.insert(entry);
        }
        ctx.run_later(pause, move |actor, ctx| {
            let Some(task) = actor.lanes.task_mut(entry).filter(|task| task.timer == timer) else {
                return;
            };
            (task.timer, task.next_ms) = (0, None);
            actor.timed.remove(&entry);
            actor.try_again(entry);
            actor.pump(ctx);
            actor.settle(ctx);
        });
    }
}
