//! Items of a context that is gone from OX. OX tells of it in the words for a wrong password, and drover
//! may have no key for it any more: the master administrator can tell.
//!
//! If its deletion still waits behind them, nothing can be done there, and nothing has to be: a run that
//! was killed may have deleted it, or somebody by hand.

use crate::model::{ContextId, ObjectKind};
use crate::ox::Account;
use crate::provision::{Env, Failure, Job};

/// Why nothing had to be done.
pub(super) const WHY: &str = "its context is gone from OX, and is to be";

/// A fault that seems to be about a key, as what it is if the context is not there.
pub(super) async fn seen_right(env: &Env, job: &Job, failure: Failure) -> Failure {
    let Job::Item { context, .. } = job else { return failure };
    let context = match failure.missing_key {
        Some(Account::Context(context)) => Some(context),
        Some(Account::Master) => None,
        None => *context,
    };
    match context {
        Some(context) if failure.is_about_a_key() && is_gone(env, context).await => {
            failure.in_no_context(context)
        }
        _ => failure,
    }
}

/// Whether a fault means that a job's context is gone, and that it was to go in any case.
pub(super) fn is_moot(job: &Job, kind: ObjectKind, failure: &Failure) -> bool {
    let Job::Item { contexts, doomed, .. } = job else { return false };
    // One who moves is somewhere else, too.
    let moves = contexts.len() > 1 && !matches!(kind, ObjectKind::Group | ObjectKind::Account);
    *doomed && !moves && kind != ObjectKind::Context && failure.class == Failure::NO_CONTEXT
}

async fn is_gone(env: &Env, context: ContextId) -> bool {
    matches!(env.ox.context_exists(context).await, Ok(false))
}
