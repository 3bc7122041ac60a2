//! On which line of a settings file each key stands, and what the comment above it says.

use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};

/// Lines from 1 by dotted key; nothing if the text is no TOML, which is told elsewhere.
pub(super) fn of_keys(text: &str) -> BTreeMap<String, usize> {
    let mut offsets = Vec::new();
    if let Ok(table) = DeTable::parse(text) {
        collect("", table.get_ref(), &mut offsets);
    }
    offsets.sort();
    let (mut line, mut from) = (1, 0);
    let mut with_line = |(offset, key): (usize, String)| {
        line += text.get(from..offset).unwrap_or_default().matches('\n').count();
        from = offset;
        (key, line)
    };
    offsets.into_iter().map(&mut with_line).collect()
}

fn collect(prefix: &str, table: &DeTable<'_>, offsets: &mut Vec<(usize, String)>) {
    for (name, value) in table {
        let key = format!("{prefix}{}", name.get_ref());
        match value.get_ref() {
            DeValue::Table(inner) => collect(&format!("{key}."), inner, offsets),
            _ => offsets.push((name.span().start, key)),
        }
    }
}

/// The comment right above a line, as one paragraph.
pub(super) fn comment_above(text: &str, line: usize) -> String {
    let above: Vec<&str> = text.lines().take(line.saturating_sub(1)).collect();
    let mut comment: Vec<&str> = above
        .iter()
        .rev()
        .map_while(|line| line.strip_prefix('#'))
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    comment.reverse();
    comment.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_however_they_are_written() {
        let text =
            "a = 1\n\n# about b\n#  and more\nb.c = '''\nd = 4\n'''\n[e.\"f g\"]\nh = [\n 1]\n";
        let lines = of_keys(text);
        let expected = [("a", 1), ("b.c", 5), ("e.f g.h", 9)];
        let expected = expected.map(|(key, line)| (key.to_owned(), line));
        assert_eq!(lines, BTreeMap::from(expected), "what looks like a key inside a text is none");
        assert_eq!(comment_above(text, 5), "about b and more");
        assert_eq!(comment_above(text, 1), "");
        assert_eq!(of_keys("a = "), BTreeMap::new());
    }
}
