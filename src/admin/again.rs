//! Provisioning again what drover knows, and looking up numbers anew.

use serde::Deserialize;
use serde_json::json;

use super::Engine;
use super::find::find;
use super::words::{self, Answer, Refusal, shortened};
use crate::actors::operator::{Again, Order, Outcome};
use crate::model::{ContextId, ObjectId, ObjectKind};

/// Objects, or contexts, in one order: between two, the supervisor does what else there is to do.
const AT_ONCE: usize = 500;

/// Which objects.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Body {
    /// An id, a DN, a name, or CONTEXT/NAME.
    object: Option<String>,
    kind: Option<String>,
    context: Option<u32>,
    all: bool,
    dry_run: bool,
    note: Option<String>,
    by: Option<String>,
}

/// Has objects provisioned again.
pub(super) async fn resync(engine: &Engine, body: &[u8]) -> Answer {
    let body: Body = words::body(body)?;
    // Checked like everywhere; nothing is recorded of it, for it changes nothing that is desired.
    words::note(body.note.clone(), body.by.clone())?;
    let context = body.context.map(ContextId);
    let objects = match (&body.object, &body.kind, context, body.all) {
        (Some(what), None, None, false) => vec![the_one(engine, what)?],
        (None, kind, context, all) if all != (kind.is_some() || context.is_some()) => {
            let kind = kind.as_deref().map(words::kind).transpose()?;
            of_kind(engine, kind, context)
        }
        _ => {
            return Err(Refusal::bad(
                "it is not clear what is to be provisioned again",
                "give \"object\", or \"kind\" and \"context\" or one of them, or \"all\": true",
            ));
        }
    };
    if objects.is_empty() {
        return Err(Refusal::new(
            404,
            "drover knows no such object",
            "what is new to it has to come through the queue",
        ));
    }
    let mut parts = 0;
    if !body.dry_run {
        for chunk in objects.chunks(AT_ONCE) {
            let again = Again::Objects(chunk.to_vec(), context);
            if let Outcome::Again(marks) =
                engine.operator.order(Order::ProvisionAgain(again)).await?
            {
                parts += marks.len();
            }
        }
    }
    Ok(json!({
        "dry_run": body.dry_run,
        "objects": objects.len(),
        "parts": parts,
        "first": objects.iter().take(words::PAGE).collect::<Vec<_>>(),
    }))
}

fn of_kind(engine: &Engine, kind: Option<ObjectKind>, context: Option<ContextId>) -> Vec<ObjectId> {
    let mut objects = engine.index.objects_in(context);
    if let Some(kind) = kind {
        objects.retain(|id| engine.index.with(id, |known| known.kind) == Some(kind));
    }
    objects
}

/// The object that is meant.
fn the_one(engine: &Engine, what: &str) -> Result<ObjectId, Refusal> {
    let mut found = find(&engine.index, what);
    match (found.pop(), found.len()) {
        (Some(id), 0) => Ok(id),
        (None, _) => Err(Refusal::new(
            404,
            format!("no object {:?} is known", shortened(what)),
            "give its id, its DN, its name in OX, or CONTEXT/NAME",
        )),
        (Some(last), others) => {
            let ids: Vec<String> =
                found.iter().take(9).chain([&last]).map(ToString::to_string).collect();
            Err(Refusal::new(
                409,
                format!("{} objects are called that: {}", others + 1, ids.join(", ")),
                "give CONTEXT/NAME, or the id of the one that is meant",
            ))
        }
    }
}

/// Where numbers are to be looked up anew.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Rebuild {
    context: Option<u32>,
    all: bool,
}

/// Has the numbers of users looked up anew.
pub(super) async fn rebuild(engine: &Engine, body: &[u8]) -> Answer {
    let Rebuild { context, all } = words::body(body)?;
    let mut contexts: Vec<ContextId> =
        engine.index.contexts().into_iter().map(|one| one.context).collect();
    match (context, all) {
        (Some(context), false) => contexts.retain(|one| one.0 == context),
        (None, true) => contexts.sort_unstable(),
        _ => {
            return Err(Refusal::bad(
                "it is not said where numbers are to be looked up",
                "give \"context\": NUMBER, or \"all\": true",
            ));
        }
    }
    if contexts.is_empty() {
        return Err(Refusal::new(
            404,
            "drover knows of nothing there",
            "GET /v1/contexts (\"drover context list\") tells what it knows",
        ));
    }
    let mut begun = Vec::new();
    for chunk in contexts.chunks(AT_ONCE) {
        if let Outcome::Doubted(contexts) =
            engine.operator.order(Order::LookUpAgain(chunk.to_vec())).await?
        {
            begun.extend(contexts);
        }
    }
    Ok(json!({"contexts": begun}))
}
