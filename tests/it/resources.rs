//! Resources: made, changed, renamed and moved as what they are, and found again by name.

use drover::model::ContextId;
use drover::ox::{OxApi, Target};
use drover::sim::{Effect, Rule};
use serde_json::{Value, json};

use crate::scene::{Batches, ByHand, assert_holds, identified, number, warns};
use crate::world::{World, context, eventually, gone, resource, user, with};

const CREATE: &str = "OXResourceService.create";
const CHANGE: &str = "OXResourceService.change";
const DELETE: &str = "OXResourceService.delete";

fn found(world: &World, context: u32, name: &str) -> Value {
    world.context(context)["resources"][name].clone()
}

fn names(world: &World, context: u32) -> Vec<String> {
    let resources = world.context(context)["resources"].clone();
    resources.as_object().unwrap().keys().cloned().collect()
}

fn delete_by_hand(world: &World, context: u32, name: &str) {
    let by_hand = ByHand::of(world);
    let resource = Target::Name(name.to_owned());
    by_hand.run(by_hand.ox.resource_delete(ContextId(context), &resource)).unwrap();
}

// OBJ-53, ATT-13, ATT-14
/// Rules: S2, S4, S9, D59, 9.3/fields
#[test]
fn making_changing_and_deleting_a_resource_is_one_call_each_and_no_change_is_none() {
    let world = World::new();
    let mut batches = Batches::of(&world);
    let beamer =
        with(resource("beamer", 10), json!({"description": "Full HD", "resourceadmin": "1"}));
    assert_eq!(batches.calls([beamer.clone()]), [CREATE]);
    let made = found(&world, 10, "beamer");
    assert_eq!(made["displayname"], "beamer");
    assert_eq!(made["description"], "Full HD");
    assert_eq!(made["email"], "beamer@heide.example");
    assert_eq!(made["available"], true);
    assert_eq!(batches.calls([beamer.clone()]), [""; 0]);
    let changed = with(beamer, json!({"displayname": "The beamer", "description": null}));
    assert_eq!(batches.calls([changed.clone()]), [CHANGE]);
    let after = found(&world, 10, "beamer");
    assert_eq!(after["displayname"], "The beamer");
    assert!(after["description"].as_str().unwrap_or_default().is_empty(), "{after}");
    assert_eq!(after["id"], made["id"]);
    assert_eq!(batches.calls([changed.clone()]), [""; 0]);
    assert_eq!(batches.calls([gone(changed)]), [DELETE]);
    assert_eq!(names(&world, 10), [""; 0]);
}

// OBJ-53
/// Rules: S6
#[test]
fn a_resource_that_moves_is_in_the_new_context_before_it_leaves_the_old_one() {
    let world = World::new();
    let mut batches = Batches::of(&world);
    batches.done([context(20), resource("beamer", 10)]);
    assert_eq!(batches.calls([resource("beamer", 20)]), [CREATE, DELETE]);
    assert_eq!(names(&world, 10), [""; 0]);
    assert_eq!(names(&world, 20), ["beamer"]);
    // Renamed at the same time.
    let renamed = with(resource("beamer", 10), json!({"name": "screen"}));
    assert_eq!(batches.calls([renamed]), [CREATE, DELETE]);
    assert_eq!(names(&world, 10), ["screen"]);
    assert_eq!(names(&world, 20), [""; 0]);
}

/// Rules: S7, D6, D8
#[test]
fn a_resource_that_is_in_both_contexts_is_taken_over_and_no_other_is_touched() {
    let world = World::new();
    let mut batches = Batches::of(&world);
    batches.done([context(20), resource("beamer", 10)]);
    let by_hand = ByHand::of(&world);
    // Made so that one has the number that the resource has in its old context.
    let mut others = Vec::new();
    for n in 0..4 {
        others.push(by_hand.create_resource(20, &format!("other{n}")));
    }
    let there = u64::from(by_hand.create_resource(20, "beamer").0);
    let old = number(&world, 10, "resources", "beamer");
    assert!(others.iter().any(|other| u64::from(other.0) == old), "{others:?} {old}");
    let before = world.context(20)["resources"].clone();
    let run = batches.done([resource("beamer", 20)]);
    assert_eq!(names(&world, 10), [""; 0]);
    assert_eq!(number(&world, 20, "resources", "beamer"), there);
    assert_eq!(found(&world, 20, "beamer")["email"], "beamer@heide.example");
    for n in 0..4 {
        let name = format!("other{n}");
        assert_eq!(found(&world, 20, &name), before[&name]);
    }
    assert!(warns(&run, &["took over", "resource-beamer"]), "{}", run.log);
}

/// Rules: S1, D5, D22
#[test]
fn a_resource_without_context_waits_for_one() {
    let world = World::new();
    let mut batches = Batches::of(&world);
    let nowhere = with(resource("beamer", 10), json!({"oxContext": null}));
    assert_eq!(batches.calls([nowhere]), [""; 0]);
    batches.done([resource("beamer", 10)]);
    assert_eq!(names(&world, 10), ["beamer"]);
    // A context's number in another form is the same context (D5).
    for form in [json!(10), json!("10"), json!("010")] {
        assert_eq!(
            batches.calls([with(resource("beamer", 10), json!({"oxContext": form}))]),
            [""; 0]
        );
    }
}

// OBJ-44
/// Rules: S4, S5, D23
#[test]
fn a_renamed_resource_stays_the_same_and_a_taken_name_is_taken_over_or_a_clear_fault() {
    let world = World::new();
    let mut batches = Batches::of(&world);
    batches.done([resource("beamer", 10), resource("room", 10)]);
    let id = number(&world, 10, "resources", "beamer");
    let renamed = |name: &str| with(resource("beamer", 10), json!({"name": name}));
    batches.done([renamed("screen")]);
    assert_eq!(number(&world, 10, "resources", "screen"), id);
    let by_hand = ByHand::of(&world);
    let other = u64::from(by_hand.create_resource(10, "wall").0);
    let run = batches.faulty([renamed("wall"), user("anna", 10)]);
    assert_holds(&run.stdout, &["resource resource-beamer", "already exists"]);
    assert_eq!(names(&world, 10), ["room", "screen", "wall"]);
    assert_eq!(found(&world, 10, "wall")["displayname"], "by hand", "untouched");
    delete_by_hand(&world, 10, "screen");
    world.provision();
    assert_eq!(number(&world, 10, "resources", "wall"), other);
    assert_eq!(found(&world, 10, "wall")["email"], "beamer@heide.example");
    assert!(world.calls().len() < 40, "no endless loop: {:?}", world.calls());
}

// ERR-15, ERR-16, ERR-17
/// Rules: S3, S5, S9
#[test]
fn one_that_is_there_is_taken_over_and_one_that_is_missing_is_made_again() {
    let world = World::new();
    let mut batches = Batches::of(&world);
    let id = u64::from(ByHand::of(&world).create_resource(10, "beamer").0);
    let run = batches.done([resource("beamer", 10)]);
    assert_eq!(number(&world, 10, "resources", "beamer"), id);
    assert_eq!(found(&world, 10, "beamer")["displayname"], "beamer");
    assert!(warns(&run, &["took over", "resource-beamer"]), "{}", run.log);
    delete_by_hand(&world, 10, "beamer");
    let run = batches.done([with(resource("beamer", 10), json!({"description": "new"}))]);
    assert_eq!(found(&world, 10, "beamer")["description"], "new");
    assert!(warns(&run, &["made again", "resource-beamer"]), "{}", run.log);
    delete_by_hand(&world, 10, "beamer");
    batches.done([gone(resource("beamer", 10)), gone(resource("never", 10))]);
    assert_eq!(names(&world, 10), [""; 0]);
}

// OX wants an address of a new resource.
/// Rules: S2
#[test]
fn a_resource_without_address_is_told_in_plain_words() {
    let world = World::new();
    let mut batches = Batches::of(&world);
    let mute = with(resource("beamer", 10), json!({"resourceMailAddress": ""}));
    let run = batches.faulty([mute]);
    assert_holds(&run.stdout, &["resourceMailAddress", "resource resource-beamer"]);
    assert_eq!(world.calls(), [""; 0]);
}

// ERR-26: OX would make a second one of that name if it were asked twice at the same time.
#[test]
fn a_resource_whose_making_was_not_answered_is_there_once() {
    for effect in [Effect::ApplyThenDrop, Effect::DropBefore] {
        let world = World::new();
        let mut batches = Batches::of(&world);
        batches.done([context(20)]);
        for operation in ["create", "delete"] {
            let rule = Rule::new(effect.clone()).on("OXResourceService", operation);
            world.sim.script(rule.times(1));
        }
        let run = batches.done([resource("beamer", 10)]);
        assert_eq!(names(&world, 10), ["beamer"]);
        batches.done([resource("beamer", 20)]);
        assert_eq!(names(&world, 10), [""; 0]);
        assert_eq!(names(&world, 20), ["beamer"]);
        assert!(!run.log.contains("took over"), "it is ours: {}", run.log);
    }
}

// Name and address handed from one resource to the next, in any order.
/// Rules: D64, 14/4
#[test]
fn a_name_is_handed_on_in_whatever_order_the_two_come() {
    let second = || identified(resource("beamer", 10), "resource-second");
    let aside = || {
        let other = json!({"name": "old", "resourceMailAddress": "old@heide.example"});
        with(resource("beamer", 10), other)
    };
    for (first, then) in [
        (gone(resource("beamer", 10)), second()),
        (second(), gone(resource("beamer", 10))),
        (aside(), second()),
        (second(), aside()),
        (resource("beamer", 20), second()),
        (second(), resource("beamer", 20)),
    ] {
        let world = World::new();
        let mut batches = Batches::of(&world);
        batches.done([context(20), resource("beamer", 10)]);
        let before = number(&world, 10, "resources", "beamer");
        let case = format!("{first} then {then}");
        let run = batches.done([first, then]);
        assert_ne!(number(&world, 10, "resources", "beamer"), before, "{case}");
        assert!(!run.log.contains("took over"), "{case}: {}", run.log);
    }
}

/// Rules: S8, D22
#[test]
fn a_resource_that_loses_its_context_stays_where_it_is_and_goes_when_it_is_deleted() {
    let world = World::new();
    let mut batches = Batches::of(&world);
    batches.done([resource("beamer", 10)]);
    let lost = with(resource("beamer", 10), json!({"oxContext": null, "description": "new"}));
    batches.done([lost.clone()]);
    assert_eq!(names(&world, 10), ["beamer"]);
    assert_eq!(found(&world, 10, "beamer")["description"], "new", "it still follows its object");
    batches.done([gone(lost)]);
    assert_eq!(names(&world, 10), [""; 0]);
    // First seen without one, then with.
    let second = with(identified(resource("screen", 10), "second"), json!({"oxContext": ""}));
    assert_eq!(batches.calls([second.clone()]), [""; 0]);
    batches.done([with(second, json!({"oxContext": "10"}))]);
    assert_eq!(names(&world, 10), ["screen"]);
}

// A killed run changed it, and before that change is heard of the directory takes it back.
#[test]
fn what_a_killed_run_may_have_written_is_written_over_though_it_looks_as_if_nothing_were_to_do() {
    let world = World::new();
    let mut batches = Batches::of(&world);
    let before = with(resource("beamer", 10), json!({"description": "Full HD"}));
    batches.done([before.clone()]);
    world.sim.script(Rule::new(Effect::ApplyThenHang).on("OXResourceService", "change"));
    batches.put([with(resource("beamer", 10), json!({"description": "lent"}))]);
    let service = world.serve();
    eventually("the change", || found(&world, 10, "beamer")["description"] == "lent");
    service.kill();
    world.sim.clear_script();
    batches.done([before]);
    assert_eq!(found(&world, 10, "beamer")["description"], "Full HD");
}
