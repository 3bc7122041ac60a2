//! Provisioning again what drover knows, and looking up numbers anew.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Engine;
use super::find::find;
use super::words::{self, Answer, Refusal, shortened, told};
use crate::actors::operator::{Again, Order, Outcome};
use crate::index::Index;
use crate::model::{ContextId, ObjectId, ObjectKind};

/// Objects, or contexts, in one order: between two, the supervisor does what else there is to do.
const AT_ONCE: usize = 500;

/// Which objects.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "ResyncOrder")]
pub(super) struct Body {
    /// One object: an id, a DN, a name in OX, or CONTEXT/NAME.
    object: Option<String>,
    /// All of that kind.
    kind: Option<String>,
    /// All in that context; together with a kind, those of that kind there.
    context: Option<u32>,
    /// Everything.
    all: bool,
    /// Only tell how many it would concern.
    dry_run: bool,
    /// Why.
    note: Option<String>,
    /// Who.
    by: Option<String>,
}

/// What is provisioned again, or would be.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Resynced {
    /// Whether it was only asked what it would concern.
    dry_run: bool,
    /// How many objects.
    objects: usize,
    /// In how many places, an object in two contexts being in two.
    parts: usize,
    /// Ids of the first of them.
    first: Vec<String>,
}

/// Has objects provisioned again.
pub(super) async fn resync(engine: &Engine, body: &[u8]) -> Answer {
    let body: Body = words::body(body)?;
    // Checked like everywhere; nothing is recorded of it, for it changes nothing that is desired.
    words::note(body.note.clone(), body.by.clone())?;
    let context = body.context.map(ContextId);
    let (object, kind) = (body.object.as_deref(), body.kind.as_deref());
    let objects = choose(&engine.index, object, kind, body.context, body.all)?;
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
    told(&Resynced {
        dry_run: body.dry_run,
        objects: objects.len(),
        parts,
        first: objects.iter().take(words::PAGE).map(ToString::to_string).collect(),
    })
}

/// The objects that are meant: one, or all of a kind, in a context, or both, or simply all.
pub(crate) fn choose(
    index: &Index,
    object: Option<&str>,
    kind: Option<&str>,
    context: Option<u32>,
    all: bool,
) -> Result<Vec<ObjectId>, Refusal> {
    let objects = match (object, kind, context, all) {
        (Some(what), None, None, false) => vec![the_one(index, what)?],
        (None, kind, context, all) if all != (kind.is_some() || context.is_some()) => {
            let kind = kind.map(words::kind).transpose()?;
            of_kind(index, kind, context.map(ContextId))
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
    Ok(objects)
}

fn of_kind(index: &Index, kind: Option<ObjectKind>, context: Option<ContextId>) -> Vec<ObjectId> {
    let mut objects = index.objects_in(context);
    if let Some(kind) = kind {
        objects.retain(|id| index.with(id, |known| known.kind) == Some(kind));
    }
    objects
}

/// The object that is meant.
fn the_one(index: &Index, what: &str) -> Result<ObjectId, Refusal> {
    let mut found = find(index, what);
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
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "RebuildOrder")]
pub(super) struct Rebuild {
    /// In that context.
    context: Option<u32>,
    /// In all contexts.
    all: bool,
}

/// Where numbers are looked up anew.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Rebuilt {
    /// The contexts.
    contexts: Vec<u32>,
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
            begun.extend(contexts.into_iter().map(|context| context.0));
        }
    }
    told(&Rebuilt { contexts: begun })
}
