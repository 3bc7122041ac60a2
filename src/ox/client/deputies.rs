//! Deputies over SOAP.

use async_trait::async_trait;

use super::super::deputy::{self, Of, UserForm};
use super::super::{Deputies, DeputyRights, OxDeputy, OxError};
use super::SoapClient;
use crate::model::{ContextId, OxId};

/// Version of OX from which on deputies can be provisioned.
const SINCE: &str = "8.36.37";

impl SoapClient {
    async fn of(
        &self,
        operation: &'static str,
        context: ContextId,
        user: OxId,
    ) -> Result<Of, OxError> {
        match self.offers.deputies(self).await? {
            Some(form) => Ok(Of { context, user, form }),
            None => Err(OxError::NotOffered { operation, since: SINCE }),
        }
    }
}

#[async_trait]
impl Deputies for SoapClient {
    async fn deputies_offered(&self) -> Result<bool, OxError> {
        Ok(self.offers.deputies(self).await?.is_some())
    }

    async fn deputies_list(&self, context: ContextId) -> Result<Vec<OxDeputy>, OxError> {
        self.call(deputy::list(context)).await
    }

    async fn deputy_grant(
        &self,
        context: ContextId,
        user: OxId,
        deputy: OxId,
        rights: DeputyRights,
    ) -> Result<String, OxError> {
        let of = self.of("OXDeputyPermissionsService.grant", context, user).await?;
        self.call(deputy::grant(of, deputy, rights)).await
    }

    async fn deputy_update(
        &self,
        context: ContextId,
        user: OxId,
        grant: &str,
        deputy: OxId,
        rights: DeputyRights,
    ) -> Result<(), OxError> {
        let of = self.of("OXDeputyPermissionsService.update", context, user).await?;
        self.call(deputy::update(of, grant, deputy, rights)).await
    }

    async fn deputy_revoke(
        &self,
        context: ContextId,
        user: OxId,
        grant: &str,
    ) -> Result<(), OxError> {
        let of = self.of("OXDeputyPermissionsService.revoke", context, user).await?;
        self.call(deputy::revoke(of, grant)).await
    }

    async fn deputies_revoke_all(&self, context: ContextId, user: OxId) -> Result<(), OxError> {
        let of = self.of("OXDeputyPermissionsService.revokeAll", context, user).await?;
        self.call(deputy::revoke_all(of)).await
    }

    async fn deputies_bar(
        &self,
        context: ContextId,
        user: OxId,
        barred: bool,
    ) -> Result<(), OxError> {
        let of = self.of("OXDeputyPermissionsService.blockManual", context, user).await?;
        self.call(deputy::bar(of, barred)).await
    }
}

/// The form in which a WSDL wants the user of a grant; none if there is no such WSDL.
pub(super) fn user_form(wsdl: Option<&[u8]>) -> Option<UserForm> {
    let kind = super::describe::type_of(wsdl?, "grant", "user");
    let is_number = |kind: String| ["int", "integer", "long"].contains(&kind.as_str());
    Some(if kind.is_some_and(is_number) { UserForm::Number } else { UserForm::Object })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_of_the_user_is_what_the_description_says() {
        for (kind, form) in [("xs:int", UserForm::Number), ("ax:User", UserForm::Object)] {
            let wsdl = format!(
                "<d><s:schema xmlns:s='s'><s:element name='grant'><s:complexType><s:sequence>\
                 <s:element name='user' type='{kind}'/></s:sequence></s:complexType></s:element>\
                 </s:schema></d>"
            );
            assert_eq!(user_form(Some(wsdl.as_bytes())), Some(form), "{kind}");
        }
        assert_eq!(user_form(None), None);
    }
}
