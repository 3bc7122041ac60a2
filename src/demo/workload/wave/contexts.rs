//! What happens to contexts and profiles.

use std::collections::BTreeSet;

use rand::Rng;

use super::super::first_load::add_context;
use super::super::town::Town;
use super::{other_context, people, things};

/// How many of a closing context's people move on; the others leave.
const MOVERS: usize = 5;

pub(super) fn change_quota(town: &mut Town, context: u32) {
    let quota = town.chance(80).then(|| 500 * town.rng.random_range(1..100));
    let Some(now) = town.contexts.get_mut(&context) else { return };
    now.quota = quota;
    town.emit_context(context);
}

/// A profile gains or loses a right. Users who have it get that at their own next change only.
pub(super) fn redefine_profile(town: &mut Town) {
    let changeable: BTreeSet<usize> =
        (0..town.profiles.len()).filter(|p| town.profiles[*p].name != "none").collect();
    let Some(profile) = town.one_of(&changeable) else { return };
    let rights = &mut town.profiles[profile].rights;
    match rights.iter().position(|right| *right == "editpassword") {
        Some(at) => drop(rights.remove(at)),
        None => rights.push("editpassword"),
    }
    town.emit_profile(profile);
}

/// A new context that comes last: before it its users, before them the group that names them.
pub(super) fn open_late(town: &mut Town) {
    let context = town.contexts.keys().next_back().map_or(1, |last| last + 1);
    add_context(town, context);
    let members: BTreeSet<usize> = (0..3).map(|_| town.new_user(Some(context), true)).collect();
    let group = things::new_group_of(town, context, members.clone());
    let resource = town.new_resource(context);
    town.emit_group(group);
    town.emit_resource(resource);
    for user in members {
        town.emit_user(user);
    }
    town.emit_context(context);
}

/// A context is emptied, deleted, and made anew under the same number; then people come to it.
pub(super) fn rebuild(town: &mut Town, context: u32) {
    let Some(elsewhere) = other_context(town, context) else { return };
    let residents = town.residents.get(&context).cloned().unwrap_or_default();
    let (mut groups, mut accounts) = (BTreeSet::new(), BTreeSet::new());
    for (index, user) in residents.into_iter().enumerate() {
        if index < MOVERS {
            town.resettle(user, elsewhere);
            town.emit_user(user);
        } else {
            let (in_groups, in_accounts) = people::take_away(town, user);
            groups.extend(in_groups);
            accounts.extend(in_accounts);
        }
    }
    for group in groups {
        town.emit_group(group);
    }
    for account in accounts {
        town.emit_account(account);
    }
    for resource in 0..town.resources.len() {
        if town.resources[resource].alive && town.resources[resource].context == context {
            town.resources[resource].context = elsewhere;
            town.emit_resource(resource);
        }
    }
    town.emit_context_gone(context);
    add_context(town, context);
    town.emit_context(context);
    for _ in 0..2 {
        let user = town.new_user(Some(context), true);
        town.emit_user(user);
    }
}
