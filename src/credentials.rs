//! The file with the names and passwords of OX's administrators, `contexts.json`.
//!
//! One JSON object, `"<context id>"` or `"master"` → `{"adminuser", "adminpass"}`. People edit it
//! too: it is looked at before every use and read again before every change, and what drover does
//! not know in it is kept.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde_json::{Map, Value};
use tracing::warn;

use crate::durable::{
    Durability, Stamp, behind_links, create_private_directory, is_settled, replace,
    temporary_beside,
};
use crate::model::{ContextId, Secret};
use crate::ox::{Account, CredentialSource, Credentials};
use crate::provision::Vault;

mod password;

/// Key of the master administrator's entry.
const MASTER: &str = "master";
const LOGIN: &str = "adminuser";
const PASSWORD: &str = "adminpass";
/// What to do about a broken file.
const CURE: &str = "correct it by hand, or put a backup in its place";
/// For drover's user only.
const MODE: u32 = 0o600;
/// Any of these lets others read the file.
const OTHERS: u32 = 0o077;
/// How often a file is read that changes while it is read.
const READ_ATTEMPTS: u32 = 5;

/// The credentials file, shared by all who need it.
#[derive(Debug)]
pub struct CredentialsFile {
    path: PathBuf,
    /// From the settings; wins over the file.
    master: Option<Credentials>,
    /// What the file said last; also held while it is changed.
    cache: Mutex<Option<Cached>>,
    warned: AtomicBool,
}

/// An entry, or what is wrong with it.
type Entry = Result<Credentials, String>;

/// An account that has an entry, and whether that can be used; if not, what is wrong with it.
pub type Listed = (Account, Result<(), String>);

#[derive(Debug)]
struct Cached {
    /// None if there was no file.
    stamp: Option<Stamp>,
    entries: Arc<HashMap<String, Entry>>,
}

/// The file as it was at one moment.
struct Snapshot {
    /// None if there is no file.
    found: Option<fs::Metadata>,
    content: Map<String, Value>,
}

impl CredentialsFile {
    /// The file at `path`, which need not be there yet.
    pub fn new(path: PathBuf) -> Self {
        Self { path, master: None, cache: Mutex::new(None), warned: AtomicBool::new(false) }
    }

    /// Uses these for the master administrator, whatever the file says.
    #[must_use]
    pub fn with_master(self, login: String, password: Secret) -> Self {
        Self { master: Some(Credentials { login, password }), ..self }
    }

    /// The accounts that have an entry, contexts in order, and whether the entry can be used; keys
    /// that are no account are left out.
    ///
    /// # Errors
    /// If the file is there and cannot be read.
    pub fn accounts(&self) -> Result<Vec<Listed>, String> {
        let entries = self.entries(&mut self.lock())?;
        let mut accounts: Vec<_> = entries
            .iter()
            .filter_map(|(key, entry)| {
                let account = match key.as_str() {
                    MASTER => Account::Master,
                    number => Account::Context(ContextId(number.parse().ok()?)),
                };
                Some((account, entry.as_ref().map(|_| ()).map_err(Clone::clone)))
            })
            .collect();
        accounts.sort_by_key(|(account, _)| match account {
            Account::Master => 0,
            Account::Context(ContextId(number)) => *number,
        });
        Ok(accounts)
    }

    /// Adds entries whose keys the file does not have yet, and leaves the others as they are; answers
    /// the keys that were added. With `dry_run` it only says which they would be.
    ///
    /// # Errors
    /// What is wrong with the file, and the cure.
    pub fn add_missing(
        &self,
        entries: &Map<String, Value>,
        dry_run: bool,
    ) -> Result<Vec<String>, String> {
        let mut cache = self.lock();
        let present = self.read()?.content;
        let missing = entries.keys().filter(|key| !present.contains_key(*key));
        let missing: Vec<String> = missing.cloned().collect();
        if dry_run || missing.is_empty() {
            return Ok(missing);
        }
        self.change(&mut cache, |content| {
            for key in &missing {
                if let Some(entry) = entries.get(key) {
                    content.entry(key.clone()).or_insert_with(|| entry.clone());
                }
            }
        })?;
        Ok(missing)
    }

    fn look_up(&self, account: Account) -> Result<Option<Credentials>, String> {
        if let (Account::Master, Some(master)) = (account, &self.master) {
            return Ok(Some(master.clone()));
        }
        let entries = self.entries(&mut self.lock())?;
        entries.get(&key(account)).cloned().transpose()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Cached>> {
        // The cache is replaced as a whole, so a panic elsewhere cannot have left half of it.
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All entries, read again if the file looks different from last time.
    fn entries(&self, cache: &mut Option<Cached>) -> Result<Arc<HashMap<String, Entry>>, String> {
        let stamp = match fs::metadata(&self.path) {
            Ok(found) => Some(Stamp::of(&found)),
            Err(problem) if problem.kind() == io::ErrorKind::NotFound => None,
            Err(problem) => return Err(self.unreadable(&problem)),
        };
        if let Some(cached) = cache
            && cached.stamp == stamp
        {
            return Ok(Arc::clone(&cached.entries));
        }
        let snapshot = self.read()?;
        let entries = Arc::new(parse(&self.path, &snapshot.content));
        // A later change within the same tick of the clock would not show: look again next time.
        let lasting = snapshot.found.as_ref().is_none_or(is_settled);
        *cache = lasting.then(|| Cached {
            stamp: snapshot.found.as_ref().map(Stamp::of),
            entries: Arc::clone(&entries),
        });
        Ok(entries)
    }

    /// Reads the file, whole or not at all.
    fn read(&self) -> Result<Snapshot, String> {
        let mut attempt = 1;
        loop {
            let (before, bytes, after) = match read_file(&self.path) {
                Ok(read) => read,
                Err(problem) if problem.kind() == io::ErrorKind::NotFound => {
                    return Ok(Snapshot { found: None, content: Map::new() });
                }
                Err(problem) => return Err(self.unreadable(&problem)),
            };
            // Somebody is writing in place.
            if Stamp::of(&before) != Stamp::of(&after) && attempt < READ_ATTEMPTS {
                attempt += 1;
                continue;
            }
            self.warn_if_open_to_others(&after);
            return Ok(Snapshot { found: Some(after), content: self.content(&bytes)? });
        }
    }

    fn content(&self, bytes: &[u8]) -> Result<Map<String, Value>, String> {
        let path = self.path.display();
        // Not parsed as a map at once: that error would quote a text that is found instead.
        match serde_json::from_slice(bytes) {
            Ok(Value::Object(content)) => Ok(content),
            Ok(_) => Err(format!("{path}, line 1: not a JSON object; {CURE}")),
            Err(problem) => Err(format!(
                "{path}, line {}, column {}: broken JSON ({:?} error); {CURE}",
                problem.line(),
                problem.column(),
                problem.classify()
            )),
        }
    }

    fn unreadable(&self, problem: &io::Error) -> String {
        format!("cannot read {}: {problem}; check its owner and mode", self.path.display())
    }

    fn warn_if_open_to_others(&self, found: &fs::Metadata) {
        use std::os::unix::fs::MetadataExt;
        if found.mode() & OTHERS != 0 && !self.warned.swap(true, Ordering::Relaxed) {
            warn!(
                "credentials file {} can be read by others than its owner: chmod 600 it",
                self.path.display()
            );
        }
    }

    /// Changes the file as it is now; it is on the disk when this returns.
    fn change(
        &self,
        cache: &mut Option<Cached>,
        change: impl FnOnce(&mut Map<String, Value>),
    ) -> Result<(), String> {
        let mut content = self.read()?.content;
        change(&mut content);
        content.sort_keys();
        *cache = None;
        let stamp = self.write(&content).map_err(|problem| {
            format!(
                "cannot write {}: {problem}; check the disk, and owner and mode of its directory",
                self.path.display()
            )
        })?;
        // Nobody else knew the new file before it got its name, so what is in it is known.
        let entries = Arc::new(parse(&self.path, &content));
        *cache = Some(Cached { stamp: Some(stamp), entries });
        Ok(())
    }

    fn write(&self, content: &Map<String, Value>) -> io::Result<Stamp> {
        if let Some(parent) = self.path.parent() {
            create_private_directory(parent)?;
        }
        let path = behind_links(&self.path)?;
        let mut bytes = Vec::new();
        let formatter = serde_json::ser::PrettyFormatter::with_indent(b"  ");
        let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, formatter);
        content.serialize(&mut serializer)?;
        replace(&path, &temporary_beside(&path), &bytes, MODE, Durability::Synced)?;
        Ok(Stamp::of(&fs::metadata(&path)?))
    }
}

impl CredentialSource for CredentialsFile {
    fn credentials(&self, account: Account) -> Result<Option<Credentials>, String> {
        self.look_up(account)
    }
}

impl Vault for CredentialsFile {
    fn ensure(&self, context: ContextId, login: &str) -> Result<Credentials, String> {
        let key = key(Account::Context(context));
        let mut cache = self.lock();
        // Not from the cache: a password must never be replaced by mistake.
        if let Some(entry) = parse(&self.path, &self.read()?.content).remove(&key) {
            return entry;
        }
        let password = password::generate()
            .map_err(|problem| format!("the system gives no random numbers: {problem}"))?;
        let credentials = Credentials { login: login.to_owned(), password };
        self.change(&mut cache, |content| {
            let mut entry = Map::new();
            entry.insert(PASSWORD.to_owned(), credentials.password.reveal().into());
            entry.insert(LOGIN.to_owned(), login.into());
            content.insert(key, Value::Object(entry));
        })?;
        Ok(credentials)
    }

    fn find(&self, account: Account) -> Result<Option<Credentials>, String> {
        self.look_up(account)
    }

    fn remove(&self, context: ContextId) -> Result<(), String> {
        let key = key(Account::Context(context));
        let mut cache = self.lock();
        if !self.read()?.content.contains_key(&key) {
            return Ok(());
        }
        self.change(&mut cache, |content| {
            content.remove(&key);
        })
    }
}

/// The account's key in the file.
fn key(account: Account) -> String {
    match account {
        Account::Master => MASTER.to_owned(),
        Account::Context(context) => context.to_string(),
    }
}

/// What is in the file, and what the file system said of it before and after.
fn read_file(path: &Path) -> io::Result<(fs::Metadata, Vec<u8>, fs::Metadata)> {
    let mut file = File::open(path)?;
    let before = file.metadata()?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok((before, bytes, file.metadata()?))
}

fn parse(path: &Path, content: &Map<String, Value>) -> HashMap<String, Entry> {
    content.iter().map(|(key, entry)| (key.clone(), parse_entry(path, key, entry))).collect()
}

fn parse_entry(path: &Path, key: &str, entry: &Value) -> Entry {
    let text = |field: &str| match entry.get(field) {
        Some(Value::String(text)) if !text.is_empty() => Ok(text.clone()),
        _ => Err(format!(
            "{}: entry \"{key}\" has no text in \"{field}\"; correct it by hand",
            path.display()
        )),
    };
    Ok(Credentials { login: text(LOGIN)?, password: Secret::new(text(PASSWORD)?) })
}

#[cfg(test)]
mod tests;
