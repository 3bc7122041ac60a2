//! Exchanges recorded at a real OX server, played back: every reply must be understood, and where a
//! recorded request can be said with the client's verbs, the client must say the same.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use drover::model::access::RIGHTS;
use drover::model::fields::{FieldKind, USER_FIELDS};
use drover::model::{ContextId, FieldValue, ModuleAccess, OxId, Secret, UserFields};
use drover::ox::{
    Account, AccountData, ContextData, CredentialSource, Credentials, FaultClass, GroupData, OxApi,
    OxError, OxUser, ResourceData, SoapClient, Target,
};

use crate::ox_server::{Act, Server, XML};
use crate::ox_xml::{Node, operation};

const OBJECTS: &str = "http://dataobjects.soap.admin.openexchange.com/xsd";

/// Requests that were malformed on purpose to see what the server tolerates: other namespaces, blanks
/// in numbers, another order of elements, a control character. The client cannot say those.
const MALFORMED: [&str; 7] = [
    "OXUserService/create-tolerance-auth-in-wrong-namespace",
    "OXUserService/create-tolerance-control-char",
    "OXUserService/create-tolerance-int-not-a-number",
    "OXUserService/create-tolerance-int-with-spaces",
    "OXUserService/create-tolerance-no-namespace-on-operation",
    "OXUserService/create-tolerance-no-namespace-on-params",
    "OXUserService/create-tolerance-user-fields-wrong-order",
];

#[derive(Clone)]
struct Exchange {
    /// `OXUserService/getData-ok`
    name: String,
    service: String,
    operation: String,
    status: u16,
    request: String,
    response: String,
}

fn exchanges() -> Vec<Exchange> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/soap");
    let index = std::fs::read_to_string(root.join("index.tsv")).unwrap();
    let exchanges: Vec<_> = index
        .lines()
        .skip(1)
        .map(|line| {
            let mut columns = line.split('\t');
            let name = columns.next().unwrap().to_owned();
            let status = columns.next().unwrap().parse().unwrap();
            let (service, case) = name.split_once('/').unwrap();
            let operation = case.split('-').next().unwrap().to_owned();
            let read = |kind| std::fs::read_to_string(root.join(format!("{name}.{kind}.xml")));
            Exchange {
                service: service.to_owned(),
                operation,
                status,
                request: read("request").unwrap(),
                response: read("response").unwrap(),
                name,
            }
        })
        .collect();
    assert!(exchanges.len() > 700, "only {} exchanges", exchanges.len());
    exchanges
}

/// The credentials of the request that is being played.
#[derive(Default)]
struct Current(Mutex<(String, String)>);

impl CredentialSource for Current {
    fn credentials(&self, _: Account) -> Result<Option<Credentials>, String> {
        let (login, password) = self.0.lock().unwrap().clone();
        Ok(Some(Credentials { login, password: Secret::new(password) }))
    }
}

/// A client and a server that plays recorded replies.
struct Stage {
    server: Server,
    client: SoapClient,
    credentials: Arc<Current>,
    reply: Arc<Mutex<(u16, String)>>,
}

impl Stage {
    async fn new() -> Self {
        let reply = Arc::new(Mutex::new((0, String::new())));
        let server = Server::start({
            let reply = Arc::clone(&reply);
            move |_| {
                let (status, body) = reply.lock().unwrap().clone();
                Act::Answer(status, XML, body)
            }
        })
        .await;
        let credentials = Arc::new(Current::default());
        let source: Arc<dyn CredentialSource> = Arc::<Current>::clone(&credentials);
        let client = SoapClient::new(&server.settings(), source, None).unwrap();
        Self { server, client, credentials, reply }
    }

    /// Plays an exchange with the verb of its operation; the outcome and what the client sent.
    async fn play(&self, exchange: &Exchange, request: &Node) -> Option<(Outcome, Node)> {
        let auth = request.child("auth");
        let part = |name| auth.and_then(|auth| auth.text_of(name)).unwrap_or_default().to_owned();
        *self.credentials.0.lock().unwrap() = (part("login"), part("password"));
        *self.reply.lock().unwrap() = (exchange.status, exchange.response.clone());
        let verb = format!("{}.{}", exchange.service, exchange.operation);
        let outcome = say(&self.client, &verb, request).await?;
        let sent = self.server.seen().pop().unwrap();
        assert_eq!(sent.path, format!("/webservices/{}", exchange.service));
        assert_eq!(sent.header("content-type"), Some("text/xml; charset=utf-8"));
        assert_eq!(
            sent.header("soapaction"),
            Some(format!("\"urn:{}\"", exchange.operation).as_str())
        );
        Some((outcome, operation(&sent.body).unwrap()))
    }
}

/// What a verb answered, as far as it can be compared with the reply's XML.
type Outcome = Result<Answered, OxError>;

#[derive(Debug, PartialEq)]
enum Answered {
    Nothing,
    Flag(bool),
    /// An object's number and how many values came with it.
    Object(OxId, usize),
    /// Numbers of objects.
    Objects(Vec<OxId>),
    Access(ModuleAccess),
    Context(ContextId, Option<i64>, usize),
}

/// Says a request with the client's verb. Values that are missing in it are made up: the reply is
/// to be read all the same.
async fn say(client: &SoapClient, verb: &str, r: &Node) -> Option<Outcome> {
    use Answered::{Access, Context, Flag, Nothing, Object, Objects};
    let ctx = ContextId(number(r.child("ctx").or(r.child("context")), "id"));
    let user = |name| target(r.child(name));
    let users = ids(r, "users");
    let object = |user: OxUser| Object(user.id, user.fields.len());
    Some(match verb {
        "OXContextService.exists" => client.context_exists(ctx).await.map(Flag),
        "OXContextService.getData" => client
            .context_get(ctx)
            .await
            .map(|c| Context(c.id, c.max_quota_mb, c.login_mappings.len())),
        "OXContextService.create" => {
            let empty = Node { children: vec![], ..r.clone() };
            let mut admin = fields(r.child("admin_user").unwrap_or(&empty));
            let text = |name| admin.text(name).unwrap_or_default().to_owned();
            let credentials =
                Credentials { login: text("name"), password: Secret::new(text("password")) };
            admin.remove("name");
            admin.remove("password");
            client.context_create(&context(r), &admin, &credentials).await.map(|()| Nothing)
        }
        "OXContextService.change" => client.context_change(&context(r)).await.map(|()| Nothing),
        "OXContextService.delete" => client.context_delete(ctx).await.map(|()| Nothing),
        "OXUserService.exists" => client.user_exists(ctx, &user("user")).await.map(Flag),
        "OXUserService.getData" => client.user_get(ctx, &user("user")).await.map(object),
        "OXUserService.getMultipleData" => {
            let users: Vec<_> = r.all("users").map(|user| target(Some(user))).collect();
            let read = client.user_get_many(ctx, &users).await;
            read.map(|users| Objects(users.into_iter().map(|user| user.id).collect()))
        }
        "OXUserService.list" => {
            let pattern = r.text_of("search_pattern").unwrap_or_default();
            client.user_list(ctx, pattern).await.map(Objects)
        }
        "OXUserService.getModuleAccess" => client.user_access(ctx, &user("user")).await.map(Access),
        "OXUserService.createByModuleAccess" => {
            let (user, access) = (r.child("usrdata").map(fields), r.child("access").map(access));
            client
                .user_create(ctx, &user.unwrap_or_default(), access.unwrap_or_default())
                .await
                .map(|id| Object(id, 1))
        }
        "OXUserService.change" => {
            let user = r.child("usrdata").map(fields).unwrap_or_default();
            client.user_change(ctx, &target(r.child("usrdata")), &user).await.map(|()| Nothing)
        }
        "OXUserService.changeByModuleAccess" => {
            let access = r.child("moduleAccess").map(access).unwrap_or_default();
            client.user_change_access(ctx, &user("user"), access).await.map(|()| Nothing)
        }
        "OXUserService.delete" => {
            client.user_delete(ctx, &user("user"), None).await.map(|()| Nothing)
        }
        "OXUserCopyService.copyUser" => {
            let id = |name| number(r.child(name), "id");
            client
                .user_copy(OxId(id("user")), ContextId(id("src")), ContextId(id("dest")))
                .await
                .map(|id| Object(id, 1))
        }
        "OXGroupService.getData" => {
            let group = client.group_get(ctx, &user("grp")).await;
            group.map(|group| Object(group.id, group.data.members.len()))
        }
        "OXGroupService.listGroupsForUser" => {
            let groups = client.groups_of_user(ctx, OxId(number(r.child("usr"), "id"))).await;
            groups.map(|groups| Objects(groups.into_iter().map(|group| group.id).collect()))
        }
        "OXGroupService.create" => {
            client.group_create(ctx, &group(r)).await.map(|id| Object(id, 1))
        }
        "OXGroupService.change" => {
            let id = OxId(number(r.child("grp"), "id"));
            client.group_change(ctx, &Target::Id(id), &group(r)).await.map(|()| Nothing)
        }
        "OXGroupService.delete" => client.group_delete(ctx, &user("grp")).await.map(|()| Nothing),
        "OXGroupService.addMember" => {
            client.group_add(ctx, &user("grp"), &targets(r, "members")).await.map(|()| Nothing)
        }
        "OXGroupService.removeMember" => {
            client.group_remove(ctx, &user("grp"), &targets(r, "members")).await.map(|()| Nothing)
        }
        "OXResourceService.getData" => {
            client.resource_get(ctx, &user("res")).await.map(|resource| {
                let data = resource.data;
                let texts = [data.name, data.display_name, data.description, data.email];
                let known = texts.iter().flatten().count() + usize::from(data.available.is_some());
                Object(resource.id, known)
            })
        }
        "OXResourceService.create" => {
            client.resource_create(ctx, &resource(r)).await.map(|id| Object(id, 1))
        }
        "OXResourceService.change" => {
            let (target, mut data) = (target(r.child("res")), resource(r));
            if matches!(target, Target::Name(_)) {
                data.name = None;
            }
            client.resource_change(ctx, &target, &data).await.map(|()| Nothing)
        }
        "OXResourceService.delete" => {
            client.resource_delete(ctx, &user("res")).await.map(|()| Nothing)
        }
        "OXSecondaryAccountService.list" => {
            let accounts = client.account_list(ctx, &users).await;
            accounts.map(|accounts| Objects(accounts.into_iter().map(|a| a.user).collect()))
        }
        "OXSecondaryAccountService.create" => {
            let data = account(r.child("accountDataOnCreate"), None);
            client.account_create(ctx, &data, &users).await.map(|()| Nothing)
        }
        "OXSecondaryAccountService.update" => {
            let data = account(r.child("accountDataUpdate"), r.text_of("primaryAddress"));
            client.account_update(ctx, &data, &users).await.map(Flag)
        }
        "OXSecondaryAccountService.delete" => {
            let address = r.text_of("primaryAddress").unwrap_or_default();
            client.account_delete(ctx, address, &users).await.map(Flag)
        }
        _ => return None,
    })
}

/// Reads the same things from a reply's XML, with this test's own reader.
fn expected(verb: &str, response: &str) -> Answered {
    let reply = operation(response);
    let returned: Vec<Node> =
        reply.map(|reply| reply.children).unwrap_or_default().into_iter().collect();
    let id = |node: &Node, name| OxId(number(Some(node), name));
    let values = |node: &Node, names: &[&str]| {
        node.children.iter().filter(|c| !c.nil && names.contains(&c.name.as_str())).count()
    };
    match verb.split_once('.').unwrap() {
        (_, "exists") | ("OXSecondaryAccountService", "update" | "delete") => {
            Answered::Flag(returned[0].text == "true")
        }
        ("OXContextService", "getData") => {
            let context = &returned[0];
            let quota = context.text_of("maxQuota").map_or(-1, |quota| quota.parse().unwrap());
            let mappings = context.all("loginMappings").filter(|m| !m.nil).count();
            Answered::Context(ContextId(id(context, "id").0), Some(quota), mappings)
        }
        ("OXUserService", "getData") => {
            let user = &returned[0];
            let known = USER_FIELDS.iter().filter(|spec| {
                user.child(spec.name).is_some_and(|value| match spec.kind {
                    FieldKind::Group | FieldKind::Map => false,
                    FieldKind::Maps => !value.children.is_empty(),
                    _ => !value.nil,
                })
            });
            Answered::Object(id(user, "id"), known.count())
        }
        ("OXGroupService", "getData") => {
            Answered::Object(id(&returned[0], "id"), returned[0].all("members").count())
        }
        ("OXResourceService", "getData") => {
            let names = ["name", "displayname", "description", "email", "available"];
            Answered::Object(id(&returned[0], "id"), values(&returned[0], &names))
        }
        ("OXUserService", "getMultipleData" | "list") | (_, "listGroupsForUser") => {
            Answered::Objects(returned.iter().map(|node| id(node, "id")).collect())
        }
        ("OXSecondaryAccountService", "list") => {
            Answered::Objects(returned.iter().map(|node| id(node, "userId")).collect())
        }
        (_, "getModuleAccess") => Answered::Access(access(&returned[0])),
        (_, "createByModuleAccess" | "copyUser")
        | ("OXGroupService" | "OXResourceService", "create") => {
            Answered::Object(id(&returned[0], "id"), 1)
        }
        _ => Answered::Nothing,
    }
}

fn number(node: Option<&Node>, name: &str) -> u32 {
    node.and_then(|node| node.text_of(name)).and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn ids(request: &Node, name: &str) -> Vec<OxId> {
    request.all(name).map(|user| OxId(number(Some(user), "id"))).collect()
}

fn targets(request: &Node, name: &str) -> Vec<Target> {
    request.all(name).map(|user| target(Some(user))).collect()
}

fn target(node: Option<&Node>) -> Target {
    let text = |name| node.and_then(|node| node.text_of(name));
    match text("id").and_then(|id| id.parse().ok()) {
        Some(id) => Target::Id(OxId(id)),
        None => Target::Name(text("name").unwrap_or_default().to_owned()),
    }
}

fn context(request: &Node) -> ContextData {
    let ctx = request.child("ctx");
    let text = |name| ctx.and_then(|ctx| ctx.text_of(name));
    ContextData {
        id: ContextId(number(ctx, "id")),
        name: text("name").map(ToOwned::to_owned),
        max_quota_mb: text("maxQuota").and_then(|quota| quota.parse().ok()),
        login_mappings: ctx
            .map(|ctx| ctx.all("loginMappings").map(|node| node.text.clone()).collect())
            .unwrap_or_default(),
        enabled: text("enabled").map(|enabled| enabled == "true"),
    }
}

fn group(request: &Node) -> GroupData {
    let grp = request.child("grp");
    let text = |name| grp.and_then(|grp| grp.text_of(name)).unwrap_or_default().to_owned();
    let members = grp.map(|grp| {
        grp.all("members").map(|member| OxId(member.text.parse().unwrap_or(0))).collect()
    });
    GroupData {
        name: text("name"),
        display_name: text("displayname"),
        members: members.unwrap_or_default(),
    }
}

fn resource(request: &Node) -> ResourceData {
    let res = request.child("res");
    let text = |name| res.and_then(|res| res.text_of(name)).map(ToOwned::to_owned);
    ResourceData {
        name: text("name"),
        display_name: text("displayname"),
        description: text("description"),
        email: text("email"),
        available: text("available").map(|available| available == "true"),
    }
}

fn account(data: Option<&Node>, address: Option<&str>) -> AccountData {
    let text = |name| data.and_then(|data| data.text_of(name)).map(ToOwned::to_owned);
    AccountData {
        name: text("name").unwrap_or_default(),
        address: address.map_or_else(|| text("primaryAddress").unwrap_or_default(), Into::into),
        personal: text("personal"),
        login: text("login").unwrap_or_default(),
    }
}

fn access(node: &Node) -> ModuleAccess {
    let mut access = ModuleAccess::NONE;
    for (index, right) in RIGHTS.iter().enumerate() {
        access.set(index, node.text_of(right.field) == Some("true"));
    }
    access
}

fn fields(node: &Node) -> UserFields {
    let mut fields = UserFields::new();
    for spec in USER_FIELDS {
        let Some(text) = node.text_of(spec.name) else { continue };
        let value = match spec.kind {
            FieldKind::Text | FieldKind::Date | FieldKind::Bytes => FieldValue::from(text),
            FieldKind::TextList => {
                FieldValue::List(node.all(spec.name).map(|node| node.text.clone()).collect())
            }
            FieldKind::Int | FieldKind::Long => match text.parse::<i64>() {
                Ok(number) => FieldValue::Int(number),
                Err(_) => continue,
            },
            FieldKind::Bool => FieldValue::Bool(text == "true"),
            FieldKind::Maps => FieldValue::Maps(maps(node.child(spec.name).unwrap())),
            FieldKind::Group | FieldKind::Map => continue,
        };
        fields.set(spec.name, value);
    }
    fields
}

fn maps(node: &Node) -> BTreeMap<String, BTreeMap<String, Option<String>>> {
    let key = |entry: &Node| entry.text_of("key").unwrap_or_default().to_owned();
    node.all("entries")
        .map(|entry| {
            let map = entry.child("value").map(|value| {
                value
                    .all("entries")
                    .map(|entry| (key(entry), entry.text_of("value").map(ToOwned::to_owned)))
                    .collect()
            });
            (key(entry), map.unwrap_or_default())
        })
        .collect()
}

/// Whether a part of a request is one that the client could have written.
type Fits = fn(&Node) -> bool;

/// Whether the client's verb can say exactly this request: all it always sends is there, nothing is
/// there that it never sends, and values have the types its own have.
fn can_be_said(verb: &str, request: &Node) -> bool {
    let (service, name) = verb.split_once('.').unwrap();
    let account = service == "OXSecondaryAccountService";
    let mut parts: Vec<(&str, Fits)> = Vec::new();
    parts.push((if account { "context" } else { "ctx" }, only_id));
    let target: Fits = |node| has(node, &[], &["id", "name"]) && node.children.len() == 1;
    match (service, name) {
        ("OXContextService", "create") => {
            parts = vec![("ctx", is_context), ("admin_user", is_admin)];
        }
        ("OXContextService", "change") => parts = vec![("ctx", is_context)],
        ("OXContextService", _) => {}
        ("OXUserService", "createByModuleAccess") => {
            parts.extend([("usrdata", is_user as Fits), ("access", is_access)]);
        }
        ("OXUserService", "change") => {
            parts.push(("usrdata", |node| {
                is_user(node) && (node.child("id").is_some() || node.child("name").is_some())
            }));
        }
        ("OXUserService", "changeByModuleAccess") => {
            parts.extend([("user", target), ("moduleAccess", is_access)]);
        }
        ("OXUserService", "getMultipleData") => parts.push(("users", target)),
        ("OXUserService", "list") => parts.push(("search_pattern", is_text)),
        ("OXUserService", _) => parts.push(("user", target)),
        ("OXUserCopyService", _) => {
            parts = vec![("user", only_id), ("src", only_id), ("dest", only_id)];
        }
        ("OXGroupService", "getData" | "delete") => parts.push(("grp", target)),
        ("OXGroupService", "listGroupsForUser") => parts.push(("usr", only_id)),
        ("OXGroupService", "create") => {
            parts.push(("grp", |node| has(node, &["displayname", "name"], &["members"])));
        }
        ("OXGroupService", "change") => {
            parts.push(("grp", |node| has(node, &["displayname", "id", "name"], &["members"])));
        }
        ("OXGroupService", _) => parts.extend([("grp", only_id as Fits), ("members", only_id)]),
        ("OXResourceService", "getData" | "delete") => parts.push(("res", target)),
        ("OXResourceService", "create") => {
            parts.push(("res", |node| is_resource(node) && node.child("id").is_none()));
        }
        ("OXResourceService", _) => {
            parts.push(("res", |node| {
                is_resource(node) && (node.child("id").is_some() || node.child("name").is_some())
            }));
        }
        (_, "create") => {
            parts.push(("accountDataOnCreate", is_new_account));
            parts.push(("users", only_id));
        }
        (_, "update") => {
            parts.push(("primaryAddress", is_text));
            parts.push(("accountDataUpdate", |node| has(node, &["login", "name"], &["personal"])));
            parts.push(("users", only_id));
        }
        (_, "delete") => parts.extend([("primaryAddress", is_text as Fits), ("users", only_id)]),
        _ => parts.push(("users", only_id)),
    }
    parts.push(("auth", |node| has(node, &["login", "password"], &[])));
    let repeated = ["users", "members"];
    let all_there = parts.iter().all(|(name, _)| {
        let count = request.all(name).count();
        if repeated.contains(name) { true } else { count == 1 }
    });
    all_there
        && request.children.iter().all(|child| {
            !child.nil
                && child.namespace == request.namespace
                && parts.iter().any(|(name, fits)| *name == child.name && fits(child))
        })
}

/// Whether an element holds all of `needed` once and beside it nothing but `allowed`, none nil.
fn has(node: &Node, needed: &[&str], allowed: &[&str]) -> bool {
    needed.iter().all(|name| node.all(name).count() == 1)
        && node.children.iter().all(|child| {
            let name = child.name.as_str();
            let is_number = matches!(name, "id" | "members");
            !child.nil
                && (needed.contains(&name) || allowed.contains(&name))
                && (!is_number
                    || child.text.parse::<u32>().is_ok_and(|n| n.to_string() == child.text))
        })
}

fn only_id(node: &Node) -> bool {
    has(node, &["id"], &[])
}

fn is_text(node: &Node) -> bool {
    node.children.is_empty()
}

fn is_context(node: &Node) -> bool {
    has(node, &["id"], &["enabled", "loginMappings", "maxQuota", "name"])
}

fn is_resource(node: &Node) -> bool {
    has(node, &[], &["available", "description", "displayname", "email", "id", "name"])
}

fn is_new_account(node: &Node) -> bool {
    let needed =
        ["login", "name", "primaryAddress", "mailEndpointSource", "transportEndpointSource"];
    has(node, &needed, &["personal"])
        && ["mailEndpointSource", "transportEndpointSource"]
            .iter()
            .all(|name| node.text_of(name) == Some("primary"))
}

fn is_access(node: &Node) -> bool {
    let names: Vec<_> = RIGHTS.iter().map(|right| right.field).collect();
    has(node, &names, &[])
}

fn is_admin(node: &Node) -> bool {
    is_user(node) && node.child("name").is_some() && node.child("password").is_some()
}

fn is_user(node: &Node) -> bool {
    node.children.iter().all(|child| {
        let Some(spec) = USER_FIELDS.iter().find(|spec| spec.name == child.name) else {
            return false;
        };
        let once = spec.kind == FieldKind::TextList || node.all(&child.name).count() == 1;
        let typed = match spec.kind {
            FieldKind::Int => child.text.parse::<i32>().is_ok_and(|n| n.to_string() == child.text),
            FieldKind::Long => child.text.parse::<i64>().is_ok_and(|n| n.to_string() == child.text),
            FieldKind::Bool => matches!(child.text.as_str(), "true" | "false"),
            FieldKind::Group | FieldKind::Map => false,
            FieldKind::Maps => !child.children.is_empty(),
            FieldKind::Text | FieldKind::TextList | FieldKind::Date | FieldKind::Bytes => true,
        };
        !child.nil && child.namespace == OBJECTS && once && typed
    })
}

#[tokio::test]
async fn every_recorded_reply_is_understood() {
    let stage = Stage::new().await;
    let (mut results, mut faults) = (0, 0);
    for exchange in exchanges() {
        let verb = format!("{}.{}", exchange.service, exchange.operation);
        // A request that is no XML at all still has a reply.
        let request = operation(&exchange.request)
            .unwrap_or_else(|| operation("<a><Body><x/></Body></a>").unwrap());
        let Some((outcome, _)) = stage.play(&exchange, &request).await else {
            if exchange.status == 500 {
                let fault = any_fault(&stage, &exchange).await;
                check_fault(&exchange, &fault);
                faults += 1;
            }
            continue;
        };
        match outcome {
            Ok(answered) => {
                assert_eq!(exchange.status, 200, "{}", exchange.name);
                assert_eq!(answered, expected(&verb, &exchange.response), "{}", exchange.name);
                results += 1;
            }
            Err(error) => {
                assert_eq!(exchange.status, 500, "{}: {error:?}", exchange.name);
                check_fault(&exchange, &error);
                faults += 1;
            }
        }
    }
    assert!(results >= 200, "only {results} results");
    assert!(faults >= 350, "only {faults} faults");
}

/// The fault of an operation that the client does not know, read with a verb that it has.
async fn any_fault(stage: &Stage, exchange: &Exchange) -> OxError {
    *stage.reply.lock().unwrap() = (exchange.status, exchange.response.clone());
    stage.client.user_delete(ContextId(1), &Target::Id(OxId(3)), None).await.unwrap_err()
}

fn check_fault(exchange: &Exchange, error: &OxError) {
    // Others are read with another service's verb.
    if error.operation().starts_with(&exchange.service) {
        let hint = crate::hints::code(error);
        assert!(!["refused", "unknown"].contains(&hint), "{}: {error}", exchange.name);
    }
    let name = &exchange.name;
    let fault = error.fault().unwrap_or_else(|| panic!("{name}: {error:?}"));
    let recorded = operation(&exchange.response).unwrap();
    let text = recorded.text_of("faultstring").unwrap_or_default();
    assert!(text.starts_with(&fault.text), "{name}: {fault:?}");
    assert_eq!(fault.exception_id.is_some(), text.contains("; exceptionId "), "{name}");
    assert!(!fault.text.contains("; exceptionId "), "{name}: {fault:?}");
    assert_eq!(Some(fault.code.as_str()), recorded.text_of("faultcode"), "{name}");
    let exception = recorded.child("detail").and_then(|detail| detail.children.first());
    assert_eq!(fault.exception.as_ref(), exception.map(|e| &e.name), "{name}");
    let class = format!("{:?}", fault.class);
    match exception {
        // The class is the exception's name without its last word.
        Some(exception) => assert_eq!(format!("{class}Exception"), exception.name, "{name}"),
        None => assert_eq!(fault.class, FaultClass::Undeclared, "{name}"),
    }
}

#[tokio::test]
async fn the_client_says_what_was_recorded() {
    let stage = Stage::new().await;
    let mut same = BTreeMap::<String, usize>::new();
    for exchange in exchanges() {
        let verb = format!("{}.{}", exchange.service, exchange.operation);
        let Some(request) = operation(&exchange.request) else { continue };
        if request.name != exchange.operation || MALFORMED.contains(&exchange.name.as_str()) {
            continue;
        }
        if verb == "OXUserService.create" {
            compare_new_user(&stage, &exchange, &request, &mut same).await;
            continue;
        }
        if !can_be_said(&verb, &request) {
            continue;
        }
        if let Some((_, sent)) = stage.play(&exchange, &request).await {
            assert_eq!(sent, request, "{}", exchange.name);
            *same.entry(verb).or_default() += 1;
        }
    }
    assert!(same.len() >= 30, "only {} verbs were compared: {same:?}", same.len());
    let total: usize = same.values().sum();
    assert!(total >= 490, "only {total} requests were compared");
}

/// Plain `create` differs from the client's `createByModuleAccess` by the rights only.
async fn compare_new_user(
    stage: &Stage,
    exchange: &Exchange,
    request: &Node,
    same: &mut BTreeMap<String, usize>,
) {
    let parts: Vec<_> = request.children.iter().map(|child| child.name.as_str()).collect();
    let user = request.child("usrdata");
    if parts != ["ctx", "usrdata", "auth"] || !user.is_some_and(is_user) {
        return;
    }
    let as_known = Exchange { operation: "createByModuleAccess".to_owned(), ..exchange.clone() };
    let (_, mut sent) = stage.play(&as_known, request).await.unwrap();
    sent.children.retain(|child| child.name != "access");
    sent.name.clone_from(&request.name);
    if request.child("auth").is_some_and(|auth| has(auth, &["login", "password"], &[])) {
        assert_eq!(&sent, request, "{}", exchange.name);
        *same.entry("OXUserService.create".to_owned()).or_default() += 1;
    }
}
