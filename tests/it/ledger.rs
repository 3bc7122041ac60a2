//! `drover ledger` and `drover history`, as they are typed.

use drover::cli::Exit;
use drover::model::Fate;
use drover::sim::{Effect, Rule};
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::scene::assert_holds;
use crate::world::{Run, World, context, eventually, file, gone, user, with};

/// A data folder on which a few items were done, one stands still and one waits behind it.
fn some_items() -> World {
    let world = World::new();
    let text = "poisoned".to_owned();
    let effect = Effect::Fault { class: "StorageException".to_owned(), text };
    world.sim.script(Rule::new(effect).on("OXUserService", "createByModuleAccess").named("bad"));
    world.put(&file(1), &user("anna", 10));
    world.put(&file(2), &with(user("anna", 10), json!({"lastname": "Neu"})));
    world.put(&file(3), &user("short", 10));
    world.put(&file(4), &gone(user("short", 10)));
    world.put(&file(5), &user("bad", 10));
    world.put(&file(6), &user("behind", 10));
    assert_eq!(world.run_once().code, 3);
    world
}

fn exit(run: &Run) -> i32 {
    assert_eq!(run.log, "", "nothing but what was asked for");
    run.code
}

fn json_of(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|e| panic!("{e}: {run:?}"))
}

fn database(world: &World) -> Connection {
    Connection::open(world.data.path().join("drover.db")).unwrap()
}

fn code(exit: Exit) -> i32 {
    i32::from(exit.code())
}

// OBS-07, SRC-07
#[test]
fn the_ledger_counts_intake_against_fates() {
    let world = some_items();
    let told = world.ask("ledger", &[]);
    assert_eq!(exit(&told), 0);
    assert_holds(&told.stdout, &["every item that was taken in has its fate", "every entry fits"]);
    let told = world.ask("ledger", &["--json"]);
    assert_eq!(exit(&told), 0);
    let told = json_of(&told);
    assert_eq!(told["taken_in"], 6);
    let fates = &told["fates"];
    let count = |name: &str| fates[name].as_u64().unwrap();
    assert_eq!(Fate::NAMES.iter().map(|name| count(name)).sum::<u64>(), 6);
    assert_eq!((count("applied"), count("superseded")), (1, 2));
    assert_eq!((count("faulty"), count("pending"), count("no-op")), (1, 1, 1));
    assert_eq!((&told["complete"], &told["agree"]), (&json!(true), &json!(true)));
    assert_eq!(told["entries"], 10, "six in, four out");
    // A file that came while nothing runs was not taken in, and is no gap.
    world.put(&file(7), &context(11));
    let told = json_of(&world.ask("ledger", &["--json"]));
    assert_eq!((&told["queue_files_never_taken_in"], &told["complete"]), (&json!(1), &json!(true)));
}

#[test]
fn a_changed_entry_and_a_missing_item_are_named() {
    let world = some_items();
    database(&world)
        .execute("UPDATE ledger SET event = replace(event, 'applied', 'Applied') WHERE nr = 8", [])
        .unwrap();
    let told = world.ask("ledger", &[]);
    assert_eq!(exit(&told), code(Exit::Gap));
    assert_holds(&told.stdout, &["chain: entry 8 was changed", "the ledger is not complete"]);

    let world = some_items();
    database(&world).execute("DELETE FROM items WHERE intake = 3", []).unwrap();
    let told = world.ask("ledger", &[]);
    assert_eq!(exit(&told), code(Exit::Gap));
    let first = format!("first gap: intake 3 ({}) was taken in, and nothing is known", file(3));
    assert_holds(&told.stdout, &[&first, "every entry fits", "counts: 6 taken in, 5 with a fate"]);
    let told = json_of(&world.ask("ledger", &["--json"]));
    assert_eq!(told["first_gap"]["intake"], 3);
    assert_eq!((&told["gaps"], &told["broken_entry"]), (&json!(1), &Value::Null));

    let world = some_items();
    database(&world).execute("DELETE FROM ledger WHERE nr = 4", []).unwrap();
    let told = world.ask("ledger", &[]);
    assert_eq!(exit(&told), code(Exit::Gap));
    assert_holds(&told.stdout, &["chain: entry 4 is missing"]);
}

#[test]
fn an_open_item_whose_file_went_is_named_until_drover_has_dropped_it() {
    let world = some_items();
    std::fs::remove_file(world.queue_dir().join(file(6))).unwrap();
    let told = world.ask("ledger", &[]);
    assert_eq!(exit(&told), code(Exit::Gap));
    let first = format!("first file gone: intake 6 ({}) is pending", file(6));
    assert_holds(&told.stdout, &[&first]);
    world.run_once();
    assert_eq!(exit(&world.ask("ledger", &[])), 0);
    assert_holds(
        &world.ask("history", &[&file(6)]).stdout,
        &["dropped: its file was removed by hand"],
    );
}

#[test]
fn the_ledger_can_be_asked_while_the_service_runs() {
    let world = World::new();
    let service = world.serve();
    for n in 1..=40 {
        world.put(&file(n), &user(&format!("u{n}"), 10));
    }
    let mut asked = 0;
    eventually("all items are through", || {
        let told = world.ask("ledger", &["--json"]);
        if told.code == code(Exit::DataDir) {
            return false;
        }
        asked += 1;
        let told = json_of(&told);
        assert_eq!(told["complete"], true, "{told}");
        told["fates"]["applied"] == 40
    });
    assert!(asked > 0);
    assert_eq!(service.terminate().0, 0);
    world.assert_accounted_for();
}

// OBS-07
#[test]
fn a_history_tells_newest_first_what_happened_and_why() {
    let world = some_items();
    let told = world.ask("history", &["user-anna"]);
    assert_eq!(exit(&told), 0);
    let lines: Vec<&str> = told.stdout.lines().collect();
    assert_eq!(lines[0], format!("{}  applied", file(2)));
    assert_holds(lines[1], &["user user-anna, intake 2, taken in 20", "ended 20", "attempts: 1"]);
    assert_eq!(lines[2], format!("{}  superseded: by {}", file(1), file(2)));
    let one = world.ask("history", &["user-anna", "--limit", "1"]);
    assert_eq!(one.stdout.lines().count(), 2);

    let by_dn = world.ask("history", &["UID=anna, cn=users,dc=heide,dc=example"]);
    assert_eq!((exit(&by_dn), by_dn.stdout), (0, told.stdout));

    let skipped = world.ask("history", &["user-short"]);
    assert_holds(
        &skipped.stdout,
        &[&format!("{}  no-op: ", file(4)), &format!("{}  superseded: by {}", file(3), file(4))],
    );

    let faulty = world.ask("history", &[&file(5)]);
    assert_holds(&faulty.stdout, &["  faulty", "attempts: 3", "last fault: ", "poisoned"]);
    let faulty = json_of(&world.ask("history", &[&file(5), "--json"]));
    assert_eq!(faulty[0]["fate"], "faulty");
    assert_eq!((&faulty[0]["attempts"], &faulty[0]["final"]), (&json!(3), &json!(false)));
    assert_eq!((&faulty[0]["object"], &faulty[0]["kind"]), (&json!("user-bad"), &json!("user")));
    assert!(!faulty[0]["exception_id"].as_str().unwrap().is_empty());
    assert_eq!(faulty[0]["ended_ms"], Value::Null);
}

#[test]
fn what_is_not_known_and_what_cannot_be_read_have_codes_of_their_own() {
    let world = some_items();
    let told = world.ask("history", &["nobody"]);
    assert_eq!((told.code, told.stdout.as_str()), (code(Exit::Nothing), ""));
    assert_holds(&told.log, &["no item of nobody is remembered"]);
    let told = world.ask("history", &["nobody", "--json"]);
    assert_eq!((told.code, json_of(&told)), (code(Exit::Nothing), json!([])));

    let empty = World::new();
    for command in [&["ledger"][..], &["history", "x"]] {
        let told = empty.ask(command[0], &command[1..]);
        assert_eq!((told.code, told.stdout.as_str()), (code(Exit::DataDir), ""));
        assert_holds(&told.log, &["there is no state database", "drover.db"]);
    }
    assert!(!empty.data.path().join("drover.db").exists(), "looking makes nothing");

    let told = world.ask("ledger", &["--config", "/nowhere/x.toml"]);
    assert_eq!(told.code, code(Exit::Settings));
    database(&world).pragma_update(None, "user_version", 2).unwrap();
    let told = world.ask("ledger", &[]);
    assert_eq!(told.code, code(Exit::DataDir));
    assert_holds(&told.log, &["schema version 2", "start drover once"]);
}

#[test]
fn ended_items_beyond_the_setting_are_only_counted() {
    let mut world = World::new();
    world.env.insert("DROVER__LEDGER__KEEP".into(), "1000".into());
    for n in 1..=1100 {
        // Nobody's deletion: no call is needed.
        world.put(&file(n), &gone(user(&format!("u{n}"), 10)));
    }
    world.provision();
    let told = world.ask("ledger", &["--json"]);
    assert_eq!(exit(&told), 0);
    let told = json_of(&told);
    assert_eq!((&told["taken_in"], &told["pruned"]), (&json!(1100), &json!(100)));
    assert_eq!(told["fates"]["no-op"], 1100);
    assert_eq!(world.ask("history", &[&file(1)]).code, code(Exit::Nothing));
    assert_eq!(world.ask("history", &[&file(1100)]).code, 0);
    world.env.insert("DROVER__LEDGER__KEEP".into(), "10".into());
    assert_eq!(world.ask("ledger", &[]).code, code(Exit::Settings));
}
