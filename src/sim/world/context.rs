//! Contexts: the master's service.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::super::fault::{Class, Fault};
use super::rules;
use super::user::{Access, UserInput};
use super::{ADMIN, Attributes, Context, Credentials, DEFAULT_GROUP, Group, ObjectRef, World};

/// Longest name or login mapping the database takes.
const NAME_WIDTH: usize = 128;

/// A context as sent; `None` stands for omitted and nil alike.
#[derive(Clone, Debug, Default)]
pub(crate) struct ContextInput {
    pub(crate) id: Option<i64>,
    pub(crate) name: Option<String>,
    pub(crate) max_quota: Option<i64>,
    /// Empty counts as absent.
    pub(crate) mappings: Vec<String>,
    pub(crate) attributes: Attributes,
}

/// Which contexts a listing asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Listed<'a> {
    pub(crate) pattern: &'a str,
    pub(crate) offset: usize,
    pub(crate) length: usize,
}

impl World {
    /// The id a reference to a context means.
    ///
    /// Looked up before the credentials are, as the server does.
    pub(crate) fn resolve_context(&self, context: &ObjectRef<'_>) -> Result<i64, Fault> {
        if let Some(id) = context.id {
            return Ok(id);
        }
        let Some(name) = context.name.filter(|name| !name.is_empty()) else {
            return Err(Fault::data("One contextobject has no contextid or contextname"));
        };
        let found = self.names.get(&rules::fold(name)).map(|id| i64::from(*id));
        found.ok_or_else(|| {
            let text = format!(
                "com.openexchange.admin.rmi.exceptions.NoSuchObjectException: \
                 No such context {name}"
            );
            Fault { tails: 2, ..Fault::new(Class::NoSuchContext, text) }
        })
    }

    /// An existing context, for the master.
    pub(crate) fn master_context(
        &self,
        context: &ObjectRef<'_>,
        auth: Credentials<'_>,
    ) -> Result<u32, Fault> {
        let id = self.resolve_context(context)?;
        self.auth_master(auth)?;
        self.find(id).map(|context| context.id).ok_or_else(|| Fault::no_context(id))
    }

    /// Whether the context exists; an unknown name is answered without looking at credentials.
    pub(crate) fn context_exists(
        &self,
        context: &ObjectRef<'_>,
        auth: Credentials<'_>,
    ) -> Result<bool, Fault> {
        match self.resolve_context(context) {
            Ok(id) => self.auth_master(auth).map(|()| self.find(id).is_some()),
            Err(fault) if fault.class == Class::NoSuchContext.name() => Ok(false),
            Err(fault) => Err(fault),
        }
    }

    /// The context, for the master or for its administrator.
    pub(crate) fn context_data(
        &self,
        context: &ObjectRef<'_>,
        auth: Credentials<'_>,
    ) -> Result<&Context, Fault> {
        let id = self.resolve_context(context)?;
        if !self.is_master(auth) {
            let context = self.find(id).ok_or_else(Fault::credentials)?;
            if !self.is_admin(context, auth) {
                return Err(Fault::credentials());
            }
        }
        self.find(id).ok_or_else(|| Fault::no_context(id))
    }

    /// Makes a context with its administrator and the group of all users; returns its id.
    pub(crate) fn context_create(
        &mut self,
        input: &ContextInput,
        admin: Option<&UserInput>,
        access: &Access,
        auth: Credentials<'_>,
    ) -> Result<u32, Fault> {
        let Some(admin) = admin else {
            return Err(Fault::data("Context or user not correct"));
        };
        let rights = access.of_context()?;
        self.auth_master(auth)?;
        let (id, quota) = self.check_new_context(input)?;
        let missing = admin.missing(true);
        if !missing.is_empty() {
            return Err(Fault::data(format!(
                "Mandatory fields in admin user not set: [{missing}]"
            )));
        }
        let sent = input.name.clone().filter(|name| !name.is_empty());
        let name = sent.unwrap_or_else(|| id.to_string());
        let mut mappings: BTreeSet<String> =
            input.mappings.iter().filter(|m| !m.is_empty()).cloned().collect();
        mappings.insert(id.to_string());
        mappings.insert(name.clone());
        let mappings: Vec<String> = mappings.into_iter().collect();
        self.check_names(id, &name, &mappings)?;
        if self.options.recreate_conflict && self.deleted.remove(&id) {
            return Err(Fault::storage(format!(
                "FLD-0038 Categories=ERROR Message='A SQL error occurred: Duplicate entry \
                 '{id}-24--0' for key 'PRIMARY'' exceptionID=#"
            )));
        }
        let mut context = Context::new(id, name, quota, mappings);
        context.attributes.clone_from(&input.attributes);
        let language = admin.language().to_owned();
        let display = if language.starts_with("de") { "Standardgruppe" } else { "Standard group" };
        if let Some(group) = context.groups.get_mut(&DEFAULT_GROUP) {
            display.clone_into(&mut group.displayname);
        }
        context.last_id = ADMIN - 1;
        context.add_user(admin, rights, &self.options).map_err(Fault::wrapped)?;
        self.deleted.remove(&id);
        self.names.insert(rules::fold(&context.name), id);
        for mapping in &context.mappings {
            self.mappings.insert(rules::fold(mapping), id);
        }
        self.contexts.insert(id, context);
        Ok(id)
    }

    fn check_new_context(&self, input: &ContextInput) -> Result<(u32, i64), Fault> {
        let (id, quota) = match (input.id, input.max_quota) {
            (Some(id), Some(quota)) => (id, quota),
            (id, quota) => {
                let missing = [(id, "id"), (quota, "maxQuota")];
                let missing: Vec<_> =
                    missing.iter().filter(|(v, _)| v.is_none()).map(|(_, n)| *n).collect();
                let missing = missing.join(", ");
                return Err(Fault::data(format!(
                    "Mandatory fields in context not set: [{missing}]"
                )));
            }
        };
        let valid = u32::try_from(id).ok().filter(|id| *id > 0);
        let Some(number) = valid else {
            return Err(Fault::data(format!("The context identifier {id} is not allowed!")));
        };
        if self.contexts.contains_key(&number) {
            let text = format!("Context {id} already exists!");
            return Err(Fault::new(Class::ContextExists, text));
        }
        Ok((number, quota))
    }

    fn check_names(&self, id: u32, name: &str, mappings: &[String]) -> Result<(), Fault> {
        for mapping in mappings {
            if let Some(bad) = rules::illegal_chars(mapping, "") {
                return Err(Fault::data(format!("Illegal chars: \"{bad}\" in login mapping")));
            }
        }
        if self.names.get(&rules::fold(name)).is_some_and(|owner| *owner != id) {
            // A name that is another context's id is no name of his, but a mapping.
            let text = format!("Context {name} already exists!");
            return Err(Fault::new(Class::ContextExists, text));
        }
        too_long(name)?;
        let taken = |mapping: &&String| {
            self.mappings.get(&rules::fold(mapping)).is_some_and(|owner| *owner != id)
        };
        if let Some(taken) = mappings.iter().find(taken) {
            return Err(Fault::storage(format!(
                "Cannot map '{taken}' to the newly created context. This mapping is already in use."
            )));
        }
        Ok(())
    }

    /// Changes name, quota and mappings. `enabled` has no effect here.
    pub(crate) fn context_change(
        &mut self,
        input: &ContextInput,
        auth: Credentials<'_>,
    ) -> Result<u32, Fault> {
        let named = ObjectRef { id: input.id, name: input.name.as_deref() };
        let id = self.resolve_context(&named)?;
        self.auth_master(auth)?;
        let Some(context) = self.find(id) else {
            return Err(Fault::new(Class::NoSuchContext, "Context does not exist"));
        };
        let id = context.id;
        let new_name = input
            .name
            .as_deref()
            .filter(|name| !name.is_empty() && input.id.is_some() && **name != context.name)
            .map(str::to_owned);
        if let Some(name) = &new_name {
            if let Some(bad) = rules::illegal_chars(name, "") {
                return Err(Fault::data(format!("Illegal chars: \"{bad}\" in login mapping")));
            }
            if self.names.get(&rules::fold(name)).is_some_and(|owner| *owner != id) {
                return Err(Fault::data(format!("Context {name} already exists!")));
            }
            too_long(name)?;
        }
        let mappings = self.changed_mappings(context, input, new_name.as_deref())?;
        self.apply_change(id, input, new_name, mappings);
        Ok(id)
    }

    /// The mappings after a change: those sent, the id's own and the name's; `None` when none
    /// were sent.
    fn changed_mappings(
        &self,
        context: &Context,
        input: &ContextInput,
        new_name: Option<&str>,
    ) -> Result<Option<Vec<String>>, Fault> {
        let sent: Vec<&String> = input.mappings.iter().filter(|m| !m.is_empty()).collect();
        if sent.is_empty() {
            return Ok(None);
        }
        let mut folded = BTreeMap::new();
        let id = context.id.to_string();
        let name = new_name.unwrap_or(&context.name);
        for mapping in sent.iter().map(|m| m.as_str()).chain([id.as_str(), name]) {
            if let Some(bad) = rules::illegal_chars(mapping, "") {
                return Err(Fault::data(format!("Illegal chars: \"{bad}\" in login mapping")));
            }
            let key = rules::fold(mapping);
            let owner = self.mappings.get(&key);
            if owner.is_some_and(|owner| *owner != context.id) {
                return Err(Fault::storage(format!(
                    "A mapping with login info \"{mapping}\" already exists in the system!"
                )));
            }
            match folded.insert(key, mapping.to_owned()) {
                Some(other) if other != mapping => {
                    return Err(Fault::storage(format!(
                        "java.sql.SQLIntegrityConstraintViolationException: \
                         Duplicate entry '{mapping}' for key 'PRIMARY'"
                    )));
                }
                _ => {}
            }
        }
        Ok(Some(folded.into_values().collect()))
    }

    fn apply_change(
        &mut self,
        id: u32,
        input: &ContextInput,
        name: Option<String>,
        mappings: Option<Vec<String>>,
    ) {
        let Self { contexts, names, mappings: index, .. } = self;
        let Some(context) = contexts.get_mut(&id) else { return };
        if let Some(name) = name {
            names.remove(&rules::fold(&context.name));
            names.insert(rules::fold(&name), id);
            context.name = name;
        }
        if let Some(mut new) = mappings {
            for old in &context.mappings {
                index.remove(&rules::fold(old));
            }
            for mapping in &new {
                index.insert(rules::fold(mapping), id);
            }
            rules::mapping_order(&mut new);
            context.mappings = new;
        }
        if let Some(quota) = input.max_quota {
            context.max_quota = quota;
        }
        for (namespace, entries) in &input.attributes {
            let known = context.attributes.entry(namespace.clone()).or_default();
            known.extend(entries.iter().map(|(key, value)| (key.clone(), value.clone())));
        }
    }

    /// Deletes the context with all that is in it; its id, name and mappings are free again.
    pub(crate) fn context_delete(
        &mut self,
        context: &ObjectRef<'_>,
        auth: Credentials<'_>,
    ) -> Result<u32, Fault> {
        let id = self.master_context(context, auth)?;
        if let Some(context) = self.contexts.remove(&id) {
            self.names.remove(&rules::fold(&context.name));
            for mapping in &context.mappings {
                self.mappings.remove(&rules::fold(mapping));
            }
            self.deleted.insert(id);
        }
        Ok(id)
    }

    /// Enables or disables; provisioning inside goes on either way.
    pub(crate) fn context_enable(
        &mut self,
        context: &ObjectRef<'_>,
        enabled: bool,
        auth: Credentials<'_>,
    ) -> Result<u32, Fault> {
        let id = self.master_context(context, auth)?;
        self.context_mut(id)?.enabled = enabled;
        Ok(id)
    }

    /// Enables or disables all.
    pub(crate) fn context_enable_all(
        &mut self,
        enabled: bool,
        auth: Credentials<'_>,
    ) -> Result<(), Fault> {
        self.auth_master(auth)?;
        for context in self.contexts.values_mut() {
            context.enabled = enabled;
        }
        Ok(())
    }

    /// Gives all users of a context the same rights; only its administrator edits public folders.
    pub(crate) fn context_access(
        &mut self,
        context: &ObjectRef<'_>,
        access: &Access,
        auth: Credentials<'_>,
    ) -> Result<u32, Fault> {
        let rights = access.of_context()?;
        let id = self.master_context(context, auth)?;
        for user in self.context_mut(id)?.users.values_mut() {
            let admin = user.id == ADMIN;
            user.rights = if admin { rights } else { rights.without_public_folders() };
        }
        Ok(id)
    }

    /// Adds, removes and drops capabilities, each a comma list.
    pub(crate) fn context_capabilities(
        &mut self,
        context: &ObjectRef<'_>,
        lists: [&str; 3],
        auth: Credentials<'_>,
    ) -> Result<u32, Fault> {
        let id = self.master_context(context, auth)?;
        change_capabilities(&mut self.context_mut(id)?.capabilities, lists)?;
        Ok(id)
    }

    /// Sets the quota of a module; below zero there is none any more.
    pub(crate) fn context_quota(
        &mut self,
        context: &ObjectRef<'_>,
        module: &str,
        quota: &str,
        auth: Credentials<'_>,
    ) -> Result<u32, Fault> {
        let id = self.master_context(context, auth)?;
        if module.trim().is_empty() {
            return Err(Fault::data("No valid module specified."));
        }
        let quota: i64 = quota.trim().parse().map_err(|_| Fault::data("Invalid quota value."))?;
        let quotas = &mut self.context_mut(id)?.quotas;
        if quota < 0 {
            quotas.remove(module);
        } else {
            quotas.insert(module.to_owned(), quota);
        }
        Ok(id)
    }

    /// The contexts whose id, name or mapping matches, by id.
    pub(crate) fn context_list(
        &self,
        listed: Listed<'_>,
        auth: Credentials<'_>,
    ) -> Result<Vec<u32>, Fault> {
        self.auth_master(auth)?;
        let pattern = if listed.pattern.is_empty() { "*" } else { listed.pattern };
        let pattern = rules::fold(pattern);
        let matching = |context: &&Context| {
            pattern == "*"
                || rules::matches(&pattern, &rules::fold(&context.name))
                || context.mappings.iter().any(|m| rules::matches(&pattern, &rules::fold(m)))
        };
        let found = self.contexts.values().filter(matching).map(|context| context.id);
        Ok(found.skip(listed.offset).take(listed.length).collect())
    }
}

impl Context {
    fn new(id: u32, name: String, max_quota: i64, mut mappings: Vec<String>) -> Self {
        rules::mapping_order(&mut mappings);
        let group = Group {
            id: DEFAULT_GROUP,
            name: "users".to_owned(),
            displayname: String::new(),
            members: Vec::new(),
        };
        Self {
            shared: BTreeMap::new(),
            guests: BTreeMap::new(),
            deputies: super::deputy::Granted::default(),
            id,
            name,
            enabled: true,
            max_quota,
            mappings,
            capabilities: BTreeSet::new(),
            quotas: BTreeMap::new(),
            attributes: Attributes::new(),
            users: BTreeMap::new(),
            group_names: HashMap::from([(rules::fold(&group.name), group.id)]),
            groups: BTreeMap::from([(group.id, group)]),
            resources: BTreeMap::new(),
            logins: HashMap::new(),
            primaries: HashMap::new(),
            displays: HashMap::new(),
            folders: HashMap::new(),
            resource_names: HashMap::new(),
            resource_mails: HashMap::new(),
            last_id: 0,
            last_account: 0,
        }
    }
}

fn too_long(name: &str) -> Result<(), Fault> {
    if name.chars().count() <= NAME_WIDTH {
        return Ok(());
    }
    Err(Fault::storage("Data truncation: Data too long for column 'name' at row 1"))
}

/// The common rule of contexts and users: drop forgets, remove forbids, add allows.
pub(crate) fn change_capabilities(
    capabilities: &mut BTreeSet<String>,
    [add, remove, drop]: [&str; 3],
) -> Result<(), Fault> {
    let words = |list: &str| -> Vec<String> {
        let words = list.split(',').map(|word| word.trim().to_lowercase());
        words.filter(|word| !word.is_empty()).collect()
    };
    let (add, remove, drop) = (words(add), words(remove), words(drop));
    if add.is_empty() && remove.is_empty() && drop.is_empty() {
        return Err(Fault::data("No capabilities specified."));
    }
    for word in drop {
        capabilities.remove(&word);
        capabilities.remove(&format!("-{word}"));
    }
    for word in remove {
        capabilities.remove(&word);
        capabilities.insert(format!("-{word}"));
    }
    for word in add {
        capabilities.remove(&format!("-{word}"));
        capabilities.insert(word);
    }
    Ok(())
}
