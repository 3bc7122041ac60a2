//! Makes what must be there, over the wire.

#![expect(clippy::unwrap_used, reason = "a panic in a test is the report")]

use std::collections::{BTreeMap, BTreeSet};

use super::case::Case;
use super::node::Node;
use super::prepare::split;
use crate::sim_soap::{Connection, between, envelope, fields};

pub(super) struct Player {
    pub(super) connection: Connection,
    /// Next id by context.
    pub(super) next: BTreeMap<u32, u32>,
}

impl Player {
    pub(super) fn must(
        &mut self,
        service: &str,
        operation: &str,
        inner: &str,
        auth: (&str, &str),
    ) -> String {
        let reply = self.connection.post(service, &envelope(service, operation, inner, auth));
        assert_eq!(reply.status, 200, "{service} {operation} {inner}: {}", reply.text());
        reply.text()
    }

    pub(super) fn context(&mut self, id: u32, words: &[String]) {
        let get = |key: &str, default: &str| {
            let word = words.iter().find_map(|word| word.strip_prefix(&format!("{key}=")));
            word.unwrap_or(default).to_owned()
        };
        let mail = format!("oxadmin@ctx{id}.test");
        let (quota, access) = (get("quota", "1000"), get("access", "webmail_plus"));
        let ctx = fields(&[("id", &id.to_string()), ("maxQuota", &quota), ("name", &words[0])]);
        let admin = fields(&[
            ("display_name", &get("display", &format!("Context Admin {id}"))),
            ("email1", &mail),
            ("given_name", "Context"),
            ("language", &get("language", "en_US")),
            ("name", "oxadmin"),
            ("password", &get("password", "secret")),
            ("primaryEmail", &mail),
            ("sur_name", "Admin"),
            ("timezone", &get("timezone", "Europe/Berlin")),
        ]);
        let inner = format!(
            "<s:ctx>{ctx}</s:ctx><s:admin_user>{admin}</s:admin_user>\
             <s:access_combination_name>{access}</s:access_combination_name>"
        );
        let master = ("oxadminmaster", "secret");
        self.must("OXContextService", "createModuleAccessByName", &inner, master);
    }

    pub(super) fn burn(&mut self, context: u32, id: u32) {
        let next = self.next.entry(context).or_insert(3);
        while *next < id {
            *next += 1;
            let values = [("displayname", "burn"), ("name", &"b".repeat(200))];
            let inner =
                format!("<s:ctx><d:id>{context}</d:id></s:ctx><s:grp>{}</s:grp>", fields(&values));
            let envelope = envelope("OXGroupService", "create", &inner, ("oxadmin", "secret"));
            assert_eq!(self.connection.post("OXGroupService", &envelope).status, 500);
        }
    }

    pub(super) fn create(&mut self, context: u32, id: u32, step: &str) {
        self.burn(context, id);
        *self.next.entry(context).or_insert(3) += 1;
        let mut words = split(step).into_iter();
        let (kind, name) = (words.next().unwrap(), words.next().unwrap());
        let extra: Vec<(String, String)> = words
            .map(|word| {
                let (key, value) = word.split_once('=').unwrap();
                (key.to_owned(), value.to_owned())
            })
            .collect();
        let get = |key: &str, default: &str| {
            extra
                .iter()
                .find(|pair| pair.0 == key)
                .map_or(default.to_owned(), |pair| pair.1.clone())
        };
        let ctx = format!("<s:ctx><d:id>{context}</d:id></s:ctx>");
        let (service, object) = match kind.as_str() {
            "user" => {
                let mail = get("mail", &format!("{name}@ctx{context}.test"));
                let mut values = vec![
                    ("display_name", get("display_name", &format!("Disp {name}"))),
                    ("email1", mail.clone()),
                    ("given_name", get("given_name", "Giv")),
                    ("name", name.clone()),
                    ("password", get("password", &format!("Secr3t-{name}"))),
                    ("primaryEmail", mail),
                    ("sur_name", get("sur_name", "Sur")),
                ];
                for (key, value) in &extra {
                    let known = ["mail", "password", "display_name", "given_name", "sur_name"];
                    if !known.contains(&key.as_str()) {
                        for value in value.split('|') {
                            values.push((key, value.to_owned()));
                        }
                    }
                }
                let values: Vec<_> = values.iter().map(|(k, v)| (*k, v.as_str())).collect();
                ("OXUserService", format!("<s:usrdata>{}</s:usrdata>", fields(&values)))
            }
            "group" => {
                let display = get("displayname", &name);
                let mut values = vec![("displayname", display.as_str()), ("name", name.as_str())];
                let members = get("members", "");
                values.extend(members.split(',').filter(|m| !m.is_empty()).map(|m| ("members", m)));
                ("OXGroupService", format!("<s:grp>{}</s:grp>", fields(&values)))
            }
            "resource" => {
                let display = get("displayname", &name);
                let mail = get("email", &format!("{name}@ctx{context}.test"));
                let values = [("displayname", &*display), ("email", &*mail), ("name", &*name)];
                ("OXResourceService", format!("<s:res>{}</s:res>", fields(&values)))
            }
            other => panic!("unknown step {other}"),
        };
        let text = self.must(service, "create", &format!("{ctx}{object}"), ("oxadmin", "secret"));
        let made = between(&text, "id>", "</").unwrap().parse::<u32>().unwrap();
        assert_eq!(made, id, "{step}");
    }

    /// Makes a functional account as the recordings did.
    pub(super) fn account(&mut self, context: &str, user: &str, address: &str) {
        let data = fields(&[
            ("login", address),
            ("password", "pw"),
            ("name", "Funct"),
            ("primaryAddress", address),
            ("personal", "Functional Account"),
            ("mailServer", "imap.test"),
            ("mailPort", "143"),
            ("transportLogin", address),
            ("transportPassword", "pw"),
            ("transportServer", "smtp.test"),
            ("transportPort", "25"),
        ]);
        let inner = format!(
            "<s:accountDataOnCreate>{data}</s:accountDataOnCreate><s:context><d:id>{context}</d:id>\
             </s:context><s:users><d:id>{user}</d:id></s:users>"
        );
        self.must("OXSecondaryAccountService", "create", &inner, ("oxadmin", "secret"));
    }

    /// Uses up ids of accounts, which have a sequence of their own.
    pub(super) fn spend(&mut self, context: &str, count: u32) {
        for _ in 0..count {
            self.account(context, "2", "spent@t.test");
            let inner = format!(
                "<s:primaryAddress>spent@t.test</s:primaryAddress><s:context><d:id>{context}</d:id>\
                 </s:context><s:users><d:id>2</d:id></s:users>"
            );
            self.must("OXSecondaryAccountService", "delete", &inner, ("oxadmin", "secret"));
        }
    }

    /// Runs a step that is not a create: `admin Service operation <inner>` as admin or master,
    /// or one about accounts.
    pub(super) fn run(&mut self, step: &str) {
        let known = split(step);
        match known[0].as_str() {
            "account" => return self.account(&known[1], &known[2], &known[3]),
            "spend" => return self.spend(&known[1], known[2].parse().unwrap()),
            _ => {}
        }
        let mut words = step.splitn(4, ' ');
        let (who, service, operation) =
            (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
        let auth =
            if who == "master" { ("oxadminmaster", "secret") } else { ("oxadmin", "secret") };
        self.must(service, operation, words.next().unwrap_or_default(), auth);
    }
}

/// Requests of an administrator with another password than the seeded one need it set, unless it
/// is meant to be wrong.
pub(super) fn admin_password(case: &Case, contexts: &BTreeSet<u32>, player: &mut Player) {
    let Some(root) = Node::parse(&case.request) else { return };
    let auth = root.operation().and_then(|operation| operation.child("auth"));
    let Some(auth) = auth else { return };
    if auth.value("password") != Some("newsecret") || case.answer.contains("Authentication failed")
    {
        return;
    }
    for context in contexts {
        let inner = format!(
            "<s:ctx><d:id>{context}</d:id></s:ctx><s:usrdata><d:id>2</d:id>\
             <d:password>newsecret</d:password></s:usrdata>"
        );
        player.must("OXUserService", "change", &inner, ("oxadmin", "secret"));
    }
}
