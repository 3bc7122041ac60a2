//! The recorder: makes outcomes durable, many in one commit, and keeps the index in step.
//!
//! Two actors: [`RecorderActor`] gathers what arrives while the disk is busy and hands it on in one
//! piece; [`Writer`] runs on a thread of its own and does the blocking commit. Whoever asked gets
//! the answer after the commit, never before, and so does the index: what it knows would survive a
//! crash. Which marks a commit makes necessary is found out before, on an excerpt of the index, for
//! they belong into the same commit; so commits that may bear upon each other are not made together.
//! If a commit fails nothing may be acknowledged any more: everybody gets the error, and the
//! supervisor stops the engine.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use actix::prelude::*;
use futures_util::future::BoxFuture;
use tokio::sync::oneshot;
use tracing::error;

use super::news::Newsroom;
use crate::index::{Event, Index};
use crate::metrics::metrics;
use crate::model::object::reference_key;
use crate::model::{DnKey, ObjectId, ObjectKind};
use crate::provision::{Coverage, RecordError, Recorder, nested};
use crate::store::{Change, Commit, Mark, Store, StoreError};

/// Make this durable. The reply comes after the commit.
#[derive(Message)]
#[rtype(result = "Result<(), RecordError>")]
pub struct Record {
    /// The changes, all or nothing.
    pub commit: Commit,
    /// See [`Coverage`].
    pub coverage: Option<Coverage>,
}

/// These marks were set and are durable. Sent to the supervisor.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Marked(pub Vec<Mark>);

/// Commits for the writer thread.
#[derive(Message)]
#[rtype(result = "Result<(), StoreError>")]
pub struct Write(pub Arc<Vec<Commit>>);

/// Does the blocking part, on a thread of its own.
pub struct Writer {
    /// Where to.
    pub store: Arc<dyn Store>,
}

impl Actor for Writer {
    type Context = SyncContext<Self>;
}

impl Handler<Write> for Writer {
    type Result = Result<(), StoreError>;

    fn handle(&mut self, Write(commits): Write, _: &mut Self::Context) -> Self::Result {
        let begun = std::time::Instant::now();
        let result = self.store.commit(&commits);
        metrics().committed(begun.elapsed(), result.is_ok());
        result
    }
}

/// How many commits go to the disk in one piece at most; bounds the time an answer waits.
const MOST_AT_ONCE: usize = 1000;

/// Gathers, commits, answers; see the module's description.
pub struct RecorderActor {
    /// None: commits are made right here, which is what a store in memory wants.
    writer: Option<Addr<Writer>>,
    store: Arc<dyn Store>,
    index: Arc<Index>,
    /// Whether whoever is in a group is in those that hold it, too.
    nesting: bool,
    news: Newsroom,
    marked: Option<Recipient<Marked>>,
    waiting: Vec<(Record, oneshot::Sender<Result<(), RecordError>>)>,
    writing: bool,
    broken: Option<RecordError>,
}

impl RecorderActor {
    /// A recorder over a store and the index that mirrors it. Without a writer it commits on its own
    /// thread; then all happens in one order, which simulations need.
    /// What became durable is told in the newsroom.
    pub fn new(
        writer: Option<Addr<Writer>>,
        store: Arc<dyn Store>,
        index: Arc<Index>,
        news: Newsroom,
    ) -> Self {
        Self {
            writer,
            store,
            index,
            nesting: false,
            news,
            marked: None,
            waiting: Vec::new(),
            writing: false,
            broken: None,
        }
    }

    /// Whether whoever is in a group is in those that hold it, too.
    #[must_use]
    pub fn with_nesting(self, nesting: bool) -> Self {
        Self { nesting, ..self }
    }

    fn flush(&mut self, ctx: &mut Context<Self>) {
        while !self.writing && !self.waiting.is_empty() {
            self.write_batch(ctx);
        }
    }

    /// Has as many commits made as may go together.
    fn write_batch(&mut self, ctx: &mut Context<Self>) {
        let take = together(
            &self.index,
            self.nesting,
            self.waiting.iter().map(|(record, _)| &record.commit),
        );
        let batch: Vec<_> = self.waiting.drain(..take).collect();
        let named: Vec<Named> =
            batch.iter().flat_map(|(record, _)| record.commit.iter().filter_map(named)).collect();
        let put = |change: &Change| match change {
            Change::PutObject { id, .. } | Change::ForgetObject { id } => Some(id.clone()),
            _ => None,
        };
        let changes = batch.iter().flat_map(|(one, _)| one.commit.iter());
        let changing: HashSet<ObjectId> =
            if self.nesting { changes.filter_map(put).collect() } else { HashSet::new() };
        let (mut commits, mut senders, mut marks) = (Vec::new(), Vec::new(), BTreeSet::new());
        for (record, sender) in batch {
            let mut commit = record.commit;
            let coverage = record.coverage.as_ref();
            if let Some(mark) = coverage.and_then(|coverage| self.overtaken(coverage, &changing)) {
                marks.insert(mark.clone());
                commit.push(Change::SetMark(mark));
            }
            match self.marks_for(&commit, coverage, &named) {
                Ok(found) => {
                    commit.extend(found.iter().cloned().map(Change::SetMark));
                    marks.extend(found);
                }
                Err(problem) => self.broken = Some(RecordError(problem.to_string())),
            }
            commits.push(commit);
            senders.push(sender);
        }
        if let Some(broken) = &self.broken {
            for sender in senders {
                let _ = sender.send(Err(broken.clone()));
            }
            return;
        }
        if crate::planted::cache_before_commit() {
            self.learn(&commits);
        }
        let marks: Vec<Mark> = marks.into_iter().collect();
        let Some(writer) = &self.writer else {
            let result = self.store.commit(&commits);
            let result = result.map_err(|problem| RecordError(problem.to_string()));
            self.written(&result, &commits, marks, senders);
            return;
        };
        self.writing = true;
        let commits = Arc::new(commits);
        let write = writer.send(Write(commits.clone())).into_actor(self);
        ctx.spawn(write.map(move |result, actor, ctx| {
            actor.writing = false;
            let result = match result {
                Ok(result) => result.map_err(|problem| RecordError(problem.to_string())),
                Err(_) => Err(RecordError("the writer thread has ended".to_owned())),
            };
            actor.written(&result, &commits, marks, senders);
            actor.flush(ctx);
        }));
    }

    fn learn(&self, commits: &[Commit]) {
        for change in commits.iter().flatten() {
            // Whom it concerns was found out before.
            self.index.learn(change);
        }
    }

    /// A batch is durable, or is not: tell everybody who waits for it.
    fn written(
        &mut self,
        result: &Result<(), RecordError>,
        commits: &[Commit],
        marks: Vec<Mark>,
        senders: Vec<oneshot::Sender<Result<(), RecordError>>>,
    ) {
        if let Err(problem) = result {
            error!("{problem}");
            self.broken = Some(problem.clone());
        } else {
            if !crate::planted::cache_before_commit() {
                self.learn(commits);
            }
            self.news.tell(commits);
            if let (Some(supervisor), false) = (&self.marked, marks.is_empty()) {
                supervisor.do_send(Marked(marks));
            }
        }
        for sender in senders {
            // Whoever does not wait any more does not need it.
            let _ = sender.send(result.clone());
        }
    }

    /// A group in the evaluated one has changed since, or is changing in the same batch: what came of it
    /// is old.
    fn overtaken(&self, coverage: &Coverage, changing: &HashSet<ObjectId>) -> Option<Mark> {
        let context = coverage.here?;
        let changed = |(group, change): &(ObjectId, u64)| {
            changing.contains(group) || self.index.changes_of(group) != *change
        };
        let object = coverage.object.clone();
        coverage.inner.iter().any(changed).then_some(Mark { object, context })
    }

    /// Finds the groups and accounts that have to be looked at again because of a commit that is
    /// about to be made. `named` holds what the commits of its batch name, which the store cannot
    /// tell yet.
    fn marks_for(
        &self,
        commit: &Commit,
        coverage: Option<&Coverage>,
        named: &[Named],
    ) -> Result<BTreeSet<Mark>, StoreError> {
        let mut marks = BTreeSet::new();
        if crate::planted::no_group_barrier() {
            return Ok(marks);
        }
        let after = self.index.excerpt(commit);
        for change in commit {
            for event in after.learn(change) {
                self.note(&event, &after, named, &mut marks)?;
            }
        }
        if let Some(coverage) = coverage {
            marks.extend(coverage.wake.iter().cloned());
            if coverage.holders {
                for change in commit {
                    marks.extend(nested::holders(self.store.as_ref(), &self.index, change)?);
                }
            }
            let meant = |(dn, id): &(DnKey, Option<ObjectId>)| self.index.by_dn(dn) == *id;
            if let Some(context) = coverage.here
                && !coverage.resolved.iter().all(meant)
            {
                marks.insert(Mark { object: coverage.object.clone(), context });
            }
            for member in &coverage.members {
                let Some(id) = self.index.by_dn(member) else { continue };
                let contexts = self.index.with(&id, |known| {
                    known.placed.iter().map(|presence| presence.context).collect::<Vec<_>>()
                });
                for context in contexts.into_iter().flatten() {
                    if !coverage.contexts.contains(&context) {
                        marks.insert(Mark { object: coverage.object.clone(), context });
                    }
                }
            }
        }
        Ok(marks)
    }

    /// Marks the groups and accounts that an event concerns; `after` is the part of the index that
    /// the commit is about, as it will be.
    fn note(
        &self,
        event: &Event,
        after: &Index,
        named: &[Named],
        marks: &mut BTreeSet<Mark>,
    ) -> Result<(), StoreError> {
        let (user, contexts) = match event {
            Event::Appeared(user, context)
            | Event::Gone(user, context)
            | Event::Changed(user, context) => (user, vec![*context]),
            Event::Renamed(user) | Event::Replaced(user, _) => {
                let contexts = after.with(user, |known| {
                    known.placed.iter().map(|presence| presence.context).collect()
                });
                (user, contexts.unwrap_or_default())
            }
        };
        if contexts.is_empty() {
            return Ok(());
        }
        let dns = match event {
            Event::Replaced(_, dn) => vec![dn.clone()],
            _ => {
                let others = [after.other_id(user), self.index.other_id(user)];
                let ids = std::iter::once(user.clone()).chain(others.into_iter().flatten());
                let mut keys = after.dns_of(user);
                keys.extend(ids.map(|id| reference_key(&id)));
                keys
            }
        };
        let mut naming = self.store.naming(&dns)?;
        let fresh = named.iter().filter(|named| dns.iter().any(|dn| named.members.contains(dn)));
        naming.extend(fresh.map(|named| named.object.clone()));
        if self.nesting {
            let above = nested::above(self.store.as_ref(), &self.index, &naming)?;
            naming.extend(above);
        }
        for object in naming {
            // A group only cares whether its member is there; an account also for what his login
            // is made of.
            let fresh = named.iter().find(|named| named.object == object).map(|named| named.kind);
            let kind = fresh.or_else(|| self.index.with(&object, |known| known.kind));
            if matches!(event, Event::Changed(..)) && kind != Some(ObjectKind::Account) {
                continue;
            }
            for context in &contexts {
                marks.insert(Mark { object: object.clone(), context: *context });
            }
        }
        Ok(())
    }
}

/// A group or account and the members that a commit has it name.
struct Named {
    object: ObjectId,
    kind: ObjectKind,
    members: BTreeSet<DnKey>,
}

fn named(change: &Change) -> Option<Named> {
    match change {
        Change::PutObject { id, kind, members, .. } if !members.is_empty() => {
            let members = members.iter().cloned().collect();
            Some(Named { object: id.clone(), kind: *kind, members })
        }
        _ => None,
    }
}

/// How many of the commits, from the first one on, may be made together: none of them is about an
/// object or a DN of another one, and what empties a whole context goes alone; so does a change of a
/// group where groups count as members of others (`nesting`), which may concern any of them.
fn together<'c>(index: &Index, nesting: bool, commits: impl Iterator<Item = &'c Commit>) -> usize {
    let (mut objects, mut dns) = (HashSet::new(), HashSet::new());
    let mut count = 0;
    for commit in commits.take(MOST_AT_ONCE) {
        let alone = |change: &Change| match change {
            Change::DropContext { .. } => true,
            Change::PutObject { kind, .. } => nesting && *kind == ObjectKind::Group,
            _ => false,
        };
        if commit.iter().any(alone) {
            return count.max(1);
        }
        let (mut own_objects, mut own_dns) = (HashSet::new(), HashSet::new());
        for change in commit {
            let (Change::PutObject { id, .. }
            | Change::ForgetObject { id }
            | Change::PutPlacement { id, .. }
            | Change::DropPlacement { id, .. }
            | Change::PutJourney { id, .. }) = change
            else {
                continue;
            };
            if own_objects.insert(id.clone()) {
                own_dns.extend(index.dns_of(id));
            }
            if let Change::PutObject { dn, .. } = change {
                own_dns.insert(dn.key().clone());
            }
        }
        if !objects.is_disjoint(&own_objects) || !dns.is_disjoint(&own_dns) {
            return count;
        }
        objects.extend(own_objects);
        dns.extend(own_dns);
        count += 1;
    }
    count
}

impl Actor for RecorderActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        // Everybody waits for it; a full mailbox would be a standstill without a word.
        ctx.set_mailbox_capacity(1 << 16);
    }
}

impl Handler<Record> for RecorderActor {
    type Result = ResponseFuture<Result<(), RecordError>>;

    fn handle(&mut self, record: Record, ctx: &mut Self::Context) -> Self::Result {
        if let Some(broken) = &self.broken {
            let broken = broken.clone();
            return Box::pin(async move { Err(broken) });
        }
        let (sender, receiver) = oneshot::channel();
        self.waiting.push((record, sender));
        self.flush(ctx);
        Box::pin(async move {
            let gone = || RecordError("the recorder has ended".to_owned());
            receiver.await.unwrap_or_else(|_| Err(gone()))
        })
    }
}

/// Whom to tell of marks. Sent once, when the supervisor exists.
#[derive(Message)]
#[rtype(result = "()")]
pub struct TellOfMarks(pub Recipient<Marked>);

impl Handler<TellOfMarks> for RecorderActor {
    type Result = ();

    fn handle(&mut self, TellOfMarks(recipient): TellOfMarks, _: &mut Self::Context) {
        self.marked = Some(recipient);
    }
}

/// The recorder as seen by provisioning.
pub struct RecorderHandle(pub Addr<RecorderActor>);

impl Recorder for RecorderHandle {
    fn record(
        &self,
        commit: Commit,
        coverage: Option<Coverage>,
    ) -> BoxFuture<'static, Result<(), RecordError>> {
        let request = self.0.send(Record { commit, coverage });
        Box::pin(async move {
            let gone = || RecordError("the recorder has ended".to_owned());
            request.await.unwrap_or_else(|_| Err(gone()))
        })
    }
}
