//! What is read when somebody asks: snapshots of the engine.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use prometheus_client::registry::Registry;

use super::sheet::{counter, counters, gauge, gauges, label};
use crate::actors::operator::{ContextView, Depth};
use crate::actors::status::Snapshot;
use crate::index::CacheStats;
use crate::ox::limiter::{GateSnapshot, LimitsSnapshot};

/// A moment of the engine.
#[derive(Debug)]
pub struct Reading {
    /// The newest snapshot.
    pub snapshot: Arc<Snapshot>,
    /// Pending items by what has become of them, and contexts that have work; none if the scheduler
    /// does not answer in time.
    pub pending: Option<(BTreeMap<&'static str, Depth>, Vec<ContextView>)>,
    /// What the gates to OX are doing.
    pub limits: LimitsSnapshot,
    /// How the member-id cache serves.
    pub cache: CacheStats,
    /// Objects that are known.
    pub objects: usize,
    /// When drover was started, milliseconds since 1970 UTC.
    pub started_ms: i64,
    /// Now, likewise.
    pub now_ms: i64,
}

/// Whole numbers of this size are exact as floats.
#[expect(clippy::cast_precision_loss, reason = "counts stay below 2^52")]
fn number(count: usize) -> f64 {
    count as f64
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds stay below 2^52")]
fn seconds(ms: i64) -> f64 {
    ms.max(0) as f64 / 1000.0
}

fn flag(is: bool) -> f64 {
    f64::from(u8::from(is))
}

impl Reading {
    pub(super) fn put_into(&self, r: &mut Registry, most_contexts: usize) {
        self.put_process(r);
        self.put_snapshot(r);
        self.put_limits(r);
        self.put_cache(r);
        gauge(
            r,
            "drover_scheduler_responsive",
            "Whether the scheduler answers in time (1) or not (0); without it queue numbers are missing",
            flag(self.pending.is_some()),
        );
        if let Some((depths, contexts)) = &self.pending {
            self.put_depths(r, depths);
            self.put_contexts(r, contexts, most_contexts);
        }
    }

    fn put_process(&self, r: &mut Registry) {
        let version = label("version", env!("CARGO_PKG_VERSION"));
        gauges(r, "drover_build_info", "drover's version", [(version, 1.0)]);
        gauge(
            r,
            "drover_start_time_seconds",
            "When drover was started, seconds since 1970 UTC",
            seconds(self.started_ms),
        );
        gauge(r, "drover_objects", "Directory objects that drover knows", number(self.objects));
    }

    fn put_snapshot(&self, r: &mut Registry) {
        let s = &self.snapshot;
        counter(r, "drover_items_taken_in", "Items taken in", s.taken_in);
        let ended = [
            ("applied", s.applied),
            ("no_op", s.no_op),
            ("superseded", s.superseded),
            ("dropped", s.dropped),
            ("repeated", s.repeated),
        ];
        counters(
            r,
            "drover_items_ended",
            "Items that came to an end, by what became of them",
            ended.map(|(fate, count)| (label("fate", fate), count)),
        );
        let lasting = s.failures.saturating_sub(s.failures_busy + s.failures_outage);
        let failures =
            [("lasting", lasting), ("busy", s.failures_busy), ("outage", s.failures_outage)];
        counters(
            r,
            "drover_attempt_failures",
            "Attempts that failed, by what follows: lasting (the item waits), busy or outage (tried again)",
            failures.map(|(verdict, count)| (label("verdict", verdict), count)),
        );
        counter(r, "drover_looks", "Groups and accounts looked at again", s.looked_again);
        counter(
            r,
            "drover_actor_restarts",
            "Parts of drover that died and were replaced",
            s.restarts,
        );
        counter(r, "drover_outages", "Times that OX was found out of reach", s.outages);
        gauge(
            r,
            "drover_breaker_open",
            "Whether drover waits for OX to come back",
            flag(s.outage.is_some()),
        );
        gauge(r, "drover_ready", "Whether the queue was read since the start", flag(s.read));
        gauge(r, "drover_jobs_running", "Items being worked on now", number(s.running));
        gauge(r, "drover_commits_pending", "Commits on their way to the disk", number(s.recording));
        gauge(r, "drover_contexts_active", "Contexts that have work", number(s.active));
        gauge(r, "drover_holds", "What the operator holds", number(s.holds.len()));
        let stopped: BTreeSet<&str> = s
            .faulty
            .iter()
            .filter(|item| !item.parked)
            .filter_map(|item| item.lane.strip_prefix("context "))
            .collect();
        gauge(
            r,
            "drover_contexts_stopped",
            "Contexts that stand still at a faulty item",
            number(stopped.len()),
        );
        let mut kinds: BTreeMap<&'static str, usize> = BTreeMap::new();
        for item in &s.faulty {
            *kinds.entry(crate::hints::kind_of(None, &item.fault).code).or_default() += 1;
        }
        gauges(
            r,
            "drover_faults",
            "Faults that are not cured, by the code of their hint",
            kinds.into_iter().map(|(code, count)| (label("hint", code), number(count))),
        );
    }

    fn put_limits(&self, r: &mut Registry) {
        let gates =
            [("calls", &self.limits.calls), ("context_creates", &self.limits.context_creates)];
        let each = |value: fn(&GateSnapshot) -> usize| {
            gates.map(|(name, gate)| (label("gate", name), number(value(gate))))
        };
        gauges(r, "drover_calls_in_flight", "Calls to OX under way", each(|gate| gate.in_flight));
        gauges(
            r,
            "drover_calls_waiting",
            "Calls that wait for a permit",
            each(|gate| gate.waiting),
        );
        gauges(r, "drover_calls_limit", "Calls that may be under way now", each(|gate| gate.limit));
        gauges(
            r,
            "drover_calls_limit_max",
            "The most that the settings allow",
            each(|gate| gate.cap),
        );
        let changes = gates.iter().flat_map(|(name, gate)| {
            [("up", gate.increases), ("down", gate.decreases)].map(|(way, count)| {
                (vec![("gate", (*name).to_owned()), ("direction", way.to_owned())], count)
            })
        });
        counters(r, "drover_calls_limit_changes", "Changes of the limit", changes);
    }

    fn put_cache(&self, r: &mut Registry) {
        let c = &self.cache;
        counter(r, "drover_member_cache_hits", "Members whose number was known", c.hits);
        counter(r, "drover_member_cache_misses", "Members whose number was not known", c.misses);
        counter(r, "drover_member_cache_wrong", "Numbers that turned out to be wrong", c.wrong);
        counter(r, "drover_member_cache_rebuilds", "Contexts looked up anew", c.rebuilds);
        gauge(r, "drover_member_cache_entries", "Numbers remembered", number(c.size));
        gauge(
            r,
            "drover_member_cache_doubted_contexts",
            "Contexts whose numbers are not trusted",
            number(c.doubted),
        );
    }

    fn age(&self, since_ms: Option<i64>) -> f64 {
        since_ms.map_or(0.0, |since| seconds(self.now_ms - since))
    }

    fn put_depths(&self, r: &mut Registry, depths: &BTreeMap<&'static str, Depth>) {
        let each = |value: &dyn Fn(&Depth) -> f64| {
            depths
                .iter()
                .map(|(state, depth)| (label("state", *state), value(depth)))
                .collect::<Vec<_>>()
        };
        gauges(
            r,
            "drover_queue_items",
            "Items that are not through, by state",
            each(&|depth| number(depth.items)),
        );
        gauges(
            r,
            "drover_queue_oldest_age_seconds",
            "How long the oldest item of a state has been waiting; 0 if there is none",
            each(&|depth| self.age(depth.oldest_ms)),
        );
        let moving =
            ["pending", "faulty"].into_iter().filter_map(|state| depths.get(state)?.oldest_ms);
        gauge(
            r,
            "drover_lag_seconds",
            "How long the oldest item that is not set aside has been waiting; 0 if there is none",
            self.age(moving.min()),
        );
    }

    fn put_contexts(&self, r: &mut Registry, contexts: &[ContextView], most: usize) {
        let mut deepest: Vec<&ContextView> =
            contexts.iter().filter(|context| context.pending > 0).collect();
        let by = |context: &&ContextView| (Reverse(context.pending), context.context);
        if deepest.len() > most {
            deepest.select_nth_unstable_by_key(most, by);
            deepest.truncate(most);
        }
        deepest.sort_unstable_by_key(by);
        let each = |value: &dyn Fn(&ContextView) -> f64| {
            deepest
                .iter()
                .map(|view| (label("context", &view.context), value(view)))
                .collect::<Vec<_>>()
        };
        gauges(
            r,
            "drover_context_queue_items",
            "Work that is not through, of the contexts that have most",
            each(&|view| number(view.pending)),
        );
        gauges(
            r,
            "drover_context_oldest_age_seconds",
            "How long the oldest item of these contexts has been waiting",
            each(&|view| self.age(view.oldest_ms)),
        );
        gauges(
            r,
            "drover_context_stopped",
            "Whether these contexts stand still at a faulty item",
            each(&|view| flag(view.stopped_at.is_some())),
        );
    }
}
