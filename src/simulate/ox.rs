//! OX as a life of the engine sees it: every call takes its time and may go wrong.

use std::time::Duration;

use async_trait::async_trait;

use super::scenario::Place;
use super::server::{Course, contexts};
use super::stage::{Life, lock};
use super::trace::{Called, Step};
use super::verb::{Call, Reply, Verb};
use crate::model::{CapabilityChange, ContextId, ModuleAccess, OxId, UserFields};
use crate::ox::{
    Account, AccountData, ContextData, Credentials, Deputies, DeputyRights, Fault, FaultClass,
    Grant, GroupData, OxAccount, OxApi, OxDeputy, OxError, OxGroup, OxResource, OxSharedAccount,
    OxUser, ResourceData, SharedAccountData, SharedAccounts, Target,
};

impl Life {
    async fn call(&self, context: ContextId, verb: Verb) -> Result<Reply, OxError> {
        if self.dies_at(Place::BeforeCall) {
            return std::future::pending().await;
        }
        let operation = verb.operation();
        let masters = operation.starts_with("OXContext") || matches!(verb, Verb::UserCopy(..));
        let key = self.key(context);
        if key.is_none() && !masters {
            return Err(OxError::NoCredentials { operation, account: Account::Context(context) });
        }
        let admin = key.map(|key| (key.login, key.password.reveal().to_owned()));
        let call = Call { context, verb, admin: admin.unwrap_or_default() };
        let stage = &self.stage;
        stage.run_server();
        let now = stage.now_ms();
        let (number, course) = lock(&stage.server).send(&call, now, &stage.scenario);
        if stage.tracing {
            let members = call.verb.members().iter();
            stage.note(Step::Call(Called {
                number,
                contexts: contexts(&call),
                operation,
                write: call.verb.is_write(),
                object: call.verb.object(),
                content: call.verb.content(),
                version: call.verb.version().map(str::to_owned),
                unheld: members.copied().filter(|ox| !stage.holds(context, *ox)).collect(),
            }));
        }
        if self.dies_at(Place::AfterCall) {
            return std::future::pending().await;
        }
        let (Course::Answered(until)
        | Course::Lost(until)
        | Course::Page(until)
        | Course::Nowhere(until, _)
        | Course::Busy(until)
        | Course::Refused(until)) = course;
        tokio::time::sleep(Duration::from_millis(until.saturating_sub(now))).await;
        if !self.is_alive() {
            return std::future::pending().await;
        }
        stage.run_server();
        let result = match course {
            Course::Answered(_) => match lock(&stage.server).result(number) {
                Some(Ok(reply)) => Ok(reply),
                Some(Err(refused)) => Err(OxError::Fault { operation, fault: fault(&refused) }),
                None => Err(OxError::Lost { operation, reason: "no answer".to_owned() }),
            },
            Course::Lost(_) => {
                Err(OxError::Lost { operation, reason: "no answer in time".to_owned() })
            }
            Course::Page(_) => Err(OxError::Http {
                operation,
                status: 502,
                reason: "Bad Gateway".to_owned(),
                retry_after: None,
            }),
            Course::Nowhere(_, true) => {
                Err(OxError::Unreachable { operation, reason: "connection refused".to_owned() })
            }
            Course::Nowhere(_, false) => {
                Err(OxError::Lost { operation, reason: "connection reset".to_owned() })
            }
            Course::Busy(_) => Err(refusal(
                operation,
                FaultClass::Storage,
                "User update conflict: Another process is currently modifying user data. Please \
                 try again later.",
            )),
            Course::Refused(_) => Err(refusal(
                operation,
                FaultClass::InvalidData,
                "refused until somebody puts it right",
            )),
        };
        stage.note(Step::Answered(
            number,
            match &result {
                Ok(Reply::Id(id)) => format!("{id:?}"),
                Ok(Reply::Flag(flag)) => flag.to_string(),
                Ok(_) => "well".to_owned(),
                Err(error) => error.to_string(),
            },
        ));
        result
    }
}

fn refusal(operation: &'static str, class: FaultClass, text: &str) -> OxError {
    let fault = Fault {
        class,
        exception: Some(format!("{class:?}Exception")),
        text: text.to_owned(),
        exception_id: Some("1-1".to_owned()),
        code: "soap:Server".to_owned(),
    };
    OxError::Fault { operation, fault }
}

/// A fault of the world as the client would have read it.
fn fault(fault: &crate::sim::fault::Fault) -> Fault {
    let class = match fault.class {
        "InvalidCredentialsException" => FaultClass::InvalidCredentials,
        "InvalidDataException" => FaultClass::InvalidData,
        "NoSuchContextException" => FaultClass::NoSuchContext,
        "NoSuchUserException" => FaultClass::NoSuchUser,
        "NoSuchGroupException" => FaultClass::NoSuchGroup,
        "NoSuchResourceException" => FaultClass::NoSuchResource,
        "ContextExistsException" => FaultClass::ContextExists,
        "UserExistsException" => FaultClass::UserExists,
        "StorageException" => FaultClass::Storage,
        "" => FaultClass::Undeclared,
        _ => FaultClass::Other,
    };
    Fault {
        class,
        exception: (!fault.class.is_empty()).then(|| fault.class.to_owned()),
        text: fault.text.clone(),
        exception_id: Some("1-1".to_owned()),
        code: "soap:Server".to_owned(),
    }
}

/// The reply that a verb gives; any other is a mistake of the simulation, told as a garbled answer.
macro_rules! expect {
    ($self:ident, $context:expr, $verb:expr, $pattern:pat => $value:expr) => {{
        let verb = $verb;
        let operation = verb.operation();
        match $self.call($context, verb).await? {
            $pattern => Ok($value),
            _ => Err(OxError::Garbled { operation, reason: "a wrong kind of answer".to_owned() }),
        }
    }};
}

#[async_trait]
impl OxApi for Life {
    async fn context_exists(&self, context: ContextId) -> Result<bool, OxError> {
        expect!(self, context, Verb::ContextExists, Reply::Flag(found) => found)
    }

    async fn context_get(&self, context: ContextId) -> Result<ContextData, OxError> {
        expect!(self, context, Verb::ContextGet, Reply::Context(data) => data)
    }

    async fn context_create(
        &self,
        context: &ContextData,
        admin: &UserFields,
        credentials: &Credentials,
    ) -> Result<(), OxError> {
        let verb = Verb::ContextCreate(context.clone(), admin.clone(), credentials.clone());
        expect!(self, context.id, verb, Reply::Done => ())
    }

    async fn context_change(&self, context: &ContextData) -> Result<(), OxError> {
        expect!(self, context.id, Verb::ContextChange(context.clone()), Reply::Done => ())
    }

    async fn context_enable(&self, context: ContextId, enabled: bool) -> Result<(), OxError> {
        expect!(self, context, Verb::ContextEnable(enabled), Reply::Done => ())
    }

    async fn context_capabilities(
        &self,
        context: ContextId,
        change: &CapabilityChange,
    ) -> Result<(), OxError> {
        expect!(self, context, Verb::ContextCapabilities(change.clone()), Reply::Done => ())
    }

    async fn context_quota(
        &self,
        context: ContextId,
        module: &str,
        quota: i64,
    ) -> Result<(), OxError> {
        expect!(self, context, Verb::ContextQuota(module.to_owned(), quota), Reply::Done => ())
    }

    async fn context_delete(&self, context: ContextId) -> Result<(), OxError> {
        expect!(self, context, Verb::ContextDelete, Reply::Done => ())
    }

    async fn user_exists(&self, context: ContextId, user: &Target) -> Result<bool, OxError> {
        expect!(self, context, Verb::UserExists(user.clone()), Reply::Flag(found) => found)
    }

    async fn user_get(&self, context: ContextId, user: &Target) -> Result<OxUser, OxError> {
        let verb = Verb::UserGet(user.clone());
        let operation = verb.operation();
        let mut users = expect!(self, context, verb, Reply::Users(users) => users)?;
        let nobody = || OxError::Garbled { operation, reason: "it returns nothing".to_owned() };
        users.pop().ok_or_else(nobody)
    }

    async fn user_get_many(
        &self,
        context: ContextId,
        users: &[Target],
    ) -> Result<Vec<OxUser>, OxError> {
        expect!(self, context, Verb::UserGetMany(users.to_vec()), Reply::Users(users) => users)
    }

    async fn user_list(&self, context: ContextId, pattern: &str) -> Result<Vec<OxId>, OxError> {
        expect!(self, context, Verb::UserList(pattern.to_owned()), Reply::Ids(ids) => ids)
    }

    async fn user_access(
        &self,
        context: ContextId,
        user: &Target,
    ) -> Result<ModuleAccess, OxError> {
        expect!(self, context, Verb::UserRights(user.clone()), Reply::Access(access) => access)
    }

    async fn user_create(
        &self,
        context: ContextId,
        user: &UserFields,
        access: ModuleAccess,
    ) -> Result<OxId, OxError> {
        expect!(self, context, Verb::UserCreate(user.clone(), access), Reply::Id(id) => id)
    }

    async fn user_change(
        &self,
        context: ContextId,
        user: &Target,
        fields: &UserFields,
    ) -> Result<(), OxError> {
        expect!(self, context, Verb::UserChange(user.clone(), fields.clone()), Reply::Done => ())
    }

    async fn user_change_access(
        &self,
        context: ContextId,
        user: &Target,
        access: ModuleAccess,
    ) -> Result<(), OxError> {
        expect!(self, context, Verb::UserAccess(user.clone(), access), Reply::Done => ())
    }

    fn shared_accounts(&self) -> Option<&(dyn SharedAccounts + Send + Sync)> {
        Some(self)
    }

    fn deputies(&self) -> Option<&(dyn Deputies + Send + Sync)> {
        Some(self)
    }

    async fn user_sender_name(
        &self,
        context: ContextId,
        user: &Target,
        name: &str,
    ) -> Result<(), OxError> {
        let verb = Verb::UserSenderName(user.clone(), name.to_owned());
        expect!(self, context, verb, Reply::Done => ())
    }

    async fn user_capabilities(
        &self,
        context: ContextId,
        user: &Target,
        change: &CapabilityChange,
    ) -> Result<(), OxError> {
        let verb = Verb::UserCapabilities(user.clone(), change.clone());
        expect!(self, context, verb, Reply::Done => ())
    }

    async fn user_delete(
        &self,
        context: ContextId,
        user: &Target,
        heir: Option<OxId>,
    ) -> Result<(), OxError> {
        expect!(self, context, Verb::UserDelete(user.clone(), heir), Reply::Done => ())
    }

    async fn user_copy(&self, user: OxId, from: ContextId, to: ContextId) -> Result<OxId, OxError> {
        expect!(self, to, Verb::UserCopy(user, from), Reply::Id(id) => id)
    }

    async fn group_get(&self, context: ContextId, group: &Target) -> Result<OxGroup, OxError> {
        let verb = Verb::GroupGet(group.clone());
        let operation = verb.operation();
        let mut groups = expect!(self, context, verb, Reply::Groups(groups) => groups)?;
        let none = || OxError::Garbled { operation, reason: "it returns nothing".to_owned() };
        groups.pop().ok_or_else(none)
    }

    async fn groups_of_user(
        &self,
        context: ContextId,
        user: OxId,
    ) -> Result<Vec<OxGroup>, OxError> {
        expect!(self, context, Verb::GroupsOfUser(user), Reply::Groups(groups) => groups)
    }

    async fn group_create(&self, context: ContextId, group: &GroupData) -> Result<OxId, OxError> {
        expect!(self, context, Verb::GroupCreate(group.clone()), Reply::Id(id) => id)
    }

    async fn group_change(
        &self,
        context: ContextId,
        group: &Target,
        data: &GroupData,
    ) -> Result<(), OxError> {
        expect!(self, context, Verb::GroupChange(group.clone(), data.clone()), Reply::Done => ())
    }

    async fn group_delete(&self, context: ContextId, group: &Target) -> Result<(), OxError> {
        expect!(self, context, Verb::GroupDelete(group.clone()), Reply::Done => ())
    }

    async fn group_add(
        &self,
        context: ContextId,
        group: &Target,
        members: &[Target],
    ) -> Result<(), OxError> {
        let verb = Verb::GroupAdd(group.clone(), members.to_vec());
        expect!(self, context, verb, Reply::Done => ())
    }

    async fn group_remove(
        &self,
        context: ContextId,
        group: &Target,
        members: &[Target],
    ) -> Result<(), OxError> {
        let verb = Verb::GroupRemove(group.clone(), members.to_vec());
        expect!(self, context, verb, Reply::Done => ())
    }

    async fn resource_get(
        &self,
        context: ContextId,
        resource: &Target,
    ) -> Result<OxResource, OxError> {
        let verb = Verb::ResourceGet(resource.clone());
        expect!(self, context, verb, Reply::Resource(resource) => resource)
    }

    async fn resource_create(
        &self,
        context: ContextId,
        resource: &ResourceData,
    ) -> Result<OxId, OxError> {
        expect!(self, context, Verb::ResourceCreate(resource.clone()), Reply::Id(id) => id)
    }

    async fn resource_change(
        &self,
        context: ContextId,
        resource: &Target,
        data: &ResourceData,
    ) -> Result<(), OxError> {
        let verb = Verb::ResourceChange(resource.clone(), data.clone());
        expect!(self, context, verb, Reply::Done => ())
    }

    async fn resource_delete(&self, context: ContextId, resource: &Target) -> Result<(), OxError> {
        expect!(self, context, Verb::ResourceDelete(resource.clone()), Reply::Done => ())
    }

    async fn account_list(
        &self,
        context: ContextId,
        users: &[OxId],
    ) -> Result<Vec<OxAccount>, OxError> {
        let verb = Verb::AccountList(users.to_vec());
        expect!(self, context, verb, Reply::Accounts(accounts) => accounts)
    }

    async fn account_create(
        &self,
        context: ContextId,
        account: &AccountData,
        users: &[OxId],
    ) -> Result<(), OxError> {
        let verb = Verb::AccountCreate(account.clone(), users.to_vec());
        expect!(self, context, verb, Reply::Done => ())
    }

    async fn account_update(
        &self,
        context: ContextId,
        account: &AccountData,
        users: &[OxId],
    ) -> Result<bool, OxError> {
        let verb = Verb::AccountUpdate(account.clone(), users.to_vec());
        expect!(self, context, verb, Reply::Flag(found) => found)
    }

    async fn account_delete(
        &self,
        context: ContextId,
        address: &str,
        users: &[OxId],
    ) -> Result<bool, OxError> {
        let verb = Verb::AccountDelete(address.to_owned(), users.to_vec());
        expect!(self, context, verb, Reply::Flag(found) => found)
    }
}

#[async_trait]
impl SharedAccounts for Life {
    async fn shared_account_get(
        &self,
        context: ContextId,
        account: &Target,
    ) -> Result<OxSharedAccount, OxError> {
        let verb = Verb::SharedGet(account.clone());
        let found = expect!(self, context, verb, Reply::Shared(found) => found)?;
        let operation = "OXSharedAccountService.getData";
        let none = OxError::Garbled { operation, reason: "it returns nothing".to_owned() };
        found.into_iter().next().ok_or(none)
    }

    async fn shared_account_list(
        &self,
        context: ContextId,
    ) -> Result<Vec<OxSharedAccount>, OxError> {
        expect!(self, context, Verb::SharedList, Reply::Shared(found) => found)
    }

    async fn shared_account_create(
        &self,
        context: ContextId,
        account: &SharedAccountData,
    ) -> Result<OxId, OxError> {
        expect!(self, context, Verb::SharedCreate(account.clone()), Reply::Id(id) => id)
    }

    async fn shared_account_change(
        &self,
        context: ContextId,
        id: OxId,
        account: &SharedAccountData,
    ) -> Result<(), OxError> {
        expect!(self, context, Verb::SharedChange(id, account.clone()), Reply::Done => ())
    }

    async fn shared_account_delete(&self, context: ContextId, id: OxId) -> Result<(), OxError> {
        expect!(self, context, Verb::SharedDelete(id), Reply::Done => ())
    }

    async fn shared_account_convert(&self, context: ContextId, user: OxId) -> Result<(), OxError> {
        expect!(self, context, Verb::SharedConvert(user), Reply::Done => ())
    }

    async fn shared_account_grant(
        &self,
        context: ContextId,
        id: OxId,
        grants: &[Grant],
    ) -> Result<(), OxError> {
        expect!(self, context, Verb::SharedGrant(id, grants.to_vec()), Reply::Done => ())
    }
}

#[async_trait]
impl Deputies for Life {
    async fn deputies_offered(&self) -> Result<bool, OxError> {
        Ok(true)
    }

    async fn deputies_list(&self, context: ContextId) -> Result<Vec<OxDeputy>, OxError> {
        expect!(self, context, Verb::DeputyList, Reply::Deputies(found) => found)
    }

    async fn deputy_grant(
        &self,
        context: ContextId,
        user: OxId,
        deputy: OxId,
        rights: DeputyRights,
    ) -> Result<String, OxError> {
        let verb = Verb::DeputyGrant(user, deputy, rights);
        expect!(self, context, verb, Reply::Text(grant) => grant)
    }

    async fn deputy_update(
        &self,
        context: ContextId,
        user: OxId,
        grant: &str,
        deputy: OxId,
        rights: DeputyRights,
    ) -> Result<(), OxError> {
        let verb = Verb::DeputyUpdate(user, grant.to_owned(), deputy, rights);
        expect!(self, context, verb, Reply::Done => ())
    }

    async fn deputy_revoke(
        &self,
        context: ContextId,
        user: OxId,
        grant: &str,
    ) -> Result<(), OxError> {
        expect!(self, context, Verb::DeputyRevoke(user, grant.to_owned()), Reply::Done => ())
    }

    async fn deputies_revoke_all(&self, context: ContextId, user: OxId) -> Result<(), OxError> {
        expect!(self, context, Verb::DeputyRevokeAll(user), Reply::Done => ())
    }

    async fn deputies_bar(
        &self,
        context: ContextId,
        user: OxId,
        barred: bool,
    ) -> Result<(), OxError> {
        expect!(self, context, Verb::DeputyBar(user, barred), Reply::Done => ())
    }
}
