//! One identity for each object, whichever of its ids a queue file carries.
//!
//! The listener of UCS names an object by its `entryUUID`, the Provisioning API by its
//! `univentionObjectIdentifier`; where both are in use, or one follows the other, the same object comes
//! under two ids. The one it came under first is its identity: what drover remembers, what it reports,
//! and what templates mean by "entry uuid", so that a change of the source renames nothing. The property
//! `univentionObjectIdentifier` ties the other one to it; where that is the identity, the other id is
//! kept among the properties as `entryUUID`.

use dashmap::DashMap;

use super::Index;
use crate::model::object::{ENTRY_UUID, OBJECT_IDENTIFIER, Properties, id_in, other_ids};
use crate::model::{ObjectId, QueueFile};

/// Identities by the other ids of their objects, and the other way round.
#[derive(Debug, Default)]
pub(super) struct Others {
    /// By themselves, too, as long as nothing else is known of the object.
    identities: DashMap<ObjectId, ObjectId>,
    others: DashMap<ObjectId, ObjectId>,
}

impl Others {
    /// An object is known under this identity, with these properties.
    pub(super) fn note(&self, identity: &ObjectId, properties: Option<&Properties>) {
        self.identities.remove_if(identity, |id, known| id == known);
        let Some(properties) = properties else { return };
        for other in other_ids(properties).filter(|other| other != identity) {
            self.tie(&other, identity);
        }
    }

    fn tie(&self, other: &ObjectId, identity: &ObjectId) {
        self.identities.entry(other.clone()).or_insert_with(|| identity.clone());
        if other != identity {
            self.others.entry(identity.clone()).or_insert_with(|| other.clone());
        }
    }
}

impl Index {
    /// The file, under its object's identity. Called when it is taken in, and whenever it is read
    /// again; the answer stays the same.
    #[must_use]
    pub fn identify(&self, mut file: QueueFile) -> QueueFile {
        let delivered = file.properties.as_ref().and_then(|p| id_in(p, OBJECT_IDENTIFIER));
        let ids = [Some(&file.id), delivered.as_ref()];
        let known = ids.into_iter().flatten().find_map(|id| self.identity(id));
        let identity = known.unwrap_or_else(|| file.id.clone());
        if let Some(delivered) = &delivered {
            for id in [&file.id, delivered] {
                if !self.objects.contains_key(id) {
                    self.others.tie(id, &identity);
                }
            }
        }
        if let (Some(properties), Some(other)) = (&mut file.properties, self.other_id(&identity))
            && delivered.as_ref() == Some(&identity)
            && !properties.contains_key(ENTRY_UUID)
        {
            properties.insert(ENTRY_UUID.to_owned(), other.to_string().into());
        }
        file.id = identity;
        file
    }

    /// The identity of the object that goes by this id, if one is known.
    pub fn identity(&self, id: &ObjectId) -> Option<ObjectId> {
        if self.objects.contains_key(id) {
            return Some(id.clone());
        }
        self.others.identities.get(id).map(|identity| identity.clone())
    }

    /// The other id of an object, if it has come under one.
    pub fn other_id(&self, identity: &ObjectId) -> Option<ObjectId> {
        self.others.others.get(identity).map(|other| other.clone())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::store::Change;

    fn file(id: &str, other: Option<&str>) -> QueueFile {
        let object = match other {
            Some(other) => json!({"username": "a", "univentionObjectIdentifier": other}),
            None => json!(null),
        };
        let file = json!({"id": id, "udm_object_type": "users/user", "dn": "uid=a,dc=x",
                          "object": object});
        QueueFile::parse(file.to_string().as_bytes()).unwrap()
    }

    fn identity(index: &Index, id: &str, other: Option<&str>) -> String {
        index.identify(file(id, other)).id.to_string()
    }

    #[test]
    fn the_id_that_came_first_is_the_identity_pending_or_known() {
        for known in [false, true] {
            for [first, second] in [["e", "u"], ["u", "e"]] {
                let index = Index::default();
                assert_eq!(identity(&index, first, Some("u")), first);
                if known {
                    let file = index.identify(file(first, Some("u")));
                    index.learn(&Change::PutObject {
                        id: file.id,
                        kind: file.kind,
                        dn: file.dn,
                        properties: file.properties,
                        members: Vec::new(),
                    });
                }
                assert_eq!(identity(&index, second, Some("u")), first);
                assert_eq!(identity(&index, first, Some("u")), first);
                assert_eq!(identity(&index, second, None), first, "its deletion");
                assert_eq!(identity(&index, "other", Some("v")), "other");
            }
        }
    }

    #[test]
    fn two_objects_that_are_known_stay_two() {
        let index = Index::default();
        for (id, other) in [("e", "x"), ("u", "u")] {
            let file = index.identify(file(id, Some(other)));
            let QueueFile { id, kind, dn, properties, .. } = file;
            index.learn(&Change::PutObject { id, kind, dn, properties, members: Vec::new() });
        }
        assert_eq!(identity(&index, "e", Some("u")), "e");
        assert_eq!(identity(&index, "u", Some("u")), "u");
    }
}
