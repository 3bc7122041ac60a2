//! The layers of settings, one over the other.
//!
//! Every layer is brought into one shape first: dotted keys that are known, each value with the place
//! it was set at. That place travels with the value, so that a message can name it.

use std::collections::BTreeMap;
use std::path::Path;

use config::{Config, ConfigError, File, FileFormat, Map, Source, Value, ValueKind};

use super::field::Field;
use super::problem::{Notice, SettingsError};
use super::references;
use super::variables::{Meaning, VARIABLES};

/// The defaults, with what every setting means.
pub const DEFAULTS: &str = include_str!("../../config/drover.toml");

/// What drover's own environment variables start with.
const PREFIX: &str = "DROVER__";

/// How far off a name may be to be offered instead, from 0 (anything) to 1 (the same).
const NEAR: f64 = 0.6;

/// All layers, merged.
#[derive(Debug)]
pub(super) struct Layers {
    merged: Config,
    pub(super) notices: Vec<Notice>,
}

impl Layers {
    /// Merges, later over earlier: defaults, file, the connector's variables, drover's variables,
    /// the data directory given on the command line.
    pub(super) fn merge(
        file: Option<(&Path, &str)>,
        env: &BTreeMap<String, String>,
        data_dir: Option<&Path>,
    ) -> Result<Self, SettingsError> {
        let defaults = parse(DEFAULTS).map_err(SettingsError::Layers)?;
        let known: Vec<String> = defaults.iter().map(|(key, _)| key.clone()).collect();
        let mut notices = Vec::new();
        let mut builder = Config::builder().add_source(Layer::new(defaults, |_| "default".into()));
        if let Some((path, text)) = file {
            let values = parse(text).map_err(|error| syntax(path, &error))?;
            let values = references::resolve(values, path, text, env)?;
            let place = |key: &str| format!("{}, key {key}", path.display());
            let values = keep_known(values, &known, &mut notices, place);
            builder = builder.add_source(Layer::new(values, place));
        }
        builder = builder.add_source(connector_variables(env, &mut notices));
        builder = builder.add_source(own_variables(env, &known, &mut notices));
        if let Some(dir) = data_dir {
            let dir = Value::new(None, dir.display().to_string());
            let values = vec![("queue.data_dir".to_owned(), dir)];
            builder = builder.add_source(Layer::new(values, |_| "option --data".into()));
        }
        Ok(Self { merged: builder.build().map_err(SettingsError::Layers)?, notices })
    }

    /// The value of a key, to be read as what it should be.
    pub(super) fn field(&self, key: &'static str) -> Field<'_> {
        let value = key.split('.').try_fold(&self.merged.cache, |value, name| match &value.kind {
            ValueKind::Table(table) => table.get(name),
            _ => None,
        });
        Field::new(key, value)
    }
}

/// Values under dotted keys, each with its place as origin.
#[derive(Debug, Clone)]
struct Layer(Map<String, Value>);

impl Layer {
    fn new(values: Vec<(String, Value)>, place: impl Fn(&str) -> String) -> Self {
        let place = |(key, value): (String, Value)| {
            let value = Value::new(Some(&place(&key)), value.kind);
            (key, value)
        };
        Self(values.into_iter().map(place).collect())
    }
}

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        Ok(self.0.clone())
    }
}

/// TOML as dotted keys, in order.
fn parse(text: &str) -> Result<Vec<(String, Value)>, ConfigError> {
    let mut values = Vec::new();
    flatten("", File::from_str(text, FileFormat::Toml).collect()?, &mut values);
    values.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(values)
}

fn flatten(prefix: &str, table: Map<String, Value>, into: &mut Vec<(String, Value)>) {
    for (name, value) in table {
        let key = format!("{prefix}{name}");
        match value.kind {
            ValueKind::Table(table) => flatten(&format!("{key}."), table, into),
            _ => into.push((key, value)),
        }
    }
}

/// The parser's message without the excerpt it quotes, which may hold a password.
fn syntax(path: &Path, error: &ConfigError) -> SettingsError {
    let text = match error {
        ConfigError::FileParse { cause, .. } => cause.to_string(),
        other => other.to_string(),
    };
    let told: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.contains('|'))
        .collect();
    SettingsError::Syntax { path: path.to_owned(), reason: told.join(": ") }
}

fn keep_known(
    values: Vec<(String, Value)>,
    known: &[String],
    notices: &mut Vec<Notice>,
    place: impl Fn(&str) -> String,
) -> Vec<(String, Value)> {
    let (good, unknown): (Vec<_>, Vec<_>) =
        values.into_iter().partition(|(key, _)| known.contains(key));
    notices.extend(
        unknown
            .iter()
            .map(|(key, _)| Notice::Unknown { place: place(key), near: nearest(key, known) }),
    );
    good
}

/// The known key most like this one. A right name in the wrong section is near, too.
fn nearest(key: &str, known: &[String]) -> Option<String> {
    fn last(key: &str) -> &str {
        key.rsplit('.').next().unwrap_or(key)
    }
    let alike = |other: &str| {
        strsim::normalized_levenshtein(key, other)
            .max(strsim::normalized_levenshtein(last(key), last(other)))
    };
    known
        .iter()
        .map(|other| (alike(other), other))
        .filter(|(likeness, _)| *likeness >= NEAR)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, other)| other.clone())
}

fn variable(name: &str) -> String {
    format!("environment variable {name}")
}

fn connector_variables(env: &BTreeMap<String, String>, notices: &mut Vec<Notice>) -> Layer {
    let mut values = Map::new();
    for (name, meaning) in VARIABLES {
        let Some(text) = env.get(*name).filter(|text| !text.is_empty()) else { continue };
        match meaning {
            Meaning::Key(key) => {
                let value = Value::new(Some(&variable(name)), text.as_str());
                values.insert((*key).to_owned(), value);
            }
            // As in the connector, whatever is not this text leaves it on.
            Meaning::StopOnError if text.eq_ignore_ascii_case("false") => {
                notices.push(Notice::AlwaysStops);
            }
            Meaning::StopOnError => {}
            Meaning::Later => {
                notices.push(Notice::NotUsedYet { variable: (*name).to_owned() });
            }
        }
    }
    Layer(values)
}

fn own_variables(
    env: &BTreeMap<String, String>,
    known: &[String],
    notices: &mut Vec<Notice>,
) -> Layer {
    let mut values = Map::new();
    for (name, text) in env {
        let Some(rest) = name.strip_prefix(PREFIX) else { continue };
        let key = rest.replace("__", ".").to_ascii_lowercase();
        if !known.contains(&key) {
            let near = nearest(&key, known)
                .map(|key| format!("{PREFIX}{}", key.replace('.', "__").to_ascii_uppercase()));
            notices.push(Notice::Unknown { place: variable(name), near });
        } else if !text.is_empty() {
            values.insert(key, Value::new(Some(&variable(name)), text.as_str()));
        }
    }
    Layer(values)
}
