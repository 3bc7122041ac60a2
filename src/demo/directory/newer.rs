//! What OX must hold of shared accounts and deputies.

use serde_json::{Map, Value, json};

use super::expect::{OxUser, login};
use super::{Directory, User, read};

impl Directory {
    /// The shared accounts of a context, with `users` and `groups` that must be in it.
    pub(super) fn shared_state(&self, context: u32, users: &[OxUser<'_>], groups: &Value) -> Value {
        let mut state = Map::new();
        for account in self.shared.values() {
            let p = &account.properties;
            if read::context(p, "oxContext") != Some(context) || !self.outlived(context, account) {
                continue;
            }
            let mut grants = Vec::new();
            for (id, permission) in pairs(p, "users") {
                let user = users.iter().find(|(other, _)| *other == id);
                let Some((what, (_, user))) = self.allows(permission).zip(user) else { continue };
                grants.push(format!("{what} user {}", login(user)));
            }
            for (id, permission) in pairs(p, "groups") {
                let name = self.groups.get(id).map(|group| read::text(&group.properties, "name"));
                let name = name.filter(|name| groups[name].is_object());
                let Some((what, name)) = self.allows(permission).zip(name) else { continue };
                grants.push(format!("{what} group {name}"));
            }
            let name = read::text(p, "name");
            let shown = read::text(p, "displayName");
            let one = json!({
                "display_name": if shown.is_empty() { &name } else { &shown },
                "primaryEmail": read::text(p, "mailPrimaryAddress"),
                "grants": grants,
            });
            state.insert(name, one);
        }
        Value::Object(state)
    }

    /// What a permission allows, if there is such a one.
    fn allows(&self, id: &str) -> Option<String> {
        let p = &self.permissions.get(id)?.properties;
        let level = |name: &str| match read::text(p, name) {
            text if text.is_empty() => "none".to_owned(),
            text => text,
        };
        Some(format!("{} {}", level("mail"), level("calendar")))
    }
}

/// Pairs of ids: of whom, and of the permission.
fn pairs<'p>(p: &'p Map<String, Value>, name: &str) -> impl Iterator<Item = (&'p str, &'p str)> {
    let list = p.get(name).and_then(Value::as_array).into_iter().flatten();
    list.filter_map(|pair| Some((pair[0].as_str()?, pair[1].as_str()?)))
}

/// The deputies that a user must have, among those who are in his context.
pub(super) fn deputies_state(user: &User, users: &[OxUser<'_>]) -> Value {
    let p = &user.entry.properties;
    let list = p.get("oxDeputyPermissionGivenTo").and_then(Value::as_array).into_iter().flatten();
    let deputies = list.filter_map(|entry| {
        let dn = read::fold_dn(entry[0].as_str()?);
        let (_, deputy) = users.iter().find(|(_, other)| other.dn == dn)?;
        let (mail, calendar) = (entry[1].as_str()?, entry[2].as_str()?);
        Some(format!("{} {mail} {calendar} {}", login(deputy), entry[3] == true))
    });
    deputies.collect()
}
