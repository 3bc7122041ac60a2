//! The mirror: `listener/old/<uuid>.json` kept as the OX Connector would have kept it, for tools that
//! read it and for the way back.
//!
//! A thread of its own, which nobody waits for. What it has to do stands in the state database, written
//! with each commit ([`SqliteStore::unmirrored`]): so it is never more than a number behind, and after
//! a crash it goes on where it was. Files are replaced by rename; they are not forced to the disk, so
//! after an end that was not in order all of them are compared once.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tracing::{debug, info, warn};

use crate::durable::{Durability, create_private_directory, replace, temporary_beside};
use crate::model::object::{DirectoryObject, is_absent};
use crate::model::{ObjectId, ObjectKind};
use crate::snapshot::{PHOTO, file_name, is_numbered, to_file, with_photo_of};
use crate::store::{ObjectRecord, SqliteReader, SqliteStore, StoreError};

/// Objects taken at once; between two of them it looks whether it is to end.
const SLICE: usize = 200;

/// Objects counted as changed in one commit.
const BATCH: usize = 10_000;

/// Pause after a file could not be written.
const AGAIN: Duration = Duration::from_secs(30);

/// States hold people's data.
const MODE: u32 = 0o600;

/// Why an object's file is not as it should be.
#[derive(Debug, thiserror::Error)]
pub enum MirrorError {
    /// The state database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file.
    #[error("cannot write {}: {source}; check the disk, and owner and mode of its folder", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// The running mirror. When it is dropped it ends without waiting for anything.
#[derive(Debug)]
pub struct Mirror {
    bell: SyncSender<Told>,
    thread: JoinHandle<()>,
}

#[derive(Debug)]
enum Told {
    /// Something was committed.
    Look,
    /// Come to an end.
    End(End),
}

/// When it is to end.
#[derive(Debug, Clone, Copy)]
enum End {
    /// When all is mirrored.
    Done,
    /// By then, whatever is left.
    By(Instant),
}

impl Mirror {
    /// Begins to mirror a store, which has been told that it is mirrored, in a folder. `compare_all`
    /// says that files may not be as they were left.
    ///
    /// # Errors
    /// The system's, if there can be no thread.
    pub fn start(store: Arc<SqliteStore>, folder: PathBuf, compare_all: bool) -> io::Result<Self> {
        // One call is as good as many: whoever hears it looks at all there is.
        let (bell, told) = sync_channel(1);
        let ring = bell.clone();
        store.after_commits(move || match ring.try_send(Told::Look) {
            Ok(()) | Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {}
        });
        let worker = Worker { store, folder, last: 0, complaint: None };
        let thread = std::thread::Builder::new()
            .name("mirror".to_owned())
            .spawn(move || worker.run(&told, compare_all))?;
        Ok(Self { bell, thread })
    }

    /// Ends it: when all is mirrored, or after that time. What is left is done after the next start.
    /// Blocks.
    pub fn finish(self, within: Option<Duration>) {
        let end = within.map_or(End::Done, |within| End::By(Instant::now() + within));
        // A thread that has died has said so.
        let _ = self.bell.send(Told::End(end));
        let _ = self.thread.join();
    }
}

struct Worker {
    store: Arc<SqliteStore>,
    folder: PathBuf,
    /// Up to here all is mirrored.
    last: u64,
    /// What was last complained of, so that it is said once.
    complaint: Option<String>,
}

impl Worker {
    fn run(mut self, told: &Receiver<Told>, compare_all: bool) {
        if compare_all || !self.folder.is_dir() {
            clean(&self.folder);
            if let Err(problem) = count_all(&self.store) {
                warn!("the mirror cannot be compared: {problem}");
            }
        }
        let mut end = None;
        loop {
            let done = self.work(told, &mut end);
            match end {
                // What cannot be written now is written after the next start.
                Some(End::Done) if !done && self.complaint.is_none() => continue,
                Some(_) => break,
                None => {}
            }
            match told.recv_timeout(AGAIN) {
                Ok(Told::Look) | Err(RecvTimeoutError::Timeout) => {}
                Ok(Told::End(when)) => end = Some(when),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
        if let Err(problem) = self.store.strike_mirrored() {
            warn!("the mirror's place cannot be remembered: {problem}");
        }
    }

    /// Mirrors all there is; false if it had to stop before.
    fn work(&mut self, told: &Receiver<Told>, end: &mut Option<End>) -> bool {
        let mut count = 0;
        loop {
            let slice = match self.store.unmirrored(self.last, SLICE) {
                Ok(slice) => slice,
                Err(problem) => return self.complain(&problem.into()),
            };
            if slice.is_empty() {
                if count > 0 {
                    debug!(objects = count, "the mirror is complete");
                }
                if self.complaint.take().is_some() {
                    info!("the mirror can be written again and is complete");
                }
                return true;
            }
            for (nr, object) in slice {
                if let Err(problem) = reflect(self.store.reader(), &self.folder, &object) {
                    return self.complain(&problem);
                }
                self.last = nr;
                count += 1;
            }
            self.store.mirrored(self.last);
            while let Ok(word) = told.try_recv() {
                if let Told::End(when) = word {
                    *end = Some(when);
                }
            }
            if let Some(End::By(by)) = end
                && Instant::now() >= *by
            {
                return false;
            }
        }
    }

    fn complain(&mut self, problem: &MirrorError) -> bool {
        let text = problem.to_string();
        if self.complaint.as_ref() != Some(&text) {
            warn!("the mirror is behind, and is tried again: {text}");
            self.complaint = Some(text);
        }
        false
    }
}

/// Removes what a killed process was writing just then.
fn clean(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().ends_with(".json.tmp") {
            // Left over, it is in the way of nobody but people.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Counts every object as changed.
fn count_all(store: &SqliteStore) -> Result<(), StoreError> {
    let mut ids = Vec::new();
    store.reader().ids(&mut |id| ids.push(id))?;
    ids.chunks(BATCH).try_for_each(|ids| store.mirror_again(ids))
}

/// Makes one object's file what it should be.
///
/// # Errors
/// If the memory cannot be read, or the file not be written.
pub fn reflect(memory: &SqliteReader, folder: &Path, id: &ObjectId) -> Result<(), MirrorError> {
    let Some(name) = file_name(id) else { return Ok(()) };
    let path = folder.join(name);
    let failed = |source| MirrorError::File { path: path.clone(), source };
    let Some(record) = memory.object(id)? else { return remove(&path).map_err(failed) };
    let present = match fs::read(&path) {
        Ok(present) => Some(present),
        Err(problem) if problem.kind() == io::ErrorKind::NotFound => None,
        Err(problem) => return Err(failed(problem)),
    };
    let extra = with_photo_of(present.as_deref(), &record, memory.extra(id)?);
    let Some(bytes) = to_file(&record, &extra).map_err(failed)? else { return Ok(()) };
    // Who was taken out of OX because he is no OX user any more has no last known state.
    if was_switched_off(&record) && present.as_deref().is_some_and(is_numbered) {
        return remove(&path).map_err(failed);
    }
    if present.as_ref() == Some(&bytes) {
        return Ok(());
    }
    write(&path, &bytes).map_err(failed)
}

/// Writes an object's file.
///
/// # Errors
/// The system's.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        create_private_directory(folder)?;
    }
    replace(path, &temporary_beside(path), bytes, MODE, Durability::Lazy)
}

fn was_switched_off(record: &ObjectRecord) -> bool {
    let Some(properties) = record.properties.as_ref().filter(|_| record.placements.is_empty())
    else {
        return false;
    };
    record.kind == ObjectKind::User
        && matches!(
            DirectoryObject::parse(record.kind, properties),
            Ok(DirectoryObject::User(user)) if !user.is_ox_user
        )
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(problem) if problem.kind() != io::ErrorKind::NotFound => Err(problem),
        _ => Ok(()),
    }
}

/// What came of writing all states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Exported {
    /// Files that are as they should be now.
    pub written: usize,
    /// Of these, users whose photo is not known.
    pub without_photo: usize,
    /// Objects whose id cannot be a file name.
    pub unnamed: usize,
}

/// Writes the states of all objects into a folder. What else is in it stays there.
///
/// # Errors
/// The first one that is in the way.
pub fn write_all(memory: &SqliteReader, folder: &Path) -> Result<Exported, MirrorError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| MirrorError::File { path, source }
    };
    create_private_directory(folder).map_err(failed(folder))?;
    let (mut exported, mut trouble) = (Exported::default(), None);
    memory.objects(&mut |record| {
        if trouble.is_some() {
            return;
        }
        let Some(name) = file_name(&record.id) else {
            exported.unnamed += 1;
            return;
        };
        let path = folder.join(name);
        match write_one(memory, &record, &path) {
            Ok(Some(has_photo)) => {
                exported.written += 1;
                exported.without_photo += usize::from(!has_photo);
            }
            Ok(None) => {}
            Err(problem) => trouble = Some(problem),
        }
    })?;
    trouble.map_or(Ok(exported), Err)
}

/// Writes one object's state; says whether its photo is in it or it has none. None if it is being
/// deleted.
fn write_one(
    memory: &SqliteReader,
    record: &ObjectRecord,
    path: &Path,
) -> Result<Option<bool>, MirrorError> {
    let failed = |source| MirrorError::File { path: path.to_owned(), source };
    let present = fs::read(path).ok();
    let extra = with_photo_of(present.as_deref(), record, memory.extra(&record.id)?);
    let Some(bytes) = to_file(record, &extra).map_err(failed)? else { return Ok(None) };
    let photo = record.properties.as_ref().and_then(|properties| properties.get(PHOTO));
    let has_photo = extra.photo.is_some() || is_absent(photo);
    if present.as_ref() != Some(&bytes) {
        write(path, &bytes).map_err(failed)?;
    }
    Ok(Some(has_photo))
}
