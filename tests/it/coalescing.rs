//! Successive items of one object are one piece of work where nobody can tell the difference.

use std::time::Duration;

use drover::actors::supervisor::Until;
use drover::model::{Fate, ItemName};
use drover::store::Store;
use serde_json::{Value, json};

use crate::engine::{context, file, gone, group, paused, run_once, until, user};
use crate::fakes::{Bench, Mishap};

fn with(mut item: Value, change: &Value) -> Value {
    for (key, value) in change.as_object().unwrap() {
        item["object"][key] = value.clone();
    }
    item
}

fn edit(n: u32) -> Value {
    with(user("anna", 1), &json!({"lastname": format!("B{n}")}))
}

fn calls(bench: &Bench, verb: &str) -> usize {
    bench.ox.log().iter().filter(|seen| seen.what.starts_with(verb)).count()
}

fn fate(bench: &Bench, n: u32) -> Option<Fate> {
    Some(bench.store.outcome(&ItemName::new(&file(n))).unwrap()?.fate)
}

/// A context with anna and bert, and nothing pending.
async fn settled() -> Bench {
    let bench = Bench::new();
    for (n, item) in [context(1), user("anna", 1), user("bert", 1)].iter().enumerate() {
        bench.queue.put(&file(u32::try_from(n).unwrap()), item);
    }
    run_once(&bench).await;
    bench
}

// SRC-22
/// Rules: Q2, 14/1
#[test]
fn a_thousand_edits_of_a_user_are_one_change_and_the_ledger_says_so() {
    paused(async {
        let bench = settled().await;
        for n in 0..1000 {
            bench.queue.put(&file(100 + n), &edit(n));
        }
        let report = run_once(&bench).await;
        assert_eq!(calls(&bench, "user_change anna"), 1);
        assert_eq!(bench.ox.field(1, "anna", "sur_name"), "B999");
        assert_eq!((report.snapshot.applied, report.snapshot.superseded), (1, 999));
        assert!(bench.queue.names().is_empty());
        let newest = ItemName::new(&file(1099));
        assert_eq!(fate(&bench, 100), Some(Fate::Superseded { by: newest }));
        assert_eq!(fate(&bench, 1099), Some(Fate::Applied));
    });
}

// SRC-22
/// Rules: Q2, P10
#[test]
fn edits_that_come_while_one_is_under_way_wait_as_one() {
    paused(async {
        let mut bench = settled().await;
        bench.ox.latency = Duration::from_secs(1);
        let engine = bench.start(Until::Told);
        bench.queue.put(&file(100), &edit(0));
        until(&engine, |s| s.running == 1).await;
        for n in 1..1000 {
            bench.queue.put(&file(100 + n), &edit(n));
        }
        until(&engine, |s| s.taken_in == 1000 && s.pending == 0).await;
        assert_eq!(calls(&bench, "user_change anna"), 2);
        assert_eq!(bench.ox.field(1, "anna", "sur_name"), "B999");
    });
}

#[test]
fn a_thousand_membership_edits_are_one_change_also_among_the_coming_of_members() {
    paused(async {
        let bench = settled().await;
        let mut members = vec!["bert".to_owned()];
        bench.queue.put(&file(50), &group("team", &["anna"]));
        run_once(&bench).await;
        for n in 0..500 {
            let name = format!("m{n}");
            bench.queue.put(&file(100 + 2 * n), &user(&name, 1));
            members.push(name);
            let names: Vec<&str> = members.iter().map(String::as_str).collect();
            bench.queue.put(&file(101 + 2 * n), &group("team", &names));
        }
        run_once(&bench).await;
        assert_eq!(calls(&bench, "group_change team"), 1, "no member is added afterwards");
        assert_eq!(calls(&bench, "user_create"), 502);
        assert_eq!(bench.ox.groups(1)["team"].len(), 501);
    });
}

#[test]
fn what_others_can_tell_apart_is_done_one_after_the_other() {
    paused(async {
        let bench = settled().await;
        let renamed = with(user("anna", 1), &json!({"username": "anne"}));
        let off = with(renamed.clone(), &json!({"isOxUser": "Not"}));
        for (n, item) in [edit(1), renamed, off, edit(2)].iter().enumerate() {
            bench.queue.put(&file(100 + u32::try_from(n).unwrap()), item);
        }
        let report = run_once(&bench).await;
        assert_eq!((report.snapshot.applied, report.snapshot.superseded), (4, 0));
        assert_eq!(bench.ox.users(1), ["anna", "bert"]);
    });
}

#[test]
fn an_item_whose_successor_is_dropped_is_done_after_all() {
    paused(async {
        let bench = settled().await;
        bench.ox.set_down(true);
        bench.queue.put(&file(99), &with(user("bert", 1), &json!({"lastname": "X"})));
        let engine = bench.start(Until::Told);
        until(&engine, |s| s.outage.is_some()).await;
        for n in 0..3 {
            bench.queue.put(&file(100 + n), &edit(n));
        }
        until(&engine, |s| s.taken_in == 4).await;
        bench.queue.take(&file(102));
        bench.queue.take(&file(100));
        until(&engine, |s| s.dropped == 2).await;
        bench.ox.set_down(false);
        until(&engine, |s| s.pending == 0).await;
        assert_eq!(bench.ox.field(1, "anna", "sur_name"), "B1");
        assert_eq!(calls(&bench, "user_change anna"), 1);
        assert_eq!(fate(&bench, 101), Some(Fate::Applied));
    });
}

// ERR-20, ERR-32
#[test]
fn a_refused_item_is_not_tried_again_once_its_object_has_changed() {
    for renamed in [false, true] {
        paused(async move {
            let bench = settled().await;
            for _ in 0..100 {
                bench.ox.mishap("user_create carl", Mishap::Refuse("Illegal chars"));
            }
            let engine = bench.start(Until::Told);
            bench.queue.put(&file(100), &user("carl", 1));
            bench.queue.put(&file(101), &user("dora", 1));
            until(&engine, |s| s.faulty.len() == 1).await;
            let tried = calls(&bench, "user_create carl");
            let name = if renamed { "karl" } else { "carl" };
            bench.ox.forget_mishaps();
            let better = with(user("carl", 1), &json!({"username": name, "lastname": "Z"}));
            bench.queue.put(&file(102), &better);
            until(&engine, |s| s.pending == 0).await;
            assert_eq!(calls(&bench, "user_create carl"), tried + usize::from(!renamed));
            let mut there = ["anna", "bert", "dora", name];
            there.sort_unstable();
            assert_eq!(bench.ox.users(1), there);
            assert_eq!(fate(&bench, 100), Some(Fate::Superseded { by: ItemName::new(&file(102)) }));
        });
    }
}

// ERR-20: the better one was there already.
#[test]
fn a_refused_item_gives_way_to_one_that_waits_behind_it() {
    paused(async {
        let bench = settled().await;
        for _ in 0..100 {
            bench.ox.mishap("user_create carl", Mishap::Refuse("Illegal chars"));
        }
        bench.queue.put(&file(100), &user("carl", 1));
        bench.queue.put(&file(101), &with(user("carl", 1), &json!({"username": "karl"})));
        let report = run_once(&bench).await;
        assert_eq!(bench.ox.users(1), ["anna", "bert", "karl"]);
        assert_eq!(calls(&bench, "user_create carl"), 1);
        assert_eq!((report.snapshot.superseded, report.snapshot.faulty.len()), (1, 0));
    });
}

/// Rules: D1, 14/1
#[test]
fn a_deleted_users_pending_creation_is_not_made_first() {
    paused(async {
        let bench = settled().await;
        bench.queue.put(&file(100), &user("carl", 1));
        bench.queue.put(&file(101), &gone(user("carl", 1)));
        run_once(&bench).await;
        assert_eq!(calls(&bench, "user_create carl") + calls(&bench, "user_delete carl"), 0);
    });
}

// A run that was killed may have done what an earlier one could not: the fault that is remembered is older.
#[test]
fn what_was_refused_once_and_may_have_been_done_since_is_not_passed_over() {
    paused(async {
        let mut bench = settled().await;
        bench.queue.put(&file(90), &context(2));
        run_once(&bench).await;
        bench.ox.mishap("user_create carl", Mishap::Refuse("Illegal chars"));
        bench.queue.put(&file(100), &user("carl", 1));
        let engine = bench.start(Until::Told);
        until(&engine, |s| s.faulty.len() == 1).await;
        engine.stopper().drain();
        engine.ended().await;
        bench.ox.add_user(1, "carl");
        bench.queue.put(&file(101), &user("carl", 2));
        bench.cut_short = true;
        run_once(&bench).await;
        assert_eq!((bench.ox.users(1).len(), bench.ox.users(2)), (2, vec!["carl".to_owned()]));
    });
}
