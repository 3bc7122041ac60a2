//! Texts that are too long for OX, and names it does not take.

use drover::plan::attributes::lengths::limit;
use drover::plan::attributes::rows::{Form, ROWS};
use serde_json::{Value, json};

use crate::scene::{Batches, assert_holds, field, warns};
use crate::world::{World, group, item, user, with};

fn long(length: usize) -> String {
    "ä".repeat(length)
}

/// Properties of a user that feed each field from one of its own, with a text of that many characters more
/// than fit.
fn filled(world: &World, more: usize) -> Value {
    let mut properties = serde_json::Map::new();
    let mut fields = Vec::new();
    for row in ROWS.iter().filter(|row| row.form == Form::Text) {
        let Some(limit) = limit(row.element) else { continue };
        if row.element.starts_with("email") {
            continue;
        }
        properties.insert(format!("prop-{}", row.property), json!(long(limit + more)));
        fields.push(row.property);
    }
    for name in fields {
        let run = world.ask("mapping", &["set", name, &format!("prop-{name}")]);
        assert_eq!(run.code, 0, "{}", run.log);
    }
    Value::Object(properties)
}

// MAP-33
#[test]
fn what_just_fits_is_taken_by_ox_and_one_more_is_told_with_field_property_length_and_limit() {
    let world = World::new();
    let mut batches = Batches::of(&world);
    batches.done([with(user("anna", 10), filled(&world, 0))]);
    assert_eq!(field(&world, 10, "anna", "display_name").chars().count(), 320);
    world.sim.clear_log();
    let run = batches.faulty([with(user("berta", 10), filled(&world, 1))]);
    assert_holds(
        &run.stdout,
        &[
            "display_name (from \"prop-display_name\") has 321 characters, and 320 fit",
            "department (from \"prop-department\") has 129 characters, and 128 fit",
            "too_long = \"cut\"",
        ],
    );
    assert_eq!(world.calls(), [""; 0], "OX is not asked for what it would refuse");
    let run = batches.done([with(
        user("berta", 10),
        json!({"prop-display_name": "Berta",
                                  "prop-given_name": "B", "prop-sur_name": "B"}),
    )]);
    assert_eq!(run.code, 0);
    assert_eq!(field(&world, 10, "berta", "display_name"), "Berta");
}

// MAP-33
#[test]
fn long_texts_are_cut_if_so_set_but_never_an_address_or_a_name() {
    let mut world = World::new();
    world.env.insert("DROVER__MAPPING__TOO_LONG".to_owned(), "cut".to_owned());
    let mut batches = Batches::of(&world);
    let anna = with(user("anna", 10), json!({"oxDepartment": long(200)}));
    let run = batches.done([anna.clone()]);
    assert!(warns(&run, &["department", "200 characters", "128 fit"]), "{}", run.log);
    assert_eq!(field(&world, 10, "anna", "department"), long(128));
    assert_eq!(batches.calls([anna]), [""; 0], "what was cut is not sent again");
    let address = format!("{}@heide.example", "a".repeat(300));
    let run = batches.faulty([with(user("anna", 10), json!({"mailPrimaryAddress": address}))]);
    assert_holds(&run.stdout, &["email1", "314 characters", "256 fit"]);
    assert!(!run.stdout.contains("aaaa"), "addresses are not told");
}

fn world() -> World {
    // A server as it is shipped: no umlauts in names.
    let mut options = drover::sim::SimOptions::univention();
    options.check_group_names = true;
    World::with(options)
}

// OBJ-52
#[test]
fn names_ox_refuses_become_names_it_takes_if_so_set() {
    let mut world = world();
    let team = || group("Öffentlichkeit & Presse", &["jörg"]);
    let mut batches = Batches::of(&world);
    let run = batches.faulty([joerg()]);
    assert_holds(&run.stdout, &["Illegal chars", "illegal_characters"]);
    world.env.insert("DROVER__MAPPING__ILLEGAL_CHARACTERS".to_owned(), "slug".to_owned());
    let mut batches = Batches::later(&world);
    batches.done([joerg(), team(), room("Saal 5/2")]);
    assert_eq!(world.users(10), ["joerg"]);
    let state = world.sim.state();
    let groups = &state["contexts"]["10"]["groups"];
    assert_eq!(groups["Oeffentlichkeit _ Presse"]["members"], json!(["joerg"]));
    assert!(state["contexts"]["10"]["resources"]["Saal 5_2"].is_object(), "{state}");
    assert_eq!(batches.calls([joerg(), team(), room("Saal 5/2")]), [""; 0]);
    // Two names that become one: the second waits and says whose it is, the first is left alone.
    let run = batches.faulty([user("joerg", 10)]);
    assert_holds(&run.stdout, &["name is still taken", "user-jörg"]);
    assert_eq!(world.users(10), ["joerg"]);
}

/// His address has no umlaut: OX takes none there in any case.
fn joerg() -> Value {
    with(user("jörg", 10), json!({"mailPrimaryAddress": "j@heide.example"}))
}

fn room(name: &str) -> Value {
    item(
        "oxresources/oxresources",
        "room",
        "cn=room,dc=heide,dc=example",
        json!({"name": name, "displayname": name, "resourceMailAddress": "room@heide.example",
               "oxContext": "10"}),
    )
}
