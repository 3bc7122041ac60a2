//! A load run from its order to its report.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use actix_rt::System;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::target::{self, Goal};
use super::{Common, IN_FLIGHT, InFlight, ReplayArgs, tell};
use crate::actors::supervisor::Until;
use crate::cli::Exit;
use crate::cli::data::complain;
use crate::load::drive::{Changing, Driver, Laying, Pace, Patience, Phase, Source};
use crate::load::evidence::Evidence;
use crate::load::generator::Generator;
use crate::load::journal::Journal;
use crate::load::knee::{Crowd, Knee, Search, Step, best_crowd, crowded_enough};
use crate::load::meter::{Gauge, Meter};
use crate::load::replay::Recording;
use crate::load::report::{Checked, Measured, Population, Report, SCHEMA};
use crate::load::run_id::RunId;
use crate::load::schedule::{Schedule, Shape, Spread};
use crate::load::verdict::{Verdict, judge, judge_too_much};
use crate::model::ContextId;
use crate::queue::QueueWriter;
use crate::service::Service;
use crate::settings::Settings;

/// Items of the population on their way at once: enough to keep every context busy, few enough to
/// need no memory.
const LAID_AT_ONCE: usize = 2_000;

/// What a run is to do.
pub(super) struct Order {
    pub(super) run: RunId,
    /// Contexts that it may make.
    pub(super) contexts: u32,
    /// The context, counted from 0, of users that name none.
    pub(super) default_context: Option<u32>,
    pub(super) mix: String,
    pub(super) told: Population,
    pub(super) work: Work,
}

/// Where the load comes from.
pub(super) enum Work {
    /// Made from chance.
    Made { generator: Box<Generator>, plan: Plan },
    /// Recorded.
    Replayed { recording: Box<Recording>, speed: f64 },
}

/// How made load comes.
pub(super) enum Plan {
    Open {
        schedule: Schedule,
        spread: Spread,
    },
    Closed {
        workers: usize,
        length: Duration,
    },
    /// `most_in_flight`: up to so many calls at once are tried first; none: the number is given.
    Knee {
        rate: f64,
        step: Duration,
        most_in_flight: Option<NonZeroUsize>,
    },
}

/// The order to replay a folder.
pub(super) fn replayed(args: &ReplayArgs, run: RunId) -> anyhow::Result<Order> {
    let recording = Recording::read(&args.folder, &run)?;
    Ok(Order {
        contexts: recording.contexts(),
        default_context: Some(recording.default_context()),
        run,
        mix: String::new(),
        told: Population { contexts: recording.contexts(), users: 0, groups: 0 },
        work: Work::Replayed { recording: Box::new(recording), speed: args.speed },
    })
}

/// What phases came to.
struct Outcome {
    phases: Vec<(String, Phase)>,
    knee: Option<Knee>,
    model: &'static str,
    pace: String,
    /// Calls at once, if they were searched for.
    in_flight: Option<usize>,
}

/// Runs an order.
pub(super) fn run(
    order: Order,
    common: &Common,
    env: &BTreeMap<String, String>,
) -> anyhow::Result<Exit> {
    let goal = match target::goal(common)? {
        Ok(goal) => goal,
        Err(refused) => {
            complain(&refused);
            return Ok(Exit::Usage);
        }
    };
    let begun = jiff::Timestamp::now();
    let journal = Journal {
        run: order.run.clone(),
        contexts: order.contexts,
        target: goal.address.clone(),
        begun: begun.to_string(),
    };
    let simulated = goal.sim.is_some();
    let folder = Journal::folder(&goal.data, order.run.name());
    let mut settings = match target::settings(&folder, &goal.address, simulated, common, env) {
        Ok(settings) => settings,
        Err(problem) => {
            complain(&format!("{:#}", anyhow::Error::new(problem)));
            return Ok(Exit::Settings);
        }
    };
    if let Some(context) = order.default_context {
        settings.ox.default_context = ContextId(order.run.context_id(context));
    }
    writeln!(
        std::io::stdout(),
        "load run {}, seed {}, target {}",
        order.run,
        common.seed,
        goal.told
    )?;
    let system = System::new();
    let client = target::client(&settings)?;
    let ready = match (!simulated).then(|| system.block_on(journal.find_free(&client))) {
        Some(Err(problem)) => Err(problem),
        _ => journal.begin(&goal.data).map(drop),
    };
    if let Err(problem) = ready {
        complain(&problem.to_string());
        return Ok(target::exit_of(&problem));
    }
    let (told, mix) = (order.told, order.mix.clone());
    let driven = system.block_on(drive(order, &settings, common));
    // Whatever went wrong, what was made goes.
    if !common.keep {
        tidy(&system, &journal, &folder, &client, &goal);
    }
    let outcome = match driven? {
        Ok(outcome) => outcome,
        Err(exit) => return Ok(exit),
    };
    let report = report(&outcome, common, &goal, &journal, told, mix);
    let faulty = outcome.phases.iter().any(|(_, phase)| phase.faulty > 0);
    tell(&report, common, faulty)
}

/// Removes what the run has made.
fn tidy(
    system: &actix_rt::SystemRunner,
    journal: &Journal,
    folder: &Path,
    client: &crate::ox::client::SoapClient,
    goal: &Goal,
) {
    // The built-in simulator ends with everything in it.
    let cleaned = if goal.sim.is_some() { Ok(0) } else { system.block_on(journal.clean(client)) };
    if let Err(problem) = cleaned.and_then(|_| Journal::end(folder)) {
        complain(&format!(
            "cannot clean up ({problem}); once the target is well again: drover load --clean {} --data \
             {} --target {}",
            journal.run,
            goal.data.display(),
            goal.address
        ));
    }
}

/// Drives all phases.
async fn drive(
    order: Order,
    settings: &Settings,
    common: &Common,
) -> anyhow::Result<Result<Outcome, Exit>> {
    let gauge = Gauge::new(Arc::new(Meter::new(Vec::new())));
    let service = match Service::open(settings, Until::Told, Some(Arc::new(gauge.clone()))) {
        Ok(service) => service,
        Err(problem) => {
            let exit = crate::cli::run::exit_of(&problem);
            complain(&format!("{:#}", anyhow::Error::new(problem)));
            return Ok(Err(exit));
        }
    };
    let (interrupt, interrupted) = watch::channel(false);
    let (mut terminate, mut by_hand) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    actix_rt::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = by_hand.recv() => {}
        }
        interrupt.send_replace(true);
        // Kept, or whoever asks would think that there is nobody left.
        std::future::pending::<()>().await;
    });
    let now = jiff::tz::TimeZone::system().to_datetime(jiff::Timestamp::now());
    let writer = QueueWriter::new(settings.queue_dir(), now).without_sync();
    let patience = Patience { dead_after: common.abort_after, drain: common.drain };
    let mut driver = Driver::start(service, writer, gauge, patience, interrupted)?;
    let outcome = match order.work {
        Work::Made { generator, plan } => made(&mut driver, *generator, plan, common).await,
        Work::Replayed { recording, speed } => replay(&mut driver, *recording, speed).await,
    };
    driver.finish().await;
    outcome.map(Ok)
}

async fn made(
    driver: &mut Driver,
    generator: Generator,
    plan: Plan,
    common: &Common,
) -> anyhow::Result<Outcome> {
    let population = generator.population();
    let total = population.objects();
    let objects = (0..population.contexts()).map(|context| population.objects_in(context));
    let objects: Vec<u32> = objects.collect();
    let pace = Pace::Closed { workers: LAID_AT_ONCE, length: None };
    let (setup, Laying(generator)) =
        driver.phase("setup", Laying(generator), pace, objects, total).await?;
    let (model, pace) = match &plan {
        Plan::Open { schedule, .. } => ("open", schedule.to_string()),
        Plan::Closed { workers, length } => {
            ("closed", format!("{workers} at a time for {} s", length.as_secs_f64()))
        }
        Plan::Knee { rate, step, .. } => {
            ("open", format!("search from {rate} items/s, {} s a step", step.as_secs_f64()))
        }
    };
    let mut outcome = Outcome {
        phases: vec![("setup".to_owned(), setup)],
        knee: None,
        model,
        pace,
        in_flight: None,
    };
    if outcome.phases[0].1.cut {
        return Ok(outcome);
    }
    let changing = Changing(generator);
    match plan {
        Plan::Open { schedule, spread } => {
            let pace = open(&schedule, spread, common.seed);
            let (phase, _) =
                driver.phase("load", changing, pace, Vec::new(), schedule.items()).await?;
            outcome.phases.push(("load".to_owned(), phase));
        }
        Plan::Closed { workers, length } => {
            let pace = Pace::Closed { workers, length: Some(length) };
            let (phase, _) = driver.phase("load", changing, pace, Vec::new(), 0).await?;
            outcome.phases.push(("load".to_owned(), phase));
        }
        Plan::Knee { rate, step, most_in_flight } => {
            let found = search(driver, changing, (rate, step, most_in_flight), common.seed).await?;
            outcome.in_flight = found.in_flight;
            outcome.knee = Some(found.knee);
            outcome.phases.extend(found.phases);
        }
    }
    Ok(outcome)
}

fn open(schedule: &Schedule, spread: Spread, seed: u64) -> Pace {
    let arrivals = Box::new(schedule.arrivals(spread, seed));
    // By chance there may be a few more or less; how many is known when they have come.
    let planned = match spread {
        Spread::Even => schedule.items(),
        Spread::Poisson => schedule.arrivals(spread, seed).count() as u64,
    };
    Pace::Open { arrivals, planned }
}

/// What a search came to.
struct Found {
    knee: Knee,
    /// Calls at once that proved best, if they were searched for.
    in_flight: Option<usize>,
    /// The phase at the lowest rate that was too much, and that at the knee itself.
    phases: Vec<(String, Phase)>,
}

/// Steps until the knee is found. `order`: the rate to begin with, the length of a step, and up to
/// how many calls at once are tried first.
async fn search<S: Source + 'static>(
    driver: &mut Driver,
    source: S,
    order: (f64, Duration, Option<NonZeroUsize>),
    seed: u64,
) -> anyhow::Result<Found> {
    let (rate, length, most) = order;
    let (crowds, mut source) = match most {
        Some(most) => crowds(driver, source, length, most).await?,
        None => (Vec::new(), source),
    };
    let best = best_crowd(&crowds);
    let mut search = Search::new(rate);
    if let Some(best) = best {
        driver.call_at_once(NonZeroUsize::new(best.in_flight).unwrap_or(NonZeroUsize::MIN));
        search = Search::near(best.items_per_s);
    }
    let (mut good, mut bad) = (None, None);
    while let Some(offered) = search.next_rate() {
        let schedule = Schedule::shaped(Shape::Constant, offered, length);
        let title = format!("{offered:.1}/s");
        let pace = open(&schedule, Spread::Even, seed);
        let driven = driver.phase(&title, source, pace, Vec::new(), schedule.items()).await?;
        let phase;
        (phase, source) = driven;
        let cut = phase.cut;
        let step = step(offered, &phase);
        search.tell(step);
        // Of what was kept up with the highest rate, of what was not the lowest.
        let rate = |phase: &Option<(f64, Phase)>| phase.as_ref().map(|(rate, _)| *rate);
        let edges = search.edges();
        if step.kept_up && edges.0 == Some(offered) {
            good = Some((offered, phase));
        } else if !step.kept_up && rate(&bad).is_none_or(|rate| rate >= offered) {
            bad = Some((offered, phase));
        }
        if cut {
            break;
        }
    }
    let bound = bad
        .as_ref()
        .is_some_and(|(_, phase)| judge_too_much(&phase.evidence).0 == Verdict::PopulationBound);
    let too_much = bad.map(|(_, phase)| ("too much".to_owned(), phase));
    let at_knee = good.map(|(_, phase)| ("at the knee".to_owned(), phase));
    Ok(Found {
        knee: search.finish(crowds, bound),
        in_flight: best.map(|best| best.in_flight),
        phases: too_much.into_iter().chain(at_knee).collect(),
    })
}

/// Doubles calls at once, with always more to do, until that gives no more.
async fn crowds<S: Source + 'static>(
    driver: &mut Driver,
    mut source: S,
    length: Duration,
    most: NonZeroUsize,
) -> anyhow::Result<(Vec<Crowd>, S)> {
    let (mut crowds, mut in_flight) = (Vec::new(), NonZeroUsize::MIN);
    // Enough for the rate, which needs no percentiles.
    let length = length.div_f64(2.0);
    while !crowded_enough(&crowds) {
        driver.call_at_once(in_flight);
        // So many that no context is ever without anything to do while another has.
        let workers = most.get() * 8;
        let pace = Pace::Closed { workers, length: Some(length) };
        let title = format!("{in_flight} at once");
        let driven = driver.phase(&title, source, pace, Vec::new(), 0).await?;
        let phase;
        (phase, source) = driven;
        let (items_per_s, calls_per_s) = phase.counts.steady_rates();
        crowds.push(Crowd { in_flight: in_flight.get(), items_per_s, calls_per_s });
        if phase.cut || in_flight >= most {
            break;
        }
        in_flight = in_flight.saturating_mul(NonZeroUsize::MIN.saturating_add(1)).min(most);
    }
    Ok((crowds, source))
}

fn step(offered: f64, phase: &Phase) -> Step {
    let counts = &phase.counts;
    let (ended, calls) = counts.steady_rates();
    Step {
        offered,
        ended,
        calls,
        p50_us: counts.corrected.value_at_quantile(0.5),
        p99_us: counts.corrected.value_at_quantile(0.99),
        backlog: phase.backlog,
        kept_up: Step::keeps_up(counts.written, phase.backlog),
    }
}

async fn replay(driver: &mut Driver, recording: Recording, speed: f64) -> anyhow::Result<Outcome> {
    let pace = format!("{} recorded items at {speed} times their speed", recording.items());
    let total = u64::from(recording.contexts());
    let (before, items, due) = recording.split(speed);
    let closed = Pace::Closed { workers: LAID_AT_ONCE, length: None };
    let (setup, _) = driver.phase("setup", before, closed, Vec::new(), total).await?;
    let mut outcome = Outcome {
        phases: vec![("setup".to_owned(), setup)],
        knee: None,
        model: "replay",
        pace,
        in_flight: None,
    };
    if !outcome.phases[0].1.cut {
        let planned = due.len() as u64;
        let pace = Pace::Open { arrivals: Box::new(due.into_iter()), planned };
        let (phase, _) = driver.phase("replay", items, pace, Vec::new(), planned).await?;
        outcome.phases.push(("replay".to_owned(), phase));
    }
    Ok(outcome)
}

/// How many calls were made at once, in words.
fn in_flight(outcome: &Outcome, common: &Common) -> String {
    match (outcome.in_flight, common.in_flight) {
        (Some(found), _) => format!("{found} at most, found best in a search"),
        (None, Some(InFlight::Adaptive)) => {
            "as many as the target bears, found as it ran".to_owned()
        }
        (None, Some(InFlight::Fixed(number))) => format!("{number} at most, as was given"),
        (None, None) => format!("{IN_FLIGHT} at most, as nothing else was said"),
    }
}

/// How a phase is judged.
type Judge = fn(&Evidence) -> (Verdict, Vec<String>);

fn report(
    outcome: &Outcome,
    common: &Common,
    goal: &Goal,
    journal: &Journal,
    told: Population,
    mix: String,
) -> Report {
    // There is at least the setup. Of a search, what was too much must have been so for the target.
    let judged: Vec<(&Phase, Judge)> = match &outcome.knee {
        Some(_) => {
            let judge_of = |name: &str| if name == "too much" { judge_too_much } else { judge };
            let found = outcome.phases.iter().skip(1);
            found.map(|(name, phase)| (phase, judge_of(name) as Judge)).collect()
        }
        None => {
            outcome.phases.last().map(|(_, phase)| (phase, judge as Judge)).into_iter().collect()
        }
    };
    let judged = judged.into_iter().map(|(phase, judge)| (judge(&phase.evidence), &phase.evidence));
    let judged: Vec<_> = judged.collect();
    let bad = judged.iter().find(|((verdict, _), _)| *verdict != Verdict::Valid);
    let worst = bad.or(judged.last()).cloned();
    let worst =
        worst.or_else(|| outcome.phases.first().map(|(_, p)| (judge(&p.evidence), &p.evidence)));
    let ((verdict, why), evidence) = worst.map_or_else(
        || ((Verdict::Valid, Vec::new()), None),
        |(judged, evidence)| (judged, Some(evidence.clone())),
    );
    let checked = |phase: &Phase| {
        let each = common.thresholds.iter().map(|threshold| {
            let (value, kept) = threshold.check(&phase.counts);
            Checked { threshold: threshold.to_string(), value: threshold.shown(value), kept }
        });
        each.collect()
    };
    Report {
        schema: SCHEMA.to_owned(),
        run: journal.run.to_string(),
        seed: common.seed,
        begun: journal.begun.clone(),
        target: goal.told.clone(),
        model: outcome.model.to_owned(),
        pace: outcome.pace.clone(),
        in_flight: in_flight(outcome, common),
        mix,
        population: told,
        verdict,
        why,
        evidence: evidence.unwrap_or_else(|| outcome.phases[0].1.evidence.clone()),
        thresholds: outcome.phases.last().map_or_else(Vec::new, |(_, phase)| checked(phase)),
        knee: outcome.knee.clone(),
        phases: outcome.phases.iter().map(|(name, phase)| Measured::new(name, phase)).collect(),
    }
}
