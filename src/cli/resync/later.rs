//! A resync where no drover runs: what was asked for is written into its memory, and done when it is
//! started the next time.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};

use super::super::remote::Failed;
use crate::admin::again;
use crate::index::Index;
use crate::model::object::DirectoryObject;
use crate::model::{ContextId, ObjectId};
use crate::queue::{DataLock, Found};
use crate::settings::Settings;
use crate::store::sqlite::SqliteStore;
use crate::store::{Change, Mark, Store, StoreError};

/// Marks that are written in one piece.
const AT_ONCE: usize = 1_000;

/// A data folder that nobody works on, opened to write something down.
pub(super) struct Later {
    lock: DataLock,
    store: SqliteStore,
    index: Index,
}

impl Later {
    /// Takes the folder, so that none is started meanwhile. None if no drover ever ran there.
    pub(super) fn open(settings: &Settings) -> Result<Option<Self>, Failed> {
        if !settings.database().exists() {
            return Ok(None);
        }
        let lock = DataLock::acquire(&settings.queue.data_dir)?;
        let store = SqliteStore::open_keeping(&settings.database(), settings.ledger.keep)?;
        let index = Index::load_within(&store, Arc::new(settings.scope.clone()))?;
        Ok(Some(Self { lock, store, index }))
    }

    /// What a running drover would answer to the same question, with the same words; it is written
    /// down unless that is a dry run.
    pub(super) fn ask(&self, body: &Value) -> Result<Value, Failed> {
        let text = |key: &str| body[key].as_str();
        let context = body["context"].as_u64().and_then(|number| u32::try_from(number).ok());
        let all = body["all"] == true;
        let chosen = again::choose(&self.index, text("object"), text("kind"), context, all)?;
        let marks = self.marks(&chosen, context.map(ContextId))?;
        let dry_run = body["dry_run"] == true;
        if !dry_run {
            for some in marks.chunks(AT_ONCE) {
                let commit = some.iter().cloned().map(Change::SetRepair).collect();
                self.store.commit(&[commit])?;
            }
        }
        Ok(json!({
            "dry_run": dry_run,
            "objects": chosen.len(),
            "parts": if dry_run { 0 } else { marks.len() },
            "first": chosen.iter().take(100).map(ToString::to_string).collect::<Vec<_>>(),
            "at_next_start": true,
        }))
    }

    /// Where objects are, belong, and have their members.
    fn marks(
        &self,
        objects: &[ObjectId],
        only: Option<ContextId>,
    ) -> Result<Vec<Mark>, StoreError> {
        let mut marks = BTreeSet::new();
        for object in objects {
            let Some(record) = self.store.object(object)? else { continue };
            let mut contexts: BTreeSet<ContextId> = record.placements.keys().copied().collect();
            let parsed = record
                .properties
                .as_ref()
                .and_then(|properties| DirectoryObject::parse(record.kind, properties).ok());
            if let Some(parsed) = &parsed {
                contexts.extend(parsed.own_context());
                for member in parsed.member_dns() {
                    let Some(id) = self.index.by_dn(member.key()) else { continue };
                    let home = self.index.with(&id, |known| {
                        known.placed.first().map(|presence| presence.context).or(known.home)
                    });
                    contexts.extend(home.flatten());
                }
            }
            contexts.retain(|context| only.is_none_or(|only| only == *context));
            let mark = |context| Mark { object: object.clone(), context };
            marks.extend(contexts.into_iter().map(mark));
        }
        Ok(marks.into_iter().collect())
    }

    /// Gives the folder back, as it was found: nothing was done that leaves anything in doubt.
    pub(super) fn close(self) {
        drop(self.store);
        if self.lock.found() == Found::Finished {
            // If that cannot be written, the next start is more careful than it needs to be.
            let _ = self.lock.finish();
        }
    }
}
