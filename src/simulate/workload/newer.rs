//! What only newer servers have: shared accounts, who may use them, deputies.
//!
//! It draws from a stream of its own, so that the same seed without it is the same scenario as ever.

use std::collections::{BTreeMap, BTreeSet};

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use super::town::{BASE, Town, address, person_dn};

const NAMES: [&str; 4] = ["info", "press", "shop", "desk"];
const LEVELS: [&str; 3] = ["viewer", "editor", "author"];
const CODES: [&str; 3] = ["02400", "02440", "08444"];

/// Addresses of shared accounts are these and the next ones, which nobody else has.
const FIRST_MAIL: u32 = 60;

/// How often something of it happens, in percent of all other steps.
const OFTEN: u32 = 45;

pub(super) struct Permission {
    id: String,
    mail: &'static str,
    alive: bool,
}

pub(super) struct Shared {
    id: String,
    name: &'static str,
    context: u32,
    mail: u32,
    /// By number of the permission.
    users: BTreeMap<usize, usize>,
    groups: BTreeMap<usize, usize>,
    alive: bool,
}

/// See the module's description.
pub(super) struct Newer {
    rng: ChaCha8Rng,
    permissions: Vec<Permission>,
    shared: Vec<Shared>,
}

/// Deputies of people, and how far they may go: figures, and whether on behalf.
pub(super) type Deputies = BTreeMap<usize, BTreeMap<usize, (usize, bool)>>;

impl Newer {
    pub(super) fn new(rng: ChaCha8Rng) -> Self {
        Self { rng, permissions: Vec::new(), shared: Vec::new() }
    }

    fn one_of<T: Copy>(&mut self, of: &[T]) -> Option<T> {
        let index = (!of.is_empty()).then(|| self.rng.random_range(0..of.len()))?;
        of.get(index).copied()
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.rng.random_range(0..100) < percent
    }

    /// Some of the first so many, each with a permission.
    fn some(&mut self, of: usize) -> BTreeMap<usize, usize> {
        let permissions = self.permissions.len().max(1);
        let mut some = BTreeMap::new();
        for one in 0..of {
            if self.rng.random_bool(0.4) {
                some.insert(one, self.rng.random_range(0..permissions));
            }
        }
        some
    }
}

impl Town<'_> {
    /// What comes after a step of the town's own.
    pub(super) fn newer_step(&mut self) {
        let Some(mut newer) = self.newer.take() else { return };
        if newer.permissions.is_empty() {
            for _ in 0..2 {
                self.new_permission(&mut newer);
            }
        }
        if newer.chance(OFTEN) {
            match newer.rng.random_range(0..10) {
                0 | 1 => self.new_shared(&mut newer),
                2..5 => self.change_shared(&mut newer),
                5 => self.change_permission(&mut newer),
                6 => self.share_a_desk(&mut newer),
                _ => self.deputise(&mut newer),
            }
        }
        self.newer = Some(newer);
    }

    fn new_permission(&mut self, newer: &mut Newer) {
        let id = self.id('q');
        let mail = LEVELS[newer.permissions.len() % LEVELS.len()];
        newer.permissions.push(Permission { id, mail, alive: true });
        self.emit_permission(newer, newer.permissions.len() - 1);
    }

    fn change_permission(&mut self, newer: &mut Newer) {
        let index = newer.rng.random_range(0..newer.permissions.len());
        let mail = LEVELS[newer.rng.random_range(0..LEVELS.len())];
        // One that is gone comes back under the same id: nobody else could be meant by it.
        let goes = newer.chance(20);
        if let Some(permission) = newer.permissions.get_mut(index) {
            if goes && !permission.alive {
                return;
            }
            (permission.mail, permission.alive) = (mail, !goes);
        }
        self.emit_permission(newer, index);
    }

    fn emit_permission(&mut self, newer: &Newer, index: usize) {
        let Some(permission) = newer.permissions.get(index) else { return };
        let name = &permission.id;
        let object = if permission.alive {
            json!({ "name": name, "displayName": name, "mail": permission.mail, "calendar": "none" })
        } else {
            Value::Null
        };
        let dn = format!("cn={name},cn=permissions,{BASE}");
        self.push(&permission.id, "oxmail/shared_account_permission", &dn, object, false);
    }

    fn new_shared(&mut self, newer: &mut Newer) {
        let taken = |name: &&str| newer.shared.iter().any(|s| s.alive && s.name == *name);
        let free: Vec<&'static str> = NAMES.into_iter().filter(|name| !taken(name)).collect();
        let open = self.open_contexts();
        let (Some(name), Some(context)) = (newer.one_of(&free), newer.one_of(&open)) else {
            return;
        };
        let Some(mail) = free_mail(newer) else { return };
        let (users, groups) = (newer.some(self.people.len()), newer.some(self.groups.len()));
        let id = self.id('s');
        newer.shared.push(Shared { id, name, context, mail, users, groups, alive: true });
        self.emit_shared(newer, newer.shared.len() - 1, None);
    }

    fn change_shared(&mut self, newer: &mut Newer) {
        let open = self.open_contexts();
        let awake: Vec<usize> = (0..newer.shared.len())
            .filter(|index| {
                let shared = &newer.shared[*index];
                shared.alive && open.contains(&shared.context)
            })
            .collect();
        let Some(index) = newer.one_of(&awake) else { return };
        let (users, groups) = (newer.some(self.people.len()), newer.some(self.groups.len()));
        let mail = free_mail(newer);
        let taken: BTreeSet<&str> =
            newer.shared.iter().filter(|s| s.alive).map(|s| s.name).collect();
        let free: Vec<&'static str> =
            NAMES.into_iter().filter(|name| !taken.contains(name)).collect();
        let name = newer.one_of(&free);
        let what = newer.rng.random_range(0..8);
        let shared = &mut newer.shared[index];
        match what {
            0 => shared.alive = false,
            1 => shared.mail = mail.unwrap_or(shared.mail),
            2 => shared.name = name.unwrap_or(shared.name),
            3 | 4 => shared.users = users,
            5 => shared.groups = groups,
            6 => (shared.users, shared.groups) = (BTreeMap::new(), BTreeMap::new()),
            _ => {}
        }
        self.emit_shared(newer, index, None);
    }

    /// A functional account becomes a shared one: the address goes from one to the other.
    fn share_a_desk(&mut self, newer: &mut Newer) {
        let desks: Vec<usize> =
            (0..self.desks.len()).filter(|index| self.desks[*index].alive).collect();
        let before = newer.shared.len();
        let Some(desk) = newer.one_of(&desks) else { return };
        self.new_shared(newer);
        let Some(shared) = newer.shared.get_mut(before) else { return };
        shared.users = self.desks[desk].members.iter().map(|person| (*person, 0)).collect();
        let spare = shared.mail;
        // It has come under an address that is its own; now the members, then the real address.
        self.emit_shared(newer, before, Some(spare));
        self.desks[desk].alive = false;
        let real = self.desks[desk].mail;
        self.emit_desk(desk);
        self.kept_mails.insert(real);
        self.emit_shared(newer, before, Some(real));
        newer.shared[before].mail = real;
    }

    fn emit_shared(&mut self, newer: &Newer, index: usize, mail: Option<u32>) {
        let Some(shared) = newer.shared.get(index) else { return };
        let permission = |with: &usize| newer.permissions.get(*with).map(|p| p.id.clone());
        let object = if shared.alive {
            let people = shared.users.iter().filter_map(|(person, with)| {
                Some(json!([self.people.get(*person)?.id, permission(with)?]))
            });
            let groups = shared.groups.iter().filter_map(|(group, with)| {
                Some(json!([self.groups.get(*group)?.id, permission(with)?]))
            });
            json!({
                "name": shared.name,
                "oxContext": shared.context.to_string(),
                "mailPrimaryAddress": address(mail.unwrap_or(shared.mail)),
                "users": people.collect::<Vec<_>>(),
                "groups": groups.collect::<Vec<_>>(),
            })
        } else {
            Value::Null
        };
        let dn = format!("cn={},cn=shared,{BASE}", shared.name);
        self.push(&shared.id, "oxmail/shared_account", &dn, object, false);
    }

    /// Somebody gets a deputy, or another kind of one, or loses one.
    fn deputise(&mut self, newer: &mut Newer) {
        let open = self.open_contexts();
        let mut awake = self.awake();
        awake.retain(|person| open.contains(&self.people[*person].context));
        let (Some(person), Some(deputy)) = (newer.one_of(&awake), newer.one_of(&awake)) else {
            return;
        };
        if person == deputy {
            return;
        }
        let (level, behalf) = (newer.rng.random_range(0..CODES.len()), newer.chance(50));
        let goes = newer.chance(40);
        let own = self.deputies.entry(person).or_default();
        if own.remove(&deputy).is_none() || !goes {
            own.insert(deputy, (level, behalf));
        }
        self.emit_person(person, false);
    }

    /// What a person's object says of his deputies.
    pub(super) fn deputies_of(&self, person: usize) -> Option<Value> {
        let own = self.deputies.get(&person)?;
        let entries = own.iter().filter_map(|(deputy, (level, behalf))| {
            let deputy = self.people.get(*deputy).filter(|deputy| deputy.alive)?;
            Some(json!([person_dn(deputy.name), CODES.get(*level)?, "00000", *behalf]))
        });
        Some(entries.collect())
    }

    /// Those who name a person as their deputy, and are to be written when he has another DN.
    pub(super) fn deputised_by(&self, deputy: usize) -> Vec<usize> {
        let naming = self.deputies.iter().filter(|(_, own)| own.contains_key(&deputy));
        let alive = |person: &usize| {
            self.people.get(*person).is_some_and(|person| person.alive && !person.frozen)
        };
        naming.map(|(person, _)| *person).filter(alive).collect()
    }

    /// A person is gone: nobody names him any more.
    pub(super) fn no_deputy_any_more(&mut self, deputy: usize) -> Vec<usize> {
        let by = self.deputised_by(deputy);
        self.deputies.remove(&deputy);
        for own in self.deputies.values_mut() {
            own.remove(&deputy);
        }
        by
    }
}

fn free_mail(newer: &mut Newer) -> Option<u32> {
    let taken: BTreeSet<u32> = newer.shared.iter().filter(|s| s.alive).map(|s| s.mail).collect();
    let free: Vec<u32> =
        (FIRST_MAIL..FIRST_MAIL + 8).filter(|mail| !taken.contains(mail)).take(3).collect();
    newer.one_of(&free)
}
