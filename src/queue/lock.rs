//! Only one drover at a time works on a data directory.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Name of the lock file in the data directory.
const FILE: &str = "drover.lock";
/// Most bytes of a lock file that are shown.
const MAX_HOLDER: u64 = 200;

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

/// The lock of a data directory, held until this is dropped or the process ends, however it ends.
///
/// The file stays: to remove it would let a second process lock a file that nobody sees any more.
#[derive(Debug)]
pub struct DataLock {
    file: File,
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
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let holder = holder(&mut file).unwrap_or_default();
                let holder = if holder.is_empty() { "process unknown".to_owned() } else { holder };
                return Err(LockError::Taken { dir: data_dir.to_owned(), holder });
            }
            Err(TryLockError::Error(source)) => return Err(unusable(source)),
        }
        let mut lock = Self { file };
        lock.sign().map_err(unusable)?;
        Ok(lock)
    }

    /// Writes down who has the lock.
    fn sign(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.rewind()?;
        let now = jiff::Timestamp::now();
        writeln!(self.file, "pid {}, since {now:.0}", std::process::id())
    }
}

impl Drop for DataLock {
    fn drop(&mut self) {
        // Emptied for those who look into it; closing the file is what releases the lock.
        let _ = self.file.set_len(0);
    }
}

fn holder(file: &mut File) -> io::Result<String> {
    let mut text = String::new();
    file.take(MAX_HOLDER).read_to_string(&mut text)?;
    Ok(text.trim().to_owned())
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
    fn a_missing_directory_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let refused = DataLock::acquire(&dir.path().join("none")).unwrap_err().to_string();
        assert!(
            refused.contains("none/drover.lock") && refused.contains("must exist"),
            "{refused}"
        );
    }
}
