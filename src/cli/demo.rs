//! `drover demo`: a workload made, driven and checked.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use actix_rt::System;
use clap::Args;

use super::Exit;
use crate::actors::supervisor::{Report as EngineReport, Until};
use crate::demo::judge::Call;
use crate::demo::{Defaults, Directory, Params, Progress, Report, Workload};
use crate::model::ItemName;
use crate::queue::QueueWriter;
use crate::service::Service;
use crate::settings::{Settings, Sources};
use crate::sim::{self, Latency};

/// Flags of `drover demo`.
#[derive(Debug, Clone, Args)]
pub struct DemoArgs {
    /// Contexts to make.
    #[arg(long, value_name = "N", default_value = "50")]
    pub contexts: NonZeroU32,
    /// Users in each context.
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub users: u32,
    /// How long the simulator takes for a call, in milliseconds.
    #[arg(long, value_name = "MS", default_value = "0", value_parser = super::milliseconds)]
    pub latency_ms: Duration,
    /// What chance starts from: the same seed makes the same workload [default: drawn, and told].
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Keep the data directory and tell where it is.
    #[arg(long)]
    pub keep: bool,
}

/// Host of users' mail servers in the demo.
const MAIL_HOST: &str = "mail.demo.example";

/// Master of the demo's simulator.
const MASTER: (&str, &str) = ("oxadminmaster", "demo-master");

/// Makes a queue, drives it at the simulator, compares what came out.
///
/// # Errors
/// If something fails that has no exit code of its own.
pub fn run(args: &DemoArgs) -> anyhow::Result<Exit> {
    let seed = args.seed.unwrap_or_else(|| u64::from(rand::random::<u32>()));
    let params = Params { contexts: args.contexts.get(), users: args.users, seed };
    let workload = Workload::generate(params);
    let sim = sim::start(sim::Config {
        master: (MASTER.0.to_owned(), MASTER.1.to_owned()),
        seed,
        ..sim::Config::default()
    })?;
    if !args.latency_ms.is_zero() {
        sim.set_latency(None, Latency::FixedMs(args.latency_ms.as_secs_f64() * 1000.0));
    }
    let folder = Folder::new(args.keep)?;
    let items: usize = workload.phases.iter().map(Vec::len).sum();
    let mut out = std::io::stdout();
    writeln!(
        out,
        "demo: {} contexts, {} users each, {items} queue items in {} phases, seed {seed}\n\
         simulator at {}, data folder {}",
        params.contexts,
        params.users,
        workload.phases.len(),
        sim.base_url(),
        folder.path.display(),
    )?;
    let settings = settings(&folder.path, &sim.base_url())?;
    let service = Service::open(&settings, Until::Told, None)?;
    let started = Instant::now();
    let ended = System::new().block_on(drive(service, &settings, &workload, started))?;
    let took = started.elapsed();
    let report = judge(&workload, &sim, took);
    writeln!(out, "\n{report}")?;
    if args.keep {
        writeln!(out, "the data folder is kept: {}", folder.path.display())?;
    }
    for item in &ended.snapshot.faulty {
        writeln!(out, "faulty: {} ({}): {}", item.item, item.lane, item.fault)?;
    }
    let right = report.is_right() && ended.snapshot.faulty.is_empty() && ended.broken.is_none();
    writeln!(
        out,
        "{}",
        if right {
            "OX holds exactly what the directory says; one call at a time in each context, in order"
        } else {
            "the result is not what it should be"
        }
    )?;
    Ok(if right { Exit::Done } else { Exit::Differs })
}

/// Settings of a service over the demo's folder and simulator: the built-in ones, and the
/// connector's variables as an administrator would set them.
fn settings(folder: &Path, server: &str) -> anyhow::Result<Settings> {
    let env = [
        ("OX_SOAP_SERVER", server.to_owned()),
        ("OX_MASTER_ADMIN", MASTER.0.to_owned()),
        ("OX_MASTER_PASSWORD", MASTER.1.to_owned()),
        ("OX_IMAP_SERVER", format!("imap://{MAIL_HOST}:143")),
        ("OX_SMTP_SERVER", format!("smtp://{MAIL_HOST}:587")),
        ("DOMAINNAME", "demo.example".to_owned()),
        ("DEFAULT_CONTEXT", "10".to_owned()),
    ];
    let sources = Sources {
        file: None,
        env: env.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        data_dir: Some(folder.to_owned()),
    };
    Ok(Settings::load(&sources)?.0)
}

/// Feeds the queue phase by phase, while the service runs.
async fn drive(
    service: Service,
    settings: &Settings,
    workload: &Workload,
    started: Instant,
) -> anyhow::Result<EngineReport> {
    let running = service.start()?;
    let mut snapshots = running.engine.snapshots();
    let stopper = running.engine.stopper();
    let writer = QueueWriter::new(
        settings.queue_dir(),
        jiff::civil::DateTime::constant(2025, 1, 1, 0, 0, 0, 0),
    )
    .without_sync();
    let total: usize = workload.phases.iter().map(Vec::len).sum();
    let mut written = 0;
    let mut progress = Progress::on_stderr("provisioning");
    for phase in &workload.phases {
        for item in phase {
            writer.write_as(&ItemName::new(&item.file), &item.content)?;
            written += 1;
        }
        loop {
            let snapshot = snapshots.borrow_and_update().clone();
            let faulty = snapshot.faulty.len() as u64;
            progress.update(
                started.elapsed(),
                snapshot.ended(),
                total as u64,
                faulty,
                snapshot.active as u64,
            );
            if snapshot.ended() >= written && snapshot.pending == 0 {
                break;
            }
            // A faulty item is the end of a demo: nobody is there to put it right.
            if faulty > 0 && snapshot.running == 0 && snapshot.outage.is_none() {
                break;
            }
            snapshots.changed().await?;
        }
    }
    stopper.drain();
    let report = running.engine.ended().await;
    progress.finish(
        started.elapsed(),
        report.snapshot.ended(),
        total as u64,
        report.snapshot.faulty.len() as u64,
    );
    drop(running.lock);
    Ok(report)
}

/// What OX must hold, against what the simulator holds; and what its call log says about order.
fn judge(workload: &Workload, sim: &sim::Handle, took: Duration) -> Report {
    let mut directory =
        Directory::new(Defaults { default_context: 10, imap_host: MAIL_HOST.to_owned() });
    directory.apply_all(workload.items().map(|item| &item.content));
    let calls: Vec<Call> = sim.log().iter().map(Call::from).collect();
    let mut report = Report { took, ..Report::default() };
    let contexts: BTreeSet<u32> = calls.iter().flat_map(|call| call.contexts.clone()).collect();
    report.contexts = contexts.len() as u64;
    report.count_items(workload.items().map(|item| &item.content));
    report.count_calls(&calls);
    report.judge(&directory.expected_state(), &sim.state(), &calls, &workload.contents());
    report
}

/// A data folder under the temporary one, removed at the end unless it is to be kept.
struct Folder {
    path: PathBuf,
    keep: bool,
}

impl Folder {
    fn new(keep: bool) -> std::io::Result<Self> {
        let name = format!("drover-demo-{}-{:08x}", std::process::id(), rand::random::<u32>());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path)?;
        Ok(Self { path, keep })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.keep
            && let Err(error) = std::fs::remove_dir_all(&self.path)
        {
            tracing::warn!("cannot remove {}: {error}", self.path.display());
        }
    }
}
