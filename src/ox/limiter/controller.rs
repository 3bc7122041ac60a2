//! Finds the limit. Pure: times are told, as durations since any fixed moment; nothing is random.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::time::Duration;

use super::classes::{Class, Classes};
use super::window::Window;

/// Where the search starts.
const START: usize = 2;
/// What is left of the limit after trouble.
const LESS: f64 = 0.7;
/// Two rates of work that differ by less than this share are equal, and the lower limit is better.
const EQUAL: f64 = 0.05;
/// Work that falls to this share of what the same limit gave, or rises to its inverse: OX is another
/// than it was.
const ANOTHER: f64 = 0.6;
/// Work that surely falls below this share of the best: no need to wait for the window's end.
const COLLAPSE: f64 = 0.5;
/// So many calls without trouble in between make two troubles unrelated.
const SOON: u64 = 400;
/// The longest rest between looks at other limits, in windows.
const MOST_PATIENCE: u32 = 16;
/// What was learnt about a limit so many windows ago is not known any more.
const STALE: u64 = 64;
/// A single call counts as at most so many times what was to be expected, so that one that waited
/// for a lock does not make a whole window slow.
const OUTLIER: f64 = 10.0;
/// Beyond this slowdown (or below its inverse) the measure is set anew.
const RESCALE: f64 = 4.0;

/// Between which limits to search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The highest.
    pub cap: NonZeroUsize,
    /// Whether to search at all; if not, the cap is the limit.
    pub adaptive: bool,
}

/// How a call ended, as far as the limit is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// OX answered; the time it took counts.
    Answered,
    /// OX was busy, deadlocked, or let the deadline pass.
    Trouble,
    /// It says nothing about OX's load: never sent, connection lost, given up by the caller.
    Other,
}

/// A call under way.
#[derive(Debug, Clone, Copy)]
pub struct Begun(Duration);

/// Why the limit changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It is used to the full; perhaps more is better.
    Growth,
    /// OX was busy, deadlocked, or let a deadline pass.
    Trouble,
    /// OX has become slow.
    Slow,
    /// Perhaps less is as good.
    Less,
    /// This one has proved best.
    Best,
    /// Somebody has set it.
    Ordered,
}

/// A change of the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// The limit before.
    pub from: usize,
    /// The limit now.
    pub to: usize,
    /// Why.
    pub why: Why,
}

/// What the search is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Going up as long as that gives more.
    Up,
    /// Going down as long as that gives no less.
    Down,
    /// Staying for so many windows.
    Rest(u32),
}

/// What a limit has given.
#[derive(Debug, Clone, Copy)]
struct Known {
    work: f64,
    windows: u32,
    /// Number of the last window at that limit.
    seen: u64,
}

/// See the module's description, and that of the limiter.
#[derive(Debug)]
pub struct Controller {
    bounds: Bounds,
    limit: usize,
    in_flight: usize,
    phase: Phase,
    patience: u32,
    window: Window,
    /// Windows so far.
    windows: u64,
    known: BTreeMap<usize, Known>,
    classes: Classes,
    /// Slowdown of the last window.
    slowdown: f64,
    /// Calls that began before this met a limit that has been lowered since.
    lowered: Option<Duration>,
    /// Calls answered since the last trouble.
    calm: u64,
    increases: u64,
    decreases: u64,
}

impl Controller {
    /// Starts at 2, or at the cap if that is lower or there is nothing to search.
    pub fn new(bounds: Bounds) -> Self {
        let cap = bounds.cap.get();
        Self {
            bounds,
            limit: if bounds.adaptive { START.min(cap) } else { cap },
            in_flight: 0,
            phase: Phase::Up,
            patience: 1,
            window: Window::new(Duration::ZERO),
            windows: 0,
            known: BTreeMap::new(),
            classes: Classes::default(),
            slowdown: 1.0,
            lowered: None,
            calm: 0,
            increases: 0,
            decreases: 0,
        }
    }

    /// Stays at this limit from now on: nothing is searched any more.
    pub fn fix(&mut self, now: Duration, limit: NonZeroUsize) -> Option<Change> {
        self.bounds = Bounds { cap: limit, adaptive: false };
        self.move_to(now, limit.get(), Why::Ordered)
    }

    /// Calls that may be under way at once; at least 1, at most the cap.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// The highest limit there can be.
    pub fn cap(&self) -> usize {
        self.bounds.cap.get()
    }

    /// Calls under way.
    pub fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// How often the limit grew.
    pub fn increases(&self) -> u64 {
        self.increases
    }

    /// How often it was lowered because of trouble or slowness.
    pub fn decreases(&self) -> u64 {
        self.decreases
    }

    /// A call begins.
    pub fn begun(&mut self, now: Duration) -> Begun {
        self.window.passes(now, self.in_flight);
        self.in_flight += 1;
        Begun(now)
    }

    /// A call has ended. Tells if the limit is another one now.
    pub fn ended(&mut self, now: Duration, call: Begun, class: Class, end: End) -> Option<Change> {
        self.window.passes(now, self.in_flight);
        self.in_flight = self.in_flight.saturating_sub(1);
        if self.in_flight >= self.limit {
            // More are under way than the limit allows now; what that gives is not its doing.
            self.window = Window::new(now);
        }
        // One is no limit to search, and a fixed one is none either.
        if !self.bounds.adaptive || self.cap() == 1 {
            return None;
        }
        match end {
            End::Other => None,
            End::Trouble => self.trouble(now, call),
            End::Answered => self.answered(now, call, class),
        }
    }

    /// One burst counts once: what began under an earlier limit says nothing about this one.
    fn trouble(&mut self, now: Duration, call: Begun) -> Option<Change> {
        if self.lowered.is_some_and(|lowered| call.0 < lowered) {
            return None;
        }
        let calm = std::mem::take(&mut self.calm);
        let less = share(self.limit, LESS);
        // What is above has met trouble, whatever it gave before.
        self.known.retain(|limit, _| *limit <= less);
        // Trouble that comes again soon comes from the limit; what comes rarely may have any cause,
        // such as a foreign writer in one context.
        if calm > SOON {
            self.patience = 1;
        }
        let rest = self.next_patience();
        self.phase = Phase::Rest(rest);
        self.lower(now, less, Why::Trouble)
    }

    fn answered(&mut self, now: Duration, call: Begun, class: Class) -> Option<Change> {
        self.calm += 1;
        let took = now.saturating_sub(call.0).as_secs_f64();
        let usual = self.classes.usual(class, took, self.slowdown)?;
        if call.0 < self.window.began {
            return None;
        }
        let most = OUTLIER * usual * self.slowdown.max(1.0);
        self.window.add(took.min(most), usual);
        let limit = float(self.limit);
        if let (Some(best), Some(slow)) = (self.best(), self.window.surely_slower_than(limit))
            && slow > limit / (COLLAPSE * best)
        {
            return self.collapsed(now);
        }
        if !self.window.is_full(limit) {
            return None;
        }
        let (work, slowdown) = (self.window.work(limit), self.window.slowdown());
        let Some(work) = work else {
            self.window = Window::new(now);
            return None;
        };
        self.slowdown = slowdown;
        self.windows += 1;
        let change = self.judge(now, work);
        if !(1.0 / RESCALE..=RESCALE).contains(&self.slowdown) {
            self.rescale();
        }
        self.window = Window::new(now);
        change
    }

    /// The present limit gives far less than the best did.
    fn collapsed(&mut self, now: Duration) -> Option<Change> {
        self.slowdown = self.window.slowdown();
        self.windows += 1;
        let knee = self.knee();
        if self.known.contains_key(&self.limit) || knee >= self.limit {
            return self.another(now);
        }
        // A step too far.
        let rest = self.next_patience();
        self.phase = Phase::Rest(rest);
        self.lower(now, knee, Why::Slow)
    }

    /// OX has become slower: what was known is so no longer.
    fn another(&mut self, now: Duration) -> Option<Change> {
        self.known.clear();
        self.patience = 1;
        self.phase = Phase::Down;
        self.lower(now, share(self.limit, 0.5), Why::Slow)
    }

    /// A window at the present limit is over.
    fn judge(&mut self, now: Duration, work: f64) -> Option<Change> {
        let (windows, limit) = (self.windows, self.limit);
        self.known.retain(|_, known| windows - known.seen <= STALE);
        if let Some(known) = self.known.get(&limit) {
            let now_to_then = work / known.work;
            if now_to_then < ANOTHER {
                let change = self.another(now);
                self.note(limit, work);
                return change;
            }
            if now_to_then > 1.0 / ANOTHER {
                self.known.clear();
                self.patience = 1;
                self.phase = Phase::Up;
            }
        }
        self.note(limit, work);
        let knee = self.knee();
        match self.phase {
            Phase::Up if knee == limit => {
                self.patience = 1;
                self.probe(now, true)
            }
            Phase::Down if knee == limit && limit > 1 => {
                self.patience = 1;
                self.move_to(now, share(limit, LESS), Why::Less)
            }
            Phase::Up | Phase::Down => self.settle(now, knee),
            Phase::Rest(_) if knee != limit => self.settle(now, knee),
            Phase::Rest(rest) if rest > 1 => {
                self.phase = Phase::Rest(rest - 1);
                None
            }
            // What is below is looked at first, and only if it is not known.
            Phase::Rest(_) => {
                let below_known = limit == 1 || self.known.contains_key(&(limit - 1));
                self.probe(now, below_known)
            }
        }
    }

    fn probe(&mut self, now: Duration, up: bool) -> Option<Change> {
        let limit = self.limit;
        if up {
            let more = (limit + limit.div_ceil(8)).min(self.cap());
            if more == limit {
                self.phase = Phase::Rest(MOST_PATIENCE);
                return None;
            }
            self.phase = Phase::Up;
            self.move_to(now, more, Why::Growth)
        } else {
            self.phase = Phase::Down;
            self.move_to(now, limit.saturating_sub(1).max(1), Why::Less)
        }
    }

    fn settle(&mut self, now: Duration, knee: usize) -> Option<Change> {
        let rest = self.next_patience();
        self.phase = Phase::Rest(rest);
        self.move_to(now, knee, Why::Best)
    }

    fn next_patience(&mut self) -> u32 {
        let rest = self.patience;
        self.patience = (rest * 2).min(MOST_PATIENCE);
        rest
    }

    fn note(&mut self, limit: usize, work: f64) {
        let seen = self.windows;
        let known = self.known.entry(limit).or_insert(Known { work, windows: 0, seen });
        known.windows = (known.windows + 1).min(4);
        known.work += (work - known.work) / f64::from(known.windows);
        known.seen = seen;
    }

    /// The most work that any limit gives.
    fn best(&self) -> Option<f64> {
        self.known.values().map(|known| known.work).max_by(f64::total_cmp)
    }

    /// The lowest limit that gives about as much as any.
    fn knee(&self) -> usize {
        let best = self.best().unwrap_or(0.0);
        let good = |known: &Known| known.work >= (1.0 - EQUAL) * best;
        self.known.iter().find(|(_, known)| good(known)).map_or(self.limit, |(limit, _)| *limit)
    }

    fn lower(&mut self, now: Duration, to: usize, why: Why) -> Option<Change> {
        self.lowered = Some(now);
        self.decreases += 1;
        self.move_to(now, to, why)
    }

    fn move_to(&mut self, now: Duration, to: usize, why: Why) -> Option<Change> {
        let from = std::mem::replace(&mut self.limit, to);
        self.window = Window::new(now);
        if to > from {
            self.increases += 1;
        }
        (from != to).then_some(Change { from, to, why })
    }

    /// Sets the measure anew, so that the present load is 1.
    fn rescale(&mut self) {
        self.classes.rescale(self.slowdown);
        for known in self.known.values_mut() {
            known.work *= self.slowdown;
        }
        self.slowdown = 1.0;
    }
}

#[expect(clippy::cast_precision_loss, reason = "limits are small")]
fn float(limit: usize) -> f64 {
    limit as f64
}

/// A share of a limit, rounded down, at least 1.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of a small positive number"
)]
fn share(limit: usize, share: f64) -> usize {
    ((float(limit) * share) as usize).max(1)
}
