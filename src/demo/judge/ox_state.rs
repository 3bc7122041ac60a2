//! The simulator's state in the shape in which states are compared.

use serde_json::{Map, Value, json};

/// Turns the state that the simulator dumps into the shape of
/// [`Directory::expected_state`](crate::demo::Directory::expected_state). Unknown things are kept or
/// left out, never an error: the comparison says what is missing.
pub fn ox_state(simulator: &Value) -> Value {
    let contexts = each(&simulator["contexts"], |_, context| {
        let admin = context["admin"].as_str().unwrap_or_default();
        let mut users = each(&context["users"], |login, its| {
            let mut state = user(login, its);
            state["deputies"] = deputies(&context["deputies"][login]["given"]);
            state
        });
        users.remove(admin);
        json!({
            "name": context["name"],
            "maxQuota": context["maxQuota"],
            "users": users,
            "groups": context["groups"],
            "resources": context["resources"],
            "sharedAccounts": each(&context["sharedAccounts"], |_, account| shared(account)),
        })
    });
    json!({ "contexts": contexts })
}

fn each(map: &Value, change: impl Fn(&str, &Value) -> Value) -> Map<String, Value> {
    let entries = map.as_object().into_iter().flatten();
    entries.map(|(name, value)| (name.clone(), change(name, value))).collect()
}

fn user(login: &str, user: &Value) -> Value {
    let mut fields = user["fields"].as_object().cloned().unwrap_or_default();
    fields.insert("name".to_owned(), json!(login));
    for list in ["rights", "accounts", "mailenabled"] {
        fields.insert(list.to_owned(), user[list].clone());
    }
    // The primary address among the aliases is marked as such.
    let aliases = user["aliases"].as_array().into_iter().flatten();
    let aliases = aliases.map(|alias| alias.get("address").unwrap_or(alias).clone()).collect();
    fields.insert("aliases".to_owned(), Value::Array(aliases));
    fields.insert("imapServer".to_owned(), json!(host(user["imap"].as_str().unwrap_or_default())));
    Value::Object(fields)
}

/// Each deputy with what he may do, as one text.
fn deputies(given: &Value) -> Value {
    let entries = given.as_object().into_iter().flatten();
    let text = |(deputy, rights): (&String, &Value)| {
        let level = |module: &str| rights["modules"][module].as_str().unwrap_or("00000");
        let behalf = rights["sendOnBehalf"] == true;
        format!("{deputy} {} {} {behalf}", level("mail"), level("calendar"))
    };
    entries.map(text).collect()
}

/// A shared account with everybody who may use it, each as one text.
fn shared(account: &Value) -> Value {
    let mut grants = Vec::new();
    for grant in account["grants"].as_array().into_iter().flatten() {
        let level = |name: &str| grant[name].as_str().unwrap_or_default();
        for (list, kind) in [("users", "user"), ("groups", "group")] {
            let names = grant[list].as_array().into_iter().flatten().filter_map(Value::as_str);
            grants.extend(
                names.map(|name| format!("{} {} {kind} {name}", level("mail"), level("calendar"))),
            );
        }
    }
    json!({
        "display_name": account["values"]["display_name"],
        "primaryEmail": account["values"]["primaryEmail"],
        "grants": grants,
    })
}

/// The host of `scheme://host:port`.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.rsplit_once(':').map_or(rest, |(host, _)| host)
}
