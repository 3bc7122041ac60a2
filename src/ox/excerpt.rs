//! The start of a web page as plain text, for error messages.

/// Longest excerpt, in characters.
const MAX_CHARS: usize = 200;

/// How much of a page is looked at, in bytes: enough to get behind a long head.
pub(super) const PAGE_BYTES: usize = 64 * 1024;

/// The page's text without markup, scripts and styles, blanks folded, at most 200 characters;
/// `fallback` if nothing is left.
pub(super) fn excerpt(page: &[u8], fallback: Option<&str>) -> String {
    let page = String::from_utf8_lossy(&page[..page.len().min(PAGE_BYTES)]);
    let mut plain = String::new();
    let mut rest = page.as_ref();
    while let Some(at) = rest.find('<') {
        plain.push_str(&rest[..at]);
        plain.push(' ');
        rest = after_tag(&rest[at..]);
    }
    plain.push_str(rest);
    let words = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    let words = ["&nbsp; ", "&lt;<", "&gt;>", "&quot;\"", "&amp;&"]
        .iter()
        .filter_map(|pair| pair.split_once(';'))
        .fold(words, |words, (entity, c)| words.replace(&format!("{entity};"), c));
    let clean: String = words.chars().filter(|c| !c.is_control()).take(MAX_CHARS).collect();
    if clean.is_empty() { fallback.unwrap_or("an empty page").to_owned() } else { clean }
}

/// What follows the tag or comment that `text` starts with; for scripts and styles what follows
/// their end.
fn after_tag(text: &str) -> &str {
    if text.starts_with("<!--") {
        return text.find("-->").map_or("", |end| &text[end + 3..]);
    }
    for (open, close) in [("<script", "</script"), ("<style", "</style")] {
        let is_open = text.get(..open.len()).is_some_and(|tag| tag.eq_ignore_ascii_case(open));
        if is_open {
            // ASCII lower case keeps every byte where it was.
            let Some(end) = text.to_ascii_lowercase().find(close) else { return "" };
            return after_tag(&text[end..]);
        }
    }
    text.find('>').map_or("", |end| &text[end + 1..])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_the_words_of_a_page_remain() {
        let page = b"<!DOCTYPE html><html><head><title>502 Bad\n Gateway</title><style>b{}</style>\
                     <SCRIPT>if (1 < 2) x()</SCRIPT></head><!-- <b>no</b> --><body>nginx &amp; co</body>";
        assert_eq!(excerpt(page, None), "502 Bad Gateway nginx & co");
        assert_eq!(excerpt(b"", Some("Not Found")), "Not Found");
        assert_eq!(excerpt(b"<html", None), "an empty page");
        assert_eq!(excerpt("ü".repeat(500).as_bytes(), None).chars().count(), 200);
    }

    proptest! {
        #[test]
        fn any_page_gives_a_short_excerpt(page in any::<Vec<u8>>(), text in "[<>!a-z/&; -]{0,60}") {
            prop_assert!(excerpt(&page, None).chars().count() <= MAX_CHARS);
            prop_assert!(excerpt(text.as_bytes(), None).chars().count() <= MAX_CHARS);
        }
    }
}
