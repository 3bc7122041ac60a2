//! Functional accounts: each member has one, only those whom a change concerns are touched, and
//! nobody's own mailbox is ever at stake.

use drover::model::{ContextId, OxId};
use drover::ox::{AccountData, OxApi};
use drover::sim::{Effect, Rule};
use serde_json::{Value, json};

use crate::scene::{
    Batches, ByHand, accounts, assert_holds, at, field, identified, lines, number, raw_user,
};
use crate::world::{World, account, context, gone, resource, user, with};

const CREATE: &str = "OXSecondaryAccountService.create";
const UPDATE: &str = "OXSecondaryAccountService.update";
const DELETE: &str = "OXSecondaryAccountService.delete";

const HELP: &str = "help@heide.example";

/// anna and bert in context 10, carla in context 20.
fn town(world: &World) -> Batches<'_> {
    let mut batches = Batches::of(world);
    batches.done([context(20), user("anna", 10), user("bert", 10), user("carla", 20)]);
    world.sim.clear_log();
    batches
}

/// Login of a user's account `help`; none if there is none. Never more than one.
fn login(world: &World, context: u32, user: &str) -> Option<String> {
    let mut all = accounts(world, context, user);
    all.retain(|(address, _)| address == HELP);
    assert!(all.len() <= 1, "{user} has it twice: {all:?}");
    all.pop().map(|(_, login)| login)
}

fn one(world: &World, context: u32, user: &str) -> Value {
    let accounts = raw_user(world, context, user)["accounts"].clone();
    accounts.as_array().unwrap().iter().find(|a| a["address"] == HELP).unwrap().clone()
}

fn has_own_mailbox(world: &World, context: u32, user: &str) -> bool {
    raw_user(world, context, user)["primaryAccount"] == true
}

/// Somebody puts another login into a user's account, to show whether it is touched.
fn touch(world: &World, context: u32, user: &str) {
    let by_hand = ByHand::of(world);
    let id = OxId(u32::try_from(number(world, context, "users", user)).unwrap());
    let data = AccountData {
        name: "by hand".to_owned(),
        address: HELP.to_owned(),
        personal: None,
        login: "by-hand".to_owned(),
    };
    assert!(by_hand.run(by_hand.ox.account_update(ContextId(context), &data, &[id])).unwrap());
}

// OBJ-60, OBJ-63
/// Rules: F1, F2, F3, D60
#[test]
fn a_change_of_members_touches_only_those_whom_it_concerns() {
    let world = World::new();
    let mut batches = town(&world);
    batches.done([account("help", &["anna", "carla"])]);
    assert_eq!(login(&world, 10, "anna").unwrap(), "account-helpanna");
    assert_eq!(login(&world, 20, "carla").unwrap(), "account-helpcarla");
    let found = one(&world, 10, "anna");
    assert_eq!((&found["name"], &found["personal"]), (&json!("help"), &json!("The help")));
    assert_eq!(login(&world, 10, "bert"), None);
    assert_eq!(batches.calls([account("help", &["anna", "carla"])]), [""; 0]);
    touch(&world, 10, "anna");
    assert_eq!(batches.calls([account("help", &["anna", "bert", "carla"])]), [CREATE]);
    assert_eq!(login(&world, 10, "bert").unwrap(), "account-helpbert");
    assert_eq!(login(&world, 10, "anna").unwrap(), "by-hand", "anna's was not touched");
    assert_eq!(batches.calls([account("help", &["anna", "carla"])]), [DELETE]);
    assert_eq!(login(&world, 10, "bert"), None);
    assert_eq!(login(&world, 10, "anna").unwrap(), "by-hand");
    // Another sender name for all: one update a context, nothing taken away.
    let renamed = with(account("help", &["anna", "carla"]), json!({"personal": "Desk"}));
    assert_eq!(batches.calls([renamed]), [UPDATE, UPDATE]);
    assert_eq!(one(&world, 10, "anna")["personal"], "Desk");
    assert_eq!(one(&world, 20, "carla")["personal"], "Desk");
    let silent = with(account("help", &["anna", "carla"]), json!({"personal": null}));
    batches.done([silent]);
    assert!(one(&world, 10, "anna")["personal"].as_str().unwrap_or_default().is_empty());
    assert_eq!(batches.calls([account("help", &["anna"])]).len(), 2);
    assert_eq!(login(&world, 20, "carla"), None);
    batches.done([gone(account("help", &[]))]);
    assert_eq!(login(&world, 10, "anna"), None);
    for name in ["anna", "bert"] {
        assert!(has_own_mailbox(&world, 10, name));
    }
}

// Many members who are alike but for their login.
/// Rules: F1
#[test]
fn the_address_of_an_account_can_change() {
    let world = World::new();
    let mut batches = town(&world);
    batches.done([account("help", &["anna", "bert"])]);
    let other = json!({"mailPrimaryAddress": "desk@heide.example"});
    batches.done([with(account("help", &["anna", "bert"]), other)]);
    for name in ["anna", "bert"] {
        let expected = vec![("desk@heide.example".to_owned(), format!("account-help{name}"))];
        assert_eq!(accounts(&world, 10, name), expected);
    }
}

// OBJ-61
/// Rules: 9.2/login, D33
#[test]
fn the_login_template_knows_every_word_also_twice() {
    let mut world = World::new();
    let template = "{{fa_entry_uuid}}|{{fa_email_address}}|{{entry_uuid}}|{{dn}}|{{ username }}|\
                    {{mailPrimaryAddress}}|{{uidNumber}}|{{fa_entry_uuid}}|{x}";
    let name = "OX_FUNCTIONAL_ACCOUNT_LOGIN_TEMPLATE".to_owned();
    world.env.insert(name, template.to_owned());
    let mut batches = Batches::of(&world);
    let anna = with(user("anna", 10), json!({"uidNumber": 2001}));
    batches.done([anna, account("help", &["anna"])]);
    let expected = "account-help|help@heide.example|user-anna|uid=anna,cn=users,dc=heide,dc=example|\
                    anna|anna@heide.example|2001|account-help|{x}";
    assert_eq!(login(&world, 10, "anna").unwrap(), expected);
}

// OBJ-61
/// Rules: 9.2/login, D33
#[test]
fn an_unknown_word_in_the_template_changes_nothing_and_is_named() {
    let mut world = World::new();
    town(&world).done([account("help", &["anna", "bert"])]);
    let name = "OX_FUNCTIONAL_ACCOUNT_LOGIN_TEMPLATE".to_owned();
    world.env.insert(name.clone(), "{{username}}{{nickname}}".to_owned());
    world.sim.clear_log();
    let changed = with(account("help", &["anna"]), json!({"personal": "Desk"}));
    let run = Batches::later(&world).faulty([with(changed.clone(), json!({"name": "other"}))]);
    assert_holds(
        &run.stdout,
        &["\"nickname\"", "login template", "functional account account-help"],
    );
    assert_eq!(world.calls(), [""; 0]);
    assert_eq!(login(&world, 10, "bert").unwrap(), "account-helpbert");
    // The user gets the property, and it goes on.
    let named = with(user("anna", 10), json!({"nickname": "ann"}));
    world.put(&crate::world::file(0), &named);
    world.provision();
    assert_eq!(login(&world, 10, "anna").unwrap(), "annaann");
    assert_eq!(login(&world, 10, "bert"), None);
}

// OBJ-61, OBJ-62, GRP: what the login is made of changes with the user.
/// Rules: D18
#[test]
fn a_members_account_follows_his_name_and_properties() {
    let mut world = World::new();
    let name = "OX_FUNCTIONAL_ACCOUNT_LOGIN_TEMPLATE".to_owned();
    world.env.insert(name, "{{username}}*{{lastname}}".to_owned());
    let mut batches = town(&world);
    batches.done([account("help", &["anna", "bert"])]);
    assert_eq!(login(&world, 10, "anna").unwrap(), "anna*anna");
    touch(&world, 10, "bert");
    batches.done([with(user("anna", 10), json!({"lastname": "Berg"}))]);
    assert_eq!(login(&world, 10, "anna").unwrap(), "anna*Berg");
    let renamed = with(user("anna", 10), json!({"username": "anne", "lastname": "Berg"}));
    batches.done([at(renamed, "uid=anne,cn=users,dc=heide,dc=example")]);
    assert_eq!(login(&world, 10, "anne").unwrap(), "anne*Berg");
    assert_eq!(login(&world, 10, "bert").unwrap(), "by-hand", "bert's was not touched");
}

// OBJ-62; each batch is a start of drover of its own
/// Rules: R5, F2, D18
#[test]
fn members_who_come_later_move_or_are_switched_on_get_their_account() {
    let world = World::new();
    let mut batches = town(&world);
    let groups = json!({"groups": ["cn=team,cn=groups,dc=heide,dc=example"]});
    batches.done([with(account("help", &["anna", "zoe", "yves"]), groups)]);
    assert!(login(&world, 10, "anna").is_some());
    batches.done([user("zoe", 20), with(user("yves", 10), json!({"isOxUser": "Not"}))]);
    assert_eq!(login(&world, 20, "zoe").unwrap(), "account-helpzoe");
    batches.done([user("yves", 10)]);
    assert_eq!(login(&world, 10, "yves").unwrap(), "account-helpyves");
    batches.done([user("zoe", 10), user("anna", 20)]);
    assert_eq!(login(&world, 10, "zoe").unwrap(), "account-helpzoe");
    assert_eq!(login(&world, 20, "anna").unwrap(), "account-helpanna");
    for (context, name) in [(10, "zoe"), (20, "anna")] {
        assert_eq!(one(&world, context, name)["secondary"], true);
        assert!(has_own_mailbox(&world, context, name));
    }
    batches.done([account("help", &[])]);
    assert_eq!([login(&world, 10, "zoe"), login(&world, 20, "anna")], [None, None]);
}

/// Rules: 9.2/login
#[test]
fn the_login_template_knows_a_users_number_and_name_in_ox() {
    let mut world = World::new();
    let name = "OX_FUNCTIONAL_ACCOUNT_LOGIN_TEMPLATE".to_owned();
    world.env.insert(name, "{{oxDbId}}-{{oxDbUsername}}".to_owned());
    let mut batches = town(&world);
    batches.done([account("help", &["anna"])]);
    let number_in = |context, name: &str| number(&world, context, "users", name);
    assert_eq!(login(&world, 10, "anna").unwrap(), format!("{}-anna", number_in(10, "anna")));
    batches.done([with(user("anna", 10), json!({"username": "anne"}))]);
    assert_eq!(login(&world, 10, "anne").unwrap(), format!("{}-anne", number_in(10, "anne")));
    // In another context he has another number.
    batches.done([with(user("anna", 20), json!({"username": "anne"}))]);
    assert_eq!(login(&world, 20, "anne").unwrap(), format!("{}-anne", number_in(20, "anne")));
}

// The hazard: OX takes a user's own mailbox away if it is asked to remove an account of his address.
#[test]
fn an_account_with_a_users_own_address_never_costs_him_his_mailbox() {
    let world = World::new();
    let mut batches = town(&world);
    // The account comes with the address that anna has.
    let annas = with(
        account("help", &["anna", "bert"]),
        json!({"mailPrimaryAddress": "anna@heide.example"}),
    );
    batches.put([annas.clone()]);
    let run = world.run_once();
    assert!(has_own_mailbox(&world, 10, "anna"), "{}", run.log);
    batches.put([with(annas.clone(), json!({"personal": "Other"})), gone(annas)]);
    world.run_once();
    assert!(has_own_mailbox(&world, 10, "anna"));
    // anna still can be changed, which she cannot without her mailbox.
    for name in world.queue() {
        std::fs::remove_file(world.queue_dir().join(name)).unwrap();
    }
    let changed = json!({"mailPrimaryAddress": "a.berg@heide.example"});
    batches.done([with(user("anna", 10), changed)]);
    assert_eq!(field(&world, 10, "anna", "primaryEmail"), "a.berg@heide.example");
}

// The same the other way round: anna gets the address that her functional account has.
#[test]
fn a_user_who_gets_the_address_of_his_account_keeps_his_mailbox() {
    let takes = || with(user("anna", 10), json!({"mailPrimaryAddress": HELP}));
    let leaves: [fn() -> Value; 3] = [
        || gone(account("help", &[])),
        || account("help", &["bert"]),
        || {
            with(
                account("help", &["anna", "bert"]),
                json!({"mailPrimaryAddress": "h@heide.example"}),
            )
        },
    ];
    for (n, leave) in leaves.iter().enumerate() {
        for first in [true, false] {
            let world = World::new();
            let mut batches = town(&world);
            batches.done([account("help", &["anna", "bert"])]);
            let mut items = vec![takes(), leave()];
            if first {
                items.reverse();
            }
            batches.put(items);
            let run = world.run_once();
            assert!(has_own_mailbox(&world, 10, "anna"), "{}", run.log);
            // Only where the account keeps an address that anna has by then there is no way on.
            if n == 1 && !first {
                assert_eq!(run.code, 3);
                assert_holds(&run.stdout, &["primary address", "functional account"]);
            } else {
                assert_eq!(run.code, 0, "{}", run.stdout);
                assert!(accounts(&world, 10, "anna").iter().all(|(address, _)| address != HELP));
            }
            assert_eq!(field(&world, 10, "anna", "primaryEmail"), HELP, "{}", run.log);
        }
    }
}

// ATT-04
/// Rules: D64, 14/4
#[test]
fn an_address_goes_from_an_account_or_a_resource_to_a_user_in_any_order() {
    let leaves: [fn() -> Value; 4] = [
        || gone(account("help", &[])),
        || with(account("help", &["anna"]), json!({"mailPrimaryAddress": "h@heide.example"})),
        || gone(resource("help", 10)),
        || with(resource("help", 10), json!({"resourceMailAddress": "h@heide.example"})),
    ];
    for (n, leave) in leaves.iter().enumerate() {
        for first in [true, false] {
            let world = World::new();
            let mut batches = town(&world);
            let held = if n < 2 { account("help", &["anna"]) } else { resource("help", 10) };
            batches.done([held]);
            let mut items = vec![user("help", 10), leave()];
            if first {
                items.reverse();
            }
            batches.done(items);
            assert_eq!(field(&world, 10, "help", "primaryEmail"), HELP, "{n} {first}");
            let log = world.sim.log();
            let refused: Vec<_> = log.iter().filter_map(|call| call.fault_text.clone()).collect();
            assert!(refused.is_empty(), "release comes before claim: {refused:?}");
        }
    }
}

// ERR-15, ERR-17
/// Rules: F3
#[test]
fn what_is_there_already_is_taken_over_and_what_is_gone_is_no_trouble() {
    let world = World::new();
    let mut batches = town(&world);
    let by_hand = ByHand::of(&world);
    let [anna, bert] =
        ["anna", "bert"].map(|n| OxId(u32::try_from(number(&world, 10, "users", n)).unwrap()));
    let data = AccountData {
        name: "old".to_owned(),
        address: HELP.to_owned(),
        personal: None,
        login: "old".to_owned(),
    };
    by_hand.run(by_hand.ox.account_create(ContextId(10), &data, &[anna])).unwrap();
    let run = batches.done([account("help", &["anna", "bert"])]);
    assert_eq!(login(&world, 10, "anna").unwrap(), "account-helpanna");
    assert_eq!(login(&world, 10, "bert").unwrap(), "account-helpbert");
    let told = lines(&run, "WARN").iter().any(|line| line["object.id"] == "account-help");
    assert!(told, "{}", run.log);
    // Taken away by hand: a change brings it back, and a deletion does not mind.
    by_hand.run(by_hand.ox.account_delete(ContextId(10), HELP, &[anna])).unwrap();
    batches.done([with(account("help", &["anna", "bert"]), json!({"personal": "Desk"}))]);
    assert_eq!(one(&world, 10, "anna")["personal"], "Desk");
    assert_eq!(one(&world, 10, "bert")["personal"], "Desk");
    by_hand.run(by_hand.ox.account_delete(ContextId(10), HELP, &[anna, bert])).unwrap();
    batches.done([gone(account("help", &[]))]);
    batches.done([account("help", &["anna", "bert"])]);
    by_hand.delete_user(10, "bert");
    batches.done([gone(account("help", &[]))]);
    assert_eq!(login(&world, 10, "anna"), None);
}

// ERR-26
#[test]
fn an_account_whose_call_was_not_answered_is_there_once() {
    for effect in [Effect::ApplyThenDrop, Effect::DropBefore] {
        for operation in ["create", "update", "delete"] {
            let world = World::new();
            let mut batches = town(&world);
            let rule = Rule::new(effect.clone()).on("OXSecondaryAccountService", operation);
            world.sim.script(rule.times(1));
            let run = batches.done([account("help", &["anna", "bert"])]);
            assert!(!run.log.contains("took over"), "it is ours: {}", run.log);
            batches.done([with(account("help", &["anna", "bert"]), json!({"personal": "Desk"}))]);
            for name in ["anna", "bert"] {
                assert_eq!(one(&world, 10, name)["personal"], "Desk", "{effect:?} {operation}");
            }
            batches.done([account("help", &["bert"])]);
            assert_eq!(login(&world, 10, "anna"), None);
            assert!(login(&world, 10, "bert").is_some());
        }
    }
}

// OBJ-17: the same name and address under a new identity, in any order.
#[test]
fn an_account_deleted_and_made_anew_is_there_once() {
    for first in [true, false] {
        let world = World::new();
        let mut batches = town(&world);
        batches.done([account("help", &["anna"])]);
        let second = identified(account("help", &["anna"]), "account-second");
        let mut items = vec![second, gone(account("help", &[]))];
        if first {
            items.reverse();
        }
        batches.done(items);
        assert_eq!(login(&world, 10, "anna").as_deref(), Some("account-secondanna"), "{first}");
    }
}
