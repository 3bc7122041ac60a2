//! Faults that are the same but for whom they hit: what they keep, and one order for all of them.

use std::fmt::Write as _;

use maud::{Markup, html};
use sha2::{Digest as _, Sha256};

use super::frame::{self, Here};
use super::parts::{self, order, path_with};
use super::text::{away, many, moment, number};
use super::visit::Visit;
use super::{hint, people};
use crate::actors::operator::Cause;
use crate::admin::inside::{Refusal, encoded};
use crate::model::ObjectId;

/// Items of a page.
const ROWS: &str = "50";

/// Contexts that are named one by one.
const MOST_CONTEXTS: usize = 40;

/// A short name for a cause, for paths.
pub(super) fn id(cause: &Cause) -> String {
    let digest = Sha256::digest(cause.fingerprint.as_bytes());
    digest.iter().take(8).fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The cause of that short name.
pub(super) async fn find(visit: &Visit<'_>, wanted: &str) -> Result<Cause, Refusal> {
    let causes = visit.causes().await?;
    causes.iter().find(|cause| id(cause) == wanted).cloned().ok_or_else(|| {
        Refusal::new(
            404,
            "no item has a fault of this cause any more",
            "the overview tells what stands still now",
        )
    })
}

/// All causes.
pub(super) async fn list(visit: &Visit<'_>) -> Result<Markup, Refusal> {
    let causes = visit.causes().await?;
    let body = html! {
        h1 { "Causes" span.count { (number(causes.len() as u64)) } }
        p.muted {
            "Faults that are the same but for whom they hit are one cause, whatever the names and numbers in them."
        }
        div #causes data-live {
            @if causes.is_empty() { div.card.empty { p { strong { "No item has a fault." } } } }
            @else { (table(visit, &causes)) }
        }
    };
    Ok(frame::page(visit, Here::Causes, "Causes", &body))
}

/// Words of the fault at one of the items.
fn words(visit: &Visit<'_>, cause: &Cause) -> String {
    if visit.sees_people() {
        return cause.fault.clone();
    }
    let object = visit.shared.engine.store.item_history(&cause.example, 1).ok();
    let object = object.and_then(|items| items.into_iter().next()?.object);
    people::fault(visit, &cause.fault, object.as_ref().map(ObjectId::as_str))
}

/// Causes in a table.
pub(super) fn table(visit: &Visit<'_>, causes: &[Cause]) -> Markup {
    html! {
        div.scroll {
            table.stack {
                caption.unseen { "Causes of faults, the one that keeps most contexts first" }
                thead { tr {
                    th scope="col" { "Cause, and the fault at one of the items" }
                    th.num scope="col" { "Contexts standing still" } th.num scope="col" { "Faulty items" }
                    th.num scope="col" { "Set aside" } th scope="col" { "Since" }
                    @if visit.may_change() { th scope="col" { "For all of them" } }
                } }
                tbody {
                    @for cause in causes {
                        @let id = id(cause);
                        tr {
                            th.words scope="row" data-label="Cause" {
                                a href=(format!("/ui/cause/{id}")) lang=(hint::language(visit)) {
                                    (hint::of(visit, Some(&cause.class), &cause.fault).means)
                                }
                                div.muted { q { (words(visit, cause)) } }
                            }
                            td.num data-label="Contexts standing still" { (number(cause.stopped as u64)) }
                            td.num data-label="Faulty items" { (number(cause.faulty as u64)) }
                            td.num data-label="Set aside" { (number(cause.parked as u64)) }
                            td data-label="Since" {
                                time title=(moment(cause.since_ms)) { (away(cause.since_ms, visit.now_ms)) }
                            }
                            @if visit.may_change() {
                                td.actions data-label="For all of them" {
                                    (order("retry", "Retry…", ("cause", &id), "small"))
                                    @if cause.faulty > 0 { (order("park", "Park…", ("cause", &id), "small")) }
                                    @else { (order("release", "Release…", ("cause", &id), "small")) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// One cause, and its items.
pub(super) async fn one(visit: &Visit<'_>, wanted: &str) -> Result<Markup, Refusal> {
    let cause = find(visit, wanted).await?;
    let after = visit.query("after").unwrap_or_default();
    let query = [
        ("fingerprint", cause.fingerprint.as_str()),
        ("state", "faulty,parked"),
        ("after", after),
        ("limit", ROWS),
    ];
    let listed = visit.ask("/v1/items", &query).await?;
    let items = parts::list(&listed["items"]);
    let example = visit.ask(&format!("/v1/items/{}", encoded(cause.example.as_str())), &[]).await?;
    let total = (cause.faulty + cause.parked) as u64;
    let body = html! {
        nav.crumbs aria-label="Where" { a href="/ui" { "Overview" } a href="/ui/causes" { "Causes" } }
        header.head {
            div {
                h1 { (many(total, "item")) " of one cause" }
                p.muted { (cause.class) }
            }
            @if visit.may_change() {
                div.actions {
                    (order("retry", "Retry all…", ("cause", wanted), "primary"))
                    @if cause.faulty > 0 { (order("park", "Park all…", ("cause", wanted), "")) }
                    @if cause.parked > 0 { (order("release", "Release all…", ("cause", wanted), "")) }
                    (order("drop", "Drop all…", ("cause", wanted), "danger"))
                }
            }
        }
        section.card aria-labelledby="h-fault" {
            h2 #h-fault { "The fault, at " (parts::item_link(cause.example.as_str())) }
            p.fault { (words(visit, &cause)) }
        }
        (hint::about(visit, &example["pending"]))
        div #facts data-live {
            dl.facts {
                div { dt { "Contexts standing still" } dd { (number(cause.stopped as u64)) } }
                div { dt { "Faulty items" } dd { (number(cause.faulty as u64)) } }
                div { dt { "Set aside" } dd { (number(cause.parked as u64)) } }
                div { dt { "First met" } dd { time title=(moment(cause.since_ms)) { (away(cause.since_ms, visit.now_ms)) } } }
            }
            p {
                "In " (many(cause.contexts.len() as u64, "context")) ": "
                @for (n, context) in cause.contexts.iter().take(MOST_CONTEXTS).enumerate() {
                    @if n > 0 { ", " }
                    a href=(format!("/ui/context/{context}")) { (context) }
                }
                @if cause.contexts.len() > MOST_CONTEXTS {
                    " and " (number((cause.contexts.len() - MOST_CONTEXTS) as u64)) " more"
                }
            }
        }
        section aria-labelledby="h-items" {
            h2 #h-items { "Its items" span.count { (number(total)) } }
            (parts::items(visit, items, "Items with this fault"))
            nav.pager aria-label="Pages of the list" {
                @if !after.is_empty() { a.button href=(format!("/ui/cause/{wanted}#h-items")) { "← To the beginning" } }
                @if let Some(next) = listed["next"].as_str() {
                    a.button rel="next" href=(path_with(&format!("/ui/cause/{wanted}"), &[("after", next)]) + "#h-items") { "Next →" }
                }
            }
        }
    };
    Ok(frame::page(visit, Here::Elsewhere, "Cause", &body))
}
