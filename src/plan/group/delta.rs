//! Which members come and go, and whether it is worth naming them one by one.

use std::collections::BTreeMap;

use super::policy::GroupPolicy;
use crate::model::{ObjectId, OxId};

/// Lists up to this length are written as a whole if members come *and* go: one call instead of two,
/// and no slower.
const SHORT: usize = 100;

/// The difference between two member lists.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Delta {
    pub(super) gone: Vec<OxId>,
    pub(super) new: Vec<OxId>,
}

/// The difference, if it is to be written as such; none if the whole list is.
pub(super) fn delta(
    placed: &BTreeMap<ObjectId, OxId>,
    wanted: &BTreeMap<ObjectId, OxId>,
    policy: &GroupPolicy,
) -> Option<Delta> {
    // Lengths alone often say it is too much, without a look at a single member.
    if placed.len().abs_diff(wanted.len()) > policy.delta_max {
        return None;
    }
    let mut delta = Delta::default();
    let (mut olds, mut news) = (placed.iter().peekable(), wanted.iter().peekable());
    loop {
        match (olds.peek(), news.peek()) {
            (None, None) => break,
            (Some((old, ox)), Some((new, number))) if old == new => {
                // Under another number he is another user to OX, and what else the group holds by
                // now is anybody's guess.
                if ox != number {
                    return None;
                }
                olds.next();
                news.next();
            }
            (Some((old, ox)), new) if new.is_none_or(|(new, _)| old < new) => {
                delta.gone.push(**ox);
                olds.next();
            }
            (_, Some((_, ox))) => {
                delta.new.push(**ox);
                news.next();
            }
            (Some(_), None) => return None,
        }
        let changes = delta.gone.len() + delta.new.len();
        if changes > policy.delta_max || changes * 2 >= wanted.len() {
            return None;
        }
    }
    let both = !delta.gone.is_empty() && !delta.new.is_empty();
    (!(both && wanted.len() <= SHORT)).then_some(delta)
}

impl Delta {
    /// Whether this is one of the changes that are verified. Equal changes give equal answers; over
    /// many, one in `every` is.
    pub(super) fn is_sampled(&self, group: OxId, every: u32) -> bool {
        // FNV-1a over the numbers: spread well enough, and the same in every build.
        let numbers = [group].into_iter().chain(self.gone.iter().chain(&self.new).copied());
        let hash = numbers
            .flat_map(|ox| ox.0.to_le_bytes())
            .fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
        (hash >> 16).is_multiple_of(u64::from(every.max(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(numbers: impl IntoIterator<Item = u32>) -> BTreeMap<ObjectId, OxId> {
        numbers.into_iter().map(|n| (ObjectId::new(&format!("m{n:06}")), OxId(n))).collect()
    }

    fn found(
        placed: &BTreeMap<ObjectId, OxId>,
        wanted: &BTreeMap<ObjectId, OxId>,
    ) -> Option<Delta> {
        delta(placed, wanted, &GroupPolicy { delta_max: 3, ..GroupPolicy::default() })
    }

    #[test]
    fn few_changes_in_a_long_list_are_named_and_nobody_else() {
        let mut wanted = list(0..50_000);
        let placed = wanted.clone();
        wanted.insert(ObjectId::new("new"), OxId(60_000));
        let expected = Delta { gone: vec![], new: vec![OxId(60_000)] };
        assert_eq!(found(&placed, &wanted), Some(expected));
        wanted.remove(&ObjectId::new("m000007"));
        let expected = Delta { gone: vec![OxId(7)], new: vec![OxId(60_000)] };
        assert_eq!(found(&placed, &wanted), Some(expected));
    }

    #[test]
    fn many_changes_another_number_or_half_of_the_list_want_the_whole_list() {
        let placed = list(0..200);
        assert!(found(&placed, &list(0..203)).is_some());
        assert_eq!(found(&placed, &list(0..204)), None);
        assert_eq!(found(&placed, &list(2..202)), None, "two go and two come");
        let mut renumbered = placed.clone();
        renumbered.insert(ObjectId::new("m000003"), OxId(900));
        assert_eq!(found(&placed, &renumbered), None);
        assert_eq!(found(&list(0..4), &list(0..2)), None, "half of the list and more");
        assert_eq!(found(&list(0..1), &list(0..2)), None);
        assert!(found(&list(0..2), &list(0..3)).is_some());
        assert_eq!(found(&list(0..10), &list(1..11)), None, "a short list both ways is one call");
    }

    #[test]
    fn about_one_in_so_many_changes_is_sampled() {
        let one = |n: u32| Delta { gone: vec![], new: vec![OxId(n)] };
        let sampled = (0..10_000).filter(|n| one(*n).is_sampled(OxId(9), 100)).count();
        assert!((50..200).contains(&sampled), "{sampled}");
        assert!((0..100).all(|n| one(n).is_sampled(OxId(9), 1)));
    }
}
