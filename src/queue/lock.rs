//! Only one drover at a time works on a data directory.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

/// Name of the lock file in the data directory.
const FILE: &str = "drover.lock";
/// Most bytes of a lock file that are shown.
const MAX_HOLDER: u64 = 200;

/// How often the lock is tried while somebody only looks at it, and how long in between: a look takes
/// some microseconds.
const TRIES: u32 = 500;
const BETWEEN_TRIES: Duration = Duration::from_millis(1);

/// Why the lock was not got.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has it.
    #[error(
        "data directory {} is in use by another drover ({holder}): stop that one first, or give this \
         one a directory of its own",
        dir.display()
    )]
    Taken {
        /// The data directory.
        dir: PathBuf,
        /// What the other one says of itself: process id and start.
        holder: String,
    },
    /// The lock file cannot be used.
    #[error(
        "cannot lock {}: {source}; the data directory must exist and be writable for drover",
        path.display()
    )]
    Unusable {
        /// The lock file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// What stands in the lock file after a run that left nothing in doubt.
const FINISHED: &str = "free, nothing was left in doubt";

/// What the last one that had the lock has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Nobody ever had it, or nobody knows.
    Nothing,
    /// It ended, and remembered all that it had done.
    Finished,
    /// It was killed, or ended while calls were on their way: more may have been done than is
    /// remembered.
    Unfinished,
}

/// The lock of a data directory, held until this is dropped or the process ends, however it ends.
///
/// The file stays: to remove it would let a second process lock a file that nobody sees any more. It
/// also tells the next one how this one ended.
#[derive(Debug)]
pub struct DataLock {
    file: File,
    found: Found,
}

impl DataLock {
    /// Takes the lock of `data_dir`, without waiting.
    pub fn acquire(data_dir: &Path) -> Result<Self, LockError> {
        let path = data_dir.join(FILE);
        let unusable = |source| LockError::Unusable { path: path.clone(), source };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false) // The holder's word is in it.
            .mode(0o600)
            .open(&path)
            .map_err(unusable)?;
        if !lock_for_work(&file).map_err(unusable)? {
            return Err(LockError::Taken { dir: data_dir.to_owned(), holder: told(&mut file) });
        }
        let found = match holder(&mut file).map_err(unusable)?.as_str() {
            "" => Found::Nothing,
            FINISHED => Found::Finished,
            _ => Found::Unfinished,
        };
        let mut lock = Self { file, found };
        let now = jiff::Timestamp::now();
        lock.write(&format!("pid {}, since {now:.0}", std::process::id())).map_err(unusable)?;
        Ok(lock)
    }

    /// How the last one ended.
    pub fn found(&self) -> Found {
        self.found
    }

    /// Gives the lock back when all that was done is remembered, and lets the next one know.
    ///
    /// # Errors
    /// If the file cannot be written. The lock is given back all the same; the next one will believe
    /// that something is in doubt.
    pub fn finish(mut self) -> io::Result<()> {
        self.write(FINISHED)
    }

    /// Replaces what stands in the file. It is never empty on the way, and on the disk when this
    /// returns: who is cut short here must not look as if all was done.
    fn write(&mut self, line: &str) -> io::Result<()> {
        let line = format!("{line}\n");
        self.file.rewind()?;
        self.file.write_all(line.as_bytes())?;
        self.file.set_len(line.len() as u64)?;
        self.file.sync_all()
    }
}

/// Who works on a data directory, as it says of itself; none if nobody does. The lock is not taken,
/// and whoever wants it meanwhile gets it.
///
/// # Errors
/// If the lock file cannot be looked at.
pub fn worker_on(data_dir: &Path) -> io::Result<Option<String>> {
    let mut file = match File::open(data_dir.join(FILE)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => Ok(Some(told(&mut file))),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Takes the lock if no other works; those who only look are waited for.
fn lock_for_work(file: &File) -> io::Result<bool> {
    for _ in 0..TRIES {
        match file.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(error),
        }
        // Lookers share the lock, with us as well; one who works shares it with nobody.
        match file.try_lock_shared() {
            Ok(()) => file.unlock()?,
            Err(TryLockError::WouldBlock) => return Ok(false),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        thread::sleep(BETWEEN_TRIES);
    }
    Ok(false)
}

/// What the one who works says of itself.
fn told(file: &mut File) -> String {
    let holder = holder(file).unwrap_or_default();
    if holder.is_empty() { "process unknown".to_owned() } else { holder }
}

/// What stands in the file; not always text, if the disk was not well.
fn holder(file: &mut File) -> io::Result<String> {
    let mut bytes = Vec::new();
    file.take(MAX_HOLDER).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_one_is_refused_and_told_who_has_it() {
        let dir = tempfile::tempdir().unwrap();
        let first = DataLock::acquire(dir.path()).unwrap();
        let refused = DataLock::acquire(dir.path()).unwrap_err().to_string();
        assert!(refused.contains(&format!("pid {}", std::process::id())), "{refused}");
        assert!(refused.contains("stop that one first"), "{refused}");
        drop(first);
        DataLock::acquire(dir.path()).unwrap();
    }

    #[test]
    fn the_next_one_knows_whether_anything_was_left() {
        let dir = tempfile::tempdir().unwrap();
        let next = || DataLock::acquire(dir.path()).unwrap();
        assert_eq!(next().found(), Found::Nothing);
        assert_eq!(next().found(), Found::Unfinished, "dropped, as by the end of the process");
        next().finish().unwrap();
        assert_eq!(next().found(), Found::Finished);
        assert_eq!(next().found(), Found::Unfinished, "the last one counts");
    }

    #[test]
    fn to_look_who_works_takes_nothing_from_anybody() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(worker_on(dir.path()).unwrap(), None, "nobody ever did");
        let lock = DataLock::acquire(dir.path()).unwrap();
        let worker = worker_on(dir.path()).unwrap().unwrap();
        assert!(worker.starts_with(&format!("pid {}", std::process::id())), "{worker}");
        drop(lock);
        assert_eq!(worker_on(dir.path()).unwrap(), None, "the file stays, the lock does not");

        let looking = std::sync::atomic::AtomicBool::new(true);
        thread::scope(|scope| {
            scope.spawn(|| {
                while looking.load(std::sync::atomic::Ordering::Relaxed) {
                    worker_on(dir.path()).unwrap();
                }
            });
            let got = (0..200).map(|_| DataLock::acquire(dir.path()).map(drop));
            let refused = got.filter(Result::is_err).count();
            looking.store(false, std::sync::atomic::Ordering::Relaxed);
            assert_eq!(refused, 0);
        });
    }

    #[test]
    fn a_missing_directory_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let refused = DataLock::acquire(&dir.path().join("none")).unwrap_err().to_string();
        assert!(
            refused.contains("none/drover.lock") && refused.contains("must exist"),
            "{refused}"
        );
    }
}
