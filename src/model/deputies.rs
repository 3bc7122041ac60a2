//! A user's deputies as the directory names them.

use serde_json::Value;

use super::dn::Dn;
use super::object::{Properties, is_absent};

/// The property of a user that holds them.
const PROPERTY: &str = "oxDeputyPermissionGivenTo";

/// What stands between the parts of an entry that is one text, as LDAP has it.
const SEPARATOR: &str = "|:$:|";

/// One deputy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeputyEntry {
    /// Who.
    pub deputy: Dn,
    /// What he may do with the user's mail: five figures.
    pub mail: String,
    /// What he may do in the user's calendar: five figures.
    pub calendar: String,
    /// Whether he may send mail on behalf of the user.
    pub send_on_behalf: bool,
}

/// Whether a user names any deputy.
pub fn names_deputies(properties: &Properties) -> bool {
    !is_absent(properties.get(PROPERTY))
}

/// The deputies of a user, in the order in which the directory has them; an entry that is not understood
/// is an error with its place, from 1.
///
/// An entry is a list of DN, mail, calendar and yes or no, or a text with these parts.
pub fn deputies(properties: &Properties) -> impl Iterator<Item = Result<DeputyEntry, usize>> {
    let entries = match properties.get(PROPERTY) {
        None | Some(Value::Null) => &[],
        Some(Value::Array(list)) => list.as_slice(),
        Some(single) => std::slice::from_ref(single),
    };
    let present = entries.iter().filter(|entry| !is_absent(Some(entry)));
    present.enumerate().map(|(place, entry)| read(entry).ok_or(place + 1))
}

fn read(entry: &Value) -> Option<DeputyEntry> {
    let parts: Vec<Value> = match entry {
        Value::Array(parts) => parts.clone(),
        Value::String(text) => text.split(SEPARATOR).map(|part| part.trim().into()).collect(),
        _ => return None,
    };
    let (named, rest) = parts.split_at_checked(3)?;
    let [dn, mail, calendar] = named else { return None };
    let send_on_behalf = match rest {
        [] | [Value::Null] => false,
        [Value::Bool(yes)] => *yes,
        [Value::Number(number)] => number.as_i64() == Some(1),
        [Value::String(word)] => ["1", "true"].contains(&word.trim().to_lowercase().as_str()),
        _ => return None,
    };
    Some(DeputyEntry {
        deputy: Dn::new(text(dn)?),
        mail: text(mail)?.to_owned(),
        calendar: text(calendar)?.to_owned(),
        send_on_behalf,
    })
}

fn text(value: &Value) -> Option<&str> {
    value.as_str().map(str::trim).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_entry_is_read_as_the_directory_and_as_its_interfaces_give_it() {
        for (entry, behalf) in [
            (json!(["uid=b,dc=x", "02400", "08444", true]), true),
            (json!(["uid=b,dc=x", "02400", "08444", "1"]), true),
            (json!(["uid=b,dc=x", "02400", "08444", ""]), false),
            (json!(["uid=b,dc=x", "02400", "08444"]), false),
            (json!("uid=b,dc=x |:$:| 02400 |:$:| 08444 |:$:| 1"), true),
            (json!("uid=b,dc=x |:$:| 02400 |:$:| 08444 |:$:| "), false),
        ] {
            let properties = Properties::from_iter([(PROPERTY.to_owned(), json!([entry, ""]))]);
            let read: Vec<_> = deputies(&properties).collect();
            let expected = DeputyEntry {
                deputy: Dn::new("uid=b,dc=x"),
                mail: "02400".to_owned(),
                calendar: "08444".to_owned(),
                send_on_behalf: behalf,
            };
            assert_eq!(read, [Ok(expected)], "{entry}");
        }
        for entry in [json!(7), json!("uid=b"), json!(["uid=b", 1, 2]), json!(["uid=b", "02400"])] {
            let good = json!(["uid=b,dc=x", "02400", "08444"]);
            let properties = Properties::from_iter([(PROPERTY.to_owned(), json!([good, entry]))]);
            assert!(names_deputies(&properties));
            assert_eq!(deputies(&properties).nth(1), Some(Err(2)), "{entry}");
        }
        assert!(!names_deputies(&Properties::from_iter([(PROPERTY.to_owned(), json!([]))])));
    }
}
