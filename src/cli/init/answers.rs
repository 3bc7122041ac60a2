//! What is asked, and the settings file that the answers make. An answer is checked as what it will be:
//! a line of a settings file.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::durable::{Durability, replace, temporary_beside};
use crate::settings::{Explained, Origin, Settings, SettingsError, Sources};

/// One question.
pub(super) struct Question {
    pub(super) key: &'static str,
    pub(super) text: &'static str,
}

const fn question(key: &'static str, text: &'static str) -> Question {
    Question { key, text }
}

/// What nobody can guess. Everything else has a default that is good for most.
pub(super) const QUESTIONS: &[Question] = &[
    question("ox.soap_server", "Address of OX"),
    question("ox.ca_file", "Certificate of its authority, empty if the system knows it"),
    question("ox.master_admin", "Login of OX's master"),
    question("ox.default_context", "Number of the default context"),
    question("ox.domain_name", "Mail domain of new contexts' administrators"),
    question("mapping.imap_server", "IMAP server of users"),
    question("mapping.smtp_server", "SMTP server of users"),
    question("mapping.language", "Language of new users"),
    question("mapping.timezone", "Time zone of new users"),
    question("retry.on_fault", "A faulty item stops its context (stop) or is set aside (park)"),
];

/// Answers so far.
pub(super) struct Answers<'a> {
    data: PathBuf,
    /// Where they are tried out.
    trial: PathBuf,
    env: &'a BTreeMap<String, String>,
    given: BTreeMap<String, String>,
    /// Settings as they are with the answers so far.
    now: Vec<Explained>,
    /// The order of the default file, for the text.
    order: Vec<String>,
}

impl<'a> Answers<'a> {
    /// Begins with what is set already, and `set` over it.
    ///
    /// # Errors
    /// What cannot be used, and the cure.
    pub(super) fn new(
        data: &Path,
        file: &Path,
        env: &'a BTreeMap<String, String>,
        set: &[(String, String)],
    ) -> Result<Self, String> {
        let mut answers = Self {
            data: data.to_owned(),
            trial: temporary_beside(file),
            env,
            given: BTreeMap::new(),
            now: Vec::new(),
            order: Vec::new(),
        };
        // An earlier file's values are offered again, as long as they can be used.
        if file.exists()
            && let Ok((_, _, before)) = answers.load(file)
        {
            let is_of_file = |one: &&Explained| matches!(one.origin, Origin::File { .. });
            let secret = |one: &&Explained| one.key != "ox.master_password";
            for one in before.iter().filter(is_of_file).filter(secret) {
                answers.given.insert(one.key.clone(), in_file(&one.value));
            }
        }
        let earlier = std::mem::take(&mut answers.given);
        let (_, explained) = answers.try_out(&earlier)?;
        answers.order = explained.iter().map(|one| one.key.clone()).collect();
        for (key, _) in set {
            if !answers.order.contains(key) {
                return Err(format!(
                    "there is no setting {key}; \"drover config show --explain\" lists them"
                ));
            }
            if key == "ox.master_password" {
                return Err(
                    "a password is not given on the command line; use --master-password-file \
                            or be asked for it"
                        .to_owned(),
                );
            }
            if key == "queue.data_dir" {
                return Err("the data directory is given with --data".to_owned());
            }
        }
        answers.given = earlier;
        answers.now = explained;
        for (key, value) in set {
            answers.give(key, value)?;
        }
        Ok(answers)
    }

    /// Whether OX is reached by TLS.
    pub(super) fn is_https(&self) -> bool {
        self.value("ox.soap_server").starts_with("https:")
    }

    /// Whether it was answered, in an earlier file or as an option.
    pub(super) fn is_given(&self, key: &str) -> bool {
        self.given.contains_key(key)
    }

    /// The value as it is now.
    pub(super) fn value(&self, key: &str) -> String {
        let found = self.now.iter().find(|one| one.key == key);
        found.map_or_else(String::new, |one| match &one.value {
            serde_json::Value::String(text) => text.clone(),
            serde_json::Value::Null => String::new(),
            other => other.to_string(),
        })
    }

    /// What the key means.
    pub(super) fn meaning(&self, key: &str) -> String {
        self.now
            .iter()
            .find(|one| one.key == key)
            .map(|one| one.meaning.clone())
            .unwrap_or_default()
    }

    /// Takes an answer.
    ///
    /// # Errors
    /// Why it cannot be taken.
    pub(super) fn give(&mut self, key: &str, answer: &str) -> Result<(), String> {
        let mut given = self.given.clone();
        given.insert(key.to_owned(), toml_text(answer));
        let (_, explained) = self.try_out(&given)?;
        let found = explained.iter().find(|one| one.key == key);
        if let Some(Explained { value, origin: Origin::Variable { name }, .. }) = found
            && value.as_str().is_some_and(|value| value != answer)
        {
            return Err(format!("environment variable {name} sets it and wins; change it there"));
        }
        self.given = given;
        self.now = explained;
        Ok(())
    }

    /// The settings that the answers make.
    ///
    /// # Errors
    /// What cannot be used.
    pub(super) fn settings(&self) -> Result<Settings, String> {
        self.try_out(&self.given).map(|(settings, _)| settings)
    }

    /// The settings file.
    pub(super) fn file(&self) -> String {
        self.text(&self.given, true)
    }

    fn text(&self, given: &BTreeMap<String, String>, explained: bool) -> String {
        let mut text = String::new();
        if explained {
            text.push_str(
                "# Settings of drover, made by \"drover init\". What is not here has its default;\n\
                 # \"drover config show --origin --explain\" lists and explains everything.\n\
                 # After a change: \"drover config check\", then reload the service (SIGHUP).\n",
            );
        }
        let mut section = "";
        let in_order: Vec<&String> = if self.order.is_empty() {
            given.keys().collect()
        } else {
            self.order.iter().filter(|key| given.contains_key(*key)).collect()
        };
        for key in in_order {
            let (its, name) = key.rsplit_once('.').unwrap_or(("", key));
            if its != section {
                let _ = writeln!(text, "\n[{its}]");
                section = its;
            }
            if explained {
                for line in wrapped(&self.meaning(key)) {
                    let _ = writeln!(text, "# {line}");
                }
            }
            let _ = writeln!(text, "{name} = {}", given[key]);
        }
        text
    }

    /// What these answers would make of the settings.
    fn try_out(
        &self,
        given: &BTreeMap<String, String>,
    ) -> Result<(Settings, Vec<Explained>), String> {
        let text = self.text(given, false);
        let scratch = temporary_beside(&self.trial);
        let written = replace(&self.trial, &scratch, text.as_bytes(), 0o600, Durability::Lazy);
        written
            .map_err(|error| format!("cannot write beside {}: {error}", self.trial.display()))?;
        let loaded = self.load(&self.trial);
        // Left over, it would only be in the way.
        let _ = std::fs::remove_file(&self.trial);
        loaded.map(|(settings, _, explained)| (settings, explained)).map_err(|error| match error {
            SettingsError::Values(bad) => {
                let told = bad.iter().map(|bad| match &bad.value {
                    Some(value) => format!("{value:?} is not {}; {}", bad.expected, bad.cure),
                    None => bad.to_string(),
                });
                told.collect::<Vec<_>>().join("; ")
            }
            other => format!("{:#}", anyhow::Error::new(other)),
        })
    }

    fn load(
        &self,
        file: &Path,
    ) -> Result<(Settings, Vec<crate::settings::Notice>, Vec<Explained>), SettingsError> {
        Settings::load_explained(&Sources {
            file: Some(file.to_owned()),
            env: self.env.clone(),
            data_dir: Some(self.data.clone()),
        })
    }
}

/// A value of an earlier file, as it stands in the new one.
fn in_file(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => toml_text(text),
        serde_json::Value::Array(list) => {
            let parts: Vec<String> = list.iter().map(in_file).collect();
            format!("[{}]", parts.join(", "))
        }
        other => other.to_string(),
    }
}

/// A text as TOML has it. JSON's escapes are among TOML's; what looks like a reference is none.
fn toml_text(text: &str) -> String {
    serde_json::Value::from(text.replace("${", "$${")).to_string().replace('\u{7f}', "\\u007f")
}

/// The text in lines of a comment's width.
fn wrapped(text: &str) -> Vec<String> {
    const WIDTH: usize = 96;
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && line.len() + word.len() >= WIDTH {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.extend((!line.is_empty()).then_some(line));
    lines
}
