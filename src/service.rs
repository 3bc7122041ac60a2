//! drover over a data folder: from settings to a running engine.
//!
//! The folder is laid out as the connector's: the queue in `DIR/listener`, access profiles in
//! `DIR/ModuleAccessDefinitions.properties`, credentials in `DIR/secrets/contexts.json` unless set
//! otherwise; drover's own are `DIR/drover.db` and `DIR/drover.lock`.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::actors::supervisor::{MOST_RUNNING, Rules, Until};
use crate::admin;
use crate::clock::{Clock, SystemClock};
use crate::credentials::CredentialsFile;
use crate::engine::{Engine, Parts};
use crate::mapping_file::{MappingFile, MappingFileError};
use crate::mirror::Mirror;
use crate::ox::CallObserver;
use crate::ox::client::{ClientError, ClientSettings, SoapClient};
use crate::ox::limiter::Gates;
use crate::plan::attributes::{Identifier, MailSettings, ServerUrl, UserSettings};
use crate::plan::entitlement::ProfileBook;
use crate::profiles::{self, ProfilesError, ProfilesFile};
use crate::provision::Policy;
use crate::queue::{DataLock, DirectoryQueue, DirectorySettings, Found, LockError, Queue};
use crate::route::Identifiers;
use crate::settings::{MailServer, Settings};
use crate::store::sqlite::SqliteStore;
use crate::store::{Store, StoreError};

/// Why the service cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The data folder cannot be used, or another process uses it.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The queue's folder cannot be made.
    #[error("cannot make the queue's folder {path}; create it, or name another data folder")]
    QueueFolder {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The state database.
    #[error("the state database {path} cannot be used: {reason}")]
    Store {
        /// The file.
        path: PathBuf,
        /// Why; it tells its own cause.
        reason: StoreError,
    },
    /// The HTTP client.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The attribute mapping.
    #[error(transparent)]
    Mapping(#[from] MappingFileError),
    /// The file of access profiles.
    #[error(transparent)]
    Profiles(#[from] ProfilesError),
}

/// A data folder that this process owns, with everything built over it.
pub struct Service {
    parts: Parts,
    /// The store again, the mirror's folder, and whether files may be other than they were left.
    mirror: Option<(Arc<SqliteStore>, PathBuf, bool)>,
    credentials: PathBuf,
    mapping: Arc<MappingFile>,
    limits: Arc<Gates>,
    data_dir: PathBuf,
    metrics_contexts: usize,
    lock: DataLock,
}

impl Running {
    /// What operators are answered from.
    pub fn for_operators(&self) -> admin::Engine {
        admin::Engine {
            operator: self.engine.operator(),
            snapshots: self.engine.snapshots(),
            index: self.engine.index(),
            store: self.store.clone(),
            limits: self.limits.clone(),
            news: self.engine.news(),
            started_ms: SystemClock.now_ms(),
            data_dir: self.data_dir.clone(),
            metrics_contexts: self.metrics_contexts,
        }
    }
}

/// A running engine and the lock of its data folder.
pub struct Running {
    /// The engine.
    pub engine: Engine,
    /// Lays down last known states.
    pub mirror: Option<Mirror>,
    /// The credentials file, to be watched for changes.
    pub credentials: PathBuf,
    /// The attribute mapping, to be looked at while nothing else does.
    pub mapping: Arc<MappingFile>,
    /// The limits of calls to OX, as found so far.
    pub limits: Arc<Gates>,
    /// drover's memory, for reading.
    pub store: Arc<dyn Store>,
    /// The data folder.
    pub data_dir: PathBuf,
    /// How many contexts have series of their own at most.
    pub metrics_contexts: usize,
    /// Held as long as the engine runs.
    pub lock: DataLock,
}

impl Service {
    /// Takes the data folder and builds everything; nothing is sent yet.
    ///
    /// `observer` is told of every call.
    ///
    /// # Errors
    /// [`ServiceError`]; the folder is free again then.
    pub fn open(
        settings: &Settings,
        until: Until,
        observer: Option<Arc<dyn CallObserver>>,
    ) -> Result<Self, ServiceError> {
        let lock = DataLock::acquire(&settings.queue.data_dir)?;
        let left = lock.found();
        Self::open_locked(settings, until, observer, lock, left)
    }

    /// The same over a folder that this process owns already. `left`: how the engine before it has
    /// ended.
    ///
    /// # Errors
    /// [`ServiceError`]; the folder is free then.
    pub fn open_locked(
        settings: &Settings,
        until: Until,
        observer: Option<Arc<dyn CallObserver>>,
        lock: DataLock,
        left: Found,
    ) -> Result<Self, ServiceError> {
        let queue_dir = settings.queue_dir();
        std::fs::create_dir_all(&queue_dir)
            .map_err(|source| ServiceError::QueueFolder { path: queue_dir.clone(), source })?;
        let database = settings.database();
        let cut_short = match left {
            Found::Finished => false,
            Found::Unfinished => true,
            // A lock file is lost more easily than a database.
            Found::Nothing => database.exists(),
        };
        let store = SqliteStore::open_keeping(&database, settings.ledger.keep)
            .map_err(|reason| ServiceError::Store { path: database, reason })?;
        let mirror = settings.mirror_dir();
        store
            .set_mirrored(mirror.is_some())
            .map_err(|reason| ServiceError::Store { path: settings.database(), reason })?;
        warn_of_states(settings, &store);
        let store = Arc::new(store);
        let mirror = mirror.map(|folder| (store.clone(), folder, cut_short));
        let credentials_path = settings.credentials_file();
        let credentials = Arc::new(credentials(settings));
        let client = SoapClient::new(&client_settings(settings), credentials.clone(), observer)?;
        let limits = client.gates();
        let profile_file = ProfilesFile::new(settings.profiles_file());
        let in_file = profile_file.load()?;
        for (name, access) in &in_file {
            if let Some(why) = access.contradiction() {
                tracing::warn!(
                    "{}: profile \"{name}\" {why}; users who have it wait until it is mended",
                    settings.profiles_file().display()
                );
            }
        }
        let book = ProfileBook::new(in_file, profiles::shipped());
        let mapping = Arc::new(MappingFile::open(settings.attribute_mapping())?);
        let queue = DirectoryQueue::new(
            queue_dir.clone(),
            DirectorySettings {
                max_file_bytes: settings.queue.max_file_bytes,
                scan_every: settings.run.interval.unwrap_or(settings.queue.scan_every),
            },
        );
        let parts = Parts {
            ox: Arc::new(client),
            store: store.clone(),
            queue: Arc::new(queue),
            watch: until == Until::Told,
            vault: credentials,
            profile_file: Arc::new(profile_file),
            book,
            mapping: mapping.clone(),
            policy: policy(settings),
            rules: rules(settings, until, cut_short),
            arbiters: settings.limits.threads(),
            writer_thread: true,
            queue_place: queue_dir.display().to_string(),
            clock: Arc::new(SystemClock),
        };
        Ok(Self {
            parts,
            mirror,
            credentials: credentials_path,
            mapping,
            limits,
            data_dir: settings.queue.data_dir.clone(),
            metrics_contexts: settings.metrics.contexts,
            lock,
        })
    }

    /// Has the queue pass through something else, to be called before the start.
    #[must_use]
    pub fn with_queue(mut self, wrap: impl FnOnce(Arc<dyn Queue>) -> Arc<dyn Queue>) -> Self {
        self.parts.queue = wrap(self.parts.queue);
        self
    }

    /// Starts the engine. Must be called inside an actix system.
    ///
    /// # Errors
    /// If the state cannot be read.
    pub fn start(self) -> Result<Running, StoreError> {
        let Self { parts, mirror, credentials, mapping, limits, data_dir, metrics_contexts, lock } =
            self;
        let store = parts.store.clone();
        let engine = Engine::start(parts)?;
        let mirror = mirror.and_then(|(store, folder, compare_all)| {
            Mirror::start(store, folder, compare_all)
                .inspect_err(|problem| tracing::warn!("there can be no mirror: {problem}"))
                .ok()
        });
        Ok(Running {
            engine,
            mirror,
            credentials,
            mapping,
            limits,
            store,
            data_dir,
            metrics_contexts,
            lock,
        })
    }
}

/// Whoever starts in a connector's folder without having taken over would leave what is deleted in the
/// directory from now on where it is in OX.
fn warn_of_states(settings: &Settings, store: &SqliteStore) {
    let mut known = false;
    let read = store.reader().ids(&mut |_| known = true);
    let is_state = |entry: std::io::Result<std::fs::DirEntry>| {
        entry.is_ok_and(|entry| entry.path().extension().is_some_and(|end| end == "json"))
    };
    let states = std::fs::read_dir(settings.old_dir());
    if read.is_ok() && !known && states.is_ok_and(|mut states| states.any(is_state)) {
        tracing::warn!(
            "an OX Connector has left its states in {}, and drover knows none of these objects; stop \
             drover and run \"drover takeover --from {}\" first",
            settings.old_dir().display(),
            settings.queue.data_dir.display()
        );
    }
}

/// The credentials file, with the master's from the settings if they are there.
pub(crate) fn credentials(settings: &Settings) -> CredentialsFile {
    let file = CredentialsFile::new(settings.credentials_file());
    match &settings.ox.master_password {
        Some(password) => file.with_master(settings.ox.master_admin.clone(), password.clone()),
        None => file,
    }
}

/// How OX is reached.
pub(crate) fn client_settings(settings: &Settings) -> ClientSettings {
    let ox = &settings.ox;
    let mut client = ClientSettings::new(ox.soap_server.clone());
    client.ca_file.clone_from(&ox.ca_file);
    client.accept_invalid_certs = ox.insecure;
    client.proxy_from_environment = ox.proxy;
    client.connect_timeout = ox.connect_timeout;
    client.deadlines.read = ox.read_deadline;
    client.deadlines.write = ox.write_deadline;
    client.deadlines.heavy = ox.heavy_deadline;
    client.answer_idle = ox.answer_idle;
    client.adaptive = settings.limits.adaptive;
    client.max_in_flight = settings.limits.max_in_flight;
    client.max_context_creates = settings.limits.max_context_creates;
    client.calls_per_second = settings.limits.calls_per_second;
    client
}

fn server(server: &MailServer) -> ServerUrl {
    ServerUrl { host: server.host.clone(), port: server.port, scheme: server.scheme.clone() }
}

/// The settings of provisioning.
pub(crate) fn policy(settings: &Settings) -> Policy {
    let mapping = &settings.mapping;
    Policy {
        default_context: settings.ox.default_context,
        domain: settings.ox.domain_name.clone(),
        extra_mappings: mapping.login_mappings.clone(),
        user: UserSettings {
            mail: MailSettings {
                imap: server(&mapping.imap_server),
                smtp: server(&mapping.smtp_server),
                imap_login: mapping.imap_login.clone().unwrap_or_default(),
            },
            language: mapping.language.clone(),
            timezone: mapping.timezone.clone(),
            user_identifier: Identifier::new(&mapping.user_identifier, "username"),
            texts: mapping.texts,
        },
        group_identifier: mapping.group_identifier.clone(),
        account_login: mapping.functional_account_login_template.clone(),
        on_revoke: mapping.on_revoke,
        profile_holders: mapping.profile_holders,
        heir: mapping.heir.clone(),
        disable_contexts: mapping.disable_contexts,
        sender_name: mapping.sender_name,
        deputies: mapping.deputy_permissions,
        shared_accounts: mapping.shared_accounts,
        shared_account_identifier: mapping.shared_account_identifier.clone(),
        groups: settings.groups,
        scope: Arc::new(settings.scope.clone()),
    }
}

fn rules(settings: &Settings, until: Until, cut_short: bool) -> Rules {
    let retry = &settings.retry;
    Rules {
        until,
        on_fault: retry.on_fault,
        stop_scope: retry.stop_scope,
        faulty: retry.faulty,
        busy: retry.busy,
        outage: retry.outage,
        busy_attempts: retry.busy_attempts,
        drain: settings.run.drain,
        guard: settings.guard,
        leavers_first: settings.queue.leavers_first,
        most_running: MOST_RUNNING,
        identifiers: Identifiers {
            user: settings.mapping.user_identifier.clone(),
            group: settings.mapping.group_identifier.clone(),
            shared_account: settings.mapping.shared_account_identifier.clone(),
        },
        cut_short,
        seed: rand::random(),
    }
}
