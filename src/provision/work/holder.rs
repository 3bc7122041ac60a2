//! Access profiles that change, and the users who have them.
//!
//! A changed profile counts for each user with his own next change. If the settings say so, it also
//! reaches its holders by itself: they are marked, durably and with the profile's own commit, and
//! each is looked at when nothing else waits in his context. So is a user one of whose deputies came or
//! went.

use tracing::{info, warn};

use super::{Progress, deputies, repair};
use crate::model::object::DirectoryObject;
use crate::model::{ItemName, ModuleAccess, ObjectId, ObjectKind, QueueFile};
use crate::plan::user::{UserCase, WantedUser};
use crate::provision::perform::drive;
use crate::provision::wishes::{Wish, want_user};
use crate::provision::{Env, Failure};
use crate::scope::Standing;
use crate::store::{Mark, ObjectRecord, Placement, Store, StoreError};

/// Whom a changed profile is to reach now; nobody, if that is not wanted or they are too many.
pub(super) async fn to_reach(
    env: &Env,
    profile: &ObjectId,
    name: &str,
    access: ModuleAccess,
) -> Result<Vec<Mark>, Failure> {
    let most = usize::try_from(env.policy.profile_holders).unwrap_or(usize::MAX);
    if most == 0 {
        return Ok(Vec::new());
    }
    let (store, wanted) = (env.store.clone(), name.to_owned());
    // Every user is read for it, which would hold up all contexts that share this thread.
    let search = move || others_than(store.as_ref(), &wanted, access);
    let searched =
        if env.store_blocks { tokio::task::spawn_blocking(search).await } else { Ok(search()) };
    let found = match searched {
        Ok(found) => found.map_err(|error| Failure::memory(&error))?,
        Err(_) => {
            return Err(Failure::busy("the search for a profile's users was interrupted".into()));
        }
    };
    if found.len() > most {
        warn!(object.id = %profile, users = found.len(), most,
              "the changed access profile \"{name}\" has more users than a change may reach by \
               itself (mapping.profile_holders); they get its rights with their next changes");
        return Ok(Vec::new());
    }
    if !found.is_empty() {
        info!(object.id = %profile, users = found.len(),
              "the changed access profile \"{name}\" reaches its users");
    }
    Ok(found)
}

/// Users of that profile who have other rights in OX than these.
fn others_than(
    store: &dyn Store,
    name: &str,
    access: ModuleAccess,
) -> Result<Vec<Mark>, StoreError> {
    let mut found = Vec::new();
    store.objects(&mut |record: ObjectRecord| {
        if record.kind != ObjectKind::User || profile_of(&record).as_deref() != Some(name) {
            return;
        }
        for (context, placed) in &record.placements {
            if matches!(placed, Placement::User { access: last, .. } if *last != Some(access)) {
                found.push(Mark { object: record.id.clone(), context: *context });
            }
        }
    })?;
    Ok(found)
}

fn profile_of(record: &ObjectRecord) -> Option<String> {
    match DirectoryObject::parse(ObjectKind::User, record.properties.as_ref()?) {
        Ok(DirectoryObject::User(user)) => user.profile.map(|name| name.trim().to_owned()),
        _ => None,
    }
}

/// A user was done with the rights that his profile had for his item. If it has others by now, and
/// these are to reach him, he is looked at again: he may not have been among its holders yet.
pub(super) fn overtaken(
    env: &Env,
    id: &ObjectId,
    profile: Option<&str>,
    done: &WantedUser,
) -> Option<Mark> {
    let profile = profile.filter(|_| env.policy.profile_holders > 0)?;
    let book = match env.book.read() {
        Ok(book) => book,
        Err(poisoned) => poisoned.into_inner(),
    };
    let now = book.resolve(profile, &ItemName::new(repair::NEWEST)).ok()?;
    (now != done.access).then(|| Mark { object: id.clone(), context: done.context })
}

/// Looks at one of them in his context.
pub(super) async fn look(env: &Env, mark: &Mark, record: &ObjectRecord, suspect: bool) -> Progress {
    let nothing = |why| Progress::nothing(Vec::new(), why);
    let profiles_reach = env.policy.profile_holders > 0;
    if !profiles_reach && !env.policy.deputies {
        return nothing("deputies are switched off");
    }
    let Some(properties) = &record.properties else { return nothing("is gone") };
    if env.aside.contains(&mark.object) {
        // It has the rights of its time when it is done.
        return nothing("an item of it is set aside");
    }
    match env.policy.scope.judge(&record.id, record.kind, &record.dn, properties) {
        Standing::In => {}
        Standing::Out(out, _) => return nothing(out.why()),
        Standing::Protected(protection) => return nothing(protection.why()),
    }
    let user = match DirectoryObject::parse(record.kind, properties) {
        Ok(DirectoryObject::User(user)) if user.is_ox_user => user,
        Ok(_) => return nothing("is no OX user"),
        Err(error) => {
            return Progress::failed(Vec::new(), Failure::unusable(error.to_string()));
        }
    };
    let file = QueueFile {
        id: record.id.clone(),
        kind: ObjectKind::User,
        dn: record.dn.clone(),
        properties: record.properties.clone(),
        options: None,
        object: None,
    };
    let newest = ItemName::new(repair::NEWEST);
    let mut wanted = match want_user(env, &newest, &file, &user, Some(record)) {
        Ok(Wish::Wanted(wanted)) => *wanted,
        Ok(Wish::Nothing(why)) => return nothing(why),
        Err(problem) => return Progress::failed(Vec::new(), Failure::problem(&problem)),
    };
    let elsewhere = wanted.context != mark.context || record.journey.is_some();
    if elsewhere || !record.placements.contains_key(&mark.context) {
        return nothing("is not there, or on the way");
    }
    // Else his profile reaches him with his own next change.
    if let Some(Placement::User { access: Some(access), .. }) = record.placements.get(&mark.context)
        && !profiles_reach
    {
        wanted.access = *access;
    }
    let whose = deputies::Whose {
        id: &record.id,
        user: Some(&user),
        context: Some(wanted.context),
        record: Some(record),
        suspect,
        in_doubt: false,
    };
    let meant = deputies::meant(env, whose.user);
    let deputies = match deputies::wish(env, whose).await {
        Ok(deputies) => deputies,
        Err(failure) => return Progress::failed(Vec::new(), failure),
    };
    let accounts = record.placements.keys().map(|context| {
        let addresses = env.index.accounts_of(&record.id, *context);
        (*context, addresses)
    });
    let id = record.id.clone();
    let mut case = UserCase::new(id, Some(wanted), Some(record), accounts.collect(), suspect)
        .with_deputies(deputies);
    let result = drive(env, &record.id, &mut case).await;
    Progress { resolved: meant, ..Progress::new(Vec::new()).with_case(&case, result) }
}
