//! Groups: the projection of one directory group into one context.
//!
//! A change of the group itself carries the whole member list, because OX takes a missing one for an
//! empty one. A few members more or less in a group whose members are known are added and removed one
//! by one, which costs the same however long the list is. The whole list is written where that
//! knowledge is in doubt: after an outcome that was not heard of, after a refusal, when a
//! verification found the group different, and when it is asked for.
//!
//! Like users, groups are addressed by the name drover last gave them, and who is added or removed by
//! his login name: after a restore of OX's database a number may be another's. Only the whole list
//! cannot be written but with numbers.

mod delta;
mod nested;
mod policy;

use std::collections::{BTreeMap, BTreeSet};

use self::delta::{Delta, delta};
pub use self::nested::everybody;
pub use self::policy::{EmptyGroup, GroupPolicy, Membership, Verify};
use super::{Answer, Case, Next, Operation, Problem, Question, Refusal, Reply};
use crate::model::{ContextId, ObjectId, OxId};
use crate::ox::{GroupData, OxGroup, Target};
use crate::store::{Change, Placement};

/// What the directory wants of a group in one context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedGroup {
    /// Name, also shown as display name.
    pub name: String,
    /// Members that are in OX there, with their numbers. Empty only if groups without members are
    /// kept, see [`EmptyGroup`].
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
    policy: GroupPolicy,
    wanted: Option<WantedGroup>,
    placed: Option<Placed>,
    /// It was remembered as placed when the case began.
    known: bool,
    /// What is remembered differs from `placed`.
    learnt: bool,
    look: bool,
    looked: bool,
    /// A create was refused although nothing was there a moment before: most likely an earlier try,
    /// whose outcome was not known, came through meanwhile.
    late: bool,
    /// The number was checked against the name, for a rename.
    identified: bool,
    /// The whole list is to be written whatever is remembered.
    rewrite: bool,
    /// OX was asked for the group, or has just got the whole list.
    verified: bool,
    /// OX is to be asked whether the group is as it should be now.
    verify_after: bool,
    /// A verification found other members than remembered.
    differed: bool,
    /// OX said that a member is not there: which numbers are?
    doubt: Option<Doubt>,
    /// Users who stay in the group if they are in it, and out of it if not.
    fixed: BTreeMap<ObjectId, OxId>,
    /// OX has shown the group's members.
    listed: bool,
    /// Numbers of members that are wrong.
    stale: Vec<ObjectId>,
    checked: bool,
    /// The wanted name belongs to another object.
    taken: Option<ObjectId>,
    suspect: bool,
    applied: bool,
    adopted: bool,
}

/// Who may be the member that OX does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Doubt {
    /// Anyone: the whole list was sent.
    Anyone,
    /// One of those who were to be added, by name.
    Among(BTreeSet<OxId>),
}

impl GroupCase {
    /// A group as known in a context, and as wanted there. `present` says whether a remembered
    /// member still is in the context under that number; others OX has taken out by itself.
    ///
    /// `suspect` says that the outcome of an earlier try is not known, or that somebody wants to be
    /// sure: then what is remembered of the members is not relied on, and a group that should be
    /// there gets its whole list.
    pub fn new(
        id: ObjectId,
        context: ContextId,
        wanted: Option<WantedGroup>,
        placement: Option<&Placement>,
        suspect: bool,
        present: impl Fn(&ObjectId, OxId) -> bool,
    ) -> Self {
        let mut learnt = false;
        let placed = match placement {
            Some(Placement::Group { ox, name, members }) => {
                // The one copy that is made of what may be a long list.
                let there = members.iter().filter(|(member, ox)| present(member, **ox));
                let there: BTreeMap<_, _> = there.map(|(m, ox)| (m.clone(), *ox)).collect();
                learnt = there.len() != members.len();
                Some(Placed { ox: *ox, name: name.clone(), members: there })
            }
            _ => None,
        };
        // One who is there under another number was somebody else to OX when the group was written.
        let renumbered = match (placement, &wanted) {
            (Some(Placement::Group { members, .. }), Some(wanted)) if learnt => members
                .iter()
                .any(|(member, ox)| wanted.members.get(member).is_some_and(|now| now != ox)),
            _ => false,
        };
        Self {
            id,
            context,
            policy: GroupPolicy::default(),
            wanted,
            known: placed.is_some(),
            rewrite: placed.is_some() && (suspect || renumbered),
            placed,
            learnt,
            look: suspect,
            looked: false,
            late: false,
            identified: false,
            verified: false,
            verify_after: false,
            differed: false,
            doubt: None,
            fixed: BTreeMap::new(),
            listed: false,
            stale: Vec::new(),
            checked: false,
            taken: None,
            suspect,
            applied: false,
            adopted: false,
        }
    }

    /// The same, written as the settings say.
    #[must_use]
    pub fn with_policy(self, policy: GroupPolicy) -> Self {
        Self { policy, ..self }
    }

    /// The same, where these users neither come nor go, by whoever they were put in: before a whole list
    /// is written OX is asked which of them are in it.
    #[must_use]
    pub fn with_fixed(self, fixed: BTreeMap<ObjectId, OxId>) -> Self {
        Self { fixed, ..self }
    }

    /// OX has shown who is in the group.
    fn listed(&mut self, members: &[OxId]) {
        self.listed = true;
        let Some(wanted) = &mut self.wanted else { return };
        for (user, ox) in &self.fixed {
            if members.contains(ox) {
                wanted.members.insert(user.clone(), *ox);
            } else {
                wanted.members.remove(user);
            }
        }
    }

    /// Members whose remembered numbers or names OX does not know; to be looked up before the group
    /// is tried again.
    pub fn stale_members(&self) -> &[ObjectId] {
        &self.stale
    }

    /// Whether OX was asked for the group and had other members than it should have had.
    pub fn differed(&self) -> bool {
        self.differed
    }

    fn data(wanted: &WantedGroup) -> GroupData {
        GroupData {
            name: wanted.name.clone(),
            display_name: wanted.name.clone(),
            members: wanted.members.values().copied().collect(),
        }
    }

    /// The group is there under its name: what is to be changed about its members?
    fn adjust(&self, wanted: &WantedGroup, placed: &Placed) -> Next {
        let (context, group) = (self.context, Target::Name(placed.name.clone()));
        let ask = || Next::Ask(Question::Group(context, placed.name.clone()));
        // Nobody has seen it yet: what is remembered of its members is hearsay.
        if placed.ox == OxId::UNKNOWN && !self.verified {
            return ask();
        }
        if !self.rewrite && placed.members == wanted.members {
            return if self.verify_after {
                ask()
            } else {
                Next::Done { why: "is in OX as wanted" }
            };
        }
        let delta =
            if self.rewrite { None } else { delta(&placed.members, &wanted.members, &self.policy) };
        let Some(delta) = delta else {
            if !self.fixed.is_empty() && !self.listed {
                return ask();
            }
            let data = Self::data(wanted);
            return Next::Do(Operation::GroupChange { context, group, data });
        };
        if self.policy.verify == Verify::Before
            && !self.verified
            && delta.is_sampled(placed.ox, self.policy.verify_every.get())
        {
            return ask();
        }
        let Delta { gone, new } = delta;
        Next::Do(if gone.is_empty() {
            Operation::GroupAdd { context, group, members: new }
        } else {
            Operation::GroupRemove { context, group, members: gone }
        })
    }

    /// Some members came or went; whether to look afterwards.
    fn adjusted(&mut self, delta: &Delta) {
        self.learnt = true;
        let every = self.policy.verify_every.get();
        if let (Some(placed), Verify::After) = (&self.placed, self.policy.verify) {
            self.verify_after |= delta.is_sampled(placed.ox, every);
        }
    }

    /// OX showed the group that is remembered as placed.
    fn seen(&mut self, group: &OxGroup) {
        self.listed(&group.data.members);
        let (Some(placed), Some(wanted)) = (&mut self.placed, &self.wanted) else { return };
        self.identified = true;
        if placed.ox != group.id {
            placed.ox = group.id;
            self.learnt = true;
        }
        if placed.name == wanted.name {
            self.verified = true;
            self.verify_after = false;
            let expected: BTreeSet<OxId> = placed.members.values().copied().collect();
            let found: BTreeSet<OxId> = group.data.members.iter().copied().collect();
            self.differed |= expected != found;
            self.rewrite |= expected != found;
        }
    }
}

impl Case for GroupCase {
    fn next(&self) -> Next {
        let context = self.context;
        if let Some(owner) = self.taken.clone() {
            return Next::Stuck(Problem::NameTaken { context, owner });
        }
        if self.doubt.is_some() {
            return Next::Ask(Question::UserIds(context));
        }
        if !self.stale.is_empty() {
            return Next::Stuck(Problem::MembersUnknown { context, count: self.stale.len() });
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
            (Some(wanted), Some(placed)) if placed.name == wanted.name => {
                self.adjust(wanted, placed)
            }
            (Some(_), Some(placed)) if !self.identified => {
                Next::Ask(Question::Group(context, placed.name.clone()))
            }
            (Some(wanted), Some(placed)) => {
                let (group, data) = (Target::Id(placed.ox), Self::data(wanted));
                Next::Do(Operation::GroupChange { context, group, data })
            }
        }
    }

    fn done(&mut self, operation: &Operation, reply: Reply) {
        self.applied = true;
        self.learnt = true;
        let Some(wanted) = &self.wanted else {
            self.placed = None;
            return;
        };
        match (operation, reply) {
            (Operation::GroupCreate { .. }, Reply::Id(ox)) => {
                let WantedGroup { name, members } = wanted.clone();
                self.placed = Some(Placed { ox, name, members });
                self.rewrite = false;
            }
            (Operation::GroupChange { .. }, _) => {
                if let Some(placed) = &mut self.placed {
                    placed.name.clone_from(&wanted.name);
                    placed.members.clone_from(&wanted.members);
                }
                self.rewrite = false;
                self.verified = true;
                self.verify_after = false;
            }
            (Operation::GroupAdd { members, .. }, _) => {
                let new: BTreeSet<OxId> = members.iter().copied().collect();
                let new = wanted.members.iter().filter(|(_, ox)| new.contains(ox));
                if let Some(placed) = &mut self.placed {
                    placed.members.extend(new.map(|(member, ox)| (member.clone(), *ox)));
                }
                self.adjusted(&Delta { gone: Vec::new(), new: members.clone() });
            }
            (Operation::GroupRemove { members, .. }, _) => {
                let gone: BTreeSet<OxId> = members.iter().copied().collect();
                if let Some(placed) = &mut self.placed {
                    placed.members.retain(|_, ox| !gone.contains(ox));
                }
                self.adjusted(&Delta { gone: members.clone(), new: Vec::new() });
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
            (Operation::GroupCreate { .. }, Refusal::Exists) if self.suspect && !self.late => {
                (self.late, self.looked) = (true, false);
                true
            }
            (
                Operation::GroupChange { .. }
                | Operation::GroupAdd { .. }
                | Operation::GroupRemove { .. },
                Refusal::Missing,
            ) => {
                self.placed = None;
                self.rewrite = false;
                true
            }
            (
                Operation::GroupCreate { .. } | Operation::GroupChange { .. },
                Refusal::MemberMissing,
            ) if !self.checked => {
                self.doubt = Some(Doubt::Anyone);
                true
            }
            (Operation::GroupAdd { members, .. }, Refusal::MemberMissing) if !self.checked => {
                self.doubt = Some(Doubt::Among(members.iter().copied().collect()));
                true
            }
            (Operation::GroupAdd { members, .. }, Refusal::Exists) if members.len() == 1 => {
                // In it already, which is all that was wanted.
                let applied = self.applied;
                self.done(operation, Reply::Done);
                self.applied = applied;
                true
            }
            (
                Operation::GroupAdd { .. } | Operation::GroupRemove { .. },
                Refusal::Exists | Refusal::MemberMissing | Refusal::Other,
            ) => {
                // Nothing was done, not even for the others, and what is remembered is wrong.
                self.rewrite = true;
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
                let doubt = self.doubt.take();
                self.checked = true;
                let Some(wanted) = &self.wanted else { return };
                let there: BTreeSet<OxId> = ids.into_iter().collect();
                let of = |wrong: &dyn Fn(&OxId) -> bool| {
                    let wrong = wanted.members.iter().filter(|(_, ox)| wrong(ox));
                    wrong.map(|(member, _)| member.clone()).collect::<Vec<_>>()
                };
                self.stale = of(&|ox| !there.contains(ox));
                // All numbers are somebody's, but not all of those whom the names mean.
                if let (true, Some(Doubt::Among(named))) = (self.stale.is_empty(), &doubt) {
                    self.stale = of(&|ox| named.contains(ox));
                }
            }
            (Question::Group(_, _), Answer::Group(group)) if self.placed.is_some() => {
                self.seen(&group);
            }
            (Question::Group(_, _), Answer::Group(group)) => {
                self.looked = true;
                self.adopted = !self.suspect;
                self.identified = true;
                self.listed(&group.data.members);
                self.learnt = true;
                let Some(wanted) = &self.wanted else { return };
                let there: BTreeSet<OxId> = group.data.members.iter().copied().collect();
                let meant: BTreeSet<OxId> = wanted.members.values().copied().collect();
                // Taken over: whoever is in it and not meant is unknown here, so all are written.
                self.rewrite = there != meant || group.data.display_name != wanted.name;
                let members = if self.rewrite { BTreeMap::new() } else { wanted.members.clone() };
                self.placed = Some(Placed { ox: group.id, name: wanted.name.clone(), members });
            }
            (Question::Group(_, _), Answer::Foreign(owner)) if self.placed.is_none() => {
                self.taken = Some(owner);
            }
            (Question::Group(_, _), Answer::Absent | Answer::Foreign(_)) => {
                self.rewrite = false;
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
        match &self.placed {
            None if self.known => vec![Change::DropPlacement { id, context }],
            Some(placed) if self.learnt => {
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
