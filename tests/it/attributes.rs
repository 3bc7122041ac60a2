//! Every attribute of a user, one by one, from the queue file to what OX holds: set, changed, unset.
//!
//! Which property feeds which field is in `tests/fixtures/user-attributes.json`, apart from the
//! mapping that drover brings along, so that neither is judged by itself.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::scene::{
    Batches, ByHand, Wire, assert_holds, field, mail, members, number, raw_user, warns,
};
use crate::world::{World, account, context, group, resource, user, with};

const CHANGE: &str = "OXUserService.change";

const JPEG: &str = "/9j/2wBDAAMCAgICAgMCAgIDAwMDBAYEBAQEBAgGBgUGCQgKCgkICQkKDA8MCgsOCwkJ";
const OTHER_JPEG: &str = "/9j/4AAQSkZJRgABAQAAAQABAAD/2Q==";
const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

fn facts() -> Vec<Value> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/user-attributes.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// A test for each attribute, under its own name.
macro_rules! attributes {
    ($($name:ident)*) => {
        mod mapped {
            $(
                #[test]
                fn $name() {
                    super::set_change_and_unset(stringify!($name));
                }
            )*
        }

        const MAPPED: &[&str] = &[$(stringify!($name)),*];
    };
}

attributes! {
    display_name given_name sur_name email1 branches cellular_telephone1 city_business city_home
    city_other commercial_register company country_business country_home country_other department
    email2 email3 employee_type fax_business fax_home fax_other instant_messenger1
    instant_messenger2 manager_name marital_status middle_name nickname note number_of_children
    number_of_employee position postal_code_business postal_code_home postal_code_other profession
    sales_volume spouse_name state_business state_home state_other street_business street_home
    street_other suffix tax_id telephone_assistant telephone_car telephone_company telephone_ip
    telephone_other telephone_telex telephone_ttytdd title url used_quota max_quota userfield01
    userfield02 userfield03 userfield04 userfield05 userfield06 userfield07 userfield08 userfield09
    userfield10 userfield11 userfield12 userfield13 userfield14 userfield15 userfield16 userfield17
    userfield18 userfield19 userfield20 image1 room_number cellular_telephone2 telephone_pager
    anniversary birthday telephone_business1 telephone_business2 telephone_home1 telephone_home2
    imap_server smtp_server aliases
}

/// Rules: 8.1/every
#[test]
fn every_attribute_has_its_test_and_the_mapping_that_comes_along_is_the_documented_one() {
    let facts = facts();
    let names: Vec<&str> = facts.iter().map(|fact| fact["ox"].as_str().unwrap()).collect();
    assert_eq!(names, MAPPED);
    let shipped: Map<String, Value> =
        serde_json::from_str(drover::plan::attributes::mapping::DEFAULT_FILE).unwrap();
    assert_eq!(shipped.len(), facts.len());
    for fact in facts {
        let entry = &shipped[fact["ox"].as_str().unwrap()];
        assert_eq!(entry["ldap_attribute"], fact["udm"], "{fact}");
        assert_eq!(entry["alternative_attributes"], fact["alternatives"], "{fact}");
        assert_eq!(entry["position"], fact["position"], "{fact}");
    }
}

/// What a field holds when the property is gone.
enum Then {
    /// Nothing.
    Empty,
    /// This.
    Is(&'static str),
    /// What it held; that is told, as nothing can be done about it.
    Kept,
}

/// Two values to set one after the other, what OX holds of each, and what it holds afterwards.
fn values(kind: &str) -> ([Value; 2], [&'static str; 2], Then) {
    let texts = |a, b, then| ([json!(a), json!(b)], [a, b], then);
    match kind {
        "text" => texts("Wert eins", "Größe & <Zwei>", Then::Empty),
        "sticky" => texts("internal", "external", Then::Empty),
        "other_address" => texts("b@heide.example", "c@heide.example", Then::Empty),
        "address" => texts("one@heide.example", "two@heide.example", Then::Kept),
        "date" => {
            let values = [json!("1985-12-24"), json!("4.2.1986")];
            (values, ["1985-12-24", "1986-02-04"], Then::Kept)
        }
        "photo" => ([json!(JPEG), json!(OTHER_JPEG)], [JPEG, OTHER_JPEG], Then::Kept),
        "quota" => ([json!("500"), json!(700)], ["500", "700"], Then::Kept),
        "imap" => (
            [json!("one.heide.example"), json!("two.heide.example")],
            ["imap://one.heide.example:143", "imap://two.heide.example:143"],
            Then::Is("imap://mail.heide.example:143"),
        ),
        "smtp" => (
            [json!("one.heide.example"), json!("two.heide.example")],
            ["smtp://one.heide.example:587", "smtp://two.heide.example:587"],
            Then::Is("smtp://mail.heide.example:587"),
        ),
        "aliases" => (
            [json!(["b@heide.example", "c@heide.example"]), json!(["c@heide.example"])],
            [
                "anna@heide.example b@heide.example c@heide.example",
                "anna@heide.example c@heide.example",
            ],
            Then::Is("anna@heide.example"),
        ),
        other => panic!("{other}"),
    }
}

/// What OX holds of a field, as a text.
fn held(world: &World, kind: &str, element: &str) -> String {
    let raw = raw_user(world, 10, "anna");
    match kind {
        "quota" => raw["quota"].to_string(),
        "imap" | "smtp" => raw[kind].as_str().unwrap().to_owned(),
        "aliases" => {
            let all = world.context(10)["users"]["anna"]["aliases"].clone();
            crate::scene::texts(&all).join(" ")
        }
        "date" => field(world, 10, "anna", element).chars().take(10).collect(),
        _ => field(world, 10, "anna", element),
    }
}

fn set_change_and_unset(ox: &str) {
    let fact = facts().into_iter().find(|fact| fact["ox"] == ox).unwrap();
    let text = |name: &str| fact[name].as_str().unwrap();
    let (kind, element, property) = (text("kind"), text("element"), text("udm"));
    if kind == "never" {
        return never_sent(element, property);
    }
    let world = World::new();
    let mut batches = Batches::of(&world);
    let anna = |value: &Value| {
        let delivered = match fact["position"].as_u64() {
            Some(1) => json!(["decoy", value]),
            Some(_) => json!([value, "decoy"]),
            None => value.clone(),
        };
        with(user("anna", 10), json!({ property: delivered }))
    };
    let ([first, second], [held_first, held_second], then) = values(kind);
    batches.done([anna(&first)]);
    assert_eq!(held(&world, kind, element), held_first, "set");
    world.sim.clear_log();
    batches.done([anna(&second)]);
    assert_eq!(held(&world, kind, element), held_second, "changed");
    assert_eq!(world.count(CHANGE), 1, "{:?}", world.calls());
    assert_eq!(batches.calls([anna(&second)]), [""; 0], "nothing more to do");
    // What only an empty text in the directory clears.
    let nothing = if kind == "sticky" { json!("") } else { Value::Null };
    let mut without = with(user("anna", 10), json!({ property: nothing }));
    for other in fact["alternatives"].as_array().unwrap() {
        without["object"].as_object_mut().unwrap().remove(other.as_str().unwrap());
    }
    let run = batches.done([without.clone()]);
    let last = held(&world, kind, element);
    match then {
        Then::Empty => assert_eq!(last, "", "unset"),
        Then::Is(value) => assert_eq!(last, value, "unset"),
        Then::Kept => {
            assert_eq!(last, held_second, "unset");
            let field = if kind == "address" { "email1" } else { element };
            assert!(warns(&run, &["user-anna", field]), "{}", run.log);
        }
    }
    assert_eq!(batches.calls([without]), [""; 0], "nothing more to do");
}

/// OX counts it itself; the directory's value is for the quota beside it.
fn never_sent(element: &str, property: &str) {
    let mut world = World::new();
    let wire = Wire::of(&mut world);
    let mut batches = Batches::of(&world);
    for value in [json!("500"), json!("700"), Value::Null] {
        batches.done([with(user("anna", 10), json!({ property: value, "title": value }))]);
        let sent = wire.heard();
        assert!(sent.contains("usrdata") && !sent.contains(element), "{sent}");
    }
}

/// Rules: 8.1/alternatives
#[test]
fn an_alternative_counts_while_the_main_property_holds_nothing() {
    let world = World::new();
    let mut batches = Batches::of(&world);
    let anna = |main: Value| {
        with(user("anna", 10), json!({"displayName": "Second", "oxDisplayName": main}))
    };
    for nothing in [Value::Null, json!(""), json!([]), json!([""])] {
        batches.done([anna(json!("First"))]);
        assert_eq!(field(&world, 10, "anna", "display_name"), "First");
        batches.done([anna(nothing)]);
        assert_eq!(field(&world, 10, "anna", "display_name"), "Second");
    }
}

/// The attributes that no property feeds directly.
mod computed {
    use super::*;

    fn settings(world: &mut World, of: &[(&str, &str)]) {
        for (name, value) in of {
            world.env.insert((*name).to_owned(), (*value).to_owned());
        }
    }

    /// What one request after the other sent of a user, as pairs of element and text.
    fn sent(wire: &Wire) -> BTreeMap<String, String> {
        let heard = wire.heard();
        let data = heard.split("usrdata>").nth(1).unwrap_or_default().to_owned();
        let pairs = data.split('<').filter_map(|part| {
            let (tag, text) = part.split_once('>')?;
            let name = tag.split(':').nth(1)?;
            (!tag.starts_with('/')).then(|| (name.to_owned(), text.to_owned()))
        });
        pairs.collect()
    }

    #[test]
    fn name() {
        let world = World::new();
        let mut batches = Batches::of(&world);
        batches.done([user("anna", 10)]);
        batches.done([with(user("anna", 10), json!({"username": "anne"}))]);
        assert_eq!(world.users(10), ["anne"]);
        let run = batches.faulty([with(user("anna", 10), json!({"username": null}))]);
        assert_holds(&run.stdout, &["\"username\"", "OX_USER_IDENTIFIER", "user user-anna"]);
        assert_eq!(world.users(10), ["anne"]);
    }

    #[test]
    fn password() {
        let mut world = World::new();
        let wire = Wire::of(&mut world);
        let mut batches = Batches::of(&world);
        batches.done([user("anna", 10)]);
        assert!(sent(&wire)["password"].len() >= 32);
        batches.done([with(user("anna", 10), json!({"lastname": "Berg"}))]);
        let change = sent(&wire);
        assert_eq!(change["sur_name"], "Berg");
        assert!(!change.contains_key("password"));
    }

    #[test]
    fn primary_email() {
        let world = World::new();
        let mut batches = Batches::of(&world);
        let primary = || {
            let both = ["primaryEmail", "email1"].map(|name| field(&world, 10, "anna", name));
            assert_eq!(both[0], both[1]);
            both[0].clone()
        };
        batches.done([mail(user("anna", 10), "one", &[])]);
        assert_eq!(primary(), "one@heide.example");
        batches.done([mail(user("anna", 10), "two", &[])]);
        assert_eq!(primary(), "two@heide.example");
        let run = batches.done([with(user("anna", 10), json!({"mailPrimaryAddress": null}))]);
        assert_eq!(primary(), "two@heide.example", "OX has no user without");
        assert!(warns(&run, &["email1", "user-anna"]), "{}", run.log);
    }

    #[test]
    fn default_sender_address() {
        let world = World::new();
        let mut batches = Batches::of(&world);
        let sender = || field(&world, 10, "anna", "defaultSenderAddress");
        batches.done([mail(user("anna", 10), "one", &["other"])]);
        assert_eq!(sender(), "one@heide.example");
        batches.done([mail(user("anna", 10), "two", &["other"])]);
        assert_eq!(sender(), "two@heide.example");
        let chosen = "other@heide.example";
        ByHand::of(&world).change_user(10, "anna", "defaultSenderAddress", chosen);
        batches.done([mail(user("anna", 10), "three", &["other"])]);
        assert_eq!(sender(), chosen);
        batches.done([mail(user("anna", 10), "three", &[])]);
        assert_eq!(sender(), "three@heide.example");
    }

    #[test]
    fn imap_login() {
        let mut world = World::new();
        Batches::of(&world).done([user("anna", 10)]);
        let login = |world: &World| field(world, 10, "anna", "imapLogin");
        assert_eq!(login(&world), "anna@heide.example");
        for (n, (template, expected)) in (1..).zip([
            ("{username}", "anna"),
            ("master*{}", "master*anna@heide.example"),
            ("fixed", "fixed"),
            // Empty is unset.
            ("", "anna@heide.example"),
        ]) {
            settings(&mut world, &[("OX_IMAP_LOGIN", template)]);
            world.put(&crate::world::file(n * 100), &user("anna", 10));
            world.provision();
            assert_eq!(login(&world), expected, "{template}");
        }
    }

    /// Host, port and scheme are put together by OX, which is asked for what it made of them. It works
    /// the scheme out from the port.
    fn server(kind: &str, variable: &str, secure: u16) {
        let mut world = World::new();
        let plain = format!("{kind}://one.heide.example:1143");
        let other = format!("{kind}s://two.heide.example:{secure}");
        for (n, url) in (1..).zip([plain, other]) {
            settings(&mut world, &[(variable, &url)]);
            world.put(&crate::world::file(n * 100), &user("anna", 10));
            world.provision();
            assert_eq!(raw_user(&world, 10, "anna")[kind], url);
        }
        // Without a port none is sent: it is left to OX.
        settings(&mut world, &[(variable, &format!("{kind}://three.heide.example"))]);
        let wire = Wire::of(&mut world);
        world.put(&crate::world::file(900), &user("bert", 10));
        world.provision();
        let sent = sent(&wire);
        assert_eq!(sent[&format!("{kind}Server")], "three.heide.example");
        assert_eq!(sent[&format!("{kind}Schema")], format!("{kind}://"));
        assert!(!sent.contains_key(&format!("{kind}Port")), "{sent:?}");
    }

    #[test]
    fn imap_port_and_schema() {
        server("imap", "OX_IMAP_SERVER", 993);
    }

    #[test]
    fn smtp_port_and_schema() {
        server("smtp", "OX_SMTP_SERVER", 465);
    }

    #[test]
    fn mail_enabled() {
        let world = World::new();
        let mut batches = Batches::of(&world);
        let enabled = || raw_user(&world, 10, "anna")["mailenabled"].clone();
        for (profile, expected) in [
            (json!("webmail"), true),
            (json!("none"), false),
            (json!("pim"), true),
            (json!(null), false),
        ] {
            batches.done([with(user("anna", 10), json!({ "oxAccess": profile }))]);
            assert_eq!(enabled(), expected, "{profile}");
        }
    }

    /// Sent when a user is made, and never again.
    fn constant(element: &str, value: &str) {
        let mut world = World::new();
        let wire = Wire::of(&mut world);
        let mut batches = Batches::of(&world);
        batches.done([user("anna", 10)]);
        assert_eq!(sent(&wire)[element], value);
        batches.done([with(user("anna", 10), json!({"lastname": "Berg", "title": "Dr."}))]);
        let change = sent(&wire);
        assert!(change.contains_key("title") && !change.contains_key(element), "{change:?}");
    }

    #[test]
    fn context_admin() {
        constant("contextadmin", "false");
    }

    #[test]
    fn password_expired() {
        constant("password_expired", "false");
    }

    #[test]
    fn gui_spam_filter_enabled() {
        constant("gui_spam_filter_enabled", "true");
    }

    /// From a setting when a user is made; who is there keeps his own.
    fn at_creation(element: &str, variable: &str, usual: &str, other: &str) {
        constant(element, usual);
        let mut world = World::new();
        Batches::of(&world).done([user("anna", 10)]);
        settings(&mut world, &[(variable, other)]);
        let strange =
            json!({"lastname": "Berg", "oxLanguage": "fr_FR", "oxTimeZone": "Asia/Tokyo"});
        Batches::later(&world).done([with(user("anna", 10), strange), user("bert", 10)]);
        assert_eq!(field(&world, 10, "anna", element), usual);
        assert_eq!(field(&world, 10, "anna", "sur_name"), "Berg");
        assert_eq!(field(&world, 10, "bert", element), other);
    }

    #[test]
    fn language() {
        at_creation("language", "OX_LANGUAGE", "de_DE", "en_US");
    }

    #[test]
    fn timezone() {
        at_creation("timezone", "LOCAL_TIMEZONE", "Europe/Berlin", "Europe/London");
    }

    #[test]
    fn image_content_type() {
        let world = World::new();
        let mut batches = Batches::of(&world);
        let kind = || field(&world, 10, "anna", "image1ContentType");
        batches.done([user("anna", 10)]);
        assert_eq!(kind(), "", "no type without a picture");
        for (photo, expected) in
            [(JPEG, "image/jpeg"), (PNG, "image/png"), (OTHER_JPEG, "image/jpeg")]
        {
            batches.done([with(user("anna", 10), json!({ "jpegPhoto": photo }))]);
            assert_eq!(kind(), expected);
        }
        let run = batches.done([user("anna", 10)]);
        assert_eq!(kind(), "image/jpeg", "OX cannot clear it");
        assert!(warns(&run, &["image1", "user-anna"]), "{}", run.log);
    }

    #[test]
    fn id() {
        let world = World::new();
        let mut batches = Batches::of(&world);
        batches.done([user("anna", 10)]);
        let given = number(&world, 10, "users", "anna");
        batches.done([with(user("anna", 10), json!({"lastname": "Berg"}))]);
        batches.done([with(user("anna", 10), json!({"username": "anne"}))]);
        assert_eq!(number(&world, 10, "users", "anne"), given);
    }
}

/// Fields of OX that the directory has no say in, though its users have properties of that name.
#[test]
fn what_is_peoples_own_in_ox_is_never_sent() {
    const OTHERS: [&str; 29] = [
        "assistant_name",
        "business_category",
        "categories",
        "drive_user_folder_mode",
        "default_group",
        "filestoreId",
        "filestore_name",
        "folderTree",
        "guiPreferencesForSoap",
        "imapServerString",
        "info",
        "mail_folder_confirmed_ham_name",
        "mail_folder_confirmed_spam_name",
        "mail_folder_drafts_name",
        "mail_folder_sent_name",
        "mail_folder_spam_name",
        "mail_folder_trash_name",
        "mail_folder_archive_full_name",
        "passwordMech",
        "smtpServerString",
        "telephone_callback",
        "telephone_isdn",
        "telephone_primary",
        "telephone_radio",
        "uploadFileSizeLimit",
        "uploadFileSizeLimitPerFile",
        "userAttributes",
        "primaryAccountName",
        "convert_drive_user_folders",
    ];
    let mut world = World::new();
    let wire = Wire::of(&mut world);
    let mut batches = Batches::of(&world);
    batches.done([context(20)]);
    let mut full = with(user("anna", 10), json!({"title": "Dr."}));
    for name in OTHERS {
        full["object"][name] = json!("x");
    }
    let changed = with(full.clone(), json!({"title": "Prof.", "username": "anne"}));
    let moved = with(changed.clone(), json!({"oxContext": 20, "title": "Dr. h. c."}));
    for item in [full, changed, moved] {
        batches.done([item]);
        let sent = wire.heard();
        let elements: Vec<&str> = sent.split("usrdata>").skip(1).step_by(2).collect();
        assert!(!elements.is_empty(), "{sent}");
        for data in elements {
            for name in OTHERS {
                assert!(!data.contains(&format!(":{name}>")), "{name}: {data}");
            }
        }
    }
    assert_eq!(field(&world, 20, "anne", "title"), "Dr. h. c.");
}

/// Attributes of what is no user: set, changed, unset.
mod others {
    use super::*;

    /// A resource's `property` feeds `element`; `unset` is what OX holds without it.
    fn of_resource(property: &str, element: &str, values: [&str; 2], unset: &str) {
        let world = World::new();
        let mut batches = Batches::of(&world);
        let held = || {
            let found = &world.context(10)["resources"]["beamer"][element];
            found.as_str().unwrap_or_default().to_owned()
        };
        let beamer = |value: Value| with(resource("beamer", 10), json!({ property: value }));
        for value in values {
            batches.done([beamer(json!(value))]);
            assert_eq!(held(), value);
        }
        batches.done([beamer(Value::Null)]);
        assert_eq!(held(), unset, "{property} unset");
    }

    #[test]
    fn resource_name() {
        let world = World::new();
        let mut batches = Batches::of(&world);
        batches.done([resource("beamer", 10)]);
        batches.done([with(resource("beamer", 10), json!({"name": "screen"}))]);
        let found = world.context(10)["resources"].as_object().unwrap().len();
        assert_eq!((found, number(&world, 10, "resources", "screen") > 0), (1, true));
    }

    #[test]
    fn resource_displayname() {
        of_resource("displayname", "displayname", ["One", "Größe & <Zwei>"], "beamer");
    }

    #[test]
    fn resource_description() {
        of_resource("description", "description", ["One", "Größe & <Zwei>"], "");
    }

    #[test]
    fn resource_email() {
        let two = ["one@heide.example", "two@heide.example"];
        of_resource("resourceMailAddress", "email", two, "two@heide.example");
    }

    #[test]
    fn resource_available() {
        let world = World::new();
        Batches::of(&world).done([resource("beamer", 10)]);
        assert_eq!(world.context(10)["resources"]["beamer"]["available"], true);
    }

    #[test]
    fn context_name_and_quota() {
        let world = World::new();
        let mut batches = Batches::of(&world);
        let held = || {
            let found = world.sim.state()["contexts"]["20"].clone();
            (found["name"].clone(), found["maxQuota"].clone())
        };
        batches.done([context(20)]);
        assert_eq!(held(), (json!("ctx20"), json!(1000)));
        batches.done([with(context(20), json!({"name": "heath", "oxQuota": 77}))]);
        assert_eq!(held(), (json!("heath"), json!(77)));
        batches.done([with(context(20), json!({"name": "heath", "oxQuota": null}))]);
        let (_, quota) = held();
        assert!(quota.as_i64().is_none_or(|quota| quota < 0), "unlimited: {quota}");
    }

    #[test]
    fn group_name_displayname_and_members() {
        let world = World::new();
        let mut batches = Batches::of(&world);
        batches.done([user("anna", 10), user("bert", 10), group("team", &["anna"])]);
        let held = |name: &str| {
            let shown = world.context(10)["groups"][name]["displayname"].clone();
            (shown, members(&world, 10, name))
        };
        let some = |names: &[&str]| Some(names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>());
        assert_eq!(held("team"), (json!("team"), some(&["anna"])));
        let changed = with(group("team", &["anna", "bert"]), json!({"name": "crew"}));
        batches.done([changed]);
        assert_eq!(held("crew"), (json!("crew"), some(&["anna", "bert"])));
        batches.done([with(group("team", &[]), json!({"name": "crew"}))]);
        assert_eq!(held("crew").1, None);
    }

    #[test]
    fn account_name_address_sender_login_and_users() {
        let mut world = World::new();
        let wire = Wire::of(&mut world);
        let mut batches = Batches::of(&world);
        batches.done([user("anna", 10), user("bert", 10)]);
        wire.heard();
        let help = account("help", &["anna"]);
        batches.done([help.clone()]);
        // Where its mail is: with the user's own.
        assert!(wire.heard().contains("mailEndpointSource>primary<"));
        let held = |user: &str| raw_user(&world, 10, user)["accounts"].clone();
        let found = |name: &str, personal: Value, local: &str| {
            json!([{"address": format!("{local}@heide.example"), "login": "account-helpanna",
                    "name": name, "personal": personal, "secondary": true}])
        };
        assert_eq!(held("anna"), found("help", json!("The help"), "help"));
        let other = json!({"name": "desk", "personal": "Desk & <Co>",
                           "mailPrimaryAddress": "desk@heide.example"});
        batches.done([with(help.clone(), other)]);
        assert_eq!(held("anna"), found("desk", json!("Desk & <Co>"), "desk"));
        batches.done([with(help, json!({"personal": null}))]);
        let silent = held("anna");
        assert!(silent[0]["personal"].as_str().unwrap_or_default().is_empty(), "{silent}");
        assert_eq!(held("bert"), json!([]));
        batches.done([account("help", &["bert"])]);
        assert_eq!(held("anna"), json!([]));
        assert_eq!(held("bert")[0]["login"], "account-helpbert");
    }
}
