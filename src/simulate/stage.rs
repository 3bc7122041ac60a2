//! Everything around the engine that outlives its crashes: OX, the queue, the store, keys, time.
//!
//! Each life of the engine reaches them through a [`Life`] of its own. When it dies, nothing it
//! still does has any effect, as if its process were gone at that very moment.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

use super::scenario::{Crash, Place, Scenario};
use super::server::Server;
use super::trace::{Entry, Step};
use crate::clock::Clock;
use crate::index::Index;
use crate::model::{ContextId, ItemName, ModuleAccess, ObjectId, OxId, Secret};
use crate::ox::{Account, Credentials};
use crate::provision::work::digest;
use crate::provision::{ProfileFile, Vault};
use crate::queue::{Changed, Queue, QueueError};
use crate::store::{MemoryStore, Store as _};

/// Mailbox of the queue's news; more than a scenario has files.
const NEWS: usize = 100_000;

/// See the module's description.
pub(super) struct Stage {
    pub(super) scenario: Scenario,
    pub(super) server: Mutex<Server>,
    pub(super) store: MemoryStore,
    /// Numbers that the store holds.
    pub(super) held: Mutex<BTreeMap<(ObjectId, ContextId), OxId>>,
    pub(super) index: Mutex<Option<Arc<Index>>>,
    files: Mutex<Files>,
    keys: Mutex<BTreeMap<ContextId, Credentials>>,
    trace: Mutex<Vec<Entry>>,
    /// How often each place was passed.
    passed: Mutex<BTreeMap<Place, u32>>,
    /// When the present life began, in virtual milliseconds and in its own time.
    born: Mutex<(u64, Option<Instant>)>,
    /// Whether the steps are written down; a long run has no room for them.
    pub(super) tracing: bool,
    pub(super) crashes: AtomicU64,
}

#[derive(Default)]
struct Files {
    there: BTreeMap<ItemName, Vec<u8>>,
    news: Option<mpsc::Sender<Changed>>,
    /// The last content of every file that ever was.
    ever: BTreeMap<ItemName, Vec<u8>>,
    by_hand: BTreeSet<ItemName>,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Stage {
    pub(super) fn new(scenario: Scenario) -> Arc<Self> {
        Arc::new(Self {
            scenario,
            server: Mutex::new(Server::new()),
            store: MemoryStore::new(),
            held: Mutex::default(),
            index: Mutex::default(),
            files: Mutex::default(),
            keys: Mutex::default(),
            trace: Mutex::default(),
            passed: Mutex::default(),
            born: Mutex::default(),
            tracing: true,
            crashes: AtomicU64::new(0),
        })
    }

    /// A new life begins; to be called inside its runtime.
    pub(super) fn begin(self: &Arc<Self>, at_ms: u64) -> Arc<Life> {
        *lock(&self.born) = (at_ms, Some(Instant::now()));
        lock(&self.files).news = None;
        *lock(&self.index) = None;
        self.note(Step::Started);
        Arc::new(Life { stage: self.clone(), alive: AtomicBool::new(true), died: Notify::new() })
    }

    /// What a file held last.
    pub(super) fn last_content(&self, name: &ItemName) -> Option<Vec<u8>> {
        lock(&self.files).ever.get(name).cloned()
    }

    /// Milliseconds of virtual time since the first life began.
    pub(super) fn now_ms(&self) -> u64 {
        let (at_ms, since) = *lock(&self.born);
        let lived = since.map_or(0, |since| since.elapsed().as_millis());
        at_ms + u64::try_from(lived).unwrap_or(u64::MAX)
    }

    pub(super) fn note(&self, step: Step) {
        if self.tracing {
            let at_ms = self.now_ms();
            lock(&self.trace).push(Entry { at_ms, step });
        }
    }

    pub(super) fn take_trace(&self) -> Vec<Entry> {
        std::mem::take(&mut lock(&self.trace))
    }

    /// Lets OX do what is due.
    pub(super) fn run_server(&self) {
        let now = self.now_ms();
        let done = lock(&self.server).run_until(now);
        if self.tracing {
            let mut trace = lock(&self.trace);
            for (at_ms, number, _, result) in done {
                trace.push(Entry { at_ms, step: Step::Applied(number, result) });
            }
        }
    }

    /// Whether the store holds that number for some user of the context.
    pub(super) fn holds(&self, context: ContextId, number: OxId) -> bool {
        lock(&self.held).iter().any(|((_, at), ox)| *at == context && *ox == number)
    }

    /// A queue file appears.
    pub(super) fn put(&self, name: &ItemName, content: Vec<u8>) {
        self.note(Step::File("appears", name.clone()));
        let mut files = lock(&self.files);
        files.ever.insert(name.clone(), content.clone());
        files.there.insert(name.clone(), content);
        files.tell(Changed { added: vec![name.clone()], ..Changed::default() });
    }

    /// A queue file is written anew by hand, if it is still there.
    pub(super) fn rewrite(&self, name: &ItemName, content: Vec<u8>) {
        let mut files = lock(&self.files);
        if !files.there.contains_key(name) {
            return;
        }
        files.ever.insert(name.clone(), content.clone());
        files.there.insert(name.clone(), content);
        files.tell(Changed { modified: vec![name.clone()], ..Changed::default() });
        drop(files);
        self.note(Step::File("is written anew", name.clone()));
    }

    /// A queue file is removed by hand, if it is still there.
    pub(super) fn remove_by_hand(&self, name: &ItemName) {
        let mut files = lock(&self.files);
        if files.there.remove(name).is_none() {
            return;
        }
        files.by_hand.insert(name.clone());
        files.tell(Changed { removed: vec![name.clone()], ..Changed::default() });
        drop(files);
        self.note(Step::File("is removed by hand", name.clone()));
    }

    /// Whether no queue file is left.
    pub(super) fn queue_is_empty(&self) -> bool {
        lock(&self.files).there.is_empty()
    }

    /// All files that ever were, with their last content; true: removed by hand.
    pub(super) fn history(&self) -> Vec<(ItemName, Vec<u8>, bool)> {
        let files = lock(&self.files);
        let all = files.ever.iter();
        all.map(|(name, bytes)| (name.clone(), bytes.clone(), files.by_hand.contains(name)))
            .collect()
    }

    fn pass(&self, place: Place) -> bool {
        let mut passed = lock(&self.passed);
        let nth = passed.entry(place).or_default();
        *nth += 1;
        self.scenario.crashes.contains(&Crash { place, nth: *nth })
    }
}

impl Files {
    fn tell(&self, changed: Changed) {
        if let Some(news) = &self.news {
            // A receiver that is gone belongs to an engine that has ended.
            let _ = news.try_send(changed);
        }
    }
}

/// One life of the engine.
pub(super) struct Life {
    pub(super) stage: Arc<Stage>,
    alive: AtomicBool,
    /// Told when it dies.
    pub(super) died: Notify,
}

impl Life {
    pub(super) fn is_alive(&self) -> bool {
        self.alive.load(Ordering::Relaxed)
    }

    /// The engine comes by a place where it may die. True: it is dead.
    pub(super) fn dies_at(&self, place: Place) -> bool {
        if self.is_alive() && self.stage.pass(place) {
            self.stage.note(Step::Crashed(format!("{place:?}")));
            self.stage.crashes.fetch_add(1, Ordering::Relaxed);
            self.alive.store(false, Ordering::Relaxed);
            self.died.notify_one();
        }
        !self.is_alive()
    }
}

fn gone() -> QueueError {
    QueueError::Other("the engine has died".to_owned())
}

impl Queue for Life {
    fn scan(&self) -> Result<Vec<ItemName>, QueueError> {
        if self.is_alive() {
            Ok(lock(&self.stage.files).there.keys().cloned().collect())
        } else {
            Err(gone())
        }
    }

    fn read(&self, name: &ItemName) -> Result<Option<Vec<u8>>, QueueError> {
        if self.dies_at(Place::Read) {
            return Err(gone());
        }
        Ok(lock(&self.stage.files).there.get(name).cloned())
    }

    fn remove(&self, name: &ItemName) -> Result<(), QueueError> {
        if self.dies_at(Place::BeforeRemove) {
            return Err(gone());
        }
        let removed = lock(&self.stage.files).there.remove(name);
        if let Some(bytes) = removed {
            let outcome = self.stage.store.outcome(name).ok().flatten();
            let right = outcome.is_some_and(|outcome| outcome.digest == digest(&bytes));
            self.stage.note(Step::Acknowledged(name.clone(), right));
        }
        self.dies_at(Place::AfterRemove);
        Ok(())
    }

    fn watch(&self) -> Result<mpsc::Receiver<Changed>, QueueError> {
        let (sender, receiver) = mpsc::channel(NEWS);
        lock(&self.stage.files).news = Some(sender);
        Ok(receiver)
    }
}

impl Life {
    /// The administrator's credentials of a context, if there are any.
    pub(super) fn key(&self, context: ContextId) -> Option<Credentials> {
        lock(&self.stage.keys).get(&context).cloned()
    }
}

impl Vault for Life {
    fn ensure(&self, context: ContextId, login: &str) -> Result<Credentials, String> {
        if !self.is_alive() {
            return Err("the engine has died".to_owned());
        }
        let mut keys = lock(&self.stage.keys);
        // A number of its own for each, so that an old key does not open a new context.
        let password = Secret::new(format!("key {}", self.stage.now_ms()));
        let fresh = || Credentials { login: login.to_owned(), password };
        Ok(keys.entry(context).or_insert_with(fresh).clone())
    }

    fn find(&self, account: Account) -> Result<Option<Credentials>, String> {
        Ok(match account {
            Account::Context(context) => self.key(context),
            Account::Master => None,
        })
    }

    fn remove(&self, context: ContextId) -> Result<(), String> {
        if self.is_alive() {
            lock(&self.stage.keys).remove(&context);
        }
        Ok(())
    }
}

impl ProfileFile for Life {
    fn write(&self, _: &str, _: Option<ModuleAccess>) -> Result<(), String> {
        Ok(())
    }
}

impl Clock for Life {
    fn now_ms(&self) -> i64 {
        // The first of March 2026, and whatever has passed since.
        const BEGIN: i64 = 1_772_323_200_000;
        BEGIN.saturating_add_unsigned(self.stage.now_ms())
    }
}
