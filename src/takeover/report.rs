//! What was found, what was done with it, and what nobody can know.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::Order;
use super::find::Found;
use crate::model::{ContextId, ObjectId, ObjectKind};
use crate::settings::Settings;

/// So many of a kind of thing are named; the rest is counted.
const MOST_NAMED: usize = 20;

/// Objects of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// States that were found.
    pub found: usize,
    /// Of these, not known to drover before.
    pub new: usize,
    /// Known just so.
    pub known: usize,
    /// Taken over before, and taken over anew because the connector has gone on since.
    pub renewed: usize,
    /// Known to drover otherwise, and left as drover knows them.
    pub differ: usize,
}

/// The report; also as JSON.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Whether nothing was changed.
    pub dry_run: bool,
    /// What was found, in words.
    pub layout: String,
    /// The connector's folder.
    pub from: PathBuf,
    /// drover's folder.
    pub data: PathBuf,
    /// Objects by kind.
    pub objects: BTreeMap<ObjectKind, Counts>,
    /// Objects in OX by context and kind.
    pub contexts: BTreeMap<ContextId, BTreeMap<ObjectKind, usize>>,
    /// Taken over before, and deleted by the connector since.
    pub gone: usize,
    /// Users who are no OX users.
    pub no_ox_users: usize,
    /// OX users whose number the connector did not know.
    pub without_number: usize,
    /// Users named like their context's administrator.
    pub administrators: usize,
    /// Users and resources that belong into no context.
    pub without_context: usize,
    /// Contexts for which there are no credentials.
    pub without_key: Vec<ContextId>,
    /// Queue files that stay where they are.
    pub stay: usize,
    /// Items that were put into the queue, those that the connector had set aside included.
    pub enqueued: usize,
    /// Items that an earlier takeover put into the queue.
    pub enqueued_before: usize,
    /// Items that the connector had set aside and are tried again.
    pub refused: usize,
    /// Items that the connector had set aside, and of which nothing is left to do.
    pub settled: usize,
    /// Items for people to decide on: object and file.
    pub aside: Vec<(String, PathBuf)>,
    /// Entries added to the credentials file.
    pub keys: Vec<String>,
    /// Files copied.
    pub copied: Vec<PathBuf>,
    /// Objects and tasks of kinds that this drover does not provision.
    pub unknown_kinds: BTreeMap<String, usize>,
    /// What cannot be known.
    pub not_known: Vec<String>,
    /// What is odd, and what to do about it.
    pub odd: Vec<String>,
    /// How much more is odd than is told.
    pub more_odd: usize,
    #[serde(skip)]
    unusable: bool,
}

impl Report {
    pub(super) fn new(order: &Order, settings: &Settings, found: &Found) -> Self {
        let mut report = Self {
            dry_run: order.dry_run,
            layout: found.layout(),
            from: found.root.clone(),
            data: settings.queue.data_dir.clone(),
            objects: BTreeMap::new(),
            contexts: BTreeMap::new(),
            gone: 0,
            no_ox_users: 0,
            without_number: 0,
            administrators: 0,
            without_context: 0,
            without_key: Vec::new(),
            stay: 0,
            enqueued: 0,
            enqueued_before: 0,
            refused: 0,
            settled: 0,
            aside: Vec::new(),
            keys: Vec::new(),
            copied: Vec::new(),
            unknown_kinds: BTreeMap::new(),
            not_known: Vec::new(),
            odd: Vec::new(),
            more_odd: 0,
            unusable: false,
        };
        report.not_known_of(found);
        report
    }

    fn not_known_of(&mut self, found: &Found) {
        if found.index {
            self.cannot_know(
                "listener/old.db was not read: the states hold all that it holds".to_owned(),
            );
        }
        if let Some(meta) = &found.meta {
            self.cannot_know(format!(
                "{} (the connector's last error) was not read; the item that failed is in the queue \
                 and is tried again",
                meta.display()
            ));
        }
        if !found.stores.is_empty() {
            self.cannot_know(
                "the consumer's stores contexts.db, ox_db_id.db and usernames.db were not read: they \
                 were never sure to be on the disk. Have the directory send every object once more \
                 (a resync); drover looks for each in OX by its name and takes it over"
                    .to_owned(),
            );
        }
    }

    pub(super) fn counts(&mut self, kind: ObjectKind) -> &mut Counts {
        self.objects.entry(kind).or_default()
    }

    pub(super) fn at(&mut self, context: ContextId, kind: ObjectKind) {
        *self.contexts.entry(context).or_default().entry(kind).or_default() += 1;
    }

    pub(super) fn cannot_know(&mut self, what: String) {
        self.not_known.push(what);
    }

    pub(super) fn odd(&mut self, what: String) {
        if self.odd.len() < MOST_NAMED {
            self.odd.push(what);
        } else {
            self.more_odd += 1;
        }
    }

    pub(super) fn unusable(&mut self, what: &str, why: &str) {
        self.unusable = true;
        self.odd(format!(
            "{what} cannot be used: {why}; correct or remove it, and take over once more"
        ));
    }

    pub(super) fn has_unusable(&self) -> bool {
        self.unusable
    }

    pub(super) fn unknown_kind(&mut self, kind: &str) {
        *self.unknown_kinds.entry(kind.to_owned()).or_default() += 1;
    }

    pub(super) fn contexts_without_key(&mut self, contexts: impl Iterator<Item = ContextId>) {
        self.without_key = contexts.collect();
    }

    pub(super) fn aside(&mut self, id: &str, path: &Path) {
        self.aside.push((ObjectId::new(id).to_string(), path.to_owned()));
    }

    pub(super) fn copied(&mut self, path: &Path) {
        self.copied.push(path.to_owned());
    }

    /// Whether somebody has to look after something.
    pub fn is_odd(&self) -> bool {
        !self.odd.is_empty() || !self.aside.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.layout)?;
        writeln!(f, "into {}", self.data.display())?;
        if self.dry_run {
            writeln!(f, "dry run: nothing was changed")?;
        }
        self.fmt_objects(f)?;
        self.fmt_queue(f)?;
        self.fmt_rest(f)
    }
}

impl Report {
    fn fmt_objects(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f)?;
        writeln!(
            f,
            "{:<20}{:>9}{:>9}{:>9}{:>9}{:>9}",
            "", "found", "new", "renewed", "known", "differ"
        )?;
        for (kind, counts) in &self.objects {
            let Counts { found, new, known, renewed, differ } = counts;
            let kind = kind.word();
            writeln!(f, "{kind:<20}{found:>9}{new:>9}{renewed:>9}{known:>9}{differ:>9}")?;
        }
        if self.objects.values().any(|counts| counts.differ > 0) {
            writeln!(
                f,
                "\"differ\": drover has worked here already, and what it knows of these is newer; they \
                 were left as they are. To begin anew, stop drover, move drover.db away and take over \
                 again."
            )?;
        }
        if self.gone > 0 {
            writeln!(f, "{} were deleted by the connector since and are forgotten", self.gone)?;
        }
        writeln!(f)?;
        for (context, kinds) in self.contexts.iter().take(MOST_NAMED) {
            let kinds: Vec<String> = kinds
                .iter()
                .map(|(kind, count)| format!("{count} {}", plural(*kind, *count)))
                .collect();
            writeln!(f, "context {context}: {}", kinds.join(", "))?;
        }
        if let Some(more) = self.contexts.len().checked_sub(MOST_NAMED).filter(|more| *more > 0) {
            writeln!(f, "and {more} contexts more (all of them with --json)")?;
        }
        Ok(())
    }

    fn fmt_queue(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f)?;
        let will = if self.dry_run { "would be " } else { "" };
        for (count, what) in [
            (self.stay, "queue files stay where they are".to_owned()),
            (self.enqueued, format!("items {will}put into the queue")),
            (self.refused, "of these the connector had set aside; they are tried again".to_owned()),
            (self.enqueued_before, "items were put into the queue before".to_owned()),
            (self.settled, "items that were set aside have nothing left to do".to_owned()),
            (self.keys.len(), format!("entries {will}added to the credentials file")),
        ] {
            if count > 0 {
                writeln!(f, "{count} {what}")?;
            }
        }
        for path in &self.copied {
            writeln!(f, "{} {will}copied", path.display())?;
        }
        if !self.aside.is_empty() {
            writeln!(
                f,
                "{} items {will}laid aside. The connector had set them aside, or drover does not \
                 provision their kind, and nothing says that their object still exists. Move those that \
                 are wanted into the queue, remove the others:",
                self.aside.len()
            )?;
            for (id, path) in self.aside.iter().take(MOST_NAMED) {
                writeln!(f, "  object {id}: {}", path.display())?;
            }
            if let Some(more) = self.aside.len().checked_sub(MOST_NAMED).filter(|more| *more > 0) {
                writeln!(f, "  and {more} more")?;
            }
        }
        Ok(())
    }

    fn fmt_rest(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f)?;
        for (count, what) in [
            (self.no_ox_users, "users are no OX users"),
            (
                self.without_number,
                "OX users without a number: looked for by name when they are next needed",
            ),
            (
                self.administrators,
                "users are named like their context's administrator: never touched",
            ),
            (self.without_context, "users or resources belong into no context"),
        ] {
            if count > 0 {
                writeln!(f, "{count} {what}")?;
            }
        }
        for (kind, count) in &self.unknown_kinds {
            writeln!(f, "{count} of kind {kind}, which this drover does not provision")?;
        }
        if !self.without_key.is_empty() {
            let named: Vec<String> =
                self.without_key.iter().take(MOST_NAMED).map(ToString::to_string).collect();
            writeln!(
                f,
                "{} contexts have no entry in the credentials file, so nothing can be done in them: \
                 add \"adminuser\" and \"adminpass\" for {}",
                self.without_key.len(),
                named.join(", ")
            )?;
        }
        let numbers = self.contexts.values().any(|kinds| kinds.contains_key(&ObjectKind::User));
        if numbers {
            writeln!(
                f,
                "users' numbers are looked up anew by name, once for each context, before anything is \
                 done there"
            )?;
        }
        if self.objects.contains_key(&ObjectKind::Group) {
            writeln!(
                f,
                "groups' numbers and members are looked at before a group is first written to; groups \
                 that the connector left in a context without members stay unknown"
            )?;
        }
        for what in &self.not_known {
            writeln!(f, "{what}")?;
        }
        if !self.odd.is_empty() {
            writeln!(f, "\nTo be looked after:")?;
            for what in &self.odd {
                writeln!(f, "- {what}")?;
            }
            if self.more_odd > 0 {
                writeln!(f, "- and {} more", self.more_odd)?;
            }
        }
        Ok(())
    }
}

fn plural(kind: ObjectKind, count: usize) -> String {
    if count == 1 { kind.word().to_owned() } else { format!("{}s", kind.word()) }
}
