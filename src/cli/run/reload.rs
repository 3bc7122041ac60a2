//! New settings for a running drover: read, checked and compared with those in force. Taken whole or
//! not at all; whatever is wrong with them, the old ones stay in force.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::SystemTime;

use super::RunArgs;
use crate::check::{self, State};
use crate::cli::Exit;
use crate::settings::{
    Explained, Notice, Settings, SettingsError, Sources, TakesEffect, changed, takes_effect,
};

/// Settings, and what they were made of.
#[derive(Debug, Clone)]
pub(super) struct Current {
    pub(super) settings: Settings,
    explained: Vec<Explained>,
    /// Files that are read only when an engine begins, and what was there then.
    files: Vec<(PathBuf, Option<(SystemTime, u64)>)>,
}

/// What new settings come to.
#[derive(Debug)]
pub(super) enum Reloaded {
    /// They cannot be used.
    Refused(String),
    /// They are those in force, or differ in nothing that a reload can do.
    Nothing,
    /// They are in force from now on.
    InForce(Box<Current>),
    /// They come into force with a new engine.
    WithNewEngine(Box<Current>),
}

/// Where settings come from.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) args: RunArgs,
    pub(super) env: BTreeMap<String, String>,
}

impl Source {
    /// The settings as they are now, with what is to be said about them.
    pub(super) fn read(&self) -> Result<(Current, Vec<Notice>), SettingsError> {
        let RunArgs { data, config, .. } = &self.args;
        let sources =
            Sources { file: config.clone(), env: self.env.clone(), data_dir: data.clone() };
        let (mut settings, notices, explained) = Settings::load_explained(&sources)?;
        self.args.over(&mut settings);
        let files = look_at_files(&settings);
        Ok((Current { settings, explained, files }, notices))
    }

    /// Reads the settings again, with `current` in force. Says in the log what comes of it.
    pub(super) async fn again(&self, current: &Current) -> Reloaded {
        let refused = |reason: String| {
            tracing::error!(
                "the new settings are refused, the previous ones stay in force: {reason}"
            );
            Reloaded::Refused(reason)
        };
        let mut new = match self.read() {
            Ok((new, notices)) => {
                for notice in notices {
                    tracing::warn!("{notice}");
                }
                new
            }
            Err(error) => {
                let reason = format!("{:#}", anyhow::Error::new(error)).replace('\n', "; ");
                return refused(reason);
            }
        };
        let keys =
            changed((&current.settings, &current.explained), (&new.settings, &new.explained));
        let of = |effect| keys.iter().filter(move |key| takes_effect(key) == effect).cloned();
        new.keep_what_needs_a_restart(current);
        let findings = check::check(&new.settings, true).await;
        if check::exit(&findings) != Exit::Done {
            let failed = findings.iter().filter(|finding| finding.state == State::Failed);
            let told = failed.map(|finding| {
                let cure = finding.cure.as_deref().unwrap_or_default();
                format!("{}: {}; {cure}", finding.check, finding.told)
            });
            return refused(told.collect::<Vec<_>>().join("; "));
        }
        for key in of(TakesEffect::WithRestart) {
            tracing::warn!(
                setting = key,
                "this setting has changed; it takes effect with a restart, the previous value stays \
                 in force until then"
            );
        }
        for key in of(TakesEffect::AtOnce) {
            tracing::info!(setting = key, "this setting has changed and is in force");
        }
        for key in of(TakesEffect::WithNewEngine) {
            tracing::info!(
                setting = key,
                "this setting has changed; the engine begins anew with it"
            );
        }
        let files: Vec<_> = new.files.iter().filter(|file| !current.files.contains(file)).collect();
        for (path, _) in &files {
            tracing::info!(
                file = %path.display(),
                "this file has changed; the engine begins anew with it"
            );
        }
        if of(TakesEffect::WithNewEngine).next().is_some() || !files.is_empty() {
            Reloaded::WithNewEngine(Box::new(new))
        } else if of(TakesEffect::AtOnce).next().is_some() {
            Reloaded::InForce(Box::new(new))
        } else {
            tracing::info!("the settings were read again; a reload has nothing to change");
            Reloaded::Nothing
        }
    }
}

impl Current {
    /// Settings that are never read again.
    pub(super) fn of(settings: &Settings) -> Self {
        Self { settings: settings.clone(), explained: Vec::new(), files: Vec::new() }
    }

    /// What cannot be changed while the process runs stays as it is; it differs with the next look, too.
    fn keep_what_needs_a_restart(&mut self, old: &Self) {
        self.settings.queue.data_dir.clone_from(&old.settings.queue.data_dir);
        self.settings.logs.format = old.settings.logs.format;
        for one in &mut self.explained {
            if takes_effect(&one.key) == TakesEffect::WithRestart
                && let Some(before) = old.explained.iter().find(|before| before.key == one.key)
            {
                one.clone_from(before);
            }
        }
        self.files = look_at_files(&self.settings);
    }
}

/// Credentials and the attribute mapping are not among them: they are looked at all the time.
fn look_at_files(settings: &Settings) -> Vec<(PathBuf, Option<(SystemTime, u64)>)> {
    let stamp = |path: &PathBuf| {
        let found = std::fs::metadata(path).ok()?;
        Some((found.modified().ok()?, found.len()))
    };
    let paths = settings.ox.ca_file.clone().into_iter();
    paths.map(|path| (path.clone(), stamp(&path))).collect()
}
