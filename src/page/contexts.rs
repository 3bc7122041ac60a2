//! All contexts, and one of them.

use std::collections::HashMap;

use maud::{Markup, html};
use serde_json::Value;

use super::frame::{self, Here};
use super::overview::by_item;
use super::parts::{self, item_link, list, order, path_with, state, text, when, whole};
use super::text::{many, number, sentence};
use super::visit::Visit;
use super::{hint, people};
use crate::actors::status::{FaultyItem, Snapshot};
use crate::admin::inside::{Refusal, encoded};

/// Rows of a page.
const ROWS: u64 = 50;

/// States and what they are called in the filter.
const STATES: [(&str, &str); 6] = [
    ("stopped", "Standing still"),
    ("held", "Held"),
    ("aside", "All set aside"),
    ("waiting", "Waiting"),
    ("working", "Working"),
    ("idle", "Idle"),
];

/// Columns by which the list can be put in order.
const COLUMNS: [(&str, &str); 4] =
    [("id", "Context"), ("state", "State"), ("depth", "Waiting"), ("age", "Oldest")];

fn sort<'a>(visit: &'a Visit<'_>) -> &'a str {
    visit.query("sort").unwrap_or("state")
}

/// The page of the list that is asked for.
pub(super) async fn ask(visit: &Visit<'_>) -> Result<Value, Refusal> {
    let query = [
        ("sort", sort(visit)),
        ("state", visit.query("state").unwrap_or_default()),
        ("search", visit.query("search").unwrap_or_default()),
        ("offset", visit.query("offset").unwrap_or_default()),
        ("limit", &ROWS.to_string()),
    ];
    visit.ask("/v1/contexts", &query).await
}

/// How many there are, whatever is asked for.
pub(super) fn all(listed: &Value) -> u64 {
    listed["states"].as_object().into_iter().flatten().map(|(_, count)| whole(count)).sum()
}

/// The same list with something else asked for.
fn other(visit: &Visit<'_>, changed: &[(&str, &str)]) -> String {
    let value = |name: &'static str| {
        let changed = changed.iter().find(|(other, _)| *other == name).map(|(_, value)| *value);
        // Another question begins at its first page.
        let kept = if name == "offset" { None } else { visit.query(name) };
        (name, changed.or(kept).unwrap_or_default())
    };
    path_with("/ui", &["state", "search", "sort", "offset"].map(value)) + "#h-contexts"
}

/// What narrows the list down.
pub(super) fn filter(visit: &Visit<'_>, listed: &Value) -> Markup {
    let wanted = visit.query("state").unwrap_or_default();
    let tab = |word: &str, name: &str, count: u64| {
        let current = (wanted == word).then_some("true");
        html! {
            a href=(other(visit, &[("state", word)])) aria-current=[current] {
                (name) " " span.muted { (number(count)) }
            }
        }
    };
    html! {
        div.filter {
            nav.tabs aria-label="States of contexts" {
                (tab("", "All", all(listed)))
                @for (word, name) in STATES {
                    @let count = whole(&listed["states"][word]);
                    @if count > 0 || wanted == word { (tab(word, name, count)) }
                }
            }
            form action="/ui#h-contexts" {
                @for name in ["state", "sort"] {
                    @if let Some(value) = visit.query(name) { input type="hidden" name=(name) value=(value); }
                }
                label.unseen for="f-search" { "Number or name of a context" }
                input #f-search type="search" name="search" value=[visit.query("search")]
                    placeholder="Number or name" autocomplete="off";
                button { "Filter" }
            }
        }
    }
}

/// The list.
pub(super) fn table(visit: &Visit<'_>, now: &Snapshot, listed: &Value) -> Markup {
    let rows = list(&listed["contexts"]);
    let (total, offset) = (whole(&listed["total"]), whole(&listed["offset"]));
    let faulty = by_item(now);
    html! {
        @if rows.is_empty() {
            div.card.empty {
                @if total > 0 { p { "The list ends before this page." } p { a href=(other(visit, &[])) { "To its beginning" } } }
                @else if visit.query("state").is_some() || visit.query("search").is_some() {
                    p { strong { "No context is like that." } }
                    p { a href="/ui#h-contexts" { "Show all" } }
                }
                @else {
                    p { strong { "No context is known yet." } }
                    p.muted { "They appear here as soon as the queue brings something for them." }
                }
            }
        } @else {
            div.scroll {
                table.stack {
                    caption.unseen { "Contexts" }
                    thead { tr {
                        @for (by, name) in COLUMNS { (heading(visit, by, name)) }
                        th scope="col" { "What it does" }
                    } }
                    tbody { @for row in rows { (context_row(visit, row, &faulty)) } }
                }
            }
            (pager(visit, total, offset, rows.len() as u64))
        }
    }
}

/// The head of a column that puts the list in order; once more, the other way round.
fn heading(visit: &Visit<'_>, by: &str, name: &str) -> Markup {
    let now = sort(visit);
    let (order, arrow) = match now.strip_prefix('-') {
        Some(rest) if rest == by => (Some("descending"), " ↓"),
        None if now == by => (Some("ascending"), " ↑"),
        _ => (None, ""),
    };
    // What is most and oldest is wanted first.
    let first_down = matches!(by, "depth" | "age");
    let down = match order {
        Some("ascending") => true,
        Some(_) => false,
        None => first_down,
    };
    let next = if down { format!("-{by}") } else { by.to_owned() };
    let class = if by == "depth" { "num" } else { "" };
    html! {
        th.(class) scope="col" aria-sort=[order] { a href=(other(visit, &[("sort", &next)])) { (name) (arrow) } }
    }
}

fn context_row(visit: &Visit<'_>, row: &Value, faulty: &HashMap<&str, &FaultyItem>) -> Markup {
    html! {
        tr {
            th scope="row" data-label="Context" {
                a href=(format!("/ui/context/{}", row["context"])) { (row["context"]) }
                @if let Some(name) = row["name"].as_str() { " " span.muted { (name) } }
            }
            td data-label="State" { (state(text(&row["state"]))) }
            td.num data-label="Waiting" { (number(whole(&row["pending"]))) }
            td data-label="Oldest" { (when(visit, &row["oldest_ms"])) }
            td.words data-label="What it does" { (why(visit, row, faulty)) }
        }
    }
}

/// Why a context is as it is, in a sentence.
fn why(visit: &Visit<'_>, row: &Value, faulty: &HashMap<&str, &FaultyItem>) -> Markup {
    let Some(item) = row["stopped_at"].as_str() else {
        return html! { (people::fault(visit, &sentence(text(&row["why"])), None)) };
    };
    let kind = faulty.get(item).and_then(|faulty| faulty.kind.as_deref()).unwrap_or("item");
    let hint = hint::of(visit, None, text(&row["fault"]));
    html! {
        "Stands still at a " (kind) ", " (item_link(item)) ": "
        span lang=(hint::language(visit)) { (hint.means) }
    }
}

fn pager(visit: &Visit<'_>, total: u64, offset: u64, shown: u64) -> Markup {
    let at = |offset: u64| {
        let offset = if offset == 0 { String::new() } else { offset.to_string() };
        other(visit, &[("offset", &offset)])
    };
    html! {
        nav.pager aria-label="Pages of the list" {
            @if offset > 0 { a.button rel="prev" href=(at(offset.saturating_sub(ROWS))) { "← Before" } }
            span.muted { (number(offset + 1)) "–" (number(offset + shown)) " of " (number(total)) }
            @if offset + shown < total { a.button rel="next" href=(at(offset + ROWS)) { "Next →" } }
        }
    }
}

/// One context.
pub(super) async fn one(visit: &Visit<'_>, id: &str) -> Result<Markup, Refusal> {
    let told = visit.ask(&format!("/v1/contexts/{}", encoded(id)), &[]).await?;
    let now = visit.snapshot();
    let faulty = by_item(&now);
    let items = list(&told["items"]);
    let pending = whole(&told["pending"]);
    let title = format!("Context {id}");
    let held = told["hold"].is_object();
    let body = html! {
        nav.crumbs aria-label="Where" { a href="/ui" { "Overview" } }
        header.head {
            div {
                h1 { (title) @if let Some(name) = told["name"].as_str() { " " span.muted { (name) } } }
                p #state data-live { (state(text(&told["state"]))) }
            }
            @if visit.may_change() {
                div.actions {
                    @if held { (order("resume", "Go on…", ("context", id), "primary")) }
                    @else { (order("hold", "Hold…", ("context", id), "")) }
                }
            }
        }
        div #facts data-live {
            p.notice.(text(&told["state"])) { (why(visit, &told, &faulty)) }
            @if let Some(item) = told["stopped_at"].as_str() {
                @let object = faulty.get(item).and_then(|faulty| faulty.object.as_deref());
                p.muted { q { (people::fault(visit, text(&told["fault"]), object)) } }
                p.actions { a.button.primary href=(parts::item_path(item)) { "What to do" } }
            }
            dl.facts {
                div { dt { "Waiting" } dd { (many(pending, "item")) } }
                div { dt { "Set aside, or waiting for what is" } dd { (number(whole(&told["aside"]))) } }
                div { dt { "Oldest" } dd { (when(visit, &told["oldest_ms"])) } }
                div { dt { "Objects" } dd { (number(whole(&told["objects"]))) } }
                @if held {
                    div { dt { "Held" } dd { (when(visit, &told["hold"]["since_ms"])) } }
                }
            }
        }
        section aria-labelledby="h-items" {
            h2 #h-items { "Waiting here" span.count { (number(pending)) } }
            div #items data-live {
                @if items.is_empty() {
                    div.card.empty { p { strong { "Nothing waits here." } } }
                } @else {
                    (parts::items(visit, items, "Items that wait in this context"))
                    @if pending > items.len() as u64 {
                        p.muted { "The first " (number(items.len() as u64)) " of " (number(pending)) ", in the order in which they are done." }
                    }
                }
            }
        }
    };
    Ok(frame::page(visit, Here::Elsewhere, &title, &body))
}
