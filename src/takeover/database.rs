//! The connector's SQLite database, 3.x and 4.x: tables `tasks`, `old`, `morgue`, `relations`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, Row};
use serde_json::{Value, json};

use super::{Report, TakeoverError};
use crate::durable::create_private_directory;
use crate::model::ObjectKind;
use crate::snapshot::{Snapshot, SnapshotError};

/// Files beside a database that hold a part of it while somebody writes, or after a crash.
const BESIDE: [&str; 2] = ["-wal", "-journal"];

/// The database, never changed.
pub(super) struct Database {
    connection: Connection,
    path: PathBuf,
    /// A copy that was read instead, removed in the end.
    _copy: Option<Copy>,
}

/// A task, or a row of the morgue.
#[derive(Debug)]
pub(super) struct Item {
    /// Number in its table.
    pub(super) nr: i64,
    /// Identity.
    pub(super) id: String,
    /// UDM module.
    pub(super) module: String,
    /// When it came (tasks), when it was set aside (morgue): UTC.
    pub(super) at: String,
    /// A queue file's content.
    pub(super) content: Result<Value, String>,
}

impl Item {
    /// Whether it is a deletion.
    pub(super) fn is_deletion(&self) -> bool {
        self.content.as_ref().is_ok_and(|content| content["object"].is_null())
    }
}

impl Database {
    /// Opens it. One that was not closed in order is copied and the copy put in order.
    pub(super) fn open(path: &Path, report: &mut Report) -> Result<Self, TakeoverError> {
        let unclean = BESIDE.iter().any(|end| {
            fs::metadata(beside(path, end)).is_ok_and(|meta| meta.is_file() && meta.len() > 0)
        });
        let copy = unclean.then(|| Copy::of(path)).transpose()?;
        let failed = |source| TakeoverError::Source { path: path.to_owned(), source };
        let connection = match &copy {
            Some(copy) => Connection::open(&copy.database).map_err(failed)?,
            None => {
                let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
                // Nobody writes to it, so nothing is laid beside it for the sake of readers.
                let uri = format!("file:{}?immutable=1", escaped(path));
                Connection::open_with_flags(uri, flags).map_err(failed)?
            }
        };
        let database = Self { connection, path: path.to_owned(), _copy: copy };
        for table in ["old", "tasks", "morgue"] {
            if !database.has_table(table)? {
                return Err(TakeoverError::Foreign { path: path.to_owned(), table });
            }
        }
        let modules =
            database.counts("SELECT udm_module, count(*) FROM old GROUP BY udm_module")?;
        for (module, count) in modules {
            if ObjectKind::from_udm_type(&module).is_none() {
                (0..count).for_each(|_| report.unknown_kind(&module));
            }
        }
        if database.has_table("relations")? {
            let relations =
                database.counts("SELECT relation_name, count(*) FROM relations GROUP BY 1")?;
            let count: usize = relations.values().sum();
            if count > 0 {
                report.cannot_know(format!(
                    "{count} rows of the table relations (who may use which shared account) were not \
                     taken over: they follow from the shared accounts themselves"
                ));
            }
        }
        let twice = database
            .counts("SELECT obj_id, count(*) FROM old GROUP BY obj_id HAVING count(*) > 1")?;
        for (id, count) in twice {
            report.odd(format!(
                "object {id} is {count} times in the table old; the row added last was taken over"
            ));
        }
        Ok(database)
    }

    fn failed(&self) -> impl Fn(rusqlite::Error) -> TakeoverError {
        let path = self.path.clone();
        move |source| TakeoverError::Source { path: path.clone(), source }
    }

    fn has_table(&self, name: &str) -> Result<bool, TakeoverError> {
        self.connection
            .prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?1")
            .and_then(|mut select| select.exists([name]))
            .map_err(self.failed())
    }

    fn counts(&self, sql: &str) -> Result<BTreeMap<String, usize>, TakeoverError> {
        let mut select = self.connection.prepare(sql).map_err(self.failed())?;
        let rows = select.query_map([], |row| {
            let count = usize::try_from(row.get::<_, i64>(1)?).unwrap_or(0);
            Ok((row.get::<_, Option<String>>(0)?.unwrap_or_default(), count))
        });
        rows.and_then(Iterator::collect).map_err(self.failed())
    }

    /// See [`super::Source::each`].
    pub(super) fn each(
        &self,
        kind: ObjectKind,
        report: &mut Report,
        each: &mut dyn FnMut(Snapshot, &mut Report) -> Result<(), TakeoverError>,
    ) -> Result<(), TakeoverError> {
        let mut select = self
            .connection
            .prepare(
                "SELECT obj_id, udm_module, dn, attrs FROM old WHERE udm_module = ?1 AND id IN \
                 (SELECT max(id) FROM old GROUP BY obj_id) ORDER BY id",
            )
            .map_err(self.failed())?;
        let mut rows = select.query([kind.udm_type()]).map_err(self.failed())?;
        while let Some(row) = rows.next().map_err(self.failed())? {
            let id: String = row.get(0).map_err(self.failed())?;
            let snapshot = content(row, 0)
                .map_err(self.failed())?
                .and_then(|value| Snapshot::read(value).map_err(|e: SnapshotError| e.to_string()));
            match snapshot {
                Ok(snapshot) => each(snapshot, report)?,
                Err(why) => report.unusable(&format!("object {id} of the table old"), &why),
            }
        }
        Ok(())
    }

    /// Numbers and times of all tasks, in the order in which they came.
    pub(super) fn tasks(&self) -> Result<Vec<(i64, String)>, TakeoverError> {
        self.times("SELECT id, created_at FROM tasks ORDER BY id")
    }

    /// Numbers and times of the newest row of each object in the morgue, in their order.
    pub(super) fn morgue(&self) -> Result<Vec<(i64, String)>, TakeoverError> {
        self.times(
            "SELECT id, timestamp FROM morgue WHERE id IN \
             (SELECT max(id) FROM morgue GROUP BY obj_id) ORDER BY id",
        )
    }

    fn times(&self, sql: &str) -> Result<Vec<(i64, String)>, TakeoverError> {
        let mut select = self.connection.prepare(sql).map_err(self.failed())?;
        let rows = select.query_map([], |row| {
            Ok((row.get(0)?, row.get::<_, Option<String>>(1)?.unwrap_or_default()))
        });
        rows.and_then(Iterator::collect).map_err(self.failed())
    }

    /// One task.
    pub(super) fn task(&self, nr: i64) -> Result<Item, TakeoverError> {
        self.row("SELECT obj_id, udm_module, dn, attrs, created_at FROM tasks WHERE id = ?1", nr)
    }

    /// One row of the morgue.
    pub(super) fn refused(&self, nr: i64) -> Result<Item, TakeoverError> {
        self.row("SELECT obj_id, udm_module, dn, attrs, timestamp FROM morgue WHERE id = ?1", nr)
    }

    fn row(&self, sql: &str, nr: i64) -> Result<Item, TakeoverError> {
        let mut select = self.connection.prepare_cached(sql).map_err(self.failed())?;
        let row = select.query_row([nr], |row| {
            let (id, module) = (row.get(0)?, row.get(1)?);
            let at = row.get::<_, Option<String>>(4)?.unwrap_or_default();
            Ok(Item { nr, id, module, at, content: content(row, 0)? })
        });
        row.map_err(self.failed())
    }

    /// What is last known of an object, as a queue file's content.
    pub(super) fn last_known(&self, id: &str) -> Result<Option<Value>, TakeoverError> {
        let mut select = self
            .connection
            .prepare_cached(
                "SELECT obj_id, udm_module, dn, attrs FROM old WHERE obj_id = ?1 ORDER BY id DESC \
                 LIMIT 1",
            )
            .map_err(self.failed())?;
        let mut rows = select.query([id]).map_err(self.failed())?;
        let Some(row) = rows.next().map_err(self.failed())? else { return Ok(None) };
        Ok(content(row, 0).map_err(self.failed())?.ok())
    }
}

/// Columns obj_id, udm_module, dn, attrs as a queue file's content. A deletion is NULL to 4.x and the
/// text `null` to 3.x.
fn content(row: &Row<'_>, first: usize) -> rusqlite::Result<Result<Value, String>> {
    let id: String = row.get(first)?;
    let module: String = row.get(first + 1)?;
    let dn: Option<String> = row.get(first + 2)?;
    let attrs: Option<String> = row.get(first + 3)?;
    let object = match attrs.as_deref().map(serde_json::from_str::<Value>) {
        None => Value::Null,
        Some(Ok(value)) => value,
        Some(Err(problem)) => {
            return Ok(Err(format!("its attributes are no JSON (column {})", problem.column())));
        }
    };
    let options = if object.is_null() { Value::Null } else { json!(["default"]) };
    Ok(Ok(json!({
        "id": id, "udm_object_type": module, "dn": dn, "object": object, "options": options,
    })))
}

/// A path for the use in a URI.
fn escaped(path: &Path) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' => {
                text.push(char::from(*byte));
            }
            // Writing to a text cannot fail.
            _ => drop(write!(text, "%{byte:02X}")),
        }
    }
    text
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

/// A copy in a folder of its own, for its owner only.
struct Copy {
    folder: PathBuf,
    database: PathBuf,
}

impl Copy {
    fn of(path: &Path) -> Result<Self, TakeoverError> {
        let folder = std::env::temp_dir().join(format!(
            "drover-takeover-{}-{:08x}",
            std::process::id(),
            rand::random::<u32>()
        ));
        create_private_directory(&folder).map_err(TakeoverError::file("create", &folder))?;
        let copy = Self { database: folder.join("copy.db"), folder };
        for end in [""].iter().chain(&BESIDE) {
            let from = beside(path, end);
            if end.is_empty() || from.exists() {
                let to = beside(&copy.database, end);
                fs::copy(&from, &to).map_err(TakeoverError::file("copy", &from))?;
            }
        }
        Ok(copy)
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        // Left over, it is in the way of nobody.
        let _ = fs::remove_dir_all(&self.folder);
    }
}
