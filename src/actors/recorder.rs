//! The recorder: makes outcomes durable, many in one commit, and keeps the index in step.
//!
//! Two actors: [`RecorderActor`] gathers what arrives while the disk is busy and hands it on in one
//! piece; [`Writer`] runs on a thread of its own and does the blocking commit. Whoever asked gets
//! the answer after the commit, never before. If a commit fails nothing may be acknowledged any
//! more: everybody gets the error, and the supervisor stops the engine.

use std::collections::BTreeSet;
use std::sync::Arc;

use actix::prelude::*;
use futures_util::future::BoxFuture;
use tokio::sync::oneshot;
use tracing::error;

use crate::index::{Event, Index};
use crate::model::{ObjectId, ObjectKind};
use crate::provision::{Coverage, RecordError, Recorder};
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
pub struct Write(pub Vec<Commit>);

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
        self.store.commit(&commits)
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
    marked: Option<Recipient<Marked>>,
    waiting: Vec<(Record, oneshot::Sender<Result<(), RecordError>>)>,
    writing: bool,
    broken: Option<RecordError>,
}

impl RecorderActor {
    /// A recorder over a store and the index that mirrors it. Without a writer it commits on its own
    /// thread; then all happens in one order, which simulations need.
    pub fn new(writer: Option<Addr<Writer>>, store: Arc<dyn Store>, index: Arc<Index>) -> Self {
        Self {
            writer,
            store,
            index,
            marked: None,
            waiting: Vec::new(),
            writing: false,
            broken: None,
        }
    }

    fn flush(&mut self, ctx: &mut Context<Self>) {
        if self.writing || self.waiting.is_empty() {
            return;
        }
        let take = self.waiting.len().min(MOST_AT_ONCE);
        let (mut commits, mut senders, mut marks) = (Vec::new(), Vec::new(), BTreeSet::new());
        let batch: Vec<_> = self.waiting.drain(..take).collect();
        let mut named = Vec::new();
        for (record, sender) in batch {
            let mut commit = record.commit;
            match self.marks_for(&commit, record.coverage.as_ref(), &mut named) {
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
        let marks: Vec<Mark> = marks.into_iter().collect();
        let Some(writer) = &self.writer else {
            let result = self.store.commit(&commits);
            self.written(&result.map_err(|e| RecordError(e.to_string())), marks, senders);
            return self.flush(ctx);
        };
        self.writing = true;
        let write = writer.send(Write(commits)).into_actor(self);
        ctx.spawn(write.map(move |result, actor, ctx| {
            actor.writing = false;
            let result = match result {
                Ok(result) => result.map_err(|problem| RecordError(problem.to_string())),
                Err(_) => Err(RecordError("the writer thread has ended".to_owned())),
            };
            actor.written(&result, marks, senders);
            actor.flush(ctx);
        }));
    }

    /// A batch is durable, or is not: tell everybody who waits for it.
    fn written(
        &mut self,
        result: &Result<(), RecordError>,
        marks: Vec<Mark>,
        senders: Vec<oneshot::Sender<Result<(), RecordError>>>,
    ) {
        if let Err(problem) = result {
            error!("{problem}");
            self.broken = Some(problem.clone());
        } else if let (Some(supervisor), false) = (&self.marked, marks.is_empty()) {
            supervisor.do_send(Marked(marks));
        }
        for sender in senders {
            // Whoever does not wait any more does not need it.
            let _ = sender.send(result.clone());
        }
    }

    /// Takes a commit into the index, and finds the groups and accounts that have to be looked at
    /// again because of it. `named` holds what earlier commits of the same batch name, which the
    /// store cannot tell yet.
    fn marks_for(
        &self,
        commit: &Commit,
        coverage: Option<&Coverage>,
        named: &mut Vec<(ObjectId, BTreeSet<crate::model::DnKey>)>,
    ) -> Result<BTreeSet<Mark>, StoreError> {
        let mut marks = BTreeSet::new();
        for change in commit {
            if let Change::PutObject { id, members, .. } = change
                && !members.is_empty()
            {
                named.push((id.clone(), members.iter().cloned().collect()));
            }
            for event in self.index.learn(change) {
                self.note(&event, named, &mut marks)?;
            }
        }
        if let Some(coverage) = coverage {
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

    fn note(
        &self,
        event: &Event,
        named: &[(ObjectId, BTreeSet<crate::model::DnKey>)],
        marks: &mut BTreeSet<Mark>,
    ) -> Result<(), StoreError> {
        let (user, contexts) = match event {
            Event::Appeared(user, context)
            | Event::Gone(user, context)
            | Event::Changed(user, context) => (user, vec![*context]),
            Event::Renamed(user) => {
                let contexts = self.index.with(user, |known| {
                    known.placed.iter().map(|presence| presence.context).collect()
                });
                (user, contexts.unwrap_or_default())
            }
        };
        if contexts.is_empty() {
            return Ok(());
        }
        let dns = self.index.dns_of(user);
        let mut naming = self.store.naming(&dns)?;
        let fresh = named.iter().filter(|(_, members)| dns.iter().any(|dn| members.contains(dn)));
        naming.extend(fresh.map(|(id, _)| id.clone()));
        for object in naming {
            // A group only cares whether its member is there; an account also for what his login
            // is made of.
            let kind = self.index.with(&object, |known| known.kind);
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
