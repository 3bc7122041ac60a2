//! An archive for whoever helps from afar: what drover is set to, how it is doing, what stands still, and
//! the end of its log; without secrets, and without people's data unless that is asked for.
//!
//! It is made from the data folder, whether or not a drover runs there, and from the running one if it
//! answers. Nothing is changed.

mod veil;

use std::fs::OpenOptions;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::admin::client::Client;
use crate::check;
use crate::cli::ledger;
use crate::health::Health;
use crate::model::ObjectId;
use crate::settings::{Explained, Notice, Settings};
use crate::store::{FaultRecord, SqliteReader};
use veil::Veil;

/// The end of a log that is put in, in bytes.
const LOG_END: u64 = 4 << 20;

/// Held items that are put in; of more, the first in queue order.
const MOST_ITEMS: usize = 20_000;

/// Keys whose values are names, ids or patterns of them, or addresses that may hold a token; only whether
/// and how many is told.
const ABOUT_PEOPLE: &[&str] = &[
    "protect.ids",
    "protect.names",
    "protect.marked",
    "scope.exclude_names",
    "notify.webhook",
    "notify.command",
];

/// Why there is no archive.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The archive cannot be written.
    #[error("cannot write the archive {path}; name another place with --out")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A log that was named cannot be read.
    #[error("cannot read the log {path}; name a file that is there")]
    Log {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The memory is there and cannot be read, so nobody knows what would have to be veiled.
    #[error("cannot look into drover's memory, so people's data could not be left out; stop here")]
    Memory(#[from] crate::store::StoreError),
}

/// What is put in.
#[derive(Debug)]
pub struct Wanted<'a> {
    /// The settings in force.
    pub settings: &'a Settings,
    /// The same, explained.
    pub explained: &'a [Explained],
    /// What is to be said about them.
    pub notices: &'a [Notice],
    /// Log files whose ends are put in.
    pub logs: &'a [PathBuf],
    /// Leave names, addresses and the like in. Secrets never are.
    pub with_personal_data: bool,
}

/// Writes the archive (tar, gzip) to a new file with mode 0600, and answers the names of what is in it.
///
/// # Errors
/// [`BundleError`]; what cannot be found out is told inside the archive instead.
pub fn write(wanted: &Wanted<'_>, out: &Path) -> Result<Vec<String>, BundleError> {
    let settings = wanted.settings;
    let path = settings.database();
    let memory = path.exists().then(|| SqliteReader::open(&path)).transpose()?;
    let mut veil = Veil::of(settings, memory.as_ref())?;
    veil.shows_people = wanted.with_personal_data;
    let mut parts = vec![
        ("README.txt".to_owned(), readme(wanted.with_personal_data)),
        ("versions.json".to_owned(), pretty(&versions())),
        ("settings.json".to_owned(), pretty(&veil.value(&settings_told(wanted)))),
        ("check.json".to_owned(), pretty(&veil.value(&checked(settings)))),
        ("health.json".to_owned(), pretty(&veil.value(&health(settings)))),
    ];
    if let Some(memory) = &memory {
        let told = ledger::told(settings, memory);
        let told = told.unwrap_or_else(|error| json!({"problem": format!("{error:#}")}));
        parts.push(("ledger.json".to_owned(), pretty(&veil.value(&told))));
        parts.push(("held.jsonl".to_owned(), held(memory, &veil)?));
    }
    if let Some(socket) = settings.socket() {
        let client = Client::Socket(socket);
        for (name, path) in
            [("status", "/v1/status"), ("holds", "/v1/holds"), ("cache", "/v1/cache")]
        {
            let told =
                client.get(path, &[]).unwrap_or_else(|error| json!({"problem": error.to_string()}));
            parts.push((format!("running/{name}.json"), pretty(&veil.value(&told))));
        }
        let metrics = client.text("/metrics").unwrap_or_else(|error| format!("# {error}\n"));
        parts.push(("running/metrics.txt".to_owned(), by_lines(&metrics, &veil)));
    }
    for (number, path) in wanted.logs.iter().enumerate() {
        let text =
            end_of(path).map_err(|source| BundleError::Log { path: path.clone(), source })?;
        parts.push((format!("logs/{}.log", number + 1), by_lines(&text, &veil)));
    }
    pack(&parts, out).map_err(|source| BundleError::Write { path: out.to_owned(), source })?;
    Ok(parts.into_iter().map(|(name, _)| name).collect())
}

fn pack(parts: &[(String, String)], out: &Path) -> io::Result<()> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(out)?;
    let packed = (|| {
        let mut archive = tar::Builder::new(GzEncoder::new(&file, Compression::default()));
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        for (name, text) in parts {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_mode(0o600);
            header.set_mtime(now.as_secs());
            header.set_cksum();
            archive.append_data(&mut header, format!("drover-bundle/{name}"), text.as_bytes())?;
        }
        archive.into_inner()?.finish()?.sync_all()
    })();
    if packed.is_err() {
        // Half an archive is none.
        let _ = std::fs::remove_file(out);
    }
    packed
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

fn readme(with_personal_data: bool) -> String {
    let people = if with_personal_data {
        "Names, addresses and the like are IN it, as was asked for: treat it accordingly."
    } else {
        "Names, addresses and other words that drover knows of people are left out, as \"…\". What drover \
         has never heard of cannot be recognised: look through logs before you give them away."
    };
    format!(
        "What a drover is set to and how it is doing.\n\nSecrets are left out. {people}\n\n\
         versions.json  drover and this machine\nsettings.json  every setting and where it was set\n\
         check.json     what \"drover config check --offline\" finds\nhealth.json    counts and ages\n\
         ledger.json    whether everything that was taken in is accounted for\n\
         held.jsonl     what stands still or is set aside, and why\nrunning/       what the running drover \
         answers\nlogs/          the end of each log\n"
    )
}

fn versions() -> Value {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let release = read("/etc/os-release");
    let name = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    json!({
        "drover": env!("CARGO_PKG_VERSION"),
        "architecture": std::env::consts::ARCH,
        "system": name.map(|name| name.trim_matches('"')),
        "kernel": read("/proc/sys/kernel/osrelease").trim(),
        "processors": std::thread::available_parallelism().map_or(0, usize::from),
        "made": jiff::Timestamp::now().to_string(),
    })
}

fn settings_told(wanted: &Wanted<'_>) -> Value {
    let told = |one: &Explained| {
        let mut told = json!(one);
        if ABOUT_PEOPLE.contains(&one.key.as_str()) && !wanted.with_personal_data {
            // In the environment, a list is a text.
            told["value"] = match &one.value {
                Value::Array(list) => format!("{} entries", list.len()).into(),
                Value::Null => Value::Null,
                _ => "set".into(),
            };
        }
        told
    };
    let notices: Vec<String> = wanted.notices.iter().map(ToString::to_string).collect();
    let settings: Vec<Value> = wanted.explained.iter().map(told).collect();
    json!({"settings": settings, "notices": notices})
}

fn checked(settings: &Settings) -> Value {
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => json!(runtime.block_on(check::check(settings, true))),
        Err(problem) => json!({"problem": problem.to_string()}),
    }
}

fn health(settings: &Settings) -> Value {
    match Health::of(settings) {
        Ok(health) => json!({
            "worker": health.worker,
            "pending": health.pending,
            "fresh": health.fresh,
            "oldest_age_s": health.oldest_age(SystemTime::now()).as_secs(),
            "faulty": health.faulty.len(),
            "parked": health.parked,
            "blocked": health.blocked,
            "standing": health.standing(),
        }),
        Err(error) => json!({"problem": format!("{:#}", anyhow::Error::new(error))}),
    }
}

/// Items that are not through though they were tried, one a line.
fn held(memory: &SqliteReader, veil: &Veil) -> Result<String, BundleError> {
    let faults = memory.faults()?;
    let fault_of = |item: &str| faults.iter().find(|fault| fault.item.as_str() == item);
    let mut lines = Vec::new();
    memory.each_open_item(&mut |item| {
        let name = item.fate.name();
        if lines.len() < MOST_ITEMS && name != "pending" {
            let mut told = json!({
                "item": item.item,
                "intake": item.intake,
                "state": name,
                "kind": item.kind.map(|kind| kind.to_string()),
                "object": item.object.as_ref().map(|object| id(object, veil)),
                "attempts": item.attempts,
                "taken_ms": item.taken_ms,
            });
            if let Some(fault) = fault_of(item.item.as_str()) {
                told["fault"] = fault_told(fault, veil);
            } else if let Some(text) = &item.last_fault {
                told["fault"] = json!({"text": veil.text(text), "exception_id": item.exception_id});
            }
            lines.push(format!("{told}\n"));
        }
    })?;
    Ok(lines.concat())
}

fn fault_told(fault: &FaultRecord, veil: &Veil) -> Value {
    json!({
        "context": fault.context,
        "class": fault.class,
        "text": veil.text(&fault.text),
        "fingerprint": veil.text(&fault.fingerprint),
        "exception_id": fault.exception_id,
        "attempts": fault.attempts,
        "first_ms": fault.first_ms,
        "last_ms": fault.last_ms,
    })
}

/// A directory's ids say nothing about anybody; those that people give to objects in files may.
fn id(object: &ObjectId, veil: &Veil) -> String {
    let text = object.to_string();
    let is_uuid = text.len() == 36 && text.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    if is_uuid { text } else { veil.text(&text) }
}

/// The end of a file, from a whole line on.
fn end_of(path: &Path) -> io::Result<String> {
    let mut file = std::fs::File::open(path)?;
    let length = file.metadata()?.len();
    let begin = length.saturating_sub(LOG_END);
    file.seek(SeekFrom::Start(begin))?;
    let mut bytes = Vec::new();
    file.take(LOG_END).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Ok(match text.split_once('\n') {
        Some((_, whole)) if begin > 0 => whole.to_owned(),
        _ => text,
    })
}

fn by_lines(text: &str, veil: &Veil) -> String {
    let mut told: Vec<String> = text.lines().map(|line| veil.text(line)).collect();
    told.push(String::new());
    told.join("\n")
}

/// A name for an archive that is made now.
pub fn usual_name() -> String {
    let now = jiff::Timestamp::now().strftime("%Y%m%d-%H%M%S");
    format!("drover-bundle-{now}.tar.gz")
}

/// Lists what is in an archive, for people.
pub(crate) fn tell(mut out: impl Write, path: &Path, names: &[String]) -> io::Result<()> {
    writeln!(out, "{}", path.display())?;
    for name in names {
        writeln!(out, "  {name}")?;
    }
    writeln!(out, "look through it before you give it away")
}
