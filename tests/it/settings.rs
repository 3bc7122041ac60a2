//! Settings: every variable has its place, layers override in order, bad values are named.
#![expect(clippy::unwrap_used, reason = "a panic in a test's helper is the report, too")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use drover::actors::supervisor::{OnFault, StopScope};
use drover::model::{ContextId, Secret};
use drover::settings::{
    LogFormat, MailServer, Meaning, Notice, Settings, SettingsError, Sources, VARIABLES,
};

/// Every setting of the OX Connector that comes by environment, with a value an installation has.
const CONNECTOR: &[(&str, &str)] = &[
    ("OX_SOAP_SERVER", "https://ox.example.org/"),
    ("OX_IMAP_SERVER", "imaps://Mail.example.org:993"),
    ("OX_SMTP_SERVER", "smtp://mail.example.org"),
    ("DEFAULT_CONTEXT", "7"),
    ("OX_LANGUAGE", "fr_FR"),
    ("LOCAL_TIMEZONE", "Europe/Paris"),
    ("OX_MASTER_ADMIN", "master"),
    ("OX_MASTER_PASSWORD", "pass word "),
    ("OX_IMAP_LOGIN", "{}*dovecotadmin"),
    ("OX_FUNCTIONAL_ACCOUNT_LOGIN_TEMPLATE", "{{dn}}"),
    ("OX_USER_IDENTIFIER", "entryUUID"),
    ("OX_GROUP_IDENTIFIER", "gidNumber"),
    ("OX_CREDENTIALS_FILE", "/etc/ox-secrets/ox-contexts.json"),
    ("DOMAINNAME", "example.org"),
    ("REQUESTS_CA_BUNDLE", "/etc/ssl/certs/ca-certificates.crt"),
    ("OX_ENABLE_DEPUTY_PERMISSIONS", "true"),
    ("OX_CONNECTOR_LOG_LEVEL", "CRITICAL"),
    ("OX_CONNECTOR_STOP_ON_ERROR", "True"),
    ("OX_SHARED_ACCOUNT_IDENTIFIER", "name"),
    ("OX_ENABLE_SHARED_ACCOUNT", "true"),
    ("OX_CONNECTOR_DB", "sqlite:///x:topsecret@y"),
    ("MAX_ACKNOWLEDGEMENT_RETRIES", "3"),
    ("LOG_LEVEL", "DEBUG"),
    ("PROVISIONING_API_BASE_URL", "http://provisioning"),
    ("PROVISIONING_API_USERNAME", "ox-connector"),
    ("PROVISIONING_API_PASSWORD", "topsecret"),
    ("PROVISIONING_API_ADMIN_USERNAME", "admin"),
    ("PROVISIONING_API_ADMIN_PASSWORD", "topsecret"),
    ("PROVISIONING_API_RESYNC_ENABLED", "true"),
];

/// Settings from a file of this text (if any) and these variables.
fn load(text: &str, env: &[(&str, &str)]) -> Result<(Settings, Vec<Notice>), SettingsError> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("my.toml");
    std::fs::write(&file, text).unwrap();
    Settings::load(&Sources { file: Some(file), env: variables(env), data_dir: None })
}

fn variables(env: &[(&str, &str)]) -> std::collections::BTreeMap<String, String> {
    env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn refusal(text: &str, env: &[(&str, &str)]) -> String {
    load(text, env).unwrap_err().to_string()
}

fn not_used_yet(name: &str, expected: Option<&'static str>) -> Notice {
    Notice::NotUsedYet { variable: name.to_owned(), expected }
}

#[test]
fn every_variable_of_the_connector_has_its_place() {
    for (name, _) in CONNECTOR {
        assert!(VARIABLES.iter().any(|(known, _)| known == name), "{name} is unknown");
    }
    for (name, _) in VARIABLES {
        assert!(
            *name == "DATA_DIR" || CONNECTOR.iter().any(|(known, _)| known == name),
            "{name} is none of the connector's"
        );
    }
}

#[test]
fn runs_on_the_variables_of_the_connector_alone() {
    let (settings, notices) = load("", CONNECTOR).unwrap();
    let ox = &settings.ox;
    assert_eq!(ox.soap_server.as_str(), "https://ox.example.org/");
    assert_eq!(ox.master_admin, "master");
    assert_eq!(ox.master_password, Some(Secret::new("pass word ")), "not trimmed");
    assert_eq!(ox.default_context, ContextId(7));
    assert_eq!(ox.domain_name, "example.org");
    assert_eq!(ox.ca_file, Some(PathBuf::from("/etc/ssl/certs/ca-certificates.crt")));
    assert_eq!(settings.credentials_file(), Path::new("/etc/ox-secrets/ox-contexts.json"));
    let mapping = &settings.mapping;
    let imap = MailServer {
        scheme: "imaps".to_owned(),
        host: "mail.example.org".to_owned(),
        port: Some(993),
    };
    assert_eq!(mapping.imap_server, imap);
    assert_eq!(mapping.smtp_server.port, None, "no port stays none");
    assert_eq!(mapping.imap_login.as_deref(), Some("{}*dovecotadmin"));
    assert_eq!(mapping.functional_account_login_template, "{{dn}}");
    assert_eq!(mapping.user_identifier, "entryUUID");
    assert_eq!(mapping.group_identifier, "gidNumber");
    assert_eq!(mapping.language, "fr_FR");
    assert_eq!(mapping.timezone, "Europe/Paris");
    assert_eq!(settings.logs.level, tracing::Level::ERROR, "OX_CONNECTOR_LOG_LEVEL wins");
    assert_eq!(settings.retry.stop_scope, StopScope::Context);

    let later = VARIABLES.iter().filter(|(_, meaning)| *meaning == Meaning::Later);
    let expected: Vec<Notice> = later.map(|(name, _)| not_used_yet(name, None)).collect();
    assert_eq!(notices, expected, "and nothing else");
}

/// Rules: D55
#[test]
fn empty_variables_are_unset() {
    let mut empty: Vec<_> = VARIABLES.iter().map(|(name, _)| (*name, "")).collect();
    empty.push(("DROVER__OX__MASTER_ADMIN", ""));
    assert_eq!(load("", &empty).unwrap(), load("", &[]).unwrap());
    let (settings, notices) = load("[mapping]\nuser_identifier = 'uid'", &empty).unwrap();
    assert_eq!(settings.mapping.user_identifier, "uid", "and do not hide the file");
    assert_eq!(notices, []);
}

#[test]
fn defaults_are_as_documented() {
    let (settings, notices) = load("", &[]).unwrap();
    assert_eq!(notices, []);
    let data = Path::new("/var/lib/univention-appcenter/apps/ox-connector/data");
    assert_eq!(settings.queue_dir(), data.join("listener"));
    assert_eq!(settings.database(), data.join("drover.db"));
    assert_eq!(settings.profiles_file(), data.join("ModuleAccessDefinitions.properties"));
    assert_eq!(settings.credentials_file(), data.join("secrets/contexts.json"));
    assert_eq!(settings.attribute_mapping(), data.join("AttributeMapping.json"));
    assert_eq!(settings.ox.master_password, None);
    assert_eq!(settings.ox.default_context, ContextId(10));
    assert_eq!(settings.mapping.imap_login, None, "the primary address");
    assert_eq!(settings.mapping.login_mappings, Vec::<String>::new());
    assert_eq!(settings.queue.max_file_bytes, 16 * 1024 * 1024);
    assert_eq!(settings.limits.max_in_flight.get(), 8);
    assert_eq!(settings.limits.max_context_creates.get(), 1);
    assert_eq!(settings.limits.calls_per_second, None);
    assert!((1..=4).contains(&settings.limits.threads()));
    assert_eq!(settings.retry.once_attempts.get(), 3);
    assert_eq!(settings.groups, drover::plan::group::GroupPolicy::default());
    assert_eq!(settings.retry.once_outage, Duration::from_secs(60));
    assert_eq!(settings.run.interval, None);
    assert_eq!(settings.run.drain, Duration::from_secs(4));
    assert_eq!(settings.logs.format, LogFormat::Auto);
}

#[test]
fn layers_override_in_order() {
    let text = "[ox]\nmaster_admin = 'file'\ndomain_name = 'file.example'\nproxy = true\n\
                [mapping]\nlogin_mappings = ['{name}', 'x-{id}']\n[run]\ndrain_s = 0.25";
    let (settings, _) = load(
        text,
        &[
            ("OX_MASTER_ADMIN", "variable"),
            ("DOMAINNAME", "variable.example"),
            ("DROVER__OX__DOMAIN_NAME", "drover.example"),
            ("DROVER__RETRY__STOP_SCOPE", "ALL"),
        ],
    )
    .unwrap();
    assert!(settings.ox.proxy, "file over default");
    assert_eq!(settings.mapping.login_mappings, ["{name}", "x-{id}"]);
    assert_eq!(settings.run.drain, Duration::from_millis(250));
    assert_eq!(settings.ox.master_admin, "variable", "variable over file");
    assert_eq!(settings.ox.domain_name, "drover.example", "drover's variable over the connector's");
    assert_eq!(settings.retry.stop_scope, StopScope::All);
    assert_eq!(settings.mapping.language, "de_DE", "the rest stays");

    let (settings, _) = load(text, &[("DROVER__MAPPING__LOGIN_MAPPINGS", "one, {name},")]).unwrap();
    assert_eq!(settings.mapping.login_mappings, ["one", "{name}"]);
}

#[test]
fn the_data_directory_brings_its_own_file() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("drover.toml"), "[ox]\nmaster_admin = 'here'").unwrap();
    let path = dir.path().to_str().unwrap();

    let by_variable = Sources { env: variables(&[("DATA_DIR", path)]), ..Sources::default() };
    let (settings, _) = Settings::load(&by_variable).unwrap();
    assert_eq!(settings.ox.master_admin, "here");
    assert_eq!(settings.queue.data_dir, dir.path());

    let by_option = Sources {
        env: variables(&[("DATA_DIR", "/nowhere")]),
        data_dir: Some(dir.path().to_owned()),
        ..Sources::default()
    };
    let (mut same, _) = Settings::load(&by_option).unwrap();
    // But for where the folder's name came from.
    same.explained.clone_from(&settings.explained);
    assert_eq!(same, settings);

    std::fs::remove_file(dir.path().join("drover.toml")).unwrap();
    let (settings, _) = Settings::load(&by_variable).unwrap();
    assert_eq!(settings.ox.master_admin, "oxadminmaster", "and may be missing");
}

#[test]
fn a_named_file_must_be_readable() {
    let sources = Sources { file: Some("/nowhere/my.toml".into()), ..Sources::default() };
    let error = Settings::load(&sources).unwrap_err();
    assert_eq!(error.to_string(), "cannot read the settings file /nowhere/my.toml");
    assert!(std::error::Error::source(&error).is_some());
}

/// Rules: D55
#[test]
fn bad_values_name_variable_value_and_cure() {
    let cases = [
        ("OX_SOAP_SERVER", "ox.example.org", "write an address such as https://ox.example.org"),
        ("OX_SOAP_SERVER", "ftp://ox.example.org", "is not an http or https address"),
        ("OX_SOAP_SERVER", "https://ox.example.org/?a=b", "without ? and #"),
        ("OX_IMAP_SERVER", "localhost", "write one such as imap://mail.example.org:143"),
        ("OX_IMAP_SERVER", "localhost:143", "is not an address with scheme and host"),
        ("OX_IMAP_SERVER", "imap://", "is not an address with scheme and host"),
        ("OX_SMTP_SERVER", "smtp:///x", "write one such as smtp://mail.example.org:587"),
        ("OX_SMTP_SERVER", "smtp://host:99999", "is not an address with scheme and host"),
        ("DEFAULT_CONTEXT", "0", "is not a whole number from 1 to 2147483647"),
        ("DEFAULT_CONTEXT", "ten", "is not a whole number"),
        ("OX_USER_IDENTIFIER", "user name", "is not the name of a property"),
        ("OX_LANGUAGE", "de DE", "is not a language"),
        ("LOG_LEVEL", "LOUD", "is not one of error, warning, info, debug, trace"),
        ("DROVER__LIMITS__MAX_IN_FLIGHT", "0", "is not a whole number from 1 to 1024"),
        ("DROVER__LIMITS__CALLS_PER_SECOND", "-1", "is not a whole number from 0"),
        ("DROVER__RUN__DRAIN_S", "4s", "write seconds without a unit"),
        ("DROVER__RUN__DRAIN_S", "NaN", "is not a number of seconds"),
        ("DROVER__RUN__DRAIN_S", "1e300", "is not a number of seconds from 0 to 86400"),
        ("DROVER__OX__READ_DEADLINE_S", "0", "is not a number of seconds from 0.001"),
        ("DROVER__OX__INSECURE", "maybe", "is not true or false"),
        ("DROVER__RETRY__ON_FAULT", "skip", "is not one of stop, park"),
        ("DROVER__GROUPS__DELTA_MAX", "10001", "is not a whole number from 0 to 10000"),
        ("DROVER__GROUPS__VERIFY", "always", "is not one of before, after, never"),
        ("DROVER__GROUPS__VERIFY_EVERY", "0", "is not a whole number from 1 to 1000000"),
        ("DROVER__GROUPS__EMPTY", "remove", "is not one of delete, keep, hold"),
        ("DROVER__RETRY__BUSY_MAX_S", "0.1", "is not at least retry.busy_first_s"),
    ];
    for (name, value, told) in cases {
        let message = refusal("", &[(name, value)]);
        assert!(message.contains(told), "{name}={value}: {message}");
        assert!(
            message.starts_with(&format!("environment variable {name}: {value:?} is not ")),
            "{message}"
        );
    }
}

#[test]
fn bad_values_name_file_and_key() {
    let message = refusal("[limits]\nmax_in_flight = 1.5", &[]);
    assert!(message.contains("my.toml, line 2, key limits.max_in_flight: \"1.5\" is not a whole"));
    let message = refusal("[ox]\nsoap_server = ''", &[]);
    assert!(message.contains("my.toml, line 2, key ox.soap_server: \"\" is not an http or https"));
    let message = refusal("[ox]\nmaster_admin = ['a']", &[]);
    assert!(message.contains("key ox.master_admin: \"a list\" is not a text"));
}

#[test]
fn every_bad_section_is_told_at_once() {
    let SettingsError::Values(bad) = load(
        "[run]\ndrain_s = -1",
        &[("OX_SOAP_SERVER", "x"), ("OX_IMAP_SERVER", "x"), ("LOG_LEVEL", "x")],
    )
    .unwrap_err() else {
        panic!("values were bad")
    };
    assert_eq!(bad.len(), 4);
}

#[test]
fn unknown_names_are_told_with_a_near_one() {
    let (_, notices) = load(
        "[ox]\nsoap_servr = 'x'\nlanguage = 'x'\n[bananas]\nripe = true",
        &[("DROVER__QUEUE__DATADIR", "/x"), ("DROVER__ZZZZ", "1")],
    )
    .unwrap();
    let told: Vec<String> = notices.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 5, "{told:?}");
    assert!(told[0].ends_with("my.toml, line 5, key bananas.ripe: no such setting, ignored"));
    assert!(
        told[1]
            .ends_with("key ox.language: no such setting, ignored; did you mean mapping.language?")
    );
    assert!(
        told[2]
            .ends_with("key ox.soap_servr: no such setting, ignored; did you mean ox.soap_server?")
    );
    assert_eq!(
        told[3],
        "environment variable DROVER__QUEUE__DATADIR: no such setting, ignored; \
         did you mean DROVER__QUEUE__DATA_DIR?"
    );
    assert_eq!(told[4], "environment variable DROVER__ZZZZ: no such setting, ignored");
}

#[test]
fn what_has_no_effect_or_is_dangerous_is_told() {
    let (_, notices) = load("", &[("MAX_ACKNOWLEDGEMENT_RETRIES", "many")]).unwrap();
    assert_eq!(
        notices,
        [not_used_yet("MAX_ACKNOWLEDGEMENT_RETRIES", Some("a whole number, such as 3"))]
    );
    let told = notices[0].to_string();
    assert!(told.contains("not used yet") && !told.contains("many"), "{told}");
    let (_, notices) = load("[ox]\ninsecure = true", &[]).unwrap();
    assert!(matches!(&notices[..], [Notice::Insecure { place }] if place.contains("ox.insecure")));
}

#[test]
fn stopping_on_errors_takes_the_texts_of_all_connectors() {
    let on_fault = |text: &str| {
        let file = "[retry]\non_fault = 'park'";
        load(file, &[("OX_CONNECTOR_STOP_ON_ERROR", text)]).map(|(settings, _)| settings)
    };
    for (text, expected) in [
        ("True", OnFault::Stop),
        ("true", OnFault::Stop),
        ("1", OnFault::Stop),
        ("yes", OnFault::Stop),
        ("False", OnFault::Park),
        ("false", OnFault::Park),
        ("off", OnFault::Park),
        ("0", OnFault::Park),
        ("", OnFault::Park),
    ] {
        assert_eq!(on_fault(text).unwrap().retry.on_fault, expected, "{text:?}");
    }
    let (settings, notices) = load("", &[("OX_CONNECTOR_STOP_ON_ERROR", "")]).unwrap();
    assert_eq!((settings.retry.on_fault, notices), (OnFault::Stop, vec![]), "empty is unset");
    let refused = on_fault("perhaps").unwrap_err().to_string();
    assert_eq!(
        refused,
        "environment variable OX_CONNECTOR_STOP_ON_ERROR: \"perhaps\" is not true or false; write \
         True to stop at a faulty item, False to set it aside"
    );
    let env = [("OX_CONNECTOR_STOP_ON_ERROR", "perhaps"), ("OX_LANGUAGE", "de")];
    let both = refusal("", &env);
    assert_eq!(both.lines().count(), 2, "{both}");
}

#[test]
fn nonsense_is_refused_with_the_cure() {
    for (name, value, cure) in [
        ("OX_LANGUAGE", "de", "is not a language with its country; name one such as de_DE"),
        ("OX_LANGUAGE", "de_DE_x", "name one such as de_DE"),
        ("LOCAL_TIMEZONE", "Europe/Berln", "is not a time zone; name one such as Europe/Berlin"),
        ("DEFAULT_CONTEXT", "ten", "is not a whole number from 1 to"),
    ] {
        let refused = refusal("", &[(name, value)]);
        assert!(refused.contains(cure) && refused.contains(name), "{refused}");
    }
}

#[test]
fn every_value_is_explained_with_its_origin() {
    let dir = tempfile::tempdir().unwrap();
    let text = "# mine\n[ox]\nsoap_server = 'https://ox.example'\n[limits]\n\nmax_in_flight = 3\n";
    std::fs::write(dir.path().join("drover.toml"), text).unwrap();
    let env = [
        ("OX_MASTER_PASSWORD", "topsecret"),
        ("DROVER__LIMITS__MAX_IN_FLIGHT", "5"),
        ("OX_CONNECTOR_STOP_ON_ERROR", "False"),
    ];
    let sources =
        Sources { file: None, env: variables(&env), data_dir: Some(dir.path().to_owned()) };
    let (_, _, explained) = Settings::load_explained(&sources).unwrap();
    let line = |key: &str| {
        let found = explained.iter().find(|one| one.key == key).unwrap();
        assert!(!found.meaning.is_empty() || key.contains("_max_s"), "{key} means nothing");
        format!("{} [{}]", found.line(), found.origin)
    };
    let file = dir.path().join("drover.toml").display().to_string();
    let expected = format!("ox.soap_server = \"https://ox.example\" [{file}, line 3]");
    assert_eq!(line("ox.soap_server"), expected);
    assert_eq!(
        line("limits.max_in_flight"),
        "limits.max_in_flight = \"5\" [environment variable DROVER__LIMITS__MAX_IN_FLIGHT]"
    );
    assert_eq!(
        line("retry.on_fault"),
        "retry.on_fault = \"park\" [environment variable OX_CONNECTOR_STOP_ON_ERROR]"
    );
    assert_eq!(
        line("ox.master_password"),
        "ox.master_password = \"***\" [environment variable OX_MASTER_PASSWORD]"
    );
    assert!(line("queue.data_dir").ends_with("[option --data]"));
    assert_eq!(line("ledger.keep"), "ledger.keep = 100000 [default]");
    let shown = serde_json::to_string(&explained).unwrap();
    assert!(!shown.contains("topsecret") && !format!("{explained:?}").contains("topsecret"));
}

#[test]
fn a_file_may_refer_to_variables_and_files() {
    let secret = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(secret.path(), "topsecret\n").unwrap();
    let text = format!(
        "[variables]\nhost = \"mail.example.org\"\n[ox]\nmaster_password = '${{file:{}}}'\n\
         [mapping]\nimap_server = 'imap://${{var:host}}:143'\n\
         [limits]\nmax_in_flight = '${{env:CALLS}}'\n",
        secret.path().display()
    );
    let (settings, notices) = load(&text, &[("CALLS", "3")]).unwrap();
    assert_eq!(settings.ox.master_password, Some(Secret::new("topsecret")));
    assert_eq!(settings.mapping.imap_server.host, "mail.example.org");
    assert_eq!(settings.limits.max_in_flight.get(), 3);
    assert_eq!(notices, []);
    let refusal = refusal(&text, &[]);
    assert!(refusal.contains("my.toml, line 8: ${env:CALLS}: "), "{refusal}");
}

#[test]
fn secrets_are_never_shown() {
    let (settings, notices) = load(
        "[ox]\nmaster_password = 'topsecret'",
        &[("PROVISIONING_API_PASSWORD", "topsecret"), ("DROVER__OX__MASTER_PASSWRD", "topsecret")],
    )
    .unwrap();
    let shown = format!("{settings:?} {notices:?} {}", notices[0]);
    assert!(!shown.contains("topsecret"), "{shown}");
    assert_eq!(settings.ox.master_password, Some(Secret::new("topsecret")));

    for (text, env) in [
        ("[ox]\nmaster_password = 'topsecret", &[][..]),
        ("[ox]\nmaster_password = topsecret", &[]),
        ("[ox]\nmaster_password = ['topsecret']", &[]),
        ("", &[("OX_SOAP_SERVER", "https://user:topsecret@ox.example.org")]),
        ("", &[("OX_IMAP_SERVER", "imap://user:topsecret@:143")]),
    ] {
        let error = load(text, env).unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("topsecret"), "{shown}");
    }
}

#[test]
fn broken_toml_is_told_with_its_line() {
    let message = refusal("[ox]\nmaster_admin = 'x", &[]);
    assert!(message.contains("my.toml is not valid TOML"), "{message}");
    assert!(message.contains("line 2"), "{message}");
}

// SRC-24
#[test]
fn the_scope_is_read_from_the_file_and_from_the_environment() {
    use drover::model::{Dn, ObjectKind};
    use drover::scope::{Applies, Marker, OnLeave, Pattern, Protect, Scope};

    let (settings, notices) = load("", &[]).unwrap();
    assert_eq!(notices, []);
    let leave = |kind| settings.scope.on_leave[&kind];
    let kept = [ObjectKind::Context, ObjectKind::Profile, ObjectKind::SharedAccountPermission];
    for kind in ObjectKind::ALL {
        let expected = if kept.contains(&kind) { OnLeave::Keep } else { OnLeave::Delete };
        assert_eq!(leave(kind), expected);
    }
    let default = Scope { on_leave: settings.scope.on_leave.clone(), ..Scope::default() };
    assert_eq!(settings.scope, default);

    let text = r#"
        [scope]
        types = ["User", "context"]
        include = ["user: ou=school,dc=x", "dc=y"]
        exclude_names = ["^a{1,2}$"]
        exclude_marked = ["flag = hidden"]
        [scope.on_leave]
        user = "disable"
        [protect]
        ids = ["ID-1"]
        names = ["group:^core"]
    "#;
    let env = [
        ("DROVER__SCOPE__TYPES", "user,context"),
        ("DROVER__SCOPE__INCLUDE", "user:ou=school,dc=x;dc=y"),
        ("DROVER__SCOPE__EXCLUDE_NAMES", "^a{1,2}$"),
        ("DROVER__SCOPE__EXCLUDE_MARKED", "flag=hidden"),
        ("DROVER__SCOPE__ON_LEAVE__USER", "disable"),
        ("DROVER__PROTECT__IDS", "ID-1;"),
        ("DROVER__PROTECT__NAMES", "group:^core"),
    ];
    let scope = load(text, &[]).unwrap().0.scope;
    assert_eq!(load("", &env).unwrap().0.scope, scope);
    let pattern = |text| Pattern::new(text).unwrap();
    let expected = Scope {
        kinds: [ObjectKind::User, ObjectKind::Context].into(),
        include: vec![
            Applies::new(Some(ObjectKind::User), Dn::new("ou=school,dc=x")),
            Applies::new(None, Dn::new("dc=y")),
        ],
        exclude: Vec::new(),
        exclude_names: vec![Applies::new(None, pattern("^a{1,2}$"))],
        exclude_marked: vec![Applies::new(None, Marker::new("flag=hidden").unwrap())],
        on_leave: scope.on_leave.clone(),
        protect: Protect {
            ids: [drover::model::ObjectId::new("id-1")].into(),
            names: vec![Applies::new(Some(ObjectKind::Group), pattern("^core"))],
            marked: Vec::new(),
        },
    };
    assert_eq!(scope, expected);
    assert_eq!(scope.on_leave[&ObjectKind::User], OnLeave::Disable);
}

#[test]
fn a_bad_entry_of_the_scope_is_named_with_its_key_and_the_cure() {
    for (text, told) in [
        (
            "[scope]\nexclude_names = ['^a', 'user:b(']",
            "key scope.exclude_names: \"user:b(\" is not a regular expression (unclosed group); write",
        ),
        (
            "[protect]\nnames = ['[']",
            "key protect.names: \"[\" is not a regular expression (unclosed character class); write",
        ),
        (
            "[scope]\ninclude = ['school']",
            "key scope.include: \"school\" is not a DN; write one such as \"ou=school,",
        ),
        ("[scope]\nexclude = ['user:']", "key scope.exclude: \"user:\" is not a DN"),
        (
            "[scope]\nexclude_marked = ['hidden']",
            "key scope.exclude_marked: \"hidden\" is not a property with its value; write one",
        ),
        (
            "[scope]\ntypes = ['journal']",
            "key scope.types: \"journal\" is not one of context, user, group",
        ),
        (
            "[scope.on_leave]\ngroup = 'disable'",
            "key scope.on_leave.group: \"disable\" is not one of delete, keep",
        ),
    ] {
        let message = refusal(text, &[]);
        assert!(message.contains(told), "{message}");
    }
}
