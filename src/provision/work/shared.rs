//! Shared accounts, and the permissions they are granted with.
//!
//! A permission is nothing in OX itself: it says what those may do whom an account names together with
//! it. Accounts name users, groups and permissions by id. Who is not there yet is left out, and the
//! account is looked at again when he appears; so it is when a permission changes or a group gets
//! another number.

use std::collections::{BTreeMap, BTreeSet};

use tracing::warn;

use super::{Progress, note_adoption};
use crate::model::object::{
    DirectoryObject, GrantedTo, PermissionObject, SharedAccountObject, reference_key,
};
use crate::model::{ContextId, ObjectId, ObjectKind, OxId};
use crate::ox::{Grant, SharedAccountData, SharedServer};
use crate::plan::attributes::ServerUrl;
use crate::plan::shared_account::{SharedAccountCase, WantedSharedAccount};
use crate::plan::{Answer, Problem, Question};
use crate::provision::perform::{ask, drive};
use crate::provision::{Env, Failure};
use crate::store::{Commit, Mark, ObjectRecord, Placement};

/// Why nothing was done where shared accounts are not wanted.
const OFF: &str = "shared accounts are switched off (mapping.shared_accounts)";

/// Does what an item of an account asks for.
pub(super) async fn item(
    env: &Env,
    id: &ObjectId,
    object: Option<&DirectoryObject>,
    record: Option<&ObjectRecord>,
    begin: Commit,
    suspect: bool,
) -> Progress {
    if !env.policy.shared_accounts {
        warn!(object.id = %id, "{OFF}; the shared account is left as it is");
        return Progress::nothing(begin, OFF);
    }
    // A permission that changes now looks for the accounts that name it: it has to find this one.
    if let Err(error) = env.recorder.record(begin, None).await {
        return Progress::failed(Vec::new(), Failure::unrecorded(&error));
    }
    let account = match object {
        Some(DirectoryObject::SharedAccount(account)) => Some(account),
        _ => None,
    };
    provision(env, id, account, record, suspect).await
}

/// Brings an account to where it is to be; none: nowhere.
pub(super) async fn provision(
    env: &Env,
    id: &ObjectId,
    account: Option<&SharedAccountObject>,
    record: Option<&ObjectRecord>,
    suspect: bool,
) -> Progress {
    let wanted = match account {
        None => None,
        Some(account) => match want(env, id, account).await {
            Ok(wanted) => Some(wanted),
            Err(failure) => return Progress::failed(Vec::new(), failure),
        },
    };
    let mut case = SharedAccountCase::new(id.clone(), wanted, record, suspect);
    let result = drive(env, id, &mut case).await;
    note_adoption(id, ObjectKind::SharedAccount, &case);
    Progress::new(Vec::new()).with_case(&case, result)
}

/// Looks again at an account, because somebody or something that it names has changed.
pub(super) async fn look(env: &Env, mark: &Mark, record: &ObjectRecord, suspect: bool) -> Progress {
    let nothing = |why| Progress::nothing(Vec::new(), why);
    if !env.policy.shared_accounts {
        return nothing(OFF);
    }
    if env.aside.contains(&mark.object) {
        return nothing("an item of it is set aside");
    }
    let Some(properties) = &record.properties else { return nothing("is gone") };
    let account = match DirectoryObject::parse(record.kind, properties) {
        Ok(DirectoryObject::SharedAccount(account)) => account,
        Ok(_) => return nothing("is no shared account"),
        Err(error) => return Progress::failed(Vec::new(), Failure::unusable(error.to_string())),
    };
    // Before it is made its own item is to come.
    if account.context != mark.context || !record.placements.contains_key(&mark.context) {
        return nothing("is not there");
    }
    provision(env, &record.id, Some(&account), Some(record), suspect).await
}

/// A permission was changed or deleted: the accounts that name it are to be looked at.
pub(super) async fn permission(env: &Env, id: &ObjectId, begin: Commit) -> Progress {
    // First the permission, then who names it: an account that is just being done sees either the new
    // permission, or is seen here.
    if let Err(error) = env.recorder.record(begin, None).await {
        return Progress::failed(Vec::new(), Failure::unrecorded(&error));
    }
    match naming(env, id) {
        Ok(wake) => {
            let why = "is told to OX with the shared accounts that name it";
            Progress { wake, ..Progress::nothing(Vec::new(), why) }
        }
        Err(failure) => Progress::failed(Vec::new(), failure),
    }
}

/// Accounts that name an object, each where it is.
pub(super) fn naming(env: &Env, id: &ObjectId) -> Result<Vec<Mark>, Failure> {
    let keys: Vec<_> =
        [Some(id.clone()), env.index.other_id(id)].iter().flatten().map(reference_key).collect();
    let naming = env.store.naming(&keys).map_err(|error| Failure::memory(&error))?;
    let mut marks = Vec::new();
    for object in naming {
        let contexts = env.index.with(&object, |known| {
            let shared = known.kind == ObjectKind::SharedAccount;
            known.home.into_iter().filter(|_| shared).collect::<Vec<_>>()
        });
        let mark = |context| Mark { object: object.clone(), context };
        marks.extend(contexts.into_iter().flatten().map(mark));
    }
    Ok(marks)
}

async fn want(
    env: &Env,
    id: &ObjectId,
    account: &SharedAccountObject,
) -> Result<WantedSharedAccount, Failure> {
    let identifier = env.policy.shared_account_identifier.as_str();
    let name = account.properties.get(identifier).and_then(|value| match value {
        serde_json::Value::String(text) => Some(text.clone()),
        serde_json::Value::Array(list) if list.len() == 1 => list[0].as_str().map(str::to_owned),
        _ => None,
    });
    let Some(name) = name.filter(|name| !name.trim().is_empty()) else {
        return Err(Failure::problem(&Problem::Unnamed(format!(
            "the shared account's property \"{identifier}\" (setting OX_SHARED_ACCOUNT_IDENTIFIER) \
             must hold one text that is not empty"
        ))));
    };
    let settings = &env.policy.user;
    let data = SharedAccountData {
        name,
        display_name: account.display_name.clone(),
        address: account.address.to_lowercase(),
        language: settings.language.clone(),
        timezone: settings.timezone.clone(),
        imap: server(&settings.mail.imap),
        smtp: server(&settings.mail.smtp),
    };
    let grants = grants(env, id, account).await?;
    Ok(WantedSharedAccount { context: account.context, data, grants })
}

fn server(server: &ServerUrl) -> SharedServer {
    SharedServer { host: server.host.clone(), port: server.port, scheme: server.scheme.clone() }
}

/// Who may use the account, by what they may do.
async fn grants(
    env: &Env,
    id: &ObjectId,
    account: &SharedAccountObject,
) -> Result<Vec<Grant>, Failure> {
    let mut grants: BTreeMap<_, (BTreeSet<OxId>, BTreeSet<OxId>)> = BTreeMap::new();
    for granted in &account.granted {
        let Some(permission) = known_permission(env, &granted.permission)? else {
            warn!(object.id = %id, permission.id = %granted.permission,
                  "the shared account names a permission that is not known; who has it by that is left \
                   out until it comes");
            continue;
        };
        let Some(ox) = number(env, id, account.context, granted).await? else { continue };
        let what = (permission.mail, permission.calendar, permission.capabilities);
        let (users, groups) = grants.entry(what).or_default();
        if granted.is_group {
            groups.insert(ox)
        } else {
            users.insert(ox)
        };
    }
    let grant = |((mail, calendar, capabilities), (users, groups))| Grant {
        mail,
        calendar,
        capabilities,
        users,
        groups,
    };
    Ok(grants.into_iter().map(grant).collect())
}

fn known_permission(env: &Env, id: &ObjectId) -> Result<Option<PermissionObject>, Failure> {
    let Some(id) = env.index.identity(id) else { return Ok(None) };
    let record = env.store.object(&id).map_err(|error| Failure::memory(&error))?;
    let Some(properties) = record.and_then(|record| record.properties) else { return Ok(None) };
    match DirectoryObject::parse(ObjectKind::SharedAccountPermission, &properties) {
        Ok(DirectoryObject::SharedAccountPermission(permission)) => Ok(Some(permission)),
        _ => Ok(None),
    }
}

/// OX's number of somebody to whom the account is granted; none if he is not in its context.
async fn number(
    env: &Env,
    account: &ObjectId,
    context: ContextId,
    granted: &GrantedTo,
) -> Result<Option<OxId>, Failure> {
    let left_out = |why: &str| {
        warn!(object.id = %account, context.id = context.0, grantee.id = %granted.to, "{why}");
        Ok(None)
    };
    let missing = "who is to use the shared account is not in OX there; left out until he is";
    let Some(id) = env.index.identity(&granted.to) else { return left_out(missing) };
    let known = env.index.with(&id, |known| {
        let here = known.at(context).map(|presence| presence.ox);
        (here, known.home, known.placed.is_empty())
    });
    match known {
        Some((Some(Some(ox)), ..)) => Ok(Some(ox)),
        Some((Some(None), ..)) if granted.is_group => {
            // Taken over without its number.
            let record = env.store.object(&id).map_err(|error| Failure::memory(&error))?;
            let placed = record.and_then(|record| record.placements.get(&context).cloned());
            let Some(Placement::Group { name, .. }) = placed else { return left_out(missing) };
            match ask(env, &id, &Question::Group(context, name)).await? {
                Answer::Group(group) => Ok(Some(group.id)),
                _ => left_out(missing),
            }
        }
        Some((_, Some(home), _)) if home == context && !granted.is_group => {
            let found = env.members.look_up(context, id).await;
            match found.map_err(|failure| (*failure).clone())? {
                Some(ox) => Ok(Some(ox)),
                None => left_out(missing),
            }
        }
        Some((None, home, nowhere)) if home.is_some() || !nowhere => left_out(
            "who is to use the shared account is in another context, where OX cannot grant it; left out",
        ),
        _ => left_out(missing),
    }
}
