//! Shared accounts of one context. Who may use them OX tells only the master, one account at a time, and is
//! not compared.

use std::collections::BTreeMap;

use super::context::{Stop, compared, is_class, stranger};
use super::fields::Difference;
use super::{Comparer, Each, State, Which};
use crate::model::object::{DirectoryObject, SharedAccountObject};
use crate::model::{ContextId, ObjectId, ObjectKind, OxId};
use crate::ox::{FaultClass, OxSharedAccount, SharedAccounts as _, Target};
use crate::store::Placement;

/// The service that has them.
const SERVICE: &str = "OXSharedAccountService";

impl Comparer {
    pub(super) async fn shared_accounts(
        &self,
        context: ContextId,
        ids: &[ObjectId],
        which: &Which,
        each: &mut Each<'_>,
    ) -> Result<(), Stop> {
        if !self.policy.shared_accounts || (ids.is_empty() && !self.has_shared_accounts().await?) {
            return Ok(());
        }
        let mut there: BTreeMap<OxId, OxSharedAccount> = BTreeMap::new();
        if which.is_whole() {
            let all = self.ox.shared_account_list(context).await?;
            there.extend(all.into_iter().map(|account| (account.id, account)));
        }
        for id in ids {
            let Some(known) = self.known(id)? else { continue };
            let Some(Placement::SharedAccount { ox, name, data, .. }) =
                known.record.placements.get(&context)
            else {
                each(compared(context, &known, State::NotProvisioned, None, Vec::new()))?;
                continue;
            };
            let found = match there.remove(ox) {
                Some(account) => Some(account),
                None => self.shared_account_named(context, *ox, name).await?,
            };
            let Some(account) = found else {
                each(compared(context, &known, State::Missing, Some(name), Vec::new()))?;
                continue;
            };
            there.remove(&account.id);
            let state = if account.id == *ox { State::Same } else { State::OtherNumber };
            let wanted = match &known.wanted {
                Some(DirectoryObject::SharedAccount(wanted)) => Some(wanted),
                _ => None,
            };
            let last = |pick: fn(&crate::ox::SharedAccountData) -> &String| {
                data.as_ref().map(pick).cloned()
            };
            let differences = [
                Difference::of(
                    "name",
                    self.wanted_name(wanted),
                    Some(name.clone()),
                    Some(account.name),
                ),
                Difference::of(
                    "display_name",
                    wanted.map(|wanted| wanted.display_name.clone()),
                    last(|data| &data.display_name).or_else(|| account.display_name.clone()),
                    account.display_name,
                ),
                Difference::of(
                    "primaryEmail",
                    wanted.map(|wanted| wanted.address.to_lowercase()),
                    last(|data| &data.address).or_else(|| account.address.clone()),
                    account.address,
                ),
            ];
            let differences = differences.into_iter().flatten().collect();
            each(compared(context, &known, state, Some(name), differences))?;
        }
        for account in there.values() {
            each(stranger(context, ObjectKind::SharedAccount, &account.name))?;
        }
        Ok(())
    }

    /// Whether OX has them at all; asked once.
    async fn has_shared_accounts(&self) -> Result<bool, Stop> {
        let ask = async || Ok::<bool, Stop>(self.ox.offered(SERVICE).await?.is_some());
        self.shared_offered.get_or_try_init(ask).await.copied()
    }

    fn wanted_name(&self, wanted: Option<&SharedAccountObject>) -> Option<String> {
        let identifier = self.policy.shared_account_identifier.as_str();
        Some(wanted?.properties.get(identifier)?.as_str()?.to_owned())
    }

    async fn shared_account_named(
        &self,
        context: ContextId,
        ox: OxId,
        name: &str,
    ) -> Result<Option<OxSharedAccount>, Stop> {
        for target in [Target::Id(ox), Target::Name(name.to_owned())] {
            match self.ox.shared_account_get(context, &target).await {
                Ok(account) => return Ok(Some(account)),
                Err(error) if is_class(&error, FaultClass::NoSuchUser) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(None)
    }
}
