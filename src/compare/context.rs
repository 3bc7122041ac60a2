//! One context: what drover knows of it against what OX has there.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;

use super::fields::{self, Difference};
use super::{CompareError, Compared, Comparer, Each, Place, State, Which};
use crate::model::object::{AccountObject, DirectoryObject, GroupObject, UserObject};
use crate::model::{ContextId, Dn, ItemName, ModuleAccess, ObjectId, ObjectKind, OxId};
use crate::ox::{
    Account, CredentialSource as _, FaultClass, OxApi as _, OxError, OxGroup, OxResource, OxUser,
    Target,
};
use crate::plan::attributes::desired_fields;
use crate::plan::group::everybody;
use crate::provision::nested::group_of;
use crate::provision::rebuild::CHUNK;
use crate::provision::work::repair::NEWEST;
use crate::store::{ObjectRecord, Placement, StoreError};

/// Groups that OX keeps itself: all, users, guests.
const OWN_GROUPS: [u32; 3] = [0, 1, 2_147_483_647];

/// The number of OX's own group of all users, by name.
const OWN_GROUP: &str = "users";

/// Why a context cannot be gone on with.
pub(super) enum Stop {
    /// Neither can any other.
    All(CompareError),
    /// OX refuses this one.
    Here(OxError),
}

impl From<OxError> for Stop {
    fn from(error: OxError) -> Self {
        match error {
            OxError::Fault { .. }
            | OxError::NoCredentials { .. }
            | OxError::CredentialsUnreadable { .. }
            | OxError::Unwritable { .. }
            | OxError::NotOffered { .. }
            | OxError::Garbled { .. } => Self::Here(error),
            OxError::Unreachable { .. } | OxError::Lost { .. } | OxError::Http { .. } => {
                Self::All(CompareError::Ox(error))
            }
        }
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::All(error.into())
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::All(error.into())
    }
}

/// An object that drover knows, with what it knows.
pub(super) struct Known {
    pub(super) record: ObjectRecord,
    pub(super) wanted: Option<DirectoryObject>,
}

impl Comparer {
    /// Compares one context. The inner error is this context's alone.
    pub(super) async fn context(
        &self,
        context: ContextId,
        places: &[Place],
        which: &Which,
        each: &mut Each<'_>,
    ) -> Result<Result<(), OxError>, CompareError> {
        match self.all_of(context, places, which, each).await {
            Ok(()) => Ok(Ok(())),
            Err(Stop::Here(error)) => Ok(Err(error)),
            Err(Stop::All(error)) => Err(error),
        }
    }

    async fn all_of(
        &self,
        context: ContextId,
        places: &[Place],
        which: &Which,
        each: &mut Each<'_>,
    ) -> Result<(), Stop> {
        let of = |kind: ObjectKind| -> Vec<ObjectId> {
            let of_kind = places.iter().filter(|(_, its, _)| *its == kind);
            of_kind.map(|(_, _, id)| id.clone()).collect()
        };
        for id in of(ObjectKind::Context) {
            if let Some(known) = self.known(&id)? {
                each(self.one_context(context, &known).await?)?;
            }
        }
        let whole = |kind| which.is_whole() && which.wants(kind);
        let users = of(ObjectKind::User);
        if whole(ObjectKind::User) || !users.is_empty() {
            self.users(context, &users, which, each).await?;
        }
        let groups = of(ObjectKind::Group);
        if whole(ObjectKind::Group) || !groups.is_empty() {
            self.groups(context, &groups, which, each).await?;
        }
        let resources = of(ObjectKind::Resource);
        if whole(ObjectKind::Resource) || !resources.is_empty() {
            self.resources(context, &resources, which, each).await?;
        }
        let shared = of(ObjectKind::SharedAccount);
        if whole(ObjectKind::SharedAccount) || !shared.is_empty() {
            self.shared_accounts(context, &shared, which, each).await?;
        }
        for id in of(ObjectKind::Account) {
            if let Some(known) = self.known(&id)? {
                each(self.account(context, &known).await?)?;
            }
        }
        Ok(())
    }

    pub(super) fn known(&self, id: &ObjectId) -> Result<Option<Known>, StoreError> {
        let record = self.memory.object(id)?;
        Ok(record.map(|record| Known { wanted: self.wanted(&record), record }))
    }

    async fn one_context(&self, context: ContextId, known: &Known) -> Result<Compared, Stop> {
        let Some(Placement::Context { name, quota_mb, .. }) = known.record.placements.get(&context)
        else {
            return Ok(compared(context, known, State::NotProvisioned, None, Vec::new()));
        };
        let ox = match self.ox.context_get(context).await {
            Ok(ox) => ox,
            Err(error) if is_class(&error, FaultClass::NoSuchContext) => {
                return Ok(compared(context, known, State::Missing, Some(name), Vec::new()));
            }
            Err(error) => return Err(error.into()),
        };
        let wanted = match &known.wanted {
            Some(DirectoryObject::Context(wanted)) => Some(wanted),
            _ => None,
        };
        let quota = |mb: Option<i64>| mb.unwrap_or(-1).to_string();
        let differences = [
            Difference::of(
                "name",
                wanted.map(|wanted| wanted.name.clone()),
                Some(name.clone()),
                ox.name.clone(),
            ),
            Difference::of(
                "maxQuota",
                wanted.map(|wanted| quota(wanted.quota_mb)),
                Some(quota_mb.to_string()),
                Some(quota(ox.max_quota_mb)),
            ),
        ];
        let differences = differences.into_iter().flatten().collect();
        Ok(compared(context, known, State::Same, Some(name), differences))
    }

    /// Users: of a whole context, OX's list says who is there before anybody is asked for.
    async fn users(
        &self,
        context: ContextId,
        ids: &[ObjectId],
        which: &Which,
        each: &mut Each<'_>,
    ) -> Result<(), Stop> {
        let mut strangers: BTreeSet<OxId> = BTreeSet::new();
        if which.is_whole() {
            strangers = self.ox.user_list(context, "*").await?.into_iter().collect();
        }
        let there = which.is_whole().then(|| strangers.clone());
        for chunk in ids.chunks(CHUNK) {
            let mut known = Vec::with_capacity(chunk.len());
            for id in chunk {
                known.extend(self.known(id)?);
            }
            let numbers: Vec<OxId> = known
                .iter()
                .filter_map(|one| one.record.placements.get(&context)?.ox_id())
                .filter(|ox| there.as_ref().is_none_or(|there| there.contains(ox)))
                .collect();
            let mut found = self.by_number(context, &numbers).await?;
            for one in &known {
                let (compared, number) = self.user(context, one, &mut found, which.rights).await?;
                if let Some(number) = number {
                    strangers.remove(&number);
                }
                each(compared)?;
            }
        }
        self.strangers(context, strangers, each).await
    }

    /// Users by their numbers; those who are not there are left out.
    async fn by_number(
        &self,
        context: ContextId,
        numbers: &[OxId],
    ) -> Result<HashMap<OxId, OxUser>, Stop> {
        let mut found = HashMap::new();
        let mut parts = vec![numbers];
        while let Some(part) = parts.pop() {
            if part.is_empty() {
                continue;
            }
            let targets: Vec<Target> = part.iter().map(|ox| Target::Id(*ox)).collect();
            match self.ox.user_get_many(context, &targets).await {
                Ok(users) => found.extend(users.into_iter().map(|user| (user.id, user))),
                // One who is missing faults the whole call.
                Err(error) if is_class(&error, FaultClass::NoSuchUser) => {
                    if part.len() > 1 {
                        let (first, second) = part.split_at(part.len() / 2);
                        parts.extend([second, first]);
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(found)
    }

    /// One user, and under which number OX has him.
    async fn user(
        &self,
        context: ContextId,
        known: &Known,
        found: &mut HashMap<OxId, OxUser>,
        rights: bool,
    ) -> Result<(Compared, Option<OxId>), Stop> {
        let here = match &known.wanted {
            Some(DirectoryObject::User(user)) if user.is_ox_user => {
                user.context.is_none_or(|wanted| wanted == context).then_some(user)
            }
            _ => None,
        };
        let access = here.and_then(|user| self.access(user));
        let wanted = here.and_then(|user| self.fields(known, user, access));
        let Some(Placement::User { ox, name, fields, access: last, .. }) =
            known.record.placements.get(&context)
        else {
            let name = wanted.as_ref().and_then(|fields| fields.text("name"));
            return Ok((
                compared_by(context, known, State::NotProvisioned, name, Vec::new()),
                None,
            ));
        };
        let (state, user) = match found.remove(ox) {
            Some(user) => (State::Same, user),
            None => match self.ox.user_get(context, &Target::Name(name.clone())).await {
                Ok(user) => (State::OtherNumber, user),
                Err(error) if is_class(&error, FaultClass::NoSuchUser) => {
                    let missing = compared(context, known, State::Missing, Some(name), Vec::new());
                    return Ok((missing, None));
                }
                Err(error) => return Err(error.into()),
            },
        };
        let mut differences = fields::of_user(wanted.as_ref(), fields, &user.fields);
        if rights {
            let now = self.ox.user_access(context, &Target::Id(user.id)).await?;
            differences.extend(Difference::of(
                "rights",
                access.map(fields::rights),
                last.map(fields::rights),
                Some(fields::rights(now)),
            ));
        }
        Ok((compared(context, known, state, Some(name), differences), Some(user.id)))
    }

    fn access(&self, user: &UserObject) -> Option<ModuleAccess> {
        match &user.profile {
            None => Some(ModuleAccess::NONE),
            Some(profile) => self.book.resolve(profile, &ItemName::new(NEWEST)).ok(),
        }
    }

    fn fields(
        &self,
        known: &Known,
        user: &UserObject,
        access: Option<ModuleAccess>,
    ) -> Option<crate::model::UserFields> {
        let given = access.filter(|_| user.profile.is_some());
        let (id, dn) = (&known.record.id, &known.record.dn);
        let desired = desired_fields(user, id, dn, given, &self.mapping, &self.policy.user);
        desired.ok().map(|desired| desired.fields)
    }

    /// Users whom OX has and drover does not know, without the context's administrator.
    async fn strangers(
        &self,
        context: ContextId,
        numbers: BTreeSet<OxId>,
        each: &mut Each<'_>,
    ) -> Result<(), Stop> {
        let admin = match self.credentials.credentials(Account::Context(context)) {
            Ok(Some(credentials)) => credentials.login,
            Ok(None) | Err(_) => self.policy.admin_login(context),
        };
        let numbers: Vec<OxId> = numbers.into_iter().collect();
        for chunk in numbers.chunks(CHUNK) {
            let users: BTreeMap<OxId, OxUser> =
                self.by_number(context, chunk).await?.into_iter().collect();
            for user in users.values().filter(|user| user.name() != admin) {
                each(stranger(context, ObjectKind::User, user.name()))?;
            }
        }
        Ok(())
    }

    async fn groups(
        &self,
        context: ContextId,
        ids: &[ObjectId],
        which: &Which,
        each: &mut Each<'_>,
    ) -> Result<(), Stop> {
        let mut there: BTreeMap<OxId, OxGroup> = BTreeMap::new();
        if which.is_whole() {
            let all = self.ox.group_list(context).await?;
            there.extend(all.into_iter().map(|group| (group.id, group)));
        }
        for id in ids {
            let Some(known) = self.known(id)? else { continue };
            let Some(Placement::Group { ox, name, members }) =
                known.record.placements.get(&context)
            else {
                continue;
            };
            let found = match there.remove(ox) {
                Some(group) => Some(group),
                None => self.group_named(context, *ox, name).await?,
            };
            let Some(group) = found else {
                each(compared(context, &known, State::Missing, Some(name), Vec::new()))?;
                continue;
            };
            there.remove(&group.id);
            let same = group.id == *ox || *ox == OxId::UNKNOWN;
            let state = if same { State::Same } else { State::OtherNumber };
            // By number, so that it can be told who it is: by id whom drover knows.
            let by_number: HashMap<OxId, &ObjectId> =
                members.iter().map(|(id, ox)| (*ox, id)).collect();
            let wanted = match &known.wanted {
                Some(DirectoryObject::Group(wanted)) => {
                    let users = self.everybody(&known.record.id, wanted)?;
                    Some(self.members(context, &users)?)
                }
                _ => None,
            };
            let by_wanted: HashMap<OxId, &ObjectId> =
                wanted.iter().flatten().map(|(id, ox)| (*ox, id)).collect();
            let told = |ox: &OxId| match by_wanted.get(ox).or_else(|| by_number.get(ox)) {
                Some(id) => id.to_string(),
                None => format!("number {ox}"),
            };
            let differences = [
                Difference::of("name", None, Some(name.clone()), Some(group.data.name.clone())),
                Difference::of(
                    "members",
                    wanted.as_ref().map(|all| fields::names(all.values().map(told))),
                    Some(fields::names(members.values().map(told))),
                    Some(fields::names(group.data.members.iter().map(told))),
                ),
            ];
            let differences = differences.into_iter().flatten().collect();
            each(compared(context, &known, state, Some(name), differences))?;
        }
        for group in there.values() {
            let own =
                OWN_GROUPS.contains(&group.id.0) || group.data.name.eq_ignore_ascii_case(OWN_GROUP);
            if !own {
                each(stranger(context, ObjectKind::Group, &group.data.name))?;
            }
        }
        Ok(())
    }

    async fn group_named(
        &self,
        context: ContextId,
        ox: OxId,
        name: &str,
    ) -> Result<Option<OxGroup>, Stop> {
        let by_number = (ox != OxId::UNKNOWN).then_some(Target::Id(ox));
        for target in by_number.into_iter().chain([Target::Name(name.to_owned())]) {
            match self.ox.group_get(context, &target).await {
                Ok(group) => return Ok(Some(group)),
                Err(error) if is_class(&error, FaultClass::NoSuchGroup) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(None)
    }

    /// Everybody in a group, as the setting says.
    fn everybody(&self, id: &ObjectId, group: &GroupObject) -> Result<Vec<Dn>, StoreError> {
        if !self.policy.groups.is_flattened() {
            return Ok(group.users.clone());
        }
        everybody(id, group, |dn| {
            let Some(id) = self.memory.holders(dn)?.into_iter().next() else { return Ok(None) };
            let record = self.memory.object(&id)?;
            Ok(record.as_ref().and_then(group_of).map(|group| (id, group)))
        })
    }

    /// Members that are in the context, as the memory says.
    fn members(
        &self,
        context: ContextId,
        dns: &[Dn],
    ) -> Result<BTreeMap<ObjectId, OxId>, StoreError> {
        let mut members = BTreeMap::new();
        for dn in dns {
            for id in self.memory.holders(dn.key())? {
                let record = self.memory.object(&id)?;
                let placed = record.and_then(|mut record| record.placements.remove(&context));
                if let Some(Placement::User { ox, .. }) = placed {
                    members.insert(id, ox);
                }
            }
        }
        Ok(members)
    }

    async fn resources(
        &self,
        context: ContextId,
        ids: &[ObjectId],
        which: &Which,
        each: &mut Each<'_>,
    ) -> Result<(), Stop> {
        let mut there: BTreeMap<OxId, OxResource> = BTreeMap::new();
        if which.is_whole() {
            let all = self.ox.resource_list(context).await?;
            there.extend(all.into_iter().map(|resource| (resource.id, resource)));
        }
        for id in ids {
            let Some(known) = self.known(id)? else { continue };
            let Some(Placement::Resource { ox, data: last }) =
                known.record.placements.get(&context)
            else {
                each(compared(context, &known, State::NotProvisioned, None, Vec::new()))?;
                continue;
            };
            let name = last.name.as_ref();
            let found = match there.remove(ox) {
                Some(resource) => Some(resource),
                None => self.resource_named(context, *ox, name).await?,
            };
            let Some(resource) = found else {
                each(compared(context, &known, State::Missing, name, Vec::new()))?;
                continue;
            };
            there.remove(&resource.id);
            let same = resource.id == *ox || *ox == OxId::UNKNOWN;
            let state = if same { State::Same } else { State::OtherNumber };
            let wanted = match &known.wanted {
                Some(DirectoryObject::Resource(wanted)) => Some(wanted),
                _ => None,
            };
            let now = resource.data;
            let differences = [
                Difference::of(
                    "name",
                    wanted.map(|wanted| wanted.name.clone()),
                    last.name.clone(),
                    now.name,
                ),
                Difference::of(
                    "displayname",
                    wanted.map(|wanted| wanted.display_name.clone()),
                    last.display_name.clone(),
                    now.display_name,
                ),
                Difference::of(
                    "description",
                    wanted.map(|wanted| wanted.description.clone()),
                    last.description.clone(),
                    now.description,
                ),
                Difference::of(
                    "email",
                    wanted.and_then(|wanted| wanted.address.clone()),
                    last.email.clone(),
                    now.email,
                ),
            ];
            let differences = differences.into_iter().flatten().collect();
            each(compared(context, &known, state, name, differences))?;
        }
        for resource in there.values() {
            let name = resource.data.name.as_deref().unwrap_or_default();
            each(stranger(context, ObjectKind::Resource, name))?;
        }
        Ok(())
    }

    async fn resource_named(
        &self,
        context: ContextId,
        ox: OxId,
        name: Option<&String>,
    ) -> Result<Option<OxResource>, Stop> {
        let by_number = (ox != OxId::UNKNOWN).then_some(Target::Id(ox));
        let by_name = name.map(|name| Target::Name(name.clone()));
        for target in by_number.into_iter().chain(by_name) {
            match self.ox.resource_get(context, &target).await {
                Ok(resource) => return Ok(Some(resource)),
                Err(error) if is_class(&error, FaultClass::NoSuchResource) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(None)
    }

    /// A functional account: who has it, and how it looks to each of them.
    async fn account(&self, context: ContextId, known: &Known) -> Result<Compared, Stop> {
        let Some(Placement::Account { address, members }) = known.record.placements.get(&context)
        else {
            return Ok(compared(context, known, State::NotProvisioned, None, Vec::new()));
        };
        let wanted: Option<&AccountObject> = match &known.wanted {
            Some(DirectoryObject::Account(wanted)) => Some(wanted),
            _ => None,
        };
        let numbers: Vec<OxId> = members.values().map(|member| member.ox).collect();
        let mut now = BTreeMap::new();
        for chunk in numbers.chunks(CHUNK) {
            for account in self.ox.account_list(context, chunk).await? {
                if account.data.address.eq_ignore_ascii_case(address) {
                    now.insert(account.user, account.data);
                }
            }
        }
        let wanted_members = match wanted {
            Some(wanted) => Some(self.members(context, &wanted.users)?),
            None => None,
        };
        let those_there = members.iter().filter(|(_, member)| now.contains_key(&member.ox));
        let mut differences: Vec<Difference> = Difference::of(
            "members",
            wanted_members.map(|all| fields::names(all.keys().map(ToString::to_string))),
            Some(fields::names(members.keys().map(ToString::to_string))),
            Some(fields::names(those_there.map(|(id, _)| id.to_string()))),
        )
        .into_iter()
        .collect();
        for (id, member) in members {
            let Some(now) = now.get(&member.ox) else { continue };
            let field = |name: &str| format!("{name} of {id}");
            differences.extend(Difference::of(
                &field("name"),
                wanted.map(|wanted| wanted.name.clone()),
                Some(member.name.clone()),
                Some(now.name.clone()),
            ));
            differences.extend(Difference::of(
                &field("personal"),
                wanted.and_then(|wanted| wanted.personal.clone()),
                member.personal.clone(),
                now.personal.clone(),
            ));
            differences.extend(Difference::of(
                &field("login"),
                None,
                Some(member.login.clone()),
                Some(now.login.clone()),
            ));
        }
        Ok(compared(context, known, State::Same, Some(address), differences))
    }
}

pub(super) fn is_class(error: &OxError, class: FaultClass) -> bool {
    error.fault().is_some_and(|fault| fault.class == class)
}

pub(super) fn compared(
    context: ContextId,
    known: &Known,
    state: State,
    name: Option<&String>,
    differences: Vec<Difference>,
) -> Compared {
    compared_by(context, known, state, name.map(String::as_str), differences)
}

fn compared_by(
    context: ContextId,
    known: &Known,
    state: State,
    name: Option<&str>,
    differences: Vec<Difference>,
) -> Compared {
    let differs = state == State::Same && !differences.is_empty();
    Compared {
        context,
        kind: known.record.kind,
        object: Some(known.record.id.clone()),
        name: name.map(str::to_owned),
        state: if differs { State::Differs } else { state },
        differences,
        reason: None,
    }
}

pub(super) fn stranger(context: ContextId, kind: ObjectKind, name: &str) -> Compared {
    Compared {
        context,
        kind,
        object: None,
        name: Some(name.to_owned()),
        state: State::Unknown,
        differences: Vec::new(),
        reason: None,
    }
}
