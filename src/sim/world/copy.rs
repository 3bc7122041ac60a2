//! Copy of a user into another context.

use super::super::fault::{Class, Fault};
use super::field::UserField as F;
use super::{Credentials, MailServer, ObjectRef, User, World};

/// Folder names a copy has as empty texts, whatever its source had.
const FOLDERS: [F; 6] = [
    F::MAIL_FOLDER_CONFIRMED_HAM_NAME,
    F::MAIL_FOLDER_CONFIRMED_SPAM_NAME,
    F::MAIL_FOLDER_DRAFTS_NAME,
    F::MAIL_FOLDER_SENT_NAME,
    F::MAIL_FOLDER_SPAM_NAME,
    F::MAIL_FOLDER_TRASH_NAME,
];

impl World {
    /// Copies a user and returns his new id. The source stays. The copy is in no group at all,
    /// and its secondary accounts are ordinary ones.
    pub(crate) fn user_copy(
        &mut self,
        user: Option<&ObjectRef<'_>>,
        source: Option<i64>,
        target: Option<i64>,
        auth: Credentials<'_>,
    ) -> Result<u32, Fault> {
        let Some(user) = user else {
            return Err(Fault::data("The given source user object is null"));
        };
        self.auth_master(auth)?;
        let source = self.copy_context(source, "source")?;
        let target = self.copy_context(target, "destination")?;
        let from = self.context(source)?;
        let original = from.user(from.resolve_user(user)?)?.clone();
        if let Some(name) = user.name.filter(|name| !name.is_empty())
            && self.context(target)?.by_login(name).is_some()
        {
            let text = format!("User {name} already exists in context {target}");
            return Err(Fault::new(Class::UserExists, text));
        }
        if self.context(target)?.by_login(original.name()).is_some() {
            return Err(Fault::storage(format!(
                "UCP-0011 Categories=USER_INPUT Message='A user named {} already exists in \
                 destination context {target}.' exceptionID=#",
                original.name()
            )));
        }
        let shown = if original.quota.is_none() { self.options.copied_quota } else { -1 };
        let context = self.context_mut(target)?;
        let mut copy = User { id: context.next_id(), quota_shown: shown, ..original };
        for account in &mut copy.accounts {
            context.last_account += 1;
            account.id = context.last_account;
            account.secondary = false;
        }
        for folder in FOLDERS {
            copy.fields.set(folder, "");
        }
        copy.fields.set(F::MAILENABLED, "true");
        copy.capabilities.clear();
        copy.rights = copy.rights.with_gab_disabled();
        context.index_user(&copy);
        let id = copy.id;
        context.users.insert(id, copy);
        Ok(id)
    }

    fn copy_context(&self, id: Option<i64>, which: &str) -> Result<u32, Fault> {
        let Some(id) = id else {
            let text = format!("Client sent invalid {which} context data object");
            return Err(Fault::new(Class::InvalidCredentials, text));
        };
        let found = self.find(id).map(|context| context.id);
        found.ok_or_else(|| {
            Fault::new(Class::NoSuchContext, format!("The context {id} does not exist!"))
        })
    }
}

impl MailServer {
    /// The URL answers give.
    pub(crate) fn url(&self) -> String {
        format!("{}{}:{}", self.scheme, self.host, self.port)
    }
}
