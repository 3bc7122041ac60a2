//! The people and things behind a workload, as they are at the moment; each `emit` writes one of
//! them into the queue as it is now.

use std::collections::{BTreeMap, BTreeSet};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use super::names::{self, Names, Person};
use super::{Params, QueueItem, render};

/// Number of the first context.
const FIRST_CONTEXT: u32 = 101;

/// The first item's time: 2026-03-02 08:00:00, in microseconds of that day. Later ones follow by
/// [`ITEM_GAP_US`]; a workload may reach into the following days, see [`file_name`].
const START_US: u64 = 8 * 3_600 * 1_000_000;

/// Time from item to item. Odd, so that all digits of the names are in use.
const ITEM_GAP_US: u64 = 10_007;

/// A context as it is now.
#[derive(Debug, Clone)]
pub(super) struct Context {
    pub(super) uuid: String,
    /// Quota in MB; none = unlimited.
    pub(super) quota: Option<u32>,
}

/// An access profile.
#[derive(Debug, Clone)]
pub(super) struct Profile {
    pub(super) uuid: String,
    pub(super) name: &'static str,
    pub(super) shown: &'static str,
    pub(super) rights: Vec<&'static str>,
}

/// A user as it is now.
#[derive(Debug, Clone)]
pub(super) struct User {
    pub(super) uuid: String,
    pub(super) person: Person,
    pub(super) primary: String,
    pub(super) aliases: Vec<String>,
    pub(super) context: Option<u32>,
    pub(super) ox: bool,
    pub(super) profile: &'static str,
    pub(super) phones: Vec<String>,
    pub(super) mobile: Option<String>,
    pub(super) department: Option<String>,
    pub(super) note: Option<String>,
    pub(super) home_server: Option<String>,
    /// Year, month, day.
    pub(super) birthday: Option<(u16, u8, u8)>,
    pub(super) photo: Option<u8>,
    /// Which of the equivalent forms this user's values take.
    pub(super) style: u8,
    pub(super) alive: bool,
    pub(super) groups: BTreeSet<usize>,
    pub(super) accounts: BTreeSet<usize>,
}

/// A group as it is now.
#[derive(Debug, Clone)]
pub(super) struct Group {
    pub(super) uuid: String,
    pub(super) name: String,
    pub(super) ox: bool,
    pub(super) members: BTreeSet<usize>,
    pub(super) alive: bool,
}

/// A functional account as it is now.
#[derive(Debug, Clone)]
pub(super) struct Account {
    pub(super) uuid: String,
    pub(super) name: String,
    pub(super) address: String,
    pub(super) personal: Option<String>,
    pub(super) members: BTreeSet<usize>,
    pub(super) alive: bool,
}

/// A resource as it is now.
#[derive(Debug, Clone)]
pub(super) struct Resource {
    pub(super) uuid: String,
    pub(super) name: String,
    pub(super) shown: Option<String>,
    pub(super) description: Option<String>,
    pub(super) address: String,
    pub(super) context: u32,
    pub(super) alive: bool,
}

/// The whole directory as it is now, and the items written so far.
#[derive(Debug)]
pub(super) struct Town {
    pub(super) params: Params,
    pub(super) rng: ChaCha8Rng,
    pub(super) names: Names,
    pub(super) contexts: BTreeMap<u32, Context>,
    pub(super) profiles: Vec<Profile>,
    pub(super) users: Vec<User>,
    pub(super) groups: Vec<Group>,
    pub(super) accounts: Vec<Account>,
    pub(super) resources: Vec<Resource>,
    /// Users by the context they are in, OX users or not; dead ones are taken out.
    pub(super) residents: BTreeMap<u32, BTreeSet<usize>>,
    objects: u64,
    written: u64,
    items: Vec<QueueItem>,
}

impl Town {
    pub(super) fn new(params: Params) -> Self {
        Self {
            params,
            rng: ChaCha8Rng::seed_from_u64(params.seed),
            names: Names::default(),
            contexts: BTreeMap::new(),
            profiles: Vec::new(),
            users: Vec::new(),
            groups: Vec::new(),
            accounts: Vec::new(),
            resources: Vec::new(),
            residents: BTreeMap::new(),
            objects: 0,
            written: 0,
            items: Vec::new(),
        }
    }

    /// The items written since the last call.
    pub(super) fn take_items(&mut self) -> Vec<QueueItem> {
        std::mem::take(&mut self.items)
    }

    /// Numbers of the contexts of the first phase.
    pub(super) fn first_contexts(&self) -> std::ops::Range<u32> {
        FIRST_CONTEXT..FIRST_CONTEXT + self.params.contexts.max(1)
    }

    /// An entryUUID that no other object of this workload has.
    pub(super) fn uuid(&mut self) -> String {
        self.objects += 1;
        let noise: u64 = self.rng.random();
        let number = self.objects & 0xFFFF_FFFF;
        format!("{number:08x}-{:04x}-103f-9e01-{:012x}", noise >> 48, noise & 0xFFFF_FFFF_FFFF)
    }

    /// True in `percent` of 100 cases.
    pub(super) fn chance(&mut self, percent: u32) -> bool {
        self.rng.random_range(0..100) < percent
    }

    /// One of a set, if it is not empty.
    pub(super) fn one_of(&mut self, set: &BTreeSet<usize>) -> Option<usize> {
        if set.is_empty() {
            return None;
        }
        let at = self.rng.random_range(0..set.len());
        set.iter().nth(at).copied()
    }

    /// Users of a context who are OX users now.
    pub(super) fn ox_users(&self, context: u32) -> BTreeSet<usize> {
        let residents = self.residents.get(&context).into_iter().flatten();
        residents.copied().filter(|user| self.users[*user].ox).collect()
    }

    /// A new user; not yet written.
    pub(super) fn new_user(&mut self, context: Option<u32>, ox: bool) -> usize {
        let person = self.names.person(&mut self.rng);
        self.new_user_named(context, ox, person)
    }

    /// A new user of that name; not yet written.
    pub(super) fn new_user_named(
        &mut self,
        context: Option<u32>,
        ox: bool,
        person: Person,
    ) -> usize {
        let domain = context.map_or_else(|| "stadt".to_owned(), names::firm);
        let mut aliases = Vec::new();
        if self.chance(40) {
            aliases.push(format!("{}@post.example", person.login));
        }
        if self.chance(15) {
            aliases.push(format!("{}@{domain}.example", person.login.replace('.', "_")));
        }
        let phones = match self.rng.random_range(0..4) {
            0 => Vec::new(),
            1 => vec![names::phone(&mut self.rng), names::phone(&mut self.rng)],
            _ => vec![names::phone(&mut self.rng)],
        };
        let mobile = self.chance(50).then(|| names::mobile(&mut self.rng));
        let department = self.chance(60).then(|| names::department(&mut self.rng));
        let note = self.chance(25).then(|| names::note(&mut self.rng));
        let home_server = self.chance(10).then(|| format!("mail1.{domain}.example"));
        let birthday = self.chance(50).then(|| {
            let rng = &mut self.rng;
            (rng.random_range(1950..2006), rng.random_range(1..13), rng.random_range(1..29))
        });
        let photo = self.chance(12).then(|| self.rng.random());
        let profile = self.some_profile();
        let user = User {
            uuid: self.uuid(),
            primary: format!("{}@{domain}.example", person.login),
            person,
            aliases,
            context,
            ox,
            profile,
            phones,
            mobile,
            department,
            note,
            home_server,
            birthday,
            photo,
            style: self.rng.random(),
            alive: true,
            groups: BTreeSet::new(),
            accounts: BTreeSet::new(),
        };
        let index = self.users.len();
        self.users.push(user);
        if let Some(context) = context {
            self.residents.entry(context).or_default().insert(index);
        }
        index
    }

    /// Name of a profile, seldom `none`.
    pub(super) fn some_profile(&mut self) -> &'static str {
        match self.rng.random_range(0..20) {
            0 => "none",
            1..4 => "webmail",
            4..7 => "drive & mail",
            7..10 => "premium",
            _ => "groupware",
        }
    }

    /// Moves a user into a context; not yet written.
    pub(super) fn resettle(&mut self, user: usize, context: u32) {
        if let Some(old) = self.users[user].context.replace(context) {
            self.residents.entry(old).or_default().remove(&user);
        }
        self.residents.entry(context).or_default().insert(user);
    }

    /// A new group; not yet written.
    pub(super) fn new_group(&mut self, name: String, members: BTreeSet<usize>) -> usize {
        let index = self.groups.len();
        for member in &members {
            self.users[*member].groups.insert(index);
        }
        let uuid = self.uuid();
        self.groups.push(Group { uuid, name, ox: true, members, alive: true });
        index
    }

    /// A new functional account; not yet written.
    pub(super) fn new_account(&mut self, members: BTreeSet<usize>) -> usize {
        let name = self.names.desk(&mut self.rng);
        let index = self.accounts.len();
        for member in &members {
            self.users[*member].accounts.insert(index);
        }
        let personal = self.chance(70).then(|| format!("Büro \"{name}\""));
        let address = format!("{name}@dienste.example");
        let uuid = self.uuid();
        self.accounts.push(Account { uuid, name, address, personal, members, alive: true });
        index
    }

    /// A new resource; not yet written.
    pub(super) fn new_resource(&mut self, context: u32) -> usize {
        let name = self.names.thing(&mut self.rng, &names::firm(context));
        let shown = self.chance(80).then(|| format!("Gerät \"{name}\""));
        let description = self.chance(50).then(|| "Full HD & <HDMI>".to_owned());
        let address = format!("{name}@dinge.example");
        let uuid = self.uuid();
        let index = self.resources.len();
        let alive = true;
        self.resources.push(Resource { uuid, name, shown, description, address, context, alive });
        index
    }

    /// Writes a context.
    pub(super) fn emit_context(&mut self, context: u32) {
        let Some(now) = self.contexts.get(&context) else { return };
        let (uuid, object) = (now.uuid.clone(), render::context(context, now));
        self.push(&uuid, "oxmail/oxcontext", &render::context_dn(context), &object);
    }

    /// Takes a context away and writes that.
    pub(super) fn emit_context_gone(&mut self, context: u32) {
        let Some(old) = self.contexts.remove(&context) else { return };
        self.push(&old.uuid, "oxmail/oxcontext", &render::context_dn(context), &Value::Null);
    }

    /// Writes an access profile.
    pub(super) fn emit_profile(&mut self, index: usize) {
        let profile = &self.profiles[index];
        let (uuid, object) = (profile.uuid.clone(), render::profile(profile));
        let dn = render::profile_dn(profile.name);
        self.push(&uuid, "oxmail/accessprofile", &dn, &object);
    }

    /// Writes a user; a dead one as deleted.
    pub(super) fn emit_user(&mut self, index: usize) {
        let user = &self.users[index];
        let object = if user.alive { render::user(user, &self.groups) } else { Value::Null };
        let (uuid, dn) = (user.uuid.clone(), render::user_dn(user));
        self.push(&uuid, "users/user", &dn, &object);
    }

    /// Writes a group; a dead one as deleted.
    pub(super) fn emit_group(&mut self, index: usize) {
        let group = &self.groups[index];
        let object = if group.alive { render::group(group, &self.users) } else { Value::Null };
        let (uuid, dn) = (group.uuid.clone(), render::group_dn(group));
        self.push(&uuid, "groups/group", &dn, &object);
    }

    /// Writes a functional account; a dead one as deleted.
    pub(super) fn emit_account(&mut self, index: usize) {
        let account = &self.accounts[index];
        let object =
            if account.alive { render::account(account, &self.users) } else { Value::Null };
        let (uuid, dn) = (account.uuid.clone(), render::account_dn(account));
        self.push(&uuid, "oxmail/functional_account", &dn, &object);
    }

    /// Writes a resource; a dead one as deleted.
    pub(super) fn emit_resource(&mut self, index: usize) {
        let resource = &self.resources[index];
        let object = if resource.alive { render::resource(resource) } else { Value::Null };
        let (uuid, dn) = (resource.uuid.clone(), render::resource_dn(resource));
        self.push(&uuid, "oxresources/oxresources", &dn, &object);
    }

    fn push(&mut self, uuid: &str, kind: &str, dn: &str, object: &Value) {
        let options = if object.is_null() { Value::Null } else { json!(["default"]) };
        let content = json!({
            "id": uuid, "udm_object_type": kind, "dn": dn, "object": object, "options": options,
        });
        self.items.push(QueueItem { file: file_name(self.written), content });
        self.written += 1;
    }
}

/// Name of the queue file with that number. March has days enough for 265 million items.
fn file_name(number: u64) -> String {
    let time = START_US + number * ITEM_GAP_US;
    let (seconds, micros) = (time / 1_000_000, time % 1_000_000);
    let (minutes, hours) = (seconds / 60, seconds / 3_600);
    format!(
        "2026-03-{:02}-{:02}-{:02}-{:02}-{micros:06}.json",
        2 + hours / 24,
        hours % 24,
        minutes % 60,
        seconds % 60
    )
}
