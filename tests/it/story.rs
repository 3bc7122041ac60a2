//! The example story, replayed batch by batch: two invented days at Heidehof eG.

use std::path::Path;

use serde_json::Value;

use crate::world::World;

#[test]
fn the_story_ends_each_of_its_batches_as_told() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/story");
    let states: Value =
        serde_json::from_slice(&std::fs::read(folder.join("states.json")).unwrap()).unwrap();
    let mut world = World::new();
    let settings = states["settings"].as_object().unwrap();
    for (name, value) in settings {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        world.env.insert(name.clone(), text);
    }
    world.write_credentials(&states["ox_before"]["credentials"]);
    for batch in states["batches"].as_array().unwrap() {
        for name in batch["files"].as_array().unwrap() {
            let name = name.as_str().unwrap();
            world.put_bytes(name, &std::fs::read(folder.join(name)).unwrap());
        }
        world.provision();
        let number = &batch["batch"];
        let expected = batch["ox_after"].as_object().unwrap();
        let ox = world.ox();
        let found: Vec<&String> = ox["contexts"].as_object().unwrap().keys().collect();
        assert_eq!(found, expected.keys().collect::<Vec<_>>(), "batch {number}");
        for (id, expected) in expected {
            check_context(&format!("batch {number}, context {id}"), &ox["contexts"][id], expected);
        }
    }
    world.assert_no_overlap();
    // The second life of context 20 has a key of its own.
    let credentials = world.credentials();
    assert_eq!(credentials["20"]["adminuser"], "oxadmin-context20");
    assert_eq!(credentials["20"]["adminpass"].as_str().unwrap().len(), 64);
    let profiles =
        std::fs::read_to_string(world.data.path().join("ModuleAccessDefinitions.properties"));
    let profiles = profiles.unwrap();
    assert!(profiles.contains("\nnone=\n"), "an empty profile survives: {profiles}");
    assert!(profiles.contains("\ndrive & mail=contacts,infostore,webmail\n"), "{profiles}");
}

fn check_context(place: &str, found: &Value, expected: &Value) {
    assert_eq!(found["name"], expected["name"], "{place}");
    assert_eq!(
        found["maxQuota"].as_i64().filter(|q| *q >= 0),
        expected["maxQuota"].as_i64(),
        "{place}"
    );
    let users = |of: &Value| of["users"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(users(found), users(expected), "{place}");
    for (name, user) in expected["users"].as_object().unwrap() {
        check_user(&format!("{place}, {name}"), &found["users"][name], user);
        let login = found["users"][name]["accounts"].as_array().unwrap();
        let login = login.iter().find(|a| a["address"] == "helpdesk@heide.example");
        let expected = &expected["helpdesk_accounts"][name];
        assert_eq!(login.map_or(&Value::Null, |a| &a["login"]), expected, "{place}, {name}");
    }
    let groups = found["groups"].as_object().unwrap();
    let names: Vec<&String> = groups.keys().filter(|name| *name != "users").collect();
    assert_eq!(
        names,
        expected["groups"].as_object().unwrap().keys().collect::<Vec<_>>(),
        "{place}"
    );
    for (name, members) in expected["groups"].as_object().unwrap() {
        assert_eq!(&groups[name]["members"], members, "{place}, {name}");
    }
    let resources: Vec<&String> = found["resources"].as_object().unwrap().keys().collect();
    let expected: Vec<&str> =
        expected["resources"].as_array().unwrap().iter().map(|r| r.as_str().unwrap()).collect();
    assert_eq!(resources, expected, "{place}");
}

fn check_user(place: &str, found: &Value, expected: &Value) {
    for field in ["primaryEmail", "defaultSenderAddress", "mailenabled"] {
        assert_eq!(found[field], expected[field], "{place}: {field}");
    }
    let sorted = |list: &Value, without: &str| {
        let mut texts: Vec<String> = list
            .as_array()
            .unwrap()
            .iter()
            .map(|text| text.as_str().unwrap().to_owned())
            .filter(|text| text != without)
            .collect();
        texts.sort();
        texts
    };
    assert_eq!(sorted(&found["aliases"], ""), sorted(&expected["aliases"], ""), "{place}");
    // OX reads `publication` back as true whatever was sent.
    let rights = sorted(&found["rights"], "publication");
    assert_eq!(rights, sorted(&expected["rights"], ""), "{place}");
}
