//! `drover health` and `drover status`: what monitoring sees, with and without a service.

use std::net::TcpListener;

use serde_json::{Value, json};

use crate::world::{Run, World, context, eventually, file, user, with};

/// A user whose name OX refuses.
fn refused(name: &str, context: u32) -> Value {
    with(user(name, context), json!({"username": format!("{name} & co")}))
}

#[track_caller]
fn assert_health(run: &Run, code: i32, parts: &[&str]) {
    assert_eq!(run.code, code, "{}{}", run.stdout, run.log);
    assert_eq!(run.stdout.lines().count(), 1, "{}", run.stdout);
    for part in parts {
        assert!(run.stdout.contains(part), "{} lacks {part}", run.stdout);
    }
}

#[test]
fn a_service_that_has_nothing_to_do_is_healthy() {
    let world = World::new();
    let mut service = world.serve();
    service.wait_for_log(&["has started"]);
    world.put(&file(1), &context(20));
    eventually("the context", || world.queue().is_empty());
    let run = world.ask("health", &[]);
    let fine =
        ["DROVER OK - service runs (pid ", "OX answers", " | pending=0;;;0 oldest=0s;300;3600"];
    assert_health(&run, 0, &fine);
    service.terminate();
    let run = world.ask("health", &[]);
    assert_health(&run, 2, &["DROVER CRITICAL - no service runs"]);
    assert_health(&world.ask("health", &["--no-service"]), 0, &["DROVER OK"]);
}

#[test]
fn faulty_items_standing_contexts_and_old_items_are_told() {
    let world = World::new();
    world.put(&file(1), &refused("berta", 10));
    let run = world.run_once();
    assert_eq!(run.code, 3, "{}", run.stdout);
    let run = world.ask("health", &["--no-service"]);
    assert_health(&run, 2, &["DROVER CRITICAL - 1 context stands still (10)", "faulty=1;;0;0"]);
    // File times are as old as the file is: anything waits longer than no time at all.
    let run =
        world.ask("health", &["--no-service", "--warning-age", "0", "--critical-age", "9999"]);
    assert_health(&run, 2, &["1 context stands still", "the oldest for "]);

    let run = world.ask("status", &[]);
    for part in ["1 context stands still, for 1 reason", "context 10, 1 faulty item, attempts: 3"] {
        assert!(run.stdout.contains(part), "{}", run.stdout);
    }
    let told: Value = serde_json::from_str(&world.ask("status", &["--json"]).stdout).unwrap();
    assert_eq!(told["standing"], json!([10]));
    assert_eq!(told["faulty"][0]["attempts"], 3);
}

#[test]
fn items_that_nobody_takes_in_grow_old() {
    let world = World::new();
    world.put(&file(1), &context(20));
    let path = world.queue_dir().join(file(1));
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(1000);
    std::fs::File::options().write(true).open(path).unwrap().set_modified(long_ago).unwrap();
    let run = world.ask("health", &["--no-service"]);
    assert_health(&run, 1, &["DROVER WARNING - 1 item waits, the oldest for 1000 s", "pending=1"]);
    let run = world.ask("health", &["--no-service", "--critical-age", "900"]);
    assert_health(&run, 2, &["CRITICAL"]);
}

#[test]
fn an_outage_and_a_refused_login_are_told() {
    let mut world = World::new();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let run = world.ask("health", &["--no-service"]);
    assert_health(&run, 0, &["OX answers"]);
    world.env.insert("OX_MASTER_PASSWORD".into(), "wrong".into());
    let run = world.ask("health", &["--no-service"]);
    assert_health(&run, 1, &["OX refuses the master's login"]);
    world.env.insert("DROVER__OX__SOAP_SERVER".into(), format!("http://{closed}"));
    let run = world.ask("health", &["--no-service"]);
    assert_health(&run, 2, &["OX is out: cannot reach OX"]);
    assert_health(&world.ask("health", &["--no-service", "--offline"]), 0, &["DROVER OK"]);
    world.env.insert("OX_LANGUAGE".into(), "x".into());
    assert_health(&world.ask("health", &[]), 3, &["DROVER UNKNOWN - ", "OX_LANGUAGE"]);
}

#[test]
fn the_current_error_has_the_shape_that_monitoring_knows() {
    let mut world = World::new();
    let current = |world: &World| world.ask("status", &["--current-error"]);
    assert_eq!(current(&world).stdout, "{}\n", "before the first run");
    world.put(&file(1), &refused("berta", 10));
    assert_eq!(world.run_once().code, 3);
    let run = current(&world);
    assert_eq!(run.code, 0);
    let told: Value = serde_json::from_str(&run.stdout).unwrap();
    let path = world.queue_dir().join(file(1)).display().to_string();
    assert_eq!((&told["errors"], &told["filename"]), (&"3".into(), &path.clone().into()));
    assert!(!told["message"].as_str().unwrap().is_empty());
    let begin = format!("{{\"errors\": \"3\", \"filename\": \"{path}\", \"message\": \"");
    assert!(run.stdout.starts_with(&begin), "{}", run.stdout);

    world.put(&file(1), &user("berta", 10));
    world.provision();
    assert_eq!(current(&world).stdout, "{\"errors\": \"0\"}\n");

    world.env.insert("OX_CONNECTOR_STOP_ON_ERROR".into(), "False".into());
    world.put(&file(2), &refused("carl", 10));
    world.run_once();
    assert_eq!(current(&world).stdout, "{\"errors\": \"0\"}\n", "set aside is none");
    let run = world.ask("health", &["--no-service"]);
    assert_health(&run, 1, &["DROVER WARNING - 1 set aside, 0 wait for them", "parked=1;0"]);
}
