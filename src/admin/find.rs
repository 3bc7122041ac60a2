//! Which objects a text means: an id, a DN now or before, a name, or a name in a context.

use crate::index::Index;
use crate::model::{ContextId, Dn, DnKey, ItemName, ObjectId};
use crate::store::{ItemRecord, SqliteReader, Store, StoreError};

/// A name in a context, if the text is one: `20/anna`.
pub fn in_context(what: &str) -> Option<(ContextId, &str)> {
    let (context, name) = what.split_once('/')?;
    Some((ContextId(context.trim().parse().ok()?), name.trim()))
}

/// Objects that are meant, sorted. More than one only if a name is borne more than once.
pub(crate) fn find(index: &Index, what: &str) -> Vec<ObjectId> {
    let what = what.trim();
    let id = ObjectId::new(what);
    if let Some(identity) = index.identity(&id) {
        return vec![identity];
    }
    if let Some(id) = index.by_dn(Dn::new(what).key()) {
        return vec![id];
    }
    match in_context(what) {
        Some((context, name)) => index.named(name, Some(context)),
        None => index.named(what, None),
    }
}

/// A memory of items: a running drover's, or a file's.
pub trait Memory {
    /// As [`Store::item_history`].
    fn of_item(&self, item: &ItemName, limit: usize) -> Result<Vec<ItemRecord>, StoreError>;
    /// As [`Store::history`].
    fn of_object(&self, object: &ObjectId, limit: usize) -> Result<Vec<ItemRecord>, StoreError>;
    /// As [`Store::holders`].
    fn holders_of(&self, dn: &DnKey) -> Result<Vec<ObjectId>, StoreError>;
}

impl Memory for dyn Store {
    fn of_item(&self, item: &ItemName, limit: usize) -> Result<Vec<ItemRecord>, StoreError> {
        self.item_history(item, limit)
    }
    fn of_object(&self, object: &ObjectId, limit: usize) -> Result<Vec<ItemRecord>, StoreError> {
        self.history(object, limit)
    }
    fn holders_of(&self, dn: &DnKey) -> Result<Vec<ObjectId>, StoreError> {
        self.holders(dn)
    }
}

impl Memory for SqliteReader {
    fn of_item(&self, item: &ItemName, limit: usize) -> Result<Vec<ItemRecord>, StoreError> {
        self.item_history(item, limit)
    }
    fn of_object(&self, object: &ObjectId, limit: usize) -> Result<Vec<ItemRecord>, StoreError> {
        self.history(object, limit)
    }
    fn holders_of(&self, dn: &DnKey) -> Result<Vec<ObjectId>, StoreError> {
        self.holders(dn)
    }
}

/// Items of whatever a text names, the newest first: a queue file, an id, a DN now or before.
///
/// # Errors
/// The memory's.
pub fn history(
    memory: &(impl Memory + ?Sized),
    what: &str,
    limit: usize,
) -> Result<Vec<ItemRecord>, StoreError> {
    let what = what.trim();
    let of_file = memory.of_item(&ItemName::new(what), limit)?;
    if !of_file.is_empty() {
        return Ok(of_file);
    }
    let of_object = memory.of_object(&ObjectId::new(what), limit)?;
    if !of_object.is_empty() {
        return Ok(of_object);
    }
    of_all(memory, memory.holders_of(Dn::new(what).key())?, limit)
}

/// Items of all these objects, the newest first.
///
/// # Errors
/// The memory's.
pub fn of_all(
    memory: &(impl Memory + ?Sized),
    objects: Vec<ObjectId>,
    limit: usize,
) -> Result<Vec<ItemRecord>, StoreError> {
    let mut items = Vec::new();
    for object in objects {
        items.extend(memory.of_object(&object, limit)?);
    }
    items.sort_by_key(|item| std::cmp::Reverse(item.intake));
    items.truncate(limit);
    Ok(items)
}
