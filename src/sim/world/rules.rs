//! Checks on names, addresses and values, and the orders and comparisons of the server.

use std::collections::HashSet;
use std::sync::OnceLock;

/// The characters of `name` that the server does not allow, in order; blanks are allowed in the
/// names of groups and resources only.
pub(crate) fn illegal_chars(name: &str, extra: &str) -> Option<String> {
    let bad: String = name
        .chars()
        .filter(|c| !(c.is_ascii_alphanumeric() || "$%.+_-".contains(*c) || extra.contains(*c)))
        .collect();
    (!bad.is_empty()).then_some(bad)
}

/// Characters user names may have beside those of login mappings.
pub(crate) const USER_EXTRA: &str = "@";
/// The same for groups and resources.
pub(crate) const GROUP_EXTRA: &str = "@ ";

/// Whether the server takes the text for a mail address. It is lenient: a text without `@` passes,
/// and so does a blank one.
pub(crate) fn is_address(text: &str) -> bool {
    if text.trim().is_empty() {
        return true;
    }
    let (local, domain) = match text.rsplit_once('@') {
        Some((local, domain)) => (local, Some(domain)),
        None => (text, None),
    };
    let whole = !text.chars().any(char::is_whitespace) && !text.contains("..");
    whole
        && !local.is_empty()
        && local.is_ascii()
        && !local.contains('@')
        && domain.is_none_or(|domain| !domain.is_empty())
}

/// Whether it is a time zone the server's runtime knows.
pub(crate) fn is_timezone(name: &str) -> bool {
    static ZONES: OnceLock<HashSet<&'static str>> = OnceLock::new();
    ZONES.get_or_init(|| include_str!("timezones.txt").lines().collect()).contains(name)
}

/// Whether the text names a language: exactly one underscore.
pub(crate) fn is_language(text: &str) -> bool {
    text.matches('_').count() == 1
}

/// The password mechanism as stored, in braces; `None` when the server does not offer it.
pub(crate) fn password_mech(text: &str) -> Option<String> {
    let bare = text.strip_prefix('{').and_then(|t| t.strip_suffix('}')).unwrap_or(text);
    ["BCRYPT", "CRYPT", "SHA-256", "SHA-512", "SHA"].contains(&bare).then(|| format!("{{{bare}}}"))
}

/// Whether the bytes begin like an image the server can decode.
pub(crate) fn is_image(bytes: &[u8]) -> bool {
    const MAGIC: [&[u8]; 4] = [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8", b"BM"];
    MAGIC.iter().any(|magic| bytes.starts_with(magic))
}

/// The database's comparison of names other than user names: case and accents do not count.
pub(crate) fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text.chars().flat_map(char::to_lowercase) {
        match c {
            'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' | 'ā' | 'ă' | 'ą' => folded.push('a'),
            'ç' | 'ć' | 'ĉ' | 'ċ' | 'č' => folded.push('c'),
            'ď' => folded.push('d'),
            'è' | 'é' | 'ê' | 'ë' | 'ē' | 'ĕ' | 'ė' | 'ę' | 'ě' => folded.push('e'),
            'ĝ' | 'ğ' | 'ġ' | 'ģ' => folded.push('g'),
            'ì' | 'í' | 'î' | 'ï' | 'ĩ' | 'ī' | 'ĭ' | 'į' => folded.push('i'),
            'ĺ' | 'ļ' | 'ľ' => folded.push('l'),
            'ñ' | 'ń' | 'ņ' | 'ň' => folded.push('n'),
            'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ō' | 'ŏ' | 'ő' => folded.push('o'),
            'ŕ' | 'ŗ' | 'ř' => folded.push('r'),
            'ś' | 'ŝ' | 'ş' | 'š' => folded.push('s'),
            'ß' => folded.push_str("ss"),
            'ţ' | 'ť' => folded.push('t'),
            'ù' | 'ú' | 'û' | 'ü' | 'ũ' | 'ū' | 'ŭ' | 'ů' | 'ű' | 'ų' => folded.push('u'),
            'ý' | 'ÿ' => folded.push('y'),
            'ź' | 'ż' | 'ž' => folded.push('z'),
            '\u{300}'..='\u{36f}' => {}
            other => folded.push(other),
        }
    }
    // Trailing blanks do not count either.
    folded.truncate(folded.trim_end_matches(' ').len());
    folded
}

/// Whether the text matches a search pattern as a whole: `*` and `%` stand for any text, `_` for
/// one character, `\` takes the meaning from the next one.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    like(&pattern, &text)
}

fn like(pattern: &[char], text: &[char]) -> bool {
    let (mut p, mut t) = (0, 0);
    // Where to go back to: the pattern behind the last wildcard, and the text it has eaten.
    let mut retry: Option<(usize, usize)> = None;
    loop {
        let step = match (pattern.get(p), text.get(t)) {
            (None, None) => return true,
            (Some('*' | '%'), _) => {
                retry = Some((p + 1, t));
                p += 1;
                true
            }
            (Some('_'), Some(_)) => {
                (p, t) = (p + 1, t + 1);
                true
            }
            (Some('\\'), Some(c)) if pattern.get(p + 1) == Some(c) => {
                (p, t) = (p + 2, t + 1);
                true
            }
            (Some(c), Some(d)) if c == d => {
                (p, t) = (p + 1, t + 1);
                true
            }
            _ => false,
        };
        if !step {
            match retry {
                Some((back, eaten)) if eaten < text.len() => {
                    retry = Some((back, eaten + 1));
                    (p, t) = (back, eaten + 1);
                }
                _ => return false,
            }
        }
    }
}

/// Puts aliases into the order in which they come back, which is that of a Java hash set.
pub(crate) fn alias_order(aliases: &mut [String]) {
    hash_order(aliases, 16);
}

/// The same for login mappings, whose set starts smaller.
pub(crate) fn mapping_order(mappings: &mut [String]) {
    hash_order(mappings, 4);
}

/// Sorts by places in a hash table, which doubles when it is three quarters full.
fn hash_order(texts: &mut [String], mut table: usize) {
    while texts.len() > table / 4 * 3 {
        table *= 2;
    }
    let mask = u32::try_from(table - 1).unwrap_or(u32::MAX);
    texts.sort_by_key(|text| {
        let hash = text
            .encode_utf16()
            .fold(0_u32, |hash, unit| hash.wrapping_mul(31).wrapping_add(u32::from(unit)));
        (hash ^ (hash >> 16)) & mask
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_the_whole_text() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("al*", "alice", true),
            ("al", "alice", false),
            ("_lice", "alice", true),
            ("a*c*", "abcd", true),
            ("*ice", "alicelice", true),
            ("a\\_b", "a_b", true),
            ("a\\_b", "axb", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn addresses_are_checked_leniently() {
        for good in ["a@b.c", "not-a-mail", "", "  ", "a@müller.de"] {
            assert!(is_address(good), "{good}");
        }
        for bad in ["a b@c", "ä@b.c", "a@", "@b", "a..b@c"] {
            assert!(!is_address(bad), "{bad}");
        }
    }

    #[test]
    fn names_compare_without_case_and_accents() {
        assert_eq!(fold("Müller "), fold("muller"));
        assert_ne!(fold("a"), fold("b"));
    }

    #[test]
    fn hash_order_is_that_of_recorded_answers() {
        let mut mappings: Vec<String> =
            ["a.test", "b.test", "28", "ctx28"].map(str::to_owned).into();
        mapping_order(&mut mappings);
        assert_eq!(mappings, ["a.test", "ctx28", "28", "b.test"]);
    }
}
