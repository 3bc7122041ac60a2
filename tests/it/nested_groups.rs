//! Groups in groups (OBJ-46): who is in one of them is in those that hold it.

use serde_json::{Value, json};

use crate::scene::{Batches, members};
use crate::world::{World, context, gone, group, user, with};

fn world() -> World {
    let mut world = World::new();
    world.env.insert("DROVER__GROUPS__MEMBERSHIP".to_owned(), "flattened".to_owned());
    world
}

/// A group with users and groups in it.
fn holding(name: &str, users: &[&str], groups: &[&str]) -> Value {
    let dn = |name: &&str| format!("cn={name},cn=groups,dc=heide,dc=example");
    let groups: Vec<String> = groups.iter().map(dn).collect();
    with(group(name, users), json!({ "nestedGroup": groups }))
}

/// The same, which is no OX group.
fn plain(name: &str, users: &[&str], groups: &[&str]) -> Value {
    with(holding(name, users, groups), json!({"isOxGroup": "Not"}))
}

fn writes(calls: &[String]) -> Vec<&str> {
    let writes = [".create", ".change", ".delete", ".addMember", ".removeMember"];
    calls.iter().map(String::as_str).filter(|c| writes.iter().any(|w| c.ends_with(w))).collect()
}

#[test]
fn whoever_is_in_a_group_at_any_depth_is_in_those_that_hold_it() {
    let world = world();
    let mut batches = Batches::of(&world);
    batches.done([
        user("anna", 10),
        user("bert", 10),
        user("cora", 10),
        // Backwards, and with one between that is no OX group.
        holding("all", &["anna"], &["middle"]),
        plain("middle", &["bert"], &["team"]),
        group("team", &["cora"]),
    ]);
    assert_eq!(members(&world, 10, "all").unwrap(), ["anna", "bert", "cora"]);
    assert_eq!(members(&world, 10, "team").unwrap(), ["cora"]);
    assert_eq!(members(&world, 10, "middle"), None);
    // A change deep down reaches those above, each with one call.
    let calls = batches.calls([group("team", &["cora", "bert"])]);
    assert_eq!(writes(&calls).len(), 1, "bert was in \"all\" already: {calls:?}");
    batches.done([user("dora", 10)]);
    let calls = batches.calls([group("team", &["cora", "bert", "dora"])]);
    assert_eq!(writes(&calls).len(), 2, "{calls:?}");
    assert_eq!(members(&world, 10, "all").unwrap(), ["anna", "bert", "cora", "dora"]);
    // By two ways; one of them ends.
    let calls = batches.calls([plain("middle", &[], &["team"])]);
    assert_eq!(writes(&calls), [""; 0]);
    assert!(members(&world, 10, "all").unwrap().contains(&"bert".to_owned()));
    // The way through the middle ends.
    batches.done([gone(plain("middle", &[], &[]))]);
    assert_eq!(members(&world, 10, "all").unwrap(), ["anna"]);
    batches.done([plain("middle", &["bert"], &["team"])]);
    assert_eq!(members(&world, 10, "all").unwrap(), ["anna", "bert", "cora", "dora"]);
    world.assert_no_overlap();
}

#[test]
fn said_again_nothing_is_written_and_a_burst_deep_down_is_one_change_above() {
    let world = world();
    let mut batches = Batches::of(&world);
    let people: Vec<String> = (0..12).map(|n| format!("user{n}")).collect();
    batches.done(people.iter().map(|name| user(name, 10)));
    let names: Vec<&str> = people.iter().map(String::as_str).collect();
    let top = holding("top", &["user0"], &["middle"]);
    let middle = holding("middle", &["user1"], &["deep"]);
    batches.done([group("deep", &names[2..3]), middle.clone(), top.clone()]);
    let again = [group("deep", &names[2..3]), middle, top.clone()];
    assert_eq!(batches.calls(again), [""; 0]);
    let burst = (4..=12).map(|end| group("deep", &names[2..end]));
    let calls = batches.calls(burst);
    assert_eq!(members(&world, 10, "top").unwrap().len(), 12);
    assert_eq!(members(&world, 10, "middle").unwrap().len(), 11);
    // The nine changes are folded to a few, and those above follow once for each of these at most.
    assert!(writes(&calls).len() <= 9, "{calls:?}");
}

#[test]
fn groups_that_hold_each_other_hold_the_same() {
    let world = world();
    let mut batches = Batches::of(&world);
    batches.done([user("anna", 10), user("bert", 10), user("cora", 10)]);
    batches.done([
        holding("left", &["anna"], &["right"]),
        holding("right", &["bert"], &["left", "right"]),
    ]);
    for name in ["left", "right"] {
        assert_eq!(members(&world, 10, name).unwrap(), ["anna", "bert"], "{name}");
    }
    batches.done([holding("right", &["cora"], &["left"])]);
    for name in ["left", "right"] {
        assert_eq!(members(&world, 10, name).unwrap(), ["anna", "cora"], "{name}");
    }
    batches.done([holding("right", &["cora"], &[])]);
    assert_eq!(members(&world, 10, "left").unwrap(), ["anna", "cora"]);
    assert_eq!(members(&world, 10, "right").unwrap(), ["cora"]);
}

#[test]
fn users_who_come_go_and_move_are_followed_through_the_groups_in_groups() {
    let world = world();
    let mut batches = Batches::of(&world);
    batches.done([
        context(20),
        user("anna", 10),
        holding("all", &[], &["middle"]),
        plain("middle", &[], &["team"]),
        plain("team", &["anna", "bert"], &[]),
    ]);
    assert_eq!(members(&world, 10, "all").unwrap(), ["anna"]);
    batches.done([user("bert", 20)]);
    assert_eq!(members(&world, 20, "all").unwrap(), ["bert"]);
    batches.done([user("bert", 10)]);
    assert_eq!(members(&world, 10, "all").unwrap(), ["anna", "bert"]);
    assert_eq!(members(&world, 20, "all"), None);
    batches.done([with(user("anna", 10), json!({"isOxUser": "Not"}))]);
    assert_eq!(members(&world, 10, "all").unwrap(), ["bert"]);
    // The inner group has another name: those above name it anew, maybe later.
    let mut crew = plain("crew", &["anna", "bert"], &[]);
    crew["id"] = json!("group-team");
    batches.done([crew]);
    batches.done([user("anna", 10)]);
    assert_eq!(members(&world, 10, "all").unwrap(), ["anna", "bert"]);
    batches.done([plain("middle", &[], &["crew"])]);
    assert_eq!(members(&world, 10, "all").unwrap(), ["anna", "bert"]);
    world.assert_no_overlap();
}

#[test]
fn killed_in_the_middle_those_above_still_follow() {
    use drover::sim::{Effect, Rule};
    let world = world();
    let mut batches = Batches::of(&world);
    batches.done([
        user("anna", 10),
        user("bert", 10),
        group("team", &["anna"]),
        holding("all", &[], &["team"]),
    ]);
    let hang = Rule::new(Effect::ApplyThenHang).on("OXGroupService", "change");
    world.sim.script(hang.times(1));
    world.sim.clear_log();
    batches.put([group("team", &["anna", "bert"])]);
    let service = world.serve();
    crate::world::eventually("the call whose answer hangs", || {
        world.sim.stats().calls.get("OXGroupService.change").is_some_and(|calls| *calls > 0)
    });
    service.kill();
    world.provision();
    for name in ["team", "all"] {
        assert_eq!(members(&world, 10, name).unwrap(), ["anna", "bert"], "{name}");
    }
}

#[test]
fn unless_it_is_asked_for_only_a_groups_own_users_are_in_it() {
    let world = World::new();
    let mut batches = Batches::of(&world);
    batches.done([user("anna", 10), user("bert", 10), group("team", &["bert"])]);
    batches.done([holding("all", &["anna"], &["team"])]);
    assert_eq!(members(&world, 10, "all").unwrap(), ["anna"]);
    let calls = batches.calls([group("team", &["bert", "anna"])]);
    assert_eq!(writes(&calls).len(), 1, "{calls:?}");
}

#[test]
fn compared_with_ox_they_are_the_same() {
    let world = world();
    let mut batches = Batches::of(&world);
    batches.done([
        user("anna", 10),
        user("bert", 10),
        plain("team", &["bert"], &[]),
        holding("all", &["anna"], &["team"]),
    ]);
    let run = world.ask("compare", &["--rate", "0", "--all", "--json"]);
    assert_eq!(run.code, 0, "{}", run.stdout);
}
