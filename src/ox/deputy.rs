//! `OXDeputyPermissionsService`: who may act for a user, and how far, with the context administrator's
//! credentials.
//!
//! No server that has it was at hand. Names of operations, parameters and fields are those that the OX
//! Connector sends and reads; the interface of the other services stands for all else. In what form
//! `user` is wanted the server's WSDL says, and the client looks there.

use serde::{Deserialize, Serialize};

use super::Account;
use super::call::{Answer, Call, Weight, nothing, write_context};
use super::envelope::{Element, Elements, Space};
use crate::model::{ContextId, OxId};

/// The modules in which a deputy may act, in the order in which they are sent.
const MODULES: [&str; 2] = ["mail", "calendar"];

/// What may be done in one module: OX's five figures for administering, the folder, reading, writing and
/// deleting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeputyLevel([u8; 5]);

impl DeputyLevel {
    /// Reads five figures such as `02440`; none if it is something else.
    pub fn parse(code: &str) -> Option<Self> {
        let figures: [u8; 5] = code.trim().as_bytes().try_into().ok()?;
        figures.iter().all(u8::is_ascii_digit).then(|| Self(figures.map(|figure| figure - b'0')))
    }

    /// Of these figures.
    pub fn of(figures: [u8; 5]) -> Self {
        Self(figures)
    }

    /// The figures.
    pub fn figures(self) -> [u8; 5] {
        self.0
    }

    /// Whether nothing may be done.
    pub fn is_nothing(self) -> bool {
        self.0.iter().all(|figure| *figure == 0)
    }
}

/// How far a deputy may act for a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct DeputyRights {
    /// In the inbox.
    pub mail: DeputyLevel,
    /// In the calendar.
    pub calendar: DeputyLevel,
    /// Whether he may send mail on behalf of the user.
    pub send_on_behalf: bool,
}

impl DeputyRights {
    /// Whether they allow nothing; OX then has no deputy at all.
    pub fn is_nothing(self) -> bool {
        self.mail.is_nothing() && self.calendar.is_nothing() && !self.send_on_behalf
    }
}

/// A deputy as OX answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OxDeputy {
    /// OX's name of the grant.
    pub grant: String,
    /// For whom he may act.
    pub user: OxId,
    /// Who may.
    pub deputy: OxId,
    /// How far.
    pub rights: DeputyRights,
}

/// The form in which a server wants the user of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UserForm {
    /// A bare number.
    Number,
    /// An object that holds it.
    Object,
}

/// Whose deputies a call is about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Of {
    pub(super) context: ContextId,
    pub(super) user: OxId,
    pub(super) form: UserForm,
}

impl Of {
    fn call<R>(
        self,
        operation: &'static str,
        read: fn(&Answer<'_>) -> Result<R, String>,
        write: impl FnOnce(&mut Elements),
    ) -> Call<R> {
        call(operation, self.context, Weight::Write, read, |out| {
            match self.form {
                UserForm::Number => out.plain(Space::Admin, "user", self.user),
                UserForm::Object => {
                    out.nest(Space::Admin, "user", |user| {
                        user.plain(Space::Objects, "id", self.user);
                    });
                }
            }
            write(out);
        })
    }
}

fn call<R>(
    operation: &'static str,
    context: ContextId,
    weight: Weight,
    read: fn(&Answer<'_>) -> Result<R, String>,
    write: impl FnOnce(&mut Elements),
) -> Call<R> {
    let mut parameters = Elements::default();
    write_context(&mut parameters, "context", context);
    write(&mut parameters);
    Call { operation, account: Account::Context(context), context, weight, parameters, read }
}

/// All deputies of a context.
pub(super) fn list(context: ContextId) -> Call<Vec<OxDeputy>> {
    let operation = "OXDeputyPermissionsService.list";
    call(operation, context, Weight::Read, read_deputies, |_| ())
}

pub(super) fn grant(of: Of, deputy: OxId, rights: DeputyRights) -> Call<String> {
    of.call("OXDeputyPermissionsService.grant", read_grant, |out| write(out, deputy, rights))
}

pub(super) fn update(of: Of, grant: &str, deputy: OxId, rights: DeputyRights) -> Call<()> {
    of.call("OXDeputyPermissionsService.update", nothing, |out| {
        out.text(Space::Admin, "deputyId", grant);
        write(out, deputy, rights);
    })
}

pub(super) fn revoke(of: Of, grant: &str) -> Call<()> {
    of.call("OXDeputyPermissionsService.revoke", nothing, |out| {
        out.text(Space::Admin, "deputyId", grant);
    })
}

pub(super) fn revoke_all(of: Of) -> Call<()> {
    of.call("OXDeputyPermissionsService.revokeAll", nothing, |_| ())
}

/// Whether the user may have deputies of his own choice beside those he was given.
pub(super) fn bar(of: Of, barred: bool) -> Call<()> {
    let operation = if barred {
        "OXDeputyPermissionsService.blockManual"
    } else {
        "OXDeputyPermissionsService.unblockManual"
    };
    of.call(operation, nothing, |_| ())
}

fn write(out: &mut Elements, deputy: OxId, rights: DeputyRights) {
    out.nest(Space::Admin, "deputyPermission", |out| {
        for (module, level) in MODULES.into_iter().zip([rights.mail, rights.calendar]) {
            let [admin, folder, read, write, delete] = level.0;
            out.nest(Space::Objects, "modulePermissions", |out| {
                out.plain(Space::Objects, "admin", admin != 0);
                out.plain(Space::Objects, "deletePermission", i64::from(delete));
                out.plain(Space::Objects, "folderPermission", i64::from(folder));
                out.text(Space::Objects, "moduleId", module);
                out.plain(Space::Objects, "readPermission", i64::from(read));
                out.plain(Space::Objects, "writePermission", i64::from(write));
            });
        }
        out.plain(Space::Objects, "sendOnBehalfOf", rights.send_on_behalf);
        out.plain(Space::Objects, "userId", deputy);
    });
}

fn read_grant(answer: &Answer<'_>) -> Result<String, String> {
    match answer.one()?.text.trim() {
        "" => Err("the grant has no id".to_owned()),
        id => Ok(id.to_owned()),
    }
}

fn read_deputies(answer: &Answer<'_>) -> Result<Vec<OxDeputy>, String> {
    answer.all()?.map(read_deputy).collect()
}

fn read_deputy(deputy: &Element) -> Result<OxDeputy, String> {
    let number = |name: &str| {
        deputy.number_field(name)?.map(OxId).ok_or_else(|| format!("a deputy has no {name}"))
    };
    let mut rights = DeputyRights {
        send_on_behalf: deputy.flag_field("sendOnBehalfOf")?.unwrap_or_default(),
        ..DeputyRights::default()
    };
    for module in deputy.all(Space::Objects, "modulePermissions") {
        let figure = |name: &str| Ok::<u8, String>(module.number_field(name)?.unwrap_or_default());
        let level = DeputyLevel([
            u8::from(module.flag_field("admin")?.unwrap_or_default()),
            figure("folderPermission")?,
            figure("readPermission")?,
            figure("writePermission")?,
            figure("deletePermission")?,
        ]);
        match module.owned_field("moduleId").as_deref() {
            Some("mail") => rights.mail = level,
            Some("calendar") => rights.calendar = level,
            // What users grant in other modules is no business of ours.
            _ => {}
        }
    }
    Ok(OxDeputy {
        grant: deputy.owned_field("deputyId").ok_or("a deputy has no deputyId")?,
        user: number("grantorId")?,
        deputy: number("userId")?,
        rights,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_five_figures() {
        for code in ["00000", "02400", "02440", "08444"] {
            let level = DeputyLevel::parse(code).unwrap();
            assert_eq!(level.is_nothing(), code == "00000");
        }
        for code in ["", "0240", "024000", "0240x", "viewer"] {
            assert_eq!(DeputyLevel::parse(code), None, "{code}");
        }
    }
}
