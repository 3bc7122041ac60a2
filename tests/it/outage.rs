//! OX is down: nobody is to blame, one asks, all go on at once (ERR-04..06, ERR-25, ERR-30, ERR-31).

use std::collections::BTreeSet;

use drover::sim::{self, Effect, Rule, SeedContext};
use drover::store::Store as _;
use drover::store::sqlite::SqliteStore;
use serde_json::{Value, json};

use crate::world::{Service, World, eventually, file, user};

const CONTEXTS: [u32; 5] = [10, 11, 12, 13, 14];

/// Five contexts that work, each with two users waiting.
fn five_contexts() -> World {
    let world = World::new();
    let mut credentials = world.credentials();
    for id in &CONTEXTS[1..] {
        world.sim.seed_context(&seed(*id)).unwrap();
        credentials[id.to_string()] = json!({"adminuser": "oxadmin", "adminpass": "secret"});
    }
    world.write_credentials(&credentials);
    for (n, id) in (1..).zip(CONTEXTS) {
        world.put(&file(n), &user_of("anna", id));
        world.put(&file(n + 10), &user_of("bert", id));
    }
    world
}

/// A user of that name who is another object in each context.
fn user_of(name: &str, context: u32) -> Value {
    let mut item = user(name, context);
    item["id"] = json!(format!("{name}-{context}"));
    item["dn"] = json!(format!("uid={name},ou={context},dc=heide,dc=example"));
    item
}

fn seed(id: u32) -> SeedContext {
    SeedContext { name: format!("context{id}"), ..SeedContext::new(id) }
}

fn json_lines(lines: &[String]) -> Vec<Value> {
    lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Says that OX is down, once; waits for three probes; nobody was blamed.
fn outage_is_told(service: &mut Service) -> Value {
    let told = service.wait_for_log(&["OX cannot be reached; everything waits"]);
    service.wait_for_log(&["OX still cannot be reached"]);
    service.wait_for_log(&["OX still cannot be reached"]);
    serde_json::from_str(&told).unwrap()
}

fn back_and_through(world: &World, mut service: Service) {
    service.wait_for_log(&["OX answers again"]);
    eventually("the queue's end", || world.queue().is_empty());
    let lines = json_lines(&service.seen);
    let blamed: Vec<&Value> = lines
        .iter()
        .filter(|line| line["message"].as_str().unwrap_or_default().contains("stands still"))
        .collect();
    assert!(blamed.is_empty(), "{blamed:?}");
    assert_eq!(service.terminate().0, 0);
    let store = SqliteStore::open(&world.data.path().join("drover.db")).unwrap();
    assert_eq!(store.faults().unwrap(), [], "no fault was written down");
    let outcomes = store.outcomes(100).unwrap();
    let attempts: Vec<_> = outcomes.iter().map(|outcome| outcome.attempts).collect();
    assert_eq!(attempts, vec![1; 2 * CONTEXTS.len()], "an outage is no attempt");
    for id in CONTEXTS {
        assert_eq!(world.users(id), ["anna", "bert"], "context {id}");
    }
    world.assert_no_overlap();
}

/// While OX is down, calls follow one another; when it is back, all contexts go on.
fn one_probe_at_a_time(world: &World, effect: &Effect) {
    let mut log = world.sim.log();
    log.sort_by_key(|call| call.start_us);
    // At first every context may have had a call on its way; after that there are only probes.
    let probes: Vec<_> = log.iter().skip(CONTEXTS.len()).collect();
    for pair in probes.windows(2) {
        assert!(pair[0].end_us <= pair[1].start_us, "{effect:?}: {pair:?}");
    }
}

fn through_an_outage(effect: &Effect) {
    let world = five_contexts();
    world.sim.script(Rule::new(effect.clone()));
    let mut service = world.serve();
    outage_is_told(&mut service);
    one_probe_at_a_time(&world, effect);
    // At most one call per context before the breaker opened, then one per pause.
    let calls = world.sim.log().len();
    assert!(calls <= CONTEXTS.len() + 8, "{effect:?}: {calls} calls");
    world.sim.clear_script();
    back_and_through(&world, service);
}

/// ERR-31: what a proxy answers in OX's place.
#[test]
fn a_page_of_a_proxy_is_an_outage() {
    for status in [502, 503, 504, 429] {
        let body = "<html><body><h1>Bad Gateway</h1></body></html>".to_owned();
        through_an_outage(&Effect::Http { status, body });
    }
}

/// ERR-31: a login page, nothing at all, half an answer: all with a status that promises more.
#[test]
fn what_is_no_whole_answer_of_ox_is_an_outage_whatever_its_status() {
    let half =
        "<soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\"><soap:Body>";
    for (status, body) in
        [(200, "<html><body>Please log in</body></html>"), (200, ""), (200, half), (500, half)]
    {
        through_an_outage(&Effect::Http { status, body: body.to_owned() });
    }
}

/// ERR-26, ERR-30: OX does what it is told and its answers are lost. Nothing is done twice.
#[test]
fn answers_that_are_lost_are_an_outage_and_nothing_is_done_twice() {
    let world = five_contexts();
    world.sim.script(Rule::new(Effect::ApplyThenDrop));
    let mut service = world.serve();
    outage_is_told(&mut service);
    one_probe_at_a_time(&world, &Effect::ApplyThenDrop);
    world.sim.clear_script();
    back_and_through(&world, service);
    let creates = |call: &&sim::CallRecord| call.operation == "createByModuleAccess";
    let log = world.sim.log();
    assert_eq!(log.iter().filter(creates).count(), 2 * CONTEXTS.len(), "{:?}", world.calls());
}

/// ERR-30: what answers speaks no TLS.
#[test]
fn a_failed_tls_handshake_is_an_outage() {
    let mut world = five_contexts();
    world.env.insert("OX_SOAP_SERVER".into(), format!("https://{}", world.sim.addr()));
    world.env.insert("DROVER__RETRY__ONCE_OUTAGE_S".into(), "0.5".into());
    let before = world.queue();
    let run = world.run_once();
    assert_eq!(run.code, 4, "{}\n{}", run.stdout, run.log);
    assert!(run.stdout.contains("OX cannot be reached:"), "{}", run.stdout);
    assert!(!run.log.contains("stands still"), "{}", run.log);
    assert_eq!(world.queue(), before);
    assert_eq!(world.calls(), [""; 0]);
    world.env.clear();
    world.provision();
    for id in CONTEXTS {
        assert_eq!(world.users(id), ["anna", "bert"]);
    }
}

/// ERR-19: who says for how long it wants to be left alone is left alone, all contexts together.
#[test]
fn a_page_that_says_how_long_to_stay_away_is_obeyed() {
    let world = World::new();
    world.put(&file(1), &user("anna", 10));
    // The pauses of this world end at half a second.
    world.sim.script(Rule::new(Effect::StayAway { status: 503, seconds: 2 }).times(1));
    let run = world.provision();
    let log = world.sim.log();
    let pause = log[1].start_us - log[0].end_us;
    assert!((2_000_000..10_000_000).contains(&pause), "{pause}: {}", run.log);
    assert_eq!(world.users(10), ["anna"]);
}

/// ERR-30: the connection goes before anything was done.
#[test]
fn a_connection_that_breaks_is_an_outage() {
    through_an_outage(&Effect::DropBefore);
}

/// ERR-04: OX runs, its database does not.
#[test]
fn a_database_that_is_down_is_an_outage() {
    let world = five_contexts();
    world.sim.script(Rule::new(Effect::Fault {
        class: "StorageException".into(),
        text: "com.openexchange.admin.rmi.exceptions.PoolException: DBP-0001 \
               Categories=SERVICE_DOWN Message='Cannot get connection to config DB: Cannot create \
               pooled object.' exceptionID=#"
            .into(),
    }));
    let mut service = world.serve();
    let told = outage_is_told(&mut service);
    assert!(told["fault"].as_str().unwrap().contains("DBP-0001"), "{told}");
    world.sim.clear_script();
    back_and_through(&world, service);
}

/// ERR-30: an OX that takes a call and never answers.
///
/// Rules: D40, 10/verdict
#[test]
fn an_ox_that_hangs_is_an_outage_once_the_deadline_is_over() {
    let mut world = five_contexts();
    for weight in ["READ", "WRITE", "HEAVY"] {
        world.env.insert(format!("DROVER__OX__{weight}_DEADLINE_S"), "0.3".into());
    }
    world.sim.script(Rule::new(Effect::Hang));
    let mut service = world.serve();
    outage_is_told(&mut service);
    world.sim.clear_script();
    back_and_through(&world, service);
}

/// ERR-04, ERR-25: nothing listens, what comes meanwhile waits, and a new OX takes it all.
#[test]
fn a_refused_connection_is_an_outage_and_files_go_on_coming() {
    let mut world = World::new();
    let address = world.sim.addr();
    let down = sim::start(sim::Config::default()).unwrap();
    std::mem::replace(&mut world.sim, down).shutdown();
    world.env.insert("OX_SOAP_SERVER".into(), format!("http://{address}"));
    world.put(&file(1), &user("anna", 10));
    let mut service = world.serve();
    let told = outage_is_told(&mut service);
    assert!(told["fault"].as_str().unwrap().contains("refused"), "{told}");
    world.put(&file(2), &user("bert", 10));
    world.sim = sim::start(sim::Config {
        listen: address,
        contexts: vec![SeedContext { admin_password: "ten-secret".into(), ..seed(10) }],
        ..sim::Config::default()
    })
    .unwrap();
    service.wait_for_log(&["OX answers again"]);
    eventually("the queue's end", || world.queue().is_empty());
    assert_eq!(world.users(10), ["anna", "bert"]);
    assert!(!service.seen.iter().any(|line| line.contains("stands still")), "{:#?}", service.seen);
}

/// ERR-06: after the first success all contexts go on, not one after another's pause.
#[test]
fn the_first_success_sets_everybody_free() {
    let mut world = five_contexts();
    // With pauses of ten seconds between probes, five contexts one by one would take a minute.
    world.env.insert("DROVER__RETRY__OUTAGE_FIRST_S".into(), "1".into());
    world.env.insert("DROVER__RETRY__OUTAGE_MAX_S".into(), "10".into());
    world.sim.script(Rule::new(Effect::DropBefore).times(6));
    let mut service = world.serve();
    service.wait_for_log(&["OX answers again"]);
    let back = std::time::Instant::now();
    eventually("the queue's end", || world.queue().is_empty());
    assert!(back.elapsed() < std::time::Duration::from_secs(2), "{:?}", back.elapsed());
    let contexts: BTreeSet<u32> =
        world.sim.log().iter().filter(|c| c.applied).flat_map(|c| c.contexts.clone()).collect();
    assert_eq!(contexts, BTreeSet::from(CONTEXTS));
}

/// ERR-04: another writer holds the lock of the context: a moment later it works.
///
/// Rules: 10/verdict
#[test]
fn a_busy_context_is_tried_again_soon_and_nobody_is_blamed() {
    let world = World::new();
    world.put(&file(1), &user("anna", 10));
    let conflict = Effect::Fault {
        class: "StorageException".into(),
        text: "User update conflict: Another process is currently modifying user data. Please \
               try again later."
            .into(),
    };
    world.sim.script(Rule::new(conflict).on("User", "createByModuleAccess").times(4));
    let run = world.provision();
    assert_eq!(world.users(10), ["anna"]);
    assert_eq!(world.count("OXUserService.createByModuleAccess"), 5);
    assert_eq!(run.log.matches("OX wants a moment").count(), 4, "{}", run.log);
    assert!(!run.log.contains("\"ERROR\""), "{}", run.log);
    assert!(run.stdout.contains("1 applied"), "{}", run.stdout);
}

/// ERR-25: one pass, and OX stays down: a code of its own, and the queue as it was.
#[test]
fn a_single_pass_gives_up_after_its_time_and_loses_nothing() {
    let mut world = five_contexts();
    world.env.insert("DROVER__RETRY__ONCE_OUTAGE_S".into(), "0.5".into());
    let before = world.queue();
    world.sim.script(Rule::new(Effect::Http { status: 503, body: "<html/>".into() }));
    let run = world.run_once();
    assert_eq!(run.code, 4, "{}\n{}", run.stdout, run.log);
    assert!(run.stdout.contains("OX cannot be reached:"), "{}", run.stdout);
    assert!(run.stdout.contains("503"), "{}", run.stdout);
    assert!(!run.stdout.contains("stands still"), "{}", run.stdout);
    assert_eq!(world.queue(), before);
    world.sim.clear_script();
    world.provision();
    for id in CONTEXTS {
        assert_eq!(world.users(id), ["anna", "bert"]);
    }
}
