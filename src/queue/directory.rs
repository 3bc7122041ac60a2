//! The queue as a directory of `*.json` files.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;

use super::watch::{Signal, Watch};
use super::{Changed, Queue, QueueError};
use crate::durable::Stamp;
use crate::model::ItemName;

/// How a queue directory is read.
#[derive(Debug, Clone, Copy)]
pub struct DirectorySettings {
    /// Largest file that is read, in bytes.
    pub max_file_bytes: u64,
    /// Time between the scans that catch what the watch has missed.
    pub scan_every: Duration,
}

impl Default for DirectorySettings {
    fn default() -> Self {
        Self { max_file_bytes: 16 * 1024 * 1024, scan_every: Duration::from_secs(30) }
    }
}

/// A directory whose `*.json` files are the queue's items.
#[derive(Debug)]
pub struct DirectoryQueue {
    dir: PathBuf,
    settings: DirectorySettings,
    /// Ends for [`Signal::Stop`], one per watch that was started.
    watches: Mutex<Vec<Sender<Signal>>>,
}

impl DirectoryQueue {
    /// The queue in `dir`, which need not be there yet.
    pub fn new(dir: PathBuf, settings: DirectorySettings) -> Self {
        Self { dir, settings, watches: Mutex::new(Vec::new()) }
    }

    fn path(&self, name: &ItemName) -> Result<PathBuf, QueueError> {
        if is_item_name(name.as_str()) {
            Ok(self.dir.join(name.as_str()))
        } else {
            Err(QueueError::Name(name.as_str().to_owned()))
        }
    }

    fn gone(&self) -> QueueError {
        QueueError::NoDirectory { path: self.dir.clone() }
    }

    /// Watches with or without the help of the kernel's notices.
    pub(super) fn watch_with(&self, notices: bool) -> Result<mpsc::Receiver<Changed>, QueueError> {
        let (signals_in, signals) = channel();
        let (watch, changes) = Watch::new(
            &self.dir,
            self.settings.scan_every,
            (signals_in.clone(), signals),
            notices,
        )?;
        std::thread::Builder::new()
            .name("queue watch".to_owned())
            .spawn(move || watch.run())
            .map_err(|source| QueueError::Unwatched { path: self.dir.clone(), source })?;
        self.watches.lock().unwrap_or_else(PoisonError::into_inner).push(signals_in);
        Ok(changes)
    }
}

impl Queue for DirectoryQueue {
    fn scan(&self) -> Result<Vec<ItemName>, QueueError> {
        let mut names = Vec::new();
        each_item(&self.dir, |name, _| {
            names.push(name);
            Ok(())
        })?;
        names.sort_unstable();
        Ok(names)
    }

    fn read(&self, name: &ItemName) -> Result<Option<Vec<u8>>, QueueError> {
        let path = self.path(name)?;
        match read_capped(&path, self.settings.max_file_bytes) {
            Ok(Some(bytes)) => Ok(Some(bytes)),
            Ok(None) => Err(QueueError::TooLarge { path, limit: self.settings.max_file_bytes }),
            // Without its directory every item would look withdrawn by hand.
            Err(problem) if problem.kind() == io::ErrorKind::NotFound => {
                fs::metadata(&self.dir).map(|_| None).map_err(|_| self.gone())
            }
            Err(source) => Err(QueueError::Unreadable { path, source }),
        }
    }

    fn remove(&self, name: &ItemName) -> Result<(), QueueError> {
        let path = self.path(name)?;
        match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(QueueError::Unremovable { path, source })
            }
            _ => Ok(()),
        }
    }

    fn watch(&self) -> Result<mpsc::Receiver<Changed>, QueueError> {
        self.watch_with(true)
    }
}

impl Drop for DirectoryQueue {
    fn drop(&mut self) {
        for watch in self.watches.get_mut().unwrap_or_else(PoisonError::into_inner) {
            // A watch that has already ended does not hear it and need not.
            let _ = watch.send(Signal::Stop);
        }
    }
}

/// Whether a file of this name can be an item. Half-written files end in `.tmp`.
pub(super) fn is_item_name(name: &str) -> bool {
    name.strip_suffix(".json").is_some() && !name.starts_with('.') && !name.contains('/')
}

/// Hands on every regular file (or link to one) that bears an item's name, in no order. What
/// vanishes meanwhile is left out.
fn each_item(
    dir: &Path,
    mut hand_on: impl FnMut(ItemName, &Path) -> io::Result<()>,
) -> Result<(), QueueError> {
    let unlisted = |source: io::Error| {
        if source.kind() == io::ErrorKind::NotFound {
            QueueError::NoDirectory { path: dir.to_owned() }
        } else {
            QueueError::Unlisted { path: dir.to_owned(), source }
        }
    };
    for entry in fs::read_dir(dir).map_err(unlisted)? {
        let entry = entry.map_err(unlisted)?;
        let name = entry.file_name();
        // A name that is no text cannot be one of the producer's.
        let Some(name) = name.to_str().filter(|name| is_item_name(name)) else { continue };
        let path = entry.path();
        let is_file = entry.file_type().and_then(|kind| {
            if kind.is_symlink() { Ok(fs::metadata(&path)?.is_file()) } else { Ok(kind.is_file()) }
        });
        let handed_on = match is_file {
            Ok(true) => hand_on(ItemName::new(name), &path),
            Ok(false) => Ok(()),
            Err(problem) => Err(problem),
        };
        match handed_on {
            Err(problem) if problem.kind() != io::ErrorKind::NotFound => {
                return Err(unlisted(problem));
            }
            _ => {}
        }
    }
    Ok(())
}

/// All items with what tells their states apart.
pub(super) fn stamps(dir: &Path) -> Result<Vec<(ItemName, Stamp)>, QueueError> {
    let mut found = Vec::new();
    each_item(dir, |name, path| {
        found.push((name, Stamp::of(&fs::metadata(path)?)));
        Ok(())
    })?;
    Ok(found)
}

/// A regular file's content; none if it is longer than `limit` bytes.
fn read_capped(path: &Path, limit: u64) -> io::Result<Option<Vec<u8>>> {
    // Opening a pipe would wait for its writer, so this is asked before.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    let mut bytes = Vec::new();
    // Read up to the limit whatever the length said before: the file may grow.
    File::open(path)?.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok((u64::try_from(bytes.len()).is_ok_and(|length| length <= limit)).then_some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(dir: &Path) -> DirectoryQueue {
        DirectoryQueue::new(dir.to_owned(), DirectorySettings::default())
    }

    #[test]
    fn only_whole_regular_items_are_found_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        for name in [
            "zzz.json",
            "2025-03-03-08-00-02.json",
            "2025-03-03-08-00-01-104233.json",
            "2025-03-03-08-00-03-000000.json.converting.tmp",
            "2025-03-03-08-00-03-000000.json.tmp",
            ".hidden.json",
            "meta.db",
        ] {
            fs::write(path(name), "{}").unwrap();
        }
        fs::create_dir(path("old")).unwrap();
        fs::write(path("old/2025-03-03-08-00-00.json"), "{}").unwrap();
        fs::create_dir(path("directory.json")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(path("socket.json")).unwrap();
        std::os::unix::fs::symlink(path("zzz.json"), path("link.json")).unwrap();
        std::os::unix::fs::symlink(path("old"), path("to-directory.json")).unwrap();
        std::os::unix::fs::symlink(path("nowhere"), path("dangling.json")).unwrap();
        let fifo = std::process::Command::new("mkfifo").arg(path("fifo.json")).status().unwrap();
        assert!(fifo.success());

        let names = queue(dir.path()).scan().unwrap();
        let names: Vec<&str> = names.iter().map(ItemName::as_str).collect();
        assert_eq!(
            names,
            [
                "2025-03-03-08-00-01-104233.json",
                "2025-03-03-08-00-02.json",
                "link.json",
                "zzz.json"
            ]
        );
    }

    #[test]
    fn a_missing_directory_is_told_with_its_path_and_cure() {
        let dir = tempfile::tempdir().unwrap();
        let missing = dir.path().join("listener");
        let queue = queue(&missing);
        for problem in [queue.scan().unwrap_err(), queue.watch().unwrap_err()] {
            let text = problem.to_string();
            assert!(
                text.contains(missing.to_str().unwrap()) && text.contains("create it"),
                "{text}"
            );
        }
    }

    #[test]
    fn reading_knows_gone_too_large_and_not_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let settings = DirectorySettings { max_file_bytes: 4, ..DirectorySettings::default() };
        let queue = DirectoryQueue::new(dir.path().to_owned(), settings);
        assert_eq!(queue.read(&ItemName::new("a.json")).unwrap(), None);
        fs::write(dir.path().join("a.json"), "1234").unwrap();
        assert_eq!(queue.read(&ItemName::new("a.json")).unwrap().unwrap(), b"1234");
        fs::write(dir.path().join("a.json"), "12345").unwrap();
        let text = queue.read(&ItemName::new("a.json")).unwrap_err().to_string();
        assert!(text.contains("a.json") && text.contains("larger than 4 bytes"), "{text}");
        fs::create_dir(dir.path().join("d.json")).unwrap();
        let text = queue.read(&ItemName::new("d.json")).unwrap_err().to_string();
        assert!(text.contains("d.json") && text.contains("not a regular file"), "{text}");
        let outside = queue.read(&ItemName::new("../a.json"));
        assert!(matches!(outside, Err(QueueError::Name(_))), "{outside:?}");
    }

    #[test]
    fn a_lost_directory_does_not_make_its_items_withdrawn() {
        let dir = tempfile::tempdir().unwrap();
        let queue = queue(&dir.path().join("listener"));
        let lost = queue.read(&ItemName::new("a.json"));
        assert!(matches!(lost, Err(QueueError::NoDirectory { .. })), "{lost:?}");
        fs::create_dir(dir.path().join("listener")).unwrap();
        assert_eq!(queue.read(&ItemName::new("a.json")).unwrap(), None);
    }

    #[test]
    fn removing_twice_is_fine() {
        let dir = tempfile::tempdir().unwrap();
        let queue = queue(dir.path());
        fs::write(dir.path().join("a.json"), "{}").unwrap();
        queue.remove(&ItemName::new("a.json")).unwrap();
        queue.remove(&ItemName::new("a.json")).unwrap();
        assert!(queue.scan().unwrap().is_empty());
    }
}
