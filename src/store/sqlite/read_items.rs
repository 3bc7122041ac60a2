//! Items and the ledger: queries. Each is called inside a read transaction.

use rusqlite::{Connection, Params, Row};

use super::super::ledger::{AuditedItem, Auditor};
use super::super::{Audit, ItemOutcome, ItemRecord, StoreError};
use super::codec::{self, ITEM, unsigned};
use super::read::prepare;
use super::{failed, items};
use crate::model::{ItemName, ObjectId, ObjectKind};

/// The item of that name that ended last.
pub(super) fn outcome(db: &Connection, item: &ItemName) -> Result<Option<ItemOutcome>, StoreError> {
    let condition = "item = ?1 AND ended_by IS NOT NULL ORDER BY ended_by DESC LIMIT 1";
    let found = select(db, condition, [item.as_str()])?;
    Ok(found.first().and_then(ItemRecord::outcome))
}

/// The items that ended last.
pub(super) fn outcomes(db: &Connection, limit: usize) -> Result<Vec<ItemOutcome>, StoreError> {
    let condition = "ended_by IS NOT NULL ORDER BY ended_by DESC LIMIT ?1";
    let found = select(db, condition, [most(limit)])?;
    Ok(found.iter().filter_map(ItemRecord::outcome).collect())
}

/// Items that have not ended.
pub(super) fn each_open(
    db: &Connection,
    each: &mut dyn FnMut(ItemRecord),
) -> Result<(), StoreError> {
    let read = failed("read");
    let sql = format!("SELECT {ITEM} FROM items WHERE ended_by IS NULL ORDER BY intake");
    let mut select = prepare(db, &sql)?;
    let mut rows = select.query([]).map_err(&read)?;
    while let Some(row) = rows.next().map_err(&read)? {
        each(codec::item(row)?);
    }
    Ok(())
}

/// Items of an object.
pub(super) fn of_object(
    db: &Connection,
    object: &ObjectId,
    limit: usize,
) -> Result<Vec<ItemRecord>, StoreError> {
    select(db, "object = ?1 ORDER BY intake DESC LIMIT ?2", (object.as_str(), most(limit)))
}

/// Items of a file name.
pub(super) fn of_name(
    db: &Connection,
    item: &ItemName,
    limit: usize,
) -> Result<Vec<ItemRecord>, StoreError> {
    select(db, "item = ?1 ORDER BY intake DESC LIMIT ?2", (item.as_str(), most(limit)))
}

/// Checks the ledger.
pub(super) fn audit(db: &Connection) -> Result<Audit, StoreError> {
    let read = failed("read");
    let mut auditor = Auditor::new(items::anchor(db)?);
    let mut entries = prepare(db, "SELECT nr, at_ms, event, hash FROM ledger ORDER BY nr")?;
    let mut rows = entries.query([]).map_err(&read)?;
    while let Some(row) = rows.next().map_err(&read)? {
        let (nr, at_ms) = (row.get(0).map_err(&read)?, row.get(1).map_err(&read)?);
        auditor.entry(unsigned(nr), at_ms, items::bytes(row, 2)?, items::bytes(row, 3)?);
    }
    let mut stored = prepare(
        db,
        "SELECT intake, item, digest, object, kind, fate, ended_by FROM items ORDER BY intake",
    )?;
    let mut rows = stored.query([]).map_err(&read)?;
    while let Some(row) = rows.next().map_err(&read)? {
        auditor.item(&audited(row)?);
    }
    let mut audit = auditor.finish();
    if audit.nameless().is_some() {
        let mut events = prepare(db, "SELECT event FROM ledger ORDER BY nr")?;
        let mut rows = events.query([]).map_err(&read)?;
        while let Some(row) = rows.next().map_err(&read)? {
            audit.learn_name(items::bytes(row, 0)?);
        }
    }
    Ok(audit)
}

fn audited(row: &Row<'_>) -> Result<AuditedItem, StoreError> {
    let read = failed("read");
    let text = |column| items::bytes(row, column).map(|b| String::from_utf8_lossy(b).into_owned());
    let object: Option<Vec<u8>> =
        row.get_ref(3).map_err(&read)?.as_bytes_or_null().ok().flatten().map(<[u8]>::to_vec);
    let kind = row
        .get_ref(4)
        .map_err(&read)?
        .as_str_or_null()
        .ok()
        .flatten()
        .map(ObjectKind::from_udm_type);
    // Of an unknown kind nothing is known for sure.
    let known = kind != Some(None);
    let fate = serde_json::from_slice(items::bytes(row, 5)?).ok().filter(|_| known);
    Ok(AuditedItem {
        intake: unsigned(row.get(0).map_err(&read)?),
        item: text(1)?,
        digest: items::bytes(row, 2)?.to_vec(),
        object: object.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
        kind: kind.flatten(),
        fate,
        ended_by: row.get::<_, Option<i64>>(6).map_err(&read)?.map(unsigned),
    })
}

fn select(
    db: &Connection,
    condition: &str,
    params: impl Params,
) -> Result<Vec<ItemRecord>, StoreError> {
    let read = failed("read");
    let mut select = prepare(db, &format!("SELECT {ITEM} FROM items WHERE {condition}"))?;
    let mut rows = select.query(params).map_err(&read)?;
    let mut items = Vec::new();
    while let Some(row) = rows.next().map_err(&read)? {
        items.push(codec::item(row)?);
    }
    Ok(items)
}

fn most(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
