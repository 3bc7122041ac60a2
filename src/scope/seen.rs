//! A queue file as the scope lets it be seen.

use std::borrow::Cow;

use super::{Fixed, OnLeave, OutOfScope, Scope, Standing};
use crate::model::QueueFile;
use crate::model::object::DirectoryObject;

/// What of a queue file concerns OX.
#[derive(Debug)]
pub struct Seen<'a> {
    /// The file. Of an object that has left the scope and is to be deleted it looks like a deletion; of
    /// a user who is to be disabled, like one who is no OX user any more.
    pub file: Cow<'a, QueueFile>,
    /// Why nothing is done with the object, if so.
    pub fixed: Option<Fixed>,
    /// Why it is out of scope, if so.
    pub out: Option<OutOfScope>,
    /// A user who is out of scope keeps his account, without rights.
    pub disable: bool,
}

impl Scope {
    /// Looks at a queue file. `before` is how the object stood when it was last seen: a deletion says
    /// nothing about what is deleted.
    pub fn see<'a>(&self, file: &'a QueueFile, before: Option<Fixed>) -> Seen<'a> {
        let as_it_is = Seen { file: Cow::Borrowed(file), fixed: None, out: None, disable: false };
        let Some(properties) = &file.properties else {
            return Seen { fixed: before, ..as_it_is };
        };
        let standing = self.judge(&file.id, file.kind, &file.dn, properties);
        match standing {
            Standing::In => as_it_is,
            Standing::Protected(_) => Seen { fixed: standing.fixed(), ..as_it_is },
            Standing::Out(out, OnLeave::Keep) => {
                Seen { fixed: standing.fixed(), out: Some(out), ..as_it_is }
            }
            Standing::Out(out, OnLeave::Disable) => {
                let mut file = file.clone();
                if let Some(DirectoryObject::User(user)) = &mut file.object {
                    user.is_ox_user = false;
                }
                Seen { file: Cow::Owned(file), fixed: None, out: Some(out), disable: true }
            }
            Standing::Out(out, OnLeave::Delete) => {
                let file = QueueFile {
                    id: file.id.clone(),
                    kind: file.kind,
                    dn: file.dn.clone(),
                    properties: None,
                    options: None,
                    object: None,
                };
                Seen { file: Cow::Owned(file), fixed: None, out: Some(out), disable: false }
            }
        }
    }
}
