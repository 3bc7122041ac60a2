//! Very much work: nobody starves, and what is in memory stays in proportion to what is being done.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use drover::actors::supervisor::Until;
use serde_json::Value;
use tokio::sync::Semaphore;

use crate::engine::{context, file, paused, until, user};
use crate::fakes::Bench;
use crate::watched_store::WatchedStore;

const SMALL: u32 = 200;
const BIG: u32 = 1_000;
const ITEMS_OF_SMALL: u32 = 5;

/// Everybody in a context that is there already.
fn users(context: u32, count: u32) -> impl Iterator<Item = Value> {
    (0..count).map(move |n| user(&format!("u{context}-{n}"), context))
}

/// A context with a large backlog and 200 with five items each, of which OX does eight at once.
fn fairness(backlog: u32, big_first: bool) {
    let mut bench = Bench::new();
    bench.ox.at_once = Some(Arc::new(Semaphore::new(8)));
    for context in (1..=SMALL).chain([BIG]) {
        bench.ox.furnish(context, [], []);
    }
    let small = (1..=SMALL).flat_map(|context| users(context, ITEMS_OF_SMALL));
    let big = users(BIG, backlog);
    let items: Vec<Value> =
        if big_first { big.chain(small).collect() } else { small.chain(big).collect() };
    bench.queue.put_all((0..).map(file).zip(items));
    paused(async move {
        let engine = bench.start(Until::Told);
        let calls = || {
            let mut calls = BTreeMap::<u32, u32>::new();
            for seen in bench.ox.log() {
                *calls.entry(seen.context.0).or_default() += 1;
            }
            calls
        };
        // Nothing starts before the whole queue is read.
        until(&engine, |snapshot| snapshot.read).await;
        let started = tokio::time::Instant::now();
        until(&engine, |_| {
            (1..=SMALL).all(|context| bench.ox.users(context).len() == ITEMS_OF_SMALL as usize)
        })
        .await;
        let took = started.elapsed();
        let calls = calls();
        let most = (1..=SMALL).map(|context| calls[&context]).max().unwrap();
        // The big one has had its turns, and no more of them than the others.
        let big = calls[&BIG];
        assert!(big + 1 >= most, "{big} calls of the large lane, {most} of a small one");
        // A snapshot (200 ms of 20 ms calls) may pass before the test sees that they are through.
        assert!(big <= most + 11, "{big} calls of the large lane, {most} of a small one");
        assert_eq!(bench.ox.overlaps(), 0);
        // Eight at once, none of which was spent on the large lane but in its turn.
        let all = (SMALL + 1) * most;
        let fair = bench.ox.latency * all.div_ceil(8) + Duration::from_millis(400);
        assert!(took <= fair, "{took:?}, a fair share gives them {fair:?}");
    });
}

#[test]
fn small_lanes_do_not_wait_behind_a_large_one_that_came_first() {
    fairness(20_000, true);
}

#[test]
fn small_lanes_do_not_wait_behind_a_large_one_that_came_last() {
    fairness(20_000, false);
}

/// `cargo nextest run --release --run-ignored only half_a_million`
#[test]
#[ignore = "long unless it is a release build"]
fn small_lanes_do_not_wait_behind_half_a_million_items() {
    fairness(500_000, true);
}

#[test]
fn a_fast_producer_and_a_slow_ox_make_nothing_pile_up_but_names() {
    const ITEMS: u32 = 100_000;
    const CONTEXTS: u32 = 2_000;
    let mut bench = Bench::new();
    bench.ox.latency = Duration::from_secs(3_600);
    for context in 1..=CONTEXTS {
        bench.ox.furnish(context, [], []);
    }
    paused(async move {
        let engine = bench.start(Until::Told);
        until(&engine, |snapshot| snapshot.read).await;
        let arriving = (0..ITEMS / CONTEXTS).flat_map(|n| {
            (1..=CONTEXTS).map(move |context| user(&format!("u{context}-{n}"), context))
        });
        let mut arriving = (0..).map(file).zip(arriving);
        let (mut most_running, mut most_actors, mut most_recording) = (0, 0, 0);
        let mut snapshots = engine.snapshots();
        for _ in 0..ITEMS / 1_000 {
            bench.queue.put_all(arriving.by_ref().take(1_000));
            snapshots.changed().await.unwrap();
            let now = snapshots.borrow_and_update().clone();
            most_running = most_running.max(now.running);
            most_actors = most_actors.max(now.actors);
            most_recording = most_recording.max(now.recording);
        }
        let full = until(&engine, |snapshot| snapshot.taken_in == u64::from(ITEMS)).await;
        // What waits is known by name and claims; its content stays in the queue's files.
        assert_eq!(full.pending, ITEMS as usize);
        // What is being done holds its content: so many, however many wait.
        assert_eq!((most_running, full.running), (1_024, 1_024));
        assert!(most_actors <= 1_024, "{most_actors}");
        assert!(most_recording <= 17, "{most_recording}");
        assert_eq!(bench.ox.overlaps(), 0);
    });
}

#[test]
fn intake_reads_no_further_ahead_than_the_disk_can_follow() {
    const ITEMS: u32 = 20_000;
    let mut bench = Bench::new();
    bench.writer_thread = true;
    bench.ox.latency = Duration::ZERO;
    bench.ox.furnish(1, [], []);
    bench.queue.put_all((0..).map(file).zip((1..=ITEMS).map(context)));
    // Shut until the test has seen enough and drops its end.
    let (shut, gate) = std::sync::mpsc::channel::<()>();
    let gate = std::sync::Mutex::new(gate);
    let passed = Arc::new(AtomicU32::new(0));
    let count = passed.clone();
    actix_rt::System::new().block_on(async move {
        let store = WatchedStore::new(move |_| {
            let _ = gate.lock().unwrap().recv();
            count.fetch_add(1, Ordering::Relaxed);
            Ok(())
        });
        let engine = bench.start_on(Arc::new(store), bench.once());
        // 16 slices of 256 are on their way to the disk; the next one is not read.
        let ahead = until(&engine, |snapshot| snapshot.taken_in == 16 * 256).await;
        assert_eq!(ahead.recording, 16);
        let mut snapshots = engine.snapshots();
        for _ in 0..3 {
            snapshots.changed().await.unwrap();
            let snapshot = snapshots.borrow_and_update().clone();
            assert_eq!((snapshot.taken_in, snapshot.recording), (16 * 256, 16));
        }
        assert_eq!(passed.load(Ordering::Relaxed), 0, "nothing was written yet");
        drop(shut);
        let report = engine.ended().await;
        assert_eq!(report.snapshot.taken_in, u64::from(ITEMS));
        assert_eq!(report.snapshot.ended(), u64::from(ITEMS), "{:?}", report.snapshot);
    });
}

#[test]
fn context_actors_that_have_nothing_to_do_go() {
    const CONTEXTS: u32 = 5_000;
    const BUSY: u32 = 50;
    let bench = Bench::new();
    for id in 1..=CONTEXTS {
        bench.queue.put(&file(id), &context(id));
    }
    paused(async move {
        let engine = bench.start(Until::Told);
        let through = until(&engine, |snapshot| snapshot.applied == u64::from(CONTEXTS)).await;
        assert_eq!(through.actors, CONTEXTS as usize, "each context has had work just now");
        // Fifty of them go on having work, for an hour.
        let mut snapshots = engine.snapshots();
        let (started, hour) = (tokio::time::Instant::now(), Duration::from_secs(3_600));
        let mut next = CONTEXTS;
        let mut later = Vec::new();
        while started.elapsed() < hour {
            for id in 1..=BUSY {
                next += 1;
                bench.queue.put(&file(next), &user(&format!("u{id}-{next}"), id));
            }
            until(&engine, |snapshot| snapshot.pending == 0).await;
            let pause = tokio::time::Instant::now() + Duration::from_secs(50);
            while tokio::time::Instant::now() < pause {
                snapshots.changed().await.unwrap();
            }
            if started.elapsed() > Duration::from_secs(180) {
                later.push(engine.snapshots().borrow().actors);
            }
        }
        assert!(later.len() > 50, "{later:?}");
        assert!(later.iter().all(|actors| *actors == BUSY as usize), "{later:?}");
        // Then nobody does.
        let quiet = tokio::time::Instant::now();
        until(&engine, |snapshot| snapshot.actors == 0).await;
        assert!(quiet.elapsed() < Duration::from_secs(120), "{:?}", quiet.elapsed());
    });
}
