//! Which lanes an item belongs to, and what it has to wait for or go ahead of.
//!
//! Worked out from the *planned* state: what was provisioned, overlaid with every item that is
//! already routed. Pure but for reading the [`Index`].

use std::collections::{BTreeSet, HashMap};

use crate::index::{Claim, Index};
use crate::lanes::{EntryId, Lane, Lanes, Moved, NewEntry};
use crate::model::object::DirectoryObject;
use crate::model::{ContextId, DnKey, ItemName, ObjectId, ObjectKind, QueueFile};

/// What pending items will have made of an object.
#[derive(Debug, Clone)]
struct Planned {
    entries: Vec<EntryId>,
    dn: DnKey,
    home: Option<ContextId>,
    lanes: BTreeSet<Lane>,
    claims: BTreeSet<(ContextId, Claim)>,
}

/// A pair that was to change places and could not, for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unordered {
    /// The entry that was to go first.
    pub needed: EntryId,
    /// The one that needs it.
    pub needing: EntryId,
    /// Why it stays behind.
    pub why: Moved,
}

/// How an item was routed.
#[derive(Debug)]
pub struct Routed {
    /// Its entry.
    pub entry: EntryId,
    /// Its lanes.
    pub lanes: BTreeSet<Lane>,
    /// Entries that should change places but cannot.
    pub unordered: Vec<Unordered>,
}

/// An item to be routed.
#[derive(Debug)]
pub struct NewItem<'a> {
    /// Name of its queue file.
    pub name: ItemName,
    /// Its content.
    pub file: &'a QueueFile,
    /// Names and addresses it is going to have in its own contexts.
    pub claims: BTreeSet<(ContextId, Claim)>,
    /// Contexts that it has to come by, too.
    pub also: BTreeSet<ContextId>,
}

/// Which properties name users and groups in OX.
#[derive(Debug, Clone)]
pub struct Identifiers {
    /// Property that names users; `entryUUID` = the object's id.
    pub user: String,
    /// Property that names groups; likewise.
    pub group: String,
}

impl Identifiers {
    fn name(
        identifier: &str,
        id: &ObjectId,
        properties: &crate::model::object::Properties,
    ) -> Option<String> {
        if identifier.eq_ignore_ascii_case("entryUUID") {
            return Some(id.to_string());
        }
        properties.get(identifier)?.as_str().map(str::to_owned)
    }
}

/// The overlay of routed items over the provisioned state.
#[derive(Debug, Default)]
pub struct Router {
    planned: HashMap<ObjectId, Planned>,
    dns: HashMap<DnKey, ObjectId>,
    /// Pending items by what they are going to claim.
    claims: HashMap<(ContextId, Claim), EntryId>,
    /// Pending items by what they are going to give up.
    releases: HashMap<(ContextId, Claim), EntryId>,
    /// Pending groups and accounts by the members they name.
    naming: HashMap<DnKey, BTreeSet<EntryId>>,
    /// Contexts that pending items will have created (true) or deleted (false).
    contexts: HashMap<ContextId, (bool, EntryId)>,
    /// What each entry put into the overlay, to take it out again.
    entries: HashMap<EntryId, Overlay>,
}

#[derive(Debug, Default)]
struct Overlay {
    object: Option<ObjectId>,
    dn: Option<DnKey>,
    claims: Vec<(ContextId, Claim)>,
    releases: Vec<(ContextId, Claim)>,
    members: Vec<DnKey>,
    context: Option<ContextId>,
}

impl Router {
    /// Routes an item into `lanes`.
    pub fn route<T>(
        &mut self,
        lanes: &mut Lanes<T>,
        index: &Index,
        item: NewItem<'_>,
        task: T,
    ) -> Routed {
        let NewItem { name, file, claims, also } = item;
        let before = self.lanes_before(index, file);
        let home = file.object.as_ref().and_then(DirectoryObject::own_context);
        let mut own: BTreeSet<Lane> = before.clone();
        own.extend(home.map(Lane::Context));
        own.extend(also.into_iter().map(Lane::Context));
        for member in file.object.iter().flat_map(DirectoryObject::member_dns) {
            own.extend(self.home_of(index, member.key()).map(Lane::Context));
        }
        if own.is_empty() || file.kind == ObjectKind::Profile {
            own = BTreeSet::from([Lane::Directory]);
        }
        let after = self.planned.get(&file.id).map(|p| p.entries.iter().copied().collect());
        let single = matches!(file.kind, ObjectKind::User | ObjectKind::Resource);
        let entry = lanes.insert(NewEntry {
            name,
            lanes: own.clone(),
            joint: single && own.len() > 1,
            barrier: file.kind == ObjectKind::Context && file.object.is_none(),
            after: after.unwrap_or_default(),
            task,
        });
        let released = self.released(index, file, &claims);
        // First what this item needs, so that it comes along wherever this one is moved.
        let needed = claims.iter().filter_map(|claim| self.releases.get(claim));
        let mut pairs: Vec<(EntryId, EntryId)> =
            needed.filter(|other| **other != entry).map(|other| (*other, entry)).collect();
        // A context that is still to be made, likewise.
        let made = own.iter().filter_map(|lane| match lane {
            Lane::Context(context) => self.contexts.get(context),
            Lane::Directory => None,
        });
        let made = made.filter(|(made, other)| *made && *other != entry);
        pairs.extend(made.map(|(_, other)| (*other, entry)));
        let mut needing = self.needs_context(lanes, index, file, home, entry);
        needing.extend(self.needs_user(lanes, file, home, &before, entry));
        needing.extend(self.needs_release(file, &released));
        pairs.extend(needing.into_iter().map(|other| (entry, other)));
        let mut unordered = Vec::new();
        for (needed, needing) in pairs {
            let why = lanes.before(needed, needing);
            if why != Moved::Ahead {
                unordered.push(Unordered { needed, needing, why });
            }
        }
        self.remember(entry, file, home, &own, claims, released);
        Routed { entry, lanes: own, unordered }
    }

    /// Names and addresses that an item is going to have in the contexts it concerns.
    pub fn claims(
        &self,
        index: &Index,
        file: &QueueFile,
        identifiers: &Identifiers,
    ) -> BTreeSet<(ContextId, Claim)> {
        let mut claims = BTreeSet::new();
        match &file.object {
            Some(DirectoryObject::User(user)) => {
                let Some(home) = user.context.filter(|_| user.is_ox_user) else { return claims };
                let name = Identifiers::name(&identifiers.user, &file.id, &user.properties);
                claims.extend(name.map(|name| (home, Claim::User(name))));
                let mail = user.properties.get("mailPrimaryAddress").and_then(|v| v.as_str());
                claims.extend(mail.map(|mail| (home, Claim::Mail(mail.to_lowercase()))));
            }
            Some(DirectoryObject::Resource(resource)) => {
                let Some(home) = resource.context else { return claims };
                claims.insert((home, Claim::Resource(resource.name.to_lowercase())));
                let mail = resource.address.as_ref();
                claims.extend(mail.map(|mail| (home, Claim::Mail(mail.to_lowercase()))));
            }
            Some(DirectoryObject::Group(group)) if group.is_ox_group => {
                let name = Identifiers::name(&identifiers.group, &file.id, &group.properties);
                let Some(name) = name.map(|name| name.to_lowercase()) else { return claims };
                for member in &group.users {
                    let home = self.home_of(index, member.key());
                    claims.extend(home.map(|home| (home, Claim::Group(name.clone()))));
                }
            }
            Some(DirectoryObject::Account(account)) => {
                let mail = account.address.to_lowercase();
                for member in &account.users {
                    let home = self.home_of(index, member.key());
                    claims.extend(home.map(|home| (home, Claim::Mail(mail.clone()))));
                }
            }
            _ => {}
        }
        claims
    }

    /// Contexts the object is in, or will be in through pending items.
    fn lanes_before(&self, index: &Index, file: &QueueFile) -> BTreeSet<Lane> {
        if let Some(planned) = self.planned.get(&file.id) {
            // A user is where the last pending item puts him; a group may be anywhere on the way.
            return match file.kind {
                ObjectKind::User | ObjectKind::Resource | ObjectKind::Context
                    if planned.home.is_some() =>
                {
                    planned.home.map(Lane::Context).into_iter().collect()
                }
                _ => planned.lanes.iter().copied().filter(|l| *l != Lane::Directory).collect(),
            };
        }
        let known = |known: &crate::index::Known| {
            let mut lanes: BTreeSet<Lane> =
                known.placed.iter().map(|presence| Lane::Context(presence.context)).collect();
            lanes.extend(known.heading.map(Lane::Context));
            if file.kind == ObjectKind::Context {
                lanes.extend(known.home.map(Lane::Context));
            }
            lanes
        };
        index.with(&file.id, known).unwrap_or_default()
    }

    /// The context in which a user of that DN will be once all that is pending is through.
    pub fn home_of(&self, index: &Index, dn: &DnKey) -> Option<ContextId> {
        let id = self.dns.get(dn).cloned().or_else(|| index.by_dn(dn))?;
        match self.planned.get(&id) {
            Some(planned) => planned.home,
            None => index.with(&id, |known| {
                // Where he is, if he is somewhere; where he belongs, if not yet.
                known.placed.first().map(|presence| presence.context).or(known.home)
            })?,
        }
    }

    /// Whether items of this object are pending.
    pub fn is_pending(&self, id: &ObjectId) -> bool {
        self.planned.contains_key(id)
    }

    /// Pending entries of an object, in order of arrival.
    pub fn pending(&self, id: &ObjectId) -> &[EntryId] {
        self.planned.get(id).map_or(&[], |planned| &planned.entries)
    }

    /// A context that is not there yet goes before everything that names it.
    fn needs_context<T>(
        &self,
        lanes: &Lanes<T>,
        index: &Index,
        file: &QueueFile,
        home: Option<ContextId>,
        entry: EntryId,
    ) -> Vec<EntryId> {
        let Some(context) = home.filter(|_| file.kind == ObjectKind::Context) else {
            return Vec::new();
        };
        let exists = match self.contexts.get(&context) {
            Some((exists, _)) => *exists,
            None => index.with(&file.id, |known| known.at(context).is_some()).unwrap_or(false),
        };
        if exists {
            return Vec::new();
        }
        let lane = Lane::Context(context);
        lanes
            .in_lane(lane)
            .find(|other| *other != entry && lanes.behind_last_barrier(lane, *other))
            .into_iter()
            .collect()
    }

    /// A user who comes into a context goes before the groups and accounts that name him there.
    fn needs_user<T>(
        &self,
        lanes: &Lanes<T>,
        file: &QueueFile,
        home: Option<ContextId>,
        before: &BTreeSet<Lane>,
        entry: EntryId,
    ) -> Vec<EntryId> {
        let Some(lane) = home.map(Lane::Context).filter(|_| file.kind == ObjectKind::User) else {
            return Vec::new();
        };
        if crate::planted::no_group_barrier() {
            return Vec::new();
        }
        if before.contains(&lane) {
            return Vec::new();
        }
        let Some(naming) = self.naming.get(file.dn.key()) else { return Vec::new() };
        let waiting = naming.iter().copied().filter(|other| {
            !lanes.begun(*other)
                && lanes.open_lanes(*other).any(|open| open == lane)
                && lanes.precedes(*other, entry)
                && lanes.behind_last_barrier(lane, *other)
        });
        waiting.collect()
    }

    /// Names and addresses that an item gives up.
    fn released(
        &self,
        index: &Index,
        file: &QueueFile,
        claims: &BTreeSet<(ContextId, Claim)>,
    ) -> Vec<(ContextId, Claim)> {
        let held: Vec<(ContextId, Claim)> = match self.planned.get(&file.id) {
            Some(planned) => planned.claims.iter().cloned().collect(),
            None => index
                .with(&file.id, |known| {
                    let held = known.placed.iter().flat_map(|presence| {
                        presence.claims.iter().map(|claim| (presence.context, claim.clone()))
                    });
                    held.collect()
                })
                .unwrap_or_default(),
        };
        // Who moves has his old name and address in the new context for a moment, too.
        let home = file.object.as_ref().and_then(DirectoryObject::own_context);
        let brought = home.filter(|_| file.kind == ObjectKind::User).into_iter().flat_map(|home| {
            held.iter().filter(move |(at, _)| *at != home).map(move |(_, c)| (home, c.clone()))
        });
        let brought: Vec<_> = brought.collect();
        held.into_iter().chain(brought).filter(|claim| !claims.contains(claim)).collect()
    }

    /// An item that gives up a name or address goes before the pending one that claims it.
    fn needs_release(&self, file: &QueueFile, released: &[(ContextId, Claim)]) -> Vec<EntryId> {
        let own = self.pending(&file.id);
        let mut needing: Vec<EntryId> = released
            .iter()
            .filter_map(|claim| self.claims.get(claim).copied())
            .filter(|other| !own.contains(other))
            .collect();
        needing.sort_unstable();
        needing.dedup();
        needing
    }

    fn remember(
        &mut self,
        entry: EntryId,
        file: &QueueFile,
        home: Option<ContextId>,
        lanes: &BTreeSet<Lane>,
        claims: BTreeSet<(ContextId, Claim)>,
        released: Vec<(ContextId, Claim)>,
    ) {
        let mut overlay = Overlay { object: Some(file.id.clone()), ..Overlay::default() };
        let dn = file.dn.key().clone();
        for member in file.object.iter().flat_map(DirectoryObject::member_dns) {
            self.naming.entry(member.key().clone()).or_default().insert(entry);
            overlay.members.push(member.key().clone());
        }
        for claim in &claims {
            self.claims.insert(claim.clone(), entry);
        }
        overlay.claims = claims.iter().cloned().collect();
        for claim in &released {
            self.releases.insert(claim.clone(), entry);
        }
        overlay.releases = released;
        if file.kind == ObjectKind::Context {
            let context = home.or_else(|| {
                lanes.iter().find_map(|lane| match lane {
                    Lane::Context(context) => Some(*context),
                    Lane::Directory => None,
                })
            });
            if let Some(context) = context {
                self.contexts.insert(context, (file.object.is_some(), entry));
                overlay.context = Some(context);
            }
        }
        self.dns.insert(dn.clone(), file.id.clone());
        overlay.dn = Some(dn.clone());
        let planned = self.planned.entry(file.id.clone()).or_insert_with(|| Planned {
            entries: Vec::new(),
            dn: dn.clone(),
            home: None,
            lanes: BTreeSet::new(),
            claims: BTreeSet::new(),
        });
        planned.entries.push(entry);
        planned.dn = dn;
        planned.home = home;
        planned.lanes.extend(lanes.iter().copied());
        planned.claims = claims;
        self.entries.insert(entry, overlay);
    }

    /// An entry has ended or was withdrawn: its overlay goes.
    pub fn forget(&mut self, entry: EntryId) {
        let Some(overlay) = self.entries.remove(&entry) else { return };
        for claim in overlay.claims {
            if self.claims.get(&claim) == Some(&entry) {
                self.claims.remove(&claim);
            }
        }
        for claim in overlay.releases {
            if self.releases.get(&claim) == Some(&entry) {
                self.releases.remove(&claim);
            }
        }
        for member in overlay.members {
            if let Some(naming) = self.naming.get_mut(&member) {
                naming.remove(&entry);
                if naming.is_empty() {
                    self.naming.remove(&member);
                }
            }
        }
        if let Some(context) = overlay.context
            && self.contexts.get(&context).is_some_and(|(_, by)| *by == entry)
        {
            self.contexts.remove(&context);
        }
        let Some(id) = overlay.object else { return };
        let last = match self.planned.get_mut(&id) {
            Some(planned) => {
                planned.entries.retain(|other| *other != entry);
                planned.entries.is_empty()
            }
            None => true,
        };
        if last {
            if let Some(planned) = self.planned.remove(&id)
                && self.dns.get(&planned.dn) == Some(&id)
            {
                self.dns.remove(&planned.dn);
            }
            if let Some(dn) = overlay.dn.filter(|dn| self.dns.get(dn) == Some(&id)) {
                self.dns.remove(&dn);
            }
        }
    }
}
