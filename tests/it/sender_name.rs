//! The name under which users send mail: a call of its own, made when the name changes.

use drover::sim::{Effect, Rule};
use serde_json::{Value, json};

use crate::scene::{Batches, ByHand, raw_user};
use crate::world::{World, context, user, with};

const CREATE: &str = "OXUserService.createByModuleAccess";
const CHANGE: &str = "OXUserService.change";
const SENDER_NAME: &str = "OXUserService.changeMailAddressPersonal";

fn world() -> World {
    let mut world = World::new();
    world.env.insert("DROVER__MAPPING__SENDER_NAME".to_owned(), "true".to_owned());
    world
}

fn sender_name(world: &World, context: u32, name: &str) -> Value {
    raw_user(world, context, name)["personal"].clone()
}

#[test]
fn the_sender_name_is_sent_after_the_user_and_only_when_it_differs() {
    let world = world();
    let mut batches = Batches::of(&world);
    let anna = with(user("anna", 10), json!({"oxDisplayName": "Anna Berg, Heide"}));
    assert_eq!(batches.calls([anna.clone()]), [CREATE, SENDER_NAME]);
    assert_eq!(sender_name(&world, 10, "anna"), "Anna Berg, Heide");
    assert_eq!(batches.calls([anna.clone()]), [""; 0]);
    assert_eq!(batches.calls([with(anna.clone(), json!({"lastname": "Roth"}))]), [CHANGE]);
    let plain = with(anna, json!({"oxDisplayName": null, "displayName": "Anna Roth"}));
    assert_eq!(batches.calls([plain.clone()]), [CHANGE, SENDER_NAME]);
    assert_eq!(sender_name(&world, 10, "anna"), "Anna Roth");
    assert_eq!(batches.calls([plain]), [""; 0]);
}

#[test]
fn without_the_setting_no_sender_name_is_sent() {
    let world = World::new();
    let mut batches = Batches::of(&world);
    assert_eq!(batches.calls([user("anna", 10)]), [CREATE]);
    assert_eq!(sender_name(&world, 10, "anna"), Value::Null);
}

#[test]
fn who_moves_or_is_made_again_gets_the_sender_name_again() {
    let world = world();
    let mut batches = Batches::of(&world);
    batches.done([context(20), user("anna", 10), user("bert", 10)]);
    ByHand::of(&world).delete_user(10, "bert");
    batches.done([user("anna", 20), with(user("bert", 10), json!({"lastname": "Berg"}))]);
    assert_eq!(sender_name(&world, 20, "anna"), "anna");
    assert_eq!(sender_name(&world, 10, "bert"), "bert");
}

#[test]
fn a_refused_sender_name_is_a_fault_of_the_item_and_the_user_stays() {
    let world = world();
    let (class, text) = ("StorageException".to_owned(), "no such luck".to_owned());
    let refused = Rule::new(Effect::Fault { class, text });
    world.sim.script(refused.on("OXUserService", "changeMailAddressPersonal"));
    let mut batches = Batches::of(&world);
    batches.faulty([user("anna", 10)]);
    assert_eq!(world.users(10), ["anna"]);
    assert_eq!(world.count(CREATE), 1);
}
