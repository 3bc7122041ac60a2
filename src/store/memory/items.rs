//! Items and the ledger in maps.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use super::super::ledger::{Anchor, Audit, AuditedItem, Auditor, Entry, Event};
use super::super::{FaultRecord, ItemOutcome, ItemRecord, OperatorAct};
use crate::model::{Fate, ItemName, ObjectId, ObjectKind};

#[derive(Debug, Default)]
pub(super) struct Items {
    items: BTreeMap<u64, ItemRecord>,
    by_name: HashMap<ItemName, BTreeSet<u64>>,
    by_object: HashMap<ObjectId, BTreeSet<u64>>,
    open: BTreeSet<u64>,
    /// Intake numbers of ended items by the entry that ended them.
    ended: BTreeMap<u64, u64>,
    entries: VecDeque<Entry>,
    anchor: Anchor,
}

impl Items {
    fn enter(&mut self, at_ms: i64, event: &Event) -> u64 {
        let entry = self.anchor.enter(at_ms, event);
        let nr = entry.nr;
        self.entries.push_back(entry);
        nr
    }

    fn open_of(&self, name: &ItemName) -> Option<u64> {
        let mut of_name = self.by_name.get(name)?.iter().rev();
        of_name.find(|intake| self.open.contains(intake)).copied()
    }

    /// The item of that name that ended last.
    pub(super) fn last_ended(&self, name: &ItemName) -> Option<&ItemRecord> {
        let of_name = self.by_name.get(name)?.iter().filter_map(|intake| self.items.get(intake));
        of_name.filter(|item| item.ended_by.is_some()).max_by_key(|item| item.ended_by)
    }

    /// Says whether one of the same name ended for it.
    pub(super) fn take_in(
        &mut self,
        name: &ItemName,
        digest: [u8; 32],
        object: Option<&ObjectId>,
        kind: Option<ObjectKind>,
        at_ms: i64,
    ) -> bool {
        let mut rewritten = false;
        let open = self.open_of(name).and_then(|intake| self.items.get(&intake));
        match open {
            Some(open) if open.digest == digest => return false,
            Some(open) => {
                let outcome = ItemOutcome {
                    item: name.clone(),
                    digest: open.digest,
                    object: None,
                    kind: None,
                    fate: Fate::rewritten(),
                    attempts: 0,
                    last_fault: None,
                    exception_id: None,
                    ended_ms: at_ms,
                };
                self.end(&outcome);
                rewritten = true;
            }
            None => {
                let settled = |last: &ItemRecord| last.digest == digest && last.fate.settles();
                if self.last_ended(name).is_some_and(settled) {
                    return false;
                }
            }
        }
        self.insert(name, digest, object, kind, at_ms);
        rewritten
    }

    fn insert(
        &mut self,
        name: &ItemName,
        digest: [u8; 32],
        object: Option<&ObjectId>,
        kind: Option<ObjectKind>,
        at_ms: i64,
    ) -> u64 {
        let intake = self.anchor.next_intake();
        self.enter(at_ms, &Event::taken(intake, name, &digest, object, kind));
        let item = ItemRecord {
            intake,
            item: name.clone(),
            digest,
            object: object.cloned(),
            kind,
            fate: Fate::Pending,
            attempts: 0,
            last_fault: None,
            exception_id: None,
            taken_ms: at_ms,
            ended_ms: None,
            ended_by: None,
        };
        self.items.insert(intake, item);
        self.by_name.entry(name.clone()).or_default().insert(intake);
        if let Some(object) = object {
            self.by_object.entry(object.clone()).or_default().insert(intake);
        }
        self.open.insert(intake);
        intake
    }

    pub(super) fn set_fate(&mut self, name: &ItemName, fate: &Fate) {
        if fate.is_final() {
            return;
        }
        if let Some(item) = self.open_of(name).and_then(|intake| self.items.get_mut(&intake)) {
            item.fate = fate.clone();
            if let Fate::Faulty { attempts, .. } = fate {
                item.attempts = *attempts;
            }
        }
    }

    pub(super) fn put_fault(&mut self, fault: &FaultRecord) {
        let open = self.open_of(&fault.item);
        if let Some(item) = open.and_then(|intake| self.items.get_mut(&intake)) {
            item.attempts = fault.attempts;
            item.last_fault = Some(fault.text.clone());
            item.exception_id.clone_from(&fault.exception_id);
        }
    }

    pub(super) fn end(&mut self, outcome: &ItemOutcome) {
        let of_this =
            |intake: &u64| self.items.get(intake).is_some_and(|item| item.digest == outcome.digest);
        let open = self.open_of(&outcome.item).filter(of_this);
        let intake = open.unwrap_or_else(|| {
            self.insert(
                &outcome.item,
                outcome.digest,
                outcome.object.as_ref(),
                outcome.kind,
                outcome.ended_ms,
            )
        });
        let ended = Event::Ended { intake, outcome: outcome.fate.clone() };
        let nr = self.enter(outcome.ended_ms, &ended);
        self.open.remove(&intake);
        self.ended.insert(nr, intake);
        if let Some(item) = self.items.get_mut(&intake) {
            item.close(outcome, nr);
        }
    }

    pub(super) fn act(&mut self, act: &OperatorAct) {
        let event = Event::Act { act: act.verb.clone(), note: act.note.clone() };
        self.enter(act.at_ms, &event);
    }

    /// The ended items, the one that ended last first.
    pub(super) fn ended(&self) -> impl Iterator<Item = &ItemRecord> {
        self.ended.values().rev().filter_map(|intake| self.items.get(intake))
    }

    pub(super) fn open(&self) -> impl Iterator<Item = &ItemRecord> {
        self.open.iter().filter_map(|intake| self.items.get(intake))
    }

    pub(super) fn of_object(&self, object: &ObjectId) -> impl Iterator<Item = &ItemRecord> {
        self.newest_first(self.by_object.get(object))
    }

    pub(super) fn of_name(&self, name: &ItemName) -> impl Iterator<Item = &ItemRecord> {
        self.newest_first(self.by_name.get(name))
    }

    fn newest_first<'a>(
        &'a self,
        intakes: Option<&'a BTreeSet<u64>>,
    ) -> impl Iterator<Item = &'a ItemRecord> {
        intakes.into_iter().flatten().rev().filter_map(|intake| self.items.get(intake))
    }

    /// Forgets the items beyond `keep` that ended first, at most `step` of them, and the entries up
    /// to their ends.
    pub(super) fn prune(&mut self, keep: usize, step: usize) {
        let mut last = None;
        for _ in 0..self.ended.len().saturating_sub(keep).min(step) {
            let Some((nr, intake)) = self.ended.pop_first() else { break };
            last = Some(nr);
            if let Some(item) = self.items.remove(&intake) {
                leave(&mut self.by_name, &item.item, intake);
                if let Some(object) = &item.object {
                    leave(&mut self.by_object, object, intake);
                }
            }
        }
        let Some(last) = last else { return };
        while self.entries.front().is_some_and(|entry| entry.nr <= last) {
            let Some(entry) = self.entries.pop_front() else { break };
            self.anchor.absorb(entry.nr, entry.at_ms, entry.event.as_bytes(), &entry.hash);
        }
    }

    pub(super) fn audit(&self) -> Audit {
        let mut auditor = Auditor::new(self.anchor.clone());
        for entry in &self.entries {
            auditor.entry(entry.nr, entry.at_ms, entry.event.as_bytes(), &entry.hash);
        }
        for item in self.items.values() {
            auditor.item(&AuditedItem {
                intake: item.intake,
                item: item.item.to_string(),
                digest: item.digest.to_vec(),
                object: item.object.as_ref().map(ToString::to_string),
                kind: item.kind,
                fate: Some(item.fate.clone()),
                ended_by: item.ended_by,
            });
        }
        auditor.finish()
    }
}

fn leave<K: Eq + std::hash::Hash>(sets: &mut HashMap<K, BTreeSet<u64>>, key: &K, intake: u64) {
    if let Some(set) = sets.get_mut(key) {
        set.remove(&intake);
        if set.is_empty() {
            sets.remove(key);
        }
    }
}
