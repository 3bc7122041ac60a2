//! The database as a file: who may read it, copies of it.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::super::StoreError;
use super::failed;

/// Owner only: the database holds names and addresses.
const MODE: u32 = 0o600;

/// Makes sure the file exists and only its owner may read it, whatever the umask.
pub(super) fn make_private(path: &Path) -> Result<(), StoreError> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(MODE)
        .open(path)
        .map_err(file_error("create", path))?;
    fs::set_permissions(path, Permissions::from_mode(MODE))
        .map_err(file_error("restrict access to", path))
}

/// Lays a copy of the whole database beside it, named after its schema version, such as
/// `drover.db.v1`. The name appears only when the copy is complete and on disk.
pub(super) fn snapshot(db: &Connection, path: &Path, version: i64) -> Result<PathBuf, StoreError> {
    let target = beside(path, &format!(".v{version}"));
    let partial = beside(path, &format!(".v{version}.part"));
    if let Err(error) = fs::remove_file(&partial)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(file_error("remove", &partial)(error));
    }
    // SQLite copies into an existing empty file, so the copy is never readable by others.
    make_private(&partial)?;
    let name = partial.to_string_lossy();
    db.execute("VACUUM INTO ?1", [name.as_ref()]).map_err(failed("copy"))?;
    File::open(&partial).and_then(|f| f.sync_all()).map_err(file_error("copy", &partial))?;
    fs::rename(&partial, &target).map_err(file_error("copy", &target))?;
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|f| f.sync_all()).map_err(file_error("copy", &target))?;
    Ok(target)
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn file_error(act: &'static str, path: &Path) -> impl Fn(io::Error) -> StoreError {
    move |source| StoreError::File { act, path: path.display().to_string(), source }
}
