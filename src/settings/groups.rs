//! How groups are written.

use super::layers::Layers;
use super::problem::BadValue;
use crate::plan::group::{EmptyGroup, GroupPolicy, Membership, Verify};

const MOST_MEMBERS: u32 = 10_000;

const MOST_BETWEEN: u32 = 1_000_000;

/// Section `groups`.
pub(super) fn read(layers: &Layers) -> Result<GroupPolicy, BadValue> {
    let delta_max = layers.field("groups.delta_max").whole(0..=MOST_MEMBERS)?;
    Ok(GroupPolicy {
        delta_max: usize::try_from(delta_max).unwrap_or(usize::MAX),
        verify: layers.field("groups.verify").choice(&[
            ("before", Verify::Before),
            ("after", Verify::After),
            ("never", Verify::Never),
        ])?,
        verify_every: layers.field("groups.verify_every").count(MOST_BETWEEN)?,
        empty: layers.field("groups.empty").choice(&[
            ("delete", EmptyGroup::Delete),
            ("keep", EmptyGroup::Keep),
            ("hold", EmptyGroup::Hold),
        ])?,
        membership: layers
            .field("groups.membership")
            .choice(&[("direct", Membership::Direct), ("flattened", Membership::Flattened)])?,
    })
}
