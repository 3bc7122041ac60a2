//! `drover openapi`: the description of what a running drover can be asked over HTTP.

use std::io::{self, Write as _};

use super::Exit;
use crate::admin::openapi::document;

/// Prints it.
///
/// # Errors
/// If it cannot be written.
pub fn run() -> anyhow::Result<Exit> {
    writeln!(io::stdout(), "{}", serde_json::to_string_pretty(&document())?)?;
    Ok(Exit::Done)
}
