//! The context actor: does one job at a time for one OX context.
//!
//! It owns nothing that could be lost: what is to be done stands in the queue, what was done in the
//! store. If it dies, the supervisor starts a new one and gives it the same job again.

use std::sync::Arc;

use actix::prelude::*;
use tracing::Instrument;

use crate::lanes::Lane;
use crate::provision::work;
use crate::provision::{Ended, Env, Job};

/// Do this now. Sent by the supervisor, one at a time; the reply says how it ended.
#[derive(Debug, Message)]
#[rtype(result = "Ended")]
pub struct Provision(pub Job);

/// See the module's description.
pub struct ContextActor {
    lane: Lane,
    env: Arc<Env>,
}

impl ContextActor {
    /// An actor for a lane.
    pub fn new(lane: Lane, env: Arc<Env>) -> Self {
        Self { lane, env }
    }
}

impl Actor for ContextActor {
    type Context = Context<Self>;

    fn started(&mut self, _: &mut Self::Context) {
        tracing::debug!(lane = %self.lane, "context actor started");
    }

    fn stopped(&mut self, _: &mut Self::Context) {
        tracing::debug!(lane = %self.lane, "context actor retired");
    }
}

impl Handler<Provision> for ContextActor {
    // Nothing else gets in between: one job at a time is what this actor is for.
    type Result = AtomicResponse<Self, Ended>;

    fn handle(&mut self, Provision(job): Provision, _: &mut Self::Context) -> Self::Result {
        let env = self.env.clone();
        let span = if let Job::Item { name, attempt, .. } = &job {
            tracing::info_span!("provision", lane = %self.lane, item.name = %name, attempt)
        } else {
            tracing::info_span!("provision", lane = %self.lane)
        };
        let work = async move { work::run(&env, &job).await }.instrument(span);
        AtomicResponse::new(Box::pin(work.into_actor(self)))
    }
}
