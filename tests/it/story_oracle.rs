//! The demo's oracle, fed with the example story, says what the story says.
//!
//! The states of the story were worked out by hand and checked against another implementation; that
//! the oracle reaches them is the reason to believe it about workloads nobody checked by hand.

#![expect(clippy::unwrap_used, reason = "a panic is the report of a test")]

use std::path::{Path, PathBuf};

use drover::demo::{Defaults, Directory};
use serde_json::{Map, Value, json};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/story")
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// The oracle's state in the shape and with the fields of the story's states.
fn as_the_story_tells_it(state: &Value) -> Value {
    const FIELDS: [&str; 5] =
        ["primaryEmail", "aliases", "defaultSenderAddress", "mailenabled", "rights"];
    let mut contexts = Map::new();
    for (id, context) in state["contexts"].as_object().unwrap() {
        let mut users = Map::new();
        let mut helpdesk = Map::new();
        for (login, user) in context["users"].as_object().unwrap() {
            let fields = FIELDS.iter().map(|f| ((*f).to_owned(), user[*f].clone())).collect();
            users.insert(login.clone(), Value::Object(fields));
            for account in user["accounts"].as_array().unwrap() {
                assert_eq!(account["address"], "helpdesk@heide.example");
                helpdesk.insert(login.clone(), account["login"].clone());
            }
        }
        let groups = context["groups"].as_object().unwrap().iter();
        let groups: Map<String, Value> =
            groups.map(|(name, group)| (name.clone(), group["members"].clone())).collect();
        let resources: Vec<&String> = context["resources"].as_object().unwrap().keys().collect();
        contexts.insert(
            id.clone(),
            json!({
                "name": context["name"], "maxQuota": context["maxQuota"], "users": users,
                "groups": groups, "helpdesk_accounts": helpdesk, "resources": resources,
            }),
        );
    }
    Value::Object(contexts)
}

/// Lists in the story have an order that means nothing.
fn with_sorted_lists(value: &Value) -> Value {
    match value {
        Value::Array(list) => {
            let mut list: Vec<Value> = list.iter().map(with_sorted_lists).collect();
            list.sort_by_key(Value::to_string);
            Value::Array(list)
        }
        Value::Object(map) => {
            map.iter().map(|(key, value)| (key.clone(), with_sorted_lists(value))).collect()
        }
        other => other.clone(),
    }
}

#[test]
fn the_oracle_reaches_every_state_of_the_story() {
    let story = read(&fixtures().join("states.json"));
    let defaults = Defaults { default_context: 10, imap_host: "mail.heide.example".to_owned() };
    let mut directory = Directory::new(defaults).with_context(10, "context10");
    let mut files = 0;
    for batch in story["batches"].as_array().unwrap() {
        for file in batch["files"].as_array().unwrap() {
            directory.apply(&read(&fixtures().join(file.as_str().unwrap())));
            files += 1;
        }
        let found = with_sorted_lists(&as_the_story_tells_it(&directory.expected_state()));
        let told = with_sorted_lists(&batch["ox_after"]);
        let (found, told) = (format!("{found:#}"), format!("{told:#}"));
        assert_eq!(found, told, "after batch {}", batch["batch"]);
    }
    assert_eq!(files, 37, "a file of the story was not told");
}

#[test]
fn the_oracle_knows_the_storys_details() {
    let mut directory = Directory::new(Defaults {
        default_context: 10,
        imap_host: "mail.heide.example".to_owned(),
    })
    .with_context(10, "context10");
    let story = read(&fixtures().join("states.json"));
    let batches = story["batches"].as_array().unwrap();
    let feed = |directory: &mut Directory, batch: usize| {
        for file in batches[batch]["files"].as_array().unwrap() {
            directory.apply(&read(&fixtures().join(file.as_str().unwrap())));
        }
        directory.expected_state()["contexts"]["10"].clone()
    };

    let context = feed(&mut directory, 0);
    let anna = &context["users"]["anna.berg"];
    assert_eq!(anna["imapServer"], "mail1.heide.example");
    assert_eq!(anna["telephone_business2"], "+49 5191 101");
    assert_eq!(anna["cellular_telephone1"], "+49 170 5550101");
    assert_eq!(anna["note"], "Bees & bogs <north>");
    assert_eq!(context["users"]["bruno.kern"]["display_name"], "Bruno Kern (office)");
    let beamer = json!({
        "displayname": "Beamer 1", "description": "", "email": "beamer-1@heide.example",
    });
    assert_eq!(context["resources"]["beamer-1"], beamer);

    let context = feed(&mut directory, 1);
    let anna = &context["users"]["anna.berg"];
    assert_eq!(anna["imapServer"], "mail.heide.example", "back to the default");
    assert_eq!(anna["telephone_business2"], "", "taken away");
    assert_eq!(anna["cellular_telephone1"], "", "taken away");
    assert_eq!(anna["birthday"], "1985-12-24", "from the German form");
    assert_eq!(anna["sur_name"], "Berg-Roth");
}
