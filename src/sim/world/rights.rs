//! Module rights of users, and the combinations that have names.

/// The rights in the order of the schema; the bit of a right is its place here.
pub(crate) const NAMES: [&str; 26] = [
    "OLOX20",
    "USM",
    "activeSync",
    "calendar",
    "collectEmailAddresses",
    "contacts",
    "delegateTask",
    "deniedPortal",
    "editGroup",
    "editPassword",
    "editPublicFolders",
    "editResource",
    "globalAddressBookDisabled",
    "ical",
    "infostore",
    "multipleMailAccounts",
    "publicFolderEditable",
    "publication",
    "readCreateSharedFolders",
    "subscription",
    "syncml",
    "tasks",
    "vcard",
    "webdav",
    "webdavXml",
    "webmail",
];

/// A set of module rights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rights(u32);

const fn bit(name: &str) -> u32 {
    let mut place = 0;
    while place < NAMES.len() {
        if same(NAMES[place], name) {
            return 1 << place;
        }
        place += 1;
    }
    0
}

const fn same(left: &str, right: &str) -> bool {
    let (left, right) = (left.as_bytes(), right.as_bytes());
    if left.len() != right.len() {
        return false;
    }
    let mut place = 0;
    while place < left.len() {
        if left[place] != right[place] {
            return false;
        }
        place += 1;
    }
    true
}

const ALL: u32 = (1 << NAMES.len()) - 1;
const NO_GAB: u32 = bit("globalAddressBookDisabled");
const PUBLIC_FOLDERS: u32 = bit("publicFolderEditable");
const PUBLICATION: u32 = bit("publication");
/// A right that a request leaves out is taken as granted, but for these.
const FALSE_UNLESS_SENT: u32 = bit("deniedPortal") | NO_GAB | PUBLIC_FOLDERS;
const PREMIUM: u32 = ALL & !FALSE_UNLESS_SENT;
const WEBMAIL: u32 = bit("webmail") | bit("contacts");
const PIM: u32 = WEBMAIL | bit("calendar") | bit("tasks");
const MOBILITY: u32 = bit("syncml") | bit("USM") | bit("activeSync") | bit("OLOX20");
const SHARING: u32 = bit("multipleMailAccounts") | bit("subscription") | PUBLICATION;
const STANDARD: u32 = PREMIUM & !MOBILITY & !bit("webdavXml");
const EXTRAS: u32 = bit("collectEmailAddresses") | bit("editPassword");
/// With the global address book disabled none of these may be granted.
const NEEDS_GAB: u32 = bit("editPublicFolders")
    | bit("readCreateSharedFolders")
    | bit("webdavXml")
    | bit("delegateTask");

/// The shipped combinations, in the order in which a set of rights is matched against them.
/// `webmail_plus`, `groupware_standard`, `groupware_premium` and `all` were measured; the
/// others follow the product's published table.
const COMBINATIONS: [(&str, u32); 13] = [
    ("webmail_plus", WEBMAIL),
    ("pim_plus", PIM),
    ("groupware_plus", PIM | bit("infostore") | bit("webdav") | NEEDS_GAB),
    ("groupware_standard", STANDARD),
    ("groupware_premium", PREMIUM),
    ("all", PREMIUM | PUBLIC_FOLDERS),
    ("premium", PREMIUM | PUBLIC_FOLDERS),
    ("groupware", STANDARD | PUBLIC_FOLDERS),
    ("webmail", WEBMAIL | NO_GAB | EXTRAS),
    ("pim", PIM | NO_GAB | EXTRAS | SHARING),
    (
        "pim_infostore",
        PIM | NO_GAB | bit("infostore") | bit("webdav") | bit("collectEmailAddresses") | SHARING,
    ),
    ("pim_mobility", PIM | NO_GAB | EXTRAS | SHARING | (MOBILITY & !bit("OLOX20"))),
    ("drive", bit("infostore") | bit("webdav") | bit("contacts") | bit("editPassword")),
];

impl Rights {
    /// What a plain create of a context gives its administrator.
    pub(crate) fn of_new_context() -> Self {
        Self(WEBMAIL)
    }

    /// The rights a request asks for, when each is sent, or left out or nil.
    pub(crate) fn from_request(sent: &[Option<bool>; 26]) -> Self {
        let mut bits = 0;
        for (place, value) in sent.iter().enumerate() {
            let mask = 1 << place;
            if value.unwrap_or(FALSE_UNLESS_SENT & mask == 0) {
                bits |= mask;
            }
        }
        Self(bits)
    }

    /// The combination of that name.
    pub(crate) fn combination(name: &str) -> Option<Self> {
        COMBINATIONS.iter().find(|entry| entry.0 == name).map(|entry| Self(entry.1))
    }

    /// The name of exactly this set.
    pub(crate) fn combination_name(self) -> Option<&'static str> {
        COMBINATIONS.iter().find(|entry| entry.1 == self.0).map(|entry| entry.0)
    }

    /// Whether the right at that place of [`NAMES`] is granted.
    pub(crate) fn has(self, place: usize) -> bool {
        self.0 & (1 << place) != 0
    }

    /// Names of the granted rights.
    pub(crate) fn names(self) -> impl Iterator<Item = &'static str> {
        NAMES.into_iter().enumerate().filter(move |(place, _)| self.has(*place)).map(|(_, n)| n)
    }

    pub(crate) fn edits_public_folders(self) -> bool {
        self.0 & PUBLIC_FOLDERS != 0
    }

    pub(crate) fn without_public_folders(self) -> Self {
        Self(self.0 & !PUBLIC_FOLDERS)
    }

    pub(crate) fn with_publication(self) -> Self {
        Self(self.0 | PUBLICATION)
    }

    pub(crate) fn with_gab_disabled(self) -> Self {
        Self(self.0 | NO_GAB)
    }

    /// Whether the set asks for groupware without its address book.
    pub(crate) fn contradicts_gab(self) -> bool {
        self.0 & NO_GAB != 0 && self.0 & NEEDS_GAB != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_omitted_right_is_granted_but_for_three() {
        let rights = Rights::from_request(&[None; 26]);
        let missing: Vec<_> =
            NAMES.into_iter().filter(|n| rights.names().all(|r| r != *n)).collect();
        assert_eq!(missing, ["deniedPortal", "globalAddressBookDisabled", "publicFolderEditable"]);
        assert_eq!(rights.combination_name(), Some("groupware_premium"));
    }

    #[test]
    fn a_right_alone_switches_the_others_on() {
        let mut sent = [None; 26];
        sent[3] = Some(false);
        let rights = Rights::from_request(&sent);
        assert!(!rights.has(3));
        assert_eq!(rights.names().count(), 22);
    }

    #[test]
    fn the_default_of_a_context_has_a_name() {
        assert_eq!(Rights::of_new_context().combination_name(), Some("webmail_plus"));
    }
}
