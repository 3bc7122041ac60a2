//! Where the queue wants users and resources to be, and when they enter and leave a context.

use std::collections::BTreeMap;

use serde_json::Value;

use super::call::Subject;
use crate::demo::directory::read;

/// What becomes of an object: it enters or leaves a context under a name.
pub(super) type Event = (u32, Subject, Way, String);

/// Entering or leaving.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    Enters,
    Leaves,
}

/// A user or resource as its last item left it.
#[derive(Clone, PartialEq)]
struct Place {
    context: u32,
    name: String,
}

/// Where every user and resource is, by object id; contexts by theirs.
#[derive(Default)]
pub(super) struct Places<'a> {
    places: BTreeMap<&'a str, (Subject, Place)>,
    contexts: BTreeMap<&'a str, u32>,
}

impl<'a> Places<'a> {
    /// Folds an item in; answers what it makes enter and leave: two events for a move.
    pub(super) fn fold(&mut self, item: &'a Value) -> Vec<Event> {
        let id = item["id"].as_str().unwrap_or_default();
        let Some(subject) = subject(item) else {
            self.fold_context(id, item);
            return Vec::new();
        };
        let old = self.places.remove(id).map(|(_, place)| place);
        let new = place(item);
        if let Some(new) = &new {
            self.places.insert(id, (subject, new.clone()));
        }
        let context = |place: &Option<Place>| place.as_ref().map(|place| place.context);
        if context(&old) == context(&new) {
            return Vec::new();
        }
        let leaves = old.map(|old| (old.context, subject, Way::Leaves, old.name));
        let enters = new.map(|new| (new.context, subject, Way::Enters, new.name));
        leaves.into_iter().chain(enters).collect()
    }

    /// A deleted context takes everything with it.
    fn fold_context(&mut self, id: &'a str, item: &Value) {
        if item["udm_object_type"] != "oxmail/oxcontext" {
            return;
        }
        let number = item["object"].as_object().and_then(|p| read::context(p, "contextid"));
        if let Some(number) = number {
            self.contexts.insert(id, number);
        } else if let Some(gone) = self.contexts.remove(id) {
            self.places.retain(|_, (_, place)| place.context != gone);
        }
    }
}

fn subject(item: &Value) -> Option<Subject> {
    match item["udm_object_type"].as_str()? {
        "users/user" => Some(Subject::User),
        "oxresources/oxresources" => Some(Subject::Resource),
        _ => None,
    }
}

/// Where an item wants its object to be; none if nowhere.
fn place(item: &Value) -> Option<Place> {
    let properties = item["object"].as_object()?;
    let context = read::context(properties, "oxContext")?;
    let name = match subject(item)? {
        Subject::User if read::flag(properties, "isOxUser") => read::text(properties, "username"),
        Subject::Resource => read::text(properties, "name"),
        _ => return None,
    };
    Some(Place { context, name })
}
