//! Hints put beside faults: wherever an answer tells of a fault, it tells of what to do about it.

use serde_json::{Value, json};

use super::{Language, hint};

/// Names under which answers tell of faults.
const FAULTS: [&str; 2] = ["fault", "last_fault"];

/// Puts a `hint` into every object of an answer that has a fault: `code`, `means` and `cure`; null where
/// the fault is null. An outage is told of in `outage_hint`.
pub fn put_beside(answer: &mut Value, language: Language) {
    match answer {
        Value::Array(many) => many.iter_mut().for_each(|one| put_beside(one, language)),
        Value::Object(fields) => {
            fields.values_mut().for_each(|field| put_beside(field, language));
            let fault = FAULTS.iter().find_map(|name| fields.get(*name));
            let class = fields.get("class").and_then(Value::as_str);
            let told = match fault {
                Some(Value::String(text)) => Some(as_json(class, text, language)),
                Some(Value::Null) => Some(Value::Null),
                _ => None,
            };
            if let Some(told) = told {
                fields.insert("hint".to_owned(), told);
            }
            put_beside_outage(answer, language);
        }
        _ => {}
    }
}

/// Puts an `outage_hint` beside an object's `outage`.
pub fn put_beside_outage(answer: &mut Value, language: Language) {
    let told = match answer.get("outage") {
        Some(Value::String(text)) => as_json(None, text, language),
        Some(Value::Null) => Value::Null,
        _ => return,
    };
    answer["outage_hint"] = told;
}

fn as_json(class: Option<&str>, text: &str, language: Language) -> Value {
    let hint = hint(class, text, language);
    json!({"code": hint.code, "means": hint.means, "cure": hint.cure})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_of_an_answer_has_its_hint() {
        let mut answer = json!({
            "outage": "cannot reach OX for OXUserService.get: Connection refused (os error 111)",
            "items": [{"class": "x", "fault": null}, {"last_fault": "unheard of"}],
            "fault": "OX refused OXUserService.create: The displayname is already used",
            "count": 1,
        });
        put_beside(&mut answer, Language::German);
        assert_eq!(answer["hint"]["code"], "display-name-taken");
        assert!(answer["hint"]["cure"].as_str().unwrap().contains("enforceUniqueDisplayName"));
        assert_eq!(answer["outage_hint"]["code"], "ox-refuses-connections");
        assert_eq!(answer["items"][0]["hint"], Value::Null);
        assert_eq!(answer["items"][1]["hint"]["code"], "unknown");
        assert!(answer.get("count").is_some());
    }
}
