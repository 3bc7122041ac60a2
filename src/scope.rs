//! What is provisioned at all, and what is never touched.
//!
//! Pure: a [`Scope`] is made from settings and asked about one object at a time. Its answer is a value
//! with a reason that people can read; the reason names the setting, never the object.
//!
//! | standing | who | what follows |
//! |---|---|---|
//! | in scope | everything else | provisioned |
//! | out of scope | its kind, place, name or a marker says so | one that never was in OX costs no call; one that is there is deleted, disabled or kept ([`OnLeave`]) |
//! | protected | named by the operator | nothing is done with it, nor with its memberships; its context is not deleted |

pub mod rule;
mod seen;

use std::collections::{BTreeMap, BTreeSet};

pub use rule::{Applies, Marker, Pattern};
pub use seen::Seen;

use crate::model::object::{Properties, other_ids};
use crate::model::{Dn, ObjectId, ObjectKind};

/// What happens in OX to an object that was in scope and is not any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnLeave {
    /// It is deleted, as if it had been deleted in the directory.
    Delete,
    /// The account stays, without rights and mail. Users only.
    Disable,
    /// It stays as it is and is remembered; back in scope it goes on from there.
    Keep,
}

/// Why an object is not provisioned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutOfScope {
    /// Its kind is left out.
    Kind,
    /// It is below none of the bases.
    NotIncluded,
    /// It is below a base that is left out.
    Excluded,
    /// Its name is left out.
    Name,
    /// It has a marker.
    Marked,
}

impl OutOfScope {
    /// A sentence fragment for people.
    pub const fn why(self) -> &'static str {
        match self {
            Self::Kind => "is out of scope: its kind is not in scope.types",
            Self::NotIncluded => "is out of scope: its DN is below none of scope.include",
            Self::Excluded => "is out of scope: its DN is below one of scope.exclude",
            Self::Name => "is out of scope: its name fits scope.exclude_names",
            Self::Marked => "is out of scope: it has a marker of scope.exclude_marked",
        }
    }
}

/// Why an object is never touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// By its id.
    Id,
    /// By its name.
    Name,
    /// By a marker.
    Marked,
}

impl Protection {
    /// A sentence fragment for people.
    pub const fn why(self) -> &'static str {
        match self {
            Self::Id => "is protected by protect.ids and never touched",
            Self::Name => "is protected by protect.names and never touched",
            Self::Marked => "is protected by protect.marked and never touched",
        }
    }
}

/// Why an object stays as it is, whatever the directory says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fixed {
    /// It is never touched.
    Protected(Protection),
    /// It has left the scope and is kept.
    Kept(OutOfScope),
}

impl Fixed {
    /// A sentence fragment for people.
    pub const fn why(self) -> &'static str {
        match self {
            Self::Protected(protection) => protection.why(),
            Self::Kept(out) => out.why(),
        }
    }

    /// Whether the operator has named it, so that it must outlive its context's object.
    pub const fn is_protected(self) -> bool {
        matches!(self, Self::Protected(_))
    }
}

/// How an object stands to the scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is provisioned.
    In,
    /// It is not, and this becomes of it if it is in OX.
    Out(OutOfScope, OnLeave),
    /// It is never touched.
    Protected(Protection),
}

impl Standing {
    /// Whether the object stays as it is.
    pub fn fixed(self) -> Option<Fixed> {
        match self {
            Self::Protected(protection) => Some(Fixed::Protected(protection)),
            Self::Out(out, OnLeave::Keep) => Some(Fixed::Kept(out)),
            Self::In | Self::Out(..) => None,
        }
    }
}

/// Which objects are provisioned; see the module's description. The default provisions everything.
#[derive(Debug, Clone, PartialEq)]
pub struct Scope {
    /// Kinds that are provisioned at all.
    pub kinds: BTreeSet<ObjectKind>,
    /// Bases; of a kind for which there are any, only what is below one of them.
    pub include: Vec<Applies<Dn>>,
    /// Bases below which nothing is provisioned, also where they are below an included one.
    pub exclude: Vec<Applies<Dn>>,
    /// Names that are not provisioned.
    pub exclude_names: Vec<Applies<Pattern>>,
    /// Objects with one of these are not provisioned.
    pub exclude_marked: Vec<Applies<Marker>>,
    /// What happens to what leaves the scope, where it is not deletion.
    pub on_leave: BTreeMap<ObjectKind, OnLeave>,
    /// What is never touched.
    pub protect: Protect,
}

/// Objects that are never touched.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Protect {
    /// By id, either of an object's.
    pub ids: BTreeSet<ObjectId>,
    /// By name.
    pub names: Vec<Applies<Pattern>>,
    /// By marker.
    pub marked: Vec<Applies<Marker>>,
}

impl Default for Scope {
    fn default() -> Self {
        Self {
            kinds: ObjectKind::ALL.into_iter().collect(),
            include: Vec::new(),
            exclude: Vec::new(),
            exclude_names: Vec::new(),
            exclude_marked: Vec::new(),
            on_leave: BTreeMap::new(),
            protect: Protect::default(),
        }
    }
}

impl Scope {
    /// How an object stands. `properties` are as delivered.
    ///
    /// Names are those of the directory: `username` of a user, `name` of everything else.
    pub fn judge(
        &self,
        id: &ObjectId,
        kind: ObjectKind,
        dn: &Dn,
        properties: &Properties,
    ) -> Standing {
        if let Some(protection) = self.protection(id, kind, properties) {
            return Standing::Protected(protection);
        }
        match self.out(kind, dn, properties) {
            None => Standing::In,
            Some(out) => {
                let on_leave = self.on_leave.get(&kind).copied().unwrap_or(OnLeave::Delete);
                Standing::Out(out, on_leave)
            }
        }
    }

    fn protection(
        &self,
        id: &ObjectId,
        kind: ObjectKind,
        properties: &Properties,
    ) -> Option<Protection> {
        let Protect { ids, names, marked } = &self.protect;
        let named = !ids.is_empty()
            && (ids.contains(id) || other_ids(properties).any(|other| ids.contains(&other)));
        if named {
            Some(Protection::Id)
        } else if has_name(names, kind, properties) {
            Some(Protection::Name)
        } else if marked.iter().any(|rule| rule.of(kind).is_some_and(|m| m.is_on(properties))) {
            Some(Protection::Marked)
        } else {
            None
        }
    }

    fn out(&self, kind: ObjectKind, dn: &Dn, properties: &Properties) -> Option<OutOfScope> {
        if !self.kinds.contains(&kind) {
            return Some(OutOfScope::Kind);
        }
        let below = |rules: &[Applies<Dn>]| {
            let mut bases = rules.iter().filter_map(|rule| rule.of(kind)).peekable();
            bases.peek()?;
            Some(bases.any(|base| dn.key().is_below(base.key())))
        };
        if below(&self.include) == Some(false) {
            Some(OutOfScope::NotIncluded)
        } else if below(&self.exclude) == Some(true) {
            Some(OutOfScope::Excluded)
        } else if has_name(&self.exclude_names, kind, properties) {
            Some(OutOfScope::Name)
        } else if self
            .exclude_marked
            .iter()
            .any(|m| m.of(kind).is_some_and(|m| m.is_on(properties)))
        {
            Some(OutOfScope::Marked)
        } else {
            None
        }
    }
}

fn has_name(rules: &[Applies<Pattern>], kind: ObjectKind, properties: &Properties) -> bool {
    let property = if kind == ObjectKind::User { "username" } else { "name" };
    let mut rules = rules.iter().filter_map(|rule| rule.of(kind)).peekable();
    if rules.peek().is_none() {
        return false;
    }
    let Some(name) = properties.get(property).and_then(rule::plain) else { return false };
    rules.any(|pattern| pattern.fits(&name))
}

#[cfg(test)]
mod tests;
