//! Folders that are not as they should be: what is odd is named with its cure, the rest goes on.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use super::connector::Layout;
use super::{report, take_over, town};
use crate::scene::{assert_holds, identified};
use crate::world::{user, with};

#[test]
fn broken_double_and_foreign_states_are_named_and_the_others_are_taken_over() {
    let (world, connector) = town(Layout::Files);
    let old = connector.dir().join("listener/old");
    std::fs::write(old.join("torn.json"), r#"{"id": "torn", "udm_obj"#).unwrap();
    std::fs::write(old.join("another.json"), user("bert", 10).to_string()).unwrap();
    let twin = identified(user("anna", 10), "twin");
    std::fs::write(old.join("twin.json"), twin.to_string()).unwrap();
    let odd = with(user("x", 10), json!({"oxContext": "ten"}));
    std::fs::write(old.join("user-x.json"), odd.to_string()).unwrap();
    let mut shared = user("s", 10);
    shared["udm_object_type"] = json!("oxmail/unheard_of");
    std::fs::write(old.join("user-s.json"), shared.to_string()).unwrap();
    let mut deleted = user("d", 10);
    deleted["object"] = json!(null);
    std::fs::write(old.join("user-d.json"), deleted.to_string()).unwrap();
    std::fs::create_dir(old.join("folder.json")).unwrap();
    let run = take_over(&world, connector.dir(), &[]);
    assert_eq!(run.code, 3, "{run:?}");
    assert_holds(
        &run.stdout,
        &[
            "listener/old/torn.json cannot be used",
            "listener/old/user-x.json cannot be used",
            "object.oxContext",
            "listener/old/user-d.json cannot be used",
            "listener/old/another.json is of an object that has another file",
            "have the same DN",
            "1 of kind oxmail/unheard_of",
            "old.db was not read",
        ],
    );
    assert!(!run.stdout.contains("heide.example"), "no addresses: {}", run.stdout);
    // Everybody else came over, bert from the file that is named after him.
    let told = report(&world, connector.dir(), &[]);
    assert_eq!(told["objects"]["user"]["known"], 5);
}

#[test]
fn keys_mapping_and_profiles_come_along_and_what_is_there_already_stays() {
    let (world, connector) = town(Layout::Files);
    std::fs::create_dir_all(connector.dir().join("secrets")).unwrap();
    let keys = json!({
        "master": {"adminuser": "theirs", "adminpass": "theirs"},
        "10": {"adminuser": "theirs", "adminpass": "theirs"},
        "77": {"adminuser": "oxadmin-context77", "adminpass": "new"},
    });
    std::fs::write(connector.dir().join("secrets/contexts.json"), keys.to_string()).unwrap();
    std::fs::write(connector.dir().join("ModuleAccessDefinitions.properties"), "x=webmail\n")
        .unwrap();
    let before = world.credentials();
    let told = report(&world, connector.dir(), &[]);
    assert_eq!(told["keys"], json!(["77"]));
    let after = world.credentials();
    assert_eq!((&after["master"], &after["10"]), (&before["master"], &before["10"]));
    assert_eq!(after["77"], keys["77"]);
    let mode = std::fs::metadata(world.credentials_path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let profiles = world.data.path().join("ModuleAccessDefinitions.properties");
    assert_eq!(std::fs::read_to_string(&profiles).unwrap(), "x=webmail\n");
    std::fs::write(&profiles, "x=contacts\n").unwrap();
    let run = take_over(&world, connector.dir(), &[]);
    assert_eq!(run.code, 3);
    assert_holds(&run.stdout, &["was left as it is", "ModuleAccessDefinitions.properties"]);
    assert_eq!(std::fs::read_to_string(&profiles).unwrap(), "x=contacts\n");
}

#[test]
fn a_context_without_a_key_is_told_and_a_database_that_was_not_closed_is_read() {
    let (world, connector) = town(Layout::Database4);
    let mut keys = world.credentials();
    keys.as_object_mut().unwrap().remove("20");
    world.write_credentials(&keys);
    let db = connector.database();
    db.pragma_update(None, "journal_mode", "wal").unwrap();
    db.execute("UPDATE old SET udm_module = udm_module", []).unwrap();
    connector.task(&user("emil", 10), "2025-05-02 09:00:00");
    // A crash leaves the log beside the database.
    let copy = tempfile::tempdir().unwrap();
    for end in ["", "-wal"] {
        let path = connector.database_path();
        let name = format!("{}{end}", path.file_name().unwrap().to_str().unwrap());
        std::fs::copy(path.with_file_name(&name), copy.path().join(&name)).unwrap();
    }
    assert!(std::fs::metadata(copy.path().join("ox-connector.db-wal")).unwrap().len() > 0);
    let before = super::tree(copy.path());
    let run = take_over(&world, copy.path(), &[]);
    assert_eq!(run.code, 0, "{run:?}");
    assert_holds(
        &run.stdout,
        &["1 contexts have no entry", "for 20", "1 items put into the queue"],
    );
    assert_eq!(super::tree(copy.path()), before);
    drop(db);
}

#[test]
fn what_is_no_connectors_folder_is_refused_with_the_cure() {
    let (world, connector) = town(Layout::Files);
    let empty = tempfile::tempdir().unwrap();
    let refused = |from: &std::path::Path, more: &[&str]| {
        let run = take_over(&world, from, more);
        assert_eq!(run.code, 6, "{run:?}");
        run.log
    };
    assert_holds(&refused(empty.path(), &[]), &["nothing of an OX Connector", "listener/old"]);
    assert_holds(&refused(&empty.path().join("none"), &[]), &["is no folder"]);
    let postgres = ["--database", "postgresql+psycopg2://ox:secret@db/ox"];
    let log = refused(connector.dir(), &postgres);
    assert_holds(&log, &["PostgreSQL", "SQLite file", "--database"]);
    assert!(!log.contains("secret"));
    let other = empty.path().join("other.db");
    rusqlite::Connection::open(&other).unwrap().execute_batch("CREATE TABLE x (y)").unwrap();
    let log = refused(empty.path(), &["--database", other.to_str().unwrap()]);
    assert_holds(&log, &["no table \"old\""]);
    // The stores of early consumers on Kubernetes.
    std::fs::write(empty.path().join("ox_db_id.db"), "").unwrap();
    let run = take_over(&world, empty.path(), &[]);
    assert_eq!(run.code, 0, "{run:?}");
    assert_holds(&run.stdout, &["ox_db_id.db", "resync", "by its name"]);
    let service = world.serve();
    let mut service = service;
    service.wait_for_log(&["has started"]);
    assert_holds(&refused(connector.dir(), &[]), &["stop that one first"]);
}
