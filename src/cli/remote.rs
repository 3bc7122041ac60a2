//! Flags of commands that ask a running drover, and what they have in common.

use std::collections::BTreeMap;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};
use url::Url;

use super::Exit;
use super::data::{DataArgs, complain};
use super::speech::SpeechArgs;
use crate::admin::client::{Client, ClientError};
use crate::hints;
use crate::model::Secret;
use crate::settings::Settings;

/// Which drover, and how its answer is told.
#[derive(Debug, Clone, Args)]
pub struct RemoteArgs {
    /// Which data directory; the drover that works there is asked by its socket.
    #[command(flatten)]
    pub data: DataArgs,
    /// Ask at this address instead, such as http://127.0.0.1:8478.
    #[arg(long, value_name = "URL", global = true)]
    pub url: Option<Url>,
    /// File with the token for that address.
    #[arg(long, value_name = "FILE", global = true, requires = "url")]
    pub token_file: Option<PathBuf>,
    /// Print JSON.
    #[arg(long, global = true)]
    pub json: bool,
    /// In which language.
    #[command(flatten)]
    pub speech: SpeechArgs,
}

/// Why, and by whom; both go into the ledger.
#[derive(Debug, Clone, Default, Args)]
pub struct Reason {
    /// Why, for the ledger.
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
    /// Who does it, for the ledger [default: the user of this machine, where USER tells].
    #[arg(long, value_name = "NAME")]
    pub by: Option<String>,
}

impl Reason {
    /// Puts both into a body.
    pub(super) fn put_into(&self, body: &mut Value, env: &BTreeMap<String, String>) {
        body["note"] = json!(self.note);
        body["by"] =
            json!(self.by.as_ref().or_else(|| env.get("SUDO_USER").or_else(|| env.get("USER"))));
    }
}

/// How a command ended that asked.
pub(super) type Asked = Result<Exit, Failed>;

/// Why it did not come to an answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failed {
    /// The other side.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The token cannot be read.
    #[error("cannot read the token in {path}; check its owner and mode")]
    Token {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// There is no socket by these settings.
    #[error(
        "admin.socket is \"none\", so drover can only be asked at admin.listen; give --url and --token-file"
    )]
    NoSocket,
    /// Writing the answer.
    #[error("cannot write the answer")]
    Output(#[from] io::Error),
}

impl Failed {
    fn exit(&self) -> Exit {
        match self {
            Self::Client(ClientError::Refused { status: 404, .. }) => Exit::Nothing,
            Self::Client(
                ClientError::Refused { status: 503, .. }
                | ClientError::NoService { .. }
                | ClientError::Unreachable { .. }
                | ClientError::Garbled { .. },
            ) => Exit::NoService,
            Self::Client(ClientError::Refused { status: 500.., .. }) | Self::Output(_) => {
                Exit::Internal
            }
            Self::Client(ClientError::Refused { .. }) => Exit::Refused,
            Self::Token { .. } | Self::NoSocket => Exit::Settings,
        }
    }
}

/// Tells why it failed, and what the command ends with.
pub(super) fn ended(asked: Asked) -> Exit {
    match asked {
        Ok(exit) => exit,
        Err(failed) => {
            let exit = failed.exit();
            complain(&format!("{:#}", anyhow::Error::new(failed)));
            exit
        }
    }
}

impl RemoteArgs {
    /// The way to the drover that is meant.
    pub(super) fn client(&self, settings: &Settings) -> Result<Client, Failed> {
        let Some(url) = &self.url else {
            return settings.socket().map(Client::Socket).ok_or(Failed::NoSocket);
        };
        let token = match &self.token_file {
            Some(path) => Some(
                std::fs::read_to_string(path)
                    .map(|text| Secret::new(text.trim()))
                    .map_err(|source| Failed::Token { path: path.clone(), source })?,
            ),
            None => None,
        };
        Ok(Client::Address { url: url.clone(), token })
    }

    /// Prints an answer: as JSON, or what `text` makes of it. What it tells of faults is told in the
    /// language that is wanted.
    pub(super) fn tell(
        &self,
        answer: &Value,
        text: impl FnOnce(&Value) -> String,
    ) -> io::Result<()> {
        let mut answer = answer.clone();
        hints::put_beside(&mut answer, self.speech.language());
        let answer = &answer;
        let mut out = io::stdout().lock();
        if self.json {
            serde_json::to_writer_pretty(&mut out, answer)?;
            writeln!(out)
        } else {
            out.write_all(text(answer).as_bytes())
        }
    }
}

/// Asks whether it is meant. Where nobody can be asked it is not, unless `yes` says so.
pub(super) fn is_meant(question: &str, yes: bool) -> io::Result<bool> {
    if yes {
        return Ok(true);
    }
    if !io::stdin().is_terminal() {
        complain("nothing was done; say --yes where nobody can be asked, or look with --dry-run");
        return Ok(false);
    }
    write!(io::stderr(), "{question} [y/N] ")?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// A table for people: columns as wide as what is in them, the last one as it comes.
pub(super) fn table(heads: &[&str], rows: &[Vec<String>]) -> String {
    let width = |at: usize| {
        let cells = rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count());
        cells.chain([heads[at].len()]).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..heads.len()).map(width).collect();
    let line = |cells: Vec<&str>| {
        let padded = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    let body = rows.iter().map(|row| line(row.iter().map(String::as_str).collect()));
    std::iter::once(line(heads.to_vec())).chain(body).collect()
}

/// A value of an answer as a cell.
pub(super) fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        // What OX said may hold anything; a cell is one line.
        Value::String(text) => text.replace(char::is_control, " "),
        Value::Array(values) => values.iter().map(cell).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

/// How long ago a moment was, for people.
pub(super) fn ago(ms: &Value, now_ms: i64) -> String {
    let Some(ms) = ms.as_i64() else { return "-".to_owned() };
    match (now_ms - ms).max(0) / 1000 {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds @ 7200..172_800 => format!("{} h", seconds / 3600),
        seconds => format!("{} d", seconds / 86400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_its_columns_under_their_heads() {
        let rows =
            [vec!["1".to_owned(), "first".to_owned()], vec!["1000".to_owned(), "x".to_owned()]];
        let text = table(&["id", "name"], &rows);
        assert_eq!(text, "id    name\n1     first\n1000  x\n");
    }

    #[test]
    fn ages_are_told_in_one_unit() {
        let of = |seconds: i64| ago(&json!(0), seconds * 1000);
        assert_eq!([of(119), of(120), of(7200), of(172_800)], ["119 s", "2 min", "2 h", "2 d"]);
        assert_eq!(ago(&Value::Null, 5), "-");
    }
}
