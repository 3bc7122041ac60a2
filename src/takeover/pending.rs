//! What the connector had not done yet: queue files, tasks, and what it had set aside.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::ToSpan as _;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::beside::is_same;
use super::database::{Database, Item};
use super::find::Found;
use super::{Memory, Report, Source, TakeoverError};
use crate::durable::{Durability, create_private_directory, replace, temporary_beside};
use crate::model::object::Properties;
use crate::model::{ItemName, ObjectKind};
use crate::queue::write::to_bytes;
use crate::queue::{DirectoryQueue, DirectorySettings, Queue as _};
use crate::settings::Settings;
use crate::snapshot::without_additions;
use crate::store::ledger::hex;
use crate::store::{Change, Store as _};

/// Queue files hold people's data.
const MODE: u32 = 0o600;

/// Ending of a file that is being written; nobody takes it for a queue file.
const UNFINISHED: &str = ".converting.tmp";

/// What was set aside and may not be wanted any more, below the data folder.
const ASIDE: &str = "takeover";

/// Takes what is to be done into the queue.
pub(super) fn take(
    found: &Found,
    source: &Source,
    memory: &Memory,
    settings: &Settings,
    report: &mut Report,
) -> Result<(), TakeoverError> {
    let pending = Pending { memory, settings, queue: settings.queue_dir() };
    let files = names(&found.queue())?;
    if let Source::Database(database) = source {
        pending.tasks(database, files.first(), report)?;
    }
    if is_same(&found.queue(), &pending.queue) {
        report.stay = files.len();
        return Ok(());
    }
    for name in &files {
        pending.file(&found.queue(), name, report)?;
    }
    Ok(())
}

/// Queue files in a folder, in their order.
fn names(folder: &Path) -> Result<Vec<ItemName>, TakeoverError> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let queue = DirectoryQueue::new(folder.to_owned(), DirectorySettings::default());
    let mut names = queue.scan().map_err(|problem| {
        TakeoverError::file("list", folder)(io::Error::other(problem.to_string()))
    })?;
    names.sort();
    Ok(names)
}

struct Pending<'a> {
    memory: &'a Memory,
    settings: &'a Settings,
    queue: PathBuf,
}

impl Pending<'_> {
    /// Copies one queue file.
    fn file(&self, from: &Path, name: &ItemName, report: &mut Report) -> Result<(), TakeoverError> {
        let path = from.join(name.as_str());
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(problem) => {
                report.unusable(&format!("listener/{name}"), &format!("cannot be read: {problem}"));
                return Ok(());
            }
        };
        let key = format!("file {name} {}", hex(&Sha256::digest(&bytes)));
        let present = fs::read(self.queue.join(name.as_str()));
        if present.is_ok_and(|present| present != bytes) {
            report.odd(format!(
                "the queue has another file of the name {name}; the connector's {} was not taken: \
                 compare the two",
                path.display()
            ));
            return Ok(());
        }
        self.once(&key, report, |pending| pending.enqueue(name, &bytes))
    }

    /// Takes tasks, and what was refused before them. Their names say when they came and lie before
    /// those of all files that wait, in their order.
    fn tasks(
        &self,
        database: &Database,
        first_file: Option<&ItemName>,
        report: &mut Report,
    ) -> Result<(), TakeoverError> {
        let (refused, tasks) = (database.morgue()?, database.tasks()?);
        let refused_count = refused.len();
        let times: Vec<&str> = refused.iter().chain(&tasks).map(|(_, at)| at.as_str()).collect();
        let now = TimeZone::system().to_datetime(jiff::Timestamp::now());
        let end = first_file.and_then(time_of).map_or(now, |first| first.min(now));
        let names = moments(&times, end);
        let numbers = refused.iter().chain(&tasks).map(|(nr, _)| *nr);
        for (place, (nr, moment)) in numbers.zip(names).enumerate() {
            if place < refused_count {
                let item = database.refused(nr)?;
                self.refused(database, item, &name_of(moment), report)?;
            } else {
                let item = database.task(nr)?;
                self.task(item, &name_of(moment), report)?;
            }
        }
        Ok(())
    }

    fn task(&self, item: Item, name: &ItemName, report: &mut Report) -> Result<(), TakeoverError> {
        let key = format!("task {} {} {}", item.nr, item.id, item.at);
        let Some(content) = self.content(item, "tasks", &key, name, report)? else {
            return Ok(());
        };
        let bytes = bytes_of(&content, name)?;
        self.once(&key, report, |pending| pending.enqueue(name, &bytes))
    }

    /// What the connector set aside is what is wanted of an object that it knows. Of one that it does
    /// not know it may be a creation that was refused, or a change of one that was deleted later: that
    /// is for people to say.
    fn refused(
        &self,
        database: &Database,
        item: Item,
        name: &ItemName,
        report: &mut Report,
    ) -> Result<(), TakeoverError> {
        let key = format!("morgue {} {} {}", item.nr, item.id, item.at);
        let (id, deletion) = (item.id.clone(), item.is_deletion());
        let Some(content) = self.content(item, "morgue", &key, name, report)? else {
            return Ok(());
        };
        let bytes = bytes_of(&content, name)?;
        match database.last_known(&id)? {
            Some(last) if same(&last, &content) => {
                report.settled += 1;
                Ok(())
            }
            Some(_) => {
                report.refused += 1;
                self.once(&key, report, |pending| pending.enqueue(name, &bytes))
            }
            None if deletion => {
                report.settled += 1;
                Ok(())
            }
            None => self.lay_aside(&id, &key, name, &bytes, report),
        }
    }

    /// A row's content, if drover can do anything with it; the others are laid aside.
    fn content(
        &self,
        item: Item,
        table: &str,
        key: &str,
        name: &ItemName,
        report: &mut Report,
    ) -> Result<Option<Value>, TakeoverError> {
        let mut content = match item.content {
            Ok(content) => content,
            Err(why) => {
                report.unusable(&format!("row {} of the table {table}", item.nr), &why);
                return Ok(None);
            }
        };
        if let Some(object) = content.get_mut("object").and_then(Value::as_object_mut) {
            without_additions(object);
        }
        if ObjectKind::from_udm_type(&item.module).is_none() {
            report.unknown_kind(&item.module);
            self.lay_aside(&item.id, key, name, &bytes_of(&content, name)?, report)?;
            return Ok(None);
        }
        Ok(Some(content))
    }

    /// Does something that is to be done once, however often the takeover is.
    fn once(
        &self,
        key: &str,
        report: &mut Report,
        act: impl FnOnce(&Self) -> Result<(), TakeoverError>,
    ) -> Result<(), TakeoverError> {
        if self.memory.is_taken_over(key).map_err(|e| self.failed(e))? {
            report.enqueued_before += 1;
            return Ok(());
        }
        report.enqueued += 1;
        if let Memory::Open(_) = self.memory {
            act(self)?;
        }
        self.remember(key)
    }

    fn remember(&self, key: &str) -> Result<(), TakeoverError> {
        let Memory::Open(store) = self.memory else { return Ok(()) };
        let commit = vec![Change::TakeOver { what: key.to_owned() }];
        store.commit(&[commit]).map_err(|source| self.failed(source))
    }

    fn failed(&self, source: crate::store::StoreError) -> TakeoverError {
        TakeoverError::Store { path: self.settings.database(), source }
    }

    fn enqueue(&self, name: &ItemName, bytes: &[u8]) -> Result<(), TakeoverError> {
        let path = self.queue.join(name.as_str());
        let unfinished = self.queue.join(format!("{name}{UNFINISHED}"));
        create_private_directory(&self.queue)
            .and_then(|()| replace(&path, &unfinished, bytes, MODE, Durability::Synced))
            .map_err(TakeoverError::file("write", &path))
    }

    /// Lays a row aside, once: what people have made of the file since is theirs.
    fn lay_aside(
        &self,
        id: &str,
        key: &str,
        name: &ItemName,
        bytes: &[u8],
        report: &mut Report,
    ) -> Result<(), TakeoverError> {
        let folder = self.settings.queue.data_dir.join(ASIDE);
        let path = folder.join(name.as_str());
        if self.memory.is_taken_over(key).map_err(|e| self.failed(e))? {
            if path.exists() {
                report.aside(id, &path);
            }
            return Ok(());
        }
        report.aside(id, &path);
        let Memory::Open(_) = self.memory else { return Ok(()) };
        create_private_directory(&folder)
            .and_then(|()| {
                replace(&path, &temporary_beside(&path), bytes, MODE, Durability::Synced)
            })
            .map_err(TakeoverError::file("write", &path))?;
        self.remember(key)
    }
}

fn bytes_of(content: &Value, name: &ItemName) -> Result<Vec<u8>, TakeoverError> {
    to_bytes(content).map_err(TakeoverError::file("write", Path::new(name.as_str())))
}

/// Whether a row says what is known already.
fn same(last: &Value, refused: &Value) -> bool {
    let object = |value: &Value| -> Option<Properties> {
        let mut object = value["object"].as_object()?.clone();
        without_additions(&mut object);
        Some(object)
    };
    last["dn"] == refused["dn"] && object(last) == object(refused)
}

/// Local times for rows in their order: as near to the times they came at as they can be, each before
/// the next one, and all before `end`.
fn moments(times: &[&str], end: DateTime) -> Vec<DateTime> {
    let mut bound = end;
    let mut moments: Vec<DateTime> = times
        .iter()
        .rev()
        .map(|time| {
            let before = bound.checked_sub(1.microsecond()).unwrap_or(bound);
            bound = local(time).map_or(before, |time| time.min(before));
            bound
        })
        .collect();
    moments.reverse();
    moments
}

/// The database's time, UTC, as the listener's clock showed it.
fn local(time: &str) -> Option<DateTime> {
    let time: DateTime = time.trim().replacen(' ', "T", 1).parse().ok()?;
    Some(TimeZone::system().to_datetime(TimeZone::UTC.to_timestamp(time).ok()?))
}

/// Nine digits: the listener writes six, so no file of its has that name.
fn name_of(moment: DateTime) -> ItemName {
    let micros = moment.subsec_nanosecond() / 1000;
    ItemName::new(&format!("{}-{micros:06}001.json", moment.strftime("%Y-%m-%d-%H-%M-%S")))
}

/// The time in a file's name.
fn time_of(name: &ItemName) -> Option<DateTime> {
    let stem = name.as_str().strip_suffix(".json")?;
    let parts: Vec<&str> = stem.split('-').collect();
    let [year, month, day, hour, minute, second, rest @ ..] = parts.as_slice() else {
        return None;
    };
    let nanos = rest.first().map_or(Some(0), |fraction| {
        format!("{fraction:0<9}").get(..9).and_then(|digits| digits.parse().ok())
    })?;
    DateTime::new(
        year.parse().ok()?,
        month.parse().ok()?,
        day.parse().ok()?,
        hour.parse().ok()?,
        minute.parse().ok()?,
        second.parse().ok()?,
        nanos,
    )
    .ok()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn rows_keep_their_order_and_come_before_what_waits() {
        let end = date(2026, 1, 1).at(12, 0, 0, 0);
        let times = [
            "2026-01-01 08:00:00.000005",
            "2026-01-01 07:00:00.000000", // a clock that was put back
            "nonsense",
            "2026-01-03 08:00:00",
            "2026-01-03 08:00:00",
        ];
        let moments = moments(&times, end);
        let names: Vec<ItemName> = moments.iter().map(|moment| name_of(*moment)).collect();
        assert!(names.is_sorted_by(|a, b| a < b), "{names:?}");
        let first = ItemName::new("2026-01-01-12-00-00.json");
        assert_eq!(time_of(&first), Some(end));
        assert!(*names.last().unwrap() < first);
        assert!(
            names
                .iter()
                .all(|name| name.as_str().len() == "2026-01-01-12-00-00-123456789.json".len())
        );
    }

    #[test]
    fn a_time_is_read_with_any_number_of_digits() {
        let name = |text: &str| time_of(&ItemName::new(text));
        assert_eq!(name("2026-01-01-12-00-00-5.json"), name("2026-01-01-12-00-00-500000.json"));
        assert_eq!(
            name("2026-01-01-12-00-00-1234567891.json").unwrap().subsec_nanosecond(),
            123_456_789
        );
        assert_eq!(name("by-hand.json"), None);
    }
}
