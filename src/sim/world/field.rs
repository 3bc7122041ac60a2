//! The fields of a user, numbered in the order of the user service's schema.
//!
//! Other services know fewer of them; they share the numbers by name. Values are kept sparse: of
//! 137 fields most users fill some twenty.

/// One field of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct UserField(u8);

/// Element name, database column (for the texts of its errors) and width in characters (0: none).
struct Column {
    name: &'static str,
    database: &'static str,
    width: usize,
}

const fn column(name: &'static str, database: &'static str, width: usize) -> Column {
    Column { name, database, width }
}

impl UserField {
    pub(crate) const NAME: Self = Self(59);
    pub(crate) const DISPLAY_NAME: Self = Self(23);
    pub(crate) const SUR_NAME: Self = Self(87);
    pub(crate) const GIVEN_NAME: Self = Self(34);
    pub(crate) const PRIMARY_EMAIL: Self = Self(71);
    pub(crate) const EMAIL1: Self = Self(24);
    pub(crate) const EMAIL2: Self = Self(25);
    pub(crate) const EMAIL3: Self = Self(26);
    pub(crate) const DEFAULT_SENDER_ADDRESS: Self = Self(20);
    pub(crate) const LANGUAGE: Self = Self(46);
    pub(crate) const TIMEZONE: Self = Self(105);
    pub(crate) const PASSWORD: Self = Self(64);
    pub(crate) const PASSWORD_MECH: Self = Self(65);
    pub(crate) const IMAP_SERVER: Self = Self(41);
    pub(crate) const IMAP_PORT: Self = Self(39);
    pub(crate) const IMAP_SCHEMA: Self = Self(40);
    pub(crate) const IMAP_SERVER_STRING: Self = Self(42);
    pub(crate) const IMAP_LOGIN: Self = Self(38);
    pub(crate) const SMTP_SERVER: Self = Self(77);
    pub(crate) const SMTP_PORT: Self = Self(75);
    pub(crate) const SMTP_SCHEMA: Self = Self(76);
    pub(crate) const SMTP_SERVER_STRING: Self = Self(78);
    pub(crate) const ALIASES: Self = Self(0);
    pub(crate) const ID: Self = Self(37);
    pub(crate) const CONTEXTADMIN: Self = Self(14);
    pub(crate) const DEFAULT_GROUP: Self = Self(21);
    pub(crate) const USED_QUOTA: Self = Self(110);
    pub(crate) const USER_ATTRIBUTES: Self = Self(111);
    pub(crate) const GUI_PREFERENCES_FOR_SOAP: Self = Self(35);
    pub(crate) const FILESTORE_ID: Self = Self(31);
    pub(crate) const FILESTORE_NAME: Self = Self(32);
    pub(crate) const MAX_QUOTA: Self = Self(57);
    pub(crate) const MAILENABLED: Self = Self(54);
    pub(crate) const GUI_SPAM_FILTER_ENABLED: Self = Self(36);
    pub(crate) const MAIL_FOLDER_ARCHIVE_FULL_NAME: Self = Self(53);
    pub(crate) const MAIL_FOLDER_SPAM_NAME: Self = Self(51);
    pub(crate) const MAIL_FOLDER_CONFIRMED_SPAM_NAME: Self = Self(48);
    pub(crate) const MAIL_FOLDER_CONFIRMED_HAM_NAME: Self = Self(47);
    pub(crate) const MAIL_FOLDER_DRAFTS_NAME: Self = Self(49);
    pub(crate) const MAIL_FOLDER_SENT_NAME: Self = Self(50);
    pub(crate) const MAIL_FOLDER_TRASH_NAME: Self = Self(52);
    pub(crate) const PASSWORD_EXPIRED: Self = Self(66);
    pub(crate) const UPLOAD_FILE_SIZE_LIMIT: Self = Self(107);
    pub(crate) const UPLOAD_FILE_SIZE_LIMIT_PER_FILE: Self = Self(108);
    pub(crate) const PRIMARY_ACCOUNT_NAME: Self = Self(132);
    pub(crate) const CONVERT_DRIVE_USER_FOLDERS: Self = Self(133);
    pub(crate) const LOAD_REMOTE_MAIL_CONTENT_BY_DEFAULT: Self = Self(134);
    pub(crate) const IMAGE1: Self = Self(135);
    pub(crate) const IMAGE1_CONTENT_TYPE: Self = Self(136);
    pub(crate) const BIRTHDAY: Self = Self(3);
    pub(crate) const ANNIVERSARY: Self = Self(1);

    /// The field an element of that name carries.
    pub(crate) fn by_name(name: &str) -> Option<Self> {
        let place = COLUMNS.iter().position(|column| column.name == name)?;
        u8::try_from(place).ok().map(Self)
    }

    fn entry(self) -> Option<&'static Column> {
        COLUMNS.get(usize::from(self.0))
    }

    /// Name of its element.
    pub(crate) fn name(self) -> &'static str {
        self.entry().map_or("", |entry| entry.name)
    }

    /// Its database column and the number of characters that fit, when there is a limit.
    pub(crate) fn limit(self) -> Option<(&'static str, usize)> {
        self.entry().filter(|entry| entry.width > 0).map(|entry| (entry.database, entry.width))
    }
}

/// Values of some fields, in order of their numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fields(Vec<(UserField, Box<str>)>);

impl Fields {
    /// The value of the field.
    pub(crate) fn get(&self, field: UserField) -> Option<&str> {
        let place = self.0.binary_search_by_key(&field, |entry| entry.0).ok()?;
        self.0.get(place).map(|entry| &*entry.1)
    }

    /// Sets the value of the field.
    pub(crate) fn set(&mut self, field: UserField, value: impl Into<Box<str>>) {
        match self.0.binary_search_by_key(&field, |entry| entry.0) {
            Ok(place) => {
                if let Some(entry) = self.0.get_mut(place) {
                    entry.1 = value.into();
                }
            }
            Err(place) => self.0.insert(place, (field, value.into())),
        }
    }

    /// Removes the value of the field.
    pub(crate) fn take(&mut self, field: UserField) -> Option<Box<str>> {
        let place = self.0.binary_search_by_key(&field, |entry| entry.0).ok()?;
        Some(self.0.remove(place).1)
    }

    /// All values, in order of the fields' numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (UserField, &str)> {
        self.0.iter().map(|(field, value)| (*field, &**value))
    }
}

#[rustfmt::skip]
const COLUMNS: [Column; 137] = [
    column("aliases", "", 0),
    column("anniversary", "", 0),
    column("assistant_name", "field36", 64),
    column("birthday", "", 0),
    column("branches", "field32", 64),
    column("business_category", "field33", 64),
    column("categories", "field69", 1024),
    column("cellular_telephone1", "field51", 64),
    column("cellular_telephone2", "field52", 64),
    column("city_business", "field25", 128),
    column("city_home", "field09", 64),
    column("city_other", "field38", 64),
    column("commercial_register", "field31", 64),
    column("company", "field18", 512),
    column("contextadmin", "", 0),
    column("country_business", "field27", 64),
    column("country_home", "field11", 64),
    column("country_other", "field41", 64),
    column("drive_user_folder_mode", "", 0),
    column("drive_folder_mode", "", 0),
    column("defaultSenderAddress", "", 0),
    column("default_group", "", 0),
    column("department", "field19", 128),
    column("display_name", "field90", 320),
    column("email1", "field65", 256),
    column("email2", "field66", 256),
    column("email3", "field67", 256),
    column("employeeType", "field21", 64),
    column("fax_business", "field44", 64),
    column("fax_home", "field50", 64),
    column("fax_other", "field54", 64),
    column("filestoreId", "", 0),
    column("filestore_name", "", 0),
    column("folderTree", "", 0),
    column("given_name", "field03", 128),
    column("guiPreferencesForSoap", "", 0),
    column("gui_spam_filter_enabled", "", 0),
    column("id", "", 0),
    column("imapLogin", "", 0),
    column("imapPort", "", 0),
    column("imapSchema", "", 0),
    column("imapServer", "", 0),
    column("imapServerString", "", 0),
    column("info", "field34", 65535),
    column("instant_messenger1", "field61", 64),
    column("instant_messenger2", "field62", 64),
    column("language", "", 0),
    column("mail_folder_confirmed_ham_name", "", 0),
    column("mail_folder_confirmed_spam_name", "", 0),
    column("mail_folder_drafts_name", "", 0),
    column("mail_folder_sent_name", "", 0),
    column("mail_folder_spam_name", "", 0),
    column("mail_folder_trash_name", "", 0),
    column("mail_folder_archive_full_name", "", 0),
    column("mailenabled", "", 0),
    column("manager_name", "field35", 64),
    column("marital_status", "field12", 64),
    column("maxQuota", "", 0),
    column("middle_name", "field04", 128),
    column("name", "uid", 191),
    column("nickname", "field15", 64),
    column("note", "field17", 65535),
    column("number_of_children", "field13", 64),
    column("number_of_employee", "field28", 64),
    column("password", "", 0),
    column("passwordMech", "", 0),
    column("password_expired", "", 0),
    column("position", "field20", 128),
    column("postal_code_business", "field24", 64),
    column("postal_code_home", "field08", 64),
    column("postal_code_other", "field40", 64),
    column("primaryEmail", "mail", 256),
    column("profession", "field14", 64),
    column("room_number", "field22", 64),
    column("sales_volume", "field29", 64),
    column("smtpPort", "", 0),
    column("smtpSchema", "", 0),
    column("smtpServer", "", 0),
    column("smtpServerString", "", 0),
    column("spouse_name", "field16", 64),
    column("state_business", "field26", 64),
    column("state_home", "field10", 64),
    column("state_other", "field39", 64),
    column("street_business", "field23", 256),
    column("street_home", "field07", 256),
    column("street_other", "field37", 256),
    column("suffix", "field05", 64),
    column("sur_name", "field02", 128),
    column("tax_id", "field30", 128),
    column("telephone_assistant", "field64", 64),
    column("telephone_business1", "field42", 64),
    column("telephone_business2", "field43", 128),
    column("telephone_callback", "field45", 64),
    column("telephone_car", "field46", 64),
    column("telephone_company", "field47", 64),
    column("telephone_home1", "field48", 64),
    column("telephone_home2", "field49", 64),
    column("telephone_ip", "field63", 64),
    column("telephone_isdn", "field55", 64),
    column("telephone_other", "field53", 64),
    column("telephone_pager", "field56", 64),
    column("telephone_primary", "field57", 64),
    column("telephone_radio", "field58", 64),
    column("telephone_telex", "field59", 64),
    column("telephone_ttytdd", "field60", 64),
    column("timezone", "", 0),
    column("title", "field06", 64),
    column("uploadFileSizeLimit", "", 0),
    column("uploadFileSizeLimitPerFile", "", 0),
    column("url", "field68", 128),
    column("usedQuota", "", 0),
    column("userAttributes", "", 0),
    column("userfield01", "field70", 64),
    column("userfield02", "field71", 64),
    column("userfield03", "field72", 64),
    column("userfield04", "field73", 64),
    column("userfield05", "field74", 64),
    column("userfield06", "field75", 64),
    column("userfield07", "field76", 64),
    column("userfield08", "field77", 64),
    column("userfield09", "field78", 64),
    column("userfield10", "field79", 64),
    column("userfield11", "field80", 64),
    column("userfield12", "field81", 64),
    column("userfield13", "field82", 64),
    column("userfield14", "field83", 64),
    column("userfield15", "field84", 64),
    column("userfield16", "field85", 64),
    column("userfield17", "field86", 64),
    column("userfield18", "field87", 64),
    column("userfield19", "field88", 64),
    column("userfield20", "field89", 64),
    column("primaryAccountName", "", 0),
    column("convert_drive_user_folders", "", 0),
    column("load_remote_mail_content_by_default", "", 0),
    column("image1", "", 0),
    column("image1ContentType", "", 0),
];
