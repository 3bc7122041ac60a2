//! OXContextService.

use std::collections::BTreeMap;

use super::super::answer::{Answer, Object};
use super::super::fault::Fault;
use super::super::interface::Service;
use super::super::request::{Record, Request};
use super::super::world::{Access, Attributes, Context, ContextInput, Listed, ObjectRef, World};
use super::{attributes, auth, done, reference, value};

/// The read and write database of every context.
const DATABASE: (&str, &str) = ("3", "oxdb_5");
const FILESTORE: u32 = 2;

pub(super) fn call(world: &mut World, request: &Request) -> Option<Result<String, Fault>> {
    let auth = auth(request);
    let args = &request.args;
    let named = args.object("ctx").map(reference).unwrap_or_default();
    let text = |name: &str| args.text(name).unwrap_or_default();
    Some(match request.operation.name {
        "exists" | "existsInServer" => {
            world.context_exists(&named, auth).map(|exists| value(request, exists))
        }
        "getData" => world.context_data(&named, auth).map(|context| {
            Answer::result(request.service, request.operation, |out| {
                out.object(request.service, "return", |out| {
                    context_data(out, request.service, context, false);
                });
            })
        }),
        "create" | "createModuleAccess" | "createModuleAccessByName" => create(world, request),
        "change" => world.context_change(&input(args.object("ctx")), auth).map(|_| done(request)),
        "delete" => world.context_delete(&named, auth).map(|_| done(request)),
        "downgrade" => world.master_context(&named, auth).map(|_| done(request)),
        "enable" => world.context_enable(&named, true, auth).map(|_| done(request)),
        "disable" => world.context_enable(&named, false, auth).map(|_| done(request)),
        "enableAll" => world.context_enable_all(true, auth).map(|()| done(request)),
        "disableAll" => world.context_enable_all(false, auth).map(|()| done(request)),
        "getAdminId" => admin_id(world, request, &named),
        "getAccessCombinationName" => with_admin_rights(world, request, &named, |out, rights| {
            out.maybe("return", rights.combination_name());
        }),
        "getModuleAccess" => with_admin_rights(world, request, &named, |out, rights| {
            out.object(request.service, "return", |out| super::user::rights_data(out, rights));
        }),
        "changeModuleAccess" => {
            let access = Access::Listed(super::user::access(args.object("access")));
            world.context_access(&named, &access, auth).map(|_| done(request))
        }
        "changeModuleAccessByName" => {
            let access = Access::Named(args.text("access_combination_name").map(str::to_owned));
            world.context_access(&named, &access, auth).map(|_| done(request))
        }
        "changeCapabilities" => {
            let lists = [text("capsToAdd"), text("capsToRemove"), text("capsToDrop")];
            world.context_capabilities(&named, lists, auth).map(|_| done(request))
        }
        "getContextCapabilities" => {
            let id = world.master_context(&named, auth);
            id.and_then(|id| world.context(id)).map(|context| {
                let words: Vec<&str> = context.capabilities.iter().map(String::as_str).collect();
                value(request, words.join(", "))
            })
        }
        "listQuota" => {
            let id = world.master_context(&named, auth);
            id.and_then(|id| world.context(id)).map(|context| {
                Answer::result(request.service, request.operation, |out| {
                    out.objects(
                        request.service,
                        "return",
                        &context.quotas,
                        |out, (module, limit)| {
                            out.show("limit", limit);
                            out.text("module", module);
                        },
                    );
                })
            })
        }
        "changeQuota" => world
            .context_quota(&named, text("module"), text("quotaValue"), auth)
            .map(|_| done(request)),
        "list" | "listAll" | "listByDatabase" | "listByFilestore" => list(world, request, 0, None),
        "listPage" | "listPageAll" | "listPageByDatabase" | "listPageByFilestore" => {
            let number = |name: &str| text(name).trim().parse::<usize>();
            match (number("offset"), number("length")) {
                (Ok(offset), Ok(length)) => list(world, request, offset, Some(length)),
                _ => Err(Fault::data("Invalid offset or length")),
            }
        }
        _ => return None,
    })
}

fn input(record: Option<&Record>) -> ContextInput {
    let Some(record) = record else { return ContextInput::default() };
    let mappings = record.all("loginMappings").filter_map(|arg| match arg {
        super::Arg::Text(text) => Some(text.clone()),
        _ => None,
    });
    let mut sent = Attributes::new();
    for (namespace, key, value) in attributes(record) {
        sent.entry(namespace).or_default().insert(key, value.unwrap_or_default());
    }
    ContextInput {
        id: record.int("id"),
        name: record.text("name").map(str::to_owned),
        max_quota: record.int("maxQuota"),
        mappings: mappings.collect(),
        attributes: sent,
    }
}

fn create(world: &mut World, request: &Request) -> Result<String, Fault> {
    let args = &request.args;
    let access = match request.operation.name {
        "createModuleAccess" => Access::Listed(super::user::access(args.object("access"))),
        "createModuleAccessByName" => {
            Access::Named(args.text("access_combination_name").map(str::to_owned))
        }
        _ => Access::Default,
    };
    let admin = args.object("admin_user").map(super::user::input);
    let input = input(args.object("ctx"));
    let id = world.context_create(&input, admin.as_ref(), &access, auth(request))?;
    let context = world.context(id)?;
    Ok(Answer::result(request.service, request.operation, |out| {
        out.object(request.service, "return", |out| {
            out.text("enabled", "true");
            out.show("filestoreId", FILESTORE);
            out.show("filestore_name", format_args!("{id}_ctx_store"));
            out.show("id", id);
            out.texts("loginMappings", context.mappings.iter().map(String::as_str));
            out.show("maxQuota", context.max_quota);
            out.text("name", &context.name);
            map_data(out, request.service, &context.attributes);
        });
    }))
}

fn admin_id(world: &World, request: &Request, named: &ObjectRef<'_>) -> Result<String, Fault> {
    world.auth_master(auth(request))?;
    // A missing context is no context here, but wrong credentials.
    world
        .resolve_context(named)
        .and_then(|id| u32::try_from(id).map_err(|_| Fault::credentials()))
        .and_then(|id| world.context(id).map_err(|_| Fault::credentials()))
        .map(|_| value(request, super::super::world::ADMIN))
}

fn with_admin_rights(
    world: &World,
    request: &Request,
    named: &ObjectRef<'_>,
    write: impl FnOnce(&mut Object<'_>, super::super::world::rights::Rights),
) -> Result<String, Fault> {
    let id = world.master_context(named, auth(request))?;
    let admin = world.context(id)?.user(super::super::world::ADMIN)?;
    let rights = admin.rights;
    Ok(Answer::result(request.service, request.operation, |out| write(out, rights)))
}

fn list(
    world: &World,
    request: &Request,
    offset: usize,
    length: Option<usize>,
) -> Result<String, Fault> {
    let pattern = request.args.has("search_pattern").then(|| request.args.text("search_pattern"));
    let pattern = pattern.flatten().unwrap_or_default();
    let listed = Listed { pattern, offset, length: length.unwrap_or(usize::MAX) };
    let ids = world.context_list(listed, auth(request))?;
    let contexts = ids.into_iter().filter_map(|id| world.context(id).ok());
    Ok(Answer::result(request.service, request.operation, |out| {
        out.objects(request.service, "return", contexts, |out, context| {
            context_data(out, request.service, context, true);
        });
    }))
}

/// A context; its id is among the mappings of lists only.
fn context_data(out: &mut Object<'_>, service: &'static Service, context: &Context, list: bool) {
    let id = context.id.to_string();
    let mappings = context.mappings.iter().map(String::as_str);
    out.text("average_size", "200");
    out.show("enabled", context.enabled);
    out.show("filestoreId", FILESTORE);
    out.show("filestore_name", format_args!("{id}_ctx_store"));
    out.text("id", &id);
    out.texts("loginMappings", mappings.filter(|mapping| list || *mapping != id));
    if context.max_quota >= 0 {
        out.show("maxQuota", context.max_quota);
    }
    out.text("name", &context.name);
    out.object(service, "readDatabase", database);
    out.text("usedQuota", "0");
    map_data(out, service, &context.attributes);
    out.object(service, "writeDatabase", database);
}

fn database(out: &mut Object<'_>) {
    out.text("id", DATABASE.0);
    out.text("scheme", DATABASE.1);
}

/// Attributes as a map of maps.
pub(super) fn map_data(out: &mut Object<'_>, service: &'static Service, attributes: &Attributes) {
    out.object(service, "userAttributes", |out| {
        out.objects(service, "entries", attributes, |out, (namespace, entries)| {
            out.text("key", namespace);
            out.object(service, "value", |out| {
                out.objects(service, "entries", entries_of(entries), |out, (key, value)| {
                    out.text("key", key);
                    out.text("value", value);
                });
            });
        });
    });
}

fn entries_of(entries: &BTreeMap<String, String>) -> impl Iterator<Item = (&String, &String)> {
    entries.iter()
}
