//! Items and the ledger: writing. All of it is called inside one transaction.

use rusqlite::{Connection, Row, params};

use super::super::ledger::{Anchor, Event};
use super::super::{FaultRecord, ItemOutcome, OperatorAct, StoreError};
use super::codec::{self, signed, unsigned};
use super::failed;
use super::read::prepare;
use super::write::run;
use crate::model::{Fate, ItemName, ObjectId, ObjectKind};

/// What has to be known to go on with the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Books {
    pub(super) anchor: Anchor,
    /// How many ended items are stored.
    pub(super) ended: usize,
}

/// An item that comes in.
#[derive(Debug, Clone, Copy)]
pub(super) struct New<'a> {
    pub(super) item: &'a ItemName,
    pub(super) digest: &'a [u8; 32],
    pub(super) object: Option<&'a ObjectId>,
    pub(super) kind: Option<ObjectKind>,
    pub(super) at_ms: i64,
}

/// An item as it was found.
struct Found {
    intake: u64,
    digest: Vec<u8>,
    ended_by: Option<u64>,
    fate: String,
}

/// Reads the books.
pub(super) fn load(db: &Connection) -> Result<Books, StoreError> {
    let read = failed("read");
    let ended: i64 = db
        .query_row("SELECT count(*) FROM items WHERE ended_by IS NOT NULL", [], |row| row.get(0))
        .map_err(&read)?;
    Ok(Books { anchor: anchor(db)?, ended: usize::try_from(ended).unwrap_or(0) })
}

/// Reads the anchor.
pub(super) fn anchor(db: &Connection) -> Result<Anchor, StoreError> {
    let number = |row: &Row<'_>, column: usize| row.get(column).map(unsigned);
    prepare(
        db,
        "SELECT pruned, pruned_hash, taken, applied, no_op, superseded, dropped, misfit, last, \
         last_hash, last_intake FROM ledger_anchor",
    )?
    .query_row([], |row| {
        Ok(Anchor {
            pruned: number(row, 0)?,
            pruned_hash: row.get(1)?,
            taken: number(row, 2)?,
            ended: [number(row, 3)?, number(row, 4)?, number(row, 5)?, number(row, 6)?],
            misfit: row.get::<_, Option<i64>>(7)?.map(unsigned),
            last: number(row, 8)?,
            last_hash: row.get(9)?,
            last_intake: number(row, 10)?,
        })
    })
    .map_err(failed("read"))
}

/// Writes the anchor.
pub(super) fn save(db: &Connection, anchor: &Anchor) -> Result<(), StoreError> {
    let [applied, no_op, superseded, dropped] = anchor.ended.map(signed);
    run(
        db,
        "UPDATE ledger_anchor SET pruned = ?1, pruned_hash = ?2, taken = ?3, applied = ?4, \
         no_op = ?5, superseded = ?6, dropped = ?7, misfit = ?8, last = ?9, last_hash = ?10, \
         last_intake = ?11",
        params![
            signed(anchor.pruned),
            anchor.pruned_hash,
            signed(anchor.taken),
            applied,
            no_op,
            superseded,
            dropped,
            anchor.misfit.map(signed),
            signed(anchor.last),
            anchor.last_hash,
            signed(anchor.last_intake),
        ],
    )
    .map(drop)
}

/// Takes an item in; says whether one of the same name ended for it.
pub(super) fn take_in(
    db: &Connection,
    books: &mut Books,
    new: &New<'_>,
) -> Result<bool, StoreError> {
    let of_name = find(db, new.item)?;
    let mut rewritten = false;
    if let Some(open) = of_name.iter().find(|found| found.ended_by.is_none()) {
        if open.digest == new.digest {
            return Ok(false);
        }
        let fate = Fate::rewritten();
        let ended_by = enter_end(db, books, open.intake, &fate, new.at_ms)?;
        run(
            db,
            "UPDATE items SET fate = ?2, ended_ms = ?3, ended_by = ?4 WHERE intake = ?1",
            params![
                signed(open.intake),
                codec::to_json("fate", &fate)?,
                new.at_ms,
                signed(ended_by)
            ],
        )?;
        rewritten = true;
    } else {
        let last = of_name.iter().max_by_key(|found| found.ended_by);
        if let Some(last) = last.filter(|last| last.digest == new.digest)
            && codec::from_json::<Fate>("fate", &last.fate)?.settles()
        {
            return Ok(false);
        }
    }
    let intake = enter_intake(db, books, new)?;
    run(
        db,
        "INSERT INTO items (intake, item, digest, object, kind, fate, attempts, taken_ms) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, ?7)",
        params![
            signed(intake),
            new.item.as_str(),
            new.digest,
            new.object.map(ObjectId::as_str),
            new.kind.map(ObjectKind::udm_type),
            codec::to_json("fate", &Fate::Pending)?,
            new.at_ms,
        ],
    )?;
    Ok(rewritten)
}

/// Says what has become of an open item.
pub(super) fn set_fate(db: &Connection, item: &ItemName, fate: &Fate) -> Result<(), StoreError> {
    if fate.is_final() {
        return Ok(());
    }
    let attempts = match fate {
        Fate::Faulty { attempts, .. } => Some(*attempts),
        _ => None,
    };
    run(
        db,
        "UPDATE items SET fate = ?2, attempts = coalesce(?3, attempts) \
         WHERE item = ?1 AND ended_by IS NULL",
        params![item.as_str(), codec::to_json("fate", fate)?, attempts],
    )
    .map(drop)
}

/// An open item remembers its fault.
pub(super) fn put_fault(db: &Connection, fault: &FaultRecord) -> Result<(), StoreError> {
    run(
        db,
        "UPDATE items SET attempts = ?2, last_fault = ?3, exception_id = ?4 \
         WHERE item = ?1 AND ended_by IS NULL",
        params![fault.item.as_str(), fault.attempts, fault.text, fault.exception_id],
    )
    .map(drop)
}

/// Ends an item.
pub(super) fn end(
    db: &Connection,
    books: &mut Books,
    outcome: &ItemOutcome,
) -> Result<(), StoreError> {
    let mut of_name = find(db, &outcome.item)?.into_iter();
    let open = of_name.find(|item| item.ended_by.is_none() && item.digest == outcome.digest);
    let fate = codec::to_json("fate", &outcome.fate)?;
    if let Some(open) = open {
        let ended_by = enter_end(db, books, open.intake, &outcome.fate, outcome.ended_ms)?;
        return run(
            db,
            "UPDATE items SET fate = ?2, attempts = max(attempts, ?3), \
             exception_id = iif(?4 IS NULL, exception_id, ?5), \
             last_fault = coalesce(?4, last_fault), ended_ms = ?6, ended_by = ?7 \
             WHERE intake = ?1",
            params![
                signed(open.intake),
                fate,
                outcome.attempts,
                outcome.last_fault,
                outcome.exception_id,
                outcome.ended_ms,
                signed(ended_by),
            ],
        )
        .map(drop);
    }
    let new = New {
        item: &outcome.item,
        digest: &outcome.digest,
        object: outcome.object.as_ref(),
        kind: outcome.kind,
        at_ms: outcome.ended_ms,
    };
    let intake = enter_intake(db, books, &new)?;
    let ended_by = enter_end(db, books, intake, &outcome.fate, outcome.ended_ms)?;
    run(
        db,
        "INSERT INTO items (intake, item, digest, object, kind, fate, attempts, last_fault, \
         exception_id, taken_ms, ended_ms, ended_by) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, iif(?8 IS NULL, NULL, ?9), ?10, ?10, ?11)",
        params![
            signed(intake),
            outcome.item.as_str(),
            outcome.digest,
            outcome.object.as_ref().map(ObjectId::as_str),
            outcome.kind.map(ObjectKind::udm_type),
            fate,
            outcome.attempts,
            outcome.last_fault,
            outcome.exception_id,
            outcome.ended_ms,
            signed(ended_by),
        ],
    )
    .map(drop)
}

/// Enters what an operator did.
pub(super) fn act(db: &Connection, books: &mut Books, act: &OperatorAct) -> Result<(), StoreError> {
    let event = Event::Act { act: act.verb.clone(), note: act.note.clone() };
    enter(db, books, act.at_ms, &event).map(drop)
}

/// Forgets that many of the items that ended first, and the entries up to their ends.
pub(super) fn prune(db: &Connection, books: &mut Books, excess: usize) -> Result<(), StoreError> {
    let Some(before) = excess.checked_sub(1) else { return Ok(()) };
    let read = failed("read");
    let last: i64 = prepare(
        db,
        "SELECT ended_by FROM items WHERE ended_by IS NOT NULL ORDER BY ended_by LIMIT 1 OFFSET ?1",
    )?
    .query_row([i64::try_from(before).unwrap_or(i64::MAX)], |row| row.get(0))
    .map_err(&read)?;
    {
        let mut select =
            prepare(db, "SELECT nr, at_ms, event, hash FROM ledger WHERE nr <= ?1 ORDER BY nr")?;
        let mut rows = select.query([last]).map_err(&read)?;
        while let Some(row) = rows.next().map_err(&read)? {
            let (nr, at_ms) = (row.get(0).map_err(&read)?, row.get(1).map_err(&read)?);
            books.anchor.absorb(unsigned(nr), at_ms, bytes(row, 2)?, bytes(row, 3)?);
        }
    }
    run(db, "DELETE FROM ledger WHERE nr <= ?1", [last])?;
    let gone = run(db, "DELETE FROM items WHERE ended_by <= ?1", [last])?;
    books.ended = books.ended.saturating_sub(gone);
    Ok(())
}

/// A column's bytes, whatever they are.
pub(super) fn bytes<'a>(row: &'a Row<'_>, column: usize) -> Result<&'a [u8], StoreError> {
    let value = row.get_ref(column).map_err(failed("read"))?;
    value.as_bytes().map_err(|e| codec::unreadable("ledger", &e.to_string()))
}

/// The items of a name.
fn find(db: &Connection, name: &ItemName) -> Result<Vec<Found>, StoreError> {
    prepare(db, "SELECT intake, digest, ended_by, fate FROM items WHERE item = ?1")?
        .query_map([name.as_str()], |row| {
            Ok(Found {
                intake: row.get(0).map(unsigned)?,
                digest: row.get(1)?,
                ended_by: row.get::<_, Option<i64>>(2)?.map(unsigned),
                fate: row.get(3)?,
            })
        })
        .and_then(Iterator::collect)
        .map_err(failed("read"))
}

pub(super) fn enter_intake(
    db: &Connection,
    books: &mut Books,
    new: &New<'_>,
) -> Result<u64, StoreError> {
    let intake = books.anchor.next_intake();
    let event = Event::taken(intake, new.item, new.digest, new.object, new.kind);
    enter(db, books, new.at_ms, &event)?;
    Ok(intake)
}

pub(super) fn enter_end(
    db: &Connection,
    books: &mut Books,
    intake: u64,
    fate: &Fate,
    at_ms: i64,
) -> Result<u64, StoreError> {
    books.ended += 1;
    enter(db, books, at_ms, &Event::Ended { intake, outcome: fate.clone() })
}

fn enter(db: &Connection, books: &mut Books, at_ms: i64, event: &Event) -> Result<u64, StoreError> {
    let entry = books.anchor.enter(at_ms, event);
    run(
        db,
        "INSERT INTO ledger (nr, at_ms, event, hash) VALUES (?1, ?2, ?3, ?4)",
        params![signed(entry.nr), entry.at_ms, entry.event, entry.hash],
    )?;
    Ok(entry.nr)
}
