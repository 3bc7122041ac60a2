//! What only the connector's 4.x has: shared accounts with who may use them, and deputies.

use drover::sim::SimOptions;
use serde_json::{Value, json};

use super::connector::{Connector, Layout};
use super::take_over;
use crate::scene::{Batches, assert_holds, number};
use crate::world::{World, gone, item, user, with};

const CHANGE: &str = "OXSharedAccountService.change";
const GRANT: &str = "OXSharedAccountService.setSharedAccountPermissions";
const DELETE: &str = "OXSharedAccountService.delete";

/// What a connector of 4.x has provisioned, and its data folder; the world's own data folder is new.
fn left_behind(items: &[Value]) -> (World, Connector) {
    let options = SimOptions { newer: true, ..SimOptions::univention() };
    let mut world = World::with(options);
    world.env.insert("OX_ENABLE_DEPUTY_PERMISSIONS".to_owned(), "True".to_owned());
    Batches::of(&world).done(items.iter().cloned());
    let connector = Connector::of(&world, items, Layout::Database4);
    let keys = world.credentials();
    world.data = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(world.queue_dir()).unwrap();
    world.write_credentials(&keys);
    (world, connector)
}

fn permission() -> Value {
    item(
        "oxmail/shared_account_permission",
        "permission-full",
        "cn=full,cn=shared_account_permissions,dc=heide,dc=example",
        json!({"name": "full", "displayName": "full", "mail": "author", "calendar": "none",
               "sendAs": "TRUE"}),
    )
}

fn shared(name: &str, users: &[&str]) -> Value {
    let pair = |name: &&str| json!([format!("user-{name}"), "permission-full"]);
    item(
        "oxmail/shared_account",
        &format!("shared-{name}"),
        &format!("cn={name},cn=shared_accounts,dc=heide,dc=example"),
        json!({"name": name, "displayName": name, "oxContext": "10", "groups": [],
               "mailPrimaryAddress": format!("{name}@heide.example"),
               "users": users.iter().map(pair).collect::<Vec<_>>()}),
    )
}

/// Rules: N/takeover
#[test]
fn shared_accounts_are_taken_over_with_their_numbers_and_written_whole_once() {
    let items = [
        user("anna", 10),
        user("bert", 10),
        permission(),
        shared("info", &["anna"]),
        shared("help", &[]),
    ];
    let (world, connector) = left_behind(&items);
    let relation = "INSERT INTO relations (src_obj_id, src_udm_module, dst_obj_id, dst_udm_module, \
                    relation_name) VALUES ('shared-info', 'oxmail/shared_account', 'user-anna', \
                    'users/user', 'permitted')";
    connector.database().execute(relation, []).unwrap();
    connector.change("shared-help", |file| {
        file["object"].as_object_mut().unwrap().remove("oxDbId");
    });
    let before = number(&world, 10, "sharedAccounts", "info");
    world.sim.clear_log();
    let run = take_over(&world, connector.dir(), &[]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.log);
    assert_holds(&run.stdout, &["1 rows of the table relations"]);
    assert_eq!(world.calls(), [""; 0]);
    let mut batches = Batches::of(&world);
    let shown = |item: Value| with(item, json!({"displayName": "Shown"}));
    let calls = batches.calls([shown(shared("info", &["anna", "bert"]))]);
    // Numbers that come from elsewhere are looked up before they are used, all in one call.
    assert_eq!(calls, ["OXUserService.getMultipleData", CHANGE, GRANT]);
    assert_eq!(number(&world, 10, "sharedAccounts", "info"), before);
    assert_eq!(batches.calls([shown(shared("info", &["anna", "bert"]))]), [""; 0]);
    // Without a number it is found by its name.
    let calls = batches.calls([shown(shared("help", &["bert"]))]);
    assert_eq!(calls.last().map(String::as_str), Some(GRANT));
    assert!(!calls.iter().any(|call| call.ends_with(".create")), "{calls:?}");
    // A permission that changes reaches both.
    let less = with(permission(), json!({"mail": "viewer"}));
    assert_eq!(batches.calls([less]), [GRANT, GRANT]);
    let calls = batches.calls([gone(shared("info", &[]))]);
    assert_eq!(calls, [DELETE]);
}

#[test]
fn deputies_that_the_connector_gave_are_taken_back_when_the_directory_names_them_no_more() {
    let entry = |deputy: &str| {
        json!([format!("uid={deputy},cn=users,dc=heide,dc=example"), "02400", "00000", ""])
    };
    let anna = with(
        user("anna", 10),
        json!({"oxDeputyPermissionGivenTo": [entry("bert"), entry("cora")]}),
    );
    let (world, connector) = left_behind(&[user("bert", 10), user("cora", 10), anna.clone()]);
    take_over(&world, connector.dir(), &[]);
    let mut batches = Batches::of(&world);
    let given = || world.sim.state()["contexts"]["10"]["deputies"]["anna"]["given"].clone();
    assert_eq!(given().as_object().unwrap().len(), 2);
    let one = with(anna, json!({"oxDeputyPermissionGivenTo": [entry("bert")]}));
    let calls = batches.calls([one.clone()]);
    assert_eq!(calls.iter().filter(|call| call.ends_with(".revoke")).count(), 1, "{calls:?}");
    assert_eq!(given().as_object().unwrap().keys().collect::<Vec<_>>(), ["bert"]);
    assert_eq!(batches.calls([one]), [""; 0]);
    batches.done([user("anna", 10)]);
    assert_eq!(world.sim.state()["contexts"]["10"]["deputies"], json!({}));
}
