//! What the directory wants of an object in one context, with settings, profiles and members
//! worked in.

use std::collections::BTreeMap;

use tracing::warn;

use super::members::Members;
use super::{Env, Failure};
use crate::model::object::{AccountObject, GroupObject, UserObject};
use crate::model::{ContextId, Dn, ItemName, ModuleAccess, ObjectId, OxId, QueueFile, UserFields};
use crate::plan::Problem;
use crate::plan::account::WantedAccount;
use crate::plan::attributes::{DesiredUser, desired_fields, render_login};
use crate::plan::group::{EmptyGroup, WantedGroup};
use crate::plan::user::WantedUser;
use crate::store::{AccountMember, ObjectRecord, Placement};

/// Name of the group that OX keeps itself, in any case; never touched.
const RESERVED_GROUP: &str = "users";

/// A user who keeps his account but not his rights: as he is, without mail and module access.
pub(super) fn disabled(record: &ObjectRecord) -> Option<WantedUser> {
    let (context, name, fields, beside) =
        record.placements.iter().find_map(|(context, placed)| match placed {
            Placement::User { name, fields, beside, .. } => Some((*context, name, fields, beside)),
            _ => None,
        })?;
    let mut fields = fields.clone();
    fields.set("mailenabled", false);
    let user = DesiredUser {
        name: name.clone(),
        fields,
        create_only: UserFields::new(),
        missing_for_create: Vec::new(),
        left_out: Vec::new(),
        too_long: Vec::new(),
        warnings: Vec::new(),
    };
    let (capabilities, heir) = (beside.capabilities.clone(), beside.heir.clone());
    let access = ModuleAccess::NONE;
    Some(WantedUser { context, user, access, sender_name: None, capabilities, heir })
}

/// What a user's queue file asks for.
pub(super) enum Wish {
    Wanted(Box<WantedUser>),
    Nothing(&'static str),
}

pub(super) fn want_user(
    env: &Env,
    item: &ItemName,
    file: &QueueFile,
    user: &UserObject,
    record: Option<&ObjectRecord>,
) -> Result<Wish, Problem> {
    // A user who loses his context stays where he is.
    let placed = record.and_then(|record| {
        let in_context =
            |(c, p): (&ContextId, &Placement)| matches!(p, Placement::User { .. }).then_some(*c);
        record.placements.iter().find_map(in_context)
    });
    let Some(context) = user.context.or(placed) else {
        warn!(item.name = %item, object.id = %file.id, "OX user without oxContext is left out");
        return Ok(Wish::Nothing("has no oxContext"));
    };
    let access = match &user.profile {
        None => ModuleAccess::NONE,
        Some(profile) => {
            let book = match env.book.read() {
                Ok(book) => book,
                Err(poisoned) => poisoned.into_inner(),
            };
            book.resolve(profile, item)?
        }
    };
    let mapping = env.mapping.current();
    let given = user.profile.as_ref().map(|_| access);
    let desired = desired_fields(user, &file.id, &file.dn, given, &mapping, &env.policy.user)
        .map_err(|problem| Problem::Unnamed(problem.to_string()))?;
    if !desired.too_long.is_empty() {
        let told: Vec<String> = desired.too_long.iter().map(ToString::to_string).collect();
        let cut =
            if env.policy.user.texts.cut { "" } else { ", or set mapping.too_long = \"cut\"" };
        return Err(Problem::TooLong { told: told.join("; "), cut });
    }
    let names = [user.username.as_deref().unwrap_or_default(), desired.name.as_str()];
    if env.is_admin(context, &names) {
        warn!(item.name = %item, object.id = %file.id, context.id = context.0,
              "the user is named like the context's administrator and is never touched");
        return Ok(Wish::Nothing("is named like the context's own administrator"));
    }
    for warning in &desired.warnings {
        warn!(item.name = %item, object.id = %file.id, "{warning}");
    }
    let sender_name = env.policy.sender_name.then(|| sender_name(user));
    let capabilities = user.capabilities.clone();
    let heir = user.heir.clone();
    let user = desired;
    let wanted = WantedUser { context, user, access, sender_name, capabilities, heir };
    Ok(Wish::Wanted(Box::new(wanted)))
}

/// The name under which a user is to send mail; empty if the directory has none.
fn sender_name(user: &UserObject) -> String {
    let text = |name: &str| user.properties.get(name).and_then(serde_json::Value::as_str);
    let named = |name| text(name).filter(|text| !text.trim().is_empty());
    named("oxDisplayName").or_else(|| named("displayName")).unwrap_or_default().to_owned()
}

/// What a group is to be in a context.
pub(super) enum GroupWish {
    /// There, so.
    There(WantedGroup),
    /// Not there.
    Nowhere,
    /// There, and not to be touched.
    AsItIs,
    /// It is none of ours and is never touched.
    Reserved,
}

/// `placed` says whether the group is in the context so far, as drover remembers.
pub(super) fn want_group(
    env: &Env,
    id: &ObjectId,
    group: &GroupObject,
    members: Members,
    placed: bool,
) -> Result<GroupWish, Problem> {
    let identifier = env.policy.group_identifier.as_str();
    let name = if identifier.eq_ignore_ascii_case("entryUUID") {
        Some(id.to_string())
    } else {
        match group.properties.get(identifier) {
            Some(serde_json::Value::String(text)) if !text.trim().is_empty() => Some(text.clone()),
            Some(serde_json::Value::Array(list)) => match list.as_slice() {
                [serde_json::Value::String(text)] => Some(text.clone()),
                _ => None,
            },
            Some(serde_json::Value::Number(number)) => Some(number.to_string()),
            _ => None,
        }
    };
    let Some(name) = name else {
        if !group.is_ox_group {
            return Ok(GroupWish::Nowhere);
        }
        return Err(Problem::Unnamed(format!(
            "the group's property \"{identifier}\" (setting OX_GROUP_IDENTIFIER) must hold one \
             text that is not empty"
        )));
    };
    let name = env.policy.user.texts.name(&name, true);
    if name.eq_ignore_ascii_case(RESERVED_GROUP) {
        return Ok(GroupWish::Reserved);
    }
    // A group without members is not made where it is not yet: it has nothing to do with a context.
    let empty = members.there.is_empty();
    let wanted = || WantedGroup { name, members: members.there };
    Ok(match env.policy.groups.empty {
        _ if !group.is_ox_group => GroupWish::Nowhere,
        _ if !empty => GroupWish::There(wanted()),
        EmptyGroup::Keep if placed => GroupWish::There(wanted()),
        EmptyGroup::Hold if placed => GroupWish::AsItIs,
        EmptyGroup::Delete | EmptyGroup::Keep | EmptyGroup::Hold => GroupWish::Nowhere,
    })
}

/// What templates may name of a user besides his own properties: his number and his name in OX, as
/// the connector's snapshots had them.
fn in_ox(record: &ObjectRecord, number: OxId) -> serde_json::Map<String, serde_json::Value> {
    let mut known = serde_json::Map::new();
    known.insert("oxDbId".to_owned(), number.0.into());
    let name = record.placements.values().find_map(|placed| match placed {
        Placement::User { ox, name, .. } if *ox == number => Some(name.as_str()),
        _ => None,
    });
    known.extend(name.map(|name| ("oxDbUsername".to_owned(), name.into())));
    known
}

/// The account as each of its members is to have it. All logins are filled in before anything is
/// sent, so that a template that cannot be filled in changes nothing.
pub(super) fn want_account(
    env: &Env,
    id: &ObjectId,
    account: &AccountObject,
    members: &Members,
) -> Result<Option<WantedAccount>, Failure> {
    if members.there.is_empty() {
        return Ok(None);
    }
    let mut wanted = WantedAccount { address: account.address.clone(), members: BTreeMap::new() };
    for (member, ox) in &members.there {
        let record = env.store.object(member).map_err(|error| Failure::memory(&error))?;
        let (dn, properties) = match record {
            Some(record) => {
                let placed = in_ox(&record, *ox);
                let mut properties = record.properties.unwrap_or_default();
                properties.extend(placed);
                (record.dn, properties)
            }
            None => (Dn::new(""), serde_json::Map::new()),
        };
        let login =
            render_login(&env.policy.account_login, id, &account.address, member, &dn, &properties)
                .map_err(|error| Failure::problem(&Problem::Template(error.to_string())))?;
        let account = AccountMember {
            ox: *ox,
            name: account.name.clone(),
            personal: account.personal.clone(),
            login,
        };
        wanted.members.insert(member.clone(), account);
    }
    Ok(Some(wanted))
}
