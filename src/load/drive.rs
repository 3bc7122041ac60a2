//! Drives phases of a run through a running engine.

use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::evidence::{Evidence, Probe, Probed};
use super::generator::{Generator, Made};
use super::meter::{Counts, Gauge, Meter, Watched};
use super::units::micros;
use crate::actors::status::Snapshot;
use crate::demo::Progress;
use crate::queue::QueueWriter;
use crate::service::{Running, Service};
use crate::store::StoreError;

/// How often the engine is looked at while nothing happens.
const LOOK: Duration = Duration::from_millis(200);

/// Where items come from.
pub trait Source: Send {
    /// The next item; none at the end.
    fn next(&mut self) -> Option<Made>;
}

/// The population of a generator, to be laid.
pub struct Laying(pub Generator);

impl Source for Laying {
    fn next(&mut self) -> Option<Made> {
        self.0.lay()
    }
}

/// Changes of a generator's population, without end.
pub struct Changing(pub Generator);

impl Source for Changing {
    fn next(&mut self) -> Option<Made> {
        Some(self.0.change())
    }
}

/// When items are written.
pub enum Pace {
    /// By the clock, whatever becomes of them.
    Open {
        /// When each is due.
        arrivals: Box<dyn Iterator<Item = Duration> + Send>,
        /// How many that are.
        planned: u64,
    },
    /// So many at a time: the next when one has ended.
    Closed {
        /// Items on their way at most.
        workers: usize,
        /// No more are written after this; none: as long as there are any.
        length: Option<Duration>,
    },
}

/// How a phase went.
#[derive(Debug)]
pub struct Phase {
    /// What was measured.
    pub counts: Counts,
    /// Items on their way when the last had been written.
    pub backlog: usize,
    /// Items that stood still in the end, and those that waited for them.
    pub faulty: usize,
    /// Whether the run is to end: it was told to, or the target is dead.
    pub cut: bool,
    /// What the run observed of itself.
    pub evidence: Evidence,
}

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// After such a silence the target counts as dead.
    pub dead_after: Duration,
    /// So long after the last item the rest may take.
    pub drain: Duration,
}

/// Drives a service.
pub struct Driver {
    running: Running,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    gauge: Gauge,
    writer: Arc<QueueWriter>,
    patience: Patience,
    interrupted: watch::Receiver<bool>,
}

/// Why a phase cannot be driven.
#[derive(Debug, thiserror::Error)]
pub enum DriveError {
    /// A queue file cannot be written, or there is no thread.
    #[error("cannot make load: {0}")]
    Io(#[from] io::Error),
    /// The engine has ended by itself.
    #[error("the engine has ended early; please report this")]
    Ended,
}

impl Driver {
    /// Starts the service with the gauge in its way. Must be called inside an actix system.
    ///
    /// # Errors
    /// If the state cannot be read.
    pub fn start(
        service: Service,
        writer: QueueWriter,
        gauge: Gauge,
        patience: Patience,
        interrupted: watch::Receiver<bool>,
    ) -> Result<Self, StoreError> {
        let told = gauge.clone();
        let service = service.with_queue(|queue| Arc::new(Watched { queue, gauge: told }));
        let running = service.start()?;
        let snapshots = running.engine.snapshots();
        Ok(Self { running, snapshots, gauge, writer: Arc::new(writer), patience, interrupted })
    }

    /// Writes the items of a source at a pace, and waits for their ends. `objects` as
    /// [`Meter::new`] wants it; `total`: how many items there will be, for the live view.
    ///
    /// # Errors
    /// [`DriveError`].
    pub async fn phase<S: Source + 'static>(
        &mut self,
        title: &str,
        source: S,
        pace: Pace,
        objects: Vec<u32>,
        total: u64,
    ) -> Result<(Phase, S), DriveError> {
        let planned = match &pace {
            Pace::Open { planned, .. } => Some(*planned),
            Pace::Closed { .. } => None,
        };
        let meter = Arc::new(Meter::new(objects));
        self.gauge.turn_to(Arc::clone(&meter));
        let probe = Probe::start()?;
        let (for_writer, to) = (Arc::clone(&meter), Arc::clone(&self.writer));
        let mut writing =
            actix_rt::task::spawn_blocking(move || write(source, pace, &for_writer, &to));
        let mut progress = Progress::on_stderr(title);
        let (mut written, mut backlog, mut silent, mut cut) = (None, 0, Duration::ZERO, false);
        let mut deadline = Duration::MAX;
        let mut look = tokio::time::interval(LOOK);
        while written.is_none() || !(cut || meter.is_through() || meter.elapsed() >= deadline) {
            tokio::select! {
                done = &mut writing, if written.is_none() => {
                    written = Some(done.map_err(|_| DriveError::Ended)??);
                    backlog = meter.waiting();
                    meter.all_written();
                    deadline = meter.elapsed() + self.patience.drain;
                }
                changed = self.snapshots.changed() => changed.map_err(|_| DriveError::Ended)?,
                _ = look.tick() => {}
            }
            let snapshot = self.snapshots.borrow_and_update().clone();
            meter.set_aside(snapshot.parked + snapshot.blocked);
            silent = silent.max(meter.silent());
            if !cut && (silent >= self.patience.dead_after || *self.interrupted.borrow()) {
                cut = true;
                meter.abort();
            }
            let (_, ended, ..) = meter.glance();
            let faulty = snapshot.parked as u64;
            progress.update(meter.elapsed(), ended, total, faulty, snapshot.active as u64);
        }
        let snapshot = self.snapshots.borrow().clone();
        let faulty = snapshot.parked + snapshot.blocked;
        let counts = meter.close();
        progress.finish(counts.took, counts.ended, total.max(counts.ended), faulty as u64);
        let evidence =
            evidence(&counts, &probe.finish(), planned, silent, self.patience.dead_after);
        let source = written.ok_or(DriveError::Ended)?;
        Ok((Phase { counts, backlog, faulty, cut, evidence }, source))
    }

    /// Makes so many calls at once at most from now on, whatever the target says to that.
    pub fn call_at_once(&self, calls: NonZeroUsize) {
        self.running.limits.calls.fix(calls);
    }

    /// Ends the engine; what has not been done stays in the queue.
    pub async fn finish(self) {
        let stopper = self.running.engine.stopper();
        stopper.drain();
        self.running.engine.ended().await;
        if let Some(mirror) = self.running.mirror {
            mirror.finish(Some(Duration::ZERO));
        }
        drop(self.running.lock);
    }
}

/// Writes until the source or the pace ends, or the phase is cut short.
fn write<S: Source>(mut source: S, pace: Pace, meter: &Meter, to: &QueueWriter) -> io::Result<S> {
    let put = |made: &Made, intended| {
        let name = to.next_name()?;
        meter.written(name.clone(), made.change, made.context, intended);
        to.write_as(&name, &made.content)
    };
    match pace {
        Pace::Open { arrivals, .. } => {
            for intended in arrivals {
                // Made before it is due, so that making it costs no time that is measured.
                let Some(made) = source.next() else { break };
                if !meter.wait_until(intended) {
                    break;
                }
                put(&made, intended)?;
            }
        }
        Pace::Closed { workers, length } => {
            while meter.wait_below(workers) && length.is_none_or(|length| meter.elapsed() < length)
            {
                let Some(made) = source.next() else { break };
                put(&made, meter.elapsed())?;
            }
        }
    }
    Ok(source)
}

fn evidence(
    counts: &Counts,
    probed: &Probed,
    planned: Option<u64>,
    silent: Duration,
    dead_after: Duration,
) -> Evidence {
    Evidence {
        planned,
        written: counts.written,
        lateness_p99_us: counts.lateness.value_at_quantile(0.99),
        latency_p50_us: counts.corrected.value_at_quantile(0.5),
        latency_p99_us: counts.corrected.value_at_quantile(0.99),
        scheduler_p99_us: probed.scheduler.value_at_quantile(0.99),
        cpu_share: probed.cpu_share,
        cpu_wait_share: probed.cpu_wait_share,
        processors: probed.processors,
        files: probed.files,
        closing_sockets: probed.closing_sockets,
        busiest_context: counts.occupation.map(|occupation| occupation.busiest),
        contexts_busy: counts.occupation.map(|occupation| occupation.mean),
        silent_us: micros(silent),
        dead_after_us: micros(dead_after),
    }
}
