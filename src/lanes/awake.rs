//! Lanes that may have something to start.

use std::collections::{HashMap, HashSet, VecDeque};

use super::Lane;

/// Lanes in which something may have become possible, in the order in which it did.
#[derive(Debug, Default)]
pub(super) struct Awake {
    order: VecDeque<Lane>,
    there: HashSet<Lane>,
    /// Lanes with hurried entries, and how many.
    hurried: HashMap<Lane, usize>,
    /// Of the lanes above those that are in a hurry, once more.
    first: VecDeque<Lane>,
    there_first: HashSet<Lane>,
    /// Hurried starts since the last other one.
    pub(super) in_a_row: u32,
}

impl Awake {
    pub(super) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    pub(super) fn insert(&mut self, lane: Lane) {
        if self.there.insert(lane) {
            self.order.push_back(lane);
        }
        if self.hurried.contains_key(&lane) && self.there_first.insert(lane) {
            self.first.push_back(lane);
        }
    }

    pub(super) fn pop_first(&mut self) -> Option<Lane> {
        let lane = self.first.pop_front()?;
        self.there_first.remove(&lane);
        Some(lane)
    }

    pub(super) fn hurry(&mut self, lane: Lane) {
        *self.hurried.entry(lane).or_default() += 1;
        self.insert(lane);
    }

    pub(super) fn calm(&mut self, lane: Lane) {
        if let Some(count) = self.hurried.get_mut(&lane) {
            *count -= 1;
            if *count == 0 {
                self.hurried.remove(&lane);
            }
        }
    }

    pub(super) fn pop(&mut self) -> Option<Lane> {
        let lane = self.order.pop_front()?;
        self.there.remove(&lane);
        Some(lane)
    }
}
