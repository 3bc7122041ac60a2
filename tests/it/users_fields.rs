//! What of a user is sent, and what is left as it is in OX.

use std::collections::BTreeSet;

use drover::sim::{Effect, Rule};
use serde_json::json;

use crate::scene::{Batches, ByHand, Wire, field, mail, raw_user, rights, texts, warns};
use crate::world::{World, gone, user, with};

const CHANGE: &str = "OXUserService.change";

/// Mail addresses of a user in the order of the alphabet.
fn aliases(world: &World, context: u32, name: &str) -> Vec<String> {
    texts(&world.context(context)["users"][name]["aliases"])
}

fn sender(world: &World, name: &str) -> String {
    field(world, 10, name, "defaultSenderAddress")
}

// OBJ-34: whoever sets a password in OX keeps it.
/// Rules: D48, 8.1/constant
#[test]
fn passwords_are_random_and_never_sent_again() {
    let mut world = World::new();
    let wire = Wire::of(&mut world);
    let mut batches = Batches::of(&world);
    batches.done([user("anna", 10), user("bert", 10)]);
    let sent = wire.heard();
    // The administrator's own, which every call carries, is among others of another namespace.
    let passwords: BTreeSet<&str> = between(&sent, "password>").filter(|p| p.len() >= 32).collect();
    assert_eq!(passwords.len(), 2, "two different ones: {passwords:?}");
    for change in
        [json!({"lastname": "Berg"}), json!({"username": "anne"}), json!({"oxAccess": "pim"})]
    {
        batches.done([with(user("anna", 10), change)]);
    }
    let sent = wire.heard();
    assert!(sent.contains("Berg") && sent.contains("anne") && sent.contains("moduleAccess"));
    assert!(between(&sent, "password>").all(|password| password == "ten-secret"), "{sent}");
}

/// Texts between an opening tag that ends so and the next tag.
fn between<'a>(text: &'a str, tag: &'static str) -> impl Iterator<Item = &'a str> {
    let parts = text.split(tag).skip(1).step_by(2);
    parts.map(|part| part.split('<').next().unwrap())
}

// OBJ-11: OX grants whatever a request leaves out, so none of the rights may be left out.
/// Rules: 7/rights
#[test]
fn all_rights_are_sent_with_the_call_that_makes_a_user_and_with_each_change_of_them() {
    let mut world = World::new();
    let wire = Wire::of(&mut world);
    let mut batches = Batches::of(&world);
    for item in [user("anna", 10), with(user("anna", 10), json!({"oxAccess": "none"}))] {
        batches.done([item]);
        let sent = wire.heard();
        for right in drover::model::access::RIGHTS {
            let found = [true, false].map(|on| sent.contains(&format!("{}>{on}<", right.field)));
            assert!(found != [false, false], "{} was not sent: {sent}", right.field);
        }
        assert!(sent.contains("publicFolderEditable>false<"));
    }
}

// OBJ-24, OBJ-26, ATT-08
/// Rules: 8.1/sender, 8.1/primary, 8.1/aliases, D21
#[test]
fn the_sender_address_follows_the_primary_one_unless_somebody_chose_another_in_ox() {
    let world = World::new();
    let mut batches = Batches::of(&world);
    let by_hand = ByHand::of(&world);
    let anna = |primary: &str, others: &[&str]| mail(user("anna", 10), primary, others);
    batches.done([anna("anna", &["berg"])]);
    assert_eq!(sender(&world, "anna"), "anna@heide.example");
    // It was the primary address: it follows.
    batches.done([anna("roth", &["berg"])]);
    assert_eq!(sender(&world, "anna"), "roth@heide.example");
    assert_eq!(field(&world, 10, "anna", "primaryEmail"), "roth@heide.example");
    // Chosen in OX: it stays, whatever else changes.
    by_hand.change_user(10, "anna", "defaultSenderAddress", "berg@heide.example");
    batches.done([with(anna("roth", &["berg"]), json!({"lastname": "Roth"}))]);
    batches.done([anna("anna", &["berg", "roth"])]);
    assert_eq!(sender(&world, "anna"), "berg@heide.example");
    // Until it is none of the user's addresses any more.
    batches.done([anna("anna", &["roth"])]);
    assert_eq!(sender(&world, "anna"), "anna@heide.example");
    // Primary and other address change places; nothing else does.
    batches.done([anna("roth", &["anna"])]);
    assert_eq!(aliases(&world, 10, "anna"), ["anna@heide.example", "roth@heide.example"]);
    assert_eq!(field(&world, 10, "anna", "email1"), "roth@heide.example");
    assert_eq!(sender(&world, "anna"), "roth@heide.example");
    assert_eq!(field(&world, 10, "anna", "imapLogin"), "roth@heide.example");
    // D21: OX cannot be asked for it just now: tried again, not reset.
    by_hand.change_user(10, "anna", "defaultSenderAddress", "anna@heide.example");
    let text = "User update conflict: Another process is currently modifying user data. \
                Please try again later.";
    let effect = Effect::Fault { class: "StorageException".into(), text: text.into() };
    world.sim.script(Rule::new(effect).on("OXUserService", "getData").times(1));
    batches.done([anna("third", &["anna", "roth"])]);
    assert_eq!(sender(&world, "anna"), "anna@heide.example");
}

// OBJ-25, ATT-11
/// Rules: 8.1/change, 8.1/create, 8.1/constant, D58
#[test]
fn values_changed_in_ox_by_hand_are_not_overwritten() {
    let world = World::new();
    let mut batches = Batches::of(&world);
    let anna = with(user("anna", 10), json!({"title": "Dr.", "description": "from outside"}));
    batches.done([anna.clone()]);
    let by_hand = ByHand::of(&world);
    for (name, value) in [("title", "Prof."), ("language", "en_US"), ("timezone", "Asia/Tokyo")] {
        by_hand.change_user(10, "anna", name, value);
    }
    by_hand.change_user(10, "anna", "gui_spam_filter_enabled", false);
    batches.done([with(anna.clone(), json!({"lastname": "Berg"}))]);
    for (name, value) in [
        ("title", "Prof."),
        ("language", "en_US"),
        ("timezone", "Asia/Tokyo"),
        ("gui_spam_filter_enabled", "false"),
        ("sur_name", "Berg"),
    ] {
        assert_eq!(field(&world, 10, "anna", name), value, "{name}");
    }
    // A change of the very value in the directory counts.
    batches.done([with(anna, json!({"title": "Dr. h. c."}))]);
    assert_eq!(field(&world, 10, "anna", "title"), "Dr. h. c.");
}

// OBJ-31, OBJ-32, OBJ-33
/// Rules: 8.1/absent, 8.1/phones, 8.1/dates, D37, D54
#[test]
fn texts_are_cleared_dates_that_cannot_be_are_told_and_phones_keep_their_places() {
    let world = World::new();
    let mut batches = Batches::of(&world);
    let full = with(
        user("anna", 10),
        json!({"title": "Dr.", "phone": ["1", "2", "3"], "homeTelephoneNumber": ["4"],
               "birthday": "24.12.1985", "oxAnniversary": "2001-02-03"}),
    );
    batches.done([full.clone()]);
    let value = |name: &str| field(&world, 10, "anna", name);
    let found = ["telephone_business1", "telephone_business2", "telephone_home1"].map(value);
    assert_eq!(found, ["1", "2", "4"]);
    assert!(value("birthday").starts_with("1985-12-24"), "{}", value("birthday"));
    assert!(value("anniversary").starts_with("2001-02-03"));
    let less = with(full, json!({"title": null, "phone": ["2"], "birthday": null}));
    let run = batches.done([less.clone()]);
    let found = ["title", "telephone_business1", "telephone_business2"].map(value);
    assert_eq!(found, ["", "2", ""]);
    assert!(value("birthday").starts_with("1985-12-24"), "OX cannot clear a date");
    assert!(warns(&run, &["birthday", "user-anna", "OX cannot clear it"]), "{}", run.log);
    // A date that is none: only that one is left out.
    let odd = with(less, json!({"oxAnniversary": "31.02.2020", "title": "Prof."}));
    let run = batches.done([odd]);
    assert!(value("anniversary").starts_with("2001-02-03"));
    assert_eq!(value("title"), "Prof.");
    assert!(warns(&run, &["anniversary", "user-anna"]), "{}", run.log);
    assert!(!run.log.contains("31.02.2020"), "people's data is not logged");
}

// OBJ-30
/// Rules: 8.1/photo, D37, D53
#[test]
fn photos_are_sent_as_what_they_are_and_garbage_is_left_out() {
    const JPEG: &str = "/9j/2wBDAAMCAgICAgMCAgIDAwMDBAYEBAQEBAgGBgUGCQgKCgkICQkKDA8MCgsOCwkJ";
    const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
    let world = World::new();
    let mut batches = Batches::of(&world);
    let kind = || field(&world, 10, "anna", "image1ContentType");
    let photo = |photo: &str| with(user("anna", 10), json!({"jpegPhoto": [photo]}));
    batches.done([photo(JPEG)]);
    assert_eq!(kind(), "image/jpeg");
    assert_eq!(batches.calls([photo(JPEG)]), [""; 0]);
    let calls = batches.calls([with(photo(JPEG), json!({"lastname": "Berg"}))]);
    assert_eq!(calls, [CHANGE]);
    batches.done([photo(PNG)]);
    assert_eq!(kind(), "image/png");
    let image = field(&world, 10, "anna", "image1");
    for garbage in ["R0lGODlhAAAA", "/9j/4", "not base64!"] {
        let run = batches.done([with(photo(garbage), json!({"lastname": garbage.len()}))]);
        assert!(warns(&run, &["image1", "user-anna"]), "{}", run.log);
        assert_eq!(field(&world, 10, "anna", "sur_name"), garbage.len().to_string());
        assert_eq!(
            (kind(), field(&world, 10, "anna", "image1")),
            ("image/png".into(), image.clone())
        );
    }
}

// OBJ-27, OBJ-28, OBJ-29
/// Rules: 8.1/servers, 8.1/login, 8.1/quota, D37
#[test]
fn the_mail_server_and_login_follow_the_settings_and_the_users_home_server() {
    let mut world = World::new();
    world.env.insert("OX_IMAP_LOGIN".to_owned(), "{username}*{}".to_owned());
    let mut batches = Batches::of(&world);
    let home = json!({"mailHomeServer": "home.heide.example", "oxUserQuota": "500"});
    batches.done([with(user("anna", 10), home), user("bert", 10)]);
    let user_of = |name: &str| raw_user(&world, 10, name);
    let anna = user_of("anna");
    assert_eq!(anna["imap"], "imap://home.heide.example:143");
    assert_eq!(anna["smtp"], "smtp://home.heide.example:587");
    assert_eq!(anna["fields"]["imapLogin"], "anna*anna@heide.example");
    assert_eq!(anna["quota"], 500);
    assert_eq!(user_of("bert")["imap"], "imap://mail.heide.example:143");
    batches.done([user("anna", 10)]);
    assert_eq!(user_of("anna")["imap"], "imap://mail.heide.example:143", "back to the default");
    world.env.insert("OX_IMAP_LOGIN".to_owned(), "{nope}".to_owned());
    let mut batches = Batches::later(&world);
    let run = batches.done([with(user("bert", 10), json!({"lastname": "Kern"}))]);
    assert_eq!(field(&world, 10, "bert", "sur_name"), "Kern", "a bad template stops nothing");
    assert_eq!(field(&world, 10, "bert", "imapLogin"), "bert*bert@heide.example");
    assert!(warns(&run, &["imapLogin", "nope"]), "{}", run.log);
}

// OBJ-72
/// Rules: 7/none, 8.1/mailenabled, D19, D56
#[test]
fn without_a_profile_there_are_no_rights_and_no_mail() {
    let world = World::new();
    let mut batches = Batches::of(&world);
    for nothing in [Some(json!("none")), Some(json!(null)), Some(json!("")), None] {
        let mut anna = user("anna", 10);
        match nothing.clone() {
            Some(value) => anna["object"]["oxAccess"] = value,
            None => drop(anna["object"].as_object_mut().unwrap().remove("oxAccess")),
        }
        let all_off = |world: &World| {
            let found = raw_user(world, 10, "anna");
            assert_eq!(found["mailenabled"], false, "{nothing:?}");
            let rights = texts(&found["rights"]);
            // OX reads `publication` back as true whatever was sent.
            assert!(rights.iter().all(|right| right == "publication"), "{nothing:?}: {rights:?}");
        };
        // From full rights to none, and made without any.
        batches.done([with(user("anna", 10), json!({"oxAccess": "premium"}))]);
        assert_eq!(raw_user(&world, 10, "anna")["mailenabled"], true);
        assert!(rights(&world, 10, "anna").len() > 10);
        batches.done([anna.clone()]);
        all_off(&world);
        batches.done([gone(anna.clone())]);
        batches.done([anna.clone()]);
        all_off(&world);
        batches.done([gone(anna)]);
    }
}

// OBJ-26: addresses change places between two users.
#[test]
fn two_users_swap_their_addresses_through_a_third() {
    let world = World::new();
    let mut batches = Batches::of(&world);
    let [anna, bert] = ["anna", "bert"].map(|name| user(name, 10));
    batches.done([mail(anna.clone(), "one", &[]), mail(bert.clone(), "two", &[])]);
    batches.done([mail(bert.clone(), "one", &[]), mail(anna.clone(), "three", &[])]);
    batches.done([mail(anna, "two", &[])]);
    assert_eq!(field(&world, 10, "anna", "primaryEmail"), "two@heide.example");
    assert_eq!(field(&world, 10, "bert", "primaryEmail"), "one@heide.example");
}
