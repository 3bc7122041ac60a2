//! The README's section for those who come from the OX Connector, followed to the letter.

use std::process::Command;

use super::connector::Layout;
use super::{change_each, town};
use crate::scene::assert_holds;
use crate::world::{World, eventually};

/// The connector's data folder, as the README writes it.
const FOLDER: &str = "/var/lib/univention-appcenter/apps/ox-connector/data";

/// The blocks of commands in the section, each as its lines.
fn blocks() -> Vec<Vec<String>> {
    let readme =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let section = readme.split("\n## Coming from the OX Connector\n").nth(1).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let fenced = section.split("```sh\n").skip(1);
    fenced
        .map(|block| {
            let lines = block.split("\n```").next().unwrap().lines();
            let commands = lines.filter(|line| !line.trim_start().starts_with('#'));
            commands.map(str::to_owned).filter(|line| !line.trim().is_empty()).collect()
        })
        .collect()
}

/// Runs a line of the README in a shell; only the folders are other ones.
fn follow(world: &World, line: &str, from: &str) -> (i32, String) {
    let line = line.replace(FOLDER, from).replace("DIR", world.data.path().to_str().unwrap());
    let drover = std::path::Path::new(env!("CARGO_BIN_EXE_drover")).parent().unwrap();
    let path = format!("{}:{}", drover.display(), std::env::var("PATH").unwrap());
    let drover = world.command(&[]);
    let mut shell = Command::new("sh");
    shell.env_clear();
    shell.envs(drover.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = shell.env("PATH", path).args(["-c", &line]).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout) + &text(output.stderr))
}

// OBS-04, OBS-13, REC-13, MAP-05, CAC-03, SRC-14, SRC-15
#[test]
fn the_section_for_those_who_come_from_the_connector_works_as_it_is_written() {
    let (world, connector) = town(Layout::Files);
    let from = connector.dir().to_str().unwrap().to_owned();
    let blocks = blocks();
    let [taking_over, tools] = blocks.as_slice() else { panic!("{blocks:?}") };
    let (last, before) = taking_over.split_last().unwrap();
    assert_eq!(last, "drover run --data DIR");
    for line in before {
        let (code, told) = follow(&world, line, &from);
        assert_eq!(code, 0, "{line}\n{told}");
    }
    let service = world.serve();
    let socket = world.data.path().join("drover.sock");
    eventually("drover answers", || socket.exists());
    for line in tools {
        let (code, told) = follow(&world, line, &from);
        // Nothing is pending, and a list without anything in it says so.
        let expected = if line.starts_with("drover queue list") { 9 } else { 0 };
        assert_eq!(code, expected, "{line}\n{told}");
        if line.contains("--current-error") {
            assert_holds(&told, &["{\"errors\": \"0\"}"]);
        }
    }
    let text = tools.join("\n");
    for command in ["compare", "resync", "cache rebuild", "mapping set", "queue list", "lint"] {
        assert!(text.contains(&format!("drover {command}")), "{command} is not in the section");
    }
    service.terminate();
    // Nobody was made twice, nor lost.
    assert_eq!(world.count("OXUserService.createByModuleAccess"), 0);
    assert_eq!(world.users(10), ["anna", "bert"]);
    let run = world.ask("compare", &["--all"]);
    assert_eq!(run.code, 0, "{}", run.stdout);
    // Every old tool has its line.
    let readme =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let section = readme.split("\n## Coming from the OX Connector\n").nth(1).unwrap();
    for old in [
        "get_current_error.py",
        "update-ox-db-cache",
        "check_sync_status.py",
        "change_attribute_mapping.py",
        "migrate-credentials-file.py",
        "remove-empty-oxContext-entries",
        "show-item",
        "summarize-tasks",
        "summarize-morgue",
        "search-tasks",
        "search-morgue",
        "search-old",
        "export-old",
        "add-old",
        "add-task",
        "move-task-to-morgue",
        "move-task-to-old",
        "retry-from-morgue",
        "remove-from-morgue",
        "resync-item",
        "rewrite-ox-db-id",
        "rebuild-old.db",
        "createextattr.py",
        "migrate-user-access-profiles.py",
        "migrate_fupo_to_shared_account.py",
    ] {
        assert!(section.contains(old), "{old} has no line");
    }
}

#[test]
fn after_the_walk_a_live_change_to_each_object_is_a_change() {
    let (world, connector) = town(Layout::Files);
    let from = connector.dir().to_str().unwrap().to_owned();
    let blocks = blocks();
    for line in blocks[0].iter().filter(|line| line.contains("takeover")) {
        assert_eq!(follow(&world, line, &from).0, 0, "{line}");
    }
    change_each(&world);
}
