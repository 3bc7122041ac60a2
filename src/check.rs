//! Whether drover could work with its settings: what it needs on this machine, and in OX.
//!
//! Every look changes nothing. OX is asked through the same client as in earnest, so what is found
//! here is what the service would meet. A look that rests on one that failed is left out and says so.

mod folder;
mod network;
mod ox;

use std::sync::Arc;

use serde::Serialize;

use crate::cli::Exit;
use crate::ox::SoapClient;
use crate::service;
use crate::settings::Settings;

/// How a look came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// As it should be.
    Ok,
    /// drover works, but somebody should know.
    Warning,
    /// drover cannot work, or not in full.
    Failed,
    /// Not looked at, because something before it failed or was not asked for.
    Skipped,
}

impl State {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

/// What one look has found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at, in a word or two.
    pub check: &'static str,
    /// How it came out.
    pub state: State,
    /// What was found.
    pub told: String,
    /// What to do about it, if something is to be done.
    pub cure: Option<String>,
    /// What the command ends with because of it.
    #[serde(skip)]
    pub exit: Exit,
}

impl Finding {
    fn ok(check: &'static str, told: impl Into<String>) -> Self {
        Self { check, state: State::Ok, told: told.into(), cure: None, exit: Exit::Done }
    }

    fn skipped(check: &'static str, told: impl Into<String>) -> Self {
        Self { state: State::Skipped, ..Self::ok(check, told) }
    }

    fn warning(check: &'static str, told: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { state: State::Warning, cure: Some(cure.into()), ..Self::ok(check, told) }
    }

    fn failed(
        check: &'static str,
        exit: Exit,
        told: impl Into<String>,
        cure: impl Into<String>,
    ) -> Self {
        Self { state: State::Failed, cure: Some(cure.into()), exit, ..Self::ok(check, told) }
    }
}

/// Looks at everything; `offline` leaves OX out.
pub async fn check(settings: &Settings, offline: bool) -> Vec<Finding> {
    let mut findings = folder::check(settings);
    let credentials = Arc::new(service::credentials(settings));
    let client = SoapClient::new(&service::client_settings(settings), credentials.clone(), None);
    let client = match client {
        Ok(client) => client,
        Err(error) => {
            let told = format!("{:#}", anyhow::Error::new(error));
            let cure = "correct ox.ca_file [REQUESTS_CA_BUNDLE] or ox.soap_server [OX_SOAP_SERVER]";
            findings.push(Finding::failed("client", Exit::Settings, told, cure));
            return findings;
        }
    };
    if offline {
        findings.push(Finding::skipped("OX", "not asked (--offline)"));
        return findings;
    }
    findings.extend(network::check(settings, &client).await);
    if findings.iter().any(|finding| finding.exit == Exit::Unreachable) {
        findings.push(Finding::skipped("OX", "services, logins and contexts: OX is not reached"));
        return findings;
    }
    findings.extend(ox::check(settings, &client, &credentials).await);
    findings
}

/// Looks only whether OX is there: name, connection, certificate.
pub(crate) async fn reach(settings: &Settings) -> Vec<Finding> {
    let credentials = Arc::new(service::credentials(settings));
    match SoapClient::new(&service::client_settings(settings), credentials, None) {
        Ok(client) => network::check(settings, &client).await,
        Err(error) => {
            let told = format!("{:#}", anyhow::Error::new(error));
            let cure = "correct ox.ca_file [REQUESTS_CA_BUNDLE] or ox.soap_server [OX_SOAP_SERVER]";
            vec![Finding::failed("client", Exit::Settings, told, cure)]
        }
    }
}

/// What the command ends with: the first failure says.
pub fn exit(findings: &[Finding]) -> Exit {
    let mut failed = findings.iter().filter(|finding| finding.state == State::Failed);
    failed.next().map_or(Exit::Done, |finding| finding.exit)
}
