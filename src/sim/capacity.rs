//! How a server bears several calls at once: a model, pure and without a clock.
//!
//! A call takes its usual time, stretched by a factor that depends on how many calls are in the
//! server when it arrives (itself included), and scattered a little by chance. With a steady number
//! `n` of calls in the server their rate is then `n / stretch(n)` times that of one call alone, so a
//! curve of rates, which is what one can measure, determines the factors.
//!
//! The measured curve is that of user creates over many contexts on OX 8.19 with two processor
//! cores: 29 a second one at a time, 73 with four at once, 43 with sixteen. Context creates have
//! trouble of their own: beyond two at once some fail with a database deadlock in disguise.

use std::str::FromStr;

use rand::Rng;

/// How many calls at once give which rate.
#[derive(Clone, Debug, PartialEq)]
pub struct Capacity {
    /// Calls at once (rising, the first is 1) and the rate they give (the first's is 1).
    points: Vec<(f64, f64)>,
}

/// Curves by name.
const PRESETS: [(&str, &[(f64, f64)]); 5] = [
    ("measured", &[(1.0, 29.0), (2.0, 59.0), (4.0, 73.0), (8.0, 56.0), (16.0, 43.0)]),
    // More is always better.
    ("linear", &[(1.0, 1.0), (1024.0, 1024.0)]),
    // Eight processors and a pool of 24, beyond which all get in each other's way.
    ("cliff", &[(1.0, 1.0), (8.0, 8.0), (24.0, 8.0), (32.0, 1.5), (64.0, 1.0)]),
    // One at a time is best.
    ("tiny", &[(1.0, 1.0), (2.0, 0.8), (4.0, 0.6), (8.0, 0.4)]),
    // The measured one for sixteen times the machine.
    ("wide", &[(1.0, 1.0), (32.0, 32.0), (64.0, 40.0), (128.0, 31.0), (256.0, 24.0)]),
];

/// Rough median of a call alone on the measured server, in milliseconds.
const USUAL_MS: [(&str, &[(&str, f64)]); 5] = [
    (
        "OXContextService",
        &[("create", 50.0), ("delete", 70.0), ("change", 3.0), ("exists", 1.0), ("", 2.0)],
    ),
    (
        "OXUserService",
        &[
            ("create", 30.0),
            ("changeByModuleAccess", 19.0),
            ("change", 18.0),
            ("delete", 62.0),
            ("exists", 7.0),
            ("", 12.0),
        ],
    ),
    (
        "OXGroupService",
        &[
            ("create", 14.0),
            ("change", 14.0),
            ("add", 8.0),
            ("remove", 8.0),
            ("delete", 19.0),
            ("", 2.0),
        ],
    ),
    ("OXResourceService", &[("create", 5.0), ("change", 5.0), ("delete", 5.0), ("", 2.0)]),
    ("OXUserCopyService", &[("", 150.0)]),
];

impl Capacity {
    /// One of the curves that have a name: `measured`, `linear`, `cliff`, `tiny`, `wide`.
    pub fn named(name: &str) -> Option<Self> {
        PRESETS.iter().find(|(known, _)| *known == name).and_then(|(_, points)| Self::new(points))
    }

    /// A curve through these points: calls at once, and a rate in any unit. None unless it begins
    /// at 1, rises in calls, and all rates are above 0.
    pub fn new(points: &[(f64, f64)]) -> Option<Self> {
        let (first, unit) = *points.first()?;
        let rising = points.windows(2).all(|pair| pair[0].0 < pair[1].0);
        let positive =
            points.iter().all(|(n, rate)| n.is_finite() && *rate > 0.0 && rate.is_finite());
        #[expect(clippy::float_cmp, reason = "a whole number, as it was given")]
        let begins = first == 1.0;
        (begins && rising && positive)
            .then(|| Self { points: points.iter().map(|(n, rate)| (*n, rate / unit)).collect() })
    }

    /// The same curve for a machine that is so many times as large: it bears that many times the
    /// calls. A share shrinks it.
    #[must_use]
    pub fn sized(&self, times: f64) -> Self {
        let scaled = self.points.iter().map(|(n, rate)| (n * times, rate * times));
        let mut points: Vec<_> = scaled.filter(|(n, _)| *n > 1.0).collect();
        // One call alone is as fast as ever.
        let one = points.first().map_or(1.0, |(_, rate)| rate.min(1.0));
        points.insert(0, (1.0, one.max(1.0)));
        Self { points }
    }

    /// The rate that so many calls at once give, as a multiple of what one alone gives.
    pub fn rate(&self, calls: f64) -> f64 {
        calls / self.stretch(calls)
    }

    /// How many times its usual time a call takes when so many (at least 1) are in the server.
    /// Linear between the points; beyond the last the rate stays as it is.
    pub fn stretch(&self, calls: f64) -> f64 {
        let calls = calls.max(1.0);
        let at = |(n, rate): (f64, f64)| (n, n / rate);
        let mut before = (1.0, 1.0);
        for point in &self.points {
            let (n, stretch) = at(*point);
            if calls <= n {
                let share = if n > before.0 { (calls - before.0) / (n - before.0) } else { 1.0 };
                return before.1 + share * (stretch - before.1);
            }
            before = (n, stretch);
        }
        before.1 * calls / before.0
    }

    /// How many calls at once, up to `most`, give the highest rate.
    pub fn best(&self, most: usize) -> usize {
        #[expect(clippy::cast_precision_loss, reason = "calls are few")]
        let rate = |calls: &usize| self.rate(*calls as f64);
        // Of equals the fewest.
        (1..=most).rev().max_by(|a, b| rate(a).total_cmp(&rate(b))).unwrap_or(1)
    }

    /// The seconds that a call takes: its usual ones, stretched, and scattered around that with a
    /// deviation of some two fifths.
    #[expect(clippy::cast_precision_loss, reason = "calls are few")]
    pub fn seconds(&self, usual: f64, calls: usize, rng: &mut impl Rng) -> f64 {
        const STEPS: u32 = 6;
        let step = |_| -rng.random_range(f64::EPSILON..1.0).ln();
        let scatter: f64 = (0..STEPS).map(step).sum::<f64>() / f64::from(STEPS);
        usual * self.stretch(calls as f64) * scatter
    }

    /// Chance that a context create fails when so many are in the server at once.
    pub fn create_fails(creates: u32) -> f64 {
        (f64::from(creates.saturating_sub(2)) * 0.02).min(0.17)
    }

    /// Rough seconds of a call alone on the measured server.
    pub fn usual_seconds(service: &str, operation: &str) -> f64 {
        let table = USUAL_MS.iter().find(|(name, _)| *name == service).map(|(_, rows)| *rows);
        let row = table.into_iter().flatten().find(|(start, _)| operation.starts_with(start));
        row.map_or(10.0, |(_, ms)| *ms) / 1000.0
    }
}

/// A name, or points such as `1:29,2:59,4:73`.
impl FromStr for Capacity {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "expected measured, linear, cliff, tiny, wide, or calls at once and \
                                their rate from 1 upwards, such as 1:29,2:59,4:73,8:56";
        if let Some(named) = Self::named(text) {
            return Ok(named);
        }
        let point = |part: &str| {
            let (calls, rate) = part.split_once(':')?;
            Some((calls.trim().parse().ok()?, rate.trim().parse().ok()?))
        };
        let points: Option<Vec<(f64, f64)>> = text.split(',').map(point).collect();
        points.and_then(|points| Self::new(&points)).ok_or(EXPECTED)
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() < 0.01 * b
    }

    #[test]
    fn the_measured_curve_gives_the_measured_rates() {
        let curve = Capacity::named("measured").unwrap();
        for (calls, rate) in [(1.0, 29.0), (2.0, 59.0), (4.0, 73.0), (8.0, 56.0), (16.0, 43.0)] {
            assert!(near(curve.rate(calls) * 29.0, rate), "{calls}");
        }
        assert!(curve.rate(64.0) <= curve.rate(16.0));
        assert_eq!(curve.best(64), 4);
    }

    #[test]
    fn each_curve_is_best_where_it_says() {
        for (name, most, best) in
            [("linear", 32, 32), ("cliff", 64, 8), ("tiny", 8, 1), ("wide", 256, 64)]
        {
            assert_eq!(Capacity::named(name).unwrap().best(most), best, "{name}");
        }
        let quarter = Capacity::named("wide").unwrap().sized(0.25);
        assert_eq!(quarter.best(256), 16);
        assert!(near(quarter.rate(16.0), 10.0) && near(quarter.rate(1.0), 1.0));
    }

    #[test]
    fn curves_can_be_written_and_nonsense_is_refused() {
        let written: Capacity = "1:29, 2:59,4:73,8:56,16:43".parse().unwrap();
        assert_eq!(written, Capacity::named("measured").unwrap());
        for bad in ["", "2:1", "1:0", "1:1,1:2", "1:1,0:2", "1:x", "huge", "1:1,2:NaN"] {
            assert!(bad.parse::<Capacity>().is_err(), "{bad}");
        }
    }

    #[test]
    fn times_scatter_around_what_the_curve_says() {
        let curve = Capacity::named("measured").unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let mean = (0..20_000).map(|_| curve.seconds(0.03, 8, &mut rng)).sum::<f64>() / 20_000.0;
        assert!(near(mean, 0.03 * 8.0 * 29.0 / 56.0), "{mean}");
        assert!(near(Capacity::usual_seconds("OXUserService", "createByModuleAccess"), 0.03));
        assert!(near(Capacity::usual_seconds("OXUserService", "getData"), 0.012));
        assert!(near(Capacity::usual_seconds("OXTaskMgmtService", "x"), 0.01));
    }
}
