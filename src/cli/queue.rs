//! `drover queue`: pending items, and what can be done about them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Exit;
use super::data::moment;
use super::remote::{Asked, Reason, RemoteArgs, cell, ended, is_meant, table};
use crate::admin::client::Client;
use crate::settings::Settings;

/// Items that a preview and a result name one by one.
const MOST_NAMED: usize = 20;

/// Flags of `drover queue`.
#[derive(Debug, Clone, Args)]
pub struct QueueArgs {
    /// Which drover.
    #[command(flatten)]
    pub remote: RemoteArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: QueueCommand,
}

/// What can be done.
#[derive(Debug, Clone, Subcommand)]
pub enum QueueCommand {
    /// Pending items, in the queue's order.
    List {
        /// Which.
        #[command(flatten)]
        filter: FilterArgs,
        /// Begin behind that item.
        #[arg(long, value_name = "FILE")]
        after: Option<String>,
        /// So many at most, up to 1000.
        #[arg(long, value_name = "N", default_value = "100")]
        limit: usize,
    },
    /// One item's story: fault, attempts, advice, what it blocks, what became of it.
    Show {
        /// Name of the queue file.
        item: String,
    },
    /// Try these now instead of after their pause.
    Retry(OrderArgs),
    /// Set these aside until they are released, with all that cannot be done without them.
    Park(OrderArgs),
    /// Put parked ones back.
    Release(OrderArgs),
    /// Take these out undone, and remove their files.
    Drop(OrderArgs),
}

/// Conditions, all of which have to be fulfilled.
#[derive(Debug, Clone, Default, Args)]
pub struct FilterArgs {
    /// States, separated by commas: pending, faulty, parked, blocked.
    #[arg(long, value_name = "STATES")]
    pub state: Option<String>,
    /// To be worked on in that context.
    #[arg(long, value_name = "N")]
    pub context: Option<u32>,
    /// Kind of object: user, group, …
    #[arg(long = "type", value_name = "KIND")]
    pub kind: Option<String>,
    /// Id of the object.
    #[arg(long, value_name = "ID")]
    pub object: Option<String>,
    /// In the fault's class or text, in any case of letters.
    #[arg(long, value_name = "TEXT")]
    pub fault: Option<String>,
    /// Of the same cause: the fingerprint that an item's fault has.
    #[arg(long, value_name = "TEXT")]
    pub fingerprint: Option<String>,
}

/// To which items, and how carefully.
#[derive(Debug, Clone, Args)]
pub struct OrderArgs {
    /// Name of the queue file; without it, what fits the conditions.
    pub item: Option<String>,
    /// Which.
    #[command(flatten)]
    pub filter: FilterArgs,
    /// Every item, whatever it is.
    #[arg(long, conflicts_with = "item")]
    pub all: bool,
    /// Tell what it would concern, and do nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask whether it is meant.
    #[arg(long)]
    pub yes: bool,
    /// Why, and by whom.
    #[command(flatten)]
    pub reason: Reason,
}

/// Does it.
///
/// # Errors
/// Never: whatever goes wrong has an exit code.
pub fn run(
    args: &QueueArgs,
    settings: &Settings,
    env: &BTreeMap<String, String>,
) -> anyhow::Result<Exit> {
    Ok(ended(ask(args, settings, env)))
}

fn ask(args: &QueueArgs, settings: &Settings, env: &BTreeMap<String, String>) -> Asked {
    let client = args.remote.client(settings)?;
    match &args.command {
        QueueCommand::List { filter, after, limit } => {
            list(args, &client, filter, after.as_ref(), *limit)
        }
        QueueCommand::Show { item } => {
            let answer = client.get(&Client::path("/v1/items", item), &[])?;
            args.remote.tell(&answer, story)?;
            Ok(Exit::Done)
        }
        QueueCommand::Retry(order) => give(args, &client, "retry", order, env),
        QueueCommand::Park(order) => give(args, &client, "park", order, env),
        QueueCommand::Release(order) => give(args, &client, "release", order, env),
        QueueCommand::Drop(order) => give(args, &client, "drop", order, env),
    }
}

fn list(
    args: &QueueArgs,
    client: &Client,
    filter: &FilterArgs,
    after: Option<&String>,
    limit: usize,
) -> Asked {
    let answer = client.get(
        "/v1/items",
        &[
            ("state", filter.state.clone()),
            ("context", filter.context.map(|context| context.to_string())),
            ("kind", filter.kind.clone()),
            ("object", filter.object.clone()),
            ("fault", filter.fault.clone()),
            ("fingerprint", filter.fingerprint.clone()),
            ("after", after.cloned()),
            ("limit", Some(limit.to_string())),
        ],
    )?;
    let items = items(&answer);
    let nothing = items.is_empty();
    args.remote.tell(&answer, |answer| {
        let items = self::items(answer);
        let mut text = items_table(items);
        text.push_str(&hints_once(items));
        if let Some(next) = answer["next"].as_str() {
            let _ = writeln!(text, "there may be more: --after {next}");
        }
        text
    })?;
    Ok(if nothing { Exit::Nothing } else { Exit::Done })
}

/// Gives an order, to one item or to all that fit, a number of them at a time.
fn give(
    args: &QueueArgs,
    client: &Client,
    verb: &str,
    order: &OrderArgs,
    env: &BTreeMap<String, String>,
) -> Asked {
    let path = format!("/v1/{verb}");
    let mut body = match &order.item {
        Some(item) => json!({"item": item}),
        None => json!({"filter": filter_json(&order.filter), "all": order.all}),
    };
    order.reason.put_into(&mut body, env);
    if order.dry_run || order.item.is_none() {
        body["dry_run"] = true.into();
        let preview = whole(client, &path, body.clone())?;
        let count = preview["matched"].as_u64().unwrap_or_default();
        if order.dry_run || count == 0 {
            args.remote.tell(&preview, |preview| told(preview, &format!("would {verb}")))?;
            return Ok(if count == 0 { Exit::Nothing } else { Exit::Done });
        }
        if !order.yes {
            eprint!("{}", told(&preview, &format!("will {verb}")));
        }
        if !is_meant(&format!("{verb} {count} items?"), order.yes)? {
            return Ok(Exit::Refused);
        }
        body["dry_run"] = false.into();
    }
    let done = whole(client, &path, body)?;
    args.remote.tell(&done, |done| told(done, &format!("{verb}: done for")))?;
    Ok(if done["done"] == 0 { Exit::Nothing } else { Exit::Done })
}

fn filter_json(filter: &FilterArgs) -> Value {
    json!({
        "state": filter.state,
        "context": filter.context,
        "kind": filter.kind,
        "object": filter.object,
        "fault": filter.fault,
        "fingerprint": filter.fingerprint,
    })
}

/// Gives an order again and again behind the last item, until nothing is left; answers them as one, with
/// the first items by name.
fn whole(
    client: &Client,
    path: &str,
    mut body: Value,
) -> Result<Value, crate::admin::client::ClientError> {
    let mut sum = client.post(path, &body)?;
    let mut next = sum["next"].take();
    while next.is_string() {
        body["filter"]["after"] = next;
        let mut more = client.post(path, &body)?;
        for key in ["matched", "done"] {
            let count = |answer: &Value| answer[key].as_u64().unwrap_or_default();
            sum[key] = (count(&sum) + count(&more)).into();
        }
        next = more["next"].take();
    }
    Ok(sum)
}

fn items(answer: &Value) -> &[Value] {
    answer["items"].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn told(answer: &Value, what: &str) -> String {
    let key = if answer["dry_run"] == true { "matched" } else { "done" };
    let count = answer[key].as_u64().unwrap_or_default();
    let items = items(answer);
    let named = &items[..items.len().min(MOST_NAMED)];
    let mut text = format!("{what} {count} {}\n", if count == 1 { "item" } else { "items" });
    for item in named {
        text.push_str(&item_line(item));
    }
    if count > named.len() as u64 {
        let _ = writeln!(text, "  … and {} more", count - named.len() as u64);
    }
    text
}

fn items_table(items: &[Value]) -> String {
    let rows: Vec<Vec<String>> = items
        .iter()
        .map(|item| {
            vec![
                cell(&item["item"]),
                state(item),
                cell(&item["contexts"]),
                cell(&item["kind"]),
                cell(&item["attempts"]),
                cell(&item["hint"]["code"]),
                cell(&item["fault"]),
            ]
        })
        .collect();
    table(&["item", "state", "contexts", "type", "attempts", "hint", "fault"], &rows)
}

/// What the faults of these items mean and what to do, each kind once, the most frequent first.
pub(super) fn hints_once(items: &[Value]) -> String {
    let mut kinds: BTreeMap<&str, (usize, &Value)> = BTreeMap::new();
    for hint in items.iter().map(|item| &item["hint"]) {
        if let Some(code) = hint["code"].as_str() {
            kinds.entry(code).or_insert((0, hint)).0 += 1;
        }
    }
    let mut kinds: Vec<(&str, usize, &Value)> =
        kinds.into_iter().map(|(code, (count, hint))| (code, count, hint)).collect();
    kinds.sort_by_key(|(_, count, _)| std::cmp::Reverse(*count));
    let mut text = String::new();
    for (code, count, hint) in kinds {
        let _ =
            writeln!(text, "{code} ({count}): {}\n  {}", cell(&hint["means"]), cell(&hint["cure"]));
    }
    text
}

fn state(item: &Value) -> String {
    if item["running"] == true { "running".to_owned() } else { cell(&item["state"]) }
}

/// One item in a line or two.
pub(super) fn item_line(item: &Value) -> String {
    let mut text = format!(
        "  {}  {}  {} {}, contexts: {}\n",
        cell(&item["item"]),
        state(item),
        cell(&item["kind"]),
        cell(&item["object"]),
        cell(&item["contexts"]),
    );
    if let Some(fault) = item["fault"].as_str() {
        let _ = writeln!(text, "    {}", fault.replace(char::is_control, " "));
    }
    let blocks = item["blocks"].as_array().map_or(0, Vec::len);
    if blocks > 0 {
        let _ = writeln!(text, "    items that cannot be done without it: {blocks}");
    }
    text
}

fn story(answer: &Value) -> String {
    let mut text = format!("item {}\n", cell(&answer["item"]));
    let mut line = |name: &str, value: &Value| {
        let empty = value.as_array().is_some_and(Vec::is_empty);
        if !value.is_null() && !empty {
            let _ = writeln!(text, "  {name:<13} {}", cell(value));
        }
    };
    let item = &answer["pending"];
    if item.is_object() {
        line("state", &json!(state(item)));
        line("set aside", &item["reason"]);
        line("note", &item["note"]);
        line("type", &item["kind"]);
        line("object", &item["object"]);
        line("contexts", &item["contexts"]);
        line("attempts", &item["attempts"]);
        line("since", &time(&item["since_ms"]));
        line("next attempt", &time(&item["next_ms"]));
        line("class", &item["class"]);
        line("fault", &item["fault"]);
        line("exception id", &item["exception_id"]);
        line("fingerprint", &item["fingerprint"]);
        line("means", &item["hint"]["means"]);
        line("what to do", &item["hint"]["cure"]);
        line("hint", &item["hint"]["code"]);
        line("in this case", &item["advice"]);
        line("blocked by", &item["blocked_by"]);
        line("blocks", &item["blocks"]);
        line("in place of", &item["replaces"]);
        line("on its own", &item["apart"]);
    } else {
        text.push_str("  is not pending any more\n");
    }
    text.push_str("what is remembered of its object:\n");
    for one in answer["history_of_object"].as_array().map(Vec::as_slice).unwrap_or_default() {
        let ended = one["ended_ms"].as_i64().map_or_else(|| "open".to_owned(), moment);
        let why = [&one["reason"], &one["blocked_by"], &one["note"]];
        let why: Vec<String> =
            why.iter().filter(|why| why.is_string()).map(|why| cell(why)).collect();
        let why = if why.is_empty() { String::new() } else { format!(" ({})", why.join(", ")) };
        let _ = writeln!(
            text,
            "  {}  {}{why}, {ended}, attempts: {}",
            cell(&one["item"]),
            cell(&one["state"]),
            one["attempts"]
        );
        if let Some(fault) = one["last_fault"].as_str() {
            let _ = writeln!(text, "    last fault: {}", fault.replace(char::is_control, " "));
            let hint = &one["hint"];
            let _ = writeln!(text, "    {}: {}", cell(&hint["code"]), cell(&hint["means"]));
        }
    }
    text
}

fn time(ms: &Value) -> Value {
    ms.as_i64().map_or(Value::Null, |ms| moment(ms).into())
}
