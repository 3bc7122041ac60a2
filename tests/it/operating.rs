//! What an operator does at the command line with a running drover.

use serde_json::{Value, json};

use crate::admin::{get, refused, serving, standing};
use crate::scene::ByHand;
use crate::world::{Run, World, context, eventually, file, group, user};

fn queue(world: &World, arguments: &[&str]) -> Run {
    world.ask("queue", arguments)
}

#[track_caller]
fn told(run: &Run, code: i32, parts: &[&str]) {
    assert_eq!(run.code, code, "{}{}", run.stdout, run.log);
    for part in parts {
        let all = format!("{}{}", run.stdout, run.log);
        assert!(all.contains(part), "{all} lacks {part}");
    }
}

fn json_of(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run:?}"))
}

#[test]
fn where_nothing_runs_the_cure_is_told() {
    let world = World::new();
    let path = world.data.path().join("drover.sock").display().to_string();
    let commands: [(&str, &[&str]); 6] = [
        ("queue", &["list"]),
        ("queue", &["drop", "x.json"]),
        ("context", &["hold", "10"]),
        ("resync", &["--all", "--yes"]),
        ("cache", &["rebuild", "--yes"]),
        ("resync", &["anna"]),
    ];
    for (command, arguments) in commands {
        let run = world.ask(command, arguments);
        told(&run, 13, &[&path, "start \"drover run\""]);
    }
    for (command, arguments) in [
        ("resync", &[][..]),
        ("resync", &["anna", "--all"]),
        ("context", &["hold"]),
        ("context", &["hold", "10", "--target"]),
        ("queue", &["list", "--token-file", "x"]),
    ] {
        assert_eq!(world.ask(command, arguments).code, 2, "{command} {arguments:?}");
    }
}

#[test]
fn a_standstill_is_found_understood_and_cured() {
    let (world, service) = standing();
    let run = world.ask("context", &["list"]);
    told(
        &run,
        0,
        &["10       -      stopped  2", "stands still at", "20       ctx20  idle", "2 of 2"],
    );
    let run = world.ask("context", &["list", "--state", "stopped", "--json"]);
    assert_eq!(json_of(&run)["total"], 1);
    told(&world.ask("context", &["list", "--search", "nothing"]), 9, &["0 of 0"]);
    told(&world.ask("context", &["list", "--state", "asleep"]), 14, &["stopped, held"]);
    told(&world.ask("context", &["show", "10"]), 0, &["stands still at", &file(3), &file(4)]);
    told(&world.ask("context", &["show", "11"]), 9, &["drover context list"]);

    told(&queue(&world, &["list"]), 0, &[&file(3), "faulty", &file(4), "pending"]);
    told(&queue(&world, &["list", "--state", "parked"]), 9, &[]);
    told(&queue(&world, &["list", "--type", "cat"]), 14, &["context, "]);
    let run = queue(&world, &["list", "--limit", "1"]);
    told(&run, 0, &[&format!("--after {}", file(3))]);
    let parts = ["exception id", "what to do", "fingerprint", "attempts", "contexts      10"];
    told(&queue(&world, &["show", &file(3)]), 0, &parts);
    told(&queue(&world, &["show", &file(1)]), 0, &["not pending any more", "applied"]);
    told(&queue(&world, &["show", "x.json"]), 9, &["drover queue list"]);
    assert_eq!(
        json_of(&queue(&world, &["show", &file(3), "--json"]))["pending"]["state"],
        "faulty"
    );

    // Nobody can be asked here, so nothing is done.
    let run = queue(&world, &["drop", "--state", "faulty"]);
    told(&run, 14, &["will drop 1 item", "--yes"]);
    told(&queue(&world, &["drop", "--state", "faulty", "--dry-run"]), 0, &["would drop 1 item"]);
    told(&queue(&world, &["drop", "--yes"]), 14, &["--yes"].map(|_| "no item is named"));
    told(&queue(&world, &["drop", "--context", "77", "--yes"]), 9, &["0 items"]);
    assert_eq!(world.queue().len(), 2);

    eventually("it to be tried", || queue(&world, &["retry", &file(3)]).code == 0);
    told(&queue(&world, &["retry", &file(4)]), 14, &["waits for its turn"]);
    told(&queue(&world, &["release", &file(3)]), 14, &["not parked"]);
    eventually("it to be parked", || {
        let run = queue(&world, &["park", &file(3), "--note", "ask Eva", "--by", "tom"]);
        run.code == 0 && run.stdout.contains("park: done for 1 item")
    });
    eventually("carl", || world.users(10) == ["carl"]);
    told(&queue(&world, &["show", &file(3)]), 0, &["ask Eva (by tom)", "by the operator"]);
    told(&queue(&world, &["release", "--state", "parked", "--yes"]), 0, &["done for 1 item"]);
    eventually("it to be dropped", || {
        queue(&world, &["drop", "--fault", "illegal", "--yes", "--note", "left the school"]).code
            == 0
    });
    eventually("an empty queue", || world.queue().is_empty());
    told(&queue(&world, &["list"]), 9, &[]);
    assert_eq!(service.terminate().0, 0);
    world.assert_accounted_for();
    told(&world.ask("history", &[&file(3)]), 0, &["dropped by the operator: left the school"]);
}

#[test]
fn a_hold_lasts_over_a_restart_until_it_is_resumed() {
    let world = World::new();
    let service = serving(&world);
    let run = world.ask("context", &["hold", "10", "--note", "maintenance", "--by", "eva"]);
    told(&run, 0, &["context 10 is held since", "maintenance (by eva)"]);
    world.put(&file(1), &user("anna", 10));
    world.put(&file(2), &context(20));
    eventually("context 20", || world.context(20).is_object());
    assert_eq!(service.terminate().0, 0);
    let service = serving(&world);
    eventually("the queue to be read", || get(&world, "/v1/status")["read"] == true);
    assert_eq!(get(&world, "/v1/contexts/10")["pending"], 1);
    told(&world.ask("context", &["list"]), 0, &["held by the operator: maintenance (by eva)"]);
    assert_eq!(world.users(10), [""; 0]);
    let run = world.ask("context", &["resume", "10"]);
    told(&run, 0, &["nothing is held"]);
    eventually("anna", || world.users(10) == ["anna"]);
    told(&world.ask("context", &["resume", "10"]), 14, &["not held"]);
    told(&world.ask("context", &["hold", "--target"]), 0, &["target is held"]);
    told(&world.ask("context", &["resume", "--target"]), 0, &["nothing is held"]);
    service.terminate();
}

fn surname(world: &World, context: u32, name: &str) -> Value {
    world.context(context)["users"][name]["sur_name"].clone()
}

#[test]
fn what_was_changed_in_ox_is_put_right_by_any_of_its_names_and_nothing_is_deleted() {
    let world = World::new();
    world.put(&file(1), &context(20));
    world.put(&file(2), &user("anna", 10));
    world.put(&file(3), &user("bert", 20));
    world.put(&file(4), &user("anna2", 20));
    world.put(&file(5), &group("team", &["anna", "bert"]));
    world.provision();
    let by_hand = ByHand::of(&world);
    by_hand.create_user(10, "stranger");
    let service = serving(&world);
    for what in ["user-anna", "UID=anna, cn=users,dc=heide,dc=example", "anna", "10/anna"] {
        by_hand.change_user(10, "anna", "sur_name", "Hand");
        assert_eq!(surname(&world, 10, "anna"), "Hand");
        told(
            &world.ask("resync", &[what]),
            0,
            &["objects that are provisioned again: 1, in 1 places"],
        );
        eventually("anna's name", || surname(&world, 10, "anna") == "anna");
    }
    told(&world.ask("resync", &["11/anna"]), 9, &["no object \"11/anna\" is known"]);
    told(&world.ask("resync", &["stranger"]), 9, &["CONTEXT/NAME"]);
    for what in [
        &["--all"][..],
        &["--type", "users"],
        &["--context", "20"],
        &["--type", "user", "--context", "20"],
    ] {
        by_hand.change_user(20, "bert", "sur_name", "Hand");
        let run = world.ask("resync", &[what, &["--dry-run"]].concat());
        told(&run, 0, &["would be provisioned again"]);
        told(&world.ask("resync", what), 14, &["--yes"]);
        assert_eq!(surname(&world, 20, "bert"), "Hand");
        told(&world.ask("resync", &[what, &["--yes"]].concat()), 0, &[]);
        eventually("bert's name", || surname(&world, 20, "bert") == "bert");
    }
    eventually("everything", || get(&world, "/v1/status")["pending"] == 0);
    assert_eq!(world.count("OXUserService.delete"), 0);
    assert!(world.users(10).contains(&"stranger".to_owned()));
    assert_eq!(service.terminate().0, 0);
    world.assert_no_overlap();
}

/// CAC-13: numbers are looked up while drover goes on, some hundred in a call.
#[test]
fn the_numbers_of_a_context_are_looked_up_anew_while_it_runs() {
    let world = World::new();
    let names = ["anna", "bert", "carl"];
    for (n, name) in (1..).zip(names) {
        world.put(&file(n), &user(name, 10));
    }
    world.put(&file(9), &group("team", &names));
    world.provision();
    let by_hand = ByHand::of(&world);
    // As after a restore of OX: the same name under another number.
    by_hand.delete_user(10, "bert");
    by_hand.create_user(10, "bert");
    let service = serving(&world);
    let run = world.ask("cache", &["rebuild", "--context", "10", "--wait", "30"]);
    told(&run, 0, &["users were looked up anew in 1 contexts"]);
    let stats = get(&world, "/v1/cache")["stats"].clone();
    assert_eq!(
        (&stats["rebuilds"], &stats["wrong"], &stats["doubted"]),
        (&1.into(), &1.into(), &0.into())
    );
    assert_eq!(world.count("OXUserService.getMultipleData"), 1);
    // The group is completed with his new number.
    eventually("the group", || {
        let members = world.context(10)["groups"]["team"]["members"].clone();
        members.as_array().is_some_and(|members| members.len() == 3)
    });
    told(&world.ask("cache", &["show"]), 0, &["rebuilds   1"]);
    told(&world.ask("cache", &["rebuild"]), 14, &["--yes"]);
    told(&world.ask("cache", &["rebuild", "--yes", "--wait", "30"]), 0, &["in 1 contexts"]);
    told(&world.ask("cache", &["rebuild", "--context", "4711"]), 9, &["knows of nothing there"]);
    assert_eq!(service.terminate().0, 0);
}

#[test]
fn an_order_to_many_takes_in_all_of_them_a_number_at_a_time() {
    let mut world = World::new();
    world.env.insert("OX_CONNECTOR_STOP_ON_ERROR".into(), "False".into());
    let service = serving(&world);
    told(&world.ask("context", &["hold", "10"]), 0, &[]);
    // More than one order takes in at once.
    let count: u32 = 2_300;
    for n in 1..=count {
        world.put(&file(n), &refused(&format!("u{n}"), 10));
    }
    eventually("all of them", || get(&world, "/v1/contexts/10")["pending"] == count);
    let run = queue(&world, &["park", "--context", "10", "--yes", "--json"]);
    assert_eq!(json_of(&run)["done"], count, "{}", run.log);
    let run = queue(&world, &["drop", "--state", "parked", "--dry-run"]);
    told(&run, 0, &[&format!("would drop {count} items"), "… and 2280 more"]);
    let run = queue(&world, &["drop", "--state", "parked", "--yes", "--json"]);
    let done = json_of(&run);
    assert_eq!((&done["done"], &done["matched"]), (&json!(count), &json!(count)));
    eventually("an empty queue", || world.queue().is_empty());
    assert_eq!(world.calls(), [""; 0]);
    assert_eq!(service.terminate().0, 0);
    world.assert_accounted_for();
}

#[test]
fn why_an_item_is_not_through_is_explained_condition_by_condition() {
    let (world, service) = standing();
    let why = |item: &str| {
        let run = world.ask("explain", &[item, "--json"]);
        assert_eq!(run.code, 0, "{}", run.log);
        json_of(&run)["why"].as_str().unwrap().to_owned()
    };
    let (faulty, behind) = (file(3), file(4));
    assert!(why(&faulty).starts_with("attempts that failed: "), "{}", why(&faulty));
    let told = why(&behind);
    assert!(told.starts_with(&format!("context 10 stands still at {faulty}: ")), "{told}");
    assert!(why(&file(1)).starts_with("it has ended: applied"), "{}", why(&file(1)));
    let run = world.ask("explain", &[&behind]);
    for part in ["! does context 10 move?", "! is it first in context 10?", "  does OX answer?"] {
        assert!(run.stdout.contains(part), "{}", run.stdout);
    }
    assert_eq!(world.ask("explain", &["x.json"]).code, 9);
    eventually("it to be parked", || {
        queue(&world, &["park", &faulty, "--note", "ask Eva"]).code == 0
    });
    assert_eq!(why(&faulty), "it is set aside by the operator: ask Eva");
    eventually("carl", || world.users(10) == ["carl"]);
    world.ask("context", &["hold", "20", "--note", "move"]);
    world.put(&file(6), &user("dora", 20));
    eventually("dora's item", || get(&world, "/v1/contexts/20")["pending"] == 1);
    assert!(why(&file(6)).starts_with("context 20 is held by the operator: move"));
    world.ask("context", &["hold", "--target"]);
    assert_eq!(why(&file(6)), "everything is held by the operator");
    assert_eq!(service.terminate().0, 0);
    assert_eq!(world.ask("explain", &[&faulty]).code, 13);
}
