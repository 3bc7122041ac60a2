//! A context in trouble is no trouble for the others, measured in virtual time.

use std::collections::BTreeMap;

use drover::model::ContextId;
use drover::simulate::run;
use drover::simulate::scenario::{Act, Event, Refusal, Scenario};
use drover::simulate::trace::{Entry, Step};
use serde_json::{Value, json};

const CONTEXTS: u32 = 1_000;
const FAULTY: u32 = 7;
const SLOW: u32 = 8;

/// In each context the context itself, two users, and a group of both.
fn town() -> Scenario {
    let mut events = Vec::new();
    let mut put = |kind: &str, id: String, object: Value| {
        let number = events.len();
        let (second, micros) = (number / 1_000, number % 1_000);
        let name = format!("2026-03-01-00-00-{second:02}-{micros:06}.json");
        let dn = format!("uid={id},dc=x,dc=example");
        let content =
            json!({"id": id, "udm_object_type": kind, "dn": dn, "object": object, "options": []});
        events.push(Event { at_ms: 0, name, act: Act::Put(content.to_string().into_bytes()) });
    };
    for context in 1..=CONTEXTS {
        let object = json!({"name": format!("ctx{context}"), "contextid": context});
        put("oxmail/oxcontext", format!("c{context}"), object);
    }
    for who in ["a", "b"] {
        for context in 1..=CONTEXTS {
            let name = format!("{who}{context}");
            let object = json!({
                "username": name, "firstname": who, "lastname": "x", "oxDisplayName": name,
                "isOxUser": true, "oxContext": context, "oxAccess": "none",
                "mailPrimaryAddress": format!("{name}@x.example"),
            });
            put("users/user", name, object);
        }
    }
    for context in 1..=CONTEXTS {
        let members = ["a", "b"].map(|who| format!("uid={who}{context},dc=x,dc=example"));
        let object = json!({"name": format!("g{context}"), "isOxGroup": true, "users": members});
        put("groups/group", format!("g{context}"), object);
    }
    Scenario { seed: 5, events, until_ms: Some(25_000), ..Scenario::default() }
}

/// When the last call of each context has ended.
fn finished(trace: &[Entry]) -> BTreeMap<ContextId, u64> {
    let mut contexts = BTreeMap::new();
    let mut ends = BTreeMap::new();
    for entry in trace {
        match &entry.step {
            Step::Call(call) => drop(contexts.insert(call.number, call.contexts[0])),
            Step::Answered(number, _) => drop(ends.insert(contexts[number], entry.at_ms)),
            _ => {}
        }
    }
    ends
}

#[test]
fn one_faulty_context_and_a_slow_one_do_not_hold_up_the_thousand_others() {
    let well = town();
    let troubled = Scenario {
        refusals: vec![Refusal {
            context: FAULTY,
            object: format!("a{FAULTY}"),
            from_ms: 0,
            until_ms: u64::MAX / 2,
        }],
        slow: Some((SLOW, 10)),
        ..well.clone()
    };
    let (well, troubled) = (run(&well), run(&troubled));
    assert!(well.violations.is_empty(), "{:?}", well.violations);
    assert!(troubled.violations.is_empty(), "{:?}", troubled.violations);
    let (before, after) = (finished(&well.trace), finished(&troubled.trace));
    assert_eq!((before.len(), after.len()), (1_000, 1_000));
    assert!(after[&ContextId(SLOW)] > 5 * before[&ContextId(SLOW)], "it is slow");
    assert!(after[&ContextId(FAULTY)] > 5_000, "it is tried again and again");
    for (context, end) in before {
        if context != ContextId(FAULTY) && context != ContextId(SLOW) {
            let later = after[&context].abs_diff(end);
            assert!(later * 100 < end * 2, "{context}: {end} ms, in trouble {}", after[&context]);
        }
    }
}
