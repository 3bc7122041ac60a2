use std::collections::BTreeSet;
use std::path::Path;

use super::seen::Seen;
use super::*;

/// Faults that were not recorded: code, class, text.
const EXAMPLES: &[(&str, &str, &str)] = include!("tests/examples.in");

/// A fault as [`crate::provision::Failure`] tells of it, and where it is from.
struct Example {
    from: String,
    class: String,
    text: String,
}

/// What stands between two marks.
fn between<'a>(text: &'a str, begin: &str, end: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(begin)?;
    Some(rest.split_once(end)?.0)
}

fn plain(xml: &str) -> String {
    ["&lt;<", "&gt;>", "&quot;\"", "&apos;'", "&amp;&"].iter().fold(xml.to_owned(), |text, pair| {
        let (entity, character) = pair.split_once(';').unwrap();
        text.replace(&format!("{entity};"), character)
    })
}

/// Every fault that was recorded at a real OX.
fn recorded() -> Vec<Example> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/soap");
    let index = std::fs::read_to_string(root.join("index.tsv")).unwrap();
    let mut found = Vec::new();
    for line in index.lines().skip(1) {
        let name = line.split('\t').next().unwrap();
        let Ok(answer) = std::fs::read_to_string(root.join(format!("{name}.response.xml"))) else {
            continue;
        };
        let (service, case) = name.split_once('/').unwrap();
        let operation = case.split('-').next().unwrap();
        let Some(text) = between(&answer, "<faultstring>", "</faultstring>") else { continue };
        let text = plain(text);
        let mut text = text.as_str();
        while let Some((head, id)) = text.rsplit_once("; exceptionId ") {
            if !id.bytes().all(|b| b.is_ascii_digit() || b == b'-') {
                break;
            }
            text = head;
        }
        let class = between(&answer, "<detail>", "</detail>")
            .and_then(|detail| between(detail, "<", ">"))
            .and_then(|tag| tag.split_whitespace().next())
            .map(|tag| tag.trim_end_matches('/').rsplit(':').next().unwrap().to_owned());
        let tail = match &class {
            Some(class) => format!(" ({class}, exceptionId 1-2)"),
            None => " (exceptionId 1-2)".to_owned(),
        };
        found.push(Example {
            from: name.to_owned(),
            class: class.unwrap_or_else(|| "undeclared".to_owned()),
            text: format!("OX refused {service}.{operation}: {text}{tail}"),
        });
    }
    assert!(found.len() > 150, "only {} faults were recorded", found.len());
    found
}

fn entries() -> impl Iterator<Item = &'static Entry> {
    CATALOGUE.iter().copied().flatten()
}

/// Codes of all entries that a fault fits.
fn codes(class: &str, text: &str) -> Vec<&'static str> {
    let seen = Seen::of(Some(class), text);
    entries()
        .filter(|entry| entry.when.iter().any(|when| when.fits(&seen)))
        .map(|entry| entry.code)
        .collect()
}

#[test]
fn every_example_is_what_it_should_be_and_nothing_else() {
    let wrong: Vec<String> = EXAMPLES
        .iter()
        .filter(|(code, class, text)| codes(class, text) != [*code])
        .map(|(code, class, text)| format!("{code}: {text}: {:?}", codes(class, text)))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_fault_recorded_at_a_real_ox_is_known_and_is_one_thing_only() {
    let wrong: Vec<String> = recorded()
        .iter()
        .filter(|one| codes(&one.class, &one.text).len() != 1)
        .map(|one| format!("{}: {}: {:?}", one.from, one.text, codes(&one.class, &one.text)))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_pattern_has_an_example() {
    let recorded = recorded();
    let mut seen: Vec<Seen<'_>> =
        recorded.iter().map(|one| Seen::of(Some(&one.class), &one.text)).collect();
    seen.extend(EXAMPLES.iter().map(|(_, class, text)| Seen::of(Some(class), text)));
    let mut without = Vec::new();
    for entry in entries().chain(GENERAL) {
        for when in entry.when {
            for pattern in when.says {
                if !seen.iter().any(|one| when.spoken(one) && when::fits(pattern, one.words)) {
                    without.push(format!("{}: {when:?}: {pattern}", entry.code));
                }
            }
        }
    }
    assert!(without.is_empty(), "{without:#?}");
}

#[test]
fn every_entry_says_everything_in_both_languages() {
    let mut known = BTreeSet::new();
    for entry in entries().chain(GENERAL) {
        let is_code = |c: char| c.is_ascii_lowercase() || c == '-' || c.is_ascii_digit();
        assert!(entry.code.chars().all(is_code) && known.insert(entry.code), "{}", entry.code);
        assert!(!entry.when.is_empty(), "{}", entry.code);
        for both in [entry.means, entry.cure] {
            assert_ne!(both.en, both.de, "{}", entry.code);
            for text in [both.en, both.de] {
                assert!(text.len() > 20 && text.ends_with(['.', '_', '-', '+']), "{}", entry.code);
                assert!(!text.contains("  ") && !text.contains('\n'), "{}: {text}", entry.code);
                assert!(!text.replace("{context}", "").contains('{'), "{}", entry.code);
            }
            let english = [" the ", " is ", " of "];
            let german = [" der ", " die ", " das ", " den ", " und ", " ist ", " nicht ", " von "];
            let padded = |text: &str| format!(" {} ", text.to_lowercase());
            assert!(!english.iter().any(|word| padded(both.de).contains(word)), "{}", both.de);
            assert!(!german.iter().any(|word| padded(both.en).contains(word)), "{}", both.en);
        }
    }
}

/// Runbooks go by them.
#[test]
fn codes_stay_what_they_are() {
    let codes: BTreeSet<&str> = entries().chain(GENERAL).map(|entry| entry.code).collect();
    let known: BTreeSet<&str> = include_str!("tests/codes.txt").lines().collect();
    let gone: Vec<_> = known.difference(&codes).collect();
    assert!(gone.is_empty(), "codes never change and never go: {gone:?}");
    let new: Vec<_> = codes.difference(&known).collect();
    assert!(new.is_empty(), "add these to src/hints/tests/codes.txt: {new:?}");
}

#[test]
fn a_hint_names_the_context_and_speaks_the_language_that_is_asked_for() {
    let text = "no credentials for the administrator of context 20 (needed for OXUserService.get)";
    let english = hint(None, text, Language::English);
    assert_eq!(english.code, "context-credentials-missing");
    assert!(english.cure.starts_with("Add \"20\" "), "{}", english.cure);
    let german = hint(Some("transport"), text, Language::German);
    assert!(german.cure.starts_with("\"20\" mit "), "{}", german.cure);
    assert_eq!(hint(None, "", Language::English).code, "unknown");
    let strange = "OX refused OXUserService.create: Nobody has seen this (StorageException)";
    assert_eq!(hint(Some("StorageException"), strange, Language::English).code, "refused");
}

/// A name that somebody chose must not choose the hint.
#[test]
fn what_people_write_into_names_does_not_change_the_kind() {
    for (code, text) in [
        ("user-name-taken", "User Communications link failure already exists in this context"),
        (
            "primary-address-taken",
            "Primary mail address \"x Deadlock found when trying to get lock@y\" already exists in context 1 (Already assigned to user 3).",
        ),
        (
            "user-folder-taken",
            "FLD-0075 Categories=PERMISSION_DENIED Message='An infostore folder named \"being updated\" already exists below folder userstore (10) in context 7. Please choose another display name.' exceptionID=1-2",
        ),
    ] {
        let text = format!("OX refused OXUserService.create: {text} (InvalidDataException)");
        assert_eq!(kind_of(Some("InvalidDataException"), &text).code, code, "{text}");
    }
}
