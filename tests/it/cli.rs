//! The command line, as it is typed.
#![expect(clippy::unwrap_used, reason = "a panic in a test's helper is the report, too")]

use std::process::{Command, Output};
use std::time::Duration;

use clap::Parser;
use drover::cli::{self, Cli, Exit};
use drover::model::{ContextId, Secret};

/// Runs the binary with these arguments and variables, and no others of ours.
fn drover(args: &[&str], env: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_drover"))
        .args(args)
        .env_clear()
        .envs(env.iter().copied())
        .output()
        .unwrap()
}

fn code(output: &Output) -> u8 {
    output.status.code().unwrap().try_into().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn parse(args: &[&str]) -> Result<cli::Command, clap::Error> {
    Cli::try_parse_from([&["drover"], args].concat()).map(|cli| cli.command)
}

#[test]
fn the_definition_is_sound() {
    <Cli as clap::CommandFactory>::command().debug_assert();
}

#[test]
fn no_arguments_is_a_call_for_help() {
    let output = drover(&[], &[]);
    assert_eq!(code(&output), Exit::Usage.code());
    let told = stderr(&output);
    for word in ["Usage: drover", "run", "demo", "sim", "Exit codes:"] {
        assert!(told.contains(word), "{word} is missing in {told}");
    }
    assert_eq!(code(&drover(&["fly"], &[])), Exit::Usage.code());
}

#[test]
fn the_version_is_told() {
    let output = drover(&["--version"], &[]);
    assert_eq!(code(&output), Exit::Done.code());
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(told, concat!("drover ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn bad_settings_have_their_own_code() {
    let output = drover(&["run", "--once"], &[("OX_IMAP_SERVER", "localhost")]);
    assert_eq!(code(&output), Exit::Settings.code());
    assert!(stderr(&output).contains("environment variable OX_IMAP_SERVER: \"localhost\" is not"));
    let output = drover(&["run", "--config", "/nowhere/x.toml"], &[]);
    assert_eq!(code(&output), Exit::Settings.code());
    assert!(stderr(&output).contains("/nowhere/x.toml: No such file"), "{}", stderr(&output));
    let output = drover(&["run", "--once"], &[("DROVER_LOG", "drover=loud")]);
    assert_eq!(code(&output), Exit::Settings.code());
}

#[test]
fn run_takes_flags_over_settings() {
    let cli::Command::Run(args) = parse(&["run", "--data", "/d", "--interval", "1.5"]).unwrap()
    else {
        panic!("another command")
    };
    let (settings, _) = args.settings([("DATA_DIR".into(), "/e".into())].into()).unwrap();
    assert_eq!(settings.queue.data_dir.to_str(), Some("/d"));
    assert_eq!(settings.run.interval, Some(Duration::from_millis(1500)));
    assert!(parse(&["run", "--interval", "-1"]).is_err());
    assert!(parse(&["run", "--interval", "soon"]).is_err());
    assert!(parse(&["run", "--interval", "1", "--once"]).is_err(), "one or the other");
}

#[test]
fn demo_has_defaults() {
    let cli::Command::Demo(args) = parse(&["demo"]).unwrap() else { panic!("another command") };
    assert_eq!((args.contexts.get(), args.users, args.seed, args.keep), (50, 100, None, false));
    assert_eq!(args.latency_ms, Duration::ZERO);
    assert!(parse(&["demo", "--contexts", "0"]).is_err());
}

#[test]
fn sim_takes_contexts() {
    let given =
        ["sim", "--context", "1:ctx1:oxadmin:se:cret", "--context", "2:b:c:d", "--univention"];
    let cli::Command::Sim(args) = parse(&given).unwrap() else { panic!("another command") };
    assert_eq!(args.listen.to_string(), "127.0.0.1:0");
    assert!(args.univention);
    assert_eq!(args.contexts.len(), 2);
    assert_eq!(args.contexts[0].id, ContextId(1));
    assert_eq!(args.contexts[0].name, "ctx1");
    assert_eq!(args.contexts[0].login, "oxadmin");
    assert_eq!(args.contexts[0].password, Secret::new("se:cret"));
    for bad in ["1:a:b", "0:a:b:c", "x:a:b:c", "1::b:c"] {
        assert!(parse(&["sim", "--context", bad]).is_err(), "{bad}");
    }
}

#[test]
fn completions_and_manual_pages_know_every_command() {
    let commands: Vec<String> = <Cli as clap::CommandFactory>::command()
        .get_subcommands()
        .map(|command| command.get_name().to_owned())
        .collect();
    for shell in ["bash", "zsh", "fish"] {
        let output = drover(&["completions", shell], &[]);
        assert_eq!(code(&output), Exit::Done.code());
        let script = String::from_utf8(output.stdout).unwrap();
        for command in &commands {
            assert!(script.contains(command.as_str()), "{command} is missing for {shell}");
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let pages = dir.path().join("man1");
    let output = drover(&["man", pages.to_str().unwrap()], &[]);
    assert_eq!(code(&output), Exit::Done.code(), "{}", stderr(&output));
    for command in &commands {
        let page = std::fs::read_to_string(pages.join(format!("drover-{command}.1"))).unwrap();
        assert!(page.contains(".TH") && page.contains(command.as_str()), "{command}");
    }
    let whole = std::fs::read_to_string(pages.join("drover.1")).unwrap();
    assert!(whole.contains("Exit codes"), "{whole}");
    assert_eq!(code(&drover(&["man", "/proc/nowhere"], &[])), Exit::Internal.code());
}
