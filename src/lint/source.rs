//! Where the objects to look at come from: the newest state of each, read again whenever it is needed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use super::{Finding, LintError, Severity};
use crate::apply::{self, ApplyError, Desired};
use crate::model::object::DirectoryObject;
use crate::model::{ItemName, ObjectId, QueueFile};
use crate::plan::entitlement::ProfileBook;
use crate::queue::{DirectoryQueue, DirectorySettings, Queue as _, QueueError};
use crate::settings::Settings;
use crate::store::{ProfileVersion, SqliteReader};

/// Profiles are as they are now, for every object.
const NOW: &str = "0000-01-01-00-00-00.json";

/// Where the newest state of an object is.
enum Place {
    /// In a file of the queue, or one like it.
    File(PathBuf),
    /// In drover's memory.
    Memory,
    /// In a file of desired state.
    Desired(Box<Desired>),
}

/// All objects that are there.
pub(super) struct Source {
    newest: BTreeMap<ObjectId, Place>,
    memory: Option<SqliteReader>,
}

impl Source {
    /// Finds them. What cannot be read as an object becomes a finding.
    pub(super) fn gather(
        settings: &Settings,
        paths: &[PathBuf],
        book: &ProfileBook,
        findings: &mut Vec<Finding>,
    ) -> Result<Self, LintError> {
        let mut source = Self { newest: BTreeMap::new(), memory: None };
        if paths.is_empty() {
            if settings.database().exists() {
                let memory = SqliteReader::open(&settings.database())?;
                memory.ids(&mut |id| {
                    source.newest.insert(id, Place::Memory);
                })?;
                source.memory = Some(memory);
            }
            source.folder(&settings.queue_dir(), settings, findings)?;
            return Ok(source);
        }
        let mut manifests = Vec::new();
        for path in paths {
            if path.is_dir() {
                source.folder(path, settings, findings)?;
            } else if is_item(path)? {
                source.file(path.clone(), findings)?;
            } else {
                manifests.push(path.clone());
            }
        }
        if !manifests.is_empty() {
            source.manifests(&manifests, book, findings)?;
        }
        Ok(source)
    }

    /// The files of a folder, in the order of the queue: the last one of an object counts.
    fn folder(
        &mut self,
        folder: &Path,
        settings: &Settings,
        findings: &mut Vec<Finding>,
    ) -> Result<(), LintError> {
        let max_file_bytes = settings.queue.max_file_bytes;
        let settings = DirectorySettings { max_file_bytes, ..DirectorySettings::default() };
        let names = match DirectoryQueue::new(folder.to_owned(), settings).scan() {
            Err(QueueError::NoDirectory { .. }) => Vec::new(),
            names => names?,
        };
        for name in names {
            self.file(folder.join(name.as_str()), findings)?;
        }
        Ok(())
    }

    fn file(&mut self, path: PathBuf, findings: &mut Vec<Finding>) -> Result<(), LintError> {
        match QueueFile::parse(&read(&path)?) {
            Ok(file) if file.object.is_none() => {
                self.newest.remove(&file.id);
            }
            Ok(file) => {
                self.newest.insert(file.id, Place::File(path));
            }
            Err(error) => findings.push(Finding {
                severity: Severity::Error,
                check: "file",
                kind: None,
                place: path.display().to_string(),
                told: error.to_string(),
                cure: "correct the file or remove it",
            }),
        }
        Ok(())
    }

    fn manifests(
        &mut self,
        paths: &[PathBuf],
        book: &ProfileBook,
        findings: &mut Vec<Finding>,
    ) -> Result<(), LintError> {
        let profiles: BTreeSet<String> = book.names().into_iter().map(str::to_owned).collect();
        match apply::read(paths, &profiles) {
            Ok(asked) => {
                let objects = asked.objects.into_iter();
                let named = objects.map(|one| (one.id.clone(), Place::Desired(Box::new(one))));
                self.newest.extend(named);
            }
            Err(ApplyError::Mistakes(mistakes)) => {
                findings.extend(mistakes.into_iter().map(|mistake| Finding {
                    severity: Severity::Error,
                    check: "file",
                    kind: None,
                    place: format!("{}, line {}", mistake.file.display(), mistake.line),
                    told: match mistake.field.as_str() {
                        "" => mistake.told.clone(),
                        field => format!("{field}: {}", mistake.told),
                    },
                    cure: "",
                }));
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Every object that is there. One that is gone meanwhile is left out.
    pub(super) fn each(&self, each: &mut dyn FnMut(&QueueFile)) -> Result<(), LintError> {
        for (id, place) in &self.newest {
            let file = match place {
                Place::File(path) => match std::fs::read(path) {
                    Ok(bytes) => QueueFile::parse(&bytes).ok(),
                    Err(_) => None,
                },
                Place::Memory => match &self.memory {
                    Some(memory) => memory.object(id)?.and_then(|record| {
                        let properties = record.properties?;
                        let object = DirectoryObject::parse(record.kind, &properties).ok()?;
                        Some(QueueFile {
                            id: record.id,
                            kind: record.kind,
                            dn: record.dn,
                            properties: Some(properties),
                            options: None,
                            object: Some(object),
                        })
                    }),
                    None => None,
                },
                Place::Desired(one) => {
                    let object = DirectoryObject::parse(one.kind, &one.properties).ok();
                    object.map(|object| QueueFile {
                        id: one.id.clone(),
                        kind: one.kind,
                        dn: one.dn.clone(),
                        properties: Some(one.properties.clone()),
                        options: None,
                        object: Some(object),
                    })
                }
            };
            if let Some(file) = file {
                each(&file);
            }
        }
        Ok(())
    }

    /// Every access profile.
    pub(super) fn each_profile(
        &self,
        each: &mut dyn FnMut(&ProfileVersion),
    ) -> Result<(), LintError> {
        // Those of a parallel process count as they are.
        let mut known: HashMap<ObjectId, ProfileVersion> = HashMap::new();
        self.each(&mut |file| {
            if let Some(DirectoryObject::Profile(profile)) = &file.object {
                let version = ProfileVersion {
                    object: file.id.clone(),
                    name: profile.name.clone(),
                    since: ItemName::new(NOW),
                    access: Some(profile.access),
                };
                known.insert(file.id.clone(), version);
            }
        })?;
        known.values().for_each(each);
        Ok(())
    }
}

fn read(path: &Path) -> Result<Vec<u8>, LintError> {
    std::fs::read(path).map_err(|source| LintError::Unreadable { path: path.to_owned(), source })
}

/// Whether a single file is an item of a queue: it says of which kind its object is.
fn is_item(path: &Path) -> Result<bool, LintError> {
    if path.extension().is_none_or(|ending| !ending.eq_ignore_ascii_case("json")) {
        return Ok(false);
    }
    let value: Option<serde_json::Value> = serde_json::from_slice(&read(path)?).ok();
    Ok(value.is_some_and(|value| value.get("udm_object_type").is_some()))
}
