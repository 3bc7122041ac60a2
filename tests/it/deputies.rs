//! Deputies: who may act for a user, as the directory says and as OX has it.

use drover::model::{ContextId, OxId};
use drover::ox::{Deputies, DeputyLevel, DeputyRights};
use drover::sim::{Effect, Rule, SimOptions};
use serde_json::{Value, json};

use crate::scene::{Batches, ByHand, assert_holds, number, warns};
use crate::world::{World, context, eventually, gone, user, with};

const GRANT: &str = "OXDeputyPermissionsService.grant";
const UPDATE: &str = "OXDeputyPermissionsService.update";
const REVOKE: &str = "OXDeputyPermissionsService.revoke";
const REVOKE_ALL: &str = "OXDeputyPermissionsService.revokeAll";
const BLOCK: &str = "OXDeputyPermissionsService.blockManual";
const UNBLOCK: &str = "OXDeputyPermissionsService.unblockManual";
const LIST: &str = "OXDeputyPermissionsService.list";
const GET: &str = "OXUserService.getData";

fn world_with(options: SimOptions) -> World {
    let mut world = World::with(options);
    world.env.insert("OX_ENABLE_DEPUTY_PERMISSIONS".to_owned(), "True".to_owned());
    world
}

fn world() -> World {
    world_with(SimOptions { newer: true, ..SimOptions::univention() })
}

/// A user with these deputies: name, mail, calendar, on behalf.
fn deputised(name: &str, context: u32, deputies: &[(&str, &str, &str, bool)]) -> Value {
    let entry = |(deputy, mail, calendar, behalf): &(&str, &str, &str, bool)| {
        json!([format!("uid={deputy},cn=users,dc=heide,dc=example"), mail, calendar, behalf])
    };
    let entries: Vec<Value> = deputies.iter().map(entry).collect();
    with(user(name, context), json!({"oxDeputyPermissionGivenTo": entries}))
}

/// What OX has of a user's deputies, each as `bert mail=… calendar=… behalf`, and whether he is barred.
fn deputies(world: &World, context: u32, name: &str) -> (Vec<String>, bool) {
    let own = world.sim.state()["contexts"][context.to_string()]["deputies"][name].clone();
    let Some(given) = own["given"].as_object() else { return (Vec::new(), false) };
    let one = |(deputy, rights): (&String, &Value)| {
        let levels = ["mail", "calendar"].map(|module| {
            let level = rights["modules"][module].as_str();
            level.map_or_else(String::new, |level| format!(" {module}={level}"))
        });
        let text = format!("{deputy}{}", levels.concat());
        if rights["sendOnBehalf"] == true { text + " behalf" } else { text }
    };
    (given.iter().map(one).collect(), own["barred"] == true)
}

/// Rules: N/deputies, N/deputies-diff
#[test]
fn deputies_are_given_changed_and_taken_away_one_by_one() {
    let world = world();
    let mut batches = Batches::of(&world);
    batches.done([user("bert", 10), user("cora", 10), user("anna", 10)]);
    let one = deputised("anna", 10, &[("bert", "02400", "08444", true)]);
    // She was there before, and may have chosen deputies herself: OX is asked.
    assert_eq!(batches.calls([one.clone()]), [GET, LIST, GET, GRANT, BLOCK]);
    let bert = "bert mail=02400 calendar=08444 behalf".to_owned();
    assert_eq!(deputies(&world, 10, "anna"), (vec![bert.clone()], true));
    assert_eq!(batches.calls([one.clone()]), [""; 0]);
    let two = [("bert", "02400", "08444", true), ("cora", "00000", "02440", false)];
    assert_eq!(batches.calls([deputised("anna", 10, &two)]), [GET, GET, GRANT]);
    assert_eq!(deputies(&world, 10, "anna").0, [bert, "cora calendar=02440".to_owned()]);
    let less = [("bert", "02440", "08444", false), ("cora", "00000", "02440", false)];
    assert_eq!(batches.calls([deputised("anna", 10, &less)]), [GET, GET, UPDATE]);
    assert_eq!(deputies(&world, 10, "anna").0[0], "bert mail=02440 calendar=08444");
    let cora = [("cora", "00000", "02440", false)];
    assert_eq!(batches.calls([deputised("anna", 10, &cora)]), [GET, REVOKE]);
    assert_eq!(batches.calls([user("anna", 10)]), [GET, REVOKE, UNBLOCK]);
    assert_eq!(deputies(&world, 10, "anna"), (Vec::new(), false));
    assert_eq!(batches.calls([user("anna", 10)]), [""; 0]);
    world.assert_no_overlap();
}

#[test]
fn a_new_user_gets_them_with_nothing_asked_of_what_she_has() {
    let world = world();
    let mut batches = Batches::of(&world);
    batches.done([user("bert", 10)]);
    let anna = deputised("anna", 10, &[("bert", "08444", "00000", false)]);
    let calls = batches.calls([anna]);
    assert_eq!(calls[calls.len() - 3..], [GET, GRANT, BLOCK]);
    assert!(!calls.contains(&LIST.to_owned()), "{calls:?}");
    let before = world.sim.state();
    let run = batches.done([deputised("anna", 10, &[("bert", "08444", "00000", false)])]);
    assert_eq!((world.sim.state(), run.code), (before, 0));
}

/// Rules: N/deputies-later
#[test]
fn a_deputy_who_comes_later_is_made_one_when_he_comes() {
    let world = world();
    let mut batches = Batches::of(&world);
    batches.done([deputised("anna", 10, &[("bert", "02400", "00000", false)])]);
    assert_eq!(deputies(&world, 10, "anna"), (Vec::new(), true));
    batches.done([user("bert", 10)]);
    assert_eq!(deputies(&world, 10, "anna").0, ["bert mail=02400"]);
    // Each the other's, in one batch.
    batches.done([
        deputised("cora", 10, &[("dora", "02400", "00000", false)]),
        deputised("dora", 10, &[("cora", "00000", "02400", false)]),
    ]);
    assert_eq!(deputies(&world, 10, "cora").0, ["dora mail=02400"]);
    assert_eq!(deputies(&world, 10, "dora").0, ["cora calendar=02400"]);
    world.assert_no_overlap();
}

/// Rules: N/deputies-follow
#[test]
fn a_deputy_who_goes_comes_back_is_renamed_or_moved_is_followed() {
    let world = world();
    let mut batches = Batches::of(&world);
    batches.done([context(20), user("bert", 10)]);
    let anna = deputised("anna", 10, &[("bert", "02400", "00000", false)]);
    batches.done([anna.clone()]);
    // Renamed, and named by his old DN until anna's own change comes: nothing is to be done.
    let mut robert = with(user("bert", 10), json!({"username": "robert"}));
    robert["dn"] = json!("uid=robert,cn=users,dc=heide,dc=example");
    let calls = batches.calls([robert.clone()]);
    assert!(!calls.iter().any(|call| call.contains("Deputy")), "{calls:?}");
    let followed = deputised("anna", 10, &[("robert", "02400", "00000", false)]);
    assert_eq!(batches.calls([followed.clone()]), [""; 0]);
    assert_eq!(deputies(&world, 10, "anna").0, ["robert mail=02400"]);
    // Gone and come back, with another number.
    batches.done([gone(robert.clone())]);
    assert_eq!(deputies(&world, 10, "anna").0, [""; 0]);
    batches.done([robert.clone()]);
    assert_eq!(deputies(&world, 10, "anna").0, ["robert mail=02400"]);
    // In another context he cannot be one, which is told; back, he is again.
    let run = batches.done([with(robert.clone(), json!({"oxContext": "20"})), followed]);
    assert!(warns(&run, &["user-anna", "user-bert", "in another context"]), "{}", run.log);
    assert_eq!(deputies(&world, 10, "anna"), (Vec::new(), true));
    batches.done([robert]);
    assert_eq!(deputies(&world, 10, "anna").0, ["robert mail=02400"]);
}

/// Rules: N/deputies-move
#[test]
fn who_moves_or_goes_takes_back_what_she_gave() {
    let world = world();
    let mut batches = Batches::of(&world);
    batches.done([context(20), user("bert", 10), user("cora", 20)]);
    let anna = |context| {
        let all = [("bert", "02400", "00000", false), ("cora", "02400", "00000", false)];
        deputised("anna", context, &all)
    };
    batches.done([anna(10)]);
    assert_eq!(deputies(&world, 10, "anna").0, ["bert mail=02400"]);
    let calls = batches.calls([anna(20)]);
    let place = |call: &str| calls.iter().position(|other| other == call).unwrap();
    assert!(place(GRANT) < place(REVOKE_ALL), "{calls:?}");
    assert!(place(REVOKE_ALL) < place("OXUserService.delete"), "{calls:?}");
    assert_eq!(deputies(&world, 10, "anna"), (Vec::new(), false));
    assert_eq!(deputies(&world, 20, "anna"), (vec!["cora mail=02400".to_owned()], true));
    assert_eq!(batches.calls([gone(anna(20))]), [REVOKE_ALL, "OXUserService.delete"]);
    assert_eq!(world.sim.state()["contexts"]["20"]["deputies"], json!({}));
}

/// Rules: N/deputies
#[test]
fn what_a_user_gave_by_hand_is_overwritten_by_what_the_directory_says() {
    let world = world();
    let mut batches = Batches::of(&world);
    batches.done([user("anna", 10), user("bert", 10), user("cora", 10)]);
    let hand = ByHand::of(&world);
    let id = |name| OxId(u32::try_from(number(&world, 10, "users", name)).unwrap());
    let level = DeputyLevel::parse("02400").unwrap();
    let rights = DeputyRights { mail: level, ..DeputyRights::default() };
    for deputy in ["bert", "cora"] {
        let grant = hand.ox.deputy_grant(ContextId(10), id("anna"), id(deputy), rights);
        hand.run(grant).unwrap();
    }
    // Whom the directory gives no deputies keeps those of her own.
    batches.done([with(user("anna", 10), json!({"phone": ["1"]}))]);
    assert_eq!(deputies(&world, 10, "anna").0, ["bert mail=02400", "cora mail=02400"]);
    let anna = deputised("anna", 10, &[("bert", "02400", "02400", false)]);
    let calls = batches.calls([anna]);
    assert_eq!(calls[calls.len() - 5..], [LIST, REVOKE, GET, UPDATE, BLOCK]);
    assert_eq!(deputies(&world, 10, "anna").0, ["bert mail=02400 calendar=02400"]);
}

#[test]
fn after_a_lost_answer_ox_is_asked_and_nothing_is_given_twice() {
    for operation in ["grant", "update", "revoke", "blockManual"] {
        let world = world();
        let mut batches = Batches::of(&world);
        batches.done([user("bert", 10), user("cora", 10)]);
        if operation != "blockManual" && operation != "grant" {
            let before = [("bert", "02400", "00000", false), ("cora", "02400", "00000", false)];
            batches.done([deputised("anna", 10, &before)]);
        }
        let lost = Rule::new(Effect::ApplyThenDrop).on("OXDeputyPermissionsService", operation);
        world.sim.script(lost.times(1));
        world.sim.clear_log();
        batches.done([deputised("anna", 10, &[("bert", "02440", "00000", false)])]);
        let expected = (vec!["bert mail=02440".to_owned()], true);
        assert_eq!(deputies(&world, 10, "anna"), expected, "{operation}");
        let calls = world.calls();
        assert!(calls.contains(&LIST.to_owned()), "{operation}: {calls:?}");
        let given = calls.iter().filter(|call| *call == GRANT).count();
        let made = usize::from(["grant", "blockManual"].contains(&operation));
        assert_eq!(given, made, "{operation}: {calls:?}");
    }
}

#[test]
fn killed_between_two_calls_it_goes_on_where_it_was() {
    let all = [("bert", "02400", "00000", false), ("cora", "02400", "00000", true)];
    for (operation, calls) in [("grant", 0), ("grant", 1), ("blockManual", 0)] {
        let world = world();
        Batches::of(&world).done([user("bert", 10), user("cora", 10)]);
        let hang = Rule::new(Effect::ApplyThenHang).on("OXDeputyPermissionsService", operation);
        world.sim.script(hang.skip(calls).times(1));
        let mut batches = Batches::later(&world);
        batches.put([deputised("anna", 10, &all)]);
        let service = world.serve();
        let last = format!("OXDeputyPermissionsService.{operation}");
        let reached = usize::try_from(calls).unwrap() + 1;
        eventually("the call whose answer hangs", || {
            let applied = world.sim.stats().calls;
            let count = applied.get(&last).copied().unwrap_or_default();
            count >= u64::try_from(reached).unwrap() || world.count(&last) >= reached
        });
        service.kill();
        world.provision();
        let expected = ["bert mail=02400", "cora mail=02400 behalf"];
        assert_eq!(deputies(&world, 10, "anna").0, expected, "{operation} {calls}");
        assert!(deputies(&world, 10, "anna").1);
        world.sim.clear_log();
        batches.done([deputised("anna", 10, &all)]);
        assert_eq!(world.calls(), [""; 0]);
    }
}

/// Rules: N/deputies-old-server
#[test]
fn where_ox_has_no_deputies_it_is_told_once_and_all_else_is_done() {
    let world = world_with(SimOptions::univention());
    let mut batches = Batches::of(&world);
    let bert = [("bert", "02400", "00000", false)];
    let run = batches.done([
        user("bert", 10),
        deputised("anna", 10, &bert),
        deputised("cora", 10, &bert),
    ]);
    let told = run.log.matches("OX does not offer OXDeputyPermissionsService").count();
    assert_eq!(told, 1, "{}", run.log);
    assert_holds(&run.log, &["mapping.deputy_permissions"]);
    assert_eq!(world.users(10), ["anna", "bert", "cora"]);
    assert!(!world.calls().iter().any(|call| call.contains("Deputy")));
}

#[test]
fn switched_off_nothing_is_looked_at() {
    let mut world = world();
    world.env.remove("OX_ENABLE_DEPUTY_PERMISSIONS");
    let mut batches = Batches::of(&world);
    batches.done([user("bert", 10)]);
    let calls = batches
        .calls([with(user("anna", 10), json!({"oxDeputyPermissionGivenTo": [["nonsense"], "x"]}))]);
    assert!(!calls.iter().any(|call| call.contains("Deputy")), "{calls:?}");
    // Switched on, it counts from the user's next change on.
    world.env.insert("OX_ENABLE_DEPUTY_PERMISSIONS".to_owned(), "true".to_owned());
    Batches::later(&world).done([deputised("anna", 10, &[("bert", "02400", "00000", false)])]);
    assert_eq!(deputies(&world, 10, "anna").0, ["bert mail=02400"]);
}

#[test]
fn an_entry_that_is_not_understood_is_told_by_its_place() {
    let world = world();
    let mut batches = Batches::of(&world);
    batches.done([user("bert", 10)]);
    let all = [("bert", "02400", "00000", false), ("bert", "viewer", "00000", false)];
    let run = batches.faulty([deputised("anna", 10, &all)]);
    assert_holds(&run.log, &["entry 2 of oxDeputyPermissionGivenTo", "02400"]);
    assert_eq!(world.users(10), ["bert"]);
    // Nobody is deputy of himself, and nothing allowed is no deputy.
    let mut later = Batches::later(&world);
    std::fs::remove_file(world.queue_dir().join(world.queue().remove(0))).unwrap();
    let all = [("anna", "02400", "00000", false), ("bert", "00000", "00000", false)];
    let run = later.done([deputised("anna", 10, &all)]);
    assert!(warns(&run, &["user-anna", "own deputy"]), "{}", run.log);
    assert_eq!(deputies(&world, 10, "anna"), (Vec::new(), true));
}

#[test]
fn a_restored_database_with_other_numbers_makes_nobody_else_a_deputy() {
    let world = world();
    let mut batches = Batches::of(&world);
    batches.done([user("bert", 10), user("anna", 10)]);
    // Bert's account is another one by now, of which drover has not heard.
    let hand = ByHand::of(&world);
    hand.delete_user(10, "bert");
    hand.create_user(10, "bert");
    batches.done([deputised("anna", 10, &[("bert", "02400", "00000", false)])]);
    assert_eq!(deputies(&world, 10, "anna").0, ["bert mail=02400"]);
}
