//! A user's fields in the making, row by row.

use serde_json::Value;

use super::mapping::Source;
use super::rows::{Form, Row};
use super::values::{self, Fault, all_texts, one_text, pick};
use super::{AttributeWarning, ServerUrl, UserSettings, login};
use crate::model::digest::is_digest;
use crate::model::object::Properties;
use crate::model::{Dn, FieldValue, ObjectId, UserFields};

/// Fields, fields left out, warnings; see [`super::DesiredUser`].
pub(super) type Drafted = (UserFields, Vec<&'static str>, Vec<AttributeWarning>);

pub(super) struct Draft<'a> {
    properties: &'a Properties,
    settings: &'a UserSettings,
    fields: UserFields,
    left_out: Vec<&'static str>,
    warnings: Vec<AttributeWarning>,
    /// Addresses besides the primary one.
    others: Vec<String>,
}

/// One row with where its value comes from and what was found there.
struct Cell<'a> {
    element: &'static str,
    source: Option<&'a Source>,
    value: Option<&'a Value>,
}

impl Cell<'_> {
    fn text(&self) -> Result<Option<String>, Fault> {
        let position = self.source.and_then(|source| source.position);
        self.value.map_or(Ok(None), |value| one_text(value, position))
    }

    /// The text, written as a date if the mapping file says that it is one.
    fn mapped_text(&self) -> Result<Option<String>, Fault> {
        let text = self.text()?;
        if self.source.is_some_and(|source| source.date) {
            return text.as_deref().map(values::date).transpose();
        }
        Ok(text)
    }

    fn property(&self) -> &str {
        self.source.map_or("", |source| &source.property)
    }
}

impl<'a> Draft<'a> {
    pub(super) fn new(properties: &'a Properties, settings: &'a UserSettings) -> Self {
        Self {
            properties,
            settings,
            fields: UserFields::new(),
            left_out: Vec::new(),
            warnings: Vec::new(),
            others: Vec::new(),
        }
    }

    /// Sets the field of one row; `source` is none if the mapping unsets it.
    pub(super) fn map(&mut self, row: &Row, source: Option<&Source>) {
        let value = source.and_then(|source| pick(self.properties, source));
        let cell = Cell { element: row.element, source, value };
        let done = match row.form {
            Form::Ignored => Ok(()),
            Form::Text => self.text(&cell),
            Form::StickyText => self.sticky_text(&cell),
            Form::Date => self.date(&cell),
            Form::Photo => self.photo(&cell),
            Form::Quota => self.quota(&cell),
            Form::ImapServer => self.server(&cell, &self.settings.mail.imap, "imap"),
            Form::SmtpServer => self.server(&cell, &self.settings.mail.smtp, "smtp"),
            Form::Aliases => self.others(&cell),
        };
        if let Err(fault) = done {
            self.leave_out(cell.element, cell.property(), fault);
        }
    }

    /// Sets a field that no row feeds.
    pub(super) fn set(&mut self, element: &str, value: impl Into<FieldValue>) {
        self.fields.set(element, value);
    }

    /// The fields that depend on others: addresses, and the login at the mail server.
    pub(super) fn login(&mut self, id: &ObjectId, dn: &Dn) {
        let address = self.addresses();
        let template = &self.settings.mail.imap_login;
        let found = login::imap_login(template, address.as_deref(), id, dn, self.properties);
        match found.login {
            Some(login) => {
                self.fields.set("imapLogin", login);
            }
            None => self.left_out.push("imapLogin"),
        }
        for (property, fault) in found.faults {
            self.warnings.push(AttributeWarning { element: "imapLogin", property, fault });
        }
    }

    pub(super) fn finish(self) -> Drafted {
        (self.fields, self.left_out, self.warnings)
    }

    fn text(&mut self, cell: &Cell<'_>) -> Result<(), Fault> {
        let text = cell.mapped_text()?.filter(|text| !text.trim().is_empty());
        // OX refuses to clear an address, so an empty one would make every change of the user fail.
        if text.is_none() && cell.element == "email1" {
            return Err(Fault::Missing);
        }
        self.fields.set(cell.element, text.unwrap_or_default());
        Ok(())
    }

    fn sticky_text(&mut self, cell: &Cell<'_>) -> Result<(), Fault> {
        let is_emptied = cell
            .source
            .and_then(|source| self.properties.get(&source.property))
            .is_some_and(|value| value.as_str() == Some(""));
        let text = match cell.mapped_text()? {
            None if is_emptied => Some(String::new()),
            text => text,
        };
        if let Some(text) = text {
            self.fields.set(cell.element, text);
        }
        Ok(())
    }

    fn date(&mut self, cell: &Cell<'_>) -> Result<(), Fault> {
        if let Some(text) = cell.text()? {
            self.fields.set(cell.element, values::date(&text)?);
        }
        Ok(())
    }

    fn photo(&mut self, cell: &Cell<'_>) -> Result<(), Fault> {
        match cell.text()? {
            None => {}
            // From drover's own memory: unchanged since it was sent, but not there to be sent.
            Some(text) if is_digest(&text) => self.left_out.push(cell.element),
            Some(text) => {
                let (base64, content_type) = values::photo(&text)?;
                self.fields.set(cell.element, base64);
                self.fields.set("image1ContentType", content_type);
            }
        }
        Ok(())
    }

    fn quota(&mut self, cell: &Cell<'_>) -> Result<(), Fault> {
        if let Some(text) = cell.text()? {
            let number: i64 = text.trim().parse().map_err(|_| Fault::NotANumber)?;
            self.fields.set(cell.element, number);
        }
        Ok(())
    }

    /// Host from the row, else from the settings; port and scheme always from the settings. (OX 8
    /// works the scheme out from the port; older ones take it.)
    fn server(&mut self, cell: &Cell<'_>, url: &ServerUrl, prefix: &str) -> Result<(), Fault> {
        let own = cell.text();
        let host = match &own {
            Ok(Some(own)) if !own.trim().is_empty() => own.trim(),
            _ => url.host.as_str(),
        };
        if !host.is_empty() {
            self.fields.set(cell.element, host);
        }
        if let Some(port) = url.port {
            self.fields.set(&format!("{prefix}Port"), i64::from(port));
        }
        let scheme = url.scheme.trim_end_matches("://");
        if !scheme.is_empty() {
            self.fields.set(&format!("{prefix}Schema"), format!("{scheme}://"));
        }
        own.map(drop)
    }

    fn others(&mut self, cell: &Cell<'_>) -> Result<(), Fault> {
        self.others = match (cell.source, cell.value) {
            (Some(source), Some(value)) if source.whole_list => all_texts(value)?,
            _ => cell.text()?.into_iter().collect(),
        };
        Ok(())
    }

    /// The fields that carry addresses, from the primary one; says which that is. Without one OX
    /// keeps what it has.
    fn addresses(&mut self) -> Option<String> {
        let Some(primary) = self.fields.text("email1").map(str::to_owned) else {
            self.left_out.extend(["primaryEmail", "aliases"]);
            return None;
        };
        let mut aliases = vec![primary.clone()];
        for other in std::mem::take(&mut self.others) {
            // OX refuses to create a user with two that differ in capitals only.
            let folded = other.to_lowercase();
            if !other.trim().is_empty() && aliases.iter().all(|one| one.to_lowercase() != folded) {
                aliases.push(other);
            }
        }
        self.fields.set("primaryEmail", primary.as_str());
        self.fields.set("aliases", aliases);
        Some(primary)
    }

    fn leave_out(&mut self, element: &'static str, property: &str, fault: Fault) {
        // A server of one's own that cannot be read leaves the general one in place.
        if self.fields.get(element).is_none() {
            self.left_out.push(element);
        }
        self.warnings.push(AttributeWarning { element, property: property.to_owned(), fault });
    }
}
