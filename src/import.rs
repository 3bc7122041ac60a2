//! Takes over what OX has and drover does not know: into files of desired state, and into drover's memory
//! as if drover had made it. Only reads from OX.
//!
//! ```text
//! OX, context by context ──► users in chunks, groups, resources, accounts
//!                              ├─► FOLDER/profiles.yaml, FOLDER/<context>.yaml
//!                              └─► drover.db: what each object is, where, as last written
//! ```
//!
//! Applying the files changes nothing then. Of a context no more is held than its users' names and
//! numbers, and one chunk of users. What drover knows already is left alone and is not in the files.

mod objects;
mod write;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

use crate::apply::resolve::Key;
use crate::credentials::CredentialsFile;
use crate::mapping_file::{MappingFile, MappingFileError};
use crate::model::{ContextExtras, ContextId, ItemName, ModuleAccess, ObjectId, ObjectKind, OxId};
use crate::ox::{Account, ClientError, CredentialSource as _, OxApi as _, OxError, OxUser};
use crate::ox::{SoapClient, Target};
use crate::plan::attributes::Mapping;
use crate::profiles::{self, ProfilesError, ProfilesFile};
use crate::provision::rebuild::CHUNK;
use crate::provision::{Mappings as _, Policy};
use crate::queue::{DataLock, LockError};
use crate::settings::Settings;
use crate::store::{Commit, Placement, ProfileVersion, SqliteStore, Store as _, StoreError};

use objects::{Imported, Member};
use write::Files;

/// Groups that OX keeps itself: all, users, guests.
const OWN_GROUPS: [u32; 3] = [0, 1, 2_147_483_647];

/// The number of OX's own group of all users, by name.
const OWN_GROUP: &str = "users";

/// Profiles that are made here count for everything that is in the queue.
const FIRST: &str = "1970-01-01-00-00-00.json";

/// What is to be taken over.
#[derive(Debug, Clone)]
pub struct Order {
    /// From these contexts; empty: all that have an entry in the credentials file.
    pub contexts: Vec<ContextId>,
    /// Where the files go; there must be none yet.
    pub folder: PathBuf,
    /// Only count.
    pub dry_run: bool,
}

/// Why it could not be done, or not to the end.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// drover's memory.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another drover works in the data folder.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The attribute mapping.
    #[error(transparent)]
    Mapping(#[from] MappingFileError),
    /// The file of access profiles.
    #[error(transparent)]
    Profiles(#[from] ProfilesError),
    /// The HTTP client.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The credentials file.
    #[error("{0}")]
    Credentials(String),
    /// There are files already.
    #[error("{} is not empty; name another folder with --to", .0.display())]
    NotEmpty(PathBuf),
    /// A file.
    #[error("cannot write to {}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// OX.
    #[error("{0}")]
    Ox(#[from] OxError),
}

/// What was found, in numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Objects taken over, by kind.
    pub taken: BTreeMap<ObjectKind, usize>,
    /// Objects that drover knew already.
    pub known: usize,
    /// What was left out or should be known, for people.
    pub notes: Vec<String>,
}

/// Where things are that drover knows: context, kind, number.
type KnownAt = HashSet<(ContextId, ObjectKind, OxId)>;

/// The import under way.
struct Import<'a> {
    order: &'a Order,
    ox: SoapClient,
    credentials: Arc<CredentialsFile>,
    policy: Policy,
    mapping: Mapping,
    profile_file: ProfilesFile,
    /// Profiles by what they grant.
    profiles: HashMap<BTreeSet<&'static str>, (String, ModuleAccess)>,
    made_profiles: Vec<(String, ModuleAccess)>,
    store: Option<SqliteStore>,
    known: KnownAt,
    /// Addresses of functional accounts that drover knows, by context.
    known_accounts: HashSet<(ContextId, String)>,
    report: Report,
}

/// Takes over.
///
/// # Errors
/// [`ImportError`]. What was taken over until then stays, in files and memory alike.
pub async fn run(settings: &Settings, order: &Order) -> Result<Report, ImportError> {
    let lock = if order.dry_run {
        None
    } else {
        let taken = std::fs::read_dir(&order.folder).is_ok_and(|mut all| all.next().is_some());
        if taken {
            return Err(ImportError::NotEmpty(order.folder.clone()));
        }
        Some(DataLock::acquire(&settings.queue.data_dir)?)
    };
    let mut import = Import::new(settings, order)?;
    let contexts = import.contexts()?;
    for context in contexts {
        match import.context(context).await {
            Ok(()) => {}
            // The others may well be reached.
            Err(ImportError::Ox(
                error @ (OxError::Fault { .. } | OxError::NoCredentials { .. }),
            )) => {
                import.report.notes.push(format!("context {context} is left out: {error}"));
            }
            Err(error) => return Err(error),
        }
    }
    import.finish()?;
    let Import { report, store, .. } = import;
    drop(store);
    if let Some(lock) = lock {
        lock.finish().map_err(|source| ImportError::File {
            path: settings.queue.data_dir.clone(),
            source,
        })?;
    }
    Ok(report)
}

impl<'a> Import<'a> {
    fn new(settings: &Settings, order: &'a Order) -> Result<Self, ImportError> {
        let credentials = Arc::new(crate::service::credentials(settings));
        let client = crate::service::client_settings(settings);
        let ox = SoapClient::new(&client, credentials.clone(), None)?;
        let profile_file = ProfilesFile::new(settings.profiles_file());
        let mut profiles = HashMap::new();
        let known = profile_file.load()?.into_iter().chain(profiles::shipped());
        for (name, access) in known {
            profiles.entry(access.words()).or_insert((name, access));
        }
        let store = if order.dry_run && !settings.database().exists() {
            None
        } else {
            Some(SqliteStore::open_keeping(&settings.database(), settings.ledger.keep)?)
        };
        let (mut known, mut known_accounts) = (KnownAt::new(), HashSet::new());
        if let Some(store) = &store {
            store.set_mirrored(settings.mirror_dir().is_some())?;
            store.objects(&mut |record| {
                for (context, placement) in &record.placements {
                    if let Placement::Account { address, .. } = placement {
                        known_accounts.insert((*context, address.to_lowercase()));
                    }
                    let number = placement.ox_id().unwrap_or(OxId::UNKNOWN);
                    known.insert((*context, record.kind, number));
                }
            })?;
        }
        Ok(Self {
            order,
            ox,
            credentials,
            policy: crate::service::policy(settings),
            mapping: MappingFile::open(settings.attribute_mapping())?.current(),
            profile_file,
            profiles,
            made_profiles: Vec::new(),
            store: store.filter(|_| !order.dry_run),
            known,
            known_accounts,
            report: Report::default(),
        })
    }

    fn contexts(&self) -> Result<Vec<ContextId>, ImportError> {
        if !self.order.contexts.is_empty() {
            return Ok(self.order.contexts.clone());
        }
        let accounts = self.credentials.accounts().map_err(ImportError::Credentials)?;
        let contexts = accounts.into_iter().filter_map(|(account, _)| match account {
            Account::Context(context) => Some(context),
            Account::Master => None,
        });
        Ok(contexts.collect())
    }

    async fn context(&mut self, context: ContextId) -> Result<(), ImportError> {
        let mut files = if self.order.dry_run {
            None
        } else {
            Some(Files::create(&self.order.folder, context)?)
        };
        self.itself(context, files.as_mut()).await?;
        let members = self.users(context, files.as_mut()).await?;
        self.groups(context, &members, files.as_mut()).await?;
        self.resources(context, files.as_mut()).await?;
        self.accounts(context, &members, files.as_mut()).await?;
        if let Some(files) = files {
            files.close()?;
        }
        Ok(())
    }

    /// Writes an object down, in the file and in the memory.
    fn take(
        &mut self,
        one: Imported,
        files: Option<&mut Files>,
        batch: &mut Vec<Commit>,
    ) -> Result<(), ImportError> {
        *self.report.taken.entry(one.kind).or_default() += 1;
        if let Some(files) = files {
            files.write(one.kind, &one.entry)?;
        }
        if self.store.is_some() {
            batch.push(one.commit());
        }
        Ok(())
    }

    fn commit(&self, batch: &[Commit]) -> Result<(), ImportError> {
        match &self.store {
            Some(store) if !batch.is_empty() => Ok(store.commit(batch)?),
            _ => Ok(()),
        }
    }

    fn is_known(&mut self, context: ContextId, kind: ObjectKind, ox: OxId) -> bool {
        let known = self.known.contains(&(context, kind, ox));
        self.report.known += usize::from(known);
        known
    }

    /// The context itself; only the master is told of it.
    async fn itself(
        &mut self,
        context: ContextId,
        files: Option<&mut Files>,
    ) -> Result<(), ImportError> {
        if self.is_known(context, ObjectKind::Context, OxId::UNKNOWN) {
            return Ok(());
        }
        let data = match self.ox.context_get(context).await {
            Ok(data) => data,
            Err(error) => {
                let told = format!("context {context} itself is not taken over: {error}");
                self.report.notes.push(told);
                return Ok(());
            }
        };
        let mut batch = Vec::new();
        self.take(objects::context(&data), files, &mut batch)?;
        self.commit(&batch)
    }

    /// Users, a chunk at a time; answers all of the context, those that drover knew as well.
    async fn users(
        &mut self,
        context: ContextId,
        mut files: Option<&mut Files>,
    ) -> Result<HashMap<OxId, Member>, ImportError> {
        let admin = match self.credentials.credentials(Account::Context(context)) {
            Ok(Some(credentials)) => credentials.login,
            Ok(None) | Err(_) => self.policy.admin_login(context),
        };
        let mut members = HashMap::new();
        let known = self.known_users(context)?;
        let numbers = self.ox.user_list(context, "*").await?;
        for chunk in numbers.chunks(CHUNK) {
            let targets: Vec<Target> = chunk.iter().map(|ox| Target::Id(*ox)).collect();
            let users = self.ox.user_get_many(context, &targets).await?;
            let mut batch = Vec::new();
            for user in users.iter().filter(|user| user.name() != admin) {
                if let Some(member) = known.get(&user.id) {
                    self.report.known += 1;
                    members.insert(user.id, member.clone());
                    continue;
                }
                let access = self.ox.user_access(context, &Target::Id(user.id)).await?;
                let profile = self.profile(access);
                let Some(one) = self.one_user(context, user, &profile) else { continue };
                members.insert(user.id, one.member());
                self.take(one, files.as_deref_mut(), &mut batch)?;
            }
            self.commit(&batch)?;
        }
        Ok(members)
    }

    /// Users of a context whom drover knows.
    fn known_users(&self, context: ContextId) -> Result<HashMap<OxId, Member>, ImportError> {
        let mut users = HashMap::new();
        if let Some(store) = &self.store {
            store.objects(&mut |record| {
                if let Some(Placement::User { ox, name, .. }) = record.placements.get(&context) {
                    let (id, dn, name) = (record.id.clone(), record.dn.clone(), name.clone());
                    users.insert(*ox, Member { id, dn, name, is_named: false });
                }
            })?;
        }
        Ok(users)
    }

    fn one_user(
        &mut self,
        context: ContextId,
        user: &OxUser,
        profile: &(String, ModuleAccess),
    ) -> Option<Imported> {
        match objects::user(context, user, profile, &self.mapping, &self.policy.user) {
            Ok(one) => Some(one),
            Err(why) => {
                let told = format!("user {} of context {context} is left out: {why}", user.id);
                self.report.notes.push(told);
                None
            }
        }
    }

    /// The profile that grants just that; a new one if none does.
    fn profile(&mut self, access: ModuleAccess) -> (String, ModuleAccess) {
        let made = &mut self.made_profiles;
        let found = self.profiles.entry(access.words()).or_insert_with(|| {
            let name = format!("imported-{}", made.len() + 1);
            let access = ModuleAccess::from_words(access.words()).unwrap_or(access);
            made.push((name.clone(), access));
            (name, access)
        });
        found.clone()
    }

    async fn groups(
        &mut self,
        context: ContextId,
        members: &HashMap<OxId, Member>,
        mut files: Option<&mut Files>,
    ) -> Result<(), ImportError> {
        let mut batch = Vec::new();
        for group in self.ox.group_list(context).await? {
            let own =
                OWN_GROUPS.contains(&group.id.0) || group.data.name.eq_ignore_ascii_case(OWN_GROUP);
            if own || self.is_known(context, ObjectKind::Group, group.id) {
                continue;
            }
            match objects::group(context, &group, members) {
                Ok(one) => self.take(one, files.as_deref_mut(), &mut batch)?,
                Err(why) => {
                    let told =
                        format!("group {} of context {context} is left out: {why}", group.id);
                    self.report.notes.push(told);
                }
            }
        }
        self.commit(&batch)
    }

    async fn resources(
        &mut self,
        context: ContextId,
        mut files: Option<&mut Files>,
    ) -> Result<(), ImportError> {
        let mut batch = Vec::new();
        for resource in self.ox.resource_list(context).await? {
            if self.is_known(context, ObjectKind::Resource, resource.id) {
                continue;
            }
            match objects::resource(context, &resource) {
                Ok(one) => self.take(one, files.as_deref_mut(), &mut batch)?,
                Err(why) => {
                    let number = resource.id;
                    let told = format!("resource {number} of context {context} is left out: {why}");
                    self.report.notes.push(told);
                }
            }
        }
        self.commit(&batch)
    }

    async fn accounts(
        &mut self,
        context: ContextId,
        members: &HashMap<OxId, Member>,
        mut files: Option<&mut Files>,
    ) -> Result<(), ImportError> {
        let listed = match self.ox.account_list(context, &[]).await {
            // An OX without that service has none.
            Err(OxError::Http { status: 404, .. } | OxError::NotOffered { .. }) => Vec::new(),
            listed => listed?,
        };
        let mut by_address: BTreeMap<String, Vec<_>> = BTreeMap::new();
        for account in listed {
            by_address.entry(account.data.address.to_lowercase()).or_default().push(account);
        }
        let mut batch = Vec::new();
        for (address, accounts) in by_address {
            if self.known_accounts.contains(&(context, address)) {
                self.report.known += 1;
                continue;
            }
            match objects::account(context, &accounts, members) {
                Ok(one) => self.take(one, files.as_deref_mut(), &mut batch)?,
                Err(why) => {
                    let told =
                        format!("a secondary account of context {context} is left out: {why}");
                    self.report.notes.push(told);
                }
            }
        }
        self.commit(&batch)
    }

    /// Profiles that had to be made for what users may do.
    fn finish(&mut self) -> Result<(), ImportError> {
        let made = std::mem::take(&mut self.made_profiles);
        if made.is_empty() {
            return Ok(());
        }
        let mut files = if self.order.dry_run {
            None
        } else {
            Some(Files::create_profiles(&self.order.folder)?)
        };
        let mut batch = Vec::new();
        for (name, access) in made {
            let one = objects::profile(&name, access);
            let (id, since) = (one.id.clone(), ItemName::new(FIRST));
            self.take(one, files.as_mut(), &mut batch)?;
            if self.store.is_some() {
                self.profile_file.change(&name, Some(access))?;
                let version = ProfileVersion { object: id, name, since, access: Some(access) };
                batch.push(vec![crate::store::Change::PutProfile(version)]);
            }
        }
        self.commit(&batch)?;
        files.map_or(Ok(()), Files::close)
    }
}
