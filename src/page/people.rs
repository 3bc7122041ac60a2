//! Who people are: shown to those who may see it, left out for the others.

use crate::model::object::Properties;
use crate::model::{ObjectId, ObjectKind};
use crate::redact::without_addresses;
use crate::store::ObjectRecord;
use serde_json::Value;

use super::visit::Visit;

/// Words that are shorter say nothing about anybody, and are part of too many others.
const SHORTEST: usize = 3;

/// Somebody, or something, with a name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Person {
    pub(super) name: Option<String>,
    pub(super) display: Option<String>,
    pub(super) mail: Option<String>,
    pub(super) dn: String,
}

impl Person {
    /// As the directory tells of an object.
    pub(super) fn of(record: &ObjectRecord) -> Self {
        let first = |names: &[&str]| {
            let properties = record.properties.as_ref()?;
            let found = names.iter().filter_map(|name| properties.get(*name)?.as_str());
            found.map(str::to_owned).find(|text| !text.is_empty())
        };
        Self {
            name: first(&["username", "name", "contextname"]),
            display: first(&["oxDisplayName", "displayName", "displayname", "personal"]),
            mail: first(&["mailPrimaryAddress", "resourceMailAddress"]),
            dn: record.dn.as_str().to_owned(),
        }
    }

    /// What he goes by.
    pub(super) fn shown(&self) -> Option<&str> {
        self.display.as_deref().or(self.name.as_deref())
    }
}

/// A fault's words as they may be seen. Who may not see who people are sees no mail addresses, nothing
/// that stands in quotes, and no word that the directory says of the object.
pub(super) fn fault(visit: &Visit<'_>, text: &str, object: Option<&str>) -> String {
    if visit.sees_people() {
        return text.to_owned();
    }
    let record = object.and_then(|id| visit.shared.engine.store.object(&ObjectId::new(id)).ok());
    let words = record.flatten().map(|record| words(&record)).unwrap_or_default();
    masked(text, &words)
}

/// The words that the directory says of an object, but for contexts: they are nobody.
fn words(record: &ObjectRecord) -> Vec<String> {
    fn collect(value: &Value, words: &mut Vec<String>) {
        match value {
            Value::String(text) => words.push(text.clone()),
            Value::Array(values) => values.iter().for_each(|value| collect(value, words)),
            Value::Object(values) => values.values().for_each(|value| collect(value, words)),
            _ => {}
        }
    }
    if record.kind == ObjectKind::Context {
        return Vec::new();
    }
    let mut words = vec![record.dn.as_str().to_owned()];
    let values = record.properties.iter().flat_map(Properties::values);
    values.for_each(|value| collect(value, &mut words));
    words.retain(|word| word.len() >= SHORTEST);
    // What is part of another is left out with it.
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    words
}

fn masked(text: &str, words: &[String]) -> String {
    let mut text = without_quoted(text);
    for word in words {
        text = without_word(&text, word);
    }
    without_addresses(&text)
}

/// With `…` for whatever stands in quotes, but for a text that is introduced by `=`, which is a cause; in
/// that, double quotes are names again.
fn without_quoted(text: &str) -> String {
    let mut told = String::with_capacity(text.len());
    let mut rest = text;
    let mut before = ' ';
    while let Some(next) = rest.chars().next() {
        let quoted = match next {
            '"' => rest[1..].find('"').map(|end| end + 2),
            '\'' if before != '=' && !before.is_alphanumeric() => {
                rest[1..].find('\'').map(|end| end + 2)
            }
            _ => None,
        };
        let taken = quoted.unwrap_or(next.len_utf8());
        if quoted.is_some() {
            told.extend([next, '…', next]);
        } else {
            told.push(next);
        }
        before = next;
        rest = &rest[taken..];
    }
    told
}

/// With `…` for a word, in any case of letters, where it stands on its own.
fn without_word(text: &str, word: &str) -> String {
    let (lower, wanted) = (text.to_lowercase(), word.to_lowercase());
    // Letters that change their length with their case would shift the places.
    if lower.len() != text.len() || !lower.contains(&wanted) {
        return text.replace(word, "…");
    }
    let mut told = String::with_capacity(text.len());
    let mut done = 0;
    for (at, found) in lower.match_indices(&wanted) {
        let end = at + found.len();
        let alone = !text[..at].ends_with(char::is_alphanumeric)
            && !text[end..].starts_with(char::is_alphanumeric);
        if alone && at >= done {
            told.push_str(&text[done..at]);
            told.push('…');
            done = end;
        }
    }
    told.push_str(&text[done..]);
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str, words: &[&str]) -> String {
        masked(text, &words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn names_are_left_out_and_the_cause_stays() {
        let cases = [
            (
                "OX refused OXUserService.create: Illegal chars: \"&\"",
                "OX refused OXUserService.create: Illegal chars: \"…\"",
            ),
            (
                "FLD-0075 Message='The display name \"Anna Berg\" is taken'",
                "FLD-0075 Message='The display name \"…\" is taken'",
            ),
            ("user 'anna' is in context 20", "user '…' is in context 20"),
            ("anna.berg@heide.example has it", "…@heide.example has it"),
            ("it isn't there, he said", "it isn't there, he said"),
            (
                "User ANNA.BERG already exists; Annabel does not",
                "User … already exists; Annabel does not",
            ),
            ("uid=anna.berg,dc=x is no DN", "… is no DN"),
            ("an open \"quote", "an open \"quote"),
        ];
        for (text, expected) in cases {
            assert_eq!(told(text, &["uid=anna.berg,dc=x", "anna.berg", "Anna"]), expected);
        }
    }
}
