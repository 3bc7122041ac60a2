//! Replaces a file so that a crash leaves either the old or the new content, never a piece of one.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Whether a replacement has to survive a power cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// On the disk before the call returns.
    Synced,
    /// Whenever the system gets to it; a reader still never sees half a file.
    Lazy,
}

/// Writes `bytes` to `temporary` (same directory) with `mode`, then renames it to `path`.
///
/// A file that is in the way at `temporary` is taken for the rest of an earlier crash and removed,
/// so that neither its mode nor a link to elsewhere is inherited. After an error `path` is as before.
pub(crate) fn replace(
    path: &Path,
    temporary: &Path,
    bytes: &[u8],
    mode: u32,
    durability: Durability,
) -> io::Result<()> {
    let written = write_new(temporary, bytes, mode, durability)
        .and_then(|()| fs::rename(temporary, path))
        .inspect_err(|_| {
            // The first error is the one to tell; what is left over is cleaned up next time.
            let _ = fs::remove_file(temporary);
        });
    written?;
    match (durability, path.parent()) {
        (Durability::Synced, Some(parent)) => sync_directory(parent),
        _ => Ok(()),
    }
}

fn write_new(path: &Path, bytes: &[u8], mode: u32, durability: Durability) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(problem) if problem.kind() != io::ErrorKind::NotFound => return Err(problem),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    // The process's umask may have taken bits that the file had before.
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    file.write_all(bytes)?;
    match durability {
        Durability::Synced => file.sync_all(),
        Durability::Lazy => Ok(()),
    }
}

/// Makes renames and new files in a directory survive a power cut.
fn sync_directory(directory: &Path) -> io::Result<()> {
    let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    File::open(directory)?.sync_all()
}

/// Creates a directory and its parents, for the owner only, unless they are there.
pub(crate) fn create_private_directory(directory: &Path) -> io::Result<()> {
    if directory.as_os_str().is_empty() || directory.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    directory.parent().map_or(Ok(()), sync_directory)
}

/// The path with `.tmp` behind it, for [`replace`].
pub(crate) fn temporary_beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".tmp");
    PathBuf::from(name)
}

/// The file behind a symbolic link, so that the link is kept when the file is replaced.
pub(crate) fn behind_links(path: &Path) -> io::Result<PathBuf> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_symlink() => fs::canonicalize(path),
        _ => Ok(path.to_owned()),
    }
}

/// What tells one state of a file from another without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    seconds: i64,
    nanoseconds: i64,
    length: u64,
    device: u64,
    inode: u64,
}

impl Stamp {
    /// From what the file system says of a file.
    pub(crate) fn of(found: &fs::Metadata) -> Self {
        Self {
            seconds: found.mtime(),
            nanoseconds: found.mtime_nsec(),
            length: found.len(),
            device: found.dev(),
            inode: found.ino(),
        }
    }
}

/// Time within which two writes may bear the same time stamp: file systems stamp with the kernel's
/// tick, which is 10 ms at worst.
const TICK: Duration = Duration::from_millis(20);

/// Whether a later write in place would show in the stamp: not if the file was written just now.
pub(crate) fn is_settled(found: &fs::Metadata) -> bool {
    found
        .modified()
        .ok()
        .and_then(|modified| SystemTime::now().duration_since(modified).ok())
        .is_some_and(|age| age > TICK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_replacement_leaves_the_old_file_and_no_rest() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("target");
        fs::create_dir(&path).unwrap();
        let temporary = temporary_beside(&path);
        let result = replace(&path, &temporary, b"new", 0o600, Durability::Synced);
        assert!(result.is_err(), "a directory cannot be replaced by a file");
        assert!(path.is_dir());
        assert!(!temporary.exists());
    }

    #[test]
    fn the_rest_of_a_crash_lends_nothing_to_the_new_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("target");
        let elsewhere = dir.path().join("elsewhere");
        fs::write(&elsewhere, "untouched").unwrap();
        std::os::unix::fs::symlink(&elsewhere, temporary_beside(&path)).unwrap();
        replace(&path, &temporary_beside(&path), b"new", 0o600, Durability::Lazy).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
        assert_eq!(fs::read(&elsewhere).unwrap(), b"untouched");
    }

    #[test]
    fn a_reader_sees_the_old_or_the_new_but_never_a_piece() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("target");
        let contents = [vec![b'a'; 300_000], vec![b'b'; 100]];
        let put = |content: &[u8]| {
            replace(&path, &temporary_beside(&path), content, 0o600, Durability::Lazy).unwrap();
        };
        put(&contents[0]);
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                for round in 0..400 {
                    put(&contents[round % 2]);
                }
            });
            while !writer.is_finished() {
                assert!(contents.contains(&fs::read(&path).unwrap()));
            }
        });
    }
}
