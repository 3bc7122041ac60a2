//! The workload: queue files as a directory service would write them, from a seed.
//!
//! Two phases: the first load of an empty OX, and a wave of changes over it (or several waves, each
//! a phase of its own). Together they hold every kind of object and every kind of change that drover
//! knows, in all the forms in which directories deliver one and the same value, and in orders that
//! real queues have: users before their context, groups before their users, the consequences of a
//! rename in files of their own.
//!
//! What is *not* in it, because nobody could say what OX should then hold: two objects with one name
//! or address at one time, users who still point to a context when it is deleted, and a birthday or
//! photo that is taken away (OX cannot clear them).

mod first_load;
mod names;
mod photo;
mod render;
mod town;
mod wave;

use serde_json::Value;

pub(crate) use names::{FIRST_NAMES, LAST_NAMES};
use town::Town;

/// Size and seed of a workload. Equal parameters make equal items, byte for byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Params {
    /// Contexts of the first phase, at least 1; the wave adds at least one more.
    pub contexts: u32,
    /// OX users in each context of the first phase.
    pub users: u32,
    /// Seed of all choices.
    pub seed: u64,
}

impl Default for Params {
    fn default() -> Self {
        Self { contexts: 50, users: 100, seed: 1 }
    }
}

/// One queue file.
#[derive(Debug, Clone, PartialEq)]
pub struct QueueItem {
    /// Its name: a time that goes on from item to item, so that name order is queue order.
    pub file: String,
    /// What stands in it: `id`, `udm_object_type`, `dn`, `object` (null = deleted), `options`.
    pub content: Value,
}

impl QueueItem {
    /// The file's bytes as UCS writes them: indented by four, everything beyond ASCII escaped.
    pub fn to_bytes(&self) -> Vec<u8> {
        render::file_bytes(&self.content)
    }
}

/// Everything that is to be written into the queue, phase by phase.
#[derive(Debug, Clone, PartialEq)]
pub struct Workload {
    /// The phases in their order, the items of each in queue order.
    pub phases: Vec<Vec<QueueItem>>,
}

impl Workload {
    /// Makes the workload of the given size and seed.
    pub fn generate(params: Params) -> Self {
        Self::with_waves(params, 1)
    }

    /// The same with as many waves of changes, each a phase of its own.
    pub fn with_waves(params: Params, waves: usize) -> Self {
        let mut town = Town::new(params);
        first_load::run(&mut town);
        let mut phases = vec![town.take_items()];
        for _ in 0..waves {
            wave::run(&mut town);
            phases.push(town.take_items());
        }
        Self { phases }
    }

    /// What stands in the items, phase by phase, as [`order`](crate::demo::judge::order) wants it
    /// when each phase is put into the queue after the one before is done.
    pub fn contents(&self) -> Vec<Vec<&Value>> {
        self.phases.iter().map(|phase| phase.iter().map(|item| &item.content).collect()).collect()
    }

    /// All items of all phases, in queue order.
    pub fn items(&self) -> impl Iterator<Item = &QueueItem> {
        self.phases.iter().flatten()
    }
}

#[cfg(test)]
mod tests;
