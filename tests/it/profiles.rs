//! Access profiles: kept in the file that other tools read, never lost, and effective from the users'
//! next change on.

use std::collections::BTreeMap;

use drover::model::ModuleAccess;
use serde_json::{Value, json};

use crate::scene::{Batches, assert_holds, profile, raw_user, rights};
use crate::world::{World, eventually, file, gone, user, with};

const CHANGE: &str = "OXUserService.change";
const ACCESS: &str = "OXUserService.changeByModuleAccess";

fn path(world: &World) -> std::path::PathBuf {
    world.data.path().join("ModuleAccessDefinitions.properties")
}

/// The file as other tools read it: a line counts if something follows the last `=`.
fn as_others_read_it(world: &World) -> BTreeMap<String, Vec<String>> {
    let text = std::fs::read_to_string(path(world)).unwrap();
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    let pairs = lines
        .filter_map(|line| line.rsplit_once('='))
        .filter(|(_, words)| !words.trim().is_empty());
    pairs
        .map(|(name, words)| {
            let words = words.split(',').map(|word| word.trim().to_owned()).collect();
            (name.trim().to_owned(), words)
        })
        .collect()
}

fn with_profile(name: &str, profile: &str) -> Value {
    with(user(name, 10), json!({"oxAccess": profile}))
}

/// Rights of a user as OX tells them, without the one that it always tells.
fn granted(world: &World, name: &str) -> Vec<String> {
    let mut rights = rights(world, 10, name);
    rights.retain(|right| right != "publication");
    rights
}

/// The same of words in a profile.
fn meant(words: &[&str]) -> Vec<String> {
    let access = ModuleAccess::from_words(words.iter().copied()).unwrap();
    let mut fields: Vec<String> = drover::model::access::RIGHTS
        .iter()
        .filter(|right| right.word.is_some_and(|word| access.words().contains(word)))
        .map(|right| right.field.to_owned())
        .collect();
    fields.sort();
    fields
}

// OBJ-55
/// Rules: A1
#[test]
fn profiles_of_the_directory_are_written_so_that_other_tools_read_them() {
    let world = World::new();
    let mut batches = Batches::of(&world);
    let calls = batches.calls([
        profile("team", &["webmail", "calendar", "contacts"]),
        with(
            profile("mixed", &["webmail"]),
            json!({"tasks": true, "calendar": "FALSE", "ical": 1}),
        ),
    ]);
    assert_eq!(calls, [""; 0], "OX is not concerned");
    let file = as_others_read_it(&world);
    assert_eq!(file["team"], ["calendar", "contacts", "webmail"], "sorted");
    assert_eq!(file["mixed"], ["ical", "tasks", "webmail"]);
    assert_eq!(file.len(), 2);
    let text = std::fs::read_to_string(path(&world)).unwrap();
    assert!(
        text.starts_with('#') && text.contains("\n\nteam=calendar,contacts,webmail\n\n"),
        "{text}"
    );
    batches.done([with_profile("anna", "team")]);
    assert_eq!(granted(&world, "anna"), meant(&["calendar", "contacts", "webmail"]));
}

// OBJ-55: a file that was there before, written by hand or by another tool.
/// Rules: A1
#[test]
fn a_file_of_ones_own_counts_and_a_profile_of_the_directory_keeps_the_others() {
    let world = World::new();
    let text = "# ours\r\n\r\nlab = webmail, tasks\r\nnight shift=webmail\nx=y=contacts,webmail\n";
    std::fs::write(path(&world), text).unwrap();
    let mut batches = Batches::of(&world);
    batches.done([
        with_profile("anna", "lab"),
        with_profile("bert", "night shift"),
        with_profile("carla", "x=y"),
    ]);
    assert_eq!(granted(&world, "anna"), meant(&["tasks", "webmail"]));
    assert_eq!(granted(&world, "bert"), meant(&["webmail"]));
    assert_eq!(granted(&world, "carla"), meant(&["contacts", "webmail"]));
    batches.done([profile("team", &["webmail"]), profile("lab", &["webmail", "contacts"])]);
    let file = as_others_read_it(&world);
    assert_eq!(file.keys().collect::<Vec<_>>(), ["lab", "night shift", "team", "x=y"]);
    assert_eq!(file["lab"], ["contacts", "webmail"], "the directory's counts");
    batches.done([with_profile("dora", "lab"), with_profile("emil", "night shift")]);
    assert_eq!(granted(&world, "dora"), meant(&["contacts", "webmail"]));
    assert_eq!(granted(&world, "emil"), meant(&["webmail"]));
}

// OBJ-54
#[test]
fn the_profiles_that_come_along_can_be_used_at_once() {
    let world = World::new();
    let names = ["none", "webmail", "pim", "groupware", "premium", "webmail_drive", "pim_drive"];
    Batches::of(&world).done(names.map(|name| with_profile(name, name)));
    let of = |name: &str| granted(&world, name);
    assert_eq!(of("none"), [""; 0]);
    assert_eq!(raw_user(&world, 10, "none")["mailenabled"], false);
    for name in &names[1..] {
        assert!(of(name).contains(&"webmail".to_owned()), "{name}");
        assert_eq!(raw_user(&world, 10, name)["mailenabled"], true);
    }
    let has = |name: &str, right: &str| of(name).contains(&right.to_owned());
    assert!(!has("webmail", "calendar") && has("pim", "calendar") && !has("pim", "infostore"));
    assert!(has("webmail_drive", "infostore") && has("pim_drive", "infostore"));
    assert!(has("groupware", "readCreateSharedFolders") && has("premium", "USM"));
}

// OBJ-72
/// Rules: 7/none, D19
#[test]
fn a_profile_without_any_right_takes_all_away_and_survives_the_saving_of_another() {
    let world = World::new();
    let mut batches = Batches::of(&world);
    batches.done([with_profile("anna", "premium"), profile("locked", &[])]);
    batches.done([with_profile("anna", "locked")]);
    assert_eq!(granted(&world, "anna"), [""; 0]);
    assert_eq!(raw_user(&world, 10, "anna")["mailenabled"], false);
    batches.done([profile("team", &["webmail"])]);
    let text = std::fs::read_to_string(path(&world)).unwrap();
    assert_holds(&text, &["\nlocked=\n", "\nteam=webmail\n"]);
    batches.done([with_profile("bert", "locked")]);
    assert_eq!(granted(&world, "bert"), [""; 0]);
}

// OBJ-55, OBJ-58
/// Rules: A2, 7/unknown
#[test]
fn a_deleted_profile_leaves_the_file_and_its_users_wait_for_another() {
    let world = World::new();
    let mut batches = Batches::of(&world);
    batches.done([profile("team", &["webmail"]), profile("other", &["contacts"])]);
    batches.done([with_profile("anna", "team")]);
    let before = granted(&world, "anna");
    batches.done([gone(profile("team", &[]))]);
    assert_eq!(as_others_read_it(&world).keys().collect::<Vec<_>>(), ["other"]);
    assert_eq!(
        granted(&world, "anna"),
        before,
        "who has it keeps the rights until the next change"
    );
    let run = batches.faulty([with_profile("bert", "team")]);
    assert_holds(&run.stdout, &["unknown access profile \"team\"", "other"]);
    batches.done([profile("team", &["webmail"])]);
    assert_eq!(granted(&world, "bert"), before);
    // Twice, and one that never was.
    batches.done([
        gone(profile("team", &[])),
        gone(profile("team", &[])),
        gone(profile("never", &[])),
    ]);
    // One that comes along is back as it came.
    batches.done([profile("pim", &["webmail"]), with_profile("carla", "pim")]);
    assert_eq!(granted(&world, "carla"), meant(&["webmail"]));
    batches.done([gone(profile("pim", &[])), with_profile("dora", "pim")]);
    assert!(granted(&world, "dora").contains(&"calendar".to_owned()));
}

// A1, OBJ-56 is for later: a change reaches a user with his own next change.
/// Rules: A1
#[test]
fn a_changed_profile_touches_no_user_until_his_next_change() {
    let world = World::new();
    let mut batches = Batches::of(&world);
    batches.done([profile("team", &["webmail"]), with_profile("anna", "team")]);
    let before = granted(&world, "anna");
    let more = profile("team", &["webmail", "tasks", "contacts"]);
    assert_eq!(batches.calls([more.clone()]), [""; 0]);
    assert_eq!(batches.calls([more]), [""; 0]);
    assert_eq!(granted(&world, "anna"), before);
    let changed = with(with_profile("anna", "team"), json!({"lastname": "Berg"}));
    assert_eq!(batches.calls([changed]), [CHANGE, ACCESS]);
    assert_eq!(granted(&world, "anna"), meant(&["contacts", "tasks", "webmail"]));
}

// SRC-34, ERR-03: in a first load the users may well come first.
/// Rules: 14/5
#[test]
fn a_user_may_come_before_his_profile_in_a_batch() {
    let world = World::new();
    let run = Batches::of(&world).done([
        with_profile("anna", "team"),
        profile("team", &["webmail", "tasks"]),
        with_profile("bert", "team"),
    ]);
    for name in ["anna", "bert"] {
        assert_eq!(granted(&world, name), meant(&["tasks", "webmail"]));
    }
    assert!(!run.log.contains("stands still"), "{}", run.log);
}

// OBJ-73
/// Rules: 7/names
#[test]
fn names_with_special_characters_come_through_or_are_refused_in_plain_words() {
    let world = World::new();
    let mut batches = Batches::of(&world);
    let names = ["a=b", "! # $ % & ' * -", ". / : ? @ [ ] ^ _ { | } ~ `", "Größe 1"];
    batches.done(names.map(|name| profile(name, &["webmail", "tasks"])));
    let file = as_others_read_it(&world);
    for name in names {
        assert_eq!(file[name], ["tasks", "webmail"], "{name}");
    }
    batches.done(names.iter().enumerate().map(|(n, name)| with_profile(&format!("u{n}"), name)));
    for n in 0..names.len() {
        assert_eq!(granted(&world, &format!("u{n}")), meant(&["tasks", "webmail"]));
    }
    let run = batches.faulty([profile("#1", &["webmail"]), user("anna", 10)]);
    assert_holds(&run.stdout, &["\"#1\"", "starts with \"#\"", "another name"]);
    assert!(world.users(10).contains(&"anna".to_owned()));
    assert_eq!(as_others_read_it(&world).len(), names.len(), "the file is as it was");
}

// OBJ-72: a file that cannot be understood is never taken for an empty one.
/// Rules: D20
#[test]
fn a_broken_file_stops_the_start_and_is_never_overwritten() {
    let world = World::new();
    let broken = "team=webmail\n\nlab=webmail,nonsense\n";
    std::fs::write(path(&world), broken).unwrap();
    world.put(&file(1), &profile("other", &["webmail"]));
    let run = world.run_once();
    assert_eq!(run.code, 5, "{}", run.log);
    let place = path(&world).display().to_string();
    assert_holds(&run.log, &[&place, "line 3", "nonsense"]);
    assert_eq!(world.queue(), [file(1)]);
    assert_eq!(std::fs::read_to_string(path(&world)).unwrap(), broken);
}

// It breaks while drover runs.
/// Rules: D20
#[test]
fn a_file_that_breaks_at_run_time_holds_profiles_back_and_nothing_else() {
    let world = World::new();
    let mut service = world.serve();
    world.put(&file(1), &profile("team", &["webmail"]));
    eventually("the first", || world.queue().is_empty());
    std::fs::write(path(&world), "no equals sign\n").unwrap();
    world.put(&file(2), &profile("other", &["webmail"]));
    let line = service.wait_for_log(&["stands still"]);
    assert_holds(&line, &["line 1", "ModuleAccessDefinitions.properties", "profile-other"]);
    world.put(&file(3), &user("anna", 10));
    eventually("the user", || world.users(10) == ["anna"]);
    assert_eq!(std::fs::read_to_string(path(&world)).unwrap(), "no equals sign\n");
    std::fs::write(path(&world), "team=webmail\n").unwrap();
    eventually("the queue's end", || world.queue().is_empty());
    assert_eq!(as_others_read_it(&world).keys().collect::<Vec<_>>(), ["other", "team"]);
}

/// A world in which a changed profile reaches so many users by itself.
fn reaching(users: u32) -> World {
    let mut world = World::new();
    let name = "DROVER__MAPPING__PROFILE_HOLDERS".to_owned();
    world.env.insert(name, users.to_string());
    world
}

// OBJ-56
#[test]
fn a_changed_profile_reaches_its_users_if_that_is_wanted_with_one_call_each() {
    let world = reaching(100);
    let mut batches = Batches::of(&world);
    batches.done([
        crate::world::context(20),
        profile("team", &["webmail"]),
        profile("other", &["webmail"]),
        with_profile("anna", "team"),
        with(with_profile("bert", "team"), json!({"oxContext": "20"})),
        with_profile("carla", "other"),
        with(with_profile("dora", "team"), json!({"isOxUser": "Not"})),
    ]);
    let by_hand = crate::scene::ByHand::of(&world);
    by_hand.change_user(10, "anna", "title", "By Hand");
    let more = ["webmail", "tasks", "contacts"];
    assert_eq!(batches.calls([profile("team", &more)]), [ACCESS, ACCESS]);
    assert_eq!(granted(&world, "anna"), meant(&more));
    let bert = crate::scene::rights(&world, 20, "bert");
    assert!(bert.contains(&"tasks".to_owned()), "{bert:?}");
    assert_eq!(granted(&world, "carla"), meant(&["webmail"]));
    assert_eq!(crate::scene::field(&world, 10, "anna", "title"), "By Hand", "nothing else changes");
    assert_eq!(batches.calls([profile("team", &more)]), [""; 0]);
    // All rights away: mail goes off as well, and comes back.
    batches.done([profile("team", &[])]);
    assert_eq!((granted(&world, "anna"), mail_is_on(&world, "anna")), (Vec::new(), false));
    batches.done([profile("team", &["webmail"])]);
    assert_eq!((granted(&world, "anna"), mail_is_on(&world, "anna")), (meant(&["webmail"]), true));
    // A deleted profile reaches nobody.
    assert_eq!(batches.calls([gone(profile("team", &[]))]), [""; 0]);
    assert_eq!(granted(&world, "anna"), meant(&["webmail"]));
}

fn mail_is_on(world: &World, name: &str) -> bool {
    raw_user(world, 10, name)["mailenabled"] == true
}

// OBJ-56: also those who are made or changed in the same batch, wherever they stand in it.
#[test]
fn a_changed_profile_reaches_users_who_are_on_their_way() {
    let world = reaching(100);
    let mut batches = Batches::of(&world);
    batches.done([profile("team", &["webmail"]), with_profile("anna", "team")]);
    let more = ["webmail", "tasks"];
    batches.done([
        with_profile("bert", "team"),
        with(with_profile("anna", "team"), json!({"lastname": "Berg"})),
        profile("team", &more),
        with_profile("carla", "team"),
    ]);
    for name in ["anna", "bert", "carla"] {
        assert_eq!(granted(&world, name), meant(&more), "{name}");
    }
}

// OBJ-56
#[test]
fn a_changed_profile_of_too_many_users_reaches_none_and_says_so() {
    let world = reaching(1);
    let mut batches = Batches::of(&world);
    batches.done([profile("team", &["webmail"])]);
    batches.done([with_profile("anna", "team"), with_profile("bert", "team")]);
    let run = batches.done([profile("team", &["webmail", "tasks"])]);
    assert!(crate::scene::warns(&run, &["team", "profile_holders", "\"users\":2"]), "{}", run.log);
    assert_eq!(granted(&world, "anna"), meant(&["webmail"]));
}

// OBJ-56: what was to be reached is reached after a crash, too.
#[test]
fn users_whom_a_changed_profile_did_not_reach_before_a_crash_are_reached_after_it() {
    let world = reaching(100);
    let mut batches = Batches::of(&world);
    batches.done([profile("team", &["webmail"])]);
    let names = ["anna", "bert", "carla", "dora"];
    batches.done(names.map(|name| with_profile(name, "team")));
    let slow = drover::sim::Rule::new(drover::sim::Effect::Hang);
    world.sim.script(slow.on("OXUserService", "changeByModuleAccess").named("bert"));
    let service = world.serve();
    world.put(&file(5000), &profile("team", &["webmail", "tasks"]));
    eventually("the first", || granted(&world, "anna").contains(&"tasks".to_owned()));
    eventually("the queue's end", || world.queue().is_empty());
    service.kill();
    world.sim.clear_script();
    world.provision();
    for name in names {
        assert_eq!(granted(&world, name), meant(&["tasks", "webmail"]), "{name}");
    }
}

// OBJ-57, OBJ-71: told once, of the profile, not of each user who is to have it.
#[test]
fn a_profile_that_ox_would_refuse_is_refused_before_any_user_has_it() {
    let world = World::new();
    let mut batches = Batches::of(&world);
    batches.done([profile("team", &["webmail"]), with_profile("anna", "team")]);
    let both = ["globaladdressbookdisabled", "delegatetask", "webmail"];
    let run = batches.faulty([
        profile("team", &both),
        with(with_profile("anna", "team"), json!({"lastname": "Berg"})),
        with_profile("bert", "team"),
    ]);
    let told = ["access profile \"team\"", "delegatetask", "globaladdressbookdisabled", "refuses"];
    assert_holds(&run.stdout, &told);
    assert_eq!(run.stdout.matches("fault:").count(), 1, "{}", run.stdout);
    assert_eq!(crate::scene::field(&world, 10, "anna", "sur_name"), "Berg");
    for name in ["anna", "bert"] {
        assert_eq!(granted(&world, name), meant(&["webmail"]), "{name}: the last good version");
    }
    assert_eq!(as_others_read_it(&world)["team"], ["webmail"], "the file is as it was");
    // Put right.
    batches.done([profile("team", &["webmail", "tasks"]), with_profile("carla", "team")]);
    assert_eq!(granted(&world, "carla"), meant(&["tasks", "webmail"]));
    // A new one waits with its users, in plain words and without a call.
    world.sim.clear_log();
    let run = batches.faulty([profile("new", &both), with_profile("dora", "new")]);
    assert_holds(&run.stdout, &["access profile \"new\"", "user user-dora"]);
    assert_eq!(world.calls(), [""; 0]);
}

// OBJ-57: the same in a file of one's own.
#[test]
fn a_profile_in_the_file_that_ox_would_refuse_is_told_at_the_start() {
    let world = World::new();
    let text = "lab=globaladdressbookdisabled,webdavxml,webmail\n\nteam=webmail\n";
    std::fs::write(path(&world), text).unwrap();
    let mut batches = Batches::of(&world);
    let run = batches.done([with_profile("anna", "team")]);
    let place = "ModuleAccessDefinitions.properties";
    assert!(crate::scene::warns(&run, &[place, "lab", "webdavxml"]), "{}", run.log);
    let run = batches.faulty([with_profile("bert", "lab")]);
    assert_holds(&run.stdout, &["access profile \"lab\"", "webdavxml", "user user-bert"]);
}
