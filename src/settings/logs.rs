//! What is logged, and how it looks.

use tracing::Level;

use super::layers::Layers;
use super::problem::BadValue;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people on a terminal, for machines elsewhere.
    #[default]
    Auto,
    /// For people.
    Pretty,
    /// One JSON object a line.
    Json,
}

/// Section `logs`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logs {
    /// Least severe level that is logged.
    pub level: Level,
    /// How lines look.
    pub format: LogFormat,
}

impl Logs {
    pub(super) fn read(layers: &Layers) -> Result<Self, BadValue> {
        Ok(Self {
            level: layers.field("logs.level").choice(&[
                ("error", Level::ERROR),
                ("warning", Level::WARN),
                ("info", Level::INFO),
                ("debug", Level::DEBUG),
                ("trace", Level::TRACE),
                ("warn", Level::WARN),
                // The connector's word for what is worse than an error.
                ("critical", Level::ERROR),
            ])?,
            format: layers.field("logs.format").choice(&[
                ("auto", LogFormat::Auto),
                ("pretty", LogFormat::Pretty),
                ("json", LogFormat::Json),
            ])?,
        })
    }
}
