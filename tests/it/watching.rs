//! What monitoring sees of a running drover: numbers, health, notifications.
#![expect(clippy::float_cmp, reason = "what is counted are whole numbers")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use drover::sim::{Effect, Rule};
use serde_json::{Value, json};

use crate::admin::{client, get, post, refused};
use crate::world::{
    Service, World, account, context, eventually, file, group, resource, user, with,
};

/// A service that answers monitoring, and where.
fn watched(world: &mut World) -> (Service, String) {
    world.env.insert("DROVER__METRICS__LISTEN".into(), "127.0.0.1:0".into());
    let mut service = world.serve();
    let line = service.wait_for_log(&["monitoring is answered"]);
    let at = line.find("127.0.0.1:").unwrap();
    let address: String =
        line[at..].chars().take_while(|c| c.is_ascii_digit() || ".:".contains(*c)).collect();
    service.wait_for_log(&["has started"]);
    (service, address)
}

/// Status and body.
fn fetch(address: &str, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: pod-7.example:1\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

/// Every sample by its name with labels, as Prometheus reads it.
fn samples(text: &str) -> BTreeMap<String, f64> {
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name.to_owned(), value.parse().unwrap())
        })
        .collect()
}

fn sum(samples: &BTreeMap<String, f64>, name: &str, parts: &[&str]) -> f64 {
    let fits = |key: &&String| {
        key.split('{').next() == Some(name) && parts.iter().all(|part| key.contains(part))
    };
    samples.keys().filter(fits).map(|key| samples[key]).sum()
}

/// A workload with all kinds of objects, calls that are refused, broken and repeated.
fn workload(world: &World) {
    let lost = Rule::new(Effect::ApplyThenDrop).on("OXResourceService", "create");
    world.sim.script(lost.times(1));
    let down = Rule::new(Effect::Http { status: 503, body: "busy".into() });
    world.sim.script(down.on("OXGroupService", "create").times(1));
    let mut items = vec![context(20), context(21)];
    items.extend(["anna", "berta", "carl"].map(|name| user(name, 20)));
    items.push(user("dora", 21));
    items.push(group("team", &["anna", "berta", "dora"]));
    items.push(account("desk", &["anna"]));
    items.push(resource("beamer", 20));
    items.push(with(user("anna", 20), json!({"lastname": "Other"})));
    items.push(user("dora", 21));
    items.extend([refused("emil", 10), user("frida", 10), user("gerd", 10)]);
    for (n, item) in (1..).zip(&items) {
        world.put(&file(n), item);
    }
}

#[test]
fn every_counter_is_what_the_simulator_and_the_memory_counted() {
    let mut world = World::new();
    world.env.insert("DROVER__METRICS__CONTEXTS".into(), "1".into());
    workload(&world);
    let (service, address) = watched(&mut world);
    eventually("the standstill", || {
        let status = get(&world, "/v1/status");
        status["faulty"] == 1 && status["pending"] == 3
    });
    let before = samples(&fetch(&address, "/metrics").1);
    assert_eq!(sum(&before, "drover_contexts_stopped", &[]), 1.0);
    assert_eq!(sum(&before, "drover_context_stopped", &["context=\"10\""]), 1.0);
    assert_eq!(sum(&before, "drover_faults", &["hint=\"user-name-characters\""]), 1.0);
    assert_eq!(sum(&before, "drover_queue_items", &["state=\"pending\""]), 2.0);
    assert_eq!(sum(&before, "drover_queue_items", &["state=\"faulty\""]), 1.0);
    assert!(sum(&before, "drover_lag_seconds", &[]) > 0.0);
    // One context has series of its own, the deepest, though others may have work.
    let own = before.keys().filter(|key| key.starts_with("drover_context_queue_items{"));
    assert_eq!(own.collect::<Vec<_>>(), ["drover_context_queue_items{context=\"10\"}"]);

    // Nothing moves any more.
    post(&world, "/v1/park", json!({"filter": {"state": "faulty"}}));
    eventually("rest", || {
        let status = get(&world, "/v1/status");
        status["parked"] == 1 && status["pending"] == 1 && status["running"] == 0
    });
    let (status, text) = fetch(&address, "/metrics");
    assert_eq!(status, 200);
    let now = samples(&text);

    let mut calls: BTreeMap<(String, String), (f64, f64)> = BTreeMap::new();
    for call in world.sim.log() {
        let count = calls.entry((call.service.into(), call.operation.into())).or_default();
        count.0 += 1.0;
        count.1 += f64::from(u8::from(call.status == 200));
    }
    assert!(calls.len() > 6, "{calls:?}");
    for ((service, operation), (all, well)) in &calls {
        let labels = [format!("service=\"{service}\""), format!("operation=\"{operation}\"")];
        let labels = [labels[0].as_str(), labels[1].as_str()];
        let counted = sum(&now, "drover_calls_total", &labels);
        assert_eq!(counted, *all, "{service}.{operation}");
        let ok = [labels[0], labels[1], "outcome=\"ok\""];
        assert_eq!(sum(&now, "drover_calls_total", &ok), *well, "{service}.{operation}");
        let timed = sum(&now, "drover_call_duration_seconds_count", &labels);
        assert_eq!(timed, *all, "{service}.{operation}");
    }
    let all: f64 = calls.values().map(|(all, _)| all).sum();
    assert_eq!(sum(&now, "drover_calls_total", &[]), all, "and no others");
    assert_eq!(sum(&now, "drover_calls_total", &["outcome=\"lost\""]), 1.0);
    assert_eq!(sum(&now, "drover_calls_total", &["outcome=\"http_status\""]), 1.0);

    let status = get(&world, "/v1/status");
    let since = &status["since_start"];
    for fate in ["applied", "no_op", "superseded", "dropped", "repeated"] {
        let label = format!("fate=\"{fate}\"");
        let counted = sum(&now, "drover_items_ended_total", &[&label]);
        assert_eq!(json!(counted), json!(since[fate].as_f64().unwrap()), "{fate}");
    }
    assert_eq!(sum(&now, "drover_items_taken_in_total", &[]), 14.0);
    let ended = sum(&now, "drover_items_ended_total", &[]);
    assert_eq!(ended + sum(&now, "drover_queue_items", &[]), 14.0, "every item is somewhere");
    let failures = since["failures"].as_f64().unwrap();
    assert_eq!(sum(&now, "drover_attempt_failures_total", &[]), failures);
    assert_eq!(sum(&now, "drover_attempt_failures_total", &["outage"]), 2.0);
    assert!(sum(&now, "drover_outages_total", &[]) >= 1.0);
    assert_eq!(sum(&now, "drover_queue_items", &["state=\"parked\""]), 1.0);
    let stats = &get(&world, "/v1/cache")["stats"];
    for (name, key) in [("hits_total", "hits"), ("misses_total", "misses"), ("entries", "size")] {
        let counted = sum(&now, &format!("drover_member_cache_{name}"), &[]);
        assert_eq!(counted, stats[key].as_f64().unwrap(), "{key}");
    }
    assert!(sum(&now, "drover_member_cache_hits_total", &[]) > 0.0);
    assert!(sum(&now, "drover_store_commit_duration_seconds_count", &[]) > 0.0);
    for gone in
        ["drover_calls_in_flight", "drover_breaker_open", "drover_store_commit_failures_total"]
    {
        assert_eq!(sum(&now, gone, &[]), 0.0, "{gone}");
    }
    for one in ["drover_build_info", "drover_ready", "drover_scheduler_responsive"] {
        assert_eq!(sum(&now, one, &[]), 1.0, "{one}");
    }
    let limit = sum(&now, "drover_calls_limit", &["gate=\"calls\""]);
    assert!(limit >= 1.0 && limit <= sum(&now, "drover_calls_limit_max", &["gate=\"calls\""]));
    assert_eq!(service.terminate().0, 0);
}

#[test]
fn monitoring_is_told_numbers_and_health_without_a_token_and_nothing_else() {
    let mut world = World::new();
    world.put(&file(1), &context(20));
    let (service, address) = watched(&mut world);
    for health in ["/health/live", "/health/ready", "/health/start", "/v1/health/ready"] {
        let (status, body) = fetch(&address, health);
        assert_eq!(status, 200, "{health}: {body}");
    }
    assert_eq!(fetch(&address, "/metrics").0, 200);
    for path in ["/v1", "/v1/status", "/v1/items", "/v1/contexts", "/", "/ui", "/metrics/", "/x"] {
        let (status, body) = fetch(&address, path);
        assert_eq!(status, 404, "{path}: {body}");
    }
    let mut stream = TcpStream::connect(&address).unwrap();
    stream.write_all(b"POST /v1/hold HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 403") || answer.starts_with("HTTP/1.1 404"), "{answer}");
    // By the socket, too.
    assert!(client(&world).get("/v1/health/start", &[]).unwrap()["started"] == true);
    assert_eq!(service.terminate().0, 0);
}

#[test]
fn that_ox_is_down_makes_drover_neither_dead_nor_unready() {
    let mut world = World::new();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    world.env.insert("OX_SOAP_SERVER".into(), format!("http://{closed}"));
    world.put(&file(1), &user("anna", 10));
    let (service, address) = watched(&mut world);
    eventually("the outage", || {
        sum(&samples(&fetch(&address, "/metrics").1), "drover_breaker_open", &[]) == 1.0
    });
    for health in ["/health/live", "/health/ready", "/health/start"] {
        assert_eq!(fetch(&address, health).0, 200, "{health}");
    }
    let now = samples(&fetch(&address, "/metrics").1);
    assert_eq!(sum(&now, "drover_outages_total", &[]), 1.0);
    assert!(sum(&now, "drover_calls_total", &["outcome=\"unreachable\""]) > 0.0);
    assert_eq!(service.terminate().0, 0);
}

/// Names of metrics that a text uses.
fn named(text: &str) -> BTreeSet<String> {
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let words = text.split(|c: char| !is_name(c));
    words.filter(|word| word.starts_with("drover_")).map(str::to_owned).collect()
}

#[test]
fn alerts_and_dashboard_use_only_what_there_is() {
    let mut world = World::new();
    workload(&world);
    world.env.insert("DROVER__NOTIFY__COMMAND".into(), "true".into());
    world.env.insert("DROVER__NOTIFY__AFTER_S".into(), "0".into());
    let (service, address) = watched(&mut world);
    let there = || -> BTreeSet<String> {
        let text = fetch(&address, "/metrics").1;
        samples(&text).keys().map(|key| key.split('{').next().unwrap().to_owned()).collect()
    };
    eventually("a notification", || there().contains("drover_notifications_total"));
    eventually("the calls", || there().contains("drover_calls_total"));
    let there = there();
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy");
    let read = |path: &str| std::fs::read_to_string(deploy.join(path)).unwrap();
    let alerts = named(&read("prometheus/alerts.yml"));
    assert!(alerts.len() > 10, "{alerts:?}");
    // Groups and rules bear names, too.
    let missing: Vec<_> = alerts.difference(&there).collect();
    assert!(missing.is_empty(), "alerts: {missing:?}");
    let dashboard: Value = serde_json::from_str(&read("grafana/drover.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let mut used = BTreeSet::new();
    for target in panels.iter().flat_map(|panel| panel["targets"].as_array().into_iter().flatten())
    {
        used.extend(named(target["expr"].as_str().unwrap()));
    }
    assert!(used.len() > 15, "{used:?}");
    let missing: Vec<_> = used.difference(&there).collect();
    assert!(missing.is_empty(), "dashboard: {missing:?}");
    let ids: BTreeSet<i64> = panels.iter().map(|panel| panel["id"].as_i64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len());
    assert_eq!(service.terminate().0, 0);
}

/// Takes in posts until it is dropped, and hands on their bodies.
fn receiver() -> (String, mpsc::Receiver<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, bodies) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let (mut line, mut length) = (String::new(), 0);
            while stream.read_line(&mut line).unwrap() > 2 {
                let lower = line.to_lowercase();
                if let Some(value) = lower.strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                line.clear();
            }
            let mut body = vec![0; length];
            stream.read_exact(&mut body).unwrap();
            let answer = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
            stream.get_mut().write_all(answer).unwrap();
            if sender.send(serde_json::from_slice(&body).unwrap()).is_err() {
                return;
            }
        }
    });
    (format!("http://{address}/hook?token=hook-secret-0123"), bodies)
}

#[test]
fn a_standstill_and_its_end_are_each_told_once() {
    let mut world = World::new();
    let (url, bodies) = receiver();
    let told = world.data.path().join("told");
    world.env.insert("DROVER__NOTIFY__WEBHOOK".into(), url);
    let command = format!("sh,-c,cat >> {}", told.display());
    world.env.insert("DROVER__NOTIFY__COMMAND".into(), command);
    world.env.insert("DROVER__NOTIFY__AFTER_S".into(), "0".into());
    world.env.insert("DROVER__NOTIFY__QUIET_S".into(), "1".into());
    world.put(&file(1), &refused("berta", 10));
    let mut service = world.serve();
    service.wait_for_log(&["has started"]);
    let next = || bodies.recv_timeout(crate::world::PATIENCE).unwrap();
    let stopped = next();
    let first = &stopped["stopped"][0];
    assert_eq!((&first["context"], &stopped["recovered_count"]), (&10.into(), &0.into()));
    assert_eq!(first["hint"]["code"], "user-name-characters");
    assert_eq!(first["item"], json!(file(1)));
    assert!(stopped["text"].as_str().unwrap().contains("context 10 stands still"), "{stopped}");
    assert!(!stopped.to_string().contains("berta"), "{stopped}");
    // It is retried all the time meanwhile.
    assert!(bodies.recv_timeout(Duration::from_secs(3)).is_err(), "told twice");
    post(&world, "/v1/drop", json!({"item": file(1)}));
    let recovered = next();
    assert_eq!(recovered["recovered"][0]["context"], 10);
    assert_eq!((&recovered["stopped_count"], &recovered["standing"]), (&0.into(), &0.into()));
    assert!(bodies.recv_timeout(Duration::from_secs(2)).is_err(), "told twice");
    let told = std::fs::read_to_string(told).unwrap();
    assert!(
        told.contains("\"stopped_count\":1") && told.contains("\"recovered_count\":1"),
        "{told}"
    );
    assert!(!service.seen.iter().any(|line| line.contains("hook-secret")));
    assert_eq!(service.terminate().0, 0);
}

#[test]
fn a_hook_that_fails_is_logged_once_and_keeps_nobody_waiting() {
    let mut world = World::new();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{closed}/hook?token=hook-secret-0123");
    world.env.insert("DROVER__NOTIFY__WEBHOOK".into(), url);
    world.env.insert("DROVER__NOTIFY__AFTER_S".into(), "0".into());
    world.put(&file(1), &refused("berta", 10));
    world.put(&file(2), &context(20));
    let mut service = world.serve();
    let line = service.wait_for_log(&["cannot tell of standstills", "notify.webhook"]);
    assert!(!line.contains("hook-secret"), "{line}");
    world.put(&file(3), &user("anna", 20));
    eventually("the user", || world.users(20) == ["anna"]);
    // Two more attempts fail within these seconds.
    let metrics = || client(&world).get("/v1/status", &[]).is_ok();
    assert!(metrics());
    std::thread::sleep(Duration::from_secs(7));
    world.put(&file(4), &user("berta", 20));
    service.wait_for_log(&["stands still"]);
    let told = service.seen.iter().filter(|line| line.contains("cannot tell of standstills"));
    assert_eq!(told.count(), 1);
    assert_eq!(service.terminate().0, 0);
}
