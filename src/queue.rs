//! The queue: files that say what an object of the directory has become, one change each.
//!
//! Its producer writes each file under another name and renames it, so a file with the right name
//! is whole; drover removes it when what it says is done and remembered.

pub mod directory;
pub mod lock;
mod mounts;
mod watch;
pub mod write;

use std::io;
use std::path::PathBuf;

use tokio::sync::mpsc;

use crate::model::ItemName;

pub use directory::{DirectoryQueue, DirectorySettings};
pub use lock::{DataLock, Found, LockError, worker_on};
pub use write::QueueWriter;

/// What happened to queue files; each list is in queue order.
///
/// News may come twice, and may tell of a file that has meanwhile become something else: whoever
/// gets it looks at the file.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Changed {
    /// Files that came.
    pub added: Vec<ItemName>,
    /// Files that were there and were written again, or replaced.
    pub modified: Vec<ItemName>,
    /// Files that are not there any more.
    pub removed: Vec<ItemName>,
}

impl Changed {
    /// Whether nothing happened.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.modified.is_empty() && self.removed.is_empty()
    }
}

/// What can be in the way of the queue. Each names the path and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// There is no such directory.
    #[error(
        "queue directory {} does not exist: create it, or correct the path in the settings",
        path.display()
    )]
    NoDirectory {
        /// The directory.
        path: PathBuf,
    },
    /// The directory cannot be listed.
    #[error(
        "cannot list queue directory {}: {source}; check its owner and mode, and the disk",
        path.display()
    )]
    Unlisted {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is too large to be a queue item.
    #[error(
        "queue file {} is larger than {limit} bytes: move it away, or raise the limit in the settings",
        path.display()
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Most bytes that are read.
        limit: u64,
    },
    /// A file cannot be read.
    #[error("cannot read queue file {}: {source}; check its owner and mode", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file cannot be removed.
    #[error(
        "cannot remove queue file {}: {source}; check the owner and mode of its directory",
        path.display()
    )]
    Unremovable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The directory cannot be watched at all: no thread to be had, or no working directory.
    #[error(
        "cannot start watching queue directory {}: {source}; check the service's limit of threads \
         (TasksMax, LimitNPROC) and that its working directory exists",
        path.display()
    )]
    Unwatched {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Not the name of a queue file.
    #[error(
        "\"{0}\" is not the name of a queue file: these end in .json and lie directly in the queue directory"
    )]
    Name(String),
    /// Trouble of a queue that is not a directory.
    #[error("{0}")]
    Other(String),
}

/// Where items come from.
pub trait Queue: Send + Sync + 'static {
    /// The names of all items that are there, in queue order.
    fn scan(&self) -> Result<Vec<ItemName>, QueueError>;
    /// The content of an item; none if it is not there any more.
    fn read(&self, name: &ItemName) -> Result<Option<Vec<u8>>, QueueError>;
    /// Removes an item; one that is not there is fine.
    fn remove(&self, name: &ItemName) -> Result<(), QueueError>;
    /// News from now on. What was there before is [`Queue::scan`]'s: call this first, and nothing
    /// falls between the two. The news ends with the queue; drop the receiver to end it earlier.
    fn watch(&self) -> Result<mpsc::Receiver<Changed>, QueueError>;
}
