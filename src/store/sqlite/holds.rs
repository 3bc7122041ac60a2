//! Holds: reading and writing.

use rusqlite::{Connection, params};

use super::super::{Hold, HoldScope, StoreError};
use super::write::run;
use super::{codec, failed, read};
use crate::model::ContextId;

const TARGET: &str = "target";

pub(super) fn put(db: &Connection, hold: &Hold) -> Result<(), StoreError> {
    run(
        db,
        "INSERT OR REPLACE INTO holds (scope, note, since_ms) VALUES (?1, ?2, ?3)",
        params![text(hold.scope), hold.note, hold.since_ms],
    )
    .map(drop)
}

pub(super) fn clear(db: &Connection, scope: HoldScope) -> Result<(), StoreError> {
    run(db, "DELETE FROM holds WHERE scope = ?1", [text(scope)]).map(drop)
}

/// All holds, by scope.
pub(super) fn all(db: &Connection) -> Result<Vec<Hold>, StoreError> {
    let read = failed("read");
    let mut select = read::prepare(db, "SELECT scope, note, since_ms FROM holds")?;
    let mut rows = select.query([]).map_err(&read)?;
    let mut holds = Vec::new();
    while let Some(row) = rows.next().map_err(&read)? {
        let text: String = row.get(0).map_err(&read)?;
        holds.push(Hold {
            scope: scope(&text)?,
            note: row.get(1).map_err(&read)?,
            since_ms: row.get(2).map_err(&read)?,
        });
    }
    holds.sort_by_key(|hold| hold.scope);
    Ok(holds)
}

fn text(scope: HoldScope) -> String {
    match scope {
        HoldScope::Target => TARGET.to_owned(),
        HoldScope::Context(context) => context.to_string(),
    }
}

fn scope(text: &str) -> Result<HoldScope, StoreError> {
    if text == TARGET {
        return Ok(HoldScope::Target);
    }
    text.parse()
        .map(|context| HoldScope::Context(ContextId(context)))
        .map_err(|_| codec::unreadable("hold", &format!("{text:?} is no context's number")))
}
