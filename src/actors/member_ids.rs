//! The member-id cache actor: looks up in OX the numbers of members that nobody knows yet.
//!
//! The cache itself is the [`Index`](crate::index::Index), which everybody reads without asking this
//! actor. Only a miss comes here, and however many ask for the same user in the same context at the
//! same time, OX is asked once. What is found goes through the recorder, the index's one writer.
//! If this actor dies, those who wait see a failed look-up and their items are tried again.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use actix::prelude::*;
use futures_util::future::BoxFuture;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::model::{ContextId, ObjectId, OxId};
use crate::provision::members::find_member;
use crate::provision::{Env, Failure, MemberLookup};

/// How long "he is not there" is believed without asking again. A user who appears through drover is
/// found in the index at once; only one made in OX by hand is found later than he could be.
const BELIEVE_ABSENCE: Duration = Duration::from_secs(600);

/// With more absences than this remembered, the old ones are cleared out.
const MANY_ABSENCES: usize = 10_000;

type Key = (ContextId, ObjectId);
type Found = Result<Option<OxId>, Arc<Failure>>;

/// Which number has this user in that context? Sent by the group actor and context actors.
#[derive(Debug, Message)]
#[rtype(result = "Found")]
pub struct LookUp {
    /// Where.
    pub context: ContextId,
    /// Who.
    pub user: ObjectId,
}

/// See the module's description.
pub struct MemberIds {
    env: Arc<OnceLock<Arc<Env>>>,
    flights: HashMap<Key, Vec<oneshot::Sender<Found>>>,
    absent: HashMap<Key, Instant>,
}

impl MemberIds {
    /// An actor that asks through `env`, which is filled in once everything is built.
    pub fn new(env: Arc<OnceLock<Arc<Env>>>) -> Self {
        Self { env, flights: HashMap::new(), absent: HashMap::new() }
    }

    fn is_known_absent(&self, key: &Key) -> bool {
        self.absent.get(key).is_some_and(|since| since.elapsed() < BELIEVE_ABSENCE)
    }

    fn land(&mut self, key: &Key, found: &Found) {
        if let Ok(None) = found {
            if self.absent.len() >= MANY_ABSENCES {
                self.absent.retain(|_, since| since.elapsed() < BELIEVE_ABSENCE);
            }
            self.absent.insert(key.clone(), Instant::now());
        } else {
            self.absent.remove(key);
        }
        for waiting in self.flights.remove(key).unwrap_or_default() {
            // Whoever does not wait any more does not need it.
            let _ = waiting.send(found.clone());
        }
    }
}

impl Actor for MemberIds {
    type Context = Context<Self>;
}

impl Supervised for MemberIds {}

impl Handler<LookUp> for MemberIds {
    type Result = ResponseFuture<Found>;

    fn handle(
        &mut self,
        LookUp { context, user }: LookUp,
        ctx: &mut Self::Context,
    ) -> Self::Result {
        let (sender, receiver) = oneshot::channel();
        let key = (context, user.clone());
        if self.is_known_absent(&key) {
            return Box::pin(async { Ok(None) });
        }
        let flight = self.flights.entry(key.clone()).or_default();
        flight.push(sender);
        if flight.len() == 1 {
            let env = self.env.get().cloned();
            let work = async move {
                match env {
                    Some(env) => find_member(&env, context, &user).await.map_err(Arc::new),
                    None => Err(Arc::new(not_ready())),
                }
            };
            ctx.spawn(work.into_actor(self).map(move |found, actor, _| actor.land(&key, &found)));
        }
        Box::pin(async move { receiver.await.unwrap_or_else(|_| Err(Arc::new(not_ready()))) })
    }
}

fn not_ready() -> Failure {
    Failure::busy("the look-up of a member's number was interrupted".to_owned())
}

/// The cache actor as seen by provisioning.
pub struct MemberIdsHandle(pub Addr<MemberIds>);

impl MemberLookup for MemberIdsHandle {
    fn look_up(&self, context: ContextId, user: ObjectId) -> BoxFuture<'static, Found> {
        let request = self.0.send(LookUp { context, user });
        Box::pin(async move { request.await.unwrap_or_else(|_| Err(Arc::new(not_ready()))) })
    }
}
