//! `drover bundle`: what it tells, and that it gives nobody away (SEC-08).

use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use drover::cli::Exit;
use drover::sim::{Effect, Rule};
use flate2::read::GzDecoder;
use serde_json::{Value, json};

use crate::world::{MASTER_PASSWORD, World, eventually, file, user, with};

/// Names and texts of what is in an archive.
fn unpack(path: &Path) -> Vec<(String, String)> {
    let mut archive = tar::Archive::new(GzDecoder::new(std::fs::File::open(path).unwrap()));
    archive
        .entries()
        .unwrap()
        .map(|entry| {
            let mut entry = entry.unwrap();
            let name = entry.path().unwrap().to_str().unwrap().to_owned();
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            (name.strip_prefix("drover-bundle/").unwrap().to_owned(), text)
        })
        .collect()
}

fn part<'a>(parts: &'a [(String, String)], name: &str) -> &'a str {
    &parts.iter().find(|(its, _)| its == name).unwrap_or_else(|| panic!("{name} is missing")).1
}

/// Somebody of whom every property is told apart from everything else.
fn planted(n: usize) -> (Value, Vec<String>) {
    let word = |what: &str| format!("{what}q{n:03}zw");
    let [name, first, last, shown, room, secret] =
        ["login", "first", "last", "shown", "room", "hush"].map(word);
    let item = with(
        user(&name, 10),
        json!({"firstname": first, "lastname": last, "oxDisplayName": format!("{shown} {last}"),
               "roomNumber": room, "userPassword": format!("{{crypt}}$6${secret}"),
               "description": format!("born as {first}")}),
    );
    (item, vec![name, first, last, shown, room, secret])
}

#[test]
fn a_thousand_planted_secrets_and_names_are_in_no_archive() {
    let mut world = World::new();
    world.env.insert("OX_MASTER_PASSWORD".into(), MASTER_PASSWORD.into());
    world.env.insert("DROVER_LOG".into(), "drover=trace".into());
    world.env.insert("DROVER__PROTECT__NAMES".into(), "^protegeeq777zw$".into());
    let mut words = vec!["protegeeq777zw".to_owned(), MASTER_PASSWORD.into(), "ten-secret".into()];
    for n in 0..170 {
        let (item, planted) = planted(n);
        world.put(&file(u32::try_from(n).unwrap() + 1), &item);
        words.extend(planted);
    }
    assert!(words.len() > 1_000, "{}", words.len());
    // OX quotes people in its own words; nothing goes past the first.
    let text = "The name \"firstq007zw lastq008zw\" of shownq009zw is in use; ask roomq010zw";
    let effect = Effect::Fault { class: "StorageException".into(), text: text.into() };
    world.sim.script(Rule::new(effect).on("User", "createByModuleAccess"));
    let mut service = world.serve();
    let fault = service.wait_for_log(&["firstq007zw"]);
    eventually("all of it taken in", || {
        world.ask("status", &["--json"]).stdout.contains("\"pending\"")
    });
    let log = world.data.path().join("drover.log");
    let somebody = "an address nobody knows: somebody.else@heide.example";
    std::fs::write(&log, format!("{}\n{fault}\n{somebody}\n", service.seen.join("\n"))).unwrap();
    let out = world.data.path().join("bundle.tar.gz");
    let arguments = ["--out", out.to_str().unwrap(), "--log", log.to_str().unwrap()];
    let run = world.ask("bundle", &arguments);
    assert_eq!(run.code, 0, "{}", run.log);
    assert_eq!(std::fs::metadata(&out).unwrap().permissions().mode() & 0o7777, 0o600);

    let parts = unpack(&out);
    words.push("somebody.else".to_owned());
    for (name, text) in &parts {
        for word in &words {
            assert!(!text.contains(word.as_str()), "{word} is in {name}");
        }
    }
    // And yet it tells what has to be known.
    let held: Value =
        serde_json::from_str(part(&parts, "held.jsonl").lines().next().unwrap()).unwrap();
    assert_eq!(held["state"], "faulty");
    assert_eq!(held["fault"]["context"], 10);
    let told = held["fault"]["text"].as_str().unwrap();
    assert!(told.contains("of … is in use"), "{told}");
    assert!(part(&parts, "settings.json").contains("ox.soap_server"));
    assert!(part(&parts, "logs/1.log").contains("drover 0.1.0 has started"));
    let ledger: Value = serde_json::from_str(part(&parts, "ledger.json")).unwrap();
    assert_eq!(ledger["complete"], true, "{ledger}");
    let status: Value = serde_json::from_str(part(&parts, "running/status.json")).unwrap();
    assert!(status.get("problem").is_none(), "{status}");
    assert!(part(&parts, "versions.json").contains(env!("CARGO_PKG_VERSION")));
    for name in ["README.txt", "check.json", "health.json", "running/metrics.txt"] {
        assert!(!part(&parts, name).is_empty());
    }

    // With people's data, if that is asked for: still no secrets.
    let out = world.data.path().join("whole.tar.gz");
    let run = world.ask("bundle", &["--out", out.to_str().unwrap(), "--with-personal-data"]);
    assert_eq!(run.code, 0, "{}", run.log);
    let parts = unpack(&out);
    assert!(part(&parts, "held.jsonl").contains("firstq007zw"));
    for (name, text) in &parts {
        for secret in [MASTER_PASSWORD, "ten-secret"] {
            assert!(!text.contains(secret), "{secret} is in {name}");
        }
    }
    service.kill();
}

#[test]
fn where_nothing_runs_and_nothing_is_yet_it_says_so_and_never_overwrites() {
    let world = World::new();
    let out = world.data.path().join("bundle.tar.gz");
    let arguments = ["--out", out.to_str().unwrap()];
    assert_eq!(world.ask("bundle", &arguments).code, 0);
    let parts = unpack(&out);
    assert!(part(&parts, "running/status.json").contains("no drover runs"));
    let before = std::fs::read(&out).unwrap();
    let again = world.ask("bundle", &arguments);
    assert_eq!(again.code, i32::from(Exit::Internal.code()), "{}", again.log);
    assert!(again.log.contains("--out"), "{}", again.log);
    assert_eq!(std::fs::read(&out).unwrap(), before);
    let other = world.data.path().join("other.tar.gz");
    let missing =
        world.ask("bundle", &["--out", other.to_str().unwrap(), "--log", "/nowhere/x.log"]);
    assert_eq!(missing.code, i32::from(Exit::Input.code()), "{}", missing.log);
    assert!(!other.exists());
}
