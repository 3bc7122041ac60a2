//! What happens to groups, functional accounts and resources.

use std::collections::BTreeSet;

use super::super::first_load::{across, some_residents};
use super::super::names;
use super::super::town::Town;
use super::{groups_here, other_context};

/// One joins, one leaves. The directory writes the group, and the user as well.
pub(super) fn change_members(town: &mut Town, context: u32) {
    let groups = groups_here(town, context);
    let Some(group) = town.one_of(&groups) else { return };
    let joins = some_residents(town, context, 1);
    let leaves = town.one_of(&town.groups[group].members.clone());
    if let Some(user) = leaves {
        town.groups[group].members.remove(&user);
        town.users[user].groups.remove(&group);
    }
    for user in &joins {
        town.groups[group].members.insert(*user);
        town.users[*user].groups.insert(group);
    }
    town.emit_group(group);
    for user in joins {
        town.emit_user(user);
    }
}

/// Another name, the members stay.
pub(super) fn rename_group(town: &mut Town, group: usize) {
    town.groups[group].name = town.names.team(&mut town.rng, "neu");
    town.emit_group(group);
}

pub(super) fn delete_group(town: &mut Town, group: usize) {
    town.groups[group].alive = false;
    for member in std::mem::take(&mut town.groups[group].members) {
        town.users[member].groups.remove(&group);
    }
    town.emit_group(group);
}

/// From OX group to none, or back.
pub(super) fn switch_group(town: &mut Town, group: usize) {
    town.groups[group].ox = !town.groups[group].ox;
    town.emit_group(group);
}

/// All members in one context leave at once; in others the group stays.
pub(super) fn empty_group_here(town: &mut Town, context: u32) {
    let spread: BTreeSet<usize> =
        groups_here(town, context).into_iter().filter(|g| is_spread(town, *g)).collect();
    let Some(group) = town.one_of(&spread) else { return };
    let residents = town.residents.get(&context).cloned().unwrap_or_default();
    let leaving: Vec<usize> =
        town.groups[group].members.intersection(&residents).copied().collect();
    for user in leaving {
        town.groups[group].members.remove(&user);
        town.users[user].groups.remove(&group);
    }
    town.emit_group(group);
}

fn is_spread(town: &Town, group: usize) -> bool {
    let contexts: BTreeSet<Option<u32>> =
        town.groups[group].members.iter().map(|user| town.users[*user].context).collect();
    contexts.len() > 1
}

/// Somebody of this context joins an account, somebody leaves it.
pub(super) fn change_account_members(town: &mut Town, context: u32) {
    let alive = (0..town.accounts.len()).filter(|a| town.accounts[*a].alive).collect();
    let Some(account) = town.one_of(&alive) else { return };
    let joins = some_residents(town, context, 1);
    if let Some(user) = town.one_of(&town.accounts[account].members.clone()) {
        town.accounts[account].members.remove(&user);
        town.users[user].accounts.remove(&account);
    }
    for user in joins {
        town.accounts[account].members.insert(user);
        town.users[user].accounts.insert(account);
    }
    town.emit_account(account);
}

pub(super) fn delete_account(town: &mut Town) {
    let alive = (0..town.accounts.len()).filter(|a| town.accounts[*a].alive).collect();
    let Some(account) = town.one_of(&alive) else { return };
    town.accounts[account].alive = false;
    for member in std::mem::take(&mut town.accounts[account].members) {
        town.users[member].accounts.remove(&account);
    }
    town.emit_account(account);
}

pub(super) fn new_account(town: &mut Town) {
    let members = across(town, 3, 3);
    let account = town.new_account(members);
    town.emit_account(account);
}

pub(super) fn change_resource(town: &mut Town, resource: usize) {
    let now = &mut town.resources[resource];
    now.description = now.description.is_none().then(|| "im Schrank \"links\"".to_owned());
    town.emit_resource(resource);
}

pub(super) fn move_resource(town: &mut Town, resource: usize) {
    let old = town.resources[resource].context;
    let Some(new) = other_context(town, old) else { return };
    town.resources[resource].context = new;
    town.emit_resource(resource);
}

pub(super) fn delete_resource(town: &mut Town, resource: usize) {
    town.resources[resource].alive = false;
    town.emit_resource(resource);
}

/// A group of people of one context, not yet written.
pub(super) fn new_group_of(town: &mut Town, context: u32, members: BTreeSet<usize>) -> usize {
    let name = town.names.team(&mut town.rng, &names::firm(context));
    town.new_group(name, members)
}
