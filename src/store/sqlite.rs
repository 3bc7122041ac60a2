//! The memory of the service: one SQLite file in WAL mode.
//!
//! One connection writes, behind a lock; each [`Store::commit`] is one transaction and is on disk
//! when it returns (`synchronous=FULL`). Readers take a connection of their own from a small pool
//! and see the state after some whole commit, never half of one. The file is readable by its owner
//! only; the `-wal` and `-shm` files beside it inherit that from SQLite.

mod codec;
mod file;
mod holds;
mod items;
mod mirror;
mod read;
mod read_items;
mod schema;
mod upgrade;
mod write;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::{
    Audit, Commit, DEFAULT_KEEP_OUTCOMES, Extra, FaultRecord, Hold, ItemOutcome, ItemRecord, Mark,
    ObjectRecord, ProfileVersion, Store, StoreError,
};
use crate::model::{ContextId, DnKey, ItemName, ObjectId};
use items::Books;

/// How long a connection waits for another process's lock, such as an operator's `sqlite3`.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Idle read connections that are kept; more are opened while more threads read at once.
const IDLE_READERS: usize = 4;

/// Prepared statements kept for each connection; above the number of different statements.
const STATEMENTS: usize = 128;

/// A [`Store`] in a SQLite file.
pub struct SqliteStore {
    keep_ended: usize,
    writer: Mutex<Writer>,
    reader: SqliteReader,
    /// Whether what changes is written down for a mirror.
    mirrored: AtomicBool,
    /// What was mirrored up to now, still to be struck off.
    struck: AtomicU64,
    /// Told after each commit.
    bell: OnceLock<Bell>,
}

/// What is called when something was committed; does not block.
type Bell = Box<dyn Fn() + Send + Sync>;

/// The only connection that changes anything.
#[derive(Debug)]
struct Writer {
    connection: Connection,
    /// As of the last commit, so that they need not be read each time.
    books: Books,
}

impl SqliteStore {
    /// Opens the database, creating it if there is none; keeps the default number of ended items.
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

    /// Like [`SqliteStore::open`], keeping that many ended items and what the ledger tells since.
    pub fn open_keeping(path: &Path, keep_ended: usize) -> Result<Self, StoreError> {
        file::make_private(path)?;
        let mut connection = connect(path)?;
        schema::prepare(&mut connection, path, schema::MIGRATIONS)?;
        let books = items::load(&connection)?;
        let mirrored = mirror::is_on(&connection)?;
        Ok(Self {
            keep_ended,
            writer: Mutex::new(Writer { connection, books }),
            reader: SqliteReader { path: path.to_owned(), idle: Mutex::default() },
            mirrored: AtomicBool::new(mirrored),
            struck: AtomicU64::new(0),
            bell: OnceLock::new(),
        })
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").field("path", &self.reader.path).finish_non_exhaustive()
    }
}

/// What a mirror of the objects needs. Objects that change are written down in the same transaction as
/// the change, under ever higher numbers; the mirror reads them in that order and has them struck off.
impl SqliteStore {
    /// For looking into it beside.
    pub fn reader(&self) -> &SqliteReader {
        &self.reader
    }

    /// Says whether there is a mirror. When one is begun, every object counts as changed; when it is
    /// given up, none does, and what was kept for it alone is dropped.
    ///
    /// # Errors
    /// The database's.
    pub fn set_mirrored(&self, mirrored: bool) -> Result<(), StoreError> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = writer
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(failed("write to"))?;
        mirror::turn(&transaction, mirrored)?;
        transaction.commit().map_err(failed("write to"))?;
        self.mirrored.store(mirrored, Ordering::Relaxed);
        Ok(())
    }

    /// Has `bell` called after each commit, once there is a mirror. It must not block. Can be said once.
    pub fn after_commits(&self, bell: impl Fn() + Send + Sync + 'static) {
        let _ = self.bell.set(Box::new(bell));
    }

    /// The objects that changed first after number `after`, at most `limit`, with their numbers.
    ///
    /// # Errors
    /// The database's.
    pub fn unmirrored(&self, after: u64, limit: usize) -> Result<Vec<(u64, ObjectId)>, StoreError> {
        self.reader.reading(|db| mirror::unmirrored(db, after, limit))
    }

    /// Counts an object as changed.
    ///
    /// # Errors
    /// The database's.
    pub fn mirror_again(&self, objects: &[ObjectId]) -> Result<(), StoreError> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = writer
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(failed("write to"))?;
        objects.iter().try_for_each(|id| mirror::note_one(&transaction, id))?;
        transaction.commit().map_err(failed("write to"))
    }

    /// Objects up to that number are mirrored. They are struck off with the next commit: that costs
    /// nothing then, and after a crash before it they are compared once more.
    pub fn mirrored(&self, up_to: u64) {
        self.struck.fetch_max(up_to, Ordering::Relaxed);
    }

    /// Strikes off what is mirrored and was not struck off yet.
    ///
    /// # Errors
    /// The database's.
    pub fn strike_mirrored(&self) -> Result<(), StoreError> {
        if self.struck.load(Ordering::Relaxed) > 0 { self.commit(&[]) } else { Ok(()) }
    }
}

/// Looks into a database that another process may be writing to, and changes nothing.
#[derive(Debug)]
pub struct SqliteReader {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl SqliteReader {
    /// Opens an existing database of this drover's schema version.
    ///
    /// # Errors
    /// [`StoreError::Newer`] or [`StoreError::Older`] if its version is another; otherwise what the
    /// database said, also if there is none.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let connection = connect_reading(path)?;
        let known = i64::try_from(schema::MIGRATIONS.len()).unwrap_or(i64::MAX);
        match schema::version(&connection)? {
            found if found > known => Err(StoreError::Newer { found, known }),
            found if found < known => Err(StoreError::Older { found, known }),
            _ => Ok(Self { path: path.to_owned(), idle: Mutex::new(vec![connection]) }),
        }
    }

    /// See [`Store::object`].
    pub fn object(&self, id: &ObjectId) -> Result<Option<ObjectRecord>, StoreError> {
        self.reading(|db| read::object(db, id))
    }

    /// See [`Store::objects`].
    pub fn objects(&self, each: &mut dyn FnMut(ObjectRecord)) -> Result<(), StoreError> {
        self.reading(|db| read::objects(db, each))
    }

    /// Calls `each` for the id of every known object.
    pub fn ids(&self, each: &mut dyn FnMut(ObjectId)) -> Result<(), StoreError> {
        self.reading(|db| read::ids(db, each))
    }

    /// See [`Store::outcomes`].
    pub fn outcomes(&self, limit: usize) -> Result<Vec<ItemOutcome>, StoreError> {
        self.reading(|db| read_items::outcomes(db, limit))
    }

    /// What came with the object's newest item besides its properties.
    pub fn extra(&self, id: &ObjectId) -> Result<Extra, StoreError> {
        self.reading(|db| mirror::extra(db, id))
    }

    /// Whether that was taken over before.
    pub fn is_taken_over(&self, what: &str) -> Result<bool, StoreError> {
        self.reading(|db| read::is_taken_over(db, what))
    }

    /// See [`Store::holders`].
    pub fn holders(&self, dn: &DnKey) -> Result<Vec<ObjectId>, StoreError> {
        self.reading(|db| read::holders(db, dn))
    }

    /// See [`Store::profiles`].
    pub fn profiles(&self) -> Result<Vec<ProfileVersion>, StoreError> {
        self.reading(read::profiles)
    }

    /// See [`Store::faults`].
    pub fn faults(&self) -> Result<Vec<FaultRecord>, StoreError> {
        self.reading(read::faults)
    }

    /// See [`Store::each_open_item`].
    pub fn each_open_item(&self, each: &mut dyn FnMut(ItemRecord)) -> Result<(), StoreError> {
        self.reading(|db| read_items::each_open(db, each))
    }

    /// See [`Store::history`].
    pub fn history(&self, object: &ObjectId, limit: usize) -> Result<Vec<ItemRecord>, StoreError> {
        self.reading(|db| read_items::of_object(db, object, limit))
    }

    /// See [`Store::item_history`].
    pub fn item_history(
        &self,
        item: &ItemName,
        limit: usize,
    ) -> Result<Vec<ItemRecord>, StoreError> {
        self.reading(|db| read_items::of_name(db, item, limit))
    }

    /// See [`Store::holds`].
    pub fn holds(&self) -> Result<Vec<Hold>, StoreError> {
        self.reading(holds::all)
    }

    /// See [`Store::audit`].
    pub fn audit(&self) -> Result<Audit, StoreError> {
        self.reading(read_items::audit)
    }

    /// Runs `look` on one state of the database.
    fn reading<T>(
        &self,
        look: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => connect_reading(&self.path)?,
        };
        // Several queries see one state only inside a transaction.
        let snapshot = connection.unchecked_transaction().map_err(failed("read"))?;
        let seen = look(&snapshot)?;
        snapshot.finish().map_err(failed("read"))?;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_READERS {
            idle.push(connection);
        }
        Ok(seen)
    }
}

impl Store for SqliteStore {
    fn object(&self, id: &ObjectId) -> Result<Option<ObjectRecord>, StoreError> {
        self.reader.reading(|db| read::object(db, id))
    }

    fn objects(&self, each: &mut dyn FnMut(ObjectRecord)) -> Result<(), StoreError> {
        self.reader.reading(|db| read::objects(db, each))
    }

    fn naming(&self, members: &[DnKey]) -> Result<Vec<ObjectId>, StoreError> {
        self.reader.reading(|db| read::naming(db, members))
    }

    fn marks(&self) -> Result<Vec<Mark>, StoreError> {
        self.reader.reading(read::marks)
    }

    fn doubts(&self) -> Result<Vec<ContextId>, StoreError> {
        self.reader.reading(read::doubts)
    }

    fn repairs(&self) -> Result<Vec<Mark>, StoreError> {
        self.reader.reading(read::repairs)
    }

    fn profiles(&self) -> Result<Vec<ProfileVersion>, StoreError> {
        self.reader.reading(read::profiles)
    }

    fn faults(&self) -> Result<Vec<FaultRecord>, StoreError> {
        self.reader.reading(read::faults)
    }

    fn holders(&self, dn: &DnKey) -> Result<Vec<ObjectId>, StoreError> {
        self.reader.holders(dn)
    }

    fn outcome(&self, item: &ItemName) -> Result<Option<ItemOutcome>, StoreError> {
        self.reader.reading(|db| read_items::outcome(db, item))
    }

    fn outcomes(&self, limit: usize) -> Result<Vec<ItemOutcome>, StoreError> {
        self.reader.reading(|db| read_items::outcomes(db, limit))
    }

    fn each_open_item(&self, each: &mut dyn FnMut(ItemRecord)) -> Result<(), StoreError> {
        self.reader.each_open_item(each)
    }

    fn history(&self, object: &ObjectId, limit: usize) -> Result<Vec<ItemRecord>, StoreError> {
        self.reader.history(object, limit)
    }

    fn item_history(&self, item: &ItemName, limit: usize) -> Result<Vec<ItemRecord>, StoreError> {
        self.reader.item_history(item, limit)
    }

    fn holds(&self) -> Result<Vec<Hold>, StoreError> {
        self.reader.holds()
    }

    fn audit(&self) -> Result<Audit, StoreError> {
        self.reader.audit()
    }

    fn commit(&self, commits: &[Commit]) -> Result<(), StoreError> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let Writer { connection, books } = &mut *writer;
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(failed("write to"))?;
        // Left early, the transaction is rolled back when it is dropped.
        let mut after = books.clone();
        let mirrored = self.mirrored.load(Ordering::Relaxed);
        write::apply(&transaction, commits, &mut after, self.keep_ended, mirrored)?;
        let struck = self.struck.swap(0, Ordering::Relaxed);
        if struck > 0 {
            mirror::strike(&transaction, struck)?;
        }
        transaction.commit().map_err(failed("write to"))?;
        *books = after;
        if let (true, Some(bell)) = (mirrored, self.bell.get()) {
            bell();
        }
        Ok(())
    }
}

/// A connection that may write.
fn connect(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed("open"))?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(failed("open"))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // One plan for whatever is bound: else SQLite prepares statements anew for each value.
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
        .map_err(failed("open"))?;
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
