//! What the engine remembers of faults over a restart: two engines, one after the other, over the
//! same memory and queue.

use std::sync::Arc;
use std::time::Duration;

use drover::actors::supervisor::{StopScope, Until};
use drover::model::{ContextId, Fate, ItemName, ObjectId};
use drover::store::{Change, Store, StoreError};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::engine::{context, file, group, paused, run_once, until, user};
use crate::fakes::{Bench, Mishap};
use crate::watched_store::WatchedStore;
use crate::world::World;

/// A queue with a context and a user whom OX refuses, and one behind it.
fn bench_with_a_faulty_user() -> Bench {
    let bench = Bench::new();
    bench.queue.put(&file(1), &context(1));
    bench.queue.put(&file(2), &user("bad", 1));
    bench.queue.put(&file(3), &user("good", 1));
    refuse(&bench, "user_create bad", "Illegal chars: \"&\"");
    bench
}

fn refuse(bench: &Bench, call: &str, text: &'static str) {
    for _ in 0..100 {
        bench.ox.mishap(call, Mishap::Refuse(text));
    }
}

fn faulty_items(store: &dyn Store) -> Vec<String> {
    store.faults().unwrap().into_iter().map(|fault| fault.item.to_string()).collect()
}

/// Rules: 10/count, D40
#[test]
fn a_restart_goes_on_counting_attempts_and_pauses_go_on_growing() {
    let bench = bench_with_a_faulty_user();
    paused(async move {
        let engine = bench.start(Until::Told);
        until(&engine, |s| s.failures == 3).await;
        engine.stopper().drain();
        engine.ended().await;
        let faults = bench.store.faults().unwrap();
        let [fault] = faults.as_slice() else { panic!("{faults:?}") };
        assert_eq!((fault.item.as_str(), fault.attempts), (file(2).as_str(), 3));
        assert_eq!(
            (fault.context, &fault.object),
            (Some(ContextId(1)), &Some(ObjectId::new("id-bad")))
        );
        assert!(fault.text.contains("Illegal chars: \"&\""), "{}", fault.text);
        assert!(fault.fingerprint.contains("Illegal chars: \"…\""), "{}", fault.fingerprint);
        assert!(fault.first_ms <= fault.last_ms);

        // Before OX has said anything, people see what is known.
        bench.ox.set_down(true);
        let engine = bench.start(Until::Told);
        let snapshot = until(&engine, |s| s.read && s.outage.is_some()).await;
        assert_eq!(snapshot.faulty.len(), 1);
        assert_eq!((&snapshot.faulty[0].fault, snapshot.faulty[0].attempts), (&fault.text, 3));
        assert_eq!((snapshot.faulty[0].lane.as_str(), snapshot.faulty[0].behind), ("context 1", 1));

        bench.ox.set_down(false);
        let fourth = || bench.store.faults().unwrap()[0].attempts == 4;
        until(&engine, |_| fourth()).await;
        let since = Instant::now();
        until(&engine, |_| bench.store.faults().unwrap()[0].attempts == 5).await;
        let pause = since.elapsed();
        assert!(pause > Duration::from_secs(19), "not as after a first attempt: {pause:?}");
        assert_eq!(bench.store.faults().unwrap()[0].first_ms, fault.first_ms);

        bench.queue.take(&file(2));
        until(&engine, |s| s.pending == 0).await;
        engine.stopper().drain();
        engine.ended().await;
        assert_eq!(faulty_items(bench.store.as_ref()), [""; 0]);
        let outcome = bench.store.outcome(&ItemName::new(&file(2))).unwrap().unwrap();
        assert_eq!((outcome.fate, outcome.attempts), (Fate::removed_by_hand(), 5));
        assert_eq!(bench.ox.users(1), ["good"]);
    });
}

#[test]
fn what_is_cured_is_forgotten_and_the_outcome_counts_all_attempts() {
    let bench = Bench::new();
    bench.queue.put(&file(1), &context(1));
    bench.queue.put(&file(2), &user("late", 1));
    for _ in 0..3 {
        bench.ox.mishap("user_create late", Mishap::Refuse("no"));
    }
    paused(async move {
        // Three attempts in the first run, the fourth in the second one.
        let report = run_once(&bench).await;
        assert_eq!(report.snapshot.faulty[0].attempts, 3);
        let report = run_once(&bench).await;
        assert_eq!((report.snapshot.applied, report.snapshot.failures), (1, 0));
        assert_eq!(report.snapshot.faulty, []);
        assert_eq!(faulty_items(bench.store.as_ref()), [""; 0]);
        let outcome = bench.store.outcome(&ItemName::new(&file(2))).unwrap().unwrap();
        assert_eq!(outcome.attempts, 4);
        assert!(outcome.last_fault.unwrap().contains("no"));
    });
}

#[test]
fn a_run_until_empty_tries_as_often_as_set_and_goes_on_counting() {
    let bench = bench_with_a_faulty_user();
    paused(async move {
        run_once(&bench).await;
        let report = run_once(&bench).await;
        assert_eq!(report.snapshot.failures, 3);
        assert_eq!(bench.store.faults().unwrap()[0].attempts, 6);
    });
}

#[test]
fn faults_of_files_that_went_or_were_repaired_meanwhile_are_cleared() {
    let mut bench = bench_with_a_faulty_user();
    bench.attempts = 1;
    bench.queue.put_bytes(&file(4), b"{ broken".to_vec());
    bench.queue.put_bytes(&file(5), b"{ broken".to_vec());
    bench.queue.put_bytes(&file(6), b"{ broken".to_vec());
    paused(async move {
        run_once(&bench).await;
        assert_eq!(faulty_items(bench.store.as_ref()), [file(2), file(4), file(5), file(6)]);
        bench.queue.take(&file(2));
        bench.queue.take(&file(4));
        bench.queue.put(&file(5), &context(5));
        // Repaired, but OX refuses what it says: no more than a first attempt.
        bench.queue.put(&file(6), &user("bad", 1));
        bench.queue.put_bytes(&file(7), b"{ broken".to_vec());
        run_once(&bench).await;
        let faults = bench.store.faults().unwrap();
        let seen: Vec<_> = faults.iter().map(|f| (f.item.to_string(), f.attempts)).collect();
        assert_eq!(seen, [(file(6), 1), (file(7), 1)]);
        // Again and again the same file: counted as well.
        let report = run_once(&bench).await;
        let broken = report.snapshot.faulty.iter().find(|faulty| faulty.item == file(7)).unwrap();
        assert_eq!(broken.attempts, 2);
        let faults = bench.store.faults().unwrap();
        assert_eq!((faults[1].class.as_str(), faults[1].attempts), ("queue file", 2));
    });
}

#[test]
fn a_file_that_is_removed_or_written_anew_by_hand_leaves_no_fault() {
    let bench = bench_with_a_faulty_user();
    bench.queue.put_bytes(&file(4), b"{ broken".to_vec());
    paused(async move {
        let engine = bench.start(Until::Told);
        until(&engine, |s| s.failures >= 3 && s.faulty.len() == 2 && s.running == 0).await;
        assert_eq!(faulty_items(bench.store.as_ref()), [file(2), file(4)]);
        bench.ox.set_down(true);
        bench.queue.put(&file(2), &user("better", 1));
        bench.queue.take(&file(4));
        // Nothing was tried since.
        until(&engine, |s| s.faulty.is_empty() && s.outage.is_some()).await;
        assert_eq!(faulty_items(bench.store.as_ref()), [""; 0]);
        bench.ox.set_down(false);
        until(&engine, |s| s.pending == 0).await;
        engine.stopper().drain();
        engine.ended().await;
        assert_eq!(bench.ox.users(1), ["better", "good"]);
    });
}

/// A group in two contexts whose part in one of them is refused.
fn bench_with_a_group_in_two_contexts() -> Bench {
    let bench = Bench::new();
    bench.queue.put(&file(1), &context(1));
    bench.queue.put(&file(2), &context(2));
    bench.queue.put(&file(3), &user("a", 1));
    bench.queue.put(&file(4), &user("b", 2));
    bench.queue.put(&file(9), &group("team", &["a", "b"]));
    bench
}

#[test]
fn a_part_done_in_one_context_does_not_cure_a_remembered_fault_in_another() {
    let mut bench = bench_with_a_group_in_two_contexts();
    bench.attempts = 1;
    bench.ox.mishap("group_create team in 2", Mishap::Refuse("no"));
    paused(async move {
        run_once(&bench).await;
        assert_eq!(bench.store.faults().unwrap()[0].context, Some(ContextId(2)));
        // In context 1 nothing is left to do; in context 2 the group has to wait a moment.
        bench.ox.latency = Duration::from_secs(1);
        bench.queue.put(&file(5), &user("early", 2));
        let engine = bench.start(bench.once());
        let snapshot = until(&engine, |s| s.read).await;
        assert_eq!((snapshot.pending, snapshot.running), (2, 1));
        assert_eq!(snapshot.faulty[0].lane, "context 2");
        let report = engine.ended().await;
        assert_eq!(report.snapshot.faulty, []);
        assert_eq!(bench.ox.groups(2)["team"], ["b"]);
        assert_eq!(faulty_items(bench.store.as_ref()), [""; 0]);
    });
}

#[test]
fn a_fault_cured_in_its_context_is_cleared_before_the_item_is_through_elsewhere() {
    let bench = bench_with_a_group_in_two_contexts();
    bench.queue.put(&file(5), &user("bad", 2));
    refuse(&bench, "user_create bad", "no");
    bench.ox.mishap("group_create team in 1", Mishap::Refuse("no"));
    paused(async move {
        let engine = bench.start(Until::Told);
        until(&engine, |_| faulty_items(bench.store.as_ref()) == [file(5), file(9)]).await;
        until(&engine, |_| faulty_items(bench.store.as_ref()) == [file(5)]).await;
        assert_eq!(bench.ox.groups(1)["team"], ["a"]);
        engine.stopper().drain();
        let report = engine.ended().await;
        assert_eq!(report.snapshot.pending, 2, "the group waits in context 2");
    });
}

#[test]
fn with_stop_scope_all_a_remembered_fault_holds_everything_but_what_is_ahead_of_it() {
    let mut bench = bench_with_a_faulty_user();
    bench.scope = StopScope::All;
    paused(async move {
        run_once(&bench).await;
        bench.queue.put(&file(4), &context(2));
        let before = bench.ox.log().len();
        let engine = bench.start(Until::Told);
        until(&engine, |s| s.failures > 0).await;
        tokio::time::sleep(Duration::from_secs(30)).await;
        engine.stopper().drain();
        engine.ended().await;
        for seen in &bench.ox.log()[before..] {
            assert_eq!(seen.what, "user_create bad");
        }
        // Something that belongs ahead of it came while nothing ran.
        bench.queue.put(&file(0), &user("early", 1));
        let engine = bench.start(Until::Told);
        until(&engine, |s| s.failures > 0).await;
        assert_eq!(bench.ox.users(1), ["early"]);
        bench.queue.take(&file(2));
        until(&engine, |s| s.pending == 0).await;
        assert_eq!(bench.ox.contexts(), [1, 2]);
        engine.stopper().drain();
        engine.ended().await;
    });
}

/// The log's lines about faulty items.
fn standing_still(log: &str) -> Vec<Value> {
    let lines = log.lines().filter(|line| line.contains("stands still at a faulty item"));
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn the_service_tells_how_many_contexts_stand_still_for_the_same_reason_and_counts_on() {
    let world = World::new();
    for (c, profile) in [(1, "qqqqqqqq"), (2, "zzzzzzzz"), (3, "none")] {
        world.put(&file(c), &context(c));
        let mut user = user(&format!("u{c}"), c);
        user["object"]["oxAccess"] = json!(profile);
        if c == 3 {
            user["object"]["mailPrimaryAddress"] = json!(null);
        }
        world.put(&file(10 + c), &user);
    }
    let run = world.run_once();
    let standing = standing_still(&run.log);
    let in_company = standing.iter().filter(|line| !line["contexts.alike"].is_null());
    let in_company: Vec<&Value> = in_company.collect();
    assert!(!in_company.is_empty(), "{}", run.log);
    for line in in_company {
        assert_eq!(line["contexts.alike"], 2, "{line}");
        assert!(line["message"].as_str().unwrap().contains("one of 2 contexts"), "{line}");
        assert!(line["fault"].as_str().unwrap().contains("unknown access profile"), "{line}");
    }
    let attempts = |log: &str| -> Vec<u64> {
        let lines = standing_still(log).into_iter().filter(|line| line["item.name"] == file(11));
        lines.map(|line| line["attempt"].as_u64().unwrap()).collect()
    };
    let before = attempts(&run.log);
    assert_eq!(before.first(), Some(&1), "{}", run.log);
    let run = world.run_once();
    let after = attempts(&run.log);
    assert_eq!(after.first().copied(), before.last().map(|attempt| attempt + 1), "{}", run.log);
}

#[test]
fn an_engine_that_cannot_remember_a_fault_ends() {
    let bench = bench_with_a_faulty_user();
    paused(async move {
        let store = Arc::new(WatchedStore::new(|commits| {
            if commits.iter().flatten().any(|change| matches!(change, Change::PutFault(_))) {
                let reason = "the disk is full".to_owned();
                return Err(StoreError::Unreadable { what: "fault", reason });
            }
            Ok(())
        }));
        let report = bench.start_on(store, Until::Told).ended().await;
        assert!(report.broken.unwrap().contains("the disk is full"));
        assert_eq!(report.snapshot.failures, 1);
    });
}
