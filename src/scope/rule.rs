//! Rules of the scope, as they are written in the settings.

use std::borrow::Cow;
use std::fmt;

use regex::{Regex, RegexBuilder};
use serde_json::Value;

use crate::model::ObjectKind;
use crate::model::object::Properties;

/// Memory that one pattern may take when it is made, in bytes. A pattern comes from the settings, not
/// from the world; the bound keeps a slip of the pen such as `(a{1000}){1000}` from taking it all.
const MOST_MEMORY: usize = 1 << 20;

/// A word for each kind, as settings have it.
pub const KINDS: [(&str, ObjectKind); 8] = [
    ("context", ObjectKind::Context),
    ("user", ObjectKind::User),
    ("group", ObjectKind::Group),
    ("resource", ObjectKind::Resource),
    ("account", ObjectKind::Account),
    ("profile", ObjectKind::Profile),
    ("shared_account", ObjectKind::SharedAccount),
    ("shared_account_permission", ObjectKind::SharedAccountPermission),
];

/// A rule that holds for one kind, or for all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applies<T> {
    kind: Option<ObjectKind>,
    rule: T,
}

impl<T> Applies<T> {
    /// A rule for that kind; none = for all.
    pub fn new(kind: Option<ObjectKind>, rule: T) -> Self {
        Self { kind, rule }
    }

    /// Reads `KIND:REST`, or just `REST` for all kinds, and REST with `read`.
    ///
    /// # Errors
    /// Whatever `read` says.
    pub fn read<E>(text: &str, read: impl FnOnce(&str) -> Result<T, E>) -> Result<Self, E> {
        let split = text.split_once(':').and_then(|(word, rest)| {
            let kind = KINDS.iter().find(|(kind, _)| word.trim().eq_ignore_ascii_case(kind))?.1;
            Some((Some(kind), rest.trim()))
        });
        let (kind, rest) = split.unwrap_or((None, text));
        Ok(Self { kind, rule: read(rest)? })
    }

    /// The rule, if it holds for that kind.
    pub fn of(&self, kind: ObjectKind) -> Option<&T> {
        self.kind.is_none_or(|mine| mine == kind).then_some(&self.rule)
    }
}

/// A regular expression; it fits if it is found anywhere in a name. `^` and `$` tie it to begin and end.
#[derive(Clone)]
pub struct Pattern(Regex);

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// What is wrong with it, in one line.
    pub fn new(text: &str) -> Result<Self, String> {
        match RegexBuilder::new(text).size_limit(MOST_MEMORY).build() {
            Ok(regex) => Ok(Self(regex)),
            Err(error) => {
                // The last line says it; those before draw the pattern.
                let text = error.to_string();
                let last = text.lines().last().unwrap_or_default().trim();
                Err(last.trim_start_matches("error: ").to_owned())
            }
        }
    }

    /// Whether a name fits.
    pub fn fits(&self, name: &str) -> bool {
        self.0.is_match(name)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0.as_str())
    }
}

/// A property with a value that marks an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    property: String,
    value: String,
}

impl Marker {
    /// Reads `property=value`. None if it is not that.
    pub fn new(text: &str) -> Option<Self> {
        let (property, value) = text.split_once('=')?;
        let (property, value) = (property.trim(), value.trim());
        let parts = !property.is_empty() && !value.is_empty();
        parts.then(|| Self { property: property.to_owned(), value: value.to_owned() })
    }

    /// Whether the property has the value, or has it among others. Case of letters does not matter, as
    /// in most of what LDAP compares.
    pub fn is_on(&self, properties: &Properties) -> bool {
        let same = |value: &Value| {
            plain(value).is_some_and(|text| text.trim().to_lowercase() == self.value.to_lowercase())
        };
        match properties.get(&self.property) {
            Some(Value::Array(values)) => values.iter().any(same),
            Some(value) => same(value),
            None => false,
        }
    }
}

/// A single value as text; a list of one counts as that one.
pub(super) fn plain(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::Bool(flag) => Some(Cow::Owned(flag.to_string())),
        Value::Array(values) => match values.as_slice() {
            [value] if !value.is_array() => plain(value),
            _ => None,
        },
        Value::Null | Value::Object(_) => None,
    }
}
