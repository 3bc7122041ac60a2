//! Who comes in: everything that a request's head has to be before anything is done for it.
//!
//! An address can be reached by every program of the machine, and by pages in a browser on it. A page
//! of another site can have a name of its own point at the loopback address (DNS rebinding), so the
//! name asked for has to be one of drover's; and it can send forms, so what changes something has to
//! come from drover's own pages or from no page at all, and as JSON.

use std::net::IpAddr;

use hyper::Method;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName, ORIGIN};
use hyper::http::request::Parts;
use url::Url;

use super::Shared;
use super::token::Role;
use super::words::Refusal;

/// How somebody has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// By the socket, which only an operator can use.
    Socket,
    /// By the address, where anybody can come.
    Address,
    /// By the address for monitoring, where little is answered and no token is needed.
    Monitoring,
}

/// Headers that are there once at most: of two, another program may read the other one.
const ONCE: [HeaderName; 4] = [AUTHORIZATION, CONTENT_TYPE, HOST, ORIGIN];

/// Whether no header is doubled of which another program could read the other one.
pub(super) fn once(head: &Parts) -> Result<(), Refusal> {
    match ONCE.iter().find(|name| head.headers.get_all(*name).iter().count() > 1) {
        Some(twice) => {
            Err(Refusal::bad(format!("{twice} is given twice"), "give each header once"))
        }
        None => Ok(()),
    }
}

/// Who asks. A token that is given has to be right, also where none is needed: whoever gives one wants
/// to be no more than it says.
pub(super) fn role(shared: &Shared, way: Way, head: &Parts) -> Result<Role, Refusal> {
    once(head)?;
    let without = match way {
        Way::Socket => Role::Operator,
        Way::Address => Role::Nobody,
        Way::Monitoring => Role::Reader,
    };
    let Some(given) = head.headers.get(AUTHORIZATION) else { return Ok(without) };
    let token = given.to_str().ok().and_then(|text| {
        let (scheme, token) = text.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    match token.map(|token| shared.tokens.role(token)) {
        Some(role) if role > Role::Nobody => Ok(role),
        _ => Err(Refusal::new(
            401,
            "this token is not known",
            "give one that admin.token_file or admin.read_token_file names; drover's log tells if \
             such a file cannot be used",
        )),
    }
}

/// Whether the name that was asked for is one of drover's.
pub(super) fn host(shared: &Shared, way: Way, head: &Parts) -> Result<(), Refusal> {
    if way == Way::Socket {
        return Ok(());
    }
    let named = head.headers.get(HOST).and_then(|host| host.to_str().ok());
    let names = [named, head.uri.authority().map(hyper::http::uri::Authority::as_str)];
    let ours = |name: &str| is_ours(name_of(name), &shared.hosts);
    if named.is_some() && names.into_iter().flatten().all(ours) {
        return Ok(());
    }
    Err(Refusal::new(
        421,
        "drover does not answer to that name",
        "ask for 127.0.0.1, [::1] or localhost; name others with admin.hosts",
    ))
}

/// Whether something that changes drover comes from where it may.
pub(super) fn origin(shared: &Shared, head: &Parts) -> Result<(), Refusal> {
    if head.method == Method::GET || head.method == Method::HEAD {
        return Ok(());
    }
    let text = |name: HeaderName| {
        let value = head.headers.get(name)?;
        Some(value.to_str().unwrap_or("?").to_owned())
    };
    let site = text(HeaderName::from_static("sec-fetch-site"));
    let same_site = site.is_none_or(|site| site == "same-origin" || site == "none");
    let asked = text(HOST);
    let same_origin = text(ORIGIN).is_none_or(|origin| {
        Url::parse(&origin).is_ok_and(|origin| {
            let authority = origin.authority();
            !authority.is_empty()
                && (asked.as_deref() == Some(authority)
                    || shared
                        .hosts
                        .iter()
                        .any(|host| host.eq_ignore_ascii_case(name_of(authority))))
        })
    });
    if same_site && same_origin {
        return Ok(());
    }
    Err(Refusal::new(
        403,
        "a page of another site may not change anything",
        "use the command line, or drover's own pages",
    ))
}

/// A body that is to be read as JSON says so; no form can.
pub(super) fn json(head: &Parts) -> Result<(), Refusal> {
    let kind = head.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.map(|kind| kind.split(';').next().unwrap_or_default().trim());
    if kind.is_some_and(|kind| kind.eq_ignore_ascii_case("application/json")) {
        return Ok(());
    }
    Err(Refusal::new(
        415,
        "the body does not say that it is JSON",
        "send the header \"Content-Type: application/json\"",
    ))
}

/// A host without its port.
fn name_of(host: &str) -> &str {
    match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    }
}

fn is_ours(name: &str, hosts: &[String]) -> bool {
    name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
        || name.eq_ignore_ascii_case("localhost")
        || hosts.iter().any(|host| host.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_the_loopback_and_named_ones_are_ours() {
        let hosts = vec!["drover.example.org".to_owned()];
        for host in [
            "127.0.0.1",
            "127.0.0.1:8478",
            "127.9.9.9",
            "[::1]",
            "[::1]:8478",
            "localhost",
            "LocalHost:1",
            "drover.example.org",
            "Drover.Example.org:443",
        ] {
            assert!(is_ours(name_of(host), &hosts), "{host}");
        }
        for host in [
            "",
            ":8478",
            "evil.example",
            "evil.example:8478",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "[::2]",
            "0.0.0.0",
            "192.0.2.1",
            "drover.example.org.",
            "2130706433",
        ] {
            assert!(!is_ours(name_of(host), &hosts), "{host}");
        }
    }
}
