//! Contexts: created with an administrator of their own, changed, deleted.

use super::{Answer, Case, Next, Operation, Problem, Question, Refusal, Reply};
use crate::model::object::ContextObject;
use crate::model::{ContextId, ObjectId};
use crate::ox::ContextData;
use crate::store::{Change, ObjectRecord, Placement};

/// OX's word for an unlimited quota.
const UNLIMITED: i64 = -1;

#[derive(Debug, Clone, PartialEq, Eq)]
struct Placed {
    name: String,
    quota_mb: i64,
}

/// One context on its way.
#[derive(Debug)]
pub struct ContextCase {
    id: ObjectId,
    context: ContextId,
    wanted: Option<Placed>,
    login_mappings: Vec<String>,
    placed: Option<Placed>,
    before: Option<Placed>,
    /// The context is in OX although drover did not (knowingly) make it.
    exists: bool,
    /// Our credentials were tried on it.
    login: Option<bool>,
    suspect: bool,
    look: bool,
    looked: bool,
    /// A create was refused although nothing was there a moment before: most likely an earlier try,
    /// whose outcome was not known, came through meanwhile.
    late: bool,
    applied: bool,
    adopted: bool,
}

impl ContextCase {
    /// A context as known, and as wanted (none: not in OX). `context` is its number also when the
    /// object is gone from the directory. `extra_mappings` are login mappings beside the two that
    /// every context gets.
    pub fn new(
        id: ObjectId,
        context: ContextId,
        wanted: Option<&ContextObject>,
        extra_mappings: &[String],
        record: Option<&ObjectRecord>,
        suspect: bool,
    ) -> Self {
        let placed = record.and_then(|r| match r.placements.get(&context) {
            Some(Placement::Context { name, quota_mb }) => {
                Some(Placed { name: name.clone(), quota_mb: *quota_mb })
            }
            _ => None,
        });
        let mut login_mappings = vec![format!("context{context}"), context.to_string()];
        login_mappings.extend(extra_mappings.iter().cloned());
        Self {
            id,
            context,
            wanted: wanted.map(|object| Placed {
                name: object.name.clone(),
                quota_mb: object.quota_mb.unwrap_or(UNLIMITED),
            }),
            login_mappings,
            before: placed.clone(),
            placed,
            exists: false,
            login: None,
            suspect,
            look: suspect,
            looked: false,
            late: false,
            applied: false,
            adopted: false,
        }
    }

    fn data(&self, wanted: &Placed) -> ContextData {
        ContextData {
            id: self.context,
            name: Some(wanted.name.clone()),
            max_quota_mb: Some(wanted.quota_mb),
            login_mappings: Vec::new(),
            enabled: None,
        }
    }
}

impl Case for ContextCase {
    fn next(&self) -> Next {
        let context = self.context;
        let Some(wanted) = &self.wanted else {
            return match &self.placed {
                Some(_) => Next::Do(Operation::ContextDelete { context }),
                None => Next::Done { why: "is not in OX and is not to be" },
            };
        };
        match &self.placed {
            None if self.exists => match self.login {
                None => Next::Ask(Question::Login(context)),
                Some(false) => Next::Stuck(Problem::ContextWithoutKey { context }),
                Some(true) => Next::Ask(Question::Context(context)),
            },
            None if self.look => Next::Ask(Question::Context(context)),
            None => {
                let mut data = self.data(wanted);
                data.login_mappings.clone_from(&self.login_mappings);
                data.enabled = Some(true);
                Next::Do(Operation::ContextCreate { data })
            }
            Some(placed) if placed != wanted => {
                Next::Do(Operation::ContextChange { data: self.data(wanted) })
            }
            Some(_) => Next::Done { why: "is in OX as wanted" },
        }
    }

    fn done(&mut self, operation: &Operation, _: Reply) {
        self.applied = true;
        match operation {
            Operation::ContextDelete { .. } => self.placed = None,
            Operation::ContextCreate { .. } | Operation::ContextChange { .. } => {
                self.placed.clone_from(&self.wanted);
            }
            _ => {}
        }
    }

    fn refused(&mut self, operation: &Operation, refusal: Refusal) -> bool {
        match (operation, refusal) {
            // Only if OX speaks of this very number: a taken name or mapping is another matter,
            // which asking for the context tells apart.
            (Operation::ContextCreate { .. }, Refusal::Exists) if !self.exists && !self.looked => {
                self.look = true;
                true
            }
            (Operation::ContextCreate { .. }, Refusal::Exists) if self.suspect && !self.late => {
                (self.late, self.look) = (true, true);
                true
            }
            (
                Operation::ContextChange { .. } | Operation::ContextDelete { .. },
                Refusal::Missing | Refusal::ContextMissing(_),
            ) => self.placed.take().is_some(),
            _ => false,
        }
    }

    fn answered(&mut self, question: &Question, answer: Answer) {
        match (question, answer) {
            (Question::Login(_), answer) => self.login = Some(answer == Answer::Present),
            (Question::Context(_), Answer::Context(data)) if self.login == Some(true) => {
                self.adopted = !self.suspect;
                self.placed = Some(Placed {
                    name: data.name.unwrap_or_default(),
                    quota_mb: data.max_quota_mb.unwrap_or(UNLIMITED),
                });
            }
            (Question::Context(_), Answer::Context(_)) => {
                self.looked = true;
                self.exists = true;
            }
            (Question::Context(_), _) => {
                self.looked = true;
                self.look = false;
                self.exists = false;
            }
            _ => {}
        }
    }

    fn changes(&self) -> Vec<Change> {
        let (id, context) = (self.id.clone(), self.context);
        match (&self.before, &self.placed) {
            (Some(_), None) => vec![Change::DropContext { context }],
            (before, Some(placed)) if before.as_ref() != Some(placed) => {
                let placement =
                    Placement::Context { name: placed.name.clone(), quota_mb: placed.quota_mb };
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
