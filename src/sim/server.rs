//! One call from its bytes to its answer: script, lock, world, log.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::sync::watch;

use super::answer::{Answer, ExceptionIds};
use super::capacity::Capacity;
use super::fault::{Class, Fault};
use super::interface::Service;
use super::log::{CallRecord, Log, Stats};
use super::pauses::Pauses;
use super::request::{self, Request};
use super::script::{Effect, Script, Verdict};
use super::service::{self, Target};
use super::world::World;
use super::{Config, SeedContext, SimError};

/// How often a user write tries to get the lock of its context before it gives up.
const LOCK_RETRIES: u32 = 5;

/// Everything the connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Config,
    inner: Mutex<Inner>,
    started: Instant,
    pauses: Pauses,
    /// Counts how often all idle connections were told to close.
    pub(crate) close_idle: watch::Sender<u64>,
    /// Told whenever a call arrives, is done or ends.
    pub(crate) moved: watch::Sender<()>,
    pub(crate) stop: watch::Sender<bool>,
}

/// What a call reads and writes; never held while waiting.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) world: World,
    pub(crate) script: Script,
    pub(crate) log: Log,
    pub(crate) stats: Stats,
    /// Calls by service and operation.
    calls: HashMap<(&'static str, &'static str), u64>,
    ids: ExceptionIds,
    rng: ChaCha8Rng,
    /// Contexts whose users are being written.
    locked: HashSet<u32>,
    /// Context creates among them.
    creating: u32,
    /// Calls in the server by the database schema of their context.
    in_schema: HashMap<u32, usize>,
    pub(crate) capacity: Option<Capacity>,
    pub(crate) recording: Option<Recording>,
}

/// Messages that are kept, to be sent again by something else.
#[derive(Debug)]
pub(crate) struct Recording {
    /// Only those of this operation, such as `OXUserService.change`.
    pub(crate) operation: String,
    /// No more than so many.
    pub(crate) most: usize,
    pub(crate) messages: Vec<String>,
}

impl Recording {
    fn keep(&mut self, service: &str, operation: &str, text: &str) {
        let wanted = self.operation.split_once('.') == Some((service, operation));
        if wanted && self.messages.len() < self.most {
            self.messages.push(text.to_owned());
        }
    }
}

impl Inner {
    /// All counters.
    pub(crate) fn stats(&self) -> Stats {
        let named = |(key, count): (&(&str, &str), &u64)| (format!("{}.{}", key.0, key.1), *count);
        Stats { calls: self.calls.iter().map(named).collect(), ..self.stats.clone() }
    }

    /// Has a call that has just arrived bear the company it is in: it takes its time (the script's,
    /// if that gives one), and a context create among others may run into a deadlock.
    fn crowd(
        &mut self,
        (service, operation): (&str, &str),
        schema: Option<u32>,
        creates: bool,
        verdict: &mut Verdict,
    ) {
        let Some(capacity) = &self.capacity else { return };
        let usual = match verdict.delay.as_secs_f64() {
            0.0 => Capacity::usual_seconds(service, operation),
            scripted => scripted,
        };
        let all = || usize::try_from(self.stats.running).unwrap_or(usize::MAX);
        let running =
            schema.and_then(|schema| self.in_schema.get(&schema).copied()).unwrap_or_else(all);
        let seconds = capacity.seconds(usual, running, &mut self.rng);
        verdict.delay = Duration::try_from_secs_f64(seconds).unwrap_or_default();
        let fails = Capacity::create_fails(self.creating);
        if creates && verdict.effect.is_none() && self.rng.random::<f64>() < fails {
            let text = "FLD-0033 Categories=ERROR Message='No admin user found in context' \
                        exceptionID=#";
            verdict.effect =
                Some(Effect::Fault { class: "StorageException".into(), text: text.into() });
        }
    }
}

/// How a call ends on the wire.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// An envelope.
    Soap { status: u16, text: String, close_idle: bool },
    /// Something else's page.
    Page { status: u16, body: String, retry_after_s: Option<u32> },
    /// The connection closes without an answer.
    Drop,
}

/// A call on its way.
struct Call {
    shared: Arc<Shared>,
    service: &'static Service,
    request: Result<Request, Fault>,
    target: Target,
    connection: u64,
    start: Instant,
}

impl Shared {
    /// A server without connections, with the contexts asked for.
    pub(crate) fn new(config: Config) -> Result<Self, SimError> {
        let mut rng = ChaCha8Rng::seed_from_u64(config.seed);
        let shared = Self {
            inner: Mutex::new(Inner {
                world: World::new(config.options.clone(), config.master.clone()),
                script: Script::default(),
                log: Log::new(config.log_capacity),
                stats: Stats::default(),
                calls: HashMap::new(),
                ids: ExceptionIds { server: rng.random(), next: 0 },
                rng,
                locked: HashSet::new(),
                creating: 0,
                in_schema: HashMap::new(),
                capacity: config.capacity.clone(),
                recording: None,
            }),
            config,
            started: Instant::now(),
            pauses: Pauses::default(),
            close_idle: watch::Sender::new(0),
            moved: watch::Sender::new(()),
            stop: watch::Sender::new(false),
        };
        for seed in &shared.config.contexts {
            shared.seed(seed)?;
        }
        Ok(shared)
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic while it was held is a bug; what it left is still the best there is to show.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a context as the master would.
    pub(crate) fn seed(&self, seed: &SeedContext) -> Result<(), SimError> {
        let made = seed.create(&mut self.lock().world, &self.config.master);
        made.map_err(|fault| SimError::Seed { context: seed.id, reason: fault.text })
    }

    /// The database schema of the context that a call is about; none if all are in one.
    fn schema(&self, target: &Target) -> Option<u32> {
        let schemas = self.config.schemas?.get();
        target.contexts[0].map(|context| context % schemas)
    }

    fn micros(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.started);
        u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
    }
}

/// Serves one message to a service. The call goes on if the caller stops waiting, as the real
/// server's does when its client is gone.
pub(crate) async fn call(
    shared: &Arc<Shared>,
    service: &'static Service,
    text: &str,
    connection: u64,
) -> Outcome {
    let start = Instant::now();
    let request = request::read(service, text);
    let target = request.as_ref().map(service::target).unwrap_or_default();
    let operation = request.as_ref().map_or("", |request| request.operation.name);
    let schema = shared.schema(&target);
    let creates = service.name == "OXContextService" && operation.starts_with("create");
    let verdict = {
        let mut inner = shared.lock();
        let Inner { script, rng, stats, recording, .. } = &mut *inner;
        if let Some(recording) = recording {
            recording.keep(service.name, operation, text);
        }
        stats.arrived += 1;
        stats.running += 1;
        stats.max_concurrent = stats.max_concurrent.max(stats.running);
        let mut verdict = script.judge(service.name, operation, &target, rng);
        inner.creating += u32::from(creates);
        if let Some(schema) = schema {
            *inner.in_schema.entry(schema).or_default() += 1;
        }
        inner.crowd((service.name, operation), schema, creates, &mut verdict);
        let since = start.saturating_duration_since(shared.started);
        let closed = shared.config.maintenance.map_or(Duration::ZERO, |closed| closed.left(since));
        if !closed.is_zero() {
            let seconds = u32::try_from(closed.as_secs() + 1).unwrap_or(u32::MAX);
            verdict.effect = Some(Effect::StayAway { status: 503, seconds });
            verdict.delay = Duration::ZERO;
        }
        if let Some(stall) = &shared.config.stall {
            verdict.delay += stall.left(since);
        }
        verdict
    };
    shared.moved.send_replace(());
    let running = Running { shared: Arc::clone(shared), creates, schema };
    let call = Call { shared: Arc::clone(shared), service, request, target, connection, start };
    if verdict.close_idle {
        shared.close_idle.send_modify(|times| *times += 1);
    }
    let wait = verdict.delay;
    let mut outcome = match verdict.effect {
        None if wait.is_zero() && !call.must_wait() => call.apply(false),
        None => detached(running, call.run(wait, false)).await,
        Some(Effect::ApplyThenDrop) => detached(running, call.run(wait, true)).await,
        Some(Effect::ApplyThenHang) => {
            detached(running, call.run(wait, true)).await;
            std::future::pending().await
        }
        Some(Effect::DropThenApplyMs(late)) => {
            // Nobody waits for it, as nobody waits for the real one.
            let late = call.run(wait + Duration::from_millis(late), true);
            tokio::spawn(detached(running, late));
            Outcome::Drop
        }
        Some(effect) => {
            shared.pauses.pause(wait).await;
            call.scripted(&effect).await
        }
    };
    if let Outcome::Soap { close_idle, .. } = &mut outcome {
        *close_idle = verdict.close_idle;
    }
    outcome
}

/// Counts a call as running for as long as it lives.
struct Running {
    shared: Arc<Shared>,
    creates: bool,
    schema: Option<u32>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut inner = self.shared.lock();
        inner.stats.running -= 1;
        inner.creating -= u32::from(self.creates);
        if let Some(calls) = self.schema.and_then(|schema| inner.in_schema.get_mut(&schema)) {
            *calls = calls.saturating_sub(1);
        }
        drop(inner);
        self.shared.moved.send_replace(());
    }
}

/// Goes on, and counts as running, whoever stops waiting.
async fn detached(
    running: Running,
    run: impl Future<Output = Outcome> + Send + 'static,
) -> Outcome {
    let run = async move {
        let outcome = run.await;
        drop(running);
        outcome
    };
    // Only a panic ends the task without an outcome.
    tokio::spawn(run).await.unwrap_or(Outcome::Drop)
}

impl Call {
    /// The context whose user lock the call needs.
    fn lock_context(&self) -> Option<u32> {
        let request = self.request.as_ref().ok()?;
        if service::takes_user_lock(request) { self.target.contexts[0] } else { None }
    }

    fn must_wait(&self) -> bool {
        self.lock_context().is_some_and(|context| self.shared.lock().locked.contains(&context))
    }

    /// Waits for the lock, takes its time, and does it.
    async fn run(self, latency: Duration, drop: bool) -> Outcome {
        let Some(context) = self.lock_context() else {
            self.shared.pauses.pause(latency).await;
            return self.apply(drop);
        };
        if !self.take_lock(context).await {
            return self.refused(context);
        }
        self.shared.pauses.pause(latency).await;
        let outcome = self.apply(drop);
        self.shared.lock().locked.remove(&context);
        outcome
    }

    /// Takes the lock of a context: a second writer does not queue but sleeps, longer each time.
    async fn take_lock(&self, context: u32) -> bool {
        for retry in 0..=LOCK_RETRIES {
            let wait = {
                let mut inner = self.shared.lock();
                if inner.locked.insert(context) {
                    return true;
                }
                if retry == 0 {
                    *inner.stats.overlapping_user_writes.entry(context).or_default() += 1;
                }
                let unit = self.shared.config.lock_wait;
                unit * (retry + 1) + unit.mul_f64(inner.rng.random::<f64>())
            };
            if retry < LOCK_RETRIES {
                self.shared.pauses.pause(wait).await;
            }
        }
        false
    }

    fn refused(&self, context: u32) -> Outcome {
        let mut inner = self.shared.lock();
        *inner.stats.user_update_conflicts.entry(context).or_default() += 1;
        let fault = Fault::storage(
            "User update conflict: Another process is currently modifying user data. Please try \
             again later.",
        );
        self.finish(&mut inner, Err(fault), false)
    }

    /// Does it, and answers unless the answer is to be lost.
    fn apply(&self, lose_answer: bool) -> Outcome {
        let mut inner = self.shared.lock();
        let result = match &self.request {
            Ok(request) => service::call(&mut inner.world, request),
            Err(fault) => Err(fault.clone()),
        };
        self.finish(&mut inner, result, lose_answer)
    }

    async fn scripted(&self, effect: &Effect) -> Outcome {
        match effect {
            Effect::Fault { class, text } => {
                // Exceptions the services know have their own names; others are taken as sent.
                let known = self.service.faults.iter().find(|known| known.name == *class);
                let fault = Fault {
                    class: known.map_or("", |known| known.name),
                    tails: 1,
                    ..Fault::new(Class::Plain, text.clone())
                };
                self.finish(&mut self.shared.lock(), Err(fault), false)
            }
            Effect::Http { status, body } => {
                self.record(&mut self.shared.lock(), *status, None, false);
                Outcome::Page { status: *status, body: body.clone(), retry_after_s: None }
            }
            Effect::StayAway { status, seconds } => {
                self.record(&mut self.shared.lock(), *status, None, false);
                let (body, retry_after_s) = (String::new(), Some(*seconds));
                Outcome::Page { status: *status, body, retry_after_s }
            }
            Effect::Hang => {
                self.record(&mut self.shared.lock(), 0, None, false);
                std::future::pending().await
            }
            _ => {
                self.record(&mut self.shared.lock(), 0, None, false);
                Outcome::Drop
            }
        }
    }

    fn finish(
        &self,
        inner: &mut Inner,
        result: Result<String, Fault>,
        lose_answer: bool,
    ) -> Outcome {
        let write = self.request.as_ref().is_ok_and(service::is_write);
        let applied = write && result.is_ok();
        inner.stats.applied += u64::from(applied);
        let (status, text, fault) = match result {
            Ok(text) => (200, text, None),
            Err(fault) => {
                let shown = inner.ids.text(&fault);
                (500, Answer::fault(self.service, &fault, &shown), Some(fault))
            }
        };
        let status = if lose_answer { 0 } else { status };
        self.record(inner, status, fault, applied);
        if lose_answer {
            return Outcome::Drop;
        }
        Outcome::Soap { status, text, close_idle: false }
    }

    fn record(&self, inner: &mut Inner, status: u16, fault: Option<Fault>, applied: bool) {
        let operation = self.request.as_ref().map_or("", |request| request.operation.name);
        *inner.calls.entry((self.service.name, operation)).or_default() += 1;
        let (class, text) = match fault {
            Some(fault) => (Some(fault.class.into()), Some(fault.text.into_boxed_str())),
            None => (None, None),
        };
        let record = CallRecord {
            seq: 0,
            service: self.service.name,
            operation,
            contexts: self.target.contexts.iter().flatten().copied().collect(),
            name: self.target.name.as_deref().map(Into::into),
            id: self.target.id,
            start_us: self.shared.micros(self.start),
            end_us: self.shared.micros(Instant::now()),
            connection: self.connection,
            status,
            fault_class: class,
            fault_text: text,
            applied,
        };
        if inner.log.push(record) {
            inner.stats.log_dropped += 1;
        }
        self.shared.moved.send_replace(());
    }
}
