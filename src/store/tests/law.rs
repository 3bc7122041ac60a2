//! Random commits leave both implementations answering every query alike.

use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use super::super::*;
use crate::model::fields::USER_FIELDS;
use crate::model::{FieldValue, ParkReason, UserField};

/// Small worlds, so that objects, DNs and items meet often.
const IDS: [&str; 5] = ["a", "b", "c", "d", "e"];
const DNS: [&str; 6] =
    ["uid=1,dc=x", "uid=2,dc=x", "UID=2, dc=x", "cn=3,dc=x", r#"cn="odd, dc=x"#, r"cn=\C3,dc=x"];
const ITEMS: [&str; 6] = [
    "2025-03-03-08-00-01-1.json",
    "2025-03-03-08-00-01-05.json",
    "2025-03-03-08-00-02.json",
    "odd.json",
    "other.json",
    "2024-12-31-23-59-59.json",
];

fn object_id() -> impl Strategy<Value = ObjectId> {
    select(&IDS[..]).prop_map(ObjectId::new)
}

fn dn() -> impl Strategy<Value = Dn> {
    select(&DNS[..]).prop_map(Dn::new)
}

fn context() -> impl Strategy<Value = ContextId> {
    (1u32..4).prop_map(ContextId)
}

fn ox() -> impl Strategy<Value = OxId> {
    (2u32..9).prop_map(OxId)
}

fn item() -> impl Strategy<Value = ItemName> {
    select(&ITEMS[..]).prop_map(ItemName::new)
}

fn access() -> impl Strategy<Value = Option<ModuleAccess>> {
    option::of(vec(0usize..26, 0..4).prop_map(|rights| {
        let mut access = ModuleAccess::NONE;
        for right in rights {
            access.set(right, true);
        }
        access
    }))
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-zß\"\\\\]{0,6}".prop_map(Value::from),
        vec("[a-z]{0,3}", 0..3).prop_map(Value::from),
        Just(json!({"password": "x", "kept": [1]})),
    ]
}

fn properties() -> impl Strategy<Value = Properties> {
    let names = select(&["username", "phone", "jpegPhoto", "userPassword", "krb5Key", "x"][..]);
    vec((names.prop_map(str::to_owned), value()), 0..5).prop_map(|list| list.into_iter().collect())
}

fn fields() -> impl Strategy<Value = UserFields> {
    let value = prop_oneof![
        any::<bool>().prop_map(FieldValue::from),
        any::<i64>().prop_map(FieldValue::from),
        "[a-zß\"]{0,6}".prop_map(FieldValue::from),
        vec("[a-z@]{0,4}", 0..3).prop_map(FieldValue::from),
    ];
    vec((0..USER_FIELDS.len(), value), 0..6).prop_map(|list| {
        let mut fields = UserFields::new();
        for (index, value) in list {
            if let Some(field) = UserField::named(USER_FIELDS[index].name) {
                fields.insert(field, value);
            }
        }
        fields
    })
}

fn placement() -> impl Strategy<Value = Placement> {
    let name = "[a-zß]{0,4}";
    let member = (ox(), name, option::of(name), name)
        .prop_map(|(ox, name, personal, login)| AccountMember { ox, name, personal, login });
    prop_oneof![
        (name, any::<i64>()).prop_map(|(name, quota_mb)| {
            let extras = crate::model::ContextExtras::default();
            Placement::Context { name, quota_mb, extras }
        }),
        (ox(), name, fields(), access(), option::of(name)).prop_map(
            |(ox, name, fields, access, sender_name)| {
                let beside = Beside { sender_name, ..Beside::default() };
                Placement::User { ox, name, fields, access, beside }
            }
        ),
        (ox(), name, btree_map(object_id(), ox(), 0..3))
            .prop_map(|(ox, name, members)| Placement::Group { ox, name, members }),
        (name, btree_map(object_id(), member, 0..3))
            .prop_map(|(address, members)| Placement::Account { address, members }),
        (ox(), option::of(name), option::of(any::<bool>())).prop_map(|(ox, name, available)| {
            let data = ResourceData { name, available, ..ResourceData::default() };
            Placement::Resource { ox, data }
        }),
    ]
}

fn journey() -> impl Strategy<Value = Journey> {
    (context(), context(), ox(), "[a-z]{1,3}", any::<bool>())
        .prop_map(|(from, to, ox, name, copying)| Journey { from, to, ox, name, copying })
}

fn mark() -> impl Strategy<Value = Mark> {
    (object_id(), context()).prop_map(|(object, context)| Mark { object, context })
}

fn open_fate() -> impl Strategy<Value = Fate> {
    let reason = select(&[ParkReason::Fault, ParkReason::Operator, ParkReason::Guard][..]);
    prop_oneof![
        Just(Fate::Pending),
        (any::<u32>(), option::of(any::<i64>()))
            .prop_map(|(attempts, next_ms)| Fate::Faulty { attempts, next_ms }),
        (reason, option::of("[a-z ]{0,5}"))
            .prop_map(|(reason, note)| Fate::Parked { reason, note }),
        item().prop_map(|by| Fate::Blocked { by }),
    ]
}

fn digest() -> impl Strategy<Value = [u8; 32]> {
    (0u8..3).prop_map(|byte| [byte; 32])
}

fn scope() -> impl Strategy<Value = HoldScope> {
    prop_oneof![Just(HoldScope::Target), context().prop_map(HoldScope::Context)]
}

fn act() -> impl Strategy<Value = OperatorAct> {
    let verb = prop_oneof![
        item().prop_map(Verb::Park),
        item().prop_map(Verb::Release),
        item().prop_map(Verb::Drop),
        scope().prop_map(Verb::Hold),
        scope().prop_map(Verb::Resume),
    ];
    (verb, option::of("[a-zß\"]{0,5}"), any::<i64>()).prop_map(|(verb, note, at_ms)| OperatorAct {
        verb,
        note,
        at_ms,
    })
}

fn take_in() -> impl Strategy<Value = Change> {
    let what = (option::of(object_id()), option::of(select(&ObjectKind::ALL[..])));
    (item(), digest(), what, any::<i64>()).prop_map(|(item, digest, (object, kind), at_ms)| {
        Change::TakeIn { item, digest, object, kind, at_ms }
    })
}

/// Whatever happens to items.
pub(super) fn item_change() -> impl Strategy<Value = Change> {
    let hold = (scope(), option::of("[a-z]{0,4}"), any::<i64>())
        .prop_map(|(scope, note, since_ms)| Hold { scope, note, since_ms });
    prop_oneof![
        6 => take_in(),
        3 => (item(), prop_oneof![open_fate(), fate()])
            .prop_map(|(item, fate)| Change::SetFate { item, fate }),
        4 => outcome().prop_map(Change::End),
        3 => fault().prop_map(Change::PutFault),
        1 => item().prop_map(|item| Change::ClearFault { item }),
        1 => act().prop_map(Change::Act),
        1 => hold.prop_map(Change::PutHold),
        1 => scope().prop_map(Change::ClearHold),
    ]
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        Just(Fate::Applied),
        "[a-z ]{0,5}".prop_map(|reason| Fate::NoOp { reason }),
        item().prop_map(|by| Fate::Superseded { by }),
        "[a-z ]{0,5}".prop_map(|reason| Fate::Dropped { reason }),
        Just(Fate::removed_by_hand()),
    ]
}

fn outcome() -> impl Strategy<Value = ItemOutcome> {
    let who = (item(), digest(), option::of(object_id()));
    let how = (option::of(select(&ObjectKind::ALL[..])), fate(), any::<u32>());
    let why = (option::of("[a-z]{0,4}"), option::of("[0-9-]{0,4}"), any::<i64>());
    (who, how, why).prop_map(
        |((item, digest, object), (kind, fate, attempts), (last_fault, exception_id, ended_ms))| {
            ItemOutcome {
                item,
                digest,
                object,
                kind,
                fate,
                attempts,
                last_fault,
                exception_id,
                ended_ms,
            }
        },
    )
}

fn fault() -> impl Strategy<Value = FaultRecord> {
    let who = (item(), option::of(context()), option::of(object_id()));
    let what = ("[A-Z]{1,3}", "[a-z0-9\"']{0,6}", option::of("[0-9-]{0,4}"));
    (who, what, any::<(u32, i64, i64)>()).prop_map(
        |((item, context, object), (class, text, exception_id), (attempts, first_ms, last_ms))| {
            FaultRecord {
                item,
                context,
                object,
                fingerprint: fingerprint(&class, &text),
                class,
                text,
                exception_id,
                attempts,
                first_ms,
                last_ms,
            }
        },
    )
}

fn change() -> impl Strategy<Value = Change> {
    let put = (
        object_id(),
        select(&ObjectKind::ALL[..]),
        dn(),
        option::of(properties()),
        vec(dn().prop_map(|dn| dn.key().clone()), 0..4),
    )
        .prop_map(|(id, kind, dn, properties, members)| Change::PutObject {
            id,
            kind,
            dn,
            properties,
            members,
        });
    prop_oneof![
        8 => put,
        1 => object_id().prop_map(|id| Change::ForgetObject { id }),
        4 => (object_id(), context(), placement())
            .prop_map(|(id, context, placement)| Change::PutPlacement { id, context, placement }),
        1 => (object_id(), context())
            .prop_map(|(id, context)| Change::DropPlacement { id, context }),
        1 => context().prop_map(|context| Change::DropContext { context }),
        2 => (object_id(), context(), placement())
            .prop_map(|(id, context, placement)| Change::Begin { id, context, placement }),
        1 => (object_id(), context()).prop_map(|(id, context)| Change::ClearBegin { id, context }),
        2 => (object_id(), option::of(journey()))
            .prop_map(|(id, journey)| Change::PutJourney { id, journey }),
        1 => (object_id(), select(&["n", "m"][..]), item(), access()).prop_map(
            |(object, name, since, access)| {
                let name = name.to_owned();
                Change::PutProfile(ProfileVersion { object, name, since, access })
            }
        ),
        2 => mark().prop_map(Change::SetMark),
        1 => mark().prop_map(Change::ClearMark),
        2 => mark().prop_map(Change::SetRepair),
        1 => mark().prop_map(Change::ClearRepair),
        16 => item_change(),
    ]
}

/// The answers to every question there is about this small world.
#[derive(Debug, PartialEq)]
struct Answers {
    objects: BTreeMap<ObjectId, ObjectRecord>,
    single: Vec<Option<ObjectRecord>>,
    naming: Vec<Vec<ObjectId>>,
    marks: Vec<Mark>,
    repairs: Vec<Mark>,
    profiles: Vec<ProfileVersion>,
    faults: Vec<FaultRecord>,
    outcome: Vec<Option<ItemOutcome>>,
    outcomes: Vec<ItemOutcome>,
    open: Vec<ItemRecord>,
    histories: Vec<Vec<ItemRecord>>,
    holds: Vec<Hold>,
    holders: Vec<Vec<ObjectId>>,
    audit: Audit,
}

fn ask(store: &dyn Store) -> Answers {
    let mut objects = BTreeMap::new();
    store
        .objects(&mut |record| {
            assert!(objects.insert(record.id.clone(), record).is_none(), "an object came twice");
        })
        .unwrap();
    let keys: Vec<DnKey> = DNS.iter().map(|dn| Dn::new(dn).key().clone()).collect();
    let mut naming: Vec<_> =
        keys.iter().map(|key| store.naming(std::slice::from_ref(key)).unwrap()).collect();
    naming.push(store.naming(&keys).unwrap());
    let of_objects = IDS.iter().map(|id| store.history(&ObjectId::new(id), 3).unwrap());
    let of_items = ITEMS.iter().map(|item| store.item_history(&ItemName::new(item), 9).unwrap());
    Answers {
        single: IDS.iter().map(|id| store.object(&ObjectId::new(id)).unwrap()).collect(),
        objects,
        naming,
        marks: store.marks().unwrap(),
        repairs: store.repairs().unwrap(),
        profiles: store.profiles().unwrap(),
        faults: store.faults().unwrap(),
        outcome: ITEMS.iter().map(|item| store.outcome(&ItemName::new(item)).unwrap()).collect(),
        outcomes: store.outcomes(99).unwrap(),
        open: store.open_items().unwrap(),
        histories: of_objects.chain(of_items).collect(),
        holds: store.holds().unwrap(),
        holders: keys.iter().map(|key| store.holders(key).unwrap()).collect(),
        audit: store.audit().unwrap(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Commits with a mistake in them come up too: both must refuse those, and stay as they were.
    #[test]
    fn both_stores_answer_alike_whatever_was_committed(
        batches in vec(vec(vec(change(), 0..6), 0..3), 1..8),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("drover.db");
        let memory = MemoryStore::keeping(3);
        let sqlite = SqliteStore::open_keeping(&path, 3).unwrap();
        let mut before = ask(&memory);
        for batch in &batches {
            let done = memory.commit(batch).map_err(|e| e.to_string());
            prop_assert_eq!(&done, &sqlite.commit(batch).map_err(|e| e.to_string()));
            let after = ask(&memory);
            prop_assert_eq!(&ask(&sqlite), &after);
            if done.is_err() {
                prop_assert_eq!(&after, &before);
            }
            // The list of all and the single look-ups tell the same story.
            let listed: Vec<_> =
                IDS.iter().map(|id| after.objects.get(&ObjectId::new(id)).cloned()).collect();
            prop_assert_eq!(&listed, &after.single);
            before = after;
        }
        drop(sqlite);
        let reopened = SqliteStore::open_keeping(&path, 3).unwrap();
        prop_assert_eq!(ask(&reopened), before);
    }

    #[test]
    fn a_dn_is_the_former_one_of_one_object_at_most_and_nobody_elses_present_one(changes in vec(change(), 0..40)) {
        let store = MemoryStore::new();
        for change in changes {
            let _ = store.commit(&[vec![change]]);
        }
        let records = ask(&store).objects;
        for record in records.values() {
            for former in &record.former_dns {
                for other in records.values() {
                    prop_assert!(other.dn.key() != former, "{former:?} is held by {:?}", other.id);
                    prop_assert!(other.id == record.id || !other.former_dns.contains(former));
                }
            }
        }
    }
}
