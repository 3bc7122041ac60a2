//! What earlier applies have made, so that pruning takes away that and nothing else.
//!
//! One file in the data folder, written before the queue items that make something: an object that
//! might be there is remembered, whatever happens in between.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::durable::{Durability, replace, temporary_beside};
use crate::model::{ObjectId, ObjectKind};

/// Name of the file in the data folder.
const FILE: &str = "drover-apply.json";

/// For drover's user only: names of people are in it.
const MODE: u32 = 0o600;

/// An object that an apply has made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// Its kind.
    pub kind: ObjectKind,
    /// Its name for people.
    pub label: String,
    /// Its DN.
    pub dn: String,
}

/// Why it cannot be remembered.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// The file cannot be read or written.
    #[error("cannot use {}; check its owner and mode, and the disk", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is not what was written.
    #[error("{} is damaged; put a backup in its place, or remove it (then nothing is pruned that was \
             made before)", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
}

/// What each set of files has made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    sets: BTreeMap<String, BTreeMap<ObjectId, Made>>,
}

impl Memory {
    /// Reads it; empty if there is none.
    ///
    /// # Errors
    /// If the file is there and cannot be read.
    pub fn load(data_dir: &Path) -> Result<Self, MemoryError> {
        let path = data_dir.join(FILE);
        match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|_| MemoryError::Damaged { path }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(source) => Err(MemoryError::Unusable { path, source }),
        }
    }

    /// Writes it; it is on the disk when this returns.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn save(&self, data_dir: &Path) -> Result<(), MemoryError> {
        let path = data_dir.join(FILE);
        let written = serde_json::to_vec_pretty(self).map_err(io::Error::from).and_then(|bytes| {
            replace(&path, &temporary_beside(&path), &bytes, MODE, Durability::Synced)
        });
        written.map_err(|source| MemoryError::Unusable { path, source })
    }

    /// What a set has made.
    pub fn of(&self, set: &str) -> Option<&BTreeMap<ObjectId, Made>> {
        self.sets.get(set)
    }

    /// An object is about to be made for a set.
    pub fn add(&mut self, set: &str, id: ObjectId, made: Made) {
        self.sets.entry(set.to_owned()).or_default().insert(id, made);
    }

    /// An object of a set is about to be taken away.
    pub fn remove(&mut self, set: &str, id: &ObjectId) {
        if let Some(made) = self.sets.get_mut(set) {
            made.remove(id);
            if made.is_empty() {
                self.sets.remove(set);
            }
        }
    }
}

/// The name of a set that was given none: the same files are the same set, in whatever order and from
/// wherever they are named.
pub fn set_of(paths: &[PathBuf]) -> String {
    let mut whole: Vec<PathBuf> = paths
        .iter()
        .map(|path| std::fs::canonicalize(path).unwrap_or_else(|_| path.clone()))
        .collect();
    whole.sort();
    whole.dedup();
    let mut hash = Sha256::new();
    for path in &whole {
        hash.update(path.as_os_str().as_encoded_bytes());
        hash.update([0]);
    }
    let hash: String = hash.finalize().iter().take(8).fold(String::new(), |mut hex, byte| {
        use std::fmt::Write as _;
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    format!("files-{hash}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_is_remembered_by_set() {
        let dir = tempfile::tempdir().unwrap();
        let made =
            || Made { kind: ObjectKind::User, label: "20/anna".into(), dn: "uid=anna,o=x".into() };
        let mut memory = Memory::load(dir.path()).unwrap();
        assert_eq!(memory, Memory::default());
        memory.add("a", ObjectId::new("1"), made());
        memory.add("b", ObjectId::new("2"), made());
        memory.save(dir.path()).unwrap();
        let mut memory = Memory::load(dir.path()).unwrap();
        assert_eq!(memory.of("a"), Some(&BTreeMap::from([(ObjectId::new("1"), made())])));
        memory.remove("a", &ObjectId::new("1"));
        assert_eq!(memory.of("a"), None);
        std::fs::write(dir.path().join(FILE), "{").unwrap();
        assert!(Memory::load(dir.path()).unwrap_err().to_string().contains("is damaged"));
    }

    #[test]
    fn a_set_is_its_files_in_any_order() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| {
            let path = dir.path().join(name);
            std::fs::write(&path, "").unwrap();
            path
        };
        let (a, b) = (path("a"), path("b"));
        let around = dir.path().join(".").join("a");
        assert_eq!(set_of(&[a.clone(), b.clone()]), set_of(&[b.clone(), around]));
        assert_ne!(set_of(&[a.clone(), b]), set_of(&[a]));
    }
}
