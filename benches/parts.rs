//! What the parts cost, each for itself. Real time on a real machine: it prints and asserts nothing.
//!
//! ```text
//! cargo bench --bench parts               # all
//! cargo bench --bench parts -- xml cache  # those whose names hold one of the words
//! ```
//!
//! For each part: how often it was done, the mean, and how long 50 and 99 of 100 took at most.
#![expect(clippy::print_stdout, reason = "its report is its purpose")]

use std::collections::BTreeSet;
use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use drover::index::Index;
use drover::lanes::Lanes;
use drover::model::{
    ContextId, Dn, ItemName, ModuleAccess, ObjectId, ObjectKind, OxId, QueueFile, Secret,
    UserFields,
};
use drover::ox::{Credentials, parts};
use drover::plan::attributes::changed_fields;
use drover::plan::coalesce::fold;
use drover::route::{Identifiers, NewItem, Router};
use drover::store::{Beside, Change, MemoryStore, Placement, SqliteStore, Store};
use serde_json::json;

/// Each part is done for about so long.
const TIME: Duration = Duration::from_secs(1);
/// Numbers in the cache.
const CACHED: u32 = 2_000_000;
const CONTEXTS: u32 = 5_000;

struct Bench {
    only: Vec<String>,
}

impl Bench {
    fn wanted(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|word| name.contains(word.as_str()))
    }

    /// Does `part` over and over, for things whose number begins at 0.
    fn time<R>(&self, name: &str, mut part: impl FnMut(u32) -> R) {
        if !self.wanted(name) {
            return;
        }
        let mut took = Vec::new();
        let begun = Instant::now();
        let mut number = 0;
        while begun.elapsed() < TIME {
            let start = Instant::now();
            black_box(part(number));
            took.push(start.elapsed());
            number += 1;
        }
        took.sort_unstable();
        let at = |percent: usize| took.get(took.len() * percent / 100).copied().unwrap_or_default();
        let mean = took.iter().sum::<Duration>() / number.max(1);
        println!(
            "{name:<44}{number:>9} times  mean {mean:>10.2?}  p50 {:>10.2?}  p99 {:>10.2?}",
            at(50),
            at(99)
        );
    }
}

fn main() -> anyhow::Result<()> {
    let arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with('-'));
    let bench = Bench { only: arguments.collect() };
    xml(&bench)?;
    planning(&bench);
    routing(&bench)?;
    commits(&bench)?;
    cache(&bench)?;
    Ok(())
}

fn fields() -> UserFields {
    let mut fields = UserFields::new();
    for (name, text) in [
        ("name", "anna"),
        ("display_name", "Anna Müller"),
        ("given_name", "Anna"),
        ("sur_name", "Müller"),
        ("email1", "anna@school.example"),
        ("primaryEmail", "anna@school.example"),
        ("imapLogin", "anna@school.example"),
        ("imapServer", "imap.school.example"),
        ("smtpServer", "smtp.school.example"),
        ("language", "de_DE"),
        ("timezone", "Europe/Berlin"),
        ("department", "Abteilung 7 & 8"),
        ("telephone_business1", "+49 421 5550100"),
        ("password", "not-a-password"),
    ] {
        fields.set(name, text);
    }
    fields.set("aliases", vec!["anna@school.example".to_owned()]);
    fields.set("mailenabled", true);
    fields
}

fn xml(bench: &Bench) -> anyhow::Result<()> {
    let credentials = Credentials { login: "oxadmin".to_owned(), password: Secret::new("secret") };
    for (operation, write) in parts::writers(&fields(), 50, &credentials) {
        bench.time(&format!("xml write {operation}"), |_| write());
    }
    let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/soap");
    let user = recorded.join("OXUserService/getData-for-attributes.response.xml");
    let user = std::fs::read(user)?;
    bench.time("xml read OXUserService.getData", |_| parts::read_user(&user));
    let index = std::fs::read_to_string(recorded.join("index.tsv"))?;
    let mut seen = BTreeSet::new();
    for name in index.lines().skip(1).filter_map(|line| line.split('\t').next()) {
        let operation = name.split('-').next().unwrap_or(name).replace('/', ".");
        if bench.wanted(&format!("xml read {operation}")) && seen.insert(operation.clone()) {
            let answer = std::fs::read(recorded.join(format!("{name}.response.xml")))?;
            bench.time(&format!("xml read {operation} ({} bytes)", answer.len()), |_| {
                parts::read_any(&answer)
            });
        }
    }
    Ok(())
}

fn planning(bench: &Bench) {
    let (wanted, mut last) = (fields(), fields());
    bench.time("plan: nothing changed in a user", |_| changed_fields(&wanted, &last));
    last.set("telephone_business1", "+49 421 0");
    bench.time("plan: one field changed in a user", |_| changed_fields(&wanted, &last));
}

fn item(user: u32, version: u32) -> anyhow::Result<QueueFile> {
    let item = json!({
        "id": format!("id-{user}"), "udm_object_type": "users/user", "options": ["default"],
        "dn": format!("uid=u{user},cn=users,dc=school,dc=example"),
        "object": {
            "username": format!("u{user}"), "isOxUser": true, "oxContext": 1 + user % CONTEXTS,
            "firstname": "Anna", "lastname": "Müller", "oxDisplayName": format!("Anna {user}"),
            "oxAccess": "premium", "mailPrimaryAddress": format!("u{user}@school.example"),
            "phone": [format!("+49 421 {version}")],
        },
    });
    Ok(QueueFile::parse(&serde_json::to_vec(&item)?)?)
}

fn routing(bench: &Bench) -> anyhow::Result<()> {
    let identifiers = Identifiers {
        user: "username".to_owned(),
        group: "name".to_owned(),
        shared_account: "name".to_owned(),
    };
    let index = Index::load(&MemoryStore::new())?;
    let (mut router, mut lanes) = (Router::default(), Lanes::default());
    let items = (0..50_000).map(|user| item(user, 0)).collect::<anyhow::Result<Vec<_>>>()?;
    let mut place = 0_u32;
    bench.time("route an item, up to 50,000 pending", |number| {
        let Some(file) = items.get(usize::try_from(number).unwrap_or(0) % items.len()) else {
            return;
        };
        if number % 50_000 == 0 {
            (router, lanes) = (Router::default(), Lanes::default());
        }
        place += 1;
        let name =
            format!("2025-01-01-00-00-{:02}-{:06}.json", place / 1_000_000 % 60, place % 1_000_000);
        let identity = identifiers.identity(file);
        let item = NewItem { name: ItemName::new(&name), file, identity, also: BTreeSet::new() };
        black_box(router.route(&mut lanes, &index, item, ()));
    });
    let (first, second) = (item(1, 0)?, item(1, 1)?);
    let (first, second) = (identifiers.identity(&first), identifiers.identity(&second));
    bench.time("coalesce: may one change take another's place", |_| fold(&first, &second));
    let bytes =
        std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("config/AttributeMapping.json"))?;
    bench.time("parse JSON of 10 kB, for comparison", |_| {
        serde_json::from_slice::<serde_json::Value>(&bytes).is_ok()
    });
    let text = serde_json::to_vec(&json!({
        "id": "id-1", "udm_object_type": "users/user", "options": [],
        "dn": "uid=u1,cn=users,dc=school,dc=example",
        "object": {"username": "u1", "isOxUser": true, "oxContext": 1, "firstname": "Anna",
                   "lastname": "Müller", "mailPrimaryAddress": "u1@school.example"},
    }))?;
    bench.time("parse a queue file", |_| QueueFile::parse(&text).is_ok());
    Ok(())
}

/// What a user's change brings into the memory.
fn changes(user: u32) -> Vec<Change> {
    let id = ObjectId::new(&format!("id-{user}"));
    let context = ContextId(1 + user % CONTEXTS);
    let dn = Dn::new(&format!("uid=u{user},cn=users,dc=school,dc=example"));
    let placement = Placement::User {
        ox: OxId(3 + user),
        name: format!("u{user}"),
        fields: fields(),
        access: Some(ModuleAccess::NONE),
        beside: Beside::default(),
    };
    let object = Change::PutObject {
        id: id.clone(),
        kind: ObjectKind::User,
        dn,
        properties: Some(serde_json::Map::new()),
        members: Vec::new(),
    };
    vec![object, Change::PutPlacement { id, context, placement }]
}

fn commits(bench: &Bench) -> anyhow::Result<()> {
    if !bench.wanted("store commit") {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    for many in [1, 32, 512] {
        let store = SqliteStore::open(&folder.path().join(format!("{many}.db")))?;
        bench.time(&format!("store commit of {many} users' changes"), |number| {
            let commits: Vec<_> = (0..many).map(|each| changes(number * many + each)).collect();
            store.commit(&commits).is_ok()
        });
    }
    Ok(())
}

fn cache(bench: &Bench) -> anyhow::Result<()> {
    let name = "cache look-up of a member by DN";
    if !bench.wanted(name) {
        return Ok(());
    }
    let index = Index::load(&MemoryStore::new())?;
    for user in 0..CACHED {
        for change in changes(user) {
            index.learn(&change);
        }
    }
    bench.time(&format!("{name}, of {} million", CACHED / 1_000_000), |number| {
        let user = number.wrapping_mul(2_654_435_761) % CACHED;
        let dn = Dn::new(&format!("uid=u{user},cn=users,dc=school,dc=example"));
        let id = index.by_dn(dn.key())?;
        index.ox_id(&id, ContextId(1 + user % CONTEXTS))
    });
    Ok(())
}
