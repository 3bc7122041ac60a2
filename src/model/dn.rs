//! Distinguished names: as written, and in the one form in which they are compared.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A DN as the directory wrote it, with its comparable key.
#[derive(Clone)]
pub struct Dn {
    text: Arc<str>,
    key: DnKey,
}

/// A DN in normal form: RFC 4514 escapes resolved, blanks around separators dropped, runs of
/// blanks made one, attributes of a multi-valued RDN sorted, case folded.
///
/// Two DNs name the same entry exactly if their keys are equal.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DnKey(Arc<str>);

impl Dn {
    /// Takes a DN as written. Any text is accepted; one that is no DN is compared folded as it is.
    pub fn new(text: &str) -> Self {
        Self { text: text.into(), key: DnKey(normalise(text).into()) }
    }

    /// The DN as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The form in which DNs are compared.
    pub fn key(&self) -> &DnKey {
        &self.key
    }
}

impl DnKey {
    /// The normal form as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it names `base` itself or an entry below it.
    pub fn is_below(&self, base: &Self) -> bool {
        // In normal form a comma in a value is escaped, and so is `=`: a value never looks like a base.
        self.0.strip_suffix(&*base.0).is_some_and(|rest| rest.is_empty() || rest.ends_with(','))
    }

    /// Whether each of its parts is `type=value`, as in a DN that can be meant.
    pub fn is_proper(&self) -> bool {
        let part = |rdn: &str| {
            let mut attributes = split(rdn, &['+']).into_iter();
            attributes.all(|attribute| match attribute.split_once('=') {
                Some((kind, value)) => !kind.is_empty() && !value.is_empty() && !kind.contains(' '),
                None => false,
            })
        };
        split(&self.0, &[',']).into_iter().all(part)
    }
}

impl PartialEq for Dn {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Dn {}

impl fmt::Display for Dn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Dn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for DnKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The normal form of a DN; applying it again changes nothing.
fn normalise(text: &str) -> String {
    split(text, &[',', ';'])
        .into_iter()
        .map(|rdn| {
            let mut parts: Vec<String> = split(rdn, &['+']).into_iter().map(attribute).collect();
            parts.sort();
            parts.join("+")
        })
        .collect::<Vec<_>>()
        .join(",")
}

/// Splits at unescaped, unquoted separators.
fn split<'a>(text: &'a str, separators: &[char]) -> Vec<&'a str> {
    let mut parts = Vec::new();
    let (mut start, mut escaped, mut quoted) = (0, false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            _ if !quoted && separators.contains(&c) => {
                parts.push(&text[start..at]);
                start = at + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

/// One `type=value`, normalised.
fn attribute(text: &str) -> String {
    match text.split_once('=') {
        Some((kind, value)) => format!("{}={}", fold(kind), escape(&fold(&unescape(value)))),
        None => escape(&fold(&unescape(text))),
    }
}

/// Blanks trimmed and collapsed, case folded.
fn fold(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// Resolves `\,`, `\2C`, and a value in quotes; bytes that are not UTF-8 stay as they were.
fn unescape(value: &str) -> String {
    let value = value.trim_start();
    let inner =
        value.trim_end().strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value);
    let bytes = inner.as_bytes();
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while at < bytes.len() {
        if bytes[at] == b'\\' && at + 1 < bytes.len() {
            let hex = inner
                .get(at + 1..at + 3)
                .filter(|pair| pair.bytes().all(|b| b.is_ascii_hexdigit()))
                .and_then(|pair| u8::from_str_radix(pair, 16).ok());
            if let Some(byte) = hex {
                out.push(byte);
                at += 3;
                continue;
            }
            at += 1;
        }
        out.push(bytes[at]);
        at += 1;
    }
    String::from_utf8(out).unwrap_or_else(|_| inner.to_owned())
}

/// Escapes what RFC 4514 wants escaped, so that equal values print equally.
fn escape(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for c in value.chars() {
        if matches!(c, ',' | ';' | '+' | '"' | '\\' | '<' | '>' | '=') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn equal_dns_have_equal_keys() {
        let same = [
            (
                "uid=anna.berg,cn=users,dc=heide,dc=example",
                "UID=Anna.Berg, CN=Users,DC=heide,dc=EXAMPLE",
            ),
            (r"cn=Berg\, Anna,dc=x", r"cn=Berg\2C Anna,dc=x"),
            (r"cn=Berg\, Anna,dc=x", r#"cn="Berg, Anna",dc=x"#),
            ("cn=a+uid=b,dc=x", "uid=b+cn=a,dc=x"),
            (r"cn=J\C3\BCrgen,dc=x", "cn=jürgen,dc=x"),
            ("cn=a  b,dc=x", "cn=a b,dc=x"),
        ];
        for (left, right) in same {
            assert_eq!(Dn::new(left), Dn::new(right), "{left} and {right}");
        }
        assert_ne!(Dn::new("cn=a,dc=x"), Dn::new("cn=b,dc=x"));
        assert_ne!(Dn::new(r"cn=a\,dc=x"), Dn::new("cn=a,dc=x"));
    }

    #[test]
    fn an_entry_is_below_its_bases_and_no_other() {
        let entry = Dn::new(r"uid=a,cn=b\,ou\=c,OU=D, dc=x");
        for (base, below) in [
            ("ou=d,dc=X", true),
            ("dc=x", true),
            (r"uid=a,cn=b\2Cou\=c,ou=d,dc=x", true),
            ("=d,dc=x", false),
            ("c,ou=d,dc=x", false),
            ("ou=c,ou=d,dc=x", false),
            ("ou=d,dc=x,dc=y", false),
        ] {
            assert_eq!(entry.key().is_below(Dn::new(base).key()), below, "{base}");
        }
        for (text, proper) in [
            ("ou=d,dc=x", true),
            ("dc=x", true),
            ("x", false),
            ("ou=d,", false),
            ("", false),
            ("ou=,dc=x", false),
        ] {
            assert_eq!(Dn::new(text).key().is_proper(), proper, "{text}");
        }
    }

    proptest! {
        #[test]
        // No quotes: one that is never closed swallows separators, and such text is no DN.
        fn normalising_twice_changes_nothing(text in r"[a-zA-Zäß,;+=\\ .2C]{0,40}") {
            let once = normalise(&text);
            prop_assert_eq!(normalise(&once), once);
        }

        #[test]
        fn case_and_blanks_do_not_matter(words in prop::collection::vec("[a-zA-Z]{1,8}", 1..5)) {
            let tight = words.iter().map(|w| format!("cn={w}")).collect::<Vec<_>>().join(",");
            let loose = words.iter().map(|w| format!(" CN = {} ", w.to_uppercase())).collect::<Vec<_>>().join(" , ");
            prop_assert_eq!(Dn::new(&tight), Dn::new(&loose));
        }
    }
}
