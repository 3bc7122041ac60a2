//! The description of all that can be asked (OpenAPI 3.1), made from the table of routes and the types
//! of the answers.
//!
//! What is not in the table cannot be described, and what is in it has to be: the match below has no
//! wildcard.

use std::collections::BTreeSet;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::route::{Ask, ROUTES, Route};
use super::token::Role;
use super::verbs::Verb;
use super::{
    again, causes, contexts, events, inspect, items, route, status, verbs, watched, words,
};

/// What an operation takes and gives.
struct Described {
    id: &'static str,
    summary: &'static str,
    parameters: &'static [Parameter],
    body: Option<Schema>,
    answer: Answered,
}

/// What an operation answers with.
enum Answered {
    Json(Schema),
    /// Server-sent events: name and data of each.
    Events(Vec<(&'static str, Schema)>),
    /// Any object.
    Document,
    /// Lines of text.
    Text,
}

/// A parameter in the query.
struct Parameter {
    name: &'static str,
    whole_number: bool,
    meaning: &'static str,
}

const fn text(name: &'static str, meaning: &'static str) -> Parameter {
    Parameter { name, whole_number: false, meaning }
}

const fn number(name: &'static str, meaning: &'static str) -> Parameter {
    Parameter { name, whole_number: true, meaning }
}

const LIMIT: Parameter = number("limit", "At most so many, from 1 to 1000; 100 if it is left out.");

const CONTEXTS: &[Parameter] = &[
    text("sort", "By `id`, `name`, `depth`, `state` or `age`, with `-` before it for the reverse."),
    text("state", "Only these states, separated by commas."),
    text("search", "Only those with this in their number or name."),
    number("offset", "Leave out so many."),
    LIMIT,
];

const ITEMS: &[Parameter] = &[
    text("state", "Names of open fates, separated by commas: pending, faulty, parked, blocked."),
    number("context", "To be worked on in that context."),
    text("kind", "Of objects of that kind."),
    text("object", "Of the object with that id, either of its ids."),
    text("fault", "In the class or text of the fault, in any case of letters."),
    text(
        "fingerprint",
        "With exactly that fingerprint of the fault, or that short name of a cause.",
    ),
    text("after", "After that item in the queue's order: `next` of the page before."),
    LIMIT,
];

const HISTORY: &[Parameter] =
    &[text("what", "An object's id, DN or name, or the name of a queue file."), LIMIT];

/// Both kinds of types: those that go out, and those that come in.
struct Types {
    answers: SchemaGenerator,
    bodies: SchemaGenerator,
}

impl Types {
    fn new() -> Self {
        let settings = SchemaSettings::draft2020_12().with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        });
        Self {
            answers: settings.clone().for_serialize().into_generator(),
            bodies: settings.for_deserialize().into_generator(),
        }
    }

    fn answer<T: JsonSchema>(&mut self) -> Answered {
        Answered::Json(self.answers.subschema_for::<T>())
    }

    fn body<T: JsonSchema>(&mut self) -> Schema {
        self.bodies.subschema_for::<T>()
    }

    fn event<T: JsonSchema>(&mut self, name: &'static str) -> (&'static str, Schema) {
        (name, self.answers.subschema_for::<T>())
    }
}

fn described(ask: Ask, types: &mut Types) -> Described {
    let get =
        |id, summary, parameters, answer| Described { id, summary, parameters, body: None, answer };
    let post = |id, summary, body, answer| Described {
        id,
        summary,
        parameters: &[],
        body: Some(body),
        answer,
    };
    match ask {
        Ask::Index => get("overview", "What there is.", &[], types.answer::<route::Overview>()),
        Ask::Live => get(
            "live",
            "Whether drover's scheduler moves. Needs no token.",
            &[],
            types.answer::<status::Live>(),
        ),
        Ask::Ready => get(
            "ready",
            "Whether the queue was read and orders are taken; that OX is down changes nothing about \
             it. Needs no token.",
            &[],
            types.answer::<status::Ready>(),
        ),
        Ask::Start => get(
            "started",
            "Whether the queue was read once since drover began. Needs no token.",
            &[],
            types.answer::<watched::Started>(),
        ),
        Ask::Metrics => {
            get("metrics", "Numbers for Prometheus, in its text format.", &[], Answered::Text)
        }
        Ask::Status => {
            get("status", "Everything at a moment.", &[], types.answer::<status::Status>())
        }
        Ask::Contexts => get(
            "contexts",
            "A page of contexts: how each is doing, and why it stands still.",
            CONTEXTS,
            types.answer::<contexts::ContextsPage>(),
        ),
        Ask::Context => get(
            "context",
            "One context, and what is pending there.",
            &[],
            types.answer::<contexts::ContextTold>(),
        ),
        Ask::Items => get(
            "items",
            "A page of pending items, in the queue's order.",
            ITEMS,
            types.answer::<items::ItemsPage>(),
        ),
        Ask::Item => get(
            "item",
            "One item's story: how it is, every attempt that failed, what it keeps back, what to do.",
            &[],
            types.answer::<items::Story>(),
        ),
        Ask::History => get(
            "history",
            "What is remembered of an object, or of a queue file.",
            HISTORY,
            types.answer::<items::History>(),
        ),
        Ask::Causes => get(
            "causes",
            "What stands still, put together by cause, that which keeps most contexts first.",
            &[],
            types.answer::<causes::Causes>(),
        ),
        Ask::Holds => get("holds", "What is held.", &[], types.answer::<verbs::Holds>()),
        Ask::Cache => get(
            "cache",
            "How well the numbers of users, groups and resources are known.",
            &[],
            types.answer::<status::Cache>(),
        ),
        Ask::Settings => get(
            "settings",
            "All settings in force, secrets masked.",
            &[],
            types.answer::<inspect::Settings>(),
        ),
        Ask::Ledger => get(
            "ledger",
            "Whether everything that was taken in is accounted for. Reads all of the ledger.",
            &[],
            types.answer::<inspect::Ledger>(),
        ),
        Ask::Events => get(
            "events",
            "Live events, as server-sent events. A stream that is read too slowly loses some and is \
             told how many.",
            &[],
            Answered::Events(vec![
                types.event::<events::Hello>("hello"),
                types.event::<status::Totals>("status"),
                types.event::<events::Taken>("taken"),
                types.event::<events::Failed>("failed"),
                types.event::<events::Became>("became"),
                types.event::<events::Ended>("ended"),
                types.event::<events::Acted>("acted"),
                types.event::<events::Lost>("lost"),
            ]),
        ),
        Ask::OpenApi => get("description", "This description.", &[], Answered::Document),
        Ask::Verb(verb) => {
            let summary = match verb {
                Verb::Retry => "Try items now instead of after their pause.",
                Verb::Park => "Set items aside, with all that cannot be done without them.",
                Verb::Release => "Put parked items back.",
                Verb::Drop => "Take items out undone, and remove their files.",
            };
            post(verb.word(), summary, types.body::<verbs::Body>(), types.answer::<verbs::Done>())
        }
        Ask::Hold => post(
            "hold",
            "Begin nothing new in a context, or anywhere, until it is resumed.",
            types.body::<verbs::Where>(),
            types.answer::<verbs::Holds>(),
        ),
        Ask::Resume => post(
            "resume",
            "Go on there.",
            types.body::<verbs::Where>(),
            types.answer::<verbs::Holds>(),
        ),
        Ask::Resync => post(
            "resync",
            "Provision again what drover knows. Never deletes.",
            types.body::<again::Body>(),
            types.answer::<again::Resynced>(),
        ),
        Ask::RebuildCache => post(
            "rebuildCache",
            "Look up the numbers of users anew.",
            types.body::<again::Rebuild>(),
            types.answer::<again::Rebuilt>(),
        ),
    }
}

/// The whole description.
pub fn document() -> Value {
    let mut types = Types::new();
    let refused = types.answers.subschema_for::<words::Refused>();
    let mut paths = Map::new();
    let mut ids = BTreeSet::new();
    for route in ROUTES {
        let method = if route.posts { "post" } else { "get" };
        let mut operation = operation(route, described(route.ask, &mut types), &refused);
        let id = operation["operationId"].as_str().unwrap_or_default().to_owned();
        // Of the same under another path the id is another one.
        if !ids.insert(id.clone()) {
            operation["operationId"] = format!("{id}AtRoot").into();
        }
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[method] = operation;
    }
    let hint = types.answers.subschema_for::<words::HintTold>();
    let mut schemas = types.answers.take_definitions(true);
    let of_events = names_of_events(&paths);
    for (_, schema) in schemas.iter_mut().filter(|(name, _)| !of_events.contains(*name)) {
        add_hints(schema, &hint);
    }
    schemas.extend(types.bodies.take_definitions(true));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "drover",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What operators can see of a running drover, and do. At the socket \
                everything may be done; at the address a token says what. Answers may get further \
                fields; what is described stays. Times are milliseconds since 1970 UTC.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    })
}

/// Types that only events have.
fn names_of_events(paths: &Map<String, Value>) -> BTreeSet<String> {
    let of_path = |path: &Value| {
        let content = &path["get"]["responses"]["200"]["content"]["text/event-stream"];
        let events = content["x-events"].as_object();
        events.into_iter().flatten().map(|(_, event)| event.clone()).collect::<Vec<_>>()
    };
    let events = paths.values().flat_map(of_path);
    events
        .filter_map(|event| Some(event["$ref"].as_str()?.rsplit_once('/')?.1.to_owned()))
        .collect()
}

/// Answers tell of what a fault means beside it, however deep in them it is
/// ([`crate::hints::put_beside`]).
fn add_hints(schema: &mut Value, hint: &Schema) {
    let has = |name: &str| schema["properties"].get(name).is_some();
    let fault = (has("fault") || has("last_fault")).then_some("hint");
    let outage = has("outage").then_some("outage_hint");
    for name in fault.into_iter().chain(outage) {
        schema["properties"][name] = json!({
            "description": "What it means and what to do, in the language that the request accepts; \
                            null if there is nothing to tell.",
            "anyOf": [hint, {"type": "null"}],
        });
        if let Some(required) = schema["required"].as_array_mut() {
            required.push(name.into());
        }
    }
}

fn operation(route: &Route, told: Described, refused: &Schema) -> Value {
    let content = match told.answer {
        Answered::Json(schema) => json!({"application/json": {"schema": schema}}),
        Answered::Document => json!({"application/json": {"schema": {"type": "object"}}}),
        Answered::Text => json!({"text/plain": {"schema": {"type": "string"}}}),
        Answered::Events(events) => {
            let events: Map<String, Value> =
                events.into_iter().map(|(name, schema)| (name.to_owned(), schema.into())).collect();
            json!({"text/event-stream": {"schema": {"type": "string"}, "x-events": events}})
        }
    };
    let mut operation = json!({
        "operationId": told.id,
        "summary": told.summary,
        "responses": {
            "200": {"description": "The answer.", "content": content},
            "default": {
                "description": "It was refused; nothing was done.",
                "content": {"application/json": {"schema": refused}},
            },
        },
    });
    let mut parameters: Vec<Value> = Vec::new();
    if let Some((_, part)) = route.path.split_once('{') {
        let name = part.trim_end_matches('}');
        let kind = if name == "context" { "integer" } else { "string" };
        parameters
            .push(json!({"name": name, "in": "path", "required": true, "schema": {"type": kind}}));
    }
    parameters.extend(told.parameters.iter().map(|parameter| {
        let kind = if parameter.whole_number { "integer" } else { "string" };
        json!({
            "name": parameter.name,
            "in": "query",
            "description": parameter.meaning,
            "schema": {"type": kind},
        })
    }));
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    if let Some(body) = told.body {
        operation["requestBody"] =
            json!({"required": true, "content": {"application/json": {"schema": body}}});
    }
    let role = match route.needs {
        Role::Nobody => "nobody",
        Role::Reader => "reader",
        Role::Operator => "operator",
    };
    operation["x-role"] = role.into();
    let token: Vec<Value> =
        if route.needs == Role::Nobody { Vec::new() } else { vec![json!({"token": []})] };
    operation["security"] = token.into();
    operation
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_out_and_what_comes_in_have_names_of_their_own() {
        let mut types = Types::new();
        for route in ROUTES {
            described(route.ask, &mut types);
        }
        let (answers, bodies) = (types.answers.definitions(), types.bodies.definitions());
        let both: Vec<_> = answers.keys().filter(|name| bodies.contains_key(*name)).collect();
        assert!(both.is_empty(), "{both:?}");
        let document = document();
        let methods = document["paths"].as_object().into_iter().flatten();
        let operations = methods.filter_map(|(_, methods)| methods.as_object()).flatten();
        let mut ids = BTreeSet::new();
        for (_, operation) in operations {
            let id = operation["operationId"].as_str().unwrap_or_default();
            assert!(ids.insert(id), "{id} is given twice");
        }
        assert_eq!(ids.len(), ROUTES.len());
    }
}
