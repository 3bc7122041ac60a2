//! The simulator's connections, its script, its lock and its control endpoint.

#![expect(clippy::unwrap_used, reason = "a panic in a test is the report")]

use std::time::Duration;

use drover::sim::{
    self, CallRecord, Config, Effect, Handle, Latency, Rule, SeedContext, SimOptions,
};

use crate::sim_soap::{Connection, UTF8, envelope, fields};

const ADMIN: (&str, &str) = ("oxadmin", "secret");
const USERS: &str = "OXUserService";

fn start(config: Config) -> Handle {
    let contexts = vec![SeedContext::new(10), SeedContext::new(11)];
    sim::start(Config { contexts, ..config }).unwrap()
}

fn create(context: u32, name: &str) -> String {
    let mail = format!("{name}@example.test");
    let user = fields(&[
        ("display_name", name),
        ("email1", &mail),
        ("given_name", "G"),
        ("name", name),
        ("password", "pw"),
        ("primaryEmail", &mail),
        ("sur_name", "S"),
    ]);
    let inner = format!("<s:ctx><d:id>{context}</d:id></s:ctx><s:usrdata>{user}</s:usrdata>");
    envelope(USERS, "create", &inner, ADMIN)
}

fn exists(context: u32, name: &str) -> String {
    let user = fields(&[("name", name)]);
    let inner = format!("<s:ctx><d:id>{context}</d:id></s:ctx><s:user>{user}</s:user>");
    envelope(USERS, "exists", &inner, ADMIN)
}

fn has_user(sim: &Handle, name: &str) -> bool {
    sim.state()["contexts"]["10"]["users"].get(name).is_some()
}

fn last_call(sim: &Handle) -> CallRecord {
    sim.log().pop().unwrap()
}

#[test]
fn the_257th_answer_of_a_connection_announces_its_end() {
    let sim = start(Config::default());
    let mut connection = Connection::open(sim.addr());
    for request in 1..=257 {
        let reply = connection.post(USERS, &exists(10, "nobody"));
        assert_eq!(reply.closes(), request == 257, "request {request}");
    }
    assert!(connection.receive().is_none(), "closed behind the last answer");
}

#[test]
fn idle_connections_are_closed_without_a_word() {
    let idle_timeout = Duration::from_millis(50);
    let sim = start(Config { idle_timeout, ..Config::default() });
    let mut connection = Connection::open(sim.addr());
    assert!(!connection.post(USERS, &exists(10, "nobody")).closes());
    assert!(connection.receive().is_none(), "closed");
}

#[test]
fn a_slow_answer_is_not_idleness() {
    let idle_timeout = Duration::from_millis(30);
    let sim = start(Config { idle_timeout, ..Config::default() });
    sim.set_latency(None, Latency::FixedMs(150.0));
    let mut connection = Connection::open(sim.addr());
    assert_eq!(connection.post(USERS, &exists(10, "nobody")).status, 200);
    let call = last_call(&sim);
    assert!(call.end_us - call.start_us >= 150_000, "{call:?}");
}

#[test]
fn a_dropped_call_is_not_done_and_a_lost_answer_is() {
    let sim = start(Config::default());
    sim.script(Rule::new(Effect::DropBefore).on("User", "create").named("a").times(1));
    sim.script(Rule::new(Effect::ApplyThenDrop).on("User", "create").named("b").times(1));
    for (name, there) in [("a", false), ("b", true)] {
        let mut connection = Connection::open(sim.addr());
        connection.send("POST", "/webservices/OXUserService", UTF8, create(10, name).as_bytes());
        assert!(connection.receive().is_none(), "{name} is not answered");
        assert_eq!(has_user(&sim, name), there, "{name}");
        let call = last_call(&sim);
        assert_eq!((call.status, call.applied), (0, there));
    }
    let mut connection = Connection::open(sim.addr());
    assert_eq!(connection.post(USERS, &create(10, "a")).status, 200);
    let repeated = connection.post(USERS, &create(10, "b")).text();
    assert!(repeated.contains("User b already exists in this context"), "{repeated}");
}

#[test]
fn a_call_goes_on_when_its_client_is_gone() {
    let sim = start(Config::default());
    sim.set_latency(Some("OXUserService.create"), Latency::FixedMs(40.0));
    let mut connection = Connection::open(sim.addr());
    connection.send("POST", "/webservices/OXUserService", UTF8, create(10, "a").as_bytes());
    // A request that was not read yet when its client goes is none.
    while sim.stats().arrived == 0 {
        std::thread::yield_now();
    }
    drop(connection);
    // The writer after it in the context waits for its lock.
    while sim.log().is_empty() {
        std::thread::yield_now();
    }
    assert!(has_user(&sim, "a"));
}

#[test]
fn a_request_cut_in_its_closing_tags_is_done() {
    let sim = start(Config::default());
    let whole = create(10, "cut");
    let cut = whole.find("</e:Body>").unwrap() + 4;
    let mut connection = Connection::open(sim.addr());
    let head = format!(
        "POST /webservices/OXUserService HTTP/1.1\r\nHost: x\r\nContent-Type: {UTF8}\r\n\
         Content-Length: {}\r\n\r\n{}",
        whole.len(),
        &whole[..cut]
    );
    connection.send_raw(head.as_bytes());
    connection.close_write();
    assert!(connection.receive().is_none());
    while sim.log().is_empty() {
        std::thread::yield_now();
    }
    assert!(has_user(&sim, "cut"));
}

#[test]
fn scripted_answers_come_instead_of_real_ones() {
    let sim = start(Config::default());
    let fault = Effect::Fault { class: "StorageException".into(), text: "db gone".into() };
    sim.script(Rule::new(fault).on(USERS, "create").in_context(10).times(1));
    sim.script(Rule::new(Effect::Http { status: 503, body: "busy".into() }).times(1));
    let mut connection = Connection::open(sim.addr());
    let reply = connection.post(USERS, &create(10, "a"));
    assert_eq!(reply.status, 500);
    assert!(reply.text().contains("<faultstring>db gone; exceptionId "), "{}", reply.text());
    assert!(reply.text().contains("<StorageException"), "{}", reply.text());
    let reply = connection.post(USERS, &create(10, "a"));
    assert_eq!((reply.status, reply.text().as_str()), (503, "busy"));
    assert!(!has_user(&sim, "a"));
    assert_eq!(connection.post(USERS, &create(10, "a")).status, 200);
    sim.clear_script();
}

#[test]
fn a_hanging_call_leaves_the_others_alone() {
    let sim = start(Config::default());
    sim.script(Rule::new(Effect::Hang).on(USERS, "create").times(1));
    let mut hanging = Connection::open(sim.addr());
    hanging.send("POST", "/webservices/OXUserService", UTF8, create(10, "a").as_bytes());
    while sim.log().is_empty() {
        std::thread::yield_now();
    }
    let mut other = Connection::open(sim.addr());
    assert_eq!(other.post(USERS, &create(10, "b")).status, 200);
    assert!(!has_user(&sim, "a"));
}

#[test]
fn idle_connections_can_be_told_to_close() {
    let sim = start(Config::default());
    let mut idle = Connection::open(sim.addr());
    idle.post(USERS, &exists(10, "nobody"));
    sim.script(Rule::new(Effect::CloseIdle).times(1));
    let mut busy = Connection::open(sim.addr());
    let reply = busy.post(USERS, &exists(10, "nobody"));
    assert_eq!((reply.status, reply.closes()), (200, false), "it is answered without a word");
    assert!(idle.receive().is_none());
    assert!(busy.receive().is_none());
}

/// Sends creates on connections of their own at the same time.
fn creates_at_once(sim: &Handle, contexts: &[u32]) -> Vec<String> {
    let mut connections = Vec::new();
    for (number, context) in contexts.iter().enumerate() {
        let mut connection = Connection::open(sim.addr());
        let body = create(*context, &format!("u{number}"));
        connection.send("POST", "/webservices/OXUserService", UTF8, body.as_bytes());
        connections.push(connection);
    }
    connections.iter_mut().map(|connection| connection.receive().unwrap().text()).collect()
}

#[test]
fn user_writes_of_one_context_wait_for_each_other() {
    let sim = start(Config { lock_wait: Duration::from_millis(30), ..Config::default() });
    sim.set_latency(Some("OXUserService.create"), Latency::FixedMs(20.0));
    let answers = creates_at_once(&sim, &[10, 10]);
    assert!(answers.iter().all(|answer| answer.contains("createResponse")), "{answers:?}");
    assert_eq!(sim.stats().overlapping_user_writes.get(&10), Some(&1));
    assert_eq!(sim.stats().max_concurrent, 2);
    sim.clear_script();
}

#[test]
fn user_writes_of_two_contexts_do_not_wait_for_each_other() {
    let sim = start(Config::default());
    sim.set_latency(Some("OXUserService.create"), Latency::FixedMs(30.0));
    let answers = creates_at_once(&sim, &[10, 11]);
    assert!(answers.iter().all(|answer| answer.contains("createResponse")), "{answers:?}");
    assert!(sim.stats().overlapping_user_writes.is_empty());
}

#[test]
fn a_user_write_that_waits_too_long_is_refused() {
    let sim = start(Config { lock_wait: Duration::from_millis(1), ..Config::default() });
    sim.set_latency(Some("OXUserService.create"), Latency::FixedMs(300.0));
    let answers = creates_at_once(&sim, &[10, 10]);
    let refused = answers.iter().filter(|answer| answer.contains("User update conflict"));
    assert_eq!(refused.count(), 1, "{answers:?}");
    assert_eq!(sim.stats().user_update_conflicts.get(&10), Some(&1));
}

#[test]
fn the_log_tells_what_was_called_and_how_it_went() {
    let sim = start(Config::default());
    let mut connection = Connection::open(sim.addr());
    connection.post(USERS, &create(10, "a"));
    connection.post(USERS, &create(10, "a"));
    connection.post(USERS, "<nonsense");
    let log = sim.log();
    let told: Vec<_> = log
        .iter()
        .map(|call| (call.seq, call.operation, call.contexts.clone(), call.status, call.applied))
        .collect();
    assert_eq!(
        told,
        [
            (1, "create", vec![10], 200, true),
            (2, "create", vec![10], 500, false),
            (3, "", vec![], 500, false)
        ]
    );
    assert_eq!(log[0].name.as_deref(), Some("a"));
    assert_eq!(log[1].fault_class.as_deref(), Some("InvalidDataException"));
    assert_eq!(log[1].fault_text.as_deref(), Some("User a already exists in this context"));
    assert_eq!(sim.stats().calls.get("OXUserService.create"), Some(&2));
    sim.clear_log();
    assert!(sim.log().is_empty());
}

#[test]
fn the_control_endpoint_steers_a_running_simulator() {
    let sim = start(Config::default());
    let mut connection = Connection::open(sim.addr());
    let mut control = |method: &str, path: &str, body: &str| {
        connection.send(method, path, "application/json", body.as_bytes());
        let reply = connection.receive().unwrap();
        (reply.status, reply.text())
    };
    let seed = r#"{"id":12,"name":"twelve","admin_login":"oxadmin","admin_password":"secret"}"#;
    assert_eq!(control("POST", "/sim/contexts", seed).0, 200);
    assert_eq!(control("POST", "/sim/contexts", seed).0, 400, "it is there already");
    let (_, state) = control("GET", "/sim/state", "");
    let state: serde_json::Value = serde_json::from_str(&state).unwrap();
    assert_eq!(state["contexts"]["12"]["name"], "twelve");
    assert_eq!(state, sim.state());
    let rule = r#"{"operation":"exists","effect":{"http":{"status":502,"body":"x"}},"times":1}"#;
    assert_eq!(control("POST", "/sim/script", rule).0, 200);
    assert_eq!(control("POST", "/sim/script", r#"{"effect":"nonsense"}"#).0, 400);
    let mut other = Connection::open(sim.addr());
    assert_eq!(other.post(USERS, &exists(12, "nobody")).status, 502);
    assert_eq!(other.post(USERS, &exists(12, "nobody")).status, 200);
    let (_, log) = control("GET", "/sim/log", "");
    assert_eq!(log.lines().count(), 2);
    assert!(log.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()));
    assert_eq!(control("DELETE", "/sim/log", "").0, 200);
    assert!(sim.log().is_empty());
    assert_eq!(control("DELETE", "/sim/script", "").0, 200);
    let (_, stats) = control("GET", "/sim/stats", "");
    assert!(stats.contains("\"OXUserService.exists\": 2"), "{stats}");
    assert_eq!(control("GET", "/sim/nothing", "").0, 404);
}

#[test]
fn the_wsdl_names_the_address_the_client_used() {
    let sim = start(Config::default());
    let mut connection = Connection::open(sim.addr());
    for service in [
        "OXContextService",
        "OXUserService",
        "OXGroupService",
        "OXResourceService",
        "OXSecondaryAccountService",
        "OXUserCopyService",
    ] {
        let reply = connection.get(&format!("/webservices/{service}?wsdl"));
        assert_eq!(reply.status, 200);
        let address = format!("location=\"http://sim.example.test:8080/webservices/{service}\"");
        assert!(reply.text().contains(&address), "{service}");
    }
    assert_eq!(connection.get("/webservices/OXUserService").status, 500);
    assert_eq!(connection.get("/webservices/OXNoService?wsdl").status, 404);
}

#[test]
fn equal_seeds_give_equal_answers() {
    let run = |seed| {
        let sim = start(Config { seed, options: SimOptions::shipped(), ..Config::default() });
        let mut connection = Connection::open(sim.addr());
        connection.post(USERS, &create(99, "a")).text()
    };
    assert_eq!(run(5), run(5));
    assert_ne!(run(5), run(6));
}

#[test]
fn a_server_under_maintenance_says_so_and_how_long() {
    let hour = Duration::from_secs(3600);
    // Closed from the start on, but for the first nanosecond.
    let closed = sim::Stall::new(hour.saturating_sub(Duration::from_nanos(1)), hour);
    let sim = start(Config { maintenance: closed, ..Config::default() });
    let answer = Connection::open(sim.addr()).post(USERS, &create(10, "anna"));
    assert_eq!(answer.status, 503);
    let away =
        |line: &String| line.starts_with("retry-after: 3") || line.starts_with("retry-after: 36");
    assert!(answer.headers.iter().any(away), "{:?}", answer.headers);
    assert!(!has_user(&sim, "anna"));
}

#[test]
fn what_goes_on_in_one_schema_does_not_slow_another() {
    let crowded = |schemas| {
        let capacity = sim::Capacity::new(&[(1.0, 1.0), (2.0, 0.01)]);
        let schemas = std::num::NonZeroU32::new(schemas);
        let sim = start(Config { capacity, schemas, ..Config::default() });
        sim.set_latency(None, Latency::FixedMs(5.0));
        let begun = std::time::Instant::now();
        let answers = creates_at_once(&sim, &[10, 11]);
        assert!(answers.iter().all(|answer| answer.contains("createResponse")), "{answers:?}");
        begun.elapsed()
    };
    // Two at once take two hundred times as long as one.
    assert!(crowded(1) > Duration::from_millis(150));
    assert!(crowded(2) < Duration::from_millis(150));
}
