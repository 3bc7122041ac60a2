//! From last states to what OX must hold.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::newer::deputies_state;
use super::{Directory, Entry, User, read};

/// A user of OX: his directory object's id, and the user.
pub(super) type OxUser<'a> = (&'a str, &'a User);

/// A group or functional account: its object's id, its properties, the ids of the users it names.
type Named<'a> = (&'a str, &'a Map<String, Value>, BTreeSet<&'a str>);

impl Directory {
    /// What OX must hold now, context administrators and the standard group left out:
    ///
    /// ```text
    /// contexts → id → name, maxQuota (MB or null),
    ///                 users → login → fields…, aliases, mailenabled, rights, accounts,
    ///                 groups → name → displayname, members (logins),
    ///                 resources → name → displayname, description, email,
    ///                 sharedAccounts → name → display_name, primaryEmail, grants
    /// ```
    ///
    /// An empty text means that OX must hold none. A field that is not named is not expected to be
    /// anything. Lists are sorted.
    pub fn expected_state(&self) -> Value {
        let (groups, accounts) = (self.named(&self.groups), self.named(&self.accounts));
        let mut contexts = Map::new();
        for (id, context) in &self.contexts {
            let users = self.ox_users(*id);
            let here = groups_state(&groups, &users);
            let state = json!({
                "name": context.name,
                "maxQuota": context.quota,
                "users": self.users_state(&users, &accounts),
                "sharedAccounts": self.shared_state(*id, &users, &here),
                "groups": here,
                "resources": self.resources_state(*id),
            });
            contexts.insert(id.to_string(), state);
        }
        json!({ "contexts": contexts })
    }

    /// The users that OX must hold in a context.
    fn ox_users(&self, context: u32) -> Vec<OxUser<'_>> {
        let users = self.users.iter().filter(|(_, user)| {
            user.context == Some(context)
                && read::flag(&user.entry.properties, "isOxUser")
                && self.outlived(context, &user.entry)
                && login(user) != self.admin_login(context)
        });
        users.map(|(id, user)| (id.as_str(), user)).collect()
    }

    /// Whether an object was written for a context after it was last deleted, if ever.
    pub(super) fn outlived(&self, context: u32, entry: &Entry) -> bool {
        self.deleted.get(&context).is_none_or(|deleted| entry.position > *deleted)
    }

    fn admin_login(&self, context: u32) -> String {
        if context == self.defaults.default_context {
            "oxadmin".to_owned()
        } else {
            format!("oxadmin-context{context}")
        }
    }

    /// Groups or accounts with those of their users who are there under the DN they are named by.
    fn named<'a>(&'a self, entries: &'a BTreeMap<String, Entry>) -> Vec<Named<'a>> {
        let by_dn: BTreeMap<&str, &str> =
            self.users.iter().map(|(id, user)| (user.dn.as_str(), id.as_str())).collect();
        let named = entries.iter().map(|(id, entry)| {
            let dns = read::texts(&entry.properties, "users");
            let users = dns.iter().filter_map(|dn| by_dn.get(read::fold_dn(dn).as_str()).copied());
            (id.as_str(), &entry.properties, users.collect())
        });
        named.collect()
    }

    fn users_state(&self, users: &[OxUser<'_>], accounts: &[Named<'_>]) -> Value {
        let state = users.iter().map(|(id, user)| {
            let mut fields = self.user_fields(user);
            fields.insert("accounts".to_owned(), accounts_state(accounts, id, user));
            fields.insert("deputies".to_owned(), deputies_state(user, users));
            (login(user), Value::Object(fields))
        });
        Value::Object(state.collect())
    }

    fn user_fields(&self, user: &User) -> Map<String, Value> {
        let p = &user.entry.properties;
        let mut fields = Map::new();
        let mut put = |name: &str, value: Value| drop(fields.insert(name.to_owned(), value));

        let primary = read::text(p, "mailPrimaryAddress");
        let mut addresses = BTreeSet::from([primary.clone()]);
        addresses.extend(read::texts(p, "mailAlternativeAddress"));
        put("primaryEmail", json!(primary));
        put("email1", json!(primary));
        put("defaultSenderAddress", json!(primary));
        put("aliases", json!(addresses));

        let display = read::text(p, "oxDisplayName");
        let display = if display.is_empty() { read::text(p, "displayName") } else { display };
        put("name", json!(login(user)));
        put("display_name", json!(display));
        put("given_name", json!(read::text(p, "firstname")));
        put("sur_name", json!(read::text(p, "lastname")));
        put("department", json!(read::text(p, "oxDepartment")));
        put("note", json!(read::text(p, "oxNote")));

        let phones = read::texts(p, "phone");
        put("telephone_business1", json!(phones.first().cloned().unwrap_or_default()));
        put("telephone_business2", json!(phones.get(1).cloned().unwrap_or_default()));
        put("cellular_telephone1", json!(read::text(p, "oxMobileBusiness")));
        put("cellular_telephone2", json!(read::text(p, "mobileTelephoneNumber")));
        // Not asked if absent: OX cannot clear a date.
        if let Some(birthday) = read::date(p, "birthday") {
            put("birthday", json!(birthday));
        }

        let server = read::text(p, "mailHomeServer");
        put(
            "imapServer",
            json!(if server.is_empty() { &self.defaults.imap_host } else { &server }),
        );

        let profile = read::text(p, "oxAccess");
        put("mailenabled", json!(!(profile.is_empty() || profile == "none")));
        if let Some(rights) = &user.rights {
            put("rights", json!(rights));
        }
        fields
    }

    fn resources_state(&self, context: u32) -> Value {
        let mut resources = Map::new();
        for resource in self.resources.values() {
            let p = &resource.properties;
            if read::context(p, "oxContext") != Some(context) || !self.outlived(context, resource) {
                continue;
            }
            let name = read::text(p, "name");
            let shown = read::text(p, "displayname");
            let state = json!({
                "displayname": if shown.is_empty() { &name } else { &shown },
                "description": read::text(p, "description"),
                "email": read::text(p, "resourceMailAddress"),
            });
            resources.insert(name.clone(), state);
        }
        Value::Object(resources)
    }
}

pub(super) fn login(user: &User) -> String {
    read::text(&user.entry.properties, "username")
}

/// The functional accounts that a user must have, by address.
fn accounts_state(accounts: &[Named<'_>], user_id: &str, user: &User) -> Value {
    let mine = accounts.iter().filter(|(_, _, users)| users.contains(user_id));
    let mut mine: Vec<Value> = mine
        .map(|(id, p, _)| {
            json!({
                "address": read::text(p, "mailPrimaryAddress"),
                "name": read::text(p, "name"),
                "personal": read::text(p, "personal"),
                "login": format!("{id}{}", login(user)),
                // Not an ordinary mail account, as a user copy makes of it.
                "secondary": true,
            })
        })
        .collect();
    mine.sort_by_key(|account| account["address"].to_string());
    Value::Array(mine)
}

/// Groups with at least one member among the users of a context.
fn groups_state(groups: &[Named<'_>], users: &[OxUser<'_>]) -> Value {
    let mut state = Map::new();
    for (_, p, wanted) in groups {
        let name = read::text(p, "name");
        if !read::flag(p, "isOxGroup") || name.to_lowercase() == "users" {
            continue;
        }
        let members: BTreeSet<String> =
            users.iter().filter(|(id, _)| wanted.contains(*id)).map(|(_, u)| login(u)).collect();
        if !members.is_empty() {
            state.insert(name.clone(), json!({ "displayname": name, "members": members }));
        }
    }
    Value::Object(state)
}
