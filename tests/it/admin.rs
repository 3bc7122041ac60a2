//! The way into a running drover over HTTP: who may ask, what is answered, and what odd requests do.

use std::fs::Permissions;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use drover::admin::client::{Client, ClientError};
use drover::model::Secret;
use serde_json::{Value, json};

use crate::world::{MASTER_PASSWORD, Service, World, context, eventually, file, group, user, with};

/// A user whose name OX refuses.
pub fn refused(name: &str, context: u32) -> Value {
    with(user(name, context), json!({"username": format!("{name} & co")}))
}

pub fn socket(world: &World) -> PathBuf {
    world.data.path().join("drover.sock")
}

pub fn client(world: &World) -> Client {
    Client::Socket(socket(world))
}

pub fn get(world: &World, path: &str) -> Value {
    client(world).get(path, &[]).unwrap_or_else(|error| panic!("{path}: {error}"))
}

pub fn post(world: &World, path: &str, body: Value) -> Value {
    client(world).post(path, &body).unwrap_or_else(|error| panic!("{path} {body}: {error}"))
}

/// Status of a refusal, which has said what is wrong and what to do.
fn refusal(answer: Result<Value, ClientError>) -> u16 {
    match answer {
        Err(ClientError::Refused { status, error, cure }) => {
            assert!(!error.is_empty() && !cure.is_empty(), "{status} {error:?} {cure:?}");
            status
        }
        other => panic!("{other:?}"),
    }
}

pub fn serving(world: &World) -> Service {
    let mut service = world.serve();
    service.wait_for_log(&["has started"]);
    service
}

/// Context 10 stands still at the first item of two, context 20 is there with anna in it.
pub fn standing() -> (World, Service) {
    let world = World::new();
    world.put(&file(1), &context(20));
    world.put(&file(2), &user("anna", 20));
    world.put(&file(3), &refused("berta", 10));
    world.put(&file(4), &user("carl", 10));
    let service = serving(&world);
    eventually("the standstill", || {
        let status = get(&world, "/v1/status");
        status["faulty"] == 1 && status["pending"] == 2
    });
    (world, service)
}

#[test]
fn what_stands_still_is_found_and_told_with_its_fault_and_what_to_do() {
    let (world, service) = standing();
    let status = get(&world, "/v1/status");
    let first = &status["first_faulty"][0];
    assert_eq!((&first["item"], &first["behind"]), (&json!(file(3)), &json!(1)));
    assert_eq!(status["since_start"]["applied"], 2);
    assert!(status["limits"]["calls"]["cap"].as_u64().unwrap() > 0);

    let list = get(&world, "/v1/contexts?sort=state");
    assert_eq!(list["total"], 2);
    let (ten, twenty) = (&list["contexts"][0], &list["contexts"][1]);
    assert_eq!(
        (&ten["context"], &ten["state"], &ten["pending"]),
        (&10.into(), &"stopped".into(), &2.into())
    );
    assert!(ten["why"].as_str().unwrap().starts_with(&format!("stands still at {}", file(3))));
    assert!(ten["oldest_ms"].as_i64().unwrap() > 1_700_000_000_000);
    let of_twenty = json!([twenty["context"], twenty["name"], twenty["state"], twenty["objects"]]);
    assert_eq!(of_twenty, json!([20, "ctx20", "idle", 2]));
    let found = get(&world, "/v1/contexts?search=ctx&state=idle&limit=1");
    assert_eq!((&found["total"], &found["contexts"][0]["context"]), (&1.into(), &20.into()));
    let ten = get(&world, "/v1/contexts/10");
    assert_eq!(ten["items"].as_array().unwrap().len(), 2);

    let items = get(&world, "/v1/items?state=faulty&context=10&kind=user");
    let item = &items["items"][0];
    assert_eq!(item["item"], json!(file(3)));
    assert!(item["exception_id"].is_string() && item["advice"].is_string(), "{item}");
    let print = item["fingerprint"].as_str().unwrap().to_owned();
    let same = client(&world).get("/v1/items", &[("fingerprint", Some(print))]).unwrap();
    assert_eq!(same["items"], items["items"]);
    assert_eq!(get(&world, "/v1/items?fault=nothing%20of%20it")["items"], json!([]));

    let pages = |after: &str| get(&world, &format!("/v1/items?limit=1{after}"));
    let first = pages("");
    assert_eq!(first["next"], json!(file(3)));
    let second = pages(&format!("&after={}", file(3)));
    assert_eq!(second["items"][0]["item"], json!(file(4)));
    assert_eq!(pages(&format!("&after={}", file(4)))["items"], json!([]));

    let story = get(&world, &format!("/v1/items/{}", file(3)));
    assert_eq!(story["pending"]["state"], "faulty");
    assert_eq!(story["history"][0]["state"], "faulty");
    let ended = get(&world, &format!("/v1/items/{}", file(2)));
    assert_eq!(
        (&ended["pending"], &ended["history"][0]["state"]),
        (&Value::Null, &json!("applied"))
    );
    assert_eq!(refusal(client(&world).get("/v1/items/none.json", &[])), 404);
    assert_eq!(refusal(client(&world).get("/v1/contexts/77", &[])), 404);
    for health in ["live", "ready"] {
        assert_eq!(get(&world, &format!("/v1/health/{health}"))[health], true);
    }
    assert_eq!(get(&world, "/v1/cache")["doubted"], json!([]));
    assert_eq!(service.terminate().0, 0);
}

#[test]
fn each_order_has_its_effect_and_stands_in_the_ledger() {
    let (world, service) = standing();
    let why = json!({"note": "asked for", "by": "eva"});
    let order = |verb: &str, body: Value| {
        let mut all = why.clone();
        all.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        post(&world, &format!("/v1/{verb}"), all)
    };
    // What it would be, and nothing done.
    let preview = order("park", json!({"filter": {"state": "faulty"}, "dry_run": true}));
    assert_eq!((&preview["matched"], &preview["done"]), (&1.into(), &0.into()));
    assert_eq!(get(&world, "/v1/status")["parked"], 0);
    // It may be on its way to OX just now.
    let retry = || {
        let tried = client(&world).post("/v1/retry", &json!({"item": file(3)}));
        tried.is_ok_and(|tried| tried["done"] == 1)
    };
    eventually("it to be tried", retry);
    let park = || {
        let mut body = why.clone();
        body["item"] = file(3).into();
        client(&world).post("/v1/park", &body).is_ok()
    };
    eventually("it to be parked", park);
    eventually("carl", || world.users(10) == ["carl"]);
    let parked = get(&world, &format!("/v1/items/{}", file(3)));
    assert_eq!(parked["pending"]["note"], "asked for (by eva)");
    let released = order("release", json!({"filter": {"state": "parked"}}));
    assert_eq!(released["done"], 1);
    assert_eq!(refusal(client(&world).post("/v1/release", &json!({"item": file(3)}))), 409);

    let holds = order("hold", json!({"context": 20}));
    assert_eq!(holds["holds"][0]["note"], "asked for (by eva)");
    world.put(&file(5), &user("dora", 20));
    eventually("dora's item", || get(&world, "/v1/contexts/20")["pending"] == 1);
    assert_eq!(get(&world, "/v1/contexts/20")["state"], "held");
    assert_eq!(refusal(client(&world).post("/v1/resume", &json!({"context": 10}))), 409);
    assert_eq!(order("resume", json!({"context": 20}))["holds"], json!([]));
    eventually("dora", || world.users(20) == ["anna", "dora"]);
    order("hold", json!({"target": true}));
    assert_eq!(get(&world, "/v1/holds")["holds"][0]["target"], true);
    order("resume", json!({"target": true}));

    let drop = || {
        let body = json!({"filter": {"context": 10}, "note": "asked for", "by": "eva"});
        post(&world, "/v1/drop", body)["done"] == 1
    };
    eventually("it to be dropped", drop);
    eventually("an empty queue", || world.queue().is_empty());
    assert_eq!(refusal(client(&world).post("/v1/retry", &json!({"item": file(3)}))), 404);
    assert_eq!(service.terminate().0, 0);
    world.assert_accounted_for();
    let ledger: Value = serde_json::from_str(&world.ask("ledger", &["--json"]).stdout).unwrap();
    assert!(ledger["acts"].as_u64().unwrap() >= 7, "{ledger}");
    let history = world.ask("history", &[&file(3)]);
    assert!(history.stdout.contains("asked for (by eva)"), "{}", history.stdout);
}

#[test]
fn only_the_owner_can_use_the_socket_and_it_comes_and_goes_with_the_service() {
    let world = World::new();
    let service = serving(&world);
    let path = socket(&world);
    assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
    assert_eq!(get(&world, "/v1/health/live")["live"], true);
    service.kill();
    assert!(path.exists(), "a killed one leaves it");
    assert!(matches!(client(&world).get("/v1", &[]), Err(ClientError::NoService { .. })));
    let service = serving(&world);
    assert_eq!(get(&world, "/v1/health/live")["live"], true);
    assert_eq!(service.terminate().0, 0);
    assert!(!path.exists());
    world.provision();
    assert!(!path.exists(), "a run that ends by itself has none");
}

#[test]
fn a_socket_that_cannot_be_made_keeps_nobody_from_provisioning() {
    let mut world = World::new();
    world.env.insert("DROVER__ADMIN__SOCKET".into(), "/dev/null".into());
    let mut service = world.serve();
    service.wait_for_log(&["/dev/null is no socket", "admin.socket"]);
    world.put(&file(1), &user("anna", 10));
    eventually("anna", || world.users(10) == ["anna"]);
    service.terminate();
    world.env.insert("DROVER__ADMIN__SOCKET".into(), "none".into());
    let service = serving(&world);
    assert!(!socket(&world).exists());
    let told = world.ask("queue", &["list"]);
    assert_eq!(told.code, 5, "{}", told.log);
    assert!(told.log.contains("admin.listen"), "{}", told.log);
    service.terminate();
}

pub const OPERATOR: &str = "operator-token-0123456789";
pub const READER: &str = "reader-token-0123456789";

/// A token in a file of its owner's.
pub fn write_token(path: &Path, token: &str) {
    std::fs::write(path, format!("{token}\n")).unwrap();
    std::fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
}

/// A service that listens at an address, and the address.
pub fn listening(world: &mut World) -> (Service, String) {
    for (key, name, token) in
        [("TOKEN_FILE", "operator", OPERATOR), ("READ_TOKEN_FILE", "reader", READER)]
    {
        let path = world.data.path().join(name);
        write_token(&path, token);
        world.env.insert(format!("DROVER__ADMIN__{key}"), path.display().to_string());
    }
    world.env.insert("DROVER__ADMIN__LISTEN".into(), "127.0.0.1:0".into());
    let mut service = world.serve();
    let line = service.wait_for_log(&["operators with a token are answered"]);
    let at = line.find("127.0.0.1:").unwrap();
    let address: String =
        line[at..].chars().take_while(|c| c.is_ascii_digit() || ".:".contains(*c)).collect();
    service.wait_for_log(&["has started"]);
    (service, address)
}

#[test]
fn at_an_address_a_token_says_what_somebody_may_do() {
    let mut world = World::new();
    let (service, address) = listening(&mut world);
    let with = |token: Option<&str>| Client::Address {
        url: format!("http://{address}/").parse().unwrap(),
        token: token.map(Secret::new),
    };
    let hold = json!({"context": 10});
    let nobody = with(None);
    assert_eq!(nobody.get("/v1/health/live", &[]).unwrap()["live"], true);
    assert_eq!(nobody.get("/v1/health/ready", &[]).unwrap()["ready"], true);
    for path in ["/v1", "/v1/status", "/v1/contexts", "/v1/items", "/x", "/v1/health/../status"] {
        assert_eq!(refusal(nobody.get(path, &[])), 401, "{path}");
    }
    assert_eq!(refusal(nobody.post("/v1/hold", &hold)), 401);
    assert_eq!(refusal(with(Some("guess-0123456789-0123")).get("/v1/status", &[])), 401);
    let reader = with(Some(READER));
    assert_eq!(reader.get("/v1/status", &[]).unwrap()["pending"], 0);
    for verb in ["retry", "park", "release", "drop", "hold", "resume", "resync", "cache/rebuild"] {
        assert_eq!(refusal(reader.post(&format!("/v1/{verb}"), &hold)), 403, "{verb}");
    }
    assert_eq!(get(&world, "/v1/holds")["holds"], json!([]), "nothing was done");
    assert_eq!(with(Some(OPERATOR)).post("/v1/hold", &hold).unwrap()["holds"][0]["context"], 10);
    // By the command line.
    let token = world.data.path().join("operator");
    let url = format!("http://{address}");
    let token = token.to_str().unwrap();
    let run = world.ask("context", &["resume", "10", "--url", &url, "--token-file", token]);
    assert_eq!((run.code, run.stdout.as_str()), (0, "nothing is held\n"), "{}", run.log);
    let run = world.ask("queue", &["list", "--url", &url]);
    assert_eq!(run.code, 14, "{}", run.log);
    // A new token holds at once.
    std::fs::write(world.data.path().join("reader"), "another-token-0123456789").unwrap();
    assert_eq!(refusal(reader.get("/v1/status", &[])), 401);
    assert_eq!(service.terminate().0, 0);
}

#[test]
fn only_loopback_is_listened_at_and_only_with_a_token() {
    let mut world = World::new();
    for (listen, token, cure) in [
        ("0.0.0.0:8478", "/x", "loopback"),
        ("somewhere", "/x", "loopback"),
        ("127.0.0.1:8478", "", "admin.token_file"),
    ] {
        world.env.insert("DROVER__ADMIN__LISTEN".into(), listen.into());
        world.env.insert("DROVER__ADMIN__TOKEN_FILE".into(), token.into());
        let run = world.run_once();
        assert_eq!(run.code, 5, "{}", run.log);
        assert!(run.log.contains(cure) && run.log.contains("ADMIN__LISTEN"), "{}", run.log);
    }
}

/// Sends these bytes and reads what comes until the end.
fn raw(world: &World, bytes: &[u8]) -> String {
    let mut stream = UnixStream::connect(socket(world)).unwrap();
    // It may be refused before it is through.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8(answer).unwrap()
}

fn posted(path: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

#[test]
fn odd_requests_are_refused_and_disturb_nobody() {
    let world = World::new();
    let service = serving(&world);
    let large = "x".repeat(100_000);
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (posted("/v1/hold", "{"), "400"),
        (posted("/v1/hold", "[]"), "400"),
        (posted("/v1/hold", "{\"contxt\": 10}"), "400"),
        (posted("/v1/hold", "{\"context\": -1}"), "400"),
        (posted("/v1/hold", "{\"context\": 99999999999}"), "400"),
        (posted("/v1/hold", "{\"context\": 10, \"target\": true}"), "400"),
        (posted("/v1/hold", "{}"), "400"),
        (posted("/v1/hold", "\u{0}\u{1}"), "400"),
        (posted("/v1/drop", "{}"), "400"),
        (posted("/v1/drop", "{\"filter\": {\"after\": \"a\"}}"), "400"),
        (posted("/v1/drop", "{\"item\": \"a\", \"filter\": {}}"), "400"),
        (posted("/v1/resync", "{}"), "400"),
        (posted("/v1/resync", "{\"all\": true, \"kind\": \"user\"}"), "400"),
        (posted("/v1/resync", "{\"kind\": \"thing\"}"), "400"),
        (posted("/v1/resync", "{\"object\": \"nobody\"}"), "404"),
        (posted("/v1/cache/rebuild", "{\"context\": 4711}"), "404"),
        (posted("/v1/hold", &large), "413"),
        (posted("/v1/status", "{}"), "405"),
        (b"GET /v1/hold HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(), "405"),
        (b"DELETE /v1/items/a HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(), "405"),
        (b"GET /v1/status?x=1 HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(), "200"),
        (b"GET /v1/items?x=1 HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(), "400"),
        (b"GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(), "404"),
        (b"GET /v1/items/%2e%2e%2fsecrets HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(), "404"),
        (
            b"GET /v1/status HTTP/1.1\r\nHost: x\r\nAuthorization: Basic eA==\r\n\r\n".to_vec(),
            "401",
        ),
        (format!("GET /{large} HTTP/1.1\r\n\r\n").into_bytes(), "414 or 431"),
        (format!("GET /v1 HTTP/1.1\r\nX: {large}\r\n\r\n").into_bytes(), "431"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n".to_vec(), "400"),
    ];
    for (bytes, status) in cases {
        let answer = raw(&world, &bytes);
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(90)]).into_owned();
        let told = answer.split(' ').nth(1).unwrap_or_default();
        assert!(status.contains(told) && !told.is_empty(), "{shown:?}: {answer:?}");
        if ["400", "401", "404", "405", "413"].contains(&status)
            && shown.is_ascii()
            && !shown.starts_with('\u{16}')
        {
            let body: Value =
                serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
            assert!(body["error"].is_string() && body["cure"].is_string(), "{shown:?}: {body}");
        }
    }
    // Some who send half of it and stay, and some who leave.
    let halves: Vec<UnixStream> = (0..40)
        .map(|n| {
            let mut stream = UnixStream::connect(socket(&world)).unwrap();
            let half = posted("/v1/hold", "{\"context\": 10}");
            stream.write_all(&half[..half.len() - 1 - n]).unwrap();
            stream
        })
        .collect();
    assert_eq!(get(&world, "/v1/holds")["holds"], json!([]));
    drop(halves);
    world.put(&file(1), &user("anna", 10));
    eventually("anna", || world.users(10) == ["anna"]);
    assert_eq!(get(&world, "/v1/holds")["holds"], json!([]), "half an order is none");
    assert_eq!(service.terminate().0, 0);
}

#[test]
fn at_an_address_odd_requests_are_refused_as_well() {
    let mut world = World::new();
    let (service, address) = listening(&mut world);
    let ask = |bytes: &str| {
        let mut stream = TcpStream::connect(&address).unwrap();
        stream.write_all(bytes.as_bytes()).unwrap();
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        answer
    };
    for token in [
        "",
        "Bearer ",
        "Bearer",
        "bearer x",
        "Basic b3A6eA==",
        &format!("Bearer {OPERATOR}x"),
        OPERATOR,
    ] {
        let answer = ask(&format!(
            "GET /v1/status HTTP/1.1\r\nHost: localhost\r\nAuthorization: {token}\r\n\r\n"
        ));
        assert!(answer.starts_with("HTTP/1.1 401"), "{token}: {answer}");
    }
    // A page of another origin can send neither this header nor a body that is taken without it.
    let simple = "POST /v1/hold HTTP/1.1\r\nHost: x\r\nOrigin: http://evil.example\r\n\
                  Content-Type: text/plain\r\nContent-Length: 15\r\n\r\n{\"context\": 10}";
    assert!(ask(simple).starts_with("HTTP/1.1 401"));
    let answer = ask(&format!(
        "GET /v1 HTTP/1.1\r\nHost: localhost\r\nAuthorization: bearer {READER}\r\n\r\n"
    ));
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("no-store"), "{answer}");
    assert_eq!(service.terminate().0, 0);
}

#[test]
fn no_answer_and_no_line_of_the_log_tells_a_secret_and_a_reader_sees_no_addresses() {
    let mut world = World::new();
    let (mut service, address) = listening(&mut world);
    // OX's words about it hold the address.
    let clash = with(user("berta", 10), json!({"mailPrimaryAddress": "anna@heide.example"}));
    world.put(&file(1), &with(user("anna", 10), json!({"password": "planted-secret"})));
    world.put(&file(2), &group("team", &["anna"]));
    world.put(&file(3), &clash);
    eventually("the standstill", || get(&world, "/v1/status")["faulty"] == 1);
    let reader = Client::Address {
        url: format!("http://{address}").parse().unwrap(),
        token: Some(Secret::new(READER)),
    };
    let mut told = String::new();
    let mut told_reader = String::new();
    for path in [
        "/v1",
        "/v1/status",
        "/v1/contexts",
        "/v1/contexts/10",
        "/v1/items",
        "/v1/cache",
        "/v1/holds",
    ] {
        told.push_str(&get(&world, path).to_string());
        told_reader.push_str(&reader.get(path, &[]).unwrap().to_string());
    }
    for n in 1..=3 {
        let path = format!("/v1/items/{}", file(n));
        told.push_str(&get(&world, &path).to_string());
        told_reader.push_str(&reader.get(&path, &[]).unwrap().to_string());
    }
    post(&world, "/v1/hold", json!({"context": 10}));
    service.wait_for_log(&["is held"]);
    let log = service.seen.join("\n");
    for secret in [MASTER_PASSWORD, "ten-secret", OPERATOR, READER, "planted-secret"] {
        for text in [&told, &told_reader, &log] {
            assert!(!text.contains(secret), "{secret}");
        }
    }
    assert!(!told_reader.contains("anna@"), "{told_reader}");
    assert_eq!(service.terminate().0, 0);
}
