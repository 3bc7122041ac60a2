//! How a data folder is doing, seen from outside: whether or not a service works on it, nothing is
//! changed and nobody is kept waiting.

use std::collections::BTreeSet;
use std::io;
use std::time::{Duration, SystemTime};

use crate::model::{ContextId, Fate, ItemName};
use crate::queue::{DirectoryQueue, DirectorySettings, Queue, QueueError, worker_on};
use crate::settings::Settings;
use crate::store::{FaultRecord, SqliteReader, StoreError};

/// Why it cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum HealthError {
    /// drover's memory cannot be read.
    #[error("cannot look into {path}")]
    Memory {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: StoreError,
    },
    /// The queue cannot be read.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// The lock file cannot be read.
    #[error("cannot look at the lock file; check its owner and mode")]
    Lock(#[source] io::Error),
}

/// A data folder at a moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Health {
    /// Whether drover has ever worked here.
    pub known: bool,
    /// Who works on it, as it says of itself.
    pub worker: Option<String>,
    /// Items that wait or are being done, those without a fault.
    pub pending: u64,
    /// Queue files that nobody has looked at yet.
    pub fresh: u64,
    /// Since when the oldest of all these waits; of faulty ones, too.
    pub oldest: Option<SystemTime>,
    /// Items that stand still with their last fault, in queue order.
    pub faulty: Vec<FaultRecord>,
    /// Items that are set aside.
    pub parked: u64,
    /// Items that wait for those.
    pub blocked: u64,
}

impl Health {
    /// Looks.
    ///
    /// # Errors
    /// If something that is there cannot be read. What is not there, such as the memory of a drover
    /// that never ran, is no error.
    pub fn of(settings: &Settings) -> Result<Self, HealthError> {
        let mut health = Self {
            worker: worker_on(&settings.queue.data_dir).map_err(HealthError::Lock)?,
            ..Self::default()
        };
        let mut open = BTreeSet::new();
        let path = settings.database();
        if path.exists() {
            health.known = true;
            let told = |source| HealthError::Memory { path: path.display().to_string(), source };
            let reader = SqliteReader::open(&path).map_err(told)?;
            health.look_into(&reader, &mut open).map_err(told)?;
        }
        health.count_files(settings, &open)?;
        Ok(health)
    }

    fn look_into(
        &mut self,
        reader: &SqliteReader,
        open: &mut BTreeSet<ItemName>,
    ) -> Result<(), StoreError> {
        let mut standing = BTreeSet::new();
        reader.each_open_item(&mut |item| {
            match item.fate {
                Fate::Parked { .. } => self.parked += 1,
                Fate::Blocked { .. } => self.blocked += 1,
                Fate::Faulty { .. } => {
                    self.wait_since(moment(item.taken_ms));
                    standing.insert(item.item.clone());
                }
                _ => {
                    self.wait_since(moment(item.taken_ms));
                    self.pending += 1;
                }
            }
            open.insert(item.item);
        })?;
        self.faulty = reader.faults()?;
        self.faulty.retain(|fault| standing.contains(&fault.item));
        self.faulty.sort_by(|a, b| a.item.cmp(&b.item));
        Ok(())
    }

    /// Files of which the memory knows nothing. One whose item has just ended may still be there for
    /// a moment; it does not matter here.
    fn count_files(
        &mut self,
        settings: &Settings,
        open: &BTreeSet<ItemName>,
    ) -> Result<(), HealthError> {
        let folder = settings.queue_dir();
        let queue = DirectoryQueue::new(folder.clone(), DirectorySettings::default());
        let names = match queue.scan() {
            Err(QueueError::NoDirectory { .. }) => return Ok(()),
            scanned => scanned?,
        };
        for name in names.into_iter().filter(|name| !open.contains(name)) {
            self.fresh += 1;
            let written = std::fs::metadata(folder.join(name.as_str()));
            if let Ok(written) = written.and_then(|found| found.modified()) {
                self.wait_since(written);
            }
        }
        Ok(())
    }

    fn wait_since(&mut self, since: SystemTime) {
        self.oldest = Some(self.oldest.map_or(since, |oldest| oldest.min(since)));
    }

    /// How long the oldest item that is not set aside has been waiting.
    pub fn oldest_age(&self, now: SystemTime) -> Duration {
        // A clock that was put back makes nobody wait.
        self.oldest.and_then(|oldest| now.duration_since(oldest).ok()).unwrap_or_default()
    }

    /// Contexts that stand still.
    pub fn standing(&self) -> BTreeSet<ContextId> {
        self.faulty.iter().filter_map(|fault| fault.context).collect()
    }
}

fn moment(ms: i64) -> SystemTime {
    let since = Duration::from_millis(u64::try_from(ms).unwrap_or_default());
    SystemTime::UNIX_EPOCH.checked_add(since).unwrap_or(SystemTime::UNIX_EPOCH)
}
