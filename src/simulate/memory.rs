//! The store as a life of the engine sees it: durable at once, unless the engine has just died.

use super::scenario::Place;
use super::stage::{Life, lock};
use super::trace::{Ending, Step};
use crate::model::object::Properties;
use crate::model::{ContextId, DnKey, ItemName, ObjectId, OxId};
use crate::store::{
    Audit, Change, Commit, FaultRecord, Hold, ItemOutcome, ItemRecord, Mark, ObjectRecord,
    ProfileVersion, Store, StoreError,
};

/// Property in which the workload says what version of an object it is, such as `v17 u3`.
pub(super) const VERSION: &str = "simulatedVersion";

impl Store for Life {
    fn object(&self, id: &ObjectId) -> Result<Option<ObjectRecord>, StoreError> {
        self.stage.store.object(id)
    }

    fn objects(&self, each: &mut dyn FnMut(ObjectRecord)) -> Result<(), StoreError> {
        self.stage.store.objects(each)
    }

    fn naming(&self, members: &[DnKey]) -> Result<Vec<ObjectId>, StoreError> {
        self.stage.store.naming(members)
    }

    fn doubts(&self) -> Result<Vec<ContextId>, StoreError> {
        self.stage.store.doubts()
    }

    fn marks(&self) -> Result<Vec<Mark>, StoreError> {
        self.stage.store.marks()
    }

    fn profiles(&self) -> Result<Vec<ProfileVersion>, StoreError> {
        self.stage.store.profiles()
    }

    fn faults(&self) -> Result<Vec<FaultRecord>, StoreError> {
        self.stage.store.faults()
    }

    fn outcome(&self, item: &ItemName) -> Result<Option<ItemOutcome>, StoreError> {
        self.stage.store.outcome(item)
    }

    fn outcomes(&self, limit: usize) -> Result<Vec<ItemOutcome>, StoreError> {
        self.stage.store.outcomes(limit)
    }

    fn repairs(&self) -> Result<Vec<Mark>, StoreError> {
        self.stage.store.repairs()
    }

    fn holders(&self, dn: &DnKey) -> Result<Vec<ObjectId>, StoreError> {
        self.stage.store.holders(dn)
    }

    fn each_open_item(&self, each: &mut dyn FnMut(ItemRecord)) -> Result<(), StoreError> {
        self.stage.store.each_open_item(each)
    }

    fn history(&self, object: &ObjectId, limit: usize) -> Result<Vec<ItemRecord>, StoreError> {
        self.stage.store.history(object, limit)
    }

    fn item_history(&self, item: &ItemName, limit: usize) -> Result<Vec<ItemRecord>, StoreError> {
        self.stage.store.item_history(item, limit)
    }

    fn holds(&self) -> Result<Vec<Hold>, StoreError> {
        self.stage.store.holds()
    }

    fn audit(&self) -> Result<Audit, StoreError> {
        self.stage.store.audit()
    }

    fn commit(&self, commits: &[Commit]) -> Result<(), StoreError> {
        if self.dies_at(Place::BeforeCommit) {
            let reason = "the engine has died".to_owned();
            return Err(StoreError::Unreadable { what: "anything", reason });
        }
        let early = self.early(commits);
        self.stage.store.commit(commits)?;
        let all = || commits.iter().flatten();
        self.stage.hold(all());
        if self.stage.tracing {
            let ended = all().filter_map(|change| match change {
                Change::End(outcome) => Some(Ending {
                    item: outcome.item.clone(),
                    digest: outcome.digest,
                    fate: outcome.fate.clone(),
                }),
                _ => None,
            });
            let versions = all().filter_map(|change| match change {
                Change::PutObject { properties: Some(properties), .. } => version(properties),
                _ => None,
            });
            let fates = all().filter_map(|change| match change {
                Change::SetFate { item, fate } => Some((self.stage.version_in(item)?, fate.name())),
                Change::End(outcome) => {
                    Some((self.stage.version_in(&outcome.item)?, outcome.fate.name()))
                }
                _ => None,
            });
            self.stage.note(Step::Committed {
                changes: all().map(word).collect(),
                fates: fates.collect(),
                versions: versions.collect(),
                ended: ended.collect(),
                early,
            });
        }
        self.dies_at(Place::AfterCommit);
        Ok(())
    }
}

impl Life {
    /// Numbers in commits that are about to be made which the index knows already.
    fn early(&self, commits: &[Commit]) -> Vec<(ObjectId, ContextId, OxId)> {
        let index = lock(&self.stage.index);
        let Some(index) = index.as_ref() else { return Vec::new() };
        let held = lock(&self.stage.held);
        let early = commits.iter().flatten().filter_map(|change| match change {
            Change::PutPlacement { id, context, placement } => {
                let ox = placement.ox_id()?;
                let known = index.ox_id(id, *context) == Some(ox);
                let held = held.get(&(id.clone(), *context)) == Some(&ox);
                (known && !held).then(|| (id.clone(), *context, ox))
            }
            _ => None,
        });
        early.collect()
    }
}

impl super::stage::Stage {
    /// The version of an object that a file holds, such as `v17 u3`.
    fn version_in(&self, item: &ItemName) -> Option<String> {
        let content: serde_json::Value = serde_json::from_slice(&self.last_content(item)?).ok()?;
        version(content.get("object")?.as_object()?)
    }

    fn hold<'c>(&self, changes: impl Iterator<Item = &'c Change>) {
        let mut held = lock(&self.held);
        for change in changes {
            match change {
                Change::PutPlacement { id, context, placement } => {
                    if let Some(ox) = placement.ox_id() {
                        held.insert((id.clone(), *context), ox);
                    }
                }
                Change::DropPlacement { id, context } => {
                    held.remove(&(id.clone(), *context));
                }
                Change::DropContext { context } => held.retain(|(_, at), _| at != context),
                Change::ForgetObject { id } => held.retain(|(of, _), _| of != id),
                _ => {}
            }
        }
    }
}

fn version(properties: &Properties) -> Option<String> {
    properties.get(VERSION)?.as_str().map(str::to_owned)
}

/// A change in short words, for the trace.
fn word(change: &Change) -> String {
    match change {
        Change::PutObject { id, properties, .. } => match properties.as_ref().map(version) {
            Some(version) => format!("put {id} {}", version.unwrap_or_default()),
            None => format!("put {id} deleted"),
        },
        Change::ForgetObject { id } => format!("forget {id}"),
        Change::PutPlacement { id, context, placement } => {
            format!("place {id} in {context} {:?}", placement.ox_id())
        }
        Change::DropPlacement { id, context } => format!("unplace {id} in {context}"),
        Change::DropContext { context } => format!("drop context {context}"),
        Change::PutJourney { id, journey } => {
            format!("journey of {id}: {:?}", journey.as_ref().map(|journey| journey.to))
        }
        Change::PutProfile(version) => format!("profile {}", version.name),
        Change::SetMark(mark) => format!("mark {} in {}", mark.object, mark.context),
        Change::ClearMark(mark) => format!("unmark {} in {}", mark.object, mark.context),
        Change::PutExtra { id, .. } => format!("more of {id}"),
        Change::Doubt { context } => format!("doubt numbers in {context}"),
        Change::ClearDoubt { context } => format!("no doubt in {context}"),
        Change::TakeOver { what } => format!("take over {what}"),
        Change::PutFault(fault) => format!("fault of {}: {}", fault.item, fault.text),
        Change::ClearFault { item } => format!("no fault of {item}"),
        Change::End(outcome) => format!("end of {}: {:?}", outcome.item, outcome.fate),
        Change::Begin { id, context, .. } => format!("begin {id} in {context}"),
        Change::ClearBegin { id, context } => format!("no begin of {id} in {context}"),
        Change::SetRepair(mark) => format!("repair {} in {}", mark.object, mark.context),
        Change::ClearRepair(mark) => format!("repaired {} in {}", mark.object, mark.context),
        Change::TakeIn { item, .. } => format!("take in {item}"),
        Change::SetFate { item, fate } => format!("{item} is {}", fate.name()),
        Change::Act(act) => format!("operator: {:?}", act.verb),
        Change::PutHold(hold) => format!("hold {}", hold.scope),
        Change::ClearHold(scope) => format!("no hold of {scope}"),
    }
}
