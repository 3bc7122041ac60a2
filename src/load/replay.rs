//! Recorded queue files as load: in their order, at their distances or faster or slower.
//!
//! Contexts get numbers and names of the run's own, so that a recording harms nobody and can be cleaned
//! up. All contexts that it names are made first, for a recording mostly begins when they are long
//! there; one for users that name none is among them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::civil::DateTime;
use serde_json::{Value, json};

use super::drive::Source;
use super::generator::Made;
use super::mix::Change;
use super::run_id::RunId;
use crate::model::ItemName;

/// Why a folder cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// The folder or a file.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is no queue item.
    #[error("{} is no queue item: {source}", path.display())]
    NoItem {
        /// Which.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// There is nothing in it.
    #[error("there are no queue files in {}", .0.display())]
    Empty(PathBuf),
}

/// A folder of queue files. Their content stays there until it is their turn.
#[derive(Debug)]
pub struct Recording {
    folder: PathBuf,
    items: Vec<(ItemName, Duration)>,
    run: RunId,
    /// Place in the run of each recorded context.
    places: HashMap<u32, u32>,
    /// Id and DN of the contexts that have items, by place.
    known: HashMap<u32, (String, String)>,
}

impl Recording {
    /// Looks through a folder.
    ///
    /// # Errors
    /// [`RecordingError`].
    pub fn read(folder: &Path, run: &RunId) -> Result<Self, RecordingError> {
        let items = items(folder)?;
        let mut recording = Self {
            folder: folder.to_owned(),
            items,
            run: run.clone(),
            places: HashMap::new(),
            known: HashMap::new(),
        };
        for place in 0..recording.items.len() {
            let content = recording.content(place)?;
            for key in ["oxContext", "contextid"] {
                let Some(number) = whole(&content["object"][key]) else { continue };
                let next = u32::try_from(recording.places.len()).unwrap_or(u32::MAX);
                let place = *recording.places.entry(number).or_insert(next);
                if key == "contextid" {
                    let text = |key: &str| content[key].as_str().unwrap_or_default().to_owned();
                    recording.known.entry(place).or_insert_with(|| (text("id"), text("dn")));
                }
            }
        }
        Ok(recording)
    }

    /// How many items there are.
    pub fn items(&self) -> usize {
        self.items.len()
    }

    /// How many contexts are made for it.
    pub fn contexts(&self) -> u32 {
        self.default_context() + 1
    }

    /// The place of the context of users that name none.
    pub fn default_context(&self) -> u32 {
        u32::try_from(self.places.len()).unwrap_or(u32::MAX)
    }

    /// The contexts to be made first, the items, and when each is due at so many times the recorded
    /// speed (above 0).
    pub fn split(self, speed: f64) -> (Before, Replay, Vec<Duration>) {
        let due = self.items.iter().map(|(_, at)| at.div_f64(speed.max(1e-6))).collect();
        let before = Before {
            run: self.run.clone(),
            known: self.known.clone(),
            next: 0,
            contexts: self.contexts(),
        };
        (before, Replay { recording: self, next: 0 }, due)
    }

    fn content(&self, place: usize) -> Result<Value, RecordingError> {
        let name = self.items.get(place).map_or("", |(name, _)| name.as_str());
        let path = self.folder.join(name);
        let bytes = std::fs::read(&path)
            .map_err(|source| RecordingError::Unreadable { path: path.clone(), source })?;
        serde_json::from_slice(&bytes).map_err(|source| RecordingError::NoItem { path, source })
    }

    /// The content with contexts of the run in place of the recorded ones.
    fn marked(&self, mut content: Value) -> Value {
        let Some(object) = content["object"].as_object_mut() else { return content };
        let place = |value: &Value| self.places.get(&whole(value)?).copied();
        if let Some(place) = object.get("oxContext").and_then(place) {
            object.insert("oxContext".to_owned(), json!(self.run.context_id(place)));
        }
        if let Some(place) = object.get("contextid").and_then(place) {
            object.insert("contextid".to_owned(), json!(self.run.context_id(place)));
            object.insert("name".to_owned(), json!(self.run.context_name(place)));
        }
        content
    }
}

/// Queue files in their order, with their distances from the first.
pub(super) fn items(folder: &Path) -> Result<Vec<(ItemName, Duration)>, RecordingError> {
    let unreadable = |source| RecordingError::Unreadable { path: folder.to_owned(), source };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name().to_string_lossy().into_owned();
        let ending = Path::new(&name).extension().is_some_and(|ending| ending == "json");
        if ending && !name.starts_with('.') {
            names.push(ItemName::new(&name));
        }
    }
    names.sort();
    let first = names.iter().find_map(|name| moment(name.as_str()));
    let Some(first) = first.or_else(|| (!names.is_empty()).then_some(DateTime::MIN)) else {
        return Err(RecordingError::Empty(folder.to_owned()));
    };
    let mut last = Duration::ZERO;
    let timed = names.into_iter().map(|name| {
        let since = moment(name.as_str()).map(|moment| moment.duration_since(first));
        // Names without a time come last, and at once.
        last = since.and_then(|since| since.try_into().ok()).unwrap_or(last).max(last);
        (name, last)
    });
    Ok(timed.collect())
}

/// The time in the name of a queue file.
fn moment(name: &str) -> Option<DateTime> {
    let stem = name.strip_suffix(".json")?;
    let (whole, fraction) = match stem.splitn(7, '-').nth(6) {
        Some(fraction) => (&stem[..stem.len() - fraction.len() - 1], fraction),
        None => (stem, ""),
    };
    let moment = DateTime::strptime("%Y-%m-%d-%H-%M-%S", whole).ok()?;
    let nanos: String = fraction.chars().chain("000000000".chars()).take(9).collect();
    moment.with().subsec_nanosecond(nanos.parse().ok()?).build().ok()
}

/// A number, as such or as text.
fn whole(value: &Value) -> Option<u32> {
    match value {
        Value::String(text) => text.trim().parse().ok(),
        value => u32::try_from(value.as_u64()?).ok(),
    }
}

/// The contexts of a recording.
#[derive(Debug)]
pub struct Before {
    run: RunId,
    known: HashMap<u32, (String, String)>,
    next: u32,
    contexts: u32,
}

impl Source for Before {
    fn next(&mut self) -> Option<Made> {
        let place = self.next;
        if place >= self.contexts {
            return None;
        }
        self.next += 1;
        let name = self.run.context_name(place);
        let of_its_own = || (name.clone(), format!("cn={name},cn=open-xchange"));
        let (id, dn) = self.known.remove(&place).unwrap_or_else(of_its_own);
        let object = json!({"name": name, "contextid": self.run.context_id(place)});
        let content = json!({
            "id": id, "udm_object_type": "oxmail/oxcontext", "dn": dn, "object": object, "options": [],
        });
        Some(Made { change: Change::NewContext, context: Some(place), content })
    }
}

/// The items of a recording.
#[derive(Debug)]
pub struct Replay {
    recording: Recording,
    next: usize,
}

impl Source for Replay {
    fn next(&mut self) -> Option<Made> {
        while self.next < self.recording.items.len() {
            let place = self.next;
            self.next += 1;
            match self.recording.content(place) {
                Ok(content) => {
                    let content = self.recording.marked(content);
                    return Some(Made { change: Change::Replayed, context: None, content });
                }
                // It was there when the recording was looked through.
                Err(problem) => tracing::error!("an item is left out: {problem}"),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recording() -> (tempfile::TempDir, Recording) {
        let dir = tempfile::tempdir().unwrap();
        for (name, id, object) in [
            ("2025-03-03-08-00-03-5.json", "u2", json!({"username": "b", "oxContext": 30})),
            ("2025-03-03-08-00-01-500000.json", "c", json!({"contextid": "20", "name": "Hof"})),
            ("2025-03-03-08-00-02.json", "u1", json!({"username": "a", "oxContext": "20"})),
            ("2025-03-03-08-00-04.json", "u1", Value::Null),
        ] {
            let content = json!({"id": id, "dn": format!("cn={id}"), "object": object});
            std::fs::write(dir.path().join(name), content.to_string()).unwrap();
        }
        std::fs::write(dir.path().join("notes.txt"), "x").unwrap();
        let recording = Recording::read(dir.path(), &RunId::new("r1", 700).unwrap()).unwrap();
        (dir, recording)
    }

    #[test]
    fn a_recording_keeps_its_order_and_its_distances() {
        let (_dir, recording) = recording();
        let (_, mut items, due) = recording.split(2.0);
        assert_eq!(due.iter().map(Duration::as_millis).collect::<Vec<_>>(), [0, 250, 1000, 1250]);
        let ids: Vec<Value> =
            std::iter::from_fn(|| items.next()).map(|made| made.content["id"].clone()).collect();
        assert_eq!(ids, ["c", "u1", "u2", "u1"]);
    }

    #[test]
    fn recorded_contexts_become_the_runs_own() {
        let (_dir, recording) = recording();
        assert_eq!((recording.contexts(), recording.default_context()), (3, 2));
        let (mut before, mut items, _) = recording.split(1.0);
        let made: Vec<Value> = std::iter::from_fn(|| before.next()).map(|m| m.content).collect();
        let numbers: Vec<u64> =
            made.iter().map(|made| made["object"]["contextid"].as_u64().unwrap()).collect();
        assert_eq!(numbers, [700, 701, 702]);
        assert_eq!(made[0]["id"], "c", "its own items go on with it");
        let mut next = || items.next().unwrap().content["object"].clone();
        assert_eq!(next(), json!({"contextid": 700, "name": "load-r1-0"}));
        assert_eq!(next()["oxContext"], 700);
        assert_eq!(next()["oxContext"], 701);
        assert_eq!(next(), Value::Null);
    }

    #[test]
    fn a_folder_without_items_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunId::new("r1", 700).unwrap();
        let refused = Recording::read(dir.path(), &run);
        assert!(matches!(refused, Err(RecordingError::Empty(_))));
        std::fs::write(dir.path().join("2025-03-03-08-00-01.json"), "{").unwrap();
        let refused = Recording::read(dir.path(), &run);
        assert!(matches!(refused, Err(RecordingError::NoItem { .. })));
    }
}
