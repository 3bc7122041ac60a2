//! `drover load`: the real binary against the simulator.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use drover::sim::{self, SeedContext};
use serde_json::Value;

/// The binary, and nothing of ours in its environment.
fn drover() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_drover"));
    command.env_clear().stdin(Stdio::null());
    command
}

fn load(arguments: &[&str]) -> Output {
    drover().arg("load").args(arguments).output().unwrap()
}

/// A load at the simulator of a test, which may be no more than refused.
fn load_at(sim: &sim::Handle, data: &Path, arguments: &[&str]) -> Command {
    let mut command = drover();
    command
        .env("OX_MASTER_PASSWORD", "secret")
        .args(["load", "--target", &sim.base_url(), "--data", data.to_str().unwrap()])
        .args(arguments);
    command
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Numbers of the contexts that a simulator has.
fn contexts(sim: &sim::Handle) -> Vec<u64> {
    let state = sim.state();
    let contexts = state["contexts"].as_object().unwrap();
    let mut numbers: Vec<u64> = contexts.keys().map(|number| number.parse().unwrap()).collect();
    numbers.sort_unstable();
    numbers
}

/// A machine that is busy with other tests may well be too slow; the run says so, and is done.
const DONE_OR_BUSY: [i32; 2] = [0, 16];

#[test]
fn a_run_at_the_built_in_simulator_ends_with_a_whole_report() {
    let dir = tempfile::tempdir().unwrap();
    let prefix = dir.path().join("run");
    let prefix = prefix.to_str().unwrap();
    let flags = "--contexts 4 --users 40 --rate 40..80 --duration 1s --seed 3 --report";
    let flags: Vec<&str> = flags.split(' ').chain([prefix]).collect();
    let output = load(&flags);
    assert!(DONE_OR_BUSY.contains(&code(&output)), "{}", text(&output.stderr));
    let json = std::fs::read_to_string(format!("{prefix}.json")).unwrap();
    let report: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(report["schema"], "drover-load/2");
    assert_eq!(report["model"], "open");
    let names = [report["phases"][0]["name"].as_str(), report["phases"][1]["name"].as_str()];
    assert_eq!(names, [Some("setup"), Some("load")]);
    let setup = &report["phases"][0];
    assert_eq!(setup["contexts_finished_us"].as_array().unwrap().len(), 4);
    assert_eq!(setup["operations"]["OXContextService.create"]["took"]["count"], 4, "{setup}");
    let load = &report["phases"][1];
    assert_eq!(load["written"], 60);
    assert_eq!(load["ended"], load["written"]);
    assert_eq!((&load["errors"], &load["unfinished"]), (&0.into(), &0.into()));
    assert!(load["corrected"]["p50"].as_u64() >= load["uncorrected"]["min"].as_u64());
    let html = std::fs::read_to_string(format!("{prefix}.html")).unwrap();
    assert!(html.contains("aria-label=\"Throughput over time\""));
    assert!(std::fs::read_to_string(format!("{prefix}.csv")).unwrap().lines().count() > 2);

    let json = format!("{prefix}.json");
    let compared = load_compare(&json, &json);
    assert_eq!(code(&compared), 0);
    assert!(text(&compared.stdout).contains("items p99"));
    assert_eq!(code(&load_compare(&json, &format!("{prefix}.csv"))), 12);
}

fn load_compare(first: &str, second: &str) -> Output {
    load(&["compare", first, second])
}

#[test]
fn a_threshold_that_is_not_kept_is_told_and_changes_the_exit_code() {
    let flags = "--contexts 2 --users 6 --rate 20 --duration 500ms --threshold p50<1us \
                 --threshold max<1h --closed 2";
    let output = load(&flags.split_whitespace().collect::<Vec<_>>());
    assert!([15, 16].contains(&code(&output)), "{}", text(&output.stderr));
    let out = text(&output.stdout);
    assert!(
        out.contains("threshold p50<1us MISSED") && out.contains("threshold max<1h kept"),
        "{out}"
    );
    assert!(out.contains("closed model"), "{out}");
}

#[test]
fn nothing_but_this_machine_is_put_under_load_unless_it_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let data = data.to_str().unwrap();
    let target = "https://ox.example.com";
    let refused = load(&["--target", target, "--data", data]);
    assert_eq!(code(&refused), 2);
    assert!(text(&refused.stderr).contains("--i-own-this-target ox.example.com"));
    let other = load(&["--target", target, "--data", data, "--i-own-this-target", "other"]);
    assert_eq!(code(&other), 2);
    assert!(text(&other.stderr).contains("nothing was sent"));
    assert!(!Path::new(data).exists());
}

#[test]
fn a_target_gets_its_contexts_back_as_they_were() {
    let sim = sim::start(sim::Config::default()).unwrap();
    sim.seed_context(&SeedContext::new(7)).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let flags = "--first-context 500 --contexts 3 --users 12 --rate 30 --duration 500ms";
    let flags: Vec<&str> = flags.split(' ').collect();
    let output = load_at(&sim, dir.path(), &flags).output().unwrap();
    assert!(DONE_OR_BUSY.contains(&code(&output)), "{}", text(&output.stderr));
    assert!(sim.stats().calls["OXContextService.delete"] == 3, "{:?}", sim.stats());
    assert_eq!(contexts(&sim), [7]);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "nothing is left to clean up");
}

#[test]
fn contexts_of_others_in_the_range_stop_a_run_before_it_begins() {
    let sim = sim::start(sim::Config::default()).unwrap();
    sim.seed_context(&SeedContext::new(502)).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let output =
        load_at(&sim, dir.path(), &["--first-context", "500", "--contexts", "5"]).output().unwrap();
    assert_eq!(code(&output), 2, "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("context 502 exists"));
    assert_eq!(contexts(&sim), [502]);
}

#[test]
fn what_a_killed_run_has_left_is_removed_and_nothing_else() {
    let sim = sim::start(sim::Config::default()).unwrap();
    sim.seed_context(&SeedContext::new(7)).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let flags = "--run k1 --first-context 500 --contexts 3 --users 30 --rate 20 --duration 10m";
    let mut child = load_at(&sim, dir.path(), &flags.split(' ').collect::<Vec<_>>())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while contexts(&sim).len() < 4 {
        assert!(begun.elapsed() < Duration::from_secs(60), "the run does not begin");
        assert!(child.try_wait().unwrap().is_none(), "the run has ended");
        std::thread::yield_now();
    }
    // One that works is left alone.
    let clean = || load_at(&sim, dir.path(), &["--clean", "k1"]).output().unwrap();
    assert_eq!(code(&clean()), 6);
    child.kill().unwrap();
    child.wait().unwrap();
    // Somebody has put a context of his own into the range.
    sim.seed_context(&SeedContext::new(503)).unwrap();
    let cleaned = clean();
    assert_eq!(code(&cleaned), 0, "{}", text(&cleaned.stderr));
    assert!(text(&cleaned.stdout).contains("3 contexts removed"));
    assert_eq!(contexts(&sim), [7, 503]);
    assert_eq!(code(&clean()), 9, "there is no such run any more");
}

#[test]
fn a_target_that_does_not_answer_ends_the_run() {
    let sim = sim::start(sim::Config::default()).unwrap();
    sim.script(sim::Rule::new(sim::Effect::Hang).on("User", "createByModuleAccess"));
    let dir = tempfile::tempdir().unwrap();
    let flags = "--first-context 500 --contexts 2 --users 12 --abort-after 2s";
    let output = load_at(&sim, dir.path(), &flags.split(' ').collect::<Vec<_>>()).output().unwrap();
    assert_eq!(code(&output), 4, "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("verdict: TARGET-DEAD"), "{}", text(&output.stdout));
}

/// The queue files of the fixtures a second apart, and before them the profile that users of them have;
/// answers how many these are.
fn record(folder: &Path) -> usize {
    std::fs::create_dir(folder).unwrap();
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/queue");
    let paths = std::fs::read_dir(fixtures).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = paths.collect();
    paths.sort();
    let name = |second: usize| format!("2025-03-03-08-00-{second:02}-000000.json");
    let profile = serde_json::json!({
        "id": "p1", "udm_object_type": "oxmail/accessprofile", "dn": "cn=p1,dc=heide,dc=example",
        "object": {"name": "drive & mail", "webmail": "TRUE", "infostore": "TRUE"}, "options": [],
    });
    std::fs::write(folder.join(name(0)), profile.to_string()).unwrap();
    for (place, path) in paths.iter().enumerate() {
        std::fs::copy(path, folder.join(name(place + 1))).unwrap();
    }
    paths.len() + 1
}

#[test]
fn a_recording_is_replayed_without_the_people_in_it() {
    let dir = tempfile::tempdir().unwrap();
    let recorded = dir.path().join("recorded");
    let names = record(&recorded);
    let recorded = recorded.to_str().unwrap();
    let copy = dir.path().join("copy");
    let copy = copy.to_str().unwrap();
    let made = drover().args(["anonymise", recorded, copy]).output().unwrap();
    assert_eq!(code(&made), 0, "{}", text(&made.stderr));
    assert_eq!(std::fs::read_dir(copy).unwrap().count(), names);
    for entry in std::fs::read_dir(copy).unwrap() {
        let entry = entry.unwrap();
        assert!(Path::new(recorded).join(entry.file_name()).exists());
        let content = std::fs::read_to_string(entry.path()).unwrap().to_lowercase();
        for word in ["anna", "berg", "heide", "5191"] {
            assert!(!content.contains(word), "{word} in {content}");
        }
    }
    // A second copy into it would mix two sets of names.
    assert_eq!(code(&drover().args(["anonymise", recorded, copy]).output().unwrap()), 12);
    let prefix = dir.path().join("replay");
    let prefix = prefix.to_str().unwrap();
    let output = load(&["replay", copy, "--speed", "1000", "--drain", "20s", "--report", prefix]);
    assert!(DONE_OR_BUSY.contains(&code(&output)), "{}", text(&output.stdout));
    let json = std::fs::read_to_string(format!("{prefix}.json")).unwrap();
    let report: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(report["model"], "replay");
    assert_eq!(report["phases"][1]["written"], names);
    assert_eq!(report["phases"][1]["ended"], names, "{}", text(&output.stdout));
}
