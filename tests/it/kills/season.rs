//! One workload, from an empty OX to its last item, with kills all along.

use std::sync::atomic::Ordering;
use std::time::Duration;

use drover::demo::{Params, QueueItem, Workload};
use drover::sim::{Effect, Latency, Rule, ScriptUpdate};
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::Rehearsal;
use super::moment::{Files, Moment};
use super::rest::{Told, come_to_rest, has_nothing_more_to_do};
use super::stage::{Stage, put};

pub struct Season<'a> {
    rehearsal: &'a Rehearsal,
    rng: ChaCha8Rng,
    workload: Workload,
    stage: Stage,
    files: Files,
    told: Told,
}

impl<'a> Season<'a> {
    pub fn of(seed: u64, rehearsal: &'a Rehearsal) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let params = Params {
            contexts: rng.random_range(1..=3),
            users: rng.random_range(1..=6),
            seed: rng.random(),
        };
        let workload = Workload::with_waves(params, rng.random_range(1..=4));
        let mut stage = Stage::new(format!("season {seed}"));
        let items = workload.items().count();
        stage.tell(&format!("season {seed}: {params:?}, {items} items"));
        let files = Files::of(&stage.data());
        Self { rehearsal, rng, workload, stage, files, told: Told::nothing() }
    }

    pub fn play(mut self) {
        let phases = std::mem::take(&mut self.workload.phases);
        for phase in &phases {
            self.phase(phase);
            if self.rehearsal.is_over() {
                return;
            }
        }
    }

    fn phase(&mut self, items: &[QueueItem]) {
        let mut left = items;
        while !left.is_empty() {
            if !self.rehearsal.one_more() {
                // The last rest of all, to see what became of the last kill.
                self.feed(left);
                break;
            }
            let (batch, rest) = left.split_at(self.rng.random_range(1..=6).min(left.len()));
            left = rest;
            self.round(batch);
        }
        self.stage.script(&ScriptUpdate::default());
        let served = self.rng.random();
        self.stage.tell(&format!("rest{}", if served { ", served" } else { "" }));
        come_to_rest(&self.stage, &self.told, served);
        if self.rng.random_bool(0.3) {
            self.stage.tell("once more");
            has_nothing_more_to_do(&self.stage);
        }
        self.rehearsal.counts.rests.fetch_add(1, Ordering::Relaxed);
    }

    /// Puts items into the queue, all at once.
    fn feed(&mut self, items: &[QueueItem]) {
        for item in items {
            self.told.add(&item.file, &item.content);
            put(&self.stage.queue_dir(), &item.file, &item.to_bytes());
        }
        let count = u64::try_from(items.len()).unwrap();
        self.rehearsal.counts.items.fetch_add(count, Ordering::Relaxed);
    }

    fn round(&mut self, batch: &[QueueItem]) {
        let faults = some_faults(&mut self.rng);
        self.stage.script(&faults);
        let names: Vec<&str> = batch.iter().map(|item| item.file.as_str()).collect();
        self.stage.tell(&format!("round: {names:?}, {}", serde_json::to_string(&faults).unwrap()));
        let (before, meanwhile) = batch.split_at(self.rng.random_range(0..=batch.len()));
        self.feed(before);
        let arrived = self.stage.stats().arrived;
        self.kill(meanwhile);
        while self.rng.random_bool(0.25) {
            self.kill(&[]);
        }
        let calls = self.stage.stats().arrived - arrived;
        let counts = &self.rehearsal.counts;
        counts.calls.fetch_add(calls, Ordering::Relaxed);
        if counts.rounds.load(Ordering::Relaxed).is_multiple_of(super::PROGRESS) {
            self.rehearsal.progress();
        }
    }

    /// Starts drover, feeds it while it runs, and kills it.
    fn kill(&mut self, items: &[QueueItem]) {
        let moment = Moment::choose(&mut self.rng);
        let gap = Duration::from_micros(self.rng.random_range(0..4_000));
        let mut drover = self.stage.start(false);
        let queue = self.stage.queue_dir();
        std::thread::scope(|threads| {
            threads.spawn(|| {
                for item in items {
                    // UCS takes its time, too.
                    std::thread::sleep(gap);
                    put(&queue, &item.file, &item.to_bytes());
                }
            });
            moment.wait(&self.stage, &self.files);
            drover.0.kill().unwrap();
        });
        drover.0.wait().unwrap();
        for item in items {
            self.told.add(&item.file, &item.content);
        }
        let counts = &self.rehearsal.counts;
        counts.items.fetch_add(u64::try_from(items.len()).unwrap(), Ordering::Relaxed);
        counts.kills.fetch_add(1, Ordering::Relaxed);
        // A call that was under way is done by OX, whoever asked for it is dead. The next drover
        // cannot know of it; what it does late must not be held against it.
        let stats = self.stage.wait("idle");
        self.stage.tell(&format!(
            "killed at {moment:?}: {} calls, {} writes, {} in the queue",
            stats.arrived,
            stats.applied,
            self.stage.queue().len()
        ));
    }
}

/// Faults of a round: often none, mostly answers that are lost.
fn some_faults(rng: &mut ChaCha8Rng) -> ScriptUpdate {
    let latency =
        rng.random_bool(0.3).then_some(Latency::Exponential { mean_ms: 1.0, cap_ms: 6.0 });
    let rules = (0..rng.random_range(0..3)).map(|_| {
        let effect = match rng.random_range(0..12) {
            0..4 => Effect::ApplyThenDrop,
            4..6 => Effect::ApplyThenHang,
            6 => Effect::DropBefore,
            7 => Effect::DelayMs(rng.random_range(1..10)),
            8 => Effect::Http { status: 503, body: "<html>busy</html>".to_owned() },
            9 => Effect::CloseIdle,
            10 => Effect::Hang,
            _ => Effect::Fault {
                class: "StorageException".to_owned(),
                text: "User update conflict: Another process is currently modifying user data. \
                       Please try again later."
                    .to_owned(),
            },
        };
        let mut rule = Rule::new(effect).skip(rng.random_range(0..6)).times(rng.random_range(1..3));
        if rng.random() {
            let operations = [
                ("Context", "createModuleAccessByName"),
                ("Context", "change"),
                ("Context", "delete"),
                ("User", "createByModuleAccess"),
                ("User", "change"),
                ("User", "changeByModuleAccess"),
                ("User", "delete"),
                ("UserCopy", "copyUser"),
                ("Group", "create"),
                ("Group", "change"),
                ("Group", "delete"),
                ("SecondaryAccount", "create"),
                ("Resource", "create"),
            ];
            let (service, operation) = operations.choose(rng).unwrap();
            rule = rule.on(service, operation).skip(rng.random_range(0..2));
        }
        rule
    });
    ScriptUpdate { rules: rules.collect(), latency, ..ScriptUpdate::default() }
}
