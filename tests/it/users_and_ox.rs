//! Users where OX is not as drover left it: nothing is touched that is not drover's, nothing is lost.

use drover::sim::{Effect, Rule, SimOptions};
use serde_json::json;

use crate::scene::{
    Batches, ByHand, assert_holds, field, identified, mail, members, number, raw_user, rights,
    warns,
};
use crate::world::{World, account, context, gone, group, user, with};

// OBJ-35: whatever the directory does with a person of that name.
/// Rules: U3
#[test]
fn the_contexts_administrator_is_never_touched() {
    let world = World::new();
    let mut batches = Batches::of(&world);
    batches.done([context(20), user("anna", 10)]);
    let admins = || (raw_user(&world, 10, "oxadmin"), raw_user(&world, 20, "oxadmin-context20"));
    let before = admins();
    let admin = user("oxadmin", 10);
    let run = batches.done([
        admin.clone(),
        with(admin.clone(), json!({"lastname": "Changed"})),
        user("oxadmin-context20", 20),
        group("team", &["oxadmin", "anna"]),
        account("help", &["oxadmin", "anna"]),
    ]);
    assert!(warns(&run, &["user-oxadmin", "administrator"]), "{}", run.log);
    assert_eq!(members(&world, 10, "team").unwrap(), ["anna"]);
    // Renamed to it, moved to it, unticked, deleted.
    batches.done([user("zoe", 10)]);
    let renamed = with(user("zoe", 10), json!({"username": "oxadmin", "lastname": "Taken"}));
    batches.done([renamed.clone()]);
    batches.done([with(admin.clone(), json!({"isOxUser": false}))]);
    batches.done([gone(admin.clone()), gone(user("oxadmin-context20", 20))]);
    batches.done([user("oxadmin", 20)]);
    batches.done([with(user("oxadmin", 20), json!({"oxContext": 10}))]);
    batches.done([gone(renamed), gone(user("oxadmin", 10))]);
    assert_eq!(admins(), before);
}

// OBJ-35: known by OX's own word, too: the credentials file names another administrator.
/// Rules: U3
#[test]
fn an_administrator_under_another_name_is_not_taken_over() {
    let world = World::new();
    let mut keys = world.credentials();
    let mut batches = Batches::of(&world);
    batches.done([context(20)]);
    keys["20"] = world.credentials()["20"].clone();
    let before = raw_user(&world, 20, "oxadmin-context20");
    // The name in the file is written in capitals, which OX tells apart.
    let capital = user("OXADMIN-CONTEXT20", 20);
    batches.done([capital.clone(), gone(capital)]);
    assert_eq!(raw_user(&world, 20, "oxadmin-context20"), before);
}

// ERR-15
/// Rules: U6, D11, D17
#[test]
fn an_account_made_by_hand_is_taken_over_with_a_line_in_the_log() {
    let world = World::new();
    let mut batches = Batches::of(&world);
    let by_hand = ByHand::of(&world);
    let id = u64::from(by_hand.create_user(10, "anna").0);
    by_hand.change_user(10, "anna", "language", "en_US");
    let run = batches.done([group("team", &["anna"]), user("anna", 10)]);
    assert_eq!(number(&world, 10, "users", "anna"), id);
    assert_eq!(field(&world, 10, "anna", "primaryEmail"), "anna@heide.example");
    assert_eq!(field(&world, 10, "anna", "language"), "en_US");
    assert!(rights(&world, 10, "anna").contains(&"multipleMailAccounts".to_owned()));
    assert_eq!(members(&world, 10, "team").unwrap(), ["anna"]);
    assert!(warns(&run, &["took over", "user-anna"]), "{}", run.log);
    assert_eq!(batches.calls([user("anna", 10)]), [""; 0]);
}

// ERR-16
/// Rules: U9, U10, D23, D17
#[test]
fn a_change_of_a_user_who_is_gone_in_ox_makes_him_again_and_back_in_his_groups() {
    for rename in [false, true] {
        let world = World::new();
        let mut batches = Batches::of(&world);
        batches.done([user("anna", 10), user("bert", 10), group("team", &["anna", "bert"])]);
        ByHand::of(&world).delete_user(10, "anna");
        let name = if rename { "anne" } else { "anna" };
        let changed = with(user("anna", 10), json!({"username": name, "lastname": "Berg"}));
        let run = batches.done([changed]);
        assert_eq!(world.users(10), [name, "bert"]);
        assert_eq!(members(&world, 10, "team").unwrap(), [name, "bert"]);
        assert!(rights(&world, 10, name).contains(&"webmail".to_owned()));
        assert!(warns(&run, &["user-anna", "made again"]), "{}", run.log);
    }
    // D23: the old name is gone, the new one is there already.
    let world = World::new();
    let mut batches = Batches::of(&world);
    batches.done([user("anna", 10)]);
    let by_hand = ByHand::of(&world);
    by_hand.delete_user(10, "anna");
    let id = u64::from(by_hand.create_user(10, "anne").0);
    batches.done([with(user("anna", 10), json!({"username": "anne"}))]);
    assert_eq!(number(&world, 10, "users", "anne"), id);
    assert!(world.calls().len() < 15, "{:?}", world.calls());
}

// ERR-17
/// Rules: U15, U16, U18, D24, D25, D27
#[test]
fn deleting_what_is_gone_already_is_done() {
    let world = World::new();
    let mut batches = Batches::of(&world);
    batches.done([user("anna", 10), user("bert", 10), user("c", 10), group("team", &["anna"])]);
    ByHand::of(&world).delete_user(10, "anna");
    batches.done([gone(user("anna", 10)), gone(user("never", 10))]);
    assert_eq!(members(&world, 10, "team"), None);
    // Twice, and after it was switched off, in one batch.
    let off = with(user("bert", 10), json!({"isOxUser": "Not"}));
    batches.done([off, gone(user("bert", 10)), gone(user("bert", 10))]);
    assert_eq!(world.users(10), ["c"]);
}

// After a restore of OX's database a remembered number may be somebody else's.
/// Rules: D9
#[test]
fn a_stale_number_never_renames_or_deletes_somebody_else() {
    let world = World::new();
    let mut batches = Batches::of(&world);
    batches.done([user("anna", 10), user("bert", 10), user("c", 10)]);
    // anna's account is gone, and somebody else was made by hand since.
    let by_hand = ByHand::of(&world);
    by_hand.delete_user(10, "anna");
    by_hand.create_user(10, "stranger");
    let before = raw_user(&world, 10, "stranger");
    batches.done([with(user("anna", 10), json!({"username": "anne"}))]);
    batches.done([gone(with(user("anna", 10), json!({"username": "anne"})))]);
    assert_eq!(raw_user(&world, 10, "stranger"), before);
    assert_eq!(world.users(10), ["bert", "c", "stranger"]);
}

// OBJ-26: a name, and an address, handed from one who leaves to one who comes.
/// Rules: D64, 14/4
#[test]
fn a_name_is_handed_on_in_whatever_order_the_two_come() {
    let newcomer = || identified(user("anna", 10), "user-anna-the-second");
    let leaver = || user("anna", 10);
    let renamed = || mail(with(leaver(), json!({"username": "anne"})), "anne", &[]);
    for options in [SimOptions::univention(), SimOptions::shipped()] {
        for (first, second) in [
            (gone(leaver()), newcomer()),
            (newcomer(), gone(leaver())),
            (with(leaver(), json!({"isOxUser": "Not"})), newcomer()),
            (newcomer(), with(leaver(), json!({"isOxUser": "Not"}))),
            (renamed(), newcomer()),
            (newcomer(), renamed()),
            (newcomer(), user("anna", 20)),
        ] {
            let unchangeable = !options.username_changeable;
            if unchangeable && [&first, &second].iter().any(|i| i["object"]["username"] == "anne") {
                continue;
            }
            let world = World::with(options.clone());
            let mut batches = Batches::of(&world);
            batches.done([context(20), leaver()]);
            let before = number(&world, 10, "users", "anna");
            let case = format!("{first} then {second}");
            let run = batches.done([first, second]);
            assert_ne!(number(&world, 10, "users", "anna"), before, "{case}");
            assert!(!run.log.contains("took over"), "{case}: {}", run.log);
        }
    }
}

// ERR-04: what OX refuses is not taken for done.
/// Rules: U9b, D12
#[test]
fn a_refused_change_is_not_lost() {
    let world = World::new();
    let mut batches = Batches::of(&world);
    batches.done([user("anna", 10)]);
    let effect = Effect::Fault { class: "InvalidDataException".into(), text: "no".into() };
    world.sim.script(Rule::new(effect).on("OXUserService", "change").times(3));
    let run = batches.faulty([with(user("anna", 10), json!({"lastname": "Berg"}))]);
    assert_holds(&run.stdout, &["user user-anna", "InvalidDataException"]);
    assert_eq!(field(&world, 10, "anna", "sur_name"), "anna");
    world.provision();
    assert_eq!(field(&world, 10, "anna", "sur_name"), "Berg");
}
