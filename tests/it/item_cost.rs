//! What an item costs in calls when nothing goes wrong.

use serde_json::json;

use crate::scene::Batches;
use crate::world::{World, group, user, with};

#[test]
fn each_change_costs_one_call_and_one_that_changes_nothing_none() {
    let world = World::new();
    let mut batches = Batches::of(&world);
    batches.done([user("anna", 10), user("bert", 10), group("team", &["anna"])]);
    world.sim.clear_log();
    let zoe = |text: &str| with(user("zoe", 10), json!({"phone": [text]}));
    let created = batches.calls([zoe("+49 421 1")]);
    assert_eq!(created, ["OXUserService.createByModuleAccess"], "create");
    let modified = batches.calls([zoe("+49 421 2")]);
    assert_eq!(modified, ["OXUserService.change"], "modify");
    assert_eq!(batches.calls([zoe("+49 421 2")]), [""; 0], "nothing new");
    let joined = batches.calls([group("team", &["anna", "bert"])]);
    assert_eq!(joined, ["OXGroupService.change"], "somebody joins");
    let left = batches.calls([group("team", &["bert"])]);
    assert_eq!(left, ["OXGroupService.change"], "somebody leaves");
    assert_eq!(batches.calls([group("team", &["bert"])]), [""; 0], "the same members");
}
