//! The recordings, and what each of them needs of the server's switches.

#![expect(clippy::unwrap_used, reason = "a panic in a test is the report")]

use std::path::{Path, PathBuf};

use drover::sim::SimOptions;

use super::node::Node;

/// One recording.
pub(super) struct Case {
    pub(super) service: String,
    pub(super) operation: String,
    pub(super) variant: String,
    pub(super) status: u16,
    pub(super) request: String,
    pub(super) answer: String,
}

impl Case {
    pub(super) fn key(&self) -> String {
        format!("{}/{}-{}", self.service, self.operation, self.variant)
    }

    /// The fault's exception and text, without what differs from run to run.
    pub(super) fn fault(answer: &str) -> Option<(String, String, String)> {
        let root = Node::parse(answer)?;
        let fault = root.child("Body")?.child("Fault")?;
        let class = fault.child("detail").and_then(|detail| detail.children.first());
        let class = class.map(|class| class.name.clone()).unwrap_or_default();
        let text = without_ids(fault.value("faultstring")?);
        Some((fault.value("faultcode")?.to_owned(), class, text))
    }
}

/// A fault text without exception ids.
pub(super) fn without_ids(text: &str) -> String {
    let text = text.split("; exceptionId ").next().unwrap_or_default();
    let mut result = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("exceptionID=") {
        result.push_str(before);
        result.push_str("exceptionID=#");
        rest = after.trim_start_matches(|c: char| c == '-' || c.is_ascii_digit());
    }
    result + rest
}

pub(super) fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/soap")
}

pub(super) fn cases() -> Vec<Case> {
    let index = std::fs::read_to_string(directory().join("index.tsv")).unwrap();
    let mut cases = Vec::new();
    for line in index.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        let (service, name) = columns[0].split_once('/').unwrap();
        let operation = name.split('-').next().unwrap();
        let read = |kind: &str| {
            std::fs::read_to_string(directory().join(format!("{}.{kind}.xml", columns[0]))).unwrap()
        };
        cases.push(Case {
            service: service.to_owned(),
            operation: operation.to_owned(),
            variant: name[operation.len()..].trim_start_matches('-').to_owned(),
            status: columns[1].parse().unwrap(),
            request: read("request"),
            answer: read("response"),
        });
    }
    cases
}

pub(super) fn options(case: &Case) -> SimOptions {
    let mut options = SimOptions::shipped();
    let has = |word: &str| case.variant.contains(word);
    if case.variant.contains("cfg-") {
        options.master_override =
            case.request.contains("oxadminmaster") && case.service != "OXContextService";
        options.unique_display_name = !has("displayname-not-unique");
        options.lowercase_uid = has("lowercase-uid");
        options.username_changeable = has("username-changeable");
        options.primary_mail_unchangeable = has("primary-mail-unchangeable");
        let checks = !has("no-charcheck");
        options.check_user_names = checks;
        options.check_group_names = checks;
        options.check_resource_names = checks;
    }
    options
}

pub(super) fn is_scripted(case: &Case) -> bool {
    case.status == 500
        && ["database-down", "parallel-fault"].iter().any(|word| case.variant.contains(word))
}
