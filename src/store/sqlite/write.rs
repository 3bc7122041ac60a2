//! Changes. All of them are called inside one transaction.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension as _, Params, params};

use super::super::storable::{storable_placement, storable_properties};
use super::super::{
    Change, Commit, FaultRecord, Journey, Mark, PRUNE_STEP, Placement, ProfileVersion, StoreError,
};
use super::items::{self, Books, New};
use super::{codec, failed, holds, mirror};
use crate::model::object::Properties;
use crate::model::{ContextId, Dn, DnKey, ItemName, ObjectId, ObjectKind};

/// Applies the commits in order, keeps the books, and forgets old items beyond `keep_ended`.
pub(super) fn apply(
    db: &Connection,
    commits: &[Commit],
    books: &mut Books,
    keep_ended: usize,
    mirrored: bool,
) -> Result<(), StoreError> {
    let before = books.clone();
    let mut ended = 0;
    for change in commits.iter().flatten() {
        ended += usize::from(matches!(change, Change::End(_)));
        if let (true, Change::DropContext { context }) = (mirrored, change) {
            mirror::note_placed(db, *context)?;
        }
        apply_one(db, change, books, mirrored)?;
    }
    if mirrored {
        mirror::note(db, commits.iter().flatten())?;
    }
    let excess = books.ended.saturating_sub(keep_ended).min(ended + PRUNE_STEP);
    items::prune(db, books, excess)?;
    if books.anchor == before.anchor { Ok(()) } else { items::save(db, &books.anchor) }
}

fn apply_one(
    db: &Connection,
    change: &Change,
    books: &mut Books,
    mirrored: bool,
) -> Result<(), StoreError> {
    match change {
        Change::PutObject { id, kind, dn, properties, members } => {
            put_object(db, id, *kind, dn, properties.as_ref(), members)
        }
        Change::PutExtra { id, extra } => mirror::put_extra(db, id, extra, mirrored),
        Change::ForgetObject { id } => {
            // Foreign keys take everything else along.
            run(db, "DELETE FROM objects WHERE id = ?1", [id.as_str()])?;
            run(db, "DELETE FROM repairs WHERE object = ?1", [id.as_str()])?;
            run(db, "DELETE FROM marks WHERE object = ?1", [id.as_str()]).map(drop)
        }
        Change::PutPlacement { id, context, placement } => {
            put_placement(db, id, *context, placement)
        }
        Change::DropPlacement { id, context } => run(
            db,
            "DELETE FROM placements \
             WHERE object = (SELECT nr FROM objects WHERE id = ?1) AND context = ?2",
            params![id.as_str(), context.0],
        )
        .map(drop),
        Change::DropContext { context } => {
            run(db, "DELETE FROM placements WHERE context = ?1", [context.0])?;
            run(db, "DELETE FROM repairs WHERE context = ?1", [context.0])?;
            run(db, "DELETE FROM begun WHERE context = ?1", [context.0])?;
            run(db, "DELETE FROM doubts WHERE context = ?1", [context.0])?;
            run(db, "DELETE FROM journeys WHERE to_context = ?1", [context.0])?;
            run(db, "DELETE FROM marks WHERE context = ?1", [context.0]).map(drop)
        }
        Change::PutJourney { id, journey } => put_journey(db, id, journey.as_ref()),
        Change::Begin { id, context, placement } => put_begun(db, id, *context, placement),
        Change::ClearBegin { id, context } => run(
            db,
            "DELETE FROM begun \
             WHERE object = (SELECT nr FROM objects WHERE id = ?1) AND context = ?2",
            params![id.as_str(), context.0],
        )
        .map(drop),
        Change::PutProfile(version) => put_profile(db, version),
        Change::SetMark(mark) => put_mark(
            db,
            "INSERT INTO marks (object, context) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            mark,
        ),
        Change::ClearMark(mark) => {
            put_mark(db, "DELETE FROM marks WHERE object = ?1 AND context = ?2", mark)
        }
        Change::SetRepair(mark) => put_mark(
            db,
            "INSERT INTO repairs (object, context) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            mark,
        ),
        Change::ClearRepair(mark) => {
            put_mark(db, "DELETE FROM repairs WHERE object = ?1 AND context = ?2", mark)
        }
        Change::PutFault(fault) => {
            items::put_fault(db, fault)?;
            put_fault(db, fault)
        }
        Change::ClearFault { item } => clear_fault(db, item),
        Change::TakeIn { item, digest, object, kind, at_ms } => {
            let new = New { item, digest, object: object.as_ref(), kind: *kind, at_ms: *at_ms };
            if items::take_in(db, books, &new)? {
                clear_fault(db, item)?;
            }
            Ok(())
        }
        Change::SetFate { item, fate } => items::set_fate(db, item, fate),
        Change::End(outcome) => {
            clear_fault(db, &outcome.item)?;
            items::end(db, books, outcome)
        }
        Change::Act(act) => items::act(db, books, act),
        Change::Doubt { context } => {
            run(db, "INSERT OR IGNORE INTO doubts (context) VALUES (?1)", [context.0]).map(drop)
        }
        Change::ClearDoubt { context } => {
            run(db, "DELETE FROM doubts WHERE context = ?1", [context.0]).map(drop)
        }
        Change::TakeOver { what } => {
            run(db, "INSERT OR IGNORE INTO taken_over (what) VALUES (?1)", [what]).map(drop)
        }
        Change::PutHold(hold) => holds::put(db, hold),
        Change::ClearHold(scope) => holds::clear(db, *scope),
    }
}

fn put_object(
    db: &Connection,
    id: &ObjectId,
    kind: ObjectKind,
    dn: &Dn,
    properties: Option<&Properties>,
    members: &[DnKey],
) -> Result<(), StoreError> {
    let properties = properties
        .map(|properties| codec::to_json("object", &storable_properties(properties)))
        .transpose()?;
    let (key, kind) = (dn.key().as_str(), kind.udm_type());
    run(db, "DELETE FROM former_dns WHERE dn_key = ?1", [key])?;
    let Some((nr, before)) = present_dn(db, id)? else {
        run(
            db,
            "INSERT INTO objects (id, kind, dn, dn_key, properties) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![id.as_str(), kind, dn.as_str(), key, properties],
        )?;
        return put_members(db, db.last_insert_rowid(), members);
    };
    run(
        db,
        "UPDATE objects SET kind = ?2, dn = ?3, dn_key = ?4, properties = ?5 WHERE nr = ?1",
        params![nr, kind, dn.as_str(), key, properties],
    )?;
    if before != key {
        // A DN that somebody else has by now is not this object's to remember.
        run(
            db,
            "INSERT INTO former_dns (object, dn_key) \
             SELECT ?1, ?2 WHERE NOT EXISTS (SELECT 1 FROM objects WHERE dn_key = ?2)",
            params![nr, before],
        )?;
    }
    put_members(db, nr, members)
}

/// Number and DN key of a known object.
fn present_dn(db: &Connection, id: &ObjectId) -> Result<Option<(i64, String)>, StoreError> {
    db.prepare_cached("SELECT nr, dn_key FROM objects WHERE id = ?1")
        .and_then(|mut select| {
            select.query_row([id.as_str()], |row| Ok((row.get(0)?, row.get(1)?))).optional()
        })
        .map_err(failed("read"))
}

/// Writes only what differs: one new member of a group of a hundred thousand is one row.
fn put_members(db: &Connection, nr: i64, members: &[DnKey]) -> Result<(), StoreError> {
    let wanted: BTreeSet<&str> = members.iter().map(DnKey::as_str).collect();
    let present: BTreeSet<String> = db
        .prepare_cached("SELECT dn_key FROM members WHERE object = ?1")
        .and_then(|mut select| select.query_map([nr], |row| row.get(0))?.collect())
        .map_err(failed("read"))?;
    for gone in present.iter().filter(|dn| !wanted.contains(dn.as_str())) {
        run(db, "DELETE FROM members WHERE object = ?1 AND dn_key = ?2", params![nr, gone])?;
    }
    for new in wanted.iter().filter(|dn| !present.contains(**dn)) {
        run(db, "INSERT INTO members (object, dn_key) VALUES (?1, ?2)", params![nr, new])?;
    }
    Ok(())
}

fn put_placement(
    db: &Connection,
    id: &ObjectId,
    context: ContextId,
    placement: &Placement,
) -> Result<(), StoreError> {
    let placement = storable_placement(placement);
    let written = run(
        db,
        "INSERT INTO placements (object, context, ox_id, name, body) \
         SELECT nr, ?2, ?3, ?4, ?5 FROM objects WHERE id = ?1 \
         ON CONFLICT (object, context) DO UPDATE \
         SET ox_id = excluded.ox_id, name = excluded.name, body = excluded.body",
        params![
            id.as_str(),
            context.0,
            placement.ox_id().map(|ox| ox.0),
            codec::placement_name(&placement),
            codec::to_json("placement", &placement)?,
        ],
    )?;
    known(written, "a placement", id)
}

fn put_mark(db: &Connection, sql: &str, mark: &Mark) -> Result<(), StoreError> {
    run(db, sql, params![mark.object.as_str(), mark.context.0]).map(drop)
}

fn put_begun(
    db: &Connection,
    id: &ObjectId,
    context: ContextId,
    placement: &Placement,
) -> Result<(), StoreError> {
    let placement = storable_placement(placement);
    let written = run(
        db,
        "INSERT OR REPLACE INTO begun (object, context, body) \
         SELECT nr, ?2, ?3 FROM objects WHERE id = ?1",
        params![id.as_str(), context.0, codec::to_json("placement", &placement)?],
    )?;
    known(written, "what was begun", id)
}

fn put_journey(
    db: &Connection,
    id: &ObjectId,
    journey: Option<&Journey>,
) -> Result<(), StoreError> {
    let Some(journey) = journey else {
        return run(
            db,
            "DELETE FROM journeys WHERE object = (SELECT nr FROM objects WHERE id = ?1)",
            [id.as_str()],
        )
        .map(drop);
    };
    let written = run(
        db,
        "INSERT OR REPLACE INTO journeys (object, from_context, to_context, ox_id, name, copying) \
         SELECT nr, ?2, ?3, ?4, ?5, ?6 FROM objects WHERE id = ?1",
        params![
            id.as_str(),
            journey.from.0,
            journey.to.0,
            journey.ox.0,
            journey.name,
            journey.copying
        ],
    )?;
    known(written, "a move", id)
}

fn put_profile(db: &Connection, version: &ProfileVersion) -> Result<(), StoreError> {
    let access = version.access.map(|access| codec::to_json("profile", &access)).transpose()?;
    run(
        db,
        "INSERT OR REPLACE INTO profiles (object, name, since, access) VALUES (?1, ?2, ?3, ?4)",
        params![version.object.as_str(), version.name, version.since.as_str(), access],
    )
    .map(drop)
}

fn put_fault(db: &Connection, fault: &FaultRecord) -> Result<(), StoreError> {
    run(
        db,
        "INSERT OR REPLACE INTO faults (item, context, object, class, text, exception_id, \
         fingerprint, attempts, first_ms, last_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            fault.item.as_str(),
            fault.context.map(|context| context.0),
            fault.object.as_ref().map(ObjectId::as_str),
            fault.class,
            fault.text,
            fault.exception_id,
            fault.fingerprint,
            fault.attempts,
            fault.first_ms,
            fault.last_ms,
        ],
    )
    .map(drop)
}

fn clear_fault(db: &Connection, item: &ItemName) -> Result<(), StoreError> {
    run(db, "DELETE FROM faults WHERE item = ?1", [item.as_str()]).map(drop)
}

fn known(written: usize, what: &'static str, id: &ObjectId) -> Result<(), StoreError> {
    if written == 0 {
        return Err(StoreError::UnknownObject { what, object: id.clone() });
    }
    Ok(())
}

pub(super) fn run(db: &Connection, sql: &str, params: impl Params) -> Result<usize, StoreError> {
    db.prepare_cached(sql)
        .and_then(|mut statement| statement.execute(params))
        .map_err(failed("write to"))
}
