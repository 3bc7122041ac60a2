//! A plain model of the directory: queue items folded one by one, and what OX must hold in the end.
//!
//! There is no planning in here, no difference, no call. The last state of each object is kept, with
//! the little that depends on *when* things happened:
//!
//! - the rights of a user are those of his profile at the user's own last item, for a profile that
//!   changes later does not touch the users who have it;
//! - the deletion of a context takes everything that was written for it before.
//!
//! Everything else follows from the last states alone, see [`Directory::expected_state`].

mod expect;
mod newer;
pub(super) mod read;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

/// What the settings of the connector say, as far as it shows in OX.
#[derive(Debug, Clone)]
pub struct Defaults {
    /// The context whose administrator is called `oxadmin`.
    pub default_context: u32,
    /// Host name of the default mail server.
    pub imap_host: String,
}

/// The directory after some queue items.
#[derive(Debug, Clone)]
pub struct Directory {
    defaults: Defaults,
    /// Number of items folded so far.
    position: u64,
    contexts: BTreeMap<u32, Context>,
    /// Position of the last deletion of a context.
    deleted: BTreeMap<u32, u64>,
    profiles: BTreeMap<String, Profile>,
    users: BTreeMap<String, User>,
    groups: BTreeMap<String, Entry>,
    accounts: BTreeMap<String, Entry>,
    resources: BTreeMap<String, Entry>,
    permissions: BTreeMap<String, Entry>,
    shared: BTreeMap<String, Entry>,
}

#[derive(Debug, Clone)]
struct Context {
    /// The directory object behind it; none for a context that was in OX before.
    uuid: Option<String>,
    name: String,
    quota: Option<i64>,
}

#[derive(Debug, Clone)]
struct Profile {
    name: String,
    rights: BTreeSet<&'static str>,
}

/// An object whose properties are looked at when the expected state is made.
#[derive(Debug, Clone)]
struct Entry {
    /// Position of its last item.
    position: u64,
    properties: Map<String, Value>,
}

#[derive(Debug, Clone)]
struct User {
    dn: String,
    context: Option<u32>,
    /// Rights since the last item; none if nobody can say (a profile that never was known).
    rights: Option<BTreeSet<&'static str>>,
    entry: Entry,
}

impl Directory {
    /// An empty directory before an OX without contexts.
    pub fn new(defaults: Defaults) -> Self {
        Self {
            defaults,
            position: 0,
            contexts: BTreeMap::new(),
            deleted: BTreeMap::new(),
            profiles: BTreeMap::new(),
            users: BTreeMap::new(),
            groups: BTreeMap::new(),
            accounts: BTreeMap::new(),
            resources: BTreeMap::new(),
            permissions: BTreeMap::new(),
            shared: BTreeMap::new(),
        }
    }

    /// The same before an OX that holds this context already, without quota.
    #[must_use]
    pub fn with_context(mut self, id: u32, name: &str) -> Self {
        self.contexts.insert(id, Context { uuid: None, name: name.to_owned(), quota: None });
        self
    }

    /// Folds one queue item in. Items of types that do not concern OX, or without id, do nothing.
    pub fn apply(&mut self, item: &Value) {
        self.position += 1;
        let Some(id) = item["id"].as_str() else { return };
        let properties = item["object"].as_object();
        match item["udm_object_type"].as_str().unwrap_or_default() {
            "oxmail/oxcontext" => self.apply_context(id, properties),
            "oxmail/accessprofile" => self.apply_profile(id, properties),
            "users/user" => {
                let dn = item["dn"].as_str().unwrap_or_default();
                self.apply_user(id, dn, properties);
            }
            "groups/group" => fold(&mut self.groups, self.position, id, properties),
            "oxmail/functional_account" => {
                fold(&mut self.accounts, self.position, id, properties);
            }
            "oxresources/oxresources" => fold(&mut self.resources, self.position, id, properties),
            "oxmail/shared_account_permission" => {
                fold(&mut self.permissions, self.position, id, properties);
            }
            "oxmail/shared_account" => fold(&mut self.shared, self.position, id, properties),
            _ => {}
        }
    }

    /// Folds items in their order.
    pub fn apply_all<'a>(&mut self, items: impl IntoIterator<Item = &'a Value>) {
        for item in items {
            self.apply(item);
        }
    }

    fn apply_context(&mut self, uuid: &str, properties: Option<&Map<String, Value>>) {
        let Some(properties) = properties else {
            // A late deletion of an object whose number somebody else has taken over is nothing.
            let owner = |(_, context): &(&u32, &Context)| context.uuid.as_deref() == Some(uuid);
            let Some(id) = self.contexts.iter().find(owner).map(|(id, _)| *id) else { return };
            self.contexts.remove(&id);
            self.deleted.insert(id, self.position);
            return;
        };
        let Some(id) = read::context(properties, "contextid") else { return };
        let name = read::text(properties, "name");
        let quota = read::number(properties, "oxQuota").filter(|quota| *quota > 0);
        self.contexts.insert(id, Context { uuid: Some(uuid.to_owned()), name, quota });
    }

    fn apply_profile(&mut self, uuid: &str, properties: Option<&Map<String, Value>>) {
        match properties {
            None => drop(self.profiles.remove(uuid)),
            Some(properties) => {
                let name = read::text(properties, "name");
                let rights = read::rights(properties);
                self.profiles.insert(uuid.to_owned(), Profile { name, rights });
            }
        }
    }

    fn apply_user(&mut self, uuid: &str, dn: &str, properties: Option<&Map<String, Value>>) {
        let Some(properties) = properties else {
            self.users.remove(uuid);
            return;
        };
        let old = self.users.get(uuid);
        let profile = read::text(properties, "oxAccess");
        let rights = if profile.is_empty() || profile == "none" {
            Some(BTreeSet::new())
        } else {
            let known = self.profiles.values().find(|known| known.name == profile);
            known.map(|known| known.rights.clone()).or_else(|| old?.rights.clone())
        };
        // Who loses the context in the directory stays where he was.
        let context = read::context(properties, "oxContext").or_else(|| old?.context);
        let entry = Entry { position: self.position, properties: properties.clone() };
        let user = User { dn: read::fold_dn(dn), context, rights, entry };
        self.users.insert(uuid.to_owned(), user);
    }
}

fn fold(
    entries: &mut BTreeMap<String, Entry>,
    position: u64,
    id: &str,
    properties: Option<&Map<String, Value>>,
) {
    match properties {
        Some(properties) => {
            let entry = Entry { position, properties: properties.clone() };
            entries.insert(id.to_owned(), entry);
        }
        None => drop(entries.remove(id)),
    }
}

#[cfg(test)]
mod tests;
