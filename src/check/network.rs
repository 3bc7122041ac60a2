//! The way to OX: name, connection, certificate.

use std::io::ErrorKind;
use std::net::SocketAddr;

use tokio::net::{TcpStream, lookup_host};

use super::Finding;
use crate::cli::Exit;
use crate::ox::client::SERVICES;
use crate::ox::{OxError, SoapClient};
use crate::settings::Settings;

/// Where the address of OX is set.
const ADDRESS: &str = "ox.soap_server [OX_SOAP_SERVER]";

pub(super) async fn check(settings: &Settings, client: &SoapClient) -> Vec<Finding> {
    let url = &settings.ox.soap_server;
    let mut findings = Vec::new();
    if settings.ox.proxy {
        let told = "a proxy may be in between (ox.proxy); it looks names up and connects";
        findings.push(Finding::skipped("name of OX", told));
    } else {
        let host = url.host_str().unwrap_or_default();
        let port = url.port_or_known_default().unwrap_or(80);
        let addresses = match look_up(host, port).await {
            Ok(addresses) => addresses,
            Err(finding) => return vec![finding],
        };
        let shown: Vec<String> = addresses.iter().map(|one| one.ip().to_string()).collect();
        findings.push(Finding::ok("name of OX", format!("{host} is {}", shown.join(", "))));
        let connected = connect(settings, &addresses).await;
        let failed = connected.exit != Exit::Done;
        findings.push(connected);
        if failed {
            return findings;
        }
    }
    findings.push(first_answer(settings, client).await);
    findings
}

async fn look_up(host: &str, port: u16) -> Result<Vec<SocketAddr>, Finding> {
    // An IPv6 address stands in brackets in an URL only.
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let failed = |told: String| {
        let cure = format!("correct {ADDRESS}, or add the name to the DNS or to /etc/hosts");
        Finding::failed("name of OX", Exit::Unreachable, told, cure)
    };
    match lookup_host((bare, port)).await {
        Ok(found) => {
            let mut found: Vec<SocketAddr> = found.collect();
            found.dedup();
            if found.is_empty() { Err(failed(format!("{host} has no address"))) } else { Ok(found) }
        }
        Err(error) => Err(failed(format!("{host} cannot be looked up: {error}"))),
    }
}

/// The first address that takes a connection counts, as for the client.
async fn connect(settings: &Settings, addresses: &[SocketAddr]) -> Finding {
    const CHECK: &str = "connection";
    let mut told = Vec::new();
    for address in addresses {
        let within = settings.ox.connect_timeout;
        match tokio::time::timeout(within, TcpStream::connect(address)).await {
            Ok(Ok(_)) => return Finding::ok(CHECK, format!("{address} takes connections")),
            Ok(Err(error)) if error.kind() == ErrorKind::ConnectionRefused => {
                told.push(format!("{address} refuses connections: nothing listens there"));
            }
            Ok(Err(error)) => told.push(format!("{address}: {error}")),
            Err(_) => told.push(format!(
                "{address} does not answer within {} s: a firewall, or a machine that is off",
                within.as_secs_f64()
            )),
        }
    }
    let cure = format!("start OX there, open the way to it, or correct {ADDRESS}");
    Finding::failed(CHECK, Exit::Unreachable, told.join("; "), cure)
}

/// One request shows whether the certificate is good, and whether HTTP is spoken at all.
async fn first_answer(settings: &Settings, client: &SoapClient) -> Finding {
    let secure = settings.ox.soap_server.scheme() == "https";
    let check = if secure { "certificate" } else { "HTTP" };
    let Some((service, _)) = SERVICES.first() else { return Finding::skipped(check, "") };
    match client.offered(service).await {
        Err(OxError::Unreachable { reason, .. } | OxError::Lost { reason, .. }) => {
            let (told, cure) = if secure { certificate(&reason) } else { (reason, no_http()) };
            Finding::failed(check, Exit::Unreachable, told, cure)
        }
        _ if secure && settings.ox.insecure => Finding::warning(
            check,
            "is not looked at (ox.insecure): anybody on the way can read all passwords",
            "set ox.insecure = false, and ox.ca_file [REQUESTS_CA_BUNDLE] if needed",
        ),
        _ if secure => Finding::ok(check, "is trusted and names this host"),
        _ if is_loopback(settings) => Finding::ok(check, "answers, on this machine"),
        _ => Finding::warning(
            check,
            "answers, but passwords go over the net in the clear",
            format!("use an https address in {ADDRESS}"),
        ),
    }
}

fn is_loopback(settings: &Settings) -> bool {
    let host = settings.ox.soap_server.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let address = bare.parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

fn no_http() -> String {
    format!("see what listens there; for TLS, write https:// in {ADDRESS}")
}

/// The TLS library's words in those of people, and the cure.
fn certificate(reason: &str) -> (String, String) {
    let has = |words: &[&str]| words.iter().any(|word| reason.contains(word));
    let authority = "name the certificate of its authority in ox.ca_file [REQUESTS_CA_BUNDLE]";
    let (told, cure) = if has(&["UnknownIssuer"]) {
        ("its certificate comes from an authority that is not trusted", authority.to_owned())
    } else if has(&["CaUsedAsEndEntity"]) {
        ("its certificate is that of an authority, not of a server", authority.to_owned())
    } else if has(&["not valid for name", "NotValidForName"]) {
        (
            "its certificate is for another host",
            format!("use the name in the certificate in {ADDRESS}, or get OX one for this name"),
        )
    } else if has(&["NotValidYet", "not valid yet"]) {
        ("its certificate is not valid yet", "set the clocks, or get OX a new one".to_owned())
    } else if has(&["xpired"]) {
        ("its certificate has expired", "get OX a new one, and check the clocks".to_owned())
    } else if has(&["InvalidContentType", "corrupt message"]) {
        ("what answers there speaks no TLS", format!("write http:// in {ADDRESS}, or set up TLS"))
    } else if has(&["certificate"]) {
        ("its certificate is not accepted", authority.to_owned())
    } else {
        ("no TLS connection comes about", format!("see what listens there, and {ADDRESS}"))
    };
    (format!("{told} ({reason})"), cure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_the_tls_library_are_told_in_those_of_people() {
        for (reason, told, cure) in [
            ("invalid peer certificate: UnknownIssuer", "authority that is not", "ox.ca_file"),
            (
                "invalid peer certificate: certificate not valid for name \"a.b\"; certificate is \
                 only valid for c.d",
                "for another host",
                "OX_SOAP_SERVER",
            ),
            (
                "invalid peer certificate: certificate expired: verification time 2 (UNIX), but \
                 certificate is not valid after 1 (1 seconds ago)",
                "has expired",
                "clocks",
            ),
            (
                "invalid peer certificate: certificate not valid yet: verification time 1 (UNIX), \
                 but certificate is not valid before 2 (1 seconds in future)",
                "not valid yet",
                "clocks",
            ),
            ("received corrupt message of type InvalidContentType", "speaks no TLS", "http://"),
            ("invalid peer certificate: BadSignature", "is not accepted", "ox.ca_file"),
            ("connection reset by peer", "no TLS connection", "what listens there"),
        ] {
            let (found, its_cure) = certificate(reason);
            assert!(found.contains(told) && found.contains(reason), "{found} lacks {told}");
            assert!(its_cure.contains(cure), "{its_cure} lacks {cure}");
        }
    }
}
