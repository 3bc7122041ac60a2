//! `drover simulate`: the whole engine under virtual time, seed by seed, and what it makes of trouble.

use std::io::{IsTerminal as _, Write as _};
use std::time::Instant;

use clap::Args;

use super::Exit;
use crate::simulate::{
    Memory, Scaled, Scenario, Summary, batch, newer_scenario_of, run, scale, scenario_of, shrink,
};

/// Flags of `drover simulate`.
#[derive(Debug, Clone, Args)]
pub struct SimulateArgs {
    /// How many seeds to run.
    #[arg(long, value_name = "N", default_value_t = 200)]
    pub seeds: u64,
    /// The first seed.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub from: u64,
    /// Threads, each with a seed of its own [default: one for each core].
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
    /// Run this one seed only.
    #[arg(long, value_name = "N", conflicts_with_all = ["seeds", "from"])]
    pub seed: Option<u64>,
    /// Print the scenario and the trace of the one seed.
    #[arg(long, requires = "seed")]
    pub trace: bool,
    /// Stop after so many broken seeds.
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub most_broken: usize,
    /// Do not make the scenarios of broken seeds smaller before they are printed.
    #[arg(long)]
    pub no_shrink: bool,
    /// With what only newer servers have, too: shared accounts, who may use them, and deputies.
    #[arg(long)]
    pub newer: bool,
    /// Instead of seeds, send so many items through the engine in real time over an OX that costs
    /// nothing, and print what an item takes.
    #[arg(long, value_name = "N", conflicts_with_all = ["seeds", "from", "seed"])]
    pub items: Option<u32>,
    /// Contexts that the items are dealt to.
    #[arg(long, value_name = "N", default_value = "5000", requires = "items")]
    pub contexts: std::num::NonZeroU32,
    /// Where drover's memory is meanwhile.
    #[arg(long, value_enum, default_value_t = Memory::Sqlite, requires = "items")]
    pub store: Memory,
}

/// Runs the seeds and prints what broke.
///
/// # Errors
/// If nothing can be printed.
pub fn run_seeds(args: &SimulateArgs) -> anyhow::Result<Exit> {
    let mut out = std::io::stdout();
    if let Some(items) = args.items {
        return send_items(items, args);
    }
    let (scenario_of, flag): (fn(u64) -> Scenario, _) =
        if args.newer { (newer_scenario_of, " --newer") } else { (scenario_of, "") };
    if let (Some(seed), true) = (args.seed, args.trace) {
        let scenario = scenario_of(seed);
        let outcome = run(&scenario);
        write!(out, "{scenario}{}", outcome.trace_text())?;
        for violation in &outcome.violations {
            writeln!(out, "VIOLATION {violation}")?;
        }
        return Ok(if outcome.violations.is_empty() { Exit::Done } else { Exit::Differs });
    }
    let (from, seeds) = args.seed.map_or((args.from, args.seeds), |seed| (seed, 1));
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    let threads = args.threads.unwrap_or(cores);
    let started = Instant::now();
    let terminal = std::io::stderr().is_terminal();
    let progress = move |done: u64| {
        if terminal && done.is_multiple_of(20) {
            let _ = write!(std::io::stderr(), "\r{done} of {seeds} seeds");
        }
    };
    let summary = batch(from, seeds, threads, args.most_broken, scenario_of, &progress);
    if terminal {
        writeln!(std::io::stderr())?;
    }
    for (seed, violations) in &summary.broken {
        writeln!(out, "seed {seed} breaks a law; drover simulate{flag} --seed {seed} --trace")?;
        for violation in violations {
            writeln!(out, "  {violation}")?;
        }
        if let (Some(first), false) = (violations.first(), args.no_shrink) {
            let smallest = shrink(&scenario_of(*seed), first.law);
            writeln!(
                out,
                "the smallest scenario that still breaks \"{}\":\n{smallest}",
                first.law
            )?;
            let outcome = run(&smallest);
            write!(out, "{}", outcome.trace_text())?;
            for violation in outcome.violations {
                writeln!(out, "  {violation}")?;
            }
        }
    }
    let Summary { seeds, items, calls, faults, crashes, broken } = &summary;
    writeln!(
        out,
        "{seeds} seeds from {from}: {items} items, {calls} calls, {faults} faults, {crashes} \
         crashes, {:.1} s; {} broken",
        started.elapsed().as_secs_f64(),
        broken.len()
    )?;
    Ok(if broken.is_empty() { Exit::Done } else { Exit::Differs })
}

/// Many items in real time.
fn send_items(items: u32, args: &SimulateArgs) -> anyhow::Result<Exit> {
    let threads = args.threads.unwrap_or(0);
    let scaled = scale(items, args.contexts, threads, args.store).map_err(anyhow::Error::msg)?;
    let Scaled { snapshot, calls, took, worked, peak_kb } = scaled;
    let seconds = took.as_secs_f64();
    writeln!(
        std::io::stdout(),
        "{items} items over {} contexts, {threads} threads for contexts: {calls} calls, {} items \
         ended, {} pending, {} faulty; {seconds:.2} s, {:.0} items/s, {:.2} us an item ({:.2} us of \
         processor time), peak memory {:.1} MB",
        args.contexts,
        snapshot.ended(),
        snapshot.pending,
        snapshot.faulty.len(),
        f64::from(items) / seconds,
        seconds * 1e6 / f64::from(items.max(1)),
        worked.as_secs_f64() * 1e6 / f64::from(items.max(1)),
        f64::from(u32::try_from(peak_kb).unwrap_or(u32::MAX)) / 1024.0,
    )?;
    let right = snapshot.ended() == u64::from(items) && snapshot.faulty.is_empty();
    Ok(if right { Exit::Done } else { Exit::Differs })
}
