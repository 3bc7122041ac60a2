//! OXGroupService.

use super::super::answer::{Answer, Object};
use super::super::fault::Fault;
use super::super::request::{Arg, Record, Request};
use super::super::world::{DEFAULT_GROUP, Group, GroupInput, World};
use super::{auth, context_of, done, reference, references};

pub(super) fn call(world: &mut World, request: &Request) -> Option<Result<String, Fault>> {
    let auth = auth(request);
    let args = &request.args;
    let context = context_of(request, "ctx");
    let named = || args.object("grp").map(reference).unwrap_or_default();
    Some(match request.operation.name {
        "create" => create(world, request),
        "change" => {
            let input = args.object("grp").map(input).unwrap_or_default();
            world.group_change(context, &input, auth).map(|_| done(request))
        }
        "delete" => world.group_delete(context, &[named()], auth).map(|_| done(request)),
        "deleteMultiple" => {
            let groups = references(request, "grps").unwrap_or_default();
            world.group_delete(context, &groups, auth).map(|_| done(request))
        }
        "addMember" => {
            let members = references(request, "members");
            world.group_add(context, &named(), members.as_deref(), auth).map(|_| done(request))
        }
        "removeMember" => {
            let members = references(request, "members");
            world.group_remove(context, &named(), members.as_deref(), auth).map(|_| done(request))
        }
        "getData" => {
            world.group_data(context, &named(), auth).map(|(_, group)| groups(request, [group]))
        }
        "getMultipleData" => {
            let named = references(request, "grps").unwrap_or_default();
            world.group_multiple(context, &named, auth).map(|(_, found)| groups(request, found))
        }
        "getDefaultGroup" => world.auth_admin(context, auth).map(|_| {
            Answer::result(request.service, request.operation, |out| {
                out.object(request.service, "return", |out| out.show("id", DEFAULT_GROUP));
            })
        }),
        "getMembers" => world.group_data(context, &named(), auth).map(|(_, group)| {
            Answer::result(request.service, request.operation, |out| {
                out.objects(request.service, "return", &group.members, |out, id| {
                    super::user::id_only(out, request.service, *id);
                });
            })
        }),
        "list" => world
            .group_list(context, args.text("pattern"), auth)
            .map(|(_, found)| groups(request, found)),
        "listAll" => {
            world.group_list(context, Some("*"), auth).map(|(_, found)| groups(request, found))
        }
        "listGroupsForUser" => {
            let user = args.object("usr").map(reference).unwrap_or_default();
            world.groups_of_user(context, &user, auth).map(|(_, found)| groups(request, found))
        }
        _ => return None,
    })
}

fn input(record: &Record) -> GroupInput {
    let members = record.all("members").map(|arg| match arg {
        Arg::Text(text) => text.parse().ok(),
        _ => None,
    });
    GroupInput {
        id: record.int("id"),
        name: record.text("name").map(str::to_owned),
        displayname: record.text("displayname").map(str::to_owned),
        members: members.collect(),
    }
}

fn create(world: &mut World, request: &Request) -> Result<String, Fault> {
    let input = request.args.object("grp").map(input).unwrap_or_default();
    let made = world.group_create(context_of(request, "ctx"), &input, auth(request))?;
    let group = world.context(made.0)?.groups.get(&made.1);
    Ok(groups(request, group))
}

fn groups<'g>(request: &Request, groups: impl IntoIterator<Item = &'g Group>) -> String {
    Answer::result(request.service, request.operation, |out| {
        out.objects(request.service, "return", groups, group_data);
    })
}

fn group_data(out: &mut Object<'_>, group: &Group) {
    out.text("displayname", &group.displayname);
    out.show("id", group.id);
    let members: Vec<String> = group.members.iter().map(u32::to_string).collect();
    out.texts("members", members.iter().map(String::as_str));
    out.text("name", &group.name);
}
