//! The whole engine on one thread under virtual time: one seed, one trace.
//!
//! ```text
//! seed ──► Scenario ──► Stage (queue, store, OX, keys, time) ◄──► the engine, life after life
//!                                    │
//!                                    ▼
//!                        Trace, final state ──► laws, oracle ──► violations ──► shrunk scenario
//! ```
//!
//! A [`Scenario`] says what comes into the queue and when, and what goes wrong: calls that are
//! lost, late or refused, outages, and deaths of the engine at chosen points. The engine is the
//! real one with all its actors; only what stands behind its traits is made here. After a death a
//! new engine starts over the same queue, store and OX, as after a crash of the process.
//!
//! [`laws`] are checked on every trace; once all is calm OX must hold what the [`oracle`] says.

mod batch;
pub mod laws;
mod memory;
pub mod oracle;
mod ox;
mod run;
mod scale;
pub mod scenario;
mod server;
mod shrink;
mod stage;
pub mod trace;
mod verb;
pub mod workload;

pub use batch::{Summary, batch};
pub use laws::Violation;
pub use run::{Outcome, run};
pub use scale::{Memory, Scaled, scale};
pub use scenario::Scenario;
pub use shrink::shrink;
pub use workload::newer_scenario as newer_scenario_of;
pub use workload::scenario as scenario_of;
