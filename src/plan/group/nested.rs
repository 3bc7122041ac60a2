//! Groups in groups: who is in a group by being in one of those it holds.

use std::collections::HashSet;

use crate::model::object::GroupObject;
use crate::model::{Dn, DnKey, ObjectId};

/// Everybody who is in a group, himself or by a group in it at any depth: its own users first, each
/// once. `find` says which group a DN means; a circle of groups, and a group that is reached by several
/// ways, is walked through once.
///
/// # Errors
/// The first one of `find`.
pub fn everybody<E>(
    own: &ObjectId,
    group: &GroupObject,
    mut find: impl FnMut(&DnKey) -> Result<Option<(ObjectId, GroupObject)>, E>,
) -> Result<Vec<Dn>, E> {
    let mut seen = HashSet::from([own.clone()]);
    let mut users = Vec::new();
    let mut named = HashSet::new();
    let mut take = |users: &mut Vec<Dn>, more: &[Dn]| {
        users.extend(more.iter().filter(|dn| named.insert(dn.key().clone())).cloned());
    };
    take(&mut users, &group.users);
    let mut open: Vec<Dn> = group.nested.clone();
    while let Some(dn) = open.pop() {
        let Some((id, inner)) = find(dn.key())? else { continue };
        if seen.insert(id) {
            take(&mut users, &inner.users);
            open.extend(inner.nested);
        }
    }
    Ok(users)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;

    fn group(users: &[usize], nested: &[usize]) -> GroupObject {
        let user = |n: &usize| Dn::new(&format!("uid={n}"));
        let inner = |n: &usize| Dn::new(&format!("cn={n}"));
        GroupObject {
            is_ox_group: true,
            users: users.iter().map(user).collect(),
            nested: nested.iter().map(inner).collect(),
            properties: serde_json::Map::new(),
        }
    }

    proptest! {
        /// Whatever holds what, circles too: exactly those who can be reached, each once.
        #[test]
        fn everybody_who_can_be_reached_is_in_it_once(
            groups in proptest::collection::vec(
                (proptest::collection::vec(0usize..8, 0..4), proptest::collection::vec(0usize..7, 0..4)),
                1..7,
            ),
        ) {
            let id = |n: usize| ObjectId::new(&format!("g{n}"));
            let by_dn: BTreeMap<DnKey, usize> =
                (0..groups.len()).map(|n| (Dn::new(&format!("cn={n}")).key().clone(), n)).collect();
            let made = |n: usize| group(&groups[n].0, &groups[n].1);
            let found = everybody(&id(0), &made(0), |dn| {
                Ok::<_, Infallible>(by_dn.get(dn).map(|n| (id(*n), made(*n))))
            });
            let found: Vec<DnKey> = found.unwrap().iter().map(|dn| dn.key().clone()).collect();
            let mut reached = BTreeSet::from([0]);
            while let Some(more) = reached
                .iter()
                .flat_map(|n: &usize| &groups[*n].1)
                .find(|n| **n < groups.len() && !reached.contains(*n))
            {
                reached.insert(*more);
            }
            let expected: BTreeSet<DnKey> = reached
                .iter()
                .flat_map(|n| &groups[*n].0)
                .map(|n| Dn::new(&format!("uid={n}")).key().clone())
                .collect();
            prop_assert_eq!(found.iter().cloned().collect::<BTreeSet<_>>(), expected);
            prop_assert_eq!(found.iter().collect::<BTreeSet<_>>().len(), found.len());
        }
    }
}
