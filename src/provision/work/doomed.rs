//! Items of a context that is gone from OX. OX tells of it in the words for a wrong password, and drover
//! may have no key for it any more: the master administrator can tell.
//!
//! If its deletion still waits behind them, nothing can be done there, and nothing has to be: a run that
//! was killed may have deleted it, or somebody by hand.

use crate::model::{ContextId, ObjectKind};
use crate::ox::Account;
use crate::provision::{Env, Failure, Job};
use crate::store::ObjectRecord;

/// Why nothing had to be done.
pub(super) const WHY: &str = "its context is gone from OX, and is to be";

/// A fault that seems to be about a key, as what it is if the context is not there; and which context
/// that is.
pub(super) async fn seen_right(
    env: &Env,
    job: &Job,
    failure: Failure,
) -> (Failure, Option<ContextId>) {
    let Job::Item { context, contexts, .. } = job else { return (failure, None) };
    let asked: Vec<ContextId> = match failure.missing_key {
        Some(Account::Context(context)) => vec![context],
        Some(Account::Master) => Vec::new(),
        // Of one who moves, it may be either context.
        None => {
            let others = contexts.iter().copied().filter(|other| Some(*other) != *context);
            context.iter().copied().chain(others).collect()
        }
    };
    let no_context = failure.class == Failure::NO_CONTEXT;
    if no_context || failure.is_about_a_key() {
        for context in asked {
            if is_gone(env, context).await {
                return (failure.in_no_context(context), Some(context));
            }
        }
    }
    (failure, None)
}

/// Whether a job that failed because a context is gone has nothing to do there: the context was to go
/// in any case, and nothing has to be brought away from it.
///
/// One who was to move there stays where he is: what is wanted next is wanted of him there.
pub(super) fn is_moot(
    job: &Job,
    kind: ObjectKind,
    gone: ContextId,
    record: Option<&ObjectRecord>,
) -> bool {
    let Job::Item { contexts, doomed, .. } = job else { return false };
    let everywhere = matches!(kind, ObjectKind::Group | ObjectKind::Account);
    let leaves = contexts.len() > 1
        && !everywhere
        && record.is_none_or(|record| {
            record.placements.contains_key(&gone) || record.placements.is_empty()
        });
    doomed.contains(&gone) && !leaves && kind != ObjectKind::Context
}

async fn is_gone(env: &Env, context: ContextId) -> bool {
    matches!(env.ox.context_exists(context).await, Ok(false))
}
