//! Puts the records into drover's memory, many in one commit.

use std::collections::{BTreeSet, HashSet};

use super::find::Found;
use super::records::{Doubt, Made, Maker, ORDER};
use super::{Memory, Report, Source, TakeoverError, beside};
use crate::credentials::CredentialsFile;
use crate::model::{ContextId, ObjectId, ObjectKind, OxId};
use crate::ox::Account;
use crate::plan::attributes::Mapping;
use crate::plan::entitlement::ProfileBook;
use crate::profiles::{self, ProfilesFile};
use crate::provision::Vault as _;
use crate::provision::work::put_object;
use crate::service::{self, ServiceError};
use crate::settings::Settings;
use crate::snapshot::Snapshot;
use crate::store::storable::{storable_placement, storable_properties};
use crate::store::{Change, Commit, ObjectRecord, Placement, SqliteReader, Store as _, StoreError};

/// Objects in one commit: few enough not to need memory, many enough not to wait for the disk.
const BATCH: usize = 1000;

/// What is done with an object.
enum Decision {
    /// drover does not know it.
    New,
    /// drover knows it just so.
    Same,
    /// The connector has gone on since it was taken over, and drover has not begun.
    Renew(Box<ObjectRecord>),
    /// drover knows it, and what it knows is newer. The connector's state is another.
    Leave,
}

/// The import under way.
struct Import<'a> {
    memory: &'a Memory,
    settings: &'a Settings,
    /// drover knows nothing at all: nobody needs to be looked for.
    empty: bool,
    has_worked: bool,
    batch: Vec<Commit>,
    /// All that the connector knows; not kept where it makes no difference.
    seen: HashSet<ObjectId>,
    /// Contexts with users whose numbers are the connector's word.
    doubted: BTreeSet<ContextId>,
    /// Contexts that the connector knows.
    contexts: BTreeSet<ContextId>,
}

/// Imports all states.
pub(super) fn run(
    source: &Source,
    memory: &Memory,
    settings: &Settings,
    mapping: &Mapping,
    found: &Found,
    report: &mut Report,
) -> Result<(), TakeoverError> {
    let failed = |source| TakeoverError::Store { path: settings.database(), source };
    let policy = service::policy(settings);
    let profile_file = ProfilesFile::new(beside::profiles(found, settings));
    let book = profile_file.load().map_err(ServiceError::from)?;
    let book = ProfileBook::new(book, profiles::shipped());
    let credentials = CredentialsFile::new(beside::credentials(found, settings));
    let administrator = |context| match credentials.find(Account::Context(context)) {
        Ok(Some(found)) => found.login,
        Ok(None) | Err(_) => policy.admin_login(context),
    };
    let look_up = |id: &ObjectId| {
        let record = memory.reader()?.object(id).ok()??;
        Some((record.dn, record.properties.unwrap_or_default()))
    };
    let mut maker = Maker::new(&policy, mapping, book, &administrator, &look_up);
    let mut import = Import::new(memory, settings).map_err(failed)?;
    for kind in ORDER {
        source.each(kind, report, &mut |snapshot, report| {
            let made = maker.make(&snapshot);
            import.take(&snapshot, made, report).map_err(failed)
        })?;
        // Accounts look at users, and the next kind may be large.
        import.flush().map_err(failed)?;
    }
    import.forget_others(report).map_err(failed)?;
    let without_key = |context: &&ContextId| {
        !matches!(credentials.find(Account::Context(**context)), Ok(Some(_)))
    };
    report.contexts_without_key(import.contexts.iter().filter(without_key).copied());
    Ok(())
}

impl<'a> Import<'a> {
    fn new(memory: &'a Memory, settings: &'a Settings) -> Result<Self, StoreError> {
        let is_empty = |reader: &SqliteReader| -> Result<bool, StoreError> {
            let mut empty = true;
            reader.ids(&mut |_| empty = false)?;
            Ok(empty)
        };
        Ok(Self {
            memory,
            settings,
            empty: memory.reader().map_or(Ok(true), is_empty)?,
            has_worked: memory.has_worked()?,
            batch: Vec::new(),
            seen: HashSet::new(),
            doubted: BTreeSet::new(),
            contexts: BTreeSet::new(),
        })
    }

    fn take(
        &mut self,
        snapshot: &Snapshot,
        mut made: Made,
        report: &mut Report,
    ) -> Result<(), StoreError> {
        let file = &snapshot.file;
        for placement in made.placements.values_mut() {
            *placement = storable_placement(placement);
        }
        let decision = self.decide(snapshot, &made)?;
        let counts = report.counts(file.kind);
        counts.found += 1;
        match &decision {
            Decision::New => counts.new += 1,
            Decision::Same => counts.known += 1,
            Decision::Renew(_) => counts.renewed += 1,
            Decision::Leave => counts.differ += 1,
        }
        note(snapshot, &made, report);
        if !self.empty && !self.has_worked {
            self.seen.insert(file.id.clone());
        }
        self.contexts.extend(made.placements.keys().copied());
        let before = match decision {
            Decision::New => None,
            Decision::Renew(record) => Some(record),
            Decision::Same | Decision::Leave => return Ok(()),
        };
        let mut commit = put_object(file, self.settings.groups.is_flattened());
        let gone = before.iter().flat_map(|record| record.placements.keys());
        for context in gone.filter(|context| !made.placements.contains_key(context)) {
            commit.push(Change::DropPlacement { id: file.id.clone(), context: *context });
        }
        for (context, placement) in made.placements {
            // What connectors knew of users may be as old as a restored database.
            if matches!(placement, Placement::User { ox, .. } if ox != OxId::UNKNOWN)
                && self.doubted.insert(context)
            {
                commit.push(Change::Doubt { context });
            }
            commit.push(Change::PutPlacement { id: file.id.clone(), context, placement });
        }
        commit.extend(made.profile.map(Change::PutProfile));
        self.batch.push(commit);
        if self.batch.len() >= BATCH { self.flush() } else { Ok(()) }
    }

    fn decide(&self, snapshot: &Snapshot, made: &Made) -> Result<Decision, StoreError> {
        let (Some(reader), false) = (self.memory.reader(), self.empty) else {
            return Ok(Decision::New);
        };
        let Some(record) = reader.object(&snapshot.file.id)? else { return Ok(Decision::New) };
        let properties = snapshot.file.properties.as_ref().map(storable_properties);
        let same = record.properties == properties
            && record.dn.as_str() == snapshot.file.dn.as_str()
            && record.kind == snapshot.file.kind;
        Ok(match (same, self.has_worked) {
            (true, true) => Decision::Same,
            (true, false) if record.placements == made.placements => Decision::Same,
            (false, true) => Decision::Leave,
            (_, false) => Decision::Renew(Box::new(record)),
        })
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        let batch = std::mem::take(&mut self.batch);
        match self.memory {
            Memory::Open(store) if !batch.is_empty() => store.commit(&batch),
            _ => Ok(()),
        }
    }

    /// What was taken over before, and the connector does not know any more, was deleted by it. A file
    /// that could not be read may be of any object.
    fn forget_others(&mut self, report: &mut Report) -> Result<(), StoreError> {
        if self.empty || self.has_worked || report.has_unusable() {
            return Ok(());
        }
        let Some(reader) = self.memory.reader() else { return Ok(()) };
        let mut gone = Vec::new();
        reader.ids(&mut |id| {
            if !self.seen.contains(&id) {
                gone.push(id);
            }
        })?;
        report.gone = gone.len();
        for id in gone {
            self.batch.push(vec![Change::ForgetObject { id }]);
            if self.batch.len() >= BATCH {
                self.flush()?;
            }
        }
        self.flush()
    }
}

/// Tells of an object.
fn note(snapshot: &Snapshot, made: &Made, report: &mut Report) {
    let file = &snapshot.file;
    for context in made.placements.keys() {
        report.at(*context, file.kind);
    }
    let id = &file.id;
    match &made.doubt {
        None => {
            if file.kind == ObjectKind::User && made.placements.is_empty() {
                report.no_ox_users += 1;
            }
        }
        Some(Doubt::NoNumber) => report.without_number += 1,
        Some(Doubt::Administrator) => report.administrators += 1,
        Some(Doubt::NoContext) => report.without_context += 1,
        Some(Doubt::NoName(why)) => {
            report.odd(format!("user {id} is remembered, but not that he is in OX: {why}"));
        }
        Some(Doubt::NoLogin(why)) => report
            .odd(format!("functional account {id} is remembered, but not who has it in OX: {why}")),
    }
}

impl std::fmt::Debug for Import<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Import")
            .field("database", &self.settings.database())
            .finish_non_exhaustive()
    }
}
