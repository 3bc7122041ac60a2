//! Groups: the projection of one directory group into one context.
//!
//! Every write carries the whole member list, because OX takes a missing one for an empty one.

use std::collections::BTreeMap;

use super::{Answer, Case, Next, Operation, Problem, Question, Refusal, Reply};
use crate::model::{ContextId, ObjectId, OxId};
use crate::ox::{GroupData, Target};
use crate::store::{Change, Placement};

/// What the directory wants of a group in one context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedGroup {
    /// Name, also shown as display name.
    pub name: String,
    /// Members that are in OX there, with their numbers. Never empty: a group without members in a
    /// context is not wanted there.
    pub members: BTreeMap<ObjectId, OxId>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Placed {
    ox: OxId,
    name: String,
    members: BTreeMap<ObjectId, OxId>,
}

/// One group on its way in one context.
#[derive(Debug)]
pub struct GroupCase {
    id: ObjectId,
    context: ContextId,
    wanted: Option<WantedGroup>,
    placed: Option<Placed>,
    before: Option<Placed>,
    look: bool,
    looked: bool,
    /// The number was checked against the name, for a rename.
    identified: bool,
    /// OX said that a member is not there: which numbers are?
    doubt: bool,
    /// Numbers of members that are wrong.
    stale: Vec<ObjectId>,
    checked: bool,
    /// The wanted name belongs to another object.
    taken: Option<ObjectId>,
    suspect: bool,
    applied: bool,
    adopted: bool,
}

impl GroupCase {
    /// A group as known in a context, and as wanted there. `present` says whether a remembered
    /// member still is in the context under that number; others OX has taken out by itself.
    pub fn new(
        id: ObjectId,
        context: ContextId,
        wanted: Option<WantedGroup>,
        placement: Option<&Placement>,
        suspect: bool,
        present: impl Fn(&ObjectId, OxId) -> bool,
    ) -> Self {
        let before = match placement {
            Some(Placement::Group { ox, name, members }) => {
                Some(Placed { ox: *ox, name: name.clone(), members: members.clone() })
            }
            _ => None,
        };
        let mut placed = before.clone();
        if let Some(placed) = &mut placed {
            placed.members.retain(|member, ox| present(member, *ox));
        }
        Self {
            id,
            context,
            wanted,
            placed,
            before,
            look: suspect,
            looked: false,
            identified: false,
            doubt: false,
            stale: Vec::new(),
            checked: false,
            taken: None,
            suspect,
            applied: false,
            adopted: false,
        }
    }

    /// Members whose remembered numbers OX does not know; to be looked up by name before the group
    /// is tried again.
    pub fn stale_members(&self) -> &[ObjectId] {
        &self.stale
    }

    fn data(wanted: &WantedGroup) -> GroupData {
        GroupData {
            name: wanted.name.clone(),
            display_name: wanted.name.clone(),
            members: wanted.members.values().copied().collect(),
        }
    }
}

impl Case for GroupCase {
    fn next(&self) -> Next {
        let context = self.context;
        if let Some(owner) = self.taken.clone() {
            return Next::Stuck(Problem::NameTaken { context, owner });
        }
        if self.doubt {
            return Next::Ask(Question::UserIds(context));
        }
        match (&self.wanted, &self.placed) {
            (None, None) => Next::Done { why: "has no member that is an OX user" },
            (None, Some(placed)) => {
                let group = Target::Name(placed.name.clone());
                Next::Do(Operation::GroupDelete { context, group })
            }
            (Some(wanted), None) => {
                if self.look && !self.looked {
                    return Next::Ask(Question::Group(context, wanted.name.clone()));
                }
                Next::Do(Operation::GroupCreate { context, data: Self::data(wanted) })
            }
            (Some(wanted), Some(placed)) => {
                let rename = placed.name != wanted.name;
                // After an answer that did not come OX may hold whatever that attempt wanted, or
                // nothing: the whole list puts it right.
                let unsure = self.suspect && !self.applied;
                if !rename && !unsure && placed.members == wanted.members {
                    return Next::Done { why: "is in OX as wanted" };
                }
                if rename && !self.identified {
                    return Next::Ask(Question::Group(context, placed.name.clone()));
                }
                let group =
                    if rename { Target::Id(placed.ox) } else { Target::Name(placed.name.clone()) };
                Next::Do(Operation::GroupChange { context, group, data: Self::data(wanted) })
            }
        }
    }

    fn done(&mut self, operation: &Operation, reply: Reply) {
        self.applied = true;
        let Some(wanted) = self.wanted.clone() else {
            self.placed = None;
            return;
        };
        match (operation, reply) {
            (Operation::GroupCreate { .. }, Reply::Id(ox)) => {
                self.placed = Some(Placed { ox, name: wanted.name, members: wanted.members });
            }
            (Operation::GroupChange { .. }, _) => {
                if let Some(placed) = &mut self.placed {
                    placed.name = wanted.name;
                    placed.members = wanted.members;
                }
            }
            _ => {}
        }
    }

    fn refused(&mut self, operation: &Operation, refusal: Refusal) -> bool {
        match (operation, refusal) {
            (Operation::GroupCreate { .. }, Refusal::Exists) if !self.looked => {
                self.look = true;
                true
            }
            (Operation::GroupChange { .. }, Refusal::Missing) => {
                self.placed = None;
                true
            }
            (
                Operation::GroupCreate { .. } | Operation::GroupChange { .. },
                Refusal::MemberMissing,
            ) if !self.checked => {
                self.doubt = true;
                true
            }
            (Operation::GroupDelete { .. }, Refusal::Missing | Refusal::ContextMissing(_)) => {
                self.placed.take().is_some()
            }
            _ => false,
        }
    }

    fn answered(&mut self, question: &Question, answer: Answer) {
        match (question, answer) {
            (Question::UserIds(_), Answer::UserIds(ids)) => {
                self.doubt = false;
                self.checked = true;
                let Some(wanted) = &mut self.wanted else { return };
                self.stale = wanted
                    .members
                    .iter()
                    .filter(|(_, ox)| !ids.contains(ox))
                    .map(|(member, _)| member.clone())
                    .collect();
            }
            (Question::Group(_, _), Answer::Group(group)) => match &mut self.placed {
                Some(placed) => {
                    placed.ox = group.id;
                    self.identified = true;
                }
                None => {
                    // Taken over: its members are not ours, so they are written in any case.
                    self.looked = true;
                    self.adopted = !self.suspect;
                    self.identified = true;
                    let name = self.wanted.as_ref().map_or_else(String::new, |w| w.name.clone());
                    self.placed = Some(Placed { ox: group.id, name, members: BTreeMap::new() });
                }
            },
            (Question::Group(_, _), Answer::Foreign(owner)) if self.placed.is_none() => {
                self.taken = Some(owner);
            }
            (Question::Group(_, _), Answer::Absent | Answer::Foreign(_)) => {
                if self.placed.take().is_some() {
                    // Gone under its old name: maybe it bears the new one already.
                    self.look = true;
                } else {
                    self.looked = true;
                }
            }
            _ => {}
        }
    }

    fn changes(&self) -> Vec<Change> {
        let (id, context) = (self.id.clone(), self.context);
        match (&self.before, &self.placed) {
            (Some(_), None) => vec![Change::DropPlacement { id, context }],
            (before, Some(placed)) if before.as_ref() != Some(placed) => {
                let placement = Placement::Group {
                    ox: placed.ox,
                    name: placed.name.clone(),
                    members: placed.members.clone(),
                };
                vec![Change::PutPlacement { id, context, placement }]
            }
            _ => Vec::new(),
        }
    }

    fn applied(&self) -> bool {
        self.applied
    }

    fn adopted(&self) -> bool {
        self.adopted
    }
}
