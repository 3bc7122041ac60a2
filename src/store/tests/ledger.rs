//! Items from intake to end, and the ledger that tells of them.

use std::collections::BTreeMap;
use std::path::Path;

use proptest::collection::vec;
use proptest::prelude::*;
use rusqlite::{Connection, params};

use super::super::ledger::{Broken, Damage, Gap, GapKind};
use super::law::item_change;
use super::*;
use crate::model::ParkReason;

fn take_in(item: &str, digest: u8, at_ms: i64) -> Change {
    Change::TakeIn {
        item: ItemName::new(item),
        digest: [digest; 32],
        object: Some(id("u")),
        kind: Some(ObjectKind::User),
        at_ms,
    }
}

fn end_as(item: &str, digest: u8, fate: Fate) -> Change {
    Change::End(ItemOutcome { digest: [digest; 32], fate, ..outcome(item, 9) })
}

fn set(item: &str, fate: Fate) -> Change {
    Change::SetFate { item: ItemName::new(item), fate }
}

fn fates(store: &dyn Store, item: &str) -> Vec<(u64, Fate)> {
    let items = store.item_history(&ItemName::new(item), 99).unwrap();
    items.into_iter().map(|item| (item.intake, item.fate)).collect()
}

#[test]
fn an_item_is_taken_in_once_for_each_content_of_its_file() {
    both(99, |store| {
        store.commit(&[vec![take_in("a", 1, 5), take_in("a", 1, 6)]]).unwrap();
        assert_eq!(fates(store, "a"), [(1, Fate::Pending)]);
        store.commit(&[vec![take_in("a", 2, 7)]]).unwrap();
        assert_eq!(fates(store, "a"), [(2, Fate::Pending), (1, Fate::rewritten())]);
        store.commit(&[vec![end_as("a", 2, Fate::Applied), take_in("a", 2, 8)]]).unwrap();
        assert_eq!(fates(store, "a"), [(2, Fate::Applied), (1, Fate::rewritten())], "2 is done");
        store.commit(&[vec![take_in("a", 1, 8)]]).unwrap();
        assert_eq!(fates(store, "a")[0], (3, Fate::Pending), "1 came back");
        let open = store.open_items().unwrap();
        assert_eq!((open.len(), open[0].taken_ms, open[0].ended_ms), (1, 8, None));
        assert_eq!(store.outcome(&ItemName::new("a")).unwrap().unwrap().digest, [2; 32]);
    });
}

#[test]
fn a_file_that_was_put_back_is_taken_in_again_and_one_that_was_dropped_on_purpose_not() {
    both(99, |store| {
        let dropped = Fate::Dropped { reason: "not wanted".to_owned() };
        store.commit(&[vec![end_as("a", 1, dropped.clone()), take_in("a", 1, 9)]]).unwrap();
        assert_eq!(fates(store, "a"), [(1, dropped)]);
        store.commit(&[vec![end_as("b", 1, Fate::removed_by_hand())]]).unwrap();
        store.commit(&[vec![take_in("b", 1, 9), take_in("b", 2, 9), take_in("b", 1, 9)]]).unwrap();
        assert_eq!(
            fates(store, "b"),
            [
                (5, Fate::Pending),
                (4, Fate::rewritten()),
                (3, Fate::rewritten()),
                (2, Fate::removed_by_hand())
            ]
        );
    });
}

#[test]
fn an_item_that_was_not_taken_in_is_by_its_end() {
    both(99, |store| {
        store.commit(&[vec![take_in("a", 1, 5), end_as("a", 2, Fate::Applied)]]).unwrap();
        assert_eq!(fates(store, "a"), [(2, Fate::Applied), (1, Fate::Pending)]);
        let ended = &store.item_history(&ItemName::new("a"), 1).unwrap()[0];
        assert_eq!((ended.taken_ms, ended.ended_ms), (9, Some(9)));
        let audit = store.audit().unwrap();
        assert_eq!((audit.counts.taken_in, audit.counts.entries, audit.gap), (2, 3, None));
    });
}

#[test]
fn open_fates_follow_each_other_and_only_an_end_is_final() {
    both(99, |store| {
        let faulty = Fate::Faulty { attempts: 4, next_ms: Some(70) };
        let parked = Fate::Parked { reason: ParkReason::Fault, note: None };
        let blocked = Fate::Blocked { by: ItemName::new("b") };
        store.commit(&[vec![take_in("a", 1, 5)]]).unwrap();
        for fate in [faulty, parked, blocked.clone()] {
            store.commit(&[vec![set("a", fate.clone()), set("nobody", Fate::Pending)]]).unwrap();
            let open = store.open_items().unwrap();
            assert_eq!((&open[0].fate, open[0].attempts, open.len()), (&fate, 4, 1));
        }
        store.commit(&[vec![set("a", Fate::Applied)]]).unwrap();
        assert_eq!(fates(store, "a"), [(1, blocked)], "not by SetFate");
        store.commit(&[vec![end_as("a", 1, Fate::Applied), set("a", Fate::Pending)]]).unwrap();
        assert_eq!(fates(store, "a"), [(1, Fate::Applied)]);
        assert_eq!(store.open_items().unwrap(), []);
    });
}

#[test]
fn an_end_keeps_what_was_known_of_object_attempts_and_fault() {
    both(99, |store| {
        let faulty = Change::PutFault(fault("a", 6));
        store.commit(&[vec![take_in("a", 1, 5), faulty]]).unwrap();
        let by = ItemName::new("b");
        store.commit(&[vec![end_as("a", 1, Fate::Superseded { by: by.clone() })]]).unwrap();
        let history = store.history(&id("u"), 9).unwrap();
        let ended = history[0].outcome().unwrap();
        assert_eq!((ended.fate, ended.attempts), (Fate::Superseded { by }, 6));
        assert_eq!((ended.kind, ended.object), (Some(ObjectKind::User), Some(id("u"))));
        assert_eq!(ended.last_fault.as_deref(), Some("Illegal chars: \"&\""));
        assert_eq!(ended.exception_id.as_deref(), Some("1-2"));
        assert_eq!(store.faults().unwrap(), []);
    });
}

#[test]
fn a_history_is_of_one_object_newest_first() {
    both(99, |store| {
        let other = Change::TakeIn {
            item: ItemName::new("x"),
            digest: [0; 32],
            object: Some(id("v")),
            kind: None,
            at_ms: 1,
        };
        let items = ["c", "a", "b"].map(|item| take_in(item, 1, 5));
        store.commit(&[items.to_vec(), vec![other]]).unwrap();
        let names = |limit| {
            let history = store.history(&id("u"), limit).unwrap();
            history.iter().map(|item| item.item.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(names(9), ["b", "a", "c"]);
        assert_eq!(names(2), ["b", "a"]);
    });
}

#[test]
fn holds_are_one_for_each_scope_until_they_are_lifted() {
    let hold = |scope, note: &str| Hold { scope, note: Some(note.to_owned()), since_ms: 3 };
    both(9, |store| {
        let seven = HoldScope::Context(ContextId(7));
        let thirty = HoldScope::Context(ContextId(30));
        let puts = [hold(thirty, "x"), hold(HoldScope::Target, "y"), hold(seven, "z")];
        store.commit(&[puts.map(Change::PutHold).to_vec()]).unwrap();
        store.commit(&[vec![Change::PutHold(hold(seven, "again"))]]).unwrap();
        let expected = [hold(HoldScope::Target, "y"), hold(seven, "again"), hold(thirty, "x")];
        assert_eq!(store.holds().unwrap(), expected);
        store.commit(&[vec![Change::ClearHold(HoldScope::Target)]]).unwrap();
        store.commit(&[vec![Change::ClearHold(HoldScope::Target)]]).unwrap();
        assert_eq!(store.holds().unwrap(), expected[1..]);
    });
}

#[test]
fn a_dn_leads_to_whoever_has_it_or_else_had_it() {
    both(9, |store| {
        store.commit(&[vec![put("one", "uid=a"), put("one", "uid=b")]]).unwrap();
        assert_eq!(store.holders(&key("UID=A")).unwrap(), [id("one")]);
        store.commit(&[vec![put("two", "uid=a"), put("six", "uid=a")]]).unwrap();
        assert_eq!(store.holders(&key("uid=a")).unwrap(), [id("six"), id("two")]);
        assert_eq!(store.holders(&key("uid=c")).unwrap(), []);
    });
}

#[test]
fn what_is_pruned_is_summed_up_and_open_items_stay() {
    both(2, |store| {
        let mut commit = vec![take_in("stays", 1, 1)];
        for n in 0..6 {
            commit.push(take_in(&format!("i{n}"), 1, 1));
            let no_op = Fate::NoOp { reason: "x".to_owned() };
            commit.push(end_as(&format!("i{n}"), 1, if n < 3 { Fate::Applied } else { no_op }));
        }
        store.commit(&[commit]).unwrap();
        let audit = store.audit().unwrap();
        assert_eq!((audit.broken, audit.gap, audit.gaps), (None, None, 0));
        assert_eq!((audit.counts.taken_in, audit.counts.pruned), (7, 4));
        assert_eq!(audit.counts.fates, [3, 3, 0, 0, 1, 0, 0, 0]);
        assert_eq!(audit.counts.entries, 4, "two items, in and out");
        assert!(audit.counts.agree());
        assert_eq!(store.open_items().unwrap()[0].item.as_str(), "stays");
        assert_eq!(item_names(store, 9), ["i5", "i4"]);
        store.commit(&[vec![end_as("stays", 1, Fate::Applied), take_in("new", 1, 1)]]).unwrap();
        let audit = store.audit().unwrap();
        assert_eq!((audit.broken, audit.gap), (None, None));
        assert_eq!(audit.counts.fates, [4, 3, 0, 0, 1, 0, 0, 0]);
        assert_eq!(fates(store, "new")[0].0, 8, "no number is given twice");
    });
}

/// A ledger of some items, one of them open since before the oldest entry.
fn some_items(path: &Path) {
    let store = SqliteStore::open_keeping(path, 3).unwrap();
    let mut commit = vec![take_in("old", 1, 1)];
    for n in 0..5 {
        commit.push(take_in(&format!("i{n}"), 1, 10 + n));
        commit.push(end_as(&format!("i{n}"), 1, Fate::Applied));
    }
    let verb = Verb::Park(ItemName::new("old"));
    commit.push(Change::Act(OperatorAct { verb, note: Some("later".to_owned()), at_ms: 3 }));
    commit.push(take_in("open", 1, 90));
    store.commit(&[commit]).unwrap();
    assert_eq!(store.audit().unwrap().gaps, 0);
}

/// What an audit finds after `tamper` had its way with the database.
fn after(tamper: impl Fn(&Connection)) -> Audit {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("drover.db");
    some_items(&path);
    tamper(&Connection::open(&path).unwrap());
    SqliteReader::open(&path).unwrap().audit().unwrap()
}

fn after_sql(sql: &str) -> Audit {
    after(|db| assert_eq!(db.execute(sql, []).unwrap(), 1, "{sql}"))
}

#[test]
fn a_missing_item_is_named() {
    for (sql, intake, item, kind) in [
        ("DELETE FROM items WHERE item = 'i3'", Some(5), Some("i3"), GapKind::NoItem),
        ("DELETE FROM items WHERE item = 'open'", Some(7), Some("open"), GapKind::NoItem),
        ("DELETE FROM items WHERE item = 'old'", None, None, GapKind::Lost(1)),
        (
            "UPDATE items SET fate = '{\"fate\":\"dropped\"}' WHERE item = 'i3'",
            Some(5),
            Some("i3"),
            GapKind::Differs,
        ),
        ("UPDATE items SET fate = '{}' WHERE item = 'i3'", Some(5), Some("i3"), GapKind::Differs),
        ("UPDATE items SET kind = 'x' WHERE item = 'i3'", Some(5), Some("i3"), GapKind::Differs),
        (
            "UPDATE items SET ended_by = NULL WHERE item = 'i3'",
            Some(5),
            Some("i3"),
            GapKind::NotEnded,
        ),
        ("UPDATE items SET ended_by = 99 WHERE item = 'old'", Some(1), Some("old"), GapKind::NoEnd),
        (
            "INSERT INTO items SELECT 8, 'new', digest, object, kind, fate, 0, NULL, NULL, 1, NULL, \
             NULL FROM items WHERE item = 'open'",
            Some(8),
            Some("new"),
            GapKind::NoIntake,
        ),
    ] {
        let audit = after_sql(sql);
        assert_eq!(audit.broken, None, "{sql}");
        let item = item.map(str::to_owned);
        assert_eq!(audit.gap, Some(Gap { intake, item, kind }), "{sql}");
    }
}

#[test]
fn the_first_entry_that_does_not_fit_is_named() {
    let changed = |nr| Some(Broken { nr, damage: Damage::Changed });
    let missing = |nr| Some(Broken { nr, damage: Damage::Missing });
    // Entries 6 to 13 are left.
    for (sql, broken) in [
        ("UPDATE ledger SET at_ms = at_ms + 1 WHERE nr = 7", changed(7)),
        ("UPDATE ledger SET event = replace(event, 'open', 'Open') WHERE nr = 13", changed(13)),
        ("UPDATE ledger SET event = event || ' ' WHERE nr = 6", changed(6)),
        ("UPDATE ledger SET hash = zeroblob(32) WHERE nr = 13", changed(13)),
        ("UPDATE ledger SET hash = zeroblob(32) WHERE nr = 8", changed(8)),
        ("UPDATE ledger SET hash = zeroblob(0) WHERE nr = 8", changed(8)),
        ("DELETE FROM ledger WHERE nr = 13", missing(13)),
        ("DELETE FROM ledger WHERE nr = 6", missing(6)),
        ("DELETE FROM ledger WHERE nr = 9", missing(9)),
        ("UPDATE ledger SET nr = 99 WHERE nr = 9", missing(9)),
        (
            "INSERT INTO ledger VALUES (14, 1, '{}', zeroblob(32))",
            Some(Broken { nr: 14, damage: Damage::Foreign }),
        ),
        ("UPDATE ledger_anchor SET last_hash = zeroblob(32)", changed(13)),
        ("UPDATE ledger_anchor SET pruned_hash = zeroblob(32)", changed(6)),
    ] {
        assert_eq!(after_sql(sql).broken, broken, "{sql}");
    }
}

#[test]
fn an_entry_that_was_changed_is_still_told_of_after_it_was_pruned() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("drover.db");
    some_items(&path);
    let db = Connection::open(&path).unwrap();
    db.execute("UPDATE ledger SET at_ms = 0 WHERE nr = 7", []).unwrap();
    let store = SqliteStore::open_keeping(&path, 1).unwrap();
    store.commit(&[vec![take_in("next", 1, 1)]]).unwrap();
    let audit = store.audit().unwrap();
    assert_eq!(audit.broken, Some(Broken { nr: 7, damage: Damage::Pruned }));
    assert_eq!((audit.gap, audit.counts.pruned), (None, 4));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Any single changed byte of any entry is found, and so is its number.
    #[test]
    fn any_changed_byte_of_an_entry_is_found(
        changes in vec(item_change(), 1..20),
        keep in 0usize..4,
        place: prop::sample::Index,
        flip in 1u8..,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("drover.db");
        let store = SqliteStore::open_keeping(&path, keep).unwrap();
        for change in changes {
            store.commit(&[vec![change]]).unwrap();
        }
        let db = Connection::open(&path).unwrap();
        let rows: Vec<(i64, i64, Vec<u8>, Vec<u8>)> = db
            .prepare("SELECT nr, at_ms, CAST(event AS BLOB), hash FROM ledger")
            .unwrap()
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        // Every byte of every row in turn is one of these places.
        let sizes: Vec<usize> = rows.iter().map(|row| 16 + row.2.len() + row.3.len()).collect();
        prop_assume!(!rows.is_empty());
        let mut at = place.index(sizes.iter().sum());
        let mut row = 0;
        while at >= sizes[row] {
            at -= sizes[row];
            row += 1;
        }
        let (nr, at_ms, event, hash) = &rows[row];
        let flipped = |bytes: &[u8], at: usize| {
            let mut bytes = bytes.to_vec();
            bytes[at] ^= flip;
            bytes
        };
        let number = |number: &i64, at: usize| {
            i64::from_be_bytes(flipped(&number.to_be_bytes(), at).try_into().unwrap())
        };
        let (mut new_nr, mut new_ms) = (*nr, *at_ms);
        let (mut new_event, mut new_hash) = (event.clone(), hash.clone());
        if at < 8 {
            new_nr = number(nr, at);
        } else if at < 16 {
            new_ms = number(at_ms, at - 8);
        } else if at < 16 + event.len() {
            new_event = flipped(event, at - 16);
        } else {
            new_hash = flipped(hash, at - 16 - event.len());
        }
        let changed = db.execute(
            "UPDATE ledger SET nr = ?2, at_ms = ?3, event = CAST(?4 AS TEXT), hash = ?5 \
             WHERE nr = ?1",
            params![nr, new_nr, new_ms, new_event, new_hash],
        );
        // The number of another entry cannot be taken.
        prop_assume!(changed.is_ok());
        let broken = store.audit().unwrap().broken;
        prop_assert!(broken.is_some());
        if new_nr == *nr {
            prop_assert_eq!(broken.map(|broken| i64::try_from(broken.nr).unwrap()), Some(*nr));
        }
    }

    /// Whatever happens and however much is pruned: every item has one fate, and the ledger knows.
    #[test]
    fn intake_and_fates_always_agree(batches in vec(vec(item_change(), 0..30), 1..6), keep in 0usize..5) {
        let store = MemoryStore::keeping(keep);
        for batch in batches {
            store.commit(&[batch]).unwrap();
            let audit = store.audit().unwrap();
            prop_assert_eq!((audit.broken, &audit.gap, audit.gaps), (None, &None, 0));
            prop_assert!(audit.counts.agree(), "{:?}", audit.counts);
            let mut open: BTreeMap<_, u64> = BTreeMap::new();
            for item in store.open_items().unwrap() {
                prop_assert!(!item.fate.is_final());
                *open.entry(item.item).or_default() += 1;
            }
            prop_assert!(open.values().all(|count| *count == 1), "one of each name: {:?}", open);
            let ended = store.outcomes(usize::MAX).unwrap();
            prop_assert!(ended.iter().all(|item| item.fate.is_final()));
        }
    }
}

/// Run alone: `cargo test --lib -- --ignored --nocapture a_million_items`
#[test]
#[ignore = "measures for a minute"]
fn a_million_items_cost_microseconds_each() {
    const ITEMS: usize = 1_000_000;
    const SLICE: usize = 256;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("drover.db");
    let store = SqliteStore::open(&path).unwrap();
    let name = |n: usize| format!("2025-03-03-08-{:02}-{:02}-{:06}.json", n / 60 % 60, n % 60, n);
    let object = |n: usize| Some(id(&format!("0c9c5bda-ceea-4670-9b6c-{:012}", n / 4)));
    let each = |what: &str, change: &dyn Fn(usize) -> Change| {
        let begun = std::time::Instant::now();
        for from in (0..ITEMS).step_by(SLICE) {
            let commit = (from..ITEMS.min(from + SLICE)).map(change).collect();
            store.commit(&[commit]).unwrap();
        }
        let each = begun.elapsed() / u32::try_from(ITEMS).unwrap();
        eprintln!("{what}: {each:?} an item, in commits of {SLICE}");
        assert!(each.as_micros() < 200, "{what}: {each:?}");
    };
    each("taken in", &|n| Change::TakeIn {
        item: ItemName::new(&name(n)),
        digest: [7; 32],
        object: object(n),
        kind: Some(ObjectKind::User),
        at_ms: 1,
    });
    each("taken in again", &|n| Change::TakeIn {
        item: ItemName::new(&name(n)),
        digest: [7; 32],
        object: object(n),
        kind: Some(ObjectKind::User),
        at_ms: 1,
    });
    let size = |path: &Path| std::fs::metadata(path).unwrap().len();
    eprintln!("{} bytes an open item, with its entry", size(&path) / ITEMS as u64);
    let begun = std::time::Instant::now();
    assert!(store.audit().unwrap().is_sound());
    eprintln!("audit: {:.1} s", begun.elapsed().as_secs_f64());
    each("ended and pruned", &|n| {
        Change::End(ItemOutcome { object: object(n), ..outcome(&name(n), 5) })
    });
    let audit = store.audit().unwrap();
    assert!(audit.is_sound());
    assert_eq!(audit.counts.fates[0], ITEMS as u64);
}

#[test]
fn a_reader_sees_what_is_written_and_can_write_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("drover.db");
    assert!(SqliteReader::open(&path).is_err(), "there is none, and none is made");
    assert!(!path.exists());
    let store = SqliteStore::open(&path).unwrap();
    let reader = SqliteReader::open(&path).unwrap();
    store.commit(&[vec![take_in("a", 1, 1)]]).unwrap();
    assert_eq!(reader.history(&id("u"), 9).unwrap().len(), 1);
    let db = Connection::open(&path).unwrap();
    db.pragma_update(None, "user_version", 2).unwrap();
    assert!(matches!(SqliteReader::open(&path), Err(StoreError::Older { found: 2, .. })));
}
