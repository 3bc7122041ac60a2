//! Works out what must be there before a request is sent.

#![expect(clippy::unwrap_used, reason = "a panic in a test is the report")]

use std::collections::{BTreeMap, BTreeSet};

use super::case::{Case, directory, is_scripted};
use super::node::Node;

/// Contexts the recordings take for missing.
const MISSING: [u32; 1] = [999];

/// Objects that must be there: context, id, kind and the rest of the step.
pub(super) type Steps = BTreeMap<(u32, u32), Vec<String>>;

/// Steps from the table, for cases whose name matches; `key-prefix<tab>step; step`.
pub(super) fn table() -> Vec<(String, Vec<String>)> {
    let text = std::fs::read_to_string(directory().join("prepare.tsv")).unwrap();
    text.lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| {
            let (key, steps) = line.split_once('\t').unwrap();
            (key.to_owned(), steps.split(';').map(|step| step.trim().to_owned()).collect())
        })
        .collect()
}

pub(super) fn matches(pattern: &str, key: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => key.starts_with(prefix),
        None => key == pattern,
    }
}

/// What the answer says about objects that are not there.
fn is_missing(answer: &str, what: &str) -> bool {
    let Some((_, class, text)) = Case::fault(answer) else { return false };
    let class = class.rsplit('}').next().unwrap_or_default().to_owned();
    class == format!("NoSuch{what}Exception") || text.starts_with(&format!("No such {what} "))
}

pub(super) fn derive(case: &Case, steps: &mut Steps) -> BTreeSet<u32> {
    let mut contexts = BTreeSet::new();
    let Some(root) = Node::parse(&case.request) else { return contexts };
    let Some(operation) = root.operation() else { return contexts };
    let id_of = |node: &Node| node.value("id").and_then(|id| id.trim().parse::<u32>().ok());
    for name in ["ctx", "context", "src", "dest"] {
        if let Some(id) = operation.child(name).and_then(id_of) {
            contexts.insert(id);
        }
    }
    contexts.retain(|id| *id > 0 && !MISSING.contains(id));
    if case.service == "OXContextService" && case.operation.starts_with("create") {
        contexts.clear();
    }
    if is_missing(&case.answer, "Context") || case.variant.contains("after-context-delete") {
        contexts.retain(|id| !case.answer.contains(&id.to_string()));
    }
    let told = case.answer.contains(">false</") && case.operation == "exists";
    if told && case.service == "OXContextService" {
        contexts.clear();
        return contexts;
    }
    let Some(context) = ["ctx", "context", "src"]
        .iter()
        .find_map(|name| operation.child(name))
        .and_then(id_of)
        .filter(|id| contexts.contains(id))
    else {
        return contexts;
    };
    let creates = case.operation.starts_with("create");
    let absent = ["missing", "unknown", "twice", "no-match", "other-case"];
    if is_scripted(case) || told || absent.iter().any(|word| case.variant.contains(word)) {
        return contexts;
    }
    if let (true, Some(id)) = (creates && case.status == 200, created_id(case)) {
        // The ids before it were spent on the recorded server.
        steps.insert((context, id), Vec::new());
        return contexts;
    }
    for (kind, parameters) in [
        ("user", &["user", "usrdata", "usr", "users", "members"][..]),
        ("group", &["grp", "grps", "groups"]),
        ("resource", &["res", "resources"]),
    ] {
        if creates && case.service != "OXSecondaryAccountService" {
            continue;
        }
        let what = ["User", "Group", "Resource"]
            [["user", "group", "resource"].iter().position(|k| *k == kind).unwrap()];
        for node in parameters.iter().flat_map(|name| operation.all(name)) {
            if is_missing(&case.answer, what)
                || case.answer.contains("No such user") && kind == "user"
            {
                continue;
            }
            let (id, name) = (id_of(node), node.value("name").filter(|name| !name.is_empty()));
            match (id, name) {
                (Some(id), name) if id > 2 && !(kind == "group" && id == 1) => {
                    // The name in a change is the new one.
                    let name = name.filter(|_| case.operation != "change");
                    let name = name.map_or_else(|| format!("{kind}{id}"), str::to_owned);
                    steps.entry((context, id)).or_insert_with(|| vec![format!("{kind} {name}")]);
                }
                (None, Some(name)) if name != "oxadmin" && name != "users" => {
                    let taken = steps.keys().filter(|key| key.0 == context).map(|key| key.1).max();
                    let id = taken.unwrap_or(2) + 1;
                    steps.entry((context, id)).or_insert_with(|| vec![format!("{kind} {name}")]);
                }
                _ => {}
            }
        }
    }
    contexts
}

/// The id the recorded server gave a new object.
fn created_id(case: &Case) -> Option<u32> {
    let root = Node::parse(&case.answer)?;
    root.operation()?.child("return")?.value("id")?.parse().ok()
}

/// Words of a step; a word in double quotes may have blanks.
pub(super) fn split(step: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in step.chars() {
        match c {
            '"' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            c => words.last_mut().unwrap().push(c),
        }
    }
    words
}
