//! Reading values in all their forms; written apart from the engine's own reader, as a second
//! opinion.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// The 23 rights that a profile can grant, by OX's field names; the profile's own words for them
/// are the same in lower case.
const RIGHTS: [&str; 23] = [
    "USM",
    "activeSync",
    "calendar",
    "collectEmailAddresses",
    "contacts",
    "delegateTask",
    "deniedPortal",
    "editGroup",
    "editPassword",
    "editPublicFolders",
    "editResource",
    "globalAddressBookDisabled",
    "ical",
    "infostore",
    "multipleMailAccounts",
    "readCreateSharedFolders",
    "subscription",
    "syncml",
    "tasks",
    "vcard",
    "webdav",
    "webdavXml",
    "webmail",
];

/// All values of a property as texts; empty ones are left out.
pub(in crate::demo) fn texts(properties: &Map<String, Value>, name: &str) -> Vec<String> {
    let values = match properties.get(name) {
        None => Vec::new(),
        Some(Value::Array(list)) => list.clone(),
        Some(single) => vec![single.clone()],
    };
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        _ => String::new(),
    };
    values.iter().map(text).filter(|text| !text.is_empty()).collect()
}

/// The first value of a property, empty if there is none.
pub(in crate::demo) fn text(properties: &Map<String, Value>, name: &str) -> String {
    texts(properties, name).into_iter().next().unwrap_or_default()
}

/// A property as a whole number.
pub(in crate::demo) fn number(properties: &Map<String, Value>, name: &str) -> Option<i64> {
    text(properties, name).trim().parse().ok()
}

/// A property as the number of a context.
pub(in crate::demo) fn context(properties: &Map<String, Value>, name: &str) -> Option<u32> {
    text(properties, name).trim().parse().ok()
}

/// Whether a property of users or groups says yes.
pub(in crate::demo) fn flag(properties: &Map<String, Value>, name: &str) -> bool {
    says(properties.get(name), "OK")
}

/// Yes is `true`, 1, and one word as a text.
fn says(value: Option<&Value>, word: &str) -> bool {
    match value {
        Some(Value::String(text)) => text == word,
        Some(other) => *other == true || *other == 1,
        None => false,
    }
}

/// The rights of a profile, by OX's field names.
pub(in crate::demo) fn rights(properties: &Map<String, Value>) -> BTreeSet<&'static str> {
    let granted = |right: &&str| says(properties.get(&right.to_lowercase()), "TRUE");
    RIGHTS.into_iter().filter(granted).collect()
}

/// A date in ISO form, from that or from day.month.year; none if it is neither.
pub(in crate::demo) fn date(properties: &Map<String, Value>, name: &str) -> Option<String> {
    let text = text(properties, name);
    let parts: Vec<u32> = text.split(['-', '.']).map_while(|part| part.parse().ok()).collect();
    let [a, b, c] = parts.as_slice() else { return None };
    let (year, day) = if text.contains('-') { (a, c) } else { (c, a) };
    Some(format!("{year:04}-{b:02}-{day:02}"))
}

/// A DN without case.
pub(in crate::demo) fn fold_dn(dn: &str) -> String {
    dn.to_lowercase()
}
