//! A faithful OX App Suite administration server, for tests, demonstrations and load.
//!
//! It speaks the six SOAP services (WSDL included) with the rules, faults and texts of a real
//! server, keeps its contexts in memory, and can be told to misbehave. It shares no code with
//! the client of the same protocol: what one gets wrong the other must catch.
//!
//! ```no_run
//! use drover::sim::{Config, Effect, Rule, SeedContext};
//!
//! let config = Config { contexts: vec![SeedContext::new(10)], ..Config::default() };
//! let sim = drover::sim::start(config)?;
//! sim.script(Rule::new(Effect::ApplyThenDrop).on("User", "create").times(1));
//! println!("{}/webservices/OXUserService?wsdl", sim.base_url());
//! # Ok::<(), drover::sim::SimError>(())
//! ```
//!
//! What it does not do: several databases and file stores, guests, mail. Operations that move
//! data between stores answer a fault.
//!
//! | file | answers |
//! |---|---|
//! | `world` | what an operation does: pure, no I/O, no clock |
//! | `interface` | what the services look like |
//! | `request`, `answer`, `wsdl` | XML in and out |
//! | `service` | from a request to the world and back |
//! | `server` | one call: script, lock, world, log |
//! | `http`, `control` | connections, and the `/sim/` paths |
//! | `script`, `log` | misbehaviour, and what was called |
//! | `stall` | when it stands still: pure |
//! | `capacity` | how long calls take when there are many: pure |

mod answer;
mod capacity;
mod control;
pub(crate) mod fault;
mod handle;
mod http;
mod interface;
mod log;
mod options;
mod pauses;
mod request;
mod script;
mod server;
mod service;
mod stall;
pub(crate) mod world;
mod wsdl;

pub use capacity::Capacity;
pub use handle::{Config, Handle, LOG_CAPACITY, SeedContext, SimError, start};
pub use log::{CallRecord, Stats};
pub use options::SimOptions;
pub use script::{Effect, Latency, Rule, ScriptUpdate};
pub use stall::Stall;
