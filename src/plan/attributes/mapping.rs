//! The mapping from directory properties to OX's fields, as data: `AttributeMapping.json`.
//!
//! The format is that of the Python connectors, so an installation's own file works unchanged: one
//! JSON object, a key for each `ox_property`, each with six members. A file replaces the default
//! as a whole: what it does not name is unset, which clears the field in OX.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use serde_json::{Map, Value};

use super::rows::{self, Form, REQUIRED, ROWS, Row};

mod edit;

pub use edit::{Entry, MappingText};

/// The default, which is also the example for people who write their own.
pub const DEFAULT_FILE: &str = include_str!("../../../config/AttributeMapping.json");

static DEFAULT: LazyLock<Mapping> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "the file is compiled in, and a test reads it")]
    Mapping::parse(DEFAULT_FILE).expect("the embedded attribute mapping is valid")
});

/// Members of an entry, in the order of the format's description.
const MEMBERS: [&str; 6] = [
    "ldap_attribute",
    "nillable",
    "multi_value",
    "special_handling",
    "alternative_attributes",
    "position",
];

/// Which property feeds which field. Copies share it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    sources: Arc<BTreeMap<&'static str, Source>>,
}

/// Where the value of one row comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    /// The property.
    pub(crate) property: String,
    /// Taken in this order when the property is absent.
    pub(crate) alternatives: Vec<String>,
    /// Which element of a list; none = the first that holds something.
    pub(crate) position: Option<usize>,
    /// Whether a list is taken whole.
    pub(super) whole_list: bool,
    /// Whether a text row holds a date, which is then written as `YYYY-MM-DD`.
    pub(super) date: bool,
}

/// Why a mapping file cannot be used. Nothing of it is used then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    /// Not a JSON object.
    #[error("the attribute mapping is not a JSON object: {0}")]
    NotJson(String),
    /// A key that is none of the properties.
    #[error("\"{property}\" is no property of OX that can be mapped{}", hint(near.as_deref()))]
    UnknownProperty {
        /// The key.
        property: String,
        /// The most similar right one, if any is similar.
        near: Option<String>,
    },
    /// A member that is none of the six.
    #[error("\"{property}\" has an unknown member \"{member}\"{}", hint(near.as_deref()))]
    UnknownMember {
        /// The key.
        property: String,
        /// The member.
        member: String,
        /// The most similar right one, if any is similar.
        near: Option<String>,
    },
    /// A member that is missing or of the wrong form.
    #[error("member \"{member}\" of \"{property}\": expected {expected}, found {found}")]
    Member {
        /// The key.
        property: String,
        /// The member.
        member: &'static str,
        /// What would have been right.
        expected: &'static str,
        /// What was there.
        found: String,
    },
    /// OX needs the field to create a user.
    #[error(
        "\"{property}\" must have an \"ldap_attribute\": OX creates no user without this field"
    )]
    Required {
        /// The key.
        property: &'static str,
    },
}

impl MappingError {
    /// OX has no field of this name that can be mapped; names the most similar one.
    pub fn unknown_property(property: &str) -> Self {
        let near = nearest(property, ROWS.iter().map(|row| row.property));
        Self::UnknownProperty { property: property.to_owned(), near }
    }
}

impl Default for Mapping {
    fn default() -> Self {
        DEFAULT.clone()
    }
}

impl Mapping {
    /// Reads a mapping file.
    ///
    /// # Errors
    /// [`MappingError`] names property and member, and what was expected.
    pub fn parse(text: &str) -> Result<Self, MappingError> {
        let value: Value =
            serde_json::from_str(text).map_err(|e| MappingError::NotJson(e.to_string()))?;
        let Value::Object(file) = value else {
            return Err(MappingError::NotJson(format!("found {}", kind(Some(&value)))));
        };
        let mut sources = BTreeMap::new();
        for (property, entry) in &file {
            let Some(row) = rows::named(property) else {
                return Err(MappingError::unknown_property(property));
            };
            if let Some(source) = source(row, entry)? {
                sources.insert(row.property, source);
            }
        }
        match REQUIRED.into_iter().find(|property| !sources.contains_key(property)) {
            Some(property) => Err(MappingError::Required { property }),
            None => Ok(Self { sources: Arc::new(sources) }),
        }
    }

    /// Where a row's value comes from; none if it is unset.
    pub(crate) fn source(&self, row: &Row) -> Option<&Source> {
        self.sources.get(row.property)
    }
}

/// One entry of the file; none if it unsets the row.
fn source(row: &Row, entry: &Value) -> Result<Option<Source>, MappingError> {
    let property = row.property;
    let Value::Object(entry) = entry else {
        let expected = "an object with the six members of an entry";
        return Err(wrong(property, "ldap_attribute", expected, Some(entry)));
    };
    if let Some(member) = entry.keys().find(|member| !MEMBERS.contains(&member.as_str())) {
        let near = nearest(member, MEMBERS);
        let (property, member) = (property.to_owned(), member.clone());
        return Err(MappingError::UnknownMember { property, member, near });
    }
    let attribute = match entry.get("ldap_attribute") {
        Some(Value::Null) => None,
        Some(Value::String(name)) if !name.trim().is_empty() => Some(name.trim().to_owned()),
        other => {
            return Err(wrong(property, "ldap_attribute", "a property's name, or null", other));
        }
    };
    // Whether absence is normal is OX's business, not the file's; the form is checked all the same.
    flag(property, entry, "nillable")?;
    let whole_list = flag(property, entry, "multi_value")?;
    if whole_list && row.form != Form::Aliases {
        let expected = "false, because only \"aliases\" takes a whole list";
        return Err(wrong(property, "multi_value", expected, entry.get("multi_value")));
    }
    let date = special(row, entry)?;
    let alternatives = alternatives(property, entry)?;
    let position = position(property, entry)?;
    Ok(attribute.map(|property| Source { property, alternatives, position, whole_list, date }))
}

fn flag(
    property: &str,
    entry: &Map<String, Value>,
    member: &'static str,
) -> Result<bool, MappingError> {
    match entry.get(member) {
        Some(Value::Bool(value)) => Ok(*value),
        other => Err(wrong(property, member, "true or false", other)),
    }
}

/// `special_handling`: whether it makes a text row a date. Rows that have a form of their own keep
/// it whatever the file says, but nothing can be made a picture or a server that is none.
fn special(row: &Row, entry: &Map<String, Value>) -> Result<bool, MappingError> {
    let member = entry.get("special_handling");
    let word = member.and_then(Value::as_str);
    let refused = |expected| Err(wrong(row.property, "special_handling", expected, member));
    match word {
        Some("DATE") => match row.form {
            Form::Text | Form::StickyText | Form::Date => Ok(true),
            _ => refused("the value it has in the default mapping"),
        },
        Some("IMAGE") if row.form != Form::Photo => refused("DEFAULT, IMAGE is for \"image1\""),
        Some("IMAP_URL") if row.form != Form::ImapServer => {
            refused("DEFAULT, IMAP_URL is for \"imap_server\"")
        }
        Some("SMTP_URL") if row.form != Form::SmtpServer => {
            refused("DEFAULT, SMTP_URL is for \"smtp_server\"")
        }
        Some("DEFAULT" | "IMAGE" | "IMAP_URL" | "SMTP_URL") => Ok(false),
        _ => refused("one of DEFAULT, IMAGE, DATE, IMAP_URL, SMTP_URL"),
    }
}

fn alternatives(property: &str, entry: &Map<String, Value>) -> Result<Vec<String>, MappingError> {
    let member = entry.get("alternative_attributes");
    let error =
        || wrong(property, "alternative_attributes", "a list of names of properties", member);
    let Some(Value::Array(list)) = member else { return Err(error()) };
    list.iter()
        .map(|name| name.as_str().filter(|name| !name.trim().is_empty()).map(str::to_owned))
        .collect::<Option<_>>()
        .ok_or_else(error)
}

fn position(property: &str, entry: &Map<String, Value>) -> Result<Option<usize>, MappingError> {
    let expected = "a whole number from 0, or null";
    match entry.get("position") {
        Some(Value::Null) => Ok(None),
        Some(value) => match value.as_u64().and_then(|n| usize::try_from(n).ok()) {
            Some(position) => Ok(Some(position)),
            None => Err(wrong(property, "position", expected, Some(value))),
        },
        None => Err(wrong(property, "position", expected, None)),
    }
}

fn wrong(
    property: &str,
    member: &'static str,
    expected: &'static str,
    found: Option<&Value>,
) -> MappingError {
    MappingError::Member { property: property.to_owned(), member, expected, found: kind(found) }
}

/// What was found, for people. The file holds no people's data.
fn kind(value: Option<&Value>) -> String {
    match value {
        None => "nothing".to_owned(),
        Some(Value::Array(_)) => "a list".to_owned(),
        Some(Value::Object(_)) => "an object".to_owned(),
        Some(plain) => plain.to_string(),
    }
}

fn hint(near: Option<&str>) -> String {
    near.map(|near| format!("; did you mean \"{near}\"?")).unwrap_or_default()
}

/// The candidate that is at most three edits away, the nearest one.
fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let word = word.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (distance(&word, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate.to_owned())
}

/// Insertions, deletions and substitutions from one word to the other.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut before: Vec<usize> = (0..=right.len()).collect();
    for (i, l) in left.chars().enumerate() {
        let mut row = vec![i + 1];
        for (j, r) in right.iter().enumerate() {
            let substituted = before[j] + usize::from(l != *r);
            row.push(substituted.min(before[j + 1] + 1).min(row[j] + 1));
        }
        before = row;
    }
    before.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The default file with one change.
    fn changed(change: impl FnOnce(&mut Map<String, Value>)) -> Result<Mapping, MappingError> {
        let mut file: Map<String, Value> = serde_json::from_str(DEFAULT_FILE).unwrap();
        change(&mut file);
        Mapping::parse(&Value::Object(file).to_string())
    }

    #[test]
    fn the_default_names_every_row_and_every_row_is_a_field_of_ox() {
        let file: Map<String, Value> = serde_json::from_str(DEFAULT_FILE).unwrap();
        assert_eq!(file.len(), ROWS.len());
        for row in &ROWS {
            assert!(Mapping::default().source(row).is_some(), "{}", row.property);
            assert!(crate::model::UserField::named(row.element).is_some(), "{}", row.element);
        }
    }

    #[test]
    fn errors_name_property_member_and_what_was_expected() {
        let cases: [(&str, &str, Value, &[&str]); 12] = [
            ("note", "ldap_attribute", json!(7), &["\"note\"", "\"ldap_attribute\"", "found 7"]),
            ("note", "ldap_attribute", json!(""), &["a property's name, or null"]),
            ("note", "nillable", json!("yes"), &["\"nillable\"", "true or false", "\"yes\""]),
            ("note", "multi_value", json!(true), &["\"note\"", "only \"aliases\""]),
            ("note", "special_handling", json!("IMAGE"), &["\"note\"", "for \"image1\""]),
            ("note", "special_handling", json!("date"), &["one of DEFAULT, IMAGE, DATE"]),
            ("imap_server", "special_handling", json!("SMTP_URL"), &["for \"smtp_server\""]),
            ("image1", "special_handling", json!("DATE"), &["in the default mapping"]),
            ("note", "alternative_attributes", json!("x"), &["a list of names", "found \"x\""]),
            ("note", "position", json!(-1), &["a whole number from 0", "found -1"]),
            ("email1", "ldap_attribute", json!(null), &["\"email1\"", "creates no user"]),
            ("note", "postion", json!(1), &["\"postion\"", "did you mean \"position\""]),
        ];
        for (property, member, value, parts) in cases {
            let result = changed(|file| file[property][member] = value.clone());
            let message = result.unwrap_err().to_string();
            for part in parts {
                assert!(message.contains(part), "{message} lacks {part}");
            }
        }
        for member in MEMBERS {
            let result = changed(|file| {
                file["note"].as_object_mut().unwrap().remove(member);
            });
            let message = result.unwrap_err().to_string();
            assert!(message.contains(member) && message.contains("nothing"), "{message}");
        }
    }

    #[test]
    fn unknown_properties_are_refused_with_the_likely_right_one() {
        let rename = |to: &str| {
            let to = to.to_owned();
            changed(move |file| {
                let entry = file.remove("userfield01").unwrap();
                file.insert(to, entry);
            })
        };
        let message = rename("userfeld01").unwrap_err().to_string();
        assert!(message.contains("did you mean \"userfield01\"?"), "{message}");
        let message = rename("something_else").unwrap_err().to_string();
        assert!(!message.contains("did you mean"), "{message}");
        // A computed field is none that can be mapped.
        assert!(rename("password").is_err());
    }

    #[test]
    fn required_rows_must_be_there() {
        for property in REQUIRED {
            let error = changed(|file| drop(file.remove(property))).unwrap_err();
            assert_eq!(error, MappingError::Required { property });
        }
        assert!(matches!(Mapping::parse("[]"), Err(MappingError::NotJson(_))));
        assert!(matches!(Mapping::parse("{\"note\":"), Err(MappingError::NotJson(_))));
    }

    #[test]
    fn rows_that_are_unset_or_left_out_have_no_source() {
        let row = rows::named("note").unwrap();
        let unset = changed(|file| file["note"]["ldap_attribute"] = json!(null)).unwrap();
        let left_out = changed(|file| drop(file.remove("note"))).unwrap();
        assert_eq!(unset.source(row), None);
        assert_eq!(unset, left_out);
    }
}
