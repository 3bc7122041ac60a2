//! What monitoring asks: numbers, and whether drover is well.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use super::Engine;
use super::reply::Reply;
use super::words::{Answer, Refusal, told};
use crate::actors::operator::{Order, Outcome};
use crate::clock::{Clock, SystemClock};
use crate::metrics::{Reading, metrics};

/// How long the scheduler may take to tell what is pending; without it the other numbers are told.
const PATIENCE: Duration = Duration::from_secs(5);

/// What Prometheus's text format is called.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// That the queue was read once.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Started {
    /// Always true; otherwise the answer is a refusal.
    started: bool,
}

/// All numbers.
pub(super) async fn numbers(engine: &Engine) -> Reply {
    let asked = tokio::time::timeout(PATIENCE, engine.operator.order(Order::Depths)).await;
    let pending = match asked {
        Ok(Ok(Outcome::Depths(depths, contexts))) => Some((depths, contexts)),
        _ => None,
    };
    let reading = Reading {
        snapshot: engine.snapshots.borrow().clone(),
        pending,
        limits: engine.limits.snapshot(),
        cache: engine.index.cache_stats(),
        objects: engine.index.len(),
        started_ms: engine.started_ms,
        now_ms: SystemClock.now_ms(),
    };
    Reply::text(TEXT, metrics().text(&reading, engine.metrics_contexts))
}

/// Whether the start is through: the queue was read.
pub(super) fn started(engine: &Engine) -> Answer {
    if engine.snapshots.borrow().read {
        told(&Started { started: true })
    } else {
        Err(Refusal::new(503, "the queue is still being read", "wait a moment"))
    }
}

/// Whether something can be written where drover keeps what it remembers: a file is made there, brought
/// to the disk, and removed.
pub(super) async fn writable(folder: &Path) -> Result<(), Refusal> {
    let path = folder.join(format!(".drover-ready-{}", std::process::id()));
    let wrote = tokio::task::spawn_blocking(move || {
        let wrote = std::fs::File::create(&path).and_then(|mut file| {
            file.write_all(&[0; 512])?;
            file.sync_all()
        });
        let removed = std::fs::remove_file(&path);
        wrote.and(removed)
    });
    let told = |why: String| {
        Refusal::new(
            503,
            format!("nothing can be written in the data directory: {why}"),
            "look at the disk (full, read-only), and at owner and mode of the directory",
        )
    };
    match wrote.await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(problem)) => Err(told(problem.kind().to_string())),
        Err(_) => Err(told("the attempt was given up".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_folder_in_which_nothing_can_be_written_is_told() {
        let dir = tempfile::tempdir().unwrap();
        writable(dir.path()).await.unwrap();
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "nothing is left");
        let gone = writable(&dir.path().join("gone")).await.unwrap_err();
        assert_eq!(gone.status, 503);
    }
}
