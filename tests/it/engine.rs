//! The engine under paused time: hours pass in milliseconds, nothing sleeps.

use std::sync::Arc;
use std::time::Duration;

use drover::actors::status::Snapshot;
use drover::actors::supervisor::{Report, StopScope, Until};
use drover::provision::OnRevoke;
use drover::store::Store;
use serde_json::{Value, json};

use crate::fakes::{Bench, Mishap};

pub fn context(id: u32) -> Value {
    json!({"id": format!("ctx-{id}"), "udm_object_type": "oxmail/oxcontext", "options": [],
           "dn": format!("cn=ctx{id},dc=x"),
           "object": {"name": format!("ctx{id}"), "contextid": id.to_string()}})
}

pub fn user(name: &str, context: u32) -> Value {
    json!({"id": format!("id-{name}"), "udm_object_type": "users/user", "options": [],
           "dn": format!("uid={name},dc=x"),
           "object": {"username": name, "isOxUser": "OK", "oxContext": context, "firstname": "A",
                      "lastname": "B", "displayName": name, "oxAccess": "none",
                      "mailPrimaryAddress": format!("{name}@x.example")}})
}

pub fn group(name: &str, members: &[&str]) -> Value {
    let users: Vec<String> = members.iter().map(|m| format!("uid={m},dc=x")).collect();
    json!({"id": format!("id-{name}"), "udm_object_type": "groups/group", "options": [],
           "dn": format!("cn={name},dc=x"),
           "object": {"name": name, "isOxGroup": true, "users": users}})
}

pub fn gone(mut item: Value) -> Value {
    item["object"] = Value::Null;
    item
}

pub fn file(n: u32) -> String {
    format!("2025-01-01-00-00-{:02}-{:06}.json", n / 1_000_000, n % 1_000_000)
}

/// Runs a test inside an actix system whose time stands still unless all wait.
pub fn paused<F: Future<Output = ()> + 'static>(test: F) {
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap()
    };
    actix_rt::System::with_tokio_rt(runtime).block_on(test);
}

pub async fn run_once(bench: &Bench) -> Report {
    let report = bench.start(bench.once()).ended().await;
    assert_accounted_for(bench);
    report
}

/// Every item has one fate, the ledger knows it, and those that are open are those in the queue.
pub fn assert_accounted_for(bench: &Bench) {
    let audit = bench.store.audit().unwrap();
    assert!(audit.is_sound(), "{audit:?}");
    let mut open: Vec<_> = bench.store.open_items().unwrap().into_iter().map(|i| i.item).collect();
    open.sort();
    let open: Vec<String> = open.iter().map(ToString::to_string).collect();
    assert_eq!(open, bench.queue.names());
}

/// Waits until a snapshot is as asked for.
pub async fn until(
    engine: &drover::engine::Engine,
    wanted: impl Fn(&Snapshot) -> bool,
) -> Arc<Snapshot> {
    let mut snapshots = engine.snapshots();
    let found = tokio::time::timeout(Duration::from_secs(100_000), async {
        snapshots.wait_for(|snapshot| wanted(snapshot)).await.unwrap().clone()
    });
    found.await.expect("the engine comes to that point")
}

#[test]
fn a_first_load_in_any_order_ends_the_same_with_one_call_an_item() {
    let items = [
        group("team", &["a", "b", "c"]),
        user("a", 1),
        user("b", 1),
        user("c", 2),
        context(1),
        context(2),
    ];
    for rotation in 0..items.len() {
        for reverse in [false, true] {
            let mut order: Vec<&Value> = items.iter().collect();
            order.rotate_left(rotation);
            if reverse {
                order.reverse();
            }
            let bench = Bench::new();
            for (item, n) in order.iter().zip(0u32..) {
                bench.queue.put(&file(n), item);
            }
            let (ox, queue) = (bench.ox.clone(), bench.queue.clone());
            paused(async move {
                let report = run_once(&bench).await;
                assert_eq!(report.snapshot.faulty, [], "rotation {rotation}");
            });
            assert_eq!(ox.users(1), ["a", "b"]);
            assert_eq!(ox.users(2), ["c"]);
            assert_eq!(ox.groups(1)["team"], ["a", "b"]);
            assert_eq!(ox.groups(2)["team"], ["c"]);
            assert_eq!(ox.overlaps(), 0);
            assert_eq!(ox.log().len(), 7, "one call an item and context: {:?}", ox.log());
            assert!(queue.names().is_empty());
        }
    }
}

/// Rules: D39, D40, 10/stop
#[test]
fn a_faulty_item_stops_its_context_and_no_other_and_is_retried_with_growing_pauses() {
    let bench = Bench::new();
    let mut n = 0;
    for c in 1..=20 {
        bench.queue.put(&file(n), &context(c));
        bench.queue.put(&file(n + 1), &user(&format!("u{c}"), c));
        bench.queue.put(&file(n + 2), &user(&format!("v{c}"), c));
        n += 3;
    }
    for _ in 0..4 {
        bench.ox.mishap("user_create u7", Mishap::Refuse("Illegal chars: \"&\""));
    }
    let ox = bench.ox.clone();
    paused(async move {
        let start = tokio::time::Instant::now();
        let engine = bench.start(Until::Told);
        let snapshot = until(&engine, |s| s.faulty.len() == 1 && s.pending == 2).await;
        let faulty = &snapshot.faulty[0];
        assert_eq!(faulty.lane, "context 7");
        assert_eq!(faulty.item, file(19));
        assert!(faulty.fault.contains("Illegal chars"));
        assert_eq!(faulty.behind, 1);
        for c in (1..=20).filter(|c| *c != 7) {
            assert_eq!(ox.users(c).len(), 2, "context {c} goes on");
        }
        assert!(ox.users(7).is_empty(), "nothing behind it runs");
        // It heals by itself: after four refusals OX takes it.
        until(&engine, |s| s.pending == 0).await;
        assert_eq!(ox.users(7), ["u7", "v7"]);
        let waited = start.elapsed();
        assert!(waited > Duration::from_secs(5 + 10 + 20 + 40) / 2, "pauses grow: {waited:?}");
        engine.stopper().drain();
        let report = engine.ended().await;
        assert_eq!(report.snapshot.failures, 4);
    });
}

#[test]
fn removing_the_faulty_file_lets_the_context_go_on() {
    let bench = Bench::new();
    bench.queue.put(&file(0), &context(1));
    bench.queue.put(&file(1), &user("bad", 1));
    bench.queue.put(&file(2), &user("good", 1));
    for _ in 0..100 {
        bench.ox.mishap("user_create bad", Mishap::Refuse("no"));
    }
    let (ox, queue, store) = (bench.ox.clone(), bench.queue.clone(), bench.store.clone());
    paused(async move {
        let engine = bench.start(Until::Told);
        until(&engine, |s| s.faulty.len() == 1).await;
        queue.take(&file(1));
        let snapshot = until(&engine, |s| s.pending == 0).await;
        assert_eq!(snapshot.dropped, 1);
        assert!(snapshot.faulty.is_empty());
        assert_eq!(ox.users(1), ["good"]);
        // A new version of the same user arrives, and nothing is in its way.
        queue.put(&file(3), &user("other", 1));
        until(&engine, |s| s.applied == 3).await;
        engine.stopper().drain();
        engine.ended().await;
        let outcome = store.outcome(&drover::model::ItemName::new(&file(1))).unwrap().unwrap();
        assert_eq!(outcome.fate, drover::model::Fate::removed_by_hand());
    });
}

#[test]
fn an_outage_blames_nobody_and_everything_goes_on_after_it() {
    let bench = Bench::new();
    for c in 1..=5 {
        bench.queue.put(&file(c), &context(c));
        bench.queue.put(&file(100 + c), &user(&format!("u{c}"), c));
    }
    bench.ox.set_down(true);
    let ox = bench.ox.clone();
    paused(async move {
        let engine = bench.start(Until::Told);
        let snapshot = until(&engine, |s| s.outage.is_some() && s.read).await;
        assert!(snapshot.faulty.is_empty());
        tokio::time::sleep(Duration::from_secs(3600)).await;
        let snapshot = until(&engine, |s| s.outage.is_some()).await;
        assert!(snapshot.faulty.is_empty());
        assert!(snapshot.failures < 250, "one probe at a time: {}", snapshot.failures);
        ox.set_down(false);
        let back = tokio::time::Instant::now();
        until(&engine, |s| s.pending == 0).await;
        assert!(back.elapsed() < Duration::from_secs(40), "{:?} {:?}", back.elapsed(), ox.log());
        for c in 1..=5 {
            assert_eq!(ox.users(c).len(), 1);
        }
        engine.stopper().drain();
        engine.ended().await;
    });
}

#[test]
fn a_run_until_empty_gives_an_outage_up_after_its_time() {
    let bench = Bench::new();
    bench.queue.put(&file(0), &context(1));
    bench.ox.set_down(true);
    let queue = bench.queue.clone();
    paused(async move {
        let report = run_once(&bench).await;
        assert!(report.snapshot.outage.is_some());
        assert_eq!(report.snapshot.pending, 1);
    });
    assert_eq!(queue.names().len(), 1, "nothing is lost");
}

#[test]
fn a_lost_answer_doubles_nothing() {
    let bench = Bench::new();
    bench.queue.put(&file(0), &context(1));
    bench.queue.put(&file(1), &user("a", 1));
    bench.queue.put(&file(2), &group("team", &["a"]));
    bench.ox.mishap("context_create ctx1", Mishap::DoneThenLost);
    bench.ox.mishap("user_create a", Mishap::DoneThenLost);
    bench.ox.mishap("group_create team", Mishap::DoneThenLost);
    let ox = bench.ox.clone();
    paused(async move {
        let report = run_once(&bench).await;
        assert_eq!(report.broken, None);
        assert_eq!(report.snapshot.faulty, []);
    });
    assert_eq!(ox.users(1), ["a"]);
    assert!(!ox.groups(1).is_empty(), "{:?}", ox.log());
    assert_eq!(ox.groups(1)["team"], ["a"]);
    let creates = ox.log().iter().filter(|seen| seen.what == "user_create a").count();
    assert_eq!(creates, 1, "asked before acting: {:?}", ox.log());
}

#[test]
fn a_panic_in_one_context_harms_no_other_and_the_item_is_done_after_all() {
    let bench = Bench::new();
    for c in 1..=3 {
        bench.queue.put(&file(c), &context(c));
        bench.queue.put(&file(10 + c), &user(&format!("u{c}"), c));
        bench.queue.put(&file(20 + c), &user(&format!("v{c}"), c));
    }
    bench.ox.mishap("user_create u2", Mishap::Panic);
    bench.ox.mishap("user_create u2", Mishap::Panic);
    let ox = bench.ox.clone();
    paused(async move {
        let report = run_once(&bench).await;
        assert_eq!(report.snapshot.restarts, 2);
        assert_eq!(report.snapshot.faulty, []);
    });
    for c in 1..=3 {
        assert_eq!(ox.users(c), [format!("u{c}"), format!("v{c}")]);
    }
}

#[test]
fn a_context_that_panics_for_ever_counts_as_faulty() {
    let bench = Bench::new();
    bench.queue.put(&file(0), &context(1));
    bench.queue.put(&file(1), &context(2));
    bench.queue.put(&file(2), &user("a", 1));
    bench.queue.put(&file(3), &user("b", 2));
    for _ in 0..100 {
        bench.ox.mishap("user_create a", Mishap::Panic);
    }
    let ox = bench.ox.clone();
    paused(async move {
        let report = run_once(&bench).await;
        assert_eq!(report.snapshot.faulty.len(), 1);
        assert!(report.snapshot.faulty[0].fault.contains("bug"));
    });
    assert_eq!(ox.users(2), ["b"]);
}

/// Rules: R4
#[test]
fn users_who_come_later_are_put_into_their_groups_once_however_many() {
    let bench = Bench::new();
    let names: Vec<String> = (0..200).map(|n| format!("u{n}")).collect();
    let members: Vec<&str> = names.iter().map(String::as_str).collect();
    bench.queue.put(&file(0), &context(1));
    bench.queue.put(&file(1), &group("all", &members));
    let (ox, queue) = (bench.ox.clone(), bench.queue.clone());
    paused(async move {
        let engine = bench.start(Until::Told);
        until(&engine, |s| s.read && s.pending == 0).await;
        assert!(ox.groups(1).is_empty());
        for (name, n) in names.iter().zip(100u32..) {
            queue.put(&file(n), &user(name, 1));
        }
        until(&engine, |s| s.applied >= 201 && s.pending == 0).await;
        assert_eq!(ox.groups(1)["all"].len(), 200);
        let calls = ox.log().iter().filter(|seen| seen.what.starts_with("group_")).count();
        assert!(calls <= 3, "{calls} group calls for 200 new members");
        engine.stopper().drain();
        engine.ended().await;
    });
}

/// Rules: D1, P2
#[test]
fn created_and_deleted_in_one_go_is_nothing_at_all() {
    let bench = Bench::new();
    bench.queue.put(&file(0), &context(1));
    bench.queue.put(&file(1), &user("a", 1));
    bench.queue.put(&file(2), &gone(user("a", 1)));
    bench.queue.put(&file(3), &gone(user("never", 1)));
    let ox = bench.ox.clone();
    paused(async move {
        let report = run_once(&bench).await;
        assert_eq!((report.snapshot.superseded, report.snapshot.no_op), (1, 2));
    });
    assert_eq!(ox.log().len(), 1, "{:?}", ox.log());
}

/// Rules: D2, D4
#[test]
fn a_context_goes_after_all_that_came_before_it_and_before_its_next_life() {
    let bench = Bench::new();
    bench.queue.put(&file(0), &context(1));
    bench.queue.put(&file(1), &context(2));
    bench.queue.put(&file(2), &user("mover", 1));
    let (ox, queue) = (bench.ox.clone(), bench.queue.clone());
    let mut reborn = context(1);
    reborn["id"] = json!("ctx-1-again");
    paused(async move {
        let engine = bench.start(Until::Told);
        until(&engine, |s| s.applied == 3).await;
        queue.put(&file(10), &user("mover", 2));
        queue.put(&file(11), &gone(context(1)));
        queue.put(&file(12), &reborn);
        queue.put(&file(13), &user("new", 1));
        until(&engine, |s| s.applied == 7 && s.pending == 0).await;
        engine.stopper().drain();
        engine.ended().await;
    });
    assert_eq!(ox.users(1), ["new"]);
    assert_eq!(ox.users(2), ["mover"]);
    let log = ox.log();
    let at = |what: &str| log.iter().rposition(|seen| seen.what == what).unwrap();
    assert!(at("user_copy 3") < at("context_delete "), "{log:?}");
    assert!(at("context_delete ") < at("context_create ctx1"), "{log:?}");
}

#[test]
fn a_missing_key_holds_its_context_until_it_is_there() {
    let bench = Bench::new();
    bench.queue.put_bytes(&file(0), b"{ broken".to_vec());
    bench.queue.put(&file(1), &context(1));
    let ox = bench.ox.clone();
    paused(async move {
        let report = run_once(&bench).await;
        assert_eq!(report.snapshot.faulty.len(), 1);
        assert!(report.snapshot.faulty[0].fault.contains("not valid JSON"));
    });
    assert_eq!(ox.contexts(), [1], "a broken file hurts nobody");
}

/// Rules: P5
#[test]
fn a_repaired_file_is_read_again() {
    let bench = Bench::new();
    bench.queue.put_bytes(&file(0), b"{ broken".to_vec());
    let (ox, queue) = (bench.ox.clone(), bench.queue.clone());
    paused(async move {
        let engine = bench.start(Until::Told);
        until(&engine, |s| s.faulty.len() == 1).await;
        queue.put(&file(0), &context(1));
        until(&engine, |s| s.applied == 1 && s.faulty.is_empty()).await;
        engine.stopper().drain();
        engine.ended().await;
    });
    assert_eq!(ox.contexts(), [1]);
}

#[test]
fn with_stop_scope_all_a_faulty_item_holds_everything() {
    let mut bench = Bench::new();
    bench.scope = StopScope::All;
    bench.queue.put(&file(0), &context(1));
    bench.queue.put(&file(1), &user("bad", 1));
    bench.queue.put(&file(2), &context(2));
    for _ in 0..100 {
        bench.ox.mishap("user_create bad", Mishap::Refuse("no"));
    }
    let (ox, queue) = (bench.ox.clone(), bench.queue.clone());
    paused(async move {
        let engine = bench.start(Until::Told);
        until(&engine, |s| s.faulty.len() == 1).await;
        queue.put(&file(3), &context(3));
        tokio::time::sleep(Duration::from_secs(30)).await;
        assert!(!ox.contexts().contains(&3));
        queue.take(&file(1));
        until(&engine, |s| s.pending == 0).await;
        assert_eq!(ox.contexts(), [1, 2, 3]);
        engine.stopper().drain();
        engine.ended().await;
    });
}

#[test]
fn a_revoked_user_is_only_disabled_if_that_is_asked_for_and_comes_back_with_all_rights() {
    let mut bench = Bench::new();
    bench.on_revoke = OnRevoke::Disable;
    let with_rights = |flag: &str| {
        let mut user = user("a", 1);
        user["object"]["oxAccess"] = json!("webmail");
        user["object"]["isOxUser"] = json!(flag);
        user
    };
    bench.queue.put(&file(0), &context(1));
    bench.queue.put(&file(1), &with_rights("OK"));
    let (ox, queue, seen) = (bench.ox.clone(), bench.queue.clone(), bench.ox.clone());
    paused(async move {
        let engine = bench.start(Until::Told);
        until(&engine, |s| s.applied == 2).await;
        assert_eq!(ox.rights(1, "a"), (true, 1));
        queue.put(&file(2), &with_rights("Not"));
        until(&engine, |s| s.applied == 3).await;
        assert_eq!(ox.rights(1, "a"), (false, 0), "still there, but can do nothing");
        queue.put(&file(3), &with_rights("OK"));
        until(&engine, |s| s.applied == 4).await;
        assert_eq!(ox.rights(1, "a"), (true, 1));
        queue.put(&file(4), &gone(user("a", 1)));
        until(&engine, |s| s.applied == 5).await;
        assert!(ox.users(1).is_empty(), "deleted in the directory is deleted in OX");
        engine.stopper().drain();
        engine.ended().await;
    });
    let creates = seen.log().iter().filter(|seen| seen.what == "user_create a").count();
    assert_eq!(creates, 1);
}

#[test]
fn with_stop_scope_all_the_cure_of_a_faulty_item_still_runs() {
    let mut bench = Bench::new();
    bench.scope = StopScope::All;
    // No such context: the user stands still, and everything with it.
    bench.queue.put(&file(0), &user("a", 1));
    let (ox, queue) = (bench.ox.clone(), bench.queue.clone());
    paused(async move {
        let engine = bench.start(Until::Told);
        until(&engine, |s| s.faulty.len() == 1).await;
        // Its timer runs out now and then; the context comes at any time.
        tokio::time::sleep(Duration::from_secs(7)).await;
        queue.put(&file(1), &context(1));
        until(&engine, |s| s.pending == 0).await;
        assert_eq!(ox.users(1), ["a"]);
        engine.stopper().drain();
        engine.ended().await;
    });
}

#[test]
fn one_call_that_finds_no_connection_costs_a_pause_and_nothing_else() {
    let bench = Bench::new();
    bench.queue.put(&file(0), &context(1));
    bench.queue.put(&file(1), &user("a", 1));
    bench.ox.mishap("user_create a", Mishap::Unreachable);
    let ox = bench.ox.clone();
    paused(async move {
        let report = run_once(&bench).await;
        assert_eq!((report.snapshot.failures, report.snapshot.faulty.len()), (1, 0));
    });
    assert_eq!(ox.users(1), ["a"]);
}

/// Rules: 14/6, P9
#[test]
fn what_was_done_before_a_crash_is_not_done_again() {
    let bench = Bench::new();
    bench.queue.put(&file(0), &context(1));
    bench.queue.put(&file(1), &user("a", 1));
    let (ox, queue, bench) = (bench.ox.clone(), bench.queue.clone(), Arc::new(bench));
    let first = bench.clone();
    paused(async move {
        run_once(&first).await;
    });
    let calls = ox.log().len();
    // The files are there again, as after a crash between commit and removal.
    queue.put(&file(0), &context(1));
    queue.put(&file(1), &user("a", 1));
    // And one under an old name with new content.
    let second = bench.clone();
    paused(async move {
        let report = run_once(&second).await;
        assert_eq!(report.snapshot.repeated, 2);
    });
    assert_eq!(ox.log().len(), calls);
    queue.put(&file(1), &user("b", 1));
    paused(async move {
        run_once(&bench).await;
    });
    assert_eq!(ox.users(1), ["a", "b"], "a new file under an old name is new");
    assert!(queue.names().is_empty());
}
