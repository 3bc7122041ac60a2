//! The world as canonical JSON: equal worlds give equal texts.

use serde_json::{Map, Value, json};

use super::field::UserField as F;
use super::{ADMIN, Context, Resource, User, World};

impl World {
    /// All contexts with all that is in them. Passwords are left out.
    pub(crate) fn state(&self) -> Value {
        let contexts = self.contexts.iter().map(|(id, context)| (id.to_string(), of(context)));
        json!({ "contexts": map(contexts) })
    }
}

/// An object of named members.
fn map(members: impl Iterator<Item = (String, Value)>) -> Map<String, Value> {
    members.collect()
}

fn of(context: &Context) -> Value {
    let login = |id: &u32| context.users.get(id).map_or("", User::name).to_owned();
    let users = context.users.values().map(|user| (user.name().to_owned(), user_state(user)));
    let groups = context.groups.values().map(|group| {
        let mut members: Vec<String> = group.members.iter().map(login).collect();
        members.sort();
        let state = json!({ "id": group.id, "displayname": group.displayname, "members": members });
        (group.name.clone(), state)
    });
    let resources = context.resources.values().map(|r| (r.name.clone(), resource_state(r)));
    let mut mappings = context.mappings.clone();
    mappings.sort();
    json!({
        "name": context.name,
        "enabled": context.enabled,
        "maxQuota": context.max_quota,
        "loginMappings": mappings,
        "admin": login(&ADMIN),
        "capabilities": context.capabilities,
        "quotas": context.quotas,
        "users": map(users),
        "groups": map(groups),
        "resources": map(resources),
        "guests": context.guests,
        "sharedAccounts": context.shared_state(),
        "deputies": context.deputy_state(),
    })
}

fn user_state(user: &User) -> Value {
    let primary = user.primary();
    let fields = user
        .fields
        .iter()
        .filter(|(field, value)| !value.is_empty() && *field != F::NAME && *field != F::PASSWORD);
    let fields = fields.map(|(field, value)| (field.name().to_owned(), Value::from(value)));
    let mut aliases: Vec<String> = user.aliases.clone();
    aliases.sort();
    let aliases = aliases.into_iter().map(|alias| {
        let own = alias.eq_ignore_ascii_case(primary);
        if own { json!({ "address": alias, "primary": true }) } else { Value::from(alias) }
    });
    let mut accounts: Vec<Value> = user
        .accounts
        .iter()
        .map(|account| {
            let value = |name: &str| account.values.get(name).cloned();
            json!({
                "address": account.address,
                "name": value("name"),
                "personal": value("personal"),
                "login": value("login"),
                "secondary": account.secondary,
            })
        })
        .collect();
    accounts.sort_by_key(|account| account["address"].as_str().map(str::to_owned));
    let mut state = json!({
        "id": user.id,
        "fields": map(fields),
        "aliases": aliases.collect::<Vec<_>>(),
        "imap": user.imap.url(),
        "smtp": user.smtp.url(),
        "rights": user.rights.names().collect::<Vec<_>>(),
        "mailenabled": user.field(F::MAILENABLED) == "true",
        "quota": user.quota,
        "capabilities": user.capabilities,
        "personal": user.personal,
        "primaryAccount": user.has_primary_account,
        "accounts": accounts,
    });
    if !user.inherited.is_empty() {
        state["inherited"] = json!(user.inherited);
    }
    state
}

fn resource_state(resource: &Resource) -> Value {
    json!({
        "id": resource.id,
        "displayname": resource.displayname,
        "email": resource.email,
        "description": resource.description,
        "available": resource.available,
    })
}
