use std::time::Duration;

use serde_json::Value;

use super::*;
use crate::load::knee::{Crowd, Step};
use crate::load::meter::Meter;
use crate::load::mix::Change;
use crate::model::ItemName;

fn phase() -> Phase {
    let meter = Meter::new(vec![1]);
    meter.written(ItemName::new("a.json"), Change::Create, Some(0), Duration::ZERO);
    let mut counts = meter.close();
    for ms in 1..=100 {
        counts.corrected.saturating_record(ms * 1_000);
        counts.series.ended(Duration::from_millis(ms * 37), ms * 1_000);
    }
    counts.finished = vec![Duration::from_millis(900)];
    counts.changes.insert(Change::Create, counts.corrected.clone());
    let mut calls =
        crate::load::meter::Calls { took: counts.corrected.clone(), errors: BTreeMap::new() };
    calls.errors.insert("StorageException".to_owned(), 2);
    counts.calls.insert("OXUserService.create", calls);
    let evidence = Evidence {
        planned: Some(1),
        written: 1,
        lateness_p99_us: 1,
        latency_p50_us: 1,
        latency_p99_us: 1,
        scheduler_p99_us: 1,
        cpu_share: 0.1,
        cpu_wait_share: 0.0,
        processors: 2,
        files: None,
        closing_sockets: Some((1, 2)),
        busiest_context: Some(0.5),
        contexts_busy: Some(0.2),
        silent_us: 0,
        dead_after_us: 1,
    };
    Phase { counts, backlog: 0, faulty: 0, cut: false, evidence }
}

fn report() -> Report {
    let phase = phase();
    let step = Step {
        offered: 10.0,
        ended: 10.0,
        calls: 12.0,
        p50_us: 900,
        p99_us: 4_000,
        backlog: 0,
        kept_up: true,
    };
    Report {
        schema: SCHEMA.to_owned(),
        run: "a1".to_owned(),
        seed: 7,
        begun: "2026-03-01T10:00:00Z".to_owned(),
        target: "simulator <&>".to_owned(),
        model: "open".to_owned(),
        pace: "60s@50".to_owned(),
        in_flight: "4 at most, found best in a search".to_owned(),
        mix: "modify=1".to_owned(),
        population: Population { contexts: 1, users: 10, groups: 1 },
        verdict: Verdict::Valid,
        why: vec!["items were written in time".to_owned()],
        evidence: phase.evidence.clone(),
        thresholds: vec![Checked {
            threshold: "p99<200ms".to_owned(),
            value: "99.0 ms".to_owned(),
            kept: true,
        }],
        knee: Some(Knee {
            items_per_s: 10.0,
            calls_per_s: 12.0,
            calls_half_width: 0.2,
            too_much: Some(11.0),
            confirmed: true,
            bound_by_population: false,
            crowds: vec![Crowd { in_flight: 4, items_per_s: 10.0, calls_per_s: 12.0 }],
            steps: vec![step, Step { offered: 20.0, kept_up: false, ..step }],
        }),
        phases: vec![Measured::new("setup", &phase), Measured::new("load", &phase)],
    }
}

/// Names of all fields, nested ones behind a dot; of lists those of the first element.
fn fields(value: &Value, path: &str, into: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                fields(value, &format!("{path}.{name}"), into);
            }
        }
        Value::Array(list) if list.first().is_some_and(Value::is_object) => {
            fields(&list[0], &format!("{path}[]"), into);
        }
        _ => into.push(path.trim_start_matches('.').to_owned()),
    }
}

/// Others read it: what is renamed or taken away here needs another number in `SCHEMA`.
#[test]
fn the_json_has_the_fields_that_its_readers_know() {
    let json = serde_json::to_value(report()).unwrap();
    let mut names = Vec::new();
    fields(&json, "", &mut names);
    let known: Vec<&str> = include_str!("schema.txt").lines().collect();
    assert_eq!(names, known);
    let again: Report = serde_json::from_value(json.clone()).unwrap();
    assert_eq!(serde_json::to_value(again).unwrap(), json);
}

#[test]
fn the_page_needs_nothing_from_elsewhere() {
    let html = page(&report());
    for outside in ["http:", "https:", "//", "src=", "href=", "@import", "url(", "<script", "<link"]
    {
        assert!(!html.contains(outside), "{outside}");
    }
    assert!(html.contains("simulator &lt;&amp;&gt;"));
}

#[test]
fn the_page_has_every_plot_with_its_axes() {
    let html = page(&report());
    for (title, times) in [
        ("Search for the knee: throughput by offered rate", 1),
        ("Search for the knee: latency by offered rate", 1),
        ("Search for the knee: calls a second by calls at once", 1),
        ("Throughput over time", 2),
        ("Latency of items over time, from intended start", 2),
        ("Calls that went wrong", 2),
        ("Contexts finished", 2),
        ("Latency of items by kind of change", 2),
        ("Latency of calls by operation", 2),
    ] {
        let label = format!("aria-label=\"{title}\"");
        assert_eq!(html.matches(&label).count(), times, "{title}");
    }
    for axis in ["time (s)", "latency (ms)", "per second", "offered rate (items/s)", "contexts"] {
        assert!(html.contains(&format!(">{axis}</text>")), "{axis}");
    }
    assert_eq!(html.matches("<svg").count(), html.matches("</svg>").count());
    assert!(!html.contains("NaN") && !html.contains("inf "));
}

#[test]
fn the_table_has_a_line_for_each_second() {
    let csv = report().csv();
    let rows: Vec<&str> = csv.lines().collect();
    assert_eq!(rows.len(), 1 + 2 * 4);
    assert!(rows.iter().all(|row| row.split(',').count() == 10));
}

#[test]
fn two_runs_are_compared_and_what_makes_them_unlike_is_told() {
    let (a, mut b) = (report(), report());
    assert!(!compare(&a, &b).contains("note"));
    b.verdict = Verdict::GeneratorBound;
    b.pace = "60s@100".to_owned();
    b.phases[1].corrected.p99 *= 2;
    let text = compare(&a, &b);
    assert!(text.contains("second run is GENERATOR-BOUND") && text.contains("pace differs"));
    let line = text.lines().find(|line| line.starts_with("items p99")).unwrap();
    assert!(line.ends_with("+100 %"), "{line}");
}
