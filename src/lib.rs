//! drover provisions Open-Xchange App Suite from Univention identity changes: many contexts at once,
//! each in order, nothing lost.
//!
//! # How one change travels
//!
//! ```text
//! queue ──► intake ──► lane(s) ──► plan ──► OX call(s) ──► record ──► ack
//! files     order +    one actor   pure     reqwest +      SQLite     file
//!           routing    a context            quick-xml      commit     removed
//! ```
//!
//! 1. A JSON file appears in the [`queue`]. [`actors::intake`] reads and checks it
//!    ([`model::QueueFile`]) and hands it to the [`actors::supervisor`].
//! 2. The supervisor looks at it through the [`scope`], counts it with the [`guard`] if it removes
//!    something, and has [`route`] find out which contexts the item touches, from what was
//!    provisioned and what is already pending ([`index`]), and puts it into their [`lanes`].
//! 3. When it is first in its lane, the context's actor ([`actors::context`]) gets it as a
//!    [`provision::Job`]: the file is read again, the object's record taken from the [`store`].
//! 4. A case of [`plan`] says the next step until nothing is left to do; [`provision::perform`] turns
//!    each into a call of [`ox`], or a question to it.
//! 5. What was learnt goes to the [`actors::recorder`], which makes many outcomes durable in one
//!    commit and tells the index; groups and accounts that name a user who came or went are marked
//!    to be looked at again.
//! 6. Only then is the queue file removed.
//!
//! A fault stops the item's context and nothing else, or, with the policy `park`, sets the item aside
//! with what cannot be done without it; [`retry`] says what kind of fault it is. While
//! OX is down everything waits and no item is to blame.
//!
//! # What holds everywhere
//!
//! - One thing at a time in a context; an item in several contexts never makes them wait in a circle
//!   ([`lanes`]).
//! - OX answered → outcome committed → file removed. A crash between any two means that the item is
//!   done again, and doing it again is harmless.
//! - What must not be lost is written before the call that makes it matter: a new context's
//!   password, the begin of a user's move.
//! - [`model`], [`plan`] and [`retry`] know neither actors, tokio, HTTP, files nor the clock; only
//!   [`ox`] and [`sim`] know XML, and they share no code, so that what one gets wrong the other
//!   catches.
//! - Only intake removes queue files. The index has one writer, the recorder.
//! - Secrets are typed ([`model::Secret`]) and cannot be printed; people's data is not logged.
//! - Every call has deadlines, every wait an end or a reason.

pub mod actors;
pub mod admin;
pub mod apply;
pub mod bundle;
pub mod check;
pub mod cli;
pub mod clock;
pub mod compare;
pub mod credentials;
pub mod demo;
mod durable;
pub mod engine;
mod few;
pub mod guard;
pub mod health;
pub mod hints;
pub mod import;
pub mod index;
pub mod lanes;
pub mod lint;
pub mod load;
pub mod mapping_file;
pub mod metrics;
pub mod mirror;
pub mod model;
pub mod notify;
pub mod ox;
pub(crate) mod page;
pub mod plan;
mod planted;
pub mod profiles;
pub mod provision;
pub mod queue;
pub mod redact;
pub mod retry;
pub mod route;
pub mod scope;
pub mod service;
pub mod settings;
pub mod share;
pub mod sim;
pub mod simulate;
pub mod snapshot;
pub mod store;
pub mod takeover;
pub mod telemetry;
