//! What happens to people.

use std::collections::BTreeSet;

use rand::Rng;

use super::super::names;
use super::super::town::Town;
use super::{emit_with_namers, other_context};

/// New numbers, department, note, photo; some values go away.
pub(super) fn touch(town: &mut Town, user: usize) {
    let rng = &mut town.rng;
    let (phone, mobile) = (names::phone(rng), names::mobile(rng));
    let (department, note) = (names::department(rng), names::note(rng));
    let now = &mut town.users[user];
    match rng.random_range(0..7) {
        0 => now.phones = vec![phone],
        1 => now.phones.clear(),
        2 => now.mobile = now.mobile.is_none().then_some(mobile),
        3 => now.department = now.department.is_none().then_some(department),
        4 => now.note = now.note.is_none().then_some(note),
        5 => now.photo = Some(rng.random()),
        _ => now.home_server = now.home_server.is_none().then(|| "mail2.stadt.example".to_owned()),
    }
    // The same values in other forms must not count as other values.
    now.style = now.style.wrapping_add(rng.random());
    town.emit_user(user);
}

/// Marriage: new last name, login and address, the old address stays as an alias.
pub(super) fn rename(town: &mut Town, user: usize) {
    take_new_name(town, user);
    emit_with_namers(town, user);
}

fn take_new_name(town: &mut Town, user: usize) {
    let person = town.names.renamed(&town.users[user].person, &mut town.rng);
    let now = &mut town.users[user];
    let domain = now.primary.rsplit('@').next().unwrap_or("stadt.example");
    let address = format!("{}@{domain}", person.login);
    let old = std::mem::replace(&mut now.primary, address);
    now.aliases.push(old);
    now.person = person;
}

/// Another primary address, the old one stays as an alias.
pub(super) fn readdress(town: &mut Town, user: usize) {
    let now = &mut town.users[user];
    let address = format!("{}.{}@neu.example", now.person.login, now.aliases.len());
    let old = std::mem::replace(&mut now.primary, address);
    now.aliases.push(old);
    town.emit_user(user);
}

/// One gives up the primary address, the next one takes it.
pub(super) fn hand_over_address(town: &mut Town, context: u32) {
    let users = town.ox_users(context);
    let Some(giver) = town.one_of(&users) else { return };
    let rest = &users - &BTreeSet::from([giver]);
    let Some(taker) = town.one_of(&rest) else { return };
    let mut own = format!("{}.selbst@neu.example", town.users[giver].uuid);
    // Who gives a second time must not get back what he gives.
    while town.users.iter().any(|user| user.primary == own || user.aliases.contains(&own)) {
        own.insert(0, 'n');
    }
    let address = std::mem::replace(&mut town.users[giver].primary, own);
    town.emit_user(giver);
    town.users[taker].primary = address;
    town.emit_user(taker);
}

/// Into another context.
pub(super) fn relocate(town: &mut Town, user: usize) {
    let Some(old) = town.users[user].context else { return };
    let Some(new) = other_context(town, old) else { return };
    town.resettle(user, new);
    town.emit_user(user);
}

/// Into another context under another name, with one and the same change.
pub(super) fn relocate_renamed(town: &mut Town, user: usize) {
    let Some(old) = town.users[user].context else { return };
    let Some(new) = other_context(town, old) else { return };
    town.resettle(user, new);
    take_new_name(town, user);
    emit_with_namers(town, user);
}

/// Access is taken; the person and the memberships stay.
pub(super) fn revoke(town: &mut Town, user: usize) {
    town.users[user].ox = false;
    town.emit_user(user);
}

/// Whether this is somebody in a context without access.
pub(super) fn is_revoked(town: &Town, user: usize) -> bool {
    let user = &town.users[user];
    user.alive && !user.ox && user.context.is_some()
}

/// Access is given (back); no group or account is written, so they must be remembered.
pub(super) fn grant(town: &mut Town, user: usize) {
    town.users[user].ox = true;
    town.emit_user(user);
}

/// Another access profile.
pub(super) fn change_profile(town: &mut Town, user: usize) {
    town.users[user].profile = town.some_profile();
    town.emit_user(user);
}

/// The profile `none`: still a user of OX, but without rights and mail.
pub(super) fn take_all_rights(town: &mut Town, user: usize) {
    town.users[user].profile = "none";
    town.emit_user(user);
}

/// Somebody new, now and then named by a group before being there.
pub(super) fn hire(town: &mut Town, context: u32) {
    let user = town.new_user(Some(context), true);
    let groups = super::groups_here(town, context);
    let group = town.one_of(&groups);
    if let Some(group) = group {
        town.groups[group].members.insert(user);
        town.users[user].groups.insert(group);
    }
    emit_with_namers(town, user);
}

/// Somebody who is new and gone again within the wave.
pub(super) fn hire_and_fire(town: &mut Town, context: u32) {
    let user = town.new_user(Some(context), true);
    town.emit_user(user);
    delete(town, user);
}

/// Somebody leaves for good.
pub(super) fn delete(town: &mut Town, user: usize) {
    let (groups, accounts) = take_away(town, user);
    for group in groups {
        town.emit_group(group);
    }
    for account in accounts {
        town.emit_account(account);
    }
}

/// Takes a user away and writes that; answers the groups and accounts that named him, unwritten.
pub(super) fn take_away(town: &mut Town, user: usize) -> (BTreeSet<usize>, BTreeSet<usize>) {
    let now = &mut town.users[user];
    now.alive = false;
    now.ox = false;
    if let Some(context) = now.context {
        town.residents.entry(context).or_default().remove(&user);
    }
    let groups = std::mem::take(&mut town.users[user].groups);
    let accounts = std::mem::take(&mut town.users[user].accounts);
    for group in &groups {
        town.groups[*group].members.remove(&user);
    }
    for account in &accounts {
        town.accounts[*account].members.remove(&user);
    }
    town.emit_user(user);
    (groups, accounts)
}

/// Somebody leaves, and another one with the same login and address comes.
pub(super) fn replace(town: &mut Town, user: usize) {
    let old = town.users[user].clone();
    delete(town, user);
    let new = town.new_user_named(old.context, true, old.person);
    town.users[new].primary = old.primary;
    town.emit_user(new);
}
