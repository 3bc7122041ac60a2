//! Searching: contexts, items and objects by whatever one has of them.

use std::collections::BTreeSet;

use maud::{Markup, html};
use serde_json::Value;

use super::frame::{self, Here};
use super::parts::{self, item_path, list, state, text, whole};
use super::people::Person;
use super::text::number;
use super::visit::Visit;
use crate::admin::find::find;
use crate::admin::inside::{Refusal, encoded};
use crate::model::{ItemName, ObjectId};

/// Objects that are told of.
const MOST_OBJECTS: usize = 20;

/// Faulty objects among which an address is looked for that OX does not have.
const MOST_FAULTY: usize = 5_000;

/// What was found.
pub(super) enum Found {
    /// One thing, which has a page of its own.
    One(String),
    /// Anything else.
    Page(Markup),
}

pub(super) async fn show(visit: &Visit<'_>) -> Result<Found, Refusal> {
    let Some(wanted) = visit.query("q") else {
        return Ok(Found::Page(page(visit, "", &[], &[], &[])));
    };
    let item = ItemName::new(wanted);
    if !visit.shared.engine.store.item_history(&item, 1)?.is_empty() {
        return Ok(Found::One(item_path(wanted)));
    }
    let listed = visit
        .ask("/v1/contexts", &[("search", wanted), ("sort", "state"), ("limit", "20")])
        .await?;
    let contexts = list(&listed["contexts"]);
    let objects = objects(visit, wanted)?;
    let listed = visit.ask("/v1/items", &[("fault", wanted), ("limit", "20")]).await;
    // Words of faults may say who people are.
    let items = match &listed {
        Ok(listed) if visit.sees_people() => list(&listed["items"]),
        _ => &[],
    };
    let number: Option<u64> = wanted.parse().ok();
    let exact = contexts.iter().find(|row| number.is_some() && row["context"].as_u64() == number);
    Ok(match (exact, contexts, &objects[..], items) {
        (Some(row), ..) | (None, [row], [], []) => {
            Found::One(format!("/ui/context/{}", row["context"]))
        }
        (None, [], [object], _) => Found::One(format!("/ui/object/{}", encoded(object.as_str()))),
        _ => Found::Page(page(visit, wanted, contexts, &objects, items)),
    })
}

/// Objects that are meant. Whoever may not see who people are finds them by their ids only.
fn objects(visit: &Visit<'_>, wanted: &str) -> Result<Vec<ObjectId>, Refusal> {
    let engine = &visit.shared.engine;
    let id = ObjectId::new(wanted);
    if !engine.store.history(&id, 1)?.is_empty() {
        return Ok(vec![id]);
    }
    if !visit.sees_people() {
        return Ok(Vec::new());
    }
    let mut found: BTreeSet<ObjectId> = find(&engine.index, wanted).into_iter().collect();
    if found.is_empty() {
        // What OX refused has no place in the index.
        let faulty: BTreeSet<ObjectId> =
            engine.store.faults()?.into_iter().filter_map(|fault| fault.object).collect();
        for id in faulty.into_iter().take(MOST_FAULTY) {
            let Some(record) = engine.store.object(&id)? else { continue };
            let person = Person::of(&record);
            let is = |text: &Option<String>| {
                text.as_ref().is_some_and(|text| text.eq_ignore_ascii_case(wanted))
            };
            if is(&person.mail) || is(&person.name) || is(&person.display) {
                found.insert(id);
            }
        }
    }
    Ok(found.into_iter().take(MOST_OBJECTS).collect())
}

fn page(
    visit: &Visit<'_>,
    wanted: &str,
    contexts: &[Value],
    objects: &[ObjectId],
    items: &[Value],
) -> Markup {
    let nothing = contexts.is_empty() && objects.is_empty() && items.is_empty();
    let body = html! {
        h1 {
            @if wanted.is_empty() { "Search" }
            @else { @if nothing { "Nothing found" } @else { "Found" } " for “" (wanted) "”" }
        }
        @if nothing {
            div.card.empty {
                @if wanted.is_empty() { p { strong { "Nothing was asked for." } } }
                @else { p { strong { "Nothing is known of that." } } }
                p.muted {
                    "Search for a context's number or name, the name of a queue file, or an object's id"
                    @if visit.sees_people() { ", DN, mail address, or name in OX (also as CONTEXT/NAME)" }
                    @else { ". By mail addresses, names and DNs only operators can search" }
                    "."
                }
            }
        }
        @if !contexts.is_empty() {
            section aria-labelledby="h-contexts" {
                h2 #h-contexts { "Contexts" }
                ul.found {
                    @for row in contexts {
                        li {
                            a href=(format!("/ui/context/{}", row["context"])) { "Context " (row["context"]) }
                            " " span.muted { (text(&row["name"])) } " " (state(text(&row["state"])))
                            " " span.muted { (number(whole(&row["pending"]))) " waiting" }
                        }
                    }
                }
            }
        }
        @if !objects.is_empty() {
            section aria-labelledby="h-objects" {
                h2 #h-objects { "Objects" }
                ul.found {
                    @for id in objects {
                        @let person = super::object::person(visit, id.as_str());
                        li {
                            a href=(format!("/ui/object/{}", encoded(id.as_str()))) {
                                (person.as_ref().and_then(Person::shown).unwrap_or(id.as_str()))
                            }
                            @if let Some(person) = person { " " span.muted { (person.dn) } }
                        }
                    }
                }
            }
        }
        @if !items.is_empty() {
            section aria-labelledby="h-items" {
                h2 #h-items { "Items with that in their fault" }
                (parts::items(visit, items, "Items with that in their fault"))
            }
        }
    };
    frame::page(visit, Here::Elsewhere, "Search", &body)
}
