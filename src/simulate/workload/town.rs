//! The directory that writes the files.

use std::collections::{BTreeMap, BTreeSet};

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use super::super::memory::VERSION;
use super::Item;
use super::newer::{Deputies, Newer};

pub(super) const BASE: &str = "dc=x,dc=example";
pub(super) const PEOPLE: [&str; 9] =
    ["anna", "ben", "cleo", "dora", "emil", "finn", "gina", "hugo", "ida"];
pub(super) const TEAMS: [&str; 5] = ["sales", "board", "cellar", "choir", "crew"];
pub(super) const THINGS: [&str; 4] = ["beamer", "car", "hall", "oven"];

pub(super) struct Context {
    pub(super) uuid: String,
    pub(super) quota: u64,
    pub(super) alive: bool,
}

pub(super) struct Person {
    pub(super) id: String,
    pub(super) name: &'static str,
    pub(super) context: u32,
    pub(super) ox: bool,
    pub(super) profile: &'static str,
    pub(super) mail: u32,
    pub(super) alias: Option<u32>,
    pub(super) phone: u32,
    pub(super) alive: bool,
    /// Names he had before.
    pub(super) former: Vec<&'static str>,
    /// Nothing more is written about him.
    pub(super) frozen: bool,
}

pub(super) struct Group {
    pub(super) id: String,
    pub(super) name: &'static str,
    pub(super) ox: bool,
    pub(super) members: BTreeSet<usize>,
    /// People of these names, whoever they will be.
    pub(super) ghosts: BTreeSet<&'static str>,
    pub(super) alive: bool,
}

pub(super) struct Thing {
    pub(super) id: String,
    pub(super) name: &'static str,
    pub(super) context: u32,
    pub(super) mail: u32,
    pub(super) alive: bool,
}

pub(super) struct Desk {
    pub(super) id: String,
    pub(super) mail: u32,
    pub(super) members: BTreeSet<usize>,
    pub(super) alive: bool,
}

pub(super) struct Profile {
    pub(super) name: &'static str,
    pub(super) rights: BTreeSet<&'static str>,
}

/// See the module's description.
pub(super) struct Town<'r> {
    pub(super) rng: &'r mut ChaCha8Rng,
    pub(super) contexts: BTreeMap<u32, Context>,
    pub(super) people: Vec<Person>,
    pub(super) groups: Vec<Group>,
    pub(super) things: Vec<Thing>,
    pub(super) desks: Vec<Desk>,
    pub(super) profiles: Vec<Profile>,
    pub(super) items: Vec<Item>,
    pub(super) moment: u32,
    /// What only newer servers have, if this is one.
    pub(super) newer: Option<Newer>,
    pub(super) deputies: Deputies,
    /// Addresses that nobody is to get any more.
    pub(super) kept_mails: BTreeSet<u32>,
    made: u32,
    written: u64,
    time_us: u64,
}

impl<'r> Town<'r> {
    pub(super) fn new(rng: &'r mut ChaCha8Rng, newer: Option<Newer>) -> Self {
        Self {
            rng,
            contexts: BTreeMap::new(),
            people: Vec::new(),
            groups: Vec::new(),
            things: Vec::new(),
            desks: Vec::new(),
            profiles: Vec::new(),
            items: Vec::new(),
            moment: 0,
            newer,
            deputies: Deputies::new(),
            kept_mails: BTreeSet::new(),
            made: 0,
            written: 0,
            time_us: 0,
        }
    }

    /// An id that nobody had before.
    pub(super) fn id(&mut self, kind: char) -> String {
        self.made += 1;
        format!("{kind}{}", self.made)
    }

    pub(super) fn one_of<T: Copy>(&mut self, of: &[T]) -> Option<T> {
        let index = (!of.is_empty()).then(|| self.rng.random_range(0..of.len()))?;
        of.get(index).copied()
    }

    pub(super) fn chance(&mut self, percent: u32) -> bool {
        self.rng.random_range(0..100) < percent
    }

    /// People about whom something may be written.
    pub(super) fn awake(&self) -> Vec<usize> {
        let awake = self.people.iter().enumerate().filter(|(_, p)| p.alive && !p.frozen);
        awake.map(|(index, _)| index).collect()
    }

    pub(super) fn open_contexts(&self) -> Vec<u32> {
        self.contexts.iter().filter(|(_, c)| c.alive).map(|(id, _)| *id).collect()
    }

    pub(super) fn free_person_name(&mut self) -> Option<&'static str> {
        let taken = |name: &&str| self.people.iter().any(|p| p.alive && p.name == *name);
        let free: Vec<&'static str> = PEOPLE.into_iter().filter(|name| !taken(name)).collect();
        self.one_of(&free)
    }

    /// A name that somebody may have one day; nobody who is there has ever had it.
    pub(super) fn future_name(&mut self) -> Option<&'static str> {
        let known = |name: &str| {
            self.people.iter().any(|p| p.alive && (p.name == name || p.former.contains(&name)))
        };
        let free: Vec<&'static str> = PEOPLE.into_iter().filter(|name| !known(name)).collect();
        self.one_of(&free)
    }

    /// A person has taken a name: groups that have named whoever has it name him.
    pub(super) fn answer_to(&mut self, person: usize) {
        let name = self.people[person].name;
        for group in &mut self.groups {
            if group.ghosts.remove(name) {
                group.members.insert(person);
            }
        }
    }

    pub(super) fn free_team_name(&mut self) -> Option<&'static str> {
        let taken = |name: &&str| self.groups.iter().any(|g| g.alive && g.name == *name);
        let free: Vec<&'static str> = TEAMS.into_iter().filter(|name| !taken(name)).collect();
        self.one_of(&free)
    }

    pub(super) fn free_thing_name(&mut self) -> Option<&'static str> {
        let taken = |name: &&str| self.things.iter().any(|t| t.alive && t.name == *name);
        let free: Vec<&'static str> = THINGS.into_iter().filter(|name| !taken(name)).collect();
        self.one_of(&free)
    }

    /// A mail address that nothing alive has.
    pub(super) fn free_mail(&mut self) -> u32 {
        let mut taken = self.kept_mails.clone();
        for person in self.people.iter().filter(|p| p.alive) {
            taken.insert(person.mail);
            taken.extend(person.alias);
        }
        taken.extend(self.things.iter().filter(|t| t.alive).map(|t| t.mail));
        taken.extend(self.desks.iter().filter(|d| d.alive).map(|d| d.mail));
        let free: Vec<u32> = (0..40).filter(|mail| !taken.contains(mail)).take(6).collect();
        self.one_of(&free).unwrap_or(99)
    }

    pub(super) fn emit_context(&mut self, context: u32) {
        let Some(now) = self.contexts.get(&context) else { return };
        let object = if now.alive {
            json!({
                "name": format!("ctx{context}"), "contextid": context, "oxQuota": now.quota,
            })
        } else {
            Value::Null
        };
        let id = now.uuid.clone();
        self.push(&id, "oxmail/oxcontext", &format!("cn=ctx{context},{BASE}"), object, false);
    }

    pub(super) fn emit_profile(&mut self, index: usize) {
        let profile = &self.profiles[index];
        let mut object = json!({ "name": profile.name });
        for right in &profile.rights {
            object[*right] = "TRUE".into();
        }
        let (id, dn) = (format!("p-{}", profile.name), format!("cn={},{BASE}", profile.name));
        self.push(&id, "oxmail/accessprofile", &dn, object, false);
    }

    pub(super) fn emit_person(&mut self, index: usize, harmless: bool) {
        let person = &self.people[index];
        let mut object = if person.alive {
            json!({
                "username": person.name,
                "firstname": person.name,
                "lastname": "x",
                "oxDisplayName": format!("The one and only {}", person.id),
                "isOxUser": person.ox,
                "oxContext": person.context.to_string(),
                "oxAccess": person.profile,
                "mailPrimaryAddress": address(person.mail),
                "mailAlternativeAddress": person.alias.map(address),
                "phone": [person.phone.to_string()],
            })
        } else {
            Value::Null
        };
        let (id, dn) = (person.id.clone(), person_dn(person.name));
        if let Some(deputies) = self.deputies_of(index).filter(|_| !object.is_null()) {
            object["oxDeputyPermissionGivenTo"] = deputies;
        }
        self.push(&id, "users/user", &dn, object, harmless);
    }

    pub(super) fn emit_group(&mut self, index: usize) {
        let group = &self.groups[index];
        let object = if group.alive {
            let members = group.members.iter().map(|member| person_dn(self.people[*member].name));
            let mut members: Vec<String> = members.collect();
            members.extend(group.ghosts.iter().map(|name| person_dn(name)));
            members.sort();
            members.dedup();
            json!({ "name": group.name, "isOxGroup": group.ox, "users": members })
        } else {
            Value::Null
        };
        let (id, dn) = (group.id.clone(), format!("cn={},cn=groups,{BASE}", group.name));
        self.push(&id, "groups/group", &dn, object, false);
    }

    pub(super) fn emit_thing(&mut self, index: usize) {
        let thing = &self.things[index];
        let object = if thing.alive {
            json!({
                "name": thing.name,
                "displayname": format!("The {}", thing.name),
                "resourceMailAddress": address(thing.mail),
                "oxContext": thing.context,
            })
        } else {
            Value::Null
        };
        let (id, dn) = (thing.id.clone(), format!("cn={},cn=things,{BASE}", thing.name));
        self.push(&id, "oxresources/oxresources", &dn, object, false);
    }

    pub(super) fn emit_desk(&mut self, index: usize) {
        let desk = &self.desks[index];
        let object = if desk.alive {
            let members = desk.members.iter().map(|member| person_dn(self.people[*member].name));
            let members: BTreeSet<String> = members.collect();
            json!({
                "name": format!("desk {}", desk.id),
                "mailPrimaryAddress": address(desk.mail),
                "users": members,
            })
        } else {
            Value::Null
        };
        let (id, dn) = (desk.id.clone(), format!("cn={},cn=desks,{BASE}", desk.id));
        self.push(&id, "oxmail/functional_account", &dn, object, false);
    }

    pub(super) fn push(
        &mut self,
        id: &str,
        kind: &str,
        dn: &str,
        mut object: Value,
        harmless: bool,
    ) {
        self.written += 1;
        if !object.is_null() {
            // Every object says in some field of its own which version it is.
            let version = format!("v{} {id}", self.written);
            let field = match kind {
                "users/user" => "oxNote",
                "oxresources/oxresources" => "description",
                "oxmail/functional_account" => "personal",
                "oxmail/shared_account" => "displayName",
                _ => VERSION,
            };
            object[VERSION] = version.clone().into();
            object[field] = version.into();
        }
        // Often several within a second, and some at the same moment but for their names.
        self.time_us +=
            if self.rng.random_bool(0.3) { 1 } else { self.rng.random_range(1..400_000) };
        let (seconds, micros) = (self.time_us / 1_000_000, self.time_us % 1_000_000);
        let name = format!(
            "2026-03-01-{:02}-{:02}-{:02}-{micros:06}.json",
            seconds / 3_600,
            seconds / 60 % 60,
            seconds % 60
        );
        let content = json!({
            "id": id, "udm_object_type": kind, "dn": dn, "object": object, "options": ["default"],
        });
        let moment = self.moment;
        self.items.push(Item { name, content, moment, harmless, broken: false });
    }
}

pub(super) fn person_dn(name: &str) -> String {
    format!("uid={name},cn=users,{BASE}")
}

pub(super) fn address(mail: u32) -> String {
    format!("m{mail}@x.example")
}
