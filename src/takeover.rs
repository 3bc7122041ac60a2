//! Taking over from the Python OX Connector: what it left in its data folder becomes drover's memory
//! and queue, so that the next change of each object is a change and not a creation.
//!
//! ```text
//! listener/old/*.json   2.x ─┐
//! ox-connector.db: old  3.x ─┼─► records (who is in OX under which number and name, as last written)
//! ox-connector.db: tasks, morgue ─► queue files, before everything newer
//! listener/*.json ───────────────► queue files, as they are
//! AttributeMapping.json, ModuleAccessDefinitions.properties, secrets/contexts.json ─► beside them
//! ```
//!
//! What the connector knew is hearsay. Users' numbers are looked up anew by name, once for each
//! context, before anything is done there; a group is asked for before it is first written to; a user
//! without a number is asked for by name. Nothing here talks to OX.
//!
//! It can be repeated: what drover knows already is left alone, but as long as drover has not taken in
//! a single item, the connector's word still counts.

mod beside;
mod database;
mod files;
mod find;
mod import;
mod pending;
mod records;
mod report;

use std::io;
use std::path::{Path, PathBuf};

use crate::queue::LockError;
use crate::service::ServiceError;
use crate::settings::Settings;
use crate::snapshot::Snapshot;
use crate::store::{SqliteReader, SqliteStore, StoreError};

pub use report::{Counts, Report};

use crate::mapping_file::MappingFile;
use crate::model::ObjectKind;
use crate::provision::Mappings as _;
use crate::queue::{DataLock, Found as FoundLock};
use database::Database;
use files::Files;
use find::Found;

/// What is to be taken over.
#[derive(Debug, Clone)]
pub struct Order {
    /// The connector's data folder.
    pub from: PathBuf,
    /// Its database, if it is elsewhere.
    pub database: Option<PathBuf>,
    /// Only say what would be done.
    pub dry_run: bool,
}

/// Why nothing could be taken over, or not all.
#[derive(Debug, thiserror::Error)]
pub enum TakeoverError {
    /// No such folder.
    #[error("{} is no folder; name the connector's data folder", path.display())]
    NoFolder {
        /// What was named.
        path: PathBuf,
    },
    /// Nothing of the connector's is there.
    #[error(
        "there is nothing of an OX Connector in {}: neither listener/old nor a database \
         ox-connector.db; name its data folder (on UCS \
         /var/lib/univention-appcenter/apps/ox-connector/data)",
        path.display()
    )]
    NothingThere {
        /// What was named.
        path: PathBuf,
    },
    /// A database that cannot be read from here.
    #[error(
        "a PostgreSQL database cannot be read; copy its tables tasks, old, morgue and relations into \
         an SQLite file (same names of tables and columns), and name that with --database"
    )]
    Postgres,
    /// The connector's database cannot be read.
    #[error("cannot read the connector's database {}: {source}", path.display())]
    Source {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// It lacks what it should have.
    #[error("{} has no table \"{table}\", so it is no database of an OX Connector", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// The table.
        table: &'static str,
    },
    /// A file or folder.
    #[error("cannot {act} {}: {source}; check owner and mode", path.display())]
    File {
        /// What was tried.
        act: &'static str,
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The data folder is another drover's.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The settings' files.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// drover's memory.
    #[error("the state database {} cannot be used: {source}", path.display())]
    Store {
        /// The file.
        path: PathBuf,
        /// Why; it tells its own cause.
        source: StoreError,
    },
    /// Credentials.
    #[error("{0}")]
    Credentials(String),
}

impl TakeoverError {
    fn file(act: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File { act, path: path.to_owned(), source }
    }
}

/// Where the last known states come from.
enum Source {
    Files(Files),
    Database(Database),
    /// The connector knew nothing yet.
    Nothing,
}

impl Source {
    /// Calls `each` for the objects of a kind; those that are nearest to the truth come last.
    fn each(
        &self,
        kind: ObjectKind,
        report: &mut Report,
        each: &mut dyn FnMut(Snapshot, &mut Report) -> Result<(), TakeoverError>,
    ) -> Result<(), TakeoverError> {
        match self {
            Self::Files(files) => files.each(kind, report, each),
            Self::Database(database) => database.each(kind, report, each),
            Self::Nothing => Ok(()),
        }
    }
}

/// drover's memory, as far as there is one.
enum Memory {
    /// To be written to.
    Open(Box<SqliteStore>),
    /// To be looked at only.
    Looked(SqliteReader),
    /// There is none.
    None,
}

impl Memory {
    fn reader(&self) -> Option<&SqliteReader> {
        match self {
            Self::Open(store) => Some(store.reader()),
            Self::Looked(reader) => Some(reader),
            Self::None => None,
        }
    }

    /// Whether drover has taken in an item yet. Then the connector's word is old.
    fn has_worked(&self) -> Result<bool, StoreError> {
        let Some(reader) = self.reader() else { return Ok(false) };
        Ok(reader.audit()?.counts.taken_in > 0)
    }

    fn is_taken_over(&self, what: &str) -> Result<bool, StoreError> {
        self.reader().map_or(Ok(false), |reader| reader.is_taken_over(what))
    }
}

/// Takes over, or says what would be taken over.
///
/// # Errors
/// [`TakeoverError`]; what was taken over until then is kept, and is no hindrance to another try.
pub fn take_over(order: &Order, settings: &Settings) -> Result<Report, TakeoverError> {
    let found = Found::look(&order.from, order.database.as_deref())?;
    let mut report = Report::new(order, settings, &found);
    let (lock, memory) = open(order, settings)?;
    let source = match (&found.database, &found.old) {
        (Some(path), old) => {
            let database = Database::open(path, &mut report)?;
            if old.is_some() {
                report.cannot_know("listener/old was not read: the database counts".to_owned());
            }
            Source::Database(database)
        }
        (None, Some(old)) => Source::Files(Files::scan(old, &mut report)?),
        (None, None) => Source::Nothing,
    };
    beside::take(&found, settings, order.dry_run, &mut report)?;
    let mapping =
        MappingFile::open(beside::mapping(&found, settings)).map_err(ServiceError::from)?.current();
    import::run(&source, &memory, settings, &mapping, &found, &mut report)?;
    pending::take(&found, &source, &memory, settings, &mut report)?;
    drop(memory);
    give_back(lock, &mut report);
    Ok(report)
}

/// The lock and the memory. A dry run takes neither, and leaves no trace.
fn open(order: &Order, settings: &Settings) -> Result<(Option<DataLock>, Memory), TakeoverError> {
    let path = settings.database();
    let failed = |source| TakeoverError::Store { path: path.clone(), source };
    if order.dry_run {
        let memory = if path.exists() {
            Memory::Looked(SqliteReader::open(&path).map_err(failed)?)
        } else {
            Memory::None
        };
        return Ok((None, memory));
    }
    let lock = DataLock::acquire(&settings.queue.data_dir)?;
    let store = SqliteStore::open_keeping(&path, settings.ledger.keep).map_err(failed)?;
    store.set_mirrored(settings.mirror_dir().is_some()).map_err(failed)?;
    Ok((Some(lock), Memory::Open(Box::new(store))))
}

/// Gives the lock back. What the one before left in it has to stay readable: a drover that was killed
/// may have left work half done, which is none of a takeover's business.
fn give_back(lock: Option<DataLock>, report: &mut Report) {
    let Some(lock) = lock.filter(|lock| lock.found() != FoundLock::Unfinished) else { return };
    if let Err(problem) = lock.finish() {
        report.odd(format!("the lock file cannot be written: {problem}"));
    }
}
