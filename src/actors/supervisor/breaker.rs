//! The breaker: while OX is down, one attempt at a time finds out whether it is back.
//!
//! Pure; the supervisor gives it the news and sets the timers it asks for.

use std::num::NonZeroU32;

/// See the module's description.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Breaker {
    /// OX answers; everything may start.
    #[default]
    Closed,
    /// OX is down; nothing may start until the pause before the next probe is over.
    Open {
        /// Number of the coming probe.
        probe: NonZeroU32,
        /// What was seen.
        reason: String,
    },
    /// One probe runs or may start.
    HalfOpen {
        /// Its number.
        probe: NonZeroU32,
        /// What was seen before it.
        reason: String,
        /// Whether it has started.
        started: bool,
    },
}

/// What the supervisor has to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Order {
    /// Nothing.
    None,
    /// Call [`Breaker::pause_over`] after the pause for this attempt.
    Pause(NonZeroU32),
    /// Let everything go on that waited for OX.
    Resume,
}

impl Breaker {
    /// Whether a part may be started now; counts it as the probe if one is due.
    pub(super) fn may_start(&mut self) -> bool {
        match self {
            Self::Closed => true,
            Self::Open { .. } => false,
            Self::HalfOpen { started, .. } => !std::mem::replace(started, true),
        }
    }

    /// Whether a probe is due and none has started.
    pub(super) fn wants_probe(&self) -> bool {
        matches!(self, Self::HalfOpen { started: false, .. })
    }

    /// What was seen, while OX is down.
    pub(super) fn reason(&self) -> Option<&str> {
        match self {
            Self::Closed => None,
            Self::Open { reason, .. } | Self::HalfOpen { reason, .. } => Some(reason),
        }
    }

    /// A call did not come through.
    pub(super) fn outage(&mut self, seen: &str) -> Order {
        let next = match self {
            Self::Closed => NonZeroU32::MIN,
            // Calls that were on their way when the breaker opened.
            Self::Open { .. } => return Order::None,
            Self::HalfOpen { probe, .. } => probe.saturating_add(1),
        };
        *self = Self::Open { probe: next, reason: seen.to_owned() };
        Order::Pause(next)
    }

    /// OX has answered, with whatever.
    pub(super) fn answered(&mut self) -> Order {
        if *self == Self::Closed {
            return Order::None;
        }
        *self = Self::Closed;
        Order::Resume
    }

    /// The probe ended without having asked OX anything: another one may start.
    pub(super) fn inconclusive(&mut self) {
        if let Self::HalfOpen { started, .. } = self {
            *started = false;
        }
    }

    /// The pause is over: one probe may start.
    pub(super) fn pause_over(&mut self) {
        if let Self::Open { probe, reason } = self {
            *self =
                Self::HalfOpen { probe: *probe, reason: std::mem::take(reason), started: false };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nth(n: u32) -> NonZeroU32 {
        NonZeroU32::new(n).unwrap()
    }

    #[test]
    fn one_probe_at_a_time_asks_whether_ox_is_back() {
        let mut breaker = Breaker::default();
        assert!(breaker.may_start());
        assert_eq!(breaker.outage("refused"), Order::Pause(nth(1)));
        assert_eq!(breaker.outage("refused"), Order::None, "others that were on their way");
        assert!(!breaker.may_start());
        assert!(!breaker.wants_probe());
        breaker.pause_over();
        assert!(breaker.wants_probe());
        assert!(breaker.may_start());
        assert!(!breaker.may_start() && !breaker.wants_probe(), "only one");
        assert_eq!(breaker.outage("refused"), Order::Pause(nth(2)), "growing pauses");
        breaker.pause_over();
        assert!(breaker.may_start());
        breaker.inconclusive();
        assert!(breaker.may_start());
        assert_eq!(breaker.answered(), Order::Resume);
        assert_eq!(breaker.answered(), Order::None);
        assert!(breaker.may_start() && breaker.may_start());
    }
}
