//! What OX has: services, logins, contexts.

use std::collections::BTreeSet;
use std::time::Instant;

use futures_util::stream::{self, StreamExt};

use super::{Finding, State};
use crate::cli::Exit;
use crate::credentials::CredentialsFile;
use crate::model::ContextId;
use crate::ox::client::{NEWER_SERVICES, SERVICES};
use crate::ox::{Account, CredentialSource, FaultClass, OxApi, OxError, SoapClient, Target};
use crate::settings::Settings;
use crate::store::{Placement, SqliteReader};

/// Contexts that are named one by one when something is wrong with them; of more, the number.
const MOST_NAMED: usize = 20;

/// Logins asked for at once at most; the client's own limits hold besides.
const AT_ONCE: usize = 8;

pub(super) async fn check(
    settings: &Settings,
    client: &SoapClient,
    credentials: &CredentialsFile,
) -> Vec<Finding> {
    let mut findings = services(client).await;
    findings.extend(newer_services(settings, client).await);
    let (master, default) = master(settings, client).await;
    let master_works = master.state == State::Ok;
    findings.push(master);
    findings.extend(default);
    findings.extend(logins(settings, client, credentials, master_works).await);
    findings
}

/// One line if all are there, else one for each that is not.
async fn services(client: &SoapClient) -> Vec<Finding> {
    const CHECK: &str = "services";
    let cure = "install open-xchange-admin-soap and open-xchange-admin-soap-usercopy in OX, and let \
                the proxy pass /webservices/";
    let mut findings = Vec::new();
    for (service, needed) in SERVICES {
        let problem = match client.offered(service).await {
            Ok(Some(offered)) => {
                let missing: Vec<&str> =
                    needed.iter().filter(|name| !offered.contains(**name)).copied().collect();
                (!missing.is_empty())
                    .then(|| format!("{service} does not offer {}", missing.join(", ")))
            }
            Ok(None) => Some(format!("OX has no {service}")),
            Err(error) => Some(error.to_string()),
        };
        findings.extend(problem.map(|told| Finding::failed(CHECK, Exit::NotReady, told, cure)));
    }
    if findings.is_empty() {
        let told = format!("all {} that drover uses, with their operations", SERVICES.len());
        findings.push(Finding::ok(CHECK, told));
    }
    findings
}

/// Services that only newer servers have, if what they are for is switched on.
async fn newer_services(settings: &Settings, client: &SoapClient) -> Vec<Finding> {
    let mapping = &settings.mapping;
    let mut findings = Vec::new();
    if mapping.shared_accounts {
        let without = "the items of shared accounts would stand still; if there are any, update OX to \
                       8.49, or set mapping.shared_accounts = false [OX_ENABLE_SHARED_ACCOUNT]";
        let service = "OXSharedAccountService";
        findings.extend(newer(client, "shared accounts", service, without, false).await);
    }
    if mapping.deputy_permissions {
        let without = "users get no deputies; install open-xchange-deputy (OX 8.36.37 and later), or set \
                       mapping.deputy_permissions = false [OX_ENABLE_DEPUTY_PERMISSIONS]";
        let service = "OXDeputyPermissionsService";
        findings.extend(newer(client, "deputies", service, without, true).await);
    }
    findings
}

/// What is said of one of them. Where it is not `asked_for` by a setting of its own, most systems without
/// it are as they should be.
async fn newer(
    client: &SoapClient,
    check: &'static str,
    service: &'static str,
    without: &str,
    asked_for: bool,
) -> Option<Finding> {
    match client.offered(service).await {
        Ok(Some(offered)) => {
            let needed = NEWER_SERVICES.iter().find(|(name, _)| *name == service);
            let missing: Vec<&str> = needed
                .into_iter()
                .flat_map(|(_, needed)| needed.iter().copied())
                .filter(|name| !offered.contains(*name))
                .collect();
            Some(if missing.is_empty() {
                Finding::ok(check, format!("OX has {service}"))
            } else {
                let told = format!("{service} does not offer {}", missing.join(", "));
                Finding::warning(check, told, without)
            })
        }
        Ok(None) if asked_for => {
            Some(Finding::warning(check, format!("OX has no {service}"), without))
        }
        Ok(None) => Some(Finding::skipped(check, format!("OX has no {service}: {without}"))),
        Err(error) => Some(Finding::warning(check, error.to_string(), "see OX's log")),
    }
}

/// The master's login, and whether the default context is there.
async fn master(settings: &Settings, client: &SoapClient) -> (Finding, Option<Finding>) {
    const CHECK: &str = "master login";
    let context = settings.ox.default_context;
    let file = settings.credentials_file();
    let set = format!(
        "set ox.master_admin [OX_MASTER_ADMIN] and ox.master_password [OX_MASTER_PASSWORD], or the \
         entry \"master\" in {}",
        file.display()
    );
    let default = |there: bool| {
        const CHECK: &str = "default context";
        if there {
            return Finding::ok(CHECK, format!("context {context} is there"));
        }
        let cure = "create it in OX, or name the right one in ox.default_context [DEFAULT_CONTEXT]";
        Finding::failed(CHECK, Exit::NotReady, format!("OX has no context {context}"), cure)
    };
    match client.context_exists(context).await {
        Ok(there) => (Finding::ok(CHECK, "OX takes it"), Some(default(there))),
        Err(error) => {
            let told = match &error {
                error if refused(error) => "OX does not take name or password".to_owned(),
                OxError::NoCredentials { .. } => "there is no password for it".to_owned(),
                other => other.to_string(),
            };
            let skipped = Finding::skipped("default context", "only the master can ask for it");
            (Finding::failed(CHECK, Exit::NotReady, told, set), Some(skipped))
        }
    }
}

/// Whether the answer is that the login is wrong.
fn refused(error: &OxError) -> bool {
    error.fault().is_some_and(|fault| fault.class == FaultClass::InvalidCredentials)
}

/// The login of every context that has an entry, that those have one that need one, and one read.
async fn logins(
    settings: &Settings,
    client: &SoapClient,
    credentials: &CredentialsFile,
    master_works: bool,
) -> Vec<Finding> {
    const CHECK: &str = "context logins";
    let file = settings.credentials_file();
    // A file that cannot be read was told of before.
    let accounts = credentials.accounts().unwrap_or_default();
    let contexts: BTreeSet<ContextId> = accounts
        .iter()
        .filter_map(|(account, entry)| match account {
            Account::Context(context) if entry.is_ok() => Some(*context),
            _ => None,
        })
        .collect();
    let default = settings.ox.default_context;
    let mut needed = provisioned(settings);
    needed.insert(default);
    let entry = "add one: {\"adminuser\": \"…\", \"adminpass\": \"…\"}";
    let mut problems: Vec<(ContextId, String, String)> = needed
        .difference(&contexts)
        .map(|context| {
            let told = format!("{} has no entry for context {context}", file.display());
            (*context, told, entry.to_owned())
        })
        .collect();
    let asked: Vec<_> =
        stream::iter(contexts.iter().copied())
            .map(|context| async move {
                (context, login(client, credentials, context, master_works).await)
            })
            .buffered(AT_ONCE)
            .collect()
            .await;
    problems.extend(asked.into_iter().filter_map(|(context, problem)| {
        let (told, cure) = problem?;
        Some((context, told, cure))
    }));
    problems.sort();
    let wrong = problems.len();
    let default_works = !problems.iter().any(|(context, _, _)| *context == default);
    let mut findings: Vec<Finding> = problems
        .into_iter()
        .take(MOST_NAMED)
        .map(|(_, told, cure)| Finding::failed(CHECK, Exit::NotReady, told, cure))
        .collect();
    if wrong > MOST_NAMED {
        let told = format!("{} contexts more are not as they must be", wrong - MOST_NAMED);
        findings.push(Finding::failed(CHECK, Exit::NotReady, told, "mend those above first"));
    }
    if wrong == 0 {
        let told = format!("OX takes each in the file; contexts: {}", contexts.len());
        findings.push(Finding::ok(CHECK, told));
    }
    findings.push(if default_works {
        read(client, credentials, default).await
    } else {
        let told = format!("context {default} is not as it must be, see above");
        Finding::skipped("read", told)
    });
    findings
}

/// Contexts in which something was provisioned; none if drover has not run here.
fn provisioned(settings: &Settings) -> BTreeSet<ContextId> {
    let mut contexts = BTreeSet::new();
    if let Ok(reader) = SqliteReader::open(&settings.database()) {
        // What it does not say is only not looked at.
        let _ = reader.objects(&mut |object| {
            let placed = object.placements.iter();
            contexts.extend(
                placed
                    .filter(|(_, placement)| matches!(placement, Placement::Context { .. }))
                    .map(|(context, _)| *context),
            );
        });
    }
    contexts
}

/// What is wrong with a context's login, and the cure.
async fn login(
    client: &SoapClient,
    credentials: &CredentialsFile,
    context: ContextId,
    master_works: bool,
) -> Option<(String, String)> {
    // A context that is missing looks just like a wrong password; only the master can tell.
    if master_works {
        match client.context_exists(context).await {
            Ok(true) => {}
            Ok(false) => {
                let told = format!("OX has no context {context}, but it has an entry");
                let cure = "take the entry out, or create the context in OX";
                return Some((told, cure.to_owned()));
            }
            Err(error) => return Some((error.to_string(), "see above".to_owned())),
        }
    }
    let name = match credentials.credentials(Account::Context(context)) {
        Ok(Some(credentials)) => credentials.login,
        Ok(None) => return None,
        Err(reason) => return Some((reason, "correct the entry".to_owned())),
    };
    let error = client.user_exists(context, &Target::Name(name)).await.err()?;
    if !refused(&error) {
        return Some((format!("context {context}: {error}"), "see OX's log".to_owned()));
    }
    Some(if master_works {
        (
            format!("OX does not take the administrator's name or password for context {context}"),
            "correct the entry, or set the password in OX".to_owned(),
        )
    } else {
        (
            format!("context {context} is missing, or its administrator's password is wrong"),
            "mend the master's login first: only the master can tell which".to_owned(),
        )
    })
}

/// One object read as in earnest: the default context's administrator.
async fn read(client: &SoapClient, credentials: &CredentialsFile, context: ContextId) -> Finding {
    const CHECK: &str = "read";
    let name = match credentials.credentials(Account::Context(context)) {
        Ok(Some(credentials)) => credentials.login,
        Ok(None) | Err(_) => return Finding::skipped(CHECK, "no credentials to read with"),
    };
    let begun = Instant::now();
    match client.user_get(context, &Target::Name(name)).await {
        Ok(_) => {
            let took = begun.elapsed().as_millis();
            Finding::ok(CHECK, format!("the administrator of context {context}, in {took} ms"))
        }
        Err(error) => {
            let cure = "see OX's log; the login itself works";
            Finding::failed(CHECK, Exit::NotReady, error.to_string(), cure)
        }
    }
}
