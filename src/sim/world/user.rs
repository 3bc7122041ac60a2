//! Users: create, delete, look-up, rights and capabilities.

use std::collections::BTreeSet;

use super::super::fault::{Class, Fault};
use super::super::options::SimOptions;
use super::context::change_capabilities;
use super::field::{Fields, UserField as F};
use super::rights::Rights;
use super::user_checks::{self, default_server};
use super::{ADMIN, Attributes, Context, Credentials, DEFAULT_GROUP, ObjectRef, User, World};
use super::{context_id, given, rules};

/// A user as sent; `None` and absent fields stand for omitted and nil alike.
#[derive(Clone, Debug, Default)]
pub(crate) struct UserInput {
    pub(crate) id: Option<i64>,
    /// Values in their canonical form: numbers trimmed, booleans `true` or `false`, dates without
    /// zone.
    pub(crate) fields: Fields,
    /// `None`: not sent, or nothing but nil.
    pub(crate) aliases: Option<Vec<String>>,
    /// Namespace, key and value; a missing value removes the key.
    pub(crate) attributes: Vec<(String, String, Option<String>)>,
    /// Whether the request had the element at all.
    pub(crate) sent: bool,
    /// Whether a guest of that address is to become this user.
    pub(crate) converts_guest: bool,
}

/// The rights a request gives.
#[derive(Clone, Debug)]
pub(crate) enum Access {
    /// Those of the context's administrator, or of a new context.
    Default,
    /// One by one; `None` when the element is missing.
    Listed(Option<[Option<bool>; 26]>),
    /// By the name of a combination.
    Named(Option<String>),
}

impl Access {
    fn resolve(&self) -> Result<Option<Rights>, Fault> {
        match self {
            Self::Default => Ok(None),
            Self::Listed(None) => Err(Fault::data("Invalid data sent!")),
            Self::Listed(Some(sent)) => Ok(Some(Rights::from_request(sent))),
            Self::Named(name) => {
                let name = name.as_deref().unwrap_or_default();
                if name.trim().is_empty() {
                    return Err(Fault::data("Invalid access combination name"));
                }
                let unknown = || Fault::data(format!("No such access combination name \"{name}\""));
                Rights::combination(name).map(Some).ok_or_else(unknown)
            }
        }
    }

    /// The rights of a context's administrator.
    pub(crate) fn of_context(&self) -> Result<Rights, Fault> {
        Ok(self.resolve()?.unwrap_or_else(Rights::of_new_context))
    }

    /// The rights of an ordinary user, `None` for those of the administrator. `publication` is
    /// on once any rights were written one by one.
    pub(crate) fn of_user(&self) -> Result<Option<Rights>, Fault> {
        let rights = self.resolve()?;
        Ok(match self {
            Self::Listed(_) => rights.map(Rights::with_publication),
            Self::Named(_) => rights.map(Rights::without_public_folders),
            Self::Default => rights,
        })
    }
}

/// What a create made of what was sent.
#[derive(Debug)]
pub(crate) struct Created {
    pub(crate) context: u32,
    pub(crate) id: u32,
}

impl UserInput {
    pub(crate) fn text(&self, field: F) -> Option<&str> {
        self.fields.get(field)
    }

    /// How the request names the user.
    pub(crate) fn reference(&self) -> ObjectRef<'_> {
        ObjectRef { id: self.id, name: self.text(F::NAME) }
    }

    /// The language, or what the server takes when none was sent.
    pub(crate) fn language(&self) -> &str {
        self.text(F::LANGUAGE).unwrap_or("en_US")
    }

    /// Mandatory fields that are missing or empty, as a list.
    pub(crate) fn missing(&self, password: bool) -> String {
        let mandatory = [
            F::NAME,
            F::DISPLAY_NAME,
            F::PASSWORD,
            F::GIVEN_NAME,
            F::SUR_NAME,
            F::PRIMARY_EMAIL,
            F::EMAIL1,
        ];
        let missing = mandatory
            .into_iter()
            .filter(|field| password || *field != F::PASSWORD)
            .filter(|field| self.text(*field).is_none_or(str::is_empty));
        missing.map(F::name).collect::<Vec<_>>().join(", ")
    }
}

impl World {
    /// Makes a guest, as somebody does who shares something with an address.
    pub(crate) fn add_guest(&mut self, context: u32, address: &str) -> Result<u32, Fault> {
        let context = self.context_mut(context)?;
        let id = context.next_id();
        context.guests.insert(address.to_lowercase(), id);
        Ok(id)
    }

    /// Makes a user with the rights given.
    pub(crate) fn user_create(
        &mut self,
        context: Option<i64>,
        input: &UserInput,
        access: &Access,
        auth: Credentials<'_>,
    ) -> Result<Created, Fault> {
        let rights = access.of_user()?;
        let id = self.auth_admin(context, auth)?;
        let Self { contexts, options, .. } = self;
        let context = contexts.get_mut(&id).ok_or_else(|| Fault::no_context(i64::from(id)))?;
        let rights = match rights {
            Some(rights) => rights,
            None => context.user(ADMIN)?.rights.without_public_folders(),
        };
        let user = context.add_user(input, rights, options)?;
        Ok(Created { context: id, id: user })
    }

    /// The rights of a user, as changed by a request.
    pub(crate) fn user_access(
        &mut self,
        context: Option<i64>,
        user: &ObjectRef<'_>,
        access: &Access,
        auth: Credentials<'_>,
    ) -> Result<u32, Fault> {
        let id = context_id(context)?;
        let resolved = self.find(id).map(|context| context.resolve_user(user)).transpose()?;
        let id = self.auth_admin(context, auth)?;
        let rights = access.resolve()?;
        let context = self.context_mut(id)?;
        let number = context.user(resolved.unwrap_or_default())?.id;
        let Some(mut rights) = rights else { return Ok(number) };
        match access {
            Access::Named(_) if number != ADMIN => rights = rights.without_public_folders(),
            Access::Listed(_) => rights = rights.with_publication(),
            _ => {}
        }
        check_rights(rights, number)?;
        if let Some(user) = context.users.get_mut(&number) {
            user.rights = rights;
        }
        Ok(number)
    }

    /// Deletes users, all or none. Their memberships and accounts go with them.
    pub(crate) fn user_delete(
        &mut self,
        context: Option<i64>,
        users: &[ObjectRef<'_>],
        reassign: Option<i64>,
        auth: Credentials<'_>,
    ) -> Result<(u32, Vec<u32>), Fault> {
        let sent = context_id(context)?;
        let mut ids = Vec::with_capacity(users.len());
        if let Some(context) = self.find(sent) {
            for user in users {
                ids.push(context.resolve_user(user)?);
            }
        }
        let id = self.auth_admin(context, auth)?;
        let context = self.context_mut(id)?;
        if ids.is_empty() {
            return Err(Fault::data("User array is empty"));
        }
        context.check_delete(&ids, given(reassign))?;
        for user in &ids {
            let name = context.users.get(user).map(|user| user.name().to_owned());
            context.remove_user(*user);
            let heir = given(reassign).and_then(|heir| context.users.get_mut(&heir));
            if let (Some(heir), Some(name)) = (heir, name) {
                heir.inherited.push(name);
            }
        }
        Ok((id, ids))
    }

    /// Whether a user exists by id, name or, in any case, display name.
    pub(crate) fn user_exists(
        &self,
        context: Option<i64>,
        input: &UserInput,
        auth: Credentials<'_>,
    ) -> Result<bool, Fault> {
        let context = self.context(self.auth_admin(context, auth)?)?;
        if let Some(id) = given(input.id) {
            return Ok(context.users.contains_key(&id));
        }
        if let Some(name) = input.text(F::NAME).filter(|name| !name.is_empty()) {
            return Ok(context.by_login(name).is_some());
        }
        match input.text(F::DISPLAY_NAME).filter(|name| !name.is_empty()) {
            Some(name) => Ok(context.displays.contains_key(&name.to_lowercase())),
            None => Err(Fault::data(
                "Neither identifier, name nor display name set in given user object",
            )),
        }
    }

    /// The users asked for, and their context: for the administrator, or for a user who asks for
    /// himself.
    pub(crate) fn user_data(
        &self,
        context: Option<i64>,
        users: &[ObjectRef<'_>],
        auth: Credentials<'_>,
    ) -> Result<(u32, Vec<u32>), Fault> {
        let sent = context_id(context)?;
        let context = self.find(sent).ok_or_else(|| Fault::no_context(sent))?;
        let mut ids = Vec::with_capacity(users.len());
        if !self.is_admin(context, auth) {
            let Some(caller) = context.by_login(auth.login) else {
                let text = format!("No such user {} in context {}", auth.login, context.id);
                return Err(Fault::storage(text));
            };
            let own = |user: &ObjectRef<'_>| match given(user.id) {
                Some(id) => id == caller.id,
                None => user.name == Some(caller.name()),
            };
            if caller.password != auth.password || caller.id == ADMIN {
                return Err(Fault::credentials());
            }
            if !users.iter().all(own) {
                return Err(Fault::new(Class::InvalidCredentials, "Permission denied"));
            }
        }
        for user in users {
            ids.push(context.present(user)?);
        }
        Ok((context.id, ids))
    }

    /// Ids of the users whose login or display name matches, by id.
    pub(crate) fn user_list(
        &self,
        context: Option<i64>,
        pattern: &str,
        any_case: bool,
        auth: Credentials<'_>,
    ) -> Result<(u32, Vec<u32>), Fault> {
        let context = self.context(self.auth_admin(context, auth)?)?;
        let folded = pattern.to_lowercase();
        let matching = |user: &&User| {
            pattern == "*"
                || rules::matches(pattern, user.name())
                || (any_case && rules::matches(&folded, &user.name().to_lowercase()))
                || rules::matches(&folded, &user.field(F::DISPLAY_NAME).to_lowercase())
        };
        Ok((context.id, context.users.values().filter(matching).map(|user| user.id).collect()))
    }

    /// Ids of the users with an alias in that domain.
    pub(crate) fn user_list_by_domain(
        &self,
        context: Option<i64>,
        domain: &str,
        auth: Credentials<'_>,
    ) -> Result<(u32, Vec<u32>), Fault> {
        let context = self.context(self.auth_admin(context, auth)?)?;
        let domain = format!("@{}", domain.to_lowercase());
        let matching = |user: &&User| {
            user.aliases
                .iter()
                .any(|alias| rules::matches(&format!("*{domain}"), &alias.to_lowercase()))
        };
        Ok((context.id, context.users.values().filter(matching).map(|user| user.id).collect()))
    }

    /// One user of a context, for its administrator.
    pub(crate) fn user_of_admin(
        &self,
        context: Option<i64>,
        user: &ObjectRef<'_>,
        auth: Credentials<'_>,
    ) -> Result<(u32, u32), Fault> {
        let sent = context_id(context)?;
        let resolved = self.find(sent).map(|context| context.resolve_user(user)).transpose()?;
        let context = self.context(self.auth_admin(context, auth)?)?;
        let user = context.user(resolved.unwrap_or_default())?;
        Ok((context.id, user.id))
    }

    /// Changes a user's capabilities.
    pub(crate) fn user_capabilities(
        &mut self,
        context: Option<i64>,
        user: &ObjectRef<'_>,
        lists: [&str; 3],
        auth: Credentials<'_>,
    ) -> Result<u32, Fault> {
        let (context, id) = self.user_of_admin(context, user, auth)?;
        let context = self.context_mut(context)?;
        if let Some(user) = context.users.get_mut(&id) {
            change_capabilities(&mut user.capabilities, lists)?;
        }
        Ok(id)
    }

    /// Sets the personal name of a user's primary account; an empty one clears it.
    pub(crate) fn user_personal(
        &mut self,
        context: Option<i64>,
        user: &ObjectRef<'_>,
        personal: Option<&str>,
        auth: Credentials<'_>,
    ) -> Result<u32, Fault> {
        let (context, id) = self.user_of_admin(context, user, auth)?;
        if let Some(user) = self.context_mut(context)?.users.get_mut(&id) {
            user.personal = personal.filter(|text| !text.is_empty()).map(str::to_owned);
        }
        Ok(id)
    }
}

/// The rights OX refuses to an ordinary user, or to anybody.
fn check_rights(rights: Rights, user: u32) -> Result<(), Fault> {
    if rights.contradicts_gab() {
        return Err(Fault::storage("Global address book can not be disabled for non-PIM users."));
    }
    if rights.edits_public_folders() && user != ADMIN {
        return Err(Fault::storage(
            "FLD-0089 Categories=PERMISSION_DENIED Message='Operation may only be performed for \
             context administrator.' exceptionID=#",
        ));
    }
    Ok(())
}

impl Context {
    /// The user a look-up of data means: both id and name must exist, and the id decides.
    fn present(&self, user: &ObjectRef<'_>) -> Result<u32, Fault> {
        let name = user.name.filter(|name| !name.is_empty());
        let by_id = given(user.id).map(|id| self.user(id)).transpose()?.map(|user| user.id);
        let by_name = name
            .map(|name| self.by_login(name).ok_or_else(|| Fault::no_user(name, self.id)))
            .transpose()?
            .map(|user| user.id);
        by_id.or(by_name).ok_or_else(|| Fault::data("Username and userid missing."))
    }

    /// Adds a user after all checks; the administrator is the one who gets id 2.
    pub(super) fn add_user(
        &mut self,
        input: &UserInput,
        rights: Rights,
        options: &SimOptions,
    ) -> Result<u32, Fault> {
        let admin = self.last_id < ADMIN;
        user_checks::check_create(self, input, options)?;
        check_rights(rights, if admin { ADMIN } else { 0 })?;
        let guest = self.guest_of(input)?;
        let id = guest.unwrap_or_else(|| self.next_id());
        // From here on the id is spent, whatever the database says.
        let folder = self.check_storage(id, input, options)?;
        let mut user = User {
            id,
            fields: Fields::default(),
            aliases: user_checks::create_aliases(input),
            attributes: Attributes::new(),
            imap: user_checks::imap(input)?.unwrap_or_else(|| default_server("imap", 143)),
            smtp: user_checks::smtp(input)?.unwrap_or_else(|| default_server("smtp", 25)),
            rights,
            password: input.text(F::PASSWORD).unwrap_or_default().to_owned(),
            capabilities: BTreeSet::new(),
            quota: input.text(F::MAX_QUOTA).and_then(|q| q.parse().ok()).filter(|q| *q != -1),
            quota_shown: -1,
            folder,
            has_primary_account: true,
            accounts: Vec::new(),
            personal: None,
            inherited: Vec::new(),
        };
        self.guests.retain(|_, guest| *guest != id);
        user_checks::fill_new(&mut user, input, options);
        self.index_user(&user);
        if !user.folder.is_empty() {
            self.folders.insert(user.folder.clone(), id);
        }
        self.users.insert(id, user);
        if let Some(group) = self.groups.get_mut(&DEFAULT_GROUP) {
            group.members.push(id);
        }
        Ok(id)
    }

    /// The guest who becomes this user. That the number stays, and the words of the refusal, are
    /// assumed: no server that has the parameter was at hand.
    fn guest_of(&self, input: &UserInput) -> Result<Option<u32>, Fault> {
        let address = input.text(F::PRIMARY_EMAIL).unwrap_or_default().to_lowercase();
        match self.guests.get(&address) {
            Some(_) if !input.converts_guest => Err(Fault::data(format!(
                "The address {address} belongs to a guest in context {}.",
                self.id
            ))),
            guest => Ok(guest.copied()),
        }
    }

    /// What only the database refuses; returns the name of the personal folder to make.
    fn check_storage(
        &self,
        id: u32,
        input: &UserInput,
        options: &SimOptions,
    ) -> Result<String, Fault> {
        user_checks::check_widths(input, true)?;
        user_checks::check_image(input)?;
        if let Some(alias) = user_checks::case_twin(&user_checks::create_aliases(input)) {
            return Err(Fault {
                tails: 2,
                ..Fault::storage(format!(
                    "java.sql.SQLIntegrityConstraintViolationException: \
                     Duplicate entry '{}-{id}-{alias}' for key 'PRIMARY'",
                    self.id
                ))
            });
        }
        if !options.unique_display_name {
            // Folders of equal names get numbers then; nothing clashes.
            return Ok(String::new());
        }
        let display = input.text(F::DISPLAY_NAME).unwrap_or_default();
        let folder = display.trim_end().to_lowercase();
        if self.folders.contains_key(&folder) {
            return Err(Fault::storage(format!(
                "FLD-0075 Categories=PERMISSION_DENIED Message='An infostore folder named \
                 \"{display}\" already exists below folder userstore (10) in context {}. Please \
                 choose another display name.' exceptionID=#",
                self.id
            )));
        }
        Ok(folder)
    }

    fn check_delete(&self, ids: &[u32], reassign: Option<u32>) -> Result<(), Fault> {
        let mut seen = BTreeSet::new();
        if let Some(twice) = ids.iter().find(|id| !seen.insert(**id)) {
            return Err(Fault::data(format!(
                "User {twice} is contained multiple times in delete request."
            )));
        }
        if ids.iter().any(|id| !self.users.contains_key(id)) {
            let all = ids.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
            let text = format!("No such user(s) {all} in context {}", self.id);
            return Err(Fault::new(Class::NoSuchUser, text));
        }
        if ids.contains(&ADMIN) {
            return Err(Fault::data("Admin delete not supported"));
        }
        let Some(heir) = reassign else { return Ok(()) };
        if ids.contains(&heir) {
            return Err(Fault::data(
                "It is not allowed to reassign the shared data to the user which should be \
                 deleted. Please choose a different reassign user.",
            ));
        }
        let wrong = match self.users.get(&heir) {
            None => format!("does not exist in context {}", self.id),
            Some(user) if user.quota.is_none() => "is not an owner of a filestore".to_owned(),
            Some(_) => return Ok(()),
        };
        Err(Fault::data(format!(
            "The reassign user with id {heir} {wrong}. Please choose a different reassign user."
        )))
    }

    pub(super) fn remove_user(&mut self, id: u32) {
        let Some(user) = self.users.remove(&id) else { return };
        self.unindex_user(&user);
        if self.folders.get(&user.folder) == Some(&id) {
            self.folders.remove(&user.folder);
        }
        self.deputies.forget(id);
        for group in self.groups.values_mut() {
            if let Ok(place) = group.members.binary_search(&id) {
                group.members.remove(place);
            }
        }
    }
}
