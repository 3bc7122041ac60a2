//! What was called, and how it went.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

/// One call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CallRecord {
    /// Number of the call since the log was last cleared, in the order in which calls ended.
    pub seq: u64,
    /// Service, as `OXUserService`; empty when the message named none.
    pub service: &'static str,
    /// Operation; empty when the message could not be read.
    pub operation: &'static str,
    /// Ids of the contexts the request names.
    pub contexts: Vec<u32>,
    /// Name of the object in the request, or the account's address.
    pub name: Option<Box<str>>,
    /// Id of the object in the request.
    pub id: Option<u32>,
    /// When the request had arrived, in microseconds since the server's start.
    pub start_us: u64,
    /// When its answer was ready, in microseconds since the server's start.
    pub end_us: u64,
    /// Number of the connection, counted from 1.
    pub connection: u64,
    /// HTTP status answered; 0 when the connection was closed instead.
    pub status: u16,
    /// Exception of a fault.
    pub fault_class: Option<Box<str>>,
    /// Text of a fault, without exception ids.
    pub fault_text: Option<Box<str>>,
    /// Whether a write was done, whatever was answered.
    pub applied: bool,
}

/// The newest records, up to a number of them.
#[derive(Debug)]
pub(crate) struct Log {
    records: VecDeque<CallRecord>,
    capacity: usize,
    next: u64,
}

impl Log {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { records: VecDeque::new(), capacity, next: 1 }
    }

    /// Keeps the record under the next number; whether an older one had to go for it.
    pub(crate) fn push(&mut self, mut record: CallRecord) -> bool {
        record.seq = self.next;
        self.next += 1;
        if self.capacity == 0 {
            return true;
        }
        let full = self.records.len() >= self.capacity;
        if full {
            self.records.pop_front();
        }
        self.records.push_back(record);
        full
    }

    pub(crate) fn records(&self) -> impl Iterator<Item = &CallRecord> {
        self.records.iter()
    }

    pub(crate) fn clear(&mut self) {
        self.records.clear();
        self.next = 1;
    }
}

/// Counters since the server's start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stats {
    /// Calls by `Service.operation`.
    pub calls: BTreeMap<String, u64>,
    /// By context, how many user writes came while another one ran.
    pub overlapping_user_writes: BTreeMap<u32, u64>,
    /// By context, how many user writes gave up waiting for others.
    pub user_update_conflicts: BTreeMap<u32, u64>,
    /// Calls that have arrived.
    pub arrived: u64,
    /// Writes that were done, whatever was answered.
    pub applied: u64,
    /// Calls in the server now; one whose client has gone away counts until it has ended.
    pub running: u64,
    /// Most calls in the server at one time.
    pub max_concurrent: u64,
    /// Connections accepted.
    pub connections: u64,
    /// Records that fell out of the log because it was full.
    pub log_dropped: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_keeps_the_newest() {
        let mut log = Log::new(2);
        let record = CallRecord {
            seq: 0,
            service: "OXUserService",
            operation: "create",
            contexts: vec![1],
            name: None,
            id: None,
            start_us: 0,
            end_us: 0,
            connection: 1,
            status: 200,
            fault_class: None,
            fault_text: None,
            applied: true,
        };
        assert!(!log.push(record.clone()));
        assert!(!log.push(record.clone()));
        assert!(log.push(record));
        assert_eq!(log.records().map(|r| r.seq).collect::<Vec<_>>(), [2, 3]);
    }
}
