//! References in the settings file: `${env:NAME}`, `${file:PATH}`, `${var:NAME}`.
//!
//! They keep secrets out of the file, and say once what is needed twice. A reference that leads
//! nowhere stops the start: an empty password in its place would be found out much later.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use config::{Value, ValueKind};

use super::problem::SettingsError;

/// Section of the file whose keys `${var:NAME}` refers to.
const SECTION: &str = "variables.";

/// Begins a reference; with one more `$` before it, it is plain text.
const BEGIN: &str = "${";

/// References that are followed in one file, those within variables each time anew: variables that
/// refer to one another would otherwise grow without end, or take without end.
const MAX_FOLLOWED: u32 = 1_000;

/// Variables that may stand within one another.
const MAX_DEPTH: usize = 16;

/// Longest text that references may make, and longest file they may lead to, in bytes.
const MAX_TEXT: usize = 1024 * 1024;

/// Where references lead.
struct Resolver<'a> {
    followed: Cell<u32>,
    /// The settings file; relative paths start in its directory.
    path: &'a Path,
    /// Its text, to tell the line of a reference.
    text: &'a str,
    env: &'a BTreeMap<String, String>,
    variables: BTreeMap<String, Value>,
}

/// Takes the section `[variables]` out of a file's values and replaces all references in the others.
///
/// # Errors
/// [`SettingsError::Reference`] for the first one that cannot be followed.
pub(super) fn resolve(
    values: Vec<(String, Value)>,
    path: &Path,
    text: &str,
    env: &BTreeMap<String, String>,
) -> Result<Vec<(String, Value)>, SettingsError> {
    let (variables, values): (Vec<_>, Vec<_>) =
        values.into_iter().partition(|(key, _)| key.starts_with(SECTION));
    let variables = variables
        .into_iter()
        .map(|(key, value)| (key[SECTION.len()..].to_owned(), value))
        .collect();
    let resolver = Resolver { followed: Cell::new(0), path, text, env, variables };
    values
        .into_iter()
        .map(|(key, value)| Ok((key, resolver.value(value, &mut Vec::new())?)))
        .collect()
}

impl Resolver<'_> {
    /// Replaces the references in a text, or in the texts of a list.
    fn value(&self, value: Value, within: &mut Vec<String>) -> Result<Value, SettingsError> {
        let kind = match value.kind {
            ValueKind::String(text) => ValueKind::String(self.expand(&text, within)?),
            ValueKind::Array(list) => ValueKind::Array(
                list.into_iter().map(|item| self.value(item, within)).collect::<Result<_, _>>()?,
            ),
            other => other,
        };
        Ok(Value::new(None, kind))
    }

    /// `within` are the variables being expanded, the outermost first.
    fn expand(&self, text: &str, within: &mut Vec<String>) -> Result<String, SettingsError> {
        let mut expanded = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find(BEGIN) {
            let (before, from) = rest.split_at(at);
            if let Some(before) = before.strip_suffix('$') {
                expanded.push_str(before);
                expanded.push_str(BEGIN);
                rest = &from[BEGIN.len()..];
                continue;
            }
            expanded.push_str(before);
            let Some(end) = from.find('}') else {
                return Err(self.failed(from, "there is no \"}\" behind it"));
            };
            let (reference, after) = from.split_at(end + 1);
            expanded.push_str(&self.follow(reference, within)?);
            if expanded.len() > MAX_TEXT {
                return Err(self.failed(reference, "it makes the value longer than 1 MiB"));
            }
            rest = after;
        }
        expanded.push_str(rest);
        Ok(expanded)
    }

    /// What a reference `${…}` stands for.
    fn follow(&self, reference: &str, within: &mut Vec<String>) -> Result<String, SettingsError> {
        self.followed.set(self.followed.get() + 1);
        if self.followed.get() > MAX_FOLLOWED {
            return Err(self.failed(reference, "it is one reference too many, the file has 1000"));
        }
        let inner = reference.trim_start_matches(BEGIN).trim_end_matches('}');
        match inner.split_once(':') {
            Some(("env", name)) => match self.env.get(name) {
                // Everywhere in the settings an empty variable is an unset one.
                Some(text) if !text.is_empty() => Ok(text.clone()),
                _ => Err(self.failed(reference, "that environment variable is not set")),
            },
            Some(("file", name)) => {
                let path = self.path.parent().unwrap_or(Path::new("")).join(name);
                let text = read_capped(&path)
                    .map_err(|error| self.failed(reference, &format!("cannot read it: {error}")))?;
                // Editors and `echo` end a file with a line break that nobody means.
                let text = text.strip_suffix('\n').unwrap_or(&text);
                Ok(text.strip_suffix('\r').unwrap_or(text).to_owned())
            }
            Some(("var", name)) => self.variable(name, reference, within),
            _ => Err(self.failed(
                reference,
                "expected ${env:NAME}, ${file:PATH} or ${var:NAME}; write $${ for the text itself",
            )),
        }
    }

    fn variable(
        &self,
        name: &str,
        reference: &str,
        within: &mut Vec<String>,
    ) -> Result<String, SettingsError> {
        let Some(value) = self.variables.get(name) else {
            return Err(self.failed(reference, "the section [variables] does not have it"));
        };
        if within.iter().any(|outer| outer == name) {
            return Err(self.failed(reference, "it refers to itself"));
        }
        if within.len() >= MAX_DEPTH {
            return Err(self.failed(reference, "too many variables refer to one another here"));
        }
        let text = match &value.kind {
            ValueKind::Array(_) => return Err(self.failed(reference, "it is a list, not a text")),
            plain => plain.to_string(),
        };
        within.push(name.to_owned());
        let expanded = self.expand(&text, within);
        within.pop();
        expanded
    }

    fn failed(&self, reference: &str, reason: &str) -> SettingsError {
        SettingsError::Reference {
            path: self.path.to_owned(),
            line: self.line_of(reference),
            reference: reference.to_owned(),
            reason: reason.to_owned(),
        }
    }

    /// The line a reference stands in; none if the file writes it with escapes.
    fn line_of(&self, reference: &str) -> Option<usize> {
        let holds = |line: &str| !line.trim_start().starts_with('#') && line.contains(reference);
        self.text.lines().position(holds).map(|index| index + 1)
    }
}

/// A file's text, unless it is longer than a value of the settings can be meant to be.
fn read_capped(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(MAX_TEXT as u64 + 1).read_to_string(&mut text)?;
    if text.len() > MAX_TEXT {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is longer than 1 MiB"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Expands one value of a file at `dir/drover.toml`.
    fn expand(dir: &Path, text: &str) -> Result<String, String> {
        let path = dir.join("drover.toml");
        let file = format!("# {text}\n\n[x]\nkey = '{text}'\n");
        let env = BTreeMap::from([
            ("NAME".to_owned(), "from ${env:OTHER}".to_owned()),
            ("EMPTY".to_owned(), String::new()),
        ]);
        let value = |text: &str| Value::new(None, text);
        let values = vec![
            ("variables.host".to_owned(), value("mail.example.org")),
            ("variables.url".to_owned(), value("imap://${var:host}:${var:port}")),
            ("variables.port".to_owned(), Value::new(None, 143)),
            ("variables.a".to_owned(), value("${var:b}")),
            ("variables.b".to_owned(), value("${var:a}")),
            ("x.key".to_owned(), value(text)),
        ];
        let resolved = resolve(values, &path, &file, &env).map_err(|error| error.to_string())?;
        assert_eq!(resolved.len(), 1, "variables are no settings");
        Ok(resolved[0].1.to_string())
    }

    #[test]
    fn references_are_followed() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("secret"), "pass word \n").unwrap();
        let absolute = format!("${{file:{}}}", dir.path().join("secret").display());
        let cases = [
            ("plain {} {{dn}} $x", "plain {} {{dn}} $x"),
            ("<${file:secret}>", "<pass word >"),
            (absolute.as_str(), "pass word "),
            // What comes in from outside is a value, never a reference.
            ("${env:NAME}", "from ${env:OTHER}"),
            ("${var:url}/${var:host}", "imap://mail.example.org:143/mail.example.org"),
            ("$${env:NAME} $$${var:port}", "${env:NAME} $${var:port}"),
        ];
        for (text, expected) in cases {
            assert_eq!(expand(dir.path(), text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn a_reference_that_leads_nowhere_is_told_with_its_line() {
        let dir = tempfile::tempdir().unwrap();
        let cases = [
            ("${env:MISSING}", "${env:MISSING}: that environment variable is not set"),
            ("${env:EMPTY}", "not set"),
            ("${file:missing}", "cannot read it"),
            ("${var:missing}", "does not have it"),
            ("${NAME}", "expected ${env:NAME}"),
            ("${env:NAME", "no \"}\""),
        ];
        for (text, expected) in cases {
            let error = expand(dir.path(), text).unwrap_err();
            assert!(error.contains(expected), "{error} lacks {expected}");
            assert!(error.contains("drover.toml, line 4: "), "{error}");
        }
        let error = expand(dir.path(), "${var:a}").unwrap_err();
        assert!(error.contains("it refers to itself"), "{error}");
    }

    proptest! {
        #[test]
        fn text_without_references_is_left_alone(text in "[^$]{0,40}") {
            let dir = Path::new("/nowhere");
            prop_assert_eq!(expand(dir, &text), Ok(text));
        }

        #[test]
        fn no_text_makes_it_panic(text in "[$${}a:envr]{0,20}") {
            let _ = expand(Path::new("/nowhere"), &text);
        }
    }
}
