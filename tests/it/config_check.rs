//! `drover config`: every planted cause is told in words, with its cure and its exit code.

use std::net::TcpListener;

use drover::check::{self, State};
use drover::cli::Exit;
use drover::settings::{Settings, Sources};
use drover::sim::SimOptions;
use serde_json::{Value, json};

use crate::world::{MASTER_PASSWORD, Run, World, context, drover, file};

/// `drover config check` in that world.
fn check_in(world: &World, arguments: &[&str]) -> Run {
    let data = world.data.path().to_str().unwrap();
    let all = [&["config", "check", "--data", data], arguments].concat();
    Run::from(world.command(&all).output().unwrap())
}

/// The line that tells of a check, with its cure if it has one.
fn line<'a>(run: &'a Run, check: &str) -> (&'a str, &'a str) {
    let mut lines = run.stdout.lines();
    let found = lines.by_ref().find(|line| line.get(11..).is_some_and(|l| l.starts_with(check)));
    let found = found.unwrap_or_else(|| panic!("no {check} in {}", run.stdout));
    (found.trim(), lines.next().unwrap_or_default().trim())
}

#[track_caller]
fn assert_failed(run: &Run, check: &str, exit: Exit, told: &str, cure: &str) {
    assert_eq!(run.code, i32::from(exit.code()), "{}", run.stdout);
    let (found, its_cure) = line(run, check);
    assert!(found.starts_with("failed") && found.contains(told), "{found} lacks {told}");
    assert!(its_cure.starts_with("cure: ") && its_cure.contains(cure), "{its_cure} lacks {cure}");
}

#[test]
fn a_system_that_is_as_it_should_be_passes() {
    let world = World::new();
    let run = check_in(&world, &[]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.log);
    for check in [
        "data folder",
        "credentials file",
        "attribute mapping",
        "access profiles",
        "name of OX",
        "connection",
        "HTTP",
        "services",
        "master login",
        "default context",
        "context logins",
        "read",
    ] {
        assert!(line(&run, check).0.starts_with("ok"), "{check}: {}", run.stdout);
    }
    assert!(run.stdout.contains("environment variable OX_SOAP_SERVER"), "{}", run.stdout);
    assert!(!run.stdout.contains(MASTER_PASSWORD) && !run.stdout.contains("ten-secret"));
    let writes = world
        .calls()
        .into_iter()
        .filter(|call| !["exists", "getData", "list"].iter().any(|read| call.ends_with(read)));
    assert_eq!(writes.count(), 0, "{:?}", world.calls());

    let run = check_in(&world, &["--json"]);
    let told: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((&told["ok"], &told["exit"]), (&json!(true), &json!(0)));
    let checks = told["checks"].as_array().unwrap();
    let all_well = |check: &Value| check["state"] == "ok" || check["check"] == "shared accounts";
    assert!(checks.iter().all(all_well), "{told}");
}

/// Services of newer servers are looked for if what they are for is on, and none is needed otherwise.
#[test]
fn what_only_newer_servers_have_is_told_and_fails_nothing() {
    let mut world = World::new();
    let run = check_in(&world, &[]);
    assert_eq!(run.code, 0, "{}", run.stdout);
    let (found, _) = line(&run, "shared accounts");
    assert!(found.starts_with("skipped") && found.contains("8.49"), "{found}");
    assert!(!run.stdout.contains("deputies"), "{}", run.stdout);
    world.env.insert("OX_ENABLE_DEPUTY_PERMISSIONS".to_owned(), "true".to_owned());
    let run = check_in(&world, &[]);
    let (found, cure) = line(&run, "deputies");
    assert_eq!(run.code, 0, "{}", run.stdout);
    assert!(found.starts_with("warning") && cure.contains("open-xchange-deputy"), "{found} {cure}");
    let mut newer = World::with(SimOptions { newer: true, ..SimOptions::univention() });
    newer.env.insert("OX_ENABLE_DEPUTY_PERMISSIONS".to_owned(), "true".to_owned());
    let run = check_in(&newer, &[]);
    for check in ["shared accounts", "deputies"] {
        assert!(line(&run, check).0.starts_with("ok"), "{}", run.stdout);
    }
}

#[test]
fn offline_asks_nobody() {
    let world = World::new();
    let run = check_in(&world, &["--offline"]);
    assert_eq!(run.code, 0, "{}", run.stdout);
    assert!(line(&run, "OX").0.starts_with("skipped"));
    assert_eq!(world.calls(), Vec::<String>::new());
}

#[test]
fn settings_that_cannot_be_used_are_told_with_place_and_cure() {
    let mut world = World::new();
    world.env.insert("OX_IMAP_SERVER".into(), "localhost".into());
    world.env.insert("OX_CONNECTOR_STOP_ON_ERROR".into(), "perhaps".into());
    let run = check_in(&world, &[]);
    assert_eq!(run.code, i32::from(Exit::Settings.code()));
    for part in ["OX_IMAP_SERVER: \"localhost\" is not", "write one such as imap://", "perhaps"] {
        assert!(run.stdout.contains(part), "{}", run.stdout);
    }
    let run = check_in(&world, &["--json"]);
    let told: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(told["problems"].as_array().unwrap().len(), 2, "{told}");
    assert_eq!(world.calls(), Vec::<String>::new());
}

#[test]
fn a_port_that_refuses_and_a_host_that_is_unknown_are_told() {
    let world = World::new();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let data = world.data.path().to_str().unwrap();
    let run = |url: &str| {
        Run::from(drover(url).args(["config", "check", "--data", data]).output().unwrap())
    };
    let refused = run(&format!("http://{closed}"));
    let (told, cure) = ("refuses connections", "start OX there");
    assert_failed(&refused, "connection", Exit::Unreachable, told, cure);
    assert!(refused.stdout.contains("OX is not reached"), "{}", refused.stdout);

    // A name that no DNS may ever know.
    let unknown = run("http://ox.heide.invalid");
    let (told, cure) = ("ox.heide.invalid cannot be looked up", "OX_SOAP_SERVER");
    assert_failed(&unknown, "name of OX", Exit::Unreachable, told, cure);
}

#[tokio::test]
async fn a_bad_certificate_is_told_in_words() {
    let (client, _) = crate::ox_tls::start().await;
    let dir = tempfile::tempdir().unwrap();
    let env = [("OX_SOAP_SERVER".to_owned(), client.base_url.to_string())].into();
    let sources = Sources { file: None, env, data_dir: Some(dir.path().to_owned()) };
    let (settings, _) = Settings::load(&sources).unwrap();
    let findings = check::check(&settings, false).await;
    let found = findings.iter().find(|finding| finding.check == "certificate").unwrap();
    assert_eq!(found.state, State::Failed);
    assert!(found.told.contains("from an authority that is not trusted"), "{}", found.told);
    assert!(found.cure.as_ref().unwrap().contains("REQUESTS_CA_BUNDLE"));
    assert_eq!(check::exit(&findings), Exit::Unreachable);
}

#[tokio::test]
async fn https_where_no_tls_is_spoken_is_told() {
    let world = World::new();
    let url = world.sim.base_url().replace("http://", "https://");
    let env = [("OX_SOAP_SERVER".to_owned(), url)].into();
    let sources = Sources { file: None, env, data_dir: Some(world.data.path().to_owned()) };
    let (settings, _) = Settings::load(&sources).unwrap();
    let findings = check::check(&settings, false).await;
    let found = findings.iter().find(|finding| finding.check == "certificate").unwrap();
    assert!(found.told.contains("speaks no TLS"), "{}", found.told);
}

#[test]
fn a_wrong_master_password_is_told_and_what_then_cannot_be_known() {
    let world = World::new();
    world.write_credentials(&json!({
        "master": {"adminuser": "oxadminmaster", "adminpass": "wrong"},
        "10": {"adminuser": "oxadmin", "adminpass": "wrong-too"},
    }));
    let run = check_in(&world, &[]);
    let (told, cure) = ("OX does not take name or password", "OX_MASTER_PASSWORD");
    assert_failed(&run, "master login", Exit::NotReady, told, cure);
    assert!(line(&run, "default context").0.starts_with("skipped"));
    let (told, cure) = ("context 10 is missing, or its administrator's", "only the master can");
    assert_failed(&run, "context logins", Exit::NotReady, told, cure);
    assert!(!run.stdout.contains("wrong-too"));

    world.write_credentials(&json!({"10": {"adminuser": "oxadmin", "adminpass": "ten-secret"}}));
    let run = check_in(&world, &[]);
    let (told, cure) = ("there is no password for it", "OX_MASTER_PASSWORD");
    assert_failed(&run, "master login", Exit::NotReady, told, cure);
}

#[test]
fn wrong_and_missing_credentials_of_contexts_are_told_apart_from_missing_contexts() {
    let world = World::new();
    world.put(&file(1), &context(20));
    world.provision();
    let mut credentials = world.credentials();
    credentials["10"]["adminpass"] = json!("stale");
    credentials["30"] = json!({"adminuser": "oxadmin-context30", "adminpass": "x"});
    credentials.as_object_mut().unwrap().remove("20");
    world.write_credentials(&credentials);
    let run = check_in(&world, &[]);
    assert_eq!(run.code, i32::from(Exit::NotReady.code()), "{}", run.stdout);
    for told in [
        "OX does not take the administrator's name or password for context 10",
        "has no entry for context 20",
        "OX has no context 30, but it has an entry",
    ] {
        assert!(run.stdout.contains(told), "{} lacks {told}", run.stdout);
    }
    assert!(line(&run, "read").0.starts_with("skipped"));
}

#[test]
fn a_missing_default_context_is_told() {
    let mut world = World::new();
    world.env.insert("DEFAULT_CONTEXT".into(), "11".into());
    let run = check_in(&world, &[]);
    let (told, cure) = ("OX has no context 11", "DEFAULT_CONTEXT");
    assert_failed(&run, "default context", Exit::NotReady, told, cure);
}

#[test]
fn a_missing_service_is_told() {
    let options = SimOptions {
        missing_services: vec!["OXUserCopyService".to_owned()],
        ..SimOptions::univention()
    };
    let world = World::with(options);
    let run = check_in(&world, &[]);
    let (told, cure) = ("OX has no OXUserCopyService", "open-xchange-admin-soap-usercopy");
    assert_failed(&run, "services", Exit::NotReady, told, cure);
    assert!(line(&run, "read").0.starts_with("ok"), "what works is told all the same");
}

#[test]
fn files_that_cannot_be_used_are_told() {
    let world = World::new();
    std::fs::write(world.credentials_path(), "{").unwrap();
    std::fs::write(world.data.path().join("AttributeMapping.json"), "[]").unwrap();
    let run = check_in(&world, &["--offline"]);
    assert_failed(&run, "credentials file", Exit::Settings, "broken JSON", "OX_CREDENTIALS_FILE");
    assert_failed(&run, "attribute mapping", Exit::Settings, "AttributeMapping.json", "built-in");

    let run = world.command(&["config", "check", "--data", "/nowhere", "--offline"]).output();
    let run = Run::from(run.unwrap());
    assert_failed(&run, "data folder", Exit::DataDir, "/nowhere", "DATA_DIR");
}

#[test]
fn show_prints_all_settings_with_secrets_masked_and_their_origin() {
    let mut world = World::new();
    world.env.insert("OX_MASTER_PASSWORD".into(), "topsecret".into());
    std::fs::write(world.data.path().join("drover.toml"), "\n[ledger]\nkeep = 5000\n").unwrap();
    let data = world.data.path().to_str().unwrap();
    let show = |arguments: &[&str]| {
        let all = [&["config", "show", "--data", data], arguments].concat();
        Run::from(world.command(&all).output().unwrap())
    };
    let run = show(&["--origin"]);
    assert_eq!(run.code, 0);
    let line = |start: &str| run.stdout.lines().find(|line| line.starts_with(start)).unwrap();
    assert!(line("ledger.keep = 5000").ends_with("drover.toml, line 3"), "{}", run.stdout);
    assert!(line("ox.master_password = \"***\"").ends_with("OX_MASTER_PASSWORD"));
    assert!(line("logs.level = \"info\"").ends_with("# default"));
    assert!(!run.stdout.contains("topsecret"));
    let plain = show(&[]);
    assert!(plain.stdout.lines().all(|line| line.contains(" = ")), "{}", plain.stdout);
    let explained = show(&["--explain"]);
    assert!(explained.stdout.contains("# Address of OX;"), "{}", explained.stdout);
    let told: Value = serde_json::from_str(&show(&["--json"]).stdout).unwrap();
    assert_eq!(told["settings"]["ledger.keep"]["value"], 5000);
    assert_eq!(told["settings"]["ledger.keep"]["from"], "file");
    assert_eq!(told["settings"]["ledger.keep"]["line"], 3);
}
