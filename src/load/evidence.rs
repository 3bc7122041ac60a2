//! What a run observes of itself and its machine, so that it can say what it has measured.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::meter::{Latencies, latencies};
use super::units::micros;

/// A short sleep, whose overshoot is what the scheduler lets everybody wait.
const NAP: Duration = Duration::from_millis(5);

/// What was observed in a phase.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Items that the schedule had until the end of the phase; none in a closed model.
    pub planned: Option<u64>,
    /// Items that were written.
    pub written: u64,
    /// How much later than intended items were written: 99 of 100 no more than so many microseconds.
    pub lateness_p99_us: u64,
    /// Corrected latency of items, 50 of 100.
    pub latency_p50_us: u64,
    /// Corrected latency of items, 99 of 100.
    pub latency_p99_us: u64,
    /// How much longer than asked for a thread slept: 99 of 100 times no more than so many
    /// microseconds.
    pub scheduler_p99_us: u64,
    /// Share of the processors open to this process that it used, from 0 to 1.
    pub cpu_share: f64,
    /// Of the time that its threads ran or could have run, the share in which they had to wait for a
    /// processor.
    pub cpu_wait_share: f64,
    /// Processors open to this process.
    pub processors: u32,
    /// Open files, and the limit; none if the system does not say.
    pub files: Option<(u64, u64)>,
    /// Connections of the machine in the state TIME-WAIT, and the number of ports for new ones.
    pub closing_sockets: Option<(u64, u64)>,
    /// Share of the time, while items came, in which the busiest context had something to do; a
    /// context is worked on one item at a time.
    #[serde(default)]
    pub busiest_context: Option<f64>,
    /// The mean of that over all contexts.
    #[serde(default)]
    pub contexts_busy: Option<f64>,
    /// The longest time in which the target said nothing while there was something to do, in
    /// microseconds.
    pub silent_us: u64,
    /// After how much of such silence the target counts as dead, in microseconds.
    pub dead_after_us: u64,
}

/// What the probe found between its start and its end.
#[derive(Debug, Clone)]
pub struct Probed {
    /// How much longer than asked for a thread slept.
    pub scheduler: Latencies,
    /// See [`Evidence::cpu_share`].
    pub cpu_share: f64,
    /// See [`Evidence::cpu_wait_share`].
    pub cpu_wait_share: f64,
    /// See [`Evidence::processors`].
    pub processors: u32,
    /// See [`Evidence::files`].
    pub files: Option<(u64, u64)>,
    /// See [`Evidence::closing_sockets`].
    pub closing_sockets: Option<(u64, u64)>,
}

/// Observes the process on a thread of its own.
pub struct Probe {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Latencies>,
    begun: Instant,
    before: Processor,
}

impl Probe {
    /// Begins.
    ///
    /// # Errors
    /// If there is no thread to be had.
    pub fn start() -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread =
            std::thread::Builder::new().name("load-probe".to_owned()).spawn(move || {
                let mut late: Histogram<u64> = latencies();
                while !told.load(Ordering::Relaxed) {
                    let begun = Instant::now();
                    std::thread::sleep(NAP);
                    late.saturating_record(micros(begun.elapsed().saturating_sub(NAP)));
                }
                late
            })?;
        Ok(Self { stop, thread, begun: Instant::now(), before: Processor::now() })
    }

    /// Ends, and tells.
    pub fn finish(self) -> Probed {
        let (after, passed) = (Processor::now(), self.begun.elapsed());
        let (files, closing_sockets) = (files(), closing_sockets());
        self.stop.store(true, Ordering::Relaxed);
        let scheduler = self.thread.join().unwrap_or_else(|_| latencies());
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let processors = u32::try_from(processors).unwrap_or(u32::MAX);
        let used = after.used.saturating_sub(self.before.used).as_secs_f64();
        let waited = after.waited.saturating_sub(self.before.waited).as_secs_f64();
        let share = |part: f64, of: f64| if of > 0.0 { part / of } else { 0.0 };
        Probed {
            scheduler,
            cpu_share: share(used, passed.as_secs_f64() * f64::from(processors)),
            cpu_wait_share: share(waited, used + waited),
            processors,
            files,
            closing_sockets,
        }
    }
}

/// Time of all threads of this process.
#[derive(Debug, Clone, Copy, Default)]
struct Processor {
    used: Duration,
    /// In which they could have run and did not.
    waited: Duration,
}

impl Processor {
    /// Until now; nothing where the system does not say.
    fn now() -> Self {
        let tasks = std::fs::read_dir("/proc/self/task");
        let of = |entry: std::io::Result<std::fs::DirEntry>| {
            let text = std::fs::read_to_string(entry.ok()?.path().join("schedstat")).ok()?;
            schedstat(&text)
        };
        let all = tasks.into_iter().flatten().filter_map(of);
        all.fold(Self::default(), |sum, one| Self {
            used: sum.used + one.used,
            waited: sum.waited + one.waited,
        })
    }
}

/// Two numbers of nanoseconds: ran, and waited to run.
fn schedstat(text: &str) -> Option<Processor> {
    let mut numbers = text.split_whitespace().map(str::parse);
    let mut next = || Some(Duration::from_nanos(numbers.next()?.ok()?));
    Some(Processor { used: next()?, waited: next()? })
}

fn files() -> Option<(u64, u64)> {
    let open = std::fs::read_dir("/proc/self/fd").ok()?.count();
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    let limit = line.split_whitespace().next()?.parse().ok()?;
    Some((u64::try_from(open).ok()?, limit))
}

fn closing_sockets() -> Option<(u64, u64)> {
    let stat = std::fs::read_to_string("/proc/net/sockstat").ok()?;
    let line = stat.lines().find_map(|line| line.strip_prefix("TCP:"))?;
    let closing = line.split_whitespace().skip_while(|word| *word != "tw").nth(1)?.parse().ok()?;
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok()?;
    let mut ends = range.split_whitespace().map(str::parse::<u64>);
    let (from, to) = (ends.next()?.ok()?, ends.next()?.ok()?);
    Some((closing, to.saturating_sub(from) + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_numbers_are_read() {
        let read = schedstat("1500000000 250000000 42\n").unwrap();
        assert_eq!((read.used.as_millis(), read.waited.as_millis()), (1500, 250));
        assert!(schedstat("").is_none());
    }

    #[test]
    fn a_probe_sees_its_own_process() {
        let probe = Probe::start().unwrap();
        let begun = Processor::now().used;
        let mut sum = 0_u64;
        while Processor::now().used < begun + Duration::from_millis(20) {
            sum = sum.wrapping_mul(31).wrapping_add(7);
        }
        assert_ne!(sum, 1);
        let probed = probe.finish();
        assert!(probed.cpu_share > 0.0 && probed.processors > 0);
        assert!(probed.files.is_some_and(|(open, limit)| open > 0 && limit >= open));
    }
}
