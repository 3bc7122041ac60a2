//! Values of the model as columns and back.

use rusqlite::Row;
use serde::de::DeserializeOwned;
use serde::de::value::{Error, StrDeserializer};
use serde::{Deserialize as _, Serialize};

use super::super::{FaultRecord, ItemRecord, Journey, Placement, StoreError};
use super::failed;
use crate::model::{ContextId, DnKey, ItemName, ObjectId, ObjectKind, OxId};

/// A value as JSON text.
pub(super) fn to_json<T: Serialize>(what: &'static str, value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|e| unreadable(what, &e.to_string()))
}

/// A value from JSON text.
pub(super) fn from_json<T: DeserializeOwned>(
    what: &'static str,
    text: &str,
) -> Result<T, StoreError> {
    // Only the place of the error: its text may show people's data.
    serde_json::from_str(text).map_err(|e| {
        let reason = format!("malformed JSON at line {}, column {}", e.line(), e.column());
        unreadable(what, &reason)
    })
}

/// An object's kind from its UDM type name.
pub(super) fn kind(name: &str) -> Result<ObjectKind, StoreError> {
    ObjectKind::from_udm_type(name)
        .ok_or_else(|| unreadable("object kind", &format!("unknown type {name:?}")))
}

/// A key exactly as it was stored; it is not normalised again.
pub(super) fn dn_key(text: &str) -> Result<DnKey, StoreError> {
    DnKey::deserialize(StrDeserializer::<Error>::new(text))
        .map_err(|e| unreadable("former DN", &e.to_string()))
}

/// Columns from_context, to_context, ox_id, name, copying, beginning at `first`.
pub(super) fn journey(row: &Row<'_>, first: usize) -> rusqlite::Result<Journey> {
    Ok(Journey {
        from: ContextId(row.get(first)?),
        to: ContextId(row.get(first + 1)?),
        ox: OxId(row.get(first + 2)?),
        name: row.get(first + 3)?,
        copying: row.get(first + 4)?,
    })
}

/// The columns of an item, for [`item`].
pub(super) const ITEM: &str = "intake, item, digest, object, kind, fate, attempts, last_fault, exception_id, taken_ms, \
     ended_ms, ended_by";

/// Columns as [`ITEM`] names them.
pub(super) fn item(row: &Row<'_>) -> Result<ItemRecord, StoreError> {
    let read = failed("read");
    let object: Option<String> = row.get(3).map_err(&read)?;
    let kind_name: Option<String> = row.get(4).map_err(&read)?;
    let fate: String = row.get(5).map_err(&read)?;
    Ok(ItemRecord {
        intake: unsigned(row.get(0).map_err(&read)?),
        item: ItemName::new(&row.get::<_, String>(1).map_err(&read)?),
        digest: row.get(2).map_err(&read)?,
        object: object.as_deref().map(ObjectId::new),
        kind: kind_name.as_deref().map(kind).transpose()?,
        fate: from_json("fate", &fate)?,
        attempts: row.get(6).map_err(&read)?,
        last_fault: row.get(7).map_err(&read)?,
        exception_id: row.get(8).map_err(&read)?,
        taken_ms: row.get(9).map_err(&read)?,
        ended_ms: row.get(10).map_err(&read)?,
        ended_by: row.get::<_, Option<i64>>(11).map_err(&read)?.map(unsigned),
    })
}

/// A counted number for a column.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A counted number from a column; one below zero was not written by drover and counts as none.
pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// Columns item, context, object, class, text, exception_id, fingerprint, attempts, first_ms,
/// last_ms.
pub(super) fn fault(row: &Row<'_>) -> rusqlite::Result<FaultRecord> {
    Ok(FaultRecord {
        item: ItemName::new(&row.get::<_, String>(0)?),
        context: row.get::<_, Option<u32>>(1)?.map(ContextId),
        object: row.get::<_, Option<String>>(2)?.as_deref().map(ObjectId::new),
        class: row.get(3)?,
        text: row.get(4)?,
        exception_id: row.get(5)?,
        fingerprint: row.get(6)?,
        attempts: row.get(7)?,
        first_ms: row.get(8)?,
        last_ms: row.get(9)?,
    })
}

/// What people see in the column `name` of a placement.
pub(super) fn placement_name(placement: &Placement) -> Option<&str> {
    match placement {
        Placement::Context { name, .. }
        | Placement::User { name, .. }
        | Placement::Group { name, .. }
        | Placement::SharedAccount { name, .. } => Some(name),
        Placement::Account { address, .. } => Some(address),
        Placement::Resource { data, .. } => data.name.as_deref(),
    }
}

pub(super) fn unreadable(what: &'static str, reason: &str) -> StoreError {
    StoreError::Unreadable { what, reason: reason.to_owned() }
}
