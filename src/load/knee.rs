//! Where the target's knee is: the highest rate of items that it keeps up with.
//!
//! First calls at once are doubled while the queue is never empty, until more of them give no more:
//! that is how many are made from then on, and about the rate to begin with. Then rates are tried:
//! higher ones until one is too much, lower ones until one is not, and the middle of the two until
//! they are close. Both have to say the same twice; where a second try contradicts, a third decides.

use serde::{Deserialize, Serialize};

/// Two rates are close when the higher is no more than so many times the lower.
const CLOSE: f64 = 1.025;
/// So many times the rate is tried next while nothing is too much, and nothing is known.
const FAR: f64 = 2.0;
/// The same where the rate is about known.
const NEAR: f64 = 1.06;
/// More than so many steps are not made.
const MOST_STEPS: usize = 32;
/// A rate is kept up with if so large a part of the items that came has ended with the last.
const KEPT_UP: f64 = 0.97;
/// So many items may be on their way in any case.
const SOME: usize = 12;
/// A rate is sure when so many more tries say one thing than the other.
const SURE: i32 = 2;

/// One rate, tried for a while.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Items a second that were meant to come.
    pub offered: f64,
    /// Items a second that ended while others came, the first moments left out.
    pub ended: f64,
    /// Calls a second in the same time.
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

/// So many calls at once, with always more to do.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Crowd {
    /// Calls at once at most.
    pub in_flight: usize,
    /// Items a second that ended.
    pub items_per_s: f64,
    /// Calls a second.
    pub calls_per_s: f64,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Knee {
    /// The highest rate that was kept up with, in items a second; 0 if even the first was too much
    /// and every lower one.
    pub items_per_s: f64,
    /// Calls a second at that rate: the mean of its tries and of those close above it.
    pub calls_per_s: f64,
    /// Half the width of the 95 % confidence interval of that mean; 0 if there was one try only.
    pub calls_half_width: f64,
    /// The lowest rate that was too much, in items a second; none if nothing was.
    pub too_much: Option<f64>,
    /// Whether two tries more of both rates said the one than the other.
    pub confirmed: bool,
    /// Whether the largest context held the rate down, and not the target. It is worked on one item
    /// at a time, so a target with less unequal contexts may do more.
    pub bound_by_population: bool,
    /// How many calls at once were tried, in order; empty if the number was given.
    pub crowds: Vec<Crowd>,
    /// All rates that were tried, in order.
    pub steps: Vec<Step>,
}

/// Of the numbers that were tried the lowest that gives about as much as the best.
pub fn best_crowd(crowds: &[Crowd]) -> Option<Crowd> {
    /// What is less than this share of the best is less.
    const EQUAL: f64 = 0.97;
    let best = crowds.iter().map(|crowd| crowd.calls_per_s).fold(0.0, f64::max);
    crowds.iter().find(|crowd| crowd.calls_per_s >= EQUAL * best).copied()
}

/// Whether more calls at once need not be tried.
pub fn crowded_enough(crowds: &[Crowd]) -> bool {
    /// Below this share of the best, more has become less.
    const LESS: f64 = 0.85;
    /// Twice as many have to give so many times as much to go on.
    const MORE: f64 = 1.03;
    let best = crowds.iter().map(|crowd| crowd.calls_per_s).fold(0.0, f64::max);
    match crowds {
        [.., before, one, last] => {
            last.calls_per_s < LESS * best
                || (one.calls_per_s < before.calls_per_s * MORE
                    && last.calls_per_s < before.calls_per_s * MORE)
        }
        _ => false,
    }
}

/// The search for the rate: asks for one, is told what came of it.
#[derive(Debug)]
pub struct Search {
    first: f64,
    growth: f64,
    steps: Vec<Step>,
}

impl Search {
    /// Begins with a rate, in items a second, of which nothing is known.
    pub fn new(rate: f64) -> Self {
        Self { first: rate.max(1.0), growth: FAR, steps: Vec::new() }
    }

    /// Begins close below a rate that is about the knee.
    pub fn near(rate: f64) -> Self {
        Self { first: (rate / NEAR).max(1.0), growth: NEAR, steps: Vec::new() }
    }

    /// The rate to try next; none when the search is over.
    pub fn next_rate(&self) -> Option<f64> {
        if self.steps.len() >= MOST_STEPS {
            return None;
        }
        if let Some(split) = self.rates().into_iter().find(|rate| self.votes(*rate) == 0) {
            return Some(split);
        }
        let growth = if self.steps.len() > 4 { FAR } else { self.growth };
        let next = match self.edges() {
            (None, None) => self.first,
            (Some(good), None) => good * growth,
            (None, Some(bad)) => bad / growth,
            (Some(good), Some(bad)) if bad > good * CLOSE => (good * bad).sqrt(),
            (Some(good), Some(_)) if self.votes(good) < SURE => good,
            (Some(_), Some(bad)) if self.votes(bad) > -SURE => bad,
            (Some(_), Some(_)) => return None,
        };
        (next >= 0.1).then_some(next)
    }

    /// A rate was tried.
    pub fn tell(&mut self, step: Step) {
        self.steps.push(step);
    }

    /// The highest rate that was kept up with below the lowest that was not.
    pub fn edges(&self) -> (Option<f64>, Option<f64>) {
        let rates = self.rates();
        let bad = rates.iter().copied().find(|rate| self.votes(*rate) < 0);
        let below = |rate: &f64| bad.is_none_or(|bad| *rate < bad) && self.votes(*rate) > 0;
        (rates.iter().copied().rfind(below), bad)
    }

    /// What was found.
    pub fn finish(self, crowds: Vec<Crowd>, bound_by_population: bool) -> Knee {
        let (good, bad) = self.edges();
        let sure = |rate: Option<f64>| rate.is_some_and(|rate| self.votes(rate).abs() >= SURE);
        let close =
            |step: &&Step| good.is_some_and(|good| (good..=good * CLOSE).contains(&step.offered));
        let calls = mean(self.steps.iter().filter(close).map(|step| step.calls));
        let (calls_per_s, calls_half_width) = calls.unwrap_or_default();
        Knee {
            items_per_s: good.unwrap_or_default(),
            calls_per_s,
            calls_half_width,
            too_much: bad,
            confirmed: sure(good) && sure(bad),
            bound_by_population,
            crowds,
            steps: self.steps,
        }
    }

    /// All rates that were tried, from the lowest.
    fn rates(&self) -> Vec<f64> {
        let mut rates: Vec<f64> = self.steps.iter().map(|step| step.offered).collect();
        rates.sort_by(f64::total_cmp);
        rates.dedup();
        rates
    }

    /// How many more tries of a rate were kept up with than were not.
    #[expect(clippy::float_cmp, reason = "rates are tried again as they were")]
    fn votes(&self, rate: f64) -> i32 {
        let of_rate = self.steps.iter().filter(|step| step.offered == rate);
        of_rate.map(|step| if step.kept_up { 1 } else { -1 }).sum()
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

    /// What a target that can do so much comes to in ten seconds at a rate.
    fn tried(capacity: f64, offered: f64) -> Step {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small")]
        let (written, backlog) =
            ((offered * 10.0) as u64, ((offered - capacity).max(0.0) * 10.0) as usize);
        let kept_up = Step::keeps_up(written, backlog);
        let ended = offered.min(capacity);
        Step { offered, ended, calls: ended * 2.0, p50_us: 1, p99_us: 1, backlog, kept_up }
    }

    fn search(mut search: Search, capacity: f64) -> Knee {
        while let Some(offered) = search.next_rate() {
            search.tell(tried(capacity, offered));
        }
        search.finish(Vec::new(), false)
    }

    #[test]
    fn the_knee_is_found_from_below_and_from_above() {
        for (capacity, first) in [(400.0, 50.0), (400.0, 10_000.0), (37.0, 50.0), (9_000.0, 5.0)] {
            let knee = search(Search::new(first), capacity);
            assert!((knee.items_per_s - capacity).abs() < 0.05 * capacity, "{capacity}: {knee:?}");
            let (calls, half) = (knee.calls_per_s, knee.calls_half_width);
            assert!((calls - 2.0 * capacity).abs() < 0.03 * capacity, "{knee:?}");
            assert!(half < 0.02 * capacity, "{knee:?}");
            assert!(knee.confirmed && knee.steps.len() < 26, "{capacity}: {}", knee.steps.len());
        }
    }

    #[test]
    fn a_rate_that_is_about_known_needs_few_steps() {
        for about in [380.0, 400.0, 425.0] {
            let knee = search(Search::near(about), 400.0);
            assert!((knee.items_per_s - 400.0).abs() < 20.0 && knee.confirmed, "{knee:?}");
            assert!(knee.steps.len() <= 9, "{about}: {}", knee.steps.len());
        }
    }

    #[test]
    fn a_try_that_another_contradicts_is_outvoted() {
        // Each rate's first try is disturbed: nothing is kept up with.
        let mut disturbed = Search::near(400.0);
        while let Some(offered) = disturbed.next_rate() {
            let first = disturbed.votes(offered) == 0 && !disturbed.rates().contains(&offered);
            let step = tried(400.0, offered);
            let unlucky = first && disturbed.steps.len().is_multiple_of(3);
            disturbed.tell(Step { kept_up: step.kept_up && !unlucky, ..step });
        }
        let knee = disturbed.finish(Vec::new(), false);
        assert!(knee.confirmed, "{knee:?}");
        assert!(knee.items_per_s > 250.0, "{knee:?}");
    }

    #[test]
    fn a_target_without_a_knee_is_not_confirmed() {
        let mut search = Search::new(100.0);
        let mut tries = 0;
        while let Some(offered) = search.next_rate() {
            tries += 1;
            // Every second try of a rate says something else.
            let before =
                search.steps.iter().filter(|step| step.offered.to_bits() == offered.to_bits());
            let first = before.count().is_multiple_of(2);
            search.tell(Step { kept_up: first == (offered < 150.0), ..tried(0.0, offered) });
        }
        let knee = search.finish(Vec::new(), false);
        assert!(!knee.confirmed && tries == knee.steps.len() && tries <= MOST_STEPS);
    }

    #[test]
    fn the_search_ends_with_a_target_that_does_nothing_and_with_one_that_does_everything() {
        assert!(search(Search::new(50.0), 0.0).items_per_s < 1.5);
        assert_eq!(search(Search::new(50.0), 1e12).too_much, None);
    }

    #[test]
    fn calls_at_once_are_doubled_until_that_gives_no_more() {
        let found = |curve: &dyn Fn(usize) -> f64| {
            let mut crowds = Vec::new();
            let mut in_flight = 1;
            while !crowded_enough(&crowds) && in_flight <= 256 {
                let calls = curve(in_flight);
                crowds.push(Crowd { in_flight, items_per_s: calls, calls_per_s: calls });
                in_flight *= 2;
            }
            (best_crowd(&crowds).unwrap().in_flight, in_flight / 2)
        };
        #[expect(clippy::cast_precision_loss, reason = "small")]
        let linear = |n: usize| n as f64;
        assert_eq!(found(&|n| linear(n.min(4)) * 100.0), (4, 16));
        let measured = |n| match n {
            1 => 29.0,
            2 => 59.0,
            4 => 73.0,
            8 => 56.0,
            _ => 43.0,
        };
        assert_eq!(found(&measured), (4, 8));
        assert_eq!(found(&linear), (256, 256));
    }

    #[test]
    fn a_mean_tells_how_sure_it_is() {
        assert_eq!(mean(std::iter::empty()), None);
        assert_eq!(mean([4.0].into_iter()), Some((4.0, 0.0)));
        let (middle, half) = mean([390.0, 400.0, 410.0].into_iter()).unwrap();
        assert!((middle - 400.0).abs() < 1e-9 && (half - 24.8).abs() < 0.1, "{half}");
    }
}
