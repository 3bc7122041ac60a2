//! One call as a value: which operation, with whose credentials, what it sends and how its answer
//! is read. The service files make them, the client sends them.

use std::time::Duration;

use super::envelope::{Element, Elements, Space, Unwritable};
use super::limiter::Class;
use super::{Account, Credentials, Target};
use crate::model::{CapabilityChange, ContextId, OxId};

/// How long a call may take, roughly; the settings say how long that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    /// Changes nothing.
    Read,
    /// An ordinary write.
    Write,
    /// A write that touches many rows.
    Heavy,
}

/// From this many members on, a group write is heavy: 1000 members took OX 13 times as long as 10.
const MANY_MEMBERS: usize = 200;

impl Weight {
    /// Weight of a write that carries so many members.
    pub(super) fn of_members(members: usize) -> Self {
        if members >= MANY_MEMBERS { Self::Heavy } else { Self::Write }
    }
}

/// A call, ready but for its credentials.
pub(super) struct Call<R> {
    /// Service and operation, such as `OXUserService.change`.
    pub(super) operation: &'static str,
    pub(super) account: Account,
    /// The context it is about, for the log.
    pub(super) context: ContextId,
    pub(super) weight: Weight,
    /// All parameters but `auth`, which every operation takes after them.
    pub(super) parameters: Elements,
    pub(super) read: fn(&Answer<'_>) -> Result<R, String>,
}

impl<R> Call<R> {
    /// Name of the service, the last part of its address.
    pub(super) fn service(&self) -> &'static str {
        self.operation.split_once('.').map_or(self.operation, |(service, _)| service)
    }

    /// Name of the operation's element.
    pub(super) fn action(&self) -> &'static str {
        self.operation.split_once('.').map_or(self.operation, |(_, action)| action)
    }

    /// What kind of call it is, as far as the time it takes is concerned.
    pub(super) fn class(&self) -> Class {
        Class { operation: self.operation, heavy: self.weight == Weight::Heavy }
    }

    fn space(&self) -> Space {
        if self.service() == "OXUserCopyService" { Space::Copy } else { Space::Admin }
    }

    /// The message to send. Consumes the parameters.
    pub(super) fn message(&mut self, credentials: &Credentials) -> Result<String, Unwritable> {
        let (space, action) = (self.space(), self.action());
        let mut parameters = std::mem::take(&mut self.parameters);
        parameters.nest(space, "auth", |auth| {
            auth.text(Space::Auth, "login", &credentials.login);
            auth.text(Space::Auth, "password", credentials.password.reveal());
        });
        parameters.envelope(space, action)
    }

    /// The typed reply in an answer's body.
    pub(super) fn reply(&self, body: &Element) -> Result<R, String> {
        (self.read)(&Answer { body, space: self.space(), action: self.action() })
    }
}

/// A call about an object in a context, with the context administrator's credentials; `write` adds
/// the parameters that follow the context.
pub(super) fn object_call<R>(
    operation: &'static str,
    context: ContextId,
    weight: Weight,
    read: fn(&Answer<'_>) -> Result<R, String>,
    write: impl FnOnce(&mut Elements),
) -> Call<R> {
    let mut parameters = Elements::default();
    write_context(&mut parameters, "ctx", context);
    write(&mut parameters);
    Call { operation, account: Account::Context(context), context, weight, parameters, read }
}

/// The body of an answer that is no fault.
pub(super) struct Answer<'a> {
    body: &'a Element,
    space: Space,
    action: &'static str,
}

impl<'a> Answer<'a> {
    /// Everything the operation returned, in order.
    ///
    /// # Errors
    /// If the body does not hold the operation's response element: the answer belongs to another
    /// call, or to none.
    pub(super) fn all(&self) -> Result<impl Iterator<Item = &'a Element>, String> {
        let name = format!("{}Response", self.action);
        let space = self.space;
        let response =
            self.body.child(space, &name).ok_or_else(|| format!("it holds no {name}"))?;
        Ok(response.all(space, "return"))
    }

    /// The one thing the operation returned.
    pub(super) fn one(&self) -> Result<&'a Element, String> {
        self.all()?.next().ok_or_else(|| "it returns nothing".to_owned())
    }
}

/// Reads the empty answer of an operation that returns nothing.
#[expect(clippy::unnecessary_wraps, reason = "all readers have this type")]
pub(super) fn nothing(_: &Answer<'_>) -> Result<(), String> {
    Ok(())
}

/// Reads `true` or `false`.
pub(super) fn flag(answer: &Answer<'_>) -> Result<bool, String> {
    answer.one()?.flag()
}

/// Reads the number of the object that was made.
pub(super) fn new_id(answer: &Answer<'_>) -> Result<OxId, String> {
    id_of(answer.one()?)
}

/// Number of an object, which must be there.
pub(super) fn id_of(object: &Element) -> Result<OxId, String> {
    object.number_field("id")?.map(OxId).ok_or_else(|| "an object has no id".to_owned())
}

/// Writes what is granted, denied and neither any more; a list without a word is left out.
pub(super) fn write_capabilities(out: &mut Elements, change: &CapabilityChange) {
    let CapabilityChange { add, remove, drop } = change;
    for (name, words) in [("capsToAdd", add), ("capsToRemove", remove), ("capsToDrop", drop)] {
        if !words.is_empty() {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            out.text(Space::Admin, name, &words.join(","));
        }
    }
}

/// Writes the parameter that names the context.
pub(super) fn write_context(out: &mut Elements, parameter: &'static str, context: ContextId) {
    out.nest(Space::Admin, parameter, |ctx| ctx.plain(Space::Objects, "id", context));
}

/// Writes a parameter that names a user, group or resource and nothing else of it.
pub(super) fn write_target(out: &mut Elements, parameter: &'static str, target: &Target) {
    out.nest(Space::Admin, parameter, |object| match target {
        Target::Id(id) => object.plain(Space::Objects, "id", *id),
        Target::Name(name) => object.text(Space::Objects, "name", name),
    });
}

/// Writes one parameter for each number.
pub(super) fn write_ids(out: &mut Elements, parameter: &'static str, ids: &[OxId]) {
    for id in ids {
        out.nest(Space::Admin, parameter, |user| user.plain(Space::Objects, "id", *id));
    }
}

/// How long calls may take, from the first byte sent to the last byte read; waiting for a permit
/// does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// Calls that change nothing.
    pub read: Duration,
    /// Ordinary writes. OX itself waits up to some 20 s for a context's lock.
    pub write: Duration,
    /// Context create and delete, user copy, groups with many members.
    pub heavy: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            read: Duration::from_secs(30),
            write: Duration::from_secs(60),
            heavy: Duration::from_secs(300),
        }
    }
}

impl Deadlines {
    pub(super) fn of(&self, weight: Weight) -> Duration {
        match weight {
            Weight::Read => self.read,
            Weight::Write => self.write,
            Weight::Heavy => self.heavy,
        }
    }

    /// The shortest of the three.
    pub(super) fn shortest(&self) -> Duration {
        self.read.min(self.write).min(self.heavy)
    }
}
