//! How it went lately: a sample every few seconds, for the charts. Bounded, and in memory only.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::actors::status::Snapshot;

/// How often a sample is taken.
const EVERY: Duration = Duration::from_secs(2);

/// Samples that are kept: those of an hour.
const MOST: usize = 1_801;

/// Points of a curve; more would lie closer than a line is thick.
const MOST_POINTS: usize = 90;

/// Spans that a chart can have, in seconds.
const SPANS: [f64; 4] = [120.0, 300.0, 900.0, 3_600.0];

/// How it was at a moment.
#[derive(Debug, Clone, Copy)]
struct Sample {
    at: Instant,
    /// Items that came to an end since the start.
    ended: u64,
    /// Attempts that failed since the start.
    failures: u64,
    pending: usize,
    /// Contexts that stand still.
    stopped: usize,
}

/// A curve: seconds (0 = now, the past is negative) and values, the oldest first.
pub(super) type Curve = Vec<(f64, f64)>;

/// What the charts are made of.
#[derive(Debug, Clone, Default)]
pub(super) struct Curves {
    /// How far back they go, in seconds.
    pub(super) span: f64,
    /// Items that came to an end, in a minute.
    pub(super) ended: Curve,
    /// Attempts that failed, in a minute.
    pub(super) failures: Curve,
    /// Items that are not through.
    pub(super) pending: Curve,
    /// Contexts that stand still.
    pub(super) stopped: Curve,
}

/// The samples.
#[derive(Debug, Default)]
pub(super) struct History(Mutex<VecDeque<Sample>>);

impl History {
    /// Takes samples as long as there are snapshots.
    pub(super) async fn watch(&self, snapshots: &watch::Receiver<Arc<Snapshot>>) {
        let mut clock = tokio::time::interval(EVERY);
        clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while snapshots.has_changed().is_ok() {
            clock.tick().await;
            let now = snapshots.borrow().clone();
            self.add(&now, Instant::now());
        }
    }

    fn add(&self, now: &Snapshot, at: Instant) {
        let sample = Sample {
            at,
            ended: now.ended(),
            failures: now.failures,
            pending: now.pending,
            stopped: standing_still(now),
        };
        let mut samples = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if samples.len() >= MOST {
            samples.pop_front();
        }
        samples.push_back(sample);
    }

    /// The curves, with what is now at their end.
    pub(super) fn curves(&self, now: &Snapshot, at: Instant) -> Curves {
        let mut samples: Vec<Sample> =
            self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect();
        samples.push(Sample {
            at,
            ended: now.ended(),
            failures: now.failures,
            pending: now.pending,
            stopped: standing_still(now),
        });
        let age = |sample: &Sample| at.saturating_duration_since(sample.at).as_secs_f64();
        let oldest = samples.first().map_or(0.0, age);
        let span = SPANS.into_iter().find(|span| *span >= oldest).unwrap_or(SPANS[3]);
        let samples = thinned(&samples, span, age);
        let gauge = |value: fn(&Sample) -> f64| {
            samples.iter().map(|sample| (-age(sample), value(sample))).collect()
        };
        let rate = |value: fn(&Sample) -> f64| {
            let pairs = samples.iter().zip(samples.iter().skip(1));
            // Two that lie very close together would make a peak of a single item.
            let pairs = pairs.filter(|(a, b)| age(a) - age(b) >= 0.5);
            pairs
                .map(|(a, b)| (-age(b), (value(b) - value(a)).max(0.0) * 60.0 / (age(a) - age(b))))
                .collect()
        };
        #[expect(clippy::cast_precision_loss, reason = "a chart is not that sharp")]
        Curves {
            span,
            ended: rate(|sample| sample.ended as f64),
            failures: rate(|sample| sample.failures as f64),
            pending: gauge(|sample| sample.pending as f64),
            stopped: gauge(|sample| sample.stopped as f64),
        }
    }
}

/// The last sample of each of the parts that a span is divided into.
fn thinned(samples: &[Sample], span: f64, age: impl Fn(&Sample) -> f64) -> Vec<Sample> {
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    let part = span / MOST_POINTS as f64;
    let mut kept: Vec<Sample> = Vec::new();
    for sample in samples.iter().filter(|sample| age(sample) <= span) {
        let place = |sample: &Sample| (age(sample) / part).floor();
        match kept.last_mut() {
            Some(last) if place(last).total_cmp(&place(sample)).is_eq() => *last = *sample,
            _ => kept.push(*sample),
        }
    }
    kept
}

/// Contexts that stand still.
pub(super) fn standing_still(now: &Snapshot) -> usize {
    let lanes = now.faulty.iter().filter(|item| !item.parked).map(|item| item.lane.as_str());
    lanes.filter(|lane| lane.starts_with("context ")).collect::<BTreeSet<_>>().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(applied: u64, pending: usize) -> Snapshot {
        Snapshot { applied, pending, ..Snapshot::default() }
    }

    #[test]
    fn rates_are_in_a_minute_and_curves_end_now() {
        let history = History::default();
        let begin = Instant::now();
        for n in 0..=60 {
            let at = begin + Duration::from_secs(2 * n);
            history.add(&snapshot(3 * n, 7), at);
        }
        let now = begin + Duration::from_secs(122);
        let curves = history.curves(&snapshot(183, 9), now);
        assert!((curves.span - 300.0).abs() < 0.1);
        assert_eq!(curves.pending.last(), Some(&(-0.0, 9.0)));
        assert!(curves.ended.iter().all(|(_, rate)| (rate - 90.0).abs() < 0.1), "{curves:?}");
        assert!(curves.ended.is_sorted_by(|a, b| a.0 < b.0));
    }

    #[test]
    fn an_hour_is_kept_and_no_curve_has_more_points_than_can_be_told_apart() {
        let history = History::default();
        let begin = Instant::now();
        for n in 0..3_000 {
            history.add(&snapshot(n, 1), begin + Duration::from_secs(2 * n));
        }
        assert_eq!(history.0.lock().unwrap().len(), MOST);
        let curves = history.curves(&snapshot(3_000, 1), begin + Duration::from_secs(6_000));
        assert!(curves.pending.len() <= MOST_POINTS + 1, "{}", curves.pending.len());
        assert!(curves.pending[0].0 >= -3_600.0 && curves.pending[0].0 < -3_500.0);
        let nothing = History::default().curves(&snapshot(0, 0), begin);
        assert_eq!((nothing.pending.len(), nothing.ended.len()), (1, 0));
    }
}
