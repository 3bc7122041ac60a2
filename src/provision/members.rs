//! Who of a group's or account's members is in a context, and under which number.

use std::collections::BTreeMap;

use tracing::info;

use super::perform::ask;
use super::{Env, Failure};
use crate::model::object::DirectoryObject;
use crate::model::{ContextId, Dn, ModuleAccess, ObjectId, ObjectKind, OxId, UserFields};
use crate::ox::Target;
use crate::plan::attributes::desired_fields;
use crate::plan::{Answer, Question};
use crate::store::{Beside, Change, Placement};

/// Members of one group or account in one context.
#[derive(Debug, Default)]
pub struct Members {
    /// Those who are there.
    pub there: BTreeMap<ObjectId, OxId>,
    /// Those who belong there and are not in OX; looked after when they appear.
    pub missing: Vec<Dn>,
    /// Those of whom items are set aside: they neither come nor go until these are through.
    pub held: Vec<ObjectId>,
}

/// Finds the members that are in `context`.
///
/// Three kinds of absence are kept apart: who is no OX user, unknown, or at home in another context
/// is simply not meant here; so is who stays as he is, of whom the caller has to know more; who belongs here but whose number is not known is looked up in OX, once
/// however many ask; who is not there even then is *missing* and remembered.
///
/// # Errors
/// The look-up's: a member who could not be asked for is never taken for absent.
pub async fn members_in(env: &Env, context: ContextId, dns: &[Dn]) -> Result<Members, Failure> {
    let mut members = Members::default();
    let mut misses = 0;
    for dn in dns {
        let Some(id) = env.index.by_dn(dn.key()) else { continue };
        if env.aside.contains(&id) {
            members.held.push(id);
            continue;
        }
        if let Some(fixed) = env.index.fixed(&id) {
            let number = env.index.with(&id, |known| {
                let belongs = fixed.is_protected() && known.kind == ObjectKind::User;
                belongs && known.home == Some(context) && known.at(context).is_none()
            });
            if number == Some(true) {
                // Whether he is in the list by hand can only be told by his number.
                let found = env.members.look_up(context, id.clone()).await;
                found.map_err(|failure| (*failure).clone())?;
            }
            continue;
        }
        let state = env.index.with(&id, |known| {
            (known.kind, known.home, known.at(context).and_then(|presence| presence.ox))
        });
        match state {
            Some((ObjectKind::User, _, Some(ox))) => {
                members.there.insert(id, ox);
            }
            Some((ObjectKind::User, Some(home), None)) if home == context => {
                misses += 1;
                let found = env.members.look_up(context, id.clone()).await;
                match found.map_err(|failure| (*failure).clone())? {
                    Some(ox) => {
                        members.there.insert(id, ox);
                    }
                    None => members.missing.push(dn.clone()),
                }
            }
            _ => {}
        }
    }
    let known = members.there.len() + members.missing.len() - misses;
    env.index.cache().count(wide(known), wide(misses));
    Ok(members)
}

fn wide(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// Finds a member's number in OX and remembers it. For the member-id cache.
///
/// # Errors
/// OX's, or the memory's.
pub async fn find_member(
    env: &Env,
    context: ContextId,
    user: &ObjectId,
) -> Result<Option<OxId>, Failure> {
    let record = env.store.object(user).map_err(|error| Failure::memory(&error))?;
    let Some(record) = record else { return Ok(None) };
    let Some(DirectoryObject::User(object)) = record
        .properties
        .as_ref()
        .and_then(|properties| DirectoryObject::parse(ObjectKind::User, properties).ok())
    else {
        return Ok(None);
    };
    let mapping = env.mapping.current();
    let given = object.profile.as_ref().map(|_| ModuleAccess::NONE);
    let Ok(desired) = desired_fields(&object, user, &record.dn, given, &mapping, &env.policy.user)
    else {
        return Ok(None);
    };
    let names = [object.username.as_deref().unwrap_or_default(), desired.name.as_str()];
    if env.is_admin(context, &names) {
        return Ok(None);
    }
    // Who is said to be there has the name he was last given, whatever he is to be called.
    let name = match record.placements.get(&context) {
        Some(Placement::User { name, .. }) => name.clone(),
        _ => desired.name.clone(),
    };
    let question = Question::User(context, Target::Name(name.clone()));
    let answer = match ask(env, user, &question).await {
        // A context of which drover neither has a key nor knows anything in it was deleted, or is
        // still to be made; whoever is to live there appears when he is put there.
        Err(failure) if failure.missing_key.is_some() && !env.index.is_inhabited(context) => {
            return Ok(None);
        }
        answer => answer?,
    };
    let Answer::User(found) = answer else { return Ok(None) };
    let mut fields = UserFields::new();
    for (field, _) in desired.fields.iter() {
        if let Some(value) = found.fields.get(field.name()) {
            fields.insert(field, value.clone());
        }
    }
    let placement =
        Placement::User { ox: found.id, name, fields, access: None, beside: Beside::default() };
    let change = Change::PutPlacement { id: user.clone(), context, placement };
    let recorded = env.recorder.record(vec![change], None).await;
    recorded.map_err(|error| Failure::unrecorded(&error))?;
    info!(object.id = %user, context.id = context.0, ox.id = found.id.0,
          "a member's number was not known and was looked up in OX");
    Ok(Some(found.id))
}
