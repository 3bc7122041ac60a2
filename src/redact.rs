//! Texts as they may stand in logs: without people's mail addresses and names.

use std::fmt::Write as _;

/// What stands around a name in OX's faults, and in drover's own words. Group names and names of
/// profiles are not people's.
const AROUND_NAMES: [(&str, &str); 7] = [
    ("User ", " already exists in "),
    ("A user named ", " already exists in "),
    ("No such user ", " in context "),
    ("folder named \"", "\" already exists below "),
    ("Duplicate entry '", "' for key "),
    ("Authentication failed for user ", " ("),
    ("Invalid email address: ", " ("),
];

/// The text with the local part of every mail address left out, `…@heide.example`, and names that OX
/// quotes.
///
/// OX quotes addresses and names in its faults. Who has to know finds the whole text with the item, in the
/// summary of a `--once` run and in drover's memory; logs travel further.
pub fn without_addresses(text: &str) -> String {
    let mut text = without_local_parts(text);
    for (before, after) in AROUND_NAMES {
        text = without_between(&text, before, after);
    }
    text
}

/// With `…` for whatever stands between the two, also if it is a number.
fn without_between(text: &str, before: &str, after: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((head, tail)) = rest.split_once(before) {
        let Some((name, _)) = tail.split_once(after) else { break };
        // Numbers say nothing about anybody, and help.
        let shown =
            if name.bytes().all(|b| b.is_ascii_digit() || b == b',') { name } else { "…" };
        let _ = write!(out, "{head}{before}{shown}");
        rest = &tail[name.len()..];
    }
    out.push_str(rest);
    out
}

fn without_local_parts(text: &str) -> String {
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
            (
                "x: User anna berg already exists in this context (",
                "x: User … already exists in this context (",
            ),
            ("No such user anna in context 7", "No such user … in context 7"),
            ("No such user 77 in context 7", "No such user 77 in context 7"),
            ("A user named a already exists in b", "A user named … already exists in b"),
            ("Invalid email address: anna (X)", "Invalid email address: … (X)"),
            (
                "An infostore folder named \"Anna\" already exists below folder",
                "An infostore folder named \"…\" already exists below folder",
            ),
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
