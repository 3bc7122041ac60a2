//! Very many items through the engine in real time, over an OX that costs nothing: what is left is
//! the engine's own cost.
//!
//! Files are made when they are read, so that memory holds only what the engine keeps of them.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::run::{book, policy, rules};
use super::stage::lock;
use crate::actors::status::Snapshot;
use crate::actors::supervisor::{Rules, Until};
use crate::clock::SystemClock;
use crate::engine::{Engine, Parts};
use crate::model::{CapabilityChange, ContextId, ItemName, ModuleAccess, OxId, Secret, UserFields};
use crate::ox::{
    Account, AccountData, ContextData, Credentials, Fault, FaultClass, GroupData, OxAccount, OxApi,
    OxError, OxGroup, OxResource, OxUser, ResourceData, Target,
};
use crate::plan::attributes::Mapping;
use crate::provision::{ProfileFile, Vault};
use crate::queue::{Changed, Queue, QueueError};
use crate::store::{MemoryStore, SqliteStore, Store};

/// What a run of many items came to.
#[derive(Debug)]
pub struct Scaled {
    /// How the engine stood at its end.
    pub snapshot: Snapshot,
    /// Calls to OX.
    pub calls: u64,
    /// From the start of the engine to its end.
    pub took: Duration,
    /// Processor time of all threads meanwhile; 0 if the system does not say. On a busy machine it
    /// says more than the time that passed.
    pub worked: Duration,
    /// Most memory that the process ever had, in KB; 0 if the system does not say.
    pub peak_kb: u64,
}

/// Where drover's memory is while many items go through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Memory {
    /// In a SQLite file as in production, in the folder for temporary files.
    Sqlite,
    /// In maps, which grow with every item that was ever done.
    Maps,
}

/// Sends `items` files for `contexts` contexts through the engine, whose context actors live on so
/// many threads (0: all on one).
///
/// # Errors
/// If the engine cannot start, or broke down.
pub fn scale(
    items: u32,
    contexts: NonZeroU32,
    threads: usize,
    memory: Memory,
) -> Result<Scaled, String> {
    let folder = Folder(std::env::temp_dir().join(format!("drover-scale-{}", std::process::id())));
    let store: Arc<dyn Store> = match memory {
        Memory::Maps => Arc::new(MemoryStore::new()),
        Memory::Sqlite => {
            std::fs::create_dir_all(&folder.0).map_err(|problem| problem.to_string())?;
            let store = SqliteStore::open(&folder.0.join("drover.db"));
            Arc::new(store.map_err(|problem| problem.to_string())?)
        }
    };
    let ox = Arc::new(Light::new(contexts));
    let (started, worked) = (Instant::now(), processor_time());
    let system = actix_rt::System::new();
    let report = system.block_on(async {
        let engine = Engine::start(Parts {
            ox: ox.clone(),
            store,
            queue: Arc::new(Made::new(items, contexts)),
            watch: false,
            vault: Arc::new(AnyKey),
            profile_file: Arc::new(AnyKey),
            book: book(),
            mapping: Arc::new(Mapping::default()),
            policy: policy(),
            rules: Rules {
                until: Until::Empty { attempts: NonZeroU32::MIN, outage: Duration::from_secs(60) },
                ..rules(0, false)
            },
            arbiters: threads,
            writer_thread: memory == Memory::Sqlite,
            queue_place: "the queue".to_owned(),
            clock: Arc::new(SystemClock),
        });
        match engine {
            Ok(engine) => Ok(engine.ended().await),
            Err(problem) => Err(problem.to_string()),
        }
    })?;
    let (took, worked) = (started.elapsed(), processor_time().saturating_sub(worked));
    // What is left of the engine goes only now: taking maps apart is no part of its work.
    drop(system);
    if let Some(broken) = report.broken {
        return Err(broken);
    }
    let calls = ox.calls.load(Ordering::Relaxed);
    Ok(Scaled { snapshot: report.snapshot, calls, took, worked, peak_kb: peak_kb() })
}

/// A folder that goes when it is dropped.
struct Folder(std::path::PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        // One that is not there need not go, and one that stays is in the folder for such things.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Processor time of this process so far.
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name in parentheses may hold anything; user and system time are the 12th and 13th number
    // behind it, in hundredths of a second.
    let numbers = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u64 = numbers.skip(11).take(2).filter_map(|number| number.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

fn peak_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.unwrap_or_default()
}

/// A queue whose files are made when they are read.
struct Made {
    contexts: NonZeroU32,
    removed: Vec<AtomicBool>,
}

impl Made {
    fn new(items: u32, contexts: NonZeroU32) -> Self {
        Self { contexts, removed: (0..items).map(|_| AtomicBool::new(false)).collect() }
    }

    /// Contexts take turns. Of ten items of one, six are new users, three change one, and one is a
    /// group of the last five users.
    fn content(&self, number: u32) -> Value {
        let (context, step) = (1 + number % self.contexts, number / self.contexts);
        let user = |step: u32| format!("u{context}-{step}");
        let dn = |name: &str| format!("uid={name},cn=users,dc=x,dc=example");
        // The last step before or at this one that made a user.
        let made = |step: u32| if step % 10 > 6 { step - (step % 10 - 6) } else { step };
        let (kind, id, dn, object) = match step % 10 {
            _ if step == 0 => {
                let object = json!({"name": format!("ctx{context}"), "contextid": context});
                ("oxmail/oxcontext", format!("c{context}"), format!("cn=c{context}"), object)
            }
            0 => {
                let first = step - 9;
                let members: Vec<String> = (first..first + 5).map(|step| dn(&user(step))).collect();
                let name = format!("g{context}-{step}");
                let object = json!({"name": name, "isOxGroup": true, "users": members});
                ("groups/group", name.clone(), format!("cn={name},cn=groups"), object)
            }
            _ => {
                let name = user(made(step));
                let object = json!({
                    "username": name, "firstname": "a", "lastname": "b", "oxDisplayName": name,
                    "isOxUser": true, "oxContext": context, "oxAccess": "none",
                    "mailPrimaryAddress": format!("{name}@x.example"),
                    "phone": [step.to_string()],
                });
                ("users/user", name.clone(), dn(&name), object)
            }
        };
        json!({"id": id, "udm_object_type": kind, "dn": dn, "object": object, "options": []})
    }
}

/// One file a millisecond.
fn name(number: u32) -> ItemName {
    let (seconds, millis) = (number / 1_000, number % 1_000);
    let (hour, minute) = (seconds / 3_600, seconds / 60 % 60);
    let second = seconds % 60;
    ItemName::new(&format!("2026-03-01-{hour:02}-{minute:02}-{second:02}-{millis:03}.json"))
}

fn number(name: &ItemName) -> Option<usize> {
    let mut parts = name.as_str().strip_suffix(".json")?.split('-').skip(3);
    let mut next = || parts.next()?.parse::<usize>().ok();
    let (hour, minute, second, millis) = (next()?, next()?, next()?, next()?);
    Some(((hour * 60 + minute) * 60 + second) * 1_000 + millis)
}

impl Queue for Made {
    fn scan(&self) -> Result<Vec<ItemName>, QueueError> {
        let there = (0..).zip(&self.removed).filter(|(_, gone)| !gone.load(Ordering::Relaxed));
        Ok(there.map(|(number, _)| name(number)).collect())
    }

    fn read(&self, name: &ItemName) -> Result<Option<Vec<u8>>, QueueError> {
        let number = number(name).filter(|number| {
            self.removed.get(*number).is_some_and(|gone| !gone.load(Ordering::Relaxed))
        });
        let number = number.and_then(|number| u32::try_from(number).ok());
        Ok(number.map(|number| self.content(number).to_string().into_bytes()))
    }

    fn remove(&self, name: &ItemName) -> Result<(), QueueError> {
        if let Some(gone) = number(name).and_then(|number| self.removed.get(number)) {
            gone.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    fn watch(&self) -> Result<mpsc::Receiver<Changed>, QueueError> {
        Ok(mpsc::channel(1).1)
    }
}

struct AnyKey;

impl Vault for AnyKey {
    fn ensure(&self, _: ContextId, login: &str) -> Result<Credentials, String> {
        Ok(Credentials { login: login.to_owned(), password: Secret::new("x") })
    }

    fn find(&self, _: Account) -> Result<Option<Credentials>, String> {
        Ok(Some(Credentials { login: "oxadmin".to_owned(), password: Secret::new("x") }))
    }

    fn remove(&self, _: ContextId) -> Result<(), String> {
        Ok(())
    }
}

impl ProfileFile for AnyKey {
    fn write(&self, _: &str, _: Option<ModuleAccess>) -> Result<(), String> {
        Ok(())
    }
}

/// An OX that gives numbers and remembers nothing else; whatever it is asked for is not there.
struct Light {
    next: Vec<AtomicU32>,
    calls: AtomicU64,
    /// Numbers of contexts outside the range.
    other: Mutex<u32>,
}

impl Light {
    fn new(contexts: NonZeroU32) -> Self {
        Self {
            next: (0..=contexts.get()).map(|_| AtomicU32::new(3)).collect(),
            calls: AtomicU64::new(0),
            other: Mutex::new(3),
        }
    }

    fn id(&self, context: ContextId) -> OxId {
        self.count();
        let place = usize::try_from(context.0).unwrap_or(usize::MAX);
        match self.next.get(place) {
            Some(next) => OxId(next.fetch_add(1, Ordering::Relaxed)),
            None => {
                let mut other = lock(&self.other);
                *other += 1;
                OxId(*other)
            }
        }
    }

    fn count(&self) {
        self.calls.fetch_add(1, Ordering::Relaxed);
    }

    fn absent<R>(&self, operation: &'static str, class: FaultClass) -> Result<R, OxError> {
        self.count();
        let fault = Fault {
            class,
            exception: Some(format!("{class:?}Exception")),
            text: "No such object".to_owned(),
            exception_id: None,
            code: "soap:Server".to_owned(),
        };
        Err(OxError::Fault { operation, fault })
    }
}

#[async_trait]
impl OxApi for Light {
    async fn context_exists(&self, _: ContextId) -> Result<bool, OxError> {
        self.count();
        Ok(false)
    }

    async fn context_get(&self, _: ContextId) -> Result<ContextData, OxError> {
        self.absent("OXContextService.getData", FaultClass::NoSuchContext)
    }

    async fn context_create(
        &self,
        _: &ContextData,
        _: &UserFields,
        _: &Credentials,
    ) -> Result<(), OxError> {
        self.count();
        Ok(())
    }

    async fn context_change(&self, _: &ContextData) -> Result<(), OxError> {
        self.count();
        Ok(())
    }

    async fn context_enable(&self, _: ContextId, _: bool) -> Result<(), OxError> {
        self.count();
        Ok(())
    }

    async fn context_capabilities(
        &self,
        _: ContextId,
        _: &CapabilityChange,
    ) -> Result<(), OxError> {
        self.count();
        Ok(())
    }

    async fn context_quota(&self, _: ContextId, _: &str, _: i64) -> Result<(), OxError> {
        self.count();
        Ok(())
    }

    async fn context_delete(&self, _: ContextId) -> Result<(), OxError> {
        self.count();
        Ok(())
    }

    async fn user_exists(&self, _: ContextId, _: &Target) -> Result<bool, OxError> {
        self.count();
        Ok(false)
    }

    async fn user_get(&self, _: ContextId, _: &Target) -> Result<OxUser, OxError> {
        self.absent("OXUserService.getData", FaultClass::NoSuchUser)
    }

    async fn user_get_many(&self, _: ContextId, _: &[Target]) -> Result<Vec<OxUser>, OxError> {
        self.absent("OXUserService.getMultipleData", FaultClass::NoSuchUser)
    }

    async fn user_list(&self, _: ContextId, _: &str) -> Result<Vec<OxId>, OxError> {
        self.count();
        Ok(Vec::new())
    }

    async fn user_access(&self, _: ContextId, _: &Target) -> Result<ModuleAccess, OxError> {
        self.absent("OXUserService.getModuleAccess", FaultClass::NoSuchUser)
    }

    async fn user_create(
        &self,
        context: ContextId,
        _: &UserFields,
        _: ModuleAccess,
    ) -> Result<OxId, OxError> {
        Ok(self.id(context))
    }

    async fn user_change(&self, _: ContextId, _: &Target, _: &UserFields) -> Result<(), OxError> {
        self.count();
        Ok(())
    }

    async fn user_change_access(
        &self,
        _: ContextId,
        _: &Target,
        _: ModuleAccess,
    ) -> Result<(), OxError> {
        self.count();
        Ok(())
    }

    async fn user_sender_name(&self, _: ContextId, _: &Target, _: &str) -> Result<(), OxError> {
        self.count();
        Ok(())
    }

    async fn user_capabilities(
        &self,
        _: ContextId,
        _: &Target,
        _: &CapabilityChange,
    ) -> Result<(), OxError> {
        self.count();
        Ok(())
    }

    async fn user_delete(&self, _: ContextId, _: &Target, _: Option<OxId>) -> Result<(), OxError> {
        self.count();
        Ok(())
    }

    async fn user_copy(&self, _: OxId, _: ContextId, to: ContextId) -> Result<OxId, OxError> {
        Ok(self.id(to))
    }

    async fn group_get(&self, _: ContextId, _: &Target) -> Result<OxGroup, OxError> {
        self.absent("OXGroupService.getData", FaultClass::NoSuchGroup)
    }

    async fn groups_of_user(&self, _: ContextId, _: OxId) -> Result<Vec<OxGroup>, OxError> {
        self.count();
        Ok(Vec::new())
    }

    async fn group_create(&self, context: ContextId, _: &GroupData) -> Result<OxId, OxError> {
        Ok(self.id(context))
    }

    async fn group_change(&self, _: ContextId, _: &Target, _: &GroupData) -> Result<(), OxError> {
        self.count();
        Ok(())
    }

    async fn group_delete(&self, _: ContextId, _: &Target) -> Result<(), OxError> {
        self.count();
        Ok(())
    }

    async fn group_add(&self, _: ContextId, _: &Target, _: &[Target]) -> Result<(), OxError> {
        self.count();
        Ok(())
    }

    async fn group_remove(&self, _: ContextId, _: &Target, _: &[Target]) -> Result<(), OxError> {
        self.count();
        Ok(())
    }

    async fn resource_get(&self, _: ContextId, _: &Target) -> Result<OxResource, OxError> {
        self.absent("OXResourceService.getData", FaultClass::NoSuchResource)
    }

    async fn resource_create(&self, context: ContextId, _: &ResourceData) -> Result<OxId, OxError> {
        Ok(self.id(context))
    }

    async fn resource_change(
        &self,
        _: ContextId,
        _: &Target,
        _: &ResourceData,
    ) -> Result<(), OxError> {
        self.count();
        Ok(())
    }

    async fn resource_delete(&self, _: ContextId, _: &Target) -> Result<(), OxError> {
        self.count();
        Ok(())
    }

    async fn account_list(&self, _: ContextId, _: &[OxId]) -> Result<Vec<OxAccount>, OxError> {
        self.count();
        Ok(Vec::new())
    }

    async fn account_create(
        &self,
        _: ContextId,
        _: &AccountData,
        _: &[OxId],
    ) -> Result<(), OxError> {
        self.count();
        Ok(())
    }

    async fn account_update(
        &self,
        _: ContextId,
        _: &AccountData,
        _: &[OxId],
    ) -> Result<bool, OxError> {
        self.count();
        Ok(true)
    }

    async fn account_delete(&self, _: ContextId, _: &str, _: &[OxId]) -> Result<bool, OxError> {
        self.count();
        Ok(true)
    }
}
