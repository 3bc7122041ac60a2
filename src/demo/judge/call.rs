//! One call as the server saw it.

use crate::sim::CallRecord;

/// A call that the server has answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Position in the server's log, which is the order in which calls took effect and ended.
    pub seq: u64,
    /// Such as `OXUserService`.
    pub service: String,
    /// Such as `createByModuleAccess`.
    pub operation: String,
    /// The contexts it touches; two for a user copy (from, to).
    pub contexts: Vec<u32>,
    /// Number of the object in OX, if the call or its answer names one.
    pub id: Option<i64>,
    /// Name of the object, if the call names one.
    pub name: Option<String>,
    /// When the server began with it, in microseconds of the server's own clock.
    pub start_us: u64,
    /// When its answer was ready.
    pub end_us: u64,
    /// Whether it did what it was asked, even if nobody got to know that.
    pub ok: bool,
}

impl From<&CallRecord> for Call {
    fn from(record: &CallRecord) -> Self {
        Self {
            seq: record.seq,
            service: record.service.to_owned(),
            operation: record.operation.to_owned(),
            contexts: record.contexts.clone(),
            id: record.id.map(i64::from),
            name: record.name.as_deref().map(str::to_owned),
            start_us: record.start_us,
            end_us: record.end_us,
            // A write may be done and its answer lost; a read is worth no more than its answer.
            ok: record.applied || record.status == 200,
        }
    }
}

/// What a call does to the object it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    Read,
    Create,
    Change,
    Delete,
}

/// Kind of object that a call is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subject {
    Context,
    User,
    Group,
    Resource,
    Account,
    Unknown,
}

impl Call {
    /// What the call does.
    pub(super) fn effect(&self) -> Effect {
        let operation = self.operation.as_str();
        if operation.starts_with("create") || operation == "copyUser" {
            Effect::Create
        } else if operation.starts_with("delete") {
            Effect::Delete
        } else if ["change", "add", "remove", "update", "enable", "disable", "set"]
            .iter()
            .any(|verb| operation.starts_with(verb))
        {
            Effect::Change
        } else {
            Effect::Read
        }
    }

    /// What the call is about.
    pub(super) fn subject(&self) -> Subject {
        match self.service.as_str() {
            "OXContextService" => Subject::Context,
            "OXUserService" | "OXUserCopyService" => Subject::User,
            "OXGroupService" => Subject::Group,
            "OXResourceService" => Subject::Resource,
            "OXSecondaryAccountService" => Subject::Account,
            _ => Subject::Unknown,
        }
    }

    /// The type of object it is about, in the words of [`ObjectKind`](crate::model::ObjectKind).
    pub fn kind(&self) -> &'static str {
        match self.subject() {
            Subject::Context => "context",
            Subject::User => "user",
            Subject::Group => "group",
            Subject::Resource => "resource",
            Subject::Account => "functional account",
            Subject::Unknown => "other",
        }
    }

    /// Service and operation in one word.
    pub fn title(&self) -> String {
        format!("{}.{}", self.service, self.operation)
    }
}
