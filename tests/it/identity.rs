//! Objects that come under two ids: `entryUUID` and `univentionObjectIdentifier`.

use serde_json::{Value, json};

use crate::scene::{Batches, accounts, identified, number};
use crate::world::{World, account, gone, user, with};

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
