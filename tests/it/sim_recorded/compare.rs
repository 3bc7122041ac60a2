//! Compares an answer with the recorded one.

use super::case::Case;
use super::node::Node;

/// Answers of the case and of the simulator differ so.
pub(super) type Difference = Option<String>;

/// Values that depend on the recorded server's history or set-up and on nothing in the request.
pub(super) const INCIDENTAL: [&str; 4] =
    ["average_size", "filestoreId", "scheme", "userAttributes"];

pub(super) fn compare(case: &Case, text: &str) -> Difference {
    let (Some(wanted), Some(got)) = (Node::parse(&case.answer), Node::parse(text)) else {
        return Some("not well formed".to_owned());
    };
    let (Some(wanted), Some(got)) = (wanted.operation(), got.operation()) else {
        let same = wanted.operation().is_none() == got.operation().is_none();
        return (!same).then(|| "a body for none".to_owned());
    };
    if wanted.name != got.name {
        return Some(format!("{} for {}", got.name, wanted.name));
    }
    let listing = case.operation.starts_with("list")
        || case.operation.starts_with("getM")
            && case.service != "OXGroupService"
            && case.operation != "getModuleAccess";
    let mut found = Vec::new();
    if listing && case.service != "OXSecondaryAccountService" {
        // Who else was on the recorded server is not known: shapes are compared.
        match (wanted.children.first(), got.children.first()) {
            (Some(wanted), Some(got)) => shape(wanted, got, "", &mut found),
            (None, None) => {}
            (wanted, _) => found.push(format!("entries: {}", wanted.is_some())),
        }
    } else {
        differ(wanted, got, "", &mut found);
    }
    (!found.is_empty()).then(|| found.join("; "))
}

/// Element names must be the same; which of them are nil is the history of the object.
pub(super) fn shape(wanted: &Node, got: &Node, path: &str, found: &mut Vec<String>) {
    let names = |node: &Node| -> Vec<String> {
        let mut names: Vec<String> = node.children.iter().map(|c| c.name.clone()).collect();
        names.dedup();
        names.retain(|name| !name.ends_with("}aliases") && !name.ends_with("}members"));
        names
    };
    if names(wanted) != names(got) {
        found.push(format!("{path}: {:?} for {:?}", names(got), names(wanted)));
    }
}

pub(super) fn differ(wanted: &Node, got: &Node, path: &str, found: &mut Vec<String>) {
    let path = format!("{path}/{}", wanted.local());
    if INCIDENTAL.contains(&wanted.local()) && wanted.name == got.name {
        return;
    }
    if wanted.nil != got.nil || wanted.text != got.text {
        let show = |node: &Node| if node.nil { "nil".to_owned() } else { node.text.clone() };
        found.push(format!("{path}: {} for {}", show(got), show(wanted)));
    }
    // Lists come in any order.
    let sorted = |node: &Node| {
        let mut children = node.children.clone();
        children.sort_by(|a, b| {
            let list = |n: &Node| matches!(n.local(), "aliases" | "loginMappings" | "members");
            if list(a) && list(b) { a.cmp(b) } else { std::cmp::Ordering::Equal }
        });
        children
    };
    let (wanted, got) = (sorted(wanted), sorted(got));
    let names = |nodes: &[Node]| nodes.iter().map(|n| n.name.clone()).collect::<Vec<_>>();
    if names(&wanted) != names(&got) {
        let missing: Vec<_> = wanted
            .iter()
            .filter(|w| !got.iter().any(|g| g.name == w.name))
            .map(Node::local)
            .collect();
        let extra: Vec<_> = got
            .iter()
            .filter(|g| !wanted.iter().any(|w| g.name == w.name))
            .map(Node::local)
            .collect();
        let counts = format!("{} for {}", got.len(), wanted.len());
        found.push(format!("{path}: missing {missing:?}, extra {extra:?}, {counts}"));
        return;
    }
    for (wanted, got) in wanted.iter().zip(&got) {
        differ(wanted, got, &path, found);
    }
}
