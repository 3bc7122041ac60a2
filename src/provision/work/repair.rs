//! Provisions an object again, as it was last seen in the directory: OX is asked what it has, instead of
//! going by what is remembered, and only differences are written. Nothing is deleted.

use std::collections::BTreeMap;

use super::{Progress, deputies, finish, note_adoption, project, shared};
use crate::model::digest::is_digest;
use crate::model::object::DirectoryObject;
use crate::model::{ContextId, ItemName, ObjectKind, QueueFile};
use crate::ox::Target;
use crate::plan::context::ContextCase;
use crate::plan::resource::ResourceCase;
use crate::plan::user::{UserCase, WantedUser};
use crate::plan::{Answer, Question};
use crate::provision::perform::{ask, drive};
use crate::provision::wishes::{Wish, want_user};
use crate::provision::{Ended, Env, Failure};
use crate::scope::Standing;
use crate::store::{Change, Mark, ObjectRecord, Placement};

/// A place behind every item: profiles are taken as they are now. Names without a time come last.
pub(crate) const NEWEST: &str = "\u{10ffff}";

/// Does it for one object in one context.
pub(super) async fn run(env: &Env, mark: &Mark) -> Ended {
    let cleared = Change::ClearRepair(mark.clone());
    let record = match env.store.object(&mark.object) {
        Ok(record) => record,
        Err(error) => return Ended::Failed(Failure::memory(&error)),
    };
    let Some((record, properties)) =
        record.and_then(|record| record.properties.clone().map(|properties| (record, properties)))
    else {
        return finish(env, Progress::nothing(vec![cleared], "is gone"), None).await;
    };
    if env.aside.contains(&mark.object) {
        let why = "an item of it is set aside";
        return finish(env, Progress::nothing(vec![cleared], why), None).await;
    }
    let standing = env.policy.scope.judge(&record.id, record.kind, &record.dn, &properties);
    let alone = match standing {
        Standing::In => None,
        Standing::Out(out, _) => Some(out.why()),
        Standing::Protected(protection) => Some(protection.why()),
    };
    if let Some(why) = alone {
        return finish(env, Progress::nothing(vec![cleared], why), None).await;
    }
    let object = match DirectoryObject::parse(record.kind, &properties) {
        Ok(object) => object,
        Err(error) => return Ended::Failed(Failure::unusable(error.to_string())),
    };
    let mut progress = provision(env, mark.context, &record, &object).await;
    if progress.failure.is_none() {
        progress.commit.push(cleared);
    }
    finish(env, progress, None).await
}

async fn provision(
    env: &Env,
    context: ContextId,
    record: &ObjectRecord,
    object: &DirectoryObject,
) -> Progress {
    let mut known = record.clone();
    known.placements.remove(&context);
    let id = &record.id;
    match object {
        DirectoryObject::User(_) => user(env, context, record, known, object).await,
        DirectoryObject::Resource(wanted) if wanted.context == Some(context) => {
            let wanted = wanted.named(env.policy.user.texts);
            let mut case = ResourceCase::new(id.clone(), Some(&wanted), Some(&known), true);
            let result = drive(env, id, &mut case).await;
            Progress::new(Vec::new()).with_case(&case, result)
        }
        DirectoryObject::Context(wanted) if wanted.context == context => {
            let known = Some(&known);
            let mut case = ContextCase::new(id.clone(), context, Some(wanted), &[], known, true);
            let result = drive(env, id, &mut case).await;
            Progress::new(Vec::new()).with_case(&case, result)
        }
        DirectoryObject::Group(_) | DirectoryObject::Account(_) => {
            project(env, id, Some(object), context, Some(&known), Vec::new(), true).await
        }
        DirectoryObject::SharedAccount(wanted) if wanted.context == context => {
            shared::provision(env, id, Some(wanted), Some(&known), true).await
        }
        DirectoryObject::Resource(_)
        | DirectoryObject::SharedAccount(_)
        | DirectoryObject::SharedAccountPermission(_)
        | DirectoryObject::Context(_)
        | DirectoryObject::Profile(_) => Progress::nothing(Vec::new(), "does not belong there"),
    }
}

/// `record` is what is remembered of him, `known` the same without what is in this context.
async fn user(
    env: &Env,
    context: ContextId,
    record: &ObjectRecord,
    mut known: ObjectRecord,
    object: &DirectoryObject,
) -> Progress {
    let nothing = |why| Progress::nothing(Vec::new(), why);
    let DirectoryObject::User(user) = object else { return nothing("is no user") };
    if !user.is_ox_user {
        return nothing("is no OX user");
    }
    let file = QueueFile {
        id: record.id.clone(),
        kind: ObjectKind::User,
        dn: record.dn.clone(),
        properties: record.properties.clone(),
        options: None,
        object: None,
    };
    let mut wanted = match want_user(env, &ItemName::new(NEWEST), &file, user, Some(record)) {
        Ok(Wish::Wanted(wanted)) => *wanted,
        Ok(Wish::Nothing(why)) => return nothing(why),
        Err(problem) => return Progress::failed(Vec::new(), Failure::problem(&problem)),
    };
    if wanted.context != context || record.journey.is_some() || !known.placements.is_empty() {
        return nothing("is on its way to another context");
    }
    leave_out_digests(&mut wanted);
    // He is looked for under the wanted name; if he has another one by drover's doing, under that.
    if let Some(placed @ Placement::User { name, .. }) = record.placements.get(&context)
        && *name != wanted.user.name
    {
        match ask(env, &record.id, &Question::User(context, Target::Name(name.clone()))).await {
            Ok(Answer::Absent) => {}
            Ok(_) => {
                known.placements.insert(context, placed.clone());
            }
            Err(failure) => return Progress::failed(Vec::new(), failure),
        }
    }
    let accounts = BTreeMap::new();
    let whose = deputies::Whose {
        id: &record.id,
        user: Some(user),
        context: Some(context),
        record: Some(record),
        suspect: true,
        in_doubt: false,
    };
    let deputies = match deputies::wish(env, whose).await {
        Ok(deputies) => deputies,
        Err(failure) => return Progress::failed(Vec::new(), failure),
    };
    let mut case = UserCase::new(record.id.clone(), Some(wanted), Some(&known), accounts, true)
        .with_deputies(deputies);
    let result = drive(env, &record.id, &mut case).await;
    note_adoption(&record.id, ObjectKind::User, &case);
    Progress::new(Vec::new()).with_case(&case, result)
}

/// Of long binary values only a digest is remembered: OX keeps what it has.
fn leave_out_digests(wanted: &mut WantedUser) {
    let fields = &wanted.user.fields;
    let digests: Vec<&'static str> = fields
        .iter()
        .filter(|(field, _)| fields.text(field.name()).is_some_and(is_digest))
        .map(|(field, _)| field.name())
        .collect();
    for name in digests {
        wanted.user.fields.remove(name);
        if name == "image1" {
            wanted.user.fields.remove("image1ContentType");
        }
    }
}
