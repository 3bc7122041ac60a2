//! Whoever comes to the address without a right to what they ask for, by whatever trick, gets nothing
//! and changes nothing.

use std::fs::Permissions;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::time::Instant;

use serde_json::{Value, json};

use crate::admin::{OPERATOR, READER, get, listening, listening_again, refused};
use crate::world::{PATIENCE, Service, World, eventually, file, user};

/// A service at an address, with an item that stands still and one behind it.
struct Besieged {
    world: World,
    service: Service,
    address: String,
}

impl Besieged {
    fn new() -> Self {
        let mut world = World::new();
        let (service, address) = listening(&mut world);
        world.put(&file(1), &refused("berta", 10));
        world.put(&file(2), &user("carl", 10));
        eventually("the standstill", || {
            let status = get(&world, "/v1/status");
            status["faulty"] == 1 && status["pending"] == 2
        });
        Self { world, service, address }
    }

    /// Sends these bytes and reads what comes until the end.
    fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // It may be refused before it is through.
        let _ = stream.write_all(bytes);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Status of the answer to a request with these further headers, each with its line end.
    fn ask(&self, method: &str, path: &str, headers: &str, body: &str) -> u16 {
        let length = if body.is_empty() {
            String::new()
        } else {
            format!("Content-Length: {}\r\n", body.len())
        };
        let host = if headers.contains("Host:") { "" } else { "Host: localhost\r\n" };
        let request = format!("{method} {path} HTTP/1.1\r\n{host}{headers}{length}\r\n{body}");
        let answer = self.raw(request.as_bytes());
        status(&answer).unwrap_or_else(|| panic!("{request:?}: {answer:?}"))
    }

    /// Every operation: method, path that could be asked, who may ask it.
    fn operations(&self) -> Vec<(String, String, String)> {
        let description = get(&self.world, "/openapi.json");
        let paths = description["paths"].as_object().unwrap().clone();
        let mut all = Vec::new();
        for (path, methods) in paths {
            for (method, operation) in methods.as_object().unwrap() {
                let path = path.replace("{context}", "10").replace("{item}", &file(1));
                let role = operation["x-role"].as_str().unwrap().to_owned();
                all.push((method.to_uppercase(), path, role));
            }
        }
        assert!(all.len() >= 24, "{all:?}");
        all
    }

    /// Everything is as it was.
    #[track_caller]
    fn is_unharmed(&self) {
        let status = get(&self.world, "/v1/status");
        let told = [&status["pending"], &status["parked"], &status["holds"]];
        assert_eq!(told, [&json!(2), &json!(0), &json!([])]);
        assert_eq!(self.world.queue(), [file(1), file(2)]);
        assert_eq!(get(&self.world, "/v1/ledger")["acts"], 0);
        assert_eq!(get(&self.world, "/v1/cache")["stats"]["rebuilds"], 0);
    }

    fn end(self) {
        self.is_unharmed();
        assert_eq!(self.service.terminate().0, 0);
    }
}

fn status(answer: &str) -> Option<u16> {
    answer.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()
}

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\n")
}

const JSON: &str = "Content-Type: application/json\r\n";

/// Bodies that would do something if they were taken.
const BODIES: [&str; 4] = [
    "{\"all\": true}",
    "{\"context\": 10}",
    "{\"target\": true}",
    "{\"filter\": {\"context\": 10}}",
];

#[test]
fn without_a_token_nothing_but_health_is_answered() {
    let besieged = Besieged::new();
    for (method, path, role) in besieged.operations() {
        let expected = if role == "nobody" { 200 } else { 401 };
        for headers in ["", JSON, "Authorization:\r\n", "Cookie: token=1\r\n"] {
            let expected = if headers.starts_with("Authorization") { 401 } else { expected };
            assert_eq!(besieged.ask(&method, &path, headers, ""), expected, "{method} {path}");
        }
        for token in ["x", "reader-token-0123456788", "../../etc/passwd", "\u{fc}"] {
            assert_eq!(besieged.ask(&method, &path, &bearer(token), ""), 401, "{method} {path}");
        }
        // Nor in the query, where it would stand in logs.
        let asked = format!("{path}?token={OPERATOR}&access_token={OPERATOR}");
        assert_eq!(besieged.ask(&method, &asked, "", ""), expected, "{method} {path}");
    }
    // The door of the page, where a token may be given.
    assert_eq!(besieged.ask("GET", "/", "", ""), 303);
    for path in ["/v1/x", "/metrics.php", "/.git/config", "/v1/../openapi.json"] {
        assert_eq!(besieged.ask("GET", path, "", ""), 401, "{path}: what there is, is not told");
    }
    besieged.end();
}

#[test]
fn who_may_look_changes_nothing_by_any_operation() {
    let besieged = Besieged::new();
    let reader = bearer(READER);
    let mut orders = 0;
    for (method, path, role) in besieged.operations() {
        if role != "operator" {
            continue;
        }
        orders += 1;
        for body in BODIES {
            for extra in ["", "X-HTTP-Method-Override: POST\r\n", "X-Role: operator\r\n"] {
                let headers = format!("{reader}{JSON}{extra}");
                let told = besieged.ask(&method, &path, &headers, body);
                assert_eq!(told, 403, "{method} {path} {body}");
            }
        }
        let overridden = format!("{reader}X-HTTP-Method-Override: POST\r\n");
        assert_eq!(besieged.ask("GET", &path, &overridden, ""), 403, "{path}");
    }
    assert!(orders >= 8);
    for (_, path, _) in besieged.operations() {
        for method in ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "POST", "FROB"] {
            let told = besieged.ask(method, &path, &format!("{reader}{JSON}"), "");
            assert!([401, 403, 404, 405, 400].contains(&told), "{method} {path}: {told}");
        }
    }
    besieged.end();
}

#[test]
fn no_spelling_of_a_path_leads_past_its_guard() {
    let besieged = Besieged::new();
    let reader = bearer(READER);
    for path in [
        "/v1/health/../status",
        "/v1/health/..%2fstatus",
        "/v1/health/%2e%2e/status",
        "/v1//status",
        "//v1/status",
        "/v1/status/",
        "/v1/status//",
        "/v1/./status",
        "/V1/STATUS",
        "/v1/status;x=1",
        "/v1/%73tatus",
        "/v1\\status",
        "/v1/status%00",
        "/v1/status%2f",
        "/v1/health/live/../../drop",
        "/v1/health/live%2f..%2f..%2fdrop",
        "/v1/%64rop",
        "/v1//drop",
        "/v1/drop/",
        "/v1/drop%20",
        "/v1/items/..%2f..%2fdrop",
        "/v1/health/live/x",
    ] {
        for method in ["GET", "POST"] {
            let nobody = besieged.ask(method, path, JSON, "");
            assert!([401, 400].contains(&nobody), "{method} {path}: {nobody}");
            let told = besieged.ask(method, path, &format!("{reader}{JSON}"), "");
            assert!([404, 405, 400].contains(&told), "{method} {path}: {told}");
        }
    }
    // A name is a name, not a place in a folder.
    for name in ["%2e%2e", "..%2f..%2fsecrets%2fcontexts.json", "%2fetc%2fpasswd", "a%0d%0ab"] {
        let told = besieged.ask("GET", &format!("/v1/items/{name}"), &reader, "");
        assert_eq!(told, 404, "{name}");
    }
    for raw in ["GET /v1/sta\0tus HTTP/1.1", "GET /v1/status\u{7f} HTTP/1.1", "GET  /v1/status"] {
        let answer = besieged.raw(format!("{raw}\r\nHost: localhost\r\n{reader}\r\n").as_bytes());
        assert_eq!(status(&answer), Some(400), "{raw:?}: {answer}");
    }
    besieged.end();
}

#[test]
fn doubled_huge_and_foreign_headers_are_refused() {
    let besieged = Besieged::new();
    let (reader, operator) = (bearer(READER), bearer(OPERATOR));
    let order = |headers: &str| besieged.ask("POST", "/v1/drop", headers, BODIES[3]);
    for (headers, expected) in [
        (format!("{reader}{operator}"), 400),
        (format!("{operator}{reader}"), 400),
        (format!("{reader}authorization: bearer {OPERATOR}\r\n"), 400),
        (format!("{operator}{JSON}Content-Type: text/plain\r\n"), 400),
        (format!("{operator}Host: localhost\r\nHost: evil.example\r\n"), 400),
        (
            format!("{operator}{JSON}Origin: http://localhost\r\nOrigin: http://evil.example\r\n"),
            400,
        ),
        (format!("{operator}X: {}\r\n", "x".repeat(100_000)), 431),
        (format!("{}{operator}", "A: b\r\n".repeat(500)), 431),
    ] {
        let shown = headers.chars().take(80).collect::<String>();
        assert_eq!(order(&headers), expected, "{shown:?}");
    }
    // A page whose name was made to point here (DNS rebinding).
    for host in ["evil.example", "evil.example:8478", "localhost.evil.example", "192.0.2.1", "x"] {
        let headers = format!("Host: {host}\r\n{operator}{JSON}");
        assert_eq!(order(&headers), 421, "{host}");
        let asked = besieged.ask("GET", "/v1/status", &format!("Host: {host}\r\n{reader}"), "");
        assert_eq!(asked, 421, "{host}");
        // Probes know no names, and learn nothing else.
        let probe = besieged.ask("GET", "/v1/health/live", &format!("Host: {host}\r\n"), "");
        assert_eq!(probe, 200, "{host}");
    }
    let absolute = besieged.ask("GET", "http://evil.example/v1/status", &reader, "");
    assert_eq!(absolute, 421);
    let nameless = besieged.raw(format!("GET /v1/status HTTP/1.1\r\n{reader}\r\n").as_bytes());
    assert_eq!(status(&nameless), Some(421), "{nameless}");
    for host in ["127.0.0.1", "[::1]:1", "LOCALHOST:99", "localhost"] {
        let asked = besieged.ask("GET", "/v1/status", &format!("Host: {host}\r\n{reader}"), "");
        assert_eq!(asked, 200, "{host}");
    }
    besieged.end();
}

#[test]
fn no_page_of_another_site_and_no_form_can_give_an_order() {
    let besieged = Besieged::new();
    let operator = bearer(OPERATOR);
    let order = |headers: &str| besieged.ask("POST", "/v1/drop", headers, BODIES[3]);
    for origin in [
        "http://evil.example",
        "https://localhost.evil.example",
        "null",
        "http://localhost:9",
        "http://127.0.0.1",
        "file://",
        "",
        "x",
        "http://localhost@evil.example",
    ] {
        let headers = format!("{operator}{JSON}Origin: {origin}\r\n");
        assert_eq!(order(&headers), 403, "{origin}");
    }
    for site in ["cross-site", "same-site", "x"] {
        assert_eq!(order(&format!("{operator}{JSON}Sec-Fetch-Site: {site}\r\n")), 403, "{site}");
    }
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "",
        "text/plain; application/json",
        "application/jsonp",
    ] {
        assert_eq!(order(&format!("{operator}Content-Type: {kind}\r\n")), 415, "{kind}");
    }
    assert_eq!(order(&operator), 415);
    besieged.is_unharmed();
    // Its own pages and programs can.
    let hold = |headers: &str, verb: &str| {
        besieged.ask("POST", &format!("/v1/{verb}"), &format!("{operator}{headers}"), BODIES[2])
    };
    let own = format!("{JSON}Origin: http://localhost\r\nSec-Fetch-Site: same-origin\r\n");
    assert_eq!(hold(&own, "hold"), 200);
    assert_eq!(hold("Content-Type: Application/JSON; charset=utf-8\r\n", "resume"), 200);
    assert_eq!(besieged.service.terminate().0, 0);
}

#[test]
fn oversized_and_ambiguous_bodies_are_refused_and_a_connection_is_for_one_request() {
    let besieged = Besieged::new();
    let head = format!("POST /v1/drop HTTP/1.1\r\nHost: localhost\r\n{}{JSON}", bearer(OPERATOR));
    let large = "x".repeat(70_000);
    let chunked =
        format!("{head}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{large}\r\n0\r\n\r\n", 70_000);
    let hidden = "GET /v1/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n";
    for (request, expected) in [
        (format!("{head}Content-Length: 70000\r\n\r\n{large}"), &[413][..]),
        (format!("{head}Content-Length: 99999999999999999999999\r\n\r\n"), &[400]),
        (format!("{head}Content-Length: 9223372036854775807\r\n\r\n"), &[413]),
        (format!("{head}Content-Length: -1\r\n\r\n"), &[400]),
        (format!("{head}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{{}}"), &[400]),
        (chunked, &[413]),
        (format!("{head}Transfer-Encoding: chunked\r\n\r\nzz\r\n"), &[400]),
        (
            format!(
                "{head}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n{hidden}"
            ),
            &[400],
        ),
        (format!("{head}Content-Length: 2\r\n\r\n{{}}{hidden}"), &[400]),
    ] {
        let answer = besieged.raw(request.as_bytes());
        let shown = request.chars().skip(head.len()).take(60).collect::<String>();
        let told = status(&answer).unwrap_or_default();
        assert!(expected.contains(&told), "{shown:?}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{shown:?}: {answer}");
    }
    besieged.end();
}

#[test]
fn who_sends_nothing_or_never_ends_is_cut_off_and_keeps_nobody_out() {
    let besieged = Besieged::new();
    let reader = bearer(READER);
    let head = format!("POST /v1/drop HTTP/1.1\r\nHost: localhost\r\n{}{JSON}", bearer(OPERATOR));
    let beginnings = [
        String::new(),
        "GET /v1/status HT".to_owned(),
        format!("GET /v1/status HTTP/1.1\r\nHost: localhost\r\n{reader}"),
        format!("{head}Content-Length: 30\r\n\r\n{{\"filter\""),
    ];
    // More than there is room for.
    let slow: Vec<TcpStream> = (0..100)
        .map(|n| {
            let mut stream = TcpStream::connect(&besieged.address).unwrap();
            stream.write_all(beginnings[n % 4].as_bytes()).unwrap();
            stream
        })
        .collect();
    let begun = Instant::now();
    // The socket has room of its own.
    besieged.is_unharmed();
    assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
    assert_eq!(besieged.ask("GET", "/v1/status", &reader, ""), 200);
    for mut stream in slow {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut answer = String::new();
        let ended = stream.read_to_string(&mut answer);
        assert!(ended.is_ok() || !answer.is_empty(), "it was cut off: {ended:?}");
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
    }
    besieged.end();
}

#[test]
fn a_token_that_others_can_read_does_not_count_and_the_log_says_so() {
    let mut world = World::new();
    listening(&mut world).0.kill();
    let path = world.data.path().join("operator");
    std::fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    let (service, address) = listening_again(&world);
    let told = service.seen.iter().any(|line| line.contains("chmod 0600"));
    assert!(told, "{:?}", service.seen);
    let besieged = Besieged { world, service, address };
    assert_eq!(besieged.ask("GET", "/v1/status", &bearer(OPERATOR), ""), 401);
    assert_eq!(besieged.ask("GET", "/v1/status", &bearer(READER), ""), 200, "the other one does");
    std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    assert_eq!(besieged.ask("GET", "/v1/status", &bearer(OPERATOR), ""), 200, "at once");
    assert_eq!(besieged.service.terminate().0, 0);
}

#[test]
fn a_named_host_is_answered_to() {
    let mut world = World::new();
    world.env.insert("DROVER__ADMIN__HOSTS".into(), "drover.example.org".into());
    let (service, address) = listening(&mut world);
    let besieged = Besieged { world, service, address };
    let named = "Host: drover.example.org\r\n";
    let ask = |headers: &str| besieged.ask("GET", "/v1/status", headers, "");
    assert_eq!(ask(&format!("{named}{}", bearer(READER))), 200);
    assert_eq!(ask(&format!("Host: other.example.org\r\n{}", bearer(READER))), 421);
    let hold = format!("{named}{}{JSON}Origin: https://drover.example.org\r\n", bearer(OPERATOR));
    assert_eq!(besieged.ask("POST", "/v1/hold", &hold, BODIES[2]), 200);
    let held: Value = get(&besieged.world, "/v1/holds");
    assert_eq!(held["holds"][0]["target"], true);
    assert_eq!(besieged.service.terminate().0, 0);
}
