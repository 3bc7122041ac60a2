//! The queue's folder while drover lives on it (SRC-01, SRC-09, SRC-10, SRC-32; D26, D30, D46, D47).

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use drover::sim::{Effect, Latency, Rule};
use serde_json::json;

use crate::world::{Run, World, context, eventually, file, gone, group, item, signal, user, with};

/// OX refuses this user, until the script is cleared.
fn refuse(world: &World, name: &str) {
    let fault = Effect::Fault { class: "InvalidDataException".into(), text: "Not him".into() };
    world.sim.script(Rule::new(fault).on("User", "createByModuleAccess").named(name));
}

fn created(world: &World) -> Vec<String> {
    let log = world.sim.log();
    let creates = log.iter().filter(|c| c.operation == "createByModuleAccess" && c.applied);
    creates.map(|call| call.name.as_deref().unwrap().to_owned()).collect()
}

/// SRC-10: from the moment a file has its name to the first call that OX sees.
///
/// Rules: Q1, P10
#[test]
fn a_file_that_appears_is_taken_up_at_once() {
    let world = World::new();
    let mut service = world.serve();
    service.wait_for_log(&["the queue was read"]);
    let mut times: Vec<Duration> = (1..=21)
        .map(|n| {
            let calls = world.sim.log().len();
            world.put(&file(n), &user(&format!("user{n:02}"), 10));
            let named = Instant::now();
            eventually("a call", || world.sim.log().len() > calls);
            let took = named.elapsed();
            eventually("the queue's end", || world.queue().is_empty());
            took
        })
        .collect();
    times.sort();
    println!("from rename to the first call: median {:?}, longest {:?}", times[10], times[20]);
    assert!(times[10] < Duration::from_secs(1), "{times:?}");
}

/// SRC-01: a file under another name is none, a file still being written is not judged.
///
/// Rules: Q5
#[test]
fn files_half_written_hurt_nobody() {
    let world = World::new();
    let mut service = world.serve();
    service.wait_for_log(&["the queue was read"]);
    let anna = user("anna", 10).to_string();
    let (head, tail) = anna.split_at(anna.len() / 2);
    fs::write(world.queue_dir().join("2025-03-03-00-00-01.converting.tmp"), head).unwrap();
    fs::write(world.queue_dir().join("2025-03-03-00-00-01.json.tmp"), head).unwrap();
    // Written in place by somebody slow.
    let mut slow = fs::File::create(world.queue_dir().join(file(1))).unwrap();
    slow.write_all(head.as_bytes()).unwrap();
    slow.flush().unwrap();
    world.put(&file(2), &user("bert", 10));
    eventually("bert", || world.users(10) == ["bert"] && world.queue() == [file(1)]);
    slow.write_all(tail.as_bytes()).unwrap();
    drop(slow);
    eventually("anna", || world.queue().is_empty());
    assert_eq!(world.users(10), ["anna", "bert"]);
    signal(&service.child, "TERM");
    service.wait_for_log(&["draining"]);
    assert!(!service.seen.iter().any(|line| line.contains("cannot be used")), "{:?}", service.seen);
    assert_eq!(fs::read_dir(world.queue_dir()).unwrap().count(), 2, "the other files are there");
}

/// SRC-01: half a file at the start is named, hurts nobody, and is done when it is whole.
///
/// Rules: D26
#[test]
fn half_a_file_at_the_start_is_done_once_it_is_whole() {
    let world = World::new();
    let anna = user("anna", 10).to_string();
    world.put_bytes(&file(1), &anna.as_bytes()[..anna.len() / 2]);
    world.put(&file(2), &user("bert", 10));
    let mut service = world.serve();
    service.wait_for_log(&["cannot be used", &file(1)]);
    eventually("bert", || world.queue() == [file(1)]);
    fs::write(world.queue_dir().join(file(1)), &anna).unwrap();
    eventually("anna", || world.queue().is_empty());
    assert_eq!(world.users(10), ["anna", "bert"]);
}

/// SRC-01: what is no queue file is not touched and not waited for.
#[test]
fn aliens_in_the_folder_are_left_alone() {
    let world = World::new();
    let queue = world.queue_dir();
    fs::create_dir(queue.join("old")).unwrap();
    fs::write(queue.join("old").join(file(1)), user("carl", 10).to_string()).unwrap();
    fs::create_dir(queue.join("2025-03-03-00-00-02.json")).unwrap();
    fs::write(queue.join("README"), "see the manual").unwrap();
    fs::write(queue.join(".hidden.json"), "{").unwrap();
    for fifo in ["pipe", "2025-03-03-00-00-03.json"] {
        assert!(Command::new("mkfifo").arg(queue.join(fifo)).status().unwrap().success());
    }
    let before = fs::read_dir(&queue).unwrap().count();
    world.put(&file(9), &user("anna", 10));
    // Whether they are there at the start …
    let run = world.run_once();
    assert_eq!(run.code, 0, "{}\n{}", run.stdout, run.log);
    assert_eq!(world.users(10), ["anna"]);
    // … or come while it runs.
    let mut service = world.serve();
    service.wait_for_log(&["the queue was read"]);
    let late = queue.join("2025-03-03-00-00-04.json");
    assert!(Command::new("mkfifo").arg(late).status().unwrap().success());
    fs::create_dir(queue.join("2025-03-03-00-00-05.json")).unwrap();
    world.put(&file(10), &user("bert", 10));
    eventually("bert", || world.users(10) == ["anna", "bert"]);
    let (code, took) = service.terminate();
    assert_eq!(code, 0);
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert_eq!(fs::read_dir(&queue).unwrap().count(), before + 2);
}

/// SRC-01: removing a file by hand drops its item, before its turn and at its turn.
///
/// Rules: D30
#[test]
fn a_file_removed_by_hand_is_dropped() {
    let world = World::new();
    refuse(&world, "anna");
    world.put(&file(1), &user("anna", 10));
    world.put(&file(2), &user("bert", 10));
    world.put(&file(3), &user("carl", 10));
    let mut service = world.serve();
    service.wait_for_log(&["stands still", &file(1)]);
    fs::remove_file(world.queue_dir().join(file(2))).unwrap();
    service.wait_for_log(&["removed by hand", &file(2)]);
    // The faulty one itself: the context goes on without it.
    fs::remove_file(world.queue_dir().join(file(1))).unwrap();
    service.wait_for_log(&["removed by hand", &file(1)]);
    eventually("carl", || world.queue().is_empty());
    assert_eq!(world.users(10), ["carl"]);
}

/// The same amid a run; groups that come later still find the members.
///
/// Rules: D30
#[test]
fn a_file_removed_during_a_run_costs_later_groups_no_member() {
    let world = World::new();
    world.put(&file(1), &user("anna", 10));
    world.provision();
    world.sim.set_latency(None, Latency::FixedMs(150.0));
    world.put(&file(2), &user("bert", 10));
    world.put(&file(3), &with(user("anna", 10), json!({"lastname": "Neu"})));
    world.put(&file(4), &group("team", &["anna", "bert"]));
    let calls = world.sim.log().len();
    let service = world.serve();
    eventually("bert's call", || world.sim.log().len() > calls);
    let _ = fs::remove_file(world.queue_dir().join(file(3)));
    eventually("the queue's end", || world.queue().is_empty());
    drop(service);
    let context = world.context(10);
    assert_eq!(context["groups"]["team"]["members"], json!(["anna", "bert"]));
}

/// SRC-01: by the time in the name, whatever precision it was written with.
///
/// Rules: P1, 2.2, D47
#[test]
fn the_order_is_by_time_and_then_by_name() {
    let world = World::new();
    let names = [
        ("2025-03-03-08-00-01.json", "a"),
        ("2025-03-03-08-00-01-000000.json", "b"),
        ("2025-03-03-08-00-01-09.json", "c"),
        ("2025-03-03-08-00-01-104233.json", "d"),
        ("2025-03-03-08-00-01-5.json", "e"),
        ("2025-03-03-08-00-02.json", "f"),
        ("2025-03-03-08-00-10.json", "g"),
        ("without-a-time.json", "h"),
    ];
    for (name, login) in names.iter().rev() {
        world.put(name, &user(login, 10));
    }
    world.provision();
    let made = created(&world);
    // The first two are the same moment; their names decide.
    assert_eq!(made[2..], ["c", "d", "e", "f", "g", "h"], "{made:?}");
    assert_eq!(made[..2], ["b", "a"], "{made:?}");
}

/// A clock that goes back makes no item get lost.
///
/// Rules: D47
#[test]
fn a_file_older_than_those_done_is_done_too() {
    let world = World::new();
    let mut service = world.serve();
    service.wait_for_log(&["the queue was read"]);
    world.put(&file(100), &user("anna", 10));
    eventually("anna", || world.queue().is_empty());
    world.put(&file(50), &user("bert", 10));
    eventually("bert", || world.queue().is_empty());
    assert_eq!(created(&world), ["anna", "bert"]);
}

/// SRC-32: files come and other contexts work while one stands still; what came is in order.
#[test]
fn intake_goes_on_while_a_context_stands_still() {
    let world = World::new();
    refuse(&world, "anna");
    world.put(&file(1), &user("anna", 10));
    let mut service = world.serve();
    service.wait_for_log(&["stands still", &file(1)]);
    for n in 2..40 {
        world.put(&file(n), &user(&format!("user{n:02}"), 10));
    }
    world.put(&file(50), &context(20));
    world.put(&file(51), &user("bert", 20));
    eventually("bert", || world.users(20) == ["bert"]);
    service.wait_for_log(&["stands still", &file(1), "\"waiting\":38"]);
    assert_eq!(world.users(10), [] as [&str; 0]);
    world.sim.clear_script();
    eventually("the queue's end", || world.queue().is_empty());
    let mut expected = vec!["anna".to_owned()];
    expected.extend((2..40).map(|n| format!("user{n:02}")));
    let made: Vec<String> = created(&world).into_iter().filter(|name| name != "bert").collect();
    assert_eq!(made, expected);
}

/// SRC-09: looking every so often, also where the folder itself was exchanged meanwhile.
#[test]
fn with_an_interval_it_looks_by_itself() {
    let world = World::new();
    let data = world.data.path().to_str().unwrap();
    let mut command = world.command(&["run", "--data", data, "--interval", "0.2"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    world.put(&file(1), &user("anna", 10));
    eventually("anna", || world.queue().is_empty());
    fs::rename(world.queue_dir(), world.data.path().join("listener.before")).unwrap();
    fs::create_dir(world.queue_dir()).unwrap();
    world.put(&file(2), &user("bert", 10));
    eventually("bert", || world.queue().is_empty());
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(world.users(10), ["anna", "bert"]);
}

/// One drover on a data folder.
///
/// Rules: Q1, D46
#[test]
fn a_second_drover_on_the_folder_is_refused_and_told_who_has_it() {
    let world = World::new();
    let mut service = world.serve();
    service.wait_for_log(&["has started"]);
    world.put(&file(1), &user("anna", 10));
    let second = world.run_once();
    assert_eq!(second.code, 6, "{}", second.log);
    let pid = format!("pid {}", service.child.id());
    assert!(second.log.contains(&pid) && second.log.contains("stop that one first"), "{second:?}");
    eventually("anna", || world.queue().is_empty());
    service.kill();
    world.provision();
}

fn run_on(world: &World, data: &str) -> Run {
    Run::from(world.command(&["run", "--data", data, "--once"]).output().unwrap())
}

#[test]
fn a_data_folder_that_cannot_be_used_is_told() {
    let world = World::new();
    // Not there.
    let run = run_on(&world, "/nowhere/at/all");
    assert_eq!(run.code, 6, "{run:?}");
    assert!(run.log.contains("/nowhere/at/all") && run.log.contains("must exist"), "{run:?}");
    // No folder.
    let plain = world.data.path().join("plain");
    fs::write(&plain, "").unwrap();
    let run = run_on(&world, plain.to_str().unwrap());
    assert_eq!(run.code, 6, "{run:?}");
    assert!(run.log.contains("plain"), "{run:?}");
    // Not to be written to.
    let locked = world.data.path().join("locked");
    fs::create_dir(&locked).unwrap();
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o555)).unwrap();
    if fs::write(locked.join("probe"), "").is_err() {
        let run = run_on(&world, locked.to_str().unwrap());
        assert_eq!(run.code, 6, "{run:?}");
        assert!(run.log.contains("locked"), "{run:?}");
    }
    // No room for the queue.
    let odd = world.data.path().join("odd");
    fs::create_dir(&odd).unwrap();
    fs::write(odd.join("listener"), "").unwrap();
    let run = run_on(&world, odd.to_str().unwrap());
    assert_eq!(run.code, 6, "{run:?}");
    assert!(run.log.contains("odd/listener"), "{run:?}");
    // A state database that is none.
    let broken = world.data.path().join("broken");
    fs::create_dir(&broken).unwrap();
    fs::write(broken.join("drover.db"), "this is not a database, and long enough to tell").unwrap();
    let run = run_on(&world, broken.to_str().unwrap());
    assert_eq!(run.code, 6, "{run:?}");
    assert!(run.log.contains("drover.db"), "{run:?}");
}

/// Files that others read are exchanged whole; whoever reads the old one has all of it.
///
/// Rules: D42, D46
#[test]
fn files_that_others_read_are_never_torn() {
    let world = World::new();
    let profile = |name: &str| {
        item(
            "oxmail/accessprofile",
            &format!("profile-{name}"),
            &format!("cn={name},dc=heide,dc=example"),
            json!({"name": name, "displayName": name, "webmail": "TRUE"}),
        )
    };
    world.put(&file(1), &profile("first"));
    world.put(&file(2), &context(20));
    world.provision();
    let profiles = world.data.path().join("ModuleAccessDefinitions.properties");
    let old = |path: &std::path::Path| {
        let text = fs::read_to_string(path).unwrap();
        (fs::File::open(path).unwrap(), text, fs::metadata(path).unwrap().ino())
    };
    let before = [old(&profiles), old(&world.credentials_path())];
    world.put(&file(3), &profile("second"));
    world.put(&file(4), &context(30));
    world.put(&file(5), &gone(context(20)));
    world.provision();
    let after = [old(&profiles), old(&world.credentials_path())];
    for ((mut opened, text, inode), (_, new_text, new_inode)) in before.into_iter().zip(after) {
        assert_ne!(inode, new_inode);
        assert_ne!(text, new_text);
        let mut still = String::new();
        opened.read_to_string(&mut still).unwrap();
        assert_eq!(still, text);
    }
    let names = |path: &std::path::Path| -> Vec<String> {
        let entries = fs::read_dir(path).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    assert_eq!(names(world.credentials_path().parent().unwrap()), ["contexts.json"]);
    assert!(!names(world.data.path()).iter().any(|name| name.contains("tmp")));
}
