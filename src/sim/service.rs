//! From a request to the world and back: one file a service.

mod account;
mod context;
mod copy;
mod deputy;
mod group;
mod resource;
mod shared_account;
mod user;

use super::answer::Answer;
use super::fault::{Class, Fault};
use super::request::{Arg, Record, Request};
use super::world::{Credentials, ObjectRef, World};

/// What a call is about, for the log and for scripts; read from the request alone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Target {
    pub(crate) contexts: [Option<u32>; 2],
    pub(crate) name: Option<String>,
    pub(crate) id: Option<u32>,
}

/// Does what the request asks for; the text is the answer.
pub(crate) fn call(world: &mut World, request: &Request) -> Result<String, Fault> {
    let done = match request.service.name {
        "OXContextService" => context::call(world, request),
        "OXUserService" => user::call(world, request),
        "OXGroupService" => group::call(world, request),
        "OXResourceService" => resource::call(world, request),
        "OXSecondaryAccountService" => account::call(world, request),
        "OXUserCopyService" => copy::call(world, request),
        "OXSharedAccountService" => shared_account::call(world, request),
        "OXDeputyPermissionsService" => deputy::call(world, request),
        _ => None,
    };
    done.unwrap_or_else(|| Err(unsupported(request)))
}

/// Operations that move data between stores and databases have nothing to move here.
fn unsupported(request: &Request) -> Fault {
    Fault::storage(format!("{} is not available on this server", request.operation.name))
}

/// Whether the operation takes the lock on the users of a context.
pub(crate) fn takes_user_lock(request: &Request) -> bool {
    let name = request.operation.name;
    match request.service.name {
        "OXUserService" => {
            name.starts_with("create")
                || name.starts_with("delete")
                || matches!(name, "change" | "changeByModuleAccess" | "changeByModuleAccessName")
        }
        "OXContextService" => name.starts_with("changeModuleAccess"),
        _ => false,
    }
}

/// Whether the operation changes anything when it succeeds.
pub(crate) fn is_write(request: &Request) -> bool {
    let reads = ["exists", "get", "list"];
    !reads.iter().any(|prefix| request.operation.name.starts_with(prefix))
}

/// What the request is about.
pub(crate) fn target(request: &Request) -> Target {
    let args = &request.args;
    let id = |name: &str| {
        args.object(name).and_then(|object| object.int("id")).and_then(|id| u32::try_from(id).ok())
    };
    let contexts = match request.service.name {
        "OXUserCopyService" => [id("src"), id("dest")],
        "OXSecondaryAccountService" | "OXDeputyPermissionsService" => [id("context"), None],
        "OXSharedAccountService" => {
            let first = if args.has("ctx") { id("ctx") } else { id("sharedAccountCtx") };
            [first, None]
        }
        _ => [id("ctx"), None],
    };
    if request.service.name == "OXSecondaryAccountService" {
        let data = args.object("accountDataOnCreate");
        let address = data.and_then(|data| data.text("primaryAddress"));
        let address = address.or_else(|| args.text("primaryAddress"));
        return Target { contexts, name: address.map(str::to_owned), id: None };
    }
    if request.service.name == "OXDeputyPermissionsService" {
        let user = if args.has("user") { args.int("user") } else { None };
        let id = user.and_then(|id| u32::try_from(id).ok());
        return Target { contexts, name: None, id };
    }
    let object = [
        "sharedAccountData",
        "sharedAccount",
        "usrdata",
        "user",
        "usr",
        "grp",
        "res",
        "users",
        "grps",
        "resources",
    ]
    .iter()
    .find_map(|name| args.objects(name).next());
    let object = match request.service.name {
        "OXContextService" => args.object("ctx"),
        _ => object,
    };
    let name = object.and_then(|object| object.text("name")).map(str::to_owned);
    let id = object.and_then(|object| object.int("id")).and_then(|id| u32::try_from(id).ok());
    Target { contexts, name, id }
}

/// The credentials sent; none count as empty ones.
fn auth(request: &Request) -> Credentials<'_> {
    let auth = request.args.object("auth");
    let text = |name| auth.and_then(|auth: &Record| auth.text(name)).unwrap_or_default();
    Credentials { login: text("login"), password: text("password") }
}

/// The context's id in the parameter of that name.
fn context_of(request: &Request, name: &str) -> Option<i64> {
    request.args.object(name).and_then(|context| context.int("id"))
}

/// How an object names itself.
fn reference(record: &Record) -> ObjectRef<'_> {
    ObjectRef {
        id: record.int("id"),
        name: record.has("name").then(|| record.text("name")).flatten(),
    }
}

/// The references in a repeated parameter; `None` when it was not sent.
fn references<'r>(request: &'r Request, name: &str) -> Option<Vec<ObjectRef<'r>>> {
    let found: Vec<_> = request.args.objects(name).map(reference).collect();
    (!found.is_empty()).then_some(found)
}

/// A void answer.
fn done(request: &Request) -> String {
    Answer::result(request.service, request.operation, |_| {})
}

/// An answer of one value.
fn value(request: &Request, value: impl std::fmt::Display) -> String {
    Answer::result(request.service, request.operation, |out| out.show("return", value))
}

/// A yes or no.
fn flag(record: &Record, name: &str) -> Option<bool> {
    record.text(name).map(|text| text == "true")
}

/// Attributes: a map of maps, flattened; a value that is nil is `None`.
fn attributes(record: &Record) -> Vec<(String, String, Option<String>)> {
    let mut found = Vec::new();
    let Some(map) = record.object("userAttributes") else { return found };
    for outer in map.objects("entries") {
        let Some(namespace) = outer.text("key") else { continue };
        for inner in outer.object("value").into_iter().flat_map(|value| value.objects("entries")) {
            let Some(key) = inner.text("key") else { continue };
            let value = match inner.get("value") {
                Some(Arg::Text(text)) => Some(text.clone()),
                _ => None,
            };
            found.push((namespace.to_owned(), key.to_owned(), value));
        }
    }
    found
}

/// The null pointer a missing argument runs into.
fn null_pointer(call: &str, what: &str) -> Fault {
    Fault::new(Class::Plain, format!("Cannot invoke \"{call}\" because \"{what}\" is null"))
}
