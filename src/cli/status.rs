//! `drover status`: what waits, what stands still and why; also in the shape that monitoring of the
//! OX Connector reads.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::time::SystemTime;

use clap::Args;
use serde_json::{Value, json};

use super::Exit;
use super::data::{self, DataArgs};
use super::speech::SpeechArgs;
use crate::health::Health;
use crate::hints::{self, Language};
use crate::redact::without_addresses;
use crate::settings::Settings;

/// Flags of `drover status`.
#[derive(Debug, Clone, Args)]
pub struct StatusArgs {
    /// Which data directory.
    #[command(flatten)]
    pub data: DataArgs,
    /// Print a JSON object.
    #[arg(long)]
    pub json: bool,
    /// In which language.
    #[command(flatten)]
    pub speech: SpeechArgs,
    /// Print what the connector's get_current_error.py did: {"errors": "0"}, or the number of failed
    /// attempts with "filename" and "message" of the first item that stands still.
    #[arg(long, conflicts_with = "json")]
    pub current_error: bool,
}

/// Prints it.
///
/// # Errors
/// If something fails that has no exit code of its own.
pub fn run(args: &StatusArgs, settings: &Settings) -> anyhow::Result<Exit> {
    let health = match Health::of(settings) {
        Ok(health) => health,
        Err(error) => return Ok(data::unusable(&error.into())),
    };
    let mut out = io::stdout();
    if args.current_error {
        writeln!(out, "{}", current_error(&health, settings)?)?;
    } else if args.json {
        let mut told = as_json(&health, settings);
        hints::put_beside(&mut told, args.speech.language());
        writeln!(out, "{}", serde_json::to_string_pretty(&told)?)?;
    } else {
        out.write_all(as_text(&health, args.speech.language()).as_bytes())?;
    }
    Ok(Exit::Done)
}

/// One line with the connector's keys, order and blanks: some read it without a JSON parser. Items
/// that are set aside are no current error there either. `{}` before the first run, as there.
fn current_error(health: &Health, settings: &Settings) -> Result<String, serde_json::Error> {
    if !health.known {
        return Ok("{}".to_owned());
    }
    let Some(first) = health.faulty.first() else {
        return Ok("{\"errors\": \"0\"}".to_owned());
    };
    let path = settings.queue_dir().join(first.item.as_str());
    Ok(format!(
        "{{\"errors\": \"{}\", \"filename\": {}, \"message\": {}}}",
        first.attempts,
        serde_json::to_string(&path.display().to_string())?,
        serde_json::to_string(&first.text)?,
    ))
}

fn as_json(health: &Health, settings: &Settings) -> Value {
    let faulty: Vec<Value> = health
        .faulty
        .iter()
        .map(|fault| {
            json!({
                "item": fault.item,
                "context": fault.context.map(|context| context.0),
                "object": fault.object,
                "class": fault.class,
                "fault": without_addresses(&fault.text),
                "exception_id": fault.exception_id,
                "fingerprint": fault.fingerprint,
                "attempts": fault.attempts,
                "first_ms": fault.first_ms,
                "last_ms": fault.last_ms,
            })
        })
        .collect();
    json!({
        "known": health.known,
        "data_dir": settings.queue.data_dir,
        "service": health.worker,
        "pending": health.pending,
        "fresh": health.fresh,
        "oldest_s": health.oldest_age(SystemTime::now()).as_secs(),
        "standing": health.standing().iter().map(|context| context.0).collect::<Vec<_>>(),
        "faulty": faulty,
        "parked": health.parked,
        "blocked": health.blocked,
    })
}

fn as_text(health: &Health, language: Language) -> String {
    let mut text = String::new();
    let mut line = |name: &str, told: String| {
        let _ = writeln!(text, "{name:<12} {told}");
    };
    let service = health.worker.clone().unwrap_or_else(|| "none runs".to_owned());
    line("service", service);
    let age = health.oldest_age(SystemTime::now()).as_secs();
    let oldest = health.oldest.map_or_else(String::new, |_| format!(", the oldest for {age} s"));
    line("pending", format!("{}{oldest}", health.pending));
    line("not seen yet", health.fresh.to_string());
    line("set aside", format!("{}, and {} that wait for them", health.parked, health.blocked));
    line("faulty", health.faulty.len().to_string());
    for fault in &health.faulty {
        let place =
            fault.context.map_or_else(String::new, |context| format!("context {context}, "));
        let _ = writeln!(
            text,
            "  {}  {place}attempts: {}\n    {}",
            fault.item,
            fault.attempts,
            without_addresses(&fault.text)
        );
        let hint = hints::hint(Some(&fault.class), &fault.text, language);
        let _ = writeln!(text, "    {}: {}\n    -> {}", hint.code, hint.means, hint.cure);
    }
    text
}
