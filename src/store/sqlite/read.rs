//! Queries. Each is called inside a read transaction.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{CachedStatement, Connection, Row, Rows};

use super::super::{
    FaultRecord, Journey, Mark, ObjectRecord, Placement, ProfileVersion, StoreError,
};
use super::{codec, failed};
use crate::model::{ContextId, Dn, DnKey, ItemName, ObjectId};

/// Everything known of one object.
pub(super) fn object(db: &Connection, id: &ObjectId) -> Result<Option<ObjectRecord>, StoreError> {
    let mut select = prepare(db, "SELECT nr, id, kind, dn, properties FROM objects WHERE id = ?1")?;
    let mut rows = select.query([id.as_str()]).map_err(failed("read"))?;
    let Some(row) = rows.next().map_err(failed("read"))? else { return Ok(None) };
    let (nr, mut record) = bare_record(row)?;
    let mut formers =
        prepare(db, "SELECT object, dn_key FROM former_dns WHERE object = ?1 ORDER BY nr")?;
    let mut placed = prepare(db, "SELECT object, context, body FROM placements WHERE object = ?1")?;
    let mut journeys = prepare(
        db,
        "SELECT object, from_context, to_context, ox_id, name, copying FROM journeys \
         WHERE object = ?1",
    )?;
    let mut begun = prepare(db, "SELECT object, context, body FROM begun WHERE object = ?1")?;
    record.begun = Belongings::new(query(&mut begun, nr)?, placement).of(nr)?.into_iter().collect();
    record.former_dns = Belongings::new(query(&mut formers, nr)?, former).of(nr)?;
    record.placements =
        Belongings::new(query(&mut placed, nr)?, placement).of(nr)?.into_iter().collect();
    record.journey = Belongings::new(query(&mut journeys, nr)?, journey).of(nr)?.pop();
    Ok(Some(record))
}

/// Every object, with one pass over each table side by side: millions of single look-ups would
/// make the start slow.
pub(super) fn objects(
    db: &Connection,
    each: &mut dyn FnMut(ObjectRecord),
) -> Result<(), StoreError> {
    let read = failed("read");
    let mut formers = prepare(db, "SELECT object, dn_key FROM former_dns ORDER BY object, nr")?;
    let mut placed =
        prepare(db, "SELECT object, context, body FROM placements ORDER BY object, context")?;
    let mut journeys = prepare(
        db,
        "SELECT object, from_context, to_context, ox_id, name, copying FROM journeys \
         ORDER BY object",
    )?;
    let mut begun =
        prepare(db, "SELECT object, context, body FROM begun ORDER BY object, context")?;
    let mut begun = Belongings::new(begun.query([]).map_err(&read)?, placement);
    let mut formers = Belongings::new(formers.query([]).map_err(&read)?, former);
    let mut placed = Belongings::new(placed.query([]).map_err(&read)?, placement);
    let mut journeys = Belongings::new(journeys.query([]).map_err(&read)?, journey);
    let mut select = prepare(db, "SELECT nr, id, kind, dn, properties FROM objects ORDER BY nr")?;
    let mut rows = select.query([]).map_err(&read)?;
    while let Some(row) = rows.next().map_err(&read)? {
        let (nr, mut record) = bare_record(row)?;
        record.former_dns = formers.of(nr)?;
        record.placements = placed.of(nr)?.into_iter().collect();
        record.journey = journeys.of(nr)?.pop();
        record.begun = begun.of(nr)?.into_iter().collect();
        each(record);
    }
    Ok(())
}

/// The id of every object.
pub(super) fn ids(db: &Connection, each: &mut dyn FnMut(ObjectId)) -> Result<(), StoreError> {
    let mut select = prepare(db, "SELECT id FROM objects ORDER BY nr")?;
    let mut rows = select.query([]).map_err(failed("read"))?;
    while let Some(row) = rows.next().map_err(failed("read"))? {
        each(object_id(row, 0)?);
    }
    Ok(())
}

/// Objects that name one of the members.
pub(super) fn naming(db: &Connection, members: &[DnKey]) -> Result<Vec<ObjectId>, StoreError> {
    let read = failed("read");
    let mut select = prepare(
        db,
        "SELECT o.id FROM members m JOIN objects o ON o.nr = m.object WHERE m.dn_key = ?1",
    )?;
    let mut naming = BTreeSet::new();
    for member in members {
        let mut rows = select.query([member.as_str()]).map_err(&read)?;
        while let Some(row) = rows.next().map_err(&read)? {
            naming.insert(object_id(row, 0)?);
        }
    }
    Ok(naming.into_iter().collect())
}

/// All marks.
pub(super) fn marks(db: &Connection) -> Result<Vec<Mark>, StoreError> {
    read_marks(db, "SELECT object, context FROM marks")
}

/// Contexts whose users' numbers are to be looked up anew.
pub(super) fn doubts(db: &Connection) -> Result<Vec<ContextId>, StoreError> {
    let read = failed("read");
    let mut select = prepare(db, "SELECT context FROM doubts ORDER BY context")?;
    let contexts = select.query_map([], |row| row.get(0).map(ContextId)).map_err(&read)?;
    contexts.collect::<Result<_, _>>().map_err(&read)
}

/// Whether something was taken over before.
pub(super) fn is_taken_over(db: &Connection, what: &str) -> Result<bool, StoreError> {
    let mut select = prepare(db, "SELECT 1 FROM taken_over WHERE what = ?1")?;
    select.exists([what]).map_err(failed("read"))
}

/// All objects to be provisioned again.
pub(super) fn repairs(db: &Connection) -> Result<Vec<Mark>, StoreError> {
    read_marks(db, "SELECT object, context FROM repairs")
}

fn read_marks(db: &Connection, sql: &str) -> Result<Vec<Mark>, StoreError> {
    let read = failed("read");
    let mut select = prepare(db, sql)?;
    let mut rows = select.query([]).map_err(&read)?;
    let mut marks = BTreeSet::new();
    while let Some(row) = rows.next().map_err(&read)? {
        let context = ContextId(row.get(1).map_err(&read)?);
        marks.insert(Mark { object: object_id(row, 0)?, context });
    }
    Ok(marks.into_iter().collect())
}

/// All versions of profiles, in the order of the items that made them, which SQL does not know.
pub(super) fn profiles(db: &Connection) -> Result<Vec<ProfileVersion>, StoreError> {
    let read = failed("read");
    let mut select = prepare(db, "SELECT object, name, since, access FROM profiles")?;
    let mut rows = select.query([]).map_err(&read)?;
    let mut versions = BTreeMap::new();
    while let Some(row) = rows.next().map_err(&read)? {
        let access: Option<String> = row.get(3).map_err(&read)?;
        let version = ProfileVersion {
            object: object_id(row, 0)?,
            name: row.get(1).map_err(&read)?,
            since: ItemName::new(&row.get::<_, String>(2).map_err(&read)?),
            access: access.as_deref().map(|text| codec::from_json("profile", text)).transpose()?,
        };
        let place = (version.since.clone(), version.object.clone(), version.name.clone());
        versions.insert(place, version);
    }
    Ok(versions.into_values().collect())
}

/// All faults, in the order of their items, which SQL does not know.
pub(super) fn faults(db: &Connection) -> Result<Vec<FaultRecord>, StoreError> {
    let read = failed("read");
    let mut select = prepare(
        db,
        "SELECT item, context, object, class, text, exception_id, fingerprint, attempts, first_ms, \
         last_ms FROM faults",
    )?;
    let mut rows = select.query([]).map_err(&read)?;
    let mut faults = Vec::new();
    while let Some(row) = rows.next().map_err(&read)? {
        faults.push(codec::fault(row).map_err(&read)?);
    }
    faults.sort_by(|a, b| a.item.cmp(&b.item));
    Ok(faults)
}

/// Who has a DN; if nobody has, who had it.
pub(super) fn holders(db: &Connection, dn: &DnKey) -> Result<Vec<ObjectId>, StoreError> {
    for sql in [
        "SELECT id FROM objects WHERE dn_key = ?1 ORDER BY id",
        "SELECT o.id FROM former_dns f JOIN objects o ON o.nr = f.object WHERE f.dn_key = ?1",
    ] {
        let mut select = prepare(db, sql)?;
        let mut rows = select.query([dn.as_str()]).map_err(failed("read"))?;
        let mut holders = Vec::new();
        while let Some(row) = rows.next().map_err(failed("read"))? {
            holders.push(object_id(row, 0)?);
        }
        if !holders.is_empty() {
            return Ok(holders);
        }
    }
    Ok(Vec::new())
}

pub(super) fn prepare<'a>(
    db: &'a Connection,
    sql: &str,
) -> Result<CachedStatement<'a>, StoreError> {
    db.prepare_cached(sql).map_err(failed("read"))
}

fn query<'a>(select: &'a mut CachedStatement<'_>, nr: i64) -> Result<Rows<'a>, StoreError> {
    select.query([nr]).map_err(failed("read"))
}

fn object_id(row: &Row<'_>, column: usize) -> Result<ObjectId, StoreError> {
    Ok(ObjectId::new(&row.get::<_, String>(column).map_err(failed("read"))?))
}

/// A row of `objects` as a record without what other tables hold.
fn bare_record(row: &Row<'_>) -> Result<(i64, ObjectRecord), StoreError> {
    let read = failed("read");
    let kind: String = row.get(2).map_err(&read)?;
    let dn: String = row.get(3).map_err(&read)?;
    let properties: Option<String> = row.get(4).map_err(&read)?;
    let record = ObjectRecord {
        id: object_id(row, 1)?,
        kind: codec::kind(&kind)?,
        dn: Dn::new(&dn),
        former_dns: Vec::new(),
        properties: properties.map(|text| codec::from_json("object", &text)).transpose()?,
        placements: BTreeMap::new(),
        journey: None,
        begun: BTreeMap::new(),
    };
    Ok((row.get(0).map_err(&read)?, record))
}

fn former(row: &Row<'_>) -> Result<DnKey, StoreError> {
    codec::dn_key(&row.get::<_, String>(1).map_err(failed("read"))?)
}

fn placement(row: &Row<'_>) -> Result<(ContextId, Placement), StoreError> {
    let body: String = row.get(2).map_err(failed("read"))?;
    let context = ContextId(row.get(1).map_err(failed("read"))?);
    Ok((context, codec::from_json("placement", &body)?))
}

fn journey(row: &Row<'_>) -> Result<Journey, StoreError> {
    codec::journey(row, 1).map_err(failed("read"))
}

/// Rows of another table, in the order of the objects they belong to (column 0).
struct Belongings<'s, T> {
    rows: Rows<'s>,
    read: fn(&Row<'_>) -> Result<T, StoreError>,
    ahead: Option<(i64, T)>,
}

impl<'s, T> Belongings<'s, T> {
    fn new(rows: Rows<'s>, read: fn(&Row<'_>) -> Result<T, StoreError>) -> Self {
        Self { rows, read, ahead: None }
    }

    /// What belongs to object `nr`; asked for ascending numbers.
    fn of(&mut self, nr: i64) -> Result<Vec<T>, StoreError> {
        let mut found = Vec::new();
        loop {
            let (owner, value) = match self.ahead.take() {
                Some(ahead) => ahead,
                None => match self.rows.next().map_err(failed("read"))? {
                    Some(row) => (row.get(0).map_err(failed("read"))?, (self.read)(row)?),
                    None => return Ok(found),
                },
            };
            match owner.cmp(&nr) {
                std::cmp::Ordering::Less => {}
                std::cmp::Ordering::Equal => found.push(value),
                std::cmp::Ordering::Greater => {
                    self.ahead = Some((owner, value));
                    return Ok(found);
                }
            }
        }
    }
}
