//! Every item that the engine takes in has exactly one fate, whatever happens to it and its file.

use drover::actors::supervisor::Until;
use drover::model::{Fate, ItemName, ObjectId};
use drover::store::{ItemRecord, Store};

use crate::engine::{
    assert_accounted_for, context, file, gone, group, paused, run_once, until, user,
};
use crate::fakes::{Bench, Mishap};

fn of_file(bench: &Bench, n: u32) -> Vec<ItemRecord> {
    bench.store.item_history(&ItemName::new(&file(n)), 99).unwrap()
}

/// Fates of the items of one file, the newest first.
fn fates(bench: &Bench, n: u32) -> Vec<Fate> {
    of_file(bench, n).into_iter().map(|item| item.fate).collect()
}

fn refuse(bench: &Bench, call: &str, times: usize) {
    for _ in 0..times {
        bench.ox.mishap(call, Mishap::Refuse("no"));
    }
}

#[test]
fn a_run_leaves_one_fate_for_each_item_from_its_intake_on() {
    let bench = Bench::new();
    bench.queue.put(&file(1), &context(1));
    bench.queue.put(&file(2), &user("short", 1));
    bench.queue.put(&file(3), &gone(user("short", 1)));
    bench.queue.put(&file(4), &user("bad", 1));
    bench.queue.put(&file(5), &user("behind", 1));
    bench.queue.put(&file(6), &gone(user("unknown", 2)));
    bench.queue.put_bytes(&file(7), b"{ broken".to_vec());
    refuse(&bench, "user_create bad", 100);
    paused(async move {
        run_once(&bench).await;
        assert_eq!(fates(&bench, 1), [Fate::Applied]);
        assert_eq!(fates(&bench, 2), [Fate::Superseded { by: ItemName::new(&file(3)) }]);
        assert!(matches!(fates(&bench, 3)[..], [Fate::NoOp { .. }]));
        assert_eq!(fates(&bench, 4), [Fate::Faulty { attempts: 3, next_ms: None }]);
        assert_eq!(fates(&bench, 5), [Fate::Pending]);
        assert!(matches!(fates(&bench, 6)[..], [Fate::NoOp { .. }]));
        assert_eq!(fates(&bench, 7), [Fate::Faulty { attempts: 1, next_ms: None }]);
        let bad = &bench.store.history(&ObjectId::new("id-bad"), 9).unwrap()[0];
        assert_eq!((bad.intake, bad.attempts), (4, 3));
        assert!(bad.last_fault.as_ref().unwrap().contains("no"));
        let superseded = &bench.store.history(&ObjectId::new("id-short"), 9).unwrap()[1];
        assert_eq!(superseded.item.as_str(), file(2), "known by its intake");
        // The next run takes nothing in twice, and goes on where this one ended.
        run_once(&bench).await;
        assert_eq!(fates(&bench, 4), [Fate::Faulty { attempts: 6, next_ms: None }]);
        assert_eq!(fates(&bench, 7), [Fate::Faulty { attempts: 2, next_ms: None }]);
        assert_eq!(bench.store.audit().unwrap().counts.taken_in, 7);
    });
}

#[test]
fn a_faulty_item_says_when_it_is_tried_next_and_is_pending_again_once_cured() {
    let bench = Bench::new();
    bench.queue.put(&file(1), &context(1));
    bench.queue.put(&file(2), &context(2));
    bench.queue.put(&file(3), &user("a", 1));
    bench.queue.put(&file(4), &user("b", 2));
    bench.queue.put(&file(5), &user("bad", 2));
    bench.queue.put(&file(9), &group("team", &["a", "b"]));
    refuse(&bench, "user_create bad", 100);
    refuse(&bench, "group_create team in 1", 1);
    paused(async move {
        let engine = bench.start(Until::Told);
        until(&engine, |s| s.faulty.len() == 2).await;
        let now = jiff::Timestamp::now().as_millisecond();
        for n in [5, 9] {
            let [Fate::Faulty { attempts, next_ms: Some(next) }] = fates(&bench, n)[..] else {
                panic!("{:?}", fates(&bench, n))
            };
            assert!(attempts >= 1);
            assert!((now - 60_000..now + 700_000).contains(&next), "{now} {next}");
        }
        // The group is through in context 1 and waits in context 2.
        until(&engine, |_| fates(&bench, 9) == [Fate::Pending]).await;
        engine.stopper().drain();
        engine.ended().await;
        assert_accounted_for(&bench);
    });
}

#[test]
fn a_file_that_is_rewritten_and_written_back_is_done_as_it_is_at_last() {
    let bench = Bench::new();
    bench.queue.put(&file(1), &context(1));
    bench.queue.put(&file(2), &user("bad", 1));
    refuse(&bench, "user_create bad", 1);
    paused(async move {
        let engine = bench.start(Until::Told);
        until(&engine, |s| s.faulty.len() == 1).await;
        bench.ox.set_down(true);
        bench.queue.put(&file(2), &user("better", 1));
        until(&engine, |s| s.faulty.is_empty() && s.outage.is_some()).await;
        bench.queue.put(&file(2), &user("bad", 1));
        until(&engine, |_| of_file(&bench, 2).len() == 3).await;
        bench.ox.set_down(false);
        until(&engine, |s| s.pending == 0).await;
        engine.stopper().drain();
        engine.ended().await;
        assert_eq!(fates(&bench, 2), [Fate::Applied, Fate::rewritten(), Fate::rewritten()]);
        assert_eq!(bench.ox.users(1), ["bad"]);
        assert_accounted_for(&bench);
    });
}

#[test]
fn a_file_that_is_moved_away_and_back_is_done() {
    let bench = Bench::new();
    bench.queue.put(&file(1), &context(1));
    bench.queue.put(&file(2), &user("bad", 1));
    bench.queue.put_bytes(&file(3), b"{ broken".to_vec());
    refuse(&bench, "user_create bad", 1);
    paused(async move {
        let engine = bench.start(Until::Told);
        until(&engine, |s| s.faulty.len() == 2).await;
        bench.queue.take(&file(2));
        bench.queue.take(&file(3));
        until(&engine, |s| s.dropped == 2).await;
        until(&engine, |_| bench.store.open_items().unwrap().is_empty()).await;
        let dropped = &of_file(&bench, 3)[0];
        assert_eq!((&dropped.fate, dropped.attempts), (&Fate::removed_by_hand(), 1));
        assert!(dropped.last_fault.is_some());
        bench.queue.put(&file(2), &user("bad", 1));
        until(&engine, |s| s.applied == 2).await;
        engine.stopper().drain();
        engine.ended().await;
        assert_eq!(fates(&bench, 2), [Fate::Applied, Fate::removed_by_hand()]);
        assert_eq!(bench.ox.users(1), ["bad"]);
        assert_accounted_for(&bench);
    });
}

#[test]
fn files_that_go_while_nothing_runs_are_dropped_at_the_next_start() {
    let mut bench = Bench::new();
    bench.attempts = 1;
    bench.queue.put(&file(1), &context(1));
    bench.queue.put(&file(2), &user("bad", 1));
    bench.queue.put(&file(3), &user("behind", 1));
    bench.queue.put(&file(4), &user("last", 1));
    refuse(&bench, "user_create bad", 9);
    paused(async move {
        run_once(&bench).await;
        bench.queue.take(&file(2));
        bench.queue.take(&file(3));
        run_once(&bench).await;
        for n in [2, 3] {
            assert_eq!(fates(&bench, n), [Fate::removed_by_hand()]);
        }
        assert_eq!(of_file(&bench, 2)[0].attempts, 1);
        assert_eq!(bench.ox.users(1), ["last"]);
    });
}
