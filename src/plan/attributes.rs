//! What a user is to look like in OX: from the properties of the directory object to OX's fields.
//!
//! Which property feeds which field is data ([`Mapping`]); what is computed beside that (name,
//! addresses, mail servers, whether mail is on) is code here. A value that cannot be used never
//! stops anything: the field is left out and a warning says why.

pub mod changes;
mod draft;
pub mod lengths;
pub mod login;
pub mod mapping;
pub mod rows;
pub mod slug;
#[cfg(test)]
mod tests;
pub mod values;

use serde_json::Value;

use crate::model::object::UserObject;
use crate::model::{Dn, ModuleAccess, ObjectId, UserFields};

pub use changes::{changed_fields, sender_address, uncleared_fields};
pub use lengths::TooLong;
pub use login::{TemplateError, render_login, template_words};
pub use mapping::{Mapping, MappingError};
pub use values::Fault;

use draft::Draft;
use rows::{REQUIRED, ROWS};

/// The mail server of users who have none of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerUrl {
    /// Host name; empty = none is sent.
    pub host: String,
    /// Port; none = it is left to OX.
    pub port: Option<u16>,
    /// Scheme without `://`, such as `imap`.
    pub scheme: String,
}

/// Where users' mail is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailSettings {
    /// For reading. A user's own server replaces its host only.
    pub imap: ServerUrl,
    /// For sending. A user's own server replaces its host only.
    pub smtp: ServerUrl,
    /// Template of the login at the mail server: `{}` is the primary address, `{property}` a
    /// property of the user; empty = the primary address.
    pub imap_login: String,
}

/// Where an object's name in OX comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identifier {
    /// A property that holds one text.
    Property(String),
    /// The stable identity itself.
    EntryUuid,
}

impl Identifier {
    /// Reads a setting: a property's name or `entryUUID`; empty = `default`.
    pub fn new(setting: &str, default: &str) -> Self {
        match setting.trim() {
            "entryUUID" => Self::EntryUuid,
            "" => Self::Property(default.to_owned()),
            property => Self::Property(property.to_owned()),
        }
    }
}

/// The settings that shape users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserSettings {
    /// Mail servers and login.
    pub mail: MailSettings,
    /// Language of new users, such as `de_DE`.
    pub language: String,
    /// Time zone of new users, such as `Europe/Berlin`.
    pub timezone: String,
    /// Where login names in OX come from.
    pub user_identifier: Identifier,
    /// What happens to texts and names that OX would refuse.
    pub texts: Texts,
}

/// What happens to texts and names that OX would refuse. By default they are sent as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Texts {
    /// Texts that are too long are cut; those that would mean something else then never are.
    pub cut: bool,
    /// Names get other characters for those that OX refuses.
    pub slug: bool,
}

impl Texts {
    /// A name as it is to be in OX; `blanks` says whether it may have them.
    pub fn name(self, name: &str, blanks: bool) -> String {
        if self.slug { slug::slug(name, blanks) } else { name.to_owned() }
    }
}

/// A user as it is to be in OX.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredUser {
    /// Login name in OX; also in `fields`.
    pub name: String,
    /// All mapped and computed fields, for creating and for comparing.
    pub fields: UserFields,
    /// What is sent besides at creation and never again, because people may change it. Without the
    /// password, which is random and no business of a pure function.
    pub create_only: UserFields,
    /// Element names of fields that OX demands of a new user and that hold nothing.
    pub missing_for_create: Vec<&'static str>,
    /// Element names of fields that the directory has a value for which could not be used, or of
    /// which only the digest is known. They are not in `fields`.
    pub left_out: Vec<&'static str>,
    /// Values that do not fit into their fields; OX would refuse the user.
    pub too_long: Vec<TooLong>,
    /// What people should know.
    pub warnings: Vec<AttributeWarning>,
}

/// A value that could not be used as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("attribute {element}: \"{property}\" {fault}")]
pub struct AttributeWarning {
    /// Element name of the field in OX.
    pub element: &'static str,
    /// The property or setting the value comes from.
    pub property: String,
    /// What is wrong. Never shows the value.
    pub fault: Fault,
}

/// Why there can be no such user in OX at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UserProblem {
    /// The name's property does not hold one text.
    #[error(
        "the user has no name for OX: property \"{property}\", named by OX_USER_IDENTIFIER, \
         {what}; it must hold one text that is not empty"
    )]
    NoName {
        /// The property.
        property: String,
        /// What is there instead.
        what: &'static str,
    },
}

/// Works out a user's fields. `access` is what the user's access profile grants; none if the
/// profile is not known.
///
/// In `fields`, an empty text clears; a field that is not there stays as OX has it. `usedQuota` is
/// never there: OX counts it itself.
///
/// # Errors
/// [`UserProblem`] if the user has no usable name.
pub fn desired_fields(
    user: &UserObject,
    id: &ObjectId,
    dn: &Dn,
    access: Option<ModuleAccess>,
    mapping: &Mapping,
    settings: &UserSettings,
) -> Result<DesiredUser, UserProblem> {
    let name = settings.texts.name(&name(user, id, &settings.user_identifier)?, false);
    let mut draft = Draft::new(&user.properties, settings);
    for row in &ROWS {
        draft.map(row, mapping.source(row));
    }
    draft.login(id, dn);
    draft.set("name", name.as_str());
    draft.set("mailenabled", is_mail_enabled(user.profile.as_deref(), access));
    let (mut fields, left_out, mut warnings) = draft.finish();
    let mut too_long = Vec::new();
    for (element, length, limit) in lengths::too_long(&fields) {
        let property = property_of(element, mapping, settings);
        match fields.text(element) {
            Some(text) if settings.texts.cut && lengths::can_be_cut(element) => {
                let text = lengths::cut(text, limit);
                fields.set(element, text);
                let fault = Fault::Cut { length, limit };
                warnings.push(AttributeWarning { element, property, fault });
            }
            _ => too_long.push(TooLong { element, property, length, limit }),
        }
    }
    let missing_for_create = REQUIRED
        .into_iter()
        .filter(|element| fields.text(element).is_none_or(|text| text.trim().is_empty()))
        .collect();
    let create_only = create_only(settings);
    Ok(DesiredUser { name, fields, create_only, missing_for_create, left_out, too_long, warnings })
}

/// The property that a field comes from, for people.
fn property_of(element: &str, mapping: &Mapping, settings: &UserSettings) -> String {
    if element == "name" {
        return match &settings.user_identifier {
            Identifier::Property(property) => property.clone(),
            Identifier::EntryUuid => "entryUUID".to_owned(),
        };
    }
    let element = if element == "primaryEmail" { "email1" } else { element };
    let row = ROWS.iter().find(|row| row.element == element);
    row.and_then(|row| mapping.source(row)).map_or_else(String::new, |one| one.property.clone())
}

/// The login name in OX.
fn name(user: &UserObject, id: &ObjectId, identifier: &Identifier) -> Result<String, UserProblem> {
    let Identifier::Property(property) = identifier else { return Ok(id.as_str().to_owned()) };
    let what = match user.properties.get(property) {
        Some(Value::String(text)) if !text.trim().is_empty() => return Ok(text.clone()),
        Some(Value::Number(number)) => return Ok(number.to_string()),
        None | Some(Value::Null) => "is missing",
        Some(Value::String(_)) => "is empty",
        Some(Value::Array(_)) => "is a list",
        Some(Value::Bool(_) | Value::Object(_)) => "is no text",
    };
    Err(UserProblem::NoName { property: property.clone(), what })
}

/// Mail is off for users who may do nothing. A profile that is not known grants what it granted.
pub fn is_mail_enabled(profile: Option<&str>, access: Option<ModuleAccess>) -> bool {
    match profile.map(str::trim) {
        None | Some("" | "none") => false,
        Some(_) => access != Some(ModuleAccess::NONE),
    }
}

fn create_only(settings: &UserSettings) -> UserFields {
    let mut fields = UserFields::new();
    // OX refuses an empty one and has defaults of its own.
    for (element, text) in [("language", &settings.language), ("timezone", &settings.timezone)] {
        if !text.is_empty() {
            fields.set(element, text.as_str());
        }
    }
    fields.set("contextadmin", false);
    fields.set("password_expired", false);
    fields.set("gui_spam_filter_enabled", true);
    fields
}
