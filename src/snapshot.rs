//! Last known states of objects as the OX Connector keeps them: `old/<uuid>.json`, a queue file with a
//! few fields more, which say under which number and name the object is in OX.
//!
//! Other tools read these files, and the connector itself goes on from them. They hold no password
//! hashes here.

use serde_json::{Map, Value};

use crate::model::digest::{content_digest, is_digest};
use crate::model::object::{Properties, QueueFileError};
use crate::model::{ObjectId, ObjectKind, OxId, QueueFile};
use crate::queue::write::to_bytes;
use crate::store::storable::storable_properties;
use crate::store::{Extra, ObjectRecord, Placement};

/// OX's number of a user.
const NUMBER: &str = "oxDbId";
/// Login name in OX.
const USER_NAME: &str = "oxDbUsername";
/// Name of a group in OX.
const GROUP_NAME: &str = "oxDbGroupname";
/// Name of a shared account in OX, which older files may have of others, too.
const NAME: &str = "oxDbName";
/// Every field that the connector adds.
const ADDED: [&str; 4] = [NUMBER, USER_NAME, GROUP_NAME, NAME];

/// Property with the photo in base64.
pub(crate) const PHOTO: &str = "jpegPhoto";

/// Longest file name without the ending; an id is a UUID of 36 characters.
const LONGEST: usize = 200;

/// A last known state, as read.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// What the object was; its properties lack what the connector added.
    pub file: QueueFile,
    /// OX's number, of a user.
    pub number: Option<OxId>,
    /// Name in OX, of a user or group.
    pub name: Option<String>,
}

/// Why a last known state cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// It is no object at all.
    #[error(transparent)]
    Unusable(#[from] QueueFileError),
    /// It has no properties.
    #[error("it is the state of a deleted object, which has none")]
    Deleted,
}

impl Snapshot {
    /// Reads a file of `old/`.
    ///
    /// # Errors
    /// Says what is wrong with it, without people's data.
    pub fn parse(bytes: &[u8]) -> Result<Self, SnapshotError> {
        Self::of(QueueFile::parse(bytes)?)
    }

    /// Reads JSON of that form.
    ///
    /// # Errors
    /// As [`Snapshot::parse`].
    pub fn read(value: Value) -> Result<Self, SnapshotError> {
        Self::of(QueueFile::read(value)?)
    }

    fn of(mut file: QueueFile) -> Result<Self, SnapshotError> {
        let Some(properties) = &mut file.properties else { return Err(SnapshotError::Deleted) };
        let number = properties.get(NUMBER).and_then(number).map(OxId);
        let name = match file.kind {
            ObjectKind::Group => properties.get(GROUP_NAME),
            ObjectKind::SharedAccount => properties.get(NAME),
            _ => properties.get(USER_NAME),
        };
        let name = name.and_then(Value::as_str).filter(|name| !name.is_empty());
        let name = name.map(str::to_owned);
        without_additions(properties);
        Ok(Self { file, number, name })
    }
}

/// Takes out what the connector adds to an object.
pub fn without_additions(properties: &mut Properties) {
    for name in ADDED {
        properties.remove(name);
    }
}

/// A number that can be OX's: from 1 on, written as number or text.
fn number(value: &Value) -> Option<u32> {
    let number = match value {
        Value::Number(number) => number.as_u64().and_then(|number| u32::try_from(number).ok()),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number.filter(|number| *number > 0 && i32::try_from(*number).is_ok())
}

/// Name of an object's file; none if its id cannot be one.
pub fn file_name(id: &ObjectId) -> Option<String> {
    let id = id.as_str();
    let fits =
        !id.is_empty() && id.len() <= LONGEST && !id.starts_with('.') && !id.contains(['/', '\0']);
    fits.then(|| format!("{id}.json"))
}

/// What came with an object, and the photo from its present file if that is the one remembered: it is
/// not kept where there was no mirror when it came.
pub fn with_photo_of(present: Option<&[u8]>, record: &ObjectRecord, extra: Extra) -> Extra {
    let digest = record.properties.as_ref().and_then(|p| p.get(PHOTO)?.as_str());
    let (None, Some(digest), Some(present)) = (&extra.photo, digest, present) else { return extra };
    let same = |photo: &String| content_digest(photo) == digest && !is_digest(photo);
    let photo = Snapshot::parse(present).ok().and_then(|s| photo(&s.file)).filter(same);
    Extra { photo, ..extra }
}

/// A user's photo, as delivered.
pub(crate) fn photo(file: &QueueFile) -> Option<String> {
    let photo = match file.properties.as_ref()?.get(PHOTO)? {
        Value::Array(list) => list.first()?.as_str()?,
        photo => photo.as_str()?,
    };
    (!photo.is_empty() && !is_digest(photo)).then(|| photo.to_owned())
}

/// The file of an object as drover remembers it; none if it is being deleted.
///
/// # Errors
/// Only if memory runs out.
pub fn to_file(record: &ObjectRecord, extra: &Extra) -> std::io::Result<Option<Vec<u8>>> {
    let Some(properties) = &record.properties else { return Ok(None) };
    let mut object = storable_properties(properties);
    without_additions(&mut object);
    // Of a photo only the digest is remembered among the properties.
    object.remove(PHOTO);
    if let Some(photo) = &extra.photo {
        object.insert(PHOTO.to_owned(), photo.as_str().into());
    }
    for placement in record.placements.values() {
        match placement {
            Placement::User { ox, name, .. } => {
                if *ox != OxId::UNKNOWN {
                    object.insert(NUMBER.to_owned(), ox.0.into());
                }
                object.insert(USER_NAME.to_owned(), name.as_str().into());
            }
            Placement::Group { name, .. } => {
                object.insert(GROUP_NAME.to_owned(), name.as_str().into());
            }
            Placement::SharedAccount { ox, name, .. } => {
                if *ox != OxId::UNKNOWN {
                    object.insert(NUMBER.to_owned(), ox.0.into());
                }
                object.insert(NAME.to_owned(), name.as_str().into());
            }
            Placement::Context { .. } | Placement::Account { .. } | Placement::Resource { .. } => {}
        }
    }
    let mut file = Map::new();
    file.insert("id".to_owned(), record.id.as_str().into());
    file.insert("udm_object_type".to_owned(), record.kind.udm_type().into());
    file.insert("dn".to_owned(), record.dn.as_str().into());
    file.insert("object".to_owned(), Value::Object(object));
    file.insert("options".to_owned(), extra.options.clone().unwrap_or(Value::Null));
    to_bytes(&Value::Object(file)).map(Some)
}

/// Whether a file says that its object is in OX under a number.
pub fn is_numbered(bytes: &[u8]) -> bool {
    Snapshot::parse(bytes).is_ok_and(|snapshot| snapshot.number.is_some())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::model::{ContextId, UserFields};

    fn user() -> Value {
        json!({
            "id": "U-1", "udm_object_type": "users/user", "dn": "uid=Änne,dc=x",
            "options": ["default"],
            "object": {"username": "änne", "oxDbId": "17", "oxDbUsername": "anne", "phone": [],
                       "isOxUser": "OK", "oxContext": "10", "password": "{crypt}x"},
        })
    }

    fn record(snapshot: &Snapshot) -> ObjectRecord {
        let placement = Placement::User {
            ox: snapshot.number.unwrap_or(OxId::UNKNOWN),
            name: snapshot.name.clone().unwrap(),
            fields: UserFields::new(),
            access: None,
            beside: crate::store::Beside::default(),
        };
        ObjectRecord {
            id: snapshot.file.id.clone(),
            kind: snapshot.file.kind,
            dn: snapshot.file.dn.clone(),
            former_dns: Vec::new(),
            properties: snapshot.file.properties.clone(),
            placements: BTreeMap::from([(ContextId(10), placement)]),
            journey: None,
            begun: BTreeMap::new(),
        }
    }

    #[test]
    fn a_file_is_written_as_the_connector_writes_it_but_for_the_password() {
        let snapshot = Snapshot::read(user()).unwrap();
        assert_eq!((snapshot.number, snapshot.name.as_deref()), (Some(OxId(17)), Some("anne")));
        assert!(!snapshot.file.properties.as_ref().unwrap().contains_key("oxDbId"));
        let extra = Extra { options: Some(json!(["default"])), photo: Some("YWJj".to_owned()) };
        let bytes = to_file(&record(&snapshot), &extra).unwrap().unwrap();
        let expected = r#"{
    "dn": "uid=\u00c4nne,dc=x",
    "id": "u-1",
    "object": {
        "isOxUser": "OK",
        "jpegPhoto": "YWJj",
        "oxContext": "10",
        "oxDbId": 17,
        "oxDbUsername": "anne",
        "phone": [],
        "username": "\u00e4nne"
    },
    "options": [
        "default"
    ],
    "udm_object_type": "users/user"
}"#;
        assert_eq!(String::from_utf8(bytes.clone()).unwrap(), expected);
        assert!(is_numbered(&bytes));
        let again = Snapshot::parse(&bytes).unwrap();
        assert_eq!((again.number, again.name), (snapshot.number, snapshot.name));
    }

    #[test]
    fn a_number_that_is_none_counts_as_unknown_and_is_not_written() {
        for odd in
            [json!(0), json!(-3), json!("x"), json!(null), json!([4]), json!(4_294_967_296_u64)]
        {
            let mut file = user();
            file["object"]["oxDbId"] = odd;
            let snapshot = Snapshot::read(file).unwrap();
            assert_eq!(snapshot.number, None);
            let bytes = to_file(&record(&snapshot), &Extra::default()).unwrap().unwrap();
            assert!(!is_numbered(&bytes));
        }
        let mut gone = user();
        gone["object"] = Value::Null;
        assert_eq!(Snapshot::read(gone).unwrap_err(), SnapshotError::Deleted);
    }

    #[test]
    fn an_id_never_leads_out_of_the_folder() {
        assert_eq!(file_name(&ObjectId::new("a-b")).as_deref(), Some("a-b.json"));
        for id in ["../x", "a/b", ".x", "", &"x".repeat(300)] {
            assert_eq!(file_name(&ObjectId::new(id)), None, "{id}");
        }
    }
}
