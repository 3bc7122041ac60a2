//! Sets that mostly hold one value or none, of which there are very many.
//!
//! A pending item has half a dozen of them. A `BTreeSet` takes memory for eleven values as soon as it
//! holds one; this one takes none beyond itself until it holds two.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

/// Maps with room for fewer entries do not give it back.
const ROOM: usize = 1_024;

/// Gives back the room of a map that held far more before: the memory that a backlog took is free for
/// others when it is through. Called after each removal it costs, over all, no more than the removals.
pub(crate) fn give_back<K: Eq + Hash, V>(map: &mut HashMap<K, V>) {
    if map.capacity() > ROOM && 8 * map.len() < map.capacity() {
        map.shrink_to(2 * map.len());
    }
}

/// A sorted set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Few<T>(Kept<T>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kept<T> {
    None,
    One(T),
    /// Two at least.
    #[expect(clippy::box_collection, reason = "a set of its own would make all of them larger")]
    Many(Box<BTreeSet<T>>),
}

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self(Kept::None)
    }
}

impl<T: Ord> Few<T> {
    /// The values, in order.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        let (one, many) = match &self.0 {
            Kept::None => (None, None),
            Kept::One(value) => (Some(value), None),
            Kept::Many(set) => (None, Some(set)),
        };
        one.into_iter().chain(many.into_iter().flat_map(|set| set.iter()))
    }

    pub(crate) fn len(&self) -> usize {
        match &self.0 {
            Kept::None => 0,
            Kept::One(_) => 1,
            Kept::Many(set) => set.len(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        matches!(self.0, Kept::None)
    }

    pub(crate) fn contains(&self, value: &T) -> bool {
        match &self.0 {
            Kept::None => false,
            Kept::One(one) => one == value,
            Kept::Many(set) => set.contains(value),
        }
    }

    /// The smallest value.
    pub(crate) fn first(&self) -> Option<&T> {
        self.iter().next()
    }

    /// The largest value.
    pub(crate) fn last(&self) -> Option<&T> {
        self.iter().next_back()
    }

    /// False if it was there.
    pub(crate) fn insert(&mut self, value: T) -> bool {
        match &mut self.0 {
            Kept::Many(set) => set.insert(value),
            Kept::One(one) if *one == value => false,
            _ => {
                self.0 = match std::mem::replace(&mut self.0, Kept::None) {
                    Kept::One(one) => Kept::Many(Box::new(BTreeSet::from([one, value]))),
                    _ => Kept::One(value),
                };
                true
            }
        }
    }

    /// False if it was not there.
    pub(crate) fn remove(&mut self, value: &T) -> bool {
        match &mut self.0 {
            Kept::One(one) if one == value => {
                self.0 = Kept::None;
                true
            }
            Kept::Many(set) => {
                let there = set.remove(value);
                if set.len() == 1
                    && let Some(last) = set.pop_last()
                {
                    self.0 = Kept::One(last);
                }
                there
            }
            _ => false,
        }
    }

    pub(crate) fn clear(&mut self) {
        self.0 = Kept::None;
    }
}

impl<T: Ord> Extend<T> for Few<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, values: I) {
        for value in values {
            self.insert(value);
        }
    }
}

impl<T: Ord> FromIterator<T> for Few<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        let mut few = Self::default();
        few.extend(values);
        few
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone)]
    enum Step {
        Insert(u8),
        Remove(u8),
        Clear,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0u8..4).prop_map(Step::Insert),
            4 => (0u8..4).prop_map(Step::Remove),
            1 => Just(Step::Clear),
        ]
    }

    proptest! {
        #[test]
        fn it_behaves_like_any_other_set(steps in prop::collection::vec(step(), 0..40)) {
            let (mut few, mut set) = (Few::default(), BTreeSet::new());
            for step in steps {
                match step {
                    Step::Insert(value) => prop_assert_eq!(few.insert(value), set.insert(value)),
                    Step::Remove(value) => prop_assert_eq!(few.remove(&value), set.remove(&value)),
                    Step::Clear => {
                        few.clear();
                        set.clear();
                    }
                }
                prop_assert!(few.iter().eq(set.iter()));
                prop_assert!(few.iter().rev().eq(set.iter().rev()));
                prop_assert_eq!(few.len(), set.len());
                prop_assert_eq!(few.is_empty(), set.is_empty());
                prop_assert_eq!((few.first(), few.last()), (set.first(), set.last()));
                for value in 0..4 {
                    prop_assert_eq!(few.contains(&value), set.contains(&value));
                }
                // Two equal sets are equal, however they came about.
                prop_assert_eq!(&few, &set.iter().copied().collect());
            }
        }
    }

    #[test]
    fn a_map_gives_back_the_room_of_a_backlog() {
        let mut map: HashMap<u32, u32> = (0..100_000).map(|n| (n, n)).collect();
        for n in 0..100_000 {
            map.remove(&n);
            give_back(&mut map);
            assert!(map.capacity() <= ROOM.max(8 * map.len().max(1)), "{}", map.capacity());
        }
    }

    #[test]
    fn one_value_takes_no_memory_of_its_own() {
        assert_eq!(size_of::<Few<u64>>(), 16);
        assert_eq!(size_of::<Few<crate::lanes::Lane>>(), 16);
    }
}
