//! Phase two: a wave of changes over what is there, from all contexts at once and in no order but
//! the one in which things happened to the people.
//!
//! Each change is a function that alters the town and writes what the directory would write: the
//! object itself, then (referential integrity) the groups and functional accounts that name it.

mod contexts;
mod people;
mod things;

use std::collections::BTreeSet;

use rand::Rng;
use rand::seq::{IndexedRandom, SliceRandom};

use super::town::Town;

/// One change that the wave makes, in or around a context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    TouchUser,
    RenameUser,
    Readdress,
    HandOverAddress,
    MoveUser,
    MoveAndRenameUser,
    RevokeUser,
    GrantUser,
    SwapProfile,
    TakeAllRights,
    HireUser,
    HireAndFireUser,
    DeleteUser,
    ReplaceUser,
    SwapMembers,
    RenameGroup,
    DeleteGroup,
    SwitchGroup,
    EmptyGroupHere,
    SwapAccountMembers,
    DeleteAccount,
    NewAccount,
    TouchResource,
    MoveResource,
    DeleteResource,
    SetQuota,
    RedefineProfile,
    OpenContextLate,
    RebuildContext,
}

/// How often each change happens in one context: so many times for a hundred users, and in so many
/// of a hundred contexts once more.
const RATES: &[(Change, u32, u32)] = &[
    (Change::TouchUser, 6, 50),
    (Change::RenameUser, 2, 30),
    (Change::Readdress, 4, 30),
    (Change::HandOverAddress, 0, 10),
    (Change::MoveUser, 2, 30),
    (Change::MoveAndRenameUser, 1, 20),
    (Change::RevokeUser, 2, 30),
    (Change::GrantUser, 2, 30),
    (Change::SwapProfile, 2, 30),
    (Change::TakeAllRights, 1, 15),
    (Change::HireUser, 2, 30),
    (Change::HireAndFireUser, 1, 20),
    (Change::DeleteUser, 2, 20),
    (Change::ReplaceUser, 0, 10),
    (Change::SwapMembers, 2, 60),
    (Change::RenameGroup, 0, 30),
    (Change::DeleteGroup, 0, 15),
    (Change::SwitchGroup, 0, 10),
    (Change::EmptyGroupHere, 0, 15),
    (Change::SwapAccountMembers, 0, 20),
    (Change::DeleteAccount, 0, 2),
    (Change::NewAccount, 0, 4),
    (Change::TouchResource, 0, 40),
    (Change::MoveResource, 0, 20),
    (Change::DeleteResource, 0, 15),
    (Change::SetQuota, 0, 40),
    (Change::RedefineProfile, 0, 1),
    (Change::OpenContextLate, 0, 4),
    (Change::RebuildContext, 0, 3),
];

pub(super) fn run(town: &mut Town) {
    let mut changes = Vec::new();
    for context in town.first_contexts() {
        for (change, for_hundred_users, in_hundred_contexts) in RATES {
            // However small the workload is, every kind of change comes once; in the first context,
            // or in the last if it would leave little there for the others.
            let all = town.first_contexts();
            let chosen = if *change == Change::RebuildContext { all.end - 1 } else { all.start };
            let mut times = u32::from(context == chosen);
            times = times.max(town.params.users * for_hundred_users / 100);
            times += u32::from(town.chance(*in_hundred_contexts));
            changes.extend((0..times).map(|_| (*change, context)));
        }
    }
    changes.shuffle(&mut town.rng);
    for (change, context) in changes {
        apply(town, change, context);
    }
    // Half of those whose access was taken get it back before the day is over.
    let revoked: Vec<usize> =
        (0..town.users.len()).filter(|user| people::is_revoked(town, *user)).collect();
    for user in revoked.into_iter().step_by(2) {
        people::grant(town, user);
    }
}

fn apply(town: &mut Town, change: Change, context: u32) {
    match change {
        Change::TouchUser => on_user(town, context, people::touch),
        Change::RenameUser => on_user(town, context, people::rename),
        Change::Readdress => on_user(town, context, people::readdress),
        Change::HandOverAddress => people::hand_over_address(town, context),
        Change::MoveUser => on_user(town, context, people::relocate),
        Change::MoveAndRenameUser => on_user(town, context, people::relocate_renamed),
        Change::RevokeUser => on_user(town, context, people::revoke),
        Change::GrantUser => {
            let outsiders = &town.residents.get(&context).cloned().unwrap_or_default()
                - &town.ox_users(context);
            if let Some(user) = town.one_of(&outsiders) {
                people::grant(town, user);
            }
        }
        Change::SwapProfile => on_user(town, context, people::change_profile),
        Change::TakeAllRights => on_user(town, context, people::take_all_rights),
        Change::HireUser => people::hire(town, context),
        Change::HireAndFireUser => people::hire_and_fire(town, context),
        Change::DeleteUser => on_user(town, context, people::delete),
        Change::ReplaceUser => on_user(town, context, people::replace),
        Change::SwapMembers => things::change_members(town, context),
        Change::RenameGroup => on_group(town, context, things::rename_group),
        Change::DeleteGroup => on_group(town, context, things::delete_group),
        Change::SwitchGroup => on_group(town, context, things::switch_group),
        Change::EmptyGroupHere => things::empty_group_here(town, context),
        Change::SwapAccountMembers => things::change_account_members(town, context),
        Change::DeleteAccount => things::delete_account(town),
        Change::NewAccount => things::new_account(town),
        Change::TouchResource => on_resource(town, context, things::change_resource),
        Change::MoveResource => on_resource(town, context, things::move_resource),
        Change::DeleteResource => on_resource(town, context, things::delete_resource),
        Change::SetQuota => contexts::change_quota(town, context),
        Change::RedefineProfile => contexts::redefine_profile(town),
        Change::OpenContextLate => contexts::open_late(town),
        Change::RebuildContext => contexts::rebuild(town, context),
    }
}

fn on_user(town: &mut Town, context: u32, change: fn(&mut Town, usize)) {
    let users = town.ox_users(context);
    if let Some(user) = town.one_of(&users) {
        change(town, user);
    }
}

/// Takes one from elsewhere if there is none (left) in the context.
fn on_group(town: &mut Town, context: u32, change: fn(&mut Town, usize)) {
    let mut groups = groups_here(town, context);
    if groups.is_empty() {
        let free = |group: &usize| town.groups[*group].alive && !is_reserved(town, *group);
        groups = (0..town.groups.len()).filter(free).collect();
    }
    if let Some(group) = town.one_of(&groups) {
        change(town, group);
    }
}

/// Takes one from elsewhere if there is none (left) in the context.
fn on_resource(town: &mut Town, context: u32, change: fn(&mut Town, usize)) {
    let alive = |index: &usize| town.resources[*index].alive;
    let all: BTreeSet<usize> = (0..town.resources.len()).filter(alive).collect();
    let here = |index: &usize| town.resources[*index].context == context;
    let here: BTreeSet<usize> = all.iter().copied().filter(here).collect();
    if let Some(resource) = town.one_of(if here.is_empty() { &all } else { &here }) {
        change(town, resource);
    }
}

/// Groups with a member in that context, the reserved one left out.
fn groups_here(town: &Town, context: u32) -> BTreeSet<usize> {
    let residents = town.residents.get(&context).into_iter().flatten();
    let groups = residents.flat_map(|user| town.users[*user].groups.iter().copied());
    groups.filter(|group| !is_reserved(town, *group)).collect()
}

/// The group with the name that OX keeps for itself.
fn is_reserved(town: &Town, group: usize) -> bool {
    town.groups[group].name == "users"
}

/// Another context that exists now.
fn other_context(town: &mut Town, than: u32) -> Option<u32> {
    let others: Vec<u32> = town.contexts.keys().copied().filter(|id| *id != than).collect();
    others.choose(&mut town.rng).copied()
}

/// Writes the groups and functional accounts that name a user, after his DN has changed; now and
/// then they come before him, for a queue promises no order between objects.
fn emit_with_namers(town: &mut Town, user: usize) {
    let namers_first = town.rng.random_range(0..5) == 0;
    if !namers_first {
        town.emit_user(user);
    }
    for group in town.users[user].groups.clone() {
        town.emit_group(group);
    }
    for account in town.users[user].accounts.clone() {
        town.emit_account(account);
    }
    if namers_first {
        town.emit_user(user);
    }
}
