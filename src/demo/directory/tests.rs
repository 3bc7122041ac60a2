use proptest::prelude::*;
use serde_json::json;

use super::*;

fn directory() -> Directory {
    let imap_host = "mail.example".to_owned();
    Directory::new(Defaults { default_context: 1, imap_host })
}

fn item(id: &str, kind: &str, dn: &str, object: &Value) -> Value {
    json!({ "id": id, "udm_object_type": kind, "dn": dn, "object": object, "options": null })
}

fn context(uuid: &str, number: u32) -> Value {
    let object = json!({ "name": format!("ctx{number}"), "contextid": number });
    item(uuid, "oxmail/oxcontext", "cn=c", &object)
}

fn context_gone(uuid: &str) -> Value {
    item(uuid, "oxmail/oxcontext", "cn=c", &Value::Null)
}

fn user(id: &str, context: u32, more: &Value) -> Value {
    let mut object = json!({
        "username": id, "oxContext": context.to_string(), "isOxUser": "OK", "oxAccess": "basic",
        "mailPrimaryAddress": format!("{id}@a.example"),
    });
    for (name, value) in more.as_object().unwrap() {
        object[name] = value.clone();
    }
    item(id, "users/user", &format!("uid={id},dc=example"), &object)
}

fn group(id: &str, members: &[&str]) -> Value {
    let users: Vec<String> = members.iter().map(|id| format!("UID={id},dc=example")).collect();
    let object = json!({ "name": id, "isOxGroup": "OK", "users": users });
    item(id, "groups/group", &format!("cn={id}"), &object)
}

fn profile(words: &[&str]) -> Value {
    let mut object = json!({ "name": "basic" });
    for word in words {
        object[*word] = json!("TRUE");
    }
    item("basic", "oxmail/accessprofile", "cn=basic", &object)
}

fn state(items: &[Value]) -> Value {
    let mut directory = directory();
    directory.apply_all(items);
    directory.expected_state()
}

#[test]
fn rights_are_those_of_the_users_last_change() {
    let mut items = vec![context("c", 7), profile(&["webmail"]), user("a", 7, &json!({}))];
    items.push(profile(&["webmail", "tasks"]));
    items.push(user("b", 7, &json!({})));
    let users = &state(&items)["contexts"]["7"]["users"];
    assert_eq!(users["a"]["rights"], json!(["webmail"]));
    assert_eq!(users["b"]["rights"], json!(["tasks", "webmail"]));
    items.push(user("a", 7, &json!({ "oxAccess": "unheard of" })));
    let users = &state(&items)["contexts"]["7"]["users"];
    assert_eq!(users["a"]["rights"], json!(["webmail"]), "an unknown profile leaves them");
    items.push(user("a", 7, &json!({ "oxAccess": "" })));
    let users = &state(&items)["contexts"]["7"]["users"];
    assert_eq!((&users["a"]["rights"], &users["a"]["mailenabled"]), (&json!([]), &json!(false)));
}

#[test]
fn the_administrator_and_those_without_context_are_left_alone() {
    let admin = user("oxadmin-context7", 7, &json!({}));
    let nowhere = user("b", 7, &json!({ "oxContext": null }));
    let items = [context("c", 7), admin, nowhere, group("g", &["oxadmin-context7", "b"])];
    let context = &state(&items)["contexts"]["7"];
    assert_eq!((&context["users"], &context["groups"]), (&json!({}), &json!({})));
}

#[test]
fn a_deleted_context_takes_what_was_written_before_and_waits_for_what_comes_after() {
    let items = [
        context("c", 7),
        user("old", 7, &json!({})),
        context_gone("c"),
        user("new", 7, &json!({})),
        group("g", &["old", "new"]),
        context("d", 7),
    ];
    let context = &state(&items)["contexts"]["7"];
    let users: Vec<&String> = context["users"].as_object().unwrap().keys().collect();
    assert_eq!(users, ["new"]);
    assert_eq!(context["groups"]["g"]["members"], json!(["new"]));
    assert_eq!(state(&items[..5])["contexts"], json!({}));
}

#[test]
fn a_deletion_of_an_old_object_does_not_hit_its_successor() {
    let items = [context("c", 7), context_gone("c"), context("d", 7), context_gone("c")];
    assert!(state(&items)["contexts"]["7"].is_object());
}

#[test]
fn accounts_belong_to_their_users_only() {
    let desk = json!({
        "name": "desk", "mailPrimaryAddress": "desk@a.example", "users": "uid=a,dc=example",
    });
    let desk = item("desk-id", "oxmail/functional_account", "cn=desk", &desk);
    let items = [context("c", 7), desk, user("a", 7, &json!({})), user("b", 7, &json!({}))];
    let users = &state(&items)["contexts"]["7"]["users"];
    let account = json!([{
        "address": "desk@a.example", "name": "desk", "personal": "", "login": "desk-ida",
        "secondary": true,
    }]);
    assert_eq!((&users["a"]["accounts"], &users["b"]["accounts"]), (&account, &json!([])));
}

/// One change in a small town of two contexts.
fn change() -> impl Strategy<Value = Value> {
    let who = prop::sample::select(vec!["a", "b", "c", "d"]);
    let whom = prop::collection::vec(prop::sample::select(vec!["a", "b", "c", "d"]), 0..4);
    prop_oneof![
        4 => (who.clone(), 7u32..9, prop::sample::select(vec!["OK", "Not"]))
            .prop_map(|(id, context, on)| user(id, context, &json!({ "isOxUser": on }))),
        1 => who.prop_map(|id| item(id, "users/user", "uid=x", &Value::Null)),
        2 => (prop::sample::select(vec!["g", "h"]), whom)
            .prop_map(|(id, members)| group(id, &members)),
        1 => prop::sample::select(vec!["g", "h"])
            .prop_map(|id| item(id, "groups/group", "cn=x", &Value::Null)),
    ]
}

fn start() -> Vec<Value> {
    vec![context("seven", 7), context("eight", 8), profile(&["webmail"])]
}

proptest! {
    #[test]
    fn only_the_last_item_of_each_object_counts(changes in prop::collection::vec(change(), 0..30)) {
        let mut all = start();
        all.extend(changes.iter().cloned());
        let mut last = start();
        last.extend(changes.iter().enumerate().filter(|(at, change)| {
            changes[at + 1..].iter().all(|later| later["id"] != change["id"])
        }).map(|(_, change)| change.clone()));
        prop_assert_eq!(state(&all), state(&last));
    }

    #[test]
    fn the_order_of_different_objects_does_not_matter(
        changes in prop::collection::vec(change(), 0..30),
        seed in any::<u64>(),
    ) {
        // Swapping neighbours of different objects reaches every such order.
        let mut other = changes.clone();
        let mut seed = seed;
        for _ in 0..4 {
            for at in 1..other.len() {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                if seed >> 63 == 1 && other[at - 1]["id"] != other[at]["id"] {
                    other.swap(at - 1, at);
                }
            }
        }
        let fold = |changes: Vec<Value>| {
            let mut all = start();
            all.extend(changes);
            state(&all)
        };
        prop_assert_eq!(fold(changes), fold(other));
    }

    #[test]
    fn telling_it_again_changes_nothing(changes in prop::collection::vec(change(), 0..30)) {
        let mut all = start();
        all.extend(changes.iter().cloned());
        let once = state(&all);
        // Every object's last state once more, as a resync of the directory tells it.
        let resync: Vec<Value> = all.iter().enumerate().filter(|(at, item)| {
            all[at + 1..].iter().all(|later| later["id"] != item["id"])
        }).map(|(_, item)| item.clone()).collect();
        all.extend(resync);
        prop_assert_eq!(state(&all), once);
    }

    #[test]
    fn a_change_and_its_undoing_leave_no_trace(
        changes in prop::collection::vec(change(), 0..20),
        wave in prop::collection::vec(change(), 0..20),
    ) {
        let mut all = start();
        all.extend(changes);
        let before = state(&all);
        let last: Vec<Value> = wave.iter().map(|change| {
            let old = all.iter().rev().find(|item| item["id"] == change["id"]);
            let gone = || item(
                change["id"].as_str().unwrap(),
                change["udm_object_type"].as_str().unwrap(),
                "cn=x",
                &Value::Null,
            );
            old.cloned().unwrap_or_else(gone)
        }).collect();
        all.extend(wave);
        all.extend(last);
        prop_assert_eq!(state(&all), before);
    }

    #[test]
    fn nobody_is_in_two_contexts_and_every_member_is_a_user(
        changes in prop::collection::vec(change(), 0..30),
    ) {
        let mut all = start();
        all.extend(changes);
        let state = state(&all);
        let mut seen = BTreeSet::new();
        for context in state["contexts"].as_object().unwrap().values() {
            let users = context["users"].as_object().unwrap();
            for login in users.keys() {
                prop_assert!(seen.insert(login.clone()));
            }
            for group in context["groups"].as_object().unwrap().values() {
                let members = group["members"].as_array().unwrap();
                prop_assert!(!members.is_empty());
                for member in members {
                    prop_assert!(users.contains_key(member.as_str().unwrap()));
                }
            }
        }
    }
}
