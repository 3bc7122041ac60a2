//! What is done to the population, and how often.

use std::fmt;
use std::str::FromStr;

use rand::Rng;

/// A kind of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// A context is made. Only while the population is laid.
    NewContext,
    /// A user is made.
    Create,
    /// A user's data change, but no address of his.
    Modify,
    /// A user's second address changes: OX has to be asked first under which he sends.
    Alias,
    /// A user gets another login name and address.
    Rename,
    /// A user goes to another context.
    Move,
    /// Somebody joins or leaves a group, or it follows a change of a member.
    Membership,
    /// A user is deleted.
    Delete,
    /// A context's quota changes.
    Quota,
    /// A recorded item, whatever it is.
    Replayed,
}

impl Change {
    /// Those that a mix can name.
    const MIXED: [Self; 8] = [
        Self::Create,
        Self::Modify,
        Self::Alias,
        Self::Rename,
        Self::Move,
        Self::Membership,
        Self::Delete,
        Self::Quota,
    ];

    /// Its word in flags and reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::NewContext => "context",
            Self::Create => "create",
            Self::Modify => "modify",
            Self::Alias => "alias",
            Self::Rename => "rename",
            Self::Move => "move",
            Self::Membership => "membership",
            Self::Delete => "delete",
            Self::Quota => "quota",
            Self::Replayed => "replayed",
        }
    }
}

/// Weights of changes, at least one above 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mix(Vec<(Change, u32)>);

impl Mix {
    /// Draws a kind of change.
    pub fn draw(&self, rng: &mut impl Rng) -> Change {
        let all: u32 = self.0.iter().map(|(_, weight)| weight).sum();
        let mut place = rng.random_range(0..all.max(1));
        for (change, weight) in &self.0 {
            if place < *weight {
                return *change;
            }
            place -= weight;
        }
        Change::Modify
    }
}

impl Default for Mix {
    /// A day of a directory: mostly people's data.
    fn default() -> Self {
        Self(vec![
            (Change::Create, 12),
            (Change::Modify, 54),
            (Change::Alias, 6),
            (Change::Rename, 3),
            (Change::Move, 1),
            (Change::Membership, 15),
            (Change::Delete, 6),
            (Change::Quota, 3),
        ])
    }
}

/// `create=10,modify=80,delete=10`.
impl FromStr for Mix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words = Change::MIXED.map(Change::word).join(", ");
        let part = |part: &str| {
            let (word, weight) = part.split_once('=')?;
            let change = Change::MIXED.into_iter().find(|change| change.word() == word.trim())?;
            let weight = weight.trim().parse().ok().filter(|weight| *weight <= 1_000_000)?;
            Some((change, weight))
        };
        let parts: Option<Vec<(Change, u32)>> = text.split(',').map(part).collect();
        let parts = parts.filter(|parts| parts.iter().any(|(_, weight)| *weight > 0));
        parts.map(Self).ok_or_else(|| {
            format!("expected weights such as create=10,modify=90 of {words}, one above 0")
        })
    }
}

impl fmt::Display for Mix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (change, weight)) in self.0.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            write!(f, "{comma}{}={weight}", change.word())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rand::SeedableRng as _;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn changes_come_as_often_as_their_weights_say() {
        let mix: Mix = "create=1,modify=3,delete=0".parse().unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut counts: BTreeMap<Change, u32> = BTreeMap::new();
        for _ in 0..40_000 {
            *counts.entry(mix.draw(&mut rng)).or_default() += 1;
        }
        assert_eq!(counts.len(), 2);
        assert!(counts[&Change::Create].abs_diff(10_000) < 400, "{counts:?}");
        assert_eq!(mix.to_string(), "create=1,modify=3,delete=0");
        assert_eq!(Mix::default().to_string().parse::<Mix>(), Ok(Mix::default()));
        for bad in ["", "create", "create=0", "context=1", "fly=2", "create=-1"] {
            assert!(bad.parse::<Mix>().is_err(), "{bad}");
        }
    }
}
