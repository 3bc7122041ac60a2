//! Names and addresses that only one object of a context may have.

use std::sync::Arc;

/// A name or address that only one object of a context may have.
///
/// Its text is shared: what an item is going to claim is looked up in several ways.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Claim {
    /// Login name of a user; OX compares it with case.
    User(Arc<str>),
    /// Display name of a user, without case; OX refuses a second one unless it is told not to.
    Display(Arc<str>),
    /// Name of a group, without case.
    Group(Arc<str>),
    /// Name of a resource, without case.
    Resource(Arc<str>),
    /// A primary mail address of a user, resource or functional account, without case.
    Mail(Arc<str>),
}
