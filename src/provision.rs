//! Carries out one part of a queue item in one lane: read, plan, call OX, remember.
//!
//! Everything outside is reached through [`Env`]; there is no actor in here, so the same code runs
//! under a context's actor, in tests, and in simulations.

pub mod aside;
pub mod members;
pub(crate) mod nested;
pub mod perform;
pub mod rebuild;
mod wishes;
pub mod work;

use std::fmt;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::clock::Clock;
use crate::index::Index;
use crate::model::{ContextId, ItemName, ObjectId, OxId, Secret};
use crate::ox::{Account, Credentials, OxApi, OxError};
use crate::plan::Problem;
use crate::plan::attributes::{Mapping, UserSettings};
use crate::plan::entitlement::ProfileBook;
use crate::plan::group::GroupPolicy;
use crate::queue::Queue;
use crate::retry::{Verdict, verdict};
use crate::scope::Scope;
use crate::store::{Commit, FaultRecord, Mark, Store, StoreError};

/// What provisioning needs to know that is not in the directory.
#[derive(Debug, Clone)]
pub struct Policy {
    /// The context whose administrator is called `oxadmin`.
    pub default_context: ContextId,
    /// Mail domain of new context administrators.
    pub domain: String,
    /// Login mappings of new contexts beside `context<id>` and `<id>`; `{id}` and `{name}` are
    /// filled in.
    pub extra_mappings: Vec<String>,
    /// How users are written.
    pub user: UserSettings,
    /// Which property names groups; none = `name`, and `entryUUID` = the object's id.
    pub group_identifier: String,
    /// Login of functional accounts.
    pub account_login: String,
    /// What happens to a user who is no OX user any more.
    pub on_revoke: OnRevoke,
    /// How many users a changed access profile may reach by itself; of more, it reaches none. 0: it
    /// reaches each with his own next change.
    pub profile_holders: u32,
    /// Whether users get the name under which they send mail from the directory.
    pub sender_name: bool,
    /// Whether users' deputies are provisioned.
    pub deputies: bool,
    /// Login name of whoever gets the data of deleted users who name nobody themselves; none = the
    /// context's administrator.
    pub heir: Option<String>,
    /// Whether a context that is gone from the directory is disabled in OX instead of deleted.
    pub disable_contexts: bool,
    /// Whether shared accounts are provisioned.
    pub shared_accounts: bool,
    /// Which property names shared accounts.
    pub shared_account_identifier: String,
    /// How groups are written.
    pub groups: GroupPolicy,
    /// What is provisioned at all.
    pub scope: Arc<Scope>,
}

/// What happens in OX to a user whose box is unticked in the directory. One who is deleted there is
/// deleted in OX in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnRevoke {
    /// Deleted, with all data.
    #[default]
    Delete,
    /// Stays, without any right and without mail; ticking the box again gives all back.
    Disable,
}

impl Policy {
    /// Login name of the administrator of a context that drover creates.
    pub fn admin_login(&self, context: ContextId) -> String {
        if context == self.default_context {
            "oxadmin".to_owned()
        } else {
            format!("oxadmin-context{context}")
        }
    }
}

/// The credentials of contexts, as provisioning needs them.
pub trait Vault: Send + Sync + 'static {
    /// The administrator of a context that is about to be created: the entry there is, or a new one
    /// with a random password, durable before this returns.
    fn ensure(&self, context: ContextId, login: &str) -> Result<Credentials, String>;
    /// The entry of an account, if there is one.
    fn find(&self, account: Account) -> Result<Option<Credentials>, String>;
    /// The context is gone, and its entry with it.
    fn remove(&self, context: ContextId) -> Result<(), String>;
}

/// Where access profiles are written for other tools to read.
pub trait ProfileFile: Send + Sync + 'static {
    /// Sets (or with none removes) one profile and keeps the others.
    fn write(&self, name: &str, access: Option<crate::model::ModuleAccess>) -> Result<(), String>;
}

/// Makes things durable.
pub trait Recorder: Send + Sync + 'static {
    /// Returns when the commit is durable. `coverage` is given when a group or account was evaluated
    /// in full, see [`Coverage`].
    fn record(
        &self,
        commit: Commit,
        coverage: Option<Coverage>,
    ) -> BoxFuture<'static, Result<(), RecordError>>;
}

/// The contexts in which a group or account was evaluated; members elsewhere, who came meanwhile,
/// are marked to be looked after.
#[derive(Debug, Clone)]
pub struct Coverage {
    /// The group or account.
    pub object: crate::model::ObjectId,
    /// Its members.
    pub members: Vec<crate::model::DnKey>,
    /// Where it was evaluated.
    pub contexts: Vec<ContextId>,
    /// The context evaluated just now, if one was.
    pub here: Option<ContextId>,
    /// Whom each DN meant in that evaluation: another context's work may have changed that since.
    pub resolved: Vec<(crate::model::DnKey, Option<crate::model::ObjectId>)>,
    /// Groups whose members were counted in, each as of its so many-eth change.
    pub inner: Vec<(crate::model::ObjectId, u64)>,
    /// Groups that hold the group whose change is in the commit have to be looked at.
    pub holders: bool,
    /// Who has to be looked at because of the commit itself.
    pub wake: Vec<crate::store::Mark>,
}

impl Coverage {
    /// Nothing was evaluated yet of that object.
    pub fn of(object: &crate::model::ObjectId) -> Self {
        Self {
            object: object.clone(),
            members: Vec::new(),
            contexts: Vec::new(),
            here: None,
            resolved: Vec::new(),
            inner: Vec::new(),
            holders: false,
            wake: Vec::new(),
        }
    }
}

/// Why nothing could be recorded. The engine stops then: nothing may be acknowledged any more.
#[derive(Debug, Clone, thiserror::Error)]
#[error("cannot record outcomes: {0}")]
pub struct RecordError(pub String);

/// Looks up the numbers of members whom the index does not know, once however many ask.
pub trait MemberLookup: Send + Sync + 'static {
    /// OX's number of a user who should be in the context; none if he is not there.
    fn look_up(
        &self,
        context: ContextId,
        user: crate::model::ObjectId,
    ) -> BoxFuture<'static, Result<Option<OxId>, Arc<Failure>>>;
}

/// Finds a group's members in a context.
pub trait MemberResolver: Send + Sync + 'static {
    /// See [`members::members_in`].
    fn resolve(
        &self,
        context: ContextId,
        members: Vec<crate::model::Dn>,
    ) -> BoxFuture<'static, Result<members::Members, Failure>>;
}

/// The attribute mapping, which may change while drover runs.
pub trait Mappings: Send + Sync + 'static {
    /// The one that holds for the item at hand.
    fn current(&self) -> Mapping;
}

/// One that stays.
impl Mappings for Mapping {
    fn current(&self) -> Mapping {
        self.clone()
    }
}

/// Everything provisioning reaches for.
pub struct Env {
    /// OX.
    pub ox: Arc<dyn OxApi>,
    /// drover's memory, for reading.
    pub store: Arc<dyn Store>,
    /// Whether to read all of it takes so long that others must not wait for it.
    pub store_blocks: bool,
    /// The queue, for reading files.
    pub queue: Arc<dyn Queue>,
    /// Who is where.
    pub index: Arc<Index>,
    /// Access profiles.
    pub book: Arc<RwLock<ProfileBook>>,
    /// Attribute mapping of users.
    pub mapping: Arc<dyn Mappings>,
    /// Settings.
    pub policy: Policy,
    /// Credentials.
    pub vault: Arc<dyn Vault>,
    /// The profiles file.
    pub profile_file: Arc<dyn ProfileFile>,
    /// Durability.
    pub recorder: Arc<dyn Recorder>,
    /// Numbers of members that the index does not know.
    pub members: Arc<dyn MemberLookup>,
    /// Members of groups and accounts.
    pub groups: Arc<dyn MemberResolver>,
    /// Objects that are not to be touched because an item of theirs is set aside.
    pub aside: aside::Aside,
    /// Time of day.
    pub clock: Arc<dyn Clock>,
}

impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Env").finish_non_exhaustive()
    }
}

impl Env {
    /// Whether a login name is that of the context's own administrator, who is never touched.
    pub fn is_admin(&self, context: ContextId, names: &[&str]) -> bool {
        let login = match self.vault.find(Account::Context(context)) {
            Ok(Some(credentials)) => credentials.login,
            Ok(None) | Err(_) => self.policy.admin_login(context),
        };
        names.contains(&login.as_str())
    }

    /// A password that nobody knows, for users whose passwords are elsewhere.
    pub fn unknown_password() -> Secret {
        use rand::Rng;
        use rand::distr::Alphanumeric;
        Secret::new(
            rand::rng().sample_iter(Alphanumeric).take(48).map(char::from).collect::<String>(),
        )
    }
}

/// What is to be done in a lane.
#[derive(Debug, Clone)]
pub enum Job {
    /// A part of a queue item (all of it, if `sole`).
    Item {
        /// The queue file.
        name: ItemName,
        /// Digest of the file when it was routed.
        digest: [u8; 32],
        /// The context; none for work without one.
        context: Option<ContextId>,
        /// Whether no other part of the item is left.
        sole: bool,
        /// All contexts of the item.
        contexts: Vec<ContextId>,
        /// Attempts so far, this one included.
        attempt: u32,
        /// An earlier attempt may have had an effect that was not heard of.
        suspect: bool,
        /// An earlier run may have begun with it, or with one in whose place it is done, and been killed.
        maybe_begun: bool,
        /// Those of its contexts whose deletion waits behind it.
        doomed: Vec<ContextId>,
        /// Fault of the last attempt, for the record.
        last_fault: Option<(String, Option<String>)>,
        /// Earlier items in whose place it is done, oldest first.
        earlier: Vec<Earlier>,
    },
    /// A group or account to be looked at again in one context.
    Look {
        /// Which, and where.
        mark: Mark,
        /// An earlier attempt may have had an effect that was not heard of.
        suspect: bool,
        /// Whether OX is to be asked what it has, instead of going by what is remembered.
        repair: bool,
    },
}

/// An item that a later one has made pointless; it ends together with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earlier {
    /// The queue file.
    pub name: ItemName,
    /// Digest of the file when it was routed.
    pub digest: [u8; 32],
    /// An earlier run may have begun with it, and been killed before it could remember that.
    pub maybe_begun: bool,
}

impl Job {
    /// Whether it is done in the place of an item with which an earlier run may have begun: what is
    /// remembered of the object may not be what OX has.
    pub(crate) fn in_doubt(&self) -> bool {
        match self {
            Self::Item { earlier, .. } => earlier.iter().any(|item| item.maybe_begun),
            Self::Look { .. } => false,
        }
    }
}

/// How a part ended.
#[derive(Debug)]
pub enum Ended {
    /// Done and durable.
    Done {
        /// Whether OX was changed.
        applied: bool,
        /// Whether OX has answered anything.
        heard: bool,
        /// If not: why nothing was to do.
        why: &'static str,
        /// Members of a group or account who were left as they are, because items of theirs are set
        /// aside; to be looked at again when these are through.
        held: Vec<ObjectId>,
    },
    /// The queue file is not there any more: dropped by hand.
    Withdrawn,
    /// The queue file is not the one that was routed.
    Rewritten,
    /// Not done.
    Failed(Failure),
}

/// Why a part could not be done.
#[derive(Debug, Clone)]
pub struct Failure {
    /// What follows from it.
    pub verdict: Verdict,
    /// What happened, for people; without secrets.
    pub text: String,
    /// Class of OX's fault, or a word for drover's own.
    pub class: String,
    /// OX's exception id.
    pub exception_id: Option<String>,
    /// OX may have done it all the same.
    pub unknown_outcome: bool,
    /// OX refused to make what was written down as about to be made.
    pub not_made: bool,
    /// How long the answer asks to stay away.
    pub retry_after: Option<Duration>,
    /// The account whose credentials are missing.
    pub missing_key: Option<Account>,
    /// The memory failed: the engine must stop.
    pub fatal: bool,
}

impl Failure {
    /// Class of a queue file that cannot be used.
    pub const UNUSABLE: &str = "queue file";
    /// Class of a fault that says that another object has the name in OX: this one does not.
    pub const NAME_TAKEN: &str = "name taken";
    /// Class of a fault that says that a context is not in OX.
    pub const NO_CONTEXT: &str = "NoSuchContextException";

    fn lasting(class: &str, text: String) -> Self {
        Self {
            verdict: Verdict::Lasting,
            text,
            class: class.to_owned(),
            exception_id: None,
            unknown_outcome: false,
            not_made: false,
            retry_after: None,
            missing_key: None,
            fatal: false,
        }
    }

    /// A refusal by OX, or a call that did not come through.
    pub fn from_ox(error: &OxError) -> Self {
        let fault = error.fault();
        Self {
            verdict: verdict(error),
            text: error.to_string(),
            class: fault.map_or_else(
                || match error {
                    OxError::NotOffered { .. } => Self::NOT_OFFERED.to_owned(),
                    _ => "transport".to_owned(),
                },
                |fault| fault.exception.clone().unwrap_or_else(|| "undeclared".to_owned()),
            ),
            exception_id: fault.and_then(|fault| fault.exception_id.clone()),
            unknown_outcome: error.outcome_unknown(),
            not_made: false,
            retry_after: error.retry_after(),
            missing_key: match error {
                OxError::NoCredentials { account, .. } => Some(*account),
                _ => None,
            },
            fatal: false,
        }
    }

    /// A refusal by OX that means that a context is missing, whatever OX calls it.
    pub fn no_context(context: ContextId, error: &OxError) -> Self {
        Self::from_ox(error).in_no_context(context)
    }

    /// The same, told as what it is: the context is missing.
    #[must_use]
    pub fn in_no_context(self, context: ContextId) -> Self {
        if self.class == Self::NO_CONTEXT {
            return self;
        }
        let text = format!("context {context} is not in OX: {}", self.text);
        Self { class: Self::NO_CONTEXT.to_owned(), text, ..self }
    }

    /// Something about the object that drover found itself.
    pub fn problem(problem: &Problem) -> Self {
        let missing_key = match problem {
            Problem::ContextWithoutKey { context } => Some(Account::Context(*context)),
            _ => None,
        };
        let class = match problem {
            Problem::NameTaken { .. } => Self::NAME_TAKEN,
            _ => "object",
        };
        Self { missing_key, ..Self::lasting(class, problem.to_string()) }
    }

    /// Class of what OX does not have at all.
    pub const NOT_OFFERED: &'static str = "not offered";

    /// Whether another content of the credentials file may be the cure.
    pub fn is_about_a_key(&self) -> bool {
        self.missing_key.is_some() || self.class == "InvalidCredentialsException"
    }

    /// Whether OX was asked to do it, and does not want to.
    pub fn is_refusal(&self) -> bool {
        let own = [
            "object",
            "local",
            "state",
            "busy",
            "transport",
            Self::UNUSABLE,
            Self::NAME_TAKEN,
            Self::NOT_OFFERED,
        ];
        self.verdict == Verdict::Lasting && !own.contains(&self.class.as_str())
    }

    /// A queue file that cannot be used.
    pub fn unusable(text: String) -> Self {
        Self::lasting(Self::UNUSABLE, text)
    }

    /// A lasting fault of an earlier run.
    pub fn remembered(fault: &FaultRecord) -> Self {
        Self {
            exception_id: fault.exception_id.clone(),
            ..Self::lasting(&fault.class, fault.text.clone())
        }
    }

    /// Something on this machine is in the way: a file that cannot be read or written.
    pub fn local(text: String) -> Self {
        Self::lasting("local", text)
    }

    /// OX needs a moment.
    pub fn busy(text: String) -> Self {
        Self { verdict: Verdict::Busy, ..Self::lasting("busy", text) }
    }

    /// The memory failed.
    pub fn memory(error: &StoreError) -> Self {
        Self { fatal: true, ..Self::lasting("state", error.to_string()) }
    }

    /// An outcome could not be recorded.
    pub fn unrecorded(error: &RecordError) -> Self {
        Self { fatal: true, ..Self::lasting("state", error.to_string()) }
    }
}
