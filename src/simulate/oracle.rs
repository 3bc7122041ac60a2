//! What OX must hold in the end: the queue's items folded one by one, in their order.
//!
//! The folding is [`demo::Directory`](crate::demo::Directory): plain, sequential, and without any
//! code of the engine. Here it is only told which items count: all that were put into the queue,
//! with their last content, but those that were removed by hand before they were done.

use serde_json::Value;

use super::laws::Violation;
use super::run::MAIL_HOST;
use crate::demo::judge::ox_state;
use crate::demo::{Defaults, Directory};
use crate::model::{Fate, ItemName};
use crate::store::{MemoryStore, Store as _};

/// The state that OX must have after these items, in their order.
pub fn expected<'i>(items: impl IntoIterator<Item = &'i Value>) -> Value {
    let defaults = Defaults { default_context: 10, imap_host: MAIL_HOST.to_owned() };
    let mut directory = Directory::new(defaults);
    directory.apply_all(items);
    directory.expected_state()
}

/// Compares what OX holds with what it must hold. `history` are all files that ever were, with
/// their last content; true: it was removed by hand. `reach`: changed access profiles reach those who
/// have them by themselves, which comes to the same as if they had been so from the start.
pub(super) fn compare(
    history: &[(ItemName, Vec<u8>, bool)],
    store: &MemoryStore,
    state: &Value,
    reach: bool,
) -> Vec<Violation> {
    let counts = |(name, _, by_hand): &&(ItemName, Vec<u8>, bool)| {
        let outcome = store.outcome(name).ok().flatten();
        match outcome {
            Some(outcome) => !matches!(outcome.fate, Fate::Dropped { .. }),
            None => !by_hand,
        }
    };
    let parsed = history.iter().filter(counts);
    let mut items: Vec<Value> =
        parsed.filter_map(|(_, bytes, _)| serde_json::from_slice(bytes).ok()).collect();
    if reach {
        let comes_later = |item: &Value| {
            item["udm_object_type"] != "oxmail/accessprofile" || item["object"].is_null()
        };
        items.sort_by_key(comes_later);
    }
    let differences = crate::demo::compare(&expected(&items), &ox_state(state));
    differences
        .into_iter()
        .map(|difference| Violation { law: "final state", text: difference.to_string() })
        .collect()
}
