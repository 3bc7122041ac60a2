//! CSV with the columns of OX's own bulk import (`createcontext --csv-import`, `createuser
//! --csv-import`): the long options of those tools.

use super::node::{Key, Node, Value};

/// What becomes of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    /// A field of the manifest.
    Field(&'static str),
    /// A field that is a list; the values are separated by commas.
    List(&'static str),
    /// A directory property.
    Property(&'static str),
    /// Nothing, and why.
    Unused(&'static str),
}

const PASSWORD: &str = "drover gives administrators and users random passwords";
const ADMIN: &str =
    "drover makes the administrator itself and keeps its login in the credentials file";
const LOGIN: &str = "drover has the administrators' logins in the credentials file";
const SETTINGS: &str = "it is the same for all, from the settings (section [mapping])";
const PLACE: &str = "OX chooses where the data is";
const PROFILE: &str = "rights come from the profile that access-combination-name names";

const CONTEXTS: &[(&str, Use)] = &[
    ("contextid", Use::Field("number")),
    ("contextname", Use::Field("name")),
    ("quota", Use::Field("quota_mb")),
    ("username", Use::Unused(ADMIN)),
    ("displayname", Use::Unused(ADMIN)),
    ("givenname", Use::Unused(ADMIN)),
    ("surname", Use::Unused(ADMIN)),
    ("email", Use::Unused(ADMIN)),
    ("password", Use::Unused(PASSWORD)),
    ("lang", Use::Unused(SETTINGS)),
    ("language", Use::Unused(SETTINGS)),
    ("timezone", Use::Unused(SETTINGS)),
    ("addmapping", Use::Unused("see mapping.login_mappings in the settings")),
    ("access-combination-name", Use::Unused("drover gives rights to users, by their profile")),
    ("destination-store-id", Use::Unused(PLACE)),
    ("destination-database-id", Use::Unused(PLACE)),
    ("gabMode", Use::Unused("it is OX's default")),
];

const USERS: &[(&str, Use)] = &[
    ("contextid", Use::Field("context")),
    ("contextname", Use::Field("context")),
    ("username", Use::Field("name")),
    ("displayname", Use::Field("display_name")),
    ("givenname", Use::Field("given_name")),
    ("surname", Use::Field("family_name")),
    ("email", Use::Field("mail")),
    ("aliases", Use::List("aliases")),
    ("quota", Use::Field("quota_mb")),
    ("access-combination-name", Use::Field("profile")),
    ("department", Use::Property("oxDepartment")),
    ("company", Use::Property("organisation")),
    ("adminuser", Use::Unused(LOGIN)),
    ("adminpass", Use::Unused(LOGIN)),
    ("password", Use::Unused(PASSWORD)),
    ("lang", Use::Unused(SETTINGS)),
    ("language", Use::Unused(SETTINGS)),
    ("timezone", Use::Unused(SETTINGS)),
    ("imaplogin", Use::Unused(SETTINGS)),
    ("imapserver", Use::Unused(SETTINGS)),
    ("smtpserver", Use::Unused(SETTINGS)),
    ("primaryaccountname", Use::Unused(SETTINGS)),
];

/// Columns that only createcontext has; they tell the two kinds of file apart, where the columns of
/// createuser's login do not.
const ONLY_CONTEXTS: &[&str] =
    &["addmapping", "destination-store-id", "destination-database-id", "gabMode"];

/// Reads a file; the notes tell of columns that have no effect.
///
/// # Errors
/// The line, and what is wrong there.
pub(super) fn read(text: &str) -> Result<(Node, Vec<String>), (usize, String)> {
    let mut reader =
        ::csv::ReaderBuilder::new().trim(::csv::Trim::All).from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| bad(&error))?.clone();
    let (section, columns) = kind(&header.iter().collect::<Vec<_>>());
    let mut uses = Vec::new();
    let mut notes = Vec::new();
    for name in &header {
        let found = columns.iter().find(|(known, _)| name.eq_ignore_ascii_case(known));
        let its_use = match found {
            Some((_, its_use)) => *its_use,
            None if name.starts_with("access-") => Use::Unused(PROFILE),
            None => {
                let known: Vec<&str> = columns.iter().map(|(known, _)| *known).collect();
                return Err((1, format!("no column \"{name}\"; there are {}", known.join(", "))));
            }
        };
        if let Use::Unused(why) = its_use {
            notes.push(format!("column {name} is not used: {why}"));
        }
        uses.push(its_use);
    }
    let mut entries = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| bad(&error))?;
        let line = record.position().map_or(1, |at| line_of(text, at));
        entries.push(entry(line, record.iter().zip(&uses)));
    }
    let key = Key { line: 1, text: section.to_owned() };
    let list = Node { line: 1, value: Value::List(entries) };
    Ok((Node { line: 1, value: Value::Map(vec![(key, list)]) }, notes))
}

/// Which of the two imports a header is of.
fn kind(header: &[&str]) -> (&'static str, &'static [(&'static str, Use)]) {
    let has = |name: &str| header.iter().any(|one| one.eq_ignore_ascii_case(name));
    let of_contexts = ONLY_CONTEXTS.iter().any(|name| has(name));
    // Every row of createuser's has the login of its context's administrator. Without it, what
    // names a user is one.
    let of_users = has("adminuser") || has("aliases") || has("department") || has("company");
    if of_users || (!of_contexts && has("username") && !(has("contextname") || has("quota"))) {
        ("users", USERS)
    } else {
        ("contexts", CONTEXTS)
    }
}

fn entry<'a>(line: usize, cells: impl Iterator<Item = (&'a str, &'a Use)>) -> Node {
    let scalar = |text: &str| Node { line, value: Value::Scalar(text.to_owned()) };
    let key = |text: &str| Key { line, text: text.to_owned() };
    let (mut fields, mut properties) = (Vec::<(Key, Node)>::new(), Vec::new());
    for (cell, its_use) in cells.filter(|(cell, _)| !cell.is_empty()) {
        match its_use {
            // Number and name of the context may both be there; the first one counts.
            Use::Field(name) if fields.iter().any(|(key, _)| key.text == *name) => {}
            Use::Field(name) => fields.push((key(name), scalar(cell))),
            Use::List(name) => {
                let parts = cell.split(',').map(str::trim).filter(|part| !part.is_empty());
                let list = Value::List(parts.map(scalar).collect());
                fields.push((key(name), Node { line, value: list }));
            }
            Use::Property(name) => properties.push((key(name), scalar(cell))),
            Use::Unused(_) => {}
        }
    }
    if !properties.is_empty() {
        fields.push((key("properties"), Node { line, value: Value::Map(properties) }));
    }
    Node { line, value: Value::Map(fields) }
}

/// The line a row begins at; its position may be that of empty lines before it.
fn line_of(text: &str, at: &::csv::Position) -> usize {
    let from = usize::try_from(at.byte()).ok().and_then(|byte| text.get(byte..));
    let blank = from.unwrap_or_default().chars().take_while(|char| matches!(char, '\r' | '\n'));
    usize::try_from(at.line()).unwrap_or(1) + blank.filter(|char| *char == '\n').count()
}

fn bad(error: &::csv::Error) -> (usize, String) {
    let line = error.position().map_or(1, |at| usize::try_from(at.line()).unwrap_or(1));
    let told = match error.kind() {
        ::csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{len} values, but {expected_len} columns")
        }
        other => format!("not valid CSV: {other:?}"),
    };
    (line, told)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(node: &Node, path: &[&str]) -> Option<String> {
        let node = path.iter().try_fold(node, |node, name| node.get(name))?;
        match &node.value {
            Value::Scalar(text) => Some(text.clone()),
            _ => None,
        }
    }

    #[test]
    fn users_are_read_as_createuser_would() {
        let csv = "contextid,adminuser,adminpass,username,displayname,givenname,surname,password,\
                   email,aliases,department,access-combination-name\n\
                   20,oxadmin,secret,anna,\"Berg, Anna\",Anna,Berg,pw,anna@heide.example,\
                   \"a@heide.example, b@heide.example\",Garten,groupware_standard\n";
        let (root, notes) = read(csv).unwrap();
        let anna = root.get("users").unwrap().nth(0).unwrap();
        assert_eq!(anna.line, 2);
        assert_eq!(text(anna, &["context"]).as_deref(), Some("20"));
        assert_eq!(text(anna, &["display_name"]).as_deref(), Some("Berg, Anna"));
        assert_eq!(text(anna, &["profile"]).as_deref(), Some("groupware_standard"));
        assert_eq!(text(anna, &["properties", "oxDepartment"]).as_deref(), Some("Garten"));
        assert!(anna.get("aliases").unwrap().nth(1).is_some());
        assert_eq!(notes.len(), 3, "{notes:?}");
        assert!(!format!("{root:?}{notes:?}").contains("secret"), "passwords are left out");
    }

    #[test]
    fn contexts_are_read_as_createcontext_would() {
        let csv = "contextid,contextname,username,displayname,givenname,surname,password,email,quota,\
                   addmapping\n\n30,lab,oxadmin,A,B,C,pw,x@y,500,lab.example\n";
        let (root, notes) = read(csv).unwrap();
        let lab = root.get("contexts").unwrap().nth(0).unwrap();
        assert_eq!(lab.line, 3);
        assert_eq!(text(lab, &["number"]).as_deref(), Some("30"));
        assert_eq!(text(lab, &["quota_mb"]).as_deref(), Some("500"));
        assert!(notes.iter().any(|note| note.contains("mapping.login_mappings")));
    }

    #[test]
    fn unknown_columns_and_short_rows_are_told() {
        let (line, told) = read("contextid,adminuser,usrname\n").unwrap_err();
        assert!(line == 1 && told.contains("no column \"usrname\"; there are"), "{told}");
        let (line, told) = read("contextid,adminuser\n1,a\n2\n").unwrap_err();
        assert!(line == 3 && told == "1 values, but 2 columns", "{line} {told}");
    }
}
