//! drover ends when it is told to, soon and with nothing lost (DEP-08).

use std::time::{Duration, Instant};

use drover::sim::{self, Effect, Latency, Rule};

use crate::town::{assert_as_told, empty_world, put_all, workload};
use crate::world::{World, eventually, file, signal, user};

/// The promise.
const SOON: Duration = Duration::from_secs(5);

/// Users of several contexts on their way into a slow OX.
fn busy_with_slow_ox(signal_name: &str) {
    let world = empty_world(sim::Config::default());
    let workload = workload(3, 6, 8);
    let load = &workload.phases[0];
    put_all(&world, load);
    world.sim.set_latency(None, Latency::FixedMs(300.0));
    let mut service = world.serve();
    eventually("a user", || world.count("OXUserService.createByModuleAccess") > 0);
    let begun = Instant::now();
    signal(&service.child, signal_name);
    let told = service.wait_for_log(&["draining"]);
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    let (running, at_signal) = (told["running"].as_u64().unwrap(), world.sim.log().len());
    assert!(running > 0, "{told}");
    let status = service.child.wait().unwrap();
    assert_eq!(status.code(), Some(0));
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    assert!(!world.queue().is_empty(), "the rest stays in the queue");
    // What ran came to its end, and nothing else began: an item takes a few calls at most.
    let after = world.sim.log().len() - at_signal;
    assert!(after as u64 <= 3 * running, "{after} calls after the signal for {running} items");
    let ended = world.sim.log().len();
    world.sim.clear_script();
    world.sim.set_latency(None, Latency::FixedMs(0.0));
    assert_eq!(world.sim.log().len(), ended, "and nothing is under way afterwards");
    world.provision();
    assert_as_told(&world, load.iter());
    world.assert_no_overlap();
    // Nothing was made twice, or tried to be.
    let faults: Vec<_> =
        world.sim.log().into_iter().filter(|call| call.fault_class.is_some()).collect();
    assert!(faults.is_empty(), "{faults:?}");
}

#[test]
fn sigterm_lets_calls_end_begins_no_other_item_and_loses_nothing() {
    busy_with_slow_ox("TERM");
}

#[test]
fn sigint_does_the_same() {
    busy_with_slow_ox("INT");
}

#[test]
fn an_ox_that_hangs_does_not_keep_drover_from_ending() {
    let world = World::new();
    for n in 1..4 {
        world.put(&file(n), &user(&format!("user{n}"), 10));
    }
    world.sim.script(Rule::new(Effect::Hang));
    let service = world.serve();
    eventually("a call that hangs", || !world.sim.log().is_empty());
    let (code, took) = service.terminate();
    assert_eq!(code, 0);
    assert!(took < SOON, "{took:?}");
    assert_eq!(world.queue().len(), 3);
    world.sim.clear_script();
    world.provision();
    assert_eq!(world.users(10), ["user1", "user2", "user3"]);
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let world = World::new();
    world.put(&file(1), &user("anna", 10));
    world.sim.script(Rule::new(Effect::Hang));
    let mut service = world.serve();
    eventually("a call that hangs", || !world.sim.log().is_empty());
    signal(&service.child, "TERM");
    service.wait_for_log(&["draining"]);
    let (code, took) = service.terminate();
    assert_eq!(code, 0);
    assert!(took < Duration::from_secs(1), "{took:?}");
    world.sim.clear_script();
    world.provision();
    assert_eq!(world.users(10), ["anna"]);
}

#[test]
fn idle_it_ends_at_once() {
    let world = World::new();
    let mut service = world.serve();
    service.wait_for_log(&["the queue was read"]);
    let (code, took) = service.terminate();
    assert_eq!(code, 0);
    assert!(took < Duration::from_secs(1), "{took:?}");
}
