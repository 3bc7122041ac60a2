//! Notices that far more would be removed than anybody can have meant.
//!
//! A source that is broken (a wrong LDAP filter, a directory restored half) looks like one from which
//! many have left at once. So removals are counted over a while, by kind of object and by context, and
//! where they are more than a share of what there is, they have to be looked at by somebody first.
//! Pure: time is brought by the caller.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use crate::model::{ContextId, ObjectId, ObjectKind};

/// What is too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GuardRules {
    /// More than this share of what there is, in percent; 0 = never too many.
    pub percent: u32,
    /// And more than so many, whatever the share.
    pub floor: u32,
    /// Removals are counted together that come within this time.
    pub window: Duration,
}

impl Default for GuardRules {
    /// A school loses a third of its pupils each summer, and may; half of all users, or of a context's,
    /// is more than any year takes, and less than a broken source does.
    fn default() -> Self {
        Self { percent: 50, floor: 50, window: Duration::from_secs(3600) }
    }
}

/// What is counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// All objects of a kind.
    Kind(ObjectKind),
    /// A context's users.
    Users(ContextId),
}

impl std::fmt::Display for Group {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Kind(kind) => write!(f, "objects of kind {kind}"),
            Self::Users(context) => write!(f, "users of context {context}"),
        }
    }
}

/// Too many removals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany {
    /// So many.
    pub removals: usize,
    /// Of so many.
    pub all: usize,
}

/// Removals of late.
#[derive(Debug)]
pub struct Guard {
    rules: GuardRules,
    /// When each object's removal was asked for.
    groups: BTreeMap<Group, HashMap<ObjectId, Duration>>,
}

impl Guard {
    /// Nothing was removed yet.
    pub fn new(rules: GuardRules) -> Self {
        Self { rules, groups: BTreeMap::new() }
    }

    /// Whether it guards at all.
    pub fn is_on(&self) -> bool {
        self.rules.percent > 0
    }

    /// An object is to be removed. `now` is any clock that does not go back.
    pub fn removal(&mut self, group: Group, object: ObjectId, now: Duration) {
        self.groups.entry(group).or_default().insert(object, now);
    }

    /// An object is not to be removed after all, or somebody has looked at its removal.
    pub fn forget(&mut self, object: &ObjectId) {
        self.groups.retain(|_, removals| {
            removals.remove(object);
            !removals.is_empty()
        });
    }

    /// Whether too many of a group are to be removed. `there` says how many of it are in OX, and
    /// `is_there` whether one of those to be removed still is. Both are asked only if the floor is
    /// passed.
    pub fn too_many(
        &mut self,
        group: Group,
        now: Duration,
        there: impl FnOnce() -> usize,
        is_there: impl Fn(&ObjectId) -> bool,
    ) -> Option<TooMany> {
        let floor = usize::try_from(self.rules.floor).unwrap_or(usize::MAX);
        let removals = self.groups.get_mut(&group)?;
        if !(self.rules.percent > 0 && removals.len() > floor) {
            return None;
        }
        let window = self.rules.window;
        removals.retain(|_, since| now.saturating_sub(*since) <= window);
        let gone = removals.keys().filter(|object| !is_there(object)).count();
        let (removals, all) = (removals.len(), there() + gone);
        let percent = usize::try_from(self.rules.percent).unwrap_or(usize::MAX);
        let over = removals > floor && removals.saturating_mul(100) > all.saturating_mul(percent);
        over.then_some(TooMany { removals, all })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USERS: Group = Group::Kind(ObjectKind::User);

    fn guard() -> Guard {
        Guard::new(GuardRules { percent: 20, floor: 5, window: Duration::from_secs(60) })
    }

    fn id(n: u64) -> ObjectId {
        ObjectId::new(&format!("id-{n}"))
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn judge(guard: &mut Guard, now: u64, there: usize) -> Option<usize> {
        guard.too_many(USERS, at(now), || there, |_| true).map(|found| found.removals)
    }

    #[test]
    fn it_takes_more_than_the_share_and_more_than_the_floor() {
        for (removals, there, expected) in
            [(5, 5, None), (6, 6, Some(6)), (6, 30, None), (7, 34, Some(7)), (7, 35, None)]
        {
            let mut guard = guard();
            for n in 0..removals {
                // Twice the same is one.
                guard.removal(USERS, id(n), at(0));
                guard.removal(USERS, id(n), at(1));
            }
            assert_eq!(judge(&mut guard, 1, there), expected, "{removals} of {there}");
        }
    }

    #[test]
    fn what_is_old_was_looked_at_or_came_back_does_not_count() {
        let mut guard = guard();
        for n in 0..10 {
            guard.removal(USERS, id(n), at(10 * n));
        }
        // 30 to 90 s.
        assert_eq!(judge(&mut guard, 90, 10), Some(7));
        guard.forget(&id(9));
        assert_eq!(judge(&mut guard, 90, 10), Some(6));
        guard.forget(&id(8));
        assert_eq!(judge(&mut guard, 90, 10), None);
    }

    #[test]
    fn what_is_gone_already_belongs_to_what_there_was() {
        let mut guard = guard();
        for n in 0..10 {
            guard.removal(USERS, id(n), at(0));
        }
        let found = guard.too_many(USERS, at(0), || 30, |object| *object == id(0));
        assert_eq!(found, Some(TooMany { removals: 10, all: 39 }));
    }

    #[test]
    fn no_percent_is_no_guard() {
        let mut guard = Guard::new(GuardRules { percent: 0, ..GuardRules::default() });
        for n in 0..1000 {
            guard.removal(USERS, id(n), at(0));
        }
        assert_eq!(judge(&mut guard, 0, 0), None);
    }
}
