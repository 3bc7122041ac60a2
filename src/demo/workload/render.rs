//! Objects as queue files show them. The same value takes many forms in real queues: numbers as
//! text, one value in place of a list, empty text or nothing at all; so it does here.

use serde_json::{Map, Value, json};

use super::town::{Account, Context, Group, Profile, Resource, User};
use super::{names, photo::photo};

/// Where everything hangs.
const BASE: &str = "dc=stadt,dc=example";

pub(super) fn context_dn(context: u32) -> String {
    format!("cn={},cn=open-xchange,{BASE}", names::firm(context))
}

pub(super) fn profile_dn(name: &str) -> String {
    format!("cn={},cn=accessprofiles,cn=open-xchange,{BASE}", rdn(name))
}

pub(super) fn user_dn(user: &User) -> String {
    format!("uid={},cn=users,{BASE}", user.person.login)
}

/// The same DN as another entry names it: directories do not insist on case.
fn member_dn(user: &User) -> String {
    let dn = user_dn(user);
    if user.style.is_multiple_of(13) {
        dn.replace("uid=", "UID=").replace("cn=", "CN=")
    } else {
        dn
    }
}

pub(super) fn group_dn(group: &Group) -> String {
    format!("cn={},cn=groups,{BASE}", rdn(&group.name))
}

pub(super) fn account_dn(account: &Account) -> String {
    format!("cn={},cn=functional_accounts,cn=open-xchange,{BASE}", rdn(&account.name))
}

pub(super) fn resource_dn(resource: &Resource) -> String {
    format!("cn={},cn=oxresources,cn=open-xchange,{BASE}", rdn(&resource.name))
}

/// Escapes a value for a DN.
fn rdn(value: &str) -> String {
    let mut out = String::new();
    for c in value.chars() {
        if matches!(c, ',' | '+' | '"' | '\\' | '<' | '>' | ';' | '=') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

pub(super) fn context(number: u32, context: &Context) -> Value {
    let mut object = Map::new();
    object.insert("name".into(), json!(names::firm(number)));
    object.insert("contextid".into(), number_form(number, number.is_multiple_of(3)));
    match context.quota {
        Some(quota) => {
            object.insert("oxQuota".into(), number_form(quota, number.is_multiple_of(2)));
        }
        None if number.is_multiple_of(2) => {
            object.insert("oxQuota".into(), json!("-1"));
        }
        None => {}
    }
    Value::Object(object)
}

pub(super) fn profile(profile: &Profile) -> Value {
    let mut object = Map::new();
    object.insert("name".into(), json!(profile.name));
    object.insert("displayName".into(), json!(profile.shown));
    for (index, right) in profile.rights.iter().enumerate() {
        let yes = match index % 3 {
            0 => json!("TRUE"),
            1 => json!(true),
            _ => json!(1),
        };
        object.insert((*right).into(), yes);
    }
    if !profile.rights.is_empty() {
        object.insert("syncml".into(), json!("FALSE"));
        object.insert("deniedportal".into(), json!(false));
        object.insert("publicfoldereditable".into(), json!("TRUE"));
    }
    Value::Object(object)
}

pub(super) fn user(user: &User, groups: &[Group]) -> Value {
    let mut object = Map::new();
    let mut put = |name: &str, value: Value| object.insert(name.to_owned(), value);
    let login = &user.person.login;
    let plain = user.style.is_multiple_of(2);

    put("username", json!(login));
    put("firstname", json!(user.person.first));
    put("lastname", json!(user.person.last));
    // The display name has two sources; the second counts where the first is empty.
    if user.style.is_multiple_of(5) {
        put("oxDisplayName", json!(""));
        put("displayName", json!(user.person.display));
    } else {
        put("oxDisplayName", json!(user.person.display));
        put("displayName", json!(format!("{} {}", user.person.first, user.person.last)));
    }
    put("isOxUser", if user.ox { yes(user.style) } else { no(user.style) });
    if let Some(context) = user.context {
        put("oxContext", number_form(context, plain));
    }
    put("oxAccess", json!(user.profile));
    put("mailPrimaryAddress", json!(user.primary));
    put_list(&mut put, "mailAlternativeAddress", &user.aliases, user.style);
    put_list(&mut put, "phone", &user.phones, user.style);
    match &user.mobile {
        Some(mobile) if user.style.is_multiple_of(3) => {
            put("mobileTelephoneNumber", json!([mobile]));
        }
        Some(mobile) => {
            put("oxMobileBusiness", json!(mobile));
            put("mobileTelephoneNumber", json!([]));
        }
        None => {}
    }
    put_text(&mut put, "oxDepartment", user.department.as_deref(), plain);
    put_text(&mut put, "oxNote", user.note.as_deref(), plain);
    if let Some(server) = &user.home_server {
        put("mailHomeServer", json!(server));
    }
    if let Some((year, month, day)) = user.birthday {
        let text = match user.style % 4 {
            0 => format!("{day:02}.{month:02}.{year}"),
            1 => format!("{day}.{month}.{year}"),
            _ => format!("{year}-{month:02}-{day:02}"),
        };
        put("birthday", json!(text));
    }
    if let Some(grey) = user.photo {
        put("jpegPhoto", json!(photo(grey)));
    }
    let mut memberships = vec![json!(format!("cn=Domain Users,cn=groups,{BASE}"))];
    memberships.extend(user.groups.iter().map(|group| json!(group_dn(&groups[*group]))));
    put("groups", Value::Array(memberships));
    // What else a directory delivers and OX never sees.
    put("disabled", json!("0"));
    put("locked", json!("0"));
    put("oxUserQuota", json!("-1"));
    put("password", json!("{crypt}$6$invented$not-a-real-hash"));
    put("primaryGroup", json!(format!("cn=Domain Users,cn=groups,{BASE}")));
    put("shell", json!("/bin/bash"));
    put("unixhome", json!(format!("/home/{login}")));
    Value::Object(object)
}

pub(super) fn group(group: &Group, users: &[User]) -> Value {
    json!({
        "name": group.name,
        "description": "",
        "isOxGroup": if group.ox { json!("OK") } else { json!("Not") },
        "nestedGroup": [],
        "hosts": [],
        "users": member_dns(&group.members, users),
    })
}

pub(super) fn account(account: &Account, users: &[User]) -> Value {
    let mut object = json!({
        "name": account.name,
        "mailPrimaryAddress": account.address,
        "oxQuota": "1000",
        "users": member_dns(&account.members, users),
        "groups": [],
    });
    if let Some(personal) = &account.personal {
        object["personal"] = json!(personal);
    }
    object
}

pub(super) fn resource(resource: &Resource) -> Value {
    let mut object = json!({
        "name": resource.name,
        "resourceMailAddress": resource.address,
        "oxContext": number_form(resource.context, resource.name.len().is_multiple_of(2)),
        "resourceadmin": "2101",
    });
    if let Some(shown) = &resource.shown {
        object["displayname"] = json!(shown);
    }
    if let Some(description) = &resource.description {
        object["description"] = json!(description);
    }
    object
}

/// A list of one is sometimes that one.
fn member_dns(members: &std::collections::BTreeSet<usize>, users: &[User]) -> Value {
    let dns: Vec<String> = members.iter().map(|member| member_dn(&users[*member])).collect();
    match dns.as_slice() {
        [only] if only.len().is_multiple_of(2) => json!(only),
        _ => json!(dns),
    }
}

fn number_form(number: u32, as_text: bool) -> Value {
    if as_text { json!(number.to_string()) } else { json!(number) }
}

fn yes(style: u8) -> Value {
    match style % 4 {
        0 | 2 => json!("OK"),
        1 => json!(true),
        _ => json!(1),
    }
}

fn no(style: u8) -> Value {
    match style % 3 {
        0 => json!("Not"),
        1 => json!(false),
        _ => Value::Null,
    }
}

fn put_list(
    put: &mut impl FnMut(&str, Value) -> Option<Value>,
    name: &str,
    list: &[String],
    style: u8,
) {
    match list {
        [] if style.is_multiple_of(3) => {}
        [] if style.is_multiple_of(7) => drop(put(name, Value::Null)),
        [only] if style.is_multiple_of(3) => drop(put(name, json!(only))),
        _ => drop(put(name, json!(list))),
    }
}

fn put_text(
    put: &mut impl FnMut(&str, Value) -> Option<Value>,
    name: &str,
    text: Option<&str>,
    plain: bool,
) {
    match text {
        Some(text) => drop(put(name, json!(text))),
        None if plain => drop(put(name, json!(""))),
        None => {}
    }
}

/// JSON with sorted keys, an indent of four, and `\u` escapes for all that is not ASCII.
pub(super) fn file_bytes(content: &Value) -> Vec<u8> {
    let mut text = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut text, formatter);
    // Writing a value into memory cannot fail; if it did, the empty file would be noticed as one.
    if serde::Serialize::serialize(content, &mut serializer).is_err() {
        return Vec::new();
    }
    let mut bytes = Vec::with_capacity(text.len());
    for c in String::from_utf8_lossy(&text).chars() {
        if c.is_ascii() {
            bytes.push(c as u8);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                bytes.extend(format!("\\u{unit:04x}").bytes());
            }
        }
    }
    bytes
}
