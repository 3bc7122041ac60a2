//! The simulated server's memory and its rules: pure transitions, no I/O and no clock.
//!
//! Every operation either applies as a whole or leaves a [`Fault`]. One number sequence per
//! context serves users, groups and resources; ids are never used twice.

mod account;
mod context;
mod copy;
mod deputy;
pub(crate) mod field;
mod group;
mod resource;
pub(crate) mod rights;
pub(crate) mod rules;
mod shared_account;
mod state;
mod user;
mod user_change;
mod user_checks;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::fault::{Class, Fault};
use super::options::SimOptions;
use field::{Fields, UserField};
use rights::Rights;

pub(crate) use account::{Account, AccountTarget};
pub(crate) use context::{ContextInput, Listed};
pub(crate) use deputy::{Deputy, DeputyInput, Level};
pub(crate) use group::GroupInput;
pub(crate) use resource::ResourceInput;
pub(crate) use shared_account::{SharedAccount, SharedAccountInput, SharedGrant};
pub(crate) use user::{Access, UserInput};

/// Id of the group every user of a context is in.
pub(crate) const DEFAULT_GROUP: u32 = 1;
/// Id of a context's administrator.
pub(crate) const ADMIN: u32 = 2;

/// Name and password as sent; an absent element counts as empty.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Credentials<'a> {
    pub(crate) login: &'a str,
    pub(crate) password: &'a str,
}

/// How a request names an object.
#[derive(Clone, Debug, Default)]
pub(crate) struct ObjectRef<'a> {
    pub(crate) id: Option<i64>,
    pub(crate) name: Option<&'a str>,
}

/// User attributes: namespace, key, value.
pub(crate) type Attributes = BTreeMap<String, BTreeMap<String, String>>;

/// A mail server as part of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MailServer {
    /// With `://`.
    pub(crate) scheme: String,
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// A user.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) id: u32,
    /// Plain values; what has a member of its own below is not among them.
    pub(crate) fields: Fields,
    /// In the order in which answers list them.
    pub(crate) aliases: Vec<String>,
    pub(crate) attributes: Attributes,
    pub(crate) imap: MailServer,
    pub(crate) smtp: MailServer,
    pub(crate) rights: Rights,
    pub(crate) password: String,
    pub(crate) capabilities: BTreeSet<String>,
    /// Quota in MB when the user has a file store of his own.
    pub(crate) quota: Option<i64>,
    /// What the quota reads as when there is no store of his own.
    pub(crate) quota_shown: i64,
    /// Name of the personal folder as it was made; lower case.
    folder: String,
    /// False once a secondary delete took the primary mail account away.
    pub(crate) has_primary_account: bool,
    pub(crate) accounts: Vec<Account>,
    pub(crate) personal: Option<String>,
    /// Names of deleted users whose data were given to this one by name.
    pub(crate) inherited: Vec<String>,
}

impl User {
    pub(crate) fn field(&self, field: UserField) -> &str {
        self.fields.get(field).unwrap_or_default()
    }

    pub(crate) fn name(&self) -> &str {
        self.field(UserField::NAME)
    }

    pub(crate) fn primary(&self) -> &str {
        self.field(UserField::PRIMARY_EMAIL)
    }
}

/// A group; members ascend.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) id: u32,
    pub(crate) name: String,
    pub(crate) displayname: String,
    pub(crate) members: Vec<u32>,
}

/// A resource.
#[derive(Clone, Debug)]
pub(crate) struct Resource {
    pub(crate) id: u32,
    pub(crate) name: String,
    pub(crate) displayname: String,
    pub(crate) email: String,
    pub(crate) description: Option<String>,
    pub(crate) available: bool,
}

/// A context and all that is in it.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) id: u32,
    pub(crate) name: String,
    pub(crate) enabled: bool,
    /// In MB; -1 is unlimited.
    pub(crate) max_quota: i64,
    /// The id's own among them.
    pub(crate) mappings: Vec<String>,
    pub(crate) capabilities: BTreeSet<String>,
    /// Of modules, by name.
    pub(crate) quotas: BTreeMap<String, i64>,
    pub(crate) attributes: Attributes,
    pub(crate) users: BTreeMap<u32, User>,
    pub(crate) groups: BTreeMap<u32, Group>,
    pub(crate) resources: BTreeMap<u32, Resource>,
    pub(crate) shared: BTreeMap<u32, SharedAccount>,
    /// Numbers of guests by their addresses in small letters.
    pub(crate) guests: BTreeMap<String, u32>,
    deputies: deputy::Granted,
    logins: HashMap<Box<str>, u32>,
    primaries: HashMap<String, Vec<u32>>,
    displays: HashMap<String, Vec<u32>>,
    folders: HashMap<String, u32>,
    group_names: HashMap<String, u32>,
    resource_names: HashMap<String, u32>,
    resource_mails: HashMap<String, u32>,
    last_id: u32,
    last_account: u32,
}

/// All contexts of the server.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) options: SimOptions,
    master: (String, String),
    contexts: BTreeMap<u32, Context>,
    /// Context by folded name.
    names: HashMap<String, u32>,
    /// Context by folded login mapping.
    mappings: HashMap<String, u32>,
    /// Ids deleted and not created again yet, for [`SimOptions::recreate_conflict`].
    deleted: HashSet<u32>,
}

impl World {
    /// A server without contexts.
    pub(crate) fn new(options: SimOptions, master: (String, String)) -> Self {
        Self {
            options,
            master,
            contexts: BTreeMap::new(),
            names: HashMap::new(),
            mappings: HashMap::new(),
            deleted: HashSet::new(),
        }
    }

    fn is_master(&self, auth: Credentials<'_>) -> bool {
        auth.login == self.master.0 && auth.password == self.master.1
    }

    /// Lets only the master pass.
    pub(crate) fn auth_master(&self, auth: Credentials<'_>) -> Result<(), Fault> {
        if self.is_master(auth) { Ok(()) } else { Err(Fault::credentials()) }
    }

    /// The context of a request to the user, group, resource and account services, once its
    /// administrator's credentials are found right. A missing context looks like a wrong password.
    pub(crate) fn auth_admin(
        &self,
        context: Option<i64>,
        auth: Credentials<'_>,
    ) -> Result<u32, Fault> {
        let id = context_id(context)?;
        let context = self.find(id).ok_or_else(Fault::credentials)?;
        if self.options.master_override && self.is_master(auth) {
            return Ok(context.id);
        }
        let admin = context.users.get(&ADMIN).ok_or_else(Fault::credentials)?;
        if admin.name() == auth.login && admin.password == auth.password {
            return Ok(context.id);
        }
        Err(Fault::credentials())
    }

    /// Whether the credentials are those of the context's administrator.
    pub(crate) fn is_admin(&self, context: &Context, auth: Credentials<'_>) -> bool {
        if self.options.master_override && self.is_master(auth) {
            return true;
        }
        context
            .users
            .get(&ADMIN)
            .is_some_and(|admin| admin.name() == auth.login && admin.password == auth.password)
    }

    fn find(&self, id: i64) -> Option<&Context> {
        u32::try_from(id).ok().and_then(|id| self.contexts.get(&id))
    }

    /// The context of that id.
    pub(crate) fn context(&self, id: u32) -> Result<&Context, Fault> {
        self.contexts.get(&id).ok_or_else(|| Fault::no_context(i64::from(id)))
    }

    fn context_mut(&mut self, id: u32) -> Result<&mut Context, Fault> {
        self.contexts.get_mut(&id).ok_or_else(|| Fault::no_context(i64::from(id)))
    }
}

/// The id of a context as sent to the services inside contexts: a name does not do.
pub(crate) fn context_id(id: Option<i64>) -> Result<i64, Fault> {
    id.ok_or_else(|| {
        Fault::new(Class::InvalidCredentials, "Client sent invalid context data object")
    })
}

impl Context {
    fn next_id(&mut self) -> u32 {
        self.last_id += 1;
        self.last_id
    }

    pub(crate) fn user(&self, id: u32) -> Result<&User, Fault> {
        self.users.get(&id).ok_or_else(|| Fault::no_user(id, self.id))
    }

    /// The user of that login name; case counts.
    pub(crate) fn by_login(&self, name: &str) -> Option<&User> {
        self.logins.get(name).and_then(|id| self.users.get(id))
    }

    /// The id a reference to a user means; a name that is not found comes as the nested text.
    pub(crate) fn resolve_user(&self, user: &ObjectRef<'_>) -> Result<u32, Fault> {
        if let Some(id) = given(user.id) {
            return Ok(id);
        }
        let Some(name) = user.name.filter(|name| !name.is_empty()) else {
            return Err(Fault::data("One userobject has no userid or username"));
        };
        let found = self.by_login(name).map(|user| user.id);
        found.ok_or_else(|| Fault::no_name(Class::NoSuchUser, "user", name, self.id))
    }

    /// Adds the user to the indexes that find him by name, address and display name.
    fn index_user(&mut self, user: &User) {
        self.logins.insert(user.name().into(), user.id);
        self.primaries.entry(user.primary().to_lowercase()).or_default().push(user.id);
        let display = user.field(UserField::DISPLAY_NAME).to_lowercase();
        self.displays.entry(display).or_default().push(user.id);
    }

    /// Takes the user out of the indexes again.
    fn unindex_user(&mut self, user: &User) {
        self.logins.remove(user.name());
        remove_entry(&mut self.primaries, &user.primary().to_lowercase(), user.id);
        let display = user.field(UserField::DISPLAY_NAME).to_lowercase();
        remove_entry(&mut self.displays, &display, user.id);
    }

    /// The first user with that primary address, in any case, who is not the given one.
    fn primary_owner(&self, address: &str, except: Option<u32>) -> Option<u32> {
        let owners = self.primaries.get(&address.to_lowercase())?;
        owners.iter().copied().find(|owner| Some(*owner) != except)
    }

    fn primary_taken(&self, address: &str, except: Option<u32>) -> Result<(), Fault> {
        match self.primary_owner(address, except) {
            None => Ok(()),
            Some(owner) => Err(Fault::data(format!(
                "Primary mail address \"{address}\" already exists in context {} \
                 (Already assigned to user {owner}).",
                self.id
            ))),
        }
    }
}

/// An id that counts as one: 0 is the same as none.
pub(crate) fn given(id: Option<i64>) -> Option<u32> {
    // An id outside the range of ids names nothing, and must not be taken for a name.
    id.filter(|id| *id != 0).map(|id| u32::try_from(id).unwrap_or(u32::MAX))
}

fn remove_entry(index: &mut HashMap<String, Vec<u32>>, key: &str, id: u32) {
    if let Some(entries) = index.get_mut(key) {
        entries.retain(|entry| *entry != id);
        if entries.is_empty() {
            index.remove(key);
        }
    }
}

#[cfg(test)]
mod tests;
