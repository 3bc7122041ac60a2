//! The mirror: last known states lie where the connector kept them, complete whenever drover is idle.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::scene::{Batches, assert_holds, number};
use crate::world::{World, account, context, eventually, gone, group, resource, user, with};

/// A world whose data folder was a connector's.
fn world() -> World {
    let world = World::new();
    std::fs::create_dir_all(old(&world)).unwrap();
    world
}

fn old(world: &World) -> PathBuf {
    world.queue_dir().join("old")
}

fn is(name: &str, end: &str) -> bool {
    Path::new(name).extension().is_some_and(|found| found == end)
}

/// All states, by file name.
fn states(world: &World) -> BTreeMap<String, Value> {
    let Ok(files) = std::fs::read_dir(old(world)) else { return BTreeMap::new() };
    let mut states = BTreeMap::new();
    for file in files.map(|file| file.unwrap()) {
        let name = file.file_name().into_string().unwrap();
        // One that is being written just now, and will be gone in a moment.
        if is(&name, "tmp") {
            continue;
        }
        assert!(is(&name, "json"), "{name}");
        let Ok(bytes) = std::fs::read(file.path()) else { continue };
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        states.insert(name, serde_json::from_slice(&bytes).unwrap());
    }
    states
}

fn names(world: &World) -> Vec<String> {
    states(world).into_keys().collect()
}

/// What an export would write; the mirror must be that.
fn assert_complete(world: &World) {
    let folder = tempfile::tempdir().unwrap();
    let run = world.ask("export", &["--old-dir", folder.path().to_str().unwrap()]);
    assert_eq!(run.code, 0, "{run:?}");
    let exported: BTreeMap<String, Vec<u8>> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|file| file.unwrap())
        .map(|f| (f.file_name().into_string().unwrap(), std::fs::read(f.path()).unwrap()))
        .collect();
    let mirrored: BTreeMap<String, Vec<u8>> = std::fs::read_dir(old(world))
        .unwrap()
        .map(|file| file.unwrap())
        .map(|f| (f.file_name().into_string().unwrap(), std::fs::read(f.path()).unwrap()))
        .collect();
    assert_eq!(mirrored, exported);
}

// 2.4, P6, P7, D44, D50
#[test]
fn each_state_is_as_the_connector_would_have_left_it() {
    let world = world();
    let mut batches = Batches::of(&world);
    let photo = "/9j/4AAQSkZJRgABAQ==";
    let anna = with(
        user("anna", 10),
        json!({"jpegPhoto": photo, "password": "{crypt}$6$x", "firstname": "Änne"}),
    );
    batches.done([
        context(20),
        anna.clone(),
        with(user("dora", 10), json!({"isOxUser": false})),
        group("team", &["anna"]),
        account("helpdesk", &["anna"]),
        resource("beamer", 10),
    ]);
    let all = states(&world);
    assert_eq!(all.len(), 6);
    let mut expected = with(
        anna.clone(),
        json!({"oxDbId": number(&world, 10, "users", "anna"), "oxDbUsername": "anna", "password": null}),
    );
    assert_eq!(all["user-anna.json"], expected);
    assert_eq!(all["group-team.json"]["object"]["oxDbGroupname"], "team");
    assert_eq!(all["user-dora.json"], with(user("dora", 10), json!({"isOxUser": false})));
    let bytes = std::fs::read_to_string(old(&world).join("user-anna.json")).unwrap();
    assert_holds(&bytes, &["\"firstname\": \"\\u00c4nne\"", "    \"dn\": "]);
    // A rename, a change without the photo, a deletion, one who is no OX user any more.
    let anne = with(anna, json!({"username": "anne", "jpegPhoto": null}));
    batches.done([anne.clone(), gone(group("team", &[])), gone(resource("beamer", 10))]);
    expected =
        with(expected, json!({"username": "anne", "oxDbUsername": "anne", "jpegPhoto": null}));
    assert_eq!(states(&world)["user-anna.json"], expected);
    assert_complete(&world);
    batches.done([with(anne, json!({"isOxUser": "Not"}))]);
    assert_eq!(
        names(&world),
        ["account-helpdesk.json", "ctx-20.json", "user-dora.json"],
        "who was taken out of OX has no last known state"
    );
}

#[test]
fn what_could_not_be_written_is_written_later_and_holds_nobody_up() {
    let world = world();
    let mut batches = Batches::of(&world);
    batches.done([user("anna", 10)]);
    // A file in the folder's place.
    std::fs::remove_dir_all(old(&world)).unwrap();
    std::fs::write(old(&world), "in the way").unwrap();
    let mut world = world;
    world.env.insert("DROVER__MIRROR__ENABLED".to_owned(), "true".to_owned());
    let mut batches = Batches::later(&world);
    let run = batches.done([user("bert", 10), gone(user("anna", 10))]);
    assert_holds(&run.log, &["the mirror is behind"]);
    assert_eq!(world.users(10), ["bert"]);
    std::fs::remove_file(old(&world)).unwrap();
    world.provision();
    assert_eq!(names(&world), ["user-bert.json"]);
    assert_complete(&world);
}

#[test]
fn a_running_service_mirrors_as_it_goes_and_after_a_kill_the_next_one_completes_it() {
    let world = world();
    let mut service = world.serve();
    service.wait_for_log(&["has started"]);
    let names_of =
        |n: std::ops::Range<u32>| n.map(|n| user(&format!("u{n:03}"), 10)).collect::<Vec<_>>();
    Batches::of(&world).put(names_of(0..20));
    eventually("twenty states", || names(&world).len() == 20);
    Batches::later(&world).put(names_of(20..80));
    eventually("the first of them", || world.users(10).len() > 30);
    service.kill();
    // What a power cut may leave of a file that was not forced to the disk.
    std::fs::write(old(&world).join("user-u003.json"), "").unwrap();
    std::fs::remove_file(old(&world).join("user-u004.json")).unwrap();
    std::fs::write(old(&world).join("user-u005.json.tmp"), "{").unwrap();
    world.provision();
    assert_eq!(names(&world).len(), 80);
    assert_complete(&world);
}

#[test]
fn where_no_connector_was_there_is_no_mirror_until_it_is_asked_for() {
    let mut world = World::new();
    let mut batches = Batches::of(&world);
    batches.done([user("anna", 10), group("team", &["anna"])]);
    assert!(!old(&world).exists());
    world.env.insert("DROVER__MIRROR__ENABLED".to_owned(), "true".to_owned());
    world.provision();
    assert_eq!(names(&world), ["group-team.json", "user-anna.json"], "all that was there before");
    world.env.insert("DROVER__MIRROR__ENABLED".to_owned(), "false".to_owned());
    Batches::later(&world).done([gone(user("anna", 10))]);
    assert_eq!(names(&world).len(), 2, "left as it was");
    world.env.insert("DROVER__MIRROR__ENABLED".to_owned(), "auto".to_owned());
    // A state of an object that drover does not know is none of its business.
    std::fs::write(old(&world).join("stranger.json"), user("x", 10).to_string()).unwrap();
    let path = old(&world).join("stranger.json");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    world.provision();
    assert!(names(&world).contains(&"stranger.json".to_owned()));
}
