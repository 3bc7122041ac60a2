//! When a changed setting takes effect: what a reload (SIGHUP) can do about each key.

use std::fmt;

use serde::Serialize;

use super::{Explained, Settings};

/// When a new value takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TakesEffect {
    /// With a reload, while everything goes on.
    AtOnce,
    /// With a reload: what runs comes to its end, and the engine begins anew with the new value, within
    /// the same process. Nothing is lost; nothing new goes to OX for the time that takes, usually less
    /// than a second and never longer than `run.drain_s` and the reading of drover's memory.
    WithNewEngine,
    /// Only when the process is started again; a reload keeps the old value and says so.
    WithRestart,
}

impl fmt::Display for TakesEffect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AtOnce => "a reload takes it over at once",
            Self::WithNewEngine => "a reload takes it over, with a new engine",
            Self::WithRestart => "takes effect with a restart",
        })
    }
}

/// When a new value of this key takes effect.
pub fn takes_effect(key: &str) -> TakesEffect {
    match key {
        "logs.level" => TakesEffect::AtOnce,
        // The lock is on the folder, and the log's form is fixed by its first line.
        "queue.data_dir" | "logs.format" => TakesEffect::WithRestart,
        _ => TakesEffect::WithNewEngine,
    }
}

/// The keys whose value is another, in the order of the default file.
pub(crate) fn changed(
    (old, was): (&Settings, &[Explained]),
    (new, is): (&Settings, &[Explained]),
) -> Vec<String> {
    let differs = |one: &&Explained| {
        let before = was.iter().find(|before| before.key == one.key);
        // Secrets all look alike when they are explained.
        let other_secret =
            one.key == "ox.master_password" && old.ox.master_password != new.ox.master_password;
        other_secret || before.is_none_or(|before| before.value != one.value)
    };
    is.iter().filter(differs).map(|one| one.key.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Sources;

    /// Settings with these variables.
    fn load(env: &[(&str, &str)]) -> (Settings, Vec<Explained>) {
        let env = env.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let data_dir = Some("/nowhere".into());
        let sources = Sources { env, data_dir, ..Sources::default() };
        let (settings, _, explained) = Settings::load_explained(&sources).unwrap();
        (settings, explained)
    }

    #[test]
    fn changed_keys_are_found_secrets_among_them() {
        let old = load(&[("OX_MASTER_PASSWORD", "one"), ("DROVER__LIMITS__MAX_IN_FLIGHT", "4")]);
        let new = load(&[("OX_MASTER_PASSWORD", "two"), ("LOG_LEVEL", "debug")]);
        let compare = |old: &(Settings, Vec<Explained>), new: &(Settings, Vec<Explained>)| {
            changed((&old.0, &old.1), (&new.0, &new.1))
        };
        let found = compare(&old, &new);
        assert_eq!(found, ["ox.master_password", "limits.max_in_flight", "logs.level"]);
        assert_eq!(compare(&old, &old), Vec::<String>::new());
    }
}
