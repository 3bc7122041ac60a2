//! The drill: two hundred contexts, three of them with troubles of three kinds and more that share
//! them; whoever has nothing but the command line finds, understands and cures all of it.

use std::collections::BTreeMap;

use drover::sim::{Effect, Rule};
use serde_json::{Value, json};

use crate::admin::serving;
use crate::world::{Run, World, context, eventually, file, user, with};

const CONTEXTS: std::ops::Range<u32> = 1001..1201;

/// Users in each context.
const USERS: u32 = 3;

/// Contexts whose key is lost.
const KEYLESS: [u32; 3] = [1017, 1018, 1119];

/// Contexts in which somebody has a name that OX refuses.
const ILLEGAL: [u32; 2] = [1042, 1150];

/// A context whose tables are broken.
const BROKEN: u32 = 1077;

/// What an operator types; all there is for him.
struct Terminal<'a>(&'a World);

impl Terminal<'_> {
    fn run(&self, words: &[&str]) -> Run {
        self.0.ask(words[0], &words[1..])
    }

    #[track_caller]
    fn told(&self, words: &[&str]) -> String {
        let run = self.run(words);
        assert_eq!(run.code, 0, "{words:?}: {}{}", run.stdout, run.log);
        assert!(!run.stdout.contains('\u{1b}'), "no colours where there is no terminal");
        run.stdout
    }

    fn json(&self, words: &[&str]) -> Value {
        serde_json::from_str(&self.told(&[words, &["--json"]].concat())).unwrap()
    }

    /// Causes by what is in their text: contexts, and the first item.
    fn causes(&self) -> Vec<Value> {
        self.json(&["status"])["causes"].as_array().unwrap().clone()
    }

    fn cause(&self, part: &str) -> Option<Value> {
        let told = |cause: &Value| cause["fault"].as_str().unwrap().contains(part);
        self.causes().into_iter().find(told)
    }
}

fn name(context: u32, n: u32) -> String {
    format!("u{context}x{n}")
}

#[test]
fn three_kinds_of_trouble_in_two_hundred_contexts_are_found_and_cured_by_the_command_line() {
    let world = World::new();
    let terminal = Terminal(&world);
    let mut number = 0;
    let mut put = |item: &Value| {
        number += 1;
        let name = file(number);
        world.put(&name, item);
        name
    };
    for id in CONTEXTS {
        put(&context(id));
        put(&user(&name(id, 0), id));
    }
    world.provision();

    // Trouble.
    let mut keys = world.credentials();
    let mut lost = BTreeMap::new();
    for id in KEYLESS {
        let key = keys.as_object_mut().unwrap().remove(&id.to_string()).unwrap();
        lost.insert(id, key);
    }
    world.write_credentials(&keys);
    let text = "Table 'user' is marked as crashed and should be repaired".to_owned();
    let effect = Effect::Fault { class: "StorageException".into(), text };
    let mut rule = Rule::new(effect);
    (rule.service, rule.context) = (Some("OXUserService".into()), Some(BROKEN));
    world.sim.script(rule);
    let service = serving(&world);
    let mut illegal = Vec::new();
    for id in CONTEXTS {
        for n in 1..=USERS {
            let item = user(&name(id, n), id);
            if n == 1 && ILLEGAL.contains(&id) {
                let wrong =
                    with(item.clone(), json!({"username": format!("{} & co", name(id, n))}));
                illegal.push((put(&wrong), item));
            } else {
                put(&item);
            }
        }
    }
    let standing = KEYLESS.len() + ILLEGAL.len() + 1;
    let expected = standing as u64 * u64::from(USERS);
    eventually("all else to be through", || {
        let status = terminal.json(&["status"]);
        status["standing"].as_array().unwrap().len() == standing
            && status["live"]["pending"] == expected
            && status["fresh"] == 0
    });

    // Found: on top, in plain words, most contexts first.
    let status = terminal.told(&["status"]);
    let headline = format!("{standing} contexts stand still, for 3 reasons");
    assert!(status.contains(&headline), "{status}");
    let causes = terminal.causes();
    let counts: Vec<&Value> = causes.iter().map(|cause| &cause["contexts"]).collect();
    assert_eq!(counts, [&json!(3), &json!(2), &json!(1)], "{status}");
    let at = |part: &str| status.find(part).unwrap_or_else(|| panic!("{status} lacks {part}"));
    assert!(at("3 contexts (1017, 1018, 1119)") < at("2 contexts (1042, 1150)"));
    assert!(at("2 contexts (1042, 1150)") < at("context 1077"));
    assert!(status.lines().all(|line| line.len() < 700), "{status}");
    let list = terminal.json(&["context", "list", "--state", "stopped"]);
    assert_eq!(list["total"], standing);

    // Understood: the words to type are those that status has told.
    for line in status.lines().filter_map(|line| line.trim().strip_prefix("look")) {
        let item = line.split_whitespace().last().unwrap();
        let story = terminal.told(&["queue", "show", item]);
        for part in ["fault", "what to do", "fingerprint", "attempts that failed"] {
            assert!(story.contains(part), "{story} lacks {part}");
        }
        let why = terminal.told(&["explain", item]);
        assert!(why.contains("! has it a fault?") && why.contains("what to do"), "{why}");
        let context = terminal.json(&["queue", "show", item])["pending"]["contexts"][0].clone();
        let behind = terminal.json(&["queue", "list", "--context", &context.to_string()]);
        let behind = behind["items"].as_array().unwrap();
        assert_eq!(behind.len(), USERS as usize);
        let last = behind.last().unwrap()["item"].as_str().unwrap().to_owned();
        let why = terminal.told(&["explain", &last]);
        assert!(why.contains(&format!("stands still at {item}")), "{why}");
    }

    // One action for all of a cause, and for nothing else; before anything is cured it does no harm.
    for cause in terminal.causes() {
        let id = cause["id"].as_str().unwrap();
        assert!(status.contains(&format!("retry --fingerprint {id}")), "{status} lacks {id}");
        let preview = terminal.json(&["queue", "retry", "--fingerprint", id, "--dry-run"]);
        assert_eq!(preview["matched"], cause["items"], "{preview}");
    }

    // Cured, one after the other; nothing else is touched.
    let lacking = terminal.cause("credentials").unwrap();
    assert!(lacking["advice"].as_str().unwrap().contains("credentials file"), "{lacking}");
    let mut keys = world.credentials();
    for (id, key) in lost {
        keys[id.to_string()] = key;
    }
    world.write_credentials(&keys);
    release(&terminal, &lacking, KEYLESS.len());

    let refused = terminal.cause("Illegal chars").unwrap();
    assert_eq!(refused["items"], ILLEGAL.len());
    // In the directory: it delivers them again.
    for (_, right) in &illegal {
        put(right);
    }
    eventually("the mended ones", || terminal.cause("Illegal chars").is_none());

    let causes = terminal.causes();
    assert_eq!(causes.len(), 1, "{causes:?}");
    assert!(causes[0]["fault"].as_str().unwrap().contains("marked as crashed"), "{causes:?}");
    world.sim.clear_script();
    release(&terminal, &causes[0], 1);

    eventually("everything", || terminal.json(&["status"])["live"]["pending"] == 0);
    let status = terminal.told(&["status"]);
    assert!(status.contains("nothing stands still"), "{status}");
    eventually("an empty queue", || world.queue().is_empty());
    for id in CONTEXTS {
        let wanted: Vec<String> = (0..=USERS).map(|n| name(id, n)).collect();
        assert_eq!(world.users(id), wanted, "context {id}");
    }
    terminal.told(&["ledger"]);
    assert_eq!(service.terminate().0, 0);
    world.assert_no_overlap();
}

/// Has a cause's items tried at once, in the words that status tells, until none is left.
fn release(terminal: &Terminal<'_>, cause: &Value, items: usize) {
    let (id, print) = (cause["id"].as_str().unwrap(), cause["fingerprint"].as_str().unwrap());
    let words = ["queue", "retry", "--fingerprint", id];
    let preview = terminal.run(&[&words[..], &["--dry-run", "--json"]].concat());
    // drover may have gone on by itself.
    if preview.code == 0 {
        let preview: Value = serde_json::from_str(&preview.stdout).unwrap();
        let matched = preview["matched"].as_u64().unwrap();
        assert!((1..=items as u64).contains(&matched), "{preview}");
        terminal.run(&[&words[..], &["--yes"]].concat());
    }
    let over = || terminal.causes().iter().all(|cause| cause["fingerprint"] != print);
    eventually(cause["fault"].as_str().unwrap(), over);
}
