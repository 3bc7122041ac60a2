//! `drover init`, answered by a script, against the simulator.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use drover::cli::Exit;

use crate::world::{MASTER_PASSWORD, Run, World, file, user};

/// Runs it with these lines as answers, and none of the connector's variables.
fn init(arguments: &[&str], answers: &str) -> Run {
    let mut child = Command::new(env!("CARGO_BIN_EXE_drover"))
        .env_clear()
        .arg("init")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Who ends early does not read on.
    let _ = child.stdin.take().unwrap().write_all(answers.as_bytes());
    Run::from(child.wait_with_output().unwrap())
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn exit(run: &Run) -> i32 {
    run.code
}

#[test]
fn a_few_answers_make_a_drover_that_works() {
    let world = World::new();
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let shown = data.to_str().unwrap();
    let ox = world.sim.base_url();
    // Wrong ones first: no address at all, then one at which nobody is.
    let answers = format!(
        "ftp://nowhere\nhttp://127.0.0.1:1\nyes\n{ox}\n\n10\nheide.example\n\
         imap://mail.heide.example\nsmtp://mail.heide.example\nfr_FR\n\npark\n{MASTER_PASSWORD}\nten-secret\n"
    );
    let run = init(&["--data", shown], &answers);
    assert_eq!(exit(&run), 0, "{}\n{}", run.stdout, run.log);
    for part in
        ["ftp://nowhere", "refuses connections", "takes connections", "drover can work with this"]
    {
        assert!(run.stdout.contains(part), "{part} is missing in {}", run.stdout);
    }
    let settings = std::fs::read_to_string(data.join("drover.toml")).unwrap();
    assert_eq!(mode(&data.join("drover.toml")), 0o600);
    assert_eq!(mode(&data), 0o700);
    for line in [
        &format!("soap_server = \"{ox}\"") as &str,
        "language = \"fr_FR\"",
        "timezone = \"Europe/Berlin\"",
        "on_fault = \"park\"",
        "# Language of new users. [OX_LANGUAGE]",
    ] {
        assert!(settings.contains(line), "{line} is missing in {settings}");
    }
    assert!(!settings.contains(MASTER_PASSWORD) && !run.stdout.contains(MASTER_PASSWORD));
    let credentials = data.join("secrets/contexts.json");
    assert_eq!(mode(&credentials), 0o600);
    assert!(std::fs::read_to_string(&credentials).unwrap().contains(MASTER_PASSWORD));

    // It works: with that folder alone, a context's user is provisioned.
    std::fs::create_dir_all(data.join("listener")).unwrap();
    let item = user("anna", 10).to_string();
    std::fs::write(data.join("listener").join(file(1)), item).unwrap();
    let run = Command::new(env!("CARGO_BIN_EXE_drover"))
        .env_clear()
        .args(["run", "--once", "--data", shown])
        .output()
        .unwrap();
    assert!(run.status.success(), "{run:?}");
    assert_eq!(world.users(10), ["anna"]);
    assert_eq!(world.context(10)["users"]["anna"]["language"], "fr_FR");
}

#[test]
fn without_questions_what_is_given_counts_and_the_rest_has_its_default() {
    let world = World::new();
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let password = home.path().join("password");
    std::fs::write(&password, format!("{MASTER_PASSWORD}\nsecond line\n")).unwrap();
    let address = format!("ox.soap_server={}", world.sim.base_url());
    let arguments = [
        "--data",
        data.to_str().unwrap(),
        "--no-questions",
        "--set",
        &address,
        "--set",
        "mapping.imap_login={}*${env:NOBODY}",
        "--set",
        "limits.max_in_flight=4",
        "--master-password-file",
        password.to_str().unwrap(),
    ];
    // All is well but the login of a context that was there before.
    let run = init(&arguments, "");
    assert_eq!(exit(&run), i32::from(Exit::NotReady.code()), "{}\n{}", run.stdout, run.log);
    assert!(run.stdout.contains("no entry for context 10"), "{}", run.stdout);
    let settings = std::fs::read_to_string(data.join("drover.toml")).unwrap();
    assert!(settings.contains("imap_login = \"{}*$${env:NOBODY}\""), "{settings}");
    assert!(settings.contains("max_in_flight = \"4\""), "{settings}");

    // Again: not over what is there, unless that is wanted; then it is kept, and its values count.
    let run = init(&arguments[..3], "");
    assert_eq!(exit(&run), i32::from(Exit::Refused.code()), "{}", run.log);
    assert_eq!(std::fs::read_to_string(data.join("drover.toml")).unwrap(), settings);
    let again = [&arguments[..3], &["--replace", "--set", "mapping.language=en_GB"]].concat();
    std::fs::copy(world.credentials_path(), data.join("secrets/contexts.json")).unwrap();
    let run = init(&again, "");
    assert_eq!(exit(&run), 0, "{}\n{}", run.stdout, run.log);
    let after = std::fs::read_to_string(data.join("drover.toml")).unwrap();
    assert!(after.contains("language = \"en_GB\"") && after.contains("max_in_flight"), "{after}");
    let kept = std::fs::read_to_string(data.join("drover.toml.before")).unwrap();
    assert_eq!(kept, settings);
}

#[test]
fn whoever_stops_answering_leaves_nothing_behind() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let run = init(&["--data", data.to_str().unwrap(), "--offline"], "http://127.0.0.1\n");
    assert_eq!(exit(&run), i32::from(Exit::Refused.code()), "{}", run.stdout);
    assert!(run.log.contains("nothing was written"), "{}", run.log);
    let left = std::fs::read_dir(&data).unwrap().count();
    assert_eq!(left, 0, "an empty folder at most");
}

#[test]
fn what_cannot_be_used_is_told_and_nothing_is_written() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let base = ["--data", data.to_str().unwrap(), "--no-questions", "--offline", "--set"];
    for (set, told) in [
        ("ox.default_context=none", "whole number"),
        ("ox.sopa_server=http://a", "no setting"),
        ("ox.master_password=x", "--master-password-file"),
        ("queue.data_dir=/x", "--data"),
    ] {
        let run = init(&[&base[..], &[set]].concat(), "");
        assert_eq!(exit(&run), i32::from(Exit::Settings.code()), "{set}: {}", run.log);
        assert!(run.log.contains(told), "{told} is missing in {}", run.log);
        assert!(!data.join("drover.toml").exists());
    }
}

#[test]
fn an_ox_that_is_not_there_is_told_with_its_exit_code() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let arguments = [
        "--data",
        data.to_str().unwrap(),
        "--no-questions",
        "--set",
        "ox.soap_server=http://127.0.0.1:1",
    ];
    let run = init(&arguments, "");
    assert_eq!(exit(&run), i32::from(Exit::Unreachable.code()), "{}", run.stdout);
    assert!(data.join("drover.toml").exists(), "what was said is written all the same");
}
