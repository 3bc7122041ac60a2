//! A user's deputies: given, changed and taken away one by one.
//!
//! What drover gave is remembered with OX's name of each grant. Where that may not be what OX has (the
//! user was there before, an answer was lost) OX is asked, once, and differences are put right. As long as
//! the directory names deputies the user cannot choose others himself.

use std::collections::BTreeSet;

use super::super::{Answer, Next, Operation, Question, Refusal, Reply};
use super::Placed;
use crate::model::{ContextId, ObjectId, OxId};
use crate::ox::{DeputyRights, Target};
use crate::store::{DeputiesGiven, GivenDeputy};

/// One deputy who is in OX, as the directory wants him.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedDeputy {
    /// OX's number.
    pub ox: OxId,
    /// Who it is.
    pub who: ObjectId,
    /// His login name in OX.
    pub login: String,
    /// How far he may act.
    pub rights: DeputyRights,
}

/// What the directory wants of a user's deputies.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WantedDeputies {
    /// Those who are in OX, each once.
    pub all: Vec<WantedDeputy>,
    /// Whether it names any, there or not.
    pub named: bool,
    /// Those who are not in the context any more: what they were given went with them.
    pub gone: BTreeSet<ObjectId>,
    /// What is remembered may not be what OX has.
    pub doubt: bool,
}

/// What was found out about deputies in one case.
#[derive(Debug, Default)]
pub(super) struct Talk {
    wanted: Option<WantedDeputies>,
    /// Numbers that were seen to be those of the logins.
    verified: BTreeSet<OxId>,
    /// Deputies whom OX does not know; they are given when they appear.
    absent: BTreeSet<OxId>,
    /// A refusal made us ask OX already.
    doubted: bool,
}

impl Talk {
    pub(super) fn new(wanted: Option<WantedDeputies>) -> Self {
        Self { wanted, ..Self::default() }
    }

    /// What is remembered of a user in his context, as far as it still holds.
    pub(super) fn prepare(&self, known: &mut Option<DeputiesGiven>) {
        let Some(wanted) = &self.wanted else { return };
        match known {
            Some(known) => {
                let gone = |given: &GivenDeputy| {
                    given.deputy.as_ref().is_some_and(|deputy| wanted.gone.contains(deputy))
                };
                known.given.retain(|given| !gone(given));
                known.sure &= !wanted.doubt;
            }
            // Written down before anything is done, so that it is asked again after a failure.
            None if wanted.named || wanted.doubt => *known = Some(DeputiesGiven::default()),
            None => {}
        }
    }

    /// What is known of a user who was just created.
    pub(super) fn of_new(&self) -> Option<DeputiesGiven> {
        let named = self.wanted.as_ref().is_some_and(|wanted| wanted.named);
        let (barred, given) = (Some(false), Vec::new());
        named.then_some(DeputiesGiven { sure: true, barred, given })
    }

    /// The next step; none if all is as wanted.
    pub(super) fn next(&self, context: ContextId, placed: &Placed, seen: bool) -> Option<Next> {
        let wanted = self.wanted.as_ref()?;
        let unknown = DeputiesGiven::default();
        let known = match &placed.beside.deputies {
            Some(known) => known,
            None if wanted.named || wanted.doubt => &unknown,
            None => return None,
        };
        let step = self.change(context, placed.ox, known, wanted)?;
        if seen {
            return Some(step);
        }
        // All goes by numbers, which are not his any more after OX's database was restored.
        let own = Target::Name(placed.name.clone());
        Some(Next::Ask(Question::User(context, own)))
    }

    fn change(
        &self,
        context: ContextId,
        user: OxId,
        known: &DeputiesGiven,
        wanted: &WantedDeputies,
    ) -> Option<Next> {
        if !known.sure {
            return Some(Next::Ask(Question::Deputies(context, user)));
        }
        let there = || wanted.all.iter().filter(|one| !self.absent.contains(&one.ox));
        if let Some(given) = known.given.iter().find(|one| there().all(|w| w.ox != one.ox)) {
            let (grant, deputy) = (given.grant.clone(), given.ox);
            return Some(Next::Do(Operation::DeputyRevoke { context, user, grant, deputy }));
        }
        for one in there() {
            let given = known.given.iter().find(|given| given.ox == one.ox);
            if given.is_some_and(|given| given.rights == one.rights) {
                continue;
            }
            if !self.verified.contains(&one.ox) {
                return Some(Next::Ask(Question::Number(context, one.login.clone())));
            }
            let (deputy, rights) = (one.ox, one.rights);
            return Some(Next::Do(match given {
                Some(given) => {
                    let grant = given.grant.clone();
                    Operation::DeputyUpdate { context, user, grant, deputy, rights }
                }
                None => Operation::DeputyGrant { context, user, deputy, rights },
            }));
        }
        let barred = wanted.named;
        (known.barred != Some(barred)).then_some(Next::Do(Operation::DeputiesBar {
            context,
            user,
            barred,
        }))
    }

    /// Before a user is deleted all he gave is taken back.
    pub(super) fn farewell(&self, context: ContextId, placed: &Placed) -> Option<Next> {
        let has = |known: &DeputiesGiven| !known.sure || !known.given.is_empty();
        let user = placed.ox;
        (self.wanted.is_some()
            && user != OxId::UNKNOWN
            && placed.beside.deputies.as_ref().is_some_and(has))
        .then_some(Next::Do(Operation::DeputiesRevokeAll { context, user }))
    }

    pub(super) fn done(&self, operation: &Operation, reply: Reply, known: &mut DeputiesGiven) {
        match (operation, reply) {
            (Operation::DeputyGrant { deputy, rights, .. }, Reply::Grant(grant)) => {
                let deputy = (*deputy, self.who(*deputy));
                known.given.push(GivenDeputy {
                    ox: deputy.0,
                    deputy: deputy.1,
                    grant,
                    rights: *rights,
                });
                known.given.sort_by_key(|given| given.ox);
            }
            (Operation::DeputyUpdate { deputy, rights, .. }, _) => {
                for given in known.given.iter_mut().filter(|given| given.ox == *deputy) {
                    given.rights = *rights;
                }
            }
            (Operation::DeputyRevoke { deputy, .. }, _) => {
                known.given.retain(|given| given.ox != *deputy);
            }
            (Operation::DeputiesRevokeAll { .. }, _) => {
                (known.sure, known.given) = (true, Vec::new());
            }
            (Operation::DeputiesBar { barred, .. }, _) => known.barred = Some(*barred),
            _ => {}
        }
    }

    /// The first refusal makes us ask what OX has; whatever is left to do then is refused for good, but for
    /// deputies who are not there.
    pub(super) fn refused(
        &mut self,
        operation: &Operation,
        refusal: Refusal,
        known: &mut DeputiesGiven,
    ) -> bool {
        let deputy = match operation {
            // He is deleted next, and with him whatever is left.
            Operation::DeputiesRevokeAll { .. } => {
                (known.sure, known.given) = (true, Vec::new());
                return true;
            }
            Operation::DeputyGrant { deputy, .. } | Operation::DeputyUpdate { deputy, .. } => {
                Some(*deputy)
            }
            _ => None,
        };
        match (refusal, deputy) {
            (Refusal::ContextMissing(_), _) => false,
            _ if !self.doubted => {
                (self.doubted, known.sure) = (true, false);
                true
            }
            (Refusal::MemberMissing, Some(deputy)) => {
                known.given.retain(|given| given.ox != deputy);
                self.absent.insert(deputy)
            }
            _ => false,
        }
    }

    /// Takes in what OX has.
    pub(super) fn listed(&self, user: OxId, answer: Answer, known: &mut DeputiesGiven) {
        let Answer::Deputies(all) = answer else { return };
        let own = all.into_iter().filter(|one| one.user == user);
        known.given = own
            .map(|one| GivenDeputy {
                ox: one.deputy,
                deputy: self.who(one.deputy),
                grant: one.grant,
                rights: one.rights,
            })
            .collect();
        known.given.sort_by_key(|given| given.ox);
        // OX does not say whether he is barred.
        (known.sure, known.barred) = (true, None);
    }

    /// Takes in whether a login is there; drover's number for it was compared already.
    pub(super) fn numbered(&mut self, login: &str, answer: &Answer) {
        match answer {
            Answer::Number(ox) => {
                self.verified.insert(*ox);
            }
            _ => {
                let all = self.wanted.iter().flat_map(|wanted| &wanted.all);
                self.absent.extend(all.filter(|one| one.login == login).map(|one| one.ox));
            }
        }
    }

    fn who(&self, ox: OxId) -> Option<ObjectId> {
        let mut all = self.wanted.iter().flat_map(|wanted| &wanted.all);
        all.find(|one| one.ox == ox).map(|one| one.who.clone())
    }
}
