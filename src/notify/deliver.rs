//! The two ways in which news are delivered.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::model::Secret;

/// How long a webhook or a program may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often is looked whether a program has ended.
const LOOK: Duration = Duration::from_millis(50);

/// Why news were not delivered; the address is not named, for it may hold a token.
#[derive(Debug, thiserror::Error)]
pub(super) enum Undelivered {
    /// The webhook.
    #[error("the webhook (notify.webhook) cannot be reached: {0}")]
    Webhook(String),
    /// The webhook's answer.
    #[error("the webhook (notify.webhook) has answered with HTTP status {0}")]
    Status(u16),
    /// The program.
    #[error("the program {program} (notify.command) {why}")]
    Program {
        /// Its name.
        program: String,
        /// What is wrong with it.
        why: String,
    },
}

/// Posts a message.
pub(super) async fn post(url: &Secret, message: String) -> Result<(), Undelivered> {
    let told = |error: reqwest::Error| Undelivered::Webhook(error.without_url().to_string());
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(PATIENCE)
        .build()
        .map_err(told)?;
    let request = client
        .post(url.reveal())
        .header(reqwest::header::CONTENT_TYPE, "application/json")
        .body(message);
    let answer = request.send().await.map_err(told)?;
    if answer.status().is_success() {
        Ok(())
    } else {
        Err(Undelivered::Status(answer.status().as_u16()))
    }
}

/// Gives a message to a program; blocks until it has ended.
pub(super) fn run(command: &[String], message: &str) -> Result<(), Undelivered> {
    let Some((program, arguments)) = command.split_first() else { return Ok(()) };
    let failed = |why: String| Undelivered::Program { program: program.clone(), why };
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| failed(format!("cannot be started: {error}")))?;
    if let Some(mut stdin) = child.stdin.take() {
        // One that does not read it is judged by its end all the same.
        let _ = stdin.write_all(message.as_bytes());
    }
    let begun = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => return Err(failed(format!("has ended with {status}"))),
            Ok(None) if begun.elapsed() < PATIENCE => std::thread::sleep(LOOK),
            Ok(None) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(failed(format!("did not end within {} s", PATIENCE.as_secs())));
            }
            Err(error) => return Err(failed(format!("cannot be waited for: {error}"))),
        }
    }
}
