//! When removals are too many to be meant.

use super::layers::Layers;
use super::problem::BadValue;
use crate::guard::GuardRules;

const MOST: u32 = 1_000_000_000;

/// Section `guard`.
pub(super) fn read(layers: &Layers) -> Result<GuardRules, BadValue> {
    Ok(GuardRules {
        percent: layers.field("guard.deletes_percent").whole(0..=100)?,
        floor: layers.field("guard.deletes_floor").whole(0..=MOST)?,
        window: layers.field("guard.window_s").seconds_from(1.0)?,
    })
}
