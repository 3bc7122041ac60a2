//! Settings: what they are, where they come from, and what is wrong with them.
//!
//! Layers, later over earlier: the built-in [`DEFAULTS`], a file, the OX Connector's environment
//! variables, `DROVER__SECTION__KEY` in the environment, the command line. Every bad value is
//! reported with the place it was set at; what has no effect is reported too. Nothing here reads the
//! process environment: callers bring it.

mod admin;
mod effect;
mod explained;
mod field;
mod groups;
mod guard;
mod later;
mod layers;
mod ledger;
mod limits;
mod lines;
mod logs;
mod mapping;
mod metrics;
mod mirror;
mod notify;
mod ox;
mod problem;
mod queue;
mod references;
mod retry;
mod run;
mod scope;
mod variables;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use admin::Admin;
pub(crate) use effect::changed;
pub use effect::{TakesEffect, takes_effect};
pub use explained::{Explained, Origin};
pub use layers::DEFAULTS;
pub use ledger::Ledger;
pub use limits::Limits;
pub use logs::{LogFormat, Logs};
pub use mapping::{MailServer, Mapping};
pub use metrics::Metrics;
pub use mirror::Mirror;
pub use notify::Notify;
pub use ox::Ox;
pub use problem::{BadValue, Notice, SettingsError};
pub use queue::Queue;
pub use retry::Retry;
pub use run::Run;
pub use variables::{Meaning, VARIABLES};

use crate::guard::GuardRules;
use crate::plan::group::GroupPolicy;
use crate::scope::Scope;
use layers::Layers;

/// Name of the settings file in the data directory.
const FILE: &str = "drover.toml";

/// Where settings come from.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The settings file; none = `drover.toml` in the data directory, if it exists.
    pub file: Option<PathBuf>,
    /// The environment.
    pub env: BTreeMap<String, String>,
    /// The data directory, over all that the other sources say.
    pub data_dir: Option<PathBuf>,
}

/// All settings, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Where OX is, and who talks to it.
    pub ox: Ox,
    /// What users, groups and contexts get.
    pub mapping: Mapping,
    /// What is provisioned at all.
    pub scope: Scope,
    /// How many removals are too many.
    pub guard: GuardRules,
    /// How groups are written.
    pub groups: GroupPolicy,
    /// Where the queue is.
    pub queue: Queue,
    /// How hard OX may be worked.
    pub limits: Limits,
    /// What happens when something fails.
    pub retry: Retry,
    /// How long ended items are remembered.
    pub ledger: Ledger,
    /// Whether last known states are laid down in files.
    pub mirror: Mirror,
    /// What is logged.
    pub logs: Logs,
    /// How the service runs and ends.
    pub run: Run,
    /// How operators reach it.
    pub admin: Admin,
    /// All of it with where it was set and what it means, for people.
    pub explained: Vec<Explained>,
    /// How monitoring reaches it.
    pub metrics: Metrics,
    /// Who is told of standstills.
    pub notify: Notify,
}

impl Settings {
    /// Merges and checks the sources; the notices are for the log.
    ///
    /// # Errors
    /// If the file cannot be read or parsed, or a value cannot be used; of every section the first
    /// bad value is told.
    pub fn load(sources: &Sources) -> Result<(Self, Vec<Notice>), SettingsError> {
        Self::load_explained(sources).map(|(settings, notices, _)| (settings, notices))
    }

    /// The same, and every setting with its value and where that came from.
    ///
    /// # Errors
    /// As [`Settings::load`].
    pub fn load_explained(
        sources: &Sources,
    ) -> Result<(Self, Vec<Notice>, Vec<Explained>), SettingsError> {
        let given = sources.data_dir.as_deref();
        let file = if let Some(path) = &sources.file {
            Some((path.clone(), read(path)?))
        } else {
            let outside = Layers::merge(None, &sources.env, given)?;
            let dir = queue::data_dir(&outside).map_err(|bad| SettingsError::Values(vec![bad]))?;
            let path = dir.join(FILE);
            read_if_there(&path)?.map(|text| (path, text))
        };
        let file = file.as_ref().map(|(path, text)| (path.as_path(), text.as_str()));
        let mut layers = Layers::merge(file, &sources.env, given)?;
        let mut settings = match (Self::check(&layers), &layers.problems[..]) {
            (Ok(settings), []) => settings,
            (Ok(_), problems) => return Err(SettingsError::Values(problems.to_vec())),
            (Err(bad), problems) => {
                return Err(SettingsError::Values([problems, &bad].concat()));
            }
        };
        if let Some(dir) = given {
            // Exactly as given: as a setting it went through text.
            dir.clone_into(&mut settings.queue.data_dir);
        }
        let mut notices = std::mem::take(&mut layers.notices);
        if settings.ox.insecure {
            notices.push(Notice::Insecure { place: layers.field("ox.insecure").place() });
        }
        settings.explained = layers.explain();
        let explained = settings.explained.clone();
        Ok((settings, notices, explained))
    }

    fn check(layers: &Layers) -> Result<Self, Vec<BadValue>> {
        let sections = (
            Ox::read(layers),
            Mapping::read(layers),
            scope::read(layers),
            guard::read(layers),
            groups::read(layers),
            Queue::read(layers),
            Limits::read(layers),
            Retry::read(layers),
            Ledger::read(layers),
            Mirror::read(layers),
            Logs::read(layers),
            Run::read(layers),
            Admin::read(layers),
            Metrics::read(layers),
            Notify::read(layers),
        );
        match sections {
            (
                Ok(ox),
                Ok(mapping),
                Ok(scope),
                Ok(guard),
                Ok(groups),
                Ok(queue),
                Ok(limits),
                Ok(retry),
                Ok(ledger),
                Ok(mirror),
                Ok(logs),
                Ok(run),
                Ok(admin),
                Ok(metrics),
                Ok(notify),
            ) => Ok(Self {
                ox,
                mapping,
                scope,
                guard,
                groups,
                queue,
                limits,
                retry,
                ledger,
                mirror,
                logs,
                run,
                admin,
                explained: Vec::new(),
                metrics,
                notify,
            }),
            (
                ox,
                mapping,
                scope,
                guard,
                groups,
                queue,
                limits,
                retry,
                ledger,
                mirror,
                logs,
                run,
                admin,
                metrics,
                notify,
            ) => Err([
                ox.err(),
                mapping.err(),
                scope.err(),
                guard.err(),
                groups.err(),
                queue.err(),
                limits.err(),
                retry.err(),
                ledger.err(),
                mirror.err(),
                logs.err(),
                run.err(),
                admin.err(),
                metrics.err(),
                notify.err(),
            ]
            .into_iter()
            .flatten()
            .collect()),
        }
    }

    /// The queue: `listener` in the data directory.
    pub fn queue_dir(&self) -> PathBuf {
        self.queue.data_dir.join("listener")
    }

    /// Last known states: `listener/old` in the data directory.
    pub fn old_dir(&self) -> PathBuf {
        self.queue_dir().join("old")
    }

    /// Where last known states are mirrored; none if they are not.
    pub fn mirror_dir(&self) -> Option<PathBuf> {
        let old = self.old_dir();
        self.mirror.is_on(&self.queue.data_dir, &old).then_some(old)
    }

    /// drover's memory: `drover.db` in the data directory.
    pub fn database(&self) -> PathBuf {
        self.queue.data_dir.join("drover.db")
    }

    /// The socket for operators: as set, or `drover.sock` in the data directory; none if there is none.
    pub fn socket(&self) -> Option<PathBuf> {
        self.admin.socket(&self.queue.data_dir)
    }

    /// The access profiles: `ModuleAccessDefinitions.properties` in the data directory.
    pub fn profiles_file(&self) -> PathBuf {
        self.queue.data_dir.join("ModuleAccessDefinitions.properties")
    }

    /// The credentials: as set, or `secrets/contexts.json` in the data directory.
    pub fn credentials_file(&self) -> PathBuf {
        self.or_in_data_dir(self.ox.credentials_file.as_deref(), "secrets/contexts.json")
    }

    /// The attribute mapping: as set, or `AttributeMapping.json` in the data directory, which may be
    /// missing.
    pub fn attribute_mapping(&self) -> PathBuf {
        self.or_in_data_dir(self.mapping.attribute_mapping.as_deref(), "AttributeMapping.json")
    }

    fn or_in_data_dir(&self, set: Option<&Path>, usual: &str) -> PathBuf {
        set.map_or_else(|| self.queue.data_dir.join(usual), Path::to_owned)
    }
}

fn read(path: &Path) -> Result<String, SettingsError> {
    std::fs::read_to_string(path)
        .map_err(|source| SettingsError::Unreadable { path: path.to_owned(), source })
}

fn read_if_there(path: &Path) -> Result<Option<String>, SettingsError> {
    match read(path) {
        Err(SettingsError::Unreadable { source, .. })
            if matches!(
                source.kind(),
                // A data folder that is none is told about by whoever takes it.
                std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory
            ) =>
        {
            Ok(None)
        }
        read => read.map(Some),
    }
}
