use std::os::unix::fs::PermissionsExt;

use proptest::prelude::*;

use super::*;
use crate::model::access::RIGHTS;

fn access(words: &[&str]) -> ModuleAccess {
    ModuleAccess::from_words(words.iter().copied()).unwrap()
}

fn profile(name: &str, words: &[&str]) -> Profile {
    (name.to_owned(), access(words))
}

#[test]
fn a_file_of_the_old_tool_is_read() {
    let text = "# one\r\n# two=webmail\r\n\r\n  a = b= webmail , contacts,\n\n!x'=\n\na = b=usm\n";
    let expected = [profile("a = b", &["usm"]), profile("!x'", &[])];
    assert_eq!(parse(text).unwrap(), expected);
}

#[test]
fn the_shape_is_that_of_the_old_tool() {
    let text =
        format(&[profile("z=", &["webmail", "calendar", "usm"]), profile("none", &[])]).unwrap();
    let lines: Vec<&str> = text.split('\n').collect();
    assert!(lines[0].starts_with('#') && lines[1].starts_with('#'));
    assert_eq!(lines[2..], ["", "z==calendar,usm,webmail", "", "none=", "", ""]);
}

#[test]
fn bad_lines_are_told_with_number_and_word() {
    for (text, expected) in [
        ("# c\n\na=webmail,fax\n", "line 3: unknown right \"fax\" in an access profile"),
        ("a=\n\r\nwebmail", "line 3: there is no \"=\" in it"),
        (" = webmail", "line 1: there is no name before the \"=\""),
    ] {
        assert_eq!(parse(text).unwrap_err().to_string(), expected);
    }
}

#[test]
fn names_that_would_not_come_back_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = ProfilesFile::new(dir.path().join("p"));
    for name in ["", " a", "a ", "#a", "a\nb=webmail", "a\rb", "a\u{a0}"] {
        let problem = file.change(name, Some(ModuleAccess::NONE)).unwrap_err();
        assert!(matches!(problem, ProfilesError::Name { .. }), "{name:?}");
        assert!(problem.to_string().contains("under another name"), "{problem}");
    }
    assert!(!file.path.exists());
}

#[test]
fn one_profile_changes_and_the_others_stay_in_place() {
    let dir = tempfile::tempdir().unwrap();
    let file = ProfilesFile::new(dir.path().join("new/profiles"));
    assert_eq!(file.load().unwrap(), []);
    file.change("gone", None).unwrap();
    assert!(!file.path.exists());
    file.change("b", Some(access(&["webmail"]))).unwrap();
    assert_eq!(fs::metadata(&file.path).unwrap().mode() & MODE_BITS, 0o644);
    fs::set_permissions(&file.path, fs::Permissions::from_mode(0o640)).unwrap();
    file.change("none", Some(ModuleAccess::NONE)).unwrap();
    file.change("a", Some(access(&["usm"]))).unwrap();
    file.change("b", Some(access(&["usm", "tasks"]))).unwrap();
    let expected = [profile("b", &["tasks", "usm"]), profile("none", &[]), profile("a", &["usm"])];
    assert_eq!(file.load().unwrap(), expected);
    file.change("b", None).unwrap();
    assert_eq!(file.load().unwrap(), expected[1..]);
    assert_eq!(fs::metadata(&file.path).unwrap().mode() & MODE_BITS, 0o640);
    let names: Vec<_> = fs::read_dir(dir.path().join("new")).unwrap().collect();
    assert_eq!(names.len(), 1, "no rest: {names:?}");
}

/// Rules: D20
#[test]
fn a_file_that_cannot_be_understood_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let file = ProfilesFile::new(dir.path().join("profiles"));
    for content in [&b"a=webmail\nb=fax\n"[..], b"a=webmail\n\xff="] {
        fs::write(&file.path, content).unwrap();
        let problem = ProfileFile::write(&file, "c", Some(ModuleAccess::NONE)).unwrap_err();
        assert!(problem.contains("profiles"), "{problem}");
        assert_eq!(fs::read(&file.path).unwrap(), content);
    }
    fs::remove_file(&file.path).unwrap();
    fs::create_dir(&file.path).unwrap();
    let problem = ProfileFile::write(&file, "c", None).unwrap_err();
    assert!(problem.contains("cannot read"), "{problem}");
}

#[test]
fn seven_profiles_are_shipped() {
    let shipped = shipped();
    assert_eq!(parse(SHIPPED).unwrap(), shipped);
    let sizes: Vec<(&str, usize)> =
        shipped.iter().map(|(name, access)| (name.as_str(), access.words().len())).collect();
    assert_eq!(
        sizes,
        [
            ("none", 0),
            ("webmail", 5),
            ("webmail_drive", 6),
            ("pim", 8),
            ("pim_drive", 9),
            ("groupware", 11),
            ("premium", 16),
        ]
    );
}

fn any_profiles() -> impl Strategy<Value = Vec<Profile>> {
    let name = "[!-~äß€]([ -~äß€]{0,12}[!-~äß€])?"
        .prop_filter("not like a comment", |name| !name.starts_with('#'));
    let access = any::<u32>().prop_map(|bits| {
        let mut access = ModuleAccess::NONE;
        for (index, right) in RIGHTS.iter().enumerate() {
            access.set(index, right.word.is_some() && bits & (1 << index) != 0);
        }
        access
    });
    prop::collection::vec((name, access), 0..12).prop_map(|mut profiles| {
        let mut seen = std::collections::HashSet::new();
        profiles.retain(|(name, _)| seen.insert(name.clone()));
        profiles
    })
}

proptest! {
    /// Rules: 7/names
    #[test]
    fn what_is_written_is_read_back(profiles in any_profiles()) {
        prop_assert_eq!(parse(&format(&profiles).unwrap()).unwrap(), profiles);
    }
}
