//! What may be asked of OX, as a value, and what the simulator's pure world makes of it.
//!
//! The world is the one behind `drover sim`; here its rules are reached without XML and sockets.

mod newer;

use crate::model::fields::FieldKind;
use crate::model::{
    CapabilityChange, ContextId, FieldValue, ModuleAccess, OxId, UserField, UserFields,
};
use crate::ox::{
    AccountData, ContextData, Credentials, DeputyRights, Grant, GroupData, OxAccount, OxDeputy,
    OxGroup, OxResource, OxSharedAccount, OxUser, ResourceData, SharedAccountData, Target,
};
use crate::sim::fault::Fault;
use crate::sim::world::field::UserField as Column;
use crate::sim::world::{
    Access, AccountTarget, Attributes, ContextInput, Credentials as Auth, Group, GroupInput,
    ObjectRef, Resource, ResourceInput, User, UserInput, World,
};

/// Name and password of the master administrator.
pub(super) const MASTER: (&str, &str) = ("oxadminmaster", "master");

/// One call with all it carries.
#[derive(Debug, Clone)]
pub(super) enum Verb {
    ContextExists,
    ContextGet,
    ContextCreate(ContextData, UserFields, Credentials),
    ContextChange(ContextData),
    ContextEnable(bool),
    ContextCapabilities(CapabilityChange),
    ContextQuota(String, i64),
    ContextDelete,
    UserExists(Target),
    UserGet(Target),
    UserGetMany(Vec<Target>),
    UserList(String),
    UserRights(Target),
    UserCreate(UserFields, ModuleAccess),
    UserChange(Target, UserFields),
    UserAccess(Target, ModuleAccess),
    UserSenderName(Target, String),
    UserCapabilities(Target, CapabilityChange),
    UserDelete(Target, Option<OxId>),
    /// Of the user with that number, out of that context.
    UserCopy(OxId, ContextId),
    GroupGet(Target),
    GroupsOfUser(OxId),
    GroupCreate(GroupData),
    GroupChange(Target, GroupData),
    GroupDelete(Target),
    GroupAdd(Target, Vec<Target>),
    GroupRemove(Target, Vec<Target>),
    ResourceGet(Target),
    ResourceCreate(ResourceData),
    ResourceChange(Target, ResourceData),
    ResourceDelete(Target),
    AccountList(Vec<OxId>),
    AccountCreate(AccountData, Vec<OxId>),
    AccountUpdate(AccountData, Vec<OxId>),
    AccountDelete(String, Vec<OxId>),
    SharedGet(Target),
    SharedList,
    SharedCreate(SharedAccountData),
    SharedChange(OxId, SharedAccountData),
    SharedDelete(OxId),
    SharedConvert(OxId),
    SharedGrant(OxId, Vec<Grant>),
    DeputyList,
    /// For whom, who, how far.
    DeputyGrant(OxId, OxId, DeputyRights),
    DeputyUpdate(OxId, String, OxId, DeputyRights),
    DeputyRevoke(OxId, String),
    DeputyRevokeAll(OxId),
    DeputyBar(OxId, bool),
}

/// What came of a call.
#[derive(Debug, Clone)]
pub(super) enum Reply {
    Done,
    Flag(bool),
    Context(ContextData),
    Users(Vec<OxUser>),
    Id(OxId),
    Ids(Vec<OxId>),
    Access(ModuleAccess),
    Groups(Vec<OxGroup>),
    Resource(OxResource),
    Accounts(Vec<OxAccount>),
    Shared(Vec<OxSharedAccount>),
    Deputies(Vec<OxDeputy>),
    Text(String),
}

/// A verb, and the context it is for.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) context: ContextId,
    pub(super) verb: Verb,
    /// Credentials of the context's administrator; empty if there are none.
    pub(super) admin: (String, String),
}

impl Verb {
    /// Service and operation.
    pub(super) fn operation(&self) -> &'static str {
        match self {
            Self::ContextExists => "OXContextService.exists",
            Self::ContextGet => "OXContextService.getData",
            Self::ContextCreate(..) => "OXContextService.create",
            Self::ContextChange(_) => "OXContextService.change",
            Self::ContextEnable(true) => "OXContextService.enable",
            Self::ContextEnable(false) => "OXContextService.disable",
            Self::ContextCapabilities(_) => "OXContextService.changeCapabilities",
            Self::ContextQuota(..) => "OXContextService.changeQuota",
            Self::ContextDelete => "OXContextService.delete",
            Self::UserExists(_) => "OXUserService.exists",
            Self::UserGet(_) => "OXUserService.getData",
            Self::UserGetMany(_) => "OXUserService.getMultipleData",
            Self::UserList(_) => "OXUserService.list",
            Self::UserRights(_) => "OXUserService.getModuleAccess",
            Self::UserCreate(..) => "OXUserService.createByModuleAccess",
            Self::UserChange(..) => "OXUserService.change",
            Self::UserAccess(..) => "OXUserService.changeByModuleAccess",
            Self::UserSenderName(..) => "OXUserService.changeMailAddressPersonal",
            Self::UserCapabilities(..) => "OXUserService.changeCapabilities",
            Self::UserDelete(..) => "OXUserService.delete",
            Self::UserCopy(..) => "OXUserCopyService.copyUser",
            Self::GroupGet(_) => "OXGroupService.getData",
            Self::GroupsOfUser(_) => "OXGroupService.listGroupsForUser",
            Self::GroupCreate(_) => "OXGroupService.create",
            Self::GroupChange(..) => "OXGroupService.change",
            Self::GroupDelete(_) => "OXGroupService.delete",
            Self::GroupAdd(..) => "OXGroupService.addMember",
            Self::GroupRemove(..) => "OXGroupService.removeMember",
            Self::ResourceGet(_) => "OXResourceService.getData",
            Self::ResourceCreate(_) => "OXResourceService.create",
            Self::ResourceChange(..) => "OXResourceService.change",
            Self::ResourceDelete(_) => "OXResourceService.delete",
            Self::AccountList(_) => "OXSecondaryAccountService.list",
            Self::AccountCreate(..) => "OXSecondaryAccountService.create",
            Self::AccountUpdate(..) => "OXSecondaryAccountService.update",
            Self::AccountDelete(..) => "OXSecondaryAccountService.delete",
            Self::SharedGet(_) => "OXSharedAccountService.getData",
            Self::SharedList => "OXSharedAccountService.list",
            Self::SharedCreate(_) => "OXSharedAccountService.create",
            Self::SharedChange(..) => "OXSharedAccountService.change",
            Self::SharedDelete(_) => "OXSharedAccountService.delete",
            Self::SharedConvert(_) => "OXSharedAccountService.convertUserToSharedAccount",
            Self::SharedGrant(..) => "OXSharedAccountService.setSharedAccountPermissions",
            Self::DeputyList => "OXDeputyPermissionsService.list",
            Self::DeputyGrant(..) => "OXDeputyPermissionsService.grant",
            Self::DeputyUpdate(..) => "OXDeputyPermissionsService.update",
            Self::DeputyRevoke(..) => "OXDeputyPermissionsService.revoke",
            Self::DeputyRevokeAll(_) => "OXDeputyPermissionsService.revokeAll",
            Self::DeputyBar(_, true) => "OXDeputyPermissionsService.blockManual",
            Self::DeputyBar(_, false) => "OXDeputyPermissionsService.unblockManual",
        }
    }

    /// Whether it changes anything when it succeeds.
    pub(super) fn is_write(&self) -> bool {
        !matches!(
            self,
            Self::ContextExists
                | Self::ContextGet
                | Self::UserExists(_)
                | Self::UserGet(_)
                | Self::UserGetMany(_)
                | Self::UserList(_)
                | Self::UserRights(_)
                | Self::GroupGet(_)
                | Self::GroupsOfUser(_)
                | Self::ResourceGet(_)
                | Self::AccountList(_)
                | Self::SharedGet(_)
                | Self::SharedList
                | Self::DeputyList
        )
    }

    /// The object it is about, as the call names it.
    pub(super) fn object(&self) -> String {
        let of = |target: &Target| match target {
            Target::Id(id) => format!("#{id}"),
            Target::Name(name) => name.clone(),
        };
        match self {
            Self::ContextExists
            | Self::ContextGet
            | Self::ContextEnable(_)
            | Self::ContextCapabilities(_)
            | Self::ContextDelete
            | Self::AccountList(_)
            | Self::SharedList
            | Self::DeputyList => String::new(),
            Self::ContextQuota(module, _) => module.clone(),
            Self::SharedGet(account) => of(account),
            Self::SharedCreate(data) | Self::SharedChange(_, data) => data.name.clone(),
            Self::SharedDelete(id) | Self::SharedConvert(id) | Self::SharedGrant(id, _) => {
                format!("#{id}")
            }
            Self::DeputyGrant(user, ..)
            | Self::DeputyUpdate(user, ..)
            | Self::DeputyRevoke(user, _)
            | Self::DeputyRevokeAll(user)
            | Self::DeputyBar(user, _) => format!("#{user}"),
            Self::ContextCreate(data, ..) | Self::ContextChange(data) => {
                data.name.clone().unwrap_or_default()
            }
            Self::UserExists(user)
            | Self::UserGet(user)
            | Self::UserRights(user)
            | Self::UserChange(user, _)
            | Self::UserAccess(user, _)
            | Self::UserSenderName(user, _)
            | Self::UserCapabilities(user, _)
            | Self::UserDelete(user, _) => of(user),
            Self::UserGetMany(users) => users.iter().map(of).collect::<Vec<_>>().join(" "),
            Self::UserList(pattern) => pattern.clone(),
            Self::UserCreate(fields, _) => fields.text("name").unwrap_or_default().to_owned(),
            Self::UserCopy(user, from) => format!("#{user} of {from}"),
            Self::GroupGet(group) | Self::GroupChange(group, _) | Self::GroupDelete(group) => {
                of(group)
            }
            Self::GroupsOfUser(id) => format!("#{id}"),
            Self::GroupAdd(group, _) | Self::GroupRemove(group, _) => of(group),
            Self::GroupCreate(data) => data.name.clone(),
            Self::ResourceGet(resource)
            | Self::ResourceChange(resource, _)
            | Self::ResourceDelete(resource) => of(resource),
            Self::ResourceCreate(data) => data.name.clone().unwrap_or_default(),
            Self::AccountCreate(data, _) | Self::AccountUpdate(data, _) => data.address.clone(),
            Self::AccountDelete(address, _) => address.clone(),
        }
    }

    /// Numbers of users that a group or account is to have.
    pub(super) fn members(&self) -> &[OxId] {
        match self {
            Self::GroupCreate(data) | Self::GroupChange(_, data) => &data.members,
            Self::AccountCreate(_, users) | Self::AccountUpdate(_, users) => users,
            _ => &[],
        }
    }

    /// What it writes, for the trace; without passwords.
    pub(super) fn content(&self) -> String {
        match self {
            Self::ContextCreate(data, ..) | Self::ContextChange(data) => {
                format!("quota {:?}", data.max_quota_mb)
            }
            Self::UserCreate(fields, access) => format!("{} {access:?}", shown(fields)),
            Self::UserChange(_, fields) => shown(fields),
            Self::UserAccess(_, access) => format!("{access:?}"),
            Self::UserSenderName(_, name) => name.clone(),
            Self::UserCapabilities(_, change) | Self::ContextCapabilities(change) => {
                format!("{change:?}")
            }
            Self::ContextQuota(_, quota) => quota.to_string(),
            Self::GroupCreate(data) | Self::GroupChange(_, data) => {
                format!("{} {:?}", data.name, data.members)
            }
            Self::GroupAdd(_, users) | Self::GroupRemove(_, users) => format!("{users:?}"),
            Self::ResourceCreate(data) | Self::ResourceChange(_, data) => {
                format!("{:?} {:?} {:?}", data.name, data.description, data.email)
            }
            Self::AccountCreate(data, users) | Self::AccountUpdate(data, users) => {
                format!("{:?} {} {users:?}", data.personal, data.login)
            }
            Self::AccountList(users) | Self::AccountDelete(_, users) => format!("{users:?}"),
            Self::SharedCreate(data) | Self::SharedChange(_, data) => {
                format!("{:?} {}", data.display_name, data.address)
            }
            Self::SharedGrant(_, grants) => format!("{grants:?}"),
            Self::DeputyGrant(_, deputy, rights) | Self::DeputyUpdate(_, _, deputy, rights) => {
                format!("{deputy:?} {rights:?}")
            }
            Self::DeputyRevoke(_, grant) => grant.clone(),
            _ => String::new(),
        }
    }

    /// The version of the directory object that the call writes, as its content says.
    pub(super) fn version(&self) -> Option<&str> {
        match self {
            Self::UserCreate(fields, _) | Self::UserChange(_, fields) => fields.text("note"),
            Self::ResourceCreate(data) | Self::ResourceChange(_, data) => {
                data.description.as_deref()
            }
            Self::AccountCreate(data, _) | Self::AccountUpdate(data, _) => data.personal.as_deref(),
            Self::SharedCreate(data) | Self::SharedChange(_, data) => Some(&data.display_name),
            _ => None,
        }
    }
}

/// Fields with their values; the people in here are invented.
fn shown(fields: &UserFields) -> String {
    let value = |value: &FieldValue| match value {
        FieldValue::Text(text) => text.clone(),
        FieldValue::List(list) => format!("[{}]", list.join(" ")),
        other => format!("{other:?}"),
    };
    let empty = |value: &FieldValue| value.as_text() == Some("");
    let kept = fields.iter().filter(|(field, v)| field.name() != "password" && !empty(v));
    kept.map(|(field, v)| format!("{}={}", field.name(), value(v))).collect::<Vec<_>>().join(" ")
}

impl Call {
    /// Does it.
    pub(super) fn apply(&self, world: &mut World) -> Result<Reply, Fault> {
        let number = i64::from(self.context.0);
        let context = Some(number);
        let named = ObjectRef { id: context, name: None };
        let master = Auth { login: MASTER.0, password: MASTER.1 };
        let admin = Auth { login: &self.admin.0, password: &self.admin.1 };
        Ok(match &self.verb {
            Verb::ContextExists => Reply::Flag(world.context_exists(&named, master)?),
            Verb::ContextGet => {
                let found = world.context_data(&named, master)?;
                let own = self.context.0.to_string();
                Reply::Context(ContextData {
                    id: self.context,
                    name: Some(found.name.clone()),
                    max_quota_mb: (found.max_quota >= 0).then_some(found.max_quota),
                    login_mappings: found.mappings.iter().filter(|m| **m != own).cloned().collect(),
                    enabled: Some(found.enabled),
                })
            }
            Verb::ContextCreate(data, fields, credentials) => {
                let mut fields = fields.clone();
                fields.set("name", credentials.login.as_str());
                fields.set("password", credentials.password.reveal());
                let input = user_input(None, &fields);
                let input = Some(&input);
                world.context_create(&context_input(data), input, &Access::Default, master)?;
                Reply::Done
            }
            Verb::ContextChange(data) => {
                world.context_change(&context_input(data), master)?;
                Reply::Done
            }
            Verb::ContextEnable(enabled) => {
                world.context_enable(&named, *enabled, master)?;
                Reply::Done
            }
            Verb::ContextCapabilities(change) => {
                let lists = lists(change);
                world.context_capabilities(&named, lists.each_ref().map(String::as_str), master)?;
                Reply::Done
            }
            Verb::ContextQuota(module, quota) => {
                world.context_quota(&named, module, &quota.to_string(), master)?;
                Reply::Done
            }
            Verb::ContextDelete => {
                world.context_delete(&named, master)?;
                Reply::Done
            }
            Verb::UserExists(user) => {
                let input = user_input(Some(user), &UserFields::new());
                Reply::Flag(world.user_exists(context, &input, admin)?)
            }
            Verb::UserGet(user) => users(world, context, std::slice::from_ref(user), admin)?,
            Verb::UserGetMany(targets) => users(world, context, targets, admin)?,
            Verb::UserList(pattern) => {
                let (_, ids) = world.user_list(context, pattern, false, admin)?;
                Reply::Ids(ids.into_iter().map(OxId).collect())
            }
            Verb::UserRights(user) => {
                let (scope, id) = world.user_of_admin(context, &reference(user), admin)?;
                let rights = world.context(scope)?.user(id)?.rights;
                Reply::Access(ModuleAccess::from_fields(rights.names()))
            }
            Verb::UserCreate(fields, access) => {
                let input = user_input(None, fields);
                let made = world.user_create(context, &input, &listed(*access), admin)?;
                Reply::Id(OxId(made.id))
            }
            Verb::UserChange(user, fields) => {
                world.user_change(context, &user_input(Some(user), fields), admin)?;
                Reply::Done
            }
            Verb::UserAccess(user, access) => {
                world.user_access(context, &reference(user), &listed(*access), admin)?;
                Reply::Done
            }
            Verb::UserSenderName(user, name) => {
                world.user_personal(context, &reference(user), Some(name), admin)?;
                Reply::Done
            }
            Verb::UserCapabilities(user, change) => {
                let lists = lists(change);
                let lists = lists.each_ref().map(String::as_str);
                world.user_capabilities(context, &reference(user), lists, admin)?;
                Reply::Done
            }
            Verb::UserDelete(user, heir) => {
                let heir = heir.map(|heir| i64::from(heir.0));
                world.user_delete(context, &[reference(user)], heir, admin)?;
                Reply::Done
            }
            Verb::UserCopy(user, from) => {
                let user = ObjectRef { id: Some(i64::from(user.0)), name: None };
                let id = world.user_copy(Some(&user), Some(i64::from(from.0)), context, master)?;
                Reply::Id(OxId(id))
            }
            Verb::GroupGet(group) => {
                let (_, group) = world.group_data(context, &reference(group), admin)?;
                Reply::Groups(vec![group_of(group)])
            }
            Verb::GroupsOfUser(user) => {
                let (_, groups) = world.groups_of_user(context, &by_number(*user), admin)?;
                Reply::Groups(groups.into_iter().map(group_of).collect())
            }
            Verb::GroupCreate(data) => {
                let (_, id) = world.group_create(context, &group_input(None, data), admin)?;
                Reply::Id(OxId(id))
            }
            Verb::GroupChange(group, data) => {
                let id = match group {
                    Target::Id(id) => Some(*id),
                    Target::Name(_) => None,
                };
                world.group_change(context, &group_input(id, data), admin)?;
                Reply::Done
            }
            Verb::GroupDelete(group) => {
                world.group_delete(context, &[reference(group)], admin)?;
                Reply::Done
            }
            Verb::GroupAdd(group, members) => {
                let members: Vec<_> = members.iter().map(reference).collect();
                world.group_add(context, &reference(group), Some(&members), admin)?;
                Reply::Done
            }
            Verb::GroupRemove(group, members) => {
                let members: Vec<_> = members.iter().map(reference).collect();
                world.group_remove(context, &reference(group), Some(&members), admin)?;
                Reply::Done
            }
            Verb::ResourceGet(resource) => {
                let (_, found) = world.resource_data(context, &reference(resource), admin)?;
                Reply::Resource(resource_of(found))
            }
            Verb::ResourceCreate(data) => {
                let (_, id) = world.resource_create(context, &resource_input(None, data), admin)?;
                Reply::Id(OxId(id))
            }
            Verb::ResourceChange(resource, data) => {
                world.resource_change(context, &resource_input(Some(resource), data), admin)?;
                Reply::Done
            }
            Verb::ResourceDelete(resource) => {
                world.resource_delete(context, &reference(resource), admin)?;
                Reply::Done
            }
            Verb::AccountList(users) => {
                let (_, found) = world.account_list(context, &target(users), admin)?;
                let account = |(user, account): (u32, &crate::sim::world::Account)| {
                    let value = |name: &str| account.values.get(name).cloned();
                    OxAccount {
                        user: OxId(user),
                        data: AccountData {
                            name: value("name").unwrap_or_default(),
                            address: account.address.clone(),
                            personal: value("personal"),
                            login: value("login").unwrap_or_default(),
                        },
                    }
                };
                Reply::Accounts(found.into_iter().map(account).collect())
            }
            Verb::AccountCreate(data, users) => {
                let mut input = account_input(data);
                input.insert("primaryAddress", data.address.clone());
                input.insert("mailEndpointSource", "primary".to_owned());
                input.insert("transportEndpointSource", "primary".to_owned());
                world.account_create(context, Some(&input), &target(users), admin)?;
                Reply::Done
            }
            Verb::AccountUpdate(data, users) => {
                let (input, to) = (account_input(data), target(users));
                let address = Some(data.address.as_str());
                Reply::Flag(world.account_update(context, address, Some(&input), &to, admin)?.1)
            }
            Verb::AccountDelete(address, users) => {
                let to = target(users);
                Reply::Flag(world.account_delete(context, Some(address), &to, admin)?.1)
            }
            verb => newer::apply(verb, world, context, admin)?,
        })
    }
}

fn by_number(id: OxId) -> ObjectRef<'static> {
    ObjectRef { id: Some(i64::from(id.0)), name: None }
}

fn reference(target: &Target) -> ObjectRef<'_> {
    match target {
        Target::Id(id) => by_number(*id),
        Target::Name(name) => ObjectRef { id: None, name: Some(name) },
    }
}

fn target(users: &[OxId]) -> AccountTarget {
    AccountTarget { users: users.iter().map(|id| i64::from(id.0)).collect(), groups: Vec::new() }
}

fn listed(access: ModuleAccess) -> Access {
    let mut sent = [None; 26];
    for (slot, (_, granted)) in sent.iter_mut().zip(access.iter()) {
        *slot = Some(granted);
    }
    Access::Listed(Some(sent))
}

/// What is granted, denied and neither any more, as the world takes it.
fn lists(change: &CapabilityChange) -> [String; 3] {
    let CapabilityChange { add, remove, drop } = change;
    [add, remove, drop].map(|words| words.iter().cloned().collect::<Vec<_>>().join(","))
}

fn context_input(data: &ContextData) -> ContextInput {
    ContextInput {
        id: Some(i64::from(data.id.0)),
        name: data.name.clone(),
        max_quota: data.max_quota_mb,
        mappings: data.login_mappings.clone(),
        attributes: Attributes::new(),
    }
}

/// A user as the service would have read him from the message.
fn user_input(user: Option<&Target>, fields: &UserFields) -> UserInput {
    let mut input = UserInput { sent: true, ..UserInput::default() };
    for (field, value) in fields.iter() {
        let Some(column) = Column::by_name(field.name()) else { continue };
        match value {
            FieldValue::List(list) => input.aliases = Some(list.clone()),
            FieldValue::Text(text) => input.fields.set(column, text.as_str()),
            FieldValue::Bool(yes) => input.fields.set(column, yes.to_string()),
            FieldValue::Int(number) => input.fields.set(column, number.to_string()),
            FieldValue::Maps(_) => {}
        }
    }
    match user {
        Some(Target::Id(id)) => input.id = Some(i64::from(id.0)),
        Some(Target::Name(name)) => input.fields.set(Column::NAME, name.as_str()),
        None => {}
    }
    input
}

fn group_input(id: Option<OxId>, data: &GroupData) -> GroupInput {
    GroupInput {
        id: id.map(|id| i64::from(id.0)),
        name: Some(data.name.clone()),
        displayname: Some(data.display_name.clone()),
        members: data.members.iter().map(|member| Some(i64::from(member.0))).collect(),
    }
}

fn group_of(group: &Group) -> OxGroup {
    OxGroup {
        id: OxId(group.id),
        data: GroupData {
            name: group.name.clone(),
            display_name: group.displayname.clone(),
            members: group.members.iter().copied().map(OxId).collect(),
        },
    }
}

fn resource_input(resource: Option<&Target>, data: &ResourceData) -> ResourceInput {
    let mut input = ResourceInput {
        id: None,
        name: data.name.clone(),
        displayname: data.display_name.clone(),
        email: data.email.clone(),
        description: data.description.clone(),
        available: data.available,
    };
    match resource {
        Some(Target::Id(id)) => input.id = Some(i64::from(id.0)),
        Some(Target::Name(name)) => input.name = Some(name.clone()),
        None => {}
    }
    input
}

fn resource_of(resource: &Resource) -> OxResource {
    OxResource {
        id: OxId(resource.id),
        data: ResourceData {
            name: Some(resource.name.clone()),
            display_name: Some(resource.displayname.clone()),
            description: resource.description.clone(),
            email: Some(resource.email.clone()),
            available: Some(resource.available),
        },
    }
}

fn account_input(data: &AccountData) -> std::collections::BTreeMap<&'static str, String> {
    let mut input = std::collections::BTreeMap::new();
    input.insert("name", data.name.clone());
    input.insert("login", data.login.clone());
    if let Some(personal) = &data.personal {
        input.insert("personal", personal.clone());
    }
    input
}

fn users(
    world: &World,
    context: Option<i64>,
    targets: &[Target],
    admin: Auth<'_>,
) -> Result<Reply, Fault> {
    let named: Vec<_> = targets.iter().map(reference).collect();
    let (scope, ids) = world.user_data(context, &named, admin)?;
    let scope = world.context(scope)?;
    let found = ids.iter().filter_map(|id| scope.user(*id).ok());
    Ok(Reply::Users(found.map(user_of).collect()))
}

/// Everything about a user, as far as provisioning looks at it.
fn user_of(user: &User) -> OxUser {
    let mut fields = UserFields::new();
    for (column, value) in user.fields.iter() {
        let Some(field) = UserField::named(column.name()) else { continue };
        match field.kind() {
            FieldKind::Text | FieldKind::Bytes => fields.insert(field, value),
            FieldKind::Date => fields.insert(field, value.get(..10).unwrap_or(value)),
            FieldKind::Bool => fields.insert(field, value == "true"),
            FieldKind::Int | FieldKind::Long => {
                if let Ok(number) = value.parse::<i64>() {
                    fields.insert(field, number);
                }
            }
            FieldKind::TextList | FieldKind::Group | FieldKind::Map | FieldKind::Maps => {}
        }
    }
    if !user.aliases.is_empty() {
        fields.set("aliases", user.aliases.clone());
    }
    fields.remove("password");
    fields.set("id", i64::from(user.id));
    fields.set("name", user.name());
    for (kind, server) in [("imap", &user.imap), ("smtp", &user.smtp)] {
        fields.set(&format!("{kind}Server"), server.host.as_str());
        fields.set(&format!("{kind}Port"), i64::from(server.port));
        fields.set(&format!("{kind}Schema"), server.scheme.as_str());
    }
    fields.set("maxQuota", user.quota.unwrap_or(user.quota_shown));
    OxUser { id: OxId(user.id), fields }
}
