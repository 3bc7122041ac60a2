//! `OXSecondaryAccountService`: functional mail accounts, with the context administrator's
//! credentials. Here the parameter that names the context is called `context`.

use super::call::{Answer, Call, Weight, flag, nothing, write_context, write_ids};
use super::envelope::{Element, Elements, Space};
use super::{Account, AccountData, OxAccount};
use crate::model::{ContextId, OxId};

/// Value of the two endpoint sources: the servers of the user's own account.
const PRIMARY: &str = "primary";

fn call<R>(
    operation: &'static str,
    context: ContextId,
    weight: Weight,
    read: fn(&Answer<'_>) -> Result<R, String>,
    users: &[OxId],
    write: impl FnOnce(&mut Elements),
) -> Call<R> {
    let mut parameters = Elements::default();
    write(&mut parameters);
    write_context(&mut parameters, "context", context);
    write_ids(&mut parameters, "users", users);
    Call { operation, account: Account::Context(context), context, weight, parameters, read }
}

pub(super) fn list(context: ContextId, users: &[OxId]) -> Call<Vec<OxAccount>> {
    call(
        "OXSecondaryAccountService.list",
        context,
        Weight::Read,
        |answer| answer.all()?.map(read_account).collect(),
        users,
        |_| {},
    )
}

pub(super) fn create(context: ContextId, account: &AccountData, users: &[OxId]) -> Call<()> {
    let weight = Weight::of_members(users.len());
    call("OXSecondaryAccountService.create", context, weight, nothing, users, |out| {
        out.nest(Space::Admin, "accountDataOnCreate", |data| {
            data.text(Space::Objects, "login", &account.login);
            data.text(Space::Objects, "name", &account.name);
            data.text(Space::Objects, "primaryAddress", &account.address);
            data.optional_text(Space::Objects, "personal", account.personal.as_deref());
            data.text(Space::Objects, "mailEndpointSource", PRIMARY);
            data.text(Space::Objects, "transportEndpointSource", PRIMARY);
        });
    })
}

pub(super) fn update(context: ContextId, account: &AccountData, users: &[OxId]) -> Call<bool> {
    let weight = Weight::of_members(users.len());
    call("OXSecondaryAccountService.update", context, weight, flag, users, |out| {
        out.text(Space::Admin, "primaryAddress", &account.address);
        out.nest(Space::Admin, "accountDataUpdate", |data| {
            data.text(Space::Objects, "login", &account.login);
            data.text(Space::Objects, "name", &account.name);
            data.optional_text(Space::Objects, "personal", account.personal.as_deref());
        });
    })
}

pub(super) fn delete(context: ContextId, address: &str, users: &[OxId]) -> Call<bool> {
    let weight = Weight::of_members(users.len());
    call("OXSecondaryAccountService.delete", context, weight, flag, users, |out| {
        out.text(Space::Admin, "primaryAddress", address);
    })
}

fn read_account(account: &Element) -> Result<OxAccount, String> {
    Ok(OxAccount {
        user: account.number_field("userId")?.map(OxId).ok_or("an account has no user")?,
        data: AccountData {
            name: account.owned_field("name").unwrap_or_default(),
            address: account.owned_field("primaryAddress").unwrap_or_default(),
            personal: account.owned_field("personal"),
            login: account.owned_field("login").unwrap_or_default(),
        },
    })
}
