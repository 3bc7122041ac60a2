//! What an operator sees of whole contexts, and can have looked up anew in them.

use std::collections::BTreeMap;

use super::operating::Carried;
use super::remembered::context_of;
use super::{Supervisor, What};
use crate::actors::operator::{ContextView, Outcome};
use crate::lanes::Lane;
use crate::model::{ContextId, ObjectId};
use crate::redact::without_addresses;
use crate::store::{Change, HoldScope, Mark};

/// What is said to be looked at again while numbers are looked up; no object has this id.
const NUMBERS: &str = "numbers of users";

impl Supervisor {
    /// Contexts that have work or are held, by number. One look at each pending entry.
    pub(super) fn view_contexts(&self) -> Vec<ContextView> {
        let mut views: BTreeMap<ContextId, ContextView> = BTreeMap::new();
        for (entry, task) in self.lanes.tasks() {
            let taken = matches!(task.what, What::Item(_)).then_some(task.taken_ms);
            let running = self.lanes.running(entry);
            for context in self.lanes.open_lanes(entry).filter_map(context_of) {
                let view = views.entry(context).or_insert_with(|| blank(context));
                view.pending += 1;
                view.running |= running;
                if let Some(taken) = taken.filter(|taken| *taken > 0) {
                    view.oldest_ms = Some(view.oldest_ms.map_or(taken, |old| old.min(taken)));
                }
            }
        }
        for view in views.values_mut() {
            view.aside = self.lanes.aside_in(Lane::Context(view.context)).count();
        }
        for entry in self.faulty.iter().filter(|entry| !self.lanes.is_parked(**entry)) {
            let Some(task) = self.lanes.task(*entry) else { continue };
            // That it is being tried again just now does not get the context going.
            let tried = task.fault.as_ref().filter(|_| self.lanes.running(*entry));
            let tried = tried.map(|fault| fault.lane);
            let lanes = self.lanes.stopped_lanes(*entry).chain(tried);
            for context in lanes.filter_map(context_of) {
                let Some(view) = views.get_mut(&context) else { continue };
                view.stopped_at = Some(task.name.clone());
                let fault = task.fault.as_ref();
                view.fault = fault.map(|fault| without_addresses(&fault.failure.text));
            }
        }
        for hold in self.holds.values() {
            if let HoldScope::Context(context) = hold.scope {
                let view = views.entry(context).or_insert_with(|| blank(context));
                view.held = Some(hold.clone());
            }
        }
        views.into_values().collect()
    }

    /// Has the users' numbers of these contexts looked up anew. That is done by whatever is done next
    /// in the context; so that something is, an object is looked at again that is none.
    pub(super) fn look_up_again(&mut self, contexts: Vec<ContextId>) -> Carried {
        let mut commit = Vec::new();
        for context in &contexts {
            let context = *context;
            commit.push(Change::Doubt { context });
            self.env.index.cache().doubt(context);
            self.add_look(Mark { object: ObjectId::new(NUMBERS), context });
        }
        let mut carried = Carried::from(Outcome::Doubted(contexts));
        carried.commit = commit;
        carried
    }
}

fn blank(context: ContextId) -> ContextView {
    ContextView {
        context,
        pending: 0,
        aside: 0,
        running: false,
        stopped_at: None,
        fault: None,
        oldest_ms: None,
        held: None,
    }
}
