//! The overview: how it goes, what stands still and why, what that has in common, and all contexts.

use std::collections::HashMap;
use std::time::Instant;

use maud::{Markup, html};
use serde_json::Value;

use super::chart::Chart;
use super::frame::{self, Here};
use super::parts::{item_path, list, text, whole};
use super::text::{away, count, many, moment, number};
use super::visit::Visit;
use super::{causes, contexts, hint, history, people};
use crate::actors::status::{FaultyItem, Snapshot};
use crate::admin::inside::Refusal;

/// Contexts that stand still which are told of one by one; all of them are in the list.
const MOST_STANDING: &str = "5";

/// Causes that are told of here; all of them are on their own page.
const MOST_CAUSES: usize = 6;

pub(super) async fn show(visit: &Visit<'_>) -> Result<Markup, Refusal> {
    let standing = visit
        .ask("/v1/contexts", &[("state", "stopped"), ("sort", "-depth"), ("limit", MOST_STANDING)])
        .await?;
    let listed = contexts::ask(visit).await?;
    let causes = visit.causes().await?;
    let now = visit.snapshot();
    let body = html! {
        h1.unseen { "Overview" }
        div #banners data-live { (banners(visit, &now)) }
        section #totals data-live aria-label="Totals and rates" { (totals(visit, &now, &standing)) }
        section #standing data-live aria-labelledby="h-standing" { (stands_still(visit, &now, &standing)) }
        @if !causes.is_empty() {
            section aria-labelledby="h-causes" {
                h2 #h-causes { "Causes" span.count { (number(causes.len() as u64)) } }
                div #causes data-live { (causes::table(visit, &causes[..causes.len().min(MOST_CAUSES)])) }
                @if causes.len() > MOST_CAUSES {
                    p { a href="/ui/causes" { "All " (number(causes.len() as u64)) " causes" } }
                }
            }
        }
        section aria-labelledby="h-contexts" {
            h2 #h-contexts { "Contexts" span.count { (number(contexts::all(&listed))) } }
            (contexts::filter(visit, &listed))
            div #contexts data-live { (contexts::table(visit, &now, &listed)) }
        }
    };
    Ok(frame::page(visit, Here::Overview, "Overview", &body))
}

/// What is so with everything.
fn banners(visit: &Visit<'_>, now: &Snapshot) -> Markup {
    html! {
        @if !now.read {
            p.notice.calm { "The queue is still being read; what is in it is not all counted yet." }
        }
        @if let Some(reason) = &now.outage {
            p.notice.bad {
                strong { "OX cannot be reached: " } (people::fault(visit, reason, None))
                ". " span lang=(hint::language(visit)) { (hint::of(visit, None, reason).cure) }
                " Nothing is lost and no item is to blame: everything waits, one call at a time asks \
                 whether OX is back, and then all goes on by itself."
            }
        }
        @if now.holds.iter().any(|hold| hold == "target") {
            p.notice.held {
                strong { "Everything is held by the operator. " }
                "What comes is collected; nothing new goes to OX."
                @if visit.may_change() {
                    " " a.button href="/ui/do?verb=resume&target=1" { "Go on…" }
                }
            }
        }
    }
}

fn totals(visit: &Visit<'_>, now: &Snapshot, standing: &Value) -> Markup {
    let curves = visit.shared.desk.history.curves(now, Instant::now());
    // Of the last minute: one sample alone jumps.
    let rate = |curve: &[(f64, f64)]| {
        let last: Vec<f64> =
            curve.iter().filter(|(at, _)| *at > -60.0).map(|(_, value)| *value).collect();
        #[expect(clippy::cast_precision_loss, reason = "a minute's samples are few")]
        let samples = last.len().max(1) as f64;
        count(last.iter().sum::<f64>() / samples)
    };
    let states = &standing["states"];
    let known: u64 = states.as_object().into_iter().flatten().map(|(_, count)| whole(count)).sum();
    let stopped = history::standing_still(now) as u64;
    let tone = if stopped > 0 { "bad" } else { "good" };
    let card = |value: String, unit: &str, note: String, chart: Chart<'_>| {
        html! {
            article.card.total.(chart.tone) {
                h2 { (chart.name) }
                p.value { strong { (value) } " " span { (unit) } }
                (chart.draw())
                p.muted { (note) }
            }
        }
    };
    let aside = (now.parked + now.blocked) as u64;
    html! {
        div.cards {
            (card(
                number(stopped),
                if stopped == 1 { "context" } else { "contexts" },
                format!("of {} known; {} held", number(known), number(whole(&states["held"]))),
                Chart { name: "Standing still", unit: "contexts", tone, points: &curves.stopped, span: curves.span },
            ))
            (card(
                number(now.pending as u64),
                if now.pending == 1 { "item" } else { "items" },
                format!("{} of them set aside; {} running", number(aside), number(now.running as u64)),
                Chart { name: "Waiting", unit: "items", tone: "calm", points: &curves.pending, span: curves.span },
            ))
            (card(
                rate(&curves.ended),
                "a minute",
                format!("{} since the start, {}", many(now.ended(), "item"), away(visit.shared.engine.started_ms, visit.now_ms)),
                Chart { name: "Done", unit: "items a minute", tone: "good", points: &curves.ended, span: curves.span },
            ))
            (card(
                rate(&curves.failures),
                "a minute",
                format!("{} since the start", many(now.failures, "attempt")),
                Chart { name: "Failed attempts", unit: "attempts a minute", tone: "warn", points: &curves.failures, span: curves.span },
            ))
        }
    }
}

fn stands_still(visit: &Visit<'_>, now: &Snapshot, standing: &Value) -> Markup {
    let rows = list(&standing["contexts"]);
    let total = whole(&standing["total"]);
    let files = now.faulty.iter().filter(|item| !item.parked && !item.lane.starts_with("context "));
    let files: Vec<&FaultyItem> = files.take(rows.len().max(3)).collect();
    let faulty = by_item(now);
    html! {
        h2 #h-standing { "Stands still" @if total > 0 { span.count.bad { (number(total)) } } }
        @if total == 0 && files.is_empty() {
            div.card.empty {
                p { strong { "Nothing stands still." } }
                p.muted {
                    @if now.pending == 0 { "Everything that came is done." }
                    @else { (many(now.pending as u64, "item")) " on the way." }
                }
            }
        } @else {
            ul.standing {
                @for file in &files {
                    li.card {
                        h3 { a href=(item_path(&file.item)) { (file.item) } " " span.muted { (file.lane) } }
                        p { "This file cannot be used: " (people::fault(visit, &file.fault, None)) }
                    }
                }
                @for row in rows {
                    (standing_context(visit, row, faulty.get(text(&row["stopped_at"])).copied()))
                }
            }
            @if total > rows.len() as u64 {
                p {
                    a href="/ui?state=stopped&sort=-depth#h-contexts" {
                        "All " (number(total)) " contexts that stand still"
                    }
                }
            }
        }
    }
}

/// Faulty items by their names.
pub(super) fn by_item(now: &Snapshot) -> HashMap<&str, &FaultyItem> {
    now.faulty.iter().map(|item| (item.item.as_str(), item)).collect()
}

fn standing_context(visit: &Visit<'_>, row: &Value, faulty: Option<&FaultyItem>) -> Markup {
    let behind = whole(&row["pending"]).saturating_sub(1);
    let item = text(&row["stopped_at"]);
    let object = faulty.and_then(|faulty| faulty.object.as_deref());
    let kind = faulty.and_then(|faulty| faulty.kind.as_deref()).unwrap_or("item");
    let fault = text(&row["fault"]);
    let hint = hint::of(visit, None, fault);
    html! {
        li.card {
            h3 {
                a href=(format!("/ui/context/{}", row["context"])) { "Context " (row["context"]) }
                @if let Some(name) = row["name"].as_str() { " " span.muted { (name) } }
            }
            p.facts {
                @match behind {
                    0 => span { "nothing waits behind it" },
                    1 => span { strong { "1 item" } " waits behind it" },
                    more => span { strong { (number(more)) " items" } " wait behind it" },
                }
                @if let Some(oldest) = row["oldest_ms"].as_i64() {
                    span { "the oldest came " time title=(moment(oldest)) { (away(oldest, visit.now_ms)) } }
                }
                @if let Some(faulty) = faulty { span { "tried " (times(faulty.attempts)) } }
            }
            p.why {
                "Stands still at a " (kind) ": " span lang=(hint::language(visit)) { (hint.means) }
            }
            p.said { q { (people::fault(visit, fault, object)) } }
            p.actions {
                a.button.primary href=(item_path(item)) { "What to do" span.unseen { " about context " (row["context"]) } }
                a.button href=(format!("/ui/context/{}", row["context"])) { "Show the context" span.unseen { " " (row["context"]) } }
            }
        }
    }
}

/// So many times.
pub(super) fn times(attempts: u32) -> String {
    match attempts {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        more => format!("{} times", number(u64::from(more))),
    }
}
