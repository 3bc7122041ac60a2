//! The demo's workload before the real binary: what is put into the queue, and what the oracle says
//! must come of it.

use std::collections::BTreeMap;

use drover::demo::judge::{Call, order, ox_state};
use drover::demo::{Defaults, Directory, Params, QueueItem, Workload, compare};
use drover::sim;
use serde_json::json;

use crate::world::{MASTER_PASSWORD, World};

/// A simulator without contexts, and an empty queue.
pub(crate) fn empty_world(config: sim::Config) -> World {
    let sim = sim::start(sim::Config {
        master: ("oxadminmaster".into(), MASTER_PASSWORD.into()),
        ..config
    })
    .unwrap();
    let world = World { sim, data: tempfile::tempdir().unwrap(), env: BTreeMap::new() };
    std::fs::create_dir_all(world.queue_dir()).unwrap();
    world.write_credentials(&json!({
        "master": {"adminuser": "oxadminmaster", "adminpass": MASTER_PASSWORD},
    }));
    world
}

pub(crate) fn workload(contexts: u32, users: u32, seed: u64) -> Workload {
    Workload::generate(Params { contexts, users, seed })
}

pub(crate) fn put_all(world: &World, items: &[QueueItem]) {
    for item in items {
        world.put_bytes(&item.file, &item.to_bytes());
    }
}

/// OX holds what these items say, and nothing else.
pub(crate) fn assert_as_told<'a>(world: &World, items: impl Iterator<Item = &'a QueueItem>) {
    let mut directory = Directory::new(Defaults {
        default_context: 10,
        imap_host: "mail.heide.example".to_owned(),
    });
    directory.apply_all(items.map(|item| &item.content));
    let found = compare(&directory.expected_state(), &ox_state(&world.sim.state()));
    let found: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(found, [] as [&str; 0]);
}

/// Writes came in an order that the queue allows, phase by phase.
pub(crate) fn assert_order(world: &World, workload: &Workload) {
    let calls: Vec<Call> = world.sim.log().iter().map(Call::from).collect();
    let found: Vec<String> =
        order(&calls, &workload.contents()).iter().map(ToString::to_string).collect();
    assert_eq!(found, [] as [&str; 0]);
}
