//! Waiting that is right on the average.
//!
//! The runtime's timer ticks every millisecond and never wakes anybody early, so that a call meant to
//! take two milliseconds takes nearly three, and a server meant to do 400 calls a second does 370.
//! Pauses are therefore asked to be shorter by as much as the last ones were too long.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// No pause is shortened by more: what makes it later than this is no timer but a busy machine,
/// which no shortening mends.
const MOST_US: i64 = 2_000;
/// The share of a pause's error that is taken into account for the next ones.
const SHARE: i64 = 16;

/// Pauses of one server.
#[derive(Debug, Default)]
pub(super) struct Pauses {
    /// By how much pauses are asked to be shorter, in microseconds, times [`SHARE`].
    early: AtomicI64,
}

impl Pauses {
    /// Waits for about so long; for nothing if that is nothing.
    pub(super) async fn pause(&self, time: Duration) {
        if time.is_zero() {
            return;
        }
        let begun = Instant::now();
        let early = self.early.load(Ordering::Relaxed) / SHARE;
        let early = Duration::from_micros(u64::try_from(early).unwrap_or_default());
        tokio::time::sleep(time.saturating_sub(early)).await;
        self.learn(time, begun.elapsed());
    }

    fn learn(&self, wanted: Duration, took: Duration) {
        let micros = |time: Duration| i64::try_from(time.as_micros()).unwrap_or(i64::MAX / 2);
        let late = (micros(took) - micros(wanted)).clamp(-MOST_US, MOST_US);
        // Two that learn at once may forget one of both errors; the next ones make up for it.
        let early = self.early.load(Ordering::Relaxed) + late;
        self.early.store(early.clamp(0, MOST_US * SHARE), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_pauses_are_too_long_the_next_are_asked_to_be_shorter() {
        let pauses = Pauses::default();
        let wanted = Duration::from_millis(10);
        // A timer that is always 1.3 ms late.
        let mut took = Duration::ZERO;
        for _ in 0..200 {
            let early = pauses.early.load(Ordering::Relaxed) / SHARE;
            let asked = 10_000 - u64::try_from(early).unwrap();
            took = Duration::from_micros(asked + 1_300);
            pauses.learn(wanted, took);
        }
        assert!(took.abs_diff(wanted) < Duration::from_micros(20), "{took:?}");
        // A machine that stands still for a minute shortens nothing by more than two milliseconds.
        pauses.learn(wanted, Duration::from_secs(60));
        assert!(pauses.early.load(Ordering::Relaxed) <= MOST_US * SHARE);
    }
}
