//! What faults that are not cured have in common, and what each cause keeps.

use std::collections::{BTreeSet, HashMap};

use super::remembered::context_of;
use super::{Supervisor, What};
use crate::actors::operator::Cause;
use crate::model::{ContextId, Fate, ItemName};

/// A fault of one item.
struct Met<'a> {
    item: &'a ItemName,
    fingerprint: &'a str,
    class: &'a str,
    text: &'a str,
    first_ms: i64,
}

/// A cause, and the contexts that stand still for it.
struct Found {
    cause: Cause,
    stopped: BTreeSet<ContextId>,
}

/// By fingerprint.
#[derive(Default)]
struct Causes(HashMap<String, Found>);

impl Causes {
    fn add(&mut self, met: &Met<'_>) -> &mut Found {
        let found = self.0.entry(met.fingerprint.to_owned()).or_insert_with(|| Found {
            cause: Cause {
                fingerprint: met.fingerprint.to_owned(),
                class: met.class.to_owned(),
                example: met.item.clone(),
                fault: met.text.to_owned(),
                faulty: 0,
                parked: 0,
                contexts: BTreeSet::new(),
                stopped: 0,
                since_ms: met.first_ms,
            },
            stopped: BTreeSet::new(),
        });
        found.cause.since_ms = found.cause.since_ms.min(met.first_ms);
        if *met.item < found.cause.example {
            found.cause.example = met.item.clone();
            met.text.clone_into(&mut found.cause.fault);
        }
        found
    }
}

impl Supervisor {
    /// Causes of faults, the one that keeps most contexts first. One look at each pending entry.
    pub(super) fn causes(&self) -> Vec<Cause> {
        let mut causes = Causes::default();
        for (entry, task) in self.lanes.tasks() {
            let (What::Item(_), Some(fault)) = (&task.what, &task.fault) else { continue };
            let fate = self.fate_of(entry, task);
            let parked = matches!(fate, Fate::Parked { .. });
            if !parked && !matches!(fate, Fate::Faulty { .. }) {
                continue;
            }
            let found = causes.add(&Met {
                item: &task.name,
                fingerprint: &fault.fingerprint,
                class: &fault.failure.class,
                text: &fault.failure.text,
                first_ms: fault.first_ms,
            });
            found.cause.contexts.extend(self.lanes.open_lanes(entry).filter_map(context_of));
            if parked {
                found.cause.parked += 1;
                continue;
            }
            found.cause.faulty += 1;
            // That it is being tried again just now does not get the context going.
            let tried = self.lanes.running(entry).then_some(fault.lane);
            let stopped = self.lanes.stopped_lanes(entry).chain(tried);
            found.stopped.extend(stopped.filter_map(context_of));
        }
        for (item, file) in &self.unusable {
            let fault = &file.fault;
            let found = causes.add(&Met {
                item,
                fingerprint: &fault.fingerprint,
                class: &fault.class,
                text: &fault.text,
                first_ms: fault.first_ms,
            });
            found.cause.faulty += 1;
        }
        let all = causes.0.into_values();
        let mut all: Vec<Cause> =
            all.map(|found| Cause { stopped: found.stopped.len(), ..found.cause }).collect();
        let weight = |cause: &Cause| (cause.stopped, cause.faulty, cause.parked);
        all.sort_by(|a, b| {
            weight(b).cmp(&weight(a)).then_with(|| a.fingerprint.cmp(&b.fingerprint))
        });
        all
    }
}
