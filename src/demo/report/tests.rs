use super::*;

fn report() -> Report {
    let mut report =
        Report { contexts: 3, took: Duration::from_millis(2_500), ..Report::default() };
    report.items.insert("user".to_owned(), 1_200);
    report.items.insert("group".to_owned(), 40);
    report.calls_by_type.insert("user".to_owned(), 3_000);
    report.calls_by_type.insert("group".to_owned(), 50);
    for ms in 1..=100 {
        let took = Duration::from_millis(ms);
        report.record("OXUserService.createByModuleAccess", took, ms > 98);
    }
    report.record("OXGroupService.create", Duration::from_micros(250), false);
    report
}

#[test]
fn columns_are_aligned_and_numbers_are_right() {
    let text = report().to_string();
    let expected = "\
items by type  items  calls  calls/item
group             40     50        1.25
user           1 200  3 000        2.50
total          1 240  3 050        2.46

calls by operation                  calls  faults     p50     p90     p99    max
OXGroupService.create                   1       0   250us   250us   250us  250us
OXUserService.createByModuleAccess    100       2  50.0ms  90.0ms  99.0ms  100ms
total                                 101       2  50.0ms  90.0ms  99.0ms  100ms

1 240 items, 101 calls, 3 contexts in 2.50s
496.0 items/s, 40.4 calls/s
faults: 2 refused, 0 look-ups that found nothing
differences: 0
overlapping calls: 0
calls out of order: 0
";
    assert_eq!(text, expected);
}

#[test]
fn no_line_is_longer_than_eighty_characters() {
    let mut report = report();
    for _ in 0..3_000 {
        let name = "OXSecondaryAccountService.someOperationWithALongName";
        report.record(name, Duration::from_secs(90), true);
    }
    report.items.insert("functional account".to_owned(), 123_456_789);
    report.differences = vec!["context 101: user somebody.else: note is ".repeat(8); 30];
    let text = report.to_string();
    for line in text.lines() {
        assert!(line.chars().count() <= WIDTH, "{} characters: {line}", line.chars().count());
    }
    assert!(text.contains("differences: 30"));
    assert!(text.contains("and 10 more"));
    assert!(text.contains("LongName"), "the end of a long name is kept");
}

#[test]
fn an_empty_report_has_no_rates() {
    let text = Report::default().to_string();
    assert!(text.contains("- items/s, - calls/s"), "{text}");
    assert!(Report::default().is_right());
}

#[test]
fn any_finding_makes_it_wrong() {
    for field in 0..3 {
        let mut report = report();
        let lists = [&mut report.differences, &mut report.overlaps, &mut report.disorders];
        lists.into_iter().nth(field).unwrap().push("something".to_owned());
        assert!(!report.is_right());
    }
}

#[test]
fn items_and_calls_of_one_type_meet_in_one_row() {
    let mut report = Report::default();
    let items = ["users/user", "oxmail/functional_account", "users/user", "shoes/shoe"];
    let items = items.map(|kind| serde_json::json!({ "udm_object_type": kind }));
    report.count_items(&items);
    let call = |service: &str, ok| Call {
        seq: 0,
        service: service.to_owned(),
        operation: "create".to_owned(),
        contexts: vec![7],
        id: None,
        name: None,
        start_us: 10,
        end_us: 40,
        ok,
    };
    let services = ["OXUserService", "OXUserCopyService", "OXSecondaryAccountService"];
    report.count_calls(&services.map(|service| call(service, service != "OXUserService")));
    let text = report.to_string();
    let rows: Vec<&str> = text.lines().take(5).collect();
    assert_eq!(
        rows,
        [
            "items by type       items  calls  calls/item",
            "functional account      1      1        1.00",
            "shoes/shoe              1      0        0.00",
            "user                    2      2        1.00",
            "total                   4      3        0.75",
        ]
    );
    assert!(text.contains("OXUserService.create                  1       1  30us"), "{text}");
}
