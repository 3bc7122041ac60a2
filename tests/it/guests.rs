//! Guests, whom sharing by address has made in OX, and users who are created with such an address.

use drover::sim::SimOptions;
use serde_json::json;

use crate::scene::{Batches, assert_holds, number, rights};
use crate::world::{World, user};

const CREATE: &str = "OXUserService.createByModuleAccess";

#[test]
fn a_guest_becomes_the_user_who_is_created_with_his_address() {
    let world = World::with(SimOptions { newer: true, ..SimOptions::univention() });
    let guest = world.sim.seed_guest(10, "Anna@heide.example").unwrap();
    let mut batches = Batches::of(&world);
    let calls = batches.calls([user("anna", 10)]);
    assert_eq!(calls, ["OXUserService.create", "OXUserService.changeByModuleAccess"]);
    assert_eq!(number(&world, 10, "users", "anna"), u64::from(guest));
    assert_eq!(world.sim.state()["contexts"]["10"]["guests"], json!({}));
    assert!(rights(&world, 10, "anna").contains(&"webmail".to_owned()));
    assert!(!rights(&world, 10, "anna").contains(&"calendar".to_owned()));
    assert_eq!(batches.calls([user("anna", 10)]), [""; 0]);
}

#[test]
fn where_ox_cannot_convert_guests_users_are_made_as_ever_and_a_guest_in_the_way_is_told() {
    let world = World::new();
    world.sim.seed_guest(10, "bert@heide.example").unwrap();
    let mut batches = Batches::of(&world);
    assert_eq!(batches.calls([user("anna", 10)]), [CREATE]);
    let run = batches.faulty([user("bert", 10)]);
    assert_holds(&run.log, &["A guest has the user's address", "8.36.36"]);
    assert_eq!(world.users(10), ["anna"]);
}
