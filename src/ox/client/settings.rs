//! How the client is set up: address, trust, deadlines, limits.

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use reqwest::{Certificate, Client, redirect};
use url::Url;

use super::Deadlines;

/// How to reach an OX server and how hard it may be worked.
#[derive(Debug, Clone)]
pub struct ClientSettings {
    /// Address of the server (`http` or `https`); `/webservices/<Service>` is appended. The address
    /// in a WSDL is never looked at.
    pub base_url: Url,
    /// File of PEM certificates that are trusted in addition to the system's.
    pub ca_file: Option<PathBuf>,
    /// Trust any certificate. For trials only; warned about when the client is built.
    pub accept_invalid_certs: bool,
    /// Use the proxy that the environment names (`https_proxy` …); off by default.
    pub proxy_from_environment: bool,
    /// How long to try to connect; at most the shortest deadline counts.
    pub connect_timeout: Duration,
    /// How long calls may take.
    pub deadlines: Deadlines,
    /// How long an answer that has begun may pause before it counts as broken off. Before its
    /// first byte only the deadline counts: OX says nothing until it is through.
    pub answer_idle: Duration,
    /// Look for the number of calls that OX bears best, see [`super::super::limiter`]; if not, the
    /// caps below are used to the full.
    pub adaptive: bool,
    /// Calls under way at once at most, over all contexts.
    pub max_in_flight: NonZeroUsize,
    /// Context creates under way at once at most; beyond one or two OX's database deadlocks.
    pub max_context_creates: NonZeroUsize,
    /// Calls started in a second, after idleness all of them at once; `None` = no limit.
    pub calls_per_second: Option<NonZeroU32>,
    /// How long an unused connection is kept; must be below the server's 30 s.
    pub pool_idle: Duration,
    /// Largest answer that is read, in bytes. A user is some 5 kB, a context 2.5 kB.
    pub max_answer_bytes: usize,
    /// `User-Agent` header.
    pub user_agent: String,
}

impl ClientSettings {
    /// The defaults for a server at `base_url`.
    pub fn new(base_url: Url) -> Self {
        const IN_FLIGHT: NonZeroUsize = NonZeroUsize::MIN.saturating_add(7);
        Self {
            base_url,
            ca_file: None,
            accept_invalid_certs: false,
            proxy_from_environment: false,
            connect_timeout: Duration::from_secs(10),
            deadlines: Deadlines::default(),
            answer_idle: Duration::from_secs(20),
            adaptive: true,
            max_in_flight: IN_FLIGHT,
            max_context_creates: NonZeroUsize::MIN,
            calls_per_second: None,
            pool_idle: Duration::from_secs(20),
            max_answer_bytes: 64 * 1024 * 1024,
            user_agent: concat!("drover/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// Why a client cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address is not one that HTTP can use.
    #[error("the address of OX must start with http:// or https:// and name a host")]
    BaseUrl,
    /// The file of certificates cannot be read.
    #[error("cannot read the certificates in {path}")]
    CaFile {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file holds no usable certificates.
    #[error("no usable PEM certificates in {path}")]
    NoCertificates {
        /// The file.
        path: PathBuf,
    },
    /// The HTTP library refuses.
    #[error("cannot set up the HTTP client")]
    Http(#[source] reqwest::Error),
}

pub(super) fn base(url: &Url) -> Result<Url, ClientError> {
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(ClientError::BaseUrl);
    }
    let mut base = url.clone();
    base.set_query(None);
    base.set_fragment(None);
    Ok(base)
}

pub(super) fn http_client(settings: &ClientSettings) -> Result<Client, ClientError> {
    let mut builder = Client::builder()
        .http1_only()
        .redirect(redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .connect_timeout(settings.connect_timeout.min(settings.deadlines.shortest()))
        .pool_idle_timeout(settings.pool_idle)
        .pool_max_idle_per_host(settings.max_in_flight.get())
        .user_agent(settings.user_agent.as_str());
    if !settings.proxy_from_environment {
        builder = builder.no_proxy();
    }
    if let Some(path) = &settings.ca_file {
        let pem = std::fs::read(path)
            .map_err(|source| ClientError::CaFile { path: path.clone(), source })?;
        let certificates = Certificate::from_pem_bundle(&pem).unwrap_or_default();
        if certificates.is_empty() {
            return Err(ClientError::NoCertificates { path: path.clone() });
        }
        for certificate in certificates {
            builder = builder.add_root_certificate(certificate);
        }
    }
    if settings.accept_invalid_certs {
        // At error level so that terminals show it in red: passwords go to whoever answers.
        tracing::error!(
            "TLS certificates of OX are NOT checked: anybody on the way can read all passwords"
        );
        builder = builder.danger_accept_invalid_certs(true);
    }
    builder.build().map_err(ClientError::Http)
}
