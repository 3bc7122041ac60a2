//! Where the target's knee is: the highest rate of items that it keeps up with.
//!
//! Rates are doubled until one is too much; between the last that was not and the first that was, the
//! middle is tried until the two are close. Both are then tried once more: what a second try
//! contradicts is told as not confirmed.

use serde::{Deserialize, Serialize};

/// Two rates are close when the higher is no more than so many times the lower.
const CLOSE: f64 = 1.025;
/// So many times the rate is tried next while nothing is too much.
const GROWTH: f64 = 2.0;
/// More than so many steps are not made.
const MOST_STEPS: usize = 24;
/// A rate is kept up with if so large a part of the items that came has ended with the last.
const KEPT_UP: f64 = 0.97;
/// So many items may be on their way in any case.
const SOME: usize = 12;

/// One rate, tried for a while.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Items a second that were meant to come.
    pub offered: f64,
    /// Items a second that ended, from the first arrival to the last end.
    pub ended: f64,
    /// Calls a second meanwhile.
    pub calls: f64,
    /// Corrected latency, 50 of 100, in microseconds.
    pub p50_us: u64,
    /// Corrected latency, 99 of 100, in microseconds.
    pub p99_us: u64,
    /// Items on their way when the last had arrived.
    pub backlog: usize,
    /// Whether the target kept up.
    pub kept_up: bool,
}

impl Step {
    /// Whether a target has kept up that had so many items left when so many had come.
    #[expect(clippy::cast_precision_loss, reason = "items of a step are few")]
    pub fn keeps_up(written: u64, backlog: usize) -> bool {
        backlog <= SOME || backlog as f64 <= (1.0 - KEPT_UP) * written as f64
    }
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Knee {
    /// The highest rate that was kept up with, in items a second; 0 if even the first was too much
    /// and every lower one.
    pub items_per_s: f64,
    /// Calls a second at that rate.
    pub calls_per_s: f64,
    /// The lowest rate that was too much, in items a second; none if nothing was.
    pub too_much: Option<f64>,
    /// Calls a second that the target did while it had more than it could do: the mean of these
    /// steps, and half the width of its 95 % confidence interval (nothing of a single step).
    pub saturated_calls_per_s: Option<(f64, f64)>,
    /// Whether second tries of both rates said the same as the first.
    pub confirmed: bool,
    /// All that was tried, in order.
    pub steps: Vec<Step>,
}

/// The search: asks for a rate, is told what came of it.
#[derive(Debug)]
pub struct Search {
    next: f64,
    good: Option<f64>,
    bad: Option<f64>,
    /// Second tries still to be made, the lower rate first.
    again: Option<Vec<f64>>,
    contradicted: bool,
    steps: Vec<Step>,
}

impl Search {
    /// Begins with a rate, in items a second.
    pub fn new(rate: f64) -> Self {
        Self {
            next: rate.max(1.0),
            good: None,
            bad: None,
            again: None,
            contradicted: false,
            steps: Vec::new(),
        }
    }

    /// The rate to try next; none when the search is over.
    pub fn next_rate(&self) -> Option<f64> {
        if self.steps.len() >= MOST_STEPS || self.next < 0.1 {
            return None;
        }
        match &self.again {
            Some(rates) => rates.first().copied(),
            None => Some(self.next),
        }
    }

    /// A rate was tried.
    pub fn tell(&mut self, step: Step) {
        self.steps.push(step);
        if let Some(rates) = &mut self.again {
            if !rates.is_empty() {
                let rate = rates.remove(0);
                let before = self.good.is_some_and(|good| rate <= good);
                self.contradicted |= before != step.kept_up;
            }
            return;
        }
        let place = if step.kept_up { &mut self.good } else { &mut self.bad };
        *place = Some(step.offered);
        match (self.good, self.bad) {
            (Some(good), Some(bad)) if bad <= good * CLOSE => self.again = Some(vec![good, bad]),
            (Some(good), Some(bad)) => self.next = (good * bad).sqrt(),
            (Some(good), None) => self.next = good * GROWTH,
            (None, Some(bad)) => self.next = bad / GROWTH,
            (None, None) => {}
        }
    }

    /// What was found.
    pub fn finish(self) -> Knee {
        let of_good =
            self.steps.iter().filter(|step| step.kept_up && Some(step.offered) == self.good);
        let calls = mean(of_good.map(|step| step.calls)).map_or(0.0, |(mean, _)| mean);
        // Much too much may cost the target more than it does; what is close above the knee is
        // what it can do.
        let near = self.good.map_or(f64::INFINITY, |good| good * GROWTH);
        let over = self.steps.iter().filter(|step| !step.kept_up && step.offered <= near);
        Knee {
            items_per_s: self.good.unwrap_or_default(),
            calls_per_s: calls,
            too_much: self.bad,
            saturated_calls_per_s: mean(over.map(|step| step.calls)),
            confirmed: !self.contradicted && self.again.is_some_and(|left| left.is_empty()),
            steps: self.steps,
        }
    }
}

/// The mean, and half the width of its 95 % confidence interval.
fn mean(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    /// Student's t for 95 %, by degrees of freedom from 1.
    const T: [f64; 10] = [12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23];
    let values: Vec<f64> = values.collect();
    let count = f64::from(u32::try_from(values.len()).ok().filter(|count| *count > 0)?);
    let mean = values.iter().sum::<f64>() / count;
    if values.len() < 2 {
        return Some((mean, 0.0));
    }
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let deviation = (squares / (count - 1.0)).sqrt();
    let t = T.get(values.len() - 2).copied().unwrap_or(2.0);
    Some((mean, t * deviation / count.sqrt()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A target that can do so much, tried for ten seconds at each rate.
    fn search(capacity: f64, first: f64) -> Knee {
        let mut search = Search::new(first);
        while let Some(offered) = search.next_rate() {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small")]
            let (written, backlog) =
                ((offered * 10.0) as u64, ((offered - capacity).max(0.0) * 10.0) as usize);
            let kept_up = Step::keeps_up(written, backlog);
            let ended = offered.min(capacity);
            let step =
                Step { offered, ended, calls: ended * 2.0, p50_us: 1, p99_us: 1, backlog, kept_up };
            search.tell(step);
        }
        search.finish()
    }

    #[test]
    fn the_knee_is_found_from_below_and_from_above() {
        for (capacity, first) in [(400.0, 50.0), (400.0, 10_000.0), (37.0, 50.0), (9_000.0, 5.0)] {
            let knee = search(capacity, first);
            assert!((knee.items_per_s - capacity).abs() < 0.05 * capacity, "{capacity}: {knee:?}");
            let (calls, half) = knee.saturated_calls_per_s.unwrap();
            assert!((calls - 2.0 * capacity).abs() < 0.01 * capacity && half < 1.0, "{knee:?}");
            assert!(knee.confirmed && knee.steps.len() < 22, "{capacity}: {}", knee.steps.len());
        }
    }

    #[test]
    fn a_second_try_that_says_otherwise_is_told() {
        let mut search = Search::new(100.0);
        let mut tries = 0;
        while let Some(offered) = search.next_rate() {
            tries += 1;
            let kept_up = offered < 150.0 && search.again.is_none();
            let step =
                Step { offered, ended: 1.0, calls: 1.0, p50_us: 1, p99_us: 1, backlog: 0, kept_up };
            search.tell(step);
        }
        let knee = search.finish();
        assert!(!knee.confirmed && tries == knee.steps.len());
    }

    #[test]
    fn the_search_ends_with_a_target_that_does_nothing_and_with_one_that_does_everything() {
        assert!(search(0.0, 50.0).items_per_s < 1.5);
        assert_eq!(search(1e12, 50.0).too_much, None);
    }

    #[test]
    fn a_mean_tells_how_sure_it_is() {
        assert_eq!(mean(std::iter::empty()), None);
        assert_eq!(mean([4.0].into_iter()), Some((4.0, 0.0)));
        let (middle, half) = mean([390.0, 400.0, 410.0].into_iter()).unwrap();
        assert!((middle - 400.0).abs() < 1e-9 && (half - 24.8).abs() < 0.1, "{half}");
    }
}
