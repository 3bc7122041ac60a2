//! Every setting with its value, where that came from, and what it means.

use std::fmt;
use std::path::PathBuf;

use config::{Value, ValueKind};
use serde::Serialize;
use serde_json::Value as Json;

use super::effect::{TakesEffect, takes_effect};
use super::field::without_credentials;

/// Keys whose value is never shown.
const SECRET: &[&str] = &["ox.master_password", "notify.webhook"];

/// What stands for a secret that is set.
const MASKED: &str = "***";

/// Where a value was set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "from", rename_all = "snake_case")]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// A settings file.
    File {
        /// The file.
        path: PathBuf,
        /// The line, from 1; none if it cannot be told.
        line: Option<usize>,
    },
    /// An environment variable: one of the connector's, or one of drover's own (`DROVER__…`).
    Variable {
        /// Its name.
        name: String,
    },
    /// The command line.
    Option {
        /// The option.
        name: &'static str,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line: Some(line) } => write!(f, "{}, line {line}", path.display()),
            Self::File { path, line: None } => write!(f, "{}", path.display()),
            Self::Variable { name } => write!(f, "environment variable {name}"),
            Self::Option { name } => write!(f, "option {name}"),
        }
    }
}

/// One setting as it is in effect.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explained {
    /// Its dotted key.
    pub key: String,
    /// Its value as it was set, references followed; of a secret only whether it is set.
    pub value: Json,
    /// Where it was set.
    #[serde(flatten)]
    pub origin: Origin,
    /// What it is for, as the default file says.
    pub meaning: String,
    /// When a new value takes effect.
    pub takes_effect: TakesEffect,
}

impl Explained {
    pub(super) fn new(key: &str, value: Option<&Value>, origin: Origin, meaning: String) -> Self {
        let value = value.map_or(Json::Null, plain);
        let value = match value {
            Json::Null => Json::Null,
            Json::String(text) if text.is_empty() => Json::String(text),
            _ if SECRET.contains(&key) => MASKED.into(),
            value => value,
        };
        let takes_effect = takes_effect(key);
        Self { key: key.to_owned(), value, origin, meaning, takes_effect }
    }

    /// Key and value as they would stand in a settings file.
    pub fn line(&self) -> String {
        format!("{} = {}", self.key, self.value)
    }
}

fn plain(value: &Value) -> Json {
    match &value.kind {
        ValueKind::Nil | ValueKind::Table(_) => Json::Null,
        ValueKind::Boolean(flag) => (*flag).into(),
        ValueKind::I64(number) => (*number).into(),
        ValueKind::U64(number) => (*number).into(),
        ValueKind::Float(number) => (*number).into(),
        ValueKind::String(text) => without_credentials(text).into(),
        ValueKind::Array(values) => values.iter().map(plain).collect(),
        other @ (ValueKind::I128(_) | ValueKind::U128(_)) => other.to_string().into(),
    }
}
