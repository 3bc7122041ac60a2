//! News: what has become durable, told to whoever listens.
//!
//! The recorder tells, after the commit; nobody who listens can keep it waiting. Each listener has a
//! bounded number of news before it; one that reads too slowly loses the oldest of them and learns
//! how many ([`Loss`]). Beside that the last failed attempts of items that stand still are kept, for
//! their stories; they do not survive a restart, which only the last one of each item does.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use crate::model::{Fate, ItemName, ObjectId, ObjectKind};
use crate::store::{Change, Commit, FaultRecord, ItemOutcome, OperatorAct};

/// News that may be before one listener.
const KEPT: usize = 1024;

/// Attempts that are kept of one item, the newest.
const ATTEMPTS: usize = 20;

/// Items of which attempts are kept, so that a flood of faults costs no more than some megabytes.
const ITEMS: usize = 2_000;

/// Something that became durable.
#[derive(Debug, Clone, PartialEq)]
pub enum News {
    /// An item was taken in.
    Taken {
        /// Its queue file.
        item: ItemName,
        /// The object, if the file says.
        object: Option<ObjectId>,
        /// Its kind.
        kind: Option<ObjectKind>,
        /// When, milliseconds since 1970 UTC.
        at_ms: i64,
    },
    /// An attempt at an item failed, and it stands still or is set aside.
    Failed(FaultRecord),
    /// An open item has another fate.
    Became {
        /// Its queue file.
        item: ItemName,
        /// One that is not final.
        fate: Fate,
    },
    /// An item has ended.
    Ended(ItemOutcome),
    /// An operator did something to an item, a context or everything.
    Acted(OperatorAct),
}

impl News {
    fn of(change: &Change) -> Option<Self> {
        Some(match change {
            Change::TakeIn { item, object, kind, at_ms, .. } => Self::Taken {
                item: item.clone(),
                object: object.clone(),
                kind: *kind,
                at_ms: *at_ms,
            },
            Change::PutFault(fault) => Self::Failed(fault.clone()),
            Change::SetFate { item, fate } => {
                Self::Became { item: item.clone(), fate: fate.clone() }
            }
            Change::End(outcome) => Self::Ended(outcome.clone()),
            Change::Act(act) => Self::Acted(act.clone()),
            // What is held and resumed comes with the act.
            _ => return None,
        })
    }
}

/// News with its number: 1, 2, 3, … since the start.
#[derive(Debug, Clone, PartialEq)]
pub struct Numbered {
    /// Its number.
    pub number: u64,
    /// What.
    pub news: News,
}

/// A failed attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Its number, from 1.
    pub number: u32,
    /// When, milliseconds since 1970 UTC.
    pub at_ms: i64,
    /// Class of the fault.
    pub class: String,
    /// What happened.
    pub text: String,
    /// OX's exception id.
    pub exception_id: Option<String>,
}

/// Where news are told and heard; a cheap handle.
#[derive(Debug, Clone)]
pub struct Newsroom {
    sender: broadcast::Sender<Arc<Numbered>>,
    told: Arc<AtomicU64>,
    attempts: Arc<Mutex<HashMap<ItemName, VecDeque<Attempt>>>>,
}

impl Default for Newsroom {
    fn default() -> Self {
        Self {
            sender: broadcast::Sender::new(KEPT),
            told: Arc::default(),
            attempts: Arc::default(),
        }
    }
}

/// So many news were lost, because they were not heard in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loss(pub u64);

/// Somebody who listens, from when it began.
#[derive(Debug)]
pub struct Listener(broadcast::Receiver<Arc<Numbered>>);

impl Newsroom {
    /// Tells what is durable now. Costs next to nothing if nobody listens and nothing failed.
    pub fn tell(&self, commits: &[Commit]) {
        for change in commits.iter().flatten() {
            self.keep(change);
            // Numbers go on, so that whoever comes back sees how much was told meanwhile.
            if self.sender.receiver_count() == 0 {
                continue;
            }
            if let Some(news) = News::of(change) {
                let number = self.told.fetch_add(1, Ordering::Relaxed) + 1;
                // All may have left just now.
                let _ = self.sender.send(Arc::new(Numbered { number, news }));
            }
        }
    }

    fn keep(&self, change: &Change) {
        match change {
            Change::PutFault(fault) => {
                let mut kept = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
                if kept.len() >= ITEMS && !kept.contains_key(&fault.item) {
                    return;
                }
                let attempts = kept.entry(fault.item.clone()).or_default();
                // What an earlier run left behind is put again when its item comes up.
                if attempts.back().is_some_and(|last| last.at_ms == fault.last_ms) {
                    return;
                }
                if attempts.len() == ATTEMPTS {
                    attempts.pop_front();
                }
                attempts.push_back(Attempt {
                    number: fault.attempts,
                    at_ms: fault.last_ms,
                    class: fault.class.clone(),
                    text: fault.text.clone(),
                    exception_id: fault.exception_id.clone(),
                });
            }
            Change::End(ItemOutcome { item, .. }) | Change::ClearFault { item } => {
                let mut kept = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
                if !kept.is_empty() {
                    kept.remove(item);
                }
            }
            _ => {}
        }
    }

    /// The last failed attempts at an item that is not through, the oldest first.
    pub fn attempts(&self, item: &ItemName) -> Vec<Attempt> {
        let kept = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(item).map(|attempts| attempts.iter().cloned().collect()).unwrap_or_default()
    }

    /// Listens from now on.
    pub fn listen(&self) -> Listener {
        Listener(self.sender.subscribe())
    }
}

impl Listener {
    /// The next news, or how many were lost before it; none when nothing more can come.
    pub async fn next(&mut self) -> Option<Result<Arc<Numbered>, Loss>> {
        match self.0.recv().await {
            Ok(news) => Some(Ok(news)),
            Err(RecvError::Lagged(lost)) => Some(Err(Loss(lost))),
            Err(RecvError::Closed) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(n: u32) -> Change {
        Change::PutFault(FaultRecord {
            item: ItemName::new("a.json"),
            context: None,
            object: None,
            class: "X".into(),
            text: format!("{n}"),
            exception_id: None,
            fingerprint: "X".into(),
            attempts: n,
            first_ms: 1,
            last_ms: i64::from(n),
        })
    }

    #[tokio::test]
    async fn who_listens_too_slowly_learns_how_much_was_lost_and_keeps_nobody_waiting() {
        let room = Newsroom::default();
        room.tell(&[vec![fault(1)]]);
        let mut slow = room.listen();
        for n in 2..=5_000 {
            room.tell(&[vec![fault(n)]]);
        }
        let lost = 4_999 - KEPT as u64;
        assert_eq!(slow.next().await, Some(Err(Loss(lost))));
        let first = slow.next().await.unwrap().unwrap();
        assert_eq!(first.number, lost + 1, "nobody listened to the first one");
        let News::Failed(record) = &first.news else { panic!("{first:?}") };
        assert_eq!(u64::from(record.attempts), lost + 2);
    }

    #[test]
    fn the_last_attempts_are_kept_as_long_as_the_item_is_not_through() {
        let room = Newsroom::default();
        for n in 1..=25 {
            room.tell(&[vec![fault(n)], vec![fault(n)]]);
        }
        let item = ItemName::new("a.json");
        let numbers: Vec<u32> = room.attempts(&item).iter().map(|one| one.number).collect();
        assert_eq!(numbers, (6..=25).collect::<Vec<_>>());
        room.tell(&[vec![Change::ClearFault { item: item.clone() }]]);
        assert_eq!(room.attempts(&item), []);
    }
}
