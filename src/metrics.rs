//! Numbers about a running drover, for Prometheus.
//!
//! What happens often (calls, commits) is counted where it happens, in atomics that belong to the
//! process; everything else is read from snapshots when somebody asks. Names say the unit, and never
//! hold what people's data could be in: contexts go by number, and only the deepest few of them.

mod read;
mod sheet;

use std::sync::LazyLock;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::ox::{CallObserver, FaultClass, OxError};

pub use read::Reading;

/// Service, operation, outcome.
type Call = [(&'static str, &'static str); 3];

/// Service and operation.
type Operation = [(&'static str, &'static str); 2];

/// What is counted where it happens.
#[derive(Debug)]
pub struct Metrics {
    calls: Family<Call, Counter>,
    call_seconds: Family<Operation, Histogram>,
    commit_seconds: Histogram,
    failed_commits: Counter,
    notices: Family<[(&'static str, &'static str); 1], Counter>,
}

/// Calls take from a millisecond to minutes.
fn call_buckets() -> Histogram {
    Histogram::new([
        0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0,
    ])
}

static ALL: LazyLock<Metrics> = LazyLock::new(|| Metrics {
    calls: Family::default(),
    call_seconds: Family::new_with_constructor(call_buckets),
    commit_seconds: Histogram::new([
        0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0,
    ]),
    failed_commits: Counter::default(),
    notices: Family::default(),
});

/// The numbers of this process.
pub fn metrics() -> &'static Metrics {
    &ALL
}

/// Counts calls.
#[derive(Debug, Clone, Copy, Default)]
pub struct CountCalls;

impl CallObserver for CountCalls {
    fn called(&self, operation: &'static str, took: Duration, result: Result<(), &OxError>) {
        let (service, operation) = operation.split_once('.').unwrap_or(("", operation));
        let (service, operation) = (("service", service), ("operation", operation));
        let outcome = ("outcome", outcome(result));
        ALL.calls.get_or_create(&[service, operation, outcome]).inc();
        ALL.call_seconds.get_or_create(&[service, operation]).observe(took.as_secs_f64());
    }
}

/// A word for how a call ended.
fn outcome(result: Result<(), &OxError>) -> &'static str {
    match result {
        Ok(()) => "ok",
        Err(OxError::Fault { fault, .. }) => match fault.class {
            FaultClass::InvalidCredentials => "refused_login",
            _ => "refused",
        },
        Err(OxError::Unreachable { .. }) => "unreachable",
        Err(OxError::Lost { .. }) => "lost",
        Err(OxError::Http { .. }) => "http_status",
        Err(OxError::Garbled { .. }) => "garbled",
        Err(
            OxError::Unwritable { .. }
            | OxError::NotOffered { .. }
            | OxError::NoCredentials { .. }
            | OxError::CredentialsUnreadable { .. },
        ) => "not_sent",
    }
}

impl Metrics {
    /// Commits went to the disk together, or did not.
    pub fn committed(&self, took: Duration, well: bool) {
        self.commit_seconds.observe(took.as_secs_f64());
        if !well {
            self.failed_commits.inc();
        }
    }

    /// A notification was delivered, or was not; `way` is `webhook` or `command`.
    pub fn notified(&self, delivered: bool) {
        let result = if delivered { "delivered" } else { "failed" };
        self.notices.get_or_create(&[("result", result)]).inc();
    }

    /// Everything as Prometheus reads it. `contexts`: so many contexts at most have series of their own,
    /// the deepest.
    pub fn text(&self, reading: &Reading, contexts: usize) -> String {
        let mut registry = Registry::default();
        let r = &mut registry;
        r.register("drover_calls", "Calls to OX that have ended", self.calls.clone());
        r.register(
            "drover_call_duration_seconds",
            "How long calls to OX took",
            self.call_seconds.clone(),
        );
        r.register(
            "drover_store_commit_duration_seconds",
            "How long it took to make outcomes durable",
            self.commit_seconds.clone(),
        );
        r.register(
            "drover_store_commit_failures",
            "Commits that could not be made durable",
            self.failed_commits.clone(),
        );
        r.register(
            "drover_notifications",
            "Notifications of standstills and recoveries",
            self.notices.clone(),
        );
        reading.put_into(r, contexts);
        let mut text = String::new();
        // A String takes everything.
        let _ = prometheus_client::encoding::prometheus_text::encode(&mut text, &registry);
        text
    }
}
