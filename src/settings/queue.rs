//! Where the queue is, and how it is read.

use std::path::PathBuf;
use std::time::Duration;

use super::layers::Layers;
use super::problem::BadValue;

const MIB: u64 = 1 << 20;

/// Shortest pause between two looks at the whole queue, in seconds.
const LEAST_SCAN: f64 = 0.1;

/// Section `queue`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// drover's directory.
    pub data_dir: PathBuf,
    /// How often the whole queue is looked through, whatever the file system reports.
    pub scan_every: Duration,
    /// Largest file that is read.
    pub max_file_bytes: u64,
    /// Whether what locks somebody out goes before everything else.
    pub leavers_first: bool,
}

impl Queue {
    pub(super) fn read(layers: &Layers) -> Result<Self, BadValue> {
        Ok(Self {
            data_dir: data_dir(layers)?,
            scan_every: layers.field("queue.scan_every_s").seconds_from(LEAST_SCAN)?,
            max_file_bytes: u64::from(layers.field("queue.max_file_mb").whole(1..=1024)?) * MIB,
            leavers_first: layers.field("queue.leavers_first").flag()?,
        })
    }
}

/// drover's directory, alone: the settings file may be in it.
pub(super) fn data_dir(layers: &Layers) -> Result<PathBuf, BadValue> {
    layers.field("queue.data_dir").text("name a directory").map(PathBuf::from)
}
