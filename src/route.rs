//! Which lanes an item belongs to, and what it has to wait for or go ahead of.
//!
//! Worked out from the *planned* state: what was provisioned, overlaid with every item that is
//! already routed. Pure but for reading the [`Index`].

use std::collections::{BTreeSet, HashMap};

use crate::few::{Few, give_back};
use crate::index::Index;
use crate::lanes::{EntryId, Lane, Lanes, Moved, Need, NewEntry};
use crate::model::object::DirectoryObject;
use crate::model::{Claim, ContextId, DnKey, ItemName, ObjectId, ObjectKind, QueueFile};
use crate::plan::coalesce::{Apart, Identity, Presence, fold};

/// What pending items will have made of an object.
#[derive(Debug, Clone)]
struct Planned {
    /// In order of arrival.
    entries: Few<EntryId>,
    /// As the last of the entries leaves it.
    identity: Identity,
    lanes: Few<Lane>,
    /// Where it is going to have the names of its identity.
    homes: Few<ContextId>,
}

impl Planned {
    fn claims(&self) -> impl Iterator<Item = (ContextId, Claim)> {
        each(&self.homes, &self.identity.names)
    }
}

/// Each of the names in each of the contexts, in order.
fn each(homes: &Few<ContextId>, names: &[Claim]) -> impl Iterator<Item = (ContextId, Claim)> {
    homes.iter().flat_map(|home| names.iter().map(|name| (*home, name.clone())))
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
    /// What others will be able to tell of the object.
    pub identity: Identity,
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
    /// Property that names shared accounts.
    pub shared_account: String,
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

    /// What others will be able to tell of an item's object.
    pub fn identity(&self, file: &QueueFile) -> Identity {
        let presence = Presence::of(file);
        let names = if presence == Presence::On { self.names(file) } else { BTreeSet::new() };
        Identity {
            kind: file.kind,
            dn: file.dn.key().clone(),
            presence,
            home: file.object.as_ref().and_then(DirectoryObject::own_context),
            names: names.into_iter().collect(),
        }
    }

    /// Names and addresses that an object in OX is going to have.
    fn names(&self, file: &QueueFile) -> BTreeSet<Claim> {
        let text = |properties: &crate::model::object::Properties, name: &str| {
            let text = properties.get(name).and_then(|value| value.as_str())?;
            (!text.is_empty()).then(|| text.to_owned())
        };
        match &file.object {
            Some(DirectoryObject::User(user)) => {
                let properties = &user.properties;
                let name = Self::name(&self.user, &file.id, properties)
                    .map(|name| Claim::User(name.into()));
                let mail = text(properties, "mailPrimaryAddress");
                let display =
                    text(properties, "oxDisplayName").or_else(|| text(properties, "displayName"));
                name.into_iter()
                    .chain(mail.map(|mail| Claim::Mail(mail.to_lowercase().into())))
                    .chain(display.map(|name| Claim::Display(name.to_lowercase().into())))
                    .collect()
            }
            Some(DirectoryObject::Resource(resource)) => {
                let mail = resource.address.as_ref();
                std::iter::once(Claim::Resource(resource.name.to_lowercase().into()))
                    .chain(mail.map(|mail| Claim::Mail(mail.to_lowercase().into())))
                    .collect()
            }
            Some(DirectoryObject::Group(group)) => {
                let name = Self::name(&self.group, &file.id, &group.properties);
                name.map(|name| Claim::Group(name.to_lowercase().into())).into_iter().collect()
            }
            Some(DirectoryObject::Account(account)) => {
                BTreeSet::from([Claim::Mail(account.address.to_lowercase().into())])
            }
            Some(DirectoryObject::SharedAccount(account)) => {
                // It is known to others by its name as a user is.
                let name = Self::name(&self.shared_account, &file.id, &account.properties);
                let mail = Claim::Mail(account.address.to_lowercase().into());
                name.map(|name| Claim::User(name.into())).into_iter().chain([mail]).collect()
            }
            Some(
                DirectoryObject::Context(_)
                | DirectoryObject::Profile(_)
                | DirectoryObject::SharedAccountPermission(_),
            )
            | None => BTreeSet::new(),
        }
    }
}

/// The overlay of routed items over the provisioned state.
#[derive(Debug, Default)]
pub struct Router {
    /// Boxed, as what each entry put in: a growing map keeps half of its room free.
    planned: HashMap<ObjectId, Box<Planned>>,
    dns: HashMap<DnKey, ObjectId>,
    /// Pending items by what they are going to claim.
    claims: ByClaim,
    /// Pending items by what they are going to give up.
    releases: ByClaim,
    /// Pending groups and accounts by the members they name.
    naming: HashMap<DnKey, Few<EntryId>>,
    /// Contexts that pending items will have created (true) or deleted (false).
    contexts: HashMap<ContextId, (bool, EntryId)>,
    /// What each entry put into the overlay, to take it out again.
    entries: HashMap<EntryId, Box<Overlay>>,
}

/// Entries by names and addresses. A map for each context: one for all of them would be large, and
/// twice as large whenever it grows.
#[derive(Debug, Default)]
struct ByClaim(HashMap<ContextId, HashMap<Claim, Few<EntryId>>>);

impl ByClaim {
    fn get(&self, (context, claim): &(ContextId, Claim)) -> impl Iterator<Item = EntryId> {
        let entries = self.0.get(context).and_then(|here| here.get(claim));
        entries.into_iter().flat_map(|entries| entries.iter().copied())
    }

    fn insert(&mut self, (context, claim): (ContextId, Claim), entry: EntryId) {
        // Thousands may share a display name, where OX does not mind; the last one is enough then.
        let shared = matches!(claim, Claim::Display(_));
        let entries = self.0.entry(context).or_default().entry(claim).or_default();
        if shared {
            entries.clear();
        }
        entries.insert(entry);
    }

    fn remove(&mut self, (context, claim): &(ContextId, Claim), entry: EntryId) {
        let Some(here) = self.0.get_mut(context) else { return };
        let Some(entries) = here.get_mut(claim) else { return };
        entries.remove(&entry);
        if entries.is_empty() {
            here.remove(claim);
            if here.is_empty() {
                self.0.remove(context);
            }
        }
    }
}

#[derive(Debug)]
struct Overlay {
    object: ObjectId,
    /// As it leaves the object.
    identity: Identity,
    /// Where it claims the names.
    homes: Few<ContextId>,
    releases: Box<[(ContextId, Claim)]>,
    brought: Box<[(ContextId, Claim)]>,
    members: Box<[DnKey]>,
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
        let NewItem { name, file, identity, also } = item;
        let home = identity.home;
        let before = self.lanes_before(index, file);
        let own = self.lanes_of(index, file, &before, also);
        let homes = homes(&identity, &own);
        let claims: BTreeSet<_> = each(&homes, &identity.names).collect();
        let after = self.planned.get(&file.id).map(|p| p.entries.iter().copied().collect());
        let single = matches!(
            file.kind,
            ObjectKind::User | ObjectKind::Resource | ObjectKind::SharedAccount
        );
        let is_context = file.kind == ObjectKind::Context;
        let comes = is_context && file.object.is_some() && !self.exists(index, file, home);
        let goes = is_context && file.object.is_none();
        let entry = lanes.insert(NewEntry {
            name,
            lanes: own.clone(),
            joint: single && own.len() > 1,
            barrier: goes,
            gate: comes || goes,
            after: after.unwrap_or_default(),
            task,
        });
        let mut released = self.released(index, file, &claims);
        let brought = brought(file, &released, &claims);
        // First what this item needs, so that it comes along wherever this one is moved.
        let needed = self.releasing(lanes, index, claims.iter().chain(&brought), entry);
        let mut pairs: Vec<(EntryId, EntryId, Need)> =
            needed.into_iter().map(|other| (other, entry, Need::Hard)).collect();
        // A context that is still to be made, likewise.
        let made = own.iter().filter_map(|lane| match lane {
            Lane::Context(context) => self.contexts.get(context),
            Lane::Directory => None,
        });
        let made = made.filter(|(made, other)| *made && *other != entry);
        pairs.extend(made.map(|(_, other)| (*other, entry, Need::Soft)));
        if comes {
            let needing = Self::needs_context(lanes, home, entry);
            pairs.extend(needing.map(|other| (entry, other, Need::Soft)));
        }
        let needing = self.needs_user(lanes, file, home, &before, entry);
        pairs.extend(needing.into_iter().map(|other| (entry, other, Need::Soft)));
        let needing = self.needs_release(lanes, index, file, &released);
        pairs.extend(needing.into_iter().map(|other| (entry, other, Need::Hard)));
        released.extend(brought.iter().cloned());
        let unordered = order(lanes, pairs);
        if index.with(&file.id, |known| known.heading.is_some()).unwrap_or(false)
            && !self.is_pending(&file.id)
        {
            goes_on_first(lanes, &own, entry);
        }
        self.remember(entry, file, identity, &own, homes, Names { released, brought });
        Routed { entry, lanes: own, unordered }
    }

    /// Whether an item can take the place of the last pending one of its object, and if not, why;
    /// none if nothing of it is pending.
    pub fn folds<T>(
        &self,
        lanes: &Lanes<T>,
        index: &Index,
        file: &QueueFile,
        identity: &Identity,
    ) -> Option<Result<EntryId, Apart>> {
        let planned = self.planned.get(&file.id)?;
        let last = *planned.entries.last()?;
        if !lanes.untouched(last) {
            return Some(Err(Apart::Begun));
        }
        if let Err(apart) = fold(&planned.identity, identity) {
            return Some(Err(apart));
        }
        let before = self.lanes_before(index, file);
        let mut own = self.lanes_of(index, file, &before, BTreeSet::new());
        let present: BTreeSet<Lane> = lanes.open_lanes(last).collect();
        let single = matches!(
            file.kind,
            ObjectKind::User | ObjectKind::Resource | ObjectKind::SharedAccount
        );
        if single && !own.is_subset(&present) {
            return Some(Err(Apart::Context));
        }
        own.extend(present);
        let crossed = own.into_iter().any(|lane| lanes.barrier_behind(lane, last));
        Some(if crossed { Err(Apart::Barrier) } else { Ok(last) })
    }

    /// Puts an item in the place of a pending one, which [`Router::folds`] has named.
    pub fn fold_into<T>(
        &mut self,
        lanes: &mut Lanes<T>,
        index: &Index,
        item: NewItem<'_>,
        entry: EntryId,
    ) -> Routed {
        let NewItem { name: _, file, identity, also } = item;
        let before = self.lanes_before(index, file);
        let mut own = self.lanes_of(index, file, &before, also);
        if own.iter().any(|lane| *lane != Lane::Directory) {
            own.remove(&Lane::Directory);
        }
        let present: BTreeSet<Lane> = lanes.open_lanes(entry).collect();
        lanes.extend(entry, own.iter().copied());
        own.extend(present);
        let homes = homes(&identity, &own);
        let claims: BTreeSet<_> = each(&homes, &identity.names).collect();
        let mut released = self.released(index, file, &claims);
        let brought = brought(file, &released, &claims);
        // The names are the same, but a group may have them in more contexts now.
        let needed = self.releasing(lanes, index, claims.iter().chain(&brought), entry);
        let mut pairs: Vec<(EntryId, EntryId, Need)> =
            needed.into_iter().map(|other| (other, entry, Need::Hard)).collect();
        // New members may come behind its place, and so may their contexts.
        let contexts = own.iter().filter_map(|lane| match lane {
            Lane::Context(context) => self.contexts.get(context),
            Lane::Directory => None,
        });
        let coming = contexts.filter(|(comes, _)| *comes).map(|(_, other)| *other);
        pairs.extend(coming.filter(|other| *other != entry).map(|o| (o, entry, Need::Soft)));
        for member in file.object.iter().flat_map(DirectoryObject::member_dns) {
            pairs.extend(self.arriving(index, member.key()).map(|o| (o, entry, Need::Soft)));
        }
        let unordered = order(lanes, pairs);
        released.extend(brought.iter().cloned());
        let kept = self.entries.get(&entry).map(|overlay| overlay.releases.clone());
        let kept = kept.into_iter().flatten();
        released.extend(kept.filter(|claim| !claims.contains(claim)));
        released.sort();
        released.dedup();
        self.forget(entry);
        self.remember(entry, file, identity, &own, homes, Names { released, brought });
        Routed { entry, lanes: own, unordered }
    }

    /// The pending entry that brings a user of that DN into the context where he is to be.
    fn arriving(&self, index: &Index, dn: &DnKey) -> Option<EntryId> {
        let id = self.dns.get(dn).cloned().or_else(|| index.by_dn(dn))?;
        let planned = self.planned.get(&id)?;
        let home = planned.identity.home.filter(|_| planned.identity.kind == ObjectKind::User)?;
        let there = index.with(&id, |known| known.at(home).is_some()).unwrap_or(false);
        if there { None } else { planned.entries.last().copied() }
    }

    /// All lanes of an item whose object is in those `before`.
    fn lanes_of(
        &self,
        index: &Index,
        file: &QueueFile,
        before: &BTreeSet<Lane>,
        also: BTreeSet<ContextId>,
    ) -> BTreeSet<Lane> {
        if file.kind == ObjectKind::Profile {
            return BTreeSet::from([Lane::Directory]);
        }
        let home = file.object.as_ref().and_then(DirectoryObject::own_context);
        let mut own = before.clone();
        own.extend(home.map(Lane::Context));
        own.extend(also.into_iter().map(Lane::Context));
        for member in file.object.iter().flat_map(DirectoryObject::member_dns) {
            own.extend(self.home_of(index, member.key()).map(Lane::Context));
        }
        if own.is_empty() {
            own.insert(Lane::Directory);
        }
        own
    }

    /// Whether a context will be there when this item's turn comes.
    fn exists(&self, index: &Index, file: &QueueFile, home: Option<ContextId>) -> bool {
        let Some(context) = home else { return false };
        match self.contexts.get(&context) {
            Some((exists, _)) => *exists,
            None => index.with(&file.id, |known| known.at(context).is_some()).unwrap_or(false),
        }
    }

    /// Contexts the object is in, or will be in through pending items.
    fn lanes_before(&self, index: &Index, file: &QueueFile) -> BTreeSet<Lane> {
        if let Some(planned) = self.planned.get(&file.id) {
            // A user is where the last pending item puts him; a group may be anywhere on the way.
            return match file.kind {
                ObjectKind::User
                | ObjectKind::Resource
                | ObjectKind::SharedAccount
                | ObjectKind::Context
                    if planned.identity.home.is_some() =>
                {
                    planned.identity.home.map(Lane::Context).into_iter().collect()
                }
                _ => planned.lanes.iter().copied().filter(|l| *l != Lane::Directory).collect(),
            };
        }
        let known = |known: &crate::index::Known| {
            let mut lanes: BTreeSet<Lane> =
                known.placed.iter().map(|presence| Lane::Context(presence.context)).collect();
            lanes.extend(known.heading.map(Lane::Context));
            lanes.extend(known.begun.keys().copied().map(Lane::Context));
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
            Some(planned) => planned.identity.home,
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
    pub fn pending(&self, id: &ObjectId) -> impl DoubleEndedIterator<Item = EntryId> {
        self.planned.get(id).into_iter().flat_map(|planned| planned.entries.iter().copied())
    }

    /// A context that is not there yet goes before everything that names it.
    fn needs_context<T>(
        lanes: &Lanes<T>,
        home: Option<ContextId>,
        entry: EntryId,
    ) -> impl Iterator<Item = EntryId> {
        let lane = home.map(Lane::Context);
        let first = lane.and_then(|lane| {
            let mut others = lanes.in_lane(lane);
            others.find(|other| *other != entry && lanes.behind_last_barrier(lane, *other))
        });
        first.into_iter()
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
            Some(planned) => planned.claims().collect(),
            None => index
                .with(&file.id, |known| {
                    let held = known.placed.iter().flat_map(|presence| {
                        presence.claims.iter().map(|claim| (presence.context, claim.clone()))
                    });
                    held.collect()
                })
                .unwrap_or_default(),
        };
        held.into_iter().filter(|claim| !claims.contains(claim)).collect()
    }

    /// Pending entries that give up a name or address which `entry` claims, and whose objects have it
    /// by then: one that is to have it only later on gives up nothing that this entry waits for.
    fn releasing<'a, T>(
        &self,
        lanes: &Lanes<T>,
        index: &Index,
        claims: impl Iterator<Item = &'a (ContextId, Claim)>,
        entry: EntryId,
    ) -> BTreeSet<EntryId> {
        let mut needed = BTreeSet::new();
        for claim in claims {
            for other in self.releases.get(claim).filter(|other| *other != entry) {
                let Some(overlay) = self.entries.get(&other) else { continue };
                let since = self.has_from(index, &overlay.object, claim);
                if since.is_none_or(|since| lanes.precedes(since, entry)) {
                    needed.insert(other);
                }
            }
        }
        needed
    }

    /// The pending entry with which an object gets a name; none if it has it already.
    fn has_from(
        &self,
        index: &Index,
        object: &ObjectId,
        claim: &(ContextId, Claim),
    ) -> Option<EntryId> {
        let (context, name) = claim;
        let first = self.pending(object).find(|pending| {
            let overlay = self.entries.get(pending);
            overlay.is_some_and(|overlay| {
                overlay.homes.contains(context) && overlay.identity.names.contains(name)
            })
        })?;
        let has = index.with(object, |known| {
            let there = known.placed.iter().filter(|presence| presence.context == *context);
            there.flat_map(|presence| presence.claims.iter()).any(|held| held == name)
        });
        (!has.unwrap_or(false)).then_some(first)
    }

    /// An item that gives up a name or address goes before the pending ones that claim it, unless they
    /// were to have it before this object.
    fn needs_release<T>(
        &self,
        lanes: &Lanes<T>,
        index: &Index,
        file: &QueueFile,
        released: &[(ContextId, Claim)],
    ) -> BTreeSet<EntryId> {
        let own: Vec<EntryId> = self.pending(&file.id).collect();
        let mut needing = BTreeSet::new();
        for claim in released {
            let mut others = self.claims.get(claim).filter(|other| !own.contains(other)).peekable();
            if others.peek().is_none() {
                continue;
            }
            let since = self.has_from(index, &file.id, claim);
            needing.extend(
                others.filter(|other| since.is_none_or(|since| lanes.precedes(since, *other))),
            );
        }
        needing
    }

    fn remember(
        &mut self,
        entry: EntryId,
        file: &QueueFile,
        identity: Identity,
        lanes: &BTreeSet<Lane>,
        homes: Few<ContextId>,
        names: Names,
    ) {
        let Names { released, brought } = names;
        let home = identity.home;
        let dn = file.dn.key().clone();
        let members = file.object.iter().flat_map(DirectoryObject::member_dns);
        let members: Box<[DnKey]> = members.map(|member| member.key().clone()).collect();
        for member in &members {
            self.naming.entry(member.clone()).or_default().insert(entry);
        }
        for claim in each(&homes, &identity.names) {
            self.claims.insert(claim, entry);
        }
        for claim in &brought {
            self.claims.insert(claim.clone(), entry);
        }
        for claim in &released {
            self.releases.insert(claim.clone(), entry);
        }
        let mut context = None;
        if file.kind == ObjectKind::Context {
            context = home.or_else(|| {
                lanes.iter().find_map(|lane| match lane {
                    Lane::Context(context) => Some(*context),
                    Lane::Directory => None,
                })
            });
            if let Some(context) = context {
                self.contexts.insert(context, (file.object.is_some(), entry));
            }
        }
        self.dns.insert(dn, file.id.clone());
        let overlay = Overlay {
            object: file.id.clone(),
            identity: identity.clone(),
            homes: homes.clone(),
            releases: released.into(),
            brought: brought.into(),
            members,
            context,
        };
        match self.planned.get_mut(&file.id) {
            Some(planned) => {
                planned.entries.insert(entry);
                planned.identity = identity;
                planned.lanes.extend(lanes.iter().copied());
                planned.homes = homes;
            }
            None => {
                let planned = Planned {
                    entries: Few::from_iter([entry]),
                    identity,
                    lanes: lanes.iter().copied().collect(),
                    homes,
                };
                self.planned.insert(file.id.clone(), Box::new(planned));
            }
        }
        self.entries.insert(entry, Box::new(overlay));
    }

    /// An entry has ended or was withdrawn: its overlay goes.
    pub fn forget(&mut self, entry: EntryId) {
        let Some(overlay) = self.entries.remove(&entry) else { return };
        for claim in each(&overlay.homes, &overlay.identity.names) {
            self.claims.remove(&claim, entry);
        }
        for claim in &overlay.brought {
            self.claims.remove(claim, entry);
        }
        for claim in &overlay.releases {
            self.releases.remove(claim, entry);
        }
        for member in &overlay.members {
            if let Some(naming) = self.naming.get_mut(member) {
                naming.remove(&entry);
                if naming.is_empty() {
                    self.naming.remove(member);
                }
            }
        }
        if let Some(context) = overlay.context
            && self.contexts.get(&context).is_some_and(|(_, by)| *by == entry)
        {
            self.contexts.remove(&context);
        }
        let (id, dn) = (&overlay.object, &overlay.identity.dn);
        let Some(planned) = self.planned.get_mut(id) else { return };
        let was_last = planned.entries.last() == Some(&entry);
        planned.entries.remove(&entry);
        match planned.entries.last().and_then(|last| self.entries.get(last)) {
            Some(before) if was_last => {
                // The object will be as the one before leaves it.
                planned.identity = before.identity.clone();
                planned.homes = before.homes.clone();
                if planned.identity.dn != *dn {
                    let restored = planned.identity.dn.clone();
                    if self.dns.get(dn) == Some(id) {
                        self.dns.remove(dn);
                    }
                    self.dns.entry(restored).or_insert_with(|| id.clone());
                }
            }
            Some(_) => {}
            None => {
                if self.dns.get(&planned.identity.dn) == Some(id) {
                    self.dns.remove(&planned.identity.dn);
                }
                if self.dns.get(dn) == Some(id) {
                    self.dns.remove(dn);
                }
                self.planned.remove(id);
            }
        }
        give_back(&mut self.entries);
        give_back(&mut self.planned);
        give_back(&mut self.dns);
        give_back(&mut self.naming);
    }
}

/// Contexts in which an item is going to have its names and addresses. A group or account may get a
/// member in any of its lanes until its turn comes.
fn homes(identity: &Identity, own: &BTreeSet<Lane>) -> Few<ContextId> {
    let mut homes = Few::default();
    if !identity.names.is_empty() {
        homes.extend(identity.home);
        if matches!(identity.kind, ObjectKind::Group | ObjectKind::Account) {
            homes.extend(own.iter().filter_map(|lane| match lane {
                Lane::Context(context) => Some(*context),
                Lane::Directory => None,
            }));
        }
    }
    homes
}

/// What an item does to names beside having those of its object.
struct Names {
    /// Names that are free after it.
    released: Vec<(ContextId, Claim)>,
    /// Of these, names that it has only meanwhile.
    brought: Vec<(ContextId, Claim)>,
}

/// Who moves has the old name and address in the new context for a moment, too: they have to be free
/// there before, and are after.
fn brought(
    file: &QueueFile,
    released: &[(ContextId, Claim)],
    claims: &BTreeSet<(ContextId, Claim)>,
) -> Vec<(ContextId, Claim)> {
    let home = file.object.as_ref().and_then(DirectoryObject::own_context);
    let Some(home) = home.filter(|_| file.kind == ObjectKind::User) else { return Vec::new() };
    let elsewhere = released.iter().filter(|(context, _)| *context != home);
    let there = elsewhere.map(|(_, claim)| (home, claim.clone()));
    there.filter(|claim| !claims.contains(claim)).collect()
}

/// Puts each first entry before its second; says which could not be.
fn order<T>(lanes: &mut Lanes<T>, pairs: Vec<(EntryId, EntryId, Need)>) -> Vec<Unordered> {
    let mut unordered = Vec::new();
    for (needed, needing, need) in pairs {
        let why = lanes.before(needed, needing, need);
        if why != Moved::Ahead {
            unordered.push(Unordered { needed, needing, why });
        }
    }
    unordered
}

/// A move that was begun before drover was killed goes on before all else in its contexts: only it
/// knows that the object is in two places, and that what belongs to it has come along.
fn goes_on_first<T>(lanes: &mut Lanes<T>, own: &BTreeSet<Lane>, entry: EntryId) {
    for lane in own {
        let others: Vec<EntryId> =
            lanes.in_lane(*lane).take_while(|other| *other != entry).collect();
        for other in others {
            // Nothing goes past the deletion of a context; the next one may be behind it.
            if lanes.before(entry, other, Need::Soft) == Moved::Ahead {
                break;
            }
        }
    }
}
