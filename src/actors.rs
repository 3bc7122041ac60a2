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
//! # What bounds memory
//!
//! | what | is bounded by |
//! |---|---|
//! | waiting items | their number: name, place, names and addresses of each, about 1 KB; the content stays in the file until the item runs |
//! | known objects | their number: DN, numbers and names ([`index`](crate::index)); all else is in the store |
//! | jobs with context actors, each with its file's content | [`Rules::most_running`](supervisor::Rules::most_running) |
//! | supervisor's mailbox | one slice of intake, which waits until it is taken; one answer a running job; one word of the recorder a batch |
//! | commits that intake's reading causes | intake waits while 16 are on their way to the disk |
//! | recorder's mailbox, and what it gathers while the disk is busy | those 16, and one commit a running job: whoever asks waits for the answer |
//! | intake's mailbox | removals of what ended while a slice is taken: no more than run |
//! | names that intake has not read yet | files in the queue |
//! | snapshots | the newest one: readers look, nobody is sent any |
//! | context actors | contexts that have work, or had some in the last minute |
//!
//! So a long queue costs memory only by its number of items, and a fast producer in front of a slow OX
//! or disk makes files pile up, not messages. What a backlog took is given back when it is through.
//!
//! A panic ends the actor it happens in and nothing else: whoever waits for its answer sees a closed
//! mailbox, and the supervisor starts a new one. Correctness never depends on which arbiter runs
//! which actor.

pub mod context;
pub mod group;
pub mod intake;
pub mod member_ids;
pub mod news;
pub mod operator;
pub mod recorder;
pub mod status;
pub mod supervisor;
