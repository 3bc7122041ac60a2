//! What is logged, and how it looks.

use std::path::PathBuf;

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
    /// The file that they go to; none = standard error.
    pub file: Option<PathBuf>,
    /// The file is put aside before it has more bytes.
    pub max_bytes: u64,
    /// So many that were put aside are kept.
    pub keep: u32,
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
            file: layers.field("logs.file").optional_path()?,
            max_bytes: u64::from(layers.field("logs.max_mb").whole(1..=100_000)?) * 1024 * 1024,
            keep: layers.field("logs.keep").whole(0..=1000)?,
        })
    }
}
