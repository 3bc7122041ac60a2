//! What contexts and users have beside their fields: enabled or not, capabilities, quotas of modules; and
//! who gets the data of a user who is deleted.

use serde_json::{Value, json};

use crate::scene::{Batches, ByHand, assert_holds, raw_user};
use crate::world::{World, context, gone, user, with};

const ENABLE: &str = "OXContextService.enable";
const DISABLE: &str = "OXContextService.disable";
const CAPABILITIES: &str = "OXContextService.changeCapabilities";
const QUOTA: &str = "OXContextService.changeQuota";

fn raw(world: &World, id: u32) -> Value {
    world.sim.state()["contexts"][id.to_string()].clone()
}

// OBJ-08
#[test]
fn a_context_is_disabled_and_enabled_by_an_attribute_and_nothing_is_sent_twice() {
    let world = World::new();
    let mut batches = Batches::of(&world);
    let off = with(context(20), json!({"oxContextEnabled": false}));
    assert_eq!(batches.calls([off.clone()]), ["OXContextService.create", DISABLE]);
    assert_eq!(raw(&world, 20)["enabled"], false);
    assert_eq!(batches.calls([off]), [""; 0]);
    // People in it are provisioned all the same.
    batches.done([user("anna", 20)]);
    let on = with(context(20), json!({"oxContextEnabled": "OK"}));
    assert_eq!(batches.calls([on.clone()]), [ENABLE]);
    assert_eq!(raw(&world, 20)["enabled"], true);
    assert_eq!(batches.calls([on]), [""; 0]);
    // Without the attribute it is nobody's business here.
    ByHand::of(&world).disable_context(&world, 20);
    assert_eq!(batches.calls([context(20)]), [""; 0]);
    assert_eq!(raw(&world, 20)["enabled"], false);
}

// OBJ-08, OBJ-59
#[test]
fn capabilities_and_module_quotas_of_a_context_follow_the_directory_word_by_word() {
    let world = World::new();
    let mut batches = Batches::of(&world);
    let first = json!({"oxCapabilities": ["drive", "-tasks"], "oxModuleQuota": "calendar=100"});
    let calls = batches.calls([with(context(20), first)]);
    assert_eq!(calls, ["OXContextService.create", CAPABILITIES, QUOTA]);
    assert_eq!(raw(&world, 20)["capabilities"], json!(["-tasks", "drive"]));
    assert_eq!(raw(&world, 20)["quotas"], json!({"calendar": 100}));
    let second = json!({"oxCapabilities": "tasks, Guard",
                        "oxModuleQuota": ["calendar=50", "contact = 7"]});
    let second = with(context(20), second);
    assert_eq!(batches.calls([second.clone()]), [CAPABILITIES, QUOTA, QUOTA]);
    assert_eq!(raw(&world, 20)["capabilities"], json!(["guard", "tasks"]));
    assert_eq!(raw(&world, 20)["quotas"], json!({"calendar": 50, "contact": 7}));
    assert_eq!(batches.calls([second]), [""; 0]);
    assert_eq!(batches.calls([context(20)]), [CAPABILITIES, QUOTA, QUOTA]);
    assert_eq!(raw(&world, 20)["capabilities"], json!([]));
    assert_eq!(raw(&world, 20)["quotas"], json!({}));
}

// OBJ-08
#[test]
fn a_context_that_is_gone_is_disabled_instead_of_deleted_if_so_set_and_comes_back_with_its_users() {
    let mut world = World::new();
    world.env.insert("DROVER__MAPPING__ON_CONTEXT_DELETE".to_owned(), "disable".to_owned());
    let mut batches = Batches::of(&world);
    batches.done([context(20), user("anna", 20)]);
    assert_eq!(batches.calls([gone(context(20))]), [DISABLE]);
    assert_eq!(raw(&world, 20)["enabled"], false);
    assert_eq!(world.users(20), ["anna"]);
    assert!(world.credentials()["20"].is_object(), "its key is needed when it is back");
    batches.done([context(20)]);
    assert_eq!(raw(&world, 20)["enabled"], true);
    assert_eq!(batches.calls([with(user("anna", 20), json!({"lastname": "Roth"}))]).len(), 1);
    // One that somebody has deleted in OX meanwhile is not made in order to be disabled.
    ByHand::of(&world).delete_context(20);
    batches.done([gone(context(20))]);
    assert_eq!(raw(&world, 20), Value::Null);
}

// OBJ-59
#[test]
fn a_user_is_granted_and_denied_capabilities_and_gets_them_again_where_he_moves_to() {
    let world = World::new();
    let mut batches = Batches::of(&world);
    let anna =
        |context| with(user("anna", context), json!({"oxCapabilities": ["drive", "-tasks"]}));
    let create = "OXUserService.createByModuleAccess";
    let change = "OXUserService.changeCapabilities";
    batches.done([context(20)]);
    assert_eq!(batches.calls([anna(10)]), [create, change]);
    assert_eq!(raw_user(&world, 10, "anna")["capabilities"], json!(["-tasks", "drive"]));
    assert_eq!(batches.calls([anna(10)]), [""; 0]);
    batches.done([anna(20)]);
    assert_eq!(raw_user(&world, 20, "anna")["capabilities"], json!(["-tasks", "drive"]));
    assert_eq!(batches.calls([user("anna", 20)]), [change]);
    assert_eq!(raw_user(&world, 20, "anna")["capabilities"], json!([]));
}

#[test]
fn capabilities_that_cannot_be_meant_are_told_with_their_property() {
    let world = World::new();
    let mut batches = Batches::of(&world);
    for (property, value) in [
        ("oxCapabilities", json!(["drive", "-drive"])),
        ("oxCapabilities", json!("dri ve")),
        ("oxModuleQuota", json!("calendar")),
    ] {
        let run = batches.faulty([with(context(20), json!({property: value}))]);
        assert_holds(&run.stdout, &[property]);
        for name in world.queue() {
            std::fs::remove_file(world.queue_dir().join(name)).unwrap();
        }
    }
}

// OBJ-12
#[test]
fn a_deleted_users_data_go_to_the_heir_he_or_the_settings_name() {
    let mut world = World::new();
    world.env.insert("DROVER__MAPPING__HEIR".to_owned(), "archive".to_owned());
    let mut batches = Batches::of(&world);
    // Who is to inherit has to have a file store of his own, says OX.
    let own_store = json!({"oxUserQuota": "100"});
    let heirs = ["archive", "berta"].map(|name| with(user(name, 10), own_store.clone()));
    batches.done(heirs);
    batches.done([
        user("anna", 10),
        with(user("carl", 10), json!({"oxHeir": "berta"})),
        with(user("dora", 10), json!({"oxHeir": "berta"})),
    ]);
    batches.done([gone(user("anna", 10))]);
    assert_eq!(raw_user(&world, 10, "archive")["inherited"], json!(["anna"]));
    batches.done([gone(user("carl", 10))]);
    assert_eq!(raw_user(&world, 10, "berta")["inherited"], json!(["carl"]));
    // Unticking is deleting, too.
    batches.done([with(user("dora", 10), json!({"isOxUser": "Not", "oxHeir": "berta"}))]);
    assert_eq!(raw_user(&world, 10, "berta")["inherited"], json!(["carl", "dora"]));
    assert_eq!(world.users(10), ["archive", "berta"]);
}

// OBJ-12
#[test]
fn a_user_whose_heir_is_not_there_is_not_deleted_until_he_is() {
    let mut world = World::new();
    world.env.insert("DROVER__MAPPING__HEIR".to_owned(), "archive".to_owned());
    let mut batches = Batches::of(&world);
    batches.done([user("anna", 10)]);
    let run = batches.faulty([gone(user("anna", 10))]);
    assert_holds(&run.stdout, &["archive", "context 10 has no such user", "mapping.heir"]);
    assert_eq!(world.users(10), ["anna"]);
    // One without a file store of his own cannot inherit, says OX.
    ByHand::of(&world).create_user(10, "archive");
    let run = world.run_once();
    assert_eq!(run.code, 3, "{}", run.stdout);
    assert_holds(&run.stdout, &["not an owner of a filestore"]);
    assert_eq!(world.users(10), ["anna", "archive"]);
    world.env.insert("DROVER__MAPPING__HEIR".to_owned(), String::new());
    world.provision();
    assert_eq!(world.users(10), ["archive"]);
}
