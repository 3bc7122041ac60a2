//! Whom the directory makes a user's deputies, looked up in OX's terms.
//!
//! Entries name deputies by their DNs. Who is not in OX yet is left out, and the user is looked at again
//! when he appears, by the same marks as groups are; so it is when a deputy goes or gets another number.

use std::collections::BTreeSet;

use tracing::{info, warn};

use crate::model::deputies::{DeputyEntry, deputies, names_deputies};
use crate::model::object::UserObject;
use crate::model::{ContextId, DnKey, ObjectId, ObjectKind, OxId};
use crate::ox::{DeputyLevel, DeputyRights};
use crate::plan::Problem;
use crate::plan::user::{WantedDeputies, WantedDeputy};
use crate::provision::{Env, Failure};
use crate::store::{DeputiesGiven, ObjectRecord, Placement};

/// Whose deputies, and what is known of them.
pub(super) struct Whose<'a> {
    pub(super) id: &'a ObjectId,
    /// None: he is in no directory any more, or no OX user.
    pub(super) user: Option<&'a UserObject>,
    /// Where he is to be.
    pub(super) context: Option<ContextId>,
    /// What is remembered of him.
    pub(super) record: Option<&'a ObjectRecord>,
    /// An earlier try may have done something that was not heard of.
    pub(super) suspect: bool,
    /// So may one of an item in whose place this is done.
    pub(super) in_doubt: bool,
}

/// What is wanted of a user's deputies; none if that is not drover's business.
pub(super) async fn wish(env: &Env, whose: Whose<'_>) -> Result<Option<WantedDeputies>, Failure> {
    if !env.policy.deputies {
        return Ok(None);
    }
    let mut entries = Vec::new();
    for entry in whose.user.iter().flat_map(|user| deputies(&user.properties)) {
        let place = entries.len() + 1;
        let read = entry.ok().and_then(|entry| rights(&entry).map(|rights| (entry, rights)));
        entries.push(read.ok_or_else(|| Failure::problem(&Problem::DeputyEntry { place }))?);
    }
    let known: Vec<&DeputiesGiven> = whose.record.into_iter().flat_map(given).collect();
    // Given before drover kept account of them.
    let had = known.is_empty()
        && whose.record.and_then(|record| record.properties.as_ref()).is_some_and(names_deputies);
    let suspect = whose.suspect && (!entries.is_empty() || !known.is_empty());
    let doubt = whose.in_doubt || suspect || had;
    if entries.is_empty() && known.is_empty() && !doubt {
        return Ok(None);
    }
    if !offered(env).await? {
        return Ok(None);
    }
    let mut wanted = WantedDeputies { named: !entries.is_empty(), doubt, ..Default::default() };
    if let Some(context) = whose.context {
        for (entry, rights) in entries {
            if let Some(deputy) = deputy(env, whose.id, context, &entry, rights).await?
                && wanted.all.iter().all(|other| other.ox != deputy.ox)
            {
                wanted.all.push(deputy);
            }
        }
        let all = known.iter().flat_map(|known| &known.given);
        let deputies: BTreeSet<&ObjectId> = all.filter_map(|one| one.deputy.as_ref()).collect();
        for deputy in deputies {
            let before = known.iter().flat_map(|known| &known.given);
            let before = before.filter(|one| one.deputy.as_ref() == Some(deputy));
            match env.index.ox_id(deputy, context) {
                None => {
                    wanted.gone.insert(deputy.clone());
                }
                // He is another account by now, or all numbers are others.
                Some(now) => wanted.doubt |= before.into_iter().any(|one| one.ox != now),
            }
        }
    }
    wanted.all.sort_by_key(|one| one.ox);
    Ok(Some(wanted))
}

/// What a record tells of deputies that were given.
fn given(record: &ObjectRecord) -> impl Iterator<Item = &DeputiesGiven> {
    record.placements.values().filter_map(|placement| match placement {
        Placement::User { beside, .. } => beside.deputies.as_ref(),
        _ => None,
    })
}

/// Whom the DNs of a user's deputies mean now; another context's work may change that before what was made
/// of it is remembered.
pub(super) fn meant(env: &Env, user: Option<&UserObject>) -> Vec<(DnKey, Option<ObjectId>)> {
    if !env.policy.deputies {
        return Vec::new();
    }
    let entries = user.iter().flat_map(|user| deputies(&user.properties)).flatten();
    entries.map(|entry| (entry.deputy.key().clone(), env.index.by_dn(entry.deputy.key()))).collect()
}

/// Whether OX has deputies at all.
async fn offered(env: &Env) -> Result<bool, Failure> {
    match env.ox.deputies() {
        Some(deputies) => {
            deputies.deputies_offered().await.map_err(|error| Failure::from_ox(&error))
        }
        None => Ok(false),
    }
}

fn rights(entry: &DeputyEntry) -> Option<DeputyRights> {
    Some(DeputyRights {
        mail: DeputyLevel::parse(&entry.mail)?,
        calendar: DeputyLevel::parse(&entry.calendar)?,
        send_on_behalf: entry.send_on_behalf,
    })
}

/// The deputy of an entry, if he is where the user is to be.
async fn deputy(
    env: &Env,
    user: &ObjectId,
    context: ContextId,
    entry: &DeputyEntry,
    rights: DeputyRights,
) -> Result<Option<WantedDeputy>, Failure> {
    if rights.is_nothing() {
        return Ok(None);
    }
    let Some(who) = env.index.by_dn(entry.deputy.key()) else {
        info!(object.id = %user, context.id = context.0,
              "a deputy is not known; he is made one when he comes");
        return Ok(None);
    };
    if who == *user {
        warn!(object.id = %user, "the user is named as his own deputy, which is left out");
        return Ok(None);
    }
    let known = env.index.with(&who, |known| {
        let here = known.at(context).map(|presence| presence.ox);
        (known.kind, here, known.home)
    });
    let ox: Option<OxId> = match known {
        Some((kind, ..)) if kind != ObjectKind::User => {
            warn!(object.id = %user, deputy.id = %who, "the deputy is a {kind}, no user; left out");
            return Ok(None);
        }
        Some((_, Some(Some(ox)), _)) => Some(ox),
        Some((_, _, Some(home))) if home == context => {
            let found = env.members.look_up(context, who.clone()).await;
            found.map_err(|failure| (*failure).clone())?
        }
        Some((_, _, Some(home))) => {
            warn!(object.id = %user, context.id = context.0, deputy.id = %who, deputy.context = home.0,
                  "the deputy is in another context than the user, where OX cannot make him one; \
                   left out until both are in one context");
            return Ok(None);
        }
        _ => None,
    };
    let login = env.index.login(&who, context);
    match ox.zip(login) {
        Some((ox, login)) => Ok(Some(WantedDeputy { ox, who, login, rights })),
        None => {
            info!(object.id = %user, context.id = context.0, deputy.id = %who,
                  "a deputy is not in OX; he is made one when he is");
            Ok(None)
        }
    }
}
