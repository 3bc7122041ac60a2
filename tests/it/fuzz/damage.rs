//! Ways to damage a text, and JSON that nobody meant.

use std::time::{Duration, Instant};

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

/// Longest time for any input of these tests; they take milliseconds, in a debug build, too.
pub const SOON: Duration = Duration::from_secs(10);

/// Does it in time.
pub fn soon<T>(act: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let done = act();
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    done
}

/// One way; places are shares of the length.
#[derive(Debug, Clone)]
pub enum Damage {
    Cut(f64),
    Set(f64, u8),
    Remove(f64, usize),
    Insert(f64, String),
    Repeat(f64, usize, usize),
}

/// What was damaged so, in this order.
pub fn damaged(text: &[u8], damage: &[Damage]) -> Vec<u8> {
    let mut bytes = text.to_vec();
    for one in damage {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "any place will do"
        )]
        let place = |share: f64| (share * bytes.len() as f64) as usize;
        match one {
            Damage::Cut(at) => bytes.truncate(place(*at)),
            Damage::Set(at, byte) => {
                let at = place(*at);
                if let Some(there) = bytes.get_mut(at) {
                    *there = *byte;
                }
            }
            Damage::Remove(at, count) => {
                let at = place(*at);
                bytes.drain(at..(at + count).min(bytes.len()));
            }
            Damage::Insert(at, text) => {
                let at = place(*at);
                bytes.splice(at..at, text.bytes());
            }
            Damage::Repeat(at, count, times) => {
                let at = place(*at);
                let part = bytes[at..(at + count).min(bytes.len())].repeat(*times);
                bytes.splice(at..at, part);
            }
        }
    }
    bytes
}

/// Some damage, with these texts among what is put in.
pub fn damage(tricks: &'static [&'static str]) -> impl Strategy<Value = Vec<Damage>> {
    let share = || 0.0..1.0f64;
    let trick = prop::sample::select(tricks).prop_map(str::to_owned);
    let one = prop_oneof![
        share().prop_map(Damage::Cut),
        (share(), any::<u8>()).prop_map(|(at, byte)| Damage::Set(at, byte)),
        (share(), 1..60usize).prop_map(|(at, count)| Damage::Remove(at, count)),
        (share(), trick).prop_map(|(at, text)| Damage::Insert(at, text)),
        (share(), ".{0,8}").prop_map(|(at, text)| Damage::Insert(at, text)),
        (share(), 1..100usize, 1..20usize).prop_map(|(at, n, times)| Damage::Repeat(at, n, times)),
    ];
    vec(one, 0..6)
}

/// What JSON files are damaged with.
pub const JSON_TRICKS: &[&str] = &[
    "\"\\ud800\"",
    "\\ud800",
    "\\u0000",
    "null",
    "true",
    "-0",
    "1e999",
    "-1e-999",
    "9007199254740993",
    "123456789012345678901234567890",
    "[",
    "{",
    "]",
    "}",
    ",",
    "\"",
    ":",
    "{\"a\":1,\"a\":2}",
    "[[[[]]]]",
    "\u{FEFF}",
    "NaN",
    "0x10",
    "'",
    "//",
];

/// Any JSON value, not too large.
pub fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        ".{0,12}".prop_map(Value::from),
        "[0-9]{0,22}".prop_map(Value::from),
        prop::sample::select(vec![
            "OK",
            "TRUE",
            "not",
            "uid=a,dc=b",
            "uid=,",
            "1.1.2020",
            "a@b",
            "\0"
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            vec((".{0,6}", inner), 0..6)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}
