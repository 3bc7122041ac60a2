//! What is known of all objects, in memory: who has which DN, who is where in OX under which number.
//!
//! Many readers (every context's actor), one writer (the recorder, through [`Index::learn`]). It is
//! derived from the store and filled from it at start. This is the member-id cache: a group's
//! members are found here without asking OX.

use std::collections::{BTreeMap, BTreeSet};

use dashmap::DashMap;

use crate::model::object::DirectoryObject;
use crate::model::{ContextId, DnKey, ObjectId, ObjectKind, OxId};
use crate::store::{Change, ObjectRecord, Placement, Store, StoreError};

/// A name or address that only one object of a context may have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Claim {
    /// Login name of a user; OX compares it with case.
    User(String),
    /// Name of a group, without case.
    Group(String),
    /// Name of a resource, without case.
    Resource(String),
    /// A primary mail address of a user, resource or functional account, without case.
    Mail(String),
}

/// An object's presence in one context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presence {
    /// The context.
    pub context: ContextId,
    /// OX's number; none for contexts and functional accounts.
    pub ox: Option<OxId>,
    /// What it keeps others from having there.
    pub claims: BTreeSet<Claim>,
    /// Users who have it, for functional accounts.
    pub members: Vec<ObjectId>,
}

/// What is known of one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its kind.
    pub kind: ObjectKind,
    /// Its present DN.
    pub dn: DnKey,
    /// The context it names for itself, if it is to be in OX at all.
    pub home: Option<ContextId>,
    /// Where it is in OX.
    pub placed: Vec<Presence>,
    /// Where a move that is not through may have brought a copy of it.
    pub heading: Option<ContextId>,
}

impl Known {
    /// Its presence in a context.
    pub fn at(&self, context: ContextId) -> Option<&Presence> {
        self.placed.iter().find(|presence| presence.context == context)
    }
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
}

/// The index; see the module's description.
#[derive(Debug, Default)]
pub struct Index {
    objects: DashMap<ObjectId, Known>,
    dns: DashMap<DnKey, ObjectId>,
    mails: DashMap<(ContextId, String), OxId>,
    /// Whose number that is.
    owners: DashMap<(ContextId, OxId), ObjectId>,
    /// Addresses of the functional accounts that a user was given, by the account.
    accounts: DashMap<(ContextId, ObjectId), BTreeMap<ObjectId, String>>,
}

impl Index {
    /// Reads the whole store.
    ///
    /// # Errors
    /// The store's.
    pub fn load(store: &dyn Store) -> Result<Self, StoreError> {
        let index = Self::default();
        store.objects(&mut |record| index.put_record(&record))?;
        Ok(index)
    }

    fn put_record(&self, record: &ObjectRecord) {
        let object = record
            .properties
            .as_ref()
            .and_then(|properties| DirectoryObject::parse(record.kind, properties).ok());
        for former in &record.former_dns {
            self.dns.entry(former.clone()).or_insert_with(|| record.id.clone());
        }
        if record.properties.is_some() {
            self.dns.insert(record.dn.key().clone(), record.id.clone());
        } else {
            self.dns.entry(record.dn.key().clone()).or_insert_with(|| record.id.clone());
        }
        let mut known = Known {
            kind: record.kind,
            dn: record.dn.key().clone(),
            home: object.as_ref().and_then(DirectoryObject::own_context),
            placed: Vec::new(),
            heading: record.journey.as_ref().map(|journey| journey.to),
        };
        for (context, placement) in &record.placements {
            known.placed.push(self.presence(&record.id, *context, placement));
        }
        self.objects.insert(record.id.clone(), known);
    }

    fn presence(&self, id: &ObjectId, context: ContextId, placement: &Placement) -> Presence {
        if let Some(ox) = placement.ox_id() {
            self.owners.insert((context, ox), id.clone());
        }
        if let Placement::Account { address, members } = placement {
            for member in members.keys() {
                let mut accounts = self.accounts.entry((context, member.clone())).or_default();
                accounts.insert(id.clone(), address.clone());
            }
        }
        if let Placement::User { ox, fields, .. } = placement
            && let Some(mail) = fields.text("primaryEmail")
        {
            self.mails.insert((context, mail.to_lowercase()), *ox);
        }
        presence_of(context, placement)
    }

    fn forget_account(&self, id: &ObjectId, presence: &Presence) {
        for member in &presence.members {
            let key = (presence.context, member.clone());
            self.accounts.remove_if_mut(&key, |_, accounts| {
                accounts.remove(id);
                accounts.is_empty()
            });
        }
    }

    /// An object is not where it was, or has another number there.
    fn forget_presence(&self, id: &ObjectId, presence: &Presence) {
        self.forget_mails(presence);
        match presence.ox {
            Some(ox) => {
                self.owners.remove_if(&(presence.context, ox), |_, owner| owner == id);
            }
            None => self.forget_account(id, presence),
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
        self.mails.get(&(context, address.to_lowercase())).map(|ox| *ox)
    }

    /// The object that has a number in a context.
    pub fn whose(&self, context: ContextId, ox: OxId) -> Option<ObjectId> {
        self.owners.get(&(context, ox)).map(|id| id.clone())
    }

    /// Addresses of the functional accounts that a user was given in a context.
    pub fn accounts_of(&self, user: &ObjectId, context: ContextId) -> Vec<String> {
        let accounts = self.accounts.get(&(context, user.clone()));
        accounts.map(|accounts| accounts.values().cloned().collect()).unwrap_or_default()
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
    pub fn dns_of(&self, id: &ObjectId, former: &[DnKey]) -> Vec<DnKey> {
        let mut dns: Vec<DnKey> = self.with(id, |known| known.dn.clone()).into_iter().collect();
        dns.extend(former.iter().filter(|dn| self.by_dn(dn).as_ref() == Some(id)).cloned());
        dns
    }

    /// Takes a change in. Called by the recorder only, in the order in which changes become durable.
    pub fn learn(&self, change: &Change) -> Vec<Event> {
        match change {
            Change::PutObject { id, kind, dn, properties, .. } => {
                let home = properties
                    .as_ref()
                    .and_then(|p| DirectoryObject::parse(*kind, p).ok())
                    .and_then(|object| object.own_context());
                if properties.is_some() {
                    self.dns.insert(dn.key().clone(), id.clone());
                } else {
                    // Who is deleted does not take his DN back from whoever has it by now.
                    self.dns.entry(dn.key().clone()).or_insert_with(|| id.clone());
                }
                let mut known = self.objects.entry(id.clone()).or_insert_with(|| Known {
                    kind: *kind,
                    dn: dn.key().clone(),
                    home: None,
                    placed: Vec::new(),
                    heading: None,
                });
                let renamed = known.dn != *dn.key();
                known.dn = dn.key().clone();
                known.home = home;
                if renamed && *kind == ObjectKind::User {
                    return vec![Event::Renamed(id.clone())];
                }
                Vec::new()
            }
            Change::ForgetObject { id } => {
                let Some((_, known)) = self.objects.remove(id) else { return Vec::new() };
                self.dns.remove_if(&known.dn, |_, owner| owner == id);
                for presence in &known.placed {
                    self.forget_presence(id, presence);
                }
                Vec::new()
            }
            Change::PutPlacement { id, context, placement } => {
                let Some(mut known) = self.objects.get_mut(id) else { return Vec::new() };
                let new = presence_of(*context, placement);
                let old = known.placed.iter().position(|presence| presence.context == *context);
                let old = old.map(|at| known.placed.swap_remove(at));
                let is_user = known.kind == ObjectKind::User;
                known.placed.push(new.clone());
                drop(known);
                if let Some(old) = &old {
                    self.forget_mails(old);
                    self.forget_account(id, old);
                    if let Some(ox) = old.ox.filter(|ox| Some(*ox) != new.ox) {
                        self.owners.remove_if(&(*context, ox), |_, owner| owner == id);
                    }
                }
                self.presence(id, *context, placement);
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
                }
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
            Change::PutProfile(_)
            | Change::SetMark(_)
            | Change::ClearMark(_)
            | Change::PutFault(_)
            | Change::ClearFault { .. }
            | Change::End(_) => Vec::new(),
        }
    }
}

fn presence_of(context: ContextId, placement: &Placement) -> Presence {
    let members = match placement {
        Placement::Account { members, .. } => members.keys().cloned().collect(),
        _ => Vec::new(),
    };
    Presence { context, ox: placement.ox_id(), claims: claims_of(placement), members }
}

/// What a placed object keeps others from having in its context.
fn claims_of(placement: &Placement) -> BTreeSet<Claim> {
    match placement {
        Placement::User { name, fields, .. } => {
            let mail = fields.text("primaryEmail").map(|mail| Claim::Mail(mail.to_lowercase()));
            std::iter::once(Claim::User(name.clone())).chain(mail).collect()
        }
        Placement::Group { name, .. } => BTreeSet::from([Claim::Group(name.to_lowercase())]),
        Placement::Resource { data, .. } => {
            let name = data.name.as_ref().map(|name| Claim::Resource(name.to_lowercase()));
            let mail = data.email.as_ref().map(|mail| Claim::Mail(mail.to_lowercase()));
            name.into_iter().chain(mail).collect()
        }
        Placement::Account { address, .. } => BTreeSet::from([Claim::Mail(address.to_lowercase())]),
        Placement::Context { .. } => BTreeSet::new(),
    }
}
