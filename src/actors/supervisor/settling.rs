//! What is shown of it all, and when the engine comes to its end.

use std::sync::Arc;

use actix::prelude::*;
use tracing::{debug, warn};

use super::breaker::Breaker;
use super::{HIGH_WATER, Report, Supervisor, Task, Until, UnusableFile};
use crate::actors::intake::Close;
use crate::actors::status::FaultyItem;
use crate::store::HoldScope;

impl Supervisor {
    /// Says aloud that work piles up; nothing is dropped and the source is not held back.
    pub(super) fn watch_the_water(&mut self) {
        let pending = self.lanes.len();
        if pending >= self.water_mark {
            warn!(pending, "items pile up in the queue; all of them are kept and done in order");
            self.water_mark = pending.saturating_mul(2);
        } else if pending < HIGH_WATER / 2 {
            self.water_mark = HIGH_WATER;
        }
    }

    pub(super) fn publish(&mut self) {
        let mut snapshot = self.counts.clone();
        snapshot.pending = self.lanes.len();
        snapshot.active = self.lanes.active();
        snapshot.running = self.running;
        snapshot.recording = self.recording;
        snapshot.actors = self.actors.len();
        snapshot.read = !self.reading;
        snapshot.outage = self.breaker.reason().map(str::to_owned);
        snapshot.faulty = self.faulty_items();
        snapshot.parked = self.parking.parked.len();
        snapshot.blocked = self.parking.blocked();
        snapshot.holds = self.holds.keys().map(ToString::to_string).collect();
        self.snapshot.send_replace(Arc::new(snapshot));
    }

    pub(super) fn faulty_items(&self) -> Vec<FaultyItem> {
        let unusable = self.unusable.iter().map(|(name, UnusableFile { fault, .. })| FaultyItem {
            item: name.to_string(),
            lane: "no lane".to_owned(),
            object: None,
            kind: None,
            context: None,
            class: fault.class.clone(),
            fault: fault.text.clone(),
            exception_id: None,
            attempts: fault.attempts,
            since_ms: fault.first_ms,
            behind: 0,
            parked: false,
            advice: format!("correct the file, or remove {}/{name}", self.queue_place),
        });
        let mut faulty: Vec<FaultyItem> = self
            .faulty
            .iter()
            .filter_map(|entry| Some((*entry, self.lanes.task(*entry)?)))
            .filter_map(|(entry, task)| self.faulty_item(entry, task))
            .collect();
        faulty.sort_by(|a, b| a.item.cmp(&b.item));
        unusable.chain(faulty).collect()
    }

    /// Ends the engine if its time has come.
    pub(super) fn settle(&mut self, ctx: &mut Context<Self>) {
        let over = if self.draining || self.broken.is_some() {
            self.running == 0
        } else {
            match self.rules.until {
                Until::Told => false,
                Until::Empty { outage, .. } => {
                    let down = self.outage_since.is_some_and(|since| since.elapsed() >= outage);
                    !self.reading
                        && self.running == 0
                        && (down || self.lanes.is_empty() || self.nothing_moves())
                }
            }
        };
        if over && self.recording == 0 && !self.marks_are_left(ctx) {
            self.end(ctx);
        }
    }

    /// Marks that became durable just now and whose news is still on its way.
    pub(super) fn marks_are_left(&mut self, ctx: &mut Context<Self>) -> bool {
        if self.draining || self.broken.is_some() || !self.lanes.is_empty() {
            return false;
        }
        match self.env.store.marks() {
            Ok(marks) if marks.is_empty() => false,
            Ok(marks) => {
                for mark in marks {
                    self.add_look(mark);
                }
                self.pump(ctx);
                true
            }
            Err(problem) => {
                self.break_down(problem.to_string());
                false
            }
        }
    }

    /// Whether all that is left stands still for good.
    pub(super) fn nothing_moves(&self) -> bool {
        let held = self.holds.contains_key(&HoldScope::Target) || self.stop_scope_holds();
        self.breaker == Breaker::Closed && self.timed.is_empty() && (held || !self.lanes.is_awake())
    }

    /// Ends once intake has removed all that is done.
    pub(super) fn end(&mut self, ctx: &mut Context<Self>) {
        if std::mem::replace(&mut self.ending, true) {
            return;
        }
        let Some(intake) = self.intake.clone() else {
            self.report(ctx);
            return;
        };
        let closed = intake.send(Close).into_actor(self);
        ctx.spawn(closed.map(|_, actor, ctx| actor.report(ctx)));
    }

    /// See [`Report::sure`].
    fn is_sure(&self) -> bool {
        let unsure = |task: &Task| !task.suspect.is_empty() || task.maybe_begun();
        self.broken.is_none()
            && self.running == 0
            && self.recording == 0
            && self.doubted_looks.is_empty()
            && !self.lanes.tasks().any(|(_, task)| unsure(task))
    }

    pub(super) fn report(&mut self, ctx: &mut Context<Self>) {
        self.publish();
        if let Some(ended) = self.ended.take() {
            let snapshot = (**self.snapshot.borrow()).clone();
            let report = Report { snapshot, broken: self.broken.clone(), sure: self.is_sure() };
            if ended.send(report).is_err() {
                debug!("nobody waits for the report");
            }
        }
        ctx.stop();
    }
}
