//! Many seeds on several threads.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::laws::Violation;
use super::run::run;
use super::scenario::Scenario;
use super::stage::lock;

/// What many seeds came to.
#[derive(Debug, Default)]
pub struct Summary {
    /// Seeds that were run.
    pub seeds: u64,
    /// Queue files.
    pub items: u64,
    /// Calls to OX.
    pub calls: u64,
    /// Faults that were planned.
    pub faults: u64,
    /// Deaths of the engine.
    pub crashes: u64,
    /// Seeds that broke a law, with what was broken; sorted.
    pub broken: Vec<(u64, Vec<Violation>)>,
}

/// Runs `seeds` seeds from `from` on, on so many threads. After `most` broken seeds no new one is
/// begun. `scenario_of` gives a seed's scenario. `progress` is told the number of seeds done, from any of the threads.
pub fn batch(
    from: u64,
    seeds: u64,
    threads: usize,
    most: usize,
    scenario_of: fn(u64) -> Scenario,
    progress: &(dyn Fn(u64) + Sync),
) -> Summary {
    let next = AtomicU64::new(from);
    let summary = Mutex::new(Summary::default());
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= from + seeds || lock(&summary).broken.len() >= most {
                        break;
                    }
                    let scenario = scenario_of(seed);
                    let outcome = run(&scenario);
                    let mut summary = lock(&summary);
                    summary.seeds += 1;
                    summary.items += scenario.items() as u64;
                    summary.calls += u64::from(outcome.calls);
                    summary.faults += scenario.faults() as u64;
                    summary.crashes += outcome.crashes;
                    if !outcome.violations.is_empty() {
                        summary.broken.push((seed, outcome.violations));
                    }
                    let done = summary.seeds;
                    drop(summary);
                    progress(done);
                }
            });
        }
    });
    let mut summary = summary.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    summary.broken.sort_by_key(|(seed, _)| *seed);
    summary
}
