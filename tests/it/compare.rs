//! `drover compare`: the directory, what was provisioned, and OX, with and without a service.

use drover::model::{ContextId, OxId};
use drover::ox::{GroupData, OxApi, Target};
use serde_json::{Value, json};

use crate::admin::serving;
use crate::scene::ByHand;
use crate::world::{Run, World, account, context, eventually, file, group, resource, user, with};

/// Lines of JSON: objects that are not the same, and the summary.
fn lines(run: &Run) -> (Vec<Value>, Value) {
    let mut lines: Vec<Value> = run
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{run:?}")))
        .collect();
    let summary = lines.pop().unwrap_or_else(|| panic!("{run:?}"))["summary"].clone();
    (lines, summary)
}

fn compare(world: &World, arguments: &[&str]) -> Run {
    world.ask("compare", &[&["--rate", "0"], arguments].concat())
}

/// One of each kind, in two contexts.
fn town() -> World {
    let world = World::new();
    let rich = json!({
        "oxCommercialRegister": "HRB 1", "roomNumber": ["A 7"], "birthday": "1980-02-29",
        "phone": ["+49 1", "+49 2"], "mailAlternativeAddress": ["a@heide.example", "B@heide.example"],
        "oxTimeZone": "Europe/Vienna", "employeeType": "teacher", "departmentNumber": ["3"],
    });
    let items = [
        context(20),
        with(user("anna", 10), rich),
        user("bert", 10),
        user("carl", 20),
        group("team", &["anna", "bert", "carl"]),
        resource("beamer", 10),
        account("help", &["anna", "carl"]),
    ];
    for (n, item) in (1..).zip(&items) {
        world.put(&file(n), item);
    }
    world.provision();
    world
}

#[test]
fn what_was_just_provisioned_is_the_same_and_only_read() {
    let world = town();
    let before = world.calls().len();
    let run = compare(&world, &["--all", "--rights", "--json"]);
    let (found, summary) = lines(&run);
    assert_eq!((run.code, &found[..]), (0, &[][..]), "{}", run.log);
    // The context, three users, a resource; the group and the account in both contexts.
    let expected = json!({"compared": 9, "same": 9, "different": 0, "unknown": 0, "failed": 0});
    assert_eq!(summary, expected);
    let calls = world.calls().split_off(before);
    let writes = ["create", "change", "delete", "add", "remove", "update", "Copy"];
    assert!(calls.iter().all(|call| !writes.iter().any(|verb| call.contains(verb))), "{calls:?}");
    let many = calls.iter().filter(|call| call.contains("getMultipleData")).count();
    assert_eq!(many, 4, "the users of each context in one call, its administrator in another");
    let run = compare(&world, &["--context", "20"]);
    assert!(run.stdout.contains("compared: 4, same: 4"), "{}", run.stdout);
    let run = compare(&world, &["--type", "users", "--json"]);
    assert_eq!(lines(&run).1["compared"], 3);
}

#[test]
fn what_was_changed_in_ox_is_told_by_field_and_put_right_if_asked() {
    let world = town();
    let by_hand = ByHand::of(&world);
    let ten = ContextId(10);
    by_hand.change_user(10, "anna", "sur_name", "Hand");
    by_hand.delete_user(20, "carl");
    by_hand.create_user(10, "stranger");
    by_hand.create_group(10, "Chess", &[]);
    let team = Target::Name("team".to_owned());
    let group = by_hand.run(by_hand.ox.group_get(ten, &team)).unwrap();
    let members: Vec<OxId> = group.data.members.iter().copied().take(1).collect();
    let data = GroupData { members, ..group.data };
    by_hand.run(by_hand.ox.group_change(ten, &Target::Id(group.id), &data)).unwrap();
    let beamer = Target::Name("beamer".to_owned());
    by_hand.run(by_hand.ox.resource_delete(ten, &beamer)).unwrap();

    let run = compare(&world, &["--all", "--json"]);
    let (found, summary) = lines(&run);
    assert_eq!(run.code, 7, "{}", run.log);
    let one = |object: &str, context: u32| -> &Value {
        let fits = |one: &&Value| one["object"] == *object && one["context"] == context;
        found.iter().find(fits).unwrap_or_else(|| panic!("{object} in {found:#?}"))
    };
    let anna = one("user-anna", 10);
    assert_eq!(anna["state"], "differs");
    let expected =
        json!([{"field": "sur_name", "source": "anna", "provisioned": "anna", "ox": "Hand"}]);
    assert_eq!(anna["differences"], expected);
    assert_eq!(one("user-carl", 20)["state"], "missing");
    assert_eq!(one("resource-beamer", 10)["state"], "missing");
    let team = one("group-team", 10);
    assert_eq!(team["differences"][0]["source"], "user-anna, user-bert");
    assert_eq!(team["differences"][0]["field"], "members");
    let unknown: Vec<&Value> = found.iter().filter(|one| one["state"] == "unknown").collect();
    let names: Vec<&str> = unknown.iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["stranger", "Chess"], "and neither administrators nor OX's own groups");
    assert_eq!(summary["unknown"], 2);
    let run = compare(&world, &["10/anna"]);
    assert_eq!(run.code, 7);
    assert!(run.stdout.contains("sur_name  anna       anna         Hand"), "{}", run.stdout);
    for same in ["user-bert", "UID=bert,cn=users,dc=heide,dc=example", "bert", "bert@heide.example"]
    {
        assert_eq!(compare(&world, &[same]).code, 0, "{same}");
    }
    assert_eq!(compare(&world, &["nobody"]).code, 9);
    assert_eq!(compare(&world, &["11/bert"]).code, 9);

    // Nobody is there to do it.
    let run = compare(&world, &["--all", "--resync"]);
    assert_eq!(run.code, 13, "{}", run.log);
    assert!(run.log.contains("start \"drover run\""), "{}", run.log);
    let service = serving(&world);
    let run = compare(&world, &["--all", "--resync"]);
    assert_eq!(run.code, 0, "{}", run.log);
    assert!(run.stdout.contains("provisioned again: "), "{}", run.stdout);
    eventually("all to be as it should", || compare(&world, &["--all", "--json"]).code == 0);
    let (_, summary) = lines(&compare(&world, &["--all", "--json"]));
    assert_eq!(summary["unknown"], 2, "strangers stay: {summary}");
    assert!(world.users(10).contains(&"stranger".to_owned()));
    assert_eq!(service.terminate().0, 0);
    world.assert_accounted_for();
}

#[test]
fn what_waits_has_other_states_and_a_context_that_refuses_is_told_among_the_others() {
    let mut world = town();
    // A change that OX refuses: the directory wants it, and it was not provisioned.
    let other = with(user("bert", 10), json!({"lastname": "New", "username": "bert & co"}));
    world.put(&file(20), &other);
    assert_eq!(world.run_once().code, 3);
    let (found, _) = lines(&compare(&world, &["user-bert", "--json"]));
    let field = |name: &str| {
        let all = found[0]["differences"].as_array().unwrap();
        all.iter().find(|one| one["field"] == name).cloned().unwrap_or_default()
    };
    assert_eq!(field("sur_name")["source"], "New");
    assert_eq!(
        (&field("sur_name")["provisioned"], &field("sur_name")["ox"]),
        (&"bert".into(), &"bert".into())
    );
    // Somebody changed the password of a context's administrator.
    let mut keys = world.credentials();
    keys["20"]["adminpass"] = "wrong".into();
    world.write_credentials(&keys);
    let run = compare(&world, &["--all", "--json"]);
    let (found, summary) = lines(&run);
    assert_eq!((summary["failed"].as_u64(), run.code), (Some(1), 7), "{found:#?}");
    assert!(found.iter().any(|one| one["state"] == "failed" && one["context"] == 20));
    assert_eq!(compare(&world, &["--context", "20"]).code, 10);
    for secret in ["wrong", "ten-secret"] {
        assert!(!run.stdout.contains(secret) && !run.log.contains(secret));
    }
    world.env.insert("DROVER__OX__SOAP_SERVER".into(), "http://127.0.0.1:1".into());
    let run = compare(&world, &["--all"]);
    assert_eq!(run.code, 4, "{}", run.log);
}

/// Some who are missing do not cost the others a call each, and no more is asked for at once than a
/// few hundred.
#[test]
fn many_users_are_asked_for_some_hundred_in_a_call() {
    let world = World::new();
    let count: u32 = 262;
    for n in 1..=count {
        world.put(&file(n), &user(&format!("u{n}"), 10));
    }
    world.provision();
    let by_hand = ByHand::of(&world);
    for n in [5, 175, 255] {
        by_hand.delete_user(10, &format!("u{n}"));
    }
    let before = world.calls().len();
    let (found, summary) = lines(&compare(&world, &["--all", "--json"]));
    let names: Vec<&Value> = found.iter().map(|one| &one["name"]).collect();
    assert_eq!(names.len(), 3, "{names:?}");
    assert_eq!((&summary["compared"], &summary["same"]), (&json!(count), &json!(count - 3)));
    let calls = world.calls().split_off(before);
    // A list of users, of groups and of resources; two chunks and the administrator; three by name.
    assert_eq!(calls.len(), 9, "{calls:?}");
}
