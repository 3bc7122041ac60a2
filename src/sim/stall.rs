//! A server that stands still at times, as for a backup or a collection of garbage: pure.

use std::time::Duration;

/// Standstills that come back. The first begins `every - length` after the server's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stall {
    /// How long each takes; shorter than `every`.
    pub length: Duration,
    /// From the begin of one to the begin of the next.
    pub every: Duration,
}

impl Stall {
    /// None unless the standstill is shorter than the time from one to the next.
    pub fn new(length: Duration, every: Duration) -> Option<Self> {
        (length < every).then_some(Self { length, every })
    }

    /// How long a call that arrives `since` the server's start has to wait for the end of a
    /// standstill; zero outside of one.
    pub fn left(&self, since: Duration) -> Duration {
        let phase = since.as_nanos() % self.every.as_nanos().max(1);
        let left = self.every.as_nanos().saturating_sub(phase);
        match u64::try_from(left) {
            Ok(left) if Duration::from_nanos(left) <= self.length => Duration::from_nanos(left),
            _ => Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_waits_for_the_end_of_a_standstill_and_only_then() {
        let second = Duration::from_secs;
        let stall = Stall::new(second(2), second(20)).unwrap();
        for (at, left) in [(0, 0), (17, 0), (18, 2), (19, 1), (20, 0), (38, 2), (39, 1)] {
            assert_eq!(stall.left(second(at)), second(left), "{at}");
        }
        assert_eq!(Stall::new(second(2), second(2)), None);
    }
}
