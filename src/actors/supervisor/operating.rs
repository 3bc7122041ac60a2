//! Carrying out an operator's orders.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use actix::prelude::*;
use futures_util::future::BoxFuture;
use tracing::info;

use super::parking::Parked;
use super::remembered::context_of;
use super::{Supervisor, Task, What};
use crate::actors::operator::{
    Again, Filter, ItemView, Operate, Order, OrderError, Outcome, Which,
};
use crate::lanes::{EntryId, Lane};
use crate::model::object::DirectoryObject;
use crate::model::{ContextId, Fate, ItemName, ObjectId, ParkReason};
use crate::store::{
    Change, Commit, Hold, HoldScope, ItemOutcome, Mark, OperatorAct, StoreError, Verb,
};

/// Something an operator can name: a pending entry, or a file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Named {
    Entry(EntryId),
    Unusable,
}

/// What an order has done: what to make durable, which files to remove then, what to answer.
pub(super) struct Carried {
    pub(super) commit: Commit,
    acks: Vec<ItemName>,
    pub(super) outcome: Outcome,
}

impl From<Outcome> for Carried {
    fn from(outcome: Outcome) -> Self {
        Self { commit: Vec::new(), acks: Vec::new(), outcome }
    }
}

impl Handler<Operate> for Supervisor {
    type Result = ResponseActFuture<Self, Result<Outcome, OrderError>>;

    fn handle(&mut self, Operate(order): Operate, ctx: &mut Self::Context) -> Self::Result {
        if self.ending || self.broken.is_some() {
            return Box::pin(async { Err(OrderError::Ended) }.into_actor(self));
        }
        let carried = match self.carry_out(order, ctx) {
            Ok(carried) => carried,
            Err(problem) => return Box::pin(async { Err(problem) }.into_actor(self)),
        };
        let Carried { commit, acks, outcome } = carried;
        let recorded: BoxFuture<'static, _> = if commit.is_empty() {
            Box::pin(async { Ok(()) })
        } else {
            let mut all = std::mem::take(&mut self.taken);
            all.extend(commit);
            self.env.recorder.record(all, None)
        };
        self.recording += 1;
        self.pump(ctx);
        Box::pin(recorded.into_actor(self).map(move |recorded, actor, ctx| {
            actor.recorded();
            let answer = match recorded {
                Ok(()) => {
                    for item in &acks {
                        actor.ack(item);
                    }
                    Ok(outcome)
                }
                Err(problem) => {
                    actor.break_down(problem.to_string());
                    Err(OrderError::Memory(problem.to_string()))
                }
            };
            actor.settle(ctx);
            answer
        }))
    }
}

impl Supervisor {
    fn carry_out(&mut self, order: Order, ctx: &mut Context<Self>) -> Result<Carried, OrderError> {
        match order {
            Order::List(filter) => Ok(Outcome::Items(self.list(&filter)).into()),
            Order::Show(item) => {
                let named = self.named(&item)?;
                Ok(Outcome::Items(self.view(&item, &named).into_iter().collect()).into())
            }
            Order::Retry(which) => self.retry(&which, ctx),
            Order::Park { which, note } => self.park_by_order(&which, note.as_ref()),
            Order::Release { which, note } => self.release(&which, note.as_ref()),
            Order::Drop { which, note } => self.drop_by_order(&which, note.as_ref(), ctx),
            Order::Hold { scope, note } => {
                let hold = Hold { scope, note: note.clone(), since_ms: self.env.clock.now_ms() };
                info!(scope = %scope, note = note.as_deref(), "is held; what comes is collected");
                self.apply_hold(hold.clone());
                let commit = vec![Change::PutHold(hold), self.act(Verb::Hold(scope), note)];
                Ok(Carried { commit, acks: Vec::new(), outcome: Outcome::Holds(self.all_holds()) })
            }
            Order::Resume { scope, note } => {
                if self.holds.remove(&scope).is_none() {
                    return Err(OrderError::NotHeld { scope });
                }
                info!(scope = %scope, note = note.as_deref(), "goes on");
                if let HoldScope::Context(context) = scope {
                    self.lanes.resume(Lane::Context(context));
                }
                let commit = vec![Change::ClearHold(scope), self.act(Verb::Resume(scope), note)];
                Ok(Carried { commit, acks: Vec::new(), outcome: Outcome::Holds(self.all_holds()) })
            }
            Order::Holds => Ok(Outcome::Holds(self.all_holds()).into()),
            Order::Depths => Ok(Outcome::Depths(self.depths(), self.view_contexts()).into()),
            Order::Causes => Ok(Outcome::Causes(self.causes()).into()),
            Order::Contexts => Ok(Outcome::Contexts(self.view_contexts()).into()),
            Order::LookUpAgain(contexts) => Ok(self.look_up_again(contexts)),
            Order::ProvisionAgain(again) => {
                let marks = self.marks_of(&again)?;
                let commit = marks.iter().cloned().map(Change::SetRepair).collect();
                for mark in &marks {
                    self.add_repair(mark.clone());
                }
                info!(parts = marks.len(), "objects are provisioned again, as the operator asked");
                Ok(Carried { commit, acks: Vec::new(), outcome: Outcome::Again(marks) })
            }
        }
    }

    fn act(&self, verb: Verb, note: Option<String>) -> Change {
        Change::Act(OperatorAct { verb, note, at_ms: self.env.clock.now_ms() })
    }

    fn all_holds(&self) -> Vec<Hold> {
        self.holds.values().cloned().collect()
    }

    pub(super) fn apply_hold(&mut self, hold: Hold) {
        if let HoldScope::Context(context) = hold.scope {
            self.lanes.hold(Lane::Context(context));
        }
        self.holds.insert(hold.scope, hold);
    }

    fn named(&self, item: &ItemName) -> Result<Named, OrderError> {
        if let Some(entry) = self.names.get(item) {
            Ok(Named::Entry(*entry))
        } else if self.unusable.contains_key(item) {
            Ok(Named::Unusable)
        } else {
            Err(OrderError::UnknownItem { item: item.clone() })
        }
    }

    /// The items meant, by the name of each one's newest file.
    fn chosen(&self, which: &Which) -> Result<BTreeMap<ItemName, Named>, OrderError> {
        match which {
            Which::Item(item) => {
                let named = self.named(item)?;
                let active = match &named {
                    Named::Entry(entry) => self.lanes.task(*entry).map(|task| task.name.clone()),
                    Named::Unusable => None,
                };
                Ok(BTreeMap::from([(active.unwrap_or_else(|| item.clone()), named)]))
            }
            Which::All(filter) => {
                let views = self.list(filter).into_iter();
                Ok(views
                    .filter_map(|view| Some((view.item.clone(), self.named(&view.item).ok()?)))
                    .collect())
            }
        }
    }

    fn retry(&mut self, which: &Which, ctx: &mut Context<Self>) -> Result<Carried, OrderError> {
        let mut views = Vec::new();
        for (item, named) in self.chosen(which)? {
            match named {
                Named::Unusable => {
                    views.extend(self.view(&item, &named));
                    self.read_again(item, ctx);
                }
                Named::Entry(entry) => {
                    let waits = self.lanes.is_stopped(entry)
                        || self.parking.parked.contains_key(&entry)
                            && self.lanes.task(entry).is_some_and(|task| task.fault.is_some());
                    if !waits {
                        if matches!(which, Which::Item(_)) {
                            return Err(OrderError::NotFaulty { item });
                        }
                        continue;
                    }
                    views.extend(self.view(&item, &named));
                    self.clear_timer(entry);
                    self.lanes.try_parked(entry);
                    self.lanes.wake(entry);
                }
            }
        }
        Ok(Outcome::Items(views).into())
    }

    fn park_by_order(
        &mut self,
        which: &Which,
        note: Option<&String>,
    ) -> Result<Carried, OrderError> {
        let chosen = self.chosen(which)?;
        let single = matches!(which, Which::Item(_));
        let mut commit = Vec::new();
        let mut parked = Vec::new();
        for (item, named) in chosen {
            let Named::Entry(entry) = named else { continue };
            if self.lanes.running(entry) {
                if single {
                    return Err(OrderError::Running { item });
                }
                continue;
            }
            self.clear_timer(entry);
            let reason = ParkReason::Operator;
            self.park(entry, None, Parked { reason, note: note.cloned() });
            let fate = Fate::Parked { reason, note: note.cloned() };
            commit.push(Change::SetFate { item: item.clone(), fate });
            commit.push(self.act(Verb::Park(item.clone()), note.cloned()));
            parked.push((item, named));
        }
        Ok(Carried { commit, acks: Vec::new(), outcome: self.views(&parked) })
    }

    fn release(&mut self, which: &Which, note: Option<&String>) -> Result<Carried, OrderError> {
        let mut commit = Vec::new();
        let mut released = Vec::new();
        for (item, named) in self.chosen(which)? {
            let Named::Entry(entry) = named else { continue };
            if !self.parking.parked.contains_key(&entry) {
                if matches!(which, Which::Item(_)) {
                    return Err(OrderError::NotParked { item });
                }
                continue;
            }
            self.clear_timer(entry);
            self.let_through(entry);
            self.unpark(entry);
            commit.push(Change::SetFate { item: item.clone(), fate: Fate::Pending });
            commit.push(self.act(Verb::Release(item.clone()), note.cloned()));
            released.push((item, named));
        }
        Ok(Carried { commit, acks: Vec::new(), outcome: self.views(&released) })
    }

    fn drop_by_order(
        &mut self,
        which: &Which,
        note: Option<&String>,
        ctx: &mut Context<Self>,
    ) -> Result<Carried, OrderError> {
        let chosen = self.chosen(which)?;
        if let Which::Item(_) = which
            && let Some((item, Named::Entry(entry))) = chosen.first_key_value()
            && self.lanes.running(*entry)
        {
            return Err(OrderError::Running { item: item.clone() });
        }
        let reason = match note {
            Some(note) => format!("dropped by the operator: {note}"),
            None => "dropped by the operator".to_owned(),
        };
        let fate = Fate::Dropped { reason };
        let now = self.env.clock.now_ms();
        let (mut commit, mut acks, mut views, mut earlier) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (item, named) in chosen {
            let view = self.view(&item, &named);
            let outcome = match named {
                Named::Unusable => self.unusable.remove(&item).map(|file| ItemOutcome {
                    item: item.clone(),
                    digest: file.digest,
                    object: None,
                    kind: None,
                    fate: fate.clone(),
                    attempts: file.fault.attempts,
                    last_fault: Some(file.fault.text),
                    exception_id: None,
                    ended_ms: now,
                }),
                Named::Entry(entry) => self.take_out(entry).and_then(|mut task| {
                    earlier.push(task.take_earlier());
                    task.outcome(fate.clone(), now)
                }),
            };
            // One that runs is left.
            let Some(outcome) = outcome else { continue };
            self.counts.dropped += 1;
            commit.push(Change::End(outcome));
            commit.push(self.act(Verb::Drop(item.clone()), note.cloned()));
            acks.push(item);
            views.extend(view);
        }
        for earlier in earlier {
            self.bring_back(earlier, ctx);
        }
        Ok(Carried { commit, acks, outcome: Outcome::Items(views) })
    }

    fn views(&self, items: &[(ItemName, Named)]) -> Outcome {
        Outcome::Items(items.iter().filter_map(|(item, named)| self.view(item, named)).collect())
    }

    /// Pending items that fit.
    fn list(&self, filter: &Filter) -> Vec<ItemView> {
        let most = if filter.limit == 0 { usize::MAX } else { filter.limit };
        // The first ones by name, without keeping all of them in hand.
        let mut first: BinaryHeap<(ItemName, Named)> = BinaryHeap::new();
        let mut offer = |item: &ItemName, named: Named| {
            first.push((item.clone(), named));
            if first.len() > most {
                first.pop();
            }
        };
        for (entry, task) in self.lanes.tasks() {
            if self.fits(filter, entry, task) {
                offer(&task.name, Named::Entry(entry));
            }
        }
        let anywhere = filter.context.is_none() && filter.object.is_none() && filter.kind.is_none();
        for (item, file) in self.unusable.iter().filter(|_| anywhere) {
            let fault = &file.fault;
            if filter.after.as_ref().is_none_or(|after| item > after)
                && filter.among.as_ref().is_none_or(|among| among.contains(item))
                && fits_fate(filter, "faulty")
                && fits_fault(filter, &fault.class, &fault.text, &fault.fingerprint)
            {
                offer(item, Named::Unusable);
            }
        }
        let found = first.into_sorted_vec();
        found.iter().filter_map(|(item, named)| self.view(item, named)).collect()
    }

    fn fits(&self, filter: &Filter, entry: EntryId, task: &Task) -> bool {
        let What::Item(item) = &task.what else { return false };
        let here =
            |context| self.lanes.open_lanes(entry).any(|lane| lane == Lane::Context(context));
        if filter.after.as_ref().is_some_and(|after| task.name <= *after)
            || filter.among.as_ref().is_some_and(|among| !among.contains(&task.name))
            || filter.object.as_ref().is_some_and(|object| *object != item.object)
            || filter.kind.is_some_and(|kind| kind != item.kind)
            || !filter.context.is_none_or(here)
        {
            return false;
        }
        let fault = match &task.fault {
            Some(fault) => {
                let failure = &fault.failure;
                fits_fault(filter, &failure.class, &failure.text, &fault.fingerprint)
            }
            None => filter.fault.is_none() && filter.fingerprint.is_none(),
        };
        fault && (filter.fates.is_empty() || fits_fate(filter, self.fate_of(entry, task).name()))
    }

    /// What has become of an entry so far.
    pub(super) fn fate_of(&self, entry: EntryId, task: &Task) -> Fate {
        if let Some(Parked { reason, note }) = self.parking.parked.get(&entry) {
            return Fate::Parked { reason: *reason, note: note.clone() };
        }
        if let Some(by) = self.lanes.blocked_by(entry).and_then(|by| self.lanes.task(by)) {
            return Fate::Blocked { by: by.name.clone() };
        }
        match &task.fault {
            Some(_) => Fate::Faulty { attempts: task.attempts, next_ms: task.next_ms },
            None => Fate::Pending,
        }
    }

    fn view(&self, item: &ItemName, named: &Named) -> Option<ItemView> {
        let entry = match named {
            Named::Entry(entry) => *entry,
            Named::Unusable => return self.view_unusable(item),
        };
        let task = self.lanes.task(entry)?;
        let What::Item(what) = &task.what else { return None };
        let failure = task.fault.as_ref().map(|fault| &fault.failure);
        let name = |entry: &EntryId| self.lanes.task(*entry).map(|task| task.name.clone());
        Some(ItemView {
            item: task.name.clone(),
            object: Some(what.object.clone()),
            kind: Some(what.kind),
            contexts: self.lanes.open_lanes(entry).filter_map(context_of).collect(),
            fate: self.fate_of(entry, task),
            running: self.lanes.running(entry),
            attempts: task.attempts,
            class: failure.map(|failure| failure.class.clone()),
            fault: failure.map(|failure| failure.text.clone()),
            exception_id: failure.and_then(|failure| failure.exception_id.clone()),
            since_ms: task.fault.as_ref().map(|fault| fault.first_ms),
            blocks: self.lanes.blocks(entry).iter().filter_map(name).collect(),
            replaces: what.earlier.iter().map(|earlier| earlier.name.clone()).collect(),
            apart: what.apart.map(|apart| apart.to_string()),
            advice: failure.map(|failure| self.advice(task.name.as_str(), failure)),
        })
    }

    fn view_unusable(&self, item: &ItemName) -> Option<ItemView> {
        let fault = &self.unusable.get(item)?.fault;
        Some(ItemView {
            item: item.clone(),
            object: None,
            kind: None,
            contexts: Vec::new(),
            fate: Fate::Faulty { attempts: fault.attempts, next_ms: None },
            running: false,
            attempts: fault.attempts,
            class: Some(fault.class.clone()),
            fault: Some(fault.text.clone()),
            exception_id: None,
            since_ms: Some(fault.first_ms),
            blocks: Vec::new(),
            replaces: Vec::new(),
            apart: None,
            advice: Some(format!("correct the file, or remove {}/{item}", self.queue_place)),
        })
    }

    /// Where the objects meant are to be provisioned again.
    fn marks_of(&self, again: &Again) -> Result<Vec<Mark>, OrderError> {
        let memory = |problem: StoreError| OrderError::Memory(problem.to_string());
        let objects: Vec<ObjectId> = match again {
            Again::Object(object) => vec![object.clone()],
            Again::Context(context) => self.env.index.objects_in(Some(*context)),
            Again::Objects(objects, _) => objects.clone(),
            Again::All => self.env.index.objects_in(None),
        };
        let mut marks = BTreeSet::new();
        for object in objects {
            let Some(record) = self.env.store.object(&object).map_err(memory)? else {
                if matches!(again, Again::Objects(..)) {
                    continue;
                }
                return Err(OrderError::UnknownObject { object });
            };
            let mut contexts: BTreeSet<ContextId> = record.placements.keys().copied().collect();
            let parsed = record
                .properties
                .as_ref()
                .and_then(|properties| DirectoryObject::parse(record.kind, properties).ok());
            if let Some(parsed) = &parsed {
                contexts.extend(parsed.own_context());
                for member in parsed.member_dns() {
                    contexts.extend(self.router.home_of(&self.env.index, member.key()));
                }
            }
            if let Again::Context(context) | Again::Objects(_, Some(context)) = again {
                contexts.retain(|other| other == context);
            }
            marks.extend(
                contexts.into_iter().map(|context| Mark { object: object.clone(), context }),
            );
        }
        Ok(marks.into_iter().collect())
    }
}

fn fits_fate(filter: &Filter, name: &str) -> bool {
    filter.fates.is_empty() || filter.fates.contains(&name)
}

fn fits_fault(filter: &Filter, class: &str, text: &str, fingerprint: &str) -> bool {
    let words = filter.fault.as_ref().map(|words| words.to_lowercase());
    words.is_none_or(|words| {
        text.to_lowercase().contains(&words) || class.to_lowercase().contains(&words)
    }) && filter.fingerprint.as_ref().is_none_or(|print| print == fingerprint)
}
