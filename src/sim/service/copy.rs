//! OXUserCopyService.

use super::super::answer::Answer;
use super::super::fault::Fault;
use super::super::request::Request;
use super::super::world::World;
use super::{auth, context_of, reference};

pub(super) fn call(world: &mut World, request: &Request) -> Option<Result<String, Fault>> {
    if request.operation.name != "copyUser" {
        return None;
    }
    let user = request.args.object("user").map(reference);
    let (source, target) = (context_of(request, "src"), context_of(request, "dest"));
    let copied = world.user_copy(user.as_ref(), source, target, auth(request));
    Some(copied.map(|id| {
        Answer::result(request.service, request.operation, |out| {
            out.object(request.service, "return", |out| {
                super::user::id_only(out, request.service, id);
            });
        })
    }))
}
