//! Shared accounts: created, changed, converted from a user, adopted; with who may use them and how.
//!
//! An account is in one context for good. Who may use it is one set, which OX takes as a whole; it is
//! sent only when it is not the one that was sent last.

use std::collections::BTreeMap;

use super::{Answer, Case, Next, Operation, Problem, Question, Refusal, Reply};
use crate::model::{ContextId, ObjectId, OxId};
use crate::ox::{Grant, SharedAccountData};
use crate::store::{Change, ObjectRecord, Placement};

/// What the directory wants of a shared account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedSharedAccount {
    /// Where.
    pub context: ContextId,
    /// Its values.
    pub data: SharedAccountData,
    /// Who may use it; sorted, each way of use once.
    pub grants: Vec<Grant>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Placed {
    ox: OxId,
    /// None: what OX has is not known.
    data: Option<SharedAccountData>,
    /// Name by which it can be found.
    name: String,
    /// None: what OX has is not known.
    grants: Option<Vec<Grant>>,
}

/// One shared account on its way.
#[derive(Debug)]
pub struct SharedAccountCase {
    id: ObjectId,
    wanted: Option<WantedSharedAccount>,
    placed: BTreeMap<ContextId, Placed>,
    before: BTreeMap<ContextId, Placed>,
    /// The same object was a user before, of that number.
    was_user: BTreeMap<ContextId, OxId>,
    look: bool,
    looked: bool,
    /// The wanted name belongs to another object.
    taken: Option<ObjectId>,
    suspect: bool,
    applied: bool,
    adopted: bool,
}

impl SharedAccountCase {
    /// An account as known, and as wanted (none: nowhere). `suspect` says that the outcome of an earlier
    /// try is not known: then OX is asked before anything is made, and everything is written.
    pub fn new(
        id: ObjectId,
        wanted: Option<WantedSharedAccount>,
        record: Option<&ObjectRecord>,
        suspect: bool,
    ) -> Self {
        let (mut placed, mut was_user) = (BTreeMap::new(), BTreeMap::new());
        for (context, placement) in record.iter().flat_map(|record| &record.placements) {
            match placement {
                Placement::SharedAccount { ox, name, data, grants } => {
                    let (name, data, grants) = (name.clone(), data.clone(), grants.clone());
                    placed.insert(*context, Placed { ox: *ox, data, name, grants });
                }
                Placement::User { ox, .. } => {
                    was_user.insert(*context, *ox);
                }
                _ => {}
            }
        }
        let before = placed.clone();
        if suspect {
            for placed in placed.values_mut() {
                (placed.data, placed.grants) = (None, None);
            }
        }
        Self {
            id,
            wanted,
            before,
            placed,
            was_user,
            look: suspect,
            looked: false,
            taken: None,
            suspect,
            applied: false,
            adopted: false,
        }
    }

    fn forget(&mut self, context: ContextId) -> bool {
        let there = self.placed.remove(&context).is_some();
        self.was_user.remove(&context).is_some() || there
    }
}

impl Case for SharedAccountCase {
    fn next(&self) -> Next {
        let Some(wanted) = &self.wanted else {
            return match self.placed.first_key_value() {
                Some((context, placed)) if placed.ox == OxId::UNKNOWN => {
                    Next::Ask(Question::SharedAccount(*context, placed.name.clone()))
                }
                Some((context, placed)) => {
                    let (context, account) = (*context, placed.ox);
                    Next::Do(Operation::SharedAccountDelete { context, account })
                }
                None => Next::Done { why: "is not in OX and is not to be" },
            };
        };
        let context = wanted.context;
        if let Some(owner) = self.taken.clone() {
            return Next::Stuck(Problem::NameTaken { context, owner });
        }
        let elsewhere = self.placed.keys().chain(self.was_user.keys()).find(|c| **c != context);
        if let Some(from) = elsewhere.copied() {
            return Next::Stuck(Problem::SharedAccountElsewhere { from, to: context });
        }
        let Some(placed) = self.placed.get(&context) else {
            if self.look && !self.looked {
                return Next::Ask(Question::SharedAccount(context, wanted.data.name.clone()));
            }
            return match self.was_user.get(&context) {
                Some(user) if *user == OxId::UNKNOWN => {
                    Next::Stuck(Problem::UserWithoutNumber { context })
                }
                Some(user) => Next::Do(Operation::SharedAccountConvert { context, user: *user }),
                None => {
                    let data = wanted.data.clone();
                    Next::Do(Operation::SharedAccountCreate { context, data })
                }
            };
        };
        let account = placed.ox;
        if account == OxId::UNKNOWN {
            return Next::Ask(Question::SharedAccount(context, placed.name.clone()));
        }
        if placed.data.as_ref() != Some(&wanted.data) {
            let data = wanted.data.clone();
            return Next::Do(Operation::SharedAccountChange { context, account, data });
        }
        if placed.grants.as_ref() != Some(&wanted.grants) {
            let grants = wanted.grants.clone();
            return Next::Do(Operation::SharedAccountGrant { context, account, grants });
        }
        Next::Done { why: "is in OX as wanted" }
    }

    fn done(&mut self, operation: &Operation, reply: Reply) {
        match (operation, reply) {
            (Operation::SharedAccountCreate { context, data }, Reply::Id(ox)) => {
                // A new one is used by nobody.
                let (name, grants) = (data.name.clone(), Some(Vec::new()));
                self.placed.insert(*context, Placed { ox, data: Some(data.clone()), name, grants });
            }
            (Operation::SharedAccountConvert { context, user }, _) => {
                self.was_user.remove(context);
                let name = self.wanted.as_ref().map(|wanted| wanted.data.name.clone());
                let (name, ox) = (name.unwrap_or_default(), *user);
                self.placed.insert(*context, Placed { ox, data: None, name, grants: None });
            }
            (Operation::SharedAccountChange { context, data, .. }, _) => {
                if let Some(placed) = self.placed.get_mut(context) {
                    (placed.name, placed.data) = (data.name.clone(), Some(data.clone()));
                }
            }
            (Operation::SharedAccountGrant { context, grants, .. }, _) => {
                if let Some(placed) = self.placed.get_mut(context) {
                    placed.grants = Some(grants.clone());
                }
            }
            (Operation::SharedAccountDelete { context, .. }, _) => {
                self.placed.remove(context);
            }
            _ => {}
        }
        self.applied = true;
    }

    fn refused(&mut self, operation: &Operation, refusal: Refusal) -> bool {
        match (operation, refusal) {
            (Operation::SharedAccountCreate { .. }, Refusal::Exists) if !self.looked => {
                self.look = true;
                true
            }
            (
                Operation::SharedAccountChange { context, .. }
                | Operation::SharedAccountConvert { context, .. },
                Refusal::Missing,
            ) => {
                // Made anew, unless OX has it under its name after all.
                (self.look, self.looked) = (true, false);
                self.forget(*context)
            }
            (
                Operation::SharedAccountDelete { context, .. },
                Refusal::Missing | Refusal::ContextMissing(_),
            ) => self.forget(*context),
            _ => false,
        }
    }

    fn answered(&mut self, question: &Question, answer: Answer) {
        let Question::SharedAccount(context, name) = question else { return };
        match answer {
            Answer::SharedAccount(found) => match self.placed.get_mut(context) {
                Some(placed) => placed.ox = found.id,
                None => {
                    self.looked = true;
                    self.adopted = !self.suspect && !self.was_user.contains_key(context);
                    self.was_user.remove(context);
                    let (name, ox) = (name.clone(), found.id);
                    self.placed.insert(*context, Placed { ox, data: None, name, grants: None });
                }
            },
            Answer::Foreign(owner) if !self.placed.contains_key(context) => {
                self.taken = Some(owner);
            }
            _ => {
                self.looked = true;
                if self.placed.remove(context).is_some() {
                    (self.look, self.looked) = (true, false);
                }
            }
        }
    }

    fn changes(&self) -> Vec<Change> {
        let gone = self.before.keys().filter(|context| !self.placed.contains_key(context));
        let gone =
            gone.map(|context| Change::DropPlacement { id: self.id.clone(), context: *context });
        let put = self.placed.iter().filter(|(context, now)| self.before.get(context) != Some(now));
        let put = put.map(|(context, placed)| Change::PutPlacement {
            id: self.id.clone(),
            context: *context,
            placement: Placement::SharedAccount {
                ox: placed.ox,
                name: placed.name.clone(),
                data: placed.data.clone(),
                grants: placed.grants.clone(),
            },
        });
        gone.chain(put).collect()
    }

    fn applied(&self) -> bool {
        self.applied
    }

    fn adopted(&self) -> bool {
        self.adopted
    }
}
