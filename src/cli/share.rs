//! `drover share`: how functional accounts become shared ones.

use std::io::{self, Write as _};

use clap::Args;

use super::Exit;
use super::data::{self, DataArgs, complain};
use crate::model::ContextId;
use crate::settings::Settings;
use crate::share::{Order, ShareError, plan};

/// Flags of `drover share`.
#[derive(Debug, Clone, Args)]
pub struct ShareArgs {
    /// Functional accounts, by name, address, id or DN [default: all].
    #[arg(value_name = "ACCOUNT")]
    pub accounts: Vec<String>,
    /// Which data directory.
    #[command(flatten)]
    pub data: DataArgs,
    /// Name or id of the shared account permission that their users get.
    #[arg(long, value_name = "PERMISSION")]
    pub permission: String,
    /// Context for accounts whose users are in several.
    #[arg(long, value_name = "N")]
    pub context: Option<u32>,
    /// DN below which the shared accounts are made [default: cn=shared_accounts beside the functional
    /// accounts].
    #[arg(long, value_name = "DN")]
    pub position: Option<String>,
    /// Print a shell script for a system with UDM, which may be run again after a break.
    #[arg(long, conflicts_with = "json")]
    pub script: bool,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Prints the plan. Changes nothing.
///
/// # Errors
/// If nothing can be printed.
pub fn run(args: &ShareArgs, settings: &Settings) -> anyhow::Result<Exit> {
    let memory = match data::memory(settings) {
        Ok(memory) => memory,
        Err(error) => return Ok(data::unusable(&error)),
    };
    let order = Order {
        accounts: args.accounts.clone(),
        permission: args.permission.clone(),
        context: args.context.map(ContextId),
        position: args.position.clone(),
    };
    let plan = match plan(&memory, &order) {
        Ok(plan) => plan,
        Err(ShareError::Store(error)) => return Ok(data::unusable(&error.into())),
        Err(error) => {
            complain(&error.to_string());
            return Ok(Exit::Usage);
        }
    };
    let mut out = io::stdout();
    if args.json {
        serde_json::to_writer_pretty(&mut out, &plan)?;
        writeln!(out)?;
    } else if args.script {
        write!(out, "{}", plan.script())?;
        for share in plan.accounts.iter().filter(|share| share.stuck.is_some()) {
            let why = share.stuck.as_deref().unwrap_or_default();
            complain(&format!("{} is not in the script: {why}", share.name));
        }
    } else {
        write!(out, "{}", plan.text())?;
    }
    Ok(if plan.is_stuck() { Exit::Faulty } else { Exit::Done })
}
