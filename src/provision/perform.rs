//! Turns a plan's operations and questions into calls to OX.

use std::collections::BTreeMap;
use std::time::Duration;

use tracing::warn;

use super::{Env, Failure};
use crate::index::Known;
use crate::model::{Claim, ContextId, ObjectId, OxId, UserFields};
use crate::ox::{Account, Deputies, FaultClass, GuestConversion, OxError, SharedAccounts, Target};
use crate::plan::{Answer, Case, Next, Operation, Question, Refusal, Reply};
use crate::retry::Verdict;
use crate::store::{AccountMember, Change, Placement};

/// Pauses between asking again for something that must appear any moment (a copy just made).
const ASK_AGAIN: [Duration; 5] = [
    Duration::from_millis(100),
    Duration::from_millis(300),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(3),
];

/// A case that wants more steps than this goes round in a circle, which is a bug of drover's.
const MOST_STEPS: usize = 100_000;

/// How a case ended.
#[derive(Debug, Clone, Copy)]
pub struct Driven {
    /// Why nothing was to do, if that was so.
    pub why: &'static str,
    /// Whether OX has answered anything on the way.
    pub heard: bool,
}

/// Follows a case to its end.
///
/// # Errors
/// The first fault the case knows no way around. What was learnt until then is in the case.
pub async fn drive(env: &Env, id: &ObjectId, case: &mut dyn Case) -> Result<Driven, Failure> {
    drive_from(env, id, case, &[], None).await
}

/// Like [`drive`]; `begin` goes into the memory together with what is about to be made, if it must be
/// remembered before. `begun` is what was written down so by earlier tries whose end is not known; it
/// is kept beside what comes to it now.
///
/// # Errors
/// As [`drive`].
pub async fn drive_from(
    env: &Env,
    id: &ObjectId,
    case: &mut dyn Case,
    begin: &[Change],
    begun: Option<&Placement>,
) -> Result<Driven, Failure> {
    let mut heard = false;
    let mut begun = begun.cloned();
    let mut asked: Option<(Question, usize)> = None;
    for _ in 0..MOST_STEPS {
        match case.next() {
            Next::Done { why } => return Ok(Driven { why, heard }),
            Next::Stuck(problem) => return Err(Failure::problem(&problem)),
            Next::Ask(question) => {
                let times = match &asked {
                    Some((last, times)) if *last == question => times + 1,
                    _ => 0,
                };
                if times > 0 {
                    let Some(pause) = ASK_AGAIN.get(times - 1) else {
                        let text = "OX does not show what it said it had made".to_owned();
                        return Err(Failure::busy(text));
                    };
                    tokio::time::sleep(*pause).await;
                }
                let answer = ask(env, id, &question).await?;
                heard = true;
                if renumbered(env, id, &question, &answer) {
                    let text =
                        "OX has other numbers than drover remembers; they are looked up anew";
                    return Err(Failure::busy(text.to_owned()));
                }
                let answer = owned(env, id, &question, answer);
                case.answered(&question, answer);
                asked = Some((question, times));
            }
            Next::Do(operation) => {
                asked = None;
                if let Operation::JourneyBegin { journey } = &operation {
                    let begun =
                        Change::PutJourney { id: id.clone(), journey: Some(journey.clone()) };
                    let recorded = env.recorder.record(vec![begun], None).await;
                    recorded.map_err(|error| Failure::unrecorded(&error))?;
                }
                if let Some((context, placement)) = about_to_be(env, id, &operation, begun.as_ref())
                {
                    let mut commit = begin.to_vec();
                    let id = id.clone();
                    commit.push(Change::Begin { id, context, placement: placement.clone() });
                    let recorded = env.recorder.record(commit, None).await;
                    recorded.map_err(|error| Failure::unrecorded(&error))?;
                    begun = Some(placement);
                }
                if is_made_again(env, id, &operation) {
                    warn!(object.id = %id,
                          "is missing in OX, where drover had put it; it is made again");
                }
                let result = perform(env, &operation).await;
                heard = true;
                match result {
                    Ok(reply) => case.done(&operation, reply),
                    Err(Trouble::Failed(failure)) => return Err(failure),
                    Err(Trouble::Refused(error)) => {
                        let refusal = refusal(env, &operation, &error).await;
                        if !case.refused(&operation, refusal) {
                            let failure = match refusal {
                                Refusal::ContextMissing(Some(context)) => {
                                    Failure::no_context(context, &error)
                                }
                                _ => Failure::from_ox(&error),
                            };
                            let not_made = failure.verdict == Verdict::Lasting
                                && about_to_be(env, id, &operation, None).is_some();
                            return Err(Failure { not_made, ..failure });
                        }
                    }
                }
            }
        }
    }
    let text = "drover does not come to an end with this object; please report this";
    Err(Failure::local(text.to_owned()))
}

/// What an operation makes that could not be found again if its answer got lost: whether a group or
/// account belongs into a context depends on others, and may look otherwise at the next try. `begun` is
/// what was written down before.
fn about_to_be(
    env: &Env,
    id: &ObjectId,
    operation: &Operation,
    begun: Option<&Placement>,
) -> Option<(ContextId, Placement)> {
    match operation {
        Operation::GroupCreate { context, data } => {
            // Its number is what is going to be answered.
            let (ox, name) = (OxId::UNKNOWN, data.name.clone());
            Some((*context, Placement::Group { ox, name, members: BTreeMap::new() }))
        }
        // Nor could one be found that may bear its new name, once it is to have another one.
        Operation::GroupChange { context, group: Target::Id(ox), data } => {
            let new = Claim::Group(data.name.to_lowercase().into());
            let bears = |known: &Known| {
                known.at(*context).is_some_and(|presence| presence.claims.contains(&new))
            };
            let (ox, name) = (*ox, data.name.clone());
            (env.index.with(id, bears) == Some(false))
                .then_some((*context, Placement::Group { ox, name, members: BTreeMap::new() }))
        }
        Operation::AccountCreate { context, data, users } => {
            let mut members = match begun {
                Some(Placement::Account { address, members }) if *address == data.address => {
                    members.clone()
                }
                _ => BTreeMap::new(),
            };
            for ox in users {
                let Some(member) = env.index.whose(*context, *ox) else { continue };
                let account = AccountMember {
                    ox: *ox,
                    name: data.name.clone(),
                    personal: data.personal.clone(),
                    login: data.login.clone(),
                };
                members.insert(member, account);
            }
            let address = data.address.clone();
            Some((*context, Placement::Account { address, members }))
        }
        _ => None,
    }
}

/// Whether an operation makes something that should be there by what drover remembers. A user who is
/// made anew although he only was to move has lost his data, so it counts wherever he was.
fn is_made_again(env: &Env, id: &ObjectId, operation: &Operation) -> bool {
    let known_at = |context: ContextId| env.index.with(id, |known| known.at(context).is_some());
    let found = match operation {
        Operation::UserCreate { .. } => env.index.with(id, |known| !known.placed.is_empty()),
        Operation::ContextCreate { data } => known_at(data.id),
        Operation::GroupCreate { context, .. } | Operation::ResourceCreate { context, .. } => {
            known_at(*context)
        }
        _ => None,
    };
    found.unwrap_or(false)
}

/// Why an operation was not done.
enum Trouble {
    /// OX answered with a fault, of which the case may make something.
    Refused(OxError),
    /// It did not come to that.
    Failed(Failure),
}

impl From<OxError> for Trouble {
    fn from(error: OxError) -> Self {
        match error {
            OxError::Fault { .. } => Self::Refused(error),
            _ => Self::Failed(Failure::from_ox(&error)),
        }
    }
}

async fn perform(env: &Env, operation: &Operation) -> Result<Reply, Trouble> {
    let ox = &env.ox;
    match operation {
        Operation::ContextCreate { data } => {
            let local = |text| Trouble::Failed(Failure::local(text));
            let had_key = env.vault.find(Account::Context(data.id)).map_err(local)?.is_some();
            let login = env.policy.admin_login(data.id);
            let credentials = env
                .vault
                .ensure(data.id, &login)
                .map_err(|text| Trouble::Failed(Failure::local(text)))?;
            let admin = administrator(env, &credentials.login);
            if let Err(error) = ox.context_create(data, &admin, &credentials).await {
                // Somebody else's context: the key just made opens nothing, and would hide that
                // the right one is missing.
                let theirs = error.fault().map(|f| f.class) == Some(FaultClass::ContextExists);
                if theirs && !had_key {
                    env.vault.remove(data.id).map_err(local)?;
                }
                return Err(error.into());
            }
        }
        Operation::ContextChange { data } => ox.context_change(data).await?,
        Operation::ContextEnable { context, enabled } => {
            ox.context_enable(*context, *enabled).await?;
        }
        Operation::ContextCapabilities { context, change } => {
            ox.context_capabilities(*context, change).await?;
        }
        Operation::ContextQuota { context, module, quota } => {
            ox.context_quota(*context, module, *quota).await?;
        }
        Operation::ContextDelete { context } => ox.context_delete(*context).await?,
        Operation::UserCreate { context, fields, access } => {
            let mut fields = fields.clone();
            fields.set("password", Env::unknown_password().reveal());
            let converting = |access| ox.user_create_converting(*context, &fields, access);
            return Ok(match ox.guest_conversion().await {
                GuestConversion::None => {
                    Reply::Id(ox.user_create(*context, &fields, *access).await?)
                }
                GuestConversion::WithRights => Reply::Id(converting(Some(*access)).await?),
                GuestConversion::Alone => Reply::WithoutRights(converting(None).await?),
            });
        }
        Operation::UserChange { context, user, fields } => {
            ox.user_change(*context, user, fields).await?;
        }
        Operation::UserAccess { context, user, access } => {
            ox.user_change_access(*context, user, *access).await?;
        }
        Operation::UserSenderName { context, user, name } => {
            ox.user_sender_name(*context, user, name).await?;
        }
        Operation::DeputyGrant { context, user, deputy, rights } => {
            let grant = deputies(env)?.deputy_grant(*context, *user, *deputy, *rights).await?;
            return Ok(Reply::Grant(grant));
        }
        Operation::DeputyUpdate { context, user, grant, deputy, rights } => {
            deputies(env)?.deputy_update(*context, *user, grant, *deputy, *rights).await?;
        }
        Operation::DeputyRevoke { context, user, grant, .. } => {
            deputies(env)?.deputy_revoke(*context, *user, grant).await?;
        }
        Operation::DeputiesRevokeAll { context, user } => {
            deputies(env)?.deputies_revoke_all(*context, *user).await?;
        }
        Operation::DeputiesBar { context, user, barred } => {
            deputies(env)?.deputies_bar(*context, *user, *barred).await?;
        }
        Operation::UserCapabilities { context, user, change } => {
            ox.user_capabilities(*context, user, change).await?;
        }
        Operation::UserDelete { context, user, heir } => {
            ox.user_delete(*context, user, *heir).await?;
        }
        Operation::JourneyBegin { .. } => {}
        Operation::UserCopy { user, from, to } => {
            return Ok(Reply::Id(ox.user_copy(*user, *from, *to).await?));
        }
        Operation::GroupCreate { context, data } => {
            return Ok(Reply::Id(ox.group_create(*context, data).await?));
        }
        Operation::GroupChange { context, group, data } => {
            ox.group_change(*context, group, data).await?;
        }
        Operation::GroupAdd { context, group, members } => {
            let members = by_login(env, *context, members);
            ox.group_add(*context, group, &members).await?;
        }
        Operation::GroupRemove { context, group, members } => {
            let members = by_login(env, *context, members);
            ox.group_remove(*context, group, &members).await?;
        }
        Operation::GroupDelete { context, group } => ox.group_delete(*context, group).await?,
        Operation::ResourceCreate { context, data } => {
            return Ok(Reply::Id(ox.resource_create(*context, data).await?));
        }
        Operation::ResourceChange { context, resource, data } => {
            ox.resource_change(*context, resource, data).await?;
        }
        Operation::ResourceDelete { context, resource } => {
            ox.resource_delete(*context, resource).await?;
        }
        Operation::SharedAccountCreate { context, data } => {
            return Ok(Reply::Id(shared(env)?.shared_account_create(*context, data).await?));
        }
        Operation::SharedAccountChange { context, account, data } => {
            shared(env)?.shared_account_change(*context, *account, data).await?;
        }
        Operation::SharedAccountConvert { context, user } => {
            shared(env)?.shared_account_convert(*context, *user).await?;
        }
        Operation::SharedAccountGrant { context, account, grants } => {
            shared(env)?.shared_account_grant(*context, *account, grants).await?;
        }
        Operation::SharedAccountDelete { context, account } => {
            shared(env)?.shared_account_delete(*context, *account).await?;
        }
        Operation::AccountCreate { context, data, users } => {
            ox.account_create(*context, data, users).await?;
        }
        Operation::AccountUpdate { context, data, users } => {
            if !ox.account_update(*context, data, users).await? {
                return Ok(Reply::NothingThere);
            }
        }
        Operation::AccountDelete { context, address, users } => {
            if !ox.account_delete(*context, address, users).await? {
                return Ok(Reply::NothingThere);
            }
        }
    }
    Ok(Reply::Done)
}

/// OX's shared accounts, if it can have any.
fn shared(env: &Env) -> Result<&(dyn SharedAccounts + Send + Sync), OxError> {
    let (operation, since) = ("OXSharedAccountService", "8.49");
    env.ox.shared_accounts().ok_or(OxError::NotOffered { operation, since })
}

/// OX's deputies, if it can have any.
fn deputies(env: &Env) -> Result<&(dyn Deputies + Send + Sync), OxError> {
    let (operation, since) = ("OXDeputyPermissionsService", "8.36.37");
    env.ox.deputies().ok_or(OxError::NotOffered { operation, since })
}

/// Users by their login names, which stay theirs when OX's database is restored and numbers do not.
fn by_login(env: &Env, context: ContextId, users: &[OxId]) -> Vec<Target> {
    let login = |ox: &OxId| env.index.login(&env.index.whose(context, *ox)?, context);
    users.iter().map(|ox| login(ox).map_or(Target::Id(*ox), Target::Name)).collect()
}

/// Fields of a new context's administrator, but for name and password.
fn administrator(env: &Env, login: &str) -> UserFields {
    let address = format!("{login}@{}", env.policy.domain);
    let mut admin = UserFields::new();
    admin.set("display_name", "OX Admin");
    admin.set("given_name", "OX");
    admin.set("sur_name", "Admin");
    admin.set("primaryEmail", address.as_str());
    admin.set("email1", address.as_str());
    admin.set("timezone", env.policy.user.timezone.as_str());
    admin
}

/// Asks OX on behalf of an object. "Not there" is an answer, not an error.
///
/// Who is asked for by name and may well be absent is asked for in a way that OX answers with "no"
/// instead of a fault, each of which is an error with its stack in OX's log. Groups and resources
/// have no such call but a search by pattern, which a name with wildcards would upset; they are
/// asked for only when they should be there, or when an answer was lost.
pub async fn ask(env: &Env, id: &ObjectId, question: &Question) -> Result<Answer, Failure> {
    let ox = &env.ox;
    let expected = |context| env.index.with(id, |known| known.at(context).is_some()) == Some(true);
    let answer = match question {
        Question::Context(context) if !expected(*context) => {
            match ox.context_exists(*context).await {
                Ok(true) => ox.context_get(*context).await.map(Answer::Context).or_else(absent),
                Ok(false) => Ok(Answer::Absent),
                Err(error) => Err(error),
            }
        }
        Question::User(context, target @ Target::Name(_)) if !expected(*context) => {
            // A display name of somebody else's counts for OX, too.
            let found = match ox.user_exists(*context, target).await {
                Ok(true) => ox.user_get(*context, target).await.map(Answer::User),
                Ok(false) => Ok(Answer::Absent),
                Err(error) => Err(error),
            };
            match found {
                Err(error) if says_no_context(&error, *context) => Ok(Answer::Absent),
                Err(error) => absent(error),
                Ok(answer) => Ok(answer),
            }
        }
        Question::Context(context) => match ox.context_get(*context).await {
            Ok(data) => Ok(Answer::Context(data)),
            Err(error) => absent(error),
        },
        Question::Login(context) => {
            let login = match env.vault.find(Account::Context(*context)) {
                Ok(Some(credentials)) => credentials.login,
                Ok(None) => return Ok(Answer::Absent),
                Err(text) => return Err(Failure::local(text)),
            };
            match ox.user_exists(*context, &Target::Name(login)).await {
                Ok(_) => Ok(Answer::Present),
                Err(error) => match error.fault().map(|fault| fault.class) {
                    Some(FaultClass::InvalidCredentials) => Ok(Answer::Absent),
                    _ => Err(error),
                },
            }
        }
        Question::User(context, target) => match ox.user_get(*context, target).await {
            Ok(user) => Ok(Answer::User(user)),
            Err(error) if says_no_context(&error, *context) => Ok(Answer::Absent),
            Err(error) => absent(error),
        },
        Question::Heir(context, name) => {
            match ox.user_get(*context, &Target::Name(name.clone())).await {
                Ok(user) => Ok(Answer::User(user)),
                Err(error) => absent(error),
            }
        }
        Question::Group(context, name) => {
            match ox.group_get(*context, &Target::Name(name.clone())).await {
                Ok(group) => Ok(Answer::Group(group)),
                Err(error) => absent(error),
            }
        }
        Question::Resource(context, name) => {
            match ox.resource_get(*context, &Target::Name(name.clone())).await {
                Ok(resource) => Ok(Answer::Resource(resource)),
                Err(error) => absent(error),
            }
        }
        Question::SharedAccount(context, name) => {
            let found = match shared(env) {
                Ok(shared) => {
                    shared.shared_account_get(*context, &Target::Name(name.clone())).await
                }
                Err(error) => Err(error),
            };
            match found {
                Ok(account) => Ok(Answer::SharedAccount(account)),
                Err(error) => absent(error),
            }
        }
        Question::Accounts(context, user) => {
            ox.account_list(*context, &[*user]).await.map(Answer::Accounts)
        }
        Question::Deputies(context, _) => match deputies(env) {
            Ok(deputies) => deputies.deputies_list(*context).await.map(Answer::Deputies),
            Err(error) => Err(error),
        },
        Question::Number(context, login) => {
            match ox.user_get(*context, &Target::Name(login.clone())).await {
                Ok(user) => Ok(Answer::Number(user.id)),
                Err(error) if says_no_context(&error, *context) => Ok(Answer::Absent),
                Err(error) => absent(error),
            }
        }
        Question::UserIds(context) => ox.user_list(*context, "*").await.map(Answer::UserIds),
    };
    answer.map_err(|error| Failure::from_ox(&error))
}

/// Whether an answer that carries name and number shows that a number is not what drover remembers;
/// then none of that context's is trusted any more.
fn renumbered(env: &Env, id: &ObjectId, question: &Question, answer: &Answer) -> bool {
    let (context, name, user) = match (question, answer) {
        (Question::User(context, Target::Name(name)), Answer::User(user)) => (*context, name, user),
        (Question::Number(context, login), Answer::Number(ox)) => {
            let known =
                env.index.whose(*context, *ox).and_then(|id| env.index.login(&id, *context));
            let wrong = known.as_ref() != Some(login);
            if wrong {
                super::rebuild::doubt(env, *context);
            }
            return wrong;
        }
        _ => return false,
    };
    let moved = env.index.login(id, context).as_deref() == Some(name)
        && env.index.ox_id(id, context).is_some_and(|known| known != user.id);
    let whose = env.index.whose(context, user.id).filter(|owner| owner != id);
    let login = whose.and_then(|owner| env.index.login(&owner, context));
    let wrong = moved || login.is_some_and(|login| login != *name);
    if wrong {
        super::rebuild::doubt(env, context);
    }
    wrong
}

/// Tells an object of the directory that drover placed itself from one that OX has otherwise.
fn owned(env: &Env, id: &ObjectId, question: &Question, answer: Answer) -> Answer {
    let found = match (question, &answer) {
        (Question::User(context, _), Answer::User(user)) => Some((*context, user.id)),
        (Question::Group(context, _), Answer::Group(group)) => Some((*context, group.id)),
        (Question::Resource(context, _), Answer::Resource(found)) => Some((*context, found.id)),
        (Question::SharedAccount(context, _), Answer::SharedAccount(found)) => {
            Some((*context, found.id))
        }
        _ => None,
    };
    match found.and_then(|(context, ox)| env.index.whose(context, ox)) {
        Some(owner) if owner != *id => Answer::Foreign(owner),
        _ => answer,
    }
}

/// Who is asked for in a context that is not there is not there either.
fn says_no_context(error: &OxError, context: ContextId) -> bool {
    error.fault().is_some_and(|fault| {
        fault.class == FaultClass::NoSuchContext && number_in(&fault.text) == Some(context)
    })
}

/// "Not there", if that is what a look-up's fault says.
fn absent(error: OxError) -> Result<Answer, OxError> {
    let Some(fault) = error.fault() else { return Err(error) };
    match fault.class {
        FaultClass::NoSuchUser | FaultClass::NoSuchGroup | FaultClass::NoSuchResource => {
            Ok(Answer::Absent)
        }
        // Only about the context asked for; a look-up inside a context that is not there faults.
        FaultClass::NoSuchContext if error.operation().starts_with("OXContextService") => {
            Ok(Answer::Absent)
        }
        _ => Err(error),
    }
}

/// What a fault means to a plan.
async fn refusal(env: &Env, operation: &Operation, error: &OxError) -> Refusal {
    let Some(fault) = error.fault() else { return Refusal::Other };
    let text = fault.text.as_str();
    match fault.class {
        // Of a grant, it is one of those to whom it is granted.
        FaultClass::NoSuchUser => match operation {
            Operation::SharedAccountGrant { .. }
            | Operation::DeputyGrant { .. }
            | Operation::DeputyUpdate { .. }
            | Operation::GroupCreate { .. }
            | Operation::GroupChange { .. }
            | Operation::GroupAdd { .. }
            | Operation::GroupRemove { .. }
            | Operation::AccountCreate { .. }
            | Operation::AccountUpdate { .. }
            | Operation::AccountDelete { .. } => Refusal::MemberMissing,
            // An unknown administrator is told in the same words as an unknown user.
            Operation::UserChange { context, .. } if names_admin(env, *context, text) => {
                Refusal::Other
            }
            _ => Refusal::Missing,
        },
        FaultClass::NoSuchGroup | FaultClass::NoSuchResource => Refusal::Missing,
        FaultClass::NoSuchContext => Refusal::ContextMissing(number_in(text)),
        FaultClass::ContextExists | FaultClass::UserExists => Refusal::Exists,
        FaultClass::InvalidCredentials => {
            // A missing context and a wrong password are told in the same words; the master can
            // tell them apart.
            match context_of(operation) {
                Some(context) => match env.ox.context_exists(context).await {
                    Ok(false) => Refusal::ContextMissing(Some(context)),
                    Ok(true) | Err(_) => Refusal::Other,
                },
                None => Refusal::Other,
            }
        }
        FaultClass::InvalidData | FaultClass::Storage | FaultClass::Other => {
            let there =
                ["already exists", "already used", "already in use", "UCP-0011", "ACC-0017"];
            if there.iter().any(|words| text.contains(words)) {
                Refusal::Exists
            } else {
                Refusal::Other
            }
        }
        FaultClass::Undeclared => Refusal::Other,
    }
}

fn names_admin(env: &Env, context: ContextId, text: &str) -> bool {
    let login = match env.vault.find(Account::Context(context)) {
        Ok(Some(credentials)) => credentials.login,
        Ok(None) | Err(_) => return false,
    };
    text == format!("No such user {login} in context {context}")
}

/// The context whose administrator an operation needs.
fn context_of(operation: &Operation) -> Option<ContextId> {
    match operation {
        Operation::UserCreate { context, .. }
        | Operation::UserChange { context, .. }
        | Operation::UserAccess { context, .. }
        | Operation::UserSenderName { context, .. }
        | Operation::DeputyGrant { context, .. }
        | Operation::DeputyUpdate { context, .. }
        | Operation::DeputyRevoke { context, .. }
        | Operation::DeputiesRevokeAll { context, .. }
        | Operation::DeputiesBar { context, .. }
        | Operation::UserCapabilities { context, .. }
        | Operation::UserDelete { context, .. }
        | Operation::GroupCreate { context, .. }
        | Operation::GroupChange { context, .. }
        | Operation::GroupAdd { context, .. }
        | Operation::GroupRemove { context, .. }
        | Operation::GroupDelete { context, .. }
        | Operation::ResourceCreate { context, .. }
        | Operation::ResourceChange { context, .. }
        | Operation::ResourceDelete { context, .. }
        | Operation::AccountCreate { context, .. }
        | Operation::AccountUpdate { context, .. }
        | Operation::SharedAccountCreate { context, .. }
        | Operation::SharedAccountChange { context, .. }
        | Operation::SharedAccountConvert { context, .. }
        | Operation::SharedAccountGrant { context, .. }
        | Operation::SharedAccountDelete { context, .. }
        | Operation::AccountDelete { context, .. } => Some(*context),
        Operation::ContextCreate { .. }
        | Operation::ContextChange { .. }
        | Operation::ContextEnable { .. }
        | Operation::ContextCapabilities { .. }
        | Operation::ContextQuota { .. }
        | Operation::ContextDelete { .. }
        | Operation::JourneyBegin { .. }
        | Operation::UserCopy { .. } => None,
    }
}

/// The first number in a text such as `The context 999 does not exist!`.
fn number_in(text: &str) -> Option<ContextId> {
    let digits: String =
        text.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
    digits.parse().ok().map(ContextId)
}
