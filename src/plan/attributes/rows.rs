//! The fields of OX's user record that can be mapped, under the names that mapping files use.

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Name in mapping files (`ox_property`).
    pub property: &'static str,
    /// Element name in OX's interface; differs from the name above for a few.
    pub element: &'static str,
    /// What kind of value it takes.
    pub form: Form,
}

/// How a row's value is read and what its absence means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A text; absent = cleared with an empty text.
    Text,
    /// A text that absence leaves alone; only an empty text in the directory clears it.
    StickyText,
    /// A date; OX cannot clear it.
    Date,
    /// A picture, with its content type; OX cannot clear it.
    Photo,
    /// A whole number of MB; OX cannot clear it.
    Quota,
    /// Accepted in mapping files and never sent: `usedQuota` is what OX itself counts.
    Ignored,
    /// Host of the IMAP server; absent = the host of the settings.
    ImapServer,
    /// Host of the SMTP server; absent = the host of the settings.
    SmtpServer,
    /// The addresses besides the primary one.
    Aliases,
}

/// Rows without which OX creates no user, by element name.
pub const REQUIRED: [&str; 4] = ["email1", "display_name", "given_name", "sur_name"];

/// The row of a name in mapping files.
pub fn named(property: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.property == property)
}

const fn row(property: &'static str, element: &'static str, form: Form) -> Row {
    Row { property, element, form }
}

/// All of them.
pub const ROWS: [Row; 89] = [
    row("display_name", "display_name", Form::Text),
    row("given_name", "given_name", Form::Text),
    row("sur_name", "sur_name", Form::Text),
    row("email1", "email1", Form::Text),
    row("branches", "branches", Form::Text),
    row("cellular_telephone1", "cellular_telephone1", Form::Text),
    row("city_business", "city_business", Form::Text),
    row("city_home", "city_home", Form::Text),
    row("city_other", "city_other", Form::Text),
    row("commercial_register", "commercial_register", Form::Text),
    row("company", "company", Form::Text),
    row("country_business", "country_business", Form::Text),
    row("country_home", "country_home", Form::Text),
    row("country_other", "country_other", Form::Text),
    row("department", "department", Form::Text),
    row("email2", "email2", Form::Text),
    row("email3", "email3", Form::Text),
    row("employee_type", "employeeType", Form::StickyText),
    row("fax_business", "fax_business", Form::Text),
    row("fax_home", "fax_home", Form::Text),
    row("fax_other", "fax_other", Form::Text),
    row("instant_messenger1", "instant_messenger1", Form::Text),
    row("instant_messenger2", "instant_messenger2", Form::Text),
    row("manager_name", "manager_name", Form::Text),
    row("marital_status", "marital_status", Form::Text),
    row("middle_name", "middle_name", Form::Text),
    row("nickname", "nickname", Form::Text),
    row("note", "note", Form::Text),
    row("number_of_children", "number_of_children", Form::Text),
    row("number_of_employee", "number_of_employee", Form::Text),
    row("position", "position", Form::Text),
    row("postal_code_business", "postal_code_business", Form::Text),
    row("postal_code_home", "postal_code_home", Form::Text),
    row("postal_code_other", "postal_code_other", Form::Text),
    row("profession", "profession", Form::Text),
    row("sales_volume", "sales_volume", Form::Text),
    row("spouse_name", "spouse_name", Form::Text),
    row("state_business", "state_business", Form::Text),
    row("state_home", "state_home", Form::Text),
    row("state_other", "state_other", Form::Text),
    row("street_business", "street_business", Form::Text),
    row("street_home", "street_home", Form::Text),
    row("street_other", "street_other", Form::Text),
    row("suffix", "suffix", Form::Text),
    row("tax_id", "tax_id", Form::Text),
    row("telephone_assistant", "telephone_assistant", Form::Text),
    row("telephone_car", "telephone_car", Form::Text),
    row("telephone_company", "telephone_company", Form::Text),
    row("telephone_ip", "telephone_ip", Form::Text),
    row("telephone_other", "telephone_other", Form::Text),
    row("telephone_telex", "telephone_telex", Form::Text),
    row("telephone_ttytdd", "telephone_ttytdd", Form::Text),
    row("title", "title", Form::Text),
    row("url", "url", Form::Text),
    row("used_quota", "usedQuota", Form::Ignored),
    row("max_quota", "maxQuota", Form::Quota),
    row("userfield01", "userfield01", Form::Text),
    row("userfield02", "userfield02", Form::Text),
    row("userfield03", "userfield03", Form::Text),
    row("userfield04", "userfield04", Form::Text),
    row("userfield05", "userfield05", Form::Text),
    row("userfield06", "userfield06", Form::Text),
    row("userfield07", "userfield07", Form::Text),
    row("userfield08", "userfield08", Form::Text),
    row("userfield09", "userfield09", Form::Text),
    row("userfield10", "userfield10", Form::Text),
    row("userfield11", "userfield11", Form::Text),
    row("userfield12", "userfield12", Form::Text),
    row("userfield13", "userfield13", Form::Text),
    row("userfield14", "userfield14", Form::Text),
    row("userfield15", "userfield15", Form::Text),
    row("userfield16", "userfield16", Form::Text),
    row("userfield17", "userfield17", Form::Text),
    row("userfield18", "userfield18", Form::Text),
    row("userfield19", "userfield19", Form::Text),
    row("userfield20", "userfield20", Form::Text),
    row("image1", "image1", Form::Photo),
    row("room_number", "room_number", Form::Text),
    row("cellular_telephone2", "cellular_telephone2", Form::Text),
    row("telephone_pager", "telephone_pager", Form::Text),
    row("anniversary", "anniversary", Form::Date),
    row("birthday", "birthday", Form::Date),
    row("telephone_business1", "telephone_business1", Form::Text),
    row("telephone_business2", "telephone_business2", Form::Text),
    row("telephone_home1", "telephone_home1", Form::Text),
    row("telephone_home2", "telephone_home2", Form::Text),
    row("imap_server", "imapServer", Form::ImapServer),
    row("smtp_server", "smtpServer", Form::SmtpServer),
    row("aliases", "aliases", Form::Aliases),
];
