//! The report as one HTML page that needs nothing else: no script, no font, no address.

use std::fmt::Write as _;

use super::chart::{Boxes, Chart, Line, Look, escape};
use super::{Measured, Quantiles, Report, told};
use crate::load::knee::Knee;
use crate::load::meter::Second;
use crate::load::units::shown;
use crate::load::verdict::Verdict;

const STYLE: &str = "\
:root{color-scheme:light}body{font:15px/1.5 system-ui,sans-serif;color:#1c2430;background:#f5f6f8;\
margin:0}main{max-width:920px;margin:0 auto;padding:32px 20px 64px}h1{font-size:26px;margin:0 0 4px}\
h2{font-size:19px;margin:36px 0 10px}.sub{color:#566070;margin:0 0 20px}section,.card{background:#fff;\
border:1px solid #dfe3e8;border-radius:8px;padding:16px 18px;margin:0 0 16px}.verdict{border-left:6px \
solid #009e73}.verdict.bad{border-left-color:#d55e00}.verdict b{font-size:18px}.tiles{display:grid;\
grid-template-columns:repeat(3,1fr);gap:12px;margin:0 0 16px}.tile{background:\
#fff;border:1px solid #dfe3e8;border-radius:8px;padding:12px 14px}.tile b{display:block;font-size:22px;\
font-variant-numeric:tabular-nums}.tile span{color:#566070;font-size:13px}table{border-collapse:\
collapse;width:100%;font-variant-numeric:tabular-nums;font-size:14px}th,td{padding:5px 8px;text-align:\
right;border-bottom:1px solid #eceff2;white-space:nowrap}th:first-child,td:first-child{text-align:left}\
th{color:#566070;font-weight:600}.scroll{overflow-x:auto}svg{width:100%;height:auto;display:block}\
svg text{font-family:system-ui,sans-serif;fill:#1c2430}.title{font-size:15px;font-weight:600}\
.axis{font-size:12.5px}.tick{font-size:11.5px;fill:#566070}.grid{stroke:#e3e7eb;stroke-width:1}\
.whisker{stroke:#8a94a3;stroke-width:1.5}.ok{color:#00714f}.no{color:#b34700;font-weight:600}\
.note{color:#566070;font-size:13px;margin:8px 0 0}@media print{body{background:#fff}}";

/// The page.
pub fn page(report: &Report) -> String {
    let mut html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <title>drover load {run}</title><style>{STYLE}</style></head><body><main>\
         <h1>Load run {run}</h1><p class=\"sub\">{begun} · target {target} · {model} model, {pace} · \
         seed {seed}</p>",
        run = escape(&report.run),
        begun = escape(&to_the_second(&report.begun)),
        target = escape(&report.target),
        model = escape(&report.model),
        pace = escape(&report.pace),
        seed = report.seed,
    );
    verdict(&mut html, report);
    if let Some(phase) = report.judged() {
        tiles(&mut html, phase);
    }
    thresholds(&mut html, report);
    if let Some(knee) = &report.knee {
        search(&mut html, knee);
    }
    for phase in report.phases.iter().rev() {
        measured(&mut html, phase);
    }
    about(&mut html, report);
    html.push_str("</main></body></html>\n");
    html
}

/// A time of day without the digits behind the second.
fn to_the_second(time: &str) -> String {
    match time.split_once('.') {
        Some((whole, _)) => format!("{whole}Z").replace('T', " ").replace('Z', " UTC"),
        None => time.to_owned(),
    }
}

fn verdict(html: &mut String, report: &Report) {
    let (class, says) = match report.verdict {
        Verdict::Valid => ("verdict", "the numbers are the target's"),
        Verdict::GeneratorBound => {
            ("verdict bad", "the numbers are those of the machine that made the load")
        }
        Verdict::PopulationBound => {
            ("verdict bad", "the largest context held the rate down, and not the target")
        }
        Verdict::TargetDead => ("verdict bad", "the target stopped answering"),
    };
    let mut why = String::new();
    for reason in &report.why {
        let _ = write!(why, "<li>{}</li>", escape(reason));
    }
    let word = report.verdict.word();
    let _ = write!(html, "<div class=\"card {class}\"><b>{word}</b>: {says}.<ul>{why}</ul></div>");
}

fn tiles(html: &mut String, phase: &Measured) {
    let tiles = [
        (format!("{:.1}", phase.items_per_s), "items per second"),
        (format!("{:.1}", phase.calls_per_s), "calls per second"),
        (shown(phase.corrected.p50), "median, from intended start"),
        (shown(phase.corrected.p99), "99th percentile, from intended start"),
        (phase.errors.to_string(), "calls that went wrong"),
        (phase.unfinished.to_string(), "items unfinished"),
    ];
    html.push_str("<div class=\"tiles\">");
    for (value, name) in tiles {
        let _ = write!(html, "<div class=\"tile\"><b>{value}</b><span>{name}</span></div>");
    }
    html.push_str("</div>");
}

fn thresholds(html: &mut String, report: &Report) {
    if report.thresholds.is_empty() {
        return;
    }
    html.push_str("<section><table><tr><th>Threshold</th><th>Reached</th><th></th></tr>");
    for checked in &report.thresholds {
        let (class, word) = if checked.kept { ("ok", "kept") } else { ("no", "missed") };
        let _ = write!(
            html,
            "<tr><td>{}</td><td>{}</td><td class=\"{class}\">{word}</td></tr>",
            escape(&checked.threshold),
            escape(&checked.value)
        );
    }
    html.push_str("</table></section>");
}

fn search(html: &mut String, knee: &Knee) {
    let mut steps = knee.steps.clone();
    steps.sort_by(|a, b| a.offered.total_cmp(&b.offered));
    let line = |name, of: fn(&crate::load::knee::Step) -> f64| Line {
        name,
        points: steps.iter().map(|step| (step.offered, of(step))).collect(),
        look: Look::Marked,
    };
    let ended = Chart {
        title: "Search for the knee: throughput by offered rate".to_owned(),
        x: "offered rate (items/s)",
        y: "items/s",
        log: false,
        near: true,
        lines: vec![line("ended", |step| step.ended), line("offered", |step| step.offered)],
    };
    #[expect(clippy::cast_precision_loss, reason = "drawn")]
    let latency = Chart {
        title: "Search for the knee: latency by offered rate".to_owned(),
        x: "offered rate (items/s)",
        y: "latency (ms)",
        log: true,
        near: true,
        lines: vec![
            line("50th percentile", |step| step.p50_us as f64 / 1e3),
            line("99th percentile", |step| step.p99_us as f64 / 1e3),
        ],
    };
    let _ = write!(
        html,
        "<h2>Knee</h2><div class=\"card\">{}.</div>{}<section>{}</section><section>{}</section>",
        escape(&told(knee)),
        crowds(knee),
        ended.svg(),
        latency.svg()
    );
}

/// Calls a second by calls at once; nothing if these were not searched for.
#[expect(clippy::cast_precision_loss, reason = "drawn")]
fn crowds(knee: &Knee) -> String {
    if knee.crowds.is_empty() {
        return String::new();
    }
    let points = knee.crowds.iter().map(|crowd| (crowd.in_flight as f64, crowd.calls_per_s));
    let chart = Chart {
        title: "Search for the knee: calls a second by calls at once".to_owned(),
        x: "calls at once",
        y: "calls/s",
        log: false,
        near: false,
        lines: vec![Line {
            name: "with always more to do",
            points: points.collect(),
            look: Look::Marked,
        }],
    };
    format!("<section>{}</section>", chart.svg())
}

fn measured(html: &mut String, phase: &Measured) {
    let _ = write!(
        html,
        "<h2>Phase “{}”: {} items in {}</h2>",
        escape(&phase.name),
        phase.ended,
        shown(phase.took_us)
    );
    for chart in [throughput(phase), percentiles(phase)] {
        let _ = write!(html, "<section>{}</section>", chart.svg());
    }
    if phase.errors > 0 {
        let _ = write!(html, "<section>{}</section>", errors(phase).svg());
    } else {
        html.push_str("<section><p class=\"note\">No call went wrong.</p></section>");
    }
    if !phase.contexts_finished_us.is_empty() {
        let _ = write!(html, "<section>{}</section>", contexts(phase).svg());
    }
    for (title, rows) in [
        ("Latency of items by kind of change", rows(phase.changes.iter())),
        (
            "Latency of calls by operation",
            rows(phase.operations.iter().map(|(name, of)| (name, &of.took))),
        ),
    ] {
        if !rows.is_empty() {
            let boxes = Boxes { title: title.to_owned(), x: "latency (ms, logarithmic)", rows };
            let _ = write!(
                html,
                "<section>{}<p class=\"note\">Line: fastest to slowest. Box: 50th to 90th percentile. \
                 Mark: 99th percentile.</p></section>",
                boxes.svg()
            );
        }
    }
    table(html, phase);
}

/// Every second between the first and the last, those without events too.
#[expect(clippy::cast_precision_loss, reason = "drawn")]
fn by_second(phase: &Measured, of: fn(&Second) -> u64, factor: f64) -> Vec<(f64, f64)> {
    let mut points: Vec<(f64, f64)> = Vec::new();
    let mut next = 0;
    for second in &phase.seconds {
        points.extend((next..second.second).map(|empty| (empty as f64, 0.0)));
        points.push((second.second as f64, of(second) as f64 * factor));
        next = second.second + 1;
    }
    points
}

fn throughput(phase: &Measured) -> Chart {
    // The last second is seldom a whole one; what it holds is no rate.
    let whole = (phase.took_us / 1_000_000).max(1);
    let within = |points: Vec<(f64, f64)>| -> Vec<(f64, f64)> {
        points.into_iter().zip(0..whole).map(|(point, _)| point).collect()
    };
    let line =
        |name, of| Line { name, points: within(by_second(phase, of, 1.0)), look: Look::Plain };
    Chart {
        title: "Throughput over time".to_owned(),
        x: "time (s)",
        y: "per second",
        log: false,
        near: false,
        lines: vec![
            line("items arrived", |s| s.arrived),
            line("items ended", |s| s.ended),
            line("calls", |s| s.calls),
        ],
    }
}

fn percentiles(phase: &Measured) -> Chart {
    let line = |name, of, look| Line { name, points: by_second(phase, of, 1e-3), look };
    Chart {
        title: "Latency of items over time, from intended start".to_owned(),
        x: "time (s)",
        y: "latency (ms)",
        log: true,
        near: false,
        lines: vec![
            line("slowest", |s| s.max_us, Look::Behind),
            line("50th percentile", |s| s.p50_us, Look::Plain),
            line("90th", |s| s.p90_us, Look::Plain),
            line("99th", |s| s.p99_us, Look::Plain),
        ],
    }
}

fn errors(phase: &Measured) -> Chart {
    Chart {
        title: "Calls that went wrong".to_owned(),
        x: "time (s)",
        y: "per second",
        log: false,
        near: false,
        lines: vec![Line {
            name: "errors",
            points: by_second(phase, |s| s.errors, 1.0),
            look: Look::Plain,
        }],
    }
}

#[expect(clippy::cast_precision_loss, reason = "drawn")]
fn contexts(phase: &Measured) -> Chart {
    let finished = phase.contexts_finished_us.iter().zip(1_u64..);
    let points = std::iter::once((0.0, 0.0))
        .chain(finished.map(|(us, count)| (*us as f64 / 1e6, count as f64)))
        .collect();
    Chart {
        title: "Contexts finished".to_owned(),
        x: "time (s)",
        y: "contexts",
        log: false,
        near: false,
        lines: vec![Line { name: "contexts with all their objects", points, look: Look::Steps }],
    }
}

#[expect(clippy::cast_precision_loss, reason = "drawn")]
fn rows<'a>(of: impl Iterator<Item = (&'a String, &'a Quantiles)>) -> Vec<(String, [f64; 5])> {
    let ms = |us: u64| us.max(1) as f64 / 1e3;
    of.map(|(name, q)| (name.clone(), [q.min, q.p50, q.p90, q.p99, q.max].map(ms))).collect()
}

fn table(html: &mut String, phase: &Measured) {
    html.push_str(
        "<section class=\"scroll\"><table><tr><th>Latency</th><th>count</th><th>mean</th><th>p50</th>\
         <th>p90</th><th>p99</th><th>p99.9</th><th>max</th><th>errors</th></tr>",
    );
    let mut row = |name: &str, q: &Quantiles, errors: &str| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a mean is between the least and the most"
        )]
        let mean = q.mean as u64;
        let _ = write!(html, "<tr><td>{}</td><td>{}</td>", escape(name), q.count);
        for value in [mean, q.p50, q.p90, q.p99, q.p999, q.max] {
            let _ = write!(html, "<td>{}</td>", shown(value));
        }
        let _ = write!(html, "<td>{errors}</td></tr>");
    };
    row("items, from intended start", &phase.corrected, "");
    row("items, from actual start", &phase.uncorrected, "");
    for (change, quantiles) in &phase.changes {
        row(&format!("item: {change}"), quantiles, "");
    }
    for (operation, of) in &phase.operations {
        row(operation, &of.took, &of.errors.values().sum::<u64>().to_string());
    }
    row("written later than intended", &phase.lateness, "");
    html.push_str("</table>");
    for (operation, of) in &phase.operations {
        for (kind, times) in &of.errors {
            let _ = write!(
                html,
                "<p class=\"note\">{}: {} × {}</p>",
                escape(operation),
                times,
                escape(kind)
            );
        }
    }
    html.push_str("</section>");
}

fn about(html: &mut String, report: &Report) {
    let e = &report.evidence;
    let rows = [
        ("Contexts, users, groups at first", {
            let p = report.population;
            format!("{}, {}, {}", p.contexts, p.users, p.groups)
        }),
        ("Mix of changes", report.mix.clone()),
        ("Calls at once", report.in_flight.clone()),
        ("Processors used", format!("{:.0} % of {}", e.cpu_share * 100.0, e.processors)),
        ("Time spent waiting for a processor", format!("{:.0} %", e.cpu_wait_share * 100.0)),
        ("Threads woke up late, 99th percentile", shown(e.scheduler_p99_us)),
        ("Items written late, 99th percentile", shown(e.lateness_p99_us)),
        ("Longest silence of the target", shown(e.silent_us)),
    ];
    html.push_str("<h2>The run itself</h2><section><table>");
    for (name, value) in rows {
        let _ = write!(html, "<tr><td>{name}</td><td>{}</td></tr>", escape(&value));
    }
    html.push_str("</table></section>");
}
