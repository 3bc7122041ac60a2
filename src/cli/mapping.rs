//! `drover mapping`: which property of the directory feeds which field of OX's users.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Exit;
use super::data::{DataArgs, complain};
use crate::mapping_file::{self, MappingFileError};
use crate::plan::attributes::MappingError;
use crate::plan::attributes::mapping::{Entry, MappingText};
use crate::settings::Settings;

/// Flags of `drover mapping`.
#[derive(Debug, Clone, Args)]
pub struct MappingArgs {
    /// Which data directory.
    #[command(flatten)]
    pub data: DataArgs,
    /// Print one JSON object.
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do with the mapping.
    #[command(subcommand)]
    pub action: Action,
}

/// What can be done with the mapping. A change holds from the next item on, also in a service that
/// runs.
#[derive(Debug, Clone, Subcommand)]
pub enum Action {
    /// Show which property feeds which field.
    Show {
        /// This field only.
        #[arg(value_name = "FIELD")]
        field: Option<String>,
        /// Only fields that are not as in the default mapping.
        #[arg(long)]
        changed: bool,
    },
    /// Feed a field from a property; its position and alternatives stay.
    Set {
        /// Field of OX, such as userfield01.
        #[arg(value_name = "FIELD")]
        field: String,
        /// Property of the directory, such as description.
        #[arg(value_name = "PROPERTY")]
        property: String,
    },
    /// Feed fields from nothing: OX's values are cleared at each user's next change.
    Unset {
        /// Fields of OX.
        #[arg(value_name = "FIELD", required = true)]
        fields: Vec<String>,
    },
    /// Set the properties that are taken, in this order, while a field's own holds nothing.
    Alternatives {
        /// Field of OX.
        #[arg(value_name = "FIELD")]
        field: String,
        /// Properties of the directory; none takes all alternatives away.
        #[arg(value_name = "PROPERTY")]
        properties: Vec<String>,
    },
    /// Go back to the default mapping.
    Restore,
    /// Check the file, or another one before it takes its place.
    Check {
        /// The other one.
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Print the mapping in the form of its file.
    Dump,
}

/// Shows or changes the mapping's file.
///
/// # Errors
/// If something fails that has no exit code of its own.
pub fn run(args: &MappingArgs, settings: &Settings) -> anyhow::Result<Exit> {
    let path = settings.attribute_mapping();
    let done = match &args.action {
        Action::Show { field, changed } => show(args, &path, field.as_deref(), *changed),
        Action::Dump => mapping_file::load(&path).map(|text| text.text()),
        Action::Check { file } => check(args, file.as_deref().unwrap_or(&path)),
        Action::Restore => mapping_file::restore(&path)
            .map(|changed| outcome(args, &path, changed, "the default mapping is in force")),
        Action::Set { field, property } => mapping_file::change(&path, |text| {
            text.set(field, property)
        })
        .map(|changed| outcome(args, &path, changed, &format!("{field} is fed from {property}"))),
        Action::Unset { fields } => {
            let unset =
                |text: &mut MappingText| fields.iter().try_for_each(|field| text.unset(field));
            let said = format!("fed from nothing: {}", fields.join(", "));
            mapping_file::change(&path, unset).map(|changed| outcome(args, &path, changed, &said))
        }
        Action::Alternatives { field, properties } => {
            let said = match properties.as_slice() {
                [] => format!("{field} has no alternatives"),
                some => format!("{field} is fed from {} while its own is empty", some.join(", ")),
            };
            mapping_file::change(&path, |text| text.set_alternatives(field, properties))
                .map(|changed| outcome(args, &path, changed, &said))
        }
    };
    match done {
        Ok(text) => {
            io::stdout().write_all(text.as_bytes())?;
            Ok(Exit::Done)
        }
        Err(problem) => {
            if args.json {
                let told = json!({"file": path, "ok": false, "error": problem.to_string()});
                io::stdout().write_all(pretty(&told).as_bytes())?;
            }
            complain(&problem.to_string());
            Ok(exit_of(&problem))
        }
    }
}

fn exit_of(problem: &MappingFileError) -> Exit {
    match problem {
        MappingFileError::Refused(_) => Exit::Usage,
        MappingFileError::Bad { .. } => Exit::Settings,
        MappingFileError::Unreadable { .. } | MappingFileError::Unwritable { .. } => Exit::DataDir,
    }
}

fn show(
    args: &MappingArgs,
    path: &Path,
    field: Option<&str>,
    changed: bool,
) -> Result<String, MappingFileError> {
    let mut entries = mapping_file::load(path)?.entries();
    if let Some(field) = field {
        let known = |entry: &&Entry| entry.property == field || entry.element == field;
        let found = entries.iter().find(known).cloned();
        entries = vec![found.ok_or_else(|| MappingError::unknown_property(field))?];
    }
    entries.retain(|entry| !changed || !entry.is_default);
    if args.json {
        let fields: Vec<Value> = entries.iter().map(as_json).collect();
        return Ok(pretty(&json!({"file": path, "exists": path.exists(), "fields": fields})));
    }
    Ok(entries.iter().map(line).collect::<Vec<_>>().concat())
}

fn as_json(entry: &Entry) -> Value {
    json!({
        "field": entry.property,
        "element": entry.element,
        "property": entry.attribute,
        "alternatives": entry.alternatives,
        "position": entry.position,
        "required": entry.required,
        "default": entry.is_default,
    })
}

fn line(entry: &Entry) -> String {
    let source = entry.attribute.as_deref().unwrap_or("-");
    let position = entry.position.map(|position| format!("[{position}]")).unwrap_or_default();
    let others: String = entry.alternatives.iter().flat_map(|other| [", else ", other]).collect();
    let mark = if entry.is_default { "" } else { "  (not the default)" };
    format!("{:<22} {source}{position}{others}{mark}\n", entry.property)
}

fn check(args: &MappingArgs, path: &Path) -> Result<String, MappingFileError> {
    let entries = mapping_file::load(path)?.entries();
    let unset: Vec<&str> =
        entries.iter().filter(|e| e.attribute.is_none()).map(|e| e.property).collect();
    let changed: Vec<&str> = entries.iter().filter(|e| !e.is_default).map(|e| e.property).collect();
    if args.json {
        return Ok(pretty(&json!({
            "file": path, "exists": path.exists(), "ok": true, "unset": unset, "changed": changed,
        })));
    }
    let what = if path.exists() { "can be used" } else { "is not there: the default is in force" };
    let list = |names: &[&str]| if names.is_empty() { "none".into() } else { names.join(", ") };
    Ok(format!(
        "{} {what}\nfields that are not as in the default: {}\nfields that nothing feeds: {}\n",
        path.display(),
        list(&changed),
        list(&unset)
    ))
}

fn outcome(args: &MappingArgs, path: &Path, changed: bool, said: &str) -> String {
    if args.json {
        return pretty(&json!({"file": path, "changed": changed}));
    }
    if changed {
        format!("{said}; it holds from the next item on\n")
    } else {
        format!("{said}; it was so before\n")
    }
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}
