//! `/sim/`: state, log, counters, script and seeds of a running simulator.
//!
//! `GET /sim/wait?arrived=N` answers with the counters as soon as N calls have arrived since the
//! start; `applied=N` waits for writes that were done, `idle` for no call to be in the server, and
//! `ms=N` limits the wait (unlimited otherwise). Conditions that are left out hold.
//!
//! `POST /sim/record` with `{"operation": "OXUserService.change", "most": 1000}` keeps so many of its
//! messages from now on; `GET /sim/record` answers with them, a JSON text a line.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::{Method, Request, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::SeedContext;
use super::http::{body_text, response};
use super::log::Stats;
use super::script::{Rule, ScriptUpdate};
use super::server::{Recording, Shared};

const JSON: &str = "application/json";

/// Answers a request below `/sim/`.
pub(crate) async fn answer(
    shared: &Arc<Shared>,
    request: Request<Incoming>,
) -> Response<Full<Bytes>> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().trim_start_matches("/sim/");
    match (parts.method, path) {
        (Method::GET, "state") => json_response(200, &shared.lock().world.state()),
        (Method::GET, "stats") => {
            let stats = shared.lock().stats();
            json_response(200, &serde_json::to_value(stats).unwrap_or_default())
        }
        (Method::GET, "wait") => match Wait::read(parts.uri.query().unwrap_or_default()) {
            Some(wait) => json_response(200, &wait.passed(shared).await),
            None => refuse("expected arrived=N, applied=N, idle or ms=N"),
        },
        (Method::GET, "log") => log(shared),
        (Method::DELETE, "log") => {
            shared.lock().log.clear();
            json_response(200, &json!({}))
        }
        (Method::POST, "script") => match body_text(body).await.map(|text| read_script(&text)) {
            Some(Ok(update)) => {
                shared.lock().script.update(update);
                json_response(200, &json!({}))
            }
            Some(Err(error)) => refuse(&error.to_string()),
            None => refuse("the request did not arrive whole"),
        },
        (Method::DELETE, "script") => {
            shared.lock().script.clear();
            json_response(200, &json!({}))
        }
        (Method::POST, "record") => match body_text(body).await.map(|text| read_record(&text)) {
            Some(Ok(recording)) => {
                shared.lock().recording = Some(recording);
                json_response(200, &json!({}))
            }
            Some(Err(error)) => refuse(&error.to_string()),
            None => refuse("the request did not arrive whole"),
        },
        (Method::GET, "record") => {
            let mut lines = Vec::new();
            for message in shared.lock().recording.iter().flat_map(|kept| &kept.messages) {
                // A text always becomes JSON.
                if serde_json::to_writer(&mut lines, message).is_ok() {
                    lines.push(b'\n');
                }
            }
            response(200, "application/x-ndjson", lines)
        }
        (Method::POST, "contexts") => match body_text(body).await.map(|text| read_seeds(&text)) {
            Some(Ok(seeds)) => {
                for seed in &seeds {
                    if let Err(error) = shared.seed(seed) {
                        return refuse(&error.to_string());
                    }
                }
                json_response(200, &json!({ "seeded": seeds.len() }))
            }
            Some(Err(error)) => refuse(&error.to_string()),
            None => refuse("the request did not arrive whole"),
        },
        _ => json_response(404, &json!({ "error": "no such control" })),
    }
}

/// What is waited for.
#[derive(Default)]
struct Wait {
    arrived: u64,
    applied: u64,
    idle: bool,
    most: Option<Duration>,
}

impl Wait {
    fn read(query: &str) -> Option<Self> {
        let mut wait = Self::default();
        for part in query.split('&').filter(|part| !part.is_empty()) {
            match part.split_once('=') {
                Some(("arrived", number)) => wait.arrived = number.parse().ok()?,
                Some(("applied", number)) => wait.applied = number.parse().ok()?,
                Some(("ms", number)) => {
                    wait.most = Some(Duration::from_millis(number.parse().ok()?));
                }
                None if part == "idle" => wait.idle = true,
                _ => return None,
            }
        }
        Some(wait)
    }

    fn is_over(&self, stats: &Stats) -> bool {
        stats.arrived >= self.arrived
            && stats.applied >= self.applied
            && (stats.running == 0 || !self.idle)
    }

    /// The counters when it is over, or when the time is up.
    async fn passed(self, shared: &Shared) -> Value {
        let mut moved = shared.moved.subscribe();
        let over = async {
            while !self.is_over(&shared.lock().stats) {
                if moved.changed().await.is_err() {
                    break;
                }
            }
        };
        match self.most {
            // Too late is no error: the counters say how far it is.
            Some(most) => drop(tokio::time::timeout(most, over).await),
            None => over.await,
        }
        serde_json::to_value(shared.lock().stats()).unwrap_or_default()
    }
}

/// What is to be recorded.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    operation: String,
    most: usize,
}

fn read_record(text: &str) -> Result<Recording, serde_json::Error> {
    let Record { operation, most } = serde_json::from_str(text)?;
    Ok(Recording { operation, most, messages: Vec::new() })
}

/// A rule, a list of rules, or a whole update.
fn read_script(text: &str) -> Result<ScriptUpdate, serde_json::Error> {
    let value: Value = serde_json::from_str(text)?;
    let rules: Vec<Rule> = if value.is_array() {
        serde_json::from_value(value)?
    } else if value.get("effect").is_some() {
        vec![serde_json::from_value(value)?]
    } else {
        return serde_json::from_value(value);
    };
    Ok(ScriptUpdate { rules, ..ScriptUpdate::default() })
}

fn read_seeds(text: &str) -> Result<Vec<SeedContext>, serde_json::Error> {
    let value: Value = serde_json::from_str(text)?;
    if value.is_array() {
        serde_json::from_value(value)
    } else {
        Ok(vec![serde_json::from_value(value)?])
    }
}

/// The log, one record a line.
fn log(shared: &Shared) -> Response<Full<Bytes>> {
    let mut lines = Vec::new();
    for record in shared.lock().log.records() {
        // A record of numbers and texts always becomes JSON.
        if serde_json::to_writer(&mut lines, record).is_ok() {
            lines.push(b'\n');
        }
    }
    response(200, "application/x-ndjson", lines)
}

fn refuse(reason: &str) -> Response<Full<Bytes>> {
    json_response(400, &json!({ "error": reason }))
}

fn json_response(status: u16, value: &Value) -> Response<Full<Bytes>> {
    response(status, JSON, format!("{value:#}\n"))
}
