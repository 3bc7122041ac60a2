use std::os::unix::fs::MetadataExt;

use super::*;

const TWENTY: ContextId = ContextId(20);

fn account(id: u32) -> Account {
    Account::Context(ContextId(id))
}

fn file(dir: &tempfile::TempDir) -> CredentialsFile {
    CredentialsFile::new(dir.path().join("secrets/contexts.json"))
}

fn put(file: &CredentialsFile, content: &str) {
    create_private_directory(file.path.parent().unwrap()).unwrap();
    fs::write(&file.path, content).unwrap();
}

fn get(file: &CredentialsFile) -> Value {
    serde_json::from_slice(&fs::read(&file.path).unwrap()).unwrap()
}

/// Rules: D42, 5.2/file
#[test]
fn a_missing_file_is_empty_and_made_for_its_owner_only() {
    let dir = tempfile::tempdir().unwrap();
    let file = file(&dir);
    assert_eq!(file.find(account(20)).unwrap(), None);
    file.remove(TWENTY).unwrap();
    assert!(!file.path.exists());
    let made = file.ensure(TWENTY, "oxadmin-context20").unwrap();
    assert_eq!(made.login, "oxadmin-context20");
    assert_eq!(fs::metadata(&file.path).unwrap().mode() & 0o7777, 0o600);
    assert_eq!(fs::metadata(file.path.parent().unwrap()).unwrap().mode() & 0o7777, 0o700);
    let others: Vec<_> = fs::read_dir(file.path.parent().unwrap()).unwrap().collect();
    assert_eq!(others.len(), 1, "no rest: {others:?}");
    // Another process finds it on the disk.
    let fresh = CredentialsFile::new(file.path.clone());
    assert_eq!(fresh.credentials(account(20)).unwrap(), Some(made));
}

/// Rules: D51
#[test]
fn an_entry_that_is_there_is_never_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let file = file(&dir);
    let first = file.ensure(TWENTY, "oxadmin").unwrap();
    assert_eq!(file.ensure(TWENTY, "another").unwrap(), first);
    // Nor one that somebody has added meanwhile, be it in the same tick of the clock.
    put(&file, r#"{"21": {"adminuser": "by hand", "adminpass": "p"}}"#);
    assert_eq!(file.ensure(ContextId(21), "another").unwrap().login, "by hand");
}

/// Rules: D42, 5.2/file
#[test]
fn what_others_wrote_is_kept_and_the_file_is_sorted() {
    let dir = tempfile::tempdir().unwrap();
    let file = file(&dir);
    put(
        &file,
        r#"{"note": ["x"], "master": {"adminuser": "m", "adminpass": "p", "since": 1}, "10": 7}"#,
    );
    let made = file.ensure(TWENTY, "oxadmin-context20").unwrap();
    let expected = format!(
        "{{\n  \"10\": 7,\n  \"20\": {{\n    \"adminpass\": \"{}\",\n    \"adminuser\": \
         \"oxadmin-context20\"\n  }},\n  \"master\": {{\n    \"adminpass\": \"p\",\n    \
         \"adminuser\": \"m\",\n    \"since\": 1\n  }},\n  \"note\": [\n    \"x\"\n  ]\n}}",
        made.password.reveal()
    );
    assert_eq!(fs::read_to_string(&file.path).unwrap(), expected);
    file.remove(TWENTY).unwrap();
    assert_eq!(get(&file).as_object().unwrap().len(), 3);
    assert_eq!(file.find(account(20)).unwrap(), None);
}

#[test]
fn a_change_by_hand_takes_effect_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let file = file(&dir);
    for password in ["one", "two", "tri", "four"] {
        // In place, some of the same length, all within a tick of the clock.
        put(&file, &format!(r#"{{"20": {{"adminuser": "a", "adminpass": "{password}"}}}}"#));
        let found = file.find(account(20)).unwrap().unwrap();
        assert_eq!(found.password.reveal(), password);
    }
    fs::remove_file(&file.path).unwrap();
    assert_eq!(file.find(account(20)).unwrap(), None);
}

#[test]
fn an_unchanged_file_is_not_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let file = file(&dir);
    file.ensure(TWENTY, "oxadmin").unwrap();
    let entries = |file: &CredentialsFile| file.entries(&mut file.lock()).unwrap();
    assert!(Arc::ptr_eq(&entries(&file), &entries(&file)));
    // An old one read by a fresh process likewise.
    let hour_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
    File::options().write(true).open(&file.path).unwrap().set_modified(hour_ago).unwrap();
    let fresh = CredentialsFile::new(file.path.clone());
    assert!(Arc::ptr_eq(&entries(&fresh), &entries(&fresh)));
}

#[test]
fn a_torn_file_is_an_error_and_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let file = file(&dir);
    for torn in ["", "{\n  \"20\": {\n    \"adminpass\": \"geheim", "\"geheim\"", "[1]", "\u{1}"] {
        put(&file, torn);
        for problem in [
            file.find(account(20)).unwrap_err(),
            file.credentials(Account::Master).unwrap_err(),
            file.ensure(TWENTY, "oxadmin").unwrap_err(),
            file.remove(TWENTY).unwrap_err(),
        ] {
            assert!(problem.contains("contexts.json, line "), "{problem}");
            assert!(problem.contains("correct it by hand"), "{problem}");
            assert!(!problem.contains("geheim"), "{problem}");
        }
        assert_eq!(fs::read_to_string(&file.path).unwrap(), torn);
    }
    put(&file, "{\n  \"20\": {\n    oops");
    assert!(file.find(account(20)).unwrap_err().contains("line 3"));
}

#[test]
fn an_unreadable_file_is_not_an_empty_one() {
    let dir = tempfile::tempdir().unwrap();
    let file = file(&dir);
    fs::create_dir_all(&file.path).unwrap();
    for problem in
        [file.find(account(20)).unwrap_err(), file.ensure(TWENTY, "oxadmin").unwrap_err()]
    {
        assert!(problem.contains("cannot read") && problem.contains("contexts.json"), "{problem}");
    }
}

#[test]
fn a_broken_entry_hinders_its_own_account_only() {
    let dir = tempfile::tempdir().unwrap();
    let file = file(&dir);
    put(&file, r#"{"20": {"adminuser": "a"}, "21": {"adminuser": "b", "adminpass": "p"}}"#);
    let problem = file.find(account(20)).unwrap_err();
    assert!(problem.contains("\"20\"") && problem.contains("adminpass"), "{problem}");
    assert!(file.ensure(TWENTY, "oxadmin").is_err(), "it may hold the only copy of something");
    assert_eq!(file.find(account(21)).unwrap().unwrap().login, "b");
}

/// Rules: D51
#[test]
fn the_settings_win_for_the_master() {
    let dir = tempfile::tempdir().unwrap();
    let file = file(&dir);
    put(&file, r#"{"master": {"adminuser": "file", "adminpass": "p"}}"#);
    assert_eq!(file.find(Account::Master).unwrap().unwrap().login, "file");
    let file = file.with_master("settings".to_owned(), Secret::new("q"));
    assert_eq!(file.find(Account::Master).unwrap().unwrap().login, "settings");
    put(&file, "torn");
    assert_eq!(file.credentials(Account::Master).unwrap().unwrap().password.reveal(), "q");
}

#[test]
fn a_failed_write_hands_out_no_password() {
    let dir = tempfile::tempdir().unwrap();
    let file = file(&dir);
    put(&file, "{}");
    // In the way of the temporary file, and not removable like one.
    let obstacle = temporary_beside(&file.path);
    fs::create_dir(&obstacle).unwrap();
    let problem = file.ensure(TWENTY, "oxadmin").unwrap_err();
    assert!(problem.contains("cannot write") && problem.contains("contexts.json"), "{problem}");
    assert_eq!(file.find(account(20)).unwrap(), None);
    assert_eq!(fs::read_to_string(&file.path).unwrap(), "{}");
    fs::remove_dir(&obstacle).unwrap();
    file.ensure(TWENTY, "oxadmin").unwrap();
}

#[test]
fn many_at_once_lose_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let file = file(&dir);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let file = &file;
            scope.spawn(move || {
                for id in 0..10 {
                    file.ensure(ContextId(thread * 10 + id), "oxadmin").unwrap();
                }
            });
        }
    });
    assert_eq!(get(&file).as_object().unwrap().len(), 40);
}

#[test]
fn a_link_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let file = file(&dir);
    create_private_directory(file.path.parent().unwrap()).unwrap();
    let target = dir.path().join("elsewhere.json");
    fs::write(&target, "{}").unwrap();
    std::os::unix::fs::symlink(&target, &file.path).unwrap();
    file.ensure(TWENTY, "oxadmin").unwrap();
    assert!(fs::symlink_metadata(&file.path).unwrap().is_symlink());
    assert_eq!(fs::metadata(&target).unwrap().mode() & 0o7777, 0o600);
    assert!(file.find(account(20)).unwrap().is_some());
}

#[test]
fn a_file_that_others_can_read_is_noticed() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let file = file(&dir);
    put(&file, "{}");
    for (mode, noticed) in [(0o600, false), (0o640, true)] {
        fs::set_permissions(&file.path, fs::Permissions::from_mode(mode)).unwrap();
        fs::write(&file.path, format!("{{\"n\": {mode}}}")).unwrap();
        file.find(account(20)).unwrap();
        assert_eq!(file.warned.load(Ordering::Relaxed), noticed, "{mode:o}");
    }
    // drover's own change mends it.
    file.ensure(TWENTY, "oxadmin").unwrap();
    assert_eq!(fs::metadata(&file.path).unwrap().mode() & 0o7777, 0o600);
}
