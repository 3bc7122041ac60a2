//! `OXUserCopyService`: copies of users into other contexts, with the master's credentials. Its
//! operation and parameters have a namespace of their own.

use super::Account;
use super::call::{Call, Weight, new_id};
use super::envelope::{Elements, Space};
use crate::model::{ContextId, OxId};

pub(super) fn copy(user: OxId, from: ContextId, to: ContextId) -> Call<OxId> {
    let mut parameters = Elements::default();
    parameters.nest(Space::Copy, "user", |out| out.plain(Space::Objects, "id", user));
    parameters.nest(Space::Copy, "src", |out| out.plain(Space::Objects, "id", from));
    parameters.nest(Space::Copy, "dest", |out| out.plain(Space::Objects, "id", to));
    Call {
        operation: "OXUserCopyService.copyUser",
        account: Account::Master,
        context: to,
        weight: Weight::Heavy,
        parameters,
        read: new_id,
    }
}
