//! Desired state from files: contexts, profiles, users, groups, resources and functional accounts as
//! YAML, JSON or CSV, brought into OX by the same engine as everything else.
//!
//! ```text
//! files ──► node tree ──► manifest ──► resolve ──► compare ──► queue items
//!           with lines    typed        ids, DNs,   store,      written by the
//!                                      members     queue       one who applies
//! ```
//!
//! What the files name is desired; what they leave out is not touched, unless an earlier apply of the
//! same set of files made it and pruning is asked for ([`memory`]). Nothing here asks OX or changes
//! anything: [`compare`] says what is to be done, the command writes the items.

pub mod compare;
mod csv;
mod decode;
mod json;
pub mod manifest;
pub mod memory;
pub mod node;
pub mod resolve;
mod yaml;

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

pub use resolve::Desired;

use manifest::Manifest;

/// Largest file that is read, in bytes.
const MAX_FILE: u64 = 1 << 30;

/// What is wrong at one place of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The field, such as `users.mail`; empty if it is about none.
    pub field: String,
    /// What is wrong, and what would be right.
    pub told: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, line {}: ", self.file.display(), self.line)?;
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        f.write_str(&self.told)
    }
}

/// Why files cannot be applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The files are not what they should be; all mistakes that were found.
    #[error("{}", lines(.0))]
    Mistakes(Vec<Mistake>),
}

fn lines(mistakes: &[Mistake]) -> String {
    mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// What files ask for, and what in them has no effect.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// Every object, in the order in which an empty OX would need them.
    pub objects: Vec<Desired>,
    /// What is in the files and not used, for people.
    pub notes: Vec<String>,
}

/// Reads files, each by its ending: `.json`, `.csv`, anything else as YAML. `profiles` are the access
/// profiles that are known without them.
///
/// # Errors
/// If one cannot be read, or with every mistake in all of them.
pub fn read(paths: &[PathBuf], profiles: &BTreeSet<String>) -> Result<Asked, ApplyError> {
    let (mut manifest, mut mistakes, mut notes) = (Manifest::default(), Vec::new(), Vec::new());
    for path in paths {
        let text = text_of(path)?;
        match sections(path, &text, &mut notes) {
            Ok(roots) => {
                for root in &roots {
                    manifest.add(path, root, &mut mistakes);
                }
            }
            Err(mistake) => mistakes.push(mistake),
        }
    }
    if mistakes.is_empty() {
        let resolved = resolve::resolve(&manifest, profiles);
        return resolved.map(|objects| Asked { objects, notes }).map_err(ApplyError::Mistakes);
    }
    Err(ApplyError::Mistakes(mistakes))
}

fn text_of(path: &Path) -> Result<String, ApplyError> {
    let read = || {
        if std::fs::metadata(path)?.len() > MAX_FILE {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 1 GiB"));
        }
        std::fs::read_to_string(path)
    };
    let text = read().map_err(|source| ApplyError::Unreadable { path: path.to_owned(), source })?;
    Ok(text.trim_start_matches('\u{feff}').to_owned())
}

fn sections(path: &Path, text: &str, notes: &mut Vec<String>) -> Result<Vec<node::Node>, Mistake> {
    let mistake = |(line, told): (usize, String)| Mistake {
        file: path.to_owned(),
        line,
        field: String::new(),
        told,
    };
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    if ending.eq_ignore_ascii_case("csv") {
        let (root, unused) = csv::read(text).map_err(mistake)?;
        notes.extend(unused.into_iter().map(|told| format!("{}: {told}", path.display())));
        return Ok(vec![root]);
    }
    if ending.eq_ignore_ascii_case("json") {
        let text = json::as_yaml(text).map_err(mistake)?;
        return yaml::read(&text).map_err(mistake);
    }
    yaml::read(text).map_err(mistake)
}
