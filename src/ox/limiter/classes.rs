//! How long each kind of call takes: the measure by which calls of different kinds are compared.
//!
//! Only the proportions between the classes matter, not the level: whether "a group change takes
//! half of a user create" was learnt while OX was idle or while it was loaded is the same, as long as
//! both were learnt under the same load. What was learnt later is therefore divided by the load of
//! its time.

use std::collections::HashMap;

/// So many calls of a class are measured before it can be a measure itself.
const LEARN: u32 = 16;

/// A kind of call whose instances take about equally long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Class {
    /// Service and operation, such as `OXUserService.change`.
    pub operation: &'static str,
    /// Whether it touches many rows.
    pub heavy: bool,
}

#[derive(Debug, Clone, Copy)]
struct Learnt {
    calls: u32,
    /// Mean seconds of a call, without load.
    seconds: f64,
}

#[derive(Debug, Default)]
pub(super) struct Classes(HashMap<Class, Learnt>);

impl Classes {
    /// The usual seconds of a call of that class; none while it is being learnt, to which this call
    /// contributes. `slowdown` is the present load.
    pub(super) fn usual(&mut self, class: Class, seconds: f64, slowdown: f64) -> Option<f64> {
        let learnt = self.0.entry(class).or_insert(Learnt { calls: 0, seconds: 0.0 });
        if learnt.calls >= LEARN {
            return Some(learnt.seconds);
        }
        learnt.calls += 1;
        // A call that takes no measurable time must not make its class weightless.
        let unloaded = (seconds / slowdown).max(1e-6);
        learnt.seconds += (unloaded - learnt.seconds) / f64::from(learnt.calls);
        None
    }

    /// Makes the present load the one that all is measured by.
    pub(super) fn rescale(&mut self, slowdown: f64) {
        for learnt in self.0.values_mut() {
            learnt.seconds *= slowdown;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_is_learnt_first_and_then_measures_under_any_load() {
        let class = Class { operation: "S.o", heavy: false };
        let mut classes = Classes::default();
        for _ in 0..LEARN {
            assert_eq!(classes.usual(class, 3.0, 1.5), None);
        }
        assert_eq!(classes.usual(class, 9.0, 9.0), Some(2.0));
        classes.rescale(2.0);
        assert_eq!(classes.usual(class, 1.0, 1.0), Some(4.0));
    }
}
