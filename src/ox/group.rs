//! `OXGroupService`: groups, with the context administrator's credentials.

use super::call::{Call, Weight, id_of, new_id, nothing, object_call, write_ids, write_target};
use super::envelope::{Element, Elements, Space};
use super::{GroupData, OxGroup, Target};
use crate::model::{ContextId, OxId};

pub(super) fn get(context: ContextId, group: &Target) -> Call<OxGroup> {
    object_call(
        "OXGroupService.getData",
        context,
        Weight::Read,
        |answer| read_group(answer.one()?),
        |out| write_target(out, "grp", group),
    )
}

pub(super) fn of_user(context: ContextId, user: OxId) -> Call<Vec<OxGroup>> {
    object_call(
        "OXGroupService.listGroupsForUser",
        context,
        Weight::Read,
        |answer| answer.all()?.map(read_group).collect(),
        |out| write_ids(out, "usr", &[user]),
    )
}

/// All groups of a context, with their members.
pub(super) fn list(context: ContextId) -> Call<Vec<OxGroup>> {
    object_call(
        "OXGroupService.listAll",
        context,
        Weight::Heavy,
        |answer| answer.all()?.map(read_group).collect(),
        |_| {},
    )
}

pub(super) fn create(context: ContextId, group: &GroupData) -> Call<OxId> {
    let weight = Weight::of_members(group.members.len());
    object_call("OXGroupService.create", context, weight, new_id, |out| {
        write_group(out, None, group);
    })
}

/// A group that is addressed by name keeps that name, which then stands in `group` as well.
pub(super) fn change(context: ContextId, target: &Target, group: &GroupData) -> Call<()> {
    let id = match target {
        Target::Id(id) => Some(*id),
        Target::Name(_) => None,
    };
    let weight = Weight::of_members(group.members.len());
    object_call("OXGroupService.change", context, weight, nothing, |out| {
        write_group(out, id, group);
    })
}

pub(super) fn delete(context: ContextId, group: &Target) -> Call<()> {
    object_call("OXGroupService.delete", context, Weight::Write, nothing, |out| {
        write_target(out, "grp", group);
    })
}

pub(super) fn add(context: ContextId, group: &Target, members: &[Target]) -> Call<()> {
    membership("OXGroupService.addMember", context, group, members)
}

pub(super) fn remove(context: ContextId, group: &Target, members: &[Target]) -> Call<()> {
    membership("OXGroupService.removeMember", context, group, members)
}

fn membership(
    operation: &'static str,
    context: ContextId,
    group: &Target,
    members: &[Target],
) -> Call<()> {
    object_call(operation, context, Weight::of_members(members.len()), nothing, |out| {
        write_target(out, "grp", group);
        for member in members {
            write_target(out, "members", member);
        }
    })
}

/// Members are always written: OX takes a change without them for "no members any more".
fn write_group(out: &mut Elements, id: Option<OxId>, group: &GroupData) {
    out.nest(Space::Admin, "grp", |grp| {
        grp.text(Space::Objects, "displayname", &group.display_name);
        if let Some(id) = id {
            grp.plain(Space::Objects, "id", id);
        }
        for member in &group.members {
            grp.plain(Space::Objects, "members", *member);
        }
        grp.text(Space::Objects, "name", &group.name);
    });
}

fn read_group(group: &Element) -> Result<OxGroup, String> {
    let members = group
        .all(Space::Objects, "members")
        .map(|member| member.text.trim().parse().map(OxId).map_err(|_| "a member is no number"))
        .collect::<Result<_, _>>()?;
    Ok(OxGroup {
        id: id_of(group)?,
        data: GroupData {
            name: group.owned_field("name").unwrap_or_default(),
            display_name: group.owned_field("displayname").unwrap_or_default(),
            members,
        },
    })
}
