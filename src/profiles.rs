//! The access profiles' file, `ModuleAccessDefinitions.properties`.
//!
//! ```text
//! # comment
//!
//! webmail=collectemailaddresses,contacts,webmail
//!
//! none=
//! ```
//!
//! A profile without rights is a profile too: its users get none. Other tools read the file, so its
//! shape is theirs.

use std::collections::HashMap;
use std::fmt::Write;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use crate::durable::{
    Durability, behind_links, create_private_directory, replace, temporary_beside,
};
use crate::model::ModuleAccess;
use crate::provision::ProfileFile;

/// The profiles that drover brings along.
const SHIPPED: &str = include_str!("../config/ModuleAccessDefinitions.properties");
const HEADER: &str = "# Access profiles of Open-Xchange users, one per line: NAME=right,right,...
# Written by drover from the directory; changes to a profile there replace changes here.

";
/// Mode of a new file; it holds no secrets and has readers.
const MODE: u32 = 0o644;
/// The bits of a mode that are kept.
const MODE_BITS: u32 = 0o7777;

/// A profile's name and what it grants.
pub type Profile = (String, ModuleAccess);

/// What is wrong with a line of the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct BadLine {
    /// Number of the line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub what: String,
}

/// What can be in the way of the file. Each names it and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum ProfilesError {
    /// It is there but cannot be read; it is not taken for empty then.
    #[error("cannot read {}: {source}; check its owner and mode", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Something in it cannot be understood.
    #[error("{}, {problem}; correct the line or remove it", path.display())]
    Bad {
        /// The file.
        path: PathBuf,
        /// Where and what.
        problem: BadLine,
    },
    /// It cannot be written.
    #[error(
        "cannot write {}: {source}; check the disk, and owner and mode of its directory",
        path.display()
    )]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The name of a profile does not fit the file.
    #[error(
        "access profile name {name:?} {why}, so it could not be read back from the profiles file: \
         create the profile anew under another name"
    )]
    Name {
        /// The name.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
}

/// Reads profiles: a line counts unless it is empty or starts with `#`; the last `=` splits; names
/// and words are trimmed. Of two lines with one name the later counts, at the place of the first.
pub fn parse(text: &str) -> Result<Vec<Profile>, BadLine> {
    let mut profiles: Vec<Profile> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let text = text.replace("\r\n", "\n");
    for (index, line) in text.split(['\n', '\r']).map(str::trim).enumerate() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let bad = |what: String| BadLine { line: index + 1, what };
        let (name, words) =
            line.rsplit_once('=').ok_or_else(|| bad("there is no \"=\" in it".to_owned()))?;
        let name = name.trim();
        if name.is_empty() {
            return Err(bad("there is no name before the \"=\"".to_owned()));
        }
        let words = words.split(',').map(str::trim).filter(|word| !word.is_empty());
        let access = ModuleAccess::from_words(words).map_err(|problem| bad(problem.to_string()))?;
        if let Some(place) = places.get(name) {
            profiles[*place].1 = access;
        } else {
            places.insert(name.to_owned(), profiles.len());
            profiles.push((name.to_owned(), access));
        }
    }
    Ok(profiles)
}

/// Writes profiles down so that [`parse`] reads the same ones, in the order given.
///
/// # Errors
/// [`ProfilesError::Name`] for a name that would not be read back.
pub fn format(profiles: &[Profile]) -> Result<String, ProfilesError> {
    let mut text = HEADER.to_owned();
    for (name, access) in profiles {
        check_name(name)?;
        let words: Vec<&str> = access.words().into_iter().collect();
        // Writing to a text cannot fail.
        let _ = write!(text, "{name}={}\n\n", words.join(","));
    }
    Ok(text)
}

fn check_name(name: &str) -> Result<(), ProfilesError> {
    let why = if name.is_empty() {
        "is empty"
    } else if name.trim() != name {
        "starts or ends with a blank"
    } else if name.starts_with('#') {
        "starts with \"#\", like a comment"
    } else if name.contains(char::is_control) {
        "holds a line break or another control character"
    } else {
        return Ok(());
    };
    Err(ProfilesError::Name { name: name.to_owned(), why })
}

/// The profiles that drover brings along.
pub fn shipped() -> Vec<Profile> {
    // The file is part of the program, and a test reads it.
    parse(SHIPPED).unwrap_or_default()
}

/// The profiles file on the disk.
#[derive(Debug)]
pub struct ProfilesFile {
    path: PathBuf,
    /// Held while the file is changed.
    changing: Mutex<()>,
}

impl ProfilesFile {
    /// The file at `path`, which need not be there yet.
    pub fn new(path: PathBuf) -> Self {
        Self { path, changing: Mutex::new(()) }
    }

    /// What is in it, in order of first appearance; nothing if it is not there.
    pub fn load(&self) -> Result<Vec<Profile>, ProfilesError> {
        match fs::read_to_string(&self.path) {
            Ok(text) => parse(&text)
                .map_err(|problem| ProfilesError::Bad { path: self.path.clone(), problem }),
            Err(problem) if problem.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(source) => Err(ProfilesError::Unreadable { path: self.path.clone(), source }),
        }
    }

    /// Sets, or with none removes, one profile, and keeps the others; on the disk when it returns.
    ///
    /// A file that cannot be read is not touched: what it holds would be lost.
    pub fn change(&self, name: &str, access: Option<ModuleAccess>) -> Result<(), ProfilesError> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut profiles = self.load()?;
        let place = profiles.iter().position(|(known, _)| known == name);
        match (place, access) {
            (Some(place), Some(access)) => profiles[place].1 = access,
            (Some(place), None) => {
                profiles.remove(place);
            }
            (None, Some(access)) => profiles.push((name.to_owned(), access)),
            (None, None) => return Ok(()),
        }
        let text = format(&profiles)?;
        self.write(&text)
            .map_err(|source| ProfilesError::Unwritable { path: self.path.clone(), source })
    }

    fn write(&self, text: &str) -> io::Result<()> {
        if let Some(parent) = self.path.parent() {
            create_private_directory(parent)?;
        }
        let path = behind_links(&self.path)?;
        let mode = fs::metadata(&path).map_or(MODE, |found| found.mode() & MODE_BITS);
        replace(&path, &temporary_beside(&path), text.as_bytes(), mode, Durability::Synced)
    }
}

impl ProfileFile for ProfilesFile {
    fn write(&self, name: &str, access: Option<ModuleAccess>) -> Result<(), String> {
        self.change(name, access).map_err(|problem| problem.to_string())
    }
}

#[cfg(test)]
mod tests;
