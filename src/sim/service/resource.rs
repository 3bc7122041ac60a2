//! OXResourceService.

use super::super::answer::{Answer, Object};
use super::super::fault::Fault;
use super::super::request::{Record, Request};
use super::super::world::{Resource, ResourceInput, World};
use super::{auth, context_of, done, flag, reference, references};

pub(super) fn call(world: &mut World, request: &Request) -> Option<Result<String, Fault>> {
    let auth = auth(request);
    let args = &request.args;
    let context = context_of(request, "ctx");
    let named = || args.object("res").map(reference).unwrap_or_default();
    Some(match request.operation.name {
        "create" => create(world, request),
        "change" => {
            let input = args.object("res").map(input).unwrap_or_default();
            world.resource_change(context, &input, auth).map(|_| done(request))
        }
        "delete" => world.resource_delete(context, &named(), auth).map(|_| done(request)),
        "getData" => world
            .resource_data(context, &named(), auth)
            .map(|(_, resource)| resources(request, [resource])),
        "getMultipleData" => {
            let named = references(request, "resources").unwrap_or_default();
            world
                .resource_multiple(context, &named, auth)
                .map(|(_, found)| resources(request, found))
        }
        "list" => world
            .resource_list(context, args.text("pattern"), auth)
            .map(|(_, found)| resources(request, found)),
        "listAll" => world
            .resource_list(context, Some("*"), auth)
            .map(|(_, found)| resources(request, found)),
        _ => return None,
    })
}

fn input(record: &Record) -> ResourceInput {
    let text = |name: &str| record.text(name).map(str::to_owned);
    ResourceInput {
        id: record.int("id"),
        name: text("name"),
        displayname: text("displayname"),
        email: text("email"),
        description: text("description"),
        available: flag(record, "available"),
    }
}

/// The answer to a create gives back what was sent, and the id.
fn create(world: &mut World, request: &Request) -> Result<String, Fault> {
    let input = request.args.object("res").map(input).unwrap_or_default();
    let (_, id) = world.resource_create(context_of(request, "ctx"), &input, auth(request))?;
    Ok(Answer::result(request.service, request.operation, |out| {
        out.object(request.service, "return", |out| {
            if let Some(available) = input.available {
                out.show("available", available);
            }
            out.maybe("description", input.description.as_deref());
            out.maybe("displayname", input.displayname.as_deref());
            out.maybe("email", input.email.as_deref());
            out.show("id", id);
            out.maybe("name", input.name.as_deref());
        });
    }))
}

fn resources<'r>(request: &Request, resources: impl IntoIterator<Item = &'r Resource>) -> String {
    Answer::result(request.service, request.operation, |out| {
        out.objects(request.service, "return", resources, resource_data);
    })
}

fn resource_data(out: &mut Object<'_>, resource: &Resource) {
    out.show("available", resource.available);
    out.maybe("description", resource.description.as_deref());
    out.text("displayname", &resource.displayname);
    out.text("email", &resource.email);
    out.show("id", resource.id);
    out.text("name", &resource.name);
}
