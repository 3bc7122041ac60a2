//! The words of the domain, as types: ids, directory objects, OX's fields and rights.
//!
//! Nothing in here knows actors, tokio, HTTP, XML, the file system or the clock.

pub mod access;
pub mod claim;
pub mod deputies;
pub mod digest;
pub mod dn;
pub mod extras;
pub mod fate;
pub mod fields;
pub mod ids;
pub mod item;
pub mod object;
pub mod secret;

pub use access::ModuleAccess;
pub use claim::Claim;
pub use dn::{Dn, DnKey};
pub use extras::{Capabilities, CapabilityChange, ContextExtras, ModuleQuotas};
pub use fate::{Fate, ParkReason};
pub use fields::{FieldValue, UserField, UserFields};
pub use ids::{ContextId, ObjectId, OxId};
pub use item::ItemName;
pub use object::{DirectoryObject, ObjectKind, QueueFile};
pub use secret::Secret;
