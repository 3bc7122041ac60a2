//! What is known of all objects, in memory: who has which DN, who is where in OX under which number.
//!
//! Many readers (every context's actor), one writer (the recorder, through [`Index::learn`]). It is
//! derived from the store and filled from it at start. This is the member-id cache: a group's
//! members are found here without asking OX.

mod cache;
mod identity;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use dashmap::{DashMap, DashSet};

use crate::model::object::{DirectoryObject, Properties};
use crate::model::{Claim, ContextId, Dn, DnKey, ObjectId, ObjectKind, OxId};
use crate::scope::{Fixed, Scope, Standing};
use crate::store::{Change, ObjectRecord, Placement, Store, StoreError};

pub use cache::{Cache, CacheStats};

/// An object's presence in one context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presence {
    /// The context.
    pub context: ContextId,
    /// OX's number; none for contexts and functional accounts.
    pub ox: Option<OxId>,
    /// What it keeps others from having there; sorted, each of them once.
    pub claims: Box<[Claim]>,
    /// Users who have it, for functional accounts.
    pub members: Box<[ObjectId]>,
}

impl Presence {
    /// Login name, of a user.
    pub fn login(&self) -> Option<&str> {
        self.claims.iter().find_map(|claim| match claim {
            Claim::User(name) => Some(&**name),
            _ => None,
        })
    }
}

/// What is known of one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its kind.
    pub kind: ObjectKind,
    /// Its present DN.
    pub dn: DnKey,
    /// DNs it had before; some may be another object's by now.
    pub former: Vec<DnKey>,
    /// The context it names for itself, if it is to be in OX at all.
    pub home: Option<ContextId>,
    /// Where it is in OX.
    pub placed: Vec<Presence>,
    /// Where a move that is not through may have brought a copy of it.
    pub heading: Option<ContextId>,
    /// Where it was about to be made, and may be: with the users who may have it, for functional
    /// accounts.
    pub begun: BTreeMap<ContextId, Box<[ObjectId]>>,
    /// Why it stays as it is, if so.
    pub fixed: Option<Fixed>,
}

impl Known {
    /// Its presence in a context.
    pub fn at(&self, context: ContextId) -> Option<&Presence> {
        self.placed.iter().find(|presence| presence.context == context)
    }
}

/// A context in which something is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Inhabited {
    /// Its number.
    pub context: ContextId,
    /// Its name in OX, if drover has made it.
    pub name: Option<Arc<str>>,
    /// Objects that are in it, the context itself among them.
    pub objects: usize,
}

/// What a change means for those who name the object as a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A user is in a context under a number it did not have there before.
    Appeared(ObjectId, ContextId),
    /// A user is not in a context any more.
    Gone(ObjectId, ContextId),
    /// A user's data in a context changed.
    Changed(ObjectId, ContextId),
    /// A user has another DN.
    Renamed(ObjectId),
    /// Whoever names that DN means somebody else from now on than this user.
    Replaced(ObjectId, DnKey),
}

/// The index; see the module's description.
#[derive(Debug, Default)]
pub struct Index {
    objects: DashMap<ObjectId, Known>,
    dns: DashMap<DnKey, ObjectId>,
    /// Who has a DN too, while an older change of its former owner is still to be followed by his
    /// rename: contexts do not wait for each other.
    rivals: DashMap<DnKey, ObjectId>,
    mails: DashMap<(ContextId, Arc<str>), OxId>,
    /// Whose number that is.
    owners: DashMap<(ContextId, OxId), ObjectId>,
    /// Addresses of the functional accounts that a user was given, or may have been, by the account.
    accounts: DashMap<(ContextId, ObjectId), BTreeMap<ObjectId, String>>,
    /// How many objects are in each context that is not empty.
    inhabited: DashMap<ContextId, usize>,
    /// Names of contexts, and whose objects they are.
    names: DashMap<ContextId, (ObjectId, Arc<str>)>,
    /// Other ids of objects.
    others: identity::Others,
    /// Objects that stay as they are.
    fixed: DashSet<ObjectId>,
    /// How often each group has changed since the start, if groups count as members.
    changes_of_groups: Option<DashMap<ObjectId, u64>>,
    scope: Arc<Scope>,
    cache: Cache,
}

impl Index {
    /// Reads the whole store.
    ///
    /// # Errors
    /// The store's.
    pub fn load(store: &dyn Store) -> Result<Self, StoreError> {
        Self::load_within(store, Arc::default())
    }

    /// Reads the whole store, where only what is in `scope` is provisioned.
    ///
    /// # Errors
    /// The store's.
    pub fn load_within(store: &dyn Store, scope: Arc<Scope>) -> Result<Self, StoreError> {
        let index = Self { scope, ..Self::default() };
        store.objects(&mut |record| index.put_record(&record))?;
        Ok(index)
    }

    /// With an eye on changes of groups that are in other groups.
    #[must_use]
    pub fn watching_groups(self) -> Self {
        Self { changes_of_groups: Some(DashMap::new()), ..self }
    }

    /// How often a group has changed since the start.
    pub fn changes_of(&self, group: &ObjectId) -> u64 {
        let changes = self.changes_of_groups.as_ref().and_then(|changes| changes.get(group));
        changes.map_or(0, |changes| *changes)
    }

    fn note_change_of(&self, group: &ObjectId, kind: ObjectKind) {
        if let (Some(changes), ObjectKind::Group) = (&self.changes_of_groups, kind) {
            *changes.entry(group.clone()).or_default() += 1;
        }
    }

    fn put_record(&self, record: &ObjectRecord) {
        let properties = record.properties.as_ref();
        let (home, fixed) = self.home(&record.id, record.kind, &record.dn, properties);
        for former in &record.former_dns {
            self.dns.entry(former.clone()).or_insert_with(|| record.id.clone());
        }
        if record.properties.is_some() {
            self.take_dn(&record.id, record.dn.key());
        } else {
            self.dns.entry(record.dn.key().clone()).or_insert_with(|| record.id.clone());
        }
        let mut known = Known {
            kind: record.kind,
            dn: record.dn.key().clone(),
            former: record.former_dns.clone(),
            home,
            placed: Vec::with_capacity(record.placements.len()),
            heading: record.journey.as_ref().map(|journey| journey.to),
            begun: BTreeMap::new(),
            fixed,
        };
        self.note_fixed(&record.id, fixed);
        self.others.note(&record.id, properties);
        for (context, placement) in &record.placements {
            let presence = presence_of(*context, placement);
            self.enter(*context);
            self.add_presence(&record.id, placement, &presence);
            known.placed.push(presence);
        }
        for (context, placement) in &record.begun {
            known.begun.insert(*context, self.add_accounts(&record.id, *context, placement));
        }
        self.objects.insert(record.id.clone(), known);
    }

    /// The context an object belongs into, if it is in scope, and whether it stays as it is.
    fn home(
        &self,
        id: &ObjectId,
        kind: ObjectKind,
        dn: &Dn,
        properties: Option<&Properties>,
    ) -> (Option<ContextId>, Option<Fixed>) {
        let Some(properties) = properties else { return (None, None) };
        let standing = self.scope.judge(id, kind, dn, properties);
        let home = match standing {
            Standing::In | Standing::Protected(_) => DirectoryObject::parse(kind, properties)
                .ok()
                .and_then(|object| object.own_context()),
            Standing::Out(..) => None,
        };
        (home, standing.fixed())
    }

    fn note_fixed(&self, id: &ObjectId, fixed: Option<Fixed>) {
        if fixed.is_some() {
            self.fixed.insert(id.clone());
        } else if !self.fixed.is_empty() {
            self.fixed.remove(id);
        }
    }

    /// Why an object stays as it is, if so, by what was last seen of it.
    pub fn fixed(&self, id: &ObjectId) -> Option<Fixed> {
        if self.fixed.is_empty() {
            return None;
        }
        self.with(id, |known| known.fixed).flatten()
    }

    /// Users in a context who stay as they are, with their numbers there.
    pub fn fixed_users(&self, context: ContextId) -> BTreeMap<ObjectId, OxId> {
        let ids: Vec<ObjectId> = self.fixed.iter().map(|id| id.clone()).collect();
        let user = |id: ObjectId| {
            let kind = self.with(&id, |known| known.kind);
            let ox = self.ox_id(&id, context)?;
            (kind == Some(ObjectKind::User)).then_some((id, ox))
        };
        ids.into_iter().filter_map(user).collect()
    }

    /// Protected objects that are in a context or belong there, its own object left out; sorted.
    pub fn protected_in(&self, context: ContextId) -> Vec<ObjectId> {
        let mut ids: Vec<ObjectId> = self.fixed.iter().map(|id| id.clone()).collect();
        ids.retain(|id| {
            let here = |known: &Known| {
                known.fixed.is_some_and(Fixed::is_protected)
                    && known.kind != ObjectKind::Context
                    && (known.at(context).is_some() || known.home == Some(context))
            };
            self.with(id, here) == Some(true)
        });
        ids.sort_unstable();
        ids
    }

    /// An object is somewhere.
    fn add_presence(&self, id: &ObjectId, placement: &Placement, presence: &Presence) {
        let context = presence.context;
        if let Some(ox) = placement.ox_id() {
            self.owners.insert((context, ox), id.clone());
        }
        self.add_accounts(id, context, placement);
        if let Placement::Context { name, .. } = placement {
            self.names.insert(context, (id.clone(), name.as_str().into()));
        }
        if let Placement::User { ox, .. } = placement {
            for claim in &presence.claims {
                if let Claim::Mail(mail) = claim {
                    self.mails.insert((context, mail.clone()), *ox);
                }
            }
        }
    }

    /// One object more is in a context.
    fn enter(&self, context: ContextId) {
        *self.inhabited.entry(context).or_default() += 1;
    }

    /// One object less is in a context.
    fn leave(&self, context: ContextId) {
        self.inhabited.remove_if_mut(&context, |_, objects| {
            *objects = objects.saturating_sub(1);
            *objects == 0
        });
    }

    /// Users have a functional account, or may have it; answers which users.
    fn add_accounts(
        &self,
        id: &ObjectId,
        context: ContextId,
        placement: &Placement,
    ) -> Box<[ObjectId]> {
        let Placement::Account { address, members } = placement else { return Box::default() };
        for member in members.keys() {
            let mut accounts = self.accounts.entry((context, member.clone())).or_default();
            accounts.insert(id.clone(), address.clone());
        }
        members.keys().cloned().collect()
    }

    fn take_dn(&self, id: &ObjectId, dn: &DnKey) {
        let before = self.dns.insert(dn.clone(), id.clone());
        if let Some(other) = before.filter(|other| other != id)
            && self.with(&other, |known| known.dn == *dn) == Some(true)
        {
            self.rivals.insert(dn.clone(), other);
        }
    }

    /// An object lets go of a DN: whoever has it too has it alone now. Of two that have it, which one is
    /// meant may have been another one before a restart, so that the other is news in any case.
    fn give_back(&self, dn: &DnKey, id: &ObjectId) -> Vec<Event> {
        let Some((_, rival)) = self.rivals.remove(dn) else { return Vec::new() };
        let heir = if rival == *id { self.by_dn(dn) } else { Some(rival) };
        let Some(heir) = heir.filter(|heir| heir != id) else { return Vec::new() };
        let kind = self.with(&heir, |known| (known.dn == *dn).then_some(known.kind)).flatten();
        let Some(kind) = kind else { return Vec::new() };
        self.dns.insert(dn.clone(), heir.clone());
        if kind == ObjectKind::User { vec![Event::Renamed(heir)] } else { Vec::new() }
    }

    fn forget_account<'a>(
        &self,
        id: &ObjectId,
        context: ContextId,
        members: impl IntoIterator<Item = &'a ObjectId>,
    ) {
        for member in members {
            let key = (context, member.clone());
            self.accounts.remove_if_mut(&key, |_, accounts| {
                accounts.remove(id);
                accounts.is_empty()
            });
        }
    }

    /// An object is not where it was, or has another number there.
    fn forget_presence(&self, id: &ObjectId, presence: &Presence) {
        self.leave(presence.context);
        self.names.remove_if(&presence.context, |_, (owner, _)| owner == id);
        self.forget_mails(presence);
        match presence.ox {
            Some(ox) => {
                self.owners.remove_if(&(presence.context, ox), |_, owner| owner == id);
            }
            None => self.forget_account(id, presence.context, &presence.members),
        }
    }

    fn forget_mails(&self, presence: &Presence) {
        for claim in &presence.claims {
            if let Claim::Mail(mail) = claim {
                let key = (presence.context, mail.clone());
                self.mails.remove_if(&key, |_, ox| Some(*ox) == presence.ox);
            }
        }
    }

    /// What is known of an object.
    pub fn known(&self, id: &ObjectId) -> Option<Known> {
        self.objects.get(id).map(|known| known.clone())
    }

    /// Calls `look` with what is known of an object, without copying it.
    pub fn with<R>(&self, id: &ObjectId, look: impl FnOnce(&Known) -> R) -> Option<R> {
        self.objects.get(id).map(|known| look(&known))
    }

    /// The object that has, or last had, that DN.
    pub fn by_dn(&self, dn: &DnKey) -> Option<ObjectId> {
        self.dns.get(dn).map(|id| id.clone())
    }

    /// An object's number in a context, if it is there.
    pub fn ox_id(&self, id: &ObjectId, context: ContextId) -> Option<OxId> {
        self.with(id, |known| known.at(context).and_then(|presence| presence.ox)).flatten()
    }

    /// The user whose own primary address this is in a context.
    pub fn owner(&self, context: ContextId, address: &str) -> Option<OxId> {
        self.mails.get(&(context, address.to_lowercase().into())).map(|ox| *ox)
    }

    /// The object that has a number in a context.
    pub fn whose(&self, context: ContextId, ox: OxId) -> Option<ObjectId> {
        self.owners.get(&(context, ox)).map(|id| id.clone())
    }

    /// The login name that a user was last given in a context, if he is there.
    pub fn login(&self, id: &ObjectId, context: ContextId) -> Option<String> {
        self.with(id, |known| known.at(context).and_then(Presence::login).map(str::to_owned))?
    }

    /// All users who are in a context, in no particular order.
    pub fn users_in(&self, context: ContextId) -> Vec<ObjectId> {
        // Two steps: no entry of one map is held while another map is read.
        let here = self.owners.iter().filter(|entry| entry.key().0 == context);
        let mut users: Vec<ObjectId> = here.map(|entry| entry.value().clone()).collect();
        users.retain(|id| self.with(id, |known| known.kind) == Some(ObjectKind::User));
        users
    }

    /// Objects in OX that bear a name: a user, group, resource or context, or whatever has that mail
    /// address; in one context or anywhere, sorted. User names are compared with case. Looks at
    /// every object: for rare questions.
    pub fn named(&self, name: &str, context: Option<ContextId>) -> Vec<ObjectId> {
        let lower = name.to_lowercase();
        let bears = |claim: &Claim| match claim {
            Claim::User(user) => **user == *name,
            Claim::Group(other) | Claim::Resource(other) | Claim::Mail(other) => **other == *lower,
            Claim::Display(_) => false,
        };
        let here = |at: &Presence| context.is_none_or(|context| context == at.context);
        let there = |known: &Known| {
            known.placed.iter().filter(|at| here(at)).any(|at| at.claims.iter().any(bears))
        };
        let mut found: Vec<ObjectId> = self
            .objects
            .iter()
            .filter(|known| there(known))
            .map(|known| known.key().clone())
            .collect();
        for entry in &self.names {
            let (owner, its) = entry.value();
            if context.is_none_or(|context| context == *entry.key()) && **its == *name {
                found.push(owner.clone());
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Number of objects of a kind that are in OX.
    pub fn placed(&self, kind: ObjectKind) -> usize {
        let there = |known: &Known| known.kind == kind && !known.placed.is_empty();
        self.objects.iter().filter(|known| there(known)).count()
    }

    /// Counters of the member-id cache, and contexts that it is wrong about.
    pub fn cache(&self) -> &Cache {
        &self.cache
    }

    /// The counters of the member-id cache.
    pub fn cache_stats(&self) -> CacheStats {
        self.cache.stats(self.owners.len())
    }

    /// Addresses of the functional accounts that a user was given in a context.
    pub fn accounts_of(&self, user: &ObjectId, context: ContextId) -> Vec<String> {
        let accounts = self.accounts.get(&(context, user.clone()));
        accounts.map(|accounts| accounts.values().cloned().collect()).unwrap_or_default()
    }

    /// Objects that are in a context or belong there, or all objects; sorted.
    pub fn objects_in(&self, context: Option<ContextId>) -> Vec<ObjectId> {
        let here = |known: &Known| {
            context.is_none_or(|context| known.at(context).is_some() || known.home == Some(context))
        };
        let found = self.objects.iter().filter(|known| here(known));
        let mut found: Vec<ObjectId> = found.map(|known| known.key().clone()).collect();
        found.sort_unstable();
        found
    }

    /// Contexts in which something is, in no particular order. Work: one step for each of them,
    /// however many objects there are.
    pub fn contexts(&self) -> Vec<Inhabited> {
        // Two steps: no entry of one map is held while another map is read.
        let mut found: Vec<Inhabited> = self
            .inhabited
            .iter()
            .map(|entry| Inhabited { context: *entry.key(), name: None, objects: *entry.value() })
            .collect();
        for one in &mut found {
            one.name = self.names.get(&one.context).map(|entry| entry.1.clone());
        }
        found
    }

    /// The object, other than this, by which a context is there, if there is one. Looks at every
    /// object: for rare questions.
    pub fn other_context(&self, id: &ObjectId, context: ContextId) -> Option<ObjectId> {
        let found = self.objects.iter().find(|known| {
            known.kind == ObjectKind::Context && known.key() != id && known.at(context).is_some()
        });
        found.map(|known| known.key().clone())
    }

    /// Whether anything is known to be in a context. Looks at every object: for rare questions.
    pub fn is_inhabited(&self, context: ContextId) -> bool {
        self.objects.iter().any(|known| known.at(context).is_some())
    }

    /// Number of objects known.
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// All DNs under which an object is known.
    pub fn dns_of(&self, id: &ObjectId) -> Vec<DnKey> {
        let all = |known: &Known| (known.dn.clone(), known.former.clone());
        let Some((dn, mut dns)) = self.with(id, all) else { return Vec::new() };
        // The present one counts even if a newcomer has it already: who goes was named by it.
        dns.retain(|dn| self.by_dn(dn).as_ref() == Some(id));
        dns.push(dn);
        dns
    }

    /// The part of the index that a commit is about, to try it out on: what [`Index::learn`] says of
    /// each of its changes there is what it will say here.
    #[must_use]
    pub fn excerpt(&self, commit: &[Change]) -> Self {
        let excerpt = Self::default();
        for change in commit {
            let (id, dn) = match change {
                Change::PutObject { id, dn, .. } => (id, Some(dn.key())),
                Change::ForgetObject { id }
                | Change::PutPlacement { id, .. }
                | Change::DropPlacement { id, .. }
                | Change::PutJourney { id, .. } => (id, None),
                _ => continue,
            };
            for dn in self.copy(id, &excerpt).iter().chain(dn) {
                self.copy_dn(dn, &excerpt);
                // Whoever has the DN as well may gain by the change, or lose.
                let holders = [self.by_dn(dn), self.rivals.get(dn).map(|id| id.clone())];
                for other in holders.into_iter().flatten() {
                    for dn in self.copy(&other, &excerpt) {
                        self.copy_dn(&dn, &excerpt);
                    }
                }
            }
        }
        excerpt
    }

    /// Copies what is known of an object; answers its DNs.
    fn copy(&self, id: &ObjectId, to: &Self) -> Vec<DnKey> {
        let Some(known) = self.known(id) else { return Vec::new() };
        let mut dns = known.former.clone();
        dns.push(known.dn.clone());
        to.objects.entry(id.clone()).or_insert(known);
        dns
    }

    fn copy_dn(&self, dn: &DnKey, to: &Self) {
        for (map, copy) in [(&self.dns, &to.dns), (&self.rivals, &to.rivals)] {
            if let Some(id) = map.get(dn).map(|id| id.clone()) {
                copy.insert(dn.clone(), id);
            }
        }
    }

    /// Takes a change in. Called by the recorder only, in the order in which changes become durable.
    pub fn learn(&self, change: &Change) -> Vec<Event> {
        match change {
            Change::PutObject { id, kind, dn, properties, .. } => {
                let (home, fixed) = self.home(id, *kind, dn, properties.as_ref());
                self.note_change_of(id, *kind);
                self.note_fixed(id, fixed);
                let mut events = Vec::new();
                let mut taken = false;
                if properties.is_some() {
                    let holder = self.by_dn(dn.key()).filter(|holder| holder != id);
                    taken = holder.is_some();
                    let is_user = |holder: &ObjectId| {
                        self.with(holder, |known| known.kind == ObjectKind::User) == Some(true)
                    };
                    if let Some(holder) = holder.filter(is_user) {
                        events.push(Event::Replaced(holder, dn.key().clone()));
                    }
                    self.take_dn(id, dn.key());
                } else {
                    // Who is deleted does not take his DN back from whoever has it by now.
                    self.dns.entry(dn.key().clone()).or_insert_with(|| id.clone());
                }
                self.others.note(id, properties.as_ref());
                let mut known = self.objects.entry(id.clone()).or_insert_with(|| Known {
                    kind: *kind,
                    dn: dn.key().clone(),
                    former: Vec::new(),
                    home: None,
                    placed: Vec::new(),
                    heading: None,
                    begun: BTreeMap::new(),
                    fixed: None,
                });
                // A user may become a shared account.
                known.kind = *kind;
                known.fixed = fixed;
                let old = std::mem::replace(&mut known.dn, dn.key().clone());
                known.home = home;
                if old == *dn.key() {
                    if taken && *kind == ObjectKind::User {
                        // Somebody else had it meanwhile.
                        events.push(Event::Renamed(id.clone()));
                    }
                    return events;
                }
                known.former.retain(|former| former != dn.key());
                known.former.push(old.clone());
                drop(known);
                events.extend(self.give_back(&old, id));
                if *kind == ObjectKind::User {
                    events.push(Event::Renamed(id.clone()));
                }
                events
            }
            Change::ForgetObject { id } => {
                self.note_fixed(id, None);
                let Some((_, known)) = self.objects.remove(id) else { return Vec::new() };
                self.note_change_of(id, known.kind);
                for dn in known.former.iter().chain([&known.dn]) {
                    self.dns.remove_if(dn, |_, owner| owner == id);
                }
                for presence in &known.placed {
                    self.forget_presence(id, presence);
                }
                self.give_back(&known.dn, id)
            }
            Change::PutPlacement { id, context, placement } => {
                let Some(mut known) = self.objects.get_mut(id) else { return Vec::new() };
                let new = presence_of(*context, placement);
                let old = known.placed.iter().position(|presence| presence.context == *context);
                let old = old.map(|at| known.placed.swap_remove(at));
                let is_user = known.kind == ObjectKind::User;
                // Most objects are in one context: no room is kept for more.
                known.placed.reserve_exact(1);
                known.placed.push(new.clone());
                drop(known);
                if old.is_none() {
                    self.enter(*context);
                }
                if let Some(old) = &old {
                    self.forget_mails(old);
                    self.forget_account(id, *context, &old.members);
                    if let Some(ox) = old.ox.filter(|ox| Some(*ox) != new.ox) {
                        self.owners.remove_if(&(*context, ox), |_, owner| owner == id);
                    }
                }
                self.add_presence(id, placement, &new);
                match old {
                    _ if !is_user => Vec::new(),
                    Some(old) if old.ox == new.ox => vec![Event::Changed(id.clone(), *context)],
                    _ => vec![Event::Appeared(id.clone(), *context)],
                }
            }
            Change::DropPlacement { id, context } => {
                let Some(mut known) = self.objects.get_mut(id) else { return Vec::new() };
                let at = known.placed.iter().position(|presence| presence.context == *context);
                let Some(old) = at.map(|at| known.placed.swap_remove(at)) else {
                    return Vec::new();
                };
                let is_user = known.kind == ObjectKind::User;
                drop(known);
                self.forget_presence(id, &old);
                if is_user { vec![Event::Gone(id.clone(), *context)] } else { Vec::new() }
            }
            Change::DropContext { context } => {
                for mut known in self.objects.iter_mut() {
                    known.placed.retain(|presence| presence.context != *context);
                    known.begun.remove(context);
                    known.heading = known.heading.filter(|heading| heading != context);
                }
                self.inhabited.remove(context);
                self.names.remove(context);
                self.mails.retain(|(c, _), _| c != context);
                self.owners.retain(|(c, _), _| c != context);
                self.accounts.retain(|(c, _), _| c != context);
                Vec::new()
            }
            Change::PutJourney { id, journey } => {
                if let Some(mut known) = self.objects.get_mut(id) {
                    known.heading = journey.as_ref().map(|journey| journey.to);
                }
                Vec::new()
            }
            Change::Begin { id, context, placement } => {
                let members = self.add_accounts(id, *context, placement);
                if let Some(mut known) = self.objects.get_mut(id) {
                    known.begun.insert(*context, members);
                }
                Vec::new()
            }
            Change::ClearBegin { id, context } => {
                let Some(mut known) = self.objects.get_mut(id) else { return Vec::new() };
                let begun = known.begun.remove(context).unwrap_or_default();
                let members = known.at(*context).map(|presence| presence.members.clone());
                drop(known);
                let members = members.unwrap_or_default();
                let gone = begun.iter().filter(|member| !members.contains(member));
                self.forget_account(id, *context, gone);
                Vec::new()
            }
            Change::PutProfile(_)
            | Change::PutExtra { .. }
            | Change::Doubt { .. }
            | Change::ClearDoubt { .. }
            | Change::TakeOver { .. }
            | Change::SetMark(_)
            | Change::ClearMark(_)
            | Change::SetRepair(_)
            | Change::ClearRepair(_)
            | Change::PutFault(_)
            | Change::ClearFault { .. }
            | Change::TakeIn { .. }
            | Change::SetFate { .. }
            | Change::End(_)
            | Change::Act(_)
            | Change::PutHold(_)
            | Change::ClearHold(_) => Vec::new(),
        }
    }
}

fn presence_of(context: ContextId, placement: &Placement) -> Presence {
    let members = match placement {
        Placement::Account { members, .. } => members.keys().cloned().collect(),
        _ => Box::default(),
    };
    Presence {
        context,
        ox: placement.ox_id(),
        claims: claims_of(placement).into_iter().collect(),
        members,
    }
}

/// What a placed object keeps others from having in its context.
fn claims_of(placement: &Placement) -> BTreeSet<Claim> {
    match placement {
        Placement::User { name, fields, .. } => {
            let mail =
                fields.text("primaryEmail").map(|mail| Claim::Mail(mail.to_lowercase().into()));
            let display =
                fields.text("display_name").map(|name| Claim::Display(name.to_lowercase().into()));
            std::iter::once(Claim::User(name.as_str().into())).chain(mail).chain(display).collect()
        }
        Placement::Group { name, .. } => BTreeSet::from([Claim::Group(name.to_lowercase().into())]),
        Placement::Resource { data, .. } => {
            let name = data.name.as_ref().map(|name| Claim::Resource(name.to_lowercase().into()));
            let mail = data.email.as_ref().map(|mail| Claim::Mail(mail.to_lowercase().into()));
            name.into_iter().chain(mail).collect()
        }
        Placement::Account { address, .. } => {
            BTreeSet::from([Claim::Mail(address.to_lowercase().into())])
        }
        Placement::SharedAccount { name, data, .. } => {
            let mail = data.as_ref().map(|data| Claim::Mail(data.address.to_lowercase().into()));
            std::iter::once(Claim::User(name.as_str().into())).chain(mail).collect()
        }
        Placement::Context { .. } => BTreeSet::new(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{Dn, UserFields};
    use crate::store::memory::MemoryStore;

    fn put(id: &str, dn: &str) -> Change {
        let properties = serde_json::json!({"isOxUser": "OK", "oxContext": 1});
        Change::PutObject {
            id: ObjectId::new(id),
            kind: ObjectKind::User,
            dn: Dn::new(dn),
            properties: properties.as_object().cloned(),
            members: Vec::new(),
        }
    }

    #[test]
    fn a_dn_goes_back_to_whoever_has_it_when_its_former_owner_lets_go() {
        let index = Index::default();
        let dn = Dn::new("uid=anna,dc=x");
        let owner = || index.by_dn(dn.key()).unwrap().to_string();
        index.learn(&put("old", "uid=anna,dc=x"));
        index.learn(&put("new", "uid=anna,dc=x"));
        assert_eq!(owner(), "new");
        // An earlier change of the former owner, in a context that is slower.
        index.learn(&put("old", "uid=anna,dc=x"));
        let events = index.learn(&put("old", "uid=anna.old,dc=x"));
        assert_eq!(owner(), "new");
        assert!(events.contains(&Event::Renamed(ObjectId::new("new"))), "{events:?}");
        // The same, if he is deleted instead.
        index.learn(&put("old", "uid=anna,dc=x"));
        index.learn(&Change::ForgetObject { id: ObjectId::new("old") });
        assert_eq!(owner(), "new");
    }

    #[derive(Debug, Clone)]
    enum Step {
        Put(u8, u8),
        Place(u8, u32, u32, u8),
        Leave(u8, u32),
        Forget(u8),
        Drop(u32),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => (0u8..4, 0u8..2).prop_map(|(o, d)| Step::Put(o, d)),
            4 => (0u8..4, 1u32..3, 3u32..6, 0u8..3).prop_map(|(o, c, x, m)| Step::Place(o, c, x, m)),
            2 => (0u8..4, 1u32..3).prop_map(|(o, c)| Step::Leave(o, c)),
            1 => (0u8..4).prop_map(Step::Forget),
            1 => (1u32..3).prop_map(Step::Drop),
        ]
    }

    proptest! {
        /// What was learnt step by step is what a new start reads from the store.
        #[test]
        fn learning_and_loading_come_to_the_same(steps in prop::collection::vec(step(), 1..30)) {
            let (index, store) = (Index::default(), MemoryStore::new());
            for step in steps {
                let id = |object: u8| ObjectId::new(&format!("o{object}"));
                let known = |object: u8| index.known(&id(object)).is_some();
                let change = match step {
                    Step::Put(object, dn) => put(&format!("o{object}"), &format!("uid=o{object}-{dn}")),
                    Step::Place(object, context, ox, mail) if known(object) => {
                        // A number belongs to one object, as in OX.
                        let ox = OxId(ox * 10 + u32::from(object));
                        let mut fields = UserFields::new();
                        fields.set("primaryEmail", format!("m{object}{mail}@x"));
                        Change::PutPlacement {
                            id: id(object),
                            context: ContextId(context),
                            placement: Placement::User { ox, name: format!("n{object}"), fields, access: None, beside: crate::store::Beside::default() },
                        }
                    }
                    Step::Leave(object, context) if known(object) => {
                        Change::DropPlacement { id: id(object), context: ContextId(context) }
                    }
                    Step::Forget(object) if known(object) => Change::ForgetObject { id: id(object) },
                    Step::Drop(context) => Change::DropContext { context: ContextId(context) },
                    _ => continue,
                };
                index.learn(&change);
                store.commit(&[vec![change]]).unwrap();
            }
            let loaded = Index::load(&store).unwrap();
            let contexts = |index: &Index| {
                let mut contexts = index.contexts();
                contexts.sort();
                contexts
            };
            prop_assert_eq!(contexts(&index), contexts(&loaded));
            for object in 0..4 {
                let id = ObjectId::new(&format!("o{object}"));
                let sorted = |known: Option<Known>| known.map(|mut known| {
                    known.placed.sort_by_key(|presence| presence.context);
                    known.former.sort();
                    known
                });
                prop_assert_eq!(sorted(index.known(&id)), sorted(loaded.known(&id)));
                for dn in 0..2 {
                    let dn = Dn::new(&format!("uid=o{object}-{dn}"));
                    prop_assert_eq!(index.by_dn(dn.key()), loaded.by_dn(dn.key()));
                }
                for context in [1, 2].map(ContextId) {
                    for number in 30..60 {
                        prop_assert_eq!(index.whose(context, OxId(number)), loaded.whose(context, OxId(number)));
                    }
                    for mail in 0..3 {
                        let mail = format!("m{object}{mail}@x");
                        prop_assert_eq!(index.owner(context, &mail), loaded.owner(context, &mail));
                    }
                }
            }
        }
    }
}
