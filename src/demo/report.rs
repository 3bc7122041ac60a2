//! The report of a run: what was done, how fast, and whether it is right.

mod table;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde_json::Value;

use table::Table;

use super::judge::{self, Call};
use crate::model::ObjectKind;

/// At most so many differences, overlaps and disorders are shown one by one.
const SHOWN: usize = 20;

/// Width of a line, in characters.
const WIDTH: usize = 80;

/// Everything the report tells. Made by the caller; printing it is its [`Display`](fmt::Display).
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Queue items done, by type (`user`, `group`, …).
    pub items: BTreeMap<String, u64>,
    /// Calls that belong to those items, by the same types.
    pub calls_by_type: BTreeMap<String, u64>,
    /// Calls, by service and operation.
    pub operations: BTreeMap<String, Operation>,
    /// Contexts that had work.
    pub contexts: u64,
    /// Time from the first item to the last.
    pub took: Duration,
    /// What OX holds and must not, or must and does not hold: a line each.
    pub differences: Vec<String>,
    /// Calls that overlapped in a context: a line each.
    pub overlaps: Vec<String>,
    /// Calls out of order: a line each.
    pub disorders: Vec<String>,
}

/// Calls of one operation.
#[derive(Debug, Clone)]
pub struct Operation {
    /// How many of them ended in a fault.
    pub faults: u64,
    /// How long each took, in microseconds, faults included.
    latency_us: Histogram<u64>,
}

impl Default for Operation {
    fn default() -> Self {
        Self { faults: 0, latency_us: histogram() }
    }
}

impl Operation {
    /// Counts a call.
    pub fn record(&mut self, took: Duration, fault: bool) {
        self.faults += u64::from(fault);
        self.latency_us.saturating_record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }

    /// Number of calls counted.
    pub fn calls(&self) -> u64 {
        self.latency_us.len()
    }
}

/// From a microsecond to an hour, exact to one part in a thousand.
#[expect(clippy::expect_used, reason = "the bounds are constants, and valid")]
fn histogram() -> Histogram<u64> {
    const HOUR_US: u64 = 3_600_000_000;
    Histogram::new_with_bounds(1, HOUR_US, 3).expect("constant bounds are valid")
}

impl Report {
    /// Counts a call of an operation.
    pub fn record(&mut self, operation: &str, took: Duration, fault: bool) {
        if let Some(known) = self.operations.get_mut(operation) {
            known.record(took, fault);
        } else {
            self.operations.entry(operation.to_owned()).or_default().record(took, fault);
        }
    }

    /// Counts queue items by their type.
    pub fn count_items<'a>(&mut self, items: impl IntoIterator<Item = &'a Value>) {
        for item in items {
            let kind = item["udm_object_type"].as_str().unwrap_or_default();
            let word = ObjectKind::from_udm_type(kind).map_or(kind, |known| known.word());
            *self.items.entry(word.to_owned()).or_default() += 1;
        }
    }

    /// Counts the calls of a log, by operation and by the type of object they are about.
    pub fn count_calls(&mut self, log: &[Call]) {
        for call in log {
            let took = Duration::from_micros(call.end_us.saturating_sub(call.start_us));
            self.record(&call.title(), took, !call.ok);
            *self.calls_by_type.entry(call.kind().to_owned()).or_default() += 1;
        }
    }

    /// Writes down what the judge finds: `expected` as [`Directory::expected_state`] says it,
    /// `simulator` as the simulator dumps its state, its whole log, and the queue's items as
    /// [`judge::order`] wants them.
    ///
    /// [`Directory::expected_state`]: crate::demo::Directory::expected_state
    pub fn judge(
        &mut self,
        expected: &Value,
        simulator: &Value,
        log: &[Call],
        batches: &[Vec<&Value>],
    ) {
        self.differences = lines(&judge::compare(expected, &judge::ox_state(simulator)));
        self.overlaps = lines(&judge::overlaps(log));
        self.disorders = lines(&judge::order(log, batches));
    }

    /// Whether everything is as it must be.
    pub fn is_right(&self) -> bool {
        self.differences.is_empty() && self.overlaps.is_empty() && self.disorders.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}\n", self.items_table(), self.calls_table())?;
        self.fmt_rates(f)?;
        fmt_list(f, "differences", &self.differences)?;
        fmt_list(f, "overlapping calls", &self.overlaps)?;
        fmt_list(f, "calls out of order", &self.disorders)
    }
}

impl Report {
    fn items_table(&self) -> Table {
        let mut table = Table::new(["items by type", "items", "calls", "calls/item"]);
        for (kind, items) in &self.items {
            let calls = self.calls_by_type.get(kind).copied().unwrap_or_default();
            table.row(&[kind.clone(), count(*items), count(calls), ratio(calls, *items)]);
        }
        // Calls for a type that no item is of still belong into the sum.
        let (items, calls) = (self.item_count(), self.calls_by_type.values().sum());
        table.row(&["total".to_owned(), count(items), count(calls), ratio(calls, items)]);
        table
    }

    fn calls_table(&self) -> Table {
        let mut table =
            Table::new(["calls by operation", "calls", "faults", "p50", "p90", "p99", "max"]);
        let mut all = Operation::default();
        for (name, operation) in &self.operations {
            table.row(&call_row(name, operation));
            all.faults += operation.faults;
            // Both have the same bounds, so nothing can be out of them.
            let _ = all.latency_us.add(&operation.latency_us);
        }
        table.row(&call_row("total", &all));
        table
    }

    fn fmt_rates(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (items, calls) = (self.item_count(), self.call_count());
        // A look-up of something that is not there is answered with a fault, too.
        let faults = |lookups: bool| -> u64 {
            let of_kind = |name: &&String| {
                let operation = name.rsplit('.').next().unwrap_or_default();
                lookups == ["get", "list", "exists"].iter().any(|verb| operation.starts_with(verb))
            };
            let counted = self.operations.iter().filter(|(name, _)| of_kind(name));
            counted.map(|(_, operation)| operation.faults).sum()
        };
        writeln!(
            f,
            "{} items, {} calls, {} contexts in {}",
            count(items),
            count(calls),
            count(self.contexts),
            duration(self.took)
        )?;
        writeln!(f, "{} items/s, {} calls/s", rate(items, self.took), rate(calls, self.took))?;
        writeln!(
            f,
            "faults: {} refused, {} look-ups that found nothing",
            count(faults(false)),
            count(faults(true))
        )
    }

    fn item_count(&self) -> u64 {
        self.items.values().sum()
    }

    fn call_count(&self) -> u64 {
        self.operations.values().map(Operation::calls).sum()
    }
}

fn call_row(name: &str, operation: &Operation) -> [String; 7] {
    let at = |quantile| {
        let value = operation.latency_us.value_at_quantile(quantile);
        if operation.calls() == 0 { "-".to_owned() } else { duration(Duration::from_micros(value)) }
    };
    [
        name.to_owned(),
        count(operation.calls()),
        count(operation.faults),
        at(0.5),
        at(0.9),
        at(0.99),
        at(1.0),
    ]
}

fn lines(findings: &[impl ToString]) -> Vec<String> {
    findings.iter().map(ToString::to_string).collect()
}

/// A heading with a number, and the first lines under it.
fn fmt_list(f: &mut fmt::Formatter<'_>, title: &str, lines: &[String]) -> fmt::Result {
    writeln!(f, "{title}: {}", lines.len())?;
    for line in lines.iter().take(SHOWN) {
        for (index, part) in table::wrap(line, WIDTH - 4).iter().enumerate() {
            writeln!(f, "{}{part}", if index == 0 { "  " } else { "    " })?;
        }
    }
    match lines.len().saturating_sub(SHOWN) {
        0 => Ok(()),
        more => writeln!(f, "  and {more} more"),
    }
}

/// A number with a blank at every third digit.
fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

#[expect(clippy::cast_precision_loss, reason = "shown with two digits")]
fn ratio(calls: u64, items: u64) -> String {
    if items == 0 { "-".to_owned() } else { format!("{:.2}", calls as f64 / items as f64) }
}

#[expect(clippy::cast_precision_loss, reason = "shown with one digit")]
fn rate(number: u64, took: Duration) -> String {
    if took.is_zero() {
        "-".to_owned()
    } else {
        format!("{:.1}", number as f64 / took.as_secs_f64())
    }
}

/// A duration in three to four digits with its unit.
fn duration(time: Duration) -> String {
    let us = time.as_micros();
    let ms = time.as_secs_f64() * 1_000.0;
    match us {
        0..1_000 => format!("{us}us"),
        1_000..10_000 => format!("{ms:.2}ms"),
        10_000..100_000 => format!("{ms:.1}ms"),
        100_000..1_000_000 => format!("{ms:.0}ms"),
        1_000_000..100_000_000 => format!("{:.2}s", ms / 1_000.0),
        _ => format!("{:.0}s", ms / 1_000.0),
    }
}

#[cfg(test)]
mod tests;
