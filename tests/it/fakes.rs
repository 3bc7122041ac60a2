//! An engine without network, disk or real time: OX, queue, memory and keys all in memory.
//!
//! What OX answers is as coarse as provisioning can tell apart; the simulator is the faithful one.

use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use drover::actors::supervisor::{MOST_RUNNING, OnFault, Rules, StopScope, Until};
use drover::clock::SystemClock;
use drover::engine::{Engine, Parts};
use drover::guard::GuardRules;
use drover::model::{
    CapabilityChange, ContextId, FieldValue, ItemName, ModuleAccess, OxId, Secret, UserFields,
};
use drover::ox::{
    Account, AccountData, ContextData, Credentials, Fault, FaultClass, GroupData, OxAccount, OxApi,
    OxError, OxGroup, OxResource, OxUser, ResourceData, Target,
};
use drover::plan::attributes::{Identifier, MailSettings, Mapping, ServerUrl, UserSettings};
use drover::plan::entitlement::ProfileBook;
use drover::plan::group::GroupPolicy;
use drover::provision::{OnRevoke, Policy, ProfileFile, Vault};
use drover::queue::{Changed, Queue, QueueError};
use drover::retry::Backoff;
use drover::route::Identifiers;
use drover::scope::Scope;
use drover::store::Store;
use drover::store::memory::MemoryStore;
use serde_json::Value;
use tokio::sync::{Semaphore, mpsc};

/// What shall go wrong, once.
#[derive(Debug, Clone)]
pub enum Mishap {
    /// Refused for good.
    Refuse(&'static str),
    /// No connection.
    Unreachable,
    /// Done, but the answer got lost.
    DoneThenLost,
    /// drover's own code panics in the middle of the call.
    Panic,
}

#[derive(Debug, Default)]
struct Tenant {
    name: String,
    next: u32,
    users: BTreeMap<OxId, (UserFields, ModuleAccess)>,
    groups: BTreeMap<OxId, GroupData>,
}

/// One call, as it was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub context: ContextId,
    pub what: String,
}

#[derive(Debug, Default)]
struct World {
    contexts: BTreeMap<ContextId, Tenant>,
    log: Vec<Seen>,
    busy: BTreeMap<ContextId, u32>,
    overlaps: u32,
    mishaps: BTreeMap<String, VecDeque<Mishap>>,
    down: bool,
}

/// OX in memory. Every call takes `latency` of (paused) time.
#[derive(Debug, Clone)]
pub struct MemoryOx {
    world: Arc<Mutex<World>>,
    pub latency: Duration,
    /// So many calls at once, others wait in order; none: as many as come.
    pub at_once: Option<Arc<Semaphore>>,
}

impl MemoryOx {
    pub fn new(latency: Duration) -> Self {
        Self { world: Arc::default(), latency, at_once: None }
    }

    /// The next call of that kind on that name goes wrong, e.g. `user_create anna`, or
    /// `group_create team in 2` for one context only.
    pub fn mishap(&self, call: &str, mishap: Mishap) {
        self.world.lock().unwrap().mishaps.entry(call.to_owned()).or_default().push_back(mishap);
    }

    /// Nothing that was planned goes wrong any more.
    pub fn forget_mishaps(&self) {
        self.world.lock().unwrap().mishaps.clear();
    }

    /// A user's text in OX.
    pub fn field(&self, context: u32, name: &str, field: &str) -> String {
        let world = self.world.lock().unwrap();
        let users = &world.contexts[&ContextId(context)].users;
        let (fields, _) = users.values().find(|(f, _)| f.text("name") == Some(name)).unwrap();
        fields.text(field).unwrap_or_default().to_owned()
    }

    /// A user is made whom nobody remembers.
    pub fn add_user(&self, context: u32, name: &str) {
        let mut world = self.world.lock().unwrap();
        let tenant = world.contexts.get_mut(&ContextId(context)).unwrap();
        tenant.next += 1;
        let mut fields = UserFields::new();
        fields.set("name", name);
        tenant.users.insert(OxId(tenant.next + 2), (fields, ModuleAccess::NONE));
    }

    /// Somebody changes a user by hand.
    pub fn set_field(&self, context: u32, name: &str, field: &str, value: &str) {
        let mut world = self.world.lock().unwrap();
        let users = &mut world.contexts.get_mut(&ContextId(context)).unwrap().users;
        let (fields, _) = users.values_mut().find(|(f, _)| f.text("name") == Some(name)).unwrap();
        fields.set(field, value);
    }

    /// Somebody changes a group by hand.
    pub fn set_members(&self, context: u32, name: &str, members: &[&str]) {
        let mut world = self.world.lock().unwrap();
        let tenant = world.contexts.get_mut(&ContextId(context)).unwrap();
        let ids: Vec<OxId> = members
            .iter()
            .map(|name| find_user(tenant, &Target::Name((*name).to_owned())).unwrap())
            .collect();
        tenant.groups.values_mut().find(|group| group.name == name).unwrap().members = ids;
    }

    /// A context with these users and groups, as if it had always been there.
    pub fn furnish(
        &self,
        context: u32,
        users: impl IntoIterator<Item = (OxId, UserFields)>,
        groups: impl IntoIterator<Item = (OxId, GroupData)>,
    ) {
        let users = users.into_iter().map(|(ox, fields)| (ox, (fields, ModuleAccess::NONE)));
        let tenant = Tenant {
            name: format!("ctx{context}"),
            next: 1_000_000,
            users: users.collect(),
            groups: groups.into_iter().collect(),
        };
        self.world.lock().unwrap().contexts.insert(ContextId(context), tenant);
    }

    pub fn set_down(&self, down: bool) {
        self.world.lock().unwrap().down = down;
    }

    pub fn log(&self) -> Vec<Seen> {
        self.world.lock().unwrap().log.clone()
    }

    pub fn overlaps(&self) -> u32 {
        self.world.lock().unwrap().overlaps
    }

    /// Login names of a context's users, sorted.
    pub fn users(&self, context: u32) -> Vec<String> {
        let world = self.world.lock().unwrap();
        let Some(tenant) = world.contexts.get(&ContextId(context)) else { return Vec::new() };
        let mut names: Vec<String> =
            tenant.users.values().map(|(f, _)| f.text("name").unwrap().to_owned()).collect();
        names.sort();
        names
    }

    /// Whether a user has mail, and how many rights.
    pub fn rights(&self, context: u32, name: &str) -> (bool, usize) {
        let world = self.world.lock().unwrap();
        let users = &world.contexts[&ContextId(context)].users;
        let (fields, access) = users.values().find(|(f, _)| f.text("name") == Some(name)).unwrap();
        let mail = fields.get("mailenabled") == Some(&FieldValue::Bool(true));
        (mail, access.fields().count())
    }

    /// Groups of a context with their members' login names, sorted.
    pub fn groups(&self, context: u32) -> BTreeMap<String, Vec<String>> {
        let world = self.world.lock().unwrap();
        let Some(tenant) = world.contexts.get(&ContextId(context)) else { return BTreeMap::new() };
        let login = |id: &OxId| tenant.users[id].0.text("name").unwrap().to_owned();
        tenant
            .groups
            .values()
            .map(|group| {
                let mut members: Vec<String> = group.members.iter().map(login).collect();
                members.sort();
                (group.name.clone(), members)
            })
            .collect()
    }

    pub fn contexts(&self) -> Vec<u32> {
        self.world.lock().unwrap().contexts.keys().map(|c| c.0).collect()
    }

    async fn call<R>(
        &self,
        context: ContextId,
        verb: &str,
        name: &str,
        act: impl FnOnce(&mut World) -> Result<R, (FaultClass, String)>,
    ) -> Result<R, OxError> {
        let what = format!("{verb} {name}");
        let _permit = match &self.at_once {
            Some(at_once) => Some(at_once.acquire().await.unwrap()),
            None => None,
        };
        let mishap = {
            let mut world = self.world.lock().unwrap();
            let calls = [what.clone(), format!("{what} in {context}")];
            let mishap = calls.iter().find_map(|call| world.mishaps.get_mut(call)?.pop_front());
            if world.down || matches!(mishap, Some(Mishap::Unreachable)) {
                let reason = "connection refused".to_owned();
                return Err(OxError::Unreachable { operation: "fake", reason });
            }
            let busy = world.busy.entry(context).or_default();
            *busy += 1;
            if *busy > 1 {
                world.overlaps += 1;
            }
            world.log.push(Seen { context, what: what.clone() });
            mishap
        };
        tokio::time::sleep(self.latency).await;
        let mut world = self.world.lock().unwrap();
        *world.busy.get_mut(&context).unwrap() -= 1;
        match mishap {
            Some(Mishap::Refuse(text)) => {
                return Err(fault(FaultClass::InvalidData, text.to_owned()));
            }
            Some(Mishap::Panic) => {
                drop(world);
                panic!("a planted panic");
            }
            Some(Mishap::DoneThenLost) => {
                let _ = act(&mut world);
                let reason = "connection reset".to_owned();
                return Err(OxError::Lost { operation: "fake", reason });
            }
            Some(Mishap::Unreachable) | None => {}
        }
        act(&mut world).map_err(|(class, text)| fault(class, text))
    }
}

fn fault(class: FaultClass, text: String) -> OxError {
    let exception = Some(format!("{class:?}Exception"));
    let fault = Fault {
        class,
        exception,
        text,
        exception_id: Some("1-1".to_owned()),
        code: "soap:Server".to_owned(),
    };
    OxError::Fault { operation: "fake", fault }
}

type Refused = (FaultClass, String);

fn at(world: &mut World, context: ContextId) -> Result<&mut Tenant, Refused> {
    let gone = || (FaultClass::NoSuchContext, format!("Context {context} does not exist"));
    world.contexts.get_mut(&context).ok_or_else(gone)
}

fn find_user(tenant: &Tenant, target: &Target) -> Result<OxId, Refused> {
    let found = match target {
        Target::Id(id) => tenant.users.contains_key(id).then_some(*id),
        Target::Name(name) => {
            tenant.users.iter().find(|(_, (f, _))| f.text("name") == Some(name)).map(|(id, _)| *id)
        }
    };
    found.ok_or_else(|| (FaultClass::NoSuchUser, "No such user".to_owned()))
}

fn find_group(tenant: &Tenant, target: &Target) -> Result<OxId, Refused> {
    let found = match target {
        Target::Id(id) => tenant.groups.contains_key(id).then_some(*id),
        Target::Name(name) => {
            tenant.groups.iter().find(|(_, group)| group.name == *name).map(|(id, _)| *id)
        }
    };
    found.ok_or_else(|| (FaultClass::NoSuchGroup, "No such group".to_owned()))
}

fn label(target: &Target) -> String {
    match target {
        Target::Id(id) => id.to_string(),
        Target::Name(name) => name.clone(),
    }
}

/// A group and whom a call adds to it or takes out.
fn with_members(group: &Target, members: &[Target]) -> String {
    let members: Vec<String> = members.iter().map(label).collect();
    format!("{}: {}", label(group), members.join(" "))
}

fn check_members(tenant: &Tenant, members: &[OxId]) -> Result<(), Refused> {
    if members.iter().all(|member| tenant.users.contains_key(member)) {
        Ok(())
    } else {
        Err((FaultClass::NoSuchUser, "No such user".to_owned()))
    }
}

#[async_trait]
impl OxApi for MemoryOx {
    async fn context_exists(&self, context: ContextId) -> Result<bool, OxError> {
        self.call(context, "context_exists", "", |w| Ok(w.contexts.contains_key(&context))).await
    }

    async fn context_get(&self, context: ContextId) -> Result<ContextData, OxError> {
        self.call(context, "context_get", "", |w| {
            let tenant = at(w, context)?;
            Ok(ContextData {
                id: context,
                name: Some(tenant.name.clone()),
                max_quota_mb: None,
                login_mappings: Vec::new(),
                enabled: Some(true),
            })
        })
        .await
    }

    async fn context_create(
        &self,
        context: &ContextData,
        _: &UserFields,
        _: &Credentials,
    ) -> Result<(), OxError> {
        let name = context.name.clone().unwrap_or_default();
        self.call(context.id, "context_create", &name.clone(), move |w| {
            if w.contexts.contains_key(&context.id) {
                return Err((FaultClass::ContextExists, "already exists!".to_owned()));
            }
            w.contexts.insert(context.id, Tenant { name, ..Tenant::default() });
            Ok(())
        })
        .await
    }

    async fn context_change(&self, context: &ContextData) -> Result<(), OxError> {
        self.call(context.id, "context_change", "", |w| at(w, context.id).map(|_| ())).await
    }

    async fn context_enable(&self, _: ContextId, _: bool) -> Result<(), OxError> {
        unimplemented!("no context is disabled in memory")
    }

    async fn context_capabilities(
        &self,
        _: ContextId,
        _: &CapabilityChange,
    ) -> Result<(), OxError> {
        unimplemented!("no capabilities in memory")
    }

    async fn context_quota(&self, _: ContextId, _: &str, _: i64) -> Result<(), OxError> {
        unimplemented!("no quotas of modules in memory")
    }

    async fn context_delete(&self, context: ContextId) -> Result<(), OxError> {
        self.call(context, "context_delete", "", |w| {
            at(w, context)?;
            w.contexts.remove(&context);
            Ok(())
        })
        .await
    }

    async fn user_exists(&self, context: ContextId, user: &Target) -> Result<bool, OxError> {
        self.call(context, "user_exists", &label(user), |w| {
            Ok(find_user(at(w, context)?, user).is_ok())
        })
        .await
    }

    async fn user_get(&self, context: ContextId, user: &Target) -> Result<OxUser, OxError> {
        self.call(context, "user_get", &label(user), |w| {
            let tenant = at(w, context)?;
            let id = find_user(tenant, user)?;
            Ok(OxUser { id, fields: tenant.users[&id].0.clone() })
        })
        .await
    }

    async fn user_get_many(
        &self,
        context: ContextId,
        users: &[Target],
    ) -> Result<Vec<OxUser>, OxError> {
        self.call(context, "user_get_many", &users.len().to_string(), |w| {
            let tenant = at(w, context)?;
            users
                .iter()
                .map(|user| {
                    let id = find_user(tenant, user)?;
                    Ok(OxUser { id, fields: tenant.users[&id].0.clone() })
                })
                .collect()
        })
        .await
    }

    async fn user_list(&self, context: ContextId, _: &str) -> Result<Vec<OxId>, OxError> {
        self.call(context, "user_list", "", |w| Ok(at(w, context)?.users.keys().copied().collect()))
            .await
    }

    async fn user_access(&self, _: ContextId, _: &Target) -> Result<ModuleAccess, OxError> {
        unimplemented!("not asked by the engine")
    }

    async fn user_create(
        &self,
        context: ContextId,
        user: &UserFields,
        access: ModuleAccess,
    ) -> Result<OxId, OxError> {
        let name = user.text("name").unwrap_or_default().to_owned();
        self.call(context, "user_create", &name.clone(), |w| {
            let tenant = at(w, context)?;
            if find_user(tenant, &Target::Name(name)).is_ok() {
                return Err((
                    FaultClass::InvalidData,
                    "The displayname is already used".to_owned(),
                ));
            }
            tenant.next += 1;
            let id = OxId(tenant.next + 2);
            tenant.users.insert(id, (user.clone(), access));
            Ok(id)
        })
        .await
    }

    async fn user_change(
        &self,
        context: ContextId,
        user: &Target,
        fields: &UserFields,
    ) -> Result<(), OxError> {
        self.call(context, "user_change", &label(user), |w| {
            let tenant = at(w, context)?;
            let id = find_user(tenant, user)?;
            for (field, value) in fields.iter() {
                tenant.users.get_mut(&id).unwrap().0.insert(field, value.clone());
            }
            Ok(())
        })
        .await
    }

    async fn user_change_access(
        &self,
        context: ContextId,
        user: &Target,
        access: ModuleAccess,
    ) -> Result<(), OxError> {
        self.call(context, "user_change_access", &label(user), |w| {
            let tenant = at(w, context)?;
            let id = find_user(tenant, user)?;
            tenant.users.get_mut(&id).unwrap().1 = access;
            Ok(())
        })
        .await
    }

    async fn user_sender_name(&self, _: ContextId, _: &Target, _: &str) -> Result<(), OxError> {
        unimplemented!("no sender names in memory")
    }

    async fn user_capabilities(
        &self,
        _: ContextId,
        _: &Target,
        _: &CapabilityChange,
    ) -> Result<(), OxError> {
        unimplemented!("no capabilities in memory")
    }

    async fn user_delete(
        &self,
        context: ContextId,
        user: &Target,
        _: Option<OxId>,
    ) -> Result<(), OxError> {
        self.call(context, "user_delete", &label(user), |w| {
            let tenant = at(w, context)?;
            let id = find_user(tenant, user)?;
            tenant.users.remove(&id);
            tenant.groups.values_mut().for_each(|group| group.members.retain(|m| *m != id));
            Ok(())
        })
        .await
    }

    async fn user_copy(&self, user: OxId, from: ContextId, to: ContextId) -> Result<OxId, OxError> {
        self.call(to, "user_copy", &user.to_string(), |w| {
            let copied = at(w, from)?.users.get(&user).cloned();
            let copied =
                copied.ok_or_else(|| (FaultClass::NoSuchUser, "No such user".to_owned()))?;
            let tenant = at(w, to)?;
            tenant.next += 1;
            let id = OxId(tenant.next + 2);
            tenant.users.insert(id, copied);
            Ok(id)
        })
        .await
    }

    async fn group_get(&self, context: ContextId, group: &Target) -> Result<OxGroup, OxError> {
        self.call(context, "group_get", &label(group), |w| {
            let tenant = at(w, context)?;
            let id = find_group(tenant, group)?;
            Ok(OxGroup { id, data: tenant.groups[&id].clone() })
        })
        .await
    }

    async fn groups_of_user(&self, _: ContextId, _: OxId) -> Result<Vec<OxGroup>, OxError> {
        unimplemented!("not asked by the engine")
    }

    async fn group_create(&self, context: ContextId, group: &GroupData) -> Result<OxId, OxError> {
        self.call(context, "group_create", &group.name, |w| {
            let tenant = at(w, context)?;
            check_members(tenant, &group.members)?;
            if find_group(tenant, &Target::Name(group.name.clone())).is_ok() {
                return Err((FaultClass::InvalidData, "Group already exists!".to_owned()));
            }
            tenant.next += 1;
            let id = OxId(tenant.next + 2);
            tenant.groups.insert(id, group.clone());
            Ok(id)
        })
        .await
    }

    async fn group_change(
        &self,
        context: ContextId,
        group: &Target,
        data: &GroupData,
    ) -> Result<(), OxError> {
        self.call(context, "group_change", &label(group), |w| {
            let tenant = at(w, context)?;
            check_members(tenant, &data.members)?;
            let id = find_group(tenant, group)?;
            tenant.groups.insert(id, data.clone());
            Ok(())
        })
        .await
    }

    async fn group_delete(&self, context: ContextId, group: &Target) -> Result<(), OxError> {
        self.call(context, "group_delete", &label(group), |w| {
            let tenant = at(w, context)?;
            let id = find_group(tenant, group)?;
            tenant.groups.remove(&id);
            Ok(())
        })
        .await
    }

    async fn group_add(
        &self,
        context: ContextId,
        group: &Target,
        members: &[Target],
    ) -> Result<(), OxError> {
        self.call(context, "group_add", &with_members(group, members), |w| {
            let tenant = at(w, context)?;
            let found: Result<Vec<OxId>, _> =
                members.iter().map(|member| find_user(tenant, member)).collect();
            let (found, id) = (found?, find_group(tenant, group)?);
            let group = tenant.groups.get_mut(&id).unwrap();
            if found.iter().any(|member| group.members.contains(member)) {
                let text = "Member already exists in group".to_owned();
                return Err((FaultClass::InvalidData, text));
            }
            group.members.extend(found);
            Ok(())
        })
        .await
    }

    async fn group_remove(
        &self,
        context: ContextId,
        group: &Target,
        members: &[Target],
    ) -> Result<(), OxError> {
        self.call(context, "group_remove", &with_members(group, members), |w| {
            let tenant = at(w, context)?;
            let found: Result<Vec<OxId>, _> =
                members.iter().map(|member| find_user(tenant, member)).collect();
            let (found, id) = (found?, find_group(tenant, group)?);
            let group = tenant.groups.get_mut(&id).unwrap();
            group.members.retain(|member| !found.contains(member));
            Ok(())
        })
        .await
    }

    async fn resource_get(&self, _: ContextId, _: &Target) -> Result<OxResource, OxError> {
        unimplemented!("no resources in memory")
    }

    async fn resource_create(&self, _: ContextId, _: &ResourceData) -> Result<OxId, OxError> {
        unimplemented!("no resources in memory")
    }

    async fn resource_change(
        &self,
        _: ContextId,
        _: &Target,
        _: &ResourceData,
    ) -> Result<(), OxError> {
        unimplemented!("no resources in memory")
    }

    async fn resource_delete(&self, _: ContextId, _: &Target) -> Result<(), OxError> {
        unimplemented!("no resources in memory")
    }

    async fn account_list(&self, _: ContextId, _: &[OxId]) -> Result<Vec<OxAccount>, OxError> {
        unimplemented!("no accounts in memory")
    }

    async fn account_create(
        &self,
        _: ContextId,
        _: &AccountData,
        _: &[OxId],
    ) -> Result<(), OxError> {
        unimplemented!("no accounts in memory")
    }

    async fn account_update(
        &self,
        _: ContextId,
        _: &AccountData,
        _: &[OxId],
    ) -> Result<bool, OxError> {
        unimplemented!("no accounts in memory")
    }

    async fn account_delete(&self, _: ContextId, _: &str, _: &[OxId]) -> Result<bool, OxError> {
        unimplemented!("no accounts in memory")
    }
}

/// A queue in memory.
#[derive(Default)]
pub struct MemoryQueue {
    /// So many times it cannot be listed.
    pub unlisted: Mutex<u32>,
    files: Mutex<BTreeMap<ItemName, Vec<u8>>>,
    news: Mutex<Option<mpsc::Sender<Changed>>>,
}

impl MemoryQueue {
    pub fn put(&self, name: &str, content: &Value) {
        self.put_bytes(name, content.to_string().into_bytes());
    }

    pub fn put_bytes(&self, name: &str, content: Vec<u8>) {
        let name = ItemName::new(name);
        let known = self.files.lock().unwrap().insert(name.clone(), content).is_some();
        let changed = if known {
            Changed { modified: vec![name], ..Changed::default() }
        } else {
            Changed { added: vec![name], ..Changed::default() }
        };
        self.tell(changed);
    }

    /// Many new ones at once.
    pub fn put_all(&self, files: impl IntoIterator<Item = (String, Value)>) {
        let mut added = Vec::new();
        for (name, content) in files {
            let name = ItemName::new(&name);
            self.files.lock().unwrap().insert(name.clone(), content.to_string().into_bytes());
            added.push(name);
        }
        self.tell(Changed { added, ..Changed::default() });
    }

    pub fn take(&self, name: &str) {
        let name = ItemName::new(name);
        self.files.lock().unwrap().remove(&name);
        self.tell(Changed { removed: vec![name], ..Changed::default() });
    }

    pub fn names(&self) -> Vec<String> {
        self.files.lock().unwrap().keys().map(ToString::to_string).collect()
    }

    fn tell(&self, changed: Changed) {
        if let Some(news) = self.news.lock().unwrap().as_ref() {
            news.try_send(changed).unwrap();
        }
    }
}

impl Queue for MemoryQueue {
    fn scan(&self) -> Result<Vec<ItemName>, QueueError> {
        let mut unlisted = self.unlisted.lock().unwrap();
        if *unlisted > 0 {
            *unlisted -= 1;
            let source = std::io::Error::other("disk on fire");
            return Err(QueueError::Unlisted { path: "queue".into(), source });
        }
        Ok(self.files.lock().unwrap().keys().cloned().collect())
    }

    fn read(&self, name: &ItemName) -> Result<Option<Vec<u8>>, QueueError> {
        Ok(self.files.lock().unwrap().get(name).cloned())
    }

    fn remove(&self, name: &ItemName) -> Result<(), QueueError> {
        self.files.lock().unwrap().remove(name);
        Ok(())
    }

    fn watch(&self) -> Result<mpsc::Receiver<Changed>, QueueError> {
        let (sender, receiver) = mpsc::channel(10_000);
        *self.news.lock().unwrap() = Some(sender);
        Ok(receiver)
    }
}

/// Keys in memory: every context has one, unless it is withheld.
#[derive(Default)]
pub struct MemoryVault {
    pub withheld: Mutex<Vec<u32>>,
}

impl Vault for MemoryVault {
    fn ensure(&self, _: ContextId, login: &str) -> Result<Credentials, String> {
        Ok(Credentials { login: login.to_owned(), password: Secret::new("x") })
    }

    fn find(&self, account: Account) -> Result<Option<Credentials>, String> {
        if let Account::Context(context) = account
            && self.withheld.lock().unwrap().contains(&context.0)
        {
            return Ok(None);
        }
        let login = match account {
            Account::Master => "oxadminmaster".to_owned(),
            Account::Context(context) => format!("oxadmin-context{context}"),
        };
        Ok(Some(Credentials { login, password: Secret::new("x") }))
    }

    fn remove(&self, _: ContextId) -> Result<(), String> {
        Ok(())
    }
}

/// No profiles file.
pub struct NoProfileFile;

impl ProfileFile for NoProfileFile {
    fn write(&self, _: &str, _: Option<ModuleAccess>) -> Result<(), String> {
        Ok(())
    }
}

/// Everything an engine needs, in memory.
pub struct Bench {
    pub ox: MemoryOx,
    pub queue: Arc<MemoryQueue>,
    pub store: Arc<MemoryStore>,
    pub vault: Arc<MemoryVault>,
    pub attempts: u32,
    pub on_fault: OnFault,
    pub scope: StopScope,
    pub on_revoke: OnRevoke,
    pub groups: GroupPolicy,
    pub writer_thread: bool,
    pub provisioned: Scope,
    pub guard: GuardRules,
    pub leavers_first: bool,
    pub most_running: usize,
    pub cut_short: bool,
}

impl Bench {
    pub fn new() -> Self {
        Self {
            ox: MemoryOx::new(Duration::from_millis(20)),
            queue: Arc::default(),
            store: Arc::default(),
            vault: Arc::default(),
            attempts: 3,
            on_fault: OnFault::Stop,
            scope: StopScope::Context,
            on_revoke: OnRevoke::Delete,
            groups: GroupPolicy::default(),
            writer_thread: false,
            provisioned: Scope::default(),
            guard: GuardRules::default(),
            leavers_first: true,
            most_running: MOST_RUNNING,
            cut_short: false,
        }
    }

    pub fn rules(&self, until: Until) -> Rules {
        let seconds = Duration::from_secs;
        Rules {
            until,
            on_fault: self.on_fault,
            stop_scope: self.scope,
            faulty: Backoff::new(seconds(5), 2.0, seconds(600)).unwrap(),
            busy: Backoff::new(seconds(1), 2.0, seconds(30)).unwrap(),
            outage: Backoff::new(seconds(1), 2.0, seconds(30)).unwrap(),
            busy_attempts: NonZeroU32::new(5).unwrap(),
            drain: seconds(4),
            guard: self.guard,
            leavers_first: self.leavers_first,
            most_running: self.most_running,
            identifiers: Identifiers {
                user: "username".into(),
                group: "name".into(),
                shared_account: "name".into(),
            },
            cut_short: self.cut_short,
            seed: 1,
        }
    }

    pub fn policy(&self) -> Policy {
        Policy {
            default_context: ContextId(10),
            domain: "x.example".into(),
            extra_mappings: Vec::new(),
            user: user_settings(),
            group_identifier: "name".into(),
            account_login: String::new(),
            on_revoke: self.on_revoke,
            profile_holders: 0,
            heir: None,
            disable_contexts: false,
            sender_name: false,
            deputies: false,
            shared_accounts: false,
            shared_account_identifier: "name".to_owned(),
            groups: self.groups,
            scope: Arc::new(self.provisioned.clone()),
        }
    }

    pub fn once(&self) -> Until {
        Until::Empty {
            attempts: NonZeroU32::new(self.attempts).unwrap(),
            outage: Duration::from_secs(60),
        }
    }

    pub fn start(&self, until: Until) -> Engine {
        self.start_on(self.store.clone(), until)
    }

    pub fn start_on(&self, store: Arc<dyn Store>, until: Until) -> Engine {
        Engine::start(Parts {
            ox: Arc::new(self.ox.clone()),
            store,
            queue: self.queue.clone(),
            watch: until == Until::Told,
            vault: self.vault.clone(),
            profile_file: Arc::new(NoProfileFile),
            book: ProfileBook::new(
                [],
                [
                    ("none".to_owned(), ModuleAccess::NONE),
                    ("webmail".to_owned(), ModuleAccess::from_fields(["webmail"])),
                ],
            ),
            mapping: Arc::new(Mapping::default()),
            policy: self.policy(),
            rules: self.rules(until),
            arbiters: 0,
            writer_thread: self.writer_thread,
            queue_place: "the queue".into(),
            clock: Arc::new(SystemClock),
        })
        .unwrap()
    }
}

fn user_settings() -> UserSettings {
    let server = |scheme: &str| ServerUrl {
        host: "mail.x.example".into(),
        port: None,
        scheme: scheme.into(),
    };
    UserSettings {
        mail: MailSettings {
            imap: server("imap"),
            smtp: server("smtp"),
            imap_login: String::new(),
        },
        language: "de_DE".into(),
        timezone: "Europe/Berlin".into(),
        texts: drover::plan::attributes::Texts::default(),
        user_identifier: Identifier::new("", "username"),
    }
}
