//! Users who move between contexts: copied with all they have, and there exactly once in the end.

use drover::sim::{Effect, Rule};
use serde_json::{Value, json};

use crate::scene::{
    Batches, ByHand, assert_holds, field, lines, mail, members, number, raw_user, rights, warns,
};
use crate::world::{World, account, context, group, user, with};

const CREATE: &str = "OXUserService.createByModuleAccess";
const COPY: &str = "OXUserCopyService.copyUser";

// OBJ-18, OBJ-19
/// Rules: U11, D63, R1
#[test]
fn a_user_who_moves_is_copied_with_all_data_also_under_a_new_name() {
    for renamed in [false, true] {
        let world = World::new();
        let mut batches = Batches::of(&world);
        let anna = mail(user("anna", 10), "anna", &["a.berg"]);
        batches.done([
            context(20),
            anna.clone(),
            user("bert", 10),
            user("carla", 20),
            group("team", &["anna", "bert", "carla"]),
            account("help", &["anna", "bert"]),
        ]);
        let by_hand = ByHand::of(&world);
        by_hand.change_user(10, "anna", "userfield20", "written in OX");
        by_hand.change_user(10, "anna", "defaultSenderAddress", "a.berg@heide.example");
        let target = if renamed { "anne" } else { "anna" };
        let moved = with(anna, json!({"oxContext": 20, "username": target, "lastname": "Moved"}));
        world.sim.clear_log();
        let run = batches.done([moved.clone()]);
        let calls = world.calls();
        assert_eq!(calls.iter().filter(|c| *c == COPY).count(), 1, "{calls:?}");
        assert!(!calls.iter().any(|c| c == CREATE), "{calls:?}");
        assert_eq!(world.users(10), ["bert"]);
        assert_eq!(world.users(20), [target, "carla"]);
        assert_eq!(field(&world, 20, target, "userfield20"), "written in OX", "data is kept");
        assert_eq!(field(&world, 20, target, "sur_name"), "Moved");
        let kept = field(&world, 20, target, "defaultSenderAddress");
        assert_eq!(kept, "a.berg@heide.example", "the sender chosen in OX");
        // The copy had no profile's rights and no groups.
        assert!(rights(&world, 20, target).contains(&"webmail".to_owned()));
        assert!(!rights(&world, 20, target).contains(&"globalAddressBookDisabled".to_owned()));
        assert_eq!(members(&world, 10, "team").unwrap(), ["bert"]);
        let mut both = [target, "carla"];
        both.sort_unstable();
        assert_eq!(members(&world, 20, "team").unwrap(), both);
        // One functional account, as such, and not what the copy brought along.
        let states = raw_user(&world, 20, target)["accounts"].clone();
        assert_eq!(states.as_array().unwrap().len(), 1, "{states}");
        assert_eq!(states[0]["secondary"], true, "{states}");
        assert_eq!(lines(&run, "ERROR"), Vec::<Value>::new());
        assert_eq!(batches.calls([moved]), [""; 0]);
    }
}

// OBJ-18
#[test]
fn who_moves_under_a_new_name_gets_it_first_where_somebody_else_of_the_directory_has_the_old_one() {
    let world = World::new();
    let mut batches = Batches::of(&world);
    let other = with(user("other", 20), json!({"username": "anna"}));
    batches.done([context(20), user("anna", 10), user("x", 10), other]);
    let ids = [(10, "x"), (20, "anna")].map(|(id, name)| number(&world, id, "users", name));
    batches.done([with(user("anna", 20), json!({"username": "anne"}))]);
    assert_eq!(world.users(10), ["x"]);
    assert_eq!(world.users(20), ["anna", "anne"]);
    let after = [(10, "x"), (20, "anna")].map(|(id, name)| number(&world, id, "users", name));
    assert_eq!(after, ids, "the others are who they were");
    assert_eq!(world.count(COPY), 1);
}

/// Anna is to move from context 10 to 20, where somebody made an account of that name by hand.
fn in_both_contexts(world: &World) -> (Batches<'_>, ByHand, [u64; 2]) {
    let mut batches = Batches::of(world);
    batches.done([context(20), user("x", 10), user("anna", 10), user("bert", 20)]);
    let by_hand = ByHand::of(world);
    by_hand.create_user(20, "anna");
    let ids = [10, 20].map(|id| number(world, id, "users", "anna"));
    (batches, by_hand, ids)
}

// OBJ-20
/// Rules: U12, D8
#[test]
fn a_user_who_is_in_both_contexts_is_held_with_both_numbers_and_nothing_is_touched() {
    // Under the new name as well as under the one she has so far.
    for name in ["anna", "anne"] {
        let world = World::new();
        let (mut batches, by_hand, ids) = in_both_contexts(&world);
        let before = [10, 20].map(|id| raw_user(&world, id, "anna"));
        let moved = with(user("anna", 20), json!({"lastname": "Moved", "username": name}));
        let run = batches.faulty([moved, user("zoe", 10)]);
        let there = format!("number {} in context 10", ids[0]);
        let here = format!("number {} in context 20", ids[1]);
        assert_holds(&run.stdout, &["user user-anna", "both contexts", &there, &here, "delete"]);
        assert_eq!([10, 20].map(|id| raw_user(&world, id, "anna")), before, "nothing was touched");
        assert_eq!(world.count(COPY), 0);
        // The operator picks the one in the old context: it is copied.
        by_hand.delete_user(20, "anna");
        world.provision();
        assert_eq!(world.users(20), [name, "bert"]);
        assert_eq!(world.users(10), ["x", "zoe"]);
        assert_eq!(world.count(COPY), 1);
    }
}

// OBJ-20
/// Rules: U12, D6
#[test]
fn of_a_user_in_both_contexts_the_new_one_is_taken_over_once_the_old_one_is_deleted_by_hand() {
    let world = World::new();
    let (mut batches, by_hand, ids) = in_both_contexts(&world);
    let stranger = raw_user(&world, 20, "bert");
    batches.faulty([with(user("anna", 20), json!({"lastname": "Moved"}))]);
    by_hand.delete_user(10, "anna");
    let run = world.provision();
    assert_eq!(world.users(10), ["x"]);
    assert_eq!(number(&world, 20, "users", "anna"), ids[1]);
    assert_eq!(field(&world, 20, "anna", "sur_name"), "Moved");
    assert_eq!(raw_user(&world, 20, "bert"), stranger);
    assert_eq!(world.count(COPY), 0);
    assert!(warns(&run, &["took over", "user-anna"]), "{}", run.log);
}

// OBJ-18, ERR-18
/// Rules: U11, D8
#[test]
fn a_move_into_a_context_that_is_missing_loses_nothing_and_goes_on_when_it_is_there() {
    let world = World::new();
    let mut batches = Batches::of(&world);
    batches.done([user("anna", 10)]);
    let run = batches.faulty([user("anna", 20), user("bert", 10)]);
    assert_holds(&run.stdout, &["user user-anna", "20"]);
    assert_holds(&run.log, &["context 20 is not in OX", "the context's own object"]);
    assert!(world.users(10).contains(&"anna".to_owned()), "still where she was");
    batches.done([context(20)]);
    assert_eq!(world.users(20), ["anna"]);
    assert_eq!(world.users(10), ["bert"]);
    assert_eq!(world.count(COPY), 1);
}

/// Rules: D62
#[test]
fn a_move_out_of_what_is_gone_makes_the_user_anew_for_all_to_see() {
    let world = World::new();
    let mut batches = Batches::of(&world);
    batches.done([context(20), user("anna", 20), user("bert", 10)]);
    let by_hand = ByHand::of(&world);
    by_hand.delete_user(10, "bert");
    by_hand.delete_context(20);
    let run = batches.done([user("anna", 10)]);
    assert_eq!(world.users(10), ["anna"]);
    assert!(warns(&run, &["user-anna", "made again"]), "{}", run.log);
    batches.done([with(context(20), json!({"oxQuota": 5}))]);
    let run = batches.done([user("bert", 20)]);
    assert_eq!(world.users(20), ["bert"]);
    assert_eq!(world.users(10), ["anna"]);
    assert!(warns(&run, &["user-bert", "made again"]), "{}", run.log);
}

// ERR-26
/// Rules: D7, D6
#[test]
fn a_move_whose_copy_was_not_answered_ends_with_exactly_one_account() {
    let lost = |effect| Rule::new(effect).on("OXUserCopyService", "copyUser").times(1);
    let fault = Effect::Fault { class: "StorageException".into(), text: "some trouble".into() };
    for effect in [Effect::ApplyThenDrop, Effect::DropBefore, fault] {
        for target in ["anna", "anne"] {
            let world = World::new();
            let mut batches = Batches::of(&world);
            batches.done([context(20), user("anna", 10), user("bert", 20), user("x", 20)]);
            let stranger = raw_user(&world, 20, "bert");
            world.sim.script(lost(effect.clone()));
            let moved = with(user("anna", 20), json!({"username": target}));
            let run = batches.done([moved]);
            assert_eq!(world.users(10), [""; 0], "{effect:?}");
            assert_eq!(world.users(20), [target, "bert", "x"], "{effect:?}");
            assert_eq!(raw_user(&world, 20, "bert"), stranger);
            assert!(rights(&world, 20, target).contains(&"webmail".to_owned()));
            assert!(!run.log.contains("took over"), "it is our own copy");
            let copies =
                world.sim.log().iter().filter(|c| c.operation == "copyUser" && c.applied).count();
            assert_eq!(copies, 1);
        }
    }
}

// The copy is there, and then nothing works for a while: neither the rights nor the deletion.
/// Rules: D7, D8
#[test]
fn a_move_that_stands_still_after_its_copy_goes_on_from_there() {
    let world = World::new();
    let mut batches = Batches::of(&world);
    batches.done([context(20), user("anna", 10), user("bert", 20)]);
    let fault = || Effect::Fault { class: "StorageException".into(), text: "no".into() };
    for operation in ["changeByModuleAccess", "delete"] {
        world.sim.script(Rule::new(fault()).on("OXUserService", operation).times(3));
    }
    let run = batches.faulty([user("anna", 20)]);
    assert_holds(&run.stdout, &["user user-anna"]);
    let run = world.run_once();
    assert_eq!(run.code, 3, "now the deletion is refused: {}", run.stdout);
    world.provision();
    assert_eq!(world.users(10), [""; 0]);
    assert_eq!(world.users(20), ["anna", "bert"]);
    assert_eq!(world.count(COPY), 1);
}
