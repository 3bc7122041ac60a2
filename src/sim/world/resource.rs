//! Resources.

use super::super::fault::{Class, Fault};
use super::super::options::SimOptions;
use super::{Context, Credentials, ObjectRef, Resource, World, context_id, given, rules};

const WIDTH: usize = 128;

/// A resource as sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct ResourceInput {
    pub(crate) id: Option<i64>,
    pub(crate) name: Option<String>,
    pub(crate) displayname: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) available: Option<bool>,
}

impl ResourceInput {
    pub(crate) fn reference(&self) -> ObjectRef<'_> {
        ObjectRef { id: self.id, name: self.name.as_deref() }
    }
}

fn no_resource(text: &str) -> Fault {
    Fault::new(Class::NoSuchResource, text)
}

impl World {
    fn resource_scope(
        &self,
        context: Option<i64>,
        resource: &ObjectRef<'_>,
        auth: Credentials<'_>,
    ) -> Result<(u32, u32), Fault> {
        let sent = context_id(context)?;
        let found =
            self.find(sent).map(|context| context.resolve_resource(resource)).transpose()?;
        Ok((self.auth_admin(context, auth)?, found.unwrap_or_default()))
    }

    /// Makes a resource and returns its context and id.
    pub(crate) fn resource_create(
        &mut self,
        context: Option<i64>,
        input: &ResourceInput,
        auth: Credentials<'_>,
    ) -> Result<(u32, u32), Fault> {
        let scope = self.auth_admin(context, auth)?;
        let Self { contexts, options, .. } = self;
        let context = contexts.get_mut(&scope).ok_or_else(Fault::credentials)?;
        context.add_resource(input, options).map(|id| (scope, id))
    }

    /// Changes what was sent; empty texts are stored.
    pub(crate) fn resource_change(
        &mut self,
        context: Option<i64>,
        input: &ResourceInput,
        auth: Credentials<'_>,
    ) -> Result<(u32, u32), Fault> {
        let (scope, id) = self.resource_scope(context, &input.reference(), auth)?;
        let Self { contexts, options, .. } = self;
        let context = contexts.get_mut(&scope).ok_or_else(Fault::credentials)?;
        let Some(old) = context.resources.get(&id).cloned() else {
            return Err(no_resource("Resource with this id does not exists"));
        };
        context.check_resource(input, Some(id))?;
        if let Some(name) = &input.name {
            check_name(name, options)?;
        }
        check_width(input)?;
        let mut new = old.clone();
        let texts = [
            (&input.name, &mut new.name),
            (&input.displayname, &mut new.displayname),
            (&input.email, &mut new.email),
        ];
        for (sent, kept) in texts {
            if let Some(sent) = sent {
                sent.clone_into(kept);
            }
        }
        if input.description.is_some() {
            new.description.clone_from(&input.description);
        }
        new.available = input.available.unwrap_or(new.available);
        context.forget_resource(&old);
        context.keep_resource(new);
        Ok((scope, id))
    }

    /// Deletes a resource.
    pub(crate) fn resource_delete(
        &mut self,
        context: Option<i64>,
        resource: &ObjectRef<'_>,
        auth: Credentials<'_>,
    ) -> Result<(u32, u32), Fault> {
        let (scope, id) = self.resource_scope(context, resource, auth)?;
        let context = self.context_mut(scope)?;
        let Some(old) = context.resources.remove(&id) else {
            return Err(no_resource("Resource with this id does not exist"));
        };
        context.forget_resource(&old);
        Ok((scope, id))
    }

    /// One resource.
    pub(crate) fn resource_data(
        &self,
        context: Option<i64>,
        resource: &ObjectRef<'_>,
        auth: Credentials<'_>,
    ) -> Result<(u32, &Resource), Fault> {
        let (scope, id) = self.resource_scope(context, resource, auth)?;
        let found = self.context(scope)?.resources.get(&id);
        let missing = || no_resource("resource with with this id does not exist");
        Ok((scope, found.ok_or_else(missing)?))
    }

    /// Several resources; all must exist.
    pub(crate) fn resource_multiple(
        &self,
        context: Option<i64>,
        resources: &[ObjectRef<'_>],
        auth: Credentials<'_>,
    ) -> Result<(u32, Vec<&Resource>), Fault> {
        let scope = self.auth_admin(context, auth)?;
        let context = self.context(scope)?;
        let mut found = Vec::with_capacity(resources.len());
        for resource in resources {
            let name = resource.name.filter(|name| !name.is_empty());
            let missing = |what: &str| no_resource(&format!("No such resource {what}"));
            found.push(match (given(resource.id), name) {
                (Some(id), _) => {
                    context.resources.get(&id).ok_or_else(|| missing(&id.to_string()))?
                }
                (None, Some(name)) => {
                    context.resource_by_name(name).ok_or_else(|| missing(name))?
                }
                (None, None) => {
                    return Err(Fault::data(
                        "Resourcename and resourceid missing!Cannot resolve resource data",
                    ));
                }
            });
        }
        Ok((scope, found))
    }

    /// Resources whose name matches, or whose display name is the pattern.
    pub(crate) fn resource_list(
        &self,
        context: Option<i64>,
        pattern: Option<&str>,
        auth: Credentials<'_>,
    ) -> Result<(u32, Vec<&Resource>), Fault> {
        let scope = self.auth_admin(context, auth)?;
        let Some(pattern) = pattern.filter(|pattern| !pattern.is_empty()) else {
            return Err(Fault::data("Invalid pattern!"));
        };
        let folded = rules::fold(pattern);
        let matching = |resource: &&Resource| {
            pattern == "*"
                || rules::matches(&folded, &rules::fold(&resource.name))
                || rules::fold(&resource.displayname) == folded
        };
        Ok((scope, self.context(scope)?.resources.values().filter(matching).collect()))
    }
}

fn check_name(name: &str, options: &SimOptions) -> Result<(), Fault> {
    if name.is_empty() {
        return Err(Fault::data("Invalid resource name"));
    }
    if !options.check_resource_names {
        return Ok(());
    }
    match rules::illegal_chars(name, rules::GROUP_EXTRA) {
        Some(bad) => Err(Fault::data(format!("Illegal chars: \"{bad}\""))),
        None => Ok(()),
    }
}

fn check_width(input: &ResourceInput) -> Result<(), Fault> {
    if input.name.as_ref().is_none_or(|name| name.chars().count() <= WIDTH) {
        return Ok(());
    }
    Err(Fault::storage("Data too long for underlying storage!Error field(s): identifier"))
}

impl Context {
    fn resolve_resource(&self, resource: &ObjectRef<'_>) -> Result<u32, Fault> {
        if let Some(id) = given(resource.id) {
            return Ok(id);
        }
        let Some(name) = resource.name.filter(|name| !name.is_empty()) else {
            return Err(Fault::data("One resourceobject has no resourceid or resourcename"));
        };
        let found = self.resource_by_name(name).map(|resource| resource.id);
        found.ok_or_else(|| Fault::no_name(Class::NoSuchResource, "resource", name, self.id))
    }

    fn resource_by_name(&self, name: &str) -> Option<&Resource> {
        self.resource_names.get(&rules::fold(name)).and_then(|id| self.resources.get(id))
    }

    /// Name and address must be free; a user's alias does not count, his primary address does.
    fn check_resource(&self, input: &ResourceInput, own: Option<u32>) -> Result<(), Fault> {
        if let Some(name) = &input.name {
            let owner = self.resource_names.get(&rules::fold(name)).copied();
            if owner.is_some() && owner != own {
                return Err(Fault::data(format!("Resource {name} already exists in this context")));
            }
        }
        if let Some(email) = input.email.as_ref().filter(|email| !email.is_empty()) {
            let owner = self.resource_mails.get(&email.to_lowercase()).copied();
            if owner.is_some() && owner != own {
                return Err(Fault::data("Resource with this email address already exists"));
            }
            self.primary_taken(email, None)?;
        }
        Ok(())
    }

    fn add_resource(&mut self, input: &ResourceInput, options: &SimOptions) -> Result<u32, Fault> {
        let Some(name) = &input.name else { return Err(Fault::data("Invalid data sent!")) };
        self.check_resource(input, None)?;
        let empty = |text: &Option<String>| text.as_ref().is_none_or(String::is_empty);
        let missing = [(&input.displayname, "displayname"), (&input.email, "email")];
        let missing: Vec<_> =
            missing.into_iter().filter(|(text, _)| empty(text)).map(|(_, name)| name).collect();
        if !missing.is_empty() {
            return Err(Fault::data(format!("Mandatory fields not set: [{}]", missing.join(", "))));
        }
        check_name(name, options)?;
        let id = self.next_id();
        check_width(input)?;
        let name = if options.lowercase_uid { name.to_lowercase() } else { name.clone() };
        self.keep_resource(Resource {
            id,
            name,
            displayname: input.displayname.clone().unwrap_or_default(),
            email: input.email.clone().unwrap_or_default(),
            description: input.description.clone(),
            available: input.available.unwrap_or(true),
        });
        Ok(id)
    }

    fn keep_resource(&mut self, resource: Resource) {
        self.resource_names.insert(rules::fold(&resource.name), resource.id);
        if !resource.email.is_empty() {
            self.resource_mails.insert(resource.email.to_lowercase(), resource.id);
        }
        self.resources.insert(resource.id, resource);
    }

    fn forget_resource(&mut self, resource: &Resource) {
        self.resource_names.remove(&rules::fold(&resource.name));
        self.resource_mails.remove(&resource.email.to_lowercase());
    }
}
