//! `drover apply`: what files describe comes into OX, once; mistakes are told with their place; only
//! what an apply has made is ever pruned.

use std::path::{Path, PathBuf};

use drover::cli::Exit;
use serde_json::{Value, json};

use crate::world::{Run, World, context, file, user};

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/config/examples/school.yaml");

/// `drover apply` in that world.
fn apply(world: &World, arguments: &[&str]) -> Run {
    world.ask("apply", arguments)
}

/// The same, and it must have worked.
#[track_caller]
fn applied(world: &World, arguments: &[&str]) -> Run {
    let run = apply(world, arguments);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.log);
    assert_eq!(world.queue(), Vec::<String>::new());
    world.assert_accounted_for();
    run
}

fn writes(world: &World) -> usize {
    let reads = ["exists", "get", "list"];
    let calls = world.calls();
    let is_write = |call: &&String| {
        let operation = call.split_once('.').unwrap().1;
        !reads.iter().any(|read| operation.starts_with(read))
    };
    calls.iter().filter(is_write).count()
}

fn put(world: &World, name: &str, text: &str) -> PathBuf {
    let path = world.data.path().join(name);
    std::fs::write(&path, text).unwrap();
    path
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

const TWO_USERS: &str = "contexts: [{number: 20, name: lab}]
users:
- {name: anna, context: lab, given_name: A, family_name: B, mail: anna@lab.example}
- {name: carl, context: 20, given_name: C, family_name: D, mail: carl@lab.example}
groups:
- {name: team, context: lab, members: [anna, carl]}
";

#[test]
fn the_example_is_applied_as_it_stands_and_a_second_time_costs_no_write() {
    let world = World::new();
    let plan = apply(&world, &["--plan", EXAMPLE]);
    assert_eq!(plan.code, i32::from(Exit::Changes.code()), "{}{}", plan.stdout, plan.log);
    for line in ["create   context 20 (school)", "create   user 20/anna.berg", "7 to create, 0 to"]
    {
        assert!(plan.stdout.contains(line), "{} lacks {line}", plan.stdout);
    }
    assert!(plan.stdout.contains("Only OX knows"));
    assert_eq!((world.calls(), world.queue()), (vec![], vec![]), "a plan does nothing");

    let run = applied(&world, &[EXAMPLE]);
    assert!(run.stdout.contains("7 items: 7 applied"), "{}", run.stdout);
    let school = world.context(20);
    assert_eq!(world.users(20), ["anna.berg", "carl.diem"]);
    let anna = &school["users"]["anna.berg"];
    let expected = [("department", "Maths"), ("telephone_business1", "+49 5191 100")];
    for (field, value) in expected {
        assert!(anna.to_string().contains(value), "{field}: {anna}");
    }
    assert_eq!(school["groups"]["teachers"]["members"].as_array().unwrap().len(), 2, "{school}");
    assert!(school["resources"].to_string().contains("aula@school.example"), "{school}");
    assert!(school.to_string().contains("office@school.example"), "{school}");

    let before = writes(&world);
    let again = applied(&world, &[EXAMPLE]);
    assert!(
        again.stdout.contains("0 to create, 0 to change, 0 to delete, 0 in the queue, 7 unchan")
    );
    assert_eq!(writes(&world), before, "{:?}", world.calls());
    let plan = apply(&world, &["--plan", EXAMPLE]);
    assert_eq!(plan.code, 0);
    assert!(plan.stdout.contains("nothing  user 20/anna.berg"), "{}", plan.stdout);
}

#[test]
fn names_may_hold_what_means_something_elsewhere() {
    let world = World::new();
    let path = put(
        &world,
        "odd.yaml",
        "contexts: [{number: 20, name: lab}]
users:
- {name: anna, context: lab, given_name: A, family_name: 'O''Neil, \\ #1', mail: a@lab.example}
groups:
- {name: 'R&D, Berlin + Köln = \\', context: lab, members: [anna]}
- {name: 'R&D', context: lab, members: [anna]}
",
    );
    applied(&world, &[text(&path)]);
    let groups = world.context(20)["groups"].clone();
    let members = |name: &str| groups[name]["members"].as_array().map(Vec::len);
    assert_eq!(members("R&D, Berlin + Köln = \\"), Some(1), "{groups}");
    assert_eq!(members("R&D"), Some(1), "{groups}");
    assert_eq!(apply(&world, &["--plan", text(&path)]).code, 0);
}

#[test]
fn changes_are_told_by_field_and_cost_only_themselves() {
    let world = World::new();
    let path = put(&world, "lab.yaml", TWO_USERS);
    applied(&world, &[text(&path)]);
    let changed = TWO_USERS
        .replace("given_name: A,", "given_name: Anna, aliases: [a@lab.example],")
        .replace("members: [anna, carl]", "members: [anna]");
    put(&world, "lab.yaml", &changed);
    let plan = apply(&world, &["--plan", "--json", text(&path)]);
    let plan: Value = serde_json::from_str(&plan.stdout).unwrap();
    let acts: Vec<String> = plan["objects"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| format!("{} {} {}", one["act"], one["object"], one["fields"]))
        .collect();
    assert_eq!(
        acts,
        [
            "\"nothing\" \"20 (lab)\" []",
            "\"change\" \"20/anna\" [\"aliases\",\"display_name\",\"given_name\"]",
            "\"nothing\" \"20/carl\" []",
            "\"change\" \"20/team\" [\"members\"]",
        ]
    );
    let before = writes(&world);
    let run = applied(&world, &[text(&path)]);
    assert!(run.stdout.contains("change   user 20/anna: aliases, display_name, given_name"));
    assert_eq!(writes(&world), before + 2, "{:?}", world.calls());
    assert!(world.context(20)["users"]["anna"].to_string().contains("a@lab.example"));
}

#[test]
fn a_user_who_is_active_no_more_leaves_ox_and_comes_back() {
    let world = World::new();
    let path = put(&world, "lab.yaml", TWO_USERS);
    applied(&world, &[text(&path)]);
    let inactive = TWO_USERS.replace("{name: carl,", "{name: carl, active: false,");
    put(&world, "lab.yaml", &inactive);
    let run = applied(&world, &[text(&path)]);
    assert!(run.stdout.contains("change   user 20/carl: active"), "{}", run.stdout);
    assert_eq!(world.users(20), ["anna"]);
    put(&world, "lab.yaml", TWO_USERS);
    applied(&world, &[text(&path)]);
    assert_eq!(world.users(20), ["anna", "carl"]);
    let members = world.context(20)["groups"]["team"]["members"].as_array().map(Vec::len);
    assert_eq!(members, Some(2), "he is in his group again");
}

#[test]
fn pruning_takes_what_this_set_made_and_nothing_else() {
    let world = World::new();
    // From the directory, and from another set of files.
    world.put(&file(1), &context(30));
    world.put(&file(2), &user("berta", 30));
    world.provision();
    let path = put(&world, "lab.yaml", TWO_USERS);
    let other = put(
        &world,
        "other.yaml",
        "users: [{name: dora, context: 20, given_name: D, family_name: E, mail: d@lab.example}]",
    );
    applied(&world, &[text(&path)]);
    applied(&world, &[text(&other)]);
    let fewer: String = TWO_USERS
        .lines()
        .filter(|line| !line.contains("carl"))
        .fold(String::new(), |all, line| all + line + "\n");
    put(&world, "lab.yaml", &fewer.replace("groups:\n", ""));
    let kept = applied(&world, &[text(&path)]);
    assert!(kept.stdout.contains("0 to delete"), "without --prune nothing goes: {}", kept.stdout);
    let plan = apply(&world, &["--plan", "--prune", text(&path)]);
    assert_eq!(plan.code, i32::from(Exit::Changes.code()));
    for line in ["delete   group 20/team", "delete   user 20/carl", "2 to delete"] {
        assert!(plan.stdout.contains(line), "{}", plan.stdout);
    }
    applied(&world, &["--prune", text(&path)]);
    assert_eq!(world.users(20), ["anna", "dora"]);
    assert_eq!(world.users(30), ["berta"]);
    assert_eq!(apply(&world, &["--plan", "--prune", text(&path)]).code, 0, "nothing is left");

    put(&world, "lab.yaml", "users: []");
    put(&world, "other.yaml", "users: []");
    applied(&world, &["--prune", text(&other)]);
    let run = applied(&world, &["--prune", text(&path)]);
    assert!(run.stdout.contains("delete   context 20 (lab)"), "{}", run.stdout);
    assert_eq!(world.context(20), Value::Null);
    assert_eq!(world.users(30), ["berta"]);
}

#[test]
fn what_will_be_made_is_remembered_before_it_is() {
    let world = World::new();
    let path = put(&world, "lab.yaml", TWO_USERS);
    // A queue that is somewhere else, on a disk that is not there just now.
    std::fs::remove_dir(world.queue_dir()).unwrap();
    let elsewhere = world.data.path().join("not-mounted").join("queue");
    std::os::unix::fs::symlink(elsewhere, world.queue_dir()).unwrap();
    let cut_short = apply(&world, &["--enqueue", text(&path)]);
    assert_ne!(cut_short.code, 0, "{}", cut_short.stdout);
    let remembered = || {
        let bytes = std::fs::read(world.data.path().join("drover-apply.json")).unwrap();
        let memory: Value = serde_json::from_slice(&bytes).unwrap();
        memory["sets"].as_object().unwrap().values().map(|set| set.as_object().unwrap().len()).sum()
    };
    assert_eq!((remembered(), world.calls()), (4_usize, vec![]));
    std::fs::remove_file(world.queue_dir()).unwrap();
    std::fs::create_dir(world.queue_dir()).unwrap();
    put(&world, "lab.yaml", "users: []");
    let run = applied(&world, &["--prune", text(&path)]);
    assert!(
        run.stdout.contains("0 to delete"),
        "what never came is not taken away: {}",
        run.stdout
    );
    put(&world, "lab.yaml", TWO_USERS);
    applied(&world, &[text(&path)]);
    assert_eq!((remembered(), world.users(20).len()), (4, 2));
}

#[test]
fn what_is_enqueued_is_done_by_the_service_and_waits_only_once() {
    let world = World::new();
    let path = put(&world, "lab.yaml", TWO_USERS);
    let run = apply(&world, &["--enqueue", text(&path)]);
    assert_eq!(run.code, 0, "{}", run.log);
    assert_eq!((world.queue().len(), world.calls().len()), (4, 0));
    let again = apply(&world, &["--enqueue", text(&path)]);
    assert!(again.stdout.contains("4 in the queue"), "{}", again.stdout);
    assert_eq!(world.queue().len(), 4, "nothing is written twice");
    let mut service = world.serve();
    service.wait_for_log(&["has started"]);
    let refused = apply(&world, &[text(&path)]);
    assert_eq!(refused.code, i32::from(Exit::DataDir.code()));
    assert!(refused.log.contains("in use by another drover"), "{}", refused.log);
    assert!(refused.log.contains("--enqueue leaves the work to it"), "{}", refused.log);
    crate::world::eventually("all of it", || world.queue().is_empty());
    assert_eq!(world.users(20), ["anna", "carl"]);
}

#[test]
fn mistakes_are_told_with_file_line_and_field_all_at_once_and_nothing_is_done() {
    let world = World::new();
    let bad = put(
        &world,
        "bad.yaml",
        "contexts:
- number: 20
  name: lab
- number: 20
  quota_mb: much
users:
- name: anna
  context: lab
  given_name: A
  family_name: B
  mail: anna@lab.example
  nickname: Ann
- name: carl
  context: lab
  given_name: C
  family_name: D
- name: dora
  context: lab
  given_name: C
  family_name: D
  mail: dora@lab.example
  active: perhaps
persons: []
",
    );
    let run = apply(&world, &[text(&bad)]);
    assert_eq!(run.code, i32::from(Exit::Input.code()), "{}", run.log);
    let shown = bad.display();
    for told in [
        format!(
            "{shown}, line 5: contexts.quota_mb: expected a whole number in range, found \"much\""
        ),
        format!("{shown}, line 12: users.nickname: unknown field `nickname`, expected one of"),
        format!("{shown}, line 13: users: missing field `mail`"),
        format!("{shown}, line 22: users.active: expected true or false, found \"perhaps\""),
        format!("{shown}, line 23: persons: no such section; there are profiles, contexts"),
    ] {
        assert!(run.log.contains(&told), "{} lacks {told}", run.log);
    }
    let names = put(
        &world,
        "names.yaml",
        "contexts: [{number: 20, name: lab}, {number: 0}]
profiles:
- {name: p, rights: [webmail, flying]}
users:
- {name: anna, context: lab, given_name: A, family_name: B, mail: anna@lab.example}
- {name: Anna, context: 20, given_name: A, family_name: B, mail: anna}
- {name: carl, context: nowhere, given_name: A, family_name: B, mail: c@lab.example}
- {name: dora, context: 20, given_name: A, family_name: B, mail: d@lab.example, profile: premum}
groups:
- name: team
  context: lab
  members:
  - anna
  - ana
  - zoo/anna
",
    );
    let run = apply(&world, &[text(&names)]);
    assert_eq!(run.code, i32::from(Exit::Input.code()));
    for told in [
        "line 1: number: 0 is not a number from 1",
        "line 3: rights: ",
        "line 6: mail: expected a mail address",
        "names.yaml, line 5 names the same user",
        "line 7: context: there is no context \"nowhere\" in these files; one made elsewhere goes by",
        "line 8: profile: no access profile \"premum\" in these files",
        "line 14: members: no user \"ana\" in context 20 in these files; did you mean \"anna\"?",
        "line 15: members: \"zoo/anna\" names a context that is not in these files",
    ] {
        assert!(run.log.contains(told), "{} lacks {told}", run.log);
    }
    let many = put(&world, "many.yaml", &format!("users:\n{}", "- {}\n".repeat(70)));
    let run = apply(&world, &[text(&many)]);
    assert!(run.log.ends_with("and 20 mistakes more\n"), "{}", run.log);
    let broken = put(&world, "broken.yaml", "users:\n  - [\n");
    let run = apply(&world, &[text(&broken), "/nowhere.yaml"]);
    assert_eq!(run.code, i32::from(Exit::Input.code()));
    assert!(run.log.contains("cannot read /nowhere.yaml: No such file"), "{}", run.log);
    assert_eq!((world.calls(), world.queue()), (vec![], vec![]));
}

#[test]
fn json_and_the_csv_of_oxs_own_tools_are_taken() {
    let world = World::new();
    let contexts = put(
        &world,
        "contexts.csv",
        "contextid,contextname,quota,username,displayname,givenname,surname,password,email\n\
         20,lab,500,oxadmin,A,B,C,topsecret,x@y\n",
    );
    let users = put(
        &world,
        "users.csv",
        "contextid,adminuser,adminpass,username,displayname,givenname,surname,password,email\n\
         20,oxadmin,x,anna,Anna Berg,Anna,Berg,topsecret,anna@lab.example\n",
    );
    let groups = put(
        &world,
        "groups.json",
        "{\n\t\"groups\": [{\"name\": \"team\", \"context\": \"lab\", \"members\": [\"anna\"]}]\n}",
    );
    let run = applied(&world, &[text(&contexts), text(&users), text(&groups)]);
    assert!(run.log.contains("column password is not used: drover gives"), "{}", run.log);
    assert!(!run.log.contains("topsecret"));
    assert_eq!(world.users(20), ["anna"]);
    assert!(world.context(20)["groups"]["team"].is_object(), "{}", world.context(20));
    put(&world, "users.csv", "contextid,adminuser,username,surnam\n");
    let run = apply(&world, &[text(&users)]);
    assert!(run.log.contains("users.csv, line 1: no column \"surnam\"; there are"), "{}", run.log);
}

#[test]
fn an_identity_outlives_a_new_name_and_a_new_context() {
    let world = World::new();
    let file = |name: &str, context: u32| {
        format!(
            "contexts: [{{number: 20}}, {{number: 30}}]\nusers: [{{id: E-17, name: {name}, context: \
             {context}, given_name: A, family_name: B, mail: anna@lab.example}}]\n"
        )
    };
    let path = put(&world, "lab.yaml", &file("anna", 20));
    applied(&world, &[text(&path)]);
    put(&world, "lab.yaml", &file("anna.neu", 20));
    applied(&world, &[text(&path)]);
    assert_eq!(world.users(20), ["anna.neu"]);
    put(&world, "lab.yaml", &file("anna.neu", 30));
    applied(&world, &["--prune", text(&path)]);
    assert_eq!((world.users(20), world.users(30)), (vec![], vec!["anna.neu".to_owned()]));
    assert_eq!(world.count("OXUserCopyService.copyUser"), 1, "moved, not made anew");
}

#[test]
fn the_schema_names_every_field_and_fits_the_example() {
    let world = World::new();
    let run = Run::from(world.command(&["apply", "--schema"]).output().unwrap());
    assert_eq!(run.code, 0);
    let schema: Value = serde_json::from_str(&run.stdout).unwrap();
    let sections = [
        "profiles",
        "contexts",
        "users",
        "groups",
        "resources",
        "accounts",
        "permissions",
        "shared_accounts",
    ];
    for section in sections {
        let of = &schema["properties"][section]["items"]["$ref"];
        let name = of.as_str().unwrap().rsplit('/').next().unwrap();
        let definition = &schema["$defs"][name];
        assert_eq!(definition["additionalProperties"], json!(false), "{section}");
        let fields = definition["properties"].as_object().unwrap();
        assert!(fields.values().all(|field| field["description"].is_string()), "{fields:?}");
        assert!(fields.contains_key("id"), "{section}");
    }
    assert_eq!(schema["additionalProperties"], json!(false));
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/config/drover-apply.schema.json");
    let shipped = std::fs::read_to_string(shipped).unwrap();
    assert_eq!(shipped, run.stdout, "drover apply --schema > config/drover-apply.schema.json");
    let both = apply(&world, &["--schema", EXAMPLE]);
    assert_eq!(both.code, i32::from(Exit::Usage.code()));
    assert_eq!(apply(&world, &[]).code, i32::from(Exit::Usage.code()), "files, or the schema");
}

#[test]
fn shared_accounts_are_applied_with_who_may_use_them() {
    let world = World::with(drover::sim::SimOptions {
        newer: true,
        ..drover::sim::SimOptions::univention()
    });
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/config/examples/shared-accounts.yaml");
    applied(&world, &[example]);
    let account = &world.sim.state()["contexts"]["20"]["sharedAccounts"]["office"];
    assert_eq!(account["values"]["display_name"], "School office");
    let mut granted: Vec<Value> = account["grants"].as_array().unwrap().clone();
    granted.sort_by_key(|grant| grant["mail"].to_string());
    assert_eq!(granted[0]["users"], json!(["anna.berg"]));
    assert_eq!(granted[0]["capabilities"], json!(["sendAs", "snippets", "writeSnippets"]));
    assert_eq!(
        (&granted[1]["groups"], &granted[1]["mail"]),
        (&json!(["teachers"]), &json!("viewer"))
    );
    // The second time nothing is left to do.
    let calls = world.calls().len();
    applied(&world, &[example]);
    assert_eq!(world.calls().len(), calls);
    // One way of use less is one call.
    let text = std::fs::read_to_string(example).unwrap();
    let less = text.replace("    groups:\n      teachers: reader\n", "");
    assert_ne!(less, text);
    let path = put(&world, "less.yaml", &less);
    world.sim.clear_log();
    applied(&world, &[path.to_str().unwrap()]);
    assert_eq!(world.calls(), ["OXSharedAccountService.setSharedAccountPermissions"]);
    // Mistakes are told with their lines.
    let wrong = text
        .replace("anna.berg: full", "anna.bergh: full")
        .replace("teachers: reader", "teachers: readers")
        .replace("mail: viewer", "mail: looker");
    let path = put(&world, "wrong.yaml", &wrong);
    let run = apply(&world, &[path.to_str().unwrap()]);
    let line = |text: &str| wrong.lines().position(|line| line.contains(text)).unwrap() + 1;
    for told in [
        format!("line {}: mail: \"looker\" is none of none, viewer", line("looker")),
        "no user \"anna.bergh\" in context 20".to_owned(),
        "no permission \"readers\"".to_owned(),
    ] {
        assert!(run.log.contains(&told) || run.stdout.contains(&told), "{told}: {run:?}");
    }
}
