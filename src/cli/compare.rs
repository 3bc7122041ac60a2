//! `drover compare`: what the directory wants, what was provisioned, what OX has.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::num::NonZeroU32;

use clap::Args;
use serde_json::json;

use super::Exit;
use super::data::{self, complain, memory};
use super::remote::{Reason, RemoteArgs, cell, ended};
use crate::admin::words::kind_named;
use crate::compare::{CALLS_PER_SECOND, CompareError, Compared, Comparer, State, Summary, Which};
use crate::model::{ContextId, ObjectId, ObjectKind};
use crate::settings::Settings;

/// Flags of `drover compare`.
#[derive(Debug, Clone, Args)]
pub struct CompareArgs {
    /// One object: its id, its DN, its name in OX, or CONTEXT/NAME.
    #[arg(value_name = "ID|DN|NAME|CONTEXT/NAME",
          conflicts_with_all = ["kind", "context", "all"],
          required_unless_present_any = ["kind", "context", "all"])]
    pub what: Option<String>,
    /// Which data directory, and with --resync which drover.
    #[command(flatten)]
    pub remote: RemoteArgs,
    /// All objects of that kind: user, group, …
    #[arg(long = "type", value_name = "KIND", value_parser = a_kind)]
    pub kind: Option<ObjectKind>,
    /// All objects of that context.
    #[arg(long, value_name = "N")]
    pub context: Option<u32>,
    /// Everything drover knows.
    #[arg(long, conflicts_with_all = ["kind", "context"])]
    pub all: bool,
    /// Users' module rights as well; one call more for each user.
    #[arg(long)]
    pub rights: bool,
    /// Have what differs provisioned again by the drover that runs.
    #[arg(long)]
    pub resync: bool,
    /// Calls to OX in a second at most; 0 = no limit.
    #[arg(long, value_name = "N", default_value_t = CALLS_PER_SECOND)]
    pub rate: u32,
    /// Why, and by whom.
    #[command(flatten)]
    pub reason: Reason,
}

fn a_kind(word: &str) -> Result<ObjectKind, String> {
    kind_named(word).ok_or_else(|| {
        let words: Vec<&str> = ObjectKind::ALL.iter().map(|kind| kind.word()).collect();
        format!("name one of: {}", words.join(", "))
    })
}

/// Compares, and tells what differs.
///
/// # Errors
/// If something fails that has no exit code of its own.
pub fn run(
    args: &CompareArgs,
    settings: &Settings,
    env: &BTreeMap<String, String>,
) -> anyhow::Result<Exit> {
    let memory = match memory(settings) {
        Ok(memory) => memory,
        Err(error) => return Ok(data::unusable(&error)),
    };
    let which = Which {
        object: args.what.clone(),
        context: args.context.map(ContextId),
        kind: args.kind,
        rights: args.rights || args.what.is_some(),
    };
    let comparer = match Comparer::new(settings, memory, NonZeroU32::new(args.rate)) {
        Ok(comparer) => comparer,
        Err(error) => return Ok(failed(error)),
    };
    let mut differing = BTreeSet::new();
    let mut out = io::stdout().lock();
    let mut each = |one: Compared| -> io::Result<()> {
        if one.state.is_curable() {
            differing.extend(one.object.clone());
        }
        if one.state == State::Same {
            return Ok(());
        }
        if args.remote.json {
            serde_json::to_writer(&mut out, &one)?;
            writeln!(out)
        } else {
            out.write_all(as_text(&one).as_bytes())
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let summary = match runtime.block_on(comparer.run(&which, &mut each)) {
        Ok(summary) => summary,
        Err(error) => return Ok(failed(error)),
    };
    if args.remote.json {
        writeln!(out, "{}", json!({"summary": summary}))?;
    } else {
        out.write_all(sum(&summary).as_bytes())?;
    }
    drop(out);
    if args.resync && !differing.is_empty() {
        return Ok(ended(resync(args, settings, env, &differing)));
    }
    Ok(exit(&summary))
}

fn exit(summary: &Summary) -> Exit {
    if summary.compared == 0 && summary.unknown == 0 && summary.failed == 0 {
        complain(
            "drover knows no such object; give its id, its DN, its name in OX, or CONTEXT/NAME",
        );
        Exit::Nothing
    } else if summary.different > 0 {
        Exit::Differs
    } else if summary.failed > 0 {
        Exit::NotReady
    } else {
        Exit::Done
    }
}

fn failed(error: CompareError) -> Exit {
    let exit = match &error {
        CompareError::Ox(_) => Exit::Unreachable,
        CompareError::Store(_) => Exit::DataDir,
        CompareError::Mapping(_) | CompareError::Profiles(_) | CompareError::Client(_) => {
            Exit::Settings
        }
        CompareError::Output(_) => Exit::Internal,
    };
    complain(&format!("{:#}", anyhow::Error::new(error)));
    exit
}

/// Has what differs provisioned again.
fn resync(
    args: &CompareArgs,
    settings: &Settings,
    env: &BTreeMap<String, String>,
    differing: &BTreeSet<ObjectId>,
) -> super::remote::Asked {
    let client = args.remote.client(settings)?;
    for object in differing {
        let mut body = json!({"object": object});
        args.reason.put_into(&mut body, env);
        client.post("/v1/resync", &body)?;
    }
    if !args.remote.json {
        writeln!(io::stdout(), "objects that are provisioned again: {}", differing.len())?;
    }
    Ok(Exit::Done)
}

fn as_text(one: &Compared) -> String {
    let object = one.object.as_ref().map_or_else(String::new, |object| format!("  {object}"));
    let name = one.name.as_deref().unwrap_or("-");
    let told = match one.state {
        State::Same => "is the same",
        State::Differs => "differs",
        State::Missing => "is not in OX",
        State::OtherNumber => "has another number in OX than drover remembers",
        State::NotProvisioned => "is not provisioned",
        State::Unknown => "is in OX, and drover does not know it",
        State::Failed => "cannot be compared",
    };
    let reason = one.reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
    let mut text = if one.state == State::Failed {
        format!("context {} {told}{reason}\n", one.context)
    } else {
        format!("context {}  {} {name}{object}  {told}\n", one.context, one.kind)
    };
    if !one.differences.is_empty() {
        let rows: Vec<Vec<String>> = one
            .differences
            .iter()
            .map(|one| {
                let value = |text: &Option<String>| cell(&json!(text));
                vec![
                    format!("  {}", one.field),
                    value(&one.source),
                    value(&one.provisioned),
                    value(&one.ox),
                ]
            })
            .collect();
        text.push_str(&super::remote::table(&["  field", "directory", "provisioned", "OX"], &rows));
    }
    text
}

fn sum(summary: &Summary) -> String {
    let Summary { compared, same, different, unknown, failed } = summary;
    format!(
        "compared: {compared}, same: {same}, different: {different}, in OX and unknown: {unknown}, \
         failed: {failed}\n"
    )
}
