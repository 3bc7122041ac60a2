//! OXUserService.

use super::super::answer::{Answer, Object};
use super::super::fault::Fault;
use super::super::interface::Service;
use super::super::request::{Arg, Record, Request};
use super::super::world::field::UserField as F;
use super::super::world::rights::{NAMES, Rights};
use super::super::world::{Access, User, UserInput, World};
use super::context::map_data;
use super::{attributes, auth, context_of, done, flag, reference, references, value};

pub(super) fn call(world: &mut World, request: &Request) -> Option<Result<String, Fault>> {
    let auth = auth(request);
    let args = &request.args;
    let context = context_of(request, "ctx");
    let user = args.has("user").then(|| args.object("user")).flatten();
    let named = user.map(reference).unwrap_or_default();
    let text = |name: &str| args.text(name).unwrap_or_default();
    Some(match request.operation.name {
        "create" | "createByModuleAccess" | "createByModuleAccessName" => create(world, request),
        "change" => {
            let input = args.object("usrdata").map(input).unwrap_or_default();
            world.user_change(context, &input, auth).map(|_| done(request))
        }
        "changeByModuleAccess" => {
            let access = Access::Listed(access(args.object("moduleAccess")));
            world.user_access(context, &named, &access, auth).map(|_| done(request))
        }
        "changeByModuleAccessName" => {
            let access = Access::Named(args.text("access_combination_name").map(str::to_owned));
            world.user_access(context, &named, &access, auth).map(|_| done(request))
        }
        "delete" => {
            let users: Vec<_> = user.map(reference).into_iter().collect();
            world.user_delete(context, &users, args.int("reassign"), auth).map(|_| done(request))
        }
        "deleteMultiple" => {
            let users = references(request, "users").unwrap_or_default();
            world.user_delete(context, &users, args.int("reassign"), auth).map(|_| done(request))
        }
        "exists" => {
            let input = user.map(input).unwrap_or_default();
            world.user_exists(context, &input, auth).map(|exists| value(request, exists))
        }
        "getData" => match user {
            None => Err(super::null_pointer(
                "com.openexchange.admin.rmi.dataobjects.NameAndIdObject.getId()",
                "objects[0]",
            )),
            Some(_) => data(world, request, &[named]),
        },
        "getMultipleData" => {
            data(world, request, &references(request, "users").unwrap_or_default())
        }
        "getContextAdmin" => context_admin(world, request),
        "list" => list(world, request, text("search_pattern"), false),
        "listCaseInsensitive" => list(world, request, text("search_pattern"), true),
        "listAll" => list(world, request, "*", false),
        "listByAliasDomain" => world
            .user_list_by_domain(context, text("alias_domain"), auth)
            .map(|(_, ids)| ids_only(request, ids)),
        "getModuleAccess" => with_user(world, request, |out, user| {
            out.object(request.service, "return", |out| rights_data(out, user.rights));
        }),
        "getAccessCombinationName" => with_user(world, request, |out, user| {
            out.maybe("return", user.rights.combination_name());
        }),
        "changeCapabilities" if user.is_none() => Err(Fault::data("Missing user.")),
        "changeCapabilities" => {
            let lists = [text("capsToAdd"), text("capsToRemove"), text("capsToDrop")];
            world.user_capabilities(context, &named, lists, auth).map(|_| done(request))
        }
        "getUserCapabilities" => capabilities(world, request),
        "changeMailAddressPersonal" => {
            world.user_personal(context, &named, args.text("personal"), auth).map(|_| done(request))
        }
        "changeModuleAccessGlobal" => world.auth_master(auth).map(|()| done(request)),
        _ => return None,
    })
}

fn create(world: &mut World, request: &Request) -> Result<String, Fault> {
    let args = &request.args;
    let access = match request.operation.name {
        "createByModuleAccess" => Access::Listed(access(args.object("access"))),
        "createByModuleAccessName" => {
            Access::Named(args.text("access_combination_name").map(str::to_owned))
        }
        _ => Access::Default,
    };
    let mut input = args.object("usrdata").map(input).unwrap_or_default();
    input.converts_guest = flag(args, "convertguest") == Some(true);
    let context = context_of(request, "ctx");
    let made = world.user_create(context, &input, &access, auth(request))?;
    let user = world.context(made.context)?.user(made.id)?;
    Ok(Answer::result(request.service, request.operation, |out| {
        out.object(request.service, "return", |out| echo(out, request.service, &input, user));
    }))
}

fn data(world: &World, request: &Request, named: &[super::ObjectRef<'_>]) -> Result<String, Fault> {
    let (context, ids) = world.user_data(context_of(request, "ctx"), named, auth(request))?;
    let context = world.context(context)?;
    let users = ids.iter().zip(named).filter_map(|(id, named)| {
        context.user(*id).ok().map(|user| (user, named.name.filter(|name| !name.is_empty())))
    });
    Ok(Answer::result(request.service, request.operation, |out| {
        out.objects(request.service, "return", users, |out, (user, name)| {
            user_data(out, request.service, user, name, context.id);
        });
    }))
}

fn context_admin(world: &World, request: &Request) -> Result<String, Fault> {
    let id = world.auth_admin(context_of(request, "ctx"), auth(request))?;
    let login = auth(request).login;
    let admin = world.context(id)?.user(super::super::world::ADMIN)?;
    if login != admin.name() {
        return Err(Fault::credentials());
    }
    Ok(Answer::result(request.service, request.operation, |out| {
        out.object(request.service, "return", |out| {
            user_data(out, request.service, admin, None, id);
        });
    }))
}

fn with_user(
    world: &World,
    request: &Request,
    write: impl FnOnce(&mut Object<'_>, &User),
) -> Result<String, Fault> {
    let named = request.args.object("user").map(reference).unwrap_or_default();
    let (context, id) = world.user_of_admin(context_of(request, "ctx"), &named, auth(request))?;
    let user = world.context(context)?.user(id)?;
    Ok(Answer::result(request.service, request.operation, |out| write(out, user)))
}

fn capabilities(world: &World, request: &Request) -> Result<String, Fault> {
    let named = request.args.object("user").map(reference).unwrap_or_default();
    let (context, id) = world.user_of_admin(context_of(request, "ctx"), &named, auth(request))?;
    let user = world.context(context)?.user(id)?;
    let words: Vec<&str> = user.capabilities.iter().map(String::as_str).collect();
    let text = if words.is_empty() {
        format!("There are no capabilities set for user {id} in context {context}")
    } else {
        format!("Capabilities for user {id} in context {context}: {}", words.join(", "))
    };
    Ok(value(request, text))
}

fn list(world: &World, request: &Request, pattern: &str, any_case: bool) -> Result<String, Fault> {
    let args = &request.args;
    let (_, mut ids) =
        world.user_list(context_of(request, "ctx"), pattern, any_case, auth(request))?;
    if args.has("exclude_users") && flag(args, "exclude_users") == Some(true) {
        // There are no guests here, so nobody is left.
        ids.clear();
    }
    if args.has("length") {
        let number = |name: &str| args.int(name).and_then(|n| usize::try_from(n).ok());
        let offset = number("offset").unwrap_or_default();
        let length = number("length").filter(|length| *length > 0).unwrap_or(usize::MAX);
        ids = ids.into_iter().skip(offset).take(length).collect();
    }
    Ok(ids_only(request, ids))
}

fn ids_only(request: &Request, ids: Vec<u32>) -> String {
    Answer::result(request.service, request.operation, |out| {
        out.objects(request.service, "return", ids, |out, id| {
            id_only(out, request.service, id);
        });
    })
}

/// A user of whom an answer gives only the id; some constants come with him.
pub(super) fn id_only(out: &mut Object<'_>, service: &'static Service, id: u32) {
    out.text("contextadmin", "false");
    out.show("id", id);
    out.text("imapPort", "143");
    out.text("imapSchema", "imap://");
    out.text("smtpPort", "25");
    out.text("smtpSchema", "smtp://");
    out.object(service, "userAttributes", |_| {});
    out.text("convert_drive_user_folders", "false");
}

/// A user as sent.
pub(super) fn input(record: &Record) -> UserInput {
    let mut input = UserInput { sent: true, ..UserInput::default() };
    let mut aliases: Option<Vec<String>> = None;
    for (field, arg) in record.iter() {
        match (field.user, arg) {
            (Some(F::ALIASES), Arg::Text(text)) => {
                aliases.get_or_insert_default().push(text.clone());
            }
            (Some(F::ID), Arg::Text(text)) => input.id = text.parse().ok(),
            (Some(field), Arg::Text(text)) => input.fields.set(field, text.as_str()),
            // Of a field sent twice the last counts, and nil counts as not sent.
            (Some(F::ID), Arg::Nil) => input.id = None,
            (Some(field), Arg::Nil) => {
                input.fields.take(field);
            }
            _ => {}
        }
    }
    input.aliases = aliases;
    input.attributes = attributes(record);
    input
}

/// The rights sent one by one; `None` when the element is missing or nil.
pub(super) fn access(record: Option<&Record>) -> Option<[Option<bool>; 26]> {
    let record = record?;
    Some(NAMES.map(|name| flag(record, name)))
}

/// All rights.
pub(super) fn rights_data(out: &mut Object<'_>, rights: Rights) {
    for (place, name) in NAMES.into_iter().enumerate() {
        out.text(name, if rights.has(place) { "true" } else { "false" });
    }
}

/// Values that do not depend on how the user is asked for.
fn common(user: &User, field: F) -> Option<String> {
    Some(match field {
        F::ID => user.id.to_string(),
        F::IMAP_PORT => user.imap.port.to_string(),
        F::IMAP_SCHEMA => user.imap.scheme.clone(),
        F::IMAP_SERVER => user.imap.host.clone(),
        F::IMAP_SERVER_STRING => user.imap.url(),
        F::SMTP_PORT => user.smtp.port.to_string(),
        F::SMTP_SCHEMA => user.smtp.scheme.clone(),
        F::SMTP_SERVER => user.smtp.host.clone(),
        F::SMTP_SERVER_STRING => user.smtp.url(),
        F::PASSWORD_EXPIRED | F::CONVERT_DRIVE_USER_FOLDERS => "false".to_owned(),
        _ => return None,
    })
}

/// Whether a value shows a server that was sent, and not a default.
fn shows_server(input: &UserInput, field: F) -> bool {
    let imap = input.text(F::IMAP_SERVER).is_some();
    let smtp = input.text(F::SMTP_SERVER).is_some();
    match field {
        F::IMAP_SERVER | F::IMAP_SERVER_STRING => imap,
        F::SMTP_SERVER | F::SMTP_SERVER_STRING => smtp,
        _ => true,
    }
}

/// The answer to a create: what was sent, completed.
fn echo(out: &mut Object<'_>, service: &'static Service, input: &UserInput, user: &User) {
    for field in &out.definition().fields {
        let Some(of_user) = field.user else { continue };
        match of_user {
            F::ALIASES => out.texts(field.name, user.aliases.iter().map(String::as_str)),
            F::CONTEXTADMIN => out.text(field.name, "false"),
            F::USER_ATTRIBUTES => map_data(out, service, &user.attributes),
            F::NAME
            | F::DEFAULT_SENDER_ADDRESS
            | F::LANGUAGE
            | F::PASSWORD_MECH
            | F::MAILENABLED => out.text(field.name, user.field(of_user)),
            _ => {
                if let Some(value) = common(user, of_user) {
                    if shows_server(input, of_user) {
                        out.text(field.name, &value);
                    }
                } else {
                    out.maybe(field.name, input.text(of_user));
                }
            }
        }
    }
}

/// Everything about a user but his password.
fn user_data(
    out: &mut Object<'_>,
    service: &'static Service,
    user: &User,
    named: Option<&str>,
    context: u32,
) {
    for field in &out.definition().fields {
        let Some(of_user) = field.user else { continue };
        match of_user {
            F::ALIASES => out.texts(field.name, user.aliases.iter().map(String::as_str)),
            F::CONTEXTADMIN => out.show(field.name, user.id == super::super::world::ADMIN),
            F::USER_ATTRIBUTES => map_data(out, service, &user.attributes),
            F::GUI_PREFERENCES_FOR_SOAP => out.object(service, field.name, |_| {}),
            F::NAME => out.text(field.name, named.unwrap_or_else(|| user.name())),
            F::FILESTORE_ID => out.text(field.name, if user.quota.is_some() { "2" } else { "0" }),
            F::FILESTORE_NAME if user.quota.is_some() => {
                out.show(field.name, format_args!("{context}_ctx_{}_user_store", user.id));
            }
            F::MAX_QUOTA => out.show(field.name, user.quota.unwrap_or(user.quota_shown)),
            F::USED_QUOTA if user.quota.is_some() => out.text(field.name, "0"),
            // What the lost primary account held is gone.
            F::PRIMARY_ACCOUNT_NAME | F::MAIL_FOLDER_ARCHIVE_FULL_NAME
                if !user.has_primary_account => {}
            F::BIRTHDAY | F::ANNIVERSARY => {
                if let Some(day) = user.fields.get(of_user) {
                    out.show(field.name, format_args!("{day}Z"));
                }
            }
            _ => match common(user, of_user) {
                Some(value) => out.text(field.name, &value),
                None => out.maybe(field.name, user.fields.get(of_user)),
            },
        }
    }
}
