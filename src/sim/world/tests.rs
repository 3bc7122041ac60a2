//! The rules that a client trips over most easily, one test each.

use super::field::UserField as F;
use super::rights::Rights;
use super::*;

const MASTER: Credentials<'static> = Credentials { login: "oxadminmaster", password: "secret" };
const OWNER: Credentials<'static> = Credentials { login: "oxadmin", password: "pw" };

fn user(name: &str) -> UserInput {
    let mut input = UserInput { sent: true, ..UserInput::default() };
    let mail = format!("{name}@example.test");
    for (field, value) in [
        (F::NAME, name),
        (F::DISPLAY_NAME, name),
        (F::PASSWORD, "pw"),
        (F::GIVEN_NAME, "Given"),
        (F::SUR_NAME, "Sur"),
        (F::PRIMARY_EMAIL, &mail),
        (F::EMAIL1, &mail),
    ] {
        input.fields.set(field, value);
    }
    input
}

fn change(id: u32, fields: &[(F, &str)]) -> UserInput {
    let mut input = UserInput { id: Some(i64::from(id)), sent: true, ..UserInput::default() };
    for (field, value) in fields {
        input.fields.set(*field, *value);
    }
    input
}

/// A world with the contexts 1 and 2.
fn world(options: SimOptions) -> World {
    let mut world = World::new(options, ("oxadminmaster".to_owned(), "secret".to_owned()));
    for id in [1, 2] {
        let input = ContextInput { id: Some(id), max_quota: Some(-1), ..ContextInput::default() };
        let admin = user("oxadmin");
        world.context_create(&input, Some(&admin), &Access::Default, MASTER).unwrap();
    }
    world
}

fn create(world: &mut World, name: &str) -> u32 {
    world.user_create(Some(1), &user(name), &Access::Default, OWNER).unwrap().id
}

fn by_id(id: u32) -> ObjectRef<'static> {
    ObjectRef { id: Some(i64::from(id)), name: None }
}

fn group(world: &mut World, name: &str, members: &[u32]) -> u32 {
    let input = GroupInput {
        id: None,
        name: Some(name.to_owned()),
        displayname: Some(name.to_owned()),
        members: members.iter().map(|id| Some(i64::from(*id))).collect(),
    };
    world.group_create(Some(1), &input, OWNER).unwrap().1
}

fn account(world: &mut World, user: u32, address: &str) -> Result<u32, Fault> {
    let values = [
        ("name", "n"),
        ("login", "l"),
        ("primaryAddress", address),
        ("mailServer", "h"),
        ("mailPort", "143"),
    ];
    let input = values.into_iter().map(|(name, value)| (name, value.to_owned())).collect();
    let target = AccountTarget { users: vec![i64::from(user)], groups: vec![] };
    world.account_create(Some(1), Some(&input), &target, OWNER)
}

#[test]
fn one_sequence_serves_users_groups_and_resources() {
    let mut world = world(SimOptions::shipped());
    assert_eq!(create(&mut world, "a"), 3);
    assert_eq!(group(&mut world, "g", &[3]), 4);
    let input = ResourceInput {
        name: Some("r".to_owned()),
        displayname: Some("r".to_owned()),
        email: Some("r@example.test".to_owned()),
        ..ResourceInput::default()
    };
    assert_eq!(world.resource_create(Some(1), &input, OWNER).unwrap(), (1, 5));
    world.user_delete(Some(1), &[by_id(3)], None, OWNER).unwrap();
    assert_eq!(create(&mut world, "a"), 6, "ids are not used again");
}

#[test]
fn a_refused_check_spends_no_id_but_a_database_error_does() {
    let mut world = world(SimOptions::shipped());
    create(&mut world, "a");
    world.user_create(Some(1), &user("a"), &Access::Default, OWNER).unwrap_err();
    let mut long = user("b");
    long.fields.set(F::SUR_NAME, "x".repeat(129));
    world.user_create(Some(1), &long, &Access::Default, OWNER).unwrap_err();
    assert_eq!(create(&mut world, "c"), 5);
}

#[test]
fn users_join_the_group_of_all_and_leave_all_groups_when_deleted() {
    let mut world = world(SimOptions::shipped());
    let (a, b) = (create(&mut world, "a"), create(&mut world, "b"));
    let team = group(&mut world, "team", &[a, b]);
    let members = |world: &World, id| world.context(1).unwrap().groups[&id].members.clone();
    assert_eq!(members(&world, DEFAULT_GROUP), [ADMIN, a, b]);
    world.user_delete(Some(1), &[by_id(a)], None, OWNER).unwrap();
    assert_eq!(members(&world, team), [b]);
    assert_eq!(members(&world, DEFAULT_GROUP), [ADMIN, b]);
}

#[test]
fn a_group_change_without_members_empties_the_group() {
    let mut world = world(SimOptions::shipped());
    let a = create(&mut world, "a");
    let team = group(&mut world, "team", &[a]);
    let input = GroupInput {
        id: Some(i64::from(team)),
        displayname: Some("Team".to_owned()),
        ..GroupInput::default()
    };
    world.group_change(Some(1), &input, OWNER).unwrap();
    let group = &world.context(1).unwrap().groups[&team];
    assert_eq!((group.displayname.as_str(), group.members.len()), ("Team", 0));
}

#[test]
fn members_that_are_unknown_or_twice_spoil_the_whole_group() {
    let mut world = world(SimOptions::shipped());
    let a = create(&mut world, "a");
    let team = group(&mut world, "team", &[a]);
    for members in [vec![a, a], vec![a, 99]] {
        let input = GroupInput {
            id: Some(i64::from(team)),
            members: members.iter().map(|id| Some(i64::from(*id))).collect(),
            ..GroupInput::default()
        };
        let fault = world.group_change(Some(1), &input, OWNER).unwrap_err();
        assert_eq!((fault.class, fault.text.as_str()), ("NoSuchUserException", "No such user"));
    }
    assert_eq!(world.context(1).unwrap().groups[&team].members, [a]);
}

#[test]
fn adding_a_member_who_is_there_adds_nobody() {
    let mut world = world(SimOptions::shipped());
    let (a, b) = (create(&mut world, "a"), create(&mut world, "b"));
    let team = group(&mut world, "team", &[a]);
    let both = [by_id(b), by_id(a)];
    let fault = world.group_add(Some(1), &by_id(team), Some(&both), OWNER).unwrap_err();
    assert_eq!(fault.text, "Member already exists in group");
    assert_eq!(world.context(1).unwrap().groups[&team].members, [a]);
    world.group_remove(Some(1), &by_id(team), Some(&both), OWNER).unwrap();
    assert!(world.context(1).unwrap().groups[&team].members.is_empty());
}

#[test]
fn empty_texts_are_stored_but_for_password_name_and_login() {
    let mut world = world(SimOptions::univention());
    let id = create(&mut world, "a");
    let filled = [(F::SUR_NAME, "S"), (F::EMAIL2, "x@example.test"), (F::IMAP_LOGIN, "login")];
    world.user_change(Some(1), &change(id, &filled), OWNER).unwrap();
    let empty =
        [(F::SUR_NAME, ""), (F::EMAIL2, ""), (F::IMAP_LOGIN, ""), (F::NAME, ""), (F::PASSWORD, "")];
    world.user_change(Some(1), &change(id, &empty), OWNER).unwrap();
    let user = world.context(1).unwrap().user(id).unwrap();
    assert_eq!(user.fields.get(F::SUR_NAME), Some(""));
    assert_eq!(user.fields.get(F::EMAIL2), Some(""));
    assert_eq!(user.fields.get(F::IMAP_LOGIN), Some("login"));
    assert_eq!((user.name(), user.password.as_str()), ("a", "pw"));
    assert_eq!(user.fields.get(F::GIVEN_NAME), Some("Given"), "not sent, not changed");
}

#[test]
fn empty_addresses_language_and_timezone_are_refused() {
    let mut world = world(SimOptions::univention());
    let id = create(&mut world, "a");
    let before = world.state();
    for field in [F::PRIMARY_EMAIL, F::EMAIL1, F::LANGUAGE, F::TIMEZONE] {
        world.user_change(Some(1), &change(id, &[(field, "")]), OWNER).unwrap_err();
    }
    assert_eq!(world.state(), before);
}

#[test]
fn a_primary_address_moves_only_with_all_that_belongs_to_it() {
    let mut world = world(SimOptions::univention());
    let id = create(&mut world, "a");
    let mut input = change(id, &[(F::PRIMARY_EMAIL, "n@example.test")]);
    let text = |result: Result<(u32, u32), Fault>| result.unwrap_err().text;
    let outside = "primaryMail, Email1 and defaultSenderAddress must be present in set of aliases.";
    assert_eq!(text(world.user_change(Some(1), &input, OWNER)), outside);
    input.aliases = Some(vec!["n@example.test".to_owned(), "a@example.test".to_owned()]);
    assert_eq!(text(world.user_change(Some(1), &input, OWNER)), "email1 not sent but required!");
    input.fields.set(F::EMAIL1, "n@example.test");
    input.fields.set(F::DEFAULT_SENDER_ADDRESS, "n@example.test");
    world.user_change(Some(1), &input, OWNER).unwrap();
    assert_eq!(create(&mut world, "other"), 4);
    let mut again = user("third");
    again.fields.set(F::PRIMARY_EMAIL, "N@example.test");
    again.fields.set(F::EMAIL1, "N@example.test");
    let fault = world.user_create(Some(1), &again, &Access::Default, OWNER).unwrap_err();
    assert!(fault.text.contains("already exists in context 1"), "{}", fault.text);
    // The old address is free.
    let mut old = user("fourth");
    old.fields.set(F::PRIMARY_EMAIL, "a@example.test");
    old.fields.set(F::EMAIL1, "a@example.test");
    world.user_create(Some(1), &old, &Access::Default, OWNER).unwrap();
}

#[test]
fn an_address_that_differs_only_in_case_may_stay_an_alias() {
    let mut world = world(SimOptions::univention());
    let id = create(&mut world, "a");
    let mut input = change(id, &[]);
    input.aliases = Some(vec!["A@example.test".to_owned()]);
    world.user_change(Some(1), &input, OWNER).unwrap();
    assert_eq!(world.context(1).unwrap().user(id).unwrap().aliases, ["A@example.test"]);
}

#[test]
fn names_may_change_only_where_the_server_allows_it() {
    let mut shipped = world(SimOptions::shipped());
    let id = create(&mut shipped, "a");
    let rename = change(id, &[(F::NAME, "b")]);
    let fault = shipped.user_change(Some(1), &rename, OWNER).unwrap_err();
    assert_eq!(fault.text, "Changing username is disabled!");
    let mut univention = world(SimOptions::univention());
    create(&mut univention, "a");
    univention.user_change(Some(1), &rename, OWNER).unwrap();
    let context = univention.context(1).unwrap();
    assert_eq!(context.by_login("b").unwrap().id, id);
    assert!(context.by_login("a").is_none());
}

#[test]
fn a_repeated_create_says_what_the_switch_makes_it_say() {
    for (options, text) in [
        (SimOptions::shipped(), "The displayname is already used"),
        (SimOptions::univention(), "User a already exists in this context"),
    ] {
        let mut world = world(options);
        create(&mut world, "a");
        let fault = world.user_create(Some(1), &user("a"), &Access::Default, OWNER).unwrap_err();
        assert_eq!(fault.text, text);
    }
}

#[test]
fn users_take_the_rights_of_the_administrator_when_none_are_given() {
    let mut world = world(SimOptions::univention());
    let mut sent = [Some(false); 26];
    sent[3] = Some(true);
    world.user_access(Some(1), &by_id(ADMIN), &Access::Listed(Some(sent)), OWNER).unwrap();
    let id = create(&mut world, "a");
    let rights = |world: &World, id| -> Vec<&str> {
        world.context(1).unwrap().user(id).unwrap().rights.names().collect()
    };
    assert_eq!(rights(&world, id), ["calendar", "publication"]);
    world.user_access(Some(1), &by_id(id), &Access::Listed(Some([None; 26])), OWNER).unwrap();
    let premium = Rights::combination("groupware_premium").unwrap();
    assert_eq!(rights(&world, id), premium.names().collect::<Vec<_>>());
}

#[test]
fn rights_of_administrators_are_not_for_users() {
    let mut world = world(SimOptions::univention());
    let id = create(&mut world, "a");
    let mut sent = [Some(false); 26];
    sent[16] = Some(true);
    let access = Access::Listed(Some(sent));
    let fault = world.user_access(Some(1), &by_id(id), &access, OWNER).unwrap_err();
    assert!(fault.text.starts_with("FLD-0089"), "{}", fault.text);
    world.user_access(Some(1), &by_id(ADMIN), &access, OWNER).unwrap();
}

#[test]
fn an_account_is_made_for_all_or_for_none_and_goes_with_its_user() {
    let mut world = world(SimOptions::univention());
    let (a, b) = (create(&mut world, "a"), create(&mut world, "b"));
    account(&mut world, a, "f@example.test").unwrap();
    let fault = account(&mut world, a, "F@example.test").unwrap_err();
    assert!(fault.text.starts_with("ACC-0017"), "{}", fault.text);
    account(&mut world, b, "f@example.test").unwrap();
    world.user_delete(Some(1), &[by_id(a)], None, OWNER).unwrap();
    let all = AccountTarget::default();
    let (_, left) = world.account_list(Some(1), &all, OWNER).unwrap();
    assert_eq!(left.iter().map(|(user, _)| *user).collect::<Vec<_>>(), [b]);
}

#[test]
fn deleting_an_account_of_the_own_primary_address_destroys_the_mailbox() {
    let mut world = world(SimOptions::univention());
    let id = create(&mut world, "a");
    let target = AccountTarget { users: vec![i64::from(id)], groups: vec![] };
    let address = Some("a@example.test");
    assert!(world.account_delete(Some(1), address, &target, OWNER).unwrap().1);
    assert!(!world.account_delete(Some(1), address, &target, OWNER).unwrap().1);
    let fault = world.user_change(Some(1), &change(id, &[(F::IMAP_LOGIN, "x")]), OWNER);
    assert!(fault.unwrap_err().text.starts_with("ACC-0002"));
    world.user_change(Some(1), &change(id, &[(F::by_name("note").unwrap(), "x")]), OWNER).unwrap();
}

#[test]
fn a_copy_is_in_no_group_and_its_accounts_are_hidden_but_there() {
    let mut world = world(SimOptions::univention());
    let id = create(&mut world, "a");
    account(&mut world, id, "f@example.test").unwrap();
    let copy = world.user_copy(Some(&by_id(id)), Some(1), Some(2), MASTER).unwrap();
    let context = world.context(2).unwrap();
    assert!(context.groups.values().all(|group| !group.members.contains(&copy)));
    let user = context.user(copy).unwrap();
    assert_eq!(user.quota_shown, 0);
    assert!(user.rights.names().any(|right| right == "globalAddressBookDisabled"));
    let target = AccountTarget { users: vec![i64::from(copy)], groups: vec![] };
    assert!(world.account_list(Some(2), &target, OWNER).unwrap().1.is_empty());
    let input = [("name", "n"), ("login", "l"), ("primaryAddress", "f@example.test")];
    let mut input: BTreeMap<_, _> =
        input.into_iter().map(|(name, value)| (name, value.to_owned())).collect();
    input.insert("mailServer", "h".to_owned());
    let fault = world.account_create(Some(2), Some(&input), &target, OWNER).unwrap_err();
    assert!(fault.text.starts_with("ACC-0017"), "{}", fault.text);
    let again = world.user_copy(Some(&by_id(id)), Some(1), Some(2), MASTER).unwrap_err();
    assert!(again.text.starts_with("UCP-0011"), "{}", again.text);
}

#[test]
fn a_deleted_context_frees_its_id_name_and_mappings() {
    let mut world = world(SimOptions::univention());
    create(&mut world, "a");
    let first = ObjectRef { id: Some(1), name: None };
    world.context_delete(&first, MASTER).unwrap();
    assert!(!world.context_exists(&first, MASTER).unwrap());
    let fault = world.user_list(Some(1), "*", false, OWNER).unwrap_err();
    assert_eq!(fault.text, "Authentication failed", "a missing context looks like a bad password");
    let input = ContextInput { id: Some(1), max_quota: Some(5), ..ContextInput::default() };
    world.context_create(&input, Some(&user("oxadmin")), &Access::Default, MASTER).unwrap();
    assert_eq!(create(&mut world, "a"), 3);
}

#[test]
fn recreating_a_context_can_be_made_to_fail_once() {
    let options = SimOptions { recreate_conflict: true, ..SimOptions::univention() };
    let mut world = world(options);
    world.context_delete(&ObjectRef { id: Some(1), name: None }, MASTER).unwrap();
    let input = ContextInput { id: Some(1), max_quota: Some(5), ..ContextInput::default() };
    let mut again =
        || world.context_create(&input, Some(&user("oxadmin")), &Access::Default, MASTER);
    assert!(again().unwrap_err().text.starts_with("FLD-0038"));
    again().unwrap();
}

#[test]
fn the_master_is_let_into_contexts_only_by_a_switch() {
    let refused = world(SimOptions::univention()).user_list(Some(1), "*", false, MASTER);
    assert_eq!(refused.unwrap_err().class, "InvalidCredentialsException");
    let options = SimOptions { master_override: true, ..SimOptions::univention() };
    world(options).user_list(Some(1), "*", false, MASTER).unwrap();
}

#[test]
fn equal_worlds_have_equal_states() {
    let build = || {
        let mut world = world(SimOptions::univention());
        let a = create(&mut world, "a");
        group(&mut world, "g", &[a]);
        account(&mut world, a, "f@example.test").unwrap();
        world
    };
    let (mut left, right) = (build(), build());
    assert_eq!(left.state().to_string(), right.state().to_string());
    create(&mut left, "b");
    assert_ne!(left.state(), right.state());
}
