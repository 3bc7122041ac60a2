//! `drover apply`: desired state from files.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::Args;
use jiff::ToSpan as _;
use serde_json::{Value, json};

use super::data::{DataArgs, memory as store_of};
use super::{Exit, data, run};
use crate::apply::compare::{Act, Step, compare, waiting};
use crate::apply::memory::{Made, Memory, set_of};
use crate::apply::{self, ApplyError, Asked, manifest};
use crate::profiles::{self, ProfilesFile};
use crate::queue::{DirectoryQueue, DirectorySettings, Queue, QueueWriter};
use crate::service::Service;
use crate::settings::Settings;
use crate::store::SqliteReader;

/// Mistakes that are told one by one: a thousand of them have a common cause, and that is in the first.
const MOST_TOLD: usize = 50;

/// Flags of `drover apply`.
#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct ApplyArgs {
    /// Files of desired state: YAML, JSON (.json), or CSV (.csv) with the columns of OX's createuser
    /// or createcontext.
    #[arg(value_name = "FILE", required_unless_present = "schema")]
    pub files: Vec<PathBuf>,
    /// Which data directory.
    #[command(flatten)]
    pub data: DataArgs,
    /// Only tell what would be done; exit code 11 if that is anything.
    #[arg(long, conflicts_with_all = ["enqueue", "schema"])]
    pub plan: bool,
    /// Delete what an earlier apply of the same set made and the files name no more; nothing else is
    /// ever deleted.
    #[arg(long)]
    pub prune: bool,
    /// Put the changes into the queue and leave the work to the service.
    #[arg(long)]
    pub enqueue: bool,
    /// Name of the set, for --prune [default: made from the paths of the files].
    #[arg(long, value_name = "NAME")]
    pub set: Option<String>,
    /// Print a JSON object.
    #[arg(long)]
    pub json: bool,
    /// Print the JSON Schema of such files, for editors and checks.
    #[arg(long, exclusive = true)]
    pub schema: bool,
}

/// Prints the schema.
///
/// # Errors
/// If it cannot be printed.
pub fn schema() -> anyhow::Result<Exit> {
    let mut out = io::stdout();
    writeln!(out, "{}", serde_json::to_string_pretty(&manifest::schema())?)?;
    Ok(Exit::Done)
}

/// Applies the files.
///
/// # Errors
/// If something fails that has no exit code of its own.
pub fn run(args: &ApplyArgs, settings: &Settings) -> anyhow::Result<Exit> {
    let profiles = match ProfilesFile::new(settings.profiles_file()).load() {
        Ok(file) => file.into_iter().chain(profiles::shipped()).map(|(name, _)| name).collect(),
        Err(error) => {
            data::complain(&format!("{:#}", anyhow::Error::new(error)));
            return Ok(Exit::Settings);
        }
    };
    let asked = match apply::read(&args.files, &profiles) {
        Ok(asked) => asked,
        Err(error) => return Ok(cannot_be_used(error)),
    };
    for note in &asked.notes {
        data::complain(note);
    }
    let work = !args.plan && !args.enqueue;
    // Whoever does the work holds the folder before it looks, so that nobody changes it in between.
    let service = if work {
        match Service::open(settings, run::until(settings), None) {
            Ok(service) => Some(service),
            Err(error) => {
                let exit = run::exit_of(&error);
                let hint = if settings.queue_dir().exists() && exit == Exit::DataDir {
                    "; if a service runs there, --enqueue leaves the work to it"
                } else {
                    ""
                };
                data::complain(&format!("{:#}{hint}", anyhow::Error::new(error)));
                return Ok(exit);
            }
        }
    } else {
        None
    };
    let reader = match settings.database().exists().then(|| store_of(settings)).transpose() {
        Ok(reader) => reader,
        Err(error) => return Ok(data::unusable(&error)),
    };
    let set = args.set.clone().unwrap_or_else(|| set_of(&args.files));
    let mut made = Memory::load(&settings.queue.data_dir)?;
    let steps = steps(asked, args, settings, reader.as_ref(), &made, &set)?;
    let mut out = io::stdout();
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&as_json(&steps, &set))?)?;
    } else {
        out.write_all(as_text(&steps, args.plan).as_bytes())?;
    }
    out.flush()?;
    let changes = steps.iter().any(|step| step.act.writes());
    if args.plan {
        return Ok(if changes { Exit::Changes } else { Exit::Done });
    }
    write(&steps, settings, &mut made, &set)?;
    let open = changes || steps.iter().any(|step| matches!(step.act, Act::Waits(_)));
    let Some(service) = service.filter(|_| open) else { return Ok(Exit::Done) };
    let (exit, summary) = run::work_off(service, settings, false)?;
    if args.json {
        data::complain(&summary);
    } else {
        writeln!(out, "{summary}")?;
    }
    Ok(exit)
}

fn cannot_be_used(error: ApplyError) -> Exit {
    match &error {
        ApplyError::Mistakes(mistakes) => {
            for mistake in mistakes.iter().take(MOST_TOLD) {
                data::complain(&mistake.to_string());
            }
            if mistakes.len() > MOST_TOLD {
                let more = mistakes.len() - MOST_TOLD;
                data::complain(&format!("and {more} mistakes more"));
            }
        }
        ApplyError::Unreadable { .. } => {
            data::complain(&format!("{:#}", anyhow::Error::new(error)));
        }
    }
    Exit::Input
}

fn steps(
    asked: Asked,
    args: &ApplyArgs,
    settings: &Settings,
    reader: Option<&SqliteReader>,
    made: &Memory,
    set: &str,
) -> anyhow::Result<Vec<Step>> {
    let queue = DirectoryQueue::new(
        settings.queue_dir(),
        DirectorySettings {
            max_file_bytes: settings.queue.max_file_bytes,
            ..DirectorySettings::default()
        },
    );
    let waiting = waiting(&queue)?;
    let nothing = BTreeMap::new();
    let made = args.prune.then(|| made.of(set).unwrap_or(&nothing));
    Ok(compare(asked.objects, reader, &waiting, made)?)
}

/// Remembers what will be made, then writes the items, then forgets what will be gone: whatever
/// happens in between, nothing that was made is forgotten.
fn write(
    steps: &[Step],
    settings: &Settings,
    memory: &mut Memory,
    set: &str,
) -> anyhow::Result<()> {
    let data_dir = &settings.queue.data_dir;
    let mut created = steps.iter().filter(|step| step.act == Act::Create).peekable();
    if created.peek().is_some() {
        for step in created {
            let dn = step.dn.as_str().to_owned();
            let made = Made { kind: step.kind, label: step.label.clone(), dn };
            memory.add(set, step.id.clone(), made);
        }
        memory.save(data_dir)?;
    }
    let folder = settings.queue_dir();
    std::fs::create_dir_all(&folder)?;
    let writer = QueueWriter::new(folder.clone(), start(&folder)?);
    for step in steps.iter().filter(|step| step.act.writes()) {
        writer.write(&step.item())?;
    }
    let mut gone = steps.iter().filter(|step| step.act == Act::Delete).peekable();
    if gone.peek().is_some() {
        for step in gone {
            memory.remove(set, &step.id);
        }
        memory.save(data_dir)?;
    }
    Ok(())
}

/// Now, or right after the last item in the queue if that has a later time in its name.
fn start(folder: &std::path::Path) -> anyhow::Result<jiff::civil::DateTime> {
    let now = jiff::tz::TimeZone::system().to_datetime(jiff::Timestamp::now());
    let names = DirectoryQueue::new(folder.to_owned(), DirectorySettings::default()).scan()?;
    let last = names.iter().rev().find_map(|name| {
        let second = name.as_str().get(..19)?;
        jiff::civil::DateTime::strptime("%Y-%m-%d-%H-%M-%S", second).ok()
    });
    let after = last.and_then(|last| last.checked_add(1.second()).ok());
    Ok(after.map_or(now, |after| after.max(now)))
}

fn as_text(steps: &[Step], plan: bool) -> String {
    let mut text = String::new();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for step in steps {
        *counts.entry(step.act.word()).or_default() += 1;
        let why = match &step.act {
            // Who applies wants to know what is done, who plans, about everything.
            Act::Nothing if !plan => continue,
            Act::Nothing | Act::Create | Act::Delete => String::new(),
            Act::Change(fields) => format!(": {}", fields.join(", ")),
            Act::Waits(item) => format!(": {item} is in the queue already"),
            Act::Again => ": its last item was dropped undone".to_owned(),
        };
        let _ = writeln!(text, "{:<8} {} {}{why}", step.act.word(), step.kind, step.label);
    }
    let count = |word: &str| counts.get(word).copied().unwrap_or_default();
    let _ = writeln!(
        text,
        "{} to create, {} to change, {} to delete, {} in the queue, {} unchanged",
        count("create"),
        count("change") + count("again"),
        count("delete"),
        count("waits"),
        count("nothing"),
    );
    if plan {
        text.push_str(
            "Only OX knows: what is to be created and there already is taken over and changed; what \
             somebody changed in OX itself is not seen.\n",
        );
    }
    text
}

fn as_json(steps: &[Step], set: &str) -> Value {
    let steps: Vec<Value> = steps
        .iter()
        .map(|step| {
            let fields = match &step.act {
                Act::Change(fields) => fields.clone(),
                _ => Vec::new(),
            };
            json!({
                "act": step.act.word(),
                "kind": step.kind,
                "object": step.label,
                "id": step.id,
                "fields": fields,
            })
        })
        .collect();
    json!({"set": set, "objects": steps})
}
