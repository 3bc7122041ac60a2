//! Secondary mail accounts: one row for each user, made for users or for the members of groups.

use std::collections::{BTreeMap, BTreeSet};

use super::super::fault::{Class, Fault};
use super::{Context, Credentials, User, World};

/// One mail account of a user beside his primary one.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) id: u32,
    /// False for those that came with a copied user: they are listed no more, but their address
    /// is still taken.
    pub(crate) secondary: bool,
    pub(crate) address: String,
    /// The other values by element name.
    pub(crate) values: BTreeMap<&'static str, String>,
}

/// For whom an account request is meant; ids only.
#[derive(Clone, Debug, Default)]
pub(crate) struct AccountTarget {
    pub(crate) users: Vec<i64>,
    /// 0 means all users.
    pub(crate) groups: Vec<i64>,
}

impl AccountTarget {
    fn is_empty(&self) -> bool {
        self.users.is_empty() && self.groups.is_empty()
    }
}

/// Accounts with the users they belong to.
pub(crate) type Listing<'w> = Vec<(u32, &'w Account)>;

/// Values of an account as sent, by element name.
pub(crate) type AccountInput = BTreeMap<&'static str, String>;

/// Where a source of end points is meant.
const MAIL_SOURCE: &str = "mailEndpointSource";
const TRANSPORT_SOURCE: &str = "transportEndpointSource";
const ADDRESS: &str = "primaryAddress";

impl World {
    /// Makes the account for every user meant, or for none.
    pub(crate) fn account_create(
        &mut self,
        context: Option<i64>,
        input: Option<&AccountInput>,
        target: &AccountTarget,
        auth: Credentials<'_>,
    ) -> Result<u32, Fault> {
        let scope = self.auth_admin(context, auth)?;
        let Some(input) = input else { return Err(Fault::data("Account data is missing.")) };
        let context = self.context_mut(scope)?;
        let users = context.account_users(target)?;
        let mut made = Vec::with_capacity(users.len());
        for id in users {
            let user = context.user(id)?;
            made.push((id, new_account(user, input, scope)?));
        }
        for (id, mut account) in made {
            context.last_account += 1;
            account.id = context.last_account;
            if let Some(user) = context.users.get_mut(&id) {
                user.accounts.push(account);
            }
        }
        Ok(scope)
    }

    /// Changes the accounts of that address; whether there was one.
    pub(crate) fn account_update(
        &mut self,
        context: Option<i64>,
        address: Option<&str>,
        input: Option<&AccountInput>,
        target: &AccountTarget,
        auth: Credentials<'_>,
    ) -> Result<(u32, bool), Fault> {
        let scope = self.auth_admin(context, auth)?;
        let address = needed(address)?;
        let Some(input) = input else { return Err(Fault::data("Account data is missing.")) };
        let context = self.context_mut(scope)?;
        let users = context.account_users(target)?;
        if input.get("name").is_some_and(String::is_empty) {
            return Err(Fault::storage(
                "ACC-0016 Categories=USER_INPUT Message='Invalid mail account name: .' \
                 exceptionID=#",
            ));
        }
        let mut found = false;
        for id in users {
            let Some(user) = context.users.get_mut(&id) else { continue };
            for account in &mut user.accounts {
                if account.secondary && account.address.eq_ignore_ascii_case(address) {
                    found = true;
                    let values = input.iter().map(|(name, value)| (*name, value.clone()));
                    account.values.extend(values);
                    clear_personal(&mut account.values);
                }
            }
        }
        Ok((scope, found))
    }

    /// Deletes all accounts of that address, a user's primary one among them; whether there was
    /// one.
    pub(crate) fn account_delete(
        &mut self,
        context: Option<i64>,
        address: Option<&str>,
        target: &AccountTarget,
        auth: Credentials<'_>,
    ) -> Result<(u32, bool), Fault> {
        let scope = self.auth_admin(context, auth)?;
        let address = needed(address)?;
        let context = self.context_mut(scope)?;
        let users = context.account_users(target)?;
        let mut found = false;
        for id in users {
            let Some(user) = context.users.get_mut(&id) else { continue };
            let before = user.accounts.len();
            user.accounts.retain(|account| !account.address.eq_ignore_ascii_case(address));
            found |= user.accounts.len() < before;
            if user.has_primary_account && user.primary().eq_ignore_ascii_case(address) {
                user.has_primary_account = false;
                found = true;
            }
        }
        Ok((scope, found))
    }

    /// The secondary accounts of the users meant, with whom they belong to; without users and
    /// groups those of all.
    pub(crate) fn account_list(
        &self,
        context: Option<i64>,
        target: &AccountTarget,
        auth: Credentials<'_>,
    ) -> Result<(u32, Listing<'_>), Fault> {
        let scope = self.auth_admin(context, auth)?;
        let context = self.context(scope)?;
        let users = if target.is_empty() {
            context.users.keys().copied().collect()
        } else {
            context.account_users(target)?
        };
        let mut found = Vec::new();
        for id in users {
            if let Some(user) = context.users.get(&id) {
                let listed = user.accounts.iter().filter(|account| account.secondary);
                found.extend(listed.map(|account| (id, account)));
            }
        }
        found.sort_by_key(|(_, account)| account.id);
        Ok((scope, found))
    }
}

fn needed(address: Option<&str>) -> Result<&str, Fault> {
    let address = address.filter(|address| !address.is_empty());
    address.ok_or_else(|| Fault::data("Primary address is empty."))
}

/// An empty personal name is none.
fn clear_personal(values: &mut BTreeMap<&'static str, String>) {
    if values.get("personal").is_some_and(String::is_empty) {
        values.remove("personal");
    }
}

impl Context {
    /// The users meant; a group counts for the members it has now.
    fn account_users(&self, target: &AccountTarget) -> Result<BTreeSet<u32>, Fault> {
        if target.is_empty() {
            return Err(Fault::data("Missing users/groups in account data"));
        }
        let mut users = BTreeSet::new();
        for id in &target.users {
            let known = u32::try_from(*id).ok().filter(|id| self.users.contains_key(id));
            users.insert(known.ok_or_else(|| Fault::no_user(id, self.id))?);
        }
        for id in &target.groups {
            if *id == 0 {
                users.extend(self.users.keys());
                continue;
            }
            let group = u32::try_from(*id).ok().and_then(|id| self.groups.get(&id));
            let Some(group) = group else {
                let text = format!("No such group {id} in context {}", self.id);
                return Err(Fault::new(Class::NoSuchUser, text));
            };
            users.extend(&group.members);
        }
        Ok(users)
    }
}

/// The account a user would get; refused when he has one of that address, or when the database
/// would refuse it.
fn new_account(user: &User, input: &AccountInput, context: u32) -> Result<Account, Fault> {
    let mut values = input.clone();
    let source = values.remove(MAIL_SOURCE).unwrap_or_default();
    values.remove(TRANSPORT_SOURCE);
    let address = values.remove(ADDRESS);
    end_points(user, &source, &mut values)?;
    let column = |missing: bool, name: &'static str| missing.then_some(name);
    let null = column(!values.contains_key("name"), "name")
        .or_else(|| column(!values.contains_key("login"), "login"))
        .or_else(|| column(address.is_none(), "primary_addr"));
    if let Some(column) = null {
        return Err(Fault {
            tails: 2,
            ..Fault::storage(format!(
                "java.sql.SQLIntegrityConstraintViolationException: \
                 Column '{column}' cannot be null"
            ))
        });
    }
    let address = address.unwrap_or_default();
    let same = |other: &str| other.eq_ignore_ascii_case(&address);
    let primary = user.has_primary_account && same(user.primary());
    if primary || user.accounts.iter().any(|account| same(&account.address)) {
        return Err(Fault::storage(format!(
            "ACC-0017 Categories=USER_INPUT Message='Duplicate mail account for user {} in \
             context {context}.' exceptionID=#",
            user.id
        )));
    }
    clear_personal(&mut values);
    Ok(Account { id: 0, secondary: true, address, values })
}

/// Fills in where mail comes from and goes to.
fn end_points(
    user: &User,
    source: &str,
    values: &mut BTreeMap<&'static str, String>,
) -> Result<(), Fault> {
    let set = |values: &mut BTreeMap<&'static str, String>, name, value: &str| {
        values.insert(name, value.to_owned());
    };
    match source {
        "primary" => {
            if !user.has_primary_account {
                return Err(Fault {
                    tails: 2,
                    ..Fault::storage(format!(
                        "ACC-0002 Categories=ERROR Message='Cannot find mail account with \
                         identifier 0 for user {}.' exceptionID=#",
                        user.id
                    ))
                });
            }
            set(values, "mailServer", &user.imap.host);
            set(values, "mailPort", &user.imap.port.to_string());
            set(values, "transportServer", &user.smtp.host);
            set(values, "transportPort", &user.smtp.port.to_string());
        }
        "localhost" => {
            set(values, "mailServer", "localhost");
            set(values, "mailPort", "143");
            set(values, "mailStartTls", "true");
            set(values, "transportServer", "localhost");
            set(values, "transportPort", "25");
            set(values, "transportStartTls", "true");
        }
        _ if values.get("mailServer").is_none_or(String::is_empty) => {
            return Err(Fault::storage(
                "Missing mail end-point data. Set end-point source to either \"primary\" or \
                 \"localhost\"; or specify appropriate fields in account data",
            ));
        }
        _ => {}
    }
    if !values.contains_key("mailPort") {
        // Without a port the server does not give the host back either.
        values.remove("mailServer");
    }
    for (name, value) in [
        ("mailProtocol", "imap"),
        ("mailSecure", "false"),
        ("mailStartTls", "false"),
        ("transportLogin", ""),
        ("transportProtocol", "smtp"),
        ("transportSecure", "false"),
        ("transportStartTls", "false"),
    ] {
        values.entry(name).or_insert_with(|| value.to_owned());
    }
    if let (None, Some(password)) = (values.get("transportPassword"), values.get("password")) {
        let password = password.clone();
        values.insert("transportPassword", password);
    }
    Ok(())
}
