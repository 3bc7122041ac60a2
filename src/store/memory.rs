//! The memory that is forgotten with the process, for tests and simulation.

mod items;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use super::storable::{storable_placement, storable_properties};
use super::{
    Audit, Change, Commit, DEFAULT_KEEP_OUTCOMES, FaultRecord, Hold, HoldScope, ItemOutcome,
    ItemRecord, Journey, Mark, ObjectRecord, PRUNE_STEP, Placement, ProfileVersion, Store,
    StoreError,
};
use crate::model::object::Properties;
use crate::model::{ContextId, Dn, DnKey, ItemName, ObjectId, ObjectKind};
use items::Items;

/// A [`Store`] in maps. Answers every query as `SqliteStore` does.
#[derive(Debug)]
pub struct MemoryStore {
    keep_ended: usize,
    state: RwLock<State>,
}

#[derive(Debug, Default)]
struct State {
    objects: BTreeMap<ObjectId, Known>,
    /// Who has a DN now; two at once only while the directory itself is between two items.
    holders: HashMap<DnKey, BTreeSet<ObjectId>>,
    /// Whose former DN it is: one object's at most.
    former: HashMap<DnKey, ObjectId>,
    naming: HashMap<DnKey, BTreeSet<ObjectId>>,
    placed_in: BTreeMap<ContextId, BTreeSet<ObjectId>>,
    marks: BTreeSet<Mark>,
    repairs: BTreeSet<Mark>,
    profiles: BTreeMap<(ItemName, ObjectId, String), ProfileVersion>,
    faults: BTreeMap<ItemName, FaultRecord>,
    items: Items,
    holds: BTreeMap<HoldScope, Hold>,
    doubts: BTreeSet<ContextId>,
}

#[derive(Debug)]
struct Known {
    record: ObjectRecord,
    members: BTreeSet<DnKey>,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryStore {
    /// An empty memory that keeps the default number of ended items.
    pub fn new() -> Self {
        Self::keeping(DEFAULT_KEEP_OUTCOMES)
    }

    /// An empty memory that keeps that many ended items.
    pub fn keeping(keep_ended: usize) -> Self {
        Self { keep_ended, state: RwLock::default() }
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn object(&self, id: &ObjectId) -> Result<Option<ObjectRecord>, StoreError> {
        Ok(self.read().objects.get(id).map(|known| known.record.clone()))
    }

    fn objects(&self, each: &mut dyn FnMut(ObjectRecord)) -> Result<(), StoreError> {
        for known in self.read().objects.values() {
            each(known.record.clone());
        }
        Ok(())
    }

    fn naming(&self, members: &[DnKey]) -> Result<Vec<ObjectId>, StoreError> {
        let state = self.read();
        let naming: BTreeSet<&ObjectId> =
            members.iter().filter_map(|dn| state.naming.get(dn)).flatten().collect();
        Ok(naming.into_iter().cloned().collect())
    }

    fn marks(&self) -> Result<Vec<Mark>, StoreError> {
        Ok(self.read().marks.iter().cloned().collect())
    }

    fn doubts(&self) -> Result<Vec<ContextId>, StoreError> {
        Ok(self.read().doubts.iter().copied().collect())
    }

    fn repairs(&self) -> Result<Vec<Mark>, StoreError> {
        Ok(self.read().repairs.iter().cloned().collect())
    }

    fn profiles(&self) -> Result<Vec<ProfileVersion>, StoreError> {
        Ok(self.read().profiles.values().cloned().collect())
    }

    fn faults(&self) -> Result<Vec<FaultRecord>, StoreError> {
        Ok(self.read().faults.values().cloned().collect())
    }

    fn holders(&self, dn: &DnKey) -> Result<Vec<ObjectId>, StoreError> {
        let state = self.read();
        Ok(match state.holders.get(dn) {
            Some(holders) => holders.iter().cloned().collect(),
            None => state.former.get(dn).cloned().into_iter().collect(),
        })
    }

    fn outcome(&self, item: &ItemName) -> Result<Option<ItemOutcome>, StoreError> {
        Ok(self.read().items.last_ended(item).and_then(ItemRecord::outcome))
    }

    fn outcomes(&self, limit: usize) -> Result<Vec<ItemOutcome>, StoreError> {
        Ok(self.read().items.ended().take(limit).filter_map(ItemRecord::outcome).collect())
    }

    fn each_open_item(&self, each: &mut dyn FnMut(ItemRecord)) -> Result<(), StoreError> {
        for item in self.read().items.open() {
            each(item.clone());
        }
        Ok(())
    }

    fn history(&self, object: &ObjectId, limit: usize) -> Result<Vec<ItemRecord>, StoreError> {
        Ok(self.read().items.of_object(object).take(limit).cloned().collect())
    }

    fn item_history(&self, item: &ItemName, limit: usize) -> Result<Vec<ItemRecord>, StoreError> {
        Ok(self.read().items.of_name(item).take(limit).cloned().collect())
    }

    fn holds(&self) -> Result<Vec<Hold>, StoreError> {
        Ok(self.read().holds.values().cloned().collect())
    }

    fn audit(&self) -> Result<Audit, StoreError> {
        Ok(self.read().items.audit())
    }

    fn commit(&self, commits: &[Commit]) -> Result<(), StoreError> {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        // Everything that can go wrong is found before the first change is made.
        state.check(commits)?;
        let mut ended = 0;
        for change in commits.iter().flatten() {
            ended += usize::from(matches!(change, Change::End(_)));
            state.apply(change);
        }
        state.items.prune(self.keep_ended, ended + PRUNE_STEP);
        Ok(())
    }
}

impl State {
    fn check(&self, commits: &[Commit]) -> Result<(), StoreError> {
        let mut put = HashSet::new();
        let mut forgotten = HashSet::new();
        for change in commits.iter().flatten() {
            let (id, what) = match change {
                Change::PutObject { id, .. } => {
                    put.insert(id);
                    forgotten.remove(id);
                    continue;
                }
                Change::ForgetObject { id } => {
                    forgotten.insert(id);
                    put.remove(id);
                    continue;
                }
                Change::PutPlacement { id, .. } => (id, "a placement"),
                Change::PutJourney { id, journey: Some(_) } => (id, "a move"),
                Change::Begin { id, .. } => (id, "what was begun"),
                Change::PutExtra { id, .. } => (id, "what came with it"),
                _ => continue,
            };
            let known =
                put.contains(id) || (self.objects.contains_key(id) && !forgotten.contains(id));
            if !known {
                return Err(StoreError::UnknownObject { what, object: id.clone() });
            }
        }
        Ok(())
    }

    fn apply(&mut self, change: &Change) {
        match change {
            Change::PutObject { id, kind, dn, properties, members } => {
                self.put_object(id, *kind, dn, properties.as_ref(), members);
            }
            Change::ForgetObject { id } => self.forget(id),
            Change::PutPlacement { id, context, placement } => {
                self.put_placement(id, *context, placement);
            }
            Change::DropPlacement { id, context } => self.drop_placement(id, *context),
            Change::DropContext { context } => {
                for id in self.placed_in.remove(context).unwrap_or_default() {
                    self.drop_placement(&id, *context);
                }
                for known in self.objects.values_mut() {
                    known.record.begun.remove(context);
                    known.record.journey.take_if(|journey| journey.to == *context);
                }
                self.marks.retain(|mark| mark.context != *context);
                self.repairs.retain(|mark| mark.context != *context);
                self.doubts.remove(context);
            }
            Change::PutExtra { .. } | Change::TakeOver { .. } => {}
            Change::Doubt { context } => {
                self.doubts.insert(*context);
            }
            Change::ClearDoubt { context } => {
                self.doubts.remove(context);
            }
            Change::PutJourney { id, journey } => self.put_journey(id, journey.as_ref()),
            Change::Begin { id, context, placement } => {
                if let Some(known) = self.objects.get_mut(id) {
                    known.record.begun.insert(*context, storable_placement(placement));
                }
            }
            Change::ClearBegin { id, context } => {
                if let Some(known) = self.objects.get_mut(id) {
                    known.record.begun.remove(context);
                }
            }
            Change::PutProfile(version) => {
                let key = (version.since.clone(), version.object.clone(), version.name.clone());
                self.profiles.insert(key, version.clone());
            }
            Change::SetMark(mark) => {
                self.marks.insert(mark.clone());
            }
            Change::ClearMark(mark) => {
                self.marks.remove(mark);
            }
            Change::SetRepair(mark) => {
                self.repairs.insert(mark.clone());
            }
            Change::ClearRepair(mark) => {
                self.repairs.remove(mark);
            }
            Change::PutFault(fault) => {
                self.items.put_fault(fault);
                self.faults.insert(fault.item.clone(), fault.clone());
            }
            Change::ClearFault { item } => {
                self.faults.remove(item);
            }
            Change::TakeIn { item, digest, object, kind, at_ms } => {
                if self.items.take_in(item, *digest, object.as_ref(), *kind, *at_ms) {
                    self.faults.remove(item);
                }
            }
            Change::SetFate { item, fate } => self.items.set_fate(item, fate),
            Change::End(outcome) => {
                self.faults.remove(&outcome.item);
                self.items.end(outcome);
            }
            Change::Act(act) => self.items.act(act),
            Change::PutHold(hold) => {
                self.holds.insert(hold.scope, hold.clone());
            }
            Change::ClearHold(scope) => {
                self.holds.remove(scope);
            }
        }
    }

    fn put_object(
        &mut self,
        id: &ObjectId,
        kind: ObjectKind,
        dn: &Dn,
        properties: Option<&Properties>,
        members: &[DnKey],
    ) {
        let properties = properties.map(storable_properties);
        if let Some(owner) = self.former.remove(dn.key())
            && let Some(owner) = self.objects.get_mut(&owner)
        {
            owner.record.former_dns.retain(|former| former != dn.key());
        }
        let known = self.objects.entry(id.clone()).or_insert_with(|| Known {
            record: ObjectRecord {
                id: id.clone(),
                kind,
                dn: dn.clone(),
                former_dns: Vec::new(),
                properties: None,
                placements: BTreeMap::new(),
                journey: None,
                begun: BTreeMap::new(),
            },
            members: BTreeSet::new(),
        });
        let before = std::mem::replace(&mut known.record.dn, dn.clone());
        known.record.kind = kind;
        known.record.properties = properties;
        let wanted: BTreeSet<DnKey> = members.iter().cloned().collect();
        for gone in known.members.difference(&wanted) {
            leave(&mut self.naming, gone, id);
        }
        for new in wanted.difference(&known.members) {
            self.naming.entry(new.clone()).or_default().insert(id.clone());
        }
        known.members = wanted;
        if before != *dn {
            leave(&mut self.holders, before.key(), id);
            // A DN that somebody else has by now is not ours to remember.
            if !self.holders.contains_key(before.key()) {
                known.record.former_dns.push(before.key().clone());
                self.former.insert(before.key().clone(), id.clone());
            }
        }
        self.holders.entry(dn.key().clone()).or_default().insert(id.clone());
    }

    fn forget(&mut self, id: &ObjectId) {
        self.marks.retain(|mark| mark.object != *id);
        self.repairs.retain(|mark| mark.object != *id);
        let Some(known) = self.objects.remove(id) else { return };
        leave(&mut self.holders, known.record.dn.key(), id);
        for dn in &known.record.former_dns {
            self.former.remove(dn);
        }
        for dn in &known.members {
            leave(&mut self.naming, dn, id);
        }
        for context in known.record.placements.keys() {
            if let Some(placed) = self.placed_in.get_mut(context) {
                placed.remove(id);
            }
        }
    }

    fn put_placement(&mut self, id: &ObjectId, context: ContextId, placement: &Placement) {
        if let Some(known) = self.objects.get_mut(id) {
            known.record.placements.insert(context, storable_placement(placement));
            self.placed_in.entry(context).or_default().insert(id.clone());
        }
    }

    fn drop_placement(&mut self, id: &ObjectId, context: ContextId) {
        if let Some(known) = self.objects.get_mut(id) {
            known.record.placements.remove(&context);
        }
        if let Some(placed) = self.placed_in.get_mut(&context) {
            placed.remove(id);
        }
    }

    fn put_journey(&mut self, id: &ObjectId, journey: Option<&Journey>) {
        if let Some(known) = self.objects.get_mut(id) {
            known.record.journey = journey.cloned();
        }
    }
}

/// Takes an object out of the set under a DN; an empty set is not kept.
fn leave(sets: &mut HashMap<DnKey, BTreeSet<ObjectId>>, dn: &DnKey, id: &ObjectId) {
    if let Some(set) = sets.get_mut(dn) {
        set.remove(id);
        if set.is_empty() {
            sets.remove(dn);
        }
    }
}
