//! Objects that have an item set aside: nothing is done with them until it is through.

use std::collections::HashSet;
use std::sync::RwLock;

use crate::model::ObjectId;

/// Objects with a parked item, or one that cannot be done without a parked one. Written by the
/// supervisor only.
#[derive(Debug, Default)]
pub struct Aside(RwLock<HashSet<ObjectId>>);

impl Aside {
    /// Whether an item of the object is set aside.
    pub fn contains(&self, object: &ObjectId) -> bool {
        match self.0.read() {
            Ok(objects) => objects.contains(object),
            Err(poisoned) => poisoned.into_inner().contains(object),
        }
    }

    /// From now on it is these.
    pub fn replace(&self, objects: HashSet<ObjectId>) {
        match self.0.write() {
            Ok(mut present) => *present = objects,
            Err(poisoned) => *poisoned.into_inner() = objects,
        }
    }
}
