//! drover as its own load generator and judge.
//!
//! ```text
//! schedule ──► writer ──► queue files ──► (the engine) ──► OX
//! generator ─►   │                          │    └ calls ──┐
//!                └── intended, written ──► meter ◄─ ends ──┘ ──► verdict, report
//! ```
//!
//! The load goes through the same engine that provisions, with everything that is durable there. Items
//! arrive by the clock whether or not the target keeps up (an open model), latency counts from when an
//! item was meant to arrive, and the run says of itself whether it measured the target or itself.

pub mod anonymise;
pub mod drive;
pub mod evidence;
pub mod generator;
pub mod journal;
pub mod knee;
pub mod meter;
pub mod mix;
pub mod population;
pub mod replay;
pub mod report;
pub mod run_id;
pub mod schedule;
pub mod target;
pub mod threshold;
pub mod units;
pub mod verdict;
