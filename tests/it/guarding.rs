//! A source that has lost its objects, and one that cannot be read, remove nothing from OX.

use drover::actors::operator::{Filter, Order, Outcome, Which};
use drover::actors::supervisor::Until;
use drover::engine::Engine;
use drover::guard::GuardRules;
use drover::model::{ContextId, Fate, ItemName, ObjectKind, ParkReason};
use drover::provision::OnRevoke;
use drover::store::Store;
use serde_json::{Value, json};

use crate::engine::{context, file, gone, paused, run_once, until, user};
use crate::fakes::Bench;

fn with(mut item: Value, change: &Value) -> Value {
    for (key, value) in change.as_object().unwrap() {
        item["object"][key] = value.clone();
    }
    item
}

fn name(n: u32) -> String {
    format!("u{n}")
}

fn removals(bench: &Bench) -> usize {
    bench.ox.log().iter().filter(|seen| seen.what.contains("_delete")).count()
}

/// Contexts 1 and 2 with so many users each: u0, u2 … in the first, u1, u3 … in the second.
async fn town(users: u32) -> Bench {
    let mut bench = Bench::new();
    bench.guard = GuardRules { percent: 20, floor: 10, ..GuardRules::default() };
    bench.queue.put(&file(0), &context(1));
    bench.queue.put(&file(1), &context(2));
    for n in 0..2 * users {
        bench.queue.put(&file(10 + n), &user(&name(n), 1 + n % 2));
    }
    run_once(&bench).await;
    bench
}

fn removal(n: u32, off: bool) -> Value {
    let user = user(&name(n), 1 + n % 2);
    if off { with(user, &json!({"isOxUser": "Not"})) } else { gone(user) }
}

async fn parked(engine: &Engine) -> Vec<ItemName> {
    let filter = Filter { fates: vec!["parked"], ..Filter::default() };
    engine.operator().list(filter).await.unwrap().into_iter().map(|view| view.item).collect()
}

fn reason(bench: &Bench, n: u32) -> Option<ParkReason> {
    let open = bench.store.open_items().unwrap();
    match open.into_iter().find(|item| item.item == ItemName::new(&file(n)))?.fate {
        Fate::Parked { reason, .. } => Some(reason),
        _ => None,
    }
}

// SRC-31
#[test]
fn far_too_many_removals_are_set_aside_before_any_call_and_everything_else_goes_on() {
    for off in [false, true] {
        paused(async move {
            let bench = town(30).await;
            for n in 0..30 {
                bench.queue.put(&file(100 + n), &removal(n, off));
            }
            bench.queue.put(&file(150), &user("new", 1));
            let changed = with(user(&name(59), 2), &json!({"lastname": "Z"}));
            bench.queue.put(&file(151), &changed);
            let engine = bench.start(Until::Told);
            let snapshot = until(&engine, |s| s.parked == 30 && s.pending == 30).await;
            assert_eq!((removals(&bench), snapshot.faulty.len()), (0, 0));
            assert!(bench.ox.users(1).contains(&"new".to_owned()));
            assert_eq!(bench.ox.field(2, &name(59), "sur_name"), "Z");
            assert_eq!(reason(&bench, 100), Some(ParkReason::Guard), "durable");
            // Time alone changes nothing, and what comes later is held, too.
            tokio::time::sleep(std::time::Duration::from_secs(600)).await;
            bench.queue.put(&file(160), &removal(40, off));
            until(&engine, |s| s.parked == 31).await;
            assert_eq!(removals(&bench), 0);
            // The operator looks at one context and lets it go.
            let filter = Filter {
                fates: vec!["parked"],
                context: Some(ContextId(1)),
                kind: Some(ObjectKind::User),
                ..Filter::default()
            };
            let release = Order::Release { which: Which::All(filter), note: Some("meant".into()) };
            let Ok(Outcome::Items(released)) = engine.operator().order(release).await else {
                panic!()
            };
            assert_eq!(released.len(), 16);
            until(&engine, |s| s.parked == 15 && s.pending == 15).await;
            assert_eq!(removals(&bench), 16);
            assert_eq!(bench.ox.users(2).len(), 30);
        });
    }
}

#[test]
fn an_item_that_brings_an_object_back_takes_the_place_of_its_removal() {
    for restart in [false, true] {
        paused(async move {
            let bench = town(30).await;
            for n in 0..30 {
                bench.queue.put(&file(100 + n), &removal(n, true));
            }
            let engine = bench.start(Until::Told);
            until(&engine, |s| s.parked == 30).await;
            let running = if restart {
                engine.stopper().drain();
                engine.ended().await;
                None
            } else {
                Some(engine)
            };
            // The filter is corrected.
            for n in 0..29 {
                let back = with(user(&name(n), 1 + n % 2), &json!({"lastname": "Back"}));
                bench.queue.put(&file(200 + n), &back);
            }
            let engine = running.unwrap_or_else(|| bench.start(Until::Told));
            let snapshot = until(&engine, |s| s.read && s.pending == 1).await;
            assert_eq!((snapshot.parked, removals(&bench)), (1, 0));
            assert_eq!(bench.ox.field(1, &name(0), "sur_name"), "Back");
            assert_eq!(parked(&engine).await, [ItemName::new(&file(129))]);
            assert_eq!(bench.ox.users(1).len() + bench.ox.users(2).len(), 60);
        });
    }
}

#[test]
fn what_is_held_back_is_so_after_a_restart_and_not_if_the_guard_is_turned_off() {
    paused(async {
        let mut bench = town(30).await;
        for n in 0..30 {
            bench.queue.put(&file(100 + n), &removal(n, false));
        }
        let report = run_once(&bench).await;
        assert_eq!((report.snapshot.parked, removals(&bench)), (30, 0));
        let report = run_once(&bench).await;
        assert_eq!((report.snapshot.parked, removals(&bench)), (30, 0));
        bench.guard.percent = 0;
        let report = run_once(&bench).await;
        assert_eq!((report.snapshot.parked, removals(&bench)), (0, 30));
    });
}

#[test]
fn one_contexts_users_are_guarded_though_they_are_few_of_all() {
    paused(async {
        let bench = town(60).await;
        // 20 of 60 of the first context's, and 20 of 120 of all.
        for n in 0..20 {
            bench.queue.put(&file(200 + n), &removal(2 * n, false));
        }
        bench.queue.put(&file(300), &removal(1, false));
        let report = run_once(&bench).await;
        assert_eq!((report.snapshot.parked, removals(&bench)), (20, 1));
    });
}

#[test]
fn a_deleted_context_counts_with_its_users() {
    paused(async {
        let bench = town(30).await;
        bench.queue.put(&file(100), &gone(context(1)));
        let report = run_once(&bench).await;
        assert_eq!((report.snapshot.parked, bench.ox.contexts()), (1, vec![1, 2]));
        let engine = bench.start(Until::Told);
        until(&engine, |s| s.read && s.parked == 1).await;
        let which = Which::Item(ItemName::new(&file(100)));
        engine.operator().order(Order::Release { which, note: None }).await.unwrap();
        until(&engine, |s| s.pending == 0).await;
        assert_eq!(bench.ox.contexts(), [2]);
    });
}

#[test]
fn as_many_as_are_usual_go_through() {
    paused(async {
        let mut bench = town(30).await;
        bench.on_revoke = OnRevoke::Disable;
        // Exactly the share.
        for n in 0..12 {
            bench.queue.put(&file(100 + n), &removal(n, false));
        }
        let report = run_once(&bench).await;
        assert_eq!((report.snapshot.parked, removals(&bench)), (0, 12));
    });
}

// SRC-31
#[test]
fn a_queue_that_cannot_be_listed_is_not_an_empty_one() {
    paused(async {
        let bench = town(1).await;
        bench.queue.put(&file(100), &removal(0, false));
        // A run that ends by itself does not end well.
        *bench.queue.unlisted.lock().unwrap() = 1000;
        let report = bench.start(bench.once()).ended().await;
        let broken = report.broken.expect("it says so");
        assert!(broken.contains("cannot list") && broken.contains("disk on fire"), "{broken}");
        assert!(!report.snapshot.read);
        // A service waits, and takes nothing that comes meanwhile out of order.
        let engine = bench.start(Until::Told);
        tokio::time::sleep(std::time::Duration::from_secs(300)).await;
        bench.queue.put(&file(101), &user("later", 1));
        tokio::time::sleep(std::time::Duration::from_secs(300)).await;
        assert_eq!(engine.snapshots().borrow().taken_in, 0);
        assert_eq!(engine.snapshots().borrow().dropped, 0);
        *bench.queue.unlisted.lock().unwrap() = 0;
        until(&engine, |s| s.read && s.taken_in == 2 && s.pending == 0).await;
        assert_eq!(bench.ox.users(1), ["later"]);
    });
}

// SRC-31: what was taken in and waits does not vanish with a listing that fails.
#[test]
fn pending_items_do_not_vanish_when_the_next_start_cannot_list_the_queue_at_first() {
    paused(async {
        let bench = town(1).await;
        bench.ox.set_down(true);
        bench.queue.put(&file(100), &user("later", 1));
        bench.start(bench.once()).ended().await;
        assert_eq!(bench.store.open_items().unwrap().len(), 1);
        *bench.queue.unlisted.lock().unwrap() = 2;
        bench.ox.set_down(false);
        let report = run_once(&bench).await;
        assert_eq!((report.snapshot.dropped, report.snapshot.applied), (0, 1));
    });
}
