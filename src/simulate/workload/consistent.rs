//! Whether a directory could have written these items: for the workload's own sake, and for
//! scenarios that were made smaller.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// The first thing that no directory could write, if there is one. Items in queue order.
pub fn inconsistency<'i>(items: impl IntoIterator<Item = &'i Value>) -> Option<String> {
    let mut objects: BTreeMap<String, Value> = BTreeMap::new();
    let mut profiles = BTreeSet::from(["none".to_owned()]);
    // Who left a DN, and is there under another one.
    let mut former: BTreeMap<String, String> = BTreeMap::new();
    for item in items {
        let id = item["id"].as_str().unwrap_or_default().to_owned();
        let (kind, object) = (&item["udm_object_type"], &item["object"]);
        if object.is_null() {
            if objects.remove(&id).is_none() {
                return Some(format!("{id} is deleted and never was there"));
            }
            continue;
        }
        let others = objects.iter().filter(|(other, _)| **other != id);
        for (other, known) in others {
            if let Some(field) = clash(item, known) {
                return Some(format!("{id} and {other} have the same {field}"));
            }
        }
        if let Some(context) = number(&object["oxContext"]) {
            let there = |known: &Value| number(&known["object"]["contextid"]) == Some(context);
            if !objects.values().any(there) {
                return Some(format!("{id} is in context {context}, which is not there"));
            }
        }
        if kind == "oxmail/accessprofile" {
            profiles.extend(object["name"].as_str().map(str::to_owned));
        }
        if let Some(profile) = object["oxAccess"].as_str().filter(|name| !profiles.contains(*name))
        {
            return Some(format!("{id} has the profile {profile}, which is not there"));
        }
        let dn = item["dn"].as_str().unwrap_or_default();
        former.remove(dn);
        if let Some(old) = objects.get(&id).and_then(|old| old["dn"].as_str())
            && old != dn
        {
            former.insert(old.to_owned(), id.clone());
        }
        objects.insert(id, item.clone());
    }
    stale_member(&objects, &former)
}

/// A member that is named by a DN he has left: a directory puts that right.
fn stale_member(
    objects: &BTreeMap<String, Value>,
    former: &BTreeMap<String, String>,
) -> Option<String> {
    for (id, object) in objects {
        let members = object["object"]["users"].as_array().into_iter().flatten();
        for dn in members.filter_map(Value::as_str) {
            if former.get(dn).is_some_and(|left| objects.contains_key(left)) {
                return Some(format!("{id} names {dn}, who has another DN now"));
            }
        }
    }
    None
}

/// What two objects have in common that only one may have.
fn clash(one: &Value, other: &Value) -> Option<&'static str> {
    if one["dn"] == other["dn"] {
        return Some("DN");
    }
    let addresses = |item: &Value| -> BTreeSet<String> {
        let object = &item["object"];
        let fields = ["mailPrimaryAddress", "mailAlternativeAddress", "resourceMailAddress"];
        fields.iter().filter_map(|field| object[*field].as_str()).map(str::to_owned).collect()
    };
    if !addresses(one).is_disjoint(&addresses(other)) {
        return Some("address");
    }
    let context = |item: &Value| number(&item["object"]["contextid"]);
    (context(one).is_some() && context(one) == context(other)).then_some("number")
}

fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::scenario::Act;
    use crate::simulate::workload::scenario;

    #[test]
    fn every_workload_is_one_that_a_directory_could_write() {
        for seed in 0..2_000 {
            let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
            for event in scenario(seed).events {
                match event.act {
                    Act::Put(bytes) | Act::Rewrite(bytes) => drop(files.insert(event.name, bytes)),
                    Act::Remove => {}
                }
            }
            let items: Vec<Value> =
                files.values().map(|bytes| serde_json::from_slice(bytes).unwrap()).collect();
            assert!(!items.is_empty());
            assert_eq!(inconsistency(&items), None, "seed {seed}");
        }
    }
}
