//! `drover completions` and `drover man`: made from the same definition as the command line itself.

use std::io::{self, Write as _};
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::{Cli, Exit};

/// Flags of `drover completions`.
#[derive(Debug, Clone, Args)]
pub struct CompletionsArgs {
    /// For which shell.
    pub shell: Shell,
}

/// Flags of `drover man`.
#[derive(Debug, Clone, Args)]
pub struct ManArgs {
    /// Where the pages go; it is made if it is not there.
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
}

/// Prints what the shell is to read, for instance into `/usr/share/bash-completion/completions/drover`.
///
/// # Errors
/// If standard output cannot be written to.
pub fn completions(args: &CompletionsArgs) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "drover", &mut script);
    io::stdout().write_all(&script)?;
    Ok(Exit::Done)
}

/// Writes a manual page for drover and for each of its commands.
///
/// # Errors
/// If they cannot be written.
pub fn man(args: &ManArgs) -> anyhow::Result<Exit> {
    let written = std::fs::create_dir_all(&args.dir)
        .and_then(|()| clap_mangen::generate_to(Cli::command(), &args.dir));
    written.with_context(|| format!("cannot write into {}", args.dir.display()))?;
    Ok(Exit::Done)
}
