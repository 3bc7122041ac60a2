//! OXSecondaryAccountService.

use std::collections::BTreeMap;

use super::super::answer::{Answer, Object};
use super::super::fault::Fault;
use super::super::request::{Arg, Record, Request};
use super::super::world::{Account, AccountTarget, World};
use super::{auth, context_of, done, value};

pub(super) fn call(world: &mut World, request: &Request) -> Option<Result<String, Fault>> {
    let auth = auth(request);
    let args = &request.args;
    let context = context_of(request, "context");
    let target = target(request);
    Some(match request.operation.name {
        "create" => {
            let input = args.object("accountDataOnCreate").map(input);
            world.account_create(context, input.as_ref(), &target, auth).map(|_| done(request))
        }
        "update" => {
            let input = args.object("accountDataUpdate").map(input);
            let address = args.text("primaryAddress");
            world
                .account_update(context, address, input.as_ref(), &target, auth)
                .map(|(_, found)| value(request, found))
        }
        "delete" => world
            .account_delete(context, args.text("primaryAddress"), &target, auth)
            .map(|(_, found)| value(request, found)),
        "list" => list(world, request),
        _ => return None,
    })
}

fn target(request: &Request) -> AccountTarget {
    let ids = |name: &str| {
        request.args.objects(name).map(|object| object.int("id").unwrap_or_default()).collect()
    };
    AccountTarget { users: ids("users"), groups: ids("groups") }
}

fn input(record: &Record) -> BTreeMap<&'static str, String> {
    let sent = record.iter().filter_map(|(field, arg)| match arg {
        Arg::Text(text) => Some((field.name, text.clone())),
        _ => None,
    });
    sent.collect()
}

fn list(world: &World, request: &Request) -> Result<String, Fault> {
    let context = context_of(request, "context");
    let (context, found) = world.account_list(context, &target(request), auth(request))?;
    Ok(Answer::result(request.service, request.operation, |out| {
        out.objects(request.service, "return", found, |out, (user, account)| {
            account_data(out, context, user, account);
        });
    }))
}

fn account_data(out: &mut Object<'_>, context: u32, user: u32, account: &Account) {
    for field in &out.definition().fields {
        match field.name {
            "contextId" => out.show(field.name, context),
            "userId" => out.show(field.name, user),
            "id" => out.show(field.name, account.id),
            "primaryAddress" => out.text(field.name, &account.address),
            name => out.maybe(name, account.values.get(name).map(String::as_str)),
        }
    }
}
