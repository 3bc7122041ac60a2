//! A run's report: the numbers, as JSON, CSV and a page to read.

mod chart;
mod compare;
mod page;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::drive::Phase;
use super::evidence::Evidence;
use super::knee::Knee;
use super::meter::{Counts, Latencies, Second};
use super::units::{micros, shown};
use super::verdict::Verdict;

pub use compare::compare;
pub use page::page;

/// The form of the JSON; another one when something is renamed or taken away.
pub const SCHEMA: &str = "drover-load/2";

/// Everything that is told about a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: String,
    /// The run's name.
    pub run: String,
    /// What chance started from.
    pub seed: u64,
    /// When it began.
    pub begun: String,
    /// Address of the target, or what simulator.
    pub target: String,
    /// `open`, `closed` or `replay`.
    pub model: String,
    /// How items came: the schedule, the number of workers, or what was replayed.
    pub pace: String,
    /// How many calls to the target were made at once.
    #[serde(default)]
    pub in_flight: String,
    /// Weights of the changes; empty for a replay.
    pub mix: String,
    /// How many objects there were at first.
    pub population: Population,
    /// What was measured: the target, or the machine that made the load.
    pub verdict: Verdict,
    /// Why.
    pub why: Vec<String>,
    /// What the verdict is founded on.
    pub evidence: Evidence,
    /// What had to be reached.
    pub thresholds: Vec<Checked>,
    /// The highest rate, if it was searched for.
    pub knee: Option<Knee>,
    /// The phases, in order; the last is the one that was judged.
    pub phases: Vec<Measured>,
}

/// Sizes.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Population {
    /// Contexts.
    pub contexts: u32,
    /// Users.
    pub users: u32,
    /// Groups.
    pub groups: u32,
}

/// A threshold and what came of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Checked {
    /// As it was given.
    pub threshold: String,
    /// What was reached, for people.
    pub value: String,
    /// Whether it was kept.
    pub kept: bool,
}

/// A phase in numbers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Measured {
    /// Its name.
    pub name: String,
    /// How long it took, in microseconds.
    pub took_us: u64,
    /// Items written.
    pub written: u64,
    /// Items that ended.
    pub ended: u64,
    /// Items that did not.
    pub unfinished: u64,
    /// Those of them that are faulty, or wait for a faulty one.
    pub faulty: u64,
    /// Items ended a second.
    pub items_per_s: f64,
    /// Calls to the target.
    pub calls: u64,
    /// Calls a second.
    pub calls_per_s: f64,
    /// Calls that went wrong.
    pub errors: u64,
    /// From intended start to committed end.
    pub corrected: Quantiles,
    /// From actual start to committed end.
    pub uncorrected: Quantiles,
    /// How much later than intended items were written.
    pub lateness: Quantiles,
    /// Corrected latencies by kind of change.
    pub changes: BTreeMap<String, Quantiles>,
    /// Calls by operation.
    pub operations: BTreeMap<String, Operation>,
    /// Second by second.
    pub seconds: Vec<Second>,
    /// When contexts were finished, in microseconds from the begin.
    pub contexts_finished_us: Vec<u64>,
}

/// A distribution, in microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Quantiles {
    /// How many.
    pub count: u64,
    /// Mean.
    pub mean: f64,
    /// Fastest.
    pub min: u64,
    /// 50 of 100 took no longer.
    pub p50: u64,
    /// 75 of 100 took no longer.
    pub p75: u64,
    /// 90 of 100 took no longer.
    pub p90: u64,
    /// 95 of 100 took no longer.
    pub p95: u64,
    /// 99 of 100 took no longer.
    pub p99: u64,
    /// 999 of 1000 took no longer.
    pub p999: u64,
    /// Slowest.
    pub max: u64,
}

impl From<&Latencies> for Quantiles {
    fn from(of: &Latencies) -> Self {
        let at = |quantile| of.value_at_quantile(quantile);
        if of.is_empty() {
            return Self::default();
        }
        Self {
            count: of.len(),
            mean: of.mean(),
            min: of.min(),
            p50: at(0.5),
            p75: at(0.75),
            p90: at(0.9),
            p95: at(0.95),
            p99: at(0.99),
            p999: at(0.999),
            max: of.max(),
        }
    }
}

/// Calls of one operation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Operation {
    /// How long they took.
    pub took: Quantiles,
    /// Those that went wrong, by kind.
    pub errors: BTreeMap<String, u64>,
}

impl Measured {
    /// A phase by its name.
    #[expect(clippy::cast_precision_loss, reason = "rates are shown with few digits")]
    pub fn new(name: &str, phase: &Phase) -> Self {
        let counts: &Counts = &phase.counts;
        let seconds = counts.took.as_secs_f64().max(1e-6);
        let changes = counts.changes.iter();
        let operations = counts.calls.iter().map(|(name, calls)| {
            let operation =
                Operation { took: Quantiles::from(&calls.took), errors: calls.errors.clone() };
            ((*name).to_owned(), operation)
        });
        Self {
            name: name.to_owned(),
            took_us: micros(counts.took),
            written: counts.written,
            ended: counts.ended,
            unfinished: counts.unfinished,
            faulty: phase.faulty as u64,
            items_per_s: counts.ended as f64 / seconds,
            calls: counts.call_count(),
            calls_per_s: counts.call_count() as f64 / seconds,
            errors: counts.call_errors(),
            corrected: Quantiles::from(&counts.corrected),
            uncorrected: Quantiles::from(&counts.uncorrected),
            lateness: Quantiles::from(&counts.lateness),
            changes: changes.map(|(kind, of)| (kind.word().to_owned(), of.into())).collect(),
            operations: operations.collect(),
            seconds: counts.series.seconds().to_vec(),
            contexts_finished_us: counts.finished.iter().copied().map(micros).collect(),
        }
    }
}

impl Report {
    /// The phase that was judged.
    pub fn judged(&self) -> Option<&Measured> {
        self.phases.last()
    }

    /// The seconds of all phases as CSV, for spreadsheets.
    pub fn csv(&self) -> String {
        let mut text =
            String::from("phase,second,arrived,ended,calls,errors,p50_us,p90_us,p99_us,max_us\n");
        for phase in &self.phases {
            for s in &phase.seconds {
                // Writing into memory cannot fail.
                let _ = writeln!(
                    text,
                    "{},{},{},{},{},{},{},{},{},{}",
                    phase.name,
                    s.second,
                    s.arrived,
                    s.ended,
                    s.calls,
                    s.errors,
                    s.p50_us,
                    s.p90_us,
                    s.p99_us,
                    s.max_us
                );
            }
        }
        text
    }

    /// The report on a terminal.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let mut line = |line: String| {
            text.push_str(&line);
            text.push('\n');
        };
        for phase in &self.phases {
            line(format!(
                "{}: {} items in {}, {:.1} items/s, {} calls, {:.1} calls/s, {} errors, {} unfinished",
                phase.name,
                phase.ended,
                shown(phase.took_us),
                phase.items_per_s,
                phase.calls,
                phase.calls_per_s,
                phase.errors,
                phase.unfinished
            ));
        }
        if !self.in_flight.is_empty() {
            line(format!("calls at once: {}", self.in_flight));
        }
        for crowd in self.knee.iter().flat_map(|knee| &knee.crowds) {
            line(format!("  {} at once: {:.1} calls/s", crowd.in_flight, crowd.calls_per_s));
        }
        if let Some(phase) = self.judged() {
            line(format!(
                "\n{:<34}{:>9}{:>9}{:>9}{:>9}{:>9}",
                format!("latency, {} model", self.model),
                "p50",
                "p90",
                "p99",
                "p99.9",
                "max"
            ));
            let row = |name: &str, q: &Quantiles| {
                format!(
                    "{name:<34}{:>9}{:>9}{:>9}{:>9}{:>9}",
                    shown(q.p50),
                    shown(q.p90),
                    shown(q.p99),
                    shown(q.p999),
                    shown(q.max)
                )
            };
            line(row("items, from intended start", &phase.corrected));
            line(row("items, from actual start", &phase.uncorrected));
            for (change, quantiles) in &phase.changes {
                line(row(&format!("  {change}"), quantiles));
            }
            for (operation, calls) in &phase.operations {
                line(row(operation, &calls.took));
            }
        }
        if let Some(knee) = &self.knee {
            line(format!("\n{}", told(knee)));
        }
        for checked in &self.thresholds {
            let word = if checked.kept { "kept" } else { "MISSED" };
            line(format!("threshold {} {word}: {}", checked.threshold, checked.value));
        }
        line(format!("\nverdict: {}", self.verdict.word()));
        for why in &self.why {
            line(format!("  {why}"));
        }
        text
    }
}

/// The knee in a sentence or two.
fn told(knee: &Knee) -> String {
    let mut text = format!(
        "knee: up to {:.1} items/s the target keeps up, {:.1} ± {:.1} calls/s",
        knee.items_per_s, knee.calls_per_s, knee.calls_half_width
    );
    match knee.too_much {
        Some(rate) => {
            let _ = write!(text, "; {rate:.1} items/s are too much");
        }
        None => text.push_str("; nothing that was tried was too much"),
    }
    text.push_str(if knee.confirmed {
        " (confirmed)"
    } else {
        " (not confirmed by further tries)"
    });
    if knee.bound_by_population {
        text.push_str(
            "\nthis is the knee of the population: its largest context is worked on one item at a \
             time; the target could have done more",
        );
    }
    text
}

#[cfg(test)]
mod tests;
