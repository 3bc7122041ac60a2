//! Checks the ledger: every entry against its hash, every intake number against the stored items.

use std::collections::HashMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::{Anchor, Event, Hash, hash, hex};
use crate::model::{Fate, ObjectKind};

/// What came of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// How many items there were, and what became of them.
    pub counts: Counts,
    /// The first entry that does not fit the chain.
    pub broken: Option<Broken>,
    /// The first gap between ledger and items, by intake number.
    pub gap: Option<Gap>,
    /// How many gaps there are.
    pub gaps: u64,
}

/// Numbers of items and entries since the beginning.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counts {
    /// Items taken in.
    pub taken_in: u64,
    /// What became of them, in the order of [`Fate::NAMES`].
    pub fates: [u64; 8],
    /// Of the ended ones, those that only the anchor tells of.
    pub pruned: u64,
    /// Entries that are stored.
    pub entries: u64,
    /// Of those, acts of operators.
    pub acts: u64,
}

impl Counts {
    /// Whether every item that was taken in has a fate.
    pub fn agree(&self) -> bool {
        self.taken_in == self.fates.iter().sum::<u64>()
    }
}

/// An entry that does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broken {
    /// Its number.
    pub nr: u64,
    /// What is wrong with it.
    pub damage: Damage,
}

/// What is wrong with an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// It is not what its hash was made of, or its hash is not the one it had.
    Changed,
    /// It is not there.
    Missing,
    /// It was changed before it was pruned.
    Pruned,
    /// Nobody made it.
    Foreign,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Changed => "was changed after it was written",
            Self::Missing => "is missing",
            Self::Pruned => "had been changed by the time it was pruned",
            Self::Foreign => "was not written by drover",
        })
    }
}

/// An item of which ledger and table of items do not say the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gap {
    /// Its intake number; none if it cannot be told any more.
    pub intake: Option<u64>,
    /// Name of its file, if that is known.
    pub item: Option<String>,
    /// What is wrong.
    pub kind: GapKind,
}

/// How an item is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum GapKind {
    /// It was taken in, and nothing is known of it.
    NoItem,
    /// The ledger does not say that it was taken in.
    NoIntake,
    /// It has ended, and the ledger does not say so.
    NoEnd,
    /// The ledger says that it has ended, and it has not.
    NotEnded,
    /// The ledger says something else of it.
    Differs,
    /// Of the items that were taken in before the oldest entry, so many are missing, or there are
    /// so many too much.
    Lost(u64),
}

impl fmt::Display for GapKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoItem => f.write_str("was taken in, and nothing is known of it any more"),
            Self::NoIntake => f.write_str("is there, but the ledger does not know its intake"),
            Self::NoEnd => f.write_str("has ended, but the ledger does not know of its end"),
            Self::NotEnded => f.write_str("has ended by the ledger, but is stored as open"),
            Self::Differs => f.write_str("is not stored as the ledger tells of it"),
            Self::Lost(count) => write!(
                f,
                "{count} of the items taken in before the oldest entry are missing, or too many"
            ),
        }
    }
}

/// A stored item, as raw as it is stored.
#[derive(Debug, Clone)]
pub struct AuditedItem {
    /// Intake number.
    pub intake: u64,
    /// Name of its file.
    pub item: String,
    /// Digest of its content.
    pub digest: Vec<u8>,
    /// Its object.
    pub object: Option<String>,
    /// Its kind.
    pub kind: Option<ObjectKind>,
    /// Its fate; none if what is stored cannot be read.
    pub fate: Option<Fate>,
    /// Number of the entry that ended it.
    pub ended_by: Option<u64>,
}

/// Compares entries and items. Give it all entries by number, then all items by intake number, then
/// let it finish.
#[derive(Debug)]
pub struct Auditor {
    anchor: Anchor,
    last: u64,
    last_hash: Hash,
    broken: Option<Broken>,
    /// By intake number from the anchor's on: what an item must be, as a short hash; millions of
    /// them may be open.
    taken: Vec<u64>,
    ended: HashMap<u64, (u64, Fate)>,
    /// The intake number that comes next among the items.
    next: u64,
    /// Items that were taken in before the oldest entry.
    old: u64,
    gap: Option<Gap>,
    gaps: u64,
    counts: Counts,
}

impl Auditor {
    /// An auditor that begins after `anchor`.
    pub fn new(anchor: Anchor) -> Self {
        let broken = anchor.misfit.map(|nr| Broken { nr, damage: Damage::Pruned });
        let mut counts = Counts { taken_in: anchor.taken, ..Counts::default() };
        counts.fates[..anchor.ended.len()].copy_from_slice(&anchor.ended);
        counts.pruned = anchor.ended.iter().sum();
        Self {
            last: anchor.pruned,
            last_hash: anchor.pruned_hash,
            broken,
            taken: Vec::new(),
            ended: HashMap::new(),
            next: anchor.taken + 1,
            old: 0,
            gap: None,
            gaps: 0,
            counts,
            anchor,
        }
    }

    /// The next entry, as it is stored.
    pub fn entry(&mut self, nr: u64, at_ms: i64, event: &[u8], stored: &[u8]) {
        self.counts.entries += 1;
        let expected = hash(&self.last_hash, nr, at_ms, event);
        if nr != self.last + 1 {
            self.damaged(self.last + 1, Damage::Missing);
        } else if nr > self.anchor.last {
            self.damaged(nr, Damage::Foreign);
        } else if expected != stored {
            self.damaged(nr, Damage::Changed);
        }
        self.last = nr;
        self.last_hash = stored.try_into().unwrap_or(expected);
        match serde_json::from_slice(event) {
            Ok(Event::Taken { intake, item, digest, object, kind }) => {
                self.counts.taken_in += 1;
                let object = object.as_ref().map(crate::model::ObjectId::as_str);
                self.taken.push(identity(intake, item.as_str(), &digest, object, kind));
            }
            Ok(Event::Ended { intake, outcome }) => {
                self.ended.insert(intake, (nr, outcome));
            }
            Ok(Event::Act { .. }) => self.counts.acts += 1,
            Err(_) => self.damaged(nr, Damage::Changed),
        }
    }

    /// The next item.
    pub fn item(&mut self, item: &AuditedItem) {
        let intake = item.intake;
        if let Some(fate) = &item.fate {
            self.counts.fates[fate.place()] += 1;
        }
        if intake <= self.anchor.taken {
            self.old += 1;
        } else {
            while self.next < intake {
                self.ended.remove(&self.next);
                self.miss(Some(self.next), None, GapKind::NoItem);
                self.next += 1;
            }
            self.next = intake + 1;
        }
        if let Some(kind) = self.wrong(item) {
            self.miss(Some(intake), Some(item.item.clone()), kind);
        }
    }

    fn wrong(&mut self, item: &AuditedItem) -> Option<GapKind> {
        let ended = self.ended.remove(&item.intake);
        if item.intake > self.anchor.taken {
            let place = usize::try_from(item.intake - self.anchor.taken - 1).ok();
            let Some(taken) = place.and_then(|place| self.taken.get(place)) else {
                return Some(GapKind::NoIntake);
            };
            let object = item.object.as_deref();
            let found = identity(item.intake, &item.item, &hex(&item.digest), object, item.kind);
            if found != *taken {
                return Some(GapKind::Differs);
            }
        }
        match (item.ended_by, ended) {
            (None, None) if item.fate.as_ref().is_some_and(|fate| !fate.is_final()) => None,
            (Some(by), Some((nr, fate))) if by == nr && item.fate.as_ref() == Some(&fate) => None,
            (None, None) | (Some(_), Some(_)) => Some(GapKind::Differs),
            (Some(_), None) => Some(GapKind::NoEnd),
            (None, Some(_)) => Some(GapKind::NotEnded),
        }
    }

    /// What came of it.
    pub fn finish(mut self) -> Audit {
        if self.last < self.anchor.last {
            self.damaged(self.last + 1, Damage::Missing);
        } else if self.last_hash != self.anchor.last_hash {
            self.damaged(self.last, Damage::Changed);
        }
        for intake in self.next..=self.anchor.last_intake {
            self.ended.remove(&intake);
            self.miss(Some(intake), None, GapKind::NoItem);
        }
        // What is left ended without being there.
        let mut ended: Vec<u64> = std::mem::take(&mut self.ended).into_keys().collect();
        ended.sort_unstable();
        for intake in ended {
            self.old += 1;
            self.miss(Some(intake), None, GapKind::NoItem);
        }
        // Each item that was taken in before the oldest entry is still there, or ended before it.
        let gone: u64 = self.anchor.ended.iter().sum();
        let lost = self.anchor.taken.abs_diff(gone.saturating_add(self.old));
        if lost > 0 {
            self.miss(None, None, GapKind::Lost(lost));
        }
        Audit { counts: self.counts, broken: self.broken, gap: self.gap, gaps: self.gaps }
    }

    fn damaged(&mut self, nr: u64, damage: Damage) {
        self.broken.get_or_insert(Broken { nr, damage });
    }

    fn miss(&mut self, intake: Option<u64>, item: Option<String>, kind: GapKind) {
        self.gaps += 1;
        let gap = Gap { intake, item, kind };
        if self.gap.as_ref().is_none_or(|first| gap < *first) {
            self.gap = Some(gap);
        }
    }
}

impl Audit {
    /// Whether every entry fits, every item is accounted for, and the numbers agree.
    pub fn is_sound(&self) -> bool {
        self.broken.is_none() && self.gaps == 0 && self.counts.agree()
    }

    /// The intake number of the first gap, if only the ledger can tell its item's name.
    pub fn nameless(&self) -> Option<u64> {
        self.gap.as_ref().filter(|gap| gap.item.is_none()).and_then(|gap| gap.intake)
    }

    /// Takes the name of the first gap's item from the entry of its intake, if this is it.
    pub fn learn_name(&mut self, event: &[u8]) {
        if let (Some(wanted), Ok(Event::Taken { intake, item, .. })) =
            (self.nameless(), serde_json::from_slice(event))
            && intake == wanted
            && let Some(gap) = &mut self.gap
        {
            gap.item = Some(item.to_string());
        }
    }
}

/// A short hash of what an item is and stays.
fn identity(
    intake: u64,
    item: &str,
    digest: &str,
    object: Option<&str>,
    kind: Option<ObjectKind>,
) -> u64 {
    let mut hasher = DefaultHasher::new();
    (intake, item, digest, object, kind).hash(&mut hasher);
    hasher.finish()
}
