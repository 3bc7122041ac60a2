//! drover under a service manager: what it tells systemd, and what it makes of SIGHUP (DEP-05, DEP-07,
//! DEP-08). The manager's end is a real socket, as systemd has one.

use std::io::Write;
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::{Duration, Instant};

use drover::sim::{Effect, Latency, Rule};
use serde_json::json;

use crate::world::{PATIENCE, Service, World, eventually, file, signal, user, with};

/// The socket at which drover tells how it goes.
struct Manager {
    socket: UnixDatagram,
    heard: Vec<String>,
}

impl Manager {
    /// A world whose drover reports to this. `bites_after`: after how long without a sign of life the
    /// watchdog bites.
    fn new(world: &mut World, bites_after: Option<Duration>) -> Self {
        let path = world.data.path().join("notify.sock");
        let socket = UnixDatagram::bind(&path).unwrap();
        world.env.insert("NOTIFY_SOCKET".into(), path.to_str().unwrap().into());
        if let Some(time) = bites_after {
            world.env.insert("WATCHDOG_USEC".into(), time.as_micros().to_string());
        }
        Self { socket, heard: Vec::new() }
    }

    /// The next message, if one comes in time.
    fn next(&mut self, within: Duration) -> Option<String> {
        let mut bytes = [0; 4096];
        self.socket.set_read_timeout(Some(within.max(Duration::from_millis(1)))).unwrap();
        let length = self.socket.recv(&mut bytes).ok()?;
        let message = String::from_utf8(bytes[..length].to_vec()).unwrap();
        self.heard.push(message.clone());
        Some(message)
    }

    /// Waits for a message with this in it.
    fn wait_for(&mut self, part: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.next(deadline.saturating_duration_since(Instant::now())) {
                Some(message) if message.contains(part) => return message,
                Some(_) => {}
                None => panic!("nobody told {part:?}: {:#?}", self.heard),
            }
        }
    }

    /// Messages until there are none for so long.
    fn until_quiet(&mut self, quiet: Duration) -> Vec<String> {
        std::iter::from_fn(|| self.next(quiet)).collect()
    }
}

fn write_settings(world: &World, text: &str) {
    std::fs::write(world.data.path().join("drover.toml"), text).unwrap();
}

fn is_running(service: &mut Service) -> bool {
    service.child.try_wait().unwrap().is_none()
}

#[test]
fn the_manager_is_told_when_drover_is_ready_how_it_goes_and_when_it_ends() {
    let mut world = World::new();
    let mut manager = Manager::new(&mut world, None);
    world.sim.script(Rule::new(Effect::Hang));
    let service = world.serve();
    manager.wait_for("READY=1");
    world.put(&file(1), &user("anna", 10));
    manager.wait_for("STATUS=1 pending");
    world.sim.clear_script();
    let (code, took) = service.terminate();
    assert_eq!(code, 0);
    assert!(took < Duration::from_secs(5), "{took:?}");
    let stopping = manager.wait_for("STOPPING=1");
    assert!(stopping.contains("STATUS=draining"), "{stopping}");
    let all = manager.heard.join("\n");
    assert!(!all.contains("anna") && !all.contains("WATCHDOG"), "{all}");

    let service = world.serve();
    manager.wait_for("STATUS=everything is provisioned");
    drop(service);
    assert_eq!(world.users(10), ["anna"]);
}

#[test]
fn nobody_is_told_anything_by_a_run_that_ends_by_itself() {
    let mut world = World::new();
    let mut manager = Manager::new(&mut world, Some(Duration::from_millis(60)));
    world.put(&file(1), &user("anna", 10));
    world.provision();
    assert_eq!(manager.next(Duration::from_millis(1)), None);
}

#[test]
fn a_hung_engine_feeds_no_watchdog_and_one_that_goes_on_does() {
    let bites_after = Duration::from_millis(900);
    let mut world = World::new();
    let mut manager = Manager::new(&mut world, Some(bites_after));
    let mut service = world.serve();
    manager.wait_for("WATCHDOG=1");
    // OX saying nothing is no reason to kill drover.
    world.sim.set_latency(None, Latency::FixedMs(3_000.0));
    world.put(&file(1), &user("anna", 10));
    while !world.queue().is_empty() {
        assert!(manager.next(bites_after).is_some(), "the watchdog would have bitten");
    }
    world.sim.set_latency(None, Latency::FixedMs(0.0));

    // A credentials file of which the next byte never comes blocks the thread that reads it.
    let (path, aside) = (world.credentials_path(), world.data.path().join("aside"));
    let content = world.credentials().to_string();
    assert!(Command::new("mkfifo").arg(&aside).status().unwrap().success());
    std::fs::rename(&aside, &path).unwrap();
    world.put(&file(2), &user("berta", 10));
    manager.until_quiet(2 * bites_after);
    assert!(is_running(&mut service), "the one that bites is not there");
    // It bites whoever does not feed it; this one is let go on instead.
    let mut pipe = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    // Whoever reads it again finds a usual file.
    std::fs::remove_file(&path).unwrap();
    world.write_credentials(&serde_json::from_str(&content).unwrap());
    pipe.write_all(content.as_bytes()).unwrap();
    drop(pipe);
    manager.wait_for("WATCHDOG=1");
    service.kill();
}

/// Waits for the end of a reload.
fn reload(service: &Service, manager: &mut Manager) {
    signal(&service.child, "HUP");
    let told = manager.wait_for("RELOADING=1");
    let time = told.lines().find_map(|line| line.strip_prefix("MONOTONIC_USEC=")).unwrap();
    assert!(time.parse::<u64>().unwrap() > 0, "{told}");
    manager.wait_for("READY=1");
}

/// An address at which nobody listens.
fn free_address() -> String {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

fn language(world: &World, name: &str) -> String {
    world.context(10)["users"][name]["language"].as_str().unwrap_or_default().to_owned()
}

/// Whether a running drover answers health at its address.
fn answers(address: &str) -> bool {
    use std::io::Read;
    let Ok(mut stream) = std::net::TcpStream::connect(address) else { return false };
    let request = format!("GET /v1/health/live HTTP/1.1\r\nHost: {address}\r\n\r\n");
    let mut answer = String::new();
    stream.write_all(request.as_bytes()).is_ok()
        && stream.read_to_string(&mut answer).is_ok()
        && answer.starts_with("HTTP/1.1 200")
}

#[test]
fn new_settings_come_into_force_without_a_restart() {
    let mut world = World::new();
    let mut manager = Manager::new(&mut world, None);
    let address = free_address();
    let token = world.data.path().join("token");
    std::fs::write(&token, "a-token-of-the-operators").unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&token, mode).unwrap();
    let admin = format!("[admin]\nlisten = \"{address}\"\ntoken_file = \"{}\"\n", token.display());
    write_settings(&world, &admin);
    let mut service = world.serve();
    manager.wait_for("READY=1");
    let pid = service.child.id();
    world.put(&file(1), &user("anna", 10));
    eventually("anna", || world.users(10) == ["anna"]);
    assert_eq!(language(&world, "anna"), "de_DE");

    write_settings(&world, &format!("[mapping]\nlanguage = \"fr_FR\"\n{admin}"));
    reload(&service, &mut manager);
    service.wait_for_log(&["mapping.language", "begins anew"]);
    world.put(&file(2), &user("berta", 10));
    eventually("berta", || world.users(10) == ["anna", "berta"]);
    assert_eq!(language(&world, "berta"), "fr_FR");
    // The same process, with the same lock, answers at the same places.
    let lock = std::fs::read_to_string(world.data.path().join("drover.lock")).unwrap();
    assert!(lock.starts_with(&format!("pid {pid},")), "{lock}");
    assert!(answers(&address));
    let asked = world.command(&["context", "list", "--data", world.data.path().to_str().unwrap()]);
    assert_eq!({ asked }.output().unwrap().status.code(), Some(0));
    // And once more, back again.
    write_settings(&world, &admin);
    reload(&service, &mut manager);
    world.put(&file(3), &user("carla", 10));
    eventually("carla", || world.users(10).len() == 3);
    assert_eq!(language(&world, "carla"), "de_DE");
    assert_eq!(service.terminate().0, 0);
    world.assert_accounted_for();
}

#[test]
fn settings_that_cannot_be_used_are_refused_whole_with_the_reason() {
    let mut world = World::new();
    let mut manager = Manager::new(&mut world, None);
    let mut service = world.serve();
    manager.wait_for("READY=1");
    let certificate = "[ox]\nca_file = \"/nowhere/ca.pem\"\n[mapping]\nlanguage = \"fr_FR\"\n";
    for (text, reason) in [
        ("[mapping]\nlanguage = \"fr_FR\"\n[limits]\nmax_in_flight = 0\n", "max_in_flight"),
        ("[mapping\n", "drover.toml"),
        (certificate, "/nowhere/ca.pem"),
        ("[mapping]\nlanguage = \"fr_FR\"\n[ox]\nmaster_password = \"${env:NOBODY}\"\n", "NOBODY"),
    ] {
        write_settings(&world, text);
        reload(&service, &mut manager);
        manager.wait_for("STATUS=new settings refused");
        let line = service.wait_for_log(&["previous ones stay in force", reason]);
        assert!(line.contains("ERROR"), "{line}");
    }
    world.put(&file(1), &user("anna", 10));
    eventually("anna", || world.users(10) == ["anna"]);
    assert_eq!(language(&world, "anna"), "de_DE", "not even the good half is in force");
    assert_eq!(service.terminate().0, 0);
}

#[test]
fn what_takes_no_new_engine_is_in_force_at_once_and_what_needs_a_restart_is_told() {
    let mut world = World::new();
    let mut manager = Manager::new(&mut world, None);
    let mut service = world.serve();
    manager.wait_for("READY=1");
    write_settings(&world, "[logs]\nlevel = \"debug\"\nformat = \"pretty\"\n");
    reload(&service, &mut manager);
    service.wait_for_log(&["logs.format", "takes effect with a restart"]);
    service.wait_for_log(&["logs.level", "is in force"]);
    world.put(&file(1), &user("anna", 10));
    let line = service.wait_for_log(&["\"level\":\"DEBUG\""]);
    assert!(line.starts_with('{'), "the old form stays: {line}");
    reload(&service, &mut manager);
    service.wait_for_log(&["nothing to change"]);
    let began = service.seen.iter().filter(|line| line.contains("has started")).count();
    assert_eq!(began, 1, "{:#?}", service.seen);
    service.kill();
}

#[test]
fn a_reload_in_the_middle_of_work_loses_nothing_and_repeats_nothing() {
    let mut world = World::new();
    let mut manager = Manager::new(&mut world, None);
    for n in 1..=40 {
        world.put(&file(n), &user(&format!("user{n}"), 10));
    }
    world.sim.set_latency(None, Latency::FixedMs(20.0));
    let service = world.serve();
    manager.wait_for("READY=1");
    for n in 1..=3 {
        eventually("work", || world.users(10).len() >= n * 8);
        write_settings(&world, &format!("[limits]\nmax_in_flight = {}\n", n + 1));
        reload(&service, &mut manager);
    }
    eventually("all of it", || world.queue().is_empty());
    assert_eq!(world.users(10).len(), 40);
    assert_eq!(world.count("OXUserService.createByModuleAccess"), 40);
    world.assert_no_overlap();
    assert_eq!(service.terminate().0, 0);
    world.assert_accounted_for();
}

#[test]
fn told_to_end_while_it_reloads_drover_ends() {
    let mut world = World::new();
    let mut manager = Manager::new(&mut world, None);
    world.sim.script(Rule::new(Effect::Hang));
    let mut service = world.serve();
    manager.wait_for("READY=1");
    world.put(&file(1), &user("anna", 10));
    eventually("a call that hangs", || !world.sim.log().is_empty());
    write_settings(&world, "[limits]\nmax_in_flight = 3\n");
    signal(&service.child, "HUP");
    service.wait_for_log(&["draining"]);
    let (code, took) = service.terminate();
    assert_eq!(code, 0);
    assert!(took < Duration::from_secs(5), "{took:?}");
    world.sim.clear_script();
    world.put(&file(2), &with(user("anna", 10), json!({"firstname": "Anna"})));
    world.provision();
    assert_eq!(world.users(10), ["anna"]);
}

#[test]
fn probes_ask_the_running_drover_and_not_ox() {
    let mut world = World::new();
    let mut manager = Manager::new(&mut world, None);
    let probe = |what: &str| world.ask("health", &["--probe", what]).code;
    assert_eq!((probe("live"), probe("ready")), (2, 2), "nothing runs");
    world.sim.script(Rule::new(Effect::DropBefore));
    let mut service = world.serve();
    manager.wait_for("READY=1");
    service.wait_for_log(&["the queue was read"]);
    world.put(&file(1), &user("anna", 10));
    manager.wait_for("OX cannot be reached");
    assert_eq!((probe("live"), probe("ready")), (0, 0), "OX being down is neither");
    service.kill();
    assert_eq!((probe("live"), probe("ready")), (2, 2));
}
