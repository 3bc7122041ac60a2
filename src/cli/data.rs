//! Flags of commands that look into a data directory, whether or not a service runs there.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;

use super::Exit;
use crate::settings::{Settings, SettingsError, Sources};
use crate::store::SqliteReader;

/// Which data directory.
#[derive(Debug, Clone, Args)]
pub struct DataArgs {
    /// Data directory, over what the settings say.
    #[arg(long, value_name = "DIR", global = true)]
    pub data: Option<PathBuf>,
    /// Settings file [default: drover.toml in the data directory, if it exists].
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
}

impl DataArgs {
    /// The settings that these flags and this environment make.
    ///
    /// # Errors
    /// As [`Settings::load`].
    pub fn settings(&self, env: BTreeMap<String, String>) -> Result<Settings, SettingsError> {
        let sources = Sources { file: self.config.clone(), env, data_dir: self.data.clone() };
        Settings::load(&sources).map(|(settings, _)| settings)
    }
}

/// The memory of whoever works in the data directory, to look into.
///
/// # Errors
/// If there is none, or it cannot be read; the text names the file.
pub(super) fn memory(settings: &Settings) -> anyhow::Result<SqliteReader> {
    let path = settings.database();
    if !path.exists() {
        anyhow::bail!(
            "there is no state database {}; drover has not run on this data directory",
            path.display()
        );
    }
    SqliteReader::open(&path).with_context(|| format!("cannot look into {}", path.display()))
}

/// What follows if the memory cannot be looked into.
pub(super) fn unusable(error: &anyhow::Error) -> Exit {
    complain(&format!("{error:#}"));
    Exit::DataDir
}

/// Tells whoever typed the command.
pub(super) fn complain(text: &str) {
    eprintln!("drover: {text}");
}

/// A time for people, to the second.
pub(super) fn moment(ms: i64) -> String {
    let second = jiff::Timestamp::from_second(ms.div_euclid(1000));
    second.map_or_else(|_| format!("{ms} ms"), |second| second.to_string())
}
