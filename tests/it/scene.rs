//! What tests of the real binary have in common beside the world itself: somebody who works in OX by
//! hand, and ways to look closer.

use std::future::Future;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use drover::model::{ContextId, FieldValue, ModuleAccess, OxId, Secret, UserFields};
use drover::ox::{
    Account, ClientSettings, CredentialSource, Credentials, GroupData, OxApi, ResourceData,
    SoapClient, Target,
};
use serde_json::{Map, Value, json};

use crate::world::{MASTER_PASSWORD, Run, World, item, with};

struct Keys(Value);

impl CredentialSource for Keys {
    fn credentials(&self, account: Account) -> Result<Option<Credentials>, String> {
        let entry = match account {
            Account::Master => &self.0["master"],
            Account::Context(context) => &self.0[context.to_string()],
        };
        let text = |name: &str| entry[name].as_str().map(str::to_owned);
        Ok(text("adminuser")
            .zip(text("adminpass"))
            .map(|(login, password)| Credentials { login, password: Secret::new(password) }))
    }
}

/// Somebody with the credentials file who works in OX by hand.
pub struct ByHand {
    pub ox: SoapClient,
    runtime: tokio::runtime::Runtime,
}

impl ByHand {
    pub fn of(world: &World) -> Self {
        let url = world.sim.base_url().parse().unwrap();
        let keys = Arc::new(Keys(world.credentials()));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let ox = SoapClient::new(&ClientSettings::new(url), keys, None).unwrap();
        Self { ox, runtime }
    }

    pub fn run<T>(&self, call: impl Future<Output = T>) -> T {
        self.runtime.block_on(call)
    }

    /// A user who is in no directory, with an address `hand-<name>@heide.example`.
    pub fn create_user(&self, context: u32, name: &str) -> OxId {
        let mut fields = UserFields::new();
        let address = format!("hand-{name}@heide.example");
        for (field, value) in [
            ("name", name),
            ("display_name", name),
            ("given_name", "By"),
            ("sur_name", "Hand"),
            ("password", "by-hand"),
            ("primaryEmail", &address),
            ("email1", &address),
        ] {
            fields.set(field, value);
        }
        let rights = ModuleAccess::from_words(["webmail", "contacts"]).unwrap();
        self.run(self.ox.user_create(ContextId(context), &fields, rights)).unwrap()
    }

    pub fn change_user(&self, context: u32, name: &str, field: &str, value: impl Into<FieldValue>) {
        let mut fields = UserFields::new();
        assert!(fields.set(field, value));
        let user = Target::Name(name.to_owned());
        self.run(self.ox.user_change(ContextId(context), &user, &fields)).unwrap();
    }

    pub fn delete_user(&self, context: u32, name: &str) {
        let user = Target::Name(name.to_owned());
        self.run(self.ox.user_delete(ContextId(context), &user, None)).unwrap();
    }

    pub fn create_group(&self, context: u32, name: &str, members: &[OxId]) -> OxId {
        let (name, display_name) = (name.to_owned(), name.to_owned());
        let data = GroupData { name, display_name, members: members.to_vec() };
        self.run(self.ox.group_create(ContextId(context), &data)).unwrap()
    }

    pub fn create_resource(&self, context: u32, name: &str) -> OxId {
        let data = ResourceData {
            name: Some(name.to_owned()),
            display_name: Some("by hand".to_owned()),
            description: Some(String::new()),
            email: Some(format!("hand-{name}@heide.example")),
            available: Some(true),
        };
        self.run(self.ox.resource_create(ContextId(context), &data)).unwrap()
    }

    /// Locks everybody out of a context.
    pub fn disable_context(&self, world: &World, context: u32) {
        let envelope = format!(
            "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
             xmlns:o=\"http://soap.admin.openexchange.com\" \
             xmlns:d=\"http://dataobjects.soap.admin.openexchange.com/xsd\" \
             xmlns:r=\"http://dataobjects.rmi.admin.openexchange.com/xsd\"><s:Body>\
             <o:disable><o:ctx><d:id>{context}</d:id></o:ctx><o:auth><r:login>oxadminmaster\
             </r:login><r:password>{MASTER_PASSWORD}</r:password></o:auth></o:disable>\
             </s:Body></s:Envelope>"
        );
        let url = format!("{}/webservices/OXContextService", world.sim.base_url());
        let request = reqwest::Client::new().post(url).header("Content-Type", "text/xml");
        let answer = self.run(request.body(envelope).send()).unwrap();
        assert!(answer.status().is_success());
    }

    pub fn delete_context(&self, context: u32) {
        self.run(self.ox.context_delete(ContextId(context))).unwrap();
    }
}

/// Listens in on what a world's drover sends from now on.
pub struct Wire(Arc<Mutex<Vec<u8>>>);

impl Wire {
    pub fn of(world: &mut World) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        world.env.insert("OX_SOAP_SERVER".to_owned(), address);
        let (heard, ox) = (Arc::new(Mutex::new(Vec::new())), world.sim.addr());
        let record = heard.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let (mut server, record) = (TcpStream::connect(ox).unwrap(), record.clone());
                let mut back = (server.try_clone().unwrap(), client.try_clone().unwrap());
                std::thread::spawn(move || std::io::copy(&mut back.0, &mut back.1));
                std::thread::spawn(move || listen(client, &mut server, &record));
            }
        });
        Self(heard)
    }

    /// What was sent since the last time.
    pub fn heard(&self) -> String {
        String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
    }
}

fn listen(mut client: TcpStream, server: &mut TcpStream, record: &Mutex<Vec<u8>>) {
    let mut buffer = [0; 8192];
    while let Ok(length @ 1..) = client.read(&mut buffer) {
        record.lock().unwrap().extend_from_slice(&buffer[..length]);
        if server.write_all(&buffer[..length]).is_err() {
            return;
        }
    }
    let _ = server.shutdown(std::net::Shutdown::Write);
}

/// Everything the simulator holds of a user.
pub fn raw_user(world: &World, context: u32, name: &str) -> Value {
    world.sim.state()["contexts"][context.to_string()]["users"][name].clone()
}

/// A field of a user; empty if it is not set.
pub fn field(world: &World, context: u32, name: &str, field: &str) -> String {
    let user = raw_user(world, context, name);
    assert!(user.is_object(), "{name} is not in context {context}");
    user["fields"][field].as_str().unwrap_or_default().to_owned()
}

/// OX's number of a user, group or resource (`part`).
pub fn number(world: &World, context: u32, part: &str, name: &str) -> u64 {
    let state = world.sim.state();
    let found = &state["contexts"][context.to_string()][part][name]["id"];
    found.as_u64().unwrap_or_else(|| panic!("no {part} {name} in context {context}"))
}

/// Sorted rights of a user.
pub fn rights(world: &World, context: u32, name: &str) -> Vec<String> {
    texts(&raw_user(world, context, name)["rights"])
}

/// A group's members; none if the group is not there.
pub fn members(world: &World, context: u32, group: &str) -> Option<Vec<String>> {
    let group = world.context(context)["groups"][group].clone();
    group.is_object().then(|| texts(&group["members"]))
}

/// Functional accounts of a user: address and login, sorted.
pub fn accounts(world: &World, context: u32, user: &str) -> Vec<(String, String)> {
    let user = raw_user(world, context, user);
    let accounts = user["accounts"].as_array().unwrap_or_else(|| panic!("no user {user}"));
    let text = |account: &Value, name: &str| account[name].as_str().unwrap_or_default().to_owned();
    accounts.iter().map(|one| (text(one, "address"), text(one, "login"))).collect()
}

pub fn texts(list: &Value) -> Vec<String> {
    let list = list.as_array().unwrap_or_else(|| panic!("no list: {list}"));
    let mut texts: Vec<String> = list.iter().map(|t| t.as_str().unwrap().to_owned()).collect();
    texts.sort();
    texts
}

/// Puts files into the queue under the next names, and has them provisioned.
pub struct Batches<'a> {
    pub world: &'a World,
    next: u32,
}

impl<'a> Batches<'a> {
    pub fn of(world: &'a World) -> Self {
        Self { world, next: 0 }
    }

    /// Under names that come after those of earlier batches.
    pub fn later(world: &'a World) -> Self {
        Self { world, next: 1000 }
    }

    /// Puts them, in this order.
    pub fn put(&mut self, items: impl IntoIterator<Item = Value>) {
        for item in items {
            self.next += 1;
            self.world.put(&crate::world::file(self.next), &item);
        }
    }

    /// Has a batch provisioned, all of which must succeed.
    pub fn done(&mut self, items: impl IntoIterator<Item = Value>) -> Run {
        self.put(items);
        self.world.provision()
    }

    /// The calls that a batch takes.
    pub fn calls(&mut self, items: impl IntoIterator<Item = Value>) -> Vec<String> {
        self.world.sim.clear_log();
        self.done(items);
        self.world.calls()
    }

    /// A batch of which something must stand still.
    pub fn faulty(&mut self, items: impl IntoIterator<Item = Value>) -> Run {
        self.put(items);
        let run = self.world.run_once();
        assert_eq!(run.code, 3, "{}\n{}", run.stdout, run.log);
        run
    }
}

/// Log lines with this level (`WARN`), as JSON.
pub fn lines(run: &Run, level: &str) -> Vec<Value> {
    let lines = run.log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["level"] == level).collect()
}

/// Whether one warning holds all of these.
pub fn warns(run: &Run, parts: &[&str]) -> bool {
    let lines = lines(run, "WARN");
    lines.iter().map(Value::to_string).any(|line| parts.iter().all(|part| line.contains(part)))
}

/// Asserts that a text holds all of these.
#[track_caller]
pub fn assert_holds(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no {part:?} in: {text}");
    }
}

/// An access profile with these rights.
pub fn profile(name: &str, words: &[&str]) -> Value {
    let mut object = Map::from_iter([("name".to_owned(), json!(name))]);
    object.extend(words.iter().map(|word| ((*word).to_owned(), json!("TRUE"))));
    item(
        "oxmail/accessprofile",
        &format!("profile-{name}"),
        &format!("cn={name},cn=accessprofiles,dc=heide,dc=example"),
        Value::Object(object),
    )
}

/// A user with these addresses in `heide.example`, the first one primary.
pub fn mail(item: Value, primary: &str, others: &[&str]) -> Value {
    let primary = format!("{primary}@heide.example");
    let others: Vec<String> = others.iter().map(|o| format!("{o}@heide.example")).collect();
    with(item, json!({"mailPrimaryAddress": primary, "mailAlternativeAddress": others}))
}

/// The same object under another DN.
pub fn at(mut item: Value, dn: &str) -> Value {
    item["dn"] = json!(dn);
    item
}

/// The same object under another id.
pub fn identified(mut item: Value, id: &str) -> Value {
    item["id"] = json!(id);
    item
}
