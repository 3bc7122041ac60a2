//! A fault taken apart. Faults are remembered as class and text, so it goes by the beginnings that
//! [`crate::ox::OxError`] and [`crate::provision::Failure`] give their texts.

/// Who says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Voice {
    /// OX, in a fault.
    Refused,
    /// drover, having found that a context is not in OX.
    NoContext,
    /// The transport: no connection.
    Unreachable,
    /// The transport: no answer.
    Lost,
    /// Something that answers in OX's place, with that HTTP status.
    Page(u16),
    /// drover, which does not understand OX's answer.
    Garbled,
    /// drover, in its own words.
    Own,
}

/// A fault, taken apart.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen<'a> {
    /// OX's exception, or drover's own word, if it is known.
    pub(super) class: Option<&'a str>,
    pub(super) voice: Voice,
    /// Service and operation; empty if it is about none.
    pub(super) operation: &'a str,
    /// What is said, without what the other fields say.
    pub(super) words: &'a str,
}

impl<'a> Seen<'a> {
    pub(super) fn of(class: Option<&'a str>, text: &'a str) -> Self {
        let own = Self { class, voice: Voice::Own, operation: "", words: text };
        if text.starts_with("context ")
            && let Some((_, rest)) = text.split_once(" is not in OX: ")
        {
            return Self { voice: Voice::NoContext, words: rest, ..own };
        }
        let said = |begin: &str| text.strip_prefix(begin)?.split_once(": ");
        if let Some((operation, words)) = said("OX refused ") {
            let words = without_wrapping(without_tail(words));
            return Self { voice: Voice::Refused, operation, words, ..own };
        }
        if let Some((operation, words)) = said("cannot reach OX for ") {
            return Self { voice: Voice::Unreachable, operation, words, ..own };
        }
        if let Some((operation, words)) = said("no answer from OX to ") {
            return Self { voice: Voice::Lost, operation, words, ..own };
        }
        if let Some((head, words)) = said("OX answered ")
            && let Some((operation, status)) = head.split_once(" with HTTP status ")
            && let Ok(status) = status.parse()
        {
            return Self { voice: Voice::Page(status), operation, words, ..own };
        }
        if let Some((head, words)) = said("OX's answer to ")
            && let Some(operation) = head.strip_suffix(" is not understood")
        {
            return Self { voice: Voice::Garbled, operation, words, ..own };
        }
        own
    }
}

/// The first context's number that a text names.
pub(super) fn context_in(text: &str) -> Option<&str> {
    text.match_indices("ontext ").find_map(|(at, mark)| {
        let rest = &text[at + mark.len()..];
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        (digits > 0).then(|| &rest[..digits])
    })
}

/// Without ` (InvalidDataException, exceptionId 1-2)`.
fn without_tail(words: &str) -> &str {
    words
        .strip_suffix(')')
        .and_then(|rest| rest.rsplit_once(" ("))
        .filter(|(_, tail)| tail.contains("Exception") || tail.starts_with("exceptionId "))
        .map_or(words, |(head, _)| head)
}

/// Without the Java classes in which OX wraps what it says.
fn without_wrapping(mut words: &str) -> &str {
    while let Some((class, rest)) = words.split_once(": ") {
        let bytes = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'$');
        let name = class.rsplit('.').next().unwrap_or_default();
        // Java's own exceptions are what is the matter, not what it is wrapped in.
        let is_class = class.matches('.').count() > 1
            && !class.starts_with("java.lang.")
            && name.starts_with(|c: char| c.is_ascii_uppercase())
            && class.bytes().all(bytes);
        if !is_class {
            break;
        }
        words = rest;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_taken_apart() {
        for (text, voice, operation, words) in [
            (
                "OX refused OXUserService.create: Illegal chars: \"&\" (InvalidDataException, \
                 exceptionId -1-2)",
                Voice::Refused,
                "OXUserService.create",
                "Illegal chars: \"&\"",
            ),
            (
                "OX refused OXContextService.getData: com.openexchange.admin.rmi.exceptions.\
                 NoSuchObjectException: No such context x (NoSuchContextException)",
                Voice::Refused,
                "OXContextService.getData",
                "No such context x",
            ),
            (
                "OX refused OXResourceService.create: a (Already b). (exceptionId 1-2)",
                Voice::Refused,
                "OXResourceService.create",
                "a (Already b).",
            ),
            (
                "OX answered OXUserService.get with HTTP status 502: Bad Gateway",
                Voice::Page(502),
                "OXUserService.get",
                "Bad Gateway",
            ),
            (
                "no answer from OX to OXUserService.get: reset: by peer",
                Voice::Lost,
                "OXUserService.get",
                "reset: by peer",
            ),
            (
                "context 7 holds 2 protected objects",
                Voice::Own,
                "",
                "context 7 holds 2 protected objects",
            ),
        ] {
            let seen = Seen::of(None, text);
            assert_eq!((seen.voice, seen.operation, seen.words), (voice, operation, words));
        }
        let missing = Seen::of(None, "context 7 is not in OX: OX refused x: Authentication failed");
        assert_eq!(missing.voice, Voice::NoContext);
    }

    #[test]
    fn the_contexts_number_is_found() {
        assert_eq!(context_in("Context 20 does not exist"), Some("20"));
        assert_eq!(context_in("in context x, or context 7"), Some("7"));
        assert_eq!(context_in("nothing"), None);
    }
}
