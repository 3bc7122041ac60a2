//! Shared accounts over SOAP.

use async_trait::async_trait;

use super::super::call::Call;
use super::super::{
    Account, Grant, OxError, OxSharedAccount, SharedAccountData, SharedAccounts, Target,
    shared_account,
};
use super::SoapClient;
use crate::model::{ContextId, OxId};

/// Version of OX that came with the service.
const SINCE: &str = "8.49";

impl SoapClient {
    /// A call to the service. One that comes to nothing may mean that OX does not have it: its WSDL says.
    async fn shared<R: Send>(&self, call: Call<R>) -> Result<R, OxError> {
        match self.call(call).await {
            Err(error @ OxError::Http { .. }) => {
                let operation = error.operation();
                match self.wsdl("OXSharedAccountService").await {
                    Ok(None) => Err(OxError::NotOffered { operation, since: SINCE }),
                    Ok(Some(_)) | Err(_) => Err(error),
                }
            }
            done => done,
        }
    }
}

#[async_trait]
impl SharedAccounts for SoapClient {
    async fn shared_account_get(
        &self,
        context: ContextId,
        account: &Target,
    ) -> Result<OxSharedAccount, OxError> {
        self.shared(shared_account::get(context, account)).await
    }

    async fn shared_account_list(
        &self,
        context: ContextId,
    ) -> Result<Vec<OxSharedAccount>, OxError> {
        self.shared(shared_account::list(context)).await
    }

    async fn shared_account_create(
        &self,
        context: ContextId,
        account: &SharedAccountData,
    ) -> Result<OxId, OxError> {
        self.shared(shared_account::create(context, account)).await
    }

    async fn shared_account_change(
        &self,
        context: ContextId,
        id: OxId,
        account: &SharedAccountData,
    ) -> Result<(), OxError> {
        self.shared(shared_account::change(context, id, account)).await
    }

    async fn shared_account_delete(&self, context: ContextId, id: OxId) -> Result<(), OxError> {
        self.shared(shared_account::delete(context, id)).await
    }

    async fn shared_account_convert(&self, context: ContextId, user: OxId) -> Result<(), OxError> {
        self.shared(shared_account::convert(context, user)).await
    }

    async fn shared_account_grant(
        &self,
        context: ContextId,
        id: OxId,
        grants: &[Grant],
    ) -> Result<(), OxError> {
        let operation = "OXSharedAccountService.setSharedAccountPermissions";
        let account = Account::Context(context);
        let credentials = self
            .credentials
            .credentials(account)
            .map_err(|reason| OxError::CredentialsUnreadable { operation, reason })?
            .ok_or(OxError::NoCredentials { operation, account })?;
        self.shared(shared_account::grant(context, id, grants, &credentials)).await
    }
}
