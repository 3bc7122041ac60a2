//! What OX has is taken over into files and memory: only reading, and applying the files changes nothing.

use serde_json::{Value, json};

use crate::scene::{Batches, assert_holds, lines, number, profile};
use crate::world::{World, account, context, group, resource, user, with};

const WRITES: [&str; 9] =
    ["create", "change", "delete", "add", "remove", "update", "enable", "disable", "copy"];

fn assert_only_read(world: &World) {
    let log = world.sim.log();
    let wrote = |operation: &str| WRITES.iter().any(|verb| operation.starts_with(verb));
    let writes: Vec<_> = log.iter().filter(|call| wrote(call.operation)).collect();
    assert!(writes.is_empty(), "{writes:?}");
}

/// An OX full of what one drover has made, and a data folder that knows nothing of it.
fn filled() -> World {
    let mut world = World::new();
    {
        let mut batches = Batches::of(&world);
        batches.done([
            context(20),
            profile("odd", &["webmail", "tasks"]),
            with(
                user("anna", 20),
                json!({
                    "oxAccess": "premium", "phone": ["+49 1", "+49 2"], "birthday": "1985-12-24",
                    "mailAlternativeAddress": ["a.berg@heide.example", "berg@heide.example"],
                    "oxDepartment": "Garten, \"Süd\": #1", "oxUserQuota": "100",
                }),
            ),
            with(user("berta", 20), json!({"oxAccess": "odd"})),
            user("carl", 10),
            group("team & garten", &["anna", "berta"]),
            resource("room", 20),
            account("helpdesk", &["anna", "berta"]),
        ]);
    }
    // Another folder, as of an administrator who begins.
    let credentials = world.credentials();
    world.data = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(world.queue_dir()).unwrap();
    world.write_credentials(&credentials);
    world.sim.clear_log();
    world
}

fn files(world: &World) -> Vec<String> {
    let folder = world.data.path().join("import");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path().to_str().unwrap().to_owned())
        .collect();
    files.sort();
    files
}

// REC-14, SRC-16
#[test]
fn what_ox_has_is_taken_over_without_a_write_and_applying_the_files_changes_nothing() {
    let world = filled();
    let run = world.ask("import", &["--json"]);
    assert_eq!(run.code, 0, "{}\n{}", run.stdout, run.log);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    let taken =
        json!({"context": 2, "profile": 1, "user": 3, "group": 1, "account": 1, "resource": 1});
    assert_eq!(report["taken"], taken);
    assert_only_read(&world);
    let files = files(&world);
    let names: Vec<&str> = files.iter().map(|file| file.rsplit('/').next().unwrap()).collect();
    assert_eq!(names, ["10.yaml", "20.yaml", "profiles.yaml"]);
    let files: Vec<&str> = files.iter().map(String::as_str).collect();

    world.sim.clear_log();
    let plan = world.ask("apply", &[&["--plan"], files.as_slice()].concat());
    assert_eq!(plan.code, 0, "{}\n{}", plan.stdout, plan.log);
    let applied = world.ask("apply", &files);
    assert_eq!(applied.code, 0, "{}\n{}", applied.stdout, applied.log);
    assert_eq!(world.calls(), [""; 0]);

    // What is compared with OX is the same, and to provision all of it again writes nothing.
    let compared = world.ask("compare", &["--all"]);
    assert_eq!(compared.code, 0, "{}", compared.stdout);

    // A change is a change, by one call, to the very object.
    let anna = number(&world, 20, "users", "anna");
    let path = world.data.path().join("import/20.yaml");
    let text = std::fs::read_to_string(&path).unwrap().replace("Garten, \\\"Süd\\\": #1", "Park");
    std::fs::write(&path, text).unwrap();
    world.sim.clear_log();
    let run = world.ask("apply", &files);
    assert_eq!(run.code, 0, "{}\n{}", run.stdout, run.log);
    assert_eq!(world.calls(), ["OXUserService.change"]);
    assert_eq!(number(&world, 20, "users", "anna"), anna);
    assert_eq!(crate::scene::field(&world, 20, "anna", "department"), "Park");
    assert!(lines(&run, "ERROR").is_empty());
}

// REC-14
#[test]
fn what_is_known_is_left_alone_and_a_dry_run_leaves_no_trace() {
    let world = filled();
    let run = world.ask("import", &["--dry-run"]);
    assert_eq!(run.code, 0, "{}\n{}", run.stdout, run.log);
    assert_holds(&run.stdout, &["user", "3 would be taken over", "known already"]);
    assert_only_read(&world);
    assert!(!world.data.path().join("import").exists());
    assert!(!world.data.path().join("drover.db").exists());

    assert_eq!(world.ask("import", &[]).code, 0);
    assert_eq!(world.ask("import", &[]).code, 2, "files are never written over");
    let again = world.data.path().join("again");
    let run = world.ask("import", &["--to", again.to_str().unwrap(), "--json"]);
    assert_eq!(run.code, 0, "{}\n{}", run.stdout, run.log);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report["taken"], json!({}));
    assert_eq!(report["known"], 8);
}

// REC-14
#[test]
fn what_cannot_be_in_a_file_is_left_out_aloud_and_the_rest_is_taken_over() {
    let mut options = drover::sim::SimOptions::univention();
    options.check_group_names = false;
    let world = World::with(options);
    let by_hand = crate::scene::ByHand::of(&world);
    let anna = by_hand.create_user(10, "anna");
    by_hand.create_group(10, "a/b", &[anna]);
    by_hand.create_group(10, "empty", &[]);
    by_hand.create_group(10, "good", &[anna]);
    let run = world.ask("import", &["--context", "10", "--context", "77"]);
    assert_eq!(run.code, 3, "{}\n{}", run.stdout, run.log);
    assert_holds(&run.stdout, &["holds a \"/\"", "has no members", "context 77 is left out"]);
    let file = std::fs::read_to_string(world.data.path().join("import/10.yaml")).unwrap();
    assert_holds(&file, &["\"anna\"", "\"good\""]);
}
