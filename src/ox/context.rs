//! `OXContextService`: contexts, with the master's credentials.

use super::call::{Answer, Call, Weight, flag, nothing, write_capabilities, write_context};
use super::envelope::{Elements, Space};
use super::user::write_user;
use super::{Account, ContextData, Credentials};
use crate::model::{CapabilityChange, ContextId, UserFields};

/// Fields of a user that this service's older user record does not have; OX refuses the whole
/// message if one of them is in it.
const NOT_FOR_ADMINS: [&str; 9] = [
    "drive_user_folder_mode",
    "drive_folder_mode",
    "filestoreId",
    "filestore_name",
    "maxQuota",
    "usedQuota",
    "primaryAccountName",
    "convert_drive_user_folders",
    "load_remote_mail_content_by_default",
];

fn call<R>(
    operation: &'static str,
    context: ContextId,
    weight: Weight,
    parameters: Elements,
    read: fn(&Answer<'_>) -> Result<R, String>,
) -> Call<R> {
    Call { operation, account: Account::Master, context, weight, parameters, read }
}

/// Parameters that only name the context.
fn only(context: ContextId) -> Elements {
    let mut out = Elements::default();
    write_context(&mut out, "ctx", context);
    out
}

pub(super) fn exists(context: ContextId) -> Call<bool> {
    call("OXContextService.exists", context, Weight::Read, only(context), flag)
}

pub(super) fn get(context: ContextId) -> Call<ContextData> {
    call("OXContextService.getData", context, Weight::Read, only(context), read_context)
}

pub(super) fn create(
    context: &ContextData,
    admin: &UserFields,
    credentials: &Credentials,
) -> Call<()> {
    let mut out = Elements::default();
    write_data(&mut out, context);
    for field in NOT_FOR_ADMINS {
        if admin.get(field).is_some() {
            out.refuse(field, "cannot be given to a context's administrator");
        }
    }
    let mut admin = admin.clone();
    admin.set("name", credentials.login.as_str());
    admin.set("password", credentials.password.reveal());
    write_user(&mut out, "admin_user", &admin);
    call("OXContextService.create", context.id, Weight::Heavy, out, nothing)
}

pub(super) fn change(context: &ContextData) -> Call<()> {
    let mut out = Elements::default();
    write_data(&mut out, context);
    call("OXContextService.change", context.id, Weight::Write, out, nothing)
}

pub(super) fn enable(context: ContextId, enabled: bool) -> Call<()> {
    let operation = if enabled { "OXContextService.enable" } else { "OXContextService.disable" };
    call(operation, context, Weight::Write, only(context), nothing)
}

pub(super) fn capabilities(context: ContextId, change: &CapabilityChange) -> Call<()> {
    let mut out = only(context);
    write_capabilities(&mut out, change);
    call("OXContextService.changeCapabilities", context, Weight::Write, out, nothing)
}

pub(super) fn quota(context: ContextId, module: &str, quota: i64) -> Call<()> {
    let mut out = only(context);
    out.text(Space::Admin, "module", module);
    out.text(Space::Admin, "quotaValue", &quota.to_string());
    call("OXContextService.changeQuota", context, Weight::Write, out, nothing)
}

pub(super) fn delete(context: ContextId) -> Call<()> {
    call("OXContextService.delete", context, Weight::Heavy, only(context), nothing)
}

fn write_data(out: &mut Elements, context: &ContextData) {
    out.nest(Space::Admin, "ctx", |ctx| {
        if let Some(enabled) = context.enabled {
            ctx.plain(Space::Objects, "enabled", enabled);
        }
        ctx.plain(Space::Objects, "id", context.id);
        for mapping in &context.login_mappings {
            ctx.text(Space::Objects, "loginMappings", mapping);
        }
        if let Some(quota) = context.max_quota_mb {
            ctx.plain(Space::Objects, "maxQuota", quota);
        }
        ctx.optional_text(Space::Objects, "name", context.name.as_deref());
    });
}

/// OX answers no quota where there is no limit, and the login mappings without the context's id.
fn read_context(answer: &Answer<'_>) -> Result<ContextData, String> {
    let context = answer.one()?;
    Ok(ContextData {
        id: context.number_field("id")?.map(ContextId).ok_or("a context has no id")?,
        name: context.owned_field("name"),
        max_quota_mb: Some(context.number_field("maxQuota")?.unwrap_or(-1)),
        login_mappings: context
            .all(Space::Objects, "loginMappings")
            .map(|mapping| mapping.text.clone())
            .collect(),
        enabled: context.flag_field("enabled")?,
    })
}
