//! OXSharedAccountService.

use super::super::answer::{Answer, Object};
use super::super::fault::Fault;
use super::super::request::{Arg, Record, Request};
use super::super::world::{Credentials, SharedAccount, SharedAccountInput, SharedGrant, World};
use super::{auth, context_of, done, reference};

pub(super) fn call(world: &mut World, request: &Request) -> Option<Result<String, Fault>> {
    let auth = auth(request);
    let args = &request.args;
    let context = context_of(request, "ctx");
    let named = |parameter| args.object(parameter).map(reference).unwrap_or_default();
    let values = || args.object("sharedAccountData").map(input).unwrap_or_default();
    let account = |out: &mut Object<'_>, id: u32, name: &str| {
        out.show("id", id);
        out.text("name", name);
    };
    Some(match request.operation.name {
        "create" => world.shared_create(context, values(), auth).map(|(_, id)| {
            let name = values().remove("name").unwrap_or_default();
            Answer::result(request.service, request.operation, |out| {
                out.object(request.service, "return", |out| account(out, id, &name));
            })
        }),
        "change" => {
            let target = named("sharedAccountData");
            world.shared_change(context, &target, values(), auth).map(|()| done(request))
        }
        "delete" => {
            world.shared_delete(context, &named("sharedAccount"), auth).map(|()| done(request))
        }
        "getData" => world.shared_data(context, &named("sharedAccount"), auth).map(|found| {
            Answer::result(request.service, request.operation, |out| {
                out.object(request.service, "return", |out| whole(out, found));
            })
        }),
        "list" => {
            let pattern = args.text("search_pattern").unwrap_or("*");
            world.shared_list(context, pattern, auth).map(|found| {
                Answer::result(request.service, request.operation, |out| {
                    out.objects(request.service, "return", found, whole);
                })
            })
        }
        "convertUserToSharedAccount" => {
            world.shared_convert(context, &named("user"), auth).map(|()| done(request))
        }
        "setSharedAccountPermissions" => {
            let grants: Vec<_> = args.objects("sharedAccountPermissions").map(grant).collect();
            let context = context_of(request, "sharedAccountCtx");
            let target = named("sharedAccount");
            world.shared_grant(context, &target, &grants, auth).map(|()| done(request))
        }
        _ => return None,
    })
}

/// An account with all its values but the password.
fn whole(out: &mut Object<'_>, account: &SharedAccount) {
    for field in &out.definition().fields {
        match field.name {
            "id" => out.show("id", account.id),
            "password" => {}
            name => out.maybe(name, account.values.get(name).map(String::as_str)),
        }
    }
}

fn input(record: &Record) -> SharedAccountInput {
    let text = |arg: &Arg| match arg {
        Arg::Text(text) => Some(text.clone()),
        _ => None,
    };
    let values = record.iter().filter(|(field, _)| field.name != "id");
    values.filter_map(|(field, arg)| Some((field.name, text(arg)?))).collect()
}

fn grant(record: &Record) -> SharedGrant<'_> {
    let auth = record.object("auth");
    let text = |name| auth.and_then(|auth: &Record| auth.text(name)).unwrap_or_default();
    let word = |name: &str| record.text(name).unwrap_or_default().to_owned();
    let capabilities = record.object("capabilities").into_iter();
    let capabilities = capabilities.flat_map(|all| all.all("grantedCapability"));
    SharedGrant {
        auth: Credentials { login: text("login"), password: text("password") },
        context: record.object("ctx").and_then(|context| context.int("id")),
        users: record.objects("users").map(reference).collect(),
        groups: record.objects("groups").map(reference).collect(),
        mail: word("mailConfig"),
        calendar: word("calendarConfig"),
        capabilities: capabilities
            .filter_map(|arg| match arg {
                Arg::Text(text) => Some(text.clone()),
                _ => None,
            })
            .collect(),
    }
}
