//! What a run must reach, such as `p99<200ms`.

use std::fmt;
use std::str::FromStr;

use super::meter::Counts;
use super::units;

/// A number of a run, and what it has to be.
#[derive(Debug, Clone, PartialEq)]
pub struct Threshold {
    text: String,
    metric: Metric,
    below: bool,
    bound: f64,
}

/// What can be asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Metric {
    /// Corrected latency of items at a quantile, in microseconds.
    Latency(f64),
    /// The same of all calls.
    CallLatency(f64),
    /// Calls that went wrong, in a hundred.
    ErrorPercent,
    /// Items that did not end.
    Unfinished,
    /// Items ended a second.
    Rate,
}

impl Threshold {
    /// The number, and whether it is as it has to be.
    #[expect(clippy::cast_precision_loss, reason = "compared with what people type")]
    pub fn check(&self, counts: &Counts) -> (f64, bool) {
        let value = match self.metric {
            Metric::Latency(quantile) => counts.corrected.value_at_quantile(quantile) as f64,
            Metric::CallLatency(quantile) => {
                let mut all = super::meter::latencies();
                for calls in counts.calls.values() {
                    // Both have the same bounds.
                    let _ = all.add(&calls.took);
                }
                all.value_at_quantile(quantile) as f64
            }
            Metric::ErrorPercent => {
                counts.call_errors() as f64 * 100.0 / (counts.call_count() as f64).max(1.0)
            }
            Metric::Unfinished => counts.unfinished as f64,
            Metric::Rate => counts.ended as f64 / counts.took.as_secs_f64().max(1e-6),
        };
        let kept = if self.below { value < self.bound } else { value > self.bound };
        (value, kept)
    }

    /// A value of its kind, for people.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "microseconds of a run fit"
    )]
    pub fn shown(&self, value: f64) -> String {
        match self.metric {
            Metric::Latency(_) | Metric::CallLatency(_) => units::shown(value as u64),
            Metric::ErrorPercent => format!("{value:.2} %"),
            Metric::Unfinished => format!("{value:.0}"),
            Metric::Rate => format!("{value:.1}/s"),
        }
    }
}

impl FromStr for Threshold {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || {
            format!(
                "\"{text}\" is no threshold; expected one such as p99<200ms, call.p95<50ms, max<2s, \
                 errors<1%, unfinished<1 or rate>100"
            )
        };
        let place = text.find(['<', '>']).ok_or_else(expected)?;
        let (name, bound) = (text[..place].trim(), text[place + 1..].trim());
        let quantile = |name: &str| match name {
            "max" => Some(1.0),
            name => {
                let percent: f64 = name.strip_prefix('p')?.parse().ok()?;
                (0.0..=100.0).contains(&percent).then_some(percent / 100.0)
            }
        };
        let metric = match name {
            "errors" => Some(Metric::ErrorPercent),
            "unfinished" => Some(Metric::Unfinished),
            "rate" => Some(Metric::Rate),
            name => match name.strip_prefix("call.") {
                Some(name) => quantile(name).map(Metric::CallLatency),
                None => quantile(name).map(Metric::Latency),
            },
        };
        let metric = metric.ok_or_else(expected)?;
        let number =
            |text: &str| text.trim().parse().ok().filter(|number: &f64| number.is_finite());
        let bound = match metric {
            Metric::Latency(_) | Metric::CallLatency(_) => {
                units::time(bound).ok().map(|time| time.as_secs_f64() * 1e6)
            }
            Metric::ErrorPercent => number(bound.strip_suffix('%').unwrap_or(bound)),
            Metric::Unfinished => number(bound),
            Metric::Rate => number(bound.strip_suffix("/s").unwrap_or(bound)),
        };
        let bound = bound.ok_or_else(expected)?;
        Ok(Self { text: text.to_owned(), metric, below: text[place..].starts_with('<'), bound })
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::meter::Meter;

    #[test]
    fn thresholds_compare_what_they_name() {
        let mut counts = Meter::new(Vec::new()).close();
        for ms in 1..=100 {
            counts.corrected.saturating_record(ms * 1_000);
        }
        let check = |text: &str| text.parse::<Threshold>().unwrap().check(&counts).1;
        assert!(check("p50<51ms") && !check("p50 < 49ms"));
        assert!(check("p99<200ms") && check("max>99ms") && !check("p99.9<0.05s"));
        assert!(check("errors<1%") && check("unfinished<1") && !check("rate>10/s"));
    }

    #[test]
    fn what_is_no_threshold_is_refused_with_an_example() {
        for bad in ["", "p99", "p99=1s", "p101<1s", "p99<fast", "errors<x", "q<1"] {
            let problem = bad.parse::<Threshold>().unwrap_err();
            assert!(problem.contains("p99<200ms"), "{problem}");
        }
    }
}
