//! The memory of the service: one SQLite file in WAL mode.
//!
//! One connection writes, behind a lock; each [`Store::commit`] is one transaction and is on disk
//! when it returns (`synchronous=FULL`). Readers take a connection of their own from a small pool
//! and see the state after some whole commit, never half of one. The file is readable by its owner
//! only; the `-wal` and `-shm` files beside it inherit that from SQLite.

mod codec;
mod file;
mod read;
mod schema;
mod write;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::{
    Commit, DEFAULT_KEEP_OUTCOMES, FaultRecord, ItemOutcome, Mark, ObjectRecord, ProfileVersion,
    Store, StoreError,
};
use crate::model::{DnKey, ItemName, ObjectId};

/// How long a connection waits for another process's lock, such as an operator's `sqlite3`.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Idle read connections that are kept; more are opened while more threads read at once.
const IDLE_READERS: usize = 4;

/// Prepared statements kept for each connection; above the number of different statements.
const STATEMENTS: usize = 64;

/// A [`Store`] in a SQLite file.
#[derive(Debug)]
pub struct SqliteStore {
    path: PathBuf,
    keep_outcomes: usize,
    writer: Mutex<Writer>,
    readers: Mutex<Vec<Connection>>,
}

/// The only connection that changes anything.
#[derive(Debug)]
struct Writer {
    connection: Connection,
    /// Outcomes stored as of the last commit, so that retention need not count them each time.
    outcomes: usize,
}

impl SqliteStore {
    /// Opens the database, creating it if there is none; keeps the default number of outcomes.
    ///
    /// An older schema is brought up to date after a copy of the file was laid beside it, named
    /// after the version it has (`drover.db.v1`).
    ///
    /// # Errors
    /// [`StoreError::Newer`] if a newer drover wrote it, which leaves the file as it was; otherwise
    /// what the system or the database said.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_keeping(path, DEFAULT_KEEP_OUTCOMES)
    }

    /// Like [`SqliteStore::open`], keeping that many outcomes of queue items.
    pub fn open_keeping(path: &Path, keep_outcomes: usize) -> Result<Self, StoreError> {
        file::make_private(path)?;
        let mut connection = connect(path)?;
        schema::prepare(&mut connection, path, schema::MIGRATIONS)?;
        let outcomes = write::count_outcomes(&connection)?;
        Ok(Self {
            path: path.to_owned(),
            keep_outcomes,
            writer: Mutex::new(Writer { connection, outcomes }),
            readers: Mutex::default(),
        })
    }

    /// Runs `look` on one state of the database.
    fn reading<T>(
        &self,
        look: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let idle = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => connect_reading(&self.path)?,
        };
        // Several queries see one state only inside a transaction.
        let snapshot = connection.unchecked_transaction().map_err(failed("read"))?;
        let seen = look(&snapshot)?;
        snapshot.finish().map_err(failed("read"))?;
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if readers.len() < IDLE_READERS {
            readers.push(connection);
        }
        Ok(seen)
    }
}

impl Store for SqliteStore {
    fn object(&self, id: &ObjectId) -> Result<Option<ObjectRecord>, StoreError> {
        self.reading(|db| read::object(db, id))
    }

    fn objects(&self, each: &mut dyn FnMut(ObjectRecord)) -> Result<(), StoreError> {
        self.reading(|db| read::objects(db, each))
    }

    fn naming(&self, members: &[DnKey]) -> Result<Vec<ObjectId>, StoreError> {
        self.reading(|db| read::naming(db, members))
    }

    fn marks(&self) -> Result<Vec<Mark>, StoreError> {
        self.reading(read::marks)
    }

    fn profiles(&self) -> Result<Vec<ProfileVersion>, StoreError> {
        self.reading(read::profiles)
    }

    fn faults(&self) -> Result<Vec<FaultRecord>, StoreError> {
        self.reading(read::faults)
    }

    fn outcome(&self, item: &ItemName) -> Result<Option<ItemOutcome>, StoreError> {
        self.reading(|db| read::outcome(db, item))
    }

    fn outcomes(&self, limit: usize) -> Result<Vec<ItemOutcome>, StoreError> {
        self.reading(|db| read::outcomes(db, limit))
    }

    fn commit(&self, commits: &[Commit]) -> Result<(), StoreError> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let Writer { connection, outcomes } = &mut *writer;
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(failed("write to"))?;
        // Left early, the transaction is rolled back when it is dropped.
        let counted = write::apply(&transaction, commits, *outcomes, self.keep_outcomes)?;
        transaction.commit().map_err(failed("write to"))?;
        *outcomes = counted;
        Ok(())
    }
}

/// A connection that may write.
fn connect(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed("open"))?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(failed("open"))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

/// A connection that cannot write.
fn connect_reading(path: &Path) -> Result<Connection, StoreError> {
    let connection = connect(path)?;
    connection.pragma_update(None, "query_only", true).map_err(failed("open"))?;
    Ok(connection)
}

/// For `map_err`: the database's error with what was tried.
fn failed(act: &'static str) -> impl Fn(rusqlite::Error) -> StoreError {
    move |source| StoreError::Database { act, source }
}
