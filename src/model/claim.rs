//! Names and addresses that only one object of a context may have.

/// A name or address that only one object of a context may have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Claim {
    /// Login name of a user; OX compares it with case.
    User(String),
    /// Display name of a user, without case; OX refuses a second one unless it is told not to.
    Display(String),
    /// Name of a group, without case.
    Group(String),
    /// Name of a resource, without case.
    Resource(String),
    /// A primary mail address of a user, resource or functional account, without case.
    Mail(String),
}
