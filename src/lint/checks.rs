//! The rules.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::source::Source;
use super::{Finding, LintError, Linter, Report, Severity};
use crate::model::access::ModuleAccess;
use crate::model::object::{DirectoryObject, UserObject, is_absent};
use crate::model::{ContextId, DnKey, FieldValue, ItemName, ObjectKind, QueueFile};
use crate::plan::attributes::{desired_fields, slug};

/// Properties that the connector once used and nothing does any more.
const RETIRED: [&str; 4] = ["oxDrive", "oxAccessUSM", "oxTimeZone", "oxLanguage"];

/// The place of everything in the order of profiles.
const NOW: &str = "9999-12-31-23-59-59.json";

/// A context's name is no longer than this.
const CONTEXT_NAME: usize = 128;

/// Who uses an address.
struct Use {
    context: Option<ContextId>,
    dn: String,
    kind: ObjectKind,
    primary: bool,
}

/// What is known of all before any is judged.
#[derive(Default)]
struct World {
    dns: HashSet<DnKey>,
    contexts: BTreeMap<ContextId, Vec<String>>,
    /// `uidNumber` of users.
    numbers: HashSet<String>,
}

struct Run<'a> {
    linter: &'a Linter,
    world: World,
    findings: Vec<Finding>,
    objects: BTreeMap<ObjectKind, usize>,
    names: HashMap<(ObjectKind, ContextId, String), String>,
    addresses: HashMap<String, Vec<Use>>,
    /// Objects that still have a retired property.
    retired: BTreeMap<&'static str, usize>,
}

pub(super) fn run(linter: &Linter, source: &Source, report: &mut Report) -> Result<(), LintError> {
    let mut world = World::default();
    source.each(&mut |file| {
        world.dns.insert(file.dn.key().clone());
        if let Some(DirectoryObject::Context(context)) = &file.object {
            world.contexts.entry(context.context).or_default().push(file.dn.as_str().to_owned());
        }
        let number = file.properties.as_ref().and_then(|p| p.get("uidNumber"));
        world.numbers.extend(number.map(|number| number.to_string().trim_matches('"').to_owned()));
    })?;
    let mut run = Run {
        linter,
        world,
        findings: Vec::new(),
        objects: BTreeMap::new(),
        names: HashMap::new(),
        addresses: HashMap::new(),
        retired: BTreeMap::new(),
    };
    source.each(&mut |file| run.object(file))?;
    run.context_numbers();
    run.shared_addresses();
    run.retired_properties();
    report.objects = run.objects;
    report.findings.extend(run.findings);
    Ok(())
}

impl Run<'_> {
    fn find(
        &mut self,
        severity: Severity,
        check: &'static str,
        file: &QueueFile,
        told: impl Into<String>,
        cure: &'static str,
    ) {
        let (kind, place) = (Some(file.kind), file.dn.as_str().to_owned());
        self.findings.push(Finding { severity, check, kind, place, told: told.into(), cure });
    }

    fn object(&mut self, file: &QueueFile) {
        *self.objects.entry(file.kind).or_default() += 1;
        for name in RETIRED {
            if !is_absent(file.properties.as_ref().and_then(|p| p.get(name))) {
                *self.retired.entry(name).or_default() += 1;
            }
        }
        match &file.object {
            Some(DirectoryObject::Context(context)) => {
                if context.name.chars().count() > CONTEXT_NAME {
                    let told = format!("the name has more than {CONTEXT_NAME} characters");
                    self.find(Severity::Error, "length", file, told, "shorten it");
                }
                self.characters(file, &context.name, false, Severity::Error);
            }
            Some(DirectoryObject::Profile(profile)) => {
                if let Some(why) = profile.access.contradiction() {
                    let cure = "make a profile without one of them";
                    self.find(Severity::Error, "profile rights", file, why.to_string(), cure);
                }
            }
            Some(DirectoryObject::User(user)) if user.is_ox_user => self.user(file, user),
            Some(DirectoryObject::Group(group)) if group.is_ox_group => {
                self.group_name(file, &group.properties);
                self.members(file);
            }
            Some(DirectoryObject::Account(account)) => {
                self.address(file, None, &account.address, true);
                self.members(file);
            }
            Some(DirectoryObject::Resource(resource)) => {
                if let Some(context) = self.known_context(file, resource.context) {
                    let name = self.linter.policy.user.texts.name(&resource.name, true);
                    self.name_once(file, context, &name, true);
                }
                if !self.linter.policy.user.texts.slug {
                    self.characters(file, &resource.name, true, Severity::Error);
                }
                match &resource.address {
                    Some(address) => self.address(file, resource.context, address, true),
                    None => self.find(
                        Severity::Error,
                        "missing value",
                        file,
                        "resourceMailAddress is missing",
                        "OX wants one for a new resource",
                    ),
                }
                self.manager(file);
            }
            Some(DirectoryObject::SharedAccount(account)) => {
                let context = Some(account.context);
                if self.known_context(file, context).is_some() {
                    self.address(file, context, &account.address, true);
                }
            }
            Some(
                DirectoryObject::User(_)
                | DirectoryObject::Group(_)
                | DirectoryObject::SharedAccountPermission(_),
            )
            | None => {}
        }
    }

    fn user(&mut self, file: &QueueFile, user: &UserObject) {
        let context = self.known_context(file, user.context);
        let access = match &user.profile {
            None => Some(ModuleAccess::NONE),
            Some(profile) => match self.linter.book.resolve(profile, &ItemName::new(NOW)) {
                Ok(access) => Some(access),
                Err(problem) => {
                    self.find(Severity::Error, "access profile", file, problem.to_string(), "");
                    None
                }
            },
        };
        let (mapping, settings) = (&self.linter.mapping, &self.linter.policy.user);
        let desired = match desired_fields(user, &file.id, &file.dn, access, mapping, settings) {
            Ok(desired) => desired,
            Err(problem) => {
                self.find(Severity::Error, "name", file, problem.to_string(), "");
                return;
            }
        };
        for warning in &desired.warnings {
            self.find(Severity::Warning, "value", file, warning.to_string(), "it is left out");
        }
        for long in &desired.too_long {
            let cure = "shorten it";
            self.find(Severity::Error, "length", file, long.to_string(), cure);
        }
        if !desired.missing_for_create.is_empty() {
            let told = format!("OX wants {} for a new user", desired.missing_for_create.join(", "));
            self.find(Severity::Error, "missing value", file, told, "set them in the directory");
        }
        self.characters(file, &desired.name, false, Severity::Error);
        if let Some(context) = context {
            self.name_once(file, context, &desired.name, false);
            let login = self.linter.administrators.get(&context.0);
            let usual = self.linter.policy.admin_login(context);
            if desired.name == *login.unwrap_or(&usual) {
                let told = format!("is named like the administrator of context {context}");
                let cure = "he is never touched; give him another name";
                self.find(Severity::Warning, "administrator", file, told, cure);
            }
        }
        if let Some(primary) = desired.fields.text("email1") {
            self.address(file, context, primary, true);
            let others = desired.fields.get("aliases").and_then(FieldValue::as_list).unwrap_or(&[]);
            for other in others.iter().filter(|other| *other != primary) {
                self.address(file, context, other, false);
            }
        }
    }

    fn group_name(&mut self, file: &QueueFile, properties: &crate::model::object::Properties) {
        let identifier = &self.linter.policy.group_identifier;
        if identifier.eq_ignore_ascii_case("entryUUID") {
            return;
        }
        let what = match properties.get(identifier) {
            value if is_absent(value) => "is missing or empty",
            Some(serde_json::Value::String(name)) if !name.trim().is_empty() => {
                if !self.linter.policy.user.texts.slug {
                    self.characters(file, name, true, Severity::Warning);
                }
                return;
            }
            Some(serde_json::Value::Array(list)) if list.len() > 1 => "holds several values",
            _ => return,
        };
        let told = format!("the name's property \"{identifier}\" (OX_GROUP_IDENTIFIER) {what}");
        self.find(Severity::Error, "name", file, told, "it must hold one text");
    }

    fn characters(&mut self, file: &QueueFile, name: &str, blanks: bool, severity: Severity) {
        let illegal = slug::illegal_in(name, blanks);
        if illegal.is_empty() {
            return;
        }
        let told = format!(
            "the name holds characters that OX refuses unless it is set otherwise: {illegal}"
        );
        let cure = match file.kind {
            ObjectKind::Group => {
                "set CHECK_GROUP_UID_FOR_NOT_ALLOWED_CHARS=false in OX, or mapping.illegal_characters = \"slug\""
            }
            ObjectKind::Context => "give it another name",
            _ => "give it another name, or set mapping.illegal_characters = \"slug\"",
        };
        self.find(severity, "characters", file, told, cure);
    }

    fn known_context(&mut self, file: &QueueFile, context: Option<ContextId>) -> Option<ContextId> {
        let Some(context) = context else {
            let cure = "set oxContext; without it the object is left out";
            self.find(Severity::Warning, "context", file, "has no oxContext", cure);
            return None;
        };
        let known = self.world.contexts.contains_key(&context)
            || self.linter.administrators.contains_key(&context.0);
        if !known {
            let told = format!("context {context} is neither here nor in the credentials file");
            let cure = "make the context, or add its administrator to the credentials file";
            self.find(Severity::Error, "context", file, told, cure);
        }
        Some(context)
    }

    fn name_once(&mut self, file: &QueueFile, context: ContextId, name: &str, folded: bool) {
        let key = if folded { name.to_lowercase() } else { name.to_owned() };
        let dn = file.dn.as_str().to_owned();
        let (kind, told) = (file.kind, "has the same name in OX as");
        if let Some(other) = self.names.insert((kind, context, key), dn) {
            let told = format!("{told} {other}, in context {context}");
            self.find(Severity::Error, "name twice", file, told, "give one of them another name");
        }
    }

    fn members(&mut self, file: &QueueFile) {
        let members = file.object.as_ref().map(DirectoryObject::member_dns).unwrap_or_default();
        let unknown: BTreeSet<&str> = members
            .iter()
            .filter(|member| !self.world.dns.contains(member.key()))
            .map(crate::model::Dn::as_str)
            .collect();
        if let Some(first) = unknown.first() {
            let told = match unknown.len() {
                1 => format!("names a member that is not here: {first}"),
                n => format!("names {n} members that are not here, among them {first}"),
            };
            let cure = "they are left out until they come";
            self.find(Severity::Warning, "members", file, told, cure);
        }
    }

    fn manager(&mut self, file: &QueueFile) {
        let manager = file.properties.as_ref().and_then(|p| p.get("resourceadmin"));
        let Some(manager) = manager.filter(|value| !is_absent(Some(value))) else { return };
        let manager = manager.to_string();
        if !self.world.numbers.is_empty() && !self.world.numbers.contains(manager.trim_matches('"'))
        {
            let told = "its manager (resourceadmin) is no user that is here";
            let cure = "name another; OX is not told of managers";
            self.find(Severity::Warning, "resource manager", file, told, cure);
        }
    }

    fn address(
        &mut self,
        file: &QueueFile,
        context: Option<ContextId>,
        address: &str,
        primary: bool,
    ) {
        let which = if primary { "its mail address" } else { "one of its further mail addresses" };
        let (local, domain) = address.rsplit_once('@').unwrap_or((address, ""));
        let odd = local.is_empty()
            || domain.is_empty()
            || domain.contains("..")
            || address.contains(char::is_whitespace)
            || !local.is_ascii();
        if odd {
            let told = format!("{which} is none that OX takes");
            self.find(Severity::Error, "address", file, told, "correct it");
        } else if !self.linter.domains.is_empty()
            && !self.linter.domains.contains(&domain.to_lowercase())
        {
            let told = format!("{which} is in no domain that was named: {domain}");
            self.find(Severity::Error, "mail domain", file, told, "correct it, or make the domain");
        }
        let dn = file.dn.as_str().to_owned();
        let one = Use { context, dn, kind: file.kind, primary };
        self.addresses.entry(address.to_lowercase()).or_default().push(one);
    }

    fn context_numbers(&mut self) {
        for (context, dns) in &self.world.contexts {
            if dns.len() > 1 {
                self.findings.push(Finding {
                    severity: Severity::Error,
                    check: "context number",
                    kind: Some(ObjectKind::Context),
                    place: dns.join(" | "),
                    told: format!("{} contexts have the number {context}", dns.len()),
                    cure: "leave it to one of them; drover refuses the others",
                });
            }
        }
    }

    /// OX takes a primary address once in each context; further ones as often as one likes, and then mail
    /// comes to one of them only.
    fn shared_addresses(&mut self) {
        for uses in self.addresses.values().filter(|uses| uses.len() > 1) {
            let mut places: Vec<&str> = uses.iter().map(|one| one.dn.as_str()).collect();
            places.sort_unstable();
            places.dedup();
            if places.len() < 2 {
                continue;
            }
            let holds = |one: &&Use| one.primary && one.kind != ObjectKind::Account;
            let mut contexts: Vec<_> = uses.iter().filter(holds).map(|one| one.context).collect();
            contexts.sort_unstable();
            let clashes = contexts.windows(2).any(|pair| pair[0] == pair[1]);
            let own =
                uses.iter().any(|one| one.kind == ObjectKind::Account) && !contexts.is_empty();
            let (severity, told) = if clashes {
                (
                    Severity::Error,
                    "have the same primary mail address in one context, which OX refuses",
                )
            } else if own {
                let told = "a functional account has somebody's primary mail address; it cannot be \
                            taken away again without that one's mailbox";
                (Severity::Error, told)
            } else {
                (Severity::Warning, "share a mail address; mail comes to one of them only")
            };
            self.findings.push(Finding {
                severity,
                check: "address twice",
                kind: None,
                place: places.join(" | "),
                told: told.to_owned(),
                cure: "give one of them another address",
            });
        }
    }

    fn retired_properties(&mut self) {
        for (name, count) in &self.retired {
            self.findings.push(Finding {
                severity: Severity::Notice,
                check: "retired property",
                kind: None,
                place: (*name).to_owned(),
                told: format!("{count} objects have it; it is accepted and has no effect"),
                cure: "",
            });
        }
    }
}
