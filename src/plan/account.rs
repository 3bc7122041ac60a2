//! Functional accounts: the projection of one account into one context, as a secondary mail account
//! of each member there.
//!
//! Only the members whom a change concerns are touched. An account is never taken away by an
//! address that is a user's own primary one: OX would destroy that user's mail account.

use std::collections::BTreeMap;

use super::{Answer, Case, Next, Operation, Problem, Question, Refusal, Reply};
use crate::model::{ContextId, ObjectId, OxId};
use crate::ox::AccountData;
use crate::store::{AccountMember, Change, Placement};

/// What the directory wants of a functional account in one context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedAccount {
    /// Its address.
    pub address: String,
    /// Members in OX there, each with the account as it is to be.
    pub members: BTreeMap<ObjectId, AccountMember>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Placed {
    address: String,
    members: BTreeMap<ObjectId, AccountMember>,
}

/// One functional account on its way in one context.
#[derive(Debug)]
pub struct AccountCase {
    id: ObjectId,
    context: ContextId,
    wanted: Option<WantedAccount>,
    placed: Option<Placed>,
    before: Option<Placed>,
    /// Numbers of users in the context whose own primary address is one that may be taken away.
    owners: Vec<(OxId, String)>,
    /// OX says that this member has an account of that address already: which kind?
    doubt: Option<OxId>,
    /// An account of that address which is no secondary one stands in the way of this member.
    in_the_way: Option<OxId>,
    asked: Vec<OxId>,
    /// A call for several failed because of one: go on with one at a time.
    singly: bool,
    /// Members whom OX does not know under their number.
    stale: Vec<ObjectId>,
    applied: bool,
    adopted: bool,
}

impl AccountCase {
    /// An account as known in a context, and as wanted there.
    ///
    /// `owner` says who in the context has an address as primary address; `present` whether a
    /// remembered member still is there under that number (OX has taken the accounts of others away
    /// by itself).
    pub fn new(
        id: ObjectId,
        context: ContextId,
        wanted: Option<WantedAccount>,
        placement: Option<&Placement>,
        present: impl Fn(&ObjectId, OxId) -> bool,
        owner: impl Fn(&str) -> Option<OxId>,
    ) -> Self {
        let before = match placement {
            Some(Placement::Account { address, members }) => {
                Some(Placed { address: address.clone(), members: members.clone() })
            }
            _ => None,
        };
        let mut placed = before.clone();
        if let Some(placed) = &mut placed {
            placed.members.retain(|member, account| present(member, account.ox));
        }
        let addresses = placed.iter().map(|p| &p.address).chain(wanted.iter().map(|w| &w.address));
        let owners = addresses
            .filter_map(|address| owner(address).map(|ox| (ox, address.to_lowercase())))
            .collect();
        Self {
            id,
            context,
            wanted,
            placed,
            before,
            owners,
            doubt: None,
            in_the_way: None,
            asked: Vec::new(),
            singly: false,
            stale: Vec::new(),
            applied: false,
            adopted: false,
        }
    }

    /// Members whose remembered numbers OX does not know.
    pub fn stale_members(&self) -> &[ObjectId] {
        &self.stale
    }

    /// Whether it ended at an account of that address which is a member's own: of those who still have
    /// none, nobody was given one.
    pub fn found_it_in_the_way(&self) -> bool {
        self.in_the_way.is_some()
    }

    /// Takes the account away from these users, unless one of them has the address as his own.
    fn take(&self, address: &str, users: Vec<OxId>) -> Next {
        let own = |user: &OxId| self.owners.contains(&(*user, address.to_lowercase()));
        if let Some(user) = users.iter().copied().find(own) {
            let (address, context) = (address.to_owned(), self.context);
            return Next::Stuck(Problem::AccountIsPrimary { address, user, context });
        }
        let (context, address) = (self.context, address.to_owned());
        Next::Do(Operation::AccountDelete { context, address, users })
    }

    /// Members of `wanted` who want the same account as `like`, chosen by `choose`.
    fn alike(
        wanted: &WantedAccount,
        like: &AccountMember,
        choose: impl Fn(&ObjectId, &AccountMember) -> bool,
    ) -> (AccountData, Vec<OxId>) {
        let same = |m: &AccountMember| {
            (&m.name, &m.personal, &m.login) == (&like.name, &like.personal, &like.login)
        };
        let users = wanted
            .members
            .iter()
            .filter(|(id, member)| same(member) && choose(id, member))
            .map(|(_, member)| member.ox)
            .collect();
        let data = AccountData {
            name: like.name.clone(),
            address: wanted.address.clone(),
            personal: like.personal.clone(),
            login: like.login.clone(),
        };
        (data, users)
    }

    fn member(&self, ox: OxId) -> Option<(ObjectId, AccountMember)> {
        let (id, member) = self.wanted.as_ref()?.members.iter().find(|(_, m)| m.ox == ox)?;
        Some((id.clone(), member.clone()))
    }

    fn put(&mut self, users: &[OxId], data: &AccountData) {
        let found: Vec<_> = users.iter().filter_map(|ox| self.member(*ox)).collect();
        let placed = self.placed.get_or_insert_with(|| Placed {
            address: data.address.clone(),
            members: BTreeMap::new(),
        });
        placed.address.clone_from(&data.address);
        for (id, member) in found {
            let account = AccountMember {
                ox: member.ox,
                name: data.name.clone(),
                personal: data.personal.clone(),
                login: data.login.clone(),
            };
            placed.members.insert(id, account);
        }
    }

    fn forget(&mut self, users: &[OxId]) {
        if let Some(placed) = &mut self.placed {
            placed.members.retain(|_, member| !users.contains(&member.ox));
            if placed.members.is_empty() {
                self.placed = None;
            }
        }
    }
}

impl Case for AccountCase {
    fn next(&self) -> Next {
        let context = self.context;
        if let Some(user) = self.doubt {
            return Next::Ask(Question::Accounts(context, user));
        }
        if let (Some(user), Some(wanted)) = (self.in_the_way, &self.wanted) {
            return self.take(&wanted.address, vec![user]);
        }
        if let Some(placed) = &self.placed {
            // Whom it is to be taken from: all, if it is gone or has another address.
            let stays = |id: &ObjectId| {
                self.wanted.as_ref().is_some_and(|wanted| {
                    wanted.address.eq_ignore_ascii_case(&placed.address)
                        && wanted.members.contains_key(id)
                })
            };
            let mut leave: Vec<OxId> =
                placed.members.iter().filter(|(id, _)| !stays(id)).map(|(_, m)| m.ox).collect();
            if self.singly {
                leave.truncate(1);
            }
            if !leave.is_empty() {
                return self.take(&placed.address, leave);
            }
        }
        let Some(wanted) = &self.wanted else {
            return Next::Done { why: "has no member that is an OX user" };
        };
        let has = |id: &ObjectId| self.placed.as_ref().and_then(|p| p.members.get(id));
        let missing = |id: &ObjectId, _: &AccountMember| has(id).is_none();
        if let Some((_, like)) = wanted.members.iter().find(|(id, m)| missing(id, m)) {
            let (data, mut users) = Self::alike(wanted, like, missing);
            // After a refusal one by one, so that the one in doubt is known.
            if self.singly || !self.asked.is_empty() {
                users.truncate(1);
            }
            return Next::Do(Operation::AccountCreate { context, data, users });
        }
        let differs = |id: &ObjectId, member: &AccountMember| {
            has(id).is_some_and(|old| {
                (&old.name, &old.personal, &old.login)
                    != (&member.name, &member.personal, &member.login)
            })
        };
        if let Some((_, like)) = wanted.members.iter().find(|(id, m)| differs(id, m)) {
            let (mut data, mut users) = Self::alike(wanted, like, differs);
            if self.singly {
                users.truncate(1);
            }
            // Absent means unchanged to OX; a sender name that is gone has to be cleared.
            data.personal = Some(data.personal.unwrap_or_default());
            return Next::Do(Operation::AccountUpdate { context, data, users });
        }
        Next::Done { why: "is in OX as wanted" }
    }

    fn done(&mut self, operation: &Operation, reply: Reply) {
        match operation {
            Operation::AccountCreate { data, users, .. } => self.put(users, data),
            Operation::AccountUpdate { users, .. } if reply == Reply::NothingThere => {
                self.forget(users);
                return;
            }
            Operation::AccountUpdate { data, users, .. } => {
                let personal = data.personal.clone().filter(|text| !text.is_empty());
                self.put(users, &AccountData { personal, ..data.clone() });
            }
            Operation::AccountDelete { .. } if self.in_the_way.is_some() => self.in_the_way = None,
            Operation::AccountDelete { users, .. } => self.forget(users),
            _ => {}
        }
        self.applied = true;
    }

    fn refused(&mut self, operation: &Operation, refusal: Refusal) -> bool {
        match (operation, refusal) {
            (Operation::AccountCreate { users, .. }, Refusal::Exists) => {
                let Some(first) = users.first().copied().filter(|ox| !self.asked.contains(ox))
                else {
                    return false;
                };
                self.asked.push(first);
                self.doubt = Some(first);
                true
            }
            (
                Operation::AccountDelete { users, .. } | Operation::AccountUpdate { users, .. },
                Refusal::MemberMissing | Refusal::Missing,
            ) => {
                // Somebody among them is gone, and his account with him. With one alone it is
                // clear who; of several, the present ones are found by trying one at a time.
                if let [user] = users.as_slice() {
                    self.in_the_way = None;
                    self.forget(&[*user]);
                    return true;
                }
                !std::mem::replace(&mut self.singly, true)
            }
            (Operation::AccountDelete { .. }, Refusal::ContextMissing(_)) => {
                self.placed.take().is_some()
            }
            (Operation::AccountCreate { users, .. }, Refusal::MemberMissing | Refusal::Missing) => {
                self.stale = users.iter().filter_map(|ox| self.member(*ox)).map(|m| m.0).collect();
                false
            }
            _ => false,
        }
    }

    fn answered(&mut self, question: &Question, answer: Answer) {
        let (Question::Accounts(_, user), Some(wanted)) = (question, &self.wanted) else { return };
        self.doubt = None;
        let listed = match answer {
            Answer::Accounts(accounts) => accounts.into_iter().find(|account| {
                account.user == *user && account.data.address.eq_ignore_ascii_case(&wanted.address)
            }),
            _ => None,
        };
        match listed {
            // A secondary account: taken over, and put right by an update.
            Some(account) => {
                self.adopted = true;
                self.put(&[*user], &account.data);
            }
            None if self.asked.contains(user) => {
                // OX refused, yet lists none: an ordinary account, as a copied user brings along.
                self.in_the_way = self.member(*user).map(|(_, member)| member.ox);
            }
            None => {}
        }
    }

    fn changes(&self) -> Vec<Change> {
        let (id, context) = (self.id.clone(), self.context);
        match (&self.before, &self.placed) {
            (Some(_), None) => vec![Change::DropPlacement { id, context }],
            (before, Some(placed)) if before.as_ref() != Some(placed) => {
                let placement = Placement::Account {
                    address: placed.address.clone(),
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
