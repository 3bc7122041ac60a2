//! How long ended items are remembered.

use super::layers::Layers;
use super::problem::BadValue;

/// With fewer, an item that was done just before a crash might not be known as done.
const FEWEST: u32 = 1_000;

const MOST: u32 = 1_000_000_000;

/// Section `ledger`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    /// Ended items that are kept, with what the ledger tells of them.
    pub keep: usize,
}

impl Ledger {
    pub(super) fn read(layers: &Layers) -> Result<Self, BadValue> {
        let keep = layers.field("ledger.keep").whole(FEWEST..=MOST)?;
        Ok(Self { keep: usize::try_from(keep).unwrap_or(usize::MAX) })
    }
}
