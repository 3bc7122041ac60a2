//! Two runs side by side.

use std::fmt::Write as _;

use super::{Quantiles, Report};
use crate::load::units::shown;
use crate::load::verdict::Verdict;

/// What the second run does otherwise than the first, as a table; a note before it if the two can
/// hardly be compared.
pub fn compare(a: &Report, b: &Report) -> String {
    let mut text = String::new();
    for (name, report) in [("first", a), ("second", b)] {
        if report.verdict != Verdict::Valid {
            let word = report.verdict.word();
            let _ =
                writeln!(text, "note: the {name} run is {word}; its numbers are not the target's");
        }
    }
    for (what, one, other) in
        [("model", &a.model, &b.model), ("pace", &a.pace, &b.pace), ("mix", &a.mix, &b.mix)]
    {
        if one != other {
            let _ = writeln!(text, "note: the {what} differs: {one} and {other}");
        }
    }
    let _ = writeln!(text, "{:<38}{:>12}{:>12}{:>10}", "", a.run, b.run, "change");
    let (Some(one), Some(other)) = (a.judged(), b.judged()) else { return text };
    for (name, one, other) in [
        ("items/s", one.items_per_s, other.items_per_s),
        ("calls/s", one.calls_per_s, other.calls_per_s),
    ] {
        let change = change(one, other);
        let _ = writeln!(text, "{name:<38}{one:>12.1}{other:>12.1}{change:>10}");
    }
    for (name, one, other) in [
        ("errors", one.errors, other.errors),
        ("unfinished items", one.unfinished, other.unfinished),
    ] {
        let _ = writeln!(text, "{name:<38}{one:>12}{other:>12}");
    }
    quantiles(&mut text, "items", &one.corrected, &other.corrected);
    for (kind, one) in &one.changes {
        if let Some(other) = other.changes.get(kind) {
            quantiles(&mut text, kind, one, other);
        }
    }
    for (operation, one) in &one.operations {
        if let Some(other) = other.operations.get(operation) {
            quantiles(&mut text, operation, &one.took, &other.took);
        }
    }
    text
}

#[expect(clippy::cast_precision_loss, reason = "shown in whole percents")]
fn quantiles(text: &mut String, name: &str, a: &Quantiles, b: &Quantiles) {
    for (quantile, one, other) in [("p50", a.p50, b.p50), ("p99", a.p99, b.p99)] {
        let name = format!("{name} {quantile}");
        let change = change(one as f64, other as f64);
        let _ = writeln!(text, "{name:<38}{:>12}{:>12}{change:>10}", shown(one), shown(other));
    }
}

fn change(one: f64, other: f64) -> String {
    if one > 0.0 { format!("{:+.0} %", (other / one - 1.0) * 100.0) } else { "-".to_owned() }
}
