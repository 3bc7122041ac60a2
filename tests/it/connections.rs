//! Connections that OX lets go, idle or after some requests or amid a call: nothing is lost by them
//! and nothing is done twice (ERR-26, ERR-30).

use std::collections::BTreeMap;
use std::time::Duration;

use drover::sim::{self, Effect, Rule};
use serde_json::{Value, json};

use crate::town::{assert_as_told, assert_order, empty_world, put_all, workload};
use crate::world::{World, account, context, file, gone, group, resource, user, with};

/// How often each object was made, by what OX did.
fn creates(world: &World) -> BTreeMap<String, usize> {
    let mut made = BTreeMap::new();
    for call in world.sim.log().iter().filter(|call| call.applied) {
        if call.operation.starts_with("create") {
            let name = call.name.as_deref().unwrap_or_default();
            let key = format!("{} {:?} {name}", call.service, call.contexts);
            *made.entry(key).or_default() += 1;
        }
    }
    made
}

fn through(config: sim::Config, contexts: u32, users: u32, seed: u64) -> World {
    let world = empty_world(config);
    let workload = workload(contexts, users, seed);
    for phase in &workload.phases {
        put_all(&world, phase);
        world.provision();
    }
    assert_as_told(&world, workload.items());
    assert_order(&world, &workload);
    world.assert_no_overlap();
    world
}

#[test]
fn connections_that_end_after_three_requests_cost_nothing() {
    let world =
        through(sim::Config { requests_per_connection: 3, ..sim::Config::default() }, 5, 40, 21);
    let log = world.sim.log();
    assert!(world.sim.stats().connections >= u64::try_from(log.len() / 3).unwrap());
    assert!(log.len() > 300, "{}", log.len());
    // The same as over connections that live long.
    let calm = through(sim::Config::default(), 5, 40, 21);
    assert_eq!(creates(&world), creates(&calm));
    assert_eq!(log.iter().filter(|call| call.applied).count(), {
        calm.sim.log().iter().filter(|call| call.applied).count()
    });
}

#[test]
fn connections_that_die_idle_cost_no_double() {
    // Shorter than the time between two calls of a context now and then.
    let config = || sim::Config { idle_timeout: Duration::from_millis(3), ..Default::default() };
    let world = through(config(), 4, 30, 22);
    let calm = through(sim::Config::default(), 4, 30, 22);
    assert_eq!(creates(&world), creates(&calm));
}

#[test]
fn connections_that_close_without_a_word_amid_the_work_cost_no_double() {
    let world = empty_world(sim::Config::default());
    let mut rule = Rule::new(Effect::CloseIdle);
    rule.probability = Some(0.2);
    world.sim.script(rule);
    let workload = workload(4, 30, 22);
    for phase in &workload.phases {
        put_all(&world, phase);
        world.provision();
    }
    assert_as_told(&world, workload.items());
    assert_order(&world, &workload);
    let calm = through(sim::Config::default(), 4, 30, 22);
    assert_eq!(creates(&world), creates(&calm));
}

/// Everything that drover can write, with every answer lost once.
#[test]
fn lost_answers_to_every_kind_of_write_end_right() {
    let anna = || user("anna", 10);
    let steps: Vec<(&str, &str, Value)> = vec![
        ("Context", "create", context(20)),
        ("User", "createByModuleAccess", anna()),
        ("User", "createByModuleAccess", user("bert", 10)),
        ("Group", "create", group("team", &["anna"])),
        ("Group", "change", group("team", &["anna", "bert"])),
        ("SecondaryAccount", "create", account("office", &["anna"])),
        ("SecondaryAccount", "create", account("office", &["anna", "bert"])),
        ("SecondaryAccount", "delete", account("office", &["bert"])),
        (
            "SecondaryAccount",
            "update",
            with(account("office", &["bert"]), json!({"personal": "Front desk"})),
        ),
        ("Resource", "create", resource("room", 10)),
        ("Resource", "change", with(resource("room", 10), json!({"displayname": "Big room"}))),
        ("Resource", "change", with(resource("room", 10), json!({"name": "hall"}))),
        ("Group", "change", with(group("team", &["anna", "bert"]), json!({"name": "crew"}))),
        ("User", "change", with(user("bert", 10), json!({"username": "bernd"}))),
        ("User", "change", with(user("bert", 10), json!({"username": "bert"}))),
        ("Resource", "create", with(resource("room", 10), json!({"oxContext": 20}))),
        ("Resource", "delete", resource("room", 10)),
        ("User", "change", with(anna(), json!({"lastname": "Neu"}))),
        ("User", "changeByModuleAccess", with(anna(), json!({"oxAccess": "premium"}))),
        ("UserCopy", "copyUser", with(anna(), json!({"oxContext": "20"}))),
        ("SecondaryAccount", "delete", gone(account("office", &[]))),
        ("User", "delete", gone(user("bert", 10))),
        ("Group", "delete", gone(group("team", &[]))),
        ("Resource", "delete", gone(resource("room", 10))),
        ("Context", "change", with(context(20), json!({"oxQuota": "7"}))),
        ("User", "delete", gone(anna())),
        ("Context", "delete", gone(context(20))),
    ];
    let play = |lossy: bool| -> Vec<Value> {
        let world = World::new();
        let mut states = Vec::new();
        for (n, (service, operation, item)) in (1..).zip(&steps) {
            if lossy {
                world.sim.clear_script();
                for operation in [operation.to_string(), format!("{operation}ModuleAccessByName")] {
                    let lost = Rule::new(Effect::ApplyThenDrop).on(service, &operation);
                    world.sim.script(lost.times(1));
                }
            }
            world.put(&file(n), item);
            world.sim.clear_log();
            world.provision();
            let lost = world.sim.log().iter().filter(|c| c.applied && c.status == 0).count();
            assert_eq!(lost > 0, lossy, "step {n}, {service}.{operation}: {:?}", world.calls());
            world.assert_no_overlap();
            states.push(world.sim.state());
        }
        states
    };
    let (lossy, calm) = (play(true), play(false));
    for ((lossy, calm), (service, operation, _)) in lossy.iter().zip(&calm).zip(&steps) {
        assert_eq!(lossy, calm, "{service}.{operation}");
    }
}

/// The answer is lost, and OX is through only a while after drover has asked whether it is there: nothing
/// is made twice, nobody is blamed.
#[test]
fn what_ox_does_long_after_its_connection_is_gone_is_not_done_twice() {
    let late = |service: &str, operation: &str, ms| {
        Rule::new(Effect::DropThenApplyMs(ms)).on(service, operation).times(1)
    };
    let world = World::new();
    let mut n = 0;
    let mut through = |rule: Rule, item: Value| {
        n += 1;
        world.sim.script(rule);
        world.put(&file(n), &item);
        let run = world.provision();
        assert!(!run.log.contains("stands still"), "{}", run.log);
        world.sim.clear_script();
    };
    through(late("Context", "create", 200), context(20));
    through(late("User", "createByModuleAccess", 200), user("anna", 10));
    through(late("Group", "create", 200), group("team", &["anna"]));
    through(late("SecondaryAccount", "create", 200), account("office", &["anna"]));
    through(late("Resource", "create", 250), resource("room", 10));
    through(late("Resource", "change", 200), with(resource("room", 10), json!({"name": "hall"})));
    through(late("UserCopy", "copyUser", 200), with(user("anna", 10), json!({"oxContext": "20"})));
    through(late("Resource", "delete", 200), gone(resource("hall", 10)));
    assert_eq!(world.users(10), [""; 0]);
    assert_eq!(world.users(20), ["anna"]);
    let made = creates(&world);
    assert!(made.values().all(|times| *times == 1), "{made:?}");
    // A real OX makes two of a name if the second comes while the first is being made.
    assert_eq!(world.count("OXResourceService.create"), 1, "{:?}", world.calls());
}

/// The copy of a moved user differs a little from him; that is put right also if the look at the copy
/// is lost.
#[test]
fn a_copy_that_could_not_be_looked_at_is_still_put_right() {
    let moved = |lossy: bool| {
        let world = World::new();
        // Mail is off for him, and a copy always has it on.
        let anna = with(user("anna", 10), json!({"oxAccess": "none"}));
        world.put(&file(1), &context(20));
        world.put(&file(2), &anna);
        world.put(&file(3), &account("office", &["anna"]));
        world.provision();
        if lossy {
            // The first two look whether the name is free, the third is for the copy.
            for nth in 0..4 {
                let lost = Rule::new(Effect::DropBefore).on("User", "getData").in_context(20);
                world.sim.script(lost.skip(nth).times(1));
            }
            let lost = Rule::new(Effect::DropBefore).on("SecondaryAccount", "delete");
            world.sim.script(lost.times(1));
        }
        world.put(&file(4), &with(anna, json!({"oxContext": "20"})));
        world.provision();
        world.context(20)
    };
    let (lossy, calm) = (moved(true), moved(false));
    assert_eq!(lossy, calm);
    assert_eq!(calm["users"]["anna"]["mailenabled"], false);
}

/// One call in ten applied without an answer, one in twenty refused by the network, all along.
#[test]
fn a_bad_network_all_along_ends_where_the_directory_says() {
    let mut world = empty_world(sim::Config::default());
    let mut lost = Rule::new(Effect::ApplyThenDrop);
    lost.probability = Some(0.1);
    let mut dropped = Rule::new(Effect::DropBefore);
    dropped.probability = Some(0.05);
    world.sim.script(lost);
    world.sim.script(dropped);
    world.env.insert("DROVER__RETRY__OUTAGE_FIRST_S".into(), "0.005".into());
    world.env.insert("DROVER__RETRY__OUTAGE_MAX_S".into(), "0.02".into());
    let workload = workload(4, 25, 23);
    for phase in &workload.phases {
        put_all(&world, phase);
        world.provision();
    }
    assert_as_told(&world, workload.items());
    world.assert_no_overlap();
}
