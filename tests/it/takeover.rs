//! Taking over from the Python connector: no object is made a second time, no number is lost, and what
//! the connector had not done yet is done.

mod connector;
mod odd;
mod queue;
mod shared;
mod walk;

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use crate::scene::{Batches, ByHand, accounts, assert_holds, field, members, number, profile};
use crate::world::{Run, World, account, context, gone, group, resource, user, with};
use connector::{Connector, Layout};

const CHANGES: [&str; 5] = [
    "OXContextService.change",
    "OXUserService.change",
    "OXGroupService.",
    "OXResourceService.change",
    "OXSecondaryAccountService.update",
];

/// A town that a connector has provisioned: OX as it left it, and its data folder. The world's own data
/// folder is new.
fn town(layout: Layout) -> (World, Connector) {
    let mut world = World::new();
    let items = [
        context(20),
        profile("pim", &["webmail", "calendar", "contacts"]),
        with(
            user("anna", 10),
            json!({"oxAccess": "pim", "phone": ["1"], "jpegPhoto": "/9j/4AAQSkZJRgABAQ=="}),
        ),
        user("bert", 10),
        user("carl", 20),
        with(user("dora", 10), json!({"isOxUser": "Not"})),
        group("team", &["anna", "carl", "dora"]),
        account("helpdesk", &["anna", "carl"]),
        resource("beamer", 10),
    ];
    Batches::of(&world).done(items.clone());
    let connector = Connector::of(&world, &items, layout);
    let keys = world.credentials();
    world.data = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(world.queue_dir()).unwrap();
    world.write_credentials(&keys);
    world.sim.clear_log();
    (world, connector)
}

/// `drover takeover`
fn take_over(world: &World, from: &Path, more: &[&str]) -> Run {
    world.ask("takeover", &[&["--from", from.to_str().unwrap()], more].concat())
}

/// The report as JSON.
fn report(world: &World, from: &Path, more: &[&str]) -> Value {
    let run = take_over(world, from, &[&["--json"], more].concat());
    serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run:?}"))
}

/// Everything in a folder by path, for comparing.
fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let (mut files, mut open) = (BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            let name = path.strip_prefix(folder).unwrap().to_string_lossy().into_owned();
            files.insert(name, std::fs::read(&path).unwrap());
        }
    }
    files
}

/// A live change to each object is one of an object that is there.
fn change_each(world: &World) {
    let numbers = |world: &World| {
        [
            (10, "users", "anna"),
            (10, "users", "bert"),
            (20, "users", "carl"),
            (10, "groups", "team"),
            (20, "groups", "team"),
            (10, "resources", "beamer"),
        ]
        .map(|(context, part, name)| number(world, context, part, name))
    };
    let before = numbers(world);
    let mut batches = Batches::later(world);
    let calls = batches.calls([
        with(context(20), json!({"oxQuota": "2000"})),
        with(
            user("anna", 10),
            json!({"oxAccess": "pim", "phone": ["1", "2"], "jpegPhoto": "/9j/4AAQSkZJRgABAQ=="}),
        ),
        with(user("carl", 20), json!({"lastname": "Groß"})),
        group("team", &["anna", "bert", "carl", "dora"]),
        with(account("helpdesk", &["anna", "carl"]), json!({"personal": "Help"})),
        with(resource("beamer", 10), json!({"description": "bright"})),
    ]);
    for change in CHANGES {
        assert!(calls.iter().any(|call| call.starts_with(change)), "no {change} in {calls:?}");
    }
    let made = |call: &&String| {
        [".create", ".delete", "changeByModuleAccess", "copyUser"].iter().any(|w| call.contains(w))
    };
    assert_eq!(calls.iter().filter(made).collect::<Vec<_>>(), Vec::<&String>::new(), "{calls:?}");
    assert_eq!(numbers(world), before);
    assert_eq!(members(world, 10, "team").unwrap(), ["anna", "bert"]);
    assert_eq!(members(world, 20, "team").unwrap(), ["carl"]);
    assert_eq!(field(world, 10, "anna", "telephone_business2"), "2");
    assert_eq!(accounts(world, 10, "anna").len(), 1);
    assert_eq!(accounts(world, 20, "carl").len(), 1);
    let calls = batches.calls([
        with(resource("beamer", 10), json!({"description": "bright"})),
        group("team", &["anna", "bert", "carl", "dora"]),
        with(user("carl", 20), json!({"lastname": "Groß"})),
    ]);
    assert_eq!(calls, [""; 0], "the second time there is nothing to do and nothing to ask");
    batches.done([
        gone(user("bert", 10)),
        gone(account("helpdesk", &[])),
        gone(resource("beamer", 10)),
    ]);
    assert_eq!(world.users(10), ["anna"]);
    assert_eq!(members(world, 10, "team").unwrap(), ["anna"]);
    assert_eq!(accounts(world, 10, "anna"), []);
}

// SRC-02, D9, D10
#[test]
fn after_a_takeover_from_any_version_each_change_is_a_change_and_nothing_is_made_anew() {
    for layout in [Layout::Files, Layout::Database3, Layout::Database4] {
        let (world, connector) = town(layout);
        let run = take_over(&world, connector.dir(), &[]);
        assert_eq!(run.code, 0, "{layout:?}: {}{}", run.stdout, run.log);
        assert_holds(
            &run.stdout,
            &["context 10: 2 users", "context 20: 1 context", "1 users are no OX"],
        );
        assert!(world.calls().is_empty(), "a takeover does not talk to OX");
        change_each(&world);
    }
}

#[test]
fn a_second_takeover_changes_nothing_and_a_dry_run_leaves_no_trace() {
    for layout in [Layout::Files, Layout::Database3, Layout::Database4] {
        let (world, connector) = town(layout);
        connector.pending(&with(user("anna", 10), json!({"lastname": "Pend"})));
        let (before, theirs) = (tree(world.data.path()), tree(connector.dir()));
        let dry = report(&world, connector.dir(), &["--dry-run"]);
        assert_eq!(tree(world.data.path()), before);
        assert_eq!(tree(connector.dir()), theirs);
        let first = report(&world, connector.dir(), &[]);
        for same in ["objects", "contexts", "enqueued", "copied", "keys", "odd"] {
            assert_eq!(dry[same], first[same], "{layout:?}: the dry run told of {same} as it came");
        }
        assert_eq!(first["enqueued"], 1);
        assert_eq!(tree(connector.dir()), theirs, "what is the connector's stays as it is");
        let after = tree(world.data.path());
        let dry = report(&world, connector.dir(), &["--dry-run"]);
        let second = report(&world, connector.dir(), &[]);
        for report in [dry, second] {
            assert_eq!(report["enqueued"], 0);
            assert_eq!(report["enqueued_before"], 1);
            for (kind, counts) in report["objects"].as_object().unwrap() {
                assert_eq!(counts["found"], counts["known"], "{kind}");
            }
        }
        let apart_from_the_database = |mut tree: BTreeMap<String, Vec<u8>>| {
            tree.retain(|name, _| !name.starts_with("drover.db"));
            tree
        };
        assert_eq!(
            apart_from_the_database(tree(world.data.path())),
            apart_from_the_database(after)
        );
        // What drover has done since is newer than what the connector knew.
        world.provision();
        let third = report(&world, connector.dir(), &[]);
        assert_eq!(
            (&third["enqueued"], &third["objects"]["user"]["differ"]),
            (&json!(0), &json!(1))
        );
        assert_eq!(field(&world, 10, "anna", "sur_name"), "Pend");
        assert_eq!(Batches::later(&world).calls([user("bert", 10)]), [""; 0]);
    }
}

#[test]
fn as_long_as_drover_has_not_begun_the_connectors_word_counts() {
    let (world, connector) = town(Layout::Files);
    take_over(&world, connector.dir(), &[]);
    connector.change("user-anna", |file| file["object"]["lastname"] = json!("Later"));
    std::fs::remove_file(connector.dir().join("listener/old/group-team.json")).unwrap();
    let report = report(&world, connector.dir(), &[]);
    assert_eq!(report["objects"]["user"]["renewed"], 1);
    assert_eq!(report["gone"], 1);
    let again = with(
        user("anna", 10),
        json!({"oxAccess": "pim", "phone": ["1"], "lastname": "Later",
               "jpegPhoto": "/9j/4AAQSkZJRgABAQ=="}),
    );
    let calls = Batches::later(&world).calls([again]);
    assert!(!calls.contains(&"OXUserService.change".to_owned()), "{calls:?}");
}

// D9, D14, D38
#[test]
fn what_the_connector_believed_is_verified_before_it_is_acted_upon() {
    let (world, connector) = town(Layout::Files);
    // Numbers from before a restore: anna has bert's, and bert one that nobody has.
    let bert = number(&world, 10, "users", "bert");
    connector.change("user-anna", |file| file["object"]["oxDbId"] = json!(bert));
    connector.change("user-bert", |file| file["object"]["oxDbId"] = json!(4711));
    // Carl's number is not known, and he bears another name in OX than in the directory.
    connector.change("user-carl", |file| {
        file["object"].as_object_mut().unwrap().remove("oxDbId");
        file["object"]["username"] = json!("carlo");
    });
    assert_eq!(take_over(&world, connector.dir(), &[]).code, 0);
    let mut batches = Batches::later(&world);
    let calls = batches.calls([
        group("team", &["anna", "bert", "carl"]),
        with(user("carl", 20), json!({"username": "carlo", "lastname": "C"})),
    ]);
    let made = |call: &&String| {
        ["OXUserService.create", "OXGroupService.create"].iter().any(|one| call.starts_with(one))
    };
    assert_eq!(calls.iter().filter(made).count(), 0, "{calls:?}");
    assert_eq!(members(&world, 10, "team").unwrap(), ["anna", "bert"]);
    assert_eq!(world.users(20), ["carlo"]);
    assert_eq!(members(&world, 20, "team").unwrap(), ["carlo"]);
    batches.done([gone(user("anna", 10))]);
    assert_eq!(world.users(10), ["bert"]);
}

// D13
#[test]
fn a_user_whom_the_connector_skipped_is_made_and_one_who_is_gone_is_made_again() {
    let (world, connector) = town(Layout::Files);
    connector.add(&user("emil", 10));
    ByHand::of(&world).delete_user(10, "bert");
    assert_eq!(take_over(&world, connector.dir(), &[]).code, 0);
    world.sim.clear_log();
    Batches::later(&world).done([
        with(user("emil", 10), json!({"lastname": "E"})),
        with(user("bert", 10), json!({"lastname": "B"})),
        group("team", &["anna", "bert", "emil"]),
    ]);
    assert_eq!(world.users(10), ["anna", "bert", "emil"]);
    assert_eq!(members(&world, 10, "team").unwrap(), ["anna", "bert", "emil"]);
}

#[test]
fn a_new_name_right_after_the_takeover_and_a_deletion_are_of_the_same_object() {
    let (world, connector) = town(Layout::Database3);
    assert_eq!(take_over(&world, connector.dir(), &[]).code, 0);
    let numbers = [("users", "anna"), ("groups", "team"), ("resources", "beamer")]
        .map(|(part, name)| number(&world, 10, part, name));
    let mut batches = Batches::later(&world);
    let team = with(group("team", &["anna", "carl"]), json!({"name": "crew"}));
    batches.done([
        with(
            user("anna", 10),
            json!({"oxAccess": "pim", "username": "anne", "phone": ["1"],
                   "jpegPhoto": "/9j/4AAQSkZJRgABAQ=="}),
        ),
        team.clone(),
        with(resource("beamer", 10), json!({"name": "projector"})),
    ]);
    let now = [("users", "anne"), ("groups", "crew"), ("resources", "projector")]
        .map(|(part, name)| number(&world, 10, part, name));
    assert_eq!(now, numbers);
    assert_eq!(members(&world, 20, "crew").unwrap(), ["carl"]);
    assert_eq!(members(&world, 10, "team"), None);
    batches.done([gone(team), gone(user("carl", 20)), gone(context(20))]);
    assert_eq!(members(&world, 10, "crew"), None);
    assert_eq!(world.ox()["contexts"].get("20"), None);
    assert_eq!(world.count("OXContextService.create"), 0);
}

#[test]
fn a_user_without_a_number_moves_as_himself() {
    let (world, connector) = town(Layout::Database4);
    connector.change("user-bert", |file| {
        file["object"].as_object_mut().unwrap().remove("oxDbId");
    });
    assert_eq!(take_over(&world, connector.dir(), &[]).code, 0);
    Batches::later(&world).done([user("bert", 20)]);
    assert_eq!(world.users(10), ["anna"]);
    assert_eq!(world.users(20), ["bert", "carl"]);
    assert_eq!(world.count("OXUserCopyService.copyUser"), 1);
    assert_eq!(world.count("OXUserService.createByModuleAccess"), 0);
}

#[test]
fn what_was_exported_is_taken_over_as_the_same_state() {
    let (mut world, connector) = town(Layout::Files);
    // Photos are only kept where they are mirrored.
    world.env.insert("DROVER__MIRROR__ENABLED".to_owned(), "true".to_owned());
    take_over(&world, connector.dir(), &[]);
    let folder = tempfile::tempdir().unwrap();
    let old = folder.path().join("listener/old");
    let run = world.ask("export", &["--old-dir", old.to_str().unwrap()]);
    assert_eq!(run.code, 0, "{run:?}");
    assert_holds(&run.stdout, &["9 states"]);
    let files = |dir: &Path| -> BTreeMap<String, Value> {
        let parsed =
            |(name, bytes): (String, Vec<u8>)| (name, serde_json::from_slice(&bytes).unwrap());
        tree(dir).into_iter().map(parsed).collect()
    };
    assert_eq!(files(&old), files(&connector.dir().join("listener/old")));
    let keys = world.credentials();
    world.data = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(world.queue_dir()).unwrap();
    world.write_credentials(&keys);
    assert_eq!(take_over(&world, folder.path(), &[]).code, 0);
    change_each(&world);
}
