//! What need not be written is not written, and what was changed in OX by hand stays.

use serde_json::{Value, json};

use crate::scene::{Batches, ByHand, field, profile, warns};
use crate::world::{World, account, context, gone, group, resource, user, with};

/// One object of each kind that OX knows.
fn one_of_each() -> [Value; 5] {
    [
        context(20),
        user("anna", 20),
        resource("room", 20),
        group("team", &["anna"]),
        account("help", &["anna"]),
    ]
}

// ATT-14, SRC-20
/// Rules: Q5, Q6
#[test]
fn the_same_object_once_more_or_with_a_property_that_is_not_mapped_costs_no_call_of_any_kind() {
    let world = World::new();
    let mut batches = Batches::of(&world);
    batches.done(one_of_each());
    assert_eq!(batches.calls(one_of_each()), [""; 0]);
    for item in one_of_each() {
        let irrelevant =
            json!({"gecos": "x", "univentionPolicyReference": ["cn=y"], "shell": "/bin/z"});
        let calls = batches.calls([with(item.clone(), irrelevant)]);
        assert_eq!(calls, [""; 0], "{}", item["udm_object_type"]);
    }
}

// ATT-13
/// Rules: 8.1/change, D59
#[test]
fn only_the_field_that_changed_is_sent() {
    let mut world = World::new();
    let wire = crate::scene::Wire::of(&mut world);
    let mut batches = Batches::of(&world);
    batches.done([user("anna", 10)]);
    wire.heard();
    assert_eq!(
        batches.calls([with(user("anna", 10), json!({"lastname": "Berg"}))]),
        ["OXUserService.change"]
    );
    let sent = wire.heard();
    let data = sent.split("usrdata>").nth(1).unwrap();
    let names = data.split("</").skip(1).filter_map(|end| end.split('>').next()?.split(':').nth(1));
    let names: Vec<&str> = names.filter(|name| !["name", ""].contains(name)).collect();
    assert_eq!(names, ["sur_name"], "and the name that says who is meant");
}

// ATT-11
/// Rules: 8.1/change
#[test]
fn a_value_changed_by_hand_stays_until_the_directory_changes_it() {
    let world = World::new();
    let mut batches = Batches::of(&world);
    let anna = user("anna", 10);
    batches.done([anna.clone()]);
    let by_hand = ByHand::of(&world);
    by_hand.change_user(10, "anna", "sur_name", "By Hand");
    batches.done([anna.clone()]);
    batches.done([with(anna.clone(), json!({"firstname": "Other"}))]);
    assert_eq!(field(&world, 10, "anna", "sur_name"), "By Hand");
    assert_eq!(field(&world, 10, "anna", "given_name"), "Other");
    batches.done([with(anna, json!({"lastname": "Directory"}))]);
    assert_eq!(field(&world, 10, "anna", "sur_name"), "Directory");
}

// ATT-11: both have changed it; seen because a rename has to ask OX anyway.
#[test]
fn a_value_changed_on_both_sides_is_told_when_ox_is_asked_for_the_user() {
    let world = World::new();
    let mut batches = Batches::of(&world);
    batches.done([user("anna", 10), user("bert", 10)]);
    let by_hand = ByHand::of(&world);
    by_hand.change_user(10, "anna", "sur_name", "By Hand");
    by_hand.change_user(10, "anna", "given_name", "By Hand, too");
    let renamed = |name: &str, to: &str| {
        with(user(name, 10), json!({"username": to, "lastname": "Directory"}))
    };
    let run = batches.done([renamed("anna", "anne")]);
    assert!(warns(&run, &["user-anna", "sur_name", "changed in OX as well"]), "{}", run.log);
    assert!(!warns(&run, &["given_name"]), "only what both have changed: {}", run.log);
    assert!(!run.log.contains("By Hand"), "values are not logged");
    assert_eq!(field(&world, 10, "anne", "sur_name"), "Directory");
    assert_eq!(field(&world, 10, "anne", "given_name"), "By Hand, too");
    let run = batches.done([renamed("bert", "berta")]);
    assert!(!warns(&run, &["changed in OX as well"]), "{}", run.log);
}

/// Rules: D1, 14/1
#[test]
fn what_was_made_and_deleted_in_one_batch_is_not_in_ox_whatever_it_is() {
    let world = World::new();
    let mut batches = Batches::of(&world);
    batches.done([user("bert", 10)]);
    let before = world.sim.state()["contexts"].clone();
    let profile = profile("brief", &["webmail"]);
    for item in [
        context(20),
        user("anna", 10),
        group("team", &["bert"]),
        account("help", &["bert"]),
        resource("beamer", 10),
        profile,
    ] {
        let changed = with(item.clone(), json!({"description": "changed"}));
        let batch = [item.clone(), changed, gone(item)];
        // Whatever comes in between or after them.
        assert_eq!(batches.calls(batch.clone()), [""; 0]);
        batches.done(batch.into_iter().chain([user("bert", 10)]));
        assert_eq!(world.sim.state()["contexts"], before);
    }
    let file = world.data.path().join("ModuleAccessDefinitions.properties");
    assert!(!std::fs::read_to_string(file).unwrap_or_default().contains("brief"));
}
