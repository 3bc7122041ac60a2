//! What to go by when an earlier run, cut short, may have written to an object what nobody remembers.
//!
//! An item that is done again puts that right by itself. One that is done in its place might not: what
//! it wants may be what is remembered, so that nothing seems to be left to do. OX is asked instead.

use crate::model::{ContextId, ObjectId, ObjectKind};
use crate::ox::{ResourceData, Target};
use crate::plan::user::WantedUser;
use crate::plan::{Answer, Question};
use crate::provision::perform::ask;
use crate::provision::{Env, Failure};
use crate::store::{ObjectRecord, Placement};

/// A text that no object has: it cannot be written in XML.
const NOT_KNOWN: &str = "\u{1}";

/// What is remembered of an object, but for what may be otherwise in OX by now. Users are [`user`]'s.
pub(super) fn without_doubt(record: &ObjectRecord, context: Option<ContextId>) -> ObjectRecord {
    let mut sure = record.clone();
    match record.kind {
        ObjectKind::Context => {
            if let Some(context) = context {
                sure.placements.remove(&context);
            }
        }
        ObjectKind::Account => {
            // No account is named so: all are written.
            for placement in sure.placements.values_mut() {
                if let Placement::Account { members, .. } = placement {
                    for member in members.values_mut() {
                        member.name.clear();
                    }
                }
            }
        }
        ObjectKind::Resource => {
            // It may bear its old name or the new one, and what is remembered finds it under either.
            // All else is written.
            for placement in sure.placements.values_mut() {
                if let Placement::Resource { data, .. } = placement {
                    let name = data.name.take();
                    let description = Some(NOT_KNOWN.to_owned());
                    *data = ResourceData { name, description, ..ResourceData::default() };
                }
            }
        }
        ObjectKind::SharedAccount => {
            // All is written.
            for placement in sure.placements.values_mut() {
                if let Placement::SharedAccount { data, grants, .. } = placement {
                    (*data, *grants) = (None, None);
                }
            }
        }
        // A group's whole list is written after any doubt.
        ObjectKind::Group
        | ObjectKind::User
        | ObjectKind::Profile
        | ObjectKind::SharedAccountPermission => {}
    }
    sure
}

/// The same for a user: if OX has him under the wanted name already, what he has there counts.
pub(super) async fn user(
    env: &Env,
    record: &ObjectRecord,
    wanted: &WantedUser,
) -> Result<Option<ObjectRecord>, Failure> {
    let settled = record.journey.is_none() && record.placements.len() == 1;
    if !settled || !record.placements.contains_key(&wanted.context) {
        return Ok(None);
    }
    let target = Target::Name(wanted.user.name.clone());
    match ask(env, &record.id, &Question::User(wanted.context, target)).await? {
        Answer::User(_) => {
            let mut sure = record.clone();
            sure.placements.remove(&wanted.context);
            Ok(Some(sure))
        }
        _ => Ok(None),
    }
}

/// A group as it is under the name that it was about to get, if it has that name indeed.
pub(super) async fn renamed_group(
    env: &Env,
    id: &ObjectId,
    context: ContextId,
    placement: Option<&Placement>,
    begun: Option<&Placement>,
) -> Result<Option<Placement>, Failure> {
    let (
        Some(Placement::Group { ox, name, members }),
        Some(Placement::Group { ox: same, name: new, .. }),
    ) = (placement, begun)
    else {
        return Ok(None);
    };
    if ox != same || name.eq_ignore_ascii_case(new) {
        return Ok(None);
    }
    match ask(env, id, &Question::Group(context, new.clone())).await? {
        Answer::Group(found) if found.id == *ox => {
            let (ox, name, members) = (*ox, new.clone(), members.clone());
            Ok(Some(Placement::Group { ox, name, members }))
        }
        _ => Ok(None),
    }
}
