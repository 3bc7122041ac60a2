//! The judge: is OX as the directory wants it, and did it come about in the right order?
//!
//! Three questions, each answered by a list that is empty if all is well:
//!
//! - [`compare`]: what OX holds against what it must hold;
//! - [`overlaps`]: were two calls in flight at once in one context;
//! - [`order`]: did the writes come in an order that the queue allows.

mod call;
mod compare;
mod order;
mod overlaps;
mod ox_state;
mod places;

pub use call::Call;
pub use compare::{Difference, compare};
pub use order::{Disorder, order};
pub use overlaps::{Overlap, overlaps};
pub use ox_state::ox_state;

#[cfg(test)]
mod tests;
