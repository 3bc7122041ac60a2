//! Questions and answers, on a terminal or from a script.

use std::io::{self, BufRead, IsTerminal, Write};
use std::process::{Command, Stdio};

/// Why it does not go on.
#[derive(Debug)]
pub(super) enum Ended {
    /// Somebody, or nobody, said no.
    Refused(String),
    /// What was given cannot be used.
    Unusable(String),
    /// Something else.
    Failed(anyhow::Error),
}

impl From<io::Error> for Ended {
    fn from(error: io::Error) -> Self {
        Self::Failed(error.into())
    }
}

/// One who asks.
pub(super) struct Dialogue {
    asks: bool,
    out: io::Stdout,
}

impl Dialogue {
    /// `asks`: otherwise every question is answered with what is offered.
    pub(super) fn new(asks: bool) -> Self {
        Self { asks, out: io::stdout() }
    }

    /// Tells something.
    pub(super) fn say(&self, line: &str) -> Result<(), Ended> {
        let mut out = self.out.lock();
        writeln!(out, "{line}")?;
        Ok(out.flush()?)
    }

    /// Tells what a question is about.
    pub(super) fn explain(&self, text: &str) -> Result<(), Ended> {
        if self.asks && !text.is_empty() { self.say(&format!("\n{text}")) } else { Ok(()) }
    }

    /// The answer; an empty one is what is offered.
    pub(super) fn ask(&self, question: &str, offered: &str) -> Result<String, Ended> {
        if !self.asks {
            return Ok(offered.to_owned());
        }
        let shown = if offered.is_empty() { String::new() } else { format!(" [{offered}]") };
        self.prompt(&format!("{question}{shown}: "))?;
        let answer = line(question)?;
        Ok(if answer.is_empty() { offered.to_owned() } else { answer })
    }

    /// Yes or no; `offered` is what an empty answer means, and what counts where nobody is asked.
    pub(super) fn agree(&self, question: &str, offered: bool) -> Result<bool, Ended> {
        let shown = if offered { "yes" } else { "no" };
        loop {
            match self.ask(question, shown)?.to_lowercase().as_str() {
                "y" | "yes" | "j" | "ja" => return Ok(true),
                "n" | "no" | "nein" => return Ok(false),
                _ => self.insist("answer yes or no")?,
            }
        }
    }

    /// An answer that is not shown while it is typed; empty where nobody is asked.
    pub(super) fn ask_secret(&self, question: &str) -> Result<String, Ended> {
        if !self.asks {
            return Ok(String::new());
        }
        self.prompt(&format!("{question}: "))?;
        let hidden = io::stdin().is_terminal() && echo(false);
        let answer = line(question);
        if hidden {
            echo(true);
            self.say("")?;
        }
        answer
    }

    /// Tells why an answer cannot be taken, before the question comes again; where nobody is asked, that
    /// is the end.
    pub(super) fn insist(&self, problem: &str) -> Result<(), Ended> {
        if self.asks {
            self.say(&format!("  {problem}"))
        } else {
            Err(Ended::Unusable(problem.to_owned()))
        }
    }

    fn prompt(&self, text: &str) -> Result<(), Ended> {
        let mut out = self.out.lock();
        write!(out, "{text}")?;
        Ok(out.flush()?)
    }
}

/// The next line of standard input.
fn line(question: &str) -> Result<String, Ended> {
    let mut answer = String::new();
    if io::stdin().lock().read_line(&mut answer)? == 0 {
        return Err(Ended::Refused(format!("nobody answers {question:?}")));
    }
    Ok(answer.trim().to_owned())
}

/// Switches the terminal's echo; false if that does not work.
fn echo(on: bool) -> bool {
    let word = if on { "echo" } else { "-echo" };
    let set = Command::new("stty").arg(word).stdin(Stdio::inherit()).status();
    set.is_ok_and(|status| status.success())
}
