//! `drover run`: the service.
//!
//! SIGTERM drains and ends it. SIGHUP gives it new settings: they are read and checked whole, and refused
//! whole with the reason if anything is wrong with them. Most come into force with a new engine: the
//! old one drains as at the end, and its successor begins in the same process, over the same locked data
//! folder; so no part of drover ever works with half of them.

mod manager;
mod reload;
mod signals;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use actix_rt::System;
use clap::Args;

use self::reload::{Current, Reloaded, Source};
use self::signals::{Signals, Told};
use super::Exit;
use crate::actors::supervisor::{Report, Until};
use crate::admin::Admin;
use crate::engine::Stopper;
use crate::mapping_file::MappingFile;
use crate::metrics::CountCalls;
use crate::notify;
use crate::ox::CallObserver;
use crate::queue::{DataLock, Found};
use crate::service::{Service, ServiceError};
use crate::settings::{Notice, Settings, SettingsError, Sources};
use crate::telemetry::{Dial, FILTER_VARIABLE};

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
        self.over(&mut settings);
        Ok((settings, notices))
    }

    /// What these flags say beside the data directory.
    fn over(&self, settings: &mut Settings) {
        if let Some(interval) = self.interval {
            settings.run.interval = (!interval.is_zero()).then_some(interval);
        }
    }
}

/// How often the credentials file and the attribute mapping are looked at for changes, beside the
/// looks that items give them.
const LOOK_AT_FILES: Duration = Duration::from_secs(2);

/// Provisions until told to end, or with `--once` until the queue is worked off. `settings` are those
/// that `args` and `env` make; a service reads them again when it is told to (SIGHUP), and sets `dial`.
///
/// # Errors
/// If something fails that has no exit code of its own.
pub fn run(
    args: &RunArgs,
    env: BTreeMap<String, String>,
    settings: &Settings,
    dial: &Dial,
) -> anyhow::Result<Exit> {
    if !args.once {
        return keep_serving(&Source { args: args.clone(), env }, dial);
    }
    let service = match Service::open(settings, until(settings), watched()) {
        Ok(service) => service,
        Err(error) => return Ok(cannot_start(error)),
    };
    let (exit, summary) = work_off(service, settings, args.admin)?;
    writeln!(std::io::stdout(), "{summary}")?;
    Ok(exit)
}

/// The service: one engine after the other, each with the settings of its time, all over the same
/// locked data folder.
fn keep_serving(source: &Source, dial: &Dial) -> anyhow::Result<Exit> {
    // Before it says that it has started: who reads that may well send a signal at once.
    let mut signals = Signals::listen(true)?;
    let mut current = match source.read() {
        // What is to be said about them was said.
        Ok((current, _)) => current,
        Err(error) => {
            tracing::error!("{:#}", anyhow::Error::new(error));
            return Ok(Exit::Settings);
        }
    };
    let mut opened = Service::open(&current.settings, Until::Told, watched());
    loop {
        let service = match opened {
            Ok(service) => service,
            Err(error) => return Ok(cannot_start(error)),
        };
        let reload = Some(Reload { source, dial });
        let ended =
            System::new().block_on(serve(service, &mut current, &mut signals, reload, true))?;
        let Ended { report, lock, next } = ended;
        let Some(next) = next.filter(|_| report.broken.is_none()) else {
            give_back(lock, &report);
            return Ok(if report.broken.is_some() { Exit::Internal } else { Exit::Done });
        };
        let left = if report.sure { Found::Finished } else { Found::Unfinished };
        opened = Service::open_locked(&next.settings, Until::Told, watched(), lock, left);
        match &opened {
            Ok(_) => current = *next,
            Err(error) => {
                tracing::error!("the previous settings come back, the new ones fail: {error}");
                opened = Service::open(&current.settings, Until::Told, watched());
            }
        }
        dial.set(current.settings.logs.level);
    }
}

/// Every call to OX is counted, for monitoring.
#[expect(clippy::unnecessary_wraps, reason = "what a service takes")]
fn watched() -> Option<Arc<dyn CallObserver>> {
    Some(Arc::new(CountCalls))
}

fn cannot_start(error: ServiceError) -> Exit {
    let exit = exit_of(&error);
    tracing::error!("{:#}", anyhow::Error::new(error));
    exit
}

/// Lets the next one on the data folder know how this one has ended.
fn give_back(lock: DataLock, report: &Report) {
    if report.sure
        && let Err(problem) = lock.finish()
    {
        tracing::warn!(
            "cannot write the lock file: {problem}; the next start will be more careful"
        );
    }
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
    let mut signals = Signals::listen(false)?;
    let mut current = Current::of(settings);
    let ended = System::new().block_on(serve(service, &mut current, &mut signals, None, admin))?;
    let Ended { report, lock, .. } = ended;
    give_back(lock, &report);
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

/// How a reload is done.
struct Reload<'a> {
    source: &'a Source,
    dial: &'a Dial,
}

/// The end of one engine.
struct Ended {
    report: Report,
    lock: DataLock,
    /// The settings that the next one is to have; none: there is no next one.
    next: Option<Box<Current>>,
}

/// Runs the engine, and has it drained on SIGTERM or SIGINT; a second signal ends it at once.
///
/// `reload`: it is the service, SIGHUP gives it new settings and the service manager is told how it goes;
/// without, the mirror may take as long as it wants at the end. `admin`: operators are answered.
async fn serve(
    service: Service,
    current: &mut Current,
    signals: &mut Signals,
    reload: Option<Reload<'_>>,
    admin: bool,
) -> anyhow::Result<Ended> {
    let settings = current.settings.clone();
    let running = service.start()?;
    let admin = admin.then(|| Admin::open(&settings, running.for_operators()));
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
    actix_rt::spawn(look_at_files(running.credentials, running.mapping, stopper.clone()));
    if reload.is_some() {
        actix_rt::spawn(manager::feed(running.engine.heart()));
        actix_rt::spawn(manager::tell_status(running.engine.snapshots()));
        manager::ready();
    }
    let (mut next, mut draining, mut ending) = (None, false, false);
    let mut engine = std::pin::pin!(running.engine.ended());
    let report = loop {
        let told = tokio::select! {
            report = &mut engine => break report,
            told = signals.next() => told,
        };
        match (told, &reload) {
            (Told::End, _) => {
                ending = true;
                if reload.is_some() {
                    manager::stopping();
                }
                stopper.drain();
            }
            (Told::Reload, Some(reload)) if !ending => {
                manager::reloading();
                match reload.source.again(current).await {
                    Reloaded::WithNewEngine(new) => next = Some(new),
                    // What was about to come into force is not wanted any more.
                    Reloaded::Nothing | Reloaded::InForce(_) if draining => {
                        next = Some(Box::new(current.clone()));
                    }
                    Reloaded::Refused(reason) if !draining => {
                        manager::ready();
                        manager::status(&format!("new settings refused: {reason}"));
                    }
                    Reloaded::InForce(new) => {
                        *current = *new;
                        if !reload.dial.set(current.settings.logs.level) {
                            tracing::warn!("{FILTER_VARIABLE} says what is logged, and still does");
                        }
                        manager::ready();
                    }
                    Reloaded::Refused(_) => {}
                    Reloaded::Nothing => manager::ready(),
                }
                if next.is_some() && !draining {
                    draining = true;
                    stopper.drain();
                }
            }
            (Told::Reload, _) => {}
        }
    };
    match (admin, &next) {
        (Some(admin), Some(_)) if !ending => admin.close(),
        (admin, _) => drop(admin),
    }
    if let Some(mirror) = running.mirror {
        mirror.finish(reload.is_some().then_some(settings.run.drain));
    }
    Ok(Ended { report, lock: running.lock, next: next.filter(|_| !ending) })
}

/// Tells the engine of changed credentials, and looks for a changed mapping, as long as it runs.
async fn look_at_files(credentials: PathBuf, mapping: Arc<MappingFile>, engine: Stopper) {
    let stamp = || std::fs::metadata(&credentials).and_then(|meta| meta.modified()).ok();
    let mut last = stamp();
    let mut look = tokio::time::interval(LOOK_AT_FILES);
    loop {
        look.tick().await;
        mapping.look();
        let now = stamp();
        if now != last {
            last = now;
            engine.credentials_changed();
        }
    }
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
