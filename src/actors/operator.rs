//! What an operator can see of pending work and do about it, while the engine runs.
//!
//! Everything goes to the supervisor as one message, [`Operate`], and takes effect in one step: nobody
//! sees half of it. What has to survive a restart (parked items, holds, drops) is durable before the
//! answer comes, and stands in the ledger with the operator's note.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use actix::prelude::*;

use super::supervisor::Supervisor;
use crate::model::{ContextId, Fate, ItemName, ObjectId, ObjectKind};
use crate::store::{Hold, HoldScope, Mark};

/// Which pending items are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// The item of that queue file.
    Item(ItemName),
    /// All that fit.
    All(Filter),
}

/// Conditions that pending items have to fit, all of them; what is left out fits everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// They are to be worked on in that context.
    pub context: Option<ContextId>,
    /// They are of that object.
    pub object: Option<ObjectId>,
    /// They are of objects of that kind.
    pub kind: Option<ObjectKind>,
    /// What has become of them has one of these names ([`Fate::NAMES`]); none = whatever it is.
    pub fates: Vec<&'static str>,
    /// Their fault's class and text contain that, in any case of letters.
    pub fault: Option<String>,
    /// Their fault has that fingerprint ([`crate::store::fingerprint`]).
    pub fingerprint: Option<String>,
    /// They come after that one in the queue's order; for the next page.
    pub after: Option<ItemName>,
    /// They are among these.
    pub among: Option<Arc<HashSet<ItemName>>>,
    /// At most so many, the first in the queue's order; 0 = all.
    pub limit: usize,
}

/// What the operator wants. `note` goes into the ledger as the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Show pending items; also the preview of what an order to the same items would concern.
    List(Filter),
    /// Show one pending item.
    Show(ItemName),
    /// Try these now instead of after their pause: faulty ones, parked ones that had a fault, files that
    /// could not be used.
    Retry(Which),
    /// Set these aside until they are released, with all that cannot be done without them.
    Park {
        /// Which.
        which: Which,
        /// Why.
        note: Option<String>,
    },
    /// Put parked ones back.
    Release {
        /// Which.
        which: Which,
        /// Why.
        note: Option<String>,
    },
    /// Take these out undone and remove their queue files. An earlier item of the same object in whose
    /// place one was to be done is done after all.
    Drop {
        /// Which.
        which: Which,
        /// Why.
        note: Option<String>,
    },
    /// Begin nothing new there; what comes is collected.
    Hold {
        /// Where.
        scope: HoldScope,
        /// Why.
        note: Option<String>,
    },
    /// Go on there.
    Resume {
        /// Where.
        scope: HoldScope,
        /// Why.
        note: Option<String>,
    },
    /// All holds.
    Holds,
    /// Bring objects into OX as they were last seen in the directory, also where nothing has changed
    /// since: OX is asked what it has, and only differences are written. Never deletes.
    ProvisionAgain(Again),
    /// Show every context that has work or is held.
    Contexts,
    /// Show how much is pending, and every context that has work or is held.
    Depths,
    /// Show the causes of all faults that are not cured, each with what it keeps.
    Causes,
    /// Look up the numbers of all users of these contexts anew, before anything else is done there.
    LookUpAgain(Vec<ContextId>),
}

/// Which objects are provisioned again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Again {
    /// One object, wherever it is.
    Object(ObjectId),
    /// Every object of a context.
    Context(ContextId),
    /// These objects, in all contexts or in one of them. What is not known is left out.
    Objects(Vec<ObjectId>, Option<ContextId>),
    /// Everything.
    All,
}

/// A context that has work or is held, as an operator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextView {
    /// Its number.
    pub context: ContextId,
    /// Items, and groups or accounts to be looked at again, that are not through.
    pub pending: usize,
    /// Of those, the ones that are set aside, or wait for one that is.
    pub aside: usize,
    /// Whether something is being done there now.
    pub running: bool,
    /// The item at which it stands still.
    pub stopped_at: Option<ItemName>,
    /// That item's last fault, without mail addresses.
    pub fault: Option<String>,
    /// When the oldest item was taken in, milliseconds since 1970 UTC; none if only looks are pending.
    pub oldest_ms: Option<i64>,
    /// The hold that keeps it.
    pub held: Option<Hold>,
}

/// How many items are in a state, and since when the oldest of them is taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Depth {
    /// How many.
    pub items: usize,
    /// When the oldest was taken in, milliseconds since 1970 UTC.
    pub oldest_ms: Option<i64>,
}

/// Faults that are the same but for whom they hit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// What they have in common ([`crate::store::fingerprint`]).
    pub fingerprint: String,
    /// Their class.
    pub class: String,
    /// The first item in the queue that has it.
    pub example: ItemName,
    /// The fault's text there.
    pub fault: String,
    /// Items that have it and are not set aside.
    pub faulty: usize,
    /// Items that have it and are set aside.
    pub parked: usize,
    /// Contexts in which such items are to be worked on.
    pub contexts: BTreeSet<ContextId>,
    /// Of those, the ones that stand still at such an item.
    pub stopped: usize,
    /// When it was met first, milliseconds since 1970 UTC.
    pub since_ms: i64,
}

/// A pending item, as an operator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemView {
    /// Queue file.
    pub item: ItemName,
    /// The object, if the file could be read.
    pub object: Option<ObjectId>,
    /// Its kind.
    pub kind: Option<ObjectKind>,
    /// Contexts in which it is still to be worked on.
    pub contexts: Vec<ContextId>,
    /// What has become of it so far.
    pub fate: Fate,
    /// Whether it is being worked on now.
    pub running: bool,
    /// Attempts so far.
    pub attempts: u32,
    /// Class of the last fault.
    pub class: Option<String>,
    /// Its text.
    pub fault: Option<String>,
    /// OX's exception id.
    pub exception_id: Option<String>,
    /// When the first attempt failed, milliseconds since 1970 UTC.
    pub since_ms: Option<i64>,
    /// Items that cannot be done without it.
    pub blocks: Vec<ItemName>,
    /// Earlier items of the same object in whose place it is done.
    pub replaces: Vec<ItemName>,
    /// Why it was not put in the place of the item of the same object before it.
    pub apart: Option<String>,
    /// What to do about its fault.
    pub advice: Option<String>,
}

/// What came of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The items, in the queue's order: those found, or those the order took effect on.
    Items(Vec<ItemView>),
    /// The holds.
    Holds(Vec<Hold>),
    /// These objects are provisioned again, each in these contexts.
    Again(Vec<Mark>),
    /// Contexts that have work or are held, by number.
    Contexts(Vec<ContextView>),
    /// Pending items by the names of their fates, and the contexts.
    Depths(BTreeMap<&'static str, Depth>, Vec<ContextView>),
    /// Causes of faults, the one that keeps most contexts first.
    Causes(Vec<Cause>),
    /// In these contexts all users' numbers are looked up anew.
    Doubted(Vec<ContextId>),
}

/// Why an order was not carried out. Nothing was changed then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// No such item is pending.
    #[error("no item {item} is pending; \"drover history {item}\" tells what became of it")]
    UnknownItem {
        /// The name given.
        item: ItemName,
    },
    /// It is being worked on.
    #[error("item {item} is being worked on right now; try again when its call has ended")]
    Running {
        /// Which.
        item: ItemName,
    },
    /// It is not parked.
    #[error("item {item} is not parked, so it cannot be released")]
    NotParked {
        /// Which.
        item: ItemName,
    },
    /// It waits for its turn and nothing is wrong with it.
    #[error("item {item} has no fault; it waits for its turn")]
    NotFaulty {
        /// Which.
        item: ItemName,
    },
    /// There is no such hold.
    #[error("{scope} is not held")]
    NotHeld {
        /// Where.
        scope: HoldScope,
    },
    /// The object was never seen.
    #[error("no object {object} is known; give its id as \"drover history\" shows it")]
    UnknownObject {
        /// The id given.
        object: ObjectId,
    },
    /// It could not be made durable; the engine stops.
    #[error("cannot remember it: {0}")]
    Memory(String),
    /// The engine has ended.
    #[error("drover is ending; start it again first")]
    Ended,
}

/// Carry out an order. The reply comes when it is done and durable.
#[derive(Debug, Message)]
#[rtype(result = "Result<Outcome, OrderError>")]
pub struct Operate(pub Order);

/// The way to give orders to a running engine.
#[derive(Debug, Clone)]
pub struct Operator(pub(crate) Addr<Supervisor>);

impl Operator {
    /// Gives an order.
    ///
    /// # Errors
    /// [`OrderError`]; nothing was changed then.
    pub async fn order(&self, order: Order) -> Result<Outcome, OrderError> {
        self.0.send(Operate(order)).await.unwrap_or(Err(OrderError::Ended))
    }

    /// Pending items that fit, in the queue's order.
    ///
    /// # Errors
    /// Only if the engine has ended.
    pub async fn list(&self, filter: Filter) -> Result<Vec<ItemView>, OrderError> {
        match self.order(Order::List(filter)).await? {
            Outcome::Items(items) => Ok(items),
            _ => Ok(Vec::new()),
        }
    }
}
