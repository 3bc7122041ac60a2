//! What is provisioned at all, what becomes of what leaves the scope, and what is never touched.

use std::collections::{BTreeMap, BTreeSet};

use drover::actors::operator::{Again, Order};
use drover::actors::supervisor::Until;
use drover::model::{Dn, Fate, ItemName, ObjectId, ObjectKind};
use drover::scope::{Applies, Marker, OnLeave, OutOfScope, Pattern, Protect, Protection, Scope};
use drover::store::Store;
use serde_json::{Value, json};

use crate::engine::{context, file, gone, group, paused, run_once, until, user};
use crate::fakes::Bench;

fn with(mut item: Value, change: &Value) -> Value {
    for (key, value) in change.as_object().unwrap() {
        item["object"][key] = value.clone();
    }
    item
}

fn all<T>(rule: T) -> Vec<Applies<T>> {
    vec![Applies::new(None, rule)]
}

fn marker() -> Vec<Applies<Marker>> {
    all(Marker::new("univentionObjectFlag=hidden").unwrap())
}

/// The item, with a marker on its object.
fn hidden(item: Value) -> Value {
    with(item, &json!({"univentionObjectFlag": ["hidden"]}))
}

fn put(bench: &Bench, n: u32, item: &Value) {
    bench.queue.put(&file(n), item);
}

/// Provisions these, and says which calls that took.
async fn calls(bench: &Bench, n: u32, items: &[Value]) -> Vec<String> {
    let before = bench.ox.log().len();
    for (item, n) in items.iter().zip(n..) {
        put(bench, n, item);
    }
    let report = run_once(bench).await;
    assert_eq!(report.snapshot.faulty, []);
    bench.ox.log().split_off(before).into_iter().map(|seen| seen.what).collect()
}

fn why(bench: &Bench, n: u32) -> String {
    match bench.store.outcome(&ItemName::new(&file(n))).unwrap().unwrap().fate {
        Fate::NoOp { reason } => reason,
        other => panic!("{other:?}"),
    }
}

fn scoped(on_leave: OnLeave) -> Bench {
    let mut bench = Bench::new();
    bench.provisioned = Scope {
        exclude_marked: marker(),
        on_leave: ObjectKind::ALL.into_iter().map(|kind| (kind, on_leave)).collect(),
        ..Scope::default()
    };
    bench
}

/// A context with anna and bert, who are a team.
fn town() -> [Value; 4] {
    [context(1), user("anna", 1), user("bert", 1), group("team", &["anna", "bert"])]
}

// SRC-24, SRC-26
#[test]
fn what_is_out_of_scope_from_the_start_costs_no_call_and_says_why() {
    paused(async {
        let mut bench = Bench::new();
        bench.provisioned = Scope {
            kinds: ObjectKind::ALL.into_iter().filter(|kind| *kind != ObjectKind::Group).collect(),
            include: all(Dn::new("DC=x")),
            exclude: vec![Applies::new(Some(ObjectKind::User), Dn::new("uid=carl, dc=X"))],
            exclude_names: all(Pattern::new("^test").unwrap()),
            exclude_marked: marker(),
            ..Scope::default()
        };
        let [context, anna, bert, team] = town();
        calls(&bench, 0, &[context, anna, bert]).await;
        let mut elsewhere = user("dora", 1);
        elsewhere["dn"] = json!("uid=dora,dc=y");
        let out = [
            (team, OutOfScope::Kind),
            (user("carl", 1), OutOfScope::Excluded),
            (user("test-1", 1), OutOfScope::Name),
            (hidden(user("emil", 1)), OutOfScope::Marked),
            (elsewhere, OutOfScope::NotIncluded),
        ];
        let items: Vec<Value> = out.iter().map(|(item, _)| item.clone()).collect();
        assert_eq!(calls(&bench, 10, &items).await, [""; 0]);
        for ((_, out), n) in out.iter().zip(10..) {
            assert_eq!(why(&bench, n), out.why());
        }
        assert_eq!(bench.ox.users(1), ["anna", "bert"]);
        // Nor do their further changes and their deletion.
        let items: Vec<Value> = items
            .iter()
            .map(|item| with(item.clone(), &json!({"lastname": "Z"})))
            .chain(items.iter().cloned().map(gone))
            .collect();
        assert_eq!(calls(&bench, 20, &items).await, [""; 0]);
    });
}

// SRC-24: nobody asks OX for a member who is out of scope.
#[test]
fn a_member_out_of_scope_is_not_in_ox_and_comes_into_his_groups_with_the_scope() {
    for on_leave in [OnLeave::Delete, OnLeave::Keep, OnLeave::Disable] {
        paused(async move {
            let bench = scoped(on_leave);
            let [context, anna, bert, team] = town();
            let done = calls(&bench, 0, &[context, anna, hidden(bert.clone()), team]).await;
            assert_eq!(done.len(), 3, "{done:?}");
            assert_eq!(bench.ox.groups(1)["team"], ["anna"]);
            calls(&bench, 10, &[bert]).await;
            assert_eq!(bench.ox.groups(1)["team"], ["anna", "bert"]);
        });
    }
}

// SRC-27
#[test]
fn who_leaves_the_scope_is_deleted_or_disabled_or_kept_and_comes_back() {
    for on_leave in [OnLeave::Delete, OnLeave::Disable, OnLeave::Keep] {
        paused(async move {
            let bench = scoped(on_leave);
            let [_, anna, ..] = town();
            let anna = with(anna, &json!({"oxAccess": "webmail"}));
            calls(&bench, 0, &town()).await;
            calls(&bench, 10, std::slice::from_ref(&anna)).await;
            assert_eq!(bench.ox.rights(1, "anna").1, 1);
            let changed = with(hidden(anna.clone()), &json!({"lastname": "Other"}));
            let done = calls(&bench, 20, std::slice::from_ref(&changed)).await;
            match on_leave {
                OnLeave::Delete => {
                    assert_eq!(bench.ox.users(1), ["bert"]);
                    assert!(bench.store.object(&ObjectId::new("id-anna")).unwrap().is_none());
                }
                OnLeave::Disable => {
                    assert_eq!(bench.ox.rights(1, "anna"), (false, 0));
                    assert_eq!(bench.ox.field(1, "anna", "sur_name"), "B");
                }
                OnLeave::Keep => {
                    assert_eq!(done, [""; 0]);
                    assert_eq!(why(&bench, 20), OutOfScope::Marked.why());
                    assert_eq!(bench.ox.field(1, "anna", "sur_name"), "B");
                }
            }
            let again = with(changed, &json!({"lastname": "Third"}));
            let done = calls(&bench, 30, std::slice::from_ref(&again)).await;
            assert_eq!(done, [""; 0], "{on_leave:?}");
            // Her group changes meanwhile; one who is kept stays in it, though the directory takes her out.
            if on_leave == OnLeave::Keep {
                calls(&bench, 40, &[user("carl", 1), group("team", &["bert", "carl"])]).await;
                assert_eq!(bench.ox.groups(1)["team"], ["anna", "bert", "carl"]);
            }
            let team = group("team", &["anna", "bert"]);
            calls(&bench, 50, &[with(anna, &json!({"lastname": "Back"})), team]).await;
            assert_eq!(bench.ox.field(1, "anna", "sur_name"), "Back");
            assert_eq!(bench.ox.rights(1, "anna"), (true, 1));
            assert_eq!(bench.ox.groups(1)["team"], ["anna", "bert"]);
        });
    }
}

// SRC-27: within one reading, one after the other, and folded where nobody can tell.
#[test]
fn creation_and_leaving_are_done_in_order() {
    for (on_leave, there) in
        [(OnLeave::Delete, vec!["bert"]), (OnLeave::Keep, vec!["anna", "bert"])]
    {
        paused(async move {
            let bench = scoped(on_leave);
            let [context, anna, bert, team] = town();
            let items = [context, anna.clone(), bert, team, hidden(anna.clone()), hidden(anna)];
            calls(&bench, 0, &items).await;
            assert_eq!(bench.ox.users(1), there);
            assert_eq!(bench.ox.groups(1)["team"], there);
        });
    }
}

#[test]
fn groups_and_contexts_leave_the_scope_and_are_kept_or_deleted_over_a_restart() {
    for on_leave in [OnLeave::Delete, OnLeave::Keep] {
        paused(async move {
            let bench = scoped(on_leave);
            calls(&bench, 0, &town()).await;
            let [town_context, _, _, team] = town();
            let done = calls(&bench, 10, &[hidden(team.clone())]).await;
            let gone_too = [hidden(team.clone()), gone(team)];
            if on_leave == OnLeave::Keep {
                assert_eq!(done, [""; 0]);
                assert_eq!(calls(&bench, 20, &[user("carl", 1)]).await, ["user_create carl"]);
                assert_eq!(calls(&bench, 30, &gone_too).await, [""; 0]);
                assert_eq!(bench.ox.groups(1)["team"], ["anna", "bert"]);
                let kept = [hidden(town_context.clone()), gone(town_context)];
                assert_eq!(calls(&bench, 40, &kept).await, [""; 0]);
                assert_eq!(bench.ox.contexts(), [1]);
            } else {
                assert_eq!(done, ["group_delete team"]);
                assert_eq!(calls(&bench, 30, &gone_too).await, [""; 0]);
                assert_eq!(calls(&bench, 40, &[hidden(town_context)]).await, ["context_delete "]);
            }
        });
    }
}

#[test]
fn what_is_kept_or_protected_is_not_provisioned_again_either() {
    paused(async {
        let bench = scoped(OnLeave::Keep);
        let [_, anna, ..] = town();
        calls(&bench, 0, &town()).await;
        calls(&bench, 10, &[hidden(anna)]).await;
        bench.ox.set_field(1, "anna", "sur_name", "Hand");
        bench.ox.set_field(1, "bert", "sur_name", "Hand");
        let engine = bench.start(Until::Told);
        engine.operator().order(Order::ProvisionAgain(Again::All)).await.unwrap();
        until(&engine, |s| s.looked_again == 4 && s.pending == 0).await;
        assert_eq!(bench.ox.field(1, "anna", "sur_name"), "Hand");
        assert_eq!(bench.ox.field(1, "bert", "sur_name"), "B");
    });
}

/// A bench over the same OX, store and queue, with everything named protected.
fn protecting(mut bench: Bench, protect: Protect) -> Bench {
    bench.provisioned = Scope { protect, ..Scope::default() };
    bench
}

fn anna_by(way: usize) -> Protect {
    match way {
        0 => Protect { ids: BTreeSet::from([ObjectId::new("id-anna")]), ..Protect::default() },
        1 => Protect {
            names: vec![Applies::new(Some(ObjectKind::User), Pattern::new("^ann").unwrap())],
            ..Protect::default()
        },
        _ => Protect { marked: marker(), ..Protect::default() },
    }
}

// REC-23
#[test]
fn a_protected_user_is_never_touched_in_any_way() {
    for way in 0..3 {
        paused(async move {
            let bench = Bench::new();
            let [_, anna, ..] = town();
            calls(&bench, 0, &[town().to_vec(), vec![context(2)]].concat()).await;
            let bench = protecting(bench, anna_by(way));
            let anna = hidden(anna);
            let items = [
                with(anna.clone(), &json!({"lastname": "Z"})),
                with(
                    anna.clone(),
                    &json!({"username": "anne", "mailPrimaryAddress": "z@x.example"}),
                ),
                with(anna.clone(), &json!({"oxContext": 2})),
                with(anna.clone(), &json!({"isOxUser": "Not"})),
                gone(anna),
            ];
            for (item, n) in items.iter().zip(10..) {
                assert_eq!(calls(&bench, n, std::slice::from_ref(item)).await, [""; 0]);
            }
            let reason = [Protection::Id, Protection::Name, Protection::Marked][way].why();
            assert_eq!([why(&bench, 10), why(&bench, 14)], [reason, reason]);
            assert_eq!(bench.ox.field(1, "anna", "sur_name"), "B");
            // Nor is she taken out of a group, or put into one.
            let groups = [group("team", &["bert"]), group("others", &["anna", "bert"])];
            calls(&bench, 20, &groups).await;
            assert_eq!(bench.ox.groups(1)["team"], ["anna", "bert"]);
            assert_eq!(bench.ox.groups(1)["others"], ["bert"]);
        });
    }
}

// REC-23: drover did not put her there, and writes the whole list.
#[test]
fn a_protected_user_in_a_group_by_hand_stays_in_it_when_its_whole_list_is_written() {
    paused(async {
        let bench = Bench::new();
        calls(&bench, 0, &town()).await;
        calls(&bench, 5, &[group("club", &["bert"])]).await;
        let mut bench = protecting(bench, anna_by(0));
        bench.groups.delta_max = 0;
        bench.ox.set_members(1, "club", &["anna", "bert"]);
        bench.ox.set_members(1, "team", &["bert"]);
        let items = [
            user("carl", 1),
            group("club", &["bert", "carl"]),
            group("team", &["anna", "bert", "carl"]),
        ];
        calls(&bench, 10, &items).await;
        assert_eq!(bench.ox.groups(1)["club"], ["anna", "bert", "carl"]);
        assert_eq!(bench.ox.groups(1)["team"], ["bert", "carl"]);
    });
}

// REC-23: one that drover has never seen before, made in OX by hand.
#[test]
fn a_protected_user_made_by_hand_is_not_taken_over_and_not_created() {
    paused(async {
        let mut bench = Bench::new();
        calls(
            &bench,
            0,
            &[context(1), user("anna", 1), user("bert", 1), group("team", &["anna", "bert"])],
        )
        .await;
        // Another drover, which knows nothing, over the same OX.
        bench.store = std::sync::Arc::default();
        let bench = protecting(bench, anna_by(0));
        let items = [context(1), user("anna", 1), user("bert", 1), group("team", &["bert"])];
        for (item, n) in items.iter().zip(10..) {
            put(&bench, n, item);
        }
        run_once(&bench).await;
        assert_eq!(why(&bench, 11), Protection::Id.why());
        let log: Vec<String> = bench.ox.log().into_iter().map(|seen| seen.what).collect();
        let written = |what: &str| log.iter().filter(|call| call.contains(what)).count();
        assert_eq!(written("user_create anna"), 1, "by the first one");
        assert_eq!(written("user_change anna"), 0);
    });
}

// REC-23
#[test]
fn a_context_with_protected_objects_is_not_deleted_until_they_are_not_protected_any_more() {
    paused(async {
        let bench = Bench::new();
        calls(&bench, 0, &[town().to_vec(), vec![context(2), user("carl", 2)]].concat()).await;
        let bench = protecting(bench, anna_by(0));
        put(&bench, 10, &gone(context(1)));
        put(&bench, 11, &gone(context(2)));
        let report = run_once(&bench).await;
        assert_eq!(bench.ox.contexts(), [1]);
        let faulty = &report.snapshot.faulty;
        assert_eq!(faulty.len(), 1);
        assert!(
            faulty[0].fault.contains("1 protected objects") && faulty[0].fault.contains("id-anna")
        );
        assert!(faulty[0].fault.contains("[protect]"), "the cure: {}", faulty[0].fault);
        let bench = protecting(bench, Protect::default());
        assert_eq!(run_once(&bench).await.snapshot.faulty, []);
        assert_eq!(bench.ox.contexts(), [0; 0]);
    });
}

#[test]
fn a_kept_group_and_on_leave_by_kind() {
    paused(async {
        let mut bench = scoped(OnLeave::Delete);
        bench.provisioned.on_leave = BTreeMap::from([(ObjectKind::Group, OnLeave::Keep)]);
        calls(&bench, 0, &town()).await;
        let [_, anna, _, team] = town();
        calls(&bench, 10, &[hidden(anna), hidden(team)]).await;
        assert_eq!(bench.ox.users(1), ["bert"]);
        // OX takes her out itself; nothing is written to the group that is kept.
        let log = bench.ox.log();
        assert!(
            !log.iter()
                .any(|seen| seen.what.starts_with("group_")
                    && !seen.what.starts_with("group_create"))
        );
    });
}

// SRC-24, SRC-27, REC-23: the real binary, settings from its file, an OX that speaks SOAP.
#[test]
fn an_administrator_sets_the_scope_and_what_is_protected_in_the_settings_file() {
    use crate::scene::{Batches, ByHand, field, members};
    use crate::world::{self, World, group, user, with};

    let world = World::new();
    let settings = r#"
        [scope]
        types = ["context", "user", "group", "profile"]
        exclude = ["user: cn=services, DC=heide,dc=example"]
        exclude_marked = ["univentionObjectFlag = hidden"]
        [scope.on_leave]
        user = "disable"
        [protect]
        names = ["user:^boss$"]
    "#;
    std::fs::write(world.data.path().join("drover.toml"), settings).unwrap();
    let by_hand = ByHand::of(&world);
    let boss = by_hand.create_user(10, "boss");
    by_hand.create_group(10, "staff", &[boss]);
    let mut batches = Batches::of(&world);
    let mut service = user("robot", 10);
    service["dn"] = json!("uid=robot,cn=Services,dc=heide,dc=example");
    batches.done([
        service,
        user("boss", 10),
        user("anna", 10),
        world::resource("room", 10),
        group("staff", &["anna", "robot"]),
        group("board", &["anna", "boss"]),
    ]);
    assert_eq!(world.users(10), ["anna", "boss"]);
    assert!(world.context(10)["resources"].as_object().is_none_or(serde_json::Map::is_empty));
    assert_eq!(members(&world, 10, "staff").unwrap(), ["anna", "boss"], "he was in it by hand");
    assert_eq!(members(&world, 10, "board").unwrap(), ["anna"]);
    let before = crate::scene::raw_user(&world, 10, "boss");
    let hidden =
        with(user("anna", 10), json!({"univentionObjectFlag": ["hidden"], "lastname": "Z"}));
    batches.done([
        with(user("boss", 10), json!({"lastname": "Other", "username": "boss"})),
        world::gone(user("boss", 10)),
        hidden,
    ]);
    assert_eq!(crate::scene::raw_user(&world, 10, "boss"), before);
    let rights = crate::scene::rights(&world, 10, "anna");
    assert!(!rights.contains(&"webmail".to_owned()), "{rights:?}");
    assert_ne!(field(&world, 10, "anna", "sur_name"), "Z");
    batches.done([with(user("anna", 10), json!({"lastname": "Z"}))]);
    assert_eq!(field(&world, 10, "anna", "sur_name"), "Z");
    let rights = crate::scene::rights(&world, 10, "anna");
    assert!(rights.contains(&"webmail".to_owned()), "{rights:?}");
    world.assert_no_overlap();
    // A slip of the pen stops the start with the place and the cure.
    std::fs::write(world.data.path().join("drover.toml"), "[protect]\nnames = [\"a(\"]").unwrap();
    let run = world.run_once();
    assert_ne!(run.code, 0);
    let told = format!("{}{}", run.stdout, run.log);
    assert!(told.contains("key protect.names") && told.contains("unclosed group"), "{told}");
}
