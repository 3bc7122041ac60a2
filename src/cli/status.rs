//! `drover status`: what waits, what stands still, why, and what to do; also in the shape that
//! monitoring of the OX Connector reads.
//!
//! It looks into drover's memory, so it can tell also where none runs. One that runs is asked for what
//! only it knows; if it does not answer at once, that is told, and the rest all the same.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::time::{Duration, SystemTime};

use clap::Args;
use serde_json::{Value, json};

use super::Exit;
use super::data::{self, DataArgs};
use super::paint::{Colour, painted};
use super::remote::{ago, cell, counted};
use super::speech::SpeechArgs;
use crate::admin::causes::{Case, group};
use crate::admin::client::{Client, ClientError};
use crate::clock::{Clock, SystemClock};
use crate::health::Health;
use crate::hints;
use crate::redact::without_addresses;
use crate::settings::Settings;

/// How long a running drover may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// Causes that are told; of more, only how many.
const MOST_TOLD: usize = 10;

/// Contexts that a cause names.
const MOST_NAMED: usize = 5;

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
    let live = if args.current_error { Live::default() } else { Live::of(&health, settings) };
    if args.current_error {
        writeln!(out, "{}", current_error(&health, settings)?)?;
    } else if args.json {
        let mut told = as_json(&health, &live, settings);
        hints::put_beside(&mut told, args.speech.language());
        writeln!(out, "{}", serde_json::to_string_pretty(&told)?)?;
    } else {
        out.write_all(as_text(&health, &live, args).as_bytes())?;
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

fn as_json(health: &Health, live: &Live, settings: &Settings) -> Value {
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
        "causes": live.causes,
        "live": live.status,
        "not_asked": live.problem,
    })
}

/// What a running drover tells.
#[derive(Debug, Default)]
struct Live {
    /// Its status; null if it could not be asked.
    status: Value,
    /// What stands still, by cause; from drover's memory if it could not be asked.
    causes: Vec<Value>,
    /// Why it could not be asked, though it runs.
    problem: Option<String>,
}

impl Live {
    fn of(health: &Health, settings: &Settings) -> Self {
        let mut live = Self::default();
        if let Some(socket) = settings.socket().filter(|_| health.worker.is_some()) {
            match ask(&Client::Socket(socket)) {
                Ok((status, causes)) => {
                    let status = without_persons(status);
                    let causes = causes.into_iter().map(without_persons).collect();
                    return Self { status, causes, problem: None };
                }
                Err(problem) => live.problem = Some(problem.to_string()),
            }
        }
        let causes = group(health.faulty.iter().map(Case::remembered));
        let causes = causes.iter().filter_map(|cause| serde_json::to_value(cause).ok());
        live.causes = causes.map(without_persons).collect();
        live
    }
}

fn ask(client: &Client) -> Result<(Value, Vec<Value>), ClientError> {
    let status = client.get_within("/v1/status", PATIENCE)?;
    let mut causes = client.get_within("/v1/causes", PATIENCE)?;
    let causes = causes["causes"].as_array_mut().map(std::mem::take).unwrap_or_default();
    Ok((status, causes))
}

fn as_text(health: &Health, live: &Live, args: &StatusArgs) -> String {
    let mut text = String::new();
    let mut line = |name: &str, told: String| {
        let _ = writeln!(text, "{name:<12} {told}");
    };
    let none = || painted("none runs; \"drover run\" starts one", Colour::Odd);
    line("service", health.worker.as_ref().map_or_else(none, |worker| format!("runs ({worker})")));
    if let Some(problem) = &live.problem {
        line("", painted(&format!("it does not answer: {problem}"), Colour::Bad));
    }
    if let Some(outage) = live.status["outage"].as_str() {
        line("OX", painted(&format!("cannot be reached: {outage}"), Colour::Bad));
    }
    let holds = live.status["holds"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !holds.is_empty() {
        let named: Vec<String> = holds.iter().map(cell).collect();
        line("held", painted(&format!("{}, by the operator", named.join(", ")), Colour::Odd));
    }
    if live.status["read"] == false {
        line("queue", "is still being read".to_owned());
    }
    let age = health.oldest_age(SystemTime::now());
    let oldest =
        health.oldest.map_or_else(String::new, |_| format!(", the oldest for {}", long(age)));
    line("pending", format!("{}{oldest}", health.pending));
    line("not seen yet", health.fresh.to_string());
    let aside = format!("{}, and {} that wait for them", health.parked, health.blocked);
    let colour = (health.parked > 0).then_some(Colour::Odd);
    line("set aside", painted(&aside, colour));
    line("faulty", health.faulty.len().to_string());
    let mut causes = Value::Array(live.causes.iter().take(MOST_TOLD).cloned().collect());
    hints::put_beside(&mut causes, args.speech.language());
    let (headline, colour) = headline(health, live, !holds.is_empty());
    let _ = writeln!(text, "\n{}", painted(&headline, colour));
    for cause in causes.as_array().into_iter().flatten() {
        text.push_str(&of_cause(cause, args));
    }
    if live.causes.len() > MOST_TOLD {
        let _ = writeln!(text, "\n… and {} more, with --json", live.causes.len() - MOST_TOLD);
    }
    text
}

/// What was answered without anybody's address or name, at any depth: the status is what one sends to
/// others.
fn without_persons(mut told: Value) -> Value {
    match &mut told {
        Value::Object(fields) => {
            for (key, value) in fields {
                *value = match value.take() {
                    Value::String(text)
                        if matches!(key.as_str(), "fault" | "advice" | "outage") =>
                    {
                        without_addresses(&text).into()
                    }
                    other => without_persons(other),
                };
            }
        }
        Value::Array(all) => all.iter_mut().for_each(|one| *one = without_persons(one.take())),
        _ => {}
    }
    told
}

/// The worst of it in a sentence.
fn headline(health: &Health, live: &Live, held: bool) -> (String, Colour) {
    let reasons = counted(live.causes.len() as u64, "reason", "reasons");
    let standing = health.standing().len() as u64;
    if standing > 0 {
        let standing = counted(standing, "context stands still", "contexts stand still");
        return (format!("{standing}, for {reasons}"), Colour::Bad);
    }
    if !live.causes.is_empty() {
        return (format!("no context stands still; what is faulty has {reasons}"), Colour::Odd);
    }
    if held {
        return ("nothing stands still by a fault, but see what is held".to_owned(), Colour::Odd);
    }
    ("nothing stands still".to_owned(), Colour::Good)
}

/// A time for people.
fn long(time: Duration) -> String {
    let ms = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    ago(&json!(0), ms)
}

/// A cause in a sentence, what hangs on it, and what to type.
fn of_cause(cause: &Value, args: &StatusArgs) -> String {
    let number = |key: &str| cause[key].as_u64().unwrap_or_default();
    let contexts = cause["first_contexts"].as_array().map(Vec::as_slice).unwrap_or_default();
    let named: Vec<String> = contexts.iter().take(MOST_NAMED).map(cell).collect();
    let place = match number("contexts") {
        0 => "no context".to_owned(),
        1 => format!("context {}", named.join("")),
        count if count > named.len() as u64 => {
            format!("{count} contexts ({}, …)", named.join(", "))
        }
        count => format!("{count} contexts ({})", named.join(", ")),
    };
    let mut parts = vec![counted(number("items"), "faulty item", "faulty items")];
    if number("parked") > 0 {
        parts.push(format!("{} set aside", number("parked")));
    }
    if number("behind") > 0 {
        parts.push(format!("{} behind", number("behind")));
    }
    parts.push(format!("attempts: {}", number("attempts")));
    if cause["since_ms"].is_i64() {
        parts.push(format!("for {}", ago(&cause["since_ms"], SystemClock.now_ms())));
    }
    let mut text = String::new();
    let _ = writeln!(text, "\n{}, {}", painted(&place, Colour::Strong), parts.join(", "));
    let mut line = |name: &str, told: &str| {
        let _ = writeln!(text, "  {name:<12} {told}");
    };
    let hint = &cause["hint"];
    line("why", &cell(&cause["fault"]));
    line("means", &format!("{}: {}", cell(&hint["code"]), cell(&hint["means"])));
    line("what to do", &cell(&hint["cure"]));
    if cause["advice"].is_string() {
        line("in this case", &cell(&cause["advice"]));
    }
    let data = args.data.data.as_ref();
    let data = data.map_or_else(String::new, |dir| format!(" --data {}", quoted(&dir.display())));
    let first = quoted(&cell(&cause["first"]));
    line("look", &format!("drover queue{data} show {first}"));
    line("when cured", "drover tries again by itself, with growing pauses; all of them at once:");
    line("", &format!("drover queue{data} retry --fingerprint {}", quoted(&cell(&cause["id"]))));
    text
}

/// As a shell takes it for one word.
fn quoted(text: &impl std::fmt::Display) -> String {
    let text = text.to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._/:".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_to_be_typed_is_one_word_for_a_shell() {
        assert_eq!(quoted(&"2025-01-01.json"), "2025-01-01.json");
        assert_eq!(quoted(&"X: it's \"…\""), "'X: it'\\''s \"…\"'");
        assert_eq!(quoted(&""), "''");
    }
}
