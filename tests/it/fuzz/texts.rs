//! Texts of faults, which OX writes: how they are told and compared.

use drover::redact::{beginning, without_addresses};
use drover::store::fingerprint;
use proptest::prelude::*;

use super::damage::soon;

/// Text of what faults are made of.
fn texts() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        prop::sample::select(vec![
            "'",
            "\"",
            "=",
            "@",
            " ",
            "-",
            ".",
            ":",
            "FLD-0038",
            "0c9c5bda-ceea-4670-9b6c-c37e24aabbcc",
            "Message='",
            "exceptionId ",
            "a@b.example",
            "No such user ",
            "ü",
            "\u{2028}",
            "\0",
            "12",
        ])
        .prop_map(str::to_owned),
        ".{0,6}",
    ];
    prop::collection::vec(part, 0..30).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn any_text_has_a_fingerprint_in_proportion(text in texts()) {
        let print = fingerprint("C", &text);
        prop_assert_eq!(&print, &fingerprint("C", &text));
        // A digit becomes a sign of one byte, a pair of quotes one of five.
        prop_assert!(print.len() <= 3 + 3 * text.len(), "{} from {}", print, text);
    }

    #[test]
    fn any_text_loses_its_addresses_and_no_more(text in texts()) {
        let told = without_addresses(&text);
        prop_assert_eq!(told.matches('@').count(), text.matches('@').count());
        prop_assert_eq!(without_addresses(&told), told.clone());
        prop_assert!(told.len() <= 3 * text.len());
    }

    #[test]
    fn any_beginning_is_one(text in texts(), bytes in 0..100usize) {
        prop_assert!(text.starts_with(beginning(&text, bytes)));
        prop_assert!(beginning(&text, bytes).len() <= bytes);
    }
}

#[test]
fn long_texts_take_no_longer_than_their_length() {
    for unit in ["'a ", "\"", "a-", "0c9c5bda-", "@", "1.", "AB-12", "ü'", " '", "='"] {
        let text = unit.repeat(500_000 / unit.len());
        soon(|| (fingerprint("C", &text), without_addresses(&text)));
    }
}
