//! What has become of a queue item that was taken in: exactly one of these, at any time.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::item::ItemName;

/// Why an item was dropped whose file was removed while it waited. Rows of databases that knew only
/// this reason have none.
const FILE_REMOVED: &str = "its file was removed by hand";

/// Why an item was dropped whose file came again with other content.
const FILE_REWRITTEN: &str = "its file was rewritten";

/// The fate of a queue item. The first four are final and stay; the others are of items that are
/// still open, and follow each other in any order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "fate")]
pub enum Fate {
    /// At least one call changed OX.
    Applied,
    /// OX already was as desired, or the object does not concern OX; `reason` says which.
    NoOp {
        /// A sentence fragment for people.
        reason: String,
    },
    /// A later item of the same object made it pointless.
    Superseded {
        /// File name of that later item.
        by: ItemName,
    },
    /// It was taken out undone.
    Dropped {
        /// A sentence fragment for people.
        #[serde(default = "file_removed")]
        reason: String,
    },
    /// It waits for its turn, or is being done.
    Pending,
    /// Its last attempt failed; it is tried again.
    Faulty {
        /// Attempts so far, the first one included.
        attempts: u32,
        /// When it is tried next, milliseconds since 1970 UTC; none if it is when its turn comes, or
        /// not before its file changes.
        next_ms: Option<i64>,
    },
    /// It was set aside until it is released.
    Parked {
        /// Who did it.
        reason: ParkReason,
        /// What the operator, or the fault, had to say.
        note: Option<String>,
    },
    /// It waits for an item that does not move.
    Blocked {
        /// File name of that item.
        by: ItemName,
    },
}

/// Why an item is parked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParkReason {
    /// The settings ask for it after a fault.
    Fault,
    /// The operator asked for it.
    Operator,
    /// It is one of far more removals than anybody can have meant.
    Guard,
}

impl fmt::Display for ParkReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fault => "by its fault",
            Self::Operator => "by the operator",
            Self::Guard => "by the guard against a broken source",
        })
    }
}

impl Fate {
    /// Names of all fates, the final ones first.
    pub const NAMES: [&str; 8] =
        ["applied", "no-op", "superseded", "dropped", "pending", "faulty", "parked", "blocked"];

    /// Whether nothing follows it.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Applied | Self::NoOp { .. } | Self::Superseded { .. } | Self::Dropped { .. } => {
                true
            }
            Self::Pending | Self::Faulty { .. } | Self::Parked { .. } | Self::Blocked { .. } => {
                false
            }
        }
    }

    /// Whether the same file, found again, is only left over from an item of this fate. It is not if
    /// the item was dropped because its file was taken away or changed: then somebody put it back.
    pub fn settles(&self) -> bool {
        match self {
            Self::Dropped { reason } => reason != FILE_REMOVED && reason != FILE_REWRITTEN,
            _ => self.is_final(),
        }
    }

    /// A word for people and scripts, one of [`Fate::NAMES`].
    pub fn name(&self) -> &'static str {
        Self::NAMES[self.place()]
    }

    /// Its place in [`Fate::NAMES`].
    pub fn place(&self) -> usize {
        match self {
            Self::Applied => 0,
            Self::NoOp { .. } => 1,
            Self::Superseded { .. } => 2,
            Self::Dropped { .. } => 3,
            Self::Pending => 4,
            Self::Faulty { .. } => 5,
            Self::Parked { .. } => 6,
            Self::Blocked { .. } => 7,
        }
    }

    /// The fate of an item whose file was removed by hand.
    pub fn removed_by_hand() -> Self {
        Self::Dropped { reason: file_removed() }
    }

    /// The fate of an item whose file came again with other content.
    pub fn rewritten() -> Self {
        Self::Dropped { reason: FILE_REWRITTEN.to_owned() }
    }
}

fn file_removed() -> String {
    FILE_REMOVED.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn each() -> [Fate; 8] {
        let item = || ItemName::new("2025-03-03-08-00-01.json");
        [
            Fate::Applied,
            Fate::NoOp { reason: "needs no change".to_owned() },
            Fate::Superseded { by: item() },
            Fate::Dropped { reason: "asked for".to_owned() },
            Fate::Pending,
            Fate::Faulty { attempts: 3, next_ms: Some(7) },
            Fate::Parked { reason: ParkReason::Operator, note: None },
            Fate::Blocked { by: item() },
        ]
    }

    #[test]
    fn each_fate_has_its_name_and_the_first_four_are_final() {
        for (place, fate) in each().iter().enumerate() {
            assert_eq!(fate.name(), Fate::NAMES[place]);
            assert_eq!(fate.is_final(), place < 4, "{fate:?}");
        }
    }

    #[test]
    fn a_file_that_went_or_changed_may_come_back_and_what_is_done_or_dropped_on_purpose_not() {
        let settled: Vec<_> = each().iter().filter(|fate| fate.settles()).map(Fate::name).collect();
        assert_eq!(settled, ["applied", "no-op", "superseded", "dropped"]);
        assert!(!Fate::removed_by_hand().settles() && !Fate::rewritten().settles());
    }

    #[test]
    fn a_fate_is_read_as_it_was_written() {
        for fate in each() {
            let text = serde_json::to_string(&fate).unwrap();
            assert_eq!(serde_json::from_str::<Fate>(&text).unwrap(), fate, "{text}");
        }
    }

    #[test]
    fn fates_written_before_there_were_reasons_and_open_ones_are_still_read() {
        for (text, fate) in [
            (r#"{"fate":"applied"}"#, Fate::Applied),
            (r#"{"fate":"no_op","reason":"x"}"#, Fate::NoOp { reason: "x".to_owned() }),
            (
                r#"{"fate":"superseded","by":"a.json"}"#,
                Fate::Superseded { by: ItemName::new("a.json") },
            ),
            (r#"{"fate":"dropped"}"#, Fate::removed_by_hand()),
        ] {
            assert_eq!(serde_json::from_str::<Fate>(text).unwrap(), fate);
        }
    }
}
