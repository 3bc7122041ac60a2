//! Phase one: an empty OX is filled. Profiles, contexts, then users one by one in all contexts at
//! once, as a resync of a directory would deliver them; then what names them.

use std::collections::BTreeSet;

use rand::Rng;

use super::names::{self, Person};
use super::town::{Context, Profile, Town};

/// Profiles as shipped with the directory, and one of an administrator's own with a name that is
/// hard to keep in a properties file.
const PROFILES: &[(&str, &str, &[&str])] = &[
    ("none", "Login disabled", &[]),
    (
        "webmail",
        "Webmail",
        &["collectemailaddresses", "contacts", "multiplemailaccounts", "subscription", "webmail"],
    ),
    ("drive & mail", "Drive and mail", &["contacts", "infostore", "webmail"]),
    (
        "groupware",
        "Webmail, PIM, Groupware",
        &[
            "calendar",
            "collectemailaddresses",
            "contacts",
            "delegatetask",
            "editpublicfolders",
            "infostore",
            "multiplemailaccounts",
            "readcreatesharedfolders",
            "subscription",
            "tasks",
            "webmail",
        ],
    ),
    (
        "premium",
        "Webmail, PIM, Groupware, WebDAV",
        &[
            "calendar",
            "collectemailaddresses",
            "contacts",
            "delegatetask",
            "editpublicfolders",
            "ical",
            "infostore",
            "multiplemailaccounts",
            "readcreatesharedfolders",
            "subscription",
            "tasks",
            "usm",
            "vcard",
            "webdav",
            "webdavxml",
            "webmail",
        ],
    ),
];

pub(super) fn run(town: &mut Town) {
    profiles(town);
    contexts(town);
    users(town);
    groups(town);
    accounts(town);
    resources(town);
}

fn profiles(town: &mut Town) {
    for (name, shown, rights) in PROFILES {
        let uuid = town.uuid();
        town.profiles.push(Profile { uuid, name, shown, rights: rights.to_vec() });
        town.emit_profile(town.profiles.len() - 1);
    }
}

fn contexts(town: &mut Town) {
    for context in town.first_contexts() {
        add_context(town, context);
        town.emit_context(context);
    }
}

/// A context as of now in the directory; not yet written.
pub(super) fn add_context(town: &mut Town, context: u32) {
    let quota = town.chance(70).then(|| 1_000 * town.rng.random_range(1..50));
    let uuid = town.uuid();
    town.contexts.insert(context, Context { uuid, quota });
}

fn users(town: &mut Town) {
    let (contexts, count) = (town.first_contexts(), town.params.users.max(1));
    for round in 0..count {
        for context in contexts.clone() {
            let user = town.new_user(Some(context), true);
            town.emit_user(user);
            // One in some twenty-five people has no use for OX; there is always one in the first.
            let outsider = round % 25 == 24 || (round == 0 && context == contexts.start);
            if outsider {
                let user = town.new_user(Some(context), false);
                town.emit_user(user);
            }
        }
    }
    for _ in 0..=contexts.len() / 20 {
        let user = town.new_user(None, true);
        town.emit_user(user);
    }
    // Somebody who is called like the administrator of a context: not ours to touch.
    let person = Person {
        first: "OX".to_owned(),
        last: "Admin".to_owned(),
        display: "OX Admin".to_owned(),
        login: format!("oxadmin-context{}", contexts.start),
    };
    let user = town.new_user_named(Some(contexts.start), true, person);
    town.emit_user(user);
    // He is in the queue, and that is all: no change of the wave shall pick him.
    town.residents.entry(contexts.start).or_default().remove(&user);
}

/// Some residents of a context, at most `count`.
pub(super) fn some_residents(town: &mut Town, context: u32, count: usize) -> BTreeSet<usize> {
    let residents = town.residents.get(&context).cloned().unwrap_or_default();
    (0..count).filter_map(|_| town.one_of(&residents)).collect()
}

fn groups(town: &mut Town) {
    let contexts: Vec<u32> = town.first_contexts().collect();
    for context in &contexts {
        for _ in 0..=town.params.users / 12 {
            let count = town.rng.random_range(1..9);
            let members = some_residents(town, *context, count);
            let name = town.names.team(&mut town.rng, &names::firm(*context));
            let group = town.new_group(name, members);
            town.emit_group(group);
        }
    }
    for _ in 0..=contexts.len() / 4 {
        let members = across(town, 4, 5);
        let name = town.names.team(&mut town.rng, "alle Häuser");
        let group = town.new_group(name, members);
        town.emit_group(group);
    }
    for _ in 0..=contexts.len() / 20 {
        let members = across(town, 2, 3);
        let name = town.names.team(&mut town.rng, "nur Post");
        let group = town.new_group(name, members);
        town.groups[group].ox = false;
        town.emit_group(group);
    }
    // The reserved name: OX has a group of its own that is called so.
    let members = across(town, 2, 3);
    let group = town.new_group("users".to_owned(), members);
    town.emit_group(group);
}

/// People of up to `contexts` contexts, up to `each` from every one.
pub(super) fn across(town: &mut Town, contexts: usize, each: usize) -> BTreeSet<usize> {
    let all: Vec<u32> = town.contexts.keys().copied().collect();
    let mut members = BTreeSet::new();
    for _ in 0..contexts {
        let context = all[town.rng.random_range(0..all.len())];
        let count = town.rng.random_range(1..=each);
        members.extend(some_residents(town, context, count));
    }
    members
}

fn accounts(town: &mut Town) {
    for _ in 0..=town.params.contexts / 5 {
        let members = across(town, 3, 3);
        let account = town.new_account(members);
        town.emit_account(account);
    }
}

fn resources(town: &mut Town) {
    for context in town.first_contexts() {
        for _ in 0..=town.params.users / 50 {
            let resource = town.new_resource(context);
            town.emit_resource(resource);
        }
    }
}
