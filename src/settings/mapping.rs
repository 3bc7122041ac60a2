//! What users, groups and contexts get that is not in the directory.

use std::path::PathBuf;

use super::layers::Layers;
use super::problem::BadValue;
use crate::plan::attributes::Texts;
use crate::provision::OnRevoke;

const MOST_PROFILE_HOLDERS: u32 = 10_000_000;

/// Section `mapping`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// IMAP server of users.
    pub imap_server: MailServer,
    /// SMTP server of users.
    pub smtp_server: MailServer,
    /// Login at the IMAP server, `{}` = the primary mail address; none = that address itself.
    pub imap_login: Option<String>,
    /// Login of functional accounts, with words in double braces.
    pub functional_account_login_template: String,
    /// Property that names users, or `entryUUID`.
    pub user_identifier: String,
    /// Property that names groups, or `entryUUID`.
    pub group_identifier: String,
    /// Language of new users.
    pub language: String,
    /// Time zone of new users and context administrators.
    pub timezone: String,
    /// What happens to users whose box is unticked in the directory.
    pub on_revoke: OnRevoke,
    /// Login name of whoever gets the data of deleted users who name nobody themselves.
    pub heir: Option<String>,
    /// Whether a context that is gone from the directory is disabled in OX instead of deleted.
    pub disable_contexts: bool,
    /// What happens to texts and names that OX would refuse.
    pub texts: Texts,
    /// How many users a changed access profile may reach by itself; 0 = none.
    pub profile_holders: u32,
    /// Whether shared accounts are provisioned.
    pub shared_accounts: bool,
    /// Property that names shared accounts.
    pub shared_account_identifier: String,
    /// Whether users get the name under which they send mail from the directory.
    pub sender_name: bool,
    /// Whether users' deputies are provisioned.
    pub deputy_permissions: bool,
    /// Login mappings of new contexts beside the usual two, with `{id}` and `{name}`.
    pub login_mappings: Vec<String>,
    /// The attribute mapping if it is not in its usual place, see
    /// [`Settings::attribute_mapping`](super::Settings::attribute_mapping).
    pub attribute_mapping: Option<PathBuf>,
}

/// A mail server as OX wants to have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailServer {
    /// `imap`, `imaps`, `smtp` …, without `://`.
    pub scheme: String,
    /// Host in small letters; an IPv6 address is in brackets.
    pub host: String,
    /// Port, if one was given.
    pub port: Option<u16>,
}

impl Mapping {
    pub(super) fn read(layers: &Layers) -> Result<Self, BadValue> {
        let template = layers.field("mapping.functional_account_login_template");
        Ok(Self {
            imap_server: mail_server(layers, "mapping.imap_server", "imap://mail.example.org:143")?,
            smtp_server: mail_server(layers, "mapping.smtp_server", "smtp://mail.example.org:587")?,
            imap_login: layers.field("mapping.imap_login").optional_text()?,
            functional_account_login_template: template.text("leave it out for the default")?,
            user_identifier: layers
                .field("mapping.user_identifier")
                .property("name one such as username, or entryUUID")?,
            group_identifier: layers
                .field("mapping.group_identifier")
                .property("name one such as name, or entryUUID")?,
            on_revoke: layers
                .field("mapping.on_revoke")
                .choice(&[("delete", OnRevoke::Delete), ("disable", OnRevoke::Disable)])?,
            heir: layers.field("mapping.heir").optional_text()?,
            disable_contexts: layers
                .field("mapping.on_context_delete")
                .choice(&[("delete", false), ("disable", true)])?,
            texts: Texts {
                cut: layers
                    .field("mapping.too_long")
                    .choice(&[("refuse", false), ("cut", true)])?,
                slug: layers
                    .field("mapping.illegal_characters")
                    .choice(&[("send", false), ("slug", true)])?,
            },
            profile_holders: layers
                .field("mapping.profile_holders")
                .whole(0..=MOST_PROFILE_HOLDERS)?,
            shared_accounts: layers.field("mapping.shared_accounts").flag()?,
            shared_account_identifier: layers
                .field("mapping.shared_account_identifier")
                .property("name one such as name")?,
            sender_name: layers.field("mapping.sender_name").flag()?,
            deputy_permissions: layers.field("mapping.deputy_permissions").flag()?,
            language: layers.field("mapping.language").language()?,
            timezone: layers.field("mapping.timezone").time_zone()?,
            login_mappings: layers.field("mapping.login_mappings").list()?,
            attribute_mapping: layers.field("mapping.attribute_mapping").optional_path()?,
        })
    }
}

fn mail_server(layers: &Layers, key: &'static str, example: &str) -> Result<MailServer, BadValue> {
    let expected = "an address with scheme and host";
    let url = layers.field(key).url(expected, &format!("write one such as {example}"))?;
    Ok(MailServer {
        scheme: url.scheme().to_owned(),
        host: url.host_str().unwrap_or_default().to_ascii_lowercase(),
        port: url.port(),
    })
}
