//! What contexts and users may have beside their fields: capabilities, granted or denied one by one, and
//! quotas of modules.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// Capabilities by name, in small letters; with a `-` before it one is denied.
pub type Capabilities = BTreeSet<String>;

/// Quotas by the name of their module, such as `calendar`; -1 is unlimited.
pub type ModuleQuotas = BTreeMap<String, i64>;

/// What is to be done so that somebody has other capabilities than he was given.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct CapabilityChange {
    /// Granted from now on.
    pub add: BTreeSet<String>,
    /// Denied from now on.
    pub remove: BTreeSet<String>,
    /// Neither granted nor denied any more.
    pub drop: BTreeSet<String>,
}

impl CapabilityChange {
    /// From what was given to what is wanted; none if that is the same. What somebody else gave is left
    /// alone.
    pub fn between(given: &Capabilities, wanted: &Capabilities) -> Option<Self> {
        let bare = |word: &String| word.strip_prefix('-').unwrap_or(word).to_owned();
        let kept: BTreeSet<String> = wanted.iter().map(bare).collect();
        let mut change = Self::default();
        for word in wanted.difference(given) {
            match word.strip_prefix('-') {
                Some(denied) => change.remove.insert(denied.to_owned()),
                None => change.add.insert(word.clone()),
            };
        }
        let gone = given.difference(wanted).map(bare).filter(|word| !kept.contains(word));
        change.drop.extend(gone);
        (change != Self::default()).then_some(change)
    }
}

/// What a context was last given beside name and quota.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ContextExtras {
    /// Whether it was enabled or disabled; none if drover never did either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Capabilities.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub capabilities: Capabilities,
    /// Quotas of modules.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub module_quotas: ModuleQuotas,
}

impl ContextExtras {
    /// Whether there is nothing to remember.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(list: &[&str]) -> BTreeSet<String> {
        list.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn only_what_differs_is_asked_for_and_a_turned_word_is_not_dropped_as_well() {
        let change = |given: &[&str], wanted: &[&str]| {
            CapabilityChange::between(&words(given), &words(wanted))
        };
        assert_eq!(change(&["drive", "-tasks"], &["drive", "-tasks"]), None);
        let expected = CapabilityChange {
            add: words(&["drive"]),
            remove: words(&["calendar"]),
            drop: words(&["tasks"]),
        };
        assert_eq!(
            change(&["-drive", "calendar", "-tasks"], &["drive", "-calendar"]),
            Some(expected)
        );
    }
}
