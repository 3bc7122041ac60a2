//! What connections do to calls: nothing is doubled, and what became of a call is said truly.

use std::time::Duration;

use drover::model::{ContextId, OxId};
use drover::ox::{ClientSettings, GroupData, OxApi, OxError, SoapClient};
use drover::retry::Verdict;
use futures_util::future::join_all;
use tokio::net::TcpListener;

use crate::ox_server::{Act, Server, XML, client, done, in_time, returning, short_deadlines};

const CONTEXT: ContextId = ContextId(20);

fn group(name: &str) -> GroupData {
    GroupData { name: name.to_owned(), display_name: name.to_owned(), members: vec![OxId(3)] }
}

/// A write that can be told from all others.
async fn create(client: &SoapClient, name: &str) -> Result<OxId, OxError> {
    client.group_create(CONTEXT, &group(name)).await
}

fn created() -> String {
    returning("create", "<id>7</id>")
}

/// Runs one write against a server that misbehaves, on a connection that has worked before, and
/// shows that the server got it once and that the next call works.
async fn misbehaving(act: Act) -> OxError {
    let server = Server::start(move |request| {
        if request.body.contains("victim") { act.clone() } else { Act::Answer(200, XML, created()) }
    })
    .await;
    let mut settings = server.settings();
    settings.deadlines = short_deadlines();
    settings.max_answer_bytes = 100_000;
    let client = client(&settings);
    create(&client, "before").await.unwrap();
    let error = create(&client, "victim").await.unwrap_err();
    let victim = server.seen().into_iter().find(|r| r.body.contains("victim")).unwrap();
    assert_eq!((victim.connection, victim.nth), (0, 1), "the connection was not used again");
    create(&client, "after").await.unwrap();
    for name in ["before", "victim", "after"] {
        assert_eq!(server.count(name), 1, "{name}");
    }
    assert_eq!(error.operation(), "OXGroupService.create");
    error
}

#[tokio::test]
async fn a_connection_closed_or_reset_before_the_answer_loses_the_outcome_not_the_count() {
    for act in [Act::Close, Act::Reset, Act::Truncate, Act::TruncateAndReset] {
        let error = misbehaving(act.clone()).await;
        assert!(matches!(error, OxError::Lost { .. }), "{act:?}: {error:?}");
        assert!(error.outcome_unknown());
    }
}

#[tokio::test]
async fn an_answer_after_the_deadline_is_lost() {
    let error = misbehaving(Act::Hold(created())).await;
    assert!(
        matches!(&error, OxError::Lost { reason, .. } if reason.contains("timed out")),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_late_answer_is_not_taken_for_the_next_one() {
    let server = Server::start(|request| {
        if request.body.contains("late") {
            Act::Hold(returning("create", "<id>1</id>"))
        } else {
            Act::Answer(200, XML, returning("create", "<id>2</id>"))
        }
    })
    .await;
    let mut settings = server.settings();
    settings.deadlines = short_deadlines();
    let client = client(&settings);
    let late = create(&client, "late").await.unwrap_err();
    assert!(matches!(late, OxError::Lost { .. }), "{late:?}");
    server.release();
    for n in 0..20 {
        assert_eq!(create(&client, &format!("next {n}")).await.unwrap(), OxId(2));
    }
}

#[tokio::test]
async fn a_huge_answer_is_not_read_to_its_end() {
    let error = misbehaving(Act::Endless).await;
    assert!(
        matches!(&error, OxError::Garbled { reason, .. } if reason.contains("100000")),
        "{error:?}"
    );
}

#[tokio::test]
async fn pages_that_are_no_soap_are_told_by_status_and_first_words() {
    let page = "<html><head><title>Bad Gateway</title></head><body><h1>nginx</h1></body></html>";
    for status in [200, 301, 401, 403, 404, 500, 502, 503, 504] {
        let error = misbehaving(Act::Answer(status, "text/html", page.to_owned())).await;
        let OxError::Http { status: told, reason, .. } = error else { panic!("{error:?}") };
        assert_eq!((told, reason.as_str()), (status, "Bad Gateway nginx"));
    }
    let soap = misbehaving(Act::Answer(503, XML, created())).await;
    assert!(matches!(soap, OxError::Http { status: 503, .. }), "the status goes first: {soap:?}");
    let empty = misbehaving(Act::Answer(502, "text/html", String::new())).await;
    assert!(matches!(&empty, OxError::Http { reason, .. } if reason == "Bad Gateway"), "{empty:?}");
}

#[tokio::test]
async fn soap_that_makes_no_sense_is_garbled() {
    for (status, body) in [
        (500, done()),
        (200, done()),
        (200, returning("getData", "<id>7</id>")),
        (200, returning("create", "<name>x</name>")),
        (200, returning("create", "<id>seven</id>")),
    ] {
        let error = misbehaving(Act::Answer(status, XML, body.clone())).await;
        assert!(matches!(error, OxError::Garbled { .. }), "{body}: {error:?}");
    }
}

/// Whatever carried it: half an answer, or none, says nothing about what OX did.
#[tokio::test]
async fn an_answer_that_is_empty_or_breaks_off_is_lost_whatever_its_length_says() {
    let whole = created();
    for body in ["", " \n", &whole[..250], &whole[..whole.len() - 1]] {
        let error = misbehaving(Act::Answer(200, XML, body.to_owned())).await;
        assert!(matches!(error, OxError::Lost { .. }), "{body}: {error:?}");
        assert!(error.outcome_unknown() && error.verdict() == Verdict::Outage);
    }
    let fault = misbehaving(Act::Answer(500, XML, whole[..250].to_owned())).await;
    assert!(matches!(fault, OxError::Lost { .. }), "{fault:?}");
}

/// An answer that stops amid its way is given up long before the deadline.
#[tokio::test]
async fn an_answer_that_pauses_too_long_is_lost() {
    let server = Server::start(|_| Act::Stall).await;
    let mut settings = server.settings();
    settings.answer_idle = Duration::from_millis(50);
    let client = client(&settings);
    let error = in_time(create(&client, "victim")).await.unwrap_err();
    assert!(
        matches!(&error, OxError::Lost { reason, .. } if reason.contains("paused")),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_page_that_asks_to_stay_away_is_heard() {
    let server =
        Server::start(|_| Act::Answer(503, "text/html\r\nRetry-After: 7", String::new())).await;
    let error = create(&server.client(), "g").await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
}

#[tokio::test]
async fn a_silently_closed_idle_connection_costs_nothing() {
    let server = Server::start(|_| Act::AnswerAndClose(created())).await;
    let client = server.client();
    for n in 0..5 {
        create(&client, &format!("g{n}")).await.unwrap();
        server.let_go().await;
    }
    assert_eq!((server.seen().len(), server.connections()), (5, 5));
}

#[tokio::test]
async fn an_announced_close_after_some_requests_costs_nothing() {
    let server = Server::start(|request| {
        if request.nth == 256 {
            Act::AnswerAndAnnounceClose(created())
        } else {
            Act::Answer(200, XML, created())
        }
    })
    .await;
    let client = server.client();
    for n in 0..600 {
        create(&client, &format!("g{n}")).await.unwrap();
    }
    assert_eq!((server.seen().len(), server.connections()), (600, 3));
}

#[tokio::test]
async fn an_unannounced_close_after_some_requests_doubles_nothing() {
    let server = Server::start(|request| {
        if request.nth == 2 {
            Act::AnswerAndClose(created())
        } else {
            Act::Answer(200, XML, created())
        }
    })
    .await;
    let client = server.client();
    for round in 0..30 {
        let names: Vec<_> = (0..8).map(|n| format!("group-{round}-{n}-")).collect();
        let results = join_all(names.iter().map(|name| create(&client, name))).await;
        for (name, result) in names.iter().zip(results) {
            // The close races with the next request on purpose; either ending is true to its word.
            match result {
                Ok(_) => assert_eq!(server.count(name), 1, "{name}"),
                Err(OxError::Lost { .. }) => assert!(server.count(name) <= 1, "{name}"),
                Err(error) => panic!("{error:?}"),
            }
        }
    }
}

#[tokio::test]
async fn nobody_listening_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let settings = ClientSettings::new(format!("http://{address}").parse().unwrap());
    let error = create(&client(&settings), "g").await.unwrap_err();
    assert!(matches!(error, OxError::Unreachable { .. }), "{error:?}");
    assert!(!error.outcome_unknown());
}

#[tokio::test]
async fn a_failed_tls_handshake_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut hello = [0; 1];
        stream.read_exact(&mut hello).await.unwrap();
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        hello[0]
    });
    let settings = ClientSettings::new(format!("https://{address}").parse().unwrap());
    let error = create(&client(&settings), "g").await.unwrap_err();
    assert!(matches!(error, OxError::Unreachable { .. }), "{error:?}");
    assert_eq!(server.await.unwrap(), 22, "what came was a TLS handshake, no request");
}
