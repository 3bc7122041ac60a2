//! The whole source once more, as after a resync of the listener: OX is as it should be, so nothing
//! is asked of it.

use std::collections::{BTreeMap, BTreeSet};

use drover::sim;
use serde_json::Value;

use crate::town::{assert_as_told, empty_world, put_all, workload};
use crate::world::file;

/// Rules: Q6
#[test]
fn replaying_the_newest_state_of_every_object_makes_no_call_at_all() {
    let world = empty_world(sim::Config::default());
    let workload = workload(4, 12, 23);
    for phase in &workload.phases {
        put_all(&world, phase);
        world.provision();
    }
    assert_as_told(&world, workload.items());
    // The newest state of each object; profiles and contexts first would be kind, any order has to do.
    let mut newest: BTreeMap<&str, &Value> = BTreeMap::new();
    for item in workload.items() {
        newest.insert(item.content["id"].as_str().unwrap(), &item.content);
    }
    let kinds: BTreeSet<&str> =
        newest.values().map(|content| content["udm_object_type"].as_str().unwrap()).collect();
    assert_eq!(kinds.len(), 6, "one of every kind: {kinds:?}");
    let replay = |year: &str| {
        for (content, n) in newest.values().zip(0u32..) {
            world.put(&format!("{year}{}", &file(n)[4..]), content);
        }
        let before = world.sim.log().len();
        let run = world.provision();
        (world.calls().split_off(before), run.stdout)
    };
    // A profile that changed reaches a user with the user's next item, which this may be.
    let (calls, told) = replay("2030");
    assert!(
        calls.iter().all(|call| call == "OXUserService.changeByModuleAccess"),
        "{calls:?} {told}"
    );
    let (calls, told) = replay("2031");
    assert_eq!(calls, [] as [&str; 0], "{told}");
    assert!(told.contains(" 0 applied"), "{told}");
}
