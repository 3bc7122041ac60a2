//! One object, many scopes.

use serde_json::{Value, json};

use super::*;
use crate::model::QueueFile;

fn all<T>(rule: T) -> Vec<Applies<T>> {
    vec![Applies::new(None, rule)]
}

fn group<T>(rule: T) -> Vec<Applies<T>> {
    vec![Applies::new(Some(ObjectKind::Group), rule)]
}

fn file(kind: &str, dn: &str, object: &Value) -> QueueFile {
    let text = json!({"id": "id-1", "udm_object_type": kind, "dn": dn, "object": object});
    QueueFile::parse(text.to_string().as_bytes()).unwrap()
}

fn anna() -> QueueFile {
    let object = json!({"username": "anna", "isOxUser": "OK", "oxContext": 1,
                        "univentionObjectFlag": ["temporary", "Hidden"], "shoe": 42});
    file("users/user", r"uid=anna,cn=Staff\, old, OU=School,dc=x", &object)
}

fn standing(scope: &Scope, file: &QueueFile) -> Standing {
    scope.judge(&file.id, file.kind, &file.dn, file.properties.as_ref().unwrap())
}

fn pattern(text: &str) -> Pattern {
    Pattern::new(text).unwrap()
}

#[test]
fn the_default_provisions_everything() {
    assert_eq!(standing(&Scope::default(), &anna()), Standing::In);
}

#[test]
fn each_rule_says_its_own_reason_and_holds_for_its_kind_only() {
    let scope = Scope::default;
    let user = |rule| vec![Applies::new(Some(ObjectKind::User), rule)];
    let marker = |text: &str| Marker::new(text).unwrap();
    let cases = [
        (Scope { include: all(Dn::new("ou=school, DC=x")), ..scope() }, None),
        (
            Scope { include: all(Dn::new("ou=office,dc=x")), ..scope() },
            Some(OutOfScope::NotIncluded),
        ),
        (Scope { include: all(Dn::new("ol,dc=x")), ..scope() }, Some(OutOfScope::NotIncluded)),
        (
            Scope { include: all(Dn::new(r"old,ou=School,dc=x")), ..scope() },
            Some(OutOfScope::NotIncluded),
        ),
        (Scope { include: all(Dn::new(r"CN=staff\2C old,ou=School,dc=x")), ..scope() }, None),
        (Scope { include: group(Dn::new("ou=office,dc=x")), ..scope() }, None),
        (Scope { exclude: all(Dn::new("ou=school,dc=x")), ..scope() }, Some(OutOfScope::Excluded)),
        (Scope { exclude: group(Dn::new("ou=school,dc=x")), ..scope() }, None),
        (Scope { exclude_names: all(pattern("nn")), ..scope() }, Some(OutOfScope::Name)),
        (Scope { exclude_names: all(pattern("^nn|nn$")), ..scope() }, None),
        (Scope { exclude_names: user(pattern("(?i)^ANNA$")), ..scope() }, Some(OutOfScope::Name)),
        (Scope { exclude_names: group(pattern("anna")), ..scope() }, None),
        (
            Scope { exclude_marked: all(marker("univentionObjectFlag = hidden")), ..scope() },
            Some(OutOfScope::Marked),
        ),
        (Scope { exclude_marked: all(marker("shoe=42")), ..scope() }, Some(OutOfScope::Marked)),
        (Scope { exclude_marked: all(marker("shoe=4")), ..scope() }, None),
        (Scope { kinds: BTreeSet::from([ObjectKind::Group]), ..scope() }, Some(OutOfScope::Kind)),
    ];
    for (scope, expected) in cases {
        let expected = expected.map_or(Standing::In, |out| Standing::Out(out, OnLeave::Delete));
        assert_eq!(standing(&scope, &anna()), expected, "{scope:?}");
    }
}

#[test]
fn what_is_protected_is_so_in_and_out_of_scope() {
    let out = Scope { kinds: BTreeSet::new(), ..Scope::default() };
    let by = |protect: Protect| Scope { protect, ..out.clone() };
    let ids = BTreeSet::from([ObjectId::new("id-1")]);
    let marked = all(Marker::new("shoe=42").unwrap());
    for (protect, expected) in [
        (Protect { ids, ..Protect::default() }, Protection::Id),
        (Protect { names: all(pattern("^an")), ..Protect::default() }, Protection::Name),
        (Protect { marked, ..Protect::default() }, Protection::Marked),
    ] {
        assert_eq!(standing(&by(protect), &anna()), Standing::Protected(expected));
    }
}

#[test]
fn a_file_is_seen_as_what_is_to_become_of_its_object() {
    let leaving = |on_leave| Scope {
        kinds: BTreeSet::new(),
        on_leave: BTreeMap::from([(ObjectKind::User, on_leave)]),
        ..Scope::default()
    };
    let anna = anna();
    let seen = leaving(OnLeave::Delete);
    let seen = seen.see(&anna, None);
    assert!(seen.file.object.is_none() && seen.file.properties.is_none() && seen.fixed.is_none());
    let seen = leaving(OnLeave::Disable);
    let seen = seen.see(&anna, None);
    let Some(crate::model::DirectoryObject::User(user)) = &seen.file.object else { panic!() };
    assert!(seen.disable && !user.is_ox_user && seen.file.properties.is_some());
    let keeping = leaving(OnLeave::Keep);
    let seen = keeping.see(&anna, None);
    assert_eq!(seen.fixed, Some(Fixed::Kept(OutOfScope::Kind)));
    // A deletion tells nothing; what was known before counts.
    let gone = file("users/user", "uid=anna,dc=x", &Value::Null);
    assert_eq!(keeping.see(&gone, None).fixed, None);
    let before = Some(Fixed::Protected(Protection::Id));
    assert_eq!(keeping.see(&gone, before).fixed, before);
}

#[test]
fn rules_are_read_with_and_without_a_kind() {
    let read = |text: &str| Applies::read(text, Pattern::new);
    assert_eq!(read("User: ^a"), Ok(Applies::new(Some(ObjectKind::User), pattern("^a"))));
    assert_eq!(read("room:a"), Ok(Applies::new(None, pattern("room:a"))));
    assert_eq!(read("a("), Err("unclosed group".to_owned()));
    assert!(read("(a{1000}){1000}").is_err(), "no pattern takes all memory");
    for text in ["", "a", "=b", "a="] {
        assert_eq!(Marker::new(text), None, "{text}");
    }
}
