//! OXDeputyPermissionsService.

use super::super::answer::Answer;
use super::super::fault::Fault;
use super::super::request::{Record, Request};
use super::super::world::{DeputyInput, World};
use super::{auth, context_of, done, flag, value};

pub(super) fn call(world: &mut World, request: &Request) -> Option<Result<String, Fault>> {
    let auth = auth(request);
    let args = &request.args;
    let context = context_of(request, "context");
    let user = if args.has("user") { args.int("user") } else { None };
    let grant = || args.text("deputyId").unwrap_or_default();
    let sent = || args.object("deputyPermission").map(input).unwrap_or_default();
    let bar = |world: &mut World, barred| {
        world.deputies_bar(context, user, barred, auth).map(|()| done(request))
    };
    Some(match request.operation.name {
        "grant" => {
            world.deputy_grant(context, user, sent(), auth).map(|grant| value(request, grant))
        }
        "update" => {
            world.deputy_update(context, user, grant(), sent(), auth).map(|()| done(request))
        }
        "revoke" => world.deputy_revoke(context, user, grant(), auth).map(|()| done(request)),
        "revokeAll" => world.deputies_revoke_all(context, user, auth).map(|()| done(request)),
        "blockManual" => bar(world, true),
        "unblockManual" => bar(world, false),
        "list" => list(world, request),
        _ => return None,
    })
}

fn list(world: &World, request: &Request) -> Result<String, Fault> {
    let (context, found) = world.deputies_list(context_of(request, "context"), auth(request))?;
    Ok(Answer::result(request.service, request.operation, |out| {
        out.objects(request.service, "return", found, |out, deputy| {
            out.show("contextId", context);
            out.show("deputyId", deputy.grant);
            out.show("grantorId", deputy.user);
            out.objects(
                request.service,
                "modulePermissions",
                &deputy.modules,
                |out, (name, level)| {
                    let [admin, folder, read, write, delete] = *level;
                    out.show("admin", admin != 0);
                    out.show("deletePermission", delete);
                    out.show("folderPermission", folder);
                    out.text("moduleId", name);
                    out.show("readPermission", read);
                    out.show("writePermission", write);
                },
            );
            out.show("sendOnBehalfOf", deputy.send_on_behalf);
            out.show("userId", deputy.deputy);
        });
    }))
}

fn input(record: &Record) -> DeputyInput {
    let module = |module: &Record| {
        let figure = |name: &str| u8::try_from(module.int(name)?).ok();
        let figure = |name: &str| figure(name).unwrap_or_default();
        let level = [
            u8::from(flag(module, "admin").unwrap_or_default()),
            figure("folderPermission"),
            figure("readPermission"),
            figure("writePermission"),
            figure("deletePermission"),
        ];
        Some((module.text("moduleId")?.to_owned(), level))
    };
    DeputyInput {
        deputy: record.int("userId"),
        send_on_behalf: flag(record, "sendOnBehalfOf").unwrap_or_default(),
        modules: record.objects("modulePermissions").filter_map(module).collect(),
    }
}
