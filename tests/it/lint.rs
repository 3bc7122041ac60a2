//! What is wrong with a source is told without asking OX; two contexts of one number are refused.

use serde_json::{Value, json};

use crate::scene::{Batches, assert_holds, identified, profile};
use crate::world::{Run, World, context, file, gone, group, item, resource, user, with};

fn put_all(world: &World, items: &[Value]) {
    for (n, one) in items.iter().enumerate() {
        world.put(&file(u32::try_from(n).unwrap() + 1), one);
    }
}

fn findings(run: &Run) -> Vec<Value> {
    let lines = run.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["check"].is_string()).collect()
}

#[track_caller]
fn assert_found(found: &[Value], severity: &str, check: &str, parts: &[&str]) {
    let fits = |one: &&Value| {
        one["severity"] == severity
            && one["check"] == check
            && parts.iter().all(|part| one.to_string().contains(part))
    };
    assert!(found.iter().any(|one| fits(&one)), "no {severity} {check} {parts:?} in {found:#?}");
}

// OBJ-68, OBJ-09, OBJ-57, OBJ-70, MAP-33
#[test]
fn a_queue_full_of_mistakes_is_told_mistake_by_mistake_and_ox_is_not_asked() {
    let world = World::new();
    let long = "x".repeat(400);
    let bad_profile = json!({"name": "odd", "globaladdressbookdisabled": "TRUE",
                             "editpublicfolders": "TRUE"});
    put_all(
        &world,
        &[
            context(20),
            item(
                "oxmail/oxcontext",
                "twin",
                "cn=twin,dc=heide,dc=example",
                json!({"name": "twin", "contextid": 20}),
            ),
            with(
                user("anna", 10),
                json!({"mailAlternativeAddress": ["shared@heide.example"],
             "oxDrive": "1", "oxTimeZone": "Europe/Berlin"}),
            ),
            with(user("berta", 10), json!({"mailPrimaryAddress": "anna@heide.example"})),
            with(
                user("carl", 10),
                json!({"oxAccess": "premiun", "firstname": "", "username": ["a", "b"]}),
            ),
            with(user("dora", 10), json!({"firstname": null})),
            with(
                user("emil", 77),
                json!({"oxDisplayName": long, "oxDrive": "1", "birthday": "soon"}),
            ),
            with(user("frida", 10), json!({"mailAlternativeAddress": ["shared@heide.example"]})),
            user("gre&ta", 10),
            with(user("kurt", 10), json!({"username": ""})),
            user("oxadmin", 10),
            identified(
                with(user("anna", 10), json!({"mailPrimaryAddress": "other@elsewhere.example"})),
                "user-anna-2",
            ),
            with(user("ina", 10), json!({"oxAccess": "premiun"})),
            with(user("plain", 10), json!({"isOxUser": "Not", "firstname": null})),
            group("team & more", &["anna", "nobody"]),
            with(resource("room", 10), json!({"resourceMailAddress": null})),
            item("oxmail/accessprofile", "odd", "cn=odd,dc=heide,dc=example", bad_profile),
        ],
    );
    world.put_bytes("2025-03-03-09-00-00-000000.json", b"{\"id\": ");
    let run = world.ask("lint", &["--json", "--mail-domain", "heide.example"]);
    assert_eq!(run.code, 3, "{}\n{}", run.stdout, run.log);
    let found = findings(&run);
    let has = |severity, check, parts: &[&str]| assert_found(&found, severity, check, parts);
    has("error", "context number", &["cn=ctx20", "cn=twin", "number 20"]);
    has("error", "address twice", &["uid=anna", "uid=berta"]);
    has("warning", "address twice", &["uid=anna", "uid=frida"]);
    has("error", "file", &["object.username"]);
    has("error", "name", &["uid=kurt", "OX_USER_IDENTIFIER", "is empty"]);
    has("error", "access profile", &["uid=ina", "premiun", "premium"]);
    has("error", "missing value", &["uid=dora", "given_name"]);
    has("error", "missing value", &["cn=room", "resourceMailAddress"]);
    has("error", "length", &["uid=emil", "400 characters", "320 fit"]);
    has("error", "context", &["uid=emil", "context 77"]);
    has("warning", "value", &["uid=emil", "birthday"]);
    has("error", "characters", &["uid=gre&ta", "&"]);
    has("warning", "characters", &["cn=team & more", "&"]);
    has("warning", "administrator", &["uid=oxadmin", "context 10"]);
    has("error", "name twice", &["uid=anna", "context 10"]);
    has("error", "mail domain", &["uid=anna", "elsewhere.example"]);
    has("warning", "members", &["cn=team & more", "uid=nobody"]);
    has("error", "profile rights", &["cn=odd"]);
    has("notice", "retired property", &["oxDrive", "2 objects"]);
    has("error", "file", &["2025-03-03-09-00-00-000000.json", "line 1"]);
    assert!(!found.iter().any(|one| one["where"].as_str().unwrap().contains("uid=plain")));
    assert!(!run.stdout.contains("shared@"), "addresses are not told");
    assert_eq!(world.calls(), [""; 0]);
    let text = world.ask("lint", &[]);
    assert_holds(&text.stdout, &["error (context number)", "errors: "]);
    // The same as a folder, and nothing but the folder.
    let folder = world.queue_dir();
    let elsewhere = World::new();
    let run = elsewhere.ask("lint", &[folder.to_str().unwrap(), "--json"]);
    assert_eq!(run.code, 3);
    assert!(findings(&run).len() + 1 >= found.len(), "all but the mail domain");
}

// OBJ-68
#[test]
fn what_is_right_is_told_to_be_right_and_the_newest_state_of_an_object_counts() {
    let world = World::new();
    let mut batches = Batches::of(&world);
    batches.done([
        context(20),
        profile("pim", &["webmail"]),
        user("anna", 20),
        with(user("berta", 10), json!({"mailPrimaryAddress": "anna@heide.example"})),
        group("team", &["anna"]),
    ]);
    let run = world.ask("lint", &[]);
    assert_eq!(run.code, 0, "{}", run.stdout);
    assert_holds(&run.stdout, &["warning (address twice)", "objects: 5, errors: 0"]);
    // What waits in the queue goes before what is known.
    batches.put([user("berta", 10), gone(group("team", &[])), user("anna", 20)]);
    let run = world.ask("lint", &[]);
    assert_eq!(
        (run.code, run.stdout.trim()),
        (0, "objects: 4, errors: 0, warnings: 0, notices: 0")
    );
    // Files of desired state, as they are.
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/config/examples/school.yaml");
    let run = world.ask("lint", &[example]);
    assert_eq!(run.code, 0, "{}", run.stdout);
    let bad = world.data.path().join("bad.yaml");
    std::fs::write(&bad, "users:\n  - name: anna\n    context: nowhere\n").unwrap();
    let run = world.ask("lint", &[bad.to_str().unwrap()]);
    assert_eq!(run.code, 3, "{}", run.stdout);
    assert_holds(&run.stdout, &["bad.yaml, line"]);
    assert_eq!(world.ask("lint", &["/nowhere.yaml"]).code, 12);
}

// OBJ-09
#[test]
fn a_second_context_of_a_number_is_refused_with_both_dns_until_one_of_them_goes() {
    let world = World::new();
    let mut batches = Batches::of(&world);
    batches.done([context(20), user("anna", 20)]);
    let twin = |number: u32| {
        item(
            "oxmail/oxcontext",
            "twin",
            "cn=twin,dc=heide,dc=example",
            json!({"name": "twin", "contextid": number}),
        )
    };
    let run = batches.faulty([twin(20)]);
    assert_holds(&run.stdout, &["number 20", "cn=twin,dc=heide", "cn=ctx20,dc=heide"]);
    assert_eq!(world.context(20)["name"], "ctx20", "nothing was renamed");
    for name in world.queue() {
        std::fs::remove_file(world.queue_dir().join(name)).unwrap();
    }
    batches.done([twin(21)]);
    assert_eq!(world.context(21)["name"], "twin");
    // Where the first one leaves, the second one takes its place, in whichever order they come.
    let other = |name: &str| {
        item(
            "oxmail/oxcontext",
            name,
            &format!("cn={name},dc=heide,dc=example"),
            json!({"name": name, "contextid": 20}),
        )
    };
    batches.done([other("third"), gone(context(20))]);
    assert_eq!(world.context(20)["name"], "third");
    assert_eq!(world.users(20), ["anna"]);
}
