//! What a mirror of the objects needs to know: what changed, and what of an object OX is not made of.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::super::{Change, Extra, StoreError};
use super::codec::{self, signed, unsigned};
use super::write::run;
use super::{failed, read};
use crate::model::digest::content_digest;
use crate::model::{ContextId, ObjectId};

/// Options that nearly every object has are not kept: an object without any counts as having these.
const USUAL_OPTIONS: &str = "[\"default\"]";

/// Whether there is a mirror.
pub(super) fn is_on(db: &Connection) -> Result<bool, StoreError> {
    read::prepare(db, "SELECT 1 FROM mirror")?.exists([]).map_err(failed("read"))
}

/// Begins or gives up the mirror.
pub(super) fn turn(db: &Connection, on: bool) -> Result<(), StoreError> {
    match (is_on(db)?, on) {
        (false, true) => {
            run(db, "INSERT INTO mirror (one) VALUES (1)", [])?;
            run(db, "INSERT OR REPLACE INTO unmirrored (object) SELECT id FROM objects", [])
                .map(drop)
        }
        (true, false) => {
            run(db, "DELETE FROM mirror", [])?;
            run(db, "DELETE FROM unmirrored", [])?;
            run(db, "UPDATE extras SET digest = NULL, photo = NULL", []).map(drop)
        }
        _ => Ok(()),
    }
}

/// Writes down the objects that changes are about.
pub(super) fn note<'c>(
    db: &Connection,
    changes: impl Iterator<Item = &'c Change>,
) -> Result<(), StoreError> {
    let about = |change: &'c Change| match change {
        Change::PutObject { id, .. }
        | Change::PutExtra { id, .. }
        | Change::ForgetObject { id }
        | Change::PutPlacement { id, .. }
        | Change::DropPlacement { id, .. } => Some(id),
        _ => None,
    };
    let objects: BTreeSet<&ObjectId> = changes.filter_map(about).collect();
    objects.into_iter().try_for_each(|id| note_one(db, id))
}

/// Writes down one object; it gets a new number.
pub(super) fn note_one(db: &Connection, id: &ObjectId) -> Result<(), StoreError> {
    run(db, "INSERT OR REPLACE INTO unmirrored (object) VALUES (?1)", [id.as_str()]).map(drop)
}

/// Writes down all objects that are in a context.
pub(super) fn note_placed(db: &Connection, context: ContextId) -> Result<(), StoreError> {
    run(
        db,
        "INSERT OR REPLACE INTO unmirrored (object) \
         SELECT o.id FROM placements p JOIN objects o ON o.nr = p.object WHERE p.context = ?1",
        [context.0],
    )
    .map(drop)
}

/// What changed after a number.
pub(super) fn unmirrored(
    db: &Connection,
    after: u64,
    limit: usize,
) -> Result<Vec<(u64, ObjectId)>, StoreError> {
    let read = failed("read");
    let mut select =
        read::prepare(db, "SELECT nr, object FROM unmirrored WHERE nr > ?1 ORDER BY nr LIMIT ?2")?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = select
        .query_map(params![signed(after), limit], |row| {
            Ok((unsigned(row.get(0)?), ObjectId::new(&row.get::<_, String>(1)?)))
        })
        .map_err(&read)?;
    rows.collect::<Result<_, _>>().map_err(&read)
}

/// Strikes off what was written down up to a number.
pub(super) fn strike(db: &Connection, up_to: u64) -> Result<(), StoreError> {
    run(db, "DELETE FROM unmirrored WHERE nr <= ?1", [signed(up_to)]).map(drop)
}

/// Keeps what came with an object; the photo only if somebody will want to see it.
pub(super) fn put_extra(
    db: &Connection,
    id: &ObjectId,
    extra: &Extra,
    mirrored: bool,
) -> Result<(), StoreError> {
    let options = extra.options.as_ref().map(|options| codec::to_json("options", options));
    let options = options.transpose()?.filter(|options| options != USUAL_OPTIONS);
    let photo = extra.photo.as_ref().filter(|_| mirrored);
    let digest = photo.map(|photo| content_digest(photo));
    let nr: Option<i64> = read::prepare(db, "SELECT nr FROM objects WHERE id = ?1")?
        .query_row([id.as_str()], |row| row.get(0))
        .optional()
        .map_err(failed("read"))?;
    let Some(nr) = nr else {
        return Err(StoreError::UnknownObject { what: "what came with it", object: id.clone() });
    };
    if options.is_none() && digest.is_none() {
        return run(db, "DELETE FROM extras WHERE object = ?1", [nr]).map(drop);
    }
    // A photo is by far the longest part of an object and nearly always the same.
    let same = run(
        db,
        "UPDATE extras SET options = ?2 WHERE object = ?1 AND digest IS ?3",
        params![nr, options, digest],
    )?;
    if same > 0 {
        return Ok(());
    }
    run(
        db,
        "INSERT OR REPLACE INTO extras (object, options, digest, photo) VALUES (?1, ?2, ?3, ?4)",
        params![nr, options, digest, photo],
    )
    .map(drop)
}

/// What came with an object.
pub(super) fn extra(db: &Connection, id: &ObjectId) -> Result<Extra, StoreError> {
    let read = failed("read");
    let mut select = read::prepare(
        db,
        "SELECT e.options, e.photo FROM extras e JOIN objects o ON o.nr = e.object WHERE o.id = ?1",
    )?;
    let found: Option<(Option<String>, Option<String>)> = select
        .query_row([id.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
        .map_err(&read)?;
    let (options, photo) = found.unwrap_or_default();
    let options = options.as_deref().unwrap_or(USUAL_OPTIONS);
    Ok(Extra { options: Some(codec::from_json("options", options)?), photo })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::SqliteStore;
    use super::*;
    use crate::model::{Dn, ObjectKind};
    use crate::store::{Placement, Store as _};

    fn store() -> (tempfile::TempDir, SqliteStore) {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("drover.db")).unwrap();
        store.set_mirrored(true).unwrap();
        (folder, store)
    }

    fn id(text: &str) -> ObjectId {
        ObjectId::new(text)
    }

    fn put(object: &str) -> Change {
        Change::PutObject {
            id: id(object),
            kind: ObjectKind::User,
            dn: Dn::new(&format!("uid={object},dc=x")),
            properties: None,
            members: Vec::new(),
        }
    }

    fn place(object: &str, context: u32) -> Change {
        let placement = Placement::Context {
            name: object.to_owned(),
            quota_mb: 1,
            extras: crate::model::ContextExtras::default(),
        };
        Change::PutPlacement { id: id(object), context: ContextId(context), placement }
    }

    fn names(found: &[(u64, ObjectId)]) -> Vec<&str> {
        found.iter().map(|(_, id)| id.as_str()).collect()
    }

    #[test]
    fn what_changes_while_it_is_mirrored_is_not_struck_off() {
        let (_folder, store) = store();
        store.commit(&[vec![put("a"), place("a", 1)], vec![put("b")]]).unwrap();
        let found = store.unmirrored(0, 10).unwrap();
        assert_eq!(names(&found), ["a", "b"]);
        let last = found[1].0;
        // Changed again before the mirror says that it is through.
        store.commit(&[vec![put("a")]]).unwrap();
        store.mirrored(last);
        store.commit(&[vec![put("c")]]).unwrap();
        assert_eq!(names(&store.unmirrored(0, 10).unwrap()), ["a", "c"]);
        assert_eq!(names(&store.unmirrored(last, 1).unwrap()), ["a"]);
        store.mirrored(store.unmirrored(0, 10).unwrap()[1].0);
        store.strike_mirrored().unwrap();
        assert_eq!(store.unmirrored(0, 10).unwrap(), []);
        store.commit(&[vec![Change::ForgetObject { id: id("a") }]]).unwrap();
        let next = store.unmirrored(0, 10).unwrap();
        assert_eq!(names(&next), ["a"], "who is gone is to be mirrored, too");
        assert!(next[0].0 > last, "no number is given twice");
        store.mirrored(next[0].0);
        store.commit(&[vec![place("b", 7)]]).unwrap();
        store.mirrored(store.unmirrored(0, 10).unwrap().last().unwrap().0);
        store.strike_mirrored().unwrap();
        store.commit(&[vec![Change::DropContext { context: ContextId(7) }]]).unwrap();
        assert_eq!(names(&store.unmirrored(0, 10).unwrap()), ["b"]);
        store.set_mirrored(false).unwrap();
        store.commit(&[vec![put("b")]]).unwrap();
        assert_eq!(store.unmirrored(0, 10).unwrap(), []);
        store.set_mirrored(true).unwrap();
        assert_eq!(names(&store.unmirrored(0, 10).unwrap()), ["b", "c"]);
    }

    #[test]
    fn photos_are_kept_for_a_mirror_only_and_usual_options_never() {
        let (_folder, store) = store();
        let extra = |options, photo: Option<&str>| Extra {
            options: Some(options),
            photo: photo.map(str::to_owned),
        };
        let keep = |extra: &Extra| {
            let extra = Change::PutExtra { id: id("a"), extra: extra.clone() };
            store.commit(&[vec![put("a"), extra]]).unwrap();
            store.reader().extra(&id("a")).unwrap()
        };
        for kept in [
            extra(json!(["default"]), None),
            extra(json!(["default"]), Some("YWJj")),
            extra(json!(["other"]), Some("YWJj")),
            extra(json!(["other"]), Some("YWJk")),
            extra(json!([]), None),
        ] {
            assert_eq!(keep(&kept), kept);
        }
        keep(&extra(json!(["default"]), Some("YWJj")));
        store.set_mirrored(false).unwrap();
        assert_eq!(store.reader().extra(&id("a")).unwrap().photo, None);
        assert_eq!(keep(&extra(json!([1]), Some("YWJj"))), extra(json!([1]), None));
        let nobody = Change::PutExtra { id: id("x"), extra: Extra::default() };
        assert!(store.commit(&[vec![nobody]]).is_err());
        store.commit(&[vec![Change::ForgetObject { id: id("a") }]]).unwrap();
        assert_eq!(store.reader().extra(&id("a")).unwrap().options, Some(json!(["default"])));
    }

    #[test]
    fn the_bell_rings_after_each_commit() {
        use std::sync::Arc;
        use std::sync::atomic::{AtomicU32, Ordering};
        let (_folder, store) = store();
        let rung = Arc::new(AtomicU32::new(0));
        let ring = rung.clone();
        store.after_commits(move || {
            ring.fetch_add(1, Ordering::Relaxed);
        });
        store.commit(&[vec![put("a")]]).unwrap();
        store.commit(&[vec![put("b")]]).unwrap();
        assert_eq!(rung.load(Ordering::Relaxed), 2);
    }
}
