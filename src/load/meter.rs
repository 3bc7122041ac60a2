//! What is measured: for each item the time from when it was *meant* to arrive to its end, and beside
//! it the time from when it did arrive.
//!
//! A load generator that waits for a slow target before it goes on measures only what the target was
//! willing to take ("coordinated omission"). Here items are due by the clock, and their latency counts
//! from then, however late they were written.

mod series;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use super::mix::Change;
use super::units::micros;
use crate::model::ItemName;
use crate::ox::{CallObserver, OxError};
use crate::queue::{Changed, Queue, QueueError};

pub use series::{Second, Series};

/// Latencies in microseconds, exact to one part in a thousand.
pub type Latencies = Histogram<u64>;

/// An item on its way.
#[derive(Debug, Clone, Copy)]
struct Mark {
    change: Change,
    context: Option<u32>,
    intended: Duration,
    written: Duration,
}

/// One phase of a run: what came, what ended, and when. All times count from its begin.
#[derive(Debug)]
pub struct Meter {
    begun: Instant,
    inner: Mutex<Inner>,
    /// Something has ended, or the phase is to be cut short.
    moved: Condvar,
}

#[derive(Debug)]
struct Inner {
    waiting: HashMap<ItemName, Mark>,
    /// How many of them are faulty, or wait for one that is.
    aside: usize,
    aborted: bool,
    last_success: Duration,
    /// By context, counted from 0.
    contexts: HashMap<u32, Occupied>,
    counts: Counts,
}

/// How long a context has had something to do.
#[derive(Debug, Clone, Copy, Default)]
struct Occupied {
    items: u32,
    since: Duration,
    before: Duration,
}

impl Occupied {
    fn until(&self, now: Duration) -> Duration {
        let running = if self.items > 0 { now.saturating_sub(self.since) } else { Duration::ZERO };
        self.before + running
    }
}

/// What share of the time contexts had something to do, while items came.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Occupation {
    /// The one that had most.
    pub busiest: f64,
    /// The mean of all to which anything came.
    pub mean: f64,
}

/// What a phase came to.
#[derive(Debug, Clone)]
pub struct Counts {
    /// Items written.
    pub written: u64,
    /// Items that came to their end.
    pub ended: u64,
    /// From intended start to end. Items that never ended are in it with the time that they waited.
    pub corrected: Latencies,
    /// From actual start to end.
    pub uncorrected: Latencies,
    /// How much later than intended items were written.
    pub lateness: Latencies,
    /// Corrected latency by kind of change.
    pub changes: BTreeMap<Change, Latencies>,
    /// Calls by operation.
    pub calls: BTreeMap<&'static str, Calls>,
    /// Second by second.
    pub series: Series,
    /// How many objects of each context have still to end, for contexts that are counted.
    left: Vec<u32>,
    /// When contexts were finished, from the begin.
    pub finished: Vec<Duration>,
    /// Items that had not ended when the phase was closed.
    pub unfinished: u64,
    /// How long the phase took, until it was closed.
    pub took: Duration,
    /// When the last item came, from the begin.
    pub last_arrival: Duration,
    /// How contexts were busy until then; none if no item was about one.
    pub occupation: Option<Occupation>,
}

/// Calls of one operation.
#[derive(Debug, Clone)]
pub struct Calls {
    /// How long they took, faults included.
    pub took: Latencies,
    /// Those that went wrong, by kind.
    pub errors: BTreeMap<String, u64>,
}

impl Calls {
    fn new() -> Self {
        Self { took: latencies(), errors: BTreeMap::new() }
    }
}

/// An empty histogram, up to a day; what takes longer counts as a day.
#[expect(clippy::expect_used, reason = "the bounds are constants, and valid")]
pub fn latencies() -> Latencies {
    const DAY_US: u64 = 24 * 3_600_000_000;
    Histogram::new_with_bounds(1, DAY_US, 3).expect("constant bounds are valid")
}

impl Counts {
    fn new(left: Vec<u32>) -> Self {
        Self {
            written: 0,
            ended: 0,
            corrected: latencies(),
            uncorrected: latencies(),
            lateness: latencies(),
            changes: BTreeMap::new(),
            calls: BTreeMap::new(),
            series: Series::default(),
            left,
            finished: Vec::new(),
            unfinished: 0,
            took: Duration::ZERO,
            last_arrival: Duration::ZERO,
            occupation: None,
        }
    }

    /// Items that ended and calls, each a second, in the whole seconds while items came, without the
    /// first one: what a target does under a steady load. Over the whole phase if it is too short.
    #[expect(clippy::cast_precision_loss, reason = "rates are shown with few digits")]
    pub fn steady_rates(&self) -> (f64, f64) {
        let whole = 1..self.last_arrival.as_secs();
        if whole.is_empty() {
            let seconds = self.took.as_secs_f64().max(1e-6);
            return (self.ended as f64 / seconds, self.call_count() as f64 / seconds);
        }
        let seconds = self.series.seconds().iter().filter(|s| whole.contains(&s.second));
        let (ended, calls) =
            seconds.fold((0, 0), |sum, second| (sum.0 + second.ended, sum.1 + second.calls));
        let length = (whole.end - whole.start) as f64;
        (ended as f64 / length, calls as f64 / length)
    }

    /// Calls of all operations.
    pub fn call_count(&self) -> u64 {
        self.calls.values().map(|calls| calls.took.len()).sum()
    }

    /// Calls that went wrong.
    pub fn call_errors(&self) -> u64 {
        self.calls.values().flat_map(|calls| calls.errors.values()).sum()
    }

    fn end(&mut self, mark: Mark, at: Duration) {
        let corrected = micros(at.saturating_sub(mark.intended));
        self.ended += 1;
        self.corrected.saturating_record(corrected);
        self.uncorrected.saturating_record(micros(at.saturating_sub(mark.written)));
        self.changes.entry(mark.change).or_insert_with(latencies).saturating_record(corrected);
        self.series.ended(at, corrected);
        let context = mark.context.and_then(|context| usize::try_from(context).ok());
        if let Some(left) = context.and_then(|context| self.left.get_mut(context)) {
            *left = left.saturating_sub(1);
            if *left == 0 {
                self.finished.push(at);
            }
        }
    }
}

impl Meter {
    /// A phase that begins now. `objects`: how many items of each context it takes to finish it;
    /// none are counted if it is empty.
    pub fn new(objects: Vec<u32>) -> Self {
        Self {
            begun: Instant::now(),
            inner: Mutex::new(Inner {
                waiting: HashMap::new(),
                aside: 0,
                aborted: false,
                last_success: Duration::ZERO,
                contexts: HashMap::new(),
                counts: Counts::new(objects),
            }),
            moved: Condvar::new(),
        }
    }

    /// Time since the begin.
    pub fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// An item is about to be written. Told before the file is there, for its end may come at once.
    pub fn written(
        &self,
        name: ItemName,
        change: Change,
        context: Option<u32>,
        intended: Duration,
    ) {
        let written = self.elapsed();
        let mut inner = self.lock();
        inner.counts.written += 1;
        inner.counts.last_arrival = written;
        if let Some(context) = context {
            let occupied = inner.contexts.entry(context).or_default();
            if occupied.items == 0 {
                occupied.since = written;
            }
            occupied.items += 1;
        }
        inner.counts.lateness.saturating_record(micros(written.saturating_sub(intended)));
        inner.counts.series.arrived(written);
        if inner.waiting.len() <= inner.aside {
            // Until now there was nothing to say.
            inner.last_success = written;
        }
        inner.waiting.insert(name, Mark { change, context, intended, written });
    }

    /// An item has ended: what it did is committed.
    fn ended(&self, name: &ItemName) {
        let at = self.elapsed();
        let mut inner = self.lock();
        if let Some(mark) = inner.waiting.remove(name) {
            let context = mark.context.and_then(|context| inner.contexts.get_mut(&context));
            if let Some(occupied) = context {
                occupied.before = occupied.until(at);
                occupied.since = at;
                occupied.items = occupied.items.saturating_sub(1);
            }
            inner.counts.end(mark, at);
            drop(inner);
            self.moved.notify_all();
        }
    }

    fn called(&self, operation: &'static str, took: Duration, result: Result<(), &OxError>) {
        let at = self.elapsed();
        let mut inner = self.lock();
        let counted = result.err().filter(|error| !is_no_error(operation, error));
        if answered(result) {
            inner.last_success = at;
        }
        inner.counts.series.called(at, counted.is_some());
        let calls = inner.counts.calls.entry(operation).or_insert_with(Calls::new);
        calls.took.saturating_record(micros(took));
        if let Some(error) = counted {
            *calls.errors.entry(kind(error)).or_default() += 1;
        }
    }

    /// The last item has been written: how contexts were busy until now is noted.
    pub fn all_written(&self) {
        let now = self.elapsed();
        let mut inner = self.lock();
        let all = now.as_secs_f64().max(1e-6);
        let shares = inner.contexts.values().map(|one| one.until(now).as_secs_f64() / all);
        let (busiest, sum) =
            shares.fold((0.0_f64, 0.0), |(most, sum), share| (most.max(share), sum + share));
        let contexts = u32::try_from(inner.contexts.len()).unwrap_or(u32::MAX);
        inner.counts.occupation =
            (contexts > 0).then(|| Occupation { busiest, mean: sum / f64::from(contexts) });
    }

    /// Items on their way.
    pub fn waiting(&self) -> usize {
        self.lock().waiting.len()
    }

    /// How long OX has answered nothing, while there was something to do.
    pub fn silent(&self) -> Duration {
        let inner = self.lock();
        let idle = inner.waiting.len() <= inner.aside;
        if idle { Duration::ZERO } else { self.elapsed().saturating_sub(inner.last_success) }
    }

    /// Cuts the phase short: who waits for something goes on.
    pub fn abort(&self) {
        self.lock().aborted = true;
        self.moved.notify_all();
    }

    /// Waits for a moment after the begin. False if the phase was cut short.
    pub fn wait_until(&self, moment: Duration) -> bool {
        let mut inner = self.lock();
        while !inner.aborted {
            let left = moment.saturating_sub(self.elapsed());
            if left.is_zero() {
                return true;
            }
            drop(inner);
            // Ends of items do not concern who waits for a time; a cut does, soon enough.
            std::thread::sleep(left.min(Duration::from_millis(50)));
            inner = self.lock();
        }
        false
    }

    /// So many of the items on their way are set aside: nobody need wait for them.
    pub fn set_aside(&self, items: usize) {
        let mut inner = self.lock();
        if inner.aside != items {
            inner.aside = items;
            drop(inner);
            self.moved.notify_all();
        }
    }

    /// Whether everything has ended, but for what is set aside.
    pub fn is_through(&self) -> bool {
        let inner = self.lock();
        inner.waiting.len() <= inner.aside
    }

    /// Waits until fewer than so many items are on their way, those set aside not among them. False if the phase was cut short.
    pub fn wait_below(&self, items: usize) -> bool {
        let inner = self.lock();
        let full = |inner: &mut Inner| !inner.aborted && inner.waiting.len() >= inner.aside + items;
        let inner = self.moved.wait_while(inner, full).unwrap_or_else(PoisonError::into_inner);
        !inner.aborted
    }

    /// What there is so far.
    pub fn counts(&self) -> Counts {
        self.lock().counts.clone()
    }

    /// A few numbers for the live view: written, ended, calls, on their way.
    pub fn glance(&self) -> (u64, u64, u64, usize) {
        let inner = self.lock();
        let counts = &inner.counts;
        (counts.written, counts.ended, counts.call_count(), inner.waiting.len())
    }

    /// Closes the phase: what has not ended counts with the time that it has waited, or the slowest
    /// would be missing.
    pub fn close(&self) -> Counts {
        let took = self.elapsed();
        let mut inner = self.lock();
        let left = std::mem::take(&mut inner.waiting);
        for mark in left.values() {
            let waited = micros(took.saturating_sub(mark.intended));
            inner.counts.corrected.saturating_record(waited);
            inner.counts.unfinished += 1;
        }
        inner.counts.took = took;
        inner.counts.series.close();
        inner.counts.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Numbers are as good as they are, whoever died.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the target has said something that a live one says.
fn answered(result: Result<(), &OxError>) -> bool {
    match result {
        Ok(()) => true,
        Err(error) => matches!(error, OxError::Fault { .. }),
    }
}

/// A look-up of what is not there is answered with a fault; that is an answer as good as any.
fn is_no_error(operation: &str, error: &OxError) -> bool {
    let verb = operation.rsplit('.').next().unwrap_or_default();
    matches!(error, OxError::Fault { .. })
        && ["get", "list", "exists"].iter().any(|look| verb.starts_with(look))
}

/// A few words that say what went wrong, without names of objects.
fn kind(error: &OxError) -> String {
    match error {
        OxError::Fault { fault, .. } => {
            fault.exception.clone().unwrap_or_else(|| "fault without a name".to_owned())
        }
        OxError::Http { status, .. } => format!("HTTP {status}"),
        OxError::Lost { .. } => "no answer".to_owned(),
        OxError::Garbled { .. } => "answer not understood".to_owned(),
        OxError::NotOffered { .. } => "not offered".to_owned(),
        OxError::Unwritable { .. } => "value that cannot be sent".to_owned(),
        OxError::NoCredentials { .. } | OxError::CredentialsUnreadable { .. } => {
            "no credentials".to_owned()
        }
        OxError::Unreachable { .. } => "not reached".to_owned(),
    }
}

/// The phase that is measured now; what the engine does is told to it.
#[derive(Debug, Clone)]
pub struct Gauge(Arc<RwLock<Arc<Meter>>>);

impl Gauge {
    /// Tells this phase.
    pub fn new(meter: Arc<Meter>) -> Self {
        Self(Arc::new(RwLock::new(meter)))
    }

    /// Tells another phase from now on.
    pub fn turn_to(&self, meter: Arc<Meter>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = meter;
    }

    fn meter(&self) -> Arc<Meter> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl CallObserver for Gauge {
    fn called(&self, operation: &'static str, took: Duration, result: Result<(), &OxError>) {
        self.meter().called(operation, took, result);
    }
}

/// A queue that tells of the end of each item: an item's file goes when its outcome is committed.
pub struct Watched {
    /// The queue itself.
    pub queue: Arc<dyn Queue>,
    /// Whom to tell.
    pub gauge: Gauge,
}

impl Queue for Watched {
    fn scan(&self) -> Result<Vec<ItemName>, QueueError> {
        self.queue.scan()
    }

    fn read(&self, name: &ItemName) -> Result<Option<Vec<u8>>, QueueError> {
        self.queue.read(name)
    }

    fn remove(&self, name: &ItemName) -> Result<(), QueueError> {
        let removed = self.queue.remove(name);
        if removed.is_ok() {
            self.gauge.meter().ended(name);
        }
        removed
    }

    fn watch(&self) -> Result<tokio::sync::mpsc::Receiver<Changed>, QueueError> {
        self.queue.watch()
    }
}

#[cfg(test)]
mod tests;
