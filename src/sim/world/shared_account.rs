//! Shared accounts, as far as provisioning has to do with them.
//!
//! No server that has them was at hand. Which values an account has and that its grants are replaced as a
//! whole is what the OX Connector 4.x relies on; assumed are the words of refusals, that names and addresses
//! are shared with users, and that a converted user keeps his number.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::super::fault::{Class, Fault};
use super::field::UserField as F;
use super::{Context, Credentials, ObjectRef, World, given};

/// Values as sent, by element name.
pub(crate) type SharedAccountInput = BTreeMap<&'static str, String>;

/// What some may do, and who.
#[derive(Debug)]
pub(crate) struct SharedGrant<'r> {
    pub(crate) auth: Credentials<'r>,
    pub(crate) context: Option<i64>,
    pub(crate) users: Vec<ObjectRef<'r>>,
    pub(crate) groups: Vec<ObjectRef<'r>>,
    pub(crate) mail: String,
    pub(crate) calendar: String,
    pub(crate) capabilities: BTreeSet<String>,
}

#[derive(Clone, Debug)]
struct Granted {
    mail: String,
    calendar: String,
    capabilities: BTreeSet<String>,
    users: BTreeSet<u32>,
    groups: BTreeSet<u32>,
}

/// One account.
#[derive(Clone, Debug)]
pub(crate) struct SharedAccount {
    pub(crate) id: u32,
    pub(crate) values: SharedAccountInput,
    grants: Vec<Granted>,
}

impl SharedAccount {
    fn value(&self, name: &str) -> &str {
        self.values.get(name).map(String::as_str).unwrap_or_default()
    }
}

impl World {
    pub(crate) fn shared_create(
        &mut self,
        context: Option<i64>,
        input: SharedAccountInput,
        auth: Credentials<'_>,
    ) -> Result<(u32, u32), Fault> {
        let scope = self.auth_admin(context, auth)?;
        let context = self.context_mut(scope)?;
        for field in ["name", "display_name", "primaryEmail", "email1", "password"] {
            if input.get(field).is_none_or(String::is_empty) {
                return Err(Fault::data(format!("Mandatory field {field} not set")));
            }
        }
        context.check_shared(&input, None)?;
        let id = context.next_id();
        let account = SharedAccount { id, values: input, grants: Vec::new() };
        context.shared.insert(id, account);
        Ok((scope, id))
    }

    pub(crate) fn shared_change(
        &mut self,
        context: Option<i64>,
        account: &ObjectRef<'_>,
        input: SharedAccountInput,
        auth: Credentials<'_>,
    ) -> Result<(), Fault> {
        let scope = self.auth_admin(context, auth)?;
        let context = self.context_mut(scope)?;
        let id = context.shared_id(account)?;
        context.check_shared(&input, Some(id))?;
        if let Some(account) = context.shared.get_mut(&id) {
            account.values.extend(input);
        }
        Ok(())
    }

    pub(crate) fn shared_delete(
        &mut self,
        context: Option<i64>,
        account: &ObjectRef<'_>,
        auth: Credentials<'_>,
    ) -> Result<(), Fault> {
        let scope = self.auth_admin(context, auth)?;
        let context = self.context_mut(scope)?;
        let id = context.shared_id(account)?;
        context.shared.remove(&id);
        Ok(())
    }

    pub(crate) fn shared_data(
        &self,
        context: Option<i64>,
        account: &ObjectRef<'_>,
        auth: Credentials<'_>,
    ) -> Result<&SharedAccount, Fault> {
        let context = self.context(self.auth_admin(context, auth)?)?;
        let id = context.shared_id(account)?;
        context.shared.get(&id).ok_or_else(|| context.no_shared(id))
    }

    pub(crate) fn shared_list(
        &self,
        context: Option<i64>,
        pattern: &str,
        auth: Credentials<'_>,
    ) -> Result<Vec<&SharedAccount>, Fault> {
        let context = self.context(self.auth_admin(context, auth)?)?;
        let fits = |account: &&SharedAccount| pattern == "*" || account.value("name") == pattern;
        Ok(context.shared.values().filter(fits).collect())
    }

    pub(crate) fn shared_convert(
        &mut self,
        context: Option<i64>,
        user: &ObjectRef<'_>,
        auth: Credentials<'_>,
    ) -> Result<(), Fault> {
        let scope = self.auth_admin(context, auth)?;
        let context = self.context_mut(scope)?;
        let id = context.resolve_user(user)?;
        let user = context.user(id)?;
        let mut values = SharedAccountInput::new();
        for (name, value) in [
            ("name", user.name()),
            ("display_name", user.field(F::DISPLAY_NAME)),
            ("primaryEmail", user.primary()),
        ] {
            values.insert(name, value.to_owned());
        }
        context.remove_user(id);
        context.shared.insert(id, SharedAccount { id, values, grants: Vec::new() });
        Ok(())
    }

    /// Replaces all grants of an account.
    pub(crate) fn shared_grant(
        &mut self,
        context: Option<i64>,
        account: &ObjectRef<'_>,
        grants: &[SharedGrant<'_>],
        auth: Credentials<'_>,
    ) -> Result<(), Fault> {
        let scope = self.auth_admin(context, auth)?;
        let id = self.context(scope)?.shared_id(account)?;
        let mut granted = Vec::new();
        for grant in grants {
            let theirs = self.auth_admin(grant.context, grant.auth)?;
            if theirs != scope {
                return Err(Fault::data("Permissions across contexts are not supported."));
            }
            let context = self.context(theirs)?;
            let mut users = BTreeSet::new();
            for user in &grant.users {
                users.insert(context.user(context.resolve_user(user)?)?.id);
            }
            let mut groups = BTreeSet::new();
            for group in &grant.groups {
                let known = given(group.id).filter(|id| context.groups.contains_key(id));
                groups.insert(known.ok_or_else(|| {
                    Fault::new(Class::NoSuchUser, format!("No such group in context {theirs}"))
                })?);
            }
            if users.is_empty() && groups.is_empty() {
                continue;
            }
            granted.push(Granted {
                mail: grant.mail.clone(),
                calendar: grant.calendar.clone(),
                capabilities: grant.capabilities.clone(),
                users,
                groups,
            });
        }
        if let Some(account) = self.context_mut(scope)?.shared.get_mut(&id) {
            account.grants = granted;
        }
        Ok(())
    }
}

impl Context {
    fn no_shared(&self, account: impl std::fmt::Display) -> Fault {
        let text = format!("No such shared account {account} in context {}", self.id);
        Fault::new(Class::NoSuchUser, text)
    }

    fn shared_id(&self, account: &ObjectRef<'_>) -> Result<u32, Fault> {
        if let Some(id) = given(account.id) {
            return self.shared.get(&id).map(|one| one.id).ok_or_else(|| self.no_shared(id));
        }
        let name = account.name.unwrap_or_default();
        let found = self.shared.values().find(|one| one.value("name") == name);
        found.map(|one| one.id).ok_or_else(|| self.no_shared(name))
    }

    /// Names and addresses are nobody else's.
    fn check_shared(&self, input: &SharedAccountInput, own: Option<u32>) -> Result<(), Fault> {
        let others = || self.shared.values().filter(|other| Some(other.id) != own);
        if let Some(name) = input.get("name") {
            let taken = self.by_login(name).is_some() || others().any(|o| o.value("name") == name);
            if taken {
                let text = format!("User {name} already exists in this context");
                return Err(Fault::data(text));
            }
        }
        if let Some(address) = input.get("primaryEmail") {
            let same =
                |other: &SharedAccount| other.value("primaryEmail").eq_ignore_ascii_case(address);
            if self.primary_owner(address, None).is_some() || others().any(same) {
                let text = format!(
                    "Primary mail address \"{address}\" already exists in context {}",
                    self.id
                );
                return Err(Fault::data(text));
            }
        }
        Ok(())
    }

    /// All accounts as canonical JSON; who is gone is granted nothing.
    pub(super) fn shared_state(&self) -> Value {
        let login = |id: &u32| self.users.get(id).map(|user| user.name().to_owned());
        let group = |id: &u32| self.groups.get(id).map(|group| group.name.clone());
        let grant = |granted: &Granted| {
            json!({
                "mail": granted.mail,
                "calendar": granted.calendar,
                "capabilities": granted.capabilities,
                "users": granted.users.iter().filter_map(login).collect::<BTreeSet<_>>(),
                "groups": granted.groups.iter().filter_map(group).collect::<BTreeSet<_>>(),
            })
        };
        let accounts = self.shared.values().map(|account| {
            let shown =
                account.values.iter().filter(|(name, _)| !["name", "password"].contains(name));
            let values: serde_json::Map<String, Value> = shown
                .map(|(name, value)| ((*name).to_owned(), Value::from(value.as_str())))
                .collect();
            let state = json!({
                "id": account.id,
                "values": values,
                "grants": account.grants.iter().map(grant).collect::<Vec<_>>(),
            });
            (account.value("name").to_owned(), state)
        });
        Value::Object(accounts.collect())
    }
}
