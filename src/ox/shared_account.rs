//! `OXSharedAccountService`: mailboxes that belong to nobody and are used by several, with the context
//! administrator's credentials.
//!
//! No server that has it was at hand. Names of operations, parameters and fields are those that the OX
//! Connector 4.x sends; the interface of the other services stands for all else.

use super::call::{Answer, Call, Weight, id_of, new_id, nothing, object_call, write_target};
use super::envelope::{Element, Elements, Space};
use super::{Credentials, Grant, OxSharedAccount, SharedAccountData, Target};
use crate::model::{ContextId, OxId};

/// OX wants one, and nobody ever uses it.
const PASSWORD: &str = "dummy";

/// What entries say that grant nothing.
const NOTHING: &str = "none";

pub(super) fn get(context: ContextId, account: &Target) -> Call<OxSharedAccount> {
    object_call("OXSharedAccountService.getData", context, Weight::Read, read_account, |out| {
        write_target(out, "sharedAccount", account);
    })
}

/// All shared accounts of a context.
pub(super) fn list(context: ContextId) -> Call<Vec<OxSharedAccount>> {
    object_call("OXSharedAccountService.list", context, Weight::Read, read_accounts, |out| {
        out.text(Space::Admin, "search_pattern", "*");
    })
}

pub(super) fn create(context: ContextId, account: &SharedAccountData) -> Call<OxId> {
    object_call("OXSharedAccountService.create", context, Weight::Write, new_id, |out| {
        write_account(out, None, account);
    })
}

pub(super) fn change(context: ContextId, id: OxId, account: &SharedAccountData) -> Call<()> {
    object_call("OXSharedAccountService.change", context, Weight::Write, nothing, |out| {
        write_account(out, Some(id), account);
    })
}

pub(super) fn delete(context: ContextId, id: OxId) -> Call<()> {
    object_call("OXSharedAccountService.delete", context, Weight::Write, nothing, |out| {
        write_target(out, "sharedAccount", &Target::Id(id));
    })
}

pub(super) fn convert(context: ContextId, user: OxId) -> Call<()> {
    let operation = "OXSharedAccountService.convertUserToSharedAccount";
    object_call(operation, context, Weight::Write, nothing, |out| {
        write_target(out, "user", &Target::Id(user));
    })
}

/// Replaces all grants. Each entry carries the credentials of the context whose users and groups it
/// names; `credentials` are this context's.
pub(super) fn grant(
    context: ContextId,
    id: OxId,
    grants: &[Grant],
    credentials: &Credentials,
) -> Call<()> {
    let operation = "OXSharedAccountService.setSharedAccountPermissions";
    let weight = Weight::of_members(grants.iter().map(|g| g.users.len() + g.groups.len()).sum());
    let mut parameters = Elements::default();
    super::call::write_context(&mut parameters, "sharedAccountCtx", context);
    write_target(&mut parameters, "sharedAccount", &Target::Id(id));
    // An empty set is said by an entry that grants nothing to nobody.
    let none = [Grant::nothing()];
    for grant in if grants.is_empty() { &none } else { grants } {
        write_grant(&mut parameters, context, grant, credentials);
    }
    let account = super::Account::Context(context);
    Call { operation, account, context, weight, parameters, read: nothing }
}

fn write_grant(out: &mut Elements, context: ContextId, grant: &Grant, credentials: &Credentials) {
    let level = |level: &String| if level.is_empty() { NOTHING.to_owned() } else { level.clone() };
    let ids = |out: &mut Elements, name, ids: &std::collections::BTreeSet<OxId>| {
        for id in ids {
            out.nest(Space::Objects, name, |object| object.plain(Space::Objects, "id", *id));
        }
    };
    out.nest(Space::Admin, "sharedAccountPermissions", |out| {
        out.nest(Space::Objects, "auth", |auth| {
            auth.text(Space::Auth, "login", &credentials.login);
            auth.text(Space::Auth, "password", credentials.password.reveal());
        });
        out.nest(Space::Objects, "ctx", |ctx| ctx.plain(Space::Objects, "id", context));
        ids(out, "users", &grant.users);
        ids(out, "groups", &grant.groups);
        out.text(Space::Objects, "mailConfig", &level(&grant.mail));
        out.text(Space::Objects, "calendarConfig", &level(&grant.calendar));
        out.nest(Space::Objects, "capabilities", |out| {
            for capability in &grant.capabilities {
                out.text(Space::Objects, "grantedCapability", capability);
            }
        });
    });
}

fn write_account(out: &mut Elements, id: Option<OxId>, account: &SharedAccountData) {
    out.nest(Space::Admin, "sharedAccountData", |out| {
        out.text(Space::Objects, "display_name", &account.display_name);
        out.text(Space::Objects, "email1", &account.address);
        if let Some(id) = id {
            out.plain(Space::Objects, "id", id);
        }
        for (names, server) in [
            (["imapPort", "imapSchema", "imapServer"], &account.imap),
            (["smtpPort", "smtpSchema", "smtpServer"], &account.smtp),
        ] {
            let [port, schema, host] = names;
            if server.host.is_empty() {
                continue;
            }
            if let Some(number) = server.port {
                out.plain(Space::Objects, port, i64::from(number));
            }
            out.text(Space::Objects, schema, &format!("{}://", server.scheme));
            out.text(Space::Objects, host, &server.host);
        }
        out.text(Space::Objects, "language", &account.language);
        out.text(Space::Objects, "name", &account.name);
        out.text(Space::Objects, "password", PASSWORD);
        out.text(Space::Objects, "primaryEmail", &account.address);
        out.text(Space::Objects, "timezone", &account.timezone);
    });
}

fn read_account(answer: &Answer<'_>) -> Result<OxSharedAccount, String> {
    read_one(answer.one()?)
}

fn read_accounts(answer: &Answer<'_>) -> Result<Vec<OxSharedAccount>, String> {
    answer.all()?.map(read_one).collect()
}

fn read_one(account: &Element) -> Result<OxSharedAccount, String> {
    Ok(OxSharedAccount {
        id: id_of(account)?,
        name: account.owned_field("name").unwrap_or_default(),
        display_name: account.owned_field("display_name"),
        address: account.owned_field("primaryEmail"),
    })
}
