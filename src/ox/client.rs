//! The SOAP client: one call = permit + span + deadline + typed request + typed reply or fault.
//!
//! # What happens to a call whose connection dies
//! OX closes idle connections after 30 s without a word, and any connection after 257 requests with
//! `Connection: close`. Idle connections are therefore let go earlier ([`ClientSettings::pool_idle`]).
//! A request that was handed to a connection found closed *before a byte of it was sent* goes to a
//! new connection by itself; that is certain, not guessed. In every other case the call ends with
//! [`OxError::Lost`] and is never sent again from here: OX finishes what it has received, so a
//! second copy would be a second operation.

mod deputies;
mod describe;
mod hints;
mod offers;
mod settings;
mod shared;

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use reqwest::{Client, Response, StatusCode, header};
use tracing::Instrument;
use url::Url;

use super::call::Call;
use super::envelope::{Element, NotSoap, read_body};
use super::limiter::{Bounds, Gate, Gates};
use super::{
    AccountData, CallObserver, ContextData, CredentialSource, Credentials, Deputies, GroupData,
    GuestConversion, OxAccount, OxApi, OxError, OxGroup, OxResource, OxUser, ResourceData,
    SharedAccounts, Target, context, excerpt, fault, group, resource, secondary_account, user,
    user_copy,
};
use crate::model::{CapabilityChange, ContextId, ModuleAccess, OxId, UserFields};

pub use super::call::Deadlines;
pub use describe::{NEWER_SERVICES, SERVICES};
pub use settings::{ClientError, ClientSettings};

/// Without the charset OX reads the message as ISO-8859-1 and destroys umlauts.
const CONTENT_TYPE: &str = "text/xml; charset=utf-8";

/// A client of OX's provisioning services. Use one for each server and share it: the limits are its.
pub struct SoapClient {
    http: Client,
    /// Base address without query and fragment.
    base: Url,
    deadlines: Deadlines,
    max_answer_bytes: usize,
    answer_idle: Duration,
    gates: Arc<Gates>,
    rate: Option<DefaultDirectRateLimiter>,
    credentials: Arc<dyn CredentialSource>,
    observer: Option<Arc<dyn CallObserver>>,
    offers: offers::Offers,
}

impl SoapClient {
    /// Builds a client; nothing is sent yet.
    ///
    /// `credentials` is asked at every call, `observer` told about every call.
    ///
    /// # Errors
    /// If the address or the certificates cannot be used.
    pub fn new(
        settings: &ClientSettings,
        credentials: Arc<dyn CredentialSource>,
        observer: Option<Arc<dyn CallObserver>>,
    ) -> Result<Self, ClientError> {
        let gate = |name, cap| Gate::new(name, Bounds { cap, adaptive: settings.adaptive });
        Ok(Self {
            http: settings::http_client(settings)?,
            base: settings::base(&settings.base_url)?,
            deadlines: settings.deadlines,
            max_answer_bytes: settings.max_answer_bytes,
            answer_idle: settings.answer_idle,
            gates: Arc::new(Gates {
                calls: gate("calls", settings.max_in_flight),
                context_creates: gate("context creates", settings.max_context_creates),
            }),
            rate: settings.calls_per_second.map(|n| RateLimiter::direct(Quota::per_second(n))),
            credentials,
            observer,
            offers: offers::Offers::default(),
        })
    }

    /// The limits found so far, to be looked at while the client works.
    pub fn gates(&self) -> Arc<Gates> {
        Arc::clone(&self.gates)
    }

    /// All groups of a context with their members (`OXGroupService.listAll`). For looking only, which
    /// is why plans do not have it.
    ///
    /// # Errors
    /// As every call.
    pub async fn group_list(&self, context: ContextId) -> Result<Vec<OxGroup>, OxError> {
        self.call(group::list(context)).await
    }

    /// All resources of a context (`OXResourceService.listAll`), likewise.
    ///
    /// # Errors
    /// As every call.
    pub async fn resource_list(&self, context: ContextId) -> Result<Vec<OxResource>, OxError> {
        self.call(resource::list(context)).await
    }

    async fn call<R: Send>(&self, call: Call<R>) -> Result<R, OxError> {
        self.call_through(None, call).await
    }

    /// A call that has to pass a gate of its own before the one for all.
    async fn call_through<R: Send>(&self, own: Option<&Gate>, call: Call<R>) -> Result<R, OxError> {
        let span = tracing::info_span!(
            "ox call",
            ox.operation = call.operation,
            context.id = call.context.0
        );
        async {
            // Its own first, so that those who wait there do not keep others out.
            let mut own = match own {
                Some(gate) => Some(gate.enter().await),
                None => None,
            };
            let mut permit = self.gates.calls.enter().await;
            if let Some(rate) = &self.rate {
                rate.until_ready().await;
            }
            let (operation, class) = (call.operation, call.class());
            let deadline = self.deadlines.of(call.weight);
            permit.begin(class);
            if let Some(own) = &mut own {
                own.begin(class);
            }
            let start = Instant::now();
            let result = self.attempt(call).await;
            let took = start.elapsed();
            let end = hints::end(result.as_ref().err(), took >= deadline);
            permit.end(hints::for_all(end, own.is_some()));
            if let Some(own) = own {
                own.end(end);
            }
            if let Some(observer) = &self.observer {
                observer.called(operation, took, result.as_ref().map(|_| ()));
            }
            // Wider numbers become texts in JSON.
            let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
            tracing::debug!(took_ms, ok = result.is_ok(), "call ended");
            result
        }
        .instrument(span)
        .await
    }

    async fn attempt<R>(&self, mut call: Call<R>) -> Result<R, OxError> {
        let operation = call.operation;
        let credentials = self.credentials_for(&call)?;
        let message = call.message(&credentials).map_err(|problem| OxError::Unwritable {
            operation,
            field: problem.field,
            reason: problem.reason,
        })?;
        let mut url = self.base.clone();
        let prefix = self.base.path().trim_end_matches('/');
        url.set_path(&format!("{prefix}/webservices/{}", call.service()));
        let response = self
            .http
            .post(url)
            .header(header::CONTENT_TYPE, CONTENT_TYPE)
            .header("SOAPAction", format!("\"urn:{}\"", call.action()))
            .timeout(self.deadlines.of(call.weight))
            .body(message)
            .send()
            .await
            .map_err(|error| not_sent_or_lost(operation, error))?;
        let body = self.soap_body(operation, response).await?;
        if let Some(fault) = fault::read(&body) {
            return Err(OxError::Fault { operation, fault });
        }
        call.reply(&body).map_err(|reason| OxError::Garbled { operation, reason })
    }

    fn credentials_for<R>(&self, call: &Call<R>) -> Result<Credentials, OxError> {
        let Call { operation, account, .. } = *call;
        self.credentials
            .credentials(account)
            .map_err(|reason| OxError::CredentialsUnreadable { operation, reason })?
            .ok_or(OxError::NoCredentials { operation, account })
    }

    /// Judges the HTTP answer before any SOAP is read, then reads the SOAP.
    async fn soap_body(
        &self,
        operation: &'static str,
        mut response: Response,
    ) -> Result<Element, OxError> {
        let status = response.status();
        let retry_after = hints::retry_after(status, response.headers());
        let page = |bytes: &[u8]| OxError::Http {
            operation,
            status: status.as_u16(),
            reason: excerpt::excerpt(bytes, status.canonical_reason()),
            retry_after,
        };
        let lost = |reason| OxError::Lost { operation, reason };
        if !matches!(status, StatusCode::OK | StatusCode::INTERNAL_SERVER_ERROR) {
            // The status has said it all; a page that breaks off does not matter.
            let bytes = read_up_to(&mut response, excerpt::PAGE_BYTES, self.answer_idle).await;
            return Err(page(&match bytes {
                Ok(bytes) | Err(Cut::TooLong(bytes) | Cut::Broken(bytes, _)) => bytes,
            }));
        }
        let bytes = match read_up_to(&mut response, self.max_answer_bytes, self.answer_idle).await {
            Ok(bytes) => bytes,
            Err(Cut::TooLong(_)) => {
                let reason = format!("it is larger than {} bytes", self.max_answer_bytes);
                return Err(OxError::Garbled { operation, reason });
            }
            Err(Cut::Broken(_, reason)) => return Err(lost(reason)),
        };
        if status == StatusCode::OK && bytes.trim_ascii().is_empty() {
            // OX's own empty answers are envelopes.
            return Err(lost("the answer is empty".to_owned()));
        }
        match read_body(&bytes) {
            Ok(body) if status == StatusCode::OK || fault::read(&body).is_some() => Ok(body),
            Ok(_) => {
                let reason = "HTTP status 500 without a fault".to_owned();
                Err(OxError::Garbled { operation, reason })
            }
            Err(NotSoap::Foreign) => Err(page(&bytes)),
            Err(NotSoap::Cut) => Err(lost("the answer breaks off".to_owned())),
            Err(NotSoap::Broken(reason)) => Err(OxError::Garbled { operation, reason }),
        }
    }
}

/// Why an answer was not read to its end, and what was read of it.
enum Cut {
    TooLong(Vec<u8>),
    Broken(Vec<u8>, String),
}

async fn read_up_to(response: &mut Response, limit: usize, idle: Duration) -> Result<Vec<u8>, Cut> {
    let mut bytes = Vec::new();
    loop {
        let Ok(chunk) = tokio::time::timeout(idle, response.chunk()).await else {
            let reason = format!("the answer paused for more than {} s", idle.as_secs_f64());
            return Err(Cut::Broken(bytes, reason));
        };
        match chunk {
            Ok(None) => return Ok(bytes),
            Ok(Some(chunk)) => {
                let room = limit - bytes.len();
                if chunk.len() > room {
                    bytes.extend_from_slice(&chunk[..room]);
                    return Err(Cut::TooLong(bytes));
                }
                bytes.extend_from_slice(&chunk);
            }
            Err(error) => return Err(Cut::Broken(bytes, words(error))),
        }
    }
}

/// Only a failure to connect proves that nothing was sent.
fn not_sent_or_lost(operation: &'static str, error: reqwest::Error) -> OxError {
    if error.is_connect() || error.is_builder() {
        OxError::Unreachable { operation, reason: words(error) }
    } else {
        OxError::Lost { operation, reason: words(error) }
    }
}

/// The error and its causes in one line, without the address (which may hold a password).
fn words(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut words = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        let text = error.to_string();
        if !words.contains(&text) {
            words.push_str(": ");
            words.push_str(&text);
        }
        cause = error.source();
    }
    words
}

#[async_trait]
impl OxApi for SoapClient {
    async fn context_exists(&self, context: ContextId) -> Result<bool, OxError> {
        self.call(context::exists(context)).await
    }

    async fn context_get(&self, context: ContextId) -> Result<ContextData, OxError> {
        self.call(context::get(context)).await
    }

    async fn context_create(
        &self,
        context: &ContextData,
        admin: &UserFields,
        credentials: &Credentials,
    ) -> Result<(), OxError> {
        let create = context::create(context, admin, credentials);
        self.call_through(Some(&self.gates.context_creates), create).await
    }

    async fn context_change(&self, context: &ContextData) -> Result<(), OxError> {
        self.call(context::change(context)).await
    }

    async fn context_enable(&self, context: ContextId, enabled: bool) -> Result<(), OxError> {
        self.call(context::enable(context, enabled)).await
    }

    async fn context_capabilities(
        &self,
        context: ContextId,
        change: &CapabilityChange,
    ) -> Result<(), OxError> {
        self.call(context::capabilities(context, change)).await
    }

    async fn context_quota(
        &self,
        context: ContextId,
        module: &str,
        quota: i64,
    ) -> Result<(), OxError> {
        self.call(context::quota(context, module, quota)).await
    }

    async fn context_delete(&self, context: ContextId) -> Result<(), OxError> {
        self.call(context::delete(context)).await
    }

    async fn user_exists(&self, context: ContextId, user: &Target) -> Result<bool, OxError> {
        self.call(user::exists(context, user)).await
    }

    async fn user_get(&self, context: ContextId, user: &Target) -> Result<OxUser, OxError> {
        self.call(user::get(context, user)).await
    }

    async fn user_get_many(
        &self,
        context: ContextId,
        users: &[Target],
    ) -> Result<Vec<OxUser>, OxError> {
        self.call(user::get_many(context, users)).await
    }

    async fn user_list(&self, context: ContextId, pattern: &str) -> Result<Vec<OxId>, OxError> {
        self.call(user::list(context, pattern)).await
    }

    async fn user_access(
        &self,
        context: ContextId,
        user: &Target,
    ) -> Result<ModuleAccess, OxError> {
        self.call(user::access(context, user)).await
    }

    async fn user_create(
        &self,
        context: ContextId,
        user: &UserFields,
        access: ModuleAccess,
    ) -> Result<OxId, OxError> {
        self.call(user::create(context, user, access)).await
    }

    fn shared_accounts(&self) -> Option<&(dyn SharedAccounts + Send + Sync)> {
        Some(self)
    }

    fn deputies(&self) -> Option<&(dyn Deputies + Send + Sync)> {
        Some(self)
    }

    async fn guest_conversion(&self) -> GuestConversion {
        self.offers.guest_conversion(self).await
    }

    async fn user_create_converting(
        &self,
        context: ContextId,
        user: &UserFields,
        access: Option<ModuleAccess>,
    ) -> Result<OxId, OxError> {
        self.call(user::create_converting(context, user, access)).await
    }

    async fn user_change(
        &self,
        context: ContextId,
        user: &Target,
        fields: &UserFields,
    ) -> Result<(), OxError> {
        self.call(user::change(context, user, fields)).await
    }

    async fn user_change_access(
        &self,
        context: ContextId,
        user: &Target,
        access: ModuleAccess,
    ) -> Result<(), OxError> {
        self.call(user::change_access(context, user, access)).await
    }

    async fn user_sender_name(
        &self,
        context: ContextId,
        user: &Target,
        name: &str,
    ) -> Result<(), OxError> {
        self.call(user::sender_name(context, user, name)).await
    }

    async fn user_capabilities(
        &self,
        context: ContextId,
        user: &Target,
        change: &CapabilityChange,
    ) -> Result<(), OxError> {
        self.call(user::capabilities(context, user, change)).await
    }

    async fn user_delete(
        &self,
        context: ContextId,
        user: &Target,
        heir: Option<OxId>,
    ) -> Result<(), OxError> {
        self.call(user::delete(context, user, heir)).await
    }

    async fn user_copy(&self, user: OxId, from: ContextId, to: ContextId) -> Result<OxId, OxError> {
        self.call(user_copy::copy(user, from, to)).await
    }

    async fn group_get(&self, context: ContextId, group: &Target) -> Result<OxGroup, OxError> {
        self.call(group::get(context, group)).await
    }

    async fn groups_of_user(
        &self,
        context: ContextId,
        user: OxId,
    ) -> Result<Vec<OxGroup>, OxError> {
        self.call(group::of_user(context, user)).await
    }

    async fn group_create(&self, context: ContextId, group: &GroupData) -> Result<OxId, OxError> {
        self.call(group::create(context, group)).await
    }

    async fn group_change(
        &self,
        context: ContextId,
        group: &Target,
        data: &GroupData,
    ) -> Result<(), OxError> {
        self.call(group::change(context, group, data)).await
    }

    async fn group_delete(&self, context: ContextId, group: &Target) -> Result<(), OxError> {
        self.call(group::delete(context, group)).await
    }

    async fn group_add(
        &self,
        context: ContextId,
        group: &Target,
        members: &[Target],
    ) -> Result<(), OxError> {
        self.call(group::add(context, group, members)).await
    }

    async fn group_remove(
        &self,
        context: ContextId,
        group: &Target,
        members: &[Target],
    ) -> Result<(), OxError> {
        self.call(group::remove(context, group, members)).await
    }

    async fn resource_get(
        &self,
        context: ContextId,
        resource: &Target,
    ) -> Result<OxResource, OxError> {
        self.call(resource::get(context, resource)).await
    }

    async fn resource_create(
        &self,
        context: ContextId,
        resource: &ResourceData,
    ) -> Result<OxId, OxError> {
        self.call(resource::create(context, resource)).await
    }

    async fn resource_change(
        &self,
        context: ContextId,
        resource: &Target,
        data: &ResourceData,
    ) -> Result<(), OxError> {
        self.call(resource::change(context, resource, data)).await
    }

    async fn resource_delete(&self, context: ContextId, resource: &Target) -> Result<(), OxError> {
        self.call(resource::delete(context, resource)).await
    }

    async fn account_list(
        &self,
        context: ContextId,
        users: &[OxId],
    ) -> Result<Vec<OxAccount>, OxError> {
        self.call(secondary_account::list(context, users)).await
    }

    async fn account_create(
        &self,
        context: ContextId,
        account: &AccountData,
        users: &[OxId],
    ) -> Result<(), OxError> {
        self.call(secondary_account::create(context, account, users)).await
    }

    async fn account_update(
        &self,
        context: ContextId,
        account: &AccountData,
        users: &[OxId],
    ) -> Result<bool, OxError> {
        self.call(secondary_account::update(context, account, users)).await
    }

    async fn account_delete(
        &self,
        context: ContextId,
        address: &str,
        users: &[OxId],
    ) -> Result<bool, OxError> {
        self.call(secondary_account::delete(context, address, users)).await
    }
}
