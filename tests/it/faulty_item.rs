//! A faulty item stops its own context and nothing else, says everything that is needed to put it
//! right, and goes on by itself once it is right.

use drover::sim::{Effect, Rule, SeedContext, SimOptions};
use serde_json::{Value, json};

use crate::scene::{Batches, assert_holds, lines, profile};
use crate::world::{World, context, eventually, file, gone, group, user, with};

const CONTEXTS: std::ops::Range<u32> = 20..40;
const ILL: u32 = 27;

fn key(context: u32) -> Value {
    json!({"adminuser": "oxadmin", "adminpass": format!("secret-{context}")})
}

/// Twenty contexts made elsewhere, whose keys are in the credentials file.
fn twenty() -> World {
    let world = World::new();
    let mut keys = world.credentials();
    for id in CONTEXTS {
        let admin_password = format!("secret-{id}");
        world.sim.seed_context(&SeedContext { admin_password, ..SeedContext::new(id) }).unwrap();
        keys[id.to_string()] = key(id);
    }
    world.write_credentials(&keys);
    world
}

/// Three users and their group in each of the twenty.
fn put_all(world: &World) {
    let mut n = 0;
    for id in CONTEXTS {
        let names: Vec<String> = (1..=3).map(|i| format!("u{id}n{i}")).collect();
        let mut items: Vec<Value> = names.iter().map(|name| user(name, id)).collect();
        let members: Vec<&str> = names.iter().map(String::as_str).collect();
        items.push(group(&format!("team{id}"), &members));
        for item in items {
            n += 1;
            world.put(&file(n), &item);
        }
    }
}

fn poison() -> Rule {
    let text = "poisoned".to_owned();
    let effect = Effect::Fault { class: "StorageException".to_owned(), text };
    Rule::new(effect).on("OXUserService", "createByModuleAccess").named("u27n2")
}

/// The file of the poisoned user.
fn poisoned_file() -> String {
    file((ILL - CONTEXTS.start) * 4 + 2)
}

fn assert_the_others_are_done(world: &World) {
    for id in CONTEXTS.filter(|id| *id != ILL) {
        assert_eq!(world.users(id).len(), 3, "context {id}");
        let team = format!("team{id}");
        let members = world.context(id)["groups"][team]["members"].clone();
        assert_eq!(members, json!(world.users(id)), "context {id}");
    }
}

// ERR-01, ERR-05, OBS-02, OBS-09, OBS-18
/// Rules: P8, D39, 10/stop
#[test]
fn one_poisoned_item_stops_one_context_of_twenty_and_is_told_in_full() {
    let world = twenty();
    put_all(&world);
    world.sim.script(poison());
    let run = world.run_once();
    assert_eq!(run.code, 3, "{}\n{}", run.stdout, run.log);
    assert_the_others_are_done(&world);
    assert_eq!(world.users(ILL), ["u27n1"], "what came before the faulty item is done");
    let left = (30..=32).map(file).collect::<Vec<_>>();
    assert_eq!(world.queue(), left, "the faulty item and what is behind it");
    // The summary.
    let name = poisoned_file();
    let queue = world.queue_dir().display().to_string();
    assert_holds(
        &run.stdout,
        &[
            "80 items: 77 applied",
            &format!("context 27 stands still at {name} (user user-u27n2), 2 waiting behind it"),
            "fault: OX refused OXUserService.createByModuleAccess: poisoned (StorageException",
            "attempts: 3",
            &format!("remove {queue}/{name}"),
        ],
    );
    // The log line.
    let line = lines(&run, "ERROR").pop().unwrap();
    for (field, value) in [
        ("lane", json!("context 27")),
        ("item.name", json!(name)),
        ("object.kind", json!("user")),
        ("object.id", json!("user-u27n2")),
        ("fault.class", json!("StorageException")),
        ("attempt", json!(3)),
        ("waiting", json!(2)),
    ] {
        assert_eq!(line[field], value, "{field}: {line}");
    }
    assert_holds(line["message"].as_str().unwrap(), &["drover tries again", &queue, &name]);
    // OX's administrator finds the fault in OX's log by this.
    let exception = line["exception.id"].as_str().unwrap();
    assert!(!exception.is_empty());
    assert_holds(&run.stdout, &[exception]);
    assert_holds(line["fault"].as_str().unwrap(), &["poisoned", exception]);
    for secret in ["secret-27", "u27n2@heide.example"] {
        assert!(!run.log.contains(secret) && !run.stdout.contains(secret), "{secret} was told");
    }
}

// SRC-01, ERR-07
/// Rules: D30, 10/cure
#[test]
fn removing_the_faulty_file_lets_its_context_go_on() {
    let world = twenty();
    put_all(&world);
    world.sim.script(poison());
    let mut service = world.serve();
    service.wait_for_log(&["stands still", "context 27"]);
    eventually("the rest of the queue", || world.queue().len() == 3);
    assert_the_others_are_done(&world);
    std::fs::remove_file(world.queue_dir().join(poisoned_file())).unwrap();
    eventually("the queue's end", || world.queue().is_empty());
    service.wait_for_log(&["removed by hand", "user-u27n2"]);
    assert_eq!(world.users(ILL), ["u27n1", "u27n3"]);
    let (code, _) = service.terminate();
    assert_eq!(code, 0);
    // The group knows whom it is without.
    let members = world.context(ILL)["groups"]["team27"]["members"].clone();
    assert_eq!(members, json!(["u27n1", "u27n3"]));
}

// ERR-01, ERR-06
/// Rules: 10/cure
#[test]
fn curing_the_cause_in_ox_lets_the_context_go_on_by_itself() {
    let world = twenty();
    put_all(&world);
    world.sim.script(poison());
    let mut service = world.serve();
    service.wait_for_log(&["stands still", "context 27"]);
    world.sim.clear_script();
    eventually("the queue's end", || world.queue().is_empty());
    assert_eq!(world.users(ILL), ["u27n1", "u27n2", "u27n3"]);
    assert_the_others_are_done(&world);
    service.wait_for_log(&["goes on after its fault is cured"]);
}

// ERR-10, ERR-20
/// Rules: P5, 10/cure, 8.1/required
#[test]
fn correcting_the_files_content_in_place_lets_the_context_go_on() {
    let world = World::new();
    // OX wants a given name of new users.
    world.put(&file(1), &with(user("anna", 10), json!({"firstname": null})));
    world.put(&file(2), &user("bert", 10));
    let mut service = world.serve();
    let line = service.wait_for_log(&["stands still"]);
    assert_holds(&line, &["given_name", "\"object.id\":\"user-anna\"", &file(1)]);
    std::fs::write(world.queue_dir().join(file(1)), user("anna", 10).to_string()).unwrap();
    eventually("the queue's end", || world.queue().is_empty());
    assert_eq!(world.users(10), ["anna", "bert"]);
}

// OBJ-58
/// Rules: 7/unknown
#[test]
fn an_unknown_access_profile_holds_its_user_until_it_arrives() {
    let world = World::new();
    world.put(&file(1), &with(user("anna", 10), json!({"oxAccess": "gruopware"})));
    world.put(&file(2), &user("bert", 10));
    let run = world.run_once();
    assert_eq!(run.code, 3);
    let known = "known profiles: groupware, none, pim, pim_drive, premium, webmail, webmail_drive";
    let told = ["unknown access profile \"gruopware\"", "did you mean \"groupware\"?", known];
    assert_holds(&run.stdout, &told);
    assert_eq!(world.users(10), [""; 0], "an unknown profile is never taken for no rights");
    let mut service = world.serve();
    service.wait_for_log(&["stands still", "gruopware"]);
    world.put(&file(3), &profile("gruopware", &["webmail", "tasks"]));
    eventually("the queue's end", || world.queue().is_empty());
    assert_eq!(world.users(10), ["anna", "bert"]);
    let rights = world.context(10)["users"]["anna"]["rights"].clone();
    assert_eq!(rights, json!(["publication", "tasks", "webmail"]));
}

// ERR-18, OBJ-03
/// Rules: U4, D13, 5.2/missing
#[test]
fn users_of_a_context_without_key_wait_until_the_key_is_there() {
    let mut world = World::new();
    // Nothing but the key may set it going again.
    for name in ["DROVER__RETRY__FAULTY_FIRST_S", "DROVER__RETRY__FAULTY_MAX_S"] {
        world.env.insert(name.to_owned(), "600".to_owned());
    }
    for id in [20, 21] {
        let admin_password = format!("secret-{id}");
        world.sim.seed_context(&SeedContext { admin_password, ..SeedContext::new(id) }).unwrap();
    }
    world.put(&file(1), &user("anna", 20));
    world.put(&file(2), &user("bert", 21));
    world.put(&file(3), &user("carla", 10));
    let mut service = world.serve();
    let parts = ["stands still", "no credentials for the administrator", "adminpass"];
    let mut told: Vec<String> = (0..2).map(|_| service.wait_for_log(&parts)).collect();
    told.sort_by_key(|line| line.contains("context 21"));
    assert_holds(&told[0], &["context 20", "Add \\\"20\\\" with its"]);
    assert_holds(&told[1], &["context 21", "Add \\\"21\\\" with its"]);
    eventually("the healthy context", || world.users(10) == ["carla"]);
    let mut keys = world.credentials();
    keys["20"] = key(20);
    world.write_credentials(&keys);
    eventually("context 20", || world.users(20) == ["anna"]);
    eventually("only what lacks a key is left", || world.queue() == [file(2)]);
    assert_eq!(world.users(21), [""; 0]);
    keys["21"] = key(21);
    world.write_credentials(&keys);
    eventually("the queue's end", || world.queue().is_empty());
    assert_eq!(world.users(21), ["bert"]);
}

// ERR-18: the user is in OX already, so nothing that happens while the key is away may be lost.
/// Rules: D13, 5.2/missing
#[test]
fn changes_deletions_and_moves_wait_for_a_key_as_well() {
    let world = World::new();
    let mut batches = Batches::of(&world);
    batches.done([context(20), user("anna", 20), user("bert", 20), user("c", 10)]);
    let keys = world.credentials();
    let mut without = keys.clone();
    without.as_object_mut().unwrap().remove("20");
    world.write_credentials(&without);
    let run = batches.faulty([
        with(user("anna", 20), json!({"lastname": "New"})),
        gone(user("bert", 20)),
        user("c", 20),
    ]);
    assert_holds(&run.stdout, &["context 20", "Add \"20\""]);
    assert_eq!(world.users(20), ["anna", "bert"]);
    assert_eq!(world.users(10), ["c"]);
    world.write_credentials(&keys);
    world.provision();
    assert_eq!(world.users(20), ["anna", "c"]);
    assert_eq!(world.users(10), [""; 0]);
    assert_eq!(crate::scene::field(&world, 20, "anna", "sur_name"), "New");
}

// ERR-22: a file that says nothing harms nobody, and is told with the place of the mistake.
/// Rules: P1, P4, Q3, D26
#[test]
fn files_that_cannot_be_read_harm_nobody_and_are_told_exactly() {
    let world = World::new();
    world.put_bytes(&file(1), b"{\"id\": \"x\",\n  \"dn\": oops}");
    world.put_bytes(&file(2), b"");
    world.put_bytes(&file(3), b"\xff\xfe{}");
    world.put_bytes(&file(4), b"[1, 2]");
    world.put(&file(5), &json!({"udm_object_type": "users/user", "dn": "x", "object": null}));
    let strange = json!({"id": "x", "udm_object_type": "users/ldap", "dn": "x", "object": null});
    world.put(&file(6), &strange);
    world.put(&file(7), &json!({"id": "x", "udm_object_type": "users/user", "dn": "x"}));
    world.put(&file(8), &with(user("anna", 10), json!({"oxContext": "ten"})));
    world.put(&file(9), &with(user("anna", 10), json!({"oxAccess": {"a": "b"}})));
    let mut nameless = crate::world::resource("beamer", 10);
    nameless["object"].as_object_mut().unwrap().remove("name");
    world.put(&file(10), &nameless);
    world.put(&file(11), &with(group("team", &[]), json!({"users": [7]})));
    world.put(&file(12), &user("bert", 10));
    let run = world.run_once();
    assert_eq!(run.code, 3);
    assert_eq!(world.users(10), ["bert"], "the good one is done");
    assert_eq!(world.queue(), (1..=11).map(file).collect::<Vec<_>>(), "the bad ones stay");
    for (n, parts) in [
        (1, vec!["not valid JSON", "line 2", "byte 20"]),
        (2, vec!["not valid JSON", "byte 0"]),
        (3, vec!["not valid JSON", "byte 0"]),
        (4, vec!["expected a JSON object", "list"]),
        (5, vec!["\"id\"", "expected the entryUUID", "nothing"]),
        (6, vec!["\"udm_object_type\"", "expected one of oxmail/oxcontext"]),
        (7, vec!["\"object\"", "or null for a deletion"]),
        (8, vec!["oxContext", "expected"]),
        (9, vec!["oxAccess", "expected one text"]),
        (10, vec!["name", "expected a text that is not empty"]),
        (11, vec!["users", "expected"]),
    ] {
        let name = file(n);
        let line = lines(&run, "ERROR").into_iter().map(|line| line.to_string());
        let line = line.filter(|line| line.contains(&name)).collect::<Vec<_>>().join("\n");
        let told = run.stdout.split("\n\n").find(|part| part.contains(&name)).unwrap();
        for part in parts {
            let quoted = part.replace('"', "\\\"");
            assert!(line.contains(&quoted), "log of {n}: no {part:?} in {line}");
            assert!(told.contains(part), "summary of {n}: no {part:?} in {told}");
        }
        assert!(told.contains("remove"), "{told}");
    }
    // Put right one by one, they are taken in.
    let service = world.serve();
    for n in 1..=11 {
        let item = with(user(&format!("n{n}"), 10), json!({}));
        std::fs::write(world.queue_dir().join(file(n)), item.to_string()).unwrap();
    }
    eventually("the queue's end", || world.queue().is_empty());
    assert_eq!(world.users(10).len(), 12);
    drop(service);
}

// ERR-21: it is the file that is broken, not the object; a later file of the object counts.
/// Rules: D26
#[test]
fn a_broken_file_does_not_hold_back_the_same_object_in_a_later_one() {
    let world = World::new();
    let broken = with(user("anna", 10), json!({"oxContext": ["10", "20"]}));
    world.put(&file(1), &broken);
    world.put(&file(2), &user("anna", 10));
    let run = world.run_once();
    assert_eq!(run.code, 3);
    assert_eq!(world.users(10), ["anna"]);
    assert_eq!(world.queue(), [file(1)]);
}

// ERR-21: nobody has to put right what is to go anyway.
#[test]
fn the_deletion_of_an_object_does_not_wait_for_its_faulty_change() {
    let world = World::new();
    world.put(&file(1), &user("zoe", 10));
    world.provision();
    let effect = Effect::Fault { class: "InvalidDataException".to_owned(), text: "no".to_owned() };
    world.sim.script(Rule::new(effect).on("OXUserService", "change").named("zoe"));
    let mut service = world.serve();
    // One that never came into OX, and one that is there and cannot be changed.
    for (n, item) in [
        with(user("anna", 10), json!({"firstname": null})),
        with(user("zoe", 10), json!({"lastname": "Z"})),
    ]
    .iter()
    .enumerate()
    {
        let n = 10 * u32::try_from(n).unwrap() + 10;
        world.put(&file(n), item);
        service.wait_for_log(&["stands still", &file(n)]);
        world.put(&file(n + 1), item);
        service.wait_for_log(&["stands still", &file(n + 1)]);
        world.put(&file(n + 2), &gone(item.clone()));
        world.put(&file(n + 3), &user(&format!("next{n}"), 10));
        eventually("the queue's end", || world.queue().is_empty());
    }
    assert_eq!(world.users(10), ["next10", "next20"]);
}

// ERR-18, C4: a context that was deleted is no context whose key got lost, but the cure is the same:
// it is there again.
#[test]
fn a_user_of_a_deleted_context_waits_until_it_is_made_again() {
    let world = World::new();
    let mut batches = Batches::of(&world);
    batches.done([context(20), user("anna", 20)]);
    let run = batches.faulty([
        gone(context(20)),
        with(user("anna", 20), json!({"lastname": "Berg"})),
        user("bert", 10),
    ]);
    assert_holds(&run.stdout, &["context 20 stands still", "user user-anna", "2 applied"]);
    assert_eq!(world.users(10), ["bert"]);
    batches.done([crate::scene::identified(context(20), "ctx-20-second")]);
    assert_eq!(world.users(20), ["anna"]);
    assert_eq!(crate::scene::field(&world, 20, "anna", "sur_name"), "Berg");
}

#[test]
fn a_refusal_that_a_setting_of_ox_makes_names_the_setting() {
    let options = SimOptions { check_group_names: true, ..SimOptions::shipped() };
    let world = World::with(options);
    world.put(&file(1), &user("anna", 10));
    world.put(&file(2), &with(user("berta", 10), json!({"oxDisplayName": "anna"})));
    world.run_once();
    let run = world.run_once();
    assert_eq!(run.code, 3, "{}", run.stdout);
    for setting in ["enforceUniqueDisplayName=false", "preferDisplayName=false"] {
        assert!(run.stdout.contains(setting), "{}", run.stdout);
    }
    world.put(&file(2), &gone(user("berta", 10)));
    world.put(&file(3), &with(user("anna", 10), json!({"username": "anna.neu"})));
    let run = world.run_once();
    assert!(run.stdout.contains("USERNAME_CHANGEABLE=true"), "{}", run.stdout);
    std::fs::remove_file(world.queue_dir().join(file(3))).unwrap();
    world.put(&file(4), &group("r & d", &["anna"]));
    let run = world.run_once();
    let setting = "CHECK_GROUP_UID_FOR_NOT_ALLOWED_CHARS=false";
    assert!(run.stdout.contains(setting), "{}", run.stdout);
}
