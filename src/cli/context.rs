//! `drover context`: which contexts there are, how they are doing, and to hold them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Exit;
use super::data::moment;
use super::queue::{hints_once, item_line};
use super::remote::{Asked, Reason, RemoteArgs, ago, cell, ended, table};
use crate::admin::client::Client;
use crate::clock::{Clock, SystemClock};
use crate::settings::Settings;

/// Flags of `drover context`.
#[derive(Debug, Clone, Args)]
pub struct ContextArgs {
    /// Which drover.
    #[command(flatten)]
    pub remote: RemoteArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: ContextCommand,
}

/// What can be done.
#[derive(Debug, Clone, Subcommand)]
pub enum ContextCommand {
    /// All contexts: state, depth, age, and why one stands still.
    List(ListArgs),
    /// One context, and what is pending there.
    Show {
        /// Its number.
        context: u32,
    },
    /// Begin nothing new there until it is resumed; what comes is collected.
    Hold(Where),
    /// Go on there.
    Resume(Where),
}

/// Which contexts, and in which order.
#[derive(Debug, Clone, Args)]
pub struct ListArgs {
    /// Only these states, separated by commas: stopped, held, aside, waiting, working, idle.
    #[arg(long, value_name = "STATES")]
    pub state: Option<String>,
    /// Only those with this in their number or name.
    #[arg(long, value_name = "TEXT")]
    pub search: Option<String>,
    /// By id, name, depth, state or age; with - before it the other way round.
    #[arg(long, value_name = "KEY", default_value = "state", allow_hyphen_values = true)]
    pub sort: String,
    /// Begin behind so many.
    #[arg(long, value_name = "N", default_value = "0")]
    pub offset: usize,
    /// So many at most, up to 1000.
    #[arg(long, value_name = "N", default_value = "100")]
    pub limit: usize,
}

/// Where.
#[derive(Debug, Clone, Args)]
pub struct Where {
    /// The context's number.
    #[arg(required_unless_present = "target", conflicts_with = "target")]
    pub context: Option<u32>,
    /// Everything that goes to OX.
    #[arg(long)]
    pub target: bool,
    /// Why, and by whom.
    #[command(flatten)]
    pub reason: Reason,
}

/// Does it.
///
/// # Errors
/// Never: whatever goes wrong has an exit code.
pub fn run(
    args: &ContextArgs,
    settings: &Settings,
    env: &BTreeMap<String, String>,
) -> anyhow::Result<Exit> {
    Ok(ended(ask(args, settings, env)))
}

fn ask(args: &ContextArgs, settings: &Settings, env: &BTreeMap<String, String>) -> Asked {
    let client = args.remote.client(settings)?;
    match &args.command {
        ContextCommand::List(list) => {
            let answer = client.get(
                "/v1/contexts",
                &[
                    ("state", list.state.clone()),
                    ("search", list.search.clone()),
                    ("sort", Some(list.sort.clone())),
                    ("offset", Some(list.offset.to_string())),
                    ("limit", Some(list.limit.to_string())),
                ],
            )?;
            let nothing = answer["total"] == 0;
            args.remote.tell(&answer, as_table)?;
            Ok(if nothing { Exit::Nothing } else { Exit::Done })
        }
        ContextCommand::Show { context } => {
            let answer = client.get(&Client::path("/v1/contexts", &context.to_string()), &[])?;
            args.remote.tell(&answer, as_text)?;
            Ok(Exit::Done)
        }
        ContextCommand::Hold(at) => order(args, &client, "/v1/hold", at, env),
        ContextCommand::Resume(at) => order(args, &client, "/v1/resume", at, env),
    }
}

fn order(
    args: &ContextArgs,
    client: &Client,
    path: &str,
    at: &Where,
    env: &BTreeMap<String, String>,
) -> Asked {
    let mut body = json!({"context": at.context, "target": at.target});
    at.reason.put_into(&mut body, env);
    let answer = client.post(path, &body)?;
    args.remote.tell(&answer, holds)?;
    Ok(Exit::Done)
}

fn as_table(answer: &Value) -> String {
    let now = SystemClock.now_ms();
    let contexts = answer["contexts"].as_array().map(Vec::as_slice).unwrap_or_default();
    let rows: Vec<Vec<String>> = contexts
        .iter()
        .map(|row| {
            vec![
                cell(&row["context"]),
                cell(&row["name"]),
                cell(&row["state"]),
                cell(&row["pending"]),
                ago(&row["oldest_ms"], now),
                cell(&row["why"]),
            ]
        })
        .collect();
    let mut text = table(&["context", "name", "state", "pending", "age", "why"], &rows);
    text.push_str(&hints_once(contexts));
    let _ = writeln!(text, "{} of {} contexts", contexts.len(), answer["total"]);
    text
}

fn as_text(answer: &Value) -> String {
    let mut text = format!(
        "context {} ({}), {} objects\n{}: {}\npending: {}, set aside or waiting for what is: {}\n",
        answer["context"],
        cell(&answer["name"]),
        answer["objects"],
        cell(&answer["state"]),
        cell(&answer["why"]),
        answer["pending"],
        answer["aside"],
    );
    let items = answer["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    for item in items {
        text.push_str(&item_line(item));
    }
    text.push_str(&hints_once(items));
    text
}

fn holds(answer: &Value) -> String {
    let holds = answer["holds"].as_array().map(Vec::as_slice).unwrap_or_default();
    if holds.is_empty() {
        return "nothing is held\n".to_owned();
    }
    let line = |hold: &Value| {
        let place = match hold["context"].as_u64() {
            Some(context) => format!("context {context}"),
            None => "target".to_owned(),
        };
        let since = hold["since_ms"].as_i64().map(moment).unwrap_or_default();
        format!("{place} is held since {since}: {}\n", cell(&hold["note"]))
    };
    holds.iter().map(line).collect()
}
