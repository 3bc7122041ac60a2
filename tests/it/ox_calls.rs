//! What every call has in common: headers, addresses, credentials, limits, notices.

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use drover::model::{ContextId, ModuleAccess, OxId, Secret, UserFields};
use drover::ox::client::ClientError;
use drover::ox::{
    Account, AccountData, ClientSettings, ContextData, CredentialSource, Credentials, Deadlines,
    GroupData, OxApi, OxError, ResourceData, SoapClient, Target,
};
use futures_util::future::join_all;

use crate::ox_server::{Act, Observer, Recorded, Server, XML, client, done, in_time, returning};

const CONTEXT: ContextId = ContextId(20);

async fn yes() -> Server {
    Server::start(|_| Act::Answer(200, XML, returning("exists", "true"))).await
}

fn context_data(id: u32) -> ContextData {
    ContextData {
        id: ContextId(id),
        name: None,
        max_quota_mb: Some(-1),
        login_mappings: vec![],
        enabled: None,
    }
}

fn admin() -> Credentials {
    Credentials { login: "oxadmin".to_owned(), password: Secret::new("secret") }
}

#[tokio::test]
async fn headers_and_address_are_what_ox_wants() {
    let server = yes().await;
    for base in ["", "/", "/deep/", "/deep?x=1#y"] {
        let url = format!("http://{}{base}", server.address).parse().unwrap();
        assert!(client(&ClientSettings::new(url)).context_exists(CONTEXT).await.unwrap());
    }
    let seen = server.seen();
    let paths: Vec<_> = seen.iter().map(|request| request.path.as_str()).collect();
    let (plain, deep) = ("/webservices/OXContextService", "/deep/webservices/OXContextService");
    assert_eq!(paths, [plain, plain, deep, deep]);
    assert_eq!(seen[0].header("content-type"), Some("text/xml; charset=utf-8"));
    assert_eq!(seen[0].header("soapaction"), Some("\"urn:exists\""));
    assert_eq!(seen[0].header("accept-encoding"), None, "compressed answers are not asked for");
    assert!(seen[0].header("user-agent").unwrap().starts_with("drover/"));
}

#[tokio::test]
async fn redirects_are_not_followed_and_the_wsdl_is_not_asked_for() {
    let server = Server::start(|_| Act::Answer(307, "text/html", String::new())).await;
    let error = server.client().context_exists(CONTEXT).await.unwrap_err();
    assert!(matches!(error, OxError::Http { status: 307, .. }), "{error:?}");
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn umlauts_reach_ox_as_utf8() {
    let server = Server::start(|_| Act::Answer(200, XML, returning("create", "<id>9</id>"))).await;
    let mut user = UserFields::new();
    user.set("display_name", "Jürgen <Ö&> 😀");
    let id = server.client().user_create(CONTEXT, &user, ModuleAccess::NONE).await.unwrap_err();
    assert!(matches!(id, OxError::Garbled { .. }), "another operation's answer is not taken");
    assert_eq!(server.count("<o:display_name>Jürgen &lt;Ö&amp;&gt; 😀</o:display_name>"), 1);
}

struct OnlyContext20;

impl CredentialSource for OnlyContext20 {
    fn credentials(&self, account: Account) -> Result<Option<Credentials>, String> {
        match account {
            Account::Context(ContextId(20)) => {
                Ok(Some(Credentials { login: "anna".to_owned(), password: Secret::new("a&b") }))
            }
            Account::Context(ContextId(13)) => Err("permission denied".to_owned()),
            _ => Ok(None),
        }
    }
}

#[tokio::test]
async fn each_call_uses_the_account_it_needs() {
    let server = yes().await;
    let observer = Arc::new(Observer::default());
    let client = SoapClient::new(
        &server.settings(),
        Arc::new(OnlyContext20),
        Some(Arc::clone(&observer) as Arc<dyn drover::ox::CallObserver>),
    )
    .unwrap();
    let user = Target::Id(OxId(3));
    assert!(client.user_exists(CONTEXT, &user).await.unwrap());
    assert_eq!(server.count("<c:login>anna</c:login><c:password>a&amp;b</c:password>"), 1);

    let no = |result: Result<bool, OxError>| match result.unwrap_err() {
        OxError::NoCredentials { account, .. } => account,
        error => panic!("{error:?}"),
    };
    let other = ContextId(21);
    assert_eq!(no(client.user_exists(other, &user).await), Account::Context(other));
    assert_eq!(no(client.context_exists(CONTEXT).await), Account::Master);
    let copy = client.user_copy(OxId(3), CONTEXT, other).await.map(|_| true);
    assert_eq!(no(copy), Account::Master);
    let unreadable = client.user_exists(ContextId(13), &user).await.unwrap_err();
    assert!(matches!(unreadable, OxError::CredentialsUnreadable { .. }), "{unreadable:?}");
    assert_eq!(server.seen().len(), 1, "without credentials nothing is sent");

    let exists = "OXUserService.exists";
    let expected = [
        (exists, true),
        (exists, false),
        ("OXContextService.exists", false),
        ("OXUserCopyService.copyUser", false),
        (exists, false),
    ];
    assert_eq!(*observer.0.lock().unwrap(), expected);
}

#[tokio::test]
async fn values_that_cannot_be_sent_are_refused_by_field() {
    let server = yes().await;
    let client = server.client();
    let refused = |result: Result<(), OxError>| match result.unwrap_err() {
        error @ OxError::Unwritable { field, .. } => {
            assert!(!error.outcome_unknown() && !error.to_string().contains("anna"), "{error}");
            field
        }
        error => panic!("{error:?}"),
    };
    let change = async |fields: &[(&str, drover::model::FieldValue)], target: Target| {
        let mut user = UserFields::new();
        for (name, value) in fields {
            user.set(name, value.clone());
        }
        refused(client.user_change(CONTEXT, &target, &user).await)
    };
    let id = Target::Id(OxId(3));
    assert_eq!(change(&[("note", "anna\u{b}".into())], id.clone()).await, "note");
    assert_eq!(
        change(&[("aliases", vec!["anna\0".to_owned()].into())], id.clone()).await,
        "aliases"
    );
    assert_eq!(change(&[("imapPort", (1_i64 << 40).into())], id.clone()).await, "imapPort");
    assert_eq!(change(&[("mailenabled", "anna".into())], id.clone()).await, "mailenabled");
    assert_eq!(change(&[("default_group", "anna".into())], id).await, "default_group");
    let by_name = Target::Name("bert".to_owned());
    assert_eq!(change(&[("name", "anna".into())], by_name.clone()).await, "name");
    let named = ResourceData { name: Some("anna".to_owned()), ..ResourceData::default() };
    assert_eq!(refused(client.resource_change(CONTEXT, &by_name, &named).await), "name");
    let mut owner = UserFields::new();
    owner.set("maxQuota", 5_i64);
    let create = client.context_create(&context_data(20), &owner, &admin()).await;
    assert_eq!(refused(create), "maxQuota");
    assert_eq!(server.seen().len(), 0);
}

#[tokio::test]
async fn no_more_calls_than_allowed_are_under_way() {
    let server = Server::start(|_| Act::Hold(returning("exists", "true"))).await;
    let mut settings = server.settings();
    settings.adaptive = false;
    settings.max_in_flight = NonZeroUsize::new(3).unwrap();
    let client = client(&settings);
    let calls = join_all((0..9).map(|n| client.context_exists(ContextId(n))));
    let watch = async {
        for done in 0..9 {
            let under_way = (done + 3).min(9);
            server.arrived(under_way).await;
            assert_eq!(server.seen().len(), under_way);
            server.release();
            // The next request may come only after an answer went out.
            server.arrived((done + 4).min(9)).await;
        }
    };
    let (results, ()) = in_time(async { tokio::join!(calls, watch) }).await;
    assert!(results.into_iter().all(|result| result.unwrap()));
}

#[tokio::test]
async fn contexts_are_created_one_at_a_time_while_other_calls_go_on() {
    let server = Server::start(|request| {
        if request.body.contains("<s:create>") {
            Act::Hold(done())
        } else {
            Act::Answer(200, XML, returning("exists", "true"))
        }
    })
    .await;
    let mut settings = server.settings();
    settings.adaptive = false;
    settings.max_in_flight = NonZeroUsize::new(2).unwrap();
    let client = client(&settings);
    let (user, admin) = (UserFields::new(), admin());
    let data: Vec<_> = (1..=3).map(context_data).collect();
    let creates = join_all(data.iter().map(|data| client.context_create(data, &user, &admin)));
    let watch = async {
        for done in 0..3 {
            // One create holds one of two permits, the other is free for these.
            server.arrived(done * 3 + 1).await;
            for context in [CONTEXT, CONTEXT] {
                assert!(client.context_exists(context).await.unwrap());
            }
            assert_eq!(server.count("<s:create>"), done + 1);
            server.release();
        }
    };
    let (results, ()) = in_time(async { tokio::join!(creates, watch) }).await;
    assert!(results.into_iter().all(|result| result.is_ok()));
}

#[tokio::test]
async fn each_class_of_call_has_its_own_deadline() {
    let short = Duration::from_millis(100);
    let long = Duration::from_secs(600);
    let user = Target::Id(OxId(3));
    let members = |n| GroupData {
        name: "g".into(),
        display_name: "G".into(),
        members: (0..n).map(OxId).collect(),
    };
    // Only the class under test has a deadline that can pass: another one would wait for ever.
    for class in 0..3 {
        let server = Server::start(|_| Act::Hold(done())).await;
        let mut settings = server.settings();
        let deadline = |of| if of == class { short } else { long };
        settings.deadlines =
            Deadlines { read: deadline(0), write: deadline(1), heavy: deadline(2) };
        let client = client(&settings);
        let calls = async {
            match class {
                0 => vec![
                    client.context_exists(CONTEXT).await.map(|_| ()),
                    client.user_get(CONTEXT, &user).await.map(|_| ()),
                ],
                1 => vec![
                    client.context_change(&context_data(20)).await,
                    client.user_delete(CONTEXT, &user, None).await,
                    client.group_change(CONTEXT, &Target::Id(OxId(5)), &members(10)).await,
                ],
                _ => vec![
                    client.context_create(&context_data(20), &UserFields::new(), &admin()).await,
                    client.context_delete(CONTEXT).await,
                    client.user_copy(OxId(3), CONTEXT, ContextId(21)).await.map(|_| ()),
                    client.group_change(CONTEXT, &Target::Id(OxId(5)), &members(1000)).await,
                ],
            }
        };
        for error in in_time(calls).await {
            assert!(matches!(error, Err(OxError::Lost { .. })), "{error:?}");
        }
    }
}

#[tokio::test]
async fn the_rate_of_calls_is_limited() {
    let server = yes().await;
    let mut settings = server.settings();
    settings.calls_per_second = NonZeroU32::new(20);
    let client = client(&settings);
    let start = Instant::now();
    join_all((0..30).map(|n| client.context_exists(ContextId(n)))).await;
    // 20 at once, the other 10 one every 50 ms.
    assert!(start.elapsed() >= Duration::from_millis(450), "{:?}", start.elapsed());
    assert_eq!(server.seen().len(), 30);
}

#[tokio::test]
async fn empty_texts_are_sent_and_absent_ones_are_not() {
    let server = Server::start(|request| {
        let answer =
            if request.body.contains("<s:update>") { returning("update", "true") } else { done() };
        Act::Answer(200, XML, answer)
    })
    .await;
    let client = server.client();
    let mut account = AccountData {
        name: "N".to_owned(),
        address: "f@t.test".to_owned(),
        personal: None,
        login: "l".to_owned(),
    };
    assert!(client.account_update(CONTEXT, &account, &[OxId(3), OxId(4)]).await.unwrap());
    account.personal = Some(String::new());
    assert!(client.account_update(CONTEXT, &account, &[OxId(3)]).await.unwrap());
    let resource = ResourceData { description: Some(String::new()), ..ResourceData::default() };
    client.resource_change(CONTEXT, &Target::Id(OxId(5)), &resource).await.unwrap();
    let group = GroupData { name: "g".into(), display_name: "G".into(), members: vec![] };
    client.group_change(CONTEXT, &Target::Id(OxId(6)), &group).await.unwrap();
    let inner = |n: usize| {
        let body = server.seen()[n].body.clone();
        let start = body.find("<soap:Body>").unwrap() + 11;
        body[start..body.find("<s:auth>").unwrap()].to_owned()
    };
    assert_eq!(
        inner(0),
        "<s:update><s:primaryAddress>f@t.test</s:primaryAddress><s:accountDataUpdate>\
         <o:login>l</o:login><o:name>N</o:name></s:accountDataUpdate>\
         <s:context><o:id>20</o:id></s:context><s:users><o:id>3</o:id></s:users>\
         <s:users><o:id>4</o:id></s:users>"
    );
    assert!(inner(1).contains("<o:name>N</o:name><o:personal></o:personal>"));
    assert_eq!(
        inner(2),
        "<s:change><s:ctx><o:id>20</o:id></s:ctx><s:res><o:description></o:description>\
         <o:id>5</o:id></s:res>"
    );
    assert!(inner(3).contains("<o:displayname>G</o:displayname><o:id>6</o:id><o:name>g</o:name>"));
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused_at_build() {
    let build = |settings: &ClientSettings| {
        SoapClient::new(settings, Arc::new(Recorded), None).err().expect("must be refused")
    };
    for url in ["ftp://ox.example.test/", "mailto:a@b.test", "unix:/run/ox"] {
        let settings = ClientSettings::new(url.parse().unwrap());
        assert!(matches!(build(&settings), ClientError::BaseUrl), "{url}");
    }
    let mut settings = ClientSettings::new("https://ox.example.test/".parse().unwrap());
    settings.ca_file = Some(PathBuf::from("/nonexistent/ca.pem"));
    assert!(matches!(build(&settings), ClientError::CaFile { .. }));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "no certificate").unwrap();
    settings.ca_file = Some(file.path().to_owned());
    assert!(matches!(build(&settings), ClientError::NoCertificates { .. }));
}
