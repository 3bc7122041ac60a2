//! Tells somebody when a context stops or recovers, or OX does, by a webhook or a program.
//!
//! It looks at snapshots once a second and never keeps anybody waiting. What lasts is told once, its
//! end is told once; what comes and goes quickly is one standstill; many at once are one message. News
//! that cannot be delivered wait, and are put together, until they can; the log tells it once.

mod deliver;
mod message;
mod watch;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch as snapshots;
use tokio::time::Instant;

use crate::actors::status::Snapshot;
use crate::hints::{self, Language};
use crate::metrics::metrics;
use crate::settings::Notify;

use deliver::Undelivered;
pub use watch::{News, Place, Trouble, Watcher, merge};

/// How often snapshots are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Pause after a failed delivery; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// Watches and tells until the engine has ended.
pub async fn watch(settings: Notify, snapshots: snapshots::Receiver<Arc<Snapshot>>) {
    let mut watcher = Watcher::new(settings.after, settings.quiet);
    let mut waiting = BTreeMap::new();
    let mut pause = Duration::ZERO;
    let (begun, mut next) = (Instant::now(), Instant::now());
    let mut look = tokio::time::interval(LOOK);
    while snapshots.has_changed().is_ok() {
        look.tick().await;
        let now = snapshots.borrow().clone();
        let standing = standing(&now, settings.language);
        merge(&mut waiting, watcher.look(begun.elapsed(), &standing));
        if waiting.is_empty() || Instant::now() < next {
            continue;
        }
        let message = message::message(&waiting, standing.len()).to_string();
        match tell(&settings, message).await {
            Ok(()) => {
                metrics().notified(true);
                waiting.clear();
                pause = Duration::ZERO;
            }
            Err(problem) => {
                metrics().notified(false);
                // Logged once, until it succeeds again.
                if pause.is_zero() {
                    tracing::warn!("cannot tell of standstills: {problem}; it is tried again");
                }
                pause = (pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
                next = Instant::now() + pause;
            }
        }
    }
}

/// Both ways have to succeed; who was told is told again if the other way fails.
async fn tell(settings: &Notify, message: String) -> Result<(), Undelivered> {
    if let Some(url) = &settings.webhook {
        deliver::post(url, message.clone()).await?;
    }
    if settings.command.is_empty() {
        return Ok(());
    }
    let command = settings.command.clone();
    let run = tokio::task::spawn_blocking(move || deliver::run(&command, &message));
    run.await.unwrap_or(Ok(()))
}

/// What stands still now. Texts of faults are left out: they may quote people's data.
fn standing(now: &Snapshot, language: Language) -> BTreeMap<Place, Trouble> {
    let mut standing = BTreeMap::new();
    let told = |fault: &str| {
        let hint = hints::hint(None, fault, language);
        Trouble { hint: hint.code, means: hint.means, cure: hint.cure, ..Trouble::default() }
    };
    if let Some(outage) = &now.outage {
        standing.insert(Place::Ox, told(outage));
    }
    for item in now.faulty.iter().filter(|item| !item.parked) {
        let context = item.lane.strip_prefix("context ").and_then(|id| id.parse().ok());
        let place = match context {
            Some(id) => Place::Context(id),
            None => Place::Files,
        };
        standing.entry(place).or_insert_with(|| Trouble {
            item: Some(item.item.clone()),
            exception_id: item.exception_id.clone(),
            behind: item.behind,
            ..told(&item.fault)
        });
    }
    standing
}
