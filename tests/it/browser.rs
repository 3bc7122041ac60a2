//! Chromium, driven over WebDriver: just enough of it to do what somebody does with a page.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use serde_json::{Value, json};

use crate::world::PATIENCE;

/// Name under which WebDriver hands out elements.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// How often something is looked for again that is not there yet.
const AGAIN: Duration = Duration::from_millis(20);

/// A browser with one window; ended when it is dropped.
pub struct Browser {
    driver: Child,
    session: String,
    runtime: tokio::runtime::Runtime,
    http: reqwest::Client,
    /// Its memory, which is empty at first.
    profile: tempfile::TempDir,
}

/// Something on the page.
#[derive(Debug, Clone)]
pub struct Element(String);

impl Browser {
    /// One for which nothing is there but this machine. `scripts`: whether pages may run any.
    pub fn start(scripts: bool) -> Self {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver; tests/run installs chromium and chromium-driver");
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = loop {
            let line = lines.next().expect("chromedriver to say its port").unwrap();
            if let Some((_, port)) = line.split_once("started successfully on port ") {
                break port.trim_end_matches('.').to_owned();
            }
        };
        // What it says later is of no interest, but it must not wait for a reader.
        std::thread::spawn(move || lines.for_each(drop));
        let profile = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut browser = Self {
            driver,
            session: format!("http://127.0.0.1:{port}/session"),
            runtime,
            http,
            profile,
        };
        let arguments = [
            "--headless=new".to_owned(),
            // The tests may run as root, in a container.
            "--no-sandbox".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--disable-gpu".to_owned(),
            "--hide-scrollbars".to_owned(),
            "--no-first-run".to_owned(),
            "--disable-background-networking".to_owned(),
            "--disable-component-update".to_owned(),
            "--disable-sync".to_owned(),
            "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1".to_owned(),
            "--window-size=1280,900".to_owned(),
            format!("--user-data-dir={}", browser.profile.path().display()),
        ];
        let mut options = json!({"args": arguments});
        if !scripts {
            options["prefs"] = json!({"profile.managed_default_content_settings.javascript": 2});
        }
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": options,
        }}});
        let session = browser.ask("POST", "", Some(wanted)).unwrap();
        let id = session["sessionId"].as_str().unwrap();
        browser.session = format!("{}/{id}", browser.session);
        browser
    }

    fn ask(&self, method: &str, path: &str, body: Option<Value>) -> Result<Value, String> {
        let request = self.http.request(method.parse().unwrap(), format!("{}{path}", self.session));
        let request = match body {
            Some(body) => request.header("content-type", "application/json").body(body.to_string()),
            None => request,
        };
        let answer = self.runtime.block_on(async { request.send().await?.text().await });
        let mut answer: Value = serde_json::from_str(&answer.unwrap()).unwrap();
        match answer["value"]["error"].as_str() {
            Some(error) => Err(format!("{path}: {error}: {}", answer["value"]["message"])),
            None => Ok(answer["value"].take()),
        }
    }

    fn post(&self, path: &str, body: Value) -> Result<Value, String> {
        self.ask("POST", path, Some(body))
    }

    /// Goes to an address, and comes back when all of it is there.
    pub fn go(&self, url: &str) {
        self.post("/url", json!({"url": url})).unwrap();
    }

    pub fn url(&self) -> String {
        self.ask("GET", "/url", None).unwrap().as_str().unwrap().to_owned()
    }

    fn all_by(&self, using: &str, value: &str) -> Vec<Element> {
        let found = self.post("/elements", json!({"using": using, "value": value})).unwrap();
        let found = found.as_array().unwrap().iter();
        found.map(|one| Element(one[ELEMENT].as_str().unwrap().to_owned())).collect()
    }

    /// All that fit a CSS selector.
    pub fn all(&self, selector: &str) -> Vec<Element> {
        self.all_by("css selector", selector)
    }

    #[track_caller]
    fn one_by(&self, using: &str, value: &str) -> Element {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = self.all_by(using, value).into_iter().next() {
                return found;
            }
            assert!(Instant::now() < deadline, "no {value} at {}:\n{}", self.url(), self.body());
            std::thread::sleep(AGAIN);
        }
    }

    /// The first that fits a CSS selector; waits until there is one.
    #[track_caller]
    pub fn one(&self, selector: &str) -> Element {
        self.one_by("css selector", selector)
    }

    /// The text of an element, as one sees it.
    pub fn text(&self, element: &Element) -> String {
        let text = self.ask("GET", &format!("/element/{}/text", element.0), None).unwrap();
        text.as_str().unwrap().to_owned()
    }

    /// The text of everything on the page.
    pub fn body(&self) -> String {
        self.text(&self.all("body")[0])
    }

    /// Texts of all that fit.
    pub fn texts(&self, selector: &str) -> Vec<String> {
        self.all(selector).iter().map(|element| self.text(element)).collect()
    }

    /// Texts of all that fit within an element.
    pub fn texts_in(&self, element: &Element, selector: &str) -> Vec<String> {
        let wanted = json!({"using": "css selector", "value": selector});
        let found = self.post(&format!("/element/{}/elements", element.0), wanted).unwrap();
        let found = found.as_array().unwrap().iter();
        found.map(|one| self.text(&Element(one[ELEMENT].as_str().unwrap().to_owned()))).collect()
    }

    /// Clicks on the link at the head of the row of a table in which these words are.
    #[track_caller]
    pub fn press_row(&self, words: &str) {
        let path = format!("//main//tr[contains(., \"{words}\")]/th//a");
        self.click_on(&self.one_by("xpath", &path));
    }

    fn click_on(&self, element: &Element) {
        self.post(&format!("/element/{}/click", element.0), json!({})).unwrap();
    }

    /// Clicks on the first that fits a CSS selector.
    #[track_caller]
    pub fn click(&self, selector: &str) {
        self.click_on(&self.one(selector));
    }

    /// Clicks on the first link or button with these words.
    #[track_caller]
    pub fn press(&self, words: &str) {
        let path = format!("(//main//a|//main//button)[contains(normalize-space(.), \"{words}\")]");
        self.click_on(&self.one_by("xpath", &path));
    }

    /// Types into the first field that fits a CSS selector.
    #[track_caller]
    pub fn write(&self, selector: &str, text: &str) {
        let field = self.one(selector);
        self.post(&format!("/element/{}/value", field.0), json!({"text": text})).unwrap();
    }

    /// Presses a key with nothing particular in mind.
    pub fn key(&self, key: &str) {
        let down = json!({"type": "keyDown", "value": key});
        let up = json!({"type": "keyUp", "value": key});
        let keys = json!({"actions": [{"type": "key", "id": "keys", "actions": [down, up]}]});
        self.post("/actions", keys).unwrap();
    }

    /// What a script returns.
    pub fn run(&self, script: &str) -> Value {
        self.post("/execute/sync", json!({"script": script, "args": []})).unwrap()
    }

    fn tell(&self, command: &str, parameters: Value) -> Value {
        self.post("/goog/cdp/execute", json!({"cmd": command, "params": parameters})).unwrap()
    }

    /// Whether dark pages are wanted.
    pub fn dark(&self, dark: bool) {
        let value = if dark { "dark" } else { "light" };
        let features = json!([{"name": "prefers-color-scheme", "value": value}]);
        self.tell("Emulation.setEmulatedMedia", json!({"features": features}));
    }

    /// The size of the window, in CSS pixels.
    pub fn size(&self, width: u32, height: u32, phone: bool) {
        let scale = if phone { 2 } else { 1 };
        let size =
            json!({"width": width, "height": height, "deviceScaleFactor": scale, "mobile": phone});
        self.tell("Emulation.setDeviceMetricsOverride", size);
    }

    /// Which languages are asked for.
    pub fn languages(&self, languages: &str) {
        let agent = self.run("return navigator.userAgent");
        let wanted = json!({"userAgent": agent, "acceptLanguage": languages});
        self.tell("Emulation.setUserAgentOverride", wanted);
    }

    /// A picture of the whole page, down to its end.
    pub fn picture(&self, path: &Path, width: u32, phone: bool) {
        self.size(width, 844, phone);
        let height = self.run("return document.documentElement.scrollHeight").as_u64().unwrap();
        self.size(width, u32::try_from(height.clamp(700, 2_600)).unwrap(), phone);
        let picture = self.ask("GET", "/screenshot", None).unwrap();
        let engine = base64::engine::general_purpose::STANDARD;
        std::fs::write(path, engine.decode(picture.as_str().unwrap()).unwrap()).unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.ask("DELETE", "", None);
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
