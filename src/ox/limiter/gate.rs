//! Permits under a limit that moves.
//!
//! First come, first served, and a caller who stops waiting or drops its call leaves nothing behind.
//! When the limit shrinks below what is under way, nothing is broken off: permits that come back
//! are kept until the debt is paid.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;
use tokio::time::Instant;
use tracing::{debug, info};

use super::GateSnapshot;
use super::classes::Class;
use super::controller::{Begun, Bounds, Change, Controller, End, Why};

/// See the module's description.
#[derive(Debug)]
pub struct Gate {
    /// What it guards, for the log.
    name: &'static str,
    /// Holds the free permits.
    free: Semaphore,
    waiting: AtomicUsize,
    state: Mutex<State>,
    origin: Instant,
}

#[derive(Debug)]
struct State {
    controller: Controller,
    /// Permits that are out and must not come back.
    debt: usize,
}

impl Gate {
    /// A gate with its limit at the start. `name` says in the log what it guards.
    pub fn new(name: &'static str, bounds: Bounds) -> Self {
        let controller = Controller::new(bounds);
        Self {
            name,
            free: Semaphore::new(controller.limit().min(Semaphore::MAX_PERMITS)),
            waiting: AtomicUsize::new(0),
            state: Mutex::new(State { controller, debt: 0 }),
            origin: Instant::now(),
        }
    }

    /// Waits for a permit.
    pub async fn enter(&self) -> Permit<'_> {
        let _waiting = Waiting::new(&self.waiting);
        // The semaphore is never closed, so there is nothing but a permit to get.
        if let Ok(permit) = self.free.acquire().await {
            permit.forget();
        }
        Permit { gate: self, begun: None, end: End::Other }
    }

    /// What it is doing now.
    pub fn snapshot(&self) -> GateSnapshot {
        let state = self.lock();
        let controller = &state.controller;
        GateSnapshot {
            limit: controller.limit(),
            cap: controller.cap(),
            in_flight: controller.in_flight(),
            waiting: self.waiting.load(Ordering::Relaxed),
            increases: controller.increases(),
            decreases: controller.decreases(),
        }
    }

    /// Stays at this limit from now on.
    pub fn fix(&self, limit: NonZeroUsize) {
        let mut state = self.lock();
        let change = state.controller.fix(self.origin.elapsed(), limit);
        if let Some(change) = change {
            self.resize(&mut state, change);
        }
        drop(state);
        if let Some(change) = change {
            self.tell(change);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in there panics; if it did, a limit is still better than none.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn give_back(&self, ended: Option<(Begun, Class, End)>) {
        let mut state = self.lock();
        let change = ended.and_then(|(begun, class, end)| {
            state.controller.ended(self.origin.elapsed(), begun, class, end)
        });
        if let Some(change) = change {
            self.resize(&mut state, change);
        }
        // The permit itself.
        if state.debt > 0 {
            state.debt -= 1;
        } else {
            self.free.add_permits(1);
        }
        drop(state);
        if let Some(change) = change {
            self.tell(change);
        }
    }

    fn resize(&self, state: &mut State, change: Change) {
        if change.to >= change.from {
            let more = change.to - change.from;
            let paid = more.min(state.debt);
            state.debt -= paid;
            self.free.add_permits(more - paid);
        } else {
            let less = change.from - change.to;
            state.debt += less - self.free.forget_permits(less);
        }
    }

    fn tell(&self, Change { from, to, why }: Change) {
        let gate = self.name;
        match why {
            Why::Trouble => info!(
                gate,
                from, to, "OX is busy or late with its answers; fewer calls are made at once"
            ),
            Why::Slow => info!(gate, from, to, "OX has become slow; fewer calls are made at once"),
            Why::Growth | Why::Less | Why::Best | Why::Ordered => {
                debug!(gate, from, to, ?why, "limit of calls");
            }
        }
    }
}

/// Leave to make one call. Gives itself back when dropped.
#[derive(Debug)]
pub struct Permit<'a> {
    gate: &'a Gate,
    begun: Option<(Begun, Class)>,
    end: End,
}

impl Permit<'_> {
    /// The call is sent now. Waiting between the permit and this does not count as OX's time.
    pub fn begin(&mut self, class: Class) {
        let mut state = self.gate.lock();
        if self.begun.is_none() {
            let now = self.gate.origin.elapsed();
            self.begun = Some((state.controller.begun(now), class));
        }
    }

    /// The call has ended so; one that is just dropped tells nothing about OX.
    pub fn end(mut self, end: End) {
        self.end = end;
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let ended = self.begun.take().map(|(begun, class)| (begun, class, self.end));
        self.gate.give_back(ended);
    }
}

/// Counts one who waits, for as long as it lives.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
