//! What may be written to disk: secrets are dropped, photos are replaced by their digest.
//!
//! drover never needs a password hash again after the item that carried it, and it needs of an old
//! photo only whether the new one differs. Both implementations put every value through here.

use serde_json::Value;

use super::Placement;
use crate::model::digest::content_digest;
use crate::model::object::Properties;

/// Names of properties that hold password hashes or keys, in lower case; besides these, every name
/// that contains "password" counts.
const SECRET_NAMES: [&str; 7] = [
    "pwhistory",
    "krb5key",
    "unicodepwd",
    "dbcspwd",
    "ntpwdhistory",
    "lmpwdhistory",
    "supplementalcredentials",
];

/// A module right of access profiles, and no secret for all its name.
const NO_SECRET: &str = "editpassword";

/// The properties without secrets, photos by digest. Applying it again changes nothing.
pub fn storable_properties(properties: &Properties) -> Properties {
    properties
        .iter()
        .filter(|(name, _)| !is_secret(name))
        .map(|(name, value)| {
            let kept =
                if name.eq_ignore_ascii_case("jpegPhoto") { digested(value) } else { kept(value) };
            (name.clone(), kept)
        })
        .collect()
}

/// The placement without password, photo by digest. Applying it again changes nothing.
pub fn storable_placement(placement: &Placement) -> Placement {
    let mut placement = placement.clone();
    if let Placement::User { fields, .. } = &mut placement {
        fields.remove("password");
        if let Some(photo) = fields.text("image1").filter(|photo| !photo.is_empty()) {
            let digest = content_digest(photo);
            fields.set("image1", digest);
        }
    }
    placement
}

fn is_secret(name: &str) -> bool {
    let name = name.to_lowercase();
    name != NO_SECRET && (name.contains("password") || SECRET_NAMES.contains(&name.as_str()))
}

/// Properties may be nested; secrets hide at any depth.
fn kept(value: &Value) -> Value {
    match value {
        Value::Object(inner) => Value::Object(storable_properties(inner)),
        Value::Array(list) => Value::Array(list.iter().map(kept).collect()),
        plain => plain.clone(),
    }
}

fn digested(value: &Value) -> Value {
    match value {
        Value::String(text) if !text.is_empty() => Value::String(content_digest(text)),
        Value::Array(list) => Value::Array(list.iter().map(digested).collect()),
        other => kept(other),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::{OxId, UserFields};

    #[test]
    fn secrets_are_dropped_at_any_depth_and_photos_become_digests() {
        let properties = json!({
            "username": "x", "password": "s1", "PwHistory": ["s2"], "sambaNTPassword": "s3",
            "sambaLMPassword": "s4", "userPassword": "s5", "krb5Key": ["s6"],
            "myPASSWORDhint": "s7", "unicodePwd": "s8", "overridePWHistory": true,
            "nested": {"password": "s9", "kept": 1}, "list": [{"krb5key": "s10"}],
            "jpegPhoto": "YWJj", "phone": ["1"], "editpassword": "TRUE",
        });
        let Value::Object(properties) = properties else { panic!() };
        let kept = storable_properties(&properties);
        let names: Vec<&str> = kept.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            [
                "editpassword",
                "jpegPhoto",
                "list",
                "nested",
                "overridePWHistory",
                "phone",
                "username"
            ]
        );
        let text = Value::Object(kept.clone()).to_string();
        for n in 1..=10 {
            assert!(!text.contains(&format!("\"s{n}\"")), "s{n} is still there");
        }
        assert_eq!(kept["jpegPhoto"], json!(content_digest("YWJj")));
        assert_eq!(storable_properties(&kept), kept, "applying it again changes nothing");
        let Value::Object(list) = json!({"jpegPhoto": ["YWJj"]}) else { panic!() };
        assert_eq!(storable_properties(&list)["jpegPhoto"], json!([content_digest("YWJj")]));
    }

    #[test]
    fn a_placement_keeps_neither_password_nor_picture() {
        let mut fields = UserFields::new();
        fields.set("password", "secret");
        fields.set("image1", "YWJj");
        fields.set("note", "x");
        let placement = Placement::User {
            ox: OxId(3),
            name: "x".to_owned(),
            fields,
            access: None,
            beside: crate::store::Beside::default(),
        };
        let kept = storable_placement(&placement);
        let Placement::User { fields, .. } = &kept else { panic!() };
        assert_eq!(fields.get("password"), None);
        assert_eq!(fields.text("image1"), Some(content_digest("YWJj").as_str()));
        assert_eq!(fields.text("note"), Some("x"));
        assert_eq!(storable_placement(&kept), kept);
    }
}
