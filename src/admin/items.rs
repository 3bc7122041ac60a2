//! Pending items, and one item's story.

use serde_json::{Value, json};

use super::Engine;
use super::words::{self, Answer, Refusal};
use crate::actors::operator::{Filter, ItemView, Order, OrderError, Outcome};
use crate::model::{Fate, ItemName};
use crate::redact::without_addresses;
use crate::store::{ItemRecord, fingerprint};

/// Items of a name, or of an object, that a story tells of.
const MOST_TOLD: usize = 20;

/// A page of pending items, in the queue's order.
pub(super) async fn list(engine: &Engine, query: &str, whole: bool) -> Answer {
    let pairs = words::query(query, words::FILTER)?;
    let filter = Filter { limit: words::page_size(&pairs)?, ..words::filter(&pairs)? };
    let limit = filter.limit;
    let items = engine.operator.list(filter).await?;
    let next = items.last().filter(|_| items.len() == limit).map(|last| &last.item);
    Ok(json!({
        "items": items.iter().map(|item| item_json(item, whole)).collect::<Vec<_>>(),
        "next": next,
    }))
}

/// Everything about one item: how it is now if it is pending, and what is remembered of its name.
pub(super) async fn story(engine: &Engine, name: &ItemName, whole: bool) -> Answer {
    let pending = match engine.operator.order(Order::Show(name.clone())).await {
        Ok(Outcome::Items(items)) => items.into_iter().next(),
        Ok(_) | Err(OrderError::UnknownItem { .. }) => None,
        Err(problem) => return Err(problem.into()),
    };
    let history = engine.store.item_history(name, MOST_TOLD)?;
    if pending.is_none() && history.is_empty() {
        return Err(Refusal::new(
            404,
            format!("no item {name} is pending or remembered"),
            "GET /v1/items (\"drover queue list\") tells what is pending",
        ));
    }
    let object = pending.as_ref().and_then(|item| item.object.clone());
    let object = object.or_else(|| history.first().and_then(|item| item.object.clone()));
    let of_object = match &object {
        Some(object) => engine.store.history(object, MOST_TOLD)?,
        None => Vec::new(),
    };
    let told = |items: &[ItemRecord]| -> Vec<Value> {
        items.iter().map(|item| record_json(item, whole)).collect()
    };
    Ok(json!({
        "item": name,
        "pending": pending.as_ref().map(|item| item_json(item, whole)),
        "history": told(&history),
        "history_of_object": told(&of_object),
    }))
}

/// A pending item. `whole`: with what its fault says of people.
pub(super) fn item_json(item: &ItemView, whole: bool) -> Value {
    let told = |text: &Option<String>| match text {
        Some(text) if !whole => Some(without_addresses(text)),
        text => text.clone(),
    };
    let print = match (&item.class, &item.fault) {
        (Some(class), Some(fault)) => Some(fingerprint(class, fault)),
        _ => None,
    };
    let mut json = json!({
        "item": item.item,
        "object": item.object,
        "kind": item.kind.map(crate::model::ObjectKind::word),
        "contexts": item.contexts,
        "running": item.running,
        "attempts": item.attempts,
        "class": item.class,
        "fault": told(&item.fault),
        "exception_id": item.exception_id,
        "fingerprint": print,
        "since_ms": item.since_ms,
        "blocks": item.blocks,
        "replaces": item.replaces,
        "apart": item.apart,
        "advice": told(&item.advice),
    });
    add_fate(&mut json, &item.fate, whole);
    json
}

/// An item as it is remembered.
fn record_json(item: &ItemRecord, whole: bool) -> Value {
    let fault = item.last_fault.as_ref();
    let fault = fault.map(|text| if whole { text.clone() } else { without_addresses(text) });
    let mut json = json!({
        "intake": item.intake,
        "item": item.item,
        "object": item.object,
        "kind": item.kind.map(crate::model::ObjectKind::word),
        "attempts": item.attempts,
        "last_fault": fault,
        "exception_id": item.exception_id,
        "taken_ms": item.taken_ms,
        "ended_ms": item.ended_ms,
    });
    add_fate(&mut json, &item.fate, whole);
    json
}

/// What has become of it: always the same keys.
fn add_fate(json: &mut Value, fate: &Fate, whole: bool) {
    let told = |text: &str| if whole { text.to_owned() } else { without_addresses(text) };
    let (mut by, mut next_ms, mut reason, mut note) = (None, None, None, None);
    match fate {
        Fate::Applied | Fate::Pending => {}
        Fate::NoOp { reason: why } | Fate::Dropped { reason: why } => reason = Some(told(why)),
        Fate::Superseded { by: other } | Fate::Blocked { by: other } => by = Some(other.clone()),
        Fate::Faulty { next_ms: next, .. } => next_ms = *next,
        Fate::Parked { reason: who, note: why } => {
            reason = Some(who.to_string());
            note = why.as_deref().map(told);
        }
    }
    json["state"] = fate.name().into();
    json["blocked_by"] = json!(by);
    json["next_ms"] = json!(next_ms);
    json["reason"] = json!(reason);
    json["note"] = json!(note);
}
