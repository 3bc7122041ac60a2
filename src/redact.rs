//! Texts as they may stand in logs: without people's mail addresses.

use std::fmt::Write as _;

/// The text with the local part of every mail address left out: `…@heide.example`.
///
/// OX quotes addresses in its faults. Who has to know finds the whole text with the item, in the
/// summary of a `--once` run and in drover's memory; logs travel further.
pub fn without_addresses(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('@') {
        let ends = |c: char| c.is_whitespace() || "\"'`<>()[]{},;:=".contains(c);
        let start = rest[..at]
            .rfind(ends)
            .map_or(0, |before| before + rest[before..].chars().next().map_or(1, char::len_utf8));
        let (before, local) = (&rest[..start], &rest[start..at]);
        // A lone at sign is no address.
        let shown = if local.is_empty() { "" } else { "…" };
        let _ = write!(out, "{before}{shown}@");
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
    out
}

/// The beginning of a text, at most so many bytes long.
pub fn beginning(text: &str, bytes: usize) -> &str {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_lose_whose_they_are() {
        let cases = [
            (
                "Primary mail address \"anna.berg@heide.example\" already exists in context 10",
                "Primary mail address \"…@heide.example\" already exists in context 10",
            ),
            ("<a@x.example>, b+c@y.example;", "<…@x.example>, …@y.example;"),
            ("ä@x", "…@x"),
            ("mail to: jürgen@x", "mail to: …@x"),
            ("a @ b, @", "a @ b, @"),
            ("nothing to hide", "nothing to hide"),
        ];
        for (text, expected) in cases {
            assert_eq!(without_addresses(text), expected);
        }
    }

    #[test]
    fn a_beginning_ends_between_letters() {
        let beginnings = [0, 1, 2, 3, 9].map(|bytes| beginning("aü", bytes));
        assert_eq!(beginnings, ["", "a", "a", "aü", "aü"]);
    }

    proptest! {
        #[test]
        fn no_local_part_is_left(words in prop::collection::vec("[a-zé.+-]{4,12}@[a-z]{3}", 1..5)) {
            let text = words.join(" and \"quoted\" ");
            let told = without_addresses(&text);
            for word in words {
                let local = word.split('@').next().unwrap();
                prop_assert!(!told.contains(&format!("{local}@")), "{told}");
            }
        }

        #[test]
        fn any_text_can_be_told(text in ".{0,60}") {
            let once = without_addresses(&text);
            prop_assert_eq!(without_addresses(&once), once);
        }
    }
}
