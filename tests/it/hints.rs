//! What people are told a fault means: through the real client, the API and the command line.

use std::net::TcpListener;
use std::time::Duration;

use drover::hints::{Language, hint};
use drover::model::ContextId;
use drover::ox::client::Deadlines;
use drover::ox::{ClientSettings, OxApi, OxError, Target};
use drover::provision::Failure;
use drover::sim::SimOptions;
use serde_json::{Value, json};

use crate::admin::{get, serving};
use crate::ox_server::{Act, Server, XML, client, in_time, short_deadlines};
use crate::ox_tls;
use crate::world::{Run, World, context, eventually, file, group, resource, user, with};

/// The hint's code for what a call ended with.
pub fn code(error: &OxError) -> &'static str {
    let failure = Failure::from_ox(error);
    hint(Some(&failure.class), &failure.text, Language::English).code
}

async fn ask(server: &Server, deadlines: Option<Deadlines>) -> &'static str {
    let mut settings = server.settings();
    settings.deadlines = deadlines.unwrap_or(settings.deadlines);
    settings.answer_idle = Duration::from_millis(100);
    let target = Target::Name("anna".into());
    code(&in_time(client(&settings).user_get(ContextId(7), &target)).await.unwrap_err())
}

#[tokio::test]
async fn each_way_in_which_ox_can_be_out_is_told_apart() {
    for (status, expected) in [
        (502, "gateway-bad"),
        (503, "ox-unavailable"),
        (504, "gateway-timeout"),
        (429, "too-many-requests"),
        (404, "service-not-there"),
        (403, "proxy-forbids"),
        (413, "request-too-large"),
        (400, "request-refused-on-the-way"),
        (301, "redirected"),
        (200, "not-ox"),
        (500, "server-error"),
    ] {
        let page = "<html><body>something else</body></html>";
        let server = Server::start(move |_| Act::Answer(status, "text/html", page.into())).await;
        assert_eq!(ask(&server, None).await, expected, "{status}");
    }
    for (act, expected) in [
        (Act::Close, "answer-lost"),
        (Act::Reset, "answer-lost"),
        (Act::Truncate, "answer-lost"),
        (Act::TruncateAndReset, "answer-lost"),
        (Act::Stall, "answer-timeout"),
        (Act::Answer(200, XML, String::new()), "answer-lost"),
        (Act::Answer(200, XML, crate::ox_server::done()), "answer-not-understood"),
    ] {
        let told = format!("{act:?}");
        let server = Server::start(move |_| act.clone()).await;
        assert_eq!(ask(&server, None).await, expected, "{told}");
    }
    let server = Server::start(|_| Act::Hold(String::new())).await;
    assert_eq!(ask(&server, Some(short_deadlines())).await, "answer-timeout");
}

#[tokio::test]
async fn each_reason_for_no_connection_is_told_apart() {
    let ask = async |settings: ClientSettings| {
        let target = Target::Name("anna".into());
        code(&in_time(client(&settings).user_get(ContextId(7), &target)).await.unwrap_err())
    };
    let (settings, _) = ox_tls::start().await;
    assert_eq!(ask(settings).await, "ox-certificate");
    // Plain HTTP where encryption is expected.
    let plain = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = plain.local_addr().unwrap();
    std::thread::spawn(move || {
        use std::io::{Read, Write};
        while let Ok((mut stream, _)) = plain.accept() {
            let _ = stream.read(&mut [0; 64]);
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let mut settings = ClientSettings::new(format!("https://{address}/").parse().unwrap());
    assert_eq!(ask(settings.clone()).await, "ox-tls");
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    settings.base_url = format!("http://{closed}/").parse().unwrap();
    assert_eq!(ask(settings).await, "ox-refuses-connections");
}

fn same_name(name: &str, context: u32) -> Value {
    with(user(name, context), json!({"oxDisplayName": "One Name"}))
}

/// A town in which eight things are wrong, each in a context of its own, with the code for it.
fn troubles() -> (World, Vec<(u32, &'static str)>) {
    let world = World::with(SimOptions { check_group_names: true, ..SimOptions::shipped() });
    let mut items = Vec::new();
    let mut expected = Vec::new();
    for id in 20..28 {
        items.push(context(id));
    }
    items.extend([same_name("anna", 20), same_name("berta", 20)]);
    expected.push((20, "display-name-taken"));
    items.push(with(user("carl", 21), json!({"username": "carl & co"})));
    expected.push((21, "user-name-characters"));
    items.extend([user("dora", 22), group("Köche", &["dora"])]);
    expected.push((22, "group-name-characters"));
    items.push(user("emil", 99));
    expected.push((99, "context-missing"));
    items.push(with(user("frida", 23), json!({"oxAccess": "wbmail"})));
    expected.push((23, "access-profile-unknown"));
    let address = json!({"mailPrimaryAddress": "same@heide.example"});
    items.extend([with(user("gerd", 24), address.clone()), with(user("hugo", 24), address)]);
    expected.push((24, "primary-address-taken"));
    items.push(with(user("ida", 25), json!({"lastname": null})));
    expected.push((25, "user-incomplete"));
    items.push(with(resource("beamer", 26), json!({"resourceMailAddress": null})));
    expected.push((26, "resource-incomplete"));
    items.push(with(user("jan", 27), json!({"mailPrimaryAddress": "jan  jan@heide.example"})));
    expected.push((27, "address-invalid"));
    for (n, item) in (1..).zip(&items) {
        world.put(&file(n), item);
    }
    (world, expected)
}

fn say(world: &World, arguments: &[&str]) -> Run {
    world.ask(arguments[0], &arguments[1..])
}

#[test]
fn what_stands_still_comes_with_its_meaning_and_its_cure_everywhere() {
    let (mut world, expected) = troubles();
    let service = serving(&world);
    eventually("all standstills", || {
        get(&world, "/v1/status")["faulty"] == expected.len()
            && get(&world, "/v1/status")["running"] == 0
    });
    for (id, code) in &expected {
        let place = get(&world, &format!("/v1/contexts/{id}"));
        assert_eq!(place["hint"]["code"], *code, "{place}");
        let item = &place["items"].as_array().unwrap().iter().find(|i| i["fault"].is_string());
        let item = item.unwrap();
        assert_eq!(item["hint"]["code"], *code);
        for key in ["means", "cure"] {
            assert!(item["hint"][key].as_str().unwrap().len() > 20, "{item}");
        }
        let name = item["item"].as_str().unwrap();
        let story = get(&world, &format!("/v1/items/{name}"));
        assert_eq!(story["pending"]["hint"]["code"], *code);
        assert_eq!(story["history"][0]["hint"]["code"], *code);
        let shown = say(&world, &["queue", "show", name]).stdout;
        assert!(shown.contains(code) && shown.contains("what to do"), "{shown}");
        let explained = say(&world, &["explain", name]).stdout;
        assert!(explained.contains(&format!("{code}: ")), "{explained}");
    }
    let status = get(&world, "/v1/status");
    assert_eq!((&status["outage"], &status["outage_hint"]), (&Value::Null, &Value::Null));
    let list = say(&world, &["queue", "list", "--state", "faulty"]).stdout;
    let contexts = say(&world, &["context", "list", "--state", "stopped"]).stdout;
    let status = say(&world, &["status"]).stdout;
    for (_, code) in &expected {
        for told in [&list, &contexts, &status] {
            assert!(
                told.contains(&format!("{code} (1): ")) || told.contains(&format!("{code}: ")),
                "{told}"
            );
        }
    }
    let health = say(&world, &["health"]).stdout;
    assert!(expected.iter().any(|(_, code)| health.contains(code)), "{health}");

    // German, where it is wanted.
    let cure = "neu starten; das behebt alle solchen Fälle zugleich";
    world.env.insert("LC_ALL".into(), "de_DE.UTF-8".into());
    let list = say(&world, &["queue", "list", "--state", "faulty"]).stdout;
    assert!(list.contains(cure), "{list}");
    assert!(say(&world, &["status"]).stdout.contains(cure));
    let told = say(&world, &["status", "--json", "--language", "en"]).stdout;
    assert!(!told.contains(cure) && told.contains("enforceUniqueDisplayName=false"), "{told}");
    let german = over_http(&world, "/v1/contexts/20", "de-AT,en;q=0.5");
    assert!(german["hint"]["cure"].as_str().unwrap().contains(cure), "{german}");
    let english = over_http(&world, "/v1/contexts/20", "en,de;q=0.5");
    assert!(!english["hint"]["cure"].as_str().unwrap().contains(cure), "{english}");
    assert_eq!(service.terminate().0, 0);
}

#[test]
fn an_outage_is_told_with_what_to_do() {
    let mut world = World::new();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    world.env.insert("OX_SOAP_SERVER".into(), format!("http://{closed}"));
    world.put(&file(1), &user("anna", 10));
    let service = serving(&world);
    eventually("the outage", || get(&world, "/v1/status")["outage"].is_string());
    let status = get(&world, "/v1/status");
    assert_eq!(status["outage_hint"]["code"], "ox-refuses-connections");
    service.terminate();
}

/// An answer to somebody who wants that language.
fn over_http(world: &World, path: &str, language: &str) -> Value {
    use std::io::{Read, Write};
    let mut stream = std::os::unix::net::UnixStream::connect(crate::admin::socket(world)).unwrap();
    let head = format!("GET {path} HTTP/1.1\r\nHost: x\r\nAccept-Language: {language}\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}
