//! States of 2.x: `listener/old/<uuid>.json`.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{Report, TakeoverError};
use crate::model::{Dn, DnKey, ObjectId, ObjectKind};
use crate::snapshot::{Snapshot, file_name};

/// The folder's files, ordered: those written last come last.
#[derive(Debug)]
pub(super) struct Files {
    folder: PathBuf,
    entries: Vec<Entry>,
}

/// One file. Kept short: there may be a million.
#[derive(Debug)]
struct Entry {
    name: Box<str>,
    kind: ObjectKind,
    written: SystemTime,
}

/// What tells files from each other.
#[derive(Deserialize)]
struct Head {
    id: String,
    udm_object_type: String,
    dn: String,
    object: Option<IgnoredAny>,
}

impl Files {
    /// Looks at every file once. Those that cannot be used are told of and left out.
    pub(super) fn scan(folder: &Path, report: &mut Report) -> Result<Self, TakeoverError> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut by_id: HashMap<ObjectId, usize> = HashMap::new();
        let mut by_dn: HashMap<DnKey, usize> = HashMap::new();
        let mut left_out = Vec::new();
        let listed = fs::read_dir(folder).map_err(TakeoverError::file("list", folder))?;
        for file in listed {
            let file = file.map_err(TakeoverError::file("list", folder))?;
            let name = file.file_name().to_string_lossy().into_owned();
            if Path::new(&name).extension().is_none_or(|end| end != "json") {
                continue;
            }
            let head = match head(&file.path()) {
                Ok(head) => head,
                Err(why) => {
                    report.unusable(&format!("listener/old/{name}"), &why);
                    continue;
                }
            };
            let Some(kind) = ObjectKind::from_udm_type(&head.udm_object_type) else {
                report.unknown_kind(&head.udm_object_type);
                continue;
            };
            if head.object.is_none() {
                report.unusable(&format!("listener/old/{name}"), "it has no properties");
                continue;
            }
            let written = file.metadata().and_then(|meta| meta.modified());
            let written = written.unwrap_or(SystemTime::UNIX_EPOCH);
            let entry = Entry { name: name.as_str().into(), kind, written };
            let id = ObjectId::new(&head.id);
            let at = entries.len();
            match by_id.get(&id).copied() {
                None => {
                    by_id.insert(id, at);
                    if let Some(other) = by_dn.insert(Dn::new(&head.dn).key().clone(), at) {
                        report.odd(format!(
                            "listener/old/{name} and listener/old/{} have the same DN; both were \
                             taken over, and the DN means the one written last",
                            entries[other].name
                        ));
                    }
                    entries.push(entry);
                }
                Some(other) => {
                    // The file that is named after its object is the one that the connector uses.
                    let is_named = file_name(&id).is_some_and(|own| own == name);
                    let loser = if is_named {
                        let loser = std::mem::replace(&mut entries[other], entry);
                        loser.name
                    } else {
                        name.as_str().into()
                    };
                    left_out.push(loser);
                }
            }
        }
        for name in left_out {
            report.odd(format!(
                "listener/old/{name} is of an object that has another file and was left out; compare \
                 the two, and remove the wrong one"
            ));
        }
        entries.sort_by(|a, b| (a.written, &a.name).cmp(&(b.written, &b.name)));
        Ok(Self { folder: folder.to_owned(), entries })
    }

    /// See [`super::Source::each`].
    pub(super) fn each(
        &self,
        kind: ObjectKind,
        report: &mut Report,
        each: &mut dyn FnMut(Snapshot, &mut Report) -> Result<(), TakeoverError>,
    ) -> Result<(), TakeoverError> {
        for entry in self.entries.iter().filter(|entry| entry.kind == kind) {
            let read = fs::read(self.folder.join(&*entry.name));
            let snapshot = read
                .map_err(|problem| unreadable(&problem))
                .and_then(|bytes| Snapshot::parse(&bytes).map_err(|problem| problem.to_string()));
            match snapshot {
                Ok(snapshot) => each(snapshot, report)?,
                Err(why) => report.unusable(&format!("listener/old/{}", entry.name), &why),
            }
        }
        Ok(())
    }
}

fn head(path: &Path) -> Result<Head, String> {
    let bytes = fs::read(path).map_err(|problem| unreadable(&problem))?;
    // The parser's words may quote what it finds.
    serde_json::from_slice(&bytes).map_err(|problem| {
        let (line, column) = (problem.line(), problem.column());
        format!(
            "it is no JSON object with id, udm_object_type and dn (line {line}, column {column})"
        )
    })
}

fn unreadable(problem: &io::Error) -> String {
    format!("it cannot be read: {problem}")
}
