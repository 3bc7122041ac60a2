//! Intake: reads the queue, tells the supervisor what came and went, and removes what is done.
//!
//! It is the only one to remove files. If it dies its files are still there; the new one reads the
//! directory again, and the supervisor knows what it has already.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use tracing::{error, info};

use crate::model::object::QueueFileError;
use crate::model::{ItemName, QueueFile};
use crate::provision::work::digest;
use crate::queue::{Changed, Queue};

/// How many files are read before others get their turn; also what the supervisor gets at once.
const SLICE: usize = 256;

/// How long a queue that cannot be listed is left alone before it is looked at again.
const LIST_AGAIN: Duration = Duration::from_secs(1);

/// So often in a row the queue is looked at before the supervisor is told that it cannot be listed.
const MOST_LISTINGS: u32 = 3;

/// A file of the queue, read.
#[derive(Debug)]
pub struct Arrival {
    /// Its name.
    pub name: ItemName,
    /// Digest of its content.
    pub digest: [u8; 32],
    /// What it says, or why it cannot be used.
    pub file: Result<QueueFile, Unusable>,
}

/// Why a queue file cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Unusable {
    /// Its content is wrong.
    #[error("{0}")]
    Content(#[from] QueueFileError),
    /// It cannot be read.
    #[error("{0}")]
    Reading(String),
}

/// These files are in the queue, in its order. Sent to the supervisor.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Arrived {
    /// The files.
    pub files: Vec<Arrival>,
    /// More of the same reading follows: nothing should start yet.
    pub more: bool,
}

/// These files are not in the queue any more. Sent to the supervisor.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Vanished(pub Vec<ItemName>);

/// The queue cannot be listed, for this reason, so nobody can say what is in it. Sent to the supervisor.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Unlisted(pub String);

/// This item is done and durable: remove its file. Sent by the supervisor.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Ack(pub ItemName);

/// The file is not the one that was read: read it again. Sent by the supervisor.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct ReadAgain(pub ItemName);

/// Take nothing new any more. Sent by the supervisor.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Close;

/// See the module's description.
pub struct Intake {
    queue: Arc<dyn Queue>,
    arrived: Recipient<Arrived>,
    vanished: Recipient<Vanished>,
    unlisted: Recipient<Unlisted>,
    /// The whole queue was listed once: what comes now comes in addition.
    listed: bool,
    /// Failed listings in a row.
    failures: u32,
    /// Files that were handed on and not yet removed.
    handed_on: HashSet<ItemName>,
    /// Names still to be read.
    unread: BTreeSet<ItemName>,
    reading: bool,
    closed: bool,
    watch: bool,
}

impl Intake {
    /// Reads `queue`; with `watch` also whatever comes later.
    pub fn new(
        queue: Arc<dyn Queue>,
        arrived: Recipient<Arrived>,
        vanished: Recipient<Vanished>,
        unlisted: Recipient<Unlisted>,
        watch: bool,
    ) -> Self {
        Self {
            queue,
            arrived,
            vanished,
            unlisted,
            listed: false,
            failures: 0,
            handed_on: HashSet::new(),
            unread: BTreeSet::new(),
            reading: false,
            closed: false,
            watch,
        }
    }

    fn scan(&mut self, ctx: &mut Context<Self>) {
        match self.queue.scan() {
            Ok(names) => {
                (self.listed, self.failures) = (true, 0);
                let there: HashSet<&ItemName> = names.iter().collect();
                let gone: Vec<ItemName> =
                    self.handed_on.iter().filter(|name| !there.contains(name)).cloned().collect();
                self.gone(gone);
                let new = names.into_iter().filter(|name| !self.handed_on.contains(name));
                self.unread.extend(new);
            }
            Err(problem) => {
                // Not to be listed is not to be empty: nothing is gone, and nothing was read.
                self.failures = self.failures.saturating_add(1);
                error!(attempt = self.failures, "{problem}");
                if self.failures == MOST_LISTINGS && !self.listed {
                    self.unlisted.do_send(Unlisted(problem.to_string()));
                }
                ctx.run_later(LIST_AGAIN, |actor, ctx| {
                    if !actor.closed {
                        actor.scan(ctx);
                    }
                });
                return;
            }
        }
        self.read(ctx);
    }

    fn gone(&mut self, names: Vec<ItemName>) {
        let gone: Vec<ItemName> =
            names.into_iter().filter(|name| self.handed_on.remove(name)).collect();
        if !gone.is_empty() {
            self.vanished.do_send(Vanished(gone));
        }
    }

    fn read(&mut self, ctx: &mut Context<Self>) {
        if !self.reading {
            self.reading = true;
            self.read_slice(ctx);
        }
    }

    /// Reads some files, hands them on, and waits until they are taken before it reads more: the
    /// supervisor's mailbox never holds more than one slice.
    fn read_slice(&mut self, ctx: &mut Context<Self>) {
        let mut files = Vec::new();
        while files.len() < SLICE {
            let Some(name) = self.unread.pop_first() else { break };
            let (digest, file) = match self.queue.read(&name) {
                Ok(Some(bytes)) => {
                    (digest(&bytes), QueueFile::parse(&bytes).map_err(Unusable::Content))
                }
                Ok(None) => continue,
                Err(problem) => ([0; 32], Err(Unusable::Reading(problem.to_string()))),
            };
            self.handed_on.insert(name.clone());
            files.push(Arrival { name, digest, file });
        }
        let more = !self.unread.is_empty();
        let send = self.arrived.send(Arrived { files, more }).into_actor(self);
        ctx.wait(send.map(move |_, actor, ctx| {
            if actor.unread.is_empty() || actor.closed {
                actor.reading = false;
            } else {
                actor.read_slice(ctx);
            }
        }));
    }
}

impl Actor for Intake {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        // The watch comes before the first reading, so that nothing falls between the two.
        if self.watch {
            match self.queue.watch() {
                Ok(changes) => {
                    let stream = futures_util::stream::unfold(changes, |mut changes| async move {
                        changes.recv().await.map(|change| (change, changes))
                    });
                    ctx.add_stream(stream);
                }
                Err(problem) => error!("{problem}"),
            }
        }
        self.scan(ctx);
    }
}

impl Supervised for Intake {
    fn restarting(&mut self, _: &mut Self::Context) {
        self.reading = false;
    }
}

impl StreamHandler<Changed> for Intake {
    fn handle(&mut self, change: Changed, ctx: &mut Self::Context) {
        if self.closed {
            return;
        }
        if !self.listed {
            // It will be found with all the rest; out of order it could do harm.
            return;
        }
        self.gone(change.removed);
        for name in change.added {
            if !self.handed_on.contains(&name) {
                self.unread.insert(name);
            }
        }
        for name in change.modified {
            self.handed_on.remove(&name);
            self.unread.insert(name);
        }
        if !self.unread.is_empty() {
            self.read(ctx);
        }
    }

    fn finished(&mut self, _: &mut Self::Context) {
        // The watch ends with the queue; the actor stays for what is still to be removed.
        info!("the queue is not watched any more");
    }
}

impl Handler<Ack> for Intake {
    type Result = ();

    fn handle(&mut self, Ack(name): Ack, _: &mut Self::Context) {
        self.handed_on.remove(&name);
        if self.handed_on.len() < self.handed_on.capacity() / 8 {
            self.handed_on.shrink_to(2 * self.handed_on.len());
        }
        if let Err(problem) = self.queue.remove(&name) {
            // It is done again after the next start, which is harmless; but somebody should know.
            error!(item.name = %name, "{problem}");
        }
    }
}

impl Handler<ReadAgain> for Intake {
    type Result = ();

    fn handle(&mut self, ReadAgain(name): ReadAgain, ctx: &mut Self::Context) {
        self.handed_on.remove(&name);
        self.unread.insert(name);
        self.read(ctx);
    }
}

impl Handler<Close> for Intake {
    type Result = ();

    fn handle(&mut self, _: Close, _: &mut Self::Context) {
        self.closed = true;
        self.unread.clear();
    }
}
