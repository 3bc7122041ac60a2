use serde_json::{Value, json};

use super::*;
use crate::demo::{Defaults, Directory, Params, Workload};

fn state() -> Value {
    json!({ "contexts": { "7": {
        "name": "seven", "maxQuota": 100,
        "users": { "anna": {
            "name": "anna", "display_name": "Anna", "note": "", "birthday": "1985-12-24",
            "aliases": ["a@x", "b@x"], "mailenabled": true, "rights": ["tasks", "webmail"],
            "accounts": [{ "address": "d@x", "name": "desk", "personal": "", "login": "1anna" }],
        }},
        "groups": { "team": { "displayname": "team", "members": ["anna"] } },
        "resources": { "beamer": { "displayname": "Beamer", "description": "", "email": "b@x" } },
    }}})
}

#[test]
fn equal_states_do_not_differ_nor_do_forms_without_meaning() {
    assert_eq!(compare(&state(), &state()), []);
    let mut other = state();
    let context = &mut other["contexts"]["7"];
    context["groups"]["users"] = json!({ "displayname": "Standard group", "members": [] });
    context["enabled"] = json!(true);
    let anna = &mut context["users"]["anna"];
    anna["aliases"] = json!(["b@x", "a@x"]);
    anna["rights"] = json!(["webmail", "publication", "tasks"]);
    anna["birthday"] = json!("1985-12-24+01:00");
    anna["id"] = json!(3);
    anna.as_object_mut().unwrap().remove("note");
    assert_eq!(compare(&state(), &other), []);
}

#[test]
fn every_planted_difference_is_found_with_its_place() {
    let anna = "/contexts/7/users/anna";
    let cases = [
        ("/contexts/7/maxQuota", json!(5), ("context", "7", "maxQuota")),
        ("/contexts/7/maxQuota", json!(null), ("context", "7", "maxQuota")),
        ("/contexts/7/name", json!("x"), ("context", "7", "name")),
        (&*format!("{anna}/display_name"), json!("Ann"), ("user", "anna", "display_name")),
        (&*format!("{anna}/display_name"), json!("anna"), ("user", "anna", "display_name")),
        (&*format!("{anna}/note"), json!("left over"), ("user", "anna", "note")),
        (&*format!("{anna}/birthday"), json!("1985-12-25Z"), ("user", "anna", "birthday")),
        (&*format!("{anna}/mailenabled"), json!(false), ("user", "anna", "mailenabled")),
        (&*format!("{anna}/aliases"), json!(["a@x"]), ("user", "anna", "aliases")),
        (&*format!("{anna}/aliases"), json!(["a@x", "b@x", "c@x"]), ("user", "anna", "aliases")),
        (&*format!("{anna}/rights"), json!(["webmail"]), ("user", "anna", "rights")),
        (&*format!("{anna}/accounts"), json!([]), ("account", "anna d@x", "")),
        (&*format!("{anna}/accounts/0/login"), json!("2"), ("account", "anna d@x", "login")),
        ("/contexts/7/users", json!({}), ("user", "anna", "")),
        ("/contexts/7/groups/team/members", json!([]), ("group", "team", "members")),
        ("/contexts/7/groups", json!({}), ("group", "team", "")),
        ("/contexts/7/resources", json!({}), ("resource", "beamer", "")),
        ("/contexts/7/resources/beamer/email", json!("c@x"), ("resource", "beamer", "email")),
        ("/contexts", json!({}), ("context", "7", "")),
    ];
    for (path, value, place) in cases {
        let mut actual = state();
        *actual.pointer_mut(path).unwrap() = value;
        let found = compare(&state(), &actual);
        let [one] = found.as_slice() else { panic!("{path}: {found:?}") };
        assert_eq!((one.kind, one.object.as_str(), one.field.as_str()), place);
        assert_eq!(one.context, "7");
    }
}

#[test]
fn what_is_too_much_is_found_too() {
    let mut actual = state();
    actual["contexts"]["8"] = json!({});
    let context = &mut actual["contexts"]["7"];
    context["users"]["bruno"] = json!({ "name": "bruno" });
    context["groups"]["ghosts"] = json!({ "members": [] });
    context["resources"]["room"] = json!({});
    let found: Vec<String> = compare(&state(), &actual).iter().map(ToString::to_string).collect();
    assert_eq!(
        found,
        [
            "context 7: user bruno is too much",
            "context 7: group ghosts is too much",
            "context 7: resource room is too much",
            "context 8: context 8 is too much",
        ]
    );
}

/// Any leaf that is changed in a real expectation is found.
#[test]
fn in_a_whole_workload_no_field_is_overlooked() {
    let defaults = Defaults { default_context: 1, imap_host: "mail.example".to_owned() };
    let mut directory = Directory::new(defaults);
    let workload = Workload::generate(Params { contexts: 2, users: 4, seed: 5 });
    directory.apply_all(workload.items().map(|item| &item.content));
    let expected = directory.expected_state();
    let mut paths = Vec::new();
    leaves(&expected, String::new(), &mut paths);
    assert!(paths.len() > 200);
    for path in paths {
        let mut actual = expected.clone();
        *actual.pointer_mut(&path).unwrap() = json!("something else");
        assert!(!compare(&expected, &actual).is_empty(), "{path}");
    }
}

fn leaves(value: &Value, path: String, paths: &mut Vec<String>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (name, value) in map {
                let name = name.replace('~', "~0").replace('/', "~1");
                leaves(value, format!("{path}/{name}"), paths);
            }
        }
        Value::Array(list) if !list.is_empty() => {
            for (index, value) in list.iter().enumerate() {
                leaves(value, format!("{path}/{index}"), paths);
            }
        }
        // Nothing is what an empty list or object says; something in its place is found elsewhere.
        Value::Object(_) | Value::Array(_) => {}
        _ => paths.push(path),
    }
}

/// A call in a log under construction: one after the other, 10 µs each.
fn call(seq: u64, title: &str, contexts: &[u32], id: Option<i64>, name: Option<&str>) -> Call {
    let (service, operation) = title.split_once('.').unwrap();
    Call {
        seq,
        service: service.to_owned(),
        operation: operation.to_owned(),
        contexts: contexts.to_vec(),
        id,
        name: name.map(str::to_owned),
        start_us: seq * 10,
        end_us: seq * 10 + 10,
        ok: true,
    }
}

#[test]
fn calls_one_after_the_other_or_in_other_contexts_do_not_overlap() {
    let mut log = vec![
        call(0, "OXUserService.create", &[7], None, None),
        call(1, "OXUserService.change", &[7], None, None),
    ];
    log.push(Call {
        start_us: 0,
        end_us: 100,
        ..call(2, "OXUserService.create", &[8], None, None)
    });
    assert_eq!(overlaps(&log), []);
}

#[test]
fn every_overlap_is_found() {
    let long = Call { end_us: 45, ..call(0, "OXContextService.getData", &[7], None, None) };
    let copy = call(2, "OXUserCopyService.copyUser", &[8, 7], None, None);
    let mut failed = call(3, "OXGroupService.create", &[7], None, None);
    failed.ok = false;
    let log = [long, call(1, "OXUserService.exists", &[7], None, None), copy, failed];
    let found: Vec<(u32, u64, u64)> =
        overlaps(&log).iter().map(|o| (o.context, o.running, o.began)).collect();
    assert_eq!(found, [(7, 0, 1), (7, 0, 2), (7, 0, 3)]);
    // The other context of a copy counts as well.
    let log = [
        Call { end_us: 25, ..call(1, "OXUserService.create", &[8], None, None) },
        call(2, "OXUserCopyService.copyUser", &[8, 7], None, None),
    ];
    assert_eq!(overlaps(&log).len(), 1);
}

fn item(id: &str, kind: &str, object: &Value) -> Value {
    json!({ "id": id, "udm_object_type": kind, "dn": "cn=x", "object": object })
}

fn user(id: &str, context: u32) -> Value {
    let address = format!("{id}@x");
    let object = json!({
        "username": id, "isOxUser": "OK", "oxContext": context, "mailPrimaryAddress": address,
    });
    item(id, "users/user", &object)
}

fn gone(id: &str) -> Value {
    item(id, "users/user", &Value::Null)
}

fn disorders(log: &[Call], batches: &[&[Value]]) -> Vec<(u64, String)> {
    let batches: Vec<Vec<&Value>> = batches.iter().map(|batch| batch.iter().collect()).collect();
    order(log, &batches).into_iter().map(|disorder| (disorder.seq, disorder.what)).collect()
}

#[test]
fn a_right_order_is_not_blamed() {
    let log = [
        call(0, "OXContextService.exists", &[7], None, None),
        call(1, "OXContextService.create", &[7], None, None),
        call(2, "OXUserService.createByModuleAccess", &[7], Some(3), Some("a")),
        call(3, "OXUserService.createByModuleAccess", &[7], Some(4), Some("b")),
        call(4, "OXUserService.delete", &[7], Some(3), None),
        call(5, "OXContextService.delete", &[7], None, None),
        call(6, "OXContextService.create", &[7], None, None),
        call(7, "OXUserService.create", &[7], Some(3), Some("c")),
        call(8, "OXUserService.change", &[7], Some(3), None),
    ];
    assert_eq!(disorders(&log, &[&[user("a", 7), user("b", 7)], &[gone("a"), user("c", 7)]]), []);
    // A context that was there before is not blamed for being used.
    let log = [call(0, "OXUserService.create", &[10], Some(3), Some("a"))];
    assert_eq!(disorders(&log, &[&[user("a", 10)]]), []);
}

#[test]
fn nothing_is_asked_of_a_context_that_is_not_there() {
    let refused = Call { ok: false, ..call(0, "OXUserService.create", &[7], None, Some("a")) };
    let log = [
        refused,
        call(1, "OXContextService.create", &[7], None, None),
        call(2, "OXContextService.delete", &[7], None, None),
        Call { ok: false, ..call(3, "OXGroupService.getData", &[7], None, None) },
        Call { ok: false, ..call(4, "OXContextService.change", &[7], None, None) },
        call(5, "OXContextService.create", &[7], None, None),
    ];
    let seqs: Vec<u64> = disorders(&log, &[]).into_iter().map(|(seq, _)| seq).collect();
    assert_eq!(seqs, [0, 3, 4]);
}

#[test]
fn the_dead_stay_dead() {
    let log = [
        call(1, "OXUserService.delete", &[10], Some(3), None),
        Call { ok: false, ..call(2, "OXUserService.change", &[10], Some(3), None) },
        call(3, "OXGroupService.change", &[10], Some(3), None),
        // Asked again after a lost answer: refused, and nothing is wrong with that.
        Call { ok: false, ..call(4, "OXUserService.delete", &[10], Some(3), None) },
        call(5, "OXUserService.delete", &[10], Some(3), None),
    ];
    let items = [user("a", 10), user("b", 10), gone("a"), gone("b")];
    let seqs: Vec<u64> = disorders(&log, &[&items]).into_iter().map(|(seq, _)| seq).collect();
    assert_eq!(seqs, [2, 5]);
}

#[test]
fn creations_and_deletions_follow_the_queue() {
    let made = |seq, id, name| call(seq, "OXUserService.create", &[10], Some(id), Some(name));
    let items = [user("a", 10), user("b", 10), user("c", 10)];
    let log = [made(0, 3, "a"), made(1, 4, "c"), made(2, 5, "b")];
    let found = disorders(&log, &[&items]);
    assert_eq!(found.len(), 1);
    assert_eq!(
        found[0],
        (
            1,
            "creation of c came before the creation of b, which is earlier in the queue".to_owned()
        )
    );
    // In two batches the same log is right, if the batches say so.
    assert_eq!(disorders(&log, &[&[user("a", 10), user("c", 10)], &[user("b", 10)]]), []);
    // Deletions, by number.
    let mut log = vec![made(0, 3, "a"), made(1, 4, "b")];
    log.push(call(2, "OXUserService.delete", &[10], Some(4), None));
    log.push(call(3, "OXUserService.delete", &[10], Some(3), None));
    // Who leaves may go ahead of his batch, but not of an earlier one.
    let batches: [&[Value]; 2] = [&items[..2], &[gone("a"), gone("b")]];
    assert_eq!(disorders(&log, &batches), []);
    let batches: [&[Value]; 3] = [&items[..2], &[gone("a")], &[gone("b")]];
    let found = disorders(&log, &batches);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].1.starts_with("deletion of b came before the deletion of a"), "{found:?}");
}

#[test]
fn what_may_be_taken_together_or_has_to_wait_is_not_blamed() {
    let made = |seq, id, name| call(seq, "OXUserService.create", &[10], Some(id), Some(name));
    let log = [made(0, 3, "b"), made(1, 4, "a")];
    // Two items of one user may be done at the place of either.
    let batch = [user("a", 10), user("b", 10), user("a", 10)];
    assert_eq!(disorders(&log, &[&batch]), []);
    // a's address is b's alias: one may have to wait for the other.
    let mut second = user("b", 10);
    second["object"]["mailAlternativeAddress"] = json!("A@x");
    assert_eq!(disorders(&log, &[&[user("a", 10), second]]), []);
}

#[test]
fn who_is_deleted_to_be_made_anew_is_noticed() {
    let log = [
        call(0, "OXUserService.create", &[10], Some(3), Some("a")),
        call(1, "OXUserService.delete", &[10], Some(3), None),
        call(2, "OXUserService.create", &[10], Some(4), Some("a")),
        call(3, "OXUserCopyService.copyUser", &[10, 11], Some(3), None),
        call(4, "OXUserService.delete", &[10], Some(4), None),
    ];
    // Moved from 10 to 11 once; the first deletion takes what the move was allowed.
    let seqs = |batch: &[Value]| -> Vec<u64> {
        disorders(&log, &[batch]).into_iter().map(|(seq, _)| seq).collect()
    };
    assert_eq!(seqs(&[user("a", 10), user("a", 11)]), [2, 4]);
    let anew = [user("a", 10), gone("a"), user("a", 10), user("a", 11)];
    assert_eq!(seqs(&anew), [] as [u64; 0]);
    // Of a context that was deleted and made anew, everybody may be made anew.
    let context = |object| item("ctx", "oxmail/oxcontext", &object);
    let there = context(json!({ "contextid": "10" }));
    let rebuilt = [there.clone(), user("a", 10), context(Value::Null), there, user("a", 10)];
    let log = [
        call(0, "OXContextService.create", &[10], None, None),
        call(1, "OXUserService.create", &[10], Some(3), Some("a")),
        call(2, "OXContextService.delete", &[10], None, None),
        call(3, "OXContextService.create", &[10], None, None),
        call(4, "OXUserService.create", &[10], Some(3), Some("a")),
    ];
    assert_eq!(disorders(&log, &[&rebuilt]), []);
}
