//! Steps of upgrades that SQL alone cannot do.

use rusqlite::{Connection, params};

use super::super::StoreError;
use super::codec::{self, signed};
use super::items::{self, Books, New};
use super::write::run;
use super::{failed, read};
use crate::model::{Fate, ItemName, ObjectId};

/// From version 2 to 3: outcomes become items that were taken in and ended. When they were taken in
/// is not known, so it counts as the time of their end.
pub(super) fn outcomes_into_the_ledger(db: &Connection) -> Result<(), StoreError> {
    let error = failed("upgrade");
    let mut books = Books { anchor: items::anchor(db)?, ended: 0 };
    {
        let mut select = read::prepare(
            db,
            "SELECT item, digest, object, kind, fate, attempts, last_fault, exception_id, ended_ms \
             FROM outcomes ORDER BY nr",
        )?;
        let mut rows = select.query([]).map_err(&error)?;
        while let Some(row) = rows.next().map_err(&error)? {
            let item = ItemName::new(&row.get::<_, String>(0).map_err(&error)?);
            let object: Option<String> = row.get(2).map_err(&error)?;
            let object = object.as_deref().map(ObjectId::new);
            let kind_name: Option<String> = row.get(3).map_err(&error)?;
            let fate: String = row.get(4).map_err(&error)?;
            let fate: Fate = codec::from_json("fate", &fate)?;
            let ended_ms: i64 = row.get(8).map_err(&error)?;
            let new = New {
                item: &item,
                digest: &row.get(1).map_err(&error)?,
                object: object.as_ref(),
                kind: kind_name.as_deref().map(codec::kind).transpose()?,
                at_ms: ended_ms,
            };
            let intake = items::enter_intake(db, &mut books, &new)?;
            let ended_by = items::enter_end(db, &mut books, intake, &fate, ended_ms)?;
            run(
                db,
                "INSERT INTO items (intake, item, digest, object, kind, fate, attempts, \
                 last_fault, exception_id, taken_ms, ended_ms, ended_by) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10, ?11)",
                params![
                    signed(intake),
                    item.as_str(),
                    new.digest,
                    object.as_ref().map(ObjectId::as_str),
                    kind_name,
                    codec::to_json("fate", &fate)?,
                    row.get::<_, i64>(5).map_err(&error)?,
                    row.get::<_, Option<String>>(6).map_err(&error)?,
                    row.get::<_, Option<String>>(7).map_err(&error)?,
                    ended_ms,
                    signed(ended_by),
                ],
            )?;
        }
    }
    items::save(db, &books.anchor)?;
    db.execute_batch("DROP TABLE outcomes").map_err(&error)
}
