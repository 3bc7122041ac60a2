//! OX's user record: 137 named fields, as data.
//!
//! A user is a map from field to value. Absent means "leave as it is in OX", which is what OX
//! makes of an absent element; an empty text means "clear".

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::LazyLock;

use serde::de::{Error, MapAccess, SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How a field of OX's user record is written on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// `xsd:string`
    Text,
    /// repeated `xsd:string`
    TextList,
    /// `xsd:int`
    Int,
    /// `xsd:long`
    Long,
    /// `xsd:boolean`
    Bool,
    /// `xsd:date`, kept as `YYYY-MM-DD`
    Date,
    /// `xsd:base64Binary`, kept as base64 text
    Bytes,
    /// a group object (never written; ignored by OX on input)
    Group,
    /// a string map (never written; ignored by OX on input)
    Map,
    /// a map of string maps
    Maps,
}

/// Name and kind of one field.
#[derive(Debug, Clone, Copy)]
pub struct FieldSpec {
    /// Element name in OX's interface.
    pub name: &'static str,
    /// Its type on the wire.
    pub kind: FieldKind,
}

/// All fields of OX's user record, in the order of the interface.
pub const USER_FIELDS: &[FieldSpec] = &[
    FieldSpec { name: "aliases", kind: FieldKind::TextList },
    FieldSpec { name: "anniversary", kind: FieldKind::Date },
    FieldSpec { name: "assistant_name", kind: FieldKind::Text },
    FieldSpec { name: "birthday", kind: FieldKind::Date },
    FieldSpec { name: "branches", kind: FieldKind::Text },
    FieldSpec { name: "business_category", kind: FieldKind::Text },
    FieldSpec { name: "categories", kind: FieldKind::Text },
    FieldSpec { name: "cellular_telephone1", kind: FieldKind::Text },
    FieldSpec { name: "cellular_telephone2", kind: FieldKind::Text },
    FieldSpec { name: "city_business", kind: FieldKind::Text },
    FieldSpec { name: "city_home", kind: FieldKind::Text },
    FieldSpec { name: "city_other", kind: FieldKind::Text },
    FieldSpec { name: "commercial_register", kind: FieldKind::Text },
    FieldSpec { name: "company", kind: FieldKind::Text },
    FieldSpec { name: "contextadmin", kind: FieldKind::Bool },
    FieldSpec { name: "country_business", kind: FieldKind::Text },
    FieldSpec { name: "country_home", kind: FieldKind::Text },
    FieldSpec { name: "country_other", kind: FieldKind::Text },
    FieldSpec { name: "drive_user_folder_mode", kind: FieldKind::Text },
    FieldSpec { name: "drive_folder_mode", kind: FieldKind::Text },
    FieldSpec { name: "defaultSenderAddress", kind: FieldKind::Text },
    FieldSpec { name: "default_group", kind: FieldKind::Group },
    FieldSpec { name: "department", kind: FieldKind::Text },
    FieldSpec { name: "display_name", kind: FieldKind::Text },
    FieldSpec { name: "email1", kind: FieldKind::Text },
    FieldSpec { name: "email2", kind: FieldKind::Text },
    FieldSpec { name: "email3", kind: FieldKind::Text },
    FieldSpec { name: "employeeType", kind: FieldKind::Text },
    FieldSpec { name: "fax_business", kind: FieldKind::Text },
    FieldSpec { name: "fax_home", kind: FieldKind::Text },
    FieldSpec { name: "fax_other", kind: FieldKind::Text },
    FieldSpec { name: "filestoreId", kind: FieldKind::Int },
    FieldSpec { name: "filestore_name", kind: FieldKind::Text },
    FieldSpec { name: "folderTree", kind: FieldKind::Int },
    FieldSpec { name: "given_name", kind: FieldKind::Text },
    FieldSpec { name: "guiPreferencesForSoap", kind: FieldKind::Map },
    FieldSpec { name: "gui_spam_filter_enabled", kind: FieldKind::Bool },
    FieldSpec { name: "id", kind: FieldKind::Int },
    FieldSpec { name: "imapLogin", kind: FieldKind::Text },
    FieldSpec { name: "imapPort", kind: FieldKind::Int },
    FieldSpec { name: "imapSchema", kind: FieldKind::Text },
    FieldSpec { name: "imapServer", kind: FieldKind::Text },
    FieldSpec { name: "imapServerString", kind: FieldKind::Text },
    FieldSpec { name: "info", kind: FieldKind::Text },
    FieldSpec { name: "instant_messenger1", kind: FieldKind::Text },
    FieldSpec { name: "instant_messenger2", kind: FieldKind::Text },
    FieldSpec { name: "language", kind: FieldKind::Text },
    FieldSpec { name: "mail_folder_confirmed_ham_name", kind: FieldKind::Text },
    FieldSpec { name: "mail_folder_confirmed_spam_name", kind: FieldKind::Text },
    FieldSpec { name: "mail_folder_drafts_name", kind: FieldKind::Text },
    FieldSpec { name: "mail_folder_sent_name", kind: FieldKind::Text },
    FieldSpec { name: "mail_folder_spam_name", kind: FieldKind::Text },
    FieldSpec { name: "mail_folder_trash_name", kind: FieldKind::Text },
    FieldSpec { name: "mail_folder_archive_full_name", kind: FieldKind::Text },
    FieldSpec { name: "mailenabled", kind: FieldKind::Bool },
    FieldSpec { name: "manager_name", kind: FieldKind::Text },
    FieldSpec { name: "marital_status", kind: FieldKind::Text },
    FieldSpec { name: "maxQuota", kind: FieldKind::Long },
    FieldSpec { name: "middle_name", kind: FieldKind::Text },
    FieldSpec { name: "name", kind: FieldKind::Text },
    FieldSpec { name: "nickname", kind: FieldKind::Text },
    FieldSpec { name: "note", kind: FieldKind::Text },
    FieldSpec { name: "number_of_children", kind: FieldKind::Text },
    FieldSpec { name: "number_of_employee", kind: FieldKind::Text },
    FieldSpec { name: "password", kind: FieldKind::Text },
    FieldSpec { name: "passwordMech", kind: FieldKind::Text },
    FieldSpec { name: "password_expired", kind: FieldKind::Bool },
    FieldSpec { name: "position", kind: FieldKind::Text },
    FieldSpec { name: "postal_code_business", kind: FieldKind::Text },
    FieldSpec { name: "postal_code_home", kind: FieldKind::Text },
    FieldSpec { name: "postal_code_other", kind: FieldKind::Text },
    FieldSpec { name: "primaryEmail", kind: FieldKind::Text },
    FieldSpec { name: "profession", kind: FieldKind::Text },
    FieldSpec { name: "room_number", kind: FieldKind::Text },
    FieldSpec { name: "sales_volume", kind: FieldKind::Text },
    FieldSpec { name: "smtpPort", kind: FieldKind::Int },
    FieldSpec { name: "smtpSchema", kind: FieldKind::Text },
    FieldSpec { name: "smtpServer", kind: FieldKind::Text },
    FieldSpec { name: "smtpServerString", kind: FieldKind::Text },
    FieldSpec { name: "spouse_name", kind: FieldKind::Text },
    FieldSpec { name: "state_business", kind: FieldKind::Text },
    FieldSpec { name: "state_home", kind: FieldKind::Text },
    FieldSpec { name: "state_other", kind: FieldKind::Text },
    FieldSpec { name: "street_business", kind: FieldKind::Text },
    FieldSpec { name: "street_home", kind: FieldKind::Text },
    FieldSpec { name: "street_other", kind: FieldKind::Text },
    FieldSpec { name: "suffix", kind: FieldKind::Text },
    FieldSpec { name: "sur_name", kind: FieldKind::Text },
    FieldSpec { name: "tax_id", kind: FieldKind::Text },
    FieldSpec { name: "telephone_assistant", kind: FieldKind::Text },
    FieldSpec { name: "telephone_business1", kind: FieldKind::Text },
    FieldSpec { name: "telephone_business2", kind: FieldKind::Text },
    FieldSpec { name: "telephone_callback", kind: FieldKind::Text },
    FieldSpec { name: "telephone_car", kind: FieldKind::Text },
    FieldSpec { name: "telephone_company", kind: FieldKind::Text },
    FieldSpec { name: "telephone_home1", kind: FieldKind::Text },
    FieldSpec { name: "telephone_home2", kind: FieldKind::Text },
    FieldSpec { name: "telephone_ip", kind: FieldKind::Text },
    FieldSpec { name: "telephone_isdn", kind: FieldKind::Text },
    FieldSpec { name: "telephone_other", kind: FieldKind::Text },
    FieldSpec { name: "telephone_pager", kind: FieldKind::Text },
    FieldSpec { name: "telephone_primary", kind: FieldKind::Text },
    FieldSpec { name: "telephone_radio", kind: FieldKind::Text },
    FieldSpec { name: "telephone_telex", kind: FieldKind::Text },
    FieldSpec { name: "telephone_ttytdd", kind: FieldKind::Text },
    FieldSpec { name: "timezone", kind: FieldKind::Text },
    FieldSpec { name: "title", kind: FieldKind::Text },
    FieldSpec { name: "uploadFileSizeLimit", kind: FieldKind::Int },
    FieldSpec { name: "uploadFileSizeLimitPerFile", kind: FieldKind::Int },
    FieldSpec { name: "url", kind: FieldKind::Text },
    FieldSpec { name: "usedQuota", kind: FieldKind::Long },
    FieldSpec { name: "userAttributes", kind: FieldKind::Maps },
    FieldSpec { name: "userfield01", kind: FieldKind::Text },
    FieldSpec { name: "userfield02", kind: FieldKind::Text },
    FieldSpec { name: "userfield03", kind: FieldKind::Text },
    FieldSpec { name: "userfield04", kind: FieldKind::Text },
    FieldSpec { name: "userfield05", kind: FieldKind::Text },
    FieldSpec { name: "userfield06", kind: FieldKind::Text },
    FieldSpec { name: "userfield07", kind: FieldKind::Text },
    FieldSpec { name: "userfield08", kind: FieldKind::Text },
    FieldSpec { name: "userfield09", kind: FieldKind::Text },
    FieldSpec { name: "userfield10", kind: FieldKind::Text },
    FieldSpec { name: "userfield11", kind: FieldKind::Text },
    FieldSpec { name: "userfield12", kind: FieldKind::Text },
    FieldSpec { name: "userfield13", kind: FieldKind::Text },
    FieldSpec { name: "userfield14", kind: FieldKind::Text },
    FieldSpec { name: "userfield15", kind: FieldKind::Text },
    FieldSpec { name: "userfield16", kind: FieldKind::Text },
    FieldSpec { name: "userfield17", kind: FieldKind::Text },
    FieldSpec { name: "userfield18", kind: FieldKind::Text },
    FieldSpec { name: "userfield19", kind: FieldKind::Text },
    FieldSpec { name: "userfield20", kind: FieldKind::Text },
    FieldSpec { name: "primaryAccountName", kind: FieldKind::Text },
    FieldSpec { name: "convert_drive_user_folders", kind: FieldKind::Bool },
    FieldSpec { name: "load_remote_mail_content_by_default", kind: FieldKind::Bool },
    FieldSpec { name: "image1", kind: FieldKind::Bytes },
    FieldSpec { name: "image1ContentType", kind: FieldKind::Text },
];

/// One field of OX's user record; ordered as in the interface.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserField(u8);

/// Reading stored users back asks for every field of every user by name.
static BY_NAME: LazyLock<HashMap<&'static str, UserField>> =
    LazyLock::new(|| USER_FIELDS.iter().map(|spec| spec.name).zip((0..).map(UserField)).collect());

impl UserField {
    /// The field with that element name, if OX has one.
    pub fn named(name: &str) -> Option<Self> {
        BY_NAME.get(name).copied()
    }

    /// Element name in OX's interface.
    pub fn name(self) -> &'static str {
        self.spec().name
    }

    /// Type on the wire.
    pub fn kind(self) -> FieldKind {
        self.spec().kind
    }

    fn spec(self) -> &'static FieldSpec {
        &USER_FIELDS[usize::from(self.0)]
    }
}

impl fmt::Debug for UserField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Value of a field. Dates and binary data are kept as text (see [`FieldKind`]).
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum FieldValue {
    /// for `Bool`
    Bool(bool),
    /// for `Int` and `Long`
    Int(i64),
    /// for `Text`, `Date` and `Bytes`
    Text(String),
    /// for `TextList`
    List(Vec<String>),
    /// for `Maps`
    Maps(BTreeMap<String, BTreeMap<String, Option<String>>>),
}

impl FieldValue {
    /// The text, if this is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The list, if this is one.
    pub fn as_list(&self) -> Option<&[String]> {
        match self {
            Self::List(list) => Some(list),
            _ => None,
        }
    }
}

/// By hand: what is derived for an enum without tags first keeps a copy of the value, then tries one
/// kind after the other, and makes an error with its text for each that does not fit. Each item reads
/// its user back, with some twenty values.
impl<'de> Deserialize<'de> for FieldValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = FieldValue;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a boolean, a whole number, a text, a list of texts or maps of texts")
            }

            fn visit_bool<E: Error>(self, value: bool) -> Result<FieldValue, E> {
                Ok(FieldValue::Bool(value))
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<FieldValue, E> {
                Ok(FieldValue::Int(value))
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<FieldValue, E> {
                i64::try_from(value)
                    .map(FieldValue::Int)
                    .map_err(|_| E::invalid_value(Unexpected::Unsigned(value), &self))
            }

            fn visit_str<E: Error>(self, value: &str) -> Result<FieldValue, E> {
                Ok(FieldValue::Text(value.to_owned()))
            }

            fn visit_string<E: Error>(self, value: String) -> Result<FieldValue, E> {
                Ok(FieldValue::Text(value))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<FieldValue, A::Error> {
                let mut texts = Vec::with_capacity(list.size_hint().unwrap_or(1).min(64));
                while let Some(text) = list.next_element()? {
                    texts.push(text);
                }
                Ok(FieldValue::List(texts))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<FieldValue, A::Error> {
                let mut maps = BTreeMap::new();
                while let Some((name, inner)) = map.next_entry()? {
                    maps.insert(name, inner);
                }
                Ok(FieldValue::Maps(maps))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

/// Values are people's data: shown by length only.
impl fmt::Debug for FieldValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => value.fmt(f),
            Self::Int(value) => value.fmt(f),
            Self::Text(text) => write!(f, "<{} characters>", text.chars().count()),
            Self::List(list) => write!(f, "<{} texts>", list.len()),
            Self::Maps(maps) => write!(f, "<{} maps>", maps.len()),
        }
    }
}

impl From<&str> for FieldValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for FieldValue {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for FieldValue {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for FieldValue {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<Vec<String>> for FieldValue {
    fn from(list: Vec<String>) -> Self {
        Self::List(list)
    }
}

/// A (partial) OX user: the fields that are to be written, or that OX answered with.
///
/// A sorted list: with some twenty values, and copied often, that is cheaper than a tree.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct UserFields(Vec<(UserField, FieldValue)>);

impl UserFields {
    /// No field at all.
    pub fn new() -> Self {
        Self::default()
    }

    /// Value of a field by element name.
    pub fn get(&self, name: &str) -> Option<&FieldValue> {
        self.of(UserField::named(name)?)
    }

    /// Value of a field.
    pub fn of(&self, field: UserField) -> Option<&FieldValue> {
        let at = self.place(field).ok()?;
        self.0.get(at).map(|(_, value)| value)
    }

    /// Where a field is, or else belongs.
    fn place(&self, field: UserField) -> Result<usize, usize> {
        self.0.binary_search_by_key(&field, |(other, _)| *other)
    }

    /// Text of a field by element name.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_text()
    }

    /// Sets a field.
    pub fn insert(&mut self, field: UserField, value: impl Into<FieldValue>) {
        let value = value.into();
        match self.place(field) {
            Ok(at) => {
                if let Some((_, present)) = self.0.get_mut(at) {
                    *present = value;
                }
            }
            Err(at) => self.0.insert(at, (field, value)),
        }
    }

    /// Sets a field by element name; a name OX does not have is ignored and reported as false.
    pub fn set(&mut self, name: &str, value: impl Into<FieldValue>) -> bool {
        match UserField::named(name) {
            Some(field) => {
                self.insert(field, value);
                true
            }
            None => false,
        }
    }

    /// Removes a field by element name.
    pub fn remove(&mut self, name: &str) -> Option<FieldValue> {
        let at = self.place(UserField::named(name)?).ok()?;
        Some(self.0.remove(at).1)
    }

    /// Fields and values in interface order.
    pub fn iter(&self) -> impl Iterator<Item = (UserField, &FieldValue)> {
        self.0.iter().map(|(field, value)| (*field, value))
    }

    /// Whether no field is set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Number of fields set.
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl fmt::Debug for UserFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl Serialize for UserFields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().map(|(field, value)| (field.name(), value)))
    }
}

impl<'de> Deserialize<'de> for UserFields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Named;
        impl<'de> Visitor<'de> for Named {
            type Value = UserFields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("fields of a user by name")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<UserFields, A::Error> {
                let mut fields = UserFields::new();
                while let Some((Name(field), value)) = map.next_entry::<Name, FieldValue>()? {
                    if let Some(field) = field {
                        fields.insert(field, value);
                    }
                }
                Ok(fields)
            }
        }
        deserializer.deserialize_map(Named)
    }
}

/// A field's name as it is read; none if OX has no such field.
struct Name(Option<UserField>);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Name;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a field's name")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<Name, E> {
                Ok(Name(UserField::named(name)))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_record_survives_being_stored() {
        let mut user = UserFields::new();
        assert!(user.set("aliases", vec!["a@b.example".to_owned()]));
        assert!(user.set("maxQuota", 5_i64));
        assert!(user.set("mailenabled", true));
        assert!(user.set("note", "x"));
        let maps = BTreeMap::from([("a".to_owned(), BTreeMap::from([("b".to_owned(), None)]))]);
        assert!(user.set("guiPreferencesForSoap", FieldValue::Maps(maps)));
        assert!(!user.set("no_such_field", "x"));
        let text = serde_json::to_string(&user).unwrap();
        assert_eq!(serde_json::from_str::<UserFields>(&text).unwrap(), user);
        assert!(!format!("{user:?}").contains("a@b.example"), "values are not for logs");
    }
}
