//! The server's switches.

use serde::{Deserialize, Serialize};

/// Settings of the server that change what provisioning may do. Each is named after what it
/// allows or checks; the server's own name for it is in the comment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SimOptions {
    /// `com.openexchange.user.enforceUniqueDisplayName`.
    pub unique_display_name: bool,
    /// `USERNAME_CHANGEABLE`.
    pub username_changeable: bool,
    /// `CHECK_USER_UID_FOR_NOT_ALLOWED_CHARS`.
    pub check_user_names: bool,
    /// `CHECK_GROUP_UID_FOR_NOT_ALLOWED_CHARS`.
    pub check_group_names: bool,
    /// `CHECK_RES_UID_FOR_NOT_ALLOWED_CHARS`.
    pub check_resource_names: bool,
    /// `PRIMARY_MAIL_UNCHANGEABLE`.
    pub primary_mail_unchangeable: bool,
    /// `MASTER_ACCOUNT_OVERRIDE`: the master's credentials are accepted inside contexts.
    pub master_override: bool,
    /// `AUTO_TO_LOWERCASE_UID`.
    pub lowercase_uid: bool,
    /// `ALLOW_CHANGING_QUOTA_IF_NO_FILESTORE_SET`.
    pub quota_without_filestore: bool,
    /// What `maxQuota` of a copied user reads when its source had no quota of its own.
    pub copied_quota: i64,
    /// Whether the first create of a context id that was deleted before fails with a duplicate
    /// key, as it mostly does on a real server. Off by default: few tests are about it.
    pub recreate_conflict: bool,
    /// Whether the server offers what came after the interface that was recorded: guests become users,
    /// shared accounts.
    pub newer: bool,
    /// Services that are not installed: their addresses answer 404.
    pub missing_services: Vec<String>,
}

impl SimOptions {
    /// As the product is shipped.
    pub fn shipped() -> Self {
        Self {
            unique_display_name: true,
            username_changeable: false,
            check_user_names: true,
            check_group_names: true,
            check_resource_names: true,
            primary_mail_unchangeable: false,
            master_override: false,
            lowercase_uid: false,
            quota_without_filestore: false,
            copied_quota: 0,
            recreate_conflict: false,
            newer: false,
            missing_services: Vec::new(),
        }
    }

    /// As Univention's installation notes ask for.
    pub fn univention() -> Self {
        Self {
            unique_display_name: false,
            username_changeable: true,
            check_group_names: false,
            ..Self::shipped()
        }
    }
}

impl Default for SimOptions {
    /// [`SimOptions::univention`]: what provisioning meets in practice.
    fn default() -> Self {
        Self::univention()
    }
}
