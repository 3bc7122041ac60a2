//! Groups.

use super::super::fault::{Class, Fault};
use super::super::options::SimOptions;
use super::{
    Context, Credentials, DEFAULT_GROUP, Group, ObjectRef, World, context_id, given, rules,
};

/// Longest name and display name the database takes.
const WIDTH: usize = 128;

/// A group as sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct GroupInput {
    pub(crate) id: Option<i64>,
    pub(crate) name: Option<String>,
    pub(crate) displayname: Option<String>,
    /// The members sent, nil as `None`. Without the element there are none: a change empties the
    /// group then.
    pub(crate) members: Vec<Option<i64>>,
}

impl GroupInput {
    pub(crate) fn reference(&self) -> ObjectRef<'_> {
        ObjectRef { id: self.id, name: self.name.as_deref() }
    }
}

fn no_group() -> Fault {
    Fault::new(Class::NoSuchGroup, "No such group")
}

fn no_user() -> Fault {
    Fault::new(Class::NoSuchUser, "No such user")
}

impl World {
    /// The context of a group request and the id its reference means, credentials checked.
    fn group_scope(
        &self,
        context: Option<i64>,
        group: &ObjectRef<'_>,
        auth: Credentials<'_>,
    ) -> Result<(u32, u32), Fault> {
        let sent = context_id(context)?;
        let resolved = self.find(sent).map(|context| context.resolve_group(group)).transpose()?;
        Ok((self.auth_admin(context, auth)?, resolved.unwrap_or_default()))
    }

    /// Makes a group and returns its context and id.
    pub(crate) fn group_create(
        &mut self,
        context: Option<i64>,
        input: &GroupInput,
        auth: Credentials<'_>,
    ) -> Result<(u32, u32), Fault> {
        let id = self.auth_admin(context, auth)?;
        if input.members.iter().any(Option::is_none) {
            return Err(Fault::new(Class::Plain, "start -1, end 0, length 0"));
        }
        let Self { contexts, options, .. } = self;
        let context = contexts.get_mut(&id).ok_or_else(no_group)?;
        context.add_group(input, options).map(|group| (id, group))
    }

    /// Changes a group. The members are replaced whatever else was meant.
    pub(crate) fn group_change(
        &mut self,
        context: Option<i64>,
        input: &GroupInput,
        auth: Credentials<'_>,
    ) -> Result<(u32, u32), Fault> {
        let (context, id) = self.group_scope(context, &input.reference(), auth)?;
        let name = input.name.as_deref();
        if name == Some("") {
            return Err(Fault::data("Invalid group name"));
        }
        if let Some(name) = name {
            check_name(name, &self.options)?;
        }
        if input.members.iter().any(Option::is_none) {
            let text = "Cannot invoke \"java.lang.Integer.intValue()\" because \"mems[i]\" is null";
            return Err(Fault::new(Class::Plain, text));
        }
        let context_id = context;
        let context = self.context_mut(context)?;
        let members = context.members(&input.members)?;
        let old = context.groups.get(&id).ok_or_else(no_group)?.name.clone();
        if let Some(name) = name {
            let owner = context.group_names.get(&rules::fold(name));
            if owner.is_some_and(|owner| *owner != id) {
                return Err(Fault::data(format!("Group {name} already exists in this context")));
            }
        }
        check_widths(input)?;
        if let Some(name) = name {
            context.group_names.remove(&rules::fold(&old));
            context.group_names.insert(rules::fold(name), id);
        }
        if let Some(group) = context.groups.get_mut(&id) {
            if let Some(name) = name {
                name.clone_into(&mut group.name);
            }
            if let Some(display) = &input.displayname {
                display.clone_into(&mut group.displayname);
            }
            group.members = members;
        }
        Ok((context_id, id))
    }

    /// Deletes groups, all or none.
    pub(crate) fn group_delete(
        &mut self,
        context: Option<i64>,
        groups: &[ObjectRef<'_>],
        auth: Credentials<'_>,
    ) -> Result<(u32, Vec<u32>), Fault> {
        let sent = context_id(context)?;
        let mut ids = Vec::with_capacity(groups.len());
        if let Some(context) = self.find(sent) {
            for group in groups {
                ids.push(context.resolve_group(group)?);
            }
        }
        let id = self.auth_admin(context, auth)?;
        let context = self.context_mut(id)?;
        if ids.contains(&DEFAULT_GROUP) {
            let text = format!("Group with id {DEFAULT_GROUP} cannot be deleted");
            return Err(Fault::data(text));
        }
        if ids.iter().any(|id| !context.groups.contains_key(id)) {
            return Err(no_group());
        }
        let mut seen = std::collections::BTreeSet::new();
        if let Some(twice) = ids.iter().find(|id| !seen.insert(**id)) {
            return Err(Fault::storage(format!(
                "Duplicate entry '{id}-{twice}' for key 'PRIMARY'"
            )));
        }
        for group in &ids {
            if let Some(group) = context.groups.remove(group) {
                context.group_names.remove(&rules::fold(&group.name));
            }
        }
        Ok((id, ids))
    }

    /// Adds users to a group: all, or none if one is in it already or unknown.
    pub(crate) fn group_add(
        &mut self,
        context: Option<i64>,
        group: &ObjectRef<'_>,
        members: Option<&[ObjectRef<'_>]>,
        auth: Credentials<'_>,
    ) -> Result<(u32, u32), Fault> {
        let (scope, id) = self.group_scope(context, group, auth)?;
        let Some(members) = members else {
            let text = "Cannot invoke \"java.util.List.size()\" because \"list\" is null";
            return Err(Fault::new(Class::Plain, text));
        };
        let context = self.context_mut(scope)?;
        let mut added = Vec::with_capacity(members.len());
        for member in members {
            added.push(context.resolve_user(member)?);
        }
        let group = context.groups.get(&id).ok_or_else(no_group)?;
        if added.iter().any(|member| !context.users.contains_key(member)) {
            return Err(no_user());
        }
        if added.iter().any(|member| group.members.binary_search(member).is_ok()) {
            return Err(Fault::data("Member already exists in group"));
        }
        let count = added.len();
        added.sort_unstable();
        added.dedup();
        if added.len() < count {
            return Err(Fault {
                tails: 2,
                ..Fault::storage(format!(
                    "java.sql.BatchUpdateException: Duplicate entry '{scope}-{id}' for key 'PRIMARY'"
                ))
            });
        }
        if let Some(group) = context.groups.get_mut(&id) {
            for member in added {
                if let Err(place) = group.members.binary_search(&member) {
                    group.members.insert(place, member);
                }
            }
        }
        Ok((scope, id))
    }

    /// Takes users out of a group; who is not in it does not matter.
    pub(crate) fn group_remove(
        &mut self,
        context: Option<i64>,
        group: &ObjectRef<'_>,
        members: Option<&[ObjectRef<'_>]>,
        auth: Credentials<'_>,
    ) -> Result<(u32, u32), Fault> {
        let (scope, id) = self.group_scope(context, group, auth)?;
        let Some(members) = members else { return Ok((scope, id)) };
        let context = self.context_mut(scope)?;
        let mut removed = Vec::with_capacity(members.len());
        for member in members {
            let member = context.resolve_user(member)?;
            if !context.users.contains_key(&member) {
                return Err(no_user());
            }
            removed.push(member);
        }
        let group = context.groups.get_mut(&id).ok_or_else(no_group)?;
        for member in removed {
            if let Ok(place) = group.members.binary_search(&member) {
                group.members.remove(place);
            }
        }
        Ok((scope, id))
    }

    /// One group.
    pub(crate) fn group_data(
        &self,
        context: Option<i64>,
        group: &ObjectRef<'_>,
        auth: Credentials<'_>,
    ) -> Result<(u32, &Group), Fault> {
        let (scope, id) = self.group_scope(context, group, auth)?;
        Ok((scope, self.context(scope)?.groups.get(&id).ok_or_else(no_group)?))
    }

    /// Several groups; all must exist.
    pub(crate) fn group_multiple(
        &self,
        context: Option<i64>,
        groups: &[ObjectRef<'_>],
        auth: Credentials<'_>,
    ) -> Result<(u32, Vec<&Group>), Fault> {
        let scope = self.auth_admin(context, auth)?;
        let context = self.context(scope)?;
        let mut found = Vec::with_capacity(groups.len());
        for group in groups {
            let name = group.name.filter(|name| !name.is_empty());
            let missing =
                |what: &str| Fault::new(Class::NoSuchGroup, format!("No such group {what}"));
            found.push(match (given(group.id), name) {
                (Some(id), _) => context.groups.get(&id).ok_or_else(|| missing(&id.to_string()))?,
                (None, Some(name)) => context.group_by_name(name).ok_or_else(|| missing(name))?,
                (None, None) => {
                    return Err(Fault::data(
                        "Groupname and groupid missing! Cannot resolve group data",
                    ));
                }
            });
        }
        Ok((scope, found))
    }

    /// The groups whose name or display name matches in any case, by id.
    pub(crate) fn group_list(
        &self,
        context: Option<i64>,
        pattern: Option<&str>,
        auth: Credentials<'_>,
    ) -> Result<(u32, Vec<&Group>), Fault> {
        let scope = self.auth_admin(context, auth)?;
        let Some(pattern) = pattern else { return Err(Fault::data("")) };
        let pattern = rules::fold(pattern);
        let matching = |group: &&Group| {
            pattern == "*"
                || rules::matches(&pattern, &rules::fold(&group.name))
                || rules::matches(&pattern, &rules::fold(&group.displayname))
        };
        Ok((scope, self.context(scope)?.groups.values().filter(matching).collect()))
    }

    /// The groups a user is in, the one of all users among them.
    pub(crate) fn groups_of_user(
        &self,
        context: Option<i64>,
        user: &ObjectRef<'_>,
        auth: Credentials<'_>,
    ) -> Result<(u32, Vec<&Group>), Fault> {
        let sent = context_id(context)?;
        let user = self.find(sent).map(|context| context.resolve_user(user)).transpose()?;
        let scope = self.auth_admin(context, auth)?;
        let context = self.context(scope)?;
        let user = user.unwrap_or_default();
        if !context.users.contains_key(&user) {
            return Err(no_user());
        }
        let inside = |group: &&Group| group.members.binary_search(&user).is_ok();
        Ok((scope, context.groups.values().filter(inside).collect()))
    }
}

fn check_name(name: &str, options: &SimOptions) -> Result<(), Fault> {
    if !options.check_group_names {
        return Ok(());
    }
    match rules::illegal_chars(name, rules::GROUP_EXTRA) {
        Some(bad) => Err(Fault::data(format!("Illegal chars: \"{bad}\""))),
        None => Ok(()),
    }
}

fn check_widths(input: &GroupInput) -> Result<(), Fault> {
    let fits = |text: &Option<String>| text.as_ref().is_none_or(|t| t.chars().count() <= WIDTH);
    let column = match (fits(&input.name), fits(&input.displayname)) {
        (true, true) => return Ok(()),
        (false, _) => "identifier",
        (true, false) => "displayName",
    };
    Err(Fault::storage(format!("Data too long for underlying storage!Error field(s): {column}")))
}

impl Context {
    /// The id a reference to a group means.
    pub(super) fn resolve_group(&self, group: &ObjectRef<'_>) -> Result<u32, Fault> {
        if let Some(id) = given(group.id) {
            return Ok(id);
        }
        let Some(name) = group.name.filter(|name| !name.is_empty()) else {
            return Err(Fault::data("One groupobject has no groupid or groupname"));
        };
        let found = self.group_by_name(name).map(|group| group.id);
        found.ok_or_else(|| Fault::no_name(Class::NoSuchGroup, "group", name, self.id))
    }

    fn group_by_name(&self, name: &str) -> Option<&Group> {
        self.group_names.get(&rules::fold(name)).and_then(|id| self.groups.get(id))
    }

    fn add_group(&mut self, input: &GroupInput, options: &SimOptions) -> Result<u32, Fault> {
        let empty = |text: &Option<String>| text.as_ref().is_none_or(String::is_empty);
        let missing = [(&input.displayname, "displayname"), (&input.name, "name")];
        let missing: Vec<_> =
            missing.into_iter().filter(|(text, _)| empty(text)).map(|(_, name)| name).collect();
        if !missing.is_empty() {
            return Err(Fault::data(format!("Mandatory fields not set: [{}]", missing.join(", "))));
        }
        let mut name = input.name.clone().unwrap_or_default();
        check_name(&name, options)?;
        if options.lowercase_uid {
            name = name.to_lowercase();
        }
        if self.group_names.contains_key(&rules::fold(&name)) {
            return Err(Fault::data("Group already exists!"));
        }
        let members = self.members(&input.members)?;
        // The id is spent before the database looks at the values.
        let id = self.next_id();
        check_widths(input)?;
        self.group_names.insert(rules::fold(&name), id);
        let displayname = input.displayname.clone().unwrap_or_default();
        self.groups.insert(id, Group { id, name, displayname, members });
        Ok(id)
    }

    /// The members as kept; one that is unknown or sent twice spoils all.
    fn members(&self, sent: &[Option<i64>]) -> Result<Vec<u32>, Fault> {
        let mut members = Vec::with_capacity(sent.len());
        for member in sent.iter().flatten() {
            let known = u32::try_from(*member).ok().filter(|id| self.users.contains_key(id));
            members.push(known.ok_or_else(no_user)?);
        }
        members.sort_unstable();
        let count = members.len();
        members.dedup();
        if members.len() < count { Err(no_user()) } else { Ok(members) }
    }
}
