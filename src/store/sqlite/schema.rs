//! Versions of the schema and the way from one to the next.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::super::StoreError;
use super::{failed, file, upgrade};

/// The n-th step leads from version n to version n + 1 (`PRAGMA user_version`; 0 is an empty file).
/// A published step is never changed again.
pub(super) const MIGRATIONS: &[Step] = &[
    Step { sql: VERSION_1, then: nothing },
    Step { sql: VERSION_2, then: nothing },
    Step { sql: VERSION_3, then: upgrade::outcomes_into_the_ledger },
    Step { sql: VERSION_4, then: nothing },
    Step { sql: VERSION_5, then: nothing },
    Step { sql: VERSION_6, then: nothing },
];

/// A step from one version to the next.
#[derive(Clone, Copy)]
pub(super) struct Step {
    /// What SQL can do.
    pub(super) sql: &'static str,
    /// What it cannot; called after it in the same transaction.
    pub(super) then: fn(&Connection) -> Result<(), StoreError>,
}

#[expect(clippy::unnecessary_wraps, reason = "steps that can fail have this type")]
fn nothing(_: &Connection) -> Result<(), StoreError> {
    Ok(())
}

/// Objects have a short number of their own (`nr`), so that the many rows that belong to them do
/// not repeat a 36-character id.
const VERSION_1: &str = "
CREATE TABLE objects (
    nr         INTEGER PRIMARY KEY,
    id         TEXT NOT NULL UNIQUE,
    kind       TEXT NOT NULL,
    dn         TEXT NOT NULL,
    dn_key     TEXT NOT NULL,
    properties TEXT
) STRICT;
CREATE INDEX objects_by_dn ON objects (dn_key);

-- The oldest of an object has the smallest nr.
CREATE TABLE former_dns (
    nr     INTEGER PRIMARY KEY,
    dn_key TEXT NOT NULL UNIQUE,
    object INTEGER NOT NULL REFERENCES objects (nr) ON DELETE CASCADE
) STRICT;
CREATE INDEX former_dns_by_object ON former_dns (object);

CREATE TABLE members (
    object INTEGER NOT NULL REFERENCES objects (nr) ON DELETE CASCADE,
    dn_key TEXT NOT NULL,
    PRIMARY KEY (object, dn_key)
) STRICT, WITHOUT ROWID;
CREATE INDEX members_by_dn ON members (dn_key, object);

-- ox_id and name are in the body too; here they are for people who look with sqlite3.
CREATE TABLE placements (
    object  INTEGER NOT NULL REFERENCES objects (nr) ON DELETE CASCADE,
    context INTEGER NOT NULL,
    ox_id   INTEGER,
    name    TEXT,
    body    TEXT NOT NULL,
    UNIQUE (object, context)
) STRICT;
CREATE INDEX placements_by_context ON placements (context, ox_id);

CREATE TABLE journeys (
    object       INTEGER PRIMARY KEY REFERENCES objects (nr) ON DELETE CASCADE,
    from_context INTEGER NOT NULL,
    to_context   INTEGER NOT NULL,
    ox_id        INTEGER NOT NULL,
    name         TEXT NOT NULL,
    copying      INTEGER NOT NULL
) STRICT;

-- By id, not nr: a mark may be there before the object is known.
CREATE TABLE marks (
    object  TEXT NOT NULL,
    context INTEGER NOT NULL,
    PRIMARY KEY (object, context)
) STRICT, WITHOUT ROWID;
CREATE INDEX marks_by_context ON marks (context);

CREATE TABLE profiles (
    object TEXT NOT NULL,
    name   TEXT NOT NULL,
    since  TEXT NOT NULL,
    access TEXT,
    PRIMARY KEY (object, name, since)
) STRICT, WITHOUT ROWID;

-- The one recorded last has the greatest nr.
CREATE TABLE items (
    nr           INTEGER PRIMARY KEY,
    item         TEXT NOT NULL UNIQUE,
    digest       BLOB NOT NULL,
    object       TEXT,
    kind         TEXT,
    fate         TEXT NOT NULL,
    attempts     INTEGER NOT NULL,
    last_fault   TEXT,
    exception_id TEXT,
    ended_ms     INTEGER NOT NULL
) STRICT;
";

/// Faults of items that are not through. By name and id: most of their objects are not known yet.
const VERSION_2: &str = "
CREATE TABLE faults (
    item         TEXT NOT NULL PRIMARY KEY,
    context      INTEGER,
    object       TEXT,
    class        TEXT NOT NULL,
    text         TEXT NOT NULL,
    exception_id TEXT,
    fingerprint  TEXT NOT NULL,
    attempts     INTEGER NOT NULL,
    first_ms     INTEGER NOT NULL,
    last_ms      INTEGER NOT NULL
) STRICT;
";

/// Every item from its intake on, the ledger, holds.
const VERSION_3: &str = "
ALTER TABLE items RENAME TO outcomes;

-- Of each name one at most is open: ended_by is null.
CREATE TABLE items (
    intake       INTEGER PRIMARY KEY,
    item         TEXT NOT NULL,
    digest       BLOB NOT NULL,
    object       TEXT,
    kind         TEXT,
    fate         TEXT NOT NULL,
    attempts     INTEGER NOT NULL,
    last_fault   TEXT,
    exception_id TEXT,
    taken_ms     INTEGER NOT NULL,
    ended_ms     INTEGER,
    ended_by     INTEGER
) STRICT;
CREATE INDEX items_by_name ON items (item);
CREATE INDEX items_by_object ON items (object) WHERE object IS NOT NULL;
CREATE INDEX items_by_end ON items (ended_by);

-- hash: SHA-256 of the hash before it, nr and at_ms as eight bytes each (big end first), event.
CREATE TABLE ledger (
    nr    INTEGER PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    event TEXT NOT NULL,
    hash  BLOB NOT NULL
) STRICT;

-- One row: the sum of pruned entries, and the end of the chain.
CREATE TABLE ledger_anchor (
    one         INTEGER PRIMARY KEY CHECK (one = 1),
    pruned      INTEGER NOT NULL,
    pruned_hash BLOB NOT NULL,
    taken       INTEGER NOT NULL,
    applied     INTEGER NOT NULL,
    no_op       INTEGER NOT NULL,
    superseded  INTEGER NOT NULL,
    dropped     INTEGER NOT NULL,
    misfit      INTEGER,
    last        INTEGER NOT NULL,
    last_hash   BLOB NOT NULL,
    last_intake INTEGER NOT NULL
) STRICT;
INSERT INTO ledger_anchor VALUES (1, 0, zeroblob(32), 0, 0, 0, 0, 0, NULL, 0, zeroblob(32), 0);

-- scope: 'target', or the number of a context.
CREATE TABLE holds (
    scope    TEXT NOT NULL PRIMARY KEY,
    note     TEXT,
    since_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
";

/// Objects to be provisioned again. By id, as marks.
const VERSION_4: &str = "
CREATE TABLE repairs (
    object  TEXT NOT NULL,
    context INTEGER NOT NULL,
    PRIMARY KEY (object, context)
) STRICT, WITHOUT ROWID;
CREATE INDEX repairs_by_context ON repairs (context);
";

/// What was about to be made, and may be there.
const VERSION_5: &str = "
CREATE TABLE begun (
    object  INTEGER NOT NULL REFERENCES objects (nr) ON DELETE CASCADE,
    context INTEGER NOT NULL,
    body    TEXT NOT NULL,
    PRIMARY KEY (object, context)
) STRICT, WITHOUT ROWID;
CREATE INDEX begun_by_context ON begun (context);
CREATE INDEX journeys_by_target ON journeys (to_context);
";

/// What a mirror of the objects needs, what came from another program.
const VERSION_6: &str = "
-- photo: base64; digest: of the photo, as among the object's properties.
CREATE TABLE extras (
    object  INTEGER PRIMARY KEY REFERENCES objects (nr) ON DELETE CASCADE,
    options TEXT,
    digest  TEXT,
    photo   TEXT
) STRICT;

-- Objects that the mirror has not been told of since they were changed, by id because they may be gone.
-- A number is never given twice, so what was mirrored can be told from what changed since.
CREATE TABLE unmirrored (
    nr     INTEGER PRIMARY KEY AUTOINCREMENT,
    object TEXT NOT NULL UNIQUE
) STRICT;

-- There is a row if there is a mirror.
CREATE TABLE mirror (
    one INTEGER PRIMARY KEY CHECK (one = 1)
) STRICT;

-- Contexts whose users' numbers are to be looked up anew.
CREATE TABLE doubts (
    context INTEGER PRIMARY KEY
) STRICT;

CREATE TABLE taken_over (
    what TEXT NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;
";

/// Checks the version, brings an older schema up to date, and sets what a writing connection needs.
///
/// # Errors
/// [`StoreError::Newer`] before anything was touched.
pub(super) fn prepare(
    db: &mut Connection,
    path: &Path,
    migrations: &[Step],
) -> Result<(), StoreError> {
    let known = i64::try_from(migrations.len()).unwrap_or(i64::MAX);
    let found = version(db)?;
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    // WAL lets readers read while the writer writes; FULL makes a returned commit survive a power
    // cut.
    db.pragma_update(None, "journal_mode", "wal").map_err(failed("open"))?;
    db.pragma_update(None, "synchronous", "full").map_err(failed("open"))?;
    db.pragma_update(None, "foreign_keys", true).map_err(failed("open"))?;
    // Pages in KiB, negative as SQLite wants it: the writer touches rows all over a big file.
    db.pragma_update(None, "cache_size", -65_536).map_err(failed("open"))?;
    // A long read (the one at start) lets the log grow; give the space back afterwards.
    db.pragma_update(None, "journal_size_limit", 67_108_864).map_err(failed("open"))?;
    // Pages, 32 MB: the more that comes together, the more often a page is written once for many.
    db.pragma_update(None, "wal_autocheckpoint", 8_000).map_err(failed("open"))?;
    if found > 0 && found < known {
        file::snapshot(db, path, found)?;
    }
    for (step, next) in migrations.iter().zip(1..).skip(usize::try_from(found).unwrap_or(0)) {
        migrate(db, step, next)?;
    }
    Ok(())
}

/// One step, together with the new version number, or nothing of it.
fn migrate(db: &mut Connection, step: &Step, next: i64) -> Result<(), StoreError> {
    let upgrade = failed("upgrade");
    let transaction =
        db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&upgrade)?;
    if version(&transaction)? == next - 1 {
        transaction.execute_batch(step.sql).map_err(&upgrade)?;
        (step.then)(&transaction)?;
        transaction.pragma_update(None, "user_version", next).map_err(&upgrade)?;
    }
    transaction.commit().map_err(&upgrade)
}

/// The version of the schema.
pub(super) fn version(db: &Connection) -> Result<i64, StoreError> {
    db.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(failed("open"))
}

#[cfg(test)]
mod tests;
