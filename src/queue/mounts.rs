//! Whether a directory's file system tells about changes that others make.

use std::path::Path;

/// File systems on which another machine can write without this one's kernel seeing it, so that no
/// file events come.
const SILENT: [&str; 13] = [
    "9p",
    "afs",
    "ceph",
    "cifs",
    "glusterfs",
    "gpfs",
    "lustre",
    "ncpfs",
    "nfs",
    "nfs4",
    "smb3",
    "smbfs",
    "virtiofs",
];

/// The type of the file system that holds `path`, if it is one whose changes are not reported.
pub(super) fn silent(path: &Path) -> Option<String> {
    let path = std::fs::canonicalize(path).ok()?;
    // Without the list the kernel's word is taken, as on any ordinary file system.
    let mountinfo = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
    silent_file_system(&mountinfo, &path)
}

/// The same from the text of `/proc/self/mountinfo`; `path` is absolute and without links.
fn silent_file_system(mountinfo: &str, path: &Path) -> Option<String> {
    let mounted = mountinfo.lines().filter_map(|line| {
        // 36 35 98:0 /root /mount/point options optional... - type source options
        let (before, after) = line.split_once(" - ")?;
        let point = unescape(before.split(' ').nth(4)?);
        path.starts_with(&point).then(|| (point.len(), after.split(' ').next().unwrap_or_default()))
    });
    // Of two mounts on the same point the later one hides the other: `max_by_key` takes the last.
    let (_, kind) = mounted.max_by_key(|(length, _)| *length)?;
    let silent = SILENT.contains(&kind) || kind.starts_with("fuse.");
    silent.then(|| kind.to_owned())
}

/// Blanks and the like stand in mountinfo as three octal digits after a backslash.
fn unescape(text: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .iter()
        .fold(text.to_owned(), |text, (code, char)| text.replace(code, char))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
21 1 253:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 21 0:40 / /var/lib/queue rw - nfs4 server:/queue rw,vers=4.2
31 30 0:41 / /var/lib/queue/local rw shared:7 master:2 - tmpfs tmpfs rw
32 21 0:42 / /mnt/with\\040blank rw - fuse.sshfs host:/ rw
33 21 0:43 / /twice rw - nfs a:/ rw
34 33 0:44 / /twice rw - xfs /dev/vdb rw
";

    #[test]
    fn the_innermost_mount_decides() {
        let cases = [
            ("/etc", None),
            ("/var/lib/queue", Some("nfs4")),
            ("/var/lib/queue/listener", Some("nfs4")),
            ("/var/lib/queue-too", None),
            ("/var/lib/queue/local/x", None),
            ("/mnt/with blank/x", Some("fuse.sshfs")),
            ("/twice/x", None),
        ];
        for (path, expected) in cases {
            let found = silent_file_system(MOUNTS, Path::new(path));
            assert_eq!(found.as_deref(), expected, "{path}");
        }
        assert_eq!(silent_file_system("", Path::new("/x")), None);
    }
}
