use std::fs;

use proptest::prelude::*;
use serde_json::{Map, json};

use super::rows::Form;
use super::*;
use crate::model::object::{DirectoryObject, Properties, QueueFile};
use crate::model::{ContextId, FieldValue, OxId, UserField};
use crate::store::Placement;
use crate::store::storable::{storable_placement, storable_properties};

const JPEG: &str = "/9j/4AAQSkZJRgABAQAAAQABAAD/2Q==";
const PNG: &str = "iVBORw0KGgoAAAAN";

fn settings() -> UserSettings {
    let server = |host: &str, port, scheme: &str| ServerUrl {
        host: host.to_owned(),
        port,
        scheme: scheme.to_owned(),
    };
    UserSettings {
        mail: MailSettings {
            imap: server("mail.heide.example", Some(143), "imap"),
            smtp: server("mail.heide.example", Some(587), "smtp"),
            imap_login: String::new(),
        },
        language: "de_DE".to_owned(),
        timezone: "Europe/Berlin".to_owned(),
        texts: super::Texts::default(),
        user_identifier: Identifier::new("", "username"),
    }
}

fn properties(value: Value) -> Properties {
    match value {
        Value::Object(properties) => properties,
        other => panic!("{other}"),
    }
}

/// A user with a name and an address, and the given properties besides.
fn user(more: Value) -> UserObject {
    let mut all =
        properties(json!({"username": "anna", "mailPrimaryAddress": "anna@heide.example",
        "isOxUser": true, "oxContext": 10, "oxAccess": "groupware"}));
    all.extend(properties(more));
    match DirectoryObject::parse(crate::model::ObjectKind::User, &all) {
        Ok(DirectoryObject::User(user)) => user,
        other => panic!("{other:?}"),
    }
}

fn rights() -> Option<ModuleAccess> {
    ModuleAccess::from_words(["webmail"]).ok()
}

fn try_desired(
    user: &UserObject,
    mapping: &Mapping,
    settings: &UserSettings,
) -> Result<DesiredUser, UserProblem> {
    let (id, dn) = (ObjectId::new("U-1"), Dn::new("uid=anna,dc=x"));
    desired_fields(user, &id, &dn, rights(), mapping, settings)
}

fn desired_with(user: &UserObject, mapping: &Mapping, settings: &UserSettings) -> DesiredUser {
    try_desired(user, mapping, settings).unwrap()
}

fn desired(more: Value) -> DesiredUser {
    desired_with(&user(more), &Mapping::default(), &settings())
}

/// The default mapping with one change.
fn mapping(change: impl FnOnce(&mut Map<String, Value>)) -> Mapping {
    let mut file = serde_json::from_str(mapping::DEFAULT_FILE).unwrap();
    change(&mut file);
    Mapping::parse(&Value::Object(file).to_string()).unwrap()
}

fn warned(desired: &DesiredUser) -> Vec<(&'static str, Fault)> {
    desired.warnings.iter().map(|warning| (warning.element, warning.fault)).collect()
}

/// A value that a property may deliver for a row, and what the field must be then.
fn delivered(form: Form) -> Vec<(Value, FieldValue)> {
    let text = |text: &str| FieldValue::from(text);
    match form {
        Form::Text | Form::StickyText | Form::ImapServer | Form::SmtpServer => vec![
            (json!("first"), text("first")),
            (json!("other"), text("other")),
            (json!(42), text("42")),
            (json!(1.5), text("1.5")),
            (json!(true), text("true")),
            (json!(false), text("false")),
        ],
        Form::Date => {
            vec![(json!("1985-12-24"), text("1985-12-24")), (json!("4.2.1986"), text("1986-02-04"))]
        }
        Form::Photo => vec![(json!(JPEG), text(JPEG)), (json!(PNG), text(PNG))],
        Form::Quota => vec![
            (json!("-1"), FieldValue::Int(-1)),
            (json!(500), FieldValue::Int(500)),
            (json!("0"), FieldValue::Int(0)),
        ],
        Form::Ignored => Vec::new(),
        Form::Aliases => vec![
            (json!("b@x"), vec!["anna@heide.example".to_owned(), "b@x".to_owned()].into()),
            (json!([7, "", null]), vec!["anna@heide.example".to_owned(), "7".to_owned()].into()),
        ],
    }
}

/// What the field must be when the directory has nothing or the mapping unsets it.
fn when_absent(form: Form) -> Option<FieldValue> {
    match form {
        Form::Text => Some("".into()),
        Form::StickyText | Form::Date | Form::Photo | Form::Quota | Form::Ignored => None,
        Form::ImapServer | Form::SmtpServer => Some("mail.heide.example".into()),
        Form::Aliases => Some(vec!["anna@heide.example".to_owned()].into()),
    }
}

/// Rules: 8.1/every, 8.1/absent, 8.1/unmapped
#[test]
fn every_row_is_set_changed_and_unset() {
    let default = Mapping::default();
    for row in &ROWS {
        let source = default.source(row).unwrap();
        let position = source.position.unwrap_or(0);
        let is_address = row.element == "email1";
        let absent = if is_address { None } else { when_absent(row.form) };
        let mut before: Option<UserFields> = None;
        for (value, expected) in delivered(row.form) {
            // As it is, and in a list; a row with a position finds it only there.
            let mut list = vec![json!("decoy"); position];
            list.push(value.clone());
            let mut forms = vec![Value::Array(list)];
            if position == 0 {
                forms.push(value.clone());
            }
            for form in forms {
                if row.form == Form::Aliases && form.is_array() && value.is_array() {
                    continue;
                }
                let found = desired(json!({&source.property: form}));
                assert_eq!(found.fields.get(row.element), Some(&expected), "{}", row.property);
                assert_eq!(warned(&found), [], "{}", row.property);
                if let Some(before) = before.replace(found.fields.clone())
                    && before != found.fields
                {
                    let changed = changed_fields(&found.fields, &before);
                    assert_eq!(changed.get(row.element), Some(&expected), "{}", row.property);
                }
            }
        }
        // Unset in the directory, in all forms of nothing.
        for nothing in [json!(null), json!(""), json!([]), json!([""])] {
            let mut user = user(json!({&source.property: nothing}));
            let found = desired_with(&user, &default, &settings());
            let emptied = row.form == Form::StickyText && nothing == json!("");
            let expected = if emptied { Some("".into()) } else { absent.clone() };
            assert_eq!(found.fields.get(row.element), expected.as_ref(), "{}", row.property);
            user.properties.remove(&source.property);
            let found = desired_with(&user, &default, &settings());
            assert_eq!(found.fields.get(row.element), absent.as_ref(), "{}", row.property);
        }
        // Unset in the mapping: what the directory has does not count.
        if !REQUIRED.contains(&row.property) {
            let unset = mapping(|file| drop(file.remove(row.property)));
            let values = delivered(row.form);
            let value = values.first().map_or(json!("5"), |(value, _)| value.clone());
            let found = desired_with(&user(json!({&source.property: value})), &unset, &settings());
            assert_eq!(found.fields.get(row.element), absent.as_ref(), "{}", row.property);
        }
    }
}

#[test]
fn every_row_refuses_a_structure_with_a_warning() {
    let default = Mapping::default();
    for row in ROWS.iter().filter(|row| row.form != Form::Ignored) {
        let source = default.source(row).unwrap();
        let mut list = vec![json!("decoy"); source.position.unwrap_or(0)];
        list.push(json!({"secret value": "hunter2"}));
        let found = desired(json!({&source.property: list}));
        let warning = found.warnings.iter().find(|warning| warning.element == row.element).unwrap();
        assert_eq!(warning.fault, Fault::NotText);
        assert_eq!(warning.property, source.property);
        assert!(!format!("{warning} {warning:?}").contains("hunter2"));
        let expected = match row.form {
            Form::ImapServer | Form::SmtpServer | Form::Aliases => when_absent(row.form),
            _ => None,
        };
        assert_eq!(found.fields.get(row.element), expected.as_ref(), "{}", row.property);
    }
}

/// Rules: D37
#[test]
fn bad_values_are_left_out_with_a_warning() {
    let rows = [
        ("birthday", json!("soon"), "birthday", Fault::NotADate),
        ("oxAnniversary", json!("31.02.2020"), "anniversary", Fault::NotADate),
        ("jpegPhoto", json!("R0lGODlhAAAA"), "image1", Fault::NotAPicture),
        ("jpegPhoto", json!("/9j/4"), "image1", Fault::NotBase64),
        ("oxUserQuota", json!("much"), "maxQuota", Fault::NotANumber),
        ("oxUserQuota", json!(1.5), "maxQuota", Fault::NotANumber),
    ];
    for (property, value, element, fault) in rows {
        let found = desired(json!({property: value}));
        assert_eq!(warned(&found), [(element, fault)]);
        assert_eq!(found.fields.get(element), None);
        assert_eq!(found.left_out, [element]);
        assert_eq!(found.fields.get("image1ContentType"), None, "no type without a picture");
        assert_eq!(found.fields.text("note"), Some(""), "all else goes on");
    }
}

#[test]
fn a_picture_brings_its_type_and_a_remembered_one_stays() {
    assert_eq!(
        desired(json!({"jpegPhoto": JPEG})).fields.text("image1ContentType"),
        Some("image/jpeg")
    );
    let with = user(json!({"jpegPhoto": PNG}));
    let sent = desired_with(&with, &Mapping::default(), &settings());
    assert_eq!(sent.fields.text("image1ContentType"), Some("image/png"));
    let remembered =
        UserObject { properties: storable_properties(&with.properties), ..with.clone() };
    let again = desired_with(&remembered, &Mapping::default(), &settings());
    assert_eq!(again.fields.get("image1"), None);
    assert_eq!(warned(&again), []);
    assert_eq!(uncleared_fields(&again, &sent.fields), [""; 0], "it was not removed");
    let removed = desired(json!({}));
    assert_eq!(uncleared_fields(&removed, &sent.fields), ["image1"]);
}

/// Rules: 8.1/aliases, 8.1/primary, D52
#[test]
fn aliases_begin_with_the_primary_address_and_have_no_doubles() {
    let found = desired(json!({"mailAlternativeAddress":
        ["b@x", "ANNA@heide.example", "B@X", "c@x", " "]}));
    let aliases = found.fields.get("aliases").and_then(FieldValue::as_list).unwrap();
    assert_eq!(aliases, ["anna@heide.example", "b@x", "c@x"]);
    assert_eq!(found.fields.text("primaryEmail"), Some("anna@heide.example"));
    assert_eq!(found.fields.text("imapLogin"), Some("anna@heide.example"));
    let single = mapping(|file| file["aliases"]["multi_value"] = json!(false));
    let two = user(json!({"mailAlternativeAddress": ["b@x", "c@x"]}));
    let found = desired_with(&two, &single, &settings());
    assert_eq!(found.fields.get("aliases").and_then(FieldValue::as_list).unwrap().len(), 2);
}

#[test]
fn without_an_address_ox_keeps_what_it_has() {
    let found = desired(json!({"mailPrimaryAddress": null, "mailAlternativeAddress": ["b@x"]}));
    assert_eq!(warned(&found), [("email1", Fault::Missing)]);
    assert_eq!(found.warnings[0].property, "mailPrimaryAddress");
    for element in ["email1", "primaryEmail", "aliases", "imapLogin"] {
        assert_eq!(found.fields.get(element), None, "{element}");
        assert!(found.left_out.contains(&element), "{element}");
    }
    assert_eq!(found.missing_for_create, REQUIRED);
}

/// Rules: 8.1/required, 8.1/alternatives
#[test]
fn what_a_new_user_lacks_is_listed() {
    let all = json!({"displayName": "A B", "firstname": "A", "lastname": "B"});
    assert_eq!(desired(all).missing_for_create, [""; 0]);
    let found = desired(json!({"oxDisplayName": "", "displayName": "A B", "lastname": " "}));
    assert_eq!(found.fields.text("display_name"), Some("A B"), "the alternative");
    assert_eq!(found.missing_for_create, ["given_name", "sur_name"]);
    assert_eq!(found.fields.text("given_name"), Some(""), "a change clears it");
}

#[test]
fn a_user_needs_one_text_as_name() {
    let named = |identifier: &str, more: Value| {
        let settings =
            UserSettings { user_identifier: Identifier::new(identifier, "username"), ..settings() };
        let mut user = user(json!({}));
        user.properties.extend(properties(more));
        try_desired(&user, &Mapping::default(), &settings)
    };
    assert_eq!(named("", json!({})).unwrap().name, "anna");
    assert_eq!(named("entryUUID", json!({})).unwrap().name, "u-1");
    assert_eq!(named("uidNumber", json!({"uidNumber": 7})).unwrap().name, "7");
    let found = named(" nick ", json!({"nick": "x"})).unwrap();
    assert_eq!((found.name.as_str(), found.fields.text("name")), ("x", Some("x")));
    let problems = [
        (json!({}), "is missing"),
        (json!({"nick": null}), "is missing"),
        (json!({"nick": ""}), "is empty"),
        (json!({"nick": ["x"]}), "is a list"),
        (json!({"nick": true}), "is no text"),
    ];
    for (more, what) in problems {
        let message = named("nick", more).unwrap_err().to_string();
        for part in ["OX_USER_IDENTIFIER", "\"nick\"", what] {
            assert!(message.contains(part), "{message} lacks {part}");
        }
    }
}

/// Rules: 8.1/mailenabled, D56
#[test]
fn mail_is_off_for_users_without_rights() {
    let enabled = |profile: Value, access| {
        let user = user(json!({"oxAccess": profile}));
        let (id, dn) = (ObjectId::new("U-1"), Dn::new("uid=anna,dc=x"));
        let desired = desired_fields(&user, &id, &dn, access, &Mapping::default(), &settings());
        desired.unwrap().fields.get("mailenabled").cloned()
    };
    let rows = [
        (json!("groupware"), rights(), true),
        (json!("not known"), None, true),
        (json!("empty"), Some(ModuleAccess::NONE), false),
        (json!("none"), rights(), false),
        (json!(""), None, false),
        (json!(null), rights(), false),
    ];
    for (profile, access, expected) in rows {
        assert_eq!(enabled(profile.clone(), access), Some(expected.into()), "{profile}");
    }
}

/// Rules: 8.1/servers, 8.1/login
#[test]
fn servers_come_from_the_settings_except_a_host_of_ones_own() {
    let mut settings = settings();
    settings.mail.smtp.port = None;
    settings.mail.smtp.scheme = "smtps://".to_owned();
    settings.mail.imap_login = "{}*{nope}".to_owned();
    let own = user(json!({"mailHomeServer": " mail1.heide.example "}));
    let found = desired_with(&own, &Mapping::default(), &settings);
    let fields = &found.fields;
    assert_eq!(fields.text("imapServer"), Some("mail1.heide.example"));
    assert_eq!(fields.get("imapPort"), Some(&FieldValue::Int(143)));
    assert_eq!(fields.text("imapSchema"), Some("imap://"));
    assert_eq!(fields.text("smtpServer"), Some("mail1.heide.example"));
    assert_eq!(fields.get("smtpPort"), None);
    assert_eq!(fields.text("smtpSchema"), Some("smtps://"));
    assert_eq!(fields.get("imapLogin"), None);
    assert_eq!(warned(&found), [("imapLogin", Fault::Missing)]);
}

/// Rules: 8.1/create, 8.1/constant
#[test]
fn some_fields_are_for_new_users_only() {
    let found = desired(json!({"oxLanguage": "fr_FR"}));
    let expected: [(&str, FieldValue); 5] = [
        ("contextadmin", false.into()),
        ("gui_spam_filter_enabled", true.into()),
        ("language", "de_DE".into()),
        ("password_expired", false.into()),
        ("timezone", "Europe/Berlin".into()),
    ];
    let create_only: Vec<_> =
        found.create_only.iter().map(|(field, value)| (field.name(), value.clone())).collect();
    assert_eq!(create_only, expected);
    for (element, _) in expected {
        assert_eq!(found.fields.get(element), None, "{element}");
    }
    for never in ["password", "usedQuota", "defaultSenderAddress", "id"] {
        assert_eq!(found.fields.get(never), None, "{never}");
        assert_eq!(found.create_only.get(never), None, "{never}");
    }
}

/// Rules: 8.1/mapping
#[test]
fn a_mapping_of_ones_own_is_followed() {
    let own = mapping(|file| {
        file["userfield20"] = json!({"ldap_attribute": "joined", "nillable": true,
            "multi_value": false, "special_handling": "DATE",
            "alternative_attributes": ["hired", "born"], "position": null});
        file["note"]["ldap_attribute"] = json!("description");
        file["note"]["position"] = json!(1);
    });
    let note = |value: Value| {
        let found = desired_with(&user(json!({"description": value})), &own, &settings());
        found.fields.text("note").map(str::to_owned)
    };
    assert_eq!(note(json!("one text")).as_deref(), Some(""), "not its second character");
    assert_eq!(note(json!(["a", "b"])).as_deref(), Some("b"));
    let joined = |more: Value| desired_with(&user(more), &own, &settings());
    let found = joined(json!({"joined": "", "born": "1.2.1990"}));
    assert_eq!(found.fields.text("userfield20"), Some("1990-02-01"));
    let found = joined(json!({"hired": "x", "born": "1.2.1990"}));
    assert_eq!(warned(&found), [("userfield20", Fault::NotADate)]);
    assert_eq!(found.fields.get("userfield20"), None, "neither sent nor cleared");
    assert_eq!(joined(json!({})).fields.text("userfield20"), Some(""));
}

/// A user of the example queue.
fn example(file: &str) -> (UserObject, DesiredUser) {
    let path = format!("{}/tests/fixtures/queue/{file}.json", env!("CARGO_MANIFEST_DIR"));
    let file = QueueFile::parse(&fs::read(path).unwrap()).unwrap();
    let Some(DirectoryObject::User(user)) = file.object else { panic!("no user") };
    let access =
        if user.profile.as_deref() == Some("none") { Some(ModuleAccess::NONE) } else { rights() };
    let mapping = Mapping::default();
    let found = desired_fields(&user, &file.id, &file.dn, access, &mapping, &settings()).unwrap();
    (user, found)
}

#[test]
fn the_example_users_come_out_as_expected() {
    // File, name, aliases (the first is the primary address), whether mail is on.
    let rows: [(&str, &str, &[&str], bool); 6] = [
        ("2025-03-03-08-00-02-014477", "anna.berg", &["anna.berg@heide.example"], true),
        (
            "2025-03-03-08-00-02-250981",
            "bruno.kern",
            &["bruno.kern@heide.example", "office@heide.example"],
            true,
        ),
        (
            "2025-03-03-09-10-00-000100",
            "anna.berg",
            &["anna.berg-roth@heide.example", "anna.berg@heide.example"],
            true,
        ),
        (
            "2025-03-03-09-10-00-200200",
            "bruno.lang",
            &["bruno.lang@heide.example", "office@heide.example", "bruno.kern@heide.example"],
            true,
        ),
        ("2025-03-03-11-30-00-310440", "dieter.alt", &["dieter.alt@heide.example"], true),
        ("2025-03-03-11-30-00-520881", "clara.voss", &["clara.voss@heide.example"], false),
    ];
    for (file, name, aliases, mail) in rows {
        let (_, found) = example(file);
        assert_eq!(found.name, name);
        assert_eq!(found.fields.get("aliases").and_then(FieldValue::as_list).unwrap(), aliases);
        assert_eq!(found.fields.text("email1"), Some(aliases[0]));
        assert_eq!(found.fields.text("primaryEmail"), Some(aliases[0]));
        assert_eq!(found.fields.text("imapLogin"), Some(aliases[0]));
        assert_eq!(found.fields.get("mailenabled"), Some(&mail.into()), "{file}");
        assert_eq!(found.missing_for_create, [""; 0], "{file}");
        assert_eq!(warned(&found), [], "{file}");
    }
}

#[test]
fn the_change_of_an_example_user_carries_what_changed() {
    let (_, before) = example("2025-03-03-08-00-02-014477");
    assert_eq!(before.fields.text("imapServer"), Some("mail1.heide.example"));
    assert_eq!(before.fields.text("image1ContentType"), Some("image/jpeg"));
    assert_eq!(before.fields.text("room_number"), Some("1.02"));
    assert_eq!(before.fields.text("telephone_business2"), Some("+49 5191 101"));
    assert_eq!(before.fields.get("maxQuota"), Some(&FieldValue::Int(-1)));
    let (_, after) = example("2025-03-03-09-10-00-000100");
    let changed = changed_fields(&after.fields, &before.fields);
    let names: Vec<&str> = changed.iter().map(|(field, _)| field.name()).collect();
    assert_eq!(
        names,
        [
            "aliases",
            "cellular_telephone1",
            "display_name",
            "email1",
            "imapLogin",
            "imapPort",
            "imapSchema",
            "imapServer",
            "nickname",
            "primaryEmail",
            "smtpPort",
            "smtpSchema",
            "smtpServer",
            "sur_name",
            "telephone_business2",
        ],
        "the German date is the same day"
    );
    assert_eq!(changed.text("cellular_telephone1"), Some(""));
    assert_eq!(changed.text("telephone_business2"), Some(""));
    assert_eq!(changed.text("imapServer"), Some("mail.heide.example"));
    assert_eq!(uncleared_fields(&after, &before.fields), ["image1"]);
}

fn any_value() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        "[a-zA-Z@. ]{0,6}",
        Just("A@X.example".to_owned()),
        Just("24.12.1985".to_owned()),
        Just("1985-12-24".to_owned()),
        Just(JPEG.to_owned()),
        Just(PNG.to_owned()),
        Just("-1".to_owned()),
    ];
    let scalar = prop_oneof![
        8 => text.prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(Value::Null),
        1 => Just(json!({"a": 1})),
    ];
    prop_oneof![
        3 => scalar.clone(),
        1 => prop::collection::vec(scalar, 0..4).prop_map(Value::from),
    ]
}

/// A user with values of any form in the properties that the default mapping reads.
fn any_user() -> impl Strategy<Value = UserObject> {
    let default = Mapping::default();
    let read: Vec<String> = ROWS
        .iter()
        .filter_map(|row| default.source(row))
        .map(|source| source.property.clone())
        .collect();
    let special = prop::sample::select(vec![
        "jpegPhoto",
        "birthday",
        "oxUserQuota",
        "mailPrimaryAddress",
        "mailAlternativeAddress",
        "mailHomeServer",
        "phone",
        "employeeType",
    ]);
    let name = prop_oneof![prop::sample::select(read), special.prop_map(str::to_owned)];
    prop::collection::btree_map(name, any_value(), 0..20).prop_map(|values| {
        let mut user = user(json!({}));
        user.properties.extend(values);
        user
    })
}

proptest! {
    #[test]
    fn deciding_twice_changes_nothing(user in any_user()) {
        let first = desired_with(&user, &Mapping::default(), &settings());
        let second = desired_with(&user, &Mapping::default(), &settings());
        prop_assert_eq!(&first, &second);
        prop_assert!(changed_fields(&first.fields, &first.fields).is_empty());
    }

    #[test]
    fn what_was_sent_and_stored_is_no_change(user in any_user()) {
        let DesiredUser { name, fields, .. } =
            desired_with(&user, &Mapping::default(), &settings());
        let sent = Placement::User { ox: OxId(3), name, fields: fields.clone(), access: None, beside: crate::store::Beside::default() };
        let Placement::User { fields: last, .. } = storable_placement(&sent) else { panic!() };
        prop_assert!(changed_fields(&fields, &last).is_empty());
        // Nor is it one when it is decided again from what is remembered of the directory object.
        let properties = storable_properties(&user.properties);
        let remembered = UserObject { properties, context: Some(ContextId(1)), ..user };
        let again = desired_with(&remembered, &Mapping::default(), &settings());
        prop_assert!(changed_fields(&again.fields, &last).is_empty());
        prop_assert!(uncleared_fields(&again, &last).is_empty());
    }

    #[test]
    fn the_change_applied_to_the_last_state_gives_the_desired_one(
        (before, after) in (any_user(), any_user()),
    ) {
        let last = desired_with(&before, &Mapping::default(), &settings()).fields;
        let desired = desired_with(&after, &Mapping::default(), &settings()).fields;
        let mut applied = last.clone();
        for (field, value) in changed_fields(&desired, &last).iter() {
            applied.insert(field, value.clone());
        }
        for (field, value) in desired.iter() {
            prop_assert!(changes::same(field, Some(value), applied.get(field.name())), "{field:?}");
        }
        for (field, value) in applied.iter().filter(|(field, _)| desired.get(field.name()).is_none()) {
            prop_assert_eq!(last.get(field.name()), Some(value), "what is not desired stays");
        }
    }

    #[test]
    fn every_value_fits_the_type_of_its_field(user in any_user()) {
        let found = desired_with(&user, &Mapping::default(), &settings());
        for (field, value) in found.fields.iter().chain(found.create_only.iter()) {
            prop_assert!(fits(field, value), "{field:?}");
        }
    }
}

fn fits(field: UserField, value: &FieldValue) -> bool {
    use crate::model::fields::FieldKind;
    match field.kind() {
        FieldKind::Text | FieldKind::Date | FieldKind::Bytes => value.as_text().is_some(),
        FieldKind::TextList => value.as_list().is_some(),
        FieldKind::Int | FieldKind::Long => matches!(value, FieldValue::Int(_)),
        FieldKind::Bool => matches!(value, FieldValue::Bool(_)),
        FieldKind::Group | FieldKind::Map | FieldKind::Maps => false,
    }
}
