//! Contexts: created with an administrator of their own, changed, deleted.

use super::{Answer, Case, Next, Operation, Problem, Question, Refusal, Reply};
use crate::model::object::ContextObject;
use crate::model::{CapabilityChange, ContextExtras, ContextId, ObjectId};
use crate::ox::ContextData;
use crate::store::{Change, ObjectRecord, Placement};

/// OX's word for an unlimited quota.
const UNLIMITED: i64 = -1;

#[derive(Debug, Clone, PartialEq, Eq)]
struct Placed {
    name: String,
    quota_mb: i64,
    extras: ContextExtras,
}

impl Placed {
    /// Whether name and quota, which go in one call, are those.
    fn is_alike(&self, other: &Self) -> bool {
        (&self.name, self.quota_mb) == (&other.name, other.quota_mb)
    }
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
    /// It is gone from the directory and stays in OX, disabled; one that is not there is not made.
    retiring: bool,
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
            Some(Placement::Context { name, quota_mb, extras }) => {
                let (name, extras) = (name.clone(), extras.clone());
                Some(Placed { name, quota_mb: *quota_mb, extras })
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
                extras: ContextExtras {
                    enabled: object.enabled,
                    capabilities: object.capabilities.clone(),
                    module_quotas: object.module_quotas.clone(),
                },
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
            retiring: false,
        }
    }

    /// Instead of being deleted, the context stays as it is and nobody can log in to it.
    #[must_use]
    pub fn disabled_instead(mut self) -> Self {
        if self.wanted.is_none() {
            self.retiring = true;
            self.wanted = self.placed.clone();
            if let Some(wanted) = &mut self.wanted {
                wanted.extras.enabled = Some(false);
            }
        }
        self
    }

    /// What of the context's extras is to be done next.
    fn next_extra(&self, wanted: &ContextExtras, placed: &ContextExtras) -> Option<Operation> {
        let context = self.context;
        if let Some(enabled) = wanted.enabled.filter(|_| wanted.enabled != placed.enabled) {
            return Some(Operation::ContextEnable { context, enabled });
        }
        let change = CapabilityChange::between(&placed.capabilities, &wanted.capabilities);
        if let Some(change) = change {
            return Some(Operation::ContextCapabilities { context, change });
        }
        let other = wanted
            .module_quotas
            .iter()
            .find(|(module, quota)| placed.module_quotas.get(*module) != Some(quota));
        let gone = || placed.module_quotas.keys().find(|m| !wanted.module_quotas.contains_key(*m));
        let (module, quota) = match other {
            Some((module, quota)) => (module, *quota),
            None => (gone()?, UNLIMITED),
        };
        Some(Operation::ContextQuota { context, module: module.clone(), quota })
    }

    fn note(&mut self, change: impl FnOnce(&mut ContextExtras)) {
        if let Some(placed) = &mut self.placed {
            change(&mut placed.extras);
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
            Some(placed) if !placed.is_alike(wanted) => {
                Next::Do(Operation::ContextChange { data: self.data(wanted) })
            }
            Some(placed) => match self.next_extra(&wanted.extras, &placed.extras) {
                Some(operation) => Next::Do(operation),
                None => Next::Done { why: "is in OX as wanted" },
            },
        }
    }

    fn done(&mut self, operation: &Operation, _: Reply) {
        self.applied = true;
        match operation {
            Operation::ContextDelete { .. } => self.placed = None,
            Operation::ContextCreate { .. } | Operation::ContextChange { .. } => {
                let Some(wanted) = &self.wanted else { return };
                let created = matches!(operation, Operation::ContextCreate { .. });
                let before = self.placed.take().map(|placed| placed.extras).unwrap_or_default();
                // A new one is enabled and has nothing; what is remembered is what somebody wants.
                let enabled = wanted.extras.enabled.filter(|_| created).map(|_| true);
                let new = ContextExtras { enabled, ..ContextExtras::default() };
                let extras = if created { new } else { before };
                self.placed = Some(Placed { extras, ..wanted.clone() });
            }
            Operation::ContextEnable { enabled, .. } => {
                self.note(|extras| extras.enabled = Some(*enabled));
            }
            Operation::ContextCapabilities { .. } => {
                let Some(wanted) = &self.wanted else { return };
                let words = wanted.extras.capabilities.clone();
                self.note(|extras| extras.capabilities = words);
            }
            Operation::ContextQuota { module, quota, .. } => {
                let is_wanted = self
                    .wanted
                    .as_ref()
                    .is_some_and(|wanted| wanted.extras.module_quotas.contains_key(module));
                self.note(|extras| {
                    extras.module_quotas.remove(module);
                    if is_wanted {
                        extras.module_quotas.insert(module.clone(), *quota);
                    }
                });
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
                Operation::ContextChange { .. }
                | Operation::ContextEnable { .. }
                | Operation::ContextCapabilities { .. }
                | Operation::ContextQuota { .. }
                | Operation::ContextDelete { .. },
                Refusal::Missing | Refusal::ContextMissing(_),
            ) => {
                if self.retiring {
                    self.wanted = None;
                }
                self.placed.take().is_some()
            }
            _ => false,
        }
    }

    fn answered(&mut self, question: &Question, answer: Answer) {
        match (question, answer) {
            (Question::Login(_), answer) => self.login = Some(answer == Answer::Present),
            (Question::Context(_), Answer::Context(data)) if self.login == Some(true) => {
                self.adopted = !self.suspect;
                // Whether it is enabled OX says; the rest is not asked for, and written if it is wanted.
                let wanted = self.wanted.as_ref().and_then(|wanted| wanted.extras.enabled);
                let enabled = data.enabled.filter(|_| wanted.is_some());
                self.placed = Some(Placed {
                    extras: ContextExtras { enabled, ..ContextExtras::default() },
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
                let placement = Placement::Context {
                    name: placed.name.clone(),
                    quota_mb: placed.quota_mb,
                    extras: placed.extras.clone(),
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
