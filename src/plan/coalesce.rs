//! Whether a later item of an object can take an earlier one's place before either was done.
//!
//! An item says what its whole object is to be, not what has changed about it. So of two successive
//! ones the later makes the earlier superfluous, unless somebody else can tell whether the earlier was
//! done: whoever waits for a name or address to become free, names the object by its DN, or is in the
//! context that the object enters or leaves. Where that may be, the two stay apart, and the reason is a
//! value that people can read.

use std::sync::Arc;

use crate::model::object::DirectoryObject;
use crate::model::{Claim, ContextId, DnKey, ObjectKind, QueueFile};

/// Whether an item leaves its object in OX.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It is deleted in the directory.
    Gone,
    /// It is in the directory and not meant to be in OX.
    Off,
    /// It is meant to be in OX.
    On,
    /// It stays as it is in OX, whatever the item says.
    Fixed,
}

impl Presence {
    /// What a queue file says.
    pub fn of(file: &QueueFile) -> Self {
        let on = match &file.object {
            None => return Self::Gone,
            Some(DirectoryObject::User(user)) => user.is_ox_user,
            Some(DirectoryObject::Group(group)) => group.is_ox_group,
            Some(_) => true,
        };
        if on { Self::On } else { Self::Off }
    }
}

/// What others can tell of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Its kind.
    pub kind: ObjectKind,
    /// Its DN.
    pub dn: DnKey,
    /// Whether it is to be in OX.
    pub presence: Presence,
    /// The context it names for itself.
    pub home: Option<ContextId>,
    /// Its names and addresses, sorted, each of them once.
    pub names: Arc<[Claim]>,
}

/// Why two successive items of an object are both done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Apart {
    /// Some of the earlier one's work is done or being done.
    #[error("the earlier one was begun")]
    Begun,
    /// An access profile holds from its place in the queue on.
    #[error("users in between see the access profile as it was at their place")]
    Profile,
    /// It comes, goes, or is switched on or off.
    #[error("the object comes, goes, or is switched on or off")]
    Presence,
    /// It moves to another context.
    #[error("the object moves to another context")]
    Context,
    /// Its name in OX or its DN changes.
    #[error("the object's name changes")]
    Name,
    /// Its mail address changes.
    #[error("the object's mail address changes")]
    Address,
    /// A context is deleted in between.
    #[error("a context is deleted in between")]
    Barrier,
}

/// Whether the later item's content can be provisioned at the earlier one's place, and the earlier one's
/// not at all, with the same result for everybody.
///
/// # Errors
/// Why not.
pub fn fold(earlier: &Identity, later: &Identity) -> Result<(), Apart> {
    if earlier.kind == ObjectKind::Profile || later.kind != earlier.kind {
        return Err(Apart::Profile);
    }
    if earlier.presence != later.presence {
        return Err(Apart::Presence);
    }
    if earlier.home != later.home {
        return Err(Apart::Context);
    }
    let name = |claim: &&Claim| !matches!(claim, Claim::Mail(_));
    let (before, after) = (earlier.names.iter().filter(name), later.names.iter().filter(name));
    if earlier.dn != later.dn || !before.eq(after) {
        return Err(Apart::Name);
    }
    if earlier.names != later.names {
        return Err(Apart::Address);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Dn;

    fn user() -> Identity {
        Identity {
            kind: ObjectKind::User,
            dn: Dn::new("uid=anna,dc=x").key().clone(),
            presence: Presence::On,
            home: Some(ContextId(1)),
            names: [Claim::User("anna".into()), Claim::Mail("anna@x".into())].into(),
        }
    }

    #[test]
    fn only_items_that_nobody_else_can_tell_apart_are_folded() {
        let named =
            |name: &str, mail: &str| [Claim::User(name.into()), Claim::Mail(mail.into())].into();
        for (later, expected) in [
            (user(), Ok(())),
            (Identity { presence: Presence::Off, ..user() }, Err(Apart::Presence)),
            (Identity { presence: Presence::Gone, ..user() }, Err(Apart::Presence)),
            (Identity { home: Some(ContextId(2)), ..user() }, Err(Apart::Context)),
            (
                Identity { dn: Dn::new("uid=anna,ou=a,dc=x").key().clone(), ..user() },
                Err(Apart::Name),
            ),
            (Identity { names: named("anne", "anna@x"), ..user() }, Err(Apart::Name)),
            (Identity { names: named("anna", "anne@x"), ..user() }, Err(Apart::Address)),
        ] {
            assert_eq!(fold(&user(), &later), expected);
        }
        let profile = Identity { kind: ObjectKind::Profile, ..user() };
        assert_eq!(fold(&profile, &profile), Err(Apart::Profile));
    }
}
