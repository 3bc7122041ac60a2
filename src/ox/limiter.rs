//! How many calls may be under way at once, found by watching how OX bears them.
//!
//! A fixed number is wrong somewhere: a small OX gave its best with four writers and less with
//! more, a large one wants dozens. So the number is looked for, under the cap that the settings give:
//!
//! - it starts low and grows step by step, as long as it is used to the full and more calls at once
//!   get more work done;
//! - it shrinks by a share when OX says that it is busy, reports a deadlock, or lets a deadline pass,
//!   and when the same work takes much longer than it did; one burst of trouble counts once;
//! - it rests where more would not give more, looks at the next step now and then, more and more
//!   rarely, and starts the search anew when OX has become another.
//!
//! "Longer" is always by kind of call: a delete that takes five times a read is no sign of overload,
//! one that takes five times what deletes took is.
//!
//! ```text
//! Gate       permits, first come first served; asks the clock, tells the controller
//! Controller pure: begun(now), ended(now, class, end) → limit
//!   Window   what the calls at the present limit showed: work done for a time of calls
//!   Classes  how long each kind of call takes, as a measure for the window
//! ```
//!
//! There is one gate for all calls and one for context creates, whose database deadlocks when more
//! than two run at once. OX takes these locks by database schema, but no answer that drover reads
//! names a context's schema, and asking would cost a call for each context. Installations grow a
//! schema for some thousand contexts, so one gate for all is the cautious choice: it finds the
//! limit of the tightest schema. [`Gate`] knows nothing of what it guards; a gate for each schema is
//! one more map in the client, once the schema is known.

mod classes;
mod controller;
mod gate;
mod window;

pub use classes::Class;
pub use controller::{Begun, Bounds, Change, Controller, End, Why};
pub use gate::{Gate, Permit};

use schemars::JsonSchema;
use serde::Serialize;

/// What a gate is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct GateSnapshot {
    /// Calls that may be under way at once now, at least 1.
    pub limit: usize,
    /// The most that the settings allow.
    pub cap: usize,
    /// Calls under way. More than `limit` for a while after it has shrunk.
    pub in_flight: usize,
    /// Calls that wait for a permit.
    pub waiting: usize,
    /// How often the limit grew, since the start.
    pub increases: u64,
    /// How often it shrank because of trouble or because OX had become slow, since the start.
    pub decreases: u64,
}

/// The gates of one OX.
#[derive(Debug)]
pub struct Gates {
    /// For all calls, context creates included.
    pub calls: Gate,
    /// For context creates, passed before the other.
    pub context_creates: Gate,
}

/// What the gates of one OX are doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LimitsSnapshot {
    /// All calls.
    pub calls: GateSnapshot,
    /// Context creates.
    pub context_creates: GateSnapshot,
}

impl Gates {
    /// What they are doing now.
    pub fn snapshot(&self) -> LimitsSnapshot {
        LimitsSnapshot {
            calls: self.calls.snapshot(),
            context_creates: self.context_creates.snapshot(),
        }
    }
}
