//! One object: who it is, where it is in OX, what waits for it, what became of its items.

use maud::{Markup, html};

use super::frame::{self, Here};
use super::parts::{self, list};
use super::people::Person;
use super::visit::Visit;
use crate::admin::inside::{Refusal, encoded};
use crate::model::ObjectId;

/// Who it is, if that may be seen and is known.
pub(super) fn person(visit: &Visit<'_>, id: &str) -> Option<Person> {
    if id.is_empty() || !visit.sees_people() {
        return None;
    }
    let record = visit.shared.engine.store.object(&ObjectId::new(id)).ok().flatten()?;
    Some(Person::of(&record))
}

/// Who it is.
pub(super) fn card(heading: &str, id: &str, person: &Person) -> Markup {
    let row = |name: &str, value: &Option<String>| {
        html! { @if let Some(value) = value { div { dt { (name) } dd { (value) } } } }
    };
    html! {
        section.card aria-labelledby="h-who" {
            h2 #h-who { (heading) }
            dl.facts {
                (row("Name", &person.name))
                (row("Display name", &person.display))
                (row("Mail address", &person.mail))
                div.wide { dt { "DN" } dd { (person.dn) } }
                div.wide { dt { "Id" } dd { a href=(format!("/ui/object/{}", encoded(id))) { (id) } } }
            }
        }
    }
}

pub(super) async fn show(visit: &Visit<'_>, id: &str) -> Result<Markup, Refusal> {
    let object = ObjectId::new(id);
    let record = visit.shared.engine.store.object(&object)?;
    let newest = visit.shared.engine.store.history(&object, 1)?;
    let waiting = visit.ask("/v1/items", &[("object", id), ("limit", "50")]).await?;
    let waiting = list(&waiting["items"]);
    if record.is_none() && newest.is_empty() && waiting.is_empty() {
        return Err(Refusal::new(
            404,
            "drover knows nothing of an object with this id",
            "search for its context, or for one of its items",
        ));
    }
    let story = match newest.first() {
        Some(item) => visit.ask(&format!("/v1/items/{}", encoded(item.item.as_str())), &[]).await?,
        None => serde_json::Value::Null,
    };
    let person = person(visit, id);
    let kind = record.as_ref().map(|record| record.kind.word());
    let kind = kind.or_else(|| newest.first().and_then(|item| Some(item.kind?.word())));
    let shown = person.as_ref().and_then(Person::shown);
    let title = shown.unwrap_or(id).to_owned();
    let body = html! {
        nav.crumbs aria-label="Where" { a href="/ui" { "Overview" } }
        header.head { div { h1 { (title) } p.muted { (kind.unwrap_or("object")) } } }
        @if let Some(person) = &person { (card("Who it is", id, person)) }
        section aria-labelledby="h-where" {
            h2 #h-where { "Where it is in OX" }
            @match record.as_ref().filter(|record| !record.placements.is_empty()) {
                None => div.card.empty { p { strong { "Nowhere, as far as drover knows." } } },
                Some(record) => {
                    dl.facts {
                        @for (context, placement) in &record.placements {
                            div {
                                dt { a href=(format!("/ui/context/{context}")) { "Context " (context) } }
                                dd { @match placement.ox_id() { Some(ox) => { "number " (ox) } None => { "is there" } } }
                            }
                        }
                    }
                }
            }
        }
        section aria-labelledby="h-waiting" {
            h2 #h-waiting { "Waiting" }
            @if waiting.is_empty() { div.card.empty { p { strong { "Nothing of it waits." } } } }
            @else { (parts::items(visit, waiting, "Items of this object that wait")) }
        }
        section aria-labelledby="h-fates" {
            h2 #h-fates { "What became of each item" }
            @if newest.is_empty() { div.card.empty { p { "No item of it is remembered." } } }
            @else { (parts::fates(visit, list(&story["history_of_object"]), "")) }
        }
    };
    Ok(frame::page(visit, Here::Elsewhere, &title, &body))
}
