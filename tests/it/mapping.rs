//! The attribute mapping: a file that people change while drover runs, and the command for it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::scene::{Batches, assert_holds, field, mail};
use crate::world::{Run, Service, World, eventually, file, user, with};

const CHANGE: &str = "OXUserService.change";

/// Puts a version of the file there, whole at once as an editor does: drover may look at any moment.
fn lay_down(world: &World, content: impl AsRef<[u8]>) {
    let (there, beside) = (path(world), world.data.path().join("mapping.new"));
    fs::write(&beside, content).unwrap();
    fs::rename(beside, there).unwrap();
}

fn path(world: &World) -> PathBuf {
    world.data.path().join("AttributeMapping.json")
}

/// `drover mapping …`, which must succeed.
fn mapping(world: &World, arguments: &[&str]) -> String {
    let run = world.ask("mapping", arguments);
    assert_eq!(run.code, 0, "{arguments:?}: {}{}", run.stdout, run.log);
    run.stdout
}

/// The default mapping with one change to its JSON.
fn changed(change: impl FnOnce(&mut Value)) -> String {
    let mut content: Value =
        serde_json::from_str(drover::plan::attributes::mapping::DEFAULT_FILE).unwrap();
    change(&mut content);
    content.to_string()
}

fn anna(more: Value) -> Value {
    with(with(user("anna", 10), json!({"roomBooking": "A 7", "note2": "n"})), more)
}

fn started(world: &World) -> Service {
    let mut service = world.serve();
    service.wait_for_log(&["the queue was read"]);
    service
}

/// Gives it to the service, and waits for the end of it.
fn give(world: &World, n: u32, item: &Value) {
    world.put(&file(n), item);
    eventually("the queue's end", || world.queue().is_empty());
}

/// Rules: 8.1/mapping
#[test]
fn a_change_holds_from_the_next_item_on_without_a_restart_and_rewrites_nobody_by_itself() {
    let world = World::new();
    let service = started(&world);
    give(&world, 1, &anna(json!({})));
    give(&world, 2, &with(user("bert", 10), json!({"roomBooking": "B 1"})));
    assert_eq!(field(&world, 10, "anna", "userfield20"), "");
    mapping(&world, &["set", "userfield20", "roomBooking"]);
    world.sim.clear_log();
    give(&world, 3, &anna(json!({"lastname": "Berg"})));
    assert_eq!(field(&world, 10, "anna", "userfield20"), "A 7");
    assert_eq!(field(&world, 10, "anna", "sur_name"), "Berg");
    assert_eq!(world.calls(), [CHANGE], "nobody else was touched");
    // An item that brings nothing new is not passed over: the mapping asks for more than OX has.
    give(&world, 4, &with(user("bert", 10), json!({"roomBooking": "B 1"})));
    assert_eq!(field(&world, 10, "bert", "userfield20"), "B 1");
    assert_eq!(world.calls(), [CHANGE, CHANGE]);
    // Unset in the mapping: cleared with the next item, though the directory still has it.
    mapping(&world, &["unset", "userfield20"]);
    give(&world, 5, &anna(json!({"lastname": "Berg"})));
    assert_eq!(field(&world, 10, "anna", "userfield20"), "");
    assert_eq!(field(&world, 10, "bert", "userfield20"), "B 1");
    give(&world, 6, &anna(json!({"lastname": "Berg"})));
    assert_eq!(world.calls(), [CHANGE; 3]);
    drop(service);
}

/// Rules: 8.1/mapping
#[test]
fn a_version_that_cannot_be_used_changes_nothing_and_is_told_once_with_the_cure() {
    let world = World::new();
    mapping(&world, &["set", "userfield20", "roomBooking"]);
    let mut service = started(&world);
    lay_down(&world, "{\"userfeld20\": {}}");
    let line = service.wait_for_log(&["ERROR", "AttributeMapping.json"]);
    let told = ["did you mean \\\"userfield20\\\"?", "drover mapping restore", "stays in force"];
    assert_holds(&line, &told);
    for n in 1..5 {
        give(&world, n, &with(user(&format!("u{n}"), 10), json!({"roomBooking": "A 7"})));
        assert_eq!(field(&world, 10, &format!("u{n}"), "userfield20"), "A 7", "as before");
    }
    // Put right by hand.
    let right = changed(|content| content["userfield19"]["ldap_attribute"] = json!("roomBooking"));
    lay_down(&world, right);
    service.wait_for_log(&["has changed and holds from the next item on"]);
    give(&world, 9, &anna(json!({})));
    assert_eq!(field(&world, 10, "anna", "userfield19"), "A 7");
    assert_eq!(field(&world, 10, "anna", "userfield20"), "");
    // Gone: what was in force stays, until the next start.
    fs::remove_file(path(&world)).unwrap();
    service.wait_for_log(&["WARN", "is gone", "drover mapping restore"]);
    give(&world, 10, &anna(json!({"lastname": "Berg"})));
    assert_eq!(field(&world, 10, "anna", "userfield19"), "A 7");
    let errors = service.seen.iter().filter(|line| line.contains("cannot be used")).count();
    assert_eq!(errors, 1, "{:#?}", service.seen);
    assert_eq!(service.terminate().0, 0);
    world.put(&file(11), &anna(json!({"lastname": "Berg"})));
    world.provision();
    assert_eq!(field(&world, 10, "anna", "userfield19"), "", "the default");
}

#[test]
fn a_file_that_cannot_be_used_stops_the_start_with_its_cure() {
    let world = World::new();
    for (content, told) in [
        ("{\"note\":", "is not a JSON object"),
        (&changed(|content| content["sur_name"]["ldap_attribute"] = Value::Null), "sur_name"),
    ] {
        lay_down(&world, content);
        world.put(&file(1), &user("anna", 10));
        let run = world.run_once();
        assert_eq!(run.code, 5, "{}", run.log);
        assert_holds(&run.log, &["AttributeMapping.json", told, "drover mapping check"]);
        assert_eq!(world.queue(), [file(1)]);
    }
    mapping(&world, &["restore"]);
    world.provision();
}

/// Rules: D52, 8.1/lists, 8.1/unmapped, 8.1/aliases
#[test]
fn a_position_never_cuts_a_text_and_unset_aliases_leave_the_primary_address_alone() {
    let world = World::new();
    let content = changed(|content| {
        content["userfield20"]["ldap_attribute"] = json!("roomBooking");
        content["userfield20"]["position"] = json!(1);
        content["userfield19"]["ldap_attribute"] = json!("roomBooking");
        content["userfield19"]["position"] = json!(0);
        content["aliases"]["ldap_attribute"] = Value::Null;
    });
    lay_down(&world, content);
    let mut batches = Batches::of(&world);
    batches.done([mail(anna(json!({})), "one", &["other"])]);
    assert_eq!(field(&world, 10, "anna", "userfield20"), "", "not the second letter");
    assert_eq!(field(&world, 10, "anna", "userfield19"), "A 7");
    batches.done([mail(anna(json!({"roomBooking": ["A 7", "B 8"]})), "two", &["other"])]);
    assert_eq!(field(&world, 10, "anna", "userfield20"), "B 8");
    let aliases = world.context(10)["users"]["anna"]["aliases"].clone();
    assert_eq!(aliases, json!(["two@heide.example"]), "the old address is none any more");
    // One address for a field of lists.
    mapping(&world, &["set", "aliases", "mailAlternativeAddress"]);
    let single = json!({"mailPrimaryAddress": "two@heide.example",
                        "mailAlternativeAddress": "other@heide.example"});
    batches.done([anna(single)]);
    let aliases = world.context(10)["users"]["anna"]["aliases"].clone();
    assert_eq!(aliases, json!(["other@heide.example", "two@heide.example"]));
}

#[test]
fn the_command_shows_changes_and_restores_the_file() {
    let world = World::new();
    assert_holds(&mapping(&world, &["check"]), &["is not there: the default is in force"]);
    assert_eq!(mapping(&world, &["show"]).lines().count(), 89);
    let line = mapping(&world, &["show", "display_name"]);
    assert_holds(&line, &["display_name", "oxDisplayName, else displayName"]);
    assert_holds(&mapping(&world, &["show", "telephone_home2"]), &["homeTelephoneNumber[1]"]);
    assert!(!path(&world).exists(), "to look is not to touch");
    assert_holds(
        &mapping(&world, &["set", "note", "info"]),
        &["note is fed from info", "next item"],
    );
    assert_holds(&mapping(&world, &["set", "note", "info"]), &["it was so before"]);
    mapping(&world, &["alternatives", "note", "comment", "oxNote"]);
    mapping(&world, &["unset", "url", "title"]);
    let shown = mapping(&world, &["show", "--changed"]);
    assert_eq!(shown.lines().count(), 3, "{shown}");
    assert_holds(&shown, &["info, else comment, else oxNote  (not the default)", "url "]);
    assert_holds(&mapping(&world, &["check"]), &["can be used", "nothing feeds: title, url"]);
    // The form of the file is that of the connector's own tool: all members, four blanks.
    let dumped = mapping(&world, &["dump"]);
    assert_eq!(dumped, fs::read_to_string(path(&world)).unwrap());
    assert!(
        dumped.starts_with("{\n    \"display_name\": {\n        \"ldap_attribute\""),
        "{dumped}"
    );
    let content: Value = serde_json::from_str(&dumped).unwrap();
    let note = json!({"ldap_attribute": "info", "nillable": true, "multi_value": false,
                      "special_handling": "DEFAULT", "position": null,
                      "alternative_attributes": ["comment", "oxNote"]});
    assert_eq!(content["note"], note);
    assert_eq!(content["url"]["ldap_attribute"], Value::Null);
    mapping(&world, &["alternatives", "note"]);
    assert_holds(&mapping(&world, &["show", "note"]), &["info  (not"]);
    fs::set_permissions(path(&world), fs::Permissions::from_mode(0o640)).unwrap();
    assert_holds(&mapping(&world, &["restore"]), &["the default mapping is in force"]);
    assert_eq!(mapping(&world, &["show", "--changed"]), "");
    let mode = fs::metadata(path(&world)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o640, "kept");
    let left = fs::read_dir(world.data.path()).unwrap();
    assert!(!left.into_iter().any(|e| e.unwrap().path().extension().is_some_and(|x| x == "tmp")));
}

#[test]
fn the_command_refuses_what_would_not_work_and_leaves_the_file_alone() {
    let world = World::new();
    mapping(&world, &["set", "note", "info"]);
    let before = fs::read_to_string(path(&world)).unwrap();
    let refused = |arguments: &[&str], code: i32, parts: &[&str]| -> Run {
        let run = world.ask("mapping", arguments);
        assert_eq!(run.code, code, "{arguments:?}: {}", run.log);
        assert_holds(&run.log, parts);
        assert_eq!(fs::read_to_string(path(&world)).unwrap(), before);
        run
    };
    for required in ["email1", "display_name", "given_name", "sur_name"] {
        refused(&["unset", "url", required], 2, &[required, "creates no user without"]);
    }
    refused(&["set", "userfeld07", "x"], 2, &["did you mean \"userfield07\"?"]);
    refused(&["set", "password", "x"], 2, &["\"password\" is no property of OX"]);
    refused(&["set", "note", "a b"], 2, &["\"note\"", "name of a property"]);
    refused(&["alternatives", "note", "ok", ""], 2, &["\"note\"", "name of a property"]);
    refused(&["show", "tittle"], 2, &["did you mean \"title\"?"]);
    refused(&["unset"], 2, &["FIELD"]);
    let run = refused(&["set", "tittle", "x", "--json"], 2, &["title"]);
    let told: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(told["ok"], false);
    assert_holds(told["error"].as_str().unwrap(), &["did you mean \"title\"?"]);
    // A file that is none: named, kept, and replaced only if that is asked for.
    let other = world.data.path().join("other.json");
    fs::write(&other, "{\"note\": {}}").unwrap();
    refused(&["check", other.to_str().unwrap()], 5, &["other.json", "\"note\""]);
    lay_down(&world, "{ours");
    for arguments in [&["set", "note", "x"][..], &["check"], &["dump"], &["unset", "note"]] {
        let run = world.ask("mapping", arguments);
        assert_eq!(run.code, 5, "{arguments:?}");
        assert_holds(&run.log, &["AttributeMapping.json", "drover mapping restore"]);
        assert_eq!(fs::read_to_string(path(&world)).unwrap(), "{ours");
    }
    mapping(&world, &["restore"]);
    // Flags may come last, too, as people type them.
    let data = world.data.path().to_str().unwrap();
    let run =
        world.command(&["mapping", "show", "note", "--data", data, "--json"]).output().unwrap();
    let told: Value = serde_json::from_slice(&run.stdout).unwrap();
    let expected = json!({"field": "note", "element": "note", "property": "oxNote", "position": null,
                          "alternatives": [], "required": false, "default": true});
    assert_eq!(told["fields"], json!([expected]));
    let told: Value = serde_json::from_str(&mapping(&world, &["restore", "--json"])).unwrap();
    assert_eq!(told["changed"], false);
    let told: Value = serde_json::from_str(&mapping(&world, &["check", "--json"])).unwrap();
    assert_eq!((&told["ok"], &told["unset"]), (&json!(true), &json!([])));
}

/// The file may be elsewhere, by a setting.
#[test]
fn the_command_follows_the_setting_of_the_files_place() {
    let mut world = World::new();
    let place = world.data.path().join("elsewhere/mapping.json");
    let name = "DROVER__MAPPING__ATTRIBUTE_MAPPING".to_owned();
    world.env.insert(name, place.to_str().unwrap().to_owned());
    mapping(&world, &["set", "userfield20", "roomBooking"]);
    assert!(place.exists() && !path(&world).exists());
    Batches::of(&world).done([anna(json!({}))]);
    assert_eq!(field(&world, 10, "anna", "userfield20"), "A 7");
}
