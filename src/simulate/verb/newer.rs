//! The verbs that only newer servers have.

use super::{Auth, Fault, ObjectRef, Reply, Verb, World, by_number, reference};
use crate::model::OxId;
use crate::ox::{DeputyLevel, DeputyRights, Grant, OxDeputy, OxSharedAccount, SharedAccountData};
use crate::sim::world::{
    Deputy, DeputyInput, Level, SharedAccount, SharedAccountInput, SharedGrant,
};

pub(super) fn apply(
    verb: &Verb,
    world: &mut World,
    context: Option<i64>,
    admin: Auth<'_>,
) -> Result<Reply, Fault> {
    let number = |id: &OxId| Some(i64::from(id.0));
    Ok(match verb {
        Verb::SharedGet(account) => {
            let found = world.shared_data(context, &reference(account), admin)?;
            Reply::Shared(vec![shown(found)])
        }
        Verb::SharedList => {
            let found = world.shared_list(context, "*", admin)?;
            Reply::Shared(found.into_iter().map(shown).collect())
        }
        Verb::SharedCreate(data) => {
            let (_, id) = world.shared_create(context, input(data), admin)?;
            Reply::Id(OxId(id))
        }
        Verb::SharedChange(id, data) => {
            world.shared_change(context, &by_number(*id), input(data), admin)?;
            Reply::Done
        }
        Verb::SharedDelete(id) => {
            world.shared_delete(context, &by_number(*id), admin)?;
            Reply::Done
        }
        Verb::SharedConvert(id) => {
            world.shared_convert(context, &by_number(*id), admin)?;
            Reply::Done
        }
        Verb::SharedGrant(id, grants) => {
            let grants: Vec<_> = grants.iter().map(|one| grant(one, context, admin)).collect();
            world.shared_grant(context, &by_number(*id), &grants, admin)?;
            Reply::Done
        }
        Verb::DeputyList => {
            let (_, found) = world.deputies_list(context, admin)?;
            Reply::Deputies(found.iter().map(deputy).collect())
        }
        Verb::DeputyGrant(user, deputy, rights) => {
            let sent = deputy_input(*deputy, *rights);
            Reply::Text(world.deputy_grant(context, number(user), sent, admin)?.to_string())
        }
        Verb::DeputyUpdate(user, grant, deputy, rights) => {
            let sent = deputy_input(*deputy, *rights);
            world.deputy_update(context, number(user), grant, sent, admin)?;
            Reply::Done
        }
        Verb::DeputyRevoke(user, grant) => {
            world.deputy_revoke(context, number(user), grant, admin)?;
            Reply::Done
        }
        Verb::DeputyRevokeAll(user) => {
            world.deputies_revoke_all(context, number(user), admin)?;
            Reply::Done
        }
        Verb::DeputyBar(user, barred) => {
            world.deputies_bar(context, number(user), *barred, admin)?;
            Reply::Done
        }
        // All others are known elsewhere.
        _ => return Err(Fault::data("no such operation")),
    })
}

fn input(data: &SharedAccountData) -> SharedAccountInput {
    SharedAccountInput::from([
        ("name", data.name.clone()),
        ("display_name", data.display_name.clone()),
        ("primaryEmail", data.address.clone()),
        ("email1", data.address.clone()),
        ("password", "dummy".to_owned()),
    ])
}

fn shown(account: &SharedAccount) -> OxSharedAccount {
    let value = |name: &str| account.values.get(name).cloned();
    OxSharedAccount {
        id: OxId(account.id),
        name: value("name").unwrap_or_default(),
        display_name: value("display_name"),
        address: value("primaryEmail"),
    }
}

fn grant<'r>(grant: &Grant, context: Option<i64>, auth: Auth<'r>) -> SharedGrant<'r> {
    let all = |ids: &std::collections::BTreeSet<OxId>| -> Vec<ObjectRef<'r>> {
        ids.iter().copied().map(by_number).collect()
    };
    SharedGrant {
        auth,
        context,
        users: all(&grant.users),
        groups: all(&grant.groups),
        mail: grant.mail.clone(),
        calendar: grant.calendar.clone(),
        capabilities: grant.capabilities.clone(),
    }
}

fn deputy_input(deputy: OxId, rights: DeputyRights) -> DeputyInput {
    let modules = [("mail", rights.mail), ("calendar", rights.calendar)];
    DeputyInput {
        deputy: Some(i64::from(deputy.0)),
        send_on_behalf: rights.send_on_behalf,
        modules: modules.map(|(name, level)| (name.to_owned(), level.figures())).into(),
    }
}

fn deputy(deputy: &Deputy) -> OxDeputy {
    let level = |name: &str| -> DeputyLevel {
        let figures: Level = deputy.modules.get(name).copied().unwrap_or_default();
        DeputyLevel::of(figures)
    };
    OxDeputy {
        grant: deputy.grant.to_string(),
        user: OxId(deputy.user),
        deputy: OxId(deputy.deputy),
        rights: DeputyRights {
            mail: level("mail"),
            calendar: level("calendar"),
            send_on_behalf: deputy.send_on_behalf,
        },
    }
}
