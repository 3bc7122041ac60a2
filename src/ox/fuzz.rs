//! Whatever answers, the reader of answers neither panics nor grows without end: recorded answers
//! that were damaged, XML that nobody meant, and pages that are no XML at all, read as the answer of
//! every operation. `PROPTEST_CASES` says how many of each.

use std::path::Path;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use proptest::collection::vec;
use proptest::prelude::*;

use super::call::Call;
use super::envelope::{MAX_ATTRIBUTES, MAX_DEPTH, NotSoap, read_body};
use super::{
    AccountData, ContextData, GroupData, ResourceData, Target, context, excerpt, fault, group,
    resource, secondary_account, user, user_copy,
};
use crate::model::{ContextId, ModuleAccess, OxId, UserFields};

/// Longest time for any answer of these tests; they take milliseconds, in a debug build, too.
const SOON: Duration = Duration::from_secs(10);
const SOAP: &str = "http://schemas.xmlsoap.org/soap/envelope/";

/// All recorded answers.
static RECORDED: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/soap");
    let index = std::fs::read_to_string(root.join("index.tsv")).unwrap();
    let names = index.lines().skip(1).map(|line| line.split('\t').next().unwrap());
    names.map(|name| std::fs::read(root.join(format!("{name}.response.xml"))).unwrap()).collect()
});

/// Reads bytes as the answer of every operation, as the client does.
fn read_as_everything(bytes: &[u8]) {
    fn reply<R>(call: &Call<R>, body: &super::envelope::Element) {
        if let Err(reason) = call.reply(body) {
            assert!(!reason.is_empty() && reason.len() < 500, "{reason}");
        }
    }
    let begun = Instant::now();
    match read_body(bytes) {
        Ok(body) => {
            if let Some(fault) = fault::read(&body) {
                assert!(fault.text.len() <= fault::MAX_TEXT, "{}", fault.text.len());
                let _ = crate::store::fingerprint("C", &fault.text);
                let _ = crate::redact::without_addresses(&fault.text);
            }
            let (id, target) = (ContextId(1), Target::Id(OxId(3)));
            let context = ContextData {
                id,
                name: None,
                max_quota_mb: None,
                login_mappings: Vec::new(),
                enabled: None,
            };
            let (fields, access) = (UserFields::default(), ModuleAccess::NONE);
            let team =
                GroupData { name: String::new(), display_name: String::new(), members: Vec::new() };
            let thing = ResourceData::default();
            let account = AccountData {
                name: String::new(),
                address: String::new(),
                personal: None,
                login: String::new(),
            };
            reply(&context::exists(id), &body);
            reply(&context::get(id), &body);
            reply(&context::change(&context), &body);
            reply(&context::delete(id), &body);
            reply(&user::exists(id, &target), &body);
            reply(&user::get(id, &target), &body);
            reply(&user::get_many(id, &[]), &body);
            reply(&user::list(id, "*"), &body);
            reply(&user::access(id, &target), &body);
            reply(&user::create(id, &fields, access), &body);
            reply(&user::change(id, &target, &fields), &body);
            reply(&user_copy::copy(OxId(3), id, id), &body);
            reply(&group::get(id, &target), &body);
            reply(&group::of_user(id, OxId(3)), &body);
            reply(&group::create(id, &team), &body);
            reply(&group::change(id, &target, &team), &body);
            reply(&resource::get(id, &target), &body);
            reply(&resource::create(id, &thing), &body);
            reply(&resource::change(id, &target, &thing), &body);
            reply(&secondary_account::list(id, &[]), &body);
            reply(&secondary_account::update(id, &account, &[]), &body);
            reply(&secondary_account::delete(id, "", &[]), &body);
        }
        Err(NotSoap::Foreign | NotSoap::Cut) => {
            let shown = excerpt::excerpt(bytes, None);
            assert!(!shown.is_empty() && shown.chars().count() <= 200, "{shown}");
        }
        Err(NotSoap::Broken(reason)) => {
            assert!(!reason.is_empty(), "a reason");
        }
    }
    assert!(begun.elapsed() < SOON, "{:?} for {} bytes", begun.elapsed(), bytes.len());
}

/// A way to damage bytes; places are shares of the length.
#[derive(Debug, Clone)]
enum Damage {
    Cut(f64),
    Set(f64, u8),
    Remove(f64, usize),
    Insert(f64, String),
    Repeat(f64, usize, usize),
}

impl Damage {
    fn apply(&self, bytes: &mut Vec<u8>) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "any place will do"
        )]
        let place = |share: f64| (share * bytes.len() as f64) as usize;
        match self {
            Self::Cut(at) => bytes.truncate(place(*at)),
            Self::Set(at, byte) => {
                let at = place(*at);
                if let Some(there) = bytes.get_mut(at) {
                    *there = *byte;
                }
            }
            Self::Remove(at, count) => {
                let at = place(*at);
                bytes.drain(at..(at + count).min(bytes.len()));
            }
            Self::Insert(at, text) => {
                let at = place(*at);
                bytes.splice(at..at, text.bytes());
            }
            Self::Repeat(at, count, times) => {
                let at = place(*at);
                let part = bytes[at..(at + count).min(bytes.len())].repeat(*times);
                bytes.splice(at..at, part);
            }
        }
    }
}

fn damage() -> impl Strategy<Value = Damage> {
    let tricks = prop::sample::select(vec![
        "<!DOCTYPE x [<!ENTITY a \"&a;&a;\">]>",
        "<!ENTITY x SYSTEM \"file:///etc/passwd\">",
        "&a;",
        "&#0;",
        "&#x110000;",
        "&#99999999999999999999;",
        "&amp",
        "]]>",
        "<![CDATA[",
        "<!--",
        "<?xml version=\"1.0\"?>",
        "</",
        "<",
        " xmlns=\"\"",
        " xmlns:a=\"\"",
        " xsi:nil=\"true\"",
        " a=\"1\" a=\"2\"",
        "\u{0}",
        "\u{FEFF}",
        "99999999999999999999999",
        "-1",
        "NaN",
        "tRuE",
    ])
    .prop_map(str::to_owned);
    let share = || 0.0..1.0f64;
    prop_oneof![
        share().prop_map(Damage::Cut),
        (share(), any::<u8>()).prop_map(|(at, byte)| Damage::Set(at, byte)),
        (share(), 1..200usize).prop_map(|(at, count)| Damage::Remove(at, count)),
        (share(), tricks).prop_map(|(at, text)| Damage::Insert(at, text)),
        (share(), ".{0,8}").prop_map(|(at, text)| Damage::Insert(at, text)),
        (share(), 1..300usize, 1..40usize).prop_map(|(at, n, times)| Damage::Repeat(at, n, times)),
    ]
}

/// Well-formed XML of the names that answers have, in the wrong places.
fn any_xml() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec![
        "e:Fault",
        "faultcode",
        "faultstring",
        "detail",
        "s:StorageException",
        "s:getDataResponse",
        "s:return",
        "s:createResponse",
        "s:listResponse",
        "s:existsResponse",
        "o:id",
        "o:name",
        "o:members",
        "o:aliases",
        "o:birthday",
        "o:maxQuota",
        "o:userAttributes",
        "o:entries",
        "o:key",
        "o:value",
        "o:email",
        "o:enabled",
        "o:loginMappings",
        "x:y",
    ]);
    let text = prop_oneof!["[0-9-]{0,12}", "true|false|1|0", ".{0,12}"]
        .prop_map(|text| quick_xml::escape::escape(&text).into_owned());
    let leaf = (name.clone(), text).prop_map(|(name, text)| format!("<{name}>{text}</{name}>"));
    leaf.prop_recursive(8, 60, 8, move |inner| {
        (name.clone(), vec(inner, 0..8))
            .prop_map(|(name, inner)| format!("<{name}>{}</{name}>", inner.concat()))
    })
}

fn envelope(inner: &str) -> String {
    format!(
        "<e:Envelope xmlns:e=\"{SOAP}\" xmlns:s=\"http://soap.admin.openexchange.com\" \
         xmlns:o=\"http://dataobjects.soap.admin.openexchange.com/xsd\"><e:Body>{inner}</e:Body>\
         </e:Envelope>"
    )
}

proptest! {
    #[test]
    fn damaged_answers_are_read_or_refused(
        which in any::<prop::sample::Index>(),
        damage in vec(damage(), 1..6),
    ) {
        let mut bytes = RECORDED[which.index(RECORDED.len())].clone();
        for one in &damage {
            one.apply(&mut bytes);
        }
        read_as_everything(&bytes);
    }

    #[test]
    fn unasked_xml_is_read_or_refused(xml in any_xml()) {
        read_as_everything(envelope(&xml).as_bytes());
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in any::<Vec<u8>>()) {
        read_as_everything(&bytes);
    }
}

fn broken(bytes: &[u8]) -> String {
    let begun = Instant::now();
    let found = read_body(bytes);
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    match found {
        Err(NotSoap::Broken(reason)) => reason,
        other => panic!("{:?}", other.map(|element| element.name)),
    }
}

#[test]
fn depth_width_and_number_are_bounded_and_cost_no_time() {
    let deep = |depth| envelope(&format!("{}{}", "<x>".repeat(depth), "</x>".repeat(depth)));
    assert!(read_body(deep(MAX_DEPTH - 2).as_bytes()).is_ok());
    assert!(broken(deep(MAX_DEPTH - 1).as_bytes()).contains("deep"));
    assert!(broken(deep(1_000_000).as_bytes()).contains("deep"));

    let wide = |count: usize, what: fn(usize) -> String| {
        let attributes: String = (0..count).map(what).collect();
        envelope(&format!("<x{attributes}/>"))
    };
    let plain = |n| format!(" a{n}=\"\"");
    let spaces = |n| format!(" xmlns:a{n}=\"urn:{n}\"");
    assert!(read_body(wide(MAX_ATTRIBUTES, plain).as_bytes()).is_ok());
    for count in [MAX_ATTRIBUTES + 1, 200_000] {
        assert!(broken(wide(count, plain).as_bytes()).contains("attributes"));
    }
    assert!(!broken(wide(200_000, spaces).as_bytes()).is_empty());

    // Six megabytes of tiny elements; a real one takes some thirty bytes.
    assert!(broken(envelope(&"<x/>".repeat(3_000_000)).as_bytes()).contains("many"));
    // A long value is no trouble.
    let long = "y".repeat(8_000_000);
    assert!(read_body(envelope(&format!("<o:name>{long}</o:name>")).as_bytes()).is_ok());
}

#[test]
fn a_faults_text_is_kept_to_a_length_that_can_be_stored_and_shown() {
    for unit in ["'a ", "\"", "a-", "ü", "@", "1.", "AB-12"] {
        let text = unit.repeat(4_000_000 / unit.len());
        let fault = format!(
            "<e:Fault><faultcode>e:Server</faultcode><faultstring>{text}; exceptionId 1-2\
             </faultstring></e:Fault>"
        );
        read_as_everything(envelope(&fault).as_bytes());
        let fault = fault::read(&read_body(envelope(&fault).as_bytes()).unwrap()).unwrap();
        assert_eq!(fault.exception_id.as_deref(), Some("1-2"), "found all the same");
    }
}
