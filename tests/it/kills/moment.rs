//! When drover is killed.

use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use notify::event::{EventKind, ModifyKind};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher as _};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::stage::Stage;

/// Whatever is waited for, drover is killed when so much time is up: it may have nothing to do.
const MOST: Duration = Duration::from_millis(80);

/// What drover did last before it is killed.
#[derive(Debug, Clone, Copy)]
pub enum What {
    /// So many more calls have arrived at OX; the last one has hardly been read.
    Arrived(u64),
    /// OX has done so many more writes, and drover does not know of the last one yet.
    Applied(u64),
    /// So many more changes of files: the database, the queue, credentials, profiles.
    Files(u32),
    /// So much time since its start, whatever it does.
    Elapsed(Duration),
}

/// A moment, and a little later.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    pub what: What,
    /// Zero in half of all cases.
    pub later: Duration,
}

impl Moment {
    pub fn choose(rng: &mut ChaCha8Rng) -> Self {
        let what = match rng.random_range(0..10) {
            0..3 => What::Arrived(rng.random_range(1..14)),
            3..6 => What::Applied(rng.random_range(1..9)),
            6..8 => What::Files(rng.random_range(1..30)),
            _ => What::Elapsed(Duration::from_micros(rng.random_range(0..60_000))),
        };
        let later = if rng.random() { rng.random_range(0..2_000) } else { 0 };
        Self { what, later: Duration::from_micros(later) }
    }

    /// Waits for it; drover has just been started.
    pub fn wait(self, stage: &Stage, files: &Files) {
        let begun = Instant::now();
        match self.what {
            What::Arrived(calls) => {
                let before = stage.stats().arrived;
                stage.wait(&format!("arrived={}&ms={}", before + calls, MOST.as_millis()));
            }
            What::Applied(writes) => {
                let before = stage.stats().applied;
                stage.wait(&format!("applied={}&ms={}", before + writes, MOST.as_millis()));
            }
            What::Files(changes) => files.wait(changes, begun + MOST),
            // Chance itself, not the wait for something.
            What::Elapsed(time) => std::thread::sleep(time),
        }
        if !self.later.is_zero() {
            std::thread::sleep(self.later);
        }
    }
}

/// Changes of files in a data folder that drover makes.
pub struct Files {
    changes: Receiver<()>,
    /// Ends with this.
    _watcher: RecommendedWatcher,
}

impl Files {
    pub fn of(data: &Path) -> Self {
        let (sender, changes) = channel();
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            if event.is_ok_and(|event| is_drovers(&event)) {
                // Nobody listens any more when the season is over.
                let _ = sender.send(());
            }
        })
        .unwrap();
        watcher.watch(data, RecursiveMode::Recursive).unwrap();
        Self { changes, _watcher: watcher }
    }

    fn wait(&self, changes: u32, deadline: Instant) {
        while self.changes.try_recv().is_ok() {}
        for _ in 0..changes {
            let left = deadline.saturating_duration_since(Instant::now());
            if self.changes.recv_timeout(left).is_err() {
                return;
            }
        }
    }
}

/// Not the files that the rehearsal itself puts into the queue, nor mere looks.
fn is_drovers(event: &Event) -> bool {
    let queue = event.paths.iter().any(|path| path.to_string_lossy().contains("/listener/"));
    match event.kind {
        EventKind::Remove(_) => true,
        EventKind::Access(_) | EventKind::Modify(ModifyKind::Metadata(_)) => false,
        _ => !queue,
    }
}
