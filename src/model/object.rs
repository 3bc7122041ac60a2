//! Directory objects: what a queue file says, typed; tolerant of the forms in which UDM, UDM REST
//! and Nubus deliver the same value, strict about what cannot be meant.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::access::{ModuleAccess, RIGHTS};
use super::deputies::deputies;
use super::dn::{Dn, DnKey};
use super::extras::{Capabilities, ModuleQuotas};
use super::ids::{ContextId, ObjectId};

/// Properties of an object as delivered.
pub type Properties = Map<String, Value>;

/// The property that holds an object's `univentionObjectIdentifier`, as delivered.
pub const OBJECT_IDENTIFIER: &str = "univentionObjectIdentifier";

/// The property in which drover keeps the `entryUUID` of an object that goes by the other id.
pub const ENTRY_UUID: &str = "entryUUID";

/// Ids that are among an object's properties; the one it goes by may be one of them.
pub fn other_ids(properties: &Properties) -> impl Iterator<Item = ObjectId> {
    [OBJECT_IDENTIFIER, ENTRY_UUID].into_iter().filter_map(|name| id_in(properties, name))
}

/// The id that a property holds, if it holds one.
pub fn id_in(properties: &Properties, name: &str) -> Option<ObjectId> {
    let id = properties.get(name)?.as_str()?;
    (!id.trim().is_empty()).then(|| ObjectId::new(id))
}

/// The kinds of directory objects that concern OX.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectKind {
    /// `oxmail/oxcontext`
    Context,
    /// `oxmail/accessprofile`
    Profile,
    /// `users/user`
    User,
    /// `groups/group`
    Group,
    /// `oxmail/functional_account`
    Account,
    /// `oxresources/oxresources`
    Resource,
    /// `oxmail/shared_account_permission`
    SharedAccountPermission,
    /// `oxmail/shared_account`
    SharedAccount,
}

impl ObjectKind {
    /// All kinds, in the order in which an empty OX would need them.
    pub const ALL: [Self; 8] = [
        Self::Context,
        Self::Profile,
        Self::User,
        Self::Group,
        Self::Account,
        Self::Resource,
        Self::SharedAccountPermission,
        Self::SharedAccount,
    ];

    /// UDM's name of the type.
    pub const fn udm_type(self) -> &'static str {
        match self {
            Self::Context => "oxmail/oxcontext",
            Self::Profile => "oxmail/accessprofile",
            Self::User => "users/user",
            Self::Group => "groups/group",
            Self::Account => "oxmail/functional_account",
            Self::Resource => "oxresources/oxresources",
            Self::SharedAccountPermission => "oxmail/shared_account_permission",
            Self::SharedAccount => "oxmail/shared_account",
        }
    }

    /// The kind of a UDM type name.
    pub fn from_udm_type(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.udm_type() == name)
    }

    /// A short word for people and logs.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Context => "context",
            Self::Profile => "access profile",
            Self::User => "user",
            Self::Group => "group",
            Self::Account => "functional account",
            Self::Resource => "resource",
            Self::SharedAccountPermission => "shared account permission",
            Self::SharedAccount => "shared account",
        }
    }
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What one queue file says: this object is now so, or (`object` none) is gone.
#[derive(Debug, Clone)]
pub struct QueueFile {
    /// Stable identity.
    pub id: ObjectId,
    /// Kind of the object.
    pub kind: ObjectKind,
    /// Its present DN.
    pub dn: Dn,
    /// Its properties as delivered; none if it was deleted.
    pub properties: Option<Properties>,
    /// UDM options as delivered; drover makes nothing of them.
    pub options: Option<Value>,
    /// The same, typed.
    pub object: Option<DirectoryObject>,
}

/// Why a queue file cannot be used. Says what was expected; the caller adds the file's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueueFileError {
    /// Not JSON at all.
    #[error("not valid JSON at line {line}, column {column} (byte {byte}): {reason}")]
    NotJson {
        /// Line of the error, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// Offset in the file, from 0.
        byte: usize,
        /// The parser's words.
        reason: String,
    },
    /// A field is missing or of the wrong form.
    #[error("field \"{field}\": expected {expected}, found {found}")]
    Field {
        /// Path of the field, such as `object.oxContext`.
        field: String,
        /// What would have been right.
        expected: &'static str,
        /// What was there (kind of value, never people's data).
        found: String,
    },
}

impl QueueFile {
    /// Reads a queue file.
    ///
    /// # Errors
    /// [`QueueFileError`] names the byte or the field, and what was expected.
    pub fn parse(bytes: &[u8]) -> Result<Self, QueueFileError> {
        Self::read(serde_json::from_slice(bytes).map_err(|e| not_json(bytes, &e))?)
    }

    /// The same from JSON that is parsed already.
    ///
    /// # Errors
    /// [`QueueFileError::Field`] names the field, and what was expected.
    pub fn read(value: Value) -> Result<Self, QueueFileError> {
        let Value::Object(mut file) = value else {
            return Err(field_error("", "a JSON object", &value));
        };
        let id = match file.get("id") {
            Some(Value::String(id)) if !id.trim().is_empty() => ObjectId::new(id),
            other => return Err(field_error("id", "the entryUUID as text", or_null(other))),
        };
        let kind = match file.get("udm_object_type") {
            Some(Value::String(name)) => ObjectKind::from_udm_type(name),
            _ => None,
        };
        let Some(kind) = kind else {
            return Err(field_error(
                "udm_object_type",
                "one of oxmail/oxcontext, oxmail/accessprofile, users/user, groups/group, \
                 oxmail/functional_account, oxresources/oxresources, oxmail/shared_account, \
                 oxmail/shared_account_permission",
                or_null(file.get("udm_object_type")),
            ));
        };
        let dn = match file.get("dn") {
            Some(Value::String(dn)) if !dn.trim().is_empty() => Dn::new(dn),
            other => return Err(field_error("dn", "the object's DN as text", or_null(other))),
        };
        let properties = match file.remove("object") {
            Some(Value::Object(properties)) => Some(properties),
            Some(Value::Null) => None,
            // Absent is not null: a torn or foreign file must not read as a deletion.
            other => {
                return Err(field_error(
                    "object",
                    "the object's properties, or null for a deletion",
                    or_null(other.as_ref()),
                ));
            }
        };
        let object = properties.as_ref().map(|p| DirectoryObject::parse(kind, p)).transpose()?;
        let options = file.remove("options").filter(|options| !options.is_null());
        Ok(Self { id, kind, dn, properties, options, object })
    }
}

fn not_json(bytes: &[u8], error: &serde_json::Error) -> QueueFileError {
    let (line, column) = (error.line(), error.column());
    let before: usize =
        bytes.split_inclusive(|b| *b == b'\n').take(line.saturating_sub(1)).map(<[u8]>::len).sum();
    let byte = (before + column.saturating_sub(1)).min(bytes.len());
    let full = error.to_string();
    let reason = full.split(" at line ").next().unwrap_or(&full).to_owned();
    QueueFileError::NotJson { line, column, byte, reason }
}

/// A directory object of any kind.
#[derive(Debug, Clone, PartialEq)]
pub enum DirectoryObject {
    /// An OX context.
    Context(ContextObject),
    /// A set of module rights under a name.
    Profile(ProfileObject),
    /// A person, OX user or not.
    User(UserObject),
    /// A group, OX group or not.
    Group(GroupObject),
    /// A functional account.
    Account(AccountObject),
    /// A room, a projector.
    Resource(ResourceObject),
    /// What those may do to whom a shared account is granted so.
    SharedAccountPermission(PermissionObject),
    /// A mailbox that belongs to nobody.
    SharedAccount(SharedAccountObject),
}

/// `oxmail/oxcontext`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextObject {
    /// Its number in OX.
    pub context: ContextId,
    /// Its name in OX.
    pub name: String,
    /// Quota in MB; none = unlimited (absent, empty, 0 or -1).
    pub quota_mb: Option<i64>,
    /// Whether people can log in (`oxContextEnabled`); none = not the directory's business.
    pub enabled: Option<bool>,
    /// Capabilities granted and denied (`oxCapabilities`).
    pub capabilities: Capabilities,
    /// Quotas of modules (`oxModuleQuota`).
    pub module_quotas: ModuleQuotas,
}

/// `oxmail/accessprofile`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileObject {
    /// Name by which users refer to it.
    pub name: String,
    /// The rights it grants.
    pub access: ModuleAccess,
}

/// `users/user`. Only what the engine itself looks at; everything else is reached by the attribute
/// mapping through [`UserObject::properties`].
#[derive(Debug, Clone, PartialEq)]
pub struct UserObject {
    /// Whether this person is to be an OX user (`isOxUser`).
    pub is_ox_user: bool,
    /// Login name in the directory, if present.
    pub username: Option<String>,
    /// The context the user belongs to.
    pub context: Option<ContextId>,
    /// Name of the access profile; none = no rights.
    pub profile: Option<String>,
    /// Capabilities granted and denied (`oxCapabilities`).
    pub capabilities: Capabilities,
    /// Login name, in the user's own context, of whoever gets his data when he is deleted (`oxHeir`).
    pub heir: Option<String>,
    /// All properties as delivered.
    pub properties: Properties,
}

/// `groups/group`
#[derive(Debug, Clone, PartialEq)]
pub struct GroupObject {
    /// Whether this group is to be in OX (`isOxGroup`).
    pub is_ox_group: bool,
    /// DNs of its users.
    pub users: Vec<Dn>,
    /// DNs of the groups in it.
    pub nested: Vec<Dn>,
    /// All properties as delivered.
    pub properties: Properties,
}

/// `oxmail/functional_account`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountObject {
    /// Name shown in the mail client.
    pub name: String,
    /// Its mail address.
    pub address: String,
    /// Sender name.
    pub personal: Option<String>,
    /// DNs of the users who have it.
    pub users: Vec<Dn>,
}

/// `oxresources/oxresources`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceObject {
    /// Name in OX.
    pub name: String,
    /// Display name; the name if absent.
    pub display_name: String,
    /// Description, empty if absent.
    pub description: String,
    /// Mail address.
    pub address: Option<String>,
    /// Its context.
    pub context: Option<ContextId>,
}

/// `oxmail/shared_account_permission`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PermissionObject {
    /// What may be done with the mail: `none`, `viewer`, `editor` or `author`.
    pub mail: String,
    /// What may be done with the calendar, in the same words.
    pub calendar: String,
    /// What else is granted, such as `sendAs`.
    pub capabilities: BTreeSet<String>,
}

/// One user or group to whom a shared account is granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantedTo {
    /// Whether it is a group.
    pub is_group: bool,
    /// Whom.
    pub to: ObjectId,
    /// With which permission.
    pub permission: ObjectId,
}

/// `oxmail/shared_account`
#[derive(Debug, Clone, PartialEq)]
pub struct SharedAccountObject {
    /// Shown name.
    pub display_name: String,
    /// Mail address.
    pub address: String,
    /// Its context.
    pub context: ContextId,
    /// To whom it is granted.
    pub granted: Vec<GrantedTo>,
    /// All properties as delivered.
    pub properties: Properties,
}

/// The key under which an object is named that names others by their ids instead of their DNs.
pub fn reference_key(id: &ObjectId) -> DnKey {
    Dn::new(&format!("univentionObjectIdentifier={id}")).key().clone()
}

impl DirectoryObject {
    /// Reads the properties of an object of a known kind.
    ///
    /// # Errors
    /// [`QueueFileError::Field`] names the property and what was expected.
    pub fn parse(kind: ObjectKind, p: &Properties) -> Result<Self, QueueFileError> {
        Ok(match kind {
            ObjectKind::Context => Self::Context(ContextObject {
                context: context(p, "contextid")?
                    .ok_or_else(|| missing("contextid", "the context's number"))?,
                name: required(p, "name")?,
                quota_mb: number(p, "oxQuota")?.filter(|quota| *quota > 0),
                enabled: (!is_absent(p.get("oxContextEnabled")))
                    .then(|| flag(p, "oxContextEnabled")),
                capabilities: capabilities(p)?,
                module_quotas: module_quotas(p)?,
            }),
            ObjectKind::Profile => Self::Profile(ProfileObject {
                name: required(p, "name")?,
                access: ModuleAccess::from_fields(
                    RIGHTS
                        .iter()
                        .filter(|right| {
                            right.word.is_some_and(|w| p.get(w).is_some_and(is_right_set))
                        })
                        .map(|right| right.field),
                ),
            }),
            ObjectKind::User => Self::User(UserObject {
                is_ox_user: flag(p, "isOxUser"),
                username: text(p, "username")?,
                context: context(p, "oxContext")?,
                profile: text(p, "oxAccess")?,
                capabilities: capabilities(p)?,
                heir: text(p, "oxHeir")?.filter(|heir| !heir.trim().is_empty()),
                properties: p.clone(),
            }),
            ObjectKind::Group => Self::Group(GroupObject {
                is_ox_group: flag(p, "isOxGroup"),
                users: dns(p, "users")?,
                nested: dns(p, "nestedGroup")?,
                properties: p.clone(),
            }),
            ObjectKind::Account => Self::Account(AccountObject {
                name: required(p, "name")?,
                address: required(p, "mailPrimaryAddress")?,
                personal: text(p, "personal")?,
                users: dns(p, "users")?,
            }),
            ObjectKind::Resource => {
                let name = required(p, "name")?;
                Self::Resource(ResourceObject {
                    display_name: text(p, "displayname")?.unwrap_or_else(|| name.clone()),
                    description: text(p, "description")?.unwrap_or_default(),
                    address: text(p, "resourceMailAddress")?,
                    context: context(p, "oxContext")?,
                    name,
                })
            }
            ObjectKind::SharedAccountPermission => {
                Self::SharedAccountPermission(PermissionObject {
                    mail: level(p, "mail")?,
                    calendar: level(p, "calendar")?,
                    capabilities: CAPABILITIES
                        .iter()
                        .filter(|name| p.get(**name).is_some_and(is_right_set))
                        .map(|name| (*name).to_owned())
                        .collect(),
                })
            }
            ObjectKind::SharedAccount => {
                let name = required(p, "name")?;
                let mut granted = granted(p, "users", false)?;
                granted.extend(self::granted(p, "groups", true)?);
                Self::SharedAccount(SharedAccountObject {
                    display_name: text(p, "displayName")?.unwrap_or(name),
                    address: required(p, "mailPrimaryAddress")?,
                    context: context(p, "oxContext")?
                        .ok_or_else(|| missing("oxContext", "the context's number"))?,
                    granted,
                    properties: p.clone(),
                })
            }
        })
    }

    /// The context the object itself names. Groups and functional accounts have none of their own.
    pub fn own_context(&self) -> Option<ContextId> {
        match self {
            Self::Context(context) => Some(context.context),
            Self::User(user) => user.context.filter(|_| user.is_ox_user),
            Self::Resource(resource) => resource.context,
            Self::SharedAccount(account) => Some(account.context),
            Self::Profile(_)
            | Self::Group(_)
            | Self::Account(_)
            | Self::SharedAccountPermission(_) => None,
        }
    }

    /// Keys of everything whose change concerns the object: its members, or whom and what it names by id.
    /// Where groups count as members (`nesting`) these are all that a group names, in OX itself or not.
    pub fn names(&self, nesting: bool) -> Vec<DnKey> {
        match self {
            Self::Group(group) if nesting => {
                let named = group.users.iter().chain(&group.nested);
                let keys: BTreeSet<_> = named.map(|dn| dn.key().clone()).collect();
                keys.into_iter().collect()
            }
            Self::SharedAccount(account) => {
                let ids = account.granted.iter().flat_map(|one| [&one.to, &one.permission]);
                ids.map(reference_key).collect::<BTreeSet<_>>().into_iter().collect()
            }
            Self::User(user) => {
                let named = deputies(&user.properties).flatten();
                let keys: BTreeSet<_> = named.map(|entry| entry.deputy.key().clone()).collect();
                keys.into_iter().collect()
            }
            _ => self.member_dns().iter().map(|dn| dn.key().clone()).collect(),
        }
    }

    /// The users the object names as its members.
    pub fn member_dns(&self) -> &[Dn] {
        match self {
            Self::Group(group) if group.is_ox_group => &group.users,
            Self::Account(account) => &account.users,
            _ => &[],
        }
    }
}

/// What a permission may grant besides, each a property that is TRUE or FALSE.
pub const CAPABILITIES: [&str; 6] =
    ["sendAs", "sendOnBehalf", "snippets", "writeSnippets", "manageSieve", "writeJSlob"];

/// The words for what may be done with mail or calendar of a shared account.
pub const LEVELS: [&str; 4] = ["none", "viewer", "editor", "author"];

/// One of the words for what may be done; nothing may, if there is none.
fn level(p: &Properties, name: &str) -> Result<String, QueueFileError> {
    let word = text(p, name)?.unwrap_or_else(|| "none".to_owned()).trim().to_lowercase();
    if LEVELS.contains(&word.as_str()) {
        return Ok(word);
    }
    Err(property_error(name, "none, viewer, editor or author", &Value::from(word)))
}

/// Pairs of ids, of whom and with which permission; each is a list of two, or a text with the word
/// `with` between them, as the directory has it.
fn granted(p: &Properties, name: &str, is_group: bool) -> Result<Vec<GrantedTo>, QueueFileError> {
    let Some(value) = p.get(name).filter(|value| !is_absent(Some(value))) else {
        return Ok(Vec::new());
    };
    let Value::Array(list) = value else { return Err(not_pairs(name, value)) };
    let pair = |value: &Value| {
        let (to, permission) = match value {
            Value::Array(pair) => match pair.as_slice() {
                [Value::String(to), Value::String(permission)] => (to.trim(), permission.trim()),
                _ => return Err(not_pairs(name, value)),
            },
            Value::String(text) => {
                let pair = text.split_once(" with ").ok_or_else(|| not_pairs(name, value))?;
                (pair.0.trim(), pair.1.trim())
            }
            _ => return Err(not_pairs(name, value)),
        };
        if to.is_empty() || permission.is_empty() {
            return Err(not_pairs(name, value));
        }
        let (to, permission) = (ObjectId::new(to), ObjectId::new(permission));
        Ok(GrantedTo { is_group, to, permission })
    };
    list.iter().filter(|value| !is_absent(Some(value))).map(pair).collect()
}

fn not_pairs(name: &str, found: &Value) -> QueueFileError {
    property_error(name, "pairs of the id of who is granted and the permission's id", found)
}

/// Whether a value means "nothing": missing, null, empty text, empty list.
pub fn is_absent(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(Value::Array(list)) => list.iter().all(|v| is_absent(Some(v))),
        Some(_) => false,
    }
}

/// `isOxUser`, `isOxGroup`: on for `true`, 1 and the text `OK`, which is what UCS writes; off for all
/// else. Other texts were never on for the connector, so nobody is to appear in OX by them now.
fn flag(p: &Properties, name: &str) -> bool {
    p.get(name).is_some_and(|value| is_on(value, "OK"))
}

/// A right of an access profile: granted by `true`, 1 and the text `TRUE`.
fn is_right_set(value: &Value) -> bool {
    is_on(value, "TRUE")
}

fn is_on(value: &Value, word: &str) -> bool {
    match value {
        Value::Array(list) if list.len() == 1 => is_on(&list[0], word),
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() == Some(1.0),
        Value::String(text) => text.trim() == word,
        _ => false,
    }
}

/// Words in a list or with commas between them; none if the property is absent.
fn words(p: &Properties, name: &str) -> Result<Vec<String>, QueueFileError> {
    let split = |text: &str| text.split(',').map(|word| word.trim().to_owned()).collect::<Vec<_>>();
    let words = match p.get(name) {
        value if is_absent(value) => Vec::new(),
        Some(Value::String(text)) => split(text),
        Some(Value::Array(list)) => {
            let mut words = Vec::new();
            for value in list {
                match value {
                    Value::String(text) => words.extend(split(text)),
                    other => return Err(property_error(name, "a list of texts", other)),
                }
            }
            words
        }
        other => return Err(property_error(name, "a list of texts", or_null(other))),
    };
    Ok(words.into_iter().filter(|word| !word.is_empty()).collect())
}

fn capabilities(p: &Properties) -> Result<Capabilities, QueueFileError> {
    const NAME: &str = "oxCapabilities";
    const EXPECTED: &str =
        "names of capabilities, those denied with a - before them, none both ways";
    let mut found = Capabilities::new();
    for word in words(p, NAME)? {
        let word = word.to_lowercase();
        let bare = word.strip_prefix('-').unwrap_or(&word);
        let fits = |c: char| c.is_ascii_alphanumeric() || "_-.:".contains(c);
        let turned = if bare == word { format!("-{bare}") } else { bare.to_owned() };
        if bare.is_empty() || !bare.chars().all(fits) || found.contains(&turned) {
            return Err(property_error(NAME, EXPECTED, &Value::from(word)));
        }
        found.insert(word);
    }
    Ok(found)
}

fn module_quotas(p: &Properties) -> Result<ModuleQuotas, QueueFileError> {
    const NAME: &str = "oxModuleQuota";
    const EXPECTED: &str = "a module and its quota, such as calendar=1000; -1 is unlimited";
    let mut found = ModuleQuotas::new();
    for word in words(p, NAME)? {
        let pair =
            word.split_once('=').map(|(module, quota)| (module.trim(), quota.trim().parse()));
        match pair {
            Some((module, Ok(quota))) if !module.is_empty() && quota >= -1 => {
                found.insert(module.to_lowercase(), quota);
            }
            _ => return Err(property_error(NAME, EXPECTED, &Value::from(word))),
        }
    }
    Ok(found)
}

/// A single text; a list of one counts as that one; numbers are written out.
fn text(p: &Properties, name: &str) -> Result<Option<String>, QueueFileError> {
    let value = p.get(name);
    if is_absent(value) {
        return Ok(None);
    }
    match value {
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(Value::Number(number)) => Ok(Some(number.to_string())),
        Some(Value::Array(list)) => match list.as_slice() {
            [Value::String(text)] => Ok(Some(text.clone())),
            _ => Err(property_error(name, "one text", &Value::Array(list.clone()))),
        },
        other => Err(property_error(name, "one text", or_null(other))),
    }
}

fn required(p: &Properties, name: &str) -> Result<String, QueueFileError> {
    text(p, name)?.ok_or_else(|| missing(name, "a text that is not empty"))
}

/// A whole number, as number or decimal text.
fn number(p: &Properties, name: &str) -> Result<Option<i64>, QueueFileError> {
    let value = p.get(name);
    if is_absent(value) {
        return Ok(None);
    }
    let found = match value {
        Some(Value::Number(number)) => number.as_i64(),
        Some(Value::String(text)) => text.trim().parse().ok(),
        Some(Value::Array(list)) => match list.as_slice() {
            [Value::String(text)] => text.trim().parse().ok(),
            [Value::Number(number)] => number.as_i64(),
            _ => None,
        },
        _ => None,
    };
    match found {
        Some(number) => Ok(Some(number)),
        None => Err(property_error(name, "a whole number", or_null(value))),
    }
}

fn context(p: &Properties, name: &str) -> Result<Option<ContextId>, QueueFileError> {
    let Some(number) = number(p, name)? else { return Ok(None) };
    match u32::try_from(number) {
        Ok(id) if id > 0 && i32::try_from(id).is_ok() => Ok(Some(ContextId(id))),
        _ => {
            Err(property_error(name, "a context number from 1 to 2147483647", &Value::from(number)))
        }
    }
}

/// A list of DNs; a single text counts as a list of one; doubles are dropped, order is kept.
fn dns(p: &Properties, name: &str) -> Result<Vec<Dn>, QueueFileError> {
    let values: &[Value] = match p.get(name) {
        None | Some(Value::Null) => &[],
        Some(Value::Array(list)) => list,
        Some(single) => std::slice::from_ref(single),
    };
    let mut seen = std::collections::HashSet::new();
    let mut dns = Vec::with_capacity(values.len());
    for value in values {
        match value {
            Value::String(text) if text.trim().is_empty() => {}
            Value::String(text) => {
                let dn = Dn::new(text);
                if seen.insert(dn.key().clone()) {
                    dns.push(dn);
                }
            }
            Value::Null => {}
            other => return Err(property_error(name, "a list of DNs", other)),
        }
    }
    Ok(dns)
}

fn or_null(value: Option<&Value>) -> &Value {
    value.unwrap_or(&Value::Null)
}

fn missing(property: &str, expected: &'static str) -> QueueFileError {
    property_error(property, expected, &Value::Null)
}

fn property_error(property: &str, expected: &'static str, found: &Value) -> QueueFileError {
    field_error(&format!("object.{property}"), expected, found)
}

/// Says what was found by its kind; short plain values are shown, because they are the mistake.
fn field_error(field: &str, expected: &'static str, found: &Value) -> QueueFileError {
    let found = match found {
        Value::Null => "nothing".to_owned(),
        Value::Bool(value) => format!("the boolean {value}"),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) if text.is_empty() => "an empty text".to_owned(),
        Value::String(text) if text.chars().count() <= 40 => format!("the text {text:?}"),
        Value::String(text) => format!("a text of {} characters", text.chars().count()),
        Value::Array(list) => format!("a list of {}", list.len()),
        Value::Object(_) => "an object".to_owned(),
    };
    QueueFileError::Field { field: field.to_owned(), expected, found }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(object: &Value, kind: &str) -> Result<QueueFile, QueueFileError> {
        let file = json!({"id": "A-1", "udm_object_type": kind, "dn": "cn=x,dc=y", "object": object,
                          "options": ["default"]});
        QueueFile::parse(file.to_string().as_bytes())
    }

    /// Rules: 2.3/switch, 2.3/context, D5, D57
    #[test]
    fn the_same_value_is_read_in_all_its_forms() {
        for context in [json!(10), json!("10"), json!(" 10 "), json!(["10"])] {
            for flag in [json!(true), json!("OK"), json!(1), json!(["OK"]), json!([true])] {
                let file = parse(&json!({"isOxUser": flag, "oxContext": context}), "users/user");
                let Some(DirectoryObject::User(user)) = file.unwrap().object else { panic!() };
                assert!(user.is_ox_user, "{flag}");
                assert_eq!(user.context, Some(ContextId(10)), "{context}");
            }
        }
        let off = json!([
            false,
            "Not",
            "no",
            0,
            null,
            "",
            [],
            ["OK", "OK"],
            {},
            "TRUE",
            "true",
            "1",
            "ok",
            2
        ]);
        for flag in off.as_array().unwrap() {
            let file = parse(&json!({"isOxUser": flag}), "users/user").unwrap();
            let Some(DirectoryObject::User(user)) = file.object else { panic!() };
            assert!(!user.is_ox_user, "{flag}");
            assert_eq!(user.context, None);
            let file = parse(&json!({"isOxGroup": flag, "users": "uid=a"}), "groups/group");
            let Some(DirectoryObject::Group(group)) = file.unwrap().object else { panic!() };
            assert!(!group.is_ox_group, "{flag}");
        }
        let rights = json!({"name": "p", "webmail": "TRUE", "tasks": true, "calendar": 1,
            "contacts": "FALSE", "ical": "OK", "vcard": "true", "webdav": "1", "usm": null});
        let file = parse(&rights, "oxmail/accessprofile").unwrap();
        let Some(DirectoryObject::Profile(profile)) = file.object else { panic!() };
        assert_eq!(Vec::from_iter(profile.access.words()), ["calendar", "tasks", "webmail"]);
    }

    /// Rules: 2.3/absent, 2.3/lists, D28
    #[test]
    fn lists_may_be_missing_null_or_single() {
        let dn = "uid=a,dc=y";
        for (users, count) in
            [(json!(null), 0), (json!([]), 0), (json!(dn), 1), (json!([dn, "UID=A,dc=y", ""]), 1)]
        {
            let file = parse(&json!({"isOxGroup": "OK", "users": users}), "groups/group").unwrap();
            assert_eq!(file.object.unwrap().member_dns().len(), count, "{users}");
        }
        let file = parse(&json!({"isOxGroup": "OK"}), "groups/group").unwrap();
        assert!(file.object.unwrap().member_dns().is_empty());
    }

    #[test]
    fn errors_name_the_field_and_what_was_expected() {
        let cases = [
            (parse(&json!({"name": "x"}), "oxmail/oxcontext"), "object.contextid"),
            (parse(&json!({"name": "x", "contextid": "ten"}), "oxmail/oxcontext"), "\"ten\""),
            (parse(&json!({"name": "x", "contextid": 0}), "oxmail/oxcontext"), "from 1 to"),
            (parse(&json!({"users": [1]}), "groups/group"), "object.users"),
            (parse(&json!({}), "users/userr"), "udm_object_type"),
            (QueueFile::parse(b"{\"id\": \"x\",\n \"dn\": }"), "line 2"),
            (QueueFile::parse(b"[]"), "a JSON object"),
            (
                QueueFile::parse(br#"{"id":"x","udm_object_type":"users/user","dn":"cn=x"}"#),
                "null for a deletion",
            ),
        ];
        for (result, part) in cases {
            let message = result.unwrap_err().to_string();
            assert!(message.contains(part), "{message} lacks {part}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let _ = QueueFile::parse(&bytes);
        }

        #[test]
        fn no_mangled_file_makes_the_reader_panic(cut in 0usize..180, byte in proptest::num::u8::ANY) {
            let mut file = json!({"id": "A-1", "udm_object_type": "users/user", "dn": "cn=x,dc=y",
                "object": {"isOxUser": "OK", "oxContext": "10", "username": "x"}}).to_string().into_bytes();
            let at = cut % file.len();
            file[at] = byte;
            let _ = QueueFile::parse(&file);
            let _ = QueueFile::parse(&file[..at]);
        }
    }
}
