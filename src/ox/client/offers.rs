//! What OX offers beyond what every server has, found out when it is needed and remembered for a while.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use tracing::{debug, info};

use super::SoapClient;
use super::describe::takes;
use crate::ox::GuestConversion;

/// So long an answer holds: servers are updated now and then, and mostly while drover runs.
const HOLDS: Duration = Duration::from_secs(3600);

/// So long none holds: a proxy may have been in the way.
const UNKNOWN_HOLDS: Duration = Duration::from_secs(60);

/// What is known, and until when.
#[derive(Debug, Default)]
pub(super) struct Offers {
    guests: Mutex<Option<(Instant, GuestConversion)>>,
}

impl Offers {
    /// How OX converts guests; not at all, if it cannot be found out.
    pub(super) async fn guest_conversion(&self, client: &SoapClient) -> GuestConversion {
        if let Some((until, known)) = *self.guests()
            && Instant::now() < until
        {
            return known;
        }
        let (holds, found) = match client.wsdl("OXUserService").await {
            Ok(wsdl) => {
                let wsdl = wsdl.unwrap_or_default();
                let converts = |operation| takes(&wsdl, operation, "convertguest");
                let found = if converts("createByModuleAccess") {
                    GuestConversion::WithRights
                } else if converts("create") {
                    GuestConversion::Alone
                } else {
                    GuestConversion::None
                };
                (HOLDS, found)
            }
            Err(error) => {
                debug!(%error, "whether OX converts guests is not known");
                (UNKNOWN_HOLDS, GuestConversion::None)
            }
        };
        let mut guests = self.guests();
        if guests.is_none_or(|(_, known)| known != found) && found != GuestConversion::None {
            info!("OX makes guests into users who are created with their address");
        }
        *guests = Some((Instant::now() + holds, found));
        found
    }

    /// A panic while it was held left an answer that is as good as any.
    fn guests(&self) -> std::sync::MutexGuard<'_, Option<(Instant, GuestConversion)>> {
        self.guests.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
