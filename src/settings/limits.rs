//! How hard OX and this machine may be worked.

use std::num::{NonZeroU32, NonZeroUsize};

use super::layers::Layers;
use super::problem::BadValue;

/// Most threads that are chosen for contexts when the settings leave it open.
const MOST_THREADS: usize = 4;

/// Section `limits`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Whether the number of calls that OX bears best is looked for, below the two caps.
    pub adaptive: bool,
    /// Calls under way at once at most, over all contexts.
    pub max_in_flight: NonZeroUsize,
    /// Contexts being created at once at most.
    pub max_context_creates: NonZeroUsize,
    /// Calls started in a second; none = no limit.
    pub calls_per_second: Option<NonZeroU32>,
    /// Threads for contexts as set; none = see [`Limits::threads`].
    pub arbiters: Option<NonZeroUsize>,
}

impl Limits {
    pub(super) fn read(layers: &Layers) -> Result<Self, BadValue> {
        let rate = layers.field("limits.calls_per_second").whole(0..=1_000_000)?;
        let arbiters = NonZeroU32::new(layers.field("limits.arbiters").whole(0..=256)?);
        Ok(Self {
            adaptive: layers.field("limits.adaptive").flag()?,
            max_in_flight: layers.field("limits.max_in_flight").size(1024)?,
            max_context_creates: layers.field("limits.max_context_creates").size(64)?,
            calls_per_second: NonZeroU32::new(rate),
            arbiters: arbiters.and_then(|count| NonZeroUsize::try_from(count).ok()),
        })
    }

    /// Threads for contexts: as set, or as many as there are cores, at most four.
    pub fn threads(&self) -> usize {
        self.arbiters.map_or_else(
            || std::thread::available_parallelism().map_or(1, NonZeroUsize::get).min(MOST_THREADS),
            NonZeroUsize::get,
        )
    }
}
