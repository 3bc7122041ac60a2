//! A run's journal: written before anything is made, so that a run that dies can be cleaned up after.
//!
//! Each run has a folder of its own, `DIR/RUN`, which is its data directory and holds the journal.
//! Whatever the run makes is in its contexts, which have its name and its range of numbers; with them
//! it all goes.

use std::io;
use std::path::{Path, PathBuf};

use futures_util::future::join_all;
use serde::{Deserialize, Serialize};

use super::run_id::RunId;
use crate::durable::{Durability, create_private_directory, replace, temporary_beside};
use crate::model::ContextId;
use crate::ox::{FaultClass, OxApi, OxError};

/// The journal's file in the run's folder.
const FILE: &str = "load.json";
/// Questions to OX at once.
const AT_ONCE: u32 = 8;

/// What there is to know about a run to remove it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journal {
    /// Name and range.
    pub run: RunId,
    /// How many contexts it makes at most.
    pub contexts: u32,
    /// Address of the target.
    pub target: String,
    /// When it began.
    pub begun: String,
}

/// Why there is no journal, or nothing can be cleaned up.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The run's folder exists already.
    #[error("there is a run in {} already; clean it up first, or give this one another name", .0.display())]
    Exists(PathBuf),
    /// There is no such run.
    #[error("there is no journal {}; is this the --data directory of the run?", .0.display())]
    Missing(PathBuf),
    /// The folder or the file.
    #[error("cannot use {}: {source}", path.display())]
    Unusable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A context of the run's range is there already.
    #[error(
        "context {context} exists in the target already; choose another range with --first-context"
    )]
    Occupied {
        /// Its number.
        context: u32,
    },
    /// The target.
    #[error("the target does not do what is asked: {0}")]
    Target(#[from] OxError),
}

impl Journal {
    /// The folder of a run below `dir`.
    pub fn folder(dir: &Path, run: &str) -> PathBuf {
        dir.join(format!("load-{run}"))
    }

    /// Makes the run's folder below `dir` and writes the journal there, durably.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn begin(&self, dir: &Path) -> Result<PathBuf, JournalError> {
        let unusable = |path: &Path| {
            let path = path.to_owned();
            |source| JournalError::Unusable { path, source }
        };
        std::fs::create_dir_all(dir).map_err(unusable(dir))?;
        let folder = Self::folder(dir, self.run.name());
        if folder.exists() {
            return Err(JournalError::Exists(folder));
        }
        create_private_directory(&folder).map_err(unusable(&folder))?;
        let path = folder.join(FILE);
        let bytes = serde_json::to_vec_pretty(self).map_err(io::Error::other);
        let bytes = bytes.map_err(unusable(&path))?;
        replace(&path, &temporary_beside(&path), &bytes, 0o600, Durability::Synced)
            .map_err(unusable(&path))?;
        Ok(folder)
    }

    /// The journal of a run.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn read(folder: &Path) -> Result<Self, JournalError> {
        let path = folder.join(FILE);
        let bytes = std::fs::read(&path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => JournalError::Missing(path.clone()),
            _ => JournalError::Unusable { path: path.clone(), source },
        })?;
        serde_json::from_slice(&bytes)
            .map_err(|problem| JournalError::Unusable { path, source: problem.into() })
    }

    /// Makes sure that no context of the range is there: a run must not touch what others made.
    ///
    /// # Errors
    /// [`JournalError`].
    pub async fn find_free(&self, ox: &dyn OxApi) -> Result<(), JournalError> {
        let mut from = 0;
        while from < self.contexts {
            let to = (from + AT_ONCE).min(self.contexts);
            let numbers = || (from..to).map(|context| self.run.context_id(context));
            let asked = numbers().map(|number| ox.context_exists(ContextId(number)));
            for (number, there) in numbers().zip(join_all(asked).await) {
                if there? {
                    return Err(JournalError::Occupied { context: number });
                }
            }
            from = to;
        }
        Ok(())
    }

    /// Deletes the run's contexts with all they hold; answers how many there were. One with a name
    /// that the run has not given is left alone.
    ///
    /// # Errors
    /// [`JournalError`]; what is left is found again the next time.
    pub async fn clean(&self, ox: &dyn OxApi) -> Result<u32, JournalError> {
        let mut removed = 0;
        for context in 0..self.contexts {
            let id = ContextId(self.run.context_id(context));
            let found = match ox.context_get(id).await {
                Ok(found) => found,
                Err(OxError::Fault { fault, .. }) if fault.class == FaultClass::NoSuchContext => {
                    continue;
                }
                Err(problem) => return Err(problem.into()),
            };
            if found.name.is_some_and(|name| name == self.run.context_name(context)) {
                ox.context_delete(id).await?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// Removes the run's folder, once there is nothing left to clean up.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn end(folder: &Path) -> Result<(), JournalError> {
        std::fs::remove_dir_all(folder)
            .map_err(|source| JournalError::Unusable { path: folder.to_owned(), source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_is_found_again_and_a_second_run_of_the_name_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal {
            run: RunId::new("a1", 500).unwrap(),
            contexts: 3,
            target: "http://127.0.0.1:1".to_owned(),
            begun: "now".to_owned(),
        };
        let folder = journal.begin(dir.path()).unwrap();
        assert_eq!(Journal::read(&folder).unwrap(), journal);
        assert!(matches!(journal.begin(dir.path()), Err(JournalError::Exists(_))));
        Journal::end(&folder).unwrap();
        assert!(matches!(Journal::read(&folder), Err(JournalError::Missing(_))));
    }
}
