//! Only one drover at a time works on a data folder (the real binary, two processes).

use std::collections::BTreeMap;
use std::path::Path;

use drover::sim::{Effect, Rule};

use crate::world::{Service, World, eventually, file, signal, user};

/// Every file below a folder with its content.
fn content(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
        // Of a socket only that it is there.
        let bytes = if path.is_file() { std::fs::read(&path).unwrap() } else { Vec::new() };
        found.insert(path.display().to_string(), bytes);
    }
    found
}

/// A world in which drover waits for an answer that does not come.
fn busy_world() -> (World, Service) {
    let world = World::new();
    world.sim.script(Rule::new(Effect::Hang));
    world.put(&file(1), &user("anna", 10));
    let mut first = world.serve();
    first.wait_for_log(&["has started"]);
    eventually("a call", || !world.calls().is_empty());
    (world, first)
}

#[test]
fn the_second_refuses_says_who_is_there_and_touches_nothing() {
    let (world, first) = busy_world();
    // Halted, the first still holds the folder and writes nothing: what is touched now, the second touches.
    signal(&first.child, "STOP");
    let (before, calls) = (content(world.data.path()), world.calls());
    let data = world.data.path().to_str().unwrap();
    for arguments in [vec!["run", "--data", data, "--once"], vec!["run", "--data", data]] {
        let second = world.command(&arguments).output().unwrap();
        assert_eq!(second.status.code(), Some(6), "{second:?}");
        let told = String::from_utf8(second.stderr).unwrap();
        for part in [data, "in use by another drover", &format!("pid {}", first.child.id()), "stop"]
        {
            assert!(told.contains(part), "no {part:?} in {told}");
        }
    }
    assert!(content(world.data.path()) == before, "something was touched");
    assert_eq!(world.calls(), calls, "OX was asked");
    first.kill();
}

#[test]
fn the_lock_of_a_killed_one_is_free_at_once() {
    let (world, first) = busy_world();
    first.kill();
    world.sim.clear_script();
    world.provision();
    assert_eq!(world.users(10), ["anna"]);
}
