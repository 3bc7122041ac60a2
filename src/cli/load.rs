//! `drover load`: load made, measured, judged and told.

mod drive;
mod target;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, Subcommand};

use super::Exit;
use super::data::complain;
use crate::load::generator::Generator;
use crate::load::mix::Mix;
use crate::load::population::{Population, Size};
use crate::load::report::{self, Report};
use crate::load::run_id::RunId;
use crate::load::schedule::{Schedule, Shape, Spread, rates};
use crate::load::threshold::Threshold;
use crate::load::units;
use crate::load::verdict::Verdict;
use crate::sim::{Capacity, Stall};

/// Arguments of `drover load`.
#[derive(Debug, Clone, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct LoadArgs {
    /// Something else than a run of made load.
    #[command(subcommand)]
    pub what: Option<What>,
    /// The load.
    #[command(flatten)]
    pub made: Made,
    /// Where it goes.
    #[command(flatten)]
    pub common: Common,
}

/// What else there is.
#[derive(Debug, Clone, Subcommand)]
pub enum What {
    /// Put two reports side by side.
    Compare {
        /// JSON of the first run.
        first: PathBuf,
        /// JSON of the second run.
        second: PathBuf,
    },
    /// Send recorded queue files, at their own distances or faster or slower.
    Replay(Box<ReplayArgs>),
}

/// Arguments of `drover load replay`.
#[derive(Debug, Clone, Args)]
pub struct ReplayArgs {
    /// Folder with the files.
    pub folder: PathBuf,
    /// How many times as fast as they were recorded, from 0.01 to 1000.
    #[arg(long, value_name = "TIMES", default_value = "1", value_parser = speed)]
    pub speed: f64,
    /// Where it goes.
    #[command(flatten)]
    pub common: Common,
}

/// What load is made.
#[derive(Debug, Clone, Args)]
pub struct Made {
    /// Contexts to make first.
    #[arg(long, value_name = "N", default_value = "20")]
    pub contexts: NonZeroU32,
    /// Users to make first, in all contexts together.
    #[arg(long, value_name = "N", default_value_t = 400)]
    pub users: u32,
    /// How unequal contexts are: the n-th largest has a share as of 1 / n^ZIPF; 0 = all equal
    /// [default: 1, and 0 for --find-knee, or the largest context would be what is found].
    #[arg(long, value_name = "ZIPF", value_parser = number)]
    pub zipf: Option<f64>,
    /// Weights of the changes: create, modify, alias, rename, move, membership, delete, quota.
    #[arg(long, value_name = "WEIGHTS", default_value_t = Mix::default())]
    pub mix: Mix,
    /// Items a second, or from one rate to another, as in 10..200.
    #[arg(long, value_name = "RATE", default_value = "20", value_parser = rate)]
    pub rate: (f64, f64),
    /// How long the rate is kept.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = units::time)]
    pub duration: Duration,
    /// How the rate goes on.
    #[arg(long, value_enum, default_value_t)]
    pub shape: Shape,
    /// Stages in place of rate and duration, such as 30s@50,10s@50..200,60s@200.
    #[arg(long, value_name = "STAGES", conflicts_with_all = ["rate", "duration", "shape"])]
    pub stages: Option<Schedule>,
    /// How arrivals are spread.
    #[arg(long, value_enum, default_value_t)]
    pub spread: Spread,
    /// A closed model instead: so many items at a time, the next when one has ended. Slow answers
    /// slow it down, so what it tells of latency is too good.
    #[arg(long, value_name = "N", conflicts_with_all = ["stages", "shape", "find_knee"])]
    pub closed: Option<NonZeroUsize>,
    /// Search the highest rate that the target keeps up with, beginning at --rate.
    #[arg(long, conflicts_with = "stages")]
    pub find_knee: bool,
    /// How long each rate is tried in that search.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = units::time)]
    pub step: Duration,
}

/// Where load goes, and what becomes of it.
#[derive(Debug, Clone, Args)]
pub struct Common {
    /// Address of the server [default: the built-in simulator]. Its master's login and password come
    /// from OX_MASTER_ADMIN and OX_MASTER_PASSWORD, or from the settings file.
    #[arg(long, value_name = "URL", requires = "data")]
    pub target: Option<String>,
    /// Host of the target, if it is not this machine: a statement that it may be put under load.
    #[arg(long, value_name = "NAME", requires = "target")]
    pub i_own_this_target: Option<String>,
    /// Settings file.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Folder for what runs have to remember until they are cleaned up [default: a temporary one].
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Name of the run, small letters and digits [default: drawn].
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
    /// Number of the run's first context [default: drawn, above 1000000000].
    #[arg(long, value_name = "ID")]
    pub first_context: Option<NonZeroU32>,
    /// What chance starts from.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Remove what a run that has died has left in the target, and nothing else.
    #[arg(long, value_name = "RUN", requires = "target")]
    pub clean: Option<String>,
    /// Leave everything that was made in the target; --clean removes it.
    #[arg(long, requires = "target")]
    pub keep: bool,
    /// How long the simulator takes for a call, in milliseconds.
    #[arg(long, value_name = "MS", default_value = "0", value_parser = super::milliseconds)]
    pub latency_ms: Duration,
    /// How the simulator bears several calls at once; as of `drover sim`.
    #[arg(long, value_name = "CURVE", conflicts_with = "target")]
    pub capacity: Option<Capacity>,
    /// When the simulator stands still: how long, and how often, as in 2s/20s.
    #[arg(long, value_name = "TIME/TIME", value_parser = super::stall, conflicts_with = "target")]
    pub stall: Option<Stall>,
    /// Calls at once at most: a number; "adaptive" has them looked for while it runs, as drover does
    /// in service, up to limits.max_in_flight [default: 16; --find-knee searches what is best first].
    #[arg(long, value_name = "N")]
    pub in_flight: Option<InFlight>,
    /// End when the target has answered nothing for so long.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = units::time)]
    pub abort_after: Duration,
    /// How long items may still take after the last has arrived.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = units::time)]
    pub drain: Duration,
    /// What has to be reached, such as p99<200ms, call.p95<50ms, errors<1%, unfinished<1, rate>100;
    /// may be repeated.
    #[arg(long = "threshold", value_name = "THRESHOLD")]
    pub thresholds: Vec<Threshold>,
    /// Write the report to PREFIX.json, PREFIX.csv and PREFIX.html.
    #[arg(long, value_name = "PREFIX")]
    pub report: Option<PathBuf>,
}

/// How many calls may be under way at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InFlight {
    /// So many, whatever the target says to that.
    Fixed(NonZeroUsize),
    /// As many as the target bears, found while it runs.
    Adaptive,
}

impl FromStr for InFlight {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = || text.parse().ok().filter(|number: &NonZeroUsize| number.get() <= 1024);
        match text {
            "adaptive" => Ok(Self::Adaptive),
            _ => number()
                .map(Self::Fixed)
                .ok_or_else(|| "expected a number from 1 to 1024, or adaptive".to_owned()),
        }
    }
}

/// Calls at once where nothing is said.
const IN_FLIGHT: NonZeroUsize = NonZeroUsize::MIN.saturating_add(15);
/// A search tries no more calls at once.
const MOST_IN_FLIGHT: NonZeroUsize = NonZeroUsize::MIN.saturating_add(255);

fn number(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number| (0.0..=10.0).contains(number));
    number.ok_or_else(|| "expected a number from 0 to 10".to_owned())
}

fn rate(text: &str) -> Result<(f64, f64), String> {
    let rates = rates(text).filter(|(from, to)| *from > 0.0 || *to > 0.0);
    rates.ok_or_else(|| "expected items a second, such as 50 or 10..200".to_owned())
}

fn speed(text: &str) -> Result<f64, String> {
    let speed = text.parse().ok().filter(|speed| (0.01..=1000.0).contains(speed));
    speed.ok_or_else(|| "expected a number from 0.01 to 1000".to_owned())
}

/// Does what was asked for.
///
/// # Errors
/// If something fails that has no exit code of its own.
pub fn run(args: &LoadArgs, env: &BTreeMap<String, String>) -> anyhow::Result<Exit> {
    let (common, work) = match &args.what {
        Some(What::Compare { first, second }) => return compare(first, second),
        Some(What::Replay(replay)) => (&replay.common, None),
        None => (&args.common, Some(&args.made)),
    };
    if let Some(name) = &common.clean {
        return target::clean(name, common, env);
    }
    let Some(run) = run_id(common) else {
        complain("the name of a run has 1 to 20 small letters and digits");
        return Ok(Exit::Usage);
    };
    let order = match (work, &args.what) {
        (Some(made), _) => made_order(made, common, run),
        (None, Some(What::Replay(replay))) => match drive::replayed(replay, run) {
            Ok(order) => order,
            Err(problem) => {
                complain(&format!("{problem:#}"));
                return Ok(Exit::Input);
            }
        },
        (None, _) => anyhow::bail!("nothing to do"),
    };
    drive::run(order, common, env)
}

fn run_id(common: &Common) -> Option<RunId> {
    let drawn = RunId::drawn(common.first_context.map(NonZeroU32::get));
    match &common.run {
        Some(name) => RunId::new(name, drawn.context_id(0)),
        None => Some(drawn),
    }
}

fn made_order(made: &Made, common: &Common, run: RunId) -> drive::Order {
    let zipf = made.zipf.unwrap_or(if made.find_knee { 0.0 } else { 1.0 });
    let size = Size { contexts: made.contexts, users: made.users, zipf, seed: common.seed };
    let population = Population::new(size);
    let told = report::Population {
        contexts: population.contexts(),
        users: population.users(),
        groups: population.groups(),
    };
    let generator = Generator::new(population, run.clone(), made.mix.clone(), common.seed);
    let schedule = made.stages.clone().unwrap_or_else(|| match made.rate {
        #[expect(clippy::float_cmp, reason = "as they were given")]
        (from, to) if from != to => Schedule::ramp(from, to, made.duration),
        (rate, _) => Schedule::shaped(made.shape, rate, made.duration),
    });
    let plan = if made.find_knee {
        let most = MOST_IN_FLIGHT.min(NonZeroUsize::try_from(made.contexts).unwrap_or(IN_FLIGHT));
        drive::Plan::Knee {
            rate: made.rate.0.max(made.rate.1),
            step: made.step,
            most_in_flight: common.in_flight.is_none().then_some(most),
        }
    } else if let Some(workers) = made.closed {
        drive::Plan::Closed { workers: workers.get(), length: made.duration }
    } else {
        drive::Plan::Open { schedule, spread: made.spread }
    };
    let work = drive::Work::Made { generator: Box::new(generator), plan };
    drive::Order {
        run,
        contexts: made.contexts.get(),
        default_context: None,
        mix: made.mix.to_string(),
        told,
        work,
    }
}

/// Writes and prints the report; answers what the run is to end with.
fn tell(report: &Report, common: &Common, faulty: bool) -> anyhow::Result<Exit> {
    let mut out = std::io::stdout();
    writeln!(out, "{}", report.text())?;
    if let Some(prefix) = &common.report {
        let write = |ending: &str, text: String| {
            let mut name = prefix.as_os_str().to_owned();
            name.push(ending);
            std::fs::write(&name, text)
                .with_context(|| format!("cannot write {}", name.display()))?;
            writeln!(std::io::stdout(), "written: {}", Path::new(&name).display())?;
            anyhow::Ok(())
        };
        write(".json", serde_json::to_string_pretty(report)?)?;
        write(".csv", report.csv())?;
        write(".html", report::page(report))?;
    }
    Ok(match report.verdict {
        Verdict::TargetDead => Exit::Unreachable,
        Verdict::GeneratorBound | Verdict::PopulationBound => Exit::GeneratorBound,
        Verdict::Valid if report.thresholds.iter().any(|checked| !checked.kept) => Exit::Missed,
        Verdict::Valid if faulty => Exit::Faulty,
        Verdict::Valid => Exit::Done,
    })
}

fn compare(first: &Path, second: &Path) -> anyhow::Result<Exit> {
    let read = |path: &Path| {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        let report: Report = serde_json::from_str(&text)
            .with_context(|| format!("{} is no report of a load run", path.display()))?;
        anyhow::Ok(report)
    };
    match read(first).and_then(|first| Ok((first, read(second)?))) {
        Ok((first, second)) => {
            write!(std::io::stdout(), "{}", report::compare(&first, &second))?;
            Ok(Exit::Done)
        }
        Err(problem) => {
            complain(&format!("{problem:#}"));
            Ok(Exit::Input)
        }
    }
}
