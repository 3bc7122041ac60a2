//! Changes to a mapping file that leave everything else in it as it is.

use std::sync::LazyLock;

use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::{Map, Value, json};

use super::{DEFAULT_FILE, MEMBERS, Mapping, MappingError, wrong};
use crate::plan::attributes::rows::{self, REQUIRED, ROWS, Row};

/// The content of a mapping file, always one that can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappingText {
    entries: Map<String, Value>,
}

/// One field of OX and what feeds it, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Name in mapping files.
    pub property: &'static str,
    /// Element name in OX's interface.
    pub element: &'static str,
    /// The directory's property; none = unset.
    pub attribute: Option<String>,
    /// Taken in this order when the property holds nothing.
    pub alternatives: Vec<String>,
    /// Which element of a list; none = the first that holds something.
    pub position: Option<u64>,
    /// OX creates no user without it.
    pub required: bool,
    /// As in the mapping that drover brings along.
    pub is_default: bool,
}

impl MappingText {
    /// Reads a file's text.
    ///
    /// # Errors
    /// As [`Mapping::parse`].
    pub fn parse(text: &str) -> Result<Self, MappingError> {
        Mapping::parse(text)?;
        serde_json::from_str(text)
            .map(|entries| Self { entries })
            .map_err(|error| MappingError::NotJson(error.to_string()))
    }

    /// The mapping that drover brings along.
    pub fn shipped() -> Self {
        // The file is part of the program, and a test reads it.
        Self { entries: serde_json::from_str(DEFAULT_FILE).unwrap_or_default() }
    }

    /// Feeds a field from a property of the directory. Alternatives, position and kind of the field
    /// stay as they are.
    ///
    /// # Errors
    /// [`MappingError`] if OX has no such field that can be mapped, or the property's name is none.
    pub fn set(&mut self, property: &str, attribute: &str) -> Result<(), MappingError> {
        let row = row(property)?;
        check_name(row, "ldap_attribute", attribute)?;
        self.put(row, "ldap_attribute", json!(attribute));
        Ok(())
    }

    /// Feeds a field from nothing, which clears it at each user's next change.
    ///
    /// # Errors
    /// [`MappingError`] if OX has no such field, or creates no user without it.
    pub fn unset(&mut self, property: &str) -> Result<(), MappingError> {
        let row = row(property)?;
        if let Some(property) = REQUIRED.into_iter().find(|required| *required == row.property) {
            return Err(MappingError::Required { property });
        }
        self.put(row, "ldap_attribute", Value::Null);
        self.put(row, "alternative_attributes", json!([]));
        Ok(())
    }

    /// Sets what is taken, in this order, when the field's property holds nothing.
    ///
    /// # Errors
    /// [`MappingError`] if OX has no such field, it is unset, or a name is none.
    pub fn set_alternatives(
        &mut self,
        property: &str,
        alternatives: &[String],
    ) -> Result<(), MappingError> {
        let row = row(property)?;
        for alternative in alternatives {
            check_name(row, "alternative_attributes", alternative)?;
        }
        if self.read(row).0.is_none() && !alternatives.is_empty() {
            let expected = "a property's name: an unset field takes no alternatives";
            return Err(wrong(row.property, "ldap_attribute", expected, Some(&Value::Null)));
        }
        self.put(row, "alternative_attributes", json!(alternatives));
        Ok(())
    }

    /// Every field of OX that can be mapped, in the order of OX Connector's own file.
    pub fn entries(&self) -> Vec<Entry> {
        let shipped = Self::shipped();
        ROWS.iter()
            .map(|row| Entry {
                is_default: self.read(row) == shipped.read(row),
                property: row.property,
                element: row.element,
                required: REQUIRED.contains(&row.property),
                attribute: self.read(row).0,
                alternatives: self.read(row).1,
                position: self.read(row).2,
            })
            .collect()
    }

    /// The file's text.
    pub fn text(&self) -> String {
        let mut bytes = Vec::new();
        let formatter = serde_json::ser::PrettyFormatter::with_indent(b"    ");
        let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, formatter);
        let rows = Ordered { members: &self.entries, order: &PROPERTIES, within: Some(&MEMBERS) };
        // Texts, lists and numbers in memory can always be written.
        let _ = rows.serialize(&mut serializer);
        bytes.push(b'\n');
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Writes a member of a row's entry; an entry that is not there is made, as unset as its absence.
    fn put(&mut self, row: &Row, member: &str, value: Value) {
        let unset = || {
            let mut entry = Self::shipped().entries.remove(row.property).unwrap_or_default();
            entry["ldap_attribute"] = Value::Null;
            entry["alternative_attributes"] = json!([]);
            entry
        };
        let entry = self.entries.entry(row.property).or_insert_with(unset);
        if let Some(entry) = entry.as_object_mut() {
            entry.insert(member.to_owned(), value);
        }
    }

    fn read(&self, row: &Row) -> (Option<String>, Vec<String>, Option<u64>) {
        let Some(entry) = self.entries.get(row.property) else { return (None, Vec::new(), None) };
        let texts = |list: &Value| {
            let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
            list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        match entry["ldap_attribute"].as_str() {
            None => (None, Vec::new(), None),
            Some(attribute) => (
                Some(attribute.to_owned()),
                texts(&entry["alternative_attributes"]),
                entry["position"].as_u64(),
            ),
        }
    }
}

/// The rows in the order of the file that the connector writes.
static PROPERTIES: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| ROWS.iter().map(|row| row.property).collect());

/// Written in an order that people know, not in that of the alphabet.
struct Ordered<'a> {
    members: &'a Map<String, Value>,
    order: &'a [&'static str],
    /// The order within members that are objects.
    within: Option<&'a [&'static str]>,
}

impl Serialize for Ordered<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.members.len()))?;
        for name in self.order.iter().filter(|name| self.members.contains_key(**name)) {
            match (&self.members[*name], self.within) {
                (Value::Object(members), Some(order)) => {
                    map.serialize_entry(name, &Ordered { members, order, within: None })?;
                }
                (value, _) => map.serialize_entry(name, value)?,
            }
        }
        map.end()
    }
}

fn row(property: &str) -> Result<&'static Row, MappingError> {
    // Either of its names will do.
    let by_element = || ROWS.iter().find(|row| row.element == property);
    let found = rows::named(property).or_else(by_element);
    found.ok_or_else(|| MappingError::unknown_property(property))
}

fn check_name(row: &Row, member: &'static str, name: &str) -> Result<(), MappingError> {
    let good = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    if !name.is_empty() && name.chars().all(good) {
        return Ok(());
    }
    let expected = "the name of a property of the directory, such as description";
    Err(wrong(row.property, member, expected, Some(&json!(name))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(text: &MappingText, property: &str) -> Entry {
        text.entries().into_iter().find(|entry| entry.property == property).unwrap()
    }

    #[test]
    fn what_is_written_is_what_the_connectors_tool_writes_and_can_be_read() {
        let shipped = MappingText::shipped();
        assert_eq!(shipped.text().trim_end(), DEFAULT_FILE.trim_end());
        assert_eq!(MappingText::parse(&shipped.text()), Ok(shipped.clone()));
        assert!(shipped.entries().iter().all(|entry| entry.is_default));
        assert_eq!(shipped.entries().len(), ROWS.len());
    }

    #[test]
    fn one_field_changes_and_the_others_stay() {
        let mut text = MappingText::shipped();
        text.set("telephone_home2", "mobile").unwrap();
        let found = entry(&text, "telephone_home2");
        assert_eq!((found.attribute.as_deref(), found.position), (Some("mobile"), Some(1)));
        let differing = text.entries().into_iter().filter(|entry| !entry.is_default);
        assert_eq!(differing.count(), 1);
        text.set("telephone_home2", "homeTelephoneNumber").unwrap();
        assert_eq!(text, MappingText::shipped(), "all else of the entry was kept");
        // By the other name it has in OX.
        text.set("maxQuota", "quota").unwrap();
        assert_eq!(entry(&text, "max_quota").attribute.as_deref(), Some("quota"));
    }

    #[test]
    fn unsetting_takes_the_alternatives_along_and_what_ox_needs_cannot_be_unset() {
        let mut text = MappingText::shipped();
        text.set_alternatives("note", &["info".to_owned(), "comment".to_owned()]).unwrap();
        assert_eq!(entry(&text, "note").alternatives, ["info", "comment"]);
        text.unset("note").unwrap();
        let found = entry(&text, "note");
        assert_eq!((found.attribute, found.alternatives.len()), (None, 0));
        assert!(text.set_alternatives("note", &["info".to_owned()]).is_err(), "it is unset");
        text.set("note", "oxNote").unwrap();
        assert_eq!(text, MappingText::shipped());
        for property in REQUIRED {
            assert_eq!(text.unset(property), Err(MappingError::Required { property }));
        }
        assert_eq!(text, MappingText::shipped());
    }

    #[test]
    fn a_field_the_file_does_not_name_can_be_set() {
        let mut file: Map<String, Value> = serde_json::from_str(DEFAULT_FILE).unwrap();
        file.remove("telephone_home2");
        let mut text = MappingText::parse(&Value::Object(file).to_string()).unwrap();
        assert_eq!(entry(&text, "telephone_home2").attribute, None);
        text.set("telephone_home2", "homeTelephoneNumber").unwrap();
        assert_eq!(entry(&text, "telephone_home2"), {
            entry(&MappingText::shipped(), "telephone_home2")
        });
        assert!(MappingText::parse(&text.text()).is_ok());
    }

    #[test]
    fn unknown_fields_and_names_that_are_none_are_told() {
        let mut text = MappingText::shipped();
        let told = text.set("userfeld01", "x").unwrap_err().to_string();
        assert!(told.contains("did you mean \"userfield01\"?"), "{told}");
        for name in ["", "a b", "a\"", "größe"] {
            let told = text.set("note", name).unwrap_err().to_string();
            assert!(told.contains("\"note\"") && told.contains("property of the dir"), "{told}");
            assert!(text.set_alternatives("note", &[name.to_owned()]).is_err());
        }
        assert_eq!(text, MappingText::shipped());
    }
}
