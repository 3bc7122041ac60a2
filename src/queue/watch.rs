//! Notices what comes to and goes from a queue directory.
//!
//! The kernel's notices (inotify) bring news at once; a scan now and then brings what they missed.
//! Both run on plain threads, so that a busy or paused runtime cannot hold them up.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode, CreateKind, EventKind, ModifyKind, RenameMode};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;
use tracing::{info, warn};

use super::directory::{is_item_name, stamps};
use super::{Changed, QueueError, mounts};
use crate::durable::Stamp;
use crate::model::ItemName;

/// Messages that wait for the receiver; what comes then is gathered into the next one.
const CAPACITY: usize = 16;
/// After a notice, more are awaited until there is none for this long …
const QUIET: Duration = Duration::from_millis(1);
/// … but not longer than this.
const GATHER: Duration = Duration::from_millis(10);
/// Time between attempts to hand on news while the receiver is behind.
const FULL_RETRY: Duration = Duration::from_millis(20);
/// Longest time until the end of the receiver is noticed.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// Time between scans while there are no notices.
const BLIND_SCAN_EVERY: Duration = Duration::from_secs(1);

/// What the watching thread is told.
#[derive(Debug)]
pub(super) enum Signal {
    /// A file was closed after writing, or got its name.
    There(ItemName),
    /// A file was removed or renamed.
    Gone(ItemName),
    /// A file is being written in place.
    Writing(ItemName),
    /// Notices were lost.
    Rescan,
    /// The directory itself went: notices come no more.
    DirectoryGone,
    /// The queue was dropped.
    Stop,
}

/// News that was not handed on yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum News {
    There { by_scan: bool },
    Gone,
}

/// A file that the receiver knows of.
#[derive(Debug, Clone, Copy)]
struct Told {
    stamp: Stamp,
    /// Found by a scan: the notice of the same may still be on its way.
    by_scan: bool,
}

/// Notices from the kernel about one directory, as long as this lives.
#[derive(Debug)]
struct Notices {
    _watcher: RecommendedWatcher,
    /// Device and inode of the directory.
    directory: (u64, u64),
}

/// The watch of a directory; [`Watch::run`] is its thread.
#[derive(Debug)]
pub(super) struct Watch {
    dir: PathBuf,
    scan_every: Duration,
    signals: Receiver<Signal>,
    signals_in: Sender<Signal>,
    changes: mpsc::Sender<Changed>,
    told: HashMap<ItemName, Told>,
    news: BTreeMap<ItemName, News>,
    /// Files that are being written in place, with their stamps at the last scan.
    writing: HashMap<ItemName, Option<Stamp>>,
    use_notices: bool,
    notices: Option<Notices>,
    rescan: bool,
    /// The trouble is logged already.
    blind: bool,
    unlisted: bool,
}

impl Watch {
    /// Starts to take notices and looks at what is there, which is not reported.
    pub(super) fn new(
        dir: &Path,
        scan_every: Duration,
        (signals_in, signals): (Sender<Signal>, Receiver<Signal>),
        use_notices: bool,
    ) -> Result<(Self, mpsc::Receiver<Changed>), QueueError> {
        let (changes, receiver) = mpsc::channel(CAPACITY);
        let mut watch = Self {
            // The kernel's notices bear absolute paths.
            dir: std::path::absolute(dir)
                .map_err(|source| QueueError::Unwatched { path: dir.to_owned(), source })?,
            scan_every,
            signals,
            signals_in,
            changes,
            told: HashMap::new(),
            news: BTreeMap::new(),
            writing: HashMap::new(),
            use_notices,
            notices: None,
            rescan: false,
            blind: false,
            unlisted: false,
        };
        // Notices first: a file that comes between the two is then seen twice, not never.
        if fs::metadata(dir).is_ok() {
            watch.listen();
        }
        watch.told = stamps(dir)?
            .into_iter()
            .map(|(name, stamp)| (name, Told { stamp, by_scan: true }))
            .collect();
        Ok((watch, receiver))
    }

    /// Watches until the receiver or the queue is dropped.
    pub(super) fn run(mut self) {
        let mut next_scan = Instant::now() + self.period();
        loop {
            let idle = if self.news.is_empty() { HEARTBEAT } else { FULL_RETRY };
            let wait = next_scan.saturating_duration_since(Instant::now()).min(idle);
            match self.signals.recv_timeout(wait) {
                Ok(signal) => {
                    if self.gather(signal).is_stopped() {
                        return;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if self.changes.is_closed() {
                return;
            }
            if self.rescan || Instant::now() >= next_scan {
                self.rescan = false;
                self.scan();
                next_scan = Instant::now() + self.period();
            }
            self.hand_on();
        }
    }

    fn period(&self) -> Duration {
        if self.notices.is_some() { self.scan_every } else { self.scan_every.min(BLIND_SCAN_EVERY) }
    }

    /// Takes a signal and those that follow it closely, so that a burst becomes few messages.
    fn gather(&mut self, first: Signal) -> Taken {
        let until = Instant::now() + GATHER;
        let mut signal = first;
        loop {
            if self.take(signal).is_stopped() {
                return Taken::Stopped;
            }
            let left = until.saturating_duration_since(Instant::now());
            match self.signals.recv_timeout(left.min(QUIET)) {
                Ok(next) if !left.is_zero() => signal = next,
                Ok(next) => return self.take(next),
                Err(_) => return Taken::Well,
            }
        }
    }

    fn take(&mut self, signal: Signal) -> Taken {
        match signal {
            Signal::There(name) => {
                self.writing.remove(&name);
                self.news.insert(name, News::There { by_scan: false });
            }
            Signal::Gone(name) => {
                self.writing.remove(&name);
                self.news.insert(name, News::Gone);
            }
            Signal::Writing(name) => {
                self.writing.entry(name).or_insert(None);
            }
            Signal::Rescan => {
                self.rescan = true;
                // Their end may be among what was lost.
                self.writing.clear();
            }
            Signal::DirectoryGone => {
                self.notices = None;
                self.rescan = true;
            }
            Signal::Stop => return Taken::Stopped,
        }
        Taken::Well
    }

    /// Compares the directory with what the receiver knows.
    fn scan(&mut self) {
        self.listen();
        let found = match stamps(&self.dir) {
            Ok(found) => found,
            // A directory that cannot be listed is not an empty one: nothing is reported as gone.
            Err(problem) => {
                if !self.unlisted {
                    warn!("{problem}");
                }
                self.unlisted = true;
                return;
            }
        };
        if self.unlisted {
            info!("queue directory {} can be listed again", self.dir.display());
            self.unlisted = false;
        }
        let there: HashSet<&ItemName> = found.iter().map(|(name, _)| name).collect();
        for name in self.told.keys().filter(|name| !there.contains(name)) {
            self.news.insert(name.clone(), News::Gone);
        }
        self.writing.retain(|name, _| there.contains(name));
        for (name, stamp) in found {
            if self.told.get(&name).is_some_and(|told| told.stamp == stamp) {
                continue;
            }
            // A file that is being written waits for its end; but a link is never closed, and
            // notices get lost, so one that has not changed for a whole period is taken.
            if let Some(before) = self.writing.get_mut(&name)
                && before.replace(stamp) != Some(stamp)
            {
                continue;
            }
            self.writing.remove(&name);
            self.news.entry(name).or_insert(News::There { by_scan: true });
        }
    }

    /// Hands on the news, if there is room; else it is kept for later.
    fn hand_on(&mut self) {
        if self.news.is_empty() {
            return;
        }
        let Ok(permit) = self.changes.try_reserve() else { return };
        let mut changed = Changed::default();
        for (name, news) in std::mem::take(&mut self.news) {
            let now = match news {
                News::There { by_scan } => match fs::metadata(self.dir.join(name.as_str())) {
                    Ok(found) if found.is_file() => Some((Stamp::of(&found), by_scan)),
                    Ok(_) => continue,
                    Err(_) => None,
                },
                News::Gone => None,
            };
            let Some((stamp, by_scan)) = now else {
                // Also if it was never told: the receiver may have scanned in between.
                self.told.remove(&name);
                changed.removed.push(name);
                continue;
            };
            match self.told.insert(name.clone(), Told { stamp, by_scan }) {
                // The notice of what a scan has already brought.
                Some(told) if told.by_scan && !by_scan && told.stamp == stamp => {}
                Some(_) => changed.modified.push(name),
                None => changed.added.push(name),
            }
        }
        if !changed.is_empty() {
            permit.send(changed);
        }
    }

    /// Takes notices of the directory that is at the path now, unless it does already.
    fn listen(&mut self) {
        if !self.use_notices {
            return;
        }
        let directory = fs::metadata(&self.dir).ok().map(|found| (found.dev(), found.ino()));
        if self.notices.as_ref().is_some_and(|notices| Some(notices.directory) == directory) {
            return;
        }
        self.notices = None;
        // A directory that is not there is told by the scan.
        let Some(directory) = directory else { return };
        // There a watch can be had, but it stays silent about what other machines do.
        if let Some(kind) = mounts::silent(&self.dir) {
            if !self.blind {
                warn!(
                    "queue directory {} is on a file system ({kind}) that gives no notices of what \
                     other machines write; it is scanned every second instead",
                    self.dir.display()
                );
            }
            self.blind = true;
            return;
        }
        match watcher(&self.dir, self.signals_in.clone()) {
            Ok(watcher) => {
                self.notices = Some(Notices { _watcher: watcher, directory });
                self.blind = false;
            }
            Err(problem) => {
                if !self.blind {
                    warn!(
                        "cannot get notices of queue directory {}: {problem}; it is scanned every \
                         second instead; fs.inotify.max_user_instances or max_user_watches may be \
                         too low",
                        self.dir.display()
                    );
                }
                self.blind = true;
            }
        }
    }
}

/// Whether the watch goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    Well,
    Stopped,
}

impl Taken {
    fn is_stopped(self) -> bool {
        self == Self::Stopped
    }
}

fn watcher(dir: &Path, signals: Sender<Signal>) -> notify::Result<RecommendedWatcher> {
    let watched = dir.to_owned();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        if let Some(signal) = translate(event, &watched) {
            // Nobody listens any more once the watch has ended.
            let _ = signals.send(signal);
        }
    })?;
    watcher.watch(dir, RecursiveMode::NonRecursive)?;
    Ok(watcher)
}

/// What a notice means for the queue; most mean nothing.
fn translate(event: notify::Result<Event>, dir: &Path) -> Option<Signal> {
    let Ok(event) = event else { return Some(Signal::Rescan) };
    if event.need_rescan() {
        return Some(Signal::Rescan);
    }
    // The notice `Both` has two paths and repeats what `From` and `To` have said.
    let [path] = event.paths.as_slice() else { return None };
    let signal: fn(ItemName) -> Signal = match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write))
        | EventKind::Modify(ModifyKind::Name(RenameMode::To)) => Signal::There,
        EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(RenameMode::From)) => {
            if path == dir {
                return Some(Signal::DirectoryGone);
            }
            Signal::Gone
        }
        EventKind::Create(CreateKind::File) | EventKind::Modify(ModifyKind::Data(_)) => {
            Signal::Writing
        }
        _ => return None,
    };
    let name = path.file_name()?.to_str()?;
    is_item_name(name).then(|| signal(ItemName::new(name)))
}

#[cfg(test)]
mod tests;
