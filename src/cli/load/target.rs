//! The target of a load run: its settings, its simulator, its folder, and the way back.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use actix_rt::System;

use super::{Common, IN_FLIGHT, InFlight};
use crate::actors::supervisor::OnFault;
use crate::cli::Exit;
use crate::cli::data::complain;
use crate::load::journal::{Journal, JournalError};
use crate::load::target::permit;
use crate::ox::OxError;
use crate::ox::client::{ClientError, SoapClient};
use crate::queue::DataLock;
use crate::service::{client_settings, credentials};
use crate::settings::{Settings, SettingsError, Sources};
use crate::sim::{self, Latency};

/// Master of the built-in simulator.
const MASTER: (&str, &str) = ("oxadminmaster", "load-master");

/// Where a run goes.
pub(super) struct Goal {
    /// Address of the server.
    pub(super) address: String,
    /// As the report names it.
    pub(super) told: String,
    /// The built-in simulator, if it is the target.
    pub(super) sim: Option<sim::Handle>,
    /// Folder of all runs.
    pub(super) data: PathBuf,
    /// Whether the folder goes with the run.
    temporary: bool,
}

impl Drop for Goal {
    fn drop(&mut self) {
        if self.temporary {
            // It is in the folder for such things; what is left there goes by itself.
            let _ = std::fs::remove_dir_all(&self.data);
        }
    }
}

/// The target that the flags name; a message for people if it may not be put under load.
pub(super) fn goal(common: &Common) -> anyhow::Result<Result<Goal, String>> {
    let temporary = common.data.is_none();
    let data = common.data.clone().unwrap_or_else(|| {
        let name = format!("drover-load-{}-{:08x}", std::process::id(), rand::random::<u32>());
        std::env::temp_dir().join(name)
    });
    if let Some(target) = &common.target {
        return Ok(match permit(target, common.i_own_this_target.as_deref()) {
            Ok(_) => Ok(Goal {
                address: target.clone(),
                told: target.clone(),
                sim: None,
                data,
                temporary: false,
            }),
            Err(refused) => Err(refused.to_string()),
        });
    }
    let sim = sim::start(sim::Config {
        master: (MASTER.0.to_owned(), MASTER.1.to_owned()),
        seed: common.seed,
        capacity: common.capacity.clone(),
        stall: common.stall,
        log_capacity: 0,
        ..sim::Config::default()
    })?;
    if !common.latency_ms.is_zero() {
        sim.set_latency(None, Latency::FixedMs(common.latency_ms.as_secs_f64() * 1000.0));
    }
    let told = format!("built-in simulator, {} ms a call", common.latency_ms.as_millis());
    Ok(Ok(Goal { address: sim.base_url(), told, sim: Some(sim), data, temporary }))
}

/// Settings of a service in a run's folder: those of the environment and the file, but for what would
/// lead out of the folder.
pub(super) fn settings(
    folder: &Path,
    address: &str,
    simulated: bool,
    common: &Common,
    env: &BTreeMap<String, String>,
) -> Result<Settings, SettingsError> {
    let mut env = if simulated { BTreeMap::new() } else { env.clone() };
    env.insert("OX_SOAP_SERVER".to_owned(), address.to_owned());
    if simulated {
        env.insert("OX_MASTER_ADMIN".to_owned(), MASTER.0.to_owned());
        env.insert("OX_MASTER_PASSWORD".to_owned(), MASTER.1.to_owned());
    }
    let sources = Sources { file: common.config.clone(), env, data_dir: Some(folder.to_owned()) };
    let (mut settings, _) = Settings::load(&sources)?;
    settings.ox.credentials_file = None;
    // One item that goes wrong is a number in the report, and no reason for the rest to wait.
    settings.retry.on_fault = OnFault::Park;
    settings.guard.percent = 0;
    match common.in_flight {
        Some(InFlight::Adaptive) => settings.limits.adaptive = true,
        fixed => {
            settings.limits.adaptive = false;
            settings.limits.max_in_flight = match fixed {
                Some(InFlight::Fixed(calls)) => calls,
                _ => IN_FLIGHT,
            };
        }
    }
    Ok(settings)
}

/// A client of the target with the master's credentials.
pub(super) fn client(settings: &Settings) -> Result<SoapClient, ClientError> {
    SoapClient::new(&client_settings(settings), Arc::new(credentials(settings)), None)
}

/// `drover load --clean RUN`.
pub(super) fn clean(
    name: &str,
    common: &Common,
    env: &BTreeMap<String, String>,
) -> anyhow::Result<Exit> {
    let goal = match goal(common)? {
        Ok(goal) => goal,
        Err(refused) => {
            complain(&refused);
            return Ok(Exit::Usage);
        }
    };
    let folder = Journal::folder(&goal.data, name);
    let journal = match Journal::read(&folder) {
        Ok(journal) => journal,
        Err(problem) => {
            complain(&problem.to_string());
            return Ok(Exit::Nothing);
        }
    };
    if journal.target != goal.address {
        complain(&format!(
            "run {name} went to {}, not to {}; nothing was removed",
            journal.target, goal.address
        ));
        return Ok(Exit::Usage);
    }
    let settings = match settings(&folder, &goal.address, false, common, env) {
        Ok(settings) => settings,
        Err(problem) => {
            complain(&format!("{:#}", anyhow::Error::new(problem)));
            return Ok(Exit::Settings);
        }
    };
    // A run that still works there would make anew what is removed.
    let lock = match DataLock::acquire(&folder) {
        Ok(lock) => lock,
        Err(problem) => {
            complain(&problem.to_string());
            return Ok(Exit::DataDir);
        }
    };
    let client = client(&settings)?;
    let cleaned = System::new().block_on(journal.clean(&client));
    drop(lock);
    match cleaned {
        Ok(removed) => {
            Journal::end(&folder)?;
            writeln!(std::io::stdout(), "run {name}: {removed} contexts removed")?;
            Ok(Exit::Done)
        }
        Err(problem) => {
            complain(&problem.to_string());
            Ok(exit_of(&problem))
        }
    }
}

/// What a run ends with that cannot begin or be cleaned up.
pub(super) fn exit_of(problem: &JournalError) -> Exit {
    match problem {
        JournalError::Exists(_) | JournalError::Unusable { .. } => Exit::DataDir,
        JournalError::Missing(_) => Exit::Nothing,
        JournalError::Occupied { .. } => Exit::Usage,
        JournalError::Target(OxError::Unreachable { .. } | OxError::Lost { .. }) => {
            Exit::Unreachable
        }
        JournalError::Target(_) => Exit::NotReady,
    }
}
