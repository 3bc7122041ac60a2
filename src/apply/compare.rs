//! What is to be done: what files ask for against what drover knows, and what waits in the queue.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde_json::{Value, json};

use super::Desired;
use super::memory::Made;
use super::resolve::{field_of, removal_order};
use crate::model::object::{Properties, is_absent};
use crate::model::{Dn, Fate, ItemName, ObjectId, ObjectKind, QueueFile};
use crate::queue::{Queue, QueueError};
use crate::store::{SqliteReader, StoreError};

/// What is to be done with an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// It is not known: it is made, or taken over if OX has one of that name.
    Create,
    /// It is known and differs in these fields.
    Change(Vec<String>),
    /// It is as desired, as far as drover knows.
    Nothing,
    /// It is as desired once this item is through, which is in the queue already.
    Waits(ItemName),
    /// It was as desired, but its last item was dropped undone.
    Again,
    /// An earlier apply of the same set made it, and it is named no more.
    Delete,
}

impl Act {
    /// Its word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Change(_) => "change",
            Self::Nothing => "nothing",
            Self::Waits(_) => "waits",
            Self::Again => "again",
            Self::Delete => "delete",
        }
    }

    /// Whether a queue item is written for it.
    pub fn writes(&self) -> bool {
        match self {
            Self::Create | Self::Change(_) | Self::Again | Self::Delete => true,
            Self::Nothing | Self::Waits(_) => false,
        }
    }
}

/// One object, and what is to be done.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Stable identity.
    pub id: ObjectId,
    /// Its kind.
    pub kind: ObjectKind,
    /// Its name for people.
    pub label: String,
    /// Its DN.
    pub dn: Dn,
    /// What is to be done.
    pub act: Act,
    /// Its properties as desired; none if it is to go.
    properties: Option<Properties>,
}

impl Step {
    /// The queue item that does it.
    pub fn item(&self) -> Value {
        json!({
            "id": self.id,
            "udm_object_type": self.kind.udm_type(),
            "dn": self.dn.as_str(),
            "object": self.properties,
            "options": self.properties.as_ref().map(|_| ["default"]),
        })
    }
}

/// Why it cannot be told what is to be done.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// The queue cannot be read.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// drover's memory cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The newest item of each object that waits in the queue.
pub type Waiting = HashMap<ObjectId, (ItemName, QueueFile)>;

/// Reads the queue. Files that are no valid items are left out: they are told of elsewhere.
///
/// # Errors
/// If the queue cannot be read; one that is not there is empty.
pub fn waiting(queue: &dyn Queue) -> Result<Waiting, QueueError> {
    let names = match queue.scan() {
        Err(QueueError::NoDirectory { .. }) => Vec::new(),
        scanned => scanned?,
    };
    let mut waiting = Waiting::new();
    for name in names {
        if let Ok(Some(bytes)) = queue.read(&name)
            && let Ok(file) = QueueFile::parse(&bytes)
        {
            waiting.insert(file.id.clone(), (name, file));
        }
    }
    Ok(waiting)
}

/// Compares. The steps come in the order in which they are to be written: removals of what names
/// others first, contexts last.
///
/// `made` is what earlier applies of the set made, none if nothing is to be pruned.
///
/// # Errors
/// If drover's memory cannot be read.
pub fn compare(
    desired: Vec<Desired>,
    reader: Option<&SqliteReader>,
    waiting: &Waiting,
    made: Option<&BTreeMap<ObjectId, Made>>,
) -> Result<Vec<Step>, StoreError> {
    let named: HashSet<ObjectId> = desired.iter().map(|one| one.id.clone()).collect();
    let mut steps: Vec<Step> = Vec::new();
    let mut last = Vec::new();
    let unnamed = made.into_iter().flatten().filter(|(id, _)| !named.contains(*id));
    for (id, made) in unnamed {
        if is_there(id, reader, waiting)? {
            let step = Step {
                id: id.clone(),
                kind: made.kind,
                label: made.label.clone(),
                dn: Dn::new(&made.dn),
                act: Act::Delete,
                properties: None,
            };
            // Users may still leave a context that goes, or lose a profile that goes.
            let late = matches!(made.kind, ObjectKind::Context | ObjectKind::Profile);
            if late { last.push(step) } else { steps.push(step) }
        }
    }
    steps.sort_by_key(|step| removal_order(step.kind));
    last.sort_by_key(|step| removal_order(step.kind));
    for one in desired {
        let act = act(&one, reader, waiting)?;
        let Desired { id, kind, label, dn, properties, .. } = one;
        steps.push(Step { id, kind, label, dn, act, properties: Some(properties) });
    }
    steps.extend(last);
    Ok(steps)
}

/// Whether there is anything to take away.
fn is_there(
    id: &ObjectId,
    reader: Option<&SqliteReader>,
    waiting: &Waiting,
) -> Result<bool, StoreError> {
    if let Some((_, file)) = waiting.get(id) {
        return Ok(file.properties.is_some());
    }
    let record = reader.map(|reader| reader.object(id)).transpose()?.flatten();
    Ok(record.is_some_and(|record| record.properties.is_some()))
}

fn act(one: &Desired, reader: Option<&SqliteReader>, waiting: &Waiting) -> Result<Act, StoreError> {
    if let Some((name, file)) = waiting.get(&one.id) {
        let Some(properties) = &file.properties else { return Ok(Act::Create) };
        let changed = differences(one, &file.dn, properties);
        let waits = changed.is_empty();
        return Ok(if waits { Act::Waits(name.clone()) } else { Act::Change(changed) });
    }
    let record = reader.map(|reader| reader.object(&one.id)).transpose()?.flatten();
    let Some(record) = record else { return Ok(Act::Create) };
    let Some(properties) = &record.properties else { return Ok(Act::Create) };
    let changed = differences(one, &record.dn, properties);
    if !changed.is_empty() {
        return Ok(Act::Change(changed));
    }
    let newest = reader.map(|reader| reader.history(&one.id, 1)).transpose()?;
    let newest = newest.into_iter().flatten().next();
    let dropped = newest.is_some_and(|item| matches!(item.fate, Fate::Dropped { .. }));
    Ok(if dropped { Act::Again } else { Act::Nothing })
}

/// Fields that differ, sorted.
fn differences(one: &Desired, dn: &Dn, now: &Properties) -> Vec<String> {
    let names: BTreeSet<&String> = one.properties.keys().chain(now.keys()).collect();
    let differs = |name: &&String| {
        let (desired, now) = (one.properties.get(*name), now.get(*name));
        // Nothing is nothing, however it is written.
        desired != now && !(is_absent(desired) && is_absent(now))
    };
    let mut fields: BTreeSet<String> =
        names.into_iter().filter(differs).map(|name| field_of(one.kind, name)).collect();
    if fields.is_empty() && one.dn.key() != dn.key() {
        fields.insert("dn".to_owned());
    }
    fields.into_iter().collect()
}
