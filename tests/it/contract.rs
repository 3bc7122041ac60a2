//! What is described is what is answered: every operation is called, and every answer held against its
//! schema, to the last field.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

use drover::admin::client::ClientError;
use serde_json::{Map, Value, json};

use crate::admin::{client, get, post, refused, serving, socket, standing};
use crate::world::{World, eventually, file, user};

/// The description, as the running drover gives it.
struct Contract(Value);

impl Contract {
    fn of(world: &World) -> Self {
        Self(get(world, "/openapi.json"))
    }

    /// Every operation: path, method, itself.
    fn operations(&self) -> Vec<(String, String, &Value)> {
        let paths = self.0["paths"].as_object().unwrap();
        let of_path = |(path, methods): (&String, &'_ Value)| {
            let methods = methods.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
            methods.into_iter().map(|method| (path.clone(), method)).collect::<Vec<_>>()
        };
        let all: Vec<_> = paths.iter().flat_map(of_path).collect();
        all.into_iter()
            .map(|(path, method)| {
                let operation = &self.0["paths"][&path][&method];
                (path, method, operation)
            })
            .collect()
    }

    fn operation(&self, id: &str) -> &Value {
        let mut all = self.operations().into_iter();
        all.find(|(_, _, operation)| operation["operationId"] == id).unwrap().2
    }

    /// Everything in which a value is other than its schema says. A keyword that is not known here is a
    /// mistake of this test, so that none goes unchecked.
    fn problems(&self, schema: &Value, value: &Value, at: &str) -> Vec<String> {
        let rules = match schema {
            Value::Bool(true) => return Vec::new(),
            Value::Object(rules) => rules,
            other => panic!("{at}: {other} is no schema"),
        };
        let mut found = Vec::new();
        for (keyword, rule) in rules {
            match keyword.as_str() {
                "$ref" => {
                    let name = rule.as_str().unwrap().strip_prefix("#/components/schemas/");
                    let target = &self.0["components"]["schemas"][name.unwrap()];
                    found.extend(self.problems(target, value, at));
                }
                "anyOf" | "oneOf" => {
                    let choices = rule.as_array().unwrap();
                    let each = choices.iter().map(|choice| self.problems(choice, value, at));
                    let each: Vec<_> = each.collect();
                    if !each.iter().any(Vec::is_empty) {
                        found.push(format!("{at}: fits no choice: {each:?}"));
                    }
                }
                "type" => {
                    let types = rule.as_array().cloned().unwrap_or_else(|| vec![rule.clone()]);
                    if !types.iter().any(|name| is(name.as_str().unwrap(), value)) {
                        found.push(format!("{at}: {value} is not {rule}"));
                    }
                }
                "enum" if !rule.as_array().unwrap().contains(value) => {
                    found.push(format!("{at}: {value} is none of {rule}"));
                }
                "const" if rule != value => found.push(format!("{at}: {value} is not {rule}")),
                "minimum" => {
                    if value.as_f64().is_some_and(|number| number < rule.as_f64().unwrap()) {
                        found.push(format!("{at}: {value} is below {rule}"));
                    }
                }
                "required" => {
                    let there = |name: &&Value| value.get(name.as_str().unwrap()).is_some();
                    let lacking = rule.as_array().unwrap().iter().filter(|name| !there(name));
                    if value.is_object() {
                        found.extend(lacking.map(|name| format!("{at}: lacks {name}")));
                    }
                }
                "items" => {
                    for (n, one) in value.as_array().into_iter().flatten().enumerate() {
                        found.extend(self.problems(rule, one, &format!("{at}[{n}]")));
                    }
                }
                "properties" | "additionalProperties" => {
                    found.extend(self.fields(rules, value, at));
                }
                "enum" | "const" | "description" | "title" | "format" | "default" => {}
                other => panic!("{at}: the keyword {other} is not checked here"),
            }
        }
        found
    }

    /// Fields: each of them described, one way or the other.
    fn fields(&self, rules: &Map<String, Value>, value: &Value, at: &str) -> Vec<String> {
        let mut found = Vec::new();
        for (name, field) in value.as_object().into_iter().flatten() {
            let at = format!("{at}.{name}");
            let rule = rules.get("properties").and_then(|known| known.get(name));
            match rule.or_else(|| rules.get("additionalProperties")) {
                Some(Value::Bool(false)) | None => found.push(format!("{at}: is not described")),
                Some(rule) => found.extend(self.problems(rule, field, &at)),
            }
        }
        found
    }

    #[track_caller]
    fn holds(&self, operation: &Value, status: &str, answer: &Value) {
        let id = operation["operationId"].as_str().unwrap();
        let content = &operation["responses"][status]["content"]["application/json"];
        let schema = &content["schema"];
        assert!(schema.is_object(), "{id} does not describe {status}");
        if id == "description" && status == "200" {
            return;
        }
        let problems = self.problems(schema, answer, id);
        assert!(problems.is_empty(), "{problems:#?}\n{answer:#}");
    }
}

fn is(name: &str, value: &Value) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{other} is no type"),
    }
}

#[test]
fn what_is_described_has_not_changed_unseen() {
    let world = World::new();
    let run = world.command(&["openapi"]).output().unwrap();
    let told = String::from_utf8(run.stdout).unwrap();
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/config/drover-openapi.json");
    let shipped = std::fs::read_to_string(shipped).unwrap();
    // Fields may come; who takes one away or changes one breaks somebody's program.
    assert!(shipped == told, "drover openapi > config/drover-openapi.json");
}

/// Bodies with which each order does something at [`standing`], in an order in which they can be given.
fn orders() -> Vec<(&'static str, Value)> {
    let faulty = file(3);
    vec![
        ("retry", json!({"filter": {"state": "faulty"}, "dry_run": true})),
        ("hold", json!({"context": 20, "note": "why", "by": "eva"})),
        ("resume", json!({"context": 20})),
        ("park", json!({"item": faulty, "note": "why"})),
        ("release", json!({"item": faulty})),
        ("resync", json!({"all": true, "dry_run": true})),
        ("rebuildCache", json!({"context": 20})),
        ("drop", json!({"filter": {"context": 10, "kind": "user"}})),
    ]
}

/// What is no JSON: `every_live_event_is_told_as_it_is_described`, and `watching`.
const IN_TESTS_OF_THEIR_OWN: [&str; 2] = ["events", "metrics"];

#[test]
fn every_operation_answers_as_it_is_described_and_refuses_as_it_is_described() {
    let (world, service) = standing();
    let contract = Contract::of(&world);
    let mut called = BTreeSet::new();
    for (path, method, operation) in contract.operations() {
        let id = operation["operationId"].as_str().unwrap().to_owned();
        if method == "get" && !IN_TESTS_OF_THEIR_OWN.contains(&id.as_str()) {
            let path = path.replace("{context}", "10").replace("{item}", &file(3));
            let query = if id == "history" { "?what=user-anna" } else { "" };
            contract.holds(operation, "200", &get(&world, &format!("{path}{query}")));
            called.insert(id);
        }
    }
    // What is through, and what has nothing to do, looks different.
    contract.holds(
        contract.operation("item"),
        "200",
        &get(&world, &format!("/v1/items/{}", file(2))),
    );
    contract.holds(contract.operation("context"), "200", &get(&world, "/v1/contexts/20"));
    for (id, body) in orders() {
        let (path, ..) = contract
            .operations()
            .into_iter()
            .find(|(_, _, operation)| operation["operationId"] == id)
            .unwrap();
        let mut answer = None;
        // An item may be on its way to OX just now.
        eventually(id, || {
            answer = client(&world).post(&path, &body).ok();
            answer.is_some()
        });
        contract.holds(contract.operation(id), "200", &answer.unwrap());
        called.insert(id.to_owned());
        let refusal = raw_refusal(client(&world).post(&path, &json!({"nonsense": 1})));
        contract.holds(contract.operation(id), "default", &refusal);
    }
    let all = contract.operations();
    let uncalled: Vec<_> = all
        .iter()
        .filter_map(|(_, _, operation)| operation["operationId"].as_str())
        .filter(|id| !called.contains(*id) && !IN_TESTS_OF_THEIR_OWN.contains(id))
        .collect();
    assert!(uncalled.is_empty(), "nobody has called {uncalled:?}");
    assert_eq!(service.terminate().0, 0);
}

fn raw_refusal(answer: Result<Value, ClientError>) -> Value {
    match answer {
        Err(ClientError::Refused { error, cure, .. }) => json!({"error": error, "cure": cure}),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_parameter_is_described_and_no_other_is_taken() {
    let (world, service) = standing();
    let contract = Contract::of(&world);
    for (path, _, operation) in contract.operations() {
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let described: Vec<&str> = parameters
            .iter()
            .filter(|parameter| parameter["in"] == "query")
            .map(|parameter| parameter["name"].as_str().unwrap())
            .collect();
        if described.is_empty() {
            continue;
        }
        let refusal = raw_refusal(client(&world).get(&format!("{path}?nonsense=1"), &[]));
        let cure = refusal["cure"].as_str().unwrap();
        let taken = cure.strip_prefix("use these: ").unwrap().split(", ");
        let (mut described, mut taken) = (described, taken.collect::<Vec<_>>());
        described.sort_unstable();
        taken.sort_unstable();
        assert_eq!(described, taken, "{path}");
    }
    service.terminate();
}

/// Events as they come: name and data. What comes before the first one is left out.
pub struct Events(BufReader<UnixStream>);

impl Events {
    pub fn of(world: &World) -> Self {
        let mut stream = UnixStream::connect(socket(world)).unwrap();
        stream.write_all(b"GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let mut events = Self(BufReader::new(stream));
        let first = events.next().unwrap();
        assert_eq!(first.0, "hello");
        events
    }

    /// The next one; none at the end of the stream.
    pub fn next(&mut self) -> Option<(String, Value)> {
        let mut name = None;
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            if let Some(told) = line.strip_prefix("event: ") {
                name = Some(told.trim().to_owned());
            } else if let Some(data) = line.strip_prefix("data: ") {
                return Some((name?, serde_json::from_str(data).unwrap()));
            }
        }
    }
}

#[test]
fn every_live_event_is_told_as_it_is_described() {
    let world = World::new();
    let service = serving(&world);
    let contract = Contract::of(&world);
    let events = &contract.operation("events")["responses"]["200"]["content"]["text/event-stream"];
    let events = events["x-events"].as_object().unwrap();
    let mut stream = Events::of(&world);
    world.put(&file(1), &user("anna", 10));
    world.put(&file(2), &refused("berta", 10));
    let mut seen = BTreeSet::from(["hello".to_owned()]);
    let mut faults = 0;
    while faults < 1 || !seen.contains("status") {
        let (name, data) = stream.next().unwrap();
        let problems = contract.problems(&events[&name], &data, &name);
        assert!(problems.is_empty(), "{problems:#?}");
        if name == "failed" {
            assert_eq!((&data["item"], &data["context"]), (&json!(file(2)), &10.into()));
            faults += 1;
        }
        seen.insert(name);
    }
    eventually("it to be dropped", || {
        post(&world, "/v1/drop", json!({"filter": {"context": 10}, "note": "gone"}))["done"] == 1
    });
    let mut dropped = Value::Null;
    while dropped.is_null() || !seen.contains("acted") {
        let (name, data) = stream.next().unwrap();
        let problems = contract.problems(&events[&name], &data, &name);
        assert!(problems.is_empty(), "{problems:#?}");
        if name == "ended" && data["item"] == json!(file(2)) {
            dropped = data;
        }
        seen.insert(name);
    }
    assert_eq!(dropped["reason"], "dropped by the operator: gone");
    let lacking: Vec<_> = events.keys().filter(|name| !seen.contains(*name)).collect();
    assert_eq!(lacking, ["lost"], "seen: {seen:?}");
    // A drain ends the stream.
    assert_eq!(service.terminate().0, 0);
    while stream.next().is_some() {}
}

#[test]
fn who_reads_events_too_slowly_loses_some_and_is_told_and_keeps_nobody_waiting() {
    let world = World::new();
    let service = serving(&world);
    let contract = Contract::of(&world);
    post(&world, "/v1/hold", json!({"context": 10}));
    let mut slow = Events::of(&world);
    let count: u32 = 6_000;
    for n in 1..=count {
        world.put(&file(n), &user(&format!("u{n}"), 10));
    }
    // Nobody reads meanwhile.
    eventually("all of them", || get(&world, "/v1/contexts/10")["pending"] == count);
    let at_once = || post(&world, "/v1/drop", json!({"filter": {"context": 10}}))["next"].is_null();
    eventually("all to be dropped", at_once);
    let mut lost = 0;
    while lost == 0 {
        let (name, data) = slow.next().unwrap();
        if name == "lost" {
            let events = &contract.operation("events")["responses"]["200"]["content"];
            let schema = &events["text/event-stream"]["x-events"]["lost"];
            assert_eq!(contract.problems(schema, &data, "lost"), [""; 0]);
            lost = data["count"].as_u64().unwrap();
        }
    }
    drop(slow);
    assert_eq!(service.terminate().0, 0);
}

#[test]
fn streams_of_events_leave_room_for_questions() {
    let world = World::new();
    let service = serving(&world);
    let streams: Vec<Events> = (0..16).map(|_| Events::of(&world)).collect();
    let full = client(&world).get("/v1/events", &[]);
    assert!(matches!(full, Err(ClientError::Refused { status: 503, .. })), "{full:?}");
    assert_eq!(get(&world, "/v1/status")["pending"], 0);
    drop(streams);
    eventually("room for another", || {
        let mut stream = UnixStream::connect(socket(&world)).unwrap();
        stream.write_all(b"GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).unwrap();
        line.contains("200")
    });
    assert_eq!(service.terminate().0, 0);
}

#[test]
fn an_item_has_the_story_of_all_its_attempts_and_settings_in_force_hide_secrets() {
    let (world, service) = standing();
    let story = || get(&world, &format!("/v1/items/{}", file(3)));
    eventually("three attempts", || story()["failed_attempts"].as_array().unwrap().len() >= 3);
    let attempts = story()["failed_attempts"].as_array().unwrap().clone();
    let numbers: Vec<u64> = attempts.iter().map(|one| one["number"].as_u64().unwrap()).collect();
    assert!(numbers.windows(2).all(|two| two[1] == two[0] + 1), "{numbers:?}");
    assert!(attempts.windows(2).all(|two| two[0]["at_ms"].as_i64() < two[1]["at_ms"].as_i64()));
    assert!(attempts.iter().all(|one| one["exception_id"].is_string() && one["fault"].is_string()));
    let cause = &get(&world, "/v1/causes")["causes"][0];
    let told = [&cause["first"], &cause["items"], &cause["contexts"], &cause["behind"]];
    assert_eq!(told, [&json!(file(3)), &1.into(), &1.into(), &1.into()]);
    let by_cause = [("fingerprint", cause["fingerprint"].as_str().map(str::to_owned))];
    assert_eq!(client(&world).get("/v1/items", &by_cause).unwrap()["items"][0]["item"], file(3));

    let settings = get(&world, "/v1/settings");
    let settings = settings["settings"].as_array().unwrap();
    let of = |key: &str| settings.iter().find(|one| one["key"] == key).unwrap();
    assert_eq!(of("ox.default_context")["origin"], "environment variable DEFAULT_CONTEXT");
    assert!(settings.len() > 60, "{}", settings.len());
    let ledger = get(&world, "/v1/ledger");
    assert_eq!((&ledger["complete"], &ledger["fates"]["applied"]), (&true.into(), &2.into()));
    assert_eq!(service.terminate().0, 0);
}
