//! `drover resync`: provision again what drover knows, and put right what differs; and `drover cache`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Exit;
use super::remote::{Asked, Reason, RemoteArgs, cell, ended, is_meant};
use crate::settings::Settings;

/// Flags of `drover resync`.
#[derive(Debug, Clone, Args)]
pub struct ResyncArgs {
    /// One object: its id, its DN, its name in OX, or CONTEXT/NAME.
    #[arg(value_name = "ID|DN|NAME|CONTEXT/NAME",
          conflicts_with_all = ["kind", "context", "all"],
          required_unless_present_any = ["kind", "context", "all"])]
    pub what: Option<String>,
    /// Which drover.
    #[command(flatten)]
    pub remote: RemoteArgs,
    /// All objects of that kind: user, group, …
    #[arg(long = "type", value_name = "KIND")]
    pub kind: Option<String>,
    /// All objects of that context.
    #[arg(long, value_name = "N")]
    pub context: Option<u32>,
    /// Everything drover knows.
    #[arg(long, conflicts_with_all = ["kind", "context"])]
    pub all: bool,
    /// Tell how many objects it would concern, and do nothing.
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
    args: &ResyncArgs,
    settings: &Settings,
    env: &BTreeMap<String, String>,
) -> anyhow::Result<Exit> {
    Ok(ended(resync(args, settings, env)))
}

fn resync(args: &ResyncArgs, settings: &Settings, env: &BTreeMap<String, String>) -> Asked {
    let client = args.remote.client(settings)?;
    let mut body = json!({
        "object": args.what,
        "kind": args.kind,
        "context": args.context,
        "all": args.all,
    });
    args.reason.put_into(&mut body, env);
    if args.dry_run || args.what.is_none() {
        body["dry_run"] = true.into();
        let preview = client.post("/v1/resync", &body)?;
        if args.dry_run {
            args.remote.tell(&preview, |preview| told("would be provisioned again", preview))?;
            return Ok(Exit::Done);
        }
        let question = format!("provision {} objects again?", preview["objects"]);
        if !is_meant(&question, args.yes)? {
            return Ok(Exit::Refused);
        }
        body["dry_run"] = false.into();
    }
    let answer = client.post("/v1/resync", &body)?;
    args.remote.tell(&answer, |answer| told("are provisioned again", answer))?;
    Ok(Exit::Done)
}

fn told(what: &str, answer: &Value) -> String {
    let parts = match answer["parts"].as_u64() {
        Some(parts) if parts > 0 => format!(", in {parts} places"),
        _ => String::new(),
    };
    format!("objects that {what}: {}{parts}\n", answer["objects"])
}

/// Flags of `drover cache`.
#[derive(Debug, Clone, Args)]
pub struct CacheArgs {
    /// Which drover.
    #[command(flatten)]
    pub remote: RemoteArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: CacheCommand,
}

/// What can be done.
#[derive(Debug, Clone, Subcommand)]
pub enum CacheCommand {
    /// How well the numbers of users, groups and resources are known.
    Show,
    /// Ask OX anew for the numbers of all users, some hundred in a call, while drover goes on; as after a
    /// restore of OX's database.
    Rebuild {
        /// Of that context only.
        #[arg(long, value_name = "N")]
        context: Option<u32>,
        /// Do not ask whether it is meant.
        #[arg(long)]
        yes: bool,
        /// Wait until it is through, at most so many seconds.
        #[arg(long, value_name = "SECONDS", value_parser = super::seconds)]
        wait: Option<Duration>,
    },
}

/// Does it.
///
/// # Errors
/// Never: whatever goes wrong has an exit code.
pub fn cache(args: &CacheArgs, settings: &Settings) -> anyhow::Result<Exit> {
    Ok(ended(ask_cache(args, settings)))
}

/// How often a client looks whether a rebuild is through. There is nothing on the wire that tells.
const LOOK: Duration = Duration::from_millis(100);

fn ask_cache(args: &CacheArgs, settings: &Settings) -> Asked {
    let client = args.remote.client(settings)?;
    let (context, yes, wait) = match &args.command {
        CacheCommand::Show => {
            args.remote.tell(&client.get("/v1/cache", &[])?, |answer| {
                let stats = answer["stats"].as_object();
                let mut text = String::new();
                for (name, value) in stats.into_iter().flatten() {
                    let _ = writeln!(text, "{name:<10} {value}");
                }
                text
            })?;
            return Ok(Exit::Done);
        }
        CacheCommand::Rebuild { context, yes, wait } => (*context, *yes, *wait),
    };
    if context.is_none() && !is_meant("look up the users of all contexts anew?", yes)? {
        return Ok(Exit::Refused);
    }
    let body = json!({"context": context, "all": context.is_none()});
    let answer = client.post("/v1/cache/rebuild", &body)?;
    let begun: Vec<Value> = answer["contexts"].as_array().cloned().unwrap_or_default();
    let deadline = wait.map(|wait| Instant::now() + wait);
    let mut left = begun.clone();
    while let Some(deadline) = deadline
        && !left.is_empty()
    {
        let doubted = client.get("/v1/cache", &[])?["doubted"].take();
        left.retain(|context| doubted.as_array().is_some_and(|all| all.contains(context)));
        if !left.is_empty() && Instant::now() >= deadline {
            break;
        }
        if !left.is_empty() {
            std::thread::sleep(LOOK);
        }
    }
    let through = wait.is_some() && left.is_empty();
    let answer = json!({
        "contexts": begun,
        "through": through,
        "left": if wait.is_some() { json!(left) } else { Value::Null },
    });
    args.remote.tell(&answer, |answer| {
        let count = begun.len();
        match (wait, through) {
            (None, _) => format!("users are looked up anew in {count} contexts\n"),
            (Some(_), true) => format!("users were looked up anew in {count} contexts\n"),
            (Some(_), false) => format!("not through yet in: {}\n", cell(&answer["left"])),
        }
    })?;
    Ok(if wait.is_none() || through { Exit::Done } else { Exit::Faulty })
}
