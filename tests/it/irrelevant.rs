//! An event that does not concern OX costs no call, and of the memory no more than its object's record.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use drover::actors::supervisor::Until;
use drover::model::{ContextId, DnKey, ItemName, ObjectId, ObjectKind};
use drover::scope::{Applies, Marker, OnLeave, Scope};
use drover::store::{
    Audit, Commit, FaultRecord, Hold, ItemOutcome, ItemRecord, Mark, MemoryStore, ObjectRecord,
    ProfileVersion, Store, StoreError,
};
use serde_json::{Value, json};

use crate::engine::{context, file, gone, group, paused, run_once, until, user};
use crate::fakes::Bench;

/// A memory that counts what is read from it, beside what each start reads.
struct Counted {
    store: Arc<MemoryStore>,
    records: AtomicUsize,
    others: AtomicUsize,
}

impl Counted {
    fn other(&self) -> &MemoryStore {
        self.others.fetch_add(1, Ordering::Relaxed);
        &self.store
    }

    /// Records and other things read since it was last asked.
    fn take(&self) -> (usize, usize) {
        (self.records.swap(0, Ordering::Relaxed), self.others.swap(0, Ordering::Relaxed))
    }
}

impl Store for Counted {
    fn object(&self, id: &ObjectId) -> Result<Option<ObjectRecord>, StoreError> {
        self.records.fetch_add(1, Ordering::Relaxed);
        self.store.object(id)
    }

    fn objects(&self, each: &mut dyn FnMut(ObjectRecord)) -> Result<(), StoreError> {
        self.other().objects(each)
    }

    fn naming(&self, members: &[DnKey]) -> Result<Vec<ObjectId>, StoreError> {
        self.other().naming(members)
    }

    fn doubts(&self) -> Result<Vec<ContextId>, StoreError> {
        // Also read to find out that a run is over.
        self.store.doubts()
    }

    fn marks(&self) -> Result<Vec<Mark>, StoreError> {
        // Also read to find out that a run is over.
        self.store.marks()
    }

    fn repairs(&self) -> Result<Vec<Mark>, StoreError> {
        self.other().repairs()
    }

    fn profiles(&self) -> Result<Vec<ProfileVersion>, StoreError> {
        self.other().profiles()
    }

    fn faults(&self) -> Result<Vec<FaultRecord>, StoreError> {
        self.other().faults()
    }

    /// Whether the item was done before: once for every item, whatever it is.
    fn outcome(&self, item: &ItemName) -> Result<Option<ItemOutcome>, StoreError> {
        self.store.outcome(item)
    }

    fn outcomes(&self, limit: usize) -> Result<Vec<ItemOutcome>, StoreError> {
        self.other().outcomes(limit)
    }

    fn holders(&self, dn: &DnKey) -> Result<Vec<ObjectId>, StoreError> {
        self.other().holders(dn)
    }

    fn each_open_item(&self, each: &mut dyn FnMut(ItemRecord)) -> Result<(), StoreError> {
        self.other().each_open_item(each)
    }

    fn history(&self, object: &ObjectId, limit: usize) -> Result<Vec<ItemRecord>, StoreError> {
        self.other().history(object, limit)
    }

    fn item_history(&self, item: &ItemName, limit: usize) -> Result<Vec<ItemRecord>, StoreError> {
        self.other().item_history(item, limit)
    }

    fn holds(&self) -> Result<Vec<Hold>, StoreError> {
        self.other().holds()
    }

    fn audit(&self) -> Result<Audit, StoreError> {
        self.other().audit()
    }

    fn commit(&self, commits: &[Commit]) -> Result<(), StoreError> {
        self.store.commit(commits)
    }
}

fn with(mut item: Value, change: &Value) -> Value {
    for (key, value) in change.as_object().unwrap() {
        item["object"][key] = value.clone();
    }
    item
}

fn hidden(item: Value) -> Value {
    with(item, &json!({"univentionObjectFlag": ["hidden"]}))
}

// SRC-20
#[test]
fn an_irrelevant_event_costs_no_call_and_one_record_and_relevant_ones_are_seen_to_count() {
    paused(async {
        let mut bench = Bench::new();
        let marker = Marker::new("univentionObjectFlag=hidden").unwrap();
        bench.provisioned = Scope {
            exclude_marked: vec![Applies::new(None, marker)],
            on_leave: [(ObjectKind::Group, OnLeave::Keep)].into(),
            ..Scope::default()
        };
        let names: Vec<String> = (0..20).map(|n| format!("m{n}")).collect();
        let members: Vec<&str> = names.iter().map(String::as_str).collect();
        bench.queue.put(&file(0), &context(1));
        for (name, n) in members.iter().zip(1..) {
            bench.queue.put(&file(n), &user(name, 1));
        }
        let team = group("team", &members);
        bench.queue.put(&file(50), &team);
        bench.queue.put(&file(51), &group("kept", &members));
        bench.queue.put(&file(52), &hidden(user("dora", 1)));
        run_once(&bench).await;
        let store = Arc::new(Counted {
            store: bench.store.clone(),
            records: AtomicUsize::new(0),
            others: AtomicUsize::new(0),
        });
        let engine = bench.start_on(store.clone(), Until::Told);
        until(&engine, |s| s.read).await;
        let nobody = with(user("carl", 1), &json!({"isOxUser": "Not"}));
        let no_group = with(group("plain", &members), &json!({"isOxGroup": false}));
        let events = [
            ("a user who is no OX user", nobody.clone()),
            ("his change", with(nobody.clone(), &json!({"lastname": "Z"}))),
            ("his deletion", gone(nobody)),
            ("a group that is no OX group", no_group.clone()),
            ("one member more in it", with(no_group.clone(), &json!({"users": ["uid=m1,dc=x"]}))),
            ("its deletion", gone(no_group)),
            ("somebody out of scope", hidden(user("emil", 1))),
            ("his change", with(hidden(user("dora", 1)), &json!({"lastname": "Z"}))),
            ("his deletion", gone(user("dora", 1))),
            ("a group out of scope", hidden(group("hidden", &members))),
            ("a group that has left and is kept", hidden(group("kept", &members))),
            ("a member less in it", hidden(group("kept", &["m1"]))),
            ("a property that is not mapped", with(user("m1", 1), &json!({"shoe": 42}))),
            ("the same once more", with(user("m1", 1), &json!({"shoe": 42}))),
            ("a group's description", with(team.clone(), &json!({"description": "x"}))),
            ("a context as it is", context(1)),
        ];
        store.take();
        let calls = bench.ox.log().len();
        for ((what, item), n) in events.iter().zip(100u32..) {
            bench.queue.put(&file(n), item);
            let taken = u64::from(n - 99);
            until(&engine, |s| s.taken_in == taken && s.pending == 0).await;
            let (records, others) = store.take();
            assert!(records <= 1 && others == 0, "{what}: {records} records, {others} others");
            assert_eq!(bench.ox.log().len(), calls, "{what}");
        }
        assert_eq!(usize::try_from(engine.snapshots().borrow().no_op).unwrap(), events.len());
        // The counters do count.
        bench.queue.put(&file(200), &with(user("m1", 1), &json!({"lastname": "Z"})));
        until(&engine, |s| s.applied == 1).await;
        assert!(store.take().0 >= 1 && bench.ox.log().len() > calls);
    });
}
