//! Did the writes come in an order that the queue allows? As much as the call log alone can tell.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;

use super::Call;
use super::call::{Effect, Subject};
use super::places::{Event, Places, Way};
use crate::demo::directory::read;

/// A call that came when it must not have come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disorder {
    /// The context.
    pub context: u32,
    /// Position of the call in the log.
    pub seq: u64,
    /// What is wrong with it, as a sentence fragment.
    pub what: String,
}

impl fmt::Display for Disorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "context {}: call {}: {}", self.context, self.seq, self.what)
    }
}

/// Finds calls that came out of order.
///
/// - Nothing is asked of a context before it is created, nor between its deletion and its next
///   creation; an attempt counts even if OX refused it.
/// - Nothing is changed that was deleted; numbers of objects are never used again.
/// - Users and resources are created and deleted in the order of their items. Left out are objects
///   with several items in one batch, which may be taken together, those whose name or address
///   somebody else had or gets, who may have to wait for each other, and users whom a group or
///   account earlier in the batch waits for, who may go ahead of others. Users who leave may go ahead of
///   all of their batch, but not of an earlier batch.
///
/// - No context sees more users or resources created, or more deleted, than items ask for: who is
///   deleted only to be made anew has lost what was in the mailbox.
///
/// `batches` are the queue's items in their order; a batch is put into the queue when all before it
/// are done. Of calls that faulted only the first two rules speak.
pub fn order(log: &[Call], batches: &[Vec<&Value>]) -> Vec<Disorder> {
    let mut calls: Vec<&Call> = log.iter().collect();
    calls.sort_by_key(|call| call.seq);
    let mut found = lives(&calls);
    found.extend(queue_order(&calls, batches));
    found.extend(churn(&calls, batches));
    found.sort_by_key(|disorder| disorder.seq);
    found
}

/// What is known of a context while the log is read.
#[derive(Default)]
struct Life {
    gone: bool,
    dead: BTreeSet<(Subject, i64)>,
}

/// The first two rules.
fn lives(calls: &[&Call]) -> Vec<Disorder> {
    let mut lives: BTreeMap<u32, Life> = BTreeMap::new();
    // A context whose first success is a creation cannot have been there before.
    for call in calls.iter().rev() {
        if let (Subject::Context, true, [context]) = (call.subject(), call.ok, &*call.contexts) {
            match call.effect() {
                Effect::Create => lives.entry(*context).or_default().gone = true,
                Effect::Delete => lives.entry(*context).or_default().gone = false,
                Effect::Change | Effect::Read => {}
            }
        }
    }
    let mut found = Vec::new();
    for call in calls {
        for context in &call.contexts {
            let life = lives.entry(*context).or_default();
            let mut report = |what: String| {
                found.push(Disorder { context: *context, seq: call.seq, what });
            };
            if call.subject() == Subject::Context {
                match call.effect() {
                    Effect::Create if call.ok => *life = Life::default(),
                    Effect::Delete if call.ok => life.gone = true,
                    Effect::Change if life.gone => {
                        report(format!("{} while there is no such context", call.title()));
                    }
                    _ => {}
                }
                continue;
            }
            if life.gone {
                report(format!("{} while there is no such context", call.title()));
                continue;
            }
            let Some(id) = call.id else { continue };
            let object = (call.subject(), id);
            match call.effect() {
                Effect::Change if life.dead.contains(&object) => {
                    report(format!("{} of number {id}, which was deleted", call.title()));
                }
                Effect::Delete if call.ok && !life.dead.insert(object) => {
                    report(format!("{} of number {id} for the second time", call.title()));
                }
                _ => {}
            }
        }
    }
    found
}

/// The third rule.
fn queue_order(calls: &[&Call], batches: &[Vec<&Value>]) -> Vec<Disorder> {
    let seen = seen_events(calls);
    let mut found = Vec::new();
    // Per context: the last event in queue order, and when it took place.
    let mut last: BTreeMap<u32, (u64, String)> = BTreeMap::new();
    // Likewise, as it was when the batch began; and the last of the leavers since.
    let mut before_batch: BTreeMap<u32, (u64, String)> = BTreeMap::new();
    let mut leavers: BTreeMap<u32, (u64, String)> = BTreeMap::new();
    let mut at = 0;
    for (batch, event) in wanted_events(batches) {
        if batch != at {
            at = batch;
            for (context, leaver) in std::mem::take(&mut leavers) {
                let entry = last.entry(context).or_insert_with(|| leaver.clone());
                if entry.0 < leaver.0 {
                    *entry = leaver;
                }
            }
            before_batch.clone_from(&last);
        }
        // An event that took place twice, or never, says nothing about order.
        let Some([seq]) = seen.get(&event).map(Vec::as_slice) else { continue };
        let (context, subject, way, name) = event;
        let leaver = subject == Subject::User && way == Way::Leaves;
        let verb = if way == Way::Enters { "creation" } else { "deletion" };
        let title = format!("{verb} of {name}");
        let reference = if leaver { &before_batch } else { &last };
        match reference.get(&context) {
            Some((before, earlier)) if before > seq => found.push(Disorder {
                context,
                seq: *seq,
                what: format!("{title} came before the {earlier}, which is earlier in the queue"),
            }),
            _ if leaver => {
                let latest = leavers.entry(context).or_insert_with(|| (*seq, title.clone()));
                if latest.0 < *seq {
                    *latest = (*seq, title);
                }
            }
            _ => drop(last.insert(context, (*seq, title))),
        }
    }
    found
}

/// The fourth rule.
fn churn(calls: &[&Call], batches: &[Vec<&Value>]) -> Vec<Disorder> {
    let mut asked: BTreeMap<(u32, Subject, Way), u64> = BTreeMap::new();
    let mut places = Places::default();
    for item in batches.iter().flatten() {
        for (context, subject, way, _) in places.fold(item) {
            *asked.entry((context, subject, way)).or_default() += 1;
        }
    }
    let mut found = Vec::new();
    for call in calls.iter().filter(|call| call.ok) {
        let way = match call.effect() {
            Effect::Create => Way::Enters,
            Effect::Delete => Way::Leaves,
            Effect::Change | Effect::Read => continue,
        };
        // A copy is a creation where it goes to.
        let (subject, Some(context)) = (call.subject(), call.contexts.last()) else { continue };
        if !matches!(subject, Subject::User | Subject::Resource) {
            continue;
        }
        let left = asked.entry((*context, subject, way)).or_default();
        match left.checked_sub(1) {
            Some(less) => *left = less,
            None => found.push(Disorder {
                context: *context,
                seq: call.seq,
                what: format!("{} more often than the queue asks for", call.title()),
            }),
        }
    }
    found
}

/// When each event took place.
fn seen_events(calls: &[&Call]) -> BTreeMap<Event, Vec<u64>> {
    let mut names: BTreeMap<(u32, Subject, i64), String> = BTreeMap::new();
    let mut seen: BTreeMap<Event, Vec<u64>> = BTreeMap::new();
    for call in calls.iter().filter(|call| call.ok) {
        let subject = call.subject();
        let [context] = &*call.contexts else { continue };
        if !matches!(subject, Subject::User | Subject::Resource) {
            continue;
        }
        let way = match call.effect() {
            Effect::Create => Way::Enters,
            Effect::Delete => Way::Leaves,
            // A rename shows the new name beside the number.
            Effect::Change => {
                if let (Some(id), Some(name)) = (call.id, &call.name) {
                    names.insert((*context, subject, id), name.clone());
                }
                continue;
            }
            Effect::Read => continue,
        };
        let known = call.id.map(|id| (*context, subject, id));
        if let (Way::Enters, Some(known), Some(name)) = (way, known, &call.name) {
            names.insert(known, name.clone());
        }
        let name = call.name.clone().or_else(|| names.get(&known?).cloned());
        if let Some(name) = name {
            seen.entry((*context, subject, way, name)).or_default().push(call.seq);
        }
    }
    seen
}

/// The events that the items call for, each with its batch, in queue order; only those whose order is certain.
fn wanted_events(batches: &[Vec<&Value>]) -> Vec<(usize, Event)> {
    let contested = contested(batches);
    let mut places = Places::default();
    let mut wanted = Vec::new();
    for (at, batch) in batches.iter().enumerate() {
        let mut times: BTreeMap<&str, usize> = BTreeMap::new();
        for item in batch {
            *times.entry(item["id"].as_str().unwrap_or_default()).or_default() += 1;
        }
        // A user may go ahead of others if a group or account before it waits for it.
        let mut awaited: BTreeSet<String> = BTreeSet::new();
        for item in batch {
            let events = places.fold(item);
            let id = item["id"].as_str().unwrap_or_default();
            if let Some(properties) = item["object"].as_object() {
                let members = read::texts(properties, "users");
                awaited.extend(members.iter().map(|dn| dn.to_lowercase()));
            }
            if item["dn"].as_str().is_some_and(|dn| awaited.contains(&dn.to_lowercase())) {
                continue;
            }
            // The two sides of a move wait for each other, so it has no place in either order.
            if let ([event], Some(1), false) = (&*events, times.get(id), contested.contains(id)) {
                wanted.push((at, event.clone()));
            }
        }
    }
    wanted
}

/// Ids of objects whose name or one of whose addresses another object has at some time.
fn contested<'a>(batches: &[Vec<&'a Value>]) -> BTreeSet<&'a str> {
    const CLAIMS: [&str; 5] =
        ["username", "name", "mailPrimaryAddress", "mailAlternativeAddress", "resourceMailAddress"];
    let mut claims: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for item in batches.iter().flatten() {
        let (Some(id), Some(properties)) = (item["id"].as_str(), item["object"].as_object()) else {
            continue;
        };
        for claim in CLAIMS.iter().flat_map(|claim| read::texts(properties, claim)) {
            claims.entry(claim.to_lowercase()).or_default().insert(id);
        }
    }
    claims.into_values().filter(|ids| ids.len() > 1).flatten().collect()
}
