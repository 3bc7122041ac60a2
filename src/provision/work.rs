//! One job from its queue file to its durable outcome.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use tracing::{debug, warn};

use super::members::Members;
use super::nested;
use super::perform::{Driven, drive, drive_from};
use super::rebuild::{doubt, rebuild};
use super::wishes::{GroupWish, Wish, disabled, want_account, want_group, want_user};
use super::{Coverage, Earlier, Ended, Env, Failure, Job, OnRevoke};
use crate::model::object::{ContextObject, DirectoryObject, ProfileObject, UserObject};
use crate::model::{ContextId, DnKey, Fate, ModuleAccess, ObjectId, ObjectKind, OxId, QueueFile};
use crate::plan::account::{AccountCase, WantedAccount};
use crate::plan::context::ContextCase;
use crate::plan::group::GroupCase;
use crate::plan::resource::ResourceCase;
use crate::plan::user::UserCase;
use crate::plan::{Case, Problem};
use crate::retry::Verdict;
use crate::scope::{Fixed, OutOfScope, Seen};
use crate::snapshot::photo;
use crate::store::{
    Change, Commit, Extra, ItemOutcome, Mark, ObjectRecord, Placement, ProfileVersion,
};

mod deputies;
mod doomed;
mod doubt;
mod holder;
pub(crate) mod repair;
mod shared;

/// So many protected objects are named when they keep a context from being deleted.
const MOST_NAMED: usize = 5;

/// The contexts that a job works in.
fn contexts_of(job: &Job) -> Vec<ContextId> {
    match job {
        Job::Item { sole: true, contexts, .. } => contexts.clone(),
        Job::Item { context, .. } => context.iter().copied().collect(),
        Job::Look { mark, .. } => vec![mark.context],
    }
}

/// Digest by which a queue file is recognised.
pub fn digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// What a job has done so far.
struct Progress {
    commit: Commit,
    applied: bool,
    heard: bool,
    why: &'static str,
    held: Vec<ObjectId>,
    failure: Option<Failure>,
    /// Whom the members' DNs meant.
    resolved: Resolved,
    /// Who is to be looked at because of it.
    wake: Vec<Mark>,
    /// Groups whose members were counted in.
    inner: Vec<(ObjectId, u64)>,
}

type Resolved = Vec<(DnKey, Option<ObjectId>)>;

impl Progress {
    fn new(commit: Commit) -> Self {
        Self {
            commit,
            applied: false,
            heard: false,
            why: "needs no change in OX",
            held: Vec::new(),
            failure: None,
            resolved: Vec::new(),
            wake: Vec::new(),
            inner: Vec::new(),
        }
    }

    fn nothing(commit: Commit, why: &'static str) -> Self {
        Self { why, ..Self::new(commit) }
    }

    fn failed(commit: Commit, failure: Failure) -> Self {
        Self { failure: Some(failure), ..Self::new(commit) }
    }

    /// Takes over what a case has learnt.
    fn with_case(mut self, case: &dyn Case, result: Result<Driven, Failure>) -> Self {
        self.commit.extend(case.changes());
        self.applied |= case.applied();
        match result {
            Ok(driven) => {
                self.why = driven.why;
                self.heard |= driven.heard;
            }
            Err(failure) => self.failure = Some(failure),
        }
        self
    }
}

/// Does a job.
pub async fn run(env: &Env, job: &Job) -> Ended {
    match job {
        Job::Item { name, digest, .. } => {
            let bytes = match env.queue.read(name) {
                Ok(Some(bytes)) => bytes,
                Ok(None) => return Ended::Withdrawn,
                Err(error) => return Ended::Failed(Failure::local(error.to_string())),
            };
            if self::digest(&bytes) != *digest {
                return Ended::Rewritten;
            }
            match QueueFile::parse(&bytes) {
                Ok(file) => {
                    let file = env.index.identify(file);
                    // A context itself is none of its users' numbers' business, and may be gone.
                    if file.kind != ObjectKind::Context
                        && let Err(failure) = look_up_doubted(env, job).await
                    {
                        return Ended::Failed(failure);
                    }
                    let scope = env.policy.scope.clone();
                    let seen = scope.see(&file, env.index.fixed(&file.id));
                    item(env, job, &seen).await
                }
                Err(error) => Ended::Failed(Failure::unusable(error.to_string())),
            }
        }
        Job::Look { mark, suspect, repair } => match look_up_doubted(env, job).await {
            Err(failure) => Ended::Failed(failure),
            Ok(()) if *repair => repair::run(env, mark).await,
            Ok(()) => look(env, mark, *suspect).await,
        },
    }
}

/// Looks up the users' numbers in contexts where those remembered are not to be relied on. Called before
/// any record is read: what is remembered changes by it.
async fn look_up_doubted(env: &Env, job: &Job) -> Result<(), Failure> {
    for context in contexts_of(job) {
        if env.index.cache().is_doubted(context) {
            rebuild(env, context).await?;
        }
    }
    Ok(())
}

/// The ends of the items in whose place a job's item is done.
pub fn superseded(env: &Env, job: &Job, object: Option<&ObjectId>) -> Commit {
    let Job::Item { name, earlier, .. } = job else { return Vec::new() };
    let end = |item: &Earlier| {
        Change::End(ItemOutcome {
            item: item.name.clone(),
            digest: item.digest,
            object: object.cloned(),
            kind: None,
            fate: Fate::Superseded { by: name.clone() },
            attempts: 0,
            last_fault: None,
            exception_id: None,
            ended_ms: env.clock.now_ms(),
        })
    };
    earlier.iter().map(end).collect()
}

/// Makes what was done durable, and says how the part ended.
async fn finish(env: &Env, progress: Progress, coverage: Option<Coverage>) -> Ended {
    if !progress.commit.is_empty()
        && let Err(error) = env.recorder.record(progress.commit, coverage).await
    {
        return Ended::Failed(Failure::unrecorded(&error));
    }
    match progress.failure {
        Some(failure) => Ended::Failed(failure),
        None => Ended::Done {
            applied: progress.applied,
            heard: progress.heard,
            why: progress.why,
            held: progress.held,
        },
    }
}

async fn item(env: &Env, job: &Job, seen: &Seen<'_>) -> Ended {
    let file = seen.file.as_ref();
    let Job::Item { context, contexts, suspect, maybe_begun, .. } = job else {
        return Ended::Failed(Failure::local("not an item".to_owned()));
    };
    let record = match env.store.object(&file.id) {
        Ok(record) => record,
        Err(error) => return Ended::Failed(Failure::memory(&error)),
    };
    let record = record.as_ref();
    // Where it is now decides where it has to be worked on. If an earlier item that was to move it
    // was dropped by hand, this one was routed for another state and is routed anew.
    let elsewhere = record.is_some_and(|record| {
        file.kind != ObjectKind::Context
            && seen.fixed.is_none()
            && (record.placements.keys().any(|placed| !contexts.contains(placed))
                || record.journey.as_ref().is_some_and(|j| !contexts.contains(&j.to)))
    });
    if elsewhere {
        return Ended::Rewritten;
    }
    let came_and_went = came_and_went(env, job, file, record);
    let known = record.is_some() || !came_and_went.is_empty();
    if let Some(why) = left_alone(seen, record) {
        let progress = match look_up_protected(env, seen, known, record).await {
            Ok(commit) => Progress::nothing(commit, why),
            Err(failure) => Progress::failed(Vec::new(), failure),
        };
        return close(env, job, seen, known, progress).await;
    }
    let nesting = env.policy.groups.is_flattened();
    let mut begin = came_and_went;
    if file.object.is_some() || known {
        begin.extend(put_object(file, nesting));
    }
    if let Err(failure) = tell_holders(env, file, record, &begin).await {
        return Ended::Failed(failure);
    }
    // What is to go goes by what is remembered.
    let doubted = record.filter(|_| job.in_doubt() && file.object.is_some());
    let sure = doubted.map(|record| doubt::without_doubt(record, *context));
    let record = sure.as_ref().or(record);
    let may_be = match file.kind {
        ObjectKind::Resource => false,
        // Who its members are depends on others: a killed run may have done something else with it.
        ObjectKind::Group | ObjectKind::Account => *maybe_begun,
        _ => job.in_doubt(),
    };
    let suspect = *suspect || may_be;
    let mut progress = by_kind(env, job, seen, record, begin.clone(), suspect).await;
    // Refused, but perhaps because a run that was killed has made it already: OX is asked first then.
    let refused = progress.failure.as_ref().is_some_and(Failure::is_refusal);
    if refused && *maybe_begun && !suspect && !progress.applied {
        progress = by_kind(env, job, seen, record, begin.clone(), true).await;
    }
    if let Some(failure) = progress.failure.take() {
        let (failure, gone) = doomed::seen_right(env, job, failure).await;
        if gone.is_some_and(|gone| doomed::is_moot(job, file.kind, gone, record)) {
            progress = Progress::nothing(begin, doomed::WHY);
        } else {
            progress.failure = Some(failure);
        }
    }
    close(env, job, seen, known, progress).await
}

/// A user who came and went before anything was done, under a DN that another one had before: groups
/// and accounts that name it do not mean that one any more.
fn came_and_went(env: &Env, job: &Job, file: &QueueFile, record: Option<&ObjectRecord>) -> Commit {
    let came = matches!(job, Job::Item { earlier, .. } if !earlier.is_empty());
    let inherited = || env.index.by_dn(file.dn.key()).is_some_and(|owner| owner != file.id);
    let is_user = file.kind == ObjectKind::User && file.object.is_none();
    if !(is_user && record.is_none() && came && inherited()) {
        return Vec::new();
    }
    vec![Change::PutObject {
        id: file.id.clone(),
        kind: file.kind,
        dn: file.dn.clone(),
        properties: Some(serde_json::Map::new()),
        members: Vec::new(),
    }]
}

/// A group that changes is written down, and with it which groups that hold it are to be looked at: one
/// that is just being done sees either the new members, or is seen here.
async fn tell_holders(
    env: &Env,
    file: &QueueFile,
    record: Option<&ObjectRecord>,
    begin: &Commit,
) -> Result<(), Failure> {
    if file.kind != ObjectKind::Group || !env.policy.groups.is_flattened() || begin.is_empty() {
        return Ok(());
    }
    let now = match &file.object {
        Some(DirectoryObject::Group(group)) => Some(group),
        _ => None,
    };
    if !nested::changes(record, file.dn.key(), now) {
        return Ok(());
    }
    let coverage = Coverage { holders: true, ..Coverage::of(&file.id) };
    let recorded = env.recorder.record(begin.clone(), Some(coverage)).await;
    recorded.map_err(|error| Failure::unrecorded(&error))
}

/// Does what an item of its kind asks for. `suspect` says that the outcome of an earlier try is not
/// known.
async fn by_kind(
    env: &Env,
    job: &Job,
    seen: &Seen<'_>,
    record: Option<&ObjectRecord>,
    begin: Commit,
    suspect: bool,
) -> Progress {
    let file = seen.file.as_ref();
    let Job::Item { context, .. } = job else { return Progress::new(begin) };
    match (&file.object, file.kind) {
        (object, ObjectKind::Profile) => profile(env, job, file, object.as_ref(), begin).await,
        (object, ObjectKind::User) => {
            let user = match object {
                Some(DirectoryObject::User(user)) => Some(user),
                _ => None,
            };
            user_item(env, job, seen, user, record, begin, suspect).await
        }
        (object, ObjectKind::Context) => {
            let wanted = match object {
                Some(DirectoryObject::Context(wanted)) => Some(wanted),
                _ => None,
            };
            context_item(env, file, wanted, *context, record, begin, suspect).await
        }
        (object, ObjectKind::Resource) => {
            let wanted = match object {
                Some(DirectoryObject::Resource(wanted)) => Some(wanted),
                _ => None,
            };
            let wanted = wanted.map(|wanted| wanted.named(env.policy.user.texts));
            let mut case = ResourceCase::new(file.id.clone(), wanted.as_ref(), record, suspect);
            let result = drive(env, &file.id, &mut case).await;
            note_adoption(&file.id, file.kind, &case);
            Progress::new(begin).with_case(&case, result)
        }
        (object, ObjectKind::SharedAccount) => {
            shared::item(env, &file.id, object.as_ref(), record, begin, suspect).await
        }
        (_, ObjectKind::SharedAccountPermission) => shared::permission(env, &file.id, begin).await,
        (object, ObjectKind::Group | ObjectKind::Account) => match context {
            Some(context) => {
                let mut progress =
                    project(env, &file.id, object.as_ref(), *context, record, begin, suspect).await;
                if progress.failure.is_none() {
                    let mark = Mark { object: file.id.clone(), context: *context };
                    progress.commit.push(looked_at(&progress, mark));
                }
                progress
            }
            None => Progress::nothing(begin, "has no member in any context"),
        },
    }
}

/// Why an item's object is left alone, if so: it stays as it is, or it is out of scope and nothing of
/// it is in OX.
fn left_alone(seen: &Seen<'_>, record: Option<&ObjectRecord>) -> Option<&'static str> {
    if let Some(fixed) = seen.fixed {
        return Some(fixed.why());
    }
    let is_there =
        |record: &ObjectRecord| !record.placements.is_empty() || record.journey.is_some();
    let is_profile = seen.file.kind == ObjectKind::Profile;
    let nowhere = !record.is_some_and(|record| is_there(record) || is_profile);
    seen.out.filter(|_| nowhere).map(OutOfScope::why)
}

/// What is remembered of an object that is left alone. Of one that stays as it is whatever is known of
/// its name and whereabouts, so that it stays in its groups; the directory's deletion of it is not, as
/// that tells nothing of them. Of one that never was in scope, nothing.
fn remembered(seen: &Seen<'_>, known: bool, nesting: bool) -> Commit {
    let file = seen.file.as_ref();
    let worth = match seen.fixed {
        Some(fixed) => file.object.is_some() && (known || fixed.is_protected()),
        None => known,
    };
    if worth { put_object(file, nesting) } else { Vec::new() }
}

/// What is remembered of an object that is left alone; but of a protected user whom OX has and drover
/// did not make, it is remembered at once, and then his number is looked up: only by that can he be
/// told in a group whose whole list is written.
async fn look_up_protected(
    env: &Env,
    seen: &Seen<'_>,
    known: bool,
    record: Option<&ObjectRecord>,
) -> Result<Commit, Failure> {
    let commit = remembered(seen, known, env.policy.groups.is_flattened());
    let user = match &seen.file.object {
        Some(DirectoryObject::User(user)) if user.is_ox_user => user,
        _ => return Ok(commit),
    };
    let placed = record.is_some_and(|record| !record.placements.is_empty());
    let protected = seen.fixed.is_some_and(Fixed::is_protected);
    let Some(context) = user.context.filter(|_| protected && !placed) else { return Ok(commit) };
    let recorded = env.recorder.record(commit, None).await;
    recorded.map_err(|error| Failure::unrecorded(&error))?;
    let found = env.members.look_up(context, seen.file.id.clone()).await;
    found.map_err(|failure| (*failure).clone())?;
    Ok(Vec::new())
}

/// Makes the end of a part durable, and of its item with the last one.
async fn close(
    env: &Env,
    job: &Job,
    seen: &Seen<'_>,
    known: bool,
    mut progress: Progress,
) -> Ended {
    let Job::Item { sole, contexts, context, .. } = job else {
        return Ended::Failed(Failure::local("not an item".to_owned()));
    };
    let file = seen.file.as_ref();
    // What a user's deputies meant counts where he is to be.
    let home = file.object.as_ref().and_then(DirectoryObject::own_context);
    let here = if file.kind == ObjectKind::User { home.or(*context) } else { *context };
    let mut coverage = covered(&file.id, here, &mut progress);
    if progress.failure.is_none() && *sole {
        if crate::planted::ack_before_commit()
            && let Job::Item { name, .. } = job
        {
            let _ = env.queue.remove(name);
        }
        // What stays as it is stays remembered, too.
        let known = known && seen.fixed.is_none();
        progress.commit.extend(closing(env, job, file, known, progress.applied, progress.why));
        let members = match whoever(env, file) {
            Ok(members) => members,
            Err(failure) => return Ended::Failed(failure),
        };
        if !members.is_empty() {
            let here = coverage.unwrap_or_else(|| Coverage::of(&file.id));
            coverage = Some(Coverage { members, contexts: contexts.clone(), ..here });
        }
    }
    let wake = std::mem::take(&mut progress.wake);
    if progress.failure.is_none() && !wake.is_empty() {
        let here = coverage.unwrap_or_else(|| Coverage::of(&file.id));
        coverage = Some(Coverage { wake, ..here });
    }
    finish(env, progress, coverage).await
}

/// What the evaluation of a group or account in a context went by.
fn covered(
    object: &ObjectId,
    here: Option<ContextId>,
    progress: &mut Progress,
) -> Option<Coverage> {
    let resolved = std::mem::take(&mut progress.resolved);
    let inner = std::mem::take(&mut progress.inner);
    let any = !resolved.is_empty() || !inner.is_empty();
    any.then(|| Coverage { here, resolved, inner, ..Coverage::of(object) })
}

/// Everybody in a group or account, also by the groups in it. Whom users and shared accounts name is in
/// their own context.
pub(crate) fn whoever(env: &Env, file: &QueueFile) -> Result<Vec<DnKey>, Failure> {
    match &file.object {
        Some(DirectoryObject::Group(group)) if env.policy.groups.is_flattened() => {
            if !group.is_ox_group {
                return Ok(Vec::new());
            }
            let everybody = nested::flattened(env.store.as_ref(), &env.index, &file.id, group);
            let users = everybody.map_err(|error| Failure::memory(&error))?.group.users;
            Ok(users.iter().map(|dn| dn.key().clone()).collect())
        }
        Some(DirectoryObject::Group(_) | DirectoryObject::Account(_)) => Ok(members(file, false)),
        _ => Ok(Vec::new()),
    }
}

/// The last changes of an item whose every part is done. Also called by the supervisor, for items
/// with several parts.
pub fn closing(
    env: &Env,
    job: &Job,
    file: &QueueFile,
    known: bool,
    applied: bool,
    why: &str,
) -> Commit {
    let mut commit = Vec::new();
    if file.object.is_none() && known {
        commit.push(Change::ForgetObject { id: file.id.clone() });
    }
    if let Job::Item { name, digest, attempt, last_fault, .. } = job {
        commit.extend(superseded(env, job, Some(&file.id)));
        let fate = if applied { Fate::Applied } else { Fate::NoOp { reason: why.to_owned() } };
        let (last_fault, exception_id) = match last_fault {
            Some((text, id)) => (Some(text.clone()), id.clone()),
            None => (None, None),
        };
        commit.push(Change::End(ItemOutcome {
            item: name.clone(),
            digest: *digest,
            object: Some(file.id.clone()),
            kind: Some(file.kind),
            fate,
            attempts: *attempt,
            last_fault,
            exception_id,
            ended_ms: env.clock.now_ms(),
        }));
    }
    commit
}

/// Whom and what a file names, for the reverse index; `nesting`: groups count as members.
fn members(file: &QueueFile, nesting: bool) -> Vec<DnKey> {
    file.object.as_ref().map(|object| object.names(nesting)).unwrap_or_default()
}

/// What is to be remembered of an object as its file tells of it.
pub(crate) fn put_object(file: &QueueFile, nesting: bool) -> Commit {
    let put = Change::PutObject {
        id: file.id.clone(),
        kind: file.kind,
        dn: file.dn.clone(),
        properties: file.properties.clone(),
        members: members(file, nesting),
    };
    // Of one that is being deleted what came before stays good to know.
    if file.properties.is_none() {
        return vec![put];
    }
    let extra = Extra { options: file.options.clone(), photo: photo(file) };
    vec![put, Change::PutExtra { id: file.id.clone(), extra }]
}

async fn profile(
    env: &Env,
    job: &Job,
    file: &QueueFile,
    object: Option<&DirectoryObject>,
    mut begin: Commit,
) -> Progress {
    let Job::Item { name: item, .. } = job else { return Progress::new(begin) };
    let version = match object {
        Some(DirectoryObject::Profile(profile)) => Some(ProfileVersion {
            object: file.id.clone(),
            name: profile.name.clone(),
            since: item.clone(),
            access: Some(profile.access),
        }),
        _ => old_profile_name(env, &file.id).map(|name| ProfileVersion {
            object: file.id.clone(),
            name,
            since: item.clone(),
            access: None,
        }),
    };
    let Some(version) = version else {
        return Progress::nothing(begin, "was not known");
    };
    if let Some(why) = version.access.and_then(ModuleAccess::contradiction) {
        let name = version.name;
        return Progress::failed(
            begin,
            Failure::problem(&Problem::ImpossibleProfile { name, why }),
        );
    }
    if let Err(text) = env.profile_file.write(&version.name, version.access) {
        return Progress::failed(begin, Failure::local(text));
    }
    let last = old_profile(env, &file.id).map(|profile| (profile.name, Some(profile.access)));
    if last == Some((version.name.clone(), version.access)) {
        // Written once more all the same, for a file that somebody else has changed.
        return Progress::nothing(begin, "is as it was");
    }
    add_to_book(env, &version);
    let wake = match version.access {
        Some(access) => holder::to_reach(env, &file.id, version.name.trim(), access).await,
        None => Ok(Vec::new()),
    };
    match wake {
        Ok(wake) => {
            begin.push(Change::PutProfile(version));
            Progress { applied: true, wake, ..Progress::new(begin) }
        }
        Err(failure) => Progress::failed(Vec::new(), failure),
    }
}

/// The name under which a profile object was last known.
pub fn old_profile_name(env: &Env, id: &ObjectId) -> Option<String> {
    old_profile(env, id).map(|profile| profile.name)
}

fn old_profile(env: &Env, id: &ObjectId) -> Option<ProfileObject> {
    let properties = env.store.object(id).ok()??.properties?;
    match DirectoryObject::parse(ObjectKind::Profile, &properties) {
        Ok(DirectoryObject::Profile(profile)) => Some(profile),
        _ => None,
    }
}

/// Makes a profile's version known to all that plan from now on.
pub fn add_to_book(env: &Env, version: &ProfileVersion) {
    match env.book.write() {
        Ok(mut book) => book.add(version),
        Err(poisoned) => poisoned.into_inner().add(version),
    }
}

async fn context_item(
    env: &Env,
    file: &QueueFile,
    wanted: Option<&ContextObject>,
    context: Option<ContextId>,
    record: Option<&ObjectRecord>,
    begin: Commit,
    suspect: bool,
) -> Progress {
    let Some(context) = context else {
        return Progress::nothing(begin, "was not in OX");
    };
    // A directory may tell of a context's end after it has told of the next one of that number.
    if wanted.is_none() && env.index.other_context(&file.id, context).is_some() {
        warn!(object.id = %file.id, context.id = context.0,
              "the context is another object's by now and is not deleted");
        let mut commit = begin;
        commit.push(Change::DropPlacement { id: file.id.clone(), context });
        return Progress::nothing(commit, "is another object's context by now");
    }
    let mine = record.is_some_and(|record| record.placements.contains_key(&context));
    if wanted.is_some()
        && !mine
        && let Some(other) = env.index.other_context(&file.id, context)
        && !is_leaving(env, &other)
    {
        let dn = |id| env.store.object(id).ok().flatten().map(|other| other.dn.as_str().to_owned());
        let (here, there) = (file.dn.as_str().to_owned(), dn(&other).unwrap_or_default());
        let problem = Problem::ContextTwice { context, here, there };
        // Nothing of it is remembered, so that it comes under whichever number it gets.
        return Progress::failed(Vec::new(), Failure::problem(&problem));
    }
    let extra: Vec<String> = env
        .policy
        .extra_mappings
        .iter()
        .map(|pattern| {
            let name = wanted.map_or("", |wanted| wanted.name.as_str());
            pattern.replace("{id}", &context.to_string()).replace("{name}", name)
        })
        .collect();
    let holds = if wanted.is_none() { env.index.protected_in(context) } else { Vec::new() };
    if let Some(first) = holds.get(..holds.len().min(MOST_NAMED)).filter(|first| !first.is_empty())
    {
        let first: Vec<String> = first.iter().map(ToString::to_string).collect();
        let (count, first) = (holds.len(), first.join(", "));
        let problem = Problem::HoldsProtected { context, count, first };
        return Progress::failed(begin, Failure::problem(&problem));
    }
    let disable = env.policy.disable_contexts;
    // One that is back after it was disabled is enabled again.
    let back = wanted.filter(|wanted| disable && wanted.enabled.is_none());
    let back = back.map(|wanted| ContextObject { enabled: Some(true), ..wanted.clone() });
    let wanted = back.as_ref().or(wanted);
    let mut case = ContextCase::new(file.id.clone(), context, wanted, &extra, record, suspect);
    if disable {
        case = case.disabled_instead();
    }
    let result = drive(env, &file.id, &mut case).await;
    note_adoption(&file.id, file.kind, &case);
    let deleted = wanted.is_none() && !disable && result.is_ok();
    let mut progress = Progress::new(begin).with_case(&case, result);
    // The entry goes with the context, whoever deleted it: a later context of that number has
    // another administrator.
    if deleted
        && record.is_some_and(|r| r.placements.contains_key(&context))
        && let Err(text) = env.vault.remove(context)
    {
        progress.failure = Some(Failure::local(text));
    }
    progress
}

/// Whether the end of an object is in the queue. Reads all of it: for rare questions.
fn is_leaving(env: &Env, id: &ObjectId) -> bool {
    let names = env.queue.scan().unwrap_or_default();
    names.iter().any(|name| {
        let bytes = env.queue.read(name).ok().flatten();
        let file = bytes.and_then(|bytes| QueueFile::parse(&bytes).ok());
        file.is_some_and(|file| file.id == *id && file.object.is_none())
    })
}

async fn user_item(
    env: &Env,
    job: &Job,
    seen: &Seen<'_>,
    user: Option<&UserObject>,
    record: Option<&ObjectRecord>,
    begin: Commit,
    suspect: bool,
) -> Progress {
    let Job::Item { name, .. } = job else { return Progress::new(begin) };
    let file = seen.file.as_ref();
    let revoked = if seen.disable { OnRevoke::Disable } else { env.policy.on_revoke };
    let wanted = match user.filter(|user| user.is_ox_user) {
        None => match (user, revoked) {
            (Some(_), OnRevoke::Disable) => record.and_then(disabled),
            _ => None,
        },
        Some(user) => match want_user(env, name, file, user, record) {
            Ok(Wish::Wanted(wanted)) => Some(*wanted),
            Ok(Wish::Nothing(why)) => return Progress::nothing(begin, why),
            Err(problem) => return Progress::failed(begin, Failure::problem(&problem)),
        },
    };
    let mut sure = None;
    if let (Some(record), Some(wanted), true) = (record, &wanted, job.in_doubt()) {
        sure = match doubt::user(env, record, wanted).await {
            Ok(sure) => sure,
            Err(failure) => return Progress::failed(begin, failure),
        };
    }
    let suspect = suspect || sure.is_some();
    let record = sure.as_ref().or(record);
    let mut accounts = BTreeMap::new();
    for context in record.iter().flat_map(|record| record.placements.keys()) {
        accounts.insert(*context, env.index.accounts_of(&file.id, *context));
    }
    let whose = deputies::Whose {
        id: &file.id,
        user: user.filter(|user| user.is_ox_user),
        context: wanted.as_ref().map(|wanted| wanted.context),
        record,
        suspect,
        in_doubt: job.in_doubt(),
    };
    let meant = deputies::meant(env, whose.user);
    let deputies = match deputies::wish(env, whose).await {
        Ok(deputies) => deputies,
        Err(failure) => return Progress::failed(begin, failure),
    };
    let mut case = UserCase::new(file.id.clone(), wanted.clone(), record, accounts, suspect)
        .with_heir(env.policy.heir.clone())
        .with_deputies(deputies);
    let result = drive(env, &file.id, &mut case).await;
    note_adoption(&file.id, file.kind, &case);
    for field in case.both_changed() {
        warn!(item.name = %name, object.id = %file.id, ox.field = field,
              "the value was changed in OX as well as in the directory; the directory's was written");
    }
    for field in case.not_clearable() {
        warn!(item.name = %name, object.id = %file.id, ox.field = field,
              "the value was removed in the directory, but OX cannot clear it over SOAP; it stays");
    }
    let mut progress = Progress::new(begin).with_case(&case, result);
    progress.resolved = meant;
    let profile = user.and_then(|user| user.profile.as_deref());
    progress.wake.extend(wanted.and_then(|w| holder::overtaken(env, &file.id, profile, &w)));
    progress
}

/// Provisions a group or functional account in one context.
async fn project(
    env: &Env,
    id: &ObjectId,
    object: Option<&DirectoryObject>,
    context: ContextId,
    record: Option<&ObjectRecord>,
    begin: Commit,
    suspect: bool,
) -> Progress {
    let (mut resolved, mut inner, mut flat) = (Resolved::new(), Vec::new(), None);
    if let Some(DirectoryObject::Group(group)) = object
        && group.is_ox_group
        && env.policy.groups.is_flattened()
    {
        match nested::flattened(env.store.as_ref(), &env.index, id, group) {
            Ok(everybody) => {
                (resolved, inner) = (everybody.resolved, everybody.inner);
                flat = Some(DirectoryObject::Group(everybody.group));
            }
            Err(error) => return Progress::failed(begin, Failure::memory(&error)),
        }
    }
    let object = flat.as_ref().or(object);
    let dns = object.map(DirectoryObject::member_dns).unwrap_or_default();
    resolved.extend(dns.iter().map(|dn| (dn.key().clone(), env.index.by_dn(dn.key()))));
    let mut progress = evaluate(env, id, object, context, record, begin, suspect).await;
    let known = progress.failure.as_ref().is_none_or(|failure| failure.not_made);
    if known && env.index.with(id, |known| known.begun.contains_key(&context)) == Some(true) {
        progress.commit.push(Change::ClearBegin { id: id.clone(), context });
    }
    let number = |placement: Option<&Placement>| placement.and_then(Placement::ox_id);
    let was = number(record.and_then(|record| record.placements.get(&context)));
    let renumbered = progress.commit.iter().any(|change| match change {
        Change::PutPlacement { placement: placement @ Placement::Group { .. }, .. } => {
            number(Some(placement)) != was
        }
        Change::DropPlacement { id: dropped, .. } => dropped == id && was.is_some(),
        _ => false,
    });
    if renumbered {
        match shared::naming(env, id) {
            Ok(marks) => progress.wake.extend(marks),
            Err(failure) => return Progress::failed(progress.commit, failure),
        }
    }
    Progress { resolved, inner, ..progress }
}

async fn evaluate(
    env: &Env,
    id: &ObjectId,
    object: Option<&DirectoryObject>,
    context: ContextId,
    record: Option<&ObjectRecord>,
    begin: Commit,
    suspect: bool,
) -> Progress {
    // A number may turn out stale while we are at it; then the members are looked up anew, once.
    let mut were: BTreeMap<ObjectId, OxId> = BTreeMap::new();
    for attempt in 0..2 {
        let mut members = match object.map(DirectoryObject::member_dns) {
            None | Some([]) => Members::default(),
            Some(dns) => match env.groups.resolve(context, dns.to_vec()).await {
                Ok(members) => members,
                Err(failure) => return Progress::failed(begin, failure),
            },
        };
        let placement = record.and_then(|record| record.placements.get(&context));
        let fixed = env.index.fixed_users(context);
        let number = |member: &ObjectId| env.index.ox_id(member, context);
        keep_as_they_are(&mut members, fixed.keys(), placement, number);
        let held = members.held.clone();
        keep_as_they_are(&mut members, held.iter(), placement, number);
        if were.iter().any(|(id, old)| members.there.get(id).is_some_and(|now| now != old)) {
            // Not gone but renumbered; others will be, too.
            doubt(env, context);
            let text = "members have other numbers in OX; all of the context are looked up anew";
            return Progress::failed(begin, Failure::busy(text.to_owned()));
        }
        if !members.missing.is_empty() {
            warn!(object.id = %id, context.id = context.0, members.missing = members.missing.len(),
                  "members who belong into this context are not in OX; they are added when they appear");
        }
        let begun = record.and_then(|record| record.begun.get(&context));
        let renamed = match doubt::renamed_group(env, id, context, placement, begun).await {
            Ok(renamed) => renamed,
            Err(failure) => return Progress::failed(begin, failure),
        };
        let placement = renamed.as_ref().or(placement);
        let present = |member: &ObjectId, ox| env.index.ox_id(member, context) == Some(ox);
        let (progress, stale) = match object {
            Some(DirectoryObject::Account(account)) => {
                let wanted = match want_account(env, id, account, &members) {
                    Ok(wanted) => wanted,
                    Err(failure) => return Progress::failed(begin, failure),
                };
                let owner = |address: &str| env.index.owner(context, address);
                let address = wanted.as_ref().map(|wanted| &wanted.address);
                if let Some(astray) = astray(begun, address)
                    && let Err(failure) = take_away(env, id, context, astray).await
                {
                    return Progress::failed(begin, failure);
                }
                let placement = with_begun(placement, begun, wanted.as_ref());
                let placement = placement.as_ref();
                let mut case =
                    AccountCase::new(id.clone(), context, wanted, placement, present, owner);
                let result = drive_from(env, id, &mut case, &begin, begun).await;
                let none_made = begun.is_none() && case.found_it_in_the_way();
                let result = result.map_err(|failure| Failure {
                    not_made: failure.not_made || none_made && failure.verdict == Verdict::Lasting,
                    ..failure
                });
                // After an answer that did not come, it is most likely our own.
                if !suspect {
                    note_adoption(id, ObjectKind::Account, &case);
                }
                let progress = Progress::new(begin.clone()).with_case(&case, result);
                (progress, case.stale_members().to_vec())
            }
            Some(DirectoryObject::Group(group)) => {
                let placed = matches!(placement, Some(Placement::Group { .. }));
                let wanted = match want_group(env, id, group, members, placed) {
                    Ok(GroupWish::There(wanted)) => Some(wanted),
                    Ok(GroupWish::AsItIs) => {
                        let why = "has no member left there and is held as it is (groups.empty)";
                        return Progress::nothing(begin, why);
                    }
                    Ok(GroupWish::Nowhere) => None,
                    Ok(GroupWish::Reserved) => {
                        return Progress::nothing(begin, "is OX's own group \"users\"");
                    }
                    Err(problem) => return Progress::failed(begin, Failure::problem(&problem)),
                };
                // One that may have been made bears the name it had then.
                let other = |begun: &&Placement| match (begun, &wanted) {
                    (Placement::Group { name, .. }, Some(wanted)) => *name != wanted.name,
                    _ => true,
                };
                let (placement, suspect) = match begun {
                    Some(_) => (placement.or(begun.filter(other)), true),
                    None => (placement, suspect),
                };
                let mut case =
                    GroupCase::new(id.clone(), context, wanted, placement, suspect, present)
                        .with_policy(env.policy.groups)
                        .with_fixed(fixed.clone());
                let result = drive_from(env, id, &mut case, &begin, begun).await;
                note_adoption(id, ObjectKind::Group, &case);
                if case.differed() {
                    warn!(object.id = %id, context.id = context.0,
                          "the group's members in OX were not those drover had put there; the whole \
                           list is written");
                }
                let progress = Progress::new(begin.clone()).with_case(&case, result);
                (progress, case.stale_members().to_vec())
            }
            _ => {
                // Deleted: whatever is there, or may be, goes.
                if let Some(astray) = astray(begun, None).filter(|_| placement.is_some())
                    && let Err(failure) = take_away(env, id, context, astray).await
                {
                    return Progress::failed(begin, failure);
                }
                let placement = placement.or(begun);
                let owner = |address: &str| env.index.owner(context, address);
                match placement {
                    Some(Placement::Account { .. }) => {
                        let mut case =
                            AccountCase::new(id.clone(), context, None, placement, present, owner);
                        let result = drive(env, id, &mut case).await;
                        (Progress::new(begin.clone()).with_case(&case, result), Vec::new())
                    }
                    _ => {
                        let mut case =
                            GroupCase::new(id.clone(), context, None, placement, suspect, present);
                        let result = drive(env, id, &mut case).await;
                        (Progress::new(begin.clone()).with_case(&case, result), Vec::new())
                    }
                }
            }
        };
        if progress.failure.is_none() || stale.is_empty() || attempt > 0 {
            return Progress { held, ..progress };
        }
        warn!(object.id = %id, context.id = context.0, members.stale = stale.len(),
              "OX does not know members under the numbers remembered for them; they are looked up anew");
        were = stale
            .iter()
            .filter_map(|id| Some((id.clone(), env.index.ox_id(id, context)?)))
            .collect();
        let forget = stale.into_iter().map(|id| Change::DropPlacement { id, context }).collect();
        if let Err(error) = env.recorder.record(forget, None).await {
            return Progress::failed(Vec::new(), Failure::unrecorded(&error));
        }
    }
    Progress::new(begin)
}

/// An account that may have been made and is not wanted under that address.
fn astray<'p>(begun: Option<&'p Placement>, wanted: Option<&String>) -> Option<&'p Placement> {
    begun.filter(|begun| match begun {
        Placement::Account { address, .. } => wanted != Some(address),
        _ => false,
    })
}

/// Takes away an account that may have been made.
async fn take_away(
    env: &Env,
    id: &ObjectId,
    context: ContextId,
    astray: &Placement,
) -> Result<Driven, Failure> {
    let present = |member: &ObjectId, ox| env.index.ox_id(member, context) == Some(ox);
    let owner = |address: &str| env.index.owner(context, address);
    let mut case = AccountCase::new(id.clone(), context, None, Some(astray), present, owner);
    drive(env, id, &mut case).await
}

/// What is remembered of an account, and those beside who may have been given it and are not to have it.
/// Those who are to have it are given it again, which finds it.
fn with_begun(
    placement: Option<&Placement>,
    begun: Option<&Placement>,
    wanted: Option<&WantedAccount>,
) -> Option<Placement> {
    let (Some(Placement::Account { address, members: may_have }), Some(wanted)) = (begun, wanted)
    else {
        return placement.cloned();
    };
    let mut members = match placement {
        Some(Placement::Account { address: known, members }) if known == address => members.clone(),
        Some(_) => return placement.cloned(),
        None => BTreeMap::new(),
    };
    for (member, account) in may_have {
        if *address == wanted.address && !wanted.members.contains_key(member) {
            members.entry(member.clone()).or_insert_with(|| account.clone());
        }
    }
    let there = placement.is_some() || !members.is_empty();
    there.then(|| Placement::Account { address: address.clone(), members })
}

/// Members whose items are set aside, and users who are not to be touched, stay in a group or account if
/// they are in it, and stay out of it if not. `number` is what they have in the context: one who is not
/// there any more cannot stay.
fn keep_as_they_are<'a>(
    members: &mut Members,
    fixed: impl Iterator<Item = &'a ObjectId>,
    placement: Option<&Placement>,
    number: impl Fn(&ObjectId) -> Option<OxId>,
) {
    for member in fixed {
        let there = match placement {
            Some(Placement::Group { members, .. }) => members.contains_key(member),
            Some(Placement::Account { members, .. }) => members.contains_key(member),
            _ => false,
        };
        match number(member).filter(|_| there) {
            Some(ox) => members.there.insert(member.clone(), ox),
            None => members.there.remove(member),
        };
    }
}

/// Looks again at a group or account in one context, from its newest begun state.
async fn look(env: &Env, mark: &Mark, suspect: bool) -> Ended {
    let cleared = vec![Change::ClearMark(mark.clone())];
    let record = match env.store.object(&mark.object) {
        Ok(Some(record)) => record,
        Ok(None) => {
            return finish(env, Progress::nothing(cleared, "is gone"), None).await;
        }
        Err(error) => return Ended::Failed(Failure::memory(&error)),
    };
    if let Some(fixed) = env.index.fixed(&mark.object) {
        return finish(env, Progress::nothing(cleared, fixed.why()), None).await;
    }
    if record.kind == ObjectKind::User {
        let mut progress = holder::look(env, mark, &record, suspect).await;
        if progress.failure.is_none() {
            progress.commit.extend(cleared);
        }
        let coverage = covered(&mark.object, Some(mark.context), &mut progress);
        return finish(env, progress, coverage).await;
    }
    if record.kind == ObjectKind::SharedAccount {
        let mut progress = shared::look(env, mark, &record, suspect).await;
        if progress.failure.is_none() {
            progress.commit.extend(cleared);
        }
        return finish(env, progress, None).await;
    }
    let object = match &record.properties {
        None => None,
        Some(properties) => match DirectoryObject::parse(record.kind, properties) {
            Ok(object) => Some(object),
            Err(error) => {
                return Ended::Failed(Failure::unusable(error.to_string()));
            }
        },
    };
    debug!(object.id = %mark.object, context.id = mark.context.0, "looking again at its members");
    let progress = project(
        env,
        &mark.object,
        object.as_ref(),
        mark.context,
        Some(&record),
        Vec::new(),
        suspect,
    )
    .await;
    let mut progress = progress;
    if progress.failure.is_none() {
        progress.commit.push(looked_at(&progress, mark.clone()));
    }
    let mut coverage = covered(&mark.object, Some(mark.context), &mut progress);
    let wake = std::mem::take(&mut progress.wake);
    if progress.failure.is_none() && !wake.is_empty() {
        let here = coverage.unwrap_or_else(|| Coverage::of(&mark.object));
        coverage = Some(Coverage { wake, ..here });
    }
    finish(env, progress, coverage).await
}

/// A group or account was evaluated; one that lacks members whose items are set aside has to be looked
/// at again, also after a restart.
fn looked_at(progress: &Progress, mark: Mark) -> Change {
    if progress.held.is_empty() { Change::ClearMark(mark) } else { Change::SetMark(mark) }
}

fn note_adoption(id: &ObjectId, kind: ObjectKind, case: &dyn Case) {
    if case.adopted() {
        warn!(object.id = %id, object.kind = %kind,
              "took over an object that was in OX already under this name");
    }
}
