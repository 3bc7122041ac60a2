//! `drover resync`: provision again what drover knows, and put right what differs; and `drover cache`.

mod later;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Exit;
use super::remote::{Asked, Care, Failed, RemoteArgs, Went, cell, counted, ended, is_meant};
use crate::admin::client::ClientError;
use crate::settings::Settings;
use later::Later;

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
    /// How carefully.
    #[command(flatten)]
    pub care: Care,
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
    let body = json!({
        "object": args.what,
        "kind": args.kind,
        "context": args.context,
        "all": args.all,
    });
    let many = args.what.is_none();
    let ask = |preview: &Value| {
        let count = preview["objects"].as_u64().unwrap_or_default();
        Some(format!("provision {} again?", counted(count, "object", "objects")))
    };
    let give = |body: &Value| Ok(client.post("/v1/resync", body)?);
    let went = match args.care.give(many, body.clone(), env, give, ask) {
        // Nobody is there to be asked: it is left for the next start.
        Err(Failed::Client(ClientError::NoService { place })) if args.remote.url.is_none() => {
            let Some(later) = Later::open(settings)? else {
                return Err(ClientError::NoService { place }.into());
            };
            let went = args.care.give(many, body, env, |body| later.ask(body), ask);
            later.close();
            went?
        }
        went => went?,
    };
    let (answer, what) = match went {
        Went::Declined => return Ok(Exit::Refused),
        Went::Previewed(preview) => (preview, "would be provisioned again"),
        Went::Given(done) if done["at_next_start"] == true => {
            (done, "will be provisioned again when drover is started")
        }
        Went::Given(done) => (done, "are provisioned again"),
    };
    args.remote.tell(&answer, |answer| told(what, answer))?;
    Ok(Exit::Done)
}

fn told(what: &str, answer: &Value) -> String {
    let parts = match answer["parts"].as_u64() {
        Some(parts) if parts > 0 => format!(", in {}", counted(parts, "place", "places")),
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
        let count = counted(begun.len() as u64, "context", "contexts");
        match (wait, through) {
            (None, _) => format!("users are looked up anew in {count}\n"),
            (Some(_), true) => format!("users were looked up anew in {count}\n"),
            (Some(_), false) => format!("not through yet in: {}\n", cell(&answer["left"])),
        }
    })?;
    Ok(if wait.is_none() || through { Exit::Done } else { Exit::Faulty })
}
