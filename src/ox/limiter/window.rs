//! What the calls at one limit have shown.

use std::time::Duration;

/// A window is judged when its slowdown is known to this share (standard error)…
const PRECISION: f64 = 0.04;
/// …but neither from fewer calls than this, and two for each that may be under way…
const FEWEST: f64 = 32.0;
/// …nor after more than this, however much they differ.
const MOST: f64 = 400.0;
/// Share of the limit that must have been in use for a window to say anything about it.
const USED: f64 = 0.8;

/// Sums over the calls that began in it and have ended.
#[derive(Debug, Clone)]
pub(super) struct Window {
    pub(super) began: Duration,
    /// Until when `busy` is summed up.
    at: Duration,
    /// Seconds of calls under way, over all of them.
    busy: f64,
    calls: f64,
    took: f64,
    usual: f64,
    took_took: f64,
    took_usual: f64,
    usual_usual: f64,
}

impl Window {
    pub(super) fn new(now: Duration) -> Self {
        Self {
            began: now,
            at: now,
            busy: 0.0,
            calls: 0.0,
            took: 0.0,
            usual: 0.0,
            took_took: 0.0,
            took_usual: 0.0,
            usual_usual: 0.0,
        }
    }

    /// So many calls were under way until now.
    #[expect(clippy::cast_precision_loss, reason = "calls under way are few")]
    pub(super) fn passes(&mut self, now: Duration, in_flight: usize) {
        self.busy += now.saturating_sub(self.at).as_secs_f64() * in_flight as f64;
        self.at = self.at.max(now);
    }

    /// A call took so many seconds, where so many are usual.
    pub(super) fn add(&mut self, took: f64, usual: f64) {
        self.calls += 1.0;
        self.took += took;
        self.usual += usual;
        self.took_took += took * took;
        self.took_usual += took * usual;
        self.usual_usual += usual * usual;
    }

    /// How many times the usual time the calls took. Long calls weigh more than short ones, as they
    /// do for OX.
    pub(super) fn slowdown(&self) -> f64 {
        if self.usual > 0.0 { self.took / self.usual } else { 1.0 }
    }

    /// Standard error of [`Window::slowdown`].
    fn error(&self) -> f64 {
        let s = self.slowdown();
        let deviations = self.took_took - 2.0 * s * self.took_usual + s * s * self.usual_usual;
        if self.usual > 0.0 { deviations.max(0.0).sqrt() / self.usual } else { f64::INFINITY }
    }

    /// A slowdown that the true one most certainly exceeds; none before enough calls were seen.
    pub(super) fn surely_slower_than(&self, limit: f64) -> Option<f64> {
        let enough = self.calls >= limit.clamp(8.0, FEWEST);
        enough.then(|| self.slowdown() - 3.0 * self.error())
    }

    /// Whether enough was seen to judge.
    pub(super) fn is_full(&self, limit: f64) -> bool {
        let enough = self.calls >= FEWEST.max(2.0 * limit);
        enough && (self.calls >= MOST || self.error() <= PRECISION * self.slowdown())
    }

    /// Work done at once: as many calls as would be under way if each took its usual time. None if
    /// the limit was not used to the full, so that nothing is known about it.
    pub(super) fn work(&self, limit: f64) -> Option<f64> {
        let elapsed = self.at.saturating_sub(self.began).as_secs_f64();
        let under_way = if elapsed > 0.0 { self.busy / elapsed } else { 0.0 };
        (under_way >= USED * limit).then(|| under_way / self.slowdown())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_what_is_under_way_by_how_long_it_takes() {
        let mut window = Window::new(Duration::from_secs(5));
        window.passes(Duration::from_secs(6), 4);
        for _ in 0..20 {
            window.add(0.2, 0.1);
            window.add(2.0, 1.0);
        }
        assert!((window.slowdown() - 2.0).abs() < 1e-9);
        assert!((window.work(4.0).unwrap() - 2.0).abs() < 1e-9);
        assert!(window.is_full(4.0), "they agree, so few are enough");
        assert_eq!(window.work(6.0), None, "a limit that was not used");
    }

    #[test]
    fn calls_that_differ_much_are_watched_longer() {
        let mut window = Window::new(Duration::ZERO);
        let mut seen = 0;
        while !window.is_full(2.0) {
            window.add(if seen % 4 == 0 { 0.4 } else { 0.1 }, 0.1);
            seen += 1;
        }
        assert!((200..=400).contains(&seen), "{seen}");
    }
}
