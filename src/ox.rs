//! What drover may ask of OX: one trait of typed verbs, and what can go wrong.
//!
//! The engine knows only this trait. `ox/client.rs` implements it over SOAP; tests and simulations
//! may implement it in memory. Which credentials a verb needs is the implementation's business:
//! the master account for contexts and copies, the context's own administrator for all else.

mod call;
pub mod client;
mod context;
mod deputy;
mod envelope;
mod excerpt;
mod existing;
mod fault;
#[cfg(test)]
mod fuzz;
mod group;
mod hint;
pub mod limiter;
pub mod parts;
mod resource;
mod secondary_account;
mod shared_account;
mod user;
mod user_copy;

pub use client::{ClientError, ClientSettings, Deadlines, SoapClient};
pub use deputy::{DeputyLevel, DeputyRights, OxDeputy};
pub use existing::Existing;
pub use hint::{guest_in_the_way, server_setting};

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

use crate::model::{CapabilityChange, ContextId, ModuleAccess, OxId, Secret, UserFields};

/// A user, group or resource inside a context, by number or by name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Target {
    /// By OX's number.
    Id(OxId),
    /// By its name. User names are compared with case, all others without.
    Name(String),
}

/// A context as it is to be written. `None` leaves the value in OX as it is (change) or to OX's
/// default (create).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextData {
    /// Its number.
    pub id: ContextId,
    /// Its name.
    pub name: Option<String>,
    /// Quota in MB; -1 = unlimited.
    pub max_quota_mb: Option<i64>,
    /// Names by which users reach the context at login; empty = not sent.
    pub login_mappings: Vec<String>,
    /// Whether the context is enabled; OX looks at it on create only.
    pub enabled: Option<bool>,
}

/// Name and password of an OX administrator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Login name.
    pub login: String,
    /// Password.
    pub password: Secret,
}

/// A user as OX answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OxUser {
    /// OX's number.
    pub id: OxId,
    /// Everything OX said, fields without value left out.
    pub fields: UserFields,
}

impl OxUser {
    /// The login name, empty if OX did not say it.
    pub fn name(&self) -> &str {
        self.fields.text("name").unwrap_or_default()
    }
}

/// A group as it is to be written, or as OX answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupData {
    /// Its name.
    pub name: String,
    /// Its display name.
    pub display_name: String,
    /// All members. There is no "unchanged": a change without members empties the group.
    pub members: Vec<OxId>,
}

/// A group as OX answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OxGroup {
    /// OX's number.
    pub id: OxId,
    /// Name, display name, members.
    pub data: GroupData,
}

/// A resource as it is to be written. `None` = not sent.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct ResourceData {
    /// Name.
    pub name: Option<String>,
    /// Display name.
    pub display_name: Option<String>,
    /// Description; empty clears it.
    pub description: Option<String>,
    /// Mail address.
    pub email: Option<String>,
    /// Whether it can be booked.
    pub available: Option<bool>,
}

/// A resource as OX answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OxResource {
    /// OX's number.
    pub id: OxId,
    /// Its data.
    pub data: ResourceData,
}

/// A secondary mail account as it is to be written for some users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountData {
    /// Name shown in the mail client.
    pub name: String,
    /// Its address, the key of the account.
    pub address: String,
    /// Sender name; `None` = not sent, empty clears it on update.
    pub personal: Option<String>,
    /// Login at the mail server.
    pub login: String,
}

/// A secondary account as OX lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OxAccount {
    /// Whose account it is.
    pub user: OxId,
    /// Its data; `personal` absent if OX has none.
    pub data: AccountData,
}

/// A mail server of a shared account.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct SharedServer {
    /// Host name; empty = not sent.
    pub host: String,
    /// Port; none = left to OX.
    pub port: Option<u16>,
    /// Scheme without `://`.
    pub scheme: String,
}

/// A shared account as it is to be written, always as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct SharedAccountData {
    /// Name.
    pub name: String,
    /// Shown name.
    pub display_name: String,
    /// Mail address.
    pub address: String,
    /// Language.
    pub language: String,
    /// Time zone.
    pub timezone: String,
    /// For reading mail.
    pub imap: SharedServer,
    /// For sending mail.
    pub smtp: SharedServer,
}

/// A shared account as OX answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OxSharedAccount {
    /// OX's number.
    pub id: OxId,
    /// Name.
    pub name: String,
    /// Shown name, if OX said it.
    pub display_name: Option<String>,
    /// Mail address, if OX said it.
    pub address: Option<String>,
}

/// What some users and groups may do with a shared account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Grant {
    /// With its mail: `none`, `viewer`, `editor` or `author`.
    pub mail: String,
    /// With its calendar, likewise.
    pub calendar: String,
    /// What else, such as `sendAs`.
    pub capabilities: std::collections::BTreeSet<String>,
    /// Which users, all of the account's context.
    pub users: std::collections::BTreeSet<OxId>,
    /// Which groups.
    pub groups: std::collections::BTreeSet<OxId>,
}

impl Grant {
    /// Nobody may do anything.
    pub fn nothing() -> Self {
        let none = || "none".to_owned();
        Self {
            mail: none(),
            calendar: none(),
            capabilities: std::collections::BTreeSet::new(),
            users: std::collections::BTreeSet::new(),
            groups: std::collections::BTreeSet::new(),
        }
    }
}

/// How a server makes a guest into the user who is created with the guest's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GuestConversion {
    /// Not at all, as far as is known.
    #[default]
    None,
    /// When the user is created together with his rights.
    WithRights,
    /// Only when the user is created without them.
    Alone,
}

/// The verbs a plan may use.
///
/// Every verb is one SOAP call. Errors: see [`OxError`]; "not there" is an error of class
/// [`FaultClass::NoSuchUser`] and so on, except where the result type says otherwise.
#[async_trait]
pub trait OxApi: Send + Sync + 'static {
    /// Whether the context exists (`OXContextService.exists`, master).
    async fn context_exists(&self, context: ContextId) -> Result<bool, OxError>;
    /// Name, quota and login mappings of a context (`getData`, master).
    async fn context_get(&self, context: ContextId) -> Result<ContextData, OxError>;
    /// Creates a context with its administrator (`create`, master). `admin` holds all fields of the
    /// administrator but name and password, which come from `credentials`.
    async fn context_create(
        &self,
        context: &ContextData,
        admin: &UserFields,
        credentials: &Credentials,
    ) -> Result<(), OxError>;
    /// Changes a context (`change`, master).
    async fn context_change(&self, context: &ContextData) -> Result<(), OxError>;
    /// Lets people log in to a context, or keeps them out (`enable`, `disable`, master).
    async fn context_enable(&self, context: ContextId, enabled: bool) -> Result<(), OxError>;
    /// Grants and denies capabilities to a context (`changeCapabilities`, master).
    async fn context_capabilities(
        &self,
        context: ContextId,
        change: &CapabilityChange,
    ) -> Result<(), OxError>;
    /// Sets the quota of one module of a context, -1 for none (`changeQuota`, master).
    async fn context_quota(
        &self,
        context: ContextId,
        module: &str,
        quota: i64,
    ) -> Result<(), OxError>;
    /// Deletes a context with all it holds (`delete`, master).
    async fn context_delete(&self, context: ContextId) -> Result<(), OxError>;

    /// Whether a user of that number, login name or display name exists (`OXUserService.exists`).
    async fn user_exists(&self, context: ContextId, user: &Target) -> Result<bool, OxError>;
    /// A user with all fields (`getData`).
    async fn user_get(&self, context: ContextId, user: &Target) -> Result<OxUser, OxError>;
    /// Several users with all fields (`getMultipleData`); any missing one faults the whole call.
    async fn user_get_many(
        &self,
        context: ContextId,
        users: &[Target],
    ) -> Result<Vec<OxUser>, OxError>;
    /// Numbers of users whose login or display name matches a pattern, `*` for all (`list`).
    async fn user_list(&self, context: ContextId, pattern: &str) -> Result<Vec<OxId>, OxError>;
    /// A user's module rights (`getModuleAccess`).
    async fn user_access(&self, context: ContextId, user: &Target)
    -> Result<ModuleAccess, OxError>;
    /// Creates a user together with its rights (`createByModuleAccess`); answers its number.
    async fn user_create(
        &self,
        context: ContextId,
        user: &UserFields,
        access: ModuleAccess,
    ) -> Result<OxId, OxError>;
    /// How OX converts guests. It is asked again now and then: servers are updated.
    async fn guest_conversion(&self) -> GuestConversion {
        GuestConversion::None
    }
    /// Like [`OxApi::user_create`], and a guest of the same address becomes the user. Without rights
    /// (`create`) he gets some by OX's choice, to be set by [`OxApi::user_change_access`].
    /// Only if [`OxApi::guest_conversion`] says that OX can.
    async fn user_create_converting(
        &self,
        _context: ContextId,
        _user: &UserFields,
        _access: Option<ModuleAccess>,
    ) -> Result<OxId, OxError> {
        let operation = "OXUserService.create";
        Err(OxError::NotOffered { operation, since: "8.36.36" })
    }
    /// Shared accounts; none if this OX never has them.
    fn shared_accounts(&self) -> Option<&(dyn SharedAccounts + Send + Sync)> {
        None
    }
    /// Deputies of users; none if this OX never has them.
    fn deputies(&self) -> Option<&(dyn Deputies + Send + Sync)> {
        None
    }
    /// Changes the given fields of a user (`change`). A `name` among them other than the target's
    /// is a rename and needs the target by number.
    async fn user_change(
        &self,
        context: ContextId,
        user: &Target,
        fields: &UserFields,
    ) -> Result<(), OxError>;
    /// Sets all 26 rights of a user (`changeByModuleAccess`).
    async fn user_change_access(
        &self,
        context: ContextId,
        user: &Target,
        access: ModuleAccess,
    ) -> Result<(), OxError>;
    /// Sets the name under which a user sends mail (`changeMailAddressPersonal`); empty takes it away.
    async fn user_sender_name(
        &self,
        context: ContextId,
        user: &Target,
        name: &str,
    ) -> Result<(), OxError>;
    /// Grants and denies capabilities to a user (`changeCapabilities`).
    async fn user_capabilities(
        &self,
        context: ContextId,
        user: &Target,
        change: &CapabilityChange,
    ) -> Result<(), OxError>;
    /// Deletes a user (`delete`). His data go to the heir, to the context's administrator without one.
    async fn user_delete(
        &self,
        context: ContextId,
        user: &Target,
        heir: Option<OxId>,
    ) -> Result<(), OxError>;
    /// Copies a user into another context (`OXUserCopyService.copyUser`, master); answers its
    /// number there.
    async fn user_copy(&self, user: OxId, from: ContextId, to: ContextId) -> Result<OxId, OxError>;

    /// A group with its members (`OXGroupService.getData`).
    async fn group_get(&self, context: ContextId, group: &Target) -> Result<OxGroup, OxError>;
    /// All groups that hold a user, group 1 included (`listGroupsForUser`).
    async fn groups_of_user(&self, context: ContextId, user: OxId)
    -> Result<Vec<OxGroup>, OxError>;
    /// Creates a group; answers its number.
    async fn group_create(&self, context: ContextId, group: &GroupData) -> Result<OxId, OxError>;
    /// Changes a group; replaces its whole member list. A group that is addressed by name keeps that
    /// name, which then stands in `data` as well; a rename needs the number.
    async fn group_change(
        &self,
        context: ContextId,
        group: &Target,
        data: &GroupData,
    ) -> Result<(), OxError>;
    /// Deletes a group.
    async fn group_delete(&self, context: ContextId, group: &Target) -> Result<(), OxError>;
    /// Adds members, who must be different; none are added, and it faults, if one is in it already.
    async fn group_add(
        &self,
        context: ContextId,
        group: &Target,
        members: &[Target],
    ) -> Result<(), OxError>;
    /// Removes members; those who are not in it do not matter, but all must be in the context.
    async fn group_remove(
        &self,
        context: ContextId,
        group: &Target,
        members: &[Target],
    ) -> Result<(), OxError>;

    /// A resource (`OXResourceService.getData`).
    async fn resource_get(
        &self,
        context: ContextId,
        resource: &Target,
    ) -> Result<OxResource, OxError>;
    /// Creates a resource; answers its number.
    async fn resource_create(
        &self,
        context: ContextId,
        resource: &ResourceData,
    ) -> Result<OxId, OxError>;
    /// Changes the given values of a resource.
    async fn resource_change(
        &self,
        context: ContextId,
        resource: &Target,
        data: &ResourceData,
    ) -> Result<(), OxError>;
    /// Deletes a resource.
    async fn resource_delete(&self, context: ContextId, resource: &Target) -> Result<(), OxError>;

    /// Secondary accounts of the given users, of all users if none is given
    /// (`OXSecondaryAccountService.list`).
    async fn account_list(
        &self,
        context: ContextId,
        users: &[OxId],
    ) -> Result<Vec<OxAccount>, OxError>;
    /// Gives each of the users the account, with the mail server of their primary account; all or
    /// none.
    async fn account_create(
        &self,
        context: ContextId,
        account: &AccountData,
        users: &[OxId],
    ) -> Result<(), OxError>;
    /// Changes name, sender name and login of the account with that address; false if none of the
    /// users has it.
    async fn account_update(
        &self,
        context: ContextId,
        account: &AccountData,
        users: &[OxId],
    ) -> Result<bool, OxError>;
    /// Takes the account with that address from the users; false if none has it.
    ///
    /// Never call it with an address that is a user's own primary one: OX would destroy that user's
    /// mail account.
    async fn account_delete(
        &self,
        context: ContextId,
        address: &str,
        users: &[OxId],
    ) -> Result<bool, OxError>;
}

/// Shared accounts, which not every server has.
///
/// Every verb is one SOAP call; where OX does not have the service it is [`OxError::NotOffered`].
#[async_trait]
pub trait SharedAccounts {
    /// A shared account by name or number (`OXSharedAccountService.getData`).
    async fn shared_account_get(
        &self,
        context: ContextId,
        account: &Target,
    ) -> Result<OxSharedAccount, OxError>;
    /// All shared accounts of a context (`list`).
    async fn shared_account_list(
        &self,
        context: ContextId,
    ) -> Result<Vec<OxSharedAccount>, OxError>;
    /// Creates a shared account, which nobody may use; answers its number.
    async fn shared_account_create(
        &self,
        context: ContextId,
        account: &SharedAccountData,
    ) -> Result<OxId, OxError>;
    /// Changes a shared account.
    async fn shared_account_change(
        &self,
        context: ContextId,
        id: OxId,
        account: &SharedAccountData,
    ) -> Result<(), OxError>;
    /// Deletes a shared account.
    async fn shared_account_delete(&self, context: ContextId, id: OxId) -> Result<(), OxError>;
    /// Makes a user into a shared account, which keeps his number.
    async fn shared_account_convert(&self, context: ContextId, user: OxId) -> Result<(), OxError>;
    /// Says who may use a shared account; replaces what was said before.
    async fn shared_account_grant(
        &self,
        context: ContextId,
        id: OxId,
        grants: &[Grant],
    ) -> Result<(), OxError>;
}

/// Deputies of users, which not every server has.
///
/// But for the first, every verb is one SOAP call; where OX does not have the service those that change
/// something are [`OxError::NotOffered`].
#[async_trait]
pub trait Deputies {
    /// Whether OX has them. It is asked again now and then: servers are updated.
    async fn deputies_offered(&self) -> Result<bool, OxError>;
    /// All deputies of all users of a context (`OXDeputyPermissionsService.list`).
    async fn deputies_list(&self, context: ContextId) -> Result<Vec<OxDeputy>, OxError>;
    /// Makes one user the deputy of another (`grant`); answers OX's name of the grant.
    async fn deputy_grant(
        &self,
        context: ContextId,
        user: OxId,
        deputy: OxId,
        rights: DeputyRights,
    ) -> Result<String, OxError>;
    /// Changes how far a deputy may act (`update`).
    async fn deputy_update(
        &self,
        context: ContextId,
        user: OxId,
        grant: &str,
        deputy: OxId,
        rights: DeputyRights,
    ) -> Result<(), OxError>;
    /// Takes one deputy from a user (`revoke`).
    async fn deputy_revoke(
        &self,
        context: ContextId,
        user: OxId,
        grant: &str,
    ) -> Result<(), OxError>;
    /// Takes all deputies from a user (`revokeAll`).
    async fn deputies_revoke_all(&self, context: ContextId, user: OxId) -> Result<(), OxError>;
    /// Bars a user from choosing deputies himself (`blockManual`), or lets him (`unblockManual`).
    async fn deputies_bar(
        &self,
        context: ContextId,
        user: OxId,
        barred: bool,
    ) -> Result<(), OxError>;
}

/// Class of a fault: the exception named in its `detail`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FaultClass {
    /// `InvalidCredentialsException`
    InvalidCredentials,
    /// `InvalidDataException`
    InvalidData,
    /// `NoSuchContextException`
    NoSuchContext,
    /// `NoSuchUserException`
    NoSuchUser,
    /// `NoSuchGroupException`
    NoSuchGroup,
    /// `NoSuchResourceException`
    NoSuchResource,
    /// `ContextExistsException`
    ContextExists,
    /// `UserExistsException`
    UserExists,
    /// `StorageException`
    Storage,
    /// Another exception that is named in the detail.
    Other,
    /// No detail: the server could not read the message, or failed without an OX exception.
    Undeclared,
}

/// A SOAP fault: OX's refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What kind of refusal.
    pub class: FaultClass,
    /// Name of the exception in the detail, if any.
    pub exception: Option<String>,
    /// The text, without the varying `; exceptionId …` tails.
    pub text: String,
    /// The first exception id, by which the server's log can be searched.
    pub exception_id: Option<String>,
    /// `faultcode`, such as `soap:Server`.
    pub code: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        match (&self.exception, &self.exception_id) {
            (Some(exception), Some(id)) => write!(f, " ({exception}, exceptionId {id})"),
            (Some(exception), None) => write!(f, " ({exception})"),
            (None, Some(id)) => write!(f, " (exceptionId {id})"),
            (None, None) => Ok(()),
        }
    }
}

/// Why a call did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OxError {
    /// OX answered with a fault. Nothing was changed.
    #[error("OX refused {operation}: {fault}")]
    Fault {
        /// Service and operation, such as `OXUserService.change`.
        operation: &'static str,
        /// The fault.
        fault: Fault,
    },
    /// No connection could be made, so nothing was sent.
    #[error("cannot reach OX for {operation}: {reason}")]
    Unreachable {
        /// Service and operation.
        operation: &'static str,
        /// The transport's words.
        reason: String,
    },
    /// The request may have been sent, but no answer came, or none that is whole: OX may or may not
    /// have done it.
    #[error("no answer from OX to {operation}: {reason}")]
    Lost {
        /// Service and operation.
        operation: &'static str,
        /// The transport's words, or the deadline that passed.
        reason: String,
    },
    /// An HTTP answer that is not SOAP: a proxy's page, a service that is not there.
    #[error("OX answered {operation} with HTTP status {status}: {reason}")]
    Http {
        /// Service and operation.
        operation: &'static str,
        /// HTTP status code.
        status: u16,
        /// Start of the page, without markup.
        reason: String,
        /// How long the page asks to stay away (`Retry-After`).
        retry_after: Option<Duration>,
    },
    /// A whole answer that could not be understood; OX may have done what it was asked. One that is
    /// empty or breaks off is [`OxError::Lost`].
    #[error("OX's answer to {operation} is not understood: {reason}")]
    Garbled {
        /// Service and operation.
        operation: &'static str,
        /// What was wrong with it.
        reason: String,
    },
    /// A value that cannot be put on the wire, so nothing was sent.
    #[error("cannot send {operation}: {field} {reason}")]
    Unwritable {
        /// Service and operation.
        operation: &'static str,
        /// Name of the field that holds the value.
        field: &'static str,
        /// What is wrong with it, completing "the field …"; never the value itself.
        reason: String,
    },
    /// OX does not have what is to be called, so nothing was sent.
    #[error("OX does not offer {operation}, which came with OX {since}")]
    NotOffered {
        /// Service and operation.
        operation: &'static str,
        /// Version from which on OX has it.
        since: &'static str,
    },
    /// drover has no credentials for the account that this call needs.
    #[error("no credentials for {account} (needed for {operation})")]
    NoCredentials {
        /// Service and operation.
        operation: &'static str,
        /// `master` or `context 20`.
        account: Account,
    },
    /// The credentials file cannot be read.
    #[error("cannot read the credentials file for {operation}: {reason}")]
    CredentialsUnreadable {
        /// Service and operation.
        operation: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

/// Whose credentials a call needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Account {
    /// The master administrator.
    Master,
    /// The administrator of a context.
    Context(ContextId),
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Master => f.write_str("the master administrator"),
            Self::Context(context) => write!(f, "the administrator of context {context}"),
        }
    }
}

impl OxError {
    /// Service and operation that failed.
    pub fn operation(&self) -> &'static str {
        match self {
            Self::Fault { operation, .. }
            | Self::Unreachable { operation, .. }
            | Self::Lost { operation, .. }
            | Self::Http { operation, .. }
            | Self::Garbled { operation, .. }
            | Self::Unwritable { operation, .. }
            | Self::NotOffered { operation, .. }
            | Self::NoCredentials { operation, .. }
            | Self::CredentialsUnreadable { operation, .. } => operation,
        }
    }

    /// The fault, if OX answered with one.
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Fault { fault, .. } => Some(fault),
            _ => None,
        }
    }

    /// How long the answer asks to stay away, if it does.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Http { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Whether OX may have done what it was asked although no clear answer came. Then it has to be
    /// asked before anything else is done to that object.
    pub fn outcome_unknown(&self) -> bool {
        match self {
            Self::Lost { .. } | Self::Garbled { .. } | Self::Http { .. } => true,
            Self::Fault { .. }
            | Self::Unreachable { .. }
            | Self::Unwritable { .. }
            | Self::NotOffered { .. }
            | Self::NoCredentials { .. }
            | Self::CredentialsUnreadable { .. } => false,
        }
    }
}

/// Where credentials come from; asked at every call, so that a changed file takes effect at once.
pub trait CredentialSource: Send + Sync + 'static {
    /// The credentials of an account; none if there is no entry.
    ///
    /// # Errors
    /// A sentence fragment, if the file exists but cannot be read.
    fn credentials(&self, account: Account) -> Result<Option<Credentials>, String>;
}

/// Notices of calls, for counting; called once per attempt, after its end.
pub trait CallObserver: Send + Sync + 'static {
    /// One call has ended, well or not.
    fn called(&self, operation: &'static str, took: Duration, result: Result<(), &OxError>);
}
