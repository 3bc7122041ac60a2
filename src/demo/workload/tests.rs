use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::demo::{Defaults, Directory, compare};
use crate::model::{DirectoryObject, ItemName, QueueFile};

const SIZES: [(u32, u32); 4] = [(1, 1), (2, 3), (5, 30), (30, 4)];

fn workload(contexts: u32, users: u32, seed: u64) -> Workload {
    Workload::generate(Params { contexts, users, seed })
}

fn fold<'a>(items: impl Iterator<Item = &'a QueueItem>) -> Directory {
    let defaults = Defaults { default_context: 1, imap_host: "mail.stadt.example".to_owned() };
    let mut directory = Directory::new(defaults);
    items.for_each(|item| directory.apply(&item.content));
    directory
}

#[test]
fn equal_parameters_make_equal_bytes_and_other_seeds_do_not() {
    for (contexts, users) in SIZES {
        let bytes = |seed| -> Vec<Vec<u8>> {
            workload(contexts, users, seed).items().map(QueueItem::to_bytes).collect()
        };
        assert_eq!(bytes(7), bytes(7));
        assert_ne!(bytes(7), bytes(8));
    }
}

#[test]
fn every_file_is_a_valid_queue_file_and_says_what_was_meant() {
    for (contexts, users) in SIZES {
        for item in workload(contexts, users, 3).items() {
            let bytes = item.to_bytes();
            assert!(bytes.is_ascii());
            assert_eq!(serde_json::from_slice::<Value>(&bytes).unwrap(), item.content);
            let file = QueueFile::parse(&bytes).unwrap_or_else(|e| panic!("{}: {e}", item.file));
            if let Some(DirectoryObject::User(user)) = file.object {
                assert!(user.username.is_some());
            }
        }
    }
}

#[test]
fn file_names_are_in_queue_order() {
    let workload = workload(5, 30, 3);
    let names: Vec<ItemName> = workload.items().map(|item| ItemName::new(&item.file)).collect();
    assert!(names.windows(2).all(|pair| pair[0] < pair[1]));
    assert!(names.windows(2).all(|pair| pair[0].as_str() < pair[1].as_str()));
}

#[test]
fn the_first_phase_fills_every_context_with_its_users() {
    let workload = workload(5, 30, 3);
    let state = fold(workload.phases[0].iter()).expected_state();
    let contexts = state["contexts"].as_object().unwrap();
    assert_eq!(contexts.len(), 5);
    for context in contexts.values() {
        assert_eq!(context["users"].as_object().unwrap().len(), 30);
        assert!(!context["groups"].as_object().unwrap().is_empty());
        assert!(!context["resources"].as_object().unwrap().is_empty());
    }
}

/// What nobody could give a right answer to must not be asked.
#[test]
fn no_name_or_address_belongs_to_two_at_one_time() {
    for (contexts, users) in SIZES {
        for seed in 0..5 {
            let workload = workload(contexts, users, seed);
            let mut owners: BTreeMap<String, (String, String)> = BTreeMap::new();
            for item in workload.items() {
                let content = &item.content;
                let (kind, id) =
                    (content["udm_object_type"].to_string(), content["id"].to_string());
                owners.retain(|_, (_, owner)| *owner != id);
                let object = &content["object"];
                let mut claims = vec![format!("{kind} {}", object["name"])];
                claims.push(format!("login {}", object["username"]));
                claims.push(format!("address {}", object["mailPrimaryAddress"]));
                claims.push(format!("address {}", object["resourceMailAddress"]));
                for claim in claims.iter().filter(|claim| !claim.ends_with("null")) {
                    let claim = claim.to_lowercase();
                    let owner = owners.insert(claim.clone(), (item.file.clone(), id.clone()));
                    assert_eq!(owner, None, "seed {seed}: {}: {claim} is taken", item.file);
                }
            }
        }
    }
}

#[test]
fn a_context_is_empty_in_the_directory_when_it_is_deleted() {
    let mut deletions = 0;
    for (contexts, users) in SIZES {
        for seed in 0..5 {
            let workload = workload(contexts, users, seed);
            let mut places: BTreeMap<String, Value> = BTreeMap::new();
            let mut numbers: BTreeMap<String, String> = BTreeMap::new();
            for QueueItem { content, file } in workload.items() {
                let (id, object) = (content["id"].to_string(), &content["object"]);
                if content["udm_object_type"] == "oxmail/oxcontext" {
                    if object.is_null() {
                        deletions += 1;
                        let gone = numbers.remove(&id).unwrap();
                        let left = places.values().filter(|place| text(place) == gone).count();
                        // The one who is named like the administrator is never in OX.
                        assert!(left <= 1, "seed {seed}: {file}: {left} are left in {gone}");
                    } else {
                        numbers.insert(id, text(&object["contextid"]));
                    }
                } else if object.is_null() {
                    places.remove(&id);
                } else {
                    places.insert(id, object["oxContext"].clone());
                }
            }
        }
    }
    assert!(deletions > 10);
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Even the smallest workloads that can hold all of it do.
#[test]
fn every_kind_of_change_is_in_it() {
    let workload = workload(6, 12, 1);
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let mut last: BTreeMap<String, Value> = BTreeMap::new();
    let mut known: BTreeSet<String> = BTreeSet::new();
    for item in &workload.phases[0] {
        known.insert(item.content["id"].to_string());
        last.insert(item.content["id"].to_string(), item.content.clone());
    }
    let mut contexts: BTreeSet<String> =
        fold(workload.phases[0].iter()).expected_state()["contexts"]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect();
    for item in &workload.phases[1] {
        let now = &item.content;
        let (kind, object) = (now["udm_object_type"].as_str().unwrap(), &now["object"]);
        let id = now["id"].to_string();
        let old = last.insert(id.clone(), now.clone()).unwrap_or(Value::Null);
        let before = &old["object"];
        let changed = |name: &str| before[name] != object[name];
        let on = |object: &Value| {
            let flag = &object["isOxUser"];
            matches!(text(flag).as_str(), "OK" | "true" | "1")
        };
        let was_there = !before.is_null();
        match kind {
            "users/user" if object.is_null() => {
                seen.insert(if known.contains(&id) { "user gone" } else { "user made and gone" });
            }
            "users/user" if !was_there => {
                seen.insert("user made");
                if !contexts.contains(&text(&object["oxContext"])) {
                    seen.insert("user before his context");
                }
            }
            "users/user" => {
                let moved = text(&before["oxContext"]) != text(&object["oxContext"]);
                match (moved, changed("username")) {
                    (true, true) => seen.insert("user moved and renamed"),
                    (true, false) => seen.insert("user moved"),
                    (false, true) => seen.insert("user renamed"),
                    (false, false) if on(before) && !on(object) => seen.insert("user off"),
                    (false, false) if !on(before) && on(object) => seen.insert("user on"),
                    (false, false) if changed("oxAccess") => {
                        seen.insert(if object["oxAccess"] == "none" {
                            "rights none"
                        } else {
                            "rights other"
                        })
                    }
                    (false, false) if changed("mailPrimaryAddress") => {
                        seen.insert("user readdressed")
                    }
                    _ => seen.insert("user touched"),
                };
            }
            "groups/group" if object.is_null() => drop(seen.insert("group gone")),
            "groups/group" if !was_there => drop(seen.insert("group made")),
            "groups/group" if changed("name") => drop(seen.insert("group renamed")),
            "groups/group" if changed("isOxGroup") => drop(seen.insert("group off")),
            "groups/group" => drop(seen.insert("group members")),
            "oxmail/functional_account" if object.is_null() => drop(seen.insert("account gone")),
            "oxmail/functional_account" if !was_there => drop(seen.insert("account made")),
            "oxmail/functional_account" => drop(seen.insert("account members")),
            "oxresources/oxresources" if object.is_null() => drop(seen.insert("resource gone")),
            "oxresources/oxresources" if changed("oxContext") => {
                seen.insert("resource moved");
            }
            "oxresources/oxresources" => drop(seen.insert("resource changed")),
            "oxmail/accessprofile" => drop(seen.insert("profile changed")),
            "oxmail/oxcontext" if object.is_null() => drop(seen.insert("context gone")),
            "oxmail/oxcontext" if !was_there => {
                let new = contexts.insert(text(&object["contextid"]));
                seen.insert(if new { "context made" } else { "context made again" });
            }
            _ => drop(seen.insert("context changed")),
        }
    }
    let wanted = [
        "account gone",
        "account made",
        "account members",
        "context changed",
        "context gone",
        "context made",
        "context made again",
        "group gone",
        "group made",
        "group members",
        "group off",
        "group renamed",
        "profile changed",
        "resource changed",
        "resource gone",
        "resource moved",
        "rights none",
        "rights other",
        "user before his context",
        "user gone",
        "user made",
        "user made and gone",
        "user moved",
        "user moved and renamed",
        "user off",
        "user on",
        "user readdressed",
        "user renamed",
        "user touched",
    ];
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), wanted);
}

#[test]
fn the_wave_changes_what_ox_must_hold() {
    let workload = workload(5, 30, 3);
    let (first, both) = (fold(workload.phases[0].iter()), fold(workload.items()));
    assert!(compare(&first.expected_state(), &both.expected_state()).len() > 20);
}

#[test]
fn a_big_workload_is_made_too() {
    let workload = workload(1_000, 20, 1);
    let items = workload.items().count();
    assert!((25_000..60_000).contains(&items), "{items} items");
}
