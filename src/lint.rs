//! What is wrong with a source, found without OX: what it would refuse, what contradicts itself, what
//! leads nowhere.
//!
//! ```text
//! data folder: what drover knows, then the queue ─┐
//! folders of queue files or last known states ────┼─► newest state of each object ─► findings
//! files of desired state ─────────────────────────┘
//! ```
//!
//! Only a summary of each object is held at a time, however large its properties are. Findings name
//! objects by their DNs and never show a value.

mod checks;
mod source;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use serde::Serialize;

use crate::apply::ApplyError;
use crate::credentials::CredentialsFile;
use crate::mapping_file::{MappingFile, MappingFileError};
use crate::model::ObjectKind;
use crate::ox::{Account, CredentialSource as _};
use crate::plan::attributes::Mapping;
use crate::plan::entitlement::ProfileBook;
use crate::profiles::{self, ProfilesError, ProfilesFile};
use crate::provision::{Mappings as _, Policy};
use crate::queue::QueueError;
use crate::settings::Settings;
use crate::store::StoreError;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Something somebody should know.
    Notice,
    /// Something will not be as meant.
    Warning,
    /// The object cannot be provisioned so.
    Error,
}

impl Severity {
    /// All, the mildest first.
    pub const ALL: [Self; 3] = [Self::Notice, Self::Warning, Self::Error];

    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The rule, in a word or two.
    pub check: &'static str,
    /// The kind of object; none if it is about a file or about many objects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<ObjectKind>,
    /// Where: the object's DN, or a file.
    #[serde(rename = "where")]
    pub place: String,
    /// What is wrong.
    pub told: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub cure: &'static str,
}

/// Why nothing could be looked at.
#[derive(Debug, thiserror::Error)]
pub enum LintError {
    /// A file or folder.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The queue.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// drover's memory.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The attribute mapping.
    #[error(transparent)]
    Mapping(#[from] MappingFileError),
    /// The file of access profiles.
    #[error(transparent)]
    Profiles(#[from] ProfilesError),
    /// A file of desired state that cannot be read.
    #[error(transparent)]
    Apply(#[from] ApplyError),
}

/// What is looked at, and by which rules.
pub struct Linter {
    policy: Policy,
    mapping: Mapping,
    book: ProfileBook,
    /// Administrators by context, of those that have an entry in the credentials file.
    administrators: BTreeMap<u32, String>,
    /// Domains that addresses may be in, in small letters; none: any.
    domains: Vec<String>,
}

/// How many objects were looked at, and what was found.
#[derive(Debug, Default)]
pub struct Report {
    /// Objects that are there, by kind.
    pub objects: BTreeMap<ObjectKind, usize>,
    /// What was found, the worst first.
    pub findings: Vec<Finding>,
}

impl Linter {
    /// Makes ready. `domains`: those that addresses may be in; empty: any.
    ///
    /// # Errors
    /// If a file beside the source cannot be used.
    pub fn new(settings: &Settings, domains: &[String]) -> Result<Self, LintError> {
        let in_file = ProfilesFile::new(settings.profiles_file()).load()?;
        Ok(Self {
            policy: crate::service::policy(settings),
            mapping: MappingFile::open(settings.attribute_mapping())?.current(),
            book: ProfileBook::new(in_file, profiles::shipped()),
            administrators: administrators(&crate::service::credentials(settings)),
            domains: domains.iter().map(|domain| domain.to_lowercase()).collect(),
        })
    }

    /// Looks at what drover knows and at its queue, or at `paths` instead: folders of queue files or last
    /// known states, single ones, and files of desired state.
    ///
    /// # Errors
    /// [`LintError`] if something cannot be read at all. A file that holds nonsense is a finding.
    pub fn run(mut self, settings: &Settings, paths: &[PathBuf]) -> Result<Report, LintError> {
        let mut report = Report::default();
        let source = source::Source::gather(settings, paths, &self.book, &mut report.findings)?;
        source.each_profile(&mut |version| self.book.add(version))?;
        checks::run(&self, &source, &mut report)?;
        report.findings.sort_by(|a, b| {
            (b.severity, a.check, &a.place, &a.told).cmp(&(a.severity, b.check, &b.place, &b.told))
        });
        Ok(report)
    }
}

/// Those who can be told; a file that cannot be read is told of elsewhere.
fn administrators(file: &CredentialsFile) -> BTreeMap<u32, String> {
    let accounts = file.accounts().unwrap_or_default();
    let named = accounts.into_iter().filter_map(|(account, _)| match account {
        Account::Context(context) => {
            Some((context.0, file.credentials(account).ok().flatten()?.login))
        }
        Account::Master => None,
    });
    named.collect()
}
