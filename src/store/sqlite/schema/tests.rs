use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use super::super::{SqliteStore, connect, file};
use super::*;
use crate::model::{Dn, Fate, ItemName, ObjectId, ObjectKind};
use crate::store::{Change, FaultRecord, Store as _};

fn put(id: &str) -> Change {
    Change::PutObject {
        id: ObjectId::new(id),
        kind: ObjectKind::User,
        dn: Dn::new("uid=a,dc=x"),
        properties: None,
        members: Vec::new(),
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// The name of a file beside the database.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", path.display()))
}

/// The newest version.
fn newest() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap()
}

/// A database of the newest version with one object, and its folder.
fn database() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("drover.db");
    let store = SqliteStore::open(&path).unwrap();
    store.commit(&[vec![put("u")]]).unwrap();
    (folder, path)
}

/// The newest version's steps and one more.
fn and(sql: &'static str) -> Vec<Step> {
    MIGRATIONS.iter().copied().chain([Step { sql, then: nothing }]).collect()
}

#[test]
fn what_was_committed_is_there_after_reopening() {
    let (_folder, path) = database();
    let store = SqliteStore::open(&path).unwrap();
    assert!(store.object(&ObjectId::new("u")).unwrap().is_some());
    let db = connect(&path).unwrap();
    assert_eq!(version(&db).unwrap(), newest());
    let journal: String = db.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
    assert_eq!(journal, "wal");
}

#[test]
fn a_copy_taken_without_closing_holds_every_returned_commit() {
    // What a crash leaves: the files as they are, no clean shutdown.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("drover.db");
    let store = SqliteStore::open(&path).unwrap();
    store.commit(&[vec![put("u")]]).unwrap();
    assert!(store.commit(&[vec![put("v"), place_unknown()]]).is_err());
    let copy = folder.path().join("copy.db");
    for suffix in ["", "-wal"] {
        fs::copy(beside(&path, suffix), beside(&copy, suffix)).unwrap();
    }
    let after = SqliteStore::open(&copy).unwrap();
    assert!(after.object(&ObjectId::new("u")).unwrap().is_some());
    assert!(after.object(&ObjectId::new("v")).unwrap().is_none());
}

fn place_unknown() -> Change {
    Change::PutPlacement {
        id: ObjectId::new("nobody"),
        context: crate::model::ContextId(1),
        placement: crate::store::Placement::Context {
            name: String::new(),
            quota_mb: 1,
            extras: crate::model::ContextExtras::default(),
        },
    }
}

#[test]
fn a_newer_database_is_refused_and_left_alone() {
    let (_folder, path) = database();
    let db = connect(&path).unwrap();
    db.pragma_update(None, "user_version", newest() + 5).unwrap();
    db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    drop(db);
    let before = fs::read(&path).unwrap();
    let error = SqliteStore::open(&path).unwrap_err();
    let StoreError::Newer { found, known } = error else { panic!("{error}") };
    assert_eq!((found, known), (newest() + 5, newest()));
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn an_older_database_is_copied_and_then_upgraded() {
    let (folder, path) = database();
    let suffix = format!(".v{}", newest());
    let part = beside(&path, &format!("{suffix}.part"));
    fs::write(&part, "left by an upgrade that was cut short").unwrap();
    let mut db = connect(&path).unwrap();
    prepare(&mut db, &path, &and("CREATE TABLE more (x INTEGER) STRICT;")).unwrap();
    assert_eq!(version(&db).unwrap(), newest() + 1);
    db.execute("INSERT INTO more VALUES (1)", []).unwrap();

    let copy = beside(&path, &suffix);
    assert_eq!(mode(&copy), 0o600);
    assert!(!part.exists());
    let old = SqliteStore::open(&copy).unwrap();
    assert!(old.object(&ObjectId::new("u")).unwrap().is_some());
    assert!(matches!(SqliteStore::open(&path), Err(StoreError::Newer { .. })));
    drop(folder);
}

/// The object `u` as the first version wrote it.
fn insert_object(db: &Connection) {
    db.execute(
        "INSERT INTO objects (id, kind, dn, dn_key) \
         VALUES ('u', 'users/user', 'uid=a,dc=x', 'uid=a,dc=x')",
        [],
    )
    .unwrap();
}

#[test]
fn a_database_of_version_1_learns_to_remember_faults() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("drover.db");
    file::make_private(&path).unwrap();
    let mut db = connect(&path).unwrap();
    prepare(&mut db, &path, &MIGRATIONS[..1]).unwrap();
    assert_eq!(version(&db).unwrap(), 1);
    insert_object(&db);
    drop(db);

    let store = SqliteStore::open(&path).unwrap();
    assert!(store.object(&ObjectId::new("u")).unwrap().is_some());
    assert_eq!(store.faults().unwrap(), []);
    let fault = FaultRecord {
        item: ItemName::new("i"),
        context: None,
        object: None,
        class: "local".to_owned(),
        text: "no".to_owned(),
        exception_id: None,
        fingerprint: "local: no".to_owned(),
        attempts: 3,
        first_ms: 1,
        last_ms: 2,
    };
    store.commit(&[vec![Change::PutFault(fault.clone())]]).unwrap();
    drop(store);
    assert_eq!(SqliteStore::open(&path).unwrap().faults().unwrap(), [fault]);
    assert_eq!(version(&connect(&path).unwrap()).unwrap(), newest());
    assert_eq!(version(&connect(&beside(&path, ".v1")).unwrap()).unwrap(), 1);
}

/// A database of version 2 in which three items have ended.
fn database_of_version_2(path: &Path, last_fate: &str) {
    file::make_private(path).unwrap();
    let mut db = connect(path).unwrap();
    prepare(&mut db, path, &MIGRATIONS[..2]).unwrap();
    insert_object(&db);
    for (nr, item, kind, fate) in [
        // In a file that was pruned the numbers begin late.
        (17, "c.json", Some("users/user"), r#"{"fate":"applied"}"#),
        (18, "a.json", None, r#"{"fate":"superseded","by":"z.json"}"#),
        (20, "b.json", Some("groups/group"), last_fate),
    ] {
        db.execute(
            "INSERT INTO items VALUES (?1, ?2, zeroblob(32), 'u', ?3, ?4, 5, 'no', '1-2', 70)",
            rusqlite::params![nr, item, kind, fate],
        )
        .unwrap();
    }
    db.execute(
        "INSERT INTO faults VALUES ('d.json', 7, 'u', 'c', 'no', NULL, 'c: no', 3, 1, 2)",
        [],
    )
    .unwrap();
}

#[test]
fn outcomes_of_version_2_become_items_of_the_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("drover.db");
    database_of_version_2(&path, r#"{"fate":"dropped"}"#);
    let store = SqliteStore::open_keeping(&path, 3).unwrap();
    let audit = store.audit().unwrap();
    assert_eq!((audit.broken, audit.gap), (None, None));
    assert_eq!((audit.counts.taken_in, audit.counts.entries), (3, 6));
    assert_eq!(audit.counts.fates, [1, 0, 1, 1, 0, 0, 0, 0]);
    let ended = store.outcomes(9).unwrap();
    let names: Vec<_> = ended.iter().map(|outcome| outcome.item.as_str()).collect();
    assert_eq!(names, ["b.json", "a.json", "c.json"], "the last one first, as before");
    assert_eq!(ended[0].fate, Fate::removed_by_hand());
    assert_eq!((ended[0].kind, ended[0].attempts), (Some(ObjectKind::Group), 5));
    assert_eq!(store.faults().unwrap()[0].item.as_str(), "d.json");
    let newest = &store.history(&ObjectId::new("u"), 1).unwrap()[0];
    assert_eq!((newest.intake, newest.taken_ms, newest.ended_ms), (3, 70, Some(70)));

    let again = |digest| Change::TakeIn {
        item: ItemName::new("c.json"),
        digest,
        object: None,
        kind: None,
        at_ms: 80,
    };
    store.commit(&[vec![again([0; 32])]]).unwrap();
    assert_eq!(store.open_items().unwrap(), [], "it was done before the upgrade");
    store.commit(&[vec![again([1; 32])]]).unwrap();
    assert_eq!(store.open_items().unwrap()[0].intake, 4);
    drop(store);
    let audit = SqliteStore::open(&path).unwrap().audit().unwrap();
    assert_eq!((audit.broken, audit.gap, audit.counts.taken_in), (None, None, 4));
    assert_eq!(version(&connect(&beside(&path, ".v2")).unwrap()).unwrap(), 2);
}

#[test]
fn an_upgrade_that_finds_an_unreadable_outcome_leaves_the_old_version() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("drover.db");
    database_of_version_2(&path, r#"{"fate":"of another world"}"#);
    let error = SqliteStore::open(&path).unwrap_err();
    assert!(matches!(error, StoreError::Unreadable { what: "fate", .. }), "{error}");
    let db = connect(&path).unwrap();
    assert_eq!(version(&db).unwrap(), 2);
    let items: i64 = db.query_row("SELECT count(*) FROM items", [], |row| row.get(0)).unwrap();
    assert_eq!(items, 3);
}

#[test]
fn a_database_of_version_5_learns_to_be_mirrored() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("drover.db");
    fs::write(&path, "").unwrap();
    let mut db = connect(&path).unwrap();
    prepare(&mut db, &path, &MIGRATIONS[..5]).unwrap();
    insert_object(&db);
    drop(db);
    let store = SqliteStore::open(&path).unwrap();
    assert!(beside(&path, ".v5").exists());
    assert_eq!(store.unmirrored(0, 10).unwrap(), [], "nobody mirrors it yet");
    store.set_mirrored(true).unwrap();
    let unmirrored = store.unmirrored(0, 10).unwrap();
    assert_eq!(unmirrored.iter().map(|(_, id)| id.as_str()).collect::<Vec<_>>(), ["u"]);
    let extra = store.reader().extra(&ObjectId::new("u")).unwrap();
    assert_eq!(extra.options, Some(serde_json::json!(["default"])));
    assert_eq!(store.doubts().unwrap(), []);
}

#[test]
fn an_upgrade_that_fails_leaves_the_old_version() {
    let (_folder, path) = database();
    let mut db = connect(&path).unwrap();
    let steps = and("CREATE TABLE more (x INTEGER); CREATE TABLE objects (y INTEGER);");
    assert!(prepare(&mut db, &path, &steps).is_err());
    assert_eq!(version(&db).unwrap(), newest());
    drop(db);
    let store = SqliteStore::open(&path).unwrap();
    assert!(store.object(&ObjectId::new("u")).unwrap().is_some());
}

/// Rules: D50
#[test]
fn only_the_owner_may_read_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("drover.db");
    fs::write(&path, "").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let store = SqliteStore::open(&path).unwrap();
    store.commit(&[vec![put("u")]]).unwrap();
    for suffix in ["", "-wal", "-shm"] {
        assert_eq!(mode(&beside(&path, suffix)), 0o600, "{suffix}");
    }
}

#[test]
fn a_file_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = SqliteStore::open(&folder.path().join("no/such/drover.db")).unwrap_err();
    assert!(error.to_string().contains("no/such/drover.db"), "{error}");
    assert!(file::make_private(folder.path()).is_err(), "a folder is no file");
}

#[test]
fn foreign_files_are_not_taken_for_a_database() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("drover.db");
    fs::write(&path, "this is no database, but long enough to look at; ".repeat(40)).unwrap();
    assert!(matches!(SqliteStore::open(&path), Err(StoreError::Database { .. })));
}

#[test]
fn readers_see_whole_commits_while_the_writer_writes() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("drover.db")).unwrap();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for n in 0..30 {
                store.commit(&[vec![put(&format!("a{n}")), put(&format!("b{n}"))]]).unwrap();
            }
        });
        while !writer.is_finished() {
            let mut count = 0;
            store.objects(&mut |_| count += 1).unwrap();
            assert_eq!(count % 2, 0, "half a commit was seen");
        }
    });
    let mut count = 0;
    store.objects(&mut |_| count += 1).unwrap();
    assert_eq!(count, 60);
}
