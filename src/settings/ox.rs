//! Where OX is, who talks to it, and for how long.

use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use super::layers::Layers;
use super::problem::BadValue;
use crate::model::{ContextId, Secret};

/// Section `ox`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ox {
    /// Address of OX, without query and fragment; its path has no slash at the end, unless that is
    /// all of it.
    pub soap_server: Url,
    /// Login for contexts as a whole.
    pub master_admin: String,
    /// Its password; none = what the credentials file says.
    pub master_password: Option<Secret>,
    /// The credentials file if it is not in its usual place, see
    /// [`Settings::credentials_file`](super::Settings::credentials_file).
    pub credentials_file: Option<PathBuf>,
    /// PEM certificates that are trusted in addition to the system's.
    pub ca_file: Option<PathBuf>,
    /// Accept any certificate.
    pub insecure: bool,
    /// Use the proxy that the environment names.
    pub proxy: bool,
    /// The context whose administrator is called `oxadmin`.
    pub default_context: ContextId,
    /// Mail domain of new context administrators.
    pub domain_name: String,
    /// How long to try to connect.
    pub connect_timeout: Duration,
    /// How long calls may take that change nothing.
    pub read_deadline: Duration,
    /// How long ordinary writes may take.
    pub write_deadline: Duration,
    /// How long heavy writes may take.
    pub heavy_deadline: Duration,
    /// How long an answer that has begun may pause.
    pub answer_idle: Duration,
}

impl Ox {
    pub(super) fn read(layers: &Layers) -> Result<Self, BadValue> {
        Ok(Self {
            soap_server: soap_server(layers)?,
            master_admin: layers.field("ox.master_admin").text("name the login")?,
            master_password: layers.field("ox.master_password").secret()?,
            credentials_file: layers.field("ox.credentials_file").optional_path()?,
            ca_file: layers.field("ox.ca_file").optional_path()?,
            insecure: layers.field("ox.insecure").flag()?,
            proxy: layers.field("ox.proxy").flag()?,
            default_context: ContextId(
                layers.field("ox.default_context").whole(1..=i32::MAX.unsigned_abs())?,
            ),
            domain_name: layers
                .field("ox.domain_name")
                .word("a mail domain", "name a domain such as example.org")?,
            connect_timeout: layers.field("ox.connect_timeout_s").seconds()?,
            read_deadline: layers.field("ox.read_deadline_s").seconds()?,
            write_deadline: layers.field("ox.write_deadline_s").seconds()?,
            heavy_deadline: layers.field("ox.heavy_deadline_s").seconds()?,
            answer_idle: layers.field("ox.answer_idle_s").seconds()?,
        })
    }
}

/// The address of OX. A slash at its end, a query and a fragment would end up amid the path.
fn soap_server(layers: &Layers) -> Result<Url, BadValue> {
    const EXPECTED: &str = "an http or https address";
    const CURE: &str = "write an address such as https://ox.example.org";
    let field = layers.field("ox.soap_server");
    let mut url = field.url(EXPECTED, CURE)?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(field.refuse(EXPECTED, CURE));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(field.refuse("an http or https address without ? and #", CURE));
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}
