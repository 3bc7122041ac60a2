//! Users: each change is one call, and each stays the same account whatever happens to it.

use serde_json::{Value, json};

use crate::scene::{
    Batches, ByHand, accounts, assert_holds, at, field, members, number, raw_user, rights, warns,
};
use crate::world::{World, account, gone, group, user, with};

const CREATE: &str = "OXUserService.createByModuleAccess";
const CHANGE: &str = "OXUserService.change";
const ACCESS: &str = "OXUserService.changeByModuleAccess";
const DELETE: &str = "OXUserService.delete";

// OBJ-11, OBJ-23, OBJ-34, ATT-13, ATT-14
/// Rules: Q3, U5, U8, U14, D48, D59, 8.1/change
#[test]
fn making_changing_and_deleting_a_user_is_one_call_each_and_no_change_is_none() {
    let world = World::new();
    let mut batches = Batches::of(&world);
    let anna = user("anna", 10);
    assert_eq!(batches.calls([anna.clone()]), [CREATE]);
    let made = raw_user(&world, 10, "anna");
    for (name, value) in [
        ("display_name", "anna"),
        ("given_name", "Vor"),
        ("sur_name", "anna"),
        ("primaryEmail", "anna@heide.example"),
        ("email1", "anna@heide.example"),
        ("defaultSenderAddress", "anna@heide.example"),
        ("language", "de_DE"),
        ("timezone", "Europe/Berlin"),
        ("imapLogin", "anna@heide.example"),
    ] {
        assert_eq!(made["fields"][name], value, "{name}");
    }
    // All rights were sent: OX grants whatever a request leaves out.
    let webmail = [
        "collectEmailAddresses",
        "contacts",
        "multipleMailAccounts",
        "publication",
        "subscription",
    ];
    assert_eq!(rights(&world, 10, "anna"), [&webmail[..], &["webmail"]].concat());
    assert_eq!(batches.calls([anna.clone()]), [""; 0]);
    let changed = with(anna, json!({"lastname": "Berg", "phone": ["1", "2"]}));
    assert_eq!(batches.calls([changed.clone()]), [CHANGE]);
    assert_eq!(batches.calls([changed.clone(), changed.clone()]), [""; 0]);
    let pim = with(changed.clone(), json!({"oxAccess": "pim"}));
    assert_eq!(batches.calls([pim]), [ACCESS]);
    assert!(rights(&world, 10, "anna").contains(&"calendar".to_owned()));
    let both = with(changed, json!({"oxAccess": "none", "lastname": "Roth"}));
    assert_eq!(batches.calls([both.clone()]), [CHANGE, ACCESS]);
    assert_eq!(batches.calls([gone(both)]), [DELETE]);
    assert_eq!(world.users(10), [""; 0]);
}

// OBJ-14, OBJ-17
/// Rules: Q8, U8, P6
#[test]
fn a_renamed_user_stays_the_same_account_in_all_its_groups() {
    let world = World::new();
    let mut batches = Batches::of(&world);
    batches.done([user("anna", 10), group("team", &["anna"])]);
    let before = number(&world, 10, "users", "anna");
    let dn = "uid=anne,cn=users,dc=heide,dc=example";
    let renamed = at(with(user("anna", 10), json!({"username": "anne"})), dn);
    batches.done([renamed.clone()]);
    assert_eq!(world.users(10), ["anne"]);
    assert_eq!(number(&world, 10, "users", "anne"), before);
    assert_eq!(members(&world, 10, "team").unwrap(), ["anne"]);
    assert_eq!(world.count(CREATE) + world.count(DELETE), 1, "only the first one was made");
    // Moved in the tree: nothing changes for OX; the group that follows names the new place.
    let moved = at(renamed, "uid=anne,cn=others,dc=heide,dc=example");
    assert_eq!(batches.calls([moved.clone()]), [""; 0]);
    let follows = with(group("team", &[]), json!({"users": [moved["dn"]]}));
    assert_eq!(batches.calls([follows]), [""; 0]);
    assert_eq!(members(&world, 10, "team").unwrap(), ["anne"]);
}

// OBJ-15
/// Rules: D38, 5.4/user
#[test]
fn the_identifier_setting_names_users_everywhere() {
    for (identifier, name, other) in
        [("entryUUID", "user-anna", "user-bert"), ("uidNumber", "4711", "4712")]
    {
        let mut world = World::new();
        world.env.insert("OX_USER_IDENTIFIER".to_owned(), identifier.to_owned());
        let mut batches = Batches::of(&world);
        let numbered = |name: &str, n: u32| with(user(name, 10), json!({"uidNumber": n}));
        ByHand::of(&world).create_user(10, other);
        batches.done([numbered("anna", 4711), numbered("bert", 4712), group("t", &["anna"])]);
        assert_eq!(world.users(10), [name, other], "the second was taken over by that name");
        assert_eq!(members(&world, 10, "t").unwrap(), [name]);
        // The user name is nothing to OX then.
        let renamed = with(numbered("anna", 4711), json!({"username": "x", "lastname": "X"}));
        assert_eq!(batches.calls([renamed]), [CHANGE]);
        assert_eq!(field(&world, 10, name, "sur_name"), "X");
        batches.done([gone(numbered("anna", 4711))]);
        assert_eq!(world.users(10), [other]);
    }
}

// OBJ-15, OBJ-16
/// Rules: D55, 5.4/user
#[test]
fn an_identifier_that_is_a_list_or_missing_is_told_in_plain_words() {
    let mut world = World::new();
    world.env.insert("OX_USER_IDENTIFIER".to_owned(), "nick".to_owned());
    let mut batches = Batches::of(&world);
    let two = with(user("anna", 10), json!({"nick": ["a", "b"]}));
    let run = batches.faulty([two, with(user("bert", 10), json!({"nick": "bert"}))]);
    assert_holds(&run.stdout, &["OX_USER_IDENTIFIER", "\"nick\"", "is a list", "user user-anna"]);
    let world = World::new();
    let mut world = world;
    world.env.insert("OX_USER_IDENTIFIER".to_owned(), "nick".to_owned());
    let run = Batches::of(&world).faulty([user("anna", 10)]);
    assert_holds(&run.stdout, &["OX_USER_IDENTIFIER", "\"nick\"", "is missing"]);
    // Empty counts as not set.
    world.env.insert("OX_USER_IDENTIFIER".to_owned(), String::new());
    world.provision();
    assert_eq!(world.users(10), ["anna"]);
}

// OBJ-13, OBJ-49, MAP-10, MAP-12
/// Rules: U1, U7, P7, R1, R5, D15
#[test]
fn unticking_deletes_and_ticking_again_makes_anew_and_back_in_the_groups() {
    let world = World::new();
    let mut batches = Batches::of(&world);
    let unticked = with(user("anna", 10), json!({"isOxUser": "Not"}));
    assert_eq!(batches.calls([unticked.clone()]), [""; 0], "never was in OX");
    batches.done([
        user("anna", 10),
        user("bert", 10),
        group("team", &["anna", "bert"]),
        account("help", &["anna", "bert"]),
    ]);
    assert_eq!(accounts(&world, 10, "anna").len(), 1);
    batches.done([unticked.clone()]);
    assert_eq!(world.users(10), ["bert"]);
    assert_eq!(members(&world, 10, "team").unwrap(), ["bert"]);
    assert_eq!(batches.calls([unticked]), [""; 0]);
    batches.done([user("anna", 10)]);
    assert_eq!(members(&world, 10, "team").unwrap(), ["anna", "bert"]);
    assert_eq!(accounts(&world, 10, "anna").len(), 1);
    assert_eq!(accounts(&world, 10, "bert").len(), 1);
}

/// Rules: D5, 2.3/context
#[test]
fn a_context_as_text_and_as_number_is_the_same() {
    let world = World::new();
    let mut batches = Batches::of(&world);
    let forms = [json!("10"), json!(10), json!(" 10 "), json!("010"), json!(["10"])];
    let anna = |form: &Value| with(user("anna", 10), json!({"oxContext": form}));
    batches.done([anna(&forms[0]), with(user("bert", 10), json!({"oxContext": 10}))]);
    batches.done([group("team", &["anna", "bert"]), account("help", &["anna", "bert"])]);
    for form in &forms {
        assert_eq!(batches.calls([anna(form)]), [""; 0], "{form}");
    }
    batches.done([gone(anna(&forms[1]))]);
    assert_eq!(world.users(10), ["bert"]);
    assert_eq!(members(&world, 10, "team").unwrap(), ["bert"]);
}

/// Rules: U2, U13a, U13b, U13c, 5.1
#[test]
fn a_user_without_context_is_left_out_and_one_who_loses_it_stays_where_he_is() {
    let world = World::new();
    let mut batches = Batches::of(&world);
    let nowhere = with(user("anna", 10), json!({"oxContext": null}));
    let run = batches.done([nowhere.clone()]);
    assert!(warns(&run, &["user-anna", "without oxContext"]), "{}", run.log);
    assert_eq!(world.users(10), [""; 0]);
    batches.done([user("anna", 10)]);
    batches.done([with(nowhere.clone(), json!({"lastname": "Berg"}))]);
    assert_eq!(field(&world, 10, "anna", "sur_name"), "Berg");
    batches.done([gone(nowhere)]);
    assert_eq!(world.users(10), [""; 0]);
}

/// Rules: U2, U17, P2
#[test]
fn deleting_or_switching_off_who_never_had_a_context_is_done_without_a_call() {
    let world = World::new();
    let mut batches = Batches::of(&world);
    for last in [gone, |item| with(item, json!({"isOxUser": "Not"}))] {
        let nowhere = with(user("anna", 10), json!({"oxContext": null}));
        assert_eq!(batches.calls([nowhere.clone()]), [""; 0]);
        assert_eq!(batches.calls([last(nowhere)]), [""; 0]);
    }
    // Nothing stands in her way afterwards.
    batches.done([user("anna", 10)]);
    assert_eq!(world.users(10), ["anna"]);
}

/// A file's DN is that of the notice, its properties are those of the directory when the file was
/// written: either may be ahead of the other.
///
/// Rules: Q4, Q8
#[test]
fn files_whose_dn_and_properties_are_of_different_age_end_right() {
    let new_dn = "uid=anne,cn=users,dc=heide,dc=example";
    let anne = || with(user("anna", 10), json!({"username": "anne", "lastname": "Berg"}));
    let follows = || with(group("team", &[]), json!({"users": [new_dn]}));
    for [first, second, third] in [
        // The first notice still has the old DN, though the user was renamed by then.
        [anne(), at(anne(), new_dn), follows()],
        // The group already names the new DN.
        [anne(), follows(), at(anne(), new_dn)],
        // The DN is ahead of the properties.
        [at(user("anna", 10), new_dn), follows(), at(anne(), new_dn)],
    ] {
        let world = World::new();
        let mut batches = Batches::of(&world);
        batches.done([user("anna", 10), group("team", &["anna"])]);
        let before = number(&world, 10, "users", "anna");
        for item in [first, second, third] {
            batches.done([item]);
        }
        assert_eq!(number(&world, 10, "users", "anne"), before);
        assert_eq!(field(&world, 10, "anne", "sur_name"), "Berg");
        assert_eq!(world.users(10), ["anne"]);
        assert_eq!(members(&world, 10, "team").unwrap(), ["anne"]);
    }
}
