//! The data folder and the files in it.

use std::os::unix::fs::MetadataExt;

use super::Finding;
use crate::cli::Exit;
use crate::mapping_file::MappingFile;
use crate::profiles::ProfilesFile;
use crate::service;
use crate::settings::Settings;

/// Any of these lets others read a file.
const OTHERS: u32 = 0o077;

pub(super) fn check(settings: &Settings) -> Vec<Finding> {
    vec![folder(settings), credentials(settings), mapping(settings), profiles(settings)]
}

fn folder(settings: &Settings) -> Finding {
    const CHECK: &str = "data folder";
    const CURE: &str =
        "create it for drover's user, or name another: queue.data_dir [DATA_DIR], --data";
    let dir = &settings.queue.data_dir;
    let shown = dir.display();
    match std::fs::metadata(dir) {
        Ok(found) if !found.is_dir() => {
            Finding::failed(CHECK, Exit::DataDir, format!("{shown} is no directory"), CURE)
        }
        Ok(found) if found.mode() & 0o222 == 0 => {
            Finding::failed(CHECK, Exit::DataDir, format!("{shown} is not writable"), CURE)
        }
        Ok(_) => Finding::ok(CHECK, shown.to_string()),
        Err(error) => Finding::failed(CHECK, Exit::DataDir, format!("{shown}: {error}"), CURE),
    }
}

fn credentials(settings: &Settings) -> Finding {
    const CHECK: &str = "credentials file";
    let path = settings.credentials_file();
    let shown = path.display();
    let accounts = match service::credentials(settings).accounts() {
        Ok(accounts) => accounts,
        Err(reason) => {
            let cure = "see ox.credentials_file [OX_CREDENTIALS_FILE] for where it is looked for";
            return Finding::failed(CHECK, Exit::Settings, reason, cure);
        }
    };
    if let Some(reason) = accounts.iter().find_map(|(_, entry)| entry.as_ref().err()) {
        let cure = "an entry has the form {\"adminuser\": \"…\", \"adminpass\": \"…\"}";
        return Finding::failed(CHECK, Exit::Settings, reason, cure);
    }
    match std::fs::metadata(&path) {
        Ok(found) if found.mode() & OTHERS != 0 => Finding::warning(
            CHECK,
            format!("{shown} can be read by others than its owner"),
            format!("chmod 600 {shown}"),
        ),
        Ok(_) => Finding::ok(CHECK, format!("{shown}, entries: {}", accounts.len())),
        Err(_) => Finding::warning(
            CHECK,
            format!("{shown} is not there; drover makes it with the first context"),
            "set ox.credentials_file [OX_CREDENTIALS_FILE] if it is elsewhere",
        ),
    }
}

fn mapping(settings: &Settings) -> Finding {
    const CHECK: &str = "attribute mapping";
    let path = settings.attribute_mapping();
    match MappingFile::open(path.clone()) {
        Ok(_) if path.exists() => Finding::ok(CHECK, path.display().to_string()),
        Ok(_) => Finding::ok(CHECK, "the built-in one"),
        Err(error) => {
            let told = format!("{:#}", anyhow::Error::new(error));
            let cure = "correct it, or move it away to get the built-in one";
            Finding::failed(CHECK, Exit::Settings, told, cure)
        }
    }
}

fn profiles(settings: &Settings) -> Finding {
    const CHECK: &str = "access profiles";
    match ProfilesFile::new(settings.profiles_file()).load() {
        Ok(profiles) => Finding::ok(CHECK, format!("in the file: {}", profiles.len())),
        Err(error) => {
            let told = format!("{:#}", anyhow::Error::new(error));
            Finding::failed(CHECK, Exit::Settings, told, "correct the file by hand")
        }
    }
}
