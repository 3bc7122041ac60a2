//! Two states against each other, field by field.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::{Map, Value};

/// OX's standard group, which every context has.
const STANDARD_GROUP: &str = "users";

/// A right that OX shows as given whatever was sent.
const UNRELIABLE_RIGHT: &str = "publication";

/// One thing in OX that is not as it must be.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// Number of the context, as text.
    pub context: String,
    /// `context`, `user`, `group`, `resource`, `shared account` or `account`.
    pub kind: &'static str,
    /// Login or name; for an account the user's login and the account's address.
    pub object: String,
    /// The field; empty if the object as a whole is missing or too much.
    pub field: String,
    /// What must be there; null = nothing.
    pub expected: Value,
    /// What is there; null = nothing.
    pub found: Value,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { context, kind, object, field, expected, found } = self;
        match (field.as_str(), expected, found) {
            ("", Value::Null, _) => write!(f, "context {context}: {kind} {object} is too much"),
            ("", _, Value::Null) => write!(f, "context {context}: {kind} {object} is missing"),
            _ => write!(
                f,
                "context {context}: {kind} {object}: {field} is {found}, must be {expected}"
            ),
        }
    }
}

/// Compares OX's state with the one that [`Directory::expected_state`] says.
///
/// `actual` has the same shape (see [`ox_state`](super::ox_state)), but may hold more: fields that `expected` does not name do not
/// matter, nor does the standard group. Objects that `expected` does not
/// name are differences. Lists are compared as sets; an empty text is the same as none.
///
/// [`Directory::expected_state`]: crate::demo::Directory::expected_state
pub fn compare(expected: &Value, actual: &Value) -> Vec<Difference> {
    let mut differences = Vec::new();
    let (must, is) = (children(expected, "contexts"), children(actual, "contexts"));
    for (context, must, is) in pairs(&must, &is) {
        let mut report = Reporter { context, differences: &mut differences };
        let Some((must, is)) = report.both("context", context, must, is) else { continue };
        report.fields("context", context, must, is);
        report.users(must, is);
        report.things("group", &children(must, "groups"), &groups(is));
        report.things("resource", &children(must, "resources"), &children(is, "resources"));
        let shared = |of| children(of, "sharedAccounts");
        report.things("shared account", &shared(must), &shared(is));
    }
    differences
}

struct Reporter<'a> {
    context: &'a str,
    differences: &'a mut Vec<Difference>,
}

impl Reporter<'_> {
    fn users(&mut self, must: &Value, is: &Value) {
        let (must, is) = (children(must, "users"), children(is, "users"));
        for (login, must, is) in pairs(&must, &is) {
            let Some((must, is)) = self.both("user", login, must, is) else { continue };
            self.fields("user", login, must, is);
            let (must, is) = (accounts(must), accounts(is));
            for (address, must, is) in pairs(&must, &is) {
                let object = format!("{login} {address}");
                let Some((must, is)) = self.both("account", &object, must, is) else { continue };
                self.fields("account", &object, must, is);
            }
        }
    }

    fn things(
        &mut self,
        kind: &'static str,
        must: &BTreeMap<String, &Value>,
        is: &BTreeMap<String, &Value>,
    ) {
        for (name, must, is) in pairs(must, is) {
            let Some((must, is)) = self.both(kind, name, must, is) else { continue };
            self.fields(kind, name, must, is);
        }
    }

    /// Both sides of an object; reports it if one is not there.
    fn both<'v>(
        &mut self,
        kind: &'static str,
        object: &str,
        must: Option<&'v Value>,
        is: Option<&'v Value>,
    ) -> Option<(&'v Value, &'v Value)> {
        if let (Some(must), Some(is)) = (must, is) {
            return Some((must, is));
        }
        self.report(kind, object, "", must, is);
        None
    }

    fn fields(&mut self, kind: &'static str, object: &str, must: &Value, is: &Value) {
        for (field, must) in must.as_object().into_iter().flatten() {
            // Objects within objects and accounts are compared on their own.
            if must.is_object() || field == "accounts" {
                continue;
            }
            let is = &is[field];
            if plain(field, must) != plain(field, is) {
                self.report(kind, object, field, Some(must), Some(is));
            }
        }
    }

    fn report(
        &mut self,
        kind: &'static str,
        object: &str,
        field: &str,
        expected: Option<&Value>,
        found: Option<&Value>,
    ) {
        self.differences.push(Difference {
            context: self.context.to_owned(),
            kind,
            object: object.to_owned(),
            field: field.to_owned(),
            expected: expected.cloned().unwrap_or(Value::Null),
            found: found.cloned().unwrap_or(Value::Null),
        });
    }
}

/// A value in the form in which it is compared.
fn plain(field: &str, value: &Value) -> Value {
    match value {
        Value::String(text) if text.is_empty() => Value::Null,
        // OX adds a zone to dates and may keep quotas as unlimited in two ways.
        Value::String(text) if field == "birthday" => {
            text.chars().take(10).collect::<String>().into()
        }
        Value::Array(list) if field == "deputies" && list.is_empty() => Value::Null,
        Value::Number(number) if field == "maxQuota" && number.as_i64() == Some(-1) => Value::Null,
        Value::Array(list) => {
            let texts = list.iter().filter_map(Value::as_str);
            texts
                .filter(|text| *text != UNRELIABLE_RIGHT)
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect()
        }
        other => other.clone(),
    }
}

/// Members of an object within an object, by name.
fn children<'v>(of: &'v Value, name: &str) -> BTreeMap<String, &'v Value> {
    let map: Option<&Map<String, Value>> = of[name].as_object();
    map.into_iter().flatten().map(|(name, value)| (name.clone(), value)).collect()
}

/// OX's groups without the standard group.
fn groups(context: &Value) -> BTreeMap<String, &Value> {
    let mut groups = children(context, "groups");
    groups.remove(STANDARD_GROUP);
    groups
}

/// A user's secondary accounts by address.
fn accounts(user: &Value) -> BTreeMap<String, &Value> {
    let accounts = user["accounts"].as_array().into_iter().flatten();
    accounts.map(|a| (a["address"].as_str().unwrap_or_default().to_owned(), a)).collect()
}

/// What two maps hold under each name that one of them has.
fn pairs<'a, 'v>(
    must: &'a BTreeMap<String, &'v Value>,
    is: &'a BTreeMap<String, &'v Value>,
) -> Vec<(&'a str, Option<&'v Value>, Option<&'v Value>)> {
    let names: BTreeSet<&String> = must.keys().chain(is.keys()).collect();
    let pair = |name: &'a String| (name.as_str(), must.get(name).copied(), is.get(name).copied());
    names.into_iter().map(pair).collect()
}
