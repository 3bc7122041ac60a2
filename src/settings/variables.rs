//! The OX Connector's own environment variables, and what each is to drover.

/// What a variable is to drover.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// The setting of this key.
    Key(&'static str),
    /// Whether to stop at a faulty item, or to set it aside: `retry.on_fault` in other words. 3.x takes
    /// nothing but `False` for no, 4.x every usual word, and so does drover.
    StopOnError,
    /// A feature that drover does not have yet.
    Later,
}

/// Every variable. Where two set the same key, the later in this list wins.
pub const VARIABLES: &[(&str, Meaning)] = &[
    ("OX_SOAP_SERVER", Meaning::Key("ox.soap_server")),
    ("OX_MASTER_ADMIN", Meaning::Key("ox.master_admin")),
    ("OX_MASTER_PASSWORD", Meaning::Key("ox.master_password")),
    ("OX_CREDENTIALS_FILE", Meaning::Key("ox.credentials_file")),
    ("REQUESTS_CA_BUNDLE", Meaning::Key("ox.ca_file")),
    ("DEFAULT_CONTEXT", Meaning::Key("ox.default_context")),
    ("DOMAINNAME", Meaning::Key("ox.domain_name")),
    ("OX_IMAP_SERVER", Meaning::Key("mapping.imap_server")),
    ("OX_SMTP_SERVER", Meaning::Key("mapping.smtp_server")),
    ("OX_IMAP_LOGIN", Meaning::Key("mapping.imap_login")),
    (
        "OX_FUNCTIONAL_ACCOUNT_LOGIN_TEMPLATE",
        Meaning::Key("mapping.functional_account_login_template"),
    ),
    ("OX_USER_IDENTIFIER", Meaning::Key("mapping.user_identifier")),
    ("OX_GROUP_IDENTIFIER", Meaning::Key("mapping.group_identifier")),
    ("OX_LANGUAGE", Meaning::Key("mapping.language")),
    ("LOCAL_TIMEZONE", Meaning::Key("mapping.timezone")),
    ("DATA_DIR", Meaning::Key("queue.data_dir")),
    ("LOG_LEVEL", Meaning::Key("logs.level")),
    ("OX_CONNECTOR_LOG_LEVEL", Meaning::Key("logs.level")),
    ("OX_CONNECTOR_STOP_ON_ERROR", Meaning::StopOnError),
    ("OX_ENABLE_DEPUTY_PERMISSIONS", Meaning::Key("mapping.deputy_permissions")),
    ("OX_SHARED_ACCOUNT_IDENTIFIER", Meaning::Key("mapping.shared_account_identifier")),
    ("OX_ENABLE_SHARED_ACCOUNT", Meaning::Key("mapping.shared_accounts")),
    ("OX_CONNECTOR_DB", Meaning::Later),
    ("MAX_ACKNOWLEDGEMENT_RETRIES", Meaning::Later),
    ("PROVISIONING_API_BASE_URL", Meaning::Later),
    ("PROVISIONING_API_USERNAME", Meaning::Later),
    ("PROVISIONING_API_PASSWORD", Meaning::Later),
    ("PROVISIONING_API_ADMIN_USERNAME", Meaning::Later),
    ("PROVISIONING_API_ADMIN_PASSWORD", Meaning::Later),
    ("PROVISIONING_API_RESYNC_ENABLED", Meaning::Later),
];
