//! What a user must look like to be taken, and how his values are stored.

use base64::Engine as _;

use super::super::fault::Fault;
use super::super::options::SimOptions;
use super::field::UserField as F;
use super::user::UserInput;
use super::{Context, MailServer, User, rules};

/// Fields that hold one mail address each.
const ADDRESSES: [F; 5] =
    [F::PRIMARY_EMAIL, F::EMAIL1, F::EMAIL2, F::EMAIL3, F::DEFAULT_SENDER_ADDRESS];

/// Fields that are not kept as plain values: they have members of their own in [`User`], or
/// requests cannot set them.
const NOT_PLAIN: [F; 20] = [
    F::ID,
    F::ALIASES,
    F::CONTEXTADMIN,
    F::DEFAULT_GROUP,
    F::USED_QUOTA,
    F::USER_ATTRIBUTES,
    F::GUI_PREFERENCES_FOR_SOAP,
    F::PASSWORD,
    F::PASSWORD_EXPIRED,
    F::MAX_QUOTA,
    F::FILESTORE_ID,
    F::FILESTORE_NAME,
    F::IMAP_SERVER,
    F::IMAP_PORT,
    F::IMAP_SCHEMA,
    F::IMAP_SERVER_STRING,
    F::SMTP_SERVER,
    F::SMTP_PORT,
    F::SMTP_SCHEMA,
    F::SMTP_SERVER_STRING,
];

pub(super) const SPECIAL_USE: (&str, &str) = ("config", "com.openexchange.mail.specialuse.check");

/// Whether the field is kept as it is sent.
pub(super) fn is_plain(field: F) -> bool {
    !NOT_PLAIN.contains(&field) && field != F::CONVERT_DRIVE_USER_FOLDERS
}

/// All checks of a create that come before an id is taken, in the server's order.
pub(super) fn check_create(
    context: &Context,
    input: &UserInput,
    options: &SimOptions,
) -> Result<(), Fault> {
    let text = |field| input.text(field);
    if !rules::is_language(input.language()) {
        return Err(Fault::data("language must contain an underscore, e.g. en_US"));
    }
    check_timezone(input)?;
    check_mech(input)?;
    if text(F::PASSWORD).is_none_or(|password| password.trim().is_empty()) {
        return Err(Fault::data("Empty password is not allowed."));
    }
    let missing = input.missing(false);
    if !missing.is_empty() {
        return Err(Fault::data(format!("Mandatory fields not set: [{missing}]")));
    }
    check_display_name(context, text(F::DISPLAY_NAME).unwrap_or_default(), None, options)?;
    let name = text(F::NAME).unwrap_or_default();
    check_name(name, options)?;
    check_addresses(input)?;
    let primary = text(F::PRIMARY_EMAIL).unwrap_or_default();
    if text(F::EMAIL1) != Some(primary) {
        return Err(Fault::data("primarymail must have the same value as email1"));
    }
    if context.by_login(&stored_name(name, options)).is_some() {
        return Err(name_taken(name));
    }
    context.primary_taken(primary, None)
}

pub(super) fn name_taken(name: &str) -> Fault {
    Fault::data(format!("User {name} already exists in this context"))
}

/// The login name as it is kept.
pub(super) fn stored_name(name: &str, options: &SimOptions) -> String {
    if options.lowercase_uid { name.to_lowercase() } else { name.to_owned() }
}

pub(super) fn check_name(name: &str, options: &SimOptions) -> Result<(), Fault> {
    if !options.check_user_names {
        return Ok(());
    }
    match rules::illegal_chars(name, rules::USER_EXTRA) {
        Some(bad) => Err(Fault::data(format!("Illegal chars: \"{bad}\""))),
        None => Ok(()),
    }
}

/// A display name must be unlike all others, to the letter, if the server wants it so.
pub(super) fn check_display_name(
    context: &Context,
    name: &str,
    own: Option<u32>,
    options: &SimOptions,
) -> Result<(), Fault> {
    if !options.unique_display_name {
        return Ok(());
    }
    let others = context.displays.get(&name.to_lowercase()).into_iter().flatten();
    let taken = others
        .filter(|id| Some(**id) != own)
        .filter_map(|id| context.users.get(id))
        .any(|user| user.field(F::DISPLAY_NAME) == name);
    if taken { Err(Fault::data("The displayname is already used")) } else { Ok(()) }
}

pub(super) fn check_timezone(input: &UserInput) -> Result<(), Fault> {
    match input.text(F::TIMEZONE) {
        Some(zone) if !rules::is_timezone(zone) => {
            Err(Fault::data("The given timezone is invalid"))
        }
        _ => Ok(()),
    }
}

pub(super) fn check_mech(input: &UserInput) -> Result<(), Fault> {
    match input.text(F::PASSWORD_MECH) {
        Some(mech) if rules::password_mech(mech).is_none() => {
            let bare = mech.strip_prefix('{').and_then(|m| m.strip_suffix('}')).unwrap_or(mech);
            Err(Fault::data(format!(
                "Invalid PasswordMech: {{{bare}}}. Use one of the following: \
                 BCRYPT, CRYPT, SHA-256, SHA-512, SHA"
            )))
        }
        _ => Ok(()),
    }
}

/// The syntax of all addresses sent.
pub(super) fn check_addresses(input: &UserInput) -> Result<(), Fault> {
    let single = ADDRESSES.iter().filter_map(|field| input.text(*field));
    let aliases = input.aliases.iter().flatten().map(String::as_str);
    match single.chain(aliases).find(|address| !rules::is_address(address)) {
        Some(bad) => Err(Fault::data(format!("Invalid email address: {bad}"))),
        None => Ok(()),
    }
}

/// Values that do not fit their columns; the text differs between create and change.
pub(super) fn check_widths(input: &UserInput, create: bool) -> Result<(), Fault> {
    // The row of the user is written before that of his contact.
    let first = [F::NAME, F::PRIMARY_EMAIL]
        .into_iter()
        .filter_map(|field| input.text(field).map(|value| (field, value)));
    let too_long = first.chain(input.fields.iter()).find_map(|(field, value)| {
        let (column, width) = field.limit()?;
        // Long texts are limited in bytes, the others in characters.
        let length = if width > 10_000 { value.len() } else { value.chars().count() };
        (length > width).then_some(column)
    });
    match too_long {
        None => Ok(()),
        Some(column) if create => Err(Fault::storage(format!(
            "Data too long for underlying storage!Error field(s): {column}"
        ))),
        Some(column) => Err(Fault {
            tails: 2,
            ..Fault::storage(format!(
                "com.mysql.cj.jdbc.exceptions.MysqlDataTruncation: Data truncation: Data too long \
                 for column '{column}' at row 1"
            ))
        }),
    }
}

/// An image needs a type, whatever it says, and must be one.
pub(super) fn check_image(input: &UserInput) -> Result<(), Fault> {
    let Some(image) = input.text(F::IMAGE1).filter(|image| !image.is_empty()) else {
        return Ok(());
    };
    let Some(kind) = input.text(F::IMAGE1_CONTENT_TYPE) else {
        return Err(Fault::storage("imageContentType must not be null"));
    };
    let compact: String = image.chars().filter(|c| !c.is_whitespace()).collect();
    let bytes = base64::engine::general_purpose::STANDARD.decode(compact).unwrap_or_default();
    if rules::is_image(&bytes) {
        return Ok(());
    }
    Err(Fault {
        tails: 2,
        ..Fault::storage(format!(
            "com.openexchange.imagetransformation.NoSuchImageReader: \
             No image reader available for format {kind}"
        ))
    })
}

/// The aliases of a new user: those sent, his primary and his sender address.
pub(super) fn create_aliases(input: &UserInput) -> Vec<String> {
    let primary = input.text(F::PRIMARY_EMAIL);
    let sender = input.text(F::DEFAULT_SENDER_ADDRESS).filter(|sender| !sender.is_empty());
    let mut aliases: Vec<String> = input.aliases.clone().unwrap_or_default();
    aliases.extend(primary.into_iter().chain(sender).map(str::to_owned));
    aliases.retain(|alias| !alias.trim().is_empty());
    aliases.sort();
    aliases.dedup();
    rules::alias_order(&mut aliases);
    aliases
}

/// The second of two aliases that differ only in case.
pub(super) fn case_twin(aliases: &[String]) -> Option<&str> {
    let mut seen = std::collections::HashSet::new();
    aliases.iter().find(|alias| !seen.insert(alias.to_lowercase())).map(String::as_str)
}

pub(super) fn default_server(scheme: &str, port: u16) -> MailServer {
    MailServer { scheme: format!("{scheme}://"), host: "localhost".to_owned(), port }
}

/// The IMAP server sent, if any.
pub(super) fn imap(input: &UserInput) -> Result<Option<MailServer>, Fault> {
    let server = input.text(F::IMAP_SERVER).or_else(|| input.text(F::IMAP_SERVER_STRING));
    mail_server(server, input.text(F::IMAP_PORT), "imap", 143, 993)
}

/// The SMTP server sent, if any.
pub(super) fn smtp(input: &UserInput) -> Result<Option<MailServer>, Fault> {
    let server = input.text(F::SMTP_SERVER).or_else(|| input.text(F::SMTP_SERVER_STRING));
    mail_server(server, input.text(F::SMTP_PORT), "smtp", 25, 465)
}

/// Server and port make a URL, whose scheme follows from the port unless the server says one. A
/// port without a server is ignored, and so is an empty server.
fn mail_server(
    server: Option<&str>,
    port: Option<&str>,
    plain: &str,
    plain_port: u16,
    secure_port: u16,
) -> Result<Option<MailServer>, Fault> {
    let Some(server) = server.filter(|server| !server.is_empty()) else { return Ok(None) };
    let port: u16 = port.and_then(|port| port.parse().ok()).unwrap_or(plain_port);
    let secure = format!("{plain}s");
    let invalid = |text: String| Fault { tails: 2, ..Fault::storage(text) };
    if let Some((scheme, rest)) = server.split_once("://") {
        let rest = rest.trim_end_matches('/');
        let default = if scheme == secure { secure_port } else { plain_port };
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().unwrap_or(default)),
            None => (rest, default),
        };
        let scheme = format!("{scheme}://");
        return Ok(Some(MailServer { scheme, host: host.to_owned(), port }));
    }
    let scheme = if port == secure_port { &secure } else { plain };
    if server.contains(char::is_whitespace) {
        return Err(invalid(format!(
            "java.net.URISyntaxException: Illegal character in authority at index {}: \
             {scheme}://{server}:{port}",
            scheme.len() + 3
        )));
    }
    if server.contains(':') && !server.starts_with('[') {
        let index = scheme.len() + 4;
        return Err(invalid(format!(
            "java.net.URISyntaxException: Malformed IPv6 address at index {index}: \
             {scheme}://[{server}]:{port}"
        )));
    }
    Ok(Some(MailServer { scheme: format!("{scheme}://"), host: server.to_owned(), port }))
}

/// Stores what was sent for a new user, and the server's defaults for the rest.
pub(super) fn fill_new(user: &mut User, input: &UserInput, options: &SimOptions) {
    for (field, value) in input.fields.iter().filter(|(field, _)| is_plain(*field)) {
        user.fields.set(field, value);
    }
    let name = stored_name(input.text(F::NAME).unwrap_or_default(), options);
    user.fields.set(F::NAME, name);
    let mech = input.text(F::PASSWORD_MECH).and_then(rules::password_mech);
    user.fields.set(F::PASSWORD_MECH, mech.unwrap_or_else(|| "{SHA-256}".to_owned()));
    let sender = input.text(F::DEFAULT_SENDER_ADDRESS).filter(|sender| !sender.is_empty());
    let sender = sender.or_else(|| input.text(F::PRIMARY_EMAIL)).unwrap_or_default();
    user.fields.set(F::DEFAULT_SENDER_ADDRESS, sender);
    for (field, value) in [
        (F::LANGUAGE, "en_US"),
        (F::TIMEZONE, "Europe/Berlin"),
        (F::MAILENABLED, "true"),
        (F::GUI_SPAM_FILTER_ENABLED, "false"),
        (F::MAIL_FOLDER_ARCHIVE_FULL_NAME, ""),
        (F::UPLOAD_FILE_SIZE_LIMIT, "-1"),
        (F::UPLOAD_FILE_SIZE_LIMIT_PER_FILE, "-1"),
        (F::PRIMARY_ACCOUNT_NAME, "E-Mail"),
        (F::LOAD_REMOTE_MAIL_CONTENT_BY_DEFAULT, "false"),
    ] {
        if user.fields.get(field).is_none() {
            user.fields.set(field, value);
        }
    }
    if user.field(F::IMAGE1).is_empty() {
        user.fields.take(F::IMAGE1);
        user.fields.take(F::IMAGE1_CONTENT_TYPE);
    }
    store_attributes(user, input);
    let (namespace, key) = SPECIAL_USE;
    let known = user.attributes.entry(namespace.to_owned()).or_default();
    known.insert(key.to_owned(), "true".to_owned());
}

/// Sets the attributes sent; one without a value is removed.
pub(super) fn store_attributes(user: &mut User, input: &UserInput) {
    for (namespace, key, value) in &input.attributes {
        let known = user.attributes.entry(namespace.clone()).or_default();
        match value {
            Some(value) => {
                known.insert(key.clone(), value.clone());
            }
            None => {
                known.remove(key);
            }
        }
    }
}
