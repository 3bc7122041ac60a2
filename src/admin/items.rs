//! Pending items, one item's story, and what is remembered of an object.

use schemars::JsonSchema;
use serde::Serialize;

use super::Engine;
use super::find;
use super::words::{self, Answer, Refusal, told};
use crate::actors::news::Attempt;
use crate::actors::operator::{Filter, ItemView, Order, OrderError, Outcome};
use crate::model::{ContextId, Fate, ItemName, ObjectId};
use crate::redact::without_addresses;
use crate::store::{ItemRecord, fingerprint};

/// Items of a name, or of an object, that a story tells of.
const MOST_TOLD: usize = 20;

/// A page of pending items, in the queue's order.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ItemsPage {
    /// The items.
    items: Vec<PendingItem>,
    /// Give this as `after` for the next page; null if this is the last one.
    #[schemars(with = "Option<String>")]
    next: Option<ItemName>,
}

/// What has become of an item.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Become {
    /// The name of its fate. The first four are final.
    #[schemars(extend("enum" = Fate::NAMES))]
    state: &'static str,
    /// The item that replaced it, or that it waits for.
    #[schemars(with = "Option<String>")]
    blocked_by: Option<ItemName>,
    /// When it is tried again, milliseconds since 1970 UTC.
    next_ms: Option<i64>,
    /// Why it ended so, or by whom it was set aside.
    reason: Option<String>,
    /// What the operator said about it.
    note: Option<String>,
}

/// An item that is not through.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct PendingItem {
    /// Name of its queue file.
    #[schemars(with = "String")]
    item: ItemName,
    /// Id of its object; null if the file cannot be read.
    #[schemars(with = "Option<String>")]
    object: Option<ObjectId>,
    /// The object's kind.
    kind: Option<&'static str>,
    /// Contexts in which it is still to be worked on.
    #[schemars(with = "Vec<u32>")]
    contexts: Vec<ContextId>,
    /// Whether it is being worked on now.
    running: bool,
    /// Attempts so far, the first one included.
    attempts: u32,
    /// Class of the last fault: OX's, or a word of drover's own.
    class: Option<String>,
    /// What happened last.
    fault: Option<String>,
    /// OX's exception id, by which its log tells more.
    exception_id: Option<String>,
    /// What it has in common with faults of the same cause.
    fingerprint: Option<String>,
    /// When the first attempt failed, milliseconds since 1970 UTC.
    since_ms: Option<i64>,
    /// Items that cannot be done without it.
    #[schemars(with = "Vec<String>")]
    blocks: Vec<ItemName>,
    /// Earlier items of the same object in whose place it is done.
    #[schemars(with = "Vec<String>")]
    replaces: Vec<ItemName>,
    /// Why it was not put in the place of the item of the same object before it.
    apart: Option<String>,
    /// What to do about its fault.
    advice: Option<String>,
    #[serde(flatten)]
    fate: Become,
}

/// An item as it is remembered.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct RememberedItem {
    /// Its number: 1, 2, 3, … in the order in which items were taken in.
    intake: u64,
    /// Name of its queue file.
    #[schemars(with = "String")]
    item: ItemName,
    /// Id of its object; null if the file could not be read.
    #[schemars(with = "Option<String>")]
    object: Option<ObjectId>,
    /// The object's kind.
    kind: Option<&'static str>,
    /// Attempts, the first one included.
    attempts: u32,
    /// The last fault that was met on the way.
    last_fault: Option<String>,
    /// OX's exception id of that fault.
    exception_id: Option<String>,
    /// When it was taken in, milliseconds since 1970 UTC.
    taken_ms: i64,
    /// When it ended, milliseconds since 1970 UTC; null as long as it is open.
    ended_ms: Option<i64>,
    #[serde(flatten)]
    fate: Become,
}

/// An attempt that failed.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct FailedAttempt {
    /// Its number, from 1.
    number: u32,
    /// When it failed, milliseconds since 1970 UTC.
    at_ms: i64,
    /// Class of the fault.
    class: String,
    /// What happened.
    fault: String,
    /// OX's exception id, by which its log tells more.
    exception_id: Option<String>,
}

/// Everything about one item.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Story {
    /// Name of its queue file.
    #[schemars(with = "String")]
    item: ItemName,
    /// How it is now; null if it is through.
    pending: Option<PendingItem>,
    /// The last attempts that failed in this run, the oldest first.
    failed_attempts: Vec<FailedAttempt>,
    /// What is remembered of items of that name, the newest first.
    history: Vec<RememberedItem>,
    /// What is remembered of the object's items, the newest first.
    history_of_object: Vec<RememberedItem>,
}

/// What is remembered of an object, or of a queue file.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct History {
    /// The items, the newest first.
    items: Vec<RememberedItem>,
}

/// A page of pending items, in the queue's order.
pub(super) async fn list(engine: &Engine, query: &str, whole: bool) -> Answer {
    let pairs = words::query(query, words::FILTER)?;
    let filter = Filter { limit: words::page_size(&pairs)?, ..words::filter(engine, &pairs)? };
    let limit = filter.limit;
    let items = engine.operator.list(filter).await?;
    let next = items.last().filter(|_| items.len() == limit).map(|last| last.item.clone());
    told(&ItemsPage { items: items.iter().map(|item| pending(item, whole)).collect(), next })
}

/// Everything about one item: how it is now if it is pending, and what is remembered of its name.
pub(super) async fn story(engine: &Engine, name: &ItemName, whole: bool) -> Answer {
    let now = match engine.operator.order(Order::Show(name.clone())).await {
        Ok(Outcome::Items(items)) => items.into_iter().next(),
        Ok(_) | Err(OrderError::UnknownItem { .. }) => None,
        Err(problem) => return Err(problem.into()),
    };
    let history = engine.store.item_history(name, MOST_TOLD)?;
    if now.is_none() && history.is_empty() {
        return Err(Refusal::new(
            404,
            format!("no item {name} is pending or remembered"),
            "GET /v1/items (\"drover queue list\") tells what is pending",
        ));
    }
    let object = now.as_ref().and_then(|item| item.object.clone());
    let object = object.or_else(|| history.first().and_then(|item| item.object.clone()));
    let of_object = match &object {
        Some(object) => engine.store.history(object, MOST_TOLD)?,
        None => Vec::new(),
    };
    // It may be known under the name of a newer file that is done in its place.
    let newest = now.as_ref().map_or(name, |item| &item.item);
    let attempts = engine.news.attempts(newest);
    told(&Story {
        item: name.clone(),
        pending: now.as_ref().map(|item| pending(item, whole)),
        failed_attempts: attempts.iter().map(|one| attempt(one, whole)).collect(),
        history: remembered(&history, whole),
        history_of_object: remembered(&of_object, whole),
    })
}

const HISTORY: &[&str] = &["what", "limit"];

/// What is remembered of an object, or of a queue file.
pub(super) fn history(engine: &Engine, query: &str, whole: bool) -> Answer {
    let pairs = words::query(query, HISTORY)?;
    let Some(what) = words::value(&pairs, "what") else {
        return Err(Refusal::bad(
            "it is not said whose history",
            "give what=, with an object's id, DN or name, or the name of a queue file",
        ));
    };
    let limit = words::page_size(&pairs)?;
    let store = engine.store.as_ref();
    let mut items = find::history(store, what, limit)?;
    if items.is_empty() {
        // By a name in OX, or by another id, which only the index knows.
        items = find::of_all(store, find::find(&engine.index, what), limit)?;
    }
    told(&History { items: remembered(&items, whole) })
}

/// A text, without addresses unless all of it may be seen.
fn seen(text: &str, whole: bool) -> String {
    if whole { text.to_owned() } else { without_addresses(text) }
}

/// A pending item. `whole`: with what its fault says of people.
pub(super) fn pending(item: &ItemView, whole: bool) -> PendingItem {
    let told = |text: &Option<String>| text.as_deref().map(|text| seen(text, whole));
    let print = match (&item.class, &item.fault) {
        (Some(class), Some(fault)) => Some(fingerprint(class, fault)),
        _ => None,
    };
    PendingItem {
        item: item.item.clone(),
        object: item.object.clone(),
        kind: item.kind.map(crate::model::ObjectKind::word),
        contexts: item.contexts.clone(),
        running: item.running,
        attempts: item.attempts,
        class: item.class.clone(),
        fault: told(&item.fault),
        exception_id: item.exception_id.clone(),
        fingerprint: print,
        since_ms: item.since_ms,
        blocks: item.blocks.clone(),
        replaces: item.replaces.clone(),
        apart: item.apart.clone(),
        advice: told(&item.advice),
        fate: fate(&item.fate, whole),
    }
}

fn attempt(attempt: &Attempt, whole: bool) -> FailedAttempt {
    FailedAttempt {
        number: attempt.number,
        at_ms: attempt.at_ms,
        class: attempt.class.clone(),
        fault: seen(&attempt.text, whole),
        exception_id: attempt.exception_id.clone(),
    }
}

fn remembered(items: &[ItemRecord], whole: bool) -> Vec<RememberedItem> {
    let one = |item: &ItemRecord| RememberedItem {
        intake: item.intake,
        item: item.item.clone(),
        object: item.object.clone(),
        kind: item.kind.map(crate::model::ObjectKind::word),
        attempts: item.attempts,
        last_fault: item.last_fault.as_deref().map(|text| seen(text, whole)),
        exception_id: item.exception_id.clone(),
        taken_ms: item.taken_ms,
        ended_ms: item.ended_ms,
        fate: fate(&item.fate, whole),
    };
    items.iter().map(one).collect()
}

/// What has become of an item.
pub(super) fn fate(fate: &Fate, whole: bool) -> Become {
    let (mut blocked_by, mut next_ms, mut reason, mut note) = (None, None, None, None);
    match fate {
        Fate::Applied | Fate::Pending => {}
        Fate::NoOp { reason: why } | Fate::Dropped { reason: why } => {
            reason = Some(seen(why, whole));
        }
        Fate::Superseded { by } | Fate::Blocked { by } => blocked_by = Some(by.clone()),
        Fate::Faulty { next_ms: next, .. } => next_ms = *next,
        Fate::Parked { reason: who, note: why } => {
            reason = Some(who.to_string());
            note = why.as_deref().map(|why| seen(why, whole));
        }
    }
    Become { state: fate.name(), blocked_by, next_ms, reason, note }
}
