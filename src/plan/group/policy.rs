//! How groups are written, as far as it can be chosen.

use std::num::NonZeroU32;

/// What can be set about groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupPolicy {
    /// Most members that are added and removed one by one; with more, and whenever half of the list
    /// or more changes, the whole list is written. 0 = always the whole list.
    pub delta_max: usize,
    /// When OX is asked for the group because some members were or are to be added or removed.
    pub verify: Verify,
    /// Every how-many-th of such changes, on an average, is verified; 1 = each.
    pub verify_every: NonZeroU32,
    /// What becomes of a group that has no member left in a context.
    pub empty: EmptyGroup,
    /// Who is in a group that holds other groups.
    pub membership: Membership,
}

impl Default for GroupPolicy {
    fn default() -> Self {
        Self {
            delta_max: Self::DELTA_MAX,
            verify: Verify::After,
            verify_every: Self::VERIFY_EVERY,
            empty: EmptyGroup::Delete,
            membership: Membership::Direct,
        }
    }
}

impl GroupPolicy {
    /// A call with so many members takes OX some 30 ms; more are better written as a whole.
    pub const DELTA_MAX: usize = 100;

    /// Rare enough not to be felt also with big groups, whose whole list is read then.
    pub const VERIFY_EVERY: NonZeroU32 = NonZeroU32::MIN.saturating_add(99);
}

/// When OX is asked whether a group is as remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Verify {
    /// Before members are added or removed one by one; if it differs, the whole list is written.
    Before,
    /// Afterwards; if it differs, the whole list is written.
    #[default]
    After,
    /// Only when something is amiss anyway.
    Never,
}

impl GroupPolicy {
    /// Whether groups in groups count.
    pub fn is_flattened(&self) -> bool {
        self.membership == Membership::Flattened
    }
}

/// Who is in a group that holds other groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Membership {
    /// The users whom it names itself, as the connector has it.
    #[default]
    Direct,
    /// Those of the groups in it, too, at any depth.
    Flattened,
}

/// What becomes of a group without members.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EmptyGroup {
    /// It is deleted, and made again when somebody comes.
    #[default]
    Delete,
    /// It stays where it is, without members.
    Keep,
    /// It stays as it is, its last members included, until somebody comes.
    Hold,
}
