//! Which faults an entry is about.

use super::seen::{Seen, Voice};

/// Faults that have all of this in common.
#[derive(Debug, Clone, Copy)]
pub struct When {
    voice: Spoken,
    /// Beginning of service and operation; empty fits all.
    operation: &'static str,
    /// Class, if it is known; empty fits all.
    class: &'static str,
    /// The words, of which one has to fit as a whole; `*` stands for any text.
    pub(super) says: &'static [&'static str],
}

#[derive(Debug, Clone, Copy)]
enum Spoken {
    By(Voice),
    /// A page with one of these statuses.
    Pages(u16, u16),
    Anybody,
}

const ALL: &[&str] = &["*"];

/// OX refuses.
pub(super) const fn refused(operation: &'static str, says: &'static [&'static str]) -> When {
    When { voice: Spoken::By(Voice::Refused), operation, class: "", says }
}

/// OX refuses with that exception.
pub(super) const fn refused_as(
    class: &'static str,
    operation: &'static str,
    says: &'static [&'static str],
) -> When {
    When { voice: Spoken::By(Voice::Refused), operation, class, says }
}

/// drover has found that the context is not there.
pub(super) const fn no_context() -> When {
    When { voice: Spoken::By(Voice::NoContext), operation: "", class: "", says: ALL }
}

/// There is no connection.
pub(super) const fn unreachable(says: &'static [&'static str]) -> When {
    When { voice: Spoken::By(Voice::Unreachable), operation: "", class: "", says }
}

/// There is no answer.
pub(super) const fn lost(says: &'static [&'static str]) -> When {
    When { voice: Spoken::By(Voice::Lost), operation: "", class: "", says }
}

/// Something else answers, with an HTTP status from the first to the last.
pub(super) const fn page(first: u16, last: u16) -> When {
    When { voice: Spoken::Pages(first, last), operation: "", class: "", says: ALL }
}

/// The answer is not understood.
pub(super) const fn garbled(says: &'static [&'static str]) -> When {
    When { voice: Spoken::By(Voice::Garbled), operation: "", class: "", says }
}

/// drover says so itself.
pub(super) const fn own(says: &'static [&'static str]) -> When {
    When { voice: Spoken::By(Voice::Own), operation: "", class: "", says }
}

/// Whatever it is.
pub(super) const fn anything() -> When {
    When { voice: Spoken::Anybody, operation: "", class: "", says: ALL }
}

impl When {
    /// Whether a fault is meant.
    pub(super) fn fits(&self, seen: &Seen<'_>) -> bool {
        self.spoken(seen) && self.says.iter().any(|pattern| fits(pattern, seen.words))
    }

    /// The same, but for the words.
    pub(super) fn spoken(&self, seen: &Seen<'_>) -> bool {
        let voice = match (self.voice, seen.voice) {
            (Spoken::Anybody, _) => true,
            (Spoken::By(voice), said) => voice == said,
            (Spoken::Pages(first, last), Voice::Page(status)) => (first..=last).contains(&status),
            (Spoken::Pages(..), _) => false,
        };
        voice
            && seen.operation.starts_with(self.operation)
            && (self.class.is_empty() || seen.class.is_none_or(|class| class == self.class))
    }
}

/// Whether a text is what a pattern says, as a whole; `*` stands for any text.
pub(super) fn fits(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_the_whole_text_with_anything_for_each_star() {
        for (pattern, text, expected) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("*", "", true),
            ("a*", "abc", true),
            ("*c", "abc", true),
            ("a*c", "ac", true),
            ("a*a", "a", false),
            ("*b*", "abc", true),
            ("*x*", "abc", false),
            ("User * already exists", "User a already exists already exists", true),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "acb", false),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(fits(pattern, text), expected, "{pattern:?} {text:?}");
        }
    }
}
