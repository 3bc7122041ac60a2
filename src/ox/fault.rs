//! SOAP faults: reading them, and what their words mean.
//!
//! OX tells what kind of refusal it is in one place only, the element inside `detail`; everything
//! else has to be taken from the text. All texts below were measured on OX 8.19; each helper says
//! which. When an object was addressed by name the text may come wrapped in Java class names,
//! `com.openexchange.admin.rmi.exceptions.NoSuchObjectException: …: No such user ghost in
//! context 1`; [`Fault::text`] keeps them, the helpers look behind them.

use super::envelope::{Element, Space};
use super::{Existing, Fault, FaultClass, OxError};
use crate::redact::beginning;

/// Longest text of a fault that is kept, in bytes. OX's longest is a few hundred; more would only
/// fill the log and the memory.
pub(super) const MAX_TEXT: usize = 16 * 1024;

/// Reads the fault in an answer's body, if there is one.
pub(super) fn read(body: &Element) -> Option<Fault> {
    let fault = body.child(Space::Soap, "Fault")?;
    let part = |name| fault.child(Space::Unqualified, name);
    let text = part("faultstring").map_or("", |element| element.text.as_str());
    let (text, exception_id) = split_exception_id(text);
    let exception = part("detail").and_then(|detail| {
        let of_ox = |child: &&Element| matches!(child.space, Space::Admin | Space::Copy);
        detail.children.iter().find(of_ox).or_else(|| detail.children.first())
    });
    Some(Fault {
        class: exception.map_or(FaultClass::Undeclared, class),
        exception: exception.map(|exception| beginning(&exception.name, MAX_TEXT).to_owned()),
        text: beginning(text, MAX_TEXT).to_owned(),
        exception_id: exception_id.map(ToOwned::to_owned),
        code: part("faultcode")
            .map_or_else(String::new, |code| beginning(code.text.trim(), MAX_TEXT).to_owned()),
    })
}

fn class(exception: &Element) -> FaultClass {
    if !matches!(exception.space, Space::Admin | Space::Copy) {
        return FaultClass::Other;
    }
    match exception.name.as_str() {
        "InvalidCredentialsException" => FaultClass::InvalidCredentials,
        "InvalidDataException" => FaultClass::InvalidData,
        "NoSuchContextException" => FaultClass::NoSuchContext,
        "NoSuchUserException" => FaultClass::NoSuchUser,
        "NoSuchGroupException" => FaultClass::NoSuchGroup,
        "NoSuchResourceException" => FaultClass::NoSuchResource,
        "ContextExistsException" => FaultClass::ContextExists,
        "UserExistsException" => FaultClass::UserExists,
        "StorageException" => FaultClass::Storage,
        _ => FaultClass::Other,
    }
}

/// Splits the tails `; exceptionId 928551006-23` off (there may be up to three) and answers the
/// first of the ids: the innermost, where the trouble began.
fn split_exception_id(mut text: &str) -> (&str, Option<&str>) {
    const MARK: &str = "; exceptionId ";
    let mut first = None;
    while let Some(at) = text.rfind(MARK) {
        let id = &text[at + MARK.len()..];
        if !is_exception_id(id) {
            break;
        }
        first = Some(id);
        text = &text[..at];
    }
    (text, first)
}

/// `-?\d+-\d+`
fn is_exception_id(id: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    id.strip_prefix('-')
        .unwrap_or(id)
        .split_once('-')
        .is_some_and(|(start, count)| digits(start) && digits(count))
}

impl Fault {
    /// The text without the Java class names that wrap it.
    pub(super) fn core(&self) -> &str {
        let mut text = self.text.as_str();
        while let Some((class, rest)) = text.split_once(": ") {
            let is_class = class.contains('.')
                && class.ends_with("Exception")
                && class
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'$'));
            if !is_class {
                break;
            }
            text = rest;
        }
        text
    }

    /// Whether the text says that *that* user name is unknown: `No such user nobody in context 1`.
    fn names_no_such_user(&self, name: &str) -> bool {
        self.core()
            .strip_prefix("No such user ")
            .and_then(|rest| rest.rsplit_once(" in context "))
            .is_some_and(|(user, _)| user == name)
    }
}

impl OxError {
    /// Whether a user that the call named is not there.
    ///
    /// `No such user 777 in context 1`, `No such user(s) 777 in context 1` (delete), `No such
    /// user` (groups: an unknown member, or one given twice), wrapped when addressed by name; all
    /// `NoSuchUserException`. Two things look alike and are not: `OXUserService.change` with an
    /// unknown administrator answers the same class and names the *administrator*, whose login
    /// therefore has to be given; the account service reports an unknown group so.
    pub fn is_no_such_user(&self, admin_login: &str) -> bool {
        self.fault().is_some_and(|fault| {
            fault.class == FaultClass::NoSuchUser
                && fault.core().starts_with("No such user")
                && !self.is_unknown_admin(admin_login)
        })
    }

    /// Whether OX does not know the administrator that the call authenticated with.
    ///
    /// Most operations say `Authentication failed` then, as for a wrong password. The user service
    /// says `No such user <login> in context N`: `change` as `NoSuchUserException`, `getData` and
    /// `getMultipleData` as `StorageException`.
    pub fn is_unknown_admin(&self, admin_login: &str) -> bool {
        self.fault().is_some_and(|fault| {
            let possible = match fault.class {
                FaultClass::NoSuchUser => self.operation() == "OXUserService.change",
                FaultClass::Storage => self.operation().starts_with("OXUserService."),
                _ => false,
            };
            possible && fault.names_no_such_user(admin_login)
        })
    }

    /// Whether a group that the call named is not there: `No such group`, wrapped when addressed by
    /// name (`NoSuchGroupException`); the account service says `No such group 9999 in context 20`
    /// as `NoSuchUserException`.
    pub fn is_no_such_group(&self) -> bool {
        self.fault().is_some_and(|fault| match fault.class {
            FaultClass::NoSuchGroup => true,
            FaultClass::NoSuchUser => fault.core().starts_with("No such group"),
            _ => false,
        })
    }

    /// Whether the resource is not there (`NoSuchResourceException`; the text has three spellings).
    pub fn is_no_such_resource(&self) -> bool {
        self.fault().is_some_and(|fault| fault.class == FaultClass::NoSuchResource)
    }

    /// Whether OX says that the context is not there (`NoSuchContextException`: the context and the
    /// copy service, and `getData`, `getMultipleData`, `change` of the user service). All other
    /// operations hide it: see [`OxError::context_may_be_missing`].
    pub fn is_no_such_context(&self) -> bool {
        self.fault().is_some_and(|fault| fault.class == FaultClass::NoSuchContext)
    }

    /// Whether the context may be missing: `Authentication failed` (`InvalidCredentialsException`)
    /// from an operation with a context administrator's credentials means a wrong password *or* a
    /// missing context. `OXContextService.exists` tells which.
    pub fn context_may_be_missing(&self) -> bool {
        let with_master = ["OXContextService.", "OXUserCopyService."]
            .iter()
            .any(|service| self.operation().starts_with(service));
        self.fault().is_some_and(|fault| {
            fault.class == FaultClass::InvalidCredentials
                && !with_master
                && fault.core() == "Authentication failed"
        })
    }

    /// What is already there, if that is the reason of a refusal.
    pub fn already_exists(&self) -> Option<Existing> {
        self.fault()?.already_exists()
    }

    /// What to do about it: see [`crate::retry::verdict`].
    pub fn verdict(&self) -> crate::retry::Verdict {
        crate::retry::verdict(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRAPPED: &str = "com.openexchange.admin.rmi.exceptions.NoSuchObjectException: \
                           com.openexchange.admin.rmi.exceptions.";

    fn error(operation: &'static str, class: FaultClass, text: &str) -> OxError {
        let fault = Fault {
            class,
            exception: None,
            text: text.to_owned(),
            exception_id: None,
            code: "soap:Server".to_owned(),
        };
        OxError::Fault { operation, fault }
    }

    #[test]
    fn the_class_is_taken_by_namespace_not_by_prefix() {
        let read = |detail: &str| {
            let message = format!(
                "<e:Envelope xmlns:e='http://schemas.xmlsoap.org/soap/envelope/'><e:Body><e:Fault>\
                 <faultcode>e:Server</faultcode><faultstring>x; exceptionId 1-2</faultstring>\
                 <detail>{detail}</detail></e:Fault></e:Body></e:Envelope>"
            );
            super::read(&super::super::envelope::read_body(message.as_bytes()).unwrap()).unwrap()
        };
        for detail in [
            "<NoSuchUserException xmlns='http://soap.admin.openexchange.com'/>",
            "<q:NoSuchUserException xmlns:q='http://soap.copy.user.admin.openexchange.com'/>",
            "<h xmlns='http://cxf.apache.org/'>host</h>\
             <a:NoSuchUserException xmlns:a='http://soap.admin.openexchange.com'/>",
        ] {
            let fault = read(detail);
            assert_eq!(fault.class, FaultClass::NoSuchUser, "{detail}");
            assert_eq!((fault.text.as_str(), fault.exception_id.as_deref()), ("x", Some("1-2")));
        }
        let foreign = read("<NoSuchUserException xmlns='http://example.test/'/>");
        assert_eq!(foreign.class, FaultClass::Other);
        assert_eq!(foreign.exception.as_deref(), Some("NoSuchUserException"));
        let other = read("<DatabaseUpdateException xmlns='http://soap.admin.openexchange.com'/>");
        assert_eq!(other.class, FaultClass::Other);
        assert_eq!((read("").class, read("").exception), (FaultClass::Undeclared, None));
    }

    #[test]
    fn exception_ids_are_split_off_and_the_first_is_kept() {
        for (text, rest, id) in [
            ("No such group; exceptionId 996448197-66", "No such group", Some("996448197-66")),
            ("a; exceptionId -1-2; exceptionId -1-3; exceptionId -1-4", "a", Some("-1-2")),
            ("; exceptionId 1-2", "", Some("1-2")),
            ("start -1, end 0, length 0", "start -1, end 0, length 0", None),
            ("x; exceptionId 1-2 more", "x; exceptionId 1-2 more", None),
            ("x; exceptionId -", "x; exceptionId -", None),
            ("", "", None),
        ] {
            assert_eq!(split_exception_id(text), (rest, id));
        }
    }

    /// Rules: 5.3
    #[test]
    fn a_missing_user_is_told_from_an_unknown_administrator() {
        let change = "OXUserService.change";
        let class = FaultClass::NoSuchUser;
        for text in [
            "No such user 777 in context 1",
            "No such user(s) 26,9999 in context 1",
            "No such user",
            &format!("{WRAPPED}NoSuchUserException: No such user ghost in context 1"),
        ] {
            let fault = error(change, class, text);
            assert!(
                fault.is_no_such_user("oxadmin") && !fault.is_unknown_admin("oxadmin"),
                "{text}"
            );
        }
        let admin = error(change, class, "No such user nobody in context 1010");
        assert!(!admin.is_no_such_user("nobody") && admin.is_unknown_admin("nobody"));
        assert!(admin.is_no_such_user("oxadmin"));
        let read =
            error("OXUserService.getData", FaultClass::Storage, "No such user nobody in context 1");
        assert!(!read.is_no_such_user("oxadmin") && read.is_unknown_admin("nobody"));
        let delete = error("OXUserService.delete", class, "No such user nobody in context 1");
        assert!(delete.is_no_such_user("nobody"), "only `change` names its administrator so");
    }

    /// Rules: 5.3
    #[test]
    fn a_missing_group_resource_or_context_is_recognised() {
        let group = error("OXGroupService.getData", FaultClass::NoSuchGroup, "No such group");
        assert!(group.is_no_such_group() && !group.is_no_such_user("oxadmin"));
        let account = error(
            "OXSecondaryAccountService.create",
            FaultClass::NoSuchUser,
            "No such group 9999 in context 20",
        );
        assert!(account.is_no_such_group() && !account.is_no_such_user("oxadmin"));
        let resource = error(
            "OXResourceService.change",
            FaultClass::NoSuchResource,
            "Resource with this id does not exists",
        );
        assert!(resource.is_no_such_resource() && !resource.is_no_such_context());
        let context = error(
            "OXUserService.change",
            FaultClass::NoSuchContext,
            "The context 999 does not exist!",
        );
        assert!(context.is_no_such_context() && !context.context_may_be_missing());
        let hidden = |operation, class| error(operation, class, "Authentication failed");
        let class = FaultClass::InvalidCredentials;
        assert!(hidden("OXGroupService.change", class).context_may_be_missing());
        assert!(!hidden("OXContextService.change", class).context_may_be_missing());
        assert!(!hidden("OXUserCopyService.copyUser", class).context_may_be_missing());
        let lost = OxError::Lost { operation: "OXUserService.change", reason: "reset".to_owned() };
        assert!(!lost.is_no_such_context() && !lost.is_no_such_user("x"));
    }
}
