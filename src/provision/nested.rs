//! Groups in groups, as drover remembers them: whom they bring along, and what holds them.

use std::collections::BTreeSet;

use crate::index::Index;
use crate::model::object::{DirectoryObject, GroupObject};
use crate::model::{ContextId, DnKey, ObjectId, ObjectKind};
use crate::plan::group::everybody;
use crate::store::{Change, Mark, ObjectRecord, Store, StoreError};

/// Everybody in a group.
#[derive(Debug)]
pub(crate) struct Everybody {
    /// The group, as if it named each of them itself.
    pub(crate) group: GroupObject,
    /// What the DNs of groups meant.
    pub(crate) resolved: Vec<(DnKey, Option<ObjectId>)>,
    /// The groups that were looked into, each as of its so many-eth change.
    pub(crate) inner: Vec<(ObjectId, u64)>,
}

/// Counts in whoever is in a group by the groups in it.
pub(crate) fn flattened(
    store: &dyn Store,
    index: &Index,
    id: &ObjectId,
    group: &GroupObject,
) -> Result<Everybody, StoreError> {
    let (mut resolved, mut inner) = (Vec::new(), Vec::new());
    let users = everybody(id, group, |dn| {
        let found = index.by_dn(dn);
        resolved.push((dn.clone(), found.clone()));
        let Some(found) = found else { return Ok(None) };
        // First the count, then the content: what changes in between is noticed.
        inner.push((found.clone(), index.changes_of(&found)));
        let record = store.object(&found)?;
        Ok::<_, StoreError>(record.and_then(|record| group_of(&record)).map(|group| (found, group)))
    })?;
    let group = GroupObject { users, nested: Vec::new(), ..group.clone() };
    Ok(Everybody { group, resolved, inner })
}

/// A group as it was last seen.
pub(crate) fn group_of(record: &ObjectRecord) -> Option<GroupObject> {
    match DirectoryObject::parse(ObjectKind::Group, record.properties.as_ref()?) {
        Ok(DirectoryObject::Group(group)) if record.kind == ObjectKind::Group => Some(group),
        _ => None,
    }
}

/// The groups that hold any of these, at any depth; those themselves only if they are in a circle.
pub(crate) fn above(
    store: &dyn Store,
    index: &Index,
    groups: &[ObjectId],
) -> Result<BTreeSet<ObjectId>, StoreError> {
    let is_group = |id: &ObjectId| index.with(id, |known| known.kind) == Some(ObjectKind::Group);
    let mut found = BTreeSet::new();
    let mut open: Vec<ObjectId> = groups.iter().filter(|id| is_group(id)).cloned().collect();
    while let Some(group) = open.pop() {
        for holder in store.naming(&index.dns_of(&group))? {
            if is_group(&holder) && found.insert(holder.clone()) {
                open.push(holder);
            }
        }
    }
    Ok(found)
}

/// Whether a group that is about to be `now` is another one for those that hold it than it was.
pub(crate) fn changes(
    before: Option<&ObjectRecord>,
    dn: &DnKey,
    now: Option<&GroupObject>,
) -> bool {
    let Some(was) = before.filter(|before| before.dn.key() == dn).and_then(group_of) else {
        return true;
    };
    now.is_none_or(|now| was.users != now.users || was.nested != now.nested)
}

/// Groups that hold a group which is about to be as that change says, each where it is and where the
/// group's members are. For the recorder, before whom nothing else changes meanwhile.
pub(crate) fn holders(
    store: &dyn Store,
    index: &Index,
    change: &Change,
) -> Result<Vec<Mark>, StoreError> {
    let Change::PutObject { id, kind: ObjectKind::Group, dn, properties, .. } = change else {
        return Ok(Vec::new());
    };
    let mut known_by = index.dns_of(id);
    known_by.push(dn.key().clone());
    let first = store.naming(&known_by)?;
    let mut holding = above(store, index, &first)?;
    holding.extend(first);
    holding.remove(id);
    if holding.is_empty() {
        return Ok(Vec::new());
    }
    let now = properties.as_ref().and_then(|p| DirectoryObject::parse(ObjectKind::Group, p).ok());
    let mut contexts = BTreeSet::new();
    if let Some(DirectoryObject::Group(now)) = now {
        for user in flattened(store, index, id, &now)?.group.users {
            let Some(user) = index.by_dn(user.key()) else { continue };
            let places = index.with(&user, |known| {
                known.placed.iter().map(|presence| presence.context).collect::<Vec<_>>()
            });
            contexts.extend(places.into_iter().flatten());
        }
    }
    let mut marks = Vec::new();
    for object in holding {
        let there = index.with(&object, |known| {
            let placed = known.placed.iter().map(|presence| presence.context);
            let all: BTreeSet<ContextId> = placed.chain(contexts.iter().copied()).collect();
            if known.kind == ObjectKind::Group { all } else { BTreeSet::new() }
        });
        let mark = |context| Mark { object: object.clone(), context };
        marks.extend(there.into_iter().flatten().map(mark));
    }
    Ok(marks)
}
