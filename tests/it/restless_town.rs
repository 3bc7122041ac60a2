//! A town of people who come, go, move, are renamed and switched on and off, and of groups and an
//! account that are, too: after each batch OX is what follows from the directory.

use std::collections::BTreeMap;

use drover::sim::{Effect, Rule};
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use crate::scene::{Batches, accounts, identified, members};
use crate::world::{World, account, context, gone, group, user, with};

/// Somebody in a town, as long as the directory knows him.
#[derive(Default)]
struct Person {
    id: String,
    /// His present name, and those that he had before; groups may still name him by them.
    names: Vec<String>,
    /// Where he is, if he is in OX.
    home: Option<u32>,
}

/// What a town's directory says.
struct Town {
    rng: ChaCha8Rng,
    lives: u32,
    people: BTreeMap<&'static str, Person>,
    /// Names of members, as they were when the group was last written.
    groups: BTreeMap<&'static str, Vec<String>>,
    account: Vec<String>,
}

impl Town {
    const PEOPLE: [&str; 7] = ["anna", "bert", "carla", "dora", "emil", "fritz", "gerd"];
    const GROUPS: [&str; 3] = ["red", "blue", "green"];

    fn of(seed: u64) -> Self {
        Self {
            rng: ChaCha8Rng::seed_from_u64(seed),
            lives: 0,
            people: BTreeMap::new(),
            groups: BTreeMap::new(),
            account: Vec::new(),
        }
    }

    /// Something happens in it.
    fn step(&mut self) -> Value {
        match self.rng.random_range(0..10) {
            0 => {
                self.account = self.some_people();
                account("help", &self.account.iter().map(String::as_str).collect::<Vec<_>>())
            }
            1..5 => {
                let name = *Self::GROUPS.choose(&mut self.rng).unwrap();
                let members = self.some_people();
                let item = group(name, &members.iter().map(String::as_str).collect::<Vec<_>>());
                if self.rng.random_bool(0.2) {
                    self.groups.remove(name);
                    return with(item, json!({"isOxGroup": "Not"}));
                }
                self.groups.insert(name, members);
                item
            }
            _ => self.person(),
        }
    }

    /// Some people by their present names, or the one they will have at first.
    fn some_people(&mut self) -> Vec<String> {
        let chosen = Self::PEOPLE.into_iter().filter(|_| self.rng.random_bool(0.4));
        let chosen: Vec<&str> = chosen.collect();
        let name = |person: &&str| match self.people.get(person) {
            Some(known) => known.names.last().unwrap().clone(),
            None => (*person).to_owned(),
        };
        chosen.iter().map(name).collect()
    }

    /// Somebody comes, moves, changes, is renamed, is switched off or leaves.
    fn person(&mut self) -> Value {
        let who = *Self::PEOPLE.choose(&mut self.rng).unwrap();
        let place = *[10, 20].choose(&mut self.rng).unwrap();
        let newcomer = !self.people.contains_key(who);
        let person = self.people.entry(who).or_insert_with(|| {
            self.lives += 1;
            let id = format!("user-{who}-{}", self.lives);
            Person { id, names: vec![who.to_owned()], home: None }
        });
        let event = self.rng.random_range(0..7);
        if event == 0 {
            let item = identified(user(person.names.last().unwrap(), place), &person.id);
            self.people.remove(who);
            return gone(item);
        }
        if event == 1 && !newcomer {
            let renamed = format!("{who}{}", person.names.len());
            person.names.push(renamed);
        }
        let item = identified(user(person.names.last().unwrap(), place), &person.id);
        person.home = (event != 2).then_some(place);
        if event == 2 { with(item, json!({"isOxUser": "Not"})) } else { item }
    }

    /// Present names of those in a context, of all or of those whom `named` means.
    fn here(&self, place: u32, named: Option<&[String]>) -> Vec<String> {
        let meant = |person: &&Person| {
            named.is_none_or(|named| named.iter().any(|name| person.names.contains(name)))
        };
        let here = self.people.values().filter(|person| person.home == Some(place));
        let mut names: Vec<String> =
            here.filter(meant).map(|person| person.names.last().unwrap().clone()).collect();
        names.sort();
        names
    }

    /// OX is what follows from all that.
    fn check(&self, world: &World, told: &str) {
        for place in [10, 20] {
            assert_eq!(world.users(place), self.here(place, None), "{place}, {told}");
            for name in Self::GROUPS {
                let listed = self.groups.get(name).cloned().unwrap_or_default();
                let here = self.here(place, Some(&listed));
                let expected = Some(here).filter(|members| !members.is_empty());
                assert_eq!(members(world, place, name), expected, "{name} in {place}, {told}");
            }
            let holders = self.here(place, Some(&self.account));
            for name in self.here(place, None) {
                let expected: Vec<_> = holders
                    .iter()
                    .filter(|holder| **holder == name)
                    .map(|_| ("help@heide.example".to_owned(), format!("account-help{name}")))
                    .collect();
                assert_eq!(accounts(world, place, &name), expected, "{name}, {told}");
            }
        }
    }
}

fn live(seed: u64, rounds: usize, prepare: impl Fn(&World)) {
    let mut town = Town::of(seed);
    let world = World::new();
    let mut batches = Batches::of(&world);
    batches.done([context(20)]);
    prepare(&world);
    for _ in 0..rounds {
        let items: Vec<Value> = (0..town.rng.random_range(1..6)).map(|_| town.step()).collect();
        let told = format!("seed {seed}: {items:?}");
        batches.done(items);
        town.check(&world, &told);
    }
    world.assert_no_overlap();
}

// OBJ-38, OBJ-39, OBJ-48..50, OBJ-60, D10, D14, D29: every group change carries all members. A town of
// people who come, go, move, and are switched on and off, and of groups that are, too; after each
// batch OX is what follows from the directory.
#[test]
fn after_every_batch_of_a_restless_town_every_group_has_exactly_its_members() {
    for seed in 0..4 {
        live(seed, 12, |_| {});
    }
}

// ERR-26: the same, with a connection that breaks now and then, before or after OX has done its work.
#[test]
fn a_restless_town_comes_out_right_also_over_a_connection_that_breaks() {
    for seed in 100..102 {
        live(seed, 10, |world| {
            for effect in [Effect::ApplyThenDrop, Effect::DropBefore] {
                let rule = Rule { probability: Some(0.05), ..Rule::new(effect) };
                world.sim.script(rule);
            }
        });
    }
}
