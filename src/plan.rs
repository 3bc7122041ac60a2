//! Decide, then do: what has to happen in OX so that one object is there as the directory wants it.
//!
//! Pure: no clock, no socket, no actor. Each kind of object has a *case*, which holds what is
//! desired, what was last provisioned, and whatever OX has answered meanwhile. Asked for the next
//! step, a case says: do this operation, ask this question, or done. What came of the step is told
//! to the case, and it is asked again. So the whole plan is a loop that converges, and the law it
//! has to keep is short: a case that starts from what an earlier run left behind has nothing to do.
//!
//! ```text
//! desired ──┐                 ┌── Do(operation) ── OX ── done / refused ──┐
//! placed  ──┼──► case.next() ─┼── Ask(question) ── OX ── answered ────────┼──► case.next() …
//! journey ──┘                 └── Done                                    │
//!                                   └─ case.changes(): what to remember ◄─┘
//! ```

//! # Outcomes that are not known
//!
//! OX finishes what it has received, also when its answer is lost. After such a try a case is
//! *suspect*, and OX is asked before anything is made:
//!
//! | operation | if it is done again although it was done |
//! |---|---|
//! | create context, user, group | would be refused in misleading words: asked for by name first; refused all the same (the first came through late): asked for once more, then taken for ours |
//! | create resource | could be made twice while the first is on its way: asked for several times |
//! | copy user | refused; the journey that was written down says that the copy is ours |
//! | change of a name | the old name is asked for first, and if it is gone, the new one |
//! | other changes, rights, sender name, capabilities, quotas, members | the same again: nothing happens |
//! | delete | is not there: done |
//! | shared accounts | asked for by name first, and written as a whole |
//! | create account | refused; the user's accounts are asked for, and ours is found |
//! | change, delete account | nothing there, or the same again |

pub mod account;
pub mod attributes;
pub mod coalesce;
pub mod context;
pub mod entitlement;
pub mod group;
pub mod resource;
pub mod shared_account;
pub mod user;

use crate::model::access::Contradiction;
use crate::model::{CapabilityChange, ContextId, ModuleAccess, ObjectId, OxId, UserFields};
use crate::ox::{
    AccountData, ContextData, DeputyRights, Grant, GroupData, OxAccount, OxDeputy, OxGroup,
    OxResource, OxSharedAccount, OxUser, ResourceData, SharedAccountData, Target,
};
use crate::store::{Change, Journey};

/// One verb that changes OX (or, for a journey, drover's own memory before OX is changed).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// Create a context; the administrator's name and password come from the credentials file.
    ContextCreate {
        /// The context.
        data: ContextData,
    },
    /// Change a context.
    ContextChange {
        /// The context.
        data: ContextData,
    },
    /// Let people log in to a context, or keep them out.
    ContextEnable {
        /// Which.
        context: ContextId,
        /// Whether they may.
        enabled: bool,
    },
    /// Grant and deny capabilities to a context.
    ContextCapabilities {
        /// Which.
        context: ContextId,
        /// What is to be other than it was.
        change: CapabilityChange,
    },
    /// Set the quota of a context's module.
    ContextQuota {
        /// Which.
        context: ContextId,
        /// Name of the module.
        module: String,
        /// Its quota, -1 = unlimited.
        quota: i64,
    },
    /// Delete a context and all it holds.
    ContextDelete {
        /// Which.
        context: ContextId,
    },
    /// Create a user with its rights. The password is added on the way out.
    UserCreate {
        /// Where.
        context: ContextId,
        /// All fields.
        fields: UserFields,
        /// All rights.
        access: ModuleAccess,
    },
    /// Change some fields of a user.
    UserChange {
        /// Where.
        context: ContextId,
        /// Whom.
        user: Target,
        /// The fields.
        fields: UserFields,
    },
    /// Set a user's rights.
    UserAccess {
        /// Where.
        context: ContextId,
        /// Whom.
        user: Target,
        /// All rights.
        access: ModuleAccess,
    },
    /// Set the name under which a user sends mail.
    UserSenderName {
        /// Where.
        context: ContextId,
        /// Whom.
        user: Target,
        /// The name; empty takes it away.
        name: String,
    },
    /// Make a user the deputy of another.
    DeputyGrant {
        /// Where.
        context: ContextId,
        /// For whom he may act.
        user: OxId,
        /// Who.
        deputy: OxId,
        /// How far.
        rights: DeputyRights,
    },
    /// Change how far a deputy may act.
    DeputyUpdate {
        /// Where.
        context: ContextId,
        /// For whom he may act.
        user: OxId,
        /// OX's name of the grant.
        grant: String,
        /// Who.
        deputy: OxId,
        /// How far.
        rights: DeputyRights,
    },
    /// Take a deputy from a user.
    DeputyRevoke {
        /// Where.
        context: ContextId,
        /// From whom.
        user: OxId,
        /// OX's name of the grant.
        grant: String,
        /// Whom.
        deputy: OxId,
    },
    /// Take all deputies from a user.
    DeputiesRevokeAll {
        /// Where.
        context: ContextId,
        /// From whom.
        user: OxId,
    },
    /// Bar a user from choosing deputies himself, or let him.
    DeputiesBar {
        /// Where.
        context: ContextId,
        /// Whom.
        user: OxId,
        /// Whether he is barred.
        barred: bool,
    },
    /// Grant and deny capabilities to a user.
    UserCapabilities {
        /// Where.
        context: ContextId,
        /// Whom.
        user: Target,
        /// What is to be other than it was.
        change: CapabilityChange,
    },
    /// Delete a user.
    UserDelete {
        /// Where.
        context: ContextId,
        /// Whom.
        user: Target,
        /// Who gets his data; none = the context's administrator.
        heir: Option<OxId>,
    },
    /// Write down, durably, that the copy is about to be made.
    JourneyBegin {
        /// The journey.
        journey: Journey,
    },
    /// Copy a user into another context.
    UserCopy {
        /// Its number in the old context.
        user: OxId,
        /// Old context.
        from: ContextId,
        /// New context.
        to: ContextId,
    },
    /// Create a group.
    GroupCreate {
        /// Where.
        context: ContextId,
        /// Name and all members.
        data: GroupData,
    },
    /// Change a group.
    GroupChange {
        /// Where.
        context: ContextId,
        /// Which.
        group: Target,
        /// Name and all members.
        data: GroupData,
    },
    /// Add members to a group.
    GroupAdd {
        /// Where.
        context: ContextId,
        /// Which.
        group: Target,
        /// Whom; none is in it, as far as is known. The calls name them by login.
        members: Vec<OxId>,
    },
    /// Remove members from a group.
    GroupRemove {
        /// Where.
        context: ContextId,
        /// Which.
        group: Target,
        /// Whom. The calls name them by login.
        members: Vec<OxId>,
    },
    /// Delete a group.
    GroupDelete {
        /// Where.
        context: ContextId,
        /// Which.
        group: Target,
    },
    /// Create a resource.
    ResourceCreate {
        /// Where.
        context: ContextId,
        /// Its values.
        data: ResourceData,
    },
    /// Change a resource.
    ResourceChange {
        /// Where.
        context: ContextId,
        /// Which.
        resource: Target,
        /// The values that change.
        data: ResourceData,
    },
    /// Delete a resource.
    ResourceDelete {
        /// Where.
        context: ContextId,
        /// Which.
        resource: Target,
    },
    /// Create a shared account.
    SharedAccountCreate {
        /// Where.
        context: ContextId,
        /// Its values.
        data: SharedAccountData,
    },
    /// Change a shared account.
    SharedAccountChange {
        /// Where.
        context: ContextId,
        /// Which.
        account: OxId,
        /// All its values.
        data: SharedAccountData,
    },
    /// Make a user into a shared account.
    SharedAccountConvert {
        /// Where.
        context: ContextId,
        /// Whom.
        user: OxId,
    },
    /// Say who may use a shared account.
    SharedAccountGrant {
        /// Where.
        context: ContextId,
        /// Which.
        account: OxId,
        /// Who, and how; nobody else.
        grants: Vec<Grant>,
    },
    /// Delete a shared account.
    SharedAccountDelete {
        /// Where.
        context: ContextId,
        /// Which.
        account: OxId,
    },
    /// Give users a secondary account.
    AccountCreate {
        /// Where.
        context: ContextId,
        /// The account.
        data: AccountData,
        /// Whom.
        users: Vec<OxId>,
    },
    /// Change users' secondary account.
    AccountUpdate {
        /// Where.
        context: ContextId,
        /// The account.
        data: AccountData,
        /// Whose.
        users: Vec<OxId>,
    },
    /// Take a secondary account from users.
    AccountDelete {
        /// Where.
        context: ContextId,
        /// Its address.
        address: String,
        /// From whom.
        users: Vec<OxId>,
    },
}

/// What OX has to be asked before the next operation can be chosen.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Question {
    /// What is this context like?
    Context(ContextId),
    /// Do our credentials open this context?
    Login(ContextId),
    /// Who is this user?
    User(ContextId, Target),
    /// Who gets this user's data?
    Heir(ContextId, String),
    /// What is this group like?
    Group(ContextId, String),
    /// What is this resource like?
    Resource(ContextId, String),
    /// What is the shared account of this name like?
    SharedAccount(ContextId, String),
    /// Which secondary accounts does this user have?
    Accounts(ContextId, OxId),
    /// Which users are there at all?
    UserIds(ContextId),
    /// Which deputies does this user have?
    Deputies(ContextId, OxId),
    /// Which number has the user of this login, whom drover knows?
    Number(ContextId, String),
}

/// OX's answer to a [`Question`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// There is no such thing.
    Absent,
    /// There is, and no more is to be said.
    Present,
    /// There is, and it is another object of the directory.
    Foreign(ObjectId),
    /// A context.
    Context(ContextData),
    /// A user.
    User(OxUser),
    /// A group.
    Group(OxGroup),
    /// A resource.
    Resource(OxResource),
    /// A shared account.
    SharedAccount(OxSharedAccount),
    /// Accounts.
    Accounts(Vec<OxAccount>),
    /// Numbers of users.
    UserIds(Vec<OxId>),
    /// Deputies, of this user and of others.
    Deputies(Vec<OxDeputy>),
    /// A number.
    Number(OxId),
}

/// What an operation gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Done.
    Done,
    /// Done, and this is the new object's number.
    Id(OxId),
    /// A user was made and has this number, but his rights are still to be set.
    WithoutRights(OxId),
    /// There was nothing to do it to (accounts only).
    NothingThere,
    /// Done, and this is OX's name of what was granted.
    Grant(String),
}

/// Why OX did not do an operation, as far as a plan can make something of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The object itself is not there.
    Missing,
    /// A context is not there; its number, if OX said which.
    ContextMissing(Option<ContextId>),
    /// A user named in the request (a member) is not there.
    MemberMissing,
    /// Something of that name or address is there already.
    Exists,
    /// Anything else.
    Other,
}

/// What a case wants next.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// Do this.
    Do(Operation),
    /// Find this out.
    Ask(Question),
    /// Nothing is left to do. `why` says why if nothing was done at all.
    Done {
        /// A sentence fragment for people, such as "is no OX user".
        why: &'static str,
    },
    /// It cannot be done until the directory or OX is put right.
    Stuck(Problem),
}

/// Why an object cannot be provisioned, found by drover itself rather than by OX.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The access profile is not known.
    #[error(
        "unknown access profile \"{name}\"{suggestion}; known profiles: {known}. Create the \
         profile, or correct oxAccess"
    )]
    UnknownProfile {
        /// Name on the user.
        name: String,
        /// `, did you mean "pim"?` or nothing.
        suggestion: String,
        /// Known names, comma-separated.
        known: String,
    },
    /// The access profile grants what OX does not grant together.
    #[error(
        "access profile \"{name}\" {why} for every user; make a profile without one of them, and give \
         it to those who have this one"
    )]
    ImpossibleProfile {
        /// Its name.
        name: String,
        /// What excludes each other.
        why: Contradiction,
    },
    /// Fields that OX insists on are missing.
    #[error("OX wants {fields} for a new user; set them in the directory")]
    MissingFields {
        /// Comma-separated.
        fields: String,
    },
    /// Values that do not fit into their fields.
    #[error("{told}. Shorten them in the directory{cut}")]
    TooLong {
        /// Which, how long they are and how much fits, separated by semicolons.
        told: String,
        /// What else would help, as the end of that sentence.
        cut: &'static str,
    },
    /// The user cannot be named.
    #[error("{0}")]
    Unnamed(String),
    /// The login template of functional accounts cannot be filled in.
    #[error("login of the functional account: {0}")]
    Template(String),
    /// A context exists, but drover has no key to it.
    #[error(
        "context {context} exists in OX, but the credentials file has no working entry for it; add \
         its administrator's \"adminuser\" and \"adminpass\" under \"{context}\""
    )]
    ContextWithoutKey {
        /// Which.
        context: ContextId,
    },
    /// Removing the account would destroy a user's own mailbox entry.
    #[error(
        "{address} is the primary address of user {user} in context {context}; removing the \
         functional account there would destroy that user's own mail account. Give one of them \
         another address"
    )]
    AccountIsPrimary {
        /// The address (people's data; shown to operators with the item only).
        address: String,
        /// OX's number of the user.
        user: OxId,
        /// The context.
        context: ContextId,
    },
    /// The name is still taken by another object of the directory.
    #[error(
        "the name is still taken in context {context} by object {owner} of the directory; it is \
         free as soon as that object's rename or deletion is through"
    )]
    NameTaken {
        /// The context.
        context: ContextId,
        /// Whose name it is.
        owner: ObjectId,
    },
    /// Members are not in OX as remembered.
    #[error(
        "OX does not know {count} of the group's members in context {context} under the numbers or \
         names remembered for them"
    )]
    MembersUnknown {
        /// The context.
        context: ContextId,
        /// How many.
        count: usize,
    },
    /// The user is in both contexts between which he is to move.
    #[error(
        "a user of that name is in both contexts: number {from_ox} in context {from}, which the user \
         is to leave, and number {to_ox} in context {to}, where he is to go. Nothing was changed. \
         Decide whose mail and data are to be kept, and delete the other account in OX (the one in \
         context {to}: the user is copied there; the one in context {from}: the account in context \
         {to} is taken over); the move then goes on by itself"
    )]
    InBothContexts {
        /// The context to leave.
        from: ContextId,
        /// OX's number of the user there.
        from_ox: OxId,
        /// The context to go to.
        to: ContextId,
        /// OX's number of the user there.
        to_ox: OxId,
    },
    /// Another object of the directory is the context of that number.
    #[error(
        "two contexts of the directory have the number {context}: {here} and {there}; the second one is \
         what is in OX. Give one of them another number, or delete it"
    )]
    ContextTwice {
        /// The number.
        context: ContextId,
        /// DN of the one that is refused.
        here: String,
        /// DN of the one that is there.
        there: String,
    },
    /// Deleting a context would destroy what is never to be touched.
    #[error(
        "context {context} holds {count} protected objects, which would be destroyed with it ({first}). \
         Nothing was changed. Take them out of the settings' section [protect], or move them to another \
         context; the deletion then goes on by itself after the restart"
    )]
    HoldsProtected {
        /// The context.
        context: ContextId,
        /// How many.
        count: usize,
        /// Ids of the first ones, comma-separated.
        first: String,
    },
    /// Nobody is there to inherit a user's data.
    #[error(
        "the user's data are to go to \"{heir}\" when he is deleted, and context {context} has no such \
         user. Nothing was deleted. Make that user in OX; if the name comes from the setting mapping.heir, \
         it can be corrected there"
    )]
    NoHeir {
        /// The context.
        context: ContextId,
        /// Whom it should have been.
        heir: String,
    },
    /// A shared account is to be in another context than it is.
    #[error(
        "the shared account is in context {from}, and OX cannot move it to context {to}; its mail would \
         be lost. Set its oxContext back to {from}, or delete it and make another one"
    )]
    SharedAccountElsewhere {
        /// Where it is.
        from: ContextId,
        /// Where it is wanted.
        to: ContextId,
    },
    /// A user is to become a shared account, and his number is not known.
    #[error(
        "the user of context {context} who is to become a shared account has no known number in OX; \
         rebuild the numbers of that context, or make the account anew"
    )]
    UserWithoutNumber {
        /// The context.
        context: ContextId,
    },
    /// A deputy cannot be read.
    #[error(
        "entry {place} of oxDeputyPermissionGivenTo is not understood: expected the deputy's DN, what he \
         may do with mail and calendar (five figures each, such as 02400), and whether he sends on behalf"
    )]
    DeputyEntry {
        /// Which entry, from 1.
        place: usize,
    },
    /// A resource lacks its mail address.
    #[error("OX wants a mail address for a new resource; set resourceMailAddress")]
    ResourceWithoutAddress,
}

/// One object on its way to being as desired in one context (in two, while it moves).
pub trait Case: Send {
    /// The next step, from all that is known now. Asking twice gives the same answer.
    fn next(&self) -> Next;

    /// An operation was done.
    fn done(&mut self, operation: &Operation, reply: Reply);

    /// OX refused an operation. True: the case has drawn its conclusion and is to be asked again.
    /// False: it knows no way on; the fault stands.
    fn refused(&mut self, operation: &Operation, refusal: Refusal) -> bool;

    /// A question was answered.
    fn answered(&mut self, question: &Question, answer: Answer);

    /// What has to be remembered of all that was learnt since the start.
    fn changes(&self) -> Vec<Change>;

    /// Whether anything in OX was changed.
    fn applied(&self) -> bool;

    /// Whether something that drover did not make was taken over.
    fn adopted(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests;
