//! What a file of desired state may say. The JSON Schema is made from these types.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::Mistake;
use super::decode::decode;
use super::node::{Node, Value};

/// Names of the sections.
const SECTIONS: &[&str] = &[
    "profiles",
    "contexts",
    "users",
    "groups",
    "resources",
    "accounts",
    "permissions",
    "shared_accounts",
];

/// Desired state for drover: what is named is made or changed to be so, what is not named is left
/// alone.
#[derive(Debug, JsonSchema)]
#[schemars(title = "drover: desired state", deny_unknown_fields)]
#[expect(dead_code, reason = "the shape of a file, for the schema alone")]
struct Document {
    /// Where the schema of this file is, for editors.
    #[schemars(rename = "$schema")]
    schema: Option<String>,
    /// Access profiles.
    #[serde(default)]
    profiles: Vec<Profile>,
    /// Contexts.
    #[serde(default)]
    contexts: Vec<Context>,
    /// Users.
    #[serde(default)]
    users: Vec<User>,
    /// Groups.
    #[serde(default)]
    groups: Vec<Group>,
    /// Resources.
    #[serde(default)]
    resources: Vec<Resource>,
    /// Functional accounts.
    #[serde(default)]
    accounts: Vec<Account>,
    /// What those may do to whom shared accounts are granted.
    #[serde(default)]
    permissions: Vec<Permission>,
    /// Shared accounts.
    #[serde(default)]
    shared_accounts: Vec<SharedAccount>,
}

/// A value of a directory property.
#[derive(Debug, JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "for the schema alone: values are kept as they are written")]
enum PropertyValue {
    Text(String),
    Number(f64),
    Flag(bool),
    List(Vec<PropertyValue>),
}

/// A name or a number.
#[derive(Debug, JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "for the schema alone")]
enum NameOrNumber {
    Name(String),
    Number(u32),
}

/// An access profile.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Identity, if it is to outlive a change of the name.
    pub id: Option<String>,
    /// Name by which users refer to it.
    pub name: String,
    /// Rights, such as webmail, calendar, contacts, tasks; none = no rights at all.
    #[serde(default)]
    pub rights: Vec<String>,
}

/// A context.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Context {
    /// Identity, if it is not to follow from the number.
    pub id: Option<String>,
    /// OX's number of it; it never changes.
    #[schemars(range(min = 1, max = 2_147_483_647))]
    pub number: u32,
    /// Its name; "context" and the number if left out.
    pub name: Option<String>,
    /// Quota in MB; none or -1 = unlimited.
    #[schemars(range(min = -1))]
    pub quota_mb: Option<i64>,
    /// Whether people can log in to it; left out: as it is.
    pub enabled: Option<bool>,
    /// Capabilities for all its users, such as drive; with a - before it one is denied.
    #[serde(default)]
    pub capabilities: Vec<String>,
    /// Quotas of modules, such as calendar: 1000; -1 = unlimited.
    #[serde(default)]
    pub module_quotas: BTreeMap<String, i64>,
}

/// A user.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// Identity, if it is to outlive a change of name or context.
    pub id: Option<String>,
    /// Login name.
    pub name: String,
    /// Name or number of the context.
    #[schemars(with = "NameOrNumber")]
    pub context: String,
    /// First name.
    pub given_name: String,
    /// Last name.
    pub family_name: String,
    /// Name shown; first and last name if left out.
    pub display_name: Option<String>,
    /// Primary mail address.
    pub mail: String,
    /// Further mail addresses.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// Name of the access profile; without one the user has no rights.
    pub profile: Option<String>,
    /// Quota in MB.
    #[schemars(range(min = -1))]
    pub quota_mb: Option<i64>,
    /// Capabilities of the user, such as drive; with a - before it one is denied.
    #[serde(default)]
    pub capabilities: Vec<String>,
    /// Name of the user, in the same context, who gets this one's data when he is deleted; left out:
    /// mapping.heir, or the context's administrator.
    pub heir: Option<String>,
    /// false: the user is to be no OX user.
    #[serde(default = "yes")]
    pub active: bool,
    /// Further properties under their names in the directory, such as phone or oxDepartment; a text
    /// or a list of texts.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, PropertyValue>")]
    pub properties: BTreeMap<String, Json>,
}

fn yes() -> bool {
    true
}

/// A group.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Identity, if it is to outlive a change of the name.
    pub id: Option<String>,
    /// Its name.
    pub name: String,
    /// Name or number of the context where members are looked for.
    #[schemars(with = "NameOrNumber")]
    pub context: String,
    /// Names of users in that context, or context/name for those in another; a group without members
    /// is not there.
    #[serde(default)]
    pub members: Vec<String>,
}

/// A resource, such as a room.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resource {
    /// Identity, if it is to outlive a change of name or context.
    pub id: Option<String>,
    /// Its name.
    pub name: String,
    /// Name or number of the context.
    #[schemars(with = "NameOrNumber")]
    pub context: String,
    /// Name shown; the name if left out.
    pub display_name: Option<String>,
    /// Description.
    pub description: Option<String>,
    /// Mail address.
    pub mail: String,
}

/// A functional account: a mailbox that several users have.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// Identity, if it is to outlive a change of the name.
    pub id: Option<String>,
    /// Name shown in the mail client.
    pub name: String,
    /// Name or number of the context where members are looked for.
    #[schemars(with = "NameOrNumber")]
    pub context: String,
    /// Its mail address.
    pub mail: String,
    /// Name of the sender.
    pub sender_name: Option<String>,
    /// Users who have it, as for groups.
    #[serde(default)]
    pub members: Vec<String>,
}

/// How far somebody may go.
#[derive(Debug, JsonSchema)]
#[schemars(rename_all = "snake_case")]
#[expect(dead_code, reason = "for the schema alone: a wrong word is told with its line")]
enum Level {
    None,
    Viewer,
    Editor,
    Author,
}

/// What those may do to whom shared accounts are granted with it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Permission {
    /// Identity, if it is to outlive a change of the name.
    pub id: Option<String>,
    /// Name by which shared accounts refer to it.
    pub name: String,
    /// What may be done with the mail; nothing if left out.
    #[serde(default)]
    #[schemars(with = "Option<Level>")]
    pub mail: Option<String>,
    /// What may be done with the calendar; nothing if left out.
    #[serde(default)]
    #[schemars(with = "Option<Level>")]
    pub calendar: Option<String>,
    /// What else is granted: sendAs, sendOnBehalf, snippets, writeSnippets, manageSieve, writeJSlob.
    #[serde(default)]
    pub may: Vec<String>,
}

/// A shared account: a mailbox that belongs to nobody. Needs OX 8.49.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SharedAccount {
    /// Identity, if it is to outlive a change of the name.
    pub id: Option<String>,
    /// Its name.
    pub name: String,
    /// Name or number of the context; it never changes.
    #[schemars(with = "NameOrNumber")]
    pub context: String,
    /// Its mail address.
    pub mail: String,
    /// Name shown; the name if left out.
    pub display_name: Option<String>,
    /// Users of that context who may use it, each with the name of a permission.
    #[serde(default)]
    pub users: BTreeMap<String, String>,
    /// Groups that may use it: those of these files that are named in that context, each with the name
    /// of a permission.
    #[serde(default)]
    pub groups: BTreeMap<String, String>,
}

/// An object of a file, with the lines that mistakes are found at later.
#[derive(Debug, Clone)]
pub(super) struct Entry<T> {
    pub(super) file: PathBuf,
    pub(super) line: usize,
    /// Lines of its own fields.
    fields: BTreeMap<&'static str, usize>,
    /// Line of each member.
    members: Vec<usize>,
    pub(super) value: T,
}

impl<T> Entry<T> {
    /// Something wrong with a field.
    pub(super) fn mistake(&self, field: &'static str, told: String) -> Mistake {
        let line = self.fields.get(field).copied().unwrap_or(self.line);
        Mistake { file: self.file.clone(), line, field: field.to_owned(), told }
    }

    /// Something wrong with the n-th member.
    pub(super) fn member_mistake(&self, n: usize, told: String) -> Mistake {
        let line = self.members.get(n).copied().unwrap_or(self.line);
        Mistake { file: self.file.clone(), line, field: "members".to_owned(), told }
    }
}

/// Everything that some files say.
#[derive(Debug, Default)]
pub(super) struct Manifest {
    pub(super) profiles: Vec<Entry<Profile>>,
    pub(super) contexts: Vec<Entry<Context>>,
    pub(super) users: Vec<Entry<User>>,
    pub(super) groups: Vec<Entry<Group>>,
    pub(super) resources: Vec<Entry<Resource>>,
    pub(super) accounts: Vec<Entry<Account>>,
    pub(super) permissions: Vec<Entry<Permission>>,
    pub(super) shared_accounts: Vec<Entry<SharedAccount>>,
}

impl Manifest {
    /// Adds one document of a file.
    pub(super) fn add(&mut self, file: &Path, root: &Node, mistakes: &mut Vec<Mistake>) {
        let mistake = |line, field: &str, told: String| Mistake {
            file: file.to_owned(),
            line,
            field: field.to_owned(),
            told,
        };
        let Value::Map(sections) = &root.value else {
            let told =
                format!("expected sections ({}), found {}", SECTIONS.join(", "), root.kind());
            mistakes.push(mistake(root.line, "", told));
            return;
        };
        for (key, content) in sections {
            match key.text.as_str() {
                "profiles" => entries(file, "profiles", content, &mut self.profiles, mistakes),
                "contexts" => entries(file, "contexts", content, &mut self.contexts, mistakes),
                "users" => entries(file, "users", content, &mut self.users, mistakes),
                "groups" => entries(file, "groups", content, &mut self.groups, mistakes),
                "resources" => entries(file, "resources", content, &mut self.resources, mistakes),
                "accounts" => entries(file, "accounts", content, &mut self.accounts, mistakes),
                "permissions" => {
                    entries(file, "permissions", content, &mut self.permissions, mistakes);
                }
                "shared_accounts" => {
                    let into = &mut self.shared_accounts;
                    entries(file, "shared_accounts", content, into, mistakes);
                }
                "$schema" => {}
                other => {
                    let told = format!("no such section; there are {}", SECTIONS.join(", "));
                    mistakes.push(mistake(key.line, other, told));
                }
            }
        }
    }
}

fn entries<T: DeserializeOwned>(
    file: &Path,
    section: &str,
    content: &Node,
    into: &mut Vec<Entry<T>>,
    mistakes: &mut Vec<Mistake>,
) {
    let mistake = |line, field: String, told| Mistake { file: file.to_owned(), line, field, told };
    let nodes = match &content.value {
        Value::List(nodes) => nodes,
        Value::Null => return,
        _ => {
            let told = format!("expected a list, found {}", content.kind());
            mistakes.push(mistake(content.line, section.to_owned(), told));
            return;
        }
    };
    for node in nodes {
        match decode(node) {
            Ok(value) => into.push(entry(file, node, value)),
            Err(misfit) => {
                let field = std::iter::once(section.to_owned()).chain(misfit.field);
                let field = field.collect::<Vec<_>>().join(".");
                mistakes.push(mistake(misfit.line, field, misfit.told));
            }
        }
    }
}

fn entry<T>(file: &Path, node: &Node, value: T) -> Entry<T> {
    /// Fields that something can be wrong with beyond their form.
    const FIELDS: &[&str] = &[
        "id",
        "name",
        "context",
        "number",
        "quota_mb",
        "mail",
        "aliases",
        "profile",
        "rights",
        "properties",
        "calendar",
        "may",
        "users",
        "groups",
        "capabilities",
        "module_quotas",
        "heir",
    ];
    let line = |name: &&'static str| Some((*name, node.get(name)?.line));
    let members = node.get("members").map(|members| match &members.value {
        Value::List(members) => members.iter().map(|member| member.line).collect(),
        _ => Vec::new(),
    });
    Entry {
        file: file.to_owned(),
        line: node.line,
        fields: FIELDS.iter().filter_map(line).collect(),
        members: members.unwrap_or_default(),
        value,
    }
}

/// The JSON Schema of a file.
pub fn schema() -> Json {
    schemars::schema_for!(Document).to_value()
}
