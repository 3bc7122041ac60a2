//! What drover says about itself while it runs: one subscriber, to standard error or a file.

mod file;

use std::io::{IsTerminal, stderr};

use tracing::{Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::settings::{LogFormat, Logs};
use file::LogFile;

/// Environment variable whose filter (`info`, `drover::ox=debug,warn` …) replaces the level of the
/// settings.
pub const FILTER_VARIABLE: &str = "DROVER_LOG";

/// Names of fields, so that a search of the logs finds the same thing everywhere.
pub mod field {
    /// Queue item: name of its file.
    pub const ITEM_NAME: &str = "item.name";
    /// Another queue item that this one has to do with.
    pub const ITEM_OTHER: &str = "item.other";
    /// Directory object: its entryUUID.
    pub const OBJECT_ID: &str = "object.id";
    /// Directory object: user, group, context …
    pub const OBJECT_KIND: &str = "object.kind";
    /// OX context by number.
    pub const CONTEXT_ID: &str = "context.id";
    /// OX's own number for a fault, to be searched for in OX's logs.
    pub const EXCEPTION_ID: &str = "exception.id";
    /// Code of a fault's hint, see [`crate::hints`].
    pub const HINT_CODE: &str = "hint.code";
    /// OX operation, such as `User.create`.
    pub const OX_OPERATION: &str = "ox.operation";
    /// Field of an OX object.
    pub const OX_FIELD: &str = "ox.field";
    /// Context whose actor works.
    pub const LANE: &str = "lane";
    /// How often something was tried, this time included.
    pub const ATTEMPT: &str = "attempt";
    /// How long something took, in milliseconds.
    pub const TOOK_MS: &str = "took_ms";
    /// How long drover waits before it tries again, in milliseconds.
    pub const DELAY_MS: &str = "delay_ms";
}

/// Why nothing can be logged.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter is none.
    #[error(
        "environment variable {FILTER_VARIABLE}: {filter:?} is not a log filter; write one such as \
         info or drover::ox=debug,warn"
    )]
    Filter {
        /// What was given.
        filter: String,
        /// What is wrong with it.
        #[source]
        source: tracing_subscriber::filter::ParseError,
    },
    /// The log file cannot be opened.
    #[error(
        "cannot write the log file {path}; check its folder's owner and mode, or name another with logs.file"
    )]
    File {
        /// The file.
        path: std::path::PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A subscriber is there already.
    #[error("cannot set up logging twice")]
    Twice(#[from] tracing::subscriber::SetGlobalDefaultError),
}

/// Sets the process up to log to standard error, or to the file that the settings name. `filter` is what [`FILTER_VARIABLE`] holds; empty
/// counts as none.
///
/// # Errors
/// If the filter cannot be understood, the file cannot be opened, or logging was set up before.
pub fn init(logs: &Logs, filter: Option<&str>) -> Result<Dial, TelemetryError> {
    let (subscriber, dial) = match &logs.file {
        Some(path) => {
            let opened = LogFile::open(path, logs.max_bytes, logs.keep);
            let told = |source| TelemetryError::File { path: path.clone(), source };
            subscriber(logs, filter, false, opened.map_err(told)?)?
        }
        None => subscriber(logs, filter, stderr().is_terminal(), stderr)?,
    };
    tracing::subscriber::set_global_default(subscriber)?;
    Ok(dial)
}

/// Sets the level of what is logged, while it is logged.
pub struct Dial {
    set: Box<dyn Fn(EnvFilter) -> bool>,
    /// The environment's filter is in force instead.
    overruled: bool,
}

impl Dial {
    /// Logs at this level from now on. False if the environment's filter is in force and stays so.
    pub fn set(&self, level: Level) -> bool {
        let filter = EnvFilter::try_new(directives(level));
        !self.overruled && filter.is_ok_and(|filter| (self.set)(filter))
    }
}

/// A subscriber that writes to `writer`, which is a terminal or not.
fn subscriber<W>(
    logs: &Logs,
    filter: Option<&str>,
    terminal: bool,
    writer: W,
) -> Result<(Box<dyn Subscriber + Send + Sync>, Dial), TelemetryError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let given = filter.filter(|filter| !filter.trim().is_empty());
    let overruled = given.is_some();
    let directives = given.map_or_else(|| directives(logs.level), str::to_owned);
    let filter = EnvFilter::try_new(&directives)
        .map_err(|source| TelemetryError::Filter { filter: directives, source })?;
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer).with_ansi(terminal);
    let json = match logs.format {
        LogFormat::Auto => !terminal,
        LogFormat::Pretty => false,
        LogFormat::Json => true,
    };
    Ok(if json {
        let builder = builder.json().flatten_event(true).with_filter_reloading();
        let handle = builder.reload_handle();
        let set = Box::new(move |filter| handle.reload(filter).is_ok());
        (Box::new(builder.finish()), Dial { set, overruled })
    } else {
        let builder = builder.compact().with_filter_reloading();
        let handle = builder.reload_handle();
        let set = Box::new(move |filter| handle.reload(filter).is_ok());
        (Box::new(builder.finish()), Dial { set, overruled })
    })
}

/// The level for drover; libraries only speak up when something is wrong.
fn directives(level: Level) -> String {
    format!("{},drover={level}", level.min(Level::WARN))
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl MakeWriter<'_> for Page {
        type Writer = Self;

        fn make_writer(&self) -> Self {
            self.clone()
        }
    }

    /// What is written when these settings log `events`.
    fn written(format: LogFormat, filter: Option<&str>, terminal: bool, events: fn()) -> String {
        let page = Page::default();
        let logs = Logs { level: Level::INFO, format, file: None, max_bytes: 0, keep: 0 };
        let (subscriber, _) = subscriber(&logs, filter, terminal, page.clone()).unwrap();
        tracing::subscriber::with_default(subscriber, events);
        let bytes = page.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    fn one() {
        tracing::info!(item.name = "a.json", "done");
    }

    #[test]
    fn json_where_nobody_looks_and_text_where_somebody_does() {
        let line: serde_json::Value =
            serde_json::from_str(&written(LogFormat::Auto, None, false, one)).unwrap();
        assert_eq!(line["message"], "done");
        assert_eq!(line["level"], "INFO");
        assert_eq!(line[field::ITEM_NAME], "a.json");

        let text = written(LogFormat::Auto, None, true, one);
        assert!(text.contains("done") && !text.starts_with('{'), "{text}");
        assert!(text.contains('\u{1b}'), "in colour: {text}");
        let text = written(LogFormat::Pretty, None, false, one);
        assert!(text.contains("done") && !text.contains('\u{1b}'), "{text}");
        assert!(written(LogFormat::Json, None, true, one).starts_with('{'));
    }

    #[test]
    fn the_level_is_for_drover_and_the_filter_wins() {
        fn several() {
            tracing::debug!("own debug");
            tracing::info!("own info");
            tracing::info!(target: "hyper", "library info");
            tracing::warn!(target: "hyper", "library warning");
        }
        let text = written(LogFormat::Pretty, None, false, several);
        assert!(text.contains("own info") && text.contains("library warning"), "{text}");
        assert!(!text.contains("own debug") && !text.contains("library info"), "{text}");
        let text = written(LogFormat::Pretty, Some("drover=debug"), false, several);
        assert!(text.contains("own debug") && !text.contains("library warning"), "{text}");
        let text = written(LogFormat::Pretty, Some(" "), false, several);
        assert!(text.contains("own info"), "empty is none: {text}");
        assert_eq!(directives(Level::ERROR), "ERROR,drover=ERROR");
    }

    #[test]
    fn the_level_can_be_changed_unless_the_environment_says_it() {
        for (filter, heard) in [(None, true), (Some("drover=info"), false)] {
            let page = Page::default();
            let format = LogFormat::Json;
            let logs = Logs { level: Level::INFO, format, file: None, max_bytes: 0, keep: 0 };
            let (subscriber, dial) = subscriber(&logs, filter, false, page.clone()).unwrap();
            tracing::subscriber::with_default(subscriber, || {
                tracing::debug!("before");
                assert_eq!(dial.set(Level::DEBUG), heard);
                tracing::debug!("after");
            });
            let text = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
            assert!(!text.contains("before") && text.contains("after") == heard, "{text}");
        }
    }

    #[test]
    fn a_filter_that_is_none_is_named() {
        let format = LogFormat::Auto;
        let logs = Logs { level: Level::INFO, format, file: None, max_bytes: 0, keep: 0 };
        let error = subscriber(&logs, Some("drover=loud"), false, stderr).err().unwrap();
        assert!(error.to_string().starts_with("environment variable DROVER_LOG: \"drover=loud\""));
    }
}
