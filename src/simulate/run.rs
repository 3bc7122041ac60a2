//! Runs a scenario: the engine, life after life, until all is calm.

use std::fmt::Write as _;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix_rt::System;

use super::laws::{self, Ending, Violation};
use super::oracle;
use super::scenario::{Act, Scenario};
use super::stage::{Life, Stage, lock};
use super::trace::{Entry, Step};
use crate::actors::status::Snapshot;
use crate::actors::supervisor::{MOST_RUNNING, OnFault, Rules, StopScope, Until};
use crate::engine::{Engine, Parts};
use crate::guard::GuardRules;
use crate::model::{ContextId, ItemName, ModuleAccess};
use crate::plan::attributes::{Identifier, MailSettings, Mapping, ServerUrl, UserSettings};
use crate::plan::entitlement::ProfileBook;
use crate::plan::group::GroupPolicy;
use crate::provision::{OnRevoke, Policy};
use crate::retry::Backoff;
use crate::route::Identifiers;
use crate::store::Store as _;

/// How long everything may take to come to its end once nothing goes wrong any more.
const PATIENCE_MS: u64 = 3 * 60 * 1000;

/// How long the engine is gone between two lives.
const GONE_MS: u64 = 300;

/// Host of users' mail servers.
pub(super) const MAIL_HOST: &str = "mail.x.example";

/// What came of a scenario.
#[derive(Debug)]
pub struct Outcome {
    /// What happened.
    pub trace: Vec<Entry>,
    /// Laws that were broken; none if all is well.
    pub violations: Vec<Violation>,
    /// Calls to OX.
    pub calls: u32,
    /// Deaths of the engine.
    pub crashes: u64,
}

impl Outcome {
    /// The trace as text.
    pub fn trace_text(&self) -> String {
        let mut text = String::new();
        for entry in &self.trace {
            // Writing to a text cannot fail.
            let _ = writeln!(text, "{entry}");
        }
        text
    }
}

/// How a life ended.
enum End {
    Crashed,
    Calm,
    /// It was to end then.
    Over,
    /// Time is over; the snapshot says what was left.
    Stuck(Box<Snapshot>),
    /// The engine ended by itself.
    Broken(String),
}

/// Runs a scenario and judges what came of it.
pub fn run(scenario: &Scenario) -> Outcome {
    let stage = Stage::new(scenario.clone());
    let mut next = 0;
    let mut at_ms = 0;
    let mut restarts = 0;
    let ending = loop {
        let system = System::with_tokio_rt(runtime);
        let (end, now) = system.block_on(async {
            let end = live(&stage, at_ms, &mut next, &mut restarts).await;
            (end, stage.now_ms())
        });
        // What is left of the engine goes here, in the middle of whatever it was doing.
        drop(system);
        at_ms = now;
        match end {
            End::Crashed => {}
            End::Calm => break Ending::Calm,
            End::Over => break Ending::Over,
            End::Stuck(snapshot) => break Ending::Stuck(left(&snapshot)),
            End::Broken(why) => break Ending::Broken(why),
        }
        at_ms += GONE_MS;
    };
    let calls = lock(&stage.server).calls();
    let mut trace = stage.take_trace();
    trace.push(Entry { at_ms, step: Step::Ended(format!("{ending:?}")) });
    let mut violations = laws::check(&trace, &ending, restarts);
    if ending == Ending::Calm {
        violations.extend(laws::check_files(&stage.history(), &stage.store));
        let state = lock(&stage.server).world.state();
        let reach = stage.scenario.reach;
        violations.extend(oracle::compare(&stage.history(), &stage.store, &state, reach));
    }
    Outcome { trace, violations, calls, crashes: stage.crashes.load(Ordering::Relaxed) }
}

/// A runtime whose time stands still but when nothing else is left to do.
#[expect(clippy::expect_used, reason = "a simulation without a runtime has nothing to say")]
pub(super) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime can be made")
}

async fn live(stage: &Arc<Stage>, at_ms: u64, next: &mut usize, restarts: &mut u64) -> End {
    let life = stage.begin(at_ms);
    let engine = match Engine::start(parts(&life)) {
        Ok(engine) => engine,
        Err(problem) => return End::Broken(problem.to_string()),
    };
    *lock(&stage.index) = Some(engine.index());
    let mut snapshots = engine.snapshots();
    let calm_ms = stage.scenario.calm_ms();
    let ended = engine.ended();
    tokio::pin!(ended);
    let mut calm = 0;
    loop {
        let now = stage.now_ms();
        while let Some(event) = stage.scenario.events.get(*next).filter(|e| e.at_ms <= now) {
            let name = ItemName::new(&event.name);
            match &event.act {
                Act::Put(content) => stage.put(&name, content.clone()),
                Act::Rewrite(content) => stage.rewrite(&name, content.clone()),
                Act::Remove => stage.remove_by_hand(&name),
            }
            *next += 1;
        }
        let pause = stage.scenario.events.get(*next).map(|event| event.at_ms - now);
        let pause = Duration::from_millis(pause.unwrap_or(PATIENCE_MS));
        tokio::select! {
            biased;
            () = life.died.notified() => return End::Crashed,
            report = &mut ended => {
                let why = report.broken.unwrap_or_else(|| "it ended by itself".to_owned());
                return End::Broken(why);
            }
            () = tokio::time::sleep(pause) => {}
            changed = snapshots.changed() => {
                if changed.is_err() {
                    continue;
                }
                let snapshot = snapshots.borrow_and_update().clone();
                *restarts = (*restarts).max(snapshot.restarts);
                let now = stage.now_ms();
                stage.run_server();
                let over = now > calm_ms && is_calm(stage, &snapshot);
                calm = if over { calm + 1 } else { 0 };
                if calm >= 2 {
                    return End::Calm;
                }
                if stage.scenario.until_ms.is_some_and(|until| now >= until) {
                    return End::Over;
                }
                if now > calm_ms + PATIENCE_MS {
                    return End::Stuck(Box::new((*snapshot).clone()));
                }
            }
        }
    }
}

/// Whether nothing is left to do.
fn is_calm(stage: &Stage, snapshot: &Snapshot) -> bool {
    snapshot.read
        && snapshot.pending == 0
        && snapshot.running == 0
        && snapshot.faulty.is_empty()
        && stage.queue_is_empty()
        && lock(&stage.server).is_idle()
        && stage.store.marks().is_ok_and(|marks| marks.is_empty())
}

/// What was left when time was over.
fn left(snapshot: &Snapshot) -> String {
    let mut text = format!(
        "{} pending, {} running, outage {:?}",
        snapshot.pending, snapshot.running, snapshot.outage
    );
    for item in &snapshot.faulty {
        let _ = write!(text, "; {} ({}): {}", item.item, item.lane, item.fault);
    }
    text
}

fn parts(life: &Arc<Life>) -> Parts {
    let seed = life.stage.scenario.seed;
    let reach = u32::from(life.stage.scenario.reach);
    let newer = life.stage.scenario.newer;
    Parts {
        ox: life.clone(),
        store: life.clone(),
        queue: life.clone(),
        watch: true,
        vault: life.clone(),
        profile_file: life.clone(),
        book: book(),
        mapping: Arc::new(Mapping::default()),
        policy: Policy {
            profile_holders: reach * u32::MAX,
            deputies: newer,
            shared_accounts: newer,
            ..policy()
        },
        rules: rules(seed, life.stage.crashes.load(Ordering::Relaxed) > 0),
        arbiters: 0,
        writer_thread: false,
        queue_place: "the queue".to_owned(),
        clock: life.clone(),
    }
}

/// Profiles that are there from the beginning.
pub(super) fn book() -> ProfileBook {
    let none = ("none".to_owned(), ModuleAccess::NONE);
    ProfileBook::new([], [none])
}

/// Settings of provisioning.
pub(super) fn policy() -> Policy {
    let server = |scheme: &str| ServerUrl {
        host: MAIL_HOST.to_owned(),
        port: None,
        scheme: scheme.to_owned(),
    };
    Policy {
        default_context: ContextId(10),
        domain: "x.example".to_owned(),
        extra_mappings: Vec::new(),
        user: UserSettings {
            mail: MailSettings {
                imap: server("imap"),
                smtp: server("smtp"),
                imap_login: String::new(),
            },
            language: "de_DE".to_owned(),
            timezone: "Europe/Berlin".to_owned(),
            texts: crate::plan::attributes::Texts::default(),
            user_identifier: Identifier::new("", "username"),
        },
        group_identifier: "name".to_owned(),
        account_login: String::new(),
        on_revoke: OnRevoke::Delete,
        profile_holders: 0,
        heir: None,
        disable_contexts: false,
        sender_name: false,
        deputies: false,
        shared_accounts: false,
        shared_account_identifier: "name".to_owned(),
        groups: GroupPolicy::default(),
        scope: Arc::default(),
    }
}

/// Settings of the supervisor: short pauses, because virtual time costs real time too.
#[expect(clippy::expect_used, reason = "the numbers stand right here")]
pub(super) fn rules(seed: u64, cut_short: bool) -> Rules {
    let backoff = |first: u64, most: u64| {
        let (first, most) = (Duration::from_millis(first), Duration::from_millis(most));
        Backoff::new(first, 2.0, most).expect("the pauses grow")
    };
    Rules {
        until: Until::Told,
        // Half of all seeds.
        on_fault: if seed.is_multiple_of(2) { OnFault::Stop } else { OnFault::Park },
        stop_scope: StopScope::Context,
        faulty: backoff(2_000, 16_000),
        busy: backoff(500, 4_000),
        outage: backoff(500, 4_000),
        busy_attempts: NonZeroU32::new(5).unwrap_or(NonZeroU32::MIN),
        drain: Duration::from_secs(4),
        identifiers: Identifiers {
            user: "username".to_owned(),
            group: "name".to_owned(),
            shared_account: "name".to_owned(),
        },
        cut_short,
        guard: GuardRules::default(),
        leavers_first: true,
        most_running: MOST_RUNNING,
        seed,
    }
}
