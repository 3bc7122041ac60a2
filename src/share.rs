//! How functional accounts become shared ones: what is to be done in the directory, in which order, and
//! what gets lost.
//!
//! The directory is where accounts are made and deleted, so nothing is changed from here: the plan is for
//! people, and as a script for UDM. Each of its steps may be done again, so that after a break it is run
//! once more. drover provisions what comes of it: first the shared account comes, with everybody who is to
//! use it, under an address of its own, for the directory gives each address once; then the functional
//! account goes; then the address passes over.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use crate::model::object::{AccountObject, DirectoryObject, Properties};
use crate::model::{ContextId, Dn, ObjectId, ObjectKind};
use crate::store::{ObjectRecord, Placement, SqliteReader, StoreError};

/// What the address of the shared account begins with as long as the functional one has the real one.
const MEANWHILE: &str = "tmp_";

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub struct Order {
    /// Names, addresses, ids or DNs of functional accounts; empty = all.
    pub accounts: Vec<String>,
    /// Name or id of the permission that their users get.
    pub permission: String,
    /// Where accounts go whose users are in several contexts.
    pub context: Option<ContextId>,
    /// Below which DN they are made; none = beside the functional accounts' folder.
    pub position: Option<String>,
}

/// What becomes of one functional account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Share {
    /// The functional account.
    pub account: ObjectId,
    /// Its name, and the shared account's.
    pub name: String,
    /// Its address, and in the end the shared account's.
    pub address: String,
    /// Where the shared account is going to be; none if that cannot be told.
    pub context: Option<ContextId>,
    /// Ids of those who are to use it.
    pub users: Vec<String>,
    /// What gets lost, for people.
    pub lost: Vec<String>,
    /// Why it cannot be done yet; nothing is in the script then.
    pub stuck: Option<String>,
    /// DN of the functional account.
    pub dn: String,
    /// DN below which the shared account is made.
    pub position: String,
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// Id of the permission.
    pub permission: String,
    /// Account by account, by name.
    pub accounts: Vec<Share>,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum ShareError {
    /// The memory cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no such permission.
    #[error(
        "no permission \"{name}\" is known; known ones: {known}. Make it in the directory \
         (oxmail/shared_account_permission), and let drover see it"
    )]
    NoPermission {
        /// What was asked for.
        name: String,
        /// Names, comma-separated.
        known: String,
    },
    /// One that was asked for is not there.
    #[error("no functional account \"{0}\" is known")]
    NoAccount(String),
}

/// Makes the plan from what drover remembers.
///
/// # Errors
/// If the memory cannot be read, or what is asked for is not in it.
pub fn plan(memory: &SqliteReader, order: &Order) -> Result<Plan, ShareError> {
    let (mut accounts, mut permissions) = (Vec::new(), BTreeMap::new());
    memory.objects(&mut |record| match record.kind {
        ObjectKind::Account => accounts.push(record),
        ObjectKind::SharedAccountPermission => {
            let properties = record.properties.as_ref();
            let name = properties.and_then(|properties| properties.get("name")?.as_str());
            let name = name.unwrap_or_default().to_owned();
            permissions.insert(name, directory_id(&record));
        }
        _ => {}
    })?;
    let wanted = order.permission.trim();
    let by_id = || permissions.values().find(|id| **id == wanted);
    let Some(permission) = permissions.get(wanted).or_else(by_id).cloned() else {
        let known = permissions.keys().cloned().collect::<Vec<_>>().join(", ");
        let known = if known.is_empty() { "none".to_owned() } else { known };
        return Err(ShareError::NoPermission { name: wanted.to_owned(), known });
    };
    let mut shares = Vec::new();
    let mut asked: BTreeMap<&str, bool> =
        order.accounts.iter().map(|name| (name.trim(), false)).collect();
    for record in accounts {
        let Some(account) = account_of(&record) else { continue };
        let mut meant = asked.is_empty();
        for (name, found) in &mut asked {
            if is_meant(&record, &account, name) {
                (*found, meant) = (true, true);
            }
        }
        if meant {
            shares.push(share(memory, order, &record, &account)?);
        }
    }
    if let Some((name, _)) = asked.iter().find(|(_, found)| !**found) {
        return Err(ShareError::NoAccount((*name).to_owned()));
    }
    shares.sort_by(|a, b| (&a.name, &a.account).cmp(&(&b.name, &b.account)));
    Ok(Plan { permission, accounts: shares })
}

fn account_of(record: &ObjectRecord) -> Option<AccountObject> {
    match DirectoryObject::parse(ObjectKind::Account, record.properties.as_ref()?) {
        Ok(DirectoryObject::Account(account)) => Some(account),
        _ => None,
    }
}

fn is_meant(record: &ObjectRecord, account: &AccountObject, name: &str) -> bool {
    record.id == ObjectId::new(name)
        || account.name == name
        || account.address.eq_ignore_ascii_case(name)
        || record.dn.key() == Dn::new(name).key()
}

/// The id by which other objects of the directory name it.
fn directory_id(record: &ObjectRecord) -> String {
    let of = |properties: &Properties| {
        properties.get("univentionObjectIdentifier").and_then(|id| id.as_str().map(str::to_owned))
    };
    record.properties.as_ref().and_then(of).unwrap_or_else(|| record.id.to_string())
}

fn share(
    memory: &SqliteReader,
    order: &Order,
    record: &ObjectRecord,
    account: &AccountObject,
) -> Result<Share, StoreError> {
    let mut users: BTreeMap<ContextId, Vec<String>> = BTreeMap::new();
    let mut nowhere = 0;
    for dn in &account.users {
        let id = memory.holders(dn.key())?.into_iter().next();
        let user = id.map(|id| memory.object(&id)).transpose()?.flatten();
        let place = user.as_ref().and_then(|user| {
            let mut placed = user.placements.iter();
            placed.find_map(|(at, what)| matches!(what, Placement::User { .. }).then_some(*at))
        });
        match (place, user) {
            (Some(context), Some(user)) => {
                users.entry(context).or_default().push(directory_id(&user));
            }
            _ => nowhere += 1,
        }
    }
    let only = || (users.len() == 1).then(|| users.keys().next().copied()).flatten();
    let context = order.context.filter(|context| users.contains_key(context)).or_else(only);
    let mut lost = Vec::new();
    for (elsewhere, others) in users.iter().filter(|(at, _)| Some(**at) != context) {
        if context.is_some() {
            lost.push(format!(
                "{} in context {elsewhere} will not have it any more: OX grants a shared account in its \
                 own context only",
                people(others.len())
            ));
        }
    }
    if nowhere > 0 {
        let told = format!("{} named by it not in OX and get nothing, as before", are(nowhere));
        lost.push(told);
    }
    if let Some(personal) = account.personal.as_ref().filter(|name| **name != account.name) {
        lost.push(format!(
            "its sender name \"{personal}\": a shared account has its shown name only"
        ));
    }
    lost.push(
        "what each user has set for himself in it (signature, filters, what was read), which goes with \
         the functional account"
            .to_owned(),
    );
    lost.push(
        "its mail, unless the mail server knows mailboxes by their address: the login of the functional \
         account (functional_account_login_template) is not used any more"
            .to_owned(),
    );
    let contexts = || users.keys().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let stuck = match (context, users.is_empty()) {
        (None, true) => {
            Some("none of its users is in OX, so that nobody can tell its context".to_owned())
        }
        (None, false) => Some(format!(
            "its users are in several contexts ({}); choose one with --context, and the others lose it",
            contexts()
        )),
        (Some(_), _) => None,
    };
    let mut granted = context.and_then(|context| users.remove(&context)).unwrap_or_default();
    granted.sort();
    granted.dedup();
    let odd = granted.iter().find(|id| id.contains(|c: char| c == '"' || c.is_control()));
    let stuck = stuck.or_else(|| odd.map(|_| "one of its users has an impossible id".to_owned()));
    Ok(Share {
        account: record.id.clone(),
        name: account.name.clone(),
        address: account.address.clone(),
        context,
        users: granted,
        lost,
        stuck,
        dn: record.dn.as_str().to_owned(),
        position: order.position.clone().unwrap_or_else(|| beside(record.dn.as_str())),
    })
}

fn people(count: usize) -> String {
    if count == 1 { "1 user".to_owned() } else { format!("{count} users") }
}

fn are(count: usize) -> String {
    if count == 1 { "1 user is".to_owned() } else { format!("{count} users are") }
}

/// The folder of shared accounts beside that of a functional account.
fn beside(dn: &str) -> String {
    let parent = parent(dn);
    let rest = parent.split_once(',').map_or("", |(_, rest)| rest);
    let folder = parent.to_lowercase().starts_with("cn=functional_accounts,");
    if folder { format!("cn=shared_accounts,{rest}") } else { parent.to_owned() }
}

/// A DN without its first part.
fn parent(dn: &str) -> &str {
    let mut escaped = false;
    for (at, char) in dn.char_indices() {
        match char {
            ',' if !escaped => return dn.get(at + 1..).unwrap_or_default(),
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    ""
}

impl Plan {
    /// Whether something has to be decided first.
    pub fn is_stuck(&self) -> bool {
        self.accounts.iter().any(|share| share.stuck.is_some())
    }

    /// The plan for people.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for share in &self.accounts {
            let context =
                share.context.map_or_else(|| "?".to_owned(), |context| context.to_string());
            let users = people(share.users.len());
            let _ = writeln!(text, "{}: shared account in context {context}, {users}", share.name);
            if let Some(stuck) = &share.stuck {
                let _ = writeln!(text, "  not yet: {stuck}");
            }
            for lost in &share.lost {
                let _ = writeln!(text, "  lost: {lost}");
            }
        }
        let _ = writeln!(text, "{} functional accounts", self.accounts.len());
        text
    }

    /// The same as a shell script for a system with UDM; what is stuck is left out.
    pub fn script(&self) -> String {
        let mut script =
            "#!/bin/sh\n# Functional accounts become shared ones. After a break: run it again.\
                          \nset -eu\n"
                .to_owned();
        for share in &self.accounts {
            let Some(context) = share.context.filter(|_| share.stuck.is_none()) else { continue };
            let dn = format!("cn={},{}", escaped(&share.name), share.position);
            let meanwhile = format!("{MEANWHILE}{}", share.address);
            let set = |name: &str, value: &str| quoted(&format!("{name}={value}"));
            let grants = share.users.iter().fold(String::new(), |mut grants, user| {
                let pair = format!("\"{user}\" \"{}\"", self.permission);
                let _ = write!(grants, " --append {}", set("users", &pair));
                grants
            });
            let _ = writeln!(
                script,
                "udm oxmail/shared_account create --ignore_exists --position {} --set {} --set {} --set \
                 {} --set {}",
                quoted(&share.position),
                set("name", &share.name),
                set("displayName", &share.name),
                set("oxContext", &context.to_string()),
                set("mailPrimaryAddress", &meanwhile),
            );
            if !grants.is_empty() {
                let _ = writeln!(
                    script,
                    "udm oxmail/shared_account modify --dn {}{grants}",
                    quoted(&dn)
                );
            }
            let _ = writeln!(
                script,
                "udm oxmail/functional_account remove --ignore_not_exists --dn {}",
                quoted(&share.dn)
            );
            let _ = writeln!(
                script,
                "udm oxmail/shared_account modify --dn {} --set {}",
                quoted(&dn),
                set("mailPrimaryAddress", &share.address),
            );
        }
        script
    }
}

/// A text as one word of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// A name as a part of a DN.
fn escaped(name: &str) -> String {
    let mut escaped = String::with_capacity(name.len());
    for char in name.chars() {
        if matches!(char, ',' | '+' | '"' | '\\' | '<' | '>' | ';' | '=' | '#') {
            escaped.push('\\');
        }
        escaped.push(char);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_the_one_beside() {
        for (dn, folder) in [
            ("cn=help,cn=functional_accounts,dc=x", "cn=shared_accounts,dc=x"),
            ("cn=a\\,b,cn=Functional_Accounts,dc=x", "cn=shared_accounts,dc=x"),
            ("cn=help,ou=y,dc=x", "ou=y,dc=x"),
        ] {
            assert_eq!(beside(dn), folder);
        }
    }

    #[test]
    fn words_of_a_shell_hold_anything() {
        assert_eq!(quoted("a'b $c"), "'a'\\''b $c'");
        assert_eq!(escaped("a,b=c"), "a\\,b\\=c");
    }
}
