//! A thousand secrets and personal strings are planted, and none of them may turn up where it must not.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

use drover::admin::client::Client;
use drover::model::Secret;
use drover::sim::{Effect, Rule, SimOptions};
use serde_json::{Value, json};

use crate::admin::{client, get, post};
use crate::world::{World, context, eventually, file, group, item};

const READER: &str = "plantreader-0123456789";
const OPERATOR: &str = "plantoperator-0123456789";

/// Makes up strings that occur nowhere else.
#[derive(Default)]
struct Planter {
    strings: Vec<String>,
}

impl Planter {
    fn one(&mut self, what: &str) -> String {
        let text = format!("Plant{:04}{what}", self.strings.len());
        self.strings.push(text.clone());
        text
    }
}

/// A user of whom everything is planted, in a context.
fn planted(planter: &mut Planter, n: usize, context: u32) -> Value {
    let mut p = |what| planter.one(what);
    let username = p("user").to_lowercase();
    let mut object = json!({
        "username": username, "firstname": p("First"), "lastname": p("Last"),
        "oxDisplayName": p("Display"), "mailPrimaryAddress": format!("{}@heide.example", p("mail")),
        "mailAlternativeAddress": [format!("{}@heide.example", p("alias"))],
        "isOxUser": "OK", "oxAccess": "webmail", "oxContext": context.to_string(),
        "password": p("Password"), "userPassword": p("Hash"), "phone": [p("Phone")],
        "street": p("Street"), "city": p("City"), "description": p("Description"),
        "birthday": p("1990"), "title": p("Title"), "mobileTelephoneNumber": [p("Mobile")],
        "employeeNumber": p("Number"), "departmentNumber": [p("Department")],
    });
    object["username"] = username.clone().into();
    item(
        "users/user",
        &format!("id-{n}"),
        &format!("uid={username},cn=users,dc=heide,dc=example"),
        object,
    )
}

#[test]
fn no_planted_string_turns_up_in_log_api_metrics_or_status() {
    let mut planter = Planter::default();
    let mut world = World::with(SimOptions { check_group_names: true, ..SimOptions::shipped() });
    let master = crate::world::MASTER_PASSWORD.to_owned();
    planter.strings.extend([master.clone(), READER.to_owned(), OPERATOR.to_owned()]);
    let wrong = planter.one("WrongPassword");
    world.write_credentials(&json!({
        "master": {"adminuser": "oxadminmaster", "adminpass": master},
        "10": {"adminuser": "oxadmin", "adminpass": "ten-secret"},
        "30": {"adminuser": "oxadmin", "adminpass": wrong},
    }));
    planter.strings.push("ten-secret".to_owned());
    for (name, token) in [("reader", READER), ("operator", OPERATOR)] {
        let path = world.data.path().join(name);
        std::fs::write(&path, token).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    }
    let path = |name: &str| world.data.path().join(name).display().to_string();
    let (reader, operator) = (path("reader"), path("operator"));
    for (name, value) in [
        ("DROVER__ADMIN__LISTEN", "127.0.0.1:0"),
        ("DROVER__ADMIN__READ_TOKEN_FILE", reader.as_str()),
        ("DROVER__ADMIN__TOKEN_FILE", operator.as_str()),
        ("DROVER__NOTIFY__COMMAND", "false"),
        ("DROVER__NOTIFY__AFTER_S", "0"),
    ] {
        world.env.insert(name.into(), value.into());
    }

    let mut items = Vec::new();
    for id in 20..32 {
        items.push(context(id));
    }
    // Half of them are fine; in the other contexts each in another way is not.
    for n in 0..63 {
        let context = 20 + u32::try_from(n % 9).unwrap();
        let mut user = planted(&mut planter, n, context);
        let first = n / 9 == 0;
        let object = &mut user["object"];
        match context {
            21 => object["mailPrimaryAddress"] = "plantsame@heide.example".into(),
            22 => object["oxDisplayName"] = "PlantSame Display".into(),
            23 if !first => {
                object["username"] =
                    format!("{} & co", object["username"].as_str().unwrap()).into();
            }
            24 if !first => object["oxAccess"] = "nosuchprofile".into(),
            25 if !first => {
                let address = format!("{} {}@heide.example", planter.one("a"), planter.one("b"));
                object["mailPrimaryAddress"] = address.into();
            }
            26 if !first => object["birthday"] = json!({"x": planter.one("Deep")}),
            27 if !first => object["lastname"] = Value::Null,
            _ => {}
        }
        items.push(user);
    }
    planter.strings.extend(["plantsame".to_owned(), "PlantSame".to_owned()]);
    // A context whose key is wrong, one that is not there, a broken file, a wrong field.
    items.push(planted(&mut planter, 70, 30));
    items.push(planted(&mut planter, 71, 99));
    items.push(group("Köche", &["nobody"]));
    let mut odd = planted(&mut planter, 72, 20);
    odd["object"]["oxContext"] = json!([planter.one("List")]);
    items.push(odd);
    for (n, item) in (1..).zip(&items) {
        world.put(&file(n), item);
    }
    let broken =
        format!("{{\"id\": \"x\", \"{}\": \"{}\" oops", planter.one("Key"), planter.one("Value"));
    world.put_bytes(&file(500), broken.as_bytes());
    // OX quotes what it was sent.
    for (service, text) in [
        (
            "OXUserService",
            format!(
                "FLD-0075 Categories=PERMISSION_DENIED Message='An infostore folder named \"{}\" already exists below folder userstore (10) in context 28. Please choose another display name.' exceptionID=1-2",
                planter.one("Folder")
            ),
        ),
        (
            "OXUserService",
            format!(
                "java.sql.SQLIntegrityConstraintViolationException: Duplicate entry '28-8-{}@heide.example' for key 'PRIMARY'",
                planter.one("Entry")
            ),
        ),
        ("OXUserService", format!("User {} already exists in this context", planter.one("Name"))),
    ] {
        let fault = Effect::Fault { class: "StorageException".into(), text };
        world
            .sim
            .script(Rule::new(fault).on(service, "createByModuleAccess").in_context(28).times(2));
    }
    assert!(planter.strings.len() >= 1000, "{} strings", planter.strings.len());

    let mut service = world.serve();
    let line = service.wait_for_log(&["operators with a token are answered"]);
    let at = line.find("127.0.0.1:").unwrap();
    let address: String =
        line[at..].chars().take_while(|c| c.is_ascii_digit() || ".:".contains(*c)).collect();
    service.wait_for_log(&["has started"]);
    eventually("the standstills", || {
        let status = get(&world, "/v1/status");
        status["faulty"].as_u64().unwrap() >= 10 && status["running"] == 0
    });
    // What is set aside has its fault as a note.
    post(
        &world,
        "/v1/park",
        json!({"filter": {"context": 21, "state": "faulty"}, "note": "later"}),
    );

    let mut seen = String::new();
    let reading = Client::Address {
        url: format!("http://{address}").parse().unwrap(),
        token: Some(Secret::new(READER)),
    };
    let mut read = |path: &str| {
        let answer = reading.get(path, &[]).unwrap_or_else(|error| panic!("{path}: {error}"));
        let _ = writeln!(seen, "{path}: {answer}");
        answer
    };
    for path in ["/v1", "/v1/status", "/v1/contexts?limit=1000", "/v1/holds", "/v1/cache"] {
        read(path);
    }
    for id in 20..32 {
        read(&format!("/v1/contexts/{id}"));
    }
    let all = read("/v1/items?limit=1000");
    let names: BTreeSet<String> = all["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|i| i["item"].as_str().unwrap().into())
        .collect();
    assert!(names.len() > 20, "{names:?}");
    for name in &names {
        read(&format!("/v1/items/{name}"));
    }
    // They are there to be found: who may see everything is told some of them.
    let whole = client(&world).get("/v1/items", &[("limit", Some("1000".into()))]).unwrap();
    let whole = whole.to_string().to_lowercase();
    let quoted = planter.strings.iter().filter(|planted| whole.contains(&planted.to_lowercase()));
    assert!(quoted.count() >= 3, "{whole}");
    for arguments in [&["status"][..], &["status", "--json"], &["health"], &["health", "--offline"]]
    {
        let run = world.ask(arguments[0], &arguments[1..]);
        seen.push_str(&run.stdout);
        seen.push_str(&run.log);
    }
    let metrics = {
        use std::io::{Read as _, Write as _};
        let mut stream = std::net::TcpStream::connect(&address).unwrap();
        let head = format!(
            "GET /metrics HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {READER}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    assert!(metrics.contains("drover_calls_total"), "{metrics}");
    seen.push_str(&metrics);
    // Whatever was logged until the end.
    seen.push_str(&service.end().join("\n"));
    let lower = seen.to_lowercase();
    let leaks: Vec<String> = planter
        .strings
        .iter()
        .filter_map(|planted| {
            let at = lower.find(&planted.to_lowercase())?;
            let around: String = lower[at..].chars().take(80).collect();
            let before: String = lower[..at].chars().rev().take(200).collect();
            let before: String = before.chars().rev().collect();
            Some(format!("{planted}: …{before}{around}…"))
        })
        .collect();
    assert!(leaks.is_empty(), "{} leaks: {leaks:#?}", leaks.len());
}
