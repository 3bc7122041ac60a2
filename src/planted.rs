//! Mistakes that can be planted on purpose, to see whether the simulation finds them.
//!
//! Only a build with the feature `planted` can make them, and only the one that `DROVER_PLANT`
//! names; without the feature every question here is `false` and costs nothing.

/// The queue file is removed before its outcome is committed.
pub(crate) fn ack_before_commit() -> bool {
    planted("ack-before-commit")
}

/// The index learns of a commit before it is made.
pub(crate) fn cache_before_commit() -> bool {
    planted("cache-before-commit")
}

/// Users do not go before the groups that name them, and groups are not looked at again.
pub(crate) fn no_group_barrier() -> bool {
    planted("no-group-barrier")
}

/// A newer item of an object does not wait for an older one that is faulty and tried again later.
pub(crate) fn old_over_new() -> bool {
    planted("old-over-new")
}

#[cfg(feature = "planted")]
fn planted(which: &str) -> bool {
    use std::sync::OnceLock;
    static PLANT: OnceLock<Option<String>> = OnceLock::new();
    let plant = PLANT.get_or_init(|| std::env::var("DROVER_PLANT").ok());
    plant.as_deref() == Some(which)
}

#[cfg(not(feature = "planted"))]
const fn planted(_: &str) -> bool {
    false
}
