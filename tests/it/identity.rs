//! Objects that come under two ids: `entryUUID` and `univentionObjectIdentifier`.

use serde_json::{Value, json};

use crate::admin::{get, serving};
use crate::scene::{Batches, accounts, identified, number};
use crate::world::{World, account, eventually, file, gone, user, with};

fn known_as(item: Value, id: &str) -> Value {
    with(identified(item, id), json!({"univentionObjectIdentifier": "uoi-1"}))
}

#[test]
fn whichever_id_comes_first_the_other_means_the_same_object() {
    for [first, second] in [["entry-1", "uoi-1"], ["uoi-1", "entry-1"]] {
        let world = World::new();
        let mut batches = Batches::of(&world);
        // Both in one run, and in another: pending, and known.
        let changed = with(user("anna", 10), json!({"lastname": "Berg"}));
        batches.done([known_as(user("anna", 10), first), known_as(changed.clone(), second)]);
        let anna = number(&world, 10, "users", "anna");
        let renamed = with(changed, json!({"username": "anne"}));
        let calls = batches.calls([known_as(renamed.clone(), second)]);
        assert!(!calls.iter().any(|call| call.contains("create")), "{calls:?}");
        assert_eq!(number(&world, 10, "users", "anne"), anna);
        // The deletion has no properties that would tell.
        batches.done([gone(identified(renamed, second))]);
        assert_eq!(world.users(10), [""; 0], "{first} first");
    }
}

#[test]
fn logins_of_functional_accounts_keep_the_id_that_items_came_under_first() {
    let mut world = World::new();
    let template = "{{fa_entry_uuid}}.{{entry_uuid}}";
    world.env.insert("OX_FUNCTIONAL_ACCOUNT_LOGIN_TEMPLATE".to_owned(), template.to_owned());
    for [first, second] in [["entry-1", "uoi-1"], ["uoi-1", "entry-1"]] {
        let mut batches = Batches::of(&world);
        let anna = |id| known_as(user("anna", 10), id);
        batches.done([anna(first), account("info", &["anna"])]);
        let login = format!("account-info.{first}");
        assert_eq!(accounts(&world, 10, "anna"), [("info@heide.example".to_owned(), login)]);
        let mut later = Batches::later(&world);
        assert_eq!(later.calls([anna(second), account("info", &["anna"])]), [""; 0]);
        later.done([gone(account("info", &[])), gone(identified(anna(first), first))]);
        std::fs::remove_file(world.data.path().join("drover.db")).unwrap();
    }
}

#[test]
fn an_operator_can_name_an_object_by_either_of_its_ids() {
    for [first, second] in [["entry-1", "uoi-1"], ["uoi-1", "entry-1"]] {
        let world = World::new();
        Batches::of(&world)
            .done([known_as(user("anna", 10), first), known_as(user("anna", 10), second)]);
        for id in [first, second] {
            let history = world.ask("history", &[id, "--json"]);
            assert_eq!(history.code, 0, "{first} first: {}", history.log);
            let items: Value = serde_json::from_str(&history.stdout).unwrap();
            assert_eq!(items[0]["object"], first, "{items}");
        }
        let service = serving(&world);
        world.ask("context", &["hold", "10"]);
        world.put(&file(900), &with(known_as(user("anna", 10), first), json!({"lastname": "B"})));
        eventually("her item", || get(&world, "/v1/contexts/10")["pending"] == 1);
        for id in [first, second] {
            let told = get(&world, &format!("/v1/history?what={id}"));
            assert_eq!(told["items"][0]["object"], first, "{told}");
            assert_eq!(world.ask("queue", &["list", "--object", id]).code, 0, "{id}");
            assert_eq!(world.ask("resync", &[id, "--dry-run"]).code, 0, "{id}");
        }
        let run = world.ask("queue", &["drop", "--object", second, "--yes"]);
        assert!(run.stdout.contains("done for 1 item"), "{}{}", run.stdout, run.log);
        service.terminate();
    }
}

#[test]
fn either_id_protects_an_object() {
    for [first, second] in [["entry-1", "uoi-1"], ["uoi-1", "entry-1"]] {
        for protected in [first, second] {
            let mut world = World::new();
            let both = [known_as(user("anna", 10), first), known_as(user("anna", 10), second)];
            Batches::of(&world).done(both);
            world.env.insert("DROVER__PROTECT__IDS".to_owned(), protected.to_owned());
            let changed = with(user("anna", 10), json!({"lastname": "Berg"}));
            let mut batches = Batches::later(&world);
            for id in [first, second] {
                let calls = batches.calls([known_as(changed.clone(), id)]);
                let writes = calls.iter().any(|call| call.contains("change"));
                assert!(!writes, "{first} first, {protected} protected, {id} comes: {calls:?}");
            }
            let calls = batches.calls([gone(identified(changed, second))]);
            assert!(!calls.iter().any(|call| call.contains("delete")), "{calls:?}");
            assert_eq!(world.users(10), ["anna"]);
        }
    }
}
