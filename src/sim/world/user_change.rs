//! Change of a user: what is sent replaces, what is omitted or nil stays.

use super::super::fault::{Class, Fault};
use super::super::options::SimOptions;
use super::field::UserField as F;
use super::user::UserInput;
use super::user_checks as checks;
use super::{ADMIN, Context, Credentials, MailServer, World, context_id, rules};

/// What of a change is worked out before anything is touched.
struct Prepared {
    name: Option<String>,
    aliases: Option<Vec<String>>,
    imap: Option<MailServer>,
    smtp: Option<MailServer>,
    mech: Option<String>,
    quota: Option<i64>,
}

/// Fields that belong to the primary mail account, and so need one.
const OF_ACCOUNT: [F; 13] = [
    F::PRIMARY_EMAIL,
    F::IMAP_SERVER,
    F::IMAP_LOGIN,
    F::SMTP_SERVER,
    F::PRIMARY_ACCOUNT_NAME,
    F::MAIL_FOLDER_DRAFTS_NAME,
    F::MAIL_FOLDER_SENT_NAME,
    F::MAIL_FOLDER_SPAM_NAME,
    F::MAIL_FOLDER_TRASH_NAME,
    F::MAIL_FOLDER_CONFIRMED_HAM_NAME,
    F::MAIL_FOLDER_CONFIRMED_SPAM_NAME,
    F::MAIL_FOLDER_ARCHIVE_FULL_NAME,
    F::IMAP_SERVER_STRING,
];

/// Empty texts these fields ignore; other texts are stored empty, or refused.
const IGNORE_EMPTY: [F; 4] = [F::NAME, F::IMAP_LOGIN, F::IMAGE1, F::IMAGE1_CONTENT_TYPE];

impl World {
    /// Changes a user and returns context and id. Nothing is changed when it fails.
    pub(crate) fn user_change(
        &mut self,
        context: Option<i64>,
        input: &UserInput,
        auth: Credentials<'_>,
    ) -> Result<(u32, u32), Fault> {
        if !input.sent {
            return Err(Fault::data("One of the given arguments for change is null"));
        }
        let sent = context_id(context)?;
        let Some(context) = self.find(sent) else {
            let text = format!("The context {sent} does not exist!");
            return Err(Fault::new(Class::NoSuchContext, text));
        };
        let id = context.id;
        let user = context.resolve_user(&input.reference())?;
        if !self.is_admin(context, auth) {
            return Err(match context.by_login(auth.login) {
                None => Fault::no_user(auth.login, id),
                Some(caller) if caller.id == ADMIN || caller.password != auth.password => {
                    Fault::credentials()
                }
                Some(_) => Fault::new(Class::InvalidCredentials, "Permission denied"),
            });
        }
        let prepared = context.prepare_change(user, input, &self.options)?;
        self.context_mut(id)?.apply_change(user, input, prepared);
        Ok((id, user))
    }
}

impl Context {
    /// All checks of a change, in the server's order.
    fn prepare_change(
        &self,
        id: u32,
        input: &UserInput,
        options: &SimOptions,
    ) -> Result<Prepared, Fault> {
        let user = self.user(id)?;
        if let Some(display) = input.text(F::DISPLAY_NAME) {
            checks::check_display_name(self, display, Some(id), options)?;
        }
        let name = self.new_name(id, input, options)?;
        if input.text(F::LANGUAGE).is_some_and(|language| !rules::is_language(language)) {
            return Err(Fault::data("Language must contain an underscore, e.g. en_US."));
        }
        checks::check_timezone(input)?;
        let primary = input.text(F::PRIMARY_EMAIL);
        if options.primary_mail_unchangeable
            && primary.is_some_and(|primary| !primary.eq_ignore_ascii_case(user.primary()))
        {
            return Err(Fault::data("primary mail must not be changed"));
        }
        checks::check_mech(input)?;
        let mech = input.text(F::PASSWORD_MECH).and_then(rules::password_mech);
        if mech.is_some() && input.text(F::PASSWORD).is_none() {
            return Err(Fault::data(
                "When changing password mechanism, the password string must also be supplied",
            ));
        }
        let aliases = input.aliases.as_ref().map(|aliases| last_of_each_case(aliases));
        if id != ADMIN {
            self.check_changed_addresses(id, input, aliases.as_deref())?;
        }
        let quota = self.changed_quota(id, input, options)?;
        checks::check_widths(input, false)?;
        checks::check_image(input)?;
        if !user.has_primary_account && OF_ACCOUNT.iter().any(|field| input.text(*field).is_some())
        {
            return Err(Fault {
                tails: 2,
                ..Fault::storage(format!(
                    "ACC-0002 Categories=ERROR Message='Cannot find mail account with identifier \
                     0 for user {id} in context {}.' exceptionID=#",
                    self.id
                ))
            });
        }
        let (imap, smtp) = (checks::imap(input)?, checks::smtp(input)?);
        Ok(Prepared { name, aliases, imap, smtp, mech, quota })
    }

    fn new_name(
        &self,
        id: u32,
        input: &UserInput,
        options: &SimOptions,
    ) -> Result<Option<String>, Fault> {
        let Some(sent) = input.text(F::NAME).filter(|name| !name.is_empty()) else {
            return Ok(None);
        };
        let name = checks::stored_name(sent, options);
        if name == self.user(id)?.name() {
            return Ok(None);
        }
        if !options.username_changeable {
            return Err(Fault::data("Changing username is disabled!"));
        }
        checks::check_name(sent, options)?;
        if self.by_login(&name).is_some() {
            return Err(checks::name_taken(&name));
        }
        Ok(Some(name))
    }

    /// The three addresses must be aliases of the user afterwards; case does not count.
    fn check_changed_addresses(
        &self,
        id: u32,
        input: &UserInput,
        aliases: Option<&[String]>,
    ) -> Result<(), Fault> {
        checks::check_addresses(input)?;
        let tied = [F::PRIMARY_EMAIL, F::EMAIL1, F::DEFAULT_SENDER_ADDRESS];
        if aliases.is_none() && tied.iter().all(|field| input.text(*field).is_none()) {
            return Ok(());
        }
        let user = self.user(id)?;
        let primary = input.text(F::PRIMARY_EMAIL);
        let email1 = input.text(F::EMAIL1);
        if let (Some(primary), Some(email1)) = (primary, email1)
            && !primary.eq_ignore_ascii_case(email1)
        {
            return Err(Fault::data("email1 not equal with primarymail!"));
        }
        if let Some(primary) = primary {
            self.primary_taken(primary, Some(id))?;
        }
        let aliases = aliases.unwrap_or(&user.aliases);
        let known = |address: &str| aliases.iter().any(|alias| alias.eq_ignore_ascii_case(address));
        let after = tied.map(|field| input.text(field).unwrap_or_else(|| user.field(field)));
        if !after.into_iter().all(known) {
            return Err(Fault::data(
                "primaryMail, Email1 and defaultSenderAddress must be present in set of aliases.",
            ));
        }
        if primary.is_some() && email1.is_none() {
            return Err(Fault::data("email1 not sent but required!"));
        }
        Ok(())
    }

    fn changed_quota(
        &self,
        id: u32,
        input: &UserInput,
        options: &SimOptions,
    ) -> Result<Option<i64>, Fault> {
        let Some(quota) = input.text(F::MAX_QUOTA).and_then(|quota| quota.parse::<i64>().ok())
        else {
            return Ok(None);
        };
        let own = self.user(id)?.quota.is_some();
        if quota != -1 && !own && !options.quota_without_filestore {
            return Err(Fault::storage(format!(
                "Quota cannot be changed for user {id} in context {} since that user has no file \
                 storage set. See \"ALLOW_CHANGING_QUOTA_IF_NO_FILESTORE_SET\".",
                self.id
            )));
        }
        Ok(own.then_some(quota))
    }

    fn apply_change(&mut self, id: u32, input: &UserInput, prepared: Prepared) {
        let Some(mut user) = self.users.remove(&id) else { return };
        let indexed = [F::NAME, F::DISPLAY_NAME, F::PRIMARY_EMAIL];
        let reindex = indexed.iter().any(|field| input.text(*field).is_some());
        if reindex {
            self.unindex_user(&user);
        }
        for (field, value) in input.fields.iter() {
            let ignored = value.is_empty() && IGNORE_EMPTY.contains(&field);
            if checks::is_plain(field) && !ignored && field != F::NAME {
                user.fields.set(field, value);
            }
        }
        if user.fields.get(F::IMAGE1).is_none() {
            user.fields.take(F::IMAGE1_CONTENT_TYPE);
        }
        if let Some(name) = prepared.name {
            user.fields.set(F::NAME, name);
        }
        if let Some(mech) = prepared.mech {
            // Without a new password the mechanism is kept as it was written, braces or none.
            let empty = input.text(F::PASSWORD).is_none_or(str::is_empty);
            let sent = input.text(F::PASSWORD_MECH).filter(|_| empty).map(str::to_owned);
            user.fields.set(F::PASSWORD_MECH, sent.unwrap_or(mech));
        }
        if let Some(spam) = input.text(F::MAIL_FOLDER_CONFIRMED_SPAM_NAME) {
            user.fields.set(F::MAIL_FOLDER_SPAM_NAME, spam);
        }
        if let Some(password) = input.text(F::PASSWORD).filter(|password| !password.is_empty()) {
            password.clone_into(&mut user.password);
        }
        if let Some(aliases) = prepared.aliases {
            user.aliases = aliases;
        }
        if let Some(imap) = prepared.imap {
            user.imap = imap;
        }
        if let Some(smtp) = prepared.smtp {
            user.smtp = smtp;
        }
        if let Some(quota) = prepared.quota {
            user.quota = Some(quota);
        }
        checks::store_attributes(&mut user, input);
        if reindex {
            self.index_user(&user);
        }
        self.users.insert(id, user);
    }
}

/// The aliases without blanks and, of those that differ only in case, with the one that comes
/// last in the server's order.
fn last_of_each_case(aliases: &[String]) -> Vec<String> {
    let mut sent: Vec<String> = aliases.iter().filter(|a| !a.trim().is_empty()).cloned().collect();
    rules::alias_order(&mut sent);
    let mut kept: Vec<String> = Vec::with_capacity(sent.len());
    for alias in sent {
        kept.retain(|other| !other.eq_ignore_ascii_case(&alias));
        kept.push(alias);
    }
    kept
}
