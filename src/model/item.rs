//! Queue items: their names and their place in the order.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Name of a queue file, which is also its place in the total order of the queue.
///
/// Order: the time in the name (`YYYY-mm-dd-HH-MM-SS[-fraction]`, the fraction read as a decimal
/// fraction of a second, so `-5` and `-500000` are the same moment and no fraction is 0), then the
/// name. Names without a time come after all that have one, by name.
///
/// A copy costs no more than a pointer: a pending item's name is in many places at once.
#[derive(Clone)]
pub struct ItemName(Arc<Named>);

struct Named {
    moment: Option<[u32; 7]>,
    text: Box<str>,
}

impl ItemName {
    /// Reads a file name such as `2025-03-03-08-00-01-104233.json`.
    pub fn new(text: &str) -> Self {
        Self(Arc::new(Named { moment: moment(text), text: text.into() }))
    }

    /// The file name.
    pub fn as_str(&self) -> &str {
        &self.0.text
    }
}

impl PartialEq for ItemName {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.text == other.0.text
    }
}

impl Eq for ItemName {}

impl Hash for ItemName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.text.hash(state);
    }
}

/// Year, month, day, hour, minute, second, nanosecond of a file name.
fn moment(name: &str) -> Option<[u32; 7]> {
    let stem = name.strip_suffix(".json").unwrap_or(name);
    let parts: Vec<&str> = stem.split('-').collect();
    if !(6..=7).contains(&parts.len()) {
        return None;
    }
    let digits = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !parts.iter().all(digits) {
        return None;
    }
    let mut moment = [0; 7];
    for (slot, part) in moment.iter_mut().zip(&parts).take(6) {
        *slot = part.parse().ok()?;
    }
    if let Some(fraction) = parts.get(6) {
        let nanos: String = fraction.chars().chain("000000000".chars()).take(9).collect();
        moment[6] = nanos.parse().ok()?;
    }
    Some(moment)
}

impl Ord for ItemName {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        if Arc::ptr_eq(&self.0, &other.0) {
            return std::cmp::Ordering::Equal;
        }
        let key = |name: &Self| (name.0.moment.is_none(), name.0.moment);
        key(self).cmp(&key(other)).then_with(|| self.0.text.cmp(&other.0.text))
    }
}

impl PartialOrd for ItemName {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for ItemName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for ItemName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for ItemName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ItemName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self::new(&text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rules: 2.2, D47
    #[test]
    fn names_are_ordered_by_time_then_text() {
        let mut names = [
            "zzz.json",
            "2025-03-03-08-00-02.json",
            "2025-03-03-08-00-01-104233.json",
            "2025-03-03-08-00-01-1042330001.json",
            "2025-03-03-08-00-01.json",
            "aaa.json",
            "2025-03-03-08-00-01-09.json",
        ]
        .map(ItemName::new);
        names.sort();
        let names: Vec<&str> = names.iter().map(ItemName::as_str).collect();
        assert_eq!(
            names,
            [
                "2025-03-03-08-00-01.json",
                "2025-03-03-08-00-01-09.json",
                "2025-03-03-08-00-01-104233.json",
                "2025-03-03-08-00-01-1042330001.json",
                "2025-03-03-08-00-02.json",
                "aaa.json",
                "zzz.json",
            ]
        );
    }
}
