//! What OX offers beyond what every server has, found out when it is needed and remembered for a while.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use tracing::{debug, info, warn};

use super::SoapClient;
use super::describe::takes;
use crate::ox::deputy::UserForm;
use crate::ox::{GuestConversion, OxError};

/// So long an answer holds: servers are updated now and then, and mostly while drover runs.
const HOLDS: Duration = Duration::from_secs(3600);

/// So long none holds: a proxy may have been in the way.
const UNKNOWN_HOLDS: Duration = Duration::from_secs(60);

/// What is known, and until when.
#[derive(Debug, Default)]
pub(super) struct Offers {
    guests: Mutex<Option<(Instant, GuestConversion)>>,
    /// In what form the user of a deputy is wanted; none within: OX has no deputies.
    deputies: Mutex<Option<(Instant, Option<UserForm>)>>,
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

    /// In what form OX wants the user of a deputy; none if it does not have deputies, which is told once.
    ///
    /// # Errors
    /// If OX does not answer: whether it has them is not known then.
    pub(super) async fn deputies(&self, client: &SoapClient) -> Result<Option<UserForm>, OxError> {
        let known = *self.deputies.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some((until, known)) = known
            && Instant::now() < until
        {
            return Ok(known);
        }
        let wsdl = client.wsdl("OXDeputyPermissionsService").await?;
        let found = super::deputies::user_form(wsdl.as_deref());
        let before = known.map(|(_, known)| known.is_some());
        if before != Some(found.is_some()) {
            match found {
                Some(_) => debug!("OX has deputies"),
                None => warn!(
                    "OX does not offer OXDeputyPermissionsService (package open-xchange-deputy, OX \
                     8.36.37 and later): deputies are left out; when OX has it, provision the users \
                     again, or switch deputies off (mapping.deputy_permissions)"
                ),
            }
        }
        let mut deputies = self.deputies.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *deputies = Some((Instant::now() + HOLDS, found));
        Ok(found)
    }

    /// A panic while it was held left an answer that is as good as any.
    fn guests(&self) -> std::sync::MutexGuard<'_, Option<(Instant, GuestConversion)>> {
        self.guests.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
