//! The settings file.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use drover::settings::{DEFAULTS, Settings, SettingsError, Sources};
use proptest::prelude::*;

use super::damage::{damage, damaged, soon};

const TOML_TRICKS: &[&str] = &[
    "[",
    "[[",
    "]",
    "=",
    "\"\"\"",
    "'''",
    "\\u0000",
    "\\",
    "#",
    "\n",
    "\r",
    "${env:HOME}",
    "${var:a}",
    "${file:/nowhere}",
    "${",
    "$${",
    "-1",
    "1e400",
    "inf",
    "nan",
    "1979-05-27T07:32:00Z",
    "0x7fffffffffffffff",
    "9999999999999999999999",
    "true",
    "{a=1}",
    "[ox]",
    "[ox]\n[ox]",
    ".",
    "\u{FEFF}",
];

/// Loads a settings file with that in it.
fn load(bytes: &[u8]) -> Result<(), String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("drover.toml");
    std::fs::write(&path, bytes).unwrap();
    let sources = Sources { file: Some(path), env: BTreeMap::new(), data_dir: None };
    match soon(|| Settings::load(&sources)) {
        Ok(_) => Ok(()),
        Err(problem) => {
            assert!(!matches!(problem, SettingsError::Layers(_)), "{problem}");
            let told = problem.to_string();
            assert!(told.contains("drover.toml"), "{told}");
            Err(told)
        }
    }
}

proptest! {
    #[test]
    fn any_settings_are_taken_or_the_place_is_named(damage in damage(TOML_TRICKS)) {
        let _ = load(&damaged(DEFAULTS.as_bytes(), &damage));
    }

    #[test]
    fn any_text_is_taken_or_the_file_named(text in "(?s).{0,80}", bytes in any::<Vec<u8>>()) {
        let _ = load(text.as_bytes());
        let _ = load(&bytes);
    }
}

#[test]
fn nesting_is_bounded() {
    for depth in [100, 100_000] {
        let _ = load(format!("a = {}{}", "[".repeat(depth), "]".repeat(depth)).as_bytes());
        let _ = load(format!("a = {}1{}", "{b = ".repeat(depth), "}".repeat(depth)).as_bytes());
        let _ = load(format!("{}a = 1", "a.".repeat(depth)).as_bytes());
        let _ = load(format!("[{}a]\nb = 1", "a.".repeat(depth)).as_bytes());
    }
}

#[test]
fn references_grow_neither_in_size_nor_in_time() {
    // Each variable is the next one, many times over.
    for last in ["\"\"", "\"xxxxxxxxxx\""] {
        let mut file = "[ox]\nmaster_password = \"${var:v0}\"\n[variables]\n".to_owned();
        for n in 0..12 {
            writeln!(file, "v{n} = \"{}\"", format!("${{var:v{}}}", n + 1).repeat(10)).unwrap();
        }
        writeln!(file, "v12 = {last}").unwrap();
        let told = load(file.as_bytes()).unwrap_err();
        assert!(told.contains("too many"), "{told}");
    }
    let mut file = "[ox]\nmaster_password = \"${var:v0}\"\n[variables]\n".to_owned();
    for n in 0..20_000 {
        writeln!(file, "v{n} = \"${{var:v{}}}\"", n + 1).unwrap();
    }
    let told = load(file.as_bytes()).unwrap_err();
    assert!(told.contains("too many"), "{told}");
    let told = load(b"[ox]\nmaster_password = \"${file:/dev/zero}\"").unwrap_err();
    assert!(told.contains("1 MiB"), "{told}");
}
