//! Compares three states of objects: as last seen in the directory, as last provisioned, as OX has them
//! now. Changes nothing: it reads drover's memory beside whoever works with it, and asks OX through a
//! client of its own, one call at a time.
//!
//! It goes context by context. Users are asked for some hundred in a call, groups and resources of a
//! context in one; besides their ids, no more than that is held at a time.

mod context;
mod fields;

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use serde::Serialize;

use crate::credentials::CredentialsFile;
use crate::mapping_file::{MappingFile, MappingFileError};
use crate::model::object::DirectoryObject;
use crate::model::{ContextId, Dn, ObjectId, ObjectKind};
use crate::ox::{ClientError, OxError, SoapClient};
use crate::plan::attributes::Mapping;
use crate::plan::entitlement::ProfileBook;
use crate::profiles::{self, ProfilesError, ProfilesFile};
use crate::provision::{Mappings, Policy};
use crate::scope::Standing;
use crate::settings::Settings;
use crate::store::{ObjectRecord, SqliteReader, StoreError};

pub use fields::Difference;

/// Why it could not be done, or not to the end.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// drover's memory.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The attribute mapping.
    #[error(transparent)]
    Mapping(#[from] MappingFileError),
    /// The file of access profiles.
    #[error(transparent)]
    Profiles(#[from] ProfilesError),
    /// The HTTP client.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// OX cannot be reached, or not any more.
    #[error("{0}; start again when OX is back")]
    Ox(OxError),
    /// Writing what was found.
    #[error("cannot write what was found")]
    Output(#[from] io::Error),
}

/// Which objects.
#[derive(Debug, Clone, Default)]
pub struct Which {
    /// One object: its id, its DN, its name in OX, or CONTEXT/NAME.
    pub object: Option<String>,
    /// Only in that context.
    pub context: Option<ContextId>,
    /// Only of that kind.
    pub kind: Option<ObjectKind>,
    /// Users' rights too, at a call for each user.
    pub rights: bool,
}

impl Which {
    /// Whether all there is of a kind in a context is looked at, so that strangers can be told.
    fn is_whole(&self) -> bool {
        self.object.is_none()
    }

    fn wants(&self, kind: ObjectKind) -> bool {
        self.kind.is_none_or(|wanted| wanted == kind)
    }
}

/// How an object is in a context.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// All three agree.
    Same,
    /// They do not.
    Differs,
    /// drover has put it there, and OX does not have it.
    Missing,
    /// OX has it under another number than drover remembers.
    OtherNumber,
    /// The directory wants it there, and drover has not put it there (yet).
    NotProvisioned,
    /// OX has it, and drover does not know it. Never touched.
    Unknown,
    /// It could not be told.
    Failed,
}

impl State {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Differs => "differs",
            Self::Missing => "missing",
            Self::OtherNumber => "other_number",
            Self::NotProvisioned => "not_provisioned",
            Self::Unknown => "unknown",
            Self::Failed => "failed",
        }
    }

    /// Whether to provision the object again may put it right.
    pub fn is_curable(self) -> bool {
        match self {
            Self::Differs | Self::Missing | Self::OtherNumber | Self::NotProvisioned => true,
            Self::Same | Self::Unknown | Self::Failed => false,
        }
    }
}

/// One object in one context.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Compared {
    /// Where.
    pub context: ContextId,
    /// Its kind.
    pub kind: ObjectKind,
    /// The object, if drover knows it.
    pub object: Option<ObjectId>,
    /// Its name in OX.
    pub name: Option<String>,
    /// How it is.
    pub state: State,
    /// What differs.
    pub differences: Vec<Difference>,
    /// Why it could not be told.
    pub reason: Option<String>,
}

/// What was found, in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Summary {
    /// Objects looked at, in each of their contexts.
    pub compared: u64,
    /// Those of which all agree.
    pub same: u64,
    /// Those of which something differs, or which are missing.
    pub different: u64,
    /// What OX has and drover does not know.
    pub unknown: u64,
    /// What could not be told.
    pub failed: u64,
}

impl Summary {
    fn count(&mut self, one: &Compared) {
        self.compared += u64::from(one.object.is_some());
        match one.state {
            State::Same => self.same += 1,
            State::Unknown => self.unknown += 1,
            State::Failed => self.failed += 1,
            _ => self.different += 1,
        }
    }
}

/// Calls in a second unless told otherwise: OX has others to serve.
pub const CALLS_PER_SECOND: u32 = 20;

/// Everything that is needed to compare.
pub struct Comparer {
    memory: SqliteReader,
    ox: SoapClient,
    policy: Policy,
    mapping: Mapping,
    book: ProfileBook,
    credentials: Arc<CredentialsFile>,
}

/// What is called with each result.
pub type Each<'a> = dyn FnMut(Compared) -> io::Result<()> + 'a;

impl Comparer {
    /// Makes ready; nothing is sent yet. `calls_per_second`: none = no limit.
    ///
    /// # Errors
    /// [`CompareError`].
    pub fn new(
        settings: &Settings,
        memory: SqliteReader,
        calls_per_second: Option<std::num::NonZeroU32>,
    ) -> Result<Self, CompareError> {
        let credentials = Arc::new(crate::service::credentials(settings));
        let mut client = crate::service::client_settings(settings);
        client.calls_per_second = calls_per_second;
        let ox = SoapClient::new(&client, credentials.clone(), None)?;
        let in_file = ProfilesFile::new(settings.profiles_file()).load()?;
        let mut book = ProfileBook::new(in_file, profiles::shipped());
        for version in memory.profiles()? {
            book.add(&version);
        }
        let mapping = MappingFile::open(settings.attribute_mapping())?.current();
        let policy = crate::service::policy(settings);
        Ok(Self { memory, ox, policy, mapping, book, credentials })
    }

    /// Compares what is meant; `each` gets every object, those that agree as well.
    ///
    /// # Errors
    /// [`CompareError`]; what was found until then stands.
    pub async fn run(&self, which: &Which, each: &mut Each<'_>) -> Result<Summary, CompareError> {
        let mut summary = Summary::default();
        let mut counted = |one: Compared| {
            summary.count(&one);
            each(one)
        };
        let places = self.places(which)?;
        for here in places.chunk_by(|a, b| a.0 == b.0) {
            let context = here[0].0;
            if let Err(problem) = self.context(context, here, which, &mut counted).await? {
                // The others may well be reached.
                counted(Compared {
                    context,
                    kind: ObjectKind::Context,
                    object: None,
                    name: None,
                    state: State::Failed,
                    differences: Vec::new(),
                    reason: Some(problem.to_string()),
                })?;
            }
        }
        Ok(summary)
    }

    /// Where the objects meant are, or should be, by context and kind.
    fn places(&self, which: &Which) -> Result<Vec<Place>, StoreError> {
        let mut places = BTreeSet::new();
        let mut take = |record: &ObjectRecord, named: Option<&str>| {
            if !which.wants(record.kind) || record.kind == ObjectKind::Profile {
                return;
            }
            for context in self.contexts_of(record) {
                let here = which.context.is_none_or(|wanted| wanted == context);
                if here && named.is_none_or(|name| fields::is_called(record, context, name)) {
                    places.insert((context, record.kind, record.id.clone()));
                }
            }
        };
        let Some(what) = which.object.as_deref().map(str::trim) else {
            self.memory.objects(&mut |record| take(&record, None))?;
            return Ok(places.into_iter().collect());
        };
        let mut ids = self.memory.holders(Dn::new(what).key())?;
        ids.push(ObjectId::new(what));
        for id in ids {
            if let Some(record) = self.memory.object(&id)? {
                take(&record, None);
            }
        }
        if places.is_empty() {
            let (context, name) = match crate::admin::find::in_context(what) {
                Some((context, name)) => (Some(context), name),
                None => (None, what),
            };
            let mut take = |record: &ObjectRecord| {
                for here in self.contexts_of(record) {
                    if which.wants(record.kind)
                        && context.or(which.context).is_none_or(|wanted| wanted == here)
                        && fields::is_called(record, here, name)
                    {
                        places.insert((here, record.kind, record.id.clone()));
                    }
                }
            };
            self.memory.objects(&mut |record| take(&record))?;
        }
        Ok(places.into_iter().collect())
    }

    /// Contexts in which the object is, or belongs.
    fn contexts_of(&self, record: &ObjectRecord) -> BTreeSet<ContextId> {
        let mut contexts: BTreeSet<ContextId> = record.placements.keys().copied().collect();
        contexts.extend(self.wanted(record).and_then(|object| object.own_context()));
        contexts
    }

    /// The object as the directory wants it, if it is in scope.
    fn wanted(&self, record: &ObjectRecord) -> Option<DirectoryObject> {
        let properties = record.properties.as_ref()?;
        let standing = self.policy.scope.judge(&record.id, record.kind, &record.dn, properties);
        match standing {
            Standing::In => DirectoryObject::parse(record.kind, properties).ok(),
            Standing::Out(..) | Standing::Protected(_) => None,
        }
    }
}

/// An object in a context.
type Place = (ContextId, ObjectKind, ObjectId);
