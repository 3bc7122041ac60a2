//! Module rights: what an access profile grants, and the 26 flags OX wants on every rights call.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One of OX's 26 module rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Right {
    /// Name of the flag in OX's `UserModuleAccess`.
    pub field: &'static str,
    /// Name in access profiles (UDM property, word of `ModuleAccessDefinitions.properties`);
    /// `None` for the three that a profile never grants.
    pub word: Option<&'static str>,
}

/// All 26 rights in the order of OX's interface.
///
/// `OLOX20` and `publication` are outdated, `publicFolderEditable` belongs to context admins only
/// (OX refuses it for anybody else): drover always sends these three as false.
pub const RIGHTS: [Right; 26] = [
    Right { field: "OLOX20", word: None },
    Right { field: "USM", word: Some("usm") },
    Right { field: "activeSync", word: Some("activesync") },
    Right { field: "calendar", word: Some("calendar") },
    Right { field: "collectEmailAddresses", word: Some("collectemailaddresses") },
    Right { field: "contacts", word: Some("contacts") },
    Right { field: "delegateTask", word: Some("delegatetask") },
    Right { field: "deniedPortal", word: Some("deniedportal") },
    Right { field: "editGroup", word: Some("editgroup") },
    Right { field: "editPassword", word: Some("editpassword") },
    Right { field: "editPublicFolders", word: Some("editpublicfolders") },
    Right { field: "editResource", word: Some("editresource") },
    Right { field: "globalAddressBookDisabled", word: Some("globaladdressbookdisabled") },
    Right { field: "ical", word: Some("ical") },
    Right { field: "infostore", word: Some("infostore") },
    Right { field: "multipleMailAccounts", word: Some("multiplemailaccounts") },
    Right { field: "publicFolderEditable", word: None },
    Right { field: "publication", word: None },
    Right { field: "readCreateSharedFolders", word: Some("readcreatesharedfolders") },
    Right { field: "subscription", word: Some("subscription") },
    Right { field: "syncml", word: Some("syncml") },
    Right { field: "tasks", word: Some("tasks") },
    Right { field: "vcard", word: Some("vcard") },
    Right { field: "webdav", word: Some("webdav") },
    Right { field: "webdavXml", word: Some("webdavxml") },
    Right { field: "webmail", word: Some("webmail") },
];

/// Takes the global address book away.
const NO_ADDRESS_BOOK: &str = "globaladdressbookdisabled";
/// Rights that OX grants to nobody without it.
const NEED_ADDRESS_BOOK: [&str; 4] =
    ["delegatetask", "editpublicfolders", "readcreatesharedfolders", "webdavxml"];

/// A value for each of the 26 rights.
///
/// There is no partial form on purpose: OX takes an omitted right for **true**, so a call that
/// leaves one out hands it to the user.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ModuleAccess(u32);

impl ModuleAccess {
    /// All 26 rights false: a user who cannot log in to anything.
    pub const NONE: Self = Self(0);

    /// Whether the right at `index` of [`RIGHTS`] is granted.
    pub fn get(self, index: usize) -> bool {
        self.0 & (1 << index) != 0
    }

    /// Grants or takes the right at `index` of [`RIGHTS`].
    pub fn set(&mut self, index: usize, granted: bool) {
        if granted {
            self.0 |= 1 << index;
        } else {
            self.0 &= !(1 << index);
        }
    }

    /// Rights from the words of an access profile (any case).
    ///
    /// # Errors
    /// The first word that names no grantable right.
    pub fn from_words<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Self, UnknownRight> {
        let mut access = Self::NONE;
        for word in words {
            let index = RIGHTS
                .iter()
                .position(|right| right.word.is_some_and(|w| w.eq_ignore_ascii_case(word)))
                .ok_or_else(|| UnknownRight(word.to_owned()))?;
            access.set(index, true);
        }
        Ok(access)
    }

    /// Rights from field names of OX's interface (exact case); unknown names are skipped.
    pub fn from_fields<'a>(fields: impl IntoIterator<Item = &'a str>) -> Self {
        let mut access = Self::NONE;
        for field in fields {
            if let Some(index) = RIGHTS.iter().position(|right| right.field == field) {
                access.set(index, true);
            }
        }
        access
    }

    /// The granted rights by the words of access profiles, sorted.
    pub fn words(self) -> BTreeSet<&'static str> {
        self.granted().filter_map(|right| right.word).collect()
    }

    /// The granted rights by OX's field names, in interface order.
    pub fn fields(self) -> impl Iterator<Item = &'static str> {
        self.granted().map(|right| right.field)
    }

    /// All 26 rights with their value, in interface order.
    pub fn iter(self) -> impl Iterator<Item = (&'static str, bool)> {
        RIGHTS.iter().enumerate().map(move |(index, right)| (right.field, self.get(index)))
    }

    /// Rights of the set that OX does not grant together; it refuses every user who is to have them.
    pub fn contradiction(self) -> Option<Contradiction> {
        let words = self.words();
        let others: Vec<&'static str> =
            NEED_ADDRESS_BOOK.into_iter().filter(|word| words.contains(word)).collect();
        let excluded = words.contains(NO_ADDRESS_BOOK) && !others.is_empty();
        excluded.then_some(Contradiction { others })
    }

    fn granted(self) -> impl Iterator<Item = &'static Right> {
        RIGHTS.iter().enumerate().filter(move |(index, _)| self.get(*index)).map(|(_, right)| right)
    }
}

impl fmt::Debug for ModuleAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.fields()).finish()
    }
}

impl Serialize for ModuleAccess {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.fields())
    }
}

impl<'de> Deserialize<'de> for ModuleAccess {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = Vec::<String>::deserialize(deserializer)?;
        Ok(Self::from_fields(fields.iter().map(String::as_str)))
    }
}

/// Rights that exclude each other.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("grants {} beside {NO_ADDRESS_BOOK}, which OX refuses", .others.join(", "))]
pub struct Contradiction {
    /// Words of the rights that need the address book.
    pub others: Vec<&'static str>,
}

/// A word in an access profile that names no right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown right \"{0}\" in an access profile")]
pub struct UnknownRight(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groupware_without_its_address_book_is_a_contradiction() {
        let of = |words: &[&str]| {
            let access = ModuleAccess::from_words(words.iter().copied()).unwrap();
            access.contradiction().map(|found| found.others)
        };
        assert_eq!(of(&["globaladdressbookdisabled", "webmail", "calendar", "tasks"]), None);
        assert_eq!(of(&["delegatetask", "webdavxml", "webmail"]), None);
        let both = ["globaladdressbookdisabled", "webdavxml", "delegatetask", "webmail"];
        assert_eq!(of(&both), Some(vec!["delegatetask", "webdavxml"]));
        assert_eq!(ModuleAccess::NONE.contradiction(), None);
    }

    #[test]
    fn words_and_fields_name_the_same_rights() {
        let access = ModuleAccess::from_words(["webmail", "USM", "editpublicfolders"]).unwrap();
        assert_eq!(access.fields().collect::<Vec<_>>(), ["USM", "editPublicFolders", "webmail"]);
        assert_eq!(access.iter().count(), 26);
        assert!(ModuleAccess::from_words(["publicfoldereditable"]).is_err());
    }
}
