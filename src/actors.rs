//! The actors, and who tells whom what.
//!
//! ```text
//!            Arrived, Vanished                 Provision(job)
//!   intake ───────────────────► supervisor ◄──────────────────► context actor (one a context)
//!      ▲                          │   ▲          Ended             │        │
//!      └────────── Ack ───────────┘   │ Marked          Resolve    ▼        │ Record
//!                                     │              group actor ──┐        ▼
//!                                  recorder ◄──────────────────────┼──── recorder
//!                                     │ Write                      ▼ LookUp
//!                                     ▼                     member-id cache actor
//!                                   writer (SyncArbiter over the store)
//! ```
//!
//! - **intake** reads the queue and is the only one to remove files from it.
//! - **supervisor** owns the order of all pending work, decides what runs, stops a context at a
//!   faulty item (or sets the item aside) and retries it, pauses everything while OX is down, carries
//!   out what operators order ([`operator`]), and replaces context actors that died.
//! - **context actor** does one job at a time; started on demand, retired when idle.
//! - **group actor** finds a group's members in a context; **member-id cache actor** looks up in OX
//!   the numbers that are not known, once however many ask.
//! - **recorder** makes outcomes durable, many at a time, and is the one writer of the index.
//!
//! A panic ends the actor it happens in and nothing else: whoever waits for its answer sees a closed
//! mailbox, and the supervisor starts a new one. Correctness never depends on which arbiter runs
//! which actor.

pub mod context;
pub mod group;
pub mod intake;
pub mod member_ids;
pub mod operator;
pub mod recorder;
pub mod status;
pub mod supervisor;
