//! Whom drover trusts, whom it acts as, and what it keeps to itself (SEC-01..04, SEC-06..08, SEC-10,
//! OBS-01, OBS-02, OBS-09).

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use drover::sim::{Effect, Rule};
use serde_json::{Value, json};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::world::{
    MASTER_PASSWORD, World, account, context, eventually, everything_below, file, group, resource,
    user, with,
};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls").join(name)
}

/// An address with TLS before a simulator, and how many connections came through.
struct TlsFront {
    url: String,
    through: Arc<AtomicU64>,
    /// It ends with this.
    _open: tokio::sync::oneshot::Sender<()>,
}

fn tls_before(sim: SocketAddr) -> TlsFront {
    let chain = CertificateDer::pem_file_iter(fixture("server.pem"))
        .unwrap()
        .collect::<Result<Vec<_>, _>>()
        .unwrap();
    let key = PrivateKeyDer::from_pem_file(fixture("server.key")).unwrap();
    let config =
        ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let through = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&through);
    let (open, mut closed) = tokio::sync::oneshot::channel();
    let serve = async move {
        loop {
            let (stream, _) = tokio::select! {
                accepted = listener.accept() => accepted.unwrap(),
                _ = &mut closed => break,
            };
            let (acceptor, count) = (acceptor.clone(), Arc::clone(&count));
            tokio::spawn(async move {
                let Ok(mut inner) = acceptor.accept(stream).await else { return };
                count.fetch_add(1, Ordering::SeqCst);
                let mut outer = tokio::net::TcpStream::connect(sim).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut inner, &mut outer).await;
            });
        }
    };
    std::thread::spawn(move || runtime.block_on(serve));
    TlsFront { url, through, _open: open }
}

/// SEC-01, SEC-02: an authority of one's own; everything goes to the address in the settings,
/// whatever address OX's own description tells.
#[test]
fn an_authority_of_ones_own_is_trusted_when_named() {
    let ca = fixture("ca.pem").to_str().unwrap().to_owned();
    for variable in ["REQUESTS_CA_BUNDLE", "DROVER__OX__CA_FILE"] {
        let mut world = World::new();
        let front = tls_before(world.sim.addr());
        world.env.insert("OX_SOAP_SERVER".into(), front.url.clone());
        world.env.insert(variable.into(), ca.clone());
        world.put(&file(1), &user("anna", 10));
        world.put(&file(2), &context(20));
        world.put(&file(3), &user("bert", 20));
        let run = world.provision();
        assert_eq!(world.users(10), ["anna"]);
        assert_eq!(world.users(20), ["bert"]);
        assert_eq!(world.sim.stats().connections, front.through.load(Ordering::SeqCst));
        assert!(!run.log.contains("certificates are not checked"), "{}", run.log);
    }
}

/// SEC-01: an unknown authority sees no request, and the reason is told.
#[test]
fn an_unknown_authority_is_an_outage_with_a_clear_reason() {
    let mut world = World::new();
    let front = tls_before(world.sim.addr());
    world.env.insert("OX_SOAP_SERVER".into(), front.url);
    world.env.insert("DROVER__RETRY__ONCE_OUTAGE_S".into(), "0.2".into());
    world.put(&file(1), &user("anna", 10));
    let run = world.run_once();
    assert_eq!(run.code, 4, "{run:?}");
    assert!(run.stdout.contains("certificate"), "{}", run.stdout);
    assert!(run.stdout.contains("UnknownIssuer"), "{}", run.stdout);
    assert_eq!(world.queue(), [file(1)]);
    assert_eq!(world.calls(), [] as [&str; 0]);
    assert_eq!(world.sim.stats().connections, 0);
}

/// SEC-01: no check of certificates without a line that says so.
#[test]
fn unchecked_certificates_are_warned_of_at_every_start() {
    let mut world = World::new();
    let front = tls_before(world.sim.addr());
    world.env.insert("OX_SOAP_SERVER".into(), front.url);
    world.env.insert("DROVER__OX__INSECURE".into(), "true".into());
    world.put(&file(1), &user("anna", 10));
    for _ in 0..2 {
        let run = world.provision();
        let warned = |line: &str| line.contains("WARN") && line.contains("not checked");
        assert!(run.log.lines().any(warned), "{}", run.log);
    }
    assert_eq!(world.users(10), ["anna"]);
}

/// SEC-03: contexts that somebody else manages need no master.
#[test]
fn users_and_groups_need_no_master() {
    let world = World::new();
    world.write_credentials(&json!({"10": {"adminuser": "oxadmin", "adminpass": "ten-secret"}}));
    world.put(&file(1), &user("anna", 10));
    world.put(&file(2), &group("team", &["anna"]));
    world.put(&file(3), &account("office", &["anna"]));
    world.put(&file(4), &resource("room", 10));
    world.put(&file(5), &with(user("anna", 10), json!({"lastname": "Neu"})));
    world.provision();
    assert_eq!(world.users(10), ["anna"]);
    // What does need him stands still alone, and says what is missing.
    world.put(&file(6), &context(20));
    world.put(&file(7), &user("bert", 10));
    let run = world.run_once();
    assert_eq!(run.code, 3, "{run:?}");
    assert!(run.stdout.contains("Add \"master\""), "{}", run.stdout);
    assert_eq!(world.queue(), [file(6)]);
    assert_eq!(world.users(10), ["anna", "bert"]);
    assert!(world.context(20).is_null());
    // Once he is there, it goes on by itself.
    let service = world.serve();
    world.write_credentials(&json!({
        "10": {"adminuser": "oxadmin", "adminpass": "ten-secret"},
        "master": {"adminuser": "oxadminmaster", "adminpass": MASTER_PASSWORD},
    }));
    eventually("the context", || world.queue().is_empty());
    assert!(world.context(20).is_object());
    drop(service);
}

/// SEC-10: everyday calls are made as the context's administrator: the master's key is wrong here.
#[test]
fn everyday_calls_are_made_as_the_contexts_administrator() {
    let world = World::new();
    world.put(&file(1), &context(20));
    world.provision();
    let mut keys = world.credentials();
    keys["master"]["adminpass"] = json!("wrong");
    world.write_credentials(&keys);
    for id in [10, 20] {
        let name = format!("anna{id}");
        world.put(&file(id * 10), &user(&name, id));
        world.put(&file(id * 10 + 1), &with(user(&name, id), json!({"lastname": "Neu"})));
        world.put(&file(id * 10 + 2), &group(&format!("team{id}"), &[&name]));
        world.put(&file(id * 10 + 3), &resource(&format!("room{id}"), id));
    }
    world.put(&file(500), &account("office", &["anna10", "anna20"]));
    world.provision();
    let faults: Vec<_> =
        world.sim.log().into_iter().filter(|call| call.fault_class.is_some()).collect();
    assert!(faults.is_empty(), "{faults:?}");
    // And the master's are not made with another's key.
    world.put(&file(600), &context(30));
    let run = world.run_once();
    assert_eq!(run.code, 3, "{run:?}");
    assert!(run.stdout.contains("InvalidCredentials") || run.stdout.contains("Authentication"));
}

/// The properties of a person with something secret or private in every one.
fn private_person() -> Value {
    with(
        user("geheimlogin", 10),
        json!({
            "firstname": "Geheimvorname", "lastname": "Geheimnachname",
            "oxDisplayName": "Geheim Anzeige", "mailPrimaryAddress": "geheimpost@heide.example",
            "mailAlternativeAddress": ["geheimalias@heide.example"],
            "phone": ["+49 5191 777123"], "oxMobileBusiness": "+49 170 888456",
            "oxBirthday": "1971-11-23", "birthday": "1971-11-23",
            "oxNote": "Geheimnotiz", "city": "Geheimstadt",
            "password": "{crypt}$6$geheimsalz$geheimhash",
            "userPassword": ["{crypt}$6$geheimsalz$geheimhash"],
        }),
    )
}

const SECRETS: [&str; 4] = ["ten-secret", "env-master-secret", "geheimsalz", "geheimhash"];

const PRIVATE: [&str; 10] = [
    "Geheimvorname",
    "Geheimnachname",
    "Geheim Anzeige",
    "geheimpost",
    "geheimalias",
    "777123",
    "888456",
    "1971-11-23",
    "Geheimnotiz",
    "Geheimstadt",
];

/// Everything that a person can undergo, faults and repeats and a crash of the network included.
fn private_life(level: Option<&str>, filter: Option<&str>) -> (World, String, String) {
    let mut world = World::with(drover::sim::SimOptions::univention());
    world.env.insert("OX_MASTER_PASSWORD".into(), "env-master-secret".into());
    if let Some(level) = level {
        world.env.insert("OX_CONNECTOR_LOG_LEVEL".into(), level.into());
    }
    if let Some(filter) = filter {
        world.env.insert("DROVER_LOG".into(), filter.into());
    }
    // What the variable says wins over the file, and is wrong: credentials are refused, too.
    world.put(&file(1), &context(20));
    let refused = world.run_once();
    assert_eq!(refused.code, 3, "{refused:?}");
    world.env.remove("OX_MASTER_PASSWORD");
    let key = "master_password = \"${env:PLANTED}\"\n";
    fs::write(world.data.path().join("drover.toml"), format!("[ox]\n{key}")).unwrap();
    world.env.insert("PLANTED".into(), MASTER_PASSWORD.into());
    let mut log = refused.log + &refused.stdout;
    let mut step = |world: &World, n: u32, item: &Value| {
        world.put(&file(n), item);
        let run = world.run_once();
        log.push_str(&run.log);
        log.push_str(&run.stdout);
        run.code
    };
    assert_eq!(step(&world, 2, &private_person()), 0);
    world.sim.script(Rule::new(Effect::ApplyThenDrop).on("User", "change").times(1));
    let changed = with(private_person(), json!({"oxNote": "Geheimnotiz zwei"}));
    assert_eq!(step(&world, 3, &changed), 0);
    assert_eq!(step(&world, 4, &group("team", &["geheimlogin"])), 0);
    assert_eq!(step(&world, 5, &account("office", &["geheimlogin"])), 0);
    let moved = with(changed, json!({"oxContext": "20"}));
    assert_eq!(step(&world, 6, &moved), 0);
    // drover does not know him, OX does: he is taken over.
    let mut again = moved.clone();
    again["id"] = json!("another-id");
    assert_eq!(step(&world, 7, &crate::world::gone(moved.clone())), 0);
    assert_eq!(step(&world, 8, &again), 0);
    // A file that cannot be read.
    world.put_bytes(&file(9), &again.to_string().as_bytes()[..500]);
    let run = world.run_once();
    assert_eq!(run.code, 3);
    fs::remove_file(world.queue_dir().join(file(9))).unwrap();
    let log = log + &run.log + &run.stdout;
    let stored = everything_below(&world.data.path().join("drover.db"));
    let mut state = String::from_utf8_lossy(&stored).into_owned();
    for beside in ["drover.db-wal", "drover.db-shm", "drover.lock"] {
        let path = world.data.path().join(beside);
        if path.exists() {
            state.push_str(&String::from_utf8_lossy(&everything_below(&path)));
        }
    }
    (world, log, state)
}

/// The secrets of this world, generated ones included.
fn secrets(world: &World) -> BTreeSet<String> {
    let keys = world.credentials();
    let generated = keys["20"]["adminpass"].as_str().unwrap().to_owned();
    assert!(generated.len() > 20);
    let planted = SECRETS.iter().copied().chain([MASTER_PASSWORD]);
    planted.map(str::to_owned).chain([generated]).collect()
}

/// SEC-08: at the usual level neither secrets nor what is known of people.
#[test]
fn the_log_tells_neither_secrets_nor_of_people() {
    let (world, log, _) = private_life(None, None);
    assert!(log.contains("\"INFO\"") && log.contains(&file(9)), "{log}");
    for secret in secrets(&world) {
        assert!(!log.contains(&secret), "{secret} is in the log");
    }
    for private in PRIVATE {
        assert!(!log.contains(private), "{private} is in the log");
    }
}

/// SEC-08: whatever the level, of drover and of the libraries, no secrets.
#[test]
fn no_level_of_logging_tells_a_secret() {
    let levels = [(Some("DEBUG"), None), (None, Some("drover=trace")), (None, Some("trace"))];
    std::thread::scope(|threads| {
        for (level, filter) in levels {
            threads.spawn(move || {
                let (world, log, _) = private_life(level, filter);
                assert!(log.contains("call ended"), "the level has an effect");
                for secret in secrets(&world) {
                    assert!(
                        !log.contains(&secret),
                        "{secret} is in the log at {level:?} {filter:?}"
                    );
                }
            });
        }
    });
}

/// SEC-08: what drover remembers holds no secret either.
///
/// Rules: D50
#[test]
fn the_state_holds_no_secrets() {
    let (world, _, state) = private_life(None, None);
    assert!(state.contains("geheimlogin"), "it was looked into");
    for secret in secrets(&world) {
        assert!(!state.contains(&secret), "{secret} is in the state");
    }
}

/// SEC-04, SEC-06: files with secrets and people in them are for their owner.
///
/// Rules: D42, D50
#[test]
fn files_that_hold_something_are_for_their_owner_only() {
    let world = World::new();
    fs::set_permissions(world.credentials_path(), fs::Permissions::from_mode(0o644)).unwrap();
    world.put(&file(1), &context(20));
    let mut service = world.serve();
    service.wait_for_log(&["the queue was read"]);
    eventually("context 20", || world.queue().is_empty());
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&world.credentials_path()), 0o600);
    let mut seen = 0;
    for entry in fs::read_dir(world.data.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_str().unwrap().starts_with("drover.db") {
            assert_eq!(mode(&path), 0o600, "{}", path.display());
            seen += 1;
        }
    }
    assert!(seen >= 2, "the database and what is beside it while it is open");
}

/// SEC-07: every context has a password of its own, with all classes of characters.
///
/// Rules: D49
#[test]
fn generated_passwords_differ_and_are_strong() {
    let world = World::new();
    for id in 20..40 {
        world.put(&file(id), &context(id));
    }
    world.provision();
    let keys = world.credentials();
    let passwords: BTreeSet<&str> =
        (20..40).map(|id| keys[id.to_string()]["adminpass"].as_str().unwrap()).collect();
    assert_eq!(passwords.len(), 20);
    for password in passwords {
        assert!(password.len() >= 32);
        for class in [char::is_uppercase, char::is_lowercase, char::is_numeric] {
            assert!(password.chars().any(class));
        }
    }
}

/// OBS-01, OBS-02, OBS-09: lines for machines, with the same names for the same things.
#[test]
fn every_line_is_json_and_names_what_it_is_about() {
    let mut world = World::new();
    world.env.insert("OX_CONNECTOR_LOG_LEVEL".into(), "DEBUG".into());
    let fault = Effect::Fault { class: "InvalidDataException".into(), text: "Not him".into() };
    world.sim.script(Rule::new(fault).on("User", "createByModuleAccess").named("anna"));
    world.put(&file(1), &user("anna", 10));
    world.put(&file(2), &user("bert", 10));
    let run = world.run_once();
    assert_eq!(run.code, 3);
    let lines: Vec<Value> =
        run.log.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    for line in &lines {
        for field in ["timestamp", "level", "message", "target"] {
            assert!(line[field].is_string(), "{field} in {line}");
        }
    }
    let faulty: Vec<&Value> = lines.iter().filter(|line| line["level"] == "ERROR").collect();
    assert_eq!(faulty.len(), 3, "{faulty:?}");
    for (n, line) in (1..).zip(faulty) {
        assert_eq!(line["item.name"], file(1), "{line}");
        assert_eq!(line["attempt"], n, "{line}");
        assert_eq!(line["context.id"], 10, "{line}");
        assert_eq!(line["object.id"], "user-anna", "{line}");
        assert_eq!(line["object.kind"], "user", "{line}");
        assert_eq!(line["fault.class"], "InvalidDataException", "{line}");
        assert_eq!(line["waiting"], 1, "{line}");
        // What the administrator of OX searches in his own log.
        let id = line["exception.id"].as_str().unwrap();
        assert!(id.contains('-') && line["fault"].as_str().unwrap().contains("Not him"), "{line}");
    }
    let call = lines.iter().find(|line| line["message"] == "call ended").unwrap();
    assert_eq!(call["span"]["ox.operation"], "OXUserService.createByModuleAccess", "{call}");
    assert_eq!(call["span"]["context.id"], 10, "{call}");
    assert!(call["took_ms"].is_number(), "{call}");
    assert_eq!(call["spans"][0]["item.name"], file(1), "{call}");
    assert_eq!(call["spans"][0]["attempt"], 1, "{call}");
    assert_eq!(call["spans"][0]["lane"], "context 10", "{call}");
}

#[test]
fn the_log_of_a_fault_does_not_tell_whose_address_it_is_about() {
    let world = World::new();
    world.put(&file(1), &user("anna", 10));
    // OX quotes the address that is taken.
    let twin = with(user("bert", 10), json!({"mailPrimaryAddress": "anna@heide.example"}));
    world.put(&file(2), &twin);
    let run = world.run_once();
    assert_eq!(run.code, 3);
    assert!(run.log.contains("…@heide.example"), "{}", run.log);
    assert!(!run.log.contains("anna@"), "{}", run.log);
    assert!(run.stdout.contains("anna@heide.example"), "who asked is told: {}", run.stdout);
}
