//! Looks up anew the numbers of all users of one context, by their login names.
//!
//! Needed when OX's numbers are not those that drover remembers, as after a restore of its database.
//! It goes chunk by chunk and can be laid aside between two of them; until a user's turn has come his
//! old number is served. Whatever changes goes through the recorder, so groups and accounts that name
//! a user whose number changed, or who is gone, are marked to be looked at again.

use std::collections::{HashMap, VecDeque};

use tracing::{info, warn};

use super::{Env, Failure};
use crate::model::{ContextId, ObjectId, OxId, UserFields};
use crate::ox::{FaultClass, OxUser, Target};
use crate::store::{Beside, Change, Commit, Placement};

/// Users asked for in one call. OX answers with all fields of each, some kilobytes, and several contexts
/// may be asked at once.
pub const CHUNK: usize = 250;

/// What a rebuild has found so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rebuilt {
    /// Users whose number is as remembered.
    pub kept: usize,
    /// Users who have another number.
    pub renumbered: usize,
    /// Users who are not in OX.
    pub gone: usize,
}

/// A rebuild under way.
#[derive(Debug)]
pub struct Rebuild {
    context: ContextId,
    left: VecDeque<ObjectId>,
    found: Rebuilt,
}

impl Rebuild {
    /// Begins with all users who are in the context now; who comes later has a fresh number.
    /// Memory: a shared id for each user.
    pub fn begin(env: &Env, context: ContextId) -> Self {
        let left = env.index.users_in(context).into();
        Self { context, left, found: Rebuilt::default() }
    }

    /// Looks up the next [`CHUNK`] users; true if more are left. Nothing else may change users of
    /// the context meanwhile, so it is called while its lane is held, which can be let go between
    /// two chunks.
    ///
    /// # Errors
    /// OX's, or the memory's; then the chunk's users keep their numbers and are next again.
    pub async fn chunk(&mut self, env: &Env) -> Result<bool, Failure> {
        let size = self.left.len().min(CHUNK);
        // Who left or was renamed since the beginning is taken as he is now.
        let chunk: Vec<Remembered> = self
            .left
            .iter()
            .take(size)
            .filter_map(|id| remembered(env, self.context, id))
            .collect();
        let (commit, found) = compare(env, self.context, &chunk).await?;
        if !commit.is_empty() {
            let recorded = env.recorder.record(commit, None).await;
            recorded.map_err(|error| Failure::unrecorded(&error))?;
        }
        self.left.drain(..size);
        self.found.kept += found.kept;
        self.found.renumbered += found.renumbered;
        self.found.gone += found.gone;
        let wrong = u64::try_from(found.renumbered + found.gone).unwrap_or(u64::MAX);
        env.index.cache().count_wrong(wrong);
        if self.left.is_empty() {
            let settled = vec![Change::ClearDoubt { context: self.context }];
            let recorded = env.recorder.record(settled, None).await;
            recorded.map_err(|error| Failure::unrecorded(&error))?;
            env.index.cache().settle(self.context);
            let Rebuilt { kept, renumbered, gone } = self.found;
            info!(
                context.id = self.context.0,
                users.kept = kept,
                users.renumbered = renumbered,
                users.gone = gone,
                "the numbers of all users of the context were looked up anew"
            );
            return Ok(false);
        }
        Ok(true)
    }

    /// What was found so far.
    pub fn found(&self) -> Rebuilt {
        self.found
    }

    /// Users who are still to be looked up.
    pub fn left(&self) -> usize {
        self.left.len()
    }
}

/// Looks up all users of a context in one go.
///
/// # Errors
/// As [`Rebuild::chunk`]; a later rebuild begins anew.
pub async fn rebuild(env: &Env, context: ContextId) -> Result<Rebuilt, Failure> {
    let mut rebuild = Rebuild::begin(env, context);
    while rebuild.chunk(env).await? {}
    Ok(rebuild.found())
}

/// Notes that a number is another's in OX.
pub(super) fn doubt(env: &Env, context: ContextId) {
    env.index.cache().count_wrong(1);
    if env.index.cache().doubt(context) {
        warn!(
            context.id = context.0,
            "OX has other numbers for users of the context than drover remembers, as after a restore \
             of OX's database; all of them are looked up anew before anything else is done there"
        );
    }
}

/// A user as remembered in the context.
struct Remembered {
    id: ObjectId,
    name: String,
    ox: OxId,
}

fn remembered(env: &Env, context: ContextId, id: &ObjectId) -> Option<Remembered> {
    env.index.with(id, |known| {
        let presence = known.at(context)?;
        let name = presence.login()?.to_owned();
        Some(Remembered { id: id.clone(), name, ox: presence.ox? })
    })?
}

async fn compare(
    env: &Env,
    context: ContextId,
    chunk: &[Remembered],
) -> Result<(Commit, Rebuilt), Failure> {
    let (mut commit, mut found) = (Commit::new(), Rebuilt::default());
    // Halves of halves are few at a time; one missing user in a thousand costs some twenty calls.
    let mut parts = vec![chunk];
    while let Some(part) = parts.pop() {
        if part.is_empty() {
            continue;
        }
        let names: Vec<Target> = part.iter().map(|one| Target::Name(one.name.clone())).collect();
        match env.ox.user_get_many(context, &names).await {
            Ok(users) => {
                let users: HashMap<&str, &OxUser> =
                    users.iter().filter_map(|u| Some((u.fields.text("name")?, u))).collect();
                for one in part {
                    let Some(user) = users.get(one.name.as_str()) else {
                        let text = "OX's answer lacks users it was asked for".to_owned();
                        return Err(Failure::busy(text));
                    };
                    if user.id == one.ox {
                        found.kept += 1;
                    } else {
                        commit.extend(renumbered(env, context, one, user)?);
                        found.renumbered += 1;
                    }
                }
            }
            Err(error) if error.fault().map(|f| f.class) == Some(FaultClass::NoSuchUser) => {
                if let [one] = part {
                    commit.push(Change::DropPlacement { id: one.id.clone(), context });
                    found.gone += 1;
                } else {
                    let (first, second) = part.split_at(part.len() / 2);
                    parts.extend([second, first]);
                }
            }
            Err(error) => return Err(Failure::from_ox(&error)),
        }
    }
    Ok((commit, found))
}

/// The user under his new number, with the values OX has: they may be as old as that number, and are
/// brought up to date with his next change.
fn renumbered(
    env: &Env,
    context: ContextId,
    one: &Remembered,
    user: &OxUser,
) -> Result<Option<Change>, Failure> {
    let record = env.store.object(&one.id).map_err(|error| Failure::memory(&error))?;
    let old = record.and_then(|mut record| record.placements.remove(&context));
    let Some(Placement::User { name, fields: old, .. }) = old else { return Ok(None) };
    let mut fields = UserFields::new();
    for (field, _) in old.iter() {
        if let Some(value) = user.fields.get(field.name()) {
            fields.insert(field, value.clone());
        }
    }
    let placement =
        Placement::User { ox: user.id, name, fields, access: None, beside: Beside::default() };
    Ok(Some(Change::PutPlacement { id: one.id.clone(), context, placement }))
}
