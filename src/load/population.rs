//! Who lives in the target during a run: a function of seed and number, so that two million objects
//! need no memory but for what changes made of them.

use std::num::NonZeroU32;

use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;

/// Users of a group as it is first made; one group for so many users of a context.
pub const GROUP_SIZE: u32 = 12;

/// How many there are, and how their sizes differ.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Size {
    /// Contexts.
    pub contexts: NonZeroU32,
    /// Users in all of them together; each context has at least one.
    pub users: u32,
    /// How unequal contexts are: the `n`-th largest has a share as of `1 / n^zipf`; 0 makes all
    /// equal.
    pub zipf: f64,
    /// What chance starts from.
    pub seed: u64,
}

/// The users of each context, and the number of each user.
#[derive(Debug, Clone)]
pub struct Population {
    /// The number of each context's first user, and behind the last context that of all users.
    first_user: Vec<u32>,
    /// The same for groups.
    first_group: Vec<u32>,
}

impl Population {
    /// Spreads users over contexts.
    pub fn new(size: Size) -> Self {
        let mut sizes = zipf(size.users, size.contexts.get(), size.zipf);
        sizes.shuffle(&mut ChaCha8Rng::seed_from_u64(size.seed));
        let sums = |of: fn(u32) -> u32| {
            let mut sum = 0;
            let mut sums = vec![0];
            for users in &sizes {
                sum += of(*users);
                sums.push(sum);
            }
            sums
        };
        Self { first_user: sums(|users| users), first_group: sums(groups) }
    }

    /// Number of contexts.
    pub fn contexts(&self) -> u32 {
        u32::try_from(self.first_user.len() - 1).unwrap_or(u32::MAX)
    }

    /// Users of all contexts.
    pub fn users(&self) -> u32 {
        self.first_user.last().copied().unwrap_or_default()
    }

    /// Groups of all contexts.
    pub fn groups(&self) -> u32 {
        self.first_group.last().copied().unwrap_or_default()
    }

    /// All objects.
    pub fn objects(&self) -> u64 {
        u64::from(self.contexts()) + u64::from(self.users()) + u64::from(self.groups())
    }

    /// Objects of a context, itself included.
    pub fn objects_in(&self, context: u32) -> u32 {
        1 + self.users_in(context).len_u32() + self.groups_in(context).len_u32()
    }

    /// The users that a context begins with.
    pub fn users_in(&self, context: u32) -> Numbers {
        Numbers::within(&self.first_user, context)
    }

    /// The groups that a context begins with.
    pub fn groups_in(&self, context: u32) -> Numbers {
        Numbers::within(&self.first_group, context)
    }

    /// The context where a user of the first hour is made.
    pub fn home(&self, user: u32) -> u32 {
        at(&self.first_user, user)
    }

    /// The context of a group, and the users that it begins with.
    pub fn group(&self, group: u32) -> (u32, Numbers) {
        let context = at(&self.first_group, group);
        let users = self.users_in(context);
        let within = group - self.groups_in(context).from;
        let from = users.from + within * GROUP_SIZE;
        (context, Numbers { from, to: (from + GROUP_SIZE).min(users.to) })
    }

    /// The group that a user of the first hour begins in.
    pub fn first_group_of(&self, user: u32) -> u32 {
        let context = self.home(user);
        self.groups_in(context).from + (user - self.users_in(context).from) / GROUP_SIZE
    }
}

/// Numbers that follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbers {
    /// The first.
    pub from: u32,
    /// Behind the last.
    pub to: u32,
}

impl Numbers {
    fn within(sums: &[u32], place: u32) -> Self {
        let place = usize::try_from(place).unwrap_or(usize::MAX);
        match sums.get(place..).and_then(|rest| Some((rest.first()?, rest.get(1)?))) {
            Some((from, to)) => Self { from: *from, to: *to },
            None => Self { from: 0, to: 0 },
        }
    }

    /// How many.
    pub fn len_u32(&self) -> u32 {
        self.to - self.from
    }
}

fn groups(users: u32) -> u32 {
    users.div_ceil(GROUP_SIZE)
}

/// The place whose stretch holds the number.
fn at(sums: &[u32], number: u32) -> u32 {
    let behind = sums.partition_point(|first| *first <= number);
    u32::try_from(behind.saturating_sub(1)).unwrap_or(u32::MAX)
}

/// `all` in parts whose sizes fall as `1 / n^power`, none empty; together `all`, or one each if that
/// is more.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "shares of a u32 are between 0 and it"
)]
fn zipf(all: u32, parts: u32, power: f64) -> Vec<u32> {
    let weight = |n: u32| f64::from(n).powf(-power);
    let sum: f64 = (1..=parts).map(weight).sum();
    let spare = f64::from(all.saturating_sub(parts));
    let (mut given, mut share) = (0, 0.0);
    (1..=parts)
        .map(|n| {
            // What rounding takes from one part the next one gets.
            share += weight(n) / sum * spare;
            let until = if n == parts { spare } else { share.round() } as u32;
            let size = until.saturating_sub(given);
            given = given.max(until);
            1 + size
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn population(contexts: u32, users: u32) -> Population {
        let contexts = NonZeroU32::new(contexts).unwrap();
        Population::new(Size { contexts, users, zipf: 1.0, seed: 1 })
    }

    #[test]
    fn sizes_fall_as_zipf_says_and_add_up() {
        let sizes = zipf(10_000, 100, 1.0);
        assert_eq!(sizes.iter().sum::<u32>(), 10_000);
        assert!(sizes.is_sorted_by(|a, b| a + 1 >= *b));
        let near = |a: u32, b: f64| (f64::from(a) - b).abs() < 0.03 * b + 2.0;
        assert!(near(sizes[9], f64::from(sizes[0]) / 10.0), "{sizes:?}");
        assert_eq!(zipf(1000, 10, 0.0), [100; 10]);
        assert_eq!(zipf(2, 4, 1.0), [1; 4]);
    }

    #[test]
    fn everybody_has_a_home_and_a_group_in_it() {
        let population = population(7, 500);
        for user in 0..population.users() {
            let home = population.home(user);
            let users = population.users_in(home);
            assert!((users.from..users.to).contains(&user));
            let (context, members) = population.group(population.first_group_of(user));
            assert_eq!(context, home);
            assert!((members.from..members.to).contains(&user));
        }
        let objects: u32 = (0..7).map(|context| population.objects_in(context)).sum();
        assert_eq!(u64::from(objects), population.objects());
    }

    #[test]
    fn two_million_objects_need_memory_for_their_contexts_only() {
        let population = population(5_000, 1_840_000);
        assert!(population.objects() > 1_990_000, "{}", population.objects());
        assert_eq!(population.first_user.len() + population.first_group.len(), 10_002);
    }
}
