//! When items are to arrive: the open model's timetable. Pure, without a clock.
//!
//! A schedule is a row of stages, each with a rate that stays or changes evenly. The `n`-th item is
//! due when so many have become due by the rate's integral; whether the target keeps up does not
//! change that.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use rand::Rng as _;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use super::units;

/// A stretch of time with a rate that goes evenly from one value to another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stage {
    /// How long it lasts.
    pub length: Duration,
    /// Items a second at its begin, at least 0.
    pub from: f64,
    /// Items a second at its end, at least 0.
    pub to: f64,
}

impl Stage {
    /// How many items become due in its first `seconds`.
    fn due(&self, seconds: f64) -> f64 {
        let all = self.length.as_secs_f64();
        let slope = if all > 0.0 { (self.to - self.from) / all } else { 0.0 };
        seconds * (self.from + slope * seconds / 2.0)
    }

    /// After how many seconds so many items are due; the stage's length at most.
    fn when(&self, items: f64) -> f64 {
        let all = self.length.as_secs_f64();
        let slope = if all > 0.0 { (self.to - self.from) / all } else { 0.0 };
        if items <= 0.0 {
            return 0.0;
        }
        // The root of slope/2 t² + from t = items, in the form that bears a slope of nothing.
        let root = (self.from * self.from + 2.0 * slope * items).max(0.0).sqrt();
        let sum = self.from + root;
        if sum > 0.0 { (2.0 * items / sum).min(all) } else { all }
    }
}

/// A row of stages.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    stages: Vec<Stage>,
}

/// How items are spread over a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Spread {
    /// At even distances.
    #[default]
    Even,
    /// As independent sources would: distances by chance, the rate on average.
    Poisson,
}

/// Forms that have a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Shape {
    /// The rate as given, all the time.
    #[default]
    Constant,
    /// The middle fifth of the time has five times the rate.
    Spike,
    /// The first tenth of the time leads up to the rate, the rest stays there.
    Soak,
}

impl Schedule {
    /// A rate that goes evenly from one value to another.
    pub fn ramp(from: f64, to: f64, length: Duration) -> Self {
        Self { stages: vec![Stage { length, from, to }] }
    }

    /// A shape for a rate and a time.
    pub fn shaped(shape: Shape, rate: f64, length: Duration) -> Self {
        let stage = |share: f64, from: f64, to: f64| Stage {
            length: length.mul_f64(share),
            from: from * rate,
            to: to * rate,
        };
        let stages = match shape {
            Shape::Constant => vec![stage(1.0, 1.0, 1.0)],
            Shape::Spike => vec![stage(0.4, 1.0, 1.0), stage(0.2, 5.0, 5.0), stage(0.4, 1.0, 1.0)],
            Shape::Soak => vec![stage(0.1, 0.0, 1.0), stage(0.9, 1.0, 1.0)],
        };
        Self { stages }
    }

    /// How long it lasts.
    pub fn length(&self) -> Duration {
        self.stages.iter().map(|stage| stage.length).sum()
    }

    /// How many items are due until its end.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "saturates at numbers that nobody can wait for"
    )]
    pub fn items(&self) -> u64 {
        let all: f64 = self.stages.iter().map(|s| s.due(s.length.as_secs_f64())).sum();
        all.round() as u64
    }

    /// When each item is due, from the begin of the schedule.
    pub fn arrivals(&self, spread: Spread, seed: u64) -> Arrivals {
        Arrivals {
            stages: self.stages.clone(),
            stage: 0,
            before: 0.0,
            begun: Duration::ZERO,
            due: 0.0,
            chance: (spread == Spread::Poisson).then(|| ChaCha8Rng::seed_from_u64(seed)),
        }
    }
}

/// `30s@50,10s@50..200,60s@200`: how long, and at which rate or from which to which.
impl FromStr for Schedule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let stage = |part: &str| {
            let expected =
                || format!("\"{part}\" is no stage; expected one such as 30s@50 or 10s@50..200");
            let (length, rate) = part.split_once('@').ok_or_else(expected)?;
            let (from, to) = rates(rate).ok_or_else(expected)?;
            Ok::<_, String>(Stage { length: units::time(length)?, from, to })
        };
        let stages = text.split(',').map(|part| stage(part.trim())).collect::<Result<_, _>>()?;
        Ok(Self { stages })
    }
}

/// A rate as `50`, or two as `50..200`; none if they are no numbers of 0 and more.
pub fn rates(text: &str) -> Option<(f64, f64)> {
    let number = |text: &str| {
        let number: f64 = text.trim().parse().ok()?;
        (number.is_finite() && number >= 0.0).then_some(number)
    };
    match text.split_once("..") {
        Some((from, to)) => Some((number(from)?, number(to)?)),
        None => number(text).map(|rate| (rate, rate)),
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, stage) in self.stages.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            write!(f, "{comma}{}s@{}", stage.length.as_secs_f64(), stage.from)?;
            #[expect(clippy::float_cmp, reason = "as they were given")]
            if stage.from != stage.to {
                write!(f, "..{}", stage.to)?;
            }
        }
        Ok(())
    }
}

/// The due times of a schedule, one by one.
#[derive(Debug, Clone)]
pub struct Arrivals {
    stages: Vec<Stage>,
    stage: usize,
    /// Items due before the stage.
    before: f64,
    /// When the stage begins.
    begun: Duration,
    /// The next item's place in the integral of the rate.
    due: f64,
    chance: Option<ChaCha8Rng>,
}

impl Iterator for Arrivals {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        /// What rounding may lose of an item.
        const NEXT_TO_NOTHING: f64 = 1e-9;
        loop {
            let stage = self.stages.get(self.stage)?;
            let all = stage.due(stage.length.as_secs_f64());
            if self.due < self.before + all - NEXT_TO_NOTHING {
                let seconds = stage.when(self.due - self.before);
                let at = self.begun + Duration::try_from_secs_f64(seconds).unwrap_or_default();
                self.due += match &mut self.chance {
                    Some(chance) => -chance.random_range(f64::EPSILON..1.0).ln(),
                    None => 1.0,
                };
                return Some(at);
            }
            self.before += all;
            self.begun += stage.length;
            self.stage += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(schedule: &Schedule) -> Vec<u128> {
        schedule.arrivals(Spread::Even, 1).map(|at| at.as_millis()).collect()
    }

    #[test]
    fn a_constant_rate_comes_at_even_distances() {
        let schedule = Schedule::shaped(Shape::Constant, 4.0, Duration::from_secs(2));
        assert_eq!(ms(&schedule), [0, 250, 500, 750, 1000, 1250, 1500, 1750]);
        assert_eq!(schedule.items(), 8);
    }

    #[test]
    fn a_ramp_comes_closer_and_closer() {
        let schedule = Schedule::ramp(0.0, 10.0, Duration::from_secs(10));
        let times = ms(&schedule);
        assert_eq!((times.len(), schedule.items()), (50, 50));
        // After t seconds t²/2 items are due.
        assert_eq!((times[0], times[2], times[18], times[32]), (0, 2000, 6000, 8000));
    }

    #[test]
    fn stages_follow_each_other_without_a_gap() {
        let schedule: Schedule = "2s@1,1s@4,1s@0,2s@1..3".parse().unwrap();
        assert_eq!(ms(&schedule)[..7], [0, 1000, 2000, 2250, 2500, 2750, 4000]);
        assert_eq!(schedule.length(), Duration::from_secs(6));
        assert_eq!(schedule.to_string(), "2s@1,1s@4,1s@0,2s@1..3");
        for bad in ["", "2s", "2s@x", "x@2", "2s@-1", "2s@1..", "1s@inf"] {
            assert!(bad.parse::<Schedule>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_spike_is_five_times_as_dense_and_a_soak_begins_slowly() {
        let spike = Schedule::shaped(Shape::Spike, 10.0, Duration::from_secs(10));
        let times = ms(&spike);
        let within = |from, to| times.iter().filter(|t| (from..to).contains(*t)).count();
        assert_eq!((within(0, 4000), within(4000, 6000), within(6000, 10_000)), (40, 100, 40));
        let soak = Schedule::shaped(Shape::Soak, 10.0, Duration::from_secs(100));
        assert_eq!(soak.items(), 950);
    }

    #[test]
    fn independent_arrivals_keep_the_rate_on_average() {
        let schedule = Schedule::shaped(Shape::Constant, 100.0, Duration::from_secs(100));
        let times: Vec<Duration> = schedule.arrivals(Spread::Poisson, 3).collect();
        assert!(times.len().abs_diff(10_000) < 300, "{}", times.len());
        assert!(times.is_sorted());
        let again: Vec<Duration> = schedule.arrivals(Spread::Poisson, 3).collect();
        assert_eq!(times, again);
    }
}
