//! The supervisor: owns the order of all pending work and decides what runs.
//!
//! It routes what intake reads into lanes, gives each lane's next job to that context's actor, stops
//! the lane at a faulty item and has it tried again after growing, jittered pauses, pauses everything
//! while OX is down, replaces context actors that died, and has intake remove what is done and
//! durable. If it dies, the engine ends with an error: a new start reads everything from the queue
//! and the store, also how often faulty items were tried.

mod breaker;
mod causes;
mod coalescing;
mod contexts;
mod depths;
mod faults;
mod guarding;
mod hurrying;
mod jobs;
mod leaving;
mod operating;
mod parking;
mod remembered;
mod settling;
mod taking_in;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tokio::sync::{oneshot, watch};
use tracing::{error, info, warn};

use super::context::ContextActor;
use super::intake::{Arrival, Arrived, Close, Intake, Unlisted, Vanished};
use super::recorder::Marked;
use super::status::{FaultyItem, Snapshot};
use crate::few::Few;
use crate::guard::GuardRules;
use crate::lanes::{EntryId, Lane, Lanes};
use crate::model::{ContextId, ItemName, ObjectId, ObjectKind};
use crate::plan::coalesce::Apart;
use crate::provision::{Earlier, Env};
use crate::retry::Backoff;
use crate::route::{Identifiers, Router};
use crate::store::{Commit, FaultRecord, Hold, HoldScope, Mark};
use breaker::Breaker;
use faults::Standing;
use guarding::Guarding;
use parking::Parking;

/// From so many waiting items on, and at every doubling, the log says how many there are.
const HIGH_WATER: usize = 10_000;

/// How often the snapshot is renewed while something happens.
const SNAPSHOT_EVERY: Duration = Duration::from_millis(200);

/// A context actor that has had nothing to do for so long is retired.
const RETIRE_AFTER: Duration = Duration::from_secs(60);

/// A context actor that dies this often at one item is not replaced for it at once any more: the
/// item counts as faulty, and its lane stops like at any other faulty item.
const MOST_PANICS: u32 = 3;

/// Usual number of jobs that may be with context actors at once. Far more than OX is ever asked at once, so that it
/// never waits for drover; each holds the content of its queue file.
pub const MOST_RUNNING: usize = 1024;

/// From so many commits on that are on their way to the disk, intake waits before it reads more: it
/// reads faster than a disk writes.
const MOST_RECORDING: usize = 16;

/// When the engine ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// Only when told to.
    Told,
    /// When everything in the queue is through, or stands still for good: each faulty item was
    /// tried so often, and OX was down for so long.
    Empty {
        /// Attempts for a faulty item in this run, the first included.
        attempts: NonZeroU32,
        /// How long an outage is borne.
        outage: Duration,
    },
}

/// How far a faulty item's standstill reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StopScope {
    /// Its own context.
    #[default]
    Context,
    /// Everything.
    All,
}

/// What happens to an item that OX or drover refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnFault {
    /// Its contexts stand still until it is solved.
    #[default]
    Stop,
    /// It is set aside with all that cannot be done without it, and its contexts go on.
    Park,
}

/// How the supervisor behaves.
#[derive(Debug, Clone)]
pub struct Rules {
    /// When to end.
    pub until: Until,
    /// What happens to a faulty item.
    pub on_fault: OnFault,
    /// How far a standstill reaches.
    pub stop_scope: StopScope,
    /// Pauses between attempts at a faulty item.
    pub faulty: Backoff,
    /// Pauses when OX asks for a moment.
    pub busy: Backoff,
    /// Pauses between probes while OX is down.
    pub outage: Backoff,
    /// Attempts before a busy answer counts as a lasting fault.
    pub busy_attempts: NonZeroU32,
    /// How long what runs may still take after the engine was told to end.
    pub drain: Duration,
    /// How many removals are too many.
    pub guard: GuardRules,
    /// Whether what locks somebody out goes before everything else.
    pub leavers_first: bool,
    /// So many jobs are with context actors at once at most; at least 1.
    pub most_running: usize,
    /// Which properties name users and groups.
    pub identifiers: Identifiers,
    /// Whether an earlier run was cut short: it may have begun with what is in the queue at the start.
    pub cut_short: bool,
    /// Seed of the jitter.
    pub seed: u64,
}

/// How the engine ended.
#[derive(Debug, Clone)]
pub struct Report {
    /// The last snapshot.
    pub snapshot: Snapshot,
    /// Why it could not go on, if that was it.
    pub broken: Option<String>,
    /// Of all that is left it is known what has been done of it: what ran came to its end and was
    /// remembered, and no call's outcome is unknown.
    pub sure: bool,
}

/// What is to be done with an entry.
#[derive(Debug)]
enum What {
    Item(Item),
    /// Go by what is remembered, or (true) by what OX says.
    Look(Mark, bool),
}

/// An item, as light as it can be: its content stays in its file until it is worked on.
#[derive(Debug)]
struct Item {
    digest: [u8; 32],
    object: ObjectId,
    kind: ObjectKind,
    contexts: Few<ContextId>,
    /// Earlier items in whose place it is done, oldest first.
    earlier: Vec<Earlier>,
    /// Why the item of the same object before it is done on its own.
    apart: Option<Apart>,
    /// It is the object's end.
    deletion: bool,
    /// An earlier run may have begun with it, and been killed before it could remember that.
    maybe_begun: bool,
}

/// A queue file that cannot be used.
#[derive(Debug)]
struct UnusableFile {
    digest: [u8; 32],
    fault: FaultRecord,
}

/// One pending piece of work.
#[derive(Debug)]
struct Task {
    name: ItemName,
    what: What,
    attempts: u32,
    /// Of those, the ones of earlier runs.
    earlier_attempts: u32,
    busy: u32,
    panics: u32,
    /// Lanes in which an earlier attempt may have had an effect that was not heard of.
    suspect: Few<Lane>,
    applied: bool,
    why: &'static str,
    fault: Option<Box<Standing>>,
    /// Grows with every timer set, so that an old one does nothing.
    timer: u64,
    /// When its file was taken in, milliseconds since 1970 UTC.
    taken_ms: i64,
    /// When the timer brings the next attempt, milliseconds since 1970 UTC.
    next_ms: Option<i64>,
    /// No more attempts: the run ends without it.
    given_up: bool,
}

impl Task {
    fn new(name: ItemName, what: What) -> Self {
        Self {
            name,
            what,
            attempts: 0,
            earlier_attempts: 0,
            busy: 0,
            panics: 0,
            suspect: Few::default(),
            applied: false,
            why: "needs no change in OX",
            fault: None,
            timer: 0,
            taken_ms: 0,
            next_ms: None,
            given_up: false,
        }
    }

    /// Whether an earlier run may have begun with it, or with one in whose place it is done, and been
    /// killed before it could remember that.
    fn maybe_begun(&self) -> bool {
        match &self.what {
            What::Item(item) => {
                item.maybe_begun || item.earlier.iter().any(|earlier| earlier.maybe_begun)
            }
            What::Look(..) => false,
        }
    }

    /// The items in whose place it was to be done.
    fn take_earlier(&mut self) -> Vec<Earlier> {
        match &mut self.what {
            What::Item(item) => std::mem::take(&mut item.earlier),
            What::Look(..) => Vec::new(),
        }
    }
}

struct LaneActor {
    addr: Addr<ContextActor>,
    used: tokio::time::Instant,
}

/// Stop taking new work, let what runs come to its end, then end.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Drain;

/// The credentials file changed: try again what lacked an entry.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct CredentialsChanged;

/// See the module's description.
pub struct Supervisor {
    env: Arc<Env>,
    rules: Rules,
    intake: Option<Addr<Intake>>,
    arbiters: Vec<ArbiterHandle>,
    lanes: Lanes<Task>,
    router: Router,
    names: HashMap<ItemName, EntryId>,
    /// The newest look of each kind that was put into a lane.
    waiting_looks: HashMap<Mark, EntryId>,
    /// Looks with which an earlier run may have begun, and been killed before it could remember that.
    doubted_looks: HashSet<Mark>,
    /// Likewise those that are to repair.
    waiting_repairs: HashMap<Mark, EntryId>,
    parking: Parking,
    guarding: Guarding,
    /// What the last leaver of a lane was put before.
    bulk: HashMap<Lane, EntryId>,
    holds: BTreeMap<HoldScope, Hold>,
    /// Entries with a timer that brings another attempt.
    timed: BTreeSet<EntryId>,
    /// Entries with a lasting fault that is not cured.
    faulty: BTreeSet<EntryId>,
    unusable: BTreeMap<ItemName, UnusableFile>,
    /// Items taken in of which nothing was recorded yet.
    taken: Commit,
    /// Faults of earlier runs whose items have not come up yet.
    remembered: BTreeMap<ItemName, FaultRecord>,
    /// Groups and accounts to be looked at again, by where, and by how many pending entries.
    looks: HashMap<ObjectId, BTreeMap<ContextId, u32>>,
    /// Looks that wait until the pending items of their object are through.
    later: HashMap<ObjectId, BTreeSet<ContextId>>,
    /// Files that were written anew while their item ran.
    rewritten: HashMap<ItemName, Arrival>,
    actors: HashMap<Lane, LaneActor>,
    next_arbiter: usize,
    breaker: Breaker,
    waiting_for_ox: BTreeSet<EntryId>,
    outage_since: Option<tokio::time::Instant>,
    rng: ChaCha8Rng,
    running: usize,
    /// Commits on their way for which nothing waits but the end.
    recording: usize,
    /// Intake, while it waits until less is on its way to the disk.
    held_back: Vec<oneshot::Sender<()>>,
    reading: bool,
    draining: bool,
    ending: bool,
    broken: Option<String>,
    counts: Snapshot,
    snapshot: watch::Sender<Arc<Snapshot>>,
    ended: Option<oneshot::Sender<Report>>,
    next_timer: u64,
    water_mark: usize,
    queue_place: String,
}

impl Supervisor {
    /// A supervisor over `env`, with context actors on `arbiters` (none: on its own).
    ///
    /// `faults` are those that an earlier run has left behind: their items go on counting attempts.
    /// `queue_place` is what people are told to look at, such as the queue's folder. The report is
    /// sent through `ended` when the engine has come to its end.
    pub fn new(
        env: Arc<Env>,
        rules: Rules,
        faults: Vec<FaultRecord>,
        arbiters: Vec<ArbiterHandle>,
        queue_place: String,
        snapshot: watch::Sender<Arc<Snapshot>>,
        ended: oneshot::Sender<Report>,
    ) -> Self {
        let guarding = Guarding::new(rules.guard);
        let rng = ChaCha8Rng::seed_from_u64(rules.seed);
        Self {
            env,
            rules,
            intake: None,
            arbiters,
            lanes: Lanes::default(),
            router: Router::default(),
            names: HashMap::new(),
            waiting_looks: HashMap::new(),
            doubted_looks: HashSet::new(),
            waiting_repairs: HashMap::new(),
            parking: Parking::default(),
            guarding,
            bulk: HashMap::new(),
            holds: BTreeMap::new(),
            timed: BTreeSet::new(),
            faulty: BTreeSet::new(),
            unusable: BTreeMap::new(),
            taken: Commit::new(),
            remembered: faults.into_iter().map(|fault| (fault.item.clone(), fault)).collect(),
            looks: HashMap::new(),
            later: HashMap::new(),
            rewritten: HashMap::new(),
            actors: HashMap::new(),
            next_arbiter: 0,
            breaker: Breaker::default(),
            waiting_for_ox: BTreeSet::new(),
            outage_since: None,
            rng,
            running: 0,
            recording: 0,
            held_back: Vec::new(),
            reading: true,
            draining: false,
            ending: false,
            broken: None,
            counts: Snapshot::default(),
            snapshot,
            ended: Some(ended),
            next_timer: 0,
            water_mark: HIGH_WATER,
            queue_place,
        }
    }

    /// Has something made durable for which nothing waits but the engine's end. The recorder keeps
    /// the order: what was taken in goes before everything that follows from it.
    fn remember(&mut self, commit: Commit, ctx: &mut Context<Self>) {
        self.remember_then_ack(commit, Vec::new(), ctx);
    }

    /// Has something made durable, and the files of these items removed after that.
    fn remember_then_ack(&mut self, commit: Commit, items: Vec<ItemName>, ctx: &mut Context<Self>) {
        let mut all = std::mem::take(&mut self.taken);
        all.extend(commit);
        let commit = all;
        self.recording += 1;
        let recorded = self.env.recorder.record(commit, None).into_actor(self);
        ctx.spawn(recorded.map(move |recorded, actor, ctx| {
            actor.recorded();
            match recorded {
                Ok(()) => items.iter().for_each(|item| actor.ack(item)),
                Err(problem) => actor.break_down(problem.to_string()),
            }
            actor.settle(ctx);
        }));
    }

    /// A commit is not on its way any more.
    fn recorded(&mut self) {
        self.recording -= 1;
        if self.recording < MOST_RECORDING {
            // Dropping them is the answer.
            self.held_back.clear();
        }
    }

    /// The reply to whoever brings work: at once, or when less is on its way to the disk.
    fn take_your_time(&mut self) -> Response<()> {
        if self.recording < MOST_RECORDING || self.broken.is_some() {
            return Response::reply(());
        }
        let (sender, receiver) = oneshot::channel();
        self.held_back.push(sender);
        Response::fut(async move {
            // The sender is only ever dropped.
            let _ = receiver.await;
        })
    }

    /// Nothing can be made durable any more: end.
    fn break_down(&mut self, problem: String) {
        if self.broken.is_none() {
            error!("{problem}; nothing more is done, because it could not be remembered");
            self.broken = Some(problem);
        }
        self.draining = true;
    }
}

impl Actor for Supervisor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.run_interval(SNAPSHOT_EVERY, |actor, ctx| {
            actor.publish();
            actor.watch_the_water();
            actor.settle(ctx);
        });
        ctx.run_interval(RETIRE_AFTER / 2, |actor, _| {
            let lanes = &actor.lanes;
            actor.bulk.retain(|_, entry| lanes.task(*entry).is_some());
            actor.actors.retain(|lane, state| {
                lanes.depth(*lane) > 0 || state.used.elapsed() < RETIRE_AFTER
            });
        });
    }
}

/// Who reads the queue. Sent once, by the engine.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct ReadThrough(pub Addr<Intake>);

impl Handler<ReadThrough> for Supervisor {
    type Result = ();

    fn handle(&mut self, ReadThrough(intake): ReadThrough, _: &mut Self::Context) {
        self.intake = Some(intake);
    }
}

impl Handler<Arrived> for Supervisor {
    type Result = Response<()>;

    fn handle(
        &mut self,
        Arrived { files, more }: Arrived,
        ctx: &mut Self::Context,
    ) -> Self::Result {
        if self.draining {
            return Response::reply(());
        }
        for file in files {
            self.take_in(file, ctx);
        }
        if self.reading && !more {
            self.reading = false;
            match self.env.store.marks() {
                Ok(marks) => {
                    if self.rules.cut_short {
                        self.doubted_looks.extend(marks.iter().cloned());
                    }
                    for mark in marks {
                        self.add_look(mark);
                    }
                }
                Err(problem) => self.break_down(problem.to_string()),
            }
            match self.env.store.repairs() {
                Ok(marks) => marks.into_iter().for_each(|mark| self.add_repair(mark)),
                Err(problem) => self.break_down(problem.to_string()),
            }
            self.clear_gone(ctx);
            let parked = self.drop_gone(ctx);
            self.restore_parked(parked, ctx);
            info!(items = self.counts.taken_in, "the queue was read");
        }
        self.pump(ctx);
        self.settle(ctx);
        self.take_your_time()
    }
}

impl Handler<Unlisted> for Supervisor {
    type Result = ();

    fn handle(&mut self, Unlisted(problem): Unlisted, ctx: &mut Self::Context) {
        if matches!(self.rules.until, Until::Empty { .. }) && self.broken.is_none() {
            error!("{problem}; nothing was done");
            self.broken = Some(problem);
            self.draining = true;
            self.settle(ctx);
        }
    }
}

impl Handler<Vanished> for Supervisor {
    type Result = ();

    fn handle(&mut self, Vanished(names): Vanished, ctx: &mut Self::Context) {
        for name in names {
            if let Some(unusable) = self.unusable.remove(&name) {
                self.counts.dropped += 1;
                self.record_unusable_gone(unusable, ctx);
                info!(item.name = %name, "the unusable queue file was removed");
                continue;
            }
            // One that runs finds out by itself, and one that is through is not known any more.
            if let Some(entry) = self.names.get(&name).copied() {
                self.file_removed(entry, &name, ctx);
            }
        }
        self.pump(ctx);
        self.settle(ctx);
    }
}

impl Handler<Marked> for Supervisor {
    type Result = ();

    fn handle(&mut self, Marked(marks): Marked, ctx: &mut Self::Context) {
        for mark in marks {
            self.add_look(mark);
        }
        self.pump(ctx);
    }
}

impl Handler<Drain> for Supervisor {
    type Result = ();

    fn handle(&mut self, _: Drain, ctx: &mut Self::Context) {
        if self.draining {
            return;
        }
        info!(
            running = self.running,
            pending = self.lanes.len(),
            "draining: what runs comes to its end, the rest stays in the queue"
        );
        self.draining = true;
        if let Some(intake) = &self.intake {
            intake.do_send(Close);
        }
        ctx.run_later(self.rules.drain, |actor, ctx| {
            if actor.running > 0 {
                warn!(
                    running = actor.running,
                    "calls are still on their way after the time for \
                      draining; their items are done again after the next start"
                );
            }
            actor.end(ctx);
        });
        self.settle(ctx);
    }
}

impl Handler<CredentialsChanged> for Supervisor {
    type Result = ();

    fn handle(&mut self, _: CredentialsChanged, ctx: &mut Self::Context) {
        let is_about_a_key = |entry: &EntryId| {
            let fault = self.lanes.task(*entry).and_then(|task| task.fault.as_ref());
            fault.is_some_and(|fault| fault.failure.is_about_a_key())
        };
        let lacking: Vec<EntryId> =
            self.faulty.iter().copied().filter(|entry| is_about_a_key(entry)).collect();
        for entry in lacking {
            self.try_again(entry);
        }
        self.pump(ctx);
    }
}
