//! How it goes, and whether drover lives.

use std::time::Duration;

use serde_json::{Value, json};

use super::words::{Answer, Refusal};
use super::{Engine, watched};
use crate::actors::operator::Order;
use crate::redact::without_addresses;

/// A snapshot comes several times a second; without one for so long the scheduler stands still.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// Faulty items that the status tells of; all of them are in the list of items.
const MOST_TOLD: usize = 20;

/// Whether the scheduler ticks.
pub(super) async fn live(engine: &Engine) -> Answer {
    let mut snapshots = engine.snapshots.clone();
    snapshots.mark_unchanged();
    match tokio::time::timeout(HEARTBEAT, snapshots.changed()).await {
        Ok(Ok(())) => Ok(json!({"live": true})),
        _ => Err(Refusal::new(
            503,
            format!("the scheduler has not moved for {} s", HEARTBEAT.as_secs()),
            "start drover again; nothing is lost by it",
        )),
    }
}

/// Whether the queue was read, orders are taken, and what is done can be remembered. That OX is down changes nothing about it.
pub(super) async fn ready(engine: &Engine) -> Answer {
    engine.operator.order(Order::Holds).await?;
    watched::writable(&engine.data_dir).await?;
    if engine.snapshots.borrow().read {
        Ok(json!({"ready": true}))
    } else {
        Err(Refusal::new(503, "the queue is still being read", "wait a moment"))
    }
}

/// Everything at a moment. `whole`: with what faults say of people.
pub(super) fn status(engine: &Engine, whole: bool) -> Value {
    let now = engine.snapshots.borrow().clone();
    let told = |text: &str| if whole { text.to_owned() } else { without_addresses(text) };
    let first: Vec<Value> = now
        .faulty
        .iter()
        .take(MOST_TOLD)
        .map(|item| {
            json!({
                "item": item.item,
                "lane": item.lane,
                "object": item.object,
                "kind": item.kind,
                "fault": told(&item.fault),
                "exception_id": item.exception_id,
                "attempts": item.attempts,
                "behind": item.behind,
                "parked": item.parked,
                "advice": told(&item.advice),
            })
        })
        .collect();
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "pid": std::process::id(),
        "started_ms": engine.started_ms,
        "read": now.read,
        "outage": now.outage,
        "holds": now.holds,
        "pending": now.pending,
        "running": now.running,
        "active_contexts": now.active,
        "parked": now.parked,
        "blocked": now.blocked,
        "faulty": now.faulty.len(),
        "first_faulty": first,
        "since_start": {
            "taken_in": now.taken_in,
            "applied": now.applied,
            "no_op": now.no_op,
            "superseded": now.superseded,
            "dropped": now.dropped,
            "repeated": now.repeated,
            "looked_again": now.looked_again,
            "failures": now.failures,
            "restarts": now.restarts,
        },
        "objects": engine.index.len(),
        "limits": engine.limits.snapshot(),
    })
}

/// How well the numbers of users, groups and resources are known.
pub(super) fn cache(engine: &Engine) -> Value {
    json!({
        "stats": engine.index.cache_stats(),
        "doubted": engine.index.cache().doubted(),
    })
}
