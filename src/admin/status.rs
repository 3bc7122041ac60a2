//! How it goes, and whether drover lives.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use super::words::{Answer, Refusal, told};
use super::{Engine, watched};
use crate::actors::operator::Order;
use crate::actors::status::Snapshot;
use crate::index::CacheStats;
use crate::ox::limiter::LimitsSnapshot;
use crate::redact::without_addresses;

/// A snapshot comes several times a second; without one for so long the scheduler stands still.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// Faulty items that the status tells of; all of them are in the list of items.
const MOST_TOLD: usize = 20;

/// That the scheduler ticks.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Live {
    /// Always true; otherwise the answer is a refusal.
    live: bool,
}

/// That the queue was read and orders are taken.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Ready {
    /// Always true; otherwise the answer is a refusal.
    ready: bool,
}

/// An item that stands still, or a file that cannot be used.
#[derive(Debug, Serialize, JsonSchema)]
struct Faulty {
    /// Name of its queue file.
    item: String,
    /// Where it stands still, such as `context 20`.
    lane: String,
    /// Id of its object; null if the file cannot be read.
    object: Option<String>,
    /// The object's kind.
    kind: Option<String>,
    /// What happened last.
    fault: String,
    /// OX's exception id, by which its log tells more.
    exception_id: Option<String>,
    /// Attempts so far, the first one included.
    attempts: u32,
    /// Items that wait behind it; if it is set aside, those that are set aside with it.
    behind: usize,
    /// Whether it is set aside.
    parked: bool,
    /// What to do about it.
    advice: String,
}

/// Counters since the start.
#[derive(Debug, Serialize, JsonSchema)]
struct SinceStart {
    /// Items taken in.
    taken_in: u64,
    /// Items that changed OX.
    applied: u64,
    /// Items that needed no change.
    no_op: u64,
    /// Items that a later one made pointless.
    superseded: u64,
    /// Items that were taken out undone.
    dropped: u64,
    /// Items that were done before, of which only the file was left.
    repeated: u64,
    /// Groups and accounts looked at again because of their members.
    looked_again: u64,
    /// Attempts that failed.
    failures: u64,
    /// Parts of drover that died and were replaced.
    restarts: u64,
}

/// Totals at a moment; the status has them, and so has the stream of events.
#[derive(Debug, Serialize, JsonSchema, PartialEq, Eq)]
pub(super) struct Totals {
    /// Whether the queue was read since the start.
    read: bool,
    /// Why OX is paused; null if it answers.
    outage: Option<String>,
    /// What the operator holds: `target`, or `context` and a number.
    holds: Vec<String>,
    /// Items, and groups and accounts to be looked at again, that are not through.
    pending: usize,
    /// Of those, the ones that are being done.
    running: usize,
    /// Contexts that have work.
    active_contexts: usize,
    /// Items that are set aside.
    parked: usize,
    /// Items that wait for one that is set aside.
    blocked: usize,
    /// Items with a fault that is not cured.
    faulty: usize,
}

impl Totals {
    pub(super) fn of(now: &Snapshot) -> Self {
        Self {
            read: now.read,
            outage: now.outage.as_deref().map(without_addresses),
            holds: now.holds.clone(),
            pending: now.pending,
            running: now.running,
            active_contexts: now.active,
            parked: now.parked,
            blocked: now.blocked,
            faulty: now.faulty.len(),
        }
    }
}

/// Everything at a moment.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Status {
    /// drover's version.
    version: &'static str,
    /// Its process.
    pid: u32,
    /// When it was started, milliseconds since 1970 UTC.
    started_ms: i64,
    #[serde(flatten)]
    totals: Totals,
    /// The first of the faulty items, in the queue's order.
    first_faulty: Vec<Faulty>,
    /// What was done since the start.
    since_start: SinceStart,
    /// Objects that drover knows.
    objects: usize,
    /// How much OX is asked at once.
    limits: LimitsSnapshot,
}

/// How well the numbers of users, groups and resources are known.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Cache {
    /// Counters.
    stats: CacheStats,
    /// Contexts whose numbers are looked up anew before they are used.
    doubted: Vec<u32>,
}

/// Whether the scheduler ticks.
pub(super) async fn live(engine: &Engine) -> Answer {
    let mut snapshots = engine.snapshots.clone();
    snapshots.mark_unchanged();
    match tokio::time::timeout(HEARTBEAT, snapshots.changed()).await {
        Ok(Ok(())) => told(&Live { live: true }),
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
        told(&Ready { ready: true })
    } else {
        Err(Refusal::new(503, "the queue is still being read", "wait a moment"))
    }
}

/// Everything at a moment. `whole`: with what faults say of people.
pub(super) fn status(engine: &Engine, whole: bool) -> Answer {
    let now = engine.snapshots.borrow().clone();
    let seen = |text: &str| if whole { text.to_owned() } else { without_addresses(text) };
    let first = now.faulty.iter().take(MOST_TOLD).map(|item| Faulty {
        item: item.item.clone(),
        lane: item.lane.clone(),
        object: item.object.clone(),
        kind: item.kind.clone(),
        fault: seen(&item.fault),
        exception_id: item.exception_id.clone(),
        attempts: item.attempts,
        behind: item.behind,
        parked: item.parked,
        advice: seen(&item.advice),
    });
    told(&Status {
        version: env!("CARGO_PKG_VERSION"),
        pid: std::process::id(),
        started_ms: engine.started_ms,
        totals: Totals::of(&now),
        first_faulty: first.collect(),
        since_start: SinceStart {
            taken_in: now.taken_in,
            applied: now.applied,
            no_op: now.no_op,
            superseded: now.superseded,
            dropped: now.dropped,
            repeated: now.repeated,
            looked_again: now.looked_again,
            failures: now.failures,
            restarts: now.restarts,
        },
        objects: engine.index.len(),
        limits: engine.limits.snapshot(),
    })
}

/// How well the numbers of users, groups and resources are known.
pub(super) fn cache(engine: &Engine) -> Answer {
    let doubted = engine.index.cache().doubted();
    told(&Cache {
        stats: engine.index.cache_stats(),
        doubted: doubted.into_iter().map(|context| context.0).collect(),
    })
}
