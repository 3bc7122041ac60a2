//! Makes queue items: first the population, then changes of it, without end.
//!
//! Correct by construction: a context comes before its users, a user before the group that names
//! him, and nobody is changed who is not there. What a change entails in other objects (a renamed
//! member's new DN in his group) follows as an item of its own, as a directory would send it.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use super::mix::{Change, Mix};
use super::population::{Numbers, Population};
use super::run_id::RunId;
use crate::demo::workload::{FIRST_NAMES, LAST_NAMES};

/// An item to be written into the queue.
#[derive(Debug, Clone, PartialEq)]
pub struct Made {
    /// What kind of change it is.
    pub change: Change,
    /// The context, counted from 0, if it is about one of the run's.
    pub context: Option<u32>,
    /// What is to stand in the file.
    pub content: Value,
}

/// Makes items from a seed; equal seeds make equal items.
#[derive(Debug)]
pub struct Generator {
    population: Population,
    run: RunId,
    mix: Mix,
    seed: u64,
    rng: ChaCha8Rng,
    /// Where the laying of the population stands; none once it is through.
    laying: Option<Laying>,
    /// Items that have to follow what came before.
    follow: VecDeque<Made>,
    /// What changes made of users; those that are not here are as they began.
    changed: HashMap<u32, User>,
    gone: HashSet<u32>,
    /// Members of the groups that are not as they began.
    members: HashMap<u32, BTreeSet<u32>>,
    /// Groups of the users who are not in the one that they began in, and in no other.
    memberships: HashMap<u32, BTreeSet<u32>>,
    quotas: HashMap<u32, u32>,
    /// The next new user's number.
    next: u32,
    /// How many users were given their turn to be changed.
    turn: u64,
}

/// Round 0 makes contexts, each further one a user in each that has so many.
#[derive(Debug)]
struct Laying {
    round: u32,
    /// The next one's place in `contexts`.
    place: usize,
    contexts: Vec<u32>,
}

/// What can be different of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct User {
    context: u32,
    /// How often he was renamed.
    named: u32,
    /// How often his data changed.
    version: u32,
    /// How often his second address changed.
    alias: u32,
}

/// How often somebody is drawn who turns out to be gone before something else is done.
const DRAWS: u32 = 64;

impl Generator {
    /// Nothing made yet.
    pub fn new(population: Population, run: RunId, mix: Mix, seed: u64) -> Self {
        Self {
            next: population.users(),
            laying: Some(Laying {
                round: 0,
                place: 0,
                contexts: (0..population.contexts()).collect(),
            }),
            rng: ChaCha8Rng::seed_from_u64(seed),
            population,
            run,
            mix,
            seed,
            follow: VecDeque::new(),
            changed: HashMap::new(),
            gone: HashSet::new(),
            members: HashMap::new(),
            memberships: HashMap::new(),
            quotas: HashMap::new(),
            turn: seed % (1 << 20),
        }
    }

    /// Who there is at first.
    pub fn population(&self) -> &Population {
        &self.population
    }

    /// The next object of the population; none when it is complete. Contexts take turns, so that all
    /// of them are worked on at once.
    pub fn lay(&mut self) -> Option<Made> {
        if let Some(made) = self.follow.pop_front() {
            return Some(made);
        }
        loop {
            let laying = self.laying.as_mut()?;
            let Some(context) = laying.contexts.get(laying.place).copied() else {
                let (round, population) = (laying.round + 1, &self.population);
                laying.contexts.retain(|context| population.users_in(*context).len_u32() >= round);
                (laying.round, laying.place) = (round, 0);
                if laying.contexts.is_empty() {
                    self.laying = None;
                }
                continue;
            };
            laying.place += 1;
            if laying.round == 0 {
                return Some(self.context(context, Change::NewContext));
            }
            let user = self.population.users_in(context).from + laying.round - 1;
            let group = self.population.first_group_of(user);
            if self.population.group(group).1.to == user + 1 {
                let made = self.group(group);
                self.follow.push_back(made);
            }
            return Some(self.user(user, Change::Create));
        }
    }

    /// The next change.
    pub fn change(&mut self) -> Made {
        if let Some(made) = self.follow.pop_front() {
            return made;
        }
        let change = self.mix.draw(&mut self.rng);
        match change {
            Change::Modify | Change::NewContext | Change::Replayed => self.modify(),
            Change::Create => self.create(),
            Change::Alias => self.alias(),
            Change::Rename => self.rename(),
            Change::Move => self.moved(),
            Change::Membership => self.membership(),
            Change::Delete => self.delete(),
            Change::Quota => {
                let context = self.rng.random_range(0..self.population.contexts());
                *self.quotas.entry(context).or_default() += 1;
                self.context(context, Change::Quota)
            }
        }
    }

    fn create(&mut self) -> Made {
        let context = self.crowded_context();
        let user = self.next;
        self.next += 1;
        self.changed.insert(user, User { context, named: 0, version: 0, alias: 0 });
        self.user(user, Change::Create)
    }

    fn modify(&mut self) -> Made {
        let Some(user) = self.next_one() else { return self.create() };
        let mut now = self.now(user);
        now.version += 1;
        self.changed.insert(user, now);
        self.user(user, Change::Modify)
    }

    fn alias(&mut self) -> Made {
        let Some(user) = self.somebody() else { return self.create() };
        let mut now = self.now(user);
        now.alias += 1;
        self.changed.insert(user, now);
        self.user(user, Change::Alias)
    }

    fn rename(&mut self) -> Made {
        let Some(user) = self.somebody() else { return self.create() };
        let mut now = self.now(user);
        now.named += 1;
        self.changed.insert(user, now);
        self.groups_follow(user);
        self.user(user, Change::Rename)
    }

    /// He leaves his groups first: they are of the context that he leaves.
    fn moved(&mut self) -> Made {
        if self.population.contexts() < 2 {
            return self.modify();
        }
        let Some(user) = self.somebody() else { return self.create() };
        let mut now = self.now(user);
        let other = self.rng.random_range(1..self.population.contexts());
        let groups = self.leave(user);
        now.context = (now.context + other) % self.population.contexts();
        self.changed.insert(user, now);
        let moved = self.user(user, Change::Move);
        let mut items: VecDeque<Made> = groups.into_iter().map(|group| self.group(group)).collect();
        items.push_back(moved);
        let first = items.pop_front();
        self.follow.extend(items);
        // There is at least the move itself.
        first.unwrap_or_else(|| self.user(user, Change::Move))
    }

    fn membership(&mut self) -> Made {
        let group = self.rng.random_range(0..self.population.groups());
        let (context, _) = self.population.group(group);
        let mut members = self.members_of(group);
        let joins = members.len() < 2 || self.rng.random_bool(0.5);
        let user = if joins {
            (0..DRAWS).find_map(|_| {
                let users = self.population.users_in(context);
                let user = self.rng.random_range(users.from..users.to);
                let there = !self.gone.contains(&user) && self.now(user).context == context;
                (there && !members.contains(&user)).then_some(user)
            })
        } else {
            let place = self.rng.random_range(0..members.len());
            members.iter().nth(place).copied()
        };
        let Some(user) = user else { return self.modify() };
        let mut groups = self.groups_of(user);
        if joins {
            members.insert(user);
            groups.insert(group);
        } else {
            members.remove(&user);
            groups.remove(&group);
        }
        self.members.insert(group, members);
        self.memberships.insert(user, groups);
        self.group(group)
    }

    fn delete(&mut self) -> Made {
        let Some(user) = self.somebody() else { return self.create() };
        let deleted = Made {
            change: Change::Delete,
            context: Some(self.now(user).context),
            content: envelope("users/user", &self.uuid(1, user), &self.user_dn(user), &Value::Null),
        };
        for group in self.leave(user) {
            let made = self.group(group);
            self.follow.push_back(made);
        }
        self.gone.insert(user);
        self.changed.remove(&user);
        deleted
    }

    /// Takes a user out of his groups; answers which.
    fn leave(&mut self, user: u32) -> BTreeSet<u32> {
        let groups = self.groups_of(user);
        self.memberships.insert(user, BTreeSet::new());
        for group in &groups {
            let mut members = self.members_of(*group);
            members.remove(&user);
            self.members.insert(*group, members);
        }
        groups
    }

    fn groups_follow(&mut self, user: u32) {
        for group in self.groups_of(user) {
            let made = self.group(group);
            self.follow.push_back(made);
        }
    }

    fn groups_of(&self, user: u32) -> BTreeSet<u32> {
        let first = || {
            let original = user < self.population.users();
            original.then(|| self.population.first_group_of(user)).into_iter().collect()
        };
        self.memberships.get(&user).cloned().unwrap_or_else(first)
    }

    fn members_of(&self, group: u32) -> BTreeSet<u32> {
        let first = || {
            let Numbers { from, to } = self.population.group(group).1;
            (from..to).collect()
        };
        self.members.get(&group).cloned().unwrap_or_else(first)
    }

    /// Somebody who is there, as late after the last time as can be: two changes of one user that
    /// wait together become one, which is less than was meant to come.
    fn next_one(&mut self) -> Option<u32> {
        /// A prime, so that everybody has his turn before anybody has a second one.
        const STRIDE: u64 = 2_654_435_761;
        let all = u64::from(self.next.max(1));
        (0..DRAWS).find_map(|_| {
            self.turn += 1;
            let user = u32::try_from(self.turn.wrapping_mul(STRIDE) % all).ok()?;
            (user < self.next && !self.gone.contains(&user)).then_some(user)
        })
    }

    /// Somebody who is there.
    fn somebody(&mut self) -> Option<u32> {
        (0..DRAWS).find_map(|_| {
            let user = self.rng.random_range(0..self.next);
            (!self.gone.contains(&user)).then_some(user)
        })
    }

    /// A context; the more users, the likelier.
    fn crowded_context(&mut self) -> u32 {
        let user = self.rng.random_range(0..self.population.users().max(1));
        self.population.home(user)
    }

    fn now(&self, user: u32) -> User {
        let context = || self.population.home(user);
        let first = || User { context: context(), named: 0, version: 0, alias: 0 };
        self.changed.get(&user).copied().unwrap_or_else(first)
    }

    /// The same for the same object of the same seed.
    fn uuid(&self, kind: u64, number: u32) -> String {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed ^ (kind << 40) ^ u64::from(number));
        let (a, b): (u64, u64) = (rng.random(), rng.random());
        format!(
            "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
            a >> 32,
            a >> 16 & 0xffff,
            a & 0xfff,
            b >> 52,
            b & 0xffff_ffff_ffff
        )
    }

    fn login(&self, user: u32) -> String {
        match self.now(user).named {
            0 => format!("u{user}"),
            named => format!("u{user}-{named}"),
        }
    }

    fn user_dn(&self, user: u32) -> String {
        format!("uid={},cn=users,{}", self.login(user), self.base())
    }

    fn base(&self) -> String {
        format!("dc={},dc=example", self.run.label())
    }

    fn context(&self, context: u32, change: Change) -> Made {
        let mut object = json!({
            "name": self.run.context_name(context),
            "contextid": self.run.context_id(context),
        });
        let quotas = self.quotas.get(&context).copied().unwrap_or_default();
        object["oxQuota"] = json!(1_000 + quotas * 100);
        let dn = format!("cn={},cn=open-xchange,{}", self.run.context_name(context), self.base());
        let content = envelope("oxmail/oxcontext", &self.uuid(0, context), &dn, &object);
        Made { change, context: Some(context), content }
    }

    fn user(&self, user: u32, change: Change) -> Made {
        const PROFILES: [&str; 4] = ["webmail", "pim", "groupware", "premium"];
        let now = self.now(user);
        let pick = |list: &[&'static str], salt: usize| {
            let place = usize::try_from(user).unwrap_or_default().wrapping_mul(salt) / 7;
            list.get(place % list.len().max(1)).copied().unwrap_or_default()
        };
        let (first, last) = (pick(FIRST_NAMES, 31), pick(LAST_NAMES, 17));
        let login = self.login(user);
        let mut object = json!({
            "username": login,
            "firstname": first,
            "lastname": last,
            "oxDisplayName": format!("{first} {last} {user}"),
            "isOxUser": true,
            "oxContext": self.run.context_id(now.context),
            "oxAccess": pick(&PROFILES, 7),
            "mailPrimaryAddress": format!("{login}@{}.example", self.run.label()),
            "oxDepartment": format!("Abteilung {}", user % 40),
            "phone": [format!("+49 421 {:07}", (u64::from(user) * 7919 + u64::from(now.version)) % 10_000_000)],
        });
        if user.is_multiple_of(3) || now.alias > 0 {
            object["mailAlternativeAddress"] =
                json!([format!("{login}.{}@{}.example", now.alias, self.run.label(),)]);
        }
        if user.is_multiple_of(5) {
            object["oxNote"] = json!(format!("Änderung {} von {last}", now.version));
        }
        let content = envelope("users/user", &self.uuid(1, user), &self.user_dn(user), &object);
        Made { change, context: Some(now.context), content }
    }

    fn group(&self, group: u32) -> Made {
        let name = format!("g{group}");
        let members: Vec<String> =
            self.members_of(group).into_iter().map(|user| self.user_dn(user)).collect();
        let object = json!({
            "name": format!("{}-{name}", self.run.label()),
            "isOxGroup": true,
            "users": members,
        });
        let dn = format!("cn={name},cn=groups,{}", self.base());
        let content = envelope("groups/group", &self.uuid(2, group), &dn, &object);
        Made { change: Change::Membership, context: Some(self.population.group(group).0), content }
    }
}

fn envelope(kind: &str, id: &str, dn: &str, object: &Value) -> Value {
    json!({"id": id, "udm_object_type": kind, "dn": dn, "object": object, "options": ["default"]})
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;
    use crate::load::population::Size;

    fn generator(contexts: u32, users: u32, mix: &str) -> Generator {
        let contexts = NonZeroU32::new(contexts).unwrap();
        let population = Population::new(Size { contexts, users, zipf: 1.0, seed: 5 });
        Generator::new(population, RunId::new("t5", 5000).unwrap(), mix.parse().unwrap(), 5)
    }

    fn laid(generator: &mut Generator) -> Vec<Made> {
        std::iter::from_fn(|| generator.lay()).collect()
    }

    /// Follows the items as a directory would, and complains of whatever is not there.
    #[derive(Default)]
    struct Checker {
        contexts: BTreeSet<u64>,
        users: HashMap<String, (u64, String)>,
        groups: HashMap<String, Vec<String>>,
    }

    impl Checker {
        fn take(&mut self, made: &Made) {
            let content = &made.content;
            let id = content["id"].as_str().unwrap().to_owned();
            let object = &content["object"];
            match content["udm_object_type"].as_str().unwrap() {
                "oxmail/oxcontext" => {
                    self.contexts.insert(object["contextid"].as_u64().unwrap());
                }
                "users/user" if object.is_null() => {
                    let (_, dn) = self.users.remove(&id).expect("deleted whom there is");
                    assert_eq!(content["dn"], dn.as_str());
                }
                "users/user" => {
                    let context = object["oxContext"].as_u64().unwrap();
                    assert!(self.contexts.contains(&context), "no context for {content}");
                    let known = self.users.contains_key(&id);
                    assert_eq!(known, made.change != Change::Create, "{content}");
                    let dn = content["dn"].as_str().unwrap().to_owned();
                    self.users.insert(id, (context, dn));
                }
                "groups/group" => {
                    let members = object["users"].as_array().unwrap().iter();
                    let members: Vec<String> =
                        members.map(|dn| dn.as_str().unwrap().to_owned()).collect();
                    let there: HashSet<&str> =
                        self.users.values().map(|(_, dn)| dn.as_str()).collect();
                    for member in &members {
                        assert!(there.contains(member.as_str()), "{member} is not there");
                    }
                    self.groups.insert(id, members);
                }
                other => panic!("{other}"),
            }
        }

        /// Every member is somebody who is there under that name.
        fn settled(&self) -> bool {
            let there: HashSet<&str> = self.users.values().map(|(_, dn)| dn.as_str()).collect();
            self.groups.values().flatten().all(|dn| there.contains(dn.as_str()))
        }
    }

    #[test]
    fn the_population_comes_whole_and_in_an_order_that_can_be_done() {
        let mut generator = generator(6, 200, "modify=1");
        let items = laid(&mut generator);
        assert_eq!(items.len() as u64, generator.population().objects());
        let mut checker = Checker::default();
        for item in &items {
            checker.take(item);
        }
        assert_eq!((checker.contexts.len(), checker.users.len()), (6, 200));
        assert_eq!(u32::try_from(checker.groups.len()).unwrap(), generator.population().groups());
        let members: usize = checker.groups.values().map(Vec::len).sum();
        assert_eq!(members, 200);
        assert!(generator.lay().is_none());
    }

    #[test]
    fn three_thousand_changes_are_about_what_there_is() {
        let mut generator = generator(
            5,
            300,
            "create=10,modify=30,alias=5,rename=10,move=10,membership=20,delete=10,quota=2",
        );
        let mut checker = Checker::default();
        for item in laid(&mut generator) {
            checker.take(&item);
        }
        let mut kinds = BTreeSet::new();
        for _ in 0..3_000 {
            let made = generator.change();
            kinds.insert(made.change);
            checker.take(&made);
            assert!(!generator.follow.is_empty() || checker.settled());
        }
        assert_eq!(kinds.len(), 8);
    }

    #[test]
    fn equal_seeds_make_equal_items() {
        let make = || {
            let mut generator = generator(3, 50, "create=1,modify=2,membership=1,move=1");
            let mut items = laid(&mut generator);
            items.extend((0..500).map(|_| generator.change()));
            items
        };
        assert_eq!(make(), make());
    }
}
