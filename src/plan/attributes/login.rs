//! Logins that are put together from a template: at the mail server, and of functional accounts.

use super::values::{Fault, scalar};
use crate::model::object::Properties;
use crate::model::{Dn, ObjectId};

/// Login of a functional account where the settings say nothing.
pub const DEFAULT_ACCOUNT_LOGIN: &str = "{{fa_entry_uuid}}{{username}}";

/// Why a functional account's login cannot be put together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A word that is neither built in nor a property of the user.
    #[error(
        "the login template of functional accounts names \"{0}\", which is neither \
         fa_entry_uuid, fa_email_address, entry_uuid, dn nor a property the user has"
    )]
    UnknownWord(String),
    /// A property that cannot be put into a text.
    #[error(
        "the login template of functional accounts names \"{0}\", which is not one text of the user"
    )]
    NotOneText(String),
    /// Opened and never closed.
    #[error("the login template of functional accounts has \"{{{{\" without \"}}}}\"")]
    Unclosed,
}

/// The login that `template` gives for one user's copy of a functional account.
///
/// `{{word}}` is replaced; blanks inside the braces do not matter, all other text is kept. An
/// empty template is [`DEFAULT_ACCOUNT_LOGIN`].
///
/// # Errors
/// [`TemplateError`] names the word. It must be asked for before anything is deleted in OX.
pub fn render_login(
    template: &str,
    account_id: &ObjectId,
    account_address: &str,
    user_id: &ObjectId,
    user_dn: &Dn,
    user_properties: &Properties,
) -> Result<String, TemplateError> {
    let mut login = String::new();
    for piece in pieces(template)? {
        match piece {
            Piece::Text(text) => login.push_str(text),
            Piece::Word("fa_entry_uuid") => login.push_str(account_id.as_str()),
            Piece::Word("fa_email_address") => login.push_str(account_address),
            Piece::Word("entry_uuid") => login.push_str(user_id.as_str()),
            Piece::Word("dn") => login.push_str(user_dn.as_str()),
            Piece::Word(word) => login.push_str(&property(word, user_properties)?),
        }
    }
    Ok(login)
}

/// The words a template names, in order, each once; for a check of the settings at start.
///
/// A template with a brace that is not closed names the words before it.
pub fn template_words(template: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = effective(template);
    while let Ok((Some(Piece::Word(word)), after)) = next_word(rest) {
        if !words.iter().any(|known| known == word) {
            words.push(word.to_owned());
        }
        rest = after;
    }
    words
}

fn property(word: &str, properties: &Properties) -> Result<String, TemplateError> {
    let value = properties.get(word).ok_or_else(|| TemplateError::UnknownWord(word.to_owned()))?;
    match value {
        serde_json::Value::String(_) | serde_json::Value::Number(_) => scalar(value).ok().flatten(),
        _ => None,
    }
    .ok_or_else(|| TemplateError::NotOneText(word.to_owned()))
}

#[derive(Debug)]
enum Piece<'a> {
    Text(&'a str),
    Word(&'a str),
}

fn pieces(template: &str) -> Result<Vec<Piece<'_>>, TemplateError> {
    let mut pieces = Vec::new();
    let mut rest = effective(template);
    while let (Some(word), after) = next_word(rest)? {
        let before = rest.split("{{").next().unwrap_or("");
        pieces.push(Piece::Text(before));
        pieces.push(word);
        rest = after;
    }
    pieces.push(Piece::Text(rest));
    Ok(pieces)
}

/// The next word of a template, if any, and what comes after it.
fn next_word(template: &str) -> Result<(Option<Piece<'_>>, &str), TemplateError> {
    let Some((_, opened)) = template.split_once("{{") else { return Ok((None, template)) };
    let (word, after) = opened.split_once("}}").ok_or(TemplateError::Unclosed)?;
    Ok((Some(Piece::Word(word.trim())), after))
}

fn effective(template: &str) -> &str {
    if template.trim().is_empty() { DEFAULT_ACCOUNT_LOGIN } else { template }
}

/// What the user is called at the mail server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ImapLogin {
    /// The login; none if something it needs is missing.
    pub(super) login: Option<String>,
    /// What is wrong, and the property it is wrong with.
    pub(super) faults: Vec<(String, Fault)>,
}

/// Fills the template of logins at the mail server: `{}` is the primary address, `{property}` that
/// property of the user, `{entryUUID}` and `{dn}` his identity. An empty template is the address.
pub(super) fn imap_login(
    template: &str,
    address: Option<&str>,
    user_id: &ObjectId,
    user_dn: &Dn,
    properties: &Properties,
) -> ImapLogin {
    let mut faults = Vec::new();
    let mut login = Some(String::new());
    let mut rest = if template.is_empty() { "{}" } else { template };
    while let Some((before, opened)) = rest.split_once('{') {
        add(&mut login, Some(before));
        let Some((name, after)) = opened.split_once('}') else {
            faults.push(("OX_IMAP_LOGIN".to_owned(), Fault::OpenBrace));
            add(&mut login, Some(&rest[before.len()..]));
            return ImapLogin { login, faults };
        };
        let value = match (name.trim(), properties.get(name.trim())) {
            ("", _) => Ok(address.map(str::to_owned)),
            (_, Some(value)) => super::values::one_text(value, None),
            ("entryUUID", None) => Ok(Some(user_id.as_str().to_owned())),
            ("dn", None) => Ok(Some(user_dn.as_str().to_owned())),
            (_, None) => Ok(None),
        };
        match value.and_then(|value| value.ok_or(Fault::Missing)) {
            Ok(value) => add(&mut login, Some(&value)),
            Err(fault) => {
                add(&mut login, None);
                // A missing address is reported once for all that needs it.
                if !name.trim().is_empty() {
                    faults.push((name.trim().to_owned(), fault));
                }
            }
        }
        rest = after;
    }
    add(&mut login, Some(rest));
    ImapLogin { login: login.filter(|login| !login.is_empty()), faults }
}

/// Appends to a login; a piece that is missing leaves none.
fn add(login: &mut Option<String>, piece: Option<&str>) {
    match (login.as_mut(), piece) {
        (Some(login), Some(piece)) => login.push_str(piece),
        _ => *login = None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn properties() -> Properties {
        let value = json!({"username": "anna", "uidNumber": 2101, "phone": ["1", "2"], "empty": "",
            "flag": true, "univentionObjectIdentifier": "uoi-1", "mailbox": ["box"]});
        let serde_json::Value::Object(properties) = value else { panic!() };
        properties
    }

    fn render(template: &str) -> Result<String, TemplateError> {
        let dn = Dn::new("uid=anna,dc=x");
        let (account, user) = (ObjectId::new("FA-1"), ObjectId::new("U-1"));
        render_login(template, &account, "help@heide.example", &user, &dn, &properties())
    }

    /// Rules: 9.2/login
    #[test]
    fn words_of_an_account_login_are_replaced_and_other_text_is_kept() {
        let cases = [
            ("", "fa-1anna"),
            ("  ", "fa-1anna"),
            ("{{fa_entry_uuid}}{{username}}", "fa-1anna"),
            ("{{ fa_email_address }}*{{entry_uuid}}", "help@heide.example*u-1"),
            ("{{dn}}|{{univentionObjectIdentifier}}", "uid=anna,dc=x|uoi-1"),
            ("{{username}}{{username}}", "annaanna"),
            ("x{{uidNumber}}y", "x2101y"),
            ("plain text", "plain text"),
            ("{one} }} {{username}}", "{one} }} anna"),
        ];
        for (template, login) in cases {
            assert_eq!(render(template).as_deref(), Ok(login), "{template}");
        }
    }

    #[test]
    fn a_word_that_cannot_be_filled_is_named() {
        let unknown = |word: &str| Err(TemplateError::UnknownWord(word.to_owned()));
        let not_one = |word: &str| Err(TemplateError::NotOneText(word.to_owned()));
        assert_eq!(render("{{username}}{{usrname}}"), unknown("usrname"));
        assert_eq!(render("{{}}"), unknown(""));
        assert_eq!(render("{{a b}}"), unknown("a b"));
        for word in ["phone", "empty", "flag"] {
            assert_eq!(render(&format!("{{{{{word}}}}}")), not_one(word));
        }
        assert_eq!(render("{{username}} {{dn"), Err(TemplateError::Unclosed));
        assert!(render("{{usrname}}").unwrap_err().to_string().contains("\"usrname\""));
        assert!(TemplateError::Unclosed.to_string().contains("has \"{{\" without \"}}\""));
    }

    #[test]
    fn the_words_of_a_template_are_listed_once() {
        assert_eq!(template_words("{{a}}x{{ b }}{{a}}"), ["a", "b"]);
        assert_eq!(template_words(""), ["fa_entry_uuid", "username"]);
        assert_eq!(template_words("plain"), [""; 0]);
        assert_eq!(template_words("{{a}} {{b"), ["a"]);
    }

    fn login(template: &str, address: Option<&str>) -> (Option<String>, Vec<(String, Fault)>) {
        let dn = Dn::new("uid=anna,dc=x");
        let found = imap_login(template, address, &ObjectId::new("U-1"), &dn, &properties());
        (found.login, found.faults)
    }

    /// Rules: 8.1/login
    #[test]
    fn braces_of_the_mail_login_are_filled() {
        let cases = [
            ("", "a@b"),
            ("{}", "a@b"),
            ("{}*dovecotadmin", "a@b*dovecotadmin"),
            ("{username}+{uidNumber}", "anna+2101"),
            ("{ mailbox }", "box"),
            ("{entryUUID} {dn}", "u-1 uid=anna,dc=x"),
            ("literal }", "literal }"),
        ];
        for (template, expected) in cases {
            assert_eq!(login(template, Some("a@b")), (Some(expected.to_owned()), vec![]));
        }
        let (text, faults) = login("x{username", Some("a@b"));
        assert_eq!(text.as_deref(), Some("x{username"), "taken literally");
        assert_eq!(faults, [("OX_IMAP_LOGIN".to_owned(), Fault::OpenBrace)]);
        assert_eq!(login("{nope}", Some("a@b")), (None, vec![("nope".to_owned(), Fault::Missing)]));
        assert_eq!(login("{}", None), (None, vec![]));
        assert_eq!(login("x{}", None), (None, vec![]), "half a login is none");
    }
}
