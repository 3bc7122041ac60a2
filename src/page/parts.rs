//! Pieces that several pages are made of.

use maud::{Markup, html};
use serde_json::Value;

use super::people;
use super::text::{away, moment, number};
use super::visit::Visit;
use crate::admin::inside::encoded;

/// A state in words, with a colour beside them.
pub(super) fn state(word: &str) -> Markup {
    let shown = match word {
        "stopped" => "stands still",
        "aside" => "all set aside",
        "parked" => "set aside",
        "no-op" => "needed nothing",
        "superseded" => "overtaken",
        other => other,
    };
    html! { span.state.(word) { (shown) } }
}

/// What an item's state is, as the API tells it.
pub(super) fn item_state(item: &Value) -> Markup {
    if item["running"] == true { state("working") } else { state(text(&item["state"])) }
}

/// A text, or nothing.
pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// A number, or nought.
pub(super) fn whole(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

/// A list, or an empty one.
pub(super) fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// A moment, as how long ago it is.
pub(super) fn when(visit: &Visit<'_>, ms: &Value) -> Markup {
    match ms.as_i64() {
        Some(ms) => html! { time title=(moment(ms)) { (away(ms, visit.now_ms)) } },
        None => html! { span.muted { "–" } },
    }
}

/// A link to an item's page.
pub(super) fn item_link(name: &str) -> Markup {
    html! { a.file href=(item_path(name)) { (name) } }
}

/// Where an item's page is.
pub(super) fn item_path(name: &str) -> String {
    format!("/ui/item/{}", encoded(name))
}

/// Links to contexts' pages.
pub(super) fn context_links(contexts: &Value) -> Markup {
    /// Named in one row at most.
    const MOST: usize = 8;
    let all = list(contexts);
    html! {
        @for (n, context) in all.iter().take(MOST).enumerate() {
            @if n > 0 { ", " }
            a href=(format!("/ui/context/{context}")) { (context) }
        }
        @if all.len() > MOST { " and " (number((all.len() - MOST) as u64)) " more" }
        @if all.is_empty() { span.muted { "–" } }
    }
}

/// A path with parameters; those without a value are left out.
pub(super) fn path_with(path: &str, query: &[(&str, &str)]) -> String {
    let given = query.iter().filter(|(_, value)| !value.is_empty());
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(given).finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// A link to the preview of an order.
pub(super) fn order(verb: &str, name: &str, what: (&str, &str), class: &str) -> Markup {
    let path = path_with("/ui/do", &[("verb", verb), what]);
    html! { a.button.(class) href=(path) { (name) } }
}

/// Items in a table.
pub(super) fn items(visit: &Visit<'_>, items: &[Value], caption: &str) -> Markup {
    html! {
        div.scroll {
            table.stack {
                caption.unseen { (caption) }
                thead { tr {
                    th scope="col" { "Item" } th scope="col" { "State" } th scope="col" { "Object" }
                    th scope="col" { "Contexts" } th.num scope="col" { "Attempts" }
                    th scope="col" { "Last fault" }
                } }
                tbody {
                    @for item in items {
                        tr {
                            th scope="row" data-label="Item" { (item_link(text(&item["item"]))) }
                            td data-label="State" { (item_state(item)) }
                            td data-label="Object" { (object(item)) }
                            td data-label="Contexts" { (context_links(&item["contexts"])) }
                            td.num data-label="Attempts" { (whole(&item["attempts"])) }
                            @match item["fault"].as_str() {
                                Some(fault) => td.words data-label="Last fault" {
                                    (people::fault(visit, fault, item["object"].as_str()))
                                },
                                None => td.words.none { span.muted { "–" } },
                            }
                        }
                    }
                }
            }
        }
    }
}

/// An item's object: its kind, leading to its page.
pub(super) fn object(item: &Value) -> Markup {
    html! {
        @match (item["kind"].as_str(), item["object"].as_str()) {
            (Some(kind), Some(id)) => a href=(format!("/ui/object/{}", encoded(id))) { (kind) },
            _ => span.muted { "unreadable" },
        }
    }
}

/// What has become of items, the newest first.
pub(super) fn fates(visit: &Visit<'_>, items: &[Value], here: &str) -> Markup {
    html! {
        div.scroll {
            table.stack {
                caption.unseen { "What became of each item" }
                thead { tr {
                    th scope="col" { "Item" } th scope="col" { "Became" } th scope="col" { "Why" }
                    th.num scope="col" { "Attempts" } th scope="col" { "Taken in" } th scope="col" { "Ended" }
                } }
                tbody {
                    @for item in items {
                        @let name = text(&item["item"]);
                        tr {
                            th scope="row" data-label="Item" {
                                @if name == here { span.file { (name) } span.muted { " this one" } }
                                @else { (item_link(name)) }
                            }
                            td data-label="Became" { (state(text(&item["state"]))) }
                            td.words data-label="Why" { (why(visit, item)) }
                            td.num data-label="Attempts" { (whole(&item["attempts"])) }
                            td data-label="Taken in" { (when(visit, &item["taken_ms"])) }
                            td data-label="Ended" {
                                @if item["ended_ms"].is_null() { span.muted { "open" } }
                                @else { (when(visit, &item["ended_ms"])) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn why(visit: &Visit<'_>, item: &Value) -> Markup {
    let object = item["object"].as_str();
    let said = ["reason", "note"].map(|key| people::fault(visit, text(&item[key]), object));
    let said: Vec<String> = said.into_iter().filter(|text| !text.is_empty()).collect();
    html! {
        @if !said.is_empty() { (said.join(": ")) }
        @if let Some(by) = item["blocked_by"].as_str() { " for " (item_link(by)) }
        @if let Some(fault) = item["last_fault"].as_str() {
            div.muted { "last fault: " (people::fault(visit, fault, item["object"].as_str())) }
        }
        @else if said.is_empty() && item["blocked_by"].is_null() { span.muted { "–" } }
    }
}
