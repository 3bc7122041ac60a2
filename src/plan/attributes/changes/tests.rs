use super::*;

fn field(name: &str) -> UserField {
    UserField::named(name).unwrap()
}

fn fields(list: &[(&str, FieldValue)]) -> UserFields {
    let mut fields = UserFields::new();
    for (name, value) in list {
        assert!(fields.set(name, value.clone()), "{name}");
    }
    fields
}

fn list(texts: &[&str]) -> FieldValue {
    texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>().into()
}

fn names(fields: &UserFields) -> Vec<&'static str> {
    fields.iter().map(|(field, _)| field.name()).collect()
}

#[test]
fn each_field_has_its_matching_rule() {
    let digest = content_digest("/9j/2wAA");
    let rows: [(&str, FieldValue, FieldValue, bool); 16] = [
        ("email1", "a@B.example".into(), "a@b.EXAMPLE".into(), true),
        ("email1", "A@b.example".into(), "a@b.example".into(), false),
        ("primaryEmail", "a@B".into(), "a@b".into(), true),
        ("email2", "a@B".into(), "a@b".into(), true),
        ("note", "a@B".into(), "a@b".into(), false),
        ("note", "x".into(), "x ".into(), false),
        ("birthday", "1985-12-24".into(), "1985-12-24+01:00".into(), true),
        ("birthday", "1985-12-24".into(), "1985-12-25".into(), false),
        ("aliases", list(&["a@x", "b@X"]), list(&["b@x", "a@x"]), true),
        ("aliases", list(&["a@x", "b@x"]), list(&["a@x"]), false),
        ("image1", "/9j/2wAA".into(), "/9j/\n2wAA".into(), true),
        ("image1", "/9j/2wAA".into(), digest.as_str().into(), true),
        ("image1", "/9j/2wAB".into(), digest.as_str().into(), false),
        ("maxQuota", 5_i64.into(), 5_i64.into(), true),
        ("maxQuota", 5_i64.into(), 6_i64.into(), false),
        ("mailenabled", true.into(), false.into(), false),
    ];
    for (name, left, right, expected) in rows {
        let field = field(name);
        assert_eq!(same(field, Some(&left), Some(&right)), expected, "{name}");
        assert_eq!(same(field, Some(&right), Some(&left)), expected, "{name} the other way");
    }
}

#[test]
fn absent_is_the_same_as_empty_but_not_as_false() {
    assert!(same(field("note"), Some(&"".into()), None));
    assert!(same(field("aliases"), None, Some(&list(&[]))));
    assert!(!same(field("note"), Some(&"x".into()), None));
    assert!(!same(field("mailenabled"), Some(&false.into()), None));
    assert!(!same(field("maxQuota"), Some(&0_i64.into()), None));
}

#[test]
fn fields_that_ox_wants_together_go_together() {
    let desired = fields(&[
        ("email1", "new@x".into()),
        ("primaryEmail", "new@x".into()),
        ("aliases", list(&["new@x", "a@x"])),
        ("note", "n".into()),
        ("image1", "/9j/2wAA".into()),
        ("image1ContentType", "image/jpeg".into()),
        ("imapServer", "one".into()),
        ("imapPort", 143_i64.into()),
        ("imapSchema", "imap://".into()),
    ]);
    let change = |name: &str, value: FieldValue| {
        let mut last = desired.clone();
        last.set(name, value);
        names(&changed_fields(&desired, &last))
    };
    let addresses = ["aliases", "email1", "primaryEmail"];
    assert_eq!(change("aliases", list(&["new@x"])), addresses);
    assert_eq!(change("primaryEmail", "old@x".into()), addresses);
    assert_eq!(change("note", "m".into()), ["note"]);
    assert_eq!(change("image1", "AAAA".into()), ["image1", "image1ContentType"]);
    assert_eq!(change("imapPort", 993_i64.into()), ["imapPort", "imapSchema", "imapServer"]);
    assert_eq!(change("telephone_car", "1".into()), [""; 0], "not desired, so left alone");
    assert_eq!(changed_fields(&desired, &UserFields::new()), desired);
}

/// Rules: D54
#[test]
fn what_cannot_be_cleared_is_reported() {
    let last = fields(&[
        ("employeeType", "board".into()),
        ("maxQuota", (-1_i64).into()),
        ("image1", content_digest("/9j/2wAA").into()),
        ("birthday", "1985-12-24".into()),
        ("anniversary", "".into()),
        ("telephone_car", "1".into()),
    ]);
    let mut desired = DesiredUser {
        name: String::new(),
        fields: fields(&[("employeeType", "".into())]),
        create_only: UserFields::new(),
        missing_for_create: Vec::new(),
        too_long: Vec::new(),
        left_out: Vec::new(),
        warnings: Vec::new(),
    };
    assert_eq!(uncleared_fields(&desired, &last), ["image1", "birthday"]);
    desired.left_out.push("image1");
    assert_eq!(uncleared_fields(&desired, &last), ["birthday"]);
}

/// Rules: 8.1/sender
#[test]
fn the_sender_address_stays_as_chosen_while_it_can() {
    let aliases = ["new@x", "old@x", "own@x"].map(str::to_owned);
    let rows = [
        // present, old primary, new primary, sent
        (Some("old@x"), Some("old@x"), "new@x", "new@x"),
        (Some("OLD@x"), Some("old@X"), "new@x", "new@x"),
        (Some("new@x"), Some("new@x"), "new@x", "new@x"),
        (Some("NEW@x"), Some("new@x"), "new@x", "NEW@x"),
        (Some("own@x"), Some("old@x"), "new@x", "own@x"),
        (Some("Own@X"), Some("new@x"), "new@x", "Own@X"),
        (Some("gone@x"), Some("old@x"), "new@x", "new@x"),
        (Some("gone@x"), Some("new@x"), "new@x", "new@x"),
        (None, Some("old@x"), "new@x", "new@x"),
        (Some(""), None, "new@x", "new@x"),
        (Some("old@x"), None, "new@x", "old@x"),
    ];
    for (present, old, new, sent) in rows {
        assert_eq!(sender_address(old, present, new, &aliases), sent, "{present:?} {old:?}");
    }
}
