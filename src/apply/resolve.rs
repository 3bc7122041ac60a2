//! From what files say to objects as a directory would deliver them: identities, DNs, members.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::Mistake;
use super::manifest::{
    Account, Context, Entry, Group, Manifest, Permission, Profile, Resource, SharedAccount, User,
};
use crate::model::object::{CAPABILITIES, LEVELS, Properties, QueueFileError};
use crate::model::{ContextId, DirectoryObject, Dn, ModuleAccess, ObjectId, ObjectKind};

/// Below this base are the DNs that are made here; no directory has it.
const BASE: &str = "o=drover-apply";

/// What identities are made from begins with this.
const NAMESPACE: &str = "drover apply";

/// How far off a name may be to be offered instead, from 0 (anything) to 1 (the same).
const NEAR: f64 = 0.6;

/// Properties of users that have a field of their own, and that field.
const USER_FIELDS: &[(&str, &str)] = &[
    ("username", "name"),
    ("oxContext", "context"),
    ("firstname", "given_name"),
    ("lastname", "family_name"),
    ("oxDisplayName", "display_name"),
    ("mailPrimaryAddress", "mail"),
    ("mailAlternativeAddress", "aliases"),
    ("oxAccess", "profile"),
    ("oxUserQuota", "quota_mb"),
    ("isOxUser", "active"),
    ("oxCapabilities", "capabilities"),
    ("oxHeir", "heir"),
];

/// The same for all other kinds; a name means the same in each.
const FIELDS: &[(&str, &str)] = &[
    ("contextid", "number"),
    ("oxQuota", "quota_mb"),
    ("oxContext", "context"),
    ("displayname", "display_name"),
    ("resourceMailAddress", "mail"),
    ("mailPrimaryAddress", "mail"),
    ("personal", "sender_name"),
    ("users", "members"),
    ("oxContextEnabled", "enabled"),
    ("oxCapabilities", "capabilities"),
    ("oxModuleQuota", "module_quotas"),
];

/// The same for shared accounts.
const SHARED_FIELDS: &[(&str, &str)] =
    &[("oxContext", "context"), ("displayName", "display_name"), ("mailPrimaryAddress", "mail")];

/// An object as it is to be.
#[derive(Debug, Clone, PartialEq)]
pub struct Desired {
    /// Stable identity: as given, or made from kind, context and name.
    pub id: ObjectId,
    /// Its kind.
    pub kind: ObjectKind,
    /// Its name for people: the name, with the context's number before it where it has one.
    pub label: String,
    /// Its DN.
    pub dn: Dn,
    /// Its properties as a directory would deliver them.
    pub properties: Properties,
    /// The file it is in.
    pub file: PathBuf,
    /// The line it begins at.
    pub line: usize,
}

/// The field of a file that a property comes from.
pub fn field_of(kind: ObjectKind, property: &str) -> String {
    let fields = match kind {
        ObjectKind::User => USER_FIELDS,
        ObjectKind::SharedAccount => SHARED_FIELDS,
        ObjectKind::SharedAccountPermission => &[],
        _ => FIELDS,
    };
    let found = fields.iter().find(|(name, _)| *name == property);
    match (found, kind) {
        (Some((_, field)), _) => (*field).to_owned(),
        (None, ObjectKind::User) => format!("properties.{property}"),
        (None, ObjectKind::SharedAccountPermission) if CAPABILITIES.contains(&property) => {
            format!("may ({property})")
        }
        (None, ObjectKind::Profile) if property != "name" => format!("rights ({property})"),
        (None, _) => property.to_owned(),
    }
}

/// Resolves everything.
///
/// # Errors
/// All mistakes: names that are unknown or there twice, values that cannot be meant.
pub(super) fn resolve(
    manifest: &Manifest,
    profiles: &BTreeSet<String>,
) -> Result<Vec<Desired>, Vec<Mistake>> {
    let named = manifest.profiles.iter().map(|entry| entry.value.name.as_str());
    let profiles = named.chain(profiles.iter().map(String::as_str)).collect();
    let mut resolver = Resolver { profiles, ..Resolver::default() };
    for context in &manifest.contexts {
        resolver.context(context);
    }
    for profile in &manifest.profiles {
        resolver.profile(profile);
    }
    for user in &manifest.users {
        resolver.user(user);
    }
    for group in &manifest.groups {
        resolver.group(group);
    }
    for account in &manifest.accounts {
        resolver.account(account);
    }
    for resource in &manifest.resources {
        resolver.resource(resource);
    }
    for permission in &manifest.permissions {
        resolver.permission(permission);
    }
    for account in &manifest.shared_accounts {
        resolver.shared_account(account);
    }
    if resolver.mistakes.is_empty() { Ok(resolver.objects) } else { Err(resolver.mistakes) }
}

#[derive(Default)]
struct Resolver<'a> {
    /// Profiles of the files, and those that are known besides.
    profiles: BTreeSet<&'a str>,
    objects: Vec<Desired>,
    mistakes: Vec<Mistake>,
    /// Contexts of the files by name, in lower case.
    contexts: HashMap<String, ContextId>,
    /// Users of the files by context and name.
    users: HashMap<(ContextId, String), Dn>,
    /// Identities of users and groups by kind, context and name.
    grantees: HashMap<(ObjectKind, ContextId, String), ObjectId>,
    /// Permissions of the files by name.
    permissions: HashMap<String, ObjectId>,
    /// Where each identity is.
    ids: HashMap<ObjectId, (PathBuf, usize)>,
    /// Where each name is, in lower case: OX tells most names apart without case.
    names: HashMap<(ObjectKind, Option<ContextId>, String), (PathBuf, usize)>,
}

impl Resolver<'_> {
    fn context(&mut self, entry: &Entry<Context>) {
        let Context { id, number, name, quota_mb, enabled, capabilities, module_quotas } =
            &entry.value;
        if *number == 0 || i32::try_from(*number).is_err() {
            let told = format!("{number} is not a number from 1 to {}", i32::MAX);
            self.mistakes.push(entry.mistake("number", told));
            return;
        }
        self.check_quota(entry, *quota_mb);
        let context = ContextId(*number);
        let name = name.clone().unwrap_or_else(|| format!("context{number}"));
        if name.trim().is_empty() || name.contains('/') {
            let told = "expected a name without \"/\" in it".to_owned();
            self.mistakes.push(entry.mistake("name", told));
        }
        self.contexts.insert(name.to_lowercase(), context);
        // Two of one number are the same mistake as two of one name.
        self.once(entry, (ObjectKind::Context, Some(context), String::new()), "number");
        let mut properties = Properties::new();
        properties.insert("name".into(), name.clone().into());
        properties.insert("contextid".into(), number.to_string().into());
        put_quota(&mut properties, "oxQuota", *quota_mb);
        if let Some(enabled) = enabled {
            properties.insert("oxContextEnabled".into(), (*enabled).into());
        }
        put_list(&mut properties, "oxCapabilities", capabilities.iter().cloned());
        let quotas = module_quotas.iter().map(|(module, quota)| format!("{module}={quota}"));
        put_list(&mut properties, "oxModuleQuota", quotas);
        self.check_extras(entry, ObjectKind::Context, &properties);
        let key =
            Key { kind: ObjectKind::Context, context: Some(context), name: &number.to_string() };
        self.put(entry, key, id.as_ref(), format!("{number} ({name})"), properties);
    }

    fn profile(&mut self, entry: &Entry<Profile>) {
        let Profile { id, name, rights } = &entry.value;
        let mut properties = Properties::new();
        properties.insert("name".into(), name.clone().into());
        match ModuleAccess::from_words(rights.iter().map(String::as_str)) {
            Ok(access) => {
                for word in access.words() {
                    properties.insert(word.into(), "TRUE".into());
                }
            }
            Err(unknown) => self.mistakes.push(entry.mistake("rights", unknown.to_string())),
        }
        let key = Key { kind: ObjectKind::Profile, context: None, name };
        self.named(entry, key);
        self.put(entry, key, id.as_ref(), name.clone(), properties);
    }

    fn user(&mut self, entry: &Entry<User>) {
        let user = &entry.value;
        let Some(context) = self.find_context(entry, &user.context) else { return };
        self.check_mail(entry, "mail", &user.mail);
        for alias in &user.aliases {
            self.check_mail(entry, "aliases", alias);
        }
        self.check_quota(entry, user.quota_mb);
        self.check_profile(entry, user.profile.as_deref());
        let shown = user
            .display_name
            .clone()
            .unwrap_or_else(|| format!("{} {}", user.given_name, user.family_name));
        let mut properties = Properties::new();
        for (name, value) in &user.properties {
            if let Some((_, field)) = USER_FIELDS.iter().find(|(property, _)| property == name) {
                let told = format!("{name} is what the field {field} is for");
                self.mistakes.push(entry.mistake("properties", told));
            }
            properties.insert(name.clone(), value.clone());
        }
        for (name, value) in [
            ("username", json!(user.name)),
            ("oxContext", json!(context.to_string())),
            ("firstname", json!(user.given_name)),
            ("lastname", json!(user.family_name)),
            ("oxDisplayName", json!(shown.trim())),
            ("mailPrimaryAddress", json!(user.mail)),
            ("mailAlternativeAddress", json!(user.aliases)),
            ("oxAccess", json!(user.profile.as_deref().unwrap_or_default())),
            ("isOxUser", if user.active { json!("OK") } else { json!(false) }),
        ] {
            properties.insert(name.to_owned(), value);
        }
        put_quota(&mut properties, "oxUserQuota", user.quota_mb);
        put_list(&mut properties, "oxCapabilities", user.capabilities.iter().cloned());
        if let Some(heir) = &user.heir {
            properties.insert("oxHeir".into(), heir.clone().into());
        }
        self.check_extras(entry, ObjectKind::User, &properties);
        let key = Key { kind: ObjectKind::User, context: Some(context), name: &user.name };
        self.named(entry, key);
        let dn = self.put(entry, key, user.id.as_ref(), label(context, &user.name), properties);
        self.users.insert((context, user.name.clone()), dn);
        self.may_be_granted(ObjectKind::User, context, &user.name);
    }

    fn group(&mut self, entry: &Entry<Group>) {
        let Group { id, name, context, members } = &entry.value;
        let Some(context) = self.find_context(entry, context) else { return };
        let members = self.members(entry, context, members);
        let mut properties = Properties::new();
        properties.insert("name".into(), name.clone().into());
        properties.insert("isOxGroup".into(), "OK".into());
        properties.insert("users".into(), members);
        let key = Key { kind: ObjectKind::Group, context: Some(context), name };
        self.named(entry, key);
        self.put(entry, key, id.as_ref(), label(context, name), properties);
        self.may_be_granted(ObjectKind::Group, context, name);
    }

    /// The object that was put last is one to whom shared accounts can be granted.
    fn may_be_granted(&mut self, kind: ObjectKind, context: ContextId, name: &str) {
        if let Some(last) = self.objects.last() {
            self.grantees.insert((kind, context, name.to_owned()), last.id.clone());
        }
    }

    fn permission(&mut self, entry: &Entry<Permission>) {
        let Permission { id, name, mail, calendar, may } = &entry.value;
        let mut properties = Properties::new();
        properties.insert("name".into(), name.clone().into());
        properties.insert("displayName".into(), name.clone().into());
        for (field, level) in [("mail", mail), ("calendar", calendar)] {
            let level = level.as_deref().unwrap_or("none");
            if !LEVELS.contains(&level) {
                let told = format!("\"{level}\" is none of {}", LEVELS.join(", "));
                self.mistakes.push(entry.mistake(field, told));
            }
            properties.insert(field.into(), level.into());
        }
        for capability in may {
            if !CAPABILITIES.contains(&capability.as_str()) {
                let told = format!("\"{capability}\" is none of {}", CAPABILITIES.join(", "));
                self.mistakes.push(entry.mistake("may", told));
            }
        }
        for capability in CAPABILITIES {
            let granted = may.iter().any(|other| other == capability);
            properties.insert(capability.into(), if granted { "TRUE" } else { "FALSE" }.into());
        }
        let key = Key { kind: ObjectKind::SharedAccountPermission, context: None, name };
        self.named(entry, key);
        self.put(entry, key, id.as_ref(), name.clone(), properties);
        if let Some(last) = self.objects.last() {
            self.permissions.insert(name.clone(), last.id.clone());
        }
    }

    fn shared_account(&mut self, entry: &Entry<SharedAccount>) {
        let account = &entry.value;
        let Some(context) = self.find_context(entry, &account.context) else { return };
        self.check_mail(entry, "mail", &account.mail);
        let shown = account.display_name.as_ref().unwrap_or(&account.name);
        let users = self.granted(entry, context, ObjectKind::User, &account.users);
        let groups = self.granted(entry, context, ObjectKind::Group, &account.groups);
        let mut properties = Properties::new();
        for (name, value) in [
            ("name", json!(account.name)),
            ("displayName", json!(shown)),
            ("mailPrimaryAddress", json!(account.mail)),
            ("oxContext", json!(context.to_string())),
            ("users", users),
            ("groups", groups),
        ] {
            properties.insert(name.to_owned(), value);
        }
        let kind = ObjectKind::SharedAccount;
        let key = Key { kind, context: Some(context), name: &account.name };
        self.named(entry, key);
        self.put(entry, key, account.id.as_ref(), label(context, &account.name), properties);
    }

    /// Pairs of identities: to whom, and with which permission.
    fn granted(
        &mut self,
        entry: &Entry<SharedAccount>,
        context: ContextId,
        kind: ObjectKind,
        granted: &BTreeMap<String, String>,
    ) -> Value {
        let field = if kind == ObjectKind::User { "users" } else { "groups" };
        let mut pairs = Vec::new();
        for (name, permission) in granted {
            let to = self.grantees.get(&(kind, context, name.clone()));
            let with = self.permissions.get(permission);
            if let (Some(to), Some(with)) = (to, with) {
                pairs.push(json!([to.as_str(), with.as_str()]));
                continue;
            }
            let told = match to {
                None => format!("no {kind} \"{name}\" in context {context} in these files"),
                Some(_) => format!("no permission \"{permission}\" in these files"),
            };
            self.mistakes.push(entry.mistake(field, told));
        }
        json!(pairs)
    }

    fn account(&mut self, entry: &Entry<Account>) {
        let account = &entry.value;
        let Some(context) = self.find_context(entry, &account.context) else { return };
        self.check_mail(entry, "mail", &account.mail);
        let members = self.members(entry, context, &account.members);
        let mut properties = Properties::new();
        properties.insert("name".into(), account.name.clone().into());
        properties.insert("mailPrimaryAddress".into(), account.mail.clone().into());
        properties.insert("users".into(), members);
        properties.insert("groups".into(), json!([]));
        if let Some(sender) = &account.sender_name {
            properties.insert("personal".into(), sender.clone().into());
        }
        let key = Key { kind: ObjectKind::Account, context: Some(context), name: &account.name };
        self.named(entry, key);
        self.put(entry, key, account.id.as_ref(), label(context, &account.name), properties);
    }

    fn resource(&mut self, entry: &Entry<Resource>) {
        let resource = &entry.value;
        let Some(context) = self.find_context(entry, &resource.context) else { return };
        self.check_mail(entry, "mail", &resource.mail);
        let mut properties = Properties::new();
        let shown = resource.display_name.as_ref().unwrap_or(&resource.name);
        for (name, value) in [
            ("name", json!(resource.name)),
            ("displayname", json!(shown)),
            ("description", json!(resource.description.as_deref().unwrap_or_default())),
            ("resourceMailAddress", json!(resource.mail)),
            ("oxContext", json!(context.to_string())),
        ] {
            properties.insert(name.to_owned(), value);
        }
        let key = Key { kind: ObjectKind::Resource, context: Some(context), name: &resource.name };
        self.named(entry, key);
        let id = resource.id.as_ref();
        self.put(entry, key, id, label(context, &resource.name), properties);
    }

    /// Adds the object under its identity; answers its DN.
    fn put<T>(
        &mut self,
        entry: &Entry<T>,
        key: Key<'_>,
        id: Option<&String>,
        label: String,
        properties: Properties,
    ) -> Dn {
        if id.is_some_and(|id| id.trim().is_empty() || id.chars().any(char::is_control)) {
            let told = "expected an identity of at least one character".to_owned();
            self.mistakes.push(entry.mistake("id", told));
        }
        let (kind, dn) = (key.kind, key.dn());
        let id = id.map_or_else(|| key.id(), |id| ObjectId::new(id));
        let place = (entry.file.clone(), entry.line);
        if let Some((file, line)) = self.ids.insert(id.clone(), place) {
            let told = format!("{}, line {line} has the same identity", file.display());
            self.mistakes.push(entry.mistake("id", told));
        }
        let (file, line) = (entry.file.clone(), entry.line);
        self.objects.push(Desired { id, kind, label, dn: dn.clone(), properties, file, line });
        dn
    }

    /// Checks a name, and that it is there once.
    fn named<T>(&mut self, entry: &Entry<T>, key: Key<'_>) {
        if key.name.trim().is_empty() || key.name.contains('/') {
            let told = "expected a name without \"/\" in it".to_owned();
            self.mistakes.push(entry.mistake("name", told));
        }
        self.once(entry, (key.kind, key.context, key.name.to_lowercase()), "name");
    }

    fn once<T>(
        &mut self,
        entry: &Entry<T>,
        name: (ObjectKind, Option<ContextId>, String),
        field: &'static str,
    ) {
        let kind = name.0;
        let place = (entry.file.clone(), entry.line);
        if let Some((file, line)) = self.names.insert(name, place) {
            let told = format!("{}, line {line} names the same {kind}", file.display());
            self.mistakes.push(entry.mistake(field, told));
        }
    }

    fn find_context<T>(&mut self, entry: &Entry<T>, text: &str) -> Option<ContextId> {
        let found = self.context_of(text);
        if found.is_none() {
            let told = format!(
                "there is no context \"{text}\" in these files; one made elsewhere goes by its number"
            );
            self.mistakes.push(entry.mistake("context", told));
        }
        found
    }

    fn context_of(&self, text: &str) -> Option<ContextId> {
        let text = text.trim();
        let number = text.parse().ok().filter(|number| *number > 0);
        self.contexts.get(&text.to_lowercase()).copied().or(number.map(ContextId))
    }

    /// DNs of members, in the order of the file, each once.
    fn members<T>(&mut self, entry: &Entry<T>, home: ContextId, names: &[String]) -> Value {
        let mut dns: Vec<&str> = Vec::new();
        let mut unknown = Vec::new();
        for (n, name) in names.iter().enumerate() {
            let (context, user) = match name.split_once('/') {
                Some((context, user)) => (self.context_of(context), user),
                None => (Some(home), name.as_str()),
            };
            let dn = context.and_then(|context| self.users.get(&(context, user.to_owned())));
            match (dn, context) {
                (Some(dn), _) if dns.contains(&dn.as_str()) => {}
                (Some(dn), _) => dns.push(dn.as_str()),
                (None, Some(context)) => {
                    let near = self
                        .nearest(context, user)
                        .map_or_else(String::new, |near| format!("; did you mean \"{near}\"?"));
                    let told =
                        format!("no user \"{user}\" in context {context} in these files{near}");
                    unknown.push(entry.member_mistake(n, told));
                }
                (None, None) => {
                    let told = format!("\"{name}\" names a context that is not in these files");
                    unknown.push(entry.member_mistake(n, told));
                }
            }
        }
        let dns = json!(dns);
        self.mistakes.extend(unknown);
        dns
    }

    /// The user of the context whose name is most like that one.
    fn nearest(&self, context: ContextId, name: &str) -> Option<&str> {
        let others = self.users.keys().filter(|(its, _)| *its == context);
        nearest(name, others.map(|(_, other)| other.as_str()))
    }

    fn check_profile(&mut self, entry: &Entry<User>, profile: Option<&str>) {
        let Some(name) = profile.map(str::trim).filter(|name| !name.is_empty()) else { return };
        if !self.profiles.contains(name) {
            let near = nearest(name, self.profiles.iter().copied())
                .map_or_else(String::new, |near| format!("; did you mean \"{near}\"?"));
            let told = format!(
                "no access profile \"{name}\" in these files, in ModuleAccessDefinitions.properties or \
                 among those drover brings along{near}"
            );
            self.mistakes.push(entry.mistake("profile", told));
        }
    }

    /// Whether capabilities and quotas are such as the queue takes.
    fn check_extras<T>(&mut self, entry: &Entry<T>, kind: ObjectKind, properties: &Properties) {
        const FIELDS: [(&str, &str); 2] =
            [("oxCapabilities", "capabilities"), ("oxModuleQuota", "module_quotas")];
        if let Err(QueueFileError::Field { field, expected, found }) =
            DirectoryObject::parse(kind, properties)
            && let Some((_, name)) = FIELDS.iter().find(|(property, _)| field.ends_with(property))
        {
            self.mistakes.push(entry.mistake(name, format!("expected {expected}, found {found}")));
        }
    }

    fn check_mail<T>(&mut self, entry: &Entry<T>, field: &'static str, address: &str) {
        let fits = address.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty() && !domain.is_empty() && !address.contains(char::is_whitespace)
        });
        if !fits {
            // Addresses are nobody else's business, not even in the log of a build.
            let told = "expected a mail address".to_owned();
            self.mistakes.push(entry.mistake(field, told));
        }
    }

    fn check_quota<T>(&mut self, entry: &Entry<T>, quota_mb: Option<i64>) {
        if let Some(quota) = quota_mb.filter(|quota| *quota < -1 || *quota == 0) {
            let told = format!("{quota} is not a number of MB above 0; -1 is unlimited");
            self.mistakes.push(entry.mistake("quota_mb", told));
        }
    }
}

/// The name most like that one, if any is.
fn nearest<'n>(name: &str, others: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    others
        .map(|other| (strsim::normalized_levenshtein(name, other), other))
        .filter(|(likeness, _)| *likeness >= NEAR)
        .max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(a.1)))
        .map(|(_, other)| other)
}

fn put_quota(properties: &mut Properties, name: &str, quota_mb: Option<i64>) {
    if let Some(quota) = quota_mb.filter(|quota| *quota > 0) {
        properties.insert(name.to_owned(), quota.to_string().into());
    }
}

fn put_list(properties: &mut Properties, name: &str, words: impl Iterator<Item = String>) {
    let words: Vec<Value> = words.map(Value::from).collect();
    if !words.is_empty() {
        properties.insert(name.to_owned(), words.into());
    }
}

fn label(context: ContextId, name: &str) -> String {
    format!("{context}/{name}")
}

/// What makes an object the same in every run.
#[derive(Clone, Copy)]
pub(crate) struct Key<'a> {
    pub(crate) kind: ObjectKind,
    pub(crate) context: Option<ContextId>,
    pub(crate) name: &'a str,
}

impl Key<'_> {
    /// A UUID of the eighth kind: made from a hash, as the fifth is, by a hash that still holds.
    pub(crate) fn id(&self) -> ObjectId {
        let context = self.context.map_or_else(String::new, |context| context.to_string());
        let name = [NAMESPACE, self.kind.udm_type(), &context, self.name].join("\0");
        let hash = Sha256::digest(name.as_bytes());
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash[..16]);
        bytes[6] = bytes[6] & 0x0f | 0x80;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let hex: String = bytes.iter().fold(String::new(), |mut hex, byte| {
            use std::fmt::Write as _;
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        let part = |from, to| hex.get(from..to).unwrap_or_default();
        let parts = [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)];
        ObjectId::new(&parts.join("-"))
    }

    pub(crate) fn dn(&self) -> Dn {
        let name = escaped(self.name);
        let place = match self.context {
            Some(context) => format!("ou={context},{BASE}"),
            None => BASE.to_owned(),
        };
        Dn::new(&match self.kind {
            ObjectKind::User => format!("uid={name},cn=users,{place}"),
            ObjectKind::Group => format!("cn={name},cn=groups,{place}"),
            ObjectKind::Account => format!("cn={name},cn=functional_accounts,{place}"),
            ObjectKind::Resource => format!("cn={name},cn=oxresources,{place}"),
            ObjectKind::Profile => format!("cn={name},cn=accessprofiles,{BASE}"),
            ObjectKind::SharedAccount => format!("cn={name},cn=shared_accounts,{place}"),
            ObjectKind::SharedAccountPermission => {
                format!("cn={name},cn=shared_account_permissions,{BASE}")
            }
            ObjectKind::Context => place,
        })
    }
}

/// A name as a part of a DN.
fn escaped(name: &str) -> String {
    let last = name.chars().count().saturating_sub(1);
    let mut escaped = String::with_capacity(name.len());
    for (n, char) in name.chars().enumerate() {
        let at_edge = n == 0 || n == last;
        match char {
            ',' | '+' | '"' | '\\' | '<' | '>' | ';' | '=' | '#' => {
                escaped.push('\\');
                escaped.push(char);
            }
            ' ' if at_edge => escaped.push_str("\\ "),
            char => escaped.push(char),
        }
    }
    escaped
}

/// Place of a kind when objects are taken away: what names others goes first.
pub fn removal_order(kind: ObjectKind) -> u8 {
    match kind {
        ObjectKind::Account
        | ObjectKind::Group
        | ObjectKind::Resource
        | ObjectKind::SharedAccount => 0,
        ObjectKind::User => 1,
        ObjectKind::Profile | ObjectKind::SharedAccountPermission => 2,
        ObjectKind::Context => 3,
    }
}
