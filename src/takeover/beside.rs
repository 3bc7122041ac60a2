//! Files beside the queue: attribute mapping, access profiles, credentials.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::find::Found;
use super::{Report, TakeoverError};
use crate::credentials::CredentialsFile;
use crate::durable::{Durability, create_private_directory, replace, temporary_beside};
use crate::settings::Settings;

const PROFILES: &str = "ModuleAccessDefinitions.properties";
const MAPPING: &str = "AttributeMapping.json";
const CREDENTIALS: &str = "secrets/contexts.json";

/// Neither holds a secret, and other tools read them.
const MODE: u32 = 0o644;

/// The attribute mapping that will count.
pub(super) fn mapping(found: &Found, settings: &Settings) -> PathBuf {
    own_or_theirs(settings.attribute_mapping(), found.root.join(MAPPING))
}

/// The access profiles that will count.
pub(super) fn profiles(found: &Found, settings: &Settings) -> PathBuf {
    own_or_theirs(settings.profiles_file(), found.root.join(PROFILES))
}

/// The credentials that will count.
pub(super) fn credentials(found: &Found, settings: &Settings) -> PathBuf {
    own_or_theirs(settings.credentials_file(), found.root.join(CREDENTIALS))
}

fn own_or_theirs(own: PathBuf, theirs: PathBuf) -> PathBuf {
    if own.exists() || !theirs.exists() { own } else { theirs }
}

/// Takes what is missing.
pub(super) fn take(
    found: &Found,
    settings: &Settings,
    dry_run: bool,
    report: &mut Report,
) -> Result<(), TakeoverError> {
    for (name, own) in
        [(PROFILES, settings.profiles_file()), (MAPPING, settings.attribute_mapping())]
    {
        copy(&found.root.join(name), &own, dry_run, report)?;
    }
    let theirs = found.root.join(CREDENTIALS);
    let own = settings.credentials_file();
    if !is_same(&theirs, &own) {
        keys(&theirs, &own, dry_run, report)?;
    }
    Ok(())
}

fn copy(
    theirs: &Path,
    own: &Path,
    dry_run: bool,
    report: &mut Report,
) -> Result<(), TakeoverError> {
    if is_same(theirs, own) {
        return Ok(());
    }
    let Some(bytes) = read(theirs)? else { return Ok(()) };
    match read(own)? {
        Some(present) if present == bytes => {}
        Some(_) => report.odd(format!(
            "{} is not the connector's {}; it was left as it is: compare the two",
            own.display(),
            theirs.display()
        )),
        None => {
            report.copied(own);
            if !dry_run {
                let failed = TakeoverError::file("write", own);
                write(own, &bytes).map_err(failed)?;
            }
        }
    }
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        create_private_directory(folder)?;
    }
    replace(path, &temporary_beside(path), bytes, MODE, Durability::Synced)
}

/// Entries that are there already are newer or as good: a password is never replaced.
fn keys(
    theirs: &Path,
    own: &Path,
    dry_run: bool,
    report: &mut Report,
) -> Result<(), TakeoverError> {
    let Some(bytes) = read(theirs)? else { return Ok(()) };
    let broken = || {
        TakeoverError::Credentials(format!(
            "{} is no JSON object; correct it by hand, or put a backup in its place",
            theirs.display()
        ))
    };
    let entries: Map<String, Value> = serde_json::from_slice(&bytes).map_err(|_| broken())?;
    let file = CredentialsFile::new(own.to_owned());
    report.keys = file.add_missing(&entries, dry_run).map_err(TakeoverError::Credentials)?;
    Ok(())
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, TakeoverError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(problem) if problem.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(problem) => Err(TakeoverError::file("read", path)(problem)),
    }
}

/// Whether both are one file.
pub(super) fn is_same(a: &Path, b: &Path) -> bool {
    match (fs::canonicalize(a), fs::canonicalize(b)) {
        (Ok(a), Ok(b)) => a == b,
        _ => a == b,
    }
}
