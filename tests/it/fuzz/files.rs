//! Access profiles, credentials, attribute mapping.

use drover::credentials::CredentialsFile;
use drover::model::access::RIGHTS;
use drover::model::{ContextId, ModuleAccess};
use drover::ox::{Account, CredentialSource};
use drover::plan::attributes::mapping::{DEFAULT_FILE, Mapping, MappingText};
use drover::profiles;
use drover::provision::Vault;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::damage::{JSON_TRICKS, any_json, damage, damaged, soon};

const PROFILES: &[&str] =
    &["=", "==", ",", "#", "\n", "\r", "\r\n", "\u{FEFF}", "\0", "\u{85}", "webmail"];

const SHIPPED: &str = include_str!("../../../config/ModuleAccessDefinitions.properties");

fn words() -> impl Strategy<Value = ModuleAccess> {
    prop::sample::subsequence((0..RIGHTS.len()).collect::<Vec<_>>(), 0..RIGHTS.len()).prop_map(
        |chosen| {
            let all = profiles::shipped();
            // Rights by their words, which only profiles that are known show.
            let known: Vec<String> = all
                .iter()
                .flat_map(|(_, access)| {
                    access.words().into_iter().map(str::to_owned).collect::<Vec<_>>()
                })
                .collect();
            let chosen = chosen.into_iter().filter_map(|at| known.get(at * 3));
            ModuleAccess::from_words(chosen.map(String::as_str)).unwrap()
        },
    )
}

proptest! {
    #[test]
    fn any_profiles_file_is_read_or_its_line_named(text in "(?s).{0,200}", damage in damage(PROFILES)) {
        let damaged = String::from_utf8_lossy(&damaged(SHIPPED.as_bytes(), &damage)).into_owned();
        for text in [text, damaged] {
            match soon(|| profiles::parse(&text)) {
                // What was read can be written, or its name is at fault; written it reads the same.
                Ok(read) => match profiles::format(&read) {
                    Ok(written) => prop_assert_eq!(profiles::parse(&written).unwrap(), read),
                    Err(problem) => prop_assert!(problem.to_string().contains("another name")),
                },
                Err(problem) => prop_assert!(problem.to_string().starts_with("line ")),
            }
        }
    }

    #[test]
    fn profiles_that_can_be_written_are_read_back(
        named in vec((".{0,20}", words()), 0..5),
    ) {
        let mut names: Vec<&str> = named.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        prop_assume!(names.len() == named.len());
        if let Ok(written) = profiles::format(&named) {
            prop_assert_eq!(profiles::parse(&written).unwrap(), named);
        }
    }

    #[test]
    fn any_mapping_is_taken_or_its_member_named(
        damage in damage(JSON_TRICKS),
        odd in any_json(),
        which in any::<prop::sample::Index>(),
        member in prop::sample::select(vec![
            "ldap_attribute", "nillable", "multi_value", "special_handling",
            "alternative_attributes", "position", "other",
        ]),
    ) {
        let text = String::from_utf8_lossy(&damaged(DEFAULT_FILE.as_bytes(), &damage)).into_owned();
        let mut file: Map<String, Value> = serde_json::from_str(DEFAULT_FILE).unwrap();
        let keys: Vec<String> = file.keys().cloned().collect();
        let key = &keys[which.index(keys.len())];
        file[key][member] = odd.clone();
        let one_member = Value::Object(file.clone()).to_string();
        file.insert(key.clone(), odd);
        for text in [text, one_member, Value::Object(file).to_string()] {
            match soon(|| Mapping::parse(&text)) {
                Err(problem) => {
                    let told = problem.to_string();
                    prop_assert!(told.contains('"') || told.contains("JSON"), "{}", told);
                    prop_assert!(told.len() < 2_000, "{}", told.len());
                    prop_assert!(MappingText::parse(&text).is_err());
                }
                // What can be used can be written again, and changed.
                Ok(mapping) => {
                    let mut editable = MappingText::parse(&text).unwrap();
                    prop_assert_eq!(Mapping::parse(&editable.text()).unwrap(), mapping);
                    editable.set(key, "custom").unwrap();
                    let changed = MappingText::parse(&editable.text()).unwrap();
                    prop_assert_eq!(changed, editable);
                }
            }
        }
    }

    #[test]
    fn any_credentials_file_is_read_or_told_and_what_is_good_in_it_is_kept(
        damage in damage(JSON_TRICKS),
        odd in any_json(),
        login in ".{1,12}",
    ) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("contexts.json");
        let good = json!({
            "master": {"adminuser": "m", "adminpass": "secret-one"},
            "10": {"adminuser": login, "adminpass": "secret-two"},
        });
        let mut with_odd = good.clone();
        with_odd["10"]["adminpass"] = odd.clone();
        let mut beside = good.clone();
        beside["note"] = odd;
        let damaged = damaged(good.to_string().as_bytes(), &damage);
        let account = |id| Account::Context(ContextId(id));
        for bytes in [damaged, with_odd.to_string().into_bytes(), beside.to_string().into_bytes()] {
            std::fs::write(&path, &bytes).unwrap();
            let file = CredentialsFile::new(path.clone());
            let before = file.credentials(account(10));
            if let Err(told) = &before {
                prop_assert!(told.contains("contexts.json"), "{}", told);
                prop_assert!(!told.contains("secret-"), "{}", told);
            }
            match soon(|| file.ensure(ContextId(20), "new")) {
                Ok(made) => {
                    // Read anew, as by another process: the new one is there, the old one as it was.
                    let fresh = CredentialsFile::new(path.clone());
                    prop_assert_eq!(fresh.credentials(account(20)).unwrap().unwrap(), made);
                    prop_assert_eq!(fresh.credentials(account(10)), before);
                }
                Err(told) => {
                    prop_assert!(told.contains("contexts.json"), "{}", told);
                    prop_assert_eq!(std::fs::read(&path).unwrap(), bytes, "left alone");
                }
            }
        }
    }
}
