//! The group actor: finds out who of a group's (or functional account's) members is in a context.
//!
//! It reads the shared index and asks the member-id cache actor for what is missing. It holds no
//! state; requests of many contexts are worked on side by side.

use std::sync::{Arc, OnceLock};

use actix::prelude::*;
use futures_util::future::BoxFuture;

use crate::model::{ContextId, Dn};
use crate::provision::members::{Members, members_in};
use crate::provision::{Env, Failure, MemberResolver};

/// Who of these is in that context? Sent by context actors.
#[derive(Debug, Message)]
#[rtype(result = "Result<Members, Failure>")]
pub struct Resolve {
    /// Where.
    pub context: ContextId,
    /// Members as the directory names them.
    pub members: Vec<Dn>,
}

/// See the module's description.
pub struct GroupActor {
    env: Arc<OnceLock<Arc<Env>>>,
}

impl GroupActor {
    /// An actor that reads through `env`, which is filled in once everything is built.
    pub fn new(env: Arc<OnceLock<Arc<Env>>>) -> Self {
        Self { env }
    }
}

impl Actor for GroupActor {
    type Context = Context<Self>;
}

impl Supervised for GroupActor {}

impl Handler<Resolve> for GroupActor {
    type Result = ResponseFuture<Result<Members, Failure>>;

    fn handle(
        &mut self,
        Resolve { context, members }: Resolve,
        _: &mut Self::Context,
    ) -> Self::Result {
        let env = self.env.get().cloned();
        Box::pin(async move {
            match env {
                Some(env) => members_in(&env, context, &members).await,
                None => Err(interrupted()),
            }
        })
    }
}

fn interrupted() -> Failure {
    Failure::busy("the search for a group's members was interrupted".to_owned())
}

/// The group actor as seen by provisioning.
pub struct GroupHandle(pub Addr<GroupActor>);

impl MemberResolver for GroupHandle {
    fn resolve(
        &self,
        context: ContextId,
        members: Vec<Dn>,
    ) -> BoxFuture<'static, Result<Members, Failure>> {
        let request = self.0.send(Resolve { context, members });
        Box::pin(async move { request.await.unwrap_or_else(|_| Err(interrupted())) })
    }
}
