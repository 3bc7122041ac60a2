//! No two calls in flight at once in one context.

use std::collections::BTreeMap;
use std::fmt;

use super::Call;

/// Two calls that were in flight in one context at the same time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overlap {
    /// The context.
    pub context: u32,
    /// The call that was still running.
    pub running: u64,
    /// The call that began meanwhile.
    pub began: u64,
    /// What the two were, for people.
    pub calls: String,
}

impl fmt::Display for Overlap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { context, running, began, calls } = self;
        write!(f, "context {context}: call {began} began while call {running} ran ({calls})")
    }
}

/// Finds calls that overlap in a context. All calls count, reads and failed ones included; a call
/// that touches two contexts counts in both; one whose client has given up counts until the server
/// is done with it. The end of one may be the start of the next.
pub fn overlaps(log: &[Call]) -> Vec<Overlap> {
    let mut calls: Vec<&Call> = log.iter().collect();
    calls.sort_by_key(|call| (call.start_us, call.end_us, call.seq));
    // The call that runs longest among those that began so far, for each context.
    let mut longest: BTreeMap<u32, &Call> = BTreeMap::new();
    let mut found = Vec::new();
    for call in calls {
        for context in &call.contexts {
            let Some(running) = longest.get(context) else {
                longest.insert(*context, call);
                continue;
            };
            if call.start_us < running.end_us {
                found.push(Overlap {
                    context: *context,
                    running: running.seq,
                    began: call.seq,
                    calls: format!("{}, {}", running.title(), call.title()),
                });
            }
            if call.end_us > running.end_us {
                longest.insert(*context, call);
            }
        }
    }
    found
}
