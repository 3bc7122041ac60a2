//! Which objects a text means: an id, a DN now or before, a name, or a name in a context.

use crate::index::Index;
use crate::model::{ContextId, Dn, ObjectId};

/// A name in a context, if the text is one: `20/anna`.
pub fn in_context(what: &str) -> Option<(ContextId, &str)> {
    let (context, name) = what.split_once('/')?;
    Some((ContextId(context.trim().parse().ok()?), name.trim()))
}

/// Objects that are meant, sorted. More than one only if a name is borne more than once.
pub(crate) fn find(index: &Index, what: &str) -> Vec<ObjectId> {
    let what = what.trim();
    let id = ObjectId::new(what);
    if index.with(&id, |_| ()).is_some() {
        return vec![id];
    }
    if let Some(id) = index.by_dn(Dn::new(what).key()) {
        return vec![id];
    }
    match in_context(what) {
        Some((context, name)) => index.named(name, Some(context)),
        None => index.named(what, None),
    }
}
