//! `drover init`: guided set-up. It asks what drover has to know, looks whether each answer can be true,
//! writes a settings file in which everything is explained, and has it checked.
//!
//! What is set already counts as the answer that is offered: variables of the connector, an earlier file.
//! The master's password goes into the credentials file, never into the settings. Nothing that is there is
//! replaced without a word, and nothing is written before all answers are in.

mod answers;
mod dialogue;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use self::answers::{Answers, QUESTIONS};
use self::dialogue::{Dialogue, Ended};
use super::Exit;
use super::config::{CheckArgs, ConfigArgs, ConfigCommand, Which};
use super::data::complain;
use crate::check::{self, Finding, State};
use crate::credentials::CredentialsFile;
use crate::durable::{Durability, create_private_directory, replace, temporary_beside};
use crate::model::Secret;
use crate::settings::{Settings, Sources};

/// Files in which an OX on the same machine, or a connector, keeps the master's login; offered if they are
/// there.
const KNOWN_CREDENTIALS: &[&str] = &[
    "/var/lib/univention-appcenter/apps/ox-connector/data/secrets/contexts.json",
    "/etc/ox-secrets/ox-contexts.json",
];

/// Key of the master's entry in a credentials file.
const MASTER: &str = "master";

/// The administrator of the default context, as the connector names him.
const DEFAULT_ADMIN: &str = "oxadmin";

/// Flags of `drover init`. What is given is not asked for.
#[derive(Debug, Clone, Args)]
pub struct InitArgs {
    /// Data directory.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Settings file to be written [default: drover.toml in the data directory].
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// A setting, such as `ox.soap_server=https://ox.example.org`; may be given several times.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_and_value)]
    pub set: Vec<(String, String)>,
    /// File whose first line is the password of OX's master.
    #[arg(long, value_name = "FILE")]
    pub master_password_file: Option<PathBuf>,
    /// Ask nothing: what is not given stays as it is.
    #[arg(long)]
    pub no_questions: bool,
    /// Replace a settings file that is there; it is kept beside as NAME.before.
    #[arg(long)]
    pub replace: bool,
    /// Do not ask OX.
    #[arg(long)]
    pub offline: bool,
}

fn key_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("expected a key and its value, such as ox.default_context=10".to_owned()),
    }
}

/// Does it. Ends as `config check` does with what was written.
///
/// # Errors
/// If something fails that has no exit code of its own.
pub fn run(args: &InitArgs, env: &BTreeMap<String, String>) -> anyhow::Result<Exit> {
    match set_up(args, env) {
        Ok(exit) => Ok(exit),
        Err(Ended::Refused(why)) => {
            complain(&format!("{why}; nothing was written"));
            Ok(Exit::Refused)
        }
        Err(Ended::Unusable(why)) => {
            complain(&format!("{why}; nothing was written"));
            Ok(Exit::Settings)
        }
        Err(Ended::Failed(error)) => Err(error),
    }
}

fn set_up(args: &InitArgs, env: &BTreeMap<String, String>) -> Result<Exit, Ended> {
    let mut dialogue = Dialogue::new(!args.no_questions);
    let data = data_folder(args, env, &mut dialogue)?;
    let file = args.config.clone().unwrap_or_else(|| data.join("drover.toml"));
    let replaces = file.exists();
    if replaces && !args.replace {
        let question =
            format!("{} is there already; replace it (it is kept beside)?", file.display());
        if !dialogue.agree(&question, false)? {
            let why = format!("{} is there already; give --replace", file.display());
            return Err(Ended::Refused(why));
        }
    }
    create_private_directory(&data).map_err(failed(&data))?;
    let mut answers = Answers::new(&data, &file, env, &args.set).map_err(Ended::Unusable)?;
    for question in QUESTIONS {
        if question.key == "ox.ca_file" && !answers.is_https() {
            continue;
        }
        if !answers.is_given(question.key) {
            ask(&mut answers, question, &mut dialogue)?;
        }
        if question.key == "ox.ca_file" || (question.key == "ox.soap_server" && !answers.is_https())
        {
            probe(args, &mut answers, &mut dialogue)?;
        }
    }
    let settings = answers.settings().map_err(Ended::Unusable)?;
    let password = master_password(args, &settings, &mut dialogue)?;
    let context = context_password(&settings, &mut dialogue)?;
    let text = answers.file();
    if replaces {
        let mut kept = file.clone().into_os_string();
        kept.push(".before");
        std::fs::rename(&file, &kept).map_err(failed(&file))?;
        dialogue.say(&format!("kept {}", Path::new(&kept).display()))?;
    }
    let temporary = temporary_beside(&file);
    replace(&file, &temporary, text.as_bytes(), 0o600, Durability::Synced)
        .map_err(failed(&file))?;
    dialogue.say(&format!("wrote {}", file.display()))?;
    let number = settings.ox.default_context.to_string();
    let logins = [
        (MASTER, settings.ox.master_admin.as_str(), password),
        (number.as_str(), DEFAULT_ADMIN, context),
    ];
    keep_passwords(&settings, logins, &mut dialogue)?;
    let which = Which { data: Some(data), config: Some(file), json: false };
    let check = CheckArgs { which, offline: args.offline };
    dialogue.say("")?;
    let check = ConfigArgs { command: ConfigCommand::Check(check) };
    super::config::run(&check, env.clone()).map_err(Ended::Failed)
}

fn failed(path: &Path) -> impl Fn(std::io::Error) -> Ended {
    move |source| {
        let told = format!("cannot write {}", path.display());
        Ended::Failed(anyhow::Error::new(source).context(told))
    }
}

fn data_folder(
    args: &InitArgs,
    env: &BTreeMap<String, String>,
    dialogue: &mut Dialogue,
) -> Result<PathBuf, Ended> {
    if let Some(data) = &args.data {
        return Ok(data.clone());
    }
    // Where the settings say by themselves; what else is wrong with them is told when they are checked.
    let usual = Settings::load(&Sources { env: env.clone(), ..Sources::default() });
    let usual = usual.map(|(settings, _)| settings.queue.data_dir).unwrap_or_default();
    let question = "Data directory, with the queue and drover's memory";
    loop {
        let answer = dialogue.ask(question, &usual.display().to_string())?;
        if !answer.is_empty() {
            return Ok(answer.into());
        }
        dialogue.insist("a directory has to be named (--data)")?;
    }
}

fn ask(
    answers: &mut Answers<'_>,
    question: &answers::Question,
    dialogue: &mut Dialogue,
) -> Result<(), Ended> {
    dialogue.explain(&answers.meaning(question.key))?;
    loop {
        let answer = dialogue.ask(question.text, &answers.value(question.key))?;
        match answers.give(question.key, &answer) {
            Ok(()) => return Ok(()),
            Err(problem) => dialogue.insist(&problem)?,
        }
    }
}

/// Looks whether OX is there, and lets people think again about the address if it is not.
fn probe(args: &InitArgs, answers: &mut Answers<'_>, dialogue: &mut Dialogue) -> Result<(), Ended> {
    if args.offline {
        return Ok(());
    }
    loop {
        let settings = answers.settings().map_err(Ended::Unusable)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Ended::Failed(error.into()))?;
        let findings = runtime.block_on(check::reach(&settings));
        for finding in &findings {
            dialogue.say(&told(finding))?;
        }
        let there = findings.iter().all(|finding| finding.state != State::Failed);
        if there || !dialogue.agree("Try another address or certificate file?", false)? {
            return Ok(());
        }
        for question in
            QUESTIONS.iter().filter(|one| matches!(one.key, "ox.soap_server" | "ox.ca_file"))
        {
            if question.key == "ox.soap_server" || answers.is_https() {
                ask(answers, question, dialogue)?;
            }
        }
    }
}

fn told(finding: &Finding) -> String {
    let Finding { check, state, told, cure, .. } = finding;
    let cure = cure.as_ref().map(|cure| format!("\n  cure: {cure}")).unwrap_or_default();
    format!("  {}: {check}: {told}{cure}", state.word())
}

/// The master's password, if there is one to be kept.
fn master_password(
    args: &InitArgs,
    settings: &Settings,
    dialogue: &mut Dialogue,
) -> Result<Option<Secret>, Ended> {
    if let Some(path) = &args.master_password_file {
        let text = std::fs::read_to_string(path).map_err(|error| {
            Ended::Unusable(format!("cannot read the password in {}: {error}", path.display()))
        })?;
        let line = text.lines().next().unwrap_or_default();
        if line.is_empty() {
            return Err(Ended::Unusable(format!("the first line of {} is empty", path.display())));
        }
        return Ok(Some(Secret::new(line)));
    }
    if settings.ox.master_password.is_some() || has_master(&settings.credentials_file()) {
        dialogue.say("The master's password is there already, and stays.")?;
        return Ok(None);
    }
    for path in KNOWN_CREDENTIALS.iter().map(Path::new).filter(|path| has_master(path)) {
        if dialogue.agree(&format!("Take the master's login from {}?", path.display()), true)? {
            return Ok(password_in(path, MASTER));
        }
    }
    let question = format!("Password of {}, empty to add it later", settings.ox.master_admin);
    let answer = dialogue.ask_secret(&question)?;
    Ok((!answer.is_empty()).then(|| Secret::new(answer)))
}

/// That of the default context's administrator: the context is there before drover, so drover did not make
/// the password.
fn context_password(settings: &Settings, dialogue: &mut Dialogue) -> Result<Option<Secret>, Ended> {
    let context = settings.ox.default_context;
    if password_in(&settings.credentials_file(), &context.to_string()).is_some() {
        return Ok(None);
    }
    let question =
        format!("Password of {DEFAULT_ADMIN} in context {context}, empty to add it later");
    let answer = dialogue.ask_secret(&question)?;
    Ok((!answer.is_empty()).then(|| Secret::new(answer)))
}

fn has_master(path: &Path) -> bool {
    password_in(path, MASTER).is_some()
}

fn password_in(path: &Path, entry: &str) -> Option<Secret> {
    let content: serde_json::Value = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
    content[entry]["adminpass"].as_str().map(Secret::new)
}

/// Adds entries to the credentials file: key, login and password.
fn keep_passwords(
    settings: &Settings,
    logins: [(&str, &str, Option<Secret>); 2],
    dialogue: &mut Dialogue,
) -> Result<(), Ended> {
    let path = settings.credentials_file();
    let entry = |(key, login, password): (&str, &str, Option<Secret>)| {
        let password = password?;
        Some((key.to_owned(), json!({"adminuser": login, "adminpass": password.reveal()})))
    };
    let entries: serde_json::Map<_, _> = logins.into_iter().filter_map(entry).collect();
    if entries.is_empty() {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        create_private_directory(folder).map_err(failed(folder))?;
    }
    let added = CredentialsFile::new(path.clone()).add_missing(&entries, false);
    let added = added.map_err(|problem| Ended::Failed(anyhow::anyhow!(problem)))?;
    let what = if added.is_empty() { "nothing new".to_owned() } else { added.join(", ") };
    dialogue.say(&format!("added to {}: {what}", path.display()))
}
