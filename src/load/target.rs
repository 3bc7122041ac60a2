//! Whom the load is for: the built-in simulator, or a server that somebody has said is his.

use url::{Host, Url};

/// Why a server is not put under load.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The address cannot be used.
    #[error("\"{0}\" is no address of a server; expected one such as https://ox.example.com")]
    Address(String),
    /// Nobody has said that he owns it.
    #[error(
        "{host} is not this machine: load makes contexts there, fills them and deletes them. If it is \
         a test system of yours, say so with --i-own-this-target {host}"
    )]
    NotOwned {
        /// Its host.
        host: String,
    },
    /// Another one was named.
    #[error("the target is {host}, and --i-own-this-target names {named}; nothing was sent")]
    OtherNamed {
        /// Its host.
        host: String,
        /// What was named.
        named: String,
    },
}

/// Lets a target pass that is this machine, or whose host `owned` names.
///
/// # Errors
/// [`Refused`]; nothing has been sent then.
pub fn permit(target: &str, owned: Option<&str>) -> Result<Url, Refused> {
    let url = Url::parse(target).map_err(|_| Refused::Address(target.to_owned()))?;
    let host = url.host().ok_or_else(|| Refused::Address(target.to_owned()))?;
    let name = host.to_string();
    let here = match host {
        // A name that is this machine by definition; others can be led anywhere.
        Host::Domain(domain) => domain == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    };
    match owned {
        Some(named) if !named.eq_ignore_ascii_case(&name) => {
            Err(Refused::OtherNamed { host: name, named: named.to_owned() })
        }
        None if !here => Err(Refused::NotOwned { host: name }),
        _ => Ok(url),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_passes_unnamed() {
        for here in ["http://127.0.0.1:8080", "http://localhost", "https://[::1]:8443/x"] {
            assert!(permit(here, None).is_ok(), "{here}");
        }
        for there in ["https://ox.example.com", "http://10.0.0.1", "http://127.0.0.1.example.com"] {
            assert!(matches!(permit(there, None), Err(Refused::NotOwned { .. })), "{there}");
        }
        assert!(matches!(permit("ox.example.com", None), Err(Refused::Address(_))));
    }

    #[test]
    fn the_name_has_to_be_the_targets() {
        assert!(permit("https://ox.example.com/", Some("OX.example.com")).is_ok());
        for named in ["example.com", "ox", ""] {
            let refused = permit("https://ox.example.com/", Some(named));
            assert!(matches!(refused, Err(Refused::OtherNamed { .. })), "{named}");
        }
    }
}
