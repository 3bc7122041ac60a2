//! Queue files: bytes → item.

use std::path::Path;
use std::sync::LazyLock;

use drover::demo::{Params, Workload};
use drover::model::{ItemName, ObjectKind, QueueFile};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::damage::{JSON_TRICKS, any_json, damage, damaged, soon};

/// Files as UCS writes them: recorded ones, and one of each kind in all its forms.
static GOOD: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/queue");
    let recorded =
        std::fs::read_dir(folder).unwrap().map(|e| std::fs::read(e.unwrap().path()).unwrap());
    let made = Workload::generate(Params { contexts: 2, users: 3, seed: 1 });
    recorded.chain(made.items().map(drover::demo::QueueItem::to_bytes)).collect()
});

/// Names of properties that are read.
const PROPERTIES: &[&str] = &[
    "username",
    "firstname",
    "lastname",
    "isOxUser",
    "oxAccess",
    "oxContext",
    "contextid",
    "name",
    "oxQuota",
    "mailPrimaryAddress",
    "mailAlternativeAddress",
    "birthday",
    "jpegPhoto",
    "users",
    "isOxGroup",
    "personal",
    "resourceMailAddress",
    "displayname",
    "webmail",
    "phone",
    "usm",
];

/// Reads it in time; what is wrong is told shortly and without what the file says of people.
fn read(bytes: &[u8]) -> Option<QueueFile> {
    match soon(|| QueueFile::parse(bytes)) {
        Ok(file) => Some(file),
        Err(problem) => {
            let told = problem.to_string();
            assert!(told.contains("JSON") || told.contains("field \""), "{told}");
            assert!(told.len() < 1_000, "{} bytes", told.len());
            None
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_an_item_or_a_reason(bytes in any::<Vec<u8>>()) {
        read(&bytes);
    }

    #[test]
    fn damaged_files_are_an_item_or_a_reason(
        which in any::<prop::sample::Index>(),
        damage in damage(JSON_TRICKS),
    ) {
        read(&damaged(&GOOD[which.index(GOOD.len())], &damage));
    }

    #[test]
    fn wrong_types_everywhere_are_an_item_or_a_reason(
        kind in prop::sample::select(&ObjectKind::ALL[..]),
        head in vec(any_json(), 4),
        odd in vec(any::<bool>(), 4),
        properties in vec((prop::sample::select(PROPERTIES), any_json()), 0..10),
    ) {
        let object: serde_json::Map<String, Value> =
            properties.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let mut file = json!({
            "id": "some", "udm_object_type": kind.udm_type(), "dn": "cn=a,dc=b", "object": object,
            "options": [],
        });
        for ((name, value), odd) in ["id", "dn", "object", "udm_object_type"].iter().zip(head).zip(odd) {
            if odd {
                file[*name] = value;
            }
        }
        if let Some(item) = read(file.to_string().as_bytes()) {
            prop_assert_eq!(item.object.is_some(), item.properties.is_some());
        }
    }

    #[test]
    fn any_file_name_has_its_place(one in ".{0,30}", other in "[0-9-]{0,40}(\\.json)?") {
        let (one, other) = (ItemName::new(&one), ItemName::new(&other));
        prop_assert_eq!(one.cmp(&other), other.cmp(&one).reverse());
        prop_assert_eq!(one == other, one.cmp(&other).is_eq());
    }
}

fn user(more: &str) -> String {
    format!(
        "{{\"id\": \"u\", \"udm_object_type\": \"users/user\", \"dn\": \"uid=a,dc=b\", \"options\": null, \
         \"object\": {{\"username\": \"a\", \"isOxUser\": true, \"oxContext\": 10, {more}}}}}"
    )
}

#[test]
fn deep_nesting_is_refused_and_does_not_overflow() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let deep = |depth: usize| format!("{}0{}", open.repeat(depth), close.repeat(depth));
        assert!(read(user(&format!("\"x\": {}", deep(100))).as_bytes()).is_some());
        for depth in [200, 1_000_000] {
            assert!(read(user(&format!("\"x\": {}", deep(depth))).as_bytes()).is_none());
            assert!(read(open.repeat(depth).as_bytes()).is_none());
        }
    }
}

#[test]
fn long_texts_and_lists_are_read_in_time() {
    let long = "x".repeat(4_000_000);
    assert!(read(user(&format!("\"firstname\": \"{long}\"")).as_bytes()).is_some());
    read(user(&format!("\"mailPrimaryAddress\": \"{long}\"")).as_bytes());
    read(user(&format!("\"oxContext\": \"{}\"", "9".repeat(4_000_000))).as_bytes());
    read(user(&format!("\"oxContext\": {}", "9".repeat(400_000))).as_bytes());
    let members = "\"uid=a,dc=b\",".repeat(200_000);
    let group = |members: &str| {
        format!(
            "{{\"id\": \"g\", \"udm_object_type\": \"groups/group\", \"dn\": \"cn=g\", \"object\": \
             {{\"name\": \"g\", \"isOxGroup\": \"OK\", \"users\": [{members}]}}}}"
        )
    };
    read(group(members.trim_end_matches(',')).as_bytes());
    for unit in ["uid=a,", "\\\\,", "a+", "\\\\2", "ü=\\\"", "="] {
        let dn = unit.repeat(1_000_000 / unit.len());
        read(group(&format!("\"{dn}\"")).as_bytes());
    }
    let doubled = "\"firstname\": \"a\",".repeat(200_000);
    assert!(read(user(doubled.trim_end_matches(',')).as_bytes()).is_some(), "the last counts");
}
