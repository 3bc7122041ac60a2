//! A functional account becomes a shared one (OBJ-66): what `drover share` says, what its script does, and
//! what OX has after each of its steps.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use drover::cli::Exit;
use drover::sim::{Effect, Rule, SimOptions};
use serde_json::{Value, json};

use crate::scene::{Batches, accounts, assert_holds};
use crate::world::{World, account, context, eventually, gone, item, user, with};

fn world() -> World {
    let world = World::with(SimOptions { newer: true, ..SimOptions::univention() });
    Batches::of(&world).done([
        context(20),
        user("anna", 10),
        user("bert", 10),
        user("carl", 20),
        with(user("dora", 10), json!({"isOxUser": "Not"})),
        permission(),
        account("help", &["anna", "bert", "dora"]),
        account("it's", &["anna", "carl"]),
    ]);
    world
}

fn permission() -> Value {
    item(
        "oxmail/shared_account_permission",
        "permission-full",
        "cn=full,cn=shared_account_permissions,dc=heide,dc=example",
        json!({"name": "full", "displayName": "full", "mail": "author", "calendar": "none"}),
    )
}

/// The shared account as the directory has it after a step of the script.
fn shared(address: &str, users: &[&str]) -> Value {
    let pair = |name: &&str| json!([format!("user-{name}"), "permission-full"]);
    item(
        "oxmail/shared_account",
        "shared-help",
        "cn=help,cn=shared_accounts,dc=heide,dc=example",
        json!({"name": "help", "displayName": "help", "oxContext": "10", "groups": [],
               "mailPrimaryAddress": address, "users": users.iter().map(pair).collect::<Vec<_>>()}),
    )
}

/// What the directory writes while the script runs.
fn steps() -> Vec<Value> {
    let meanwhile = "tmp_help@heide.example";
    vec![
        shared(meanwhile, &[]),
        shared(meanwhile, &["anna", "bert"]),
        gone(account("help", &[])),
        shared("help@heide.example", &["anna", "bert"]),
    ]
}

fn has(world: &World) -> (Value, usize, usize) {
    let account = world.sim.state()["contexts"]["10"]["sharedAccounts"]["help"].clone();
    let granted = account["grants"][0]["users"].as_array().map_or(0, Vec::len);
    let functional = accounts(world, 10, "anna").iter().filter(|a| a.0.starts_with("help")).count();
    (account["values"]["primaryEmail"].clone(), granted, functional)
}

#[test]
fn the_plan_says_what_is_done_and_what_gets_lost_and_changes_nothing() {
    let world = world();
    world.sim.clear_log();
    let run = world.ask("share", &["--permission", "full"]);
    assert_eq!(run.code, i32::from(Exit::Faulty.code()), "{}{}", run.stdout, run.log);
    assert_holds(
        &run.stdout,
        &[
            "help: shared account in context 10, 2 users",
            "lost: 1 user is named by it not in OX",
            "lost: its sender name \"The help\"",
            "lost: its mail, unless the mail server knows mailboxes by their address",
            "not yet: its users are in several contexts (10, 20); choose one with --context",
        ],
    );
    let run = world.ask("share", &["--permission", "full", "--context", "20", "--json", "it's"]);
    let plan: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(run.code, 0);
    assert_eq!(
        (&plan["accounts"][0]["context"], plan["accounts"][0]["users"].clone()),
        (&json!(20), json!(["user-carl"]))
    );
    assert!(plan["accounts"][0]["lost"][0].as_str().unwrap().contains("1 user in context 10"));
    for (arguments, told) in [
        (["--permission", "none"], "known ones: full"),
        (["--permission=full", "nobody"], "no functional account \"nobody\""),
    ] {
        let run = world.ask("share", &arguments);
        assert_eq!(run.code, i32::from(Exit::Usage.code()));
        assert_holds(&run.log, &[told]);
    }
    assert_eq!(world.calls(), [""; 0]);
    assert_eq!(world.queue(), [""; 0]);
}

/// A stand-in for UDM that writes down what it is told, and fails at the n-th call.
fn run_script(folder: &Path, script: &str, fails_at: usize) -> (bool, Vec<String>) {
    let udm = folder.join("udm");
    let log = folder.join("log");
    let _ = std::fs::remove_file(&log);
    let body = format!(
        "#!/bin/sh\n{{ for word in \"$@\"; do printf '%s|' \"$word\"; done; echo; }} >> {log}\n\
         test \"$(wc -l < {log})\" -ne {fails_at}\n",
        log = log.display()
    );
    std::fs::write(&udm, body).unwrap();
    std::fs::set_permissions(&udm, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let status = Command::new("sh").arg("-c").arg(script).env("PATH", path).status().unwrap();
    let told = std::fs::read_to_string(&log).unwrap();
    (status.success(), told.lines().map(str::to_owned).collect())
}

#[test]
fn the_script_goes_step_by_step_and_stops_at_the_first_that_fails() {
    let world = world();
    let run = world.ask("share", &["--permission", "full", "--context", "10", "--script"]);
    assert_eq!(run.code, 0, "{}", run.log);
    let folder = tempfile::tempdir().unwrap();
    let (ended, told) = run_script(folder.path(), &run.stdout, 0);
    assert!(ended);
    let position = "cn=shared_accounts,dc=heide,dc=example";
    let expected = [
        format!(
            "oxmail/shared_account|create|--ignore_exists|--position|{position}|--set|name=help|--set|\
             displayName=help|--set|oxContext=10|--set|mailPrimaryAddress=tmp_help@heide.example|"
        ),
        format!(
            "oxmail/shared_account|modify|--dn|cn=help,{position}|--append|users=\"user-anna\" \
             \"permission-full\"|--append|users=\"user-bert\" \"permission-full\"|"
        ),
        "oxmail/functional_account|remove|--ignore_not_exists|--dn|cn=help,cn=functional_accounts,\
         dc=heide,dc=example|"
            .to_owned(),
        format!(
            "oxmail/shared_account|modify|--dn|cn=help,{position}|--set|\
             mailPrimaryAddress=help@heide.example|"
        ),
    ];
    assert_eq!(told[..4], expected);
    assert!(told[4].contains("|name=it's|"), "{}", told[4]);
    // Without the shared account and its users nothing is removed; run again, it goes on.
    for fails_at in [1, 2] {
        let (ended, told) = run_script(folder.path(), &run.stdout, fails_at);
        assert_eq!((ended, told.len()), (false, fails_at));
        assert!(!told.iter().any(|line| line.contains("remove")));
    }
    assert_eq!(run_script(folder.path(), &run.stdout, 0).1[..4], expected);
}

#[test]
fn step_by_step_there_is_always_an_account_to_read_the_mail_in() {
    let world = world();
    let mut batches = Batches::later(&world);
    let mut seen = Vec::new();
    for step in steps() {
        batches.done([step]);
        seen.push(has(&world));
    }
    let at = |address: &str| json!(format!("{address}@heide.example"));
    let expected = [
        (at("tmp_help"), 0, 1),
        (at("tmp_help"), 2, 1),
        (at("tmp_help"), 2, 0),
        (at("help"), 2, 0),
    ];
    assert_eq!(seen, expected);
    // What was migrated is not offered again.
    let run = world.ask("share", &["--permission", "full", "--context", "10"]);
    assert!(!run.stdout.contains("help:"), "{}", run.stdout);
    let replay = steps().split_off(3);
    assert_eq!(batches.calls(replay), [""; 0]);
    world.assert_no_overlap();
}

#[test]
fn all_at_once_and_killed_in_the_middle_it_ends_the_same() {
    let operations = [
        ("OXSharedAccountService", "create"),
        ("OXSharedAccountService", "setSharedAccountPermissions"),
        ("OXSecondaryAccountService", "delete"),
    ];
    for (service, operation) in operations {
        let world = world();
        world.sim.script(Rule::new(Effect::ApplyThenHang).on(service, operation).times(1));
        world.sim.clear_log();
        let mut batches = Batches::later(&world);
        batches.put(steps());
        let running = world.serve();
        let name = format!("{service}.{operation}");
        eventually("the call whose answer hangs", || {
            world.sim.stats().calls.get(&name).is_some_and(|calls| *calls > 0)
                && world.sim.stats().applied > 0
        });
        running.kill();
        world.provision();
        let expected = (json!("help@heide.example"), 2, 0);
        assert_eq!(has(&world), expected, "{name}");
        let accounts = world.sim.state()["contexts"]["10"]["sharedAccounts"].clone();
        assert_eq!(accounts.as_object().unwrap().len(), 1, "{name}");
    }
}
