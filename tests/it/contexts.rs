//! Contexts: made with an administrator whose key is kept, changed, made anew, taken over only with a
//! key that works, deleted last.

use std::os::unix::fs::PermissionsExt;

use drover::model::ContextId;
use drover::ox::OxApi;
use drover::sim::{Effect, Rule, SeedContext, SimOptions};
use serde_json::{Value, json};

use crate::scene::{Batches, ByHand, assert_holds, field, lines, members, raw_user};
use crate::world::{World, context, eventually, file, gone, group, resource, user, with};

fn raw(world: &World, id: u32) -> Value {
    world.sim.state()["contexts"][id.to_string()].clone()
}

fn create_fault(effect: Effect) -> Rule {
    Rule::new(effect).on("OXContextService", "create").times(1)
}

/// The key in the file opens the context.
fn assert_key_opens(world: &World, id: u32) {
    let by_hand = ByHand::of(world);
    let admin = raw(world, id)["admin"].as_str().unwrap().to_owned();
    assert_eq!(world.credentials()[id.to_string()]["adminuser"], json!(admin));
    let user = drover::ox::Target::Name(admin);
    let found = by_hand.run(by_hand.ox.user_exists(ContextId(id), &user));
    assert!(found.unwrap(), "the key of context {id} does not open it");
}

// OBJ-01, OBJ-02, OBJ-04, OBJ-05, SEC-07
/// Rules: C1, 5.2/admin
#[test]
fn a_new_context_has_an_administrator_whose_password_is_kept_and_the_login_mappings_set() {
    let mut world = World::new();
    let mappings = "{name}.heide.example, cloud-{id}".to_owned();
    world.env.insert("DROVER__MAPPING__LOGIN_MAPPINGS".to_owned(), mappings);
    let calls = Batches::of(&world).calls([context(20)]);
    assert_eq!(calls.len(), 1, "one call, and nothing asked before: {calls:?}");
    let made = raw(&world, 20);
    assert_eq!(made["name"], "ctx20");
    assert_eq!(made["enabled"], true);
    assert_eq!(made["maxQuota"], 1000);
    let mappings = json!(["20", "cloud-20", "context20", "ctx20", "ctx20.heide.example"]);
    assert_eq!(made["loginMappings"], mappings);
    assert_eq!(made["admin"], "oxadmin-context20");
    let admin = raw_user(&world, 20, "oxadmin-context20");
    for (name, value) in [
        ("display_name", "OX Admin"),
        ("given_name", "OX"),
        ("sur_name", "Admin"),
        ("primaryEmail", "oxadmin-context20@heide.example"),
        ("email1", "oxadmin-context20@heide.example"),
        ("timezone", "Europe/Berlin"),
    ] {
        assert_eq!(admin["fields"][name], value, "{name}");
    }
    let entry = &world.credentials()["20"];
    let password = entry["adminpass"].as_str().unwrap();
    assert_eq!(password.len(), 64);
    for class in [char::is_lowercase, char::is_uppercase, char::is_numeric] {
        assert!(password.chars().any(class));
    }
    assert_key_opens(&world, 20);
}

// OBJ-06
/// Rules: 5.2/admin
#[test]
fn the_default_contexts_administrator_is_called_oxadmin_and_a_new_default_moves_nobody() {
    let mut world = World::new();
    world.env.insert("DEFAULT_CONTEXT".to_owned(), "30".to_owned());
    let mut batches = Batches::of(&world);
    batches.done([context(30), context(20), user("anna", 20), user("bert", 30)]);
    assert_eq!(raw(&world, 30)["admin"], "oxadmin");
    assert_eq!(raw(&world, 20)["admin"], "oxadmin-context20");
    assert_key_opens(&world, 30);
    let mut world = world;
    world.env.insert("DEFAULT_CONTEXT".to_owned(), "20".to_owned());
    let mut batches = Batches::of(&world);
    batches.done([user("anna", 20), user("bert", 30), context(30)]);
    assert_eq!(world.users(20), ["anna"]);
    assert_eq!(world.users(30), ["bert"]);
    assert_key_opens(&world, 30);
}

// OBJ-04
/// Rules: C1, 2.3/absent
#[test]
fn a_context_without_quota_is_unlimited() {
    let world = World::new();
    let quota = |id, quota: Value| with(context(id), json!({"oxQuota": quota}));
    Batches::of(&world).done([
        quota(20, Value::Null),
        quota(21, json!("")),
        quota(22, json!("0")),
        quota(23, json!(-1)),
        quota(24, json!(77)),
    ]);
    let found: Vec<Value> = (20..=24).map(|id| raw(&world, id)["maxQuota"].clone()).collect();
    let unlimited = found[0].clone();
    assert!(unlimited.as_i64().is_none_or(|quota| quota < 0), "{unlimited}");
    assert_eq!(found[..4], vec![unlimited; 4]);
    assert_eq!(found[4], 77);
}

// OBJ-01, ATT-13, ATT-14
/// Rules: C3, D58, D59
#[test]
fn a_change_is_one_call_no_change_is_none_and_a_disabled_context_stays_disabled() {
    let world = World::new();
    let mut batches = Batches::of(&world);
    batches.done([context(20), user("anna", 20)]);
    ByHand::of(&world).disable_context(&world, 20);
    let before = raw(&world, 20);
    assert_eq!(before["enabled"], false);
    assert_eq!(batches.calls([context(20)]), [""; 0]);
    let change = json!({"name": "heath", "oxQuota": 2000});
    let calls = batches.calls([with(context(20), change)]);
    assert_eq!(calls, ["OXContextService.change"]);
    let after = raw(&world, 20);
    assert_eq!(after["name"], "heath");
    assert_eq!(after["maxQuota"], 2000);
    assert_eq!(after["enabled"], false, "somebody disabled it, which is his business");
    assert_eq!(after["users"], before["users"]);
}

/// Rules: C3, D36
#[test]
fn a_context_that_is_missing_in_ox_is_made_again_for_all_to_see() {
    let world = World::new();
    let mut batches = Batches::of(&world);
    batches.done([context(20), user("anna", 20)]);
    ByHand::of(&world).delete_context(20);
    let run = batches.done([with(context(20), json!({"oxQuota": "2000"}))]);
    assert_eq!(raw(&world, 20)["maxQuota"], 2000);
    assert_key_opens(&world, 20);
    let told = lines(&run, "WARN").iter().any(|line| {
        line["object.id"] == "ctx-20" && line["message"].as_str().unwrap().contains("again")
    });
    assert!(told, "{}", run.log);
    // Its users come back with their next change.
    batches.done([with(user("anna", 20), json!({"lastname": "New"}))]);
    assert_eq!(field(&world, 20, "anna", "sur_name"), "New");
}

// ERR-15
/// Rules: C2, D41, 5.2/missing
#[test]
fn a_context_made_by_somebody_else_is_taken_over_only_with_a_key_that_works() {
    let mut world = World::new();
    // Nothing but a new key may set it going again.
    for name in ["DROVER__RETRY__FAULTY_FIRST_S", "DROVER__RETRY__FAULTY_MAX_S"] {
        world.env.insert(name.to_owned(), "600".to_owned());
    }
    let seed = SeedContext { admin_password: "twenty".to_owned(), ..SeedContext::new(20) };
    world.sim.seed_context(&seed).unwrap();
    world.put(&file(1), &context(20));
    world.put(&file(2), &user("anna", 20));
    world.put(&file(3), &user("bert", 10));
    let mut service = world.serve();
    let line = service.wait_for_log(&["stands still"]);
    let told =
        ["context 20 exists in OX", "no working entry", "adminuser", "\"object.id\":\"ctx-20\""];
    assert_holds(&line, &told);
    eventually("context 10", || world.users(10) == ["bert"]);
    assert_eq!(raw(&world, 20)["name"], "context20", "untouched");
    let mut keys = world.credentials();
    keys["20"] = json!({"adminuser": "oxadmin", "adminpass": "twenty"});
    world.write_credentials(&keys);
    eventually("the queue's end", || world.queue().is_empty());
    let found = raw(&world, 20);
    assert_eq!((&found["name"], &found["maxQuota"]), (&json!("ctx20"), &json!(1000)));
    assert_eq!(found["admin"], "oxadmin");
    assert_eq!(world.users(20), ["anna"]);
    service.wait_for_log(&["took over", "ctx-20"]);
}

// C1: a name that another context has is a fault of this context alone.
#[test]
fn a_taken_context_name_is_a_clear_fault_and_takes_nothing_over() {
    let world = World::new();
    let mut batches = Batches::of(&world);
    batches.done([context(20)]);
    let before = raw(&world, 20);
    let twin = with(context(21), json!({"name": "ctx20"}));
    let run = batches.faulty([twin, user("anna", 21), user("bert", 20)]);
    assert_holds(&run.stdout, &["context 21 stands still", "context ctx-21", "already"]);
    assert_eq!(raw(&world, 20)["maxQuota"], before["maxQuota"]);
    assert_eq!(world.users(20), ["bert"]);
}

// OBJ-07
/// Rules: C4, C5, C6, P2
#[test]
fn deleting_a_context_takes_its_key_along_and_one_that_is_missing_is_no_trouble() {
    let world = World::new();
    let mut batches = Batches::of(&world);
    batches.done([context(20), context(21), user("anna", 20), group("team", &["anna"])]);
    let calls = batches.calls([gone(context(20))]);
    assert_eq!(calls, ["OXContextService.delete"]);
    assert!(raw(&world, 20).is_null());
    assert!(world.credentials()["20"].is_null(), "its key is gone");
    assert!(!world.credentials()["21"].is_null() && !world.credentials()["10"].is_null());
    // Deleted by somebody else before.
    ByHand::of(&world).delete_context(21);
    batches.done([gone(context(21))]);
    assert!(world.credentials()["21"].is_null(), "its key is gone, too");
    // Twice, and one that was never known: nobody's context goes.
    assert_eq!(batches.calls([gone(context(20)), gone(context(10))]), [""; 0]);
    assert!(raw(&world, 10).is_object());
    // Whatever its users and groups still get told of later is no trouble either.
    batches.done([gone(user("anna", 20)), gone(group("team", &[]))]);
}

// Strictly in order of arrival, and with a key of its own each time.
/// Rules: D4, D43, 14/2
#[test]
fn one_number_can_be_made_deleted_and_made_again_in_one_batch() {
    for recreate_conflict in [false, true] {
        let options = SimOptions { recreate_conflict, ..SimOptions::univention() };
        let world = World::with(options);
        let mut batches = Batches::of(&world);
        batches.done([context(20)]);
        let first = world.credentials()["20"].clone();
        let second = crate::scene::identified(context(20), "ctx-20-second");
        let third = crate::scene::identified(context(20), "ctx-20-third");
        batches.done([
            user("anna", 20),
            gone(context(20)),
            second.clone(),
            user("bert", 20),
            gone(second),
            with(third, json!({"name": "third"})),
            user("carla", 20),
        ]);
        assert_eq!(raw(&world, 20)["name"], "third");
        assert_eq!(world.users(20), ["carla"]);
        assert_ne!(world.credentials()["20"], first, "a new life, a new key");
        assert_key_opens(&world, 20);
        let seen = |call: &str| world.count(call);
        assert_eq!(seen("OXContextService.delete"), 2);
    }
}

// SRC-21: never made at all, if nothing happened in between.
/// Rules: D1, D4
#[test]
fn a_context_made_and_deleted_before_anything_was_done_is_not_made() {
    let world = World::new();
    let calls = Batches::of(&world).calls([context(20), gone(context(20))]);
    assert_eq!(calls, [""; 0]);
    assert!(world.credentials()["20"].is_null());
}

// OBJ-07
/// Rules: D2, 14/2
#[test]
fn users_who_move_out_are_saved_before_their_context_is_deleted() {
    let world = World::new();
    let mut batches = Batches::of(&world);
    batches.done([
        context(20),
        context(21),
        user("anna", 20),
        user("bert", 20),
        group("team", &["anna", "bert"]),
        resource("beamer", 20),
    ]);
    batches.done([
        user("anna", 21),
        user("bert", 10),
        resource("beamer", 21),
        gone(context(20)),
        // The batch does not end with a deletion …
        user("carla", 21),
    ]);
    assert!(raw(&world, 20).is_null());
    assert_eq!(world.users(21), ["anna", "carla"]);
    assert_eq!(world.users(10), ["bert"]);
    assert_eq!(world.count("OXUserCopyService.copyUser"), 2, "{:?}", world.calls());
    assert!(world.context(21)["resources"]["beamer"].is_object());
    assert_eq!(members(&world, 21, "team").unwrap(), ["anna"]);
    assert_eq!(members(&world, 10, "team").unwrap(), ["bert"]);
    // … nor need it.
    batches.done([user("anna", 10), user("carla", 10), gone(context(21))]);
    assert_eq!(world.users(10), ["anna", "bert", "carla"]);
}

// SRC-34
/// Rules: D3, P3, 14/2
#[test]
fn users_who_come_before_their_context_wait_for_it_also_if_a_deletion_ends_the_batch() {
    let world = World::new();
    let mut batches = Batches::of(&world);
    batches.done([user("zoe", 10)]);
    let run = batches.done([
        user("anna", 20),
        group("team", &["anna", "bert"]),
        resource("beamer", 20),
        context(20),
        user("bert", 20),
        gone(user("zoe", 10)),
    ]);
    assert_eq!(lines(&run, "ERROR"), Vec::<Value>::new());
    assert_eq!(world.users(20), ["anna", "bert"]);
    assert_eq!(members(&world, 20, "team").unwrap(), ["anna", "bert"]);
    assert!(world.context(20)["resources"]["beamer"].is_object());
}

// SEC-06: the key is kept before the call, so a lost answer does not lose it.
/// Rules: D41
#[test]
fn a_context_whose_making_was_not_answered_still_opens_with_the_kept_key() {
    for effect in [Effect::ApplyThenDrop, Effect::DropBefore] {
        let world = World::new();
        world.sim.script(create_fault(effect.clone()));
        let run = Batches::of(&world).done([context(20), user("anna", 20)]);
        assert_key_opens(&world, 20);
        assert_eq!(world.users(20), ["anna"], "{effect:?}");
        assert!(!run.log.contains("took over"), "it is ours: {}", run.log);
    }
}

// OBJ-03, SEC-03
#[test]
fn without_the_masters_password_users_are_provisioned_and_contexts_wait() {
    let world = World::new();
    let mut keys = world.credentials();
    keys.as_object_mut().unwrap().remove("master");
    world.write_credentials(&keys);
    let mut batches = Batches::of(&world);
    let run = batches.faulty([user("anna", 10), context(20), group("team", &["anna"])]);
    assert_holds(&run.stdout, &["context 20 stands still", "\"master\"", "OX_MASTER_PASSWORD"]);
    assert_eq!(world.users(10), ["anna"]);
    assert_eq!(members(&world, 10, "team").unwrap(), ["anna"]);
}

// SEC-04: what somebody writes into the credentials file while drover runs is kept.
/// Rules: D42, 5.2/file
#[test]
fn a_new_contexts_key_is_added_to_what_somebody_wrote_meanwhile() {
    let world = World::new();
    let service = world.serve();
    world.put(&file(1), &context(20));
    eventually("the first context", || world.queue().is_empty());
    let mut keys = world.credentials();
    keys["77"] = json!({"adminuser": "somebody", "adminpass": "else"});
    world.write_credentials(&keys);
    world.put(&file(2), &context(21));
    eventually("the second context", || world.queue().is_empty());
    drop(service);
    let after = world.credentials();
    for id in ["master", "10", "20", "77"] {
        assert_eq!(after[id], keys[id], "{id}");
    }
    assert_key_opens(&world, 21);
    let mode = std::fs::metadata(world.credentials_path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}
