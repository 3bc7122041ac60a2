//! drover as an administrator runs it, against the simulator: the real binary, a real data folder,
//! SOAP over loopback.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use drover::demo::judge::{Call, overlaps, ox_state};
use drover::sim::{self, SeedContext, SimOptions};
use drover::store::{ItemRecord, SqliteReader};
use serde_json::{Value, json};

/// The longest any of these tests waits for something that must happen.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Password of the simulator's master.
pub const MASTER_PASSWORD: &str = "master-secret";

/// A simulator and a data folder.
pub struct World {
    pub sim: sim::Handle,
    pub data: tempfile::TempDir,
    /// Environment of drover, beside what every world sets.
    pub env: BTreeMap<String, String>,
}

/// How a run of drover ended.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub stdout: String,
    /// The log, as it was written.
    pub log: String,
}

impl World {
    /// A world whose simulator has context 10 already, with its key in the credentials file.
    pub fn new() -> Self {
        Self::with(SimOptions::univention())
    }

    pub fn with(options: SimOptions) -> Self {
        let context = SeedContext {
            id: 10,
            name: "context10".into(),
            admin_login: "oxadmin".into(),
            admin_password: "ten-secret".into(),
            access: None,
        };
        let sim = sim::start(sim::Config {
            master: ("oxadminmaster".into(), MASTER_PASSWORD.into()),
            options,
            contexts: vec![context],
            ..sim::Config::default()
        })
        .unwrap();
        let world = Self { sim, data: tempfile::tempdir().unwrap(), env: BTreeMap::new() };
        std::fs::create_dir_all(world.queue_dir()).unwrap();
        world.write_credentials(&json!({
            "master": {"adminuser": "oxadminmaster", "adminpass": MASTER_PASSWORD},
            "10": {"adminuser": "oxadmin", "adminpass": "ten-secret"},
        }));
        world
    }

    pub fn queue_dir(&self) -> PathBuf {
        self.data.path().join("listener")
    }

    pub fn credentials_path(&self) -> PathBuf {
        self.data.path().join("secrets/contexts.json")
    }

    pub fn write_credentials(&self, content: &Value) {
        use std::os::unix::fs::PermissionsExt;
        let path = self.credentials_path();
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content.to_string()).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    pub fn credentials(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.credentials_path()).unwrap()).unwrap()
    }

    /// Puts a file into the queue as UCS does: temporary name, then renamed.
    pub fn put(&self, name: &str, content: &Value) {
        self.put_bytes(name, content.to_string().as_bytes());
    }

    pub fn put_bytes(&self, name: &str, content: &[u8]) {
        let path = self.queue_dir().join(name);
        let temporary = path.with_extension("converting.tmp");
        std::fs::write(&temporary, content).unwrap();
        std::fs::rename(temporary, path).unwrap();
    }

    /// Names of the files in the queue, sorted.
    pub fn queue(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.queue_dir()).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| Path::new(name).extension().is_some_and(|end| end == "json"))
            .collect();
        names.sort();
        names
    }

    /// `drover` with the connector's variables set, as in its container.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = drover(&self.sim.base_url());
        command.envs(&self.env).args(arguments);
        command
    }

    /// `drover run --data … --once`
    pub fn run_once(&self) -> Run {
        let data = self.data.path().to_str().unwrap();
        let output = self.command(&["run", "--data", data, "--once"]).output().unwrap();
        self.assert_accounted_for();
        Run::from(output)
    }

    /// Every item has one fate, the ledger knows it, and those that are open are in the queue.
    pub fn assert_accounted_for(&self) {
        let path = self.data.path().join("drover.db");
        // Where drover could not start there is none, or none that it can read.
        let Ok(reader) = SqliteReader::open(&path) else { return };
        let audit = reader.audit().unwrap();
        assert!(audit.is_sound(), "{audit:?}");
        let queue = self.queue();
        let open = &mut |item: ItemRecord| assert!(queue.contains(&item.item.to_string()));
        reader.each_open_item(open).unwrap();
    }

    /// Another subcommand on the data folder.
    pub fn ask(&self, command: &str, arguments: &[&str]) -> Run {
        let data = self.data.path().to_str().unwrap();
        let all = [&[command, "--data", data], arguments].concat();
        Run::from(self.command(&all).output().unwrap())
    }

    /// The same, and everything must have been done.
    pub fn provision(&self) -> Run {
        let run = self.run_once();
        assert_eq!(run.code, 0, "{}\n{}", run.stdout, run.log);
        assert_eq!(self.queue(), Vec::<String>::new());
        run
    }

    /// `drover run --data …`, the service.
    pub fn serve(&self) -> Service {
        let data = self.data.path().to_str().unwrap();
        let mut command = self.command(&["run", "--data", data]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in log.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Service { child, lines, seen: Vec::new() }
    }

    /// What the simulator holds, in the shape of the demo's judge: `contexts` → id → users, groups …
    pub fn ox(&self) -> Value {
        ox_state(&self.sim.state())
    }

    /// One context of it.
    pub fn context(&self, id: u32) -> Value {
        self.ox()["contexts"][id.to_string()].clone()
    }

    /// Sorted login names of a context's users, without the administrator.
    pub fn users(&self, context: u32) -> Vec<String> {
        let context = self.context(context);
        let users = context["users"].as_object();
        users.map(|users| users.keys().cloned().collect()).unwrap_or_default()
    }

    /// Calls as `OXUserService.change`, in order.
    pub fn calls(&self) -> Vec<String> {
        self.sim.log().iter().map(|c| format!("{}.{}", c.service, c.operation)).collect()
    }

    /// Calls of one operation.
    pub fn count(&self, operation: &str) -> usize {
        self.calls().iter().filter(|call| *call == operation).count()
    }

    /// No two calls were under way in one context at a time.
    pub fn assert_no_overlap(&self) {
        let calls: Vec<Call> = self.sim.log().iter().map(Call::from).collect();
        let found = overlaps(&calls);
        assert!(found.is_empty(), "{found:?}");
    }
}

/// `drover` with the connector's variables set, as in its container, and short pauses.
pub fn drover(soap_server: &str) -> Command {
    drover_at(env!("CARGO_BIN_EXE_drover").as_ref(), soap_server)
}

/// The same with another binary.
pub fn drover_at(binary: &Path, soap_server: &str) -> Command {
    let mut command = Command::new(binary);
    command
        .env_clear()
        .env("OX_SOAP_SERVER", soap_server)
        .env("OX_IMAP_SERVER", "imap://mail.heide.example:143")
        .env("OX_SMTP_SERVER", "smtp://mail.heide.example:587")
        .env("DOMAINNAME", "heide.example")
        .env("DEFAULT_CONTEXT", "10")
        .env("DROVER__RETRY__FAULTY_FIRST_S", "0.2")
        .env("DROVER__RETRY__FAULTY_MAX_S", "1")
        .env("DROVER__RETRY__BUSY_FIRST_S", "0.05")
        .env("DROVER__RETRY__OUTAGE_FIRST_S", "0.1")
        .env("DROVER__RETRY__OUTAGE_MAX_S", "0.5");
    command
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            log: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// A running service; killed when dropped.
pub struct Service {
    pub child: Child,
    lines: mpsc::Receiver<String>,
    pub seen: Vec<String>,
}

impl Service {
    /// Waits for a log line that holds all of these, and returns it.
    pub fn wait_for_log(&mut self, parts: &[&str]) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    self.seen.push(line.clone());
                    if parts.iter().all(|part| line.contains(part)) {
                        return line;
                    }
                }
                Err(mpsc::RecvTimeoutError::Timeout | mpsc::RecvTimeoutError::Disconnected) => {
                    panic!("no line with {parts:?} in {:#?}", self.seen)
                }
            }
        }
    }

    /// SIGTERM; returns the exit code and how long it took.
    pub fn terminate(mut self) -> (i32, Duration) {
        let begun = Instant::now();
        signal(&self.child, "TERM");
        let status = self.child.wait().unwrap();
        (status.code().unwrap_or(-1), begun.elapsed())
    }

    /// SIGTERM; returns all that was logged.
    pub fn end(mut self) -> Vec<String> {
        signal(&self.child, "TERM");
        self.child.wait().unwrap();
        let mut seen = std::mem::take(&mut self.seen);
        seen.extend(self.lines.iter());
        seen
    }

    /// SIGKILL.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal to a process that this test started.
pub fn signal(child: &Child, name: &str) {
    let status = Command::new("kill").args(["-s", name, &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

/// Waits until something holds, asking again every few milliseconds. For states that can only be
/// seen from outside; drover itself never waits like this.
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "{what} did not come about");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// All bytes of all files below a folder, for searching.
pub fn everything_below(folder: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.is_file() {
            // Not a socket.
            std::fs::File::open(path).unwrap().read_to_end(&mut bytes).unwrap();
        }
    }
    bytes
}

/// A queue item.
pub fn item(kind: &str, id: &str, dn: &str, object: Value) -> Value {
    json!({"id": id, "udm_object_type": kind, "dn": dn, "object": object, "options": ["default"]})
}

/// A context object.
pub fn context(id: u32) -> Value {
    item(
        "oxmail/oxcontext",
        &format!("ctx-{id}"),
        &format!("cn=ctx{id},dc=heide,dc=example"),
        json!({"name": format!("ctx{id}"), "contextid": id.to_string(), "oxQuota": "1000"}),
    )
}

/// An OX user without rights to speak of.
pub fn user(name: &str, context: u32) -> Value {
    item(
        "users/user",
        &format!("user-{name}"),
        &format!("uid={name},cn=users,dc=heide,dc=example"),
        json!({"username": name, "firstname": "Vor", "lastname": name, "oxDisplayName": name,
               "mailPrimaryAddress": format!("{name}@heide.example"), "isOxUser": "OK",
               "oxAccess": "webmail", "oxContext": context.to_string()}),
    )
}

/// An OX group.
pub fn group(name: &str, members: &[&str]) -> Value {
    let dn = |member: &&str| format!("uid={member},cn=users,dc=heide,dc=example");
    item(
        "groups/group",
        &format!("group-{name}"),
        &format!("cn={name},cn=groups,dc=heide,dc=example"),
        json!({"name": name, "isOxGroup": "OK",
               "users": members.iter().map(dn).collect::<Vec<_>>()}),
    )
}

/// A functional account.
pub fn account(name: &str, members: &[&str]) -> Value {
    let dn = |member: &&str| format!("uid={member},cn=users,dc=heide,dc=example");
    item(
        "oxmail/functional_account",
        &format!("account-{name}"),
        &format!("cn={name},cn=functional_accounts,dc=heide,dc=example"),
        json!({"name": name, "mailPrimaryAddress": format!("{name}@heide.example"),
               "personal": format!("The {name}"), "groups": [],
               "users": members.iter().map(dn).collect::<Vec<_>>()}),
    )
}

/// A resource.
pub fn resource(name: &str, context: u32) -> Value {
    item(
        "oxresources/oxresources",
        &format!("resource-{name}"),
        &format!("cn={name},cn=oxresources,dc=heide,dc=example"),
        json!({"name": name, "displayname": name, "oxContext": context,
               "resourceMailAddress": format!("{name}@heide.example")}),
    )
}

/// The same object, gone.
pub fn gone(mut item: Value) -> Value {
    item["object"] = Value::Null;
    item["options"] = Value::Null;
    item
}

/// The same object with properties set (null removes).
pub fn with(mut item: Value, properties: Value) -> Value {
    for (name, value) in properties.as_object().unwrap() {
        match value {
            Value::Null => {
                item["object"].as_object_mut().unwrap().remove(name);
            }
            value => item["object"][name] = value.clone(),
        }
    }
    item
}

/// The n-th file name.
pub fn file(n: u32) -> String {
    format!("2025-03-03-{:02}-{:02}-{:02}-000000.json", n / 3600, n / 60 % 60, n % 60)
}
