//! How well the member-id cache serves, and where it is not to be trusted.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::model::ContextId;

/// Counters of the cache, and contexts whose numbers turned out wrong. Anybody may count and doubt;
/// what is cached still has one writer.
#[derive(Debug, Default)]
pub struct Cache {
    hits: AtomicU64,
    misses: AtomicU64,
    wrong: AtomicU64,
    rebuilds: AtomicU64,
    doubted: Mutex<BTreeSet<ContextId>>,
}

/// The counters at one moment, all since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, schemars::JsonSchema)]
pub struct CacheStats {
    /// Numbers remembered now, of users, groups and resources.
    pub size: usize,
    /// Members whose number was known.
    pub hits: u64,
    /// Members who belong into the context and had to be looked up, or are known to be absent.
    pub misses: u64,
    /// Numbers that turned out to be wrong.
    pub wrong: u64,
    /// Contexts whose numbers were all looked up anew.
    pub rebuilds: u64,
    /// Contexts whose numbers are not trusted now.
    pub doubted: usize,
}

impl Cache {
    /// So many members' numbers were known, and so many were not.
    pub fn count(&self, hits: u64, misses: u64) {
        self.hits.fetch_add(hits, Ordering::Relaxed);
        self.misses.fetch_add(misses, Ordering::Relaxed);
    }

    /// So many numbers were wrong.
    pub fn count_wrong(&self, numbers: u64) {
        self.wrong.fetch_add(numbers, Ordering::Relaxed);
    }

    /// A number of that context is another's in OX: none of them is trusted until they were looked
    /// up anew. False if that was known.
    pub fn doubt(&self, context: ContextId) -> bool {
        self.doubted.lock().unwrap_or_else(PoisonError::into_inner).insert(context)
    }

    /// Whether the numbers of a context have to be looked up anew before they are used.
    pub fn is_doubted(&self, context: ContextId) -> bool {
        self.doubted.lock().unwrap_or_else(PoisonError::into_inner).contains(&context)
    }

    /// Contexts whose numbers have to be looked up anew before they are used, sorted.
    pub fn doubted(&self) -> Vec<ContextId> {
        let doubted = self.doubted.lock().unwrap_or_else(PoisonError::into_inner);
        doubted.iter().copied().collect()
    }

    /// All numbers of a context were looked up anew.
    pub fn settle(&self, context: ContextId) {
        self.rebuilds.fetch_add(1, Ordering::Relaxed);
        self.doubted.lock().unwrap_or_else(PoisonError::into_inner).remove(&context);
    }

    pub(super) fn stats(&self, size: usize) -> CacheStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        CacheStats {
            size,
            hits: read(&self.hits),
            misses: read(&self.misses),
            wrong: read(&self.wrong),
            rebuilds: read(&self.rebuilds),
            doubted: self.doubted.lock().unwrap_or_else(PoisonError::into_inner).len(),
        }
    }
}
