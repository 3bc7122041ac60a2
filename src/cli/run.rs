//! `drover run`: the service.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use actix_rt::System;
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use super::Exit;
use crate::actors::supervisor::{Report, Until};
use crate::admin::Admin;
use crate::metrics::CountCalls;
use crate::notify;
use crate::service::{Service, ServiceError};
use crate::settings::{Notice, Settings, SettingsError, Sources};

/// Flags of `drover run`.
#[derive(Debug, Clone, Args)]
pub struct RunArgs {
    /// Data directory, over what the settings say.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Settings file [default: drover.toml in the data directory, if it exists].
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Work the queue off once, then end.
    #[arg(long)]
    pub once: bool,
    /// With --once: answer operators at the socket, as the service does.
    #[arg(long, requires = "once")]
    pub admin: bool,
    /// Look at the queue every so many seconds even if the file system reports no changes; 0 = do
    /// not.
    #[arg(long, value_name = "SECONDS", value_parser = super::seconds, conflicts_with = "once")]
    pub interval: Option<Duration>,
}

impl RunArgs {
    /// The settings that these flags and this environment make.
    ///
    /// # Errors
    /// As [`Settings::load`].
    pub fn settings(
        &self,
        env: BTreeMap<String, String>,
    ) -> Result<(Settings, Vec<Notice>), SettingsError> {
        let sources = Sources { file: self.config.clone(), env, data_dir: self.data.clone() };
        let (mut settings, notices) = Settings::load(&sources)?;
        if let Some(interval) = self.interval {
            settings.run.interval = (!interval.is_zero()).then_some(interval);
        }
        Ok((settings, notices))
    }
}

/// How often the credentials file and the attribute mapping are looked at for changes, beside the
/// looks that items give them.
const LOOK_AT_FILES: Duration = Duration::from_secs(2);

/// Provisions until told to end, or with `--once` until the queue is worked off.
///
/// # Errors
/// If something fails that has no exit code of its own.
pub fn run(args: &RunArgs, settings: &Settings) -> anyhow::Result<Exit> {
    let until = if args.once { until(settings) } else { Until::Told };
    let service = match Service::open(settings, until, Some(Arc::new(CountCalls))) {
        Ok(service) => service,
        Err(error) => {
            let exit = exit_of(&error);
            tracing::error!("{:#}", anyhow::Error::new(error));
            return Ok(exit);
        }
    };
    if args.once {
        let (exit, summary) = work_off(service, settings, args.admin)?;
        writeln!(std::io::stdout(), "{summary}")?;
        return Ok(exit);
    }
    let report =
        System::new().block_on(serve(service, settings, Some(settings.run.drain), true))?;
    Ok(if report.broken.is_some() { Exit::Internal } else { Exit::Done })
}

/// The end of a run that is to end by itself.
pub(super) fn until(settings: &Settings) -> Until {
    Until::Empty { attempts: settings.retry.once_attempts, outage: settings.retry.once_outage }
}

/// Works the queue off with a service that was opened with [`until`]; answers how that went, with a
/// summary for people. `admin`: operators are answered meanwhile.
pub(super) fn work_off(
    service: Service,
    settings: &Settings,
    admin: bool,
) -> anyhow::Result<(Exit, String)> {
    let report = System::new().block_on(serve(service, settings, None, admin))?;
    let exit = if report.broken.is_some() {
        Exit::Internal
    } else if report.snapshot.outage.is_some() && report.snapshot.pending > 0 {
        Exit::Unreachable
    } else if report.snapshot.faulty.is_empty() {
        Exit::Done
    } else {
        Exit::Faulty
    };
    Ok((exit, summary(&report)))
}

/// What a service that cannot start ends with.
pub(super) fn exit_of(error: &ServiceError) -> Exit {
    match error {
        ServiceError::Lock(_) | ServiceError::QueueFolder { .. } | ServiceError::Store { .. } => {
            Exit::DataDir
        }
        ServiceError::Client(_) | ServiceError::Mapping(_) | ServiceError::Profiles(_) => {
            Exit::Settings
        }
    }
}

/// Runs the engine, and has it drained on SIGTERM or SIGINT; a second signal ends it at once.
///
/// `patience`: how long the mirror may still take then; none = as long as it wants. `admin`: operators
/// are answered.
async fn serve(
    service: Service,
    settings: &Settings,
    patience: Option<Duration>,
    admin: bool,
) -> anyhow::Result<Report> {
    // Before it says that it has started: who reads that may well send a signal at once.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let running = service.start()?;
    let admin = admin.then(|| Admin::open(settings, running.for_operators()));
    if let (Some(admin), Some(address)) = (&admin, settings.metrics.listen) {
        admin.open_to_monitoring(address);
    }
    if settings.notify.is_on() {
        actix_rt::spawn(notify::watch(settings.notify.clone(), running.engine.snapshots()));
    }
    tracing::info!(
        queue = %settings.queue_dir().display(),
        ox = %settings.ox.soap_server,
        "drover {} has started", env!("CARGO_PKG_VERSION")
    );
    let stopper = running.engine.stopper();
    let on_signal = stopper.clone();
    actix_rt::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if !on_signal.drain() {
                tracing::warn!("told twice to end; what runs is done again after the next start");
                std::process::exit(i32::from(Exit::Done.code()));
            }
        }
    });
    let (credentials, mapping) = (running.credentials.clone(), running.mapping.clone());
    actix_rt::spawn(async move {
        let stamp = || std::fs::metadata(&credentials).and_then(|meta| meta.modified()).ok();
        let mut last = stamp();
        let mut look = tokio::time::interval(LOOK_AT_FILES);
        loop {
            look.tick().await;
            mapping.look();
            let now = stamp();
            if now != last {
                last = now;
                stopper.credentials_changed();
            }
        }
    });
    let report = running.engine.ended().await;
    drop(admin);
    if let Some(mirror) = running.mirror {
        mirror.finish(patience);
    }
    if report.sure
        && let Err(problem) = running.lock.finish()
    {
        tracing::warn!(
            "cannot write the lock file: {problem}; the next start will be more careful"
        );
    }
    Ok(report)
}

/// The end of a `--once` run, for people.
fn summary(report: &Report) -> String {
    let s = &report.snapshot;
    let mut text = format!(
        "{} items: {} applied, {} without need, {} superseded, {} dropped, {} done before; {} left",
        s.taken_in,
        s.applied,
        s.no_op,
        s.superseded,
        s.dropped,
        s.repeated,
        s.pending + s.faulty.iter().filter(|item| item.object.is_none()).count(),
    );
    if let Some(reason) = &s.outage {
        let _ = write!(text, "\nOX cannot be reached: {reason}");
    }
    if let Some(reason) = &report.broken {
        let _ = write!(text, "\nended early: {reason}");
    }
    for item in &s.faulty {
        let _ = match (&item.kind, &item.object) {
            (Some(kind), Some(object)) => write!(
                text,
                "\n\n{} stands still at {} ({kind} {object}), {} waiting behind it",
                item.lane, item.item, item.behind
            ),
            _ => write!(text, "\n\nunusable file {}", item.item),
        };
        let _ = write!(
            text,
            "\n  fault: {}\n  attempts: {}\n  {}",
            item.fault, item.attempts, item.advice
        );
    }
    text
}
