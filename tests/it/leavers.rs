//! Who is to be locked out does not wait behind the bulk.

use std::collections::BTreeMap;

use drover::actors::operator::Order;
use drover::actors::supervisor::Until;
use drover::store::HoldScope;
use serde_json::{Value, json};

use crate::engine::{context, file, gone, paused, run_once, until, user};
use crate::fakes::Bench;

fn with(mut item: Value, change: &Value) -> Value {
    for (key, value) in change.as_object().unwrap() {
        item["object"][key] = value.clone();
    }
    item
}

fn named(context: u32, name: &str) -> Value {
    with(user(&format!("{name}{context}"), context), &json!({"oxAccess": "webmail"}))
}

/// So many contexts with users `anna`, `bert` and `carl`, each with rights, and nothing pending.
async fn town(contexts: u32) -> Bench {
    let bench = Bench::new();
    for c in 1..=contexts {
        bench.queue.put(&file(10 * c), &context(c));
        for (name, n) in ["anna", "bert", "carl"].iter().zip(1..) {
            bench.queue.put(&file(10 * c + n), &named(c, name));
        }
    }
    run_once(&bench).await;
    bench
}

/// What was done in a context since, without reads.
fn done(bench: &Bench, since: usize, context: u32) -> Vec<String> {
    let log = bench.ox.log().split_off(since).into_iter();
    log.filter(|seen| seen.context.0 == context).map(|seen| seen.what).collect()
}

// CON-10
#[test]
fn leavers_and_lock_outs_go_before_their_contexts_bulk_and_after_what_they_depend_on() {
    for first in [true, false] {
        paused(async move {
            let mut bench = town(1).await;
            bench.leavers_first = first;
            let since = bench.ox.log().len();
            for n in 0..100 {
                bench.queue.put(&file(1000 + n), &user(&format!("new{n}"), 1));
            }
            // bert changes his name before he goes: that must not come after.
            let renamed = with(named(1, "bert"), &json!({"username": "berta"}));
            bench.queue.put(&file(2000), &renamed);
            bench.queue.put(&file(2001), &gone(renamed));
            bench.queue.put(&file(2002), &with(named(1, "anna"), &json!({"isOxUser": "Not"})));
            bench.queue.put(&file(2003), &with(named(1, "carl"), &json!({"oxAccess": "none"})));
            let report = run_once(&bench).await;
            assert_eq!(report.snapshot.faulty, []);
            let calls = done(&bench, since, 1);
            let at = |what: &str| calls.iter().position(|call| call == what).unwrap();
            let created = at("user_create new0");
            let leavers =
                [at("user_delete berta"), at("user_delete anna1"), at("user_change_access carl1")];
            assert_eq!(leavers.iter().all(|at| *at < created), first, "{calls:?}");
            assert!(at("user_change 4") < leavers[0] || at("user_change bert1") < leavers[0]);
            assert_eq!(bench.ox.users(1).len(), 101);
            assert_eq!(bench.ox.rights(1, "carl1"), (false, 0));
        });
    }
}

#[test]
fn nobody_leaves_before_the_context_is_made_in_which_he_leaves() {
    paused(async {
        let bench = town(1).await;
        let since = bench.ox.log().len();
        for n in 0..50 {
            bench.queue.put(&file(1000 + n), &user(&format!("new{n}"), 1));
        }
        // The context is deleted and made anew, and anna lives and leaves in the second life.
        bench.queue.put(&file(2000), &gone(context(1)));
        let mut second = context(1);
        second["id"] = json!("ctx-1-again");
        bench.queue.put(&file(2001), &second);
        bench.queue.put(&file(2002), &with(named(1, "anna"), &json!({"lastname": "Z"})));
        bench.queue.put(&file(2003), &gone(named(1, "anna")));
        let report = run_once(&bench).await;
        assert_eq!(report.snapshot.faulty, []);
        let calls = done(&bench, since, 1);
        let at = |what: &str| calls.iter().position(|call| call.starts_with(what));
        assert!(at("context_delete").is_some() && at("context_create") > at("context_delete"));
        assert!(at("user_delete anna1").is_none_or(|at| at > 50), "{calls:?}");
        assert!(bench.ox.users(1).is_empty());
    });
}

// CON-10, CON-11
#[test]
fn contexts_with_leavers_go_first_and_the_others_keep_a_tenth() {
    paused(async {
        let mut bench = town(40).await;
        bench.most_running = 2;
        let since = bench.ox.log().len();
        // The bulk of contexts 1 to 20 comes first, then leavers in 21 to 40.
        let mut n = 10_000;
        for _ in 0..3 {
            for c in 1..=20 {
                bench.queue.put(&file(n), &user(&format!("new{n}"), c));
                n += 1;
            }
        }
        for name in ["anna", "bert", "carl"] {
            for c in 21..=40 {
                bench.queue.put(&file(n), &gone(named(c, name)));
                n += 1;
            }
        }
        run_once(&bench).await;
        let log = bench.ox.log().split_off(since);
        let writes: Vec<bool> = log
            .iter()
            .filter(|seen| {
                seen.what.starts_with("user_delete") || seen.what.starts_with("user_create")
            })
            .map(|seen| seen.what.starts_with("user_delete"))
            .collect();
        assert_eq!(writes.len(), 120);
        let last = writes.iter().rposition(|leaver| *leaver).unwrap();
        let bulk = writes[..last].iter().filter(|leaver| !**leaver).count();
        assert!((6..=8).contains(&bulk), "a tenth of {last}: {bulk}");
        let mut longest = 0;
        for run in writes[..last].split(|leaver| !*leaver) {
            longest = longest.max(run.len());
        }
        assert!(longest <= 9, "{longest} in a row");
    });
}

#[test]
fn what_stands_still_or_is_held_is_not_overtaken_into_movement() {
    paused(async {
        let bench = town(1).await;
        let engine = bench.start(Until::Told);
        until(&engine, |s| s.read).await;
        let order = Order::Hold { scope: HoldScope::Target, note: None };
        engine.operator().order(order).await.unwrap();
        for n in 0..50 {
            bench.queue.put(&file(1000 + n), &user(&format!("new{n}"), 1));
        }
        bench.queue.put(&file(2000), &gone(named(1, "anna")));
        until(&engine, |s| s.taken_in == 51).await;
        let since = bench.ox.log().len();
        tokio::time::sleep(std::time::Duration::from_secs(600)).await;
        assert_eq!(bench.ox.log().len(), since);
        let order = Order::Resume { scope: HoldScope::Target, note: None };
        engine.operator().order(order).await.unwrap();
        until(&engine, |s| s.pending == 0).await;
        let mut seen = BTreeMap::new();
        for (n, call) in done(&bench, since, 1).into_iter().enumerate() {
            seen.entry(call).or_insert(n);
        }
        assert_eq!(seen["user_delete anna1"], 0);
    });
}
