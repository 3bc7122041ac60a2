//! From what OX says of an object to its entry in a file, and to what drover remembers of it.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value, json};

use super::{ContextExtras, ContextId, Key, ModuleAccess, ObjectId, ObjectKind, OxId, OxUser};
use crate::model::object::{DirectoryObject, Properties};
use crate::model::{Dn, DnKey, FieldValue, UserFields};
use crate::ox::{ContextData, OxAccount, OxGroup, OxResource, ResourceData};
use crate::plan::attributes::rows::{Form, ROWS};
use crate::plan::attributes::{Mapping, UserSettings, desired_fields};
use crate::store::storable::{storable_placement, storable_properties};
use crate::store::{AccountMember, Beside, Change, Commit, Placement};

/// Properties that entries of users have fields of their own for.
const USER_FIELDS: [&str; 11] = [
    "username",
    "oxContext",
    "firstname",
    "lastname",
    "oxDisplayName",
    "displayName",
    "mailPrimaryAddress",
    "mailAlternativeAddress",
    "oxAccess",
    "oxUserQuota",
    "isOxUser",
];

/// A user, as groups and accounts name him.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) id: ObjectId,
    pub(super) dn: Dn,
    pub(super) name: String,
    /// Whether the files name him; one whom drover knew before they do not.
    pub(super) is_named: bool,
}

/// An object that is taken over.
pub(super) struct Imported {
    pub(super) id: ObjectId,
    pub(super) kind: ObjectKind,
    dn: Dn,
    name: String,
    properties: Properties,
    members: Vec<DnKey>,
    placement: Option<(ContextId, Placement)>,
    /// Its entry in a file of desired state.
    pub(super) entry: Value,
}

impl Imported {
    fn new(kind: ObjectKind, context: Option<ContextId>, name: &str, entry: Value) -> Self {
        let key = Key { kind, context, name };
        Self {
            id: key.id(),
            dn: key.dn(),
            kind,
            name: name.to_owned(),
            properties: Properties::new(),
            members: Vec::new(),
            placement: None,
            entry,
        }
    }

    /// As groups name it.
    pub(super) fn member(&self) -> Member {
        let (id, dn, name) = (self.id.clone(), self.dn.clone(), self.name.clone());
        Member { id, dn, name, is_named: true }
    }

    /// What drover remembers of it.
    pub(super) fn commit(self) -> Commit {
        let mut commit = vec![Change::PutObject {
            id: self.id.clone(),
            kind: self.kind,
            dn: self.dn,
            properties: Some(storable_properties(&self.properties)),
            members: self.members,
        }];
        if let Some((context, placement)) = self.placement {
            let placement = storable_placement(&placement);
            commit.push(Change::PutPlacement { id: self.id, context, placement });
        }
        commit
    }
}

fn properties(value: Value) -> Properties {
    match value {
        Value::Object(properties) => properties,
        _ => Properties::new(),
    }
}

/// A context.
pub(super) fn context(data: &ContextData) -> Imported {
    let (id, number) = (data.id, data.id.to_string());
    let name = data.name.clone().unwrap_or_else(|| number.clone());
    let quota = data.max_quota_mb.filter(|quota| *quota > 0);
    let entry = with_some(json!({"number": id.0, "name": name}), "quota_mb", quota);
    let mut one = Imported::new(ObjectKind::Context, Some(id), &number, entry);
    one.properties = properties(json!({"name": name, "contextid": number}));
    if let Some(quota) = quota {
        one.properties.insert("oxQuota".to_owned(), quota.to_string().into());
    }
    let (quota_mb, extras) = (data.max_quota_mb.unwrap_or(-1), ContextExtras::default());
    one.placement = Some((id, Placement::Context { name, quota_mb, extras }));
    one
}

/// An access profile.
pub(super) fn profile(name: &str, access: ModuleAccess) -> Imported {
    let entry = json!({"name": name, "rights": access.words()});
    let mut one = Imported::new(ObjectKind::Profile, None, name, entry);
    one.properties.insert("name".to_owned(), name.into());
    for word in access.words() {
        one.properties.insert(word.to_owned(), "TRUE".into());
    }
    one
}

/// A user. The error says why he cannot be in a file.
pub(super) fn user(
    context: ContextId,
    user: &OxUser,
    profile: &(String, ModuleAccess),
    mapping: &Mapping,
    settings: &UserSettings,
) -> Result<Imported, String> {
    let fields = &user.fields;
    let text = |name: &str| fields.text(name).unwrap_or_default();
    let (name, mail) = (user.name(), text("primaryEmail"));
    usable(name)?;
    if !mail.contains('@') {
        return Err("it has no usable mail address".to_owned());
    }
    let aliases = fields.get("aliases").and_then(FieldValue::as_list).unwrap_or(&[]);
    let aliases: Vec<&String> =
        aliases.iter().filter(|alias| !alias.eq_ignore_ascii_case(mail)).collect();
    let quota = match fields.get("maxQuota") {
        Some(FieldValue::Int(quota)) if *quota > 0 => Some(*quota),
        _ => None,
    };
    let further = further(fields, mapping);
    let mut entry = json!({
        "name": name,
        "context": context.to_string(),
        "given_name": text("given_name"),
        "family_name": text("sur_name"),
        "display_name": text("display_name"),
        "mail": mail,
        "profile": profile.0,
    });
    if !aliases.is_empty() {
        entry["aliases"] = json!(aliases);
    }
    if !further.is_empty() {
        entry["properties"] = Value::Object(further.clone());
    }
    let entry = with_some(entry, "quota_mb", quota);
    let mut one = Imported::new(ObjectKind::User, Some(context), name, entry);
    one.properties = properties(json!({
        "username": name,
        "oxContext": context.to_string(),
        "firstname": text("given_name"),
        "lastname": text("sur_name"),
        "oxDisplayName": text("display_name").trim(),
        "mailPrimaryAddress": mail,
        "mailAlternativeAddress": aliases,
        "oxAccess": profile.0,
        "isOxUser": "OK",
    }));
    one.properties.extend(further);
    if let Some(quota) = quota {
        one.properties.insert("oxUserQuota".to_owned(), quota.to_string().into());
    }
    let parsed = DirectoryObject::parse(ObjectKind::User, &one.properties);
    let Ok(DirectoryObject::User(wanted)) = parsed else {
        return Err("drover cannot read what OX says of it".to_owned());
    };
    let access = Some(profile.1);
    let desired = desired_fields(&wanted, &one.id, &one.dn, access, mapping, settings);
    let desired = desired.map_err(|problem| problem.to_string())?;
    // What OX has of what would be written: what differs is written with his next change.
    let mut has = UserFields::new();
    for (field, _) in desired.fields.iter() {
        if let Some(value) = fields.get(field.name()) {
            has.insert(field, value.clone());
        }
    }
    let (ox, name, beside) = (user.id, name.to_owned(), Beside::default());
    one.placement = Some((context, Placement::User { ox, name, fields: has, access, beside }));
    Ok(one)
}

/// The properties that feed the user's further fields, as OX has them. Photos stay in OX.
fn further(fields: &UserFields, mapping: &Mapping) -> Map<String, Value> {
    let mut lists: BTreeMap<String, BTreeMap<usize, String>> = BTreeMap::new();
    let mut single = Map::new();
    for row in &ROWS {
        let mapped = matches!(row.form, Form::Text | Form::StickyText | Form::Date);
        let Some(source) = mapping.source(row).filter(|_| mapped) else { continue };
        let text = fields.text(row.element).filter(|text| !text.is_empty());
        let own = USER_FIELDS.contains(&source.property.as_str());
        let Some(text) = text.filter(|_| !own) else { continue };
        match source.position {
            Some(position) => {
                let list = lists.entry(source.property.clone()).or_default();
                list.insert(position, text.to_owned());
            }
            None => {
                single.insert(source.property.clone(), text.into());
            }
        }
    }
    for (property, values) in lists {
        let last = values.last_key_value().map_or(0, |(position, _)| *position);
        let list = (0..=last).map(|at| values.get(&at).cloned().unwrap_or_default());
        single.insert(property, list.collect::<Vec<_>>().into());
    }
    single
}

/// A group. The error says why it cannot be in a file.
pub(super) fn group(
    context: ContextId,
    group: &OxGroup,
    members: &HashMap<OxId, Member>,
) -> Result<Imported, String> {
    let name = &group.data.name;
    usable(name)?;
    let named = named(&group.data.members, members)?;
    let names: Vec<&str> = named.iter().map(|(_, member)| member.name.as_str()).collect();
    let entry = json!({"name": name, "context": context.to_string(), "members": names});
    let mut one = Imported::new(ObjectKind::Group, Some(context), name, entry);
    let dns: Vec<&str> = named.iter().map(|(_, member)| member.dn.as_str()).collect();
    one.properties = properties(json!({"name": name, "isOxGroup": "OK", "users": dns}));
    one.members = named.iter().map(|(_, member)| member.dn.key().clone()).collect();
    let members = named.iter().map(|(ox, member)| (member.id.clone(), *ox)).collect();
    let (ox, name) = (group.id, name.clone());
    one.placement = Some((context, Placement::Group { ox, name, members }));
    Ok(one)
}

/// A resource. The error says why it cannot be in a file.
pub(super) fn resource(context: ContextId, resource: &OxResource) -> Result<Imported, String> {
    let data = &resource.data;
    let name = data.name.clone().unwrap_or_default();
    usable(&name)?;
    let mail = data.email.clone().filter(|mail| mail.contains('@'));
    let Some(mail) = mail else { return Err("it has no usable mail address".to_owned()) };
    let shown = data.display_name.clone().unwrap_or_else(|| name.clone());
    let description = data.description.clone().unwrap_or_default();
    let entry = json!({
        "name": name, "context": context.to_string(), "display_name": shown,
        "description": description, "mail": mail,
    });
    let mut one = Imported::new(ObjectKind::Resource, Some(context), &name, entry);
    one.properties = properties(json!({
        "name": name, "displayname": shown, "description": description,
        "resourceMailAddress": mail, "oxContext": context.to_string(),
    }));
    let data = ResourceData {
        name: Some(name),
        display_name: Some(shown),
        description: Some(description),
        email: Some(mail),
        available: data.available,
    };
    one.placement = Some((context, Placement::Resource { ox: resource.id, data }));
    Ok(one)
}

/// A functional account, from what each of its users has. The error says why it cannot be in a file.
pub(super) fn account(
    context: ContextId,
    accounts: &[OxAccount],
    members: &HashMap<OxId, Member>,
) -> Result<Imported, String> {
    let first = accounts.first().ok_or("nobody has it")?;
    let alike = |one: &OxAccount| {
        (&one.data.name, &one.data.personal) == (&first.data.name, &first.data.personal)
    };
    if !accounts.iter().all(alike) {
        return Err("its users have it under different names".to_owned());
    }
    let (name, mail) = (&first.data.name, &first.data.address);
    usable(name)?;
    let users: Vec<OxId> = accounts.iter().map(|one| one.user).collect();
    let named = named(&users, members)?;
    let names: Vec<&str> = named.iter().map(|(_, member)| member.name.as_str()).collect();
    let entry =
        json!({"name": name, "context": context.to_string(), "mail": mail, "members": names});
    let entry = with_some(entry, "sender_name", first.data.personal.clone());
    let id = identity_in(accounts, members);
    let entry = with_some(entry, "id", id.clone());
    let mut one = Imported::new(ObjectKind::Account, Some(context), name, entry);
    if let Some(id) = id {
        one.id = ObjectId::new(&id);
    }
    let dns: Vec<&str> = named.iter().map(|(_, member)| member.dn.as_str()).collect();
    one.properties =
        properties(json!({"name": name, "mailPrimaryAddress": mail, "users": dns, "groups": []}));
    if let Some(personal) = &first.data.personal {
        one.properties.insert("personal".to_owned(), personal.clone().into());
    }
    one.members = named.iter().map(|(_, member)| member.dn.key().clone()).collect();
    let logins: HashMap<OxId, &str> =
        accounts.iter().map(|one| (one.user, one.data.login.as_str())).collect();
    let copy = |(ox, member): &(OxId, &Member)| {
        let login = logins.get(ox).copied().unwrap_or_default().to_owned();
        let (name, personal) = (name.clone(), first.data.personal.clone());
        (member.id.clone(), AccountMember { ox: *ox, name, personal, login })
    };
    let members = named.iter().map(copy).collect();
    one.placement = Some((context, Placement::Account { address: mail.clone(), members }));
    Ok(one)
}

/// The account's identity as its logins have it: usually they are that and the user's name. Keeping it
/// keeps the logins.
fn identity_in(accounts: &[OxAccount], members: &HashMap<OxId, Member>) -> Option<String> {
    let mut identities = accounts.iter().map(|one| {
        let name = &members.get(&one.user)?.name;
        one.data.login.strip_suffix(name.as_str()).filter(|identity| !identity.trim().is_empty())
    });
    let first = identities.next()??;
    let kept = ObjectId::new(first).as_str() == first && identities.all(|one| one == Some(first));
    kept.then(|| first.to_owned())
}

/// Members as the file names them, in the order of their names.
fn named<'m>(
    numbers: &[OxId],
    members: &'m HashMap<OxId, Member>,
) -> Result<Vec<(OxId, &'m Member)>, String> {
    let mut named = Vec::with_capacity(numbers.len());
    for ox in numbers {
        match members.get(ox) {
            Some(member) if member.is_named => named.push((*ox, member)),
            Some(_) => return Err(format!("its member {ox} is known to drover from elsewhere")),
            None => return Err(format!("its member {ox} is not taken over")),
        }
    }
    if named.is_empty() {
        return Err("it has no members".to_owned());
    }
    named.sort_by(|a, b| a.1.name.cmp(&b.1.name));
    Ok(named)
}

fn usable(name: &str) -> Result<(), String> {
    if name.trim().is_empty() || name.contains('/') {
        return Err("its name is empty or holds a \"/\"".to_owned());
    }
    Ok(())
}

fn with_some(mut entry: Value, name: &str, value: Option<impl Into<Value>>) -> Value {
    if let Some(value) = value {
        entry[name] = value.into();
    }
    entry
}
