//! A phase second by second, in little memory: of each second that is over only its percentiles stay.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Latencies, latencies};

/// One second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Second {
    /// Its number, from the begin of the phase.
    pub second: u64,
    /// Items written in it.
    pub arrived: u64,
    /// Items that ended in it.
    pub ended: u64,
    /// Calls that ended in it.
    pub calls: u64,
    /// Those of them that went wrong.
    pub errors: u64,
    /// Median of the corrected latencies of the items that ended in it, in microseconds.
    pub p50_us: u64,
    /// So many of a hundred took no longer.
    pub p90_us: u64,
    /// So many of a hundred took no longer.
    pub p99_us: u64,
    /// The slowest.
    pub max_us: u64,
}

/// Seconds in which something happened, in order.
#[derive(Debug, Clone)]
pub struct Series {
    seconds: Vec<Second>,
    /// Latencies of the last second in the list.
    latencies: Latencies,
}

impl Default for Series {
    fn default() -> Self {
        Self { seconds: Vec::new(), latencies: latencies() }
    }
}

impl Series {
    /// An item was written.
    pub fn arrived(&mut self, at: Duration) {
        self.at(at).arrived += 1;
    }

    /// An item has ended.
    pub fn ended(&mut self, at: Duration, latency_us: u64) {
        self.at(at).ended += 1;
        self.latencies.saturating_record(latency_us);
    }

    /// A call has ended.
    pub fn called(&mut self, at: Duration, wrong: bool) {
        let second = self.at(at);
        second.calls += 1;
        second.errors += u64::from(wrong);
    }

    /// Works out the percentiles of the last second.
    pub fn close(&mut self) {
        if let Some(last) = self.seconds.last_mut()
            && !self.latencies.is_empty()
        {
            last.p50_us = self.latencies.value_at_quantile(0.5);
            last.p90_us = self.latencies.value_at_quantile(0.9);
            last.p99_us = self.latencies.value_at_quantile(0.99);
            last.max_us = self.latencies.max();
        }
    }

    /// The seconds that there are; of the last one without percentiles before it is closed.
    pub fn seconds(&self) -> &[Second] {
        &self.seconds
    }

    /// The second of a moment. Moments come nearly in order; one that comes late counts for the last
    /// second that there is.
    fn at(&mut self, moment: Duration) -> &mut Second {
        let second = moment.as_secs();
        if self.seconds.last().is_none_or(|last| last.second < second) {
            self.close();
            self.latencies.reset();
            self.seconds.push(Second { second, ..Second::default() });
        }
        let last = self.seconds.len() - 1;
        &mut self.seconds[last]
    }
}
