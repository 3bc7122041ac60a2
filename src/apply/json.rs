//! JSON as YAML: nearly the same, but for tabs and for characters escaped in two halves.

use std::iter::Peekable;
use std::str::Chars;

/// The same text, line for line, as YAML reads it.
///
/// # Errors
/// The line, and what is wrong there.
pub(super) fn as_yaml(text: &str) -> Result<String, (usize, String)> {
    let checked: Result<serde::de::IgnoredAny, _> = serde_json::from_str(text);
    checked.map_err(|error| {
        let told =
            format!("not valid JSON ({:?} error), column {}", error.classify(), error.column());
        (error.line().max(1), told)
    })?;
    let mut yaml = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    let mut inside = false;
    while let Some(char) = chars.next() {
        match char {
            '\t' if !inside => yaml.push(' '),
            '"' => {
                inside = !inside;
                yaml.push('"');
            }
            '\\' if inside => escape(&mut chars, &mut yaml),
            char => yaml.push(char),
        }
    }
    Ok(yaml)
}

/// Copies what follows a backslash; two halves of a character become that character.
fn escape(chars: &mut Peekable<Chars<'_>>, yaml: &mut String) {
    match chars.next() {
        Some('u') => {
            let first = unit(chars);
            let mut ahead = chars.clone();
            let second = ((0xd800..0xdc00).contains(&first)
                && ahead.next() == Some('\\')
                && ahead.next() == Some('u'))
            .then(|| unit(&mut ahead));
            let units: &[u16] = &match second {
                Some(second) => {
                    *chars = ahead;
                    vec![first, second]
                }
                None => vec![first],
            };
            for char in char::decode_utf16(units.iter().copied()) {
                let char = char.unwrap_or(char::REPLACEMENT_CHARACTER);
                if char.is_control() || matches!(char, '"' | '\\') {
                    yaml.push_str(&format_unit(char));
                } else {
                    yaml.push(char);
                }
            }
        }
        Some(other) => {
            yaml.push('\\');
            yaml.push(other);
        }
        None => yaml.push('\\'),
    }
}

fn format_unit(char: char) -> String {
    format!("\\u{:04x}", u32::from(char))
}

/// Four hexadecimal digits, which the check before has seen.
fn unit(chars: &mut Peekable<Chars<'_>>) -> u16 {
    let digits: String = chars.by_ref().take(4).collect();
    u16::from_str_radix(&digits, 16).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::node::{Node, Value};
    use super::*;

    fn plain(node: &Node) -> serde_json::Value {
        match &node.value {
            Value::Null => serde_json::Value::Null,
            Value::Scalar(text) => text.clone().into(),
            Value::List(items) => items.iter().map(plain).collect(),
            Value::Map(entries) => entries
                .iter()
                .map(|(key, value)| (key.text.clone(), plain(value)))
                .collect::<serde_json::Map<_, _>>()
                .into(),
        }
    }

    fn read(text: &str) -> serde_json::Value {
        plain(&super::super::yaml::read(&as_yaml(text).unwrap()).unwrap()[0])
    }

    #[test]
    fn tabs_and_halves_of_characters_are_read() {
        let text = "{\n\t\"a\": \"\\ud83d\\ude00 \\u00fc \\\" \\\\ \\/ \\n\\t \\u0000\",\n\t\"b\": [\"x\"]}";
        let expected: serde_json::Value = serde_json::from_str(text).unwrap();
        assert_eq!(read(text), expected);
        assert_eq!(as_yaml("{\n \"a\": }").unwrap_err().0, 2);
    }

    proptest! {
        #[test]
        fn every_text_is_read_as_it_was_written(text in "\\PC{0,20}[\u{0}-\u{1f}\u{7f}\u{85}\u{feff}\u{1f600}]{0,3}") {
            let value = serde_json::json!({"k": text});
            for written in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
                prop_assert_eq!(&read(&written), &value);
            }
        }
    }
}
