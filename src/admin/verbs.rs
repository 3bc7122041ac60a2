//! Orders to items, contexts and everything.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Engine;
use super::items::{PendingItem, pending};
use super::words::{self, Answer, FilterBody, MOST_AT_ONCE, Refusal, told};
use crate::actors::operator::{Filter, ItemView, Order, Outcome, Which};
use crate::model::{ContextId, ItemName};
use crate::store::HoldScope;

/// What can be done to items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Retry,
    Park,
    Release,
    Drop,
}

impl Verb {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Park => "park",
            Self::Release => "release",
            Self::Drop => "drop",
        }
    }

    /// Items on which it has an effect, unless others are asked for.
    fn fates(self) -> &'static [&'static str] {
        match self {
            Self::Retry => &["faulty", "parked"],
            Self::Release => &["parked"],
            Self::Park | Self::Drop => &[],
        }
    }

    fn order(self, which: Which, note: Option<String>) -> Order {
        match self {
            Self::Retry => Order::Retry(which),
            Self::Park => Order::Park { which, note },
            Self::Release => Order::Release { which, note },
            Self::Drop => Order::Drop { which, note },
        }
    }
}

/// Which items, why, and by whom.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "ItemOrder")]
pub(super) struct Body {
    /// Name of a queue file.
    item: Option<String>,
    /// Instead of a name: all pending items that fit.
    filter: Option<FilterBody>,
    /// That a filter without conditions is meant.
    all: bool,
    /// Only tell what it would concern.
    dry_run: bool,
    /// Why, for the ledger.
    note: Option<String>,
    /// Who, for the ledger.
    by: Option<String>,
}

/// What an order to items did, or would do.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Done {
    /// What was ordered.
    verb: &'static str,
    /// Whether it was only asked what it would concern.
    dry_run: bool,
    /// How many items fit.
    matched: usize,
    /// On how many of them it took effect.
    done: usize,
    /// Those it took effect on, or would.
    items: Vec<PendingItem>,
    /// Whatever comes after this item was not looked at: order again with it as `after`.
    #[schemars(with = "Option<String>")]
    next: Option<ItemName>,
}

/// Does it to one item, or to the next ones that fit.
pub(super) async fn items(engine: &Engine, verb: Verb, body: &[u8]) -> Answer {
    let body: Body = words::body(body)?;
    let note = words::note(body.note, body.by)?;
    match (body.item, body.filter) {
        (Some(item), None) => one(engine, verb, ItemName::new(&item), body.dry_run, note).await,
        (None, filter) => {
            let filter = filter.unwrap_or_default();
            if filter.is_open() && !body.all {
                return Err(Refusal::bad(
                    "no item is named, and no condition",
                    "give \"item\" or \"filter\"; for every item, \"all\": true",
                ));
            }
            many(engine, verb, words::identified(engine, filter.read()?), body.dry_run, note).await
        }
        (Some(_), Some(_)) => {
            Err(Refusal::bad("both an item and a filter are named", "give one of them"))
        }
    }
}

async fn one(
    engine: &Engine,
    verb: Verb,
    item: ItemName,
    dry_run: bool,
    note: Option<String>,
) -> Answer {
    let order =
        if dry_run { Order::Show(item) } else { verb.order(Which::Item(item.clone()), note) };
    let done = items_of(engine.operator.order(order).await?);
    answer(verb, dry_run, done.len(), &done, None)
}

async fn many(
    engine: &Engine,
    verb: Verb,
    mut filter: Filter,
    dry_run: bool,
    note: Option<String>,
) -> Answer {
    filter.limit = MOST_AT_ONCE;
    if filter.fates.is_empty() {
        filter.fates = verb.fates().to_vec();
    }
    let found = engine.operator.list(filter.clone()).await?;
    let next = found.last().filter(|_| found.len() == MOST_AT_ONCE).map(|last| last.item.clone());
    if dry_run || found.is_empty() {
        return answer(verb, dry_run, found.len(), &found, next.as_ref());
    }
    let order = verb.order(Which::All(filter), note);
    let done = items_of(engine.operator.order(order).await?);
    answer(verb, false, found.len(), &done, next.as_ref())
}

fn items_of(outcome: Outcome) -> Vec<ItemView> {
    match outcome {
        Outcome::Items(items) => items,
        _ => Vec::new(),
    }
}

/// `matched`: how many fit; `items`: those it took effect on, or would; `next`: whatever comes after
/// that one was not looked at.
fn answer(
    verb: Verb,
    dry_run: bool,
    matched: usize,
    items: &[ItemView],
    next: Option<&ItemName>,
) -> Answer {
    told(&Done {
        verb: verb.word(),
        dry_run,
        matched,
        done: if dry_run { 0 } else { items.len() },
        items: items.iter().map(|item| pending(item, true)).collect(),
        next: next.cloned(),
    })
}

/// Where, why, and by whom.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Where {
    /// The context's number.
    context: Option<u32>,
    /// Instead of a context: everything that goes to OX.
    target: bool,
    /// Why, for the ledger.
    note: Option<String>,
    /// Who, for the ledger.
    by: Option<String>,
}

impl Where {
    fn read(self) -> Result<(HoldScope, Option<String>), Refusal> {
        let scope = match (self.context, self.target) {
            (Some(context), false) => HoldScope::Context(ContextId(context)),
            (None, true) => HoldScope::Target,
            _ => {
                return Err(Refusal::bad(
                    "it is not said where",
                    "give \"context\": NUMBER, or \"target\": true for everything",
                ));
            }
        };
        Ok((scope, words::note(self.note, self.by)?))
    }
}

/// What is held.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Holds {
    /// Everything's first, then by context.
    holds: Vec<HoldView>,
}

/// That nothing new begins somewhere.
#[derive(Debug, Serialize, JsonSchema)]
struct HoldView {
    /// Whether everything is held.
    target: bool,
    /// The context that is held, if not everything is.
    context: Option<u32>,
    /// Why.
    note: Option<String>,
    /// Since when, milliseconds since 1970 UTC.
    since_ms: i64,
}

/// Begins nothing new there.
pub(super) async fn hold(engine: &Engine, body: &[u8]) -> Answer {
    let (scope, note) = words::body::<Where>(body)?.read()?;
    holds_told(engine.operator.order(Order::Hold { scope, note }).await?)
}

/// Goes on there.
pub(super) async fn resume(engine: &Engine, body: &[u8]) -> Answer {
    let (scope, note) = words::body::<Where>(body)?.read()?;
    holds_told(engine.operator.order(Order::Resume { scope, note }).await?)
}

/// What is held.
pub(super) async fn holds(engine: &Engine) -> Answer {
    holds_told(engine.operator.order(Order::Holds).await?)
}

fn holds_told(outcome: Outcome) -> Answer {
    let holds = match outcome {
        Outcome::Holds(holds) => holds,
        _ => Vec::new(),
    };
    let view = |hold: crate::store::Hold| {
        let context = match hold.scope {
            HoldScope::Context(context) => Some(context.0),
            HoldScope::Target => None,
        };
        HoldView { target: context.is_none(), context, note: hold.note, since_ms: hold.since_ms }
    };
    told(&Holds { holds: holds.into_iter().map(view).collect() })
}
