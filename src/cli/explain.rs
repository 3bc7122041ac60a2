//! `drover explain`: why an item is not through, condition by condition in the order in which they count.

use std::fmt::Write as _;

use clap::Args;
use serde_json::{Value, json};

use super::Exit;
use super::data::moment;
use super::remote::{Asked, RemoteArgs, cell, ended};
use crate::admin::client::{Client, ClientError};
use crate::settings::Settings;

/// Items of a context among which one is looked for, to tell how many are before it.
const LOOKED_THROUGH: usize = 1_000;

/// Flags of `drover explain`.
#[derive(Debug, Clone, Args)]
pub struct ExplainArgs {
    /// Name of the queue file.
    pub item: String,
    /// Which drover.
    #[command(flatten)]
    pub remote: RemoteArgs,
}

/// Explains it.
///
/// # Errors
/// Never: whatever goes wrong has an exit code.
pub fn run(args: &ExplainArgs, settings: &Settings) -> anyhow::Result<Exit> {
    Ok(ended(explain(args, settings)))
}

fn explain(args: &ExplainArgs, settings: &Settings) -> Asked {
    let client = args.remote.client(settings)?;
    let story = client.get(&Client::path("/v1/items", &args.item), &[])?;
    let conditions = conditions(&client, &story)?;
    let first = conditions.iter().find(|one| one.stops);
    let answer = json!({
        "item": story["item"],
        "conditions": conditions.iter().map(Condition::as_json).collect::<Vec<_>>(),
        "why": first.map_or("nothing keeps it; it is done when its turn comes", |one| &one.found),
        "advice": story["pending"]["advice"],
        "class": story["pending"]["class"],
        "fault": story["pending"]["fault"],
    });
    args.remote.tell(&answer, as_text)?;
    Ok(Exit::Done)
}

/// Something that has to be so for an item to be done.
struct Condition {
    asked: String,
    found: String,
    /// It keeps the item.
    stops: bool,
}

impl Condition {
    fn new(asked: impl Into<String>, kept: Option<String>, else_found: &str) -> Self {
        let stops = kept.is_some();
        Self { asked: asked.into(), found: kept.unwrap_or_else(|| else_found.to_owned()), stops }
    }

    fn as_json(&self) -> Value {
        json!({"condition": self.asked, "found": self.found, "keeps_it": self.stops})
    }
}

fn text(value: &Value) -> Option<String> {
    value.is_string().then(|| cell(value))
}

fn conditions(client: &Client, story: &Value) -> Result<Vec<Condition>, ClientError> {
    let item = &story["pending"];
    if item.is_null() {
        let last = &story["history"][0];
        let why = text(&last["reason"]).or_else(|| text(&last["blocked_by"]));
        let why = why.map_or_else(String::new, |why| format!(" ({why})"));
        let when = last["ended_ms"].as_i64().map(moment).unwrap_or_default();
        let ended = format!("it has ended: {}{why}, {when}", cell(&last["state"]));
        return Ok(vec![Condition::new("is it pending?", Some(ended), "")]);
    }
    let status = client.get("/v1/status", &[])?;
    // The status is a moment old; this is not.
    let holds = client.get("/v1/holds", &[])?;
    let held = holds["holds"].as_array().is_some_and(|holds| {
        let everything = |hold: &Value| hold["target"] == true;
        holds.iter().any(everything)
    });
    let parked = (item["state"] == "parked").then(|| {
        let note = text(&item["note"]).map_or_else(String::new, |note| format!(": {note}"));
        format!("it is set aside {}{note}", cell(&item["reason"]))
    });
    let blocked = text(&item["blocked_by"]);
    let mut all = vec![
        Condition::new("is it pending?", None, "yes"),
        Condition::new(
            "was the queue read?",
            (status["read"] != true).then(|| "the queue is still being read".to_owned()),
            "yes",
        ),
        Condition::new(
            "may anything go to OX?",
            held.then(|| "everything is held by the operator".to_owned()),
            "yes, nothing is held as a whole",
        ),
        Condition::new(
            "does OX answer?",
            text(&status["outage"]).map(|why| format!("OX cannot be reached: {why}")),
            "yes",
        ),
        Condition::new("is it set aside?", parked, "no"),
        Condition::new(
            "does it need an item that is set aside?",
            blocked.map(|by| format!("it cannot be done without {by}, which is set aside")),
            "no",
        ),
        Condition::new("has it a fault?", (item["state"] == "faulty").then(|| fault(item)), "no"),
    ];
    for context in item["contexts"].as_array().into_iter().flatten() {
        all.extend(in_context(client, &story["item"], context)?);
    }
    let running = (item["running"] == true).then(|| "it is being done right now".to_owned());
    all.push(Condition::new("is it being done?", running, "not now"));
    Ok(all)
}

fn fault(item: &Value) -> String {
    let next = item["next_ms"].as_i64().map(moment);
    let next = next.map_or_else(String::new, |next| format!("; it is tried again at {next}"));
    format!(
        "attempts that failed: {}, the last with: {}{next}",
        item["attempts"],
        cell(&item["fault"])
    )
}

/// What a context has to do with it.
fn in_context(
    client: &Client,
    item: &Value,
    context: &Value,
) -> Result<Vec<Condition>, ClientError> {
    let place = match client.get(&Client::path("/v1/contexts", &context.to_string()), &[]) {
        Ok(place) => place,
        // It is through there by now.
        Err(ClientError::Refused { status: 404, .. }) => return Ok(Vec::new()),
        Err(problem) => return Err(problem),
    };
    let hold = place["hold"].is_object().then(|| {
        let note =
            text(&place["hold"]["note"]).map_or_else(String::new, |note| format!(": {note}"));
        format!("context {context} is held by the operator{note}")
    });
    let stopped = text(&place["stopped_at"]).filter(|other| *other != cell(item)).map(|other| {
        let fault = cell(&place["fault"]);
        format!("context {context} stands still at {other}: {fault}")
    });
    let query =
        [("context", Some(context.to_string())), ("limit", Some(LOOKED_THROUGH.to_string()))];
    let items = client.get("/v1/items", &query)?;
    let items = items["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    let before = items.iter().take_while(|one| one["item"] != *item).count();
    let before = match before {
        0 => None,
        LOOKED_THROUGH => Some(format!("{LOOKED_THROUGH} items or more are before it")),
        count => {
            Some(format!("items before it: {count}, the first is {}", cell(&items[0]["item"])))
        }
    };
    Ok(vec![
        Condition::new(format!("may work begin in context {context}?"), hold, "yes"),
        Condition::new(format!("does context {context} move?"), stopped, "yes"),
        Condition::new(format!("is it first in context {context}?"), before, "yes"),
    ])
}

fn as_text(answer: &Value) -> String {
    let mut text = format!("item {}: {}\n", cell(&answer["item"]), cell(&answer["why"]));
    for one in answer["conditions"].as_array().into_iter().flatten() {
        let mark = if one["keeps_it"] == true { '!' } else { ' ' };
        let _ = writeln!(text, "{mark} {:<42} {}", cell(&one["condition"]), cell(&one["found"]));
    }
    if answer["hint"].is_object() {
        let hint = &answer["hint"];
        let _ = writeln!(text, "{}: {}", cell(&hint["code"]), cell(&hint["means"]));
        let _ = writeln!(text, "what to do: {}", cell(&hint["cure"]));
    } else if answer["advice"].is_string() {
        let _ = writeln!(text, "what to do: {}", cell(&answer["advice"]));
    }
    text
}
