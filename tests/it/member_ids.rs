//! The member-id cache: rebuilt while it serves, and not trusted once a number is another's.

use std::sync::{Arc, RwLock};

use drover::clock::SystemClock;
use drover::index::{CacheStats, Index};
use drover::model::{ContextId, Dn, ObjectId, ObjectKind, OxId, UserFields};
use drover::plan::attributes::Mapping;
use drover::plan::entitlement::ProfileBook;
use drover::provision::members::Members;
use drover::provision::rebuild::{CHUNK, Rebuild, Rebuilt};
use drover::provision::{
    Coverage, Env, Failure, MemberLookup, MemberResolver, RecordError, Recorder,
};
use drover::store::{Change, Commit, MemoryStore, Placement, Store};
use futures_util::future::BoxFuture;
use serde_json::json;

use crate::fakes::{Bench, NoProfileFile};
use crate::scene::{Batches, ByHand, field, members, number, warns};
use crate::town::{assert_as_told, empty_world, put_all, workload};
use crate::world::{World, account, context, group, user, with};

/// Commits at once, into memory and index.
struct AtOnce(Arc<MemoryStore>, Arc<Index>);

impl Recorder for AtOnce {
    fn record(
        &self,
        commit: Commit,
        _: Option<Coverage>,
    ) -> BoxFuture<'static, Result<(), RecordError>> {
        for change in &commit {
            self.1.learn(change);
        }
        let done = self.0.commit(&[commit]).map_err(|error| RecordError(error.to_string()));
        Box::pin(async { done })
    }
}

/// A rebuild never asks for members.
struct Nobody;

impl MemberLookup for Nobody {
    fn look_up(
        &self,
        _: ContextId,
        _: ObjectId,
    ) -> BoxFuture<'static, Result<Option<OxId>, Arc<Failure>>> {
        unreachable!()
    }
}

impl MemberResolver for Nobody {
    fn resolve(&self, _: ContextId, _: Vec<Dn>) -> BoxFuture<'static, Result<Members, Failure>> {
        unreachable!()
    }
}

const HERE: ContextId = ContextId(10);

fn id(number: u32) -> ObjectId {
    ObjectId::new(&format!("id-{number}"))
}

fn fields(number: u32) -> UserFields {
    let mut fields = UserFields::new();
    fields.set("name", format!("u{number}"));
    fields.set("department", "as remembered");
    fields
}

/// So many users in context 10, remembered with the numbers 10, 11 …
fn env(bench: &Bench, users: u32) -> Env {
    let mut commit = Commit::new();
    for number in 0..users {
        commit.push(Change::PutObject {
            id: id(number),
            kind: ObjectKind::User,
            dn: Dn::new(&format!("uid=u{number},dc=x")),
            properties: json!({"isOxUser": "OK", "oxContext": 10}).as_object().cloned(),
            members: Vec::new(),
        });
        let (ox, name, fields) = (OxId(number + 10), format!("u{number}"), fields(number));
        let placement = Placement::User {
            ox,
            name,
            fields,
            access: None,
            beside: drover::store::Beside::default(),
        };
        commit.push(Change::PutPlacement { id: id(number), context: HERE, placement });
    }
    bench.store.commit(&[commit]).unwrap();
    let index = Arc::new(Index::load(bench.store.as_ref()).unwrap());
    Env {
        ox: Arc::new(bench.ox.clone()),
        store: bench.store.clone(),
        store_blocks: false,
        queue: bench.queue.clone(),
        index: index.clone(),
        book: Arc::new(RwLock::new(ProfileBook::new([], []))),
        mapping: Arc::new(Mapping::default()),
        policy: bench.policy(),
        vault: bench.vault.clone(),
        profile_file: Arc::new(NoProfileFile),
        recorder: Arc::new(AtOnce(bench.store.clone(), index)),
        members: Arc::new(Nobody),
        groups: Arc::new(Nobody),
        aside: drover::provision::aside::Aside::default(),
        clock: Arc::new(SystemClock),
    }
}

// CAC-03, CAC-04, CON-16
#[test]
fn a_rebuild_goes_chunk_by_chunk_and_old_numbers_are_served_until_a_user_s_turn_comes() {
    crate::engine::paused(async {
        let bench = Bench::new();
        let env = env(&bench, 625);
        // Every number is another; user 7 is gone.
        let there = (0..625).filter(|n| *n != 7).map(|n| (OxId(n + 20_000), fields(n)));
        bench.ox.furnish(10, there, []);
        let served = |number: u32| env.index.ox_id(&id(number), HERE);
        let renewed = || (0..625).filter(|n| served(*n) == Some(OxId(n + 20_000))).count();
        let mut rebuild = Rebuild::begin(&env, HERE);
        let mut more = true;
        for chunk in 1..=3 {
            assert!(more);
            let known = (0..625).filter(|n| served(*n).is_some()).count();
            assert!(known >= 624, "everybody is served while it goes on");
            more = rebuild.chunk(&env).await.unwrap();
            let through = (chunk * CHUNK).min(625);
            assert_eq!(rebuild.left(), 625 - through);
            assert!(renewed() == through || renewed() == through - 1);
        }
        assert!(!more);
        assert_eq!(rebuild.found(), Rebuilt { kept: 0, renumbered: 624, gone: 1 });
        assert_eq!(served(7), None);
        assert_eq!(env.store.object(&id(7)).unwrap().unwrap().placements.len(), 0);
        let stats = env.index.cache_stats();
        let expected = CacheStats { size: 624, wrong: 625, rebuilds: 1, ..CacheStats::default() };
        assert_eq!(stats, expected);
        // Three chunks, and halves down to the one who is missing.
        let calls = bench.ox.log().len();
        assert!((3..=3 + 2 * 10).contains(&calls), "{calls} calls");
        // Nothing changes: three calls and nothing to write.
        let again = drover::provision::rebuild::rebuild(&env, HERE).await.unwrap();
        assert_eq!(again, Rebuilt { kept: 624, ..Rebuilt::default() });
        assert_eq!(bench.ox.log().len(), calls + 3);
    });
}

// CAC-03: a chunk that fails is tried again, and nothing is lost.
#[test]
fn a_chunk_that_ox_does_not_answer_is_next_again() {
    crate::engine::paused(async {
        let bench = Bench::new();
        let env = env(&bench, 300);
        bench.ox.furnish(10, (0..300).map(|n| (OxId(n + 20_000), fields(n))), []);
        let mut rebuild = Rebuild::begin(&env, HERE);
        assert!(rebuild.chunk(&env).await.unwrap());
        bench.ox.set_down(true);
        assert!(rebuild.chunk(&env).await.is_err());
        assert_eq!(rebuild.left(), 50);
        bench.ox.set_down(false);
        assert!(!rebuild.chunk(&env).await.unwrap());
        assert_eq!(rebuild.found(), Rebuilt { renumbered: 300, ..Rebuilt::default() });
    });
}

/// Users of context 10 get each other's numbers, as after a restore: all are deleted and made again
/// in another order, with a stranger among them.
fn restore(world: &World, names: &[&str]) {
    let by_hand = ByHand::of(world);
    for name in names {
        by_hand.delete_user(10, name);
    }
    by_hand.create_user(10, "stranger");
    for name in names.iter().rev() {
        by_hand.create_user(10, name);
    }
}

// CAC-06
/// Rules: D9, D10
#[test]
fn a_number_that_is_another_s_is_noticed_and_all_of_the_context_are_looked_up_anew() {
    let world = World::new();
    let mut batches = Batches::of(&world);
    let names = ["anna", "bert", "carla"];
    batches.done(names.map(|name| user(name, 10)));
    batches.done([group("team", &names), account("help", &["bert"])]);
    restore(&world, &names);
    // Noticed by a rename, which has to ask.
    let run = batches.done([with(user("anna", 10), json!({"username": "anne"}))]);
    assert!(warns(&run, &["other numbers", "restore"]), "{}", run.log);
    assert!(run.log.contains("looked up anew"), "{}", run.log);
    assert_eq!(world.users(10), ["anne", "bert", "carla", "stranger"]);
    assert_eq!(members(&world, 10, "team").unwrap(), ["anne", "bert", "carla"]);
    // From here on all numbers are right: what is done by them hits whom it should.
    let by_hand = ByHand::of(&world);
    by_hand.change_user(10, "bert", "department", "kept");
    batches.done([context(20), user("bert", 20)]);
    assert_eq!(world.users(20), ["bert"]);
    assert_eq!(field(&world, 20, "bert", "department"), "kept", "copied by number, and it was his");
    assert_eq!(members(&world, 10, "team").unwrap(), ["anne", "carla"]);
}

// CAC-06: by a member's number that OX does not know any more.
#[test]
fn a_member_under_another_number_leads_to_the_same() {
    let world = World::new();
    let mut batches = Batches::of(&world);
    let names = ["anna", "bert", "carla", "dora"];
    batches.done(names.map(|name| user(name, 10)));
    batches.done([group("team", &names[..2])]);
    restore(&world, &names);
    let run = batches.done([group("team", &names)]);
    assert!(warns(&run, &["other numbers"]), "{}", run.log);
    assert_eq!(members(&world, 10, "team").unwrap(), names);
    let [anna, stranger] = ["anna", "stranger"].map(|name| number(&world, 10, "users", name));
    assert!(stranger < anna);
}

/// Operations that change nothing.
fn is_question(operation: &str) -> bool {
    ["get", "list", "exists"].iter().any(|start| operation.starts_with(start))
}

// CAC-14
#[test]
fn no_question_of_a_whole_workload_is_answered_with_a_fault() {
    let world = empty_world(drover::sim::Config::default());
    let workload = workload(3, 12, 29);
    for phase in &workload.phases {
        put_all(&world, phase);
        world.provision();
    }
    assert_as_told(&world, workload.items());
    let log = world.sim.log();
    let questions: Vec<_> = log.iter().filter(|call| is_question(call.operation)).collect();
    assert!(questions.len() > 3, "some are asked: {}", questions.len());
    let faults: Vec<_> = questions.iter().filter(|call| call.fault_text.is_some()).collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

// CAC-14: also for members who should be there and are not, and for a name that is to be free.
/// Rules: 5.3
#[test]
fn who_may_be_absent_is_asked_for_without_a_fault() {
    let world = World::new();
    let mut batches = Batches::of(&world);
    batches.done([context(20), user("anna", 10), user("bert", 10)]);
    let by_hand = ByHand::of(&world);
    by_hand.delete_user(10, "bert");
    world.sim.clear_log();
    batches.done([user("anna", 20), group("team", &["anna", "bert"])]);
    let log = world.sim.log();
    let faults = log.iter().filter(|call| is_question(call.operation) && call.fault_text.is_some());
    assert_eq!(faults.count(), 0, "{log:#?}");
}

// CAC-07
#[test]
fn hits_and_misses_are_counted() {
    let bench = Bench::new();
    let env = Arc::new(env(&bench, 3));
    let dns: Vec<Dn> = (0..3).map(|n| Dn::new(&format!("uid=u{n},dc=x"))).collect();
    crate::engine::paused(async move {
        let found = drover::provision::members::members_in(&env, HERE, &dns).await.unwrap();
        assert_eq!(found.there.len(), 3);
        let stats = env.index.cache_stats();
        assert_eq!((stats.hits, stats.misses, stats.size), (3, 0, 3));
    });
}

/// Answers every look-up of many with full users as OX tells them; one connection at a time.
fn ox_with_everybody() -> std::net::SocketAddr {
    use std::io::{BufRead, BufReader, Read, Write};

    let recorded = include_str!("../fixtures/soap/OXUserService/getMultipleData-ok.response.xml");
    let (head, rest) = recorded.split_once("<return").unwrap();
    let (user, _) = rest.split_once("</return>").unwrap();
    let tail = &recorded[recorded.rfind("</return>").unwrap() + "</return>".len()..];
    let (before, after) = user.split_once(":name>").unwrap();
    let after = &after[after.find('<').unwrap()..];
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut stream, mut line) = (stream, String::new());
            let mut length = 0;
            while reader.read_line(&mut line).unwrap() > 0 {
                let lower = line.to_lowercase();
                if let Some(number) = lower.strip_prefix("content-length:") {
                    length = number.trim().parse().unwrap();
                }
                let ended = line == "\r\n";
                line.clear();
                if !ended {
                    continue;
                }
                let mut body = vec![0; length];
                reader.read_exact(&mut body).unwrap();
                let body = String::from_utf8(body).unwrap();
                let names = body.split(":name>").skip(1).step_by(2);
                let mut answer = head.to_owned();
                for name in names.filter_map(|rest| rest.split('<').next()) {
                    answer.extend(["<return", before, ":name>", name, after, "</return>"]);
                }
                answer += tail;
                let length = answer.len();
                let head = format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: {length}\r\n\r\n"
                );
                stream.write_all(head.as_bytes()).unwrap();
                stream.write_all(answer.as_bytes()).unwrap();
            }
        }
    });
    address
}

/// Megabytes of this process: the most so far (`VmHWM`), or now (`VmRSS`).
fn megabytes(which: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(which)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

struct AnyKey;

impl drover::ox::CredentialSource for AnyKey {
    fn credentials(
        &self,
        _: drover::ox::Account,
    ) -> Result<Option<drover::ox::Credentials>, String> {
        let password = drover::model::Secret::new("x");
        Ok(Some(drover::ox::Credentials { login: "oxadmin".to_owned(), password }))
    }
}

// CAC-05
#[test]
#[ignore = "a measurement: cargo nextest run --run-ignored only rebuilding --no-capture"]
fn rebuilding_the_numbers_of_a_hundred_thousand_users_takes_less_than_a_hundred_megabytes() {
    const USERS: u32 = 100_000;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let bench = Bench::new();
        let url = format!("http://{}", ox_with_everybody()).parse().unwrap();
        let settings = drover::ox::ClientSettings::new(url);
        let client = drover::ox::SoapClient::new(&settings, Arc::new(AnyKey), None).unwrap();
        let env = Env { ox: Arc::new(client), ..env(&bench, USERS) };
        // Everybody gets the recorded user's number, so every placement is written anew, too. The
        // peak of the preparations is forgotten first.
        std::fs::write("/proc/self/clear_refs", "5").unwrap();
        let (before, begun) = (megabytes("VmRSS"), std::time::Instant::now());
        let mut rebuild = Rebuild::begin(&env, HERE);
        let mut chunks = 0;
        while rebuild.left() > 0 {
            rebuild.chunk(&env).await.unwrap();
            chunks += 1;
        }
        let grown = megabytes("VmHWM") - before;
        println!("{USERS} users, {chunks} chunks, {grown} MB more, {:?}", begun.elapsed());
        assert_eq!(chunks, 100);
        assert!(grown < 100, "{grown} MB");
    });
}
