//! What the connector had not done yet.

use serde_json::{Value, json};

use super::connector::Layout;
use super::{report, take_over, town};
use crate::scene::{Batches, field, warns};
use crate::world::{gone, group, user, with};

#[test]
fn tasks_are_done_in_their_order_before_whatever_came_later_and_deletions_are_deletions() {
    for layout in [Layout::Database3, Layout::Database4] {
        let (world, connector) = town(layout);
        let named = |name: &str| with(user("anna", 10), json!({"lastname": name}));
        // The second came while the clock was put back.
        connector.task(&named("one"), "2025-10-26 01:30:00.000001");
        connector.task(&named("two"), "2025-10-26 00:30:00.000001");
        connector.task(&gone(user("bert", 10)), "2025-10-26 00:30:00.000001");
        let later = connector.dir().join("listener/2025-10-26-00-10-00-000000.json");
        std::fs::create_dir_all(later.parent().unwrap()).unwrap();
        std::fs::write(&later, named("three").to_string()).unwrap();
        let run = take_over(&world, connector.dir(), &[]);
        assert_eq!(run.code, 0, "{run:?}");
        let queue: Vec<Value> = world
            .queue()
            .iter()
            .map(|name| {
                serde_json::from_slice(&std::fs::read(world.queue_dir().join(name)).unwrap())
                    .unwrap()
            })
            .collect();
        let names: Vec<&Value> = queue.iter().map(|file| &file["object"]["lastname"]).collect();
        assert_eq!(names, [&json!("one"), &json!("two"), &Value::Null, &json!("three")]);
        assert_eq!(queue[2]["object"], Value::Null);
        world.provision();
        assert_eq!(field(&world, 10, "anna", "sur_name"), "three");
        assert_eq!(world.users(10), ["anna"]);
        take_over(&world, connector.dir(), &[]);
        assert_eq!(world.queue(), Vec::<String>::new(), "nothing is done a second time");
    }
}

#[test]
fn what_was_set_aside_is_tried_again_if_its_object_is_known_and_laid_aside_if_not() {
    for layout in [Layout::Database3, Layout::Database4] {
        let (world, connector) = town(layout);
        let anna = |name: &str| with(user("anna", 10), json!({"lastname": name}));
        connector.refused(&anna("first try"), "2025-05-01 10:00:00");
        connector.refused(&anna("second try"), "2025-05-01 11:00:00");
        connector.refused(&user("emil", 10), "2025-05-01 12:00:00");
        connector.refused(&gone(user("fritz", 10)), "2025-05-01 13:00:00");
        let mut shared = user("shared", 10);
        shared["udm_object_type"] = json!("oxmail/unheard_of");
        connector.task(&shared, "2025-05-01 14:00:00");
        connector.task(&anna("task"), "2025-05-02 09:00:00");
        let told = report(&world, connector.dir(), &[]);
        assert_eq!(
            (&told["refused"], &told["settled"], &told["enqueued"]),
            (&json!(1), &json!(1), &json!(2))
        );
        assert_eq!(told["aside"].as_array().unwrap().len(), 2);
        assert_eq!(told["unknown_kinds"]["oxmail/unheard_of"], 1);
        assert_eq!(told["aside"][0][0], "user-emil");
        let first = std::fs::read_to_string(world.queue_dir().join(&world.queue()[0])).unwrap();
        assert!(first.contains("second try"), "{first}");
        world.provision();
        assert_eq!(field(&world, 10, "anna", "sur_name"), "task");
        assert_eq!(
            world.users(10),
            ["anna", "bert"],
            "nobody is made whom somebody may have deleted"
        );
        // The operator wants him.
        let path = std::path::PathBuf::from(told["aside"][0][1].as_str().unwrap());
        std::fs::rename(&path, world.queue_dir().join(path.file_name().unwrap())).unwrap();
        world.provision();
        assert_eq!(world.users(10), ["anna", "bert", "emil"]);
        let again = report(&world, connector.dir(), &[]);
        assert_eq!((&again["enqueued"], &again["enqueued_before"]), (&json!(0), &json!(2)));
        assert!(!path.exists(), "it is laid aside once");
        assert_eq!(again["aside"].as_array().unwrap().len(), 1, "the other one still waits");
    }
}

#[test]
fn in_the_connectors_own_folder_the_queue_stays_where_it_is() {
    let (mut world, connector) = town(Layout::Files);
    connector.pending(&group("team", &["anna", "bert", "carl"]));
    let keys = world.credentials();
    // The same folder for both, as after an installation over the connector.
    let there = tempfile::tempdir().unwrap();
    for (name, bytes) in super::tree(connector.dir()) {
        let path = there.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    world.data = there;
    world.write_credentials(&keys);
    let folder = world.data.path().to_owned();
    let told = report(&world, &folder, &[]);
    assert_eq!((&told["stay"], &told["enqueued"]), (&json!(1), &json!(0)));
    world.sim.clear_log();
    world.provision();
    assert_eq!(crate::scene::members(&world, 10, "team").unwrap(), ["anna", "bert"]);
    assert_eq!(world.count("OXGroupService.create"), 0);
    let calls = Batches::later(&world).calls([group("team", &["anna", "bert", "carl"])]);
    assert_eq!(calls, [""; 0]);
}

#[test]
fn who_starts_in_a_connectors_folder_without_taking_over_is_told() {
    let (mut world, connector) = town(Layout::Files);
    let keys = world.credentials();
    let there = tempfile::tempdir().unwrap();
    for (name, bytes) in super::tree(connector.dir()) {
        let path = there.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    world.data = there;
    world.write_credentials(&keys);
    let states = super::tree(world.data.path());
    assert!(warns(&world.provision(), &["drover takeover --from"]));
    let mut after = super::tree(world.data.path());
    after.retain(|name, _| !name.starts_with("drover."));
    assert_eq!(after, states, "nothing of the connector's is lost");
    let folder = world.data.path().to_owned();
    assert_eq!(take_over(&world, &folder, &[]).code, 0);
    assert!(!warns(&world.provision(), &["drover takeover --from"]));
    // The states are drover's now, without the passwords of old.
    assert_eq!(super::tree(&folder.join("listener/old")).len(), 9);
}
