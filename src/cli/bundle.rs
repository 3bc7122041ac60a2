//! `drover bundle`: an archive for whoever helps from afar.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use clap::Args;

use super::Exit;
use super::data::{DataArgs, complain};
use crate::bundle::{self, BundleError, Wanted};
use crate::settings::{Settings, Sources};

/// Flags of `drover bundle`.
#[derive(Debug, Clone, Args)]
pub struct BundleArgs {
    /// Which data directory.
    #[command(flatten)]
    pub data: DataArgs,
    /// The archive; it must not be there yet [default: drover-bundle-TIME.tar.gz here].
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// A log whose end is put in (the last 4 MiB); may be given several times.
    #[arg(long, value_name = "FILE")]
    pub log: Vec<PathBuf>,
    /// Leave names, mail addresses and the like in. Secrets are left out in any case.
    #[arg(long)]
    pub with_personal_data: bool,
}

/// Makes it.
///
/// # Errors
/// If something fails that has no exit code of its own.
pub fn run(args: &BundleArgs, env: BTreeMap<String, String>) -> anyhow::Result<Exit> {
    let DataArgs { data, config } = args.data.clone();
    let sources = Sources { file: config, env, data_dir: data };
    let (settings, notices, explained) = match Settings::load_explained(&sources) {
        Ok(loaded) => loaded,
        Err(error) => {
            complain(&format!("{:#}", anyhow::Error::new(error)));
            return Ok(Exit::Settings);
        }
    };
    let out = args.out.clone().unwrap_or_else(|| bundle::usual_name().into());
    let wanted = Wanted {
        settings: &settings,
        explained: &explained,
        notices: &notices,
        logs: &args.log,
        with_personal_data: args.with_personal_data,
    };
    match bundle::write(&wanted, &out) {
        Ok(names) => {
            bundle::tell(io::stdout(), &out, &names)?;
            Ok(Exit::Done)
        }
        Err(error) => {
            let exit = match error {
                BundleError::Log { .. } => Exit::Input,
                BundleError::Memory(_) => Exit::DataDir,
                BundleError::Write { .. } => Exit::Internal,
            };
            complain(&format!("{:#}", anyhow::Error::new(error)));
            Ok(exit)
        }
    }
}
