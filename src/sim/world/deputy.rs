//! Deputies of users.
//!
//! No server that has them was at hand. That a user has each deputy once, that OX names each grant, that
//! modules without any permission are not kept, and that a context lists all is what the OX Connector's
//! tests look at; assumed are the words of refusals, and that a grant goes with either of its users.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::super::fault::Fault;
use super::{Context, Credentials, User, World};

/// What may be done in a module: admin, folder, read, write, delete.
pub(crate) type Level = [u8; 5];

/// What a deputy may do, as sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct DeputyInput {
    pub(crate) deputy: Option<i64>,
    pub(crate) send_on_behalf: bool,
    pub(crate) modules: BTreeMap<String, Level>,
}

/// One grant.
#[derive(Clone, Debug)]
pub(crate) struct Deputy {
    pub(crate) grant: u32,
    pub(crate) user: u32,
    pub(crate) deputy: u32,
    pub(crate) send_on_behalf: bool,
    pub(crate) modules: BTreeMap<String, Level>,
}

/// All grants of a context, and who may make none himself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Granted {
    last: u32,
    all: Vec<Deputy>,
    barred: BTreeSet<u32>,
}

impl Granted {
    /// A user is gone.
    pub(super) fn forget(&mut self, user: u32) {
        self.all.retain(|one| one.user != user && one.deputy != user);
        self.barred.remove(&user);
    }
}

impl World {
    pub(crate) fn deputy_grant(
        &mut self,
        context: Option<i64>,
        user: Option<i64>,
        input: DeputyInput,
        auth: Credentials<'_>,
    ) -> Result<u32, Fault> {
        let scope = self.auth_admin(context, auth)?;
        let context = self.context_mut(scope)?;
        let (user, deputy) = (context.deputy_user(user)?, context.deputy_user(input.deputy)?);
        if user == deputy {
            return Err(Fault::data("A user cannot be his own deputy."));
        }
        let granted = &mut context.deputies;
        if granted.all.iter().any(|one| one.user == user && one.deputy == deputy) {
            return Err(Fault::data(format!(
                "A deputy permission for user {deputy} already exists for user {user}"
            )));
        }
        granted.last += 1;
        let grant = granted.last;
        let DeputyInput { send_on_behalf, modules, .. } = input;
        let one = Deputy { grant, user, deputy, send_on_behalf, modules: kept(modules) };
        if one.send_on_behalf || !one.modules.is_empty() {
            granted.all.push(one);
        }
        Ok(grant)
    }

    pub(crate) fn deputy_update(
        &mut self,
        context: Option<i64>,
        user: Option<i64>,
        grant: &str,
        input: DeputyInput,
        auth: Credentials<'_>,
    ) -> Result<(), Fault> {
        let scope = self.auth_admin(context, auth)?;
        let context = self.context_mut(scope)?;
        let user = context.deputy_user(user)?;
        let one = context.deputy_mut(user, grant)?;
        one.send_on_behalf = input.send_on_behalf;
        one.modules = kept(input.modules);
        Ok(())
    }

    pub(crate) fn deputy_revoke(
        &mut self,
        context: Option<i64>,
        user: Option<i64>,
        grant: &str,
        auth: Credentials<'_>,
    ) -> Result<(), Fault> {
        let scope = self.auth_admin(context, auth)?;
        let context = self.context_mut(scope)?;
        let user = context.deputy_user(user)?;
        let grant = context.deputy_mut(user, grant)?.grant;
        context.deputies.all.retain(|one| one.grant != grant);
        Ok(())
    }

    pub(crate) fn deputies_revoke_all(
        &mut self,
        context: Option<i64>,
        user: Option<i64>,
        auth: Credentials<'_>,
    ) -> Result<(), Fault> {
        let scope = self.auth_admin(context, auth)?;
        let context = self.context_mut(scope)?;
        let user = context.deputy_user(user)?;
        context.deputies.all.retain(|one| one.user != user);
        Ok(())
    }

    pub(crate) fn deputies_bar(
        &mut self,
        context: Option<i64>,
        user: Option<i64>,
        barred: bool,
        auth: Credentials<'_>,
    ) -> Result<(), Fault> {
        let scope = self.auth_admin(context, auth)?;
        let context = self.context_mut(scope)?;
        let user = context.deputy_user(user)?;
        if barred {
            context.deputies.barred.insert(user);
        } else {
            context.deputies.barred.remove(&user);
        }
        Ok(())
    }

    pub(crate) fn deputies_list(
        &self,
        context: Option<i64>,
        auth: Credentials<'_>,
    ) -> Result<(u32, &[Deputy]), Fault> {
        let scope = self.auth_admin(context, auth)?;
        Ok((scope, &self.context(scope)?.deputies.all))
    }
}

/// Modules in which something may be done.
fn kept(mut modules: BTreeMap<String, Level>) -> BTreeMap<String, Level> {
    modules.retain(|_, level| *level != Level::default());
    modules
}

impl Context {
    fn deputy_user(&self, id: Option<i64>) -> Result<u32, Fault> {
        let id = id.ok_or_else(|| Fault::data("Missing user identifier"))?;
        let known = u32::try_from(id).ok().filter(|id| self.users.contains_key(id));
        known.ok_or_else(|| Fault::no_user(id, self.id))
    }

    fn deputy_mut(&mut self, user: u32, grant: &str) -> Result<&mut Deputy, Fault> {
        let mut all = self.deputies.all.iter_mut();
        let found = all.find(|one| one.user == user && one.grant.to_string() == grant);
        found.ok_or_else(|| Fault::data(format!("No such deputy permission: {grant}")))
    }

    /// Everybody's deputies as canonical JSON, by the login of who has them.
    pub(super) fn deputy_state(&self) -> Value {
        let login = |id: &u32| self.users.get(id).map_or("", User::name).to_owned();
        let users = self.users.keys().filter(|id| {
            self.deputies.barred.contains(id) || self.deputies.all.iter().any(|d| d.user == **id)
        });
        let state = users.map(|id| {
            let own = self.deputies.all.iter().filter(|one| one.user == *id);
            let given: Map<String, Value> =
                own.map(|one| (login(&one.deputy), shown(one))).collect();
            (login(id), json!({ "barred": self.deputies.barred.contains(id), "given": given }))
        });
        Value::Object(state.collect())
    }
}

fn shown(deputy: &Deputy) -> Value {
    let levels = deputy.modules.iter().map(|(module, level)| {
        let figures: String = level.iter().map(u8::to_string).collect();
        (module.clone(), Value::from(figures))
    });
    json!({ "sendOnBehalf": deputy.send_on_behalf, "modules": levels.collect::<Map<_, _>>() })
}
