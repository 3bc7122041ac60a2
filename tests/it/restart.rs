//! Crashes: whatever moment drover is killed at, after the next start all is done once and nothing
//! is lost (ERR-26, CAC-08, SEC-06; D7, D41, D44, D45).

use drover::sim::{self, Effect, Latency, Rule};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use crate::town::{assert_as_told, assert_order, empty_world, put_all, workload};
use crate::world::{World, account, context, eventually, file, gone, group, resource, user, with};

/// Feeds the demo's workload and kills drover again and again on the way; `calls` says how many
/// more calls OX has answered at the next kill.
fn kill_all_along(seed: u64, calls: std::ops::Range<u64>) {
    let world = empty_world(sim::Config::default());
    let latency = Latency::Exponential { mean_ms: 3.0, cap_ms: 8.0 };
    world.sim.set_latency(None, latency);
    let workload = workload(4, 12, seed);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let answered = || world.sim.stats().calls.values().sum::<u64>();
    let mut kills = Vec::new();
    for phase in &workload.phases {
        put_all(&world, phase);
        let before = kills.len();
        while !world.queue().is_empty() {
            assert!(kills.len() < 200, "it does not get on: {:?}", world.queue());
            let service = world.serve();
            let enough = answered() + rng.random_range(calls.clone());
            eventually("the queue's end or the moment to kill", || {
                answered() >= enough || world.queue().is_empty()
            });
            service.kill();
            kills.push(answered());
        }
        assert!(kills.len() > before + 1, "killed on the way: {kills:?}");
    }
    world.provision();
    assert_as_told(&world, workload.items());
    world.assert_no_overlap();
    assert_order(&world, &workload);
    // Everything is remembered: another start asks OX nothing.
    world.sim.clear_log();
    world.provision();
    assert_eq!(world.calls(), [] as [&str; 0]);
}

/// ERR-26, CAC-08.
///
/// Rules: P9, D44, D45, 14/7
#[test]
fn killed_again_and_again_it_ends_where_the_directory_says() {
    std::thread::scope(|threads| {
        threads.spawn(|| kill_all_along(1, 10..20));
        threads.spawn(|| kill_all_along(2, 14..25));
    });
}

/// One call that OX does, whose answer is lost, and drover is killed while it finds out.
struct Moment {
    service: &'static str,
    operation: &'static str,
    /// What was there before.
    before: Vec<Value>,
    item: Value,
}

impl Moment {
    fn of(service: &'static str, operation: &'static str, before: Vec<Value>, item: Value) -> Self {
        Self { service, operation, before, item }
    }

    /// `interrupted`: with the loss and the kill; without, it is how it should end.
    fn play(&self, interrupted: bool) -> Value {
        let world = World::new();
        world.put(&file(1), &context(20));
        for (n, item) in (2..).zip(&self.before) {
            world.put(&file(n), item);
        }
        world.provision();
        world.sim.clear_log();
        world.put(&file(100), &self.item);
        if interrupted {
            let lost = Rule::new(Effect::ApplyThenDrop).on(self.service, self.operation);
            world.sim.script(lost.times(1));
            // The moment between OX's deed and drover's memory of it becomes this wide.
            world.sim.set_latency(None, Latency::FixedMs(100.0));
            let service = world.serve();
            let operation = format!("OX{}Service.{}", self.service, self.operation);
            eventually(&operation, || {
                world.sim.log().iter().any(|call| {
                    call.applied && format!("{}.{}", call.service, call.operation) == operation
                })
            });
            service.kill();
            assert_eq!(world.queue(), [file(100)], "{operation}: not yet done");
            world.sim.clear_script();
        }
        world.provision();
        world.assert_no_overlap();
        // Numbers in OX are the same unless something was made twice.
        world.sim.state()["contexts"].clone()
    }
}

/// ERR-26: each kind of write, done by OX, unknown to drover.
///
/// Rules: D7, D44, 14/6, 14/7
#[test]
fn killed_between_oxs_deed_and_the_memory_of_it_nothing_is_done_twice() {
    let anna = || user("anna", 10);
    let moved = || with(anna(), json!({"oxContext": "20"}));
    let renamed = || {
        let mut item = with(moved(), json!({"username": "annika", "lastname": "Neu"}));
        item["dn"] = json!("uid=annika,cn=users,dc=heide,dc=example");
        item
    };
    let team = || group("team", &["anna"]);
    let office = || account("office", &["anna"]);
    let room = || resource("room", 10);
    let moments = [
        Moment::of("User", "createByModuleAccess", vec![], anna()),
        Moment::of("User", "change", vec![anna()], with(anna(), json!({"lastname": "Neu"}))),
        Moment::of("User", "changeByModuleAccess", vec![anna()], {
            with(anna(), json!({"oxAccess": "premium"}))
        }),
        Moment::of("User", "delete", vec![anna()], gone(anna())),
        Moment::of("UserCopy", "copyUser", vec![anna(), team()], moved()),
        Moment::of("User", "delete", vec![anna(), team()], moved()),
        Moment::of("UserCopy", "copyUser", vec![anna()], renamed()),
        Moment::of("User", "change", vec![anna()], renamed()),
        Moment::of("User", "delete", vec![anna()], renamed()),
        Moment::of("Group", "create", vec![anna()], team()),
        Moment::of("Group", "change", vec![anna(), user("bert", 10), team()], {
            group("team", &["anna", "bert"])
        }),
        Moment::of("Group", "delete", vec![anna(), team()], gone(team())),
        Moment::of("SecondaryAccount", "create", vec![anna()], office()),
        Moment::of("SecondaryAccount", "delete", vec![anna(), office()], gone(office())),
        Moment::of("Resource", "create", vec![], room()),
        Moment::of("Resource", "change", vec![room()], with(room(), json!({"displayname": "R"}))),
        Moment::of("Resource", "delete", vec![room()], gone(room())),
        Moment::of("Context", "change", vec![], with(context(20), json!({"oxQuota": "7"}))),
        Moment::of("Context", "delete", vec![user("cora", 20)], gone(context(20))),
    ];
    std::thread::scope(|threads| {
        for half in moments.chunks(4) {
            threads.spawn(move || {
                for moment in half {
                    let place = format!("{}.{}", moment.service, moment.operation);
                    assert_eq!(moment.play(true), moment.play(false), "{place}");
                }
            });
        }
    });
}

/// SEC-06: the password of a new context is on disk before OX hears of it.
///
/// Rules: D41
#[test]
fn a_context_made_right_before_the_crash_keeps_its_password() {
    let world = World::new();
    world.put(&file(1), &context(30));
    world.put(&file(2), &user("anna", 30));
    world.sim.script(Rule::new(Effect::ApplyThenDrop).on("Context", "createModuleAccessByName"));
    world.sim.script(Rule::new(Effect::ApplyThenDrop).on("Context", "create"));
    world.sim.set_latency(None, Latency::FixedMs(100.0));
    let service = world.serve();
    eventually("context 30 in OX", || world.context(30).is_object());
    service.kill();
    let stored = world.credentials()["30"].clone();
    assert_eq!(stored["adminuser"], "oxadmin-context30");
    assert_eq!(world.users(30), [] as [&str; 0]);
    world.sim.clear_script();
    world.provision();
    assert_eq!(world.users(30), ["anna"], "the stored password opens the context");
    assert_eq!(world.credentials()["30"], stored, "and is the only one there ever was");
}

/// SEC-06: the same with the password stored and OX without the context.
///
/// Rules: D41
#[test]
fn a_context_not_yet_made_at_the_crash_is_made_with_the_stored_password() {
    let world = World::new();
    world.put(&file(1), &context(30));
    world.put(&file(2), &user("anna", 30));
    world.sim.script(Rule::new(Effect::Hang).on("Context", "createModuleAccessByName"));
    world.sim.script(Rule::new(Effect::Hang).on("Context", "create"));
    let service = world.serve();
    eventually("a password", || world.credentials()["30"].is_object());
    service.kill();
    let stored = world.credentials()["30"].clone();
    assert!(world.context(30).is_null());
    world.sim.clear_script();
    world.provision();
    assert_eq!(world.users(30), ["anna"]);
    assert_eq!(world.credentials()["30"], stored);
}

/// ERR-26, CAC-08: made in OX right before the crash, deleted in the directory before the next start.
/// The two must not be taken for something that never was.
///
/// Rules: 14/1
#[test]
fn what_was_made_right_before_the_crash_and_is_gone_at_the_next_start_goes_from_ox_too() {
    let makings = [
        ("User.createByModuleAccess", user("anna", 10)),
        ("Resource.create", resource("room", 10)),
        ("Context.create", context(30)),
        ("Group.create", group("team", &["bert"])),
        ("SecondaryAccount.create", account("office", &["bert"])),
    ];
    for (operation, item) in makings {
        let world = World::new();
        world.put(&file(1), &user("bert", 10));
        world.provision();
        let before = world.sim.state()["contexts"].clone();
        let (service, action) = operation.split_once('.').unwrap();
        world.sim.script(Rule::new(Effect::ApplyThenHang).on(service, action));
        world.put(&file(2), &item);
        let running = world.serve();
        eventually(operation, || world.sim.state()["contexts"] != before);
        running.kill();
        world.sim.clear_script();
        world.put(&file(3), &gone(item));
        world.provision();
        assert_eq!(world.sim.state()["contexts"], before, "{operation}");
    }
}

/// A move that was begun is finished before anything else is done that concerns the user: OX
/// has copied his functional accounts, too, and who deletes them elsewhere would not know.
///
/// Rules: D7, D44
#[test]
fn a_begun_move_goes_on_before_all_else_after_a_crash() {
    let world = World::new();
    world.put(&file(1), &context(20));
    world.put(&file(2), &user("anna", 10));
    world.put(&file(3), &account("office", &["anna"]));
    world.put(&file(4), &group("team", &["anna"]));
    world.provision();
    world.sim.script(Rule::new(Effect::ApplyThenHang).on("UserCopy", "copyUser"));
    world.put(&file(100), &with(user("anna", 10), json!({"oxContext": "20"})));
    let running = world.serve();
    eventually("the copy", || world.users(20) == ["anna"]);
    running.kill();
    world.sim.clear_script();
    // Earlier in the queue's order, as when a clock is put right.
    world.put(&file(50), &gone(account("office", &["anna"])));
    world.put(&file(51), &gone(group("team", &["anna"])));
    world.provision();
    assert_eq!((world.users(10), world.users(20)), (vec![], vec!["anna".to_owned()]));
    assert_eq!(world.context(20)["users"]["anna"]["accounts"], json!([]));
    let groups = |id| world.context(id)["groups"].as_object().unwrap().len();
    assert_eq!((groups(10), groups(20)), (1, 1), "only OX's own");
}
