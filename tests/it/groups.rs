//! Groups: one of the directory becomes one in each context that has members of it, always with all
//! of them, and never loses one that is only unknown.

use std::collections::BTreeSet;

use drover::sim::{Effect, Rule, SimOptions};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use crate::scene::{
    Batches, ByHand, assert_holds, at, identified, members, number, raw_user, warns,
};
use crate::world::{World, account, context, eventually, file, gone, group, user, with};

const CREATE: &str = "OXGroupService.create";
const CHANGE: &str = "OXGroupService.change";
const DELETE: &str = "OXGroupService.delete";

/// anna and bert in context 10, carla and dora in context 20.
fn town(world: &World) -> Batches<'_> {
    let mut batches = Batches::of(world);
    batches.done([
        context(20),
        user("anna", 10),
        user("bert", 10),
        user("carla", 20),
        user("dora", 20),
    ]);
    world.sim.clear_log();
    batches
}

/// Members of the group `team` in both contexts.
fn team(world: &World) -> [Option<Vec<String>>; 2] {
    [10, 20].map(|id| members(world, id, "team"))
}

#[expect(clippy::unnecessary_wraps, reason = "compared with a group that may be missing")]
fn some(names: &[&str]) -> Option<Vec<String>> {
    Some(names.iter().map(|name| (*name).to_owned()).collect())
}

/// Contexts in which groups were written.
fn touched(world: &World) -> BTreeSet<u32> {
    let log = world.sim.log().into_iter();
    let writes = log.filter(|call| call.service == "OXGroupService" && call.applied);
    writes.flat_map(|call| call.contexts).collect()
}

// OBJ-38, OBJ-39, OBJ-41, OBJ-42, OBJ-45
/// Rules: 9.1/fan-out, 5.1, G1, G4, G5, G8, D35
#[test]
fn a_group_is_in_every_context_that_has_members_of_it_and_in_no_other() {
    let world = World::new();
    let mut batches = town(&world);
    // Its own oxContext is nothing to it.
    let strange = json!({"oxContext": "77"});
    batches.done([with(group("team", &["anna", "bert", "carla"]), strange)]);
    assert_eq!(team(&world), [some(&["anna", "bert"]), some(&["carla"])]);
    assert_eq!(world.context(10)["groups"]["team"]["displayname"], "team");
    // One more in one context is one call there.
    let all = group("team", &["anna", "bert", "carla", "dora"]);
    assert_eq!(batches.calls([all.clone()]), [CHANGE]);
    assert_eq!(touched(&world), BTreeSet::from([20]));
    assert_eq!(batches.calls([all]), [""; 0]);
    // The last one leaves one context.
    let ten = group("team", &["anna", "bert"]);
    assert_eq!(batches.calls([ten]), [DELETE]);
    assert_eq!(team(&world), [some(&["anna", "bert"]), None]);
    // The last of all: an empty group is none.
    batches.done([group("team", &[])]);
    assert_eq!(team(&world), [None, None]);
    batches.done([group("team", &["dora"])]);
    assert_eq!(team(&world), [None, some(&["dora"])]);
    batches.done([group("team", &["anna", "dora"])]);
    batches.done([gone(group("team", &[]))]);
    assert_eq!(team(&world), [None, None]);
}

// OBJ-41
/// Rules: G6, G7
#[test]
fn switching_a_group_off_takes_it_out_of_all_contexts_and_on_brings_it_back() {
    let world = World::new();
    let mut batches = town(&world);
    let on = group("team", &["anna", "carla"]);
    let off = with(on.clone(), json!({"isOxGroup": "Not"}));
    assert_eq!(batches.calls([off.clone()]), [""; 0]);
    batches.done([on.clone()]);
    assert_eq!(team(&world), [some(&["anna"]), some(&["carla"])]);
    batches.done([off.clone()]);
    assert_eq!(team(&world), [None, None]);
    assert_eq!(batches.calls([off]), [""; 0]);
    batches.done([with(on, json!({"isOxGroup": true}))]);
    assert_eq!(team(&world), [some(&["anna"]), some(&["carla"])]);
}

// OBJ-44
/// Rules: G4
#[test]
fn a_renamed_group_stays_the_same_group_everywhere() {
    let world = World::new();
    let mut batches = town(&world);
    batches.done([group("team", &["anna", "carla"])]);
    let before = [10, 20].map(|id| number(&world, id, "groups", "team"));
    let renamed = with(group("team", &["anna", "bert", "carla"]), json!({"name": "crew"}));
    let renamed = at(renamed, "cn=crew,cn=groups,dc=heide,dc=example");
    let calls = batches.calls([renamed.clone()]);
    assert!(!calls.iter().any(|call| call == CREATE || call == DELETE), "{calls:?}");
    assert_eq!([10, 20].map(|id| number(&world, id, "groups", "crew")), before);
    assert_eq!(members(&world, 10, "crew").unwrap(), ["anna", "bert"]);
    assert_eq!(members(&world, 20, "crew").unwrap(), ["carla"]);
    assert_eq!(world.context(10)["groups"]["crew"]["displayname"], "crew");
    assert_eq!(batches.calls([renamed]), [""; 0]);
}

// OBJ-44, ERR-15
/// Rules: D34
#[test]
fn a_group_renamed_to_a_name_that_ox_has_is_taken_over_or_a_clear_fault() {
    let world = World::new();
    let mut batches = town(&world);
    let renamed = |members: &[&str]| with(group("team", members), json!({"name": "crew"}));
    batches.done([group("team", &["anna", "carla"])]);
    let by_hand = ByHand::of(&world);
    let bert = drover::model::OxId(u32::try_from(number(&world, 10, "users", "bert")).unwrap());
    // Both are there: nobody can say which is which.
    by_hand.create_group(10, "crew", &[bert]);
    let run = batches.faulty([renamed(&["anna", "carla"]), user("zoe", 20)]);
    assert_holds(&run.stdout, &["context 10 stands still", "group group-team", "already exists"]);
    assert_eq!(members(&world, 10, "crew").unwrap(), ["bert"], "untouched");
    assert_eq!(members(&world, 10, "team").unwrap(), ["anna"], "untouched");
    assert_eq!(members(&world, 20, "crew").unwrap(), ["carla"], "the other context went on");
    assert_eq!(world.users(20), ["carla", "dora", "zoe"]);
    // Only the new one is there: it is taken over.
    let name = drover::ox::Target::Name("team".to_owned());
    let ten = drover::model::ContextId(10);
    by_hand.run(drover::ox::OxApi::group_delete(&by_hand.ox, ten, &name)).unwrap();
    world.provision();
    assert_eq!(members(&world, 10, "crew").unwrap(), ["anna"]);
    assert_eq!(members(&world, 10, "team"), None);
}

// OBJ-43
/// Rules: G9, D32
#[test]
fn oxs_own_group_users_is_never_touched_in_any_case_of_letters() {
    let world = World::new();
    let mut batches = town(&world);
    let before = world.context(10)["groups"].clone();
    for name in ["users", "Users", "USERS"] {
        let users = group(name, &["anna"]);
        let renamed = with(group("team", &["anna"]), json!({"name": name}));
        assert_eq!(batches.calls([users.clone()]), [""; 0], "{name}");
        let changed = with(users.clone(), json!({"users": [], "description": "x"}));
        assert_eq!(batches.calls([changed]), [""; 0], "{name}");
        assert_eq!(batches.calls([gone(users)]), [""; 0], "{name}");
        batches.done([renamed.clone(), gone(renamed)]);
        assert_eq!(world.context(10)["groups"], before, "{name}");
    }
}

// OBJ-43: a group that was ours and is renamed to it.
/// Rules: G9
#[test]
fn a_group_renamed_to_users_leaves_no_trace_of_itself() {
    let world = World::new();
    let mut batches = town(&world);
    batches.done([group("team", &["anna"])]);
    let all = world.context(10)["groups"]["users"].clone();
    let renamed = with(group("team", &["anna"]), json!({"name": "Users"}));
    batches.done([renamed.clone()]);
    batches.done([gone(renamed)]);
    assert_eq!(world.context(10)["groups"]["users"], all);
    assert_eq!(members(&world, 10, "team"), None);
}

// OBJ-48, OBJ-49, ERR-03; each batch is a start of drover of its own
/// Rules: 9.1/members, R1, D14, D15
#[test]
fn members_who_are_not_known_yet_are_remembered_over_a_restart_and_added_when_they_come() {
    let world = World::new();
    let mut batches = town(&world);
    let late = group("team", &["zoe", "anna", "yves", "xenia"]);
    batches.done([late.clone()]);
    assert_eq!(team(&world), [some(&["anna"]), None]);
    assert_eq!(batches.calls([late]), [""; 0]);
    batches.done([user("zoe", 20)]);
    assert_eq!(team(&world), [some(&["anna"]), some(&["zoe"])]);
    let off = with(user("yves", 10), json!({"isOxUser": "Not"}));
    batches.done([off]);
    assert_eq!(team(&world), [some(&["anna"]), some(&["zoe"])]);
    batches.done([user("yves", 10), user("xenia", 10)]);
    assert_eq!(team(&world), [some(&["anna", "xenia", "yves"]), some(&["zoe"])]);
    // One comes under the name of one who was named: by renaming.
    batches.done([group("team", &["anna", "anne"])]);
    assert_eq!(team(&world), [some(&["anna"]), None]);
    let renamed = with(user("bert", 10), json!({"username": "anne"}));
    batches.done([at(renamed, "uid=anne,cn=users,dc=heide,dc=example")]);
    assert_eq!(team(&world), [some(&["anna", "anne"]), None]);
}

// OBJ-29, ATT-09, SRC-29
/// Rules: 9.1/members, 2.3/lists, 2.3/absent, D28, D31
#[test]
fn dns_are_compared_as_dns_and_a_missing_list_is_an_empty_one() {
    let world = World::new();
    let mut batches = town(&world);
    let odd = json!({"users": ["UID=Anna, CN=Users, DC=heide,DC=example", "cn=some,dc=other"]});
    batches.done([with(group("team", &[]), odd)]);
    assert_eq!(team(&world), [some(&["anna"]), None]);
    let single = json!({"users": "uid=bert,cn=users,dc=heide,dc=example"});
    batches.done([with(group("team", &[]), single)]);
    assert_eq!(team(&world), [some(&["bert"]), None]);
    batches.done([with(group("team", &[]), json!({"users": null}))]);
    assert_eq!(team(&world), [None, None]);
}

// OBJ-50, OBJ-39: what became empty by a user's leaving goes, but not what OX's people made.
/// Rules: U14
#[test]
fn a_user_who_leaves_takes_along_the_groups_of_drover_that_become_empty() {
    let leave: [fn() -> Value; 3] = [
        || gone(user("anna", 10)),
        || with(user("anna", 10), json!({"isOxUser": false})),
        || user("anna", 20),
    ];
    for leave in leave {
        let world = World::new();
        let mut batches = town(&world);
        let both = group("both", &["anna", "bert"]);
        batches.done([group("team", &["anna", "carla"]), both]);
        let by_hand = ByHand::of(&world);
        let anna = drover::model::OxId(u32::try_from(number(&world, 10, "users", "anna")).unwrap());
        by_hand.create_group(10, "by-hand", &[anna]);
        let moved = leave()["object"]["oxContext"] == "20";
        batches.done([leave()]);
        assert_eq!(members(&world, 10, "team"), None);
        let there = if moved { vec!["anna", "carla"] } else { vec!["carla"] };
        assert_eq!(members(&world, 20, "team").unwrap(), there);
        assert_eq!(members(&world, 10, "both").unwrap(), ["bert"]);
        assert_eq!(members(&world, 20, "both").is_some(), moved);
        assert_eq!(members(&world, 10, "by-hand").unwrap(), [""; 0], "not drover's to delete");
    }
}

// Nobody who is left leads into the context where the group still is.
/// Rules: D29
#[test]
fn a_group_leaves_a_context_also_if_its_last_member_there_went_at_the_same_time() {
    let world = World::new();
    let mut batches = town(&world);
    batches.done([group("team", &["anna", "carla", "never"])]);
    batches.done([group("team", &["anna", "never"]), gone(user("carla", 20))]);
    assert_eq!(team(&world), [some(&["anna"]), None]);
    batches.done([group("team", &["anna", "dora"])]);
    batches.done([gone(user("dora", 20)), gone(group("team", &[]))]);
    assert_eq!(team(&world), [None, None]);
}

// ERR-15, ERR-16
/// Rules: G1, G3, G8
#[test]
fn a_group_that_is_there_is_taken_over_and_one_that_is_missing_is_made_again() {
    let world = World::new();
    let mut batches = town(&world);
    let by_hand = ByHand::of(&world);
    let bert = drover::model::OxId(u32::try_from(number(&world, 10, "users", "bert")).unwrap());
    let id = u64::from(by_hand.create_group(10, "Team", &[bert]).0);
    let run = batches.done([group("team", &["anna"])]);
    assert!(warns(&run, &["took over", "group-team"]), "{}", run.log);
    let found = world.context(10)["groups"].clone();
    let name = ["team", "Team"].into_iter().find(|name| found[*name].is_object()).unwrap();
    assert_eq!(number(&world, 10, "groups", name), id);
    assert_eq!(members(&world, 10, name).unwrap(), ["anna"]);
    batches.done([group("team", &["anna", "bert"])]);
    assert_eq!(world.context(10)["groups"].as_object().unwrap().len(), 2);
    // Deleted by hand; the next change brings it back with all its members.
    let target = drover::ox::Target::Id(drover::model::OxId(u32::try_from(id).unwrap()));
    let ten = drover::model::ContextId(10);
    by_hand.run(drover::ox::OxApi::group_delete(&by_hand.ox, ten, &target)).unwrap();
    let run = batches.done([user("zoe", 10), group("team", &["anna", "bert", "zoe"])]);
    assert_eq!(members(&world, 10, "team").unwrap(), ["anna", "bert", "zoe"]);
    assert!(warns(&run, &["group-team", "made again"]), "{}", run.log);
    by_hand
        .run(drover::ox::OxApi::group_delete(
            &by_hand.ox,
            ten,
            &drover::ox::Target::Name("team".to_owned()),
        ))
        .unwrap();
    batches.done([gone(group("team", &[]))]);
}

// CAC-12: a member who is gone in OX does not cost the others their place.
/// Rules: D10, D31
#[test]
fn a_member_whose_number_ox_does_not_know_costs_nobody_else_his_place() {
    let world = World::new();
    let mut batches = town(&world);
    batches.done([user("zoe", 10), group("team", &["anna", "bert"])]);
    let by_hand = ByHand::of(&world);
    by_hand.delete_user(10, "bert");
    let run = batches.done([group("team", &["anna", "bert", "zoe"])]);
    assert_eq!(team(&world)[0], some(&["anna", "zoe"]));
    assert!(warns(&run, &["group-team", "members"]), "{}", run.log);
    // Made again by hand under the same name: found by it.
    by_hand.create_user(10, "bert");
    batches.done([group("team", &["anna", "bert", "zoe", "x"])]);
    assert_eq!(team(&world)[0], some(&["anna", "bert", "zoe"]));
}

// What was looked at again because of a member shows the newest state, not an old one.
/// Rules: R3, D16
#[test]
fn a_member_who_comes_late_never_brings_back_an_older_state_of_the_group() {
    let world = World::new();
    let mut batches = town(&world);
    batches.done([group("team", &["anna", "zoe"])]);
    batches.done([user("zoe", 10), group("team", &["bert", "zoe"])]);
    assert_eq!(team(&world)[0], some(&["bert", "zoe"]));
    batches.done([
        group("team", &["anna", "yves"]),
        group("team", &["anna", "bert"]),
        user("yves", 10),
        user("zoe", 20),
    ]);
    assert_eq!(team(&world), [some(&["anna", "bert"]), None]);
}

// OBJ-49: every way into OX is a way into one's groups.
/// Rules: R1, D15, D17
#[test]
fn a_user_gets_into_his_groups_whatever_went_wrong_on_his_way() {
    let fault = || Effect::Fault { class: "StorageException".into(), text: "some trouble".into() };
    for effect in [fault(), Effect::ApplyThenDrop, Effect::DropBefore] {
        let world = World::new();
        let mut batches = town(&world);
        batches.done([group("team", &["anna", "zoe", "yves"])]);
        let create = || Rule::new(effect.clone()).on("OXUserService", "createByModuleAccess");
        world.sim.script(create().named("zoe").times(1));
        batches.done([user("zoe", 10), user("yves", 20)]);
        assert_eq!(team(&world), [some(&["anna", "zoe"]), some(&["yves"])], "{effect:?}");
        // Moved, while the rights of the copy are refused at first.
        world.sim.script(Rule::new(fault()).on("OXUserService", "changeByModuleAccess").times(1));
        batches.done([user("zoe", 20)]);
        assert_eq!(team(&world), [some(&["anna"]), some(&["yves", "zoe"])], "{effect:?}");
    }
}

// The group itself fails and is tried again.
/// Rules: D16, D17
#[test]
fn a_group_whose_call_was_not_answered_is_there_once_with_all_members() {
    for effect in [Effect::ApplyThenDrop, Effect::DropBefore] {
        let world = World::new();
        let mut batches = town(&world);
        let lost = |operation| Rule::new(effect.clone()).on("OXGroupService", operation).times(1);
        world.sim.script(lost("create"));
        let run = batches.done([group("team", &["anna", "carla"])]);
        assert_eq!(team(&world), [some(&["anna"]), some(&["carla"])], "{effect:?}");
        assert!(!run.log.contains("took over"), "it is ours: {}", run.log);
        world.sim.script(lost("change"));
        batches.done([group("team", &["anna", "bert", "carla"])]);
        world.sim.script(lost("delete"));
        batches.done([group("team", &["bert"])]);
        assert_eq!(team(&world), [some(&["bert"]), None], "{effect:?}");
    }
}

// OBJ-16
/// Rules: 5.4/group, D38
#[test]
fn the_identifier_setting_names_groups() {
    for (identifier, name) in [("entryUUID", "group-team"), ("gidNumber", "5001")] {
        let mut world = World::new();
        world.env.insert("OX_GROUP_IDENTIFIER".to_owned(), identifier.to_owned());
        let mut batches = town(&world);
        let numbered = |members: &[&str]| with(group("team", members), json!({"gidNumber": 5001}));
        batches.done([numbered(&["anna"])]);
        assert_eq!(members(&world, 10, name).unwrap(), ["anna"], "{identifier}");
        let renamed = with(numbered(&["anna"]), json!({"name": "crew"}));
        assert_eq!(batches.calls([renamed]), [""; 0]);
        batches.done([gone(numbered(&[]))]);
        assert_eq!(members(&world, 10, name), None);
    }
    let mut world = World::new();
    world.env.insert("OX_GROUP_IDENTIFIER".to_owned(), "nick".to_owned());
    let mut batches = town(&world);
    let run = batches.faulty([with(group("team", &["anna"]), json!({"nick": ["a", "b"]}))]);
    assert_holds(&run.stdout, &["OX_GROUP_IDENTIFIER", "\"nick\"", "group group-team"]);
}

// OBJ-52: a name that OX refuses is a fault of this group, in words that say what is wrong.
#[test]
fn a_group_name_that_ox_refuses_stops_its_own_contexts_only() {
    let world = World::with(SimOptions { check_group_names: true, ..SimOptions::univention() });
    let mut batches = town(&world);
    let run = batches.faulty([group("Öl", &["carla"]), user("zoe", 10), group("a", &["anna"])]);
    assert_holds(&run.stdout, &["context 20 stands still", "group group-öl", "Illegal chars"]);
    assert_eq!(world.users(10), ["anna", "bert", "zoe"]);
    assert_eq!(members(&world, 10, "a").unwrap(), ["anna"]);
}

// ERR-33, CON-05, CON-06, OBJ-49
/// Rules: R4, 14/3
#[test]
fn a_thousand_users_and_their_group_in_any_order_take_few_group_calls_and_it_is_complete() {
    const USERS: usize = 1000;
    let world = World::new();
    let mut batches = Batches::of(&world);
    batches.done([context(20)]);
    let names: Vec<String> = (0..USERS).map(|n| format!("user{n:04}")).collect();
    let mut items: Vec<Value> = names
        .iter()
        .enumerate()
        .map(|(n, name)| user(name, if n % 4 == 0 { 20 } else { 10 }))
        .collect();
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    items.push(group("everybody", &all));
    items.push(group("some", &all[..10]));
    items.shuffle(&mut ChaCha8Rng::seed_from_u64(33));
    batches.done(items);
    let found = [members(&world, 10, "everybody"), members(&world, 20, "everybody")];
    let found = found.map(Option::unwrap);
    assert_eq!(found.each_ref().map(Vec::len), [USERS * 3 / 4, USERS / 4]);
    assert_eq!(found.concat().into_iter().collect::<BTreeSet<_>>().len(), USERS);
    let calls = world.calls().iter().filter(|call| call.starts_with("OXGroupService")).count();
    assert!(calls <= 8, "{calls} calls for two groups in two contexts");
    assert_eq!(world.calls().len() - calls, USERS + 1, "one call a user, and the context");
}

// The same in a service that runs while things come one by one: every change is complete in itself.
/// Rules: R1, D15, P10
#[test]
fn in_a_running_service_members_get_into_their_group_as_they_come() {
    let world = World::new();
    let service = world.serve();
    world.put(&file(1), &group("team", &["u1", "u2", "u3", "u4", "u5"]));
    for n in 1..=5 {
        world.put(&file(n + 1), &user(&format!("u{n}"), 10));
        let wanted = usize::try_from(n).unwrap();
        eventually("the member", || {
            members(&world, 10, "team").is_some_and(|members| members.len() == wanted)
        });
    }
    drop(service);
}

// OBJ-35, OBJ-48: an account and a group name the same people; neither touches the users themselves.
#[test]
fn groups_and_accounts_never_write_a_user() {
    let world = World::new();
    let mut batches = town(&world);
    let before = raw_user(&world, 10, "anna");
    let calls = batches.calls([group("team", &["anna"]), account("help", &["bert"])]);
    assert!(!calls.iter().any(|call| call.starts_with("OXUserService")), "{calls:?}");
    assert_eq!(raw_user(&world, 10, "anna"), before);
}

// OBJ-17, OBJ-49: a DN handed on from one context to another, where both happen at the same time.
/// Rules: P6
#[test]
fn a_newcomer_under_the_dn_of_one_who_left_another_context_is_a_member() {
    let world = World::new();
    let mut batches = town(&world);
    batches.done([group("team", &["zoe", "anna"])]);
    let zoe =
        |life: u32| identified(user("zoe", 10 + 10 * (life % 2)), &format!("user-zoe-{life}"));
    batches.done([zoe(0)]);
    for life in 1..20 {
        batches.done([gone(zoe(life - 1)), zoe(life)]);
        let expected = if life % 2 == 0 {
            [some(&["anna", "zoe"]), None]
        } else {
            [some(&["anna"]), some(&["zoe"])]
        };
        assert_eq!(team(&world), expected, "life {life}");
    }
}

/// Rules: R2, G2, G7
#[test]
fn who_comes_into_ox_wakes_only_groups_that_are_ox_groups() {
    let world = World::new();
    let mut batches = town(&world);
    let off = with(group("plain", &["zoe", "anna"]), json!({"isOxGroup": false}));
    let empty = group("empty", &[]);
    assert_eq!(batches.calls([off, empty]), [""; 0]);
    let calls = batches.calls([user("zoe", 10)]);
    assert_eq!(calls, ["OXUserService.createByModuleAccess"], "no group is looked at for her");
    assert_eq!([members(&world, 10, "plain"), members(&world, 10, "empty")], [None, None]);
}
