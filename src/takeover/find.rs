//! What of a connector's is in a folder.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::TakeoverError;

/// The connector's database from 3.0 on; since 4.0 in the data folder itself.
const DATABASE: &str = "ox-connector.db";

/// The stores of the consumer on Kubernetes before 0.41, of which nothing can be made.
const STORES: [&str; 3] = ["contexts.db", "ox_db_id.db", "usernames.db"];

/// How every SQLite file begins.
const SQLITE: &[u8] = b"SQLite format 3\0";

/// A connector's data folder.
#[derive(Debug)]
pub(super) struct Found {
    /// The folder.
    pub(super) root: PathBuf,
    /// Last known states of 2.x.
    pub(super) old: Option<PathBuf>,
    /// Database of 3.x and 4.x.
    pub(super) database: Option<PathBuf>,
    /// Files of the consumer on Kubernetes that cannot be used.
    pub(super) stores: Vec<PathBuf>,
    /// Index of 2.x, which holds nothing that the states do not hold.
    pub(super) index: bool,
    /// Counter of errors of 2.x.
    pub(super) meta: Option<PathBuf>,
}

impl Found {
    /// Looks into a folder.
    pub(super) fn look(from: &Path, database: Option<&Path>) -> Result<Self, TakeoverError> {
        let address = database.map(|path| path.to_string_lossy().into_owned()).unwrap_or_default();
        if address.starts_with("postgres") {
            return Err(TakeoverError::Postgres);
        }
        // As the connector's own setting names it.
        let database =
            database.map(|path| address.strip_prefix("sqlite:///").map_or(path, Path::new));
        if !from.is_dir() {
            return Err(TakeoverError::NoFolder { path: from.to_owned() });
        }
        // Who names the queue means the folder it is in.
        let is_queue = from.file_name().is_some_and(|name| name == "listener")
            && !from.join("listener").exists();
        let root = match from.parent() {
            Some(parent) if is_queue => parent.to_owned(),
            _ => from.to_owned(),
        };
        let listener = root.join("listener");
        let old = Some(listener.join("old")).filter(|old| old.is_dir());
        let database = match database {
            Some(path) => Some(path.to_owned()),
            None => [root.join(DATABASE), listener.join(DATABASE)]
                .into_iter()
                .find(|path| is_sqlite(path)),
        };
        let there = |name: &&str| [root.join(name), listener.join(name)];
        let stores: Vec<PathBuf> =
            STORES.iter().flat_map(there).filter(|path| path.is_file()).collect();
        let found = Self {
            index: listener.join("old.db").is_file(),
            meta: Some(listener.join("meta.db")).filter(|path| path.is_file()),
            root,
            old,
            database,
            stores,
        };
        let has_queue = fs::read_dir(&listener).is_ok_and(|entries| {
            entries.flatten().any(|e| e.path().extension().is_some_and(|end| end == "json"))
        });
        if found.old.is_none() && found.database.is_none() && found.stores.is_empty() && !has_queue
        {
            return Err(TakeoverError::NothingThere { path: from.to_owned() });
        }
        Ok(found)
    }

    /// The queue of 2.x, and the listener's files of 3.x that are not in the database yet.
    pub(super) fn queue(&self) -> PathBuf {
        self.root.join("listener")
    }

    /// In words.
    pub(super) fn layout(&self) -> String {
        match (&self.database, &self.old) {
            (Some(path), _) => format!("OX Connector 3.x or 4.x, database {}", path.display()),
            (None, Some(old)) => format!("OX Connector 2.x, states in {}", old.display()),
            (None, None) if !self.stores.is_empty() => {
                "consumer on Kubernetes before 0.41, which kept no states".to_owned()
            }
            (None, None) => "OX Connector 2.x without any state".to_owned(),
        }
    }
}

fn is_sqlite(path: &Path) -> bool {
    let mut head = [0; 16];
    File::open(path).and_then(|mut file| file.read_exact(&mut head)).is_ok() && head == *SQLITE
}
