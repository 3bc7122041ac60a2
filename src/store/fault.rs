//! Faults of items that are not through: what is remembered of them over a restart, and how equal
//! causes are recognised.

use crate::model::{ContextId, ItemName, ObjectId};
use crate::redact::beginning;

/// The last of an item's consecutive faults. There is one for each item that stands still; it goes
/// with the item's end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultRecord {
    /// The queue file.
    pub item: ItemName,
    /// Where it stands still; none for work without a context and for a file that cannot be used.
    pub context: Option<ContextId>,
    /// The object, if the file said.
    pub object: Option<ObjectId>,
    /// Class of OX's fault, or a word for drover's own.
    pub class: String,
    /// What happened, as shown to people.
    pub text: String,
    /// OX's exception id.
    pub exception_id: Option<String>,
    /// See [`fingerprint`].
    pub fingerprint: String,
    /// Attempts so far, the first one included.
    pub attempts: u32,
    /// When the first of them failed, milliseconds since 1970 UTC.
    pub first_ms: i64,
    /// When the last of them failed, milliseconds since 1970 UTC.
    pub last_ms: i64,
}

/// What faults of the same cause have in common, whichever item and context they hit.
///
/// That is class and text, with `#` for every number (also `-1-2`, `3.5`, a UUID) and `…` for
/// whatever stands in quotes, which are names. Two things look alike and are kept: an OX error code
/// such as `FLD-0038`, and a text introduced by `=` as in `Message='…'`, because they are the cause.
pub fn fingerprint(class: &str, text: &str) -> String {
    let mut print = format!("{class}: ");
    let mut rest = text;
    let mut before = ' ';
    while let Some(next) = rest.chars().next() {
        let (taken, put) = if let Some(end) = quoted(before, rest) {
            (end, Some(if next == '"' { "\"…\"" } else { "'…'" }))
        } else if before.is_alphanumeric() && !next.is_ascii_digit() {
            // Inside a word, whose number may follow, such as in `ctx7`.
            (next.len_utf8(), None)
        } else if let Some(end) = uuid(rest).or_else(|| number(rest)) {
            (end, Some("#"))
        } else {
            (error_code(rest).unwrap_or(next.len_utf8()), None)
        };
        let (head, tail) = rest.split_at(taken);
        print.push_str(put.unwrap_or(head));
        before = head.chars().next_back().unwrap_or(next);
        rest = tail;
    }
    print
}

/// Longest name in quotes that is recognised, in bytes: without an end to it, a text full of single
/// quotes would be searched through again for every one of them.
const MAX_QUOTED: usize = 1024;

/// Length of the quoted part that begins here, quotes included.
fn quoted(before: char, rest: &str) -> Option<usize> {
    let rest = beginning(rest, MAX_QUOTED);
    let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    if before == '=' {
        return None;
    }
    if quote == '"' {
        return Some(rest[1..].find('"')? + 2);
    }
    // An apostrophe belongs to a word, inside a quoted name as well.
    let inner = &rest[1..];
    if before.is_alphanumeric() || inner.starts_with(char::is_whitespace) {
        return None;
    }
    let ends = |at: &usize| !inner[at + 1..].starts_with(char::is_alphanumeric);
    Some(inner.match_indices('\'').map(|(at, _)| at).find(ends)? + 2)
}

fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

/// Length of a number, a date, a time or an exception id (`-1498680057-534`).
fn number(rest: &str) -> Option<usize> {
    let mut end = 0;
    loop {
        let sign = usize::from(rest[end..].starts_with(['-', '.', ':', ',', '/']));
        // Only a minus may stand at the beginning.
        if end == 0 && sign == 1 && !rest.starts_with('-') {
            return None;
        }
        let count = digits(&rest[end + sign..]);
        if count == 0 {
            return (end > 0).then_some(end);
        }
        end += sign + count;
    }
}

/// Length of a UUID.
fn uuid(rest: &str) -> Option<usize> {
    const GROUPS: [usize; 5] = [8, 4, 4, 4, 12];
    // One more than it has, to see where it ends.
    let rest = beginning(rest, 37);
    let end = rest.find(|c: char| !c.is_ascii_hexdigit() && c != '-').unwrap_or(rest.len());
    rest[..end].split('-').map(str::len).eq(GROUPS).then_some(end)
}

/// Length of an OX error code: some capitals, a hyphen, four digits.
fn error_code(rest: &str) -> Option<usize> {
    let capitals = rest.bytes().take_while(u8::is_ascii_uppercase).count();
    let number = rest[capitals..].strip_prefix('-')?;
    (capitals >= 2 && digits(number) == 4).then_some(capitals + 5)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn equal_causes_have_equal_fingerprints() {
        for (one, other, print) in [
            (
                "The context 7 does not exist!",
                "The context 4711 does not exist!",
                "C: The context # does not exist!",
            ),
            ("Illegal chars: \"&\"", "Illegal chars: \"ß<>\"", "C: Illegal chars: \"…\""),
            ("no 'Ann'", "no 'Joe O'Neill'", "C: no '…'"),
            ("can't ctx7, isn't ü3.", "can't ctx12, isn't ü4.", "C: can't ctx#, isn't ü#."),
            ("-1,5 of 2025-03-01T10:00", "7 of 2026-12-31T9:59", "C: # of #T#"),
            (
                "id 0c9c5bda-ceea-4670-9b6c-c37e24aabbcc.",
                "id ffffffff-ffff-ffff-ffff-ffffffffffff.",
                "C: id #.",
            ),
            (
                "FLD-0038 Message='A SQL error: Duplicate entry '1-8--x' for key 'PRIMARY'' exceptionID=-14986-534",
                "FLD-0038 Message='A SQL error: Duplicate entry 'y'z' for key 'MAIL'' exceptionID=1-2",
                "C: FLD-0038 Message='A SQL error: Duplicate entry '…' for key '…'' exceptionID=#",
            ),
        ] {
            assert_eq!(fingerprint("C", one), print);
            assert_eq!(fingerprint("C", other), print);
        }
    }

    #[test]
    fn other_causes_have_other_fingerprints() {
        let prints = [
            fingerprint("C", "FLD-0038 Message='A SQL error'"),
            fingerprint("C", "FLD-0033 Message='A SQL error'"),
            fingerprint("C", "FLD-0033 Message='No admin user'"),
            fingerprint("D", "FLD-0033 Message='No admin user'"),
        ];
        for (at, print) in prints.iter().enumerate() {
            assert!(!prints[at + 1..].contains(print), "{print}");
        }
    }

    #[test]
    fn an_open_quote_hides_nothing() {
        assert_eq!(fingerprint("C", "a \"b 5"), "C: a \"b #");
        assert_eq!(fingerprint("C", "a 'b 5"), "C: a 'b #");
        assert_eq!(fingerprint("", ""), ": ");
    }

    proptest! {
        #[test]
        fn any_text_has_a_fingerprint_and_numbers_do_not_matter(
            text in "[a-zß \"'=.:,/-]{0,12}",
            one in 0u32..,
            other in 0u32..,
            more in any::<String>(),
        ) {
            let print = |n: u32| fingerprint("C", &format!("{text} {n} {more}"));
            prop_assert_eq!(print(one), print(other));
        }
    }
}
