//! Three values of a field, and whether they mean the same.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::model::digest::is_digest;
use crate::model::{ContextId, FieldValue, ModuleAccess, UserFields};
use crate::plan::user::alike;
use crate::store::{ObjectRecord, Placement};

/// A field of which not all three states agree. None: there is no value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Its name in OX.
    pub field: String,
    /// As the directory wants it.
    pub source: Option<String>,
    /// As it was last provisioned.
    pub provisioned: Option<String>,
    /// As OX has it.
    pub ox: Option<String>,
}

impl Difference {
    /// Of three texts; none if they agree. What the directory does not say is not compared.
    pub(super) fn of(
        field: &str,
        source: Option<String>,
        provisioned: Option<String>,
        ox: Option<String>,
    ) -> Option<Self> {
        let empty = |text: &Option<String>| text.as_deref().unwrap_or_default().to_owned();
        let agree =
            empty(&provisioned) == empty(&ox) && (source.is_none() || empty(&source) == empty(&ox));
        (!agree).then(|| Self { field: field.to_owned(), source, provisioned, ox })
    }
}

/// Values that OX keeps otherwise than they are sent, or never tells.
const NOT_TOLD: &[&str] = &["image1", "image1ContentType", "password", "passwordMech"];

/// Fields of a user that do not agree. What the directory leaves to OX is not compared.
pub(super) fn of_user(
    source: Option<&UserFields>,
    provisioned: &UserFields,
    ox: &UserFields,
) -> Vec<Difference> {
    let mut differences = Vec::new();
    for (field, wanted) in source.unwrap_or(provisioned).iter() {
        let name = field.name();
        let digest = wanted.as_text().is_some_and(is_digest);
        if NOT_TOLD.contains(&name) || digest {
            continue;
        }
        let (last, now) = (provisioned.get(name), ox.get(name));
        if alike(Some(wanted), now) && alike(last, now) {
            continue;
        }
        differences.push(Difference {
            field: name.to_owned(),
            source: source.map(|_| text(wanted)),
            provisioned: last.map(text),
            ox: now.map(text),
        });
    }
    differences
}

/// A value for people.
fn text(value: &FieldValue) -> String {
    match value {
        FieldValue::Bool(flag) => flag.to_string(),
        FieldValue::Int(number) => number.to_string(),
        FieldValue::Text(text) => text.clone(),
        FieldValue::List(list) => list.join(", "),
        FieldValue::Maps(maps) => serde_json::to_string(maps).unwrap_or_default(),
    }
}

/// Rights as their words.
pub(super) fn rights(access: ModuleAccess) -> String {
    access.words().into_iter().collect::<Vec<_>>().join(" ")
}

/// Many names as one text, in one order.
pub(super) fn names(names: impl IntoIterator<Item = String>) -> String {
    names.into_iter().collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(", ")
}

/// Whether the object bears that name in a context: as OX knows it, or by its mail address.
pub(super) fn is_called(record: &ObjectRecord, context: ContextId, name: &str) -> bool {
    let same = |text: Option<&str>| text.is_some_and(|text| text.eq_ignore_ascii_case(name));
    match record.placements.get(&context) {
        Some(Placement::User { name: login, fields, .. }) => {
            login == name || same(fields.text("primaryEmail"))
        }
        Some(Placement::Group { name: its, .. } | Placement::Context { name: its, .. }) => {
            same(Some(its))
        }
        Some(Placement::Resource { data, .. }) => {
            same(data.name.as_deref()) || same(data.email.as_deref())
        }
        Some(Placement::SharedAccount { name: its, data, .. }) => {
            let mail = data.as_ref().map(|data| data.address.as_str());
            same(Some(its)) || same(mail)
        }
        Some(Placement::Account { address, .. }) => same(Some(address)),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(values: &[(&str, &str)]) -> UserFields {
        let mut fields = UserFields::new();
        for (name, value) in values {
            assert!(fields.set(name, *value));
        }
        fields
    }

    #[test]
    fn a_field_differs_if_any_of_the_three_does_and_empty_is_none() {
        let source = fields(&[("given_name", "A"), ("sur_name", "B"), ("title", "")]);
        let last = fields(&[("given_name", "A"), ("sur_name", "B")]);
        let of = |source: &UserFields, last: &UserFields, ox: &UserFields| -> Vec<String> {
            of_user(Some(source), last, ox).into_iter().map(|one| one.field).collect()
        };
        assert_eq!(of(&source, &last, &last), [""; 0]);
        assert_eq!(of(&source, &last, &fields(&[("given_name", "A")])), ["sur_name"]);
        let changed = fields(&[("given_name", "C"), ("sur_name", "B")]);
        assert_eq!(of(&changed, &last, &last), ["given_name"], "not provisioned yet");
        assert_eq!(of(&source, &changed, &last), ["given_name"], "remembered wrongly");
        let more = fields(&[("given_name", "A"), ("sur_name", "B"), ("note", "by hand")]);
        assert_eq!(of(&source, &last, &more), [""; 0], "left to OX");
        let titled = fields(&[("given_name", "A"), ("sur_name", "B"), ("title", "Dr.")]);
        assert_eq!(of(&source, &last, &titled), ["title"], "to be empty");
    }

    #[test]
    fn texts_agree_if_the_directory_says_nothing_or_the_same() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(Difference::of("x", None, some("a"), some("a")), None);
        assert_eq!(Difference::of("x", some(""), None, None), None);
        assert!(Difference::of("x", some("b"), some("a"), some("a")).is_some());
        assert!(Difference::of("x", some("a"), some("a"), None).is_some());
    }
}
