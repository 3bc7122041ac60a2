//! The files of desired state, written as they come.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::ImportError;
use crate::model::{ContextId, ObjectKind};

/// The file of one context.
pub(super) struct Files {
    path: PathBuf,
    out: BufWriter<File>,
    section: Option<ObjectKind>,
}

impl Files {
    /// Begins the file of a context.
    pub(super) fn create(folder: &Path, context: ContextId) -> Result<Self, ImportError> {
        Self::begin(folder, &format!("{context}.yaml"))
    }

    /// Begins the file of the profiles.
    pub(super) fn create_profiles(folder: &Path) -> Result<Self, ImportError> {
        Self::begin(folder, "profiles.yaml")
    }

    fn begin(folder: &Path, name: &str) -> Result<Self, ImportError> {
        use std::os::unix::fs::OpenOptionsExt as _;
        let path = folder.join(name);
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| ImportError::File { path, source }
        };
        std::fs::create_dir_all(folder).map_err(failed(folder))?;
        // People's data are in it.
        let file = File::options().write(true).create_new(true).mode(0o600).open(&path);
        let out = BufWriter::new(file.map_err(failed(&path))?);
        Ok(Self { path, out, section: None })
    }

    /// Writes an entry; those of a kind come one after the other.
    pub(super) fn write(&mut self, kind: ObjectKind, entry: &Value) -> Result<(), ImportError> {
        let mut text = String::new();
        if self.section.replace(kind) != Some(kind) {
            text.push_str(section(kind));
            text.push_str(":\n");
        }
        // JSON is YAML as well, and leaves nothing to be guessed.
        text.push_str("  - ");
        text.push_str(&entry.to_string());
        text.push('\n');
        let written = self.out.write_all(text.as_bytes());
        written.map_err(|source| ImportError::File { path: self.path.clone(), source })
    }

    /// Ends it, durably.
    pub(super) fn close(mut self) -> Result<(), ImportError> {
        let ended = self.out.flush().and_then(|()| self.out.get_ref().sync_all());
        ended.map_err(|source| ImportError::File { path: self.path, source })
    }
}

fn section(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::Context => "contexts",
        ObjectKind::Profile => "profiles",
        ObjectKind::User => "users",
        ObjectKind::Group => "groups",
        ObjectKind::Resource => "resources",
        ObjectKind::Account => "accounts",
        ObjectKind::SharedAccount => "shared_accounts",
        ObjectKind::SharedAccountPermission => "shared_account_permissions",
    }
}
