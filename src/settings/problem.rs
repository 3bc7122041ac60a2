//! What can be wrong with settings, told so that it can be mended.

use std::fmt;
use std::path::PathBuf;

/// Why drover cannot run with the settings it was given.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The settings file cannot be read.
    #[error("cannot read the settings file {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The settings file is no TOML. The text around the place is left out: it may hold a password.
    #[error("the settings file {} is not valid TOML: {reason}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Line, column and what was expected there.
        reason: String,
    },
    /// A reference in the settings file leads nowhere.
    #[error("{}{}: {reference}: {reason}", path.display(), in_line(*.line))]
    Reference {
        /// The file.
        path: PathBuf,
        /// The line, from 1; none if it cannot be told.
        line: Option<usize>,
        /// The reference as written, such as `${env:NAME}`.
        reference: String,
        /// Why it cannot be followed; never what it stands for.
        reason: String,
    },
    /// Values that cannot be used, one of each section at least.
    #[error("{}", lines(.0))]
    Values(Vec<BadValue>),
    /// The layers do not fit together, which is drover's own fault.
    #[error("cannot put the settings together")]
    Layers(#[source] config::ConfigError),
}

fn in_line(line: Option<usize>) -> String {
    line.map(|line| format!(", line {line}")).unwrap_or_default()
}

fn lines(bad: &[BadValue]) -> String {
    bad.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// A value that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadValue {
    /// Where it was set: file and key, or environment variable.
    pub place: String,
    /// The value; none if it is secret or may contain a secret.
    pub value: Option<String>,
    /// What was expected.
    pub expected: String,
    /// What to do about it.
    pub cure: String,
}

impl fmt::Display for BadValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, value, expected, cure } = self;
        match value {
            Some(value) => write!(f, "{place}: {value:?} is not {expected}; {cure}"),
            None => write!(f, "{place}: the value (not shown) is not {expected}; {cure}"),
        }
    }
}

/// Something about the settings that does not keep drover from running but should be known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// There is no such setting; it has no effect.
    Unknown {
        /// Where it was set.
        place: String,
        /// What may have been meant.
        near: Option<String>,
    },
    /// A setting of the OX Connector that drover has no use for yet.
    NotUsedYet {
        /// The environment variable.
        variable: String,
        /// What its value should be, if it is not.
        expected: Option<&'static str>,
    },
    /// Certificates are not checked.
    Insecure {
        /// Where that was set.
        place: String,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { place, near: Some(near) } => {
                write!(f, "{place}: no such setting, ignored; did you mean {near}?")
            }
            Self::Unknown { place, near: None } => {
                write!(f, "{place}: no such setting, ignored")
            }
            Self::NotUsedYet { variable, expected: None } => {
                write!(f, "environment variable {variable}: not used yet")
            }
            Self::NotUsedYet { variable, expected: Some(expected) } => {
                write!(
                    f,
                    "environment variable {variable}: not used yet; its value (not shown) is not \
                     {expected}"
                )
            }
            Self::Insecure { place } => {
                write!(f, "{place}: certificates are not checked, anyone can pose as OX")
            }
        }
    }
}
