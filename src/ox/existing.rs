//! What stands in the way when OX refuses because something is already there.

use super::Fault;
use crate::model::{ContextId, OxId};

/// What is in the way of a create, change or copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Existing {
    /// The context's number is taken: `Context 20 already exists!`.
    ContextId(ContextId),
    /// The context's name is taken: `Context ctx20 already exists!` (any case; `ContextExists` on
    /// create, `InvalidData` on change). A name of digits only cannot be told from a number.
    ContextName(String),
    /// A login mapping is taken, or is another context's number: `Cannot map 'x' to the newly
    /// created context. This mapping is already in use.` or `A mapping with login info "x" already
    /// exists in the system!`, both `Storage`.
    LoginMapping(String),
    /// The user's name is taken: `User alice already exists in this context` (`InvalidData`, or
    /// `Storage` after a race), on copy with a name `User bert already exists in context 2`.
    UserName(String),
    /// The user's display name is taken: `The displayname is already used`. Checked before the
    /// name, so a plain repeat of a create says this.
    DisplayName,
    /// The address is somebody's primary one: `Primary mail address "a@b" already exists in
    /// context 1 (Already assigned to user 3).`
    PrimaryMail {
        /// The address as it was sent.
        address: String,
        /// Whose it is.
        owner: OxId,
    },
    /// A folder of that display name (but for case and trailing blanks) is there:
    /// `FLD-0075 … Message='An infostore folder named "x" already exists below folder …'`.
    UserFolder(String),
    /// The group's name is taken: `Group already exists!` on create, which does not say it,
    /// `Group team2 already exists in this context` on change.
    GroupName(Option<String>),
    /// One of the users is in the group already: `Member already exists in group`.
    GroupMember,
    /// The resource's name is taken: `Resource room1 already exists in this context`.
    ResourceName(String),
    /// The resource's address is another resource's: `Resource with this email address already
    /// exists`.
    ResourceMail,
    /// That user has a mail account of that address, maybe the primary one: `ACC-0017 …
    /// Message='Duplicate mail account for user 3 in context 20.'`
    MailAccount {
        /// Who has it.
        owner: OxId,
    },
    /// The target context has a user of the copied user's name: `UCP-0011 … Message='A user named
    /// bert already exists in destination context 34.'`
    CopyName(String),
}

impl Fault {
    /// What is already there, if that is the reason of the refusal. See [`Existing`] for the texts.
    ///
    /// The class is not looked at: the same clash comes as `InvalidData`, `Storage` or with a class
    /// of its own, depending on when OX notices it.
    pub fn already_exists(&self) -> Option<Existing> {
        let text = self.core();
        if let Some(context) = between(text, "Context ", " already exists!") {
            return Some(match context.parse() {
                Ok(id) => Existing::ContextId(ContextId(id)),
                Err(_) => Existing::ContextName(context.to_owned()),
            });
        }
        if let Some(mapping) = between(
            text,
            "Cannot map '",
            "' to the newly created context. This mapping is already in use.",
        )
        .or_else(|| {
            between(text, "A mapping with login info \"", "\" already exists in the system!")
        }) {
            return Some(Existing::LoginMapping(mapping.to_owned()));
        }
        if text == "The displayname is already used" {
            return Some(Existing::DisplayName);
        }
        if text == "Group already exists!" {
            return Some(Existing::GroupName(None));
        }
        if text == "Member already exists in group" {
            return Some(Existing::GroupMember);
        }
        if text == "Resource with this email address already exists" {
            return Some(Existing::ResourceMail);
        }
        if let Some(rest) = text.strip_prefix("Primary mail address \"") {
            let (address, rest) = rest.rsplit_once("\" already exists in context ")?;
            let owner = number_after(rest, "(Already assigned to user ")?;
            return Some(Existing::PrimaryMail { address: address.to_owned(), owner });
        }
        if let Some(user) = text.strip_prefix("User ").and_then(taken_in_context) {
            return Some(Existing::UserName(user.to_owned()));
        }
        if let Some(group) = text.strip_prefix("Group ").and_then(taken_in_context) {
            return Some(Existing::GroupName(Some(group.to_owned())));
        }
        if let Some(resource) = text.strip_prefix("Resource ").and_then(taken_in_context) {
            return Some(Existing::ResourceName(resource.to_owned()));
        }
        if text.starts_with("ACC-0017 ") {
            let owner = number_after(text, "Duplicate mail account for user ")?;
            return Some(Existing::MailAccount { owner });
        }
        if text.starts_with("UCP-0011 ") {
            let (_, rest) = text.split_once("A user named ")?;
            let (name, _) = rest.rsplit_once(" already exists in destination context ")?;
            return Some(Existing::CopyName(name.to_owned()));
        }
        if text.starts_with("FLD-0075 ") {
            let (_, rest) = text.split_once("folder named \"")?;
            let (name, _) = rest.split_once("\" already exists below folder ")?;
            return Some(Existing::UserFolder(name.to_owned()));
        }
        None
    }
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    text.strip_prefix(before)?.strip_suffix(after)
}

/// The name in `<name> already exists in this context` or `<name> already exists in context 2`.
fn taken_in_context(text: &str) -> Option<&str> {
    if let Some(name) = text.strip_suffix(" already exists in this context") {
        return Some(name);
    }
    let (name, context) = text.rsplit_once(" already exists in context ")?;
    context.bytes().all(|b| b.is_ascii_digit()).then_some(name)
}

fn number_after(text: &str, mark: &str) -> Option<OxId> {
    let (_, rest) = text.split_once(mark)?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    rest[..digits].parse().ok().map(OxId)
}

#[cfg(test)]
mod tests {
    use super::super::FaultClass;
    use super::*;

    const WRAPPED: &str = "com.openexchange.admin.rmi.exceptions.NoSuchObjectException: \
                           com.openexchange.admin.rmi.exceptions.";

    fn fault(class: FaultClass, text: &str) -> Fault {
        Fault {
            class,
            exception: None,
            text: text.to_owned(),
            exception_id: None,
            code: "soap:Server".to_owned(),
        }
    }

    #[test]
    fn every_recorded_clash_says_what_is_there() {
        let name = |name: &str| name.to_owned();
        for (text, existing) in [
            ("Context 20 already exists!", Existing::ContextId(ContextId(20))),
            ("Context CTX20 already exists!", Existing::ContextName(name("CTX20"))),
            (
                "Cannot map 'ctx20' to the newly created context. This mapping is already in use.",
                Existing::LoginMapping(name("ctx20")),
            ),
            (
                "A mapping with login info \"ctx20\" already exists in the system!",
                Existing::LoginMapping(name("ctx20")),
            ),
            ("User alice already exists in this context", Existing::UserName(name("alice"))),
            ("User bert already exists in context 2", Existing::UserName(name("bert"))),
            ("The displayname is already used", Existing::DisplayName),
            (
                "Primary mail address \"Alice@ctx1.test\" already exists in context 1 (Already assigned to user 3).",
                Existing::PrimaryMail { address: name("Alice@ctx1.test"), owner: OxId(3) },
            ),
            ("Group already exists!", Existing::GroupName(None)),
            (
                "Group team2 already exists in this context",
                Existing::GroupName(Some(name("team2"))),
            ),
            ("Member already exists in group", Existing::GroupMember),
            (
                "Resource ROOM1 already exists in this context",
                Existing::ResourceName(name("ROOM1")),
            ),
            ("Resource with this email address already exists", Existing::ResourceMail),
            (
                "ACC-0017 Categories=USER_INPUT Message='Duplicate mail account for user 9 in context 20.' exceptionID=84398625-1",
                Existing::MailAccount { owner: OxId(9) },
            ),
            (
                "UCP-0011 Categories=USER_INPUT Message='A user named copyme already exists in destination context 34.' exceptionID=148690821-491",
                Existing::CopyName(name("copyme")),
            ),
            (
                "FLD-0075 Categories=PERMISSION_DENIED Message='An infostore folder named \"disp ANNA\" already exists below folder userstore (10) in context 7. Please choose another display name.' exceptionID=1-2",
                Existing::UserFolder(name("disp ANNA")),
            ),
        ] {
            let plain = fault(FaultClass::Storage, text);
            assert_eq!(plain.already_exists(), Some(existing.clone()), "{text}");
            let wrapped = format!("{WRAPPED}InvalidDataException: {text}");
            assert_eq!(fault(FaultClass::Other, &wrapped).already_exists(), Some(existing));
        }
    }

    #[test]
    fn other_refusals_claim_nothing_is_there() {
        for text in [
            "Context 999 does not exist",
            "No such user ghost in context 1",
            "Group with id 1 cannot be deleted",
            "User 4 is contained multiple times in delete request.",
            "java.sql.SQLIntegrityConstraintViolationException: Duplicate entry '1-8-Foo@ctx1.test' for key 'PRIMARY'",
            "",
        ] {
            assert_eq!(fault(FaultClass::Storage, text).already_exists(), None, "{text}");
        }
    }
}
