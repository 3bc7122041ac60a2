//! The simulator answers recorded requests as the recorded server did.
//!
//! Every case is played against a simulator of its own. What must be there first is worked out
//! from request and answer (the contexts and objects they name), and from
//! `tests/fixtures/soap/prepare.tsv` where that is not enough.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a panic in a test is the report")]

mod case;
mod compare;
mod node;
mod player;
mod prepare;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use drover::sim::{self, Config, Effect, Handle, Rule};

use self::case::{Case, cases, directory, is_scripted, options};
use self::compare::{Difference, compare};
use self::player::{Player, admin_password};
use self::prepare::{Steps, derive, matches, split, table};
use crate::sim_soap::{Connection, UTF8};

fn play(case: &Case, table: &[(String, Vec<String>)]) -> Difference {
    let mut steps = Steps::new();
    let mut contexts = derive(case, &mut steps);
    let mut names: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    let mut later = Vec::new();
    let mut first = true;
    for (pattern, listed) in table.iter().filter(|(pattern, _)| matches(pattern, &case.key())) {
        if !pattern.ends_with('*') && first {
            // A case of its own says all there is to say about objects.
            steps.clear();
            first = false;
        }
        for step in listed {
            let words = split(step);
            match words[0].as_str() {
                "context" => {
                    let id: u32 = words[1].parse().unwrap();
                    let mut words = words[2..].to_vec();
                    if words.is_empty() {
                        words.push(format!("ctx{id}"));
                    }
                    names.insert(id, words);
                    contexts.insert(id);
                }
                "none" => {
                    contexts.remove(&words[1].parse().unwrap());
                }
                "admin" | "master" | "account" | "spend" => later.push(step.clone()),
                "next" => {
                    let (context, id) = (words[1].parse().unwrap(), words[2].parse().unwrap());
                    steps.entry((context, id)).or_default();
                    contexts.insert(context);
                }
                _ => {
                    let (context, id) = (words[1].parse().unwrap(), words[2].parse().unwrap());
                    let rest = [&words[0], &words[3]].map(String::as_str).join(" ");
                    let extra: String =
                        words.iter().skip(4).flat_map(|word| [" \"", word, "\""]).collect();
                    steps.insert((context, id), vec![rest + &extra]);
                    contexts.insert(context);
                }
            }
        }
    }
    let handle = sim::start(Config {
        options: options(case),
        // Preparing may take more requests than a connection serves.
        requests_per_connection: 0,
        ..Config::default()
    })
    .unwrap();
    let mut player = Player { connection: Connection::open(handle.addr()), next: BTreeMap::new() };
    for id in &contexts {
        let prefix = if *id >= 4000 { "c" } else { "ctx" };
        let made = names.remove(id).unwrap_or_else(|| vec![format!("{prefix}{id}")]);
        player.context(*id, &made);
    }
    for ((context, id), listed) in &steps {
        player.burn(*context, *id);
        for step in listed {
            player.create(*context, *id, step);
        }
    }
    for step in &later {
        player.run(step);
    }
    admin_password(case, &contexts, &mut player);
    script(case, &handle);
    send(case, &handle)
}

/// Faults of a broken database or of calls in parallel are played by script: what is tested then
/// is that a scripted fault looks like a real one.
fn script(case: &Case, handle: &Handle) {
    if !is_scripted(case) {
        return;
    }
    let (_, class, text) = Case::fault(&case.answer).unwrap();
    let class = class.rsplit('}').next().unwrap_or_default().to_owned();
    handle.script(Rule::new(Effect::Fault { class, text }));
}

fn send(case: &Case, handle: &Handle) -> Difference {
    let content_type = match case.variant.as_str() {
        name if name.contains("no-charset") => "text/xml",
        name if name.contains("content-type-json") => "application/json; charset=utf-8",
        _ => UTF8,
    };
    let mut connection = Connection::open(handle.addr());
    let path = format!("/webservices/{}", case.service);
    connection.send("POST", &path, content_type, case.request.as_bytes());
    let reply = connection.receive().expect("an answer");
    // Without a charset the umlaut came in as two characters and goes out as two bytes again.
    let text = reply.text();
    if reply.status != case.status {
        return Some(format!("status {} for {}: {text}", reply.status, case.status));
    }
    if case.status == 500 {
        let (wanted, got) = (Case::fault(&case.answer), Case::fault(&text));
        return (wanted != got).then(|| format!("fault {got:?} for {wanted:?}"));
    }
    compare(case, &text)
}

/// Service and operation, recorded and alike.
type Counts = BTreeMap<(String, String), (usize, usize)>;

fn report(counts: &Counts, scripted: usize) -> String {
    let mut text = String::from(
        "# Recorded and alike\n\nHow many recorded exchanges there are, and how many of them the \
         simulator answers alike:\nstatus, exception and text of faults without exception ids; \
         names, nil and values of results\n(of listings the names). Written by the test \
         `sim_recorded` with `UPDATE_ALIKE=1`.\n\n| service | operation | recorded | alike |\n\
         |---|---|---:|---:|\n",
    );
    let (mut all, mut alike) = (0, 0);
    for ((service, operation), (recorded, same)) in counts {
        writeln!(text, "| {service} | {operation} | {recorded} | {same} |").unwrap();
        all += recorded;
        alike += same;
    }
    writeln!(text, "| **all** | | **{all}** | **{alike}** |").unwrap();
    writeln!(
        text,
        "\n{scripted} of them are faults of a broken database or of calls in parallel. They are \
         played by script:\nwhat is compared is that a scripted fault looks like a real one."
    )
    .unwrap();
    text
}

fn committed(text: &str) -> BTreeMap<(String, String), usize> {
    let rows = text.lines().filter(|line| line.starts_with("| OX"));
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        ((cells[1].to_owned(), cells[2].to_owned()), cells[4].parse().unwrap())
    })
    .collect()
}

#[test]
fn recorded_requests_are_answered_alike() {
    let table = table();
    let wanted = std::env::var("CASE").unwrap_or_default();
    let mut counts = Counts::new();
    for case in cases().iter().filter(|case| case.key().contains(&wanted)) {
        let count = counts.entry((case.service.clone(), case.operation.clone())).or_default();
        count.0 += 1;
        let played = std::panic::catch_unwind(|| play(case, &table));
        match played.unwrap_or_else(|_| Some("could not be prepared".to_owned())) {
            None => count.1 += 1,
            Some(difference) => println!("{}: {difference}", case.key()),
        }
    }
    if !wanted.is_empty() {
        return;
    }
    let scripted = cases().iter().filter(|case| is_scripted(case)).count();
    let report = report(&counts, scripted);
    let path = directory().join("ALIKE.md");
    if std::env::var("UPDATE_ALIKE").is_ok_and(|value| value == "1") {
        std::fs::write(path, report).unwrap();
        return;
    }
    println!("{report}");
    for (key, before) in committed(&std::fs::read_to_string(path).unwrap()) {
        let now = counts.get(&key).map_or(0, |count| count.1);
        assert!(now >= before, "{} {}: {now} alike, were {before}", key.0, key.1);
    }
}
