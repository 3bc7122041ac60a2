//! What the service manager (systemd) is told: that drover is ready, reloads, ends, how it goes, and,
//! as long as the engine moves, that it need not be killed.
//!
//! Without `NOTIFY_SOCKET` in the environment nobody is told anything.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio::sync::watch;

use crate::actors::status::Snapshot;
use crate::engine::Heart;

/// The watchdog is fed this many times within the time after which it bites: one delayed beat is no harm.
const FEEDINGS: u32 = 3;

/// The state is told once in so long at most.
const STATUS_EVERY: Duration = Duration::from_secs(1);

/// drover works, or works again, with the settings it was given.
pub(super) fn ready() {
    // A manager that waits for this word would take the service for dead without it.
    if let Err(problem) = sd_notify::notify(&[NotifyState::Ready]) {
        tracing::warn!("the service manager cannot be told that drover is ready: {problem}");
    }
}

/// Settings are being read again; [`ready`] follows in any case.
pub(super) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(_) => tell(&[NotifyState::Reloading]),
    }
}

/// drover ends.
pub(super) fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("draining")]);
}

/// How it goes, in a line.
pub(super) fn status(line: &str) {
    tell(&[NotifyState::Status(line)]);
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(problem) = sd_notify::notify(states) {
        tracing::debug!("the service manager cannot be told: {problem}");
    }
}

/// Feeds the watchdog, if there is one, with the engine's own heartbeat: an engine that hangs does not
/// feed it. Ends when the engine has.
pub(super) async fn feed(mut heart: Heart) {
    let Some(bites_after) = sd_notify::watchdog_enabled() else { return };
    let pause = bites_after / FEEDINGS;
    while heart.beat().await {
        tell(&[NotifyState::Watchdog]);
        tokio::time::sleep(pause).await;
    }
}

/// Tells how it goes, whenever that changes. Ends when the engine has.
pub(super) async fn tell_status(mut snapshots: watch::Receiver<std::sync::Arc<Snapshot>>) {
    let mut told = String::new();
    while snapshots.changed().await.is_ok() {
        let line = line(&snapshots.borrow_and_update());
        if line != told {
            status(&line);
            told = line;
        }
        tokio::time::sleep(STATUS_EVERY).await;
    }
}

/// A snapshot in one line, without anybody's data.
fn line(now: &Snapshot) -> String {
    if !now.read {
        return format!("reading the queue, {} items so far", now.taken_in);
    }
    let mut parts = Vec::new();
    if now.outage.is_some() {
        parts.push("OX cannot be reached".to_owned());
    }
    let standing = now.faulty.iter().filter(|item| !item.parked).count();
    for (count, what) in [
        (standing, "faulty"),
        (now.parked, "set aside"),
        (now.holds.len(), "held by the operator"),
        (now.pending, "pending"),
    ] {
        if count > 0 {
            parts.push(format!("{count} {what}"));
        }
    }
    if parts.is_empty() { "everything is provisioned".to_owned() } else { parts.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_what_is_wrong_first_and_nobodys_name() {
        let mut now = Snapshot { taken_in: 7, ..Snapshot::default() };
        assert_eq!(line(&now), "reading the queue, 7 items so far");
        now.read = true;
        assert_eq!(line(&now), "everything is provisioned");
        now.outage = Some("ox.heide.example: anna@heide.example".to_owned());
        now.parked = 2;
        now.pending = 12;
        assert_eq!(line(&now), "OX cannot be reached, 2 set aside, 12 pending");
    }
}
