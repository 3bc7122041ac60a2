//! The attribute mapping on the disk, `AttributeMapping.json`.
//!
//! People and tools change it while drover runs: it is looked at before each use, and a change holds
//! from the next item on. Nothing is rewritten in OX because of it; each object follows with its own
//! next item, also with one that brings nothing else that is new. A version that cannot be used
//! changes nothing but the log.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use tracing::{error, info, warn};

use crate::durable::{
    Durability, Stamp, behind_links, create_private_directory, is_settled, replace,
    temporary_beside,
};
use crate::plan::attributes::mapping::MappingText;
use crate::plan::attributes::{Mapping, MappingError};
use crate::provision::Mappings;

/// Mode of a new file; it holds no secrets and has readers.
const MODE: u32 = 0o644;
/// The bits of a mode that are kept.
const MODE_BITS: u32 = 0o7777;
/// What to do about a file that cannot be used.
const CURE: &str = "correct the file (\"drover mapping check\" says what is wrong with it) or run \
                    \"drover mapping restore\"";

/// What can be in the way of the file. Each names it and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum MappingFileError {
    /// It is there but cannot be read; it is not taken for missing then.
    #[error("cannot read the attribute mapping {}: {source}; check its owner and mode", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What is in it is no mapping.
    #[error("the attribute mapping {} cannot be used: {problem}; {CURE}", path.display())]
    Bad {
        /// The file.
        path: PathBuf,
        /// Where and what.
        problem: MappingError,
    },
    /// A change that was asked for makes no sense. The file is as it was.
    #[error(transparent)]
    Refused(#[from] MappingError),
    /// It cannot be written.
    #[error(
        "cannot write the attribute mapping {}: {source}; check the disk, and owner and mode of its \
         directory",
        path.display()
    )]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// The mapping in force, kept up with its file.
#[derive(Debug)]
pub struct MappingFile {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    mapping: Mapping,
    seen: Seen,
    /// What was told last of a version that cannot be used.
    told: Option<String>,
}

/// What the file looked like when it was read last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    /// It was not there.
    Missing,
    /// So.
    As(Stamp),
    /// It may change without looking different.
    Unsettled,
}

impl MappingFile {
    /// Reads the file at `path`; without one the mapping is the default.
    ///
    /// # Errors
    /// [`MappingFileError`] if it is there and cannot be used.
    pub fn open(path: PathBuf) -> Result<Self, MappingFileError> {
        let (seen, text) = read(&path)?;
        let mapping = match text {
            Some(text) => Mapping::parse(&text)
                .map_err(|problem| MappingFileError::Bad { path: path.clone(), problem })?,
            None => Mapping::default(),
        };
        Ok(Self { path, state: Mutex::new(State { mapping, seen, told: None }) })
    }

    /// Takes a new version over if there is one.
    pub fn look(&self) {
        self.current();
    }

    fn refresh(&self, state: &mut State) {
        if state.seen != Seen::Unsettled && glance(&self.path) == Some(state.seen) {
            return;
        }
        let before = state.seen;
        let found = read(&self.path).and_then(|(seen, text)| {
            let mapping = text.map(|text| Mapping::parse(&text)).transpose();
            let path = self.path.clone();
            state.seen = seen;
            mapping.map_err(|problem| MappingFileError::Bad { path, problem })
        });
        match found {
            Ok(Some(mapping)) => {
                state.told = None;
                if state.mapping != mapping {
                    state.mapping = mapping;
                    info!(
                        "the attribute mapping {} has changed and holds from the next item on",
                        self.path.display()
                    );
                }
            }
            // Whoever moves the file away to edit it does not mean the default meanwhile.
            Ok(None) if before != Seen::Missing => {
                warn!(
                    "the attribute mapping {} is gone; it stays in force until drover starts anew. \
                       \"drover mapping restore\" goes back to the default now",
                    self.path.display()
                );
            }
            Ok(None) => {}
            // Perhaps somebody is still writing it.
            Err(_) if state.seen == Seen::Unsettled => {}
            Err(problem) => {
                let problem = problem.to_string();
                if state.told.as_ref() != Some(&problem) {
                    error!("{problem}; until then the last good version stays in force");
                    state.told = Some(problem);
                }
            }
        }
    }
}

impl Mappings for MappingFile {
    fn current(&self) -> Mapping {
        // Replaced as a whole, so a panic elsewhere cannot have left half of it.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        self.refresh(&mut state);
        state.mapping.clone()
    }
}

/// What the file looks like; none if that cannot be told.
fn glance(path: &Path) -> Option<Seen> {
    match fs::metadata(path) {
        Ok(found) => Some(Seen::As(Stamp::of(&found))),
        Err(problem) if problem.kind() == io::ErrorKind::NotFound => Some(Seen::Missing),
        Err(_) => None,
    }
}

/// The file's text and what it looked like; no text if it is not there.
fn read(path: &Path) -> Result<(Seen, Option<String>), MappingFileError> {
    let unreadable = |source| MappingFileError::Unreadable { path: path.to_owned(), source };
    let before = match fs::metadata(path) {
        Ok(found) => found,
        Err(problem) if problem.kind() == io::ErrorKind::NotFound => {
            return Ok((Seen::Missing, None));
        }
        Err(problem) => return Err(unreadable(problem)),
    };
    let text = fs::read_to_string(path).map_err(unreadable)?;
    let stamp = Stamp::of(&before);
    let lasting = is_settled(&before) && glance(path) == Some(Seen::As(stamp));
    Ok((if lasting { Seen::As(stamp) } else { Seen::Unsettled }, Some(text)))
}

/// What is in the file, or the default if there is none.
///
/// # Errors
/// [`MappingFileError`] if it is there and cannot be used.
pub fn load(path: &Path) -> Result<MappingText, MappingFileError> {
    match read(path)?.1 {
        Some(text) => MappingText::parse(&text)
            .map_err(|problem| MappingFileError::Bad { path: path.to_owned(), problem }),
        None => Ok(MappingText::shipped()),
    }
}

/// Changes the file, whether or not a service reads it; it is on the disk when this returns. Says
/// whether that made a difference; if not, the file is not touched.
///
/// Two changes at a time follow each other.
///
/// # Errors
/// [`MappingFileError`]; the file is as it was then.
pub fn change(
    path: &Path,
    change: impl FnOnce(&mut MappingText) -> Result<(), MappingError>,
) -> Result<bool, MappingFileError> {
    let _alone = alone(path)?;
    let before = load(path)?;
    let mut text = before.clone();
    change(&mut text)?;
    if text == before {
        return Ok(false);
    }
    write(path, &text)?;
    Ok(true)
}

/// Puts the default in the file's place, whatever is in it. Says whether that made a difference.
///
/// # Errors
/// [`MappingFileError`] if it cannot be written.
pub fn restore(path: &Path) -> Result<bool, MappingFileError> {
    let _alone = alone(path)?;
    let default = MappingText::shipped();
    if matches!(read(path), Ok((_, Some(text))) if text == default.text()) {
        return Ok(false);
    }
    write(path, &default)?;
    Ok(true)
}

/// Nobody else changes the file by this module until what is returned is dropped.
fn alone(path: &Path) -> Result<File, MappingFileError> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    create_private_directory(directory)
        .and_then(|()| File::open(directory))
        .and_then(|directory| directory.lock().map(|()| directory))
        .map_err(|source| MappingFileError::Unwritable { path: path.to_owned(), source })
}

fn write(path: &Path, text: &MappingText) -> Result<(), MappingFileError> {
    let put = || {
        let path = behind_links(path)?;
        let mode = fs::metadata(&path).map_or(MODE, |found| found.mode() & MODE_BITS);
        let temporary = temporary_beside(&path);
        replace(&path, &temporary, text.text().as_bytes(), mode, Durability::Synced)
    };
    put().map_err(|source| MappingFileError::Unwritable { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn with_note(attribute: &str) -> String {
        let mut text = MappingText::shipped();
        text.set("note", attribute).unwrap();
        text.text()
    }

    fn mapping(text: &str) -> Mapping {
        Mapping::parse(text).unwrap()
    }

    #[test]
    fn a_new_version_holds_at_once_and_a_bad_one_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("AttributeMapping.json");
        let file = MappingFile::open(path.clone()).unwrap();
        assert_eq!(file.current(), Mapping::default());
        let first = with_note("description");
        fs::write(&path, &first).unwrap();
        assert_eq!(file.current(), mapping(&first));
        for bad in ["", "{", "[]", &first[..first.len() / 2], "{\"note\": 1}"] {
            fs::write(&path, bad).unwrap();
            assert_eq!(file.current(), mapping(&first), "{bad:?}");
        }
        // Two versions of one length within a tick of the clock.
        for attribute in ["aaaa", "bbbb", "aaaa"] {
            let next = with_note(attribute);
            fs::write(&path, &next).unwrap();
            assert_eq!(file.current(), mapping(&next));
        }
        fs::remove_file(&path).unwrap();
        assert_eq!(file.current(), mapping(&with_note("aaaa")), "until the next start");
        assert_eq!(MappingFile::open(path).unwrap().current(), Mapping::default());
    }

    #[test]
    fn a_file_that_cannot_be_used_at_the_start_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("AttributeMapping.json");
        fs::write(&path, "{\"nite\": {}}").unwrap();
        let told = MappingFile::open(path.clone()).unwrap_err().to_string();
        for part in ["AttributeMapping.json", "did you mean \"note\"", "drover mapping restore"] {
            assert!(told.contains(part), "{told} lacks {part}");
        }
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(matches!(MappingFile::open(path), Err(MappingFileError::Unreadable { .. })));
    }

    #[test]
    fn a_change_keeps_mode_and_link_and_what_cannot_be_understood() {
        let dir = tempfile::tempdir().unwrap();
        let (path, real) = (dir.path().join("link.json"), dir.path().join("real.json"));
        assert!(change(&real, |text| text.set("note", "info")).unwrap());
        fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink(&real, &path).unwrap();
        assert!(change(&path, |text| text.set("url", "labeledURI")).unwrap());
        assert!(fs::symlink_metadata(&path).unwrap().is_symlink());
        assert_eq!(fs::metadata(&real).unwrap().mode() & MODE_BITS, 0o640);
        let inode = fs::metadata(&real).unwrap().ino();
        assert!(!change(&path, |text| text.set("url", "labeledURI")).unwrap(), "as it was");
        assert_eq!(fs::metadata(&real).unwrap().ino(), inode, "not even written");
        assert!(change(&path, |text| text.unset("email1")).is_err());
        fs::write(&real, "{ours").unwrap();
        assert!(change(&path, |text| text.set("url", "x")).is_err());
        assert_eq!(fs::read_to_string(&real).unwrap(), "{ours");
        assert!(restore(&path).unwrap(), "whatever is in it");
        assert!(!restore(&path).unwrap());
        assert_eq!(load(&path).unwrap(), MappingText::shipped());
    }

    #[test]
    fn changes_at_the_same_time_all_count() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("AttributeMapping.json");
        std::thread::scope(|scope| {
            for n in 1..=20 {
                let path = &path;
                let field = format!("userfield{n:02}");
                scope.spawn(move || change(path, |text| text.set(&field, "custom")).unwrap());
            }
        });
        let entries = load(&path).unwrap().entries();
        let custom = entries.iter().filter(|entry| entry.attribute.as_deref() == Some("custom"));
        assert_eq!(custom.count(), 20);
    }
}
