//! Takes out of a text what drover knows about people, and every secret it holds.
//!
//! Two nets over each other. Words: whatever stands in the properties of an object that drover knows, or
//! in a pending queue file, is veiled wherever it comes up, whoever wrote the text; so OX's own words
//! about somebody are caught as well. Forms: mail addresses lose their local part whether or not anybody
//! knows them. Rather a word too many is veiled than one too few.

use std::collections::HashSet;
use std::path::Path;

use serde_json::Value;

use crate::redact::without_addresses;
use crate::settings::Settings;
use crate::store::{SqliteReader, StoreError};

/// What stands for a word that is veiled.
const VEIL: &str = "…";

/// What stands for a secret.
const MASK: &str = "***";

/// Shorter words are in every text by chance.
const SHORTEST: usize = 3;

/// Shorter secrets would mask every text.
const SHORTEST_SECRET: usize = 4;

/// Largest queue file that is looked through for words, in bytes; a larger one is no usual item.
const LARGEST: u64 = 16 << 20;

/// Words of drover's own that say nothing about anybody, even if somebody is called so.
const OWN: &[&str] = &[
    "account",
    "accounts",
    "bundle",
    "context",
    "contexts",
    "default",
    "drover",
    "exception",
    "false",
    "fault",
    "faulty",
    "group",
    "groups",
    "item",
    "items",
    "level",
    "message",
    "null",
    "object",
    "parked",
    "pending",
    "resource",
    "resources",
    "status",
    "target",
    "timestamp",
    "true",
    "user",
    "users",
    "with",
    "and",
    "the",
    "not",
];

/// What is taken out.
#[derive(Default)]
pub(super) struct Veil {
    words: HashSet<String>,
    secrets: Vec<String>,
    /// Leave words and addresses in; secrets never.
    pub(super) shows_people: bool,
}

impl Veil {
    /// Everything that the memory, the queue and the credentials file of a data folder know.
    ///
    /// # Errors
    /// If the memory cannot be read: without it nothing can be veiled.
    pub(super) fn of(
        settings: &Settings,
        memory: Option<&SqliteReader>,
    ) -> Result<Self, StoreError> {
        let mut veil = Self::default();
        if let Some(memory) = memory {
            memory.objects(&mut |record| {
                veil.learn_text(&record.dn.to_string());
                if let Some(properties) = &record.properties
                    && let Ok(value) = serde_json::to_value(properties)
                {
                    veil.learn(&value);
                }
            })?;
        }
        if let Ok(files) = std::fs::read_dir(settings.queue_dir()) {
            for file in files.flatten() {
                veil.learn_file(&file.path());
            }
        }
        veil.learn_secrets(settings);
        // The longest first: one may begin with another.
        veil.secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        veil.secrets.dedup();
        Ok(veil)
    }

    fn learn_secrets(&mut self, settings: &Settings) {
        if let Some(password) = &settings.ox.master_password {
            self.add_secret(password.reveal());
        }
        let credentials = std::fs::read(settings.credentials_file()).unwrap_or_default();
        if let Ok(Value::Object(entries)) = serde_json::from_slice(&credentials) {
            for entry in entries.values() {
                self.add_secret(entry["adminpass"].as_str().unwrap_or_default());
            }
        }
        for file in
            [&settings.admin.token_file, &settings.admin.read_token_file].into_iter().flatten()
        {
            self.add_secret(std::fs::read_to_string(file).unwrap_or_default().trim());
        }
    }

    fn add_secret(&mut self, secret: &str) {
        if secret.len() >= SHORTEST_SECRET {
            self.secrets.push(secret.to_owned());
        }
    }

    fn learn_file(&mut self, path: &Path) {
        let small =
            std::fs::metadata(path).is_ok_and(|found| found.is_file() && found.len() <= LARGEST);
        let bytes = if small { std::fs::read(path).unwrap_or_default() } else { Vec::new() };
        match serde_json::from_slice::<Value>(&bytes) {
            Ok(item) => {
                self.learn(&item["object"]);
                self.learn(&item["dn"]);
            }
            // Whatever it is, somebody's name may be in it.
            Err(_) => self.learn_text(&String::from_utf8_lossy(&bytes)),
        }
    }

    fn learn(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.learn_text(text),
            Value::Array(values) => values.iter().for_each(|value| self.learn(value)),
            Value::Object(values) => {
                for (key, value) in values {
                    if let (true, Some(secret)) =
                        (key.to_lowercase().contains("password"), value.as_str())
                    {
                        self.add_secret(secret);
                    }
                    self.learn(value);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn learn_text(&mut self, text: &str) {
        for word in text.split(|c: char| !c.is_alphanumeric()) {
            if word.chars().count() >= SHORTEST && word.chars().any(char::is_alphabetic) {
                let word = word.to_lowercase();
                if !OWN.contains(&word.as_str()) {
                    self.words.insert(word);
                }
            }
        }
    }

    /// The text as it may be given away.
    pub(super) fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.secrets {
            if text.contains(secret.as_str()) {
                text = text.replace(secret.as_str(), MASK);
            }
        }
        if self.shows_people {
            return text;
        }
        let text = without_addresses(&text);
        let mut told = String::with_capacity(text.len());
        let mut rest = text.as_str();
        while let Some(begin) = rest.find(char::is_alphanumeric) {
            let (before, from) = rest.split_at(begin);
            let end = from.find(|c: char| !c.is_alphanumeric()).unwrap_or(from.len());
            let (word, after) = from.split_at(end);
            told.push_str(before);
            let known = self.words.contains(&word.to_lowercase());
            told.push_str(if known { VEIL } else { word });
            rest = after;
        }
        told.push_str(rest);
        told
    }

    /// The same for all texts in a value; keys stay.
    pub(super) fn value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => self.text(text).into(),
            Value::Array(values) => values.iter().map(|value| self.value(value)).collect(),
            Value::Object(values) => {
                values.iter().map(|(key, value)| (key.clone(), self.value(value))).collect()
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_known_of_people_is_veiled_wherever_it_comes_up() {
        let mut veil = Veil::default();
        veil.learn(&json!({"displayName": "Dr. Änne Berg-Thal", "n": 7, "list": ["user", "ab"]}));
        veil.add_secret("s3cret/x");
        veil.add_secret("no");
        for (text, expected) in [
            ("The displayname ÄNNE BERG is used", "The displayname … … is used"),
            ("user ab, 7 times", "user ab, 7 times"),
            ("uid=thal,cn=users", "uid=…,cn=users"),
            ("Bergen is a town", "Bergen is a town"),
            ("with s3cret/x and no", "with *** and no"),
            ("somebody@heide.example", "…@heide.example"),
        ] {
            assert_eq!(veil.text(text), expected);
        }
        assert_eq!(veil.value(&json!({"berg": ["Berg", 1]})), json!({"berg": ["…", 1]}));
        veil.shows_people = true;
        assert_eq!(veil.text("Berg s3cret/x a@b"), "Berg *** a@b");
    }
}
