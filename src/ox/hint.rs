//! Settings of the server that some of its refusals come from.

/// What to set in OX so that it takes what it refused with this text; none if no setting is known to
/// be the reason.
pub fn server_setting(text: &str) -> Option<&'static str> {
    let has = |part: &str| text.contains(part);
    if has("The displayname is already used") {
        return Some(
            "com.openexchange.user.enforceUniqueDisplayName=false and \
             com.openexchange.folderstorage.database.preferDisplayName=false",
        );
    }
    if has("FLD-0075") {
        return Some("com.openexchange.folderstorage.database.preferDisplayName=false");
    }
    if has("Changing username is disabled") {
        return Some("USERNAME_CHANGEABLE=true in AdminUser.properties");
    }
    if has("Illegal chars: ") && !has("login mapping") {
        if has("OXGroupService") {
            return Some(
                "CHECK_GROUP_UID_FOR_NOT_ALLOWED_CHARS=false in Group.properties; or here mapping.illegal_characters=\"slug\"",
            );
        }
        if has("OXUserService") {
            return Some(
                "CHECK_USER_UID_FOR_NOT_ALLOWED_CHARS=false in AdminUser.properties; or here mapping.illegal_characters=\"slug\"",
            );
        }
        if has("OXResourceService") {
            return Some(
                "CHECK_RES_UID_FOR_NOT_ALLOWED_CHARS=false in Resource.properties; or here mapping.illegal_characters=\"slug\"",
            );
        }
    }
    None
}

/// Whether a user could not be made because a guest has his address. The product's words for it are not
/// known to us; any that speak of a guest are taken for it.
pub fn guest_in_the_way(text: &str) -> bool {
    text.contains("OXUserService.create") && text.to_lowercase().contains("guest")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_that_a_setting_makes_name_it() {
        let cases = [
            ("OX refused OXUserService.change: The displayname is already used", "enforceUnique"),
            ("OX refused OXUserService.change: Changing username is disabled!", "USERNAME_CHANG"),
            ("OX refused OXGroupService.create: Illegal chars: \"&\"", "CHECK_GROUP_UID"),
            ("OX refused OXUserService.change: FLD-0075 Categories=…", "preferDisplayName"),
        ];
        for (text, setting) in cases {
            assert!(server_setting(text).is_some_and(|told| told.contains(setting)), "{text}");
        }
        assert_eq!(server_setting("OX refused OXUserService.change: Invalid email"), None);
        let mapping = "OX refused OXContextService.change: Illegal chars: \"&\" in login mapping";
        assert_eq!(server_setting(mapping), None);
    }
}
