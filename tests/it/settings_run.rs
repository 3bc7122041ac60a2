//! Settings as they take effect, and exit codes as scripts see them (MAP-09, DEP-14).

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::world::{MASTER_PASSWORD, Run, World, account, context, file, group, user, with};

/// drover with these variables and arguments, and nothing else of ours.
fn drover(arguments: &[&str], variables: &[(&str, &str)]) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_drover"));
    let variables = variables.iter().copied();
    Run::from(command.env_clear().envs(variables).args(arguments).output().unwrap())
}

/// The variables of the connector's container, and no settings file.
fn connectors_variables(world: &World) -> Vec<(&'static str, String)> {
    vec![
        ("DATA_DIR", world.data.path().to_str().unwrap().to_owned()),
        ("OX_CREDENTIALS_FILE", world.data.path().join("keys.json").to_str().unwrap().to_owned()),
        ("OX_SOAP_SERVER", world.sim.base_url()),
        ("OX_MASTER_ADMIN", "oxadminmaster".to_owned()),
        ("OX_MASTER_PASSWORD", MASTER_PASSWORD.to_owned()),
        ("DEFAULT_CONTEXT", "30".to_owned()),
        ("DOMAINNAME", "hof.example".to_owned()),
        ("OX_IMAP_SERVER", "imaps://imap.hof.example:993".to_owned()),
        ("OX_SMTP_SERVER", "smtps://smtp.hof.example:465".to_owned()),
        ("OX_IMAP_LOGIN", "{}*master".to_owned()),
        ("OX_LANGUAGE", "fr_FR".to_owned()),
        ("LOCAL_TIMEZONE", "Europe/Paris".to_owned()),
        ("OX_USER_IDENTIFIER", "employeeNumber".to_owned()),
        ("OX_GROUP_IDENTIFIER", "description".to_owned()),
        ("OX_FUNCTIONAL_ACCOUNT_LOGIN_TEMPLATE", "{{fa_email_address}}/{{username}}".to_owned()),
        ("OX_CONNECTOR_LOG_LEVEL", "WARNING".to_owned()),
    ]
}

fn borrowed<'a>(variables: &'a [(&'static str, String)]) -> Vec<(&'a str, &'a str)> {
    variables.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

/// Two contexts, a person, her group and her account.
fn put_load(world: &World) {
    world.put(&file(1), &context(30));
    world.put(&file(2), &context(31));
    world.put(&file(3), &with(user("anna", 30), json!({"employeeNumber": "e-4711"})));
    world.put(&file(4), &with(group("team", &["anna"]), json!({"description": "the-team"})));
    world.put(&file(5), &account("office", &["anna"]));
}

fn state_of(world: &World, context: u32) -> Value {
    world.sim.state()["contexts"][context.to_string()].clone()
}

#[test]
fn the_connectors_variables_are_all_it_takes() {
    let world = World::new();
    put_load(&world);
    let run = drover(&["run", "--once"], &borrowed(&connectors_variables(&world)));
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(run.log, "", "at this level there is nothing to say");
    let (default, other) = (state_of(&world, 30), state_of(&world, 31));
    assert_eq!(default["admin"], "oxadmin");
    assert_eq!(other["admin"], "oxadmin-context31");
    let admin = &other["users"]["oxadmin-context31"]["fields"];
    assert_eq!(admin["primaryEmail"], "oxadmin-context31@hof.example");
    let anna = &default["users"]["e-4711"];
    assert_eq!(anna["imap"], "imaps://imap.hof.example:993");
    assert_eq!(anna["smtp"], "smtps://smtp.hof.example:465");
    assert_eq!(anna["fields"]["imapLogin"], "anna@heide.example*master");
    assert_eq!(anna["fields"]["language"], "fr_FR");
    assert_eq!(anna["fields"]["timezone"], "Europe/Paris");
    assert_eq!(default["groups"]["the-team"]["members"], json!(["e-4711"]));
    let accounts = anna["accounts"].as_array().unwrap();
    assert!(
        accounts.iter().any(|account| account["login"] == "office@heide.example/anna"),
        "{accounts:?}"
    );
    let keys: Value =
        serde_json::from_slice(&fs::read(world.data.path().join("keys.json")).unwrap()).unwrap();
    assert!(keys["30"]["adminpass"].is_string() && keys["31"]["adminpass"].is_string());
}

/// From weak to strong: built in, file, the connector's variables, drover's own, arguments.
#[test]
fn drovers_variables_beat_the_connectors_and_those_the_file() {
    let world = World::new();
    put_load(&world);
    let elsewhere = tempfile::tempdir().unwrap();
    fs::write(
        world.data.path().join("drover.toml"),
        "[mapping]\nlanguage = \"it_IT\"\ntimezone = \"Europe/Rome\"\nlogin_mappings = \"x-{id}\"\n",
    )
    .unwrap();
    let mut variables = connectors_variables(&world);
    variables.retain(|(name, _)| *name != "LOCAL_TIMEZONE" && *name != "DATA_DIR");
    variables.push(("DROVER__MAPPING__LANGUAGE", "en_GB".to_owned()));
    variables.push(("DROVER__OX__DEFAULT_CONTEXT", "31".to_owned()));
    variables.push(("DATA_DIR", elsewhere.path().to_str().unwrap().to_owned()));
    let data = world.data.path().to_str().unwrap();
    let run = drover(&["run", "--once", "--data", data], &borrowed(&variables));
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0, "the argument beats DATA_DIR");
    let (thirty, default) = (state_of(&world, 30), state_of(&world, 31));
    assert_eq!(default["admin"], "oxadmin");
    let anna = &thirty["users"]["e-4711"]["fields"];
    assert_eq!(anna["language"], "en_GB", "drover's own beats the connector's and the file");
    assert_eq!(anna["timezone"], "Europe/Rome", "the file beats what is built in");
    assert!(thirty["loginMappings"].as_array().unwrap().contains(&json!("x-30")), "{thirty}");
}

#[test]
fn bad_values_are_told_with_place_and_cure_before_anything_is_done() {
    let cases = [
        ("OX_SOAP_SERVER", "ftp://ox.example", "write an address such as https://ox.example.org"),
        ("OX_IMAP_SERVER", "localhost", "write one such as imap://mail.example.org:143"),
        ("DEFAULT_CONTEXT", "ten", "write such a number"),
        ("DROVER__LIMITS__MAX_IN_FLIGHT", "0", "write such a number"),
        ("DROVER__OX__READ_DEADLINE_S", "30s", "write seconds without a unit, such as 0.5 or 30"),
        ("DROVER__RETRY__FAULTY_MAX_S", "0.001", "raise it, or lower the other"),
        ("LOG_LEVEL", "loud", "choose one of these"),
        ("DROVER__OX__INSECURE", "maybe", "write true or false"),
    ];
    let world = World::new();
    world.put(&file(1), &user("anna", 10));
    for (variable, value, cure) in cases {
        let mut command = world.command(&["run", "--once"]);
        command.env("DATA_DIR", world.data.path()).env(variable, value);
        let run = Run::from(command.output().unwrap());
        assert_eq!(run.code, 5, "{variable}: {run:?}");
        assert!(run.log.contains(&format!("environment variable {variable}")), "{}", run.log);
        assert!(run.log.contains(value) && run.log.contains(cure), "{variable}: {}", run.log);
    }
    // Everything that is wrong is told at once, in the file by its key.
    let toml = world.data.path().join("drover.toml");
    fs::write(&toml, "[ox]\nread_deadline_s = \"soon\"\n[logs]\nlevel = \"loud\"\n").unwrap();
    let run = world.run_once();
    assert_eq!(run.code, 5, "{run:?}");
    for part in ["drover.toml", "ox.read_deadline_s", "soon", "logs.level", "loud"] {
        assert!(run.log.contains(part), "{part}: {}", run.log);
    }
    fs::write(&toml, "[ox\n").unwrap();
    let run = world.run_once();
    assert_eq!(run.code, 5, "{run:?}");
    assert!(run.log.contains("drover.toml is not valid TOML"), "{}", run.log);
    assert_eq!(world.calls(), [] as [&str; 0]);
    assert_eq!(world.queue(), [file(1)]);
    assert!(!world.data.path().join("drover.db").exists(), "nothing was begun");
}

#[test]
fn a_setting_that_does_not_exist_is_told_and_the_near_one_named() {
    let mut world = World::new();
    world.env.insert("DROVER__LIMITS__MAX_INFLIGHT".into(), "2".into());
    let run = world.provision();
    assert!(
        run.log.contains("DROVER__LIMITS__MAX_INFLIGHT") && run.log.contains("did you mean"),
        "{}",
        run.log
    );
}

/// DEP-14.
#[test]
fn without_arguments_the_usage_is_told() {
    let run = drover(&[], &[]);
    assert_eq!(run.code, 2);
    assert!(run.log.contains("Usage: drover") && run.log.contains("Exit codes:"), "{run:?}");
    for wrong in [&["fly"][..], &["run", "--once", "--interval", "1"], &["run", "--date", "x"]] {
        assert_eq!(drover(wrong, &[]).code, 2, "{wrong:?}");
    }
    assert_eq!(drover(&["--help"], &[]).code, 0);
}

/// DEP-14: a script can tell how a single pass ended.
///
/// Rules: Q7, P8, P10
#[test]
fn exit_codes_tell_how_a_single_pass_ended() {
    let mut world = World::new();
    assert_eq!(world.run_once().code, 0, "nothing to do");
    world.put(&file(1), &user("anna", 10));
    let run = world.run_once();
    assert_eq!(run.code, 0);
    assert!(run.stdout.starts_with("1 items: 1 applied"), "{}", run.stdout);
    world.put_bytes(&file(2), b"{");
    world.put(&file(3), &user("bert", 10));
    let run = world.run_once();
    assert_eq!(run.code, 3, "some items are faulty");
    assert!(run.stdout.contains(&file(2)), "{}", run.stdout);
    assert_eq!(world.queue(), [file(2)], "the others are done");
    // OX away: the faulty file is the smaller trouble.
    world.env.insert("OX_SOAP_SERVER".into(), "http://127.0.0.1:1".into());
    world.env.insert("DROVER__RETRY__ONCE_OUTAGE_S".into(), "0.1".into());
    world.put(&file(4), &user("carl", 10));
    let run = world.run_once();
    assert_eq!(run.code, 4, "{run:?}");
    assert!(run.stdout.contains("OX cannot be reached"), "{}", run.stdout);
}
