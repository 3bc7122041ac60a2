//! A memory whose commits are watched, held up or refused.

use drover::model::{ContextId, DnKey, ItemName, ObjectId};
use drover::store::{
    Audit, Commit, FaultRecord, Hold, ItemOutcome, ItemRecord, Mark, MemoryStore, ObjectRecord,
    ProfileVersion, Store, StoreError,
};

/// What is done before each commit; an error stands in its stead.
type Before = dyn Fn(&[Commit]) -> Result<(), StoreError> + Send + Sync;

pub struct WatchedStore {
    store: MemoryStore,
    before: Box<Before>,
}

impl WatchedStore {
    pub fn new(
        before: impl Fn(&[Commit]) -> Result<(), StoreError> + Send + Sync + 'static,
    ) -> Self {
        Self { store: MemoryStore::new(), before: Box::new(before) }
    }
}

impl Store for WatchedStore {
    fn object(&self, id: &ObjectId) -> Result<Option<ObjectRecord>, StoreError> {
        self.store.object(id)
    }

    fn objects(&self, each: &mut dyn FnMut(ObjectRecord)) -> Result<(), StoreError> {
        self.store.objects(each)
    }

    fn naming(&self, members: &[DnKey]) -> Result<Vec<ObjectId>, StoreError> {
        self.store.naming(members)
    }

    fn doubts(&self) -> Result<Vec<ContextId>, StoreError> {
        self.store.doubts()
    }

    fn marks(&self) -> Result<Vec<Mark>, StoreError> {
        self.store.marks()
    }

    fn repairs(&self) -> Result<Vec<Mark>, StoreError> {
        self.store.repairs()
    }

    fn profiles(&self) -> Result<Vec<ProfileVersion>, StoreError> {
        self.store.profiles()
    }

    fn faults(&self) -> Result<Vec<FaultRecord>, StoreError> {
        self.store.faults()
    }

    fn outcome(&self, item: &ItemName) -> Result<Option<ItemOutcome>, StoreError> {
        self.store.outcome(item)
    }

    fn outcomes(&self, limit: usize) -> Result<Vec<ItemOutcome>, StoreError> {
        self.store.outcomes(limit)
    }

    fn holders(&self, dn: &DnKey) -> Result<Vec<ObjectId>, StoreError> {
        self.store.holders(dn)
    }

    fn each_open_item(&self, each: &mut dyn FnMut(ItemRecord)) -> Result<(), StoreError> {
        self.store.each_open_item(each)
    }

    fn history(&self, object: &ObjectId, limit: usize) -> Result<Vec<ItemRecord>, StoreError> {
        self.store.history(object, limit)
    }

    fn item_history(&self, item: &ItemName, limit: usize) -> Result<Vec<ItemRecord>, StoreError> {
        self.store.item_history(item, limit)
    }

    fn holds(&self) -> Result<Vec<Hold>, StoreError> {
        self.store.holds()
    }

    fn audit(&self) -> Result<Audit, StoreError> {
        self.store.audit()
    }

    fn commit(&self, commits: &[Commit]) -> Result<(), StoreError> {
        (self.before)(commits)?;
        self.store.commit(commits)
    }
}
