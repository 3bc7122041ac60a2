//! One item: what is wrong, what it means, what hangs on it, what can be done, what became of it.

use maud::{Markup, html};
use serde_json::Value;

use super::frame::{self, Here};
use super::overview::times;
use super::parts::{self, context_links, item_link, item_state, list, order, text, when, whole};
use super::people::{self, Person};
use super::text::{away, number, sentence};
use super::visit::Visit;
use super::{causes, hint, object};
use crate::admin::inside::{Refusal, encoded};

/// Items that are named as waiting behind it.
const MOST_BEHIND: usize = 10;

pub(super) async fn show(visit: &Visit<'_>, name: &str) -> Result<Markup, Refusal> {
    let told = visit.ask(&format!("/v1/items/{}", encoded(name)), &[]).await?;
    let item = &told["pending"];
    let last = if item.is_null() { &told["history"][0] } else { item };
    let person = object::person(visit, text(&last["object"]));
    let behind = behind(visit, item).await?;
    let causes = visit.causes().await?;
    let cause = causes.iter().find(|cause| item["fingerprint"] == cause.fingerprint.as_str());
    let alike = cause.map_or(0, |cause| (cause.faulty + cause.parked).saturating_sub(1));
    let body = html! {
        nav.crumbs aria-label="Where" {
            a href="/ui" { "Overview" }
            @for context in list(&item["contexts"]).iter().take(3) {
                a href=(format!("/ui/context/{context}")) { "Context " (context) }
            }
        }
        header.head {
            div {
                h1 {
                    (kind(last))
                    @if let Some(shown) = person.as_ref().and_then(Person::shown) { " " (shown) }
                }
                p.file.muted { (name) }
                p #state data-live { (item_state(last)) }
            }
            @if visit.may_change() && !item.is_null() { (actions(name, item)) }
        }
        @if item.is_null() { (ended(visit, last)) }
        @else {
            div #why data-live { (why(visit, item).await?) }
            @if let Some(fault) = item["fault"].as_str() {
                div.two {
                    (fault_card(visit, item, fault))
                    div {
                        (hint::about(visit, item))
                        @if let (Some(cause), true) = (cause, alike > 0) {
                            p.alike {
                                (number(alike as u64)) " other " (if alike == 1 { "item has" } else { "items have" })
                                " the same fault. "
                                a href=(format!("/ui/cause/{}", causes::id(cause))) { "Look at all of them" }
                            }
                        }
                    }
                }
                @if !list(&told["failed_attempts"]).is_empty() { (attempts(visit, &told)) }
            }
            (hangs_on_it(visit, item, &behind))
        }
        @if let Some(person) = person { (object::card("Whose change it is", text(&last["object"]), &person)) }
        section aria-labelledby="h-fates" {
            h2 #h-fates { "What became of each item of this object" }
            @let fates = if list(&told["history_of_object"]).is_empty() { &told["history"] } else { &told["history_of_object"] };
            (parts::fates(visit, list(fates), name))
        }
    };
    Ok(frame::page(visit, Here::Elsewhere, name, &body))
}

fn kind(item: &Value) -> Markup {
    html! {
        @match item["kind"].as_str() {
            Some(kind) => { (sentence(kind)) }
            None => { "A file that cannot be read" }
        }
    }
}

fn actions(name: &str, item: &Value) -> Markup {
    let state = text(&item["state"]);
    let parked = state == "parked";
    let main = if parked { "" } else { "primary" };
    html! {
        div.actions {
            @if state == "faulty" || parked && item["fault"].is_string() {
                (order("retry", "Retry…", ("item", name), main))
            }
            @if parked { (order("release", "Release…", ("item", name), "primary")) }
            @else { (order("park", "Park…", ("item", name), "")) }
            (order("drop", "Drop…", ("item", name), "danger"))
        }
    }
}

/// What keeps it, in a sentence.
async fn why(visit: &Visit<'_>, item: &Value) -> Result<Markup, Refusal> {
    let state = text(&item["state"]);
    // It is the fault's text where a fault was the reason.
    let note = people::fault(visit, text(&item["note"]), item["object"].as_str());
    Ok(match state {
        _ if item["running"] == true => html! { p.notice.calm { "It is being done right now." } },
        "faulty" => html! {
            p.notice.bad {
                "Tried " (times(u32::try_from(whole(&item["attempts"])).unwrap_or(u32::MAX)))
                ", and refused each time. "
                @if let Some(next) = item["next_ms"].as_i64() {
                    "drover tries it again by itself "
                    (if next > visit.now_ms + 1_000 { away(next, visit.now_ms) } else { "at any moment".to_owned() })
                    "."
                } @else { "It is tried again when its turn comes, or its file changes." }
            }
        },
        "parked" => html! {
            p.notice.aside {
                "Set aside " (text(&item["reason"])) @if !note.is_empty() { ": " (note) }
                ". Everything that can be done without it goes on."
            }
        },
        "blocked" => html! {
            p.notice.aside {
                "It cannot be done without " (item_link(text(&item["blocked_by"]))) ", which is set aside."
            }
        },
        _ => {
            let mut places = Vec::new();
            for context in list(&item["contexts"]).iter().take(3) {
                let place = visit.ask(&format!("/v1/contexts/{context}"), &[]).await;
                places.extend(place.ok().map(|place| (context, place)));
            }
            html! {
                p.notice.calm { "Nothing is wrong with it: it waits for its turn." }
                @for (context, place) in places {
                    @if let Some(first) = place["stopped_at"].as_str() {
                        p.notice.bad {
                            a href=(format!("/ui/context/{context}")) { "Context " (context) }
                            " stands still before it, at " (item_link(first)) "."
                        }
                    } @else if place["hold"].is_object() {
                        p.notice.held {
                            (people::fault(visit, &format!("Context {context} is {}.", text(&place["why"])), None))
                        }
                    }
                }
            }
        }
    })
}

fn fault_card(visit: &Visit<'_>, item: &Value, fault: &str) -> Markup {
    html! {
        section.card aria-labelledby="h-fault" {
            h2 #h-fault { "The fault" }
            p.fault { (people::fault(visit, fault, item["object"].as_str())) }
            dl.facts {
                div { dt { "Kind of fault" } dd { (text(&item["class"])) } }
                @if let Some(id) = item["exception_id"].as_str() {
                    div { dt { "OX's exception id" } dd { code { (id) } } }
                }
                div { dt { "Attempts" } dd { (number(whole(&item["attempts"]))) } }
                div { dt { "First failed" } dd { (when(visit, &item["since_ms"])) } }
                @if item["next_ms"].is_i64() {
                    div { dt { "Next attempt" } dd { (when(visit, &item["next_ms"])) } }
                }
            }
        }
    }
}

/// The attempts that are remembered one by one.
fn attempts(visit: &Visit<'_>, told: &Value) -> Markup {
    let attempts = list(&told["failed_attempts"]);
    html! {
        section aria-labelledby="h-attempts" {
            h2 #h-attempts { "Attempts" span.count { (number(attempts.len() as u64)) } }
            div.scroll {
                table.stack {
                    caption.unseen { "The last attempts that failed, the newest first" }
                    thead { tr { th.num scope="col" { "No." } th scope="col" { "Failed" } th scope="col" { "Fault" } th scope="col" { "Exception id" } } }
                    tbody {
                        @for attempt in attempts.iter().rev() {
                            tr {
                                th.num scope="row" data-label="No." { (whole(&attempt["number"])) }
                                td data-label="Failed" { (when(visit, &attempt["at_ms"])) }
                                td.words data-label="Fault" {
                                    (people::fault(visit, text(&attempt["fault"]), told["pending"]["object"].as_str()))
                                }
                                td data-label="Exception id" {
                                    @match attempt["exception_id"].as_str() {
                                        Some(id) => code { (id) },
                                        None => span.muted { "–" },
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Items that wait in a context in which it stands still, behind it.
async fn behind(visit: &Visit<'_>, item: &Value) -> Result<Vec<(Value, Vec<Value>)>, Refusal> {
    let mut found = Vec::new();
    if text(&item["state"]) != "faulty" {
        return Ok(found);
    }
    for context in list(&item["contexts"]).iter().take(3) {
        let (number, most) = (context.to_string(), (MOST_BEHIND + 1).to_string());
        let query = [
            ("context", number.as_str()),
            ("after", text(&item["item"])),
            ("limit", most.as_str()),
        ];
        let listed = visit.ask("/v1/items", &query).await?;
        let items = list(&listed["items"]);
        if !items.is_empty() {
            found.push((context.clone(), items.to_vec()));
        }
    }
    Ok(found)
}

fn hangs_on_it(visit: &Visit<'_>, item: &Value, behind: &[(Value, Vec<Value>)]) -> Markup {
    let blocks = list(&item["blocks"]);
    let replaces = list(&item["replaces"]);
    html! {
        section #hangs aria-labelledby="h-hangs" {
            h2 #h-hangs { "What hangs on it" }
            @if blocks.is_empty() && behind.is_empty() && replaces.is_empty() {
                div.card.empty { p { strong { "Nothing waits for it." } } }
            }
            @if !blocks.is_empty() {
                p { "Cannot be done without it: " (names(blocks)) "." }
            }
            @if !replaces.is_empty() {
                p { "It is done in place of earlier changes of the same object: " (names(replaces)) "." }
            }
            @for (context, items) in behind {
                h3 { "Behind it in " a href=(format!("/ui/context/{context}")) { "context " (context) } }
                (parts::items(visit, &items[..items.len().min(MOST_BEHIND)], "Items that wait behind it"))
                @if items.len() > MOST_BEHIND {
                    p { a href=(format!("/ui/context/{context}")) { "More of them" } }
                }
            }
        }
        @if list(&item["contexts"]).len() > 3 {
            p.muted { "It is to be done in contexts " (context_links(&item["contexts"])) "." }
        }
    }
}

fn names(items: &[Value]) -> Markup {
    html! {
        @for (n, name) in items.iter().take(MOST_BEHIND).enumerate() {
            @if n > 0 { ", " }
            (item_link(text(name)))
        }
        @if items.len() > MOST_BEHIND { " and " (number((items.len() - MOST_BEHIND) as u64)) " more" }
    }
}

fn ended(visit: &Visit<'_>, last: &Value) -> Markup {
    let why = text(&last["reason"]);
    html! {
        p.notice.good {
            "It has ended " (when(visit, &last["ended_ms"])) ": " (text(&last["state"]))
            @if !why.is_empty() { " (" (why) ")" }
            @if let Some(by) = last["blocked_by"].as_str() { " by " (item_link(by)) }
            "."
        }
    }
}
