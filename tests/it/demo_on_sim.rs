//! The demo's workload against the simulator, without the engine: what the oracle says is written
//! into the simulator by hand-made SOAP calls, and the judge must find it there. So the oracle asks
//! for nothing that OX refuses, and the judge reads the simulator's state and log rightly.

#![expect(clippy::unwrap_used, reason = "a panic is the report of a test")]

use std::collections::BTreeMap;
use std::fmt::Write;

use drover::demo::judge::{Call, order, overlaps, ox_state};
use drover::demo::{Defaults, Directory, Params, Report, Workload, compare};
use serde_json::Value;

/// All 26 rights, for OX takes those that are not sent for given.
const RIGHTS: [&str; 26] = [
    "OLOX20",
    "USM",
    "activeSync",
    "calendar",
    "collectEmailAddresses",
    "contacts",
    "delegateTask",
    "deniedPortal",
    "editGroup",
    "editPassword",
    "editPublicFolders",
    "editResource",
    "globalAddressBookDisabled",
    "ical",
    "infostore",
    "multipleMailAccounts",
    "publicFolderEditable",
    "publication",
    "readCreateSharedFolders",
    "subscription",
    "syncml",
    "tasks",
    "vcard",
    "webdav",
    "webdavXml",
    "webmail",
];

const NAMESPACES: &str = "xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
     xmlns:o=\"http://soap.admin.openexchange.com\" \
     xmlns:d=\"http://dataobjects.soap.admin.openexchange.com/xsd\" \
     xmlns:r=\"http://dataobjects.rmi.admin.openexchange.com/xsd\"";

/// A simulator, and whom to ask as.
struct Ox {
    simulator: drover::sim::Handle,
    http: reqwest::Client,
    master: (String, String),
}

impl Ox {
    fn start() -> Self {
        let config = drover::sim::Config::default();
        let master = config.master.clone();
        let simulator = drover::sim::start(config).unwrap();
        Self { simulator, http: reqwest::Client::new(), master }
    }

    /// Calls an operation and insists on success; answers the envelope.
    async fn call(
        &self,
        service: &str,
        operation: &str,
        body: &str,
        (login, password): &(String, String),
    ) -> String {
        let auth = format!("<r:login>{login}</r:login><r:password>{password}</r:password>");
        let envelope = format!(
            "<s:Envelope {NAMESPACES}><s:Body><o:{operation}>{body}<o:auth>{auth}</o:auth>\
             </o:{operation}></s:Body></s:Envelope>"
        );
        let url = format!("{}/webservices/{service}", self.simulator.base_url());
        let request = self.http.post(url).header("Content-Type", "text/xml; charset=utf-8");
        let answer = request.body(envelope).send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_success(), "{service}.{operation} {body}: {text}");
        text
    }

    fn calls(&self) -> Vec<Call> {
        self.simulator.log().iter().map(Call::from).collect()
    }
}

/// One element of an object, escaped.
fn field(name: &str, value: &str) -> String {
    let mut text = String::new();
    for c in value.chars() {
        match c {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            c => text.push(c),
        }
    }
    format!("<d:{name}>{text}</d:{name}>")
}

fn fields(object: &Value, names: &[&str]) -> String {
    let text = |name: &&&str| object[**name].as_str().is_some_and(|text| !text.is_empty());
    names.iter().filter(text).map(|name| field(name, object[*name].as_str().unwrap())).collect()
}

fn list(value: &Value) -> impl Iterator<Item = &str> {
    value.as_array().unwrap().iter().map(|value| value.as_str().unwrap())
}

/// Writes a whole expected state into an OX without contexts.
async fn write_state(ox: &Ox, expected: &Value) {
    for (context, state) in expected["contexts"].as_object().unwrap() {
        let admin = format!("oxadmin-context{context}");
        let quota = state["maxQuota"].as_i64().unwrap_or(-1).to_string();
        let ctx = field("id", context)
            + &field("maxQuota", &quota)
            + &field("name", state["name"].as_str().unwrap());
        let address = format!("{admin}@admin.example");
        let admin_user = [
            ("display_name", "OX Admin"),
            ("email1", &address),
            ("given_name", "OX"),
            ("name", &admin),
            ("password", "secret"),
            ("primaryEmail", &address),
            ("sur_name", "Admin"),
        ]
        .map(|(name, value)| field(name, value))
        .concat();
        let body = format!("<o:ctx>{ctx}</o:ctx><o:admin_user>{admin_user}</o:admin_user>");
        ox.call("OXContextService", "create", &body, &ox.master.clone()).await;
        write_context(ox, context, &admin, state).await;
    }
}

async fn write_context(ox: &Ox, context: &str, admin: &str, state: &Value) {
    let auth = (admin.to_owned(), "secret".to_owned());
    let ctx = format!("<o:ctx>{}</o:ctx>", field("id", context));
    let mut ids: BTreeMap<&str, String> = BTreeMap::new();
    for (login, user) in state["users"].as_object().unwrap() {
        let mut data = fields(
            user,
            &[
                "birthday",
                "cellular_telephone1",
                "cellular_telephone2",
                "defaultSenderAddress",
                "department",
                "display_name",
                "email1",
                "given_name",
                "imapServer",
                "name",
                "note",
                "primaryEmail",
                "sur_name",
                "telephone_business1",
                "telephone_business2",
            ],
        );
        data += &field("password", "secret");
        data += &field("mailenabled", &user["mailenabled"].to_string());
        list(&user["aliases"]).for_each(|alias| data += &field("aliases", alias));
        let granted: Vec<&str> = list(&user["rights"]).collect();
        let access: String =
            RIGHTS.iter().map(|right| field(right, &granted.contains(right).to_string())).collect();
        let body = format!("{ctx}<o:usrdata>{data}</o:usrdata><o:access>{access}</o:access>");
        let answer = ox.call("OXUserService", "createByModuleAccess", &body, &auth).await;
        ids.insert(login, id_in(&answer));
    }
    for (name, group) in state["groups"].as_object().unwrap() {
        let mut data = field("displayname", name) + &field("name", name);
        list(&group["members"]).for_each(|login| data += &field("members", &ids[login]));
        ox.call("OXGroupService", "create", &format!("{ctx}<o:grp>{data}</o:grp>"), &auth).await;
    }
    for (name, resource) in state["resources"].as_object().unwrap() {
        let data =
            fields(resource, &["description", "displayname", "email"]) + &field("name", name);
        ox.call("OXResourceService", "create", &format!("{ctx}<o:res>{data}</o:res>"), &auth).await;
    }
    for (login, user) in state["users"].as_object().unwrap() {
        for account in user["accounts"].as_array().unwrap() {
            let data = fields(account, &["login", "name", "personal"])
                + &field("mailEndpointSource", "primary")
                + &field("primaryAddress", account["address"].as_str().unwrap());
            let mut body = format!("<o:accountDataOnCreate>{data}</o:accountDataOnCreate>");
            write!(body, "<o:context>{}</o:context>", field("id", context)).unwrap();
            write!(body, "<o:users>{}</o:users>", field("id", &ids[login.as_str()])).unwrap();
            ox.call("OXSecondaryAccountService", "create", &body, &auth).await;
        }
    }
}

/// The first id in an answer.
fn id_in(answer: &str) -> String {
    let rest = answer.split_once(":id>").or_else(|| answer.split_once("<id>")).unwrap().1;
    rest.split_once('<').unwrap().0.to_owned()
}

fn workload(contexts: u32, users: u32) -> (Workload, Value, Value) {
    let workload = Workload::generate(Params { contexts, users, seed: 11 });
    let defaults = Defaults { default_context: 10, imap_host: "mail.stadt.example".to_owned() };
    let mut directory = Directory::new(defaults);
    directory.apply_all(workload.phases[0].iter().map(|item| &item.content));
    let first = directory.expected_state();
    directory.apply_all(workload.phases[1].iter().map(|item| &item.content));
    (workload, first, directory.expected_state())
}

#[tokio::test]
async fn what_the_oracle_asks_for_can_be_in_ox_and_is_found_there() {
    let (_, first, last) = workload(4, 25);
    for expected in [first, last] {
        let ox = Ox::start();
        write_state(&ox, &expected).await;
        let found = compare(&expected, &ox_state(&ox.simulator.state()));
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found, [] as [&str; 0]);
    }
}

#[tokio::test]
async fn what_is_wrong_in_ox_is_found() {
    let (_, first, last) = workload(2, 10);
    let ox = Ox::start();
    write_state(&ox, &first).await;
    let state = ox_state(&ox.simulator.state());
    let kinds: std::collections::BTreeSet<&str> =
        compare(&last, &state).iter().map(|difference| difference.kind).collect();
    assert_eq!(
        kinds.into_iter().collect::<Vec<_>>(),
        ["account", "context", "group", "resource", "user"]
    );
}

#[tokio::test]
async fn the_log_tells_of_disorder_and_overlaps_only_where_they_are() {
    let (workload, first, _) = workload(2, 4);
    let ox = Ox::start();
    write_state(&ox, &first).await;
    let calls = ox.calls();
    assert_eq!(overlaps(&calls), []);
    // By name, not in queue order, is how they were written.
    let items: Vec<&Value> = workload.phases[0].iter().map(|item| &item.content).collect();
    let blamed = order(&calls, std::slice::from_ref(&items));
    assert!(!blamed.is_empty());
    assert!(blamed.iter().all(|disorder| disorder.what.contains("earlier in the queue")));
    // The same calls against a queue that has their order.
    let mut sorted = items.clone();
    let rank = |item: &&Value| {
        let name = ["username", "name"].iter().find_map(|name| item["object"][*name].as_str());
        calls.iter().position(|call| call.name.as_deref() == name && name.is_some())
    };
    sorted.sort_by_key(rank);
    assert_eq!(order(&calls, &[sorted]), []);

    let mut report = Report::default();
    report.count_items(items);
    report.count_calls(&calls);
    report.judge(&first, &ox.simulator.state(), &calls, &workload.contents());
    let found = (report.differences.len(), report.overlaps.len(), report.disorders.len());
    assert_eq!(found, (0, 0, blamed.len()));
    let text = report.to_string();
    assert!(text.contains("OXUserService.createByModuleAccess"), "{text}");
}

#[tokio::test]
async fn calls_side_by_side_in_one_context_are_an_overlap() {
    let ox = Ox::start();
    ox.simulator.seed_context(&drover::sim::SeedContext::new(7)).unwrap();
    ox.simulator.set_latency(None, drover::sim::Latency::FixedMs(30.0));
    let auth = ("oxadmin".to_owned(), "secret".to_owned());
    let body = format!("<o:ctx>{}</o:ctx>", field("id", "7"));
    let list = || ox.call("OXUserService", "listAll", &body, &auth);
    let _ = tokio::join!(list(), list());
    assert_eq!(overlaps(&ox.calls()).len(), 1);
    ox.simulator.clear_log();
    list().await;
    list().await;
    assert_eq!(overlaps(&ox.calls()), []);
}
