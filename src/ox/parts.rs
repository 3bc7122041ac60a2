//! Messages and answers without a connection, for whoever measures what XML costs.

use super::call::Call;
use super::envelope::read_body;
use super::{ContextData, Credentials, GroupData, OxUser, Target, context, group, user};
use crate::model::{ContextId, ModuleAccess, OxId, UserFields};

/// Writes one message of an operation.
pub type Writer = Box<dyn Fn() -> Result<String, String>>;

/// A writer for each operation that changes something often: about this user, or a group of so many
/// members.
pub fn writers(
    fields: &UserFields,
    members: u32,
    credentials: &Credentials,
) -> Vec<(&'static str, Writer)> {
    const CONTEXT: ContextId = ContextId(7);
    let user = Target::Name(fields.text("name").unwrap_or("user").to_owned());
    let team = GroupData {
        name: "team".to_owned(),
        display_name: "Team".to_owned(),
        members: (1..=members).map(OxId).collect(),
    };
    let place = ContextData {
        id: CONTEXT,
        name: Some("context".to_owned()),
        max_quota_mb: Some(1_000),
        login_mappings: Vec::new(),
        enabled: None,
    };
    let mut access = ModuleAccess::NONE;
    access.set(0, true);
    let (made, changed, admin) = (fields.clone(), fields.clone(), fields.clone());
    let (by_name, by_name_too) = (user.clone(), user);
    vec![
        writer(credentials, move || user::create(CONTEXT, &made, access)),
        writer(credentials, move || user::change(CONTEXT, &by_name, &changed)),
        writer(credentials, move || user::change_access(CONTEXT, &by_name_too, access)),
        writer(credentials, move || {
            group::change(CONTEXT, &Target::Name("team".to_owned()), &team)
        }),
        {
            let login = credentials.clone();
            writer(credentials, move || context::create(&place, &admin, &login))
        },
    ]
}

fn writer<R: 'static>(
    credentials: &Credentials,
    call: impl Fn() -> Call<R> + 'static,
) -> (&'static str, Writer) {
    let (operation, credentials) = (call().operation, credentials.clone());
    let write = move || {
        let written = call().message(&credentials);
        written.map_err(|problem| format!("{}: {}", problem.field, problem.reason))
    };
    (operation, Box::new(write))
}

/// Reads an answer of `OXUserService.getData`.
///
/// # Errors
/// Why it is none.
pub fn read_user(answer: &[u8]) -> Result<OxUser, String> {
    let body = read_body(answer).map_err(|problem| format!("{problem:?}"))?;
    user::get(ContextId(7), &Target::Id(OxId(3))).reply(&body)
}

/// Reads any answer as far as its names and texts.
///
/// # Errors
/// Why it is none.
pub fn read_any(answer: &[u8]) -> Result<(), String> {
    read_body(answer).map(drop).map_err(|problem| format!("{problem:?}"))
}
