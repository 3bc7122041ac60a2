//! How much fits into OX's fields. OX itself refuses the whole user for one value that is too long, and
//! names only a column of its database.

use super::rows::{Form, ROWS};
use crate::model::{FieldValue, UserFields};

/// Of a contact's text that is not named below.
const CONTACT_TEXT: usize = 64;

/// Of an alias.
const ALIAS: usize = 255;

/// A value that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{element} (from \"{property}\") has {length} characters, and {limit} fit")]
pub struct TooLong {
    /// Element name of the field.
    pub element: &'static str,
    /// The property that it comes from.
    pub property: String,
    /// How many characters it has.
    pub length: usize,
    /// How many fit.
    pub limit: usize,
}

/// How many characters fit into a field; none if no limit is known.
pub fn limit(element: &str) -> Option<usize> {
    Some(match element {
        "name" => 191,
        "display_name" => 320,
        "sur_name"
        | "given_name"
        | "middle_name"
        | "department"
        | "position"
        | "city_business"
        | "tax_id"
        | "telephone_business2"
        | "url" => 128,
        "street_business" | "street_home" | "street_other" | "email1" | "email2" | "email3"
        | "primaryEmail" => 256,
        "company" => 512,
        "aliases" => ALIAS,
        // In bytes, and no contact's text.
        "note" | "employeeType" => return None,
        other => {
            ROWS.iter().find(|row| row.element == other && row.form == Form::Text)?;
            CONTACT_TEXT
        }
    })
}

/// The fields that do not fit, with how much they hold and how much fits.
pub(super) fn too_long(fields: &UserFields) -> Vec<(&'static str, usize, usize)> {
    let mut found = Vec::new();
    for (field, value) in fields.iter() {
        let Some(limit) = limit(field.name()) else { continue };
        let length = match value {
            FieldValue::Text(text) => text.chars().count(),
            FieldValue::List(list) => {
                list.iter().map(|text| text.chars().count()).max().unwrap_or_default()
            }
            _ => continue,
        };
        if length > limit {
            found.push((field.name(), length, limit));
        }
    }
    found
}

/// Whether cutting a value leaves something that still means the same: an address or a name that is cut
/// is another one.
pub(super) fn can_be_cut(element: &str) -> bool {
    !["name", "email1", "email2", "email3", "primaryEmail", "aliases", "url"].contains(&element)
}

/// The beginning of a text that fits.
pub(super) fn cut(text: &str, limit: usize) -> String {
    text.chars().take(limit).collect::<String>().trim_end().to_owned()
}
