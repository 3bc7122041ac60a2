//! The demo: a seeded workload of queue files, and a judge who knows what must come of it.
//!
//! ```text
//! Params ──► Workload ──► queue files ──► (the engine) ──► OX: state and call log
//!               │                                             │
//!               └──► Directory ──► expected state ──► judge ◄─┘ ──► report
//! ```
//!
//! Nothing in here knows the engine, its planning, a socket or the clock. The [`directory`] is slow
//! and plain on purpose, and its own mapping of attributes is a second opinion: it shares no code
//! with what it judges.

pub mod directory;
pub mod judge;
pub mod progress;
pub mod report;
pub mod workload;

pub use directory::{Defaults, Directory};
pub use judge::{Difference, compare};
pub use progress::Progress;
pub use report::Report;
pub use workload::{Params, QueueItem, Workload};
