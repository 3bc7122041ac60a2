//! The layers of settings, one over the other.
//!
//! Every layer is brought into one shape first: dotted keys that are known, each value with the place
//! it was set at. That place travels with the value, so that a message can name it.

use std::collections::BTreeMap;
use std::path::Path;

use config::{Config, ConfigError, File, FileFormat, Map, Source, Value, ValueKind};

use super::explained::{Explained, Origin};
use super::field::Field;
use super::problem::{BadValue, Notice, SettingsError};
use super::variables::{Meaning, VARIABLES};
use super::{later, lines, references};

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
    /// Where the value of each key was set; those not in here are at their default.
    origins: BTreeMap<String, Origin>,
    pub(super) notices: Vec<Notice>,
    /// Values that are no setting by themselves and cannot be used.
    pub(super) problems: Vec<BadValue>,
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
        let (mut notices, mut problems, mut origins) = (Vec::new(), Vec::new(), BTreeMap::new());
        let mut builder = Config::builder().add_source(Layer::new(defaults, |_| "default".into()));
        if let Some((path, text)) = file {
            let values = parse(text).map_err(|error| syntax(path, &error))?;
            let values = references::resolve(values, path, text, env)?;
            let lines = lines::of_keys(text);
            let origin =
                |key: &str| Origin::File { path: path.to_owned(), line: lines.get(key).copied() };
            let place = |key: &str| format!("{}, key {key}", origin(key));
            let values = keep_known(values, &known, &mut notices, place);
            origins.extend(values.iter().map(|(key, _)| (key.clone(), origin(key))));
            builder = builder.add_source(Layer::new(values, place));
        }
        for (layer, set) in [
            connector_variables(env, &mut notices, &mut problems),
            own_variables(env, &known, &mut notices),
        ] {
            builder = builder.add_source(layer);
            origins.extend(set.into_iter().map(|(key, name)| (key, Origin::Variable { name })));
        }
        if let Some(dir) = data_dir {
            let dir = Value::new(None, dir.display().to_string());
            let values = vec![("queue.data_dir".to_owned(), dir)];
            origins.insert("queue.data_dir".to_owned(), Origin::Option { name: "--data" });
            builder = builder.add_source(Layer::new(values, |_| "option --data".into()));
        }
        let merged = builder.build().map_err(SettingsError::Layers)?;
        Ok(Self { merged, origins, notices, problems })
    }

    /// Every setting there is, in the order of the default file.
    pub(super) fn explain(&self) -> Vec<Explained> {
        let mut keys: Vec<(usize, String)> =
            lines::of_keys(DEFAULTS).into_iter().map(|(key, line)| (line, key)).collect();
        keys.sort();
        let explained = |(line, key): (usize, String)| {
            let origin = self.origins.get(&key).cloned().unwrap_or(Origin::Default);
            let meaning = lines::comment_above(DEFAULTS, line);
            Explained::new(&key, self.value(&key), origin, meaning)
        };
        keys.into_iter().map(explained).collect()
    }

    /// The value of a key, to be read as what it should be.
    pub(super) fn field(&self, key: &'static str) -> Field<'_> {
        Field::new(key, self.value(key))
    }

    fn value(&self, key: &str) -> Option<&Value> {
        key.split('.').try_fold(&self.merged.cache, |value, name| match &value.kind {
            ValueKind::Table(table) => table.get(name),
            _ => None,
        })
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

/// A layer, and which variable set each of its keys.
type FromVariables = (Layer, Vec<(String, String)>);

fn connector_variables(
    env: &BTreeMap<String, String>,
    notices: &mut Vec<Notice>,
    problems: &mut Vec<BadValue>,
) -> FromVariables {
    let (mut values, mut set) = (Map::new(), Vec::new());
    for (name, meaning) in VARIABLES {
        let Some(text) = env.get(*name).filter(|text| !text.is_empty()) else { continue };
        let mut put = |key: &str, text: &str| {
            values.insert(key.to_owned(), Value::new(Some(&variable(name)), text));
            set.push((key.to_owned(), (*name).to_owned()));
        };
        match meaning {
            Meaning::Key(key) => put(key, text),
            Meaning::StopOnError => match later::flag(text) {
                Some(true) => put("retry.on_fault", "stop"),
                Some(false) => put("retry.on_fault", "park"),
                None => problems.push(BadValue {
                    place: variable(name),
                    value: Some(text.clone()),
                    expected: "true or false".to_owned(),
                    cure: "write True to stop at a faulty item, False to set it aside".to_owned(),
                }),
            },
            Meaning::Later => notices.push(Notice::NotUsedYet {
                variable: (*name).to_owned(),
                expected: later::problem(name, text),
            }),
        }
    }
    (Layer(values), set)
}

fn own_variables(
    env: &BTreeMap<String, String>,
    known: &[String],
    notices: &mut Vec<Notice>,
) -> FromVariables {
    let (mut values, mut set) = (Map::new(), Vec::new());
    for (name, text) in env {
        let Some(rest) = name.strip_prefix(PREFIX) else { continue };
        let key = rest.replace("__", ".").to_ascii_lowercase();
        if !known.contains(&key) {
            let near = nearest(&key, known)
                .map(|key| format!("{PREFIX}{}", key.replace('.', "__").to_ascii_uppercase()));
            notices.push(Notice::Unknown { place: variable(name), near });
        } else if !text.is_empty() {
            values.insert(key.clone(), Value::new(Some(&variable(name)), text.as_str()));
            set.push((key, name.clone()));
        }
    }
    (Layer(values), set)
}
