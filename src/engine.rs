//! The engine: all actors put together over whatever stands behind the traits.
//!
//! Production gives it SOAP, SQLite and a directory; tests and simulations give it what they like.
//! There is no other way in: `drover run`, the demo and the integration tests all start it here.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, RwLock};

use actix::prelude::*;
use tokio::sync::{oneshot, watch};

use crate::actors::group::{GroupActor, GroupHandle};
use crate::actors::intake::Intake;
use crate::actors::member_ids::{MemberIds, MemberIdsHandle};
use crate::actors::news::Newsroom;
use crate::actors::operator::Operator;
use crate::actors::recorder::{RecorderActor, RecorderHandle, TellOfMarks, Writer};
use crate::actors::status::Snapshot;
use crate::actors::supervisor::{
    CredentialsChanged, Drain, ReadThrough, Report, Rules, Supervisor,
};
use crate::clock::Clock;
use crate::index::Index;
use crate::ox::OxApi;
use crate::plan::entitlement::ProfileBook;
use crate::provision::aside::Aside;
use crate::provision::{Env, Mappings, Policy, ProfileFile, Vault};
use crate::queue::Queue;
use crate::store::{Store, StoreError};

/// Mailbox of the intake's readers and of the supervisor. Intake waits for each slice to be taken,
/// so little is ever in it; the number only has to be above the number of context actors that may
/// answer at once.
const MAILBOX: usize = 1 << 16;

/// What the engine stands on.
pub struct Parts {
    /// OX.
    pub ox: Arc<dyn OxApi>,
    /// drover's memory.
    pub store: Arc<dyn Store>,
    /// The queue.
    pub queue: Arc<dyn Queue>,
    /// Whether to wait for more once the queue is read.
    pub watch: bool,
    /// Credentials of contexts.
    pub vault: Arc<dyn Vault>,
    /// The profiles file.
    pub profile_file: Arc<dyn ProfileFile>,
    /// Profiles of the file and those that drover brings along.
    pub book: ProfileBook,
    /// Attribute mapping of users.
    pub mapping: Arc<dyn Mappings>,
    /// Settings of provisioning.
    pub policy: Policy,
    /// Settings of the supervisor.
    pub rules: Rules,
    /// Threads for context actors; 0 = everything on one.
    pub arbiters: usize,
    /// Whether commits block (a store on disk) and so get a thread of their own.
    pub writer_thread: bool,
    /// Where people find the queue, for messages.
    pub queue_place: String,
    /// Time of day.
    pub clock: Arc<dyn Clock>,
}

/// A running engine.
pub struct Engine {
    supervisor: Addr<Supervisor>,
    snapshot: watch::Receiver<Arc<Snapshot>>,
    report: oneshot::Receiver<Report>,
    arbiters: Vec<Arbiter>,
    told: Arc<AtomicBool>,
    index: Arc<Index>,
    news: Newsroom,
}

impl Engine {
    /// Starts everything. Must be called inside an actix system.
    ///
    /// # Errors
    /// If the memory cannot be read.
    pub fn start(parts: Parts) -> Result<Self, StoreError> {
        let nesting = parts.policy.groups.is_flattened();
        let index = Index::load_within(parts.store.as_ref(), parts.policy.scope.clone())?;
        let index = Arc::new(if nesting { index.watching_groups() } else { index });
        for context in parts.store.doubts()? {
            index.cache().doubt(context);
        }
        let mut book = parts.book;
        for version in parts.store.profiles()? {
            book.add(&version);
        }
        let faults = parts.store.faults()?;
        let store = parts.store.clone();
        let writer = parts
            .writer_thread
            .then(|| SyncArbiter::start(1, move || Writer { store: store.clone() }));
        let news = Newsroom::default();
        let (remembers, knows) = (parts.store.clone(), index.clone());
        let recorder = RecorderActor::new(writer, remembers, knows, news.clone());
        let recorder = recorder.with_nesting(nesting).start();
        let late = Arc::new(OnceLock::new());
        let for_lookups = late.clone();
        let member_ids = actix::Supervisor::start(move |_| MemberIds::new(for_lookups));
        let for_groups = late.clone();
        let groups = actix::Supervisor::start(move |_| GroupActor::new(for_groups));
        let env = Arc::new(Env {
            ox: parts.ox,
            store: parts.store,
            store_blocks: parts.writer_thread,
            queue: parts.queue.clone(),
            index: index.clone(),
            book: Arc::new(RwLock::new(book)),
            mapping: parts.mapping,
            policy: parts.policy,
            vault: parts.vault,
            profile_file: parts.profile_file,
            recorder: Arc::new(RecorderHandle(recorder.clone())),
            members: Arc::new(MemberIdsHandle(member_ids)),
            groups: Arc::new(GroupHandle(groups)),
            aside: Aside::default(),
            clock: parts.clock,
        });
        // Filled in once, before anybody can ask.
        let _ = late.set(env.clone());
        let arbiters: Vec<Arbiter> = (0..parts.arbiters).map(|_| Arbiter::new()).collect();
        let handles = arbiters.iter().map(Arbiter::handle).collect();
        let (snapshot_sender, snapshot) = watch::channel(Arc::new(Snapshot::default()));
        let (ended, report) = oneshot::channel();
        let (rules, place) = (parts.rules, parts.queue_place);
        let supervisor = Supervisor::create(move |ctx| {
            ctx.set_mailbox_capacity(MAILBOX);
            Supervisor::new(env, rules, faults, handles, place, snapshot_sender, ended)
        });
        recorder.do_send(TellOfMarks(supervisor.clone().recipient()));
        let (queue, watch) = (parts.queue, parts.watch);
        let (arrived, vanished) = (supervisor.clone().recipient(), supervisor.clone().recipient());
        let unlisted = supervisor.clone().recipient();
        let intake = actix::Supervisor::start(move |ctx: &mut Context<Intake>| {
            ctx.set_mailbox_capacity(MAILBOX);
            Intake::new(queue, arrived, vanished, unlisted, watch)
        });
        supervisor.do_send(ReadThrough(intake));
        Ok(Self { supervisor, snapshot, report, arbiters, told: Arc::default(), index, news })
    }

    /// Snapshots, renewed several times a second.
    pub fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshot.clone()
    }

    /// Where is told what became durable.
    pub fn news(&self) -> Newsroom {
        self.news.clone()
    }

    /// What is known of all objects, for simulations to look at.
    pub(crate) fn index(&self) -> Arc<Index> {
        self.index.clone()
    }

    /// A way to have it drained from elsewhere.
    pub fn stopper(&self) -> Stopper {
        Stopper { supervisor: self.supervisor.clone(), told: self.told.clone() }
    }

    /// A way to see whether it moves.
    pub fn heart(&self) -> Heart {
        let threads = self.arbiters.iter().map(Arbiter::handle).collect();
        Heart { snapshots: self.snapshot.clone(), threads }
    }

    /// The way to give orders to it.
    pub fn operator(&self) -> Operator {
        Operator(self.supervisor.clone())
    }

    /// Waits for the engine's end.
    pub async fn ended(self) -> Report {
        let gone = || Report {
            snapshot: Snapshot::default(),
            broken: Some("the supervisor has died; please report this".to_owned()),
            sure: false,
        };
        let report = self.report.await.unwrap_or_else(|_| gone());
        for arbiter in &self.arbiters {
            arbiter.stop();
        }
        report
    }
}

/// Tells the engine to end.
#[derive(Clone)]
pub struct Stopper {
    supervisor: Addr<Supervisor>,
    told: Arc<AtomicBool>,
}

impl Stopper {
    /// What runs comes to its end, the rest stays in the queue. False if it was told before.
    pub fn drain(&self) -> bool {
        self.supervisor.do_send(Drain);
        !self.told.swap(true, Ordering::Relaxed)
    }

    /// The credentials file has changed.
    pub fn credentials_changed(&self) {
        self.supervisor.do_send(CredentialsChanged);
    }
}

/// Shows whether the engine moves.
pub struct Heart {
    snapshots: watch::Receiver<Arc<Snapshot>>,
    threads: Vec<ArbiterHandle>,
}

impl Heart {
    /// Waits until the supervisor has published anew and every thread for contexts has got round to
    /// something new: for ever, if one of them hangs. False if the engine has ended.
    ///
    /// OX being slow or down is none of it: whoever waits for OX lets others go on.
    pub async fn beat(&mut self) -> bool {
        self.snapshots.mark_unchanged();
        if self.snapshots.changed().await.is_err() {
            return false;
        }
        for thread in &self.threads {
            let (sender, receiver) = oneshot::channel();
            let there = thread.spawn(async move {
                // Whoever waits for it may have ended.
                let _ = sender.send(());
            });
            if !there || receiver.await.is_err() {
                return false;
            }
        }
        true
    }
}
