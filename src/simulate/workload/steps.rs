//! What happens in the town.

use std::collections::BTreeSet;

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::Item;
use super::town::{Context, Desk, Group, PEOPLE, Person, Profile, TEAMS, THINGS, Thing, Town};

const RIGHTS: [&str; 6] = ["webmail", "contacts", "calendar", "tasks", "infostore", "webdav"];

/// A context and the name of an object that may well be in it some time.
pub(super) fn somebody(rng: &mut ChaCha8Rng) -> (u32, String) {
    let context = 10 * rng.random_range(1..4);
    let names: Vec<&str> = PEOPLE.into_iter().chain(TEAMS).chain(THINGS).collect();
    (context, names[rng.random_range(0..names.len())].to_owned())
}

impl Town<'_> {
    /// Everything the town writes in its time.
    pub(super) fn live(mut self) -> Vec<Item> {
        self.first_load();
        for _ in 0..self.rng.random_range(5..45) {
            if self.chance(60) {
                self.moment += 1;
            }
            self.step();
            self.newer_step();
        }
        self.break_one();
        self.items
    }

    fn first_load(&mut self) {
        for (name, rights) in [("mail", &RIGHTS[..2]), ("all", &RIGHTS[..])] {
            self.profiles.push(Profile { name, rights: rights.iter().copied().collect() });
            self.emit_profile(self.profiles.len() - 1);
        }
        for _ in 0..self.rng.random_range(2..5) {
            self.new_context();
        }
        for _ in 0..self.rng.random_range(2..6) {
            self.new_person();
        }
        for _ in 0..self.rng.random_range(0..3) {
            self.new_group();
        }
        for _ in 0..self.rng.random_range(0..2) {
            self.new_thing();
        }
        for _ in 0..self.rng.random_range(0..2) {
            self.new_desk();
        }
    }

    fn step(&mut self) {
        match self.rng.random_range(0..100) {
            0..12 => self.with_person(Self::touch),
            12..19 => self.with_person(Self::rename),
            19..24 => self.with_person(Self::readdress),
            24..27 => self.hand_over(),
            27..36 => self.with_person(Self::relocate),
            36..43 => self.with_person(Self::switch),
            43..46 => self.with_person(Self::regrade),
            46..51 => self.with_person(Self::remove),
            51..55 => self.with_person(Self::replace),
            55..61 => self.new_person(),
            61..63 => self.hire_and_fire(),
            63..66 => self.with_person(Self::burst),
            66..74 => self.change_group(),
            74..77 => self.new_group(),
            77..82 => self.change_thing(),
            82..84 => self.new_thing(),
            84..89 => self.change_desk(),
            89..91 => self.new_desk(),
            91..94 => self.change_quota(),
            94..96 => self.redefine(),
            96..98 => self.rebuild_context(),
            _ => self.new_context(),
        }
    }

    fn with_person(&mut self, change: fn(&mut Self, usize)) {
        let awake = self.awake();
        if let Some(person) = self.one_of(&awake) {
            change(self, person);
        }
    }

    fn new_context(&mut self) {
        let id = 10 * (u32::try_from(self.contexts.len()).unwrap_or_default() + 1);
        if id > 50 {
            return;
        }
        let uuid = self.id('c');
        let quota = self.rng.random_range(1..9) * 100;
        self.contexts.insert(id, Context { uuid, quota, alive: true });
        self.emit_context(id);
    }

    fn new_person(&mut self) {
        let open = self.open_contexts();
        let (Some(name), Some(context)) = (self.free_person_name(), self.one_of(&open)) else {
            return;
        };
        let ox = self.chance(85);
        self.add_person(name, context, ox);
        self.emit_person(self.people.len() - 1, false);
    }

    fn add_person(&mut self, name: &'static str, context: u32, ox: bool) {
        let profile = ["mail", "all", "none"][self.rng.random_range(0..3)];
        let mail = self.free_mail();
        let id = self.id('u');
        let phone = self.rng.random_range(100..999);
        self.people.push(Person {
            id,
            name,
            context,
            ox,
            profile,
            mail,
            alias: None,
            phone,
            alive: true,
            former: Vec::new(),
            frozen: false,
        });
        self.answer_to(self.people.len() - 1);
    }

    fn touch(&mut self, person: usize) {
        self.people[person].phone = self.rng.random_range(100..999);
        self.emit_person(person, true);
    }

    fn burst(&mut self, person: usize) {
        for _ in 0..self.rng.random_range(5..25) {
            self.touch(person);
        }
    }

    fn rename(&mut self, person: usize) {
        let Some(name) = self.free_person_name() else { return };
        self.take_name(person, name);
        if self.chance(40) {
            let old = self.people[person].mail;
            self.people[person].mail = self.free_mail();
            if self.chance(40) {
                self.people[person].alias = Some(old);
            }
        }
        self.emit_with_namers(person);
    }

    fn take_name(&mut self, person: usize, name: &'static str) {
        let old = std::mem::replace(&mut self.people[person].name, name);
        self.people[person].former.push(old);
        self.answer_to(person);
    }

    /// A person, and the groups and desks that name him; they may come before him.
    fn emit_with_namers(&mut self, person: usize) {
        let first = self.chance(25);
        if first {
            self.emit_namers(person);
        }
        self.emit_person(person, false);
        if !first {
            self.emit_namers(person);
        }
    }

    fn emit_namers(&mut self, person: usize) {
        for other in self.deputised_by(person) {
            self.emit_person(other, false);
        }
        for group in 0..self.groups.len() {
            if self.groups[group].alive && self.groups[group].members.contains(&person) {
                self.emit_group(group);
            }
        }
        for desk in 0..self.desks.len() {
            if self.desks[desk].alive && self.desks[desk].members.contains(&person) {
                self.emit_desk(desk);
            }
        }
    }

    fn readdress(&mut self, person: usize) {
        let mail = self.free_mail();
        let old = std::mem::replace(&mut self.people[person].mail, mail);
        self.people[person].alias = self.chance(40).then_some(old);
        self.emit_person(person, false);
    }

    /// One gives up an address, another one takes it.
    fn hand_over(&mut self) {
        let awake = self.awake();
        let (Some(giver), Some(taker)) = (self.one_of(&awake), self.one_of(&awake)) else { return };
        if giver == taker {
            return;
        }
        let mail = self.free_mail();
        let given = std::mem::replace(&mut self.people[giver].mail, mail);
        self.emit_person(giver, false);
        self.people[taker].mail = given;
        self.emit_person(taker, false);
    }

    fn relocate(&mut self, person: usize) {
        let from = self.people[person].context;
        let others: Vec<u32> =
            self.open_contexts().into_iter().filter(|context| *context != from).collect();
        let Some(context) = self.one_of(&others) else { return };
        self.people[person].context = context;
        if self.chance(20)
            && let Some(name) = self.free_person_name()
        {
            self.take_name(person, name);
            self.emit_with_namers(person);
        } else {
            self.emit_person(person, false);
        }
        // There and back again.
        if self.chance(25) && self.contexts.get(&from).is_some_and(|context| context.alive) {
            self.people[person].context = from;
            self.emit_person(person, false);
        }
    }

    fn switch(&mut self, person: usize) {
        self.people[person].ox ^= true;
        self.emit_person(person, false);
        if self.chance(30) {
            self.people[person].ox ^= true;
            self.emit_person(person, false);
        }
    }

    fn regrade(&mut self, person: usize) {
        self.people[person].profile = ["mail", "all", "none"][self.rng.random_range(0..3)];
        self.emit_person(person, false);
    }

    /// Takes a person away; most directories then write the groups that named him.
    fn remove(&mut self, person: usize) {
        self.people[person].alive = false;
        let tidy = self.chance(75);
        let name = self.people[person].name;
        let mut groups = Vec::new();
        for (index, group) in self.groups.iter_mut().enumerate() {
            if group.members.remove(&person) && group.alive {
                if tidy {
                    groups.push(index);
                } else {
                    // The entry stays as it was written, with his DN in it.
                    group.ghosts.insert(name);
                }
            }
        }
        let mut desks = Vec::new();
        for (index, desk) in self.desks.iter_mut().enumerate() {
            if desk.members.remove(&person) && desk.alive {
                desks.push(index);
            }
        }
        self.emit_person(person, false);
        for other in self.no_deputy_any_more(person) {
            self.emit_person(other, false);
        }
        for group in groups {
            self.emit_group(group);
        }
        for desk in desks {
            self.emit_desk(desk);
        }
    }

    /// Deleted, and made again under the same name with a new id; maybe elsewhere.
    fn replace(&mut self, person: usize) {
        let (name, mut context) = (self.people[person].name, self.people[person].context);
        self.remove(person);
        if self.chance(30) {
            let open = self.open_contexts();
            context = self.one_of(&open).unwrap_or(context);
        }
        if self.contexts.get(&context).is_some_and(|context| context.alive) {
            self.add_person(name, context, true);
            self.emit_person(self.people.len() - 1, false);
        }
    }

    fn hire_and_fire(&mut self) {
        let before = self.people.len();
        self.new_person();
        if self.people.len() > before {
            if self.chance(50) {
                self.touch(before);
            }
            self.remove(before);
        }
    }

    fn some_people(&mut self) -> BTreeSet<usize> {
        let alive: Vec<usize> =
            (0..self.people.len()).filter(|index| self.people[*index].alive).collect();
        alive.into_iter().filter(|_| self.rng.random_bool(0.5)).collect()
    }

    fn new_group(&mut self) {
        let Some(name) = self.free_team_name() else { return };
        let members = self.some_people();
        let mut ghosts = BTreeSet::new();
        if self.chance(30) {
            ghosts.extend(self.future_name());
        }
        let (id, ox) = (self.id('g'), self.chance(90));
        self.groups.push(Group { id, name, ox, members, ghosts, alive: true });
        self.emit_group(self.groups.len() - 1);
    }

    fn change_group(&mut self) {
        let alive: Vec<usize> =
            (0..self.groups.len()).filter(|index| self.groups[*index].alive).collect();
        let Some(group) = self.one_of(&alive) else { return };
        match self.rng.random_range(0..10) {
            0 => {
                if let Some(name) = self.free_team_name() {
                    self.groups[group].name = name;
                }
            }
            1 => self.groups[group].ox ^= true,
            2 => self.groups[group].alive = false,
            3 => self.groups[group].members.clear(),
            4 => self.groups[group].ghosts.clear(),
            5 => {
                // Many small changes in a row.
                for _ in 0..self.rng.random_range(3..12) {
                    self.groups[group].members = self.some_people();
                    self.emit_group(group);
                }
            }
            _ => self.groups[group].members = self.some_people(),
        }
        self.emit_group(group);
    }

    fn new_thing(&mut self) {
        let open = self.open_contexts();
        let (Some(name), Some(context)) = (self.free_thing_name(), self.one_of(&open)) else {
            return;
        };
        let (id, mail) = (self.id('r'), self.free_mail());
        self.things.push(Thing { id, name, context, mail, alive: true });
        self.emit_thing(self.things.len() - 1);
    }

    fn change_thing(&mut self) {
        let open = self.open_contexts();
        let awake: Vec<usize> = (0..self.things.len())
            .filter(|index| {
                let thing = &self.things[*index];
                thing.alive && open.contains(&thing.context)
            })
            .collect();
        let Some(thing) = self.one_of(&awake) else { return };
        match self.rng.random_range(0..6) {
            0 => {
                if let Some(name) = self.free_thing_name() {
                    self.things[thing].name = name;
                }
            }
            1 => self.things[thing].mail = self.free_mail(),
            2 => self.things[thing].alive = false,
            3 => {
                if let Some(context) = self.one_of(&open) {
                    self.things[thing].context = context;
                }
            }
            _ => {}
        }
        self.emit_thing(thing);
    }

    fn new_desk(&mut self) {
        let (id, mail) = (self.id('d'), self.free_mail());
        let members = self.some_people();
        self.desks.push(Desk { id, mail, members, alive: true });
        self.emit_desk(self.desks.len() - 1);
    }

    fn change_desk(&mut self) {
        let alive: Vec<usize> =
            (0..self.desks.len()).filter(|index| self.desks[*index].alive).collect();
        let Some(desk) = self.one_of(&alive) else { return };
        match self.rng.random_range(0..6) {
            0 => self.desks[desk].mail = self.free_mail(),
            1 => self.desks[desk].alive = false,
            2 => {}
            _ => self.desks[desk].members = self.some_people(),
        }
        self.emit_desk(desk);
    }

    fn change_quota(&mut self) {
        let open = self.open_contexts();
        let Some(context) = self.one_of(&open) else { return };
        let quota = self.rng.random_range(1..9) * 100;
        if let Some(context) = self.contexts.get_mut(&context) {
            context.quota = quota;
        }
        self.emit_context(context);
    }

    fn redefine(&mut self) {
        let profile = self.rng.random_range(0..self.profiles.len());
        let right = RIGHTS[self.rng.random_range(1..RIGHTS.len())];
        let rights = &mut self.profiles[profile].rights;
        if !rights.remove(right) {
            rights.insert(right);
        }
        self.emit_profile(profile);
    }

    /// A context is emptied, deleted, and mostly made anew under the same number.
    fn rebuild_context(&mut self) {
        let open = self.open_contexts();
        let Some(context) = self.one_of(&open).filter(|_| open.len() > 1) else { return };
        let here: Vec<usize> = self
            .awake()
            .into_iter()
            .filter(|index| self.people[*index].context == context)
            .collect();
        let mut left = Vec::new();
        for person in here {
            match self.rng.random_range(0..3) {
                0 => self.relocate_from(person, context),
                1 => self.remove(person),
                _ => {
                    self.people[person].frozen = true;
                    left.push(person);
                }
            }
        }
        for thing in 0..self.things.len() {
            if self.things[thing].alive && self.things[thing].context == context && self.chance(60)
            {
                self.things[thing].alive = false;
                self.emit_thing(thing);
            }
        }
        if let Some(gone) = self.contexts.get_mut(&context) {
            gone.alive = false;
        }
        self.emit_context(context);
        if self.chance(75) {
            let (uuid, quota) = (self.id('c'), self.rng.random_range(1..9) * 100);
            self.contexts.insert(context, Context { uuid, quota, alive: true });
            self.emit_context(context);
            // Who was left behind is written again some time, or never.
            for person in left {
                self.people[person].frozen = false;
                if self.chance(50) {
                    self.touch(person);
                }
            }
        }
    }

    fn relocate_from(&mut self, person: usize, context: u32) {
        let others: Vec<u32> =
            self.open_contexts().into_iter().filter(|other| *other != context).collect();
        if let Some(other) = self.one_of(&others) {
            self.people[person].context = other;
            self.emit_person(person, false);
        }
    }

    /// Now and then a file cannot be read at first. It is the only one of its object, for nobody
    /// can tell whose it is.
    fn break_one(&mut self) {
        // What was written for a context's last life must not come after its end.
        let closed = |item: &Item| {
            item.content["object"].is_null()
                && item.content["udm_object_type"] == "oxmail/oxcontext"
        };
        if !self.chance(15) || self.items.iter().any(closed) {
            return;
        }
        let only = |item: &&Item| {
            let same = |other: &&Item| other.content["id"] == item.content["id"];
            item.content["udm_object_type"] == "users/user"
                && !item.content["object"].is_null()
                && self.items.iter().filter(same).count() == 1
        };
        let names: Vec<String> = self.items.iter().filter(only).map(|i| i.name.clone()).collect();
        if names.is_empty() {
            return;
        }
        let name = &names[self.rng.random_range(0..names.len())];
        for item in self.items.iter_mut().filter(|item| item.name == *name) {
            item.broken = true;
        }
    }
}
