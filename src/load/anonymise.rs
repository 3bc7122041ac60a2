//! Queue files without the people in them: the same shape, other words.
//!
//! Every word is replaced by another of the same length, letters by letters and digits by digits, the
//! same word by the same other one wherever it stands: a login stays one in DN, address and member
//! lists. Two words never become one. What says how an object is to be treated, and no more, stays.
//! Which word became which depends on a secret that is drawn for one copy and kept nowhere.

use std::collections::{HashMap, HashSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

/// Properties whose values stay: switches, numbers of contexts, quotas, names of profiles, languages.
const KEPT: [&str; 18] = [
    "udm_object_type",
    "options",
    "isOxUser",
    "isOxGroup",
    "oxAccess",
    "oxContext",
    "contextid",
    "oxQuota",
    "oxUserQuota",
    "oxLanguage",
    "oxTimeZone",
    "preferredLanguage",
    "disabled",
    "locked",
    "resourceadmin",
    "personal",
    "oxDriveQuota",
    "mailQuota",
];
/// Parts of the names of properties that hold passwords, hashes and keys.
const SECRET: [&str; 8] =
    ["password", "hash", "krb5", "samba", "secret", "certificate", "publickey", "sshkey"];
/// What stands in their place.
const LEFT_OUT: &str = "left out";
/// Objects of this type hold names of rights and nothing of people.
const PROFILES: &str = "accessprofile";
/// So do these, with the levels that they grant.
const PERMISSIONS: &str = "shared_account_permission";
/// Entries of this property hold, beside a DN, what may be done, in figures.
const DEPUTIES: &str = "oxDeputyPermissionGivenTo";
/// So many words are tried before a longer one is taken, because all of the length may be used.
const TRIES: u32 = 40;

/// Replaces words, the same by the same.
pub struct Pseudonyms {
    secret: [u8; 32],
    known: HashMap<String, String>,
    used: HashSet<String>,
}

impl Pseudonyms {
    /// With a secret of its own.
    pub fn new() -> Self {
        Self { secret: rand::random(), known: HashMap::new(), used: HashSet::new() }
    }

    /// The content of a queue file without the people in it.
    pub fn item(&mut self, content: &Value) -> Value {
        let Some(fields) = content.as_object() else { return Value::Null };
        let kind = content["udm_object_type"].as_str().unwrap_or_default();
        let profile = kind.contains(PROFILES) || kind.contains(PERMISSIONS);
        let mut out = Map::new();
        for (key, value) in fields {
            let value = if key == "object" && profile {
                self.profile(value)
            } else {
                self.property(key, value)
            };
            out.insert(key.clone(), value);
        }
        Value::Object(out)
    }

    /// Rights stay, with the profile's name, which users name.
    fn profile(&mut self, object: &Value) -> Value {
        let Some(fields) = object.as_object() else { return object.clone() };
        let right = |value: &Value| match value {
            Value::String(text) => {
                let level = crate::model::object::LEVELS.contains(&text.as_str());
                level || ["TRUE", "FALSE", "true", "false", "0", "1", ""].contains(&text.as_str())
            }
            Value::Bool(_) | Value::Number(_) | Value::Null => true,
            _ => false,
        };
        let each = fields.iter().map(|(key, value)| {
            let stays = key == "name" || right(value);
            (key.clone(), if stays { value.clone() } else { self.property(key, value) })
        });
        Value::Object(each.collect())
    }

    fn property(&mut self, key: &str, value: &Value) -> Value {
        if KEPT.contains(&key) {
            return value.clone();
        }
        let lower = key.to_ascii_lowercase();
        let secret = SECRET.iter().any(|part| lower.contains(part));
        match value {
            Value::Object(fields) => {
                let each =
                    fields.iter().map(|(key, value)| (key.clone(), self.property(key, value)));
                Value::Object(each.collect())
            }
            Value::Array(list) => {
                Value::Array(list.iter().map(|value| self.property(key, value)).collect())
            }
            Value::String(text) if text.is_empty() => value.clone(),
            Value::String(text) if key == DEPUTIES && text.bytes().all(|b| b.is_ascii_digit()) => {
                value.clone()
            }
            Value::String(_) if secret => Value::String(LEFT_OUT.to_owned()),
            Value::String(text) if lower.contains("photo") => Value::String(self.picture(text)),
            Value::String(text) if lower.contains("birthday") => Value::String(self.day(text)),
            Value::String(text) => Value::String(self.text(text)),
            Value::Number(number) => {
                let text = self.text(&number.to_string());
                text.parse().map_or(Value::String(text), Value::Number)
            }
            Value::Bool(_) | Value::Null => value.clone(),
        }
    }

    /// A text with every word replaced; names of attributes in DNs stay, as does what is between.
    fn text(&mut self, text: &str) -> String {
        if is_uuid(text) {
            return self.uuid(text);
        }
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            if !first.is_alphanumeric() {
                out.push(first);
                rest = &rest[first.len_utf8()..];
                continue;
            }
            let end = rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len());
            let (word, behind) = rest.split_at(end);
            let attribute = ["uid", "cn", "ou", "dc", "o", "l"];
            let lower = word.to_ascii_lowercase();
            if behind.starts_with('=') && attribute.contains(&lower.as_str()) {
                out.push_str(word);
            } else {
                out.push_str(&self.word(word));
            }
            rest = behind;
        }
        out
    }

    /// Another word of the same length, the same for the same one however it is written.
    fn word(&mut self, word: &str) -> String {
        let lower = word.to_lowercase();
        let other = match self.known.get(&lower) {
            Some(other) => other.clone(),
            None => self.new_word(lower),
        };
        let upper: Vec<bool> = word.chars().map(char::is_uppercase).collect();
        let cased = other.chars().enumerate().map(|(place, c)| {
            if upper.get(place).copied().unwrap_or_default() { c.to_ascii_uppercase() } else { c }
        });
        cased.collect()
    }

    fn new_word(&mut self, lower: String) -> String {
        let mut shape: Vec<bool> = lower.chars().map(char::is_numeric).collect();
        for attempt in 0_u32.. {
            if attempt > 0 && attempt.is_multiple_of(TRIES) {
                shape.push(false);
            }
            let bytes = self.bytes(&format!("{attempt} {lower}"), shape.len());
            let letters = shape.iter().zip(&bytes).map(|(digit, byte)| {
                char::from(if *digit { b'0' + byte % 10 } else { b'a' + byte % 26 })
            });
            let other: String = letters.collect();
            if other != lower && self.used.insert(other.clone()) {
                self.known.insert(lower, other.clone());
                return other;
            }
        }
        lower
    }

    fn uuid(&self, text: &str) -> String {
        let bytes = self.bytes(&text.to_ascii_lowercase(), text.len());
        let hex = |(c, byte): (char, &u8)| match c {
            '-' => '-',
            _ => char::from_digit(u32::from(byte % 16), 16).unwrap_or('0'),
        };
        text.chars().zip(&bytes).map(hex).collect()
    }

    /// Bytes of the length of the picture that begin as pictures do.
    fn picture(&self, text: &str) -> String {
        let length = STANDARD.decode(text).map_or(text.len() * 3 / 4, |bytes| bytes.len());
        let mut bytes = vec![0xff, 0xd8, 0xff, 0xe0];
        bytes.extend(self.bytes(text, length));
        bytes.truncate(length);
        STANDARD.encode(bytes)
    }

    /// Another day, written in the same way.
    fn day(&self, text: &str) -> String {
        let bytes = self.bytes(text, 3);
        let [a, b, c] = [bytes[0], bytes[1], bytes[2]].map(u32::from);
        let (year, month, day) = (1950 + a % 50, 1 + b % 12, 1 + c % 28);
        if text.contains('.') {
            format!("{day:02}.{month:02}.{year}")
        } else {
            format!("{year}-{month:02}-{day:02}")
        }
    }

    /// So many bytes that depend on a text and the secret.
    fn bytes(&self, text: &str, length: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(length + 32);
        for block in 0_u64.. {
            if bytes.len() >= length {
                break;
            }
            let mut hash = Sha256::new();
            hash.update(self.secret);
            hash.update(block.to_le_bytes());
            hash.update(text.as_bytes());
            bytes.extend_from_slice(&hash.finalize());
        }
        bytes
    }
}

impl Default for Pseudonyms {
    fn default() -> Self {
        Self::new()
    }
}

fn is_uuid(text: &str) -> bool {
    let parts: Vec<usize> = text.split('-').map(str::len).collect();
    parts == [8, 4, 4, 4, 12] && text.chars().all(|c| c == '-' || c.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn anna() -> Value {
        json!({
            "id": "7d33e510-8c1a-103f-9e61-3b6a1c0e2c01",
            "udm_object_type": "users/user",
            "dn": "uid=anna.berg,cn=users,dc=heide,dc=example",
            "options": ["default"],
            "object": {
                "username": "anna.berg", "firstname": "Anna", "lastname": "Berg",
                "oxDisplayName": "Änne BERG", "mailPrimaryAddress": "Anna.Berg@heide.example",
                "phone": ["+49 5191 100"], "isOxUser": "OK", "oxContext": "10",
                "password": "{crypt}$6$invented$not-a-real-hash", "sambaNTPassword": "8846F7EA",
                "birthday": "24.12.1985", "jpegPhoto": "/9j/4AAQSkZJRgABAQAAAQABAAD/2Q==",
                "mailAlternativeAddress": [], "employeeNumber": 4711,
            }
        })
    }

    #[test]
    fn no_name_address_number_or_hash_is_left() {
        let text = Pseudonyms::new().item(&anna()).to_string();
        let lower = text.to_lowercase();
        for word in [
            "anna", "berg", "änne", "heide", "5191", "4711", "invented", "8846", "1985", "7d33e510",
        ] {
            assert!(!lower.contains(word), "{word}: {text}");
        }
        assert!(!text.contains("4AAQSkZJRg"));
    }

    #[test]
    fn what_may_be_done_stays_readable() {
        let mut pseudonyms = Pseudonyms::new();
        let permission = json!({
            "id": "x", "udm_object_type": "oxmail/shared_account_permission", "dn": "cn=full,dc=heide",
            "object": {"name": "full", "displayName": "Full", "mail": "author", "sendAs": "TRUE"},
        });
        let object = pseudonyms.item(&permission)["object"].clone();
        assert_eq!((&object["mail"], &object["sendAs"]), (&json!("author"), &json!("TRUE")));
        let mut anna = anna();
        anna["object"]["oxDeputyPermissionGivenTo"] =
            json!([["uid=bert,dc=heide", "02440", "00000", "1"]]);
        let entry = pseudonyms.item(&anna)["object"]["oxDeputyPermissionGivenTo"][0].clone();
        assert_eq!(entry.as_array().unwrap()[1..], [json!("02440"), json!("00000"), json!("1")]);
        assert!(!entry[0].as_str().unwrap().contains("bert"));
    }

    #[test]
    fn the_same_word_is_the_same_everywhere_and_keeps_its_shape() {
        let mut pseudonyms = Pseudonyms::new();
        let item = pseudonyms.item(&anna());
        let object = &item["object"];
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let login = text(&object["username"]);
        assert_eq!(login.len(), "anna.berg".len());
        assert!(text(&item["dn"]).starts_with(&format!("uid={login},cn=")));
        assert!(
            text(&object["mailPrimaryAddress"]).to_lowercase().starts_with(&format!("{login}@"))
        );
        let (first, last) = login.split_once('.').unwrap();
        assert_eq!(text(&object["firstname"]).to_lowercase(), first);
        assert!(text(&object["oxDisplayName"]).ends_with(&last.to_uppercase()));
        let phone = text(&object["phone"][0]);
        assert!(phone.starts_with('+') && phone.len() == "+49 5191 100".len());
        assert!(is_uuid(&text(&item["id"])));
        for kept in ["isOxUser", "oxContext", "mailAlternativeAddress"] {
            assert_eq!(object[kept], anna()["object"][kept]);
        }
        assert!(STANDARD.decode(text(&object["jpegPhoto"])).unwrap().starts_with(&[0xff, 0xd8]));
        let day = text(&object["birthday"]);
        assert!(day.len() == 10 && day.matches('.').count() == 2, "{day}");
        // A member list of another file names him in the same way, whatever its case.
        let group = json!({"object": {"users": ["UID=Anna.Berg,cn=users,dc=heide,dc=example"]}});
        let member = text(&pseudonyms.item(&group)["object"]["users"][0]);
        assert_eq!(member.to_lowercase(), text(&item["dn"]));
    }

    #[test]
    fn two_words_never_become_one() {
        let mut pseudonyms = Pseudonyms::new();
        let mut seen = HashSet::new();
        for n in 0..5_000 {
            assert!(seen.insert(pseudonyms.word(&format!("{n}"))), "{n}");
        }
    }

    #[test]
    fn profiles_keep_their_rights_and_another_copy_has_other_words() {
        let profile = json!({
            "udm_object_type": "oxmail/accessprofile", "dn": "cn=pim,dc=heide",
            "object": {"name": "pim", "displayName": "Post und Termine", "calendar": "TRUE", "tasks": 1}
        });
        let item = Pseudonyms::new().item(&profile);
        assert_eq!(item["object"]["name"], "pim");
        assert_eq!(
            (&item["object"]["calendar"], &item["object"]["tasks"]),
            (&json!("TRUE"), &json!(1))
        );
        assert_ne!(item["object"]["displayName"], "Post und Termine");
        assert_ne!(Pseudonyms::new().item(&anna()), Pseudonyms::new().item(&anna()));
    }
}
