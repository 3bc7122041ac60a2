//! `OXResourceService`: resources, with the context administrator's credentials.

use super::call::{Answer, Call, Weight, id_of, new_id, nothing, object_call, write_target};
use super::envelope::{Element, Elements, Space};
use super::{OxResource, ResourceData, Target};
use crate::model::{ContextId, OxId};

pub(super) fn get(context: ContextId, resource: &Target) -> Call<OxResource> {
    object_call("OXResourceService.getData", context, Weight::Read, read_resource, |out| {
        write_target(out, "res", resource);
    })
}

/// All resources of a context.
pub(super) fn list(context: ContextId) -> Call<Vec<OxResource>> {
    object_call(
        "OXResourceService.listAll",
        context,
        Weight::Heavy,
        |answer| answer.all()?.map(read_one).collect(),
        |_| {},
    )
}

pub(super) fn create(context: ContextId, resource: &ResourceData) -> Call<OxId> {
    object_call("OXResourceService.create", context, Weight::Write, new_id, |out| {
        write_resource(out, None, resource);
    })
}

pub(super) fn change(context: ContextId, target: &Target, resource: &ResourceData) -> Call<()> {
    object_call("OXResourceService.change", context, Weight::Write, nothing, |out| {
        write_resource(out, Some(target), resource);
    })
}

pub(super) fn delete(context: ContextId, resource: &Target) -> Call<()> {
    object_call("OXResourceService.delete", context, Weight::Write, nothing, |out| {
        write_target(out, "res", resource);
    })
}

/// A resource that is addressed by name keeps that name: another name in `resource` would address
/// another resource, so it is refused.
fn write_resource(out: &mut Elements, target: Option<&Target>, resource: &ResourceData) {
    let mut name = resource.name.as_deref();
    let mut id = None;
    match target {
        Some(Target::Id(number)) => id = Some(*number),
        Some(Target::Name(target)) => {
            if name.is_some_and(|name| name != target) {
                out.refuse("name", "can be changed only if the resource is addressed by number");
            }
            name = Some(target);
        }
        None => {}
    }
    out.nest(Space::Admin, "res", |res| {
        if let Some(available) = resource.available {
            res.plain(Space::Objects, "available", available);
        }
        res.optional_text(Space::Objects, "description", resource.description.as_deref());
        res.optional_text(Space::Objects, "displayname", resource.display_name.as_deref());
        res.optional_text(Space::Objects, "email", resource.email.as_deref());
        if let Some(id) = id {
            res.plain(Space::Objects, "id", id);
        }
        res.optional_text(Space::Objects, "name", name);
    });
}

fn read_resource(answer: &Answer<'_>) -> Result<OxResource, String> {
    read_one(answer.one()?)
}

fn read_one(resource: &Element) -> Result<OxResource, String> {
    Ok(OxResource {
        id: id_of(resource)?,
        data: ResourceData {
            name: resource.owned_field("name"),
            display_name: resource.owned_field("displayname"),
            description: resource.owned_field("description"),
            email: resource.owned_field("email"),
            available: resource.flag_field("available")?,
        },
    })
}
