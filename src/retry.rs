//! What an error calls for, and how long to wait before trying again.
//!
//! Pure: no clock, no randomness, no I/O; callers bring time and chance.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::ox::{Fault, FaultClass, OxError};

/// What an error calls for.
///
/// It says nothing about whether OX has done what it was asked: that is
/// [`OxError::outcome_unknown`], to be looked at first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// This content is refused, and would be again: stop at the item.
    Lasting,
    /// This context is busy for a moment: try the same again soon, blame nobody.
    Busy,
    /// The target is down or unreachable: nobody's fault, pause the target.
    Outage,
}

/// The verdict on an error.
#[expect(clippy::match_same_arms, reason = "each arm has a reason of its own")]
pub fn verdict(error: &OxError) -> Verdict {
    match error {
        OxError::Fault { fault, .. } => of_fault(fault),
        OxError::Unreachable { .. } | OxError::Lost { .. } => Verdict::Outage,
        // A page in OX's place is the installation's trouble, except where the page blames the
        // message itself: bad request, too large.
        OxError::Http { status: 400 | 413 | 414 | 422, .. } => Verdict::Lasting,
        OxError::Http { .. } => Verdict::Outage,
        // A whole message from OX that says something unexpected, not trouble on the way (that is
        // Lost): the same answer would come again, and only this item need wait for somebody to look.
        OxError::Garbled { .. } => Verdict::Lasting,
        // Until OX is updated, which concerns nothing but what needs it.
        OxError::NotOffered { .. } => Verdict::Lasting,
        OxError::Unwritable { .. } | OxError::NoCredentials { .. } => Verdict::Lasting,
        // Concerns every context alike.
        OxError::CredentialsUnreadable { .. } => Verdict::Outage,
    }
}

#[expect(clippy::match_same_arms, reason = "each arm has a reason of its own")]
fn of_fault(fault: &Fault) -> Verdict {
    match fault.class {
        FaultClass::InvalidCredentials
        | FaultClass::InvalidData
        | FaultClass::NoSuchContext
        | FaultClass::NoSuchUser
        | FaultClass::NoSuchGroup
        | FaultClass::NoSuchResource
        | FaultClass::ContextExists
        | FaultClass::UserExists => Verdict::Lasting,
        // The classes in which OX reports the state of its database.
        FaultClass::Storage | FaultClass::Other => {
            if fault.already_exists().is_some() {
                // Such texts quote names; a name must not be able to pause the target.
                Verdict::Lasting
            } else if says_database_down(&fault.text) {
                Verdict::Outage
            } else if says_busy(fault) {
                Verdict::Busy
            } else {
                Verdict::Lasting
            }
        }
        // Null pointers and unreadable messages; a deadlock once came without a class, too.
        FaultClass::Undeclared if says_deadlock(&fault.text) => Verdict::Busy,
        FaultClass::Undeclared => Verdict::Lasting,
    }
}

/// Texts measured while the database was down. The first call after its return may still fail so.
fn says_database_down(text: &str) -> bool {
    [
        "DBP-0001",
        "PoolException",
        "Cannot get connection to config DB",
        "No connection to database",
        "CommunicationsException",
        "Communications link failure",
    ]
    .iter()
    .any(|words| text.contains(words))
}

fn says_busy(fault: &Fault) -> bool {
    let text = fault.text.as_str();
    // Another writer holds the context's lock; OX itself tried five times.
    text.starts_with("User update conflict:")
        || says_deadlock(text)
        // After parallel context creates; the context does not exist, a repeat succeeds.
        || (text.contains("FLD-0033") && text.contains("No admin user found in context"))
        // At a first re-create of a deleted context; nothing is left behind, a repeat succeeds.
        || (text.contains("FLD-0038") && text.contains("Duplicate entry"))
        // The schema is being migrated after an update of OX.
        || fault.exception.as_deref() == Some("DatabaseUpdateException")
        || says_updating(text)
}

fn says_deadlock(text: &str) -> bool {
    text.contains("Deadlock found when trying to get lock")
        || text.contains("Lock wait timeout exceeded")
}

/// OX's own spelling of "being" has two e's more often than one.
fn says_updating(text: &str) -> bool {
    let text = text.to_lowercase();
    text.contains("database is locked")
        || text.contains("beeing updated")
        || text.contains("being updated")
}

/// A growing, capped, jittered pause between attempts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Backoff {
    first: Duration,
    factor: f64,
    max: Duration,
}

/// Why a backoff makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BackoffError {
    /// The first pause is zero.
    #[error("the first pause must be longer than nothing")]
    NoFirstPause,
    /// The factor would shrink the pauses, or is no number.
    #[error("the factor must be a number of at least 1")]
    Shrinks,
    /// The cap is below the first pause.
    #[error("the longest pause must not be shorter than the first")]
    MaxBelowFirst,
}

impl Backoff {
    /// Pauses that start at `first`, grow by `factor` each time and never exceed `max`.
    ///
    /// # Errors
    /// Unless `first > 0`, `factor >= 1` and finite, `max >= first`.
    pub fn new(first: Duration, factor: f64, max: Duration) -> Result<Self, BackoffError> {
        if first.is_zero() {
            return Err(BackoffError::NoFirstPause);
        }
        if !factor.is_finite() || factor < 1.0 {
            return Err(BackoffError::Shrinks);
        }
        if max < first {
            return Err(BackoffError::MaxBelowFirst);
        }
        Ok(Self { first, factor, max })
    }

    /// The pause after the given attempt (1 = the first try) has failed.
    ///
    /// `jitter` in `0.0..1.0` picks a point in the upper half of the full pause, so that lanes that
    /// failed together do not return together; values outside are taken for the nearest inside.
    pub fn pause(&self, attempt: NonZeroU32, jitter: f64) -> Duration {
        let full = self.full(attempt);
        let jitter = if jitter.is_nan() { 0.0 } else { jitter.clamp(0.0, 1.0) };
        let pause = full.as_secs_f64() * (0.5 + jitter / 2.0);
        Duration::try_from_secs_f64(pause).unwrap_or(full).clamp(full / 2, full)
    }

    fn full(&self, attempt: NonZeroU32) -> Duration {
        let growth = self.factor.powf(f64::from(attempt.get() - 1));
        let seconds = self.first.as_secs_f64() * growth;
        Duration::try_from_secs_f64(seconds).unwrap_or(self.max).clamp(self.first, self.max)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fault(class: FaultClass, exception: Option<&str>, text: &str) -> OxError {
        let fault = Fault {
            class,
            exception: exception.map(ToOwned::to_owned),
            text: text.to_owned(),
            exception_id: None,
            code: "soap:Server".to_owned(),
        };
        OxError::Fault { operation: "OXUserService.change", fault }
    }

    /// Rules: 10/verdict
    #[test]
    fn recorded_faults_get_their_verdict() {
        use FaultClass::{InvalidCredentials, InvalidData, Other, Storage, Undeclared};
        for (class, text, expected) in [
            (
                Storage,
                "User update conflict: Another process is currently modifying user data. Please try again later.",
                Verdict::Busy,
            ),
            (
                Storage,
                "FLD-0033 Categories=ERROR Message='No admin user found in context 7007' exceptionID=-1498680057-534",
                Verdict::Busy,
            ),
            (
                Storage,
                "FLD-0038 Categories=ERROR Message='A SQL error occurred: Duplicate entry '20-24--x' for key 'PRIMARY'' exceptionID=1-2",
                Verdict::Busy,
            ),
            (
                Storage,
                "FLD-0038 Categories=ERROR Message='A SQL error occurred: Deadlock found when trying to get lock; try restarting transaction' exceptionID=1-2",
                Verdict::Busy,
            ),
            (
                Storage,
                "com.mysql.cj.jdbc.exceptions.MySQLTransactionRollbackException: Deadlock found when trying to get lock; try restarting transaction",
                Verdict::Busy,
            ),
            (
                Undeclared,
                "Can't overwrite cause with java.lang.Exception: Deadlock found when trying to get lock; try restarting transaction",
                Verdict::Busy,
            ),
            (
                Other,
                "Database is locked or is now beeing updated, please try again later",
                Verdict::Busy,
            ),
            (
                Storage,
                "com.openexchange.admin.rmi.exceptions.PoolException: DBP-0001 Categories=SERVICE_DOWN Message='Cannot get connection to config DB: Cannot create pooled object.' exceptionID=1-2",
                Verdict::Outage,
            ),
            (
                Storage,
                "com.mysql.cj.jdbc.exceptions.CommunicationsException: Communications link failure",
                Verdict::Outage,
            ),
            (Storage, "No connection to database 4: x", Verdict::Outage),
            (Storage, "Data too long for underlying storage!Error field(s): uid", Verdict::Lasting),
            (
                Storage,
                "java.sql.SQLIntegrityConstraintViolationException: Duplicate entry '1-8-Foo@ctx1.test' for key 'PRIMARY'",
                Verdict::Lasting,
            ),
            (
                Storage,
                "FLD-0075 Categories=PERMISSION_DENIED Message='An infostore folder named \"Communications link failure\" already exists below folder userstore (10) in context 7. Please choose another display name.' exceptionID=1-2",
                Verdict::Lasting,
            ),
            (InvalidData, "Illegal chars: \"&\"", Verdict::Lasting),
            (InvalidData, "User update conflict: in a name", Verdict::Lasting),
            (InvalidCredentials, "Authentication failed", Verdict::Lasting),
            (
                Undeclared,
                "Cannot invoke \"java.util.List.size()\" because \"list\" is null",
                Verdict::Lasting,
            ),
            (Undeclared, "Unmarshalling Error:  ", Verdict::Lasting),
        ] {
            assert_eq!(verdict(&fault(class, None, text)), expected, "{text}");
        }
        let updating = fault(Other, Some("DatabaseUpdateException"), "");
        assert_eq!(verdict(&updating), Verdict::Busy);
    }

    #[test]
    fn transport_errors_blame_nobody_but_an_unwritable_value_its_item() {
        let operation = "OXUserService.change";
        let reason = String::new;
        let http =
            |status| OxError::Http { operation, status, reason: reason(), retry_after: None };
        for (error, expected) in [
            (OxError::Unreachable { operation, reason: reason() }, Verdict::Outage),
            (OxError::Lost { operation, reason: reason() }, Verdict::Outage),
            (http(502), Verdict::Outage),
            (http(200), Verdict::Outage),
            (http(429), Verdict::Outage),
            (http(404), Verdict::Outage),
            (http(413), Verdict::Lasting),
            (OxError::Garbled { operation, reason: reason() }, Verdict::Lasting),
            (OxError::Unwritable { operation, field: "note", reason: reason() }, Verdict::Lasting),
            (OxError::CredentialsUnreadable { operation, reason: reason() }, Verdict::Outage),
        ] {
            assert_eq!(verdict(&error), expected, "{error:?}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        let second = Duration::from_secs(1);
        let new = |first, factor, max| Backoff::new(first, factor, max).unwrap_err();
        assert_eq!(new(Duration::ZERO, 2.0, second), BackoffError::NoFirstPause);
        assert_eq!(new(second, 0.9, second), BackoffError::Shrinks);
        assert_eq!(new(second, f64::NAN, second), BackoffError::Shrinks);
        assert_eq!(new(second, f64::INFINITY, second), BackoffError::Shrinks);
        assert_eq!(new(second, 2.0, second / 2), BackoffError::MaxBelowFirst);
    }

    #[test]
    fn pauses_double_up_to_the_cap() {
        let backoff = Backoff::new(Duration::from_secs(1), 2.0, Duration::from_secs(5)).unwrap();
        let full = |n| backoff.pause(NonZeroU32::new(n).unwrap(), 1.0);
        assert_eq!([1, 2, 3, 4, u32::MAX].map(full).map(|p| p.as_secs()), [1, 2, 4, 5, 5]);
        assert_eq!(backoff.pause(NonZeroU32::MIN, 0.0), Duration::from_millis(500));
    }

    proptest! {
        #[test]
        fn a_pause_is_capped_never_shorter_than_half_the_first_and_grows(
            first in 1u64..u64::MAX,
            more in any::<u64>(),
            factor in 1.0f64..1e12,
            attempt in 1u32..u32::MAX,
            jitter in -0.5f64..1.5,
        ) {
            let first = Duration::from_nanos(first);
            let max = first.saturating_add(Duration::from_secs(more));
            let backoff = Backoff::new(first, factor, max).unwrap();
            let pause = |n| backoff.pause(NonZeroU32::new(n).unwrap(), jitter);
            prop_assert!(pause(attempt) <= max);
            prop_assert!(pause(attempt) >= first / 2);
            prop_assert!(pause(attempt) <= pause(attempt + 1));
        }
    }
}
