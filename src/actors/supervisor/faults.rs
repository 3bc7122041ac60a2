//! What follows from a fault: whose it is, when to try again, what people are told.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::time::Duration;

use actix::prelude::*;
use rand::Rng;
use tracing::{error, info, warn};

use super::breaker::Order;
use super::parking::Parked;
use super::remembered::context_of;
use super::{FaultyItem, OnFault, Supervisor, Task, Until, What};
use crate::hints;
use crate::lanes::{EntryId, Lane, Start};
use crate::model::{ContextId, Fate, ParkReason};
use crate::ox::{Account, guest_in_the_way, server_setting};
use crate::provision::Failure;
use crate::redact::without_addresses;
use crate::retry::{Backoff, Verdict};
use crate::store::{Change, fingerprint};

/// A pause that is asked for by `Retry-After` is kept up to this. A page that asks for hours was not
/// written for a service that has work waiting.
const LONGEST_ASKED: Duration = Duration::from_secs(300);

/// A lasting fault that is not cured.
#[derive(Debug)]
pub(super) struct Standing {
    pub(super) failure: Failure,
    /// Where it was met.
    pub(super) lane: Lane,
    /// What it has in common with faults of the same cause.
    pub(super) fingerprint: String,
    /// When the first of the item's attempts failed.
    pub(super) first_ms: i64,
    /// It was met by an earlier run; in this one the item was not tried yet.
    pub(super) remembered: bool,
    /// That run had a later item of the object done instead, and has not tried it since.
    pub(super) gave_way: bool,
}

impl Supervisor {
    /// A part failed: its lane stops, for the time that its verdict says.
    pub(super) fn fault(&mut self, start: &Start, failure: &Failure, ctx: &mut Context<Self>) {
        self.counts.failures += 1;
        self.lanes.stop(start.entry, start.lane);
        let Some(task) = self.lanes.task_mut(start.entry) else { return };
        // Stays until the part is done: a later attempt may fail before it has looked.
        if failure.unknown_outcome {
            task.suspect.insert(start.lane);
        } else if failure.class == Failure::NAME_TAKEN {
            // It has looked: nothing was made under that name.
            task.suspect.remove(&start.lane);
        }
        match failure.verdict {
            Verdict::Outage => {
                self.counts.failures_outage += 1;
                self.outage(start.entry, failure, ctx);
            }
            Verdict::Busy => {
                self.counts.failures_busy += 1;
                task.busy += 1;
                let tries = NonZeroU32::new(task.busy).unwrap_or(NonZeroU32::MIN);
                if tries >= self.rules.busy_attempts {
                    self.lasting(start, failure, ctx);
                } else {
                    // Nobody's fault, so it is no attempt either.
                    task.attempts = task.attempts.saturating_sub(1);
                    let name = task.name.clone();
                    let pause = self.pause(&self.rules.busy.clone(), tries);
                    info!(item.name = %name, lane = %start.lane, delay_ms = millis(pause),
                          fault = without_addresses(&failure.text), "OX wants a moment; the item is tried again");
                    self.set_timer(start.entry, pause, ctx);
                }
                self.ox_answered();
            }
            Verdict::Lasting => {
                if failure.missing_key.is_none() {
                    self.ox_answered();
                } else {
                    self.probe_with_another();
                }
                self.lasting(start, failure, ctx);
            }
        }
    }

    fn outage(&mut self, entry: EntryId, failure: &Failure, ctx: &mut Context<Self>) {
        self.waiting_for_ox.insert(entry);
        if let Some(task) = self.lanes.task_mut(entry) {
            task.attempts = task.attempts.saturating_sub(1);
        }
        self.outage_since.get_or_insert_with(tokio::time::Instant::now);
        let Order::Pause(probe) = self.breaker.outage(&failure.text) else { return };
        let asked = failure.retry_after.unwrap_or_default().min(LONGEST_ASKED);
        let pause = self.pause(&self.rules.outage.clone(), probe).max(asked);
        if probe == NonZeroU32::MIN {
            self.counts.outages += 1;
            error!(
                fault = without_addresses(&failure.text),
                delay_ms = millis(pause),
                "OX cannot be reached; everything waits, no item is to blame, and drover asks \
                    again by itself"
            );
        } else {
            warn!(
                fault = without_addresses(&failure.text),
                attempt = probe,
                delay_ms = millis(pause),
                "OX still cannot be reached"
            );
        }
        ctx.run_later(pause, |actor, ctx| {
            actor.breaker.pause_over();
            // Any one of those that wait is a good probe, if it can start.
            while actor.breaker.wants_probe() {
                let Some(entry) = actor.waiting_for_ox.pop_first() else { break };
                actor.lanes.wake(entry);
                actor.pump(ctx);
            }
            actor.pump(ctx);
        });
    }

    fn lasting(&mut self, start: &Start, failure: &Failure, ctx: &mut Context<Self>) {
        let now = self.env.clock.now_ms();
        let fingerprint = fingerprint(&failure.class, &failure.text);
        let Some(task) = self.lanes.task_mut(start.entry) else { return };
        task.fault = Some(Box::new(Standing {
            failure: failure.clone(),
            lane: start.lane,
            fingerprint: fingerprint.clone(),
            first_ms: task.fault.as_ref().map_or(now, |earlier| earlier.first_ms),
            remembered: false,
            gave_way: false,
        }));
        self.faulty.insert(start.entry);
        let attempts = task.attempts.max(1);
        let here = attempts.saturating_sub(task.earlier_attempts);
        let name = task.name.clone();
        let (object, kind) = match &task.what {
            What::Item(item) => (item.object.clone(), item.kind.to_string()),
            What::Look(mark, _) => (mark.object.clone(), "members".to_owned()),
        };
        let context = match start.lane {
            Lane::Context(context) => Some(context.0),
            Lane::Directory => None,
        };
        let behind = self.lanes.depth(start.lane).saturating_sub(1);
        let alike = Some(self.contexts_with(&fingerprint)).filter(|contexts| *contexts > 1);
        let company = alike.map_or_else(String::new, |contexts| {
            format!(" It is one of {contexts} contexts that stand still for the same reason.")
        });
        let advice = self.advice(name.as_str(), failure);
        let hint = hints::kind_of(Some(&failure.class), &failure.text).code;
        // A run that is to end counts its own attempts only, and pauses as if they were the first.
        let (tries, over) = match self.rules.until {
            Until::Told => (attempts, false),
            Until::Empty { attempts: most, .. } => (here, here >= most.get()),
        };
        let tries = NonZeroU32::new(tries).unwrap_or(NonZeroU32::MIN);
        let pause = self.pause(&self.rules.faulty.clone(), tries);
        let parked = self.is_to_be_parked(start.lane, start.entry, failure);
        if let Some(record) = self.fault_record(start.entry) {
            let pause_ms = i64::try_from(pause.as_millis()).unwrap_or(i64::MAX);
            let next_ms = (!over).then(|| now.saturating_add(pause_ms));
            let fate = if parked {
                Fate::Parked { reason: ParkReason::Fault, note: Some(record.text.clone()) }
            } else {
                Fate::Faulty { attempts: record.attempts, next_ms }
            };
            let faulty = Change::SetFate { item: record.item.clone(), fate };
            self.remember(vec![Change::PutFault(record), faulty], ctx);
        }
        if self.replaced_by_later(start.entry, ctx) {
            return;
        }
        if parked {
            let reason = Parked { reason: ParkReason::Fault, note: Some(failure.text.clone()) };
            self.park(start.entry, Some(start.lane), reason);
            error!(item.name = %name, lane = %start.lane, context.id = context, object.id = %object,
                   object.kind = kind, fault = without_addresses(&failure.text),
                   fault.class = failure.class, hint.code = hint, exception.id = failure.exception_id.as_deref(),
                   attempt = attempts, delay_ms = (!over).then(|| millis(pause)),
                   blocked = self.lanes.blocks(start.entry).len(),
                   "a faulty item of {} is set aside, with what cannot be done without it; all else \
                    goes on. {advice}", start.lane);
        } else {
            let not_parked = match self.rules.on_fault {
                OnFault::Stop => "",
                // Whoever has asked for parking wonders why it stands still.
                OnFault::Park => {
                    " It is not set aside, because all else there would meet the same fault, or so \
                     many in a row have been refused there that it is the context's trouble."
                }
            };
            error!(item.name = %name, lane = %start.lane, context.id = context, object.id = %object,
                   object.kind = kind, fault = without_addresses(&failure.text),
                   fault.class = failure.class, hint.code = hint, exception.id = failure.exception_id.as_deref(),
                   attempt = attempts, delay_ms = (!over).then(|| millis(pause)), waiting = behind,
                   contexts.alike = alike,
                   "{} stands still at a faulty item.{not_parked}{company} {advice}", start.lane);
        }
        if over {
            if let Some(task) = self.lanes.task_mut(start.entry) {
                task.given_up = true;
            }
        } else if crate::planted::old_over_new() && self.take_out(start.entry).is_some() {
            ctx.run_later(pause, move |actor, ctx| actor.read_again(name, ctx));
        } else {
            self.set_timer(start.entry, pause, ctx);
        }
    }

    /// How many contexts stand still at items with faults of that fingerprint, which were met in
    /// this run.
    fn contexts_with(&self, fingerprint: &str) -> usize {
        let mut contexts: BTreeSet<ContextId> = BTreeSet::new();
        for entry in &self.faulty {
            let fault = self.lanes.task(*entry).and_then(|task| task.fault.as_ref());
            let Some(fault) = fault.filter(|f| !f.remembered && f.fingerprint == fingerprint)
            else {
                continue;
            };
            // An item that is just tried again stands still until it is through.
            let lanes = self.lanes.stopped_lanes(*entry).chain([fault.lane]);
            contexts.extend(lanes.filter_map(context_of));
        }
        contexts.len()
    }

    /// Whether an item's fault is not cured by a part that was done in its lane: it was met in
    /// another one.
    pub(super) fn stands_elsewhere(&self, start: &Start) -> bool {
        let fault = self.lanes.task(start.entry).and_then(|task| task.fault.as_ref());
        let open = |lane: Lane| self.lanes.open_lanes(start.entry).any(|open| open == lane);
        self.lanes.is_stopped(start.entry)
            || fault.is_some_and(|f| !start.sole && f.lane != start.lane && open(f.lane))
    }

    fn pause(&mut self, backoff: &Backoff, attempt: NonZeroU32) -> Duration {
        backoff.pause(attempt, self.rng.random_range(0.0..1.0))
    }

    /// What to do about a fault, for people.
    pub(super) fn advice(&self, item: &str, failure: &Failure) -> String {
        let drop = format!("Or remove {}/{item} to drop this item", self.queue_place);
        if failure.class == Failure::NO_CONTEXT {
            // No key would help, also if there is none.
            return format!(
                "Provision the context's own object from the directory, which makes it, or name a \
                 context that is there in the object; drover tries again by itself. {drop}."
            );
        }
        match failure.missing_key {
            Some(Account::Context(context)) => format!(
                "Add \"{context}\" with its administrator's \"adminuser\" and \"adminpass\" to the \
                 credentials file; drover goes on by itself. {drop}."
            ),
            Some(Account::Master) => format!(
                "Add \"master\" with \"adminuser\" and \"adminpass\" to the credentials file, or set \
                 OX_MASTER_PASSWORD. {drop}."
            ),
            None if failure.class == "InvalidCredentialsException" => format!(
                "Check the administrator's name and password in the credentials file, and that the \
                 context exists. {drop}."
            ),
            None if failure.class == Failure::NOT_OFFERED => format!(
                "Update OX, or set mapping.shared_accounts=false [OX_ENABLE_SHARED_ACCOUNT] to do without \
                 shared accounts; drover tries again by itself. {drop}."
            ),
            None if guest_in_the_way(&failure.text) => format!(
                "A guest has the user's address: delete the guest in OX, or update OX to 8.36.36 or \
                 later, which makes guests into users; drover tries again by itself. {drop}."
            ),
            None => {
                let cause = server_setting(&failure.text).map_or_else(
                    || "the cause right in OX".to_owned(),
                    |setting| format!("set {setting} in OX"),
                );
                format!(
                    "Put the object right in the directory or {cause}; drover tries again by itself. \
                     {drop}."
                )
            }
        }
    }

    pub(super) fn faulty_item(&self, entry: EntryId, task: &Task) -> Option<FaultyItem> {
        let fault = task.fault.as_ref()?;
        let failure = &fault.failure;
        let mut lanes = self.lanes.open_lanes(entry);
        let first = lanes.next()?;
        let lane = lanes.find(|lane| *lane == fault.lane).unwrap_or(first);
        let (object, kind) = match &task.what {
            What::Item(item) => (item.object.to_string(), item.kind.to_string()),
            What::Look(mark, _) => (mark.object.to_string(), "members".to_owned()),
        };
        let parked = self.parking.parked.contains_key(&entry);
        Some(FaultyItem {
            item: task.name.to_string(),
            lane: lane.to_string(),
            object: Some(object),
            kind: Some(kind),
            context: context_of(lane).map(|context| context.0),
            class: failure.class.clone(),
            fault: failure.text.clone(),
            exception_id: failure.exception_id.clone(),
            attempts: task.attempts,
            since_ms: fault.first_ms,
            behind: if parked {
                self.lanes.blocks(entry).len()
            } else {
                self.lanes.depth(lane).saturating_sub(1)
            },
            parked,
            advice: self.advice(task.name.as_str(), failure),
        })
    }
}

fn millis(pause: Duration) -> u64 {
    u64::try_from(pause.as_millis()).unwrap_or(u64::MAX)
}
