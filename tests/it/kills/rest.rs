//! What must hold whenever drover has come to rest.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;

use drover::demo::judge::{Call, overlaps, ox_state};
use drover::demo::{Defaults, Directory, compare};
use drover::store::Store as _;
use drover::store::sqlite::SqliteStore;
use serde_json::Value;

use super::stage::Stage;
use crate::world::{eventually, signal};

/// What has been put into the queue so far, and what the directory says after it.
pub struct Told {
    directory: Directory,
    names: Vec<String>,
}

impl Told {
    pub fn nothing() -> Self {
        let imap_host = "mail.heide.example".to_owned();
        let directory = Directory::new(Defaults { default_context: 10, imap_host });
        Self { directory, names: Vec::new() }
    }

    pub fn add(&mut self, name: &str, content: &Value) {
        self.directory.apply(content);
        self.names.push(name.to_owned());
    }
}

/// Lets drover finish, as a service first if `served`, and looks at everything.
pub fn come_to_rest(stage: &Stage, told: &Told, served: bool) {
    if served {
        let mut service = stage.start(false);
        eventually("the queue's end", || stage.queue().is_empty());
        signal(&service.0, "TERM");
        let ended = service.0.wait().unwrap();
        // The queue may have been empty before drover had even got to listening for signals.
        assert!(ended.success() || ended.signal() == Some(15), "end of the service: {ended}");
    }
    // Groups that are to be looked at again have no file; this ends when nothing at all is left.
    provision(stage);
    check(stage, told);
}

/// Another start, with nothing new, asks OX nothing.
pub fn has_nothing_more_to_do(stage: &Stage) {
    let before = stage.stats().arrived;
    provision(stage);
    assert_eq!(stage.stats().arrived, before, "calls without need");
}

fn provision(stage: &Stage) {
    let ended = stage.start(true).0.wait().unwrap();
    assert_eq!(ended.code(), Some(0), "end of --once; {:?} are left", stage.queue());
}

/// Everything that is known to hold. What drover itself says of its ledger belongs here, too.
fn check(stage: &Stage, told: &Told) {
    assert_eq!(stage.queue(), [] as [&str; 0], "left in the queue");
    ox_is_as_told(stage, told);
    every_item_has_one_outcome(stage, told);
    one_call_at_a_time(stage);
    credentials_are_whole(stage);
    stage.clear_log();
}

fn ox_is_as_told(stage: &Stage, told: &Told) {
    let found = compare(&told.directory.expected_state(), &ox_state(&stage.state()));
    let found: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(found, [] as [&str; 0], "OX is not as the directory says");
}

/// drover remembers every item that ever was in the queue, once, and nothing that never was.
fn every_item_has_one_outcome(stage: &Stage, told: &Told) {
    let store = SqliteStore::open(&stage.data().join("drover.db")).unwrap();
    let mut outcomes: BTreeMap<String, u32> = BTreeMap::new();
    for outcome in store.outcomes(2 * told.names.len() + 1).unwrap() {
        *outcomes.entry(outcome.item.as_str().to_owned()).or_default() += 1;
    }
    let expected: BTreeMap<String, u32> = told.names.iter().map(|name| (name.clone(), 1)).collect();
    let wrong: Vec<_> = (expected.iter().filter(|(name, _)| !outcomes.contains_key(*name)))
        .chain(outcomes.iter().filter(|(name, times)| expected.get(*name) != Some(times)))
        .collect();
    assert_eq!(wrong, [], "outcomes missing (as expected here), or too much");
    assert_eq!(store.faults().unwrap(), [], "nothing is faulty any more");
}

/// In no context were two calls under way at a time; of two drovers neither, for the next was
/// started only after OX had done what the last had asked for.
fn one_call_at_a_time(stage: &Stage) {
    let log = stage.log();
    let calls: Vec<Call> =
        log.lines().map(|line| call(&serde_json::from_str(line).unwrap())).collect();
    let found: Vec<String> = overlaps(&calls).iter().map(ToString::to_string).collect();
    assert_eq!(found, [] as [&str; 0], "calls that overlap");
}

fn call(record: &Value) -> Call {
    let text = |name: &str| record[name].as_str().unwrap().to_owned();
    let number = |name: &str| record[name].as_u64().unwrap();
    let contexts = record["contexts"].as_array().unwrap().iter();
    Call {
        seq: number("seq"),
        service: text("service"),
        operation: text("operation"),
        contexts: contexts.map(|id| u32::try_from(id.as_u64().unwrap()).unwrap()).collect(),
        id: record["id"].as_i64(),
        name: record["name"].as_str().map(str::to_owned),
        start_us: number("start_us"),
        end_us: number("end_us"),
        ok: record["applied"].as_bool().unwrap() || record["status"] == 200,
    }
}

/// Every context of OX has its key, and the file no traces of writes that were cut short.
fn credentials_are_whole(stage: &Stage) {
    let path = stage.credentials_path();
    let credentials: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    for id in stage.state()["contexts"].as_object().unwrap().keys() {
        assert!(credentials[id].is_object(), "no key for context {id}");
    }
}
