//! How the service runs and ends.

use std::time::Duration;

use super::layers::Layers;
use super::problem::BadValue;

/// Section `run`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// How often the queue is looked through where the file system reports no changes; none = only
    /// as often as [`Queue::scan_every`](super::Queue::scan_every) says.
    pub interval: Option<Duration>,
    /// How long calls under way may still take after drover was told to end.
    pub drain: Duration,
}

impl Run {
    pub(super) fn read(layers: &Layers) -> Result<Self, BadValue> {
        let interval = layers.field("run.interval_s").seconds_from(0.0)?;
        Ok(Self {
            interval: (!interval.is_zero()).then_some(interval),
            drain: layers.field("run.drain_s").seconds_from(0.0)?,
        })
    }
}
