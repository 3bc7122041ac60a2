//! What holds for every [`Store`]: each rule is checked against both implementations, and a law
//! says that they cannot be told apart.

mod law;
mod ledger;

use serde_json::json;

use super::*;
use crate::model::Secret;

/// Runs a test against a fresh store of each kind.
fn both(keep_outcomes: usize, check: impl Fn(&dyn Store)) {
    check(&MemoryStore::keeping(keep_outcomes));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("drover.db");
    check(&SqliteStore::open_keeping(&path, keep_outcomes).unwrap());
}

fn id(text: &str) -> ObjectId {
    ObjectId::new(text)
}

fn key(text: &str) -> DnKey {
    Dn::new(text).key().clone()
}

fn put(object: &str, dn: &str) -> Change {
    Change::PutObject {
        id: id(object),
        kind: ObjectKind::User,
        dn: Dn::new(dn),
        properties: None,
        members: Vec::new(),
    }
}

fn put_group(object: &str, members: &[&str]) -> Change {
    Change::PutObject {
        id: id(object),
        kind: ObjectKind::Group,
        dn: Dn::new(&format!("cn={object},dc=x")),
        properties: None,
        members: members.iter().map(|dn| key(dn)).collect(),
    }
}

fn place(object: &str, context: u32) -> Change {
    Change::PutPlacement {
        id: id(object),
        context: ContextId(context),
        placement: Placement::Context {
            name: object.to_owned(),
            quota_mb: -1,
            extras: crate::model::ContextExtras::default(),
        },
    }
}

fn mark(object: &str, context: u32) -> Mark {
    Mark { object: id(object), context: ContextId(context) }
}

#[test]
fn contexts_are_doubted_until_that_is_cleared_or_they_are_gone() {
    both(10, |store| {
        let doubt = |context| Change::Doubt { context: ContextId(context) };
        store.commit(&[vec![doubt(7), doubt(3), doubt(7), doubt(5)]]).unwrap();
        store.commit(&[vec![Change::ClearDoubt { context: ContextId(3) }]]).unwrap();
        assert_eq!(store.doubts().unwrap(), [ContextId(5), ContextId(7)]);
        store.commit(&[vec![Change::DropContext { context: ContextId(5) }]]).unwrap();
        assert_eq!(store.doubts().unwrap(), [ContextId(7)]);
    });
}

#[test]
fn a_number_that_is_not_known_is_none() {
    both(10, |store| {
        let data = ResourceData::default();
        let placement = Placement::Resource { ox: OxId::UNKNOWN, data };
        assert_eq!(placement.ox_id(), None);
        let place = Change::PutPlacement { id: id("r"), context: ContextId(1), placement };
        store.commit(&[vec![put("r", "cn=r"), place.clone()]]).unwrap();
        let record = store.object(&id("r")).unwrap().unwrap();
        let Change::PutPlacement { placement, .. } = place else { panic!() };
        assert_eq!(record.placements[&ContextId(1)], placement);
    });
}

fn outcome(item: &str, ended_ms: i64) -> ItemOutcome {
    ItemOutcome {
        item: ItemName::new(item),
        digest: [7; 32],
        object: None,
        kind: None,
        fate: Fate::Applied,
        attempts: 1,
        last_fault: None,
        exception_id: None,
        ended_ms,
    }
}

fn end(item: &str) -> Change {
    Change::End(outcome(item, 1))
}

fn fault(item: &str, attempts: u32) -> FaultRecord {
    FaultRecord {
        item: ItemName::new(item),
        context: Some(ContextId(7)),
        object: Some(id("u")),
        class: "InvalidDataException".to_owned(),
        text: "Illegal chars: \"&\"".to_owned(),
        exception_id: Some("1-2".to_owned()),
        fingerprint: fingerprint("InvalidDataException", "Illegal chars: \"&\""),
        attempts,
        first_ms: 1,
        last_ms: 2,
    }
}

fn formers(store: &dyn Store, object: &str) -> Vec<DnKey> {
    store.object(&id(object)).unwrap().unwrap().former_dns
}

fn item_names(store: &dyn Store, limit: usize) -> Vec<String> {
    let outcomes = store.outcomes(limit).unwrap();
    outcomes.into_iter().map(|outcome| outcome.item.as_str().to_owned()).collect()
}

#[test]
fn former_dns_are_kept_oldest_first_and_none_is_also_the_present_one() {
    both(9, |store| {
        store.commit(&[vec![put("u", "uid=a"), put("u", "uid=b"), put("u", "uid=c")]]).unwrap();
        assert_eq!(formers(store, "u"), [key("uid=a"), key("uid=b")]);
        store.commit(&[vec![put("u", "UID=C")]]).unwrap();
        assert_eq!(formers(store, "u"), [key("uid=a"), key("uid=b")], "the same DN in capitals");
        assert_eq!(store.object(&id("u")).unwrap().unwrap().dn.as_str(), "UID=C");
        store.commit(&[vec![put("u", "uid=a")]]).unwrap();
        assert_eq!(formers(store, "u"), [key("uid=b"), key("uid=c")], "back to the first");
    });
}

#[test]
fn a_former_dn_that_another_object_takes_is_lost() {
    both(9, |store| {
        store.commit(&[vec![put("old", "uid=a"), put("old", "uid=b")]]).unwrap();
        store.commit(&[vec![put("new", "uid=a")]]).unwrap();
        assert_eq!(formers(store, "old"), []);
        store.commit(&[vec![put("new", "uid=c")]]).unwrap();
        assert_eq!(formers(store, "new"), [key("uid=a")], "now it was new's");
        assert_eq!(formers(store, "old"), []);
    });
}

#[test]
fn a_dn_taken_before_its_holder_left_does_not_become_a_former_one() {
    both(9, |store| {
        store.commit(&[vec![put("one", "uid=a"), put("two", "uid=a")]]).unwrap();
        store.commit(&[vec![put("one", "uid=b")]]).unwrap();
        assert_eq!(formers(store, "one"), [], "uid=a is two's");
        store.commit(&[vec![Change::ForgetObject { id: id("two") }]]).unwrap();
        store.commit(&[vec![put("one", "uid=c")]]).unwrap();
        assert_eq!(formers(store, "one"), [key("uid=b")]);
    });
}

/// Rules: P6
#[test]
fn a_renamed_user_is_found_in_groups_that_name_him_as_before_or_as_now() {
    both(9, |store| {
        store
            .commit(&[vec![
                put("u", "uid=a"),
                put_group("g2", &["uid=a", "UID=A", "uid=z"]),
                put_group("g1", &["uid=b"]),
                put_group("g3", &["uid=z"]),
                put("u", "uid=b"),
            ]])
            .unwrap();
        let user = store.object(&id("u")).unwrap().unwrap();
        let mut names = user.former_dns.clone();
        names.push(user.dn.key().clone());
        assert_eq!(store.naming(&names).unwrap(), [id("g1"), id("g2")]);
        assert_eq!(store.naming(&[key("UID=B")]).unwrap(), [id("g1")]);
        store.commit(&[vec![put_group("g2", &["uid=b"]), put_group("g1", &[])]]).unwrap();
        assert_eq!(store.naming(&names).unwrap(), [id("g2")]);
        store.commit(&[vec![Change::ForgetObject { id: id("g2") }]]).unwrap();
        assert_eq!(store.naming(&names).unwrap(), []);
        assert_eq!(store.naming(&[]).unwrap(), []);
    });
}

/// Rules: P7
#[test]
fn putting_an_object_again_keeps_its_placements_and_forgetting_it_takes_all() {
    both(9, |store| {
        let journey = Journey {
            from: ContextId(1),
            to: ContextId(2),
            ox: OxId(5),
            name: "n".to_owned(),
            copying: true,
        };
        store
            .commit(&[
                vec![put("u", "uid=a"), place("u", 1), Change::SetMark(mark("u", 1))],
                vec![Change::PutJourney { id: id("u"), journey: Some(journey.clone()) }],
                vec![put("u", "uid=b"), Change::SetMark(mark("u", 1))],
            ])
            .unwrap();
        let record = store.object(&id("u")).unwrap().unwrap();
        assert_eq!(record.placements.keys().collect::<Vec<_>>(), [&ContextId(1)]);
        assert_eq!(record.journey, Some(journey));
        assert_eq!(store.marks().unwrap(), [mark("u", 1)], "set twice is one mark");
        store.commit(&[vec![Change::ForgetObject { id: id("u") }]]).unwrap();
        assert_eq!(store.object(&id("u")).unwrap(), None);
        assert_eq!(store.marks().unwrap(), []);
        store.commit(&[vec![put("u", "uid=b")]]).unwrap();
        let record = store.object(&id("u")).unwrap().unwrap();
        assert!(record.placements.is_empty() && record.former_dns.is_empty());
        assert_eq!(record.journey, None);
    });
}

#[test]
fn dropping_a_context_takes_placements_and_marks_in_it_and_no_others() {
    both(9, |store| {
        store
            .commit(&[vec![
                put("a", "uid=a"),
                put("b", "uid=b"),
                place("a", 1),
                place("a", 2),
                place("b", 1),
                Change::SetMark(mark("a", 1)),
                Change::SetMark(mark("a", 2)),
            ]])
            .unwrap();
        store.commit(&[vec![Change::DropContext { context: ContextId(1) }]]).unwrap();
        let left = |object| {
            let record = store.object(&id(object)).unwrap().unwrap();
            record.placements.into_keys().collect::<Vec<_>>()
        };
        assert_eq!(left("a"), [ContextId(2)]);
        assert_eq!(left("b"), []);
        assert_eq!(store.marks().unwrap(), [mark("a", 2)]);
        store
            .commit(&[vec![Change::DropPlacement { id: id("a"), context: ContextId(2) }]])
            .unwrap();
        assert_eq!(left("a"), []);
    });
}

#[test]
fn a_commit_with_a_mistake_in_it_leaves_nothing() {
    both(9, |store| {
        store.commit(&[vec![put("u", "uid=a")]]).unwrap();
        let mistakes = [
            place("nobody", 1),
            Change::PutJourney {
                id: id("nobody"),
                journey: Some(Journey {
                    from: ContextId(1),
                    to: ContextId(2),
                    ox: OxId(1),
                    name: String::new(),
                    copying: false,
                }),
            },
        ];
        for mistake in mistakes {
            let error = store
                .commit(&[
                    vec![put("u", "uid=b"), put("v", "uid=v"), place("v", 1), end("i1")],
                    vec![Change::SetMark(mark("u", 1)), mistake, end("i2")],
                ])
                .unwrap_err();
            assert!(matches!(error, StoreError::UnknownObject { .. }), "{error}");
            assert_eq!(store.object(&id("v")).unwrap(), None);
            assert_eq!(store.object(&id("u")).unwrap().unwrap().dn, Dn::new("uid=a"));
            assert_eq!(formers(store, "u"), []);
            assert_eq!(store.marks().unwrap(), []);
            assert_eq!(store.outcomes(9).unwrap(), []);
        }
        // Forgotten earlier in the same commit is unknown as well.
        let forget = Change::ForgetObject { id: id("u") };
        assert!(store.commit(&[vec![forget], vec![place("u", 1)]]).is_err());
        assert!(store.object(&id("u")).unwrap().is_some());
    });
}

/// Rules: D50
#[test]
fn secrets_never_come_back() {
    let secret = Secret::new("hunter2");
    both(9, |store| {
        let properties = json!({"username": "x", "password": secret.reveal(), "jpegPhoto": "YWJj"});
        let serde_json::Value::Object(properties) = properties else { panic!() };
        let mut fields = UserFields::new();
        fields.set("password", secret.reveal());
        fields.set("image1", "YWJj");
        let put = Change::PutObject {
            id: id("u"),
            kind: ObjectKind::User,
            dn: Dn::new("uid=x"),
            properties: Some(properties),
            members: Vec::new(),
        };
        let placement = Placement::User {
            ox: OxId(3),
            name: "x".to_owned(),
            fields,
            access: None,
            beside: Beside::default(),
        };
        let place = Change::PutPlacement { id: id("u"), context: ContextId(1), placement };
        store.commit(&[vec![put, place]]).unwrap();
        let record = store.object(&id("u")).unwrap().unwrap();
        let stored = serde_json::to_string(&(record.properties, record.placements)).unwrap();
        assert!(!stored.contains(secret.reveal()));
        assert_eq!(stored.matches("\"sha256:").count(), 2, "both pictures by digest");
    });
}

#[test]
fn outcomes_come_newest_first_and_the_last_one_of_a_name_counts() {
    both(9, |store| {
        store.commit(&[vec![end("a"), end("b")], vec![end("c")]]).unwrap();
        store.commit(&[vec![Change::End(outcome("a", 5))]]).unwrap();
        assert_eq!(item_names(store, 9), ["a", "c", "b", "a"]);
        assert_eq!(item_names(store, 2), ["a", "c"]);
        assert_eq!(store.outcome(&ItemName::new("a")).unwrap(), Some(outcome("a", 5)));
        assert_eq!(store.outcome(&ItemName::new("z")).unwrap(), None);
    });
}

#[test]
fn old_outcomes_are_forgotten_in_small_steps() {
    both(2, |store| {
        store.commit(&[(0..5).map(|n| end(&format!("i{n}"))).collect()]).unwrap();
        assert_eq!(item_names(store, 9), ["i4", "i3"]);
        store.commit(&[vec![end("i3")]]).unwrap();
        assert_eq!(item_names(store, 9), ["i3", "i4"], "the older end of i3 went");
        assert_eq!(store.outcome(&ItemName::new("i0")).unwrap(), None);
    });
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("drover.db");
    let roomy = SqliteStore::open(&path).unwrap();
    roomy.commit(&[(0..200).map(|n| end(&format!("i{n}"))).collect()]).unwrap();
    drop(roomy);
    let tight = SqliteStore::open_keeping(&path, 10).unwrap();
    for left in [200 - PRUNE_STEP, 200 - 2 * PRUNE_STEP, 10, 10] {
        tight.commit(&[vec![put("u", "uid=a")]]).unwrap();
        assert_eq!(tight.outcomes(999).unwrap().len(), left);
    }
}

#[test]
fn profiles_come_in_the_order_of_the_items_that_made_them() {
    let version = |name: &str, since: &str, access| ProfileVersion {
        object: id("p"),
        name: name.to_owned(),
        since: ItemName::new(since),
        access,
    };
    both(9, |store| {
        let rights = ModuleAccess::from_words(["webmail"]).unwrap();
        // By text "…-5" would come after "…-10"; by time it comes after too, "-05" before.
        let later = version("pim", "2025-03-03-08-00-01-5.json", Some(rights));
        let first = version("pim", "2025-03-03-08-00-01-05.json", Some(ModuleAccess::NONE));
        let renamed = version("old", "2025-03-03-08-00-01-5.json", None);
        let put = |v: &ProfileVersion| Change::PutProfile(v.clone());
        store.commit(&[vec![put(&later), put(&first)], vec![put(&renamed), put(&later)]]).unwrap();
        assert_eq!(store.profiles().unwrap(), [first, renamed, later]);
    });
}

#[test]
fn an_item_has_one_fault_until_it_is_cleared_or_the_item_ends() {
    let faulty = |item: &str, attempts| Change::PutFault(fault(item, attempts));
    let bare = FaultRecord { context: None, object: None, exception_id: None, ..fault("x", 1) };
    both(9, |store| {
        // By text "…-5" would come after "…-10".
        let (early, late) = ("2025-03-03-08-00-01-10.json", "2025-03-03-08-00-01-5.json");
        let first = vec![faulty(late, 1), faulty(early, 1), Change::PutFault(bare.clone())];
        store.commit(&[first, vec![faulty(late, 2)]]).unwrap();
        assert_eq!(store.faults().unwrap(), [fault(early, 1), fault(late, 2), bare.clone()]);
        let clear = Change::ClearFault { item: ItemName::new("x") };
        store.commit(&[vec![clear.clone(), clear]]).unwrap();
        store.commit(&[vec![end(late)]]).unwrap();
        assert_eq!(store.faults().unwrap(), [fault(early, 1)]);
        store.commit(&[vec![end(early), faulty(early, 1)]]).unwrap();
        assert_eq!(store.faults().unwrap(), [fault(early, 1)], "a new file under an old name");
        let mistake = [vec![end(early), faulty("y", 1), place("nobody", 1)]];
        assert!(store.commit(&mistake).is_err());
        assert_eq!(store.faults().unwrap(), [fault(early, 1)]);
    });
}
