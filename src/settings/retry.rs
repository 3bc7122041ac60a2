//! What happens when something fails, and how long to wait.

use std::num::NonZeroU32;
use std::time::Duration;

use super::layers::Layers;
use super::problem::BadValue;
use crate::actors::supervisor::{OnFault, StopScope};
use crate::retry::Backoff;

/// What each pause is of the one before.
const FACTOR: f64 = 2.0;

const MOST_ATTEMPTS: u32 = 1_000_000;

/// Section `retry`.
#[derive(Debug, Clone, PartialEq)]
pub struct Retry {
    /// What to do with a faulty item.
    pub on_fault: OnFault,
    /// What stands still meanwhile.
    pub stop_scope: StopScope,
    /// Pauses between attempts at a faulty item.
    pub faulty: Backoff,
    /// Pauses when OX asks for a moment.
    pub busy: Backoff,
    /// Pauses between looks at an OX that is down.
    pub outage: Backoff,
    /// Attempts before a busy answer counts as a fault.
    pub busy_attempts: NonZeroU32,
    /// With `--once`: attempts at a faulty item, the first included.
    pub once_attempts: NonZeroU32,
    /// With `--once`: how long an outage is borne.
    pub once_outage: Duration,
}

impl Retry {
    pub(super) fn read(layers: &Layers) -> Result<Self, BadValue> {
        Ok(Self {
            on_fault: layers
                .field("retry.on_fault")
                .choice(&[("stop", OnFault::Stop), ("park", OnFault::Park)])?,
            stop_scope: layers
                .field("retry.stop_scope")
                .choice(&[("context", StopScope::Context), ("all", StopScope::All)])?,
            faulty: backoff(layers, "retry.faulty_first_s", "retry.faulty_max_s")?,
            busy: backoff(layers, "retry.busy_first_s", "retry.busy_max_s")?,
            outage: backoff(layers, "retry.outage_first_s", "retry.outage_max_s")?,
            busy_attempts: layers.field("retry.busy_attempts").count(MOST_ATTEMPTS)?,
            once_attempts: layers.field("retry.once_attempts").count(MOST_ATTEMPTS)?,
            once_outage: layers.field("retry.once_outage_s").seconds_from(0.0)?,
        })
    }
}

fn backoff(layers: &Layers, first: &'static str, max: &'static str) -> Result<Backoff, BadValue> {
    let longest = layers.field(max);
    Backoff::new(layers.field(first).seconds()?, FACTOR, longest.seconds()?)
        .map_err(|_| longest.refuse(&format!("at least {first}"), "raise it, or lower the other"))
}
