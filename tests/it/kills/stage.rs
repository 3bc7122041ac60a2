//! A data folder, a simulator of its own process, and drover coming and going.

use std::fs::File;
use std::io::{BufRead, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use drover::sim::{ScriptUpdate, Stats};
use serde_json::{Value, json};

use crate::sim_soap::{Connection, Reply, UTF8};
use crate::world;

/// What is left in the queue's folder when UCS itself is killed; drover must leave it alone.
const CUT_SHORT: &str = "2026-03-02-07-00-00-000000.converting.tmp";

/// The simulator's own default.
const MASTER: (&str, &str) = ("oxadminmaster", "secret");

/// What is started and killed.
fn binary() -> PathBuf {
    std::env::var_os("DROVER_KILLS_BINARY")
        .map_or_else(|| env!("CARGO_BIN_EXE_drover").into(), PathBuf::from)
}

/// A running drover, which does not outlive its season.
pub struct Drover(pub Child);

impl Drop for Drover {
    fn drop(&mut self) {
        // Usually it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Where a season plays. Kept for inspection if it ends with a panic.
pub struct Stage {
    folder: tempfile::TempDir,
    simulator: Child,
    address: SocketAddr,
    story: File,
    begun: Instant,
    /// For the report of a failure.
    title: String,
}

impl Stage {
    pub fn new(title: String) -> Self {
        let folder = tempfile::Builder::new().prefix("drover-kills-").tempdir().unwrap();
        let mut simulator = Command::new(binary())
            .args(["sim", "--listen", "127.0.0.1:0", "--univention"])
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut told = String::new();
        BufReader::new(simulator.stdout.take().unwrap()).read_line(&mut told).unwrap();
        let address = told.trim().strip_prefix("listening on http://").unwrap().parse().unwrap();
        let story = File::create(folder.path().join("story.log")).unwrap();
        let stage = Self { folder, simulator, address, story, begun: Instant::now(), title };
        std::fs::create_dir_all(stage.queue_dir()).unwrap();
        std::fs::write(stage.queue_dir().join(CUT_SHORT), "{\"id\": ").unwrap();
        stage.write_credentials();
        stage
    }

    fn write_credentials(&self) {
        use std::os::unix::fs::PermissionsExt;
        let path = self.credentials_path();
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let content = json!({"master": {"adminuser": MASTER.0, "adminpass": MASTER.1}});
        std::fs::write(&path, content.to_string()).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub fn queue_dir(&self) -> PathBuf {
        self.data().join("listener")
    }

    pub fn credentials_path(&self) -> PathBuf {
        self.data().join("secrets/contexts.json")
    }

    /// Names of everything in the queue's folder, sorted, without what UCS left half done.
    pub fn queue(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.queue_dir()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.filter(|name| name != CUT_SHORT).collect();
        names.sort();
        names
    }

    /// A line for whoever has to find out what was going on.
    pub fn tell(&mut self, line: &str) {
        writeln!(self.story, "{:9.3} {line}", self.begun.elapsed().as_secs_f64()).unwrap();
    }

    /// Starts drover; with `--once`, or as the service.
    pub fn start(&self, once: bool) -> Drover {
        let log = self.folder.path().join("drover.log");
        let log = File::options().append(true).create(true).open(log).unwrap();
        let mut command = world::drover_at(&binary(), &format!("http://{}", self.address));
        command.arg("run").arg("--data").arg(self.data());
        if once {
            command.arg("--once");
        }
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        Drover(command.spawn().unwrap())
    }

    /// Asks the simulator's control; each time on a new connection, for the simulator may have been
    /// told to close those that are idle.
    fn ask(&self, method: &str, path: &str, body: &[u8]) -> Reply {
        let mut control = Connection::open(self.address);
        control.send(method, &format!("/sim/{path}"), UTF8, body);
        let reply = control.receive().unwrap();
        assert_eq!(reply.status, 200, "{method} {path}: {}", reply.text());
        reply
    }

    pub fn state(&self) -> Value {
        serde_json::from_slice(&self.ask("GET", "state", b"").body).unwrap()
    }

    /// Waits for the simulator as `/sim/wait` does; the counters then.
    pub fn wait(&self, conditions: &str) -> Stats {
        let reply = self.ask("GET", &format!("wait?{conditions}"), b"");
        serde_json::from_slice(&reply.body).unwrap()
    }

    /// The counters now.
    pub fn stats(&self) -> Stats {
        self.wait("")
    }

    /// The calls since the log was last cleared, one record a line.
    pub fn log(&self) -> String {
        self.ask("GET", "log", b"").text()
    }

    pub fn clear_log(&self) {
        self.ask("DELETE", "log", b"");
    }

    /// From now on these faults, and no others.
    pub fn script(&self, update: &ScriptUpdate) {
        self.ask("DELETE", "script", b"");
        self.ask("POST", "script", &serde_json::to_vec(update).unwrap());
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // A second panic would hide the first.
            let folder = self.folder.path().to_owned();
            let calls = Connection::try_get(self.address, "/sim/log");
            let state = Connection::try_get(self.address, "/sim/state");
            let _ = std::fs::write(folder.join("sim.log"), calls.unwrap_or_default());
            let _ = std::fs::write(folder.join("sim.json"), state.unwrap_or_default());
            self.folder.disable_cleanup(true);
            eprintln!("kills: {} failed; see {}", self.title, folder.display());
            eprintln!("kills: what was going on (story.log):\n{}", last_lines(&folder, 12));
        }
        let _ = self.simulator.kill();
        let _ = self.simulator.wait();
    }
}

fn last_lines(folder: &Path, count: usize) -> String {
    let story = std::fs::read_to_string(folder.join("story.log")).unwrap_or_default();
    let lines: Vec<&str> = story.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

/// Puts a file into the queue as UCS does: written under another name, on disk, then renamed.
pub fn put(queue: &Path, name: &str, content: &[u8]) {
    let path = queue.join(name);
    let temporary = path.with_extension("converting.tmp");
    let mut file = File::create(&temporary).unwrap();
    file.write_all(content).unwrap();
    file.sync_all().unwrap();
    std::fs::rename(temporary, path).unwrap();
}
