//! From a last known state to what drover would remember had it provisioned the object itself.

use std::collections::{BTreeMap, HashMap};

use crate::model::object::{AccountObject, DirectoryObject, GroupObject, Properties, UserObject};
use crate::model::{
    ContextExtras, ContextId, Dn, DnKey, ItemName, ModuleAccess, ObjectId, ObjectKind, OxId,
};
use crate::model::{UserFields, object};
use crate::ox::ResourceData;
use crate::plan::attributes::{Identifier, Mapping, desired_fields, render_login};
use crate::plan::entitlement::ProfileBook;
use crate::provision::Policy;
use crate::snapshot::Snapshot;
use crate::store::{AccountMember, Beside, Placement, ProfileVersion};

/// Profiles are as the connector knew them before anything that is in the queue.
const FIRST: &str = "1970-01-01-00-00-00.json";

/// Name of the group that OX keeps itself, in any case.
const RESERVED_GROUP: &str = "users";

/// What is made of one state.
#[derive(Debug, Default)]
pub(super) struct Made {
    /// Where the object is in OX, and as what.
    pub(super) placements: BTreeMap<ContextId, Placement>,
    /// The profile that it defines.
    pub(super) profile: Option<ProfileVersion>,
    /// What people should know of it; a fragment that goes on from the object's name.
    pub(super) doubt: Option<Doubt>,
}

/// What is not certain of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Doubt {
    /// An OX user whose number the connector did not know.
    NoNumber,
    /// Named like the administrator of his context, whom nobody touches.
    Administrator,
    /// An OX user without a context.
    NoContext,
    /// He has no usable name.
    NoName(String),
    /// The login of an account cannot be filled in.
    NoLogin(String),
}

/// A user, as groups and accounts see him.
#[derive(Debug)]
struct Member {
    id: ObjectId,
    context: ContextId,
    ox: OxId,
}

/// Makes records; contexts and profiles first, then users and resources, then those that name users.
pub(super) struct Maker<'a> {
    pub(super) policy: &'a Policy,
    pub(super) mapping: &'a Mapping,
    pub(super) book: ProfileBook,
    /// Login of a context's administrator.
    pub(super) administrator: &'a dyn Fn(ContextId) -> String,
    /// DN and properties of a user who is remembered already.
    pub(super) look_up: &'a dyn Fn(&ObjectId) -> Option<(Dn, Properties)>,
    members: HashMap<DnKey, Member>,
}

impl<'a> Maker<'a> {
    pub(super) fn new(
        policy: &'a Policy,
        mapping: &'a Mapping,
        book: ProfileBook,
        administrator: &'a dyn Fn(ContextId) -> String,
        look_up: &'a dyn Fn(&ObjectId) -> Option<(Dn, Properties)>,
    ) -> Self {
        Self { policy, mapping, book, administrator, look_up, members: HashMap::new() }
    }

    /// What drover would remember.
    pub(super) fn make(&mut self, snapshot: &Snapshot) -> Made {
        match &snapshot.file.object {
            Some(DirectoryObject::Context(context)) => {
                let placement = Placement::Context {
                    name: context.name.clone(),
                    quota_mb: context.quota_mb.unwrap_or(-1),
                    extras: ContextExtras::default(),
                };
                Made::at(context.context, placement)
            }
            Some(DirectoryObject::Profile(profile)) => {
                let version = ProfileVersion {
                    object: snapshot.file.id.clone(),
                    name: profile.name.clone(),
                    since: ItemName::new(FIRST),
                    access: Some(profile.access),
                };
                self.book.add(&version);
                Made { profile: Some(version), ..Made::default() }
            }
            Some(DirectoryObject::User(user)) => self.user(snapshot, user),
            Some(DirectoryObject::Group(group)) => self.group(snapshot, group),
            Some(DirectoryObject::Account(account)) => self.account(&snapshot.file.id, account),
            Some(DirectoryObject::Resource(resource)) => Self::resource(resource),
            Some(DirectoryObject::SharedAccount(account)) => {
                // What OX has of it, and who may use it, is written with its next change.
                let identifier = &self.policy.shared_account_identifier;
                let name = snapshot.name.clone();
                let name = name.or_else(|| one_text(&account.properties, identifier));
                let (name, ox) = (name.unwrap_or_default(), snapshot.number);
                let ox = ox.unwrap_or(OxId::UNKNOWN);
                let placement = Placement::SharedAccount { ox, name, data: None, grants: None };
                Made::at(account.context, placement)
            }
            // Nothing in OX itself.
            Some(DirectoryObject::SharedAccountPermission(_)) | None => Made::default(),
        }
    }

    fn user(&mut self, snapshot: &Snapshot, user: &UserObject) -> Made {
        let file = &snapshot.file;
        // One who is no OX user any more and yet has a number was to be deleted and was not.
        if !user.is_ox_user && snapshot.number.is_none() {
            return Made::default();
        }
        let Some(context) = user.context else { return Made::doubtful(Doubt::NoContext) };
        let (given, access) = self.rights(user);
        let policy = &self.policy.user;
        let desired = desired_fields(user, &file.id, &file.dn, given, self.mapping, policy);
        let (name, mut fields) = match (desired, &snapshot.name) {
            (Ok(desired), name) => {
                (name.clone().unwrap_or_else(|| desired.name.clone()), desired.fields)
            }
            (Err(_), Some(name)) => (name.clone(), UserFields::new()),
            (Err(problem), None) => return Made::doubtful(Doubt::NoName(problem.to_string())),
        };
        let names = [user.username.as_deref().unwrap_or_default(), name.as_str()];
        if names.contains(&(self.administrator)(context).as_str()) {
            return Made::doubtful(Doubt::Administrator);
        }
        // The connector leaves mail on for an empty profile name, in contrast to none at all.
        if user.profile.is_none() && user.properties.contains_key("oxAccess") {
            fields.set("mailenabled", true);
        }
        let ox = snapshot.number.unwrap_or(OxId::UNKNOWN);
        let member = Member { id: file.id.clone(), context, ox };
        self.members.insert(file.dn.key().clone(), member);
        if ox == OxId::UNKNOWN {
            // Whoever is found under the name counts as he is found.
            let placement = Placement::User {
                ox,
                name,
                fields: UserFields::new(),
                access: None,
                beside: Beside::default(),
            };
            return Made { doubt: Some(Doubt::NoNumber), ..Made::at(context, placement) };
        }
        Made::at(context, Placement::User { ox, name, fields, access, beside: Beside::default() })
    }

    /// What the user's profile grants, and what the connector last set of it: nothing if the profile
    /// grants nothing, and nothing if it did not know it.
    fn rights(&self, user: &UserObject) -> (Option<ModuleAccess>, Option<ModuleAccess>) {
        let Some(profile) = &user.profile else { return (None, Some(ModuleAccess::NONE)) };
        let access = self.book.resolve(profile, &ItemName::new(FIRST)).ok();
        (access, access.filter(|access| *access != ModuleAccess::NONE))
    }

    fn group(&self, snapshot: &Snapshot, group: &GroupObject) -> Made {
        let name = match (&snapshot.name, self.policy.group_identifier.as_str()) {
            (Some(name), _) => Some(name.clone()),
            (None, identifier) if identifier.eq_ignore_ascii_case("entryUUID") => {
                Some(snapshot.file.id.to_string())
            }
            (None, identifier) => one_text(&group.properties, identifier),
        };
        let Some(name) = name.filter(|name| !name.eq_ignore_ascii_case(RESERVED_GROUP)) else {
            return Made::default();
        };
        if !group.is_ox_group {
            return Made::default();
        }
        let mut members: BTreeMap<ContextId, BTreeMap<ObjectId, OxId>> = BTreeMap::new();
        for member in self.members(&group.users) {
            // Whoever is there without a number may have had one when the group was written.
            let there = members.entry(member.context).or_default();
            if member.ox != OxId::UNKNOWN {
                there.insert(member.id.clone(), member.ox);
            }
        }
        let placed = |(context, members)| {
            let placement = Placement::Group { ox: OxId::UNKNOWN, name: name.clone(), members };
            (context, placement)
        };
        Made { placements: members.into_iter().map(placed).collect(), ..Made::default() }
    }

    fn account(&self, id: &ObjectId, account: &AccountObject) -> Made {
        let mut members: BTreeMap<ContextId, BTreeMap<ObjectId, AccountMember>> = BTreeMap::new();
        let numbered = |member: &&Member| member.ox != OxId::UNKNOWN;
        for member in self.members(&account.users).filter(numbered) {
            // A member who is not remembered yet (as in a dry run) makes no difference to where.
            let (dn, properties) =
                (self.look_up)(&member.id).unwrap_or_else(|| (Dn::new(""), Properties::new()));
            let template = &self.policy.account_login;
            let login = render_login(template, id, &account.address, &member.id, &dn, &properties);
            let login = match login {
                Ok(login) => login,
                Err(_) if properties.is_empty() => String::new(),
                Err(problem) => return Made::doubtful(Doubt::NoLogin(problem.to_string())),
            };
            let copy = AccountMember {
                ox: member.ox,
                name: account.name.clone(),
                personal: account.personal.clone(),
                login,
            };
            members.entry(member.context).or_default().insert(member.id.clone(), copy);
        }
        let placed = |(context, members)| {
            (context, Placement::Account { address: account.address.clone(), members })
        };
        Made { placements: members.into_iter().map(placed).collect(), ..Made::default() }
    }

    fn resource(resource: &object::ResourceObject) -> Made {
        let Some(context) = resource.context else { return Made::doubtful(Doubt::NoContext) };
        let data = ResourceData {
            name: Some(resource.name.clone()),
            display_name: Some(resource.display_name.clone()),
            description: Some(resource.description.clone()),
            email: resource.address.clone(),
            available: Some(true),
        };
        Made::at(context, Placement::Resource { ox: OxId::UNKNOWN, data })
    }

    /// Those of the named users who are OX users.
    fn members<'m>(&'m self, dns: &'m [Dn]) -> impl Iterator<Item = &'m Member> {
        dns.iter().filter_map(|dn| self.members.get(dn.key()))
    }
}

impl Made {
    fn at(context: ContextId, placement: Placement) -> Self {
        Self { placements: BTreeMap::from([(context, placement)]), ..Self::default() }
    }

    fn doubtful(doubt: Doubt) -> Self {
        Self { doubt: Some(doubt), ..Self::default() }
    }
}

/// The property that names groups, as the setting says.
fn one_text(properties: &Properties, name: &str) -> Option<String> {
    let Identifier::Property(name) = Identifier::new(name, "name") else { return None };
    let text = match properties.get(&name)? {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Number(number) => number.to_string(),
        serde_json::Value::Array(list) => match list.as_slice() {
            [serde_json::Value::String(text)] => text.clone(),
            _ => return None,
        },
        _ => return None,
    };
    (!text.trim().is_empty()).then_some(text)
}

/// The order in which kinds are made: who is named before who names.
pub(super) const ORDER: [ObjectKind; 8] = [
    ObjectKind::Profile,
    ObjectKind::Context,
    ObjectKind::User,
    ObjectKind::Resource,
    ObjectKind::Group,
    ObjectKind::Account,
    ObjectKind::SharedAccountPermission,
    ObjectKind::SharedAccount,
];
