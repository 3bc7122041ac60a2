//! What of a user has to be sent: the difference between desired and last known values, with a
//! matching rule for each field, and fields that OX wants together.

use std::collections::BTreeSet;

use super::DesiredUser;
use crate::model::digest::content_digest;
use crate::model::fields::FieldKind;
use crate::model::{FieldValue, UserField, UserFields};

/// Fields that hold one mail address.
const ADDRESSES: [&str; 5] = ["email1", "email2", "email3", "primaryEmail", "defaultSenderAddress"];

/// Fields that go together or not at all. OX refuses a new primary address without all aliases and
/// a picture without its type, and puts a server together from what one call carries.
const TOGETHER: [&[&str]; 4] = [
    &["email1", "primaryEmail", "aliases"],
    &["image1", "image1ContentType"],
    &["imapServer", "imapPort", "imapSchema"],
    &["smtpServer", "smtpPort", "smtpSchema"],
];

/// Mapped fields that OX has no way to clear, or that absence leaves alone.
const STICKY: [&str; 5] = ["employeeType", "maxQuota", "image1", "anniversary", "birthday"];

/// The desired fields that differ from the last known ones, and those that go with them.
///
/// Fields that only `last` has are no difference: what is not desired is left as it is.
pub fn changed_fields(desired: &UserFields, last: &UserFields) -> UserFields {
    let differs = |field: UserField, value: &FieldValue| !same(field, Some(value), last.of(field));
    let mut changed: BTreeSet<&str> = desired
        .iter()
        .filter(|(field, value)| differs(*field, value))
        .map(|(field, _)| field.name())
        .collect();
    for group in TOGETHER {
        if group.iter().any(|name| changed.contains(name)) {
            changed.extend(group);
        }
    }
    let mut fields = UserFields::new();
    for (field, value) in desired.iter().filter(|(field, _)| changed.contains(field.name())) {
        fields.insert(field, value.clone());
    }
    fields
}

/// Element names of fields that hold a value in OX although the directory has none any more, and
/// that cannot be cleared; for a report.
pub fn uncleared_fields(desired: &DesiredUser, last: &UserFields) -> Vec<&'static str> {
    let holds_something = |name: &str| match last.get(name) {
        None => false,
        // OX says -1 for a user without a quota of his own.
        Some(FieldValue::Int(number)) => *number != -1,
        Some(value) => !is_empty(value),
    };
    STICKY
        .into_iter()
        .filter(|name| desired.fields.get(name).is_none() && !desired.left_out.contains(name))
        .filter(|name| holds_something(name))
        .collect()
}

/// Whether two values of a field mean the same. Absent is the same as an empty text or list.
///
/// Addresses: the part after the `@` in any case. Dates: the first ten characters. Aliases: as
/// sets. Pictures: by their bytes, of which one side may only know the digest. All else: exactly.
pub fn same(field: UserField, left: Option<&FieldValue>, right: Option<&FieldValue>) -> bool {
    let left = left.filter(|value| !is_empty(value));
    let right = right.filter(|value| !is_empty(value));
    match (left, right) {
        (None, None) => true,
        (Some(FieldValue::Text(left)), Some(FieldValue::Text(right))) => {
            same_text(field, left, right)
        }
        (Some(FieldValue::List(left)), Some(FieldValue::List(right))) => {
            addresses(left) == addresses(right)
        }
        (Some(left), Some(right)) => left == right,
        (None, Some(_)) | (Some(_), None) => false,
    }
}

fn same_text(field: UserField, left: &str, right: &str) -> bool {
    match field.kind() {
        FieldKind::Date => first_ten(left) == first_ten(right),
        FieldKind::Bytes => content_digest(left) == content_digest(right),
        _ if ADDRESSES.contains(&field.name()) => folded(left) == folded(right),
        _ => left == right,
    }
}

fn is_empty(value: &FieldValue) -> bool {
    match value {
        FieldValue::Text(text) => text.is_empty(),
        FieldValue::List(list) => list.is_empty(),
        FieldValue::Bool(_) | FieldValue::Int(_) | FieldValue::Maps(_) => false,
    }
}

/// OX may add a time zone to a date.
fn first_ten(date: &str) -> &str {
    date.get(..10).unwrap_or(date)
}

fn addresses(list: &[String]) -> BTreeSet<String> {
    list.iter().map(|address| folded(address)).collect()
}

/// An address with its domain in lower case; the part before it belongs to the mail server, which
/// may tell capitals from small letters.
fn folded(address: &str) -> String {
    match address.rsplit_once('@') {
        Some((local, domain)) => format!("{local}@{}", domain.to_lowercase()),
        None => address.to_owned(),
    }
}

/// The sender address to send with a change of a user's addresses.
///
/// People choose it in OX, so it stays as it is (`present`) as long as it can: it follows the
/// primary address only if it was the primary address, and it falls back to the primary address if
/// it is none of the user's addresses any more. Capitals do not matter.
pub fn sender_address(
    old_primary: Option<&str>,
    present: Option<&str>,
    new_primary: &str,
    new_aliases: &[String],
) -> String {
    let equal = |left: &str, right: &str| left.to_lowercase() == right.to_lowercase();
    let Some(present) = present.filter(|address| !address.is_empty()) else {
        return new_primary.to_owned();
    };
    let was_primary = old_primary.is_some_and(|old| equal(old, present));
    let still_valid =
        equal(new_primary, present) || new_aliases.iter().any(|alias| equal(alias, present));
    if still_valid && (!was_primary || equal(new_primary, present)) {
        present.to_owned()
    } else {
        new_primary.to_owned()
    }
}

#[cfg(test)]
mod tests;
