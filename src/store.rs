//! What drover remembers: objects as last taken in, what was provisioned of them in which context,
//! access profiles, faults of items that are not through, every queue item that was taken in and what
//! became of it, what operators did.
//!
//! One trait, two implementations that must behave alike: `memory` for tests and simulation,
//! `sqlite` for the service. Reading is cheap and blocking (microseconds); writing goes through
//! [`Store::commit`], which makes many outcomes durable at once and is called by one thread only.

mod fault;
pub mod ledger;
pub mod memory;
mod operator;
pub mod sqlite;
pub mod storable;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::model::object::Properties;
use crate::model::{
    Capabilities, ContextExtras, ContextId, Dn, DnKey, Fate, ItemName, ModuleAccess, ObjectId,
    ObjectKind, OxId, UserFields,
};
use crate::ox::{DeputyRights, Grant, ResourceData, SharedAccountData};

pub use fault::{FaultRecord, fingerprint};
pub use ledger::Audit;
pub use memory::MemoryStore;
pub use operator::{Hold, HoldScope, OperatorAct, Verb};
pub use sqlite::{SqliteReader, SqliteStore};

/// Ended queue items that are remembered unless the constructor is told otherwise.
pub const DEFAULT_KEEP_OUTCOMES: usize = 100_000;

/// Ended items beyond the retention that one commit forgets besides as many as it adds: enough to
/// catch up after the retention was lowered, few enough not to be felt.
const PRUNE_STEP: usize = 64;

/// Everything known of one object of the directory.
#[derive(Debug, Clone, PartialEq)]
pub struct ObjectRecord {
    /// Stable identity.
    pub id: ObjectId,
    /// Its kind.
    pub kind: ObjectKind,
    /// Its DN as of the newest item that was begun.
    pub dn: Dn,
    /// DNs it had before, as long as no other object has taken them; oldest first.
    pub former_dns: Vec<DnKey>,
    /// Properties of the newest item that was begun; none if that was a deletion which is not yet
    /// through in every context.
    pub properties: Option<Properties>,
    /// What was provisioned, by context.
    pub placements: BTreeMap<ContextId, Placement>,
    /// A move between contexts that was begun and is not through.
    pub journey: Option<Journey>,
    /// What was about to be made in a context, and may be there, though nobody has heard of it: by
    /// context.
    pub begun: BTreeMap<ContextId, Placement>,
}

/// What was last provisioned of an object in one context.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "placed")]
pub enum Placement {
    /// The context itself.
    Context {
        /// Its name in OX.
        name: String,
        /// Quota in MB, -1 = unlimited.
        quota_mb: i64,
        /// What it was given beside.
        #[serde(default, skip_serializing_if = "ContextExtras::is_nothing")]
        extras: ContextExtras,
    },
    /// A user.
    User {
        /// OX's number.
        ox: OxId,
        /// Login name in OX.
        name: String,
        /// Values last sent, or found when the user was adopted; long binary values by digest.
        fields: UserFields,
        /// Rights last sent; none if they are not known.
        access: Option<ModuleAccess>,
        /// What calls of their own gave him.
        #[serde(default, skip_serializing_if = "Beside::is_nothing")]
        beside: Beside,
    },
    /// A group's projection into the context.
    Group {
        /// OX's number.
        ox: OxId,
        /// Name in OX.
        name: String,
        /// Members last sent, each with the number it had then.
        members: BTreeMap<ObjectId, OxId>,
    },
    /// A functional account's projection into the context.
    Account {
        /// Address of the account.
        address: String,
        /// Those who have it.
        members: BTreeMap<ObjectId, AccountMember>,
    },
    /// A shared account.
    SharedAccount {
        /// OX's number.
        ox: OxId,
        /// Name in OX.
        name: String,
        /// Values last sent; none if what OX has is not known.
        data: Option<SharedAccountData>,
        /// Who may use it, as last sent; none if that is not known.
        grants: Option<Vec<Grant>>,
    },
    /// A resource.
    Resource {
        /// OX's number.
        ox: OxId,
        /// Values last sent.
        data: ResourceData,
    },
}

impl Placement {
    /// OX's number, for the kinds that have one, if it is known.
    pub fn ox_id(&self) -> Option<OxId> {
        match self {
            Self::User { ox, .. }
            | Self::Group { ox, .. }
            | Self::SharedAccount { ox, .. }
            | Self::Resource { ox, .. } => (*ox != OxId::UNKNOWN).then_some(*ox),
            Self::Context { .. } | Self::Account { .. } => None,
        }
    }
}

/// What a user was last given in a context beside his fields and rights.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Beside {
    /// Sender name last sent; none if drover never sent one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender_name: Option<String>,
    /// His deputies; none if drover never had to do with any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deputies: Option<DeputiesGiven>,
    /// Capabilities last sent; with a `-` before it one is denied.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub capabilities: Capabilities,
    /// Login name of whoever gets his data when he is deleted; none = the context's administrator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heir: Option<String>,
}

/// The deputies of a user in one context. By default nothing is known of them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DeputiesGiven {
    /// Whether OX has just these.
    pub sure: bool,
    /// Whether he is barred from choosing some himself; none if that is not known.
    pub barred: Option<bool>,
    /// Who they are, by number.
    pub given: Vec<GivenDeputy>,
}

/// One deputy, as OX was last told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenDeputy {
    /// His number at that time.
    pub ox: OxId,
    /// Who he is in the directory, if that is known.
    pub deputy: Option<ObjectId>,
    /// OX's name of the grant.
    pub grant: String,
    /// How far he may act.
    pub rights: DeputyRights,
}

impl Beside {
    /// Whether there is nothing to remember.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// One user's copy of a functional account, as last written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountMember {
    /// The user's number at that time.
    pub ox: OxId,
    /// Name of the account.
    pub name: String,
    /// Sender name.
    pub personal: Option<String>,
    /// Login at the mail server.
    pub login: String,
}

/// A user's move between contexts, written down before each step that cannot be seen afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journey {
    /// Context the user leaves.
    pub from: ContextId,
    /// Context the user goes to.
    pub to: ContextId,
    /// The user's number in the context it leaves.
    pub ox: OxId,
    /// Login name in the context it leaves; the copy bears it at first.
    pub name: String,
    /// Before the copy was asked for, no user of that name was in the new context: one found there
    /// later is the copy.
    pub copying: bool,
}

/// The context part of a group or account has to be looked at again, because a member appeared,
/// went, or changed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark {
    /// The group or functional account.
    pub object: ObjectId,
    /// Where.
    pub context: ContextId,
}

/// An access profile as of a place in the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileVersion {
    /// The directory object that defines it.
    pub object: ObjectId,
    /// Name by which users refer to it.
    pub name: String,
    /// From this item on.
    pub since: ItemName,
    /// Its rights; none if it was deleted there.
    pub access: Option<ModuleAccess>,
}

/// What of an object's newest queue item OX is not made of, but who looks at drover's files wants to
/// see there.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Extra {
    /// UDM options, as delivered.
    pub options: Option<serde_json::Value>,
    /// The photo in base64, as delivered.
    pub photo: Option<String>,
}

/// How a queue item ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemOutcome {
    /// File name.
    pub item: ItemName,
    /// SHA-256 of the file's content, so that a new file under an old name is not taken for done.
    pub digest: [u8; 32],
    /// The object, if the file said.
    pub object: Option<ObjectId>,
    /// Its kind.
    pub kind: Option<ObjectKind>,
    /// How it ended; a final fate.
    pub fate: Fate,
    /// Attempts made, the first one included.
    pub attempts: u32,
    /// Last fault that was met on the way, for people.
    pub last_fault: Option<String>,
    /// Exception id of that fault.
    pub exception_id: Option<String>,
    /// When it ended, milliseconds since 1970 UTC.
    pub ended_ms: i64,
}

/// An item that was taken in, and what has become of it so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemRecord {
    /// Its intake number: 1, 2, 3, …, never given twice.
    pub intake: u64,
    /// File name.
    pub item: ItemName,
    /// SHA-256 of the file's content.
    pub digest: [u8; 32],
    /// The object, if the file said.
    pub object: Option<ObjectId>,
    /// Its kind.
    pub kind: Option<ObjectKind>,
    /// What has become of it.
    pub fate: Fate,
    /// Attempts so far, as far as they were remembered.
    pub attempts: u32,
    /// Last fault that was met, for people.
    pub last_fault: Option<String>,
    /// Exception id of that fault.
    pub exception_id: Option<String>,
    /// When it was taken in, milliseconds since 1970 UTC.
    pub taken_ms: i64,
    /// When it ended, milliseconds since 1970 UTC; none as long as it is open.
    pub ended_ms: Option<i64>,
    /// Number of the ledger's entry that tells of its end.
    pub ended_by: Option<u64>,
}

impl ItemRecord {
    /// How it ended, if it did.
    pub fn outcome(&self) -> Option<ItemOutcome> {
        Some(ItemOutcome {
            item: self.item.clone(),
            digest: self.digest,
            object: self.object.clone(),
            kind: self.kind,
            fate: self.fate.clone(),
            attempts: self.attempts,
            last_fault: self.last_fault.clone(),
            exception_id: self.exception_id.clone(),
            ended_ms: self.ended_ms?,
        })
    }

    /// Takes in how it ended. What it is was said when it was taken in and stays; of attempts and
    /// faults the outcome may know less than was remembered on the way.
    fn close(&mut self, outcome: &ItemOutcome, ended_by: u64) {
        self.fate = outcome.fate.clone();
        self.attempts = self.attempts.max(outcome.attempts);
        if outcome.last_fault.is_some() {
            self.last_fault.clone_from(&outcome.last_fault);
            self.exception_id.clone_from(&outcome.exception_id);
        }
        self.ended_ms = Some(outcome.ended_ms);
        self.ended_by = Some(ended_by);
    }
}

/// One step of memory.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// The object as of an item that was begun. Replaces DN and properties, keeps placements.
    /// A changed DN becomes a former one; any other object that had the new DN as a former one
    /// loses it.
    PutObject {
        /// Stable identity.
        id: ObjectId,
        /// Kind.
        kind: ObjectKind,
        /// DN now.
        dn: Dn,
        /// Properties; none for a deletion that is under way.
        properties: Option<Properties>,
        /// Members it names now (groups and functional accounts), for [`Store::naming`].
        members: Vec<DnKey>,
    },
    /// What else came with the object's item; replaces what came before. The object's record exists.
    /// Only a store with a mirror keeps photos; one in memory keeps nothing of it.
    PutExtra {
        /// Stable identity.
        id: ObjectId,
        /// What came.
        extra: Extra,
    },
    /// The object is gone: record, DNs, placements, marks, journey, what it names.
    ForgetObject {
        /// Stable identity.
        id: ObjectId,
    },
    /// What was provisioned in a context.
    PutPlacement {
        /// The object; its record exists.
        id: ObjectId,
        /// The context.
        context: ContextId,
        /// What is there now.
        placement: Placement,
    },
    /// Nothing of the object is in that context any more.
    DropPlacement {
        /// The object.
        id: ObjectId,
        /// The context.
        context: ContextId,
    },
    /// The context was deleted in OX: all placements and marks in it are gone, what was about to be
    /// made there, and moves to it.
    DropContext {
        /// The context.
        context: ContextId,
    },
    /// A move has reached a step; none when it is through.
    PutJourney {
        /// The user.
        id: ObjectId,
        /// Where it stands.
        journey: Option<Journey>,
    },
    /// A group or functional account is about to be made in a context; written before the call, so
    /// that what it makes is found again whatever happens. `placement` is what will be there, as far
    /// as it is known; the object's record exists. Replaces what was written before.
    Begin {
        /// The object.
        id: ObjectId,
        /// The context.
        context: ContextId,
        /// What will be there.
        placement: Placement,
    },
    /// It is known what became of that.
    ClearBegin {
        /// The object.
        id: ObjectId,
        /// The context.
        context: ContextId,
    },
    /// A new version of an access profile.
    PutProfile(ProfileVersion),
    /// Look again; setting a mark twice is one mark. The object need not be known.
    SetMark(Mark),
    /// Looked at.
    ClearMark(Mark),
    /// Provision the object again in that context, as an operator asked; twice is once.
    SetRepair(Mark),
    /// That was done.
    ClearRepair(Mark),
    /// An item's attempt failed for good; replaces what is remembered of its earlier ones. An open
    /// item of that name remembers it too.
    PutFault(FaultRecord),
    /// The item's fault is cured, or nobody's any more.
    ClearFault {
        /// The queue file.
        item: ItemName,
    },
    /// An item was taken in; it is pending. An item of the same name and content that is still open
    /// is not taken in again, nor one that ended last of that name with a fate that settles it
    /// ([`Fate::settles`]). An open one of the same
    /// name with other content ends as dropped, because its file was rewritten.
    TakeIn {
        /// File name.
        item: ItemName,
        /// SHA-256 of the file's content.
        digest: [u8; 32],
        /// The object, if the file says.
        object: Option<ObjectId>,
        /// Its kind.
        kind: Option<ObjectKind>,
        /// When, milliseconds since 1970 UTC.
        at_ms: i64,
    },
    /// What has become of an open item. Nothing happens if none of that name is open, or if the
    /// fate is a final one: an item ends by [`Change::End`] only.
    SetFate {
        /// File name.
        item: ItemName,
        /// One that is not final.
        fate: Fate,
    },
    /// An item has ended. Its fault is forgotten: the outcome tells of it. If no item of that name
    /// and content is open, it counts as taken in at the same moment.
    End(ItemOutcome),
    /// An operator did something.
    Act(OperatorAct),
    /// The numbers remembered of a context's users come from elsewhere, and are looked up anew before
    /// they are used; twice is once.
    Doubt {
        /// The context.
        context: ContextId,
    },
    /// They were looked up.
    ClearDoubt {
        /// The context.
        context: ContextId,
    },
    /// Something of another program was taken over, and is not to be taken over again.
    TakeOver {
        /// What, in the words of whoever takes over.
        what: String,
    },
    /// Nothing new is to begin there; replaces an earlier hold of the same scope.
    PutHold(Hold),
    /// The hold is lifted, if there is one.
    ClearHold(HoldScope),
}

/// Steps that become durable together or not at all.
pub type Commit = Vec<Change>;

/// Why the memory failed. Always serious: without it nothing may be acknowledged.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database said no.
    #[error("cannot {act} the state database: {source}")]
    Database {
        /// What was tried, such as "open" or "write to".
        act: &'static str,
        /// The database's words.
        #[source]
        source: rusqlite::Error,
    },
    /// The database was written by a newer drover.
    #[error(
        "the state database has schema version {found}, this drover knows versions up to {known}; \
         run the newer drover, or restore the database from before its upgrade"
    )]
    Newer {
        /// Version found.
        found: i64,
        /// Newest version this program knows.
        known: i64,
    },
    /// The file itself could not be prepared.
    #[error("cannot {act} the state database's file {path}: {source}")]
    File {
        /// What was tried, such as "create".
        act: &'static str,
        /// The file.
        path: String,
        /// The system's words.
        #[source]
        source: std::io::Error,
    },
    /// A change needs the record of an object that is not there; a mistake of drover itself.
    #[error("cannot record {what} of {object}: the object is not known")]
    UnknownObject {
        /// What was to be recorded.
        what: &'static str,
        /// The object.
        object: ObjectId,
    },
    /// The database was written by an older drover, and may not be changed by this reader.
    #[error(
        "the state database has schema version {found}, and only version {known} can be read; start \
         drover once to bring it up to date"
    )]
    Older {
        /// Version found.
        found: i64,
        /// The version this program reads.
        known: i64,
    },
    /// A stored value cannot be read back.
    #[error("the state database holds an unreadable {what}: {reason}")]
    Unreadable {
        /// Which kind of record.
        what: &'static str,
        /// Why.
        reason: String,
    },
}

/// drover's memory.
pub trait Store: Send + Sync + 'static {
    /// Everything known of one object.
    fn object(&self, id: &ObjectId) -> Result<Option<ObjectRecord>, StoreError>;

    /// Calls `each` for every known object, in no particular order; for the indexes at start.
    fn objects(&self, each: &mut dyn FnMut(ObjectRecord)) -> Result<(), StoreError>;

    /// Groups and functional accounts whose newest begun state names a member under any of these
    /// DNs; sorted, without doubles.
    fn naming(&self, members: &[DnKey]) -> Result<Vec<ObjectId>, StoreError>;

    /// Marks that are set, sorted.
    fn marks(&self) -> Result<Vec<Mark>, StoreError>;

    /// Contexts whose users' numbers have to be looked up anew before they are used, sorted.
    fn doubts(&self) -> Result<Vec<ContextId>, StoreError>;

    /// Objects to be provisioned again, sorted.
    fn repairs(&self) -> Result<Vec<Mark>, StoreError>;

    /// All remembered versions of access profiles, oldest first (by the item that made them). There
    /// is one for each object, name and item: putting it again replaces it.
    fn profiles(&self) -> Result<Vec<ProfileVersion>, StoreError>;

    /// Faults of items that are not through, sorted by item.
    fn faults(&self) -> Result<Vec<FaultRecord>, StoreError>;

    /// Who has this DN now; if nobody does, who had it before. Sorted.
    fn holders(&self, dn: &DnKey) -> Result<Vec<ObjectId>, StoreError>;

    /// What became of the item of that name that ended last.
    fn outcome(&self, item: &ItemName) -> Result<Option<ItemOutcome>, StoreError>;

    /// The outcomes that were recorded last first, at most `limit`.
    fn outcomes(&self, limit: usize) -> Result<Vec<ItemOutcome>, StoreError>;

    /// Calls `each` for every item that was taken in and has not ended, by intake number.
    fn each_open_item(&self, each: &mut dyn FnMut(ItemRecord)) -> Result<(), StoreError>;

    /// Every item that was taken in and has not ended, by intake number.
    fn open_items(&self) -> Result<Vec<ItemRecord>, StoreError> {
        let mut items = Vec::new();
        self.each_open_item(&mut |item| items.push(item))?;
        Ok(items)
    }

    /// Items of one object, the one taken in last first, at most `limit`.
    fn history(&self, object: &ObjectId, limit: usize) -> Result<Vec<ItemRecord>, StoreError>;

    /// Items of that file name, the one taken in last first, at most `limit`.
    fn item_history(&self, item: &ItemName, limit: usize) -> Result<Vec<ItemRecord>, StoreError>;

    /// Holds that are in force, the target's first, then by context.
    fn holds(&self) -> Result<Vec<Hold>, StoreError>;

    /// Checks the ledger's chain, and its tale against the items. Reads all of both.
    fn audit(&self) -> Result<Audit, StoreError>;

    /// Makes commits durable, all of them or none, in the given order. Called by one thread.
    ///
    /// # Errors
    /// Nothing was changed then, and nothing may be acknowledged.
    fn commit(&self, commits: &[Commit]) -> Result<(), StoreError>;
}
