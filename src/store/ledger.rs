//! The ledger: what was taken in, what ended how, what operators did; a chain of entries in which
//! each one's hash covers the one before, so that a changed byte or a missing entry is found.
//!
//! It shows mistakes and careless hands, not forgers: whoever can write the database can write a new
//! chain. Old entries are pruned together with the ended items they tell of; the [`Anchor`] sums
//! them up, so that what is left can still be counted and checked against it. Nothing here knows
//! where entries are stored.

mod audit;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::operator::Verb;
use crate::model::{Fate, ItemName, ObjectId, ObjectKind};

pub use audit::{Audit, AuditedItem, Auditor, Broken, Counts, Damage, Gap, GapKind};

/// SHA-256 of an entry and all before it.
pub type Hash = [u8; 32];

/// What an entry tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum Event {
    /// An item was taken in.
    Taken {
        /// Its intake number: 1, 2, 3, … in the order of the entries, never given twice.
        intake: u64,
        /// Name of its file.
        item: ItemName,
        /// SHA-256 of the file's content, in hex.
        digest: String,
        /// The object, if the file said.
        object: Option<ObjectId>,
        /// Its kind.
        kind: Option<ObjectKind>,
    },
    /// An item has ended.
    Ended {
        /// Its intake number.
        intake: u64,
        /// Its final fate.
        outcome: Fate,
    },
    /// An operator did something.
    Act {
        /// What.
        act: Verb,
        /// Why.
        note: Option<String>,
    },
}

impl Event {
    /// An item's intake.
    pub fn taken(
        intake: u64,
        item: &ItemName,
        digest: &[u8; 32],
        object: Option<&ObjectId>,
        kind: Option<ObjectKind>,
    ) -> Self {
        Self::Taken {
            intake,
            item: item.clone(),
            digest: hex(digest),
            object: object.cloned(),
            kind,
        }
    }

    /// As JSON: fields in a fixed order, no blanks.
    fn text(&self) -> String {
        // There is nothing in it that JSON cannot say. Were there, the entry would be empty, and an
        // audit would name it.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// One entry, as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its number: 1, 2, 3, …
    pub nr: u64,
    /// When it was made, milliseconds since 1970 UTC.
    pub at_ms: i64,
    /// The [`Event`] as JSON.
    pub event: String,
    /// SHA-256 of it and of all entries before it; see [`hash()`].
    pub hash: Hash,
}

/// The hash of an entry that follows one with hash `before`.
pub fn hash(before: &Hash, nr: u64, at_ms: i64, event: &[u8]) -> Hash {
    let mut sha = Sha256::new();
    sha.update(before);
    sha.update(nr.to_be_bytes());
    sha.update(at_ms.to_be_bytes());
    sha.update(event);
    sha.finalize().into()
}

/// The sum of all entries that were pruned, and the end of the chain.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Anchor {
    /// Number of the last entry that was pruned; 0 = none was.
    pub pruned: u64,
    /// Its hash.
    pub pruned_hash: Hash,
    /// Pruned entries of items taken in, which is also the greatest intake number among them.
    pub taken: u64,
    /// Pruned entries of ended items, by fate: applied, no-op, superseded, dropped.
    pub ended: [u64; 4],
    /// The first entry that did not fit when it was pruned; it was changed by then.
    pub misfit: Option<u64>,
    /// Number of the newest entry.
    pub last: u64,
    /// Its hash.
    pub last_hash: Hash,
    /// The greatest intake number given.
    pub last_intake: u64,
}

impl Anchor {
    /// The next intake number.
    pub fn next_intake(&mut self) -> u64 {
        self.last_intake += 1;
        self.last_intake
    }

    /// The entry that comes next, made of what happened.
    pub fn enter(&mut self, at_ms: i64, event: &Event) -> Entry {
        let event = event.text();
        self.last += 1;
        self.last_hash = hash(&self.last_hash, self.last, at_ms, event.as_bytes());
        Entry { nr: self.last, at_ms, event, hash: self.last_hash }
    }

    /// Takes in the oldest entry, which is about to be pruned.
    pub fn absorb(&mut self, nr: u64, at_ms: i64, event: &[u8], stored: &[u8]) {
        let expected = hash(&self.pruned_hash, nr, at_ms, event);
        let told = serde_json::from_slice(event);
        if nr != self.pruned + 1 || expected != stored || told.is_err() {
            self.misfit.get_or_insert(nr);
        }
        match told {
            Ok(Event::Taken { .. }) => self.taken += 1,
            Ok(Event::Ended { outcome, .. }) => {
                if let Some(count) = self.ended.get_mut(outcome.place()) {
                    *count += 1;
                }
            }
            Ok(Event::Act { .. }) | Err(_) => {}
        }
        self.pruned = nr;
        // What follows was chained to the hash as it stands here.
        self.pruned_hash = stored.try_into().unwrap_or(expected);
    }
}

/// Bytes in hex.
pub fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_says_what_happened_in_a_fixed_form() {
        let taken =
            Event::taken(1, &ItemName::new("a.json"), &[0xab; 32], None, Some(ObjectKind::User));
        let digest = "ab".repeat(32);
        assert_eq!(
            taken.text(),
            format!(
                r#"{{"event":"taken","intake":1,"item":"a.json","digest":"{digest}","object":null,"kind":"user"}}"#
            )
        );
        let ended = Event::Ended { intake: 1, outcome: Fate::Applied };
        assert_eq!(ended.text(), r#"{"event":"ended","intake":1,"outcome":{"fate":"applied"}}"#);
        let scope = super::super::HoldScope::Context(crate::model::ContextId(7));
        let act = Event::Act { act: Verb::Hold(scope), note: Some("x".to_owned()) };
        assert_eq!(act.text(), r#"{"event":"act","act":{"hold":{"context":7}},"note":"x"}"#);
        for event in [taken, ended, act] {
            assert_eq!(serde_json::from_str::<Event>(&event.text()).unwrap(), event);
        }
    }

    #[test]
    fn the_chain_is_what_the_documentation_says() {
        let mut anchor = Anchor::default();
        let event = Event::Ended { intake: 1, outcome: Fate::Applied };
        let first = anchor.enter(5, &event);
        let bytes: Vec<u8> =
            [&[0; 32][..], &1u64.to_be_bytes(), &5i64.to_be_bytes(), event.text().as_bytes()]
                .concat();
        let expected: Hash = Sha256::digest(bytes).into();
        assert_eq!(first.hash, expected);
        let second = anchor.enter(5, &event);
        assert_eq!((second.nr, anchor.last_hash), (2, second.hash));
        assert_ne!(second.hash, first.hash);
    }
}
