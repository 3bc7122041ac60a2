//! Every rule that drover keeps is shown by a test that says so.
//!
//! The rules stand in `tests/rules/catalogue.txt`. A test names those it shows in a line
//! `/// Rules: U8, D12` above it. `tests/RULES.md` is the table that comes of both; it is written anew
//! with `DROVER_WRITE_RULES=1 cargo nextest run rules::`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

const MARK: &str = "/// Rules:";

const HEAD: &str = "\
# Rules and the tests that show them

Made by `tests/it/rules.rs` from `tests/rules/catalogue.txt` and the lines `/// Rules:` above the tests;
do not edit. After a change: `DROVER_WRITE_RULES=1 cargo nextest run rules::`. A test is run alone with
`cargo nextest run NAME`.
";

/// One line of the catalogue.
struct Rule {
    key: String,
    statement: String,
}

/// A heading of the catalogue with its rules.
struct Part {
    heading: String,
    rules: Vec<Rule>,
}

/// A test that names rules.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Shown {
    rule: String,
    /// As the test runner calls it, within its binary.
    test: String,
    /// Whether it is in the binary of integration tests.
    here: bool,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn catalogue(text: &str) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(heading) = line.strip_prefix("= ") {
            parts.push(Part { heading: heading.to_owned(), rules: Vec::new() });
        } else if !line.starts_with('#') {
            let (key, statement) = line.split_once(" | ").unwrap_or_else(|| panic!("{line}"));
            let rule = Rule { key: key.to_owned(), statement: statement.to_owned() };
            parts.last_mut().expect("a rule stands below a heading").rules.push(rule);
        }
    }
    parts
}

/// All Rust files below a folder, sorted.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

/// The modules that a file is, from its place below `folder`: `plan/user.rs` is `plan::user`.
fn module(folder: &Path, path: &Path) -> String {
    let relative = path.strip_prefix(folder).unwrap().with_extension("");
    let names: Vec<&str> = relative.iter().map(|name| name.to_str().unwrap()).collect();
    names.join("::")
}

/// The tests of one file that name rules, or what is wrong with a line.
fn marked(module: &str, here: bool, text: &str) -> Result<Vec<Shown>, String> {
    let lines: Vec<&str> = text.lines().collect();
    let mut shown = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let Some(rules) = line.trim().strip_prefix(MARK) else { continue };
        let place = format!("{module}, line {}", number + 1);
        let after = lines[number + 1..].iter().map(|line| line.trim());
        let head: Vec<&str> =
            after.take_while(|line| line.starts_with("#[") || line.contains("fn ")).collect();
        let is_test = head.iter().any(|line| line.starts_with("#[") && line.ends_with("test]"));
        let name = head.iter().find_map(|line| line.split("fn ").nth(1)?.split('(').next());
        let (true, Some(name)) = (is_test, name) else {
            return Err(format!("{place}: there is no test below the rules"));
        };
        let inner = lines[..number].contains(&"mod tests {");
        let module = if inner { format!("{module}::tests") } else { module.to_owned() };
        let test = format!("{module}::{name}");
        for rule in rules.split(',').map(str::trim) {
            shown.push(Shown { rule: rule.to_owned(), test: test.clone(), here });
        }
    }
    Ok(shown)
}

fn all_marked() -> Result<Vec<Shown>, String> {
    let mut shown = Vec::new();
    for (folder, here) in [("src", false), ("tests/it", true)] {
        let folder = root().join(folder);
        let mut files = Vec::new();
        sources(&folder, &mut files);
        for file in files {
            let text = std::fs::read_to_string(&file).unwrap();
            shown.extend(marked(&module(&folder, &file), here, &text)?);
        }
    }
    Ok(shown)
}

/// What is wrong between the catalogue, the marks and the tests there are; nothing is good.
fn problems(parts: &[Part], shown: &[Shown], tests: &BTreeSet<String>) -> Vec<String> {
    let mut problems = Vec::new();
    let mut keys: BTreeSet<&str> = BTreeSet::new();
    for rule in parts.iter().flat_map(|part| &part.rules) {
        if !keys.insert(&rule.key) {
            problems.push(format!("rule {} is twice in the catalogue", rule.key));
        }
        if !shown.iter().any(|mark| mark.rule == rule.key) {
            problems.push(format!("rule {} has no test", rule.key));
        }
    }
    for mark in shown {
        if !keys.contains(mark.rule.as_str()) {
            problems.push(format!("{} names rule {}, which is unknown", mark.test, mark.rule));
        }
        if mark.here && !tests.contains(&mark.test) {
            problems.push(format!("{} is no test that runs", mark.test));
        }
    }
    problems
}

fn table(parts: &[Part], shown: &[Shown]) -> String {
    let mut tests: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for mark in shown {
        let name = if mark.here { mark.test.clone() } else { format!("drover::{}", mark.test) };
        tests.entry(&mark.rule).or_default().insert(format!("`{name}`"));
    }
    let mut text = HEAD.to_owned();
    for part in parts {
        let _ = write!(text, "\n## {}\n\n| rule | what drover does | shown by |\n", part.heading);
        text.push_str("|---|---|---|\n");
        for rule in &part.rules {
            let names = tests.get(rule.key.as_str()).map(|names| Vec::from_iter(names.clone()));
            let names = names.unwrap_or_default().join("<br>");
            let _ = writeln!(text, "| {} | {} | {names} |", rule.key, rule.statement);
        }
    }
    text
}

/// The integration tests that there are, from the binary itself.
fn tests_that_run() -> BTreeSet<String> {
    let binary = std::env::current_exe().unwrap();
    let output = Command::new(binary).args(["--list", "--format", "terse"]).output().unwrap();
    let listed = String::from_utf8(output.stdout).unwrap();
    listed.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect()
}

fn read_catalogue() -> Vec<Part> {
    catalogue(&std::fs::read_to_string(root().join("tests/rules/catalogue.txt")).unwrap())
}

#[test]
fn every_rule_has_a_test_and_every_test_names_known_rules() {
    let problems = problems(&read_catalogue(), &all_marked().unwrap(), &tests_that_run());
    assert!(problems.is_empty(), "{problems:#?}");
}

#[test]
fn the_table_in_the_repository_is_the_one_that_comes_of_the_tests() {
    let table = table(&read_catalogue(), &all_marked().unwrap());
    let path = root().join("tests/RULES.md");
    if std::env::var_os("DROVER_WRITE_RULES").is_some() {
        std::fs::write(&path, &table).unwrap();
    }
    let cure = "run DROVER_WRITE_RULES=1 cargo nextest run rules::";
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    let pairs = stored.lines().chain([""]).zip(table.lines().chain([""]));
    let different = pairs.into_iter().find(|(stored, made)| stored != made);
    assert_eq!(different, None, "{cure}");
    assert!(stored == table, "{cure}");
}

#[test]
fn what_is_missing_or_unknown_is_told() {
    let parts = catalogue("# comment\n= Part\nA1 | one\nA2 | two\n\nA2 | again\n");
    let text = "\n    /// Rules: A1, B9\n    #[test]\n    fn first() {}\n";
    let shown = marked("a::b", true, text).unwrap();
    assert_eq!(shown[0].test, "a::b::first");
    let found = problems(&parts, &shown, &BTreeSet::new());
    for expected in [
        "rule A2 has no test",
        "rule A2 is twice in the catalogue",
        "a::b::first names rule B9, which is unknown",
        "a::b::first is no test that runs",
    ] {
        assert!(found.iter().any(|problem| problem == expected), "{expected}: {found:?}");
    }
    let runs = BTreeSet::from(["a::b::first".to_owned()]);
    let found = problems(&catalogue("= Part\nA1 | one\n"), &shown[..1], &runs);
    assert_eq!(found, [""; 0]);
    let table = table(&parts, &shown);
    assert!(table.contains("## Part\n") && table.contains("| A1 | one | `a::b::first` |"));
    // A mark that stands above something else, or above nothing.
    for text in
        ["/// Rules: A1\nfn helper() {}", "/// Rules: A1\nconst X: u8 = 1;", "/// Rules: A1"]
    {
        assert!(marked("a", true, text).is_err(), "{text}");
    }
    let inner = marked("plan", false, "mod tests {\n/// Rules: A1\n#[test]\nfn x() {}").unwrap();
    assert_eq!(inner[0].test, "plan::tests::x");
}
