//! Shared accounts: mailboxes that belong to nobody, and who may use them.

use drover::sim::{Effect, Rule, SimOptions};
use serde_json::{Value, json};

use crate::scene::{Batches, assert_holds, number, warns};
use crate::world::{World, context, gone, group, item, user, with};

const CREATE: &str = "OXSharedAccountService.create";
const CHANGE: &str = "OXSharedAccountService.change";
const GET: &str = "OXSharedAccountService.getData";
const GRANT: &str = "OXSharedAccountService.setSharedAccountPermissions";
const CONVERT: &str = "OXSharedAccountService.convertUserToSharedAccount";
const DELETE: &str = "OXSharedAccountService.delete";

fn world() -> World {
    World::with(SimOptions { newer: true, ..SimOptions::univention() })
}

fn permission(name: &str, mail: &str, capabilities: Value) -> Value {
    let mut object = json!({"name": name, "displayName": name, "mail": mail, "calendar": "none"});
    object.as_object_mut().unwrap().extend(capabilities.as_object().unwrap().clone());
    item(
        "oxmail/shared_account_permission",
        &format!("permission-{name}"),
        &format!("cn={name},cn=shared_account_permissions,dc=heide,dc=example"),
        object,
    )
}

/// An account granted to users and groups with one permission.
fn shared(name: &str, permission: &str, users: &[&str], groups: &[&str]) -> Value {
    let pairs = |kind: &str, names: &[&str]| {
        let pair =
            |name: &&str| json!([format!("{kind}-{name}"), format!("permission-{permission}")]);
        names.iter().map(pair).collect::<Vec<_>>()
    };
    item(
        "oxmail/shared_account",
        &format!("shared-{name}"),
        &format!("cn={name},cn=shared_accounts,dc=heide,dc=example"),
        json!({"name": name, "displayName": format!("The {name}"), "oxContext": "10",
               "mailPrimaryAddress": format!("{name}@heide.example"),
               "users": pairs("user", users), "groups": pairs("group", groups)}),
    )
}

fn account(world: &World, name: &str) -> Value {
    world.sim.state()["contexts"]["10"]["sharedAccounts"][name].clone()
}

/// Users and groups of each grant, with the mail level.
fn grants(world: &World, name: &str) -> Vec<(String, Value, Value)> {
    let grants = account(world, name)["grants"].clone();
    let one = |grant: &Value| {
        let mail = grant["mail"].as_str().unwrap().to_owned();
        (mail, grant["users"].clone(), grant["groups"].clone())
    };
    grants.as_array().unwrap_or_else(|| panic!("no {name}")).iter().map(one).collect()
}

/// Rules: N/shared
#[test]
fn an_account_is_made_granted_changed_and_deleted_each_by_what_differs() {
    let world = world();
    let mut batches = Batches::of(&world);
    batches.done([
        user("anna", 10),
        user("bert", 10),
        group("team", &["bert"]),
        permission("full", "author", json!({"sendAs": "TRUE", "snippets": "FALSE"})),
    ]);
    let info = shared("info", "full", &["anna"], &["team"]);
    assert_eq!(batches.calls([info.clone()]), [CREATE, GRANT]);
    let made = account(&world, "info");
    for (name, value) in [
        ("display_name", "The info"),
        ("primaryEmail", "info@heide.example"),
        ("email1", "info@heide.example"),
        ("language", "de_DE"),
        ("timezone", "Europe/Berlin"),
        ("imapServer", "mail.heide.example"),
        ("imapPort", "143"),
        ("imapSchema", "imap://"),
        ("smtpPort", "587"),
    ] {
        assert_eq!(made["values"][name], value, "{name}");
    }
    assert_eq!(grants(&world, "info"), [("author".to_owned(), json!(["anna"]), json!(["team"]))]);
    assert_eq!(made["grants"][0]["capabilities"], json!(["sendAs"]));
    assert_eq!(batches.calls([info.clone()]), [""; 0]);
    let renamed = with(info.clone(), json!({"displayName": "Information"}));
    assert_eq!(batches.calls([renamed]), [CHANGE]);
    let only_bert = shared("info", "full", &["bert"], &[]);
    let only_bert = with(only_bert, json!({"displayName": "Information"}));
    assert_eq!(batches.calls([only_bert.clone()]), [GRANT]);
    assert_eq!(grants(&world, "info"), [("author".to_owned(), json!(["bert"]), json!([]))]);
    let nobody = with(only_bert.clone(), json!({"users": [], "name": "help"}));
    assert_eq!(batches.calls([nobody]), [CHANGE, GRANT]);
    assert_eq!(grants(&world, "help"), []);
    assert_eq!(batches.calls([gone(only_bert)]), [DELETE]);
    assert_eq!(world.sim.state()["contexts"]["10"]["sharedAccounts"], json!({}));
    world.assert_no_overlap();
}

/// Rules: N/shared-later
#[test]
fn whoever_and_whatever_comes_later_is_granted_when_it_comes() {
    let world = world();
    let mut batches = Batches::of(&world);
    let run = batches.done([shared("info", "full", &["anna"], &["team"])]);
    assert!(warns(&run, &["shared-info", "permission that is not known"]), "{}", run.log);
    assert_eq!(grants(&world, "info"), []);
    batches.done([permission("full", "author", json!({}))]);
    assert_eq!(grants(&world, "info"), []);
    batches.done([user("anna", 10)]);
    assert_eq!(grants(&world, "info"), [("author".to_owned(), json!(["anna"]), json!([]))]);
    batches.done([user("bert", 10), group("team", &["bert"])]);
    assert_eq!(grants(&world, "info"), [("author".to_owned(), json!(["anna"]), json!(["team"]))]);
    batches.done([permission("full", "viewer", json!({}))]);
    assert_eq!(grants(&world, "info"), [("viewer".to_owned(), json!(["anna"]), json!(["team"]))]);
    // Switched off and on again he is another account with another number.
    batches.done([with(user("anna", 10), json!({"isOxUser": "Not"}))]);
    batches.done([user("anna", 10)]);
    assert_eq!(grants(&world, "info"), [("viewer".to_owned(), json!(["anna"]), json!(["team"]))]);
    batches.done([gone(group("team", &["bert"]))]);
    batches.done([group("team", &["bert"])]);
    assert_eq!(grants(&world, "info"), [("viewer".to_owned(), json!(["anna"]), json!(["team"]))]);
    batches.done([gone(permission("full", "viewer", json!({})))]);
    assert_eq!(grants(&world, "info"), []);
    world.assert_no_overlap();
}

#[test]
fn all_in_one_run_in_the_worst_order_ends_the_same() {
    let world = world();
    let mut batches = Batches::of(&world);
    batches.done([
        shared("info", "full", &["anna", "bert"], &["team"]),
        group("team", &["bert"]),
        user("bert", 10),
        user("anna", 10),
        permission("full", "editor", json!({})),
    ]);
    let all = [("editor".to_owned(), json!(["anna", "bert"]), json!(["team"]))];
    assert_eq!(grants(&world, "info"), all);
    world.assert_no_overlap();
}

/// Rules: N/identity
#[test]
fn a_grantee_who_is_known_by_his_other_id_is_granted() {
    let world = world();
    let mut batches = Batches::of(&world);
    let anna = with(user("anna", 10), json!({"univentionObjectIdentifier": "uoi-anna"}));
    let text = json!({"users": ["uoi-anna with permission-full"]});
    let info = with(shared("info", "full", &[], &[]), text);
    batches.done([permission("full", "viewer", json!({})), info]);
    batches.done([anna]);
    assert_eq!(grants(&world, "info"), [("viewer".to_owned(), json!(["anna"]), json!([]))]);
}

/// Rules: N/shared-context
#[test]
fn who_is_in_another_context_is_left_out_aloud() {
    let world = world();
    let mut batches = Batches::of(&world);
    batches.done([context(20), user("anna", 20), permission("full", "viewer", json!({}))]);
    let run = batches.done([shared("info", "full", &["anna"], &[])]);
    assert!(warns(&run, &["user-anna", "is in another context"]), "{}", run.log);
    assert_eq!(grants(&world, "info"), []);
    batches.done([user("anna", 10)]);
    assert_eq!(grants(&world, "info"), [("viewer".to_owned(), json!(["anna"]), json!([]))]);
}

/// Rules: N/shared-user
#[test]
fn a_user_becomes_a_shared_account_and_keeps_his_number() {
    let world = world();
    let mut batches = Batches::of(&world);
    batches.done([user("anna", 10), user("info", 10), permission("full", "author", json!({}))]);
    let info = number(&world, 10, "users", "info");
    let mut account = shared("info", "full", &["anna"], &[]);
    account["id"] = json!("user-info");
    assert_eq!(batches.calls([account.clone()]), [CONVERT, CHANGE, GRANT]);
    assert_eq!(number(&world, 10, "sharedAccounts", "info"), info);
    assert_eq!(world.users(10), ["anna"]);
    assert_eq!(batches.calls([account]), [""; 0]);
}

#[test]
fn one_that_is_there_already_is_taken_over() {
    let world = world();
    let mut batches = Batches::of(&world);
    let info = shared("info", "full", &[], &[]);
    batches.done([info.clone()]);
    let before = number(&world, 10, "sharedAccounts", "info");
    std::fs::remove_file(world.data.path().join("drover.db")).unwrap();
    let mut later = Batches::later(&world);
    assert_eq!(later.calls([info]), [CREATE, GET, CHANGE, GRANT]);
    assert_eq!(number(&world, 10, "sharedAccounts", "info"), before);
}

#[test]
fn after_a_lost_answer_nothing_is_made_twice() {
    for operation in ["create", "change", "setSharedAccountPermissions"] {
        let world = world();
        let mut batches = Batches::of(&world);
        batches.done([user("anna", 10), permission("full", "author", json!({}))]);
        let lost = Rule::new(Effect::ApplyThenDrop).on("OXSharedAccountService", operation);
        world.sim.script(lost.times(1));
        batches.done([
            shared("info", "full", &["anna"], &[]),
            with(shared("info", "full", &["anna"], &[]), json!({"displayName": "x"})),
        ]);
        assert_eq!(grants(&world, "info").len(), 1, "{operation}");
        assert_eq!(account(&world, "info")["values"]["display_name"], "x", "{operation}");
        let accounts = world.sim.state()["contexts"]["10"]["sharedAccounts"].clone();
        assert_eq!(accounts.as_object().unwrap().len(), 1, "{operation}");
    }
}

/// Rules: N/shared-missing
#[test]
fn where_ox_has_no_shared_accounts_the_item_waits_and_says_why() {
    let world = World::new();
    let mut batches = Batches::of(&world);
    batches.done([permission("full", "author", json!({}))]);
    let run = batches.faulty([shared("info", "full", &[], &[])]);
    let told =
        ["OX does not offer OXSharedAccountService.create", "8.49", "mapping.shared_accounts"];
    assert_holds(&run.log, &told);
    assert_eq!(world.queue().len(), 1);
}

/// Rules: N/shared-off
#[test]
fn switched_off_they_are_left_alone_aloud() {
    let mut world = world();
    world.env.insert("OX_ENABLE_SHARED_ACCOUNT".to_owned(), "False".to_owned());
    let mut batches = Batches::of(&world);
    world.sim.clear_log();
    let run = batches.done([shared("info", "full", &[], &[])]);
    assert!(warns(&run, &["shared-info", "switched off"]), "{}", run.log);
    assert_eq!(world.calls(), [""; 0]);
}

/// Rules: N/shared-name
#[test]
fn the_identifier_setting_names_them_and_one_without_is_told() {
    let mut world = world();
    let variable = "OX_SHARED_ACCOUNT_IDENTIFIER".to_owned();
    world.env.insert(variable, "mailPrimaryAddress".to_owned());
    let mut batches = Batches::of(&world);
    batches.done([shared("info", "full", &[], &[])]);
    assert!(account(&world, "info@heide.example").is_object());
    world.env.insert("OX_SHARED_ACCOUNT_IDENTIFIER".to_owned(), "office".to_owned());
    let run = Batches::later(&world).faulty([shared("help", "full", &[], &[])]);
    assert_holds(&run.log, &["OX_SHARED_ACCOUNT_IDENTIFIER", "office"]);
}

#[test]
fn compared_with_ox_they_are_the_same_until_somebody_changes_one_by_hand() {
    let world = world();
    let mut batches = Batches::of(&world);
    batches.done([
        user("anna", 10),
        permission("full", "author", json!({})),
        shared("info", "full", &["anna"], &[]),
        shared("help", "full", &[], &[]),
        shared("shop", "full", &[], &[]),
    ]);
    let compare = || world.ask("compare", &["--rate", "0", "--all", "--json"]);
    let found = |run: &crate::world::Run| {
        let lines = run.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|line| line["kind"] == "shared_account").collect::<Vec<_>>()
    };
    let run = compare();
    assert_eq!((run.code, found(&run)), (0, Vec::new()), "{}{}", run.stdout, run.log);
    assert_holds(&run.stdout, &["\"compared\":4", "\"same\":4"]);
    let hand = crate::scene::ByHand::of(&world);
    let ten = drover::model::ContextId(10);
    let id = |name| {
        drover::model::OxId(u32::try_from(number(&world, 10, "sharedAccounts", name)).unwrap())
    };
    let data = |name: &str, shown: &str| drover::ox::SharedAccountData {
        name: name.to_owned(),
        display_name: shown.to_owned(),
        address: format!("{name}@heide.example"),
        ..Default::default()
    };
    let ox = &hand.ox as &dyn drover::ox::SharedAccounts;
    hand.run(ox.shared_account_change(ten, id("info"), &data("info", "by hand"))).unwrap();
    hand.run(ox.shared_account_delete(ten, id("help"))).unwrap();
    hand.run(ox.shared_account_create(ten, &data("stranger", "x"))).unwrap();
    let run = compare();
    let states: Vec<(Value, Value)> =
        found(&run).iter().map(|one| (one["name"].clone(), one["state"].clone())).collect();
    let expected = [("help", "missing"), ("info", "differs"), ("stranger", "unknown")];
    assert_eq!(states, expected.map(|(name, state)| (json!(name), json!(state))), "{}", run.stdout);
    assert_holds(&run.stdout, &["\"field\":\"display_name\"", "\"ox\":\"by hand\""]);
}
