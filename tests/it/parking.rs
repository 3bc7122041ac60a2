//! Policy `park`: a faulty item is set aside, and with it only what cannot be done without it.

use std::sync::Arc;
use std::time::Duration;

use drover::actors::operator::{Filter, ItemView, Order, OrderError, Outcome, Which};
use drover::actors::supervisor::{OnFault, Until};
use drover::engine::Engine;
use drover::model::{ContextId, Fate, ItemName, ParkReason};
use drover::store::{HoldScope, MemoryStore, Store};
use serde_json::{Value, json};

use crate::engine::{context, file, gone, group, paused, run_once, until, user};
use crate::fakes::{Bench, Mishap};

fn with(mut item: Value, change: &Value) -> Value {
    for (key, value) in change.as_object().unwrap() {
        item["object"][key] = value.clone();
    }
    item
}

fn name(n: u32) -> ItemName {
    ItemName::new(&file(n))
}

fn refuse(bench: &Bench, call: &str) {
    for _ in 0..1000 {
        bench.ox.mishap(call, Mishap::Refuse("Illegal chars"));
    }
}

/// Two contexts with anna in the first, and nothing pending.
async fn settled(on_fault: OnFault) -> Bench {
    let mut bench = Bench::new();
    bench.on_fault = on_fault;
    for (n, item) in [context(1), context(2), user("anna", 1)].iter().enumerate() {
        bench.queue.put(&file(u32::try_from(n).unwrap()), item);
    }
    run_once(&bench).await;
    bench
}

async fn list(engine: &Engine) -> Vec<ItemView> {
    engine.operator().list(Filter::default()).await.unwrap()
}

async fn give(engine: &Engine, order: Order) -> Result<Outcome, OrderError> {
    engine.operator().order(order).await
}

fn item(n: u32) -> Which {
    Which::Item(name(n))
}

fn open_fate(store: &MemoryStore, n: u32) -> Option<Fate> {
    let open = store.open_items().unwrap();
    open.into_iter().find(|open| open.item == name(n)).map(|open| open.fate)
}

// ERR-02, ERR-03
#[test]
fn a_parked_item_holds_what_needs_it_and_nothing_else_and_comes_back_by_itself() {
    paused(async {
        let bench = settled(OnFault::Park).await;
        refuse(&bench, "user_change anna");
        // anna gives up her name; it is refused. bea waits for the name, berta and the rest do not.
        let renamed = with(user("anna", 1), &json!({"username": "anne"}));
        refuse(&bench, "user_change 3");
        bench.queue.put(&file(10), &renamed);
        let mut bea = user("bea", 1);
        bea["object"]["username"] = json!("anna");
        bench.queue.put(&file(11), &bea);
        bench.queue.put(&file(12), &user("berta", 1));
        bench.queue.put(&file(13), &group("team", &["anna", "bea", "berta"]));
        let engine = bench.start(Until::Told);
        let snapshot = until(&engine, |s| s.parked == 1 && s.pending == 2 && s.running == 0).await;
        assert_eq!((snapshot.blocked, snapshot.faulty.len()), (1, 1));
        assert!(snapshot.faulty[0].parked && snapshot.faulty[0].behind == 1);
        assert_eq!(bench.ox.users(1), ["anna", "berta"]);
        assert_eq!(bench.ox.groups(1)["team"], ["berta"], "written with the others");
        let Some(Fate::Parked { reason: ParkReason::Fault, note: Some(note) }) =
            open_fate(&bench.store, 10)
        else {
            panic!("{:?}", open_fate(&bench.store, 10))
        };
        assert!(note.contains("Illegal chars"));
        assert_eq!(open_fate(&bench.store, 11), Some(Fate::Blocked { by: name(10) }));
        let views = list(&engine).await;
        assert_eq!(views.len(), 2);
        assert_eq!(views[0].blocks, [name(11)]);
        // The cause goes away: nobody has to do anything.
        bench.ox.forget_mishaps();
        until(&engine, |s| s.pending == 0).await;
        assert_eq!(bench.ox.users(1), ["anna", "anne", "berta"]);
        assert_eq!(bench.ox.groups(1)["team"], ["anna", "anne", "berta"], "completed later");
        assert_eq!(bench.ox.overlaps(), 0);
    });
}

#[test]
fn a_member_whose_change_is_parked_stays_in_his_groups() {
    paused(async {
        let bench = settled(OnFault::Park).await;
        bench.queue.put(&file(5), &group("team", &["anna"]));
        run_once(&bench).await;
        refuse(&bench, "user_change anna");
        bench.queue.put(&file(10), &with(user("anna", 1), &json!({"lastname": "Z"})));
        bench.queue.put(&file(11), &user("berta", 1));
        bench.queue.put(&file(12), &group("team", &["anna", "berta"]));
        let report = run_once(&bench).await;
        assert_eq!(report.snapshot.faulty.len(), 1);
        assert_eq!(bench.ox.groups(1)["team"], ["anna", "berta"]);
    });
}

#[test]
fn later_items_of_a_parked_object_wait_and_a_better_one_takes_its_place() {
    paused(async {
        let bench = settled(OnFault::Park).await;
        refuse(&bench, "user_create carl");
        bench.queue.put(&file(10), &user("carl", 1));
        let engine = bench.start(Until::Told);
        until(&engine, |s| s.parked == 1).await;
        bench.ox.forget_mishaps();
        bench.queue.put(&file(11), &with(user("carl", 1), &json!({"lastname": "Better"})));
        let snapshot = until(&engine, |s| s.pending == 0).await;
        assert_eq!((snapshot.parked, snapshot.superseded), (0, 1));
        assert_eq!(bench.ox.field(1, "carl", "sur_name"), "Better");
    });
}

#[test]
fn nothing_of_a_context_is_done_before_its_parked_creation_and_all_of_it_after() {
    paused(async {
        let bench = settled(OnFault::Park).await;
        refuse(&bench, "context_create ctx3");
        bench.queue.put(&file(10), &context(3));
        for n in 0..20 {
            bench.queue.put(&file(11 + n), &user(&format!("u{n}"), 3));
        }
        bench.queue.put(&file(40), &user("berta", 2));
        let engine = bench.start(Until::Told);
        let snapshot = until(&engine, |s| s.parked == 1 && s.pending == 21).await;
        assert_eq!(snapshot.blocked, 20);
        assert_eq!(bench.ox.users(2), ["berta"]);
        assert!(!bench.ox.log().iter().any(|seen| seen.what.starts_with("user_create u")));
        bench.ox.forget_mishaps();
        until(&engine, |s| s.pending == 0).await;
        assert_eq!(bench.ox.users(3).len(), 20);
    });
}

// ERR-13
#[test]
fn a_context_that_refuses_everything_stands_still_instead_of_having_all_of_it_parked() {
    paused(async {
        let bench = settled(OnFault::Park).await;
        for n in 0..50 {
            refuse(&bench, &format!("user_create u{n}"));
            bench.queue.put(&file(10 + n), &user(&format!("u{n}"), 1));
        }
        bench.queue.put(&file(70), &user("berta", 2));
        let engine = bench.start(Until::Told);
        let snapshot = until(&engine, |s| s.faulty.iter().any(|item| !item.parked)).await;
        assert_eq!(snapshot.parked, 9);
        tokio::time::sleep(Duration::from_secs(3600)).await;
        assert_eq!(bench.ox.users(2), ["berta"]);
        assert_eq!(engine.snapshots().borrow().parked, 9, "nothing more is tried");
        bench.ox.forget_mishaps();
        until(&engine, |s| s.pending == 0).await;
        assert_eq!(bench.ox.users(1).len(), 51);
    });
}

#[test]
fn what_is_parked_and_held_is_so_after_a_restart_too() {
    paused(async {
        let bench = settled(OnFault::Park).await;
        refuse(&bench, "user_change anna");
        bench.queue.put(&file(10), &with(user("anna", 1), &json!({"lastname": "Z"})));
        bench.queue.put(&file(11), &user("carl", 1));
        bench.queue.put(&file(12), &user("dora", 2));
        let engine = bench.start(Until::Told);
        give(&engine, Order::Hold { scope: HoldScope::Context(ContextId(2)), note: None })
            .await
            .unwrap();
        until(&engine, |s| s.parked == 1 && s.running == 0).await;
        let carl = Order::Park { which: item(11), note: Some("ask Eva first".into()) };
        // carl may be through by now, in which case there is nothing to park.
        let _ = give(&engine, carl).await;
        bench.queue.put(&file(13), &user("emil", 1));
        let hold = Order::Hold { scope: HoldScope::Target, note: Some("maintenance".into()) };
        give(&engine, hold).await.unwrap();
        bench.queue.put(&file(14), &user("fritz", 1));
        until(&engine, |s| s.taken_in == 5).await;
        give(&engine, Order::Park { which: item(14), note: Some("ask Eva".into()) }).await.unwrap();
        engine.stopper().drain();
        engine.ended().await;

        let engine = bench.start(Until::Told);
        let snapshot = until(&engine, |s| s.read && s.parked == 2).await;
        assert_eq!(snapshot.holds, ["target", "context 2"]);
        let calls = bench.ox.log().len();
        tokio::time::sleep(Duration::from_secs(3600)).await;
        assert_eq!(bench.ox.log().len(), calls, "nothing is sent");
        let resume = |scope| Order::Resume { scope, note: None };
        give(&engine, resume(HoldScope::Target)).await.unwrap();
        bench.ox.forget_mishaps();
        until(&engine, |s| s.pending == 2 && s.running == 0).await;
        assert!(bench.ox.users(2).is_empty(), "context 2 is held");
        give(&engine, resume(HoldScope::Context(ContextId(2)))).await.unwrap();
        until(&engine, |s| s.pending == 1).await;
        let parked = list(&engine).await;
        assert_eq!(parked[0].item, name(14));
        let reason = ParkReason::Operator;
        assert_eq!(parked[0].fate, Fate::Parked { reason, note: Some("ask Eva".into()) });
        give(&engine, Order::Release { which: item(14), note: None }).await.unwrap();
        until(&engine, |s| s.pending == 0).await;
        assert_eq!(bench.ox.users(1), ["anna", "carl", "emil", "fritz"]);
    });
}

// ERR-07, ERR-08, ERR-11
#[test]
fn the_operator_sees_retries_and_drops_items_while_it_runs() {
    paused(async {
        let bench = settled(OnFault::Stop).await;
        refuse(&bench, "user_create carl");
        bench.queue.put(&file(10), &user("carl", 1));
        bench.queue.put(&file(11), &user("dora", 1));
        bench.queue.put_bytes(&file(12), b"nonsense".to_vec());
        let engine = bench.start(Until::Told);
        until(&engine, |s| s.failures >= 3).await;
        let faulty = Filter { fates: vec!["faulty"], ..Filter::default() };
        let found = engine.operator().list(faulty.clone()).await.unwrap();
        let names: Vec<&ItemName> = found.iter().map(|view| &view.item).collect();
        assert_eq!(names, [&name(10), &name(12)]);
        assert!(found[0].advice.is_some() && found[0].since_ms.is_some());
        let by_fault = Filter { fault: Some("ILLEGAL".into()), ..Filter::default() };
        assert_eq!(engine.operator().list(by_fault.clone()).await.unwrap().len(), 1);
        let first = Filter { limit: 1, ..Filter::default() };
        assert_eq!(engine.operator().list(first).await.unwrap()[0].item, name(10));

        let tries = |bench: &Bench| {
            bench.ox.log().iter().filter(|seen| seen.what == "user_create carl").count()
        };
        let before = tries(&bench);
        give(&engine, Order::Retry(item(10))).await.unwrap();
        until(&engine, |_| tries(&bench) == before + 1).await;
        let healthy = give(&engine, Order::Retry(item(11))).await;
        assert_eq!(healthy, Err(OrderError::NotFaulty { item: name(11) }));
        let unknown = give(&engine, Order::Show(name(99))).await;
        assert_eq!(unknown, Err(OrderError::UnknownItem { item: name(99) }));
        let release = give(&engine, Order::Release { which: item(10), note: None }).await;
        assert_eq!(release, Err(OrderError::NotParked { item: name(10) }));

        let note = Some("typing error".to_owned());
        let drop = Order::Drop { which: Which::All(faulty), note };
        let failures = engine.snapshots().borrow().failures;
        until(&engine, |s| s.failures > failures).await;
        let Ok(Outcome::Items(dropped)) = give(&engine, drop).await else { panic!() };
        assert_eq!(dropped.len(), 2);
        until(&engine, |s| s.pending == 0 && s.faulty.is_empty()).await;
        assert_eq!(bench.ox.users(1), ["anna", "dora"]);
        assert!(bench.queue.names().is_empty(), "{:?}", bench.queue.names());
        let reason = "dropped by the operator: typing error".to_owned();
        let outcome = bench.store.outcome(&name(10)).unwrap().unwrap();
        assert_eq!(outcome.fate, Fate::Dropped { reason });
    });
}

#[test]
fn an_item_parked_by_hand_waits_with_its_object_until_it_is_released() {
    paused(async {
        let bench = settled(OnFault::Stop).await;
        let engine = bench.start(Until::Told);
        let hold = |scope| Order::Hold { scope, note: None };
        give(&engine, hold(HoldScope::Target)).await.unwrap();
        bench.queue.put(&file(10), &user("carl", 1));
        bench.queue.put(&file(11), &gone(user("anna", 1)));
        bench.queue.put(&file(12), &user("dora", 1));
        until(&engine, |s| s.taken_in == 3).await;
        let Ok(Outcome::Items(parked)) =
            give(&engine, Order::Park { which: item(10), note: None }).await
        else {
            panic!()
        };
        assert_eq!(parked.len(), 1);
        give(&engine, Order::Resume { scope: HoldScope::Target, note: None }).await.unwrap();
        until(&engine, |s| s.pending == 1).await;
        bench.queue.put(&file(13), &with(user("carl", 1), &json!({"username": "karl"})));
        until(&engine, |s| s.blocked == 1).await;
        tokio::time::sleep(Duration::from_secs(3600)).await;
        assert_eq!(bench.ox.users(1), ["dora"]);
        give(&engine, Order::Release { which: item(10), note: None }).await.unwrap();
        until(&engine, |s| s.pending == 0).await;
        assert_eq!(bench.ox.users(1), ["dora", "karl"]);
    });
}

// ERR-09, ERR-23
#[test]
fn what_is_provisioned_again_is_put_right_in_ox_and_nothing_else_is_written() {
    use drover::actors::operator::Again;
    use drover::model::ObjectId;
    paused(async {
        let bench = settled(OnFault::Stop).await;
        bench.queue.put(&file(5), &user("bert", 1));
        bench.queue.put(&file(6), &group("team", &["anna", "bert"]));
        run_once(&bench).await;
        // Somebody works in OX by hand.
        bench.ox.set_field(1, "anna", "sur_name", "Hand");
        bench.ox.set_members(1, "team", &["anna"]);
        let engine = bench.start(Until::Told);
        let again = |again| Order::ProvisionAgain(again);
        let Ok(Outcome::Again(marks)) =
            give(&engine, again(Again::Object(ObjectId::new("id-anna")))).await
        else {
            panic!()
        };
        assert_eq!(marks.len(), 1);
        until(&engine, |s| s.looked_again == 1).await;
        assert_eq!(bench.ox.field(1, "anna", "sur_name"), "B");
        give(&engine, again(Again::Context(ContextId(1)))).await.unwrap();
        until(&engine, |s| s.looked_again == 5 && s.pending == 0).await;
        assert_eq!(bench.ox.groups(1)["team"], ["anna", "bert"]);
        let before = bench.ox.log().len();
        give(&engine, again(Again::All)).await.unwrap();
        until(&engine, |s| s.looked_again == 10 && s.pending == 0).await;
        let log = bench.ox.log();
        let writes = ["create", "delete", "group_change", "user_change bert"];
        let written: Vec<_> = log[before..]
            .iter()
            .filter(|seen| writes.iter().any(|verb| seen.what.contains(verb)))
            .filter(|seen| !seen.what.starts_with("user_change_access"))
            .collect();
        assert_eq!(written.len(), 0, "{written:?}");
        let unknown = give(&engine, again(Again::Object(ObjectId::new("nobody")))).await;
        assert!(matches!(unknown, Err(OrderError::UnknownObject { .. })));
        assert_eq!(bench.store.repairs().unwrap(), []);
    });
}

#[test]
fn a_run_that_ends_by_itself_ends_with_what_is_parked() {
    paused(async {
        let bench = settled(OnFault::Park).await;
        refuse(&bench, "user_create carl");
        bench.queue.put(&file(10), &user("carl", 1));
        bench.queue.put(&file(11), &user("dora", 1));
        let report = run_once(&bench).await;
        assert_eq!((report.snapshot.pending, report.snapshot.parked), (1, 1));
        assert_eq!(bench.ox.users(1), ["anna", "dora"]);
        let store: Arc<MemoryStore> = bench.store.clone();
        assert!(matches!(open_fate(&store, 10), Some(Fate::Parked { .. })));
    });
}
